"""Expressions as a graph in which equal ones are one node: linear to build, and whatever occurs twice is kept once."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from fractions import Fraction
from typing import Any, TypeVar
from weakref import ref

from scalarspec.core.operations import SCALAR_KINDS, having

N_ARY = {"sum", "logsumexp"}
"""The operations on any number of nodes."""
OPERATIONS = having(kind=SCALAR_KINDS, symbolic="node") | N_ARY
"""The operations that a node can be."""
LINEAR_IN_FIRST = having(kind="elementwise", graph=("bilinear", "quotient")) | having(
    kind="elementwise", graph="linear", operands=1
)
"""Elementwise, and linear in the first operand."""


class Node:
    """An operation on nodes; or "number", with a numerator and a denominator; or "leaf", with what it stands for.

    Made by `node` alone, which gives the same node for the same arguments. A leaf tells its variables by an attribute
    `free_symbols`, as SymPy's expressions do. A node has neither shape nor parameters, as there are millions of them;
    the terms of whole tensors, in `formulas`, have both.
    """

    __slots__ = ("__weakref__", "args", "cache", "depth", "free", "operation")

    def __init__(self, operation: str, args: tuple[Any, ...]) -> None:
        self.operation = operation
        self.args = args
        self.cache: Any = None
        """What the backend knows of it."""
        self.free = operation == "leaf" and bool(args[0].free_symbols)
        """Does it hold variables?"""
        self.depth = 0
        """How deeply it nests."""
        if operation not in ATOMS:
            deepest = 0
            for arg in args:
                if arg.free:
                    self.free = True
                if arg.depth > deepest:
                    deepest = arg.depth
            self.depth = 1 + deepest

    def __reduce__(self) -> Any:
        return _unflattened, (list(flattened([self], below, lambda x: (x.operation, () if below(x) else x.args))),)

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, _: Any) -> Node:
        return self


Each = TypeVar("Each")
ATOMS = ("number", "leaf")
_NODES: dict[tuple[Any, ...], _Kept] = {}


class _Kept(ref[Node]):
    """A node, as long as somebody has it, and the key that it has in `_NODES`."""

    __slots__ = ("key",)
    key: tuple[Any, ...]


def _forget(kept: _Kept) -> None:
    if _NODES.get(kept.key) is kept:
        del _NODES[kept.key]


def node(operation: str, *args: Any) -> Node:
    """The one node of an operation on these arguments."""
    key = (operation, *args)
    kept = _NODES.get(key)
    found = None if kept is None else kept()
    if found is not None:
        return found
    made = Node(operation, args)
    own = _Kept(made, _forget)
    own.key = key
    while (other := _NODES.setdefault(key, own)) is not own:  # another thread has entered one first
        if (found := other()) is not None:
            return found
        _forget(other)
    return made


def number(value: Fraction) -> Node:
    """The node of a rational number."""
    return node("number", value.numerator, value.denominator)


ZERO, ONE = number(Fraction(0)), number(Fraction(1))


def value_of(x: Node) -> Fraction | None:
    """The rational number that a node is, as far as it is seen."""
    return Fraction(*x.args) if x.operation == "number" else None


def below(x: Node) -> tuple[Node, ...]:
    """The nodes that an operation is done on."""
    return () if x.operation in ATOMS else x.args


def ordered(roots: Iterable[Node], given: Container[Node] = ()) -> Iterator[Node]:
    """The roots and all below them, each once, after what it is done on; nothing below the given ones but roots."""
    return topological(roots, below, given)


def topological(
    roots: Iterable[Each], operands: Callable[[Each], Iterable[Each]], given: Container[Each] = ()
) -> Iterator[Each]:
    """The roots and all that they are made of, by `operands`, each once, after its operands; as `ordered`."""
    done: set[Each] = set()
    stack = list(roots)[::-1]
    opened = set(stack)
    while stack:
        top = stack[-1]
        shut = top in given and top not in opened
        waiting = [] if shut else [arg for arg in operands(top) if arg not in done]
        if waiting:
            stack += reversed(waiting)
            continue
        stack.pop()
        if top not in done:
            done.add(top)
            yield top


def too_deep(
    roots: Iterable[Each],
    operands: Callable[[Each], Iterable[Each]],
    named: Container[Each],
    levels: Callable[[Each, Each], int],
    most: int,
) -> Iterator[Each]:
    """What is to have a name, beside what has one, so that nothing nests by more levels than `most` when written; each
    after its operands.

    levels: how many levels an operation adds to one of its operands.
    """
    depths: dict[Each, int] = {}
    for x in topological(roots, operands):
        depth = max((depths[arg] + levels(x, arg) for arg in operands(x)), default=0)
        if depth > most and x not in named:
            yield x
        depths[x] = 0 if x in named or depth > most else depth


def flattened(
    roots: Iterable[Each], operands: Callable[[Each], Iterable[Each]], told: Callable[[Each], Any]
) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """The roots and all that they are made of, each as what is told of it and the places of its operands: a list, which
    can be pickled however deep the graph is.
    """
    places: dict[Each, int] = {}
    for each in topological(roots, operands):
        yield told(each), tuple(places[x] for x in operands(each))
        places[each] = len(places)


def _unflattened(flat: Iterable[tuple[Any, tuple[int, ...]]]) -> Node:
    """The last of the nodes that were flattened."""
    made: list[Node] = []
    for (operation, atoms), places in flat:
        made.append(node(operation, *(atoms or [made[i] for i in places])))
    return made[-1]


def cost(x: Node) -> int:
    """How many operations one node is: n - 1 for a sum of n, 0 for what is given."""
    if x.operation == "logsumexp":
        return 2 * len(x.args)
    return 0 if x.operation in ATOMS else len(x.args) - 1 if x.operation == "sum" else min(len(x.args), 1)


def operations(roots: Iterable[Node]) -> int:
    """How many operations it takes to work out these nodes, shared ones counted once."""
    return sum(map(cost, ordered(roots)))


def written(roots: Iterable[Node], given: Container[Node] = ()) -> int:
    """How many operations these nodes have when written out, shared ones each time; the given ones have none."""
    roots = list(roots)
    sizes: dict[Node, int] = {}
    for x in ordered(roots, given):
        sizes[x] = cost(x) + sum(0 if arg in given else sizes[arg] for arg in below(x))
    return sum(sizes[x] for x in roots)
