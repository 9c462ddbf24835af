"""The functions that specs are written in, under their array-API names where that has them.

Functions of single elements are in `elementwise`, whose text says what operands are and what contexts do outside of a
domain; here are comparisons and choices, reductions, products of matrices, and what moves elements. Each checks shapes,
and hands the rest to the arrays of the context.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.elementwise import (  # fmt: skip
    abs,
    add,
    atan,
    clip,
    cos,
    cosh,
    divide,
    erf,
    exp,
    expm1,
    expm1mx,
    heaviside,
    leaky_relu,
    log,
    log1p,
    logcosh,
    maximum,
    minimum,
    multiply,
    negative,
    pi,
    pow,
    reciprocal,
    relu,
    sigmoid,
    sign,
    sin,
    sinh,
    softplus,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
)
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import (
    Operand,
    Tensor,
    Truth,
    as_tensor,
    as_truth,
    common_context,
    matmul,
    operands_of,
    relation,
)
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.numbers.exact import End

Axis = int | tuple[int, ...] | None
"""The axes of a reduction: one, several, or None for all; negative ones count from the last."""

__all__ = [
    "abs", "add", "affine", "atan", "broadcast_to", "clip", "cos", "cosh", "divide", "dot", "endpoints", "equal",
    "erf", "exp", "expm1", "expm1mx", "heaviside", "leaky_relu", "less", "less_equal", "log", "log1p", "logcosh",
    "logical_and", "logical_not", "logical_or", "logsumexp", "matmul", "matrix_transpose", "maximum", "mean",
    "mean_square", "minimum", "multiply", "negative", "outer", "pi", "pow", "reciprocal", "relu", "reshape",
    "sigmoid", "sign", "sin", "sinh", "softplus", "sqrt", "square", "stack", "stage", "subtract", "sum", "tan",
    "tanh", "where",
]  # fmt: skip

# ---- truth ----------------------------------------------------------------------------------------------------------


def less(x: Operand, y: Operand) -> Truth:
    """The truth of x < y for each element, under equal shapes or with a scalar. Intervals that overlap, and symbols,
    may leave it undecided: neither true nor false, so that `if` raises Undecided, and `where` takes both branches.
    """
    return relation("less", x, y)


def less_equal(x: Operand, y: Operand) -> Truth:
    """The truth of x <= y for each element; as `less`."""
    return relation("less_equal", x, y)


def equal(x: Operand, y: Operand) -> Truth:
    """The truth of x = y for each element, as numbers and not as sets: two equal intervals with more than one number in
    them may hold different numbers, so that it is undecided. See `contains` and `subset` for intervals as sets.
    """
    return relation("equal", x, y)


def logical_not(p: Truth) -> Truth:
    """The truth that p does not hold, for each element; undecided where p is (Kleene's strong logic). Written ~p,
    too.
    """
    return ~p


def logical_and(p: Truth, q: Truth) -> Truth:
    """The truth that p and q hold, for each element: false as soon as one is false, though the other be undecided.
    Written p & q, too.
    """
    return p & q


def logical_or(p: Truth, q: Truth) -> Truth:
    """The truth that p or q holds, for each element: true as soon as one is true, though the other be undecided.
    Written p | q, too.
    """
    return p | q


def where(condition: Truth, x: Operand, y: Operand) -> Tensor:
    """x where the condition holds, and y where it does not, for each element, under equal shapes or with scalars.

    Where the condition is undecided the result is the hull of both (intervals), or a Piecewise (symbols).

    x, y: operands, or functions without arguments. Such a function is called only where some element may take its
    branch, so that a logarithm is not asked for on numbers that are surely negative.
    Raises ArgumentError unless the condition is a comparison, or made of comparisons.

        x = ss.context("interval").box([-2, 1], [-1, 2])
        ss.where(x > 0, ss.sqrt(ss.abs(x)), 0)
        ss.where(x[0] > 0, lambda: ss.log(x[0]), 0)    # 0: the logarithm is never asked for
    """
    if not isinstance(condition, Truth):
        raise ArgumentError(f"where: expected a comparison such as a > b as the condition, got {condition!r}")
    hole = False
    if callable(x) or callable(y):
        x, y, hole = _called(condition, x, y)
    context = common_context("where", [condition, x, y])
    condition, a, b = as_truth(context, condition), as_tensor(context, x), as_tensor(context, y)
    shape = shapes.equal_shapes("where", [condition.shape, a.shape, b.shape])
    result = Tensor(context, shape, context.arrays.apply("where", condition.value, a.value, b.value))
    if hole:
        context.hole(result)
    return result


def _called(condition: Truth, x: Operand, y: Operand) -> tuple[Operand, Operand, bool]:
    """The branches, with functions called, and whether one was left out.

    A branch that no element takes is not called, and the other one stands in its place: `where` then chooses between
    equals.
    """
    outcomes = condition.context.arrays.outcomes(condition.value) or {None}
    first = None if outcomes == {False} else _branch(condition, x, True, outcomes)
    second = None if outcomes == {True} else _branch(condition, y, False, outcomes)
    if first is None or second is None:
        taken = second if first is None else first
        return taken, taken, True
    return first, second, False


def _branch(condition: Truth, branch: Operand, outcome: bool, outcomes: set[bool | None]) -> Operand:
    """A branch, called if it is a function: what has no value there is let pass for elements that do not take it."""
    if not callable(branch):
        return branch
    if outcomes == {outcome}:
        return branch()
    with condition.context.arrays.guarded(condition.value, outcome):
        return branch()


# ---- reductions -----------------------------------------------------------------------------------------------------


def sum(x: Operand, axis: Axis = None) -> Tensor:
    """The sum over an axis, a tuple of axes, or (axis=None) all elements. The sum over nothing is 0.

    x: any shape; result: that shape without the axes. Raises ShapeError for an axis that x does not have.
    Floats add in an order of NumPy's or BLAS's choice; `context.reference()` adds from left to right.
    """
    return _reduction("sum", x, axis)


def mean(x: Operand, axis: Axis = None) -> Tensor:
    """The mean over an axis, a tuple of axes, or (axis=None) all elements; shapes as for `sum`.

    The mean over nothing is 0, as in TorchLean, where NumPy's is NaN: so it is a total function, and needs no case
    apart.
    """
    return _reduction("mean", x, axis, counted=True)


def mean_square(x: Operand, axis: Axis = None) -> Tensor:
    """The mean of the squares over an axis, a tuple of axes, or (axis=None) all elements; shapes as for `sum`. It is
    never negative, and 0 over nothing.
    """
    return _reduction("mean_square", x, axis, counted=True)


def logsumexp(x: Operand, axis: Axis = None) -> Tensor:
    """log Σ eˣ over an axis, a tuple of axes, or (axis=None) all elements; shapes as for `sum`.

    Floats subtract the greatest element first, so that nothing overflows. Over nothing it is -inf for floats, and a
    DomainError elsewhere, since log 0 is no number.
    """
    return _reduction("logsumexp", x, axis)


def _reduction(operation: str, x: Operand, axis: Axis, counted: bool = False) -> Tensor:
    context, (t,) = operands_of(operation, x)
    axes = shapes.normal_axes(operation, t.shape, axis)
    count = {"count": Shape(t.shape[i] for i in axes).size} if counted else {}
    value = context.arrays.apply(operation, t.value, axis=axes, **count)
    return Tensor(context, shapes.without_axes(t.shape, axes), value)


# ---- linear algebra -------------------------------------------------------------------------------------------------


def affine(weight: Operand, x: Operand, bias: Operand) -> Tensor:
    """weight @ x + bias, the affine map of a layer. weight: (m, n); x: (n,); bias: (m,); result: (m,).

    Raises ShapeError, with the three shapes, where they do not fit.

        x = ss.context("interval").box([0, 0], [1, 1])
        ss.affine([[1, 2], [3, 4]], x, [0, 1])    # [[0, 3], [1, 8]]
    """
    context, (w, v, b) = operands_of("affine", weight, x, bias)
    fits = len(w.shape) == 2 and v.shape == w.shape[1:] and b.shape == w.shape[:1]
    if not fits:
        raise ShapeError(f"affine: {w.shape} @ {v.shape} + {b.shape}; expected (m, n) @ (n,) + (m,)")
    return Tensor(context, b.shape, context.arrays.apply("affine", w.value, v.value, b.value))


def dot(x: Operand, y: Operand) -> Tensor:
    """The inner product Σ xᵢ yᵢ of two vectors. x, y: (n,); result: (). Raises ShapeError for any other shapes."""
    _, (a, b) = operands_of("dot", x, y)
    if len(a.shape) != 1 or a.shape != b.shape:
        raise ShapeError(f"dot: {a.shape} and {b.shape}; expected (n,) and (n,)")
    return matmul(a, b)


def outer(x: Operand, y: Operand) -> Tensor:
    """The outer product xᵢ yⱼ of two vectors. x: (m,); y: (n,); result: (m, n). Raises ShapeError for any other
    shapes.
    """
    _, (a, b) = operands_of("outer", x, y)
    if len(a.shape) != 1 or len(b.shape) != 1:
        raise ShapeError(f"outer: {a.shape} and {b.shape}; expected (m,) and (n,)")
    shape = (*a.shape, *b.shape)
    return multiply(broadcast_to(reshape(a, (*a.shape, 1)), shape), broadcast_to(b, shape))


def matrix_transpose(x: Operand) -> Tensor:
    """The last two axes exchanged. x: (..., m, n); result: (..., n, m). Raises ShapeError for fewer than two axes."""
    context, (t,) = operands_of("matrix_transpose", x)
    if len(t.shape) < 2:
        raise ShapeError(f"matrix_transpose: {t.shape}; expected (..., m, n)")
    shape = Shape((*t.shape[:-2], t.shape[-1], t.shape[-2]))
    return Tensor(context, shape, context.arrays.apply("matrix_transpose", t.value))


# ---- structure ------------------------------------------------------------------------------------------------------


def reshape(x: Operand, shape: Iterable[int]) -> Tensor:
    """The same elements, in row-major order, in another shape of as many elements. Raises ShapeError for another number
    of elements; no dimension may be -1.
    """
    context, (t,) = operands_of("reshape", x)
    target = Shape(shape)
    if target.size != t.shape.size:
        raise ShapeError(f"reshape: {t.shape} has {t.shape.size} elements, {target} has {target.size}")
    return Tensor(context, target, context.arrays.apply("reshape", t.value, shape=target))


def broadcast_to(x: Operand, shape: Iterable[int]) -> Tensor:
    """x repeated to fill the shape, by NumPy's rule: axes are aligned at the last one, and those of length 1, or
    missing, are repeated. Raises ShapeError where they do not fit.
    """
    context, (t,) = operands_of("broadcast_to", x)
    target = shapes.broadcast_shape(t.shape, Shape(shape))
    return Tensor(context, target, context.arrays.apply("broadcast_to", t.value, shape=target))


def stack(tensors: Iterable[Operand]) -> Tensor:
    """n tensors of one shape s, put together as a tensor of shape (n, *s).

    n is at least 1, since nothing says what context none would have: see `Tensor.of`. Raises ShapeError where the
    shapes differ.
    """
    context, parts = operands_of("stack", *tensors)
    return Tensor.of(context, parts[0].shape, parts)


def stage(name: str, x: Tensor) -> Tensor:
    """x itself, to which the spec gives a name: an intermediate result that `crosscheck` reports on, `derive` shows as
    a line of its own, and in whose place an actual value may be put.

        x = ss.context("float64").tensor([1, 2])
        h = ss.stage("h", ss.tanh(x))

    A name that comes again in one evaluation is numbered: h, h#2, ... Raises ArgumentError where x is no tensor.
    """
    if not isinstance(x, Tensor):
        raise ArgumentError(f"stage {name!r}: expected a Tensor, got {type(x).__name__}")
    return x.context.stage(name, x)


def endpoints(x: Tensor) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The exact infimum and supremum of each element: two object arrays of x's shape, of Fractions, or ±inf.

    Of an exact context both are the number itself. Raises NotSupported for a context that rounds and does not enclose,
    ArgumentError where x is no tensor, NotExact for a symbol.

        lower, upper = ss.endpoints(ss.context("interval").box(0, 1) / 3)    # 0, and at least 1/3
    """
    if not isinstance(x, Tensor):
        raise ArgumentError(f"endpoints: expected a Tensor, got {type(x).__name__}")
    scalars = x.scalars()
    lower, upper = np.empty(x.shape, dtype=object), np.empty(x.shape, dtype=object)
    for index in np.ndindex(*x.shape):
        ends: tuple[End, End] = x.context.endpoints(scalars[index])
        lower[index], upper[index] = ends
    return lower, upper
