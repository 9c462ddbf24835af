"""The array API's reductions, searches and orders, in its signatures.

Each is the function of `scalarspec` of that name, for tensors; for integers it is exact. Places and counts are
integers. A `dtype` is the array's own, for nothing here is rounded to another one.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core import functions as ours
from scalarspec.core import shape as shapes
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import ShapeError
from scalarspec.frontends.array_api.dtypes import truths_of
from scalarspec.frontends.array_api.integers import Integers, is_integral, moved, number
from scalarspec.frontends.array_api.structure import Axis, concat, flip, take, total

# ---- statistics -----------------------------------------------------------------------------------------------------


def sum(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """The sum over some axes."""
    return total("sum", x, dtype, axis=axis, keepdims=keepdims)


def prod(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """The product over some axes."""
    return total("prod", x, dtype, axis=axis, keepdims=keepdims)


def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """The sums of the first elements along an axis; include_initial: does the sum over nothing, 0, come first?"""
    place = shapes.only_axis("cumulative_sum", x.shape, axis)
    return _with_initial(total("cumsum", x, dtype, axis=place), place, 0, include_initial)


def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """The products of the first elements along an axis; as `cumulative_sum`, where that over nothing is 1."""
    place = shapes.only_axis("cumulative_prod", x.shape, axis)
    return _with_initial(total("cumprod", x, dtype, axis=place), place, 1, include_initial)


def _with_initial(x: Any, axis: int, start: int, asked: bool) -> Any:
    if not asked:
        return x
    ones = np.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), start)
    first = Integers(x.context, ones.astype(x.array.dtype)) if isinstance(x, Integers) else x.context.tensor(ones)
    return concat([first, x], axis=axis)


def max(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest element over some axes."""
    return _extreme("max", x, axis=axis, keepdims=keepdims)


def min(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest element over some axes."""
    return _extreme("min", x, axis=axis, keepdims=keepdims)


def _extreme(name: str, x: Any, **options: Any) -> Any:
    return moved(name, x, **options) if isinstance(x, Integers) else getattr(ours, name)(x, **options)


def mean(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over some axes, a real number also of integers."""
    return ours.mean(number(x), axis, keepdims)


def var(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The variance over some axes: the sum of the squares of the deviations from the mean, over n - correction, for n
    elements. Raises ShapeError unless n > correction.
    """
    t = number(x)
    less = Fraction(correction)
    if less.denominator == 1:
        return ours.var(t, axis, less.numerator, keepdims)
    axes = shapes.normal_axes("var", t.shape, axis)
    n = Shape(t.shape[i] for i in axes).size
    if n <= less:
        raise ShapeError(f"var: a correction of {correction} needs more than {correction} elements, got {n}")
    return ours.var(t, axes, 0, keepdims) * n / (n - less)


def std(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The square root of the variance; as `var`."""
    return ours.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


# ---- truths, searching, sorting -------------------------------------------------------------------------------------


def all(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Truth:
    """The truth that all elements hold over some axes: of numbers, that they are not 0."""
    return ours.all(truths_of(x), axis, keepdims)


def any(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Truth:
    """The truth that some element holds over some axes: of numbers, that it is not 0."""
    return ours.any(truths_of(x), axis, keepdims)


def where(condition: Any, x1: Any, x2: Any, /) -> Any:
    """x1 where the condition holds, and x2 where it does not. Of integers, where it is undecided, the result is a
    tensor: the hull of both.
    """
    branches = (x1, x2)
    if builtins.any(isinstance(x, Truth) for x in branches):
        return (condition & x1) | (~condition & x2)
    known = condition.context.arrays.outcomes(condition.value) <= {True, False}
    if known and builtins.all(map(is_integral, branches)) and not builtins.all(isinstance(x, int) for x in branches):
        plain = [x.array if isinstance(x, Integers) else x for x in branches]
        return Integers(condition.context, np.where(np.asarray(condition), *plain))
    return ours.where(condition, *_tensors(condition.context, branches))


def _tensors(context: Any, operands: Sequence[Any]) -> list[Any]:
    """Operands of which one is a tensor at least."""
    numbers = [number(x) for x in operands]
    found = builtins.any(isinstance(x, Tensor) for x in numbers)
    return numbers if found else [context.tensor(numbers[0]), *numbers[1:]]


def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Integers:
    """The place of the largest element along an axis, or of the flattened array, the lowest one among equals."""
    return _places("argmax", x, axis=axis, keepdims=keepdims)


def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Integers:
    """The place of the smallest element along an axis, or of the flattened array, the lowest one among equals."""
    return _places("argmin", x, axis=axis, keepdims=keepdims)


def _places(name: str, x: Any, **options: Any) -> Integers:
    """Integers that a function of ours finds, as NumPy's arrays."""
    return Integers(x.context, np.asarray(getattr(ours, name)(number(x), **options)))


def count_nonzero(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Integers:
    """How many elements are not 0, or hold, over some axes."""
    axes = shapes.normal_axes("count_nonzero", x.shape, axis)
    decided = np.asarray(truths_of(x))
    return Integers(x.context, np.asarray(np.sum(decided, axis=axes, keepdims=keepdims, dtype=np.int64)))


def nonzero(x: Any, /) -> tuple[Integers, ...]:
    """The places of the elements that are not 0, or hold: an array of integers for each axis. Raises Undecided where
    one is not decided.
    """
    if not x.shape:
        raise ShapeError("nonzero: an array of shape () has no axis, and its elements no places")
    return tuple(Integers(x.context, places) for places in np.nonzero(np.asarray(truths_of(x))))


def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Integers:
    """The places in x1, a vector in ascending order (that of `sorter`, if given), before which x2 keeps it in order."""
    ordered = number(x1) if sorter is None else take(number(x1), sorter)
    return Integers(x1.context, np.asarray(ours.searchsorted(ordered, number(x2), side)))


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The elements along an axis from the least to the greatest, or, descending, the other way."""
    if isinstance(x, Integers):
        found = moved("sort", x, axis=axis)
        return flip(found, axis=axis) if descending else found
    return ours.sort(x, axis, descending)


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Integers:
    """The places of the elements along an axis in the order of `sort`, equal ones as they come."""
    return _places("argsort", x, axis=axis, descending=descending)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        *(all, any, argmax, argmin, argsort, count_nonzero, cumulative_prod, cumulative_sum, max, mean, min, nonzero),
        *(prod, searchsorted, sort, std, sum, var, where),
    )
}
"""The functions by their names."""
