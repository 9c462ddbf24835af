"""A condition as boxes of inputs, each with what is asked there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, TooLarge
from scalarspec.verification.query import Comparison, Condition, Declared, Element, Query, decided, difference, linear

Array = np.ndarray[Any, Any]
Box = dict[str, tuple[Array, Array]]
MOST = 100_000
"""How many cases a query has at most."""
TURNED = {"<=": ">=", "<": ">", ">=": "<=", ">": "<", "==": "==", "!=": "!="}


@dataclass(frozen=True)
class Case:
    """A box of inputs, the ends of each by its name, and the conditions that are asked there, all of them."""

    box: Box
    rest: tuple[Condition, ...]


@dataclass(frozen=True)
class _Bound:
    """What a comparison says of one element of an input: a relation to a number."""

    element: Element
    relation: str
    limit: Fraction


@dataclass
class _Part:
    """Bounds and other conditions that hold together."""

    bounds: list[_Bound] = field(default_factory=list)
    rest: list[Condition] = field(default_factory=list)


class Cases:
    """The cases of a query, of which one at least has a point where the query has one. They are made one by one.

    Raises ArgumentError where an element of an input has no lower or no upper bound, TooLarge for too many cases.
    """

    def __init__(self, query: Query) -> None:
        self.inputs = query.inputs
        condition = decided(query.condition)
        names = frozenset(each.name for each in query.inputs)
        self.common = _Part()
        self.several = [] if condition is False else [_Part()]
        if not isinstance(condition, bool):
            self.common, self.several = _parts(condition, names)

    def __len__(self) -> int:
        return len(self.several)

    def __iter__(self) -> Iterator[Case | None]:
        """Each case; None for one whose box is empty."""
        common = _unbounded(self.inputs)
        _narrow(common, self.common.bounds)
        for part in self.several:
            box = {name: (low.copy(), high.copy()) for name, (low, high) in common.items()}
            _narrow(box, part.bounds)
            _check_bounded(box)
            empty = any(np.any(low > high) for low, high in box.values())
            yield None if empty else Case(box, (*self.common.rest, *part.rest))


def _parts(condition: Condition, inputs: frozenset[str]) -> tuple[_Part, list[_Part]]:
    """The condition as what always holds, and alternatives. What says nothing of inputs alone is not taken apart."""
    if isinstance(condition, Comparison):
        bound = _bound(condition, inputs)
        if bound is None:
            return _Part([], [condition]), [_Part()]
        return _Part([bound], [] if bound.relation in ("<=", ">=", "==") else [condition]), [_Part()]
    if condition.word == "and":
        return _together(condition.parts, inputs)
    found = [_parts(part, inputs) for part in condition.parts]
    if not any(part.bounds for common, several in found for part in (common, *several)):
        return _Part([], [condition]), [_Part()]
    count = sum(len(several) for _, several in found)
    if count > MOST:
        raise TooLarge(f"the query has more than {MOST} cases")
    return _Part(), [_joined(common, part) for common, several in found for part in several]


def _together(conditions: Sequence[Condition], inputs: frozenset[str]) -> tuple[_Part, list[_Part]]:
    """The alternatives of conditions that hold together. Those that would make too many are not taken apart."""
    common, several = _Part(), [_Part()]
    for condition in conditions:
        own, parts = _parts(condition, inputs)
        if len(several) * len(parts) > MOST:
            common.rest.append(condition)
            continue
        common.bounds.extend(own.bounds)
        common.rest.extend(own.rest)
        if parts != [_Part()]:
            several = [_joined(a, b) for a in several for b in parts]
    return common, several


def _joined(first: _Part, second: _Part) -> _Part:
    return _Part(first.bounds + second.bounds, first.rest + second.rest)


def _bound(condition: Comparison, inputs: frozenset[str]) -> _Bound | None:
    """What a comparison says of one element of an input, where it does."""
    if isinstance(condition.left, Element) and isinstance(condition.right, Fraction):  # as most are
        known = condition.left.variable in inputs
        return _Bound(condition.left, condition.relation, condition.right) if known else None
    left, right = linear(condition.left), linear(condition.right)
    if left is None or right is None:
        return None
    factors, constant = difference(left, right)
    if len(factors) != 1:
        return None
    ((element, factor),) = factors.items()
    if element.variable not in inputs:
        return None
    relation = condition.relation if factor > 0 else TURNED[condition.relation]
    return _Bound(element, relation, -constant / factor)


def _unbounded(inputs: Sequence[Declared]) -> Box:
    return {each.name: (np.full(each.shape, None), np.full(each.shape, None)) for each in inputs}


def _narrow(box: Box, bounds: Sequence[_Bound]) -> None:
    """Narrows a box by bounds."""
    for bound in bounds:
        low, high = box[bound.element.variable]
        place = bound.element.place
        if bound.relation in (">=", ">", "==") and (low[place] is None or bound.limit > low[place]):
            low[place] = bound.limit
        if bound.relation in ("<=", "<", "==") and (high[place] is None or bound.limit < high[place]):
            high[place] = bound.limit


def _check_bounded(box: Box) -> None:
    """Raises ArgumentError where an end is not known."""
    for name, ends in box.items():
        for side, end in zip(("lower", "upper"), ends, strict=True):
            unknown = [place for place, x in enumerate(end.flat) if x is None]
            if unknown:
                place = tuple(map(int, np.unravel_index(unknown[0], end.shape)))
                raise ArgumentError(f"the query has no {side} bound of {Element(name, place)}")
