"""`Attack`: points of one row's box at which a claim fails, looked for in every way, and checked exactly."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.bounding import cross_entropy
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.formula import Formula
from scalarspec.bounding.formula_nodes import Known
from scalarspec.bounding.inner_bounds import Ends, Point, closer, enclosed, searched
from scalarspec.bounding.parts import Part
from scalarspec.bounding.points import clipped, first_points, part_way
from scalarspec.bounding.proofs import Proof, shown_witness
from scalarspec.bounding.search import Limits
from scalarspec.bounding.sign_ascent import outputs_at
from scalarspec.core.arguments import call
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import resolve
from scalarspec.core.sets import middle_of
from scalarspec.errors import ScalarSpecError

Array = np.ndarray[Any, Any]

SIDES = 16
"""How many parts of a claim are attacked at a time. They are looked for in one search, whose evaluations serve all of
them; a claim of many parts is refuted by one, so that not all need be attacked at once.
"""
MOST_LIMITS, NEAR_LIMIT = 64, 2.0**-40
"""At so many points margins are looked at for being 0, up to so much beside their size at the ends, which is much more
than floats lose on the way there.
"""
LOOKED_AT = 16
"""At so many points that seem to refute a claim at once, it is looked at exactly."""
SEARCHES, FIRST_SEARCH = 32, 32
"""How many searches by samples there are at most, and from how many parts of the box on is the first; the k-th is from
k² times as many on, so that they take less and less of the time.
"""


@dataclass(frozen=True, eq=False)
class Attack:
    """What refutes a claim in one row's box.

    formula: what is claimed of the margins; domain: the margins over the box; weakest: those of the claim's parts, of
    which one is negative where it fails; varied: the paths of what parts of the box have boxes of.
    """

    formula: Formula
    domain: Domain
    weakest: Domain
    varied: Sequence[str]
    limits: Limits

    def at_points(self, points: list[Point]) -> Proof | None:
        """A refutation by the first of some points at which the claim surely fails."""
        if not points:
            return None
        for i, (point, known) in enumerate(zip(points, enclosed(self.domain, points), strict=True)):
            if i and self.limits.late:
                break
            low, high = closer(self.domain, point, self.settled, known or (None, None))
            if low is None:
                continue
            outputs, _ = self.formula.read(low, high)
            if np.any(outputs.fails):
                at = tuple(map(int, np.unravel_index(int(np.argmax(outputs.fails)), outputs.fails.shape)))
                value = self.formula.value(low, high, at)
                return Proof("refuted", "an exact point", witness=shown_witness(point), output=at, value=value)
        return None

    def settled(self, low: Array, high: Array) -> bool:
        """Do the ends of the margins at a point tell that the claim fails there, or holds?"""
        outputs, parts = self.formula.read(low, high)
        return bool(np.any(outputs.fails) or np.all(parts.holds))

    def by_slopes(self, known: Known) -> Proof | None:
        """A refutation by ascent along slopes, for every part of the claim that is open, those that miss most first."""
        points = first_points(self.domain)
        sides = [(k, -1) for k in open_parts(known)]
        for start in range(0, len(sides) if self.domain.varied else 0, SIDES):
            if self.limits.late:
                break
            refuted = self.at_points([*points, *searched(self.weakest, [0], sides[start : start + SIDES])[0]])
            if refuted is not None:
                return refuted
            points = []
        return self.at_points(points) or (self.at_points(self._at_limits()) if self.formula.sharp else None)

    def _at_limits(self) -> list[Point]:
        """Points between two corners of the box at which margins are exactly at a limit, if they are affine between
        them, and rational.
        """
        rational = resolve("rational")
        with contextlib.suppress(ScalarSpecError, ValueError):
            first, second = first_points(self.domain)[1:]
            asked = self._near_limits(first, second)
            if not asked or self.limits.late:
                return []
            at_ends = [call(self.domain.spec, self.domain.at(rational, end)[0], rational) for end in (first, second)]
            pairs = zip(*(np.ravel(endpoints(margins)[0])[asked] for margins in at_ends), strict=True)
            ways = sorted({a / (a - b) for a, b in pairs if a * b < 0})
            return [part_way(first, second, way) for way in ways[:LOOKED_AT]]
        return []

    def _near_limits(self, first: Point, second: Point) -> list[int]:
        """Which margins enclosures allow to be at a limit where they would be if they were affine between two points:
        what is exact takes long in large networks.
        """
        ends = [known for known in enclosed(self.domain, [first, second]) if known]
        if len(ends) < 2:
            return list(range(self.formula.margins.size))
        low, high = (np.array([np.ravel(pair[k]) for pair in ends], dtype=np.float64) for k in (0, 1))
        sizes = np.maximum.reduce(np.maximum(np.abs(low), np.abs(high)))
        (a, b), crossing = middle_of(low, high), (low.min(axis=0) <= 0) & (high.max(axis=0) >= 0)
        with np.errstate(all="ignore"):
            ways = np.nan_to_num(np.clip(a / (a - b), 0.0, 1.0), nan=0.5)
        places = sorted(np.flatnonzero(crossing).tolist(), key=ways.__getitem__)[:MOST_LIMITS]
        points = [part_way(first, second, Fraction(float(ways[k]))) for k in places]
        found = enclosed(self.domain, points) if points else []
        return [k for k, known in zip(places, found, strict=True) if known is None or _has_zero(known, k, sizes[k])]

    def at_candidates(self, parts: Sequence[Part]) -> Proof | None:
        """A refutation by what new parts of the box point to: where their bounds are least, and their middles."""
        found = [at for part in parts for at in part.candidates() if all(np.all(np.isfinite(x)) for x in at)]
        if not found:
            return None
        known = dict(zip(self.varied, map(np.stack, zip(*found, strict=True)), strict=True))
        return self._by_floats({path: known[path] for path in self.domain.varied})  # rows that are points are left out

    def by_samples(self, known: Known, k: int) -> Proof | None:
        """A refutation by the k-th search by samples, for a part of the claim that is open, each in its turn."""
        parts = open_parts(known)
        if not parts or not self._takes_samples:
            return None
        found = cross_entropy.drawn(self.weakest, parts[k % len(parts)], k, lambda: self.limits.late)
        return self._by_floats(dict(zip(self.domain.varied, found, strict=True)))

    @cached_property
    def _takes_samples(self) -> bool:
        return cross_entropy.applies(self.weakest)

    def _by_floats(self, columns: Mapping[str, Array]) -> Proof | None:
        """A refutation by points in floats, a row for each, by path, at which the claim fails in floats."""
        margins = outputs_at(self.domain, list(columns.values()))
        if not len(margins):
            return None
        with np.errstate(invalid="ignore"):  # where there is no value, nothing fails
            readings, _ = self.formula.read_many(margins.T, margins.T)
        failing = [k for k, (outputs, _) in enumerate(readings) if np.any(outputs.fails)][:LOOKED_AT]
        box = self.domain.box(0)
        points = [
            {
                path: lift_elements(clipped, np.asarray(columns[path][k], dtype=object), *ends)
                for path, ends in box.items()
            }
            for k in failing
        ]
        return self.at_points([point for point in points if self.domain.holds(point)])


def _has_zero(ends: Ends, k: int, size: float) -> bool:
    """Is 0 nearly between the ends of the k-th number, beside a size?"""
    slack = NEAR_LIMIT * size
    return bool(np.ravel(ends[0])[k] <= slack and np.ravel(ends[1])[k] >= -slack)


def is_due(k: int, made: int) -> bool:
    """Is it time for the k-th search by samples, with so many parts of the box made?"""
    return k < SEARCHES and made >= FIRST_SEARCH * (k + 1) ** 2


def open_parts(known: Known) -> list[int]:
    """The parts of a claim that are not known to hold, those that miss most first."""
    return [k for k in sorted(range(known.holds.size), key=lambda k: known.low[k]) if not known.holds[k]]
