"""Operators of sums of products: matrices, convolutions, attention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scalarspec.frontends.onnx.at import At
from scalarspec.frontends.onnx.operands import Operand, Said, call
from scalarspec.frontends.onnx.rules.structure import padded
from scalarspec.frontends.onnx.rules.table import operator, refuse
from scalarspec.frontends.onnx.text import number


@operator("MatMul")
def matmul(at: At) -> Said:
    a, b = at[0], at[1]
    plain = any(o.text and not o.text.startswith("p[") for o in (a, b))
    return f"{a} @ {b}" if plain else call("matmul", a, b)


@operator("Gemm")
def gemm(at: At) -> Said:
    """alpha A′ B′ + beta C, each of A and B transposed or not."""
    a, b, c = at[0], at[1], at.get(2)
    alpha, beta = at.attribute("alpha", 1.0), at.attribute("beta", 1.0)
    at.attribute("broadcast")
    turned = call("matrix_transpose", a) if at.attribute("transA", 0) else str(a)
    whole = alpha == beta == 1 and not b.constant and c is not None and c.ndim == 1 and len(c.shape) == 1
    if whole and at.attribute("transB", 0) and c is not None and c.shape[0] == b.shape[0]:
        return call("affine", b, turned, c)
    product = call("matmul", turned, call("matrix_transpose", b) if at.attribute("transB", 0) else b)
    product = product if alpha == 1 else f"{number(np.float32(alpha))} * {product}"
    if c is None or beta == 0:
        return product
    return f"{product} + {c}" if beta == 1 else f"{product} + {number(np.float32(beta))} * {c}"


@operator("Einsum")
def einsum(at: At) -> Said:
    return call("einsum", repr(at.attribute("equation").replace(" ", "")), *at.all())


@operator("Det")
def det(at: At) -> Said:
    x = at[0]
    if x.shape[-1] > 2:
        at.refuse("the determinant of more than two rows")
    first = f"{x}[..., 0, 0]"
    return first if x.shape[-1] == 1 else f"{first} * {x}[..., 1, 1] - {x}[..., 0, 1] * {x}[..., 1, 0]"


# ---- convolutions ---------------------------------------------------------------------------------------------------


def each_axis(at: At, name: str, count: int, default: int = 1) -> tuple[int, ...]:
    """An attribute that has a number for each spatial axis."""
    found = at.attribute(name)
    numbers = (default,) * count if found is None or not len(found) else tuple(map(int, found))
    if len(numbers) != count:
        at.refuse(f"{name}: expected {count} numbers, got {numbers}")
    return numbers


def paddings(
    at: At, spatial: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """How many elements are added before and after each spatial axis."""
    count, how = len(kernel), at.attribute("auto_pad", "NOTSET") or "NOTSET"
    if how == "NOTSET":
        pads = each_axis(at, "pads", 2 * count, 0)
        return list(zip(pads[:count], pads[count:], strict=True))
    if how == "VALID":
        return [(0, 0)] * count
    found = []
    for n, k, s, d in zip(spatial, kernel, stride, dilation, strict=True):
        more = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        found.append((more // 2, more - more // 2) if how == "SAME_UPPER" else (more - more // 2, more // 2))
    return found


def check_kernel(at: At, w: Operand) -> None:
    """Raises NotSupported where the attribute for the lengths of the kernel is not those of the weights."""
    if tuple(at.attribute("kernel_shape") or w.shape[2:]) != w.shape[2:]:
        at.refuse(f"kernel_shape is {at.attribute('kernel_shape')}, for weights of shape {w.shape}")


def brief(numbers: Sequence[int], usual: int = 1) -> object:
    """A setting for each axis, one number where they are equal; None where it is the usual one."""
    if len({*numbers}) == 1:
        return None if numbers[0] == usual else numbers[0]
    return tuple(numbers)


def equal_ends(pairs: Sequence[tuple[int, int]]) -> bool:
    """Is as much added before as after?"""
    return all(before == after for before, after in pairs)


@operator("Conv")
def conv(at: At) -> Said:
    return convolution(at, at[0], at[1], at.get(2))


def convolution(at: At, x: Operand, w: Operand, bias: Operand | None) -> Said:
    """The cross-correlation of x with w."""
    d = w.ndim - 2
    check_kernel(at, w)
    stride, dilation = each_axis(at, "strides", d), each_axis(at, "dilations", d)
    pairs = paddings(at, x.shape[2:], w.shape[2:], stride, dilation)
    padding: object = brief([before for before, _ in pairs], 0)
    if not equal_ends(pairs):
        x, padding = at.let(padded(x, [(0, 0), (0, 0), *pairs]), "padded"), None
    group = int(at.attribute("group", 1))
    settings = {
        "stride": brief(stride),
        "padding": padding,
        "dilation": brief(dilation),
        "groups": group if group != 1 else None,
    }
    return call("conv", x, w, bias, **settings)


@operator("ConvTranspose")
def conv_transpose(at: At) -> Said:
    x, w, bias = at[0], at[1], at.get(2)
    d = w.ndim - 2
    check_kernel(at, w)
    stride, dilation = each_axis(at, "strides", d), each_axis(at, "dilations", d)
    more = each_axis(at, "output_padding", d, 0)
    full = [
        (n - 1) * s + (k - 1) * r + 1 + o
        for n, s, k, r, o in zip(x.shape[2:], stride, w.shape[2:], dilation, more, strict=True)
    ]
    wanted, how = at.attribute("output_shape"), at.attribute("auto_pad", "NOTSET") or "NOTSET"
    if how in ("SAME_UPPER", "SAME_LOWER") and not wanted:
        wanted = [n * s for n, s in zip(x.shape[2:], stride, strict=True)]
    if wanted:
        less = [n - m for n, m in zip(full, list(wanted)[-d:], strict=True)]
        halves = [(n // 2, n - n // 2) for n in less]
        pairs = halves if how == "SAME_UPPER" else [(b, a) for a, b in halves]
    else:
        pairs = [(0, 0)] * d if how == "VALID" else paddings(at, x.shape[2:], w.shape[2:], stride, dilation)
    group = int(at.attribute("group", 1))
    settings = {
        "stride": brief(stride),
        "output_padding": brief(more, 0),
        "groups": group if group != 1 else None,
        "dilation": brief(dilation),
    }
    if equal_ends(pairs) and min(min(pair) for pair in pairs) >= 0:
        return call("conv_transpose", x, w, bias, padding=brief([a for a, _ in pairs], 0), **settings)
    whole = at.let(call("conv_transpose", x, w, bias, **settings), "whole")
    if min(min(pair) for pair in pairs) < 0:
        at.refuse(f"an output of {tuple(wanted or ())} is longer than what the kernel reaches")
    parts = [f"{a}:{n - b}" for (a, b), n in zip(pairs, full, strict=True)]
    return f"{whole}[:, :, {', '.join(parts)}]"


# ---- attention ------------------------------------------------------------------------------------------------------


@operator("Attention")
def attention(at: At) -> Said:
    """softmax(scale Q Kᵀ + mask) V, for queries, keys and values of shape (batch, heads, length, width), or of shape
    (batch, length, heads × width).
    """
    if (len(at.node.outputs) > 1 and any(at.node.outputs[1:])) or at.get(4) is not None or at.attribute("softcap", 0.0):
        at.refuse("past keys, further results and softcap are not followed; write it in MatMul and Softmax")
    q, k, v = at[0], at[1], at[2]
    flat = q.ndim == 3
    if flat:
        heads, others = int(at.attribute("q_num_heads")), int(at.attribute("kv_num_heads"))
        q, k, v = (_in_heads(at, t, h) for t, h in ((q, heads), (k, others), (v, others)))
    times = q.shape[1] // k.shape[1]
    if times > 1:
        k, v = (at.let(call("repeat", t, times, 1)) for t in (k, v))
    scale = at.attribute("scale")
    if scale is not None:
        scores = at.let(f"{number(np.float32(scale))} * {call('matmul', q, call('matrix_transpose', k))}", "scores")
    else:
        scores = at.let(f"ss.matmul({q}, ss.matrix_transpose({k})) / ss.sqrt({_wide(q)})", "scores")
    shares = at.let(_shares(at, scores), "shares")
    found = call("matmul", shares, v)
    if not flat:
        return found
    n, h, length, width = (*shares.shape[:3], v.shape[-1])
    return call("reshape", call("permute_dims", found, (0, 2, 1, 3)), (n, length, h * width))


def _wide(q: Operand) -> str:
    """The width of queries, as a tensor."""
    return f"{q}.context.tensor({q.shape[-1]})"


def _in_heads(at: At, t: Operand, heads: int) -> Operand:
    n, length, wide = t.shape
    return at.let(call("permute_dims", call("reshape", t, (n, length, heads, wide // heads)), (0, 2, 1, 3)), "heads")


def _shares(at: At, scores: Operand) -> str:
    """The softmax of scores, with a mask."""
    mask = at.get(3)
    seen: np.ndarray | None = None
    if at.attribute("is_causal", 0):
        seen = np.tri(scores.shape[-2], scores.shape[-1]) > 0
    if mask is not None and mask.dtype == "bool":
        known = at.known(3, "the places of the mask")
        seen = known if seen is None else known & seen
        mask = None
    if mask is not None:
        scores = at.let(f"{scores} + {mask}", "scores")
    if seen is None:
        return call("softmax", scores, -1)
    return f"ss.softmax({scores}, -1, where=np.array({np.broadcast_to(seen, scores.shape).tolist()}))"


refuse("write it in Split, Mul, Neg and Concat, as exporters do for opsets before 23", "RotaryEmbedding")
