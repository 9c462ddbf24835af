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

import numpy as np
from mpmath import libmp
from mpmath.ctx_iv import MPIntervalContext
from mpmath.libmp.libelefun import exp_basecase, ln2_fixed, pi_fixed

from scalarspec.errors import DomainError
from scalarspec.numbers.dyadic import INF, INFINITE, MINUS_INF, Number

EXP_TABLE_BITS = 256
"""Up to this many bits, exp uses tables: 217 numbers for each precision. Beyond, libmp's own series serves."""
TABLE_BITS = 7
"""Of the argument, each of two tables takes so many."""
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


def exp_fixed(t: Any, wp: int) -> Any:
    """exp of t in [0, ln 2), both in units of 2^-wp, within 2^10 of these units. t: an integer, or an object array.

    1. t = k/2^7 + j/2^14 + r with 0 <= r < 2^-14; e^(k/2^7) and e^(j/2^14) come from tables, right to a few units.
    2. e^r is Taylor's series by Horner's scheme, cut where the rest is below a unit; each of its `>>`, and of its
       coefficients, is down by less than a unit, and the factor r < 2^-14 shrinks what came before: less than 4 units
       with the cut.
    3. All factors are below 2, so that the product of the three is off by less than 30 units and by four times the
       tables' own errors.
    """
    if wp > EXP_TABLE_BITS:
        return int(exp_basecase(t, wp))
    coarse, fine, (result, *coefficients) = _exp_tables(wp)
    below = wp - 2 * TABLE_BITS
    k = t >> below
    r = t - (k << below)
    for coefficient in coefficients:
        result = coefficient + (r * result >> wp)
    return (_at(coarse, k >> TABLE_BITS) * _at(fine, k & (1 << TABLE_BITS) - 1) >> wp) * result >> wp


def _at(table: Any, k: Any) -> Any:
    """An element, or one for each of an array."""
    return table[k.astype(np.intp)] if isinstance(k, np.ndarray) else table[k]


@lru_cache(maxsize=256)
def _exp_tables(wp: int) -> tuple[Any, Any, list[int]]:
    """e^(k/2^7), e^(j/2^14), and 1/n! for Horner's scheme, last first, in units of 2^-wp: the rest is below 2^-wp."""
    small = 2 * TABLE_BITS
    last = next(n for n in range(1, wp) if small * n + math.lgamma(n + 1) / math.log(2) > wp)
    coarse, fine = (
        np.array([exp_basecase((k << wp) >> bits, wp) for k in range(count)], dtype=object)
        for count, bits in ((89, TABLE_BITS), (1 << TABLE_BITS, small))
    )
    return coarse, fine, [(1 << wp) // math.factorial(n) for n in range(last, -1, -1)]


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
