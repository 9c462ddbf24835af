"""What moves elements to other places, and does nothing to them. No number is looked at, and none is rounded.

Each is one operation of the table, or a few: an index, a permutation of the axes, a reshape, tensors side by side.
Tensors of truths are moved likewise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.choices import where
from scalarspec.core.operations import result_shape
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Nested, Operand, Tensor, operands_of
from scalarspec.errors import ArgumentError, ShapeError

__all__ = [
    "broadcast_arrays", "broadcast_to", "concat", "diagonal", "expand_dims", "flatten", "flip", "matrix_transpose",
    "moveaxis", "pad", "permute_dims", "repeat", "reshape", "roll", "split", "squeeze", "stack", "take",
    "take_along_axis", "tile", "tril", "triu", "unstack", "upsample",
]  # fmt: skip

N = TypeVar("N", bound=Nested)


def _moved(operation: str, x: Any, **parameters: Any) -> Any:
    """An operation of structure on one tensor, of numbers or of truths."""
    t = x if isinstance(x, Nested) else operands_of(operation, x)[1][0]
    shape = result_shape(operation, [t.shape], parameters)
    return type(t)(t.context, shape, t.context.arrays.apply(operation, t.value, **parameters))


# ---- axes -----------------------------------------------------------------------------------------------------------


def reshape(x: Operand, shape: Iterable[int] | int) -> Any:
    """The same elements, in row-major order, in another shape of as many elements. One dimension may be -1: it is
    whatever makes as many. Raises ShapeError for another number of elements.
    """
    t = _tensor("reshape", x)
    target = shapes.filled("reshape", [shape] if isinstance(shape, int) else shape, t.shape.size)
    if target.size != t.shape.size:
        raise ShapeError(f"reshape: {t.shape} has {t.shape.size} elements, {target} has {target.size}")
    return _moved("reshape", t, shape=target) if target != t.shape else t


def flatten(x: Operand, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The axes from start_dim to end_dim as one. PyTorch: `flatten`."""
    t = _tensor("flatten", x)
    if not t.shape:
        return reshape(t, (1,))
    first, last = (shapes.normal_axis("flatten", t.shape, axis) for axis in (start_dim, end_dim))
    if first > last:
        raise ShapeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in {t.shape}")
    return reshape(t, (*t.shape[:first], Shape(t.shape[first : last + 1]).size, *t.shape[last + 1 :]))


def permute_dims(x: Operand, axes: Sequence[int]) -> Any:
    """The axes in another order: axis i of the result is axis axes[i] of x. PyTorch: `permute`. Raises ShapeError
    unless axes is a permutation.
    """
    t = _tensor("permute_dims", x)
    order = shapes.normal_axes("permute_dims", t.shape, tuple(axes))
    n = t.ndim
    if len(order) != n:
        raise ShapeError(f"permute_dims: {tuple(axes)} is no order of the axes of {t.shape}")
    if order == tuple(range(n)):
        return t
    if n > 1 and order == (*range(n - 2), n - 1, n - 2):
        return _moved("matrix_transpose", t)
    return _moved("permute_dims", t, axes=order)


def matrix_transpose(x: Operand) -> Any:
    """The last two axes exchanged. x: (..., m, n); result: (..., n, m). Raises ShapeError for fewer than two axes."""
    t = _tensor("matrix_transpose", x)
    if t.ndim < 2:
        raise ShapeError(f"matrix_transpose: {t.shape}; expected (..., m, n)")
    return _moved("matrix_transpose", t)


def moveaxis(x: Operand, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Any:
    """Axes moved to other places, the others kept in their order. Raises ShapeError for an axis that is not there."""
    t = _tensor("moveaxis", x)
    come, go = (shapes.normal_axes("moveaxis", t.shape, axis) for axis in (source, destination))
    if len(come) != len(go):
        raise ShapeError(f"moveaxis: {len(come)} axes for {len(go)} places")
    order = [i for i in range(t.ndim) if i not in come]
    for place, axis in sorted(zip(go, come, strict=True)):
        order.insert(place, axis)
    return permute_dims(t, order)


def expand_dims(x: Operand, axis: int | tuple[int, ...] = 0) -> Any:
    """New axes of length 1 at these places of the result. PyTorch: `unsqueeze`."""
    t = _tensor("expand_dims", x)
    new = axis if isinstance(axis, tuple) else (axis,)
    places = shapes.normal_axes("expand_dims", Shape([1] * (t.ndim + len(new))), new)
    rest = iter(t.shape)
    return reshape(t, [1 if i in places else next(rest) for i in range(t.ndim + len(new))])


def squeeze(x: Operand, axis: int | tuple[int, ...] | None = None) -> Any:
    """Without some axes of length 1; axis=None: without all of them. Raises ShapeError for an axis of another length."""
    t = _tensor("squeeze", x)
    axes = tuple(i for i, n in enumerate(t.shape) if n == 1) if axis is None else shapes.normal_axes("squeeze", t.shape, axis)
    if any(t.shape[i] != 1 for i in axes):
        raise ShapeError(f"squeeze: axis {axis} of a tensor of shape {t.shape} has not length 1")
    return reshape(t, [n for i, n in enumerate(t.shape) if i not in axes])


def broadcast_to(x: Operand, shape: Iterable[int]) -> Any:
    """x repeated to fill the shape, by NumPy's rule: axes are aligned at the last one, and those of length 1, or
    missing, are repeated. Raises ShapeError where they do not fit.
    """
    t = _tensor("broadcast_to", x)
    target = shapes.broadcast_shape(t.shape, Shape(shape))
    return _moved("broadcast_to", t, shape=target)


def broadcast_arrays(*xs: Operand) -> list[Tensor]:
    """Each of some tensors, repeated to their common shape."""
    _, tensors = operands_of("broadcast_arrays", *xs)
    shape = shapes.broadcast_shapes("broadcast_arrays", [t.shape for t in tensors])
    return [t if t.shape == shape else broadcast_to(t, shape) for t in tensors]


# ---- tensors side by side -------------------------------------------------------------------------------------------


def stack(tensors: Iterable[Operand], axis: int = 0) -> Tensor:
    """n tensors of one shape along a new axis.

    n is at least 1, since nothing says what context none would have: see `Tensor.of`. Raises ShapeError where the
    shapes differ.
    """
    context, parts = operands_of("stack", *tensors)
    if any(part.shape != parts[0].shape for part in parts):
        raise ShapeError(f"stack: shapes {' and '.join(str(part.shape) for part in parts)} differ")
    place = shapes.normal_axis("stack", (*parts[0].shape, 1), axis)
    shape = (*parts[0].shape[:place], len(parts), *parts[0].shape[place:])
    parameters = {"axis": place} if place else {}
    return Tensor(context, Shape(shape), context.arrays.apply("stack", *(part.value for part in parts), **parameters))


def concat(tensors: Iterable[Operand], axis: int | None = 0) -> Tensor:
    """Tensors one after the other along an axis; axis=None: along the only one, once each is flattened.

    There is at least one tensor. Raises ShapeError where their other axes differ. PyTorch: `cat`.
    """
    context, parts = operands_of("concat", *tensors)
    if axis is None:
        parts, axis = [reshape(part, (-1,)) for part in parts], 0
    place = shapes.normal_axis("concat", parts[0].shape, axis)
    shape = result_shape("concat", [part.shape for part in parts], {"axis": place})
    if len(parts) == 1:
        return parts[0]
    return Tensor(context, shape, context.arrays.apply("concat", *(part.value for part in parts), axis=place))


def split(x: Operand, split_size_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Parts along an axis: of that many elements each, the last one of what is left, or of these lengths. PyTorch:
    `split`. Raises ShapeError where the lengths do not add up to the axis.
    """
    t = _tensor("split", x)
    place, asked = shapes.normal_axis("split", t.shape, axis), split_size_or_sections
    n = t.shape[place]
    lengths = [min(asked, n - i) for i in range(0, n, max(asked, 1))] if isinstance(asked, int) else list(asked)
    if sum(lengths) != n or any(length < 0 for length in lengths) or asked == 0:
        raise ShapeError(f"split: parts of {asked} of an axis of length {n}")
    ends = np.cumsum([0, *lengths]).tolist()
    return [_slice(t, place, slice(a, b)) for a, b in zip(ends, ends[1:], strict=False)]


def unstack(x: Operand, axis: int = 0) -> list[Any]:
    """The tensors that lie side by side along an axis, which they lack. PyTorch: `unbind`."""
    t = _tensor("unstack", x)
    place = shapes.normal_axis("unstack", t.shape, axis)
    return [t[(*[slice(None)] * place, i)] for i in range(t.shape[place])]


def _slice(t: N, axis: int, part: slice) -> N:
    return t[(*[slice(None)] * axis, part)]


# ---- elements in other places ---------------------------------------------------------------------------------------


def take(x: Operand, indices: Any, axis: int | None = None) -> Any:
    """The elements at some indices of an axis, which may come several times; axis may be left out for vectors.

    indices: integers, an array of any shape, which stands in the place of the axis. Raises OutOfRange for an index
    that is not there. PyTorch: `index_select`, and `embedding` for axis 0.
    """
    t = _tensor("take", x)
    if axis is None and t.ndim != 1:
        raise ShapeError(f"take: a tensor of shape {t.shape} has not one axis: say which")
    place = shapes.normal_axis("take", t.shape, 0 if axis is None else axis)
    return t[(*[slice(None)] * place, np.asarray(indices) if isinstance(indices, list | tuple) else indices)]


def take_along_axis(x: Operand, indices: Any, axis: int = -1) -> Any:
    """The elements at indices of their own along an axis. indices: integers, of as many axes as x, broadcast to its
    other axes. PyTorch: `gather`.
    """
    t, array = _tensor("take_along_axis", x), np.asarray(indices)
    place = shapes.normal_axis("take_along_axis", t.shape, axis)
    if array.ndim != t.ndim or array.dtype.kind not in "iu":
        raise ShapeError(f"take_along_axis: expected integers with {t.ndim} axes, got shape {array.shape}")
    full = np.broadcast_shapes(array.shape, (*t.shape[:place], 1, *t.shape[place + 1 :]))
    grid = list(np.ogrid[tuple(slice(n) for n in full)])
    grid[place] = array
    return t[tuple(np.broadcast_arrays(*grid))]


def flip(x: Operand, axis: int | tuple[int, ...] | None = None) -> Any:
    """The elements in reverse order along some axes; axis=None: along all of them."""
    t = _tensor("flip", x)
    axes = shapes.normal_axes("flip", t.shape, axis)
    return t[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(t.ndim))] if axes else t


def roll(x: Operand, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None) -> Any:
    """The elements moved along axes, those at the end to the beginning; axis=None: of the flattened tensor."""
    t = _tensor("roll", x)
    if axis is None:
        return reshape(roll(reshape(t, (-1,)), shift, 0), t.shape)
    axes = shapes.normal_axes("roll", t.shape, axis)
    shifts = shift if isinstance(shift, tuple) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    for by, place in zip(shifts, axes, strict=True):
        cut = -by % t.shape[place] if t.shape[place] else 0
        if cut:
            t = concat([_slice(t, place, slice(cut, None)), _slice(t, place, slice(cut))], place)
    return t


def repeat(x: Operand, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Each element of an axis so many times, one after the other; axis=None: of the flattened tensor. PyTorch:
    `repeat_interleave`.
    """
    t = _tensor("repeat", x)
    if axis is None:
        t, axis = reshape(t, (-1,)), 0
    n = t.shape[shapes.normal_axis("repeat", t.shape, axis)]
    return take(t, np.repeat(np.arange(n), repeats), axis)


def tile(x: Operand, repetitions: int | Sequence[int]) -> Any:
    """The whole tensor side by side with itself, so many times along each axis, the last ones first."""
    t = _tensor("tile", x)
    asked = (repetitions,) if isinstance(repetitions, int) else tuple(repetitions)
    axes = max(t.ndim, len(asked))
    shape, times = (1,) * (axes - t.ndim) + t.shape, (1,) * (axes - len(asked)) + asked
    apart = [n for pair in zip([1] * axes, shape, strict=True) for n in pair]
    filled = [n for pair in zip(times, shape, strict=True) for n in pair]
    return reshape(broadcast_to(reshape(t, apart), filled), [a * b for a, b in zip(times, shape, strict=True)])


def diagonal(x: Operand, offset: int = 0) -> Any:
    """The elements on a diagonal of the last two axes. x: (..., m, n); result: (..., length). offset: above the main
    one, if it is positive. Array API: `linalg.diagonal`.
    """
    t = _tensor("diagonal", x)
    if t.ndim < 2:
        raise ShapeError(f"diagonal: {t.shape}; expected (..., m, n)")
    m, n = t.shape[-2:]
    length = max(min(m + min(offset, 0), n - max(offset, 0)), 0)
    rows = np.arange(length) + max(-offset, 0)
    return t[(..., rows, rows + offset)]


def tril(x: Operand, k: int = 0) -> Tensor:
    """x on and below a diagonal of the last two axes, zeros elsewhere; k: the diagonal's place above the main one."""
    return _triangle("tril", x, lambda m, n: np.tri(m, n, k, dtype=bool))


def triu(x: Operand, k: int = 0) -> Tensor:
    """x on and above a diagonal of the last two axes, zeros elsewhere; k: the diagonal's place above the main one."""
    return _triangle("triu", x, lambda m, n: ~np.tri(m, n, k - 1, dtype=bool))


def _triangle(name: str, x: Operand, kept: Any) -> Tensor:
    t = _tensor(name, x)
    if t.ndim < 2:
        raise ShapeError(f"{name}: {t.shape}; expected (..., m, n)")
    return where(kept(*t.shape[-2:]), t, 0)


# ---- more elements --------------------------------------------------------------------------------------------------


def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: Operand = 0) -> Any:
    """x with elements added at both ends of each axis. NumPy: `pad`.

    pad_width: for each axis how many before and how many after it; one such pair, or one number, for all axes.
    mode: "constant" (of constant_values), "edge" (the element at the end), "reflect" (mirrored at that element, which
    comes once), or "wrap" (those of the other end). Raises ArgumentError for another mode, ShapeError for widths that
    are no such pairs, or longer than what is mirrored.
    """
    t = _tensor("pad", x)
    widths = _widths(pad_width, t.ndim)
    if mode not in ("constant", "edge", "reflect", "wrap"):
        raise ArgumentError(f"pad: mode: expected 'constant', 'edge', 'reflect' or 'wrap', got {mode!r}")
    for axis, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        if mode == "constant":
            t = _with_ends(t, axis, before, after, constant_values)
        else:
            try:
                t = take(t, np.pad(np.arange(t.shape[axis]), (before, after), mode=mode), axis)  # type: ignore[call-overload]
            except ValueError as error:
                raise ShapeError(f"pad: axis {axis} of {t.shape} by {(before, after)}: {error}") from None
    return t


def _widths(pad_width: Any, axes: int) -> list[tuple[int, int]]:
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (axes, 2)).tolist()
    except ValueError:
        widths = None
    if widths is None or any(not isinstance(n, int) or n < 0 for pair in widths for n in pair):
        raise ShapeError(f"pad: pad_width: expected two numbers >= 0 for each of {axes} axes, got {pad_width!r}")
    return [(before, after) for before, after in widths]


def _with_ends(t: Any, axis: int, before: int, after: int, number: Operand) -> Any:
    """t between constants along an axis; between zeros it stands in a tensor of zeros."""
    shape = (*t.shape[:axis], before + t.shape[axis] + after, *t.shape[axis + 1 :])
    if isinstance(number, int) and number == 0:
        index = (*[slice(None)] * axis, slice(before, before + t.shape[axis]))
        return _moved("scatter", t, index=index, shape=Shape(shape))
    _, (constant, _) = operands_of("pad", number, t)
    ends = [broadcast_to(constant, (*t.shape[:axis], n, *t.shape[axis + 1 :])) for n in (before, after)]
    return concat([ends[0], t, ends[1]], axis)


def upsample(x: Operand, scale_factor: int | Sequence[int], mode: str = "nearest", align_corners: bool = False) -> Any:
    """x with more elements along its spatial axes, all but the first two. PyTorch: `nn.functional.interpolate`.

    x: (batch, channels, *spatial). scale_factor: integers, one for all or one for each spatial axis. mode: "nearest",
    or "linear", which goes by "bilinear" and "trilinear", too. align_corners: for linear modes, do the corners keep
    their places? Raises ArgumentError for other modes.
    """
    t = _tensor("upsample", x)
    spatial = range(2, t.ndim)
    factors = [scale_factor] * len(spatial) if isinstance(scale_factor, int) else list(scale_factor)
    if len(factors) != len(spatial) or any(not isinstance(k, int) or k < 1 for k in factors):
        raise ShapeError(f"upsample: scale_factor: expected {len(spatial)} integers >= 1, got {scale_factor!r}")
    if mode not in ("nearest", "linear", "bilinear", "trilinear"):
        raise ArgumentError(f"upsample: mode: expected 'nearest', 'linear', 'bilinear' or 'trilinear', got {mode!r}")
    for axis, factor in zip(spatial, factors, strict=True):
        t = repeat(t, factor, axis) if mode == "nearest" else _interpolated(t, axis, factor, align_corners)
    return t


def _interpolated(t: Any, axis: int, factor: int, align_corners: bool) -> Any:
    """Linear interpolation along an axis, between two neighbours each, at exact fractions."""
    n = t.shape[axis]
    m, places = n * factor, np.arange(n * factor)
    if align_corners:
        over = max(m - 1, 1)
        whole, part = np.divmod(places * (n - 1), over)
    else:
        over = 2 * factor
        whole, part = np.divmod(np.clip(2 * places + 1 - factor, 0, None), over)
    shape = [-1 if i == axis else 1 for i in range(t.ndim)]
    right = t.context.tensor(part.reshape(shape)) / over
    left_of, right_of = (take(t, np.minimum(whole + k, n - 1), axis) for k in (0, 1))
    return left_of * (1 - right) + right_of * right


def _tensor(operation: str, x: Operand) -> Any:
    """A tensor of numbers or of truths."""
    return x if isinstance(x, Nested) else operands_of(operation, x)[1][0]
