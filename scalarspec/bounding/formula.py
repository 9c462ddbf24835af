"""What a claim says of its margins: comparisons joined by and, or, not, read with as much as is known of each margin.

A margin is a number that a comparison is about: b - a, for a <= b. From ends of the margins follow, for each element of
the claim, whether it surely holds, whether it surely fails (Kleene's strong logic, 1952), and ends of its own margin:
the least of the margins of an `and`, the greatest of those of an `or`, the negative one of a `not` (Fainekos and Pappas
2009). That one is negative where the claim fails, positive where it holds, and 0 at the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from operator import neg
from typing import Any, NamedTuple

import numpy as np

from scalarspec.bounding.contexts import FLOAT
from scalarspec.bounding.formula_nodes import SIGNS, Comparison, Given, Joined, Known, as_row, as_truths
from scalarspec.core import functions as f
from scalarspec.core.applied import applied
from scalarspec.core.operations import check_complete, having
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor

Array = np.ndarray[Any, Any]
CASES = 3
"""The most margins of which the signs are told apart, in all ways: 27 of three."""


Node = Comparison | Given | Joined
_Place = tuple[int, int, Shape]
"""Where margins are among all, from one to another, and their shape."""
_Places = tuple[_Place, ...]


class _Rule(NamedTuple):
    """What a connective does to what is known, and to margins."""

    known: Callable[..., Known]
    margin: Callable[..., Tensor]


def _not(p: Known) -> Known:
    return Known(p.fails, p.holds, -p.high, -p.low)


def _and(p: Known, q: Known) -> Known:
    return Known(p.holds & q.holds, p.fails | q.fails, np.minimum(p.low, q.low), np.minimum(p.high, q.high))


def _or(p: Known, q: Known) -> Known:
    return Known(p.holds | q.holds, p.fails & q.fails, np.maximum(p.low, q.low), np.maximum(p.high, q.high))


NOT = _Rule(_not, neg)
CONNECTIVES = {
    "logical_not": NOT,
    "logical_and": _Rule(_and, f.minimum),
    "logical_or": _Rule(_or, f.maximum),
}
"""How truths are joined."""
check_complete("formula", CONNECTIVES, having(kind="connective"))


@dataclass(frozen=True)
class Formula:
    """A claim's truth, made of nodes, each of earlier ones.

    parts: the nodes that must all hold for the claim to hold, so that each may be looked at by itself; result: the one
    that is the claim; margins: the shape of all margins. Two are equal where they say the same of their margins.
    """

    nodes: tuple[Node, ...]
    result: int
    parts: tuple[int, ...]
    margins: Shape

    @property
    def compared(self) -> list[Comparison]:
        """The comparisons."""
        return [node for node in self.nodes if isinstance(node, Comparison)]

    @property
    def sharp(self) -> bool:
        """May it fail where a margin is at its limit, and nowhere else?"""
        refused = any(isinstance(node, Joined) and CONNECTIVES.get(node.operation) is NOT for node in self.nodes)
        return refused or any(node.relation in ("above", "below", "equal") for node in self.compared)

    @cached_property
    def asked(self) -> list[tuple[int, int]]:
        """The ends of margins that tell whether the claim holds: the place of each, and 1 for its lower end, -1 for its
        upper one.
        """
        found: dict[tuple[int, int], None] = {}
        waiting = [(self.result, 1)]
        for i, sign in waiting:
            node = self.nodes[i]
            if isinstance(node, Joined):
                turned = -sign if CONNECTIVES.get(node.operation) is NOT else sign
                waiting += [(k, turned) for k in node.operands]
            elif isinstance(node, Comparison):
                ends = (1, -1) if node.relation == "equal" else (sign * SIGNS[node.relation],)
                found.update(dict.fromkeys((k, end) for end in ends for k in range(node.place.start, node.place.stop)))
        return list(found)

    def focus(self, known: Sequence[Known]) -> Array:
        """For each box, by what is known of each node, the place among `asked` of the end that decides, if any does: in
        an `and` of what misses most, in an `or` of what misses least.
        """
        found: list[Array] = []
        for i, node in enumerate(self.nodes):
            if isinstance(node, Joined):
                operands = [(self._misses(k, known[k]), found[k]) for k in node.operands]
                found.append(self._decisive(node, self._signs[i], operands))
            elif isinstance(node, Comparison):
                found.append(self._places(i, node)[..., None] + np.zeros(known[i].low.shape, dtype=int))
            else:
                found.append(np.zeros(known[i].low.shape, dtype=int))
        decided = found[self.result], self._misses(self.result, known[self.result])
        places, misses = (each.reshape(-1, each.shape[-1]) for each in decided)
        boxes = np.arange(places.shape[1])
        return np.asarray(places[np.argmax(misses, axis=0), boxes]) if len(places) else 0 * boxes

    def _misses(self, i: int, known: Known) -> Array:
        """By how much a node misses what is asked of it, where it does."""
        low = known.low if self._signs[i] > 0 else -known.high
        return np.asarray(np.maximum(-low, 0), dtype=np.float64)

    def _places(self, i: int, node: Comparison) -> Array:
        """The places among `asked` of what a comparison asks for."""
        end = 1 if node.relation == "equal" else self._signs[i] * SIGNS[node.relation]
        found = [self.asked.index((k, end)) for k in range(node.place.start, node.place.stop)]
        return np.array(found, dtype=int).reshape(node.shape)

    @staticmethod
    def _decisive(node: Joined, sign: int, operands: Sequence[tuple[Array, Array]]) -> Array:
        """The places that decide a node, from how much its operands miss and the places that decide these."""
        misses, places = operands[0]
        if node.operation not in CONNECTIVES:
            return moved(node, places.astype(np.float64)).astype(int)
        most = (node.operation == "logical_and") == (sign > 0)
        for other, theirs in operands[1:]:
            better = other > misses if most else other < misses
            misses, places = np.where(better, other, misses), np.where(better, theirs, places)
        return places

    @cached_property
    def _signs(self) -> list[int]:
        """Of each node, is it asked to hold (1), or not to (-1)?"""
        signs = [1] * len(self.nodes)
        for i in range(len(self.nodes) - 1, -1, -1):
            node = self.nodes[i]
            if isinstance(node, Joined):
                sign = -signs[i] if CONNECTIVES.get(node.operation) is NOT else signs[i]
                for k in node.operands:
                    signs[k] = sign
        return signs

    def value(self, low: Array, high: Array, at: tuple[int, ...]) -> tuple[Any, Any]:
        """The ends of what an output is about, from ends of all margins: where it is one margin, or a number between
        limits, that; else the output's own margin.
        """
        if len(self.nodes) > 1 and not any(node.limit for node in self.compared):
            outputs, _ = self.read(low, high)
            return outputs.low[at], outputs.high[at]
        same = any(node.same is not None and node.same[at] for node in self.compared)
        ends = np.asarray(low, dtype=object), np.asarray(high, dtype=object)
        return (Fraction(0), Fraction(0)) if same else (ends[0][at], ends[1][at])

    def read(self, low: Array, high: Array) -> tuple[Known, Known]:
        """What ends of the margins tell of the claim's outputs, and of its parts side by side."""
        return self._read(self._all_known(np.reshape(low, (-1, 1)), np.reshape(high, (-1, 1))), 0)

    def read_many(self, low: Array, high: Array) -> tuple[list[tuple[Known, Known]], Array]:
        """The same for each of many boxes, (margins, boxes), and the `focus` in each."""
        known = self._all_known(low, high)
        return [self._read(known, k) for k in range(low.shape[1])], self.focus(known)

    def _read(self, known: Sequence[Known], k: int) -> tuple[Known, Known]:
        """What is known of the outputs, and of the parts side by side, in one box."""
        outputs, *parts = (known[i].mapped(lambda x: np.asarray(x[..., k])) for i in (self.result, *self.parts))
        return outputs, Known.joined(parts)

    def _all_known(self, low: Array, high: Array) -> list[Known]:
        """What is known of each node, with an axis of boxes at the end."""
        always = {i: held for places in self.cases for i, held in self._always(places, low, high).items()}
        found: list[Known] = []
        for i in range(len(self.nodes)):
            known = self._known(i, found, low, high)
            found.append(known._replace(holds=known.holds | always[i]) if i in always else known)
        return found

    def _known(self, i: int, found: Sequence[Known], low: Array, high: Array) -> Known:
        """What is known of a node, from what is known of those before it."""
        node = self.nodes[i]
        if isinstance(node, Joined):
            known = _joined_known(node, [found[k] for k in node.operands])
        else:
            known = node.known(low, high)
        return known.mapped(np.asarray)  # NumPy makes numbers of object arrays of shape ()

    def _always(self, places: _Places, low: Array, high: Array) -> dict[int, Array]:
        """Where the nodes that are about the margins of these places hold whatever signs those have, of the signs that
        their ends allow: a node may be about one margin twice, as `p | ~p` is.
        """
        held = {i: np.ones((), dtype=bool) for i in self.cases[places]}
        for signs in product((-1, 0, 1), repeat=len(places)):
            trial, possible = np.zeros((self.margins.size, 1)), np.ones((), dtype=bool)
            for (start, stop, shape), sign in zip(places, signs, strict=True):
                trial[start:stop] = sign
                a, b = (end[start:stop].reshape(*shape, -1) for end in (low, high))
                possible = possible & ~((a >= 0) if sign < 0 else (b <= 0) if sign > 0 else (a > 0) | (b < 0))
            known: list[Known] = []
            for i in range(max(held) + 1):
                known.append(self._known(i, known, trial, trial))
            held = {i: as_truths(each & (known[i].holds | ~possible)) for i, each in held.items()}
        return held

    @cached_property
    def cases(self) -> dict[_Places, list[int]]:
        """By the places of a few margins, the nodes that are about those in the place of their own, one of them more
        than once.
        """
        found: dict[_Places, list[int]] = {}
        about: list[tuple[frozenset[_Place], bool] | None] = []
        for i, node in enumerate(self.nodes):
            about.append(self._about(node, about))
            places, again = about[i] or (frozenset(), False)
            if again:
                found.setdefault(tuple(sorted(places)), []).append(i)
        return found

    @staticmethod
    def _about(
        node: Node, about: Sequence[tuple[frozenset[_Place], bool] | None]
    ) -> tuple[frozenset[_Place], bool] | None:
        """The places of the margins that a node is about, and is it about one of them twice? None where it looks at
        other places than its own, at other limits than 0, or at too many margins.
        """
        if isinstance(node, Given):
            return frozenset(), False
        if isinstance(node, Comparison):
            place = (node.place.start, node.place.stop, node.shape)
            return None if node.limit else (frozenset([place]), False)
        places: frozenset[_Place] = frozenset()
        again = False
        for below in (about[k] for k in node.operands):
            if below is None or node.operation not in CONNECTIVES:
                return None
            again = again or below[1] or bool(places & below[0])
            places |= below[0]
        return (places, again) if len(places) <= CASES else None

    def margin(self, margins: Tensor) -> Tensor:
        """The margins of the claim's parts, side by side: specs made of all margins."""
        found: list[Tensor] = []
        for node in self.nodes:
            if isinstance(node, Comparison):
                found.append(node.margin(margins))
            elif isinstance(node, Given):
                found.append(margins.context.tensor(np.where(node.truths, 1, -1).reshape(node.shape)))
            else:
                found.append(_joined_margin(node, [found[i] for i in node.operands]))
        return side_by_side([found[i] for i in self.parts])


def _joined_known(node: Joined, operands: list[Known]) -> Known:
    rule = CONNECTIVES.get(node.operation)
    if rule is not None:
        return rule.known(*operands)
    return operands[0].mapped(lambda x: moved(node, x))


def moved(node: Joined, x: Array) -> Array:
    """The elements of an array, which has an axis of boxes at the end, elsewhere."""
    each = [FLOAT.arrays.apply(node.operation, x[..., k], **node.parameters) for k in range(x.shape[-1])]
    return np.stack([np.asarray(one) for one in each], axis=-1)


def _joined_margin(node: Joined, operands: list[Tensor]) -> Tensor:
    rule = CONNECTIVES.get(node.operation)
    if rule is not None:
        return rule.margin(*operands)
    return applied(node.operation, *operands, **node.parameters)


def side_by_side(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors in a row, flat; one by itself as it is."""
    if len(tensors) == 1:
        return tensors[0]
    whole, start, total = Shape((sum(t.size for t in tensors),)), 0, None
    for t in tensors:
        place = slice(start, start + t.size)
        placed = applied("scatter", as_row(t), index=(place,), shape=whole)
        start, total = place.stop, placed if total is None else total + placed
    assert total is not None
    return total
