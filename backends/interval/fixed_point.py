"""What `interval` takes from libmp, and its exponential: values in fixed point, whose errors the callers add.

libmp is trusted to be right to 2^10 last places at 24 extra bits (IntervalContext.margin, .guard); the largest error
measured is 17 of these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Any

from mpmath import libmp
from mpmath.ctx_iv import MPIntervalContext
from mpmath.libmp.libelefun import exp_basecase, ln2_fixed, pi_fixed

from scalarspec.errors import DomainError
from scalarspec.numbers.dyadic import INF, INFINITE, MINUS_INF, Number

EXP_TABLE_BITS = 256
"""Up to this many bits, exp uses a table: 178 numbers for each precision. Beyond, libmp's own series serves."""
CONSTANTS_TO = 1 << 15
"""π and ln 2 are computed once to so many bits: for every precision but those of thousands of digits."""

LIBMP = Lock()
"""Held while libmp works: it lengthens its stored values of π and ln 2 in two steps, and threads that met there would
read a wrong one. The program's own mpmath code cannot hold it; so both are lengthened here once, for all but giants."""
pi_fixed(CONSTANTS_TO)
ln2_fixed(CONSTANTS_TO)


@lru_cache(maxsize=4096)
def constant(fixed_point: Callable[[int], int], bits: int) -> int:
    """ln 2 or π in units of 2^-bits, by libmp."""
    with LIBMP:
        return fixed_point(bits)


def exp_fixed(t: int, wp: int) -> int:
    """exp of t in [0, ln 2), both in units of 2^-wp, within 2^10 of these units.

    1. t = k/256 + r with 0 <= r < 2^-8; e^(k/256) comes from a table, right to a few units.
    2. e^r is Taylor's series by Horner's scheme, cut where the rest is below a unit; each of its `>>` and `//` rounds
       down by less than a unit, and the factors r/n < 2^-8 shrink what came before: less than 4 units with the cut.
    3. The table's number is below 2, so that the product of the two is off by less than 10 units and by the table's own
       error.
    """
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


def to_mpf(m: int, e: int) -> Any:
    """m 2^e as mpmath holds it."""
    if e == INFINITE:
        return libmp.finf if m > 0 else libmp.fninf
    return libmp.from_man_exp(m, e)


def from_mpf(value: tuple[Any, ...]) -> Number:
    """An end of mpmath's; DomainError for NaN."""
    sign, mantissa, exponent, _ = value
    if not mantissa and exponent:
        if value not in (libmp.finf, libmp.fninf):
            raise DomainError("an mpmath interval with a NaN end is not an interval of real numbers")
        return INF if value == libmp.finf else MINUS_INF
    return (-int(mantissa) if sign else int(mantissa)), int(exponent)


@lru_cache(maxsize=64)
def mpmath_context(prec: int) -> Any:
    """A context of mpmath intervals of ours, so that nobody else's precision is touched."""
    context = MPIntervalContext()
    context.prec = prec
    return context
