"""Windows of arrays: what convolutions and pools look at, as views, and their transpose, which adds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from scalarspec.numbers.recorded import strided

Array = np.ndarray[Any, Any]
Lengths = Sequence[int]


def counts(spatial: Lengths, kernel: Lengths, stride: Lengths, dilation: Lengths) -> tuple[int, ...]:
    """How many windows there are along each axis."""
    return tuple(
        max((n - d * (k - 1) - 1) // s + 1, 0) for n, k, s, d in zip(spatial, kernel, stride, dilation, strict=True)
    )


def kernel_of(shape: Lengths, axes: int) -> tuple[int, ...]:
    """The lengths of the kernel, from the shape of windows over so many axes, (..., *kernel, *windows)."""
    return tuple(shape[len(shape) - 2 * axes : len(shape) - axes])


def windows(x: Array, kernel: Lengths, stride: Lengths, dilation: Lengths) -> Array:
    """All windows of x over its last axes, as a view. x: (..., *spatial); result: (..., *kernel, *windows)."""
    d = len(kernel)
    before, steps = x.shape[: x.ndim - d], x.strides[x.ndim - d :]
    number = counts(x.shape[x.ndim - d :], kernel, stride, dilation)
    inside = [a * b for a, b in zip(steps, dilation, strict=True)]
    between = [a * b for a, b in zip(steps, stride, strict=True)]
    strides = (*x.strides[: x.ndim - d], *inside, *between)
    seen: Array = strided(x, (*before, *kernel, *number), strides)
    return seen


def folded(x: Array, stride: Lengths, dilation: Lengths, size: Lengths) -> Array:
    """The transpose of `windows`: each element is added to where it came from. x: (..., *kernel, *windows); result:
    (..., *size).
    """
    d = len(size)
    kernel, number = kernel_of(x.shape, d), x.shape[x.ndim - d :]
    result = np.zeros((*x.shape[: x.ndim - 2 * d], *size), dtype=x.dtype)
    for place in product(*map(range, kernel)):
        where: tuple[Any, ...] = (..., *covered(place, number, stride, dilation))
        part: tuple[Any, ...] = (..., *place, *[slice(None)] * d)
        result[where] += x[part]
    return result


def covered(place: Lengths, number: Lengths, stride: Lengths, dilation: Lengths) -> tuple[slice, ...]:
    """Where the elements at one place of all windows lie. place: in the kernel; number: how many windows there are."""
    starts = [p * d for p, d in zip(place, dilation, strict=True)]
    return tuple(slice(a, a + (n - 1) * s + 1 if n else a, s) for a, n, s in zip(starts, number, stride, strict=True))
