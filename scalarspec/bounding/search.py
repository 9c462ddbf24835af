"""The search: parts of a row's box, of which the worst are split, until what is asked for is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from scalarspec.bounding.branch import refine
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.parts import Goal, Part, at_once, bounded
from scalarspec.errors import Contradiction
from scalarspec.numbers.exact import exact_float, float_below, interval_text

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]
Progress = Callable[[int, int, str], None]
"""Is told how many parts, or rows, are done, how many there may be, and what is known by then, in words."""

SPLIT_BATCH = 32
"""Boxes per job where they are parts of one box, so that several workers share the work on it."""
WIDEST_EVERY = 3
"""Each so many-th split of a box is across its widest element: slopes can be 0 in the middle, and lead astray."""


@dataclass
class Limits:
    """How far a search goes, and what ended it.

    budget: into how many parts at most; target: the width of every output at which it is done; seconds: how long it may
    take, from now on: it ends with the bundle of parts in which they are over; endings: what ended the searches so far.
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
MOST_KEPT = 1 << 25
"""The most numbers that open parts keep of what is known in them (256 MiB); it is found again where it is missing."""
PATIENCE = 8
"""After so many splits for each number that varies, one after the other, a part that gained nothing is given up."""


def search(jobs: Jobs, root: Part, goal: Goal, limits: Limits) -> Iterator[tuple[list[Part], int]]:
    """The parts of a row's box of which more is asked, and how many there are in all, after each round of splits.

    root: a part with its bounds and choices. Its end is noted in the limits.
    """
    most = max(min(goal.round, 4 * at_once(jobs.domain.plan)), 16)
    closed, patience, kept_numbers = 0, PATIENCE * max(1, root.varying), 0

    def worst(parts: Sequence[Part]) -> list[Part]:
        nonlocal kept_numbers
        kept_numbers = sum(end.size for part in parts for end in part.known)
        open_parts = [part for part in parts if part.choices]
        room = min(limits.budget - len(parts) - closed, most)
        ended = [(TARGET, goal.reached(parts)), (WHOLE, not open_parts), (SPENT, room < 1), (LATE, limits.late)]
        why = next((name for name, is_so in ended if is_so), None)
        chosen = [] if why else goal.worst(open_parts, room)
        if why is None and all(part.idle >= patience for part in chosen[: goal.leading]):
            why, chosen = IDLE, []
        limits.endings += [why] if why else []
        return chosen

    def divide(parts: Sequence[Part]) -> Iterator[Part]:
        nonlocal closed, kept_numbers
        children = [child for part in parts for pair in part.choices.values() for child in pair]
        done = _bounded_in_time(jobs, children, goal, limits)
        for part in parts:
            ways = [way for way, pair in part.choices.items() if done.issuperset(map(id, pair))]
            if not ways:  # there was no time for it
                yield part
                continue
            way = min(ways, key=lambda each: goal.left(part.choices[each]))
            halves = [child for child in part.choices[way] if not child.empty]
            kept = [child for child in halves if not goal.closed(child)]
            closed += len(halves) - len(kept)
            gained = len(halves) < 2 or len(kept) < len(halves) or goal.gained(part, halves)
            for child in kept:
                kept_numbers += sum(end.size for end in child.known)
                child.known = child.known if kept_numbers <= MOST_KEPT else ()
                child.way = way
                child.idle = 0 if gained else part.idle + 1
            yield from kept

    for parts in refine([root], worst, divide):
        yield parts, len(parts) + closed


def _bounded_in_time(jobs: Jobs, parts: Sequence[Part], goal: Goal, limits: Limits) -> set[int]:
    """Parts get their bounds, some at a time, until the time is over: which did, by identity."""
    done: set[int] = set()
    for group in bounded(jobs, parts, goal, SPLIT_BATCH):
        done.update(map(id, group))
        if limits.late:
            break
    return done


@dataclass(frozen=True)
class Hull:
    """Bounds of the outputs in all parts, flat, and how many parts there are."""

    low: Array
    high: Array
    parts: int

    def __str__(self) -> str:
        """The bounds of the widest output."""
        if not self.low.size:
            return ""
        at = int(np.argmax(self.high - self.low))
        low, high = float(self.low[at]), float(self.high[at])
        return f"{interval_text(exact_float(low), exact_float(high), 6)}, width {high - low:.3g}"


def subdivided(jobs: Jobs, root: Part, limits: Limits) -> Iterator[Hull]:
    """The bounds over a row's box, and those by its parts after each round of splits.

    Until every width is at most the target, there are as many parts as the budget says, the time is over, the last
    rounds gained nothing, or none can be split.
    """
    goal = Narrow(limits.target)
    next(bounded(jobs, [root], goal))
    for parts, count in search(jobs, root, goal, limits):
        if not parts:
            raise Contradiction("bounds: nothing is left of the box, so some bound of a part is wrong")
        low, high = _hull(parts)
        yield Hull(low, high, count)


@dataclass(frozen=True)
class Narrow:
    """That the hull of the bounds in all parts is narrow: its ends are those of the first two of the worst parts."""

    leading: ClassVar[int] = 2
    round: ClassVar[int] = 16
    asked: ClassVar[None] = None
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

    def take(self, parts: Sequence[Part]) -> list[int]:
        """Splits are about both ends of the widest output."""
        return [0] * len(parts)

    def chosen(self, part: Part, ways: Collection[str]) -> Collection[str]:
        """At the kink, and across the steepest or the widest element by turns."""
        turn = part.depth % WIDEST_EVERY == WIDEST_EVERY - 1
        left_out = "steepest" if turn and "widest" in ways else "widest"
        return [way for way in ways if way != left_out]


GAIN = 1e-9
"""A bound that moves by less than this share of how wide the bounds are is where it was."""


def further(before: Array, now: Array, width: Array) -> Array:
    """Which lower bounds have moved, beside how wide the bounds are, or how large where one is infinite?"""
    with np.errstate(invalid="ignore"):
        moved = now - before > GAIN * np.where(np.isfinite(width), width, np.abs(before))
    return np.asarray(moved | (np.isinf(before) & np.isfinite(now)))


def _hull(parts: Sequence[Part]) -> Ends:
    return np.min([p.low for p in parts], axis=0), np.max([p.high for p in parts], axis=0)
