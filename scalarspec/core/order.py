"""Order: which element is the largest, and all elements from the least to the greatest.

Values come by a network of minima and maxima, each of which rises with its operands: over boxes they are exact, and
they have derivatives. Places are integers, that is, NumPy arrays, and the numbers are looked at for them. A place that
is given is certain: under contexts that enclose it is right for all numbers of the boxes (under `rounding`, for the
floats as well), and Undecided is raised where they allow two. Floats are compared as they stand. Where numbers cannot
be looked at (`batched`, `derive`) places are NotSupported.

For all of them axis is one axis, negative ones counting from the last; ShapeError for one that x does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.arrays import lift
from scalarspec.core.choices import less, less_equal
from scalarspec.core.elementwise import maximum, minimum, negative
from scalarspec.core.indexing import at_axis
from scalarspec.core.structure import concat, expand_dims, moveaxis, reshape, take, take_along_axis
from scalarspec.core.tensor import Operand, Tensor, Truth, operands_of
from scalarspec.errors import ArgumentError, NotExact, ShapeError, Undecided

Array = np.ndarray[Any, Any]

__all__ = ["argmax", "argmin", "argsort", "count_nonzero", "searchsorted", "sort", "top_k"]


# ---- values ---------------------------------------------------------------------------------------------------------


def sort(x: Operand, axis: int = -1, descending: bool = False) -> Tensor:
    """The elements along an axis from the least to the greatest, or, descending, the other way. PyTorch: `sort`, of
    which this is the values; `argsort` has the places.

    x: any shape; result: the same one.

    n elements take O(log² n) operations on all of them, by the merge exchange of Batcher 1968 (Knuth, The Art of
    Computer Programming, volume 3, algorithm 5.2.2M). A NaN among floats makes NaN of all numbers along the axis, since
    each place depends on each of them.

        ss.sort(ss.context("interval").box([0, 1, 3], [2, 4, 3]))    # [0, 2], [1, 3], [3, 4]
    """
    _, (t,) = operands_of("sort", x)
    place = shapes.normal_axis("sort", t.shape, axis)
    n = int(t.shape[place])
    stands = np.arange(n)  # where in t the element of each place stands by now
    for low, high in _exchanges(n):
        wanted = np.concatenate([low, high, np.setdiff1d(np.arange(n), [low, high], assume_unique=True)])
        t = _exchanged(take(t, stands[wanted], place), place, len(low))
        stands[wanted] = np.arange(n)
    return take(t, stands[::-1] if descending else stands, place)


def _exchanges(n: int) -> Iterator[tuple[Array, Array]]:
    """Pairs of places, for one step after another, of which the lesser number is to come first: these sort n."""
    start = last = 1 << max(n - 1, 0).bit_length() >> 1
    while last:
        reach, kind, apart = start, 0, last
        while True:
            low = np.arange(n - apart)
            low = low[(low & last) == kind]
            yield low, low + apart
            if reach == last:
                break
            reach, kind, apart = reach // 2, last, reach - last
        last //= 2


def _exchanged(t: Tensor, axis: int, pairs: int) -> Tensor:
    """The lesser of each pair before the greater ones, where those that are first and second in a pair come first."""
    one, other = t[at_axis(axis, slice(pairs))], t[at_axis(axis, slice(pairs, 2 * pairs))]
    return concat([minimum(one, other), maximum(one, other), t[at_axis(axis, slice(2 * pairs, None))]], axis)


@dataclass(frozen=True, eq=False)
class TopK:
    """The k greatest elements along an axis of an operand: their `values`, the greatest first, and, where they are
    asked for, their `indices`. As a pair it is both.
    """

    values: Tensor
    operand: Tensor
    axis: int

    @cached_property
    def indices(self) -> Array:
        """The places of the values, integers in their shape, the lowest one first among equals. Raises Undecided where
        boxes allow several.
        """
        found = _places("top_k", negative(self.operand), self.axis, self.values.shape[self.axis])
        return np.moveaxis(found, -1, self.axis)

    def __iter__(self) -> Iterator[Any]:
        yield self.values
        yield self.indices


def top_k(x: Operand, k: int, axis: int = -1) -> TopK:
    """The k greatest elements along an axis, the greatest first, as `TopK`. PyTorch: `topk`. Raises ArgumentError
    unless k is an integer from 0 to the length of the axis.

    x: any shape.

        values, indices = ss.top_k(ss.context("rational").tensor([1, 3, 2]), 2)    # [3, 2] and [1, 2]
    """
    _, (t,) = operands_of("top_k", x)
    place = shapes.normal_axis("top_k", t.shape, axis)
    if not isinstance(k, int | np.integer) or not 0 <= k <= t.shape[place]:
        raise ArgumentError(f"top_k: k: expected an integer from 0 to {t.shape[place]}, got {k!r}")
    return TopK(take(sort(t, place, descending=True), np.arange(k), place), t, place)


# ---- places ---------------------------------------------------------------------------------------------------------


def argmax(x: Operand, axis: int | None = -1, keepdims: bool = False) -> Array:
    """The place of the largest element along an axis, the lowest one among equals: integers in the shape of x without
    that axis, or, with keepdims, with length 1 there. axis=None: of the flattened tensor.

    Raises ShapeError over no elements, and, under contexts that enclose, Undecided where another element may be larger,
    or as large at a lower place: it names the two.

        ss.argmax(ss.context("interval").box([0, 2, 1], [1, 3, 2]))    # 1: no element is ever larger
    """
    _, (t,) = operands_of("argmax", x)
    return _least("argmax", negative(t), axis, keepdims)


def argmin(x: Operand, axis: int | None = -1, keepdims: bool = False) -> Array:
    """The place of the smallest element along an axis; as `argmax`.

    x: any shape. axis: one axis, or None for all elements; keepdims: does it stay, with length 1? Raises as `argmax`
    does.
    """
    _, (t,) = operands_of("argmin", x)
    return _least("argmin", t, axis, keepdims)


def argsort(x: Operand, axis: int = -1, descending: bool = False) -> Array:
    """The places of the elements along an axis in the order of `sort`, equal ones as they come: integers in the shape
    of x. Raises Undecided where boxes allow several orders.

    x: any shape. descending: from the greatest on?

        ss.argsort(ss.context("interval").box([2, 0], [3, 1]))    # [1, 0]
    """
    _, (t,) = operands_of("argsort", x)
    place = shapes.normal_axis("argsort", t.shape, axis)
    return np.moveaxis(_places("argsort", negative(t) if descending else t, place, t.shape[place]), -1, place)


def searchsorted(x1: Operand, x2: Operand, side: str = "left") -> Array:
    """The places in x1, a vector in ascending order, before which the numbers x2 keep it in order: integers in the
    shape of x2. side: of equal numbers, "left" is before the first, "right" behind the last.

    Raises Undecided where boxes allow several; ArgumentError for another side, ShapeError unless x1 is a vector.

        ss.searchsorted(ss.context("rational").tensor([1, 2, 2]), [0, 2])    # [0, 1]
    """
    _, (s, t) = operands_of("searchsorted", x1, x2)
    if side not in ("left", "right"):
        raise ArgumentError(f"searchsorted: side: expected 'left' or 'right', got {side!r}")
    if s.ndim != 1:
        raise ShapeError(f"searchsorted: x1: expected a vector, got shape {s.shape}")
    before = (less if side == "left" else less_equal)(s, expand_dims(t, -1))
    return np.asarray(np.sum(np.asarray(before), axis=-1))


def count_nonzero(x: Operand, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """How many elements are not 0 over some axes, or all: integers. Raises Undecided where a box contains 0 and other
    numbers.

    x: any shape. axis: one axis, a tuple of axes, or None for all; keepdims: do they stay, with length 1?
    """
    _, (t,) = operands_of("count_nonzero", x)
    axes = shapes.normal_axes("count_nonzero", t.shape, axis)
    return np.asarray(np.sum(np.asarray(t != 0), axis=axes, keepdims=keepdims))


def _least(name: str, t: Tensor, axis: int | None, keepdims: bool) -> Array:
    """The place of the smallest element, the lowest one among equals. Among floats a NaN counts as smallest, as in
    NumPy.
    """
    rows, place = (reshape(t, (-1,)), 0) if axis is None else (t, shapes.normal_axis(name, t.shape, axis))
    if not rows.shape[place]:
        raise ShapeError(f"{name} over no elements, of a tensor of shape {t.shape}: there is none")
    rounds = rows.context.rounds
    found = np.argmin(_floats(rows), axis=place) if rounds else _places(name, rows, place, 1)[..., 0]
    kept = [1 if axis is None or i == place else n for i, n in enumerate(t.shape)]
    return np.reshape(found, kept) if keepdims else np.asarray(found)


def _floats(t: Tensor) -> Array:
    """The numbers of a context that rounds, for the places that they stand at, which do not change with them."""
    return np.array(t.context.arrays.items(t.value))


def _places(name: str, t: Tensor, axis: int, count: int) -> Array:
    """The places of the smallest elements along an axis, so many, from the least on; that axis comes last.

    What is certain is a matter of the context's comparisons, which also know what rounding may turn. In the order of
    the lower ends, which is the only one that can be certain, it is enough that each is surely before the next one.
    """
    if t.context.rounds:
        return np.argsort(np.moveaxis(_floats(t), axis, -1), axis=-1, kind="stable")[..., :count]
    rows = moveaxis(t, axis, -1)
    for lower in (_near, _exact):  # what floats tell needs no more
        order = np.argsort(lower(name, rows), axis=-1, kind="stable")
        before = _before(rows, order[..., :-1][..., :count], order[..., 1:][..., :count])
        if before.context.arrays.outcomes(before.value) <= {True}:
            return order[..., :count]
    at = next(index for index, p in np.ndenumerate(before.scalars()) if p is not True)
    one, other = sorted(order[at[:-1]][at[-1] : at[-1] + 2].tolist())
    row = f" of row {at[:-1]}" if at[:-1] else ""
    raise Undecided(
        f"{name}: elements {one} and {other}{row} along axis {axis} may come in either order; a smaller box, or more "
        "precision, may decide"
    )


def _before(rows: Tensor, one: Array, other: Array) -> Truth:
    """Does the element at one place surely come before that at the other: is it less, or equal at a lower place?"""
    x, y = take_along_axis(rows, one), take_along_axis(rows, other)
    return less(x, y) | (less_equal(x, y) & Truth.known(rows.context, one < other))


def _near(name: str, t: Tensor) -> Array:
    """A float below each element, or equal to it. Raises NotExact for symbols, which have no order."""
    try:
        return t.context.arrays.floats(t.value)[0]
    except NotExact as error:
        raise NotExact(f"{name}: only numbers have places among others: {error}") from None


def _exact(name: str, t: Tensor) -> Array:
    """The lower end of each element."""
    return lift(lambda x: t.context.endpoints(x)[0], t.scalars())
