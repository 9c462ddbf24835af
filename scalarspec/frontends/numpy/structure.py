"""NumPy's functions that make tensors and move their elements."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Tensor, Truth, common_context
from scalarspec.errors import ShapeError
from scalarspec.frontends.calls import (
    DTYPE,
    Handler,
    counted,
    number,
    refuse,
    tensors,
)
from scalarspec.frontends.numpy.functions import FUNCTIONS, implements


def _like(t: Any, fill: Any, shape: Any, dtype: Any = None) -> Any:
    if isinstance(t, Truth):
        return _like_truths(t, fill, shape, dtype)
    if dtype is not None and dtype not in (float, np.float64, t.dtype):
        refuse("numpy.full_like", DTYPE)
    wanted = t.shape if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    return f.broadcast_to(common_context("full_like", (t, fill)).tensor(0) + number(fill), wanted)


def _like_truths(t: Any, fill: Any, shape: Any, dtype: Any) -> Any:
    """A constant in the shape of truths: truths, where no format of numbers is asked for."""
    wanted = t.shape if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    if dtype in (None, bool, np.bool_, "bool"):
        if not isinstance(fill, int | bool | np.bool_):
            counted("numpy.full_like", t)
        return Truth.known(t.context, np.full(wanted, bool(fill)))
    return f.broadcast_to(t.context.tensor(number(fill)), wanted)


@implements("zeros_like", "empty_like")
def zeros_like(a: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    """Zeros in the shape of another tensor: also where NumPy leaves what was in memory."""
    return _like(a, 0, shape, dtype)


@implements("ones_like")
def ones_like(a: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    return _like(a, 1, shape, dtype)


@implements("full_like")
def full_like(a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    return _like(a, fill_value, shape, dtype)


@implements("real", "real_if_close", "ascontiguousarray", "asfortranarray", "require", "asanyarray")
def same(a: Any) -> Any:
    """The tensor itself."""
    return a


@implements("copy")
def copy(a: Any) -> Any:
    """A tensor of its own, with the same numbers."""
    return type(a)(a.context, a.shape, a.value)


@implements("imag")
def imag(val: Any) -> Any:
    return _like(val, 0, None)


@implements("linspace")
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, *, axis: int = 0) -> Any:
    """Equal steps from the start on, and the stop itself where it is the last one."""
    first, last = f.broadcast_arrays(number(start), number(stop))
    parts = (num - 1 if endpoint else num) or 1
    step = (last - first) / parts
    steps = [last if endpoint and 0 < k == parts else first + step * k for k in range(num)]
    return f.stack(steps, axis) if steps else f.broadcast_to(first, (0, *first.shape))


@implements("logspace")
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10, *, axis: int = 0) -> Any:
    return f.pow(base, linspace(start, stop, num, endpoint, axis=axis))


@implements("meshgrid")
def meshgrid(*xi: Any, indexing: str = "xy", sparse: bool = False) -> Any:
    places = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        places[:2] = 1, 0
    context = common_context("meshgrid", xi)
    grids = []
    for x, place in zip(xi, places, strict=True):
        t = f.reshape(context.tensor(number(x)), (-1,))
        grids.append(f.reshape(t, [len(t) if i == place else 1 for i in range(len(xi))]))
    return tuple(grids) if sparse else tuple(f.broadcast_arrays(*grids))


# ---- shapes ---


@implements("reshape")
def reshape(a: Any, /, shape: Any = None, order: str = "C") -> Any:
    """In row-major order; columns first, which NumPy calls "F", are refused."""
    if order not in ("C", "K", "A"):
        refuse("numpy.reshape", f"expected order='C', got {order!r}; transpose before and after")
    return f.reshape(a, shape)


@implements("ravel")
def ravel(a: Any, order: str = "C") -> Any:
    return reshape(a, -1, order)


def flatten(a: Any, order: str = "C") -> Any:
    """As `ravel`, and never a view."""
    return copy(ravel(a, order))


@implements("transpose", "permute_dims")
def transpose(a: Any, axes: Any = None) -> Any:
    """The axes in another order; by themselves in reverse order."""
    return f.permute_dims(a, tuple(range(a.ndim))[::-1] if axes is None else axes)


@implements("swapaxes")
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return f.permute_dims(a, axes)


@implements("atleast_1d")
def atleast_1d(*arys: Any) -> Any:
    return _at_least(1, lambda t: f.reshape(t, (1,)), arys)


@implements("atleast_2d")
def atleast_2d(*arys: Any) -> Any:
    return _at_least(2, lambda t: f.reshape(t, (1,) * (2 - t.ndim) + t.shape), arys)


@implements("atleast_3d")
def atleast_3d(*arys: Any) -> Any:
    return _at_least(3, lambda t: f.reshape(t, {0: (1, 1, 1), 1: (1, -1, 1), 2: (*t.shape, 1)}[t.ndim]), arys)


def _at_least(axes: int, grown: Handler, operands: tuple[Any, ...]) -> Any:
    context = common_context("atleast", operands)
    found = [context.tensor(x) if not isinstance(x, Tensor | Truth) else x for x in operands]
    found = [t if t.ndim >= axes else grown(t) for t in found]
    return found[0] if len(found) == 1 else tuple(found)


@implements("rot90")
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    for _ in range(k % 4):
        m = f.flip(swapaxes(m, *axes), axes[0])
    return m


@implements("split")
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Into so many equal parts, or at some places."""
    n = ary.shape[axis]
    if isinstance(indices_or_sections, int | np.integer) and n % indices_or_sections:
        raise ShapeError(f"numpy.split: {n} elements in {indices_or_sections} equal parts")
    return array_split(ary, indices_or_sections, axis)


@implements("array_split")
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    n = ary.shape[axis]
    if isinstance(indices_or_sections, int | np.integer):
        parts = int(indices_or_sections)
        sizes = [n // parts + 1] * (n % parts) + [n // parts] * (parts - n % parts)
        cuts = np.cumsum([0, *sizes]).tolist()
    else:
        cuts = [0, *(min(c if c >= 0 else n + c, n) for c in map(int, indices_or_sections)), n]
    place = axis % ary.ndim
    return [ary[(*(slice(None),) * place, slice(a, b))] for a, b in pairwise(cuts)]


@implements("hsplit")
def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    return split(ary, indices_or_sections, 0 if ary.ndim == 1 else 1)


@implements("vsplit")
def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    return split(ary, indices_or_sections, 0)


@implements("concatenate", "concat")
def concatenate(arrays: Any, /, axis: int | None = 0) -> Any:
    parts = tensors(arrays)
    return (
        f.concat([f.reshape(p, (-1,)) for p in map(_tensor(parts), parts)], 0)
        if axis is None
        else f.concat(parts, axis)
    )


def _tensor(parts: Any) -> Handler:
    """What makes tensors of operands, in their common context."""
    context = common_context("numpy", parts)
    return lambda part: part if isinstance(part, Nested) else context.tensor(part)


@implements("stack")
def stack(arrays: Any, axis: int = 0) -> Any:
    return f.stack(tensors(arrays), axis)


@implements("vstack", "row_stack")
def vstack(tup: Any) -> Any:
    parts = tensors(tup)
    return f.concat([atleast_2d(t) for t in map(_tensor(parts), parts)], 0)


@implements("hstack")
def hstack(tup: Any) -> Any:
    parts = tensors(tup)
    ready = [atleast_1d(t) for t in map(_tensor(parts), parts)]
    return f.concat(ready, 0 if ready[0].ndim == 1 else 1)


@implements("dstack")
def dstack(tup: Any) -> Any:
    parts = tensors(tup)
    return f.concat([atleast_3d(t) for t in map(_tensor(parts), parts)], 2)


@implements("column_stack")
def column_stack(tup: Any) -> Any:
    parts = tensors(tup)
    ready = [t if t.ndim > 1 else f.reshape(t, (-1, 1)) for t in map(_tensor(parts), parts)]
    return f.concat(ready, 1)


@implements("append")
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return concatenate([arr, values], axis=axis)


@implements("delete")
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    arr, axis = (f.reshape(arr, (-1,)), 0) if axis is None else (arr, axis)
    return f.take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis)


@implements("roll")
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    shift, axis = (tuple(each) if isinstance(each, list) else each for each in (shift, axis))
    if isinstance(axis, tuple) and not isinstance(shift, tuple):
        shift = (shift,) * len(axis)
    return f.roll(a, shift, axis)


@implements("fliplr")
def fliplr(m: Any) -> Any:
    return f.flip(m, 1)


@implements("flipud")
def flipud(m: Any) -> Any:
    return f.flip(m, 0)


@implements("diag")
def diag(v: Any, k: int = 0) -> Any:
    """The diagonal of a matrix, or the matrix of a diagonal."""
    if v.ndim != 1:
        return f.diagonal(v, k)
    n, rows = len(v) + abs(k), np.arange(len(v))
    return v.moved("scatter", index=(rows + max(-k, 0), rows + max(k, 0)), shape=(n, n))


@implements("diagflat")
def diagflat(v: Any, k: int = 0) -> Any:
    return diag(f.reshape(v, (-1,)), k)


@implements("diagonal", "linalg.diagonal")
def diagonal(a: Any, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Any:
    """Of the first two axes where NumPy's function is not told which."""
    return f.diagonal(f.moveaxis(a, (axis1, axis2), (-2, -1)), offset)


FUNCTIONS[np.diagonal] = lambda a, offset=0, axis1=0, axis2=1: diagonal(a, offset, axis1, axis2)
FUNCTIONS[np.trace] = lambda a, offset=0, axis1=0, axis2=1: f.sum(diagonal(a, offset, axis1, axis2), -1)


@implements("pad")
def pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if not isinstance(constant_values, int | float | Tensor):
        refuse("numpy.pad", "constant_values: expected one number for all ends")
    return f.pad(array, pad_width, mode, constant_values)


@implements("take")
def take(a: Any, indices: Any, axis: int | None = None) -> Any:
    return f.take(f.reshape(a, (-1,)), indices, 0) if axis is None else f.take(a, indices, axis)


@implements("take_along_axis")
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    return (
        f.take_along_axis(f.reshape(arr, (-1,)), indices, 0) if axis is None else f.take_along_axis(arr, indices, axis)
    )


@implements("resize")
def resize(a: Any, new_shape: Any) -> Any:
    shape = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    return f.reshape(take(a, np.resize(np.arange(a.size), shape)), shape)


@implements("apply_along_axis")
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """The function at each row along an axis, one after the other."""
    rows = f.moveaxis(arr, axis, -1)
    found = [func1d(rows[i], *args, **kwargs) for i in np.ndindex(*rows.shape[:-1])]
    whole = f.stack([each if isinstance(each, Nested) else arr.context.tensor(each) for each in found])
    shaped = f.reshape(whole, (*rows.shape[:-1], *whole.shape[1:]))
    new = whole.ndim - 1
    place = axis % arr.ndim
    return f.moveaxis(shaped, tuple(range(-new, 0)), tuple(range(place, place + new))) if new else shaped


def _axes(given: Any) -> Any:
    return tuple(given) if isinstance(given, list) else given


FUNCTIONS |= {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: int(a.size) if axis is None else a.shape[axis],
    np.iscomplexobj: lambda x: False,
    np.isrealobj: lambda x: True,
    np.iscomplex: lambda x: np.zeros(x.shape, dtype=bool),
    np.isreal: lambda x: np.ones(x.shape, dtype=bool),
    np.array_str: lambda a: str(a),
    np.array_repr: lambda arr: repr(arr),
    np.array2string: lambda a: str(a),
    np.expand_dims: f.expand_dims,
    np.squeeze: f.squeeze,
    np.moveaxis: lambda a, source, destination: f.moveaxis(a, *map(_axes, (source, destination))),
    np.broadcast_to: lambda array, shape: f.broadcast_to(array, (shape,) if isinstance(shape, int) else shape),
    np.broadcast_arrays: lambda *args: tuple(f.broadcast_arrays(*args)),
    np.flip: lambda m, axis=None: f.flip(m, axis),
    np.repeat: lambda a, repeats, axis=None: f.repeat(a, repeats, axis),
    np.tile: lambda A, reps: f.tile(A, reps),  # noqa: N803 - NumPy's name
    np.tril: f.tril,
    np.triu: f.triu,
    np.matrix_transpose: f.matrix_transpose,
    np.linalg.matrix_transpose: f.matrix_transpose,
    np.fix: f.trunc,
    np.round: lambda a, decimals=0: rounded(a, decimals),
    np.around: lambda a, decimals=0: rounded(a, decimals),
}


@implements("unstack")
def unstack(x: Any, axis: int = 0) -> Any:
    return tuple(f.unstack(x, axis))


def rounded(a: Any, decimals: int = 0) -> Any:
    """The nearest multiple of a power of ten, the even one of two."""
    if not decimals:
        return f.round(a)
    power = a.context.tensor(10) ** abs(decimals)
    return f.round(a * power) / power if decimals > 0 else f.round(a / power) * power
