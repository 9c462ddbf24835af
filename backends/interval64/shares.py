"""Softmax and its logarithm in bulk: a share rises with its own number, and falls with every other one.

Along an axis of n numbers xᵢ in [lᵢ, hᵢ], with M the largest hᵢ, the greatest share i is b / (b + O) for
b = exp(hᵢ - M) and O = Σ exp(lⱼ - M) over the others; the least one has the ends exchanged. It rises with b and falls
with O, so that an upper end of b and a lower one of O will do.

1. O is a sum of others: see `others`.
2. b / (b + O) is rounded twice, with a factor of 1 ± 2 u + u²: 8 u pays for that, and for the product with 1 ± 8 u.
   Below the normal range the quotient and that product are off by at most 2^-1075 each, for which 2^-1074 pays.
3. Its logarithm is -softplus(log O - (hᵢ - M)), by the functions of `functions`; for O = 0 it is at most 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.backends.interval64.ends import Ends, FloatArray, signed, unbounded
from scalarspec.backends.interval64.functions import FunctionArrays
from scalarspec.backends.interval64.others import sums_of_others
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.numbers.elementary import U

LEAST = 2.0**-1074
"""The smallest positive float: what is not told from 0 is at most this."""

WIDE = 600.0
"""How far the largest upper end may be above the largest lower one: e^-600 is told from 0."""
DIFFERENCES = 1 << 22
"""The most differences that are worked out at once."""


class ShareArrays(FunctionArrays):
    """Shares of exponentials, along an axis."""

    def softmax(self, x: Value, axis: tuple[int, ...], mask: Any) -> Ends:
        """What a mask leaves out has the share 0."""
        rows, known = _rows(x, axis)
        taken = None
        if mask is not None:
            taken = np.ascontiguousarray(np.moveaxis(np.broadcast_to(mask, _shape(x)), axis[0], -1))
        elif _is_wide(rows):
            low, high = ends_of(self.function("exp")(self._by_differences(rows)))
            return _placed(np.where(known, low, 0.0), np.where(known, np.minimum(high, 1.0), 1.0), axis)
        powers, _ = self._powers(rows, taken)
        least, most = (sums_of_others(end, above) for end, above in zip(powers, (False, True), strict=True))
        up = _share(powers[1], least) * (1 + 8 * U) + LEAST
        down = _share(powers[0], most) * (1 - 8 * U) - LEAST
        np.minimum(up, 1.0, out=up)
        np.maximum(down, 0.0, out=down)
        if taken is not None:
            up, down = np.where(taken, up, 0.0), np.where(taken, down, 0.0)
        return _placed(np.where(known, -down, 0.0), np.where(known, up, 1.0), axis)

    def log_softmax(self, x: Value, axis: tuple[int, ...]) -> Ends:
        """The logarithms."""
        rows, known = _rows(x, axis)
        if rows.shape[-1] == 1:
            return _placed(np.where(known, 0.0, np.inf), np.zeros(rows.shape[1:]), axis)
        if _is_wide(rows):
            low, high = self._by_differences(rows)
            return _placed(np.where(known, low, np.inf), np.where(known, high, 0.0), axis)
        powers, shifted = self._powers(rows, None)
        least, most = (sums_of_others(end, above) for end, above in zip(powers, (False, True), strict=True))
        vanishes = least == 0
        logarithms = self.function("log")(np.stack((-np.where(vanishes, LEAST, least), np.maximum(most, LEAST))))
        found = ends_of(self.function("softplus")(self.function("subtract")(logarithms, shifted)))
        up = np.where(vanishes, 0.0, np.minimum(found[0], 0.0))  # minus the lower end of the softplus
        return _placed(np.where(known, found[1], np.inf), np.where(known, up, 0.0), axis)

    def _by_differences(self, rows: Ends) -> Ends:
        """The logarithms -log Σ exp(xⱼ - xᵢ), n² differences, of which none is lost beside the largest number."""
        low, high = signed(rows)
        own, sums = np.eye(rows.shape[-1], dtype=bool), []
        for mine, others in ((low, high), (high, low)):
            x = np.where(own, mine[..., None], others[..., None, :])
            apart = self.function("subtract")(Point(x), Point(np.broadcast_to(mine[..., None], x.shape)))
            sums.append(ends_of(self.function("logsumexp")(apart, axis=(x.ndim - 1,))))
        return np.stack((sums[0][1], np.minimum(sums[1][0], 0.0)))

    def _powers(self, rows: Ends, taken: Any) -> tuple[FloatArray, Ends]:
        """Below exp(low - M) and above exp(high - M), 0 for what takes no part; and x - M."""
        where = True if taken is None else taken
        most = np.max(rows[1], axis=-1, keepdims=True, initial=-np.inf, where=where)
        most = np.where(np.isfinite(most), most, 0.0)
        if taken is not None:
            rows = np.where(taken, rows, np.stack((-most, most)))
        shifted = ends_of(self.function("subtract")(rows, Point(np.broadcast_to(most, rows.shape[1:]))))
        powers = signed(ends_of(self.function("exp")(shifted)))
        np.clip(powers, 0.0, 1.0, out=powers)  # no number is above M
        return (powers if taken is None else np.where(taken, powers, 0.0)), shifted


def _is_wide(rows: Ends) -> bool:
    """May a number surely be the largest by far, and yet be lost beside M? Then differences are worked out, if they are
    not too many.
    """
    apart = np.max(rows[1], axis=-1, initial=-np.inf) + np.min(rows[0], axis=-1, initial=np.inf)
    return bool(np.any(apart > WIDE)) and rows.size * rows.shape[-1] <= DIFFERENCES


def _share(own: FloatArray, others: FloatArray) -> FloatArray:
    """own / (own + others), 1 where both are 0."""
    total = own + others
    empty = total == 0
    if empty.any():
        return np.where(empty, 1.0, own / np.where(empty, 1.0, total))
    return np.asarray(np.divide(own, total, out=total))


def _shape(x: Value) -> tuple[int, ...]:
    return x.shape if isinstance(x, Point) else x.shape[1:]


def _rows(x: Value, axis: tuple[int, ...]) -> tuple[Ends, Any]:
    """The ends with the axis as the last one, and whether all of a row are known; 0 in rows in which not all are."""
    rows = np.ascontiguousarray(np.moveaxis(unbounded(ends_of(x)), axis[0] + 1, -1))
    known = np.isfinite(rows).all(axis=(0, -1))[..., None]
    return (rows if known.all() else np.where(known, rows, 0.0)), known


def _placed(minus_low: FloatArray, high: FloatArray, axis: tuple[int, ...]) -> Ends:
    """Ends of shape (2, *shape), with the last axis where it was."""
    return np.moveaxis(np.stack((minus_low, high)), -1, axis[0] + 1)
