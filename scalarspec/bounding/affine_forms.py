"""What is known of values over many boxes: ranges, and affine forms in the inputs.

A form is carried forwards where that loses nothing, or little: through functions of one number, by the lines around
them; through linear operations, by the operation. Else a pass backwards finds a better one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from scalarspec.bounding.plan import FLOAT, summands
from scalarspec.bounding.univariate import FUNCTIONS
from scalarspec.core.sets import middle_of
from scalarspec.numbers.elementary import TINY, U
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

if TYPE_CHECKING:
    from scalarspec.bounding.linear import Relaxation

Array = np.ndarray[Any, Any]
ELEMENTWISE = {"add", "subtract", "negative", "multiply", "divide"}
STRUCTURE = {"getitem", "scatter", "reshape", "matrix_transpose", "broadcast_to", "stack"}
LITTLE = 1 / 16
"""Where an operation adds up rests, its form may be carried on if they are so little of its reach."""


@dataclass(eq=False)
class Range:
    """Ends, as arrays of shape (boxes or 1, *shape)."""

    low: Array
    high: Array

    @cached_property
    def finite(self) -> Array | None:
        """Where both ends are; None if everywhere."""
        found = np.isfinite(self.low) & np.isfinite(self.high)
        return None if found.all() else found

    @cached_property
    def middle(self) -> Array:
        """A float inside; 0 where an end is infinite."""
        return middle_of(self.low, self.high)

    @cached_property
    def radius(self) -> Array:
        """At least the distance from the middle to the ends; 0 where one is infinite."""
        radius = np.maximum(self.high - self.middle, self.middle - self.low) * (1 + 4 * U)
        return radius if self.finite is None else np.where(self.finite, radius, 0.0)

    @cached_property
    def size(self) -> Array:
        """At least the largest size."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


@dataclass(eq=False)
class Form:
    """slopes (x - middle of x) + [rest_low, rest_high], for the inputs x: arrays (boxes, elements, inputs).

    reach: at least |slopes (x - middle)|; low, high: the ends of the value that this gives, NaN where none is known;
    (boxes, elements). Slopes that are too many to keep are left out: no elements, and no reach and rests.
    """

    slopes: Array
    reach: Array
    rest_low: Array
    rest_high: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, over: Relaxation, slopes: Array, low: Array, high: Array) -> Form:
        """With the reach, and the ends by it."""
        reach = over.reach(slopes)
        return cls(slopes, reach, low, high, low - reach * (1 + 4 * U), high + reach * (1 + 4 * U))


def carried(over: Relaxation, x: Traced, before: int) -> Form | None:
    """The form of a value from those of its operands; None where a pass may find a better one."""
    if not (over.bounded and over.affordable(x)):
        return None
    if x in over.plan.inputs:
        return _of_input(over, x)
    place = over.plan.place.get(x)
    if place is None:
        return None
    eqn = over.plan.equations[place]
    if not all(over.affordable(y) for y in eqn.operands if not y.constant):
        return None
    if eqn.operation in FUNCTIONS:
        return _of_function(over, eqn, before)
    return _of_linear(over, eqn, before) if over.plan.linear(eqn) else None


def _of_input(over: Relaxation, x: Traced) -> Form:
    """Itself."""
    start = sum(y.shape.size for y in over.plan.inputs[: over.plan.inputs.index(x)])
    units = np.eye(x.shape.size, over.middle.shape[1], start)
    middle = over.middle[:, start : start + x.shape.size]
    rest = 4 * U * np.abs(middle)  # pays for the rounding of the ends
    return Form.of(over, np.broadcast_to(units, (over.count, *units.shape)), middle - rest, middle + rest)


def _of_function(over: Relaxation, eqn: Equation, before: int) -> Form:
    """slope t + [low, high] around f(t), by the lines."""
    (x,), found = eqn.operands, over.lines(eqn)
    form, r, slope = over.form(x, before), over.range(x), found.low_slope / 2 + found.high_slope / 2
    low, high = (
        line + (of - slope) * r.middle + sign * np.abs(of - slope) * r.radius
        for line, of, sign in ((found.low, found.low_slope, -1), (found.high, found.high_slope, 1))
    )
    size = (np.abs(found.low_slope) + np.abs(found.high_slope)) * r.size + np.abs(low) + np.abs(high)
    slope, low, high, size = (flat([a], 1) for a in (slope, low, high, size))
    ends = slope * form.rest_low, slope * form.rest_high
    size = size + np.abs(slope) * (form.reach + np.maximum(np.abs(form.rest_low), np.abs(form.rest_high)))
    slack = _slack(over, size)
    low, high = low + np.minimum(*ends) - slack, high + np.maximum(*ends) + slack
    return Form.of(over, slope[..., None] * form.slopes, low, high)


def _of_linear(over: Relaxation, eqn: Equation, before: int) -> Form | None:
    """L (slopes δ + c ± e) = L slopes δ + L c ± |L| e."""
    plan, added = over.plan, summands(eqn)
    forms = [None if y.constant else over.form(y, before) for y in eqn.operands]
    parts = [_interval(over, y, form) for y, form in zip(eqn.operands, forms, strict=True)]
    middles, radii, sizes = (list(each) for each in zip(*parts, strict=True))
    for i, y in enumerate(eqn.operands):
        if y.constant and i not in added:
            radii[i] = sizes[i]  # a factor
    c, e, m = (flat([over.made(eqn, a, signed=k == 0)], 1) for k, a in enumerate((middles, radii, sizes)))
    e = e + _slack(over, m)
    form = Form.of(over, _sloped(over, eqn, forms), c - e, c + e)
    curved = sum(y in plan.curved for y in eqn.operands)
    loses = eqn.operation not in STRUCTURE and (eqn.operation not in ELEMENTWISE or curved > 1)
    if loses and np.any(e.sum(axis=1) > LITTLE * form.reach.sum(axis=1)):
        return None
    return form


def _interval(over: Relaxation, y: Traced, form: Form | None) -> tuple[Array, Array, Array]:
    """The middle and the radius of what a value is beside its slopes, and its size with them."""
    if form is None:
        r = over.range(y)
        return r.middle, np.zeros(r.low.shape) if over.plan.known(y) else r.radius, r.size
    middle = form.rest_low / 2 + form.rest_high / 2
    radius = np.maximum(form.rest_high - middle, middle - form.rest_low) * (1 + 4 * U)
    found = (middle, radius, np.abs(middle) + radius + form.reach)
    low, high, size = (a.reshape(over.count, *y.shape) for a in found)
    return low, high, size


def _sloped(over: Relaxation, eqn: Equation, forms: Sequence[Form | None]) -> Array:
    """The operation on slopes, for each input a row; numbers that are added have none."""
    n = over.middle.shape[1]
    rows: list[Traced] = []
    for i, (y, form) in enumerate(zip(eqn.operands, forms, strict=True)):
        if form is not None:
            slopes = np.ascontiguousarray(form.slopes.swapaxes(1, 2)).reshape(over.count * n, *y.shape)
            rows.append(Traced(y.shape, slopes))
        else:
            value = np.zeros(y.shape) if i in summands(eqn) else np.asarray(over.plan.point(y).value)
            rows.append(Traced(y.shape, value, constant=True))
    arrays = BatchedContext(FLOAT, over.count * n).arrays
    found = arrays.apply(eqn.operation, *rows, **eqn.parameters).value
    return np.asarray(found).reshape(over.count, n, -1).swapaxes(1, 2)


def _slack(over: Relaxation, size: Array) -> Array:
    """What rounding may do to elements of a form, whose terms are of such sizes."""
    n = 2 * over.middle.shape[1] + 2 * max(eqn.result.shape.size for eqn in over.plan.equations) + 64
    return np.asarray(4 * n * U * size + TINY * (1 + over.radius.sum(axis=1) + size.sum(axis=1))[:, None])


def flat(arrays: Sequence[Array], axes: int) -> Array:
    """Arrays side by side, with one axis after the first ones."""
    rows = [a.reshape(*a.shape[:axes], prod(a.shape[axes:])) for a in arrays]
    return np.concatenate(rows, axis=-1) if len(rows) > 1 else rows[0]
