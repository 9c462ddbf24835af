"""The proof of a certificate: a tree of parts of the box, with the ranges and lines that the checker is to repeat.

Which parts, which lines and which ranges is chosen in floats, by the search that found the bounds; what they prove is
worked out by the checker's own arithmetic, so that what is written here is what the checker finds again.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import cycle
from math import floor
from typing import Any

import numpy as np

from scalarspec import check
from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.curves import Curve
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.parts import Goal, Part, bounded, slopes_of
from scalarspec.bounding.relaxations import lines
from scalarspec.certificates.claim import Claim
from scalarspec.certificates.program import Program
from scalarspec.numbers.exact import float_above, float_below

EVERY, FEWEST = 3, 4
"""A part states bounds for its parts so many levels below the last one that did, if there are at least so many."""
CLAIM_SLOPE_BITS = 8
"""Slopes that a claim is proved by are rounded to so many bits, which keeps certificates short."""
Node = dict[str, Any]
Ends = check.Ends


def bounds(exact: check.Part, v: int, sides: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Fraction]:
    """What the checker finds of side times elements of a value, for (element, side)."""
    return {(i, side): Fraction(exact.least(v, i, side), check.ONE**3) for i, side in sides}


@dataclass(eq=False)
class Branch:
    """A part of the box as the search knows it, and its halves, if it splits it; place: the value, the element and the
    number at which it is split; leaves: into how many parts.
    """

    part: Part
    halves: list[Branch] = field(default_factory=list)
    place: tuple[int, int, int] | None = None
    leaves: int = 1


@dataclass(eq=False)
class Leaf:
    """A part of the box. branch: as the search knows it; node: what the proof says of it; exact: as the checker knows
    it, None where it is empty; since: how many levels above bounds were stated last; bounds: what the checker finds of
    the result's elements, by element and side.
    """

    branch: Branch
    node: Node
    exact: check.Part | None
    since: int = 0
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
        self.relus = [v for v, name in enumerate(self.names) if name == "relu"]
        self.rectified = [self.steps[v][1] for v in self.relus]

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

    def root(self, part: Part) -> Branch:
        """All of the box."""
        list(bounded(self.jobs, [part], self.goal))
        return Branch(part)

    def grown(self, root: Branch, budget: int) -> None:
        """Splits the box as the search does, until the claim holds in each part by the bounds of the search, or there
        are more parts than the budget.
        """
        rounds = [[root]]
        while rounds[-1] and sum(map(len, rounds)) <= 2 * budget:
            rounds.append(self.divide([each for each in rounds[-1] if not self._closed(each)]))
        for branch in (branch for branches in reversed(rounds) for branch in branches if branch.halves):
            branch.leaves = sum(half.leaves for half in branch.halves)

    def _closed(self, branch: Branch) -> bool:
        return branch.part.empty or self.goal.closed(branch.part)

    def divide(self, branches: Sequence[Branch]) -> list[Branch]:
        """The halves of parts, where the search would split them; none of those that it would not."""
        for branch in (branch for branch in branches if branch.part.choices):
            choices = branch.part.choices
            way = min(choices, key=lambda each: self.goal.left(choices[each]))
            branch.place = self._place(branch.part, choices[way][0])
            if branch.place is not None:
                branch.halves = [Branch(dataclasses.replace(half, way=way)) for half in choices[way]]
        found = [half for branch in branches for half in branch.halves]
        list(bounded(self.jobs, [half.part for half in found], self.goal))
        return found

    def leaf(self, branch: Branch, facts: dict[Any, Ends], slopes: dict[Any, Any], since: int) -> Leaf:
        """A part with all that its node states: bounds where it is not split, or not by the search, or where these are
        for many parts.
        """
        node: Node = {}
        exact = check.Part(self.steps, dict(facts), dict(slopes))
        states = branch.place is None or (since >= EVERY and branch.leaves >= FEWEST)
        last = self.program.result if branch.place is None or states else branch.place[0]
        try:
            for v in range(last + 1):
                exact.reach()
                if states and isinstance(self.steps[v][0], str) and self.names[v] != "relu":
                    self._state_slopes(exact, v, node)  # before its lines are asked for
                if states and v in self.curved:
                    self._state_bounds(exact, v, node)
        except check.Empty:
            return Leaf(branch, node, None)
        return Leaf(branch, node, exact, 0 if states else since)

    def _state_bounds(self, exact: check.Part, v: int, node: Node) -> None:
        """The ends of a value's elements that are better found backwards; of what a rectifier is taken of, one end
        where that tells its sign, and none where it is known.
        """
        stated: tuple[list[int], list[int]] = ([], [])
        for i, (low, high) in enumerate([*exact.ranges[v]]):
            kinked = v in self.rectified
            if low == high or (kinked and (low >= 0 or high <= 0)):
                continue
            found = {1: low, -1: -high}
            for side in (1, -1) if high > -low else (-1, 1):
                least = exact.least(v, i, side) // check.ONE**2
                if kinked and least >= 0:
                    found = {1: low, -1: -high, side: least}
                    break
                found[side] = max(found[side], least)
            for side, end, elements in zip((1, -1), (low, -high), stated, strict=True):
                if found[side] > end:
                    elements.append(i)
                    exact.know(v, i, found[1], -found[-1])
        if any(stated):
            node.setdefault("bounds", {})[str(v)] = [*stated]

    def _state_slopes(self, exact: check.Part, v: int, node: Node) -> None:
        """Of the lines below and above a function's elements."""
        ends = np.array(exact.ranges[self.steps[v][1]], dtype=object).reshape(-1, 2)
        low = np.array([float_below(Fraction(x, check.ONE)) for x in ends[:, 0]])
        high = np.array([float_above(Fraction(x, check.ONE)) for x in ends[:, 1]])
        with np.errstate(all="ignore"):
            found = lines(Curve(self.names[v], INTERVALS.box(low, high)))
        for i, pair in enumerate(zip(found.low_slope.tolist(), found.high_slope.tolist(), strict=True)):
            slopes = [round(Fraction(slope) * check.SLOPE_ONE) for slope in pair]
            if slopes != exact.slopes.get((v, i), [0, 0]):
                exact.slopes[v, i] = slopes
                node.setdefault("slopes", {}).setdefault(str(v), []).append([i, *slopes])

    def bound(self, leaf: Leaf) -> None:
        """What the checker finds of the result in a part."""
        if leaf.exact is not None:
            leaf.bounds = bounds(leaf.exact, self.program.result, self.sides)

    def holds(self, leaf: Leaf, claim: Claim) -> bool:
        """Does the checker find that a claim holds in a part? By slopes of its own, or else by those of the search."""
        exact = leaf.exact
        if exact is None or check.holds(claim, partial(exact.least, self.program.result)):
            return True
        stated = self._claim_slopes(leaf.branch, exact) if self._closed(leaf.branch) else {}
        usual, exact.lines = exact.slopes, {}
        exact.slopes = usual | {(int(v), i): [a] for v, each in stated.items() for i, a in each}
        found = bool(stated) and check.holds(claim, partial(exact.least, self.program.result))
        exact.slopes, exact.lines = usual, {}
        if found:
            leaf.node["claim slopes"] = stated
        return found

    def _claim_slopes(self, branch: Branch, exact: check.Part) -> dict[str, Any]:
        """The slopes of the lines below rectifiers by which the search found that the claim holds in a part."""
        unit = check.SLOPE_BITS - CLAIM_SLOPE_BITS
        found: dict[str, Any] = {}
        for v, slopes in zip(self.relus, slopes_of(self.jobs, branch.part, self.goal), strict=False):
            for i, (low, high) in enumerate(exact.ranges[self.steps[v][1]]):
                a = round(slopes[i] * 2**CLAIM_SLOPE_BITS) << unit
                if low < 0 < high and a != check.SLOPE_ONE * (high > -low):
                    found.setdefault(str(v), []).append([i, a])
        return found

    def halves(self, leaf: Leaf) -> list[Leaf]:
        """The two halves of a part that is not empty, where the search would split it; none where it would not."""
        if leaf.branch.place is None:
            self.divide([leaf.branch])
        if leaf.branch.place is None or leaf.exact is None:
            return []
        v, i, at = leaf.branch.place
        low, high = leaf.exact.ranges[v][i]
        sides = ((low, min(high, at)), (max(low, at), high))
        halves = leaf.branch.halves
        upper = halves[0].part.sides != leaf.branch.part.sides  # of a kink the first half is the upper one
        found = []
        for half, ends in zip(halves, sides[::-1] if upper else sides, strict=True):
            found.append(self.leaf(half, {**leaf.exact.facts, (v, i): ends}, leaf.exact.slopes, leaf.since + 1))
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


def proved(builder: Builder, root: Part, claim: Claim, budget: int) -> tuple[Node, int] | None:
    """The tree in each of whose parts a claim holds, and its number of parts; None where none is found."""
    branch = builder.root(root)
    builder.grown(branch, budget)
    first = builder.leaf(branch, {}, {}, 0)
    waiting, parts = [first], 1
    while waiting:
        leaf = waiting.pop()
        if leaf.exact is None or (not leaf.branch.place and builder.holds(leaf, claim)):
            continue
        halves = builder.halves(leaf)
        parts += 1
        if len(halves) < 2 or parts > budget:
            return None
        waiting += halves
    return first.node, parts


def narrowed(builder: Builder, root: Part, parts: int) -> tuple[Node, dict[tuple[int, int], Fraction]]:
    """A tree of so many parts, split where bounds are worst, and the bounds over all of it."""
    first = builder.leaf(builder.root(root), {}, {}, 0)
    builder.bound(first)
    found, turns = [first], cycle(builder.sides)
    while len(found) < parts and builder.sides:
        side = next(turns)
        leaf = min(found, key=lambda each: each.bounds.get(side, math.inf))
        halves = builder.halves(leaf)
        if not halves:
            break
        found.remove(leaf)
        for half in halves:
            builder.bound(half)
        found += halves
    known = [leaf for leaf in found if leaf.exact is not None]
    return first.node, {side: min(leaf.bounds[side] for leaf in known) for side in builder.sides}
