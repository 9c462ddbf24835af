"""The sweep backwards over what a tape noted: Jᵀg for its inputs, with a derivative that is true where it must be.

Floats follow the conventions of PyTorch and JAX (`vjp_rules`). Enclosing contexts enclose Clarke's generalized
derivative (`generalized`); exact contexts find the true derivative, or raise NotDifferentiable (`first_order`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.operations import find
from scalarspec.core.tensor import Nested, Tensor, Truth
from scalarspec.errors import NotSupported
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation
from scalarspec.tracing.vjp_rules import RULES, Cotangent, unbroadcast

AtKinks = Literal["derivative", "convention"]
"""At a kink: the derivative of the function, where it has one, or the conventions of PyTorch and JAX."""
Read = Callable[[Traced, type[Nested]], Any]
"""What a traced value stands for, as a tensor (or truth) of the context that the adjoints are of."""
Rules = Callable[[Equation, Tensor, Read], Sequence[Cotangent]]


def sweep(
    equations: Sequence[Equation], adjoints: dict[Traced, Tensor], read: Read, rules: Rules | None = None
) -> Iterator[tuple[Equation, Tensor]]:
    """The equations backwards, each with the adjoint of its result, which is then handed on into `adjoints`."""
    handed = rules or conventional
    for eqn in reversed(equations):
        adjoint = adjoints.get(eqn.result)
        if adjoint is None:
            continue
        yield eqn, adjoint
        for operand, cotangent in zip(eqn.operands, handed(eqn, adjoint, read), strict=True):
            if cotangent is not None and not operand.constant:
                more, known = unbroadcast(cotangent(), operand.shape), adjoints.get(operand)
                adjoints[operand] = more if known is None else known + more


def conventional(eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
    """By the table of rules."""
    if eqn.operation not in RULES:
        raise NotSupported(f"grad: {eqn.operation}: no rule is stated for its derivative")
    return RULES[eqn.operation](g, read(eqn.result, Tensor), *operands_of(eqn, read), **eqn.parameters)


def absorbing(eqn: Equation, g: Tensor, read: Read) -> Sequence[Cotangent]:
    """The same, where an adjoint that is 0 hands on 0, whatever it meets: no 0 times ∞. For floats."""

    def zeroed(cotangent: Callable[[], Tensor]) -> Tensor:
        t = cotangent()
        if t.shape != g.shape and g.shape:
            return t
        return f.where(f.equal(t, t), t, f.where(f.equal(g, 0), 0, t))

    return [cotangent and partial(zeroed, cotangent) for cotangent in conventional(eqn, g, read)]


def operands_of(eqn: Equation, read: Read) -> list[Any]:
    """What the operands of an equation stand for."""
    truths = find(eqn.operation, "grad").truths
    return [read(x, Truth if i < truths else Tensor) for i, x in enumerate(eqn.operands)]


def innermost(context: Context[Any]) -> Context[Any]:
    """The context that is no interpreter around another."""
    return context if context.wrapped is None else innermost(context.wrapped)
