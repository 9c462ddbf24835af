"""Pictures of bounds."""

import numpy as np
import pytest
from specs import a_batch

import scalarspec as ss


def test_a_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    spec, args, given = a_batch()
    found = ss.bounds(spec, *args, **given)
    found.plot(tmp_path / "rows.png")
    assert (tmp_path / "rows.png").read_bytes()[:4] == b"\x89PNG"
    steps = ss.bounds(lambda x: ss.stack([ss.sum(x), ss.sum(ss.square(x))]), np.ones(3), vary={"x": ss.box(-1, 2)})
    steps.plot(tmp_path / "two.svg")
    assert "<svg" in (tmp_path / "two.svg").read_text()
    with pytest.raises(ss.errors.ArgumentError, match="plot: cannot write"):
        found.plot(tmp_path / "none" / "x.png")
