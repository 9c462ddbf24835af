"""Series in Python's integers, with proved remainders: π, ln 2, and what `fixed_point` has tables of.

A number is held in units of 2^-bits. `>>` and `//` of Python's integers round down: off by less than a unit each.
Each text says, in numbered steps, how far its result can be from the real number; nothing here is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import isqrt

PI_PARTS = ((48, 18), (32, 57), (-20, 239))
"""π is the sum of c atan(1/q) over these c, q (Gauss): the argument of (18 + i)^12 (57 + i)^8 / (239 + i)^5 is π/4."""
LN2_PARTS = ((18, 26), (-2, 4801), (8, 8749))
"""ln 2 is the sum of c atanh(1/q) over these c, q: (27/25)^18 (4800/4802)^2 (8750/8748)^8 = 4, and each factor is
e^(2 atanh(1/q)), or the inverse."""
LEAST_BITS = 256
"""The constants are worked out to so many bits, or twice, four times ... as many, and cut."""


# ---- of rational numbers --------------------------------------------------------------------------------------------


def atan_of(p: int, q: int, bits: int) -> tuple[int, int]:
    """An integer and its error: atan(p/q) 2^bits lies between the first and their sum, for 0 < p <= q.

    1. Euler's series: atan(p/q) = Σ t_n, t_0 = p q / (p² + q²), t_n = t_(n-1) 2n p² / ((2n + 1) (p² + q²)): all
       positive. The ratio of a term to the one before is below p² / (p² + q²) <= 1/2.
    2. A computed term is rounded down from what the one before it, itself down by less than 2 units, gives: it is down
       by less than 2 / 2 + 1 = 2 units, and never up.
    3. Where it comes to 0, the true term is below 2 units, and all that follow are below 2 together.
    4. So the sum of n terms that are not 0 is down by less than 2n + 4 units.
    """
    square, both = p * p, p * p + q * q
    term = (p * q << bits) // both
    total, n = 0, 0
    while term:
        total, n = total + term, n + 1
        term = term * (2 * n * square) // ((2 * n + 1) * both)
    return total, 2 * n + 4


def atanh_of(p: int, q: int, bits: int) -> tuple[int, int]:
    """An integer and its error: atanh(p/q) 2^bits lies between the first and their sum, for 0 < p, 4p <= q.

    1. atanh(p/q) = Σ (p/q)^(2n+1) / (2n + 1), all positive; each power is at most 1/16 of the one before.
    2. A computed power is down by less than 1 + 2/16 < 2 units, its quotient by 2n + 1 by less than 2.
    3. Where a power comes to 0, the true one is below 2 units, and all that follow are below 1 together.
    4. So the sum of n terms is down by less than 2n + 3 units.
    """
    power, square, other = (p << bits) // q, p * p, q * q
    total, n = 0, 0
    while power:
        total, n = total + power // (2 * n + 1), n + 1
        power = power * square // other
    return total, 2 * n + 3


# ---- constants ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def pi(bits: int) -> int:
    """The integer part of π 2^bits."""
    return _floor(atan_of, PI_PARTS, bits)


@lru_cache(maxsize=4096)
def ln2(bits: int) -> int:
    """The integer part of 2^bits ln 2."""
    return _floor(atanh_of, LN2_PARTS, bits)


def _floor(function: Callable[[int, int, int], tuple[int, int]], parts: tuple[tuple[int, int], ...], bits: int) -> int:
    """The integer part of 2^bits Σ c f(1/q): that of a longer one, cut."""
    longer = max(LEAST_BITS, 1 << max(bits - 1, 0).bit_length())
    return _sum(function, parts, longer) >> (longer - bits)


@lru_cache(maxsize=64)
def _sum(function: Callable[[int, int, int], tuple[int, int]], parts: tuple[tuple[int, int], ...], bits: int) -> int:
    """The integer part of 2^bits Σ c f(1/q): worked out to more bits, until both ends of its enclosure have the same;
    since the sum is irrational, they do for some number of bits.
    """
    more = 32
    while True:
        low = high = 0
        for c, q in parts:
            value, error = function(1, q, bits + more)
            ends = (c * value, c * (value + error))
            low, high = low + min(ends), high + max(ends)
        if low >> more == high >> more:
            return low >> more
        more *= 2


@lru_cache(maxsize=32)
def _tangent_numbers(count: int) -> tuple[int, ...]:
    """T_1, T_2, ..., T_count, where tan x = Σ T_n x^(2n-1) / (2n - 1)!, exact (Brent & Harvey 2011, section 6)."""
    t = [1] * count
    for k in range(1, count):
        t[k] = k * t[k - 1]
    for k in range(1, count):
        for j in range(k, count):
            t[j] = (j - k) * t[j - 1] + (j - k + 2) * t[j]
    return tuple(t)


@lru_cache(maxsize=4096)
def bernoulli(k: int) -> Fraction:
    """B_2k, k >= 1, exact: (-1)^(k-1) 2k T_k / (4^k (4^k - 1))."""
    count = max(32, 1 << (k - 1).bit_length())
    return Fraction((-1) ** (k - 1) * 2 * k * _tangent_numbers(count)[k - 1], (1 << 2 * k) * ((1 << 2 * k) - 1))


# ---- powers of e, by halving ----------------------------------------------------------------------------------------

HALVED_BITS = 32
"""What is halved has so many bits, or more."""


def exp_by_halving(t: int, bits: int) -> int:
    """e^t, for 0 <= t < 1, down by less than 4 units. t: in units of 2^-bits, bits >= HALVED_BITS.

    1. With x = t / 2^h, which is exact in units of 2^-p, e^x is the sum of the parts (`_parts`): down by less than
       2^g - 4 of these units, and so down by as much relatively, since it is at least 1.
    2. A square doubles the relative error, and is rounded down by less than a unit: after h squares it is below
       2^h (2^g - 4 + 1) units of 2^-p, which is less than one of 2^-bits.
    3. e^t < e: less than 2.8 units, and less than 1 for the shift.
    """
    p, h, g = _sizes(bits)
    value = sum(_parts(t << g, p, h))
    for _ in range(h):
        value = value * value >> p
    return value >> (h + g)


def cos_sin_by_halving(t: int, bits: int) -> tuple[int, int]:
    """Cos t and sin t, for 0 <= t < 1, within 2 units each. t: in units of 2^-bits, bits >= HALVED_BITS.

    1. As in `exp_by_halving`, for z = e^(ix), x = t / 2^h: the parts are those of cos x and of sin x in turn, with the
       signs + + - -. Together they are off by less than 2^g - 4 units of 2^-p, as is z, as a complex number.
    2. |z| = 1. A square takes an error of ε units to 2ε + ε² 2^-p and 1.5 more, since both parts are rounded down. As
       long as ε < 2^(h + g), that is less than 2ε (1 + 2^-bits) + 1.5; after h squares, less than
       2^h (1 + 2h 2^-bits) (2^g - 4 + 1.5) < 2^(h + g), which is one unit of 2^-bits: bits >= 32, h <= 2 bits.
    3. So it is below one unit of 2^-bits, and less than 1 for the shift.
    """
    p, h, g = _sizes(bits)
    c = s = 0
    for j, part in enumerate(_parts(t << g, p, h)):
        signed = -part if j & 2 else part
        c, s = (c, s + signed) if j & 1 else (c + signed, s)
    for _ in range(h):
        c, s = (c * c - s * s) >> p, c * s >> (p - 1)
    return c >> (h + g), s >> (h + g)


def _sizes(bits: int) -> tuple[int, int, int]:
    """The bits to work with, how often an argument is halved, and how many bits pay for the terms: (p, h, g).

    From 32 bits on, h >= 4, h + g <= bits, and 2^g > 4 bits.
    """
    h, g = 1 << (bits.bit_length() // 3), bits.bit_length() + 2
    return bits + h + g, h, g


def _parts(x: int, p: int, h: int) -> list[int]:
    """The sums of x^n / n! over n = j, j + m, j + 2m, ..., for j = 0, 1, ..., m - 1, m a multiple of 4; in units of
    2^-p, of which x has less than 2^(p-h). Down by less than 2^g - 4 units, together. The powers of x are shared, so
    that few products are long (Smith 1989).

    1. x < 2^-h <= 1/16. Each power x^j is rounded down from a product with the one before: down by less than 2 units.
    2. a_n = y^(n // m) / n! with y = x^m comes from a_(n-1) by a quotient, and by a product with y for each mth: it is
       down by less than 2 units, since 2/n + 1 <= 2 for n >= 2, and (2y + 2 + 1)/n + 1 <= 2 for n >= 4.
    3. A part is x^j Σ a_n. Where an a_n comes to 0, the true one is below 2 units, and all that follow are below 2
       together: N of them that are not 0, and what is left out, are down by less than 2N + 4 in all.
    4. The products with x^j add 1 unit each, the errors of x^j at most 2 Σ a_n < 6: 2N + m + 10 in all.
    5. An a_n that is not 0 is at least a unit, and at most x^(n-m+1) < 2^(-h (n-m+1)): so N <= p/h + m. By `_sizes`,
       p/h <= bits/2; and m <= √(p/h) + 4. So 2N + m + 10 <= bits + 3 √(bits/2) + 22 < 4 bits - 4 < 2^g - 4.
    """
    m = 4 * (isqrt(p // h) // 4 + 1)
    powers = [1 << p, x]
    for _ in range(m - 1):
        powers.append(powers[-1] * x >> p)
    y, sums = powers.pop(), [0] * m
    term, n = 1 << p, 0
    while term:
        sums[n % m] += term
        n += 1
        term = (term if n % m else term * y >> p) // n
    return [total * power >> p for total, power in zip(sums, powers, strict=True)]
