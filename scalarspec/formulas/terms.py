"""A spec as a graph of operations on whole tensors, whatever their sizes.

`Terms` is an interpreter whose tensors are terms. Equal terms are one; numbers are folded; what has no effect (times 1,
plus 0, a scalar repeated to meet a tensor) is dropped; nothing is expanded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, reduce
from typing import Any

from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operations import result_shape
from scalarspec.core.shape import Scalar, Shape
from scalarspec.core.sizes import LARGE, watching
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotSupported
from scalarspec.formulas.operations import is_read
from scalarspec.formulas.term import Term
from scalarspec.formulas.term_builder import TermBuilder
from scalarspec.numbers.exact import boxed
from scalarspec.tracing.interpreter import InterpreterArrays, InterpreterContext, Traced
from scalarspec.tracing.scalar_graph import Node, ordered
from scalarspec.tracing.scalar_graph import below as nodes_below


@dataclass(frozen=True, eq=False)
class Terms(InterpreterContext):
    """A tensor stands for a term. Constants are worked out in `inner`, exactly."""

    inner: Any = field(default_factory=lambda: named_context("symbolic"))

    @cached_property
    def arrays(self) -> TermArrays:
        """Arrays of terms."""
        return TermArrays(self)

    def variable(self, name: str, shape: Shape) -> Tensor:
        """The symbol of that name and shape."""
        return Tensor(self, shape, Traced(shape, self.arrays.build.term("symbol", (), shape, {"name": name})))

    def term(self, traced: Traced) -> Term:
        """The term behind a value."""
        return self.arrays.term_of(traced)

    def __repr__(self) -> str:
        return "terms"


class TermArrays(InterpreterArrays):
    """Arrays that build terms."""

    context: Terms
    whole = True

    def __init__(self, context: Terms) -> None:
        super().__init__(context)
        self.build = TermBuilder(self._worked_out)

    def _worked_out(self, operation: str, values: tuple[Fraction, ...]) -> Fraction | bool:
        """The exact result of an operation on numbers, done by the arrays inside."""
        operands = (self.inner.pack(boxed(self.context.literal(value))) for value in values)
        found = self.inner.unpack(self.inner.apply(operation, *operands))[()]
        return found if isinstance(found, bool) else self.context.exact_value(found)

    def reads(self, operation: str) -> bool:
        """Operations that are no terms are."""
        return is_read(operation)

    def function(self, operation: str) -> Callable[..., Traced]:
        """Only scalars are worked out: what a constant tensor holds may depend on its size, and it may be large."""
        if self.reads(operation):
            return super().function(operation)
        scalars, terms = super().function(operation), self._terms(operation)
        return lambda *operands, **parameters: (terms if parameters or any(x.shape for x in operands) else scalars)(
            *operands, **parameters
        )

    def _terms(self, operation: str) -> Callable[..., Traced]:
        def apply(*operands: Traced, **parameters: Any) -> Traced:
            return self.traced(
                operation, result_shape(operation, [x.shape for x in operands], parameters), operands, parameters
            )

        return apply

    def traced(self, operation: str, shape: Shape, operands: tuple[Traced, ...], parameters: dict[str, Any]) -> Traced:
        """The term of an operation."""
        return Traced(shape, self.build.built(operation, shape, tuple(map(self.term_of, operands)), parameters))

    def term_of(self, x: Traced) -> Term:
        """The term of a value; of a constant, one of its elements where these are all the same."""
        if not x.constant:
            term: Term = x.value
            return term
        scalars = self.inner.unpack(x.value).ravel().tolist()
        one = len(set(scalars)) == 1
        items = [self._scalar(s) for s in (scalars[:1] if one else scalars)]
        if one and (not x.shape or items[0].operation != "truth"):
            return self.build.repeated(items[0], x.shape)
        if watching() is not None and len(scalars) >= LARGE[0]:
            raise NotSupported(f"constants of shape {x.shape}, whose numbers depend on the sizes")
        return self.build.term("constant", tuple(items) * (len(scalars) if one else 1), x.shape, {})

    def _scalar(self, x: Any) -> Term:
        """The term of a constant's element."""
        if isinstance(x, bool):
            return self.build.truth(x)
        done: dict[Node, Term] = {}
        for each in ordered([x]):
            done[each] = self._of_node(each, tuple(done[arg] for arg in nodes_below(each)))
        return done[x]

    def _of_node(self, x: Node, operands: tuple[Term, ...]) -> Term:
        if x.operation == "number":
            return self.build.number(Fraction(*x.args))
        if x.operation == "leaf":
            return self.build.term("leaf", (), Scalar, {"expression": x.args[0]})
        if x.operation == "sum":
            return reduce(lambda a, b: self.build.made("add", Scalar, a, b), operands)
        if x.operation == "logsumexp":
            return self.build.built(
                "logsumexp",
                Scalar,
                (self.build.term("constant", operands, Shape((len(operands),)), {}),),
                {"axis": (0,)},
            )
        return self.build.made(x.operation, Scalar, *operands)

    def outcomes(self, truths: Traced) -> set[bool | None]:
        """Of a constant; any, of others."""
        return super().outcomes(truths) if truths.constant else {None}
