"""Layers: callables on tensors, whose parameters are NumPy arrays or tensors. `lift` carries them to a context."""

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


@dataclass(frozen=True, eq=False)
class Linear:
    """x -> weight x + bias. weight: (out, in), bias: (out,), x: (in,), as in `torch.nn.Linear`."""

    weight: Any
    bias: Any

    def __call__(self, x: Tensor) -> Tensor:
        """The affine map of x."""
        return f.affine(self.weight, x, self.bias)


@dataclass(frozen=True, eq=False, init=False)
class Sequential:
    """x -> layers[-1](... layers[0](x))."""

    layers: tuple[Map, ...]

    def __init__(self, *layers: Map) -> None:
        object.__setattr__(self, "layers", layers)

    def __call__(self, x: Tensor) -> Tensor:
        """Each layer in turn."""
        for layer in self.layers:
            x = layer(x)
        return x
