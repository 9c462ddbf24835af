"""SymPy expressions over real variables. Promise: exact; no floating-point atom ever enters an expression.

Nothing is simplified or expanded: an expression is what the spec wrote, with SymPy's own canonical arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import sympy
from sympy.core.relational import Relational

from scalarspec.arrays import Arrays, LiftedArrays
from scalarspec.context import Context
from scalarspec.errors import DivisionByZero, DomainError, NotExact, Undecided

Expr = Any  # SymPy is untyped


@dataclass(frozen=True)
class SymbolicContext(Context[Expr]):
    """Real-valued SymPy expressions."""

    exact: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "symbolic"

    def __repr__(self) -> str:
        return self.name

    @cached_property
    def arrays(self) -> Arrays:
        return SymbolicArrays(self)

    def literal(self, value: Fraction) -> Expr:
        return sympy.Rational(value.numerator, value.denominator)

    def data(self, value: Any) -> Expr:
        """Numbers as exact Rationals; SymPy expressions as they are, unless they hold a Float."""
        if not isinstance(value, sympy.Basic):
            return super().data(value)
        if value.has(sympy.Float):
            raise NotExact(f"{value} holds a floating-point number; use sympy.Rational")
        if not isinstance(value, sympy.Expr) or value.is_extended_real is False or value.is_finite is False:
            raise DomainError(f"{value} is not a real expression")
        return value

    def symbol(self, name: str) -> Expr:
        return sympy.Symbol(name, real=True)

    def exact_value(self, x: Expr) -> Fraction:
        if not isinstance(x, sympy.Rational):
            raise NotExact(f"{x} is not a rational number")
        return Fraction(int(x.p), int(x.q))

    def approximate(self, x: Expr) -> Fraction:
        value = sympy.N(x, 110)
        if not isinstance(value, sympy.Float | sympy.Rational):
            raise NotExact(f"{x} is not a number")
        exact = sympy.Rational(value)
        return Fraction(int(exact.p), int(exact.q))

    def substitute(self, x: Expr, values: Mapping[str, Fraction]) -> Expr:
        return x.subs({self.symbol(name): self.literal(value) for name, value in values.items()})

    def add(self, x: Expr, y: Expr) -> Expr:
        return x + y

    def negative(self, x: Expr) -> Expr:
        return -x

    def multiply(self, x: Expr, y: Expr) -> Expr:
        return x * y

    def divide(self, x: Expr, y: Expr) -> Expr:
        if y.is_zero:
            raise DivisionByZero(f"divide({x}, {y}): division by zero")
        return x / y

    def less(self, x: Expr, y: Expr) -> Any:
        return _truth(sympy.Lt(x, y))

    def less_equal(self, x: Expr, y: Expr) -> Any:
        return _truth(sympy.Le(x, y))

    def equal(self, x: Expr, y: Expr) -> Any:
        return _truth(sympy.Eq(x, y))

    def logical_not(self, p: Any) -> Any:
        return _truth(sympy.Not(p))

    def logical_and(self, p: Any, q: Any) -> Any:
        return _truth(sympy.And(p, q))

    def logical_or(self, p: Any, q: Any) -> Any:
        return _truth(sympy.Or(p, q))

    def decide(self, p: Any) -> bool:
        if isinstance(p, bool):
            return p
        raise Undecided(f"{p} depends on its symbols; use where(condition, a, b) to keep both branches")

    def where(self, p: Any, x: Expr, y: Expr) -> Expr:
        if isinstance(p, bool):
            return x if p else y
        return sympy.Piecewise((x, p), (y, True))

    def maximum(self, x: Expr, y: Expr) -> Expr:
        return sympy.Max(x, y)

    def minimum(self, x: Expr, y: Expr) -> Expr:
        return sympy.Min(x, y)

    def abs(self, x: Expr) -> Expr:
        return sympy.Abs(x)

    def pi(self) -> Expr:
        return sympy.pi

    def exp(self, x: Expr) -> Expr:
        return sympy.exp(x)

    def log(self, x: Expr) -> Expr:
        if x.is_zero:
            raise DomainError("log(0): the logarithm needs a positive number")
        return sympy.log(x)

    def sqrt(self, x: Expr) -> Expr:
        return sympy.sqrt(x)

    def sin(self, x: Expr) -> Expr:
        return sympy.sin(x)

    def cos(self, x: Expr) -> Expr:
        return sympy.cos(x)

    def atan(self, x: Expr) -> Expr:
        return sympy.atan(x)

    def erf(self, x: Expr) -> Expr:
        return sympy.erf(x)

    def tan(self, x: Expr) -> Expr:
        return sympy.tan(x)

    def pow(self, x: Expr, y: Expr) -> Expr:
        if x.is_zero and y.is_negative:
            raise DivisionByZero(f"pow({x}, {y}): division by zero")
        return sympy.Pow(x, y)

    def sinh(self, x: Expr) -> Expr:
        return sympy.sinh(x)

    def cosh(self, x: Expr) -> Expr:
        return sympy.cosh(x)

    def tanh(self, x: Expr) -> Expr:
        return sympy.tanh(x)


class SymbolicArrays(LiftedArrays):
    """Lifted arrays whose sums are one n-ary Add: linear in the number of terms."""

    def total(self, terms: Sequence[Any]) -> Any:
        return sympy.Add(*terms)


def _truth(proposition: Any) -> Any:
    """Python's truth where SymPy has decided, else the proposition."""
    if isinstance(proposition, Relational | sympy.logic.boolalg.BooleanFunction):
        return proposition
    return bool(proposition)
