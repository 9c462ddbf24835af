"""Backward passes: rows of affine inequalities, from a value to the inputs. `linear` says what they are for.

For rows of weights w of a value y, a pass keeps for each row

    <w, y>  >=  Σ <coefficients[v], v> + constant - lost

over the values v that y is made of, and lets one value after the other give way to its operands. Coefficients are
arrays (boxes, rows, *shape), or (1, rows, *shape) as long as they are the same for all boxes: up to the first operation
that is not linear.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from scalarspec.bounding import bilinear_operations, quadratic
from scalarspec.bounding.affine_forms import AffineForm, AffineForms
from scalarspec.bounding.plan import Kind, summands
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
"""Lines are tried as well where quadratic terms lose more than this much of what curves.

They cost a second pass, and are rarely better where less is lost.
"""


LEAST_SLOPE = 2.0**-1000
"""Slopes of lines are charged for as if they were at least this: u times it pays for a half that underflows."""


class BackwardPass:
    """A pass from rows of weights of a value, made by the equations before a place, to the inputs.

    weights: (rows, *shape). forms: smooth functions give way to their tangents and terms that are quadratic in the
    inputs, where their operands have affine forms that pay. multipliers: for each row, how much of the size of a
    constrained value's coefficient is put on its split constraint (Lagrange multipliers: beta-CROWN, Wang et al. 2021).

    After the pass, slopes: the coefficients of all inputs, (boxes or 1, rows, inputs); at_middle: the affine function
    at the middle of the boxes; kinked: by the place of the equation that makes its operand, the sizes of the
    coefficients of a kinked function; unsure: was something lost beside tangents, so that lines might do better?
    """

    def __init__(
        self,
        state: BoxState,
        x: Traced,
        weights: Array,
        before: int,
        forms: AffineForms | None = None,
        multipliers: Array | None = None,
    ) -> None:
        self.state, self.plan, self.forms, self.multipliers = state, state.plan, forms, multipliers
        self.count = len(weights)
        self.constant, self.lost = np.zeros((2, state.count, self.count))
        self.broken = np.zeros((state.count, self.count), dtype=bool)
        self.terms: list[QuadraticTerm] = []
        self.kinked: dict[int, Array] = {}
        self.unsure = False
        self.coefficients = {x: weights[None]}
        self._walk(before)

    def _walk(self, before: int) -> None:
        """Back to the inputs."""
        for i in range(before - 1, -1, -1):
            eqn = self.plan.equations[i]
            g = self.coefficients.pop(eqn.result, None)
            if g is not None:
                self.relax(eqn, g)
        for v in [v for v in self.coefficients if v not in self.plan.input_places]:
            self.concretize(v, self.coefficients.pop(v))
        nothing = [np.zeros((1, self.count, *x.shape)) for x in self.plan.inputs]
        self.slopes = side_by_side([*map(self.coefficients.get, self.plan.inputs, nothing)], 2)
        self.at_middle = self.constant + dot(self.slopes, self.state.middle)
        self.charge_rounding(self.slopes, self.state.inputs.size, self.state.inputs.total)

    def relax(self, eqn: Equation, g: Array) -> None:
        """The result of an equation gives way to its operands. g: its coefficients."""
        RELAXATIONS[self.plan.kinds[eqn]](self, eqn, g)

    def concretize(self, v: Traced, g: Array) -> None:
        """A value gives way to its range."""
        r = self.state.range(v)
        self.constant = self.constant + dot(g, r.middle) - dot(np.abs(g), r.radius)
        self.charge_rounding(g, r.size, r.total)

    def charge_rounding(
        self, g: Array, size: Array, underflow: Array, terms: int = 0, sizes: Array | None = None
    ) -> None:
        """What rounding may have cost at an equation: γ <|g|, M> + 2^-900 (1 + underflow), as `linear` proves.

        g: the coefficients of its result; size: M; underflow: for each box the sum of M and of the sizes of the values
        that have new coefficients; terms: how many products are summed up to an element of what g is multiplied by;
        sizes: |g|, where it is known.
        Rows in which something unbounded counts say nothing.
        """
        known = np.isfinite(size)
        if not np.logical_and.reduce(known, axis=None):
            self._void((g != 0) & ~known[:, None])
            size = np.where(known, size, 0.0)
        n = 2 * (prod(size.shape[1:]) + terms) + len(self.plan.equations) + 16
        self.lost = self.lost + (1.25 * n * U) * dot(np.abs(g) if sizes is None else sizes, size)
        self.lost += (TINY * (1 + underflow))[:, None]

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
        self._hand(eqn, g, self.plan.factors(eqn), summands(eqn))
        if eqn not in self.plan.moved:
            self.charge_rounding(g, *self.state.sizes(eqn))

    def relax_bilinear(self, eqn: Equation, g: Array) -> None:
        """a b = a b₀ + a₀ b - a₀ b₀ + (a - a₀) (b - b₀), with a₀ and b₀ in the middle (after McCormick 1976)."""
        ranges = [self.state.range(x) for x in eqn.operands]
        middles, radii = [r.middle for r in ranges], [r.radius for r in ranges]
        self._hand(eqn, g, [a[:, None] for a in middles], range(len(ranges)))
        at_middle, remainder = (self.state.product(eqn, each) for each in (middles, radii))
        self.constant = self.constant - dot(g, at_middle) - dot(np.abs(g), remainder)
        size, _ = self.state.sizes(eqn)
        terms = bilinear_operations.product_terms(eqn.operation, *middles[:2])
        self.charge_rounding(g, 4 * size, total(4 * size) + sum(r.total for r in ranges), terms)

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
        kinked = OPERATIONS[eqn.operation].kinks != "nowhere"
        found = None if kinked else self.relax_quadratic(eqn, g)
        self._along(x, g, found or self.state.lines(eqn))
        if kinked and x in self.plan.place:
            place = self.plan.place[x]  # which several kinked functions may be taken of
            self.kinked[place] = self.kinked.get(place, 0) + np.abs(g)
        if x in self.state.constrained and self.multipliers is not None:
            self.add_lagrangian(x, self.multipliers.reshape(-1, *(1,) * (g.ndim - 2)) * np.abs(g))

    def _along(self, x: Traced, g: Array, lines: LinearBounds1D) -> None:
        """g f(t) >= (g⁺ low_slope + g⁻ high_slope) t + g⁺ low + g⁻ high."""
        low, high = self._finite(g, lines.low, lines.high)
        size, middle = np.abs(g), low / 2 + high / 2
        apart = np.maximum(high - middle, middle - low) * (1 + 4 * U)
        self.constant = self.constant + dot(g, middle) - dot(size, apart)
        slope, turn = lines.low_slope / 2 + lines.high_slope / 2, lines.high_slope / 2 - lines.low_slope / 2
        slopes = g * slope[:, None]
        if np.logical_or.reduce(turn, axis=None):
            slopes -= size * turn[:, None]
        steepest = np.maximum(np.abs(lines.low_slope), np.abs(lines.high_slope))
        sloped = np.where(steepest > 0, self.state.range(x).size, 0.0)
        steepest = np.maximum(steepest, LEAST_SLOPE)  # halves of smaller ones may underflow
        largest = 4 * (steepest * sloped + np.maximum(np.abs(low), np.abs(high)))
        self.charge_rounding(g, largest, total(largest) + total(sloped), sizes=size)
        self._add(x, slopes)

    def _finite(self, g: Array, low: Array, high: Array) -> tuple[Array, Array]:
        """The ends of lines; rows that want one that does not exist say nothing."""
        if not np.logical_and.reduce(np.isfinite(low) & np.isfinite(high), axis=None):
            self._void((g > 0) & ~np.isfinite(low)[:, None] | (g < 0) & ~np.isfinite(high)[:, None])
            low, high = (np.where(np.isfinite(line), line, 0.0) for line in (low, high))
        return low, high

    def add_lagrangian(self, x: Traced, weight: Array) -> None:
        """Where v >= c is said, less weight (v - c) is a lower bound still; and so for v <= c."""
        for sign, c in zip((-1, 1), self.state.constrained[x], strict=True):
            known = np.isfinite(c)
            held, c = np.where(known[:, None], weight, 0.0), np.where(known, c, 0.0)
            self._add(x, sign * held)
            self.constant = self.constant - sign * dot(held, c)
            size = self.state.range(x).size + np.abs(c)
            self.charge_rounding(held, size, total(size))

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

    def _least_quadratic(self, dual_norm: Array) -> tuple[Array, Array]:
        """Of slopes δ and the quadratic terms: about what, and all that was lost."""
        curved = np.asarray(sum(term.size() for term in self.terms))
        found = quadratic.least(self.state, self.slopes, dual_norm, self.terms, curved)
        self.unsure |= bool(np.logical_or.reduce(found.excess > NEGLIGIBLE * curved, axis=None))
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


RELAXATIONS: dict[Kind, Callable[[BackwardPass, Equation, Array], None]] = {
    "linear": BackwardPass.relax_linear,
    "bilinear": BackwardPass.relax_bilinear,
    "univariate": BackwardPass.relax_univariate,
    "other": lambda self, eqn, g: self.concretize(eqn.result, g),
}
"""How the result of an equation gives way to its operands, by the kind that the plan says it is of."""


def _beside(form: AffineForm, middle: Array) -> Array:
    """(2 r + ε) ε, where ε is at least the distance of t - J δ from the middle of its range."""
    error = np.maximum(np.abs(form.remainder_low - middle), np.abs(form.remainder_high - middle)) * (1 + 4 * U)
    return np.asarray((2 * form.max_deviation + error) * error * (1 + 8 * U))
