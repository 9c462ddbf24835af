"""A quick share of the fuzz of bounds, and the proof that it sees faults in linear bounds."""

from functools import partial

import fuzz_bounds
import numpy as np
import pytest

from scalarspec.bounding import relaxations, state

KINDS = [fuzz_bounds.a_network, fuzz_bounds.a_vae, fuzz_bounds.a_program]


@pytest.mark.parametrize("seed", range(12))
def test_no_bound_misses(seed):
    spec, args, vary = KINDS[seed % 3](seed)
    wrong, points = fuzz_bounds.misses(spec, args, vary, 60, np.random.default_rng(seed))
    assert wrong == 0
    assert points > 30


@pytest.mark.parametrize("fault", ["chord", "reach", "range"])
def test_the_fuzz_sees_a_fault_in_linear_bounds(fault, monkeypatch):
    """Chords a hundredth too low; affine forms that reach less far; ranges a hundredth too narrow."""
    if fault == "chord":
        proper = {shape: relaxations.SHAPES[shape] for shape in ("convex", "rectifier")}

        def tightened(shape, r):
            found = proper[shape](r)
            return relaxations.LinearBounds1D(
                found.low_slope, found.low, found.high_slope, found.high - 0.01 * (r.high - r.low) ** 2
            )

        for shape in proper:
            monkeypatch.setitem(relaxations.SHAPES, shape, partial(tightened, shape))
    elif fault == "reach":
        proper = state.BoxState.dual_norm
        monkeypatch.setattr(state.BoxState, "dual_norm", lambda self, slopes: 0.99 * proper(self, slopes))
    else:
        proper = state.BoxState.intersect

        def narrowed(self, x, low, high):
            proper(self, x, low + 0.01 * (high - low), high)

        monkeypatch.setattr(state.BoxState, "intersect", narrowed)
    monkeypatch.setattr("scalarspec.bounding.methods.narrowed", lambda context, t, ends: context.box(*ends))
    wrong = 0
    for seed in range(6):
        spec, args, vary = KINDS[seed % 3](seed)
        misses, points = fuzz_bounds.misses(spec, args, vary, 40, np.random.default_rng(seed), methods=["linear"])
        wrong += misses + (points == 0)  # the bounds are seen to contradict one another
    assert wrong > 0
