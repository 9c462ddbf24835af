"""A share of the fuzz of replays; and faults in them, which it sees."""

import numpy as np
import pytest
from fuzz_replays import differences

from scalarspec.numbers import recorded, replays

ONE = np.empty(1 << 20, np.uint8)
FAULTS = {
    "no branch is guarded": (recorded.Recorded, "__bool__", lambda self: bool(self.array)),
    "all arrays share their memory": (replays, "_block", lambda size: ONE[:size]),
}


def test_prepared_calls_give_the_same_bits():
    wrong, replayed, looked_at = differences(16, seed=20)
    assert wrong == []
    assert replayed > looked_at / 3


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_seen(name, monkeypatch):
    module, function, mistaken = FAULTS[name]
    monkeypatch.setattr(module, function, mistaken)
    assert differences(24, seed=20)[0] != []
