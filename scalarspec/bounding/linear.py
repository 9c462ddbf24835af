"""Bounds by linear relaxation: each output between affine functions of the inputs, found backwards, and certified.

A spec is taken apart into equations of three kinds: linear operations, products, and functions of one number. For rows
of weights w of a value y, what is known is

    <w, y>  >=  Σ <c_v, v> + k     over the values v that y is made of,

at first with c_y = w; and equation by equation, backwards, a value gives way to its operands: in a linear operation by
the rule that gradients have, in a product by its planes at the middle, in a function by a line below it where its
coefficient is positive, and above it where it is negative. What has no such relaxation gives way to its range. In the
end only inputs are left, over whose box the affine function is least at a corner (Zhang et al. 2018: CROWN). The ranges
of what curved functions are applied to are sharpened by such passes of their own.

In the last pass a smooth function may instead give way to its tangent and κ (t - m)², κ below f″/2, where t is affine
in the inputs but for a small rest: a quadratic form in the inputs, whose least value over the box is at a corner too
where the affine part outweighs its curvature, and is bounded from there.

Rounding. Coefficients are floats, whatever they are: c_v v stands for what the float c_v is. What rounding does to the
inequality at one equation is at most γ <|g|, M>, where g are the coefficients of its result, M its value if all
operands and terms had their largest size and one sign, and γ = (2 n + number of equations + 16) 1.25 u for n elements:
each product and each of the sums along the way adds u relatively, and u = 2^-53. Underflow is paid for by 2^-900 (1 + Σ
M + the sizes of the operands). Both are taken off in the end. All is done for many boxes at once: arrays have axes
(box, row, *shape of the value).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from scalarspec.bounding.affine_forms import Form, Range, carried, flat
from scalarspec.bounding.backward import Rows, dot
from scalarspec.bounding.plan import FLOAT, Plan
from scalarspec.bounding.univariate import FUNCTIONS, Lines, curvature, lines, tangents
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.elementary import TINY, U
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

Array = np.ndarray[Any, Any]
Boxes = Sequence[tuple[Array, Array]]

ELEMENTS = 1 << 22
"""So many coefficients of a value go backwards at a time, about."""
FORMS = 1 << 24
"""So many numbers an affine form has at most."""
SHARES = (0.5, 1.0)
"""Of what a kink's coefficient is, how much of it holds the inputs in a part of the box."""


class Relaxation:
    """A plan over many boxes: the ranges of all values there, sharpened, and affine functions below the result.

    boxes: for each input their ends, float arrays of shape (boxes, *shape); balls: for those that are in a Euclidean
    ball as well, its centres and radii. clips: for some values, by their places among the equations, ends that they are
    said to lie between in each box: arrays of the same shape.
    """

    def __init__(
        self,
        plan: Plan,
        boxes: Boxes,
        balls: Sequence[tuple[Array, Array] | None],
        clips: Mapping[int, tuple[Array, Array]] | None = None,
    ) -> None:
        self.plan, self.clips = plan, clips or {}
        self.clipped = {plan.equations[i].result: ends for i, ends in self.clips.items()}
        self.count = len(boxes[0][0])
        self.batch = BatchedContext(plan.context, self.count)
        self.values: dict[Traced, Traced] = {}
        self.forms: dict[Traced, Form] = {}
        self.feasible = np.ones(self.count, dtype=bool)
        self.gaps: dict[int, Array] = {}
        self.slopes: Array | None = None
        self._ranges: dict[Traced, Range] = {}
        self._lines: dict[Equation, Lines] = {}
        self._tangents: dict[Equation, tuple[Range, Lines, Array, Array]] = {}
        self._sizes: dict[Equation, Array] = {}
        for x, (low, high) in zip(plan.inputs, boxes, strict=True):
            self._put(x, low, high)
        ends = [self.range(x) for x in plan.inputs]
        self.middle = flat([r.middle for r in ends], 1)
        self.radius = flat([r.radius for r in ends], 1)
        self.bounded = all(r.finite is None for r in ends)
        self.balls = list(self._placed(balls))
        self._forward()

    def _placed(self, balls: Sequence[tuple[Array, Array] | None]) -> Iterator[tuple[slice, Array, Array]]:
        """Which of the inputs are in a ball, where its centre is from their middle, and its radius."""
        start = 0
        for x, ball in zip(self.plan.inputs, balls, strict=True):
            place = slice(start, start + x.shape.size)
            start = place.stop
            if ball is not None:
                yield place, ball[0].reshape(self.count, -1) - self.middle[:, place], ball[1]

    def spread(self, slopes: Array) -> Array:
        """At least -min slopes (x - middle) over the inputs of each box; (boxes, rows, inputs) -> (boxes, rows)."""
        sizes = np.abs(slopes)
        total = dot(sizes, self.radius)
        n = 2 * slopes.shape[-1] + 32
        for place, aside, radius in self.balls:
            inside = dot(sizes[..., place], self.radius[:, place])
            norm = np.sqrt((slopes[..., place] ** 2).sum(axis=-1)) * (1 + n * U) + 2.0**-500
            lost = n * U * (dot(sizes[..., place], np.abs(aside)) + radius[:, None] * norm)
            total = total - inside + np.minimum(inside, radius[:, None] * norm - dot(slopes[..., place], aside) + lost)
            total = total + 4 * U * inside
        return total

    def reach(self, slopes: Array) -> Array:
        """At least |slopes (x - middle)|."""
        n = slopes.shape[-1]
        most = np.maximum(self.spread(slopes), self.spread(-slopes)) if self.balls else self.spread(slopes)
        return np.asarray(most * (1 + (2 * n + 16) * U) + TINY)

    # ---- ranges -----------------------------------------------------------------------------------------------------

    def value(self, x: Traced) -> Traced:
        """A value in the batch of boxes."""
        found: Traced = self.values.get(x, x.value)
        return found

    def range(self, x: Traced) -> Range:
        """The best ends known of a value, in floats."""
        if x not in self._ranges:
            value = self.value(x)
            if value.constant:
                low, high = (end[None] for end in self.plan.ends(x))
            else:
                low, high = self.plan.context.arrays.floats(value.value)
            self._ranges[x] = Range(low, high)
        return self._ranges[x]

    def tensor(self, x: Traced) -> Tensor:
        """A value as a tensor of boxes: (boxes, *shape)."""
        r = self.range(x)
        return self.plan.context.box(r.low, r.high)

    def _put(self, x: Traced, low: Array, high: Array) -> None:
        self.values[x] = Traced(x.shape, self.plan.context.box(low, high).value)
        self._ranges.pop(x, None)

    def _within(self, x: Traced, low: Array, high: Array) -> None:
        """A value is known to lie between ends, too. NaN: nothing is known."""
        r = self.range(x)
        low, high = np.fmax(low, r.low), np.fmin(high, r.high)
        empty = low > high
        self.feasible &= ~empty.reshape(self.count, -1).any(axis=1)
        self._put(x, np.where(empty, r.low, low), np.where(empty, r.high, high))

    def _forward(self) -> None:
        """The ranges, in order: what a curved function is applied to is sharpened first."""
        made, arrays = self.plan.tape.arrays.made, self.batch.arrays
        for i, eqn in enumerate(self.plan.equations):
            if eqn.operation in FUNCTIONS:
                self._sharpen(eqn.operands[0], i)
            known = [eqn] + ([made[eqn.result]] if eqn.result in made else [])
            for k, way in enumerate(known):
                found = arrays.apply(way.operation, *map(self.value, way.operands), **way.parameters)
                if k == 0:
                    self.values[eqn.result] = found
                else:
                    self._within(eqn.result, *self.plan.context.arrays.floats(found.value))
            if i in self.clips:
                self._within(eqn.result, *self.clips[i])

    def _sharpen(self, x: Traced, before: int) -> None:
        """The range of a value, by its affine form, where that may be better than by evaluation."""
        if x in self.plan.curved or (self.balls and x in self.plan.place):
            self.form(x, before)

    def form(self, x: Traced, before: int) -> Form:
        """The affine form of a value that is made by the equations before a place."""
        if x not in self.forms:
            form = self.forms[x] = carried(self, x, before) or self._form(x, before)
            self._within(x, form.low.reshape(self.count, *x.shape), form.high.reshape(self.count, *x.shape))
        return self.forms[x]

    def _form(self, x: Traced, before: int) -> Form:
        """By a pass with rows of ± the unit matrix."""
        size = x.shape.size
        if not size:
            nothing = np.zeros((self.count, 0))
            return Form(np.zeros((self.count, 0, self.middle.shape[1])), nothing, nothing, nothing, nothing, nothing)
        units = np.eye(size).reshape(size, *x.shape)
        step = max(1, ELEMENTS // (self.count * max(size, self.middle.shape[1], 1)))
        parts: list[list[Array]] = []
        for i in range(0, size, step):
            part = Rows(self, x, np.concatenate([units[i : i + step], -units[i : i + step]]), before).form()
            kept = [
                a if self.affordable(x) else a[:, :0] for a in (part.slopes, part.reach, part.rest_low, part.rest_high)
            ]
            parts.append([*kept, part.low, part.high])
        return Form(*(np.concatenate(each, axis=1) for each in zip(*parts, strict=True)))

    # ---- what is asked ----------------------------------------------------------------------------------------------

    def bounds(self) -> tuple[Array, Array]:
        """The ends of the result over each box: float arrays of shape (boxes, *shape), infinite where unknown.

        A box in which no input meets the clips gives (inf, -inf).
        """
        x, size = self.plan.result, self.plan.result.shape.size
        before = len(self.plan.equations)
        if not x.constant and size:
            units = np.eye(size).reshape(size, *x.shape)
            step = max(1, ELEMENTS // (self.count * max(self.middle.shape[1], 64)))
            for i in range(0, size, step):
                self._tighten(x, units[i : i + step], i, before)
        r = self.range(x)
        low, high = (np.array(np.broadcast_to(end, (self.count, *x.shape))) for end in (r.low, r.high))
        low[~self.feasible], high[~self.feasible] = np.inf, -np.inf
        return low, high

    def _tighten(self, x: Traced, part: Array, start: int, before: int) -> None:
        """The ends of some elements of the result, by rows of ± units, once for each share that clips may have."""
        count, shape, shares = len(part), (self.count, x.shape.size), (0.0, *(SHARES if self.clips else ()))
        for quadratic in (True, False):
            weights = np.concatenate([part, -part] * len(shares))
            rows = Rows(self, x, weights, before, quadratic, np.repeat(shares, 2 * count))
            least = np.fmax.reduce(rows.least().reshape(self.count, len(shares), 2 * count), axis=1)
            low, high = np.full(shape, np.nan), np.full(shape, np.nan)
            low[:, start : start + count], high[:, start : start + count] = least[:, :count], -least[:, count:]
            self._within(x, low.reshape(self.count, *x.shape), high.reshape(self.count, *x.shape))
            if not rows.rests:
                break  # there was nothing that lines could do better
        if not start:
            self.gaps = {eqn: gaps[:, : 2 * count] for eqn, gaps in rows.gaps.items()}
            self.slopes = rows.slopes[:, : 2 * count]

    # ---- where to split ---------------------------------------------------------------------------------------------

    def kinks(self) -> list[list[int] | None]:
        """For each box, where the lines around a kink cost the widest output most: the equation and the element."""
        best: list[Any] = [(0.0, None)] * self.count
        for i, gaps in self.gaps.items():
            for k, row in enumerate(self._of_widest(gaps)):
                element = int(np.argmax(row))
                if row[element] > best[k][0]:
                    best[k] = (row[element], [i, element])
        return [place for _, place in best]

    def inputs(self) -> list[list[list[int]]]:
        """For each box, the element of an input along which the widest output changes most, and the widest element.

        Each as the input's place and the element's; none for a box that is a point.
        """
        places = [[k, e] for k, x in enumerate(self.plan.inputs) for e in range(x.shape.size)]
        if self.slopes is None or not places:
            return [[] for _ in range(self.count)]
        changes = self._of_widest(np.abs(self.slopes) * self.radius[:, None])
        steepest = np.where(np.any(changes > 0, axis=1), np.argmax(changes, axis=1), np.argmax(self.radius, axis=1))
        pairs = zip(steepest, np.argmax(self.radius, axis=1), np.any(self.radius > 0, axis=1), strict=True)
        return [[places[i], places[j]] if wide else [] for i, j, wide in pairs]

    def _of_widest(self, rows: Array) -> Array:
        """For each box, the sum of the rows for the two sides of the widest output."""
        size = rows.shape[1] // 2
        r = self.range(self.plan.result)
        with np.errstate(invalid="ignore"):
            width = (r.high - r.low).reshape(self.count, -1)[:, :size]
        at = np.argmax(np.where(np.isfinite(width), width, -1.0), axis=1)
        found, every = flat([rows], 2), np.arange(self.count)
        return np.asarray(found[every, at] + found[every, at + size])

    # ---- at an equation ---------------------------------------------------------------------------------------------

    def lines(self, eqn: Equation) -> Lines:
        """Around the function of an equation."""
        if eqn not in self._lines:
            self._lines[eqn] = lines(eqn.operation, self.tensor(eqn.operands[0]))
        return self._lines[eqn]

    def tangent(self, eqn: Equation) -> tuple[Range, Lines, Array, Array]:
        """At the middle of a range, of the function of an equation, with that range and the ends of f″ there."""
        if eqn not in self._tangents:
            x = eqn.operands[0]
            t = self.tensor(x)
            self._tangents[eqn] = (
                self.range(x),
                tangents(eqn.operation, t),
                *curvature(eqn.operation, t),
            )
        return self._tangents[eqn]

    def size(self, eqn: Equation) -> Array:
        """M of a linear equation or a product: the result, if all operands had their largest size and one sign."""
        if eqn not in self._sizes:
            self._sizes[eqn] = self.made(eqn, [self.range(x).size for x in eqn.operands], signed=False)
        return self._sizes[eqn]

    def made(self, eqn: Equation, operands: Sequence[Array], signed: bool) -> Array:
        """The result of an equation for floats in the place of its operands; unsigned: with all signs +."""
        rows = [self.floats(x, a if signed else np.abs(a)) for x, a in zip(eqn.operands, operands, strict=True)]
        unsigned = {"subtract": "add", "negative": "abs"}
        operation = eqn.operation if signed else unsigned.get(eqn.operation, eqn.operation)
        return self.applied(operation, rows, eqn.parameters)

    def product(self, eqn: Equation, operands: Sequence[Array]) -> Array:
        """Of the two factors of an equation, from an array for each operand."""
        a, b = (self.floats(x, each) for x, each in zip(eqn.operands[:2], operands[:2], strict=True))
        if eqn.operation == "affine_rows":
            a, b = b, Traced(Shape(a.shape[::-1]), a.value.swapaxes(-1, -2), a.constant)
        return self.applied("multiply" if eqn.operation == "multiply" else "matmul", [a, b], {})

    def affordable(self, x: Traced) -> bool:
        """May the affine form of a value be kept?"""
        return bool(self.count * x.shape.size * self.middle.shape[1] <= FORMS)

    def floats(self, x: Traced, array: Array) -> Traced:
        """Floats in the place of a value, one array for each box."""
        if x.constant:
            return Traced(x.shape, np.ascontiguousarray(array[0]), constant=True)
        return Traced(x.shape, array)

    def applied(self, operation: str, operands: list[Traced], parameters: Mapping[str, Any]) -> Array:
        """An operation on floats, one for each box."""
        arrays = BatchedContext(FLOAT, self.count).arrays
        found = arrays.apply(operation, *operands, **parameters)
        return np.asarray(found.value)[None] if found.constant else np.asarray(found.value)
