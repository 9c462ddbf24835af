"""Backward passes: rows of affine inequalities, from a value to the inputs. `linear` says what they are for.

For rows of weights w of a value y, a pass keeps for each row

    <w, y>  >=  Σ <coefficients[v], v> + constant - lost

over the values v that y is made of, and lets one value after the other give way to its operands. Coefficients are
arrays (boxes, rows, *shape), or (1, rows, *shape) as long as they are the same for all boxes: up to the first operation
that is not linear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.bounding import bilinear_operations, quadratic
from scalarspec.bounding.affine_forms import AffineForm, AffineForms
from scalarspec.bounding.charges import Charge, Sandwich
from scalarspec.bounding.dual_ascent import Choice
from scalarspec.bounding.fused import Layer, Step
from scalarspec.bounding.plan import Kind
from scalarspec.bounding.quadratic import QuadraticTerm
from scalarspec.bounding.ranges import dot, flat, side_by_side, total
from scalarspec.bounding.relaxations import LinearBounds1D, Parabolas
from scalarspec.bounding.state import BoxState
from scalarspec.core.operations import OPERATIONS
from scalarspec.numbers.elementary import TINY, U
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

Array = np.ndarray[Any, Any]
NEGLIGIBLE = 0.1
"""Lines are tried as well where quadratic terms lose more than this much of what curves, or where parabolas above and
below are apart by more than this much of what a row ranges by: a second pass, which is rarely better elsewhere."""


@dataclass(frozen=True, eq=False)
class UnitRows:
    """Rows of weights of a value that are a sign at one element, and 0 elsewhere.

    elements: (boxes or 1, rows), places in the flat value; signs: (rows,), each 1 or -1.
    """

    elements: Array
    signs: Array

    @classmethod
    def both(cls, elements: Array) -> UnitRows:
        """For each of some elements, (boxes or 1, n), a row with 1 and, after all of these, one with -1."""
        signs = np.ones(2 * elements.shape[1])
        signs[elements.shape[1] :] = -1.0
        return cls(np.concatenate([elements, elements], axis=1), signs)

    def repeated(self, times: int) -> UnitRows:
        """The same rows several times over."""
        return UnitRows(np.tile(self.elements, (1, times)), np.tile(self.signs, times))

    def weights(self, x: Traced) -> Array:
        """The rows in full: (boxes or 1, rows, *shape)."""
        boxes, rows = self.elements.shape
        found = np.zeros((boxes, rows, x.shape.size))
        found[np.arange(boxes)[:, None], np.arange(rows), self.elements] = self.signs
        return found.reshape(boxes, rows, *x.shape)


class BackwardPass:
    """A pass from rows of weights of a value, made by the steps before a place, to the inputs.

    rows: of weights. forms: smooth functions give way to their tangents and terms that are quadratic in the
    inputs, where their operands have affine forms that pay. multipliers: for each row, how much of the size of a
    constrained value's coefficient is put on its split constraint (Lagrange multipliers: beta-CROWN, Wang et al. 2021).
    choice: slopes, multipliers and lines instead; the pass then notes the coefficients of functions in `handed`.

    After the pass, slopes: the coefficients of all inputs, (boxes or 1, rows, inputs); at_middle: the affine function
    at the middle of the boxes; kinked: by the place of the equation that makes its operand, the sizes of the
    coefficients of a kinked function; unsure: was something lost beside tangents, so that lines might do better?
    """

    def __init__(
        self,
        state: BoxState,
        x: Traced,
        rows: UnitRows,
        before: int,
        forms: AffineForms | None = None,
        multipliers: Array | None = None,
        choice: Choice | None = None,
    ) -> None:
        self.state, self.plan, self.forms, self.multipliers = state, state.plan, forms, multipliers
        self.choice = choice
        self.handed: dict[Equation, Array] = {}
        self.count = len(rows.signs)
        self.constant, self.lost, self.spread = np.zeros((3, state.count, self.count))
        self.tiny = np.zeros(state.count)
        self.broken = np.zeros((state.count, self.count), dtype=bool)
        self.terms: list[QuadraticTerm] = []
        self.kinked: dict[int, Array] = {}
        self.unsure = False
        self.coefficients: dict[Traced, Array] = {}
        self._begin(x, rows)
        self._walk(before)

    def _begin(self, x: Traced, rows: UnitRows) -> None:
        """Unit rows of a layer's result are rows of its matrices, that no product is needed for."""
        layer = self.plan.steps.get(self.plan.place.get(x, -1))
        if not isinstance(layer, Layer):
            self.coefficients[x] = rows.weights(x)
            return
        signs, elements = rows.signs[:, None], rows.elements
        for operand, matrix in zip(layer.operands, layer.matrices, strict=True):
            self._add(operand, (signs * matrix[elements]).reshape(*elements.shape, *operand.shape))
        self.constant = self.constant + rows.signs * layer.bias[elements]
        charge = self.state.charge(layer)
        self.lost = self.lost + _taken(charge.rates, elements)
        self.tiny = self.tiny + charge.tiny
        if charge.unknown is not None:
            self.broken |= _taken(charge.unknown, elements)

    def _walk(self, before: int) -> None:
        """Back to the inputs."""
        for i, step in self.plan.backwards:
            if i < before and step.result in self.coefficients:
                self.relax(step, self.coefficients.pop(step.result))
        for v in [v for v in self.coefficients if v not in self.plan.input_places]:
            self.concretize(v, self.coefficients.pop(v))
        nothing = [np.zeros((1, self.count, *x.shape)) for x in self.plan.inputs]
        self.slopes = side_by_side([*map(self.coefficients.get, self.plan.inputs, nothing)], 2)
        self.at_middle = self.constant + dot(self.slopes, self.state.middle)
        self.pay(np.abs(self.slopes), self.slopes, self.state.input_charge)
        self.lost = self.lost + self.tiny[:, None]

    def relax(self, step: Step, g: Array) -> None:
        """The result of a step gives way to its operands. g: its coefficients."""
        RELAXATIONS[self.plan.kinds[step]](self, step, g)

    def concretize(self, v: Traced, g: Array) -> None:
        """A value gives way to its range."""
        r = self.state.range(v)
        sizes = np.abs(g)
        self.constant = self.constant + dot(g, r.middle) - dot(sizes, r.radius)
        self.pay(sizes, g, Charge(r.size, r.total, len(self.plan.equations)))

    def pay(self, sizes: Array, g: Array, charge: Charge) -> None:
        """Takes off what rounding may have cost at a step. g: the coefficients of its result; sizes: |g|."""
        if charge.unknown is not None:
            self._void((g != 0) & charge.unknown[:, None])
        self.lost = self.lost + dot(sizes, charge.rates)
        self.tiny = self.tiny + charge.tiny

    def _void(self, where: Array) -> None:
        """Rows that say nothing."""
        self.broken |= np.logical_or.reduce(flat(where, 2), axis=-1)

    def _add(self, x: Traced, coefficients: Array) -> None:
        """More coefficients of a value."""
        known = self.coefficients.get(x)
        self.coefficients[x] = coefficients if known is None else known + coefficients

    # ---- linear operations and products -----------------------------------------------------------------------------

    def relax_linear(self, eqn: Equation, g: Array) -> None:
        """<g, L a + c> = <Lᵀ g, a> + <g, c>."""
        self._hand(eqn, g, self.plan.factors(eqn), bilinear_operations.summands(eqn))
        if eqn not in self.plan.moved:
            self.pay(np.abs(g), g, self.state.charge(eqn))

    def relax_layer(self, layer: Layer, g: Array) -> None:
        """The same, with the matrices of the chain that L is."""
        rows = flat(g, 2)
        for x, matrix in zip(layer.operands, layer.matrices, strict=True):
            handed = rows.reshape(rows.shape[0] * rows.shape[1], rows.shape[2]) @ matrix
            self._add(x, handed.reshape(*rows.shape[:2], *x.shape))
        self.constant = self.constant + rows @ layer.bias
        self.pay(np.abs(rows), rows, self.state.charge(layer))

    def relax_bilinear(self, eqn: Equation, g: Array) -> None:
        """a b = a b₀ + a₀ b - a₀ b₀ + (a - a₀) (b - b₀), with a₀ and b₀ in the middle (after McCormick 1976)."""
        ranges = [self.state.range(x) for x in eqn.operands]
        middles, radii = [r.middle for r in ranges], [r.radius for r in ranges]
        self._hand(eqn, g, [a[:, None] for a in middles], range(len(ranges)))
        at_middle, remainder = (self.state.product(eqn, each) for each in (middles, radii))
        self.constant = self.constant - dot(g, at_middle) - dot(np.abs(g), remainder)
        self.pay(np.abs(g), g, self.state.charge(eqn))

    def _hand(self, eqn: Equation, g: Array, operands: list[Array], used: Any) -> None:
        """Cotangents become coefficients of the operands; those of known numbers, where used, go into the constant."""
        shares = bilinear_operations.cotangents(eqn.operation, g, operands, eqn.parameters)
        for i, (x, share) in enumerate(zip(eqn.operands, shares, strict=True)):
            if not self.plan.known(x):
                self._add(x, share())
            elif i in used:
                self.constant = self.constant + dot(share(), self.state.range(x).middle)

    # ---- functions of one number ------------------------------------------------------------------------------------

    def relax_univariate(self, eqn: Equation, g: Array) -> None:
        """By lines around the function, or its tangent; and by what a kink's operand is said to be."""
        (x,) = eqn.operands
        if self.choice is not None:
            self.handed[eqn] = flat(g, 2)
            if eqn in self.choice.slopes:
                self.relax_rectifier(eqn, g, self.choice)
                return
            if eqn in self.choice.lines:
                self._along_rows(x, g, self.choice.lines[eqn])
                return
        kinked = OPERATIONS[eqn.operation].kinks != "nowhere"
        found = None if kinked else self.relax_quadratic(eqn, g)
        sizes = self._along(x, g, self.state.sandwich(eqn) if found is None else self.state.sandwiched(eqn, found))
        if kinked and x in self.plan.place:
            place = self.plan.place[x]  # which several kinked functions may be taken of
            self.kinked[place] = self.kinked[place] + sizes if place in self.kinked else sizes
        if x in self.state.constrained and self.multipliers is not None:
            self.add_lagrangian(x, self.multipliers.reshape(-1, *(1,) * (g.ndim - 2)) * np.abs(g))

    def relax_rectifier(self, eqn: Equation, g: Array, choice: Choice) -> None:
        """By the chosen lines α t below max(t, 0), the chord above it, and the chosen multipliers."""
        (x,) = eqn.operands
        found, rows = self.state.sandwich(eqn), flat(g, 2)
        for nowhere in (found.open_above, found.open_below):
            if nowhere is not None:
                self._void((g != 0) & nowhere[:, None])
        lines = self.state.lines(eqn)
        above, slope = flat(lines.high, 1), flat(lines.high_slope, 1)[:, None]
        down = np.minimum(rows, 0.0)
        self.constant = self.constant + dot(down, np.where(np.isfinite(above), above, 0.0))
        self.lost = self.lost + dot(np.abs(rows), flat(found.rounding, 1))
        self.tiny = self.tiny + found.tiny
        handed = np.maximum(rows, 0.0) * choice.slopes[eqn] + down * slope
        self._add(x, handed.reshape(*handed.shape[:2], *x.shape))
        if x in self.plan.place:
            place = self.plan.place[x]
            self.kinked[place] = self.kinked[place] + np.abs(g) if place in self.kinked else np.abs(g)
        if x in choice.multipliers:
            weight = choice.multipliers[x]
            self.add_lagrangian(x, weight.reshape(*weight.shape[:2], *x.shape))

    def _along(self, x: Traced, g: Array, found: Sandwich) -> Array:
        """g f(t) >= (g⁺ low_slope + g⁻ high_slope) t + g⁺ low + g⁻ high; and |g|."""
        if found.open_below is not None:
            self._void((g > 0) & found.open_below[:, None])
        if found.open_above is not None:
            self._void((g < 0) & found.open_above[:, None])
        sizes = np.abs(g)
        self.constant = self.constant + dot(g, found.middle)
        self.lost = self.lost + dot(sizes, found.lost)
        self.tiny = self.tiny + found.tiny
        slopes = g * found.slope[:, None]
        if found.turn is not None:
            slopes -= sizes * found.turn[:, None]
        self._add(x, slopes)
        return sizes

    def _along_rows(self, x: Traced, g: Array, lines: LinearBounds1D) -> None:
        """The same along lines of each row's own, flat, charged for as the steepest and the furthest of them."""
        rows, r = flat(g, 2), self.state.range(x)
        up, down = np.maximum(rows, 0.0), np.minimum(rows, 0.0)
        low, high = (np.where(np.isfinite(end), end, 0.0) for end in (lines.low, lines.high))
        self._void((up > 0) & ~np.isfinite(lines.low) | (down < 0) & ~np.isfinite(lines.high))
        self.constant = self.constant + np.add.reduce(up * low + down * high, axis=2)
        slopes = up * lines.low_slope + down * lines.high_slope
        self._add(x, slopes.reshape(*slopes.shape[:2], *x.shape))
        steepest, furthest = (
            np.maximum.reduce(np.maximum(np.abs(a), np.abs(b)), axis=1, initial=0.0)
            for a, b in ((lines.low_slope, lines.high_slope), (low, high))
        )
        size = flat(r.size, 1)
        sloped = np.where(steepest > 0, size, 0.0)
        charge = Charge(4 * (steepest * sloped + furthest), total(sloped), len(self.plan.equations))
        self.pay(np.abs(rows), rows, charge)

    def add_lagrangian(self, x: Traced, weight: Array) -> None:
        """Where v >= c is said, less weight (v - c) is a lower bound still; and so for v <= c."""
        for sign, c in zip((-1, 1), self.state.constrained[x], strict=True):
            known = np.isfinite(c)
            held, c = np.where(known[:, None], weight, 0.0), np.where(known, c, 0.0)
            self._add(x, sign * held)
            self.constant = self.constant - sign * dot(held, c)
            size = self.state.range(x).size + np.abs(c)
            self.pay(held, held, Charge(size, np.zeros(1), len(self.plan.equations)))

    # ---- quadratic terms --------------------------------------------------------------------------------------------

    def relax_quadratic(self, eqn: Equation, g: Array) -> LinearBounds1D | None:
        """Tangents, with κ (t - m)² noted beside them; lines where t is not affine in the inputs but for little.

        None where there are no such terms. With t - m = J δ + e, |J δ| <= r and |e| <= ε,
        (1) κ (t - m)² = κ (J δ)² + κ (2 J δ + e) e >= κ (J δ)² - |κ| (2 r + ε) ε, and the last is lost.
        """
        (x,) = eqn.operands
        if self.forms is None or not self.forms.affordable(x) or self.state.range(x).finite is not None:
            return None
        form = self.forms.of(
            x, self.plan.place[eqn.result]
        )  # which may narrow the range, in whose middle the tangent is
        found = self.state.parabolas(eqn)
        beside = _beside(form, flat(found.middle, 1))
        known = self._known(x, found, beside)
        curvatures = self._curvatures(g, found, known)
        self._note(form, curvatures, np.where(known, beside, 0.0))
        self.spread = self.spread + self._spread(x, g, found, known)
        if np.logical_and.reduce(known, axis=None):
            return found.tangent
        self.unsure = True
        return found.tangent.where(known.reshape(found.middle.shape), self.state.lines(eqn))

    def _known(self, x: Traced, found: Parabolas, beside: Array) -> Array:
        """Where there is a parabola, and it loses less than a half of what it gains: (boxes, elements)."""
        exists = np.isfinite(found.least) & np.isfinite(found.most)
        exists &= np.isfinite(found.tangent.low) & np.isfinite(found.tangent.high)
        radius = flat(self.state.range(x).radius, 1)
        return np.asarray(flat(exists, 1) & (radius > 0) & (beside <= radius**2 / 2))

    def _curvatures(self, g: Array, found: Parabolas, known: Array) -> Array:
        """κ <= g f″ / 2 at every point of the range, rounded down: (boxes, rows, elements)."""
        rows = flat(g, 2)
        least, most = (np.where(known, flat(end, 1), 0.0)[:, None] for end in (found.least, found.most))
        curvatures = np.minimum(rows * least, rows * most) / 2
        curvatures = curvatures - 4 * U * np.abs(curvatures) - TINY * (rows != 0)
        return np.where(known[:, None], curvatures, 0.0)

    def _spread(self, x: Traced, g: Array, found: Parabolas, known: Array) -> Array:
        """How far apart, at the ends of the ranges, the parabolas above and below are: (boxes, rows)."""
        apart = np.where(known, flat(found.most - found.least, 1) / 2, 0.0)
        return dot(np.abs(flat(g, 2)), apart * flat(self.state.range(x).radius, 1) ** 2)

    def _note(self, form: AffineForm, curvatures: Array, beside: Array) -> None:
        """The terms of a value, and what is lost beside them."""
        term = QuadraticTerm(form, curvatures)
        lost = np.add.reduce(np.abs(curvatures) * beside[:, None], axis=-1)
        self.terms.append(term)
        self.lost = self.lost + (1 + 64 * curvatures.shape[-1] * U) * lost
        self.unsure |= bool(np.logical_or.reduce(lost > NEGLIGIBLE * term.size(), axis=None))

    # ---- the end ----------------------------------------------------------------------------------------------------

    def least(self) -> Array:
        """Lower bounds of <w, y>, for each box and row; NaN where none is found."""
        dual_norm = self.state.dual_norm(self.slopes)
        value, lost = self._least_quadratic(dual_norm) if self.terms else (-dual_norm, self.lost)
        best = self.at_middle + value - lost - 16 * U * (np.abs(self.at_middle) + np.abs(value) + lost)
        return np.where(self.broken | ~np.isfinite(best), np.nan, best)

    def loses(self, part: float) -> bool:
        """Is more than this part of what some row ranges by lost at relaxations?"""
        return bool(np.any(self.lost > part * (self.lost + self.state.dual_norm(self.slopes))))

    def _least_quadratic(self, dual_norm: Array) -> tuple[Array, Array]:
        """Of slopes δ and the quadratic terms: about what, and all that was lost."""
        curved = np.asarray(sum(term.size() for term in self.terms))
        found = quadratic.least(self.state, self.slopes, dual_norm, self.terms, curved)
        vague = (found.excess > NEGLIGIBLE * curved) | (self.spread > NEGLIGIBLE * (dual_norm + curved))
        self.unsure |= bool(np.logical_or.reduce(vague, axis=None))
        return found.value, self.lost + found.excess + found.rounding

    def form(self) -> AffineForm:
        """Of a value whose rows of + and - the unit matrix these are."""
        half = self.count // 2
        rising, falling = self.slopes[:, :half], -self.slopes[:, half:]
        slopes = (rising + falling) / 2
        slopes = np.where(np.isfinite(slopes), slopes, 0.0)
        low = self._remainder(slice(half), rising, slopes, 1)
        high = -self._remainder(slice(half, None), falling, slopes, -1)
        least = self.least()
        return AffineForm(slopes, self.state.max_deviation(slopes), low, high, least[:, :half], -least[:, half:])

    def _remainder(self, rows: slice, own: Array, slopes: Array, sign: int) -> Array:
        """A lower end of sign (y - slopes δ), by rows whose slopes are sign own; NaN where there is none."""
        apart = self.state.dual_norm(sign * (own - slopes))
        at_middle, lost, n = self.at_middle[:, rows], self.lost[:, rows], slopes.shape[-1]
        sizes = dot(np.abs(own) + np.abs(slopes), self.state.radius) + np.abs(at_middle)
        end = at_middle - apart - lost - (4 * n + 64) * U * (sizes + lost)
        return np.where(self.broken[:, rows] | ~np.isfinite(end), np.nan, end)


RELAXATIONS: dict[Kind, Callable[[BackwardPass, Any, Array], None]] = {
    "layer": BackwardPass.relax_layer,
    "linear": BackwardPass.relax_linear,
    "bilinear": BackwardPass.relax_bilinear,
    "univariate": BackwardPass.relax_univariate,
    "other": lambda self, eqn, g: self.concretize(eqn.result, g),
}
"""How the result of a step gives way to its operands, by the kind that the plan says it is of."""


def _taken(of_boxes: Array, elements: Array) -> Array:
    """Of an array (boxes or 1, n) the elements at places (boxes or 1, rows)."""
    if len(of_boxes) == 1 or len(elements) == 1:
        return np.asarray(np.take(of_boxes, elements[0], axis=1) if len(elements) == 1 else of_boxes[0][elements])
    return np.asarray(np.take_along_axis(of_boxes, elements, axis=1))


def _beside(form: AffineForm, middle: Array) -> Array:
    """(2 r + ε) ε, where ε is at least the distance of t - J δ from the middle of its range."""
    error = np.maximum(np.abs(form.remainder_low - middle), np.abs(form.remainder_high - middle)) * (1 + 4 * U)
    return np.asarray((2 * form.max_deviation + error) * error * (1 + 8 * U))
