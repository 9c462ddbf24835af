"""What puts elements beside those of a tensor, or zeros in their place: padding, triangles, more of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.choices import where
from scalarspec.core.elementwise import add
from scalarspec.core.indexing import Fixed, places_of, tables
from scalarspec.core.reductions import sum
from scalarspec.core.shape import Shape
from scalarspec.core.structure import broadcast_to, concat, moved, place_of_diagonal, repeat, reshape, take, tensor_of
from scalarspec.core.tensor import Operand, Tensor, operands_of
from scalarspec.errors import ArgumentError, ShapeError

__all__ = ["pad", "tril", "triu", "upsample"]


def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: Operand = 0) -> Tensor:
    """x with elements added at both ends of each axis. NumPy: `pad`.

    pad_width: for each axis how many before and how many after it; one such pair, or one number, for all axes.
    mode: "constant" (of constant_values), "edge" (the element at the end), "reflect" (mirrored at that element, which
    comes once), or "wrap" (those of the other end). Raises ArgumentError for another mode, ShapeError for widths that
    are no such pairs, or longer than what is mirrored.
    """
    t = tensor_of("pad", x)
    widths = _widths(pad_width, t.ndim)
    if mode not in ("constant", "edge", "reflect", "wrap"):
        raise ArgumentError(f"pad: mode: expected 'constant', 'edge', 'reflect' or 'wrap', got {mode!r}")
    if mode == "constant" and isinstance(constant_values, int) and constant_values == 0:
        return with_zeros(t, widths)
    for axis, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        if mode == "constant":
            t = _with_ends(t, axis, before, after, constant_values)
        else:
            try:
                t = take(t, np.pad(np.arange(t.shape[axis]), (before, after), mode=mode), axis)  # type: ignore[call-overload]
            except ValueError as error:
                raise ShapeError(f"pad: axis {axis} of {t.shape} by {(before, after)}: {error}") from None
    return t


def with_zeros(t: Tensor, widths: Sequence[tuple[int, int]]) -> Tensor:
    """t in a tensor of zeros, so many before and behind it along each of the last axes."""
    if not any(before or after for before, after in widths):
        return t
    first = t.ndim - len(widths)
    ends = [(before, before + n, after) for (before, after), n in zip(widths, t.shape[first:], strict=True)]
    index = (*[slice(None)] * first, *(slice(before, end) for before, end, _ in ends))
    return moved("scatter", t, index=index, shape=Shape((*t.shape[:first], *(end + after for _, end, after in ends))))


def _widths(pad_width: Any, axes: int) -> list[tuple[int, int]]:
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (axes, 2)).tolist()
    except ValueError:
        widths = None
    if widths is None or any(not shapes.is_whole(n) or n < 0 for pair in widths for n in pair):
        raise ShapeError(f"pad: pad_width: expected two numbers >= 0 for each of {axes} axes, got {pad_width!r}")
    return [(before, after) for before, after in widths]


def _with_ends(t: Tensor, axis: int, before: int, after: int, number: Operand) -> Tensor:
    """t between constants along an axis."""
    _, (constant, _) = operands_of("pad", number, t)
    ends = [broadcast_to(constant, (*t.shape[:axis], n, *t.shape[axis + 1 :])) for n in (before, after)]
    return concat([ends[0], t, ends[1]], axis)


def scattered(g: Tensor, shape: Shape, index: tuple[Any, ...]) -> Tensor:
    """A tensor of zeros of a shape, to which g is added at an index: the transpose of indexing.

    Where an element was taken several times, those places that were taken up to 1, 2, 4, ... times are found together:
    a table of all parts of each, filled up with zeros, is summed.
    """
    taken = places_of(shape, index)
    if taken is None or len(np.unique(taken[2])) == len(taken[2]):
        return _at(g, shape, index)
    first, axes, places = taken
    flat = Shape((*shape[:first], prod(shape[first : first + axes]), *shape[first + axes :]))
    parts = reshape(g, (*shape[:first], len(places), *flat[first + 1 :]))
    zero = broadcast_to(g.context.tensor(0), (*flat[:first], 1, *flat[first + 1 :]))
    parts = concat([parts, zero], axis=first)
    whole = (slice(None),) * first
    found = [
        _at(sum(parts[(*whole, table)], axis=first + 1), flat, (*whole, Fixed(where)))
        for where, table in tables(places)
    ]
    return reshape(reduce(add, found), shape)


def _at(g: Tensor, shape: Shape, index: tuple[Any, ...]) -> Tensor:
    """g at an index of a tensor of zeros, in which no place comes twice."""
    return Tensor(g.context, shape, g.context.arrays.apply("scatter", g.value, index=index, shape=shape))


def upsample(
    x: Operand, scale_factor: int | Sequence[int], mode: str = "nearest", align_corners: bool = False
) -> Tensor:
    """x with more elements along its spatial axes, all but the first two. PyTorch: `nn.functional.interpolate`.

    Raises ShapeError for another number of factors.

    x: (batch, channels, *spatial). scale_factor: integers, one for all or one for each spatial axis. mode: "nearest",
    or "linear", which goes by "bilinear" and "trilinear", too. align_corners: for linear modes, do the corners keep
    their places? Raises ArgumentError for other modes.
    """
    t = tensor_of("upsample", x)
    spatial = range(2, t.ndim)
    factors = shapes.wholes("upsample", "scale_factor", scale_factor, least=1)
    factors = factors * len(spatial) if len(factors) == 1 else factors
    if len(factors) != len(spatial):
        raise ShapeError(f"upsample: scale_factor: expected {len(spatial)} integers >= 1, got {scale_factor!r}")
    if mode not in ("nearest", "linear", "bilinear", "trilinear"):
        raise ArgumentError(f"upsample: mode: expected 'nearest', 'linear', 'bilinear' or 'trilinear', got {mode!r}")
    for axis, factor in zip(spatial, factors, strict=True):
        t = repeat(t, factor, axis) if mode == "nearest" else _interpolated(t, axis, factor, align_corners)
    return t


def _interpolated(t: Tensor, axis: int, factor: int, align_corners: bool) -> Tensor:
    """Linear interpolation along an axis, between two neighbours each, at exact fractions."""
    n = t.shape[axis]
    m, places = n * factor, np.arange(n * factor)
    if align_corners:
        over = max(m - 1, 1)
        first, part = np.divmod(places * (n - 1), over)
    else:
        over = 2 * factor
        first, part = np.divmod(np.clip(2 * places + 1 - factor, 0, None), over)
    shape = [-1 if i == axis else 1 for i in range(t.ndim)]
    right = t.context.tensor(part.reshape(shape)) / over
    left_of, right_of = (take(t, np.minimum(first + k, n - 1), axis) for k in (0, 1))
    return left_of * (1 - right) + right_of * right


def tril(x: Operand, k: int = 0) -> Tensor:
    """x on and below a diagonal of the last two axes, zeros elsewhere; k: the diagonal's place above the main one."""
    return _triangle("tril", x, k, lambda m, n, k: np.tri(m, n, k, dtype=bool))


def triu(x: Operand, k: int = 0) -> Tensor:
    """x on and above a diagonal of the last two axes, zeros elsewhere; k: the diagonal's place above the main one."""
    return _triangle("triu", x, k, lambda m, n, k: ~np.tri(m, n, k - 1, dtype=bool))


def _triangle(name: str, x: Operand, k: int, kept: Any) -> Tensor:
    t, k = tensor_of(name, x), place_of_diagonal(name, "k", k)
    if t.ndim < 2:
        raise ShapeError(f"{name}: {t.shape}; expected (..., m, n)")
    return where(kept(*t.shape[-2:], k), t, 0)
