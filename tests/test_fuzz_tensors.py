"""A share of the fuzz of whole tensors; and faults in the rules, which it sees."""

import numpy as np
import pytest
from fuzz_bounds import misses as outside_of_bounds
from fuzz_tensors import CONTEXTS, OPERATIONS, misses
from tensor_programs import a_tensor_program

from scalarspec.backends.interval64 import linear, norms, shares


def test_no_value_lies_outside():
    wrong, cases = misses(12, seed=7)
    assert not wrong
    assert cases > 2000


def test_no_value_of_a_program_lies_outside_of_its_bounds():
    rng = np.random.default_rng(0)
    found = [outside_of_bounds(*a_tensor_program(seed), 12, rng) for seed in range(8)]
    assert sum(wrong for wrong, _ in found) == 0
    assert sum(points for _, points in found) >= 80


FAULTS = {
    "softmax": (shares, "sums_of_others", lambda proper: lambda t, above: proper(t, not above)),
    "log_softmax": (
        shares,
        "sums_of_others",
        lambda proper: lambda t, above: proper(t, above) * (0.9 if above else 1.1),
    ),
    "rms_norm": (norms, "mignitude", lambda proper: lambda e: np.maximum(e[0], e[1])),
    "cumulative_sum": (linear, "_up", lambda proper: lambda total, *_: total),
    "products": (linear, "around", lambda proper: lambda c, r, out: proper(c, r * 0, out)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_rule_is_seen(name, monkeypatch, capsys):
    module, function, mistaken = FAULTS[name]
    monkeypatch.setattr(module, function, mistaken(getattr(module, function)))
    wrong, _ = misses(60, 3, {name: OPERATIONS[name]}, {"interval64": CONTEXTS["interval64"]})
    assert wrong
