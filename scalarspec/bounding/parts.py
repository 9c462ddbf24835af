"""Parts of a row's box: their linear bounds, many at a time, and how they may be split further."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np

from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import Jobs, work
from scalarspec.bounding.linear import LinearBounds
from scalarspec.bounding.plan import Plan
from scalarspec.core.sets import middle_of
from scalarspec.errors import DomainError, NotSupported

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]

BATCH = 64
"""Boxes per job. More at once are hardly faster each, and a checkpoint would keep less of a run that ends."""
NUMBERS = 1 << 23
"""The most numbers in the affine forms of one value for all boxes of a job (64 MiB): jobs have fewer boxes beyond."""
MOST_KNOWN = 1 << 14
"""The most numbers that are handed on from a part to those it is split into: 128 KiB each."""


@dataclass(eq=False)
class Part:
    """A part of a row's box: the ends of each input in it, and on which sides of kinks some values are.

    sides: (equation, element, 1 or -1) for an element of an equation's result that is >= 0, or <= 0, there. low, high:
    bounds of the outputs, flat; choices: the pairs of parts that it may be split into, by what they are called; depth:
    how many splits made it, of which the last was called `way`; idle: how many of the last ones gained nothing; known:
    ends of the values that kinks are applied to, found for a part that it is in, by the values' order; corner: on which
    side of its middle each input is where the bound that counts most is least.
    """

    box: list[Ends]
    row: int = 0
    sides: tuple[tuple[int, int, int], ...] = ()
    low: Any = -np.inf
    high: Any = np.inf
    choices: dict[str, tuple[Part, Part]] = field(default_factory=dict)
    depth: int = 0
    way: str = ""
    idle: int = 0
    known: tuple[Array, ...] = ()
    corner: Array | None = None

    @classmethod
    def whole(cls, domain: Domain, row: int) -> Part:
        """A row's box."""
        return cls([(low[row, ...], high[row, ...]) for low, high in domain.floats], row)

    def at_kink(self, eqn: int, element: int) -> tuple[Part, Part]:
        """Where a value, an element of an equation's result, is at least 0, and where it is at most 0."""
        first, second = (self.within(sides=(*self.sides, (eqn, element, side)), way="kink") for side in (1, -1))
        return first, second

    def halves(self, k: int, element: int) -> tuple[Part, Part]:
        """Two halves of the box, across an element of its input k."""
        low, high = self.box[k]
        left, right = high.copy(), low.copy()
        left.flat[element] = right.flat[element] = low.flat[element] / 2 + high.flat[element] / 2
        first, second = ([*self.box[:k], ends, *self.box[k + 1 :]] for ends in ((low, left), (right, high)))
        return self.within(box=first, way=""), self.within(box=second, way="")

    def candidates(self) -> list[list[Array]]:
        """Where the bound that counts most is least, and the middle, in floats, for each input; once, then none."""
        corner, self.corner = self.corner, None
        if corner is None:
            return []
        lowest, start = [], 0
        for low, high in self.box:
            above = corner[start : start + low.size].reshape(low.shape)
            lowest.append(np.where(above, high, low))
            start += low.size
        return [lowest, [middle_of(low, high) for low, high in self.box]]

    @property
    def varying(self) -> int:
        """How many numbers vary in it."""
        return sum(int(np.count_nonzero(low < high)) for low, high in self.box)

    @property
    def empty(self) -> bool:
        """Is there surely no point in it?"""
        return bool(np.any(self.low > self.high))

    def within(self, **changes: Any) -> Part:
        """A part of this part: its bounds are no wider."""
        return replace(self, choices={}, depth=self.depth + 1, corner=None, **changes)


class Goal(Protocol):
    """What is asked of the bounds in the parts of a box.

    leading: how many of the worst parts, the first ones, stand for all: where these gain nothing, nothing is gained;
    round: how many parts are split at a time at most: enough for several workers, few enough to split only what is
    among the worst.
    """

    leading: ClassVar[int]
    round: ClassVar[int]

    @property
    def asked(self) -> Sequence[tuple[int, int]] | None:
        """The ends of outputs that count, None for all."""

    def reached(self, parts: Sequence[Part]) -> bool:
        """Is it known already?"""

    def worst(self, parts: Sequence[Part], count: int) -> list[Part]:
        """Some parts of these, the worst first; of those that are equal, first the one that has long gained nothing."""

    def closed(self, part: Part) -> bool:
        """Takes note of a new part: is nothing more asked of it, so that it may be left out?"""

    def left(self, pair: Sequence[Part]) -> float:
        """How much two halves leave to do."""

    def gained(self, part: Part, halves: Sequence[Part]) -> bool:
        """Do the parts that a part gives way to say more than it did?"""

    def take(self, parts: Sequence[Part]) -> list[int]:
        """Takes note of the bounds of parts. Which of the ends that are asked for a split of each should be about; 0
        where none are named.
        """

    def chosen(self, part: Part, ways: Collection[str]) -> Collection[str]:
        """The ways to split a part that are to be tried, of all that there are."""


# ---- jobs -----------------------------------------------------------------------------------------------------------


@work
def relaxed(domain: Domain, item: dict[str, Any]) -> dict[str, Any]:
    """Linear bounds of the outputs in parts of the box; and where to split these, if that is asked.

    item: low, high: for each input the ends in all parts, (parts, *shape); rows: of the domain; sides: as of `Part`;
    known: as of `Part`, each for all parts; asked: the ends of outputs that are, None for all; split: is it asked where
    to? sharpened: are ranges sharpened by passes? The answer: low, high: (parts, outputs); kinks, inputs, corners: as
    `LinearBounds` gives them; known; slopes, where item has "slopes": true.
    """
    plan, rows = domain.plan, item["rows"]
    balls = [None if ball is None else (ball[0][rows], ball[1][rows]) for ball in domain.balls]
    boxes = list(zip(item["low"], item["high"], strict=True))
    ends = zip(item["known"][::2], item["known"][1::2], strict=True)
    with np.errstate(all="ignore"):  # what overflows gives no bound
        known = dict(zip(plan.kinked_places if item["known"] else (), ends, strict=True))
        linear = LinearBounds(plan, boxes, balls, _constraints(plan, item["sides"]), known, item["sharpened"])
        low, high = (end.reshape(len(rows), -1) for end in linear.bounds(item["asked"]))
        partly = linear.state.partly[:, None]  # where there may be no value, nothing is said of all values
        low, high = np.where(partly, -np.inf, low), np.where(partly, np.inf, high)
        found: dict[str, Any] = {"low": low, "high": high}
        if item.get("slopes"):
            found["slopes"] = linear.slopes()
        if not item["split"]:
            return found
        handed_on = linear.kinked_ranges()
        if sum(end[0].size for end in handed_on) > MOST_KNOWN:
            handed_on = []
        where = {"kinks": linear.kinks_to_split(), "inputs": linear.inputs_to_split(), "corners": linear.corners()}
        return {**found, **where, "known": handed_on}


def _constraints(plan: Plan, sides: Sequence[Sequence[Sequence[int]]]) -> dict[int, Ends]:
    """The split constraints of parts, by the equations that make the values."""
    found: dict[int, Ends] = {}
    for k, of_part in enumerate(sides):
        for eqn, element, side in of_part:
            shape = (len(sides), *plan.equations[eqn].result.shape)
            low, high = found.setdefault(eqn, (np.full(shape, -np.inf), np.full(shape, np.inf)))
            (low if side > 0 else high)[k].flat[element] = 0.0
    return found


def bounded(jobs: Jobs, parts: Sequence[Part], goal: Goal | None = None, most: int = BATCH) -> Iterator[list[Part]]:
    """The parts with their bounds, some parts at a time; with a goal, also the ways to split them.

    Only what the goal asks for is worked out, and of the ways to split those that it wants to try.
    """
    plan = jobs.domain.plan
    batch = max(1, min(most, at_once(plan)))
    groups = [parts[i : i + batch] for i in range(0, len(parts), batch)]
    asked = goal.asked if goal is not None else None
    answers = jobs.map(relaxed, [_item(group, goal is not None, asked, plan.smooth) for group in groups])
    for group, answer in zip(groups, answers, strict=True):
        for k, part in enumerate(group):
            part.low, part.high = np.maximum(part.low, answer["low"][k]), np.minimum(part.high, answer["high"][k])
        if goal is not None:
            for k, row in enumerate(goal.take(group)):
                _put_choices(plan, group[k], goal, answer, k, row)
        yield list(group)


def _put_choices(plan: Plan, part: Part, goal: Goal, answer: dict[str, Any], k: int, row: int) -> None:
    """Notes in a part, the k-th one of a job, what its answer tells of splits. row: of the ends that were asked for."""
    row = min(row, answer["kinks"].shape[1] - 1)
    part.known = tuple(end[k if len(end) > 1 else 0] for end in answer["known"])
    part.corner = answer["corners"][k, row] if len(answer["corners"]) else None
    ways = _ways(plan, part, answer["kinks"][k, row], answer["inputs"][k, row])
    part.choices = {way: ways[way]() for way in goal.chosen(part, ways)}


def slopes_of(jobs: Jobs, part: Part, goal: Goal) -> list[Array]:
    """The slopes of the lines below rectifiers, (elements,) of each in order, by which the bound of a part that counts
    most was found; none of a spec of other functions.
    """
    plan = jobs.domain.plan
    (answer,) = jobs.map(relaxed, [{**_item([part], False, goal.asked, plan.smooth), "slopes": True}])
    (row,) = goal.take([part])
    return [each[0, min(row, each.shape[1] - 1)] for each in answer["slopes"]]


def with_lines(jobs: Jobs, roots: Sequence[Part], goal: Goal) -> Iterator[Part]:
    """The same parts as they get linear bounds; none where the spec has no such bounds."""
    if jobs.domain.varied:
        with contextlib.suppress(NotSupported, DomainError):
            for done in bounded(jobs, roots, goal):
                yield from done


def at_once(plan: Plan) -> int:
    """How many boxes of a plan are worked on at once, at most."""
    return max(1, NUMBERS // max(plan.largest * sum(x.shape.size for x in plan.inputs), 1))


def _item(parts: Sequence[Part], split: bool, asked: Sequence[tuple[int, int]] | None, smooth: bool) -> dict[str, Any]:
    """The job for some parts. Those that a kink was split in have ranges at hand, and are better split on than
    sharpened; but of what smooth functions are applied to, no range is handed on.
    """
    low, high = ([np.stack([p.box[j][k] for p in parts]) for j in range(len(parts[0].box))] for k in (0, 1))
    shared = min(len(part.known) for part in parts)
    return {
        "low": low,
        "high": high,
        "rows": [part.row for part in parts],
        "sides": [part.sides for part in parts],
        "known": [np.stack([part.known[j] for part in parts]) for j in range(shared)],
        "asked": asked,
        "sharpened": smooth or not shared or not all(part.way == "kink" for part in parts),
        "split": split,
    }


# ---- splitting ------------------------------------------------------------------------------------------------------


def _ways(plan: Plan, part: Part, kink: Array, inputs: Array) -> dict[str, Callable[[], tuple[Part, Part]]]:
    """At the kink, and across the elements of the inputs, that are said to cost most, or are the widest."""
    found: dict[str, Callable[[], tuple[Part, Part]]] = {}
    if kink[0] >= 0:
        found["kink"] = partial(part.at_kink, *map(int, kink))
    steepest, widest = map(int, inputs)
    if steepest >= 0:
        found["steepest"] = partial(part.halves, *_place(plan, steepest))
    if widest not in (steepest, -1):
        found["widest"] = partial(part.halves, *_place(plan, widest))
    return found


def _place(plan: Plan, element: int) -> tuple[int, int]:
    """An element of all inputs side by side as the input's place and the element of it."""
    for k, place in enumerate(plan.input_places.values()):
        if element < place.stop:
            return k, element - place.start
    raise IndexError(element)
