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

from scalarspec.bounding.claims import margin, strict
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.inner_bounds import Side, attained, closer, values
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.methods import climb, reached, rungs
from scalarspec.bounding.plots import draw
from scalarspec.core.arguments import bind, one_valued
from scalarspec.core.context import Context
from scalarspec.core.functions import endpoints
from scalarspec.core.lifting import lift
from scalarspec.core.region import Ball, Box
from scalarspec.core.registry import resolve
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, Contradiction, NotSupported
from scalarspec.numbers.exact import data_value, float_above, infinite, interval_text
from scalarspec.report import ends_json, unboxed
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
        """For each output, numbers a and b such that some value is at most a, and some value at least b: the true range
        goes from between lower and a to between b and upper. Looked for when it is asked for.

        The values are exact, or enclosed at a precision that tells them apart; (inf, -inf) where none was found. Where
        one value is all that is known, its enclosure is [b, a]. Raises Contradiction where one lies outside the bounds.
        """
        assert self._jobs is not None
        if not np.size(self.lower):
            return self.lower, self.upper
        least, most = attained(self._jobs)
        if np.any(least < self.lower) or np.any(most > self.upper):
            raise Contradiction(
                "inner: a value that is surely attained lies outside of the bounds, so one of the two is wrong: a "
                "fault of scalarspec that wants a report, or a spec that gives two values for one input"
            )
        shape = np.shape(self.lower)
        return unboxed(np.broadcast_to(least, shape)), unboxed(np.broadcast_to(most, shape))

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
        attained = f"; {_attained_text(*self.inner)}" if np.size(self.lower) == 1 else ""
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
        draw(self, self._jobs.domain, path, _by_method)

    def to_json(self) -> dict[str, Any]:
        """Plain data; the ends as exact strings."""
        ends, inner = ends_json(self.lower, self.upper), ends_json(*self.inner)
        found = {"method": self.method, "boxes": self.boxes, "seconds": self.seconds, "interrupted": self.interrupted}
        return {**ends, "inner": inner, **found}


def _by_method(domain: Domain, method: str) -> Bounds:
    """The bounds over a domain, for a picture."""
    return bounds(domain.spec, *domain.arguments.values(), vary=domain.vary, method=method)


METHODS = ("auto", "interval", "mean-value", "linear", "subdivide")
SIDES = 16
"""So many sides of outputs are attacked at a time."""
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
    surely fails for an output, and the ends of that output (of the right side less the left one, for a claim), in exact
    rationals where the spec is rational there, else at a precision that tells. Every output is attacked that linear
    bounds leave open;
    undecided: what is missing is in `steps`. Raises as `bounds` does.
    """
    low, high = (None if number is None else data_value(number) for number in (at_least, at_most))
    arguments, strictly = bind(spec, args, known=vary), False
    if low is None and high is None:
        strictly = strict(spec, [lift(each, "float64") for each in arguments.values()])
        spec, low = margin(spec), Fraction(0)
    one_valued(spec, arguments, vary)
    claim = _Claim(Domain(spec, arguments, vary), low, high, strictly)
    jobs, most, attacked = Jobs(claim.domain, executor), _most(budget), False
    for i, best in enumerate(climb(claim.domain, resolve("interval"), ("subdivide",), None, most, progress, jobs)):
        if claim.proved_by(best.enclosure):
            return Verdict("proved", f"bounds: {best.method}", _count(best.boxes))
        if i == 1:  # what linear bounds leave open is attacked before they are refined
            attacked, refuted = True, claim.refuted(best.enclosure)
            if refuted is not None:
                return refuted
    refuted = None if attacked else claim.refuted(best.enclosure)
    return refuted or Verdict("undecided", "bounds", steps=(claim.missing(best.enclosure, best.boxes),))


@dataclass(frozen=True, eq=False)
class _Claim:
    """The outputs of a domain are at least `low` and at most `high`, as far as these are numbers; strictly?"""

    domain: Domain
    low: Fraction | None
    high: Fraction | None
    strictly: bool

    def beyond(self, enclosure: Tensor) -> list[tuple[Any, Side]]:
        """(how far a bound is beyond a limit, as far as it is not proved, and the side of the output)."""
        lower, upper = (np.ravel(end) for end in endpoints(enclosure))
        gaps = [] if self.high is None else [(b - self.high, (k, 1)) for k, b in enumerate(upper)]
        gaps += [] if self.low is None else [(self.low - a, (k, -1)) for k, a in enumerate(lower)]
        return [(gap, side) for gap, side in gaps if gap > 0 or (gap == 0 and self.strictly)]

    def proved_by(self, enclosure: Tensor) -> bool:
        """Do the bounds tell?"""
        return not self.beyond(enclosure)

    def missing(self, enclosure: Tensor, boxes: int) -> str:
        """By how much, and where, the bounds do not tell."""
        gap, (output, _) = max(self.beyond(enclosure))
        place = f" at output {list(map(int, np.unravel_index(output, enclosure.shape)))}" if enclosure.shape else ""
        return f"the bounds are beyond by {float_above(gap):.3g}{place}, into {boxes} parts"

    def refuted(self, enclosure: Tensor) -> Verdict | None:
        """A refutation by an exact point, looked for at every side that the bounds leave open, the widest first."""
        sides = [side for _, side in sorted(self.beyond(enclosure), reverse=True)]
        for start in range(0, max(len(sides), 1), SIDES):
            for point, least, most in values(self.domain, sides=sides[start : start + SIDES])[0]:
                least, most = closer(self.domain, point, self._settled, (least, most))
                if least is not None and np.any(self._fails(least, most)):
                    return self._witnessed(point, least, most)
        return None

    def _fails(self, least: Any, most: Any) -> Any:
        """Which outputs surely break the claim, being between these?"""
        found = np.zeros(np.shape(least), dtype=bool)
        if self.high is not None:
            found |= np.asarray(least > self.high, dtype=bool)
        if self.low is not None:
            found |= np.asarray(most <= self.low if self.strictly else most < self.low, dtype=bool)
        return found

    def _settled(self, least: Any, most: Any) -> bool:
        """Does some output surely break the claim, or surely none?"""
        if np.any(self._fails(least, most)):
            return True
        kept = self.high is None or np.all(most <= self.high)
        above = self.low is None or np.all(least > self.low if self.strictly else least >= self.low)
        return bool(kept and above)

    def _witnessed(self, point: Any, least: Any, most: Any) -> Verdict:
        at = np.unravel_index(int(np.argmax(self._fails(least, most))), np.shape(least))
        shown = {path: np.asarray(values, dtype=object).tolist() for path, values in point.items()}
        witness = shown | {"output": list(map(int, at)), "value in": [least[at], most[at]]}
        return Verdict("refuted", "an exact point", witness=witness)


def _most(budget: int | None) -> int:
    """Into how many boxes to split."""
    if budget is not None and budget < 1:
        raise ArgumentError(f"budget: expected at least 1 box, got {budget}")
    return budget or BUDGET


def _attained_text(least: Any, most: Any) -> str:
    """What is said of the attained values of one output."""
    least, most = np.ravel(least)[0], np.ravel(most)[0]
    if infinite(least, most):
        return "attained: none found"
    if least > most:
        return f"attained: a value in {interval_text(most, least, 10)}"
    return f"attained: {interval_text(least, most, 10)}"


def _count(boxes: int) -> str:
    return f"{boxes} box{'es' if boxes > 1 else ''}"
