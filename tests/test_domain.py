"""Where arguments may lie: boxes, Euclidean balls, infinite ends, parameters of models, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS
from specs import squares

import scalarspec as ss
from scalarspec import layers
from scalarspec.bounding.domain import Domain
from scalarspec.core.lifting import lift

INF = float("inf")


# ---- edges, and parameters of models --------------------------------------------------------------------------------


def test_unbounded_boxes_and_edges_of_domains():
    whole = ss.bounds(ss.exp, 0, vary={"x": ss.box(-INF, INF)})
    assert (whole.lower, whole.upper) == (0, INF)
    pole = ss.bounds(lambda x: 1 / x, 0.5, vary={"x": ss.ball(1)})
    assert (pole.lower, pole.upper) == (-INF, INF)
    for spec, ends in ((ss.reciprocal, (0, 1)), (ss.reciprocal, (-1, 0)), (ss.sqrt, (0, 1)), (ss.reciprocal, (-2, -1))):
        edge = ss.bounds(spec, 0, vary={"x": ss.box(*ends)}, method="linear")
        assert edge.lower <= edge.upper
    assert (
        ss.bounds(lambda x: ss.sum(ss.reciprocal(x)), np.array([1, 2]), vary={"x": ss.box([0, 1], [1, 2])}).upper == INF
    )
    with pytest.raises(ss.errors.DomainError):
        ss.bounds(ss.log, 0.5, vary={"x": ss.ball(1)})
    nothing = ss.bounds(lambda x: ss.sum(x), np.zeros(0), vary={"x": ss.ball(1)})
    assert (nothing.lower, nothing.upper) == (0, 0)
    point = ss.bounds(ss.exp, 0.5, vary={"x": ss.ball(0)})
    assert point.width < Fraction(1, 10**14)


def test_parameters_of_a_model_vary_by_name():
    layer = layers.Linear(np.array([[1.0, 2.0]]), np.array([0.5]))
    found = ss.bounds(lambda m, x: m(x), layer, np.array([1.0, 1.0]), vary={"m": ss.ball("0.25")})
    assert (found.lower[0], found.upper[0]) == (Fraction("2.75"), Fraction("4.25"))
    assert lift(layer, "rational").weight.shape == (1, 2)


# ---- Euclidean balls ------------------------------------------------------------------------------------------------


def test_a_linear_function_on_a_euclidean_ball_has_its_exact_range():
    """w x + b ranges over b + w c ± ρ ‖w‖₂."""
    w, x = np.array([3.0, 4.0]), np.array([1.0, 2.0])
    found = ss.bounds(lambda x: ss.dot(w, x), x, vary={"x": ss.ball("1/10", norm=2)}, method="linear")
    assert found.lower <= Fraction(21, 2) <= Fraction(23, 2) <= found.upper
    assert found.width < 1 + Fraction(1, 10**12)
    assert found.inner[1] - found.inner[0] > Fraction(999, 1000)
    rows = ss.bounds(
        lambda x: ss.dot(w, x), np.stack([x, 2 * x]), vary={"x": ss.ball("1/10", norm=2)}, over="x", method="linear"
    )
    assert rows.lower[0] == found.lower
    assert Fraction(43, 2) - Fraction(1, 10**12) < rows.lower[1] <= Fraction(43, 2)


def test_a_euclidean_ball_that_is_taken_too_small_is_seen(monkeypatch):
    def misses():
        count = 0
        for seed in range(6):
            rng = np.random.default_rng(seed)
            w, x = rng.normal(size=(2, 3))
            spec = lambda x, w=w: ss.tanh(ss.dot(w, x))  # noqa: E731
            found = ss.bounds(spec, x, vary={"x": ss.ball("1/8", norm=2)}, method="subdivide", budget=4)
            ends = [np.tanh(w @ x + s * np.linalg.norm(w) / 8) for s in (-1, 1)]
            count += found.lower > ends[0] + 1e-12 or found.upper < ends[1] - 1e-12
        return count

    assert misses() == 0
    proper = Domain.balls.func
    smaller = lambda domain: [(centre, radius * (1 - 1e-6)) for centre, radius in proper(domain)]  # noqa: E731
    monkeypatch.setattr(Domain, "balls", property(smaller))
    assert misses() > 0


def test_euclidean_balls_of_other_kinds_are_refused():
    with pytest.raises(ss.errors.ArgumentError, match="norm: expected 2 or inf, got 1"):
        ss.ball(1, norm=1)
    wide = CONTEXTS["interval"].box([0], [1])
    with pytest.raises(ss.errors.ArgumentError, match="a Euclidean ball around 'x' wants a point"):
        ss.bounds(lambda x: ss.sum(x), wide, vary={"x": ss.ball(1, norm=2)}, method="linear")


# ---- boxes that are none, infinite or empty -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "error", "told"),
    [
        (ss.box(1, 0), ss.errors.ArgumentError, "box: the lower end 1 exceeds the upper end 0"),
        (ss.box([0, 0], [1, INF * 0]), ss.errors.DomainError, "nan is not a real number"),
        (
            ss.box([0, 0, 0], 1),
            ss.errors.ShapeError,
            "box: ends of shapes .* for an argument of shape",
        ),
        (1, ss.errors.ArgumentError, "vary: expected ball.radius. or box.lower, upper. for 'x', got 1"),
    ],
)
def test_boxes_that_are_none_are_refused(region, error, told):
    for method in ("interval", "linear", "subdivide"):
        with pytest.raises(error, match=told):
            ss.bounds(squares, np.ones(2), vary={"x": region}, method=method)


@pytest.mark.parametrize("method", ["linear", "subdivide"])
def test_infinite_boxes_and_boxes_without_numbers(method):
    whole = ss.bounds(squares, np.ones(2), vary={"x": ss.box(-INF, INF)}, method=method)
    assert (whole.lower, whole.upper) == (0, INF)
    half = ss.bounds(lambda x: ss.sum(ss.sigmoid(x)), np.ones(2), vary={"x": ss.box([0, -INF], [1, 1])}, method=method)
    assert Fraction(1, 2) >= half.lower > Fraction(49, 100)
    assert half.upper < Fraction(147, 100)
    assert half.lower <= half.inner[0] < half.inner[1] <= half.upper
    twice = lambda x: ss.sum(ss.tanh(ss.tanh(x) + x))  # noqa: E731
    found = ss.bounds(twice, np.zeros(2), vary={"x": ss.box([-1, -INF], [1, 0])}, method=method)
    assert found.lower <= -1 - Fraction(9, 10)
    assert found.upper >= Fraction(94, 100)
    for rows in (np.ones((0, 2)), np.ones((3, 0))):
        found = ss.bounds(squares, rows, vary={"x": ss.ball(1)}, over="x", method=method)
        assert found.lower.shape == found.inner[0].shape == (len(rows),)
    point = ss.bounds(squares, np.ones((2, 2)), vary={}, over="x", method=method)
    assert point.lower.tolist() == point.upper.tolist() == [2, 2]


def test_rows_of_single_numbers_have_values_that_are_attained():
    found = ss.bounds(lambda y: ss.square(y), np.array([1.0, 2.0]), vary={"y": ss.ball(1)}, over="y")
    assert np.all(found.inner[0] >= found.lower)
    assert np.all(found.inner[1] <= found.upper)
