"""Ends of intervals in float64 arrays, and their outward rounding: what the bulk arithmetic of `interval64` rests on.

`Ends` are arrays of shape (2, *shape): -inf and sup. To round outward is then to round up, for both, and to negate is
to exchange the two. An end that is +∞ or NaN means that no bound is known. -∞ never occurs as an end: what is rounded
to it lies below -LARGEST, which is then the end (FLOOR). So it is where all corners of a box round to -∞, though one of
them may stand for an end that is not known.

The proofs use u = 2^-53 and fl(·), the float nearest to an exact result (IEEE 754, ties to even). fl is monotone and
leaves floats as they are: z >= y for a float y gives fl(z) >= y.

Lemma (one step up). Let s = fl(z) be finite with |s| >= 2^-1022. Then fl(s + fl(2u|s|)) >= z.

  1. For 2^e <= |s| < 2^(e+1), the float next above s is at most 2^(e-52) away, itself a float since e >= -1022.
  2. 2u|s| >= 2^(e-52), hence fl(2u|s|) >= 2^(e-52), and fl(s + fl(2u|s|)) is at least the float next above s.
  3. z is not above that float, for z is nearest to s.

For |s| < 2^-1022 floats are 2^-1074 apart, and fl(s + 2^-1074) >= z. So 2^-1074 is added as well wherever |s| < SMALL,
a bound with room, below which products are not otherwise looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.numbers import elementary
from scalarspec.numbers.elementary import U
from scalarspec.numbers.recorded import usual

Ends = np.ndarray[Any, Any]
FloatArray = np.ndarray[Any, Any]

SMALL, TINY, LAST, LARGEST = map(np.array, (elementary.SMALL, elementary.TINY, elementary.LAST, elementary.LARGEST))
"""The numbers of those names in `elementary`, as arrays of shape (), with which NumPy is faster."""
FLOOR = np.array(-elementary.LARGEST)
TWO_U, FOUR_U = np.array(2 * U), np.array(4 * U)

COLUMNS = [np.array([-1.0, 1.0]).reshape(2, *(1,) * n) for n in range(32)]
"""COLUMNS[n] is -1 for the lower ends and 1 for the upper ones, for values of n axes."""


def arrayed(x: Any) -> FloatArray:
    """An array of shape () for a number, which is what NumPy gives in its place; arrays of any kind as they are."""
    return x if hasattr(x, "__array_ufunc__") else np.asarray(x)


def empty(shape: tuple[int, ...], like: Any, dtype: Any = np.float64) -> FloatArray:
    """An array of floats to be written into, of the kind of another: recorded, where that is (`numbers.recorded`)."""
    return np.empty_like(like, dtype, "C", shape=shape)


def signed(x: Ends) -> FloatArray:
    """The infimum and the supremum, of shape (2, *shape), from -inf and sup."""
    result: FloatArray = np.multiply(x, COLUMNS[x.ndim - 1])
    return result


def unbounded(e: Ends) -> Ends:
    """The same ends, +∞ wherever none is known."""
    unknown = np.isnan(e)
    return np.where(unknown, np.inf, e) if unknown.any() else e


def aligned(*values: Ends) -> list[Ends]:
    """Ends of shape () beside others: with as many axes, so that they broadcast."""
    dimensions = max([e.ndim for e in values])
    return [e if e.ndim == dimensions else e.reshape(len(e), *(1,) * (dimensions - 1)) for e in values]


def magnitude(e: Ends) -> FloatArray:
    """The largest |x| for x in the interval (the *magnitude* of IEEE 1788)."""
    largest: FloatArray = np.maximum(e[0], e[1])
    return largest


def mignitude(e: Ends) -> FloatArray:
    """The smallest |x| for x in the interval (the *mignitude* of IEEE 1788)."""
    smallest: FloatArray = -np.fmin(np.fmin(e[0], e[1]), 0.0)
    return smallest


def up_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A float that is at least a + b, the least one or a neighbour of it; and what fl(a + b) has lost, exactly.

    1. s = fl(a + b), and lost = a + b - s exactly (two-sum: Knuth 1969; Higham 2002, section 4.3). Where that
       overflows below, s = -LARGEST instead, which is above a + b; lost is then negative, or rounded from that, so that
       what follows adds some last places at most, and it is not 0.
    2. Where lost <= 0, s is at least a + b, and is the result.
    3. Where lost > 0, |s| >= 2^-1022, since smaller sums are exact: fl(s + fl(2u|s|)), by the lemma of this file.
    4. Where s overflows above, or an intermediate does, lost is NaN or infinite, and the result is s (+∞: unknown) or
       NaN.
    """
    s = np.maximum(a + b, FLOOR)
    back = s - a
    lost = (a - (s - back)) + (b - back)
    above = np.abs(s)
    above *= TWO_U
    above *= lost > 0
    above += s
    return above, lost


def up_product(s: FloatArray, least: Callable[[], Any], mended: Callable[[], FloatArray] | None = None) -> FloatArray:
    """Floats that are at least the exact products or quotients z with s = fl(z): the lemma of this file, in bulk.

    s: the rounded results, NaN where 0 has met an end that is not known.
    least: a lower bound of the size of each z that is not 0; it is asked where some s is small. If it is at least
        SMALL, a small s is an exact 0, and stays 0.
    mended: s with 0 for those NaNs, since 0 times any real is 0. Other NaNs stay: none passes for a bound.
    """
    s = np.maximum(s, FLOOR)
    above = np.abs(s)
    if usual(above >= SMALL):
        above *= TWO_U
        above += s
        return above
    if mended is not None and np.logical_or.reduce(np.isnan(above), axis=None):
        s = np.maximum(mended(), FLOOR)
        above = np.abs(s)
    slack: FloatArray = above * TWO_U
    if not least() >= SMALL:
        slack += LAST * (above < SMALL)
    slack += s
    return slack


def product_of(x: FloatArray, y: FloatArray) -> FloatArray:
    """fl(x y), where 0 times an infinite end is 0: the end stands for reals."""
    return np.where((x == 0) | (y == 0), 0.0, x * y)


def quotient_of(x: FloatArray, y: FloatArray) -> FloatArray:
    """fl(x / y), where a quotient by an infinite end is 0."""
    return np.where((x == 0) | np.isinf(y), 0.0, x / y)


def corners(operation: Callable[[Any, Any], Any], x: Ends, y: Ends) -> Ends:
    """The hull of operation(a, c) over the ends a of x and c of y, rounded to nearest: -min and max of the four."""
    (a, b), (c, d) = signed(x), signed(y)
    p, q, r, s = operation(a, c), operation(a, d), operation(b, c), operation(b, d)
    result: Ends = np.empty_like(p, shape=(2, *np.shape(p)))
    np.negative(np.minimum(np.minimum(p, q), np.minimum(r, s)), out=result[0, ...])
    np.maximum(np.maximum(p, q), np.maximum(r, s), out=result[1, ...])
    return result


def exact_product(x: FloatArray, y: FloatArray) -> FloatArray | None:
    """x y, if no element of it needs a rounding; else None.

    Dekker's two-product (Higham 2002, section 4.3, problem 4.6) gives x y - fl(x y) exactly where nothing overflows or
    underflows: all sizes lie between SMALL and 1 / SMALL, or the product is 0 because a factor is.
    """
    product = x * y
    (a, b), (c, d) = _halves(x), _halves(y)
    lost = b * d - (((product - a * c) - b * c) - a * d)
    if np.logical_or.reduce(lost, axis=None):  # asked first, as most products need one
        return None
    sizes = np.abs(np.broadcast_arrays(x, y, product))
    inside = (sizes < 1 / SMALL) & ((sizes > SMALL) | (product == 0) & ((x == 0) | (y == 0)))
    return product if np.logical_and.reduce(inside, axis=None) else None


def _halves(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two floats of at most 26 bits whose sum is x (Veltkamp 1968): the factor is 2^27 + 1."""
    spread = x * 134217729.0
    high = spread - (spread - x)
    return high, x - high
