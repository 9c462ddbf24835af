"""x / √(mean of x² + eps) in bulk: each element rises with its own number t, and with S, the sum of the squares of the
others, its size falls. So t / √((t² + S) / n + eps) is greatest at the upper end of t, for the least S if that is not
negative, and for the greatest S if it is; and so for the lower end.

1. With S and eps on the right side, nothing cancels: a square, a sum, 1 / n, a product with it and a sum are rounded
   under the root, then the root and the quotient. That is at most 5 u / 2 + 2 u relatively, and a little: 16 u pays for
   it, and for itself.
2. Numbers are below 2^500 in size, so that no square overflows, and eps is at least 2^-900: what underflows beside it,
   at most n 2^-1074, is far less than u of it. A quotient that underflows is off by 2^-1075, for which 2^-1074 pays.
"""

from __future__ import annotations

import numpy as np

from scalarspec.backends.interval64.ends import Ends, mignitude, signed, unbounded
from scalarspec.backends.interval64.linear import LinearArrays
from scalarspec.backends.interval64.others import by_rows, sums_of_others
from scalarspec.backends.interval64.point import Value, ends_of
from scalarspec.core.arrays import Arrays
from scalarspec.numbers.elementary import U

HIGHEST, LEAST_EPS, LEAST = 2.0**500, 2.0**-900, 2.0**-1074


class NormArrays(LinearArrays):
    """Vectors over the root of the mean of their squares."""

    def rms_norm(self, x: Value, eps: Value, axis: tuple[int, ...], count: int, shape: tuple[int, ...]) -> Value:
        """By the two ends of each element; by the definition where numbers are unknown, huge, or eps is tiny."""
        e, (low_eps, high_eps) = unbounded(ends_of(x)), signed(unbounded(ends_of(eps)))
        if (
            not count
            or not -HIGHEST < np.min(e, initial=0) <= np.max(e, initial=0) < HIGHEST
            or not LEAST_EPS <= low_eps <= high_eps < HIGHEST
        ):
            found: Value = Arrays.rms_norm(self, x, eps, axis, count, shape)
            return found
        kept = [i for i in range(len(shape)) if i not in axis]
        order = (0, *(i + 1 for i in (*kept, *axis)))
        rows = np.transpose(e, order).reshape(2, *(shape[i] for i in kept), count)
        result = by_rows(lambda part: _of_rows(part, float(low_eps), float(high_eps)), rows)
        result = result.reshape(2, *(shape[i] for i in (*kept, *axis)))
        return np.transpose(result, np.argsort(order))


def _of_rows(e: Ends, low_eps: float, high_eps: float) -> Ends:
    """Along the last axis."""
    squares = np.square(e)
    most = sums_of_others(np.maximum(squares[0], squares[1]), above=True)
    least = sums_of_others(np.square(mignitude(e)), above=False)
    result = np.empty(e.shape)
    for end, t in enumerate(e):  # minus the lower end is what is greatest of -x
        below, size, y = t < 0, squares[end], result[end]
        size += np.where(below, most, least)
        size *= 1 / e.shape[-1]
        size += low_eps if low_eps == high_eps else np.where(below, high_eps, low_eps)
        np.divide(t, np.sqrt(size, out=size), out=y)
        y += np.multiply(np.abs(y, out=size), 16 * U, out=size)
        y += LEAST
    return result
