"""Parts of a row's box: their linear bounds, many at a time, and how they may be split further."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.branch import refine
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import Jobs, work
from scalarspec.bounding.linear import LinearBounds
from scalarspec.bounding.plan import Plan
from scalarspec.errors import Contradiction

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
    bounds of the outputs, flat; choices: the pairs of parts that it may be split into.
    """

    box: list[Ends]
    row: int = 0
    sides: tuple[tuple[int, int, int], ...] = ()
    low: Any = -np.inf
    high: Any = np.inf
    choices: tuple[tuple[Part, Part], ...] = ()
    depth: int = 0

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


def bounded(jobs: Jobs, parts: Sequence[Part], split: bool, most: int = BATCH) -> Iterator[list[Part]]:
    """The parts with their bounds, and the ways to split them if these are asked for, some parts at a time."""
    plan = jobs.domain.plan
    size = plan.largest * sum(x.shape.size for x in plan.inputs)
    batch = max(1, min(most, NUMBERS // max(size, 1)))
    groups = [parts[i : i + batch] for i in range(0, len(parts), batch)]
    answers = jobs.map(relaxed, [_item(group, split) for group in groups])
    for group, answer in zip(groups, answers, strict=True):
        for k, part in enumerate(group):
            part.low, part.high = np.maximum(part.low, answer["low"][k]), np.minimum(part.high, answer["high"][k])
            if split:
                part.choices = _choices(plan, part, answer["relus"][k], answer["inputs"][k])
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


def _choices(plan: Plan, part: Part, relu: Array, inputs: Array) -> tuple[tuple[Part, Part], ...]:
    """At the kink, and across the element of the inputs, that are said to cost most."""
    element = int(inputs[int(part.depth % WIDEST_EVERY == WIDEST_EVERY - 1)])
    found = [] if relu[0] < 0 else [part.at_kink(*map(int, relu))]
    return (*found, *([] if element < 0 else [part.halves(*_place(plan, element))]))


def _place(plan: Plan, element: int) -> tuple[int, int]:
    """An element of all inputs side by side as the input's place and the element of it."""
    for k, place in enumerate(plan.input_places.values()):
        if element < place.stop:
            return k, element - place.start
    raise IndexError(element)


# ---- the search -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hull:
    """Bounds of the outputs in all parts, flat, and how many parts there are."""

    low: Array
    high: Array
    parts: int


def subdivided(jobs: Jobs, root: Part, target: Fraction | None, budget: int) -> Iterator[Hull]:
    """The bounds over a row's box, and those by its parts after each round of splits.

    Until every width is at most the target, there are as many parts as the budget says, or none can be split.
    """

    def worst(parts: Sequence[Part]) -> list[Part]:
        hull = _hull(parts)
        room, width = min(budget - len(parts), ROUND), hull.high - hull.low
        if room < 1 or not width.size or (target is not None and np.all(width <= float(target))):
            return []
        return _sticking_out(parts, int(np.argmax(width)), room)

    def divide(parts: Sequence[Part]) -> Iterator[Part]:
        children = [child for part in parts for pair in part.choices for child in pair]
        for _ in bounded(jobs, children, True, SPLIT_BATCH):
            pass  # they have their bounds then
        for part in parts:
            yield from (child for child in min(part.choices, key=_left) if not child.empty)

    for parts in refine(next(bounded(jobs, [root], True)), worst, divide):
        if not parts:
            raise Contradiction("bounds: nothing is left of the box, so some bound of a part is wrong")
        yield _hull(parts)


def _hull(parts: Sequence[Part]) -> Hull:
    return Hull(np.min([p.low for p in parts], axis=0), np.max([p.high for p in parts], axis=0), len(parts))


def _sticking_out(parts: Sequence[Part], output: int, count: int) -> list[Part]:
    """Whose bounds of an output stick out most, above and below by turns; of those that can be split."""
    open_parts = [part for part in parts if part.choices]
    above = sorted(open_parts, key=lambda p: -p.high[output])
    below = sorted(open_parts, key=lambda p: p.low[output])
    found = {id(part): part for pair in zip(above, below, strict=True) for part in pair}
    return list(found.values())[:count]


def _left(pair: tuple[Part, Part]) -> float:
    """What a split has left: the sum over the outputs of the widths of the hull and, by half, of both parts."""
    kept = [part for part in pair if not part.empty]
    if not kept:
        return 0.0
    hull = _hull(kept)
    return float(np.sum(hull.high - hull.low) + sum(np.sum(p.high - p.low) for p in kept) / 2)
