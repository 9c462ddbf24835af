"""What moves elements to other places, and does nothing to them. No number is looked at, and none is rounded.

Each is one operation of the table, or a few: an index, a permutation of the axes, a reshape, tensors side by side.
Tensors of truths are moved likewise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.indexing import at_axis
from scalarspec.core.nested import Nested
from scalarspec.core.operations import result_shape
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Operand, Tensor, operands_of
from scalarspec.errors import ArgumentError, ShapeError

__all__ = [
    "broadcast_arrays", "broadcast_to", "concat", "diagonal", "expand_dims", "flatten", "flip", "matrix_transpose",
    "moveaxis", "permute_dims", "repeat", "reshape", "roll", "split", "squeeze", "stack", "take",
    "take_along_axis", "tile", "unstack",
]  # fmt: skip


def moved(operation: str, x: Operand, **parameters: Any) -> Tensor:
    """An operation of structure on one tensor."""
    return tensor_of(operation, x).moved(operation, **parameters)


# ---- axes -----------------------------------------------------------------------------------------------------------


def reshape(x: Operand, shape: Iterable[int] | int) -> Tensor:
    """The same elements, in row-major order, in another shape of as many elements. One dimension may be -1: it is
    whatever makes as many. Raises ShapeError for another number of elements.

    x: any shape. shape: the new one.
    """
    t = tensor_of("reshape", x)
    target = shapes.filled("reshape", [shape] if isinstance(shape, int) else shape, t.shape.size)
    if target.size != t.shape.size:
        raise ShapeError(f"reshape: {t.shape} has {t.shape.size} elements, {target} has {target.size}")
    return moved("reshape", t, shape=target) if target != t.shape else t


def flatten(x: Operand, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from start_dim to end_dim as one. PyTorch: `flatten`.

    x: any shape; one number becomes a vector. Raises ShapeError where start_dim comes after end_dim.
    """
    t = tensor_of("flatten", x)
    if not t.shape:
        return reshape(t, (1,))
    first, last = (shapes.normal_axis("flatten", t.shape, axis) for axis in (start_dim, end_dim))
    if first > last:
        raise ShapeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in {t.shape}")
    return reshape(t, (*t.shape[:first], Shape(t.shape[first : last + 1]).size, *t.shape[last + 1 :]))


def permute_dims(x: Operand, axes: Sequence[int]) -> Tensor:
    """The axes in another order: axis i of the result is axis axes[i] of x. PyTorch: `permute`. Raises ShapeError
    unless axes is a permutation.
    """
    t = tensor_of("permute_dims", x)
    order = shapes.normal_axes("permute_dims", t.shape, shapes.wholes("permute_dims", "axes", axes))
    n = t.ndim
    if len(order) != n:
        raise ShapeError(f"permute_dims: {axes} is no order of the axes of {t.shape}")
    if order == tuple(range(n)):
        return t
    if n > 1 and order == (*range(n - 2), n - 1, n - 2):
        return moved("matrix_transpose", t)
    return moved("permute_dims", t, axes=order)


def matrix_transpose(x: Operand) -> Tensor:
    """The last two axes exchanged. x: (..., m, n); result: (..., n, m). Raises ShapeError for fewer than two axes."""
    t = tensor_of("matrix_transpose", x)
    if t.ndim < 2:
        raise ShapeError(f"matrix_transpose: {t.shape}; expected (..., m, n)")
    return moved("matrix_transpose", t)


def moveaxis(x: Operand, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Tensor:
    """Axes moved to other places, the others kept in their order. Raises ShapeError for an axis that is not there.

    x: any shape. source: an axis, or several; destination: where each comes to stand. Returns x with these axes moved.
    """
    t = tensor_of("moveaxis", x)
    come, go = (shapes.normal_axes("moveaxis", t.shape, axis) for axis in (source, destination))
    if len(come) != len(go):
        raise ShapeError(f"moveaxis: {len(come)} axes for {len(go)} places")
    order = [i for i in range(t.ndim) if i not in come]
    for place, axis in sorted(zip(go, come, strict=True)):
        order.insert(place, axis)
    return permute_dims(t, order)


def expand_dims(x: Operand, axis: int | tuple[int, ...] = 0) -> Tensor:
    """New axes of length 1 at these places of the result. PyTorch: `unsqueeze`.

    x: any shape. axis: a place, or several.
    """
    t = tensor_of("expand_dims", x)
    new = axis if isinstance(axis, tuple) else (axis,)
    places = shapes.normal_axes("expand_dims", Shape([1] * (t.ndim + len(new))), new)
    rest = iter(t.shape)
    return reshape(t, [1 if i in places else next(rest) for i in range(t.ndim + len(new))])


def squeeze(x: Operand, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """Without some axes of length 1; axis=None: without all of them. Raises ShapeError for one of another length.

    x: any shape. axis: one axis, or several.
    """
    t = tensor_of("squeeze", x)
    axes = (
        tuple(i for i, n in enumerate(t.shape) if n == 1)
        if axis is None
        else shapes.normal_axes("squeeze", t.shape, axis)
    )
    if any(t.shape[i] != 1 for i in axes):
        raise ShapeError(f"squeeze: axis {axis} of a tensor of shape {t.shape} has not length 1")
    return reshape(t, [n for i, n in enumerate(t.shape) if i not in axes])


def broadcast_to(x: Operand, shape: Iterable[int]) -> Tensor:
    """x repeated to fill the shape, by NumPy's rule: axes are aligned at the last one, and those of length 1, or
    missing, are repeated. Raises ShapeError where they do not fit.
    """
    t = tensor_of("broadcast_to", x)
    target = shapes.broadcast_shape(t.shape, Shape(shape))
    return moved("broadcast_to", t, shape=target)


def broadcast_arrays(*xs: Operand) -> list[Tensor]:
    """Each of some tensors, repeated to their common shape.

    xs: the tensors. Raises ShapeError where they have no common shape.
    """
    _, tensors = operands_of("broadcast_arrays", *xs)
    shape = shapes.broadcast_shapes("broadcast_arrays", [t.shape for t in tensors])
    return [t if t.shape == shape else broadcast_to(t, shape) for t in tensors]


# ---- tensors side by side -------------------------------------------------------------------------------------------


def stack(tensors: Iterable[Operand], axis: int = 0) -> Tensor:
    """n tensors of one shape along a new axis.

    n is at least 1, since nothing says what context none would have: see `Tensor.of`. Raises ShapeError where the
    shapes differ.
    """
    context, parts = operands_of("stack", *_several("stack", tensors))
    if any(part.shape != parts[0].shape for part in parts):
        raise ShapeError(f"stack: shapes {' and '.join(str(part.shape) for part in parts)} differ")
    place = shapes.normal_axis("stack", (*parts[0].shape, 1), axis)
    shape = (*parts[0].shape[:place], len(parts), *parts[0].shape[place:])
    parameters = {"axis": place} if place else {}
    return Tensor(context, Shape(shape), context.arrays.apply("stack", *(part.value for part in parts), **parameters))


def concat(tensors: Iterable[Operand], axis: int | None = 0) -> Tensor:
    """Tensors one after the other along an axis; axis=None: along the only one, once each is flattened.

    tensors: several, of one shape but for that axis. Returns one tensor.

    There is at least one tensor. Raises ShapeError where their other axes differ. PyTorch: `cat`.
    """
    context, parts = operands_of("concat", *_several("concat", tensors))
    if axis is None:
        parts, axis = [reshape(part, (-1,)) for part in parts], 0
    place = shapes.normal_axis("concat", parts[0].shape, axis)
    shape = result_shape("concat", [part.shape for part in parts], {"axis": place})
    if len(parts) == 1:
        return parts[0]
    return Tensor(context, shape, context.arrays.apply("concat", *(part.value for part in parts), axis=place))


def _several(operation: str, tensors: Any) -> Iterable[Operand]:
    if not isinstance(tensors, Iterable):
        raise ArgumentError(f"{operation}: tensors: expected several of them, got {tensors!r}")
    return tensors


def split(x: Operand, split_size_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Parts along an axis: of that many elements each, the last one of what is left, or of these lengths. PyTorch:
    `split`. Raises ShapeError where the lengths do not add up to the axis.

    x: any shape. split_size_or_sections: a length, or one for each part. Returns a list of tensors.
    """
    t = tensor_of("split", x)
    place, asked = shapes.normal_axis("split", t.shape, axis), split_size_or_sections
    n, lengths = t.shape[place], shapes.wholes("split", "split_size_or_sections", asked, least=0)
    if shapes.is_whole(asked):
        (each,) = lengths
        lengths = tuple(min(each, n - i) for i in range(0, n, each)) if each else ()
    if sum(lengths) != n:
        raise ShapeError(f"split: parts of {asked} of an axis of length {n}")
    ends = np.cumsum([0, *lengths]).tolist()
    return [t[at_axis(place, slice(a, b))] for a, b in pairwise(ends)]


def unstack(x: Operand, axis: int = 0) -> list[Tensor]:
    """The tensors that lie side by side along an axis, which they lack. PyTorch: `unbind`.

    x: any shape. Returns a list, one tensor for each place of the axis.
    """
    t = tensor_of("unstack", x)
    place = shapes.normal_axis("unstack", t.shape, axis)
    return [t[at_axis(place, i)] for i in range(t.shape[place])]


# ---- elements in other places ---------------------------------------------------------------------------------------


def take(x: Operand, indices: Any, axis: int | None = None) -> Tensor:
    """The elements at some indices of an axis, which may come several times; axis may be left out for vectors.

    x: any shape.

    indices: integers, an array of any shape, which stands in the place of the axis. Raises OutOfRange for an index
    that is not there. PyTorch: `index_select`, and `embedding` for axis 0.
    """
    t = tensor_of("take", x)
    place = shapes.only_axis("take", t.shape, axis)
    return t[at_axis(place, np.asarray(indices) if isinstance(indices, list | tuple) else indices)]


def take_along_axis(x: Operand, indices: Any, axis: int = -1) -> Tensor:
    """The elements at indices of their own along an axis. indices: integers, of as many axes as x, broadcast to its
    other axes. PyTorch: `gather`. Raises ShapeError for other indices.
    """
    t, array = tensor_of("take_along_axis", x), np.asarray(indices)
    place = shapes.normal_axis("take_along_axis", t.shape, axis)
    if array.ndim != t.ndim or array.dtype.kind not in "iu":
        raise ShapeError(f"take_along_axis: expected integers with {t.ndim} axes, got shape {array.shape}")
    full = np.broadcast_shapes(array.shape, (*t.shape[:place], 1, *t.shape[place + 1 :]))
    grid = list(np.ogrid[tuple(slice(n) for n in full)])
    grid[place] = array
    return t[tuple(np.broadcast_arrays(*grid))]


def flip(x: Operand, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """The elements in reverse order along some axes; axis=None: along all of them.

    x: any shape; result: the same one.
    """
    t = tensor_of("flip", x)
    axes = shapes.normal_axes("flip", t.shape, axis)
    return t[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(t.ndim))] if axes else t


def roll(x: Operand, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None) -> Tensor:
    """The elements moved along axes, those at the end to the beginning; axis=None: of the flattened tensor.

    x: any shape; result: the same one. shift: how far, along each axis the same way, or one number for each. Raises
    ShapeError for another number of shifts.
    """
    t = tensor_of("roll", x)
    if axis is None:
        return reshape(roll(reshape(t, (-1,)), shift, 0), t.shape)
    axes = shapes.normal_axes("roll", t.shape, axis)
    given = shapes.wholes("roll", "shift", shift)
    shifts = given if isinstance(shift, tuple) else given * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    for by, place in zip(shifts, axes, strict=True):
        cut = -by % t.shape[place] if t.shape[place] else 0
        if cut:
            t = concat([t[at_axis(place, slice(cut, None))], t[at_axis(place, slice(cut))]], place)
    return t


def repeat(x: Operand, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Each element of an axis so many times, one after the other; axis=None: of the flattened tensor. PyTorch:
    `repeat_interleave`.

    x: any shape. repeats: how often, for all alike or for each place of the axis. Raises ShapeError for another number
    of repeats.
    """
    t = tensor_of("repeat", x)
    if axis is None:
        t, axis = reshape(t, (-1,)), 0
    n, times = (
        t.shape[shapes.normal_axis("repeat", t.shape, axis)],
        shapes.wholes("repeat", "repeats", repeats, least=0),
    )
    if len(times) not in (1, n):
        raise ShapeError(f"repeat: {len(times)} repeats for an axis of length {n}")
    return take(t, np.repeat(np.arange(n), times), axis)


def tile(x: Operand, repetitions: int | Sequence[int]) -> Tensor:
    """The whole tensor side by side with itself, so many times along each axis, the last ones first.

    x: any shape. repetitions: how often, for the last axis, or for several.
    """
    t = tensor_of("tile", x)
    asked = shapes.wholes("tile", "repetitions", repetitions, least=0)
    axes = max(t.ndim, len(asked))
    shape, times = (1,) * (axes - t.ndim) + t.shape, (1,) * (axes - len(asked)) + asked
    apart = [n for pair in zip([1] * axes, shape, strict=True) for n in pair]
    filled = [n for pair in zip(times, shape, strict=True) for n in pair]
    return reshape(broadcast_to(reshape(t, apart), filled), [a * b for a, b in zip(times, shape, strict=True)])


def diagonal(x: Operand, offset: int = 0) -> Tensor:
    """The elements on a diagonal of the last two axes. x: (..., m, n); result: (..., length). offset: above the main
    one, if it is positive. Array API: `linalg.diagonal`.

    Raises ShapeError for fewer than two axes.
    """
    t = tensor_of("diagonal", x)
    if t.ndim < 2:
        raise ShapeError(f"diagonal: {t.shape}; expected (..., m, n)")
    m, n = t.shape[-2:]
    offset = place_of_diagonal("diagonal", "offset", offset)
    length = max(min(m + min(offset, 0), n - max(offset, 0)), 0)
    rows = np.arange(length) + max(-offset, 0)
    return t[(..., rows, rows + offset)]


def place_of_diagonal(operation: str, argument: str, value: Any) -> int:
    """How far above the main one a diagonal is; far away, where no matrix has one, a number that NumPy takes."""
    return max(min(shapes.whole(operation, argument, value), 1 << 62), -(1 << 62))


def tensor_of(operation: str, x: Operand) -> Tensor:
    """A tensor of numbers; or one of truths, as it is."""
    found: Tensor = x if isinstance(x, Nested) else operands_of(operation, x)[1][0]  # type: ignore[assignment]
    return found
