"""Adjoints, made from the nodes of a spec, in which 0 is handed on as 0, whatever it is multiplied with.

A product with what a condition makes 0 goes into that condition: there its other factors need have no value. The same
as `term_adjoints`, for the n-ary sums of scalars.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any

from scalarspec.tracing.scalar_graph import LINEAR_IN_FIRST, ZERO, Node, below, ordered


def handed_on(context: Any, roots: Sequence[Node], forwards: Container[Node]) -> list[Node]:
    """The roots, rewritten.

    context: the symbolic one, which makes nodes; forwards: the nodes of the spec, which stay as they are; all others
    are adjoints.
    """
    done: dict[Any, Any] = {}
    for x in ordered(roots):
        args = [done[arg] for arg in below(x)]
        done[x] = x if x in forwards or not args else _handed(context, x, args, forwards)
    return [done[x] for x in roots]


def _handed(context: Any, x: Node, args: list[Any], forwards: Container[Node]) -> Any:
    """A node on arguments that are rewritten."""
    if x.operation == "sum":
        return _merged(context, args)
    if x.operation == "multiply" and _masked(args[1]) and (args[0] in forwards or not args[0].free):
        args = args[::-1]  # the adjoint is the factor that the sweep made
    if x.operation in LINEAR_IN_FIRST:
        return _inside(context, args[0], lambda a: context.made(x.operation, [a, *args[1:]]))
    return x if tuple(args) == x.args else context.made(x.operation, args)


def _inside(context: Any, x: Node, function: Callable[[Node], Node]) -> Node:
    """A linear function of x, inside the conditions that make x zero."""
    if _masked(x):
        p, *branches = x.args
        found: Node = context.where(p, *(c if c is ZERO else _inside(context, c, function) for c in branches))
        return found
    if x.operation == "sum" and all(map(_masked, x.args)):
        return _merged(context, [_inside(context, term, function) for term in x.args])
    return function(x)


def _merged(context: Any, terms: Sequence[Node]) -> Node:
    """A sum, in which terms that one condition makes zero are one term."""
    groups: dict[Any, list[Node]] = {}
    for i, term in enumerate(terms):
        groups.setdefault((term.args[0], term.args[1] is ZERO) if _masked(term) else i, []).append(term)
    found: Node = context.sum([_one(context, group) for group in groups.values()])
    return found


def _one(context: Any, group: Sequence[Node]) -> Node:
    """Terms that one condition makes zero, as one."""
    if len(group) == 1:
        return group[0]
    branches = (_merged(context, [term.args[i] for term in group]) for i in (1, 2))
    found: Node = context.where(group[0].args[0], *branches)
    return found


def _masked(x: Node) -> bool:
    """Is it 0 where a condition holds, or where it does not?"""
    return x.operation == "where" and ZERO in x.args[1:]
