"""The field and the order of `interval`: exact in integers, then one shift outward."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from scalarspec.backends.interval.ends import ENTIRE, ZERO, Interval, bounded, exact_product, is_point
from scalarspec.backends.interval.mpf import from_mpf, mpmath_context, to_mpf
from scalarspec.core.context import Context
from scalarspec.core.domains import BY_WIDTH, pole, undecided
from scalarspec.core.truth import Kleene, Maybe
from scalarspec.errors import ArgumentError, DivisionByZero, DomainError, NotExact
from scalarspec.numbers.dyadic import (
    INF,
    INFINITE,
    MINUS_INF,
    fraction,
    larger,
    less,
    quotient_down,
    quotient_up,
    smaller,
    sum_down,
    sum_up,
)
from scalarspec.numbers.exact import End, data_value, interval_text


@dataclass(frozen=True)
class IntervalField(Context[Interval]):
    """Closed intervals of reals whose ends have `prec` bits: in and out, + - × ÷, and comparisons."""

    prec: int = 53
    lifted: bool = False
    encloses: ClassVar[bool] = True

    # ---- in and out -------------------------------------------------------------------------------------------------

    def literal(self, value: Fraction) -> Interval:
        """The tightest enclosure."""
        low = quotient_down(value.numerator, 0, value.denominator, 0, self.prec)
        return bounded(*low, *quotient_up(value.numerator, 0, value.denominator, 0, self.prec))

    def data(self, value: Any) -> Interval:
        """A dyadic number as a point, whatever its length; another as its tightest enclosure; an mpmath interval."""
        if hasattr(value, "_mpi_"):
            return bounded(*from_mpf(value._mpi_[0]), *from_mpf(value._mpi_[1]))
        exact = data_value(value)
        if exact.denominator & (exact.denominator - 1):
            return self.literal(exact)
        point = exact.numerator, 1 - exact.denominator.bit_length()
        return bounded(*point, *point)

    def enclose(self, lower: Any, upper: Any) -> Interval:
        """The interval from `lower` to `upper`, rounded outward; an end may be an infinity."""
        low = MINUS_INF if _is_float(lower, -np.inf) else self.data(lower)[:2]
        high = INF if _is_float(upper, np.inf) else self.data(upper)[2:]
        if low != MINUS_INF and high != INF and data_value(lower) > data_value(upper):
            raise ArgumentError(f"box: the lower end {lower} exceeds the upper end {upper}")
        return (*low, *high)

    def exact_value(self, x: Interval) -> Fraction:
        if not is_point(x):
            raise NotExact(f"{self.text(x)} is not one number")
        return fraction(*x[:2])

    def endpoints(self, x: Interval) -> tuple[End, End]:
        a, e, b, f = x
        return (
            -math.inf if e == INFINITE else fraction(a, e),
            math.inf if f == INFINITE else fraction(b, f),
        )

    def item(self, x: Interval) -> Any:
        """mpmath's interval, of a context of ours with this precision."""
        return mpmath_context(self.prec).make_mpf((to_mpf(*x[:2]), to_mpf(*x[2:])))

    def text(self, x: Interval) -> str:
        return interval_text(*self.endpoints(x))

    @abstractmethod
    def logsumexp(self, terms: Sequence[Interval]) -> Interval:
        """log Σ eˣ."""

    @abstractmethod
    def shares(self, terms: Sequence[Interval]) -> list[Interval]:
        """eˣ over Σ eˣ, for each."""

    @abstractmethod
    def rms_norm(self, terms: Sequence[Interval], eps: Interval) -> list[Interval]:
        """x over the root of eps and the mean of all squares, for each."""

    @abstractmethod
    def log_shares(self, terms: Sequence[Interval]) -> list[Interval]:
        """x - log Σ eˣ, for each."""

    def beyond(self, reaches: bool, call: str, need: str) -> None:
        """An operand lies outside of a domain, or partly so, if it reaches in. Raises DomainError, or DomainUndecided,
        with the precision; returns where values are wanted wherever there are some (`core.domains`).
        """
        if not reaches:
            raise DomainError(f"{call}: {need}")
        undecided(f"{call} at {self.prec} bits: {need}, and {BY_WIDTH}")

    def _number(self, n: int) -> Interval:
        """Small whole numbers are points at any precision."""
        return (n, 0, n, 0)

    # ---- the field --------------------------------------------------------------------------------------------------

    def add(self, x: Interval, y: Interval) -> Interval:
        a, e, b, f = x
        c, g, d, h = y
        prec = self.prec
        return (*sum_down(a, e, c, g, prec), *sum_up(b, f, d, h, prec))

    def subtract(self, x: Interval, y: Interval) -> Interval:
        a, e, b, f = x
        c, g, d, h = y
        prec = self.prec
        return (*sum_down(a, e, -d, h, prec), *sum_up(b, f, -c, g, prec))

    def negative(self, x: Interval) -> Interval:
        a, e, b, f = x
        return -b, f, -a, e

    def multiply(self, x: Interval, y: Interval) -> Interval:
        return self.rounded(exact_product(x, y))

    def divide(self, x: Interval, y: Interval) -> Interval:
        """The set of quotients; everything where 0 lies inside y. y = 0 itself is refused."""
        c, g, d, h = y
        if c == d == 0:
            raise DivisionByZero(f"divide({self.text(x)}, 0): division by zero")
        if d <= 0:
            x, (c, g, d, h) = self.negative(x), self.negative(y)
        a, e, b, f = x
        if c <= 0:
            pole(lambda: f"divide({self.text(x)}, {self.text(y)}): 0 lies in the divisor")
        if a == b == 0:
            return ZERO
        if c == d and g == h and c & (c - 1) == 0 and e != INFINITE != f:
            power = g + c.bit_length() - 1
            return self.rounded((a, e - power, b, f - power))
        if c < 0 or (c == 0 and a < 0 < b):
            return ENTIRE
        low = MINUS_INF if a < 0 and c == 0 else quotient_down(a, e, *((d, h) if a >= 0 else (c, g)), self.prec)
        high = INF if b > 0 and c == 0 else quotient_up(b, f, *((c, g) if b > 0 else (d, h)), self.prec)
        return bounded(*low, *high)

    def square(self, x: Interval) -> Interval:
        a, e, b, f = self.abs(x)
        return self.rounded((a * a, 2 * e, b * b, 2 * f))

    # ---- order ------------------------------------------------------------------------------------------------------

    def less(self, x: Interval, y: Interval) -> Kleene:
        if less(x[2], x[3], y[0], y[1]):
            return True
        return Maybe(self, "<", x, y) if less(x[0], x[1], y[2], y[3]) else False

    def less_equal(self, x: Interval, y: Interval) -> Kleene:
        if less(y[2], y[3], x[0], x[1]):
            return False
        return Maybe(self, "<=", x, y) if less(y[0], y[1], x[2], x[3]) else True

    def where(self, p: Kleene, x: Interval, y: Interval) -> Interval:
        """The hull of both branches where p is undecided."""
        if isinstance(p, Maybe):
            return (*smaller(x[:2], y[:2]), *larger(x[2:], y[2:]))
        return x if p else y

    def maximum(self, x: Interval, y: Interval) -> Interval:
        return (*larger(x[:2], y[:2]), *larger(x[2:], y[2:]))

    def minimum(self, x: Interval, y: Interval) -> Interval:
        return (*smaller(x[:2], y[:2]), *smaller(x[2:], y[2:]))

    def abs(self, x: Interval) -> Interval:
        a, e, b, f = x
        if a >= 0:
            return x
        return (-b, f, -a, e) if b <= 0 else (0, 0, *larger((-a, e), (b, f)))

    def relu(self, x: Interval) -> Interval:
        a, _, b, f = x
        return x if a >= 0 else (0, 0, b, f) if b > 0 else ZERO

    # ---- rounding ---------------------------------------------------------------------------------------------------

    def rounded(self, x: Interval) -> Interval:
        """The ends moved outward to `prec` bits: `>>` of Python's integers rounds down, and -(-b >> k) up."""
        a, e, b, f = x
        k = a.bit_length() - self.prec
        if k > 0:
            a, e = a >> k, e + k
        k = b.bit_length() - self.prec
        if k > 0:
            b, f = -(-b >> k), f + k
        return bounded(a, e, b, f)


def _is_float(value: Any, wanted: float) -> bool:
    return isinstance(value, float | np.floating) and value == wanted
