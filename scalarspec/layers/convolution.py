"""Convolutions over one to three spatial axes, and their transposes, in PyTorch's layouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor

Lengths = int | Sequence[int]


@dataclass(frozen=True, eq=False)
class Conv:
    """The cross-correlation that networks call a convolution. PyTorch: `nn.Conv1d`, `nn.Conv2d`, `nn.Conv3d`.

    stride, padding, dilation, groups: as for `ss.conv`.

    weight: (out channels, channels / groups, *kernel); bias: (out channels,) or None; x: (channels, *spatial), or with
    a batch first; result: (out channels, *spatial).

        ss.layers.Conv([[[1, -1]]])(ss.context("rational").tensor([[1, 2, 4]]))    # [[-1, -2]]
    """

    weight: Any
    bias: Any = None
    stride: Lengths = 1
    padding: Lengths | str = 0
    dilation: Lengths = 1
    groups: int = 1

    def __call__(self, x: Tensor) -> Tensor:
        """The convolution of x. Raises ShapeError where the shapes do not fit."""
        return f.conv(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


@dataclass(frozen=True, eq=False)
class ConvTranspose:
    """The transpose of a convolution. PyTorch: `nn.ConvTranspose1d`, `nn.ConvTranspose2d`, `nn.ConvTranspose3d`.

    stride, padding, output_padding, groups, dilation: as for `ss.conv_transpose`.

    weight: (channels, out channels / groups, *kernel); bias: (out channels,) or None; x: (channels, *spatial), or with
    a batch first; result: (out channels, *spatial).

        ss.layers.ConvTranspose([[[1, 2]]], stride=2)(ss.context("rational").tensor([[3, 5]]))    # [[3, 6, 5, 10]]
    """

    weight: Any
    bias: Any = None
    stride: Lengths = 1
    padding: Lengths = 0
    output_padding: Lengths = 0
    groups: int = 1
    dilation: Lengths = 1

    def __call__(self, x: Tensor) -> Tensor:
        """The transposed convolution of x. Raises ShapeError where the shapes do not fit."""
        return f.conv_transpose(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )
