"""What passes take off at a step: for rounding, and for what lines around a function are apart."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from scalarspec.bounding.ranges import Range, total
from scalarspec.bounding.relaxations import LinearBounds1D
from scalarspec.numbers.elementary import TINY, U

Array = np.ndarray[Any, Any]
LEAST_SLOPE = 2.0**-1000
"""Slopes of lines are charged for as if they were at least this: u times it pays for a half that underflows."""


class Charge:
    """What rounding may cost a pass at a step: <|g|, rates> + tiny, for coefficients g of its result; (6) of `linear`.

    rates: γ M, (boxes, *shape of the result), 0 where M is not finite; unknown: where that is, None for nowhere: rows
    that have coefficients there say nothing; tiny: for each box, what underflow may cost.
    """

    __slots__ = ("rates", "tiny", "unknown")
    RATE = 1.25 * U
    """What is charged for a term: u, and a quarter more."""

    def __init__(self, size: Array, beside: Array, equations: int, terms: int = 0) -> None:
        """size: M; beside: for each box the sum of the sizes of the values that have new coefficients; terms: how many
        products are summed up to an element of what g is multiplied by.
        """
        known = np.isfinite(size)
        self.unknown = None if np.logical_and.reduce(known, axis=None) else ~known
        if self.unknown is not None:
            size = np.where(known, size, 0.0)
        n = 2 * (prod(size.shape[1:]) + terms) + equations + 16
        self.rates = (n * self.RATE) * size
        self.tiny = TINY * (1 + total(size) + beside)


class Sandwich:
    """Two lines around a function, as a pass makes use of them, for coefficients g of its result:

        <g, f(t)> >= <g slope - |g| turn, t> + <g, middle> - <|g|, lost>

    turn is None where the lines are parallel. open_below, open_above: where there is no line, None for nowhere: rows
    that want it say nothing. lost also pays for the rounding of all that, which is at most rounding.
    """

    __slots__ = ("lost", "middle", "open_above", "open_below", "rounding", "slope", "tiny", "turn")

    def __init__(self, lines: LinearBounds1D, r: Range, equations: int, steepest: float = 0.0) -> None:
        """steepest: the largest slope of a line that is not one of these, but may be taken in its place."""
        low, high = lines.low, lines.high
        self.open_below, low = _open(low)
        self.open_above, high = _open(high)
        self.middle = low / 2 + high / 2
        apart = np.maximum(high - self.middle, self.middle - low) * (1 + 4 * U)
        self.slope, turn = lines.low_slope / 2 + lines.high_slope / 2, lines.high_slope / 2 - lines.low_slope / 2
        self.turn = turn if np.logical_or.reduce(turn, axis=None) else None
        slopes = np.maximum(np.abs(lines.low_slope), np.abs(lines.high_slope))
        sloped = np.where(slopes > 0, r.size, 0.0)
        slopes = np.maximum(slopes, max(steepest, LEAST_SLOPE))  # halves of smaller ones may underflow
        charge = Charge(4 * (slopes * sloped + np.maximum(np.abs(low), np.abs(high))), total(sloped), equations)
        if charge.unknown is not None:
            nowhere = np.zeros((), dtype=bool)
            self.open_below = charge.unknown | (nowhere if self.open_below is None else self.open_below)
            self.open_above = charge.unknown | (nowhere if self.open_above is None else self.open_above)
        self.rounding = charge.rates
        self.lost = (apart + charge.rates) * (1 + 4 * U)
        self.tiny = charge.tiny


def _open(line: Array) -> tuple[Array | None, Array]:
    """Where a line's end is infinite, None for nowhere; and the ends that are not."""
    known = np.isfinite(line)
    if np.logical_and.reduce(known, axis=None):
        return None, line
    return ~known, np.where(known, line, 0.0)
