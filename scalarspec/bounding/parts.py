"""Parts of a row's box: their linear bounds, many at a time, and how they may be split further."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, ClassVar, Protocol

import numpy as np

from scalarspec.bounding.branch import refine
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import Jobs, work
from scalarspec.bounding.linear import LinearBounds
from scalarspec.bounding.plan import Plan
from scalarspec.errors import Contradiction
from scalarspec.numbers.exact import float_below

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]

BATCH = 64
"""Boxes per job. More at once are hardly faster each, and a checkpoint would keep less of a run that ends."""
SPLIT_BATCH = 16
"""Boxes per job where they are parts of one box, so that several workers share the work on it."""
NUMBERS = 1 << 23
"""The most numbers in the affine forms of one value for all boxes of a job (64 MiB): jobs have fewer boxes beyond."""
ROUND = 16
"""Parts that are split at a time: enough for several workers, few enough to split only what is among the worst."""
WIDEST_EVERY = 3
"""Each so many-th split of a box is across its widest element: slopes can be 0 in the middle, and lead astray."""


@dataclass(eq=False)
class Part:
    """A part of a row's box: the ends of each input in it, and on which sides of kinks some values are.

    sides: (equation, element, 1 or -1) for an element of an equation's result that is >= 0, or <= 0, there. low, high:
    bounds of the outputs, flat; choices: the pairs of parts that it may be split into; depth: how many splits made it;
    idle: how many of the last ones gained nothing.
    """

    box: list[Ends]
    row: int = 0
    sides: tuple[tuple[int, int, int], ...] = ()
    low: Any = -np.inf
    high: Any = np.inf
    choices: tuple[tuple[Part, Part], ...] = ()
    depth: int = 0
    idle: int = 0

    @classmethod
    def whole(cls, domain: Domain, row: int) -> Part:
        """A row's box."""
        return cls([(low[row, ...], high[row, ...]) for low, high in domain.floats], row)

    def at_kink(self, eqn: int, element: int) -> tuple[Part, Part]:
        """Where a value, an element of an equation's result, is at least 0, and where it is at most 0."""
        first, second = (self.within(sides=(*self.sides, (eqn, element, side))) for side in (1, -1))
        return first, second

    def halves(self, k: int, element: int) -> tuple[Part, Part]:
        """Two halves of the box, across an element of its input k."""
        low, high = self.box[k]
        left, right = high.copy(), low.copy()
        left.flat[element] = right.flat[element] = low.flat[element] / 2 + high.flat[element] / 2
        first, second = ([*self.box[:k], ends, *self.box[k + 1 :]] for ends in ((low, left), (right, high)))
        return self.within(box=first), self.within(box=second)

    @property
    def empty(self) -> bool:
        """Is there surely no point in it?"""
        return bool(np.any(self.low > self.high))

    def within(self, **changes: Any) -> Part:
        """A part of this part: its bounds are no wider."""
        return replace(self, choices=(), depth=self.depth + 1, **changes)


# ---- jobs -----------------------------------------------------------------------------------------------------------


@work
def relaxed(domain: Domain, item: dict[str, Any]) -> dict[str, Any]:
    """Linear bounds of the outputs in parts of the box; and where to split these, if that is asked.

    item: low, high: for each input the ends in all parts, (parts, *shape); rows: of the domain; sides: as of `Part`;
    split: is it asked? The answer: low, high: (parts, outputs); relus, inputs: as `LinearBounds` gives them.
    """
    plan, rows = domain.plan, item["rows"]
    balls = [None if ball is None else (ball[0][rows], ball[1][rows]) for ball in domain.balls]
    boxes = list(zip(item["low"], item["high"], strict=True))
    with np.errstate(all="ignore"):  # what overflows gives no bound
        linear = LinearBounds(plan, boxes, balls, _constraints(plan, item["sides"]))
        low, high = (end.reshape(len(rows), -1) for end in linear.bounds())
        partly = linear.state.partly[:, None]  # where there may be no value, nothing is said of all values
        low, high = np.where(partly, -np.inf, low), np.where(partly, np.inf, high)
        found = {"low": low, "high": high}
        return found | {"relus": linear.relu_to_split(), "inputs": linear.inputs_to_split()} if item["split"] else found


def _constraints(plan: Plan, sides: Sequence[Sequence[Sequence[int]]]) -> dict[int, Ends]:
    """The split constraints of parts, by the equations that make the values."""
    found: dict[int, Ends] = {}
    for k, of_part in enumerate(sides):
        for eqn, element, side in of_part:
            shape = (len(sides), *plan.equations[eqn].result.shape)
            low, high = found.setdefault(eqn, (np.full(shape, -np.inf), np.full(shape, np.inf)))
            (low if side > 0 else high)[k].flat[element] = 0.0
    return found


def bounded(
    jobs: Jobs, parts: Sequence[Part], split: bool, most: int = BATCH, both: bool = False
) -> Iterator[list[Part]]:
    """The parts with their bounds, and the ways to split them if these are asked for, some parts at a time.

    both: may a box without a kink be split across the steepest and the widest element, and not by turns?
    """
    plan = jobs.domain.plan
    size = plan.largest * sum(x.shape.size for x in plan.inputs)
    batch = max(1, min(most, NUMBERS // max(size, 1)))
    groups = [parts[i : i + batch] for i in range(0, len(parts), batch)]
    answers = jobs.map(relaxed, [_item(group, split) for group in groups])
    for group, answer in zip(groups, answers, strict=True):
        for k, part in enumerate(group):
            part.low, part.high = np.maximum(part.low, answer["low"][k]), np.minimum(part.high, answer["high"][k])
            if split:
                part.choices = _choices(plan, part, answer["relus"][k], answer["inputs"][k], both)
        yield list(group)


def _item(parts: Sequence[Part], split: bool) -> dict[str, Any]:
    """The job for some parts."""
    low, high = ([np.stack([p.box[j][k] for p in parts]) for j in range(len(parts[0].box))] for k in (0, 1))
    return {
        "low": low,
        "high": high,
        "rows": [part.row for part in parts],
        "sides": [part.sides for part in parts],
        "split": split,
    }


# ---- splitting ------------------------------------------------------------------------------------------------------


def _choices(plan: Plan, part: Part, relu: Array, inputs: Array, both: bool) -> tuple[tuple[Part, Part], ...]:
    """At the kink, and across the elements of the inputs, that are said to cost most."""
    turn = int(part.depth % WIDEST_EVERY == WIDEST_EVERY - 1)
    found = [] if relu[0] < 0 else [part.at_kink(*map(int, relu))]
    elements = dict.fromkeys(map(int, inputs if both and not found else inputs[turn : turn + 1]))
    return (*found, *(part.halves(*_place(plan, element)) for element in elements if element >= 0))


def _place(plan: Plan, element: int) -> tuple[int, int]:
    """An element of all inputs side by side as the input's place and the element of it."""
    for k, place in enumerate(plan.input_places.values()):
        if element < place.stop:
            return k, element - place.start
    raise IndexError(element)


# ---- the search -----------------------------------------------------------------------------------------------------


@dataclass
class Limits:
    """How far a search goes, and what ended it.

    budget: into how many parts at most; target: the width of every output at which it is done; seconds: how long it may
    take, from now on: it ends with the round in which they are over; endings: what ended the searches so far.
    """

    budget: int
    target: Fraction | None = None
    seconds: float | None = None
    endings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start = time.monotonic()

    @property
    def late(self) -> bool:
        """Is the time over?"""
        return self.seconds is not None and time.monotonic() - self._start >= self.seconds

    @property
    def stopped(self) -> str:
        """What ended the searches, in words; the same once."""
        return ", ".join(dict.fromkeys(self.endings))


TARGET, SPENT, LATE, IDLE, WHOLE = "target", "budget", "timeout", "no gain", "nothing left to split"
"""What ends a search: it has what was asked for; there are as many parts as may be; the time is over; the last rounds
found nothing that was not known; no part can be split."""
PATIENCE = 8
"""After so many splits for each number that varies, one after the other, a part that gained nothing is given up."""


class Goal(Protocol):
    """What is asked of the bounds in the parts of a box.

    leading: how many of the worst parts, the first ones, stand for all: where these gain nothing, nothing is gained;
    both: as for `bounded`.
    """

    leading: ClassVar[int]
    both: ClassVar[bool]

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


def search(jobs: Jobs, root: Part, goal: Goal, limits: Limits) -> Iterator[tuple[list[Part], int]]:
    """The parts of a row's box of which more is asked, and how many there are in all, after each round of splits.

    root: a part with its bounds and choices. Its end is noted in the limits.
    """
    closed, patience = 0, PATIENCE * max(1, sum(int(np.sum(low < high)) for low, high in root.box))

    def worst(parts: Sequence[Part]) -> list[Part]:
        open_parts = [part for part in parts if part.choices]
        room = min(limits.budget - len(parts) - closed, ROUND)
        ended = [(TARGET, goal.reached(parts)), (WHOLE, not open_parts), (SPENT, room < 1), (LATE, limits.late)]
        why = next((name for name, is_so in ended if is_so), None)
        chosen = [] if why else goal.worst(open_parts, room)
        if why is None and all(part.idle >= patience for part in chosen[: goal.leading]):
            why, chosen = IDLE, []
        limits.endings += [why] if why else []
        return chosen

    def divide(parts: Sequence[Part]) -> Iterator[Part]:
        nonlocal closed
        children = [child for part in parts for pair in part.choices for child in pair]
        for _ in bounded(jobs, children, True, SPLIT_BATCH, goal.both):
            pass  # they have their bounds then
        for part in parts:
            halves = [child for child in min(part.choices, key=goal.left) if not child.empty]
            kept = [child for child in halves if not goal.closed(child)]
            closed += len(halves) - len(kept)
            gained = len(halves) < 2 or len(kept) < len(halves) or goal.gained(part, halves)
            for child in kept:
                child.idle = 0 if gained else part.idle + 1
            yield from kept

    for parts in refine([root], worst, divide):
        yield parts, len(parts) + closed


@dataclass(frozen=True)
class Hull:
    """Bounds of the outputs in all parts, flat, and how many parts there are."""

    low: Array
    high: Array
    parts: int


def subdivided(jobs: Jobs, root: Part, limits: Limits) -> Iterator[Hull]:
    """The bounds over a row's box, and those by its parts after each round of splits.

    Until every width is at most the target, there are as many parts as the budget says, the time is over, the last
    rounds gained nothing, or none can be split.
    """
    next(bounded(jobs, [root], True))
    for parts, count in search(jobs, root, _Narrow(limits.target), limits):
        if not parts:
            raise Contradiction("bounds: nothing is left of the box, so some bound of a part is wrong")
        low, high = _hull(parts)
        yield Hull(low, high, count)


@dataclass(frozen=True)
class _Narrow:
    """That the hull of the bounds in all parts is narrow: its ends are those of the first two of the worst parts."""

    leading: ClassVar[int] = 2
    both: ClassVar[bool] = False
    target: Fraction | None

    def reached(self, parts: Sequence[Part]) -> bool:
        """Is every width at most the target?"""
        low, high = _hull(parts)
        return not low.size or (self.target is not None and bool(np.all(high - low <= float_below(self.target))))

    def worst(self, parts: Sequence[Part], count: int) -> list[Part]:
        """Whose bounds of the widest output stick out most, above and below by turns."""
        low, high = _hull(parts)
        output = int(np.argmax(high - low))
        above = sorted(parts, key=lambda p: (-p.high[output], -p.idle))
        below = sorted(parts, key=lambda p: (p.low[output], -p.idle))
        found = {id(part): part for pair in zip(above, below, strict=True) for part in pair}
        return list(found.values())[:count]

    def closed(self, part: Part) -> bool:
        """No part may be left out of the hull."""
        return False

    def left(self, pair: Sequence[Part]) -> float:
        """The sum over the outputs of the widths of the hull and, by half, of both parts."""
        kept = [part for part in pair if not part.empty]
        if not kept:
            return 0.0
        low, high = _hull(kept)
        return float(np.sum(high - low) + sum(np.sum(p.high - p.low) for p in kept) / 2)

    def gained(self, part: Part, halves: Sequence[Part]) -> bool:
        """Is their hull narrower for some output?"""
        low, high = _hull(halves)
        width = part.high - part.low
        return bool(np.any(further(part.low, low, width) | further(-part.high, -high, width)))


GAIN = 1e-9
"""A bound that moves by less than this share of how wide the bounds are is where it was."""


def further(before: Array, now: Array, width: Array) -> Array:
    """Which lower bounds have moved, beside how wide the bounds are, or how large where one is infinite?"""
    with np.errstate(invalid="ignore"):
        moved = now - before > GAIN * np.where(np.isfinite(width), width, np.abs(before))
    return np.asarray(moved | (np.isinf(before) & np.isfinite(now)))


def _hull(parts: Sequence[Part]) -> Ends:
    return np.min([p.low for p in parts], axis=0), np.max([p.high for p in parts], axis=0)
