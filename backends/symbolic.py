"""Expressions over real variables, as a graph. Promise: exact; no floating-point atom ever enters an expression.

A scalar is a `Node` of a graph in which equal expressions are one node, so that building an expression is linear in
its size and whatever occurs twice is kept once. Rational arithmetic is folded; nothing else is simplified or expanded.
SymPy stands at the door: a node becomes a SymPy expression when it is looked at, with SymPy's own canonical
arithmetic, and decides comparisons.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import sympy
from sympy.core.relational import Relational

from scalarspec.backends.expressions import ASKED, WRITTEN, expression, known_of
from scalarspec.core.arrays import Arrays
from scalarspec.core.context import Context
from scalarspec.core.lifted_arrays import LiftedArrays
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import DivisionByZero, DomainError, NotExact, TooLarge, Undecided
from scalarspec.tracing.scalar_graph import (
    N_ARY,
    ONE,
    ZERO,
    Node,
    node,
    number,
    operations,
    ordered,
    value_of,
)

Expr = Any  # SymPy is untyped


SHOWN = 4
"""Messages show expressions of so many levels."""


def _symbol(name: str) -> Expr:
    """The one symbol of that name."""
    return sympy.Symbol(name, real=True)


def _function(operation: str) -> Any:
    """A function of one expression, its value where it is a number at a number."""

    def method(self: Any, x: Node) -> Node:
        found = node(operation, x)
        if value_of(x) is None:
            return found
        known = expression(found)
        return number(_fraction(known)) if isinstance(known, sympy.Rational) else found

    return method


def _within(operation: str) -> Any:
    """The same, for a function with a domain, outside of which numbers are refused."""
    function, line = _function(operation), OPERATIONS[operation]
    assert line.course is not None
    (low, high), need = line.course.domain, line.course.need(line.border == "pole")

    def method(self: Any, x: Node) -> Node:
        known = known_of(x)
        if known is not None and not (low < known < high or (low <= known <= high and line.border != "pole")):
            raise DomainError(f"{operation}({known}): {need}")
        found: Node = function(self, x)
        return found

    return method


@dataclass(frozen=True)
class SymbolicContext(Context[Node]):
    """Real-valued expressions."""

    exact: ClassVar[bool] = True
    formal: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "symbolic"

    def __repr__(self) -> str:
        return self.name

    @cached_property
    def arrays(self) -> Arrays:
        return SymbolicArrays(self)

    # ---- in and out -------------------------------------------------------------------------------------------------

    def literal(self, value: Fraction) -> Node:
        return number(value)

    def data(self, value: Any) -> Node:
        """Numbers as exact Rationals; SymPy expressions as they are, unless they hold a Float."""
        if isinstance(value, Node):
            return value
        if not isinstance(value, sympy.Basic):
            return super().data(value)
        if value.has(sympy.Float):
            raise NotExact(f"{value} holds a floating-point number; use sympy.Rational")
        if not isinstance(value, sympy.Expr) or value.is_extended_real is False or value.is_finite is False:
            raise DomainError(f"{value} is not a real expression")
        one = value.xreplace({symbol: _symbol(symbol.name) for symbol in value.free_symbols})
        return number(_fraction(one)) if isinstance(one, sympy.Rational) else node("leaf", one)

    def symbol(self, name: str) -> Node:
        return node("leaf", _symbol(name))

    def item(self, x: Node) -> Expr:
        """The SymPy expression."""
        return expression(x)

    def text(self, x: Node) -> str:
        """The expression, or how many operations it has where it is too deep to be written."""
        if x.depth <= WRITTEN:
            try:
                return str(expression(x))
            except (TooLarge, RecursionError):  # SymPy adds levels of its own
                pass
        return f"an expression of {operations([x])} operations"

    def _shown(self, x: Node) -> str:
        """For messages, of which most are never read: a short expression, or what it ends with."""
        return self.text(x) if x.depth <= SHOWN else f"{x.operation}(...)"

    def in_terms(self, x: Node, names: Mapping[Node, Expr], found: dict[Node, Expr] | None = None) -> Expr:
        """The SymPy expression, with a symbol in the place of each other node that has a name. found: what was found
        before with these names.
        """
        return expression(x, names, found)

    def proposition(self, p: Any) -> Any:
        return p if isinstance(p, bool) else expression(p)

    def exact_value(self, x: Node) -> Fraction:
        known = value_of(x)
        if known is None:
            found = known_of(x)
            if not isinstance(found, sympy.Rational):  # gradients ask of each element, and read no message
                shown = f"{x.operation}(...)" if x.free and x.depth else self._shown(x)
                raise NotExact(f"{shown} is not a rational number")
            return _fraction(found)
        return known

    def approximate(self, x: Node) -> Fraction:
        value = sympy.N(expression(x), 110)
        if not isinstance(value, sympy.Float | sympy.Rational):
            raise NotExact(f"{expression(x)} is not a number")
        return _fraction(sympy.Rational(value))

    def substitute(self, x: Node, values: Mapping[str, Fraction]) -> Node:
        numbers = {_symbol(name): sympy.Rational(*v.as_integer_ratio()) for name, v in values.items()}
        done: dict[Any, Node] = {}
        for each in ordered([x]):
            done[each] = self._substituted(each, done, numbers)
        return done[x]

    def _substituted(self, x: Node, done: Mapping[Any, Node], numbers: Mapping[Expr, Expr]) -> Node:
        if not x.free:
            return x
        if x.operation == "leaf":
            return self.data(x.args[0].subs(numbers))
        return self.made(x.operation, [done[arg] for arg in x.args])

    def made(self, operation: str, args: Sequence[Any]) -> Node:
        """The expression of an operation on nodes, with numbers folded."""
        made: Node = getattr(self, operation)(args) if operation in N_ARY else getattr(self, operation)(*args)
        return made

    # ---- the field --------------------------------------------------------------------------------------------------

    def add(self, x: Node, y: Node) -> Node:
        return self.sum((x, y))

    def sum(self, terms: Sequence[Node]) -> Node:
        """One n-ary sum, its numbers added up."""
        rest = [term for term in terms if term.operation != "number"]
        constant = sum([Fraction(*term.args) for term in terms if term.operation == "number"])
        if len(rest) == 2 and _are_opposite(*rest):
            rest = []
        if constant or not rest:
            rest.append(number(Fraction(constant)))
        return rest[0] if len(rest) == 1 else node("sum", *rest)

    def negative(self, x: Node) -> Node:
        known = value_of(x)
        if known is not None:
            return number(-known)
        return x.args[0] if x.operation == "negative" else node("negative", x)

    def multiply(self, x: Node, y: Node) -> Node:
        if x.operation == y.operation == "number":
            return number(Fraction(*x.args) * Fraction(*y.args))
        if x is ZERO or y is ZERO:
            return ZERO
        if x is ONE or y is ONE:
            return y if x is ONE else x
        return node("multiply", x, y)

    def divide(self, x: Node, y: Node) -> Node:
        divisor = known_of(y)
        if divisor is not None and divisor.is_zero:
            raise DivisionByZero(f"divide({self._shown(x)}, {divisor}): division by zero")
        known = value_of(y)
        return node("divide", x, y) if known is None else self.multiply(x, number(1 / known))

    # ---- order ------------------------------------------------------------------------------------------------------

    def less(self, x: Node, y: Node) -> Any:
        return _compared("less", x, y, operator.lt)

    def less_equal(self, x: Node, y: Node) -> Any:
        return _compared("less_equal", x, y, operator.le)

    def equal(self, x: Node, y: Node) -> Any:
        return _compared("equal", x, y, operator.eq)

    def logical_not(self, p: Any) -> Any:
        return not p if isinstance(p, bool) else node("logical_not", p)

    def logical_and(self, p: Any, q: Any) -> Any:
        if isinstance(p, bool) or isinstance(q, bool):
            return p and q if isinstance(p, bool) else q and p
        return node("logical_and", p, q)

    def logical_or(self, p: Any, q: Any) -> Any:
        if isinstance(p, bool) or isinstance(q, bool):
            return p or q if isinstance(p, bool) else q or p
        return node("logical_or", p, q)

    def decide(self, p: Any) -> bool:
        if isinstance(p, bool):
            return p
        raise Undecided(f"{self._shown(p)} depends on its symbols; use where(condition, a, b) to keep both branches")

    def where(self, p: Any, x: Node, y: Node) -> Node:
        if isinstance(p, bool):
            return x if p else y
        return x if x is y else node("where", p, x, y)

    def maximum(self, x: Node, y: Node) -> Node:
        return self._chosen("maximum", max, x, y)

    def minimum(self, x: Node, y: Node) -> Node:
        return self._chosen("minimum", min, x, y)

    def _chosen(self, operation: str, among_numbers: Callable[..., Fraction], x: Node, y: Node) -> Node:
        a, b = value_of(x), value_of(y)
        if x is y:
            return x
        return node(operation, x, y) if a is None or b is None else number(among_numbers(a, b))

    # ---- elementary functions ---------------------------------------------------------------------------------------

    def pi(self) -> Node:
        return node("pi")

    def logsumexp(self, terms: Sequence[Node]) -> Node:
        """log Σ eˣ as one node, so that it can be written in a form that does not overflow."""
        if not terms:
            return self.log(ZERO)
        return terms[0] if len(terms) == 1 else node("logsumexp", *terms)

    def log(self, x: Node) -> Node:
        known = known_of(x)
        if known is not None and known.is_nonpositive:
            raise DomainError(f"log({known}): the logarithm needs a positive number")
        return node("log", x)

    def log1p(self, x: Node) -> Node:
        self.log(self.add(ONE, x))  # refuses what it must
        return node("log1p", x)

    _sqrt = _function("sqrt")

    def sqrt(self, x: Node) -> Node:
        known = known_of(x)
        if known is not None and known.is_negative:
            raise DomainError(f"sqrt({known}): the root needs a number that is not negative")
        root: Node = self._sqrt(x)
        return root

    floor = _function("floor")
    ceil = _function("ceil")
    trunc = _function("trunc")
    round = _function("round")
    cbrt = _function("cbrt")
    erfc = _function("erfc")
    asin = _within("asin")
    acos = _within("acos")
    asinh = _function("asinh")
    lgamma = _within("lgamma")
    digamma = _within("digamma")
    acosh = _within("acosh")
    atanh = _within("atanh")

    def atan2(self, y: Node, x: Node) -> Node:
        if x is ZERO is y:
            raise DivisionByZero("atan2(0, 0): the origin has no angle")
        return node("atan2", y, x)

    exp = _function("exp")
    expm1 = _function("expm1")
    expm1mx = _function("expm1mx")
    sin = _function("sin")
    cos = _function("cos")
    tan = _function("tan")
    atan = _function("atan")
    erf = _function("erf")
    sinh = _function("sinh")
    cosh = _function("cosh")
    tanh = _function("tanh")
    square = _function("square")
    sigmoid = _function("sigmoid")
    softplus = _function("softplus")
    logcosh = _function("logcosh")
    abs = _function("abs")
    relu = _function("relu")
    heaviside = _function("heaviside")
    sign = _function("sign")

    def pow(self, x: Node, y: Node) -> Node:
        base, exponent = known_of(x), known_of(y)
        if base is not None and exponent is not None:
            if base.is_zero and exponent.is_negative:
                raise DivisionByZero(f"pow({base}, {exponent}): division by zero")
            if base.is_negative and exponent.is_integer is False:
                raise DomainError(f"pow({base}, {exponent}): a negative base needs an integer exponent")
        return node("pow", x, y)


class SymbolicArrays(LiftedArrays):
    """Lifted arrays whose sums are n-ary: linear in the number of terms."""

    context: SymbolicContext

    def logsumexp(self, x: Any, axis: tuple[int, ...]) -> Any:
        return self.reduced(self.context.logsumexp, x, axis)

    def total(self, terms: Sequence[Any]) -> Any:
        return self.context.sum(terms)

    def shares(self, terms: list[Node]) -> list[Node]:
        exponentials = list(map(self.context.exp, terms))
        whole = self.context.sum(exponentials)
        return [self.context.divide(each, whole) for each in exponentials]

    def log_shares(self, terms: list[Node]) -> list[Node]:
        whole = self.context.logsumexp(terms)
        return [self.context.subtract(term, whole) for term in terms]


def _are_opposite(x: Node, y: Node) -> bool:
    """Is one of them the negative of the other, as far as it is seen?"""
    return (x.operation == "negative" and x.args[0] is y) or (y.operation == "negative" and y.args[0] is x)


def _fraction(x: Expr) -> Fraction:
    return Fraction(int(x.p), int(x.q))


def _compared(operation: str, x: Node, y: Node, of_numbers: Callable[..., bool]) -> Any:
    """Python's truth where numbers or SymPy decide, else a node."""
    if x is y:
        return operation != "less"
    a, b = value_of(x), value_of(y)
    if a is not None and b is not None:
        return of_numbers(a, b)
    found = node(operation, x, y)
    if found.depth > ASKED or any(each.operation == "where" for each in ordered([found])):
        return found  # SymPy takes time that grows exponentially with conditions in conditions
    proposition = expression(found)
    return found if isinstance(proposition, Relational | sympy.logic.boolalg.BooleanFunction) else bool(proposition)
