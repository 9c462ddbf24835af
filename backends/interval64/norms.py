"""x / √(mean of x² + eps) in bulk: each element rises with its own number t, and with S, the sum of the squares of the
others, its size falls. So t / √((t² + S) / n + eps) is greatest at the upper end of t, for the least S if that is not
negative, and for the greatest S if it is; and so for the lower end. Each is worked out at a point, by `arithmetic`.
"""

from __future__ import annotations

import numpy as np

from scalarspec.backends.interval64.ends import Ends, FloatArray, magnitude, mignitude, signed, unbounded
from scalarspec.backends.interval64.functions import FunctionArrays
from scalarspec.backends.interval64.linear import LinearArrays
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.core.arrays import Arrays


class NormArrays(FunctionArrays, LinearArrays):
    """Vectors over the root of the mean of their squares."""

    def rms_norm(self, x: Value, eps: Value, axis: tuple[int, ...], count: int, shape: tuple[int, ...]) -> Value:
        """By the two ends of each element; by the definition where an end is not known, or eps is."""
        e = unbounded(ends_of(x))
        if not count or not np.isfinite(e).all() or not _is_positive(eps):
            return Arrays.rms_norm(self, x, eps, axis, count, shape)  # type: ignore[no-any-return]
        kept = [i for i in range(len(shape)) if i not in axis]
        order = (0, *(i + 1 for i in (*kept, *axis)))
        rows = np.transpose(e, order).reshape(2, *(shape[i] for i in kept), count)
        found = self._of_rows(rows, eps, count)
        moved = found.reshape(2, *(shape[i] for i in (*kept, *axis)))
        return np.ascontiguousarray(np.transpose(moved, np.argsort(order)))

    def _of_rows(self, e: Ends, eps: Value, count: int) -> Ends:
        """Along the last axis."""
        least, most = self._others(mignitude(e), 0), self._others(magnitude(e), 1)
        low, high = signed(e)
        points = np.stack((low, high))
        others = np.stack((np.where(low >= 0, most, least), np.where(high >= 0, least, most)))
        total = self.function("add")(self.function("square")(Point(points)), Point(others))
        mean = self.function("divide")(total, Point(np.float64(count)))
        root = self.function("sqrt")(self.function("add")(mean, eps))
        found = ends_of(self.function("divide")(Point(points), root))
        return np.stack((found[0, 0], found[1, 1]))

    def _others(self, size: FloatArray, end: int) -> FloatArray:
        """An end of the sums of the squares of all others: of what comes before each, and of what comes after it."""
        squares = ends_of(self.function("square")(Point(size)))
        along = (size.ndim - 1,)
        before, after = (np.zeros(squares.shape) for _ in range(2))
        before[..., 1:] = ends_of(self.cumulative_sum(squares[..., :-1], along))
        after[..., :-1] = ends_of(self.cumulative_sum(squares[..., :0:-1], along))[..., ::-1]
        found = ends_of(self.function("add")(before, after))
        return np.asarray(np.maximum(-found[0], 0.0) if end == 0 else found[1])


def _is_positive(eps: Value) -> bool:
    """Is eps surely above 0?"""
    return bool(np.all(-ends_of(eps)[0] > 0))
