"""What backends and operations of others may rely on: the names here stay as they are from one version to the next.

A backend is a subclass of `Context`, registered in the entry-point group `scalarspec.backends`; `laws.verify` checks
it. An operation is a line of the table, its definition, and what the interpreters cannot know by themselves:

    from scalarspec import extend

    rsqrt = extend.add_operation(
        extend.Operation("rsqrt", "elementwise", 1, graph="free", floats="composed", kinks="nowhere"),
        lambda context, x: context.reciprocal(context.sqrt(x)),
        vjp=lambda g, y, x: (lambda: -g * y / (2 * x),),
    )
    rsqrt(ss.context("interval").tensor(2))
    extend.remove_operation("rsqrt")

What is left out is refused by name where it is needed, and what is stated wrongly `conformance.verify` finds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scalarspec.core.applied import applied
from scalarspec.core.arrays import Arrays, NumPyArrays, lift
from scalarspec.core.context import DERIVED, Context
from scalarspec.core.domains import pole
from scalarspec.core.lifted_arrays import LiftedArrays
from scalarspec.core.named_contexts import context, resolve
from scalarspec.core.operation import Operation
from scalarspec.core.operations import ADDED, CACHES, OPERATIONS
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.core.truth import Kleene, Maybe
from scalarspec.errors import ArgumentError
from scalarspec.tracing.batched import BATCHING
from scalarspec.tracing.vjp_rules import RULES

__all__ = [
    "Arrays", "Context", "Kleene", "LiftedArrays", "Maybe", "NumPyArrays", "Operation", "Shape", "Tensor", "Truth",
    "add_operation", "added", "context", "lift", "pole", "remove_operation", "resolve",
]  # fmt: skip


def add_operation(
    line: Operation,
    definition: Callable[..., Any],
    *,
    vjp: Callable[..., Any] | None = None,
    batching: Callable[..., Any] | None = None,
) -> Callable[..., Tensor]:
    """Adds an operation, and returns the function for specs that does it, whose keywords are the operation's
    parameters.

    line: its line of the table; what that leaves out is refused by name.
    definition: for what is done on each element, a function of a context and its scalars, in the context's operations,
    each an identity of the reals; for other kinds, a function of the arrays and their values: where the line says
    `defined`, of any `Arrays`, which applies operations; else of `NumPyArrays`, which may move elements by
    `arrays.restructured`.
    vjp: the rule of its derivative, (cotangent, result, *operands, **parameters) -> one function for each operand,
    which gives that operand's cotangent.
    batching: (batch, operation, shape, operands, **parameters) -> the value with a leading axis, as
    `scalarspec.tracing.batched` has it; what is done on each element needs none.
    Raises ArgumentError for a name that is taken, and for parameters of what is done on each element. The module's
    text has an example; `added` is for a while.
    """
    if line.scalar and line.parameters:
        raise ArgumentError(f"add_operation: {line.name}: what is done on each element takes operands, no parameters")
    home = _home(line)
    if line.name in OPERATIONS or hasattr(home, line.name):
        raise ArgumentError(f"add_operation: expected a new name, got {line.name!r}")
    OPERATIONS[line.name] = line
    ADDED.add(line.name)
    setattr(home, line.name, definition)
    rules = [(DERIVED, definition if line.scalar else None), (RULES, vjp), (BATCHING, batching)]
    for table, rule in rules:
        if rule is not None:
            table[line.name] = rule

    return _function(line)


def _home(line: Operation) -> Any:
    """The class that has the definition as a method."""
    return Context if line.scalar else Arrays if line.defined else NumPyArrays


def _function(line: Operation) -> Callable[..., Tensor]:
    """The function for specs. Its operands are x, y, z, or any number of them."""

    def function(*operands: Any, **parameters: Any) -> Tensor:
        return applied(line.name, *operands, **parameters)

    kinds = inspect.Parameter
    operands = [kinds(name, kinds.POSITIONAL_OR_KEYWORD) for name in "xyzuvw"[: line.operands or 0]]
    many = [kinds("operands", kinds.VAR_POSITIONAL)] if line.operands is None else []
    named = [kinds(name, kinds.KEYWORD_ONLY) for name in line.parameters]
    function.__signature__ = inspect.Signature([*operands, *many, *named])  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = line.name
    function.__doc__ = f"The operation {line.name}."
    return function


def remove_operation(name: str) -> None:
    """Takes away an operation that `add_operation` added. Raises ArgumentError for any other name."""
    if name not in ADDED:
        raise ArgumentError(f"remove_operation: expected the name of an operation that was added, got {name!r}")
    delattr(_home(OPERATIONS[name]), name)
    ADDED.remove(name)
    for table in (OPERATIONS, DERIVED, RULES, BATCHING):
        table.pop(name, None)
    for cached in CACHES:
        cached.cache_clear()


@contextmanager
def added(line: Operation, definition: Callable[..., Any], **rules: Any) -> Iterator[Callable[..., Tensor]]:
    """An operation that is there within a `with` block, as `add_operation` adds it.

    line, definition, rules: as for `add_operation`. It is taken away at the end, whatever happens.

        line = extend.Operation("thrice", "elementwise", 1, graph="linear", floats="rounded", kinks="nowhere")
        three = Fraction(3)
        with extend.added(line, lambda context, x: context.multiply(context.literal(three), x)) as thrice:
            thrice(ss.context("rational").tensor(2))    # 6
    """
    function = add_operation(line, definition, **rules)
    try:
        yield function
    finally:
        remove_operation(line.name)
