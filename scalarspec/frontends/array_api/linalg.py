"""The array API's extension `linalg`, as far as it is made of sums and products, in its signatures."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from scalarspec.core import functions as ours
from scalarspec.core import shape as shapes
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, NotSupported, ShapeError
from scalarspec.frontends.array_api.integers import Integers, moved, number
from scalarspec.frontends.array_api.structure import (
    Axis,
    broadcast_arrays,
    matmul,
    matrix_transpose,
    moveaxis,
    product,
    stack,
    tensordot,
    total,
    vecdot,
)


def outer(x1: Any, x2: Any, /) -> Any:
    """The outer product of two vectors."""
    return product("outer", x1, x2)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The elements on a diagonal of the last two axes."""
    if isinstance(x, Integers):
        return moved("diagonal", x, offset, -2, -1)
    return ours.diagonal(x, offset)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """The sum of a diagonal of the last two axes."""
    return total("sum", diagonal(x, offset=offset), dtype, axis=-1)


def vector_norm(x: Any, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    """The norm (Σ |x|^ord)^(1/ord) over some axes; the largest size for ord = inf, the smallest for -inf; for ord = 0
    how many numbers are not 0.
    """
    t, order = number(x), float(ord)
    if order == 0:
        return ours.sum(ours.where(t != 0, t.context.tensor(1), 0), axis, keepdims)
    if order == math.inf or order == -math.inf or (order > 0 and order.is_integer()):
        return ours.vector_norm(t, order, axis, keepdims)
    power = Fraction(order)
    return ours.pow(ours.sum(ours.pow(ours.abs(t), power), axis, keepdims), 1 / power)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of each matrix in the last two axes: the root of the sum of squares ("fro"), the largest or smallest sum
    of sizes along columns (1, -1) or rows (inf, -inf). Raises NotSupported for those by singular values.
    """
    t = number(x)
    if t.ndim < 2:
        raise ShapeError(f"matrix_norm: {t.shape}; expected (..., m, n)")
    if ord == "fro":
        return ours.vector_norm(t, 2, (-2, -1), keepdims)
    if ord not in (1, -1, float("inf"), -float("inf")):
        raise NotSupported(f"matrix_norm: ord: expected 'fro', ±1 or ±inf; {ord!r} needs singular values")
    summed, rest = (-2, -1) if abs(ord) == 1 else (-1, -2)
    sums = ours.sum(ours.abs(t), summed, keepdims=True)
    found = (ours.max if ord > 0 else ours.min)(sums, rest, keepdims=True)
    return found if keepdims else ours.squeeze(found, (-2, -1))


def matrix_power(x: Any, n: int, /) -> Any:
    """Each square matrix in the last two axes, multiplied n times with itself. Raises NotSupported for n < 0, which
    needs inverses.
    """
    if len(x.shape) < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"matrix_power: {x.shape}; expected (..., n, n)")
    if shapes.whole("matrix_power", "n", n) < 0:
        raise NotSupported("matrix_power: a negative power needs an inverse")
    if n == 0:
        one = x.context.tensor([[int(i == k) for k in range(x.shape[-1])] for i in range(x.shape[-1])])
        return ours.broadcast_to(one, x.shape)
    half = x if n == 1 else matrix_power(x, n // 2)
    square = half if n == 1 else matmul(half, half)
    return square if n == 1 or n % 2 == 0 else matmul(square, x)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The cross products of vectors of three numbers along an axis. Raises ArgumentError for other lengths."""
    a, b = (moveaxis(x, axis, -1) for x in broadcast_arrays(x1, x2))
    if a.shape[-1] != 3:
        raise ArgumentError(f"cross: expected 3 elements along axis {axis}, got {a.shape[-1]}")
    parts = [a[..., i] * b[..., k] - a[..., k] * b[..., i] for i, k in ((1, 2), (2, 0), (0, 1))]
    return moveaxis(stack(parts, axis=-1), -1, axis)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        *(cross, diagonal, matmul, matrix_norm, matrix_power, matrix_transpose, outer, tensordot, trace, vecdot),
        vector_norm,
    )
}
"""The functions by their names."""
