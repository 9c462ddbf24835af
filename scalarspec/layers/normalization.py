"""Layers that shift and scale to mean 0 and variance 1, by the statistics of a batch, a layer, a group or an instance.

Variances are those of all elements, over n and not over n - 1, as in PyTorch. All take eps, which is added to the
variance: an integer, a fraction or a string.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scalarspec.core import functions as f
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Operand, Tensor, operands_of
from scalarspec.errors import ShapeError
from scalarspec.layers.channels import along_channels, channel_axis

Axes = tuple[int, ...]


def normalized(x: Tensor, axes: Axes, eps: Operand) -> Tensor:
    """(x - mean) / √(var + eps) over some axes, in two passes. It lies between -√n and √n for n elements."""
    return f.rms_norm(x - f.mean(x, axes, keepdims=True), axes, eps)


def _scaled(x: Tensor, weight: Any, bias: Any) -> Tensor:
    """weight x + bias, of which each may be missing."""
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _by_channel(name: str, x: Tensor, weight: Any, bias: Any, axis: int) -> Tensor:
    """`_scaled`, with one weight and one bias for each channel."""
    return _scaled(x, *(None if p is None else along_channels(name, p, x, axis) for p in (weight, bias)))


def _channels(parameter: Any) -> int | None:
    """How many channels a parameter has a number for."""
    return None if parameter is None else len(parameter)


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """(x - mean) / √(var + eps) weight + bias, over the last axes, which are those of the weight. x: (..., *shape);
    weight, bias: (*shape,), the bias may be None. PyTorch: `nn.LayerNorm`.

    Source: Ba, Kiros & Hinton 2016.

        norm = ss.layers.LayerNorm([1, 1], [0, 0], eps=0)
        norm(ss.context("rational").tensor([3, 7]))    # [-1, 1]
    """

    weight: Any
    bias: Any = None
    eps: Operand = "0.00001"

    def __call__(self, x: Tensor) -> Tensor:
        """The normalized x. Raises ShapeError where the last axes of x are not those of the weight."""
        _, (weight, t, *bias) = operands_of("LayerNorm", self.weight, x, *([] if self.bias is None else [self.bias]))
        if any(b.shape != weight.shape for b in bias):
            raise ShapeError(f"LayerNorm: a weight of shape {weight.shape}, and a bias of shape {bias[0].shape}")
        return _scaled(normalized(t, _last("LayerNorm", t, weight), self.eps), weight, bias[0] if bias else None)


@dataclass(frozen=True, eq=False)
class RMSNorm:
    """x / √(mean x² + eps) weight, over the last axes, which are those of the weight. x: (..., *shape); weight:
    (*shape,). PyTorch: `nn.RMSNorm`, whose default eps is the roundoff of x's format: here it is 0.00001.

    Source: Zhang & Sennrich 2019, "Root mean square layer normalization".

        ss.layers.RMSNorm([5, 5], eps=0)(ss.context("rational").tensor([1, 7]))    # [1, 7]
    """

    weight: Any
    eps: Operand = "0.00001"

    def __call__(self, x: Tensor) -> Tensor:
        """The normalized x. Raises ShapeError where the last axes of x are not those of the weight."""
        _, (weight, t) = operands_of("RMSNorm", self.weight, x)
        return f.rms_norm(t, _last("RMSNorm", t, weight), self.eps) * weight


def _last(name: str, x: Tensor, weight: Tensor) -> Axes:
    """The axes of x that are the weight's."""
    first = x.ndim - weight.ndim
    if not weight.ndim or first < 0 or x.shape[first:] != weight.shape:
        raise ShapeError(f"{name}: x of shape {x.shape}; expected (..., *{weight.shape}), the shape of the weight")
    return tuple(range(first, x.ndim))


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """(x - mean) / √(var + eps) weight + bias, for each channel. PyTorch: `nn.BatchNorm1d`, `nn.BatchNorm2d`, ...

    mean, var: (channels,), the running statistics, in evaluation; None, both: the statistics of the batch itself, in
    training. weight, bias: (channels,) or None. x: (channels, *spatial), or with a batch first; axis: which axis the
    channels are, where x's shape leaves that open (ArgumentError then).

    In evaluation it is affine in x: weight / √(var + eps) is one constant.
    Source: Ioffe & Szegedy 2015, algorithms 1 and 2.

        norm = ss.layers.BatchNorm([1], [4], [3], [5], eps=0)
        norm(ss.context("rational").tensor([3]))    # [8]
    """

    mean: Any
    var: Any
    weight: Any = None
    bias: Any = None
    eps: Operand = "0.00001"
    axis: int | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """The normalized x. Raises ShapeError where no axis has as many channels."""
        known = next((p for p in (self.mean, self.weight, self.bias) if p is not None), None)
        axis = channel_axis("BatchNorm", x.shape, _channels(known), self.axis)
        if self.mean is None or self.var is None:
            axes = tuple(i for i in range(x.ndim) if i != axis)
            return _by_channel("BatchNorm", normalized(x, axes, self.eps), self.weight, self.bias, axis)
        mean, var = (along_channels("BatchNorm", p, x, axis) for p in (self.mean, self.var))
        weight = 1 if self.weight is None else along_channels("BatchNorm", self.weight, x, axis)
        return _by_channel("BatchNorm", (x - mean) * (weight / f.sqrt(var + self.eps)), None, self.bias, axis)


@dataclass(frozen=True, eq=False)
class GroupNorm:
    """(x - mean) / √(var + eps) weight + bias, over each of some groups of channels with all that is in them. PyTorch:
    `nn.GroupNorm`.

    num_groups: how many groups there are, each of equally many channels.

    weight, bias: (channels,) or None; x: (channels, *spatial), or with a batch first; axis: which axis the channels
    are, where x's shape leaves that open (ArgumentError then). Source: Wu & He 2018.

        ss.layers.GroupNorm(2, [1, 1, 1, 1], eps=0)(ss.context("rational").tensor([1, 3, 8, 2]))    # [-1, 1, 1, -1]
    """

    num_groups: int
    weight: Any = None
    bias: Any = None
    eps: Operand = "0.00001"
    axis: int | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """The normalized x. Raises ShapeError where the channels do not fall into so many groups."""
        axis = channel_axis("GroupNorm", x.shape, _channels(self.weight), self.axis)
        if self.num_groups < 1 or x.shape[axis] % self.num_groups:
            raise ShapeError(f"GroupNorm: {x.shape[axis]} channels do not fall into {self.num_groups} groups")
        size = Shape(x.shape[axis:]).size // self.num_groups
        groups = f.reshape(x, (*x.shape[:axis], self.num_groups, size))
        found = f.reshape(normalized(groups, (axis + 1,), self.eps), x.shape)
        return _by_channel("GroupNorm", found, self.weight, self.bias, axis)


@dataclass(frozen=True, eq=False)
class InstanceNorm:
    """(x - mean) / √(var + eps) weight + bias, over the spatial axes of each channel. PyTorch: `nn.InstanceNorm1d`, ...

    weight, bias: (channels,) or None; x: (channels, *spatial), or with a batch first; axis: which axis the channels
    are, where x's shape leaves that open (ArgumentError then). Source: Ulyanov, Vedaldi & Lempitsky 2016.

        ss.layers.InstanceNorm(eps=0, axis=0)(ss.context("rational").tensor([[3, 7], [9, 5]]))    # [[-1, 1], [1, -1]]
    """

    weight: Any = None
    bias: Any = None
    eps: Operand = "0.00001"
    axis: int | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """The normalized x. Raises ShapeError where there is no spatial axis."""
        axis = channel_axis("InstanceNorm", x.shape, _channels(self.weight), self.axis)
        axes = tuple(range(axis + 1, x.ndim))
        if not axes:
            raise ShapeError(f"InstanceNorm: x of shape {x.shape} has no spatial axis")
        return _by_channel("InstanceNorm", normalized(x, axes, self.eps), self.weight, self.bias, axis)
