"""PyTorch's convolutions, pools, and what is done to images."""

from __future__ import annotations

import math
from typing import Any

from scalarspec.core import functions as f
from scalarspec.errors import ArgumentError
from scalarspec.frontends.calls import refusal, refuse
from scalarspec.frontends.torch.functions import FUNCTIONS, implements
from scalarspec.frontends.torch.nn import RANDOM


@implements("conv1d", "conv2d", "conv3d")
def conv(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    return f.conv(input, weight, bias, _lengths(stride), _lengths(padding), _lengths(dilation), groups)


@implements("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def conv_transpose(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    steps, less, more = (_lengths(n) for n in (stride, padding, output_padding))
    return f.conv_transpose(input, weight, bias, steps, less, more, groups, _lengths(dilation))


def _lengths(n: Any) -> Any:
    """One length, or one for each axis: a tuple of one serves all."""
    if isinstance(n, list | tuple):
        return n[0] if len(n) == 1 else tuple(n)
    return n


@implements("im2col")
def im2col(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The windows of images as columns."""
    kernel, spread, around, step = (_pair(n) for n in (kernel_size, dilation, padding, stride))
    padded = f.pad(input, [(0, 0)] * (input.ndim - 2) + [(p, p) for p in around])
    seen = padded.moved("patches", kernel=kernel, stride=step, dilation=spread)
    first = (*input.shape[:-3], input.shape[-3] * kernel[0] * kernel[1])
    return f.reshape(seen, (*first, -1))


def _pair(n: Any) -> tuple[int, int]:
    return (n, n) if isinstance(n, int) else (n[0], n[-1])


def _size(kernel: Any, d: int) -> tuple[int, ...]:
    return (kernel,) * d if isinstance(kernel, int) else tuple(kernel) * (d if len(kernel) == 1 else 1)


def _pools(d: int) -> dict[str, Any]:
    def max_pool(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:  # fmt: skip
        if return_indices:
            refuse("torch.max_pool", "return_indices= is not followed")
        steps = _lengths(stride) if stride else None
        return f.max_pool(input, _size(kernel_size, d), steps, _lengths(padding), _lengths(dilation), ceil_mode)

    def avg_pool(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: Any = None,
    ) -> Any:  # fmt: skip
        steps = _lengths(stride) if stride else None
        size = _size(kernel_size, d)
        found = f.avg_pool(input, size, steps, _lengths(padding), ceil_mode, count_include_pad)
        if divisor_override is None:
            return found
        if ceil_mode or not count_include_pad:
            refuse("torch.avg_pool", "divisor_override= is followed where windows are whole")
        return found * math.prod(size) / divisor_override

    def adaptive_avg_pool(input: Any, output_size: Any) -> Any:
        return f.adaptive_avg_pool(input, _wanted(input, output_size, d))

    def adaptive_max_pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        if return_indices:
            refuse("torch.adaptive_max_pool", "return_indices= is not followed")
        return f.adaptive_max_pool(input, _wanted(input, output_size, d))

    def lp_pool(input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        size = _size(kernel_size, d)
        whole = avg_pool(f.pow(input, norm_type), size, stride, 0, ceil_mode) * math.prod(size)
        return whole if norm_type == 1 else f.pow(whole, f.divide(1, input.context.tensor(norm_type)))

    return {
        f"max_pool{d}d": max_pool, f"avg_pool{d}d": avg_pool, f"adaptive_avg_pool{d}d": adaptive_avg_pool,
        f"adaptive_max_pool{d}d": adaptive_max_pool, f"lp_pool{d}d": lp_pool,
    }  # fmt: skip


def _wanted(input: Any, output_size: Any, d: int) -> tuple[int, ...]:
    """The lengths that are wanted, of which None keeps one."""
    sizes = (output_size,) * d if isinstance(output_size, int) or output_size is None else tuple(output_size)
    return tuple(n if s is None else s for s, n in zip(sizes, input.shape[-d:], strict=True))


for _d in (1, 2, 3):
    FUNCTIONS |= _pools(_d)
    for _name in (f"max_pool{_d}d_with_indices", f"adaptive_max_pool{_d}d_with_indices"):
        FUNCTIONS[_name] = refusal("return_indices= is not followed")


@implements("pad", "constant_pad_nd")
def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """Widths come in pairs, the last axis first; negative ones cut."""
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    widths = [(0, 0)] * (input.ndim - len(pairs)) + pairs
    cut = tuple(slice(-min(a, 0), n + min(b, 0)) for (a, b), n in zip(widths, input.shape, strict=True))
    kept = [(max(a, 0), max(b, 0)) for a, b in widths]
    names = {"constant": "constant", "replicate": "edge", "reflect": "reflect", "circular": "wrap"}
    if mode not in names:
        raise ArgumentError(f"torch.pad: mode: expected one of {', '.join(names)}, got {mode!r}")
    return f.pad(input[cut], kept, names[mode], 0 if value is None or value == 0 else value)


@implements("interpolate")
def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None,
    recompute_scale_factor: Any = None, antialias: bool = False,
) -> Any:  # fmt: skip
    spatial = input.shape[2:]
    if size is not None:
        wanted = (size,) * len(spatial) if isinstance(size, int) else tuple(size)
        if any(m % n for m, n in zip(wanted, spatial, strict=True)):
            refuse("torch.interpolate", f"from {tuple(spatial)} to {wanted}: it is followed for whole factors")
        scale_factor = tuple(m // n for m, n in zip(wanted, spatial, strict=True))
    factors = scale_factor if isinstance(scale_factor, list | tuple) else (scale_factor,)
    if antialias or any(s != int(s) for s in factors):
        refuse("torch.interpolate", f"scale_factor={scale_factor}: it is followed for whole factors, no antialias")
    return f.upsample(input, tuple(map(int, factors)), mode, bool(align_corners))


@implements("pixel_shuffle")
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    r = upscale_factor
    *batch, c, h, w = input.shape
    apart = f.reshape(input, (*batch, c // r**2, r, r, h, w))
    n = len(batch)
    turned = f.permute_dims(apart, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return f.reshape(turned, (*batch, c // r**2, h * r, w * r))


@implements("pixel_unshuffle")
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    r = downscale_factor
    *batch, c, h, w = input.shape
    apart = f.reshape(input, (*batch, c, h // r, r, w // r, r))
    n = len(batch)
    turned = f.permute_dims(apart, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return f.reshape(turned, (*batch, c * r**2, h // r, w // r))


@implements("channel_shuffle")
def channel_shuffle(input: Any, groups: int) -> Any:
    n, c, *spatial = input.shape
    apart = f.reshape(input, (n, groups, c // groups, *spatial))
    return f.reshape(f.permute_dims(apart, (0, 2, 1, *range(3, apart.ndim))), input.shape)


@implements(
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "feature_dropout"
)
def dropout(input: Any, p: Any = 0.5, training: bool = True, inplace: bool = False) -> Any:
    if training and p:
        refuse("torch.dropout", RANDOM)
    return input
