"""sin and cos, and atan, of numbers m 2^e in Python's integers, each within a proved number of units; as `fixed_point`
has exp and log, whose text says how errors are counted.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

from scalarspec.numbers.dyadic import fixed
from scalarspec.numbers.fixed_point import (
    EXTRA,
    INDEX,
    MORE,
    NEAR,
    SERIES_BITS,
    is_short,
    odd_series,
    series,
    shared_bits,
)
from scalarspec.numbers.series import atan_of, cos_sin_by_halving, pi

# ---- sin and cos ----------------------------------------------------------------------------------------------------


def cos_sin(m: int, e: int, wp: int) -> tuple[int, int, int, int]:
    """c, s, q, n: for x = m 2^e > 0, x = n π/2 + r with |r| < 0.786, cos r is within ERROR units of 2^-wp of c 2^-wp,
    and sin r within ERROR units of 2^-q of s 2^-q, |s| >= 2^(wp-NEAR-3).

    1. r is within 2 units of 2^-q (`_turned`). For |r| < 2^-lead, lead >= NEAR: r² in units of 2^-wp is down by less
       than 1. sin r = r (1 - r²/6 + ...): r counts 2; the series, within 2.3 units of 2^-wp, |r| / 2^wp <= 2 times; the
       shift 1: 7.6 units. cos r is the root of 1 - sin² r (`_cosine`), within 1.1.
    2. Where that has too many terms, `cos_sin_by_halving` adds 2 units of 2^-q to the 2 of r; the cosine's shift 1.
    3. Else `_cos_sin_reduced`, with a shift of r to units of 2^-wp, by which it is down by less than 1 more.
    """
    n, r, q = _turned(m, e, wp)
    size, lead = abs(r), q - r.bit_length()
    if not is_short(wp, max(lead, NEAR)):
        c, s = cos_sin_by_halving(size, q)
        c >>= q - wp
    elif lead >= NEAR:
        s = size * series("sin", size * size >> (2 * q - wp), wp, 2 * lead) >> wp
        c = _cosine(s >> (q - wp), wp)
    else:
        c, s = _cos_sin_reduced(size >> (q - wp), wp)
        q = wp
    return c, s if r >= 0 else -s, q, n


def _turned(m: int, e: int, wp: int) -> tuple[int, int, int]:
    """n, r, q: x = m 2^e > 0 is n π/2 + r 2^-q within 2 units of 2^-q; |r| 2^-q < 0.786. r has wp-NEAR to wp+1 bits.

    1. x < 1/2: itself, down by less than 1. Else, for x < 2^s, in units of 2^-(q+s+2): x is down by less than 1, and
       n π/2 by less than n <= 0.64 2^s + 1: less than 2^(s+2) × 0.9 units in all. The last shift is down by under 1.
    2. Where x is so near to n π/2 that r has fewer bits, q is raised by as many as lack. r is never 0, since π is
       irrational: this comes to an end.
    """
    s, q = m.bit_length() + e, wp
    if s < 0:
        return 0, fixed(m, e, wp - s), wp - s
    while True:
        unit = q + s + 2
        half_pi = pi(unit - 1)
        n, r = divmod(fixed(m, e, unit), half_pi)
        if 2 * r > half_pi:
            n, r = n + 1, r - half_pi
        r >>= s + 2
        lacking = wp - r.bit_length()
        if lacking <= NEAR:
            return n, r, q
        q += lacking


def _cos_sin_reduced(r: int, wp: int) -> tuple[int, int]:
    """Cos r and sin r for r in [0, 0.786], in units of 2^-wp, within 8 units, if r is within 2.

    1. r = a + d, a = k / 2^INDEX the nearest of the table, |d| <= 2^-9; cos a and sin a are within 1.1.
    2. sin d = d (1 - d²/6 + ...) is within 2.3 × 2^-9, and 1 for the shift: 1.1; cos d is within 1.1 (`_cosine`).
    3. sin r = sin a cos d + cos a sin d: 0.71 × 1.1 + 1.1 + 1.1 + 1.1 × 2^-9, and 1 for the shift: less than 4.1; and
       cos r = cos a cos d - sin a sin d: 1.1 + 1.1 + 0.71 × 1.1 + 1.1 × 2^-9 + 1 < 4.1.
    4. r counts 2 in sin r, 0.71 × 2 in cos r: less than 6.1 in all.
    """
    k = (r + (1 << (wp - INDEX - 1))) >> (wp - INDEX)
    d, bits = r - (k << (wp - INDEX)), shared_bits(wp)
    s = d * series("sin", d * d >> wp, wp, 2 * NEAR) >> wp
    c = _cosine(s, wp)
    cos_a, sin_a = (value >> (bits - wp) for value in _turns(bits)[k])
    return (cos_a * c - sin_a * s) >> wp, (sin_a * c + cos_a * s) >> wp


def _cosine(s: int, wp: int) -> int:
    """The root of 1 - s² for |s| <= 2^-NEAR within 3 units, in units of 2^-wp; within 1.1, since that counts |s|."""
    return isqrt((1 << 2 * wp) - s * s)


@lru_cache(maxsize=256)
def _turns(bits: int) -> list[tuple[int, int]]:
    """Cos a and sin a for a = k / 2^INDEX, up to π/4, in units of 2^-bits, within 1.1, also when they are cut.

    1. In units of 2^-(bits+EXTRA), e^(ia) for the first a is off by less than 2 √2 as a complex number, and a product
       by that, and by √2 for its shifts, more: 202 × 4.3 in all, which is below 0.02 units of 2^-bits.
    2. The shift by EXTRA, and one more to fewer bits, are down by less than 1 together.
    """
    p = bits + EXTRA
    (b, d), (c, s), turns = cos_sin_by_halving(1 << (p - INDEX), p), (1 << p, 0), []
    for _ in range(203):
        turns.append((c >> EXTRA, s >> EXTRA))
        c, s = (c * b - s * d) >> p, (c * d + s * b) >> p
    return turns


# ---- atan -----------------------------------------------------------------------------------------------------------


def atan(m: int, e: int, wp: int) -> tuple[int, int]:
    """v and q: atan x, x = m 2^e > 0, is within ERROR units of 2^-q of v 2^-q, v > 2^(wp-NEAR-2).

    1. x < 2^-lead, lead >= NEAR, in units of 2^-(wp+lead), is less than 2^wp of them, down by less than 1. In
       x (1 - x²/3 + ...) that counts 1, the series 1/2, the shift 1: 2.5.
    2. Where that has too many terms, `_atan_by_newton` is off by less than 6.3 units.
    3. Else x, or 1/x if that is below 1, is down by less than 1 unit, which `_atan_reduced` counts. atan x =
       π/2 - atan(1/x) is off by 1 more.
    """
    s = m.bit_length() + e
    if s <= -NEAR:
        q = wp - s
        y = fixed(m, e, q)
        if not is_short(wp, -s):
            return _atan_by_newton(y, q), q
        more = wp + MORE
        return y * odd_series(y * y >> (2 * q - more), more, -1) >> more, q
    if s <= 0:
        return _atan_reduced(fixed(m, e, wp), wp), wp
    return pi(wp - 1) - _atan_reduced((1 << (wp - e)) // m if e <= wp else 0, wp), wp


def _atan_reduced(y: int, wp: int) -> int:
    """Atan y for y in [0, 1], both in units of 2^-wp; within 6.3 units, if y is down by less than 1.

    1. Beyond SERIES_BITS: `_atan_by_newton`. Else with a = k / 2^INDEX, the nearest of the table, atan a is within 1.1.
    2. z = (y - a) / (1 + a y), |z| <= 2^-9, is down by less than 1; the series counts 2^-9 2^MORE/2 = 1/4, its shift 1.
    3. y counts 1 at most: less than 4.4 in all.
    """
    if wp > SERIES_BITS:
        return _atan_by_newton(y, wp)
    k = (y + (1 << (wp - INDEX - 1))) >> (wp - INDEX)
    z = (((y << INDEX) - (k << wp)) << wp) // ((1 << (wp + INDEX)) + k * y)
    bits = shared_bits(wp)
    return (z * odd_series(z * z >> wp, wp, -1) >> wp) + (_atan_of_table(k, bits) >> (bits - wp))


@lru_cache(maxsize=1 << 14)
def _atan_of_table(k: int, bits: int) -> int:
    """Atan(k / 2^INDEX) in units of 2^-bits, down by less than 1.1, also when it is cut.

    EXTRA bits pay for the error of `atan_of`: its terms halve, and 2 (bits + EXTRA) + 4 < 0.1 2^EXTRA.
    """
    return atan_of(k, 1 << INDEX, bits + EXTRA)[0] >> EXTRA if k else 0


def _atan_by_newton(y: int, wp: int) -> int:
    """Atan y for y in [0, 1], both in units of 2^-wp; within 6.3 units, if y is down by less than 1.

    1. With θ near atan y and d = atan y - θ: (y cos θ - sin θ) / (cos θ + y sin θ) = tan d = d, but for |d|³/2 at most.
    2. θ, at w >= (wp + 22)/3 bits, is off by less than 8 of its units: |d|³/2 < 2^(9-3w)/2 is below 2^-13 units.
    3. cos θ and sin θ are within 2: the numerator is within 4, and what is below, at least 1 - 2^-10, counts |d| times
       its error. The quotient is down by less than 1, and y counts 1: 6.1 in all.
    """
    w = wp // 3 + 8
    angle = max(_atan_reduced(y >> (wp - w), w), 0) << (wp - w)
    c, s = cos_sin_by_halving(angle, wp)
    return angle + (y * c - (s << wp)) // (c + (y * s >> wp))
