"""Reductions over axes, and what keeps an axis and looks along it.

For all of them, x has any shape; axis is one axis, a tuple of axes, or None for all, negative ones counting from the
last; with keepdims the axes stay, with length 1. Raises ShapeError for an axis that x does not have.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.elementwise import abs, multiply, pow, sqrt, square
from scalarspec.core.indexing import Fixed, at_axis
from scalarspec.core.nested import Nested, halved
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.shape import Shape
from scalarspec.core.structure import concat, moveaxis, stack
from scalarspec.core.tensor import Operand, Tensor, Truth, operands_of
from scalarspec.errors import ArgumentError, ShapeError

Axis = int | tuple[int, ...] | None
"""The axes of a reduction: one, several, or None for all; negative ones count from the last."""

N = TypeVar("N", bound=Nested)

__all__ = [
    "all", "any", "cumulative_prod", "cumulative_sum", "diff", "log_softmax", "logsumexp", "max", "mean", "mean_square",
    "min", "prod", "rms_norm", "softmax", "std", "sum", "var", "vector_norm",
]  # fmt: skip


def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over some axes. The sum over nothing is 0.

    x: any shape. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay, with length 1?

    Floats add in an order of NumPy's or BLAS's choice; `context.reference()` adds from left to right.
    """
    return _reduction("sum", x, axis, keepdims)


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over some axes.

    x: any shape. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay, with length 1?

    The mean over nothing is 0, as in TorchLean, where NumPy's is NaN: so it is a total function, and needs no case
    apart.
    """
    return _reduction("mean", x, axis, keepdims)


def mean_square(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean of the squares over some axes. It is never negative, and 0 over nothing.

    x: any shape. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay, with length 1?
    """
    return _reduction("mean_square", x, axis, keepdims)


def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log Σ eˣ over some axes.

    x: any shape. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay, with length 1?

    Floats subtract the greatest element first, so that nothing overflows. Over nothing it is -inf for floats, and a
    DomainError elsewhere, since log 0 is no number.
    """
    return _reduction("logsumexp", x, axis, keepdims)


def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element over some axes. Over boxes it is exact: it rises with each element. At a tie each of the
    largest elements is handed an equal part of the derivative. Raises ShapeError over no elements. PyTorch: `amax`.

    x: any shape. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay, with length 1?
    """
    return _reduction("max", x, axis, keepdims)


def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element over some axes; as `max`. PyTorch: `amin`.

    x: any shape. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay, with length 1?
    """
    return _reduction("min", x, axis, keepdims)


def var(x: Operand, axis: Axis = None, correction: int = 0, keepdims: bool = False) -> Tensor:
    """The variance over some axes: the sum of the squares of the deviations from the mean, in two passes, over n -
    correction, where n elements are reduced. It is never negative.

    x: any shape. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay, with length 1?

    Raises ShapeError unless n > correction, but for n = 0, over which it is 0.
    """
    _, (t,) = operands_of("var", x)
    axes = shapes.normal_axes("var", t.shape, axis)
    found = mean_square(t - mean(t, axes, keepdims=True), axes, keepdims)
    correction = shapes.whole("var", "correction", correction)
    if correction == 0:
        return found
    n = _count(t.shape, axes)
    if n <= correction:
        raise ShapeError(f"var: a correction of {correction} needs more than {correction} elements, got {n}")
    return found * n / (n - correction)


def std(x: Operand, axis: Axis = None, correction: int = 0, keepdims: bool = False) -> Tensor:
    """The square root of the variance; as `var`. Where all elements are equal it has no derivative.

    x, axis, correction, keepdims: as for `var`.
    """
    return sqrt(var(x, axis, correction, keepdims))


def prod(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product over some axes, one factor after the other. The product over nothing is 1.

    x: any shape. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay, with length 1?
    """
    _, (t,) = operands_of("prod", x)
    axes, rows = _along("prod", t, axis)
    found = reduce(multiply, rows) if len(rows) else t.context.tensor(np.ones(rows.shape[1:], dtype=int))
    return _kept(found, t.shape, axes, keepdims)


def vector_norm(x: Operand, ord: Any = 2, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The norm (Σ |x|^ord)^(1/ord) over some axes; the largest size for ord = inf, the smallest for -inf.

    x: any shape. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay, with length 1?

    ord: a positive integer, or ±inf. Raises ArgumentError for any other one. Array API: `linalg.vector_norm`.
    """
    if not isinstance(ord, int | float):
        raise ArgumentError(f"vector_norm: expected a positive integer or ±inf as ord, got {ord!r}")
    if ord == np.inf:
        return max(abs(x), axis, keepdims)
    if ord == -np.inf:
        return min(abs(x), axis, keepdims)
    if not ord > 0 or ord != int(ord):
        raise ArgumentError(f"vector_norm: expected a positive integer or ±inf as ord, got {ord!r}")
    if ord == 1:
        return sum(abs(x), axis, keepdims)
    if ord == 2:
        return sqrt(sum(square(x), axis, keepdims))
    _, (t,) = operands_of("vector_norm", x)
    return pow(sum(pow(abs(t), int(ord)), axis, keepdims), t.context.tensor(1) / int(ord))


def softmax(x: Operand, axis: int = -1, where: Any = None) -> Tensor:
    """eˣ / Σ eˣ along an axis: shares that are not negative and sum to 1. Over boxes each is exact, since a share rises
    with its own number and falls with every other one.

    where: constant bools that are broadcast to x's shape (True: takes part). What takes no part has the share 0, and a
    row in which nothing does is zero, as in TorchLean's hard mask. Minus infinity as data is refused: say where.
    """
    context, (t,) = operands_of("softmax", x)
    place = shapes.normal_axis("softmax", t.shape, axis)
    mask = None if where is None else _mask(where, t.shape)
    return Tensor(context, t.shape, context.arrays.apply("softmax", t.value, axis=(place,), mask=mask))


def _mask(where: Any, shape: Shape) -> Fixed:
    array = np.asarray(where)
    if array.dtype != bool:
        raise ArgumentError(f"softmax: where: expected bools, got an array of {array.dtype}")
    try:
        return Fixed(np.broadcast_to(array, shape))
    except ValueError:
        raise ShapeError(f"softmax: where has shape {array.shape}, which does not broadcast to {shape}") from None


def log_softmax(x: Operand, axis: int = -1) -> Tensor:
    """x - log Σ eˣ along an axis, the logarithms of `softmax`: never positive, and exact over boxes."""
    context, (t,) = operands_of("log_softmax", x)
    place = shapes.normal_axis("log_softmax", t.shape, axis)
    return Tensor(context, t.shape, context.arrays.apply("log_softmax", t.value, axis=(place,)))


def rms_norm(x: Operand, axis: Axis = -1, eps: Operand = 0) -> Tensor:
    """x / √(mean of x² + eps) along some axes, in the shape of x: the heart of RMSNorm, and of LayerNorm once the mean
    is subtracted. Each element rises with its own number, so that over boxes each is exact, between -√n and √n for n
    elements. Zhang & Sennrich 2019; PyTorch: `rms_norm`, without weights.

    axis: one axis, or a tuple of axes. eps: a number that is not negative (ShapeError for several). For eps = 0 it is
    not defined where all elements are 0.
    """
    context, (t, e) = operands_of("rms_norm", x, eps)
    if e.shape:
        raise ShapeError(f"rms_norm: eps: expected one number, got shape {e.shape}")
    axes = shapes.normal_axes("rms_norm", t.shape, axis)
    parameters = {"axis": axes, "count": _count(t.shape, axes), "shape": t.shape}
    return Tensor(context, t.shape, context.arrays.apply("rms_norm", t.value, e.value, **parameters))


def cumulative_sum(x: Operand, axis: int | None = None, include_initial: bool = False) -> Tensor:
    """The sums of the first elements along an axis, from the first one on; the axis may be left out for vectors.

    x: any shape; result: the same one, or longer by one along the axis.

    include_initial: does the sum over nothing, 0, come first?
    """
    context, (t,) = operands_of("cumulative_sum", x)
    place = shapes.only_axis("cumulative_sum", t.shape, axis)
    found = Tensor(context, t.shape, context.arrays.apply("cumulative_sum", t.value, axis=(place,)))
    return _with_initial(found, place, 0) if include_initial else found


def cumulative_prod(x: Operand, axis: int | None = None, include_initial: bool = False) -> Tensor:
    """The products of the first elements along an axis; as `cumulative_sum`, where the product over nothing is 1.

    x: any shape. include_initial: does the product over nothing, 1, come first?
    """
    _, (t,) = operands_of("cumulative_prod", x)
    place = shapes.only_axis("cumulative_prod", t.shape, axis)
    found: list[Tensor] = []
    for row in moveaxis(t, place, 0):
        found.append(found[-1] * row if found else row)
    products = stack(found, axis=place) if found else t
    return _with_initial(products, place, 1) if include_initial else products


def diff(x: Operand, axis: int = -1, n: int = 1, prepend: Operand = None, append: Operand = None) -> Tensor:
    """Each element less the one before it along an axis, which gets shorter by one; and that n times.

    prepend, append: what is put before x, and behind it, along the axis, if not None: of as many axes as x. Raises
    ArgumentError for an n that is no integer >= 0.

        ss.diff(ss.context("rational").tensor([1, 3, 6]))    # [2, 3]
    """
    _, parts = operands_of("diff", *(part for part in (prepend, x, append) if part is not None))
    place = shapes.normal_axis("diff", parts[0].shape, axis)
    t = concat(parts, place) if len(parts) > 1 else parts[0]
    for _ in range(shapes.whole("diff", "n", n, least=0)):
        t = t[at_axis(place, slice(1, None))] - t[at_axis(place, slice(None, -1))]
    return t


def _with_initial(t: Tensor, axis: int, number: int) -> Tensor:
    first = (*t.shape[:axis], 1, *t.shape[axis + 1 :])
    return concat([t.context.tensor(np.full(first, number)), t], axis=axis)


def all(x: Truth, axis: Axis = None, keepdims: bool = False) -> Truth:
    """The truth that all elements hold over some axes; over nothing it is true.

    x: truths of any shape, such as a > b. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay,
    with length 1?
    """
    return _fold("all", Truth.__and__, True, x, axis, keepdims)


def any(x: Truth, axis: Axis = None, keepdims: bool = False) -> Truth:
    """The truth that some element holds over some axes; over nothing it is false.

    x: truths of any shape, such as a > b. axis: one axis, a tuple of axes, or None for all. keepdims: do they stay,
    with length 1?
    """
    return _fold("any", Truth.__or__, False, x, axis, keepdims)


def _fold(
    name: str, joined: Callable[[Truth, Truth], Truth], nothing: bool, p: Truth, axis: Axis, keepdims: bool
) -> Truth:
    """A connective between the truths along some axes; nothing: its truth over none."""
    if not isinstance(p, Truth):
        raise ArgumentError(f"{name}: expected truths such as a > b, got {p!r}")
    axes, rows = _along(name, p, axis)
    if not len(rows):
        return _kept(Truth.known(p.context, np.full(rows.shape[1:], nothing)), p.shape, axes, keepdims)
    return _kept(halved(rows, joined), p.shape, axes, keepdims)


def _reduction(operation: str, x: Operand, axis: Axis, keepdims: bool) -> Tensor:
    context, (t,) = operands_of(operation, x)
    axes = shapes.normal_axes(operation, t.shape, axis)
    parameters: dict[str, Any] = {"axis": axes}
    for name in OPERATIONS[operation].parameters[1:]:
        parameters[name] = _SIZES[name](t.shape, axes)
    if 0 in parameters.get("counts", ()):
        raise ShapeError(f"{operation} over no elements, of a tensor of shape {t.shape}: there is none")
    found = Tensor(context, shapes.without_axes(t.shape, axes), context.arrays.apply(operation, t.value, **parameters))
    return _kept(found, t.shape, axes, keepdims) if keepdims else found


def _count(shape: Shape, axes: tuple[int, ...]) -> int:
    return math.prod([shape[i] for i in axes])


def _counts(shape: Shape, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[i] for i in axes)


_SIZES: dict[str, Callable[[Shape, tuple[int, ...]], Any]] = {"count": _count, "counts": _counts}
"""What reductions may be told behind their axes: how many elements are reduced, in all and along each."""


def _kept(t: N, shape: Shape, axes: tuple[int, ...], keepdims: bool) -> N:
    """The result of a reduction of a tensor of some shape, with the axes as ones of length 1 if they are kept."""
    return t.moved("reshape", shape=shapes.with_kept_axes(shape, axes)) if keepdims else t


def _along(name: str, t: N, axis: Axis) -> tuple[tuple[int, ...], N]:
    """The axes of a reduction, and the tensor with all of them as its first one."""
    axes = shapes.normal_axes(name, t.shape, axis)
    kept = [i for i in range(t.ndim) if i not in axes]
    order, shape = (*axes, *kept), Shape((_count(t.shape, axes), *(t.shape[i] for i in kept)))
    return axes, t.moved("permute_dims", axes=order).moved("reshape", shape=shape)
