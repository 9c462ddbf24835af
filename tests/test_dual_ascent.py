"""Slopes and multipliers: any choice gives a lower bound, better ones a better bound, and a wrong one is seen."""

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding import dual_ascent
from scalarspec.bounding.backward import BackwardPass, UnitRows
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.linear import LinearBounds

ROWS = UnitRows.both(np.arange(2)[None])


def network(seed):
    """Two layers of rectifiers, as a domain, its weights, and a point in the middle of its box."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=shape) for shape in ((6, 3), (5, 6), (2, 5))]
    biases = [rng.normal(size=len(w)) / 4 for w in weights]

    def spec(x):
        for w, b in zip(weights[:2], biases[:2], strict=True):
            x = ss.relu(ss.affine(w, x, b))
        return ss.affine(weights[2], x, biases[2])

    x = rng.normal(size=3)
    return Domain(spec, {"x": x}, {"x": ss.ball("0.6")}), weights, biases, x, rng


def constrained(domain, rng):
    """Linear bounds of a part: two elements whose sign is not known are said to be on one side."""
    free = LinearBounds(domain.plan, domain.floats, domain.balls)
    sides = {}
    for place in domain.plan.kinked_places:
        r = free.state.range(domain.plan.equations[place].result)
        crossing = np.flatnonzero((r.low[0] < 0) & (r.high[0] > 0))
        if len(crossing):
            low, high = np.full(r.low.shape, -np.inf), np.full(r.low.shape, np.inf)
            (low if rng.random() < 0.5 else high)[0, crossing[0]] = 0.0
            sides[place] = (low, high)
    return LinearBounds(domain.plan, domain.floats, domain.balls, sides), sides


def values(weights, biases, points):
    """What the rectifiers are applied to, and the outputs, in floats."""
    first = points @ weights[0].T + biases[0]
    second = np.maximum(first, 0) @ weights[1].T + biases[1]
    return [first, second], np.maximum(second, 0) @ weights[2].T + biases[2]


def misses(seed, change=lambda choice, rng: None):
    """How many outputs at points that meet the constraints lie below rows of random choices, by more than rounding."""
    domain, weights, biases, x, rng = network(seed)
    linear, sides = constrained(domain, rng)
    points = x + rng.uniform(-0.6, 0.6, size=(4000, 3))
    points = np.vstack([points, x + 0.6 * np.sign(rng.normal(size=(100, 3)))])
    applied, outputs = values(weights, biases, points)
    inside = np.ones(len(points), dtype=bool)
    for z, (low, high) in zip(
        applied, (sides.get(p, (-np.inf, np.inf)) for p in domain.plan.kinked_places), strict=True
    ):
        inside &= np.all((z >= low) & (z <= high), axis=1)
    if not inside.any():
        return 0
    both = np.hstack([outputs[inside], -outputs[inside]])
    wrong = 0
    for _ in range(8):
        choice = dual_ascent.first_choice(linear.state, len(ROWS.signs))
        for eqn, ascent in dual_ascent.DualAscent(linear.state, choice).open_ones.items():
            choice.slopes[eqn] = np.where(ascent, rng.uniform(size=choice.slopes[eqn].shape), choice.slopes[eqn])
        for v, multipliers in choice.multipliers.items():
            choice.multipliers[v] = rng.exponential(size=multipliers.shape)
        change(choice, rng)
        done = BackwardPass(linear.state, domain.plan.result, ROWS, len(domain.plan.equations), choice=choice)
        wrong += int(np.sum(both < done.least()[0] - 1e-9))
    return wrong


def test_any_choice_gives_a_lower_bound():
    assert sum(misses(seed) for seed in range(40)) == 0


@pytest.mark.parametrize("fault", ["slopes", "multipliers"])
def test_a_choice_that_is_none_is_seen(fault):
    def changed(choice, rng):
        for key, array in getattr(choice, fault).items():
            getattr(choice, fault)[key] = array * -2.0 if fault == "multipliers" else array * 2.0 + 0.5

    assert sum(misses(seed, changed) for seed in range(40)) > 0


def test_steps_make_bounds_better():
    gained = []
    for seed in range(20):
        domain, *_, rng = network(seed)
        linear, _ = constrained(domain, rng)
        ascent = dual_ascent.DualAscent(linear.state, dual_ascent.first_choice(linear.state, len(ROWS.signs)))
        found = []
        for _ in range(dual_ascent.STEPS):
            last = BackwardPass(
                linear.state, domain.plan.result, ROWS, len(domain.plan.equations), choice=ascent.choice
            )
            found.append(last.least().sum())
            ascent.step(last.slopes, last.handed)
        gained.append(max(found) - found[0])
    assert sum(gain > 0.01 for gain in gained) > 10
    assert min(gained) >= 0
