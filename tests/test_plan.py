"""What operations are made of, for linear bounds: relations are kept, and a fault is seen."""

from fractions import Fraction

import numpy as np
import pytest
from corners import corners_outside

import scalarspec as ss
from scalarspec.bounding import plan

MADE = {
    "mean_square": lambda x, y: ss.mean_square(x - y),
    "logsumexp": lambda x, y: ss.logsumexp(x) + ss.sum(y),
    "maximum": lambda x, y: ss.sum(ss.maximum(x, y)),
    "minimum": lambda x, y: ss.sum(ss.minimum(x, 2 * y)),
    "clip": lambda x, y: ss.sum(ss.clip(x, -1, 1) + y),
    "leaky_relu": lambda x, y: ss.sum(ss.leaky_relu(x, "1/8") + y),
    "divide": lambda x, y: ss.sum(x / (3 + y)),
}


@pytest.mark.parametrize("term", MADE)
def test_an_error_in_what_an_operation_is_made_of_is_seen(term, monkeypatch, only_linear):
    proper = plan.REWRITES[term]

    def mistaken(arrays, *args, **parameters):
        result = proper(arrays, *args, **parameters)
        return result and arrays.apply("add", result, arrays.data(np.array(2.0**-30)))

    assert corners_outside(MADE[term]) == 0
    monkeypatch.setitem(plan.REWRITES, term, mistaken)
    assert corners_outside(MADE[term]) > 0


@pytest.mark.parametrize("name", ["logsumexp", "maximum", "minimum", "clip", "leaky_relu", "divide"])
def test_what_is_made_of_functions_keeps_relations(name):
    """What is added and taken away again: one evaluation cannot see it."""
    spec = lambda x, y: MADE[name](ss.tanh(x), y) - ss.sum(ss.tanh(x)) / 4  # noqa: E731
    args = np.array([0.25, -0.75]), np.array([-1.0, -1.0] if name == "maximum" else [0.5, -0.125])
    vary = {"x": ss.ball("0.01"), "y": ss.ball("0.01")}
    plain, found = (ss.bounds(spec, *args, vary=vary, method=method) for method in ("interval", "linear"))
    assert found.width < plain.width * Fraction(9, 10)
    assert found.width < (found.inner[1] - found.inner[0]) * Fraction(102, 100)


@pytest.mark.parametrize("method", ["linear", "subdivide"])
def test_a_branch_that_other_rows_take_is_in_the_plan(method):
    """The first row decides the condition; the second one does not, and takes the other branch somewhere."""

    def spec(y):
        return ss.where(y > 0, lambda: y, lambda: -5 * y)

    found = ss.bounds(spec, np.array([[1.0], [0.0]]), vary={"y": ss.ball("0.9")}, over="y", method=method)
    assert found.upper[1, 0] >= Fraction(9, 2)
    assert found.upper[0, 0] >= Fraction(19, 10)
