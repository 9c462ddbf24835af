"""The binary floating-point formats that results come in: their spacing, rounding and range.

IEEE 754's binary64, binary32 and binary16, bfloat16, NVIDIA's TF32 and the two formats of eight bits.

An ulp is the spacing of the format's numbers at a value,
2^(max(e, emin) - precision + 1) for 2^e <= |x| < 2^(e+1); below the normal numbers it is the smallest subnormal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.errors import UnknownName
from scalarspec.numbers.exact import End

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Format:
    """A format: the numbers ±m 2^(e - precision + 1) with 0 <= m < 2^precision and emin <= e <= emax, and infinities.

    precision: bits of the significand, the hidden one included; emin, emax: the exponents e of the least and of the
    greatest normal numbers, 2^e <= |x| < 2^(e+1); infinities: are there any? Where there are none, what is beyond the
    range is NaN, whose code takes the place of the largest number that there would be.
    """

    name: str
    precision: int
    emin: int
    emax: int
    infinities: bool = True

    @cached_property
    def largest(self) -> Fraction:
        """The largest finite number."""
        short = 1 if self.infinities else 2
        return (2 - short * Fraction(2) ** (1 - self.precision)) * Fraction(2) ** self.emax

    @property
    def least_normal(self) -> Fraction:
        """The smallest positive normal number."""
        return Fraction(2) ** self.emin

    def ulp(self, value: Fraction) -> Fraction:
        """The spacing of the format's numbers at a value; the smallest subnormal at 0."""
        exponent = floor_log2(abs(value)) if value else self.emin
        return Fraction(2) ** (max(exponent, self.emin) - self.precision + 1)

    def nearest(self, value: Fraction) -> End:
        """The number of the format nearest to a value, ties to even; beyond the range an infinity, as IEEE rounds, or
        NaN, where the format has none.
        """
        unit = self.ulp(value)
        rounded = round(value / unit) * unit  # Python rounds a Fraction half to even
        if abs(rounded) > self.largest:
            return math.nan if not self.infinities else math.inf if value > 0 else -math.inf
        return rounded

    def holds(self, value: End) -> bool:
        """Is this a number of the format, or NaN, or an infinity that it has?"""
        if isinstance(value, float):
            return self.infinities or math.isnan(value)
        return self.nearest(value) == value

    def contains(self, other: Format) -> bool:
        """Is every number of another format one of this?"""
        least = self.emin - self.precision <= other.emin - other.precision
        return self.precision >= other.precision and least and self.largest >= other.largest

    @np.errstate(all="ignore")
    def half_ulp(self, sizes: Array) -> Array:
        """The greatest error of rounding any |x| <= size to nearest, each rounded up to a float64.

        sizes: float64s >= 0, of any shape, which is the result's. Infinite where x may leave the format's range.

        1. For 2^(k-1) < size <= 2^k every such x lies in [-2^k, 2^k], where neighbours are at most 2^(k - precision)
           apart; below the least normal number 2^emin they are 2^(emin - precision + 1) apart.
        2. The error is at most half of that. Where it is no float64, the least positive one is more.
        """
        mantissa, exponent = np.frexp(sizes)  # size = mantissa 2^exponent, 1/2 <= mantissa < 1
        exponent = np.maximum(exponent - (mantissa == 0.5), self.emin + 1)
        error = np.maximum(np.ldexp(1.0, exponent - self.precision - 1), 2.0**-1074)
        error = np.where(sizes == 0, 0.0, error)
        return np.where(sizes <= float(self.largest), error, np.inf)

    @np.errstate(all="ignore")
    def rounded(self, values: Array) -> Array:
        """The number of the format nearest to each of some finite float64s, ties to even; infinite beyond the range.

        values: of any shape, which is the result's. Division by a power of two and rint are exact.
        """
        _, exponent = np.frexp(values)
        unit = np.ldexp(1.0, np.maximum(exponent - self.precision, max(self.emin - self.precision + 1, -1074)))
        nearest = np.rint(values / unit) * unit
        found: Array = np.where(np.abs(nearest) <= float(self.largest), nearest, np.copysign(np.inf, values))
        return found

    @np.errstate(all="ignore")
    def rounding_errors(self, values: Array) -> Array:
        """|x - nearest(x)| of float64s, exactly; infinite where that is no number of the format.

        values: of any shape, which is the result's. The difference is exact.
        """
        errors: Array = np.abs(values - self.rounded(values))
        return errors


FORMATS = {
    form.name: form
    for form in (
        Format("float64", 53, -1022, 1023),
        Format("float32", 24, -126, 127),
        Format("tf32", 11, -126, 127),
        Format("float16", 11, -14, 15),
        Format("bfloat16", 8, -126, 127),
        Format("float8_e4m3fn", 4, -6, 8, infinities=False),
        Format("float8_e5m2", 3, -14, 15),
    )
}
"""The formats by name: IEEE 754-2019, table 3.5; bfloat16 and TF32, which have the exponents of binary32; and those of
Micikevicius et al., FP8 formats for deep learning, 2022, table 1. Numbers of TF32 are stored as binary32.
"""


FormatLike = str | np.dtype[Any] | type[np.generic]
"""How a format is asked for: by its name, or by a dtype or a type of NumPy's, PyTorch's or JAX's that has it."""


def name_of(dtype: FormatLike) -> str:
    """The name of what a format is asked for by."""
    known = getattr(dtype, "name", None) or getattr(dtype, "__name__", dtype)  # dtypes; types; PyTorch's print theirs
    return str(known).rpartition(".")[2]


def named(name: FormatLike | Format, what: str = "dtype") -> Format:
    """The format of that name; what: the argument, for the message. Raises UnknownName, listing what exists."""
    if isinstance(name, Format):
        return name
    text = name_of(name)
    if text not in FORMATS:
        raise UnknownName(f"{what}: no format is called {text!r}; there are {', '.join(FORMATS)}")
    return FORMATS[text]


def floor_log2(value: Fraction) -> int:
    """The e with 2^e <= value < 2^(e+1), for a positive value."""
    e = value.numerator.bit_length() - value.denominator.bit_length()
    return e if value >= Fraction(2) ** e else e - 1
