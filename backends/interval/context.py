"""The context of `interval`: waves, powers and what is defined in other functions; and `interval`, which makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, reduce
from itertools import accumulate

from scalarspec.backends.interval.arrays import IntervalArrays
from scalarspec.backends.interval.courses import CourseFunctions
from scalarspec.backends.interval.ends import (
    ENTIRE,
    ONE,
    TWO,
    UNIT,
    ZERO,
    AtPoint,
    Interval,
    increasing,
    is_point,
    odd,
    whole_number,
)
from scalarspec.core.arrays import Arrays
from scalarspec.core.context import Context
from scalarspec.core.domains import pole
from scalarspec.core.lifted_arrays import LiftedArrays
from scalarspec.errors import ArgumentError
from scalarspec.numbers import angles
from scalarspec.numbers.dyadic import (
    INF,
    INFINITE,
    MINUS_INF,
    Number,
    exact_sum,
    fixed,
    larger,
    less,
    smaller,
    sum_down,
)
from scalarspec.numbers.fixed_point import ERROR
from scalarspec.numbers.series import pi

ANGLE_BITS_LIMIT = 1 << 14
"""An angle beyond 2^this is not reduced, which would need as many bits of π; its sine is [-1, 1]."""
EXACT_POWER_BITS = 8192
"""Integer powers of up to so many bits are exact, then rounded once; longer ones are products rounded on the way."""


@dataclass(frozen=True)
class IntervalContext(CourseFunctions):
    """Closed intervals of reals whose ends have `prec` bits."""

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

    def finer(self, bits: int = 0) -> IntervalContext:
        return _context(self.prec + self.guard + bits)

    # ---- waves ------------------------------------------------------------------------------------------------------

    def cos(self, x: Interval) -> Interval:
        return self._wave(x, lambda m, e: self._cos_at(abs(m), e), 0)

    def sin(self, x: Interval) -> Interval:
        return self._wave(x, odd(self._sin_at), 1)

    def tan(self, x: Interval) -> Interval:
        """Rising between its poles, which lie where cos is 0: everything, if there may be one in x."""
        poles = self._extremes(x, 1, scale=self.prec + self.guard)
        if poles is not None:
            pole(lambda: f"tan({self.text(x)}): a pole lies in the operand")
            return ENTIRE
        return increasing(odd(self._tan_at), x)

    def _cos_at(self, m: int, e: int) -> Interval:
        return ONE if m == 0 else self._turned(m, e, 0)

    def _sin_at(self, m: int, e: int) -> Interval:
        return ZERO if m == 0 else self._turned(m, e, 3)

    def _tan_at(self, m: int, e: int) -> Interval:
        """Of m >= 0."""
        if m == 0:
            return ZERO
        work, wp = self.finer(), self.prec + self.guard
        c, s, q, n = angles.cos_sin(m, e, wp)
        cosine, sine = work._around(c, wp, ERROR), work._around(s, q, ERROR)
        return self.rounded(work.negative(work.divide(cosine, sine)) if n % 2 else work.divide(sine, cosine))

    def _turned(self, m: int, e: int, quarters: int) -> Interval:
        """cos(x + quarters π/2) for x = m 2^e > 0, which is cos r, -sin r, -cos r, sin r in turn."""
        c, s, q, n = angles.cos_sin(m, e, self.prec + self.guard)
        value, unit = (s, q) if (n + quarters) % 2 else (c, self.prec + self.guard)
        return self._around(value if (n + quarters) % 4 in (0, 3) else -value, unit, ERROR)

    def _wave(self, x: Interval, at: AtPoint, phase: int) -> Interval:
        """cos, or sin with the phase 1, from its ends and its extremes."""
        extremes = self._extremes(x, phase, scale=self.prec // 2 + 16)
        if extremes == "both":
            return UNIT
        left = at(*x[:2])
        right = left if is_point(x) else at(*x[2:])
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
        half = phase << (scale - 1)
        first = -((half + 8 - ((fixed(a, e, wp) << scale) // pi(wp))) >> scale)
        last = ((fixed(b, f, wp) << scale) // pi(wp) + 8 - half) >> scale
        if first > last:
            return None
        return "both" if first < last else "low" if first % 2 else "high"

    # ---- by other functions -----------------------------------------------------------------------------------------

    def cosh(self, x: Interval) -> Interval:
        return self.rounded(Context.cosh(self.finer(), x))

    def sigmoid(self, x: Interval) -> Interval:
        return self.rounded(Context.sigmoid(self.finer(), x))

    def softplus(self, x: Interval) -> Interval:
        return increasing(self._softplus_at, x)

    def logcosh(self, x: Interval) -> Interval:
        return increasing(self._logcosh_at, self.abs(x))

    def _softplus_at(self, m: int, e: int) -> Interval:
        """log1p(eˣ), and x + log1p(e⁻ˣ) for x > 0, of which nothing overflows."""
        work, size = self.finer(), (-abs(m), e, -abs(m), e)
        rest = work.log1p(work.exp(size))
        return self.rounded(rest if m < 0 else work.add((m, e, m, e), rest))

    def _logcosh_at(self, m: int, e: int) -> Interval:
        """The definition, and x + log1p(e⁻²ˣ) - log 2 from 1 on, of which nothing overflows. x >= 0."""
        work = self.finer()
        if less(m, e, 1, 0):
            return self.rounded(Context.logcosh(work, (m, e, m, e)))
        rest = work.log1p(work.exp((-m, e + 1, -m, e + 1) if e != INFINITE else (*MINUS_INF, *MINUS_INF)))
        return self.rounded(work.subtract(work.add((m, e, m, e), rest), work.log(TWO)))

    def logsumexp(self, terms: Sequence[Interval]) -> Interval:
        """log Σ eˣ, which rises with each term: from that of the lower ends to that of the upper ones."""
        if not terms:
            return self.log(ZERO)  # refused
        low, high = self._logsumexp_at([t[:2] for t in terms]), self._logsumexp_at([t[2:] for t in terms])
        return (*low[:2], *high[2:])

    def _logsumexp_at(self, points: list[Number]) -> Interval:
        """x + log1p(Σ eᵗ), x being the largest, over the differences t of the others from it.

        With r the largest of these t, eᵗ lies between 0 and 2^-k eʳ for t < r - k, which is all that is wanted of it.
        """
        largest = reduce(larger, points)
        if largest[1] == INFINITE:
            return (*largest, *largest)
        points.remove(largest)
        work = self.finer()
        differences = [work.subtract((*p, *p), (*largest, *largest)) for p in points if p != MINUS_INF]
        x = (*largest, *largest)
        if not differences:
            return self.rounded(x)
        second = reduce(larger, [t[2:] for t in differences])
        greatest = work.exp((*second, *second))
        far = self.prec + self.guard + len(points).bit_length()
        limit = sum_down(*second, -far, 0, self.prec + self.guard)
        tail = (0, 0, greatest[2], greatest[3] - far)
        parts = [tail if less(*t[2:], *limit) else work.exp(t) for t in differences]
        rest = (*exact_sum([p[:2] for p in parts], -1), *exact_sum([p[2:] for p in parts], 1))
        return self.rounded(work.add(x, work.log1p(work.rounded(rest))))

    def shares(self, terms: Sequence[Interval]) -> list[Interval]:
        """eˣ over Σ eˣ, as 1 / (1 + Σ eᵗ / eˣ) over the others: it rises with its own number and falls with those."""
        if not terms or any(INFINITE in (t[1], t[3]) for t in terms):
            return [(*ZERO[:2], *ONE[2:])] * len(terms)
        work, found = self.finer(), []
        for (low, high), (least, most) in self._beside_largest(terms):
            bounds = [
                work.reciprocal(work.add(ONE, work.divide(others, own))) for own, others in ((low, most), (high, least))
            ]
            found.append(self.rounded((*larger(bounds[0][:2], ZERO[:2]), *smaller(bounds[1][2:], ONE[2:]))))
        return found

    def log_shares(self, terms: Sequence[Interval]) -> list[Interval]:
        """x - log Σ eˣ, as -softplus(log Σ eᵗ - x) over the others, which never cancels."""
        if len(terms) == 1:
            return [ZERO]
        if any(INFINITE in (t[1], t[3]) for t in terms):
            return [(*MINUS_INF, *ZERO[2:])] * len(terms)
        work, found = self.finer(), []
        for (low, high), (least, most) in self._beside_largest(terms):
            down, up = (
                work.negative(work._softplus_of_quotient(others, own)) for own, others in ((low, most), (high, least))
            )
            found.append(self.rounded((*down[:2], *smaller(up[2:], ZERO[2:]))))
        return found

    def _softplus_of_quotient(self, a: Interval, b: Interval) -> Interval:
        """log(1 + a / b), for positive numbers, or those that are too small to be told from 0."""
        return self.log1p(self.divide(a, b))

    def _beside_largest(
        self, terms: Sequence[Interval]
    ) -> list[tuple[tuple[Interval, Interval], tuple[Interval, Interval]]]:
        """For each term the exponentials of its ends, and the sums of those of all others, over that of the largest."""
        work, columns = self.finer(), []
        shift = reduce(larger, [t[2:] for t in terms]) * 2
        for low in (True, False):
            points = [(*t[:2], *t[:2]) if low else (*t[2:], *t[2:]) for t in terms]
            powers = [work.exp(work.subtract(p, shift)) for p in points]
            before, after = ([ZERO, *accumulate(some[:-1], work.add)] for some in (powers, powers[::-1]))
            columns.append((powers, list(map(work.add, before, after[::-1]))))
        (lows, least), (highs, most) = columns
        return list(zip(zip(lows, highs, strict=True), zip(least, most, strict=True), strict=True))

    # ---- norms ------------------------------------------------------------------------------------------------------

    def rms_norm(self, terms: Sequence[Interval], eps: Interval) -> list[Interval]:
        """t / √((t² + S) / n + eps) rises with t; its size falls with S, the sum of the squares of the others."""
        work, count = self.finer(), self._number(len(terms))
        squares = [work.square(t) for t in terms]
        before, after = ([ZERO, *accumulate(some[:-1], work.add)] for some in (squares, squares[::-1]))
        others, found = list(map(work.add, before, after[::-1])), []
        for t, s in zip(terms, others, strict=True):
            ends = []
            for point, at_least in ((t[:2], t[0] < 0), (t[2:], t[2] >= 0)):
                if point[1] == INFINITE:  # it tends to ±√n
                    root = work.sqrt(count)
                    ends.append(root if point == INF else work.negative(root))
                    continue
                x, rest = point * 2, s[:2] * 2 if at_least else s[2:] * 2 if s[3] != INFINITE else s
                mean = work.divide(work.add(work.square(x), rest), count)
                ends.append(work.divide(x, work.sqrt(work.add(mean, eps))))
            found.append(self.rounded((*ends[0][:2], *ends[1][2:])))
        return found

    # ---- powers -----------------------------------------------------------------------------------------------------

    def pow(self, x: Interval, y: Interval) -> Interval:
        """Integer powers piece by piece; real ones, of a non-negative base, as exp(y log x)."""
        n = whole_number(y)
        if n is not None:
            return self._integer_power(x, n)
        if x[0] < 0 and _holds_whole_number(y):
            self.beyond(True, f"pow({self.text(x)}, {self.text(y)})", "a real exponent needs a positive base")
            return self._power_of_either_sign(x, y)
        if x[0] < 0 or (x[0] == 0 and y[0] <= 0):
            inside = x[2] > 0 or (x[2] == 0 and y[2] > 0)
            self.beyond(inside, f"pow({self.text(x)}, {self.text(y)})", "a real exponent needs a positive base")
            return (0, 0, *(INF if y[0] <= 0 else self.pow((0, 0, *x[2:]), y)[2:]))
        if x[0] == 0:
            return (0, 0, *(self.pow((*x[2:], *x[2:]), y)[2:] if x[2] else (0, 0)))
        if is_point(y) or INFINITE in (x[3], y[1], y[3]):
            return self._power_of(x, y)
        corners = [self.pow((*a, *a), (*c, *c)) for a in {x[:2], x[2:]} for c in {y[:2], y[2:]}]
        low, high = corners[0][:2], corners[0][2:]
        for corner in corners[1:]:  # y log x is bilinear: its extremes lie at corners
            low, high = smaller(low, corner[:2]), larger(high, corner[2:])
        return (*low, *high)

    def _power_of_either_sign(self, x: Interval, y: Interval) -> Interval:
        """The values that there are of a base that may be negative, with exponents that may be whole numbers."""
        size = self.abs(x)
        if INFINITE in (y[1], y[3]) or (size[0] == 0 and y[0] <= 0):
            return ENTIRE
        b, f = self.pow(size, y)[2:]
        return (-b, f, b, f)

    def _power_of(self, x: Interval, y: Interval) -> Interval:
        work = self.finer(24)
        return self.rounded(work.exp(work.multiply(y, work.log(x))))

    def _integer_power(self, x: Interval, n: int) -> Interval:
        if n < 0:
            work = self.finer()
            return self.rounded(work.reciprocal(work._integer_power(x, -n)))
        if n == 0:
            return ONE
        a, e, b, f = self.abs(x) if n % 2 == 0 else x
        if n * max(a.bit_length(), b.bit_length()) <= EXACT_POWER_BITS and INFINITE not in (e, f):
            return self.rounded((a**n, e * n, b**n, f * n))
        work = self.finer(n.bit_length())
        return self.rounded(increasing(lambda m, k: work._product_of((m, k, m, k), n), (a, e, b, f)))


def _holds_whole_number(y: Interval) -> bool:
    """Does it hold an integer, or reach too far for that to be looked at?"""
    a, e, b, f = y
    return max(e, f) > EXACT_POWER_BITS or -fixed(-a, e, 0) <= fixed(b, f, 0)


def interval(prec: int = 53) -> IntervalContext:
    """Intervals whose ends have `prec` bits, from 2 to 100000."""
    if isinstance(prec, bool) or not isinstance(prec, int) or not 2 <= prec <= 100_000:
        raise ArgumentError(f"prec: expected a number of bits from 2 to 100000, got {prec!r}")
    return _context(prec)


_context = lru_cache(maxsize=1024)(IntervalContext)
