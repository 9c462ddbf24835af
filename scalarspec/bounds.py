"""Bounds of a spec over a box of arguments: a ladder of rigorous methods, and values that are surely attained."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.arguments import bind, one_valued
from scalarspec.attained import attained, values
from scalarspec.claims import margin, strict
from scalarspec.context import Context
from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.exact import data_value, float_above, interval_text
from scalarspec.functions import endpoints
from scalarspec.jobs import Jobs
from scalarspec.ladder import climb, reached, rungs
from scalarspec.lifting import lift
from scalarspec.pictures import draw
from scalarspec.regions import Ball, Box, Domain
from scalarspec.registry import resolve
from scalarspec.report import ends_json, unboxed
from scalarspec.tensor import Tensor
from scalarspec.verdict import Verdict, timed


@dataclass(frozen=True)
class Bounds:
    """What `bounds` found. lower, upper: exact Fractions (or ±inf), or object arrays of them.

    enclosure: the same as a tensor; method: what the bounds are from; boxes: into how many the box was split, or, for
    rows of boxes, how many there are in all; interrupted: would there have been more, but for Ctrl-C?
    """

    lower: Any
    upper: Any
    enclosure: Tensor
    method: str
    boxes: int
    seconds: float
    interrupted: bool
    _jobs: Jobs | None = field(repr=False, compare=False)

    @cached_property
    def inner(self) -> tuple[Any, Any]:
        """The least and the greatest value of each output that is surely attained: the truth lies between these and
        (lower, upper). Looked for when it is asked for.
        """
        assert self._jobs is not None
        if not np.size(self.lower):
            return self.lower, self.upper
        least, most = attained(self._jobs)
        return unboxed(np.maximum(least, self.lower)), unboxed(np.minimum(most, self.upper))

    def __getstate__(self) -> dict[str, Any]:
        """Plain data: what was found, without the spec."""
        return {**vars(self), "inner": self.inner, "_jobs": None}

    @property
    def width(self) -> Any:
        """upper - lower."""
        return self.upper - self.lower

    def __str__(self) -> str:
        pairs = zip(np.ravel(self.lower), np.ravel(self.upper), strict=True)
        lines = [interval_text(lower, upper, 10) for lower, upper in pairs]
        attained = ""
        if np.size(self.lower) == 1:
            least, most = (np.ravel(end)[0] for end in self.inner)
            attained = f"; attained: {interval_text(least, most, 10)}"
        interrupted = ", interrupted" if self.interrupted else ""
        return "\n".join(
            [*lines, f"({self.method}, {_count(self.boxes)}, {self.seconds:.3f} s{attained}{interrupted})"]
        )

    def plot(self, path: str | Path) -> None:
        """A picture in a file: the bounds of each output around its value, their widths as the box grows, the methods.

        Raises NotSupported where matplotlib is not installed, and for bounds that came from another process.
        """
        if self._jobs is None:
            raise NotSupported("plot: bounds that were pickled know their spec no more")
        draw(self, self._jobs.domain, path)

    def to_json(self) -> dict[str, Any]:
        """Plain data; the ends as exact strings."""
        ends, inner = ends_json(self.lower, self.upper), ends_json(*self.inner)
        found = {"method": self.method, "boxes": self.boxes, "seconds": self.seconds, "interrupted": self.interrupted}
        return {**ends, "inner": inner, **found}


METHODS = ("auto", "interval", "mean-value", "linear", "subdivide")
BUDGET = 64
"""Into how many boxes `subdivide` splits at most, where nothing is said."""


def bounds(
    spec: Callable[..., Tensor],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    method: str = "auto",
    backend: str | Context[Any] = "interval",
    target: Any = None,
    budget: int | None = None,
    over: str | Sequence[str] = (),
    executor: Executor | None = None,
    checkpoint: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Bounds:
    """An enclosure of every output of `spec` while the arguments named in `vary` range over their boxes.

    args: the arguments of the spec, models on NumPy arrays among them, each float at its exact value; a model in `vary`
    has all of its numbers vary. over: arguments that have a leading axis more than the spec wants; there is a box for
    each row, and row i of the result is about row i of them.

    Every method is rigorous, rounding included, and no wider than one evaluation:

      interval     one evaluation over the box, under `backend`
      mean-value   f(c) + f'(box) (box - c), by one reverse sweep of interval derivatives
      linear       affine functions below and above each output, found backwards (in the manner of CROWN)
      subdivide    linear on parts of the box, split where the bound is worst: up to `budget` parts, or until every
                   width is at most `target`
      auto         the first of these, in order, whose widths are at most `target`; without a target, linear

    executor: one of concurrent.futures, or of its interface, that does the jobs of linear and subdivide; the result is
    the same. checkpoint: a file that keeps what was found; a run that ended goes on from there. progress: called with
    (parts done, budget), or (rows done, rows). A target that the budget does not reach is no error: see `width`. Ctrl-C
    ends the search: what was found by then is returned, and marked `interrupted`.
    Raises UnknownName for a name that the spec does not have, ArgumentError for a backend that does not enclose, a spec
    that cannot be sent to an executor, or a checkpoint of another question.
    """
    context = resolve(backend)
    if not context.encloses:
        raise ArgumentError(f"backend: expected an enclosing context such as 'interval', got {context.name!r}")
    if method not in METHODS:
        raise ArgumentError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    rows = (over,) if isinstance(over, str) else tuple(over)
    domain = Domain(spec, bind(spec, args, known=[*vary, *rows]), vary, rows)
    one_valued(domain.spec_of_rows, domain.arguments, vary)
    jobs = Jobs(domain, executor, checkpoint)
    goal = None if target is None else data_value(target)
    start, best, interrupted = time.perf_counter(), None, False
    try:
        for best in climb(domain, context, rungs(method, goal), goal, _most(budget), progress, jobs):
            if method == "auto" and reached(best.enclosure, goal):
                break
    except KeyboardInterrupt:
        if best is None:
            raise
        interrupted = True
    assert best is not None
    seconds = time.perf_counter() - start
    lower, upper = map(unboxed, endpoints(best.enclosure))
    return Bounds(lower, upper, best.enclosure, best.method, best.boxes, seconds, interrupted, jobs)


@timed
def prove(
    spec: Callable[..., Any],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    at_most: Any = None,
    at_least: Any = None,
    budget: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Does a claim hold while the arguments named in `vary` range over their boxes?

    spec: a claim, a comparison such as lambda x: loss(model, x) <= 1; or outputs that are to be at_most, at_least, or
    between, exact numbers.
    proved: by bounds, climbing as `bounds` does until they tell; refuted: `witness` holds exact arguments at which it
    surely fails for an output, and the ends of that output (of the right side less the left one, for a claim);
    undecided: what is missing is in `steps`. Raises as `bounds` does.
    """
    low, high = (None if number is None else data_value(number) for number in (at_least, at_most))
    arguments, strictly = bind(spec, args, known=vary), False
    if low is None and high is None:
        strictly = strict(spec, [lift(each, "float64") for each in arguments.values()])
        spec, low = margin(spec), Fraction(0)
    domain = Domain(spec, arguments, vary)
    one_valued(spec, arguments, vary)
    for point, least, most in values(domain)[0]:
        beyond = np.zeros(np.shape(least), dtype=bool)
        if high is not None:
            beyond |= least > high
        if low is not None:
            beyond |= most <= low if strictly else most < low
        if np.any(beyond):
            at = np.unravel_index(int(np.argmax(beyond)), np.shape(beyond))
            shown = {path: np.asarray(values, dtype=object).tolist() for path, values in point.items()}
            witness = shown | {"output": list(map(int, at)), "value in": [least[at], most[at]]}
            return Verdict("refuted", "an exact point", witness=witness)
    missing: Any = None
    jobs, most = Jobs(domain, executor), _most(budget)
    for best in climb(domain, resolve("interval"), ("subdivide",), None, most, progress, jobs):
        lower, upper = endpoints(best.enclosure)
        gaps = ([upper - high] if high is not None else []) + ([low - lower] if low is not None else [])
        missing = max([gap for array in gaps for gap in np.ravel(array)], default=Fraction(0))
        if missing < 0 or (missing == 0 and not strictly):
            return Verdict("proved", f"bounds: {best.method}", _count(best.boxes))
    step = f"the bounds are beyond by {float_above(missing):.3g}, into {best.boxes} parts"
    return Verdict("undecided", "bounds", steps=(step,))


def _most(budget: int | None) -> int:
    """Into how many boxes to split."""
    if budget is not None and budget < 1:
        raise ArgumentError(f"budget: expected at least 1 box, got {budget}")
    return budget or BUDGET


def _count(boxes: int) -> str:
    return f"{boxes} box{'es' if boxes > 1 else ''}"
