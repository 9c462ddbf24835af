"""Residual networks (He, Zhang, Ren & Sun 2016): blocks y = relu(F(x) + x), in which only the difference F is learned.

Evaluation: the norms are maps with fixed statistics, such as `layers.BatchNorm`. x has shape (channels, height, width),
or (b, channels, height, width) for a batch; the logits have shape (classes,), or (b, classes).
model: the `Model`, its parameters in the context of x.
Stages: h (after the stem and each block), logits.

    same = ss.layers.Conv(np.ones((1, 1, 3, 3)), padding=1)
    model = resnet.Model(same, (resnet.Block((same, same)),), ss.layers.Linear(np.ones((2, 1))))
    ss.bounds(resnet.forward, model, np.zeros((1, 4, 4)), vary={"x": ss.ball("0.1")})
"""

from __future__ import annotations

from dataclasses import dataclass

from scalarspec.core.functions import mean, relu, stage
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError
from scalarspec.layers import Map, Sequential, identity


@dataclass(frozen=True, eq=False)
class Block:
    """The map x -> relu(F(x) + shortcut(x)), where F is a branch of units with relu between them.

    branch: each a convolution with its norm; shortcut: the identity, or a projection where the shapes differ (equations
    1 and 2). Raises ArgumentError for an empty branch.
    """

    branch: tuple[Map, ...]
    shortcut: Map = identity

    def __post_init__(self) -> None:
        if not self.branch:
            raise ArgumentError("branch: expected one unit at least, got none")

    @staticmethod
    def basic(conv1: Map, bn1: Map, conv2: Map, bn2: Map, shortcut: Map = identity) -> Block:
        """The block of two 3 x 3 convolutions, figure 5 on the left, in the names of torchvision's BasicBlock."""
        return Block((Sequential(conv1, bn1), Sequential(conv2, bn2)), shortcut)

    @staticmethod
    def bottleneck(conv1: Map, bn1: Map, conv2: Map, bn2: Map, conv3: Map, bn3: Map, shortcut: Map = identity) -> Block:
        """The block of 1 x 1, 3 x 3 and 1 x 1 convolutions, figure 5 on the right, as torchvision's Bottleneck."""
        return Block((Sequential(conv1, bn1), Sequential(conv2, bn2), Sequential(conv3, bn3)), shortcut)

    def __call__(self, x: Tensor) -> Tensor:
        """The block's value. x: (..., channels, height, width). Raises ShapeError where the two have other shapes."""
        residual, shortcut = self.residual(x), self.shortcut(x)
        check_one_shape("residual block", residual, shortcut)
        return relu(residual + shortcut)

    def residual(self, x: Tensor) -> Tensor:
        """F(x), which has no relu at its end."""
        for unit in self.branch[:-1]:
            x = relu(unit(x))
        return self.branch[-1](x)


@dataclass(frozen=True, eq=False)
class Model:
    """The parts: the stem, from an image to the first one with relu and pool; the blocks; the head, from a vector of
    the channels to the logits.
    """

    stem: Map
    blocks: tuple[Map, ...]
    head: Map


def forward(model: Model, x: Tensor) -> Tensor:
    """The logits: the head of the means over all pixels. x: (channels, height, width) or (b, channels, height, width);
    result: (classes,) or (b, classes).
    """
    x = stage("h", model.stem(x))
    for block in model.blocks:
        x = stage("h", block(x))
    return stage("logits", model.head(mean(x, axis=(-2, -1))))
