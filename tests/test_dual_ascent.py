"""Slopes and multipliers: any choice gives a lower bound, better ones a better bound, and a wrong one is seen."""

from dataclasses import replace

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


def smooth(seed):
    """A layer of rectifiers and functions that are smooth, as linear bounds, and its outputs at points of its box."""
    rng = np.random.default_rng(seed)
    w, b, v = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(2, 4))

    def spec(x):
        hidden = ss.relu(ss.affine(w, x, b))
        return ss.matmul(v, ss.exp(hidden / 2)) + ss.square(hidden[:2]) - ss.softplus(x[:2] - x[2]) + ss.tanh(x[1:])

    domain = Domain(spec, {"x": (x := rng.normal(size=3))}, {"x": ss.ball("0.6")})
    points = x + 0.6 * np.concatenate([rng.uniform(-1, 1, size=(1000, 3)), np.sign(rng.normal(size=(100, 3)))])
    values = ss.batched(spec, over="x")(ss.context("float64").tensor(points))
    return LinearBounds(domain.plan, domain.floats, domain.balls), np.asarray(values), rng


def misses_of_tangents(seed, shift=0.0):
    """How many outputs lie below rows with tangents anywhere, by more than rounding."""
    linear, outputs, rng = smooth(seed)
    wrong, both = 0, np.hstack([outputs, -outputs])
    for _ in range(4):
        choice = dual_ascent.first_choice(linear.state, len(ROWS.signs))
        bent = [
            step
            for step in linear.plan.steps.values()
            if linear.plan.kinds[step] == "univariate" and linear.state.bends(step)
        ]
        assert bent
        for eqn in bent:
            r = linear.state.range(eqn.operands[0])
            at = r.low[:, None] + (r.high - r.low)[:, None] * rng.uniform(size=(1, len(ROWS.signs), *r.low.shape[1:]))
            found = linear.state.moved_tangents(
                eqn, np.clip(at, r.low[:, None], r.high[:, None]).reshape(*at.shape[:2], -1)
            )
            choice.lines[eqn] = replace(found, low=found.low + shift, high=found.high - shift)
        done = BackwardPass(linear.state, linear.plan.result, ROWS, len(linear.plan.equations), choice=choice)
        wrong += int(np.sum(both < done.least()[0] - 1e-9))
    return wrong


def test_any_tangents_give_a_lower_bound():
    assert sum(misses_of_tangents(seed) for seed in range(20)) == 0


def test_tangents_that_are_none_are_seen():
    assert sum(misses_of_tangents(seed, 0.25) for seed in range(20)) > 0


def test_tangents_that_move_make_bounds_better(monkeypatch):
    gained = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        w, v = rng.normal(size=(8, 3)), rng.normal(size=(4, 8))
        ends = []
        for steps in (0, dual_ascent.TANGENT_STEPS):
            monkeypatch.setattr(dual_ascent, "TANGENT_STEPS", steps)
            z = lambda x, w=w, v=v: ss.matmul(v, ss.relu(ss.matmul(w, x)))  # noqa: E731
            spec = lambda x, z=z: ss.sum(ss.square(z(x)) - 8 * z(x))  # noqa: E731
            ends.append(ss.bounds(spec, [1, 0, 1], vary={"x": ss.ball("0.8")}, method="linear").lower)
        gained.append(ends[1] - ends[0])
        monkeypatch.undo()
    assert min(gained) >= 0
    assert sum(gain > 1 for gain in gained) >= 4


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


def test_slopes_that_lines_were_better_with_serve_quadratic_terms(monkeypatch):
    """Of a layer of rectifiers below a curved function, at a radius at which both lose much."""

    def ends():
        rng = np.random.default_rng(7)
        w, b, v = rng.normal(size=(6, 4)), rng.normal(size=6), rng.normal(size=(5, 6))
        spec = lambda x: ss.sum(ss.square(ss.sigmoid(ss.matmul(v, ss.relu(ss.affine(w, x, b))))))  # noqa: E731
        found = ss.bounds(spec, np.zeros(4), vary={"x": ss.ball("0.2")}, method="linear")
        assert found.lower <= found.inner[0] <= found.inner[1] <= found.upper
        return found

    best = ends()
    monkeypatch.setattr(dual_ascent, "WORTH", 1.0)  # nothing loses so much
    plain = ends()
    assert plain.lower <= best.lower
    assert best.upper <= plain.upper
    assert best.width < plain.width * 0.99
