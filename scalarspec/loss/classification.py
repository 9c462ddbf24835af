"""Losses of classes: of labels, and of distributions over classes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.guests import integers
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Operand, Tensor, as_tensor, operands_of
from scalarspec.errors import OutOfRange, ShapeError
from scalarspec.loss.reduction import checked, fitting, is_zero, pair, reduced, weighted

# ---- two classes ----------------------------------------------------------------------------------------------------


def hinge(score: Operand, label: Operand, *, reduction: str = "mean") -> Tensor:
    """max(0, 1 - label score), for labels that are -1 or 1.

    reduction: "mean", "sum", or "none".

    For example:

        ss.loss.hinge(ss.context("rational").tensor([2, 0.5]), [1, -1])    # 3/4
    """
    _, (s, y) = pair("hinge", score, label)
    return reduced("hinge", f.relu(1 - y * s), reduction)


def soft_margin(score: Operand, label: Operand, *, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-label score)), for labels that are -1 or 1. PyTorch: `F.soft_margin_loss`.

    reduction: "mean", "sum", or "none".
    """
    _, (s, y) = pair("soft_margin", score, label)
    return reduced("soft_margin", f.softplus(-(y * s)), reduction)


def bce(prediction: Operand, target: Operand, weight: Operand = None, *, reduction: str = "mean") -> Tensor:
    """The binary cross-entropy -weight (target log p + (1 - target) log(1 - p)) of a probability p. PyTorch:
    `F.binary_cross_entropy`.

    reduction: "mean", "sum", or "none".

    prediction, target: in [0, 1]; weight: broadcast to them, or None. As PyTorch does, it takes logarithms below -100
    for -100, that of 0 among them. `bce_with_logits` is the better loss of a sigmoid.

        ss.loss.bce(ss.context("float64").tensor([0, 1]), [1, 1])    # 50
    """
    _, (p, y) = pair("bce", prediction, target)
    hit, miss = (f.maximum(log, -100) for log in (f.log(f.maximum(p, TINY)), _log_of_rest(p)))
    return reduced("bce", weighted("bce", -(y * hit + (1 - y) * miss), weight), reduction)


TINY = Fraction(1, 10**44)
"""A number whose logarithm is below -100, so that what is less may be taken for it where that is the least."""


def _log_of_rest(p: Tensor) -> Tensor:
    """log(1 - p), up to p = 1/2 by log1p, which keeps the digits of a small p, and from there on by log; each is
    constant where the other one is not.
    """
    half = Fraction(1, 2)
    return f.log1p(-f.minimum(p, half)) + f.log(f.clip(2 * (1 - p), TINY, 1))


def bce_with_logits(
    logits: Operand, target: Operand, weight: Operand = None, *, reduction: str = "mean", pos_weight: Operand = None
) -> Tensor:
    """The binary cross-entropy of σ(logits): weight (pos_weight target softplus(-z) + (1 - target) softplus(z)). Never
    negative. PyTorch: `F.binary_cross_entropy_with_logits`.

    reduction: "mean", "sum", or "none".

    target: in [0, 1]; weight, pos_weight: broadcast to them, or None. For targets of 0 and 1 only one of the terms is
    there, so that it is exact over boxes; nothing overflows.

        ss.loss.bce_with_logits(ss.context("float64").tensor([-1000, 1000]), [1, 1])    # 500
    """
    _, (z, y) = pair("bce_with_logits", logits, target)
    name = "bce_with_logits"
    losses = weighted(name, y * f.softplus(-z), pos_weight) + (1 - y) * f.softplus(z)
    return reduced(name, weighted(name, losses, weight), reduction)


def sigmoid_focal(
    logits: Operand, target: Operand, alpha: Operand = "0.25", gamma: Operand = 2, *, reduction: str = "none"
) -> Tensor:
    """The focal loss α (1 - p)^gamma · -log p, for the probability p = σ(±logits) of the true one of two classes.
    torchvision: `sigmoid_focal_loss`, whose defaults these are.

    reduction: "mean", "sum", or "none".

    target: 0 or 1; alpha: the weight of class 1, and 1 - alpha that of class 0, or None for no weights. Each factor
    falls as p rises, so that it is exact over boxes. Source: Lin et al. 2017, equation 5.

        ss.loss.sigmoid_focal(ss.context("float64").tensor([-1000]), [1])    # [250]
    """
    _, (z, y) = pair("sigmoid_focal", logits, target)
    missed = y * f.sigmoid(-z) + (1 - y) * f.sigmoid(z)
    losses = f.pow(missed, gamma) * bce_with_logits(z, y, reduction="none")
    if alpha is not None:
        share = fitting("sigmoid_focal", alpha, losses)
        losses = (share * y + (1 - share) * (1 - y)) * losses
    return reduced("sigmoid_focal", losses, reduction)


# ---- several classes ------------------------------------------------------------------------------------------------


def cross_entropy(
    logits: Operand, target: Any, weight: Operand = None, *, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: Operand = 0,
) -> Tensor:  # fmt: skip
    """-log softmax(logits) at the target's class, or -Σ target log softmax(logits) for a distribution over the classes,
    in nats. Never negative. PyTorch: `F.cross_entropy`.

    logits: (C,), (N, C) or (N, C, d1, ...). target: labels, integers 0 <= y < C of shape (), (N,) or (N, d1, ...),
    which are known beforehand; or a distribution, of the logits' shape, whose numbers are >= 0 and sum to 1 over the
    classes. weight: (C,), a factor for each class, or None. ignore_index: a label that does not count. label_smoothing:
    s in [0, 1]; the target becomes (1 - s) target + s / C.
    reduction: "none" gives the shape of the labels; the mean of labels is over the weights of those that count.
    Raises ShapeError where the shapes do not fit, OutOfRange for a label that is no class, ArgumentError for labels
    that are no integers.

        logits = ss.context("interval").box([0, 0], [1, 1])
        ss.loss.cross_entropy(logits, 1)    # [log(1 + 1/e), log(1 + e)]
    """
    name, shape = "cross_entropy", Shape(np.shape(target))
    is_distribution = shape == np.shape(logits)
    _, (z, *p) = operands_of(name, logits, *([target] if is_distribution else []))
    axis = _class_axis(name, z, shape)
    losses = -f.log_softmax(z, axis)
    if not is_distribution:
        return _at_labels(name, losses, target, weight, ignore_index, reduction, label_smoothing)
    shares = p[0]
    if not is_zero(label_smoothing):
        smooth = as_tensor(z.context, label_smoothing)
        shares = shares * (1 - smooth) + smooth / z.shape[axis]
    return reduced(name, f.sum(shares * _by_class(losses, weight, axis), axis=axis), reduction)


def nll(
    log_probs: Operand, target: Any, weight: Operand = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """-log_probs at the target's class. PyTorch: `F.nll_loss`.

    weight: (C,), of each class, or None; ignore_index: a label that does not count; reduction: "mean", "sum", or
    "none".

    log_probs: (C,), (N, C) or (N, C, d1, ...), logarithms of probabilities; the others as in `cross_entropy`, of which
    this is the part after `log_softmax`, the target being labels.

        ss.loss.nll(ss.context("rational").tensor([[-1, -2], [-3, -4]]), [1, 0])    # 5/2
    """
    _, (x,) = operands_of("nll", log_probs)
    _class_axis("nll", x, Shape(np.shape(target)))
    return _at_labels("nll", -x, target, weight, ignore_index, reduction, 0)


def _class_axis(name: str, x: Tensor, target: Shape) -> int:
    """The axis of the classes. Raises ShapeError where the target has neither the shape of x nor that without it."""
    axis = 0 if x.ndim == 1 else 1
    labels = Shape(n for i, n in enumerate(x.shape) if i != axis)
    if not x.ndim or target not in (labels, x.shape):
        raise ShapeError(
            f"{name}: a target of shape {target} for {x.shape}; expected labels of shape {labels} or, of "
            f"cross_entropy, a distribution of shape {x.shape}, for (C,), (N, C) or (N, C, ...)"
        )
    return axis


def _by_class(losses: Tensor, weight: Operand, axis: int) -> Tensor:
    """The losses of all classes, each times its weight. Raises ShapeError unless there is one for each class."""
    if weight is None:
        return losses
    _, (w, t) = operands_of("weight", weight, losses)
    if w.shape != t.shape[axis : axis + 1]:
        raise ShapeError(f"weight: shape {w.shape}; expected one number for each of {t.shape[axis]} classes")
    found: Tensor = t * f.reshape(w, [-1 if i == axis else 1 for i in range(t.ndim)])
    return found


def _at_labels(
    name: str, losses: Tensor, target: Any, weight: Operand, ignored: int, reduction: str, smoothing: Operand
) -> Tensor:
    """The losses of the labels' classes, from those of all classes."""
    axis = 0 if losses.ndim == 1 else 1
    labels, classes = integers(f"{name}: target", target), losses.shape[axis]
    if labels.shape != losses.shape[:axis] + losses.shape[axis + 1 :]:
        raise ShapeError(f"{name}: labels of shape {labels.shape} for {losses.shape}")
    counts = labels != ignored
    wrong = labels[counts & ((labels < 0) | (labels >= classes))]
    if wrong.size:
        raise OutOfRange(f"{name}: label {wrong.flat[0]}; expected one of {classes} classes, from 0 on")
    every = _by_class(losses, weight, axis)
    found = _picked(every, np.where(counts, labels, 0), axis)
    if not is_zero(smoothing):
        smooth = as_tensor(losses.context, smoothing)
        found = (1 - smooth) * found + smooth / classes * f.sum(every, axis=axis)
    found = found if counts.all() else f.where(counts, found, 0)
    if checked(name, reduction) != "mean" or not counts.any() or (weight is None and counts.all()):
        return reduced(name, found, reduction)
    return f.sum(found) / (labels[counts].size if weight is None else _mass(losses, weight, labels[counts]))


def _picked(every: Tensor, labels: Any, axis: int) -> Tensor:
    """The element at each label along an axis."""
    if not labels.ndim:
        return every[int(labels)]
    found: Tensor = f.squeeze(f.take_along_axis(every, np.expand_dims(labels, axis), axis), axis)
    return found


def _mass(losses: Tensor, weight: Operand, labels: Any) -> Tensor:
    """The sum of the weights of some labels."""
    _, (w, _) = operands_of("weight", weight, losses)
    return f.sum(f.take(w, labels))


def kl_div(prediction: Operand, target: Operand, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target (log target - prediction), the terms of the Kullback-Leibler divergence of a distribution from one whose
    logarithms are predicted. PyTorch: `F.kl_div`.

    Raises ShapeError where "batchmean" has no first axis.

    prediction: logarithms of probabilities; target: probabilities, 0 among them, or with log_target their logarithms.
    reduction: also "batchmean", the sum over the length of the first axis, which is the divergence: "mean" is over all
    elements.

        ss.loss.kl_div(ss.context("float64").tensor([[-1, -1]]), [[1, 0]], reduction="batchmean")    # 1
    """
    _, (x, y) = pair("kl_div", prediction, target)
    terms = f.exp(y) * (y - x) if log_target else f.xlogy(y, y) - y * x
    if reduction != "batchmean":
        return reduced("kl_div", terms, reduction)
    if not x.ndim:
        raise ShapeError("kl_div: the reduction 'batchmean' of a prediction of shape (), which has no batch")
    return f.sum(terms) / max(len(x), 1)
