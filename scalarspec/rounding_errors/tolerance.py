"""How far a float evaluation of a spec can be from the exact value, over a whole box of arguments, before it is run.

The bound on each part of the box is that of `box_errors`. Splitting the box where the bound is greatest makes it
smaller.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.bounding.branch import refine
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.methods import look_at_points
from scalarspec.core.arguments import bind, one_valued, spec_name
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.foreign import spec_of
from scalarspec.core.literals import Literals
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.region import Ball, Box, regions
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError
from scalarspec.executors import Crew
from scalarspec.numbers import environment
from scalarspec.numbers.exact import exact_float, interval_text
from scalarspec.numbers.formats import FormatLike
from scalarspec.pages.figures import DRAWN, Row, Span, Strips, the_first
from scalarspec.pages.page import Lines, Page, Table
from scalarspec.pages.page import Part as PagePart
from scalarspec.pages.shown import Shown
from scalarspec.report import ends_json, floats_json, place_texts, plain_text, unboxed
from scalarspec.results import Exact, Float64s, Record
from scalarspec.rounding_errors.box_errors import BoxErrors, FlatBox, Form, Inputs, Part
from scalarspec.rounding_errors.stages import error_text

Array = np.ndarray[Any, Any]

FAILED = 64
"""Where an operation has no value on more parts of the box than this, no more are tried: the refusal is certain."""

TOGETHER = 32
"""So many parts at most are one job: enough for their evaluation at once to pay, few enough for several workers."""

SHARE = 8
"""Of so many parts one is split in each round, those with the greatest bounds: to evaluate many at once costs little
more than one, and a part whose bound is never among the greatest need not be split at all."""

LISTED = 8
"""Of more outputs than this, only the worst are printed."""


@dataclass(frozen=True)
class Tolerance(Shown):
    """A bound on |float - exact value|. For a spec of shape () the fields hold numbers, else arrays of its shape.

    absolute: the bound, as floats rounded up; infinite where the format's range, or an operation's domain, may be left;
    relative: the bound over the least |exact value|, infinite where that may be 0;
    lower, upper: exact ends of an enclosure of the exact value over the box;
    dtype, libm: the format, and the ulps of it within which library functions were taken to be;
    accumulate: the format of sums, which is `dtype` where none was given;
    forms: those that the bound was found by: "running", and "adjoint" where there is one on every part (see
    `box_errors`), which is the smaller one on small boxes;
    boxes: how many parts the box was split into; worst: the one with the greatest bound, as ends by argument;
    seconds: what the search took; partly: where it is not known whether the spec has a value everywhere in the box,
    what says so: the ends are then those of the values that there are; name: the spec's.
    """

    absolute: Float64s
    relative: Float64s
    lower: Exact
    upper: Exact
    dtype: str
    libm: int
    accumulate: str
    forms: tuple[Form, ...]
    boxes: int
    worst: dict[str, tuple[Float64s, Float64s]]
    seconds: float
    partly: str = ""
    name: str = ""

    def __str__(self) -> str:
        return "\n".join([*self._lines(), f"({self._how()})", *self._reserve()])

    def _how(self) -> str:
        boxes = f"{self.boxes} box{'es' if self.boxes != 1 else ''}"
        sums = f", sums in {self.accumulate}" if self.accumulate != self.dtype else ""
        forms = "" if "adjoint" in self.forms else ", by the running form alone"
        return f"{boxes}, library functions within {self.libm} ulps{sums}{forms}, {self.seconds:.3f} s"

    def _reserve(self) -> list[str]:
        return [f"wherever there is a value: {self.partly}"] if self.partly else []

    def _lines(self) -> list[str]:
        """One for each output; of more than `LISTED` only the worst, absolutely and relatively."""
        shape, size = np.shape(self.absolute), np.size(self.absolute)
        if size <= LISTED:
            return [f"{list(index)}: " * bool(shape) + self._line(index) for index in np.ndindex(*shape)]
        worst: dict[tuple[int, ...], list[str]] = {}
        for name in ("absolute", "relative"):
            index = tuple(int(i) for i in np.unravel_index(np.argmax(getattr(self, name)), shape))
            worst.setdefault(index, []).append(name)
        return [
            f"{list(index)}, with the greatest {' and '.join(names)} bound of {size}: {self._line(index)}"
            for index, names in worst.items()
        ]

    def _line(self, index: tuple[int, ...]) -> str:
        value, absolute, relative = self.texts(index)
        return f"{value}: |{self.dtype} - exact| <= {absolute}, relatively <= {relative}"

    def texts(self, index: tuple[int, ...]) -> tuple[str, str, str]:
        """Of an output: the exact value, the bound, and the relative one."""
        fields = (self.lower, self.upper, self.absolute, self.relative)
        low, high, absolute, relative = (np.asarray(field)[index] for field in fields)
        return interval_text(low, high, 10), error_text(absolute), error_text(relative)

    def _page(self) -> Page:
        title = f"Tolerance{f' of {self.name}' if self.name else ''} in {self.dtype}"
        how = Lines([self._how(), *self._reserve()])
        if not np.size(self.absolute):
            return Page(title, "plain", ("Empty.", "The spec gives an array without elements."), [how])
        bounded = bool(np.all(np.isfinite(self.absolute)))
        verdict = ("Bounded." if bounded else "Not bounded.", _sentence(self, bounded))
        parts: list[PagePart] = [how, _table(self), *_figure(self), *_worst(self)]
        return Page(title, "good" if bounded and not self.partly else "open", verdict, parts)

    def to_json(self) -> Record:
        """Plain data; the ends of the exact value as exact strings."""
        plain = {"absolute": floats_json(self.absolute), "relative": floats_json(self.relative)}
        names = ("dtype", "libm", "accumulate", "boxes", "seconds", "partly")
        how = {name: getattr(self, name) for name in names} | {"forms": list(self.forms)}
        return {**plain, **ends_json(self.lower, self.upper), **how}


@np.errstate(all="ignore")
def tolerance(
    spec: Callable[..., Tensor],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    dtype: FormatLike = "float64",
    splits: int = 0,
    inputs: Inputs = "rounded",
    libm: int = 4,
    accumulate: FormatLike | None = None,
    executor: Executor | None = None,
    literals: Literals | None = None,
) -> Tolerance:
    """How far any float evaluation of `spec` can be from its exact value, with the arguments in `vary` in their boxes.

    spec: a function on tensors.
    args: the arguments of the spec, models on NumPy arrays, arrays and numbers, each float at its exact value.
    vary: the region of each argument that varies, by name: `ball(radius)` around its value, of its shape, or
    `box(lower, upper)`.
    dtype: float64, float32, tf32, float16, bfloat16, float8_e4m3fn or float8_e5m2, by its name or a dtype, in which
    operations are done, rounded to nearest, sums in any order.
    splits: how often a box is split in two, where the bound is greatest, along its relatively widest side.
    inputs: "rounded", the arguments in `vary` are reals that are rounded to the format first, or "exact", they are
    numbers of the format.
    libm: the ulps of `dtype` within which exp, log, sin and their like are right (NumPy's makers promise 4).
    accumulate: the format in which the terms of sums, means and products of vectors and matrices are multiplied and
    added, before the result is rounded to `dtype`; `dtype` itself, where none is given.
    executor: one of concurrent.futures, or of its interface, that does the parts; the result is the same.

    Each operation is rounded as the spec has it. A product of matrices, or a convolution, is a sum of products in any
    order, and a convolution's bias is added to what was rounded; a layer norm takes its variance in two passes.
    logsumexp, softmax and its logarithm are shifted by the greatest number first; softmax is then a quotient, or the
    product with a reciprocal. What only moves or chooses elements rounds nothing.

    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns the bound, absolute and relative, for each output of the spec, and the part of the box where it is greatest.

    Raises UnknownName for a name that the spec does not have or an unknown format, ArgumentError for any other argument
    that cannot be used, or be sent to an executor, DomainError where an operation has no value on part of the box,
    NotSupported for an operation whose rounding is not stated, and for a spec that looks at single numbers (`if`,
    `item()`: `where` is its branch), FloatEnvironmentError where the processor does not round to nearest or flushes.

        ss.tolerance(loss, x, vary={"x": ss.ball("0.01")}, dtype="float32").absolute    # an atol for a test
        ss.tolerance(layer, w, x, vary={"x": ss.ball("0.01")}, dtype="bfloat16", accumulate="float32")

    Sources: running error analysis, Higham 2002, section 3.3. The adjoint form weighs errors by derivatives as Solovyev
    et al. do (Rigorous Estimation of Floating-Point Round-off Errors with Symbolic Taylor Expansions, 2015), with
    derivatives over all floats in the place of their second-order term.
    """
    spec = spec_of(spec, literals)
    environment.check()
    context = named_context("rounding", dtype=dtype, libm=libm, accumulate=accumulate)
    vary = regions(spec, vary)
    arguments = bind(spec, args, known=vary)
    _check(splits, inputs)
    one_valued(spec, arguments, vary)
    start = time.perf_counter()
    problem = BoxErrors(spec, arguments, vary, context, inputs)
    parts = _refined(problem, splits, Crew(executor, problem))
    if any(part.partly for part in parts):
        look_at_points(Domain(spec, arguments, vary))  # where it surely has no value, that is the answer
    return _summary(problem, parts, time.perf_counter() - start)


def _check(splits: Any, inputs: Any) -> None:
    if inputs not in ("rounded", "exact"):
        raise ArgumentError(f"inputs: expected 'rounded' or 'exact', got {inputs!r}")
    if isinstance(splits, bool) or not isinstance(splits, int) or splits < 0:
        raise ArgumentError(f"splits: expected an integer >= 0, got {splits!r}")


# ---- the search -----------------------------------------------------------------------------------------------------


def _refined(problem: BoxErrors, splits: int, crew: Crew) -> list[Part]:
    """The parts of the box after so many splits: the ones with the greatest bounds are split."""
    sides = np.where(problem.high > problem.low, problem.high - problem.low, np.inf)

    def worst(parts: Sequence[Part]) -> list[Part]:
        left = splits + 1 - len(parts)
        if left < 1 or _hopeless(parts):
            return []
        count = min(left, max(1, len(parts) // SHARE))
        chosen = sorted(parts, key=urgency, reverse=True)[:count]
        return [part for part in chosen if np.any(part.high > part.low)]

    def divide(chosen: Sequence[Part]) -> list[Part]:
        halves = [half for part in chosen for half in _halves(part, sides)]
        groups = [(halves[i : i + TOGETHER],) for i in range(0, len(halves), TOGETHER)]
        return [part for parts in crew.each(_evaluated, groups) for part in parts]

    *_, parts = refine(problem.evaluate([(problem.low, problem.high)]), worst, divide)
    return parts


@np.errstate(all="ignore")
def _evaluated(problem: BoxErrors, boxes: Sequence[FlatBox]) -> list[Part]:
    """The bounds on some boxes, wherever that is done."""
    environment.check()
    return problem.evaluate(boxes)


def urgency(part: Part) -> float:
    """The greatest bound."""
    return float("inf") if part.error else float(np.max(part.bound, initial=0.0))


def _hopeless(parts: Sequence[Part]) -> bool:
    """Has the spec no value on so many parts that more splits will not help?"""
    return sum(part.error is not None for part in parts) > FAILED


def _halves(part: Part, sides: Array) -> list[FlatBox]:
    """The box in two halves across the side that is the widest beside the whole box's.

    sides: the widths of the whole box, infinite where it has none, of shape (n,).
    """
    i = int(np.argmax((part.high - part.low) / sides))
    middle = part.low[i] + (part.high[i] - part.low[i]) / 2
    left, right = part.high.copy(), part.low.copy()
    left[i] = right[i] = middle
    return [(part.low, left), (right, part.high)]


# ---- the result -----------------------------------------------------------------------------------------------------


def _summary(problem: BoxErrors, parts: Sequence[Part], seconds: float) -> Tolerance:
    """The greatest bound over all parts. Raises the error of a part on which the spec has no value."""
    for part in parts:
        if part.error is not None:
            raise part.error
    absolute = np.max([part.bound for part in parts], axis=0)
    lower = np.min([part.lower for part in parts], axis=0)
    upper = np.max([part.upper for part in parts], axis=0)
    worst = max(parts, key=urgency)
    lows, highs = problem.by_argument(worst.low), problem.by_argument(worst.high)
    return Tolerance(
        absolute=unboxed(absolute),
        relative=unboxed(_relative(absolute, lower, upper)),
        lower=unboxed(_exact(lower)),
        upper=unboxed(_exact(upper)),
        dtype=problem.context.form.name,
        libm=problem.context.libm,
        accumulate=problem.context.accumulator.name,
        forms=parts[0].forms if all(part.forms == parts[0].forms for part in parts) else ("running",),
        boxes=len(parts),
        worst={name: (unboxed(lows[name]), unboxed(highs[name])) for name in lows},
        seconds=seconds,
        partly=next((part.partly for part in parts if part.partly), ""),
        name=spec_name(problem.spec),
    )


def _relative(absolute: Array, lower: Array, upper: Array) -> Array:
    """The bound over the least |exact value|, rounded up; infinite where that may be 0, but 0 where the bound is."""
    least = np.maximum(np.maximum(lower, -upper), 0.0)
    quotient = np.where(least > 0, np.nextafter(absolute / least, np.inf), np.inf)
    return np.where(absolute == 0, 0.0, quotient)


def _exact(ends: Array) -> Array:
    return np.asarray(lift_elements(exact_float, np.asarray(ends, dtype=object)))


# ---- as a page ------------------------------------------------------------------------------------------------------


def _sentence(found: Tolerance, bounded: bool) -> str:
    """What is known of the outputs, in words."""
    if not bounded:
        count = np.size(found.absolute) - int(np.sum(np.isfinite(found.absolute)))
        reserve = "It is not known whether the spec has a value everywhere in the box"
        why = reserve if found.partly else f"Floats may leave the range of {found.dtype}, or the domain of an operation"
        return f"{why}: of {count} outputs no bound is known."
    most = error_text(float(np.max(found.absolute)))
    where = "wherever it has a value" if found.partly else "for all arguments in the box"
    return f"Any {found.dtype} evaluation is within {most} of the exact value, {where}."


def _table(found: Tolerance) -> Table:
    """The bound of each output."""
    shape = np.shape(found.absolute)
    rows = [(place, *found.texts(i)) for place, i in zip(place_texts(shape), np.ndindex(*shape), strict=True)]
    return Table("Bounds, rounded up", ["output", "exact value", "absolute", "relative"], rows)


def _figure(found: Tolerance) -> list[Strips]:
    """The bounds of several outputs side by side."""
    bounds: list[float] = np.ravel(found.absolute).tolist()
    if len(bounds) < 2:
        return []
    spans = [(Span(0.0, bound),) if bound > 0 else () for bound in bounds[:DRAWN]]
    rows = [Row(*row) for row in zip(place_texts(np.shape(found.absolute)), spans, strict=False)]
    first = the_first(len(bounds), " outputs")
    told = f"A bar for the absolute bound of each output{first}, on a logarithmic axis; the table has the numbers."
    return [Strips(f"Absolute bounds{first} (0 is not shown)", told, rows, logarithmic=True)]


def _worst(found: Tolerance) -> list[Table]:
    """The part of a box that was split where the bound is greatest."""
    rows = [[name, *(plain_text(end) for end in ends)] for name, ends in found.worst.items()]
    table = Table("The part of the box with the greatest bound", ["argument", "from", "to"], rows)
    return [table] if found.boxes > 1 else []
