"""Operations that move elements, and those that look through windows, in operators of ONNX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

from scalarspec.core.indexing import WHOLE, Array, places_of
from scalarspec.core.windows import counts, kernel_of
from scalarspec.frontends.onnx.writing.model import At, Rule, Value

OPEN_END = np.iinfo(np.int64).min
"""The end of a slice that goes backwards to the first element, that one included."""


def getitem(at: At) -> Value:
    """Slices first, then the axes of which one element is taken, or the places of arrays."""
    index, shape = at.parameters["index"], at.shapes[0]
    x = _sliced(at, {a: k for a, k in enumerate(index) if isinstance(k, slice) and k != WHOLE})
    found = places_of(shape, index)
    if found is not None:
        axis, count, places = found
        arrays = [k for k in index if isinstance(k, np.ndarray)]
        if count > 1:
            x = at.reshaped(x, (*shape[:axis], math.prod(shape[axis : axis + count]), *shape[axis + count :]))
        return _taken(at, x, places.reshape(arrays[0].shape), axis)
    for axis in reversed([a for a, k in enumerate(index) if not isinstance(k, slice)]):
        x = _taken(at, x, np.array(index[axis]), axis)
    return x


def _sliced(at: At, slices: dict[int, slice]) -> Value:
    if not slices:
        return at.x
    limits = [k.indices(at.shapes[0][a]) for a, k in slices.items()]
    ends = [OPEN_END if end < 0 else end for _, end, _ in limits]
    parts = ([start for start, _, _ in limits], ends, [*slices], [step for _, _, step in limits])
    return at.node("Slice", at.x, *map(at.model.integers, parts))


def _taken(at: At, x: Value, places: Array, axis: int) -> Value:
    """Elements along an axis, in whose stead are the axes of the places."""
    return at.node("Gather", x, at.model.integers(places), axis=axis)


def scatter(at: At) -> Value:
    """Zeros around the elements; what is not side by side is taken from them and a zero behind them."""
    index, shape = at.parameters["index"], at.parameters["shape"]
    found = places_of(shape, index)
    if found is not None:
        return _scattered(at, *found)
    parts = [*index, *[WHOLE] * (len(shape) - len(index))]
    covered = [_covered(k, n) for k, n in zip(parts, shape, strict=True)]
    apart = [axis for axis, places in enumerate(covered) if places.step != 1 or not places]
    widths = [
        (0, 1) if axis in apart else (places.start, n - places.stop)
        for axis, (places, n) in enumerate(zip(covered, shape, strict=True))
    ]
    x = _padded(at, at.reshaped(at.x, [len(places) for places in covered]), widths)
    for axis in apart:
        x = _taken(at, x, _table(shape[axis], np.array(covered[axis], dtype=int)), axis)
    return x


def _covered(k: int | slice, n: int) -> range:
    """The places of an axis that a part of an index takes."""
    return range(n)[k] if isinstance(k, slice) else range(k % n, k % n + 1)


def _table(n: int, places: Array) -> Array:
    """For each of n places which of the elements that go there is the last one, else the one behind all."""
    table = np.full(n, len(places))
    table[places] = np.arange(len(places))
    return table


def _padded(at: At, x: Value, widths: Sequence[tuple[int, int]]) -> Value:
    """So many zeros before the elements along each axis, and behind them."""
    before, behind = zip(*widths, strict=True) if widths else ((), ())
    return at.node("Pad", x, at.model.integers([*before, *behind])) if any([*before, *behind]) else x


def _with_zero(at: At, x: Value, axis: int, ndim: int) -> Value:
    """One zero behind the elements along an axis."""
    return _padded(at, x, [(0, int(i == axis)) for i in range(ndim)])


def _scattered(at: At, axis: int, count: int, places: Array) -> Value:
    """Elements at places of some axes, which are one meanwhile."""
    shape = at.parameters["shape"]
    head, lengths, tail = shape[:axis], shape[axis : axis + count], shape[axis + count :]
    rows = at.reshaped(at.x, (*head, len(places), *tail))
    wide = _with_zero(at, rows, axis, len(head) + 1 + len(tail))
    return at.reshaped(_taken(at, wide, _table(math.prod(lengths), places), axis), shape)


def patches(at: At) -> Value:
    """The windows along one axis after the other, by the places of their elements."""
    kernel, stride, dilation = (at.parameters[name] for name in ("kernel", "stride", "dilation"))
    shape, d = at.shapes[0], len(kernel)
    before = len(shape) - d
    numbers = counts(shape[before:], kernel, stride, dilation)
    x = at.x
    for i in reversed(range(d)):
        places = np.arange(kernel[i])[:, None] * dilation[i] + np.arange(numbers[i]) * stride[i]
        x = _taken(at, x, places, before + i)
    return _transposed(at, x, [*range(before), *(before + 2 * i + part for part in (0, 1) for i in range(d))])


def fold(at: At) -> Value:
    """The elements of windows, and a zero, by the places that they are added up at, along one axis after the other."""
    stride, dilation, size = (at.parameters[name] for name in ("stride", "dilation", "size"))
    shape, d = at.shapes[0], len(size)
    before = len(shape) - 2 * d
    kernel, numbers = kernel_of(shape, d), shape[len(shape) - d :]
    x = _transposed(at, at.x, [*range(before), *(before + i + part for i in range(d) for part in (0, d))])
    left = [k for pair in zip(kernel, numbers, strict=True) for k in pair]
    for i in range(d):
        axis = before + i
        head, rest = [*shape[:before], *size[:i]], left[2 * i + 2 :]
        x = at.reshaped(x, [*head, kernel[i] * numbers[i], *rest])
        x = _with_zero(at, x, axis, len(head) + 1 + len(rest))
        x = _taken(at, x, _sums(size[i], kernel[i], numbers[i], stride[i], dilation[i]), axis)
        x = at.node("ReduceSum", x, at.model.integers([axis + 1], "axes"), keepdims=0)
    return x


def _sums(size: int, kernel: int, number: int, stride: int, dilation: int) -> Array:
    """For each of `size` places a row of the elements (k, i) of windows that are added up there, as k number + i; the
    element behind all of them fills up what is short.
    """
    rows: list[list[int]] = [[] for _ in range(size)]
    for k, i in product(range(kernel), range(number)):
        rows[k * dilation + i * stride].append(k * number + i)
    width = max(map(len, rows), default=0)
    return np.array([row + [kernel * number] * (width - len(row)) for row in rows], dtype=int).reshape(size, width)


def _transposed(at: At, x: Value, axes: Sequence[int]) -> Value:
    return x if list(axes) == sorted(axes) else at.node("Transpose", x, perm=list(axes))


def matrix_transpose(at: At) -> Value:
    """The last two axes exchanged."""
    n = len(at.shape)
    return at.node("Transpose", at.x, perm=[*range(n - 2), n - 1, n - 2])


def stack(at: At) -> Value:
    """A new axis of each, along which they are put together."""
    axis = at.parameters.get("axis", 0)
    places = at.model.integers([axis], "axes")
    return at.node("Concat", *(at.node("Unsqueeze", x, places) for x in at.operands), axis=axis)


PLACING: dict[str, Rule] = {
    "getitem": getitem,
    "scatter": scatter,
    "reshape": lambda at: at.reshaped(at.x, at.shape) if at.shape != at.shapes[0] else at.x,
    "matrix_transpose": matrix_transpose,
    "broadcast_to": lambda at: at.node("Expand", at.x, at.model.integers(at.shape, "shape")),
    "permute_dims": lambda at: _transposed(at, at.x, at.parameters["axes"]),
    "concat": lambda at: at.node("Concat", *at.operands, axis=at.parameters["axis"]),
    "patches": patches,
    "fold": fold,
    "stack": stack,
}
"""The rules of what moves elements, and of `fold`, which adds them up."""
