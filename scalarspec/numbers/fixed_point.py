"""exp, log and erf, and with `angles` sin, cos and atan, of numbers m 2^e in integers, within proved numbers of units.

Each takes the nearest number of a table from its argument, and then a short series of what is left; beyond SERIES_BITS
it halves, or takes one step of Newton's method from a third of the bits. Results are held in units of 2^-wp, the last
place of the working precision, or, where they are small, in finer units of which they have about as many.

The texts count errors in these units, in numbered steps. They use that `>>` and `//` of Python's integers are down by
less than a unit; that a product x y is off by |x| times the error of y and |y| times that of x; and that a function is
off by its slope times the error of its argument. Second-order terms are below 2^-10 units for wp >= 24.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import count
from math import factorial, isqrt
from typing import Any

import numpy as np

from scalarspec.numbers.dyadic import fixed
from scalarspec.numbers.series import atanh_of, exp_by_halving, ln2, pi

Array = np.ndarray[Any, Any]

EXP_ERROR, ERROR = 25, 8
"""So many units exp, and so many the others, are never off by; but for log, which may be by |n| units more."""
SERIES_BITS = 2048
"""Up to so many bits tables and short series serve; beyond, halving and Newton's method are faster."""
STEP, EXTRA = 32, 16
"""Tables are worked out for multiples of STEP bits, with EXTRA more, and cut, so that neighbours share them."""
TABLES, TABLE_BITS = 3, 7
"""Each of so many tables of `exp` takes so many bits of the argument."""
INDEX, NEAR = 8, 9
"""The tables of the others are of the multiples of 2^-INDEX: what is left is at most 2^-NEAR."""


def shared_bits(wp: int) -> int:
    """The least multiple of STEP that is at least wp."""
    return -(-wp // STEP) * STEP


# ---- exp ------------------------------------------------------------------------------------------------------------


def exp(m: int, e: int, wp: int) -> tuple[int, int]:
    """v and n: e^x, x = m 2^e, is within EXP_ERROR units of 2^(n-wp) of v 2^(n-wp), with v 2^-wp between 0.99 and 2.

    1. x = n ln 2 + t, 0 <= t < ln 2, in units of 2^-(wp+s), for |x| < 2^s, s >= 0: x is down by less than 1 of these;
       n ln 2 is off by |n| <= 1.45 2^s + 1.
    2. The shift of t by s is down by less than 1: in units of 2^-wp, t is off by less than 1.45 + 2 + 1 < 4.5.
    3. That counts e^t <= 2 times: 9 units. `exp_reduced` is down by less than 15.2.
    """
    s = max(m.bit_length() + e, 0)
    n, t = divmod(fixed(m, e, wp + s), ln2(wp + s))
    return int(exp_reduced(t >> s, wp)), n


def exp_reduced(t: Any, wp: int) -> Any:
    """e^t for t in [0, ln 2], both in units of 2^-wp, down by less than 15.2 units. t: an integer; or an object array,
    where wp is at most SERIES_BITS.

    1. Beyond SERIES_BITS: `exp_by_halving`, 4 units.
    2. Else t = k 2^-21 + r with 0 <= r < 2^-21; e to the power of each 7 bits of k comes from a table, down by less
       than 1.1 units.
    3. e^r, r exact, is down by less than 2.1 units (`series`).
    4. The product is rounded down three times. The factors of the first two tables are below 1.01, the last is at most
       2: it is down by less than 1.01 × (2.1 + 1.1) + 1 < 4.3, then 1.01 × (4.3 + 1.1) + 1 < 6.5, then
       2 × 6.5 + 1.02 × 1.1 + 1 < 15.2.
    """
    if wp > SERIES_BITS:
        return exp_by_halving(t, wp)
    below = wp - TABLES * TABLE_BITS
    k = t >> below
    result = series("exp", t - (k << below), wp, TABLES * TABLE_BITS)
    k = k.astype(np.intp) if isinstance(k, np.ndarray) else k
    for table in _exp_tables(wp):
        result = table[k & (1 << TABLE_BITS) - 1] * result >> wp
        k = k >> TABLE_BITS
    return result


@lru_cache(maxsize=256)
def _exp_tables(wp: int) -> list[Array]:
    """e^(k/2^21), e^(k/2^14), e^(k/2^7) for the k that are needed, in units of 2^-wp, down by less than 1.1."""
    bits, steps = shared_bits(wp), [TABLE_BITS * i for i in range(TABLES, 0, -1)]
    return [np.array([power >> (bits - wp) for power in _powers_of_e(step, bits)], dtype=object) for step in steps]


@lru_cache(maxsize=256)
def _powers_of_e(step: int, bits: int) -> list[int]:
    """e^(k/2^step) for k = 0, 1, ..., for the largest step up to ln 2, in units of 2^-bits, down by less than 1.1.

    1. In units of 2^-(bits+EXTRA), e^(2^-step) is down by less than 4, and so relatively; each product by that, and by
       1 for its shift: 128 × 5 units at most, relatively, of a value of at most 2: less than 0.02 units of 2^-bits.
    2. The shift by EXTRA, and one more to fewer bits, are down by less than 1 together: they cut one number.
    """
    p = bits + EXTRA
    base, power, powers = exp_by_halving(1 << (p - step), p), 1 << p, []
    for _ in range(89 if step == TABLE_BITS else 1 << TABLE_BITS):
        powers.append(power >> EXTRA)
        power = power * base >> p
    return powers


# ---- short series ---------------------------------------------------------------------------------------------------

CHUNK = 8
"""So many terms of a series are worked out to as many bits."""
_SERIES: dict[str, tuple[int, Callable[[int], tuple[int, int]]]] = {
    "exp": (TABLES * TABLE_BITS, lambda k: (1, factorial(k))),
    "sin": (2 * NEAR, lambda k: ((-1) ** k, factorial(2 * k + 1))),
}
"""Power series in w: e^w, and sin z / z with w = z². That w <= 2^-b, and each coefficient as a quotient."""


def series(name: str, w: Any, wp: int, b: int) -> Any:
    """Σ c_k w^k by Horner's scheme, for 0 <= w <= 2^-b; in units of 2^-wp, within 2.1 for an exact w, and within 2.3
    for one that is down by less than 1. w: an integer, or an object array.

    1. What is left out begins with a term of less than a unit, and each that follows is below 2^-18 of the one before:
       less than 1.01 units.
    2. Each shift and each coefficient is down by less than 1; but c_0 = 1 is exact, and all but the last shift count
       2^-18 times or less: less than 1.01 units.
    3. That holds of the first CHUNK terms. The next are worked out in units 2^(CHUNK (b_0 - 2)) times as large, and so
       on, with the b_0 of `_SERIES`; but they count 2^(-CHUNK b_0) times: 3 of their units come to less than 2^-14.
    4. An error of w counts 1/6 in sin z / z.
    """
    result, least = 0, _SERIES[name][0]
    for bits, coefficients in _chunks(name, wp)[wp // b // CHUNK :: -1]:
        power, result = w if bits == wp else w >> (wp - bits), result << CHUNK * (least - 2)
        for coefficient in coefficients:
            result = coefficient + (power * result >> bits)
    return result


@lru_cache(maxsize=1024)
def _chunks(name: str, wp: int) -> list[tuple[int, list[int]]]:
    """The bits of each chunk, and its coefficients in units of 2^-bits, rounded down, the last first. Those are left
    out of which c_k 2^-bk is less than a unit of 2^-wp.
    """
    least, coefficient = _SERIES[name]
    terms = next(k for k in count() if (1 << wp) // coefficient(k)[1] >> least * k == 0)
    chunks = []
    for first in range(0, terms, CHUNK):
        bits = wp - (least - 2) * first
        some = map(coefficient, reversed(range(first, min(first + CHUNK, terms))))
        chunks.append((bits, [(sign << bits) // below for sign, below in some]))
    return chunks


MORE = 8
"""So many bits more pay for the terms of an odd series where its relative error counts: it is off by less than 2^MORE/2
units."""


def odd_series(w: int, wp: int, sign: int) -> int:
    """Σ (sign w)^k / (2k + 1) for 0 <= w <= 2^-18 that is down by less than 1; in units of 2^-wp. With w = z² that is
    atanh z / z, and for the sign -1 atan z / z.

    1. The even powers of w, from products with w², are down by less than 1.1 units; each quotient by less than 1 more,
       and less than 1.3 in all: the sum over n even k is off by less than 1.3 n.
    2. So is that over odd k, which counts 2^-18 times; the shift of the product adds 1, the error of w at most 1/3.
    3. Where a power comes to 0, the true one is below 1.1 units, and all that follow are less than 0.1 together.
    4. 1.3 n + 2.6 in all, with n <= wp/36 + 1, or fewer for a smaller w: below 2^MORE/2 where `is_short` holds.
    """
    square, power, k, even, odd = w * w >> wp, 1 << wp, 1, 0, 0
    while power:
        even += power // k
        odd += power // (k + 2)
        power, k = power * square >> wp, k + 4
    return even + (sign * w * odd >> wp)


def is_short(wp: int, lead: int) -> bool:
    """Has the series of a number below 2^-lead no more terms than it has at SERIES_BITS beside a table?"""
    return wp * NEAR <= SERIES_BITS * lead


# ---- log ------------------------------------------------------------------------------------------------------------


def log(m: int, e: int, wp: int) -> tuple[int, int, int]:
    """v, q and n: log x, x = m 2^e > 0, is within ERROR + |n| units of 2^-q of v 2^-q. For x != 1, |v| > 2^(wp-NEAR-2).

    1. x = t 2^n, 3/4 <= t < 3/2. For n = 0 and |t - 1| < 2^-lead, lead >= NEAR, in units of 2^-(wp+lead):
    2. z = (t - 1) / (t + 1), of at least 2^(wp-2) and less than 2^(wp-1/2) units, is down by less than 1, which counts
       2.1 in log t = 2 z (1 + z²/3 + ...). The series, within 1/2 unit of 2^-wp, counts 2 × 2^-1/2 × 1/2 < 0.8; the
       last shift 1: less than 4 units in all.
    3. Where that has too many terms, `_log_by_newton` is off by less than 8 units.
    4. Else t is down by less than 1 unit of 2^-wp, which `_log_reduced` counts; n ln 2 is off by |n|.
    """
    bits = m.bit_length()
    up = (m << 2) >> bits == 2
    n = bits + e - up
    if n == 0 and e < 0:
        beyond = m - (1 << -e)
        lead = -e - beyond.bit_length()
        if lead >= NEAR:
            q = wp + lead
            if not is_short(wp, lead):
                return _log_by_newton(fixed(m, e, q), q), q, 0
            z = (beyond << q) // (m + (1 << -e))
            more = wp + MORE
            return z * odd_series(z * z >> (2 * q - more), more, 1) >> (more - 1), q, 0
    return _log_reduced(fixed(m, up - bits, wp), wp) + n * ln2(wp), wp, n


def _log_reduced(t: int, wp: int) -> int:
    """log t for t in [3/4, 3/2), both in units of 2^-wp; within 8 units, if t is down by less than 1.

    1. Beyond SERIES_BITS: `_log_by_newton`. Else with a = k / 2^INDEX, the nearest of the table, log a is within 1.1.
    2. z = (t - a) / (t + a), |z| <= 2^-9 / 1.49, is down by less than 1, which counts 2.1 in log(t/a) = 2 atanh z. The
       series counts 2 × 2^MORE/2 × 2^-9.5 < 0.4, the shift 1.
    3. t counts 1/t <= 1.34: less than 6 in all.
    """
    if wp > SERIES_BITS:
        return _log_by_newton(t, wp)
    k = (t + (1 << (wp - INDEX - 1))) >> (wp - INDEX)
    a = k << (wp - INDEX)
    z = ((t - a) << wp) // (t + a)
    bits = shared_bits(wp)
    return (z * odd_series(z * z >> wp, wp, 1) >> (wp - 1)) + (_log_of_table(k, bits) >> (bits - wp))


@lru_cache(maxsize=1 << 14)
def _log_of_table(k: int, bits: int) -> int:
    """log(k / 2^INDEX) = 2 atanh((k - 2^INDEX) / (k + 2^INDEX)), in units of 2^-bits, within 1.1, also when it is cut.

    EXTRA bits pay for the error of `atanh_of`, whose powers fall to 1/16: 2 ((bits + EXTRA) / 2 + 5) < 0.1 2^EXTRA.
    """
    one = 1 << INDEX
    if k == one:
        return 0
    value = 2 * atanh_of(abs(k - one), k + one, bits + EXTRA)[0]
    return (value if k > one else -value) >> EXTRA


def _log_by_newton(t: int, wp: int) -> int:
    """log t for t in [3/4, 3/2), both in units of 2^-wp; within 8 units, if t is down by less than 1.

    1. With y near log t and d = log t - y: 2 (t - e^y) / (t + e^y) = 2 tanh(d/2) = d, but for |d|³/12 at most.
    2. y, at w >= (wp + 22)/3 bits, is off by less than 8 of its units: |d|³/12 < 2^(9-3w)/12 is below 2^-13 units.
    3. e^y is down by less than 4; for y < 0 it is half of e^(y + ln 2), whose argument is down by less than 1: down by
       less than (4 + 2)/2 + 1 = 4, too. That counts 4 t / (t + e^y)² < 1.35: 5.4. The quotient is down by less than 1.
    4. t counts 1/t < 1.34: less than 7.8 in all.
    """
    w = wp // 3 + 8
    y = _log_reduced(t >> (wp - w), w) << (wp - w)
    power = exp_by_halving(y, wp) if y >= 0 else exp_by_halving(y + ln2(wp), wp) >> 1
    return y + ((t - power) << (wp + 1)) // (t + power)


# ---- erf ------------------------------------------------------------------------------------------------------------


def erf(m: int, e: int, wp: int) -> tuple[int, int, int]:
    """v, q and an error: erf x, x = m 2^e > 0 with x² < 2^(wp-2), is within so many units of 2^-q of v 2^-q.

    1. erf x = 2 x e^(-x²) S / √π, S = Σ t^n / (3 · 5 ... (2n + 1)) for t = 2x² (NIST DLMF, 7.6.2), terms > 0, S >= 1.
       In what follows a unit is 2^-wp, relatively to what is looked at, but for terms, where it is one of S.
    2. t, cut to wp bits, is down by less than 2 units, so a term of t^n by less than 2n, and S by less than 2N.
    3. A product by t and a quotient by 2n + 1 >= 3 lose less than 1/3 + 1 of 2^-wp. What the term of k has lost is
       handed on by factors t / (2j + 1), j > k, whose products with their sum are at most S: 4/3 N in all.
    4. Where a term comes to 0, the true one is below 4/3 N units by 3, and those that follow fall by 1/2 or faster:
       what is left out is less than 8/3 N units. Altogether S is down by less than 6 N; we count 7 N.
    5. e^(-x²) is off by less than EXP_ERROR / 0.99, √π down by less than 0.6, the cut of m S by 2^-7, and the quotient,
       which is above 2^(wp-1), by less than 2: less than EXP_ERROR + 3 units.
    """
    square, cut = 2 * m * m, max(m.bit_length() - 8, 0)
    scale = wp - square.bit_length() - 2 * e
    t, term, total, n = fixed(square, 2 * e, scale), 1 << wp, 0, 0
    while term or t >> scale >= n:
        total, n = total + term, n + 1
        term = (term * t >> scale) // (2 * n + 1)
    power, shift = exp(-m * m, 2 * e, wp)
    value = (m * total >> cut) * power // isqrt(pi(2 * wp))
    return value, wp - 1 - e - shift - cut, (value * (7 * n + EXP_ERROR + 3) >> wp) + 1
