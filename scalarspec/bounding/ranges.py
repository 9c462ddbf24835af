"""`Range`: what is known of where a value lies in each of many boxes; and products of rows with arrays of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from scalarspec.core.sets import middle_of
from scalarspec.numbers.elementary import U

Array = np.ndarray[Any, Any]


class Range:
    """Ends of a value, float arrays of shape (boxes or 1, *shape); an infinite end says nothing.

    finite: where both ends are finite, or None where they are everywhere; middle: a float between them, 0 where an end
    is infinite; radius: at least the distance from the middle to the ends, 0 where one is infinite; size: the largest
    magnitude; total: for each box, the sum of all sizes that are finite.
    """

    __slots__ = ("finite", "high", "low", "middle", "radius", "size", "total")

    def __init__(self, low: Array, high: Array) -> None:
        self.low, self.high = low, high
        if low is high:  # points
            self._put_points(low)
            return
        self.size = np.maximum(np.abs(low), np.abs(high))
        self.total = total(self.size)
        finite = np.isfinite(self.size)
        self.finite: Array | None = None if np.logical_and.reduce(finite, axis=None) else finite
        if self.finite is None:
            self.middle = np.minimum(np.maximum(low / 2 + high / 2, low), high)
            self.radius = np.maximum(high - self.middle, self.middle - low) * (1 + 4 * U)
        else:
            self.middle = middle_of(low, high)
            radius = np.maximum(high - self.middle, self.middle - low) * (1 + 4 * U)
            self.radius = np.where(finite, radius, 0.0)

    def _put_points(self, x: Array) -> None:
        """As of ends that are one array."""
        self.size = np.abs(x)
        self.total = total(self.size)
        finite = np.isfinite(self.size)
        self.finite = None if np.logical_and.reduce(finite, axis=None) else finite
        self.middle = x if self.finite is None else np.where(finite, x, 0.0)
        self.radius = np.zeros(x.shape)


def flat(array: Array, axes: int) -> Array:
    """The array with all axes after the first `axes` as one."""
    return array if array.ndim == axes + 1 else array.reshape(*array.shape[:axes], prod(array.shape[axes:]))


def side_by_side(arrays: Sequence[Array], axes: int) -> Array:
    """Arrays one beside the other, with one axis after the first `axes`; one of a single box serves all."""
    rows = [flat(a, axes) for a in arrays]
    if len(rows) == 1:
        return rows[0]
    boxes = max(map(len, rows))
    return np.concatenate([a.repeat(boxes, axis=0) if len(a) < boxes else a for a in rows], axis=-1)


def total(sizes: Array) -> Array:
    """The sum of what is finite in each box: (boxes, *shape) -> (boxes,)."""
    found = np.add.reduce(flat(sizes, 1), axis=1)
    if np.logical_and.reduce(np.isfinite(found)):
        return np.asarray(found)
    return np.asarray(np.add.reduce(flat(np.where(np.isfinite(sizes), sizes, 0.0), 1), axis=1))


def dot(rows: Array, a: Array) -> Array:
    """Each row times the array of its box: (boxes or 1, rows, *shape), (boxes or 1, *shape) -> (boxes or 1, rows)."""
    if a.ndim != 2:
        n = prod(a.shape[1:])
        rows, a = rows.reshape(*rows.shape[:2], n), a.reshape(len(a), n)
    found: Array = rows @ a[0] if len(a) == 1 else (rows @ a[..., None])[..., 0]
    return found
