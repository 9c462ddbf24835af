"""`prove`: claims about all arguments of a box, proved by bounds, or refuted by an exact point."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np

from scalarspec.bounding.attack import Attack, is_due
from scalarspec.bounding.bounds import limits_of
from scalarspec.bounding.claims import Claim, between, comparisons
from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.formula import Formula
from scalarspec.bounding.formula_nodes import Known
from scalarspec.bounding.inner_bounds import Point, closer
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.methods import ends_at_once
from scalarspec.bounding.open_parts import OpenParts, proved
from scalarspec.bounding.parts import Part, with_lines
from scalarspec.bounding.points import middles, only_point
from scalarspec.bounding.proofs import Proof, Proofs, witness_of
from scalarspec.bounding.search import LATE, Limits, Progress, search
from scalarspec.certificates.certificate import of_proof
from scalarspec.core.arguments import bind, one_valued, spec_name
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.context import Context
from scalarspec.core.domains import watching_poles
from scalarspec.core.foreign import spec_of
from scalarspec.core.lifting import replaced
from scalarspec.core.literals import Literals
from scalarspec.core.named_contexts import resolve
from scalarspec.core.region import Ball, Box, regions
from scalarspec.errors import ArgumentError, Contradiction, ScalarSpecError
from scalarspec.numbers.exact import data_value, float_above, float_below
from scalarspec.tracing.batched import BatchedContext

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]

OPEN_MIDDLES = 16
"""How many of the parts of the box that are open in the end are looked at in their middles."""
NO_LINES = "no linear bounds"
"""What ends a search where the spec has no linear relaxation."""


@overload
def prove(
    spec: Callable[..., Any],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    at_most: Any = ...,
    at_least: Any = ...,
    budget: int | None = ...,
    timeout: float | None = ...,
    over: tuple[()] = (),
    witness: str | Path | Mapping[str, Any] | None = ...,
    executor: Executor | None = ...,
    progress: Progress | None = ...,
    literals: Literals | None = ...,
) -> Proof: ...


@overload
def prove(
    spec: Callable[..., Any],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    at_most: Any = ...,
    at_least: Any = ...,
    budget: int | None = ...,
    timeout: float | None = ...,
    over: str | Sequence[str],
    witness: str | Path | Mapping[str, Any] | None = ...,
    executor: Executor | None = ...,
    progress: Progress | None = ...,
    literals: Literals | None = ...,
) -> Proof | Proofs: ...


def prove(
    spec: Callable[..., Any],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    at_most: Any = None,
    at_least: Any = None,
    budget: int | None = None,
    timeout: float | None = None,
    over: str | Sequence[str] = (),
    witness: str | Path | Mapping[str, Any] | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    literals: Literals | None = None,
) -> Proof | Proofs:
    """Does a claim hold while the arguments named in `vary` range over their boxes?

    spec: a claim, whose value is made of comparisons by &, |, ~, `all()` and `any()`, such as lambda x: (net(x) <=
    net(x)[k]).all(); it holds where all its outputs do. Or a spec whose outputs are to be at_most, at_least, or
    between, exact numbers. args, vary, executor: as for `bounds`. budget: into how many parts the box is split at most;
    timeout: the seconds after which no more is begun, so that the answer may be undecided on a slower machine;
    progress: called with (parts, budget, the worst margin that is open, in words), or (rows done, rows, ""). over: as
    for `bounds`: each row has a proof of its own. witness: exact arguments to look at first, by name as `Proof.witness`
    has them, or the file of them.

    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns a `Proof`; with `over`, `Proofs`, a sequence of them:

      proved      by bounds. The box is split, and each part is left alone as soon as its bounds tell that the claim
                  holds there: of an `or`, by one side in one part and by another in another. Where both sides of a
                  comparison are made by the same operations of the same operands, they are equal, and `<` is false
      refuted     `witness` holds exact arguments at which it surely fails, in exact rationals where the spec is
                  rational there, else at a precision that tells; every part of the claim is attacked that linear
                  bounds leave open
      undecided   `undecided` and `gaps` say which outputs are not proved, and by how much, `stopped` what ended the
                  search: the budget, the timeout, rounds of splits that gained nothing, or nothing left to split

    Raises as `bounds` does, ArgumentError for a claim whose value is not made of comparisons of tensors, or a witness
    that lies outside of the box, and Undecided for one that joins comparisons by Python's `and`, `or` and `not`.

        ss.prove(lambda x: ss.square(x) <= 4, 0.0, vary={"x": ss.ball(2)}).status    # "proved"
    """
    spec = spec_of(spec, literals)
    limits = limits_of(budget, timeout)
    rows, vary = (over,) if isinstance(over, str) else tuple(over), regions(spec, vary)
    domain = Domain(spec, bind(spec, args, known=[*vary, *rows]), vary, rows)
    low, high = (None if number is None else data_value(number) for number in (at_least, at_most))
    if rows and not domain.rows:
        return Proofs(())
    question = _Question.of(domain, low, high)
    one_valued(question.domain.spec_of_rows, domain.arguments, vary)
    tried = [] if witness is None else question.given(witness_of(witness))
    found = question.proofs(limits, Jobs(question.domain, executor), tried, progress)
    proofs = tuple(dataclasses.replace(proof, name=spec_name(spec)) for proof in found)
    return Proofs(proofs) if rows else proofs[0]


@dataclass(frozen=True, eq=False)
class _Question:
    """A claim, the domain of its margins, and that of the margins of its parts, one of which is negative where it
    fails.
    """

    claim: Claim
    domain: Domain
    weakest: Domain

    @classmethod
    def of(cls, domain: Domain, low: Fraction | None, high: Fraction | None) -> _Question:
        """Seen over the box: elsewhere, a claim that branches may be made of other comparisons."""

        def seen(context: Context[Any]) -> Claim:
            args = _boxed(domain, context)
            made = low is None and high is None
            return comparisons(domain.spec, args) if made else between(domain.spec, args, low, high)

        claim = None
        with contextlib.suppress(ScalarSpecError):  # which is said as the other intervals say it
            claim = seen(INTERVALS)
        if claim is None:
            claim = seen(resolve("interval"))
        return cls(claim, *(dataclasses.replace(domain, spec=spec) for spec in (claim.margins, claim.weakest)))

    def given(self, point: Point) -> list[tuple[int, Point]]:
        """A given point with the rows in whose box it lies. Raises ArgumentError where it lies in none."""
        named = {path: ends[0] for path, ends in self.domain.row(0).ends.items()}
        shapes = [{path: np.shape(x) for path, x in each.items()} for each in (named, point)]
        if shapes[0] != shapes[1]:
            raise ArgumentError(f"witness: expected arrays of shapes {shapes[0]}, by name, got {shapes[1]}")
        found = [(i, point) for i in range(self.domain.rows) if self.domain.holds(point, i)]
        if not found:
            raise ArgumentError("witness: it lies outside of the box that vary states")
        return found

    def proofs(
        self, limits: Limits, jobs: Jobs, tried: list[tuple[int, Point]], progress: Progress | None
    ) -> Iterator[Proof]:
        """The proof of each row, in order: at once, or else by bounds, which are found for many rows at a time."""
        low, high = ends_at_once(jobs)
        known = [(low[i, ...], high[i, ...]) for i in range(self.domain.rows)] if self.domain.over else [(low, high)]
        rows = [_Row(self, i, jobs, limits, None if self.domain.over else progress) for i in range(self.domain.rows)]
        found = [
            row.at_once(ends, [p for k, p in tried if k == row.row]) for row, ends in zip(rows, known, strict=True)
        ]
        roots = [self._root(i, *known[i]) for i, proof in enumerate(found) if proof is None]
        lines = with_lines(jobs, roots, OpenParts(self.claim.formula))
        for i, row in enumerate(rows):
            start = time.perf_counter()
            proof = found[i] or row.by_bounds(known[i], lines)
            seconds = proof.seconds + time.perf_counter() - start
            yield dataclasses.replace(proof, seconds=seconds, _certify=row.certified)
            if progress is not None and self.domain.over:
                progress(i + 1, self.domain.rows, "")

    def _root(self, row: int, low: Array, high: Array) -> Part:
        """A row's box, with the ends of the margins there, in floats."""
        below, above = (lift_elements(end, np.ravel(x)) for end, x in ((float_below, low), (float_above, high)))
        whole = Part.whole(self.domain, row)
        return dataclasses.replace(whole, low=below.astype(np.float64), high=above.astype(np.float64))


@dataclass(frozen=True, eq=False)
class _Row:
    """The question about one row's box."""

    question: _Question
    row: int
    jobs: Jobs
    limits: Limits
    progress: Progress | None

    @cached_property
    def formula(self) -> Formula:
        """What is claimed of the margins."""
        return self.question.claim.formula

    @cached_property
    def domain(self) -> Domain:
        """The margins over the row's box."""
        return self.question.domain.row(self.row)

    @cached_property
    def attack(self) -> Attack:
        """What refutes the claim."""
        weakest, varied = self.question.weakest.row(self.row), [*self.question.domain.varied]
        return Attack(self.formula, self.domain, weakest, varied, self.limits)

    def certified(self, boxes: int, format: str) -> dict[str, Any]:
        """A certificate of a claim that was proved with so many parts."""
        return of_proof(Jobs(self.domain), self.formula, OpenParts(self.formula), boxes, format)

    def at_once(self, ends: Ends, tried: list[Point]) -> Proof | None:
        """A verdict by one evaluation over the box, or by points that were given."""
        start = time.perf_counter()
        outputs, parts = self.formula.read(*ends)
        found = (
            proved("interval", outputs, 1)
            if np.all(parts.holds)
            else self.attack.at_points(tried) or self._by_more_bits()
        )
        return found and dataclasses.replace(found, seconds=time.perf_counter() - start)

    def _by_more_bits(self) -> Proof | None:
        """A verdict where the box is a point: at growing precision."""
        point = only_point(self.domain)
        if point is None:
            return None
        with watching_poles() as poles:
            low, high = closer(self.domain, point, self.attack.settled, (None, None))
        if low is None or poles:
            return None
        outputs, parts = self.formula.read(low, high)
        if np.all(parts.holds):
            return proved("interval", outputs, 1)
        return self.attack.at_points([point]) if np.any(outputs.fails) else None  # no second climb where none tells

    def by_bounds(self, ends: Ends, lines: Iterator[Part]) -> Proof:
        """A verdict by linear bounds; else by a point, looked for where these do not tell; else by parts of the box."""
        root = None if self.limits.late else next(lines, None)
        if root is not None:
            ends = _both(ends, root)
        outputs, parts = self.formula.read(*ends)
        if np.all(parts.holds):
            return proved("linear", outputs, 1)
        refuted = self.attack.by_slopes(parts)
        if refuted is not None:
            return refuted
        goal = OpenParts(self.formula)
        if root is None:
            return goal.undecided(outputs, [], 1, LATE if self.limits.late else NO_LINES)
        return self._searched(root, goal, outputs, parts)

    def _searched(self, root: Part, goal: OpenParts, whole: Known, known: Known) -> Proof:
        """A verdict by parts of the box; whole, known: what is known of the outputs, and of the claim's parts, over all
        of it.
        """
        left, count, searches = [root], 1, 0
        for parts, made in search(self.jobs, root, goal, self.limits):
            left, count = parts, made
            refuted = self.attack.at_candidates(parts)
            if refuted is None and is_due(searches, made):
                refuted, searches = self.attack.by_samples(known, searches), searches + 1
            if refuted is not None:
                return refuted
            if self.progress is not None:
                self.progress(count, self.limits.budget, goal.open_text(parts))
        if not left:
            return proved("subdivide", goal.outputs(whole, []), count)
        refuted = self.attack.at_points(middles(self.domain, self.attack.varied, goal.worst(left, OPEN_MIDDLES)))
        return refuted or goal.undecided(whole, left, count, self.limits.endings[-1])


def _both(ends: Ends, part: Part) -> Ends:
    """What is between ends, and in the bounds of a part. Raises Contradiction where that is nothing."""
    low = np.maximum(ends[0], part.low.reshape(np.shape(ends[0])))
    high = np.minimum(ends[1], part.high.reshape(np.shape(ends[1])))
    if np.any(low > high):
        raise Contradiction("prove: nothing is left between two enclosures of one value, so one of them is wrong")
    return low, high


def _boxed(domain: Domain, context: Context[Any]) -> list[Any]:
    """The arguments in a context, boxes for what varies; of rows a batch of all of them, since what one row alone
    decides, such as which branch it takes, is not so in others.
    """
    args, boxes = domain.boxed(context)
    if not domain.over:
        return args
    batch = BatchedContext(context, domain.rows)
    named = zip(domain.varied, boxes, strict=True)
    return replaced(args, {id(t): batch.rows(t) for name, t in named if name in domain.over})
