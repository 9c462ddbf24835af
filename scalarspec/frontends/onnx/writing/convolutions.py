"""Convolutions among equations: products of weights and windows, which ONNX has one operator for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from scalarspec.core.shape import Shape
from scalarspec.frontends.onnx.writing.model import At, Value
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

CONVOLUTION = "convolution"
"""What an equation of a convolution, of x and the weights as a matrix, is called here."""


def with_convolutions(equations: Sequence[Equation]) -> list[Equation]:
    """The equations with convolutions in the stead of products by all windows."""
    made = {eqn.result: eqn for eqn in equations}
    return [_convolution(eqn, made) or eqn for eqn in equations]


def _convolution(eqn: Equation, made: Mapping[Traced, Equation]) -> Equation | None:
    """The convolution that a product is: of weights as a matrix, or one for each group, and all windows as columns."""
    windows = _windows(eqn.operands[1], made) if eqn.operation == "matmul" else None
    if windows is None:
        return None
    (matrix, columns), (x,), kernel = eqn.operands, windows.operands, windows.parameters["kernel"]
    groups = matrix.shape[:-2]
    if len(x.shape) != len(kernel) + 2 or len(groups) > 1:
        return None
    many, rows = prod(groups), x.shape[1] * prod(kernel)
    numbers = prod(windows.result.shape[2 + len(kernel) :])
    if not many or rows % many or columns.shape != (x.shape[0], *groups, rows // many, numbers):
        return None
    weights = Shape((prod(matrix.shape[:-1]), x.shape[1] // many, *kernel))
    operands, told = (x, _before(matrix, weights, made)), {**windows.parameters, "groups": many, "weights": weights}
    return replace(eqn, operation=CONVOLUTION, operands=operands, parameters=told)


def _windows(columns: Traced, made: Mapping[Traced, Equation]) -> Equation | None:
    """What makes all windows, of which there are columns."""
    maker = made.get(columns)
    if maker is not None and maker.operation == "reshape":
        maker = made.get(maker.operands[0])
    return maker if maker is not None and maker.operation == "patches" else None


def _before(matrix: Traced, shape: Shape, made: Mapping[Traced, Equation]) -> Traced:
    """The weights of that shape of which the matrix is made, or the matrix."""
    maker = made.get(matrix)
    reshaped = maker is not None and maker.operation == "reshape" and maker.operands[0].shape == shape
    return maker.operands[0] if maker is not None and reshaped else matrix


def convolution(at: At) -> Value:
    """ONNX's operator, whose result has the windows in their axes."""
    (x, weight), told = at.operands, at.parameters
    if at.shapes[1] != told["weights"]:
        weight = at.reshaped(weight, told["weights"])
    spread = {"kernel_shape": told["kernel"], "strides": told["stride"], "dilations": told["dilation"]}
    return at.reshaped(at.node("Conv", x, weight, group=told["groups"], **spread), at.shape)
