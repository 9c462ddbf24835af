"""How a function of one number runs: what encloses it over an interval, from its values at a few points.

Where it rises, falls, or falls and then rises, its extremes over an interval lie at the ends and, where the interval
may hold the place at which it turns, there. So a context that encloses needs its value at points only.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import inf


@dataclass(frozen=True)
class Course:
    """The course of a function of one number.

    domain: where it has values, the ends included unless they are poles; limits: outer bounds on what it tends to at
    the ends of its domain, which are asked for where no value is; turns: the place of its minimum, to so many decimals,
    up to which it falls and from which it rises. Without one it is monotone.
    """

    domain: tuple[float, float] = (-inf, inf)
    limits: tuple[float, float] = (-inf, inf)
    turns: str | None = None

    def need(self, open_ended: bool) -> str:
        """What an argument must be, in words. open_ended: are the ends of the domain poles?"""
        low, high = self.domain
        if high < inf:
            first, second = ("between", "and") if open_ended else ("from", "to")
            return f"expected numbers {first} {low:g} {second} {high:g}"
        return f"expected numbers {'above' if open_ended else 'from'} {low:g}"

    @cached_property
    def inner(self) -> float:
        """A number inside the domain."""
        low, high = self.domain
        if low > -inf:
            return (low + high) / 2 if high < inf else low + 1
        return 1.0

    @cached_property
    def turn(self) -> Fraction | None:
        """The number that the decimals are."""
        return None if self.turns is None else Fraction(self.turns)

    @cached_property
    def nearness(self) -> Fraction:
        """How near the place of the minimum is to the decimals: a unit of the last one, or 0 where it is short, and so
        exact.
        """
        _, _, decimals = (self.turns or "").partition(".")
        return Fraction(1, 10 ** len(decimals)) if len(decimals) > EXACT_DECIMALS else Fraction(0)


EXACT_DECIMALS = 20
"""A place of more decimals is irrational, and one of fewer is exactly that."""
