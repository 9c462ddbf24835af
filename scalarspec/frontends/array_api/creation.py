"""The array API's functions that make arrays, in its signatures, each in a context.

What is given is data, as for `context.tensor`: each number at its exact value, a float at its binary one. Bools make
truths, ints integers, and anything else real numbers of the context; `dtype` asks for another of the three.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.array_object import check_device
from scalarspec.core.context import Context
from scalarspec.core.dtypes import DType
from scalarspec.core.nested import Nested
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Truth, as_tensor
from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.frontends.array_api.dtypes import DEFAULT_INTEGER, INTEGER_TYPES, astype, innermost, real, wanted
from scalarspec.frontends.array_api.integers import Integers, holding, is_integral
from scalarspec.frontends.array_api.structure import broadcast_to, stack
from scalarspec.numbers.exact import data_value


def asarray(context: Context[Any], obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
    """An array of what is given: an array, a number, nested lists of numbers, or another library's array.

    Raises ArgumentError for copy=False where it is no array of ours, and for what holds no numbers; NotSupported for a
    dtype that the context has no arrays of.

        xp = ss.namespace("interval")
        xp.asarray([0.5, 1]) / 3
    """
    check_device(device)
    to = None if dtype is None else wanted(context, dtype)
    if isinstance(obj, Nested | Integers):
        found = as_tensor(context, obj) if _is_foreign(context, obj) else obj
        return found if to is None else astype(found, to)
    if copy is False:
        raise ArgumentError(f"asarray: copy=False: the numbers of {type(obj).__name__} are copied")
    if isinstance(obj, list | tuple):
        if any(map(_holds_arrays, obj)):
            return stack([asarray(context, part, dtype=dtype) for part in obj])
        kinds = {_kind(leaf) for leaf in _leaves(obj)}
        return _made(context, obj, kinds.pop() if len(kinds) == 1 else "", to)
    if hasattr(obj, "__array__") and not isinstance(obj, np.generic | float):
        obj = np.asarray(obj)
        return _made(context, obj, {"b": "bool", "i": "int", "u": "int"}.get(obj.dtype.kind, ""), to)
    return _made(context, obj, _kind(obj), to)


def _is_foreign(context: Context[Any], x: Any) -> bool:
    """Is an array one of another context, that is not around this one?"""
    return bool(innermost(x.context) != context)


def _holds_arrays(part: Any) -> bool:
    return isinstance(part, Nested | Integers) or (isinstance(part, list | tuple) and any(map(_holds_arrays, part)))


def _leaves(items: Any) -> list[Any]:
    return [leaf for item in items for leaf in (_leaves(item) if isinstance(item, list | tuple) else [item])]


def _kind(number: Any) -> str:
    """What a number makes by itself: "bool", "int", or "" for a real number."""
    return "bool" if isinstance(number, bool | np.bool_) else "int" if is_integral(number) else ""


def _made(context: Context[Any], data: Any, kind: str, to: DType | None) -> Any:
    """An array of data of one kind, of a type, or of the one that it makes by itself."""
    if any(isinstance(leaf, complex) for leaf in (_leaves(data) if isinstance(data, list | tuple) else [data])):
        raise NotSupported("asarray: complex numbers: numbers here are real")
    if kind == "bool":
        found: Any = Truth.known(context, np.asarray(data, dtype=bool))
        return found if to is None else astype(found, to)
    if kind == "int" and (to is None or to.name in INTEGER_TYPES):
        own = data.dtype if isinstance(data, np.ndarray | np.integer) else DEFAULT_INTEGER
        return holding("asarray", context, data, own if to is None else np.dtype(to.name))
    made = context.tensor(data)
    return made if to is None else astype(made, to)


def full(context: Context[Any], shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """An array of a shape, full of one number."""
    made = asarray(context, fill_value, dtype=dtype, device=device)
    return broadcast_to(made, Shape(shapes.wholes("full", "shape", shape, least=0)))


def zeros(context: Context[Any], shape: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """An array of zeros, of real numbers unless another dtype is given."""
    return full(context, shape, 0, dtype=real(context) if dtype is None else dtype, device=device)


def ones(context: Context[Any], shape: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """An array of ones, of real numbers unless another dtype is given."""
    return full(context, shape, 1, dtype=real(context) if dtype is None else dtype, device=device)


def empty(context: Context[Any], shape: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """As `zeros`: arrays do not change, so that one without numbers would be of no use."""
    return zeros(context, shape, dtype=dtype, device=device)


def full_like(context: Context[Any], x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """An array of the shape and the dtype of x, full of one number."""
    to = x.dtype if dtype is None and isinstance(x, Truth | Integers) else dtype or real(context)
    return full(context, x.shape, fill_value, dtype=to, device=device)


def zeros_like(context: Context[Any], x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """An array of zeros of the shape and the dtype of x."""
    return full_like(context, x, 0, dtype=dtype, device=device)


def ones_like(context: Context[Any], x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """An array of ones of the shape and the dtype of x."""
    return full_like(context, x, 1, dtype=dtype, device=device)


def empty_like(context: Context[Any], x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """As `zeros_like`."""
    return zeros_like(context, x, dtype=dtype, device=device)


def arange(
    context: Context[Any], start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
) -> Any:
    """The numbers start, start + step, ... before stop, each exact; from 0 on, where only one end is given. Raises
    ArgumentError for a step of 0.
    """
    check_device(device)
    given = (0, start, step) if stop is None else (start, stop, step)
    first, end, by = map(data_value, given)
    if not by:
        raise ArgumentError("arange: step: expected another number than 0")
    count = max(0, math.ceil((end - first) / by))
    return _numbers(context, [first + i * by for i in range(count)], all(map(is_integral, given)), dtype)


def linspace(
    context: Context[Any],
    start: Any,
    stop: Any,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: Any = None,
    endpoint: bool = True,
) -> Any:
    """So many numbers at equal distances from start to stop, each exact before the context holds it; without the
    end, unless `endpoint`.
    """
    check_device(device)
    n = shapes.whole("linspace", "num", num, least=0)
    first, end, parts = data_value(start), data_value(stop), n - 1 if endpoint else n
    return _numbers(context, [first + Fraction(i, max(parts, 1)) * (end - first) for i in range(n)], False, dtype)


def _numbers(context: Context[Any], values: list[Fraction], whole: bool, dtype: Any) -> Any:
    """A vector of exact values: integers where all are, unless another dtype is given."""
    to = wanted(context, dtype) if dtype is not None else None
    if whole and (to is None or to.name in INTEGER_TYPES):
        return holding("arange", context, [int(v) for v in values], np.dtype(to.name) if to else DEFAULT_INTEGER)
    made = context.tensor(values)
    return made if to is None else astype(made, to)


def eye(
    context: Context[Any],
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: Any = None,
) -> Any:
    """Ones on a diagonal, k above the main one, and zeros elsewhere."""
    made = np.eye(n_rows, n_cols, k, dtype=int)
    return asarray(context, made, dtype=real(context) if dtype is None else dtype, device=device)


def from_dlpack(context: Context[Any], x: Any, /, *, device: Any = None, copy: Any = None) -> Any:
    """The array that another library hands on, at its exact values."""
    return asarray(context, x if isinstance(x, Nested | Integers) else np.from_dlpack(x), device=device, copy=copy)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        *(arange, asarray, empty, empty_like, eye, from_dlpack, full, full_like, linspace, ones, ones_like),
        *(zeros, zeros_like),
    )
}
"""The functions by their names. The first argument of each is a context."""
