"""Intervals as sets, the ways in and out, and order: exactly, or outward."""

import json
import math
import time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import ContextMismatch, DomainError, NotSupported, ShapeError, Undecided
from scalarspec.numbers.exact import float_above, float_below, interval_text
from scalarspec.report import enclosure_text, tensor_json

INF = math.inf

# Ends of x, ends of y, and: subset, interior, intersects, precedes, strictly_precedes (IEEE 1788, tables 10.3 to 10.5).
RELATIONS = [
    ((1, 2), (0, 3), (True, True, True, False, False)),
    ((0, 2), (0, 3), (True, False, True, False, False)),
    ((0, 3), (0, 3), (True, False, True, False, False)),
    ((0, 4), (0, 3), (False, False, True, False, False)),
    ((0, 1), (1, 3), (False, False, True, True, False)),
    ((0, 1), (2, 3), (False, False, False, True, True)),
    ((2, 3), (0, 1), (False, False, False, False, False)),
    ((1, 1), (1, 1), (True, False, True, True, False)),
    ((-INF, INF), (-INF, INF), (True, True, True, False, False)),
    ((0, INF), (-INF, INF), (True, True, True, False, False)),
    ((-INF, 0), (0, INF), (False, False, True, True, False)),
]


@pytest.mark.parametrize(("x", "y", "want"), RELATIONS)
def test_predicates(interval, x, y, want):
    a, b = interval.box(*x), interval.box(*y)
    found = (ss.subset(a, b), ss.interior(a, b), ss.intersects(a, b), ss.precedes(a, b), ss.strictly_precedes(a, b))
    assert tuple(map(bool, found)) == want
    assert bool(ss.disjoint(a, b)) is not want[2]


def test_predicates_are_elementwise_and_exact(enclosing):
    x = enclosing.box([0, 1], [1, 2])
    assert ss.contains(x, 1).tolist() == [True, True]
    assert ss.contains(x, "1/2").tolist() == [True, False]
    assert ss.contains(enclosing.tensor("0.1"), "0.1")
    with pytest.raises(ShapeError):
        ss.subset(x, enclosing.box([0, 1, 2], [1, 2, 3]))
    with pytest.raises(ContextMismatch):
        ss.subset(x, ss.context("rational").tensor([1, 2]))


def test_hull_intersection_and_width(interval):
    x, y = interval.box([0], [2]), interval.box([1], [3])
    assert [end.tolist() for end in ss.endpoints(ss.hull(x, y))] == [[0], [3]]
    assert [end.tolist() for end in ss.endpoints(ss.intersection(x, y))] == [[1], [2]]
    assert ss.width(x).tolist() == [2]
    assert ss.width(interval.box(0, INF)) == INF
    with pytest.raises(DomainError, match="without a common number"):
        ss.intersection(x, interval.box([5], [6]))


def test_floats_have_no_ends(float64):
    with pytest.raises(NotSupported, match="endpoints: float64 rounds"):
        ss.inf(float64.tensor(1))


# ---- out: as float64, text, JSON ------------------------------------------------------------------------------------

TINY = Fraction(1, 2**1074)
LARGEST = Fraction(np.finfo(np.float64).max)
ROUNDED = [
    (Fraction(1, 10), math.nextafter(0.1, 0), 0.1),
    (Fraction(1, 3), 1 / 3, math.nextafter(1 / 3, 1)),
    (Fraction(1, 2), 0.5, 0.5),
    (TINY / 2, 0.0, 5e-324),
    (TINY * 3 / 2, 5e-324, 1e-323),
    (LARGEST + 1, float(LARGEST), INF),
    (LARGEST * 2, float(LARGEST), INF),
    (Fraction(10) ** 400, float(LARGEST), INF),
    (Fraction(1, 10**400), 0.0, 5e-324),
    (Fraction(2**53 + 1), 2.0**53, 2.0**53 + 2),
]


@pytest.mark.parametrize(("value", "below", "above"), ROUNDED)
def test_ends_leave_as_floats_rounded_outward(value, below, above):
    assert (float_below(value), float_above(value)) == (below, above)
    assert (float_below(-value), float_above(-value)) == (-above, -below)


def test_inf_and_sup_enclose(interval):
    t = interval.tensor(["1/3", "1e400", "-1e400", "1e-400", "-1e-400", 0])
    assert ss.inf(t).dtype == ss.sup(t).dtype == np.float64
    assert ss.sup(t).tolist() == [math.nextafter(1 / 3, 1), INF, -float(LARGEST), 5e-324, 0.0, 0.0]
    assert ss.inf(t).tolist() == [1 / 3, float(LARGEST), -INF, 0.0, -5e-324, 0.0]
    assert not np.signbit(ss.sup(t)[5])


@pytest.mark.parametrize("value", ["1/3", "-2/7", "1e-400", "123456789/1000", "1e-500"])
def test_text_and_json_do_not_round_inward(value):
    context, exact = ss.context("interval", prec=200), Fraction(value)
    t = context.tensor(value)
    lower, upper = (end[()] for end in ss.endpoints(t))
    assert lower <= exact <= upper
    shown = interval_text(lower, upper, 5).strip("[]").split(", ")
    assert Fraction(shown[0]) <= lower <= upper <= Fraction(shown[1])
    middle, radius = enclosure_text(lower, upper, 8).split(" ± ")
    assert Fraction(middle) - Fraction(radius) <= lower <= upper <= Fraction(middle) + Fraction(radius)
    data = json.loads(json.dumps(tensor_json(t)))
    assert (Fraction(data["lower"]), Fraction(data["upper"])) == (lower, upper)


# ---- in: every number at its exact value ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble, np.int8, np.uint64, np.int64])
@pytest.mark.parametrize("prec", [2, 24, 53])
def test_numpy_numbers_enter_exactly(kind, prec):
    value = kind(7) / kind(3) if np.issubdtype(kind, np.floating) else kind(123)
    low, high = ss.endpoints(ss.context("interval", prec=prec).tensor(np.array([value])))
    assert low[0] == high[0] == Fraction(*value.as_integer_ratio()) if hasattr(value, "as_integer_ratio") else 123


@pytest.mark.parametrize("value", [2**200 + 1, Fraction(3, 2**90), Decimal("0.5"), "0.25", "1e3"])
def test_dyadic_numbers_enter_as_points(interval, value):
    low, high = ss.endpoints(interval.tensor(value))
    assert low == high == Fraction(value)


@pytest.mark.parametrize("value", ["0.1", "1e-400", "-1e-300", Fraction(1, 3), Decimal("1e-30")])
def test_other_numbers_enter_as_the_tightest_enclosure(interval, value):
    exact = Fraction(value)
    low, high = ss.endpoints(interval.tensor(value))
    assert low < exact < high
    exponent = abs(exact).numerator.bit_length() - abs(exact).denominator.bit_length()
    assert high - low <= Fraction(2) ** (exponent - 52)


# ---- order ----------------------------------------------------------------------------------------------------------


def test_where_calls_a_branch_only_if_it_may_be_taken(enclosing):
    negative, positive, across = enclosing.tensor(-1), enclosing.tensor(1), enclosing.box(-1, 1)
    assert ss.endpoints(ss.where(negative > 0, lambda: ss.log(negative), 5)) == (5, 5)
    assert ss.endpoints(ss.where(positive > 0, 5, lambda: ss.log(-positive))) == (5, 5)
    assert ss.endpoints(ss.where(across > 0, lambda: across, lambda: -across)) == (-1, 1)
    if enclosing.name == "arb":  # it has no infinite ends
        with pytest.raises(DomainError):
            ss.where(across > 0, lambda: ss.log(across), 0)
    else:
        assert ss.endpoints(ss.where(across > 0, lambda: ss.log(across), 0)) == (-np.inf, 0)


def test_where_with_functions_under_every_context(context):
    x = context.tensor([-1, -2])
    taken = ss.where(x > 0, lambda: ss.sqrt(x) / 0, lambda: -x)
    assert (taken == context.tensor([1, 2])).all()


def test_comparisons_of_tensors_are_three_valued(interval):
    x = interval.box([0, 0, 2], [1, 3, 3])
    truths = (x < interval.tensor([2, 2, 1])).tolist()
    assert truths[0] is True
    assert truths[2] is False
    with pytest.raises(Undecided, match=r"\[0, 3\] < \[2, 2\] is undecided"):
        bool(truths[1])


# ---- sums, and termination ------------------------------------------------------------------------------------------


def test_affine_layers_are_rounded_once(interval):
    rng = np.random.default_rng(0)
    w, x, b = rng.normal(size=(5, 40)), rng.normal(size=40), rng.normal(size=5)
    exact = [
        sum(map(lambda p, q: Fraction(p) * Fraction(q), row, x)) + Fraction(c) for row, c in zip(w, b, strict=True)
    ]
    low, high = ss.endpoints(ss.affine(w, interval.tensor(x), b))
    for a, z, want in zip(low, high, exact, strict=True):
        assert a <= want <= z
        exponent = abs(want).numerator.bit_length() - abs(want).denominator.bit_length()
        assert z - a <= Fraction(2) ** (exponent - 52)
    plain = interval.reference()
    wide = ss.width(ss.affine(plain.tensor(w), plain.tensor(x), plain.tensor(b)))
    assert all(high - low <= wide)
    assert any(high - low < wide)


def test_sums_are_rounded_once(interval):
    low, high = ss.endpoints(ss.sum(interval.tensor([1e16, 1.0, 2.0**-60, -1e16])))
    assert low <= 1 + Fraction(1, 2**60) <= high
    assert high - low == Fraction(1, 2**52)


def test_infinite_ends_propagate_without_nan(interval):
    up, everything = interval.box(1, INF), interval.box(-INF, INF)
    cases = {
        "up - up": (up - up, (-INF, INF)),
        "0 * everything": (interval.tensor(0) * everything, (0, 0)),
        "up * up": (up * up, (1, INF)),
        "1 / up": (1 / up, (0, 1)),
        "everything ** 2": (everything**2, (0, INF)),
        "sum": (ss.sum(ss.stack([up, interval.tensor(-5)])), (-4, INF)),
        "dot": (ss.dot(ss.stack([up, everything]), interval.tensor([2, 0])), (2, INF)),
        "relu": (ss.relu(everything), (0, INF)),
        "tanh": (ss.tanh(everything), (-1, 1)),
        "sigmoid": (ss.sigmoid(everything), (0, 1)),
        "sin": (ss.sin(everything), (-1, 1)),
        "atan": (ss.atan(up) < 2, None),
        "log": (ss.log(up), (0, INF)),
        "sqrt": (ss.sqrt(up), (1, INF)),
    }
    for name, (found, want) in cases.items():
        if want is None:
            assert bool(found), name
        else:
            low, high = ss.endpoints(found)
            assert (low[()], high[()]) == want or (name == "1 / up" and 0 <= low <= high <= 1), name


def test_everything_ends(interval):
    """Arguments that make others hang or fill the memory."""
    start = time.perf_counter()
    huge = ss.exp(interval.tensor(10**9))
    for function in (ss.sin, ss.cos, ss.tan, ss.exp, ss.log, ss.sqrt, ss.square, ss.atan, ss.erf, ss.tanh, ss.cosh):
        low, high = ss.endpoints(function(huge))
        assert low <= high
    assert ss.endpoints(ss.sin(huge)) == (-1, 1)
    t = interval.tensor("1e-5000")
    for _ in range(40):
        t = t * t
    low, high = ss.endpoints(t)
    assert 0 == low < high < Fraction(1, 2**1_000_000)
    assert ss.endpoints(ss.exp(ss.exp(ss.exp(interval.tensor(100)))))[1] == INF
    assert time.perf_counter() - start < 10
