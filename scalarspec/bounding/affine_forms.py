"""Affine forms: values over many boxes as affine functions of the inputs, and a remainder that lies between two ends.

A form is carried forwards where that loses nothing, or little: through functions of one number, by the lines around
them; through linear operations, by the operation. Else whoever asks has a way to find a better one.

Rounding. Floats stand for what they are, so slopes need no charge: the remainder pays for what they fail to be. An
element of a form is made of terms whose sizes sum up to at most S, in at most n operations:

    (1) each operation is off by at most u of the sum of the sizes of its terms, so all by n u (1 + n u) S <= 2 n u S;
    (2) the sizes themselves are floats, at least (1 - n u) of what they stand for, so 4 n u S pays for both;
    (3) what underflows is at most 2^-1074 an operation, times a deviation of an input: 2^-900 (1 + Σ radius + Σ S).

n = 2 (inputs + largest value) + 64 counts a product and a sum for each input and each element that is summed up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.bounding import bilinear_operations
from scalarspec.bounding.bilinear_operations import summands
from scalarspec.bounding.fused import Layer
from scalarspec.bounding.plan import Kind
from scalarspec.bounding.ranges import flat
from scalarspec.bounding.state import BoxState
from scalarspec.core.operations import OPERATIONS
from scalarspec.numbers.elementary import TINY, U
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

Array = np.ndarray[Any, Any]
LITTLE = 1 / 512
"""Where an operation adds remainders up, its form is carried on if they are at most this much of its deviation.

A pass backwards, which would find a smaller remainder, costs about as much as all equations before.
"""
FORM_NUMBERS = 1 << 24
"""The most numbers that the slopes of one form may have: 128 MiB."""


@dataclass(eq=False)
class AffineForm:
    """slopes (x - middle of x) + [remainder_low, remainder_high], for the inputs x.

    slopes: (boxes, elements, inputs), or with one box where all have the same; max_deviation: at least
    |slopes (x - middle)|; low, high: the ends of the value that this gives, NaN where none is known; (boxes, elements).
    Slopes that are too many to keep are left out: no elements, no remainder.
    """

    slopes: Array
    max_deviation: Array
    remainder_low: Array
    remainder_high: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, state: BoxState, slopes: Array, low: Array, high: Array) -> AffineForm:
        """With a remainder between two ends, and the ends by it."""
        far = state.max_deviation(slopes)
        return cls(slopes, far, low, high, low - far * (1 + 4 * U), high + far * (1 + 4 * U))

    @classmethod
    def joined(cls, forms: Sequence[AffineForm]) -> AffineForm:
        """The form of a value from those of its elements, some at a time."""
        if len(forms) == 1:
            return forms[0]
        return cls(
            *(np.concatenate(each, axis=1) for each in zip(*(vars(form).values() for form in forms), strict=True))
        )

    def without_slopes(self) -> AffineForm:
        """The ends alone."""
        none = self.max_deviation[:, :0]
        return AffineForm(self.slopes[:, :0], none, none, none, self.low, self.high)

    def moved(self, slope: Array, low: Array, high: Array) -> tuple[Array, Array, Array]:
        """slope times the remainder + [low, high], but for rounding, and the size of its terms."""
        ends = slope * self.remainder_low, slope * self.remainder_high
        size = np.abs(slope) * (
            self.max_deviation + np.maximum(np.abs(self.remainder_low), np.abs(self.remainder_high))
        )
        return low + np.minimum(*ends), high + np.maximum(*ends), size


Find = Callable[[Traced, int], AffineForm]
"""The form of a value that is made by the equations before a place."""


class AffineForms:
    """The affine forms of the values of a plan: each found once, when it is asked for, and its range sharpened by it.

    otherwise: finds the form of a value that cannot be carried forwards without a loss.
    """

    def __init__(self, state: BoxState, otherwise: Find) -> None:
        self.state, self.plan, self.otherwise = state, state.plan, otherwise
        self._forms: dict[Traced, AffineForm] = {}

    def of(self, x: Traced, before: int) -> AffineForm:
        """The affine form of a value that is made by the equations before a place."""
        step = self.plan.steps.get(self.plan.place.get(x, -1))
        if isinstance(step, Layer) and not step.spreads and step.operands[0] in self.plan.place:
            for y in step.operands:  # whose form loses nothing when it is carried here
                self.of(y, self.plan.place[x])
        return self._at_hand(x) or self._kept(x, self.otherwise(x, before))

    def found(self, x: Traced) -> AffineForm | None:
        """The affine form of a value, if it was found before."""
        return self._forms.get(x)

    def _at_hand(self, x: Traced) -> AffineForm | None:
        """The affine form of a value, where it is there, or can be carried from forms that are."""
        form = self._forms.get(x)
        if form is None:
            form = self._carried(x)
            return form and self._kept(x, form)
        return form

    def _kept(self, x: Traced, form: AffineForm) -> AffineForm:
        """A new form, by which the value's range is sharpened."""
        self._forms[x], shape = form, (self.state.count, *x.shape)
        self.state.intersect(x, form.low.reshape(shape), form.high.reshape(shape))
        return form

    def affordable(self, x: Traced) -> bool:
        """May the affine form of a value be kept?"""
        return bool(self.state.count * x.shape.size * self.state.middle.shape[1] <= FORM_NUMBERS)

    def _carried(self, x: Traced) -> AffineForm | None:
        """The form of a value from those of its operands; None where that may lose something."""
        if not (self.state.bounded and self.affordable(x)):
            return None
        if x in self.plan.input_places:
            return form_of_input(self.state, x)
        place = self.plan.place.get(x, -1)
        step = self.plan.steps.get(place)
        carry = None if step is None else CARRIED.get(self.plan.kinds[step])
        if step is None or carry is None or not all(self.affordable(y) for y in step.operands if not y.constant):
            return None
        before = len(self._forms)
        as_it_is = self.plan.input_places if isinstance(step, Layer) else ()
        wanted = [not y.constant and y not in as_it_is for y in step.operands]
        forms = [self._at_hand(y) if needed else None for y, needed in zip(step.operands, wanted, strict=True)]
        if any(form is None and needed for form, needed in zip(forms, wanted, strict=True)):
            return None
        found = carry(self.state, step, forms)
        if found is not None and len(self._forms) > before and x in self.plan.curved:
            self.state.propagate(place)  # an operand's range is sharper than it was
        return found


def form_of_input(state: BoxState, x: Traced) -> AffineForm:
    """The form of an input: itself."""
    place = state.plan.input_places[x]
    units = np.eye(x.shape.size, state.middle.shape[1], place.start)
    middle = state.middle[:, place]
    remainder = 4 * U * np.abs(middle)  # pays for the rounding of the ends
    return AffineForm.of(state, units[None], middle - remainder, middle + remainder)


def form_of_univariate(state: BoxState, eqn: Equation, forms: Sequence[AffineForm | None]) -> AffineForm:
    """slope t + [low, high] around f(t): a line between the two that bound f, and how far these are from it."""
    (form,), found, r = forms, state.lines(eqn), state.range(eqn.operands[0])
    assert form is not None
    slope = found.low_slope / 2 + found.high_slope / 2
    low = found.low + (found.low_slope - slope) * r.middle - np.abs(found.low_slope - slope) * r.radius
    high = found.high + (found.high_slope - slope) * r.middle + np.abs(found.high_slope - slope) * r.radius
    size = (np.abs(found.low_slope) + np.abs(found.high_slope)) * r.size + np.abs(low) + np.abs(high)
    slope, low, high, size = (flat(a, 1) for a in (slope, low, high, size))
    low, high, more = form.moved(slope, low, high)
    slack = _slack(state, size + more)
    return AffineForm.of(state, slope[..., None] * form.slopes, low - slack, high + slack)


def form_of_linear(state: BoxState, eqn: Equation, forms: Sequence[AffineForm | None]) -> AffineForm | None:
    """L (slopes δ + c ± e) = L slopes δ + L c ± |L| e; None where much remains."""
    centre, error, size = _remainders(state, eqn, forms)
    error = error + _slack(state, size)
    form = AffineForm.of(state, _slopes(state, eqn, forms), centre - error, centre + error)
    return None if _loses(state, eqn, form, error) else form


def form_of_layer(state: BoxState, layer: Layer, forms: Sequence[AffineForm | None]) -> AffineForm | None:
    """The same, by the matrices of a layer. An input, that has no form here, is itself and what its ends were rounded
    by.
    """
    centre, error, size = layer.bias, np.zeros(()), layer.bias_size
    slopes: Array = np.zeros(())
    for y, form, matrix, signless, sizes in zip(
        layer.operands, forms, layer.matrices, layer.magnitudes, layer.sizes, strict=True
    ):
        middle, radius, largest = _of_input(state, y) if form is None else _interval(state, y, form)
        centre, error = centre + flat(middle, 1) @ matrix.T, error + flat(radius, 1) @ signless.T
        size = size + flat(largest, 1) @ sizes.T
        slopes = slopes + (_placed(state, y, matrix) if form is None else matrix @ form.slopes)
    error = error + _slack(state, size) + 2 * layer.rate * size
    form = AffineForm.of(state, slopes, centre - error, centre + error)
    return None if layer.spreads and _adds_up(form, error) else form


def _of_input(state: BoxState, y: Traced) -> tuple[Array, Array, Array]:
    """What an input is beside its slopes, and its size with them."""
    r = state.range(y)
    return r.middle, 4 * U * np.abs(r.middle), r.size * (1 + 8 * U)


def _placed(state: BoxState, y: Traced, matrix: Array) -> Array:
    """A matrix of an input as slopes of all inputs."""
    slopes = np.zeros((1, len(matrix), state.middle.shape[1]))
    slopes[0][:, state.plan.input_places[y]] = matrix
    return slopes


CARRIED: dict[Kind, Callable[[BoxState, Any, Sequence[AffineForm | None]], AffineForm | None]] = {
    "univariate": form_of_univariate,
    "linear": form_of_linear,
    "layer": form_of_layer,
}
"""The form of the result of a step from those of its operands (None: a constant), by its kind."""


def _remainders(state: BoxState, eqn: Equation, forms: Sequence[AffineForm | None]) -> tuple[Array, Array, Array]:
    """The middle and the radius of what the result is beside its slopes, and its size with them."""
    parts = [_interval(state, y, form) for y, form in zip(eqn.operands, forms, strict=True)]
    centres, radii, sizes = (list(each) for each in zip(*parts, strict=True))
    added = summands(eqn)
    for i, form in enumerate(forms):
        if form is None and i not in added:
            radii[i] = sizes[i]  # a factor of what has a radius
    centre = state.applied(bilinear_operations.forward, eqn, centres)
    error, size = (state.applied(bilinear_operations.unsigned, eqn, each) for each in (radii, sizes))
    return flat(centre, 1), flat(error, 1), flat(size, 1)


def _interval(state: BoxState, y: Traced, form: AffineForm | None) -> tuple[Array, Array, Array]:
    """The middle and the radius of what a value is beside its slopes, and its size with them."""
    if form is None:
        r = state.range(y)
        return r.middle, np.zeros(r.low.shape) if state.plan.known(y) else r.radius, r.size
    middle = form.remainder_low / 2 + form.remainder_high / 2
    radius = np.maximum(form.remainder_high - middle, middle - form.remainder_low) * (1 + 4 * U)
    shape = (state.count, *y.shape)
    size = np.abs(middle) + radius + form.max_deviation
    return middle.reshape(shape), radius.reshape(shape), size.reshape(shape)


def _slopes(state: BoxState, eqn: Equation, forms: Sequence[AffineForm | None]) -> Array:
    """The operation on slopes, for each input a row; numbers that are added have none."""
    n, added = state.middle.shape[1], summands(eqn)
    rows = []
    for i, (y, form) in enumerate(zip(eqn.operands, forms, strict=True)):
        if form is not None:
            rows.append(form.slopes.swapaxes(1, 2).reshape(len(form.slopes), n, *y.shape))
        else:
            rows.append(np.zeros((1, 1, *y.shape)) if i in added else state.plan.number(y)[None])
    found = bilinear_operations.forward(eqn.operation, rows, eqn.parameters)
    return flat(found, 2).swapaxes(1, 2)


def _loses(state: BoxState, eqn: Equation, form: AffineForm, error: Array) -> bool:
    """Does the operation add up remainders, so that they are more than a little of the form's deviation?

    What moves elements moves their remainders; what is done on each element adds them up where several are curved.
    """
    line, curved = OPERATIONS[eqn.operation], sum(y in state.plan.curved for y in eqn.operands)
    if line.moves or (line.scalar and curved <= 1):
        return False
    return _adds_up(form, error)


def _adds_up(form: AffineForm, error: Array) -> bool:
    """Is the remainder more than a little of the form's deviation?"""
    return bool(np.any(error.sum(axis=1) > LITTLE * form.max_deviation.sum(axis=1)))


def _slack(state: BoxState, size: Array) -> Array:
    """What rounding may do to elements of a form, whose terms are of such sizes."""
    n = 2 * state.middle.shape[1] + 2 * state.plan.largest + 64
    tiny = TINY * (1 + state.radius.sum(axis=1) + size.sum(axis=1))
    return np.asarray(4 * n * U * size + tiny[:, None])
