"""Laws of agreement between two ways to one operation: a replacement and the definition, bulk arrays and scalars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.context import DERIVED, Context
from scalarspec.core.operations import OPERATIONS, having
from scalarspec.core.tensor import Tensor, elementwise, relation
from scalarspec.errors import DomainError
from scalarspec.laws.agreement import exponential_scale, lifted, meet, ranges_of, square_scale
from scalarspec.laws.exact_values import ELEMENTARY, RATIONAL, arity_of
from scalarspec.laws.law import Law, LawViolation
from scalarspec.laws.rationals import GROUPS, RELATIONS
from scalarspec.numbers.exact import boxed, infinite

_TRUTH_VALUED = having(kind=("relation", "connective"))
"""The operations whose results are truths: what they are compared by."""


def replacements(context: Context[Any]) -> Iterator[Law]:
    """One law for each derived operation that the class of this context replaces; none can be forgotten."""
    for name, default in DERIVED.items():
        if getattr(type(context), name) is not default:
            relational = name in _TRUTH_VALUED or name == "where"
            check = _truth_replacement(name) if relational else _replacement(name)
            yield Law("replacement", name, 4 if relational else arity_of(name), check)


def _replacement(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        if name == "pow" and operands[0] <= 0:
            raise DomainError("no case")
        scalars = [context.data(x) for x in operands]
        with np.errstate(all="ignore"):
            ours, default = getattr(context, name)(*scalars), DERIVED[name](context, *scalars)
        scale = exponential_scale(operands)
        left, right = (Tensor.from_scalars(context, boxed(scalar)) for scalar in (ours, default))
        meet(left, right, scale, name)

    return check


def _truth_replacement(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        a, b, c, d = (context.data(x) for x in operands)
        p, q = context.decide(context.less(a, b)), context.decide(context.less(c, d))
        line = OPERATIONS[name]
        given = (*(p, q)[: line.truths], a, b)[: line.operands]
        ours, default = getattr(context, name)(*given), DERIVED[name](context, *given)
        if line.kind == "choice":
            left, right = (Tensor.from_scalars(context, boxed(scalar)) for scalar in (ours, default))
            meet(left, right, Fraction(4), name)
        elif context.decide(ours) is not context.decide(default):
            raise LawViolation(f"{name} is {ours}, by definition {default}")

    return check


def bulk_laws() -> Iterator[Law]:
    """One law for each operation, relation and composition, of bulk arrays."""
    for name in [*RATIONAL, *ELEMENTARY]:
        yield Law("bulk", name, 6, _bulk_check(name))
    for name in RELATIONS:
        yield Law("bulk", name, 2, _bulk_relation_check(name))
    for name, (evaluate, _) in GROUPS.items():
        yield Law("bulk", name, 6, _bulk_group_check(name, evaluate))


def _bulk_check(name: str) -> Callable[..., None]:
    arity = arity_of(name)

    def check(context: Context[Any], *operands: Fraction) -> None:
        usable = [x for x in operands if x != 0 and _has_value(name, [x] * arity)]
        if not usable:
            raise DomainError("no case")
        vectors = [usable[i:] + usable[:i] for i in range(arity)]
        bulk = elementwise(name, *(context.tensor(v) for v in vectors))
        plain = elementwise(name, *(context.reference().tensor(v) for v in vectors))
        sizes = [abs(Fraction(value)) for ends in ranges_of(plain) for value in ends if not infinite(value)]
        scale = max(Fraction(1), *sizes)  # what cancels near a zero of the function had terms of about that size
        meet(bulk, plain, scale, name)

    return check


def _has_value(name: str, operands: Sequence[Fraction]) -> bool:
    """Does an operation have a value there, where no operand is 0?"""
    return name in RATIONAL or ELEMENTARY[name].domain(*operands)


def _bulk_relation_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], x: Fraction, y: Fraction) -> None:
        for pair in ((x, y), (y, x), (x, x)):
            bulk, plain = (bool(relation(name, *lifted(c, pair))) for c in (context, context.reference()))
            if bulk is not plain:
                raise LawViolation(f"{name}{tuple(map(str, pair))} is {bulk} in bulk and {plain} for scalars")

    return check


def _bulk_group_check(name: str, evaluate: Callable[..., Tensor]) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        scale = square_scale(operands)
        bulk, plain = (evaluate(*lifted(c, operands)) for c in (context, context.reference()))
        meet(bulk, plain, scale, name)

    return check
