"""Numbers in a format of floats: exactly, as quotients or sums of such numbers, or rounded where that is wanted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Never

import numpy as np

from scalarspec.errors import ArgumentError, DomainError
from scalarspec.numbers.formats import named

Array = np.ndarray[Any, Any]
MOST_TERMS = 3
"""Of how many numbers of a format one that it has not may be the sum."""


def in_format(numbers: Array, dtype: str, told: str, rounds: bool) -> tuple[Array, ...]:
    """Arrays of a format: the numbers, or two of which they are the quotients.

    numbers: floats, or an object array of Fractions; told: what they are, for the message; rounds: are those that the
    format has not rounded to the nearest one? Raises DomainError for NaN and infinities, ArgumentError where a number
    is no quotient of two numbers of the format and is not to be rounded, or lies beyond its range.
    """
    read = _floats if numbers.dtype.kind == "f" else _fractions
    return read(numbers, dtype, told, rounds)


def _floats(numbers: Array, dtype: str, told: str, rounds: bool) -> tuple[Array, ...]:
    if not np.isfinite(numbers).all():
        raise DomainError(f"to_onnx: {told}: expected real numbers, got NaN or an infinity")
    with np.errstate(all="ignore"):
        same = numbers.astype(dtype)
    wrong = ~np.isfinite(same) if rounds else same != numbers
    if wrong.any():
        _refuse(told, Fraction(float(numbers[wrong][0])), dtype)
    return (same,)


def _fractions(numbers: Array, dtype: str, told: str, rounds: bool) -> tuple[Array, ...]:
    exact = [Fraction(x) for x in numbers.flat]
    held = [_holds(x, dtype) for x in exact]
    if all(held):
        return (_array(exact, numbers.shape, dtype),)
    pairs = [(x, 1) if h else (x.numerator, x.denominator) for x, h in zip(exact, held, strict=True)]
    open_ones = [x for x, pair in zip(exact, pairs, strict=True) if not all(_holds(Fraction(n), dtype) for n in pair)]
    if not open_ones:
        return tuple(_array(part, numbers.shape, dtype) for part in zip(*pairs, strict=True))
    nearest = [named(dtype).nearest(x) for x in exact]
    if not rounds or not all(map(math.isfinite, nearest)):
        _refuse(told, open_ones[0], dtype)
    return (_array(nearest, numbers.shape, dtype),)


def terms_of(numbers: Array, dtype: str) -> tuple[Array, ...]:
    """Arrays of a format of which the numbers are the sums, the greatest terms first; none where there are not so few.

    A float64 is the sum of three numbers of float32, where these are within its range.
    """
    form, rest, terms = named(dtype), [Fraction(x) for x in numbers.flat], []
    for _ in range(MOST_TERMS):
        nearest = [form.nearest(x) for x in rest]
        if not all(map(math.isfinite, nearest)):
            return ()
        terms.append(_array(nearest, numbers.shape, dtype))
        rest = [x - Fraction(near) for x, near in zip(rest, nearest, strict=True)]
        if not any(rest):
            return tuple(terms)
    return ()


def _holds(x: Fraction, dtype: str) -> bool:
    """Is it a number of the format?"""
    try:
        with np.errstate(all="ignore"):
            near = float(np.dtype(dtype).type(float(x)))
    except OverflowError:
        return False
    return math.isfinite(near) and near == x


def _array(numbers: Iterable[Any], shape: tuple[int, ...], dtype: str) -> Array:
    return np.array([float(x) for x in numbers], dtype=dtype).reshape(shape)


def _refuse(told: str, x: Fraction, dtype: str) -> Never:
    """Raises ArgumentError for a number that the format has not."""
    wider = "" if dtype == "float64" else "dtype='float64', or "
    raise ArgumentError(
        f"to_onnx: {told}: {_text(x)} is no number of {dtype}; write {wider}round_numbers=True, which takes the "
        "nearest one within its range"
    )


def _text(x: Fraction) -> str:
    """A number as a short text."""
    try:
        near = float(x)
    except OverflowError:
        near = 0.0
    return repr(near) if near == x else str(x) if len(str(x)) <= 40 else f"{str(x)[:20]}..., near {near!r},"
