"""Readings: what each interpreter makes of an example, held against the example's values at 200 bits."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from scalarspec.bounding.bounds import bounds
from scalarspec.conformance.examples import PRECISE, Array, Example, value_at
from scalarspec.core import functions as f
from scalarspec.core.arrays import lift
from scalarspec.core.context import Context
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.formulas.derive import derive
from scalarspec.formulas.matrix import matrix_form
from scalarspec.numbers import formats
from scalarspec.numbers.exact import float_below
from scalarspec.rounding_errors.tolerance import tolerance
from scalarspec.tracing.batched import batched
from scalarspec.tracing.gradient import grad
from scalarspec.tracing.prepared import prepare

READINGS: dict[str, Callable[[Example], str]] = {}
"""For each interpreter, by name: what its reading of an example misses, in words; an empty text where it holds."""


def reading(function: Callable[[Example], str]) -> Callable[[Example], str]:
    """Enters a reading into the table, by its name."""
    READINGS[function.__name__.strip("_")] = function
    return function


def _outside(example: Example, low: Any, high: Any) -> str:
    """Says where a value surely lies outside of its bounds; an empty text where none does."""
    for point, (least, most) in example.known():
        wrong = np.asarray(
            (np.asarray(low, dtype=object) > most) | (np.asarray(high, dtype=object) < least), dtype=bool
        )
        if wrong.any():
            at = tuple(map(int, np.argwhere(np.atleast_1d(wrong))[0]))
            index = at if np.ndim(wrong) else ()
            inside = f"[{float(np.asarray(low)[index]):.6g}, {float(np.asarray(high)[index]):.6g}]"
            shown = ", ".join(f"{float(x.reshape(-1)[min(at[0], x.size - 1)]):.17g}" for x in point if x.size)
            return f"{float(least[index]):.6g} at {shown} is not in {inside}"
    return ""


def _enclosed(example: Example, context: Context[Any]) -> str:
    """What the enclosures under a context miss."""
    boxes = [context.box(lo, hi) for lo, hi in zip(example.low, example.high, strict=True)]
    return _outside(example, *endpoints(example.spec(*boxes)))


@reading
def range_of_values(example: Example) -> str:
    """The values, beside the range that the table states."""
    low, high = example.range
    for _, (least, most) in example.known():
        if np.any(np.asarray((most < low) | (least > high), dtype=bool)):
            return f"a value is not between {low} and {high}, the stated range"
    return ""


@reading
def interval(example: Example) -> str:
    """Enclosures at 53 bits must contain the values."""
    return _enclosed(example, named_context("interval"))


@reading
def interval64(example: Example) -> str:
    """Enclosures with float64 ends must contain the values."""
    return _enclosed(example, named_context("interval64", fast=False))


def _bounded(example: Example, method: str) -> str:
    """What the bounds by a method miss."""
    middle = [(lo + hi) / 2 for lo, hi in zip(example.low, example.high, strict=True)]
    found = bounds(example.named, *middle, vary=example.vary(), method=method, budget=4)
    return _outside(example, found.lower, found.upper)


@reading
def mean_value(example: Example) -> str:
    """`bounds` by derivatives must contain the values."""
    return _bounded(example, "mean-value")


@reading
def linear(example: Example) -> str:
    """`bounds` by linear relaxation must contain the values."""
    return _bounded(example, "linear")


@reading
def subdivide(example: Example) -> str:
    """`bounds` on parts of the box must contain the values."""
    return _bounded(example, "subdivide")


@reading
def batches(example: Example) -> str:
    """Row by row, a batch must be what the rows are alone."""
    context, rows = named_context("interval64", fast=False), [point for point, _ in example.known()][:3]
    if not rows:
        return ""
    stacked = [context.tensor(np.stack(column)) for column in zip(*rows, strict=True)]
    found = batched(example.named, over=example.names)(*stacked)
    for i, row in enumerate(rows):
        alone, one = endpoints(example.spec(*map(context.tensor, row))), endpoints(found[i])
        if found.shape[1:] != example.spec(*map(context.tensor, row)).shape or np.any(one[0] > alone[1]):
            return f"row {i} of a batch is another than the row alone"
        if np.any(one[1] < alone[0]):
            return f"row {i} of a batch is another than the row alone"
    return ""


@reading
def prepared(example: Example) -> str:
    """Straight calls, prepared at one point, must give the spec's values at others."""
    context, points = named_context("float64"), [p for p, _ in example.known()][:3]
    if not points:
        return ""
    called = prepare(example.named, *map(_floats, points[-1]), inputs=example.names)
    for point in points:
        given = [context.tensor(_floats(x)) for x in point]
        if not np.array_equal(np.asarray(called(*given)), np.asarray(example.spec(*given)), equal_nan=True):
            return "the prepared calls give another value"
    return ""


@reading
def gradient(example: Example) -> str:
    """The slope of a chord between two points must be in the enclosed derivatives over the box (mean value theorem)."""
    context = named_context("interval", prec=100)
    boxes = [context.box(lo, hi) for lo, hi in zip(example.low, example.high, strict=True)]
    value = example.spec(*boxes)
    bounded, weights = _bounded_everywhere(value), np.arange(1, value.size + 1, dtype=object).reshape(value.shape)
    if not (example.apart or bounded.all()):
        return ""
    slopes = grad(lambda *xs: f.sum(weights * example.spec(*xs)), argnums=tuple(range(len(boxes))))(*boxes)

    def total(x: Array) -> Array:
        return np.asarray(x if example.apart else np.sum(x), dtype=object)

    for (p, (a, b)), (q, (c, d)) in itertools.pairwise(list(example.known())[:6]):
        steps = [_times(*endpoints(t), y - x) for t, x, y in zip(slopes, p, q, strict=True)]
        low, high = (functools.reduce(np.add, [total(step[k]) for step in steps]) for k in (0, 1))
        steep = np.asarray((low > total(weights * (d - a))) | (high < total(weights * (c - b))), dtype=bool)
        if np.any(steep & bounded if example.apart else steep):
            return "a chord is steeper than the derivatives that are enclosed"
    return ""


def _bounded_everywhere(t: Tensor) -> Array:
    """Which elements have surely no pole in the box, across which the mean value theorem tells nothing?"""
    low, high = endpoints(t)
    return np.asarray(
        [not (_infinite(a) or _infinite(b)) for a, b in zip(low.flat, high.flat, strict=True)], dtype=bool
    )


def _times(low: Array, high: Array, step: Array) -> tuple[Array, Array]:
    """Slopes times a step, where an unbounded slope times nothing is unbounded still."""

    def product(slope: Any, by: Any) -> Any:
        return slope * by if by else (0 if not _infinite(slope) else slope)

    ends = [lift(product, np.asarray(e, dtype=object), np.asarray(step, dtype=object)) for e in (low, high)]
    return np.minimum(*ends), np.maximum(*ends)


def _infinite(x: Any) -> bool:
    return isinstance(x, float) and math.isinf(x)


def _tolerated(example: Example, dtype: str, inputs: Literal["rounded", "exact"]) -> str:
    """Floats of points in the box must lie within the tolerance around the exact values."""
    form, context = formats.named(dtype), named_context(dtype)
    middle = [(lo + hi) / 2 for lo, hi in zip(example.low, example.high, strict=True)]
    found = tolerance(example.named, *middle, vary=example.vary(), dtype=dtype, inputs=inputs)
    allowed = np.asarray(found.absolute, dtype=object)
    for point, (least, most) in example.known():
        rounded = [lift(form.nearest, x) for x in point]
        if inputs == "exact" and not all(np.all(x == r) for x, r in zip(point, rounded, strict=True)):
            continue
        with np.errstate(all="ignore"):
            values = np.asarray(example.spec(*map(context.tensor, rounded)), dtype=np.float64)
        for index in np.ndindex(*values.shape):
            off = _distance(float(values[index]), least[index], most[index])
            if off > allowed[index]:
                shown = ", ".join(
                    f"{float(x.reshape(-1)[min(index[0] if index else 0, x.size - 1)]):.17g}" for x in point
                )
                return (
                    f"a float is off by {float_below(off):.3g} at {shown}; the tolerance is {float(allowed[index]):.3g}"
                )
    return ""


def _distance(value: float, low: Any, high: Any) -> Any:
    """How far a float surely is from a value between two ends."""
    if not math.isfinite(value):
        return math.inf
    exact = Fraction(value)
    return max(low - exact, exact - high, Fraction(0))


@reading
def tolerance_exact(example: Example) -> str:
    """Floats of arguments that are floats."""
    return _tolerated(example, "float64", "exact")


@reading
def tolerance_rounded(example: Example) -> str:
    """Floats of arguments that are rounded first."""
    return _tolerated(example, "float32", "rounded")


@reading
def empty(example: Example) -> str:
    """Shapes of which there is nothing, or one number: every context must keep them."""
    if not example.apart:
        return ""
    for name in ("float64", "interval", "interval64"):
        context = named_context(name)
        for shape in ((0,), (0, 2), (2, 0)):
            found = example.spec(*(context.tensor(np.zeros(shape)) for _ in example.low))
            if found.shape != shape:
                return f"{name}: shape {found.shape} for operands of shape {shape}"
    return ""


def _floats(x: Array) -> Array:
    return np.asarray(x, dtype=np.float64)


def written(example: Example, function: Callable[..., Any]) -> str:
    """What generated code, as a function of arrays, misses at points that floats have."""
    for point, _ in list(example.known())[:3]:
        floats = [_floats(x) for x in point]
        ends = value_at(example.spec, PRECISE, [lift(Fraction, x.astype(object)) for x in floats])
        if ends is None:
            continue
        found = np.asarray(function(*floats), dtype=np.float64)
        for value, low, high in zip(found.flat, *(np.ravel(end) for end in ends), strict=True):
            if _distance(float(value), low, high) > HALF_THE_DIGITS * (1 + max(abs(low), abs(high))):
                return f"generated code gives {value}, not {float(low)}"
    return ""


HALF_THE_DIGITS = Fraction(1, 2**26)
"""What generated code may be off by, relatively: a wrong formula is further off, and rounding is not what is asked."""


@reading
def python(example: Example) -> str:
    """The Python that `derive` writes must give the values."""
    scope: dict[str, Any] = {}
    shapes = [Shape(x.shape) for x in example.low]
    exec(derive(example.named, *shapes).python("generated"), scope)
    return written(example, scope["generated"])


@reading
def matrix(example: Example) -> str:
    """The NumPy that `matrix_form` writes must give the values."""
    scope: dict[str, Any] = {}
    shapes = [Shape(x.shape) for x in example.low]
    exec(matrix_form(example.named, *shapes).python("generated"), scope)
    return written(example, lambda *xs: _value_alone(scope["generated"](*xs)))


def _value_alone(found: Any) -> Any:
    """The value that generated code returns, without what it returns beside."""
    return found[0] if isinstance(found, tuple) else found
