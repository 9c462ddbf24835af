"""Rules of the operators that read and write elements at places."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.guests import integers
from scalarspec.core.indexing import Fixed, at_axis
from scalarspec.core.nested import Nested
from scalarspec.core.padding import scattered
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.frontends.calls import tensors
from scalarspec.frontends.masked import known

Array = np.ndarray[Any, Any]

STORED = {
    **dict.fromkeys(("slice_scatter", "select_scatter", "diagonal_scatter", "copy", "scatter", "scatter_add"), "src"),
    "index_put": "values", "index_copy": "source", "index_add": "source",
}  # fmt: skip
"""By operator that writes into another tensor, in its format: the argument that is written."""


STORED_NUMBERS = {"masked_fill", "index_fill", "scatter", "constant_pad_nd", "pad"}
"""Operators that write a number, `value`, in the format of what they write into."""


def slice_(input: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    return input[at_axis(dim % input.ndim, slice(start, end, step))]


def slice_scatter(
    at: Any, input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Any:
    return _stored(at, input, src, at_axis(dim % input.ndim, slice(start, end, step)))


def select_scatter(at: Any, input: Any, src: Any, dim: int, index: int) -> Any:
    return _stored(at, input, src, at_axis(dim % input.ndim, index))


def diagonal_scatter(at: Any, input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    places = np.arange(input.shape.size if isinstance(input, Nested) else input.size).reshape(tuple(input.shape))
    there = np.diagonal(places, offset, dim1, dim2)
    return _stored(at, input, src, np.unravel_index(there, tuple(input.shape)))


def copy(input: Any, src: Any) -> Any:
    """What is written over the whole of another one."""
    return f.broadcast_to(src, tuple(input.shape))


def _stored(at: Any, input: Any, src: Any, index: Any) -> Any:
    """input, with other elements at an index."""
    shape = tuple(input.shape)
    places = np.arange(int(np.prod(shape))).reshape(shape)
    there = places[index].shape
    places[index] = places.size + np.arange(int(np.prod(there))).reshape(there)
    beside = src if isinstance(src, Nested) else at.tensor(np.asarray(src))
    row = f.concat(tensors([f.reshape(input, (-1,)), f.reshape(f.broadcast_to(beside, there), (-1,))]), 0)
    return f.reshape(f.take(row, places.reshape(-1), 0), shape)


def _index(indices: Any) -> tuple[Any, ...]:
    """An index of NumPy's: none given is all along an axis."""
    return tuple(slice(None) if part is None else _array(part) for part in indices)


def _array(part: Any) -> Array:
    """Places, or a mask, which must be known."""
    if isinstance(part, Truth) or (isinstance(part, np.ndarray) and part.dtype == bool):
        bools: Array = known(part)
        return bools
    return integers("index", part)


def index(input: Any, indices: Any) -> Any:
    shape = tuple(input.shape)
    places = np.arange(int(np.prod(shape))).reshape(shape)[_index(indices)]
    return f.reshape(f.take(f.reshape(input, (-1,)), places.reshape(-1), 0), places.shape)


def index_put(at: Any, input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """input, with values at an index, or values added there; one number where a mask holds, which may be open."""
    if accumulate:
        there = tuple(Fixed(part) if isinstance(part, np.ndarray) else part for part in _index(indices))
        shape = np.zeros(tuple(input.shape))[_index(indices)].shape
        return input + scattered(f.broadcast_to(values, shape), input.shape, there)
    mask = indices[0]
    if len(indices) == 1 and isinstance(mask, Truth) and not values.ndim:
        behind = (1,) * (input.ndim - mask.ndim)
        holds: Any = f.reshape(mask, (*mask.shape, *behind))
        return f.where(holds, values, input)
    return _stored(at, input, values, _index(indices))


def index_fill(at: Any, input: Any, dim: int, index: Any, value: Any) -> Any:
    return _stored(at, input, value, at_axis(dim % input.ndim, _array(index)))


def index_copy(at: Any, input: Any, dim: int, index: Any, source: Any) -> Any:
    return _stored(at, input, source, at_axis(dim % input.ndim, _array(index)))


def scatter(at: Any, input: Any, dim: int, index: Any, src: Any = None, value: Any = None) -> Any:
    """input, with other elements at places along an axis."""
    places = _array(index)
    grid = list(np.indices(places.shape))
    grid[dim % input.ndim] = places
    if src is None:
        return _stored(at, input, value, tuple(grid))
    cut = src[tuple(slice(n) for n in places.shape)] if isinstance(src, Tensor) else src
    return _stored(at, input, cut, tuple(grid))


PLACING = {
    "slice": slice_, **{each.__name__: each for each in (
        slice_scatter, select_scatter, diagonal_scatter, copy, index, index_put, index_fill, index_copy, scatter,
    )},
}  # fmt: skip
