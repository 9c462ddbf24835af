"""What an operation gives at rational operands: exactly, or to 100 digits by mpmath.

`RATIONAL` and `ELEMENTARY` hold between them each elementwise operation but `pi`, which has a law of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mpmath.ctx_mp import MPContext

from scalarspec.core.context import DERIVED, PRIMITIVES
from scalarspec.core.operations import OPERATIONS, check_complete, having
from scalarspec.errors import DomainError
from scalarspec.laws.agreement import DIGITS, REFERENCE_ERROR
from scalarspec.laws.law import Operands
from scalarspec.numbers.exact import mpf_value

RATIONAL: dict[str, Callable[..., Fraction]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "maximum": max,
    "minimum": min,
    "abs": abs,
    "clip": lambda x, a, b: min(max(x, a), b),
    "heaviside": lambda x: Fraction(x > 0),
    "sign": lambda x: Fraction((x > 0) - (x < 0)),
    "relu": lambda x: max(x, Fraction(0)),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "hardswish": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "softsign": lambda x: x / (1 + abs(x)),
    "floor": lambda x: Fraction(math.floor(x)),
    "ceil": lambda x: Fraction(math.ceil(x)),
    "trunc": lambda x: Fraction(math.trunc(x)),
    "round": lambda x: Fraction(round(x)),
    "remainder": lambda x, y: x % y,
    "copysign": lambda x, y: -abs(x) if y < 0 else abs(x),
}


_mp = MPContext()  # of our own: mpmath.mp is the caller's
_mp.dps = DIGITS + 20


def _anywhere(*_: Fraction) -> bool:
    return True


@dataclass(frozen=True)
class Elementary:
    """A function by its 100-digit value, in a form that does not cancel at this precision on the operands.

    domain: at which rational operands it has a value.
    """

    value: Callable[..., Any]
    domain: Callable[..., bool] = _anywhere


ELEMENTARY: dict[str, Elementary] = {
    "exp": Elementary(_mp.exp),
    "log": Elementary(_mp.log, lambda x: x > 0),
    "sqrt": Elementary(_mp.sqrt, lambda x: x >= 0),
    "sin": Elementary(_mp.sin),
    "cos": Elementary(_mp.cos),
    "tan": Elementary(_mp.tan),
    "atan": Elementary(_mp.atan),
    "erf": Elementary(_mp.erf),
    "expm1": Elementary(_mp.expm1),
    "log1p": Elementary(_mp.log1p, lambda x: x > -1),
    "expm1mx": Elementary(lambda x: _mp.exp(x) - 1 - x),
    "sinh": Elementary(_mp.sinh),
    "cosh": Elementary(_mp.cosh),
    "tanh": Elementary(_mp.tanh),
    "sigmoid": Elementary(lambda x: 1 / (1 + _mp.exp(-x))),
    "softplus": Elementary(lambda x: _mp.log1p(_mp.exp(x))),
    "logcosh": Elementary(lambda x: _mp.log(_mp.cosh(x))),
    "elu": Elementary(lambda x: x if x > 0 else _mp.expm1(x)),
    "silu": Elementary(lambda x: x / (1 + _mp.exp(-x))),
    "gelu": Elementary(lambda x: x * _mp.ncdf(x)),
    "gelu_tanh": Elementary(lambda x: x / (1 + _mp.exp(-_mp.sqrt(8 / _mp.pi) * (x + _mp.mpf("0.044715") * x**3)))),
    "mish": Elementary(lambda x: x * _mp.tanh(_mp.log1p(_mp.exp(x)))),
    "erfc": Elementary(_mp.erfc),
    "log_ndtr": Elementary(lambda x: _mp.log(_mp.ncdf(x)) if x < 0 else _mp.log1p(-_mp.ncdf(-x))),
    "lgamma": Elementary(_mp.loggamma, lambda x: x > 0),
    "digamma": Elementary(_mp.digamma, lambda x: x > 0),
    "cbrt": Elementary(lambda x: _mp.cbrt(abs(x)) * _mp.sign(x)),
    "hypot": Elementary(_mp.hypot),
    "log2": Elementary(lambda x: _mp.log(x, 2), lambda x: x > 0),
    "log10": Elementary(_mp.log10, lambda x: x > 0),
    "asin": Elementary(_mp.asin, lambda x: abs(x) <= 1),
    "acos": Elementary(_mp.acos, lambda x: abs(x) <= 1),
    "atan2": Elementary(_mp.atan2, lambda y, x: y != 0 or x != 0),
    "asinh": Elementary(_mp.asinh),
    "acosh": Elementary(_mp.acosh, lambda x: x >= 1),
    "atanh": Elementary(_mp.atanh, lambda x: abs(x) < 1),
    "pow": Elementary(lambda x, y: x**y, lambda x, y: x > 0),
}

check_complete("laws: exact values", [*RATIONAL, *ELEMENTARY], having(kind="elementwise") - {"pi"})


def reference(name: str, *operands: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds, 100 digits apart, on an elementary function at rational operands.

    name: of the function, such as "exp"; operands: its arguments. Returns the two bounds.

        laws.reference("exp", Fraction(1))
    """
    value = mpf_value(ELEMENTARY[name].value(*(_mp.mpf(x.numerator) / x.denominator for x in operands))._mpf_)
    error = REFERENCE_ERROR * max(abs(value), REFERENCE_ERROR)
    return value - error, value + error


def pi_reference() -> tuple[Fraction, Fraction]:
    """Bounds, 100 digits apart, on π."""
    value = mpf_value((+_mp.pi)._mpf_)
    return value - REFERENCE_ERROR, value + REFERENCE_ERROR


def logsumexp(operands: Operands) -> Fraction:
    """log Σ eˣ of rational operands, to 100 digits."""
    return mpf_value(_mp.log(sum(_mp.exp(_mp.mpf(x.numerator) / x.denominator) for x in operands))._mpf_)


def exactly(name: str, operands: Operands) -> tuple[Fraction, Fraction] | None:
    """Bounds on the exact value of an operation at a point; None where it has none."""
    if name in ELEMENTARY:
        return reference(name, *operands) if ELEMENTARY[name].domain(*operands) else None
    if name in RATIONAL and OPERATIONS[name].border == "pole" and operands[-1] == 0:
        return None
    value = Fraction(RATIONAL[name](*operands))
    return value, value


def known(name: str, operands: Operands) -> tuple[Fraction, Fraction]:
    """The same, where a point without a value is no case of a law."""
    exact = exactly(name, operands)
    if exact is None:
        raise DomainError(f"{name} has no value here: no case")
    return exact


def arity_of(operation: str) -> int:
    """How many operands a scalar operation takes.

    For example:

        laws.arity_of("exp")    # 1
    """
    code = (PRIMITIVES | DERIVED)[operation].__code__
    return code.co_argcount - 1
