"""NumPy's universal functions: what each means, on each element, over an axis, and between all pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor, Truth, common_context
from scalarspec.frontends.calls import IN_PLACE, NOT_OURS, Handler, number, refusal, refuse, truth
from scalarspec.frontends.numpy.scipy_special import SPECIAL

BITS = "it looks at the bits of a format, and a tensor's numbers have none"
_BITS = refusal(BITS)
_INTEGERS = refusal("it is for integers, and a tensor's numbers are real")


def _both(of_truths: Handler, of_numbers: Handler) -> Handler:
    """A function that is a connective of truths, and arithmetic of numbers, as NumPy's `multiply` is."""

    def either(x: Any, y: Any) -> Any:
        x, y = _as_truths(x, y)
        if isinstance(x, Truth) and isinstance(y, Truth):
            return of_truths(x, y)
        return of_numbers(number(x), number(y))

    return either


def _as_truths(x: Any, y: Any) -> tuple[Any, Any]:
    """Bools beside truths as truths of their context."""
    if isinstance(x, Truth) != isinstance(y, Truth):
        context = (x if isinstance(x, Truth) else y).context
        x, y = (p if isinstance(p, Truth) or not _is_bools(p) else Truth.known(context, np.asarray(p)) for p in (x, y))
    return x, y


def _is_bools(p: Any) -> bool:
    return isinstance(p, bool | np.bool_) or (isinstance(p, np.ndarray) and p.dtype == bool)


def _connective(function: Handler) -> Handler:
    def joined(x: Any, y: Any) -> Any:
        return function(*_as_truths(truth(x), truth(y)))

    return joined


def _bitwise(function: Handler) -> Handler:
    """A connective of truths, which of numbers would look at bits."""

    def joined(*operands: Any) -> Any:
        if any(isinstance(x, Tensor) for x in operands):
            refuse("bitwise", BITS)
        return function(*operands)

    return joined


def _numbers(function: Handler) -> Handler:
    """A function of numbers, for which truths count as 1 and 0."""

    def of_numbers(*operands: Any) -> Any:
        return function(*map(number, operands))

    return of_numbers


def bounded(function: Handler, infinity: float) -> Handler:
    """A maximum, or a minimum, for which an infinity is no limit."""

    def limited(x: Any, y: Any) -> Any:
        for one, other in ((x, y), (y, x)):
            if isinstance(other, float | np.floating) and other == infinity:
                return one
        return function(x, y)

    return limited


def floor_divide(x: Any, y: Any) -> Any:
    """The floor of the quotient."""
    return f.floor(f.divide(x, y))


def fmod(x: Any, y: Any) -> Any:
    """The remainder with the sign of x."""
    return f.subtract(x, f.multiply(y, f.trunc(f.divide(x, y))))


def heaviside(x: Any, at_zero: Any) -> Any:
    """0 where x < 0, 1 where x > 0, and what is said at 0."""
    t = x if isinstance(x, Tensor) else common_context("heaviside", (x, at_zero)).tensor(x)
    return f.where(f.less(t, 0), 0, f.where(f.greater(t, 0), 1, at_zero))


def ldexp(x: Any, i: Any) -> Any:
    """x times a power of 2."""
    return f.multiply(x, f.pow(common_context("ldexp", (x, i)).tensor(2), i))


def exp2(x: Any) -> Any:
    """2 to the power x."""
    return f.pow(2, x)


def logaddexp2(x: Any, y: Any) -> Any:
    """The binary logarithm of the sum of powers of 2, of which none overflows."""
    log_two = f.log(common_context("logaddexp2", (x, y)).tensor(2))
    return f.divide(f.logaddexp(f.multiply(x, log_two), f.multiply(y, log_two)), log_two)


def radians(x: Any) -> Any:
    """Degrees in radians."""
    return f.multiply(x, f.divide(f.pi(x.context), 180))


def degrees(x: Any) -> Any:
    """Radians in degrees."""
    return f.multiply(x, f.divide(180, f.pi(x.context)))


def isnan(x: Any) -> Truth:
    """Is it NaN? Only floats may be."""
    return f.not_equal(x, x) if x.context.rounds else Truth.known(x.context, np.zeros(x.shape, dtype=bool))


def isfinite(x: Any) -> Truth:
    """Is it a real number? Only floats may be none."""
    if not x.context.rounds:
        return Truth.known(x.context, np.ones(x.shape, dtype=bool))
    nothing = x - x
    return f.equal(nothing, nothing)


def isinf(x: Any) -> Truth:
    """Is it infinite? Only floats may be."""
    return ~isfinite(x) & ~isnan(x)


def signbit(x: Any) -> Truth:
    """Is it negative, or minus zero?"""
    return f.less(f.copysign(1, x), 0)


def _same(x: Any) -> Any:
    return x


_ARITHMETIC: dict[Any, Handler] = {
    np.add: _both(f.logical_or, f.add), np.subtract: f.subtract, np.multiply: _both(f.logical_and, f.multiply),
    np.divide: f.divide, np.power: f.pow, np.float_power: f.pow, np.negative: f.negative, np.positive: f.positive,
    np.floor_divide: floor_divide, np.remainder: f.remainder, np.fmod: fmod, np.reciprocal: f.reciprocal,
    np.divmod: lambda x, y: (floor_divide(x, y), f.remainder(x, y)), np.matmul: f.matmul,
    np.modf: lambda x: (x - f.trunc(x), f.trunc(x)), np.ldexp: ldexp,
    np.vecdot: f.vecdot,
}  # fmt: skip
_FUNCTIONS: dict[Any, Handler] = {
    np.abs: f.abs, np.fabs: f.abs, np.sign: f.sign, np.heaviside: heaviside, np.conjugate: _same,
    np.rint: f.round, np.floor: f.floor, np.ceil: f.ceil, np.trunc: f.trunc, np.copysign: f.copysign,
    np.maximum: bounded(f.maximum, -np.inf), np.minimum: bounded(f.minimum, np.inf),
    np.fmax: f.maximum, np.fmin: f.minimum,
    np.exp: f.exp, np.exp2: exp2, np.expm1: f.expm1, np.log: f.log, np.log2: f.log2, np.log10: f.log10,
    np.log1p: f.log1p, np.logaddexp: f.logaddexp, np.logaddexp2: logaddexp2,
    np.sqrt: f.sqrt, np.square: f.square, np.cbrt: f.cbrt, np.hypot: f.hypot,
    np.sin: f.sin, np.cos: f.cos, np.tan: f.tan, np.arcsin: f.asin, np.arccos: f.acos, np.arctan: f.atan,
    np.arctan2: f.atan2, np.sinh: f.sinh, np.cosh: f.cosh, np.tanh: f.tanh, np.arcsinh: f.asinh,
    np.arccosh: f.acosh, np.arctanh: f.atanh, np.radians: radians, np.deg2rad: radians, np.degrees: degrees,
    np.rad2deg: degrees,
    np.less: f.less, np.less_equal: f.less_equal, np.greater: f.greater, np.greater_equal: f.greater_equal,
    np.equal: f.equal, np.not_equal: f.not_equal,
    np.isnan: isnan, np.isfinite: isfinite, np.isinf: isinf, np.signbit: signbit,
}  # fmt: skip
_TRUTHS: dict[Any, Handler] = {
    np.logical_and: _connective(f.logical_and), np.bitwise_and: _bitwise(_connective(f.logical_and)),
    np.logical_or: _connective(f.logical_or), np.bitwise_or: _bitwise(_connective(f.logical_or)),
    np.logical_xor: _connective(f.logical_xor), np.bitwise_xor: _bitwise(_connective(f.logical_xor)),
    np.logical_not: lambda p: ~truth(p), np.invert: _bitwise(lambda p: ~p),
}  # fmt: skip
_REFUSED: dict[Any, Handler] = {
    np.spacing: _BITS, np.nextafter: _BITS, np.frexp: _BITS, np.gcd: _INTEGERS, np.lcm: _INTEGERS,
    np.left_shift: _INTEGERS, np.right_shift: _INTEGERS, np.bitwise_count: _INTEGERS,
    np.isnat: refusal("it is for dates"),
}  # fmt: skip
_NEWER: dict[str, Handler] = {
    "matvec": lambda a, x: f.matmul(a, f.expand_dims(x, -1))[..., 0],
    "vecmat": lambda x, a: f.matmul(f.expand_dims(x, -2), a)[..., 0, :],
}
"""Those that the oldest NumPy which we run on has not."""
_OURS = {**_ARITHMETIC, **_FUNCTIONS, **{getattr(np, n): h for n, h in _NEWER.items() if hasattr(np, n)}}
UFUNCS: dict[Any, Handler] = {
    **{u: h if h is _OURS[np.add] or h is _OURS[np.multiply] else _numbers(h) for u, h in _OURS.items()},
    **_TRUTHS,
    **_REFUSED,
}
"""What each of NumPy's universal functions does on each element."""

Reduction = Callable[..., Any]


_REDUCED: dict[Any, tuple[Reduction, Handler]] = {
    np.add: (lambda x, axis, keepdims: f.sum(number(x), axis, keepdims), f.add),
    np.multiply: (lambda x, axis, keepdims: f.prod(number(x), axis, keepdims), f.multiply),
    np.maximum: (f.max, f.maximum), np.minimum: (f.min, f.minimum), np.fmax: (f.max, f.maximum),
    np.fmin: (f.min, f.minimum), np.logaddexp: (f.logsumexp, f.logaddexp),
    np.logical_and: (lambda x, axis, keepdims: f.all(truth(x), axis, keepdims), f.logical_and),
    np.logical_or: (lambda x, axis, keepdims: f.any(truth(x), axis, keepdims), f.logical_or),
}  # fmt: skip


def running(function: Handler, x: Tensor, axis: int) -> Tensor:
    """A function of two between the first elements along an axis, for each number of them."""
    rows = f.unstack(x, axis)
    found = rows[:1]
    for row in rows[1:]:
        found.append(function(found[-1], row))
    return f.stack(found, axis) if found else x


def _reduce(ufunc: Any) -> Handler:
    reduction, joined = _REDUCED[ufunc]

    def reduce(array: Any, axis: Any = 0, *, keepdims: bool = False, initial: Any = None) -> Any:
        found = reduction(array, axis, keepdims)
        return found if initial is None or initial is np._NoValue else joined(found, initial)

    return reduce


def _accumulate(ufunc: Any) -> Handler:
    known = {np.add: f.cumulative_sum, np.multiply: f.cumulative_prod}

    def accumulate(array: Any, axis: int = 0) -> Any:
        array = number(array)
        return known[ufunc](array, axis) if ufunc in known else running(UFUNCS[ufunc], array, axis)

    return accumulate


def _outer(ufunc: Any) -> Handler:
    def outer(a: Any, b: Any) -> Any:
        left, right = (x if isinstance(x, Tensor | Truth) else np.asarray(x) for x in (a, b))
        apart = (
            left.reshape((*left.shape, *(1,) * right.ndim))
            if isinstance(left, np.ndarray)
            else f.reshape(left, (*left.shape, *(1,) * right.ndim))
        )
        return UFUNCS[ufunc](apart, right)

    return outer


def handler(ufunc: Any, method: str) -> tuple[str, Handler]:
    """The name of a universal function, or of a method of it, and what does it."""
    short: str = ufunc.__name__
    name = f"{'numpy' if ufunc in UFUNCS else 'scipy.special'}.{short}"
    if method == "__call__":
        return name, UFUNCS.get(ufunc) or SPECIAL.get(short) or refusal(NOT_OURS)
    name = f"{name}.{method}"
    if method == "reduce" and ufunc in _REDUCED:
        return name, _reduce(ufunc)
    if method == "accumulate" and ufunc in UFUNCS and ufunc.nin == 2:
        return name, _accumulate(ufunc)
    if method == "outer" and ufunc in UFUNCS and ufunc.nin == 2:
        return name, _outer(ufunc)
    return name, refusal(IN_PLACE if method == "at" else NOT_OURS)
