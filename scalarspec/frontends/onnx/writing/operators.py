"""The table of what each operation is in operators of ONNX.

What is done on each element is what its rule here says; or the operator that the table of operations names, where the
opset has it; or its definition in others, of which each is written so. All else has a rule, or is refused.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from scalarspec.core.definitions import by_definition, is_defined
from scalarspec.core.operations import check_complete, find, having
from scalarspec.core.shape import with_kept_axes, without_axes
from scalarspec.errors import NotSupported
from scalarspec.frontends.onnx.writing.convolutions import CONVOLUTION, convolution
from scalarspec.frontends.onnx.writing.model import At, Rule, Value
from scalarspec.frontends.onnx.writing.placing import PLACING

REFUSED = {"lgamma": "log Γ", "digamma": "Γ′ / Γ"}
"""Functions that ONNX has no operators for."""


def written(at: At) -> Value:
    """The value of an operation, made by new nodes. Raises NotSupported where ONNX has none for it."""
    if at.operation in REFUSED:
        raise NotSupported(f"to_onnx: {at.operation}: ONNX has no operator for {REFUSED[at.operation]}")
    rule = RULES.get(at.operation)
    if rule is not None:
        return rule(at)
    line = find(at.operation, "to_onnx")
    if line.scalar and line.onnx is not None and at.model.has(line.onnx):
        return at.node(line.onnx, *at.operands)
    if is_defined(at.operation):
        return defined(at)
    raise NotSupported(f"to_onnx: {at.operation}: no rule is stated")


def defined(at: At) -> Value:
    """An operation on each element, by its definition in others."""

    def step(operation: str, *operands: Value) -> Value:
        return written(At(at.model, operation, operands))

    found: Value = by_definition(at.operation, *at.operands, apply=step, number=at.model.number)
    return found


# ---- on each element ------------------------------------------------------------------------------------------------


def pi(at: At) -> Value:
    """4 atan 1."""
    return at.node("Mul", at.model.number(4), at.node("Atan", at.model.number(1)))


def erfc(at: At) -> Value:
    """1 - erf x."""
    return at.node("Sub", at.model.number(1), at.node("Erf", at.x))


def cbrt(at: At) -> Value:
    """|x|^(1/3), with the sign of x."""
    third = at.model.number(Fraction(1, 3))
    return at.node("Mul", at.node("Sign", at.x), at.node("Pow", at.node("Abs", at.x), third))


def clip(at: At) -> Value:
    """ONNX's operator for two limits; else a minimum of a maximum."""
    if at.shapes[1:] == ((), ()):
        return at.node("Clip", *at.operands)
    x, lower, upper = at.operands
    return at.node("Min", at.node("Max", x, lower), upper)


def leaky_relu(at: At) -> Value:
    """ONNX's operator with a slope that is an operand, where the result has the shape of x; another one has a float."""
    return at.node("PRelu", *at.operands) if at.shapes[:1] == (at.shape,) else defined(at)


def gelu_tanh(at: At) -> Value:
    """The operator in its other form."""
    return at.node("Gelu", at.x, approximate="tanh") if at.model.has("Gelu") else defined(at)


SCALAR: dict[str, Rule] = {
    "pi": pi,
    "erfc": erfc,
    "cbrt": cbrt,
    "clip": clip,
    "leaky_relu": leaky_relu,
    "gelu_tanh": gelu_tanh,
}
"""Of operations on each element, those of which the table does not say it all."""


# ---- over axes ------------------------------------------------------------------------------------------------------


def reduced(at: At, operator: str, x: Value | None = None) -> Value:
    """A reduction of the operand, or of another value in its stead, over the axes of the operation."""
    x, axis = at.x if x is None else x, at.parameters["axis"]
    return at.node(operator, x, at.model.integers(axis, "axes"), keepdims=0) if axis else x


def mean(at: At, x: Value | None = None) -> Value:
    """The mean, which is 0 over no elements."""
    if not at.parameters["count"]:
        return at.model.numbers(np.full(at.shape, Fraction(0), dtype=object))
    return reduced(at, "ReduceMean", x)


def mean_square(at: At) -> Value:
    """The mean of the squares."""
    return mean(at, at.node("Mul", at.x, at.x))


def softmax(at: At) -> Value:
    """What the mask leaves out is minus infinity before, and 0 where a row is left out whole."""
    (axis,), mask = at.parameters["axis"], at.parameters.get("mask")
    if mask is None:
        return at.node("Softmax", at.x, axis=axis)
    taken = np.broadcast_to(np.asarray(mask, dtype=bool), at.shape)
    kept = taken | ~taken.any(axis=axis, keepdims=True)
    rows = at.node("Where", at.model.truths(kept), at.x, at.model.minus_infinity())
    shares = at.node("Softmax", rows, axis=axis)
    return shares if (kept == taken).all() else at.node("Where", at.model.truths(taken), shares, at.model.number(0))


def rms_norm(at: At) -> Value:
    """x over the root of eps and the mean of its squares."""
    root = at.node("Sqrt", at.node("Add", _mean_of_squares(at), at.operands[1]))
    return at.node("Div", at.x, at.reshaped(root, with_kept_axes(at.shape, at.parameters["axis"])))


def _mean_of_squares(at: At) -> Value:
    shape = without_axes(at.shape, at.parameters["axis"])
    return mean_square(At(at.model, "mean_square", at.operands[:1], at.shapes[:1], shape, at.parameters))


def affine(at: At) -> Value:
    """weight @ x + bias."""
    weight, x, bias = at.operands
    return at.node("Add", at.node("MatMul", weight, x), bias)


def affine_rows(at: At) -> Value:
    """The same for each row of x."""
    weight, x, bias = at.operands
    return at.node("Gemm", x, weight, bias, transB=1)


def _along(at: At) -> int:
    (axis,) = at.parameters["axis"]
    return int(axis)


OVER_AXES: dict[str, Rule] = {
    "sum": lambda at: reduced(at, "ReduceSum"),
    "mean": mean,
    "mean_square": mean_square,
    "logsumexp": lambda at: reduced(at, "ReduceLogSumExp"),
    "max": lambda at: reduced(at, "ReduceMax"),
    "min": lambda at: reduced(at, "ReduceMin"),
    "softmax": softmax,
    "log_softmax": lambda at: at.node("LogSoftmax", at.x, axis=_along(at)),
    "rms_norm": rms_norm,
    "cumulative_sum": lambda at: at.node("CumSum", at.x, at.model.integers(_along(at), "axis")),
    "matmul": lambda at: at.node("MatMul", *at.operands),
    "affine": affine,
    "affine_rows": affine_rows,
}
"""Reductions and products."""

RULES: dict[str, Rule] = {**SCALAR, **OVER_AXES, **PLACING, CONVOLUTION: convolution}
check_complete("to_onnx", {*OVER_AXES, *PLACING}, having(kind=("reduction", "product", "structure")))
