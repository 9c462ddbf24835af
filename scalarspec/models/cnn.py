"""A convolutional network for images, as LeNet (LeCun, Bottou, Bengio & Haffner 1998): convolutions, each with relu and
a pool, and a linear head on what is left.

x has shape (channels, height, width), or (b, channels, height, width) for a batch; the logits have shape (classes,), or
(b, classes).
model: the `Model`, its parameters in the context of x.
Stages: h (after each pool), logits, loss.

    kernel, weights = np.ones((2, 1, 3, 3)), np.ones((3, 8))
    model = cnn.Model((ss.layers.Conv(kernel),), ss.layers.Linear(weights), pool=cnn.halve)
    ss.bounds(cnn.forward, model, np.zeros((1, 6, 6)), vary={"x": ss.ball("0.1")})
    ss.bounds(cnn.loss, model, np.zeros((1, 6, 6)), 2, vary={"x": ss.ball("0.1")})
    cnn.halve(ss.context("float64").tensor(np.zeros((2, 4, 4))))
"""

from __future__ import annotations

from dataclasses import dataclass

from scalarspec.core.functions import flatten, max_pool, relu, stage
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.layers import Map
from scalarspec.loss import cross_entropy


def halve(x: Tensor) -> Tensor:
    """The largest of each 2 x 2 pixels. x: (..., channels, height, width); result: (..., height // 2, width // 2)."""
    return max_pool(x, (2, 2))


@dataclass(frozen=True, eq=False)
class Model:
    """The parts, any maps.

    convolutions: each from (channels, height, width) to such images, such as `layers.Conv`; head: from a vector to the
    logits; pool: what follows each relu.
    """

    convolutions: tuple[Map, ...]
    head: Map
    pool: Map = halve


def forward(model: Model, x: Tensor) -> Tensor:
    """The logits. x: (channels, height, width) or (b, channels, height, width); result: (classes,) or (b, classes)."""
    for convolution in model.convolutions:
        x = stage("h", model.pool(relu(convolution(x))))
    return stage("logits", model.head(flatten(x, start_dim=-3)))


def loss(model: Model, x: Tensor, target: Operand) -> Tensor:
    """The cross-entropy of the logits, as `loss.cross_entropy` reads the target. x: as for `forward`; result: ()."""
    return stage("loss", cross_entropy(forward(model, x), target))
