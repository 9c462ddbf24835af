"""A spec evaluated on a tape around symbols: its value, its stages, and the gradients of one reverse sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from scalarspec.core.arguments import bind, call
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.callers import for_derivatives
from scalarspec.core.lifting import lifted_arguments, replaced
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.tensor import Tensor
from scalarspec.formulas.node_adjoints import handed_on
from scalarspec.formulas.variables import nodes_of, refuse_equal_symbols, variables_in
from scalarspec.tracing.gradient import backward_pass
from scalarspec.tracing.kinks import Formula
from scalarspec.tracing.scalar_graph import ordered
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import Trace, trace


@dataclass(frozen=True, eq=False)
class Source:
    """A spec evaluated on a tape around symbols. inputs: the symbols, by name; trace: what it did."""

    spec: Callable[..., Tensor]
    arguments: dict[str, Any]
    inputs: dict[str, Tensor]
    trace: Trace
    formula: Formula = field(default_factory=Formula)

    @classmethod
    def of(cls, spec: Callable[..., Tensor], args: Sequence[Any], wrt: Sequence[str]) -> Source:
        """The spec at symbols for what is named in `wrt`."""
        context = named_context("symbolic")
        bound = bind(spec, args, known=[path.split(".")[0] for path in wrt])
        given, variables = variables_in(bound, wrt, context.symbols)
        refuse_equal_symbols(variables)
        arguments = lifted_arguments(given, context)
        with for_derivatives():  # which a formula has, too
            traced = trace(Tape(context, shared=True), spec, arguments.values(), variables.values())
        return cls(spec, arguments, variables, traced)

    @property
    def value(self) -> Tensor:
        """The spec's value."""
        return self.trace.tensor(self.trace.result)

    @property
    def steps(self) -> dict[str, Tensor]:
        """Its stages, in order."""
        return {name: self.trace.tensor(stage.found) for name, stage in self.trace.stages.items()}

    @cached_property
    def gradients(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Of the value, in each variable and in each stage, by one reverse sweep."""
        stages = {name: stage.handed for name, stage in self.trace.stages.items()}
        variables = dict(zip(self.inputs, self.trace.inputs, strict=True))
        inputs, one = [*variables.values(), *stages.values()], self.trace.inner.tensor(1)
        found = self._handed_on(backward_pass(self.trace, one, inputs=inputs, formula=self.formula))
        return dict(zip(variables, found, strict=False)), dict(zip(stages, found[len(variables) :], strict=True))

    def _handed_on(self, adjoints: list[Tensor]) -> list[Tensor]:
        """The adjoints, in which an exact zero stays one."""
        if not any(eqn.operation == "where" for eqn in self.trace.equations):
            return adjoints
        context: Any = self.trace.inner
        forwards = set(ordered([x for step in (*self.steps.values(), self.value) for x in nodes_of(step)]))
        nodes = iter(handed_on(context, [x for t in adjoints for x in nodes_of(t)], forwards))
        return [Tensor.from_scalars(context, lift_elements(lambda _: next(nodes), t.scalars())) for t in adjoints]

    def value_at(self, name: str, t: Tensor) -> Tensor:
        """The spec with another tensor for one variable."""
        instead = {id(self.inputs[name]): t}
        return call(self.spec, [replaced(argument, instead) for argument in self.arguments.values()], t.context)
