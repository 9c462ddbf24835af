"""Bounds on |float - exact value| over boxes of arguments, many at once, in two forms, the smaller of which counts.

The running form carries an error beside each value (the context `rounding`). The adjoint form sums, over all
operations, what each adds itself times the derivative of the result with respect to it. Why it holds, for a spec as a
composition of operations with results y_1, ..., y_m, of which y_m is the result:

    1. In floats each ŷ_k is f_k at floats, and a local error: ŷ_k = f_k(ŷ_1, ..., ŷ_(k-1)) + ε_k, |ε_k| <= local_k.
    2. Replace the real y_k by ŷ_k one after the other. By the mean value theorem, what ε_k changes in the result is
       (∂y_m / ∂y_k) ε_k, the derivative taken somewhere between real values and floats.
    3. `wide` holds these; one reverse sweep of interval derivatives over it bounds all ∂y_m / ∂y_k, and no
       second-order term is left out. Where a branch may turn, its jump is in local_k.
    4. Errors of the inputs count likewise. Constants are no variables: what their errors come to is in local_k.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.arguments import call
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.lifting import lift
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.region import Ball, Box, ends_of
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Nested, Tensor
from scalarspec.errors import ArgumentError, DomainError
from scalarspec.numbers.exact import End, float_above, float_below, infinite
from scalarspec.numbers.formats import Format
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.generalized import Enclosing
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.sweep import sweep
from scalarspec.tracing.tape import Equation, Tape
from scalarspec.tracing.trace import Trace

Array = np.ndarray[Any, Any]
Inputs = Literal["rounded", "exact"]
FlatBox = tuple[Array, Array]
"""The ends of all that varies, as two arrays of shape (n,)."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the box and what is known of it.

    low, high: its ends, of shape (n,); bound: on |float - exact value| of each output, of the result's shape; lower,
    upper: of the exact value, likewise; error: why there is no bound on it.
    """

    low: Array
    high: Array
    bound: Any
    lower: Any
    upper: Any
    error: DomainError | None = None


class BoxErrors:
    """A spec in floats of a format, and the box of all that varies as flat ends, float64s rounded outward.

    arguments: of the spec, by name; vary: the regions of those that vary; inputs: are these reals that are "rounded" to
    the format, or "exact", numbers of it?
    """

    def __init__(
        self,
        spec: Callable[..., Tensor],
        arguments: Mapping[str, Any],
        vary: Mapping[str, Ball | Box],
        form: Format,
        inputs: Inputs,
        libm: int,
    ) -> None:
        self.spec, self.inputs = spec, inputs
        self.context: Any = named_context("rounding", dtype=form, libm=libm)
        self.constants = {name: lift(v, self.context) for name, v in arguments.items() if name not in vary}
        self.names = list(arguments)
        ends = {name: _bounded(name, ends_of(name, arguments[name], region)) for name, region in vary.items()}
        self.shapes = {name: low.shape for name, (low, _) in ends.items()}
        self.low = _flat([_floats(float_below, low) for low, _ in ends.values()])
        self.high = _flat([_floats(float_above, high) for _, high in ends.values()])

    def evaluate(self, boxes: Sequence[FlatBox]) -> list[Part]:
        """The bounds on some boxes at once; where an operation has no value on one of them, half by half."""
        try:
            bound, lower, upper = self._bounds(boxes)
        except DomainError as error:
            if len(boxes) == 1:
                return [Part(*boxes[0], np.inf, -np.inf, np.inf, error)]
            middle = len(boxes) // 2
            return self.evaluate(boxes[:middle]) + self.evaluate(boxes[middle:])
        return [Part(*boxes[i], bound[i], lower[i], upper[i]) for i in range(len(boxes))]

    def by_argument(self, flat: Array) -> dict[str, Array]:
        """The parts of a flat array, in the shapes of the arguments. flat: (..., n); results: (..., *shape)."""
        parts, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            parts[name] = flat[..., start:stop].reshape((*flat.shape[:-1], *shape))
            start = stop
        return parts

    def _bounds(self, boxes: Sequence[FlatBox]) -> tuple[Array, Array, Array]:
        """For b boxes: the bounds, and the ends of the exact values, all of shape (b, *result)."""
        tape = Tape(self.context)
        inputs = self._inputs(tape, boxes)
        batch = BatchedContext(tape, len(boxes))
        rows = {name: batch.rows(t) for name, t in inputs.items()}
        result = call(self.spec, [(self.constants | rows)[name] for name in self.names], batch)
        value = batch.arrays.materialize(result.value)
        bound = value.value.bound
        if not value.constant:
            with contextlib.suppress(DomainError):  # a derivative without a value: the running form remains
                bound = np.minimum(bound, self._adjoint_form(Trace(tape, [t.value for t in inputs.values()], value)))
        return bound, inf(value.value.real), sup(value.value.real)

    def _inputs(self, tape: Tape, boxes: Sequence[FlatBox]) -> dict[str, Tensor]:
        """What varies, as variables of a tape with a leading axis for the boxes."""
        lows, highs = (self.by_argument(np.stack([box[end] for box in boxes])) for end in (0, 1))
        box = self.context.box_of_floats if self.inputs == "exact" else self.context.box
        return {name: tape.variable(box(lows[name], highs[name])) for name in self.shapes}

    def _adjoint_form(self, traced: Trace) -> Array:
        """The bound on each output, by a reverse sweep for each; the result of the trace is of shape (b, *shape)."""
        shape = traced.result.shape
        bounds = np.empty(shape)
        for output in np.ndindex(*shape[1:]):
            seed = np.zeros(shape)
            seed[(slice(None), *output)] = 1
            bounds[(slice(None), *output)] = self._weighted_total(traced, seed)
        return bounds

    def _weighted_total(self, traced: Trace, seed: Array) -> Array:
        """Σ |∂y_m / ∂y_k| local_k over operations and inputs, for each box."""
        inner = self.context.inner
        adjoints = {traced.result: inner.tensor(seed)}
        total = inner.tensor(np.zeros(len(seed)))
        for eqn, adjoint in sweep(traced.equations, adjoints, _wide, Enclosing(traced, jumps=False)):
            total = total + _weighted(adjoint, self.added(eqn))
        for x in traced.inputs:
            if x in adjoints:
                total = total + _weighted(adjoints[x], x.value.error)
        return sup(total)

    def added(self, eqn: Equation) -> Tensor | None:
        """local_k: what an operation adds to the errors of the variables."""
        operands = [(x.value, x.constant) for x in eqn.operands]
        added: Tensor | None = self.context.arrays.added(eqn.operation, eqn.result.value, operands, eqn.parameters)
        return added


def _wide(x: Traced, kind: type[Nested]) -> Any:
    """Where both the real values and the floats of a traced value lie; a truth of them."""
    return x.value.wide


def _weighted(adjoint: Tensor, errors: Tensor | None) -> Tensor:
    """Σ |adjoint| error over all but the first axis."""
    if errors is None:
        return adjoint.context.tensor(np.zeros(len(adjoint)))
    return f.sum(f.abs(adjoint) * errors, axis=tuple(range(1, adjoint.ndim)))


def _bounded(name: str, ends: tuple[Array, Array]) -> tuple[Array, Array]:
    if any(infinite(end) for pair in ends for end in pair.flat):
        raise ArgumentError(f"vary: the box of {name!r} is not bounded")
    return ends


def _flat(parts: Sequence[Array]) -> Array:
    return np.concatenate([np.zeros(0), *(part.ravel() for part in parts)])


def _floats(towards: Callable[[End], float], ends: Array) -> Array:
    return lift_elements(towards, ends).astype(np.float64)
