"""Layers one after the other, beside one another, and what only moves elements or leaves some out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.errors import ShapeError

Map = Callable[[Tensor], Tensor]
"""A layer, or anything else that makes a tensor of a tensor."""


@dataclass(frozen=True, eq=False, init=False)
class Sequential:
    """The layer x -> layers[-1](... layers[0](x)): any callables on tensors, one after the other. PyTorch:
    `nn.Sequential`.
    """

    layers: tuple[Map, ...]

    def __init__(self, *layers: Map) -> None:
        object.__setattr__(self, "layers", layers)

    def __call__(self, x: Tensor) -> Tensor:
        """The value of the last layer; x itself where there is none."""
        for layer in self.layers:
            x = layer(x)
        return x


@dataclass(frozen=True, eq=False)
class Residual:
    """The layer x -> shortcut(x) + body(x); without a shortcut, x + body(x). Both keep the shape, or change it alike.

    Source: He et al. 2016, "Deep residual learning for image recognition", equations 1 and 2.

        block = ss.layers.Residual(ss.layers.Sequential(ss.layers.Linear([[2.0]], [0.0]), ss.layers.relu))
        block(ss.context("rational").tensor([3]))    # [9]
    """

    body: Map
    shortcut: Map | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """The sum. Raises ShapeError where the two have not one shape."""
        kept, found = x if self.shortcut is None else self.shortcut(x), self.body(x)
        if kept.shape != found.shape:
            raise ShapeError(f"Residual: the body has shape {found.shape}, what it is added to {kept.shape}")
        return kept + found


@dataclass(frozen=True, eq=False)
class Flatten:
    """The axes from start_dim to end_dim as one. PyTorch: `nn.Flatten`, with its defaults, which keep the first axis:
    without a batch, start_dim is 0.
    """

    start_dim: int = 1
    end_dim: int = -1

    def __call__(self, x: Tensor) -> Tensor:
        """The same elements. Raises ShapeError for axes that x does not have."""
        flat: Tensor = f.flatten(x, self.start_dim, self.end_dim)
        return flat


@dataclass(frozen=True, eq=False)
class Dropout:
    """The layer x -> x / (1 - p) where the mask is true, 0 elsewhere: `nn.Dropout` in training, whose mask is explicit
    here, so that the layer is a function. In evaluation there is no layer.

    mask: bools that broadcast to x's shape (True: kept); p: the probability, less than 1, that an element is left out.
    Source: Srivastava et al. 2014, in its inverted form.

        keep = ss.layers.Dropout([True, False], "1/2")
        keep(ss.context("rational").tensor([3, 4]))    # [6, 0]
    """

    mask: Any
    p: Operand = "0.5"

    def __call__(self, x: Tensor) -> Tensor:
        """The elements that are kept. Raises ShapeError where the mask does not fit."""
        kept = f.where(self.mask, x / (x.context.tensor(1) - self.p), 0)
        if kept.shape != x.shape:
            raise ShapeError(f"Dropout: a mask of shape {np.shape(self.mask)} for x of shape {x.shape}")
        return kept
