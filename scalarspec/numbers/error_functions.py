"""erf and erfc on float64 arrays, certified: by expansions at the numbers k/16, as `elementary` does the others.

The bounds count as those of `elementary` do, in units of u = 2^-53. With w(x) = e^x² erfc x,

    erfc x = [e^-a² w(a + h)] e^-h(a + x),    x = a + h, a = k/16, |h| <= 1/32, 0 <= x <= 26.5,

of which the bracket is a polynomial in h: Taylor's, whose coefficients are tabulated.
"""

from __future__ import annotations

from functools import cache
from math import factorial, isqrt
from typing import Any

import numpy as np

from scalarspec.numbers import elementary, fixed_point
from scalarspec.numbers.elementary import LARGEST, Range
from scalarspec.numbers.series import pi

Array = np.ndarray[Any, Any]

ERROR = {"erf": 11, "erfc": 12}
"""The relative error of each in units of u, proved in the functions' texts, rounded up."""
RANGES = {
    "erf": Range(-LARGEST, LARGEST, floor=-1.0, cap=1.0),
    "erfc": Range(-LARGEST, 26.5, floor=0.0, cap=2.0),
}
"""Where they are computed, and what bounds them elsewhere: beyond 26.5 erfc x is no normal number."""

PER_UNIT, DEGREE = 16, 9
_MORE_BITS = 300
"""Of the coefficients, beyond those that erfc has before its first one."""
_TWO_OVER_ROOT_PI = 1.1283791670955126
_ERF = [(-1) ** n * _TWO_OVER_ROOT_PI / (factorial(n) * (2 * n + 1)) for n in range(12)]


@cache
def _table() -> Array:
    """The coefficients of the bracket at k/16, those of the nth power in row n: (10, 425), rounded once, to nearest.

    1. Those of w are w₀ = w(a), w₁ = 2 a w₀ - 2/√π and (n + 1) wₙ₊₁ = 2 (a wₙ + wₙ₋₁), since w′ = 2xw - 2/√π; those of
       the bracket, cₙ = e^-a² wₙ, obey the same from c₀ = erfc a and c₁ = 2 a c₀ - 2/√π e^-a².
    2. `_erfc_and_slope` is off by less than 2^20 units of 2^-bits, erfc a by less than 2^-270 relatively. A step loses
       11 bits at most, in nine of them: what is rounded is right to 2^-150.
    """
    count = round(RANGES["erfc"].greatest * PER_UNIT) + 1
    table = np.empty((DEGREE + 1, count))
    for k in range(count):
        bits = 3 * k * k // (2 * PER_UNIT**2) + _MORE_BITS  # 2^-(3/2 a²) < e^-a²
        value, slope = _erfc_and_slope(k, bits)
        c = [value, 2 * k * value // PER_UNIT - slope]
        for n in range(1, DEGREE):
            c.append(2 * (k * c[n] // PER_UNIT + c[n - 1]) // (n + 1))
        table[:, k] = [number / (1 << bits) for number in c]
    return table


def _erfc_and_slope(k: int, bits: int) -> tuple[int, int]:
    """Erfc a and 2/√π e^-a² for a = k/16, in units of 2^-bits, within 2^20.

    1. erf a = 2/√π e^-a² Σ tₙ, t₀ = a, tₙ = tₙ₋₁ 2 a² / (2n + 1): all positive. As long as tₙ >= 1/16, its rounding is
       16 units at most, relatively; beyond, where terms fall, it is down by less than two units for each.
    2. There are fewer than 2^12 terms: their sum is down by less than 2^16 units, relatively to 1 or to itself.
    3. e^-a² is within EXP_ERROR units relatively, and 2/√π within 2: erf a, of at most 1, is within 2^17 of 2^-bits.
    """
    power, n = fixed_point.exp(-k * k, -8, bits)
    slope = power * isqrt((4 << 3 * bits) // pi(bits)) >> bits
    term = total = (k << bits) // PER_UNIT
    i = 0
    while term:
        i += 1
        term = term * 2 * k * k // ((2 * i + 1) * PER_UNIT**2)
        total += term
    return (1 << bits) - (slope * total >> (bits - n)), slope >> -n


def _upper(x: Array) -> Array:
    """Erfc x, for x in [0, 26.5].

    1. h = x - a is exact (2); it is x itself for k = 0.
    2. a + x is off by 1u, and h (a + x), at most 1.66 in size, by 1u more: 3.4 u in all, which counts as much in its
       power, relatively (3); exp adds 3u.
    3. w is completely monotone, since w(x) = 2/√π ∫ e^(-t² - 2xt) dt over t > 0. So Taylor's rest is at most its first
       term at the left end, and that is largest at 0, relatively: 32^-10 / Γ(6) < 2^-56, 0.13 u.
    4. The terms have alternating signs, for h > 0, and the second is at most 1.13/32 = 0.036 of the first. The rounding
       of the first counts 1u, what comes before the last sum 0.036 × 4 u, the sum 1u: 2.3 u of the bracket, at most.
       Coefficients that are no normal numbers are off by 2^-1075, and the bracket is at least 2^-1019: 0.01 u.
    5. The product adds 1u: 9.9 u in all.
    """
    k = np.rint(np.fmin(x * PER_UNIT, RANGES["erfc"].greatest * PER_UNIT))  # fmin, since NaN has no place
    a = k / PER_UNIT
    h, index = x - a, k.astype(np.intp)
    table = _table()
    bracket = table[DEGREE][index]
    for n in range(DEGREE - 1, -1, -1):
        bracket = bracket * h + table[n][index]
    return np.asarray(bracket * elementary.exp(-(h * (a + x))))


def erfc(x: Array) -> Array:
    """1 - erf x, for a finite x <= 26.5; for x < 0 as 2 - erfc |x|, which lies between 1 and 2.

    For x < 0 the difference is rounded by 1u, beside 9.9 u of erfc |x| <= 1: 10.9 u. |x| is cut at 26.5 there: less
    than 2^-1018 is lost, which is nothing beside 1.
    """
    tail = _upper(np.minimum(np.abs(x), RANGES["erfc"].greatest))
    return np.where(x < 0, 2.0 - tail, tail)


def erf(x: Array) -> Array:
    """2/√π times the integral of e^-t² from 0 to x, for a finite x.

    1. |x| <= 1/2: x Q(x²), Q = 2/√π Σ (-x²)ⁿ / (n! (2n + 1)), cut below 2^-57. Its second term is at most 1/12 of the
       first: 1u for that, 4u / 12 for what follows, and 1u for the sum make 2.5 u; the product adds 1u.
    2. Else 1 - erfc |x|: 9.9 u of 0.48 at most and u/2, of 0.52 at least: 10.1 u. |x| is cut at 6.5, from where on erf
       is within 2^-62 of 1.
    """
    size = np.abs(x)
    square = np.square(np.minimum(size, 0.5))
    series = np.full_like(square, _ERF[-1])
    for coefficient in _ERF[-2::-1]:
        series = series * square + coefficient
    return np.where(size <= 0.5, x * series, np.copysign(1.0 - _upper(np.minimum(size, 6.5)), x))
