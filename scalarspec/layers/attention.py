"""Attention: means of values, weighted by how well keys answer queries.

A mask is bools, constants of the spec: True takes part. (That is what PyTorch's `scaled_dot_product_attention` means;
the masks of its `MultiheadAttention` are the other way round.) A row that is masked whole is zero, TorchLean's
convention, where PyTorch's is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.tensor import Operand, Tensor, operands_of
from scalarspec.errors import ShapeError
from scalarspec.layers.linear import Linear


def causal_mask(length: int) -> np.ndarray[Any, Any]:
    """The mask (length, length) under which place i sees the places up to i.

    For example:

        ss.layers.causal_mask(2)    # [[True, False], [True, True]]
    """
    return np.tri(length, dtype=bool)


def scaled_dot_product_attention(
    query: Operand, key: Operand, value: Operand, mask: Any = None, scale: Operand = None
) -> Tensor:
    """softmax(scale query keyᵀ) value, the softmax over the keys that take part.

    query: (..., L, d); key: (..., S, d); value: (..., S, e); the first axes are broadcast; result: (..., L, e). mask:
    bools that broadcast to (..., L, S), or None; scale: 1 / √d, if it is None. Raises ShapeError where they do not fit.
    PyTorch: `scaled_dot_product_attention`.

    Source: Vaswani et al. 2017, "Attention is all you need", equation 1.

        q, v = ss.context("float64").tensor([[0]]), [[1], [3]]
        ss.layers.scaled_dot_product_attention(q, [[1], [2]], v)    # [[2]]
    """
    context, (q, k, v) = operands_of("scaled_dot_product_attention", query, key, value)
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ShapeError(f"attention: {q.shape}, {k.shape}, {v.shape}; expected (..., L, d), (..., S, d), (..., S, e)")
    scores = f.matmul(q, k.mT)
    scores = scores / f.sqrt(context.tensor(q.shape[-1])) if scale is None else scores * scale
    return f.matmul(f.softmax(scores, axis=-1, where=mask), v)


@dataclass(frozen=True, eq=False)
class MultiheadAttention:
    """Attention in several heads, each between projections of its own, joined by a linear layer. PyTorch:
    `nn.MultiheadAttention(embed_dim, num_heads, batch_first=True)`, whose parameters these are.

    in_proj_weight: (3E, E), those of the query, the key and the value one above the other; in_proj_bias: (3E,) or None;
    out_proj_weight: (E, E); out_proj_bias: (E,) or None; num_heads divides E.

    Source: Vaswani et al. 2017, section 3.2.2.

        layer = ss.layers.MultiheadAttention([[0], [0], [1]], None, [[1]], None, num_heads=1)
        x = ss.context("float64").tensor([[1], [3]])
        layer(x, x, x)    # [[2], [2]]
    """

    in_proj_weight: Any
    in_proj_bias: Any
    out_proj_weight: Any
    out_proj_bias: Any
    num_heads: int

    def __call__(self, query: Operand, key: Operand, value: Operand, mask: Any = None) -> Tensor:
        """The attended values. query: (L, E); key, value: (S, E); or each with a batch first; result: as the query.

        mask: bools (L, S), for every head and example; or with an axis for each of these, which may be 1: (heads, L, S)
        without a batch, (batch, heads, L, S) with one. Raises ShapeError where the shapes do not fit.
        """
        _, (weight, *inputs) = operands_of("MultiheadAttention", self.in_proj_weight, query, key, value)
        self._check(weight, inputs)
        width, bias = inputs[0].shape[-1], self.in_proj_bias
        parts = [slice(i * width, (i + 1) * width) for i in range(3)]
        layers = [Linear(weight[part], None if bias is None else bias[part]) for part in parts]
        q, k, v = (self._heads(layer(t)) for layer, t in zip(layers, inputs, strict=True))
        if mask is not None and np.ndim(mask) not in (2, q.ndim):
            raise ShapeError(f"MultiheadAttention: a mask with {np.ndim(mask)} axes; expected 2 or {q.ndim}")
        joined = f.reshape(f.moveaxis(scaled_dot_product_attention(q, k, v, mask), -3, -2), inputs[0].shape)
        return Linear(self.out_proj_weight, self.out_proj_bias)(joined)

    def _heads(self, x: Tensor) -> Tensor:
        """(..., L, E) as (..., heads, L, E / heads)."""
        apart: Tensor = f.reshape(x, (*x.shape[:-1], self.num_heads, x.shape[-1] // self.num_heads))
        heads: Tensor = f.moveaxis(apart, -2, -3)
        return heads

    def _check(self, weight: Tensor, inputs: list[Tensor]) -> None:
        width = inputs[0].shape[-1] if inputs[0].shape else 0
        if weight.shape != (3 * width, width) or any(t.ndim not in (2, 3) or t.shape[-1] != width for t in inputs):
            shapes = ", ".join(str(t.shape) for t in inputs)
            raise ShapeError(
                f"MultiheadAttention: {shapes} for an in_proj_weight of shape {weight.shape}; expected (..., L, E) "
                "and (..., S, E) twice, for weights (3E, E)"
            )
        if self.num_heads < 1 or width % self.num_heads:
            raise ShapeError(f"MultiheadAttention: a width of {width} does not fall into {self.num_heads} heads")
