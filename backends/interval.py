"""Rigorous intervals at any precision, by mpmath. Promise: every result contains the exact real value.

A scalar is a pair of raw mpmath numbers, (infimum, supremum). The promise rests on this, and on nothing else:

* `+ - * / √` of mpmath's `libmp`, which round in the direction asked for. Sums are taken at no less than the
  operands' own length, since `mpf_add` is not directed on longer operands.
* `exp`, `log`, `sin` and `cos` of `libmp` at GUARD extra bits, *not* trusted in their rounding: their results are
  moved outward by 2**MARGIN units of the working precision, some hundred times the largest error known of them.
* every other function is composed of these by interval evaluation at the ends of pieces on which it is monotone.

mpmath's own interval functions are used for the sign cases of products and quotients alone: its `iv.exp`, `iv.log`
and powers can miss the true value. No global state is read or written.

Magnitudes are kept within 2**±EXPONENT_LIMIT: beyond it an end moves outward, to an infinity, to 0, or to the limit.
So nothing hangs and nothing fills the memory. An infinite end stands for "no bound is known".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from mpmath import libmp
from mpmath.ctx_iv import MPIntervalContext

from scalarspec.context import Context
from scalarspec.errors import ArgumentError, DivisionByZero, DomainError, NotExact, TooLarge
from scalarspec.exact import End, data_value, interval_text, mpf_value
from scalarspec.truth import Kleene, Maybe

MPF = Any  # mpmath's raw number: (sign, mantissa, exponent, bitcount)
MPI = tuple[MPF, MPF]
Point = Callable[[MPF], MPI]

GUARD = 24
MARGIN = 10
EXPONENT_LIMIT = 1 << 20
ANGLE_BITS_LIMIT = 1 << 14
"""Angles beyond 2**this are not reduced: their sine is only known to lie in [-1, 1]."""

POWER_BITS_LIMIT = 64
"""Integer exponents of more bits are refused."""

DOWN, UP = libmp.round_floor, libmp.round_ceiling
ZERO, ONE, TWO, HALF = libmp.fzero, libmp.fone, libmp.ftwo, libmp.fhalf
MINUS_ONE, INF, MINUS_INF, NAN = libmp.fnone, libmp.finf, libmp.fninf, libmp.fnan
UNIT: MPI = (MINUS_ONE, ONE)
ENTIRE: MPI = (MINUS_INF, INF)


@dataclass(frozen=True)
class IntervalContext(Context[MPI]):
    """Closed intervals of reals whose ends have `prec` bits."""

    prec: int = 53
    encloses: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "interval"

    def __repr__(self) -> str:
        return f"interval(prec={self.prec})"

    # ---- in and out -------------------------------------------------------------------------------------------------

    def literal(self, value: Fraction) -> MPI:
        """The tightest enclosure."""
        parts = libmp.from_int(value.numerator), libmp.from_int(value.denominator)
        return bounded(libmp.mpf_div(*parts, self.prec, DOWN), libmp.mpf_div(*parts, self.prec, UP))

    def data(self, value: Any) -> MPI:
        """A dyadic number as a point, whatever its length; another as its tightest enclosure; an mpmath interval."""
        if hasattr(value, "_mpi_"):
            lower, upper = value._mpi_
            if NAN in (lower, upper):
                raise DomainError(f"{value} is not an interval of real numbers")
            return bounded(lower, upper)
        exact = data_value(value)
        if exact.denominator & (exact.denominator - 1):
            return self.literal(exact)
        point = libmp.from_man_exp(exact.numerator, 1 - exact.denominator.bit_length())
        return bounded(point, point)

    def enclose(self, lower: Any, upper: Any) -> MPI:
        """The interval from `lower` to `upper`, rounded outward; an end may be an infinity."""
        low = MINUS_INF if _is_float(lower, -np.inf) else self.data(lower)[0]
        high = INF if _is_float(upper, np.inf) else self.data(upper)[1]
        if low != MINUS_INF and high != INF and data_value(lower) > data_value(upper):
            raise ArgumentError(f"box: the lower end {lower} exceeds the upper end {upper}")
        return low, high

    def exact_value(self, x: MPI) -> Fraction:
        if x[0] != x[1]:
            raise NotExact(f"{self.text(x)} is not one number")
        return mpf_value(x[0])

    def endpoints(self, x: MPI) -> tuple[End, End]:
        low = float("-inf") if x[0] == MINUS_INF else mpf_value(x[0])
        high = float("inf") if x[1] == INF else mpf_value(x[1])
        return low, high

    def item(self, x: MPI) -> Any:
        """mpmath's interval, of a context of ours with this precision."""
        return _mpmath(self.prec).make_mpf(x)

    def text(self, x: MPI) -> str:
        return interval_text(*self.endpoints(x))

    # ---- the field --------------------------------------------------------------------------------------------------

    def add(self, x: MPI, y: MPI) -> MPI:
        return self._sum(x[0], y[0], DOWN), self._sum(x[1], y[1], UP)

    def negative(self, x: MPI) -> MPI:
        return libmp.mpf_neg(x[1]), libmp.mpf_neg(x[0])

    def multiply(self, x: MPI, y: MPI) -> MPI:
        return bounded(*libmp.mpi_mul(x, y, self.prec))

    def divide(self, x: MPI, y: MPI) -> MPI:
        """The set of quotients; everything where 0 lies inside y. y = 0 itself is refused."""
        if y == (ZERO, ZERO):
            raise DivisionByZero(f"divide({self.text(x)}, 0): division by zero")
        return bounded(*libmp.mpi_div(x, y, self.prec))

    def square(self, x: MPI) -> MPI:
        low, high = self.abs(x)
        return bounded(libmp.mpf_mul(low, low, self.prec, DOWN), libmp.mpf_mul(high, high, self.prec, UP))

    # ---- order ------------------------------------------------------------------------------------------------------

    def less(self, x: MPI, y: MPI) -> Kleene:
        if libmp.mpf_lt(x[1], y[0]):
            return True
        return False if libmp.mpf_ge(x[0], y[1]) else Maybe(self, "<", x, y)

    def less_equal(self, x: MPI, y: MPI) -> Kleene:
        if libmp.mpf_le(x[1], y[0]):
            return True
        return False if libmp.mpf_gt(x[0], y[1]) else Maybe(self, "<=", x, y)

    def where(self, p: Kleene, x: MPI, y: MPI) -> MPI:
        """The hull of both branches where p is undecided."""
        if isinstance(p, Maybe):
            return _smaller(x[0], y[0]), _larger(x[1], y[1])
        return x if p else y

    def maximum(self, x: MPI, y: MPI) -> MPI:
        return _larger(x[0], y[0]), _larger(x[1], y[1])

    def minimum(self, x: MPI, y: MPI) -> MPI:
        return _smaller(x[0], y[0]), _smaller(x[1], y[1])

    def abs(self, x: MPI) -> MPI:
        low, high = self.negative(x) if _sign(x[1]) <= 0 else x
        return (low, high) if _sign(low) >= 0 else (ZERO, _larger(libmp.mpf_neg(low), high))

    # ---- elementary functions ---------------------------------------------------------------------------------------

    def pi(self) -> MPI:
        return self._widen(libmp.mpf_pi(self.prec + GUARD))

    def exp(self, x: MPI) -> MPI:
        return _increasing(self._exp_at, x)

    def log(self, x: MPI) -> MPI:
        if _sign(x[0]) <= 0:
            raise DomainError(f"log({self.text(x)}): the logarithm needs a positive interval")
        return _increasing(self._log_at, x)

    def sqrt(self, x: MPI) -> MPI:
        if _sign(x[0]) < 0:
            raise DomainError(f"sqrt({self.text(x)}): the square root needs a non-negative interval")
        return libmp.mpf_sqrt(x[0], self.prec, DOWN), libmp.mpf_sqrt(x[1], self.prec, UP)

    def cos(self, x: MPI) -> MPI:
        return self._wave(x, libmp.mpf_cos, ZERO)

    def sin(self, x: MPI) -> MPI:
        return self._wave(x, libmp.mpf_sin, HALF)

    def expm1(self, x: MPI) -> MPI:
        return _increasing(self._expm1_at, x)

    def log1p(self, x: MPI) -> MPI:
        if libmp.mpf_le(x[0], MINUS_ONE):
            raise DomainError(f"log1p({self.text(x)}): log(1 + x) needs an interval above -1")
        return _increasing(self._log1p_at, x)

    def expm1mx(self, x: MPI) -> MPI:
        """Falling on the negative axis, rising on the positive one, 0 at 0."""
        at_ends = [self._expm1mx_at(end) for end in x]
        if _sign(x[0]) <= 0 <= _sign(x[1]):
            return ZERO, _larger(at_ends[0][1], at_ends[1][1])
        return (at_ends[0][0], at_ends[1][1]) if _sign(x[0]) > 0 else (at_ends[1][0], at_ends[0][1])

    def sinh(self, x: MPI) -> MPI:
        return _increasing(_odd(self._sinh_at), x)

    def cosh(self, x: MPI) -> MPI:
        return self._round(Context.cosh(self._finer(), x))

    def tanh(self, x: MPI) -> MPI:
        return _increasing(_odd(self._tanh_at), x)

    def sigmoid(self, x: MPI) -> MPI:
        return self._round(Context.sigmoid(self._finer(), x))

    def softplus(self, x: MPI) -> MPI:
        return self._round(Context.softplus(self._finer(), x))

    def logcosh(self, x: MPI) -> MPI:
        return self._round(Context.logcosh(self._finer(), x))

    def pow(self, x: MPI, y: MPI) -> MPI:
        """Integer powers piece by piece; real ones, of a non-negative base, as exp(y log x)."""
        if y[0] == y[1] and y[0] not in (INF, MINUS_INF) and y[0][2] >= 0:
            if _magnitude(y[0]) > POWER_BITS_LIMIT:
                raise TooLarge(f"pow: an integer exponent of over {POWER_BITS_LIMIT} bits")
            return self._integer_power(x, int(libmp.to_int(y[0])))
        if _sign(x[0]) < 0 or (_sign(x[0]) == 0 and _sign(y[0]) <= 0):
            raise DomainError(f"pow({self.text(x)}, {self.text(y)}): a real exponent needs a positive base")
        if _sign(x[0]) > 0:
            return self._round(Context.pow(self._finer(24), x, y))
        return ZERO, ZERO if _sign(x[1]) == 0 else self.pow((x[1], x[1]), y)[1]

    # ---- values at a point, enclosed --------------------------------------------------------------------------------

    def _exp_at(self, x: MPF) -> MPI:
        if x in (ZERO, INF, MINUS_INF):
            return {ZERO: (ONE, ONE), INF: (INF, INF), MINUS_INF: (ZERO, ZERO)}[x]
        if _magnitude(x) > EXPONENT_LIMIT.bit_length():
            limit = libmp.mpf_shift(ONE, EXPONENT_LIMIT if _sign(x) > 0 else -EXPONENT_LIMIT)
            return (limit, INF) if _sign(x) > 0 else (ZERO, limit)
        return self._widen(libmp.mpf_exp(x, self.prec + GUARD, "n"))

    def _log_at(self, x: MPF) -> MPI:
        return (INF, INF) if x == INF else self._widen(libmp.mpf_log(x, self.prec + GUARD, "n"))

    def _expm1_at(self, x: MPF) -> MPI:
        if x in (ZERO, INF):
            return x, x
        if self._is_tiny(x):  # x <= eˣ - 1 <= x + x²
            return self._round((x, self._finer().add((x, x), self.square((x, x)))[1]))
        work = self._finer(max(0, -_magnitude(x)))
        return self._round(work.subtract(work._exp_at(x), (ONE, ONE)))

    def _log1p_at(self, x: MPF) -> MPI:
        if x in (ZERO, INF):
            return x, x
        if self._is_tiny(x):  # x - x² <= log(1 + x) <= x
            return self._round((self._finer().subtract((x, x), self.square((x, x)))[0], x))
        work = self._finer(max(0, -_magnitude(x)))
        return self._round(work.log(work.add((ONE, ONE), (x, x))))

    def _expm1mx_at(self, x: MPF) -> MPI:
        if x in (ZERO, INF, MINUS_INF):
            return {ZERO: (ZERO, ZERO)}.get(x, (INF, INF))
        if self._is_tiny(x):  # Lagrange's remainder: x²/2 exp(t), t between 0 and x
            work = self._finer()
            between = (_smaller(ZERO, x), _larger(ZERO, x))
            return self._round(work.multiply(work.divide(work.square((x, x)), (TWO, TWO)), work.exp(between)))
        work = self._finer(2 * max(0, -_magnitude(x)))
        return self._round(work.subtract(work._expm1_at(x), (x, x)))

    def _sinh_at(self, x: MPF) -> MPI:
        work = self._finer()
        u = work._expm1_at(x)
        return self._round(work.divide(work.add(u, work.divide(u, work.add(u, (ONE, ONE)))), (TWO, TWO)))

    def _tanh_at(self, x: MPF) -> MPI:
        work = self._finer()
        u = work._expm1_at(libmp.mpf_shift(x, 1))
        if libmp.mpf_lt(x, ONE):
            return self._round(work.divide(u, work.add(u, (TWO, TWO))))
        return self._round(work.subtract((ONE, ONE), work.divide((TWO, TWO), work.add(u, (TWO, TWO)))))

    def _wave(self, x: MPI, function: Callable[..., MPF], phase: MPF) -> MPI:
        """cos, or sin with a phase of a half: extreme where x/π - phase is an integer, 1 at the even ones."""
        if any(end in (INF, MINUS_INF) or _magnitude(end) > ANGLE_BITS_LIMIT for end in x):
            return UNIT
        if x == (ZERO, ZERO):
            return (ZERO, ZERO) if phase == HALF else (ONE, ONE)
        work = self._finer(max(0, *map(_magnitude, x)))
        turns = work.subtract(work.divide(x, work.pi()), (phase, phase))
        first, last = libmp.to_int(turns[0], UP), libmp.to_int(turns[1], DOWN)
        values = [self._widen(function(end, self.prec + GUARD, "n")) for end in x]
        low = MINUS_ONE if _has_parity(first, last, 1) else _larger(MINUS_ONE, _smaller(values[0][0], values[1][0]))
        high = ONE if _has_parity(first, last, 0) else _smaller(ONE, _larger(values[0][1], values[1][1]))
        return low, high

    def _integer_power(self, x: MPI, n: int) -> MPI:
        if n < 0:
            return self._round(self._finer().reciprocal(self._finer()._integer_power(x, -n)))
        if n == 0:
            return ONE, ONE
        base = self.abs(x) if n % 2 == 0 else x
        work = self._finer(n.bit_length())
        return self._round(_increasing(lambda end: work._power_at(end, n), base))

    def _power_at(self, x: MPF, n: int) -> MPI:
        result, factor = (ONE, ONE), (x, x)
        while n:
            if n & 1:
                result = self.multiply(result, factor)
            n >>= 1
            factor = self.square(factor) if n else factor
        return result

    # ---- rounding ---------------------------------------------------------------------------------------------------

    def _sum(self, a: MPF, b: MPF, direction: str) -> MPF:
        prec = max(self.prec, a[3], b[3])
        total = libmp.mpf_add(a, b, prec, direction)
        if total == NAN:  # ∞ - ∞: nothing is known
            return MINUS_INF if direction == DOWN else INF
        return total if prec == self.prec else libmp.mpf_pos(total, self.prec, direction)

    def _round(self, x: MPI) -> MPI:
        return bounded(libmp.mpf_pos(x[0], self.prec, DOWN), libmp.mpf_pos(x[1], self.prec, UP))

    def _widen(self, value: MPF) -> MPI:
        """The enclosure of what `value` approximates to 2**MARGIN units of the working precision."""
        less, more = _margins(self.prec)
        below, above = (more, less) if _sign(value) < 0 else (less, more)
        return bounded(libmp.mpf_mul(value, below, self.prec, DOWN), libmp.mpf_mul(value, above, self.prec, UP))

    def _finer(self, bits: int = 0) -> IntervalContext:
        return IntervalContext(self.prec + GUARD + bits)

    def _is_tiny(self, x: MPF) -> bool:
        return _magnitude(x) < -self.prec - GUARD


def bounded(low: MPF, high: MPF) -> MPI:
    """The ends, moved outward where they lie beyond the exponent limit."""
    if abs(_magnitude(low)) > EXPONENT_LIMIT:
        low = _limited(low)
    if abs(_magnitude(high)) > EXPONENT_LIMIT:
        high = libmp.mpf_neg(_limited(libmp.mpf_neg(high)))
    return low, high


def _limited(low: MPF) -> MPF:
    """A lower end beyond the limit, moved down."""
    large = _magnitude(low) > 0
    if _sign(low) > 0:
        return libmp.mpf_shift(ONE, EXPONENT_LIMIT - 1) if large else ZERO
    return MINUS_INF if large else libmp.mpf_shift(MINUS_ONE, -EXPONENT_LIMIT)


def _increasing(function: Point, x: MPI) -> MPI:
    low = function(x[0])
    return low if x[0] == x[1] else (low[0], function(x[1])[1])


def _odd(function: Point) -> Point:
    def extended(x: MPF) -> MPI:
        if _sign(x) >= 0:
            return function(x)
        low, high = function(libmp.mpf_neg(x))
        return libmp.mpf_neg(high), libmp.mpf_neg(low)

    return extended


def _magnitude(x: MPF) -> int:
    """e with 2**(e-1) <= |x| < 2**e; 0 for 0 and the infinities."""
    return x[2] + x[3] if x[1] else 0


def _sign(x: MPF) -> int:
    return int(libmp.mpf_sign(x))


def _smaller(a: MPF, b: MPF) -> MPF:
    return a if libmp.mpf_le(a, b) else b


def _larger(a: MPF, b: MPF) -> MPF:
    return b if libmp.mpf_le(a, b) else a


def _has_parity(first: int, last: int, parity: int) -> bool:
    """Is there an integer of that parity from `first` to `last`?"""
    return last - first >= 1 or (first == last and first % 2 == parity)


def _is_float(value: Any, wanted: float) -> bool:
    return isinstance(value, float | np.floating) and value == wanted


def interval(prec: int = 53) -> IntervalContext:
    """Intervals whose ends have `prec` bits, from 2 to 100000."""
    if isinstance(prec, bool) or not isinstance(prec, int) or not 2 <= prec <= 100_000:
        raise ArgumentError(f"prec: expected a number of bits from 2 to 100000, got {prec!r}")
    return IntervalContext(prec)


@lru_cache(maxsize=256)
def _margins(prec: int) -> MPI:
    unit = libmp.mpf_shift(ONE, MARGIN - prec - GUARD)
    return libmp.mpf_sub(ONE, unit), libmp.mpf_add(ONE, unit)


@lru_cache(maxsize=64)
def _mpmath(prec: int) -> Any:
    context = MPIntervalContext()
    context.prec = prec
    return context
