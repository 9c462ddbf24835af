"""Bounds by linear relaxation: each output between affine functions of the inputs, found backwards, and certified.

A spec is taken apart into notes of three kinds: linear operations, products, and functions of one number. For rows of
weights w of a value y, what is known is

    <w, y>  >=  Σ <c_v, v> + k     over the values v that y is made of,

at first with c_y = w; and note by note, backwards, a value gives way to its operands: in a linear operation by the rule
that gradients have, in a product by its planes at the middle, in a function by a line below it where its coefficient is
positive, and above it where it is negative. What has no such relaxation gives way to its range. In the end only inputs
are left, over whose box the affine function is least at a corner (Zhang et al. 2018: CROWN). The ranges of what curved
functions are applied to are sharpened by such passes of their own.

In the last pass a smooth function may instead give way to its tangent and κ (t - m)², κ below f″/2, where t is affine
in the inputs but for a small rest: a quadratic form in the inputs, whose least value over the box is at a corner too
where the affine part outweighs its curvature, and is bounded from there.

Rounding. Coefficients are floats, whatever they are: c_v v stands for what the float c_v is. What rounding does to the
inequality at one note is at most γ <|g|, M>, where g are the coefficients of its result, M its value if all operands
and terms had their largest size and one sign, and γ = (2 n + number of notes + 16) 1.25 u for n elements: each product
and each of the sums along the way adds u relatively, and u = 2^-53. Underflow is paid for by 2^-900 (1 + Σ M + the
sizes of the operands). Both are taken off in the end. All is done for many boxes at once: arrays have axes (box, row,
*shape of the value).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from scalarspec.batched import BatchedContext
from scalarspec.elementary import TINY, U
from scalarspec.gradient import RULES, Note, fitted
from scalarspec.interpreter import Traced
from scalarspec.plan import FLOAT, PRODUCTS, Plan
from scalarspec.relaxation import FUNCTIONS, KINKED, Lines, curvature, lines, tangents
from scalarspec.shape import Shape
from scalarspec.tensor import Tensor

Array = np.ndarray[Any, Any]
Boxes = Sequence[tuple[Array, Array]]

ELEMENTS = 1 << 22
"""So many coefficients of a value go backwards at a time, about."""
FORMS = 1 << 24
"""So many numbers an affine form has at most."""
CORNERS = 3
"""So often the corner is corrected at which a quadratic form should be least."""
NEGLIGIBLE = 1e-3
SHARES = (0.5, 1.0)
"""Of what a kink's coefficient is, how much of it holds the inputs in a part of the box."""


class Relaxation:
    """A plan over many boxes: the ranges of all values there, sharpened, and affine functions below the result.

    boxes: for each input their ends, float arrays of shape (boxes, *shape); balls: for those that are in a Euclidean
    ball as well, its centres and radii. clips: for some values, by their places among the notes, ends that they are
    said to lie between in each box: arrays of the same shape.
    """

    def __init__(
        self,
        plan: Plan,
        boxes: Sequence[tuple[Array, Array]],
        balls: Sequence[tuple[Array, Array] | None],
        clips: Mapping[int, tuple[Array, Array]] | None = None,
    ) -> None:
        self.plan, self.clips = plan, clips or {}
        self.clipped = {plan.notes[i].result: ends for i, ends in self.clips.items()}
        self.count = len(boxes[0][0])
        self.batch = BatchedContext(plan.context, self.count)
        self.values: dict[Traced, Traced] = {}
        self.forms: dict[Traced, _Form] = {}
        self.feasible = np.ones(self.count, dtype=bool)
        self.gaps: dict[int, Array] = {}
        self.slopes: Array | None = None
        self._ranges: dict[Traced, _Range] = {}
        self._lines: dict[Note, Lines] = {}
        self._tangents: dict[Note, tuple[_Range, Lines, Array, Array]] = {}
        self._sizes: dict[Note, Array] = {}
        for x, (low, high) in zip(plan.inputs, boxes, strict=True):
            self._put(x, low, high)
        ends = [self.range(x) for x in plan.inputs]
        self.middle = _flat([r.middle for r in ends], 1)
        self.radius = _flat([r.radius for r in ends], 1)
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
        total = _dot(sizes, self.radius)
        n = 2 * slopes.shape[-1] + 32
        for place, aside, radius in self.balls:
            inside = _dot(sizes[..., place], self.radius[:, place])
            norm = np.sqrt((slopes[..., place] ** 2).sum(axis=-1)) * (1 + n * U) + 2.0**-500
            lost = n * U * (_dot(sizes[..., place], np.abs(aside)) + radius[:, None] * norm)
            total = total - inside + np.minimum(inside, radius[:, None] * norm - _dot(slopes[..., place], aside) + lost)
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

    def range(self, x: Traced) -> _Range:
        """The best ends known of a value, in floats."""
        if x not in self._ranges:
            value = self.value(x)
            if value.constant:
                low, high = (end[None] for end in self.plan.ends(x))
            else:
                low, high = self.plan.context.arrays.floats(value.value)
            self._ranges[x] = _Range(low, high)
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
        for i, note in enumerate(self.plan.notes):
            if note.operation in FUNCTIONS:
                self._sharpen(note.operands[0], i)
            known = [note] + ([made[note.result]] if note.result in made else [])
            for k, way in enumerate(known):
                found = arrays.apply(way.operation, *map(self.value, way.operands), **way.parameters)
                if k == 0:
                    self.values[note.result] = found
                else:
                    self._within(note.result, *self.plan.context.arrays.floats(found.value))
            if i in self.clips:
                self._within(note.result, *self.clips[i])

    def _sharpen(self, x: Traced, before: int) -> None:
        """The range of a value, by its affine form, where that may be better than by evaluation."""
        if x in self.plan.curved or (self.balls and x in self.plan.place):
            self.form(x, before)

    def form(self, x: Traced, before: int) -> _Form:
        """The affine form of a value that is made by the notes before a place."""
        if x not in self.forms:
            form = self.forms[x] = self._derived(x, before) or self._form(x, before)
            self._within(x, form.low.reshape(self.count, *x.shape), form.high.reshape(self.count, *x.shape))
        return self.forms[x]

    def _form(self, x: Traced, before: int) -> _Form:
        """By a pass with rows of ± the unit matrix."""
        size = x.shape.size
        if not size:
            nothing = np.zeros((self.count, 0))
            return _Form(np.zeros((self.count, 0, self.middle.shape[1])), nothing, nothing, nothing, nothing, nothing)
        units = np.eye(size).reshape(size, *x.shape)
        step = max(1, ELEMENTS // (self.count * max(size, self.middle.shape[1], 1)))
        parts = [
            _Rows(self, x, np.concatenate([units[i : i + step], -units[i : i + step]]), before).form()
            for i in range(0, size, step)
        ]
        return _Form(*(np.concatenate(each, axis=1) for each in zip(*(vars(p).values() for p in parts), strict=True)))

    def _derived(self, x: Traced, before: int) -> _Form | None:
        """The form of an elementwise result of one curved value, from that one's: a pass would not do better."""
        if x not in self.plan.place:
            return None
        note = self.plan.notes[self.plan.place[x]]
        if any(y.shape != x.shape for y in note.operands if not y.constant):
            return None
        curved = [y for y in note.operands if y in self.plan.curved]
        if len(curved) != 1:
            return None
        terms = self._terms(note)
        if terms is None:
            return None
        zeros = np.zeros((self.count, x.shape.size))
        slopes, low, high, size = zeros[..., None] * self.middle[:, None], zeros, zeros, zeros
        for y, slope, rest_low, rest_high in terms:
            slope, rest_low, rest_high = (
                _flat([np.broadcast_to(a, (self.count, *x.shape))], 1) for a in (slope, rest_low, rest_high)
            )
            size = size + np.maximum(np.abs(rest_low), np.abs(rest_high))
            low, high = low + rest_low, high + rest_high
            if y is not None:
                form = self.form(y, before)
                ends = slope * form.rest_low, slope * form.rest_high
                slopes, low, high = (
                    slopes + slope[..., None] * form.slopes,
                    low + np.minimum(*ends),
                    high + np.maximum(*ends),
                )
                size = size + np.abs(slope) * (form.reach + np.maximum(np.abs(form.rest_low), np.abs(form.rest_high)))
        n = self.middle.shape[1]
        slack = (4 * n + 64) * U * size + TINY
        low, high = low - slack, high + slack
        reach = self.reach(slopes)
        return _Form(slopes, reach, low, high, low - reach * (1 + 4 * U), high + reach * (1 + 4 * U))

    def _terms(self, note: Note) -> list[tuple[Traced | None, Array, Array, Array]] | None:
        """The result as a sum of slope y + [low, high], elementwise; None where it is no such sum."""
        zero = np.zeros(1)
        if note.operation in FUNCTIONS:
            (x,), found = note.operands, self.lines(note)
            slope, r = (found.low_slope + found.high_slope) / 2, self.range(x)
            low, high = (
                line + (of - slope) * r.middle + sign * np.abs(of - slope) * r.radius
                for line, of, sign in ((found.low, found.low_slope, -1), (found.high, found.high_slope, 1))
            )
            lost = 32 * U * (np.abs(found.low_slope) + np.abs(found.high_slope)) * r.size
            return [(x, slope, low - lost, high + lost)]
        signs = {"add": (1, 1), "subtract": (1, -1), "negative": (-1,)}.get(note.operation)
        if signs is not None:
            pairs = [(y, self.range(y), float(sign)) for y, sign in zip(note.operands, signs, strict=True)]
            return [
                (None, zero, *((r.low, r.high) if sign > 0 else (-r.high, -r.low)))
                if y.constant
                else (y, np.full(1, sign), zero, zero)
                for y, r, sign in pairs
            ]
        if note.operation in ("multiply", "divide") and self.plan.linear(note):
            a, b = note.operands
            y, c = (a, b) if b.constant else (b, a)
            number = self.plan.point(c).value
            return [(y, number if note.operation == "multiply" else 1 / number, zero, zero)]
        return None

    # ---- what is asked ----------------------------------------------------------------------------------------------

    def bounds(self) -> tuple[Array, Array]:
        """The ends of the result over each box: float arrays of shape (boxes, *shape), infinite where unknown.

        A box in which no input meets the clips gives (inf, -inf).
        """
        x, size = self.plan.result, self.plan.result.shape.size
        before = len(self.plan.notes)
        if not x.constant and size:
            units = np.eye(size).reshape(size, *x.shape)
            step = max(1, ELEMENTS // (self.count * max(self.middle.shape[1], 64)))
            for i in range(0, size, step):
                self._tighten(x, units[i : i + step], i, before)
        low, high = (np.array(np.broadcast_to(end, (self.count, *x.shape))) for end in self._ends(x))
        low[~self.feasible], high[~self.feasible] = np.inf, -np.inf
        return low, high

    def _ends(self, x: Traced) -> tuple[Array, Array]:
        r = self.range(x)
        return r.low, r.high

    def _tighten(self, x: Traced, part: Array, start: int, before: int) -> None:
        """The ends of some elements of the result, by rows of ± units, once for each share that clips may have."""
        count, shape, shares = len(part), (self.count, x.shape.size), (0.0, *(SHARES if self.clips else ()))
        for quadratic in (True, False):
            weights = np.concatenate([part, -part] * len(shares))
            rows = _Rows(self, x, weights, before, quadratic, np.repeat(shares, 2 * count))
            least = np.fmax.reduce(rows.least().reshape(self.count, len(shares), 2 * count), axis=1)
            low, high = np.full(shape, np.nan), np.full(shape, np.nan)
            low[:, start : start + count], high[:, start : start + count] = least[:, :count], -least[:, count:]
            self._within(x, low.reshape(self.count, *x.shape), high.reshape(self.count, *x.shape))
            if not rows.rests:
                break  # there was nothing that lines could do better
        if not start:
            self.gaps = {note: gaps[:, : 2 * count] for note, gaps in rows.gaps.items()}
            self.slopes = rows.slopes[:, : 2 * count]

    # ---- where to split ---------------------------------------------------------------------------------------------

    def kinks(self) -> list[list[int] | None]:
        """For each box, where the lines around a kink cost the widest output most: the note and the element."""
        best: list[Any] = [(0.0, None)] * self.count
        for i, gaps in self.gaps.items():
            for k, row in enumerate(self._of_widest(gaps)):
                element = int(np.argmax(row))
                if row[element] > best[k][0]:
                    best[k] = (row[element], [i, element])
        return [place for _, place in best]

    def inputs(self) -> list[list[int] | None]:
        """For each box, the input along which the widest output changes most, and its element."""
        places = [[k, e] for k, x in enumerate(self.plan.inputs) for e in range(x.shape.size)]
        if self.slopes is None:
            return [None] * self.count
        changes = self._of_widest(np.abs(self.slopes) * self.radius[:, None])
        return [places[int(np.argmax(row))] if row.size and row.max() > 0 else None for row in changes]

    def _of_widest(self, rows: Array) -> Array:
        """For each box, the sum of the rows for the two sides of the widest output."""
        size = rows.shape[1] // 2
        r = self.range(self.plan.result)
        with np.errstate(invalid="ignore"):
            width = (r.high - r.low).reshape(self.count, -1)[:, :size]
        at = np.argmax(np.where(np.isfinite(width), width, -1.0), axis=1)
        flat, every = rows.reshape(*rows.shape[:2], -1), np.arange(self.count)
        return np.asarray(flat[every, at] + flat[every, at + size])

    # ---- at a note --------------------------------------------------------------------------------------------------

    def lines(self, note: Note) -> Lines:
        """Around the function of a note."""
        if note not in self._lines:
            self._lines[note] = lines(note.operation, self.tensor(note.operands[0]))
        return self._lines[note]

    def tangent(self, note: Note) -> tuple[_Range, Lines, Array, Array]:
        """At the middle of a range, of the function of a note, with that range and the ends of f″ there."""
        if note not in self._tangents:
            x = note.operands[0]
            t = self.tensor(x)
            self._tangents[note] = (self.range(x), tangents(note.operation, t), *curvature(note.operation, t))
        return self._tangents[note]

    def size(self, note: Note) -> Array:
        """M of a linear note or a product: the result, if all operands had their largest size and one sign."""
        if note not in self._sizes:
            sizes = [self.floats(x, self.range(x).size) for x in note.operands]
            operation = {"subtract": "add", "negative": "abs"}.get(note.operation, note.operation)
            self._sizes[note] = self.applied(operation, sizes, note.parameters)
        return self._sizes[note]

    def product(self, note: Note, operands: Sequence[Array]) -> Array:
        """Of the two factors of a note, from an array for each operand."""
        a, b = (self.floats(x, each) for x, each in zip(note.operands[:2], operands[:2], strict=True))
        if note.operation == "affine_rows":
            a, b = b, Traced(Shape(a.shape[::-1]), a.value.swapaxes(-1, -2), a.constant)
        return self.applied("multiply" if note.operation == "multiply" else "matmul", [a, b], {})

    def affordable(self, x: Traced) -> bool:
        """May the affine form of a value be kept?"""
        return x in self.forms or self.count * x.shape.size * self.middle.shape[1] <= FORMS

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


@dataclass(eq=False)
class _Range:
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
        with np.errstate(invalid="ignore"):
            middle = np.clip(self.low / 2 + self.high / 2, self.low, self.high)
        return middle if self.finite is None else np.where(self.finite, middle, 0.0)

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
class _Form:
    """slopes (x - middle of x) + [rest_low, rest_high], for the inputs x: arrays (boxes, elements, inputs).

    reach: at least |slopes| times the radius of the box; low, high: the ends of the value that this gives, NaN where
    none is known; (boxes, elements).
    """

    slopes: Array
    reach: Array
    rest_low: Array
    rest_high: Array
    low: Array
    high: Array


class _Rows:
    """Rows of an inequality on the way back: <w, y> >= Σ <coefficients[v], v> + constant - lost.

    quadratic: smooth functions give way to their tangents and a rest that is quadratic in the inputs, where that pays.
    shares: for each row, how much of the coefficient of a clipped value's function is put on the clip (a Lagrange
    multiplier). rests: did anything stand beside tangents, for which lines might do better?
    """

    def __init__(
        self,
        over: Relaxation,
        x: Traced,
        weights: Array,
        before: int,
        quadratic: bool = False,
        shares: Array | None = None,
    ) -> None:
        self.over, self.plan, self.quadratic = over, over.plan, quadratic
        self.count = len(weights)
        self.shares = np.zeros(self.count) if shares is None else shares
        self.rests = False
        self.floats = BatchedContext(FLOAT, over.count * self.count)
        self.constant, self.lost = np.zeros((2, over.count, self.count))
        self.broken = np.zeros((over.count, self.count), dtype=bool)
        self.gaps: dict[int, Array] = {}
        self.bent: list[tuple[_Form, Array, Array]] = []
        self.coefficients = {x: np.broadcast_to(weights, (over.count, *weights.shape))}
        self.walk(before)

    def walk(self, before: int) -> None:
        """Back to the inputs."""
        for i in range(before - 1, -1, -1):
            note = self.plan.notes[i]
            g = self.coefficients.pop(note.result, None)
            if g is not None:
                self.through(note, g, i)
        inputs = self.plan.inputs
        for v in [v for v in self.coefficients if v not in inputs]:
            self.replaced(v, self.coefficients.pop(v))
        flat = [self.coefficients.get(x, np.zeros((self.over.count, self.count, *x.shape))) for x in inputs]
        self.slopes = _flat(flat, 2)
        for x, g in zip(inputs, flat, strict=True):
            self.spend(g, self.over.range(x).size)

    def through(self, note: Note, g: Array, i: int) -> None:
        """A value gives way to the operands that it was made of."""
        if self.plan.linear(note):
            self._by_rule(note, g)
        elif note.operation in PRODUCTS:
            self._by_planes(note, g)
        elif note.operation in FUNCTIONS:
            self._by_lines(note, g, i)
        else:
            self.replaced(note.result, g)

    def replaced(self, v: Traced, g: Array) -> None:
        """A value gives way to its range."""
        r = self.over.range(v)
        self.constant = self.constant + _dot(g, r.middle) - _dot(np.abs(g), r.radius)
        self.spend(g, r.size)

    def spend(self, g: Array, size: Array, *operands: Array) -> None:
        """What rounding may have cost: see above. Rows in which something unbounded counts say nothing.

        operands: the sizes of what has new coefficients, which may have underflowed.
        """
        known = np.isfinite(size)
        if not known.all():
            self.spoil((g != 0) & ~known[:, None])
            size = np.where(known, size, 0.0)
        n = 2 * prod(size.shape[1:]) + len(self.plan.notes) + 16
        self.lost = self.lost + (1.25 * n * U) * _dot(np.abs(g), size)
        small = sum(np.where(np.isfinite(a), a, 0.0).reshape(len(a), -1).sum(axis=1) for a in (size, *operands))
        self.lost = self.lost + TINY * (1 + small)[:, None]

    def spoil(self, where: Array) -> None:
        """Rows that say nothing."""
        self.broken |= where.reshape(*where.shape[:2], -1).any(axis=-1)

    def add(self, x: Traced, share: Array) -> None:
        """More coefficients of a value."""
        known = self.coefficients.get(x)
        self.coefficients[x] = share if known is None else known + share

    # ---- the three kinds --------------------------------------------------------------------------------------------

    def _by_rule(self, note: Note, g: Array) -> None:
        """<g, L a + c> = <Lᵀ g, a> + <g, c>, by the rule for the gradient."""
        points = [self.plan.point(x) if self.plan.known(x) else _placeholder(x.shape) for x in note.operands]
        self._handed(note, g, points, _summands(note))
        self.spend(g, self.over.size(note), *(self.over.range(x).size for x in note.operands))

    def _by_planes(self, note: Note, g: Array) -> None:
        """a b = a b₀ + a₀ b - a₀ b₀ + (a - a₀) (b - b₀), with points a₀ and b₀ in the middle."""
        ranges = [self.over.range(x) for x in note.operands]
        self._handed(note, g, [self._repeated(r.middle) for r in ranges], range(len(ranges)))
        at_middle = self.over.product(note, [r.middle for r in ranges])
        rest = self.over.product(note, [r.radius for r in ranges])
        self.constant = self.constant - _dot(g, at_middle) - _dot(np.abs(g), rest)
        self.spend(g, 4 * self.over.size(note), *(r.size for r in ranges))

    def _handed(self, note: Note, g: Array, operands: list[Tensor], used: range) -> None:
        """The shares of the operands, by the rule for the gradient; those of known numbers go into the constant."""
        adjoint = Tensor(self.floats, note.result.shape, self._traced(g, note.result.shape))
        shares = RULES[note.operation](adjoint, _placeholder(note.result.shape), *operands, **note.parameters)
        for i, (x, share) in enumerate(zip(note.operands, shares, strict=True)):
            if share is None or (self.plan.known(x) and i not in used):
                continue
            found = self.floats.arrays.spread(fitted(share(), x.shape).value)
            found = found.reshape(self.over.count, self.count, *x.shape)
            if self.plan.known(x):
                self.constant = self.constant + _dot(found, self.over.range(x).middle)
            else:
                self.add(x, found)

    def _traced(self, g: Array, shape: Shape) -> Traced:
        return Traced(shape, np.ascontiguousarray(g).reshape(self.floats.size, *shape))

    def _repeated(self, a: Array) -> Tensor:
        """One array for each box, as a tensor for each row."""
        shape = Shape(a.shape[1:])
        full = np.broadcast_to(a[:, None], (self.over.count, self.count, *shape))
        return Tensor(self.floats, shape, self._traced(full, shape))

    def _by_lines(self, note: Note, g: Array, i: int) -> None:
        """g f(t) >= (g⁺ low_slope + g⁻ high_slope) t + g⁺ low + g⁻ high."""
        (x,) = note.operands
        found = self.over.lines(note)
        if self.quadratic and note.operation not in KINKED:
            found = self._bend(note, g, i, found)
        low, high = found.low, found.high
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            self.spoil((g > 0) & ~np.isfinite(low)[:, None] | (g < 0) & ~np.isfinite(high)[:, None])
            low, high = (np.where(np.isfinite(line), line, 0.0) for line in (low, high))
        size, middle = np.abs(g), low / 2 + high / 2
        self.constant = (
            self.constant + _dot(g, middle) - _dot(size, np.maximum(high - middle, middle - low) * (1 + 4 * U))
        )
        slope, turn = found.low_slope / 2 + found.high_slope / 2, found.high_slope / 2 - found.low_slope / 2
        slopes = g * slope[:, None]
        if turn.any():
            slopes -= size * turn[:, None]
        steepest = np.maximum(np.abs(found.low_slope), np.abs(found.high_slope))
        sloped = np.where(steepest > 0, self.over.range(x).size, 0.0)
        self.spend(g, 4 * (steepest * sloped + np.maximum(np.abs(low), np.abs(high))), sloped)
        self.add(x, _fitted(slopes, x.shape))
        if note.operation in KINKED and x in self.plan.place:
            r = self.over.range(x)
            crossing = (r.low < 0) & (r.high > 0)
            gap = np.where(crossing, r.low * r.high / np.where(crossing, r.low - r.high, 1.0), 0.0)
            self.gaps[self.plan.place[x]] = size * gap[:, None]
        if x in self.over.clipped and self.shares.any():
            self._hold(x, self.shares.reshape(-1, *(1,) * (size.ndim - 2)) * size)

    def _hold(self, x: Traced, weight: Array) -> None:
        """In the part of the box where v >= c, less weight (v - c) is a lower bound still; and so for v <= c."""
        for sign, c in zip((-1, 1), self.over.clipped[x], strict=True):
            held = np.where(np.isfinite(c)[:, None], weight, 0.0)
            c = np.where(np.isfinite(c), c, 0.0)
            self.add(x, sign * held)
            self.constant = self.constant - sign * _dot(held, c)
            self.spend(held, self.over.range(x).size + np.abs(c))

    def _bend(self, note: Note, g: Array, i: int, plain: Lines) -> Lines:
        """Tangents, with κ (t - m)² beside them, where t is affine in the inputs but for a small rest."""
        (x,) = note.operands
        if not self.over.affordable(x) or self.over.range(x).finite is not None:
            return plain
        form = self.over.form(x, i)  # which may narrow the range, in whose middle the tangent is
        r, tangent, least, most = self.over.tangent(note)
        middle, radius, least, most = (_flat([a], 1) for a in (r.middle, r.radius, least, most))
        rest = np.maximum(np.abs(form.rest_low - middle), np.abs(form.rest_high - middle)) * (1 + 4 * U)
        reach = form.reach
        spare = (2 * reach + rest) * rest * (1 + 8 * U)
        known = np.isfinite(least) & np.isfinite(most) & (radius > 0) & (spare <= radius**2 / 2)
        known &= _flat([np.isfinite(tangent.low) & np.isfinite(tangent.high)], 1)
        rows = _flat([g], 2)
        least, most, spare = (np.where(known, a, 0.0)[:, None] for a in (least, most, spare))
        bends = np.minimum(rows * least, rows * most) / 2
        bends = bends - 4 * U * np.abs(bends) - TINY * (rows != 0)
        self.bent.append((form, np.where(known[:, None], bends, 0.0), reach))
        beside = (np.abs(bends) * spare).sum(axis=-1)
        self.lost = self.lost + (1 + 64 * len(middle[0]) * U) * beside
        self.rests |= bool(np.any(beside > NEGLIGIBLE * (np.abs(bends) * reach[:, None] ** 2).sum(axis=-1)))
        chosen = known.reshape(r.middle.shape)
        pairs = zip(vars(tangent).values(), vars(plain).values(), strict=True)
        return Lines(*(np.where(chosen, a, b) for a, b in pairs))

    # ---- the end ----------------------------------------------------------------------------------------------------

    def least(self) -> Array:
        """Lower bounds of <w, y>, for each box and row; NaN where none is found."""
        at_middle, spread = self.at_middle, self.over.spread(self.slopes)
        if self.bent:
            best = self._bent_least(spread)
        else:
            best = at_middle - spread - self.lost - 16 * U * (np.abs(at_middle) + spread + self.lost)
        return np.where(self.broken | ~np.isfinite(best), np.nan, best)

    @cached_property
    def at_middle(self) -> Array:
        """The affine function at the middle of the box."""
        return self.constant + _dot(self.slopes, self.over.middle)

    def _bent_least(self, spread: Array) -> Array:
        """Of c δ + Σ κ (J δ)² over |δ| <= ρ.

        At a corner δ*, with s = -sign δ*, the function at δ* + s t, for t in [0, 2ρ], is larger than there by
        Σ t (s (c + 2 Jᵀ κ J δ*)) + Σ κ (J s t)², and the last is at least -Σ t h with h = 2 Σ κ⁻ r |J|, r = |J| ρ.
        """
        radius, c = self.over.radius[:, None], self.slopes
        if self.over.balls:  # no corners: each κ (J δ)² for itself
            value = -spread + sum((np.minimum(bends, 0) * (r**2)[:, None]).sum(axis=-1) for _, bends, r in self.bent)
            excess = np.zeros(value.shape)
        else:
            value, excess = self._at_corner(radius, c)
        self.rests |= bool(np.any(excess > NEGLIGIBLE * spread))
        terms = spread + sum((np.abs(bends) * (reach**2)[:, None]).sum(axis=-1) for _, bends, reach in self.bent)
        n = c.shape[-1] + sum(bends.shape[-1] for _, bends, _ in self.bent)
        tiny = TINY * n * (1 + sum((np.abs(bends) * reach[:, None]).sum(axis=-1) for _, bends, reach in self.bent))
        lost = self.lost + (64 * n + 256) * U * terms + tiny
        total = self.at_middle + value - excess - lost
        return np.asarray(total - 16 * U * (np.abs(self.at_middle) + np.abs(value) + excess + lost))

    def _at_corner(self, radius: Array, c: Array) -> tuple[Array, Array]:
        """The function's value at a corner where it should be least, and by how much less it can be elsewhere."""
        turn = np.where(c >= 0, 1.0, -1.0)
        for _ in range(CORNERS):
            corner = -turn * radius
            moves = [(corner @ form.slopes.swapaxes(1, 2), form, bends) for form, bends, _ in self.bent]
            gradient = c + 2 * sum((bends * move) @ form.slopes for move, form, bends in moves)
            turn, before = np.where(gradient >= 0, 1.0, -1.0), turn
        gradient = before * gradient
        value = (c * corner).sum(axis=-1) + sum((bends * move**2).sum(axis=-1) for move, _, bends in moves)
        against = 2 * sum(
            (np.maximum(-bends, 0) * reach[:, None]) @ np.abs(form.slopes) for form, bends, reach in self.bent
        )
        return value, (2 * radius * np.maximum(against - gradient, 0.0)).sum(axis=-1)

    def form(self) -> _Form:
        """Of a value whose rows of + and - the unit matrix these are."""
        half = self.count // 2
        least, n = self.least(), self.slopes.shape[-1]
        rising, falling = self.slopes[:, :half], -self.slopes[:, half:]
        slopes = (rising + falling) / 2
        known = np.isfinite(slopes)
        slopes = np.where(known, slopes, 0.0)
        radius = self.over.radius[:, None]
        ends = []
        for k, of, sign in ((slice(half), rising, 1), (slice(half, None), falling, -1)):
            spread = self.over.spread(sign * (of - slopes))
            sizes = ((np.abs(of) + np.abs(slopes)) * radius).sum(axis=-1) + np.abs(self.at_middle[:, k])
            end = self.at_middle[:, k] - spread - self.lost[:, k] - (4 * n + 64) * U * (sizes + self.lost[:, k])
            ends.append(np.where(self.broken[:, k] | ~known.all(axis=-1), np.nan, end))
        return _Form(slopes, self.over.reach(slopes), ends[0], -ends[1], least[:, :half], -least[:, half:])


def _dot(rows: Array, a: Array) -> Array:
    """Of each row with the array of its box: (boxes, rows)."""
    flat = a.reshape(len(a), -1, 1)
    return np.asarray((rows.reshape(*rows.shape[:2], -1) @ flat)[..., 0])


def _flat(arrays: Sequence[Array], axes: int) -> Array:
    """Arrays side by side, with one axis after the first ones."""
    return np.concatenate([a.reshape(*a.shape[:axes], -1) for a in arrays], axis=-1)


def _placeholder(shape: Shape) -> Tensor:
    """A tensor of whose numbers no rule makes use."""
    return Tensor(FLOAT, shape, np.broadcast_to(np.nan, shape))


def _fitted(g: Array, shape: Shape) -> Array:
    """A scalar that served every element is handed the sum of their shares."""
    full = (*g.shape[:2], *shape)
    return g if g.shape == full else g.sum(axis=tuple(range(2, g.ndim))).reshape(full)


def _summands(note: Note) -> range:
    """The operands that are added up; the others are factors."""
    if note.operation in ("add", "subtract", "stack"):
        return range(len(note.operands))
    return range(2, 3) if note.operation in ("affine", "affine_rows") else range(0)
