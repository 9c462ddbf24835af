"""Losses between a prediction and a target of equal shape, as means over all elements (TorchLean's convention).

The mean over nothing is 0. Each is a tensor of shape ().
"""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.functions import Operand
from scalarspec.core.tensor import Tensor, operands_of
from scalarspec.errors import ShapeError


def mse(prediction: Operand, target: Operand) -> Tensor:
    """The mean of (prediction - target)². Never negative. PyTorch: `F.mse_loss`."""
    return f.mean_square(_difference("mse", prediction, target))


def mse_derivative(prediction: Operand, target: Operand) -> Tensor:
    """d mse / d prediction = 2 (prediction - target) / n, in the shape of the prediction."""
    difference = _difference("mse_derivative", prediction, target)
    return 2 * difference / max(difference.size, 1)


def mae(prediction: Operand, target: Operand) -> Tensor:
    """The mean of |prediction - target|. PyTorch: `F.l1_loss`."""
    return f.mean(f.abs(_difference("mae", prediction, target)))


def huber(prediction: Operand, target: Operand, delta: Operand = 1) -> Tensor:
    """The mean of d²/2 where |d| <= delta, else of delta (|d| - delta/2). PyTorch: `F.huber_loss`.

    Written as c²/2 + delta max(|d| - delta, 0) with c = min(|d|, delta), both rising in |d|: tight over boxes. At
    |d| = delta both share the tie, so that floats find the derivative there, too.
    """
    size = f.abs(_difference("huber", prediction, target))
    return f.mean(f.square(f.minimum(size, delta)) / 2 + delta * f.maximum(size - delta, 0))


def log_cosh(prediction: Operand, target: Operand) -> Tensor:
    """The mean of log cosh(prediction - target)."""
    return f.mean(f.logcosh(_difference("log_cosh", prediction, target)))


def hinge(score: Operand, label: Operand) -> Tensor:
    """The mean of max(0, 1 - label score), for labels in {-1, 1}."""
    _, (s, y) = _pair("hinge", score, label)
    return f.mean(f.relu(1 - y * s))


def cross_entropy(logits: Operand, target: Operand) -> Tensor:
    """-Σ target log softmax(logits), for a target distribution over the classes (one-hot for a label).

    logits, target: (classes,). PyTorch: `F.cross_entropy` with class probabilities.
    """
    _, (z, p) = _pair("cross_entropy", logits, target)
    if len(z.shape) != 1:
        raise ShapeError(f"cross_entropy: logits of shape {z.shape}; expected (classes,)")
    return f.dot(p, f.logsumexp(z) - z)


def _pair(name: str, x: Operand, y: Operand) -> tuple[object, list[Tensor]]:
    context, tensors = operands_of(name, x, y)
    if tensors[0].shape != tensors[1].shape:
        raise ShapeError(f"{name}: shapes {tensors[0].shape} and {tensors[1].shape} differ")
    return context, tensors


def _difference(name: str, prediction: Operand, target: Operand) -> Tensor:
    _, (x, y) = _pair(name, prediction, target)
    return x - y
