"""Pools, and changes of resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from scalarspec.frontends.onnx.at import MOST_PLACES, At
from scalarspec.frontends.onnx.operands import Operand, Said, call
from scalarspec.frontends.onnx.rules.products import brief, each_axis, equal_ends, paddings
from scalarspec.frontends.onnx.rules.structure import padded
from scalarspec.frontends.onnx.rules.table import operator, refuse

MOST_POWER = 64
"""The greatest p of a norm."""
Pairs = list[tuple[int, int]]


@operator("MaxPool", "AveragePool", "LpPool")
def pool(at: At) -> Said:
    x = at[0]
    kernel = tuple(map(int, at.attribute("kernel_shape")))
    d = len(kernel)
    if d != x.ndim - 2 or min(kernel, default=0) < 1 or math.prod(kernel) > MOST_PLACES:
        at.refuse(f"a window of {kernel} for the shape {x.shape}; at most {MOST_PLACES} elements")
    stride, dilation = each_axis(at, "strides", d), each_axis(at, "dilations", d)
    pairs = paddings(at, x.shape[2:], kernel, stride, dilation)
    if at.attribute("ceil_mode", 0):
        pairs = _reaching(x.shape[2:], kernel, stride, dilation, pairs)
    if at.node.operator == "MaxPool":
        return _largest(at, kernel, stride, dilation, pairs)
    if any(n != 1 for n in dilation):
        at.refuse("windows with gaps; write it as a convolution")
    if at.node.operator == "LpPool":
        return _norms(at, kernel, stride, pairs)
    return _means(at, kernel, stride, pairs)


def _reaching(
    spatial: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], pairs: Pairs
) -> Pairs:
    """Ends that are padded so far that the last window fits; it begins within the elements or the padding before."""
    found = []
    for n, k, s, d, (before, after) in zip(spatial, kernel, stride, dilation, pairs, strict=True):
        reach = d * (k - 1) + 1
        count = -(-(n + before + after - reach) // s) + 1
        if (count - 1) * s >= n + before:
            count -= 1
        found.append((before, max((count - 1) * s + reach - n - before, after)))
    return found


def _largest(at: At, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], pairs: Pairs) -> Said:
    at.attribute("storage_order")
    if len(at.node.outputs) > 1 and at.node.outputs[1]:
        at.refuse("the places of the largest elements are not followed")
    x, padding = at[0], brief([before for before, _ in pairs], 0)
    if not equal_ends(pairs) or any(2 * b > k for (b, _), k in zip(pairs, kernel, strict=True)):
        if any(n != 1 for n in dilation) or any(max(pair) >= k for pair, k in zip(pairs, kernel, strict=True)):
            at.refuse("windows that look at padding alone")
        # the element at an end is in each window that looks beyond it, so that a copy of it changes no maximum
        x, padding = at.let(padded(x, [(0, 0), (0, 0), *pairs], ", mode='edge'"), "padded"), None
    return call("max_pool", x, tuple(kernel), stride=tuple(stride), padding=padding, dilation=brief(dilation))


def _means(at: At, kernel: Sequence[int], stride: Sequence[int], pairs: Pairs) -> Said:
    """The means of windows; what is padded counts where the file says so, but not what the last window needs more."""
    x, spatial = at[0], at[0].shape[2:]
    plain = {"stride": tuple(stride)}
    told = paddings(at, spatial, kernel, stride, (1,) * len(kernel))
    counted = told if at.attribute("count_include_pad", 0) else [(0, 0)] * len(kernel)
    if pairs == counted and equal_ends(pairs) and all(2 * b <= k for (b, _), k in zip(pairs, kernel, strict=True)):
        return call("avg_pool", x, tuple(kernel), padding=brief([b for b, _ in pairs], 0), **plain)
    rows = at.let(padded(x, [(0, 0), (0, 0), *pairs]), "padded")
    numbers = np.ones((), dtype=int)
    for n, k, s, p, c in zip(spatial, kernel, stride, pairs, counted, strict=True):
        first = np.arange(-p[0], n + p[1] - k + 1, s)
        shares = np.minimum(first + k, n + c[1]) - np.maximum(first, -c[0])
        numbers = numbers[..., None] * shares
    size = math.prod(kernel)
    return f"{call('avg_pool', rows, tuple(kernel), **plain)} * {size} / {numbers.tolist()}"


def _norms(at: At, kernel: Sequence[int], stride: Sequence[int], pairs: Pairs) -> Said:
    p, x = _whole_power(at), at[0]
    powers = at.let(call("abs", x) if p == 1 else call("square", x) if p == 2 else f"ss.abs({x}) ** {p}")
    rows = at.let(padded(powers, [(0, 0), (0, 0), *pairs]), "padded")
    total = f"{call('avg_pool', rows, tuple(kernel), stride=tuple(stride))} * {math.prod(kernel)}"
    return total if p == 1 else f"ss.sqrt({total})" if p == 2 else f'({total}) ** "1/{p}"'


def _whole_power(at: At) -> int:
    """The p of a norm, a float in opset 1."""
    p = at.attribute("p", 2)
    if p != int(p) or not 1 <= p <= MOST_POWER:
        at.refuse(f"p is {p}; expected an integer from 1 to {MOST_POWER}")
    return int(p)


@operator("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def over_all(at: At) -> Said:
    x = at[0]
    axes = tuple(range(2, x.ndim))
    if at.node.operator == "GlobalLpPool":
        return call("vector_norm", x, _whole_power(at), axis=axes, keepdims=True)
    return call("mean" if "Average" in at.node.operator else "max", x, axis=axes, keepdims=True)


# ---- resolution -----------------------------------------------------------------------------------------------------


@operator("Upsample")
def upsample(at: At) -> Said:
    return _upsampled(at)


def _upsampled(at: At) -> Said:
    """At scales, as it was before there were other ways to say where elements lie."""
    scales = at.known(1, "the scales") if at.version >= 9 else np.asarray(at.attribute("scales"))
    sizes = [int(Fraction(float(s)) * n) for s, n in zip(scales, at[0].shape, strict=True)]
    return _resized(
        at, sizes, [Fraction(float(s)) for s in scales], at.attribute("mode", "nearest"), "asymmetric", "floor"
    )


@operator("Resize")
def resize(at: At) -> Said:
    x = at[0]
    if at.version < 11:
        return _upsampled(at)
    at.attribute("cubic_coeff_a"), at.masked(1)
    if at.attribute("antialias", 0) or at.attribute("exclude_outside", 0):
        at.refuse("antialias and exclude_outside are not followed")
    axes = [at.place(a, x.ndim) for a in at.attribute("axes") or range(x.ndim)]
    scales, sizes = (
        at.known(i, what) if at.has(i) and 0 not in at[i].shape else None
        for i, what in ((2, "the scales"), (3, "the sizes"))
    )
    factors, lengths = [Fraction(1)] * x.ndim, list(x.shape)
    if at.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        at.refuse("keep_aspect_ratio_policy other than stretch; say the sizes")
    for i, axis in enumerate(axes):
        if sizes is not None:
            lengths[axis] = int(sizes[i])
            factors[axis] = Fraction(lengths[axis], max(x.shape[axis], 1))
        elif scales is not None:
            factors[axis] = Fraction(float(scales[i]))
            lengths[axis] = math.floor(factors[axis] * x.shape[axis])
    where = at.attribute("coordinate_transformation_mode", "half_pixel")
    return _resized(
        at, lengths, factors, at.attribute("mode", "nearest"), where, at.attribute("nearest_mode", "round_prefer_floor")
    )


def _resized(at: At, lengths: Sequence[int], factors: Sequence[Fraction], mode: str, where: str, nearest: str) -> Said:
    """One axis after the other: at exact places, between exact neighbours."""
    found, x = at[0], at[0]
    if any(m < 1 for m in lengths) or any(f <= 0 for f in factors):
        at.refuse(f"to lengths {tuple(lengths)}")
    if mode not in ("nearest", "linear"):
        at.refuse(f"mode {mode!r}; expected nearest or linear")
    at.writer.check_size(at.node.outputs[0], lengths)
    at.check_places((max(lengths, default=1),))
    for axis, (n, m, factor) in enumerate(zip(x.shape, lengths, factors, strict=True)):
        if n == m and factor == 1:
            continue
        places = [_place(at, i, n, m, factor, where) for i in range(m)]
        if mode == "nearest":
            chosen = [min(max(_nearest(at, p, nearest), 0), n - 1) for p in places]
            found = at.let(call("take", found, chosen, axis))
        else:
            found = at.let(_between(found, places, axis, n))
    return found


def _place(at: At, i: int, n: int, m: int, factor: Fraction, where: str) -> Fraction:
    """Where element i of the result lies among those of x."""
    if where == "asymmetric":
        return i / factor
    if where == "align_corners":
        return Fraction(i * (n - 1), m - 1) if m > 1 else Fraction(0)
    if where == "pytorch_half_pixel" and m <= 1:
        return Fraction(0)
    if where not in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"):
        at.refuse(f"coordinate_transformation_mode {where!r}")
    shift = Fraction(n, 2) * (1 - m / (factor * n)) if where == "half_pixel_symmetric" else Fraction(0)
    return shift + (i + Fraction(1, 2)) / factor - Fraction(1, 2)


def _nearest(at: At, place: Fraction, how: str) -> int:
    if how == "floor":
        return math.floor(place)
    if how == "ceil":
        return math.ceil(place)
    if how == "round_prefer_ceil":
        return math.floor(place + Fraction(1, 2))
    return math.ceil(place - Fraction(1, 2))


def _between(x: Operand, places: Sequence[Fraction], axis: int, n: int) -> str:
    """Linear between two neighbours."""
    inside = [min(max(p, Fraction(0)), Fraction(n - 1)) for p in places]
    first = [min(int(p), max(n - 2, 0)) for p in inside]
    second = [min(i + 1, n - 1) for i in first]
    shape = [len(places) if a == axis else 1 for a in range(x.ndim)]
    parts = [str(p - i) for p, i in zip(inside, first, strict=True)]
    low, high = call("take", x, first, axis), call("take", x, second, axis)
    weights = f"ss.reshape({x}.context.tensor({parts!r}), {tuple(shape)})"
    return f"{low} + {weights} * ({high} - {low})"


refuse(
    "it samples at places that depend on numbers",
    "AffineGrid",
    "DeformConv",
    "GridSample",
    "MaxRoiPool",
    "MaxUnpool",
    "RoiAlign",
)
