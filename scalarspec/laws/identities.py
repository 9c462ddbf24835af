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
    ("sigmoid(x) + sigmoid(-x) = 1", 1, lambda x: (f.sigmoid(x) + f.sigmoid(-x), x * 0 + 1)),
    ("softplus(x) = x + softplus(-x)", 1, lambda x: (f.softplus(x), x + f.softplus(-x))),
    ("expm1(x) = exp(x) - 1", 1, lambda x: (f.expm1(x), f.exp(x) - 1)),
    ("log1p(expm1(x)) = x", 1, lambda x: (f.log1p(f.expm1(x)), x)),
    ("expm1mx(x) = expm1(x) - x", 1, lambda x: (f.expm1mx(x), f.expm1(x) - x)),
    ("exp(logcosh(x)) = cosh(x)", 1, lambda x: (f.exp(f.logcosh(x)), f.cosh(x))),
    ("(x + y)³ by pow", 2, lambda x, y: ((x + y) ** 3, (x + y) * f.square(x + y))),
]


def identities() -> Iterator[Law]:
    """One law for each identity."""
    for name, arity, sides in _IDENTITIES:
        yield Law("identity", name, arity, _identity_check(name, sides))


def _identity_check(name: str, sides: Callable[..., tuple[Any, Any]]) -> Callable[..., None]:
    def check(context: Context[Any], *operands: Fraction) -> None:
        left, right = sides(*lifted(context, operands))
        meet(left, right, exponential_scale(operands), name)

    return check
