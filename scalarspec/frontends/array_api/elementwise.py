"""The array API's functions of single elements, in its signatures: for tensors what `core.elementwise` says of them,
for integers exact, for truths what truths have.

`isfinite`, `isinf` and `isnan` are asked about floats as they stand. Exact numbers are finite. An enclosure with finite
ends holds real numbers alone; one that reaches to infinity may stand for what floats have no number for, such as a
quotient by 0: there the three are undecided, and neither true nor false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.core import functions as ours
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.frontends.array_api.dtypes import innermost
from scalarspec.frontends.array_api.integers import Integers, elementwise

ONE = """
    abs acos acosh asin asinh atan atanh bitwise_invert ceil cos cosh exp expm1 floor log log1p log2 log10 logical_not
    negative positive reciprocal round sign sin sinh square sqrt tan tanh trunc
"""
"""Functions of one operand."""
TWO = """
    add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal
    floor_divide greater greater_equal hypot less less_equal logaddexp logical_and logical_or logical_xor maximum
    minimum multiply not_equal pow remainder subtract
"""
"""Functions of two operands."""
_OF_TRUTHS: dict[str, Callable[..., Any]] = {}
"""What is done with truths, by operators of theirs."""
for _function, _names in (
    (operator.invert, "bitwise_invert logical_not"),
    (operator.and_, "bitwise_and logical_and"),
    (operator.or_, "bitwise_or logical_or"),
    (operator.xor, "bitwise_xor logical_xor not_equal"),
    (operator.eq, "equal"),
):
    _OF_TRUTHS |= dict.fromkeys(_names.split(), _function)


def _done(name: str, *operands: Any) -> Any:
    if name in _OF_TRUTHS and any(isinstance(x, Truth) for x in operands):
        return _OF_TRUTHS[name](*operands)
    return elementwise(name, *operands)


def _one(name: str) -> Callable[..., Any]:
    def function(x: Any, /) -> Any:
        return _done(name, x)

    return _called(name, function)


def _two(name: str) -> Callable[..., Any]:
    def function(x1: Any, x2: Any, /) -> Any:
        return _done(name, x1, x2)

    return _called(name, function)


def _called(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function under its name, with the text of ours."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = getattr(getattr(ours, name, None), "__doc__", None)
    return function


def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """x moved into [min, max], of which either may be left out, and `max` where `min` exceeds it."""
    found = x if min is None else elementwise("maximum", x, min)
    return found if max is None else elementwise("minimum", found, max)


def isfinite(x: Any, /) -> Truth:
    """Is each element a finite number?"""
    if not isinstance(x, Tensor):
        return Truth.known(x.context, np.ones(x.shape, dtype=bool))
    context = innermost(x.context)
    if context.rounds:
        return ours.abs(x) < context.tensor(np.inf)
    if not context.encloses:
        return Truth.known(context, np.ones(x.shape, dtype=bool))
    low, high = x.context.arrays.floats(x.value)
    finite = Truth.known(context, np.asarray(np.isfinite(low) & np.isfinite(high)))
    return finite | (x == x)


def isinf(x: Any, /) -> Truth:
    """Is each element an infinity?"""
    rounds = isinstance(x, Tensor) and innermost(x.context).rounds
    return ours.abs(x) == innermost(x.context).tensor(np.inf) if rounds else ~isfinite(x)


def isnan(x: Any, /) -> Truth:
    """Is each element no number?"""
    rounds = isinstance(x, Tensor) and innermost(x.context).rounds
    return ours.not_equal(x, x) if rounds else ~isfinite(x)


def conj(x: Any, /) -> Any:
    """x itself: its numbers are real."""
    return positive(x)


def real(x: Any, /) -> Any:
    """x itself: its numbers are real."""
    return positive(x)


def imag(x: Any, /) -> Any:
    """Zeros: the numbers of x are real."""
    zeros = np.zeros(x.shape, dtype=int)
    return Integers(x.context, zeros.astype(x.array.dtype)) if isinstance(x, Integers) else x.context.tensor(zeros)


positive = _one("positive")
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: _one(name) for name in ONE.split()},
    **{name: _two(name) for name in TWO.split()},
    **{f.__name__: f for f in (clip, conj, imag, isfinite, isinf, isnan, real)},
}
"""The functions by their names."""
