"""A graph in a form that loses no digits in floats, and does not overflow on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scalarspec.tracing.scalar_graph import ONE, ZERO, Node, below, node, ordered, value_of


def stable(roots: Iterable[Node]) -> dict[Node, Node]:
    """By each node the same in a form that loses no digits: 1 - σ(x) is σ(-x), 1 - tanh² x is 1 / cosh² x, and a share
    of exponentials is one of those of numbers from which the largest is subtracted.
    """
    done: dict[Node, Node] = {}
    shares = _Shares()
    for x in ordered(roots):
        args = tuple([done[arg] for arg in below(x)])
        same = x if args == below(x) else node(x.operation, *args)
        done[x] = _without_cancellation(same, args) or shares.shifted(same) or same
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


class _Shares:
    """Shares eˣ / Σ eʸ, shifted. known: by the sum, the largest y, and the sum of shifted exponentials."""

    def __init__(self) -> None:
        self.known: dict[Node, tuple[Node, Node]] = {}

    def shifted(self, x: Node) -> Node | None:
        """A share of which no exponential is above 1; None for what is no share."""
        if x.operation != "divide" or x.args[0].operation != "exp" or not _is_sum_of_exponentials(x.args[1]):
            return None
        largest, whole = self._of(x.args[1])
        return node("divide", _less(x.args[0], largest), whole)

    def _of(self, whole: Node) -> tuple[Node, Node]:
        if whole not in self.known:
            largest = _largest([term.args[0] if term.operation == "exp" else ZERO for term in whole.args])
            self.known[whole] = largest, node("sum", *(_less(term, largest) for term in whole.args))
        return self.known[whole]


def _is_sum_of_exponentials(x: Node) -> bool:
    """Are all terms exponentials, or positive numbers?"""
    return x.operation == "sum" and all(term.operation == "exp" or (value_of(term) or 0) > 0 for term in x.args)


def _less(term: Node, shift: Node) -> Node:
    """An exponential, or a number, times e to the minus shift."""
    if term.operation == "exp":
        return node("exp", node("sum", term.args[0], node("negative", shift)))
    return node("multiply", term, node("exp", node("negative", shift)))


def _largest(terms: Sequence[Node]) -> Node:
    """By halves: what nests deeply is hard on compilers."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return node("maximum", _largest(terms[:middle]), _largest(terms[middle:]))
