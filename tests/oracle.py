"""The exact range of each interval operation over boxes with rational ends, by python-flint at high precision.

An oracle gives, for the infimum and the supremum, a pair of rationals that enclose it (equal where it is rational), or
infinities. It knows nothing of the code under test: monotone pieces and extremes are written out here once more.
"""

import math
from fractions import Fraction

from flint import arb, ctx, fmpq

BITS = 800
Bound = tuple[Fraction | float, Fraction | float]
Range = tuple[Bound, Bound]


def ball(x: Fraction) -> arb:
    return arb(fmpq(x.numerator, x.denominator))


def bounds_of(value: arb) -> Bound:
    ends = (value.lower().man_exp(), value.upper().man_exp())
    low, high = (Fraction(int(m)) * Fraction(2) ** int(e) for m, e in ends)
    return low, high


def at(function, x: Fraction, beside: Fraction = Fraction(1)) -> Bound:
    """Bounds on f(x), some 200 digits apart; more for an x, or another operand, so small that its square decides."""
    smallness = [v.denominator.bit_length() - abs(v.numerator).bit_length() for v in (x, beside) if v]
    with ctx.workprec(BITS + 3 * max([0, *smallness])):
        return bounds_of(function(ball(x)))


def exactly(x) -> Bound:
    return x, x


POINT = {
    "exp": arb.exp,
    "log": arb.log,
    "sqrt": arb.sqrt,
    "sin": arb.sin,
    "cos": arb.cos,
    "tan": arb.tan,
    "atan": arb.atan,
    "erf": arb.erf,
    "expm1": arb.expm1,
    "log1p": arb.log1p,
    "expm1mx": lambda x: x.expm1() - x,
    "sinh": arb.sinh,
    "cosh": arb.cosh,
    "tanh": arb.tanh,
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "softplus": lambda x: x.exp().log1p(),
    "logcosh": lambda x: (2 * (x / 2).sinh() ** 2).log1p(),
    "square": lambda x: x * x,
    "abs": abs,
    "relu": lambda x: x.max(arb(0)),
    "negative": lambda x: -x,
}
DOMAIN = {"log": lambda x: x > 0, "sqrt": lambda x: x >= 0, "log1p": lambda x: x > -1}
VALLEYS = {"expm1mx", "cosh", "logcosh", "square", "abs"}  # falling to 0, rising from 0
FALLING = {"negative"}
UNARY = list(POINT)
BINARY = ["add", "subtract", "multiply", "divide", "maximum", "minimum", "pow"]
POWERS = [2, 3, 4, 7, -1, -2, -3]


def in_domain(name: str, x: Fraction) -> bool:
    """Has the operation a value at x?"""
    return DOMAIN.get(name, lambda _: True)(x)


def unary(name: str, a: Fraction, b: Fraction) -> Range | None:
    """The range over [a, b]; None outside the domain."""
    function = POINT[name]
    if not in_domain(name, a):
        return None
    left = at(function, a)
    right = left if a == b else at(function, b)
    if name in ("sin", "cos"):
        return _wave(left, right, a, b, Fraction(1, 2) if name == "sin" else Fraction(0))
    if name == "tan":
        return (left, right) if not _integers(a, b, Fraction(1, 2)) else (exactly(-math.inf), exactly(math.inf))
    if name in VALLEYS:
        larger = max(left, right)
        return (at(function, Fraction(0)), larger) if a <= 0 <= b else (min(left, right), larger)
    return (right, left) if name in FALLING else (left, right)


def _integers(a: Fraction, b: Fraction, phase: Fraction) -> range:
    """The integers n with a <= (n + phase) π <= b: certain, since only 0 is a rational multiple of π."""
    with ctx.workprec(BITS):
        low, high = (ball(x) / arb.pi() - ball(phase) for x in (a, b))
        first, last = math.ceil(bounds_of(low)[0]), math.floor(bounds_of(high)[1])
    return range(first, last + 1)


def _wave(left: Bound, right: Bound, a: Fraction, b: Fraction, phase: Fraction) -> Range:
    tops = {n % 2 for n in _integers(a, b, phase)[:2]}
    low = exactly(Fraction(-1)) if 1 in tops else min(left, right)
    high = exactly(Fraction(1)) if 0 in tops else max(left, right)
    return low, high


def binary(name: str, a: Fraction, b: Fraction, c: Fraction, d: Fraction) -> Range | None:
    """The range of x ∘ y over [a, b] and [c, d]; None for division by zero alone."""
    if name == "divide":
        return _quotients(a, b, c, d)
    if name == "pow":
        return _powers(a, b, c, d)
    combine = {
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "multiply": lambda x, y: x * y,
        "maximum": max,
        "minimum": min,
    }[name]
    corners = [combine(x, y) for x in (a, b) for y in (c, d)]
    return exactly(min(corners)), exactly(max(corners))


def _quotients(a: Fraction, b: Fraction, c: Fraction, d: Fraction) -> Range | None:
    if c == d == 0:
        return None
    if a == b == 0:
        return exactly(Fraction(0)), exactly(Fraction(0))
    if c < 0 < d:
        return exactly(-math.inf), exactly(math.inf)
    corners: list[Fraction | float] = [x / y for x in (a, b) for y in (c, d) if y != 0]
    if c == 0 or d == 0:
        sign = 1 if c == 0 else -1
        corners += [sign * math.copysign(math.inf, x) for x in (a, b) if x != 0]
    return exactly(min(corners)), exactly(max(corners))


def power(n: int, a: Fraction, b: Fraction) -> Range | None:
    """The range of xⁿ over [a, b], for an integer n."""
    if n == 0:
        return exactly(Fraction(1)), exactly(Fraction(1))
    if n < 0:
        inner = power(-n, a, b)
        return _quotients(Fraction(1), Fraction(1), inner[0][0], inner[1][0])
    ends = [a**n, b**n]
    low = Fraction(0) if n % 2 == 0 and a <= 0 <= b else min(ends)
    return exactly(low), exactly(max(ends))


def _powers(a: Fraction, b: Fraction, c: Fraction, d: Fraction) -> Range | None:
    """The range of xʸ over [a, b] and [c, d]: y log x is bilinear, so that its extremes lie at corners."""
    if c == d and c.denominator == 1:
        return power(c.numerator, a, b)
    if a == 0 and c <= 0:
        return None
    corners = [_power(x, y) for x in {a, b} for y in {c, d}]
    return min(corners), max(corners)


def _power(x: Fraction, y: Fraction) -> Bound:
    if x in (0, 1) or y.denominator == 1:
        return exactly(x ** (y.numerator if y.denominator == 1 else 1))
    return at(lambda v: (v.log() * ball(y)).exp(), x, y)


def real_power(a: Fraction, b: Fraction, y: Fraction) -> Range | None:
    """The range of xʸ over [a, b] for a > 0, or a = 0 and y > 0."""
    if a < 0 or (a == 0 and y <= 0):
        return None
    if a == 0:
        return exactly(a), (exactly(b) if b == 0 else real_power(b, b, y)[1])
    left, right = (at(lambda x: (x.log() * ball(y)).exp(), end) for end in (a, b))
    return (left, right) if y >= 0 else (right, left)
