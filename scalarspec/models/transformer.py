"""The encoder of a transformer (Vaswani et al. 2017): attention and a network of two layers, each added to its input.

The norms come after the sums as in the paper, `post_norm`, or before the branches, `pre_norm` (Xiong et al. 2020),
which leaves a path from the input to the output that nothing touches. x has shape (length, width), or (b, length,
width) for a batch. mask: bools (length, length), True where a row may look, or None; a row that may look nowhere
attends to zero.
block, blocks, encoder: the parameters, in the context of x.
Stages: attention, h, mlp, y (all of them in each block).

    attention = ss.layers.MultiheadAttention(np.ones((12, 4)), np.zeros(12), np.ones((4, 4)), np.zeros(4), 2)
    norm, linear = ss.layers.LayerNorm(np.ones(4), np.zeros(4)), ss.layers.Linear(np.ones((4, 4)))
    block = transformer.Block(attention, linear, linear, norm, norm)
    encoder, x = ss.lift(transformer.Encoder((block,), norm), "float64"), ss.context("float64").tensor(np.eye(3, 4))
    transformer.forward(encoder, x)
    transformer.post_norm(encoder.blocks[0], x)
    transformer.pre_norm(encoder.blocks[0], x)
    transformer.attend(encoder.blocks[0], x), transformer.mlp(encoder.blocks[0], x)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scalarspec import activation as activations
from scalarspec.core.functions import stage
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Tensor
from scalarspec.layers import Map

Attention = Callable[[Tensor, Tensor, Tensor, Any], Tensor]
"""From a query, a key, a value and a mask to what is attended, (..., length, width): `layers.MultiheadAttention`."""


@dataclass(frozen=True, eq=False)
class Block:
    """The parameters of a block, in the names of PyTorch's TransformerEncoderLayer.

    self_attn: the attention; linear1, linear2: from width to hidden and back; norm1, norm2: of the last axis, such as
    `layers.LayerNorm`; activation: a name of `activation.ACTIVATIONS`. Raises UnknownName for any other one.
    """

    self_attn: Attention
    linear1: Map
    linear2: Map
    norm1: Map
    norm2: Map
    activation: str = "gelu"

    def __post_init__(self) -> None:
        activations.named(self.activation)


def post_norm(block: Block, x: Tensor, mask: Any = None) -> Tensor:
    """norm2(h + mlp(h)) with h = norm1(x + attention(x)), section 3.1. x, result: (length, width) or (b, length,
    width).
    """
    h = stage("h", block.norm1(x + attend(block, x, mask)))
    return stage("y", block.norm2(h + mlp(block, h)))


def pre_norm(block: Block, x: Tensor, mask: Any = None) -> Tensor:
    """h + mlp(norm2(h)) with h = x + attention(norm1(x)), Xiong et al. 2020, table 1. x, result: (length, width) or (b,
    length, width).
    """
    h = stage("h", x + attend(block, block.norm1(x), mask))
    return stage("y", h + mlp(block, block.norm2(h)))


def attend(block: Block, x: Tensor, mask: Any = None) -> Tensor:
    """The attention of x to itself. x, result: (length, width) or (b, length, width). Raises ShapeError for another
    result.
    """
    attended = stage("attention", block.self_attn(x, x, x, mask))
    check_one_shape("attention: x and what is attended", x, attended)
    return attended


def mlp(block: Block, x: Tensor) -> Tensor:
    """linear2(activation(linear1(x))) at each place, section 3.3. x, result: (..., width).

    Raises ShapeError for another result.
    """
    activation = activations.named(block.activation).function
    found = stage("mlp", block.linear2(activation(block.linear1(x))))
    check_one_shape("mlp: x and what is added to it", x, found)
    return found


@dataclass(frozen=True, eq=False)
class Encoder:
    """Blocks one after the other, and the norm that pre-norm encoders end with."""

    blocks: tuple[Block, ...]
    norm: Map


def forward(encoder: Encoder, x: Tensor, mask: Any = None) -> Tensor:
    """The encoding by pre-norm blocks. x, result: (length, width) or (b, length, width)."""
    for block in encoder.blocks:
        x = pre_norm(block, x, mask)
    return encoder.norm(x)
