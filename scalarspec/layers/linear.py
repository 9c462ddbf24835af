"""Affine maps, and activations that have parameters or change the shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scalarspec.activation import glu
from scalarspec.core import functions as f
from scalarspec.core import shape as shapes
from scalarspec.core.tensor import Tensor, operands_of
from scalarspec.errors import ShapeError
from scalarspec.layers.channels import along_channels, channel_axis


@dataclass(frozen=True, eq=False)
class Linear:
    """The layer x -> weight x + bias. weight: (out, in), bias: (out,) or None, x: (in,) or (..., in); result: (out,) or
    (..., out). PyTorch: `nn.Linear`.

        layer = ss.layers.Linear([[1, 2], [3, 4]], [0, 1])
        layer(ss.context("rational").tensor([1, 1]))    # [3, 8]
    """

    weight: Any
    bias: Any = None

    def __call__(self, x: Tensor) -> Tensor:
        """The affine map of each vector along the last axis. Raises ShapeError where the shapes do not fit."""
        if self.bias is not None:
            return f.affine(self.weight, x, self.bias)
        _, (weight, t) = operands_of("Linear", self.weight, x)
        return f.matmul(weight, t) if t.ndim == 1 else f.matmul(t, weight.mT)


@dataclass(frozen=True, eq=False)
class PReLU:
    """The layer x -> x where x > 0, weight x elsewhere: a leaky relu that learns its slopes. PyTorch: `nn.PReLU`.

    weight: (1,), or (channels,), one slope for each channel; x: any shape, (channels, ...) or (batch, channels, ...)
    where there are several; axis: which axis the channels are, where x's shape leaves that open (see `channel_axis`).
    Source: He et al. 2015, "Delving deep into rectifiers".

        ss.layers.PReLU([0.25])(ss.context("rational").tensor([-4, 4]))    # [-1, 4]
    """

    weight: Any
    axis: int | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """The slopes, applied. Raises ShapeError where no axis has as many channels."""
        _, (slope, t) = operands_of("PReLU", self.weight, x)
        if slope.shape == (1,):
            return f.leaky_relu(t, slope[0])
        axis = channel_axis("PReLU", t.shape, slope.size, self.axis)
        return f.leaky_relu(t, along_channels("PReLU", slope, t, axis))


@dataclass(frozen=True, eq=False)
class GLU:
    """The gated linear unit a σ(b), for the halves a and b of x along an axis. x: (..., 2n, ...); result: (..., n,
    ...). PyTorch: `nn.GLU`.

    dim: that axis.

    Source: Dauphin et al. 2017, "Language modeling with gated convolutional networks".

        ss.layers.GLU()(ss.context("float64").tensor([4, 0]))    # [2]
    """

    dim: int = -1

    def __call__(self, x: Tensor) -> Tensor:
        """The gated half. Raises ShapeError for an odd length."""
        length = x.shape[shapes.normal_axis("GLU", x.shape, self.dim)]
        if length % 2:
            raise ShapeError(f"GLU: axis {self.dim} of {x.shape} has the odd length {length}")
        return glu(x, self.dim)
