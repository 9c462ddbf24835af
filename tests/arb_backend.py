"""A third-party backend in one file: intervals whose ends are points of python-flint's arb, at 53 bits."""

import copyreg
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from flint import arb, fmpq

from scalarspec.core.context import Context
from scalarspec.core.truth import Maybe
from scalarspec.errors import DivisionByZero, DomainError, NotExact
from scalarspec.numbers.exact import data_value

copyreg.pickle(arb, lambda x: (exactly, (dyadic(x),)))  # arb itself does not pickle


def exactly(x):
    return arb(fmpq(x.numerator, x.denominator))


def dyadic(x):
    if not x.is_finite():
        raise DomainError(f"{x} is not a number")
    mantissa, exponent = x.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def hull(*balls):
    """The ends of the smallest interval around some balls."""
    return min((b.lower() for b in balls), key=dyadic), max((b.upper() for b in balls), key=dyadic)


def increasing(function, x):
    return function(x[0]).lower(), function(x[1]).upper()


@dataclass(frozen=True)
class ArbContext(Context[tuple[arb, arb]]):
    name = "arb"
    encloses: ClassVar[bool] = True

    def literal(self, value):
        return hull(exactly(value))

    def enclose(self, lower, upper):
        return hull(exactly(data_value(lower)), exactly(data_value(upper)))

    def item(self, x):
        return x[0] if x[0] == x[1] else x[0].union(x[1])

    def data(self, value):
        return hull(value) if isinstance(value, arb) else super().data(value)

    def exact_value(self, x):
        if x[0] != x[1]:
            raise NotExact(f"{x} is not one number")
        return dyadic(x[0])

    def endpoints(self, x):
        return dyadic(x[0]), dyadic(x[1])

    def add(self, x, y):
        return (x[0] + y[0]).lower(), (x[1] + y[1]).upper()

    def negative(self, x):
        return -x[1], -x[0]

    def multiply(self, x, y):
        return hull(*(a * b for a in x for b in y))

    def divide(self, x, y):
        if y[0] <= 0 <= y[1]:
            raise DivisionByZero(f"divide: {y} contains 0")
        return hull(*(a / b for a in x for b in y))

    def abs(self, x):
        size = hull(abs(x[0]), abs(x[1]))
        return (arb(0), size[1]) if x[0] <= 0 <= x[1] else size

    def square(self, x):
        low, high = self.abs(x)
        return (low * low).lower(), (high * high).upper()

    def less(self, x, y):
        return True if x[1] < y[0] else False if x[0] >= y[1] else Maybe(self, "<", x, y)

    def less_equal(self, x, y):
        return True if x[1] <= y[0] else False if x[0] > y[1] else Maybe(self, "<=", x, y)

    def where(self, p, x, y):
        return hull(*x, *y) if isinstance(p, Maybe) else x if p else y

    def maximum(self, x, y):
        return x[0].max(y[0]), x[1].max(y[1])

    def pi(self):
        return hull(arb.pi())

    def exp(self, x):
        return increasing(arb.exp, x)

    def log(self, x):
        if x[0] <= 0:
            raise DomainError(f"log({x})")
        return increasing(arb.log, x)

    def sqrt(self, x):
        if x[0] < 0:
            raise DomainError(f"sqrt({x})")
        return increasing(arb.sqrt, x)

    def sin(self, x):
        return self._wave(arb.sin, x, Fraction(1, 2))

    def cos(self, x):
        return self._wave(arb.cos, x, Fraction(0))

    def atan(self, x):
        return increasing(arb.atan, x)

    def erf(self, x):
        return increasing(arb.erf, x)

    def erfc(self, x):
        return hull(*map(arb.erfc, x))

    def floor(self, x):
        return increasing(arb.floor, x)

    def cbrt(self, x):
        return hull(*(end.sgn() * abs(end).root(3) for end in x))

    def expm1mx(self, x):
        low, high = hull(*(end.exp() - 1 - end for end in x))
        return (arb(0), high) if low < 0 or x[0] <= 0 <= x[1] else (low, high)

    def _wave(self, function, x, phase):
        """Extreme where x/π - phase is an integer."""
        turns = [end / arb.pi() - exactly(phase) for end in x]
        between = range(math.ceil(dyadic(turns[0].lower())), math.floor(dyadic(turns[1].upper())) + 1)
        extremes = [arb(1 if n % 2 == 0 else -1) for n in between[:2]]
        low, high = hull(*map(function, x), *extremes)
        return low.max(arb(-1)), high.min(arb(1))
