"""Values that a JAX program knows without its arguments: integers, truths, and floats that are constants of its text.

Integers and truths are worked out exactly, in Python's integers: JAX would wrap around where they leave their width,
which no integer does, and that is refused. Constants that are floats are numbers at their binary value. What is done
with them is done here where the result is such a float again, so that neither JAX nor a real number knows another one;
anything else is the context's to work out.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from itertools import takewhile
from typing import Any

import numpy as np

from scalarspec.errors import DivisionByZero, NotSupported

Array = np.ndarray[Any, Any]
FOLDED = 256
"""The most constants that are worked out one by one. Those that decide on indices are few."""


def is_known(value: Any) -> bool:
    """Is a value of a program an array of NumPy's, and no tensor?"""
    return isinstance(value, np.ndarray)


def is_width(dtype: str, kinds: str) -> bool:
    """Is a type of numbers of one of these kinds?"""
    return kind_of(dtype) in kinds


def kind_of(dtype: str) -> str:
    """NumPy's letter for a type of JAX: b, i, u, f or c; "?" for what is no number, such as a key of random numbers."""
    kinds = {"bool": "b", "int": "i", "uint": "u", "float": "f", "bfloat": "f", "complex": "c"}
    return next((letter for name, letter in kinds.items() if dtype.startswith(name)), "?")


def bits_of(dtype: str) -> int:
    """How wide floats of a type are."""
    return int("".join(takewhile(str.isdigit, dtype.partition("float")[2])))


def quotient(x: Any, y: Any) -> Any:
    """x / y; of integers without its fraction, as XLA has it."""
    if isinstance(x, int) and isinstance(y, int):
        return math.trunc(Fraction(x, y))
    return Fraction(x) / y


def rest(x: Any, y: Any) -> Any:
    """x - y trunc(x / y): the remainder with the sign of x."""
    return x - y * math.trunc(Fraction(x) / y)


def _sign(x: Any) -> int:
    return int(x > 0) - int(x < 0)


def _rounded(x: Any, rounding_method: Any) -> Any:
    """The nearest integer; of two, the even one, or the one away from zero."""
    return round(x) if to_even(rounding_method) else _sign(x) * math.floor(abs(x) + Fraction(1, 2))


def to_even(rounding_method: Any) -> bool:
    """Does `lax.round` take the even one of two integers that are as near? Else it is the one away from zero."""
    return rounding_method in (1, "TO_NEAREST_EVEN")


def _shifted(x: int, y: int) -> int:
    """Bits shifted right. Raises NotSupported for a negative number, whose bits depend on its width."""
    if x < 0:
        raise NotSupported(f"shift_right_logical: {x} is negative: its bits depend on its width")
    return x >> y


def _power(x: Any, y: Any) -> Any:
    return x**y if isinstance(x, int) and y >= 0 else Fraction(x) ** y


ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "add_any": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": quotient,
    "rem": rest,
    "neg": operator.neg,
    "abs": abs,
    "sign": _sign,
    "max": max,
    "min": min,
    "square": lambda x: x * x,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": _rounded,
    "integer_pow": _power,
    "clamp": lambda low, x, high: min(max(x, low), high),
    "shift_left": operator.lshift,
    "shift_right_arithmetic": operator.rshift,
    "shift_right_logical": _shifted,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
}
"""What is done with exact numbers, one by one: with integers and, but for bits, with fractions."""
BITS = {"shift_left", "shift_right_arithmetic", "shift_right_logical", "and", "or", "xor", "not"}
COMPARED: dict[str, Callable[..., Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
"""Comparisons, which NumPy's arrays of one type have without an error."""
CONNECTED: dict[str, Callable[..., Any]] = {
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
    "not": np.logical_not,
    "max": np.logical_or,
    "min": np.logical_and,
    "mul": np.logical_and,
}
"""What is done with truths."""
REDUCED: dict[str, Callable[..., Any]] = {
    "reduce_sum": np.sum,
    "reduce_prod": np.prod,
    "reduce_max": np.max,
    "reduce_min": np.min,
    "reduce_and": np.all,
    "reduce_or": np.any,
}
RUNNING: dict[str, Any] = {
    "cumsum": np.add,
    "cumprod": np.multiply,
    "cummax": np.maximum,
    "cummin": np.minimum,
}


def worked_out(primitive: str, values: list[Array], parameters: dict[str, Any], dtype: str) -> Array | None:
    """The known result of a primitive on known values; None where there is none.

    dtype: of the result. Raises NotSupported where an integer leaves its width.
    """
    if primitive in COMPARED:
        return np.asarray(COMPARED[primitive](*values))
    if dtype == "bool":
        return _of_truths(primitive, values, parameters)
    if is_width(dtype, "iu"):
        return _of_integers(primitive, values, parameters, dtype)
    return _of_floats(primitive, values, parameters, dtype) if is_width(dtype, "f") else None


def _of_truths(primitive: str, values: list[Array], parameters: dict[str, Any]) -> Array | None:
    if primitive in REDUCED:
        function = np.all if primitive in ("reduce_and", "reduce_min") else np.any
        return np.asarray(function(values[0], parameters["axes"]))
    if primitive == "is_finite":
        return np.isfinite(values[0])
    return np.asarray(CONNECTED[primitive](*values)) if primitive in CONNECTED else None


def _of_integers(primitive: str, values: list[Array], parameters: dict[str, Any], dtype: str) -> Array | None:
    if any(value.dtype.kind not in "iub" for value in values):
        return None
    if primitive == "not":
        return np.invert(values[0])
    exact = [value.astype(object) for value in values]
    if primitive in REDUCED:
        found = REDUCED[primitive](exact[0], axis=parameters["axes"])
    elif primitive in RUNNING:
        found = _running(primitive, exact[0], parameters)
    elif primitive in ("argmax", "argmin"):
        found = getattr(np, primitive)(values[0], axis=parameters["axes"][0])
    elif primitive in ARITHMETIC:
        found = _each(primitive, parameters, exact)
    else:
        return None
    return _within(primitive, np.asarray(found), dtype)


def _running(primitive: str, x: Array, parameters: dict[str, Any]) -> Array:
    axis, backwards = parameters["axis"], parameters["reverse"]
    turned = np.flip(x, axis) if backwards else x
    found = RUNNING[primitive].accumulate(turned, axis)
    return np.flip(found, axis) if backwards else np.asarray(found)


def _each(primitive: str, parameters: dict[str, Any], values: list[Array]) -> Array:
    """A function of exact numbers on each element. Raises DivisionByZero where it divides by 0."""
    try:
        return np.asarray(np.frompyfunc(_told(primitive, parameters), len(values), 1)(*values), dtype=object)
    except ZeroDivisionError:
        raise DivisionByZero(f"{primitive}: a known number is divided by 0") from None


def _told(primitive: str, parameters: dict[str, Any]) -> Callable[..., Any]:
    """The function of numbers, with what the primitive is told beside them."""
    function = ARITHMETIC[primitive]
    if primitive == "integer_pow":
        return lambda x: function(x, parameters["y"])
    if primitive == "round":
        return lambda x: function(x, parameters["rounding_method"])
    return function


def _within(primitive: str, found: Array, dtype: str) -> Array:
    limits = np.iinfo(dtype)
    if any(x != int(x) or not limits.min <= x <= limits.max for x in found.flat):
        raise NotSupported(f"{primitive}: an integer leaves the width of {dtype}, and JAX would wrap it around")
    return found.astype(dtype)


def _of_floats(primitive: str, values: list[Array], parameters: dict[str, Any], dtype: str) -> Array | None:
    """The result in floats where these are the exact one."""
    small = max(value.size for value in values) <= FOLDED if values else False
    if primitive not in ARITHMETIC or primitive in BITS or not small or not all(map(finite, values)):
        return None
    exact = [np.frompyfunc(_exact, 1, 1)(value) for value in values]
    try:
        found = _each(primitive, parameters, exact)
        floats = np.asarray(found.astype(np.float64)).astype(np_dtype(dtype))
    except (DivisionByZero, OverflowError):
        return None
    with np.errstate(over="ignore"):
        same = finite(floats) and all(_exact(x) == y for x, y in zip(floats.flat, found.flat, strict=True))
    return floats if same else None


def _exact(x: Any) -> Fraction:
    return Fraction(*x.as_integer_ratio()) if isinstance(x, float | np.floating) else Fraction(int(x))


def finite(value: Array) -> bool:
    """Are all of some known numbers real numbers?"""
    return value.dtype.kind in "iub" or bool(np.isfinite(value).all())


def np_dtype(dtype: str) -> Any:
    """NumPy's type for floats of a width; float64, which holds them all, for those that it does not have."""
    return np.dtype(dtype) if dtype in ("float16", "float32", "float64") else np.dtype(np.float64)


def converted(value: Array, dtype: str) -> Array | None:
    """Known numbers in another type, if that holds them: truths as 0 and 1, integers as they are, floats without their
    fraction as integers. None for numbers that it has to round. Raises NotSupported for integers that leave the width.
    """
    if dtype == "bool":
        return np.asarray(value != 0)
    if is_width(dtype, "iu"):
        if not finite(value):
            raise NotSupported(f"convert_element_type: {value} is no integer")
        return _within("convert_element_type", np.asarray(np.frompyfunc(int, 1, 1)(value), dtype=object), dtype)
    with np.errstate(over="ignore"):
        floats = value.astype(np_dtype(dtype))
    if value.dtype.kind == "f":
        same = np.array_equal(floats, value, equal_nan=True)
    else:
        same = all(int(x) == int(y) for x, y in zip(value.flat, floats.flat, strict=True))
    return floats if same else None
