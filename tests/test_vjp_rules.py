"""Rules of derivatives: against differences, over the rationals, against SymPy; and a wrong rule is caught."""

from fractions import Fraction

import numpy as np
import oracle
import pytest
import sympy
from conftest import CONTEXTS
from specs import OF_VECTORS, XS, YS

import scalarspec as ss
from scalarspec.core import functions as f
from scalarspec.core.context import DERIVED, PRIMITIVES
from scalarspec.core.operations import having
from scalarspec.numbers.exact import boxed
from scalarspec.tracing import vjp_rules as g

SMOOTH = [
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "atan",
    "erf",
    "tan",
    "expm1",
    "expm1mx",
    "log1p",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "softplus",
    "logcosh",
    "square",
    "reciprocal",
]


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_of_one_argument_against_differences(name):
    """In 200-bit intervals: the enclosed derivative against a central difference."""
    context, h = ss.context("interval", prec=200), Fraction(1, 2**40)
    function = getattr(ss, name)
    for x in (Fraction(1, 3), Fraction(2), Fraction(7, 5)):
        (low,), (high,) = (end.ravel() for end in ss.endpoints(ss.grad(function)(context.tensor(x))))
        ends = [ss.endpoints(function(context.tensor(x + s * h)))[0][()] for s in (1, -1)]
        difference = (ends[0] - ends[1]) / (2 * h)
        assert low <= high
        assert abs(difference - low) <= Fraction(1, 2**60) * max(1, abs(low))


@pytest.mark.parametrize("name", [n for n in OF_VECTORS if n not in ("lazy where", "a constant")])
def test_gradients_of_specs_are_exact_derivatives_over_the_rationals(name):
    """The specs are piecewise polynomials: between kinks, a difference quotient of a quadratic is its derivative."""
    context = CONTEXTS["rational"]
    spec = OF_VECTORS[name]

    def total(x, y):
        return f.sum(spec(x, y))

    x, y = XS[1] + 1 / 16, YS[1] - 1 / 32
    dx, dy = ss.grad(total, (0, 1))(context.tensor(x), context.tensor(y))
    h = Fraction(1, 2**20)
    for found, i in ((dx, 0), (dy, 1)):
        for k in range(3):
            values = []
            for step in (h, -h):
                point = [[Fraction(v) for v in p] for p in (x, y)]
                point[i][k] += step
                values.append(total(*map(context.tensor, point)).item())
            cubic = Fraction(1, 2**30)  # of the cubic specs, whose difference is off by h² times a third derivative
            assert abs((values[0] - values[1]) / (2 * h) - found[k].item()) <= cubic


def test_every_operation_has_a_rule_or_is_a_truth():
    truths = {"less", "less_equal", "equal", "logical_not", "logical_and", "logical_or", "pi"}
    composed = having(kinks="parts") | {"clip"}  # noted as what their definitions say, such as a minimum of a maximum
    assert set(PRIMITIVES | DERIVED) - truths - composed <= set(g.RULES)


@pytest.mark.parametrize("mistake", ["multiply", "affine", "mean_square", "getitem", "expm1mx", "where", "maximum"])
def test_a_wrong_rule_is_caught(monkeypatch, mistake):
    """Each share doubled, for one operation."""
    right = g.RULES[mistake]
    monkeypatch.setitem(
        g.RULES,
        mistake,
        lambda *a, **p: tuple(s and (lambda s=s: 2 * s()) for s in right(*a, **p)),
    )

    def fails(check, *args):
        try:
            check(*args)
        except AssertionError:
            return True
        return False

    if mistake == "expm1mx":
        assert fails(test_derivatives_of_one_argument_against_differences, "expm1mx")
    elif mistake == "maximum":
        assert ss.grad(ss.maximum)(CONTEXTS["float64"].tensor(2), CONTEXTS["float64"].tensor(1)).item() != 1
    else:
        name = {
            "multiply": "scalars",
            "affine": "forward",
            "mean_square": "scalars",
            "getitem": "index",
            "where": "where",
        }[mistake]
        assert fails(test_gradients_of_specs_are_exact_derivatives_over_the_rationals, name)


@pytest.mark.parametrize("name", [name for name in SMOOTH if name in oracle.POINT])
def test_float_gradients_lie_near_the_enclosed_ones(name):
    x = [0.25, 0.5, 1.5]
    low, high = ss.endpoints(ss.grad(lambda t: f.sum(getattr(ss, name)(t)))(CONTEXTS["interval"].tensor(x)))
    found = np.asarray(ss.grad(lambda t: f.sum(getattr(ss, name)(t)))(CONTEXTS["float64"].tensor(x)))
    assert np.all(np.abs(found - low.astype(float)) <= 1e-14 * (1 + np.abs(found)))
    assert np.all(low <= high)


def test_second_derivatives_against_sympy(symbolic):
    """Every operation, through a gradient of a gradient."""
    context = ss.context("interval", prec=120)
    for name in [*SMOOTH, "pow"]:
        function = (lambda t: t**3) if name == "pow" else getattr(ss, name)
        x = symbolic.symbol("x")
        t = ss.Tensor.from_scalars(symbolic, boxed(x))
        twice = sympy.diff(function(t).item(), sympy.Symbol("x", real=True), 2)
        found = ss.hessian(function)(context.tensor("3/4"))
        low, high = (end[()] for end in ss.endpoints(found))
        exact = Fraction(str(sympy.N(twice.subs(sympy.Symbol("x", real=True), sympy.Rational(3, 4)), 40)))
        assert abs(exact - low) < Fraction(1, 10**30), name
        assert low <= high < low + Fraction(1, 10**25)
