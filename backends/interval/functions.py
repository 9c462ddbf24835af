"""The monotone functions of `interval`, by enclosures of their values at points m 2^e."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from scalarspec.backends.interval.ends import HUGE, ONE, TWO, ZERO, Interval, increasing, odd
from scalarspec.backends.interval.field import IntervalField
from scalarspec.numbers import angles, fixed_point
from scalarspec.numbers.dyadic import EXPONENT_LIMIT, INF, INFINITE, MINUS_INF, larger, less, smaller
from scalarspec.numbers.fixed_point import ERROR, EXP_ERROR
from scalarspec.numbers.series import pi


@dataclass(frozen=True)
class MonotoneFunctions(IntervalField):
    """Functions that rise everywhere, or fall and then rise."""

    guard: ClassVar[int] = 24
    """Extra bits of the working precision: values are right to 2^-8 of a last place, or better."""

    @abstractmethod
    def finer(self, bits: int = 0) -> MonotoneFunctions:
        """Intervals with `guard` and so many bits more."""

    # ---- elementary functions ---------------------------------------------------------------------------------------

    def pi(self) -> Interval:
        wp = self.prec + self.guard
        return self.rounded((pi(wp), -wp, pi(wp) + 1, -wp))

    def exp(self, x: Interval) -> Interval:
        return increasing(self._exp_at, x)

    def log(self, x: Interval) -> Interval:
        if x[0] <= 0:
            self.beyond(x[2] > 0, f"log({self.text(x)})", "the logarithm needs a positive interval")
            return (*MINUS_INF, *self._log_at(*x[2:])[2:])
        return increasing(self._log_at, x)

    def sqrt(self, x: Interval) -> Interval:
        if x[0] < 0:
            self.beyond(x[2] >= 0, f"sqrt({self.text(x)})", "the square root needs a non-negative interval")
            return (0, 0, *self._sqrt_at(*x[2:])[2:])
        return increasing(self._sqrt_at, x)

    def atan(self, x: Interval) -> Interval:
        return increasing(odd(self._atan_at), x)

    def erf(self, x: Interval) -> Interval:
        return increasing(odd(self._erf_at), x)

    def expm1(self, x: Interval) -> Interval:
        return increasing(self._expm1_at, x)

    def log1p(self, x: Interval) -> Interval:
        if not less(-1, 0, x[0], x[1]):
            reaches = less(-1, 0, *x[2:])
            self.beyond(reaches, f"log1p({self.text(x)})", "log(1 + x) needs an interval above -1")
            return (*MINUS_INF, *self._log1p_at(*x[2:])[2:])
        return increasing(self._log1p_at, x)

    def expm1mx(self, x: Interval) -> Interval:
        """Falling on the negative axis, rising on the positive one, 0 at 0."""
        left, right = self._expm1mx_at(*x[:2]), self._expm1mx_at(*x[2:])
        if x[0] <= 0 <= x[2]:
            return (0, 0, *larger(left[2:], right[2:]))
        return (*left[:2], *right[2:]) if x[0] > 0 else (*right[:2], *left[2:])

    def sinh(self, x: Interval) -> Interval:
        return increasing(odd(self._sinh_at), x)

    def tanh(self, x: Interval) -> Interval:
        return increasing(odd(self._tanh_at), x)

    # ---- values at a point m 2^e, enclosed --------------------------------------------------------------------------

    def _exp_at(self, m: int, e: int) -> Interval:
        if m == 0:
            return ONE
        if m.bit_length() + e > EXPONENT_LIMIT.bit_length():
            return HUGE if m > 0 else (0, 0, 1, -EXPONENT_LIMIT)
        wp = self.prec + self.guard
        value, n = fixed_point.exp(m, e, wp)
        return self.rounded((value - EXP_ERROR, n - wp, value + EXP_ERROR, n - wp))

    def _log_at(self, m: int, e: int) -> Interval:
        if e == INFINITE:
            return (1, 0, *INF)
        if m & (m - 1) == 0 and m.bit_length() + e == 1:
            return ZERO
        value, q, n = fixed_point.log(m, e, self.prec + self.guard)
        return self._around(value, q, ERROR + abs(n))

    def _sqrt_at(self, m: int, e: int) -> Interval:
        """The integer root, which rounds down, and its successor where there is a remainder."""
        if m == 0 or e == INFINITE:
            return (0, 0, m, e)
        shift = max(0, 2 * self.prec + 2 - m.bit_length())
        shift += (e - shift) % 2
        square = m << shift
        root = math.isqrt(square)
        half = (e - shift) // 2
        return self.rounded((root, half, root + (root * root != square), half))

    def _atan_at(self, m: int, e: int) -> Interval:
        """Of m >= 0; at ∞, π/2."""
        if m == 0:
            return ZERO
        if e == INFINITE:
            return self.divide(self.finer().pi(), TWO)
        return self._around(*angles.atan(m, e, self.prec + self.guard), ERROR)

    def _expm1_at(self, m: int, e: int) -> Interval:
        x = (m, e, m, e)
        if m == 0 or (m, e) == INF:
            return HUGE if m else ZERO
        if self._is_tiny(x):  # x <= eˣ - 1 <= x + x²
            return self.rounded((m, e, *self.finer().add(x, self.square(x))[2:]))
        work = self.finer(max(0, -m.bit_length() - e))
        return self.rounded(work.subtract(work._exp_at(m, e), ONE))

    def _log1p_at(self, m: int, e: int) -> Interval:
        x = (m, e, m, e)
        if m == 0 or e == INFINITE:
            return (0, 0, m, e)
        if self._is_tiny(x):  # x - x² <= log(1 + x) <= x
            return self.rounded((*self.finer().subtract(x, self.square(x))[:2], m, e))
        work = self.finer(max(0, -m.bit_length() - e))
        return self.rounded(work.log(work.add(ONE, x)))

    def _expm1mx_at(self, m: int, e: int) -> Interval:
        x = (m, e, m, e)
        if m == 0:
            return ZERO
        if e == INFINITE:
            return HUGE
        if self._is_tiny(x):  # Lagrange's remainder: x²/2 exp(t), t between 0 and x
            work = self.finer()
            between = (0, 0, m, e) if m > 0 else (m, e, 0, 0)
            return self.rounded(work.multiply(work.divide(work.square(x), TWO), work.exp(between)))
        work = self.finer(2 * max(0, -m.bit_length() - e) + 8)
        n, f = (m + (1 << -e), e) if e < 0 else ((m << e) + 1, 0)
        return self.rounded(work.subtract(work._exp_at(m, e), (n, f, n, f)))

    def _sinh_at(self, m: int, e: int) -> Interval:
        """(u + u / (u + 1)) / 2 for u = eˣ - 1, x >= 0."""
        work = self.finer()
        u = work._expm1_at(m, e)
        return self.rounded(work.divide(work.add(u, work.divide(u, work.add(u, ONE))), TWO))

    def _tanh_at(self, m: int, e: int) -> Interval:
        """u / (u + 2) for u = e²ˣ - 1, x >= 0; 1 - 2 / (u + 2) from 1 on, where that is the tighter."""
        work = self.finer()
        u = work._expm1_at(m, e + 1) if e != INFINITE else HUGE
        if less(m, e, 1, 0):
            return self.rounded(work.divide(u, work.add(u, TWO)))
        return self.rounded(work.subtract(ONE, work.divide(TWO, work.add(u, TWO))))

    def _erf_at(self, m: int, e: int) -> Interval:
        """Of m >= 0; 1 - e^(-x²) <= erf x <= 1 where that is sharp."""
        if m == 0:
            return ZERO
        work = self.finer(8)
        square = work.square((m, e, m, e))
        if less(self.prec + self.guard, 0, *square[:2]):
            return self.rounded((*work.subtract(ONE, work.exp(work.negative(square)))[:2], 1, 0))
        value = self._around(*fixed_point.erf(m, e, work.prec))
        return (*value[:2], *smaller(value[2:], (1, 0)))

    def _around(self, value: int, q: int, error: int) -> Interval:
        """What is within so many units of 2^-q of value 2^-q."""
        return self.rounded((value - error, -q, value + error, -q))

    def _is_tiny(self, x: Interval) -> bool:
        """Is |inf x| below 2^-(prec + guard)?"""
        return x[0].bit_length() + x[1] < -self.prec - self.guard
