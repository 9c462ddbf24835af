"""Better slopes, multipliers and tangents for rows of bounds, step by step.

A rectifier lies above every line α t with 0 <= α <= 1, a convex function above each of its tangents, a concave one
below them, and what is said of one side of a kink may be taken off with any multiplier β >= 0: each choice gives a
lower bound, so that whatever is found here is as certain as what it started from (α-CROWN: Xu et al. 2021; β-CROWN:
Wang et al. 2021). The bound is concave in α and β. Its gradient is read off a walk forwards: from the corner of the box
at which the row's affine bound is least, along the lines that the row took. There the bound changes with α by g t, and
with β by -t, or by t where t <= 0 is said. A tangent is moved towards the t of that walk, where it cuts off nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalarspec.bounding import bilinear_operations
from scalarspec.bounding.fused import Layer
from scalarspec.bounding.ranges import flat
from scalarspec.bounding.relaxations import LinearBounds1D
from scalarspec.bounding.state import BoxState
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

Array = np.ndarray[Any, Any]
STEPS = 8
"""How many steps are taken."""
RATE, FADING = 0.25, 0.85
"""How far the first step goes, of what a slope can be, or of the largest coefficient; how each next one is less."""
MEMORY = 0.6
"""How much of the last direction a step keeps."""
TANGENT_STEPS = 2
"""How many are taken where tangents are moved: each pass has functions to evaluate, and later ones gain little."""
WORTH = 1 / 5
"""They are moved where a row loses at least this part of what it ranges by: else they could gain but little."""
NEGLIGIBLE = 1 / 32
"""Tangents are left where they are if the lines lose less than this part of what those of another function do."""
TANGENT_RATE = 0.6
"""How far the first of these moves a tangent, of the way to where the walk goes."""
NOTHING = 1e-300
"""In the place of a gradient of 0, which is divided by."""


@dataclass(eq=False)
class Choice:
    """Slopes below rectifiers, by equation; multipliers, by constrained value; and lines around smooth functions, by
    equation: arrays (boxes, rows, elements), flat.
    """

    slopes: dict[Equation, Array] = field(default_factory=dict)
    multipliers: dict[Traced, Array] = field(default_factory=dict)
    lines: dict[Equation, LinearBounds1D] = field(default_factory=dict)


def first_choice(state: BoxState, rows: int) -> Choice:
    """The slopes of the lines that cut off less, and no multipliers."""
    shape = (state.count, rows)
    slopes = {eqn: flat(state.lines(eqn).low_slope, 1)[:, None] for eqn in state.plan.rectifiers}
    return Choice(
        {eqn: np.broadcast_to(slope, (*shape, slope.shape[2])).copy() for eqn, slope in slopes.items()},
        {x: np.zeros((*shape, x.shape.size)) for x in state.constrained},
    )


class DualAscent:
    """The choices of some rows, as they get better. open_ones: by equation, the rectifiers whose sign is not known."""

    def __init__(self, state: BoxState, choice: Choice) -> None:
        self.state, self.choice = state, choice
        self.open_ones = {eqn: self._open(eqn) for eqn in choice.slopes}
        self._directions: dict[Any, Array] = {}
        self._points: dict[Equation, Array] = {}
        self._rate, self._tangent_rate = RATE, TANGENT_RATE

    def _open(self, eqn: Equation) -> Array:
        r = self.state.range(eqn.operands[0])
        return flat((r.low < 0) & (r.high > 0) & np.isfinite(r.high - r.low), 1)[:, None]

    def step(self, slopes: Array, handed: Mapping[Equation, Array]) -> None:
        """A step by the gradient at a pass that was made with the choice.

        slopes: those of its rows, (boxes or 1, rows, inputs); handed: the coefficients of functions, flat.
        """
        values = self._walk(slopes, handed)
        for eqn, chosen in self.choice.slopes.items():
            if eqn not in handed:  # no row is about it
                continue
            g, at = handed[eqn], self._value(eqn.operands[0], values)
            gradient = np.where((g > 0) & self.open_ones[eqn], g * at, 0.0)
            self.choice.slopes[eqn] = np.clip(chosen + self._rate * self._direction(eqn, gradient), 0.0, 1.0)
        largest = max((float(np.max(np.abs(g), initial=0.0)) for g in handed.values()), default=1.0)
        for x, multipliers in self.choice.multipliers.items():
            low, high = (flat(np.isfinite(end), 1)[:, None] for end in self.state.constrained[x])
            gradient = self._value(x, values) * (high.astype(np.float64) - low)
            moved = multipliers + self._rate * largest * self._direction(x, gradient)
            self.choice.multipliers[x] = np.where(low | high, np.maximum(moved, 0.0), 0.0)
        for eqn in self._worth_moving(handed):
            self._move_tangent(eqn, self._value(eqn.operands[0], values))
        self._rate, self._tangent_rate = FADING * self._rate, FADING * self._tangent_rate

    def _worth_moving(self, handed: Mapping[Equation, Array]) -> list[Equation]:
        """The functions that have tangents, and whose lines lose most."""
        losses = {
            eqn: float(np.max(np.abs(g) @ flat(self.state.sandwich(eqn).lost, 1)[..., None], initial=0.0))
            for eqn, g in handed.items()
            if eqn not in self.choice.slopes and self.state.bends(eqn)
        }
        return [eqn for eqn, lost in losses.items() if lost > NEGLIGIBLE * max(losses.values())]

    def _move_tangent(self, eqn: Equation, at: Array) -> None:
        """Towards where the walk of each row went."""
        r = self.state.range(eqn.operands[0])
        low, middle, high = (flat(a, 1)[:, None] for a in (r.low, r.middle, r.high))
        known = self._points.get(eqn, middle)
        points = known + self._tangent_rate * (np.where(np.isfinite(at), at, known) - known)
        self._points[eqn] = points = np.clip(points, low, high)
        self.choice.lines[eqn] = self.state.moved_tangents(eqn, points)

    def _direction(self, what: Any, gradient: Array) -> Array:
        """The gradient of each row, as long as 1 at most in each element, and a part of the last direction."""
        size = np.max(np.abs(gradient), axis=2, keepdims=True, initial=0.0)
        new = np.where(np.isfinite(gradient), gradient, 0.0) / np.maximum(size, NOTHING)
        self._directions[what] = MEMORY * self._directions.get(what, 0.0) + new
        return np.clip(self._directions[what], -1.0, 1.0)

    def _walk(self, slopes: Array, handed: Mapping[Equation, Array]) -> dict[Traced, Array]:
        """The values forwards along the lines that rows took, from the corners at which these are least."""
        state, plan = self.state, self.state.plan
        corner = state.middle[:, None] - np.sign(slopes) * state.radius[:, None]
        values = {x: corner[..., place] for x, place in plan.input_places.items()}
        for step in plan.steps.values():
            if plan.kinds[step] != "other":
                operands = [self._value(x, values) for x in step.operands]
                values[step.result] = self._forward(step, operands, handed)
        return values

    def _value(self, x: Traced, values: Mapping[Traced, Array]) -> Array:
        """A value, flat; of what gave way to its range, the middle of that."""
        found = values.get(x)
        return flat(self.state.range(x).middle, 1)[:, None] if found is None else found

    def _forward(self, step: Equation | Layer, operands: Sequence[Array], handed: Mapping[Equation, Array]) -> Array:
        if isinstance(step, Layer):
            rows = (value @ matrix.T for value, matrix in zip(operands, step.matrices, strict=True))
            return np.asarray(sum(rows, step.bias))
        if self.state.plan.kinds[step] == "univariate":
            return self._along_lines(step, operands[0], handed.get(step))
        shaped = [a.reshape(*a.shape[:2], *x.shape) for x, a in zip(step.operands, operands, strict=True)]
        return flat(bilinear_operations.forward(step.operation, shaped, step.parameters), 2)

    def _along_lines(self, eqn: Equation, at: Array, g: Array | None) -> Array:
        """The values of the lines that rows took: below where their coefficient is positive, above where it is not."""
        lines = self.choice.lines.get(eqn)
        if lines is None:
            lines = LinearBounds1D(*(flat(a, 1)[:, None] for a in vars(self.state.lines(eqn)).values()))
        above = lines.high_slope * at + lines.high
        below = self.choice.slopes[eqn] * at if eqn in self.choice.slopes else lines.low_slope * at + lines.low
        return above if g is None else np.where(g > 0, below, above)
