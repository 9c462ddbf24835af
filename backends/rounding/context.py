"""The scalar of the backend: a real value in an enclosing context, and a bound on the error of its float."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from scalarspec.backends.rounding.arrays import RoundingArrays
from scalarspec.backends.rounding.model import FloatModel
from scalarspec.backends.rounding.tracked import Rounded, Tracked, ends
from scalarspec.core.context import DERIVED, PRIMITIVES, Context
from scalarspec.core.sets import inf
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.exact import End, boxed, interval_text
from scalarspec.numbers.formats import Format


@dataclass(frozen=True)
class RoundingContext(Context[Tracked]):
    """Real values in `inner`, an enclosing context; floats of `form`, with sums in `accumulator`; a library accurate to
    `libm` ulps.
    """

    form: Format
    inner: Context[Any]
    libm: int
    accumulator: Format
    encloses: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "rounding"

    @cached_property
    def arrays(self) -> RoundingArrays:
        """The same rules in bulk."""
        return RoundingArrays(self, FloatModel(self.form, self.inner, self.libm, self.accumulator))

    @property
    def model(self) -> FloatModel:
        """How floats compute."""
        return self.arrays.model

    def reference(self) -> RoundingContext:
        """Real values on the plain arrays of the inner context."""
        return replace(self, inner=self.inner.reference())

    def __repr__(self) -> str:
        sums = f", accumulate={self.accumulator.name}" if self.accumulator != self.form else ""
        return f"rounding({self.form.name}, {self.inner!r}, libm={self.libm}{sums})"

    def literal(self, value: Fraction) -> Tracked:
        return Tracked(self._real(self.inner.literal(value)), self.model.error_of(value), non_negative=value >= 0)

    def data(self, value: Any) -> Tracked:
        """A datum, rounded to the format; one that came from `item()` as it was."""
        if isinstance(value, Rounded):
            return Tracked(self.inner.tensor(value.enclosure), self.model.bounded(np.array(value.error)))
        real = self._real(self.inner.data(value))
        lower, upper = self.inner.endpoints(real.scalars()[()])
        error = self.model.error_of(Fraction(lower)) if lower == upper else self.model.half_ulp(real)
        return Tracked(real, error, non_negative=inf(real) >= 0)

    def enclose(self, lower: Any, upper: Any) -> Tracked:
        """The reals between two data, each rounded to the format."""
        return self._to_nearest(self._real(self.inner.enclose(lower, upper)))

    def box(self, lower: Any, upper: Any) -> Tensor:
        """The reals between two data of equal shape, each rounded to the format."""
        real = self.inner.box(lower, upper)
        return Tensor(self, real.shape, self._to_nearest(real))

    def box_of_floats(self, lower: Any, upper: Any) -> Tensor:
        """The numbers of the format between two data of equal shape: without an error."""
        real = self.inner.box(lower, upper)
        return Tensor(self, real.shape, Tracked(real))

    def points(self, values: Any) -> Tensor:
        """Data that are taken as they are, whether or not they are numbers of the format: without an error."""
        real = self.inner.tensor(values)
        return Tensor(self, real.shape, Tracked(real))

    def exact_value(self, x: Tracked) -> Fraction:
        return self.inner.exact_value(x.real.scalars()[()])

    def endpoints(self, x: Tracked) -> tuple[End, End]:
        """Of the real value."""
        return self.inner.endpoints(x.real.scalars()[()])

    def item(self, x: Tracked) -> Rounded:
        return Rounded(x.real.item(), float(x.bound))

    def text(self, x: Tracked) -> str:
        return f"{interval_text(*self.endpoints(x))} (float within {float(x.bound):.3g})"

    def _to_nearest(self, real: Tensor) -> Tracked:
        low, high = ends(real)
        errors = self.form.half_ulp(np.maximum(-low, high))
        known = np.where(low == high, self.form.rounding_errors(low), errors)
        return Tracked(real, self.model.bounded(known), non_negative=low >= 0)

    def _real(self, scalar: Any) -> Tensor:
        return Tensor.from_scalars(self.inner, boxed(scalar))


def _scalar_operation(name: str) -> Callable[..., Any]:
    def operation(self: RoundingContext, *operands: Any) -> Any:
        return self.arrays.scalar(name, *operands)

    operation.__doc__ = (PRIMITIVES | DERIVED)[name].__doc__
    return operation


for _name in (*PRIMITIVES, *DERIVED):  # a scalar is a tensor of shape (): one set of rules serves both
    setattr(RoundingContext, _name, _scalar_operation(_name))
abc.update_abstractmethods(RoundingContext)  # type: ignore[type-abstract]
