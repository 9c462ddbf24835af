"""How `interval64` holds intervals in bulk: in and out of arrays, the scalars they stand for, and their structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.backends.interval import IntervalContext
from scalarspec.backends.interval64.ends import Ends, FloatArray, signed
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.core import windows
from scalarspec.core.arrays import NumPyArrays, lift
from scalarspec.core.truth import Maybe
from scalarspec.numbers import environment
from scalarspec.numbers.dyadic import INF, MINUS_INF
from scalarspec.numbers.environment import QUIET, is_quiet
from scalarspec.numbers.exact import float_above, float_below, holds_floats


class HeldArrays(NumPyArrays):
    """Values are `Ends` or `Point`; truths are arrays of bool, or of objects where some are undecided."""

    context: IntervalContext

    def run(self, function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
        """Without NumPy's warnings: overflow gives an unknown end, which is an answer."""
        environment.check()
        if is_quiet():
            return function(*values, **parameters)
        return QUIET.run(function, *values, **parameters)

    # ---- in and out -------------------------------------------------------------------------------------------------

    def elementwise(self, operation: str, *values: Any) -> Any:
        """An operation that has no bulk form: by the scalars."""
        scalars = [self.unpack(value) for value in values]
        packed: Value = self.pack(self.each(getattr(self.context, operation), *scalars))
        return packed

    def data(self, array: np.ndarray[Any, Any]) -> Value:
        environment.check()
        if holds_floats(array):
            return Point(array.astype(np.float64))
        packed: Value = self.pack(lift(self.context.data, array))
        return packed

    def pack(self, scalars: np.ndarray[Any, Any]) -> Any:
        environment.check()
        if scalars.size and isinstance(scalars.flat[0], bool | Maybe):
            return decided(scalars)
        result = np.empty((2, *scalars.shape))
        for index, scalar in np.ndenumerate(scalars):
            low, high = self.context.endpoints(scalar)
            result[(0, *index)], result[(1, *index)] = -float_below(low), float_above(high)
        points = np.array_equal(-result[0], result[1]) and not np.isinf(result).any()
        return Point(result[1]) if points else result

    def unpack(self, value: Any) -> np.ndarray[Any, Any]:
        if type(value) is np.ndarray and value.dtype != np.float64:
            return value.astype(object)
        low, high = signed(ends_of(value))
        scalars = np.empty(np.shape(low), dtype=object)
        for index, a in np.ndenumerate(low):
            scalars[index] = (*_dyadic(a, MINUS_INF), *_dyadic(high[index], INF))
        return scalars

    def floats(self, value: Value) -> tuple[FloatArray, FloatArray]:
        if type(value) is Point and np.isfinite(value.x).all():
            return value.x, value.x
        ends = signed(ends_of(value))
        unknown = np.isnan(ends)
        if not np.logical_or.reduce(unknown, axis=None):
            return ends[0, ...], ends[1, ...]
        return np.where(unknown[0], -np.inf, ends[0]), np.where(unknown[1], np.inf, ends[1])

    # ---- structure: the first axis of ends is left alone ------------------------------------------------------------

    def restructured(self, function: Callable[..., FloatArray], *values: Any) -> Any:
        if all(type(value) is Point for value in values):
            return Point(function(*(value.x for value in values)))
        if any(type(value) is np.ndarray and value.dtype != np.float64 for value in values):
            return function(*values)
        ends = [ends_of(value) for value in values]
        return np.stack([function(*(e[k] for e in ends)) for k in (0, 1)])

    def getitem(self, x: Any, index: tuple[Any, ...]) -> Any:
        return _restructured(x, lambda a: a[(*index, ...)], lambda e: e[(slice(None), *index, ...)])

    def scatter(self, x: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
        result = np.zeros((2, *shape))
        result[(slice(None), *index, ...)] = ends_of(x)
        return result

    def reshape(self, x: Any, shape: tuple[int, ...]) -> Any:
        return _restructured(x, lambda a: np.reshape(a, shape), lambda e: e.reshape(2, *shape))

    def matrix_transpose(self, x: Any) -> Any:
        return _restructured(x, _transposed, _transposed)

    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        def of_ends(e: Ends) -> Ends:
            return np.transpose(e, (0, *(a + 1 for a in axes)))

        return _restructured(x, lambda a: np.transpose(a, axes), of_ends)

    def patches(self, x: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
        def seen(a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return windows.windows(a, kernel, stride, dilation)

        return _restructured(x, seen, seen)

    def broadcast_to(self, x: Any, shape: tuple[int, ...]) -> Any:
        def spread(e: Ends) -> Ends:
            padding = (1,) * (len(shape) - e.ndim + 1)
            return np.broadcast_to(e.reshape(2, *padding, *e.shape[1:]), (2, *shape))

        return _restructured(x, lambda a: np.broadcast_to(a, shape), spread)


def decided(truths: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An object array of truths, as an array of bool where all are decided."""
    undecided = any(isinstance(p, Maybe) for p in truths.flat)
    return truths if undecided else truths.astype(bool)


def _restructured(x: Any, of_points: Callable[[Any], Any], of_ends: Callable[[Any], Any]) -> Any:
    """What an operation of structure does to points (and truths), and to ends, whose first axis it leaves alone."""
    if type(x) is Point:
        return Point(of_points(x.x))
    return of_ends(x) if x.dtype == np.float64 else of_points(x)


def _transposed(a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.swapaxes(a, -1, -2)


def _dyadic(value: float, unknown: tuple[int, int]) -> tuple[int, int]:
    """An end as a scalar of `interval` has it: mantissa and exponent, or the infinity that stands for no bound."""
    if not np.isfinite(value):
        return unknown
    mantissa, power = float(value).as_integer_ratio()
    return mantissa, 1 - power.bit_length()
