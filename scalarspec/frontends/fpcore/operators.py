"""The operators and constants of FPCore, in functions of ours."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, pairwise
from math import inf
from typing import Any

from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.tensor import Tensor


@dataclass(frozen=True)
class Operator:
    """A function of numbers, or of truths, with least to most operands."""

    function: Callable[..., Any]
    least: int
    most: float
    of_truths: bool = False
    is_truth: bool = False


def _subtract(x: Tensor, *y: Tensor) -> Tensor:
    return f.subtract(x, *y) if y else f.negative(x)


def _round(x: Tensor) -> Tensor:
    """To the nearest integer, halves away from zero, as C's round. In floats nothing of it is rounded; `clip` changes
    no number, and keeps enclosures narrow.
    """
    whole = f.trunc(x)
    return whole + f.clip(f.trunc((x - whole) * 2), -1, 1)


def _fmod(x: Tensor, y: Tensor) -> Tensor:
    """The remainder with the sign of x, as C's fmod."""
    return f.sign(x) * f.remainder(f.abs(x), f.abs(y))


def _exp2(x: Tensor) -> Tensor:
    return f.pow(x.context.tensor(2), x)


def _fdim(x: Tensor, y: Tensor) -> Tensor:
    return f.maximum(x - y, 0)


def _fma(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return x * y + z


def _all_of(*truths: Any) -> Any:
    return reduce(operator.and_, truths)


def _any_of(*truths: Any) -> Any:
    return reduce(operator.or_, truths)


def _chained(relation: Callable[[Any, Any], Any], pairs: Callable[[Sequence[Any]], Any] = pairwise) -> Operator:
    """A comparison of any number of operands: it holds for all the pairs."""
    return Operator(lambda *xs: _all_of(*(relation(x, y) for x, y in pairs(xs))), 2, inf, is_truth=True)


UNARY: dict[str, Callable[..., Any]] = {
    "fabs": f.abs, "neg": f.negative, "sqrt": f.sqrt, "cbrt": f.cbrt, "exp": f.exp, "expm1": f.expm1, "log": f.log,
    "log1p": f.log1p, "log2": f.log2, "log10": f.log10, "sin": f.sin, "cos": f.cos, "tan": f.tan, "asin": f.asin,
    "acos": f.acos, "atan": f.atan, "sinh": f.sinh, "cosh": f.cosh, "tanh": f.tanh, "asinh": f.asinh,
    "acosh": f.acosh, "atanh": f.atanh, "erf": f.erf, "erfc": f.erfc, "lgamma": f.lgamma, "ceil": f.ceil,
    "floor": f.floor, "trunc": f.trunc, "nearbyint": f.round, "round": _round, "exp2": _exp2,
}  # fmt: skip
"""Functions of one number, by their names in FPCore. `nearbyint` takes halves to even, as floats do."""
BINARY: dict[str, Callable[..., Any]] = {
    "+": f.add, "*": f.multiply, "/": f.divide, "pow": f.pow, "hypot": f.hypot, "atan2": f.atan2, "fmax": f.maximum,
    "fmin": f.minimum, "fdim": _fdim, "fmod": _fmod, "copysign": f.copysign,
}  # fmt: skip
"""Functions of two."""
OPERATORS = {name: Operator(function, 1, 1) for name, function in UNARY.items()}
OPERATORS |= {name: Operator(function, 2, 2) for name, function in BINARY.items()}
OPERATORS |= {
    "-": Operator(_subtract, 1, 2),
    "fma": Operator(_fma, 3, 3),
    "<": _chained(f.less),
    ">": _chained(f.greater),
    "<=": _chained(f.less_equal),
    ">=": _chained(f.greater_equal),
    "==": _chained(f.equal),
    "!=": _chained(f.not_equal, lambda operands: combinations(operands, 2)),
    "and": Operator(_all_of, 1, inf, True, True),
    "or": Operator(_any_of, 1, inf, True, True),
    "not": Operator(f.logical_not, 1, 1, True, True),
}
"""Every operator that a spec has, by its name."""

CONSTANTS: dict[str, Callable[[Context[Any]], Tensor]] = {
    "E": lambda c: f.exp(c.tensor(1)),
    "LOG2E": lambda c: 1 / f.log(c.tensor(2)),
    "LOG10E": lambda c: 1 / f.log(c.tensor(10)),
    "LN2": lambda c: f.log(c.tensor(2)),
    "LN10": lambda c: f.log(c.tensor(10)),
    "PI": f.pi,
    "PI_2": lambda c: f.pi(c) / 2,
    "PI_4": lambda c: f.pi(c) / 4,
    "M_1_PI": lambda c: 1 / f.pi(c),
    "M_2_PI": lambda c: 2 / f.pi(c),
    "M_2_SQRTPI": lambda c: 2 / f.sqrt(f.pi(c)),
    "SQRT2": lambda c: f.sqrt(c.tensor(2)),
    "SQRT1_2": lambda c: f.sqrt(c.tensor(2)) / 2,
}
"""The constants of FPCore: the real numbers, which no float is."""
TRUTHS = {"TRUE": True, "FALSE": False}
