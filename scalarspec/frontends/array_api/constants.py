"""`Constant`: a float that is a number of a float context, too.

π, e, infinities and the facts about a format are Python floats in the array API, and as literals of a spec most floats
are refused, since 0.1 is no tenth. These mean what they are: with tensors they are data, and with numbers tensors. In
contexts that are exact, or enclose, π, e and the facts are tensors, since no float is π. The infinities are no real
numbers there, stay plain floats, and are refused wherever a real number is wanted; so is NaN under exact numbers. To
enclosures it says that there is no value, which any set holds: it is all real numbers, and so is what comes of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.core import functions as ours
from scalarspec.core.context import Context
from scalarspec.core.tensor import Tensor
from scalarspec.errors import DomainError
from scalarspec.numbers.exact import boxed


class Constant(float):
    """A float, and the context of floats that it is a number of."""

    context: Any

    def __new__(cls, number: float, context: Context[Any]) -> Constant:
        """The float, and the context."""
        made = super().__new__(cls, number)
        made.context = context
        return made

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(float(self), dtype=dtype)

    def __reduce__(self) -> Any:
        return float, (float(self),)


def _in_context(name: str) -> Callable[..., Any]:
    """An operator of the tensor that the constant is."""

    def method(self: Constant, *others: Any) -> Any:
        return getattr(self.context.tensor(float(self)), name)(*others)

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    for _side in ("", "r"):
        setattr(Constant, f"__{_side}{_name}__", _in_context(f"__{_side}{_name}__"))


def constant(context: Context[Any], number: float) -> Any:
    """A number that is a float exactly: a fact about a format."""
    return Constant(number, context) if context.rounds else context.tensor(number)


def _special(number: float) -> Callable[[Context[Any]], Any]:
    return lambda context: Constant(number, context) if context.rounds else number


def _irrational(function: Callable[[Context[Any]], Any], number: float) -> Callable[[Context[Any]], Any]:
    return lambda context: Constant(number, context) if context.rounds else function(context)


def _nan(context: Context[Any]) -> Any:
    if not context.encloses:
        return _special(math.nan)(context)
    return Tensor.from_scalars(context, boxed(context.anything(DomainError("nan is not a real number"))))


CONSTANTS: dict[str, Callable[[Context[Any]], Any]] = {
    "e": _irrational(lambda context: ours.exp(context.tensor(1)), math.e),
    "pi": _irrational(ours.pi, math.pi),
    "inf": _special(math.inf),
    "nan": _nan,
    "newaxis": lambda context: None,
}
"""The constants of the standard, by name, in a context. Under exact numbers π and e are refused: NotExact."""
