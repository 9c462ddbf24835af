"""The array API's functions that move elements, and its products, in its signatures.

Each is the function of `scalarspec` of that name, for tensors and truths; for integers it is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scalarspec.core import functions as ours
from scalarspec.core import shape as shapes
from scalarspec.core.guests import place
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Truth
from scalarspec.errors import ArgumentError, OutOfRange, ShapeError
from scalarspec.frontends.array_api.dtypes import check_real, real, wanted
from scalarspec.frontends.array_api.integers import Integers, exactly, moved, number

Axis = int | tuple[int, ...] | None

# ---- what moves elements --------------------------------------------------------------------------------------------


def _moved(name: str, x: Any, *more: Any, **options: Any) -> Any:
    """A function of structure: ours, and NumPy's for integers."""
    if isinstance(x, Integers):
        return moved(name, x, *more, **options)
    return getattr(ours, name)(x, *more, **options)


def broadcast_to(x: Any, /, shape: tuple[int, ...]) -> Any:
    """x repeated to fill the shape."""
    return _moved("broadcast_to", x, shape)


def expand_dims(x: Any, /, axis: int | tuple[int, ...]) -> Any:
    """New axes of length 1 at these places of the result. Raises OutOfRange where there is no such place."""
    try:
        return _moved("expand_dims", x, axis)
    except ShapeError as error:
        raise OutOfRange(str(error)) from None


def flip(x: Any, /, *, axis: Axis = None) -> Any:
    """The elements in reverse order along some axes."""
    return _moved("flip", x, axis=axis)


def matrix_transpose(x: Any, /) -> Any:
    """The last two axes exchanged."""
    return _moved("matrix_transpose", x)


def moveaxis(x: Any, source: int | tuple[int, ...], destination: int | tuple[int, ...], /) -> Any:
    """Axes moved to other places, the others kept in their order."""
    return _moved("moveaxis", x, source, destination)


def permute_dims(x: Any, /, axes: tuple[int, ...]) -> Any:
    """The axes in another order."""
    return _moved("permute_dims", x, axes)


def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Any:
    """Each element of an axis so many times, one after the other."""
    times = np.asarray(repeats) if isinstance(repeats, Integers) else repeats
    times = int(times) if isinstance(times, np.ndarray) and not times.shape else times
    return _moved("repeat", x, times, axis=axis)


def reshape(x: Any, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Any:
    """The same elements, in row-major order, in another shape. Arrays do not change, so that none needs a copy."""
    return _moved("reshape", x, shape)


def roll(x: Any, /, shift: int | tuple[int, ...], *, axis: Axis = None) -> Any:
    """The elements moved along axes, those at the end to the beginning."""
    return _moved("roll", x, shift, axis=axis)


def squeeze(x: Any, /, axis: int | tuple[int, ...]) -> Any:
    """Without some axes of length 1."""
    return _moved("squeeze", x, axis)


def tile(x: Any, repetitions: tuple[int, ...], /) -> Any:
    """The whole array side by side with itself, so many times along each axis."""
    return _moved("tile", x, repetitions)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The arrays that lie side by side along an axis."""
    return tuple(moveaxis(x, axis, 0))


def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
    """The elements at some indices of an axis, which may be left out for vectors."""
    return _moved("take", x, _indices(indices), axis=shapes.only_axis("take", x.shape, axis))


def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    """The elements at indices of their own along an axis."""
    return _moved("take_along_axis", x, _indices(indices), axis=axis)


def _indices(indices: Any) -> np.ndarray[Any, Any]:
    """Indices as NumPy's integers, those of tensors included."""
    return np.asarray(place(indices))


def concat(arrays: Sequence[Any], /, *, axis: int | None = 0) -> Any:
    """Arrays one after the other along an axis; axis=None: each flattened first."""
    return _together("concat", arrays, axis=axis)


def stack(arrays: Sequence[Any], /, *, axis: int = 0) -> Any:
    """Arrays of one shape along a new axis."""
    return _together("stack", arrays, axis=axis)


def _together(name: str, arrays: Sequence[Any], **options: Any) -> Any:
    """A function that puts arrays beside one another: truths by the numbers 0 and 1, which says as much."""
    parts = list(arrays)
    if parts and all(isinstance(x, Truth) for x in parts):
        return getattr(ours, name)([ours.where(p, p.context.tensor(1), 0) for p in parts], **options) != 0
    if parts and all(isinstance(x, Integers) for x in parts):
        return exactly(name, lambda *some: getattr(np, name)(some, **options), *parts)
    return getattr(ours, name)([number(x) for x in parts], **options)


def broadcast_arrays(*arrays: Any) -> list[Any]:
    """Each of some arrays, repeated to their common shape."""
    shape = shapes.broadcast_shapes("broadcast_arrays", [Shape(x.shape) for x in arrays])
    return [broadcast_to(x, shape) for x in arrays]


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Any]:
    """The coordinates of a grid, from those along each of its axes. indexing: "ij", or "xy", which has the first two
    axes in the other order. Raises ArgumentError for another word, ShapeError unless all are vectors.
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid: indexing: expected 'xy' or 'ij', got {indexing!r}")
    if any(len(x.shape) > 1 for x in arrays):
        raise ShapeError("meshgrid: expected vectors")
    n = len(arrays)
    apart = [reshape(x, tuple(-1 if i == k else 1 for k in range(n))) for i, x in enumerate(arrays)]
    grids = broadcast_arrays(*apart) if apart else []
    return grids if indexing == "ij" or n < 2 else [moveaxis(x, 0, 1) for x in grids]


def tril(x: Any, /, *, k: int = 0) -> Any:
    """x on and below a diagonal of the last two axes, zeros elsewhere."""
    return _triangle("tril", x, k)


def triu(x: Any, /, *, k: int = 0) -> Any:
    """x on and above a diagonal of the last two axes, zeros elsewhere."""
    return _triangle("triu", x, k)


def _triangle(name: str, x: Any, k: int) -> Any:
    if isinstance(x, Truth):
        kept = getattr(np, name)(np.ones(x.shape[-2:], dtype=bool), k)
        return x & Truth.known(x.context, np.broadcast_to(kept, x.shape))
    return _moved(name, x, k)


# ---- products -------------------------------------------------------------------------------------------------------


def product(name: str, x1: Any, x2: Any, **options: Any) -> Any:
    """A product by its name: ours, and NumPy's for integers."""
    if isinstance(x1, Integers) and isinstance(x2, Integers):
        return exactly(name, _OF_INTEGERS.get(name) or getattr(np, name), x1, x2, **options)
    return getattr(ours, name)(number(x1), number(x2), **options)


def _inner(a: Any, b: Any, axis: int) -> Any:
    if a.shape[axis] != b.shape[axis]:
        raise ShapeError(f"vecdot: {a.shape[axis]} and {b.shape[axis]} elements along axis {axis}")
    return np.sum(np.moveaxis(a, axis, -1) * np.moveaxis(b, axis, -1), axis=-1)


_OF_INTEGERS: dict[str, Callable[..., Any]] = {"vecdot": _inner}
"""The products that NumPy has not of Python's integers, over nothing."""


def matmul(x1: Any, x2: Any, /) -> Any:
    """The matrix product."""
    return product("matmul", x1, x2)


def tensordot(x1: Any, x2: Any, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Any:
    """The sum of products over axes of x1 and axes of x2, whose others are all kept, x1's first."""
    return product("tensordot", x1, x2, axes=axes)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The inner products along an axis of both, the others broadcast."""
    return product("vecdot", x1, x2, axis=axis)


def total(name: str, x: Any, dtype: Any, **options: Any) -> Any:
    """A sum or a product: of integers in a type of at least 64 bits, unless another one is asked for."""
    if isinstance(x, Integers) and (dtype is None or wanted(x.context, dtype) != real(x.context)):
        wide = np.result_type(x.array.dtype, "uint64" if x.array.dtype.kind == "u" else "int64")
        into = wide if dtype is None else np.dtype(wanted(x.context, dtype).name)
        return exactly(name, getattr(np, name), x, dtype=into, **options)
    check_real(name, x, dtype)
    return getattr(ours, _OURS.get(name, name))(number(x), **options)


_OURS = {"cumsum": "cumulative_sum", "cumprod": "cumulative_prod"}
"""The functions of NumPy whose names are others."""


def diff(x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    """Each element less the one before it along an axis, n times; prepend, append: what is put at its ends first."""
    parts = [part for part in (prepend, x, append) if part is not None]
    if all(isinstance(part, Integers) for part in parts):
        return exactly("diff", np.diff, concat(parts, axis=axis), n=n, axis=axis)
    return ours.diff(concat(parts, axis=axis) if len(parts) > 1 else number(x), axis, n)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        *(broadcast_arrays, broadcast_to, concat, diff, expand_dims, flip, matmul, matrix_transpose, meshgrid),
        *(moveaxis, permute_dims, repeat, reshape, roll, squeeze, stack, take, take_along_axis, tensordot, tile),
        *(tril, triu, unstack, vecdot),
    )
}
"""The functions by their names."""
