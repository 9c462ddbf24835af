"""Losses between a prediction and a target of equal shape, as means over all elements (TorchLean's convention).

Unless it says otherwise, prediction and target have any shape, the same for both (ShapeError otherwise), and the result
has shape (). The mean over nothing is 0.

    prediction = ss.context("interval").tensor([1, 2])
    ss.loss.mse(prediction, [1, "2.5"])    # encloses 1/8
"""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.tensor import Operand, Tensor, operands_of
from scalarspec.errors import ShapeError


def mse(prediction: Operand, target: Operand) -> Tensor:
    """The mean squared error: the mean of (prediction - target)². Never negative. PyTorch: `F.mse_loss`."""
    return f.mean_square(_difference("mse", prediction, target))


def mse_derivative(prediction: Operand, target: Operand) -> Tensor:
    """The gradient of `mse` in the prediction: 2 (prediction - target) / n, of the prediction's shape with n
    elements.
    """
    difference = _difference("mse_derivative", prediction, target)
    return 2 * difference / max(difference.size, 1)


def mae(prediction: Operand, target: Operand) -> Tensor:
    """The mean absolute error: the mean of |prediction - target|. Never negative. PyTorch: `F.l1_loss`."""
    return f.mean(f.abs(_difference("mae", prediction, target)))


def huber(prediction: Operand, target: Operand, delta: Operand = 1) -> Tensor:
    """The mean of d²/2 where |d| <= delta, and of delta (|d| - delta/2) elsewhere, for d = prediction - target. delta >
    0. Huber 1964; PyTorch: `F.huber_loss`.

    It is written as c²/2 + delta max(|d| - delta, 0) with c = min(|d|, delta): both terms rise in |d|, so that it is
    tight over boxes. At |d| = delta each term takes half of the tie, so that floats find the derivative there, too.
    """
    size = f.abs(_difference("huber", prediction, target))
    return f.mean(f.square(f.minimum(size, delta)) / 2 + delta * f.maximum(size - delta, 0))


def log_cosh(prediction: Operand, target: Operand) -> Tensor:
    """The mean of log cosh(prediction - target): about d²/2 for small differences d, and |d| - log 2 for large ones."""
    return f.mean(f.logcosh(_difference("log_cosh", prediction, target)))


def hinge(score: Operand, label: Operand) -> Tensor:
    """The mean of max(0, 1 - label score), for labels that are -1 or 1. score, label: one shape; result: ()."""
    _, (s, y) = _pair("hinge", score, label)
    return f.mean(f.relu(1 - y * s))


def cross_entropy(logits: Operand, target: Operand) -> Tensor:
    """-Σ target log softmax(logits), in nats, for a target distribution over the classes (one-hot for a label).

    logits: (classes,); target: (classes,), whose elements are >= 0 and sum to 1; result: (). PyTorch: `F.cross_entropy`
    with class probabilities. Raises ShapeError for logits of any other number of axes.
    """
    _, (z, p) = _pair("cross_entropy", logits, target)
    if len(z.shape) != 1:
        raise ShapeError(f"cross_entropy: logits of shape {z.shape}; expected (classes,)")
    return f.dot(p, f.logsumexp(z) - z)


def _pair(name: str, x: Operand, y: Operand) -> tuple[object, list[Tensor]]:
    """The context of two operands, and both as tensors of it. Raises ShapeError where their shapes differ."""
    context, tensors = operands_of(name, x, y)
    if tensors[0].shape != tensors[1].shape:
        raise ShapeError(f"{name}: shapes {tensors[0].shape} and {tensors[1].shape} differ")
    return context, tensors


def _difference(name: str, prediction: Operand, target: Operand) -> Tensor:
    """prediction - target, in their one shape."""
    _, (x, y) = _pair(name, prediction, target)
    return x - y
