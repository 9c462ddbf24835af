"""`Ratios`: many rationals over one denominator, and exact products of matrices of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.numbers.exact import boxed
from scalarspec.numbers.integers import (
    BY_DIGITS_FROM,
    TERMS,
    Digits,
    digit_bits,
    digit_sums,
    joined,
    least_exponent,
    long_product,
    whole_numbers,
)

Array = np.ndarray[Any, Any]
MANY = 256
"""So many numbers stay digits in sums; fewer are joined."""


class Ratios:
    """Rationals over one denominator.

    numerators: an object array of Python integers, of any shape; None where floats or digits are given.
    denominator: a positive integer.
    floats: the float64s that the rationals are, where they came so. They are integers below 2^length in size, times
        2^exponent; their numerators are worked out when something asks for them.
    sums, bits: the numerators as Σ sums[k] 2^(bits k), int64s, where they came so; joined when something asks for them.
    """

    __slots__ = ("_digits", "_numerators", "bits", "denominator", "exponent", "floats", "length", "sums")

    def __init__(self, numerators: Array | None, denominator: int, floats: Array | None = None) -> None:
        self._numerators = numerators
        self.denominator = denominator
        self.floats = floats
        self._digits: Digits | None = None
        self.exponent = self.length = self.bits = 0
        self.sums: Array | None = None

    @classmethod
    def of_floats(cls, x: Array) -> Ratios:
        """The floats as they are, over a power of two."""
        exponent, length = least_exponent(x)
        result = cls(None, 1 << max(-exponent, 0), x)
        result.exponent, result.length = exponent, length
        return result

    @classmethod
    def of_sums(cls, sums: Array, bits: int, denominator: int) -> Ratios:
        """Numerators by their digits before carries. sums: (count, *shape)."""
        result = cls(None, denominator)
        result.sums, result.bits = sums, bits
        return result

    def __reduce__(self) -> Any:
        if self.floats is not None:
            return Ratios.of_floats, (self.floats,)
        return Ratios, (self.numerators, self.denominator)

    @property
    def shape(self) -> tuple[int, ...]:
        """As NumPy has it."""
        if self.sums is not None:
            return tuple(self.sums.shape[1:])
        return tuple((self.floats if self.floats is not None else self.numerators).shape)

    @property
    def numerators(self) -> Array:
        """Python integers."""
        if self._numerators is None and self.sums is not None:
            self._numerators = joined(self.sums, self.bits)
        if self._numerators is None:
            self._numerators = whole_numbers(self.floats, min(self.exponent, 0))  # type: ignore[arg-type]
        return self._numerators

    @property
    def nbytes(self) -> int:
        """The memory that is held: floats, digits, and integers, where they are."""
        floats = 0 if self.floats is None else int(self.floats.nbytes)
        digits = 0 if self._digits is None else int(self._digits.digits.nbytes)
        integers = [] if self._numerators is None else self._numerators.ravel().tolist()
        return floats + digits + sum([8 + int(n.__sizeof__()) for n in integers])

    def in_digits(self) -> bool:
        """Are the numerators digits so far, and many?"""
        return self._numerators is None and self.sums is not None and self.sums[0].size >= MANY

    def digits_over(self, denominator: int, bits: int) -> tuple[int, Array] | None:
        """Digits of the numerators over a power of two, as int64s, from the k-th one on, which is the first that is not
        0; and this k. None unless they are floats, of which it is a denominator.
        """
        unit = 1 - denominator.bit_length()
        if self.floats is None or denominator & (denominator - 1) or not 0 <= self.exponent - unit <= bits * TERMS:
            return None
        first, rest = divmod(self.exponent - unit, bits)
        digits = Digits.of_floats(self.floats, self.exponent - rest, self.length + rest, bits)
        return None if digits is None else (first, digits.digits.astype(np.int64))

    def reshaped(self, shape: tuple[int, ...]) -> Ratios:
        """In another shape."""
        if self.in_digits() and self.sums is not None:
            return Ratios.of_sums(self.sums.reshape(-1, *shape), self.bits, self.denominator)
        return self.mapped(lambda n: n.reshape(shape))

    def over(self, denominator: int) -> Array:
        """The numerators over a multiple of the denominator."""
        factor = denominator // self.denominator
        return self.numerators if factor == 1 else as_objects(self.numerators * factor)

    def digits(self, bits: int) -> tuple[Digits | None, int]:
        """The digits of the numerators (None if too long), and the k for which they are to be multiplied by 2^k."""
        extra = max(self.exponent, 0)
        if self._digits is None or self._digits.bits != bits:
            if self.floats is not None:
                self._digits = Digits.of_floats(self.floats, self.exponent, self.length, bits)
            else:
                self._digits = Digits.of_integers(self.numerators, bits)
        return self._digits, extra

    def mapped(self, function: Callable[[Array], Array]) -> Ratios:
        """The function of the numerators (or floats), over the same denominator: structure, signs, choices with 0."""
        if self.floats is not None:
            return Ratios.of_floats(np.asarray(function(self.floats)))
        return Ratios(as_objects(function(self.numerators)), self.denominator)


def as_objects(numbers: Any) -> Array:
    """An object array, where NumPy has made a plain number of it."""
    return numbers if isinstance(numbers, np.ndarray) else boxed(numbers)


def over_common(*values: Ratios) -> tuple[list[Array], int]:
    """The numerators over the least common denominator, and that."""
    denominator = math.lcm(*(v.denominator for v in values))
    return [v.over(denominator) for v in values], denominator


def added(x: Ratios, y: Ratios, sign: int) -> Ratios | None:
    """x + y, or x - y for the sign -1, by digits, where one is in digits and the other one floats. None elsewhere.

    Digits of floats are so small that no number of such sums comes to the end of int64.
    """
    first, second, signs = (x, y, (1, sign)) if x.in_digits() else (y, x, (sign, 1))
    last = second.digits_over(first.denominator, first.bits) if first.in_digits() and x.shape == y.shape else None
    if first.sums is None or last is None:
        return None
    k, digits = last
    total = np.zeros((max(len(first.sums), k + len(digits)), *x.shape), dtype=np.int64)
    total[: len(first.sums)] = first.sums if signs[0] == 1 else -first.sums
    total[k : k + len(digits)] += digits if signs[1] == 1 else -digits
    return Ratios.of_sums(total, first.bits, first.denominator)


def inner_products(a: Ratios, b: Ratios) -> Ratios:
    """a @ bᵀ, exactly: by BLAS on digits where these are short enough and it pays, else by Python's integers or flint.

    a: (m, n) or (n,); b: (p, n) or (n,); result: (m, p), m or p being 1 for a row.
    """
    denominator, n = a.denominator * b.denominator, a.shape[-1]
    bits = digit_bits(n)
    if bits and math.prod(a.shape) * math.prod(b.shape) >= BY_DIGITS_FROM * n:
        (left, i), (right, j) = a.digits(bits), b.digits(bits)
        if left is not None and right is not None:
            sums = digit_sums(_matrix(left), _matrix(right))
            if i + j:
                return Ratios(as_objects(joined(sums, bits) << (i + j)), denominator)
            return Ratios.of_sums(sums, bits, denominator)
    return Ratios(long_product(_rows(a.numerators), _rows(b.numerators)), denominator)


def _rows(x: Array) -> Array:
    """A row as a matrix of one."""
    return x if x.ndim == 2 else x[None]


def _matrix(d: Digits) -> Digits:
    """The digits of a row as those of a matrix of one."""
    return d if d.digits.ndim == 3 else Digits(d.digits[:, None], d.bits)
