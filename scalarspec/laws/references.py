"""Laws of agreement with a 100-digit value of an elementary function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from scalarspec import loss
from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.tensor import elementwise
from scalarspec.laws.agreement import REFERENCE_ERROR, agree, lifted
from scalarspec.laws.exact_values import ELEMENTARY, arity_of, known, logsumexp, pi_reference
from scalarspec.laws.law import Law


def reference_laws() -> Iterator[Law]:
    """One law for each elementary function, and for some reductions made of them."""
    for name in ELEMENTARY:
        yield Law("reference", name, arity_of(name), _reference_check(name))
    yield Law("reference", "pi", 0, _pi_check)
    yield Law("reference", "logsumexp", 3, _logsumexp_check)
    yield Law("reference", "cross_entropy", 3, _cross_entropy_check)


def _reference_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        exact = known(name, operands)
        scale = max(Fraction(1), abs(exact[1]), *map(abs, operands))
        agree(elementwise(name, *lifted(context, operands)), [exact], scale, name)

    return check


def _pi_check(context: Context[Any]) -> None:
    bounds = pi_reference()
    agree(f.pi(context), [bounds], bounds[1], "pi")


def _logsumexp_check(context: Context[Any], *operands: Fraction) -> None:
    value = logsumexp(operands)
    bounds = [(value - REFERENCE_ERROR, value + REFERENCE_ERROR)]
    agree(f.logsumexp(context.tensor(list(operands))), bounds, Fraction(8), "logsumexp")


def _cross_entropy_check(context: Context[Any], *operands: Fraction) -> None:
    value = logsumexp(operands) - operands[1]
    bounds = [(value - REFERENCE_ERROR, value + REFERENCE_ERROR)]
    actual = loss.cross_entropy(context.tensor(list(operands)), context.tensor([0, 1, 0]))
    agree(actual, bounds, Fraction(8), "cross_entropy")
