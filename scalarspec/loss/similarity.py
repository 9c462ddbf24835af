"""Losses of vectors: of the angles and the distances between them."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.tensor import Operand, Tensor, operands_of
from scalarspec.errors import ShapeError
from scalarspec.loss.reduction import reduced


def cosine_similarity(x1: Operand, x2: Operand, dim: int = 1, eps: Operand = "0.00000001") -> Tensor:
    """x1·x2 / (max(|x1|, eps) max(|x2|, eps)) along an axis; the others are broadcast. PyTorch: `F.cosine_similarity`.

    dim: the axis.

    x1, x2: any shapes that broadcast; result: their common shape without the axis.

        ss.loss.cosine_similarity(ss.context("rational").tensor([[3, 4]]), [[4, 3]])    # [24/25]
    """
    _, tensors = operands_of("cosine_similarity", x1, x2)
    a, b = f.broadcast_arrays(*tensors)
    sizes = [f.maximum(f.vector_norm(t, axis=dim), eps) for t in (a, b)]
    return _cosine(f.vecdot(a, b, axis=dim), sizes[0] * sizes[1])


def _cosine(product: Tensor, sizes: Tensor) -> Tensor:
    """Their quotient, which lies in [-1, 1] by Cauchy and Schwarz: an enclosure of it ends there."""
    return f.clip(product / sizes, -1, 1)


def cosine_embedding(
    x1: Operand, x2: Operand, target: Operand, margin: Operand = 0, *, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1. PyTorch:
    `F.cosine_embedding_loss`.

    Raises ShapeError where the shapes do not fit.

    reduction: "mean", "sum", or "none".

    x1, x2: (n,) or (N, n); target: () or (N,). As in PyTorch, 10⁻¹² is added to the square of each norm.

        ss.loss.cosine_embedding(ss.context("float64").tensor([1, 0]), [0, 1], 1)    # 1
    """
    _, (a, b, y) = operands_of("cosine_embedding", x1, x2, target)
    if a.shape != b.shape or a.ndim not in (1, 2) or y.shape != a.shape[:-1]:
        raise ShapeError(f"cosine_embedding: {a.shape}, {b.shape}, {y.shape}; expected (..., n) twice, and (...)")
    squares = [f.sum(f.square(t), axis=-1) + "0.000000000001" for t in (a, b)]
    cosine = _cosine(f.vecdot(a, b), f.sqrt(squares[0] * squares[1]))
    return reduced("cosine_embedding", f.where(y > 0, 1 - cosine, f.relu(cosine - margin)), reduction)


def triplet_margin(
    anchor: Operand, positive: Operand, negative: Operand, margin: Operand = 1, p: int = 2, eps: Operand = "0.000001",
    swap: bool = False, *, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), for the distance d(x, y) = |x - y + eps| in the
    p-norm. PyTorch: `F.triplet_margin_loss`.

    Raises ShapeError where the shapes differ.

    reduction: "mean", "sum", or "none".

    anchor, positive, negative: (..., n), one shape; the loss is one of each vector. swap: is the smaller one of
    d(anchor, negative) and d(positive, negative) taken? Source: Balntas et al. 2016.

        ss.loss.triplet_margin(ss.context("rational").tensor([0, 0]), [3, 4], [6, 8], eps=0)    # 0
    """
    _, (a, b, c) = operands_of("triplet_margin", anchor, positive, negative)
    if not a.shape or not a.shape == b.shape == c.shape:
        raise ShapeError(f"triplet_margin: {a.shape}, {b.shape}, {c.shape}; expected (..., n), one shape")
    near, far = (f.vector_norm(a - t + eps, p, axis=-1) for t in (b, c))
    if swap:
        far = f.minimum(far, f.vector_norm(b - c + eps, p, axis=-1))
    return reduced("triplet_margin", f.relu(near - far + margin), reduction)
