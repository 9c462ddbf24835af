"""Floats that stand for themselves in `interval`, and their exact products with integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from scalarspec.core.arrays import lift
from scalarspec.numbers.integers import (
    BLOCK,
    BY_DIGITS_FROM,
    TERMS,
    Digits,
    diagonals,
    digit_bits,
    digit_products,
    joined,
    least_exponent,
    whole_numbers,
)

Array = np.ndarray[Any, Any]
Rows = tuple[Digits, Array]
"""Some rows of a matrix: the digits of the numbers, and their signs, as 1 or -1."""


class Points:
    """Floats that stand for themselves: weights and data, as they came.

    floats: the array. Each float is an integer below 2^length in size, times 2^exponent.
    """

    __slots__ = ("_mantissas", "_rows", "_scalars", "_used", "exponent", "floats", "length")

    def __init__(self, floats: Array) -> None:
        self.floats = floats
        self.exponent, self.length = least_exponent(floats)
        self._scalars: Array | None = None
        self._mantissas: tuple[Array, Array] | None = None
        self._rows: list[Rows] | None = None
        self._used = False

    def __reduce__(self) -> Any:
        return Points, (self.floats,)

    def scalars(self) -> Array:
        """The intervals that they are."""
        if self._scalars is None:
            mantissas = whole_numbers(self.floats, self.exponent)
            self._scalars = lift(lambda m: (m, self.exponent, m, self.exponent), mantissas)
        return self._scalars

    def products(self, middle: Array, radius: Array) -> tuple[Array, Array] | None:
        """middle @ wᵀ and radius @ |w|ᵀ, exactly, for the integers w = floats / 2^exponent. None if they are too long.

        floats: (m, n); middle, radius: (b, n), object arrays of integers; each result: (b, m).
        """
        bits = digit_bits(self.floats.shape[-1])
        if self.length >= bits * TERMS:
            return None
        if self.floats.size * len(middle) < BY_DIGITS_FROM:
            w, sizes = self._whole()
            return np.dot(middle, w.T), np.dot(radius, sizes.T)
        return self._by_digits(*(Digits.of_integers(part, bits) for part in (middle, radius)))

    def _by_digits(self, middle: Digits | None, radius: Digits | None) -> tuple[Array, Array] | None:
        """The same, of the digits of the factors, by blocks of rows. None if there are none."""
        if middle is None or radius is None:
            return None
        found: tuple[list[Array], list[Array]] = [], []
        at_points = not radius.digits.any()
        for w, signs in self._blocks():
            found[0].append(digit_products(middle, w))
            if not at_points:
                found[1].append(digit_products(radius, w.times(signs)))
        a, *b = (joined(diagonals(np.concatenate(parts, axis=-1)), middle.bits) for parts in found if parts)
        return a, b[0] if b else 0 * a

    def _whole(self) -> tuple[Array, Array]:
        """The integers, and their sizes."""
        if self._mantissas is None:
            whole = whole_numbers(self.floats, self.exponent)
            self._mantissas = whole, np.abs(whole)
        return self._mantissas

    def _blocks(self) -> Iterator[Rows] | list[Rows]:
        """Of the whole matrix: made one after the other at its first product, and kept from the second one on."""
        if not self._used:
            self._used = True
            return self._split()
        if self._rows is None:
            self._rows = list(self._split())
        return self._rows

    def _split(self) -> Iterator[Rows]:
        """Blocks of rows that stay in the processor's cache."""
        bits, step = digit_bits(self.floats.shape[-1]), max(1, BLOCK // self.floats.shape[-1])
        for start in range(0, len(self.floats), step):
            block = self.floats[start : start + step]
            digits = Digits.of_floats(block, self.exponent, self.length, bits)
            assert digits is not None  # `products` has looked at the length
            yield digits, np.copysign(1.0, block)
