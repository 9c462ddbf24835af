"""Bodies of cores: read from forms, when every name and every operator is checked, and evaluated in any context."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.tensor import Truth
from scalarspec.errors import NotSupported, TooLarge
from scalarspec.frontends.fpcore.operators import CONSTANTS, OPERATORS, TRUTHS
from scalarspec.frontends.fpcore.syntax import Form, Items, Word, number

MOST_STEPS = 10_000
"""How often a loop goes round at most."""
HARMLESS = {":name", ":description", ":cite"}
"""Annotations within a body that say nothing of its values."""
Values = dict[str, Any]


class Expression:
    """What has a value, given those of the names that it uses."""

    is_truth = False

    def value(self, values: Values, context: Context[Any]) -> Any:
        """A tensor of the context, or a truth."""
        raise NotImplementedError


@dataclass(frozen=True)
class Number(Expression):
    """A number."""

    number: Fraction

    def value(self, values: Values, context: Context[Any]) -> Any:
        """The number as a constant of the spec."""
        return context.tensor(self.number)


@dataclass(frozen=True)
class Constant(Expression):
    """A constant of FPCore, by its name: a real number or a truth."""

    name: str

    @property
    def is_truth(self) -> bool:  # type: ignore[override]
        """Is it TRUE or FALSE?"""
        return self.name in TRUTHS

    def value(self, values: Values, context: Context[Any]) -> Any:
        """The exact constant. Raises NotExact where the context has none."""
        return Truth.known(context, np.asarray(TRUTHS[self.name])) if self.is_truth else CONSTANTS[self.name](context)


@dataclass(frozen=True)
class Name(Expression):
    """An argument, or what `let` and `while` bind."""

    name: str

    def value(self, values: Values, context: Context[Any]) -> Any:
        """What it is bound to."""
        return values[self.name]


@dataclass(frozen=True)
class Call(Expression):
    """An operator of some operands."""

    operator: str
    operands: tuple[Expression, ...]

    @property
    def is_truth(self) -> bool:  # type: ignore[override]
        """Is it a comparison, or made of some?"""
        return OPERATORS[self.operator].is_truth

    def value(self, values: Values, context: Context[Any]) -> Any:
        """The function of the operands' values."""
        return OPERATORS[self.operator].function(*[each.value(values, context) for each in self.operands])


@dataclass(frozen=True)
class If(Expression):
    """A choice. Where the context cannot decide it, it takes both."""

    condition: Expression
    then: Expression
    otherwise: Expression

    def value(self, values: Values, context: Context[Any]) -> Any:
        """The branch that is taken; what no number takes is not evaluated."""
        return f.where(
            self.condition.value(values, context),
            lambda: self.then.value(values, context),
            lambda: self.otherwise.value(values, context),
        )


@dataclass(frozen=True)
class Let(Expression):
    """Values by names, and what is made of them. in_turn: does each see those before it (`let*`)?"""

    in_turn: bool
    bound: tuple[tuple[str, Expression], ...]
    body: Expression

    def value(self, values: Values, context: Context[Any]) -> Any:
        """The body's value."""
        inner = dict(values)
        for name, expression in self.bound:
            inner[name] = expression.value(inner if self.in_turn else values, context)
        return self.body.value(inner, context)


@dataclass(frozen=True)
class While(Expression):
    """A loop. state: names, what they are at first, and after each step. in_turn: `while*`."""

    in_turn: bool
    condition: Expression
    state: tuple[tuple[str, Expression, Expression], ...]
    body: Expression

    def value(self, values: Values, context: Context[Any]) -> Any:
        """The body's value when the condition fails. Raises Undecided where the context cannot tell when that is,
        TooLarge after `MOST_STEPS` steps, and where it never fails.
        """
        if self.condition == Constant("TRUE"):
            raise TooLarge("from_fpcore: a loop that never ends")
        inner = dict(values)
        for name, first, _ in self.state:
            inner[name] = first.value(inner if self.in_turn else values, context)
        for _ in range(MOST_STEPS):
            if not bool(self.condition.value(inner, context)):
                return self.body.value(inner, context)
            before = inner if self.in_turn else dict(inner)
            for name, _, step in self.state:
                inner[name] = step.value(before, context)
        raise TooLarge(f"from_fpcore: a loop that does not end within {MOST_STEPS} steps")


# ---- reading ---------------------------------------------------------------------------------------------------------


def number_of(form: Form, names: Collection[str]) -> Expression:
    """An expression whose value is a number. Raises as `expression` does, and ArgumentError for a truth."""
    found = expression(form, names)
    if found.is_truth:
        raise form.wrong(f"expected a number, got the truth {_short(form)}")
    return found


def truth_of(form: Form, names: Collection[str]) -> Expression:
    """An expression whose value is a truth. Raises as `expression` does, and ArgumentError for a number."""
    found = expression(form, names)
    if not found.is_truth:
        raise form.wrong(f"expected a comparison, got {_short(form)}")
    return found


def expression(form: Form, names: Collection[str]) -> Expression:
    """What a form says. names: those that have values there.

    Raises ArgumentError where it is malformed, NotSupported, by name, for what is no function of real numbers.
    """
    exact = number(form)
    if exact is not None:
        return Number(exact)
    if isinstance(form, Word):
        return _named(form, names)
    if not isinstance(form, Items) or not form.head:
        raise form.wrong(f"expected an expression, got {_short(form)}")
    if form.head in _SPECIAL:
        return _SPECIAL[form.head](form, names)
    return _call(form, names)


def _named(form: Word, names: Collection[str]) -> Expression:
    if form.text in names:
        return Name(form.text)
    if form.text in CONSTANTS or form.text in TRUTHS:
        return Constant(form.text)
    if form.text in ("INFINITY", "NAN"):
        raise _refused(form, f"{form.text} is no real number")
    raise form.wrong(f"{form.text!r} has no value here; there are {', '.join(names) or 'no names'}")


def _call(form: Items, names: Collection[str]) -> Expression:
    line, given = OPERATORS.get(form.head), form.items[1:]
    if line is None:
        raise _refused(form, f"the operator {form.head!r}")
    if not line.least <= len(given) <= line.most:
        raise form.wrong(f"{form.head} of {len(given)} operands; expected {_count(line.least, line.most)}")
    read = truth_of if line.of_truths else number_of
    return Call(form.head, tuple(read(each, names) for each in given))


def _if(form: Items, names: Collection[str]) -> Expression:
    condition, then, otherwise = _parts(form, "(if condition then else)", 3)
    return If(truth_of(condition, names), number_of(then, names), number_of(otherwise, names))


def _let(form: Items, names: Collection[str]) -> Expression:
    bindings, body = _parts(form, f"({form.head} ([name value] ...) body)", 2)
    in_turn, inner, bound = form.head == "let*", dict.fromkeys(names), []
    for name, value in _bound(bindings, 2):
        bound.append((name, number_of(value, inner if in_turn else names)))
        inner[name] = None
    return Let(in_turn, tuple(bound), number_of(body, inner))


def _while(form: Items, names: Collection[str]) -> Expression:
    condition, bindings, body = _parts(form, f"({form.head} condition ([name first step] ...) body)", 3)
    in_turn, inner, firsts, rows = form.head == "while*", dict.fromkeys(names), [], _bound(bindings, 3)
    for name, first, _ in rows:
        firsts.append(number_of(first, inner if in_turn else names))
        inner[name] = None
    state = tuple((row[0], first, number_of(row[2], inner)) for row, first in zip(rows, firsts, strict=True))
    return While(in_turn, truth_of(condition, inner), state, number_of(body, inner))


def _annotated(form: Items, names: Collection[str]) -> Expression:
    *properties, body = form.items[1:] or (form,)
    keys = properties[::2]
    if body is form or len(properties) % 2:
        raise form.wrong(f"expected (! :property value ... body), got {_short(form)}")
    for key in keys:
        if str(key) not in HARMLESS:
            raise _refused(key, f"the annotation {key} within a body: it changes how floats are rounded there")
    return expression(body, names)


_SPECIAL = {"if": _if, "let": _let, "let*": _let, "while": _while, "while*": _while, "!": _annotated}


def _parts(form: Items, expected: str, count: int) -> tuple[Form, ...]:
    if len(form.items) != count + 1:
        raise form.wrong(f"expected {expected}, got {_short(form)}")
    return form.items[1:]


def _bound(bindings: Form, count: int) -> list[Any]:
    """The rows of a list of bindings, each of a name and forms."""
    if not isinstance(bindings, Items):
        raise bindings.wrong(f"expected a list of names with values, got {_short(bindings)}")
    rows = []
    for row in bindings.items:
        if not isinstance(row, Items) or len(row.items) != count or not is_symbol(row.items[0]):
            raise row.wrong(f"expected a name with {count - 1} value{'s' * (count > 2)}, got {_short(row)}")
        rows.append((row.head, *row.items[1:]))
    if len({row[0] for row in rows}) < len(rows):
        raise bindings.wrong("a name that is bound twice")
    return rows


def is_symbol(form: Form) -> bool:
    """May it be the name of an argument?"""
    return isinstance(form, Word) and number(form) is None and not form.text.startswith((":", "#"))


def _refused(form: Form, what: str) -> NotSupported:
    return NotSupported(f"from_fpcore: line {form.line}, column {form.column}: {what} is not supported")


def _count(least: int, most: float) -> str:
    return str(least) if least == most else f"{least} at least" if most == float("inf") else f"{least} or {int(most)}"


def _short(form: Form) -> str:
    text = str(form)
    return text if len(text) <= 60 else f"{text[:57]}..."
