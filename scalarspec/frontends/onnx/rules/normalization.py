"""Operators that shift and scale to mean 0 and variance 1, or to length 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scalarspec.frontends.onnx.at import At
from scalarspec.frontends.onnx.operands import Operand, Said, call
from scalarspec.frontends.onnx.rules.table import operator
from scalarspec.frontends.onnx.text import number

MOST_NEIGHBOURS = 256
"""How many neighbouring channels are added up at most."""


def _eps(at: At) -> str:
    return number(np.float32(at.attribute("epsilon")))


def _channels(x: Operand, parameter: Operand) -> str:
    """A parameter with a number for each channel, beside x."""
    return call("reshape", parameter, (-1, *[1] * (x.ndim - 2)))


@operator("BatchNormalization")
def batch_norm(at: At) -> Said:
    """As runtimes do it, so that rounding explains what they find: a factor and a shift for each channel."""
    x = at[0]
    for irrelevant in ("momentum", "consumed_inputs"):
        at.attribute(irrelevant)
    training = at.attribute("training_mode", 0) or (at.version < 7 and not at.attribute("is_test", 0))
    if training or (at.version < 14 and any(at.node.outputs[1:])):
        at.refuse("it uses the statistics of a batch, and changes them: export the model in evaluation mode")
    scale, bias, mean, var = (at.let(_channels(x, at[i]), "channels") if x.ndim > 2 else at[i] for i in (1, 2, 3, 4))
    factor = at.let(f"{scale} / ss.sqrt({var} + {_eps(at)})", "factor")
    return f"{x} * {factor} + ({bias} - {mean} * {factor})"


def normalized(at: At, x: Operand, axes: Sequence[int], eps: str) -> str:
    """(x - mean) / √(var + eps) over some axes."""
    deviations = at.let(f"{x} - ss.mean({x}, axis={tuple(axes)}, keepdims=True)", "deviations")
    return call("rms_norm", deviations, tuple(axes), eps)


@operator("InstanceNormalization")
def instance_norm(at: At) -> Said:
    x = at[0]
    inner = normalized(at, x, range(2, x.ndim), _eps(at))
    return f"{inner} * {_channels(x, at[1])} + {_channels(x, at[2])}"


@operator("LayerNormalization", "RMSNormalization")
def layer_norm(at: At) -> list[Said]:
    x, weight, bias = at[0], at[1], at.get(2)
    at.attribute("stash_type")
    axes = tuple(range(at.axis(default=-1), x.ndim))
    layer = at.node.operator == "LayerNormalization"
    inner = normalized(at, x, axes, _eps(at)) if layer else call("rms_norm", x, axes, _eps(at))
    found: list[Said] = [f"{inner} * {weight}" + ("" if bias is None else f" + {bias}")]
    if any(at.writer.asks(name) for name in at.node.outputs[1:]):
        settings = {"axis": axes, "keepdims": True}
        spread = call("reciprocal", call("sqrt", f"{call('var', x, **settings)} + {_eps(at)}"))
        found += [call("mean", x, **settings), spread]
    return found


@operator("GroupNormalization")
def group_norm(at: At) -> Said:
    """Over each of some groups of channels; scale and bias are for groups before opset 21, and for channels since."""
    x, groups = at[0], int(at.attribute("num_groups"))
    n, c, *spatial = x.shape
    rows = at.let(call("reshape", x, (n, groups, c // groups, *spatial)), "groups")
    inner = at.let(normalized(at, rows, range(2, rows.ndim), _eps(at)), "normalized")
    if at.version < 21:
        shape = (groups, *[1] * (rows.ndim - 2))
        scaled = f"{inner} * ss.reshape({at[1]}, {shape}) + ss.reshape({at[2]}, {shape})"
        return call("reshape", scaled, x.shape)
    whole = at.let(call("reshape", inner, x.shape))
    return f"{whole} * {_channels(x, at[1])} + {_channels(x, at[2])}"


@operator("MeanVarianceNormalization")
def mean_variance(at: At) -> Said:
    """(x - mean) / (√var + 10⁻⁹), as ONNX defines it."""
    x, axes = at[0], tuple(at.place(a, at[0].ndim) for a in at.attribute("axes") or (0, 2, 3))
    deviations = at.let(f"{x} - ss.mean({x}, axis={axes}, keepdims=True)", "deviations")
    spread = f"ss.sqrt(ss.mean(ss.square({deviations}), axis={axes}, keepdims=True))"
    return f"{deviations} / ({spread} + {number(np.float32(1e-9))})"


@operator("LpNormalization")
def lp_normalization(at: At) -> Said:
    x, p, axis = at[0], int(at.attribute("p", 2)), at.axis(default=-1)
    norm = at.let(f"ss.vector_norm({x}, {p}, axis={axis}, keepdims=True)", "norm")
    return f"{x} / ss.where(ss.equal({norm}, 0), 1, {norm})"


@operator("LRN")
def local_response(at: At) -> Said:
    """x / (bias + alpha / size Σ x²)^beta, over some neighbouring channels."""
    x, size = at[0], int(at.attribute("size"))
    if not 1 <= size <= MOST_NEIGHBOURS:
        at.refuse(f"size is {size}; expected one from 1 to {MOST_NEIGHBOURS}")
    alpha, beta, bias = (number(np.float32(at.attribute(name))) for name in ("alpha", "beta", "bias"))
    before, after = (size - 1) // 2, size - 1 - (size - 1) // 2
    pairs = [(0, 0), (before, after), *[(0, 0)] * (x.ndim - 2)]
    squares = at.let(f"ss.pad(ss.square({x}), {pairs})", "squares")
    channels = x.shape[1]
    total = at.let(" + ".join(f"{squares}[:, {i}:{i + channels}]" for i in range(size)), "total")
    return f"{x} / ss.pow({bias} + {alpha} * {total} / {size}, {beta})"
