"""`prepare`: a spec turned into straight calls, for one set of shapes and many evaluations.

The spec is read once. What remains is a Python function that calls the operations of the context's arrays one after the
other, without shapes, literals or tensors in between: the same operations in the same order, so the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scalarspec.core.arguments import bind
from scalarspec.core.context import Context
from scalarspec.core.foreign import spec_of
from scalarspec.core.lifting import lifted_arguments
from scalarspec.core.literals import Literals
from scalarspec.core.named_contexts import resolve
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Outline, Tape
from scalarspec.tracing.trace import trace


@dataclass(frozen=True, eq=False)
class Prepared:
    """A spec with all but some of its arguments filled in, made by `prepare`. Call it with these, as data or as
    tensors.

    context: of the results; inputs: the shapes of the arguments that are left, by name; shape: the result's.

    run: what the plan does, on arrays of the context.
    """

    context: Context[Any]
    inputs: dict[str, Shape]
    shape: Shape
    run: Callable[..., Any] = field(repr=False)

    def __call__(self, *args: Any) -> Tensor:
        """The spec's value, a tensor of `shape`.

        args: the arguments named in `inputs`, in that order. Raises ShapeError where a shape is not the one that was
        prepared for, ArgumentError for another number of arguments, or a tensor of another context.
        """
        if len(args) != len(self.inputs):
            raise ArgumentError(f"expected {len(self.inputs)} arguments ({', '.join(self.inputs)}), got {len(args)}")
        context, values = self.context, []
        for argument, (name, shape) in zip(args, self.inputs.items(), strict=True):
            t = argument if type(argument) is Tensor else context.tensor(argument)
            if t.shape != shape:
                raise ShapeError(f"{name}: prepared for shape {shape}, got {t.shape}")
            if t.context is not context and t.context != context:
                raise ArgumentError(f"{name}: prepared for {context}, got a tensor of {t.context}")
            values.append(t.value)
        return Tensor(context, self.shape, context.arrays.run(self.run, *values))


def prepare(
    spec: Callable[..., Tensor],
    *args: Any,
    inputs: str | Sequence[str],
    backend: str | Context[Any] = "float64",
    literals: Literals | None = None,
) -> Prepared:
    """The spec at its arguments, ready for many evaluations that differ in the arguments named in `inputs`.

    spec: a function on tensors.
    args: the arguments of the spec, those in `inputs` as examples of the shape; everything else is lifted to the
    context and kept. inputs: names of parameters. backend: a context, or the name of one.
    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns a function of the inputs, in the order of `inputs`, whose results are those of the spec, bit for bit. Under
    `interval64` its second call is recorded, and it keeps the arrays that later calls write into.
    Raises UnknownName for a name that the spec does not have, NotSupported where the spec looks at single numbers of
    the inputs (`if`, `item()`): `where` is its branch.

        def energy(x, scale):
            return ss.sum(ss.square(x)) * scale

        quick = ss.prepare(energy, [0.0, 0.0], 2.0, inputs="x")
        quick([3.0, 4.0]).item()    # 50.0
    """
    spec = spec_of(spec, literals)
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs)
    inner = resolve(backend)
    arguments = lifted_arguments(bind(spec, args, known=names), inner)
    shapes, given = {}, {}
    for name in names:
        given[name] = arguments[name] = inner.tensor(arguments[name])
        shapes[name] = given[name].shape
    traced = trace(Outline(inner), spec, arguments.values(), given.values())
    plan = inner.arrays.planned(straight_calls(traced.tape, traced.inputs, traced.result))
    return Prepared(inner, shapes, traced.result.shape, plan)


def straight_calls(tape: Tape, inputs: Sequence[Traced], results: Traced | Sequence[Traced]) -> Callable[..., Any]:
    """The function, of the inner values of some inputs on a tape, that does the tape's equations: one call a line, and
    nothing else. It gives the inner value of the result, or a tuple of those of several.

    It calls the functions that `Arrays.function` gives, which are looked up once.
    """
    arrays = tape.inner.arrays
    names: dict[str, Any] = {}
    known = {x: f"x{i}" for i, x in enumerate(inputs)}

    def named(kind: str, thing: Any) -> str:
        name = f"{kind}{len(names)}"
        names[name] = thing
        return name

    def operand(x: Traced) -> str:
        return named("c", x.value) if x.constant else known[x]

    lines = [f"def run({', '.join(known.values())}):"]
    for i, eqn in enumerate(tape.arrays.equations):
        if eqn.operation == "reshape" and eqn.operands[0].shape == eqn.result.shape:
            known[eqn.result] = operand(eqn.operands[0])
            continue
        called = named("f", arrays.step(eqn.operation, eqn.parameters))
        guards = () if arrays.context.rounds else eqn.guards
        branches = [f"{named('g', partial(arrays.guarded, outcome=taken))}({operand(p)})" for p, taken in guards]
        lines += [f"    with {', '.join(branches)}:"] if branches else []
        indent = "        " if branches else "    "
        lines.append(f"{indent}v{i} = {called}({', '.join(map(operand, eqn.operands))})")
        known[eqn.result] = f"v{i}"
    given = operand(results) if isinstance(results, Traced) else f"({''.join(f'{operand(x)}, ' for x in results)})"
    lines.append(f"    return {given}")
    exec("\n".join(lines), names)  # our own text: names that we made, and nothing else
    return names.pop("run")  # type: ignore[no-any-return]
