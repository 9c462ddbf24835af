"""Adjoints, made from the nodes of a spec, in which 0 is handed on as 0, whatever it is multiplied with.

A product with what a condition makes 0 goes into that condition: there its other factors need have no value. The same
as `term_adjoints`, for the n-ary sums of scalars.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any

from scalarspec.errors import TooLarge
from scalarspec.tracing.scalar_graph import LINEAR_IN_FIRST, ZERO, Node, below, ordered

DEEPEST = 300
"""A product goes into so many conditions and sums within one another; more are refused, as TooLarge."""


def handed_on(context: Any, roots: Sequence[Node], forwards: Container[Node]) -> list[Node]:
    """The roots, rewritten.

    context: the symbolic one, which makes nodes; forwards: the nodes of the spec, which stay as they are; all others
    are adjoints.
    """
    hands = _Hands(context, forwards)
    done: dict[Any, Any] = {}
    for x in ordered(roots):
        args = [done[arg] for arg in below(x)]
        done[x] = x if x in forwards or not args else hands.on(x, args)
    return [done[x] for x in roots]


class _Hands:
    """What is made of nodes that share others, each made once."""

    def __init__(self, context: Any, forwards: Container[Node]) -> None:
        self.context, self.forwards = context, forwards
        self._sums: dict[tuple[Node, ...], Node] = {}

    def on(self, x: Node, args: list[Any]) -> Any:
        """A node on arguments that are rewritten."""
        if x.operation == "sum":
            return self.merged(args)
        if x.operation == "multiply" and _masked(args[1]) and (args[0] in self.forwards or not args[0].free):
            args = args[::-1]  # the adjoint is the factor that the sweep made
        if x.operation in LINEAR_IN_FIRST:
            return self.inside(args[0], lambda a: self.context.made(x.operation, [a, *args[1:]]), {})
        return x if tuple(args) == x.args else self.context.made(x.operation, args)

    def inside(self, x: Node, function: Callable[[Node], Node], done: dict[Node, Node], depth: int = 0) -> Node:
        """A linear function of x, inside the conditions that make x zero. done: what it is of nodes that were met."""
        if depth > DEEPEST:
            raise TooLarge("derive: gradients of conditions within conditions, over a hundred deep")
        if x not in done:
            if _masked(x):
                p, *branches = x.args
                inner = [c if c is ZERO else self.inside(c, function, done, depth + 1) for c in branches]
                done[x] = self.context.where(p, *inner)
            elif x.operation == "sum" and all(map(_masked, x.args)):
                done[x] = self.merged([self.inside(term, function, done, depth + 1) for term in x.args])
            else:
                done[x] = function(x)
        return done[x]

    def merged(self, terms: Sequence[Node]) -> Node:
        """A sum, in which terms that one condition makes zero are one term."""
        key = tuple(terms)
        if key not in self._sums:
            groups: dict[Any, list[Node]] = {}
            for i, term in enumerate(terms):
                groups.setdefault((term.args[0], term.args[1] is ZERO) if _masked(term) else i, []).append(term)
            self._sums[key] = self.context.sum([self._one(group) for group in groups.values()])
        return self._sums[key]

    def _one(self, group: Sequence[Node]) -> Node:
        """Terms that one condition makes zero, as one."""
        if len(group) == 1:
            return group[0]
        branches = (self.merged([term.args[i] for term in group]) for i in (1, 2))
        found: Node = self.context.where(group[0].args[0], *branches)
        return found


def _masked(x: Node) -> bool:
    """Is it 0 where a condition holds, or where it does not?"""
    return x.operation == "where" and ZERO in x.args[1:]
