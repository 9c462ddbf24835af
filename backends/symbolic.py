"""Expressions over real variables, as a graph. Promise: exact; no floating-point atom ever enters an expression.

A scalar is a `Node` of a graph in which equal expressions are one node, so that building an expression is linear in
its size and whatever occurs twice is kept once. Rational arithmetic is folded; nothing else is simplified or expanded.
SymPy stands at the door: a node becomes a SymPy expression when it is looked at, with SymPy's own canonical
arithmetic, and decides comparisons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import sympy
from sympy.core.relational import Relational

from scalarspec.arrays import Arrays, LiftedArrays
from scalarspec.context import Context
from scalarspec.errors import DivisionByZero, DomainError, NotExact, Undecided

Expr = Any  # SymPy is untyped


class Node:
    """An operation on nodes; or "number", with a numerator and a denominator; or "leaf", with a SymPy expression.

    Made by `node` alone, which gives the same node for the same arguments.
    """

    __slots__ = ("__weakref__", "_expr", "args", "free", "operation")

    def __init__(self, operation: str, args: tuple[Any, ...]) -> None:
        self.operation = operation
        self.args = args
        self._expr: Expr = None
        self.free = operation == "leaf" and bool(args[0].free_symbols)
        """Does it hold variables?"""
        if operation not in ("leaf", "number"):
            self.free = any(getattr(arg, "free", True) for arg in args)

    def __reduce__(self) -> Any:
        return node, (self.operation, *self.args)

    @property
    def expr(self) -> Expr:
        """As a SymPy expression."""
        for each in ordered([self]):
            if each._expr is None:
                each._expr = each._converted()
        return self._expr

    def _converted(self) -> Expr:
        if self.operation == "leaf":
            return self.args[0]
        args = [arg._expr if isinstance(arg, Node) else arg for arg in self.args]
        result = _IN_SYMPY[self.operation](*args)
        if result in (sympy.zoo, sympy.nan):
            shown = ", ".join(str(arg) for arg in args)
            raise DivisionByZero(f"{self.operation}({shown}): division by zero")
        return result


_NODES: WeakValueDictionary[tuple[Any, ...], Node] = WeakValueDictionary()


def node(operation: str, *args: Any) -> Node:
    """The one node of an operation on these arguments."""
    key = (operation, *args)
    found = _NODES.get(key)
    return found if found is not None else _NODES.setdefault(key, Node(operation, args))


def ordered(roots: Iterable[Node]) -> Iterator[Node]:
    """The roots and all below them, each once, after its arguments."""
    done: set[Node] = set()
    stack = list(roots)
    while stack:
        top = stack[-1]
        waiting = [arg for arg in top.args if isinstance(arg, Node) and arg not in done]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        if top not in done:
            done.add(top)
            yield top


def operations(roots: Iterable[Node]) -> int:
    """How many operations it takes to work out these nodes, shared ones counted once; n - 1 for a sum of n."""
    counted = [each for each in ordered(roots) if each.operation not in ("number", "leaf")]
    return sum(len(each.args) - 1 if each.operation == "sum" else 1 for each in counted)


_IN_SYMPY: dict[str, Callable[..., Expr]] = {
    "number": sympy.Rational,
    "sum": sympy.Add,
    "negative": lambda x: -x,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "pow": sympy.Pow,
    "where": lambda p, x, y: sympy.Piecewise((x, p), (y, True)),
    "maximum": sympy.Max,
    "minimum": sympy.Min,
    "abs": sympy.Abs,
    "pi": lambda: sympy.pi,
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "atan": sympy.atan,
    "erf": sympy.erf,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
}


def number(value: Fraction) -> Node:
    """The node of a rational number."""
    return node("number", value.numerator, value.denominator)


ZERO, ONE = number(Fraction(0)), number(Fraction(1))


def value_of(x: Node) -> Fraction | None:
    """The rational number that a node is, as far as it is seen without SymPy."""
    return Fraction(*x.args) if x.operation == "number" else None


@dataclass(frozen=True)
class SymbolicContext(Context[Node]):
    """Real-valued expressions."""

    exact: ClassVar[bool] = True

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
        return number(_fraction(value)) if isinstance(value, sympy.Rational) else node("leaf", value)

    def symbol(self, name: str) -> Node:
        return node("leaf", sympy.Symbol(name, real=True))

    def item(self, x: Node) -> Expr:
        """The SymPy expression."""
        return x.expr

    def exact_value(self, x: Node) -> Fraction:
        known = value_of(x)
        if known is None and (x.free or not isinstance(x.expr, sympy.Rational)):
            raise NotExact(f"{x.expr} is not a rational number")
        return _fraction(x.expr) if known is None else known

    def approximate(self, x: Node) -> Fraction:
        value = sympy.N(x.expr, 110)
        if not isinstance(value, sympy.Float | sympy.Rational):
            raise NotExact(f"{x.expr} is not a number")
        return _fraction(sympy.Rational(value))

    def substitute(self, x: Node, values: Mapping[str, Fraction]) -> Node:
        numbers = {sympy.Symbol(name, real=True): sympy.Rational(*v.as_integer_ratio()) for name, v in values.items()}
        done: dict[Any, Node] = {}
        for each in ordered([x]):
            done[each] = self._substituted(each, done, numbers)
        return done[x]

    def _substituted(self, x: Node, done: Mapping[Any, Node], numbers: Mapping[Expr, Expr]) -> Node:
        if not x.free:
            return x
        if x.operation == "leaf":
            return self.data(x.args[0].subs(numbers))
        args = [done[arg] if isinstance(arg, Node) else _truth(arg.subs(numbers)) for arg in x.args]
        made: Node = self.sum(args) if x.operation == "sum" else getattr(self, x.operation)(*args)
        return made

    # ---- the field --------------------------------------------------------------------------------------------------

    def add(self, x: Node, y: Node) -> Node:
        return self.sum((x, y))

    def sum(self, terms: Sequence[Node]) -> Node:
        """One n-ary sum, its numbers added up."""
        numbers = [value for term in terms if (value := value_of(term)) is not None]
        rest = [term for term in terms if term.operation != "number"]
        constant = sum(numbers, Fraction(0))
        if len(rest) == 2 and (rest[0].args == (rest[1],) or rest[1].args == (rest[0],)):
            rest = [] if "negative" in (rest[0].operation, rest[1].operation) else rest
        if constant or not rest:
            rest.append(number(constant))
        return rest[0] if len(rest) == 1 else node("sum", *rest)

    def negative(self, x: Node) -> Node:
        known = value_of(x)
        if known is not None:
            return number(-known)
        return x.args[0] if x.operation == "negative" else node("negative", x)

    def multiply(self, x: Node, y: Node) -> Node:
        a, b = value_of(x), value_of(y)
        if a is not None and b is not None:
            return number(a * b)
        if ZERO in (x, y):
            return ZERO
        if ONE in (x, y):
            return y if x is ONE else x
        return node("multiply", x, y)

    def divide(self, x: Node, y: Node) -> Node:
        if not y.free and y.expr.is_zero:
            raise DivisionByZero(f"divide({x.expr}, {y.expr}): division by zero")
        known = value_of(y)
        return node("divide", x, y) if known is None else self.multiply(x, number(1 / known))

    # ---- order ------------------------------------------------------------------------------------------------------

    def less(self, x: Node, y: Node) -> Any:
        return _compared(x, y, lambda a, b: a < b, sympy.Lt)

    def less_equal(self, x: Node, y: Node) -> Any:
        return _compared(x, y, lambda a, b: a <= b, sympy.Le)

    def equal(self, x: Node, y: Node) -> Any:
        return _compared(x, y, lambda a, b: a == b, sympy.Eq)

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

    def where(self, p: Any, x: Node, y: Node) -> Node:
        if isinstance(p, bool):
            return x if p else y
        return node("where", p, x, y)

    def maximum(self, x: Node, y: Node) -> Node:
        return self._chosen("maximum", max, x, y)

    def minimum(self, x: Node, y: Node) -> Node:
        return self._chosen("minimum", min, x, y)

    def _chosen(self, operation: str, among_numbers: Callable[..., Fraction], x: Node, y: Node) -> Node:
        a, b = value_of(x), value_of(y)
        return node(operation, x, y) if a is None or b is None else number(among_numbers(a, b))

    def abs(self, x: Node) -> Node:
        known = value_of(x)
        return node("abs", x) if known is None else number(abs(known))

    # ---- elementary functions ---------------------------------------------------------------------------------------

    def pi(self) -> Node:
        return node("pi")

    def exp(self, x: Node) -> Node:
        return ONE if x is ZERO else node("exp", x)

    def log(self, x: Node) -> Node:
        if not x.free and x.expr.is_zero:
            raise DomainError("log(0): the logarithm needs a positive number")
        return node("log", x)

    def sqrt(self, x: Node) -> Node:
        return node("sqrt", x)

    def sin(self, x: Node) -> Node:
        return node("sin", x)

    def cos(self, x: Node) -> Node:
        return node("cos", x)

    def atan(self, x: Node) -> Node:
        return node("atan", x)

    def erf(self, x: Node) -> Node:
        return node("erf", x)

    def tan(self, x: Node) -> Node:
        return node("tan", x)

    def pow(self, x: Node, y: Node) -> Node:
        if not (x.free or y.free) and x.expr.is_zero and y.expr.is_negative:
            raise DivisionByZero(f"pow({x.expr}, {y.expr}): division by zero")
        return node("pow", x, y)

    def sinh(self, x: Node) -> Node:
        return node("sinh", x)

    def cosh(self, x: Node) -> Node:
        return node("cosh", x)

    def tanh(self, x: Node) -> Node:
        return node("tanh", x)


class SymbolicArrays(LiftedArrays):
    """Lifted arrays whose sums are n-ary: linear in the number of terms."""

    context: SymbolicContext

    def total(self, terms: Sequence[Any]) -> Any:
        return self.context.sum(terms)


def _fraction(x: Expr) -> Fraction:
    return Fraction(int(x.p), int(x.q))


def _compared(x: Node, y: Node, of_numbers: Callable[..., bool], of_expressions: Callable[..., Any]) -> Any:
    a, b = value_of(x), value_of(y)
    return _truth(of_expressions(x.expr, y.expr)) if a is None or b is None else of_numbers(a, b)


def _truth(proposition: Any) -> Any:
    """Python's truth where SymPy has decided, else the proposition."""
    if isinstance(proposition, Relational | sympy.logic.boolalg.BooleanFunction):
        return proposition
    return bool(proposition)
