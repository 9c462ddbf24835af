"""The error of each stage of a spec: what it inherits, what it makes itself, and what rounding can explain."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.exact import End, as_array, decimal_text, float_above, float_below, infinite
from scalarspec.numbers.formats import Format
from scalarspec.report import ends_json, exact_json, floats_json
from scalarspec.results import ObjectArray, Record
from scalarspec.rounding_errors.float_results import Floats, of_shape
from scalarspec.tracing.evaluation import Evaluation

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]

MARGIN = 27
"""Bits beyond the format's own for the exact value: 7 for 1/100 ulp, and 20 that sums of a million terms may lose."""

DOWNWARD = 1 - 2**-50
"""Makes up for rounding a quotient to float64 and then the product with this, by 2^-53 each."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A named intermediate result. Object arrays of its shape; errors are greatest possible ones, over its elements.

    enclosure: of the exact value from exact arguments; actual: what the actual result has here, or None;
    error: |actual - exact|, which is at most local + inherited. local: the error that this step makes, from the actual
    values of the stages before; inherited: what their errors come to here; bound: what rounding each operation of
    this step can cause; excess: the greatest local / bound, over 1 where the step did something else than round;
    element_ulps: the greatest possible error of each element, in ulps. Where the actual values of the stages before
    give no value, local and inherited are None; where no bound is known it is infinite.
    """

    name: str
    enclosure: tuple[ObjectArray, ObjectArray]
    actual: ObjectArray | None = None
    error: End | None = None
    ulps: End | None = None
    local: End | None = None
    inherited: End | None = None
    bound: float = math.inf
    excess: float = 0.0
    element_ulps: ObjectArray | None = None

    def having(self, actual: ObjectArray, error: ObjectArray, ulps: ObjectArray) -> Stage:
        """The same with actual values, and the greatest possible error of each."""
        return replace(self, actual=actual, error=_most(error), ulps=_most(ulps), element_ulps=ulps)

    def to_json(self) -> Record:
        """Plain data: exact values and ends as strings."""
        numbers = {
            name: None if (value := getattr(self, name)) is None else floats_json(float_above(value))
            for name in ("error", "ulps", "local", "inherited")
        }
        actual = None if self.actual is None else exact_json(self.actual)
        head = {"name": self.name, "enclosure": ends_json(*self.enclosure), "actual": actual}
        return {**head, **numbers, "bound": floats_json(self.bound), "excess": floats_json(self.excess)}


def error_text(error: End, digits: int = 3, rounding: str = ROUND_CEILING) -> str:
    """An error as it is printed: rounded up, or as the decimal module's mode says."""
    unbounded = isinstance(error, float) and not math.isfinite(error)
    return "∞" if unbounded else decimal_text(Fraction(error), digits, rounding)


def errors(floats: Floats, lower: Array, upper: Array) -> tuple[Pair, Pair, Pair]:
    """(least, greatest) error of each element: absolute, relative, and in ulps of the format at the exact value.

    lower, upper: exact ends of the exact value, of the floats' shape.
    """
    found = [np.empty(floats.shape, dtype=object) for _ in range(6)]
    for index in np.ndindex(*floats.shape):
        values = _error(floats.form, floats.values[index], lower[index], upper[index])
        for array, value in zip(found, values, strict=True):
            array[index] = value
    return (found[0], found[1]), (found[2], found[3]), (found[4], found[5])


def _error(form: Format, x: Any, low: Any, high: Any) -> tuple[End, ...]:
    """The least and greatest |x - v| for v in [low, high], these over |v|, and these in ulps."""
    if isinstance(x, float):  # NaN and infinities are no real numbers
        return (math.inf,) * 6
    if infinite(low, high):
        return (Fraction(0), math.inf) * 3
    least, greatest = max(low - x, x - high, Fraction(0)), max(x - low, high - x)
    small, large = max(low, -high, Fraction(0)), max(-low, high)
    least_relative = least / large if large else Fraction(0)
    greatest_relative = Fraction(0) if not greatest else greatest / small if small else math.inf
    unit = form.ulp(Fraction(small))  # the smaller one where [low, high] holds a power of two
    return least, greatest, least_relative, greatest_relative, least / unit, greatest / unit


@dataclass(frozen=True, eq=False)
class StageComparison:
    """The stages of a spec beside the actual values of some of them.

    spec, args: the spec at its arguments; form: the format of the actual values; given: these, by the stage's name, and
    the last one may hold NaN and infinities; bits: the precision that the result needed; actual: the function, or the
    name, that the values come from; accumulate: the format of sums, where it is another.
    """

    spec: Callable[..., Tensor]
    args: Sequence[object]
    form: Format
    given: Mapping[str, ObjectArray]
    bits: int
    actual: object = None
    accumulate: str | None = None

    @cached_property
    def found(self) -> Found:
        """Each stage of the spec, the result last, and what is not known.

        1. exact: the stages from the exact arguments.
        2. near: each stage from the actual values of the stages before it, so that its local error is its own.
        3. bounds: what rounding in each stage can cause, from those values on.
        """
        bits = max(self.form.precision + MARGIN, self.bits)
        enclosing = named_context("interval", prec=bits)
        exact = self._evaluated(enclosing)
        given = self._given(enclosing.tensor)
        near = self._evaluated(enclosing, given) if given else exact
        bounds = self._evaluated(self._rounding, self._given(self._rounding.points))
        stages = [self._stage(name, endpoints(t), near.stages, bounds.stages) for name, t in exact.stages.items()]
        parts = {
            near: "the actual values give no value",
            exact: f"the exact values are not known at {bits} bits",
            bounds: "no bound on what rounding can cause is known",
        }
        unknown = tuple(_unknown(what, part) for part, what in parts.items() if part.failure)
        return Found(tuple(stages), unknown, exact.failure is None)

    def excess(self, error: ObjectArray) -> float:
        """The greatest quotient of an error of the result and what rounding can cause, from the arguments on; 0 where
        no bound is known.
        """
        found = self._evaluated(self._rounding)
        return _excess(error, found.result.value.bound) if found.failure is None else 0.0

    @cached_property
    def _rounding(self) -> Any:
        """The context of floats of the format, with their errors."""
        return named_context("rounding", dtype=self.form, accumulate=self.accumulate)

    def _evaluated(self, context: Any, given: Mapping[str, Tensor] | None = None) -> Evaluation:
        """As far as there are values."""
        return Evaluation.of(self.spec, self.args, context, given, partly=True)

    def _given(self, tensor: Callable[[Array], Tensor]) -> dict[str, Tensor]:
        """The actual values that are numbers; what follows from NaN and infinities is no question of rounding."""
        return {name: tensor(values) for name, values in self.given.items() if not infinite(*values.flat)}

    def _stage(self, name: str, ends: Pair, near: Mapping[str, Tensor], bounds: Mapping[str, Tensor]) -> Stage:
        """ends: of the exact value from exact arguments; near: from the actual values of the stages before."""
        bound = bounds[name].value.bound if name in bounds else np.full(ends[0].shape, np.inf)
        greatest = float(np.max(bound, initial=0.0))
        if name not in self.given:
            return Stage(name, ends, bound=greatest)
        floats = Floats(self.form, self.given[name])
        of_shape(f"stage {name!r}", floats, Shape(ends[0].shape))
        (_, error), _, (_, ulps) = errors(floats, *ends)
        stage = Stage(name, ends, bound=greatest).having(floats.values, error, ulps)
        if name not in near:
            return stage
        low, high = endpoints(near[name])
        (least, local), _, _ = errors(floats, low, high)
        inherited = as_array(np.maximum(abs(high - ends[0]), abs(low - ends[1])))
        return replace(stage, local=_most(local), inherited=_most(inherited), excess=_excess(least, bound))


class Found(NamedTuple):
    """The stages of a spec, what is not known of them, in words, and whether the last one is the result."""

    stages: tuple[Stage, ...]
    unknown: tuple[str, ...]
    whole: bool


def _unknown(what: str, part: Evaluation) -> str:
    """What is not known, from where on, and why."""
    last = next(reversed(part.stages), None)
    return f"{f'after stage {last!r}' if last else 'from the first stage on'} {what}: {part.failure}"


def _most(ends: Array) -> End:
    """The greatest element; 0 of none."""
    most: End = max(ends.flat, default=Fraction(0))
    return most


def _excess(errors: Array, bounds: Array) -> float:
    """The greatest error / bound of an element, rounded down, so that what it says of a fault holds."""
    return max((_quotient(*pair) for pair in zip(errors.flat, bounds.flat, strict=True)), default=0.0)


def _quotient(error: End, bound: float) -> float:
    """error / bound, where 0 / 0 is 0, and no finite error is too large for an infinite bound."""
    if infinite(error):
        return math.inf
    if not error or not np.isfinite(bound):
        return 0.0
    return float_below(error / Fraction(bound)) * DOWNWARD if bound else math.inf
