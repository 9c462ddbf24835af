"""`BoxState`: what is known of each value of a plan in many boxes at once. It knows neither passes nor affine forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

from scalarspec.bounding import bilinear_operations
from scalarspec.bounding.charges import Charge, Sandwich
from scalarspec.bounding.curves import Curve
from scalarspec.bounding.fused import Layer
from scalarspec.bounding.plan import Fact, Plan
from scalarspec.bounding.ranges import Range, dot, flat, side_by_side
from scalarspec.bounding.relaxations import LinearBounds1D, Parabolas, lines, moved_tangents, parabolas
from scalarspec.bounding.shares import Shares
from scalarspec.core.domains import Note, leniently, watching_poles
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.shape import Dim
from scalarspec.core.tensor import Tensor
from scalarspec.errors import DomainUndecided
from scalarspec.numbers.elementary import TINY, U
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]
Boxes = Sequence[Ends]
"""For each input its ends: arrays of shape (boxes, *shape)."""
Balls = Sequence[Ends | None]
"""For each input that is in a Euclidean ball as well, its centres, (boxes, *shape), and radii, (boxes,)."""
Constraints = Mapping[int, Ends]
"""Split constraints: for some equations, by their places, ends that the result is said to lie between in each box."""


class BoxState:
    """A plan over many boxes: the ranges of all values there, as they are sharpened, and what is worked out from them.

    count: how many boxes; inputs: the boxes, all inputs side by side, with their middle and radius: (boxes, inputs);
    bounded: are all of them finite? partly: for each box, may there be points of it at which an operation has no value?
    What is known is then about the others. constrained: by value, the ends of its split constraint; feasible: for each
    box, may there be a point that meets the constraints? Whatever is known of a box is only about the points that do.
    """

    def __init__(
        self,
        plan: Plan,
        boxes: Boxes,
        balls: Balls,
        constraints: Constraints | None = None,
        known: Constraints | None = None,
    ) -> None:
        self.plan = plan
        self.constraints, self.known = constraints or {}, known or {}
        self.constrained = {plan.equations[i].result: ends for i, ends in self.constraints.items()}
        self.count = len(boxes[0][0])
        self.feasible = np.ones(self.count, dtype=bool)
        self.partly = np.zeros(self.count, dtype=bool)
        self._batch = BatchedContext(plan.context, self.count).arrays
        self._values: dict[Traced, Traced] = {}
        self._ranges: dict[Traced, Range] = {}
        self._lines: dict[Equation, LinearBounds1D] = {}
        self._parabolas: dict[Equation, Parabolas] = {}
        self._curves: dict[Equation, tuple[Range, Curve]] = {}
        self._charges: dict[Equation | Layer, Charge] = {}
        self._sandwiches: dict[Equation, Sandwich] = {}
        for x, ends in zip(plan.inputs, boxes, strict=True):
            self._put(x, *ends)
        ranges = [self.range(x) for x in plan.inputs]
        self.inputs = Range(*(side_by_side(ends, 1) for ends in zip(*((r.low, r.high) for r in ranges), strict=True)))
        self.middle, self.radius = self.inputs.middle, self.inputs.radius
        self.input_charge = Charge(self.inputs.size, self.inputs.total, len(plan.equations))
        self.bounded = self.inputs.finite is None
        self.balls = list(self._placed(balls))

    def _placed(self, balls: Balls) -> Iterator[tuple[slice, Array, Array]]:
        """Which of the inputs are in a ball, where its centre is from their middle, and its radius."""
        for place, ball in zip(self.plan.input_places.values(), balls, strict=True):
            if ball is not None:
                yield place, flat(ball[0], 1) - self.middle[:, place], ball[1]

    # ---- ranges -----------------------------------------------------------------------------------------------------

    def range(self, x: Traced) -> Range:
        """The best ends known of a value, in floats."""
        if x.constant:
            return self.plan.constant(x)
        found = self._ranges.get(x)
        if found is None:
            found = self._ranges[x] = Range(*self.plan.context.arrays.floats(self._values[x].value))
        return found

    def _value(self, x: Traced) -> Any:
        """A value as the context has it, from its range where it was not evaluated."""
        if x.constant or (x not in self._values and x not in self._ranges):
            return x.value
        if x not in self._values:
            r = self._ranges[x]
            self._values[x] = Traced(x.shape, self.plan.context.box(r.low, r.high).value)
        return self._values[x]

    def propagate(self, i: int) -> None:
        """The range of the result of a step from those of its operands, and by what is said of it."""
        step = self.plan.steps[i]
        if isinstance(step, Layer):
            self._put(step.result, *self._of_layer(step))
            if self.plan.small:
                for eqn in step.chain:
                    self._values[eqn.result] = self._evaluated(eqn)
                self.intersect(step.result, *self._floats(self._values[step.result]))
        else:
            self._ranges.pop(step.result, None)
            self._values[step.result] = self._evaluated(step)
        composite = self.plan.composites.get(step.result)
        if composite is not None and not isinstance(step, Layer):
            self.intersect(step.result, *self.plan.context.arrays.floats(self._evaluated(composite).value))
        if step.result in self.plan.shares:
            self.intersect(step.result, *self._of_shares(self.plan.shares[step.result]))
        for said in (self.constraints, self.known):
            if i in said:
                self.intersect(step.result, *said[i])

    def _of_layer(self, layer: Layer) -> Ends:
        """A x + b lies around A m + b, for x around m, by at most |A| r and what `charge` says."""
        middle, radius = layer.bias, np.zeros(())
        for x, matrix, magnitudes in zip(layer.operands, layer.matrices, layer.magnitudes, strict=True):
            r = self.range(x)
            middle = middle + flat(r.middle, 1) @ matrix.T
            radius = radius + flat(r.radius, 1) @ magnitudes.T
        charge = self.charge(layer)
        radius = (radius + (charge.rates + charge.tiny[:, None])) * (1 + 4 * U)
        low, high = middle - radius, middle + radius
        if charge.unknown is not None:
            low, high = np.where(charge.unknown, -np.inf, low), np.where(charge.unknown, np.inf, high)
        shape = (len(middle), *layer.result.shape)
        return low.reshape(shape), high.reshape(shape)

    def _of_shares(self, shares: Shares) -> Ends:
        """The ends of shares, where they were moved."""
        r = self.range(shares.x)
        low, high = shares.ends(r.low, r.high)
        value = Traced(shares.x.shape, self.plan.context.box(low, high).value)
        for eqn in shares.moves:
            value = self._batch.traced(eqn.operation, eqn.result.shape, (value,), eqn.parameters)
        return self._floats(value)

    def _evaluated(self, eqn: Equation) -> Traced:
        operands = tuple([self._value(x) for x in eqn.operands])
        if not eqn.guards:
            with suppress(DomainUndecided), watching_poles() as poles:
                found = self._batch.traced(eqn.operation, eqn.result.shape, operands, eqn.parameters)
                self._may_be_missing(poles)
                return found
        return self._wherever(eqn, operands)

    def _wherever(self, eqn: Equation, operands: tuple[Traced, ...]) -> Traced:
        """The same, wherever there are values; noted for the boxes where it is not known that there are all.

        What is compared by a guard lies where it has to, as far as the domain is concerned; its value counts in the
        branch alone, which no point of the box may take, so that no range is narrowed by it.
        """
        with ExitStack() as stack:
            for truths, outcome in eqn.guards:
                stack.enter_context(self._batch.guarded(self._value(truths), outcome))
            with leniently() as notes, watching_poles() as poles:
                found = self._batch.traced(eqn.operation, eqn.result.shape, operands, eqn.parameters)
            facts = [self.plan.facts(eqn, x) for x in eqn.operands] if notes or poles else []
            if any(facts):
                inside = tuple(map(self._under, operands, facts))
                with leniently() as notes, watching_poles() as poles:
                    self._batch.traced(eqn.operation, eqn.result.shape, inside, eqn.parameters)
        self._may_be_missing([*notes, *poles])
        return found

    def _may_be_missing(self, notes: Sequence[Note]) -> None:
        """In the boxes that notes tell there may be points without a value."""
        for note in notes:
            told = note.where.reshape(self.count, -1) if len(np.atleast_1d(note.where)) == self.count else note.where
            self.partly |= np.atleast_2d(told).any(axis=1)

    def _under(self, x: Traced, facts: Sequence[Fact]) -> Traced:
        """An operand where it lies above, and below, some constants; as it is where it lies nowhere so."""
        if not facts:
            return x
        before = low, high = self._floats(x)
        for fact in facts:
            least, greatest = fact.ends
            if fact.above:  # what is above 0 is not 0
                low = np.maximum(low, np.nextafter(least, np.inf) if fact.strict else least)
            else:
                high = np.minimum(high, np.nextafter(greatest, -np.inf) if fact.strict else greatest)
        low, high = (np.where(low > high, old, new) for old, new in zip(before, (low, high), strict=True))
        return Traced(x.shape, self.plan.context.box(low, high).value)

    def _floats(self, x: Traced) -> Ends:
        return self.plan.context.arrays.floats(x.value)

    def intersect(self, x: Traced, low: Array, high: Array) -> None:
        """A value is known to lie between ends, too: (boxes, *shape). NaN: nothing is known."""
        r = self.range(x)
        low, high = np.fmax(low, r.low), np.fmin(high, r.high)
        empty = low > high
        if np.logical_or.reduce(empty, axis=None):
            self.feasible &= ~np.logical_or.reduce(flat(empty, 1), axis=1)
            low, high = np.where(empty, r.low, low), np.where(empty, r.high, high)
        self._put(x, low, high)

    def _put(self, x: Traced, low: Array, high: Array) -> None:
        self._ranges[x] = Range(low, high)
        self._values.pop(x, None)

    # ---- affine functions of the inputs -----------------------------------------------------------------------------

    def dual_norm(self, slopes: Array) -> Array:
        """At least the greatest slopes (middle - x) over each box: (boxes or 1, rows, inputs) -> (boxes, rows).

        Over a box Σ |slope| radius; over a Euclidean ball the norm of the slopes times its radius, and what its centre
        is aside from the middle. The smaller of both counts. Whoever asks charges for the rounding of the sum over the
        box; that of a ball's sums, and of the sum with them, is paid here.
        """
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

    def max_deviation(self, slopes: Array) -> Array:
        """At least |slopes (x - middle)|."""
        n = slopes.shape[-1]
        most = self.dual_norm(slopes)
        if self.balls:
            most = np.maximum(most, self.dual_norm(-slopes))
        return np.asarray(most * (1 + (2 * n + 16) * U) + TINY)

    # ---- at an equation ---------------------------------------------------------------------------------------------

    def lines(self, eqn: Equation) -> LinearBounds1D:
        """Around the function of an equation."""
        if eqn not in self._lines:
            self._lines[eqn] = lines(self._curve(eqn))
        return self._lines[eqn]

    def bends(self, eqn: Equation) -> bool:
        """Is the function of an equation smooth, and somewhere convex or concave over its box?"""
        smooth = OPERATIONS[eqn.operation].kinks == "nowhere"
        return smooth and bool(np.logical_or.reduce(self._curve(eqn).bends, axis=None))

    def moved_tangents(self, eqn: Equation, points: Array) -> LinearBounds1D:
        """Around the function of an equation, with tangents at points of each row: (boxes, rows, elements)."""
        shape = self.range(eqn.operands[0]).low.shape
        found = moved_tangents(self._curve(eqn), points.reshape(*points.shape[:2], *shape[1:]), self.lines(eqn))
        return LinearBounds1D(*(flat(a, 2) for a in vars(found).values()))

    def parabolas(self, eqn: Equation) -> Parabolas:
        """Around the function of an equation, which has no kink."""
        if eqn not in self._parabolas:
            self._parabolas[eqn] = parabolas(self._curve(eqn))
        return self._parabolas[eqn]

    def _curve(self, eqn: Equation) -> Curve:
        """The function of an equation over what is known of its operand: the same as long as that is the same."""
        (x,) = eqn.operands
        known = self._curves.get(eqn)
        if known is None or known[0] is not self.range(x):
            curve = Curve(eqn.operation, Tensor(self.plan.context, Dim(self.count, x.shape), self._value(x).value))
            known = self._curves[eqn] = self.range(x), curve
        return known[1]

    def sandwich(self, eqn: Equation) -> Sandwich:
        """The lines around the function of an equation, as passes make use of them."""
        if eqn not in self._sandwiches:
            self._sandwiches[eqn] = self.sandwiched(eqn, self.lines(eqn))
        return self._sandwiches[eqn]

    def sandwiched(self, eqn: Equation, found: LinearBounds1D) -> Sandwich:
        """Lines around the function of an equation, as passes make use of them."""
        steepest = 1.0 if eqn.operation == "relu" else 0.0
        return Sandwich(found, self.range(eqn.operands[0]), len(self.plan.equations), steepest)

    def charge(self, step: Equation | Layer) -> Charge:
        """What rounding may cost at a linear equation, a layer, or a product."""
        if step not in self._charges:
            find = self._charge_of_layer if isinstance(step, Layer) else self._charge_of_equation
            self._charges[step] = find(step)  # type: ignore[arg-type]
        return self._charges[step]

    def _charge_of_equation(self, eqn: Equation) -> Charge:
        """By M, the size of the result if all operands had their largest size and all terms one sign."""
        ranges = [self.range(x) for x in eqn.operands]
        largest = self.applied(bilinear_operations.unsigned, eqn, [r.size for r in ranges])
        terms, times = 0, 1
        if self.plan.kinds[eqn] == "bilinear":
            terms, times = bilinear_operations.product_terms(eqn.operation, *(r.middle for r in ranges[:2])), 4
        beside = sum((r.total for r in ranges), np.zeros(1))
        return Charge(times * largest, beside, len(self.plan.equations), terms)

    def _charge_of_layer(self, layer: Layer) -> Charge:
        """By M, and by what the matrices are off."""
        largest, beside, unknown = layer.bias_size, np.zeros(1), np.zeros((), dtype=bool)
        for x, sizes in zip(layer.operands, layer.sizes, strict=True):
            r = self.range(x)
            size = flat(r.size, 1)
            if r.finite is not None:
                unknown = unknown | (flat(~r.finite, 1).astype(np.float64) @ (sizes > 0).T > 0)
                size = np.where(flat(r.finite, 1), size, 0.0)
            largest, beside = largest + size @ sizes.T, beside + r.total
        largest = np.where(unknown, np.inf, largest)
        terms = 3 * layer.terms // 2 + 1 - len(layer.bias)  # forwards, sums of the middle and twice those of the radius
        found = Charge(largest, beside, len(self.plan.equations), max(terms, 0))
        found.rates = found.rates + 1.25 * layer.rate * np.where(unknown, 0.0, largest)
        return found

    def applied(self, rule: Callable[..., Array], eqn: Equation, operands: Sequence[Array]) -> Array:
        """The result of an equation by a rule, for arrays (boxes or 1, *shape) in the place of its operands."""
        return rule(eqn.operation, [a[:, None] for a in operands], eqn.parameters)[:, 0]

    def product(self, eqn: Equation, operands: Sequence[Array]) -> Array:
        """Of the two factors of an equation, from an array for each operand."""
        a, b = (each[:, None] for each in operands[:2])
        return bilinear_operations.product(eqn.operation, a, b)[:, 0]

    # ---- results ----------------------------------------------------------------------------------------------------

    def ends(self, x: Traced) -> Ends:
        """The ends of a value over each box, (boxes, *shape); (inf, -inf) where no input meets the constraints."""
        r = self.range(x)
        low, high = (end.repeat(self.count if len(end) == 1 else 1, axis=0) for end in (r.low, r.high))
        low[~self.feasible], high[~self.feasible] = np.inf, -np.inf
        return low, high
