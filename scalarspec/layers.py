"""Layers: callables on tensors, whose parameters are NumPy arrays or tensors. `lift` carries them to a context.

For example:

    model = ss.layers.Sequential(ss.layers.Linear([[1.0, 2.0], [0.5, -1.0]], [0.0, 1.0]), ss.layers.relu)
    ss.lift(model, "interval")(ss.context("interval").tensor([1, 1]))    # [3, 0.5]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scalarspec.activation import identity
from scalarspec.core import functions as f
from scalarspec.core.functions import leaky_relu, relu, sigmoid, softplus, tanh
from scalarspec.core.tensor import Tensor

__all__ = ["Linear", "Map", "Sequential", "identity", "leaky_relu", "relu", "sigmoid", "softplus", "tanh"]

Map = Callable[[Tensor], Tensor]
"""A layer, or anything else that makes a tensor of a tensor."""


@dataclass(frozen=True, eq=False)
class Linear:
    """The layer x -> weight x + bias. weight: (out, in), bias: (out,), x: (in,); result: (out,). As in
    `torch.nn.Linear`.
    """

    weight: Any
    bias: Any

    def __call__(self, x: Tensor) -> Tensor:
        """The affine map of x. Raises ShapeError where the shapes do not fit."""
        return f.affine(self.weight, x, self.bias)


@dataclass(frozen=True, eq=False, init=False)
class Sequential:
    """The layer x -> layers[-1](... layers[0](x)): any callables on tensors, one after the other."""

    layers: tuple[Map, ...]

    def __init__(self, *layers: Map) -> None:
        object.__setattr__(self, "layers", layers)

    def __call__(self, x: Tensor) -> Tensor:
        """The value of the last layer; x itself where there is none."""
        for layer in self.layers:
            x = layer(x)
        return x
