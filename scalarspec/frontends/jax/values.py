"""What the variables of a JAX program hold, and an equation as the rules see it.

A value is a tensor, truths, or an array of NumPy's where it is known without the arguments (see `jax_known`). Whatever
moves elements does so with all three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Never

import numpy as np

from scalarspec.core.choices import greater_equal, where
from scalarspec.core.context import Context
from scalarspec.core.guests import integers
from scalarspec.core.nested import Nested
from scalarspec.core.structure import broadcast_to, concat, permute_dims, reshape
from scalarspec.core.tensor import Tensor, Truth, as_tensor, as_truth
from scalarspec.errors import ArgumentError, DomainError, NotSupported
from scalarspec.frontends.jax.known import finite, is_known
from scalarspec.frontends.jax.program import Equation, Kind, Program

Array = np.ndarray[Any, Any]
Value = Any
"""A tensor, truths, a known array, or `Extended` numbers."""
ZERO, ONE = np.zeros((), dtype=int), np.ones((), dtype=int)


@dataclass(frozen=True, eq=False)
class Extended:
    """Numbers, some of which are none. beyond: 0 where there is a number, else an infinity, or NaN, which is known."""

    numbers: Tensor
    beyond: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the numbers."""
        return tuple(self.numbers.shape)

    def __getitem__(self, index: Any) -> Value:
        return of(self.numbers[index], self.beyond[index])


def of(numbers: Tensor, beyond: Array) -> Value:
    """Numbers and what is none among them; the tensor itself where all are numbers."""
    return Extended(numbers, np.broadcast_to(beyond, numbers.shape)) if np.any(beyond) else numbers


def is_extended(value: Value) -> bool:
    """Does a value hold something that is no real number?"""
    return isinstance(value, Extended) or (is_known(value) and not finite(value))


def refused(value: Value, what: str) -> Value:
    """A value that is all numbers. Raises DomainError for others."""
    if not isinstance(value, Extended):
        return value
    index = tuple(int(i) for i in np.argwhere(value.beyond != 0)[0])
    raise DomainError(f"{what} is {value.beyond[index]} at {index}, which is no real number")


@dataclass(frozen=True, eq=False)
class At:
    """An equation that is being evaluated: what a rule may ask beside the values that go in.

    context: in which tensors are made; run: evaluates a program that is a parameter.
    """

    equation: Equation
    context: Context[Any]
    run: Callable[[Program, Sequence[Value]], list[Value]]

    def __getitem__(self, name: str) -> Any:
        """A parameter of the primitive."""
        return self.equation.parameters[name]

    @property
    def kind(self) -> Kind:
        """The shape and the type of the first result."""
        return self.equation.given[0]

    @property
    def same(self) -> bool:
        """Are both operands one variable?"""
        first, second = self.equation.inputs
        return isinstance(first, int) and first is second

    def wanted(self, output: int) -> bool:
        """Does anything need this result?"""
        return self.equation.outputs[output] >= 0

    def refuse(self, why: str) -> Never:
        """Raises NotSupported, with the primitive and the line of the user's."""
        raise NotSupported(f"{self.equation.primitive}{self.equation.place}: {why}")

    def tensor(self, value: Value) -> Tensor:
        """A value as a tensor: truths as 0 and 1, known numbers at their exact values."""
        refused(value, f"{self.equation.primitive}{self.equation.place}: an operand")
        if isinstance(value, Truth):
            return where(as_truth(self.context, value), 1, 0)
        if isinstance(value, Tensor):
            return as_tensor(self.context, value)
        return self.context.tensor(value.astype(int) if value.dtype == bool else value)

    def truth(self, value: Value) -> Truth:
        """A value as truths. Raises NotSupported for numbers."""
        if isinstance(value, Truth):
            return as_truth(self.context, value)
        if not is_known(value) or value.dtype != bool:
            self.refuse("truths are needed, such as a comparison gives them")
        return Truth.known(self.context, value)

    def indices(self, value: Value) -> Array:
        """A value as the integers that it surely is. Raises NotSupported where these depend on numbers that are not
        known.
        """
        if is_known(value):
            return np.asarray(value)
        try:
            return integers(self.equation.primitive, self.tensor(value))
        except (ArgumentError, NotSupported) as error:
            self.refuse(f"which elements are meant depends on numbers: {error}; pass the places as integers")

    def alike(self, values: Sequence[Value]) -> list[Value]:
        """Values of one type as one sort of them: tensors if one is, else truths if one is, else as known arrays."""
        if all(map(is_known, values)):
            return list(values)
        truths = not any(isinstance(value, Tensor) for value in values)
        return [self.truth(value) if truths else self.tensor(value) for value in values]


# ---- elements moved --------------------------------------------------------------------------------------------------


def reshaped(x: Value, shape: Sequence[int]) -> Value:
    """The same elements in row-major order in another shape."""
    return reshape(x, shape) if isinstance(x, Nested) else np.reshape(x, shape)


def permuted(x: Value, axes: Sequence[int]) -> Value:
    """The axes in another order."""
    return permute_dims(x, axes) if isinstance(x, Nested) else np.transpose(x, axes)


def spread(x: Value, shape: Sequence[int]) -> Value:
    """x repeated to fill a shape."""
    if tuple(x.shape) == tuple(shape):
        return x
    return broadcast_to(x, shape) if isinstance(x, Nested) else np.broadcast_to(x, shape)


def part(x: Value, index: tuple[Any, ...]) -> Value:
    """x at an index of slices and integers."""
    return x[index] if index else x


def joined(at: At, values: Sequence[Value], axis: int) -> Value:
    """Values one after the other along an axis."""
    several = at.alike(values)
    if all(map(is_known, several)):
        return np.concatenate(several, axis)
    if isinstance(several[0], Truth):
        return greater_equal(concat([at.tensor(p) for p in several], axis), 1)
    return concat(several, axis)


def chosen(at: At, condition: Array, x: Value, y: Value) -> Tensor:
    """x where a known condition holds, and y elsewhere."""
    return where(at.truth(np.asarray(condition)), x, y)


def picked(at: At, x: Value, places: Array, beside: Sequence[Value] = ()) -> Value:
    """The elements at places of x, flattened, behind which other values stand, flattened, too. Result: as places."""
    flat = [reshaped(value, (-1,)) for value in (x, *beside)]
    row = joined(at, flat, 0) if beside else flat[0]
    return row[np.asarray(places, dtype=int)]


def numbered(shape: Sequence[int]) -> Array:
    """The places of elements of a shape, in row-major order, in that shape."""
    return np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
