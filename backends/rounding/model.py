"""The standard model of floating-point arithmetic (Higham 2002, section 2.2), and one call of an operation under it.

    fl(z) = z (1 + δ) + η    |δ| <= u = 2^-precision, |η| <= λ = half the least subnormal number, and δ η = 0

for the float nearest to a real z within the range of the format. η is 0 for sums and differences of two floats: they
are multiples of the least subnormal number, so that one below the normal numbers is itself a float.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.backends.rounding.tracked import Array, Decision, Tracked, magnitude
from scalarspec.core.context import Context
from scalarspec.core.operations import result_shape
from scalarspec.core.shape import Scalar
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.exact import boxed
from scalarspec.numbers.formats import Format


@dataclass(frozen=True)
class FloatModel:
    """Floats of `form`, rounded to nearest; a library accurate to `libm` ulps; bounds enclosed in `inner`; sums, and
    products that are summed, in `accumulator`, which holds every number of `form`.
    """

    form: Format
    inner: Context[Any]
    libm: int
    accumulator: Format

    @cached_property
    def sums(self) -> FloatModel:
        """The model in which sums are worked out: itself, where they have no format of their own."""
        return self if self.accumulator == self.form else replace(self, form=self.accumulator)

    @property
    def unit(self) -> Tensor:
        """The unit roundoff u, of shape ()."""
        return self.inner.tensor(Fraction(1, 2**self.form.precision))

    @property
    def least_error(self) -> Fraction:
        """λ: what rounding a number below the normal ones can cost, half the least subnormal."""
        return self.form.ulp(Fraction(0)) / 2

    def growth(self, n: int) -> Fraction:
        """A bound on (1 + u)^n.

        1. Where nu < 1/2, it is at most 1 + γ_n with γ_n = nu / (1 - nu): Higham's lemma 3.1.
        2. Else it is at most e^(nu) = 2^(nu / log 2), and 1 / log 2 < 3/2.
        """
        nu = n * Fraction(1, 2**self.form.precision)
        return 1 + nu / (1 - nu) if nu < Fraction(1, 2) else Fraction(2) ** math.ceil(nu * 3 / 2)

    def half_ulp(self, x: Tensor) -> Tensor | None:
        """What rounding each element to the format can cost; infinite where it may leave the range."""
        return self.bounded(self.form.half_ulp(magnitude(x)))

    def bounded(self, errors: Array) -> Tensor | None:
        """Errors between 0 and these float64s; None where all of them are 0."""
        return self.inner.box(np.zeros(errors.shape), errors) if np.any(errors) else None

    def error_of(self, value: Fraction) -> Tensor | None:
        """The error of the float nearest to a number, of shape ()."""
        nearest = self.form.nearest(value)
        if nearest == value:
            return None
        return self.inner.box(0, float("inf") if isinstance(nearest, float) else abs(nearest - value))

    def applied(self, operation: str, x: Tensor, **parameters: Any) -> Tensor:
        """An operation on one tensor of the inner context."""
        shape = result_shape(operation, [x.shape], parameters)
        return Tensor(self.inner, shape, self.inner.arrays.apply(operation, x.value, **parameters))


class Call:
    """An operation of `Arrays` on values with errors.

    operands: `Tracked`, or `Decision` where a truth is due; parameters: of the operation; shape: of the result.
    """

    __slots__ = ("model", "operands", "operation", "parameters", "shape")

    def __init__(
        self, model: FloatModel, operation: str, operands: tuple[Any, ...], parameters: dict[str, Any]
    ) -> None:
        self.model = model
        self.operation = operation
        self.operands = operands
        self.parameters = parameters
        self.shape = result_shape(operation, [x.shape for x in operands], parameters) if operands else Scalar

    def applied(self, *tensors: Any) -> Tensor:
        """The operation on tensors, or truths, of the inner context in the place of its operands."""
        inner = self.model.inner
        if not tensors:
            return Tensor.from_scalars(inner, boxed(getattr(inner, self.operation)()))
        values = (t.value for t in tensors)
        return Tensor(inner, self.shape, inner.arrays.apply(self.operation, *values, **self.parameters))


Operand = Tracked | Decision
"""What operations are called on, and what they give."""
