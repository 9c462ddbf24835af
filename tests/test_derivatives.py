"""Derivatives that are recorded once and replayed: they enclose those that are worked out on the spot."""

import numpy as np
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.bounding import derivatives
from scalarspec.bounding.derivatives import curvature_of, slope_of, value_and_slope, value_of
from scalarspec.core.course import Course
from scalarspec.core.operations import CURVES, OPERATIONS, having
from scalarspec.errors import NotSupported

INTERVALS, PRECISE = CONTEXTS["interval64"], ss.context("interval", prec=120)


def points(operation):
    """Numbers of all sizes, in the function's domain."""
    found = np.random.default_rng(0).normal(size=12) * 10 ** np.random.default_rng(1).uniform(-3, 0.5, 12)
    first, last = (OPERATIONS[operation].course or Course()).domain
    if last < np.inf:
        return (first + last) / 2 + np.tanh(found) / 2
    shifted = first > -np.inf or operation in having(graph="by_sign")
    return max(first, 0) + np.abs(found) + 0.001 if shifted else found


def outside(found, exact):
    """How many exact values lie outside of what was found for boxes around their points."""
    low, high = INTERVALS.arrays.floats(found)
    least, most = (end.astype(float) for end in ss.endpoints(exact))
    return int(np.sum((most < low) | (high < least)))


def box(x):
    return INTERVALS.box(x - 1e-4, x + 1e-4).value


def slopes(operation, x):
    """f′ at each of some points, at 120 bits."""
    return ss.grad(lambda t: ss.sum(getattr(ss, operation)(t)))(x)


@pytest.mark.parametrize("operation", sorted(having(graph=CURVES, kinks="nowhere")))
def test_values_and_derivatives_of_smooth_functions(operation):
    x = points(operation)
    exact = PRECISE.tensor(x)
    value, slope = value_and_slope(operation)(box(x))
    assert outside(value, getattr(ss, operation)(exact)) == 0
    assert outside(value_of(operation)(box(x))[0], getattr(ss, operation)(exact)) == 0
    assert outside(slope, slopes(operation, exact)) == 0
    assert outside(slope_of(operation)(box(x))[0], slopes(operation, exact)) == 0
    if operation == "lgamma":
        with pytest.raises(NotSupported, match="digamma: its derivative is none"):
            curvature_of(operation)
        return
    second = ss.grad(lambda t: ss.sum(slopes(operation, t)))(exact)
    assert outside(curvature_of(operation)(box(x))[0], second) == 0


def test_a_wrong_derivative_is_seen(monkeypatch):
    monkeypatch.setitem(derivatives.RULES, "sinh", lambda g, y, x: (lambda: g * ss.sinh(x),))
    x = points("sinh")
    wrong = slope_of.__wrapped__("sinh")(box(x))[0]  # made anew, by the wrong rule
    assert outside(wrong, ss.cosh(PRECISE.tensor(x))) > 0
