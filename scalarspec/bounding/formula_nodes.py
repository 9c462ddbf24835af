"""What a formula is made of: comparisons of margins with limits, truths that are known, and what joins these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, NamedTuple

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.digest import digest
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.exact import difference_ends

Array = np.ndarray[Any, Any]
Relation = Literal["above", "at least", "below", "at most", "equal"]
"""How a margin may be beside a limit."""
SIGNS: dict[Relation, int] = {"above": 1, "at least": 1, "below": -1, "at most": -1}
"""Which end of a margin tells that it is so: the lower one (1), or the upper one."""


class Known(NamedTuple):
    """What is known of truths: do they surely hold, surely fail, and the ends of their margins: arrays of one shape."""

    holds: Array
    fails: Array
    low: Array
    high: Array

    def mapped(self, change: Callable[[Array], Array]) -> Known:
        """The same with a change of each array."""
        return Known(*map(change, self))

    @classmethod
    def joined(cls, parts: Sequence[Known]) -> Known:
        """Some of these side by side, flat."""
        return cls(*(np.concatenate([np.ravel(each) for each in arrays]) for arrays in zip(*parts, strict=True)))


@dataclass(frozen=True)
class Comparison:
    """That margins, at a place among all, are above, at least, at most, or equal to a limit.

    same: which of them are the difference of a number and itself, so that they are exactly 0, and the comparison holds,
    or fails, whatever varies: its own margin is infinite, so that it hides no other one that it is joined with.
    """

    relation: Relation
    place: slice
    shape: Shape
    limit: Fraction = Fraction(0)
    same: Array | None = field(default=None, compare=False)

    def known(self, low: Array, high: Array) -> Known:
        """What is known by ends of all margins, (margins, boxes): arrays with an axis of boxes at the end."""
        a, b = (end[self.place].reshape(*self.shape, end.shape[-1]) for end in (low, high))
        if self.same is None:
            return self._by_ends(a, b)
        same = self.same[..., None]
        known = self._by_ends(np.where(same, 0, a), np.where(same, 0, b))
        always = constant_margins(known.holds)
        return known._replace(low=np.where(same, always, known.low), high=np.where(same, always, known.high))

    def _by_ends(self, a: Array, b: Array) -> Known:
        """What is known by ends of the margins at the place."""
        c: Any = self.limit if self.limit else 0
        if self.relation == "equal":
            low, high = difference_ends(a, c)[0], difference_ends(b, c)[1]
            nearest, farthest = np.maximum(np.maximum(low, -high), 0), np.maximum(high, -low)
            return Known(as_truths((a == c) & (b == c)), as_truths((a > c) | (b < c)), -farthest, -nearest)
        if self.relation in ("below", "at most"):
            holds, fails = (b < c, a >= c) if self.relation == "below" else (b <= c, a > c)
            return Known(as_truths(holds), as_truths(fails), -difference_ends(b, c)[1], -difference_ends(a, c)[0])
        holds, fails = (a > c, b <= c) if self.relation == "above" else (a >= c, b < c)
        return Known(as_truths(holds), as_truths(fails), difference_ends(a, c)[0], difference_ends(b, c)[1])

    def margin(self, margins: Tensor) -> Tensor:
        """The margin of the claim that it is, from all margins."""
        x = margins if margins.shape == self.shape else f.reshape(as_row(margins)[self.place], self.shape)
        if self.relation == "equal":
            return -abs(x - self.limit)
        if self.relation in ("below", "at most"):
            return self.limit - x
        return x - self.limit if self.limit else x


@dataclass(frozen=True)
class Given:
    """Truths that are known."""

    truths: tuple[bool, ...]
    shape: Shape

    def known(self, low: Array, high: Array) -> Known:
        """Their margins do not vary."""
        holds = np.array(self.truths, dtype=bool).reshape(*self.shape, 1).repeat(low.shape[-1], axis=-1)
        size = constant_margins(holds)
        return Known(holds, ~holds, size, size)


@dataclass(frozen=True, eq=False)
class Joined:
    """A connective, or a choice of elements, of earlier nodes; there may be arrays among the parameters."""

    operation: str
    operands: tuple[int, ...]
    parameters: Mapping[str, Any]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Joined) or (self.operation, self.operands) != (other.operation, other.operands):
            return False
        return digest(self.parameters) == digest(other.parameters)

    def __hash__(self) -> int:
        return hash((self.operation, self.operands))


def constant_margins(holds: Array) -> Array:
    """The margins of truths that nothing changes: infinite ones."""
    return np.where(holds, np.inf, -np.inf)


def as_row(t: Tensor) -> Tensor:
    """A tensor with one axis."""
    return t if t.ndim == 1 else f.reshape(t, (t.size,))


def as_truths(array: Any) -> Array:
    """What comparisons of object arrays give, as an array of bools."""
    return np.asarray(array, dtype=bool)
