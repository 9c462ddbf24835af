"""Ends as mpmath holds them: what `item()` hands out, and what comes in as mpmath's interval."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mpmath import libmp
from mpmath.ctx_iv import MPIntervalContext

from scalarspec.errors import DomainError
from scalarspec.numbers.dyadic import INF, INFINITE, MINUS_INF, Number


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
