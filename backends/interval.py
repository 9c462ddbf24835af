"""Rigorous intervals at any precision, by integers. Promise: every result contains the exact real value.

A scalar is four integers (a, e, b, f): the interval [a 2^e, b 2^f]. Why each operation encloses:

    + - * square, integer powers    exact in integers, then one shift: `>>` of Python's integers rounds down
    / √                             integer quotient and root, which round down, and up where there is a remainder
    min max abs relu where          a choice among exact ends
    exp log                         fixed point at GUARD extra bits: reduction by ln 2, then a series from values of
                                    libmp; moved outward by 2^MARGIN of its last places (log near 1: as next line)
    sin cos tan atan pi             libmp's value at GUARD extra bits, moved outward by 2^MARGIN of its last places
    erf                             its series of positive terms, term by term as intervals, and a bound of the tail
    expm1 log1p expm1mx sinh cosh   interval evaluation, at a higher precision, at the ends of pieces on which the
    tanh sigmoid softplus logcosh   function is monotone; a Taylor enclosure where the argument is tiny
    pow                             exp(y log x) for a positive base, at a higher precision

So the trust rests on Python's integers and, for the six functions in the middle, on libmp's being right to 2^MARGIN
last places at GUARD extra bits (the largest error measured is 17 of these, where 1,024 are allowed). What mpmath itself
builds for intervals is not used: `iv.exp`, `iv.log` and powers can miss the true value. No global state is read or
written.

Termination: exponents stay within ±EXPONENT_LIMIT. An end beyond moves outward: to an infinity, to 0, or to the
limit. An angle beyond 2^ANGLE_BITS_LIMIT is not reduced: its sine is [-1, 1]. An infinite end means that no bound is
known; a lower end is never +∞.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any, ClassVar

import numpy as np
from mpmath import libmp
from mpmath.ctx_iv import MPIntervalContext
from mpmath.libmp.libelefun import LOG_TAYLOR_PREC, exp_basecase, ln2_fixed, log_taylor_cached, pi_fixed

from scalarspec.core.arrays import Arrays, LiftedArrays, lift
from scalarspec.core.context import Context
from scalarspec.core.truth import Kleene, Maybe
from scalarspec.errors import ArgumentError, DivisionByZero, DomainError, NotExact, TooLarge
from scalarspec.numbers import environment
from scalarspec.numbers.dyadic import (
    EXPONENT_LIMIT,
    INF,
    INFINITE,
    MINUS_INF,
    Number,
    exact_sum,
    fixed,
    fraction,
    larger,
    less,
    limited,
    quotient_down,
    quotient_up,
    smaller,
    sum_down,
    sum_up,
)
from scalarspec.numbers.exact import End, data_value, holds_floats, interval_text
from scalarspec.numbers.integers import (
    BY_DIGITS_FROM,
    TERMS,
    Digits,
    digit_bits,
    least_exponent,
    product,
    whole_numbers,
)

Interval = tuple[int, int, int, int]
Point = Callable[[int, int], Interval]
Array = np.ndarray[Any, Any]

GUARD = 24
MARGIN = 10
ANGLE_BITS_LIMIT = 1 << 14
EXP_TABLE_BITS = 256
"""Up to this many bits, exp uses a table."""
POWER_BITS_LIMIT = 64
"""Integer exponents of more bits are refused."""

ZERO, ONE, TWO, UNIT = (0, 0, 0, 0), (1, 0, 1, 0), (1, 1, 1, 1), (-1, 0, 1, 0)
ENTIRE = (*MINUS_INF, *INF)
HUGE = (1, EXPONENT_LIMIT, *INF)
"""What a function that grows without bound has at +∞, or beyond the limit."""


LIBMP = Lock()
"""Held while libmp works: it lengthens its stored values of π and ln 2 in two steps, and threads that met there would
read a wrong one. The program's own mpmath code cannot hold it; so both are lengthened here once, for all but giants."""
pi_fixed(1 << 15)
ln2_fixed(1 << 15)


@lru_cache(maxsize=4096)
def constant(fixed_point: Callable[[int], int], bits: int) -> int:
    """ln 2 or π in units of 2^-bits, by libmp."""
    with LIBMP:
        return fixed_point(bits)


@dataclass(frozen=True)
class IntervalContext(Context[Interval]):
    """Closed intervals of reals whose ends have `prec` bits."""

    prec: int = 53
    lifted: bool = False
    encloses: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "interval"

    @cached_property
    def arrays(self) -> Arrays:
        return LiftedArrays(self) if self.lifted else IntervalArrays(self)

    def reference(self) -> IntervalContext:
        """The same intervals, summed one by one."""
        return replace(self, lifted=True)

    def __repr__(self) -> str:
        return f"interval(prec={self.prec})" + (".reference()" if self.lifted else "")

    # ---- in and out -------------------------------------------------------------------------------------------------

    def literal(self, value: Fraction) -> Interval:
        """The tightest enclosure."""
        low = quotient_down(value.numerator, 0, value.denominator, 0, self.prec)
        return bounded(*low, *quotient_up(value.numerator, 0, value.denominator, 0, self.prec))

    def data(self, value: Any) -> Interval:
        """A dyadic number as a point, whatever its length; another as its tightest enclosure; an mpmath interval."""
        if hasattr(value, "_mpi_"):
            return bounded(*_from_mpf(value._mpi_[0]), *_from_mpf(value._mpi_[1]))
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
        if not _is_point(x):
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
        return _mpmath(self.prec).make_mpf((_to_mpf(*x[:2]), _to_mpf(*x[2:])))

    def text(self, x: Interval) -> str:
        return interval_text(*self.endpoints(x))

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
        return self._round(exact_product(x, y))

    def divide(self, x: Interval, y: Interval) -> Interval:
        """The set of quotients; everything where 0 lies inside y. y = 0 itself is refused."""
        c, g, d, h = y
        if c == d == 0:
            raise DivisionByZero(f"divide({self.text(x)}, 0): division by zero")
        if d <= 0:
            x, (c, g, d, h) = self.negative(x), self.negative(y)
        a, e, b, f = x
        if a == b == 0:
            return ZERO
        if c < 0 or (c == 0 and a < 0 < b):
            return ENTIRE
        low = MINUS_INF if a < 0 and c == 0 else quotient_down(a, e, *((d, h) if a >= 0 else (c, g)), self.prec)
        high = INF if b > 0 and c == 0 else quotient_up(b, f, *((c, g) if b > 0 else (d, h)), self.prec)
        return bounded(*low, *high)

    def square(self, x: Interval) -> Interval:
        a, e, b, f = self.abs(x)
        return self._round((a * a, 2 * e, b * b, 2 * f))

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

    # ---- elementary functions ---------------------------------------------------------------------------------------

    def pi(self) -> Interval:
        with LIBMP:
            return self._near(libmp.mpf_pi(self.prec + GUARD))

    def exp(self, x: Interval) -> Interval:
        return _increasing(self._exp_at, x)

    def log(self, x: Interval) -> Interval:
        if x[0] <= 0:
            raise DomainError(f"log({self.text(x)}): the logarithm needs a positive interval")
        return _increasing(self._log_at, x)

    def sqrt(self, x: Interval) -> Interval:
        if x[0] < 0:
            raise DomainError(f"sqrt({self.text(x)}): the square root needs a non-negative interval")
        return _increasing(self._sqrt_at, x)

    def cos(self, x: Interval) -> Interval:
        return self._wave(x, self._cos_at, 0)

    def sin(self, x: Interval) -> Interval:
        return self._wave(x, self._sin_at, 1)

    def tan(self, x: Interval) -> Interval:
        """Rising between its poles, which lie where cos is 0: everything, if there may be one in x."""
        poles = self._extremes(x, 1, scale=self.prec + GUARD)
        return ENTIRE if poles is not None else _increasing(self._tan_at, x)

    def atan(self, x: Interval) -> Interval:
        return _increasing(self._atan_at, x)

    def erf(self, x: Interval) -> Interval:
        return _increasing(_odd(self._erf_at), x)

    def expm1(self, x: Interval) -> Interval:
        return _increasing(self._expm1_at, x)

    def log1p(self, x: Interval) -> Interval:
        if not less(-1, 0, x[0], x[1]):
            raise DomainError(f"log1p({self.text(x)}): log(1 + x) needs an interval above -1")
        return _increasing(self._log1p_at, x)

    def expm1mx(self, x: Interval) -> Interval:
        """Falling on the negative axis, rising on the positive one, 0 at 0."""
        left, right = self._expm1mx_at(*x[:2]), self._expm1mx_at(*x[2:])
        if x[0] <= 0 <= x[2]:
            return (0, 0, *larger(left[2:], right[2:]))
        return (*left[:2], *right[2:]) if x[0] > 0 else (*right[:2], *left[2:])

    def sinh(self, x: Interval) -> Interval:
        return _increasing(_odd(self._sinh_at), x)

    def cosh(self, x: Interval) -> Interval:
        return self._round(Context.cosh(self._finer(), x))

    def tanh(self, x: Interval) -> Interval:
        return _increasing(_odd(self._tanh_at), x)

    def sigmoid(self, x: Interval) -> Interval:
        return self._round(Context.sigmoid(self._finer(), x))

    def softplus(self, x: Interval) -> Interval:
        return self._round(Context.softplus(self._finer(), x))

    def logcosh(self, x: Interval) -> Interval:
        return self._round(Context.logcosh(self._finer(), x))

    def pow(self, x: Interval, y: Interval) -> Interval:
        """Integer powers piece by piece; real ones, of a non-negative base, as exp(y log x)."""
        n = _integer(y)
        if n is not None:
            return self._integer_power(x, n)
        if x[0] < 0 or (x[0] == 0 and y[0] <= 0):
            raise DomainError(f"pow({self.text(x)}, {self.text(y)}): a real exponent needs a positive base")
        if x[0] == 0:
            return (0, 0, *(self.pow((*x[2:], *x[2:]), y)[2:] if x[2] else (0, 0)))
        if _is_point(y) or INFINITE in (x[3], y[1], y[3]):
            return self._power_of(x, y)
        corners = [self.pow((*a, *a), (*c, *c)) for a in {x[:2], x[2:]} for c in {y[:2], y[2:]}]
        low, high = corners[0][:2], corners[0][2:]
        for corner in corners[1:]:  # y log x is bilinear: its extremes lie at corners
            low, high = smaller(low, corner[:2]), larger(high, corner[2:])
        return (*low, *high)

    def _power_of(self, x: Interval, y: Interval) -> Interval:
        work = self._finer(24)
        return self._round(work.exp(work.multiply(y, work.log(x))))

    # ---- values at a point m 2^e, enclosed --------------------------------------------------------------------------

    def _exp_at(self, m: int, e: int) -> Interval:
        if m == 0:
            return ONE
        magnitude = m.bit_length() + e
        if magnitude > EXPONENT_LIMIT.bit_length():
            return HUGE if m > 0 else (0, 0, 1, -EXPONENT_LIMIT)
        wp = self.prec + GUARD
        extra = magnitude if magnitude > 0 else 0
        shift = e + wp + extra
        n, t = divmod(m << shift if shift >= 0 else m >> -shift, constant(ln2_fixed, wp + extra))
        value = _exp_fixed(t >> extra, wp)
        return self._round((value - (1 << MARGIN), n - wp, value + (1 << MARGIN), n - wp))

    def _log_at(self, m: int, e: int) -> Interval:
        if e == INFINITE:
            return (1, 0, *INF)
        wp, bits = self.prec + GUARD, m.bit_length()
        if bits + e == 1 and m == 1 << (bits - 1):
            return ZERO
        up = 1 if (m << 2) >> bits == 2 else 0  # the argument is t 2^n with t in [3/4, 3/2)
        n, t = bits + e - up, fixed(m, up - bits, wp)
        if (n == 0 and abs(t - (1 << wp)) >> (wp - 6) == 0) or wp > LOG_TAYLOR_PREC:
            return self._by_libmp(libmp.mpf_log, m, e)  # near 1 the logarithm is small
        value, error = log_taylor_cached(t, wp) + n * constant(ln2_fixed, wp), (1 << MARGIN) + 2 * abs(n)
        return self._round((value - error, -wp, value + error, -wp))

    def _sqrt_at(self, m: int, e: int) -> Interval:
        if m == 0 or e == INFINITE:
            return (0, 0, m, e)
        shift = max(0, 2 * self.prec + 2 - m.bit_length())
        shift += (e - shift) % 2
        square = m << shift
        root = math.isqrt(square)
        half = (e - shift) // 2
        return self._round((root, half, root + (root * root != square), half))

    def _cos_at(self, m: int, e: int) -> Interval:
        return ONE if m == 0 else self._by_libmp(libmp.mpf_cos, m, e)

    def _sin_at(self, m: int, e: int) -> Interval:
        return ZERO if m == 0 else self._by_libmp(libmp.mpf_sin, m, e)

    def _tan_at(self, m: int, e: int) -> Interval:
        return ZERO if m == 0 else self._by_libmp(libmp.mpf_tan, m, e)

    def _atan_at(self, m: int, e: int) -> Interval:
        return ZERO if m == 0 else self._by_libmp(libmp.mpf_atan, m, e)

    def _expm1_at(self, m: int, e: int) -> Interval:
        x = (m, e, m, e)
        if m == 0 or (m, e) == INF:
            return HUGE if m else ZERO
        if self._is_tiny(x):  # x <= eˣ - 1 <= x + x²
            return self._round((m, e, *self._finer().add(x, self.square(x))[2:]))
        work = self._finer(max(0, -m.bit_length() - e))
        return self._round(work.subtract(work._exp_at(m, e), ONE))

    def _log1p_at(self, m: int, e: int) -> Interval:
        x = (m, e, m, e)
        if m == 0 or e == INFINITE:
            return (0, 0, m, e)
        if self._is_tiny(x):  # x - x² <= log(1 + x) <= x
            return self._round((*self._finer().subtract(x, self.square(x))[:2], m, e))
        work = self._finer(max(0, -m.bit_length() - e))
        return self._round(work.log(work.add(ONE, x)))

    def _expm1mx_at(self, m: int, e: int) -> Interval:
        x = (m, e, m, e)
        if m == 0:
            return ZERO
        if e == INFINITE:
            return HUGE
        if self._is_tiny(x):  # Lagrange's remainder: x²/2 exp(t), t between 0 and x
            work = self._finer()
            between = (0, 0, m, e) if m > 0 else (m, e, 0, 0)
            return self._round(work.multiply(work.divide(work.square(x), TWO), work.exp(between)))
        work = self._finer(2 * max(0, -m.bit_length() - e))
        return self._round(work.subtract(work._expm1_at(m, e), x))

    def _sinh_at(self, m: int, e: int) -> Interval:
        work = self._finer()
        u = work._expm1_at(m, e)
        return self._round(work.divide(work.add(u, work.divide(u, work.add(u, ONE))), TWO))

    def _tanh_at(self, m: int, e: int) -> Interval:
        work = self._finer()
        u = work._expm1_at(m, e + 1) if e != INFINITE else HUGE
        if less(m, e, 1, 0):
            return self._round(work.divide(u, work.add(u, TWO)))
        return self._round(work.subtract(ONE, work.divide(TWO, work.add(u, TWO))))

    def _erf_at(self, m: int, e: int) -> Interval:
        """2/√π e^(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1 3 5 ... (2n+1)), for x >= 0; 1 - e^(-x²) <= erf x <= 1 where that is sharp."""
        x = (m, e, m, e)
        work = self._finer(8)
        square = work.square(x)
        if m == 0:
            return ZERO
        if less(self.prec + GUARD, 0, *square[:2]):
            return self._round((*work.subtract(ONE, work.exp(work.negative(square)))[:2], 1, 0))
        twice, term, total, n = work.multiply(TWO, square), x, x, 0
        while not self._is_negligible(term, total) or not less(*twice[2:], n + 1, 0):
            n += 1
            term = work.divide(work.multiply(term, twice), (2 * n + 1, 0, 2 * n + 1, 0))
            total = work.add(total, term)
        total = (*total[:2], *work.add(total, term)[2:])  # the rest is at most the last term: its ratios are below 1/2
        scale = work.divide(TWO, work.sqrt(work.pi()))
        value = work.multiply(scale, work.multiply(work.exp(work.negative(square)), total))
        return self._round((*value[:2], *smaller(value[2:], (1, 0))))

    def _wave(self, x: Interval, at: Point, phase: int) -> Interval:
        """cos, or sin with the phase 1, from its ends and its extremes."""
        extremes = self._extremes(x, phase, scale=self.prec // 2 + 16)
        if extremes == "both":
            return UNIT
        left = at(*x[:2])
        right = left if _is_point(x) else at(*x[2:])
        low = (-1, 0) if extremes == "low" else larger((-1, 0), smaller(left[:2], right[:2]))
        high = (1, 0) if extremes == "high" else smaller((1, 0), larger(left[2:], right[2:]))
        return (*low, *high)

    def _extremes(self, x: Interval, phase: int, scale: int) -> str | None:
        """Which extremes of cos(t - phase π/2) may t in x reach? They lie where t/π - phase/2 is an integer.

        Decided in fixed point, in units of 2^-scale of a half turn, and up to 8 of them to the safe side: within half
        the precision of an extreme of cos or sin, the value rounds to it.
        """
        a, e, b, f = x
        size = max(a.bit_length() + e, b.bit_length() + f, 0)
        if INFINITE in (e, f) or size > ANGLE_BITS_LIMIT:
            return "both"
        if a == b == 0:
            return None if phase else "high"
        wp = scale + size + 10
        pi = constant(pi_fixed, wp)
        half = phase << (scale - 1)
        first = -((half + 8 - ((fixed(a, e, wp) << scale) // pi)) >> scale)
        last = ((fixed(b, f, wp) << scale) // pi + 8 - half) >> scale
        if first > last:
            return None
        return "both" if first < last else "low" if first % 2 else "high"

    def _integer_power(self, x: Interval, n: int) -> Interval:
        if n < 0:
            work = self._finer()
            return self._round(work.reciprocal(work._integer_power(x, -n)))
        if n == 0:
            return ONE
        a, e, b, f = self.abs(x) if n % 2 == 0 else x
        if n * max(a.bit_length(), b.bit_length()) <= 8192 and INFINITE not in (e, f):
            return self._round((a**n, e * n, b**n, f * n))
        work = self._finer(n.bit_length())
        return self._round(_increasing(lambda m, k: work._product_of((m, k, m, k), n), (a, e, b, f)))

    # ---- rounding ---------------------------------------------------------------------------------------------------

    def _round(self, x: Interval) -> Interval:
        a, e, b, f = x
        k = a.bit_length() - self.prec
        if k > 0:
            a, e = a >> k, e + k
        k = b.bit_length() - self.prec
        if k > 0:
            b, f = -(-b >> k), f + k
        return bounded(a, e, b, f)

    def _near(self, value: tuple[Any, ...]) -> Interval:
        """The enclosure of what libmp's `value` approximates to 2^MARGIN last places of the working precision."""
        sign, mantissa, exponent, bits = value
        shift = self.prec + GUARD - bits
        m = -(mantissa << shift) if sign else mantissa << shift
        e = exponent - shift
        return self._round((m - (1 << MARGIN), e, m + (1 << MARGIN), e))

    def _by_libmp(self, function: Callable[..., Any], m: int, e: int) -> Interval:
        with LIBMP:
            return self._near(function(_to_mpf(m, e), self.prec + GUARD, "n"))

    def _finer(self, bits: int = 0) -> IntervalContext:
        return _context(self.prec + GUARD + bits)

    def _is_tiny(self, x: Interval) -> bool:
        return x[0].bit_length() + x[1] < -self.prec - GUARD

    def _is_negligible(self, term: Interval, total: Interval) -> bool:
        return term[2].bit_length() + term[3] < total[0].bit_length() + total[1] - self.prec - GUARD


class Points:
    """Floats that stand for themselves: weights and data, as they came."""

    __slots__ = ("_digits", "_scalars", "exponent", "floats", "length")

    def __init__(self, floats: Array) -> None:
        self.floats = floats
        self.exponent, self.length = least_exponent(floats)
        self._scalars: Array | None = None
        self._digits: Digits | None = None

    def __reduce__(self) -> Any:
        return Points, (self.floats,)

    def scalars(self) -> Array:
        """The intervals that they are."""
        if self._scalars is None:
            mantissas = whole_numbers(self.floats, self.exponent)
            self._scalars = lift(lambda m: (m, self.exponent, m, self.exponent), mantissas)
        return self._scalars

    def digits(self) -> Digits | None:
        """Of the floats over 2^exponent, for inner products along the last axis."""
        if self._digits is None and (bits := digit_bits(self.floats.shape[-1])):
            self._digits = Digits.of_floats(self.floats, self.exponent, self.length, bits)
        return self._digits


class IntervalArrays(LiftedArrays):
    """Object arrays of scalars, or `Points`. Sums and inner products are exact in integers, and rounded outward once.

    Where one factor of a product of matrices is points, W, and the other boxes from L to H, the exact ends are
    (W (L + H) ± |W| (H - L)) / 2: two products of integer matrices.
    """

    context: IntervalContext

    def run(self, function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
        """Where floats are floats: products of matrices are made of them."""
        environment.check()
        return function(*values, **parameters)

    def function(self, operation: str) -> Callable[..., Any]:
        """`Points` are made scalars for all that has no use for them."""
        method = super().function(operation)
        if operation in _TAKES_POINTS:
            return method
        return lambda *values, **parameters: method(*map(self.unpack, values), **parameters)

    def data(self, array: Array) -> Any:
        if holds_floats(array):
            return Points(array.astype(np.float64))
        return super().data(array)

    def unpack(self, value: Any) -> Array:
        return value.scalars() if isinstance(value, Points) else super().unpack(value)

    def restructured(self, x: Any, function: Callable[[Array], Array]) -> Any:
        return Points(np.asarray(function(x.floats))) if isinstance(x, Points) else function(x)

    def total(self, terms: Sequence[Any]) -> Any:
        return self._rounded_sum(terms)

    def inner(self, xs: Sequence[Any], ys: Sequence[Any]) -> Any:
        return self._rounded_sum(list(map(exact_product, xs, ys)))

    def affine(self, weight: Any, x: Any, bias: Any) -> Any:
        """weight @ x + bias, rounded once. weight: (m, n); x: (n,); bias: (m,)."""
        return self._rows(weight, self.unpack(x)[None], self.unpack(bias)[None])[0]

    def affine_rows(self, weight: Any, x: Any, bias: Any, shape: tuple[int, int]) -> Any:
        return self._rows(weight, self.unpack(x), np.broadcast_to(self.unpack(bias), shape))

    def matmul(self, a: Any, b: Any) -> Any:
        if isinstance(a, Points) and a.floats.ndim == 2:
            columns = self.unpack(b).T.reshape(-1, a.floats.shape[1]) if a.floats.size else self.unpack(b)
            products = exact_rows(a, columns)
            transposed = True
        elif isinstance(b, Points) and b.floats.ndim == 2:
            rows = self.unpack(a)
            products = exact_rows(self.matrix_transpose(b), rows if rows.ndim == 2 else rows[None])
            transposed = False
        else:
            products = None
        left, right = self.unpack(a), self.unpack(b)
        if products is None:
            return super().matmul(left, right)
        rounded = lift(self.context._round, products)
        return (rounded.T if transposed else rounded).reshape(left.shape[:-1] + right.shape[1:])

    def _rows(self, weight: Any, x: Array, bias: Array) -> Array:
        """x @ weightᵀ + bias. weight: (m, n); x: (b, n); bias: (b, m)."""
        products = exact_rows(weight, x) if isinstance(weight, Points) else None
        if products is not None:
            return np.asarray(lift(self._rounded_pair, products, bias))
        rows, result = list(self.unpack(weight)), np.empty(bias.shape, dtype=object)
        for i, j in np.ndindex(*bias.shape):
            terms: list[Any] = [*map(exact_product, rows[j], x[i]), bias[i, j]]
            result[i, j] = self._rounded_sum(terms)
        return result

    def _rounded_pair(self, x: Interval, y: Interval) -> Interval:
        return bounded(*self.context.add(x, y))

    def _rounded_sum(self, terms: Sequence[Interval]) -> Interval:
        if not terms:
            return ZERO
        lows, highs = [t[:2] for t in terms], [t[2:] for t in terms]
        return self.context._round((*exact_sum(lows, -1), *exact_sum(highs, 1)))


_TAKES_POINTS = {"getitem", "reshape", "matrix_transpose", "broadcast_to", "affine", "affine_rows", "matmul"}


def exact_rows(weight: Points, x: Array) -> Array | None:
    """x @ weightᵀ, exactly; None where an end is infinite, or numbers are too long. weight: (m, n); x: (b, n)."""
    if weight.floats.size * len(x) < BY_DIGITS_FROM or (digits := weight.digits()) is None:
        return None
    flat = x.ravel().tolist()
    exponents = [e for a, e, b, f in flat if a] + [f for a, e, b, f in flat if b]
    least = min(exponents, default=0)
    if max(exponents, default=0) - least > digits.bits * TERMS:
        return None
    lows, highs = (
        [m << (e - least) if m else 0 for m, e in ends] for ends in zip(*[(t[:2], t[2:]) for t in flat], strict=True)
    )
    low, high = (np.array(numbers, dtype=object).reshape(x.shape) for numbers in (lows, highs))
    sums, differences = (Digits.of_integers(numbers, digits.bits) for numbers in (high + low, high - low))
    if sums is None or differences is None:
        return None
    middle = product(sums, digits)
    points = not np.any(high - low)  # then |W| need not be looked at
    radius = 0 * middle if points else product(differences, Digits(np.abs(digits.digits), digits.bits))
    exponent = weight.exponent + least - 1
    return lift(lambda a, b: (a, exponent, b, exponent), middle - radius, middle + radius)


def exact_product(x: Interval, y: Interval) -> Interval:
    """The ends of x y, exact; 0 times an infinity is 0, and other infinities are left to `bounded`."""
    a, e, b, f = x
    c, g, d, h = y
    if a >= 0:
        if c >= 0:
            return a * c, e + g, b * d, f + h
        return (b * c, f + g, a * d, e + h) if d <= 0 else (b * c, f + g, b * d, f + h)
    if b <= 0:
        if c >= 0:
            return a * d, e + h, b * c, f + g
        return (b * d, f + h, a * c, e + g) if d <= 0 else (a * d, e + h, a * c, e + g)
    if c >= 0:
        return a * d, e + h, b * d, f + h
    if d <= 0:
        return b * c, f + g, a * c, e + g
    return (*smaller((a * d, e + h), (b * c, f + g)), *larger((a * c, e + g), (b * d, f + h)))


def bounded(a: int, e: int, b: int, f: int) -> Interval:
    """The ends, moved outward where their exponents lie beyond the limit."""
    if -EXPONENT_LIMIT < e < EXPONENT_LIMIT and -EXPONENT_LIMIT < f < EXPONENT_LIMIT:
        return a, e, b, f
    c, g = limited(-b, f)
    return (*limited(a, e), -c, g)


def _is_point(x: Interval) -> bool:
    a, e, b, f = x
    return (a == b and e == f) or (e != INFINITE and f != INFINITE and not less(a, e, b, f))


def _integer(y: Interval) -> int | None:
    """The integer that y is; None if it is none. TooLarge beyond the limit on exponents."""
    m, e = y[:2]
    if not _is_point(y) or e == INFINITE:
        return None
    if m and m.bit_length() + e > POWER_BITS_LIMIT:
        raise TooLarge(f"pow: an exponent of over {POWER_BITS_LIMIT} bits")
    if e >= 0:
        return m << e
    return m >> -e if m & ((1 << -e) - 1) == 0 else None


def _increasing(function: Point, x: Interval) -> Interval:
    a, e, b, f = x
    low = function(a, e)
    return low if a == b and e == f else (*low[:2], *function(b, f)[2:])


def _odd(function: Point) -> Point:
    def extended(m: int, e: int) -> Interval:
        if m >= 0:
            return function(m, e)
        a, j, b, k = function(-m, e)
        return -b, k, -a, j

    return extended


def _exp_fixed(t: int, wp: int) -> int:
    """exp of t in [0, ln 2), in units of 2^-wp: e^(k/256) from a table, times Taylor's series below 2^-8."""
    if wp > EXP_TABLE_BITS:
        return int(exp_basecase(t, wp))
    table, terms = _exp_table(wp)
    k = t >> (wp - 8)
    r = t - (k << (wp - 8))
    one = result = 1 << wp
    for n in terms:
        result = one + (r * result >> wp) // n
    return table[k] * result >> wp


@lru_cache(maxsize=256)
def _exp_table(wp: int) -> tuple[list[int], list[int]]:
    """e^(k/256) in units of 2^-wp, and the divisors of Horner's scheme, last first: the rest is below 2^-wp."""
    last = next(n for n in range(1, wp) if 8 * n + math.lgamma(n + 1) / math.log(2) > wp)
    return [exp_basecase((k << wp) >> 8, wp) for k in range(178)], list(range(last, 0, -1))


def _to_mpf(m: int, e: int) -> Any:
    if e == INFINITE:
        return libmp.finf if m > 0 else libmp.fninf
    return libmp.from_man_exp(m, e)


def _from_mpf(value: tuple[Any, ...]) -> Number:
    sign, mantissa, exponent, _ = value
    if not mantissa and exponent:
        if value not in (libmp.finf, libmp.fninf):
            raise DomainError("an mpmath interval with a NaN end is not an interval of real numbers")
        return INF if value == libmp.finf else MINUS_INF
    return (-int(mantissa) if sign else int(mantissa)), int(exponent)


def _is_float(value: Any, wanted: float) -> bool:
    return isinstance(value, float | np.floating) and value == wanted


def interval(prec: int = 53) -> IntervalContext:
    """Intervals whose ends have `prec` bits, from 2 to 100000."""
    if isinstance(prec, bool) or not isinstance(prec, int) or not 2 <= prec <= 100_000:
        raise ArgumentError(f"prec: expected a number of bits from 2 to 100000, got {prec!r}")
    return _context(prec)


_context = lru_cache(maxsize=1024)(IntervalContext)


@lru_cache(maxsize=64)
def _mpmath(prec: int) -> Any:
    context = MPIntervalContext()
    context.prec = prec
    return context
