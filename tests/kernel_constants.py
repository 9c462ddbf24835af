"""The constants of the kernels: what their reductions lose, and that each is the float that it is meant to be."""

from fractions import Fraction
from math import factorial

import numpy as np
from kernel_texts import IDEALS, require
from running_errors import C, above, interval

from scalarspec.backends.interval import IntervalContext
from scalarspec.numbers import elementary, error_functions, series

U = Fraction(1, 2**53)


C_LONG = IntervalContext(400)
"""For constants whose recurrences lose bits."""


R, QUARTER_TURN = Fraction("0.34658"), Fraction("0.7854")
"""No reduced argument is larger: checked with the reductions."""


# ---- the reductions --------------------------------------------------------------------------------------------------


def multiple(value, power):
    """Is a float a whole multiple of 2^power; and how many bits has that?"""
    scaled = Fraction(float(value)) / Fraction(2) ** power
    return scaled.denominator == 1, abs(scaled.numerator).bit_length()


def ln2_loss():
    """How far `reduced` is off for n != 0, beside half a last place of r. The steps of its text."""
    high, low, per = (Fraction(float(getattr(elementary, n))) for n in ("_LN2_HI", "_LN2_LO", "_PER_LN2"))
    whole, length = multiple(high, -42)
    require(whole and length <= 42, "LN2_HI is no multiple of 2^-42 of 42 bits")
    bits = 300
    ln2 = Fraction(series.ln2(bits), 2**bits)
    miss = abs(high + low - ln2) + Fraction(1, 2**bits)
    require(miss <= Fraction(1, 2**102), "LN2_HI + LN2_LO is not ln 2 to 2^-102")
    largest = Fraction(745)
    n = largest / ln2 + 1
    require(n < 2**11, "n has more than 11 bits")
    turns = largest * abs(per * ln2 - 1) / ln2 + largest * per * U  # by which x / ln 2 is off before it is rounded
    require((Fraction(1, 2) + turns) * (ln2 + Fraction(1, 2**bits)) + n * miss <= R, "r is larger than is said")
    require((Fraction(1, 2) - turns) * ln2 > Fraction(1, 4), "x may be below 1/4 for n != 0")
    require(R + n * low < Fraction(1, 2), "x - n HI may need more bits")
    return n * (abs(low) * U + miss)


def pi_loss():
    """How far `turned` is off for n != 0, beside 2 u |r|. The steps of its text."""
    a, b, c = (Fraction(float(part)) for part in elementary._HALF_PI)
    bits = 300
    half_pi = Fraction(series.pi(bits), 2 ** (bits + 1))
    n = Fraction(elementary.LARGEST_ANGLE) / half_pi + 1
    for part, power, length in ((a, -30, 31), (b, -65, 32)):
        whole, found = multiple(part, power)
        require(whole and found <= length, "a part of π/2 has too many bits")
        require(n * 2**length < 2**53, "a product with n is not exact")
    miss = abs(a + b + c - half_pi) + Fraction(1, 2**bits)
    per = Fraction(float(elementary._TWO_OVER_PI))
    turns = elementary.LARGEST_ANGLE * abs(per - 1 / half_pi) + n * U + Fraction(1, 2**200)
    require((Fraction(1, 2) + turns) * half_pi + n * miss < QUARTER_TURN, "r is larger than is said")
    require((Fraction(1, 2) - turns) * half_pi > Fraction(1, 2), "x may be below 1/2 for n != 0")
    require(QUARTER_TURN + n * (abs(b) + abs(c)) < 1, "x - n A may need more bits")
    return n * (abs(c) * U + miss) * (1 + 4 * U)


def shifts_are_exact():
    """The bit patterns, for each exponent: 2^n, an exponent that is added, and the k of `log` at the border √½ 2^k,
    where it changes, by the values there.
    """
    n = np.arange(-1022, 1024, dtype=float)
    powers = elementary.power_of_two(n + float(elementary._MAGIC))
    require([float(p) for p in powers] == [2.0 ** int(k) for k in n], "power_of_two")
    added = elementary.number(elementary.bits(np.ones(len(n))) + (elementary.bits(n + float(elementary._MAGIC)) << 52))
    require([float(p) for p in added] == [2.0 ** int(k) for k in n], "an exponent that is added")
    root = Fraction(float(np.int64(elementary._SQRT_HALF_BITS).view(np.float64)))
    require(abs(root**2 - Fraction(1, 2)) < Fraction(1, 2**50), "the border of the binades of log is not √½")
    for k in range(-1073, 1024):
        border = float(root) * 2.0**k
        x = np.array([border, np.nextafter(border, 0)])[: 1 if k < -1070 else 2]
        for value, at in zip(elementary.log(x).tolist(), x.tolist(), strict=True):
            off = C.subtract(interval(Fraction(value)), C.log(interval(Fraction(at))))
            require(above(off) <= elementary.ERROR["log"] * U * abs(Fraction(value)), f"log at {at}")
    return Fraction(0)


# ---- coefficients and tables -----------------------------------------------------------------------------------------


def _slope():
    """2/√π, of which erf begins."""
    return C_LONG.divide((2, 0, 2, 0), C_LONG.sqrt(C_LONG.pi()))


def erf_coefficients():
    """2/√π (-1)ⁿ / (n! (2n + 1)), enclosed, for n below 12."""
    return [C_LONG.divide(_slope(), interval((-1) ** n * factorial(n) * (2 * n + 1))) for n in range(12)]


def bracket_coefficients(k):
    """Those of the bracket of `error_functions` at k/16, enclosed by its recurrence."""
    a = interval(Fraction(k, error_functions.PER_UNIT))
    twice = C_LONG.multiply((2, 0, 2, 0), a)
    c = [C_LONG.erfc(a)]
    c.append(C_LONG.subtract(C_LONG.multiply(twice, c[0]), C_LONG.multiply(_slope(), C_LONG.exp(negative_square(a)))))
    for n in range(1, error_functions.DEGREE):
        both = C_LONG.add(C_LONG.multiply(twice, c[n]), C_LONG.multiply((2, 0, 2, 0), c[n - 1]))
        c.append(C_LONG.divide(both, (n + 1, 0, n + 1, 0)))
    return c


def negative_square(a):
    return C_LONG.negative(C_LONG.square(a))


def is_nearest(value, ideal, last_places=Fraction(1, 2)):
    """Is a float within half a last place of what it is meant to be, of which `ideal` is a close enclosure?"""
    ulp = Fraction(float(np.spacing(abs(float(value)))))
    return above(C_LONG.subtract(interval(Fraction(float(value))), ideal)) <= last_places * ulp


def of_constants(limit, places=None):
    """Each coefficient and table entry is the float nearest to the number that it is meant to be; those of erf, which
    are worked out in floats, to 2 last places.
    """
    for name, ideal in IDEALS.items():
        value = getattr(elementary, name)
        both = zip(value, ideal, strict=True) if isinstance(ideal, list) else [(value, ideal)] if ideal else []
        for i, (v, true) in enumerate(both):
            require(is_nearest(v, C_LONG.literal(true)), f"{name}, coefficient {i}")
    two_over_pi, per_ln2 = C_LONG.divide((2, 0, 2, 0), C_LONG.pi()), C_LONG.reciprocal(C_LONG.log((2, 0, 2, 0)))
    require(is_nearest(elementary._TWO_OVER_PI, two_over_pi), "_TWO_OVER_PI")
    require(is_nearest(elementary._PER_LN2, per_ln2), "_PER_LN2")
    for n, (value, ideal) in enumerate(zip(error_functions._ERF, erf_coefficients(), strict=True)):
        require(is_nearest(value, ideal, 2), f"_ERF, coefficient {n}")
    table = error_functions._table()
    for k in range(table.shape[1]) if places is None else places:
        for n, (value, ideal) in enumerate(zip(table[:, k], bracket_coefficients(k), strict=True)):
            require(is_nearest(value, ideal), f"the table of erfc, row {n}, place {k}")
    return Fraction(0)
