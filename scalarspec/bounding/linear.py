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
in the inputs but for a small remainder: a quadratic form in the inputs, bounded from below in `quadratic`.

All is done for many boxes at once: arrays have axes (box, row, *shape of the value).

    state         what is known of values: ranges, lines around functions, balls, split constraints
    affine_forms  values as affine functions of the inputs, carried forwards
    backward      passes, by the quadratic terms of `quadratic`
    linear        who drives them

Rounding. Let u = 2^-53, and fl(·) what is worked out in floats.

    (1) Coefficients are floats, whatever they are: c_v v stands for what the float c_v is. So only what happens at an
        equation counts, from the coefficients g of its result to those of its operands.
    (2) There, exactly, <g, y> = Σ <c_v, v> + k + (what a relaxation loses, in the right direction). Each element of
        c_v and of k is a sum of at most n products g_i a_i, n the number of elements of y, and is added to what is
        known of v before, as for at most m equations in all.
    (3) A product and a sum add at most u relatively each: |fl(c) - c| <= (n + 2) u (1 + small) Σ |g_i| |a_i|, and the
        sums over equations at most m u of the same (Higham 2002, section 3.1). A number that is known but for its last
        places adds 4 u, and the lines' (1 + 4 u) is their own.
    (4) Multiplied by |v| <= its largest size and summed up, Σ |g_i| |a_i| |v| <= <|g|, M>, where M is the value of the
        equation if all operands and terms had their largest size and one sign.
    (5) So at one equation at most γ <|g|, M> is lost, γ = (2 n + m + 16) 1.25 u: 2 n for the sum to c_v and that to k
        (with n + p for n where g is multiplied by a sum of p products, at the planes of a product), 16 for single
        roundings, and a quarter more since M and <|g|, M> are floats themselves, off by at most (number of terms) u,
        less than a fifth for fewer than 2^50 terms.
    (6) A coefficient or a product that underflows is off by at most 2^-1074, times the size of what it belongs to:
        2^-900 (1 + Σ M + Σ sizes of the operands) pays for fewer than 2^170 of them. Halves of the slopes of lines may
        underflow before they are multiplied by g: 5 u 2^-1000 |g| |v| pays for 2^-1073 |g| |v| (LEAST_SLOPE).
    (7) In the end the least value is at_middle - dual norm - lost, each off by at most a few u of its own size, which
        16 u (|at_middle| + |value| + lost) pays; the sums over all inputs are charged as in (5), with M the inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.bounding.affine_forms import AffineForm, AffineForms
from scalarspec.bounding.backward import BackwardPass
from scalarspec.bounding.plan import Plan
from scalarspec.bounding.ranges import flat
from scalarspec.bounding.state import Balls, Boxes, BoxState, Constraints, Ends
from scalarspec.core.operations import OPERATIONS
from scalarspec.tracing.interpreter import Traced

Array = np.ndarray[Any, Any]

COEFFICIENTS = 1 << 21
"""About the most coefficients of one value that go backwards at a time: 16 MiB."""
CHEAP = 1 << 18
"""Up to so many coefficients of the inputs, all elements of a value are sharpened: its affine form may be of use."""
FEWEST_INPUTS = 64
"""Rows for the result are counted as if there were at least this many inputs: values in between may be larger."""
MULTIPLIERS = (0.5, 1.0)
"""Of the size of a constrained value's coefficient, how much is put on its split constraint; 0 is tried as well."""


class LinearBounds:
    """Linear bounds of the result of a plan over many boxes.

    boxes: for each input its ends, float arrays of shape (boxes, *shape); balls: for those that are in a Euclidean ball
    as well, centres and radii; constraints: for some equations, by their places, ends that the result is said to lie
    between in each box: arrays of that shape.
    """

    def __init__(self, plan: Plan, boxes: Boxes, balls: Balls, constraints: Constraints | None = None) -> None:
        self.plan = plan
        self.state = BoxState(plan, boxes, balls, constraints)
        self.forms = AffineForms(self.state, self._by_passes)
        self._last: BackwardPass | None = None
        self._sides = 0
        self._propagate()

    def _propagate(self) -> None:
        """The ranges, in order: what a curved function is applied to, and the factors of a product, are sharpened
        first.
        """
        for i, eqn in enumerate(self.plan.equations):
            if self.plan.kinds[eqn] in ("univariate", "bilinear"):
                for x in eqn.operands:
                    if x in self.plan.curved or (self.state.balls and x in self.plan.place):
                        self._sharpen(x, i, OPERATIONS[eqn.operation].kinks == "zero")  # else one evaluation is as good
            self.state.propagate(i)

    def _sharpen(self, x: Traced, before: int, kinked: bool) -> None:
        """The range of a value, by its affine form; of a large one to which a kink is applied, by rows for those
        elements alone of which it is not known on which side they lie: the others have exact lines as it is.
        """
        size = x.shape.size
        if not kinked or self.state.count * size * self.state.middle.shape[1] <= CHEAP:
            self.forms.of(x, before)
            return
        r = self.state.range(x)
        open_ones = np.flatnonzero(np.logical_or.reduce(flat((r.low < 0) & (r.high > 0), 1), axis=0))
        if 2 * len(open_ones) > size:
            self.forms.of(x, before)
            return
        step = self._rows_at_a_time(size)
        for start in range(0, len(open_ones), step):
            chosen = open_ones[start : start + step]
            self._intersected(x, _units(x, chosen), chosen, None, before)

    def _rows_at_a_time(self, size: int) -> int:
        widest: int = max(size, self.plan.largest, self.state.middle.shape[1], 1)
        return max(1, COEFFICIENTS // (self.state.count * widest))

    def _by_passes(self, x: Traced, before: int) -> AffineForm:
        """The affine form of a value, by passes with rows of ± the unit matrix."""
        size = x.shape.size
        forms, step = [], self._rows_at_a_time(size)
        for start in range(0, max(size, 1), step):
            rows = _units(x, np.arange(start, min(start + step, size)))
            form = BackwardPass(self.state, x, np.concatenate([rows, -rows]), before).form()
            forms.append(form if self.forms.affordable(x) else form.without_slopes())
        return AffineForm.joined(forms)

    def bounds(self) -> Ends:
        """The ends of the result over each box: float arrays of shape (boxes, *shape), infinite where unknown.

        A box in which no input meets the constraints gives (inf, -inf).
        """
        x, size = self.plan.result, self.plan.result.shape.size
        if not x.constant and size:
            step = max(1, COEFFICIENTS // (self.state.count * max(self.state.middle.shape[1], FEWEST_INPUTS)))
            for start in range(0, size, step):
                self._tighten(x, np.arange(start, min(start + step, size)))
        return self.state.ends(x)

    def _tighten(self, x: Traced, elements: Array) -> None:
        """The ends of some elements of the result: by quadratic terms, and by lines where these may do better."""
        units, before = _units(x, elements), len(self.plan.equations)
        last = self._intersected(x, units, elements, self.forms, before)
        if last.unsure:
            last = self._intersected(x, units, elements, None, before)
        if self._last is None:
            self._last, self._sides = last, 2 * len(units)

    def _intersected(
        self, x: Traced, units: Array, elements: Array, forms: AffineForms | None, before: int
    ) -> BackwardPass:
        """The ends of elements of a value, by rows of their ± units, once for each multiplier of the split
        constraints.
        """
        count, shape = len(units), (self.state.count, x.shape.size)
        multipliers = (0.0, *MULTIPLIERS) if self.state.constraints else (0.0,)
        rows = np.concatenate([units, -units] * len(multipliers))
        each = np.repeat(multipliers, 2 * count) if self.state.constraints else None
        done = BackwardPass(self.state, x, rows, before, forms, each)
        least = np.fmax.reduce(done.least().reshape(self.state.count, len(multipliers), 2 * count), axis=1)
        low, high = np.full(shape, np.nan), np.full(shape, np.nan)
        low[:, elements], high[:, elements] = least[:, :count], -least[:, count:]
        self.state.intersect(x, low.reshape(self.state.count, *x.shape), high.reshape(self.state.count, *x.shape))
        return done

    # ---- where to split, after `bounds` -----------------------------------------------------------------------------

    def relu_to_split(self) -> Array:
        """For each box, where the lines around a kink cost the widest output most: (boxes, 2).

        The place of the equation that makes the kink's operand, and the element of that; -1 for a box without one.
        """
        best, found = np.zeros(self.state.count), np.full((self.state.count, 2), -1)
        for place, sizes in (self._last.kinked if self._last else {}).items():
            gaps = self._of_widest(flat(sizes, 2) * flat(self._gap(place), 1)[:, None])
            if not gaps.size:  # a kink of no elements
                continue
            element = np.argmax(gaps, axis=1)
            largest = gaps[np.arange(self.state.count), element]
            better = largest > best
            best = np.where(better, largest, best)
            found[better] = np.stack([np.full(self.state.count, place), element], axis=1)[better]
        return found

    def _gap(self, place: int) -> Array:
        """How far the chord over the range of a kink's operand is above the kink; 0 where the range has no kink."""
        r = self.state.range(self.plan.equations[place].result)
        crossing = (r.low < 0) & (r.high > 0)
        return np.where(crossing, r.low * r.high / np.where(crossing, r.low - r.high, 1.0), 0.0)

    def inputs_to_split(self) -> Array:
        """For each box the element of the inputs along which the widest output changes most, and the widest element.

        (boxes, 2), among all inputs side by side; -1 for a box that is a point.
        """
        radius = self.state.radius
        if self._last is None or not radius.shape[1]:
            return np.full((self.state.count, 2), -1)
        changes = self._of_widest(np.abs(self._last.slopes) * radius[:, None])
        widest = np.argmax(radius, axis=1)
        steepest = np.where(np.any(changes > 0, axis=1), np.argmax(changes, axis=1), widest)
        return np.where(np.any(radius > 0, axis=1)[:, None], np.stack([steepest, widest], axis=1), -1)

    def _of_widest(self, rows: Array) -> Array:
        """For each box, the sum of the rows for the two sides of the widest output: (boxes, rows, n) -> (boxes, n)."""
        half = self._sides // 2
        r = self.state.range(self.plan.result)
        with np.errstate(invalid="ignore"):
            width = flat(r.high - r.low, 1)[:, :half]
        at = np.argmax(np.where(np.isfinite(width), width, -1.0), axis=1)
        every = np.arange(self.state.count)
        return np.asarray(rows[every, at] + rows[every, at + half])


def _units(x: Traced, elements: Array) -> Array:
    """For each of some elements of a value the weights that are 1 there, and 0 elsewhere."""
    rows = np.zeros((len(elements), x.shape.size))
    rows[np.arange(len(elements)), elements] = 1.0
    return rows.reshape(len(elements), *x.shape)
