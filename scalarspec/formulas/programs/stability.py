"""A graph in a form that loses no digits in floats."""

from __future__ import annotations

from collections.abc import Iterable

from scalarspec.tracing.scalar_graph import ONE, Node, below, node, ordered


def stable(roots: Iterable[Node]) -> dict[Node, Node]:
    """By each node the same in a form that loses no digits: 1 - σ(x) is σ(-x), 1 - tanh² x is 1 / cosh² x."""
    done: dict[Node, Node] = {}
    for x in ordered(roots):
        args = tuple([done[arg] for arg in below(x)])
        same = x if args == below(x) else node(x.operation, *args)
        done[x] = _without_cancellation(same, args) or same
    return done


def _without_cancellation(x: Node, args: tuple[Node, ...]) -> Node | None:
    """The difference of 1 and a function that comes near 1, as one function."""
    if x.operation != "sum" or len(args) != 2 or ONE not in args:
        return None
    other = args[args[0] is ONE]
    inner = other.args[0] if other.operation == "negative" else None
    if inner is None:
        return None
    if inner.operation == "sigmoid":
        return node("sigmoid", node("negative", *inner.args))
    squared = inner.operation == "square" and inner.args[0].operation == "tanh"
    return node("sech2", *inner.args[0].args) if squared else None
