"""The operations of `interval64` that numba fuses, where it is installed (the extra [fast]).

The same texts, one element at a time, in one pass over memory: `scalarspec.numbers.numba_kernels`. FUSED is the table
of them; an operation that is not in it, or operands that its loop does not take, go to the plain arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from math import prod
from threading import local
from typing import Any

import numpy as np

from scalarspec.backends.interval64.arrays import Interval64Arrays
from scalarspec.backends.interval64.ends import Ends, FloatArray
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.numbers.elementary import RANGES

Plain = Callable[..., Value]
"""An operation of the plain arrays."""
Fused = Callable[..., Value]
"""Called with the arrays, the compiled loops, the plain operation, and then its values and parameters."""


class FusedArrays(Interval64Arrays):
    """The same with fused loops, for the operations that have them."""

    def function(self, operation: str) -> Callable[..., Any]:
        """Fused, if it can be: the loops take many elements as they take few."""
        plain = super().function(operation)
        fused = FUSED.get(operation)
        return partial(fused, self, _compiled_loops(), plain) if fused else plain

    # ---- elementwise ------------------------------------------------------------------------------------------------

    def fused_log(self, loops: Any, plain: Plain, x: Value) -> Value:
        """The logarithm, which is computed in its domain only."""
        return _looped(loops.INCREASING["log"], ends_of(self.log_domain(x)))

    def fused_log1p(self, loops: Any, plain: Plain, x: Value) -> Value:
        """log(1 + x), likewise."""
        return _looped(loops.INCREASING["log1p"], ends_of(self.log1p_domain(x)))

    def fused_expm1mx(self, loops: Any, plain: Plain, x: Value) -> Value:
        """Where all of x is in the range of exp."""
        e = ends_of(x)
        result = np.empty(e.shape)
        inside = loops.expm1mx(_contiguous(e).reshape(2, -1), result.reshape(2, -1))
        return result if inside else plain(x)

    def fused_add(self, loops: Any, plain: Plain, x: Value, y: Value) -> Value:
        """Boxes of one shape; the sum of points may be points, which is for `plain` to say."""
        return _sum_of_two(loops.add, plain, x, y)

    def fused_subtract(self, loops: Any, plain: Plain, x: Value, y: Value) -> Value:
        """Likewise."""
        return _sum_of_two(loops.subtract, plain, x, y)

    def fused_multiply(self, loops: Any, plain: Plain, x: Value, y: Value) -> Value:
        """Boxes by points, one for each or one for all."""
        if type(x) is Point:
            x, y = y, x
        product = _scaled(loops, False, x, y) if _scales(x, y) else None
        return plain(x, y) if product is None else product

    def fused_divide(self, loops: Any, plain: Plain, x: Value, y: Value) -> Value:
        """Likewise; division by 0 is for `plain` to refuse."""
        quotient = _scaled(loops, True, x, y) if _scales(x, y) else None
        return plain(x, y) if quotient is None else quotient

    # ---- sums and products ------------------------------------------------------------------------------------------

    def fused_mean(self, loops: Any, plain: Plain, x: Value, axis: tuple[int, ...], count: int) -> Value:
        """Over the last axis."""
        return _of_rows(loops.mean, plain, x, axis, count)

    def fused_mean_square(self, loops: Any, plain: Plain, x: Value, axis: tuple[int, ...], count: int) -> Value:
        """Over the last axis."""
        return _of_rows(loops.mean_square, plain, x, axis, count)

    def fused_affine(self, loops: Any, plain: Plain, weight: Value, x: Value, bias: Value) -> Value:
        """One pass over the weights, for both products. weight: (m, n); x: (n,); bias: (m,)."""
        if type(weight) is not Point or type(bias) is not Point or not weight.x.size:
            return plain(weight, x, bias)
        result = np.empty((2, len(bias.x)))
        loops.layer(weight.x, _contiguous(ends_of(x)), bias.x, result)
        return result

    def fused_affine_rows(
        self, loops: Any, plain: Plain, weight: Value, x: Value, bias: Value, shape: tuple[int, int]
    ) -> Value:
        """Products by BLAS, and loops for what stands before and behind. x: (b, n); shape: (b, m)."""
        if not (isinstance(weight, Point) and isinstance(bias, Point) and weight.size):
            return plain(weight, x, bias, shape=shape)
        e, magnitudes, n = _contiguous(ends_of(x)), weight.magnitudes(), weight.shape[1]
        single = magnitudes.dtype == np.float32
        m, scale = _scratch("m", e.shape[1:], np.float64), np.empty(e.shape[1])
        t = _scratch("t32" if single else "t", e.shape[1:], magnitudes.dtype)
        product = _scratch("product32" if single else "product", shape, magnitudes.dtype)
        (loops.middles_in_single if single else loops.middles)(e, m, t, scale)
        result = np.empty((2, *shape))
        np.dot(t, magnitudes.T, out=product)
        np.dot(m, weight.x.T, out=result[1])
        loops.around(product, scale, _contiguous(bias.x), n * 2.0**-119 if single else 0.0, result)
        return result


def _of_boxes(loop_of: Callable[[Any], Callable[..., None]]) -> Fused:
    """A function of one argument: fused for boxes, plain for points."""

    def fused(arrays: FusedArrays, loops: Any, plain: Plain, x: Value) -> Value:
        return plain(x) if isinstance(x, Point) else _looped(loop_of(loops), x)

    return fused


def _increasing(name: str) -> Fused:
    """One of `elementary.RANGES`."""
    return _of_boxes(lambda loops: loops.INCREASING[name])


FUSED: dict[str, Fused] = {name: _increasing(name) for name in RANGES} | {
    "log": FusedArrays.fused_log,
    "log1p": FusedArrays.fused_log1p,
    "expm1mx": FusedArrays.fused_expm1mx,
    "relu": _of_boxes(lambda loops: loops.relu),
    "square": _of_boxes(lambda loops: loops.square),
    "add": FusedArrays.fused_add,
    "subtract": FusedArrays.fused_subtract,
    "multiply": FusedArrays.fused_multiply,
    "divide": FusedArrays.fused_divide,
    "mean": FusedArrays.fused_mean,
    "mean_square": FusedArrays.fused_mean_square,
    "affine": FusedArrays.fused_affine,
    "affine_rows": FusedArrays.fused_affine_rows,
}
"""The fused form of each operation that has one."""


def without_plain_form(table: dict[str, Fused]) -> set[str]:
    """The names in a table of fused operations that the plain arrays do not have: misspelt, or renamed."""
    return {operation for operation in table if not hasattr(Interval64Arrays, operation)}


if _unknown := without_plain_form(FUSED):
    raise TypeError(f"fused operations without a plain form: {', '.join(sorted(_unknown))}")


def _sum_of_two(loop: Callable[..., None], plain: Plain, x: Value, y: Value) -> Value:
    if type(x) is Point and type(y) is Point:
        return plain(x, y)
    a, b = ends_of(x), ends_of(y)
    return _looped(loop, a, b) if a.shape == b.shape else plain(x, y)


def _scales(x: Value, y: Value) -> bool:
    """Are x boxes and y points, one for each or one for all?"""
    return type(x) is not Point and isinstance(y, Point) and y.x.shape in ((), x.shape[1:])


def _scaled(loops: Any, divide: bool, x: Any, y: Any) -> Ends | None:
    """Boxes times, or over, points; None where a point is 0 and divides."""
    result = np.empty(x.shape)
    factors = _contiguous(y.x).reshape(-1)
    return result if loops.scaled(_contiguous(x).reshape(2, -1), factors, divide, result.reshape(2, -1)) else None


def _of_rows(loop: Callable[..., None], plain: Plain, x: Value, axis: tuple[int, ...], count: int) -> Value:
    """A reduction over the last axis; over others, plain."""
    e = ends_of(x)
    if axis != (e.ndim - 2,) or not count:
        return plain(x, axis=axis, count=count)
    result = np.empty((2, *e.shape[1:-1]))
    loop(_contiguous(e).reshape(2, -1, count), result.reshape(2, -1))
    return result


def _looped(loop: Callable[..., None], *values: Ends) -> Ends:
    """An elementwise loop over arrays of one shape."""
    shape = values[0].shape
    result = np.empty(shape)
    if len(shape) == 2:
        loop(*[v if v.flags.c_contiguous else v.copy() for v in values], result)
    else:
        loop(*[_contiguous(v).reshape(2, -1) for v in values], result.reshape(2, -1))
    return result


def _contiguous(x: FloatArray) -> FloatArray:
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)


_buffers = local()


def _scratch(use: str, shape: tuple[int, ...], kind: Any) -> FloatArray:
    """A buffer of the thread's own: fresh memory for large arrays costs as much as the loops over them."""
    flat: FloatArray | None = getattr(_buffers, use, None)
    if flat is None or flat.size < prod(shape):
        flat = np.empty(prod(shape), kind)
        setattr(_buffers, use, flat)
    return flat[: prod(shape)].reshape(shape)


@cache
def numba_is_installed() -> bool:
    """Can the loops be compiled here? Asked once."""
    return find_spec("numba") is not None


@cache
def _compiled_loops() -> Any:
    """The module of compiled loops; compiling takes some seconds, once."""
    from scalarspec.numbers import numba_kernels

    return numba_kernels
