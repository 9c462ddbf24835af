"""Bounds on the errors of erf and erfc, in units of 2^-53: by places of the table, and pieces of what is beside."""

from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from types import SimpleNamespace

from kernel_bounds import around_zero, changed, of_exponential, pieces, worst
from kernel_constants import U, bracket_coefficients, erf_coefficients
from kernel_texts import POINTS, agree, exactly, linear, polynomial, require, texts, value
from running_errors import (
    ONE,
    C,
    Exact,
    ExactNumpy,
    Tracked,
    above,
    below,
    interval,
    known,
    meant,
    symmetric,
    tracked,
    variable,
)

from scalarspec.numbers import elementary, error_functions


class Place:
    """k, of the expansion at k/16."""

    def __init__(self, k, rational=False):
        self.k, self.rational = k, rational

    def __truediv__(self, other):
        quotient = Fraction(self.k, other)
        return Exact(quotient) if self.rational else Tracked(interval(quotient))

    def astype(self, _):
        return self.k


@dataclass(frozen=True)
class Argument(Tracked):
    """x = a + h, from which a is taken exactly."""

    h: Tracked | None = None

    def __sub__(self, other):
        return self.h


def meaning_of_error_functions():
    """As `meaning`, with any coefficients."""
    numpy = ExactNumpy()
    numpy.rint = lambda x: Place(round(x.value), rational=True)
    any_of = [[Fraction(k % 7 + n + 2, n * n + k + 3) for n in range(12)] for k in range(425)]
    rows = [[Exact(any_of[k][n]) for k in range(425)] for n in range(error_functions.DEGREE + 1)]
    names = texts(error_functions, make=exactly, np=numpy, _table=lambda: rows)
    names |= {"elementary": SimpleNamespace(exp=linear), "_ERF": list(map(Exact, any_of[0]))}
    for x in (r * scale for r in POINTS for scale in (Fraction(1, 3), 9, 40)):
        size, sign = abs(x), 1 if x > 0 else -1
        k = round(min(size * 16, 424))
        h = size - Fraction(k, 16)
        bracket = polynomial(any_of[k][: error_functions.DEGREE + 1], h)
        agree(names, "_upper", Exact(size), bracket * value(-h * (size + Fraction(k, 16))))
        tail = value(min(size, Fraction(53, 2)))
        agree(names, "erfc", Exact(x), 2 - tail if x < 0 else tail, _upper=linear)
        small = x * polynomial(any_of[0], x * x)
        large = sign * abs(1 - value(min(size, Fraction(13, 2))))
        agree(names, "erf", Exact(x), small if size <= Fraction(1, 2) else large, _upper=linear)


class ErrorFunctions:
    """erfc, by cells k and pieces of h; erf beside it."""

    def __init__(self):
        meaning_of_error_functions()
        self.exp_error = of_exponential("exp", elementary.ERROR["exp"]) * U
        self.table = error_functions._table()
        self.ideals = {}
        self.names = texts(error_functions, elementary=self, _table=lambda: self.rows)
        self.names["_ERF"] = [meant(v, i) for v, i in zip(error_functions._ERF, erf_coefficients(), strict=True)]
        self.upper = self.names["_upper"]

    def exp(self, y):
        """elementary.exp, as near as it was proved to be."""
        true = C.exp(y.t)
        spread = C.multiply(true, C.expm1(symmetric(y.d)))
        require(above(C.expm1(symmetric(y.d))) < Fraction(1, 2**40), "the argument of exp is too far off")
        return Tracked(true, C.add(spread, C.multiply(true, symmetric(self.exp_error * (1 + Fraction(1, 2**39))))))

    def tail(self, k, low, high):
        """_upper(x) on x = k/16 + [low, high], and the range of erfc there.

        What Taylor's series leaves out is at most its first term at the left end, since w is completely monotone; the
        ratio of that to w falls with x, as the average of (2t)^10 under e^(-t² - 2xt) does, and so does -w'/w, from
        2/√π at 0: relatively to w(x) it is below |h|^10 / Γ(6) e^(1.13 |h|), where 1/Γ(6) = 1/120.
        """
        if k not in self.ideals:
            self.ideals = {k: bracket_coefficients(k)}
        self.rows = [{k: meant(row[k], ideal)} for row, ideal in zip(self.table, self.ideals[k], strict=True)]
        a = Fraction(k, error_functions.PER_UNIT)
        x = interval(a + low, a + high)
        self.names["np"].rint = lambda _: Place(k)
        result = self.upper(Argument(x, h=known(low, high)))
        size = max(abs(low), abs(high))
        rest = size**10 / 120 * (1 + 2 * size)
        return changed(result, C.multiply(result.t, symmetric(rest))), C.erfc(x)

    def cells(self, first, last):
        """The pieces of h of each k, from one x to another."""
        half = Fraction(1, 2 * error_functions.PER_UNIT)
        for k in range(round(first * error_functions.PER_UNIT), round(last * error_functions.PER_UNIT) + 1):
            yield k, pieces(0 if k == 0 else -half, half, 2)

    def of_erfc(self, limit, cells=None):
        """Both of erfc x, and of 2 - erfc x beside a value of at least 1."""

        def bound(k, low, high):
            tail, true = self.tail(k, low, high)
            other = (tracked(2) - tail).d
            return max(above(tail.d) / below(true), above(other) + Fraction(1, 2**1000)) / U

        return self.largest(bound, limit, self.cells(0, 26.5) if cells is None else cells)

    def of_erf(self, limit, cells=None):
        """1 - erfc x from 1/2 on; before, a series, whose rest is below x²⁴/(12! 25) of its first term."""

        def bound(k, low, high):
            if Fraction(k, 16) + high <= Fraction(1, 2):
                return Fraction(0)
            low = max(low, Fraction(1, 2) - Fraction(k, 16))
            tail, true = self.tail(k, low, high)
            return above((tracked(1) - tail).d) / below(C.subtract(ONE, true)) / U

        found = self.largest(bound, limit, self.cells(0.5, 6.5) if cells is None else cells)
        beyond = above(C.erfc(interval(6.5))) / U * 2
        require(found + beyond <= limit, "erf is cut too early")
        small = worst(self.small_erf, around_zero(0, Fraction(1, 2)), limit)
        return max(found + beyond, small)

    def small_erf(self, low, high):
        """Of erf x for x below 1/2."""
        self.names |= {"_upper": lambda _: tracked(1)}
        result = self.names["erf"](variable(low, high))
        self.names |= {"_upper": self.upper}
        rest = high**24 / (factorial(12) * 25) * Fraction(114, 100)
        return changed(result, symmetric(rest)).relative() / U

    @staticmethod
    def largest(bound, limit, cells):
        return max(worst(lambda low, high, k=k: bound(k, low, high), some, limit) for k, some in cells)
