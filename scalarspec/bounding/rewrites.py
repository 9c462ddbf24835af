"""What operations are made of for linear bounds: linear operations, products, and functions of one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.core.operations import check_complete, having
from scalarspec.core.shape import Shape, with_kept_axes
from scalarspec.numbers.elementary import U
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import EXTREMES, TapeArrays

Array = np.ndarray[Any, Any]


def _mean_square(arrays: TapeArrays, x: Traced, axis: tuple[int, ...], count: int) -> Any:
    return arrays.apply("mean", arrays.apply("square", x), axis=axis, count=count)


def _logsumexp(arrays: TapeArrays, x: Traced, axis: tuple[int, ...]) -> Any:
    return arrays.apply("log", arrays.apply("sum", arrays.apply("exp", x), axis=axis))


def _maximum(arrays: TapeArrays, a: Traced, b: Traced) -> Any:
    return arrays.apply("add", a, arrays.apply("relu", arrays.apply("subtract", b, a)))


def _minimum(arrays: TapeArrays, a: Traced, b: Traced) -> Any:
    return arrays.apply("subtract", a, arrays.apply("relu", arrays.apply("subtract", a, b)))


def _clip(arrays: TapeArrays, x: Traced, low: Traced, high: Traced) -> Any:
    """low + relu(x - low) - relu(x - high), for constants low <= high."""
    if not (low.constant and high.constant) or not np.all(floats_of(arrays, low)[1] <= floats_of(arrays, high)[0]):
        return None
    above, beyond = (arrays.apply("relu", arrays.apply("subtract", x, end)) for end in (low, high))
    return arrays.apply("subtract", arrays.apply("add", low, above), beyond)


def _leaky_relu(arrays: TapeArrays, x: Traced, slope: Traced) -> Any:
    """slope x + (1 - slope) relu(x), for a constant slope."""
    if not slope.constant:
        return None
    rest = arrays.apply("subtract", arrays.data(np.array(1.0)), slope)
    kinked = arrays.apply("multiply", rest, arrays.apply("relu", x))
    return arrays.apply("add", arrays.apply("multiply", slope, x), kinked)


def _divide(arrays: TapeArrays, a: Traced, b: Traced) -> Any:
    """a (1 / b), but for a known b."""
    if b.constant and close(*floats_of(arrays, b)):
        return None
    return arrays.apply("multiply", a, arrays.apply("reciprocal", b))


def _pow(arrays: TapeArrays, x: Traced, y: Traced) -> Any:
    """As a function of one number, for some constant exponents."""
    exponent = floats_of(arrays, y) if y.constant and not y.shape else None
    name = POWERS.get(float(exponent[0])) if exponent and exponent[0] == exponent[1] else None
    return name and arrays.apply(name, x)


POWERS = {2.0: "square", 0.5: "sqrt", -1.0: "reciprocal"}
"""What a power with that exponent is."""


def _matmul(arrays: TapeArrays, a: Traced, b: Traced) -> Any:
    """xᵀx is a sum of squares, in which each x occurs once."""
    same = a is b and len(a.shape) == 1
    return arrays.apply("sum", arrays.apply("square", a), axis=(0,)) if same else None


def _log_softmax(arrays: TapeArrays, x: Traced, axis: tuple[int, ...]) -> Any:
    """x - log Σ eˣ."""
    whole = arrays.apply("logsumexp", x, axis=axis)
    return arrays.apply("subtract", x, _over_axes(arrays, whole, axis, x.shape))


def _over_axes(arrays: TapeArrays, x: Traced, axis: tuple[int, ...], shape: Shape) -> Any:
    """What a reduction of that shape left, repeated over the axes that it reduced."""
    return _spread(arrays, arrays.apply("reshape", x, shape=with_kept_axes(shape, axis)), shape)


def _spread(arrays: TapeArrays, x: Traced, shape: Shape) -> Any:
    return x if x.shape == shape else arrays.apply("broadcast_to", x, shape=shape)


def _softmax(arrays: TapeArrays, x: Traced, axis: tuple[int, ...], mask: Any) -> Any:
    """The exponentials of the logarithms; with a mask, of x less the logarithm of the sum over what takes part."""
    if mask is None:
        return arrays.apply("exp", arrays.apply("log_softmax", x, axis=axis))
    taken = np.broadcast_to(mask, x.shape)
    nothing = np.asarray(~taken.any(axis=axis))  # the sum over nothing is taken to be 1, whose logarithm is 0
    weights = arrays.data(taken.astype(np.float64))
    inside = arrays.apply("multiply", x, weights)
    total = arrays.apply("sum", arrays.apply("multiply", arrays.apply("exp", inside), weights), axis=axis)
    whole = arrays.apply("log", arrays.apply("add", total, arrays.data(nothing.astype(np.float64))))
    below = _over_axes(arrays, whole, axis, x.shape)
    return arrays.apply("multiply", arrays.apply("exp", arrays.apply("subtract", inside, below)), weights)


def _where(arrays: TapeArrays, p: Traced, a: Traced, b: Traced) -> Any:
    """A sum of what constant truths let pass of both."""
    outcomes = arrays.outcomes(p) if p.constant else {None}
    if None in outcomes:
        return None
    shape = max(a.shape, b.shape, p.shape, key=len)
    truths = np.broadcast_to(np.asarray(arrays.unpack(p), dtype=bool), shape)
    parts = [
        arrays.apply("multiply", _spread(arrays, x, shape), arrays.data(taken.astype(np.float64)))
        for x, taken in ((a, truths), (b, ~truths))
    ]
    return arrays.apply("add", *parts)


def _rms_norm(arrays: TapeArrays, x: Traced, eps: Traced, axis: tuple[int, ...], count: int, shape: Shape) -> Any:
    """x (1 / √(mean of x² + eps))."""
    mean = arrays.apply("mean_square", x, axis=axis, count=count)
    one_over = arrays.apply("reciprocal", arrays.apply("sqrt", arrays.apply("add", mean, eps)))
    return arrays.apply("multiply", x, _over_axes(arrays, one_over, axis, shape))


REWRITES: dict[str, Callable[..., Any]] = {
    "max": EXTREMES["max"],
    "min": EXTREMES["min"],
    "rms_norm": _rms_norm,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "mean_square": _mean_square,
    "logsumexp": _logsumexp,
    "maximum": _maximum,
    "minimum": _minimum,
    "clip": _clip,
    "leaky_relu": _leaky_relu,
    "divide": _divide,
    "pow": _pow,
    "where": _where,
    "matmul": _matmul,
}
"""What operations are made of: functions of the arrays to apply operations by, the operands and the parameters, which
give the result, or None where the operation stays as it is."""
check_complete(
    "plan",
    {*REWRITES} - having(graph="defined", scalar=True),  # their definitions serve, too
    having(graph="defined", scalar=False) | having(graph="quotient") | {"pow", "matmul"} | {"where"},
)


def floats_of(arrays: TapeArrays, constant: Traced) -> tuple[Array, Array]:
    """The ends of a constant on a tape over a batch."""
    context = arrays.context.wrapped.wrapped
    assert context is not None
    return context.arrays.floats(constant.value.value)


def close(low: Array, high: Array) -> bool:
    """Are all of these one number, but for a few last places?"""
    if low is high:
        return bool(np.all(np.isfinite(low)))
    size = np.maximum(np.abs(low), np.abs(high))
    return bool(np.all(np.isfinite(size)) and np.all(high - low <= 4 * U * size))
