"""Lines around a function: they never cross it, are close to it, and a line that is too tight is seen."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.bounding import curves, relaxations
from scalarspec.bounding.curves import Curve
from scalarspec.bounding.relaxations import lines
from scalarspec.core.course import Course
from scalarspec.core.operations import CURVES, OPERATIONS, having
from scalarspec.core.tensor import elementwise

PRECISE = ss.context("interval", prec=120)


def boxes_for(operation, rng, count=120):
    """Intervals of all sizes, in the function's domain."""
    centre = rng.normal(size=count) * 10 ** rng.uniform(-3, 0.7, size=count)
    radius = 10 ** rng.uniform(-9, 0.6, size=count)
    radius[:10] = 0
    low, high = centre - radius, centre + radius
    first, last = (OPERATIONS[operation].course or Course()).domain
    if operation in having(graph="by_sign") or (first > -np.inf and last == np.inf):
        first = max(first, 0)
        low, high = first + np.abs(centre) + 1e-3, first + np.abs(centre) + 1e-3 + radius
    if last == 1:
        low, high = np.tanh(low), np.tanh(high)
    if operation == "tan":
        low, high = np.tanh(low), np.tanh(high)
    return low, np.maximum(low, high)


def crossings(operation, seed=0):
    """How often a line is on the wrong side of the function, at points of its interval: exactly."""
    low, high = boxes_for(operation, np.random.default_rng(seed))
    found = lines(Curve(operation, CONTEXTS["interval64"].box(low, high)))
    wrong = 0
    for cotangent in (0, 1, Fraction(1, 2), Fraction(1, 7), Fraction(9, 10)):
        at = [Fraction(a) + cotangent * (Fraction(b) - Fraction(a)) for a, b in zip(low, high, strict=True)]
        values = elementwise(operation, PRECISE.tensor(at))
        least, most = ss.endpoints(values)
        for i, t in enumerate(at):
            below = Fraction(found.low_slope[i]) * t + Fraction(found.low[i])
            above = Fraction(found.high_slope[i]) * t + Fraction(found.high[i])
            wrong += below > most[i] or above < least[i]
    return wrong


@pytest.mark.parametrize("operation", sorted(having(graph=CURVES)))
def test_lines_do_not_cross_the_function(operation):
    assert crossings(operation) == 0


@pytest.mark.parametrize("operation", sorted(having(graph=CURVES, kinks="nowhere")))
def test_lines_are_close_on_small_intervals(operation):
    """Their distance falls with the square of the width."""
    at = 0.7 + max(0, (OPERATIONS[operation].course or Course()).domain[0])
    gaps = []
    for radius in (1e-2, 1e-3):
        found = lines(Curve(operation, CONTEXTS["interval64"].box([at - radius], [at + radius])))
        gaps.append(
            max((found.high_slope - found.low_slope) * t + found.high - found.low for t in (at - radius, at + radius))[
                0
            ]
        )
    assert gaps[1] < gaps[0] / 50 + 1e-12  # nothing, where the function is a line


@pytest.mark.parametrize(
    ("shape", "operation"),
    [
        ("convex", "square"),
        ("convex", "exp"),
        ("rectifier", "relu"),
        ("concave", "log"),
        ("s_shaped", "tanh"),
        ("mean_value", "sin"),
    ],
)
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_line_that_is_a_little_too_tight_is_seen(monkeypatch, shape, operation, side):
    proper = relaxations.SHAPES[shape]

    def tightened(r):
        found = proper(r)
        shift = 1e-6 * (r.high - r.low) * (1 + np.abs(getattr(found, side)))
        moved = {side: getattr(found, side) + (shift if side == "low" else -shift)}
        return relaxations.LinearBounds1D(**{**vars(found), **moved})

    monkeypatch.setitem(relaxations.SHAPES, shape, tightened)
    if shape == "mean_value":  # without the curvature, which leaves it the boxes around inflections alone
        monkeypatch.setattr(curves, "by_curvature", lambda *_: [(None, shape)])
    assert crossings(operation) > 0


def crossings_of_tangents(operation, shift=0.0):
    """How often a tangent at any point of its interval is on the wrong side of the function: exactly."""
    rng = np.random.default_rng(1)
    low, high = boxes_for(operation, rng)
    curve = Curve(operation, CONTEXTS["interval64"].box(low[None], high[None]))
    points = np.clip(low + (high - low) * rng.choice([0, 1, *rng.uniform(size=3)], size=(1, 4, len(low))), low, high)
    found = relaxations.moved_tangents(curve, points, lines(curve))
    moved = (found.low_slope != found.low_slope[:, :1]) | (found.high_slope != found.high_slope[:, :1])
    wrong = 0
    for i in np.flatnonzero(moved.any(axis=(0, 1)))[:30]:
        at = [Fraction(low[i]) + cut * (Fraction(high[i]) - Fraction(low[i])) for cut in (0, 1, Fraction(1, 3))]
        at += [Fraction(p) for p in points[0, :, i]]
        least, most = ss.endpoints(elementwise(operation, PRECISE.tensor(at)))
        for row in range(4):
            a, b, c, d = (Fraction(float(end[0, row, i])) for end in vars(found).values())
            shifted = Fraction(shift) * (Fraction(high[i]) - Fraction(low[i]))
            wrong += sum(a * t + b + shifted > y for t, y in zip(at, most, strict=True))
            wrong += sum(c * t + d - shifted < y for t, y in zip(at, least, strict=True))
    return wrong


@pytest.mark.parametrize("operation", sorted(having(graph=CURVES, kinks="nowhere")))
def test_tangents_at_other_points_do_not_cross_the_function(operation):
    assert crossings_of_tangents(operation) == 0


def test_a_tangent_that_is_a_little_too_tight_is_seen():
    assert all(crossings_of_tangents(operation, 1e-9) > 0 for operation in ("exp", "square", "log", "tanh", "gelu"))


@pytest.mark.parametrize("operation", ["tanh", "sigmoid", "erf", "atan"])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-0.5, 2.0), (-3.0, 1.0), (-5.0, 5.0)])
def test_lines_around_s_shaped_functions_are_tight(operation, low, high):
    """Each is at most half as far away again, in the mean, as the closest line of any slope is."""
    found = lines(Curve(operation, CONTEXTS["interval64"].box([low], [high])))
    t = np.linspace(low, high, 401)
    values = np.asarray(elementwise(operation, CONTEXTS["float64"].tensor(t)))
    slopes = np.linspace(0, 2, 2001)[:, None]
    for sign, slope, end in ((1, found.high_slope, found.high), (-1, found.low_slope, found.low)):
        ends = np.max(sign * (values - slopes * t), axis=1)[:, None]
        closest = np.min(np.mean(sign * (slopes * t - values) + ends, axis=1))
        distance = np.mean(sign * (slope * t + end - values))
        assert closest - 1e-3 <= distance <= 1.5 * closest + 1e-3


@pytest.mark.parametrize("operation", ["gelu", "silu", "mish", "gelu_tanh", "sin", "erfc"])
@pytest.mark.parametrize(("middle", "radius"), [(1.0, 0.5), (-3.0, 1.0), (0.0, 1.0), (3.0, 1.0)])
def test_lines_are_tight_where_the_curvature_turns(operation, middle, radius):
    """Twice as far apart as the closest two parallel lines of the chord's slope, at most, or little more."""
    low, high = middle - radius, middle + radius
    found = lines(Curve(operation, CONTEXTS["interval64"].box([low], [high])))
    t = np.linspace(low, high, 201)
    values = np.asarray(elementwise(operation, CONTEXTS["float64"].tensor(t)))
    beside = values - (values[-1] - values[0]) / (high - low) * t
    gap = (found.high_slope - found.low_slope) * t + found.high - found.low
    assert np.mean(gap) <= 2 * np.ptp(beside) + 0.02


def test_pieces_that_are_points_are_passed_over():
    """Of a box of two neighbours all pieces but one are points."""
    low = np.array([0.7, 1e-300, -3.0])
    found = lines(Curve("gelu", CONTEXTS["interval64"].box(low, np.nextafter(low, np.inf))))
    assert np.isfinite([found.low, found.high]).all()
