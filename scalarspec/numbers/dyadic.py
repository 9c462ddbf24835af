"""Numbers m 2^e as a pair of integers, with directed rounding: what the interval backend computes its ends in.

`>>` and `//` of Python's integers round down, exactly; rounding up is rounding down of the negative. An infinity is
(1, INFINITE) or (-1, INFINITE), and finite exponents stay far below INFINITE.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Number = tuple[int, int]
"""Mantissa, exponent."""

EXPONENT_LIMIT = 1 << 20
"""Results beyond 2^±this are moved outward, by `limited`."""

INFINITE = 1 << 40
"""The exponent of the infinities (1, INFINITE) and (-1, INFINITE)."""
FAR = 1 << 30
"""Exponents differ by more than this only where one is infinite."""

MINUS_INF, INF = (-1, INFINITE), (1, INFINITE)


def sum_down(m: int, e: int, n: int, f: int, prec: int) -> Number:
    """m 2^e + n 2^f, rounded down; an infinite operand is -∞."""
    s = e - f
    if s >= 0:
        if s > FAR:
            return MINUS_INF
        m, e = (m << s) + n, f
    elif s < -FAR:
        return MINUS_INF
    else:
        m += n << -s
    k = m.bit_length() - prec
    if k > 0:
        return m >> k, e + k
    return (m, e) if e < FAR else MINUS_INF


def sum_up(m: int, e: int, n: int, f: int, prec: int) -> Number:
    """m 2^e + n 2^f, rounded up; an infinite operand is +∞."""
    total, k = sum_down(-m, e, -n, f, prec)
    return -total, k


def exact_sum(numbers: Sequence[Number], infinity: int) -> Number:
    """The sum of some m 2^e; the infinity of that sign as soon as one is infinite."""
    numbers = [number for number in numbers if number[0]]
    exponents = [e for _, e in numbers]
    least = min(exponents, default=0)
    if max(exponents, default=0) > FAR:
        return infinity, INFINITE
    return sum([m << (e - least) for m, e in numbers]), least


def quotient_down(m: int, e: int, n: int, f: int, prec: int) -> Number:
    """m 2^e / (n 2^f) for n > 0, rounded down."""
    shift = max(0, prec + 1 + n.bit_length() - m.bit_length())
    q = (m << shift) // n
    k = max(0, q.bit_length() - prec)
    return q >> k, e - f - shift + k


def quotient_up(m: int, e: int, n: int, f: int, prec: int) -> Number:
    """m 2^e / (n 2^f) for n > 0, rounded up."""
    q, k = quotient_down(-m, e, n, f, prec)
    return -q, k


def less(m: int, e: int, n: int, f: int) -> bool:
    """m 2^e < n 2^f."""
    s = e - f
    if s == 0:
        return m < n
    if s > 0:
        return (m << s) < n if s < FAR else m < 0
    return m < (n << -s) if s > -FAR else n > 0


def limited(m: int, e: int) -> Number:
    """The number, moved down if its exponent lies beyond the limit: to the limit, to 0, or to -∞."""
    if m == 0:
        return 0, 0
    if -EXPONENT_LIMIT < e < EXPONENT_LIMIT:
        return m, e
    if m > 0:
        return (1, EXPONENT_LIMIT) if e > 0 else (0, 0)
    return MINUS_INF if e > 0 else (-1, max(m.bit_length() + e, -EXPONENT_LIMIT))


def smaller(x: Number, y: Number) -> Number:
    """The smaller of two numbers."""
    return y if less(*y, *x) else x


def larger(x: Number, y: Number) -> Number:
    """The larger of two numbers."""
    return y if less(*x, *y) else x


def fixed(m: int, e: int, scale: int) -> int:
    """m 2^e in units of 2^-scale, rounded down."""
    shift = e + scale
    return m << shift if shift >= 0 else m >> -shift


def fraction(m: int, e: int) -> Fraction:
    """The exact value of a finite number."""
    return Fraction(m << e) if e >= 0 else Fraction(m, 1 << -e)
