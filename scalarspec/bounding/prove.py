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

from scalarspec.bounding import cross_entropy
from scalarspec.bounding.bounds import limits_of
from scalarspec.bounding.claims import Claim, between, comparisons
from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.formula import Formula
from scalarspec.bounding.formula_nodes import Known
from scalarspec.bounding.inner_bounds import Point, closer, enclosed, searched
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.methods import ends_at_once
from scalarspec.bounding.open_parts import OpenParts, proved
from scalarspec.bounding.parts import Part, with_lines
from scalarspec.bounding.points import clipped, first_points, middles, only_point, part_way
from scalarspec.bounding.proofs import Proof, Proofs, shown_witness, witness_of
from scalarspec.bounding.search import LATE, Limits, Progress, search
from scalarspec.bounding.sign_ascent import outputs_at
from scalarspec.certificates.certificate import of_proof
from scalarspec.core.arguments import bind, call, one_valued, spec_name
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.context import Context
from scalarspec.core.domains import watching_poles
from scalarspec.core.foreign import spec_of
from scalarspec.core.functions import endpoints
from scalarspec.core.lifting import replaced
from scalarspec.core.literals import Literals
from scalarspec.core.named_contexts import resolve
from scalarspec.core.region import Ball, Box, regions
from scalarspec.errors import ArgumentError, Contradiction, ScalarSpecError
from scalarspec.numbers.exact import data_value, float_above, float_below
from scalarspec.tracing.batched import BatchedContext

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]

SIDES = 16
"""How many parts of a claim are attacked at a time. They are looked for in one search, whose evaluations serve all of
them; a claim of many parts is refuted by one, so that not all need be attacked at once.
"""
OPEN_MIDDLES = 16
"""How many of the parts of the box that are open in the end are looked at in their middles."""
SEARCHES, PARTS_PER_SEARCH = 16, 64
"""How many searches by samples there are at most, and for how many parts there is one: they cost about as much."""
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

    def certified(self, boxes: int, format: str) -> dict[str, Any]:
        """A certificate of a claim that was proved with so many parts."""
        return of_proof(Jobs(self.domain), self.formula, OpenParts(self.formula), boxes, format)

    def at_once(self, ends: Ends, tried: list[Point]) -> Proof | None:
        """A verdict by one evaluation over the box, or by points that were given."""
        start = time.perf_counter()
        outputs, parts = self.formula.read(*ends)
        found = proved("interval", outputs, 1) if np.all(parts.holds) else self._refuted(tried) or self._by_more_bits()
        return found and dataclasses.replace(found, seconds=time.perf_counter() - start)

    def _by_more_bits(self) -> Proof | None:
        """A verdict where the box is a point: at growing precision."""
        point = only_point(self.domain)
        if point is None:
            return None
        with watching_poles() as poles:
            low, high = closer(self.domain, point, self._settled, (None, None))
        if low is None or poles:
            return None
        outputs, parts = self.formula.read(low, high)
        if np.all(parts.holds):
            return proved("interval", outputs, 1)
        return self._refuted([point]) if np.any(outputs.fails) else None  # no second climb where none tells

    def by_bounds(self, ends: Ends, lines: Iterator[Part]) -> Proof:
        """A verdict by linear bounds; else by a point, looked for where these do not tell; else by parts of the box."""
        root = None if self.limits.late else next(lines, None)
        if root is not None:
            ends = _both(ends, root)
        outputs, parts = self.formula.read(*ends)
        if np.all(parts.holds):
            return proved("linear", outputs, 1)
        refuted = self._attacked(parts)
        if refuted is not None:
            return refuted
        goal = OpenParts(self.formula)
        if root is None:
            return goal.undecided(outputs, [], 1, LATE if self.limits.late else NO_LINES)
        return self._searched(root, goal, outputs)

    def _searched(self, root: Part, goal: OpenParts, whole: Known) -> Proof:
        """A verdict by parts of the box; whole: what is known of the outputs over all of it."""
        left, count, due = [root], 1, PARTS_PER_SEARCH
        seeds = iter(range(SEARCHES if cross_entropy.applies(self.domain) else 0))
        for parts, made in search(self.jobs, root, goal, self.limits):
            left, count = parts, made
            refuted = self._refuted(self._promising(parts))
            if refuted is None and made >= due:
                refuted, due = self._drawn(next(seeds, None)), due + PARTS_PER_SEARCH
            if refuted is not None:
                return refuted
            if self.progress is not None:
                self.progress(count, self.limits.budget, goal.open_text(parts))
        if not left:
            return proved("subdivide", goal.outputs(whole, []), count)
        refuted = self._refuted(middles(self.domain, [*self.question.domain.varied], goal.worst(left, OPEN_MIDDLES)))
        return refuted or goal.undecided(whole, left, count, self.limits.endings[-1])

    def _promising(self, parts: Sequence[Part]) -> list[Point]:
        """Of candidates in new parts, those at which the claim fails in floats."""
        found = [at for part in parts for at in part.candidates() if all(np.all(np.isfinite(x)) for x in at)]
        if not found:
            return []
        known = dict(zip(self.question.domain.varied, map(np.stack, zip(*found, strict=True)), strict=True))
        return self._failing({path: known[path] for path in self.domain.varied})  # rows that are points are left out

    def _drawn(self, seed: int | None) -> Proof | None:
        """A refutation by the points of one search by samples, if one is left and there is time for it."""
        if seed is None or self.limits.late:
            return None
        found = cross_entropy.drawn(self.question.weakest.row(self.row), seed)
        return self._refuted(self._failing(dict(zip(self.domain.varied, found, strict=True))))

    def _failing(self, columns: Mapping[str, Array]) -> list[Point]:
        """Of points in floats, a row for each, by path, those at which the claim fails in floats, as exact points."""
        margins = outputs_at(self.domain, list(columns.values()))
        with np.errstate(invalid="ignore"):  # where there is no value, nothing fails
            readings, _ = self.formula.read_many(margins.T, margins.T)
        failing = [k for k, (outputs, _) in enumerate(readings) if np.any(outputs.fails)][:OPEN_MIDDLES]
        box = self.domain.box(0)
        points = [
            {
                path: lift_elements(clipped, np.asarray(columns[path][k], dtype=object), *ends)
                for path, ends in box.items()
            }
            for k in failing
        ]
        return [point for point in points if self.domain.holds(point)]

    def _attacked(self, parts: Known) -> Proof | None:
        """A refutation by a point, looked for at every part of the claim that is open, those that miss most first."""
        weakest = self.question.weakest.row(self.row)
        points = first_points(self.domain)
        sides = [(k, -1) for k in sorted(range(parts.holds.size), key=lambda k: parts.low[k]) if not parts.holds[k]]
        for start in range(0, len(sides) if self.domain.varied else 0, SIDES):
            if self.limits.late:
                break
            refuted = self._refuted([*points, *searched(weakest, [0], sides[start : start + SIDES])[0]])
            if refuted is not None:
                return refuted
            points = []
        return self._refuted(points) or (self._refuted(self._at_limits()) if self.formula.sharp else None)

    def _at_limits(self) -> list[Point]:
        """Points between two corners of the box at which margins are exactly at a limit, if they are affine between
        them, and rational.
        """
        rational = resolve("rational")
        with contextlib.suppress(ScalarSpecError, ValueError):
            first, second = first_points(self.domain)[1:]
            at_ends = [call(self.domain.spec, self.domain.at(rational, end)[0], rational) for end in (first, second)]
            pairs = zip(*(np.ravel(endpoints(margins)[0]) for margins in at_ends), strict=True)
            ways = sorted({a / (a - b) for a, b in pairs if a * b < 0})
            return [part_way(first, second, way) for way in ways[:OPEN_MIDDLES]]
        return []

    def _refuted(self, points: list[Point]) -> Proof | None:
        """A refutation by the first of some points at which the claim surely fails."""
        if not points:
            return None
        for i, (point, known) in enumerate(zip(points, enclosed(self.domain, points), strict=True)):
            if i and self.limits.late:
                break
            low, high = closer(self.domain, point, self._settled, known or (None, None))
            if low is None:
                continue
            outputs, _ = self.formula.read(low, high)
            if np.any(outputs.fails):
                at = tuple(map(int, np.unravel_index(int(np.argmax(outputs.fails)), outputs.fails.shape)))
                value = self.formula.value(low, high, at)
                return Proof("refuted", "an exact point", witness=shown_witness(point), output=at, value=value)
        return None

    def _settled(self, low: Array, high: Array) -> bool:
        """Do the ends of the margins at a point tell that the claim fails there, or holds?"""
        outputs, parts = self.formula.read(low, high)
        return bool(np.any(outputs.fails) or np.all(parts.holds))


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
