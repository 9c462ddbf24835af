"""Best-first branch and bound over parts of a region, whatever parts are and whatever is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

P = TypeVar("P")
"""A part of a region."""


def refine(
    pool: Iterable[P],
    worst: Callable[[Sequence[P]], Iterable[P]],
    divide: Callable[[Sequence[P]], Iterable[P]],
) -> Iterator[list[P]]:
    """The parts that are left of a region: those in the beginning, and those after each round.

    In a round, some parts are chosen and give way to what they are divided into. All of the region is in the parts, but
    for what was seen to be of no interest: `divide` leaves that out. Whoever asks may stop at any time.

    pool: the parts in the beginning, evaluated. worst: of all parts, those to divide next, the objects themselves and
    no copies; none where the target is reached, the budget spent, or nothing can be divided: that ends the search.
    divide: what takes the place of the chosen parts, evaluated, all at once.

        def wide(parts):
            return [part for part in parts if part[1] - part[0] > 2]

        def halves(parts):
            return [half for a, b in parts for half in ((a, (a + b) / 2), ((a + b) / 2, b))]

        *_, last = refine([(0.0, 8.0)], wide, halves)
        last    # [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 8.0)]
    """
    parts = list(pool)
    yield parts
    while chosen := list(worst(parts)):
        gone = set(map(id, chosen))
        parts = [part for part in parts if id(part) not in gone] + list(divide(chosen))
        yield parts
