"""How far a float evaluation of a spec can be from the exact value, over a whole box of arguments, before it is run.

Two bounds, of which the smaller counts. The running form carries an error beside each value (the context `rounding`).
The adjoint form sums, over all operations, what each adds itself times the derivative of the result with respect to
it: one reverse sweep of interval derivatives, taken where both the real values and the floats lie, so that the mean
value theorem holds and no second-order term is left out. Splitting the box makes both smaller.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.arguments import bind, call, one_valued
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.lifting import lift
from scalarspec.core.region import Ball, Box, ends_of
from scalarspec.core.registry import context as named_context
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Nested, Tensor
from scalarspec.errors import ArgumentError, DomainError
from scalarspec.numbers import environment, formats
from scalarspec.numbers.exact import End, decimal_text, exact_float, float_above, float_below, infinite, interval_text
from scalarspec.numbers.formats import Format
from scalarspec.report import ends_json, floats_json, unboxed
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.generalized import Enclosing
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.sweep import sweep
from scalarspec.tracing.tape import Equation, Tape
from scalarspec.tracing.trace import Trace

Array = np.ndarray[Any, Any]
Inputs = Literal["rounded", "exact"]

FAILED = 64
"""Where an operation has no value on more parts of the box than this, no more are tried."""

SHARE = 8
"""Of so many boxes, the one with the greatest bound is split in each round."""


@dataclass(frozen=True)
class Tolerance:
    """A bound on |float - exact value|. For a spec of shape () the fields hold numbers, else arrays.

    absolute: the bound, as floats rounded up, infinite where the format's range may be left; lower, upper: exact ends
    of an enclosure of the exact value; relative: the bound over the least |exact value|, infinite where that may be 0;
    worst: the box in which the greatest bound was found, by argument.
    """

    absolute: Any
    relative: Any
    lower: Any
    upper: Any
    dtype: str
    libm: int
    boxes: int
    worst: dict[str, tuple[Any, Any]]
    seconds: float

    def __str__(self) -> str:
        rows = zip(*map(np.ravel, (self.lower, self.upper, self.absolute, self.relative)), strict=True)
        lines = [
            f"{interval_text(low, high, 10)}: |{self.dtype} - exact| <= {_up(absolute)}, relatively <= {_up(relative)}"
            for low, high, absolute, relative in rows
        ]
        boxes = f"{self.boxes} box{'es' if self.boxes > 1 else ''}"
        how = f"({boxes}, library functions within {self.libm} ulps, {self.seconds:.3f} s)"
        return "\n".join([*lines, how])

    def to_json(self) -> dict[str, Any]:
        """Plain data; the ends of the exact value as exact strings."""
        plain = {"absolute": floats_json(self.absolute), "relative": floats_json(self.relative)}
        how = {"dtype": self.dtype, "libm": self.libm, "boxes": self.boxes, "seconds": self.seconds}
        return {**plain, **ends_json(self.lower, self.upper), **how}


@np.errstate(all="ignore")
def tolerance(
    spec: Callable[..., Tensor],
    *args: Any,
    vary: Mapping[str, Ball | Box],
    dtype: str = "float64",
    splits: int = 0,
    inputs: Inputs = "rounded",
    libm: int = 4,
) -> Tolerance:
    """How far any float evaluation of `spec` can be from its exact value, with the arguments in `vary` in their boxes.

    dtype: float64, float32, float16 or bfloat16, in which every operation is done, rounded to nearest, sums in any
    order; splits: how often a box is split in two, where the bound is greatest, along its relatively widest side;
    inputs: "rounded", the arguments in `vary` are reals that are rounded to the format first, or "exact", they are
    numbers of the format; libm: the ulps within which exp, log, sin and their like are right (NumPy's makers: 4).

    Raises UnknownName for a name that the spec does not have or an unknown dtype, DomainError where an operation has
    no value on part of the box, FloatEnvironmentError where the processor does not round to nearest or flushes.

        ss.tolerance(loss, x, vary={"x": ss.ball("0.01")}, dtype="float32").absolute    # an atol for a test
    """
    environment.check()
    form, arguments = formats.named(dtype), bind(spec, args, known=vary)
    if inputs not in ("rounded", "exact"):
        raise ArgumentError(f"inputs: expected 'rounded' or 'exact', got {inputs!r}")
    if isinstance(splits, bool) or not isinstance(splits, int) or splits < 0:
        raise ArgumentError(f"splits: expected an integer >= 0, got {splits!r}")
    one_valued(spec, arguments, vary)
    start = time.perf_counter()
    problem = _Problem(spec, arguments, vary, form, inputs, libm)
    leaves = problem.leaves(splits)
    seconds = time.perf_counter() - start
    for leaf in leaves:
        if leaf.error is not None:
            raise leaf.error
    absolute = np.max([leaf.bound for leaf in leaves], axis=0)
    lower = np.min([leaf.lower for leaf in leaves], axis=0)
    upper = np.max([leaf.upper for leaf in leaves], axis=0)
    least = np.maximum(np.maximum(lower, -upper), 0.0)
    relative = np.where(absolute == 0, 0.0, np.where(least > 0, np.nextafter(absolute / least, np.inf), np.inf))
    worst = max(leaves, key=lambda leaf: leaf.urgency)
    return Tolerance(
        unboxed(absolute),
        unboxed(relative),
        unboxed(_exact(lower)),
        unboxed(_exact(upper)),
        form.name,
        libm,
        len(leaves),
        problem.boxes_of(worst.low, worst.high),
        seconds,
    )


@dataclass(frozen=True, eq=False)
class _Leaf:
    """A part of the box: its ends, flat; the bound on each output and the ends of its exact value; or an error."""

    low: Array
    high: Array
    bound: Any
    lower: Any
    upper: Any
    error: DomainError | None = None

    @property
    def urgency(self) -> float:
        """The greatest bound."""
        return float("inf") if self.error else float(np.max(self.bound, initial=0.0))


class _Problem:
    """A spec, with the box of all that varies as flat arrays of ends, float64s rounded outward."""

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

    def leaves(self, splits: int) -> list[_Leaf]:
        """The parts of the box after so many splits."""
        leaves = self.evaluated([(self.low, self.high)])
        sides = np.where(self.high > self.low, self.high - self.low, np.inf)
        while splits:
            leaves.sort(key=lambda leaf: leaf.urgency, reverse=True)
            count = min(splits, max(1, len(leaves) // SHARE))
            chosen = [leaf for leaf in leaves[:count] if np.any(leaf.high > leaf.low)]
            if not chosen or sum(leaf.error is not None for leaf in leaves) > FAILED:
                break
            leaves = leaves[len(chosen) :] + self.evaluated([part for leaf in chosen for part in _halves(leaf, sides)])
            splits -= len(chosen)
        return leaves

    def evaluated(self, boxes: Sequence[tuple[Array, Array]]) -> list[_Leaf]:
        """The bounds on some boxes at once; where an operation has no value on one of them, box by box."""
        try:
            bound, lower, upper = self._bounds(boxes)
        except DomainError as error:
            if len(boxes) == 1:
                return [_Leaf(*boxes[0], np.inf, -np.inf, np.inf, error)]
            middle = len(boxes) // 2
            return self.evaluated(boxes[:middle]) + self.evaluated(boxes[middle:])
        return [_Leaf(*boxes[i], bound[i], lower[i], upper[i]) for i in range(len(boxes))]

    def boxes_of(self, low: Array, high: Array) -> dict[str, tuple[Any, Any]]:
        """Flat ends, by argument."""
        lows, highs = self._by_argument(low), self._by_argument(high)
        return {name: (unboxed(lows[name]), unboxed(highs[name])) for name in self.shapes}

    def _by_argument(self, flat: Array) -> dict[str, Array]:
        """The parts of a flat array, in the shapes of the arguments; axes before the last one stay."""
        parts, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            parts[name] = flat[..., start:stop].reshape((*flat.shape[:-1], *shape))
            start = stop
        return parts

    def _bounds(self, boxes: Sequence[tuple[Array, Array]]) -> tuple[Array, Array, Array]:
        tape = Tape(self.context)
        batch = BatchedContext(tape, len(boxes))
        lows, highs = (self._by_argument(np.stack([box[end] for box in boxes])) for end in (0, 1))
        variables = {name: tape.variable(self._input(lows[name], highs[name])) for name in self.shapes}
        rows = {name: batch.rows(t) for name, t in variables.items()}
        result = call(self.spec, [(self.constants | rows)[name] for name in self.names], batch)
        value = batch.arrays.spread(result.value)
        tracked = value.value
        bound = tracked.bound
        if not value.constant:
            with contextlib.suppress(DomainError):  # a derivative without a value: the running form remains
                bound = np.minimum(bound, self._adjoint(tape, value, [t.value for t in variables.values()]))
        return bound, inf(tracked.real), sup(tracked.real)

    def _input(self, low: Array, high: Array) -> Tensor:
        """The box, whose points are rounded to the format, or are numbers of it."""
        t: Tensor = self.context.box(low, high)
        if self.inputs == "exact":
            t.value = type(t.value)(t.value.real)
        return t

    def _adjoint(self, tape: Tape, result: Traced, inputs: list[Traced]) -> Array:
        """The bound on each output, by a reverse sweep for each; the first axis is that of the boxes."""
        bounds = np.empty(result.shape)
        for output in np.ndindex(*result.shape[1:]):
            seed = np.zeros(result.shape)
            seed[(slice(None), *output)] = 1
            bounds[(slice(None), *output)] = self._swept(tape, result, inputs, seed)
        return bounds

    def _swept(self, tape: Tape, result: Traced, inputs: list[Traced], seed: Array) -> Array:
        inner = self.context.inner
        adjoints = {result: inner.tensor(seed)}
        total = inner.tensor(np.zeros(len(seed)))
        traced = Trace(tape, inputs, result)
        for eqn, adjoint in sweep(traced.equations, adjoints, _wide, Enclosing(traced, jumps=False)):
            total = total + _weighted(adjoint, self._added(eqn))
        for x in inputs:
            if x in adjoints:
                total = total + _weighted(adjoints[x], x.value.error)
        return sup(total)

    def _added(self, eqn: Equation) -> Tensor | None:
        """What an operation adds to the errors of the variables."""
        operands = [(x.value, x.constant) for x in eqn.operands]
        added: Tensor | None = self.context.arrays.added(eqn.operation, eqn.result.value, operands, eqn.parameters)
        return added


def _wide(x: Traced, kind: type[Nested]) -> Any:
    """Where both the real values and the floats of a traced value lie; a truth of them."""
    return x.value.wide if kind is Tensor else x.value.truth


def _weighted(adjoint: Tensor, errors: Tensor | None) -> Tensor:
    """Σ |adjoint| error over all but the first axis."""
    if errors is None:
        return adjoint.context.tensor(np.zeros(len(adjoint)))
    return f.sum(f.abs(adjoint) * errors, axis=tuple(range(1, adjoint.ndim)))


def _halves(leaf: _Leaf, sides: Array) -> list[tuple[Array, Array]]:
    """The box split in two across the side that is the widest beside the whole box's."""
    i = int(np.argmax((leaf.high - leaf.low) / sides))
    middle = leaf.low[i] + (leaf.high[i] - leaf.low[i]) / 2
    left, right = leaf.high.copy(), leaf.low.copy()
    left[i] = right[i] = middle
    return [(leaf.low, left), (right, leaf.high)]


def _bounded(name: str, ends: tuple[Array, Array]) -> tuple[Array, Array]:
    if any(infinite(end) for pair in ends for end in pair.flat):
        raise ArgumentError(f"vary: the box of {name!r} is not bounded")
    return ends


def _flat(parts: Sequence[Array]) -> Array:
    return np.concatenate([np.zeros(0), *(part.ravel() for part in parts)])


def _floats(towards: Callable[[End], float], ends: Array) -> Array:
    return lift_elements(towards, ends).astype(np.float64)


def _exact(ends: Array) -> Array:
    return np.asarray(lift_elements(exact_float, np.asarray(ends, dtype=object)))


def _up(value: float) -> str:
    return decimal_text(Fraction(value), 3, ROUND_CEILING) if np.isfinite(value) else "∞"
