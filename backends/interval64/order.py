"""Relations, truths and choices of `interval64` in bulk. They select among ends, so that nothing is rounded here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.backends.interval64.ends import Ends, aligned, arrayed, magnitude, mignitude
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.backends.interval64.structure import HeldArrays, decided
from scalarspec.core.arrays import lift
from scalarspec.core.truth import Maybe


class OrderedArrays(HeldArrays):
    """Comparisons, which are undecided where the intervals overlap, and what is chosen by them."""

    # ---- relations and truths ---------------------------------------------------------------------------------------

    def less(self, x: Value, y: Value) -> np.ndarray[Any, Any]:
        a, b = aligned(ends_of(x), ends_of(y))
        return self._relation("<", arrayed(a[1] < -b[0]), arrayed(-a[0] >= b[1]), x, y)

    def less_equal(self, x: Value, y: Value) -> np.ndarray[Any, Any]:
        a, b = aligned(ends_of(x), ends_of(y))
        return self._relation("<=", arrayed(a[1] <= -b[0]), arrayed(-a[0] > b[1]), x, y)

    def _relation(self, symbol: str, true: Any, false: Any, x: Value, y: Value) -> np.ndarray[Any, Any]:
        """Truths from where a relation surely holds and where it surely fails; a `Maybe` elsewhere."""
        if np.all(true | false):
            return arrayed(true)
        left, right = (np.broadcast_to(self.unpack(v), true.shape) for v in (x, y))
        truths = np.array(true, dtype=object)
        for index in np.argwhere(~(true | false)):
            truths[*index] = Maybe(self.context, symbol, left[*index], right[*index])
        return truths

    def equal(self, x: Value, y: Value) -> np.ndarray[Any, Any]:
        return self.logical_and(self.less_equal(x, y), self.less_equal(y, x))

    def logical_not(self, p: Any) -> np.ndarray[Any, Any]:
        return _logical(np.logical_not, self.context.logical_not, p)

    def logical_and(self, p: Any, q: Any) -> np.ndarray[Any, Any]:
        return _logical(np.logical_and, self.context.logical_and, p, q)

    def logical_or(self, p: Any, q: Any) -> np.ndarray[Any, Any]:
        return _logical(np.logical_or, self.context.logical_or, p, q)

    # ---- extremes over axes -----------------------------------------------------------------------------------------

    def max(self, x: Value, axis: tuple[int, ...], counts: tuple[int, ...]) -> Value:
        """The largest of the lower ends, of those that are known, and the largest of the upper ones."""
        if isinstance(x, Point):
            return Point(np.maximum.reduce(x.x, axis=axis))
        return np.stack((arrayed(np.fmin.reduce(x[0], axis=axis)), arrayed(np.maximum.reduce(x[1], axis=axis))))

    def min(self, x: Value, axis: tuple[int, ...], counts: tuple[int, ...]) -> Value:
        """The smallest, likewise."""
        if isinstance(x, Point):
            return Point(np.minimum.reduce(x.x, axis=axis))
        return np.stack((arrayed(np.maximum.reduce(x[0], axis=axis)), arrayed(np.fmin.reduce(x[1], axis=axis))))

    # ---- choices ----------------------------------------------------------------------------------------------------

    def where(self, p: Any, x: Value, y: Value) -> Ends:
        """The hull of both branches where p is undecided."""
        a, b = aligned(ends_of(x), ends_of(y))
        a, b, _ = aligned(a, b, np.empty((2, *p.shape)))
        if p.dtype == bool:
            return np.where(p, a, b)
        undecided = lift(lambda q: isinstance(q, Maybe), p).astype(bool)
        true = lift(lambda q: q is True, p).astype(bool)
        return np.where(undecided, np.maximum(a, b), np.where(true, a, b))

    def maximum(self, x: Value, y: Value) -> Ends:
        return _extreme(np.fmin, np.maximum, x, y)

    def minimum(self, x: Value, y: Value) -> Ends:
        return _extreme(np.maximum, np.fmin, x, y)

    def abs(self, x: Value) -> Value:
        if isinstance(x, Point):
            return Point(np.abs(x.x))
        return np.stack((-mignitude(x), magnitude(x)))

    def clip(self, x: Value, lower: Value, upper: Value) -> Ends:
        return self.minimum(self.maximum(x, lower), upper)

    def relu(self, x: Value) -> Value:
        if isinstance(x, Point):
            return Point(np.maximum(x.x, 0.0))
        result = np.empty_like(x)
        np.fmin(x[0], 0.0, out=result[0, ...])
        np.maximum(x[1], 0.0, out=result[1, ...])
        return result

    def heaviside(self, x: Value) -> Ends:
        e = ends_of(x)
        return np.stack((np.where(e[0] < 0, -1.0, 0.0), np.where(e[1] <= 0, 0.0, 1.0)))


def _logical(in_bulk: Callable[..., Any], of_scalars: Callable[..., Any], *truths: Any) -> np.ndarray[Any, Any]:
    """A connective: NumPy's where all truths are decided, else Kleene's, one by one."""
    if all(p.dtype == bool for p in truths):
        return arrayed(in_bulk(*truths))
    return decided(lift(of_scalars, *(p.astype(object) for p in truths)))


def _extreme(of_low: Callable[..., Any], of_high: Callable[..., Any], x: Value, y: Value) -> Ends:
    """A choice among minus the lower ends, and among the upper ones.

    fmin passes over an end that is not known, since the other one bounds; maximum does not.
    """
    a, b = aligned(ends_of(x), ends_of(y))
    low, high = of_low(a[0], b[0]), of_high(a[1], b[1])
    return np.stack((low, high))
