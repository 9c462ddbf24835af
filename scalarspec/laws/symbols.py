"""Laws of symbolic contexts: putting a number for a symbol commutes with evaluating."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from scalarspec.core.context import Context
from scalarspec.core.tensor import Tensor, elementwise
from scalarspec.errors import NotSupported
from scalarspec.laws.agreement import agree
from scalarspec.laws.exact_values import ELEMENTARY, RATIONAL, arity_of, known
from scalarspec.laws.law import Law
from scalarspec.numbers.exact import boxed


def is_symbolic(context: Context[Any]) -> bool:
    """Has the context variables?"""
    try:
        context.symbol("x")
    except NotSupported:
        return False
    return True


def substitutions() -> Iterator[Law]:
    """One law for each scalar operation that gives a number."""
    for name in [*RATIONAL, *ELEMENTARY]:
        yield Law("substitution", name, arity_of(name), _substitution_check(name))


def _substitution_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        exact = known(name, operands)
        names = [f"x_{i}" for i in range(len(operands))]
        general = elementwise(name, *(context.symbols(n) for n in names)).scalars()[()]
        special = context.substitute(general, dict(zip(names, operands, strict=True)))
        agree(Tensor.from_scalars(context, boxed(special)), [exact], abs(exact[1]), name)

    return check
