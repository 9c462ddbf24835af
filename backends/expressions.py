"""Nodes of the graph of expressions in SymPy, which has canonical arithmetic of its own, and decides comparisons.

SymPy goes through expressions by recursion, and looks at all levels of them again and again. So it is asked for what
it knows of shallow ones only, and what is too deep for it is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy

from scalarspec.core.operations import check_complete
from scalarspec.errors import DivisionByZero, TooLarge
from scalarspec.tracing.scalar_graph import OPERATIONS, Node, below, topological, written

Expr = Any  # SymPy is untyped


_HALF = sympy.Rational(1, 2)
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
    "floor": sympy.floor,
    "ceil": sympy.ceiling,
    "trunc": lambda x: sympy.sign(x) * sympy.floor(sympy.Abs(x)),
    "round": lambda x: sympy.floor(x + _HALF) - sympy.Piecewise((1, sympy.Eq(sympy.Mod(x, 2), _HALF)), (0, True)),
    "cbrt": lambda x: sympy.sign(x) * sympy.cbrt(sympy.Abs(x)),
    "erfc": sympy.erfc,
    "lgamma": sympy.loggamma,
    "digamma": sympy.digamma,
    "asin": sympy.asin,
    "acos": sympy.acos,
    "atan2": sympy.atan2,
    "asinh": sympy.asinh,
    "acosh": sympy.acosh,
    "atanh": sympy.atanh,
    "less": sympy.Lt,
    "less_equal": sympy.Le,
    "equal": sympy.Eq,
    "logical_not": sympy.Not,
    "logical_and": sympy.And,
    "logical_or": sympy.Or,
}
check_complete("symbolic: SymPy", _IN_SYMPY, OPERATIONS | {"number"})


ASKED = 20
"""SymPy is asked what it knows of expressions that nest no deeper: it looks at all levels, some of them many times."""
MOST = 100_000
"""So many operations an expression has at most when it is written out, what it shares each time that it occurs."""
WRITTEN = 500
"""Deeper ones are not written: SymPy needs several calls for a level, unless it is a sum in a sum."""


def expression(x: Node, names: Mapping[Node, Expr] | None = None, found: dict[Node, Expr] | None = None) -> Expr:
    """A node as a SymPy expression, with a symbol in the place of each other node that has a name.

    found: what was found before with these names, which is kept there. Raises TooLarge where the expression nests more
    deeply than SymPy can follow.
    """
    if names is None and x.depth > ASKED and written([x]) > MOST:
        raise TooLarge(f"an expression of more than {MOST} operations, written out; take a smaller slice of it")
    try:
        return _cached(x) if names is None else _in_names(x, names, {} if found is None else found)
    except RecursionError:
        raise TooLarge(
            f"an expression of {x.depth} levels nests more deeply than SymPy can follow; name what is between with "
            "ss.stage, or take derive(...).python(), c99() or matrix_form"
        ) from None


def _cached(x: Node) -> Expr:
    for each in topological([x], lambda each: () if each.cache is not None else below(each)):
        if each.cache is None:
            each.cache = _converted(each, [arg.cache for arg in below(each)])
    return x.cache


def _in_names(x: Node, names: Mapping[Node, Expr], found: dict[Node, Expr]) -> Expr:
    for each in topological(below(x), lambda each: () if each in names or each in found else below(each)):
        if each not in found:
            found[each] = names[each] if each in names else _converted(each, [found[arg] for arg in below(each)])
    if x in names:
        return _converted(x, [found[arg] for arg in below(x)])
    if x not in found:
        found[x] = _converted(x, [found[arg] for arg in below(x)])
    return found[x]


def _converted(x: Node, args: Sequence[Expr]) -> Expr:
    if x.operation == "leaf":
        return x.args[0]
    result = _IN_SYMPY[x.operation](*(args or x.args))
    if result in (sympy.zoo, sympy.nan):
        shown = ", ".join(str(arg) for arg in args)
        raise DivisionByZero(f"{x.operation}({shown}): division by zero")
    return result


def known_of(x: Node) -> Expr | None:
    """The expression of a constant that is not so deep that nothing is known of it; None for any other node."""
    return None if x.free or x.depth > ASKED else expression(x)
