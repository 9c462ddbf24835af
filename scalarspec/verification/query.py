"""A query as plain data: networks that are declared, and a condition on elements of their inputs and outputs."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
JOINING: dict[str, Callable[[Any, Any], Any]] = {"and": operator.and_, "or": operator.or_}


@dataclass(frozen=True)
class Element:
    """An element of a variable of the query."""

    variable: str
    place: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.variable}[{','.join(map(str, self.place))}]" if self.place else self.variable


@dataclass(frozen=True)
class Arithmetic:
    """A sum, product or difference; a difference of one operand is its negative."""

    operation: str
    operands: tuple[Term, ...]


Term = Fraction | Element | Arithmetic


@dataclass(frozen=True)
class Comparison:
    """A comparison of two terms."""

    relation: str
    left: Term
    right: Term


@dataclass(frozen=True)
class Joined:
    """Conditions joined by "and" or "or"."""

    word: str
    parts: tuple[Condition, ...]


Condition = Comparison | Joined


@dataclass(frozen=True)
class Declared:
    """A variable that the query declares."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class NetworkOf:
    """A network that the query declares. same_as: the name of another one that is the same, "" for none."""

    name: str
    inputs: tuple[Declared, ...]
    outputs: tuple[Declared, ...]
    same_as: str = ""


@dataclass(frozen=True)
class Query:
    """Is there an input for which the condition is true? version: of VNN-LIB, 1 or 2."""

    networks: tuple[NetworkOf, ...]
    condition: Condition
    version: int

    @property
    def inputs(self) -> tuple[Declared, ...]:
        """The inputs of all networks."""
        return tuple(each for network in self.networks for each in network.inputs)


def value(term: Term, values: Mapping[str, Any]) -> Any:
    """A term at tensors, or arrays, for the variables; a number of no variables stays exact."""
    if isinstance(term, Fraction):
        return term
    if isinstance(term, Element):
        return values[term.variable][term.place]
    operands = [value(each, values) for each in term.operands]
    if term.operation == "-" and len(operands) == 1:
        return -operands[0]
    return functools.reduce(ARITHMETIC[term.operation], operands)


def decided(condition: Condition) -> Condition | bool:
    """A condition without comparisons of numbers alone; True or False where nothing else is in it."""
    if isinstance(condition, Comparison):
        if isinstance(condition.left, Element) != isinstance(condition.right, Element):
            return condition  # most are of this kind, and files may have a million of them
        left, right = linear(condition.left), linear(condition.right)
        if left is None or right is None or difference(left, right)[0]:
            return condition
        return bool(RELATIONS[condition.relation](difference(left, right)[1], 0))
    ends = condition.word == "or"
    parts = [decided(part) for part in condition.parts]
    if any(part is ends for part in parts):
        return ends
    left_over = tuple(part for part in parts if not isinstance(part, bool))
    if not left_over:
        return not ends
    return left_over[0] if len(left_over) == 1 else Joined(condition.word, left_over)


def truth(condition: Condition, values: Mapping[str, Any]) -> Any:
    """A condition at tensors, or arrays, for the variables."""
    if isinstance(condition, Comparison):
        return RELATIONS[condition.relation](value(condition.left, values), value(condition.right, values))
    return functools.reduce(JOINING[condition.word], [truth(part, values) for part in condition.parts])


Form = tuple[dict[Element, Fraction], Fraction]
"""Factors of elements, none of them 0, and a constant."""


def linear(term: Term) -> Form | None:
    """A term as a linear form; None where it is none."""
    if isinstance(term, Fraction):
        return {}, term
    if isinstance(term, Element):
        return {term: Fraction(1)}, Fraction(0)
    forms = [linear(each) for each in term.operands]
    known = [form for form in forms if form is not None]
    if len(known) < len(forms):
        return None
    if term.operation == "*":
        return _product(known)
    signs = [1] + [-1 if term.operation == "-" else 1] * (len(known) - 1)
    if term.operation == "-" and len(known) == 1:
        signs = [-1]
    return _sum([(form, Fraction(sign)) for form, sign in zip(known, signs, strict=True)])


def difference(left: Form, right: Form) -> Form:
    """One form less another."""
    return _sum([(left, Fraction(1)), (right, Fraction(-1))])


def _sum(forms: list[tuple[Form, Fraction]]) -> Form:
    factors: dict[Element, Fraction] = {}
    for (own, _), by in forms:
        for element, factor in own.items():
            factors[element] = factors.get(element, Fraction(0)) + by * factor
    return {e: f for e, f in factors.items() if f}, sum((by * constant for (_, constant), by in forms), Fraction(0))


def _product(forms: list[Form]) -> Form | None:
    found: Form = ({}, Fraction(1))
    for form in forms:
        if form[0] and found[0]:
            return None
        found, by = (found, form[1]) if found[0] else (form, found[1])
        found = _sum([(found, by)])
    return found
