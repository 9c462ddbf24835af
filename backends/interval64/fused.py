"""The operations of `interval64` that numba fuses, where it is installed (the extra [fast]).

The same texts, one element at a time, in one pass over memory: `scalarspec.numbers.numba_kernels`. FUSED is the table
of them; an operation that is not in it, or operands that its loop does not take, go to the plain arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from scalarspec.backends.interval64.arrays import Interval64Arrays
from scalarspec.backends.interval64.ends import Ends, FloatArray, empty
from scalarspec.backends.interval64.point import Point, Value, ends_of
from scalarspec.numbers.elementary import RANGES
from scalarspec.numbers.recorded import call

Plain = Callable[..., Value]
"""A form of an operation: its values and parameters to its value."""
Fuse = Callable[["FusedArrays", Any, Plain], Plain]
"""The fused form of an operation: of the arrays, by the compiled loops; what these do not take goes to the plain form.
A form is made once and called often, by `prepare`, so that little should stand between a call and its loop.
"""


class FusedArrays(Interval64Arrays):
    """The same with fused loops, for the operations that have them."""

    def function(self, operation: str) -> Callable[..., Any]:
        """Fused, if it can be: the loops take many elements as they take few."""
        plain = super().function(operation)
        fuse = FUSED.get(operation)
        return fuse(self, _compiled_loops(), plain) if fuse else plain


# ---- elementwise ----------------------------------------------------------------------------------------------------


def _of_boxes(
    loop_of: Callable[[Any], Callable[..., Any]], domain: Callable[[Any, Value], Value] | None = None
) -> Fuse:
    """A function of one argument: fused for boxes, plain for points, and where the loop says that it cannot.

    domain: moves the argument into the domain of the function, or raises an error.
    """

    def fuse(arrays: FusedArrays, loops: Any, plain: Plain) -> Plain:
        loop = loop_of(loops)

        def fused(x: Value) -> Value:
            if type(x) is Point:
                return plain(x)
            e: Any = x if domain is None else domain(arrays, x)
            result = empty(e.shape, e)
            in_row = e.ndim == 2 and e.flags.c_contiguous
            done = call(loop, e, result) if in_row else call(loop, _in_row(e), _in_row(result))
            return plain(x) if done is False else result

        return fused

    return fuse


def _sum_of_two(loop_of: Callable[[Any], Callable[..., None]]) -> Fuse:
    """Boxes of one shape; the sum of points may be points, which is for the plain form to say."""

    def fuse(arrays: FusedArrays, loops: Any, plain: Plain) -> Plain:
        loop = loop_of(loops)

        def fused(x: Value, y: Value) -> Value:
            if type(x) is Point and type(y) is Point:
                return plain(x, y)
            a, b = ends_of(x), ends_of(y)
            if a.shape != b.shape:
                return plain(x, y)
            result = empty(a.shape, a if type(x) is not Point else b)
            if a.ndim == 2 and a.flags.c_contiguous and b.flags.c_contiguous:
                call(loop, a, b, result)
            else:
                call(loop, _in_row(a), _in_row(b), _in_row(result))
            return result

        return fused

    return fuse


def _scaled(divide: bool) -> Fuse:
    """Boxes times, or over, points: one for each or one for all. Division by 0 is for the plain form to refuse."""

    def fuse(arrays: FusedArrays, loops: Any, plain: Plain) -> Plain:
        loop = loops.scaled

        def fused(x: Value, y: Value) -> Value:
            e: Any
            e, factor = (y, x) if type(x) is Point and not divide else (x, y)
            if type(e) is Point or type(factor) is not Point or factor.x.shape not in ((), e.shape[1:]):
                return plain(x, y)
            result = empty(e.shape, e)
            if e.ndim == 2 and e.flags.c_contiguous:
                done = call(loop, e, factor.row(), divide, result)
            else:
                done = call(loop, _in_row(e), factor.row(), divide, _in_row(result))
            return result if done else plain(x, y)

        return fused

    return fuse


# ---- sums and products ----------------------------------------------------------------------------------------------


def _of_rows(loop_of: Callable[[Any], Callable[..., None]]) -> Fuse:
    """A reduction over the last axis; over others, plain."""

    def fuse(arrays: FusedArrays, loops: Any, plain: Plain) -> Plain:
        loop = loop_of(loops)

        def fused(x: Value, axis: tuple[int, ...], count: int) -> Value:
            e = ends_of(x)
            if axis != (e.ndim - 2,) or not count:
                return plain(x, axis=axis, count=count)
            result = empty(e.shape[:-1], e)
            call(loop, _in_row(e), count, result if e.ndim == 3 else result.reshape(2, -1))
            return result

        return fused

    return fuse


def _affine(arrays: FusedArrays, loops: Any, plain: Plain) -> Plain:
    """One pass over the weights, for both products. weight: (m, n); x: (n,); bias: (m,)."""
    loop = loops.layer

    def fused(weight: Value, x: Value, bias: Value) -> Value:
        if type(weight) is not Point or type(bias) is not Point or not weight.x.size:
            return plain(weight, x, bias)
        e = ends_of(x)
        result = empty((2, len(bias.x)), e)
        call(loop, weight.x, _contiguous(e), bias.x, result)
        return result

    return fused


def _affine_rows(arrays: FusedArrays, loops: Any, plain: Plain) -> Plain:
    """Products by BLAS, and loops for what stands before and behind. x: (b, n); shape: (b, m)."""

    def fused(weight: Value, x: Value, bias: Value, shape: tuple[int, int]) -> Value:
        if not (isinstance(weight, Point) and isinstance(bias, Point) and weight.size):
            return plain(weight, x, bias, shape=shape)
        e, magnitudes, n = _contiguous(ends_of(x)), weight.magnitudes(), weight.shape[1]
        single = magnitudes.dtype == np.float32
        m, scale = empty(e.shape[1:], e), empty((e.shape[1],), e)
        t, product = (empty(needed, e, magnitudes.dtype) for needed in (e.shape[1:], shape))
        call(loops.middles_in_single if single else loops.middles, e, m, t, scale, outputs=3)
        result = empty((2, *shape), e)
        np.dot(t, magnitudes.T, out=product)
        np.dot(m, weight.x.T, out=result[1])
        call(loops.around, product, scale, _contiguous(bias.x), n * 2.0**-119 if single else 0.0, result)
        return result

    return fused


def _increasing(name: str) -> Fuse:
    """One of `elementary.RANGES`."""
    return _of_boxes(lambda loops: loops.INCREASING[name])


FUSED: dict[str, Fuse] = {name: _increasing(name) for name in RANGES} | {
    "log": _of_boxes(lambda loops: loops.INCREASING["log"], FusedArrays.log_domain),
    "log1p": _of_boxes(lambda loops: loops.INCREASING["log1p"], FusedArrays.log1p_domain),
    "expm1mx": _of_boxes(lambda loops: loops.expm1mx),
    "relu": _of_boxes(lambda loops: loops.relu),
    "square": _of_boxes(lambda loops: loops.square),
    "add": _sum_of_two(lambda loops: loops.add),
    "subtract": _sum_of_two(lambda loops: loops.subtract),
    "multiply": _scaled(divide=False),
    "divide": _scaled(divide=True),
    "mean": _of_rows(lambda loops: loops.mean),
    "mean_square": _of_rows(lambda loops: loops.mean_square),
    "affine": _affine,
    "affine_rows": _affine_rows,
}
"""The fused form of each operation that has one."""


def without_plain_form(table: dict[str, Fuse]) -> set[str]:
    """The names in a table of fused operations that the plain arrays do not have: misspelt, or renamed."""
    return {operation for operation in table if not hasattr(Interval64Arrays, operation)}


if _unknown := without_plain_form(FUSED):
    raise TypeError(f"fused operations without a plain form: {', '.join(sorted(_unknown))}")


# ---- ends as the loops take them ------------------------------------------------------------------------------------


def _in_row(x: Ends) -> Ends:
    """Ends as the loops take them: of shape (2, n), in one piece."""
    return _contiguous(x).reshape(2, -1)


def _contiguous(x: FloatArray) -> FloatArray:
    return x if x.flags.c_contiguous else x.copy()


@cache
def numba_is_installed() -> bool:
    """Can the loops be compiled here? Asked once."""
    return find_spec("numba") is not None


@cache
def _compiled_loops() -> Any:
    """The module of compiled loops; compiling takes some seconds, once."""
    from scalarspec.numbers import numba_kernels

    return numba_kernels
