"""What makes terms: each once, numbers worked out, and what has no effect dropped by the rules."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from scalarspec.core.definitions import by_definition, is_defined
from scalarspec.core.operations import result_shape, rule_of
from scalarspec.core.shape import Scalar, Shape
from scalarspec.core.sizes import LARGE
from scalarspec.formulas.operations import ELEMENTWISE, RATIONAL
from scalarspec.formulas.term import Term
from scalarspec.formulas.term_rules import RULES

SIZES = LARGE[0]
"""Numbers from here on may be sizes (see `matrix_form`), of which nothing is known: they are not worked out."""

WorkedOut = Callable[[str, tuple[Fraction, ...]], Fraction | bool]


class TermBuilder:
    """Terms that are made here are equal only where they are the same object.

    worked_out: the result of an operation on rational numbers, exactly.
    """

    def __init__(self, worked_out: WorkedOut) -> None:
        self._worked_out = worked_out
        self._known: dict[Any, Term] = {}

    def term(self, operation: str, operands: tuple[Term, ...], shape: Shape, parameters: dict[str, Any]) -> Term:
        """The one term of an operation on these operands, as it stands."""
        key = (operation, operands, shape, repr(sorted(parameters.items())))
        found = self._known.get(key)
        return found if found is not None else self._known.setdefault(key, Term(operation, operands, parameters, shape))

    def number(self, value: Fraction, shape: Shape = Scalar) -> Term:
        """A number, in each element."""
        return self.term("number", (), shape, {"value": value})

    def truth(self, value: bool) -> Term:
        """True or False."""
        return self.term("truth", (), Scalar, {"value": value})

    def built(self, operation: str, shape: Shape, operands: tuple[Term, ...], parameters: dict[str, Any]) -> Term:
        """The term of an operation, without what has no effect. Raises NotSupported where no rule is stated."""
        if operation in ELEMENTWISE and shape:
            operands = tuple(self.unrepeated(x) for x in operands)
            if not any(x.shape for x in operands):
                return self.repeated(self.built(operation, Scalar, operands, parameters), shape)
        if operation in RATIONAL and operands and all(_small(x.number) for x in operands):
            return self._folded(operation, shape, operands)
        if operation not in RULES and is_defined(operation):
            return self._defined(operation, operands)
        found = rule_of("matrix_form", RULES, operation)(self, shape, *operands, **parameters)
        return self.term(operation, operands, shape, parameters) if found is None else found

    def _defined(self, operation: str, operands: tuple[Term, ...]) -> Term:
        """An operation that has no rule, read in its definition."""

        def step(name: str, *steps: Term) -> Term:
            return self.made(name, result_shape(name, [x.shape for x in steps], {}), *steps)

        found: Term = by_definition(operation, *operands, apply=step, number=self.number)
        return found

    def made(self, operation: str, shape: Shape, *operands: Term) -> Term:
        """The same, for an operation without parameters."""
        return self.built(operation, shape, operands, {})

    def _folded(self, operation: str, shape: Shape, operands: tuple[Term, ...]) -> Term:
        """An operation on numbers, done."""
        found = self._worked_out(operation, tuple(x.number or Fraction(0) for x in operands))
        return self.fitted(self.truth(found) if isinstance(found, bool) else self.number(found), shape)

    def repeated(self, x: Term, shape: Shape) -> Term:
        """A scalar in each element of a tensor of that shape."""
        if x.number is not None:
            return self.number(x.number, shape)
        return self.term("broadcast_to", (x,), shape, {"shape": shape}) if shape else x

    def unrepeated(self, x: Term) -> Term:
        """The scalar that a term repeats, or the term."""
        if x.number is not None:
            return self.number(x.number)
        return x.operands[0] if x.operation == "broadcast_to" and not x.operands[0].shape else x

    def fitted(self, x: Term, shape: Shape) -> Term:
        """A term of that shape, or a scalar repeated to be one."""
        return x if x.shape == shape else self.repeated(x, shape)

    def scaled(self, shape: Shape, c: Fraction, x: Term) -> Term:
        """c x, with one number in front."""
        if c == 0 or x.number is not None:
            return self.number(c * (x.number or 0), shape)
        if c == 1:
            return self.fitted(x, shape)
        if c == -1:
            return self.made("negative", shape, self.fitted(x, shape))
        if x.operation == "negative":
            return self.scaled(shape, -c, x.operands[0])
        if x.operation == "multiply" and x.operands[0].number is not None:
            return self.scaled(shape, c * x.operands[0].number, x.operands[1])
        return self.term("multiply", (self.number(c), x), shape, {})


def _small(value: Fraction | None) -> bool:
    return value is not None and max(abs(value.numerator), value.denominator) < SIZES
