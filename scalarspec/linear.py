"""Bounds by linear relaxation: each output between affine functions of the inputs, found backwards, and certified.

The spec is evaluated over the box, on a tape. Then, for a row of weights w of the result y, what is known is

    <w, y>  >=  Σ <c_v, v> + k     over the values v that y is made of,

at first with c_y = w; and note by note, backwards, a value gives way to its operands: a linear operation by the rule
that gradients have, a product by its planes at the middle, a function of one number by a line below it where its
coefficient is positive, and above it where it is negative. What has no such relaxation gives way to its enclosure. In
the end only inputs are left, over whose box the affine function is least at a corner (Zhang et al. 2018: CROWN).

Any coefficients will do, so they are rounded to floats; what that and all other rounding does to the inequality is
enclosed in k, over the box. The ranges of what functions are applied to are sharpened by such passes of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalarspec import functions as f
from scalarspec.batched import BatchedContext
from scalarspec.context import Context
from scalarspec.gradient import RULES, Note, Tape, fitted, recorded, spread
from scalarspec.interpreter import Traced
from scalarspec.relaxation import FUNCTIONS, Lines, lines
from scalarspec.sets import inf, mid, sup
from scalarspec.shape import Shape
from scalarspec.tensor import Tensor

LINEAR = {
    "add", "subtract", "negative", "sum", "mean", "getitem", "scatter", "reshape", "matrix_transpose", "broadcast_to",
    "stack",
}  # fmt: skip
COMPOSED = {"mean_square", "logsumexp", "maximum", "minimum", "clip", "leaky_relu", "divide"}
STEPS = {"heaviside", "sign", "where"}
PRODUCTS = {"multiply", "matmul", "affine", "affine_rows"}
ROWS = 512
"""How many rows go backwards at a time."""


@dataclass(eq=False)
class Relaxation:
    """A spec over a box of variables. ranges: the best enclosure known of each value."""

    context: Context[Any]
    tape: Tape
    result: Traced
    inputs: list[Traced]
    ranges: dict[Traced, Tensor] = field(default_factory=dict)
    curved: set[Traced] = field(default_factory=set)

    @classmethod
    def of(cls, spec: Callable[..., Tensor], args: Sequence[Any], boxes: Sequence[Tensor]) -> Relaxation:
        """The spec at arguments in an enclosing context, in which some tensors are boxes."""
        context: Context[Any] = boxes[0].context
        tape, variables, result = recorded(context, spec, args, boxes)
        return cls(context, tape, result, [variables[id(t)].value for t in boxes])

    @property
    def notes(self) -> list[Note]:
        """What was done, in order."""
        return self.tape.arrays.notes

    def evaluated(self) -> Tensor:
        """The enclosure of the result, by evaluation."""
        return Tensor(self.context, self.result.shape, self.result.value)

    def linear(self) -> Tensor:
        """The enclosure of the result, by linear relaxation."""
        if self.result.constant:
            return self.evaluated()
        self._forward()
        return self._bounded(self.result, len(self.notes))

    def mean_value(self, centre: Tensor) -> Tensor:
        """f(c) + f'(box) (box - c), where f(c) is given; the evaluation, where the spec may have steps."""
        size = self.result.shape.size
        if self.result.constant or not size or any(note.operation in STEPS for note in self.notes):
            return self.evaluated()
        rows = BatchedContext(self.context, size)
        units = rows.rows(self.context.tensor(np.eye(size).reshape(size, *self.result.shape)))
        total = rows.rows(f.reshape(centre, (size,)))
        for x, slopes in zip(self.inputs, self.tape.arrays.swept(self.result, self.inputs, units), strict=True):
            box = Tensor(self.context, x.shape, x.value)
            total = total + f.sum(slopes * (box - _middle(box)))
        return f.reshape(Tensor(self.context, Shape((size,)), rows.arrays.spread(total.value)), self.result.shape)

    def range(self, x: Traced) -> Tensor:
        """The best enclosure known of a value."""
        if x not in self.ranges:
            self.ranges[x] = Tensor(self.context, x.shape, x.value)
        return self.ranges[x]

    def _forward(self) -> None:
        """The ranges, in order: what a function is applied to is sharpened first."""
        for i, note in enumerate(self.notes):
            if note.operation in FUNCTIONS | COMPOSED:
                for x in note.operands:
                    if x in self.curved and not x.constant:
                        self.ranges[x] = self._bounded(x, i)
            values = [self.range(x).value for x in note.operands]
            value = self.context.arrays.apply(note.operation, *values, **note.parameters)
            self.ranges[note.result] = Tensor(self.context, note.result.shape, value)
            if not _linear(note) or any(x in self.curved for x in note.operands):
                self.curved.add(note.result)

    def _bounded(self, x: Traced, before: int) -> Tensor:
        """The enclosure of a value, from the notes before a place: by rows of ± the unit matrix."""
        size = x.shape.size
        if not size:
            return self.range(x)
        units = np.eye(size).reshape(size, *x.shape)
        least = [self._least(x, sign * units[i : i + ROWS], before) for sign in (1, -1) for i in range(0, size, ROWS)]
        floats = np.concatenate(least)
        known = self.range(x)
        low = np.fmax(floats[:size].reshape(x.shape), inf(known))
        high = np.fmin(-floats[size:].reshape(x.shape), sup(known))
        return self.context.box(low, high)

    def _least(self, x: Traced, weights: np.ndarray[Any, Any], before: int) -> np.ndarray[Any, Any]:
        """Lower bounds of <w, x> for rows of weights, as floats; NaN where none is found."""
        rows = BatchedContext(self.context, len(weights))
        backwards = _Backwards(self, rows, {x: rows.rows(self.context.tensor(weights))})
        for note in reversed(self.notes[:before]):
            g = backwards.coefficients.pop(note.result, None)
            if g is not None:
                backwards.through(note, g)
        total = backwards.constant
        for v, g in backwards.coefficients.items():
            total = total + f.sum(g * self.range(v))
        low = inf(Tensor(self.context, Shape((len(weights),)), rows.arrays.spread(total.value)))
        return np.where(np.isfinite(low), low, np.nan)


def _linear(note: Note) -> bool:
    """Is the operation linear in the operands that are no constants?"""
    if note.operation in LINEAR:
        return True
    if note.operation == "divide":
        return note.operands[1].constant
    factors = note.operands[:2]
    return note.operation in PRODUCTS and (factors[0].constant or factors[1].constant)


@dataclass(eq=False)
class _Backwards:
    """Rows of an inequality on the way back: <w, y> >= Σ <coefficients[v], v> + constant."""

    relaxation: Relaxation
    rows: BatchedContext
    coefficients: dict[Traced, Tensor]
    constant: Tensor = field(init=False)

    def __post_init__(self) -> None:
        zeros = self.relaxation.context.tensor(np.zeros(self.rows.size))
        self.constant = self.rows.rows(zeros)

    def through(self, note: Note, g: Tensor) -> None:
        """A value gives way to the operands that it was made of."""
        if _linear(note):
            self._by_rule(note, g)
        elif note.operation in PRODUCTS:
            self._by_planes(note, g)
        elif note.operation in FUNCTIONS:
            self._by_lines(note.operands[0], g, lines(note.operation, self._range(note.operands[0])))
        elif not (note.operation in COMPOSED and getattr(self, f"_{note.operation}")(g, note)):
            self.constant = self.constant + f.sum(g * self._range(note.result))

    def _range(self, x: Traced) -> Tensor:
        return self.relaxation.range(x)

    def _by_rule(self, note: Note, g: Tensor) -> None:
        """<g, L a + ... > = <Lᵀ g, a> + ..., by the rule for the gradient; constants go into the constant."""
        operands = [self._range(x) for x in note.operands]
        shares = RULES[note.operation](g, self._range(note.result), *operands, **note.parameters)
        for i, (x, share) in enumerate(zip(note.operands, shares, strict=True)):
            if share is not None and (not x.constant or i in _summands(note)):
                self.add(x, fitted(share(), x.shape))

    def _by_planes(self, note: Note, g: Tensor) -> None:
        """a b = a b₀ + a₀ b - a₀ b₀ + (a - a₀) (b - b₀), with points a₀ and b₀ in the middle."""
        ranges = [self._range(x) for x in note.operands]
        middles = [_middle(t) for t in ranges]
        shares = RULES[note.operation](g, self._range(note.result), *middles, **note.parameters)
        for x, share in zip(note.operands, shares, strict=True):
            if share is not None:
                self.add(x, fitted(share(), x.shape))
        a, b, a0, b0 = *ranges[:2], *middles[:2]
        if note.operation == "affine_rows":
            a, b, a0, b0 = b, f.matrix_transpose(a), b0, f.matrix_transpose(a0)
        product = f.multiply if note.operation == "multiply" else f.matmul
        self.constant = self.constant + f.sum(g * (product(a - a0, b - b0) - product(a0, b0)))

    def _by_lines(self, x: Traced, g: Tensor, found: Lines) -> None:
        """g f(x) gives way to x."""
        self.add(x, fitted(self._sloped(g, found), x.shape))

    def _sloped(self, g: Tensor, found: Lines) -> Tensor:
        """g f(t) >= (g⁺ low_slope + g⁻ high_slope) t + g⁺ low + g⁻ high: the coefficients of t; g: points."""
        context = self.relaxation.context
        up, down = f.relu(g), -f.relu(-g)
        slopes = [context.tensor(slope) for slope in (found.low_slope, found.high_slope)]
        low, high = (context.box(*_ordered(line)) for line in (found.low, found.high))
        self.constant = self.constant + f.sum(up * low) + f.sum(down * high)
        return up * slopes[0] + down * slopes[1]

    # ---- what is made of functions: each says whether it could ------------------------------------------------------

    def _mean_square(self, g: Tensor, note: Note) -> bool:
        (x,) = note.operands
        share = spread(g / max(note.parameters["count"], 1), self._range(x), note.parameters["axis"])
        self._by_lines(x, self._rounded(share, f.square(self._range(x))), lines("square", self._range(x)))
        return True

    def _logsumexp(self, g: Tensor, note: Note) -> bool:
        """log Σ eˣ, by a line for the logarithm and lines for the exponentials."""
        (x,), axis = note.operands, note.parameters["axis"]
        terms = f.exp(self._range(x))
        total = f.sum(terms, axis)
        if not np.all(np.isfinite(sup(total)) & (inf(total) > 0)):
            return False
        of_total = self._rounded(self._sloped(g, lines("log", total)), total)
        of_terms = self._rounded(spread(of_total, self._range(x), axis), terms)
        self._by_lines(x, of_terms, lines("exp", self._range(x)))
        return True

    def _maximum(self, g: Tensor, note: Note) -> bool:
        """max(a, b) = a + relu(b - a)."""
        a, b = note.operands
        self._hinge(a, g, a, b, g)
        return True

    def _minimum(self, g: Tensor, note: Note) -> bool:
        """min(a, b) = a - relu(a - b)."""
        a, b = note.operands
        self._hinge(a, g, b, a, -g)
        return True

    def _clip(self, g: Tensor, note: Note) -> bool:
        """x moved into [low, high] = low + relu(x - low) - relu(x - high), for low <= high."""
        x, low, high = note.operands
        if not np.all(sup(self._range(low)) <= inf(self._range(high))):
            return False
        self._hinge(low, g, low, x, g)
        self._hinge(None, g, high, x, -g)
        return True

    def _leaky_relu(self, g: Tensor, note: Note) -> bool:
        """slope x + (1 - slope) relu(x), for a slope that does not vary."""
        x, slope = note.operands
        if not slope.constant:
            return False
        share = g * (1 - self._range(slope))
        self.add(x, fitted(g * self._range(slope), x.shape))
        self._by_lines(x, self._rounded(share, f.relu(self._range(x))), lines("relu", self._range(x)))
        return True

    def _divide(self, g: Tensor, note: Note) -> bool:
        """a / b, as the product of a and 1 / b."""
        a, b = note.operands
        inverse = f.reciprocal(self._range(b))
        if not np.all(np.isfinite(inf(inverse)) & np.isfinite(sup(inverse))):
            return False
        a0, v0 = _middle(self._range(a)), _middle(inverse)
        self.constant = self.constant + f.sum(g * ((self._range(a) - a0) * (inverse - v0) - a0 * v0))
        self.add(a, fitted(g * v0, a.shape))
        of_inverse = self._rounded(fitted(g * a0, b.shape), inverse)
        self._by_lines(b, of_inverse, lines("reciprocal", self._range(b)))
        return True

    def _hinge(self, base: Traced | None, g: Tensor, a: Traced, b: Traced, weight: Tensor) -> None:
        """g base + weight relu(b - a)."""
        slopes = self._sloped(weight, lines("relu", self._range(b) - self._range(a)))
        if base is not None:
            self.add(base, fitted(g, base.shape))
        self.add(b, fitted(slopes, b.shape))
        self.add(a, fitted(-slopes, a.shape))

    def add(self, x: Traced, share: Tensor) -> None:
        """Coefficients of a value, more of them."""
        known = self.coefficients.get(x)
        total = share if known is None else known + share
        if x.constant:
            self.constant = self.constant + f.sum(total * self._range(x))
        else:
            self.coefficients[x] = self._rounded(total, self._range(x))

    def _rounded(self, g: Tensor, over: Tensor) -> Tensor:
        """The coefficients as floats; the rest of them times what they are coefficients of goes into the constant."""
        full = Tensor(self.relaxation.context, Shape((self.rows.size, *g.shape)), self.rows.arrays.spread(g.value))
        if np.array_equal(inf(full), sup(full)):
            return g
        points = self.rows.rows(_middle(full))
        self.constant = self.constant + f.sum((g - points) * over)
        return points


def _summands(note: Note) -> range:
    """The operands that are added up; the others are factors."""
    if note.operation in ("add", "subtract", "stack"):
        return range(len(note.operands))
    return range(2, 3) if note.operation in ("affine", "affine_rows") else range(0)


def _middle(t: Tensor) -> Tensor:
    return t.context.tensor(mid(t))


def _ordered(line: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """An intercept as the box of itself; one that is not known as any number."""
    known = np.isfinite(line)
    return np.where(known, line, -np.inf), np.where(known, line, np.inf)
