"""The backward pass over the equations of a trace: Jᵀg for its inputs, with a derivative that is true where it must be.

Each equation, from the last to the first, is asked by a rule for the cotangents of its operands, given that of its
result; those of a value that several equations use are added up. Floats follow the conventions of PyTorch and JAX
(`vjp_rules`), enclosing contexts enclose Clarke's generalized derivative (`generalized`), and exact contexts find the
true derivative, or raise NotDifferentiable (`first_order`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

from scalarspec.core import functions as f
from scalarspec.core.nested import Nested
from scalarspec.core.operations import find
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import NotSupported
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation
from scalarspec.tracing.vjp_rules import RULES, Cotangent, broadcast_back

AtKinks = Literal["derivative", "convention"]
"""What is given at a kink: the derivative of the function, where it has one, or the conventions of PyTorch and JAX."""
Read = Callable[[Traced, type[Nested]], Any]
"""What a traced value stands for, as a tensor (or truth) of the context that the cotangents are of."""
Rules = Callable[[Equation, Tensor, Read], Sequence[Cotangent]]
"""(equation, cotangent of its result, read) -> one `Cotangent` for each operand."""


def sweep(
    equations: Sequence[Equation], cotangents: dict[Traced, Tensor], read: Read, rules: Rules | None = None
) -> Iterator[tuple[Equation, Tensor]]:
    """The equations backwards, each with the cotangent of its result, whose operands' cotangents are then added to
    `cotangents`.

    cotangents: those of the values that are differentiated, by value; when all is read, those of everything before. It
    is a generator, so that a caller can look at an equation before it is passed.
    """
    handed = rules or conventional
    for eqn in reversed(equations):
        cotangent = cotangents.get(eqn.result)
        if cotangent is None:
            continue
        yield eqn, cotangent
        for operand, part in zip(eqn.operands, handed(eqn, cotangent, read), strict=True):
            if part is not None and not operand.constant:
                more, known = broadcast_back(part(), operand.shape), cotangents.get(operand)
                cotangents[operand] = more if known is None else known + more


def conventional(eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
    """The cotangents of the operands of an equation by the table of rules. Raises NotSupported where it has no rule."""
    if eqn.operation not in RULES:
        raise NotSupported(f"grad: {eqn.operation}: no rule is stated for its derivative")
    return RULES[eqn.operation](g, read(eqn.result, Tensor), *operands_of(eqn, read), **eqn.parameters)


def absorbing(eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
    """The same for floats, but that a cotangent of 0 hands on 0, whatever it meets: no 0 times ∞ that would be NaN."""

    def zeroed(cotangent: Callable[[], Tensor]) -> Tensor:
        t = cotangent()
        if t.shape != g.shape and g.shape:
            return t
        return f.where(f.equal(t, t), t, f.where(f.equal(g, 0), 0, t))

    return [cotangent and partial(zeroed, cotangent) for cotangent in conventional(eqn, g, read)]


def operands_of(eqn: Equation, read: Read) -> list[Any]:
    """What the operands of an equation stand for, as tensors and truths."""
    truths = find(eqn.operation, "grad").truths
    return [read(x, Truth if i < truths else Tensor) for i, x in enumerate(eqn.operands)]
