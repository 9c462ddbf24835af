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

The adjoint form is found for many outputs in one sweep, whose cotangents have an axis more. Where an operation has no
rule for it, or no derivative, or where the outputs times all numbers on the way are more than `MOST_NUMBERS`, the
running form alone is the answer, which `Part.forms` says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.arguments import call
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.domains import leniently
from scalarspec.core.in_place import mutable
from scalarspec.core.lifting import is_array, lifted_arguments
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.nested import Nested
from scalarspec.core.region import Ball, Box, ends_of
from scalarspec.core.sets import inf, sup
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, DomainError, DomainUndecided, NotDifferentiable, NotSupported
from scalarspec.numbers.exact import End, float_above, float_below, infinite
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
Form = Literal["running", "adjoint"]

MOST_HELD = 1 << 21
"""How many cotangents are held at once: so many outputs are swept together that they stay below it."""
MOST_NUMBERS = 1 << 25
"""Where the outputs times all numbers of an evaluation are more than this, there is no adjoint form: at some tens of
millions of interval operations a second it would take longer than to evaluate the spec in exact arithmetic.
"""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the box and what is known of it.

    low, high: its ends, of shape (n,); bound: on |float - exact value| of each output, of the result's shape; lower,
    upper: of the exact value, likewise; forms: those that the bound was found by; error: why there is no bound on it;
    partly: why it is not known whether there is one.
    """

    low: Array
    high: Array
    bound: Any
    lower: Any
    upper: Any
    forms: tuple[Form, ...] = ("running",)
    error: DomainError | None = None
    partly: str = ""


class BoxErrors:
    """A spec in floats, and the box of all that varies as flat ends, float64s rounded outward.

    arguments: of the spec, by name; vary: the regions of those that vary; context: `rounding`, which says how floats
    compute; inputs: are these reals that are "rounded" to the format, or "exact", numbers of it?
    """

    def __init__(
        self,
        spec: Callable[..., Tensor],
        arguments: Mapping[str, Any],
        vary: Mapping[str, Ball | Box],
        context: Any,
        inputs: Inputs,
    ) -> None:
        self.spec, self.inputs, self.context, self.vary = spec, inputs, context, vary
        self.names, self.arguments = list(arguments), arguments
        self.fixed = {name: value for name, value in arguments.items() if name not in vary}
        self.constants = lifted_arguments(self.fixed, self.context)
        ends = {name: _bounded(name, ends_of(name, arguments[name], region)) for name, region in vary.items()}
        self.shapes = {name: low.shape for name, (low, _) in ends.items()}
        self.low = _flat([_floats(float_below, low) for low, _ in ends.values()])
        self.high = _flat([_floats(float_above, high) for _, high in ends.values()])

    def __reduce__(self) -> Any:
        """What it was made of: a worker makes it again."""
        form, libm, sums = self.context.form.name, self.context.libm, self.context.accumulator.name
        return _made, (self.spec, dict(self.arguments), dict(self.vary), form, libm, sums, self.inputs)

    def evaluate(self, boxes: Sequence[FlatBox]) -> list[Part]:
        """The bounds on some boxes at once; where an operation has no value on one of them, half by half."""
        try:
            return self._parts(boxes)
        except DomainError as error:
            if len(boxes) == 1 and isinstance(error, DomainUndecided):
                return [self._unknown(boxes[0], str(error))]
            if len(boxes) == 1:
                return [Part(*boxes[0], np.inf, -np.inf, np.inf, error=error)]
            middle = len(boxes) // 2
            return self.evaluate(boxes[:middle]) + self.evaluate(boxes[middle:])

    def _unknown(self, box: FlatBox, partly: str) -> Part:
        """What is known of a box on part of which an operation may have no value: the values that there are."""
        inner = self.context.inner
        lows, highs = self.by_argument(box[0]), self.by_argument(box[1])
        constants = lifted_arguments(self.fixed, inner)
        varying = {name: inner.box(lows[name], highs[name]) for name in self.shapes}
        with leniently():
            value = call(self.spec, [(constants | varying)[name] for name in self.names], inner)
        return Part(*box, np.full(value.shape, np.inf), inf(value), sup(value), partly=partly)

    def by_argument(self, flat: Array) -> dict[str, Array]:
        """The parts of a flat array, in the shapes of the arguments. flat: (..., n); results: (..., *shape)."""
        parts, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            parts[name] = flat[..., start:stop].reshape((*flat.shape[:-1], *shape))
            start = stop
        return parts

    def _parts(self, boxes: Sequence[FlatBox]) -> list[Part]:
        """The bounds and the ends of the exact values on b boxes, from values with a leading axis for them."""
        tape = Tape(self.context)
        inputs = self._inputs(tape, boxes)
        batch = BatchedContext(tape, len(boxes))
        rows = {name: mutable(batch.rows(t), is_array(self.arguments[name])) for name, t in inputs.items()}
        result = call(self.spec, [(self.constants | rows)[name] for name in self.names], batch)
        value = batch.arrays.materialize(result.value)
        bound, adjoint = value.value.bound, self._adjoint_form(Trace(tape, [t.value for t in inputs.values()], value))
        forms: tuple[Form, ...] = ("running",) if adjoint is None else ("running", "adjoint")
        if adjoint is not None:  # a derivative of 0 does not make up for a float that may be infinite, or NaN
            bound = np.where(np.isinf(bound), np.inf, np.fmin(bound, adjoint))
        lower, upper = inf(value.value.real), sup(value.value.real)
        return [Part(*box, bound[i], lower[i], upper[i], forms) for i, box in enumerate(boxes)]

    def _inputs(self, tape: Tape, boxes: Sequence[FlatBox]) -> dict[str, Tensor]:
        """What varies, as variables of a tape with a leading axis for the boxes."""
        lows, highs = (self.by_argument(np.stack([box[end] for box in boxes])) for end in (0, 1))
        box = self.context.box_of_floats if self.inputs == "exact" else self.context.box
        return {name: tape.variable(box(lows[name], highs[name])) for name in self.shapes}

    def _adjoint_form(self, traced: Trace) -> Array | None:
        """The bound on each output, as many in one sweep as `MOST_HELD` allows; the result of the trace is of shape
        (b, *shape). None where there is none.
        """
        shape = traced.result.shape
        outputs = math.prod(shape[1:])
        numbers = sum(math.prod(eqn.result.shape) for eqn in traced.equations)
        if traced.result.constant or outputs * numbers > MOST_NUMBERS:
            return None
        step = max(1, MOST_HELD // max(1, numbers))
        bounds = np.zeros((outputs, len(shape) and shape[0]))
        try:
            for first in range(0, outputs, step):
                last = min(first + step, outputs)
                bounds[first:last] = self._weighted_total(traced, range(first, last))
        except (DomainError, NotSupported, NotDifferentiable):
            return None
        return np.moveaxis(bounds, 0, -1).reshape(shape)

    def _weighted_total(self, traced: Trace, outputs: range) -> Array:
        """Σ |∂y_m / ∂y_k| local_k over operations and inputs, for some outputs y_m, and each box."""
        inner, shape = self.context.inner, traced.result.shape
        seeds = np.zeros((len(outputs), shape[0], math.prod(shape[1:])))
        for i, output in enumerate(outputs):
            seeds[i, :, output] = 1
        batch = BatchedContext(inner, len(outputs))
        seed = batch.rows(inner.tensor(seeds.reshape((len(outputs), *shape))))
        adjoints = {traced.result: seed if len(outputs) > 1 else batch.row(seed, 0)}  # one needs no axis of its own
        total = inner.tensor(np.zeros(shape[0]))
        for eqn, adjoint in sweep(traced.equations, adjoints, _wide, Enclosing(traced, jumps=False)):
            total = _with(total, adjoint, self.added(eqn))
        for x in traced.inputs:
            if x in adjoints:
                total = _with(total, adjoints[x], x.value.error)
        return sup(total) if total.context is inner else _rows(batch, total)

    def added(self, eqn: Equation) -> Tensor | None:
        """local_k: what an operation adds to the errors of the variables."""
        operands = [(x.value, x.constant) for x in eqn.operands]
        added: Tensor | None = self.context.arrays.added(eqn.operation, eqn.result.value, operands, eqn.parameters)
        return added


def _made(spec: Any, arguments: Any, vary: Any, form: str, libm: int, sums: str, inputs: Inputs) -> BoxErrors:
    context = named_context("rounding", dtype=form, libm=libm, accumulate=sums)
    return BoxErrors(spec, arguments, vary, context, inputs)


def _wide(x: Traced, kind: type[Nested]) -> Any:
    """Where both the real values and the floats of a traced value lie; a truth of them."""
    return x.value.wide


def _rows(batch: BatchedContext, t: Tensor) -> Array:
    """The suprema of all examples of a batch, along a leading axis."""
    full = Shape((batch.size, *t.shape))
    return sup(Tensor(batch.inner, full, batch.arrays.materialize(t.value)))


def _with(total: Tensor, adjoint: Tensor, errors: Tensor | None) -> Tensor:
    """A total for each box, and Σ |adjoint| error over all that is of the box.

    The boxes come first, and vary last, in each equation that adds errors; `tape.halves` puts others before them, and
    adds none.
    """
    if errors is None:
        return total
    (boxes,) = total.shape
    weighted: Tensor = f.abs(adjoint) * errors
    if weighted.size == boxes:
        weighted = f.reshape(weighted, (boxes,))
        return total + weighted
    return total + f.sum(f.reshape(weighted, (boxes, weighted.size // boxes)), axis=1)


def _bounded(name: str, ends: tuple[Array, Array]) -> tuple[Array, Array]:
    if any(infinite(end) for pair in ends for end in pair.flat):
        raise ArgumentError(f"vary: the box of {name!r} is not bounded")
    return ends


def _flat(parts: Sequence[Array]) -> Array:
    return np.concatenate([np.zeros(0), *(part.ravel() for part in parts)])


def _floats(towards: Callable[[End], float], ends: Array) -> Array:
    return lift_elements(towards, ends).astype(np.float64)
