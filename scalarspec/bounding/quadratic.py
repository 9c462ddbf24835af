"""Quadratic terms of the inputs: c δ + Σ κ (J δ)² over a box |δ| <= ρ around its middle, bounded from below.

Each term is of one value t that a curved function is applied to, with J the slopes of t's affine form.

    (1) At a corner δ*, let s = -sign δ*, so that all other points are δ* + s t with t in [0, 2ρ].
    (2) The function is larger there by Σ t (s (c + 2 Jᵀ κ J δ*)) + Σ κ (J s t)².
    (3) Let y = J δ*, and r >= |J| ρ, so that J s t lies between -(r + y) and r - y. Where it is positive, its square is
        at most r - y times what rises, Σ (J s)⁺ t; where it is negative, r + y times Σ (J s)⁻ t. So the square is at
        most the sum of both, which is (r |J| - y J s) t, and Σ κ (J s t)² >= -Σ t h with h = Σ κ⁻ (r |J| - s y J).
    (4) So it is larger by at least -Σ 2ρ (h - s (c + 2 Jᵀ κ y))⁺: the excess, which is 0 where the affine part
        outweighs the curvature.
    (5) Over a Euclidean ball, which has no corners, each term counts for itself: κ (J δ)² >= min(κ, 0) r².

Rounding. All terms together are at most T = dual norm + Σ |κ| r² in size. A value or an excess is worked out in at most
n = inputs + elements of all terms sums of products of up to four factors, thrice: (64 n + 256) u T pays for all, and
2^-900 n (1 + Σ |κ| r) for underflow; that of κ y J, which is multiplied by 2ρ, by what a pass pays for its inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.bounding.affine_forms import AffineForm
from scalarspec.bounding.state import BoxState
from scalarspec.numbers.elementary import TINY, U

Array = np.ndarray[Any, Any]
CORNERS = 3
"""How often the corner is corrected at which the function should be least: a better one is rarely found later."""


@dataclass(frozen=True, eq=False)
class QuadraticTerm:
    """κ (J δ)² for the elements of a value: curvatures κ of shape (boxes, rows, elements), and the form with J."""

    form: AffineForm
    curvatures: Array

    @property
    def deviation(self) -> Array:
        """r, with an axis for the rows."""
        return self.form.max_deviation[:, None]

    def size(self) -> Array:
        """Σ |κ| r²."""
        return np.asarray(np.add.reduce(np.abs(self.curvatures) * self.deviation**2, axis=-1))

    def moves(self, corner: Array) -> Array:
        """J δ."""
        return np.asarray(corner @ self.form.slopes.swapaxes(1, 2))

    def against(self) -> Array:
        """Σ κ⁻ r |J|, its share of h where y = 0."""
        return np.asarray((np.maximum(-self.curvatures, 0) * self.deviation) @ np.abs(self.form.slopes))

    def turned(self, move: Array) -> Array:
        """Σ κ⁻ y J: its share of h is `against` less s times this."""
        return np.asarray((np.maximum(-self.curvatures, 0) * move) @ self.form.slopes)


@dataclass(frozen=True, eq=False)
class Least:
    """About the least value, by how much less it can be by step (4), and the charge for rounding."""

    value: Array
    excess: Array
    rounding: Array


def least(state: BoxState, c: Array, dual_norm: Array, terms: list[QuadraticTerm], curved: Array) -> Least:
    """Of c δ + Σ κ (J δ)². dual_norm: that of c; curved: Σ |κ| r² of all terms; c: (boxes, rows, inputs)."""
    if state.balls:
        value = -dual_norm
        for term in terms:
            value = value + np.add.reduce(np.minimum(term.curvatures, 0) * term.deviation**2, axis=-1)
        excess = np.zeros(value.shape)
    else:
        value, excess = _at_corner(c, state.radius[:, None], terms)
    n = c.shape[-1] + sum(term.curvatures.shape[-1] for term in terms)
    sizes = sum(np.add.reduce(np.abs(term.curvatures) * term.deviation, axis=-1) for term in terms)
    return Least(value, excess, (64 * n + 256) * U * (dual_norm + curved) + TINY * n * (1 + sizes))


def _at_corner(c: Array, radius: Array, terms: list[QuadraticTerm]) -> tuple[Array, Array]:
    """The function's value at a corner where it should be least, and the excess."""
    rising, turn = c, np.zeros(())
    for _ in range(CORNERS):
        turn, before = np.where(rising >= 0, 1.0, -1.0), turn
        if np.array_equal(turn, before):
            break  # the next corner would be the same
        corner = -turn * radius
        moves = [(term, term.moves(corner)) for term in terms]
        rising = c + sum((2 * term.curvatures * move) @ term.form.slopes for term, move in moves)
    value = np.add.reduce(c * corner, axis=-1)
    for term, move in moves:
        value = value + np.add.reduce(term.curvatures * move**2, axis=-1)
    against = sum(term.against() for term in terms)
    turned = sum(term.turned(move) for term, move in moves)
    return value, np.add.reduce(2 * radius * np.maximum(against - turn * (rising + turned), 0.0), axis=-1)
