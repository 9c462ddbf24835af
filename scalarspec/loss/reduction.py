"""What all losses share: operands of one shape, and what becomes of the losses of the elements."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core import shape as shapes
from scalarspec.core.context import Context
from scalarspec.core.tensor import Operand, Tensor, operands_of
from scalarspec.errors import ArgumentError, ShapeError


def reduced(name: str, losses: Tensor, reduction: str) -> Tensor:
    """The losses of the elements, as the reduction says. Raises ArgumentError for one that there is not."""
    if checked(name, reduction) == "none":
        return losses
    return f.mean(losses) if reduction == "mean" else f.sum(losses)


def checked(name: str, reduction: str) -> str:
    """The reduction. Raises ArgumentError where it is none."""
    if reduction not in ("mean", "sum", "none"):
        raise ArgumentError(f"{name}: reduction: expected 'mean', 'sum' or 'none', got {reduction!r}")
    return reduction


def is_zero(number: Operand) -> bool:
    """Is it the integer 0, which leaves a term out?"""
    return isinstance(number, int) and number == 0


def pair(name: str, x: Operand, y: Operand, *others: Operand) -> tuple[Context[object], list[Tensor]]:
    """The context of some operands, and each as a tensor of it. Raises ShapeError where the shapes of the first two
    differ.
    """
    context, tensors = operands_of(name, x, y, *others)
    if tensors[0].shape != tensors[1].shape:
        raise ShapeError(f"{name}: shapes {tensors[0].shape} and {tensors[1].shape} differ")
    return context, tensors


def fitting(name: str, parameter: Operand, losses: Tensor) -> Tensor:
    """A parameter that is broadcast to the losses. Raises ShapeError where there would be more of them by that."""
    _, (t, _) = operands_of(name, parameter, losses)
    if shapes.broadcast_shapes(name, [t.shape, losses.shape]) != losses.shape:
        raise ShapeError(f"{name}: a parameter of shape {t.shape} does not broadcast to {losses.shape}")
    return t


def weighted(name: str, losses: Tensor, weight: Operand) -> Tensor:
    """The losses times their weights, which may be None."""
    return losses if weight is None else losses * fitting(name, weight, losses)


def difference(name: str, prediction: Operand, target: Operand) -> Tensor:
    """prediction - target, in their one shape."""
    _, (x, y) = pair(name, prediction, target)
    return x - y
