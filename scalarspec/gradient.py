"""Gradients by one reverse sweep, under every context: floats, exact rationals, enclosures over boxes, symbols.

The spec is evaluated on a tape, which notes each operation; then the notes are read backwards. A rule says what an
operation hands back to each operand, in the functions that specs are written in, so that it means what they mean: over
boxes the gradient is an enclosure of all gradients, under symbols it is an expression. At a kink the derivative is 0
(relu′(0) = 0, |x|′ = 0 at 0); a step has derivative 0.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from scalarspec import functions as f
from scalarspec.arguments import call, spec_name
from scalarspec.errors import ArgumentError, NotSupported, ShapeError
from scalarspec.interpreter import InterpreterArrays, InterpreterContext, Traced
from scalarspec.lifting import mapped, replaced
from scalarspec.shape import Shape
from scalarspec.tensor import Nested, Tensor, Truth, as_tensor, common_context

Argnums = int | tuple[int, ...]
Gradient = Any
"""A tensor for a tensor; for a model, that model with gradients in the place of its tensors; a tuple of these."""


def grad(spec: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., Gradient]:
    """The gradient of a spec of shape () with respect to the arguments at these positions.

    An argument is a tensor, or a model (a dataclass, list, tuple or dictionary) of tensors, as `lift` makes it: its
    gradient is the same model with gradients in the place of tensors. A tensor that occurs twice in one argument is one
    variable. Works under every context.
    Raises ShapeError where the spec's value has another shape, ArgumentError where such an argument has no tensor.
    """
    both = value_and_grad(spec, argnums)

    @functools.wraps(spec)
    def gradient(*args: Any) -> Gradient:
        return both(*args)[1]

    gradient.__signature__ = inspect.signature(spec)  # type: ignore[attr-defined]
    return gradient


def value_and_grad(spec: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., tuple[Tensor, Gradient]]:
    """The spec's value, and its gradient as `grad` gives it, by one evaluation."""
    pulled = vjp(spec, argnums)

    def evaluate(*args: Any) -> tuple[Tensor, Gradient]:
        value, pullback = pulled(*args)
        if value.shape:
            raise ShapeError(f"grad: the spec has shape {value.shape}; expected (), such as a sum")
        return value, pullback(value.context.tensor(1))

    return evaluate


def vjp(
    spec: Callable[..., Tensor], argnums: Argnums = 0
) -> Callable[..., tuple[Tensor, Callable[[Tensor], Gradient]]]:
    """The spec's value, and the function g -> Jᵀg, by one evaluation.

    g: a tensor of the value's shape; Jᵀg: as `grad` gives it, J being the derivative of the spec's value with respect
    to the arguments at these positions.
    """

    def evaluate(*args: Any) -> tuple[Tensor, Callable[[Tensor], Gradient]]:
        record = _Record.of(spec, argnums, args)
        return record.value, record.pulled

    return evaluate


def jvp(spec: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., tuple[Tensor, Callable[..., Tensor]]]:
    """The spec's value, and the function v -> Jv, by one evaluation.

    v: one tangent for each position, a tensor of the argument's shape, or a model of such tensors; Jv: a tensor of the
    value's shape. By transposing Jᵀ: g -> <Jᵀg, v> is linear, and Jv is its gradient.
    """

    def evaluate(*args: Any) -> tuple[Tensor, Callable[..., Tensor]]:
        record = _Record.of(spec, argnums, args)
        return record.value, record.pushed

    return evaluate


def hessian(spec: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., Any]:
    """The second derivatives of a spec of shape () with respect to tensors at these positions.

    For one position a tensor of shape (*s, *s); for several a tuple of tuples, block i, j of shape (*s_i, *s_j).
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

    record = _Record.of(flat, positions, args)
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
class _Record:
    """An evaluation of a spec on a tape.

    arguments: those that it is differentiated with respect to; variables: of the tensors in each of them, by identity.
    """

    value: Tensor
    result: Traced
    tape: Tape
    arguments: tuple[Any, ...]
    variables: tuple[dict[int, Tensor], ...]
    single: bool

    @classmethod
    def of(cls, spec: Callable[..., Tensor], argnums: Argnums, args: tuple[Any, ...]) -> _Record:
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
        tape = Tape(inner)
        variables = tuple({id(t): tape.variable(t) for t in found} for found in leaves)
        given = list(args)
        for i, of_argument in zip(positions, variables, strict=True):
            given[i] = replaced(args[i], of_argument)
        result = call(spec, given, tape)
        value = Tensor(inner, result.shape, result.value.value)
        return cls(value, result.value, tape, chosen, variables, isinstance(argnums, int))

    def pulled(self, g: Tensor) -> Gradient:
        """Jᵀg."""
        g = as_tensor(self.value.context, g)
        if g.shape != self.value.shape:
            raise ShapeError(f"vjp: a cotangent of shape {g.shape} for a value of shape {self.value.shape}")
        gradients = tuple(map(replaced, self.arguments, self._swept(g)))
        return gradients[0] if self.single else gradients

    def pushed(self, *tangents: Any) -> Tensor:
        """Jv."""
        if len(tangents) != len(self.arguments):
            raise ArgumentError(f"jvp: expected {len(self.arguments)} tangents, got {len(tangents)}")
        inner = self.value.context
        tape = Tape(inner)
        g = tape.variable(f.broadcast_to(inner.tensor(0), self.value.shape))
        products = [
            f.sum(found[id(t)] * v)
            for found, argument, tangent in zip(self._swept(g), self.arguments, tangents, strict=True)
            for t, v in _paired(argument, tangent)
        ]
        total = functools.reduce(f.add, products)
        return tape.arrays.swept(as_tensor(tape, total).value, [g.value], inner.tensor(1))[0]

    def _swept(self, g: Tensor) -> list[dict[int, Tensor]]:
        """The gradients of the tensors in each argument, by identity, in the context of g."""
        inputs = [x.value for variables in self.variables for x in variables.values()]
        found = iter(self.tape.arrays.swept(self.result, inputs, g))
        return [{key: next(found) for key in variables} for variables in self.variables]


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


@dataclass(frozen=True, eq=False)
class Tape(InterpreterContext):
    """A tensor stands for a value inside that is noted.

    given: tensors of the inner context to put in the place of the stages of these names.
    """

    given: Mapping[str, Tensor] = field(default_factory=dict)

    @cached_property
    def arrays(self) -> TapeArrays:
        """Arrays that note each operation."""
        return TapeArrays(self)

    def variable(self, t: Tensor) -> Tensor:
        """A tensor of the inner context as one that gradients are taken of."""
        return Tensor(self, t.shape, Traced(t.shape, t.value))

    def stage(self, name: str, t: Tensor) -> Tensor:
        """Noted, and replaced where another is given. A name that comes again is numbered."""
        stages = self.arrays.stages
        label, again = name, 2
        while label in stages:
            label, again = f"{name}#{again}", again + 1
        handed = t if label not in self.given else self.variable(self.given[label])
        if handed.shape != t.shape:
            raise ShapeError(f"stage {label!r}: the spec has shape {t.shape}, the actual one {handed.shape}")
        stages[label] = Staged(t.value, handed.value)
        return handed

    def __repr__(self) -> str:
        return f"a tape in {self.inner}"


def recorded(
    tape: Tape, spec: Callable[..., Tensor], args: Iterable[Any], variables: Iterable[Tensor]
) -> tuple[dict[int, Tensor], Traced]:
    """The spec on a tape: some tensors of its arguments, models included, are variables there.

    The variables on it, by the identity of the tensors, and the result.
    """
    on_tape = {id(t): tape.variable(t) for t in variables}
    result = call(spec, [replaced(argument, on_tape) for argument in args], tape)
    return on_tape, result.value


def recorded_with(
    tape: Tape, spec: Callable[..., Tensor], args: Iterable[Any], others: Mapping[int, Tensor]
) -> tuple[list[Traced], Traced]:
    """The spec on a tape with other tensors, the variables, in the place of some of its arguments' (by identity).

    The variables, in order, and the result.
    """
    on_tape, result = recorded(tape, spec, [replaced(argument, others) for argument in args], others.values())
    return [on_tape[id(t)].value for t in others.values()], result


@dataclass(frozen=True, eq=False)
class Note:
    """One operation that was done."""

    operation: str
    operands: tuple[Traced, ...]
    parameters: dict[str, Any]
    result: Traced


class Staged(NamedTuple):
    """A stage: the value that the spec found, and the one that it went on with."""

    found: Traced
    handed: Traced


class TapeArrays(InterpreterArrays):
    """Arrays that work inside, and note what they do."""

    def __init__(self, context: Tape) -> None:
        super().__init__(context)
        self.notes: list[Note] = []
        self.stages: dict[str, Staged] = {}

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """The value inside, and a note."""
        value = self.inner.apply(operation, *(x.value for x in operands), **parameters)
        result = Traced(shape, value)
        self.notes.append(Note(operation, operands, parameters, result))
        return result

    def stage_of(self, value: Traced) -> str | None:
        """What the spec calls a value, if it does."""
        return next((name for name, stage in self.stages.items() if stage.handed is value), None)

    def unpack(self, value: Traced) -> np.ndarray[Any, Any]:
        """The scalars inside: a spec may look at its numbers here."""
        return self.inner.unpack(value.value)

    def outcomes(self, truths: Traced) -> set[bool | None]:
        """As inside."""
        return self.inner.outcomes(truths.value)

    def swept(self, result: Traced, inputs: list[Traced], g: Tensor) -> list[Tensor]:
        """Jᵀg for each input, by the notes read backwards, in the context of g. g: of the result's shape."""
        inner = self.context.inner
        adjoints = {result: g}
        for _ in sweep(self.notes, adjoints, lambda x, kind: kind(inner, x.shape, x.value)):
            pass
        zero = g.context.tensor(0)
        return [adjoints[x] if x in adjoints else f.broadcast_to(zero, x.shape) for x in inputs]


def sweep(
    notes: Sequence[Note], adjoints: dict[Traced, Tensor], read: Callable[[Traced, type[Nested]], Any]
) -> Iterator[tuple[Note, Tensor]]:
    """The notes backwards, each with the adjoint of its result, which is then handed on into `adjoints`.

    `read` gives what a traced value stands for, as a tensor (or truth) of the context that the adjoints are of.
    """
    for note in reversed(notes):
        adjoint = adjoints.get(note.result)
        if adjoint is None:
            continue
        yield note, adjoint
        for operand, share in zip(note.operands, _shares(note, adjoint, read), strict=True):
            if share is not None:
                known = adjoints.get(operand)
                adjoints[operand] = share if known is None else known + share


def _shares(note: Note, adjoint: Tensor, read: Callable[[Traced, type[Nested]], Any]) -> list[Tensor | None]:
    """What each operand is handed; None for constants and for truths."""
    if note.operation not in RULES:
        raise NotSupported(f"grad: {note.operation} has no derivative here")
    kinds = [Truth if note.operation == "where" and i == 0 else Tensor for i in range(len(note.operands))]
    operands = [read(x, kind) for kind, x in zip(kinds, note.operands, strict=True)]
    shares = RULES[note.operation](adjoint, read(note.result, Tensor), *operands, **note.parameters)
    return [
        None if share is None or x.constant else fitted(share(), x.shape)
        for share, x in zip(shares, note.operands, strict=True)
    ]


def fitted(share: Tensor, shape: Shape) -> Tensor:
    """A scalar that served every element is handed the sum of their shares."""
    return share if share.shape == shape else f.sum(share)


# ---- the rules: g is the adjoint of the result y; one function for each operand --------------------------------------

Share = Callable[[], Tensor] | None
RULES: dict[str, Callable[..., tuple[Share, ...]]] = {
    "add": lambda g, y, a, b: (lambda: g, lambda: g),
    "subtract": lambda g, y, a, b: (lambda: g, lambda: -g),
    "multiply": lambda g, y, a, b: (lambda: g * b, lambda: g * a),
    "divide": lambda g, y, a, b: (lambda: g / b, lambda: -g * y / b),
    "maximum": lambda g, y, a, b: (lambda: g * f.heaviside(a - b), lambda: g * f.heaviside(b - a)),
    "minimum": lambda g, y, a, b: (lambda: g * f.heaviside(b - a), lambda: g * f.heaviside(a - b)),
    "clip": lambda g, y, a, low, high: (
        lambda: g * f.heaviside(a - low) * f.heaviside(high - a),
        lambda: g * f.heaviside(low - a),
        lambda: g * f.heaviside(a - high),
    ),
    "where": lambda g, y, p, a, b: (None, lambda: f.where(p, g, 0), lambda: f.where(p, 0, g)),
    "leaky_relu": lambda g, y, x, slope: (
        lambda: g * f.where(x > 0, 1, f.broadcast_to(slope, x.shape)),
        lambda: g * f.minimum(x, 0),
    ),
    "pow": lambda g, y, a, b: (lambda: g * b * a ** (b - 1), lambda: g * y * f.log(a)),
    "sum": lambda g, y, x, axis: (lambda: spread(g, x, axis),),
    "mean": lambda g, y, x, axis, count: (lambda: spread(g / max(count, 1), x, axis),),
    "mean_square": lambda g, y, x, axis, count: (lambda: spread(2 * g / max(count, 1), x, axis) * x,),
    "logsumexp": lambda g, y, x, axis: (lambda: spread(g, x, axis) * f.exp(x - spread(y, x, axis)),),
    "affine": lambda g, y, w, x, b: (lambda: f.outer(g, x), lambda: f.matmul(g, w), lambda: g),
    "affine_rows": lambda g, y, w, x, b, shape: (
        lambda: f.matmul(f.matrix_transpose(g), x),
        lambda: f.matmul(g, w),
        lambda: f.sum(g, axis=0),
    ),
    "matmul": lambda g, y, a, b: (lambda: _left(g, a, b), lambda: _right(g, a, b)),
    "getitem": lambda g, y, x, index: (lambda: _scattered(g, x.shape, index),),
    "scatter": lambda g, y, x, index, shape: (lambda: g[index],),
    "reshape": lambda g, y, x, shape: (lambda: f.reshape(g, x.shape),),
    "matrix_transpose": lambda g, y, x: (lambda: f.matrix_transpose(g),),
    "broadcast_to": lambda g, y, x, shape: (lambda: _gathered(g, x.shape),),
    "stack": lambda g, y, *xs, axis=0: tuple(
        functools.partial(g.__getitem__, (slice(None),) * axis + (i,)) for i in range(len(xs))
    ),
}
_DERIVATIVES: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "negative": lambda x, y: -1,
    "reciprocal": lambda x, y: -f.square(y),
    "square": lambda x, y: 2 * x,
    "abs": lambda x, y: f.sign(x),
    "relu": lambda x, y: f.heaviside(x),
    "heaviside": lambda x, y: 0,
    "sign": lambda x, y: 0,
    "exp": lambda x, y: y,
    "expm1": lambda x, y: f.exp(x),
    "expm1mx": lambda x, y: f.expm1(x),
    "log": lambda x, y: 1 / x,
    "log1p": lambda x, y: 1 / (1 + x),
    "sqrt": lambda x, y: 1 / (2 * y),
    "sin": lambda x, y: f.cos(x),
    "cos": lambda x, y: -f.sin(x),
    "tan": lambda x, y: 1 + f.square(y),
    "atan": lambda x, y: 1 / (1 + f.square(x)),
    "erf": lambda x, y: 2 * f.exp(-f.square(x)) / f.sqrt(f.pi(x.context)),
    "sinh": lambda x, y: f.cosh(x),
    "cosh": lambda x, y: f.sinh(x),
    "tanh": lambda x, y: 1 - f.square(y),
    "logcosh": lambda x, y: f.tanh(x),
    "sigmoid": lambda x, y: y * (1 - y),
    "softplus": lambda x, y: f.sigmoid(x),
}


def _of_one(derivative: Callable[[Tensor, Tensor], Any]) -> Callable[..., tuple[Share, ...]]:
    return lambda g, y, x: (lambda: g * derivative(x, y),)


RULES |= {name: _of_one(derivative) for name, derivative in _DERIVATIVES.items()}


def spread(g: Tensor, x: Tensor, axis: tuple[int, ...]) -> Tensor:
    """What a reduction over some axes hands back: the same to all that it reduced."""
    kept = tuple(1 if i in axis else n for i, n in enumerate(x.shape))
    return f.broadcast_to(f.reshape(g, kept), x.shape)


def _left(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    if b.ndim == 1:
        return g * b if a.ndim == 1 else f.outer(g, b)
    return f.matmul(g, f.matrix_transpose(b))


def _right(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    if a.ndim == 1:
        return g * a if b.ndim == 1 else f.outer(a, g)
    return f.matmul(f.matrix_transpose(a), g)


def _scattered(g: Tensor, shape: Shape, index: tuple[Any, ...]) -> Tensor:
    """g at an index of a tensor of zeros."""
    return Tensor(g.context, shape, g.context.arrays.apply("scatter", g.value, index=index, shape=shape))


def _gathered(g: Tensor, shape: Shape) -> Tensor:
    """The sum over the axes along which a tensor of that shape was repeated."""
    padded = (1,) * (g.ndim - len(shape)) + shape
    repeated = tuple(i for i, n in enumerate(padded) if n != g.shape[i])
    summed = f.sum(g, axis=repeated) if repeated else g
    return f.reshape(summed, shape) if prod(shape) == summed.size else summed
