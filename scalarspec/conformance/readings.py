"""Readings: what each interpreter makes of an example, held against the example's values at 200 bits."""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from scalarspec import check
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.methods import METHODS, steps
from scalarspec.bounding.search import Limits
from scalarspec.certificates.certificate import FORMATS, of_bounds
from scalarspec.conformance.examples import PRECISE, Array, Example, value_at
from scalarspec.core import functions as f
from scalarspec.core.arrays import lift
from scalarspec.core.context import Context
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ScalarSpecError
from scalarspec.formulas.derive import derive
from scalarspec.formulas.matrix import matrix_form
from scalarspec.numbers import formats
from scalarspec.numbers.exact import float_below
from scalarspec.rounding_errors.tolerance import tolerance
from scalarspec.tracing.batched import batched
from scalarspec.tracing.gradient import grad
from scalarspec.tracing.prepared import prepare

Reading = Callable[[Example], str | None]
"""What an interpreter misses of an example, in words: nothing where it holds, None where there is nothing to try."""
READINGS: dict[str, Reading] = {}
"""For each interpreter, by name, its reading."""


def reading(function: Reading) -> Reading:
    """Enters a reading into the table, by its name.

    function: the reading. Returns it as it is.
    """
    READINGS[function.__name__] = function
    return function


def _outside(example: Example, low: Any, high: Any) -> str:
    """Says where a value surely lies outside of its bounds; an empty text where none does."""
    for point, (least, most) in example.known():
        if np.shape(low) != least.shape:
            return f"the shape is {np.shape(low)}, and that of the value {least.shape}"
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
def range_of_values(example: Example) -> str | None:
    """The values, beside the range that the table states."""
    if example.range is None:
        return None
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


PARTS = 4
"""Into how many parts a box is split: enough that each kind of split is made."""


def _bounded(example: Example, method: str) -> str:
    """What the bounds by a method miss: by that alone, which `bounds` would pass over where it does not apply."""
    domain = Domain(example.named, dict(zip(example.names, example.low, strict=True)), example.vary())
    *_, ((low, high), _) = METHODS[method](domain, Jobs(domain), Limits(PARTS), None)
    return _outside(example, low, high)


@reading
def domain(example: Example) -> str:
    """Where the spec has no value at a point of a box, `bounds` must say that there may be none, or refuse."""
    silent = any(_says_nothing(each) for each in (example.alone() if example.apart else [example]))
    return "there may be points without a value, and bounds do not say so" if silent else ""


def _says_nothing(example: Example) -> bool:
    """Is there a point without a value, of which the bounds over the box say nothing?"""
    if all(ends is not None for ends in example.values):
        return False
    box = Domain(example.named, dict(zip(example.names, example.low, strict=True)), example.vary())
    try:
        return not next(steps(box, named_context("interval"), (), Limits(PARTS), None, Jobs(box))).partly
    except ScalarSpecError:
        return False


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
def certified(example: Example) -> str:
    """A certificate of bounds must pass the checker, and what it claims must contain the values."""
    domain = Domain(example.named, dict(zip(example.names, example.low, strict=True)), example.vary())
    made = of_bounds(Jobs(domain), 1, FORMATS[0])
    try:
        check.checked(json.dumps(made))
    except Exception as error:
        return f"the checker refuses what was made for it: {error}"
    claimed = {(said, i): Fraction(n, d) for said, i, n, d in made["claim"][1:]}
    shape = next(example.known())[1][0].shape
    ends = ([claimed[said, i] for i in range(math.prod(shape))] for said in ("at least", "at most"))
    low, high = (np.array(end, dtype=object).reshape(shape) for end in ends)
    return _outside(example, low, high)


@reading
def batches(example: Example) -> str:
    """Row by row, a batch must be what the rows are alone."""
    context, rows = named_context("interval64", fast=False), [point for point, _ in example.known()][:3]
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
    called = prepare(example.named, *map(_floats, points[-1]), inputs=example.names)
    for point in points:
        given = [context.tensor(_floats(x)) for x in point]
        if not np.array_equal(np.asarray(called(*given)), np.asarray(example.spec(*given)), equal_nan=True):
            return "the prepared calls give another value"
    return ""


@reading
def gradient(example: Example) -> str | None:
    """The slope of a chord between two points must be in the enclosed derivatives over the box (mean value theorem)."""
    context = named_context("interval", prec=100)
    boxes = [context.box(lo, hi) for lo, hi in zip(example.low, example.high, strict=True)]
    value = example.spec(*boxes)
    bounded, weights = _bounded_everywhere(value), np.arange(1, value.size + 1, dtype=object).reshape(value.shape)
    known = list(example.known())[:6]
    if len(known) < 2 or not (bounded.any() if example.apart else bounded.all()):
        return None
    slopes = grad(lambda *xs: f.sum(weights * example.spec(*xs)), argnums=tuple(range(len(boxes))))(*boxes)

    def total(x: Array) -> Array:
        return np.asarray(x if example.apart else np.sum(x), dtype=object)

    for (p, (a, b)), (q, (c, d)) in itertools.pairwise(known):
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


def _tolerated(example: Example, dtype: str, inputs: Literal["rounded", "exact"]) -> str | None:
    """Floats of points in the box must lie within the tolerance around the exact values."""
    form, context = formats.named(dtype), named_context(dtype)
    middle = [(lo + hi) / 2 for lo, hi in zip(example.low, example.high, strict=True)]
    found = tolerance(example.named, *middle, vary=example.vary(), dtype=dtype, inputs=inputs)
    allowed, tried = np.asarray(found.absolute, dtype=object), False
    for point, (least, most) in example.known():
        rounded = [lift(form.nearest, x) for x in point]
        if inputs == "exact" and not all(np.all(x == r) for x, r in zip(point, rounded, strict=True)):
            continue
        tried = True
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
    return "" if tried else None


def _distance(value: float, low: Any, high: Any) -> Any:
    """How far a float surely is from a value between two ends."""
    if not math.isfinite(value):
        return math.inf
    exact = Fraction(value)
    return max(low - exact, exact - high, Fraction(0))


@reading
def tolerance_exact(example: Example) -> str | None:
    """Floats of arguments that are floats."""
    return _tolerated(example, "float64", "exact")


@reading
def tolerance_rounded(example: Example) -> str | None:
    """Floats of arguments that are rounded first."""
    return _tolerated(example, "float32", "rounded")


@reading
def empty(example: Example) -> str | None:
    """Shapes in which there is nothing: every context must keep them."""
    if not example.apart:
        return None
    for name in ("float64", "interval", "interval64"):
        context = named_context(name)
        for shape in ((0,), (0, 2), (2, 0)):
            found = example.spec(*(context.tensor(np.zeros(shape)) for _ in example.low))
            if found.shape != shape:
                return f"{name}: shape {found.shape} for operands of shape {shape}"
    return ""


def _floats(x: Array) -> Array:
    return np.asarray(x, dtype=np.float64)


def written(example: Example, function: Callable[..., Any]) -> str | None:
    """What generated code, as a function of arrays, misses at points that floats have."""
    tried = False
    for point, _ in list(example.known())[:3]:
        floats = [_floats(x) for x in point]
        ends = value_at(example.spec, PRECISE, [lift(Fraction, x.astype(object)) for x in floats])
        if ends is None:
            continue
        tried, found = True, np.asarray(function(*floats), dtype=np.float64)
        for value, low, high in zip(found.flat, *(np.ravel(end) for end in ends), strict=True):
            if _distance(float(value), low, high) > HALF_THE_DIGITS * (1 + max(abs(low), abs(high))):
                return f"generated code gives {value}, not {float(low)}"
    return "" if tried else None


HALF_THE_DIGITS = Fraction(1, 2**26)
"""What generated code may be off by, relatively: a wrong formula is further off, and rounding is not what is asked."""


@reading
def python(example: Example) -> str | None:
    """The Python that `derive` writes must give the values."""
    scope: dict[str, Any] = {}
    shapes = [Shape(x.shape) for x in example.low]
    exec(derive(example.named, *shapes).python("generated"), scope)
    return written(example, scope["generated"])


@reading
def matrix(example: Example) -> str | None:
    """The NumPy that `matrix_form` writes must give the values."""
    scope: dict[str, Any] = {}
    shapes = [Shape(x.shape) for x in example.low]
    exec(matrix_form(example.named, *shapes).python("generated"), scope)
    return written(example, lambda *xs: _value_alone(scope["generated"](*xs)))


def _value_alone(found: Any) -> Any:
    """The value that generated code returns, without what it returns beside."""
    return found[0] if isinstance(found, tuple) else found
