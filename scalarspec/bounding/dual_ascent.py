"""Better slopes and multipliers for rows of bounds, by projected gradient ascent.

A rectifier lies above every line α t with 0 <= α <= 1, and what is said of one side of a kink may be taken off with any
multiplier β >= 0: each choice gives a lower bound, so that whatever is found here is as certain as what it started from
(α-CROWN: Xu et al. 2021; β-CROWN: Wang et al. 2021). The bound is concave in them. Its gradient is read off a walk
forwards: from the corner of the box at which the row's affine bound is least, along the lines that the row took. There
the bound changes with α by g t, and with β by -t, or by t where t <= 0 is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalarspec.bounding import bilinear_operations
from scalarspec.bounding.fused import Layer
from scalarspec.bounding.plan import Plan
from scalarspec.bounding.ranges import flat
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
NOTHING = 1e-300
"""In the place of a gradient of 0, which is divided by."""


@dataclass(eq=False)
class Choice:
    """Slopes below rectifiers, by equation, and multipliers, by constrained value: (boxes, rows, elements), flat."""

    slopes: dict[Equation, Array] = field(default_factory=dict)
    multipliers: dict[Traced, Array] = field(default_factory=dict)


def applies(plan: Plan) -> bool:
    """Is a plan made of linear operations and rectifiers alone?"""
    return bool(rectifiers(plan)) and all(
        plan.kinds[step] in ("layer", "linear") or step in rectifiers(plan) for step in plan.steps.values()
    )


def rectifiers(plan: Plan) -> list[Equation]:
    """The equations of a plan that are rectifiers, in order."""
    return [step for step in plan.steps.values() if isinstance(step, Equation) and step.operation == "relu"]


def first_choice(state: BoxState, rows: int) -> Choice:
    """The slopes of the lines that cut off less, and no multipliers."""
    shape = (state.count, rows)
    slopes = {eqn: flat(state.lines(eqn).low_slope, 1)[:, None] for eqn in rectifiers(state.plan)}
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
        self._rate = RATE

    def _open(self, eqn: Equation) -> Array:
        r = self.state.range(eqn.operands[0])
        return flat((r.low < 0) & (r.high > 0) & np.isfinite(r.high - r.low), 1)[:, None]

    def step(self, slopes: Array, handed: Mapping[Equation, Array]) -> None:
        """A step by the gradient at a pass that was made with the choice.

        slopes: those of its rows, (boxes or 1, rows, inputs); handed: the coefficients of the rectifiers, flat.
        """
        values = self._walk(slopes, handed)
        for eqn, chosen in self.choice.slopes.items():
            if eqn not in handed:  # no row is about it
                continue
            g, at = handed[eqn], values[eqn.operands[0]]
            gradient = np.where((g > 0) & self.open_ones[eqn], g * at, 0.0)
            self.choice.slopes[eqn] = np.clip(chosen + self._rate * self._direction(eqn, gradient), 0.0, 1.0)
        largest = max((float(np.max(np.abs(g), initial=0.0)) for g in handed.values()), default=1.0)
        for x, multipliers in self.choice.multipliers.items():
            low, high = (flat(np.isfinite(end), 1)[:, None] for end in self.state.constrained[x])
            gradient = values[x] * (high.astype(np.float64) - low)
            moved = multipliers + self._rate * largest * self._direction(x, gradient)
            self.choice.multipliers[x] = np.where(low | high, np.maximum(moved, 0.0), 0.0)
        self._rate *= FADING

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
            if all(x.constant or x in values for x in step.operands):
                values[step.result] = self._forward(step, values, handed)
        return values

    def _forward(self, step: Equation | Layer, values: dict[Traced, Array], handed: Mapping[Equation, Array]) -> Array:
        if isinstance(step, Layer):
            rows = (values[x] @ matrix.T for x, matrix in zip(step.operands, step.matrices, strict=True))
            return np.asarray(sum(rows, step.bias))
        if step.operation == "relu":
            at, lines = values[step.operands[0]], self.state.lines(step)
            above = flat(lines.high_slope, 1)[:, None] * at + flat(lines.high, 1)[:, None]
            g = handed.get(step)
            return above if g is None else np.where(g > 0, self.choice.slopes[step] * at, above)
        shaped = [
            self.state.plan.constant(x).middle[None]
            if x.constant
            else values[x].reshape(*values[x].shape[:2], *x.shape)
            for x in step.operands
        ]
        return flat(bilinear_operations.forward(step.operation, shaped, step.parameters), 2)
