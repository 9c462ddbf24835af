"""`prepare`: a spec turned into straight calls, for one set of shapes and many evaluations.

The spec is read once. What remains is a Python function that calls the operations of the context's arrays one after
the other, without shapes, literals or tensors in between: the same operations in the same order, the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from scalarspec.core.arguments import bind, call
from scalarspec.core.context import Context
from scalarspec.core.lifting import lift
from scalarspec.core.registry import resolve
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.tracing.interpreter import InterpreterArrays, InterpreterContext, Traced


@dataclass(frozen=True, eq=False)
class Prepared:
    """A spec with all but some of its arguments filled in. Call it with these, as data or as tensors of the context."""

    context: Context[Any]
    inputs: dict[str, Shape]
    shape: Shape
    run: Callable[..., Any] = field(repr=False)

    def __call__(self, *args: Any) -> Tensor:
        """The spec's value. Raises ShapeError where a shape is not the one that was prepared for."""
        if len(args) != len(self.inputs):
            raise ArgumentError(f"expected {len(self.inputs)} arguments ({', '.join(self.inputs)}), got {len(args)}")
        values = []
        for argument, (name, shape) in zip(args, self.inputs.items(), strict=True):
            t = argument if type(argument) is Tensor else self.context.tensor(argument)
            if t.shape != shape:
                raise ShapeError(f"{name}: prepared for shape {shape}, got {t.shape}")
            if t.context is not self.context and t.context != self.context:
                raise ArgumentError(f"{name}: prepared for {self.context}, got a tensor of {t.context}")
            values.append(t.value)
        return Tensor(self.context, self.shape, self.context.arrays.run(self.run, *values))


def prepare(
    spec: Callable[..., Tensor], *args: Any, inputs: str | Sequence[str], backend: str | Context[Any] = "float64"
) -> Prepared:
    """The spec at its arguments, ready for many evaluations that differ in the arguments named in `inputs`.

    args: the arguments of the spec, those in `inputs` as examples of the shape; everything else is lifted to the
    context and kept. The spec must not look at single numbers of the inputs (NotSupported).
    Raises UnknownName for a name that the spec does not have.

        loss = ss.prepare(vae.loss, model, 1, x, eps, inputs=("x", "eps"))
        loss(another_x, another_eps)
    """
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs)
    inner = resolve(backend)
    arguments = {name: lift(value, inner) for name, value in bind(spec, args, known=names).items()}
    context = RecordingContext(inner)
    shapes = {}
    for position, name in enumerate(names):
        shape = shapes[name] = inner.tensor(arguments[name]).shape
        arguments[name] = Tensor(context, shape, Traced(shape, f"x{position}"))
    result = call(spec, list(arguments.values()), context)
    return Prepared(inner, shapes, result.shape, context.arrays.compiled(len(names), result.value))


@dataclass(frozen=True, eq=False)
class RecordingContext(InterpreterContext):
    """A tensor stands for a variable of the function that is being written."""

    @cached_property
    def arrays(self) -> RecordingArrays:
        """Arrays that write each operation down."""
        return RecordingArrays(self)

    def __repr__(self) -> str:
        return f"a recording in {self.inner}"


class RecordingArrays(InterpreterArrays):
    """A value is the name of a variable; an operation is a line."""

    def __init__(self, context: RecordingContext) -> None:
        super().__init__(context)
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """The line that does it."""
        function = self.inner.function(operation)
        named = self._named("f", partial(function, **parameters) if parameters else function)
        result = f"v{len(self.lines)}"
        self.lines.append(f"{result} = {named}({', '.join(self._variable(x) for x in operands)})")
        return Traced(shape, result)

    def compiled(self, inputs: int, result: Traced) -> Callable[..., Any]:
        """The function of the inner values of the inputs."""
        head = f"def run({', '.join(f'x{i}' for i in range(inputs))}):"
        source = "\n    ".join([head, *self.lines, f"return {self._variable(result)}"])
        exec(source, self.names)  # our own text: names that we made, and nothing else
        return self.names.pop("run")  # type: ignore[no-any-return]

    def _variable(self, x: Traced) -> str:
        return self._named("c", x.value) if x.constant else x.value

    def _named(self, kind: str, thing: Any) -> str:
        name = f"{kind}{len(self.names)}"
        self.names[name] = thing
        return name
