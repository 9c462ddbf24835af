"""Tensors of values with errors: the contract of `Arrays`, every operation through the strategies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scalarspec.backends.rounding.classes import class_of
from scalarspec.backends.rounding.model import Call, FloatModel
from scalarspec.backends.rounding.strategies import added, evaluated
from scalarspec.backends.rounding.tracked import Array, Decision, Tracked
from scalarspec.core.arrays import Arrays, lift
from scalarspec.core.context import Context
from scalarspec.core.definitions import definition
from scalarspec.core.operations import find
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.numbers import environment
from scalarspec.numbers.exact import as_array, boxed, holds_floats


class RoundingArrays(Arrays):
    """Values are `Tracked`, truths are `Decision`."""

    def __init__(self, context: Context[Any], model: FloatModel) -> None:
        super().__init__(context)
        self.model = model

    def run(self, function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
        """Without NumPy's warnings: overflow gives an infinite bound."""
        environment.check()
        return environment.quiet(function, *values, **parameters)

    def function(self, operation: str) -> Callable[..., Any]:
        """The operation by the strategy of its class, or its definition. Raises NotSupported where it has no class."""
        if self.reads(operation):
            return definition(self, operation)
        class_of(operation)
        return lambda *operands, **parameters: evaluated(Call(self.model, operation, operands, parameters))

    def reads(self, operation: str) -> bool:
        """Where floats do what the definition says, it is a rounding error for each step."""
        line = find(operation, "tolerance")
        return line.defined or line.floats == "defined"

    def elementwise(self, operation: str, *values: Any) -> Any:
        """Through the one door."""
        return self.function(operation)(*values)

    def scalar(self, operation: str, *operands: Any) -> Any:
        """An operation on scalars, which are tensors of shape (); truths among them are bool or Maybe."""
        values = [x if isinstance(x, Tracked) else self._decision(x) for x in operands]
        result = self.run(self.function(operation), *values)
        return result.truth.scalars()[()] if isinstance(result, Decision) else result

    def added(
        self, operation: str, result: Tracked, operands: Sequence[tuple[Any, bool]], parameters: dict[str, Any]
    ) -> Tensor | None:
        """What an operation adds to the errors of its variables: its own, and those of constants among its operands.

        operands: each with the answer to: is it a constant?
        """
        values, constant = zip(*operands, strict=True)
        return added(result, Call(self.model, operation, values, parameters), constant)

    def data(self, array: Array) -> Tracked:
        context = self.context
        if not holds_floats(array):
            packed: Tracked = self.pack(lift(context.data, array))
            return packed
        errors = self.model.form.rounding_errors(array.astype(np.float64))
        return Tracked(self.model.inner.tensor(array), self.model.bounded(errors), non_negative=array >= 0)

    def pack(self, scalars: Array) -> Any:
        scalars = as_array(scalars)
        if not scalars.size:
            return Tracked(Tensor.from_scalars(self.model.inner, scalars))
        if not isinstance(scalars.flat[0], Tracked):
            return self._decision(scalars)
        real, error = np.empty(scalars.shape, dtype=object), np.zeros(scalars.shape)
        non_negative = np.zeros(scalars.shape, dtype=bool)
        for index, x in np.ndenumerate(scalars):
            real[index] = x.real.scalars()[()]
            error[index], non_negative[index] = x.bound, x.non_negative
        return Tracked(
            Tensor.from_scalars(self.model.inner, real), self.model.bounded(error), non_negative=non_negative
        )

    def unpack(self, value: Any) -> Array:
        if isinstance(value, Decision):
            return value.truth.scalars()
        scalars, signs = np.empty(value.shape, dtype=object), np.broadcast_to(value.non_negative, value.shape)
        for index in np.ndindex(*value.shape):
            scalar = value.mapped(lambda t, i=index: t[i] if i else t)
            scalar.non_negative, scalars[index] = signs[index], scalar
        return scalars

    def floats(self, value: Tracked) -> tuple[Array, Array]:
        return inf(value.real), sup(value.real)

    def outcomes(self, truths: Decision) -> set[bool | None]:
        return truths.truth.context.arrays.outcomes(truths.truth.value)

    def _decision(self, truths: Any) -> Decision:
        """Truths of which nobody knows what they rest on: rounding may have turned them."""
        scalars = truths if isinstance(truths, np.ndarray) else boxed(truths)
        return Decision(Truth.from_scalars(self.model.inner, scalars), rounded=True)
