"""Interpreters: contexts around another context, whose tensors stand for something about the other's tensors.

`InterpreterContext` has the scalars of the context that it wraps; its arrays see each operation with the shapes of its
operands, and decide what becomes of it. A tensor of the wrapped context is a constant here. Unless a subclass says
otherwise, what an interpreted tensor holds cannot be looked at (no item(), no truth): only operations apply.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Never

import numpy as np

from scalarspec.core.arrays import Arrays
from scalarspec.core.context import Context
from scalarspec.core.definitions import definition
from scalarspec.core.operations import result_shape
from scalarspec.core.shape import Shape
from scalarspec.errors import NotSupported, ScalarSpecError
from scalarspec.numbers.exact import End


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A value of an interpreter: its shape, the value of the wrapped arrays behind it, and whether that is a constant.

    It is compared by identity, for two equal values may be made by two equations.
    """

    shape: Shape
    value: Any
    constant: bool = False


@dataclass(frozen=True, eq=False)
class InterpreterContext(Context[Any]):
    """A context around `inner`, with its scalars. It is equal to itself alone: what one holds means nothing in
    another, and would be lost there.
    """

    inner: Context[Any]

    @property
    def name(self) -> str:
        """The wrapped context's name: a spec cannot tell the difference."""
        return self.inner.name

    @property
    def wrapped(self) -> Context[Any]:  # type: ignore[override]
        """The context inside."""
        return self.inner

    @property
    def exact(self) -> bool:  # type: ignore[override]
        """As the wrapped context has it."""
        return self.inner.exact

    @property
    def encloses(self) -> bool:  # type: ignore[override]
        """As the wrapped context has it."""
        return self.inner.encloses

    @property
    def formal(self) -> bool:  # type: ignore[override]
        """As the wrapped context has it."""
        return self.inner.formal

    def constant(self, t: Any) -> Any:
        """A tensor or truth of the wrapped context, as the same here."""
        return type(t)(self, t.shape, Traced(t.shape, t.value, constant=True))

    def literal(self, value: Fraction) -> Any:
        """As the wrapped context has it."""
        return self.inner.literal(value)

    def data(self, value: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.data(value)

    def exact_value(self, x: Any) -> Fraction:
        """As the wrapped context has it."""
        return self.inner.exact_value(x)

    def approximate(self, x: Any) -> Fraction:
        """As the wrapped context has it."""
        return self.inner.approximate(x)

    def decide(self, p: Any) -> bool:
        """As the wrapped context has it."""
        return self.inner.decide(p)

    def proposition(self, p: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.proposition(p)

    def refuse(self, operation: str, *operands: Any) -> Never:
        """As the wrapped context has it."""
        self.inner.refuse(operation, *operands)

    def item(self, x: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.item(x)

    def text(self, x: Any) -> str:
        """As the wrapped context has it."""
        return self.inner.text(x)

    def endpoints(self, x: Any) -> tuple[End, End]:
        """As the wrapped context has it."""
        return self.inner.endpoints(x)

    def enclose(self, lower: Any, upper: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.enclose(lower, upper)

    def anything(self, error: ScalarSpecError) -> Any:
        """As the wrapped context has it."""
        return self.inner.anything(error)

    def symbol(self, name: str) -> Any:
        """As the wrapped context has it."""
        return self.inner.symbol(name)

    def substitute(self, x: Any, values: Mapping[str, Fraction]) -> Any:
        """As the wrapped context has it."""
        return self.inner.substitute(x, values)

    def pi(self) -> Any:
        """As the wrapped context has it."""
        return self.inner.pi()

    def add(self, x: Any, y: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.add(x, y)

    def negative(self, x: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.negative(x)

    def multiply(self, x: Any, y: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.multiply(x, y)

    def divide(self, x: Any, y: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.divide(x, y)

    def less(self, x: Any, y: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.less(x, y)

    def less_equal(self, x: Any, y: Any) -> Any:
        """As the wrapped context has it."""
        return self.inner.less_equal(x, y)


class InterpreterArrays(Arrays):
    """Arrays that do what is done to constants inside; `traced` sees every other operation, with the shape of its
    result.
    """

    context: InterpreterContext
    holds_scalars = False

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """As the wrapped arrays have it."""
        return self.inner.whole

    def has_nan(self, value: Traced) -> bool:
        """Is there a NaN among the numbers inside?"""
        return self.inner.has_nan(value.value)

    @property
    def inner(self) -> Arrays:
        """The arrays of the wrapped context."""
        return self.context.inner.arrays

    def reads(self, operation: str) -> bool:
        """As the arrays inside do."""
        return self.inner.reads(operation)

    @abstractmethod
    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """The value of an operation on operands of which some are no constants. shape: the result's."""

    def function(self, operation: str) -> Callable[..., Traced]:
        """The operation, with the shape of its result worked out; or its definition, where it is read in that."""
        if self.reads(operation):
            return definition(self, operation)

        def apply(*operands: Traced, **parameters: Any) -> Traced:
            shape = result_shape(operation, [x.shape for x in operands], parameters)
            if all(x.constant for x in operands):
                value = self.inner.apply(operation, *(x.value for x in operands), **parameters)
                return Traced(shape, value, constant=True)
            return self.traced(operation, shape, operands, parameters)

        return apply

    def elementwise(self, operation: str, *values: Traced) -> Traced:
        """A scalar operation, as any other: through the one door."""
        return self.function(operation)(*values)

    def data(self, array: np.ndarray[Any, Any]) -> Traced:
        """A constant, whose value is made inside."""
        return Traced(Shape(array.shape), self.inner.data(array), constant=True)

    def adopted(self, data: Any) -> Traced | None:
        """A constant, where the arrays inside adopt it."""
        value = self.inner.adopted(data)
        return None if value is None else Traced(Shape(value.shape), value, constant=True)

    def pack(self, scalars: np.ndarray[Any, Any]) -> Traced:
        """A constant, whose value is made inside."""
        return Traced(Shape(scalars.shape), self.inner.pack(scalars), constant=True)

    def unpack(self, value: Traced) -> np.ndarray[Any, Any]:
        """The scalars of a constant. Raises NotSupported for any other value."""
        return self.inner.unpack(value.value) if value.constant else self.refuse()

    def outcomes(self, truths: Traced) -> set[bool | None]:
        """The outcomes among the truths of a constant. Raises NotSupported for any other value."""
        return self.inner.outcomes(truths.value) if truths.constant else self.refuse()

    def guarded(self, truths: Traced, outcome: bool) -> AbstractContextManager[None]:
        """As the arrays inside have it for a constant; of other truths nothing is known."""
        return self.inner.guarded(truths.value, outcome) if truths.constant else nullcontext()

    def refuse(self) -> Never:
        """Raises NotSupported, which says why a single number cannot be looked at."""
        raise NotSupported(
            "a spec that looks at single numbers (if, bool, item, endpoints) cannot be evaluated so; in the place of "
            f"an if, use where(condition, a, b), which evaluates both branches ({self.context})"
        )


def innermost(context: Context[Any]) -> Context[Any]:
    """The context that is no interpreter around another."""
    return context if context.wrapped is None else innermost(context.wrapped)
