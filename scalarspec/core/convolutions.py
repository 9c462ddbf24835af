"""Convolutions and pools, over one to three spatial axes, in PyTorch's layouts.

x: (channels, *spatial), or (batch, channels, *spatial), and the result has the same axes. A number that is given for
the kernel, stride, padding or dilation counts for all spatial axes; a tuple has one for each. A convolution is the
product of the weights, as a matrix, and the windows of x: an affine map, which is done as one product of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scalarspec.core.applied import applied
from scalarspec.core.indexing import Fixed, at_axis
from scalarspec.core.padding import with_zeros
from scalarspec.core.reductions import max, mean, sum
from scalarspec.core.shape import Shape, is_whole, whole, wholes
from scalarspec.core.structure import concat, moveaxis, reshape
from scalarspec.core.tensor import Operand, Tensor, matmul, operands_of
from scalarspec.core.windows import counts, windows
from scalarspec.errors import ArgumentError, ShapeError

__all__ = [
    "adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "conv", "conv_transpose", "max_pool",
]  # fmt: skip

Lengths = int | Sequence[int]


def conv(
    x: Operand, weight: Operand, bias: Operand = None, stride: Lengths = 1, padding: Lengths | str = 0,
    dilation: Lengths = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The cross-correlation that networks call a convolution. PyTorch: `conv1d`, `conv2d`, `conv3d`.

    weight: (out channels, channels / groups, *kernel), which says how many spatial axes there are; bias: (out
    channels,), or None. padding: so many zeros on both sides; "same" keeps the lengths, for stride 1; "valid" is 0.
    result: (out channels, *spatial), behind the batch where there is one, with
    (n + 2 padding - dilation (kernel - 1) - 1) // stride + 1 in the place of a length n. Raises ShapeError where shapes
    do not fit.

        x = ss.context("rational").tensor([[1, 2, 3, 4]])
        ss.conv(x, [[[1, -1]]], [0])    # [[-1, -1, -1]]
    """
    t, w, b, d = _operands("conv", x, weight, bias)
    steps, spread = _each("conv", "stride", stride, d), _each("conv", "dilation", dilation, d)
    o, kernel, n, groups = w.shape[0], w.shape[2:], t.shape[0], whole("conv", "groups", groups)
    if w.shape[1] * groups != t.shape[1] or groups < 1 or o % groups:
        raise ShapeError(
            f"conv: {t.shape[1]} channels for weights of shape {w.shape} in {groups} groups; expected weights of shape "
            "(out channels, channels / groups, *kernel), with as many out channels in each group"
        )
    t = with_zeros(t, _paddings(padding, kernel, steps, spread))
    seen = _windows("conv", t, kernel, steps, spread)
    out = seen.shape[2 + d :]
    columns = (w.shape[1] * Shape(kernel).size, Shape(out).size)
    if groups == 1:
        found = matmul(reshape(w, (o, -1)), reshape(seen, (n, *columns)))
    else:
        found = matmul(reshape(w, (groups, o // groups, columns[0])), reshape(seen, (n, groups, *columns)))
    return _finished(reshape(found, (n, o, columns[1])), b, out, x)


def conv_transpose(
    x: Operand, weight: Operand, bias: Operand = None, stride: Lengths = 1, padding: Lengths = 0,
    output_padding: Lengths = 0, groups: int = 1, dilation: Lengths = 1,
) -> Tensor:  # fmt: skip
    """The transpose of a convolution in x: it adds a kernel at each element. PyTorch: `conv_transpose1d`, ...

    weight: (channels, out channels / groups, *kernel); bias: (out channels,), or None. padding: so many elements less
    on both sides; output_padding: so many more at the end. result: (out channels, *spatial), behind the batch where
    there is one, with (n - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1 in the place of n.
    Raises ShapeError where shapes do not fit.
    """
    t, w, b, d = _operands("conv_transpose", x, weight, bias)
    name, groups = "conv_transpose", whole("conv_transpose", "groups", groups)
    steps, spread = _each(name, "stride", stride, d), _each(name, "dilation", dilation, d)
    less, more = _each(name, "padding", padding, d, least=0), _each(name, "output_padding", output_padding, d, least=0)
    n, channels, kernel, spatial = t.shape[0], t.shape[1], w.shape[2:], t.shape[2:]
    if w.shape[0] != channels or groups < 1 or channels % groups:
        raise ShapeError(f"conv_transpose: {channels} channels for weights of shape {w.shape} in {groups} groups")
    o, many = w.shape[1] * groups, Shape(spatial).size
    matrices = moveaxis(reshape(w, (groups, channels // groups, -1)), -1, -2)
    found = matmul(matrices, reshape(t, (n, groups, channels // groups, many)))
    apart = reshape(found, (n, o, *kernel, *spatial))
    covered = [(i - 1) * s + (k - 1) * g + 1 for i, s, k, g in zip(spatial, steps, kernel, spread, strict=True)]
    full = applied("fold", apart, stride=steps, dilation=spread, size=tuple(covered))
    full = with_zeros(full, [(0, e) for e in more])
    size = full.shape[2:]
    cut = full[(..., *(slice(p, m - p) for p, m in zip(less, size, strict=True)))]
    if 0 in cut.shape[2:]:
        raise ShapeError(f"conv_transpose: a padding of {padding} leaves nothing of lengths {tuple(size)}")
    return _finished(reshape(cut, (n, o, -1)), b, cut.shape[2:], x)


def max_pool(
    x: Operand, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, dilation: Lengths = 1,
    ceil_mode: bool = False,
) -> Tensor:  # fmt: skip
    """The largest element of each window. stride: as the kernel, if it is None. What is padded never counts. Over boxes
    it is exact. PyTorch: `max_pool1d`, `max_pool2d`, `max_pool3d`.

    x: (channels, *spatial), or (batch, channels, *spatial). kernel_size: the lengths of a window; padding: so many
    places on both sides; dilation: how far apart the elements of a window are; ceil_mode: do windows count that begin
    inside, and reach beyond the end?
    """
    t, d = _pooled("max_pool", x, kernel_size)
    kernel, steps, widths = _pool("max_pool", kernel_size, stride, padding, d)
    spread = _each("max_pool", "dilation", dilation, d)
    after = _after(t.shape[2:], kernel, steps, widths, spread, ceil_mode)
    if not any(widths) and not any(after):
        seen = _windows("max_pool", t, kernel, steps, spread)
    else:
        places = _places(t.shape[2:], kernel, steps, widths, after, spread)
        seen = reshape(t, (*t.shape[:2], -1))[(slice(None), slice(None), Fixed(places))]
    return _as_given(max(seen, axis=tuple(range(2, 2 + d))), x, d)


def avg_pool(
    x: Operand, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window. stride: as the kernel, if it is None. count_include_pad: do the zeros that are padded
    count? PyTorch: `avg_pool1d`, `avg_pool2d`, `avg_pool3d`.

    x: (channels, *spatial), or (batch, channels, *spatial). kernel_size: the lengths of a window; padding: so many
    zeros on both sides; ceil_mode: do windows count that begin inside, and reach beyond the end?
    """
    t, d = _pooled("avg_pool", x, kernel_size)
    kernel, steps, widths = _pool("avg_pool", kernel_size, stride, padding, d)
    once = (1,) * d
    after = _after(t.shape[2:], kernel, steps, widths, once, ceil_mode)
    around = [(p, p + a) for p, a in zip(widths, after, strict=True)]
    seen, axes = _windows("avg_pool", with_zeros(t, around), kernel, steps, once), tuple(range(2, 2 + d))
    if not any(after) and (count_include_pad or not any(widths)):
        return _as_given(mean(seen, axis=axes), x, d)
    counted = np.ones(t.shape[2:], dtype=int)
    if count_include_pad:
        counted, around = np.pad(counted, [(p, p) for p in widths], constant_values=1), [(0, a) for a in after]
    numbers = windows(np.pad(counted, around), kernel, steps, once).sum(axis=tuple(range(d)))
    return _as_given(sum(seen, axis=axes) / t.context.tensor(numbers), x, d)


def adaptive_avg_pool(x: Operand, output_size: Lengths) -> Tensor:
    """The means of windows that are chosen so that so many come out; 1 is the mean over all. PyTorch:
    `adaptive_avg_pool2d` and its siblings. output_size: for each spatial axis.

    x: (channels, *spatial), or (batch, channels, *spatial).
    """
    return _adaptive("adaptive_avg_pool", mean, x, output_size)


def adaptive_max_pool(x: Operand, output_size: Lengths) -> Tensor:
    """The largest elements of windows that are chosen so that so many come out. PyTorch: `adaptive_max_pool2d`.

    x: (channels, *spatial), or (batch, channels, *spatial). output_size: how many, one number for all spatial axes or
    one for each.
    """
    return _adaptive("adaptive_max_pool", max, x, output_size)


def _adaptive(name: str, reduced: Any, x: Operand, output_size: Lengths) -> Tensor:
    """Along one axis after the other: output i is of the elements from i n / m, rounded down, to (i + 1) n / m,
    rounded up.
    """
    _, (t,) = operands_of(name, x)
    d = _spatial_axes(name, "output_size", output_size, t)
    if not 1 <= d < t.ndim:
        raise ShapeError(f"{name}: {t.shape} for an output of {output_size}; expected (channels, *spatial)")
    for axis, m in zip(range(t.ndim - d, t.ndim), _each(name, "output_size", output_size, d), strict=True):
        n = t.shape[axis]
        parts = [t[at_axis(axis, slice(i * n // m, -(-(i + 1) * n // m)))] for i in range(m)]
        t = concat([reduced(part, axis=axis, keepdims=True) for part in parts], axis=axis)
    return t


# ---- arguments ------------------------------------------------------------------------------------------------------


def _operands(name: str, x: Operand, weight: Operand, bias: Operand) -> tuple[Tensor, Tensor, Tensor | None, int]:
    """x with a batch, the weights, the bias, and how many spatial axes there are."""
    _, (t, w, *rest) = operands_of(name, x, weight, *([] if bias is None else [bias]))
    d = w.ndim - 2
    if not 1 <= d <= 3 or t.ndim not in (d + 1, d + 2):
        raise ShapeError(f"{name}: x of shape {t.shape} and weights of shape {w.shape}; see its text for their axes")
    return (t if t.ndim == d + 2 else reshape(t, (1, *t.shape))), w, rest[0] if rest else None, d


def _pooled(name: str, x: Operand, kernel_size: Lengths) -> tuple[Tensor, int]:
    """x with a batch, and how many spatial axes there are: as many as the kernel has, if it says so."""
    _, (t,) = operands_of(name, x)
    d = _spatial_axes(name, "kernel_size", kernel_size, t)
    if not 1 <= d <= 3 or t.ndim not in (d + 1, d + 2):
        raise ShapeError(f"{name}: x of shape {t.shape} for a kernel of {kernel_size}; give the kernel as a tuple")
    return (t if t.ndim == d + 2 else reshape(t, (1, *t.shape))), d


def _spatial_axes(name: str, argument: str, value: Lengths, t: Tensor) -> int:
    """How many there are: as many as an argument has numbers; for one number all axes of t but one, or but two of more
    than three.
    """
    numbers = wholes(name, argument, value)
    return len(numbers) if not is_whole(value) else t.ndim - 2 if t.ndim > 3 else t.ndim - 1


def _pool(
    name: str, kernel_size: Lengths, stride: Lengths | None, padding: Lengths, d: int
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The kernel, the stride and the padding, for each spatial axis."""
    kernel = _each(name, "kernel_size", kernel_size, d)
    padded = _each(name, "padding", padding, d, least=0)
    if any(2 * p > k for p, k in zip(padded, kernel, strict=True)):
        raise ShapeError(f"{name}: a padding of {padding} is more than half of a kernel of {kernel_size}")
    return kernel, kernel if stride is None else _each(name, "stride", stride, d), padded


def _each(name: str, argument: str, value: Any, d: int, least: int = 1) -> tuple[int, ...]:
    """A number for each spatial axis."""
    numbers = wholes(name, argument, value, least) * (d if is_whole(value) else 1)
    if len(numbers) != d:
        raise ArgumentError(f"{name}: {argument}: expected an integer >= {least}, or {d} of them, got {value!r}")
    return numbers


def _paddings(
    padding: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    if padding == "valid":
        return [(0, 0)] * len(kernel)
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ArgumentError("conv: padding 'same' needs stride 1")
        both = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return [(n // 2, n - n // 2) for n in both]
    if isinstance(padding, str):
        raise ArgumentError(f"conv: padding: expected numbers, 'same' or 'valid', got {padding!r}")
    return [(p, p) for p in _each("conv", "padding", padding, len(kernel), least=0)]


def _windows(name: str, t: Tensor, kernel: Any, stride: Any, dilation: Any) -> Tensor:
    """All windows: (batch, channels, *kernel, *windows). Raises ShapeError where there is none."""
    if 0 in counts(t.shape[2:], kernel, stride, dilation):
        raise ShapeError(f"{name}: a kernel of {tuple(kernel)} does not fit into lengths {tuple(t.shape[2:])}, padded")
    return applied("patches", t, kernel=tuple(kernel), stride=stride, dilation=dilation)


def _after(spatial: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> list[int]:
    """How much is padded beyond the end for windows that begin inside, and reach further."""
    if not ceil_mode:
        return [0] * len(kernel)
    found = []
    for n, k, s, p, d in zip(spatial, kernel, stride, padding, dilation, strict=True):
        reach = d * (k - 1) + 1
        number = -(-(n + 2 * p - reach) // s) + 1
        number -= (number - 1) * s >= n + p
        beyond = (number - 1) * s + reach - (n + 2 * p)
        found.append(beyond if beyond > 0 else 0)
    return found


def _places(spatial: Any, kernel: Any, stride: Any, padding: Any, after: Any, dilation: Any) -> Any:
    """For each window the places of its elements, in row-major order: what is padded gives way to another of the same
    window. Raises ShapeError for a window of which all is padded, since nothing is the largest of nothing.
    """
    numbers = np.arange(Shape(spatial).size).reshape(spatial)
    wide = np.pad(numbers, [(p, p + a) for p, a in zip(padding, after, strict=True)], constant_values=-1)
    seen = np.array(windows(wide, kernel, stride, dilation))
    last = seen.max(axis=tuple(range(len(kernel))), keepdims=True)
    if np.any(last < 0):
        raise ShapeError(
            f"max_pool: a kernel of {tuple(kernel)} with dilation {tuple(dilation)} and padding {tuple(padding)} has "
            f"windows that meet nothing of lengths {tuple(spatial)}"
        )
    return np.where(seen < 0, last, seen)


def _finished(found: Tensor, bias: Tensor | None, out: Any, x: Operand) -> Tensor:
    """(batch, out channels, all windows) with the bias, in the axes of x."""
    if bias is not None and bias.shape != found.shape[1:2]:
        raise ShapeError(f"conv: a bias of shape {bias.shape} for {found.shape[1]} out channels")
    t = _as_given(reshape(found, (*found.shape[:2], *out)), x, len(out))
    return t if bias is None else t + reshape(bias, (-1, *[1] * len(out)))


def _as_given(t: Tensor, x: Operand, d: int) -> Tensor:
    """Without the batch, where x had none."""
    axes = x.ndim if isinstance(x, Tensor) else np.ndim(x)
    return t if axes == d + 2 else reshape(t, t.shape[1:])
