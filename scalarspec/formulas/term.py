"""Terms: operations on whole tensors as the nodes of a graph, in which equal terms are one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from scalarspec.core.shape import Shape
from scalarspec.tracing.scalar_graph import flattened, topological


@dataclass(frozen=True, eq=False)
class Term:
    """An operation on terms; or a "symbol" (name), a "number" or a "truth" (value), or a "leaf" (expression).

    A "constant" is an array whose elements are its operands, which are scalars. A term differs from a `Node` of the
    scalar graph in what it needs: a shape and parameters, and a life no longer than that of one matrix form.
    """

    operation: str
    operands: tuple[Term, ...]
    parameters: dict[str, Any]
    shape: Shape

    def __repr__(self) -> str:
        return f"<{self.operation} {self.shape}>"

    @property
    def number(self) -> Fraction | None:
        """The number that each element is, if the term is one."""
        return self.parameters["value"] if self.operation == "number" else None


def below(roots: Iterable[Term]) -> Iterator[Term]:
    """The roots and all terms under them, each once, after its operands."""
    return topological(roots, lambda term: term.operands)


def flat_terms(roots: Iterable[Term]) -> list[Any]:
    """The roots and all terms under them as plain data, however deep they are; see `unflattened`."""
    return list(flattened(roots, lambda term: term.operands, lambda x: (x.operation, x.parameters, x.shape)))


def unflattened(flat: Iterable[Any]) -> list[Term]:
    """The terms that `flat_terms` has flattened, in the order of `below`."""
    made: list[Term] = []
    for (operation, parameters, shape), places in flat:
        made.append(Term(operation, tuple(made[i] for i in places), parameters, shape))
    return made


def masked(x: Term) -> bool:
    """Is it 0 where a condition holds, or where it does not?"""
    return x.operation == "where" and any(branch.number == 0 for branch in x.operands[1:])
