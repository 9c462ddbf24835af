"""Gradients by one reverse sweep, under every context: floats, exact rationals, enclosures over boxes, symbols.

The spec is evaluated on a tape, which notes each operation; then the equations are read backwards. A rule says what an
operation hands back to each operand, in the functions that specs are written in, so that it means what they mean: over
boxes the gradient is an enclosure of all gradients, under symbols it is an expression. At a kink floats follow the
conventions of PyTorch and JAX (relu′(0) = 0, a tie shares its weight), enclosing contexts enclose all derivatives
nearby, and exact contexts find the derivative where there is one, or raise NotDifferentiable.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.arguments import call, spec_name
from scalarspec.core.lifting import mapped, replaced
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, as_tensor, common_context
from scalarspec.errors import ArgumentError, NotDifferentiable, ShapeError
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.first_order import Exact
from scalarspec.tracing.generalized import Enclosing
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.kinks import Floats, Formula, Inside
from scalarspec.tracing.sweep import AtKinks, Rules, absorbing, conventional, innermost, sweep
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import Trace

Argnums = int | tuple[int, ...]
Gradient = Any
"""A tensor for a tensor; for a model, that model with gradients in the place of its tensors; a tuple of these."""


def grad(
    spec: Callable[..., Tensor], argnums: Argnums = 0, at_kinks: AtKinks = "derivative"
) -> Callable[..., Gradient]:
    """The gradient of a spec of shape () with respect to the arguments at these positions.

    An argument is a tensor, or a model (a dataclass, list, tuple or dictionary) of tensors, as `lift` makes it: its
    gradient is the same model with gradients in the place of tensors. A tensor that occurs twice in one argument is one
    variable. Works under every context.
    at_kinks: "derivative", what is true of the function where an operation of it has a kink, a tie or a step: enclosing
    contexts enclose the generalized derivative (Clarke 1983), exact ones give the derivative where there is one; or
    "convention", everywhere what floats do, PyTorch's and JAX's conventions: relu′(0) = 0, a tie shares its weight.
    Raises ShapeError where the spec's value has another shape, ArgumentError where such an argument has no tensor,
    NotDifferentiable in exact contexts where there is no derivative (or none is found).

        ss.grad(lambda x: ss.relu(x) - ss.relu(-x))(ss.context("rational").tensor(0))    # 1
    """
    both = value_and_grad(spec, argnums, at_kinks)

    @functools.wraps(spec)
    def gradient(*args: Any) -> Gradient:
        return both(*args)[1]

    gradient.__signature__ = inspect.signature(spec)  # type: ignore[attr-defined]
    return gradient


def value_and_grad(
    spec: Callable[..., Tensor], argnums: Argnums = 0, at_kinks: AtKinks = "derivative"
) -> Callable[..., tuple[Tensor, Gradient]]:
    """The spec's value, and its gradient as `grad` gives it, by one evaluation."""
    pulled = vjp(spec, argnums, at_kinks)

    def evaluate(*args: Any) -> tuple[Tensor, Gradient]:
        value, pullback = pulled(*args)
        if value.shape:
            raise ShapeError(f"grad: the spec has shape {value.shape}; expected (), such as a sum")
        return value, pullback(value.context.tensor(1))

    return evaluate


def vjp(
    spec: Callable[..., Tensor], argnums: Argnums = 0, at_kinks: AtKinks = "derivative"
) -> Callable[..., tuple[Tensor, Callable[[Tensor], Gradient]]]:
    """The spec's value, and the function g -> Jᵀg, by one evaluation.

    g: a tensor of the value's shape; Jᵀg: as `grad` gives it, J being the derivative of the spec's value with respect
    to the arguments at these positions.
    """
    _known("at_kinks", at_kinks)

    def evaluate(*args: Any) -> tuple[Tensor, Callable[[Tensor], Gradient]]:
        record = _Linearization.of(spec, argnums, args, at_kinks)
        return record.value, record.pulled

    return evaluate


def jvp(
    spec: Callable[..., Tensor], argnums: Argnums = 0, at_kinks: AtKinks = "derivative"
) -> Callable[..., tuple[Tensor, Callable[..., Tensor]]]:
    """The spec's value, and the function v -> Jv, by one evaluation.

    v: one tangent for each position, a tensor of the argument's shape, or a model of such tensors; Jv: a tensor of the
    value's shape. By transposing Jᵀ: g -> <Jᵀg, v> is linear, and Jv is its gradient.
    """

    _known("at_kinks", at_kinks)

    def evaluate(*args: Any) -> tuple[Tensor, Callable[..., Tensor]]:
        record = _Linearization.of(spec, argnums, args, at_kinks)
        return record.value, record.pushed

    return evaluate


def hessian(spec: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., Any]:
    """The second derivatives of a spec of shape () with respect to tensors at these positions.

    For one position a tensor of shape (*s, *s); for several a tuple of tuples, block i, j of shape (*s_i, *s_j).
    Where a gradient jumps, as relu's does, an enclosing context's ends are infinite; an exact one refuses every kink.
    """
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def evaluate(*args: Any) -> Any:
        for i, argument in zip(positions, _chosen(spec, positions, args), strict=True):
            if not isinstance(argument, Tensor):
                raise ArgumentError(f"hessian: expected a tensor at position {i}, got {type(argument).__name__}")
        found = tuple(_second(spec, i, positions, args) for i in positions)
        return found[0][0] if isinstance(argnums, int) else found

    return evaluate


def _second(
    spec: Callable[..., Tensor], position: int, positions: tuple[int, ...], args: tuple[Any, ...]
) -> tuple[Tensor, ...]:
    """The derivatives of one gradient with respect to the tensors at some positions."""
    shape = args[position].shape

    def flat(*given: Any) -> Tensor:
        return f.reshape(grad(spec, position)(*given), (shape.size,))

    record = _Linearization.of(flat, positions, args, "derivative")
    rows = [record.pulled(record.value.context.tensor(unit)) for unit in np.eye(shape.size, dtype=int)]
    return tuple(_block([row[j] for row in rows], shape, args[i]) for j, i in enumerate(positions))


def _block(rows: list[Tensor], shape: Shape, of: Tensor) -> Tensor:
    if not rows:
        return of.context.tensor(np.zeros((*shape, *of.shape)))
    return f.reshape(f.stack(rows), (*shape, *of.shape))


def _chosen(spec: Callable[..., Tensor], positions: tuple[int, ...], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments at some positions. Raises ArgumentError where there is none, or one is named twice."""
    for i in positions:
        if not -len(args) <= i < len(args):
            got = f"{len(args)} arguments"
            raise ArgumentError(f"argnums: expected a tensor at position {i} of {spec_name(spec)}, got {got}")
    if len({i % len(args) for i in positions}) < len(positions):
        raise ArgumentError(f"argnums: expected different positions, got {positions}")
    return tuple(args[i] for i in positions)


@dataclass(frozen=True, eq=False)
class _Linearization:
    """An evaluation of a spec on a tape.

    arguments: those that it is differentiated with respect to; variables: of the tensors in each of them, by identity;
    again: (row, g) -> Jᵀg of one example, for arguments that are batches.
    """

    value: Tensor
    trace: Trace
    arguments: tuple[Any, ...]
    variables: tuple[dict[int, Tensor], ...]
    single: bool
    again: Callable[..., Gradient]
    at_kinks: AtKinks

    @classmethod
    def of(
        cls, spec: Callable[..., Tensor], argnums: Argnums, args: tuple[Any, ...], at_kinks: AtKinks
    ) -> _Linearization:
        """The spec at these arguments."""
        positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        chosen = _chosen(spec, positions, args)
        leaves = [tensors_in(argument) for argument in chosen]
        for i, found in zip(positions, leaves, strict=True):
            if not found:
                raise ArgumentError(
                    f"argnums: expected a tensor at position {i} of {spec_name(spec)}, or a model of tensors, "
                    f"got {args[i]!r:.80}"
                )
        inner = common_context(spec_name(spec), [t for found in leaves for t in found])
        tape = Tape(inner, shared=True)
        variables = tuple({id(t): tape.variable(t) for t in found} for found in leaves)
        given = list(args)
        for i, of_argument in zip(positions, variables, strict=True):
            given[i] = replaced(args[i], of_argument)
        result = call(spec, given, tape)
        value = Tensor(inner, result.shape, result.value.value)

        def again(row: Callable[[Any], Any], g: Tensor) -> Gradient:
            return vjp(spec, argnums, at_kinks)(*(mapped(a, lambda t, _: row(t)) for a in args))[1](g)

        traced = Trace(tape, [t.value for each in variables for t in each.values()], result.value)
        return cls(value, traced, chosen, variables, isinstance(argnums, int), again, at_kinks)

    def pulled(self, g: Tensor) -> Gradient:
        """Jᵀg."""
        g = as_tensor(self.value.context, g)
        if g.shape != self.value.shape:
            raise ShapeError(f"vjp: a cotangent of shape {g.shape} for a value of shape {self.value.shape}")
        try:
            gradients = tuple(map(replaced, self.arguments, self._swept(g)))
        except NotDifferentiable:
            if not (isinstance(g.context, BatchedContext) and g.context.exact):
                raise
            return self._one_by_one(g.context, g)
        return gradients[0] if self.single else gradients

    def _one_by_one(self, batch: BatchedContext, g: Tensor) -> Gradient:
        """For each example alone: a derivative at a kink is found in numbers that can be looked at."""

        def row(i: int) -> Callable[[Any], Any]:
            return lambda t: batch.row(t, i) if isinstance(t, Tensor) and t.context == batch else None

        found = [self.again(row(i), batch.row(g, i)) for i in range(batch.size)]
        stacked = {id(tensors[0]): tensors for tensors in zip(*(tensors_in(each) for each in found), strict=True)}
        return mapped(found[0], lambda t, _: batch.rows(f.stack(stacked[id(t)])) if isinstance(t, Tensor) else None)

    def pushed(self, *tangents: Any) -> Tensor:
        """Jv."""
        if len(tangents) != len(self.arguments):
            raise ArgumentError(f"jvp: expected {len(self.arguments)} tangents, got {len(tangents)}")
        pairs = [pair for a, v in zip(self.arguments, tangents, strict=True) for pair in _paired(a, v)]
        inner = self.value.context
        tape = Tape(inner)
        g = tape.variable(f.broadcast_to(inner.tensor(1), self.value.shape))
        try:
            total = _along(self._swept(g), pairs)
            return backward_pass(Trace(tape, [g.value], as_tensor(tape, total).value), inner.tensor(1))[0]
        except NotDifferentiable:
            units = np.eye(self.value.size, dtype=int).reshape(self.value.size, *self.value.shape)
            rows = [_along(self._swept(inner.tensor(unit)), pairs) for unit in units]
            return f.reshape(f.stack(rows), self.value.shape)

    def _swept(self, g: Tensor) -> list[dict[int, Tensor]]:
        """The gradients of the tensors in each argument, by identity, in the context of g."""
        found = iter(backward_pass(self.trace, g, self.at_kinks))
        return [{key: next(found) for key in variables} for variables in self.variables]


def _along(gradients: list[dict[int, Tensor]], pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Σ <gradient, tangent>."""
    known = functools.reduce(lambda a, b: a | b, gradients)
    return functools.reduce(f.add, [f.sum(known[id(t)] * v) for t, v in pairs])


def backward_pass(
    trace: Trace,
    g: Tensor,
    at_kinks: AtKinks = "derivative",
    inputs: Sequence[Traced] | None = None,
    formula: Formula | None = None,
) -> list[Tensor]:
    """Jᵀg for each input, by the equations of a trace read backwards, in the context of g. g: of the result's shape.

    inputs: values on the trace's tape, where others than its inputs are wanted; formula: the rules for expressions,
    which then know where they do not hold.
    """
    inner, wanted = trace.inner, trace.inputs if inputs is None else inputs
    if at_kinks == "derivative" and inner.exact and inner.arrays.holds_scalars and g.context == inner:
        return Exact(trace, wanted, formula or Formula()).backward_pass(g)

    def by(rules: Rules) -> list[Tensor]:
        adjoints = {trace.result: g}
        for _ in sweep(trace.equations, adjoints, trace.read, rules):
            pass
        zero = g.context.tensor(0)
        return [adjoints[x] if x in adjoints else f.broadcast_to(zero, x.shape) for x in wanted]

    if formula is not None:
        formula.made = trace.made
    rules = conventional if at_kinks == "convention" else formula or _rules_for(trace)
    found = by(rules)
    if isinstance(rules, Enclosing):
        return rules.spoiled(wanted, found)
    nan = innermost(inner).rounds and g.context == inner and any(t.context.arrays.has_nan(t.value) for t in found)
    return by(absorbing) if nan else found


def _rules_for(trace: Trace) -> Rules:
    """What is done at kinks under the context of a trace, but for exact numbers that can be looked at."""
    base = innermost(trace.inner)
    if base.encloses:
        return Enclosing(trace)
    if base.formal:
        formula = Formula()
        formula.made = trace.made
        return formula
    return Inside(trace) if base.exact else Floats(trace)


def _known(name: str, at_kinks: str) -> None:
    if at_kinks not in ("derivative", "convention"):
        raise ArgumentError(f"{name}: expected 'derivative' or 'convention', got {at_kinks!r}")


def tensors_in(argument: Any) -> list[Tensor]:
    """The tensors of an argument, each once."""
    found: dict[int, Tensor] = {}

    def note(value: Any, _: str) -> Any:
        return found.setdefault(id(value), value) if isinstance(value, Tensor) else None

    mapped(argument, note)
    return list(found.values())


def _paired(argument: Any, tangent: Any) -> list[tuple[Tensor, Tensor]]:
    """Each tensor of an argument with its tangent."""
    tensors, tangents = tensors_in(argument), tensors_in(tangent)
    if [t.shape for t in tensors] != [v.shape for v in tangents]:
        shapes = [" and ".join(str(t.shape) for t in found[:4]) or "none" for found in (tangents, tensors)]
        raise ShapeError(f"jvp: tangents of shapes {shapes[0]} for tensors of shapes {shapes[1]}")
    return list(zip(tensors, tangents, strict=True))
