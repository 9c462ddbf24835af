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
from scalarspec.core.tensor import Nested, Tensor
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation, Staged, Tape


@dataclass(frozen=True, eq=False)
class Trace:
    """What a spec did on a tape. inputs, result: values there, as are the operands and results of the equations."""

    tape: Tape
    inputs: Sequence[Traced]
    result: Traced

    @property
    def inner(self) -> Context[Any]:
        """The context that the values are of."""
        return self.tape.inner

    @property
    def equations(self) -> list[Equation]:
        """What is done, in order."""
        return self.tape.arrays.equations

    @property
    def stages(self) -> dict[str, Staged]:
        """What the spec calls some values, in order."""
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
        """The equation that each value is the result of."""
        return {eqn.result: eqn for eqn in self.equations}

    @cached_property
    def place(self) -> dict[Traced, int]:
        """Where among the equations each value is made."""
        return {eqn.result: i for i, eqn in enumerate(self.equations)}

    def stage_of(self, value: Traced) -> str | None:
        """What the spec calls a value, if it does."""
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
    """The trace of a spec at arguments in the tape's inner context, of which some tensors are inputs.

    variables: the tensors, models' included, that are inputs, by identity; or other tensors, by the identity of those
    in whose place they stand. All else is constant.
    """
    standing = variables if isinstance(variables, Mapping) else {id(t): t for t in variables}
    on_tape = {key: tape.variable(t) for key, t in standing.items()}
    result = call(spec, [replaced(argument, on_tape) for argument in arguments], tape)
    return Trace(tape, [t.value for t in on_tape.values()], result.value)
