"""Indexing by NumPy's rules: integers, slices, None, Ellipsis, arrays of integers, and constant arrays of bools.

An index is brought into one or several steps, each an operation of the table: `getitem` with integers and slices, or
with arrays that stand side by side; `permute_dims` before it, where they do not; and `reshape`, for None.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from scalarspec.core.sizes import like
from scalarspec.errors import OutOfRange

Array = np.ndarray[Any, Any]
Step = tuple[str, dict[str, Any]]
"""An operation of the table on one operand, and its parameters."""
WHOLE = slice(None)


class Fixed(np.ndarray[Any, Any]):
    """An array of integers or bools that is part of an operation, as an axis is: it is not changed, and two are told
    apart by their numbers.
    """

    def __new__(cls, numbers: Any) -> Fixed:
        """A copy of the numbers."""
        made = np.array(numbers).view(cls)
        made.flags.writeable = False
        return made

    def __repr__(self) -> str:
        digest = hashlib.sha256(np.ascontiguousarray(self).tobytes()).hexdigest()[:32]
        return f"Fixed({self.shape}, {self.dtype}, {digest})"

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(self))


def at_axis(axis: int, part: Any) -> tuple[Any, ...]:
    """The index that takes a part of one axis, and all of those before it and behind it."""
    return (*(WHOLE,) * axis, part)


def is_plain(key: Any) -> bool:
    """Is a part of an index an integer or a slice?"""
    return type(key) is int or isinstance(key, slice) or (isinstance(key, int | np.integer) and not _is_bool(key))


def _is_bool(key: Any) -> bool:
    return isinstance(key, bool | np.bool_)


def steps(shape: tuple[int, ...], key: tuple[Any, ...]) -> Iterator[Step]:
    """The operations that find `t[key]` for a tensor of this shape. Raises OutOfRange for what is no index of it."""
    if all(map(is_plain, key)):
        yield "getitem", {"index": key}
        return
    parts = [part if part is None or part is Ellipsis or is_plain(part) else _array(part) for part in key]
    if len(parts) == 1 and _is_mask(parts[0]) and not parts[0].ndim:  # of all or nothing, as a new axis
        yield "reshape", {"shape": (1, *shape)}
        parts = [parts[0][None]]
        shape = (1, *shape)
    axes = list(_for_each_axis(shape, parts))
    if any(isinstance(part, np.ndarray) for part in axes):
        yield from _by_arrays(axes, _side_by_side(parts))
    elif any(part != WHOLE for part in axes):
        yield "getitem", {"index": tuple(axes)}
    if any(part is None for part in parts):
        yield "reshape", {"shape": _with_new_axes(shape, parts)}


def _for_each_axis(shape: tuple[int, ...], parts: Sequence[Any]) -> Iterator[Any]:
    """For each axis an integer, a slice or an array of integers. parts: of an index, without what is none.

    Beside arrays, integers are arrays of one number, as in NumPy.
    """
    used = sum(part.ndim if _is_mask(part) else part is not None and part is not Ellipsis for part in parts)
    if used > len(shape):
        raise OutOfRange(f"{used} indices for a tensor of shape {tuple(shape)}")
    if sum(part is Ellipsis for part in parts) > 1:
        raise OutOfRange("an index has one Ellipsis at most")
    axis, by_arrays = 0, any(isinstance(part, np.ndarray) for part in parts)
    for part in parts if any(part is Ellipsis for part in parts) else (*parts, Ellipsis):
        if part is None:
            continue
        if part is Ellipsis:
            yield from [WHOLE] * (len(shape) - used)
            axis += len(shape) - used
        elif _is_mask(part):
            if part.shape != tuple(shape[axis : axis + part.ndim]):
                raise OutOfRange(f"a mask of shape {part.shape} for axes of lengths {tuple(shape[axis:])}")
            yield from np.nonzero(part)
            axis += part.ndim
        else:
            yield part if isinstance(part, slice) or not by_arrays else _within(np.asarray(part), shape[axis])
            axis += 1


def _is_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype == bool


def _array(part: Any) -> Array:
    """An array of integers, or of bools. Raises OutOfRange for anything else."""
    array = (
        np.asarray(part) if isinstance(part, list | tuple | range | np.ndarray) or hasattr(part, "__array__") else None
    )
    if array is not None and not array.size:
        array = array.astype(bool if array.dtype == bool else int)
    if array is None or array.dtype.kind not in "iub" or _is_bool(part):
        raise OutOfRange(
            "a tensor takes integers, slices, None, Ellipsis, and arrays of integers or of bools as indices, "
            f"got {part!r}"
        )
    return array


def _within(index: Array, length: int) -> Array:
    """Indices from 0 on. Raises OutOfRange where one is outside of its dimension."""
    length = int(length)
    wrong = index[(index < -length) | (index >= length)]
    if wrong.size:
        raise OutOfRange(f"index {wrong.flat[0]} of a dimension of length {length}")
    return np.asarray(np.where(index < 0, index + length, index))


def _by_arrays(axes: Sequence[Any], side_by_side: bool) -> Iterator[Step]:
    """The steps of an index of slices and arrays, one for each axis. side_by_side: else the arrays' axes come first."""
    basic = [WHOLE if isinstance(part, np.ndarray) else part for part in axes]
    if any(part != WHOLE for part in basic):
        yield "getitem", {"index": tuple(basic)}
    places = [i for i, part in enumerate(axes) if isinstance(part, np.ndarray)]
    arrays = tuple(map(Fixed, _together([axes[i] for i in places])))
    if not side_by_side:
        yield "permute_dims", {"axes": (*places, *(i for i in range(len(axes)) if i not in places))}
        places = [0]
    yield "getitem", {"index": (*[WHOLE] * places[0], *arrays)}


def _together(arrays: Sequence[Array]) -> Sequence[Array]:
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError:
        raise OutOfRange(f"index arrays of shapes {', '.join(str(a.shape) for a in arrays)} do not fit") from None


def _side_by_side(parts: Sequence[Any]) -> bool:
    """Do the arrays of an index, and its integers beside them, stand side by side? Else NumPy puts their axes first, as
    it does for an Ellipsis between them that stands for no axis.
    """
    places = [i for i, part in enumerate(parts) if not (part is None or part is Ellipsis or isinstance(part, slice))]
    return not places or places == list(range(places[0], places[0] + len(places)))


def _with_new_axes(shape: tuple[int, ...], parts: Sequence[Any]) -> tuple[int, ...]:
    """The shape with an axis of length 1 for each None."""
    return tuple(np.broadcast_to(np.empty(()), shape)[tuple(parts)].shape)


def index_shape(shape: tuple[int, ...], key: tuple[Any, ...]) -> list[int]:
    """The shape that `getitem` leaves. key: integers and slices; or whole slices, and arrays of one shape after them.

    Raises OutOfRange for an index outside of its dimension.
    """
    if len(key) > len(shape):
        raise OutOfRange(f"{len(key)} indices for a tensor of shape {shape}")
    kept: list[int] = []
    arrays = [k for k in key if isinstance(k, np.ndarray)]
    for n, k in zip(shape, key, strict=False):
        if isinstance(k, slice):
            kept.append(like(n, len(range(*k.indices(n)))))
        elif isinstance(k, np.ndarray):
            kept += k.shape if k is arrays[0] else ()
        elif not -n <= k < n:
            raise OutOfRange(f"index {k} of a dimension of length {n}")
    return [*kept, *shape[len(key) :]]


def places_of(shape: tuple[int, ...], index: tuple[Any, ...]) -> tuple[int, int, Array] | None:
    """Of an index with arrays: its first axis, how many axes it takes, and its places there in row-major order; None
    for any other index.
    """
    arrays = [k for k in index if isinstance(k, np.ndarray)]
    if not arrays:
        return None
    first = len(index) - len(arrays)
    lengths = tuple(int(n) for n in shape[first : len(index)])
    if 0 in lengths:
        return first, len(arrays), np.zeros(arrays[0].size, dtype=int)
    return first, len(arrays), np.ravel_multi_index([np.asarray(a).ravel() for a in arrays], lengths)


def tables(places: Array) -> Iterator[tuple[Array, Array]]:
    """Where each place comes among `places`: of those that come up to 1, 2, 4, ... times, the places, and a table with
    a row for each, in which len(places) fills up what is short.
    """
    order = np.argsort(places, kind="stable")
    found, starts, times = np.unique(places[order], return_index=True, return_counts=True)
    levels = np.ceil(np.log2(times)).astype(int)
    for level in np.unique(levels):
        chosen, width = levels == level, 1 << int(level)
        columns = starts[chosen, None] + np.arange(width)
        inside = np.arange(width) < times[chosen, None]
        yield found[chosen], np.where(inside, order[np.where(inside, columns, 0)], len(places))
