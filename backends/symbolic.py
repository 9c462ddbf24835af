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

from scalarspec.core.arrays import Arrays, LiftedArrays
from scalarspec.core.context import Context
from scalarspec.core.operations import check_complete
from scalarspec.errors import DivisionByZero, DomainError, NotExact, Undecided
from scalarspec.tracing.scalar_graph import N_ARY, ONE, OPERATIONS, ZERO, Node, below, node, number, ordered, value_of

Expr = Any  # SymPy is untyped


_IN_SYMPY: dict[str, Callable[..., Expr]] = {
    "number": sympy.Rational,
    "sum": sympy.Add,
    "logsumexp": lambda *terms: sympy.log(sympy.Add(*map(sympy.exp, terms))),
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
    "square": lambda x: x**2,
    "expm1": lambda x: sympy.exp(x) - 1,
    "expm1mx": lambda x: sympy.exp(x) - 1 - x,
    "log1p": lambda x: sympy.log(1 + x),
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "logcosh": lambda x: sympy.log(sympy.cosh(x)),
    "relu": lambda x: sympy.Max(x, 0),
    "heaviside": lambda x: sympy.Piecewise((1, x > 0), (0, True)),
    "sign": lambda x: sympy.Piecewise((1, x > 0), (-1, x < 0), (0, True)),
    "less": sympy.Lt,
    "less_equal": sympy.Le,
    "equal": sympy.Eq,
    "logical_not": sympy.Not,
    "logical_and": sympy.And,
    "logical_or": sympy.Or,
}
check_complete("symbolic: SymPy", _IN_SYMPY, OPERATIONS | {"number"})


def expression(x: Node, names: Mapping[Node, Expr] | None = None) -> Expr:
    """A node as a SymPy expression, with a symbol in the place of each other node that has a name."""
    if names is None:
        for each in ordered([x]):
            if each.cache is None:
                each.cache = _converted(each, [arg.cache for arg in below(each)])
        return x.cache
    found: dict[Node, Expr] = {}
    for each in ordered([x], names):
        named = each in names and each is not x
        found[each] = names[each] if named else _converted(each, [found[arg] for arg in below(each)])
    return found[x]


def _converted(x: Node, args: Sequence[Expr]) -> Expr:
    if x.operation == "leaf":
        return x.args[0]
    result = _IN_SYMPY[x.operation](*(args or x.args))
    if result in (sympy.zoo, sympy.nan):
        shown = ", ".join(str(arg) for arg in args)
        raise DivisionByZero(f"{x.operation}({shown}): division by zero")
    return result


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

    def in_terms(self, x: Node, names: Mapping[Node, Expr]) -> Expr:
        """The SymPy expression, with a symbol in the place of each other node that has a name."""
        return expression(x, names)

    def proposition(self, p: Any) -> Any:
        return p if isinstance(p, bool) else expression(p)

    def exact_value(self, x: Node) -> Fraction:
        known = value_of(x)
        if known is None and (x.free or not isinstance(expression(x), sympy.Rational)):
            raise NotExact(f"{expression(x)} is not a rational number")
        return _fraction(expression(x)) if known is None else known

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
        numbers = [value for term in terms if (value := value_of(term)) is not None]
        rest = [term for term in terms if term.operation != "number"]
        constant = sum(numbers, Fraction(0))
        if len(rest) == 2 and self.negative(rest[0]) is rest[1]:
            rest = []
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
        if not y.free and expression(y).is_zero:
            raise DivisionByZero(f"divide({expression(x)}, {expression(y)}): division by zero")
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
        raise Undecided(f"{expression(p)} depends on its symbols; use where(condition, a, b) to keep both branches")

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
        if not x.free and expression(x).is_nonpositive:
            raise DomainError(f"log({expression(x)}): the logarithm needs a positive number")
        return node("log", x)

    def log1p(self, x: Node) -> Node:
        self.log(self.add(ONE, x))  # refuses what it must
        return node("log1p", x)

    _sqrt = _function("sqrt")

    def sqrt(self, x: Node) -> Node:
        if not x.free and expression(x).is_negative:
            raise DomainError(f"sqrt({expression(x)}): the root needs a number that is not negative")
        root: Node = self._sqrt(x)
        return root

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
        if not (x.free or y.free) and expression(x).is_zero and expression(y).is_negative:
            raise DivisionByZero(f"pow({expression(x)}, {expression(y)}): division by zero")
        if not (x.free or y.free) and expression(x).is_negative and expression(y).is_integer is False:
            raise DomainError(f"pow({expression(x)}, {expression(y)}): a negative base needs an integer exponent")
        return node("pow", x, y)


class SymbolicArrays(LiftedArrays):
    """Lifted arrays whose sums are n-ary: linear in the number of terms."""

    context: SymbolicContext

    def logsumexp(self, x: Any, axis: tuple[int, ...]) -> Any:
        return self.reduced(self.context.logsumexp, x, axis)

    def total(self, terms: Sequence[Any]) -> Any:
        return self.context.sum(terms)


def _fraction(x: Expr) -> Fraction:
    return Fraction(int(x.p), int(x.q))


def _compared(operation: str, x: Node, y: Node, of_numbers: Callable[..., bool]) -> Any:
    """Python's truth where numbers or SymPy decide, else a node."""
    a, b = value_of(x), value_of(y)
    if a is not None and b is not None:
        return of_numbers(a, b)
    found = node(operation, x, y)
    proposition = expression(found)
    return found if isinstance(proposition, Relational | sympy.logic.boolalg.BooleanFunction) else bool(proposition)
