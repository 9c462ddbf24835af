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

    fused         chains of linear operations as one layer: what passes go through are steps
    state         what is known of values: ranges, lines around functions, balls, split constraints
    charges       what a pass takes off at a step
    affine_forms  values as affine functions of the inputs, carried forwards
    backward      passes, by the quadratic terms of `quadratic`
    dual_ascent   better slopes and multipliers for rows of a proof
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
        less than a fifth for fewer than 2^50 terms. At a layer, whose matrix is itself off by `rate` times the sizes of
        its elements, 1.25 rate <|g|, M> is lost beside that, and n is at least 3/2 of the terms of a sum forwards, so
        that the same charge pays for the range: for A m, and for |A| r, whose terms are at most twice those of M.
    (6) A coefficient or a product that underflows is off by at most 2^-1074, times the size of what it belongs to:
        2^-900 (1 + Σ M + Σ sizes of the operands) pays for fewer than 2^170 of them. Halves of the slopes of lines may
        underflow before they are multiplied by g: 5 u 2^-1000 |g| |v| pays for 2^-1073 |g| |v| (LEAST_SLOPE).
    (7) In the end the least value is at_middle - dual norm - lost, each off by at most a few u of its own size, which
        16 u (|at_middle| + |value| + lost) pays; the sums over all inputs are charged as in (5), with M the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.bounding import dual_ascent
from scalarspec.bounding.affine_forms import AffineForm, AffineForms
from scalarspec.bounding.backward import BackwardPass, UnitRows
from scalarspec.bounding.plan import Plan
from scalarspec.bounding.ranges import flat
from scalarspec.bounding.state import Balls, Boxes, BoxState, Constraints, Ends
from scalarspec.core.operations import OPERATIONS
from scalarspec.numbers.elementary import TINY
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

Array = np.ndarray[Any, Any]
Sides = Sequence[tuple[int, int]]
"""Ends of outputs: the place of each among all, and 1 for its lower, -1 for its upper end."""

COEFFICIENTS = 1 << 21
"""About the most coefficients of one value that go backwards at a time: 16 MiB."""
CHEAP = 1 << 18
"""Up to so many coefficients of the inputs, all elements of a value are sharpened: its affine form may be of use. Up to
so many of the largest value, tangents are moved."""
FEWEST_INPUTS = 64
"""Rows for the result are counted as if there were at least this many inputs: values in between may be larger."""
MOST_SHARED = 64
"""Up to so many inputs, it is worked out for each how much of the range of each kink's operand it makes up."""
MULTIPLIERS = (0.5, 1.0)
"""Of the size of a constrained value's coefficient, how much is put on its split constraint; 0 is tried as well."""


class LinearBounds:
    """Linear bounds of the result of a plan over many boxes.

    boxes: for each input its ends, float arrays of shape (boxes, *shape); balls: for those that are in a Euclidean ball
    as well, centres and radii; constraints: for some equations, by their places, ends that the result is said to lie
    between in each box: arrays of that shape.
    """

    def __init__(
        self,
        plan: Plan,
        boxes: Boxes,
        balls: Balls,
        constraints: Constraints | None = None,
        known: Constraints | None = None,
        sharpened: bool = True,
    ) -> None:
        self.plan, self._sharpened = plan, sharpened
        self.state = BoxState(plan, boxes, balls, constraints, known)
        self.forms = AffineForms(self.state, self._by_passes)
        self._last: BackwardPass | None = None
        self._rows: UnitRows | None = None
        self._asked = False
        self._shares: dict[int, list[tuple[Array, Array]]] = {}
        self._propagate()

    def _propagate(self) -> None:
        """The ranges, in order: what a curved function is applied to, and the factors of a product, are sharpened
        first.
        """
        for i, step in self.plan.steps.items():
            curved = self.plan.kinds[step] in ("univariate", "bilinear")
            if self._sharpened and curved and isinstance(step, Equation):
                kinked = OPERATIONS[step.operation].kinks == "zero"
                for x in step.operands:
                    if x in self.plan.curved or (self.state.balls and x in self.plan.place):
                        self._sharpen(x, i, kinked)  # else one evaluation is as good
            self.state.propagate(i)

    def _sharpen(self, x: Traced, before: int, kinked: bool) -> None:
        """The range of a value, by its affine form; where a kink is applied to it, and its form would be of no use, by
        rows for those elements alone of which it is not known on which side they lie: the others have exact lines.
        """
        size = x.shape.size
        form_pays = self.plan.smooth and self.state.count * size * self.state.middle.shape[1] <= CHEAP
        if not kinked or form_pays:
            self.forms.of(x, before)
            return
        r = self.state.range(x)
        crossing = flat((r.low < 0) & (r.high > 0), 1)
        most = int(np.max(np.add.reduce(crossing, axis=1), initial=0))
        if self.plan.smooth and 2 * most > size:
            self.forms.of(x, before)
            return
        chosen = np.argsort(~crossing, axis=1, kind="stable")[:, :most]  # in some boxes others are among them
        step = self._rows_at_a_time(size)
        for start in range(0, most, step):
            elements = chosen[:, start : start + step]
            self._note_shares(x, elements, self._intersected(x, UnitRows.both(elements), None, before))

    def _note_shares(self, x: Traced, elements: Array, done: BackwardPass) -> None:
        """How much of the range of each of some elements each input makes up, where there are few inputs."""
        if x in self.plan.place and self.state.middle.shape[1] <= MOST_SHARED:
            slopes = np.abs(done.slopes[:, : elements.shape[1]]) + np.abs(done.slopes[:, elements.shape[1] :])
            self._shares.setdefault(self.plan.place[x], []).append((elements, self._shared(slopes)))

    def _shared(self, slopes: Array) -> Array:
        """Of what values range by, the part that each input makes up, from the sizes of their slopes."""
        changes = slopes * self.state.radius[:, None]
        return np.asarray(changes / np.maximum(np.add.reduce(changes, axis=2, keepdims=True), TINY))

    def _shares_of(self, place: int) -> list[tuple[Array, Array]]:
        """Those of what a kink is applied to: as noted, or by its form, where that is at hand or costs nothing."""
        x = self.plan.equations[place].result
        if place not in self._shares and self.state.middle.shape[1] <= MOST_SHARED:
            form = self.forms.found(x) if x in self.plan.curved else self.forms.of(x, place + 1)
            if form is not None and form.slopes.size:
                elements = np.arange(form.slopes.shape[1])[None]
                self._shares[place] = [(elements, self._shared(np.abs(form.slopes)))]
        return self._shares.get(place, [])

    def _rows_at_a_time(self, size: int) -> int:
        widest: int = max(size, self.plan.largest, self.state.middle.shape[1], 1)
        return max(1, COEFFICIENTS // (self.state.count * widest))

    def _by_passes(self, x: Traced, before: int) -> AffineForm:
        """The affine form of a value, by passes with rows of ± the unit matrix."""
        size = x.shape.size
        forms, step = [], self._rows_at_a_time(size)
        for start in range(0, max(size, 1), step):
            elements = np.arange(start, min(start + step, size))[None]
            form = BackwardPass(self.state, x, UnitRows.both(elements), before).form()
            forms.append(form if self.forms.affordable(x) else form.without_slopes())
        return AffineForm.joined(forms)

    def bounds(self, sides: Sides | None = None) -> Ends:
        """The ends of the result over each box: float arrays of shape (boxes, *shape), infinite where unknown.

        sides: which ends are asked for, of which elements; by default both of all. A box in which no input meets the
        constraints gives (inf, -inf).
        """
        x, size = self.plan.result, self.plan.result.shape.size
        self._asked = sides is not None
        if not x.constant and size:
            step = max(1, COEFFICIENTS // (self.state.count * max(self.state.middle.shape[1], FEWEST_INPUTS)))
            if sides is None:
                for start in range(0, size, step):
                    self._tighten(x, UnitRows.both(np.arange(start, min(start + step, size))[None]))
            else:
                for start in range(0, len(sides), 2 * step):
                    elements, signs = np.array(sides[start : start + 2 * step]).T
                    self._tighten(x, UnitRows(elements[None], signs.astype(np.float64)))
        return self.state.ends(x)

    def _tighten(self, x: Traced, rows: UnitRows) -> None:
        """The ends of some elements of the result: by quadratic terms, and by lines where these may do better; then by
        quadratic terms again, with the slopes below rectifiers that lines were better with, where much is lost.
        """
        before = len(self.plan.equations)
        if self._asked and self.plan.piecewise_linear and not self.state.balls:
            last = self._ascend(x, rows, before, dual_ascent.STEPS)
        else:
            multipliers = (0.0, *MULTIPLIERS) if self.state.constraints else (0.0,)
            last = self._intersected(x, rows, self.forms, before, multipliers)
            loses = bool(self.plan.smooth and self.plan.rectifiers) and last.loses(dual_ascent.WORTH)
            if last.unsure or loses:
                last = self._by_lines(x, rows, before, multipliers)
            if loses and last.choice is not None:
                better = dual_ascent.Choice(last.choice.slopes, last.choice.multipliers)
                self._put(x, rows, BackwardPass(self.state, x, rows, before, self.forms, choice=better).least())
        if self._last is None:
            self._last, self._rows = last, rows

    def _by_lines(self, x: Traced, rows: UnitRows, before: int, multipliers: tuple[float, ...]) -> BackwardPass:
        """The ends that rows are about, by lines, and by tangents that get better where that is cheap."""
        moves = self.state.count * len(rows.signs) * self.plan.largest <= CHEAP and not self.state.balls
        if not moves:
            return self._intersected(x, rows, None, before, multipliers)
        if self.state.constraints:
            self._intersected(x, rows, None, before, multipliers)
        return self._ascend(x, rows, before, dual_ascent.TANGENT_STEPS, dual_ascent.WORTH)

    def _ascend(self, x: Traced, rows: UnitRows, before: int, steps: int, worth: float = 0.0) -> BackwardPass:
        """The ends that rows are about, by slopes, multipliers and tangents that get better; the last pass. worth: none
        are changed where less than this part of what the rows miss is lost at lines.
        """
        ascent = dual_ascent.DualAscent(self.state, dual_ascent.first_choice(self.state, len(rows.signs)))
        for k in range(steps + 1):
            last = BackwardPass(self.state, x, rows, before, choice=ascent.choice)
            self._put(x, rows, last.least())
            if k == steps or (k == 0 < worth and not last.loses(worth)):
                break
            ascent.step(last.slopes, last.handed)
        return last

    def _intersected(
        self,
        x: Traced,
        rows: UnitRows,
        forms: AffineForms | None,
        before: int,
        multipliers: tuple[float, ...] = (0.0,),
    ) -> BackwardPass:
        """The ends of a value that some rows are about, once for each multiplier of the split constraints."""
        n, count = len(rows.signs), self.state.count
        each = np.repeat(multipliers, n) if len(multipliers) > 1 else None
        done = BackwardPass(self.state, x, rows.repeated(len(multipliers)), before, forms, each)
        least = np.fmax.reduce(done.least().reshape(count, len(multipliers), n), axis=1)
        self._put(x, rows, least)
        return done

    def _put(self, x: Traced, rows: UnitRows, least: Array) -> None:
        """Lower bounds of rows of a value, (boxes, rows), are ends of it."""
        count = self.state.count
        ends, boxes = np.full((2, count, x.shape.size), np.nan), np.arange(count)[:, None]
        for k, sign in enumerate((1.0, -1.0)):
            side = rows.signs == sign
            ends[k, boxes, rows.elements[:, side]] = sign * least[:, side]
        self.state.intersect(x, *ends.reshape(2, count, *x.shape))

    def kinked_ranges(self) -> list[Array]:
        """The ends of the values that kinks are applied to, in the order of the plan's `kinked_places`."""
        ranges = [self.state.range(self.plan.equations[place].result) for place in self.plan.kinked_places]
        return [end for r in ranges for end in (r.low, r.high)]

    def slopes(self) -> list[Array]:
        """For each rectifier, in order, the slopes of the lines below it that the rows that were asked for took last:
        (boxes, rows, elements); none where none were chosen.
        """
        choice = self._last.choice if self._last else None
        return [*choice.slopes.values()] if choice else []

    # ---- where to split, after `bounds` -----------------------------------------------------------------------------

    def kinks_to_split(self) -> Array:
        """For each box and row, where the lines around a kink cost most: (boxes, rows, 2).

        The place of the equation that makes the kink's operand, and the element of that; -1 where there is none. The
        rows are the sides that were asked for; without them one, for both sides of the widest output.
        """
        rows = self._looked_at()
        best, found = np.zeros(rows.shape), np.full((*rows.shape, 2), -1)
        for place, costs in self._kink_costs.items():
            element = np.argmax(costs, axis=2)
            largest = np.take_along_axis(costs, element[..., None], axis=2)[..., 0]
            better = largest > best
            best = np.where(better, largest, best)
            found[better] = np.stack([np.full(rows.shape, place), element], axis=2)[better]
        return found

    @cached_property
    def _kink_costs(self) -> dict[int, Array]:
        """By the place of what a kink is applied to, what the lines around each element cost the rows that are looked
        at: (boxes, rows, elements).
        """
        found = {}
        for place, sizes in (self._last.kinked if self._last else {}).items():
            gap = flat(self._gap(place), 1)[:, None]
            if gap.size:  # a kink may have no elements
                found[place] = self._of_rows(flat(sizes, 2)) * gap
        return found

    def _gap(self, place: int) -> Array:
        """How far the chord over the range of a kink's operand is above the kink; 0 where the range has no kink."""
        r = self.state.range(self.plan.equations[place].result)
        crossing = (r.low < 0) & (r.high > 0)
        return np.where(crossing, r.low * r.high / np.where(crossing, r.low - r.high, 1.0), 0.0)

    def inputs_to_split(self) -> Array:
        """For each box and row the element of the inputs that costs most, and the widest element.

        What an input costs is how much the row changes along it, and of what the lines around kinks cost its share.
        (boxes, rows, 2), among all inputs side by side; -1 for a box that is a point.
        """
        radius = self.state.radius[:, None]
        if self._last is None or not radius.shape[2]:
            return np.full((*self._looked_at().shape, 2), -1)
        changes = self._of_rows(np.abs(self._last.slopes)) * radius
        for place, costs in self._kink_costs.items():
            for elements, shares in self._shares_of(place):
                changes = changes + np.take_along_axis(costs, elements[:, None], axis=2) @ shares
        widest = np.broadcast_to(np.argmax(radius, axis=2), changes.shape[:2])
        steepest = np.where(np.any(changes > 0, axis=2), np.argmax(changes, axis=2), widest)
        return np.where(np.any(radius > 0, axis=2)[..., None], np.stack([steepest, widest], axis=2), -1)

    def corners(self) -> Array:
        """For each box and row, on which side of its middle each input is where the row's affine bound is least: true
        for above; (boxes, rows, inputs).
        """
        if self._last is None:
            return np.zeros((0, 0, 0), dtype=bool)
        return np.asarray(self._of_rows(self._last.slopes) < 0)

    def _looked_at(self) -> Array:
        """For each box, the rows that splits are chosen for: those of the last pass, or the first of two."""
        if self._rows is None:
            return np.zeros((self.state.count, 1), dtype=int)
        if self._asked:
            return np.broadcast_to(np.arange(len(self._rows.signs)), (self.state.count, len(self._rows.signs)))
        r, half = self.state.range(self.plan.result), len(self._rows.signs) // 2
        with np.errstate(invalid="ignore"):
            width = flat(r.high - r.low, 1)[:, :half]
        return np.asarray(np.argmax(np.where(np.isfinite(width), width, -1.0), axis=1)[:, None])

    def _of_rows(self, rows: Array) -> Array:
        """Of what each row of the last pass has, that of the rows that are looked at: (boxes, rows, n); where both
        sides of the widest output are, their sum.
        """
        assert self._rows is not None
        every, at = np.arange(self.state.count)[:, None], self._looked_at()
        rows = np.broadcast_to(rows, (self.state.count, *rows.shape[1:]))
        if self._asked:
            return np.asarray(rows[:, : at.shape[1]])
        return np.asarray(rows[every, at] + rows[every, at + len(self._rows.signs) // 2])
