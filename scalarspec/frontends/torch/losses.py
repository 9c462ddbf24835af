"""PyTorch's losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec import loss
from scalarspec.core import functions as f
from scalarspec.core.guests import integers
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError
from scalarspec.frontends.calls import refuse
from scalarspec.frontends.numpy.products import vector_norm
from scalarspec.frontends.torch.functions import implements


@implements("mse_loss")
def mse_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    if weight is not None:
        refuse("torch.mse_loss", "weight= is not followed")
    return loss.mse(input, target, reduction=reduction)


@implements("l1_loss")
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    return loss.mae(input, target, reduction=reduction)


@implements("smooth_l1_loss")
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: Any = 1.0) -> Any:
    return loss.smooth_l1(input, target, reduction=reduction, beta=beta)


@implements("huber_loss")
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: Any = 1.0, weight: Any = None) -> Any:
    if weight is not None:
        refuse("torch.huber_loss", "weight= is not followed")
    return loss.huber(input, target, delta, reduction=reduction)


@implements("cross_entropy")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: Any = 0.0,
) -> Any:
    return loss.cross_entropy(
        input,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


@implements("nll_loss")
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    return loss.nll(input, target, weight, ignore_index=ignore_index, reduction=reduction)


@implements("binary_cross_entropy")
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    return loss.bce(input, target, weight, reduction=reduction)


@implements("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    return loss.bce_with_logits(input, target, weight, reduction=reduction, pos_weight=pos_weight)


@implements("kl_div")
def kl_div(
    input: Any,
    target: Any,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    return loss.kl_div(input, target, reduction=reduction, log_target=log_target)


@implements("soft_margin_loss")
def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    return loss.soft_margin(input, target, reduction=reduction)


@implements("poisson_nll_loss")
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: Any = 1e-08,
    reduction: str = "mean",
) -> Any:
    return loss.poisson_nll(input, target, log_input=log_input, full=full, eps=eps, reduction=reduction)


@implements("gaussian_nll_loss")
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: Any = 1e-06, reduction: str = "mean"
) -> Any:
    return loss.gaussian_nll(input, target, var, full=full, eps=eps, reduction=reduction)


@implements("cosine_embedding_loss")
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: Any = 0,
    reduction: str = "mean",
) -> Any:
    return loss.cosine_embedding(input1, input2, target, margin, reduction=reduction)


@implements("cosine_similarity")
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: Any = 1e-08) -> Any:
    return loss.cosine_similarity(x1, x2, dim, eps)


@implements("pairwise_distance")
def pairwise_distance(x1: Any, x2: Any, p: Any = 2.0, eps: Any = 1e-06, keepdim: bool = False) -> Any:
    return vector_norm(f.add(f.subtract(x1, x2), eps), p, -1, keepdim)


@implements("triplet_margin_loss")
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: Any = 1.0,
    p: Any = 2,
    eps: Any = 1e-06,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    near, far = (vector_norm(f.add(f.subtract(anchor, t), eps), p, -1, False) for t in (positive, negative))
    if swap:
        far = f.minimum(far, vector_norm(f.add(f.subtract(positive, negative), eps), p, -1, False))
    return reduced(f.relu(f.add(f.subtract(near, far), margin)), reduction)


@implements("margin_ranking_loss")
def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: Any = 0,
    reduction: str = "mean",
) -> Any:
    ahead = f.multiply(target, f.subtract(input1, input2))
    return reduced(f.relu(f.subtract(margin, ahead)), reduction)


@implements("hinge_embedding_loss")
def hinge_embedding_loss(input: Any, target: Any, margin: Any = 1.0, reduction: str = "mean") -> Any:
    targets = np.asarray(target if not isinstance(target, Tensor) else integers("target", target))
    if not np.isin(targets, (-1, 1)).all():
        refuse("torch.hinge_embedding_loss", "target: expected 1 or -1")
    near = targets == 1
    return reduced(f.where(near, input, f.relu(f.subtract(margin, input))), reduction)


def reduced(losses: Any, reduction: str) -> Any:
    reductions = {"none": lambda t: t, "mean": f.mean, "sum": f.sum}
    if reduction not in reductions:
        raise ArgumentError(f"reduction: expected 'none', 'mean' or 'sum', got {reduction!r}")
    return reductions[reduction](losses)
