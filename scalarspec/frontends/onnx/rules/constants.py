"""Operators that make constants, those that choose graphs, and what is refused of these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from scalarspec.frontends.onnx.at import At
from scalarspec.frontends.onnx.operands import Peak, Said, Text, each
from scalarspec.frontends.onnx.rules.elementwise import FORMATS
from scalarspec.frontends.onnx.rules.table import operator, refuse
from scalarspec.frontends.onnx.text import number
from scalarspec.frontends.onnx.writer import MOST_FOLDED


def check_shape(at: At, shape: Sequence[int]) -> None:
    """Raises NotSupported for the shape of a constant that is none, or too large."""
    if any(n < 0 for n in shape) or math.prod(shape) > MOST_FOLDED:
        at.refuse(f"a constant of shape {tuple(shape)}; at most {MOST_FOLDED} numbers are made")


@operator("Constant")
def constant(at: At) -> Said:
    (name,) = at.node.attributes
    value = at.attribute(name)
    if "string" in name or "sparse" in name:
        at.refuse("texts and sparse arrays are no numbers here")
    if isinstance(value, np.ndarray):
        return value
    return np.array(value, dtype=np.float32 if "float" in name else np.int64)


@operator("ConstantOfShape")
def constant_of_shape(at: At) -> Said:
    lengths = at.integers(0, "the lengths")
    value = at.attribute("value")
    check_shape(at, lengths)
    return np.full(lengths, np.float32(0) if value is None else np.ravel(value)[0])


@operator("Range")
def arange(at: At) -> Said:
    known = [at.known(i, "the limits") for i in range(3)]
    start, limit, step = (Fraction(each.item()) for each in known)
    if not step:
        at.refuse(f"from {start} to {limit} by {step}")
    count = max(math.ceil((limit - start) / step), 0)
    if known[0].dtype.kind == "f" and {start.denominator, step.denominator} != {1}:
        at.refuse("a range of numbers that are no integers; make it a constant")
    check_shape(at, (count,))
    found: np.ndarray = (int(start) + int(step) * np.arange(count, dtype=object)).astype(known[0].dtype)
    return found


@operator("EyeLike")
def eye(at: At) -> Said:
    n, m = at[0].shape
    check_shape(at, (n, m))
    to = at.attribute("dtype")
    return np.eye(n, m, int(at.attribute("k", 0)), dtype=FORMATS.get(to, at[0].dtype) if to else at[0].dtype)


@operator("OneHot")
def one_hot(at: At) -> Said:
    """A place beyond the depth is nowhere."""
    (count,), values = at.integers(1, "the depth"), at.known(2, "the values")
    axis = at.place(at.attribute("axis", -1), at[0].ndim + 1)
    check_shape(at, (*at[0].shape, count))
    if at[0].known is None:
        return _open_places(at, count, values, axis)
    places = at.known(0, "the places")
    hot = places[..., None] % count == np.arange(count)
    inside = (places >= -count) & (places < count)
    which = np.moveaxis(hot & inside[..., None], -1, axis)
    found: np.ndarray = np.where(which, values[1], values[0]).astype(values.dtype)
    return found


def _open_places(at: At, count: int, values: np.ndarray, axis: int) -> Said:
    """The same for places that depend on the inputs: for each, whether it is the one."""
    off, on = (number(x) for x in values)
    peak = at[0].peak
    if peak is None:
        conditions = [f"ss.logical_or({at[0]} == {k}, {at[0]} == {k - count})" for k in range(count)]
    else:
        conditions = [_is_peak(at, peak, k) if k < peak.x.shape[peak.axis] else "" for k in range(count)]
    zero = at.let(f"{at[0]} * 0" if peak is None else f"ss.min({peak.x}, {_along(at, peak)}) * 0", "zero")
    chosen = [at.let(f"ss.where({c}, {on}, {off})" if c else f"{zero} + {off}", "chosen") for c in conditions]
    return Text(f"ss.stack({each(chosen)}, {axis})", values.dtype.name)


def _along(at: At, peak: Peak) -> str:
    return f"axis={peak.axis}{', keepdims=True' if at[0].ndim == peak.x.ndim else ''}"


def _is_peak(at: At, peak: Peak, k: int) -> str:
    """Is element k of those along an axis the one that a place is of?"""
    n = peak.x.shape[peak.axis]

    def part(low: int, high: int) -> str:
        index = ", ".join([*[":"] * peak.axis, f"{low}:{high}"])
        return f"{peak.x}[{index}]"

    along = _along(at, peak)
    strict, loose = ("<", "<=") if peak.least else (">", ">=")
    before, after = (loose, strict) if peak.last else (strict, loose)
    sides = [f"ss.all({part(k, k + 1)} {before} {part(0, k)}, {along})"] if k else []
    if k < n - 1:
        sides.append(f"ss.all({part(k, k + 1)} {after} {part(k + 1, n)}, {along})")
    if not sides:
        return f"ss.all({peak.x} <= {peak.x}, {along})"
    return sides[0] if len(sides) == 1 else f"ss.logical_and({', '.join(sides)})"


@operator("NonZero")
def nonzero(at: At) -> Said:
    found = at.known(0, "which elements are not 0")
    return np.array(np.nonzero(found), dtype=np.int64)


@operator("If")
def either(at: At) -> list[Said]:
    """The branch that is taken, where that is known."""
    which = at.known(0, "which branch is taken")
    branches = [at.attribute(name) for name in ("else_branch", "then_branch")]
    graph = branches[int(which.ravel()[0])]
    at.writer.enter(graph)
    at.writer.write_all(graph)
    return [at.writer.values[name] for name in graph.outputs]


refuse("a loop; export the model with its loops unrolled", "Loop", "Scan", "SequenceMap")
refuse(
    "sequences of tensors; export the model without them",
    "ConcatFromSequence",
    "Optional",
    "OptionalGetElement",
    "OptionalHasElement",
    "SequenceAt",
    "SequenceConstruct",
    "SequenceEmpty",
    "SequenceErase",
    "SequenceInsert",
    "SequenceLength",
    "SplitToSequence",
)
refuse("how many elements there are depends on the numbers, and shapes must be known", "NonMaxSuppression", "Unique")
