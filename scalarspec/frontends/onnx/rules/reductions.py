"""Operators over some axes: sums, extremes, softmax, order, losses."""

from __future__ import annotations

import math

import numpy as np

from scalarspec.frontends.onnx.at import At
from scalarspec.frontends.onnx.operands import Operand, Peak, Said, Text, call
from scalarspec.frontends.onnx.rules.table import operator, refuse

REDUCED = {
    "ReduceSum": "sum", "ReduceMean": "mean", "ReduceMax": "max", "ReduceMin": "min", "ReduceProd": "prod",
    "ReduceLogSumExp": "logsumexp",
}  # fmt: skip
"""Operators that are reductions of ours; others are made of these."""


@operator(*REDUCED, "ReduceSumSquare", "ReduceLogSum", "ReduceL1", "ReduceL2")
def reduction(at: At) -> Said:
    x, name = at[0], at.node.operator
    since = 13 if name == "ReduceSum" else 18
    axes = at.either(1, "axes", since)
    if axes is not None and not len(axes):
        axes = None
    idle = at.attribute("noop_with_empty_axes", 0)
    if axes is None and idle:
        inner = {"ReduceSumSquare": "square", "ReduceLogSum": "log", "ReduceL1": "abs", "ReduceL2": "abs"}.get(name)
        return x if inner is None else call(inner, x)
    places = None if axes is None else tuple(sorted(at.place(a, x.ndim) for a in axes))
    settings = {"axis": places, "keepdims": bool(at.attribute("keepdims", 1)) or None}
    if name in REDUCED:
        if x.dtype == "bool":
            return Text(call("all" if name == "ReduceMin" else "any", x, **settings), "bool")
        return call(REDUCED[name], x, **settings)
    if name == "ReduceLogSum":
        return call("log", call("sum", x, **settings))
    if name == "ReduceSumSquare":
        return call("sum", call("square", x), **settings)
    return call("vector_norm", x, int(name[-1]), **settings)


@operator("Softmax", "LogSoftmax", "Hardmax")
def softmax(at: At) -> Said:
    """Before opset 13 of all axes from one on, as if they were one."""
    x = at.masked(0)
    assert x is not None
    axis = at.place(at.attribute("axis", -1 if at.version >= 13 else 1), x.ndim)
    if x.mask is not None:
        if at.node.operator != "Softmax" or (at.version < 13 and axis < x.ndim - 1):
            at.refuse("minus infinity is followed through Softmax along one axis alone")
        return call("softmax", x, axis)[:-1] + f", where=np.array({np.broadcast_to(~x.mask, x.shape).tolist()}))"
    several = at.version < 13 and axis < x.ndim - 1
    rows = at.let(call("reshape", x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))) if several else x
    axis = 1 if several else axis
    if at.node.operator == "Hardmax":
        found = _hardmax(at, rows, axis)
    else:
        found = call("softmax" if at.node.operator == "Softmax" else "log_softmax", rows, axis)
    return call("reshape", found, x.shape) if several else found


def _hardmax(at: At, x: Operand, axis: int) -> str:
    """1 at the first largest element, 0 elsewhere."""
    places = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
    first = at.let(f"{x}.context.tensor(ss.argmax({x}, {axis}, keepdims=True))", "first", None, shape)
    return f"ss.where(ss.equal({places.tolist()}, {first}), ss.broadcast_to({x}.context.tensor(1), {x.shape}), 0)"


@operator("ArgMax", "ArgMin")
def extreme(at: At) -> Said:
    x, axis, keep = at[0], at.axis(), bool(at.attribute("keepdims", 1))
    last = bool(at.attribute("select_last_index", 0))
    shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape) if keep or i != axis)
    name = "argmax" if at.node.operator == "ArgMax" else "argmin"
    found = call(name, call("flip", x, axis) if last else x, axis, keepdims=keep or None)
    text = f"{x.shape[axis] - 1} - {found}" if last else found
    return Text(f"{x}.context.tensor({text})", "int64", shape, peak=Peak(x, axis, name == "argmin", last))


@operator("TopK")
def top_k(at: At) -> list[Said]:
    x, axis = at[0], at.axis(default=-1)
    count = at.either(1, "k", 10) or (1,)
    at.attribute("sorted")
    sign = "" if at.attribute("largest", 1) else "-"
    values: list[Said] = [f"{sign}ss.top_k({sign}{x}, {count[0]}, {axis}).values"]
    if len(at.node.outputs) == 1 or not at.writer.asks(at.node.outputs[1]):
        return values
    shape = tuple(count[0] if i == axis else n for i, n in enumerate(x.shape))
    places = f"{x}.context.tensor(ss.top_k({sign}{x}, {count[0]}, {axis}).indices)"
    return [*values, Text(places, "int64", shape)]


@operator("CumSum", "CumProd")
def running(at: At) -> Said:
    x, where = at[0], at.integers(1, "the axis")
    axis = at.place(where[0], x.ndim)
    back, without = at.attribute("reverse", 0), at.attribute("exclusive", 0)
    text = call("flip", x, axis) if back else str(x)
    name = "cumulative_sum" if at.node.operator == "CumSum" else "cumulative_prod"
    found = call(name, text, axis, include_initial=True if without else None)
    if without:
        found = f"{found}[{', '.join([*[':'] * axis, f'0:{x.shape[axis]}'])}]"
    return call("flip", found, axis) if back else found


@operator("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(at: At) -> Said | list[Said]:
    """-w x at the target's class; the mean of reduction is over the weights."""
    x, weight = at[0], at.get(2)
    classes = at.known(1, "the targets")
    logs: Operand = x
    if at.node.operator == "SoftmaxCrossEntropyLoss":
        logs = at.let(call("log_softmax", x, 1), "log_probs")
    ignored = at.attribute("ignore_index")
    taken = np.ones(classes.shape, bool) if ignored is None else classes != ignored
    places = np.where(taken, classes, 0)
    shape = tuple(classes.shape)
    picked = call("reshape", call("take_along_axis", logs, np.expand_dims(places, 1).tolist(), 1), shape)
    if weight is None:
        shares = at.let(f"{logs}.context.tensor({taken.astype(int).tolist()})", "weights")
    else:
        chosen = call("reshape", call("take", weight, places.ravel().tolist()), shape)
        shares = at.let(f"{chosen} * {logs}.context.tensor({taken.astype(int).tolist()})", "weights")
    each = at.let(f"-{picked} * {shares}", "losses")
    how = at.attribute("reduction", "mean")
    found = str(each) if how == "none" else f"ss.sum({each})" + (f" / ss.sum({shares})" if how == "mean" else "")
    return [found, logs] if len(at.node.outputs) > 1 else found


refuse(
    "windows of signals and their transforms: write them as products with constants",
    "BlackmanWindow",
    "DFT",
    "HammingWindow",
    "HannWindow",
    "MelWeightMatrix",
    "STFT",
)
