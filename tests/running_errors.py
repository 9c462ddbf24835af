"""A float that a text computes, beside the number that it would be without error: a rigorous running error analysis.

A kernel of float64 is straight arithmetic. Its own text is run on `Tracked`s, which hold of each intermediate result,
for all arguments of a piece at once, the range of the exact number, by intervals at 100 bits, and that of the error.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from scalarspec.backends.interval import IntervalContext
from scalarspec.numbers.dyadic import fraction

C = IntervalContext(100)
Interval = tuple[int, int, int, int]

ZERO, ONE = (0, 0, 0, 0), (1, 0, 1, 0)
LEAST_NORMAL, HALF_LAST = -1022, -1075


def interval(low, high=None):
    """[low, high], rounded outward; or a point."""
    return C.enclose(Fraction(low), Fraction(low if high is None else high))


def symmetric(size):
    """[-s, s] for the upper end s of an interval, or for a number."""
    _, _, b, f = C.abs(size) if isinstance(size, tuple) else interval(abs(size))
    return (-b, f, b, f)


def hull(x, y):
    return C.minimum(x, y)[:2] + C.maximum(x, y)[2:]


def above(x):
    """The largest size of numbers in an interval."""
    return fraction(*C.abs(x)[2:])


def below(x):
    """The smallest size of numbers in an interval."""
    return fraction(*C.abs(x)[:2])


def half_ulp(z):
    """A bound on the error of rounding a number of the interval to the nearest float64: half the last place."""
    _, _, b, f = C.abs(z)
    exponent = max(b.bit_length() + f - 1, LEAST_NORMAL)
    return (1, exponent - 53, 1, exponent - 53) if b else ZERO


@dataclass(frozen=True)
class Tracked:
    """The exact number is rᵖ t, the float is rᵖ (t + d), for some r of the piece `base`.

    A power of r is kept apart so that relative errors can be told where r comes to 0; underflow is not counted there.
    """

    t: Interval
    d: Interval = ZERO
    power: int = 0
    base: Interval = ONE

    __array_ufunc__ = None  # NumPy's constants leave arithmetic to this class

    def range(self):
        """Of the float."""
        return C.multiply(self.scale(self.power), C.add(self.t, self.d))

    def scale(self, power):
        """rᵖ."""
        return C.pow(self.base, (power, 0, power, 0)) if power else ONE

    def relative(self):
        """A bound on |error| / |exact number|."""
        return above(C.divide(self.d, self.t)) if below(self.t) else float("inf")

    def off(self, more):
        """The same float, which is off by so much more, in an interval of errors; or whose exact number is."""
        return Tracked(self.t, C.add(self.d, more), self.power, self.base)

    def is_short(self):
        """Is it one number, exactly, of 53 bits or fewer?"""
        a, e, b, f = self.t
        return self.d == ZERO and self.power == 0 and (a, e) == (b, f) and (a // (a & -a or 1)).bit_length() <= 53

    def is_zero(self):
        return self.t[0] == self.t[2] == self.d[0] == self.d[2] == 0

    def rounded(self):
        """Rounded to the nearest float64: by u |t + d|, or by half of the last place where that is less."""
        if self.is_short():
            return self
        value = C.add(self.t, self.d)
        error = C.divide(C.abs(value), (1, 53, 1, 53))
        scale = self.scale(self.power)
        if below(scale):
            other = C.divide(half_ulp(C.multiply(scale, value)), (*C.abs(scale)[:2], *C.abs(scale)[:2]))
            error = other if above(other) < above(error) or self.power == 0 else error
        return self.off(symmetric(error))

    def _with(self, other):
        other = tracked(other)
        return other, self.base if self.power else other.base

    def __add__(self, other):
        if not isinstance(other, Tracked | float | int | np.ndarray):
            return NotImplemented
        if other is self:  # exact, as a product with 2 is
            return self * tracked(2)
        other, base = self._with(other)
        if self.is_zero() or other.is_zero():
            return other if self.is_zero() else self
        low = min(self.power, other.power)
        t, d = ZERO, ZERO
        for x in (self, other):
            factor = Tracked(ONE, base=base).scale(x.power - low)
            t, d = C.add(t, C.multiply(factor, x.t)), C.add(d, C.multiply(factor, x.d))
        return Tracked(t, d, low, base).rounded()

    def __neg__(self):
        return Tracked(C.negative(self.t), C.negative(self.d), self.power, self.base)

    def __mul__(self, other):
        other, base = self._with(other)
        t = C.multiply(self.t, other.t)
        d = C.add(C.multiply(self.t, other.d), C.multiply(self.d, C.add(other.t, other.d)))
        product = Tracked(t, d, self.power + other.power, base)
        return product if self.is_power_of_two() or other.is_power_of_two() else product.rounded()

    def is_power_of_two(self):
        """Is it exactly that, so that a product is exact?"""
        a, e, b, f = self.t
        return self.d == ZERO and self.power == 0 and (a, e) == (b, f) and abs(a) & (abs(a) - 1) == 0

    def __truediv__(self, other):
        other, base = self._with(other)
        t = C.divide(self.t, other.t)
        d = C.divide(C.subtract(self.d, C.multiply(t, other.d)), C.add(other.t, other.d))
        return Tracked(t, d, self.power - other.power, base).rounded()

    def __sub__(self, other):
        return self + -tracked(other)

    def __rsub__(self, other):
        return tracked(other) - self

    def __rtruediv__(self, other):
        return tracked(other) / self

    __radd__ = __add__
    __rmul__ = __mul__

    def __eq__(self, other):
        """Of exact constants."""
        return self.t == tracked(other).t

    def __le__(self, other):
        return bool(C.less_equal(self.range(), tracked(other).range()) is True)

    def __lt__(self, other):
        return bool(C.less(self.range(), tracked(other).range()) is True)


def tracked(value):
    """A number that stands in a text: only small ones are taken to be meant exactly."""
    if isinstance(value, Tracked):
        return value
    return Tracked(interval(plain(value)))


def plain(value):
    """A number that stands in a text, exactly."""
    exact = Fraction(float(value))
    assert max(exact.denominator * 1024, abs(exact)) <= 4096, f"{value}: what is it meant to be?"
    return exact


def meant(value, ideal):
    """A constant of a text that stands for a real number, of which `ideal` is an enclosure."""
    return Tracked(ideal, C.subtract(interval(Fraction(float(value))), ideal))


def variable(low, high):
    """The reduced argument itself, exact, in a piece: r¹ 1."""
    return Tracked(ONE, ZERO, 1, interval(low, high))


def known(low, high):
    """A float of a piece, exact."""
    return Tracked(interval(low, high))


class Numpy:
    """What the texts take from NumPy, of numbers that need no moving: they lie where a piece is."""

    abs = staticmethod(lambda x: x)
    minimum = maximum = fmin = copysign = staticmethod(lambda x, y: x)
    square = staticmethod(lambda x: x * x)
    asarray = staticmethod(lambda x: x)
    full_like = staticmethod(lambda x, value: value)
    where = staticmethod(lambda condition, x, y: x if condition else y)
    intp = np.intp
    rint = None
    """A proof sets it: the place that is looked up in a table."""


class Exact:
    """A rational number, on which a text is its formula."""

    __array_ufunc__ = None

    def __init__(self, value):
        self.value = Fraction(value)

    @staticmethod
    def of(x):
        return x if isinstance(x, Exact) else Exact(plain(x))

    def __add__(self, other):
        return Exact(self.value + Exact.of(other).value) if not hasattr(other, "n") else NotImplemented

    def __mul__(self, other):
        return Exact(self.value * Exact.of(other).value)

    def __truediv__(self, other):
        return Exact(self.value / Exact.of(other).value)

    def __neg__(self):
        return Exact(-self.value)

    def __sub__(self, other):
        return self + -Exact.of(other)

    def __rsub__(self, other):
        return Exact.of(other) - self

    def __rtruediv__(self, other):
        return Exact.of(other) / self

    def __lt__(self, other):
        return self.value < Exact.of(other).value

    def __le__(self, other):
        return self.value <= Exact.of(other).value

    def __eq__(self, other):
        return self.value == Exact.of(other).value

    __hash__ = None
    __radd__ = __add__
    __rmul__ = __mul__


class ExactNumpy(Numpy):
    """The same of any numbers."""

    abs = staticmethod(lambda x: Exact(abs(x.value)))
    minimum = fmin = staticmethod(lambda x, y: Exact(min(x.value, Exact.of(y).value)))
    maximum = staticmethod(lambda x, y: Exact(max(x.value, Exact.of(y).value)))
    copysign = staticmethod(lambda x, y: Exact(abs(x.value) * (1 if y.value > 0 else -1)))
