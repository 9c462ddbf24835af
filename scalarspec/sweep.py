"""The sweep backwards over what a tape noted: Jᵀg for its inputs, with a derivative that is true where it must be.

Floats follow the conventions of PyTorch and JAX (`vjp_rules`). Enclosing contexts enclose Clarke's generalized
derivative (`generalized`); exact contexts find the true derivative, or raise NotDifferentiable (`first_order`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from scalarspec import functions as f
from scalarspec.context import Context
from scalarspec.errors import NotSupported
from scalarspec.interpreter import Traced
from scalarspec.tape import Note
from scalarspec.tensor import Nested, Tensor, Truth
from scalarspec.vjp_rules import RULES, Share, fitted

AtKinks = Literal["derivative", "convention"]
"""At a kink: the derivative of the function, where it has one, or the conventions of PyTorch and JAX."""
Read = Callable[[Traced, type[Nested]], Any]
"""What a traced value stands for, as a tensor (or truth) of the context that the adjoints are of."""
Rules = Callable[[Note, Tensor, Read], Sequence[Share]]
TRUTHS = {"where": 1, "logical_not": 1, "logical_and": 2, "logical_or": 2}
"""How many of the first operands of an operation are truths."""


def sweep(
    notes: Sequence[Note], adjoints: dict[Traced, Tensor], read: Read, rules: Rules | None = None
) -> Iterator[tuple[Note, Tensor]]:
    """The notes backwards, each with the adjoint of its result, which is then handed on into `adjoints`."""
    handed = rules or conventional
    for note in reversed(notes):
        adjoint = adjoints.get(note.result)
        if adjoint is None:
            continue
        yield note, adjoint
        for operand, share in zip(note.operands, handed(note, adjoint, read), strict=True):
            if share is not None and not operand.constant:
                more, known = fitted(share(), operand.shape), adjoints.get(operand)
                adjoints[operand] = more if known is None else known + more


def conventional(note: Note, g: Tensor, read: Read) -> Sequence[Share]:
    """By the table of rules."""
    if note.operation not in RULES:
        raise NotSupported(f"grad: {note.operation} has no derivative here")
    return RULES[note.operation](g, read(note.result, Tensor), *operands_of(note, read), **note.parameters)


def absorbing(note: Note, g: Tensor, read: Read) -> Sequence[Share]:
    """The same, where an adjoint that is 0 hands on 0, whatever it meets: no 0 times ∞. For floats."""

    def zeroed(share: Callable[[], Tensor]) -> Tensor:
        t = share()
        if t.shape != g.shape and g.shape:
            return t
        return f.where(f.equal(t, t), t, f.where(f.equal(g, 0), 0, t))

    return [share and (lambda share=share: zeroed(share)) for share in conventional(note, g, read)]  # type: ignore[misc]


def operands_of(note: Note, read: Read) -> list[Any]:
    """What the operands of a note stand for."""
    truths = TRUTHS.get(note.operation, 0)
    return [read(x, Truth if i < truths else Tensor) for i, x in enumerate(note.operands)]


def innermost(context: Context[Any]) -> Context[Any]:
    """The context that is no interpreter around another."""
    return context if context.wrapped is None else innermost(context.wrapped)
