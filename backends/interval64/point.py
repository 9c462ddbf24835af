"""`Point`: floats that stand for themselves (weights, data, literals), held once and not as two ends.

A layer multiplies a box by |W| for its radius. `Point` keeps |W|; a large one is kept in float32, rounded up, which
halves the time of that product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.backends.interval64.ends import SMALL, TINY, Ends, FloatArray, arrayed, empty

KEEPS_ENDS_TO = 1 << 12
"""A Point of at most so many numbers keeps its ends: 64 KiB, which is little beside what is computed from them."""
SINGLE_FROM = 1 << 14
"""|W| is held in float32 from that many weights on; smaller products are bound by calls, not by memory."""
SINGLE_LENGTH = 1 << 11
"""|W| is held in float32 up to that many columns n: the factor for its roundings is 1 + (n + 16) 2^-23 < 1 + 2.5e-4."""


class Point:
    """An array of float64s, each the interval [x, x].

    x: the floats, of any shape; they are not changed afterwards.
    """

    __slots__ = ("_ends", "_lost", "_magnitudes", "_powers_of_two", "_row", "x")

    def __init__(self, x: Any) -> None:
        self.x = arrayed(x)
        self._magnitudes: FloatArray | None = None
        self._ends: Ends | None = None
        self._powers_of_two: bool | None = None
        self._row: FloatArray | None = None
        self._lost: FloatArray | None = None

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(self.x.size)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, as NumPy has it."""
        return tuple(self.x.shape)

    @property
    def nbytes(self) -> int:
        """The memory that is held."""
        return sum([a.nbytes for a in (self.x, self._magnitudes, self._ends) if a is not None])

    def __reduce__(self) -> Any:
        return Point, (self.x,)

    def ends(self) -> Ends:
        """-x and x, of shape (2, *shape); kept where they are few."""
        if self._ends is not None:
            return self._ends
        result = empty((2, *self.x.shape), self.x)
        np.negative(self.x, out=result[0, ...])
        result[1] = self.x
        if self.x.size <= KEEPS_ENDS_TO:
            self._ends = result
        return result

    def row(self) -> FloatArray:
        """All elements, in row-major order."""
        if self._row is None:
            self._row = self.x.reshape(-1)
        return self._row

    def magnitudes(self) -> FloatArray:
        """|x| of a matrix x; of a large one, in float32, rounded up."""
        if self._magnitudes is None:
            single = self.x.size >= SINGLE_FROM and self.x.shape[1] <= SINGLE_LENGTH
            self._magnitudes = _single_above(np.abs(self.x)) if single else np.abs(self.x)
        return self._magnitudes

    def are_powers_of_two(self) -> bool:
        """Is each element a power of two, or the negative of one?"""
        if self._powers_of_two is None:
            halves = np.abs(np.frexp(self.x)[0]) == 0.5
            self._powers_of_two = bool(np.logical_and.reduce(halves, axis=None))
        return self._powers_of_two

    def bound(self, t: FloatArray) -> FloatArray:
        """At least |x| @ t, or t @ |x|ᵀ for rows t, over 1 + 2(n + 8) u, and |x| @ SMALL + TINY more: what is lost to
        underflow in products with x.

        x: (m, n); t: (n,) or (b, n), not negative, and destroyed; result: (m,) or (b, m).

        In float64 the product loses at most a factor of 1 - γ_n. In float32 (v = 2^-24 is its unit roundoff):

        1. scale is the largest t of a row, so that t / scale lies in [0, 1].
        2. 2^-60 is added to it: each float32 term is then at least 2^-126, normal, but for an |x| below 2^-66.
        3. The float32 nearest to t / scale + 2^-60 is off by v relatively; the factor 1 + 2^-22 = 1 + 4v pays for it,
           for the division and for the sum in float64, and for its own rounding.
        4. The product of nonnegative terms loses at most a factor of 1 - (n + 1) v (Higham 2002, section 3.1), and
           below the normal range at most n 2^-120, which is added.
        5. The factor 1 + (n + 16) 2^-23 = 1 + 2(n + 16) v pays for the loss of step 4, in float64.
        """
        magnitude = self.magnitudes()
        if self._lost is None:
            largest = np.maximum.reduce(magnitude, axis=1, initial=0.0).astype(np.float64)
            self._lost = largest * (2 * self.x.shape[1] * SMALL) + TINY
        if magnitude.dtype == np.float64:
            whole: FloatArray = np.dot(magnitude, t) if t.ndim == 1 else np.dot(t, magnitude.T)
            whole += self._lost
            return whole
        n = self.x.shape[1]
        scale = np.maximum(np.maximum.reduce(t, axis=-1, keepdims=True, initial=0.0), TINY)
        t /= scale
        t += 2.0**-60
        rows = t.astype(np.float32)
        rows *= np.float32(1 + 2.0**-22)
        product: FloatArray = np.dot(magnitude, rows) if t.ndim == 1 else np.dot(rows, magnitude.T)
        product += np.float32(n * 2.0**-120)
        radius: FloatArray = product * (scale * (1 + (n + 16) * 2.0**-23))
        radius += self._lost
        return radius


Value = Ends | Point


def ends_of(x: Value) -> Ends:
    """-inf and sup, of shape (2, *shape), of points or of ends."""
    return x.ends() if type(x) is Point else x  # type: ignore[return-value]


def least_size(x: Value) -> Any:
    """The smallest nonzero |x|, or ∞. What is not known has no size."""
    size = np.abs(x.x if isinstance(x, Point) else x)
    return np.minimum.reduce(size, axis=None, where=size > 0, initial=np.inf)


def least_quotient(x: Value, y: Value) -> Any:
    """A lower bound of the size of each x / y that is not 0, by ends that are known."""
    divisor = _greatest_size(y)
    return least_size(x) / divisor if divisor else np.inf


def _greatest_size(x: Value) -> Any:
    """The largest finite |x|, or 0."""
    size = np.abs(x.x if isinstance(x, Point) else x)
    return np.maximum.reduce(size, axis=None, where=np.isfinite(size), initial=0.0)


def _single_above(x: FloatArray) -> FloatArray:
    """float32s at least as large as the x >= 0, and no subnormal ones, which are slow."""
    single = x.astype(np.float32) * np.float32(1 + 2.0**-22)
    return np.where((x > 0) & (single < 2.0**-126), np.float32(2.0**-126), single)
