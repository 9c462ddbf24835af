"""The interval kernel against an independent oracle (python-flint's arb at 800 bits) and exact rationals.

Inputs with few significant bits are where enclosures miss, so most of the families below are of that kind.
"""

import random
from fractions import Fraction
from operator import add

import mpmath
import numpy as np
import oracle
import pytest
from agreement import same

import scalarspec as ss
from scalarspec.backends.interval import IntervalContext, bulk, points
from scalarspec.backends.interval import arrays as kernel

PRECISIONS = [24, 53, 113, 200]
CASES = 150


def numbers(seed):
    """Dyadic numbers of several families."""
    source = random.Random(seed)
    for _ in range(CASES):
        sign = source.choice([-1, 1])
        yield sign * Fraction(source.randint(1, 64)) * Fraction(2) ** source.randint(-60, 3)  # few bits
        yield 1 + sign * Fraction(source.randint(1, 8)) / 2 ** source.randint(1, 90)  # beside 1
        yield sign * Fraction(source.getrandbits(53)) / 2 ** source.randint(46, 110)  # full mantissas
        yield sign * Fraction(source.getrandbits(130)) / 2 ** source.randint(120, 400)  # longer than the precision


def ulp(context, value):
    """One unit in the last place of the precision, at a value."""
    exponent = abs(value).numerator.bit_length() - abs(value).denominator.bit_length()
    return Fraction(2) ** (exponent + 1 - context.prec)


@pytest.mark.parametrize("prec", PRECISIONS)
@pytest.mark.parametrize("name", oracle.UNARY)
def test_elementary_functions_enclose_and_are_narrow(name, prec):
    context = IntervalContext(prec)
    for x in numbers(prec):
        if not oracle.in_domain(name, x):
            continue
        low, high = ss.endpoints(getattr(ss, name)(context.tensor(x)))
        least, greatest = oracle.at(oracle.POINT[name], x)
        assert low <= greatest
        assert least <= high, f"{name}({x}) missed at {prec} bits"
        if name != "tan" and greatest != 0:
            assert high - low <= 3 * ulp(context, greatest)


@pytest.mark.parametrize("prec", PRECISIONS)
def test_the_field_is_rounded_outward_once(prec):
    context = IntervalContext(prec)
    values = list(numbers(prec + 1))
    for x, y in zip(values, reversed(values), strict=True):
        if y == 0:
            continue
        a, b = context.tensor(x), context.tensor(y)
        for got, want in ((a + b, x + y), (a - b, x - y), (a * b, x * y), (a / b, x / y), (ss.square(a), x * x)):
            low, high = ss.endpoints(got)
            assert low <= want <= high
            assert low == high == want or high - low <= ulp(context, want)


@pytest.mark.parametrize("prec", PRECISIONS)
def test_integer_powers_enclose(prec):
    context = IntervalContext(prec)
    for x in list(numbers(prec + 2))[:200]:
        for n in (2, 3, 7, -1, -4):
            low, high = ss.endpoints(context.tensor(x) ** n)
            assert low <= x**n <= high
            assert high - low <= 3 * ulp(context, x**n)


@pytest.mark.parametrize("n", [1_000, 10**6 + 1, 2**40 + 3])
def test_integer_powers_too_long_to_write_out_enclose(n):
    """Beyond some thousand bits the power is no longer computed exactly."""
    context = IntervalContext(53)
    for x in (1 + Fraction(1, 2**40), 1 - Fraction(3, 2**45), Fraction(3, 2), Fraction(-5, 4)):
        if n > 10**6 and abs(x) > 1 + Fraction(1, 2**39):
            continue  # the oracle's result would fill the memory
        low, high = ss.endpoints(context.tensor(x) ** n)
        least, greatest = oracle.at(lambda b: abs(b) ** n, x)
        least, greatest = (least, greatest) if x > 0 or n % 2 == 0 else (-greatest, -least)
        assert low <= greatest
        assert least <= high
        assert high - low <= 3 * ulp(context, greatest)


def test_real_powers_enclose():
    context = IntervalContext(53)
    for x in (abs(v) for v in list(numbers(5))[:200]):
        for y in (Fraction(1, 2), Fraction(-1, 2), Fraction(5, 4)):
            low, high = ss.endpoints(ss.pow(context.tensor(x), context.tensor(y)))
            (least, _), (_, greatest) = oracle.real_power(x, x, y)
            assert low <= greatest
            assert least <= high


MISSES_OF_MPMATH = [
    ("exp", Fraction(3893924827815215, 2**50)),
    ("exp", Fraction(1, 2**40)),
    ("log", 1 + Fraction(1, 2**41)),
]


@pytest.mark.parametrize(("name", "x"), MISSES_OF_MPMATH)
def test_where_mpmath_misses_we_do_not(name, x):
    least, greatest = oracle.at(oracle.POINT[name], x)
    theirs = getattr(mpmath.iv, name)(mpmath.mpf(x.numerator) / x.denominator)
    low, high = ss.endpoints(IntervalContext(53).tensor(theirs))
    assert not low <= least <= greatest <= high  # else this regression shows nothing
    low, high = ss.endpoints(getattr(ss, name)(IntervalContext(53).tensor(x)))
    assert low < least < greatest < high


def test_a_power_that_mpmath_misses():
    x = Fraction(68719476739, 2**36)
    low, high = ss.endpoints(IntervalContext(53).tensor(x) ** -0.5)
    assert low * low * x < 1 < high * high * x


def test_a_sum_with_an_operand_longer_than_the_precision():
    context = IntervalContext(24)
    long = 1 + Fraction(1, 2**200)
    low, high = ss.endpoints(context.tensor(long) - context.tensor(1))
    assert low <= Fraction(1, 2**200) <= high


def test_boxes_enclose_their_points():
    context, source = IntervalContext(53), random.Random(3)
    for name, function in oracle.POINT.items():
        for _ in range(40):
            a, b = sorted(Fraction(source.randint(-(2**12), 2**12), 2 ** source.randint(4, 12)) for _ in range(2))
            if not oracle.in_domain(name, a):
                continue
            low, high = ss.endpoints(getattr(ss, name)(context.box(a, b)))
            for t in (0, Fraction(1, 3), Fraction(2, 3), 1):
                least, greatest = oracle.at(function, a + t * (b - a))
                assert low <= greatest
                assert least <= high


def test_text_is_rounded_outward():
    context = IntervalContext(53)
    low, high = ss.endpoints(context.tensor("1/3"))
    shown = context.text(context.literal(Fraction(1, 3)))
    left, right = (Fraction(part) for part in shown.strip("[]").split(", "))
    assert left <= low < high <= right


@pytest.mark.parametrize("prec", [1, 0, -5, 53.0, "53", True, 10**9])
def test_a_bad_precision_is_refused(prec):
    with pytest.raises(ss.errors.ArgumentError, match="prec: expected a number of bits from 2 to 100000"):
        ss.context("interval", prec=prec)


# ---- many at once ---------------------------------------------------------------------------------------------------


def boxes(context, radius):
    """So many that they are held as integers of one unit: around numbers near and far, zeros, and beside zeros."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=60) * 2.0 ** rng.integers(-20, 3, size=60) * rng.choice([0, 1, 1], size=60)
    below, above = (rng.choice([0, Fraction(radius)], size=60) for _ in range(2))
    return (
        context.box([Fraction(v) - r for v, r in zip(x, below, strict=True)], list(map(add, map(Fraction, x), above)))
        / 3
    )


@pytest.mark.parametrize("prec", [11, 53, 113])
@pytest.mark.parametrize("radius", [0, 2.0**-70, 1e-3, 1.0])
def test_many_at_once_are_those_of_the_scalars_to_the_last_bit(prec, radius):
    context = ss.context("interval", prec=prec)
    x, y = boxes(context, radius), 1 / (1 + ss.exp(boxes(context, 1.0)))
    alone = [ss.Tensor(context.reference(), t.shape, context.arrays.unpack(t.value)) for t in (x, y)]
    for spec in (lambda x, y: ss.square(x - y) + ss.relu(x + y), lambda x, y: (ss.relu(x - y) - ss.square(y))[::-1]):
        assert same(spec(x, y), spec(*alone))
    assert isinstance((x - y).value, bulk.Boxes)


@pytest.mark.parametrize("prec", [24, 53, 113])
@pytest.mark.parametrize("radius", [0, 2.0**-70, 2.0**-130, 1.0])
def test_logistic_functions_of_many_enclose_and_are_as_tight_as_of_one(prec, radius):
    context, fine = ss.context("interval", prec=prec), ss.context("interval", prec=300).reference()
    x = boxes(context, radius)
    scalars = context.arrays.unpack(x.value)
    alone = ss.sigmoid(ss.Tensor(context.reference(), x.shape, scalars))
    exact = ss.sigmoid(ss.Tensor(fine, x.shape, scalars))
    (low, high), (least, most), (inner, outer) = (ss.endpoints(t) for t in (ss.sigmoid(x), alone, exact))
    assert ((least <= low) & (low <= inner) & (outer <= high) & (high <= most)).all()


# ---- layers by digits -----------------------------------------------------------------------------------------------


def layer_cases(context, seed):
    """Layers and products of matrices, points and boxes, of sizes that go through BLAS."""
    rng = np.random.default_rng(seed)
    w, v = rng.normal(size=(9, 70)) * 2.0 ** rng.integers(-40, 3, size=(9, 70)), rng.normal(size=(70, 8))
    low = rng.normal(size=(4, 70)) * (rng.uniform(size=(4, 70)) > 0.2)
    x = context.box(low, low + rng.choice([0, 1e-12, 1.0], size=(4, 70)))
    t, bias = context.tensor(w), context.box(rng.normal(size=9), 4 + rng.normal(size=9))
    yield ss.affine(t, x[0], bias)
    yield ss.affine(t, ss.relu(x[1]) / 3, bias)
    yield ss.batched(lambda row: ss.affine(t, row, bias), over="row")(x)
    yield t @ x[2]
    yield x @ context.tensor(v)
    yield x[3] @ context.tensor(v)
    yield t @ ss.matrix_transpose(x)
    yield context.tensor(w[:, :8]) @ ss.matrix_transpose(context.tensor(v))


@pytest.mark.parametrize("prec", [24, 53, 113, 128])
def test_layers_by_digits_are_those_of_the_scalars_to_the_last_bit(monkeypatch, prec):
    context = ss.context("interval", prec=prec)
    for seed in range(3):
        by_digits = list(layer_cases(context, seed))
        monkeypatch.setattr(kernel, "exact_rows", lambda weight, x: None)
        by_scalars = list(layer_cases(context, seed))
        monkeypatch.undo()
        for a, b in zip(by_digits, by_scalars, strict=True):
            assert same(a, b)


@pytest.mark.parametrize("least", [0, 1 << 60])
def test_layers_by_digits_are_those_by_integers(monkeypatch, least):
    right = list(layer_cases(ss.context("interval"), 0))
    monkeypatch.setattr(points, "BY_DIGITS_FROM", least)
    assert all(same(a, b) for a, b in zip(right, layer_cases(ss.context("interval"), 0), strict=True))


def test_the_layers_of_that_test_do_go_by_integers(monkeypatch):
    taken = []
    right = kernel.exact_rows

    def noted(weight, x):
        taken.append(right(weight, x))
        return taken[-1]

    monkeypatch.setattr(kernel, "exact_rows", noted)
    list(layer_cases(ss.context("interval"), 0))
    assert len(taken) == 8
    assert all(result is not None for result in taken)


def test_one_ulp_in_a_layer_is_caught(monkeypatch):
    context = ss.context("interval")
    right = list(layer_cases(context, 0))
    products = points.Points.products

    def wrong(*args):
        middle, radius = products(*args)
        return middle + (middle >> 52), radius

    monkeypatch.setattr(points.Points, "products", wrong)
    assert not any(same(a, b) for a, b in zip(right, layer_cases(context, 0), strict=True))


def test_layers_of_infinite_boxes_and_of_far_numbers():
    context = ss.context("interval")
    w = np.ones((8, 70))
    unbounded = ss.exp(ss.broadcast_to(context.tensor(10.0**7), (70,)))
    low, high = ss.endpoints(ss.affine(context.tensor(w), unbounded, context.tensor(np.zeros(8))))
    assert (high == np.inf).all()
    tiny = context.box(np.zeros(70), np.full(70, 1e-300))
    low, high = ss.endpoints(ss.affine(context.tensor(w), 1 + tiny, context.tensor(np.zeros(8))))
    assert (low <= 70).all()
    assert (high > 70).all()
