"""Facts about what is added to its input: residual blocks, and the blocks of a transformer, with any maps in them."""

from __future__ import annotations

from typing import Any

from scalarspec.core import functions as f
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.models.resnet import Block
from scalarspec.models.transformer import Block as TransformerBlock
from scalarspec.models.transformer import post_norm, pre_norm
from scalarspec.theory.fact import Equal, Fact
from scalarspec.theory.statements import Opaque

IMAGE, SEQUENCE, HIDDEN = Shape((2, 3, 4)), Shape((3, 4)), Shape((3, 6))
OF_BLOCK = (Opaque("unit", (5, 3, 4)), Opaque("last_unit", IMAGE), IMAGE)
NAMES = ("attention", "linear2", "norm1", "norm2")
OF_TRANSFORMER = (Opaque("linear1", HIDDEN), *(Opaque(name, SEQUENCE) for name in NAMES), SEQUENCE)


def _block(weight: Operand, unit: Any, last: Any, x: Tensor) -> Tensor:
    """A residual block, whose branch ends with a weight."""
    return Block((unit, lambda h: f.multiply(weight, last(h))))(x)


def _transformer(normed: Any, weight: Operand, linear1: Any, attention: Any, linear2: Any, *rest: Any) -> Tensor:
    """A block of a transformer, whose branches end with a weight."""
    norm1, norm2, x = rest
    block = TransformerBlock(
        lambda query, key, value, mask: f.multiply(weight, attention(query)),
        linear1,
        lambda h: f.multiply(weight, linear2(h)),
        norm1,
        norm2,
        "relu",
    )
    found: Tensor = normed(block, x)
    return found


RESIDUAL_FACTS: tuple[Fact, ...] = (
    Fact(
        "residual_block_of_nothing_is_relu",
        "a residual block whose last unit has the weight 0 is relu: the identity on what a relu gave",
        Equal(lambda u, v, x: _block(0, u, v, x), lambda u, v, x: f.relu(x), OF_BLOCK),
        "the weight 1",
        Equal(lambda u, v, x: _block(1, u, v, x), lambda u, v, x: f.relu(x), OF_BLOCK),
        source="He et al. 2016; zero-initialised branches: Goyal et al. 2017",
    ),
    Fact(
        "pre_norm_block_of_nothing_is_identity",
        "a pre-norm transformer block whose branches have the weight 0 is the identity",
        Equal(lambda *a: _transformer(pre_norm, 0, *a), lambda *a: a[-1], OF_TRANSFORMER),
        "so is a post-norm block",
        Equal(lambda *a: _transformer(post_norm, 0, *a), lambda *a: a[-1], OF_TRANSFORMER),
        source="Xiong et al. 2020",
    ),
)
