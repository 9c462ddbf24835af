"""`OpenParts`: what a search for a proof asks of the parts of a box, and the verdicts by them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from scalarspec.bounding.bounds import count_text
from scalarspec.bounding.formula import Formula
from scalarspec.bounding.formula_nodes import Known
from scalarspec.bounding.parts import Part
from scalarspec.bounding.proofs import Output, Proof, place_text
from scalarspec.bounding.search import further
from scalarspec.core.arrays import lift
from scalarspec.errors import Contradiction
from scalarspec.numbers.exact import exact_end, float_above
from scalarspec.report import unboxed

Array = np.ndarray[Any, Any]


class Reading(NamedTuple):
    """What the bounds on a part tell of the claim's outputs, and of its parts; by how much they miss for each of these,
    and for what misses most; is it surely false?
    """

    outputs: Known
    parts: Known
    gaps: Array
    gap: float
    fails: bool

    @classmethod
    def of(cls, outputs: Known, parts: Known) -> Reading:
        """From what is known of the outputs and of the parts."""
        gaps = np.asarray(np.where(parts.holds, 0.0, np.maximum(-parts.low, 0.0)), dtype=np.float64)
        return cls(outputs, parts, gaps, float(np.max(gaps, initial=0.0)), bool(np.any(parts.fails)))


SHOWN = 8
"""How many undecided outputs are described, those that miss most."""
FEW_INPUTS = 8
"""Up to so many numbers that vary, a box is split across these alone for a proof."""
MANY_INPUTS = 64
"""From so many on, it is split at kinks alone, as long as there are some."""
TRIAL_EVERY = 4
"""Each so many-th split of a part is chosen by trial among all ways; those between are like the last one chosen."""
TOGETHER = 64
"""How many closed parts are kept before what is known on them is put together."""


class OpenParts:
    """What is asked of the parts of a box: that the claim holds on each, by its bounds. One on which it does is closed,
    and left alone; what was known of its outputs is kept for the report.
    """

    leading: ClassVar[int] = 1
    round: ClassVar[int] = 256

    def __init__(self, formula: Formula) -> None:
        self.formula = formula
        self.asked = formula.asked
        self._readings: WeakKeyDictionary[Part, Reading] = WeakKeyDictionary()
        self._closed: list[Known] = []

    def reached(self, parts: Sequence[Part]) -> bool:
        """Is it proved, on every part, or surely false on one?"""
        return not parts or any(self._reading(part).fails for part in parts)

    def worst(self, parts: Sequence[Part], count: int) -> list[Part]:
        """Those that miss most; first of all those on which the claim is surely false."""

        def order(part: Part) -> tuple[bool, float, int]:
            reading = self._reading(part)
            return not reading.fails, -reading.gap, -part.idle

        return sorted(parts, key=order)[:count]

    def closed(self, part: Part) -> bool:
        """Does the claim hold on a part? It is kept for the report then."""
        reading = self._reading(part)
        if not np.all(reading.parts.holds):
            return False
        self._closed.append(reading.outputs)
        if len(self._closed) > TOGETHER:
            self._closed = [_hull(self._closed)]
        return True

    def left(self, pair: Sequence[Part]) -> float:
        """By how much the bounds on two parts miss, in all."""
        return float(sum(np.sum(self._reading(part).gaps) for part in pair if not part.empty))

    def gained(self, part: Part, halves: Sequence[Part]) -> bool:
        """Do they miss by less in some respect?"""
        before, *now = (self._reading(each).parts for each in (part, *halves))
        low = np.min([np.where(known.holds, np.inf, known.low) for known in now], axis=0)
        lows = before.low.astype(np.float64), low.astype(np.float64)
        with np.errstate(invalid="ignore"):  # both ends of what nothing changes are one infinity
            width = (before.high - before.low).astype(np.float64)
        return bool(np.any(~before.holds & further(*lows, width)))

    def take(self, parts: Sequence[Part]) -> list[int]:
        """Reads the bounds of parts; of each, the row of what misses: in an `and` of what misses most, in an `or` of
        what misses least.
        """
        low, high = (np.stack(ends, axis=-1) for ends in zip(*((part.low, part.high) for part in parts), strict=True))
        readings, rows = self.formula.read_many(low, high)
        for part, reading in zip(parts, readings, strict=True):
            self._readings[part] = Reading.of(*reading)
        return list(map(int, rows))

    def chosen(self, part: Part, ways: Collection[str]) -> Collection[str]:
        """Across the steepest element, where few vary: splits of these soon leave no kink in a part. At a kink, where
        many do. Else all ways where it is time for a trial, and between trials the one that won the last one.
        """
        if part.varying <= FEW_INPUTS and "steepest" in ways:
            return ["steepest"]
        if part.varying >= MANY_INPUTS and "kink" in ways:
            return ["kink"]
        return ways if part.depth % TRIAL_EVERY == 0 or part.way not in ways else [part.way]

    def open_text(self, parts: Sequence[Part]) -> str:
        """By how much the bounds miss where they miss most."""
        gap = max((self._reading(part).gap for part in parts), default=0.0)
        return f"margins down to {-gap:.3g} are open" if parts else ""

    def outputs(self, whole: Known, left: Sequence[Part]) -> Known:
        """What is known of the outputs over all of the box, by all parts, those that are left and those that are
        closed. Raises Contradiction where there are none.
        """
        known = [*self._closed, *(self._reading(part).outputs for part in left)]
        if not known:
            raise Contradiction("prove: nothing is left of the box, so some bound of a part is wrong")
        parts = _hull(known)
        low, high = np.maximum(whole.low, parts.low), np.minimum(whole.high, parts.high)
        return Known(whole.holds | parts.holds, whole.fails, low, high)

    def undecided(self, whole: Known, left: Sequence[Part], boxes: int, stopped: str) -> Proof:
        """The verdict that neither was found: which outputs are not proved, and by how much."""
        outputs = self.outputs(whole, left) if left else whole
        missed = lift(_missed, np.asarray(outputs.low, dtype=object)).astype(np.float64)
        gaps = np.where(outputs.holds, 0.0, missed)
        indices = [tuple(map(int, at)) for at in np.argwhere(~outputs.holds)]
        indices = sorted(indices, key=lambda at: -gaps[at])
        ended = f"into {boxes} parts; the search was ended by: {stopped}"
        steps = [f"the bounds {_beyond(gaps[indices[0]], indices[0])}, {ended}"] if indices else [ended]
        steps += [f"and {_beyond(gaps[at], at)}" for at in indices[1:SHOWN]]
        steps += [f"and for {len(indices) - SHOWN} more outputs"] if len(indices) > SHOWN else []
        return Proof(
            "undecided",
            "bounds",
            steps=tuple(steps),
            margins=_margins(outputs),
            undecided=tuple(sorted(indices)),
            gaps=unboxed(gaps),
            boxes=boxes,
            stopped=stopped,
        )

    def _reading(self, part: Part) -> Reading:
        """What the bounds on a part tell."""
        if part not in self._readings:
            self._readings[part] = Reading.of(*self.formula.read(part.low, part.high))
        return self._readings[part]


def proved(method: str, outputs: Known, boxes: int) -> Proof:
    """The verdict that bounds prove the claim."""
    gaps = unboxed(np.zeros(outputs.holds.shape))
    return Proof("proved", f"bounds: {method}", count_text(boxes), margins=_margins(outputs), gaps=gaps, boxes=boxes)


def _hull(known: Sequence[Known]) -> Known:
    """What is known over several parts."""
    holds, fails, low, high = zip(*known, strict=True)
    return Known(np.all(holds, axis=0), np.any(fails, axis=0), np.min(low, axis=0), np.max(high, axis=0))


def _margins(outputs: Known) -> tuple[Any, Any]:
    low, high = (unboxed(lift(exact_end, np.asarray(end, dtype=object))) for end in (outputs.low, outputs.high))
    return low, high


def _missed(low: Any) -> float:
    """How far below 0 an end is, rounded up."""
    return max(-low if isinstance(low, float) else float_above(-low), 0.0)


def _beyond(gap: float, at: Output) -> str:
    return f"are beyond by {gap:.3g}{place_text(at)}" if gap else f"touch the edge{place_text(at)}"
