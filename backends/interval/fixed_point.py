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
"""Up to this many bits, exp uses tables: 345 numbers for each precision. Beyond, libmp's own series serves."""
TABLES, TABLE_BITS = 3, 7
"""Each of so many tables takes so many bits of the argument."""
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

    1. t = k 2^-21 + r with 0 <= r < 2^-21; e to the power of each 7 bits of k comes from a table, right to a few units.
    2. e^r is Taylor's series by Horner's scheme, cut where the rest is below a unit; each of its `>>`, and of its
       coefficients, is down by less than a unit, and the factor r < 2^-21 shrinks what came before: less than 4 units
       with the cut.
    3. Each of the four factors is below 2^1.01, and so are their products but for the first, which is below 2.01: the
       product is off by less than 60 units and by four times the tables' own errors.
    """
    if wp > EXP_TABLE_BITS:
        return int(exp_basecase(t, wp))
    tables, (result, *coefficients) = _exp_tables(wp)
    below = wp - TABLES * TABLE_BITS
    k = t >> below
    r = t - (k << below)
    for coefficient in coefficients:
        result = coefficient + (r * result >> wp)
    k = k.astype(np.intp) if isinstance(k, np.ndarray) else k
    for table in tables:
        result = table[k & (1 << TABLE_BITS) - 1] * result >> wp
        k = k >> TABLE_BITS
    return result


@lru_cache(maxsize=256)
def _exp_tables(wp: int) -> tuple[list[Any], list[int]]:
    """e^(k/2^21), e^(k/2^14), e^(k/2^7), and 1/n! for Horner's scheme, last first, in units of 2^-wp:
    the rest is below 2^-wp.
    """
    steps = [TABLE_BITS * i for i in range(TABLES, 0, -1)]
    last = next(n for n in range(1, wp) if steps[0] * n + math.lgamma(n + 1) / math.log(2) > wp)
    return (
        [
            np.array([exp_basecase((k << wp) >> step, wp) for k in range(_entries(step))], dtype=object)
            for step in steps
        ],
        [(1 << wp) // math.factorial(n) for n in range(last, -1, -1)],
    )


def _entries(step: int) -> int:
    """So many multiples of 2^-step are needed: the coarsest ones up to ln 2."""
    return 89 if step == TABLE_BITS else 1 << TABLE_BITS


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
