"""Gradients by one backward pass, under every context: floats, exact rationals, enclosures over boxes, symbols.

The spec is evaluated on a tape, which records each operation as an equation; then the equations are read backwards. A
rule says which cotangent an operation hands back to each operand, in the functions that specs are written in, so that
it means what they mean: over boxes the gradient encloses all gradients, under symbols it is an expression. At a kink
floats follow the conventions of PyTorch and JAX (relu′(0) = 0, a tie gives each operand half), enclosing contexts
enclose all derivatives nearby, and exact contexts find the derivative where there is one, or raise NotDifferentiable.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.arguments import call, spec_name
from scalarspec.core.callers import for_derivatives
from scalarspec.core.foreign import spec_of
from scalarspec.core.lifting import common_context_of, lifted_arguments, mapped, replaced, tensors_in
from scalarspec.core.literals import Literals
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, as_tensor
from scalarspec.errors import ArgumentError, NotDifferentiable, ShapeError
from scalarspec.tracing.batched import BatchedContext, like
from scalarspec.tracing.first_order import Exact
from scalarspec.tracing.generalized import Enclosing
from scalarspec.tracing.interpreter import Traced, innermost
from scalarspec.tracing.kinks import Floats, Formula, Inside
from scalarspec.tracing.sweep import AtKinks, Rules, absorbing, conventional, sweep
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import Trace

Argnums = int | tuple[int, ...]
"""The position of an argument, or several."""
Gradient = Any
"""For a tensor, a tensor of its shape; for a model, that model with gradients in the place of its tensors; or a tuple
of these.
"""


def grad(
    spec: Callable[..., Tensor],
    argnums: Argnums = 0,
    at_kinks: AtKinks = "derivative",
    literals: Literals | None = None,
) -> Callable[..., Gradient]:
    """The gradient of a spec whose value has shape (), with respect to the arguments at these positions.

    spec: a function on tensors.
    argnums: a position, or a tuple of different ones. An argument there is a tensor, or a model (a dataclass, list,
    tuple or dictionary) of tensors, as `lift` makes it; a tensor that occurs twice in one argument is one variable.
    at_kinks: "derivative", what is true of the function where an operation of it has a kink, a tie or a step: enclosing
    contexts enclose the generalized derivative (Clarke 1983), exact ones give the derivative where there is one; or
    "convention", under every context what floats do, which is what PyTorch and JAX do: relu′(0) = 0, a tie gives half
    to each.
    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns a function of the spec's parameters. It gives, for a tensor, the gradient in its shape; for a model, the
    same model with gradients in the place of its tensors; for a tuple of positions, a tuple of these.
    Raises ShapeError where the spec's value has another shape, ArgumentError where such an argument has no tensor,
    NotDifferentiable in exact contexts where there is no derivative (or none is found).

        x = ss.context("rational").tensor([1, 2])
        ss.grad(lambda x: ss.sum(ss.square(x)))(x)                              # [2, 4]
        ss.grad(lambda x: ss.relu(x) - ss.relu(-x))(x.context.tensor(0))        # 1
        ss.grad(ss.relu)(ss.context("interval").tensor(0))                      # [0, 1]
    """
    spec = spec_of(spec, literals)
    both = value_and_grad(spec, argnums, at_kinks)

    @like(spec)
    def gradient(*args: Any) -> Gradient:
        return both(*args)[1]

    return gradient


def value_and_grad(
    spec: Callable[..., Tensor],
    argnums: Argnums = 0,
    at_kinks: AtKinks = "derivative",
    literals: Literals | None = None,
) -> Callable[..., tuple[Tensor, Gradient]]:
    """The spec's value, of shape (), and its gradient, by one evaluation.

    spec: a function on tensors.
    argnums, at_kinks, literals: as for `grad`. Raises as that does: ShapeError where the value has another shape.

    For example:

        value, gradient = ss.value_and_grad(lambda x: ss.sum(ss.square(x)))(ss.context("float64").tensor([3, 4]))
    """
    spec = spec_of(spec, literals)
    linearized = vjp(spec, argnums, at_kinks)

    @like(spec)
    def evaluate(*args: Any) -> tuple[Tensor, Gradient]:
        value, pullback = linearized(*args)
        if value.shape:
            raise ShapeError(f"grad: the spec has shape {value.shape}; expected (), such as a sum")
        return value, pullback(value.context.tensor(1))

    return evaluate


def vjp(
    spec: Callable[..., Tensor],
    argnums: Argnums = 0,
    at_kinks: AtKinks = "derivative",
    literals: Literals | None = None,
) -> Callable[..., tuple[Tensor, Callable[[Tensor], Gradient]]]:
    """The spec's value y and the vector-Jacobian product g -> Jᵀg, by one evaluation.

    spec: a function on tensors.
    argnums, at_kinks: as for `grad`; the value may have any shape. g: the cotangent, a tensor of the value's shape.
    Jᵀg: as `grad` gives a gradient, J being the derivative of the value with respect to the arguments at these
    positions.
    literals: how floats in the spec's text are read, as `as_spec` has it.
    Raises ShapeError where g has another shape, and as `grad` does.

        x = ss.context("float64").tensor([1, 2, 3])
        y, pullback = ss.vjp(ss.square, 0)(x)
        pullback(x.context.tensor([1, 0, 0]))    # [2, 0, 0]
    """
    spec = spec_of(spec, literals)
    _known("at_kinks", at_kinks)

    @like(spec)
    def evaluate(*args: Any) -> tuple[Tensor, Callable[[Tensor], Gradient]]:
        linearized = _Linearization.of(spec, argnums, args, at_kinks)
        return linearized.value, linearized.vjp

    return evaluate


def jvp(
    spec: Callable[..., Tensor],
    argnums: Argnums = 0,
    at_kinks: AtKinks = "derivative",
    literals: Literals | None = None,
) -> Callable[..., tuple[Tensor, Callable[..., Tensor]]]:
    """The spec's value y and the Jacobian-vector product v -> Jv, by one evaluation.

    spec: a function on tensors.
    argnums, at_kinks, literals: as for `grad`; the value may have any shape. v: one tangent for each position, a tensor
    of the argument's shape, or a model of such tensors. Jv: a tensor of the value's shape.
    It is found by transposing Jᵀ: g -> <Jᵀg, v> is linear in g, and Jv is its gradient. Raises ShapeError and
    ArgumentError where tangents do not fit their arguments.

        x = ss.context("float64").tensor([1, 2, 3])
        y, pushforward = ss.jvp(ss.square, 0)(x)
        pushforward(x.context.tensor([1, 1, 0]))    # [2, 4, 0]
    """
    spec = spec_of(spec, literals)
    _known("at_kinks", at_kinks)

    @like(spec)
    def evaluate(*args: Any) -> tuple[Tensor, Callable[..., Tensor]]:
        linearized = _Linearization.of(spec, argnums, args, at_kinks)
        return linearized.value, linearized.jvp

    return evaluate


def hessian(spec: Callable[..., Tensor], argnums: Argnums = 0, literals: Literals | None = None) -> Callable[..., Any]:
    """The second derivatives of a spec whose value has shape (), with respect to tensors at these positions.

    spec: a function on tensors.
    argnums: a position, or a tuple of different ones. literals: as for `grad`.

    For one position of shape s a tensor of shape (*s, *s); for several a tuple of tuples of tensors, of which block i,
    j has shape (*s_i, *s_j). Where a gradient jumps, as relu's does, an enclosing context's ends are infinite; an exact
    one refuses every kink with NotDifferentiable. Raises ArgumentError where an argument is no tensor, ShapeError as
    `grad` does.

        ss.hessian(lambda x: x[0] * x[1])(ss.context("rational").tensor([2, 3]))    # [[0, 1], [1, 0]]
    """
    spec = spec_of(spec, literals)
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @like(spec)
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
    """The derivatives of the gradient at one position with respect to the tensors at some positions."""
    shape = args[position].shape

    def flat(*given: Any) -> Tensor:
        return f.reshape(grad(spec, position)(*given), (shape.size,))

    linearized = _Linearization.of(flat, positions, args, "derivative")
    rows = [linearized.vjp(linearized.value.context.tensor(unit)) for unit in np.eye(shape.size, dtype=int)]
    return tuple(_block([row[j] for row in rows], shape, args[i]) for j, i in enumerate(positions))


def _block(rows: list[Tensor], shape: Shape, of: Tensor) -> Tensor:
    """Rows of derivatives as one tensor of shape (*shape, *shape of the variable); zeros where there are no rows."""
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
    """An evaluation of a spec on a tape, from which derivatives in any direction are found.

    arguments: those that it is differentiated with respect to; variables: for each of them, what stands for its tensors
    on the tape, by identity; single: was one position given, and no tuple? again: (row, g) -> Jᵀg of one example, for
    arguments that are batches.
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
        """The linearization of the spec at these arguments."""
        positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        chosen = _chosen(spec, positions, args)
        leaves = [tensors_in(argument) for argument in chosen]
        for i, found in zip(positions, leaves, strict=True):
            if not found:
                raise ArgumentError(
                    f"argnums: expected a tensor at position {i} of {spec_name(spec)}, or a model of tensors, "
                    f"got {args[i]!r:.80}"
                )
        inner = common_context_of(spec, args, spec_name(spec))
        tape = Tape(inner, shared=True)
        variables = tuple({id(t): tape.variable(as_tensor(inner, t)) for t in found} for found in leaves)
        given = list(lifted_arguments({"args": args}, inner)["args"])
        for i, of_argument in zip(positions, variables, strict=True):
            given[i] = replaced(args[i], of_argument)
        with for_derivatives():
            result = call(spec, given, tape)
        value = Tensor(inner, result.shape, result.value.value)

        def again(row: Callable[[Any], Any], g: Tensor) -> Gradient:
            return vjp(spec, argnums, at_kinks)(*(mapped(a, lambda t, _: row(t)) for a in args))[1](g)

        traced = Trace(tape, [t.value for each in variables for t in each.values()], result.value)
        return cls(value, traced, chosen, variables, isinstance(argnums, int), again, at_kinks)

    def vjp(self, g: Tensor) -> Gradient:
        """Jᵀg, as `grad` gives gradients."""
        g = as_tensor(self.value.context, g)
        if g.shape != self.value.shape:
            raise ShapeError(f"vjp: a cotangent of shape {g.shape} for a value of shape {self.value.shape}")
        try:
            gradients = tuple(map(replaced, self.arguments, self._cotangents(g)))
        except NotDifferentiable:
            if not (isinstance(g.context, BatchedContext) and g.context.exact):
                raise
            return self._one_by_one(g.context, g)
        return gradients[0] if self.single else gradients

    def _one_by_one(self, batch: BatchedContext, g: Tensor) -> Gradient:
        """Jᵀg of each example alone, where a batch has none: a derivative at a kink is found in numbers that can be
        looked at.
        """

        def row(i: int) -> Callable[[Any], Any]:
            return lambda t: batch.row(t, i) if isinstance(t, Tensor) and t.context == batch else None

        found = [self.again(row(i), batch.row(g, i)) for i in range(batch.size)]
        stacked = {id(tensors[0]): tensors for tensors in zip(*(tensors_in(each) for each in found), strict=True)}
        return mapped(found[0], lambda t, _: batch.rows(f.stack(stacked[id(t)])) if isinstance(t, Tensor) else None)

    def jvp(self, *tangents: Any) -> Tensor:
        """Jv. At kinks of exact numbers, where g -> <Jᵀg, v> cannot be differentiated as a whole, by one row of J after
        the other.
        """
        if len(tangents) != len(self.arguments):
            raise ArgumentError(f"jvp: expected {len(self.arguments)} tangents, got {len(tangents)}")
        pairs = [pair for a, v in zip(self.arguments, tangents, strict=True) for pair in _paired(a, v)]
        inner = self.value.context
        tape = Tape(inner)
        g = tape.variable(f.broadcast_to(inner.tensor(1), self.value.shape))
        try:
            total = _along(self._cotangents(g), pairs)
            return backward_pass(Trace(tape, [g.value], as_tensor(tape, total).value), inner.tensor(1))[0]
        except NotDifferentiable:
            units = np.eye(self.value.size, dtype=int).reshape(self.value.size, *self.value.shape)
            rows = [_along(self._cotangents(inner.tensor(unit)), pairs) for unit in units]
            return f.reshape(f.stack(rows), self.value.shape)

    def _cotangents(self, g: Tensor) -> list[dict[int, Tensor]]:
        """The cotangents of the tensors in each argument, by identity, in the context of g."""
        found = iter(backward_pass(self.trace, g, self.at_kinks))
        return [{key: next(found) for key in variables} for variables in self.variables]


def _along(gradients: list[dict[int, Tensor]], pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The sum of <gradient, tangent> over all tensors."""
    known = functools.reduce(lambda a, b: a | b, gradients)
    return functools.reduce(f.add, [f.sum(known[id(t)] * v) for t, v in pairs])


def backward_pass(
    trace: Trace,
    g: Tensor,
    at_kinks: AtKinks = "derivative",
    inputs: Sequence[Traced] | None = None,
    formula: Formula | None = None,
) -> list[Tensor]:
    """Jᵀg for each input of a trace, by its equations read backwards, in the context of g. g: of the result's shape.

    inputs: values on the trace's tape, where others than its inputs are wanted; formula: the rules for expressions,
    which then know where they do not hold. Raises NotDifferentiable in exact contexts where there is no derivative.
    """
    inner, wanted = trace.inner, trace.inputs if inputs is None else inputs
    if at_kinks == "derivative" and inner.exact and inner.arrays.holds_scalars and g.context == inner:
        return Exact(trace, wanted, formula or Formula()).backward_pass(g)

    def by(rules: Rules) -> list[Tensor]:
        cotangents = {trace.result: g}
        for _ in sweep(trace.equations, cotangents, trace.read, rules):
            pass
        zero = g.context.tensor(0)
        return [cotangents[x] if x in cotangents else f.broadcast_to(zero, x.shape) for x in wanted]

    if formula is not None:
        formula.made = trace.made
    rules = conventional if at_kinks == "convention" else formula or _rules_for(trace)
    found = by(rules)
    if isinstance(rules, Enclosing):
        return rules.spoiled(wanted, found)
    nan = innermost(inner).rounds and g.context == inner and any(t.context.arrays.has_nan(t.value) for t in found)
    return by(absorbing) if nan else found


def _rules_for(trace: Trace) -> Rules:
    """The rules for kinks under the context of a trace, but for exact numbers that can be looked at, which `Exact`
    treats.
    """
    base = innermost(trace.inner)
    if base.encloses:
        return Enclosing(trace)
    if base.formal:
        formula = Formula()
        formula.made = trace.made
        return formula
    return Inside(trace) if base.exact else Floats(trace)


def _known(name: str, at_kinks: str) -> None:
    """Raises ArgumentError for a value of `at_kinks` that does not exist."""
    if at_kinks not in ("derivative", "convention"):
        raise ArgumentError(f"{name}: expected 'derivative' or 'convention', got {at_kinks!r}")


def _paired(argument: Any, tangent: Any) -> list[tuple[Tensor, Tensor]]:
    """Each tensor of an argument with its tangent. Raises ShapeError where they do not fit."""
    tensors, tangents = tensors_in(argument), tensors_in(tangent)
    if [t.shape for t in tensors] != [v.shape for v in tangents]:
        shapes = [" and ".join(str(t.shape) for t in found[:4]) or "none" for found in (tangents, tensors)]
        raise ShapeError(f"jvp: tangents of shapes {shapes[0]} for tensors of shapes {shapes[1]}")
    return list(zip(tensors, tangents, strict=True))
