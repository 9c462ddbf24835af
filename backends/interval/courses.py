"""Functions that `interval` knows at points, and over intervals by their courses (`core.course`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache, reduce
from math import inf

from scalarspec.backends.interval.ends import ONE, TWO, ZERO, Interval, is_point
from scalarspec.backends.interval.functions import MonotoneFunctions
from scalarspec.core.context import DERIVED, PRIMITIVES, Context
from scalarspec.core.course import Course
from scalarspec.core.domains import pole
from scalarspec.core.operations import OPERATIONS, forgotten_when_removed
from scalarspec.numbers.dyadic import (
    EXPONENT_LIMIT,
    INF,
    INFINITE,
    MINUS_INF,
    Number,
    fraction,
    larger,
    less,
    quotient_down,
    quotient_up,
    smaller,
)
from scalarspec.numbers.exact import integer_root
from scalarspec.numbers.series import bernoulli

TURN_BITS = 320
"""The places of minima are compared with ends to so many bits: more than their decimals have."""
TAIL_LIMIT = 1 << 22
"""e^-t is below 2^-EXPONENT_LIMIT from this t on."""


@dataclass(frozen=True)
class CourseFunctions(MonotoneFunctions):
    """Steps, and two-place functions; those of `BY_COURSE` are added below."""

    def floor(self, x: Interval) -> Interval:
        return self._stepped(_floor, x)

    def ceil(self, x: Interval) -> Interval:
        return self._stepped(_ceil, x)

    def trunc(self, x: Interval) -> Interval:
        return self._stepped(lambda m, e: _floor(m, e) if m >= 0 else _ceil(m, e), x)

    def round(self, x: Interval) -> Interval:
        return self._stepped(_round, x)

    def _stepped(self, step: Callable[[int, int], Number], x: Interval) -> Interval:
        """From the step of the lower end to that of the upper one: both are exact, and rise."""
        return self.rounded((*step(*x[:2]), *step(*x[2:])))

    def hypot(self, x: Interval, y: Interval) -> Interval:
        return self.rounded(Context.hypot(self.finer(), x, y))

    def remainder(self, x: Interval, y: Interval) -> Interval:
        """By the definition, with the bits that the quotient has before its point."""
        a, e, b, f = self.abs(x)
        c, g, d, h = self.abs(y)
        longest = max(a.bit_length() + e, b.bit_length() + f) - min(c.bit_length() + g, d.bit_length() + h)
        more = min(max(longest, 0), 1 << 14) + max(c.bit_length(), d.bit_length())
        return self.rounded(Context.remainder(self.finer(more), x, y))

    def atan2(self, y: Interval, x: Interval) -> Interval:
        """From its corners, unless the box crosses the cut or holds the origin: it has no extremes inside."""
        turn = self.pi()[2:]
        if x[0] <= 0 <= x[2] and y[0] <= 0 <= y[2]:
            pole(lambda: f"atan2({self.text(y)}, {self.text(x)}): the origin, which has no angle, lies in the operands")
        if x[0] < 0 and y[0] < 0 <= y[2]:
            return (-turn[0], turn[1], *turn)
        if x[0] <= 0 <= x[2] and y[0] <= 0 <= y[2]:
            self.beyond(
                any((x[0], x[2], y[0], y[2])), f"atan2({self.text(y)}, {self.text(x)})", "the origin has no angle"
            )
            low = (-turn[0], turn[1]) if y[0] < 0 else (0, 0)
            return (*low, *turn)
        work = self.finer()
        corners = [Context.atan2(work, (*c, *c), (*a, *a)) for c in {y[:2], y[2:]} for a in {x[:2], x[2:]}]
        return self.rounded(hull(corners))


def hull(parts: list[Interval]) -> Interval:
    """The least interval that holds some others."""
    low, high = parts[0][:2], parts[0][2:]
    for part in parts[1:]:
        low, high = smaller(low, part[:2]), larger(high, part[2:])
    return (*low, *high)


# ---- steps of a number m 2^e ----------------------------------------------------------------------------------------


def _floor(m: int, e: int) -> Number:
    return (m, e) if e >= 0 else (m >> -e, 0)


def _ceil(m: int, e: int) -> Number:
    return (m, e) if e >= 0 else (-(-m >> -e), 0)


def _round(m: int, e: int) -> Number:
    """To the nearest integer, ties to the even one."""
    if e >= 0:
        return m, e
    below = m >> -e
    twice = (m - (below << -e)) * 2  # the rest, to be compared with 1/2
    return below + (twice > 1 << -e or (twice == 1 << -e and below % 2 == 1)), 0


# ---- values at a point m 2^e, enclosed ------------------------------------------------------------------------------


def erfc_at(context: MonotoneFunctions, m: int, e: int) -> Interval:
    """1 - erf x, with the bits that this loses; far out by the series of the tail."""
    if m <= 0:
        work = context.finer()
        return context.rounded(work.add(ONE, work.erf((-m, e, -m, e))))
    size = _ceil(m * m, 2 * e)
    square = size[0] << size[1] if size[1] < TAIL_LIMIT else TAIL_LIMIT
    if square >= TAIL_LIMIT:
        return (0, 0, 1, -EXPONENT_LIMIT)
    x = (m, e, m, e)
    if square <= context.prec + context.guard:
        work = context.finer(3 * square // 2 + square.bit_length() + 8)
        return context.rounded(work.subtract(ONE, work.erf(x)))
    work = context.finer(square.bit_length())
    both = work.square(x)
    scale = work.multiply(x, work.sqrt(work.pi()))
    series = tail_series(work, work.multiply(TWO, both))
    return context.rounded(work.divide(work.multiply(work.exp(work.negative(both)), series), scale))


def tail_series(work: MonotoneFunctions, t: Interval) -> Interval:
    """1 - 1/t + 1·3/t² - 1·3·5/t³ + ..., which is x √π e^x² erfc x for t = 2x² and x > 0.

    The rest is no larger than the first term that is left out (NIST DLMF, section 7.12(i)). t > 2 prec.
    """
    term, total, n = ONE, ONE, 1
    while True:
        term = work.divide(work.multiply(term, (1 - 2 * n, 0, 1 - 2 * n, 0)), t)
        size = work.abs(term)
        if size[2].bit_length() + size[3] < -work.prec:
            return work.add(total, (-size[2], size[3], size[2], size[3]))
        total, n = work.add(total, term), n + 1


def log_ndtr_at(context: MonotoneFunctions, m: int, e: int) -> Interval:
    """By the definition; for a t = -x far out as -t²/2 - log(t √(2π)) and the logarithm of the series of the tail."""
    x, work = (m, e, m, e), context.finer()
    square = work.square(x)
    if m >= 0 or not less(2 * work.prec, 0, *square[:2]):
        return context.rounded(DERIVED["log_ndtr"](work, x))
    scale = work.multiply(work.abs(x), work.sqrt(work.multiply(TWO, work.pi())))
    tail = work.subtract(work.log(tail_series(work, square)), work.log(scale))
    return context.rounded(work.subtract(tail, work.divide(square, TWO)))


def cbrt_at(context: MonotoneFunctions, m: int, e: int) -> Interval:
    """The integer root, which rounds down, and its successor where there is a remainder."""
    if m <= 0:
        a, j, b, k = cbrt_at(context, -m, e) if m else ZERO
        return -b, k, -a, j
    shift = max(0, 3 * context.prec + 3 - m.bit_length())
    shift += (e - shift) % 3
    cube = m << shift
    root, third = integer_root(cube, 3), (e - shift) // 3
    return context.rounded((root, third, root + (root**3 != cube), third))


def lgamma_at(context: MonotoneFunctions, m: int, e: int) -> Interval:
    """(z - 1/2) log z - z + log(2π)/2 and Stirling's series at z = x + n, less log(x (x + 1) ... (x + n - 1)).

    Near its zeros, at 1 and 2, with the bits that this loses.
    """
    x = (m, e, m, e)
    beside = [context.finer(1 << 12).subtract(x, zero) for zero in (ONE, TWO)]
    if any(d[0] == 0 == d[2] for d in beside):
        return ZERO
    near = min(max(d[0].bit_length() + d[1], d[2].bit_length() + d[3]) for d in beside)
    work = context.finer(max(0, -near) + 16)
    z, shifts = _shifted(work, x)
    log_z = work.log(z)
    total = work.subtract(work.multiply(work.subtract(z, work.literal(Fraction(1, 2))), log_z), z)
    half = work.divide(work.log(work.multiply(TWO, work.pi())), TWO)
    series = _bernoulli_series(work, z, lambda k: 2 * k * (2 * k - 1), z)
    total = work.add(work.add(total, half), series)
    return context.rounded(work.subtract(total, work.log(reduce(work.multiply, shifts, ONE))))


def digamma_at(context: MonotoneFunctions, m: int, e: int) -> Interval:
    """log z - 1/2z and its series at z = x + n, less 1/x + 1/(x + 1) + ... + 1/(x + n - 1)."""
    work = context.finer(16)
    z, shifts = _shifted(work, (m, e, m, e))
    total = work.subtract(work.log(z), work.reciprocal(work.multiply(TWO, z)))
    total = work.subtract(total, _bernoulli_series(work, z, lambda k: 2 * k, work.square(z)))
    return context.rounded(reduce(lambda t, s: work.subtract(t, work.reciprocal(s)), shifts, total))


def _shifted(work: MonotoneFunctions, x: Interval) -> tuple[Interval, list[Interval]]:
    """x + n, at least a quarter of the bits, where the series is sharp enough; and x, x + 1, ..., x + n - 1."""
    shifts, least = list[Interval](), work.prec // 4 + 2
    while less(*x[:2], least, 0):
        shifts.append(x)
        x = work.add(x, ONE)
    return x, shifts


def _bernoulli_series(work: MonotoneFunctions, z: Interval, below: Callable[[int], int], power: Interval) -> Interval:
    """Σ B₂ₖ / (below(k) power z²ᵏ⁻²) from k = 1 on. The rest is no larger than the first term that is left out (NIST
    DLMF, sections 5.11(ii), 5.11.2, for positive z).
    """
    total, square, k = ZERO, work.square(z), 1
    while True:
        term = work.divide(work.literal(bernoulli(k) / below(k)), power)
        size = work.abs(term)
        if size[2].bit_length() + size[3] < -work.prec:
            return work.add(total, (-size[2], size[3], size[2], size[3]))
        total, power, k = work.add(total, term), work.multiply(power, square), k + 1


AT: dict[str, Callable[[MonotoneFunctions, int, int], Interval]] = {
    "erfc": erfc_at,
    "log_ndtr": log_ndtr_at,
    "lgamma": lgamma_at,
    "digamma": digamma_at,
    "cbrt": cbrt_at,
}
"""Values at points of those whose definitions do not serve everywhere, or that have none."""


def value_at(context: MonotoneFunctions, name: str, number: Number) -> Interval:
    """The value at a finite number, enclosed: by the definition, with bits to spare, unless `AT` has it."""
    if name in AT:
        return AT[name](context, *number)
    return context.rounded(DERIVED[name](context.finer(), (*number, *number)))


# ---- over an interval -----------------------------------------------------------------------------------------------


def by_course(context: MonotoneFunctions, name: str, x: Interval) -> Interval:
    """The range over an interval: the hull of the values at its ends, and of the minimum where it may be in it."""
    course, (low, high) = _course(name), _inside(context, name, x)
    left = _value_or_limit(context, name, low, 0)
    right = left if is_point(x) else _value_or_limit(context, name, high, 1)
    least, greatest = smaller(left[:2], right[:2]), larger(left[2:], right[2:])
    if course.turn is not None:
        first, last = place_of_minimum(name)
        if not less(*high, *first) and not less(*last, *low):
            least = smaller(least, minimum(context, name))
    low, high = map(_end, OPERATIONS[name].range or (-inf, inf))
    return (*larger(least, low), *smaller(greatest, high))


def _course(name: str) -> Course:
    """The course of a function of the table that has one."""
    course = OPERATIONS[name].course
    assert course is not None
    return course


def _inside(context: MonotoneFunctions, name: str, x: Interval) -> tuple[Number, Number]:
    """The ends, moved into the domain, where some of x is in it. Raises DomainError, or DomainUndecided, elsewhere;
    returns where values are wanted wherever there are some.
    """
    course, low, high = _course(name), x[:2], x[2:]
    first, last = map(_end, course.domain)
    poles = OPERATIONS[name].border == "pole"

    def beyond(a: Number, b: Number) -> bool:
        """Does b lie outside of what begins at a?"""
        return a[1] != INFINITE and (not less(*a, *b) if poles else less(*b, *a))

    outside = beyond(first, high) or beyond(_negative(last), _negative(low))
    if outside or beyond(first, low) or beyond(_negative(last), _negative(high)):
        context.beyond(not outside, f"{name}({context.text(x)})", course.need(poles))
    return larger(low, first), smaller(high, last)


def _value_or_limit(context: MonotoneFunctions, name: str, number: Number, side: int) -> Interval:
    """The value at an end of an interval, or the limit where that is infinite, or a pole. side: 0 below, 1 above."""
    course, edge = _course(name), _end(_course(name).domain[side])
    at_edge = number[1] == INFINITE or (
        OPERATIONS[name].border == "pole" and not less(*number, *edge) and not less(*edge, *number)
    )
    if not at_edge:
        return value_at(context, name, number)
    limit = _end(course.limits[side])
    return (*limit, *limit)


def _end(value: float) -> Number:
    """A float, or an infinity, as an end."""
    if value in (inf, -inf):
        return INF if value > 0 else MINUS_INF
    numerator, denominator = value.as_integer_ratio()
    return numerator, 1 - denominator.bit_length()


def _negative(x: Number) -> Number:
    return -x[0], x[1]


@forgotten_when_removed
@cache
def place_of_minimum(name: str) -> tuple[Number, Number]:
    """Numbers below and above the place of the minimum."""
    course = _course(name)
    assert course.turn is not None
    low, high = course.turn - course.nearness, course.turn + course.nearness
    return (
        quotient_down(low.numerator, 0, low.denominator, 0, TURN_BITS),
        quotient_up(high.numerator, 0, high.denominator, 0, TURN_BITS),
    )


@forgotten_when_removed
@lru_cache(maxsize=256)
def minimum(context: MonotoneFunctions, name: str) -> Number:
    """A number that is at most the minimum: by the value at a point nearby, which is above it by the square of the
    distance at most, since |f″| <= 2 there for every function of the table that turns.
    """
    course, work = _course(name), context.finer()
    assert course.turn is not None
    point = quotient_down(course.turn.numerator, 0, course.turn.denominator, 0, work.prec)
    distance = course.nearness + abs(course.turn - fraction(*point))
    return context.rounded(work.subtract(value_at(work, name, point), work.literal(distance**2)))[:2]


BY_COURSE = tuple(
    name
    for name, line in OPERATIONS.items()
    if line.course and getattr(MonotoneFunctions, name) is getattr(Context, name)
)
"""What is enclosed so: each function of the table with a course that has no other method here."""


def _method(name: str) -> Callable[[CourseFunctions, Interval], Interval]:
    def method(self: CourseFunctions, x: Interval) -> Interval:
        return by_course(self, name, x)

    method.__doc__ = (PRIMITIVES | DERIVED)[name].__doc__
    return method


for _name in BY_COURSE:
    setattr(CourseFunctions, _name, _method(_name))
