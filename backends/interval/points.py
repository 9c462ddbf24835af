"""Floats that stand for themselves in `interval`, and their exact products with integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from scalarspec.backends.interval.bulk import FURTHEST, Ends
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

    __slots__ = ("_mantissas", "_rows", "_scalars", "exponent", "floats", "length")

    def __init__(self, floats: Array) -> None:
        self.floats = floats
        self.exponent, self.length = least_exponent(floats)
        self._scalars: Array | None = None
        self._mantissas: Array | None = None
        self._rows: list[Rows] | None = None

    def __reduce__(self) -> Any:
        return Points, (self.floats,)

    def scalars(self) -> Array:
        """The intervals that they are."""
        if self._scalars is None:
            self._scalars = lift(lambda m: (m, self.exponent, m, self.exponent), self._whole())
        return self._scalars

    def products(self, middle: Array, radius: Array) -> tuple[Array, Array] | None:
        """middle @ wᵀ and radius @ |w|ᵀ, exactly, for the integers w = floats / 2^exponent. None if they are too long.

        floats: (m, n); middle, radius: (b, n), object arrays of integers; each result: (b, m).
        """
        bits = digit_bits(self.floats.shape[-1])
        if self.length >= bits * TERMS:
            return None
        if self.floats.size * len(middle) < BY_DIGITS_FROM:
            w = self._whole().T
            return np.dot(middle, w), np.dot(radius, np.abs(w))
        both = Digits.of_integers(np.stack([middle, radius]), bits)
        return None if both is None else self._by_digits(both)

    def _by_digits(self, factors: Digits) -> tuple[Array, Array]:
        """The same, of the digits of both factors, by blocks of rows. The radius has few digits, or none, at points."""
        (count, _, rows, _), bits = factors.digits.shape, factors.bits
        own = np.flatnonzero(factors.digits[:, 1].any(axis=(1, 2)))
        middle = Digits(factors.digits[:, 0], bits)
        radius = Digits(factors.digits[: own.max(initial=-1) + 1, 1], bits)
        found = []
        for w, signs in self._blocks():
            parts = np.zeros((count, 2 * rows, *w.digits.shape[:2]))
            parts[:, :rows] = digit_products(middle, w)
            if len(own):
                parts[: len(radius.digits), rows:] = digit_products(radius, w.times(signs))
            found.append(parts)
        whole = joined(diagonals(np.concatenate(found, axis=-1)), bits)
        return whole[:rows], whole[rows:]

    def ends(self) -> Ends | None:
        """The integers, twice, and the exponent. None where they are long."""
        return None if self.length > 2 * FURTHEST else (self._whole(), self._whole(), self.exponent)

    def _whole(self) -> Array:
        """The integers."""
        if self._mantissas is None:
            self._mantissas = whole_numbers(self.floats, self.exponent)
        return self._mantissas

    def _blocks(self) -> Iterator[Rows] | list[Rows]:
        """Of the whole matrix. Where it is one block, that is kept; else they are made one after the other, each time:
        as fast as to read them, and they are longer than the floats.
        """
        if self.floats.size > BLOCK:
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
