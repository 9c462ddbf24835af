"""The functions that specs are written in, under their array-API names.

Operands are tensors of one context; a number among them is a literal, an array or a list is data. Elementwise
functions take equal shapes, or scalars: ShapeError otherwise. Each is one line: what it means is the context's affair.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.context import Context
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import (
    Tensor,
    Truth,
    as_tensor,
    as_truth,
    common_context,
    elementwise,
    matmul,
    operands_of,
    relation,
)
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.numbers.exact import End, boxed

Operand = Any  # a Tensor, a number (literal), or an array or list (data)
Axis = int | tuple[int, ...] | None

__all__ = [
    "abs", "add", "affine", "atan", "broadcast_to", "clip", "cos", "cosh", "divide", "dot", "endpoints", "equal",
    "erf", "exp", "expm1", "expm1mx", "heaviside", "leaky_relu", "less", "less_equal", "log", "log1p", "logcosh",
    "logical_and", "logical_not", "logical_or", "logsumexp", "matmul", "matrix_transpose", "maximum", "mean",
    "mean_square", "minimum", "multiply", "negative", "outer", "pi", "pow", "reciprocal", "relu", "reshape",
    "sigmoid", "sign", "sin", "sinh", "softplus", "sqrt", "square", "stack", "stage", "subtract", "sum", "tan",
    "tanh", "where",
]  # fmt: skip

# ---- elementwise ----------------------------------------------------------------------------------------------------


def add(x: Operand, y: Operand) -> Tensor:
    """x + y."""
    return elementwise("add", x, y)


def subtract(x: Operand, y: Operand) -> Tensor:
    """x - y."""
    return elementwise("subtract", x, y)


def multiply(x: Operand, y: Operand) -> Tensor:
    """x y."""
    return elementwise("multiply", x, y)


def divide(x: Operand, y: Operand) -> Tensor:
    """x / y. By zero: IEEE for floats, the set of quotients for intervals, else DivisionByZero."""
    return elementwise("divide", x, y)


def negative(x: Operand) -> Tensor:
    """-x."""
    return elementwise("negative", x)


def reciprocal(x: Operand) -> Tensor:
    """1 / x."""
    return elementwise("reciprocal", x)


def square(x: Operand) -> Tensor:
    """x², never negative."""
    return elementwise("square", x)


def pow(x: Operand, y: Operand) -> Tensor:
    """xʸ: integer powers of any base, real powers of a positive one."""
    return elementwise("pow", x, y)


def exp(x: Operand) -> Tensor:
    """eˣ."""
    return elementwise("exp", x)


def expm1(x: Operand) -> Tensor:
    """eˣ - 1."""
    return elementwise("expm1", x)


def expm1mx(x: Operand) -> Tensor:
    """eˣ - 1 - x, never negative: the heart of the Gaussian KL."""
    return elementwise("expm1mx", x)


def log(x: Operand) -> Tensor:
    """The natural logarithm. DomainError where x is not positive (floats: IEEE)."""
    return elementwise("log", x)


def log1p(x: Operand) -> Tensor:
    """log(1 + x)."""
    return elementwise("log1p", x)


def sqrt(x: Operand) -> Tensor:
    """√x. DomainError where x is negative (floats: IEEE)."""
    return elementwise("sqrt", x)


def sin(x: Operand) -> Tensor:
    """sin x, in radians."""
    return elementwise("sin", x)


def cos(x: Operand) -> Tensor:
    """cos x, in radians."""
    return elementwise("cos", x)


def tan(x: Operand) -> Tensor:
    """tan x, in radians."""
    return elementwise("tan", x)


def atan(x: Operand) -> Tensor:
    """The angle in (-π/2, π/2) whose tangent is x."""
    return elementwise("atan", x)


def erf(x: Operand) -> Tensor:
    """2/√π times the integral of e^-t² from 0 to x."""
    return elementwise("erf", x)


def sinh(x: Operand) -> Tensor:
    """(eˣ - e⁻ˣ) / 2."""
    return elementwise("sinh", x)


def cosh(x: Operand) -> Tensor:
    """(eˣ + e⁻ˣ) / 2."""
    return elementwise("cosh", x)


def tanh(x: Operand) -> Tensor:
    """sinh x / cosh x."""
    return elementwise("tanh", x)


def logcosh(x: Operand) -> Tensor:
    """log(cosh x)."""
    return elementwise("logcosh", x)


def sigmoid(x: Operand) -> Tensor:
    """1 / (1 + e⁻ˣ)."""
    return elementwise("sigmoid", x)


def softplus(x: Operand) -> Tensor:
    """log(1 + eˣ)."""
    return elementwise("softplus", x)


def relu(x: Operand) -> Tensor:
    """max(x, 0)."""
    return elementwise("relu", x)


def leaky_relu(x: Operand, slope: Operand = "0.01") -> Tensor:
    """x where x > 0, else slope x. The default slope is PyTorch's, as the exact decimal."""
    return elementwise("leaky_relu", x, slope)


def heaviside(x: Operand) -> Tensor:
    """1 where x > 0, else 0: the derivative of relu."""
    return elementwise("heaviside", x)


def sign(x: Operand) -> Tensor:
    """-1, 0 or 1."""
    return elementwise("sign", x)


def abs(x: Operand) -> Tensor:
    """|x|."""
    return elementwise("abs", x)


def maximum(x: Operand, y: Operand) -> Tensor:
    """The larger of x and y; NaN if either is."""
    return elementwise("maximum", x, y)


def minimum(x: Operand, y: Operand) -> Tensor:
    """The smaller of x and y; NaN if either is."""
    return elementwise("minimum", x, y)


def clip(x: Operand, lower: Operand, upper: Operand) -> Tensor:
    """x moved into [lower, upper]."""
    return elementwise("clip", x, lower, upper)


def pi(context: Context[Any]) -> Tensor:
    """π, as a tensor of shape ()."""
    return Tensor.from_scalars(context, boxed(context.pi()))


# ---- truth ----------------------------------------------------------------------------------------------------------


def less(x: Operand, y: Operand) -> Truth:
    """The truth of x < y in the context: undecided intervals and symbols are neither true nor false."""
    return relation("less", x, y)


def less_equal(x: Operand, y: Operand) -> Truth:
    """The truth of x <= y in the context."""
    return relation("less_equal", x, y)


def equal(x: Operand, y: Operand) -> Truth:
    """The truth of x = y, as numbers (not as sets)."""
    return relation("equal", x, y)


def logical_not(p: Truth) -> Truth:
    """Not p."""
    return ~p


def logical_and(p: Truth, q: Truth) -> Truth:
    """p and q."""
    return p & q


def logical_or(p: Truth, q: Truth) -> Truth:
    """p or q."""
    return p | q


def where(condition: Truth, x: Operand, y: Operand) -> Tensor:
    """x where the condition holds, else y. Undecided: the hull (intervals) or a Piecewise (symbols).

    A branch may also be a function without arguments. It is called only where some element may take it, so that
    `where(x > 0, lambda: log(x), 0)` does not fail on an x that is surely negative.
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
    """The branches, those that are functions called; one that no element takes gives way to the other: was one?"""
    outcomes = condition.context.arrays.outcomes(condition.value) or {None}
    first = None if outcomes == {False} else x() if callable(x) else x
    second = None if outcomes == {True} else y() if callable(y) else y
    if first is None or second is None:
        taken = second if first is None else first
        return taken, taken, True
    return first, second, False


# ---- reductions -----------------------------------------------------------------------------------------------------


def sum(x: Operand, axis: Axis = None) -> Tensor:
    """The sum over an axis, some axes, or all; 0 over nothing."""
    return _reduction("sum", x, axis)


def mean(x: Operand, axis: Axis = None) -> Tensor:
    """The mean over an axis, some axes, or all; 0 over nothing (TorchLean's total convention)."""
    return _reduction("mean", x, axis, counted=True)


def mean_square(x: Operand, axis: Axis = None) -> Tensor:
    """The mean of the squares over an axis, some axes, or all; never negative."""
    return _reduction("mean_square", x, axis, counted=True)


def logsumexp(x: Operand, axis: Axis = None) -> Tensor:
    """log Σ eˣ over an axis, some axes, or all."""
    return _reduction("logsumexp", x, axis)


def _reduction(operation: str, x: Operand, axis: Axis, counted: bool = False) -> Tensor:
    context, (t,) = operands_of(operation, x)
    axes = shapes.normal_axes(operation, t.shape, axis)
    count = {"count": Shape(t.shape[i] for i in axes).size} if counted else {}
    value = context.arrays.apply(operation, t.value, axis=axes, **count)
    return Tensor(context, shapes.without_axes(t.shape, axes), value)


# ---- linear algebra -------------------------------------------------------------------------------------------------


def affine(weight: Operand, x: Operand, bias: Operand) -> Tensor:
    """weight @ x + bias. weight: (m, n); x: (n,); bias: (m,); result: (m,)."""
    context, (w, v, b) = operands_of("affine", weight, x, bias)
    fits = len(w.shape) == 2 and v.shape == w.shape[1:] and b.shape == w.shape[:1]
    if not fits:
        raise ShapeError(f"affine: {w.shape} @ {v.shape} + {b.shape}; expected (m, n) @ (n,) + (m,)")
    return Tensor(context, b.shape, context.arrays.apply("affine", w.value, v.value, b.value))


def dot(x: Operand, y: Operand) -> Tensor:
    """The sum of products of two vectors. x, y: (n,); result: ()."""
    _, (a, b) = operands_of("dot", x, y)
    if len(a.shape) != 1 or a.shape != b.shape:
        raise ShapeError(f"dot: {a.shape} and {b.shape}; expected (n,) and (n,)")
    return matmul(a, b)


def outer(x: Operand, y: Operand) -> Tensor:
    """All products. x: (m,); y: (n,); result: (m, n)."""
    _, (a, b) = operands_of("outer", x, y)
    if len(a.shape) != 1 or len(b.shape) != 1:
        raise ShapeError(f"outer: {a.shape} and {b.shape}; expected (m,) and (n,)")
    shape = (*a.shape, *b.shape)
    return multiply(broadcast_to(reshape(a, (*a.shape, 1)), shape), broadcast_to(b, shape))


def matrix_transpose(x: Operand) -> Tensor:
    """The last two axes exchanged. x: (..., m, n); result: (..., n, m)."""
    context, (t,) = operands_of("matrix_transpose", x)
    if len(t.shape) < 2:
        raise ShapeError(f"matrix_transpose: {t.shape}; expected (..., m, n)")
    shape = Shape((*t.shape[:-2], t.shape[-1], t.shape[-2]))
    return Tensor(context, shape, context.arrays.apply("matrix_transpose", t.value))


# ---- structure ------------------------------------------------------------------------------------------------------


def reshape(x: Operand, shape: Iterable[int]) -> Tensor:
    """The same elements, in row-major order, in another shape of the same size."""
    context, (t,) = operands_of("reshape", x)
    target = Shape(shape)
    if target.size != t.shape.size:
        raise ShapeError(f"reshape: {t.shape} has {t.shape.size} elements, {target} has {target.size}")
    return Tensor(context, target, context.arrays.apply("reshape", t.value, shape=target))


def broadcast_to(x: Operand, shape: Iterable[int]) -> Tensor:
    """x repeated to fill the shape, by NumPy's rule."""
    context, (t,) = operands_of("broadcast_to", x)
    target = shapes.broadcast_shape(t.shape, Shape(shape))
    return Tensor(context, target, context.arrays.apply("broadcast_to", t.value, shape=target))


def stack(tensors: Iterable[Operand]) -> Tensor:
    """n tensors of one shape s as a tensor of shape (n, *s); n >= 1 (see Tensor.of for none)."""
    context, parts = operands_of("stack", *tensors)
    return Tensor.of(context, parts[0].shape, parts)


def stage(name: str, x: Tensor) -> Tensor:
    """x itself, called `name`: an intermediate result that `crosscheck` reports on, and that an actual result may give.

    mu = ss.stage("mu", ss.affine(weight, h, bias))
    """
    if not isinstance(x, Tensor):
        raise ArgumentError(f"stage {name!r}: expected a Tensor, got {type(x).__name__}")
    return x.context.stage(name, x)


def endpoints(x: Tensor) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The exact infimum and supremum of each element, as object arrays of Fraction, or ±inf.

    For exact and enclosing contexts; NotSupported for those that round.
    """
    if not isinstance(x, Tensor):
        raise ArgumentError(f"endpoints: expected a Tensor, got {type(x).__name__}")
    scalars = x.scalars()
    lower, upper = np.empty(x.shape, dtype=object), np.empty(x.shape, dtype=object)
    for index in np.ndindex(*x.shape):
        ends: tuple[End, End] = x.context.endpoints(scalars[index])
        lower[index], upper[index] = ends
    return lower, upper
