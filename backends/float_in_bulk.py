"""Operations of floats on whole arrays, with less between NumPy's calls than the scalars' texts have; the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.backends.float_functions import Float, bernoulli, expm1mx

_FORMATS = [np.dtype(name) for name in ("float16", "float32", "float64", "longdouble")]
_ZERO, _ONE = ({form: np.array(n, form) for form in _FORMATS} for n in (0, 1))
"""Numbers of each format, as arrays of shape (), with which NumPy is faster."""
_QUARTER = {form: np.nextafter(form.type(0.25), form.type(0)) for form in _FORMATS}
"""The largest number below 1/4."""
_EXPM1MX = {
    form: [np.array(c, form) for c in (1, 2, -quarter, quarter, *bernoulli(form.itemsize))]
    for form, quarter in _QUARTER.items()
}


def _relu(x: Float) -> Float:
    return np.maximum(x, _ZERO[x.dtype])


def _sigmoid(x: Float) -> Float:
    """The context's text, each step in the memory of the one before."""
    one, t = _ONE[x.dtype], np.exp(np.negative(x))
    t += one
    return np.divide(one, t, t if t.ndim else None)


def _expm1mx(x: Float) -> Float:
    """The steps of `float_functions.expm1mx`, and so its bits."""
    if not x.ndim:
        return expm1mx(np, x)[()]
    one, two, low, high, first, *others, last = _EXPM1MX[x.dtype]
    near = np.minimum(np.maximum(x, low), high)
    square = near * near
    series = square * first
    for coefficient in others:
        series += coefficient
        series *= square
    series += last
    series *= near
    divisor = near * series
    divisor += two
    divisor -= near
    square *= np.subtract(one, series, out=series)
    square /= divisor
    value = np.expm1(x)
    value -= x
    np.copyto(value, square, where=near == x)
    return value


IN_BULK: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negative": np.negative,
    "square": np.square,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "abs": np.abs,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "expm1mx": _expm1mx,
}
"""What `FloatArrays` goes straight to: NumPy's functions, and the texts above."""
