"""Losses of numbers that are predicted: squares and sizes of errors, and likelihoods."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.loss.reduction import checked, difference, fitting, is_zero, pair, reduced


def mse(prediction: Operand, target: Operand, *, reduction: str = "mean") -> Tensor:
    """The squared error (prediction - target)². Never negative. PyTorch: `F.mse_loss`.

    For example:

        ss.loss.mse(ss.context("rational").tensor([1, 2]), [1, 4], reduction="sum")    # 4
    """
    error = difference("mse", prediction, target)
    return f.mean_square(error) if checked("mse", reduction) == "mean" else reduced("mse", f.square(error), reduction)


def mse_derivative(prediction: Operand, target: Operand) -> Tensor:
    """The gradient of `mse` in the prediction, for its mean: 2 (prediction - target) / n, of the prediction's shape
    with n elements.
    """
    error = difference("mse_derivative", prediction, target)
    return 2 * error / max(error.size, 1)


def mae(prediction: Operand, target: Operand, *, reduction: str = "mean") -> Tensor:
    """The absolute error |prediction - target|. Never negative. PyTorch: `F.l1_loss`.

    reduction: "mean", "sum", or "none".

    For example:

        ss.loss.mae(ss.context("rational").tensor([1, 2]), [1, 4])    # 1
    """
    return reduced("mae", f.abs(difference("mae", prediction, target)), reduction)


def huber(prediction: Operand, target: Operand, delta: Operand = 1, *, reduction: str = "mean") -> Tensor:
    """d²/2 where |d| <= delta, and delta (|d| - delta/2) elsewhere, for d = prediction - target. delta > 0. Huber 1964;
    PyTorch: `F.huber_loss`.

    reduction: "mean", "sum", or "none".

    It is written as c²/2 + delta max(|d| - delta, 0) with c = min(|d|, delta): both terms rise in |d|, so that it is
    tight over boxes. At |d| = delta each term takes half of the tie, so that floats find the derivative there, too.
    """
    return reduced("huber", _huber(difference("huber", prediction, target), delta), reduction)


def _huber(d: Tensor, delta: Operand) -> Tensor:
    size = f.abs(d)
    losses: Tensor = f.square(f.minimum(size, delta)) / 2 + delta * f.maximum(size - delta, 0)
    return losses


def smooth_l1(prediction: Operand, target: Operand, *, reduction: str = "mean", beta: Operand = 1) -> Tensor:
    """d²/(2 beta) where |d| < beta, and |d| - beta/2 elsewhere, for d = prediction - target: `huber` over its delta.
    beta > 0, or the integer 0, for which it is |d|. PyTorch: `F.smooth_l1_loss`. Source: Girshick 2015, "Fast R-CNN",
    equation 3.

        ss.loss.smooth_l1(ss.context("rational").tensor([1, 2]), [1, 4], reduction="none")    # [0, 3/2]
    """
    d = difference("smooth_l1", prediction, target)
    return reduced("smooth_l1", f.abs(d) if is_zero(beta) else _huber(d, beta) / beta, reduction)


def log_cosh(prediction: Operand, target: Operand, *, reduction: str = "mean") -> Tensor:
    """log cosh(prediction - target): about d²/2 for small differences d, and |d| - log 2 for large ones.

    reduction: "mean", "sum", or "none".
    """
    return reduced("log_cosh", f.logcosh(difference("log_cosh", prediction, target)), reduction)


def poisson_nll(
    prediction: Operand, target: Operand, *, log_input: bool = True, full: bool = False, eps: Operand = "0.00000001",
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-log of the Poisson probability of a count, without its constant: exp(prediction) - target prediction. PyTorch:
    `F.poisson_nll_loss`.

    reduction: "mean", "sum", or "none".

    log_input: is the logarithm of the rate predicted? If it is the rate itself: prediction - target log(prediction +
    eps). full: is log(target!) added, by Stirling's formula where target > 1?

        ss.loss.poisson_nll(ss.context("float64").tensor([0]), [2])    # 1
    """
    context, (x, y) = pair("poisson_nll", prediction, target)
    losses = f.exp(x) - y * x if log_input else x - y * f.log(x + eps)
    if full:
        stirling = f.where(y > 1, lambda: y * f.log(y) - y + f.log(2 * f.pi(context) * y) / 2, 0)
        losses = losses + stirling
    return reduced("poisson_nll", losses, reduction)


def gaussian_nll(
    prediction: Operand, target: Operand, var: Operand, *, full: bool = False, eps: Operand = "0.000001",
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-log of the normal density at the target: (log v + (prediction - target)² / v) / 2, for v = max(var, eps), and
    log(2π) / 2 more where it is full. PyTorch: `F.gaussian_nll_loss`.

    reduction: "mean", "sum", or "none".

    var: >= 0, of prediction's shape, or one that is broadcast to it; or without its last axis, whose elements it serves
    then. Below eps the loss does not depend on it, where PyTorch's gradient takes it for v. Source: Nix & Weigend 1994.

        ss.loss.gaussian_nll(ss.context("float64").tensor([3]), [1], [1])    # 2
    """
    context, (x, y, v) = pair("gaussian_nll", prediction, target, var)
    if v.ndim and v.shape == x.shape[:-1]:
        v = f.expand_dims(v, -1)
    v = f.maximum(fitting("gaussian_nll", v, x), eps)
    losses = (f.log(v) + f.square(x - y) / v) / 2
    return reduced("gaussian_nll", losses + f.log(2 * f.pi(context)) / 2 if full else losses, reduction)
