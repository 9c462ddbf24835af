"""The interval kernel against an independent oracle (python-flint's arb at 1,000 bits) and exact rationals.

Inputs with few significant bits are where enclosures miss, so most of the families below are of that kind.
"""

import random
from fractions import Fraction

import flint
import mpmath
import pytest

import scalarspec as ss
from scalarspec.backends.interval import IntervalContext

PRECISIONS = [24, 53, 113, 200]
CASES = 150

FUNCTIONS = {
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "sqrt": lambda x: x.sqrt(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "tan": lambda x: x.tan(),
    "atan": lambda x: x.atan(),
    "erf": lambda x: x.erf(),
    "expm1": lambda x: x.expm1(),
    "log1p": lambda x: x.log1p(),
    "sinh": lambda x: x.sinh(),
    "cosh": lambda x: x.cosh(),
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "softplus": lambda x: x.exp().log1p(),
    "expm1mx": lambda x: x.exp() - 1 - x,
    "logcosh": lambda x: x.cosh().log(),
}
DOMAINS = {"log": lambda x: x > 0, "sqrt": lambda x: x >= 0, "log1p": lambda x: x > -1}


def oracle(function, x):
    """Rational bounds on f(x), some 300 digits apart."""
    with flint.ctx.workprec(2000):
        ball = function(flint.arb(flint.fmpq(x.numerator, x.denominator)))
        ends = (ball.lower().man_exp(), ball.upper().man_exp())
        return tuple(Fraction(int(m)) * Fraction(2) ** int(e) for m, e in ends)


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
@pytest.mark.parametrize("name", FUNCTIONS)
def test_elementary_functions_enclose_and_are_narrow(name, prec):
    context = IntervalContext(prec)
    for x in numbers(prec):
        if not DOMAINS.get(name, lambda _: True)(x):
            continue
        low, high = ss.endpoints(getattr(ss, name)(context.tensor(x)))
        least, greatest = oracle(FUNCTIONS[name], x)
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


def test_real_powers_enclose():
    context = IntervalContext(53)
    for x in (abs(v) for v in list(numbers(5))[:200]):
        for y in (Fraction(1, 2), Fraction(-1, 2), Fraction(5, 4)):
            low, high = ss.endpoints(ss.pow(context.tensor(x), context.tensor(y)))
            least, greatest = oracle(
                lambda b, y=y: (b.log() * flint.arb(flint.fmpq(y.numerator, y.denominator))).exp(), x
            )
            assert low <= greatest
            assert least <= high


MISSES_OF_MPMATH = [
    ("exp", Fraction(3893924827815215, 2**50)),
    ("exp", Fraction(1, 2**40)),
    ("log", 1 + Fraction(1, 2**41)),
]


@pytest.mark.parametrize(("name", "x"), MISSES_OF_MPMATH)
def test_where_mpmath_misses_we_do_not(name, x):
    least, greatest = oracle(FUNCTIONS[name], x)
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
    for name, function in FUNCTIONS.items():
        for _ in range(40):
            a, b = sorted(Fraction(source.randint(-(2**12), 2**12), 2 ** source.randint(4, 12)) for _ in range(2))
            if not DOMAINS.get(name, lambda _: True)(a):
                continue
            low, high = ss.endpoints(getattr(ss, name)(context.box(a, b)))
            for t in (0, Fraction(1, 3), Fraction(2, 3), 1):
                least, greatest = oracle(function, a + t * (b - a))
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
