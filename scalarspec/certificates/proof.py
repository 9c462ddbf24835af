"""The proof of a certificate: a tree of parts of the box, with the ranges and lines that the checker is to repeat.

Which parts, which lines and which ranges is chosen in floats, by the search that found the bounds; what they prove is
worked out by the checker's own arithmetic, so that what is written here is what the checker finds again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import cycle
from math import floor
from typing import Any

import numpy as np

from scalarspec import check
from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.curves import Curve
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.parts import Goal, Part, bounded
from scalarspec.bounding.relaxations import lines
from scalarspec.certificates.program import Program
from scalarspec.numbers.exact import float_above, float_below

KEPT_BITS = 24
"""The ends of a range that is stated are rounded outward by at most 2^-24 of its width."""
Node = dict[str, Any]
Ends = check.Ends


@dataclass(eq=False)
class Leaf:
    """A part of the box. part: as the search knows it; node: what the proof says of it; exact: as the checker knows it,
    None where it is empty; bounds: what the checker finds of the result's elements, by element and side.
    """

    part: Part
    node: Node
    exact: check.Part | None
    bounds: dict[tuple[int, int], Fraction] = field(default_factory=dict)


@dataclass(eq=False)
class Builder:
    """Makes the nodes of a proof about a program. sides: the ends of the result's elements that are asked for."""

    program: Program
    jobs: Jobs
    goal: Goal
    sides: Sequence[tuple[int, int]]

    def __post_init__(self) -> None:
        self.steps = check.compiled(self.program.entries)
        self.names = [entry["operation"] for entry in self.program.entries]
        self.curved = self._curved()
        self.rectified = [e["operands"][0] for e in self.program.entries if e["operation"] == "relu"]

    def _curved(self) -> set[int]:
        """The values that a function, or a product, is taken of, but those whose ranges are known as well as can be."""
        tight, asked = set[int](), set[int]()
        for v, (how, below) in enumerate(self.steps):
            if isinstance(how, str):
                asked.add(below)
            elif below is None or self._is_tight(how, tight):
                tight.add(v)
            if isinstance(how, check.Sum):
                asked |= {x for row in how for _, places in row if len(places) == 2 for x, _ in places}
        return asked - tight

    def _is_tight(self, rows: check.Sum, tight: set[int]) -> bool:
        """Is the interval of each sum its range: since it is of one element with a tight one, or of elements of one
        input, which vary by themselves?
        """
        used, inputs = {x for row in rows for _, places in row for x, _ in places}, {*self.program.inputs.values()}
        terms = max((sum(len(places) for _, places in row) for row in rows), default=0)
        return not rows.products and (len(used) <= 1 and used <= inputs if terms > 1 else used <= tight)

    def leaf(self, part: Part, facts: dict[Any, Ends], slopes: dict[Any, Ends]) -> Leaf:
        """A part with all that its node states."""
        node: Node = {}
        exact = check.Part(self.steps, dict(facts), dict(slopes))
        try:
            for v in range(len(self.steps)):
                exact.reach(v)
                if isinstance(self.steps[v][0], str) and self.names[v] != "relu":
                    self._state_slopes(exact, v, node)  # before its lines are asked for
                if v in self.curved:
                    self._state_ranges(exact, v, node)
        except check.Empty:
            return Leaf(part, node, None)
        return Leaf(part, node, exact)

    def _state_ranges(self, exact: check.Part, v: int, node: Node) -> None:
        """Ranges of a value's elements that are better than those that are known."""
        stated = []
        for i, (low, high) in enumerate(exact.ranges[v]):
            if low == high or (v in self.rectified and (low >= 0 or high <= 0)):
                continue
            least, most = floor(exact.least(v, i, 1) * check.ONE), -floor(exact.least(v, i, -1) * check.ONE)
            grid = max(0, (most - least).bit_length() - KEPT_BITS)
            least, most = least >> grid << grid, -(-most >> grid << grid)
            if least > low or most < high:
                stated.append([i, least, most])
        for each in stated:
            exact.know(v, *each)
        if stated:
            node.setdefault("ranges", {})[str(v)] = stated

    def _state_slopes(self, exact: check.Part, v: int, node: Node) -> None:
        """Of the lines below and above a function's elements."""
        ends = np.array(exact.ranges[self.steps[v][1]], dtype=object).reshape(-1, 2)
        low = np.array([float_below(Fraction(x, check.ONE)) for x in ends[:, 0]])
        high = np.array([float_above(Fraction(x, check.ONE)) for x in ends[:, 1]])
        with np.errstate(all="ignore"):
            found = lines(Curve(self.names[v], INTERVALS.box(low, high)))
        for i, pair in enumerate(zip(found.low_slope.tolist(), found.high_slope.tolist(), strict=True)):
            below, above = (round(Fraction(slope) * check.SLOPE_ONE) for slope in pair)
            slopes = below, above
            if slopes != exact.slopes.get((v, i), (0, 0)):
                exact.slopes[v, i] = slopes
                node.setdefault("slopes", []).append([v, i, *slopes])

    def bound(self, leaf: Leaf) -> None:
        """What the checker finds of the result in a part."""
        if leaf.exact is not None:
            leaf.bounds = leaf.exact.bounds(self.program.result, self.sides)

    def split(self, leaf: Leaf) -> list[Leaf]:
        """The two halves of a part that is not empty, where the search would split it; none where it would not."""
        if not leaf.part.choices or leaf.exact is None:
            return []
        way = min(leaf.part.choices, key=lambda each: self.goal.left(leaf.part.choices[each]))
        halves = leaf.part.choices[way]
        place = self._place(leaf.part, halves[0])
        if place is None:
            return []
        v, i, at = place
        for child in halves:
            child.way = way
        list(bounded(self.jobs, halves, self.goal))
        low, high = leaf.exact.ranges[v][i]
        sides = ((low, min(high, at)), (max(low, at), high))
        upper = halves[0].sides != leaf.part.sides  # of a kink the first half is the upper one
        found = []
        for child, ends in zip(halves, sides[::-1] if upper else sides, strict=True):
            found.append(self.leaf(child, {**leaf.exact.facts, (v, i): ends}, leaf.exact.slopes))
        leaf.node.update(split=[v, i, at], parts=[each.node for each in (found[::-1] if upper else found)])
        return found

    def _place(self, whole: Part, half: Part) -> tuple[int, int, int] | None:
        """Where a part was split: a value, an element and a number; None at a kink that the program does not have."""
        if half.sides != whole.sides:
            eqn, element, _ = half.sides[-1]
            plan = self.jobs.domain.plan
            kinks = [plan.place.get(e.operands[0]) for e in plan.equations if e.operation == "relu"]
            return (self.rectified[kinks.index(eqn)], element, 0) if len(kinks) == len(self.rectified) else None
        for v, (_, before), (_, after) in zip(self.program.inputs.values(), whole.box, half.box, strict=True):
            if np.any(before != after):
                i = int(np.flatnonzero(np.ravel(before != after))[0])
                return v, i, floor(Fraction(float(after.flat[i])) * check.ONE)
        return None


def proved(builder: Builder, root: Part, claim: list[Any], budget: int) -> tuple[Node, int] | None:
    """The tree in each of whose parts a claim holds, and its number of parts; None where none is found."""
    list(bounded(builder.jobs, [root], builder.goal))
    first = builder.leaf(root, {}, {})
    waiting, parts = [first], 1
    while waiting:
        leaf = waiting.pop()
        if leaf.exact is None or (builder.goal.closed(leaf.part) and _holds(builder, leaf, claim)):
            continue
        halves = builder.split(leaf)
        parts += 1
        if len(halves) < 2 or parts > budget:
            return None
        waiting += halves
    return first.node, parts


def _holds(builder: Builder, leaf: Leaf, claim: list[Any]) -> bool:
    """Does the checker find that the claim holds in a part?"""
    builder.bound(leaf)
    return check.holds(claim, leaf.bounds)


def narrowed(builder: Builder, root: Part, parts: int) -> tuple[Node, dict[tuple[int, int], Fraction]]:
    """A tree of so many parts, split where bounds are worst, and the bounds over all of it."""
    list(bounded(builder.jobs, [root], builder.goal))
    first = builder.leaf(root, {}, {})
    builder.bound(first)
    found, turns = [first], cycle(builder.sides)
    while len(found) < parts and builder.sides:
        side = next(turns)
        leaf = min(found, key=lambda each: each.bounds.get(side, math.inf))
        halves = builder.split(leaf)
        if not halves:
            break
        found.remove(leaf)
        for half in halves:
            builder.bound(half)
        found += halves
    known = [leaf for leaf in found if leaf.exact is not None]
    return first.node, {side: min(leaf.bounds[side] for leaf in known) for side in builder.sides}
