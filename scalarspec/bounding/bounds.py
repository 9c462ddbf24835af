"""`bounds`: an enclosure of a spec over a box of arguments, by rigorous methods, beside values that are surely
attained.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.bounding.domain import Domain
from scalarspec.bounding.inner_bounds import inner_bounds
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.methods import METHODS, Step, after_evaluation, reached, steps
from scalarspec.bounding.plots import draw
from scalarspec.bounding.search import TARGET, Limits, Progress
from scalarspec.certificates.certificate import of_bounds
from scalarspec.core.arguments import bind, one_valued, spec_name
from scalarspec.core.context import Context
from scalarspec.core.foreign import spec_of
from scalarspec.core.functions import endpoints
from scalarspec.core.literals import Literals
from scalarspec.core.named_contexts import resolve
from scalarspec.core.region import Ball, Box, regions
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, Contradiction, NotSupported
from scalarspec.numbers.exact import (
    End,
    as_array,
    data_value,
    decimal_text,
    float_above,
    float_below,
    infinite,
    interval_text,
)
from scalarspec.pages.figures import DRAWN, Colour, Row, Span, Strips, the_first
from scalarspec.pages.page import Lines, Mark, Page, Table
from scalarspec.pages.shown import Shown
from scalarspec.report import ends_json, place_texts, unboxed
from scalarspec.results import Exact, Record


@dataclass(frozen=True)
class Bounds(Shown):
    """What `bounds` found.

    lower, upper: exact Fractions (or ±inf) for an output of shape (), else object arrays of them; enclosure: the same
    as a tensor; method: which one the bounds are from; boxes: into how many the box was split, or, for rows of boxes,
    how many there are in all; seconds: how long it took; interrupted: would there have been more, but for Ctrl-C?
    stopped: what ended a search; partly: where it is not known whether the spec has a value everywhere in the box, what
    says so: the bounds are then of the values that there are. name: the spec's.
    """

    lower: Exact
    upper: Exact
    enclosure: Tensor
    method: str
    boxes: int
    seconds: float
    interrupted: bool
    stopped: str
    partly: str
    _jobs: Jobs | None = field(repr=False, compare=False)
    name: str = ""

    @cached_property
    def inner(self) -> tuple[Exact, Exact]:
        """Inner bounds, looked for when they are asked for: two numbers, or arrays, a and b, such that for each output
        some value is at most a and some value is at least b. The true range goes from between lower and a to between b
        and upper.

        The values are exact, or enclosed at a precision that tells them apart; (inf, -inf) where none was found. Where
        one value is all that is known, its enclosure is [b, a]. Raises Contradiction where one lies outside the bounds.
        """
        assert self._jobs is not None
        if not self.enclosure.shape.size:
            return self.lower, self.upper
        least, most = inner_bounds(self._jobs) if self._jobs.domain.varied else (self.upper, self.lower)
        if np.any(least < self.lower) or np.any(most > self.upper):
            raise Contradiction(
                "inner: a value that is surely attained lies outside of the bounds, so one of the two is wrong: a "
                "fault of scalarspec that wants a report, or a spec that gives two values for one input"
            )
        shape = self.enclosure.shape
        return unboxed(np.broadcast_to(as_array(least), shape)), unboxed(np.broadcast_to(as_array(most), shape))

    def certificate(self, format: str = "scalarspec") -> Record:
        """A proof of bounds of every output, as plain data for JSON: what is needed to repeat it in exact arithmetic.

        `scalarspec check FILE`, or a copy of that one file without this library, checks it. The proof is made anew, of
        means that are simple to check, with at most as many parts of the box: its bounds, which are its `claim`, may be
        a little wider than these. A Euclidean ball counts as the box around it.

        format: "scalarspec", or, of dense layers and rectifiers, for TorchLean's checkers in Lean 4: "crown_query_v1",
        bounds over the box as it is, or "monotonicity_v1", that no output falls where an input rises, anywhere. See
        docs/how-to/torchlean.md.

        Raises ArgumentError for bounds over rows, or that were pickled, and for an unknown format, NotSupported for an
        operation that the checker does not know, for a box with an infinite end, and where an operation may have no
        value.

            found = ss.bounds(lambda x: ss.square(x) - x, 0.5, vary={"x": ss.box(0, 1)})
            json.dump(found.certificate(), open("bounds.json", "w", encoding="utf-8"))
        """
        if self._jobs is None:
            raise ArgumentError("certificate: bounds that were pickled know their spec no more")
        if self._jobs.domain.over:
            raise ArgumentError("certificate: expected bounds over one box, got rows of boxes: ask for each row")
        return of_bounds(self._jobs, self.boxes, format)

    def __getstate__(self) -> Record:
        """Plain data: what was found, inner bounds among it, without the spec."""
        return {**vars(self), "inner": self.inner, "_jobs": None}

    @property
    def width(self) -> Exact:
        """upper - lower, exactly."""
        return self.upper - self.lower

    def __str__(self) -> str:
        attained = f"; attained: {_attained_texts(*self.inner)[0]}" if self.enclosure.shape.size == 1 else ""
        ended = "".join(f", {text}" for text in self._ends_told())
        how = f"({self._how()}{attained}{ended})"
        return "\n".join([*_interval_texts(self.lower, self.upper), how, *self._reserve()])

    def _how(self) -> str:
        return f"{self.method}, {count_text(self.boxes)}, {self.seconds:.3f} s"

    def _ends_told(self) -> list[str]:
        """What ended the search."""
        stopped = [f"stopped by: {self.stopped}"] if self.stopped else []
        return [*stopped, "interrupted"] if self.interrupted else stopped

    def _reserve(self) -> list[str]:
        return [f"wherever there is a value: {self.partly}"] if self.partly else []

    def _page(self) -> Page:
        title = f"Bounds of {self.name}" if self.name else "Bounds"
        how = Lines([self._how(), *self._ends_told(), *self._reserve()])
        mark, verdict = _verdict(self)
        if not self.enclosure.shape.size:
            return Page(title, mark, verdict, [how])
        known = self.enclosure.shape.size == 1 or "inner" in vars(self)  # of many outputs they take a search
        inner = self.inner if known else None
        return Page(title, mark, verdict, [how, _table(self, inner), _figure(self, inner)])

    def plot(self, path: str | Path) -> None:
        """Draws, into a file whose ending says the format: the bounds of each output around its value, their widths as
        the box grows, and what each method takes.

        Raises NotSupported where matplotlib is not installed, and for bounds that came from another process,
        ArgumentError where the file cannot be written.
        """
        if self._jobs is None:
            raise NotSupported("plot: bounds that were pickled know their spec no more")
        draw(self, self._jobs.domain, path, _by_method)

    def to_json(self) -> Record:
        """Plain data, with the ends as exact strings."""
        ends, inner = ends_json(self.lower, self.upper), ends_json(*self.inner)
        ended = {"stopped": self.stopped, "partly": self.partly}
        found = {"method": self.method, "boxes": self.boxes, "seconds": self.seconds}
        return {**ends, "inner": inner, **found, "interrupted": self.interrupted, **ended}


def _by_method(domain: Domain, method: str) -> Bounds:
    """The bounds over a domain by a method, for a picture."""
    return bounds(domain.spec, *domain.arguments.values(), vary=domain.vary, method=method)


CHOICES = ("auto", "interval", *METHODS)
"""The methods that may be asked for."""
BUDGET = 64
"""Into how many boxes `subdivide` splits at most, where nothing is said: a second or so for a hundred hidden units."""


def bounds(
    spec: Callable[..., Tensor],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    method: str = "auto",
    backend: str | Context[Any] = "interval",
    target: Any = None,
    budget: int | None = None,
    timeout: float | None = None,
    over: str | Sequence[str] = (),
    executor: Executor | None = None,
    checkpoint: str | Path | None = None,
    progress: Progress | None = None,
    literals: Literals | None = None,
) -> Bounds:
    """An enclosure of every output of `spec` while the arguments named in `vary` range over their boxes.

    spec: a function on tensors, of any result. args: its arguments, models on NumPy arrays among them, each float at
    its exact value. vary: for names of parameters, `ss.ball(radius)` around the argument, or `ss.box(lower, upper)` in
    its place; of a model in `vary`, all numbers vary. over: names of arguments that have a leading axis more than the
    spec wants; there is a box for each row, and row i of the result is about row i of them.

    Every method is rigorous, rounding included, and no wider than one evaluation:

      interval     one evaluation over the box, under `backend`
      mean-value   f(c) + f'(box) (box - c), by one backward pass of interval derivatives
      linear       affine functions below and above each output, found backwards in the manner of CROWN
                   (Zhang et al. 2018)
      subdivide    linear on parts of the box, split where the bound is worst: up to `budget` parts, or until every
                   width is at most `target`
      auto         the first of these, in order, whose widths are at most `target`; without a target, linear

    backend: an enclosing context, or its name. At its 53 bits, `interval` evaluates a spec of more than 1,024 numbers
    by many floats at a time, as `interval64` does, which rounds more often; ask for one more bit where the last places
    count. target, budget: a number, and a number of boxes. timeout: seconds, after which linear begins no more rows and
    subdivide no more parts, some at a time: what is known by then is returned, and how much that is depends on the
    machine. executor: one of concurrent.futures, or of its interface, that does the jobs of linear and subdivide; the
    result is the same. checkpoint: a file that keeps what was found; a run that ended goes on from there. progress:
    called with (parts done, budget, the bounds by then in words), or (rows done, rows, "").

    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns what was found (see `Bounds`). A target that is not reached is no error: see `width`, and `stopped`, which
    says what ended the search; it also ends where its last rounds gained nothing. Ctrl-C ends it too: what was found by
    then is returned, and marked `interrupted`.
    Raises UnknownName for a name that the spec does not have, ArgumentError for a backend that does not enclose, an
    unknown method, a spec that cannot be sent to an executor, or a checkpoint of another question, and as the spec does
    where it has no value on the box.

        found = ss.bounds(lambda x: ss.square(x) - x, 0.5, vary={"x": ss.box(0, 1)}, method="subdivide")
        print(found)
    """
    spec = spec_of(spec, literals)
    context = _checked(backend, method)
    rows, vary = (over,) if isinstance(over, str) else tuple(over), regions(spec, vary)
    domain = Domain(spec, bind(spec, args, known=[*vary, *rows]), vary, rows)
    one_valued(domain.spec_of_rows, domain.arguments, vary)
    limits = limits_of(budget, timeout, None if target is None else data_value(target))
    return _found(Jobs(domain, executor, checkpoint), context, method, limits, progress)


def _found(
    jobs: Jobs,
    context: Context[Any],
    method: str,
    limits: Limits,
    progress: Progress | None,
) -> Bounds:
    """The bounds by a method, and its time."""
    goal = limits.target if method == "auto" else None
    found = steps(jobs.domain, context, after_evaluation(method, limits.target), limits, progress, jobs)
    start = time.perf_counter()
    best, interrupted = _best(found, goal)
    seconds = time.perf_counter() - start
    lower, upper = map(unboxed, endpoints(best.enclosure))
    stopped = TARGET if reached(best.enclosure, goal) else limits.stopped
    return Bounds(
        lower,
        upper,
        best.enclosure,
        best.method,
        best.boxes,
        seconds,
        interrupted,
        stopped,
        best.partly,
        jobs,
        spec_name(jobs.domain.spec),
    )


def _checked(backend: str | Context[Any], method: str) -> Context[Any]:
    """The context to evaluate under. Raises ArgumentError for one that does not enclose, or an unknown method."""
    context = resolve(backend)
    if not context.encloses:
        raise ArgumentError(f"backend: expected an enclosing context such as 'interval', got {context.name!r}")
    if method not in CHOICES:
        raise ArgumentError(f"method: expected one of {', '.join(CHOICES)}, got {method!r}")
    return context


def _best(found: Iterator[Step], target: Fraction | None) -> tuple[Step, bool]:
    """The last step, or the first one whose widths are at most the target; and whether Ctrl-C ended the search."""
    best = None
    try:
        for best in found:
            if reached(best.enclosure, target):
                break
    except KeyboardInterrupt:
        if best is None:
            raise
        return best, True
    assert best is not None
    return best, False


def limits_of(budget: int | None, timeout: float | None, target: Fraction | None = None) -> Limits:
    """How far a search may go. Raises ArgumentError for fewer than one box, or a time that is no number of seconds."""
    if budget is not None and budget < 1:
        raise ArgumentError(f"budget: expected at least 1 box, got {budget}")
    if timeout is not None and not (isinstance(timeout, int | float) and timeout >= 0):
        raise ArgumentError(f"timeout: expected a number of seconds, at least 0, got {timeout!r}")
    return Limits(budget or BUDGET, target, timeout)


def _interval_texts(lower: Exact, upper: Exact) -> list[str]:
    """The bounds of each output."""
    return [interval_text(low, high, 10) for low, high in zip(as_array(lower).flat, as_array(upper).flat, strict=True)]


def _attained_texts(least: Exact, most: Exact) -> list[str]:
    """What is said of the inner bounds of each output, rounded inward: no more than is attained."""
    return [_attained_text(*pair) for pair in zip(as_array(least).flat, as_array(most).flat, strict=True)]


def _attained_text(least: End, most: End) -> str:
    if infinite(least, most):
        return "none found"
    low, high = decimal_text(least, 10, ROUND_CEILING), decimal_text(most, 10, ROUND_FLOOR)
    if Decimal(low) <= Decimal(high):
        return f"[{low}, {high}]"
    return f"a value in {interval_text(min(least, most), max(least, most), 10)}"


def count_text(boxes: int) -> str:
    """How many boxes, in words."""
    return f"{boxes} box{'es' if boxes > 1 else ''}"


# ---- as a page ------------------------------------------------------------------------------------------------------


def _verdict(found: Bounds) -> tuple[Mark, tuple[str, str]]:
    """What is known of the outputs, in words."""
    lower, upper = as_array(found.lower).ravel(), as_array(found.upper).ravel()
    where = "wherever the spec has a value" if found.partly else "for all arguments in the box"
    if not lower.size:
        return "plain", ("Empty.", "The spec gives an array without elements.")
    if open_ends := sum(infinite(*pair) for pair in zip(lower, upper, strict=True)):
        return "open", (
            "Not bounded.",
            f"Of {open_ends} of {lower.size} outputs an end is infinite: no bound is known.",
        )
    mark: Mark = "open" if found.partly else "good"
    more = " The search was interrupted: more of it might narrow them." if found.interrupted else ""
    if lower.size == 1:
        return mark, ("Enclosed.", f"The value lies in {_interval_texts(lower, upper)[0]}, {where}.{more}")
    return mark, ("Enclosed.", f"Each of {lower.size} outputs lies within its bounds, {where}.{more}")


def _table(found: Bounds, inner: tuple[Exact, Exact] | None) -> Table:
    columns = [place_texts(found.enclosure.shape), _interval_texts(found.lower, found.upper)]
    if inner is not None:
        columns.append(_attained_texts(*inner))
    header = ["output", "bounds", "attained"][: len(columns)]
    return Table("Bounds, rounded outward", header, list(zip(*columns, strict=True)))


def _figure(found: Bounds, inner: tuple[Exact, Exact] | None) -> Strips:
    ends = list(zip(as_array(found.lower).flat, as_array(found.upper).flat, strict=True))
    spans = [[Span(float_below(low), float_above(high))] for low, high in ends[:DRAWN]]
    if inner is not None:
        for row, least, most in zip(spans, *(as_array(end).flat for end in inner), strict=False):
            row += [] if infinite(least, most) else [Span(float_above(least), float_below(most), "ink", thick=False)]
    rows = [Row(place, tuple(row)) for place, row in zip(place_texts(found.enclosure.shape), spans, strict=False)]
    first = the_first(len(ends), " outputs")
    told = f"A bar for the bounds of each output{first}; the table has the numbers."
    legend: list[tuple[str, Colour, str]] = [("▮", "bar", "bounds"), ("━", "ink", "attained")]
    return Strips(f"The bounds on one axis{first}", told, rows, legend[: 1 if inner is None else 2])
