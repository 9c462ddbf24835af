"""`trace`: what a spec does to some inputs, as equations, for whoever reads, transposes, rewrites or compiles them.

    Trace          equations (operation, operands, parameters, result), in the order in which they are done; the inputs,
                   and the value that the spec ends with
    `gradient`     reads them backwards; `kinks`, `generalized` and `first_order` say what is done at kinks
    `prepared`     makes straight calls of them; `bounding.plan` rewrites them into operations that lines are known for
    `formulas`     reads them as expressions; `rounding_errors`, what each adds to an error

A trace on a `Tape` knows the values that it was made with; one on an `Outline` knows shapes and constants alone, and
holds for all inputs of these shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from scalarspec.core.arguments import call
from scalarspec.core.context import Context
from scalarspec.core.lifting import replaced
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Tensor
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation, Staged, Tape


@dataclass(frozen=True, eq=False)
class Trace:
    """What a spec did on a tape: equations from inputs to a result.

    inputs, result: values on the tape, as are the operands and results of the equations. An input that the result does
    not depend on is an input still; a result that depends on none is a constant.
    """

    tape: Tape
    inputs: Sequence[Traced]
    result: Traced

    @property
    def inner(self) -> Context[Any]:
        """The context inside the tape, whose values these are."""
        return self.tape.inner

    @property
    def equations(self) -> list[Equation]:
        """What was done, in order: operands come before results."""
        return self.tape.arrays.equations

    @property
    def stages(self) -> dict[str, Staged]:
        """The values that the spec gave names to, in order."""
        return self.tape.arrays.stages

    @property
    def holes(self) -> set[Traced]:
        """The results of `where` for which a branch was not asked, since no element takes it."""
        return self.tape.arrays.holes

    @property
    def looked(self) -> list[Traced]:
        """Values whose numbers the spec looked at one by one: what follows from them is not seen here."""
        return self.tape.arrays.looked

    @cached_property
    def made(self) -> dict[Traced, Equation]:
        """The equation that each value is the result of, for all but inputs and constants."""
        return {eqn.result: eqn for eqn in self.equations}

    @cached_property
    def place(self) -> dict[Traced, int]:
        """The place of the equation that makes each value, among all equations."""
        return {eqn.result: i for i, eqn in enumerate(self.equations)}

    def stage_of(self, value: Traced) -> str | None:
        """The name that the spec gave to a value, or None."""
        return next((name for name, stage in self.stages.items() if stage.handed is value), None)

    def read(self, x: Traced, kind: type[Nested]) -> Any:
        """What a value stands for, as a tensor (or truth) of the inner context."""
        return kind(self.inner, x.shape, x.value)

    def tensor(self, x: Traced) -> Tensor:
        """What a value stands for, as a tensor of the inner context."""
        return Tensor(self.inner, x.shape, x.value)


def trace(
    tape: Tape,
    spec: Callable[..., Tensor],
    arguments: Iterable[Any],
    variables: Iterable[Tensor] | Mapping[int, Tensor],
) -> Trace:
    """The trace of a spec at arguments, tensors of the tape's inner context among them, of which some are inputs.

    variables: the tensors, those in models included, that are inputs, by identity; or, in a mapping, other tensors by
    the identity of those in whose place they stand. All else is constant. Raises as the spec does.

        x = ss.context("float64").tensor([1, 2])
        done = trace(Tape(x.context), ss.tanh, [x], [x])
        done.equations[0].operation    # "tanh"
    """
    standing = variables if isinstance(variables, Mapping) else {id(t): t for t in variables}
    on_tape = {key: tape.variable(t) for key, t in standing.items()}
    given = [replaced(argument, on_tape) for argument in arguments] if on_tape else list(arguments)
    result = call(spec, given, tape)
    return Trace(tape, [t.value for t in on_tape.values()], result.value)
