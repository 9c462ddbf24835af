"""Pools over windows of the spatial axes, and upsampling.

x: (channels, *spatial), or (batch, channels, *spatial). Where a kernel or an output size is one number, x of two or
three axes has no batch, and x of more has one: give a tuple for anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor

Lengths = int | Sequence[int]


@dataclass(frozen=True, eq=False)
class MaxPool:
    """The largest element of each window; stride None: as the kernel. What is padded never counts. PyTorch:
    `nn.MaxPool1d`, `nn.MaxPool2d`, `nn.MaxPool3d`.

    kernel_size: the lengths of a window; padding, dilation, ceil_mode: as for `ss.max_pool`.

        ss.layers.MaxPool(2)(ss.context("rational").tensor([[1, 3, 2, 0]]))    # [[3, 2]]
    """

    kernel_size: Lengths
    stride: Lengths | None = None
    padding: Lengths = 0
    dilation: Lengths = 1
    ceil_mode: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """The pooled x, exact over boxes. Raises ShapeError where no window fits."""
        return f.max_pool(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


@dataclass(frozen=True, eq=False)
class AvgPool:
    """The mean of each window; stride None: as the kernel; count_include_pad: do padded zeros count? PyTorch:
    `nn.AvgPool1d`, `nn.AvgPool2d`, `nn.AvgPool3d`.

    kernel_size: the lengths of a window; padding, ceil_mode: as for `ss.avg_pool`.

        ss.layers.AvgPool(2)(ss.context("rational").tensor([[1, 3, 2, 0]]))    # [[2, 1]]
    """

    kernel_size: Lengths
    stride: Lengths | None = None
    padding: Lengths = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    def __call__(self, x: Tensor) -> Tensor:
        """The pooled x. Raises ShapeError where no window fits."""
        return f.avg_pool(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


@dataclass(frozen=True, eq=False)
class AdaptiveAvgPool:
    """The means of windows that are chosen so that so many come out; 1: one mean over all, which others call global.
    PyTorch: `nn.AdaptiveAvgPool2d` and its siblings.

    output_size: how many come out, one number for all spatial axes or one for each.

        ss.layers.AdaptiveAvgPool(1)(ss.context("rational").tensor([[1, 3, 2]]))    # [[2]]
    """

    output_size: Lengths

    def __call__(self, x: Tensor) -> Tensor:
        """The pooled x, whose spatial lengths are output_size. Raises ShapeError where x has no such axes."""
        return f.adaptive_avg_pool(x, self.output_size)


@dataclass(frozen=True, eq=False)
class AdaptiveMaxPool:
    """The largest elements of windows that are chosen so that so many come out. PyTorch: `nn.AdaptiveMaxPool2d` and its
    siblings.

    output_size: how many come out, one number for all spatial axes or one for each.

        ss.layers.AdaptiveMaxPool(1)(ss.context("rational").tensor([[1, 3, 2]]))    # [[3]]
    """

    output_size: Lengths

    def __call__(self, x: Tensor) -> Tensor:
        """The pooled x, whose spatial lengths are output_size. Raises ShapeError where x has no such axes."""
        return f.adaptive_max_pool(x, self.output_size)


@dataclass(frozen=True, eq=False)
class Upsample:
    """x with scale_factor times as many elements along its spatial axes. x: (batch, channels, *spatial). mode:
    "nearest", or "linear", "bilinear", "trilinear", with the corners in their places where align_corners says so.
    PyTorch: `nn.Upsample`.

        ss.layers.Upsample(2)(ss.context("rational").tensor([[[1, 3]]]))    # [[[1, 1, 3, 3]]]
    """

    scale_factor: Lengths
    mode: str = "nearest"
    align_corners: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """The larger x. Raises ArgumentError for another mode."""
        larger: Tensor = f.upsample(x, self.scale_factor, self.mode, self.align_corners)
        return larger
