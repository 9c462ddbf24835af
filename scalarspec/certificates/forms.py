"""Forward CROWN in exact fractions: affine functions of the inputs below and above what each layer gives.

Where z is in [l, u], max(z, 0) is z for l >= 0, 0 for u <= 0, and else between a z and u (z - l) / (u - l), for any
slope a in [0, 1] (Zhang et al. 2018; Xu et al. 2021). What is found here is what a checker finds that does the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.certificates.dense import Dense, Network
from scalarspec.errors import NotSupported

Array = np.ndarray[Any, Any]
Slope = Callable[[Fraction, Fraction], Fraction]
Slopes = list[list[Fraction]]
"""Of the lower lines of each rectifier."""
MOST_BITS = 1 << 30
"""How many bits all numbers of a layer may have: the denominators of its neurons multiply."""
PARALLEL_BITS = 16

SLOPES: tuple[Slope, ...] = (
    lambda low, high: Fraction(high > -low),
    lambda low, high: Fraction(round(high / (high - low) * 2**PARALLEL_BITS), 2**PARALLEL_BITS),
    lambda low, high: Fraction(0),
    lambda low, high: Fraction(1),
)
"""Slopes of the lower lines where l < 0 < u: whichever of 0 and 1 leaves less between the lines, as the upper line, 0
and 1.
"""


@dataclass(frozen=True)
class Affine:
    """Rows of integers over one denominator: the weights of the inputs, and a constant term. rows: (m, n + 1)."""

    rows: Array
    below: int

    @staticmethod
    def of(rows: Array) -> Affine:
        """Of Fractions."""
        below = math.lcm(*(x.denominator for x in rows.flat))
        return Affine(_integers(rows, below), below)

    def scaled(self, slopes: list[Fraction], terms: list[Fraction]) -> Affine:
        """slope row + term, for each row. Raises NotSupported where the numbers would not fit into memory."""
        one = Affine.of(np.array([slopes, terms], object))
        if (one.below * self.below).bit_length() * self.rows.size > MOST_BITS:
            raise NotSupported(
                f"certificate: the exact fractions of the checker would take more than {MOST_BITS} bits in one layer: "
                "they grow with the product of the widths of the layers before it"
            )
        rows = self.rows * one.rows[0][:, None]
        rows[:, -1] += one.rows[1] * self.below
        return Affine(rows, self.below * one.below).reduced()

    def reduced(self) -> Affine:
        """In lowest terms."""
        common = math.gcd(self.below, *self.rows.flat)
        return Affine(self.rows // common, self.below // common)

    def most(self, lower: Array, upper: Array) -> list[Fraction]:
        """The greatest value of each row over a box."""
        box = Affine.of(np.array([[*lower, 1], [*upper, 1]], object) + Fraction(0))
        sums = (np.maximum(self.rows, 0) * box.rows[1] + np.minimum(self.rows, 0) * box.rows[0]).sum(axis=1)
        return [Fraction(x, self.below * box.below) for x in sums]

    def __neg__(self) -> Affine:
        return Affine(-self.rows, self.below)


Lines = tuple[Affine, Affine]
"""Affine functions below and above the numbers that a layer gives."""


def through(dense: Dense, lines: Lines) -> Lines:
    """Those of a dense layer: each weight takes the line of its sign."""
    below = math.lcm(lines[0].below, lines[1].below)
    low, high = (each.rows * (below // each.below) for each in lines)
    weights = _affine(dense)
    positive, negative = np.maximum(weights.rows[:, :-1], 0), np.minimum(weights.rows[:, :-1], 0)

    def joined(rising: Array, falling: Array) -> Affine:
        rows = positive @ rising + negative @ falling
        rows[:, -1] += weights.rows[:, -1] * below
        return Affine(rows, weights.below * below).reduced()

    return joined(low, high), joined(high, low)


def rectified(lines: Lines, network: Network, slope: Slope) -> tuple[Lines, list[Fraction]]:
    """Those of a rectifier, and the slopes of its lower lines."""
    low, high = lines
    ends = [(-a, b) for a, b in zip((-low).most(*network.box), high.most(*network.box), strict=True)]
    alpha = [slope(a, b) if a < 0 < b else Fraction(b > 0) for a, b in ends]
    chord = [b / (b - a) if a < 0 < b else Fraction(b > 0) for a, b in ends]
    terms = [-s * a if a < 0 else Fraction(0) for s, (a, _) in zip(chord, ends, strict=True)]
    return (low.scaled(alpha, [Fraction(0)] * len(alpha)), high.scaled(chord, terms)), alpha


def lines_around(network: Network, slope: Slope) -> tuple[Lines, Slopes]:
    """The lines around the outputs of a network over its box, and the slopes of the lower lines of each rectifier."""
    first, *rest = network.layers
    lines: Lines = (_affine(first), _affine(first))
    alphas: Slopes = []
    for dense in rest:
        lines, alpha = rectified(lines, network, slope)
        lines = through(dense, lines)
        alphas.append(alpha)
    return lines, alphas


def _affine(dense: Dense) -> Affine:
    """Of the numbers that a dense layer takes."""
    return Affine.of(np.column_stack([dense.weights, dense.bias]))


def _integers(rows: Array, below: int) -> Array:
    numbers = [x.numerator * (below // x.denominator) for x in rows.flat]
    return np.array(numbers, object).reshape(rows.shape)
