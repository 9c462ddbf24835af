"""The scalars of `interval`: pairs of numbers m 2^e, and the operations on their ends that need no precision.

An interval is four integers (a, e, b, f): [a 2^e, b 2^f]. An infinite end, which `numbers.dyadic` holds as a mantissa
of ±1 with the exponent INFINITE, means that no bound is known; a lower end is never +∞.
"""

from __future__ import annotations

from collections.abc import Callable

from scalarspec.errors import TooLarge
from scalarspec.numbers.dyadic import EXPONENT_LIMIT, INF, INFINITE, MINUS_INF, larger, less, limited, smaller

Interval = tuple[int, int, int, int]
AtPoint = Callable[[int, int], Interval]
"""A function's value at m 2^e, enclosed: (m, e) -> interval."""

POWER_BITS_LIMIT = 64
"""Integer exponents of more bits than this are refused, so that a power takes at most 128 products."""

ZERO, ONE, TWO, UNIT = (0, 0, 0, 0), (1, 0, 1, 0), (1, 1, 1, 1), (-1, 0, 1, 0)
"""0, 1, 2, and [-1, 1]."""
ENTIRE = (*MINUS_INF, *INF)
"""All reals."""
HUGE = (1, EXPONENT_LIMIT, *INF)
"""What a function that grows without bound has at +∞, or beyond the limit."""


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


def is_point(x: Interval) -> bool:
    """Is it one number?"""
    a, e, b, f = x
    return (a == b and e == f) or (e != INFINITE and f != INFINITE and not less(a, e, b, f))


def whole_number(y: Interval) -> int | None:
    """The integer that y is; None if it is none. TooLarge beyond the limit on exponents."""
    m, e = y[:2]
    if not is_point(y) or e == INFINITE:
        return None
    if m and m.bit_length() + e > POWER_BITS_LIMIT:
        raise TooLarge(f"pow: an exponent of over {POWER_BITS_LIMIT} bits")
    if e >= 0:
        return m << e
    return m >> -e if m & ((1 << -e) - 1) == 0 else None


def increasing(function: AtPoint, x: Interval) -> Interval:
    """The range of an increasing function: from its value at the lower end to that at the upper one."""
    a, e, b, f = x
    low = function(a, e)
    return low if a == b and e == f else (*low[:2], *function(b, f)[2:])


def odd(function: AtPoint) -> AtPoint:
    """An odd function, from its values at m >= 0."""

    def extended(m: int, e: int) -> Interval:
        if m >= 0:
            return function(m, e)
        a, j, b, k = function(-m, e)
        return -b, k, -a, j

    return extended
