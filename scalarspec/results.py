"""Float results from outside, read exactly: from NumPy, PyTorch, JAX, our own float contexts, and Python itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec import formats
from scalarspec.errors import ArgumentError, ShapeError, UnknownName
from scalarspec.formats import Format
from scalarspec.shape import Shape
from scalarspec.tensor import Tensor

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Floats:
    """Floats of a format. values: an object array of their exact values; NaN and infinities stay floats."""

    form: Format
    values: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the values."""
        return tuple(self.values.shape)

    def text(self) -> str:
        """The one value, or the first ones, as floats."""
        flat = [_printed(self.form, value) for value in self.values.ravel()[:4]]
        return flat[0] if self.values.size == 1 else f"[{', '.join(flat)}{', ...' if self.values.size > 4 else ''}]"


def read(what: str, result: Any, dtype: str | Format | None = None) -> Floats:
    """The floats of a result, at their exact values. dtype: the format, where it is not the result's own.

    Raises ArgumentError for what holds no floats, or floats that are not numbers of `dtype`; UnknownName for an
    unknown format.
    """
    form = None if dtype is None else formats.named(dtype)
    array = _array(what, result)
    own = _format_of(what, array)
    exact = np.empty(array.shape, dtype=object)
    plain = array.astype(np.float64)  # every format fits
    for index, x in np.ndenumerate(plain):
        value = Fraction(*x.as_integer_ratio()) if np.isfinite(x) else float(x)
        exact[index] = value
        if form is not None and not form.holds(value):
            raise ArgumentError(
                f"{what}: expected {form.name}, got {own.name} whose element {_place(index)} = {x} is no {form.name}"
            )
    return Floats(form or own, exact)


def read_stages(result: Mapping[str, Any], names: list[str]) -> dict[str, Array]:
    """The stages that an actual result gives, at their exact values. Raises UnknownName for one that is not there."""
    for name in result:
        if name not in names:
            raise UnknownName(f"actual: the spec has no stage {name!r}; it has {', '.join(names)}")
    stages = {}
    for name, value in result.items():
        floats = read(f"actual, stage {name!r}", value)
        if not all(isinstance(v, Fraction) for v in floats.values.flat):
            break  # what follows from NaN and infinities is no question of rounding
        stages[name] = floats.values
    return stages


def of_shape(what: str, floats: Floats, shape: Shape) -> None:
    """Raises ShapeError where the result has another shape."""
    if floats.shape != tuple(shape):
        raise ShapeError(f"{what}: the spec has shape {shape}, the actual result {floats.shape}")


def _array(what: str, result: Any) -> Array:
    if isinstance(result, Tensor):
        if not result.context.rounds:
            raise ArgumentError(f"{what}: expected floats, got a tensor of {result.context}")
        return np.asarray(result).astype(result.dtype)
    if isinstance(result, float):
        return np.asarray(result)
    if hasattr(result, "detach"):  # a PyTorch tensor; NumPy has no bfloat16
        return _Named(result.detach().cpu().double().numpy(), str(result.dtype))
    if isinstance(result, list | tuple):
        return _of_list(what, result)
    if isinstance(result, int | Fraction | str) or not hasattr(result, "__array__"):
        shown = f"{type(result).__name__}: {result!r:.80}"
        raise ArgumentError(f"{what}: expected floats, or an array of them, got {shown}")
    return np.asarray(result)


def _of_list(what: str, result: Any) -> Array:
    try:
        return np.asarray(result)
    except ValueError:
        raise ArgumentError(f"{what}: expected floats, or an array of them, got a ragged list") from None


class _Named(np.ndarray[Any, Any]):
    """float64s that hold the numbers of another format."""

    format_name: str

    def __new__(cls, array: Array, name: str) -> _Named:
        named = array.view(cls)
        named.format_name = name
        return named


def _format_of(what: str, array: Array) -> Format:
    name = array.format_name if isinstance(array, _Named) else array.dtype.name
    try:
        return formats.named(name)
    except UnknownName:
        listed = ", ".join(formats.FORMATS)
        raise ArgumentError(f"{what}: expected floats of {listed}, got {name}") from None


def _place(index: tuple[int, ...]) -> str:
    return str(index[0] if len(index) == 1 else index) if index else "()"


def _printed(form: Format, value: Any) -> str:
    if isinstance(value, float):
        return str(value)
    return str(getattr(np, form.name, np.float64)(float(value)))
