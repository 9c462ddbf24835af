"""Softmax and its logarithm in bulk: a share rises with its own number, and falls with every other one.

Along an axis of n numbers xᵢ in [lᵢ, hᵢ], with M the largest hᵢ, the greatest share i is b / (b + O) for
b = exp(hᵢ - M) and O = Σ exp(lⱼ - M) over the others; the least one has the ends exchanged. It rises with b and falls
with O, so that an upper end of b and a lower one of O will do.

1. O is the sum of what comes before i and of what comes after it, both cumulative sums of terms >= 0: nothing cancels,
   n terms in any order are off by γ_(n-1) relatively (see `linear`), and 2 (n + 4) u pays for that, for the rounding of
   1 ± 2 (n + 4) u and of the product with it. Sums below 2^-1021 are exact.
2. b / (b + O) is rounded twice, with a factor of 1 ± 2 u + u²: 8 u pays for that, and for the product with 1 ± 8 u.
   Below the normal range the quotient and that product are off by at most 2^-1075 each: the next float pays for both.
3. Its logarithm is -softplus(log O - (hᵢ - M)), by the functions of `functions`; for O = 0 it is at most 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.backends.interval64.ends import Ends, FloatArray, signed, unbounded
from scalarspec.backends.interval64.functions import FunctionArrays
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.numbers.elementary import U


class ShareArrays(FunctionArrays):
    """Shares of exponentials, along an axis."""

    def softmax(self, x: Value, axis: tuple[int, ...], mask: Any) -> Ends:
        """What a mask leaves out has the share 0."""
        low, high, known = _rows(x, axis)
        taken = np.ones(low.shape, dtype=bool)
        if mask is not None:
            taken = np.ascontiguousarray(np.moveaxis(np.broadcast_to(mask, _shape(x)), axis[0], -1))
        least, greatest, _ = self._exponentials(low, high, taken)
        others_least, others_most = _others(least[0], greatest[1])
        with_least, with_most = greatest[1] + others_least, least[0] + others_most
        up = np.nextafter(greatest[1] / np.where(with_least > 0, with_least, 1.0) * (1 + 8 * U), np.inf)
        down = np.nextafter(least[0] / np.where(with_most > 0, with_most, 1.0) * (1 - 8 * U), -np.inf)
        up = np.where((with_least > 0) & known, np.minimum(up, 1.0), 1.0)
        down = np.where(known, np.maximum(down, 0.0), 0.0)
        return _placed(np.where(taken, -down, 0.0), np.where(taken, up, 0.0), axis)

    def log_softmax(self, x: Value, axis: tuple[int, ...]) -> Ends:
        """The logarithms."""
        low, high, known = _rows(x, axis)
        if low.shape[-1] == 1:
            return _placed(np.where(known, 0.0, np.inf), np.zeros(low.shape), axis)
        least, greatest, shifted = self._exponentials(low, high, np.ones(low.shape, dtype=bool))
        others = np.stack(_others(least[0], greatest[1]))
        vanishes = others == 0
        others = np.where(vanishes, 1.0, others)
        logarithms = ends_of(self.function("log")(Point(others)))
        apart = self.function("subtract")(logarithms, np.ascontiguousarray(shifted[:, ::-1]))
        found = ends_of(self.function("softplus")(apart))  # of the least sums of others, and of the greatest
        up = np.where(vanishes[0], 0.0, found[0, 0])
        down = np.where(known, found[1, 1], np.inf)
        return _placed(down, np.where(known, np.minimum(up, 0.0), 0.0), axis)

    def _exponentials(self, low: FloatArray, high: FloatArray, taken: Any) -> tuple[Ends, Ends, Ends]:
        """Ends of exp(low - M) and exp(high - M), as their infima and suprema; and of both differences: (2, 2, ...)."""
        most = np.max(high, axis=-1, keepdims=True, initial=-np.inf, where=taken)
        most = np.where(np.isfinite(most), most, 0.0)
        points = np.where(taken, np.stack((low, high)), most)
        shifted = ends_of(self.function("subtract")(Point(points), Point(np.broadcast_to(most, points.shape).copy())))
        both = signed(ends_of(self.function("exp")(shifted)))
        both = np.where(taken, np.clip(both, 0.0, 1.0), 0.0)  # no number is above M
        return both[:, 0], both[:, 1], shifted


def _shape(x: Value) -> tuple[int, ...]:
    return x.shape if isinstance(x, Point) else x.shape[1:]


def _rows(x: Value, axis: tuple[int, ...]) -> tuple[FloatArray, FloatArray, Any]:
    """The ends with the axis as the last one, and whether all of a row are known; 0 in rows in which not all are."""
    e = signed(unbounded(ends_of(x)))
    low, high = (np.ascontiguousarray(np.moveaxis(end, axis[0], -1)) for end in e)
    known = np.isfinite(low).all(axis=-1, keepdims=True) & np.isfinite(high).all(axis=-1, keepdims=True)
    if known.all():
        return low, high, known
    return np.where(known, low, 0.0), np.where(known, high, 0.0), known


def _others(least: FloatArray, greatest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A lower end of the sums of all others of the least exponentials, and an upper one of those of the greatest."""
    slack = 2 * (least.shape[-1] + 4) * U
    return _exclusive(least) * (1 - slack), _exclusive(greatest) * (1 + slack)


def _exclusive(terms: FloatArray) -> FloatArray:
    """About the sums of all others along the last axis."""
    result = np.zeros(terms.shape)
    np.cumsum(terms[..., :-1], axis=-1, out=result[..., 1:])
    result[..., :-1] += np.cumsum(terms[..., :0:-1], axis=-1)[..., ::-1]
    return result


def _placed(minus_low: FloatArray, high: FloatArray, axis: tuple[int, ...]) -> Ends:
    """Ends of shape (2, *shape), with the last axis where it was."""
    return np.ascontiguousarray(np.moveaxis(np.stack((minus_low, high)), -1, axis[0] + 1))
