"""Laws that are identities of the reals, such as cosh² = 1 + sinh²."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.laws.agreement import exponential_scale, lifted, meet
from scalarspec.laws.law import Law

_IDENTITIES: list[tuple[str, int, Callable[..., tuple[Any, Any]]]] = [
    ("x + y = y + x", 2, lambda x, y: (x + y, y + x)),
    ("x y = y x", 2, lambda x, y: (x * y, y * x)),
    ("x (y + z) = x y + x z", 3, lambda x, y, z: (x * (y + z), x * y + x * z)),
    ("(x - y) + y = x", 2, lambda x, y: ((x - y) + y, x)),
    ("x + (-x) = 0", 1, lambda x: (x + (-x), x * 0)),
    ("max(x, y) + min(x, y) = x + y", 2, lambda x, y: (f.maximum(x, y) + f.minimum(x, y), x + y)),
    ("relu(x) - relu(-x) = x", 1, lambda x: (f.relu(x) - f.relu(-x), x)),
    ("relu(x) + relu(-x) = |x|", 1, lambda x: (f.relu(x) + f.relu(-x), f.abs(x))),
    ("sign(x) |x| = x", 1, lambda x: (f.sign(x) * f.abs(x), x)),
    ("heaviside(x) x = relu(x)", 1, lambda x: (f.heaviside(x) * x, f.relu(x))),
    ("square(x) = x x", 1, lambda x: (f.square(x), x * x)),
    ("sqrt(square(x)) = |x|", 1, lambda x: (f.sqrt(f.square(x)), f.abs(x))),
    ("exp(x) exp(-x) = 1", 1, lambda x: (f.exp(x) * f.exp(-x), x * 0 + 1)),
    ("log(exp(x)) = x", 1, lambda x: (f.log(f.exp(x)), x)),
    ("sin² + cos² = 1", 1, lambda x: (f.square(f.sin(x)) + f.square(f.cos(x)), x * 0 + 1)),
    ("cosh² = 1 + sinh²", 1, lambda x: (f.square(f.cosh(x)), 1 + f.square(f.sinh(x)))),
    ("tanh cosh = sinh", 1, lambda x: (f.tanh(x) * f.cosh(x), f.sinh(x))),
    ("tan cos = sin", 1, lambda x: (f.tan(x) * f.cos(x), f.sin(x))),
    ("tan(atan(x)) = x", 1, lambda x: (f.tan(f.atan(x)), x)),
    ("erf(x) + erf(-x) = 0", 1, lambda x: (f.erf(x) + f.erf(-x), x * 0)),
    ("erf(x) + erfc(x) = 1", 1, lambda x: (f.erf(x) + f.erfc(x), x * 0 + 1)),
    ("silu(x) - silu(-x) = x", 1, lambda x: (f.silu(x) - f.silu(-x), x)),
    ("gelu(x) - gelu(-x) = x", 1, lambda x: (f.gelu(x) - f.gelu(-x), x)),
    ("exp(log_ndtr(x)) + exp(log_ndtr(-x)) = 1", 1, lambda x: (_ndtr(x) + _ndtr(-x), x * 0 + 1)),
    ("sinh(asinh(x)) = x", 1, lambda x: (f.sinh(f.asinh(x)), x)),
    ("cosh(acosh(1 + x²)) = 1 + x²", 1, lambda x: (f.cosh(f.acosh(1 + f.square(x))), 1 + f.square(x))),
    ("tanh(atanh(tanh(x))) = tanh(x)", 1, lambda x: (f.tanh(f.atanh(f.tanh(x))), f.tanh(x))),
    ("asin(tanh(x)) + acos(tanh(x)) = π/2", 1, lambda x: (_quarter_turn(f.tanh(x)), f.pi(x.context) / 2 + 0 * x)),
    ("cbrt(x)³ = x", 1, lambda x: (f.cbrt(x) ** 3, x)),
    ("⌈x⌉ = -⌊-x⌋", 1, lambda x: (f.ceil(x), -f.floor(-x))),
    ("y ⌊x/y⌋ + remainder(x, y) = x, for y > 0", 2, lambda x, y: (_divided(x, 1 + f.square(y)), x)),
    ("copysign(x, x) = x", 1, lambda x: (f.copysign(x, x), x)),
    ("hypot(x, y)² = x² + y²", 2, lambda x, y: (f.square(f.hypot(x, y)), f.square(x) + f.square(y))),
    ("lgamma(2 + x²) = lgamma(1 + x²) + log(1 + x²)", 1, lambda x: _steps_of_gamma(f.square(x) + 1)),
    ("sigmoid(x) + sigmoid(-x) = 1", 1, lambda x: (f.sigmoid(x) + f.sigmoid(-x), x * 0 + 1)),
    ("softplus(x) = x + softplus(-x)", 1, lambda x: (f.softplus(x), x + f.softplus(-x))),
    ("expm1(x) = exp(x) - 1", 1, lambda x: (f.expm1(x), f.exp(x) - 1)),
    ("log1p(expm1(x)) = x", 1, lambda x: (f.log1p(f.expm1(x)), x)),
    ("expm1mx(x) = expm1(x) - x", 1, lambda x: (f.expm1mx(x), f.expm1(x) - x)),
    ("exp(logcosh(x)) = cosh(x)", 1, lambda x: (f.exp(f.logcosh(x)), f.cosh(x))),
    ("(x + y)³ by pow", 2, lambda x, y: ((x + y) ** 3, (x + y) * f.square(x + y))),
]


def _ndtr(x: Any) -> Any:
    return f.exp(f.log_ndtr(x))


def _quarter_turn(x: Any) -> Any:
    return f.asin(x) + f.acos(x)


def _divided(x: Any, y: Any) -> Any:
    return y * f.floor(x / y) + f.remainder(x, y)


def _steps_of_gamma(x: Any) -> tuple[Any, Any]:
    return f.lgamma(x + 1), f.lgamma(x) + f.log(x)


def identities() -> Iterator[Law]:
    """One law for each identity."""
    for name, arity, sides in _IDENTITIES:
        yield Law("identity", name, arity, _identity_check(name, sides))


def _identity_check(name: str, sides: Callable[..., tuple[Any, Any]]) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        left, right = sides(*lifted(context, operands))
        meet(left, right, exponential_scale(operands), name)

    return check
