"""Numbers as text and as data. Enclosures never round inward, and exact values never round unmarked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.arrays import lift
from scalarspec.core.functions import endpoints
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotSupported
from scalarspec.numbers.exact import End, as_array, decimal_text, exact_text, interval_text
from scalarspec.results import Exact, Record


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under a header, separated by two spaces."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "-" * sum([*widths, 2 * len(widths) - 2]), *text[1:]])


def aligned(lines: Iterable[tuple[str, str]]) -> str:
    """The left and right sides of lines as a LaTeX `aligned`."""
    body = " \\\\\n".join(f"{left} &= {right}" for left, right in lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def figure(what: str) -> Any:
    """Matplotlib's class of figures. Raises NotSupported where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise NotSupported(f"{what}: the plots need matplotlib; pip install 'scalarspec[plot]'") from None
    return Figure


def place_texts(shape: Sequence[int]) -> list[str]:
    """How the outputs of a shape are called, in order: [0, 1], or "result" where there is one of shape ()."""
    return [str(list(index)) for index in np.ndindex(*shape)] if shape else ["result"]


def plain_text(value: Any) -> str:
    """An exact value, or a nested list of them, on one line."""
    nested = plain_json(value)
    return str(nested).replace("'", "") if isinstance(nested, list) else str(nested)


def tensor_text(t: Tensor, digits: int = 12) -> str:
    """A tensor as it is shown beside others: one number in `digits` digits where it holds one, else all of them."""
    if t.shape:
        return repr(t)
    if t.context.rounds or t.dtype == "symbolic":
        return t.context.text(t.scalars()[()])
    lower, upper = map(unboxed, endpoints(t))
    return enclosure_text(lower, upper, digits)


def enclosure_text(lower: End, upper: End, digits: int = 12) -> str:
    """`middle ± radius`, the radius rounded up; for one number its decimal, with `...` where digits are left out.

    An enclosure is shown with as many digits, from `digits` on, as keep the text from being much wider than it.
    """
    if isinstance(lower, float) or isinstance(upper, float):
        return interval_text(lower, upper, digits)
    middle = (lower + upper) / 2
    if lower == upper:
        shown = decimal_text(middle, digits)
        return shown if Fraction(shown) == lower else f"{shown}..."
    while abs(Fraction(decimal_text(middle, digits)) - middle) > (upper - lower) / 4:
        digits += 1
    shown = decimal_text(middle, digits)
    radius = max(upper - Fraction(shown), Fraction(shown) - lower)
    return f"{shown} ± {decimal_text(radius, 2, ROUND_CEILING)}"


def unboxed(array: Any) -> Any:
    """The one element of an array of shape (), else the array."""
    return array[()] if np.shape(array) == () and isinstance(array, np.ndarray) else array


def ends_json(lower: Exact, upper: Exact) -> Record:
    """Exact ends as strings, nested as the arrays are."""
    return {"lower": exact_json(lower), "upper": exact_json(upper)}


def plain_json(value: Any) -> Any:
    """An exact value as a text, arrays and lists of them nested as they are; anything else as it prints."""
    if isinstance(value, np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, list):
        return [plain_json(item) for item in value]
    return exact_text(value) if isinstance(value, Fraction | int | float) else str(value)


def floats_json(values: Any) -> Any:
    """Floats, nested as the array is; infinities, for which JSON has no number, are strings."""
    nested = np.asarray(values, dtype=np.float64)
    return lift(lambda x: x if math.isfinite(x) else str(x), nested.astype(object)).tolist()


def tensor_json(t: Tensor) -> Record:
    """A tensor as plain data: exact values and ends as strings, floats as shortest decimals, expressions as text."""
    head: Record = {"context": repr(t.context), "shape": list(t.shape)}
    if t.context.encloses:
        return {**head, **ends_json(*endpoints(t))}
    return {**head, "value": lift(t.context.text, t.scalars()).tolist()}


def exact_json(ends: Any) -> Any:
    """Exact values as strings, nested as the array is."""
    return lift(exact_text, as_array(ends)).tolist()
