"""Rules of the primitives that put many elements into one: reductions, products, windows, order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from scalarspec.core.convolutions import conv
from scalarspec.core.elementwise import maximum, minimum
from scalarspec.core.exponentials import logaddexp
from scalarspec.core.order import argmax, argmin, argsort, sort
from scalarspec.core.order import top_k as greatest
from scalarspec.core.products import matmul
from scalarspec.core.reductions import all as all_of
from scalarspec.core.reductions import any as any_of
from scalarspec.core.reductions import cumulative_prod, cumulative_sum, max, min, prod, sum
from scalarspec.core.structure import flip, moveaxis, stack, take_along_axis
from scalarspec.core.tensor import Tensor
from scalarspec.core.windows import windows
from scalarspec.frontends.jax.known import is_known
from scalarspec.frontends.jax.structure import padded
from scalarspec.frontends.jax.values import ZERO, At, Value, joined, numbered, permuted, picked, reshaped

Array = np.ndarray[Any, Any]


# ---- reductions ------------------------------------------------------------------------------------------------------


def reducing(function: Callable[..., Any], of_truths: Callable[..., Any] | None = None) -> Callable[..., Value]:
    """The rule of a reduction over axes. of_truths: what it is for truths."""

    def rule(at: At, x: Value) -> Value:
        axes = tuple(at["axes"])
        if of_truths is not None and at.kind.dtype == "bool":
            return of_truths(at.truth(x), axes)
        return function(at.tensor(x), axes) if axes else at.tensor(x)

    return rule


def placing(function: Callable[..., Array]) -> Callable[..., Value]:
    """The rule of what finds a place along one axis."""

    def rule(at: At, x: Value) -> Value:
        (axis,) = at["axes"]
        return function(at.tensor(x), axis).astype(at.kind.dtype)

    return rule


def running(function: Callable[..., Tensor]) -> Callable[..., Value]:
    """The rule of what goes along an axis, maybe from its end."""

    def rule(at: At, x: Value) -> Value:
        t, axis = at.tensor(x), at["axis"]
        return flip(function(flip(t, axis), axis), axis) if at["reverse"] else function(t, axis)

    return rule


def _accumulated(joining: Callable[[Any, Any], Tensor], t: Tensor, axis: int) -> Tensor:
    """What joins two, along an axis: each element with what came before it."""
    found: list[Tensor] = []
    for row in moveaxis(t, axis, 0):
        found.append(joining(found[-1], row) if found else row)
    return stack(found, axis=axis) if found else t


# ---- order -----------------------------------------------------------------------------------------------------------


def sorting(at: At, *values: Value) -> list[Value | None]:
    """Sorted along an axis by the first operand; the others go with it."""
    axis, (key, *rest) = at["dimension"], values
    if at["num_keys"] != 1:
        at.refuse("it sorts by several keys: sort by one number")
    if is_known(key):
        order = np.argsort(key, axis=axis, kind="stable")
        return [_along(value, order, axis) for value in values]
    t = at.tensor(key)
    needed = [i for i in range(len(rest)) if at.wanted(i + 1)]
    places = argsort(t, axis) if needed else ZERO
    others = [_along(rest[i], places, axis) if i in needed else None for i in range(len(rest))]
    return [sort(t, axis) if at.wanted(0) else None, *others]


def _along(x: Value, order: Array, axis: int) -> Value:
    return np.take_along_axis(x, order, axis) if is_known(x) else take_along_axis(x, order, axis)


def top_k(at: At, x: Value) -> list[Value | None]:
    """The greatest along an axis, and their places, where these are needed."""
    t = at.tensor(x)
    found = greatest(t, at["k"], at.equation.parameters.get("axis", -1))
    places = found.indices.astype(at.equation.given[1].dtype) if at.wanted(1) else None
    return [found.values if at.wanted(0) else None, places]


# ---- windows ---------------------------------------------------------------------------------------------------------


def _seen(at: At, shape: Sequence[int]) -> tuple[Array, tuple[int, ...]]:
    """The places that each window looks at, the windows' axes first; what is padded is one place more."""
    low_high = [(low, high, inner - 1) for (low, high), inner in zip(at["padding"], at["base_dilation"], strict=True)]
    wide = padded(numbered(shape), low_high)
    found = windows(wide, at["window_dimensions"], at["window_strides"], at["window_dilation"])
    d = len(shape)
    return np.moveaxis(found, range(d), range(d, 2 * d)), tuple(range(d, 2 * d))


def window_sum(at: At, x: Value) -> Value:
    """The sum of each window."""
    places, axes = _seen(at, x.shape)
    return sum(picked(at, at.tensor(x), places, [ZERO]), axes)


def window_extreme(function: Callable[..., Tensor]) -> Callable[..., Value]:
    """The rule of the largest, or the smallest, of each window; what is padded never counts."""

    def rule(at: At, x: Value) -> Value:
        places, axes = _seen(at, x.shape)
        inside = places < int(np.prod(x.shape))
        some = np.where(inside, places, -1).max(axis=axes, keepdims=True)
        if np.any(some < 0):
            at.refuse("a window meets nothing but padding, where JAX gives an infinity: pad less")
        return function(picked(at, at.tensor(x), np.where(inside, places, some)), axes)

    return rule


WINDOWS: dict[str, tuple[float, Callable[..., Value]]] = {
    "add": (0, window_sum),
    "max": (-np.inf, window_extreme(max)),
    "min": (np.inf, window_extreme(min)),
}
"""By the one primitive that reduces a window: where it starts from, and the rule."""


def reduce_window(at: At, x: Value, start: Value) -> Value:
    """Windows reduced by a function: a sum, the largest or the smallest, from where these start."""
    body = at["jaxpr"].equations
    first, rule = WINDOWS.get(body[0].primitive if len(body) == 1 else "", (np.nan, None))
    if rule is None or not is_known(start) or start != first:
        at.refuse("windows are reduced by a function that is no sum from 0, and no largest or smallest")
    return rule(at, x)


# ---- products --------------------------------------------------------------------------------------------------------


def dot_general(at: At, x: Value, y: Value) -> Value:
    """Sums of products over some axes of both, for each of what axes of both go along together."""
    (left, right), (many, of_many) = at["dimension_numbers"]
    a, b = at.tensor(x), at.tensor(y)
    if not many and len(left) == 1 and a.ndim <= 2 and b.ndim <= 2:
        return matmul(moveaxis(a, left[0], -1), moveaxis(b, right[0], 0))
    rows = [i for i in range(a.ndim) if i not in (*left, *many)]
    columns = [i for i in range(b.ndim) if i not in (*right, *of_many)]
    lengths = [int(np.prod([t.shape[i] for i in axes], dtype=int)) for t, axes in ((a, rows), (a, left), (b, columns))]
    first, batch = (tuple(a.shape[i] for i in many),) * 2
    one = reshaped(permuted(a, (*many, *rows, *left)), (*first, lengths[0], lengths[1]))
    other = reshaped(permuted(b, (*of_many, *right, *columns)), (*first, lengths[1], lengths[2]))
    return reshaped(matmul(one, other), (*batch, *(a.shape[i] for i in rows), *(b.shape[i] for i in columns)))


def conv_general_dilated(at: At, x: Value, kernel: Value) -> Value:
    """A convolution of networks, in any layout."""
    numbers = at["dimension_numbers"]
    t = permuted(at.tensor(x), numbers["lhs_spec"])
    w = permuted(at.tensor(kernel), numbers["rhs_spec"])
    d, out = t.ndim - 2, numbers["out_spec"]
    inner = [n - 1 for n in at["lhs_dilation"]]
    widths = [(0, 0, 0), (0, 0, 0), *((low, high, k) for (low, high), k in zip(at["padding"], inner, strict=True))]
    if any(any(each) for each in widths):
        t = picked(at, t, padded(numbered(t.shape), widths), [ZERO])
    if not d:
        t, w = reshaped(t, (*t.shape, 1)), reshaped(w, (*w.shape, 1))
    if d > 3:
        at.refuse("a convolution over more than three axes")
    strides, apart = tuple(at["window_strides"]) or (1,), tuple(at["rhs_dilation"]) or (1,)
    groups, batches = at["feature_group_count"], at["batch_group_count"]
    n, o = t.shape[0] // batches, w.shape[0] // batches
    pairs = [(t[k * n : (k + 1) * n], w[k * o : (k + 1) * o]) for k in range(batches)] if batches > 1 else [(t, w)]
    found = joined(at, [conv(a, b, stride=strides, dilation=apart, groups=groups) for a, b in pairs], 1)
    return permuted(found if d else reshaped(found, found.shape[:2]), np.argsort(out).tolist())


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "reduce_sum": reducing(sum),
    "reduce_prod": reducing(prod),
    "reduce_max": reducing(max, any_of),
    "reduce_min": reducing(min, all_of),
    "reduce_and": reducing(min, all_of),
    "reduce_or": reducing(max, any_of),
    "argmax": placing(argmax),
    "argmin": placing(argmin),
    "cumsum": running(cumulative_sum),
    "cumprod": running(cumulative_prod),
    "cummax": running(partial(_accumulated, maximum)),
    "cummin": running(partial(_accumulated, minimum)),
    "cumlogsumexp": running(partial(_accumulated, logaddexp)),
    "sort": sorting,
    "top_k": top_k,
    "reduce_window_sum": window_sum,
    "reduce_window_max": window_extreme(max),
    "reduce_window_min": window_extreme(min),
    "reduce_window": reduce_window,
    "dot_general": dot_general,
    "conv_general_dilated": conv_general_dilated,
}
"""By primitive: its rule."""
