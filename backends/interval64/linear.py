"""Sums and products of matrices of `interval64` in bulk, by NumPy and BLAS, in whatever order these take.

γ_n = n u / (1 - n u). In any order, with or without FMA, a sum of n floats is off by at most γ_(n-1) Σ|x|, and an inner
product w · x by at most γ_n |w| · |x| (Higham 2002, sections 3.1 and 4.2; Jeannerod & Rump 2013 have n u for γ_n).

Sums. For S = fl(Σ x) and A = fl(Σ|x|) over n > 1 terms, fl(S + fl(2 (n + 2) u A)) >= Σ x:

  1. |S - Σ x| <= γ_(n-1) Σ|x|, and A >= (1 - γ_(n-1)) Σ|x|.
  2. The slack fl(2 (n + 2) u A) is rounded once, and its factor once; the last sum is off by u (|S| + slack).
  3. So the slack has to be at least (n + 1) u A, nearly, and has twice that. It suffices while n < 2^50.
  4. Where S overflows and no term is above 0, Σ|x| > LARGEST / 2, and -LARGEST / 2 is above Σ x.
  5. Sums below 2^-1021 are exact, slack or not. For larger ones the slack is at least 2^-1071, and its underflow, of at
     most 2^-1075, is paid for by step 3.

Products: midpoint and radius (Rump 1999). Let x lie in [inf, sup], c = fl(W m), y = W x + b. Then:

  1. |W x - c| <= |W| (r + γ_n |m|), for r >= |x - m|: W x - W m is at most |W| r, and c - W m is BLAS's error.
  2. `_middle` gives m = fl(sup + inf) / 2, so that r = (sup - inf) / 2 + u |m| will do, and
     t >= (r + γ_n |m|) (1 + 2 (n + 8) u), as five roundings at most take 5u from these factors of it:
     (sup - inf) (1/2 + (n + 16) u) = (sup - inf) / 2 (1 + 2 (n + 16) u), and 1.001 (n + 16) u |m| > (u + γ_n) |m|.
  3. fl(|W| t) >= (1 - γ_n) |W| t. The factor 1 + 2 (n + 8) u outweighs that, by (n + 15) u.
  4. `around` makes the ends fl(s - c') and fl(s + c') for c' = fl(c + b) and s = fl(4u |c'| + (radius + lost)). Of
     4u |c'|, u |c'| is for the rounding of c', and u |c'| for that of each end. What is rounded off the radius, 3 u of
     it at most, step 3 has left.
  5. Underflow takes at most 2^-1075 from each product: n 2^-1074 < TINY. What it takes from m and t, at most 2^-1073,
     is multiplied by |W|, which may be large. So `lost` is at least TINY + |W| SMALL for SMALL = 2^-960, or it is TINY,
     and t has SMALL more.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from scalarspec.backends.interval64.ends import (
    FLOOR,
    FOUR_U,
    LARGEST,
    SMALL,
    TINY,
    Ends,
    FloatArray,
    arrayed,
    magnitude,
    mignitude,
    up_product,
)
from scalarspec.backends.interval64.point import Point, Value, ends_of, least_size
from scalarspec.backends.interval64.structure import HeldArrays
from scalarspec.core import windows
from scalarspec.numbers.elementary import U


class LinearArrays(HeldArrays):
    """Reductions and products."""

    def sum(self, x: Value, axis: tuple[int, ...]) -> Ends:
        e = ends_of(x)
        axes = tuple([a + 1 for a in axis])
        count = prod([e.shape[a] for a in axes])
        total: Ends = np.add.reduce(e, axis=axes)
        if count <= 1:
            return total
        return _up(total, np.add.reduce(np.abs(e), axis=axes), count, lambda: arrayed((e <= 0).all(axis=axes)))

    def cumulative_sum(self, x: Value, axis: tuple[int, ...]) -> Ends:
        """Each is a sum of the first elements, in one order."""
        e, along = ends_of(x), axis[0] + 1
        sizes = np.cumsum(np.abs(e), axis=along)
        return _up(
            np.cumsum(e, axis=along), sizes, e.shape[along], lambda: np.logical_and.accumulate(e <= 0, axis=along)
        )

    def fold(self, x: Value, stride: tuple[int, ...], dilation: tuple[int, ...], size: tuple[int, ...]) -> Ends:
        """Each is a sum of at most as many elements as a window has."""
        e, d = ends_of(x), len(size)
        count = prod(e.shape[e.ndim - 2 * d : e.ndim - d])

        def falls() -> FloatArray:
            return np.asarray(windows.folded((~(e <= 0)).astype(float), stride, dilation, size) == 0)

        sums, sizes = (windows.folded(a, stride, dilation, size) for a in (e, np.abs(e)))
        return _up(sums, sizes, count, falls)

    def mean(self, x: Value, axis: tuple[int, ...], count: int) -> Ends:
        total = self.sum(x, axis)
        return up_product(total / max(count, 1), lambda: least_size(total) / max(count, 1))

    def mean_square(self, x: Value, axis: tuple[int, ...], count: int) -> Ends:
        """Of the smallest and the largest sizes; never negative.

        A sum of n squares over n is off by γ_(n+1) relatively, as nothing cancels: squares, sums and the quotient are
        rounded. 2 (n + 8) u pays for that and for its own two roundings. Below TINY the squares may underflow: 0 is a
        lower end there, and TINY is added to an upper one, unless all is 0.
        """
        e = ends_of(x)
        low, high = (_sum_of_squares(size, axis) for size in (mignitude(e), magnitude(e)))
        low, high = np.minimum(low, LARGEST) / max(count, 1), high / max(count, 1)
        slack = 2 * (count + 8) * U
        result: Ends = np.empty_like(low, shape=(2, *np.shape(low)))
        np.minimum(low * slack - low, 0.0, out=result[0, ...])
        np.add(high, high * slack, out=result[1, ...])
        np.copyto(result[0, ...], 0.0, where=~(low >= TINY))
        if not np.logical_and.reduce(high >= TINY, axis=None):
            result[1] += TINY * np.any(magnitude(e) != 0, axis=axis)
        return result

    def affine(self, weight: Value, x: Value, bias: Value) -> Ends:
        if isinstance(weight, Point) and isinstance(bias, Point) and weight.x.size:
            return _layer(weight, x, bias)
        return ends_of(super().affine(weight, x, bias))

    def affine_rows(self, weight: Value, x: Value, bias: Value, shape: tuple[int, int]) -> Ends:
        if isinstance(weight, Point) and isinstance(bias, Point) and weight.x.size:
            return _layer(weight, x, bias)
        return ends_of(super().affine_rows(weight, x, bias, shape))

    def matmul(self, a: Value, b: Value) -> Value:
        """Of middles (m, c) and radii (r, s): m c, off by |m| (s + γ|c|) + r (|c| + s).

        A product of what is never negative is never negative.
        """
        n = a.shape[-1]
        (m, r), (c, s) = _middle(a, n), _middle(b, n)
        r, s = r + SMALL, s + SMALL
        center = m @ c
        if not n:
            return Point(center)
        radius = np.abs(m) @ s
        if not isinstance(a, Point):
            radius = radius + r @ (np.abs(c) + s)
        result = around(center, radius + TINY, np.empty_like(center, shape=(2, *center.shape)))
        if _never_negative(a) and _never_negative(b):
            np.fmin(result[0, ...], 0.0, out=result[0, ...])
        return result


def _up(total: Ends, sizes: FloatArray, count: int, falls: Callable[[], FloatArray]) -> Ends:
    """Steps 1 to 5: sums of at most `count` terms, rounded up. sizes: of the terms' sizes; falls: is no term above
    0?
    """
    above: Ends = total + sizes * (2 * (count + 2) * U)
    finite = np.isfinite(above)
    return above if np.logical_and.reduce(finite, axis=None) else np.where(falls() & ~finite, FLOOR / 2, above)


def _never_negative(x: Value) -> bool:
    return bool((x.x >= 0 if isinstance(x, Point) else x[0] <= 0).all())


def _layer(weight: Point, x: Value, bias: Point) -> Ends:
    """weight @ x + bias, or that for each row of x.

    weight: (m, n); x: (n,) or (b, n); bias: (m,); result: ends of shape (2, m) or (2, b, m).
    """
    n = weight.x.shape[1]
    m, t = _middle(x, n)
    radius = weight.bound(t)
    result = np.empty_like(radius, shape=(2, *radius.shape))
    center = result[1, ...]
    if m.ndim == 1:
        np.dot(weight.x, m, out=center)
    else:
        np.dot(m, weight.x.T, out=center)
    center += bias.x
    return around(center, radius, result)


def _middle(x: Value, n: int) -> tuple[FloatArray, FloatArray]:
    """m and t of step 2, for sums of n products: t >= (|x - m| + γ_n |m|) (1 + 2 (n + 8) u), but for underflow."""
    if isinstance(x, Point):
        return x.x, np.abs(x.x) * (1.001 * (n + 16) * U)
    m = x[1] - x[0]
    t = x[0] + x[1]
    t *= 0.5 + (n + 16) * U
    m *= 0.5
    size = np.abs(m)
    size *= 1.001 * (n + 16) * U
    t += size
    return m, t


def around(center: FloatArray, radius: FloatArray, result: Ends) -> Ends:
    """The ends center ± radius of step 4, written into `result`, in whose upper half the center may lie.

    radius: with what is lost by underflow.
    """
    slack = np.abs(center)
    slack *= FOUR_U
    slack += radius
    np.subtract(slack, center, out=result[0, ...])
    np.add(slack, center, out=result[1, ...])
    return result


def _sum_of_squares(x: FloatArray, axis: tuple[int, ...]) -> FloatArray:
    if x.ndim == len(axis) == 1:
        return np.dot(x, x)  # type: ignore[no-any-return]
    return np.add.reduce(np.square(x), axis=axis)  # type: ignore[no-any-return]
