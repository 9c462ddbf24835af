"""A spec taken apart for relaxation: linear operations, products, functions of one number, and what has no relaxation.

It is recorded once, on a tape over a batch of one box, and may then be read for any number of boxes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.registry import context as named_context
from scalarspec.core.sets import middle_of
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.elementary import U
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation, Tape, TapeArrays
from scalarspec.tracing.trace import trace

Array = np.ndarray[Any, Any]

LINEAR = {
    "add", "subtract", "negative", "sum", "mean", "getitem", "scatter", "reshape", "matrix_transpose", "broadcast_to",
    "stack",
}  # fmt: skip
PRODUCTS = {"multiply", "matmul", "affine", "affine_rows"}
FLOAT = named_context("float64")
INTERVALS = named_context("interval64", fast=False)
"""What plans are over: to compile loops would take longer than a few calls."""


class _PrimitiveTape(Tape):
    """A tape on which some operations are noted as others, of which they are made."""

    @cached_property
    def arrays(self) -> _PrimitiveArrays:
        return _PrimitiveArrays(self)


class _PrimitiveArrays(TapeArrays):
    """made: by its result, the operation that others stand for, since its own range may be the better one."""

    def __init__(self, context: Tape) -> None:
        super().__init__(context)
        self.made: dict[Traced, Equation] = {}

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """As it is, or by what it is made of."""
        made = getattr(self, f"_{operation}", None)
        result: Traced | None = made(*operands, **parameters) if made else None
        if result is None:
            return super().traced(operation, shape, operands, parameters)
        self.made[result] = Equation(operation, operands, parameters, result)
        return result

    def _done(self, operation: str, *operands: Traced, **parameters: Any) -> Traced:
        result: Traced = self.apply(operation, *operands, **parameters)
        return result

    def _mean_square(self, x: Traced, axis: tuple[int, ...], count: int) -> Traced:
        return self._done("mean", self.apply("square", x), axis=axis, count=count)

    def _logsumexp(self, x: Traced, axis: tuple[int, ...]) -> Traced:
        return self._done("log", self.apply("sum", self.apply("exp", x), axis=axis))

    def _maximum(self, a: Traced, b: Traced) -> Traced:
        return self._done("add", a, self.apply("relu", self.apply("subtract", b, a)))

    def _minimum(self, a: Traced, b: Traced) -> Traced:
        return self._done("subtract", a, self.apply("relu", self.apply("subtract", a, b)))

    def _clip(self, x: Traced, low: Traced, high: Traced) -> Traced | None:
        """low + relu(x - low) - relu(x - high), for constants low <= high."""
        if not (low.constant and high.constant) or not np.all(_floats(self, low)[1] <= _floats(self, high)[0]):
            return None
        above, beyond = (self.apply("relu", self.apply("subtract", x, end)) for end in (low, high))
        return self._done("subtract", self.apply("add", low, above), beyond)

    def _leaky_relu(self, x: Traced, slope: Traced) -> Traced | None:
        """slope x + (1 - slope) relu(x), for a constant slope."""
        if not slope.constant:
            return None
        rest = self.apply("subtract", self.data(np.array(1.0)), slope)
        return self._done("add", self.apply("multiply", slope, x), self.apply("multiply", rest, self.apply("relu", x)))

    def _divide(self, a: Traced, b: Traced) -> Traced | None:
        return None if b.constant else self.apply("multiply", a, self.apply("reciprocal", b))


@dataclass(eq=False)
class Plan:
    """A spec taken apart into equations, of which some values are inputs: done once, for any number of boxes."""

    context: Context[Any]
    tape: _PrimitiveTape
    result: Traced
    inputs: list[Traced]

    @classmethod
    def of(cls, spec: Callable[..., Tensor], args: Sequence[Any], boxes: Sequence[Tensor]) -> Plan:
        """The spec at arguments in an enclosing context, in which some tensors are boxes.

        Raises NotSupported for a spec that looks at single numbers.
        """
        context: Context[Any] = boxes[0].context
        batch = BatchedContext(context, 1)
        rows = {id(t): batch.rows(f.reshape(t, (1, *t.shape))) for t in boxes}
        tape = _PrimitiveTape(batch)
        traced = trace(tape, spec, args, rows)
        return cls(context, tape, traced.result, list(traced.inputs))

    @property
    def equations(self) -> list[Equation]:
        """What is done, in order."""
        return self.tape.arrays.equations

    @cached_property
    def place(self) -> dict[Traced, int]:
        """By each value, where among the equations it is made."""
        return {eqn.result: i for i, eqn in enumerate(self.equations)}

    @cached_property
    def curved(self) -> set[Traced]:
        """The values that are not linear in the inputs, as far as one can see."""
        found: set[Traced] = set()
        for eqn in self.equations:
            if not self.linear(eqn) or any(x in found for x in eqn.operands):
                found.add(eqn.result)
        return {x for x in found if not x.constant}

    def linear(self, eqn: Equation) -> bool:
        """Is the operation linear in the operands that are no numbers?"""
        if eqn.operation in LINEAR:
            return True
        if eqn.operation == "divide":
            return self.known(eqn.operands[1])
        return eqn.operation in PRODUCTS and any(self.known(x) for x in eqn.operands[:2])

    def known(self, x: Traced) -> bool:
        """Is it a constant that is known but for a few last places?"""
        if x not in self._known:
            low, high = self.ends(x) if x.constant else UNKNOWN
            close = high - low <= 4 * U * np.maximum(np.abs(low), np.abs(high))
            self._known[x] = bool(np.all(close & np.isfinite(high - low)))
        return self._known[x]

    @cached_property
    def _known(self) -> dict[Traced, bool]:
        return {}

    def point(self, x: Traced) -> Tensor:
        """About a constant, in floats."""
        if x not in self._points:
            low, high = self.ends(x)
            self._points[x] = FLOAT.tensor(middle_of(low, high))
        return self._points[x]

    @cached_property
    def _points(self) -> dict[Traced, Tensor]:
        return {}

    def ends(self, x: Traced) -> tuple[Array, Array]:
        """The ends of a constant, in floats."""
        return _floats(self.tape.arrays, x)

    def text(self) -> str:
        """What is done to what, and which value is returned, for comparison with another plan."""
        names: dict[Traced, str] = {x: f"input {i} {x.shape}" for i, x in enumerate(self.inputs)}
        lines = []
        for i, eqn in enumerate(self.equations):
            operands = [names.get(x) or self._digits(x) for x in eqn.operands]
            lines.append(f"{eqn.operation} {operands} {eqn.parameters}")
            names[eqn.result] = f"value {i}"
        lines.append(f"return {names.get(self.result) or self._digits(self.result)}")
        return "\n".join(lines)

    def _digits(self, constant: Traced) -> str:
        low, high = self.ends(constant)
        return f"{constant.shape} {hashlib.sha256(low.tobytes() + high.tobytes()).hexdigest()}"


UNKNOWN = np.array(-np.inf), np.array(np.inf)


def _floats(arrays: TapeArrays, constant: Traced) -> tuple[Array, Array]:
    """The ends of a constant on a tape over a batch."""
    context = arrays.context.wrapped.wrapped
    assert context is not None
    return context.arrays.floats(constant.value.value)


def summands(eqn: Equation) -> range:
    """The operands that are added up; the others are factors."""
    if eqn.operation in ("add", "subtract", "stack"):
        return range(len(eqn.operands))
    return range(2, 3) if eqn.operation in ("affine", "affine_rows") else range(0)
