"""Float results from outside, read exactly: from NumPy, PyTorch, JAX, our own float contexts, and Python itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ShapeError, UnknownName
from scalarspec.numbers import formats
from scalarspec.numbers.environment import quiet
from scalarspec.numbers.exact import exact_float
from scalarspec.numbers.foreign import of_numbers
from scalarspec.numbers.formats import Format, FormatLike

Array = np.ndarray[Any, Any]

NAMED = 20
"""So many of a spec's stages are named in a message at most."""


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


def read(what: str, result: Any, dtype: FormatLike | Format | None = None) -> Floats:
    """The floats of a result, at their exact values. dtype: the format, where it is not the result's own.

    Raises ArgumentError for what holds no floats, or floats that are not numbers of `dtype`; UnknownName for an
    unknown format.
    """
    form = None if dtype is None else formats.named(dtype)
    array, name = _array(what, result)
    own = _named(what, name)
    exact = np.empty(array.shape, dtype=object)
    plain = array.astype(np.float64)  # every format fits
    for index, x in np.ndenumerate(plain):
        value = exact_float(x)
        exact[index] = value
        if form is not None and not form.holds(value):
            raise ArgumentError(
                f"{what}: expected {form.name}, got {own.name} whose element {_place(index)} = {x} is no {form.name}"
            )
    return Floats(form or own, exact)


def read_stages(result: Mapping[str, Any], names: list[str]) -> dict[str, Array]:
    """The stages that an actual result gives, at their exact values, up to the first that holds NaN or an infinity:
    what follows from these is no question of rounding. Raises UnknownName for one that is not there.
    """
    known = set(names)
    for name in result:
        if name not in known:
            more = f", ... ({len(names)} in all)" if len(names) > NAMED else ""
            raise UnknownName(f"actual: the spec has no stage {name!r}; it has {', '.join(names[:NAMED])}{more}")
    stages = {}
    for name in [name for name in names if name in result]:
        stages[name] = read(f"actual, stage {name!r}", result[name]).values
        if not all(isinstance(v, Fraction) for v in stages[name].flat):
            break
    return stages


def of_shape(what: str, floats: Floats, shape: Shape) -> None:
    """Raises ShapeError where the result has another shape."""
    if floats.shape != tuple(shape):
        raise ShapeError(f"{what}: the spec has shape {shape}, the actual result {floats.shape}")


def format_of(what: str, result: Any, dtype: FormatLike | Format | None = None) -> Format:
    """The format of a result: `dtype`, or its own. Raises as `read` does where it has none."""
    return _named(what, _array(what, result)[1]) if dtype is None else formats.named(dtype)


def _array(what: str, result: Any) -> tuple[Array, str]:
    """The numbers of a result, and the name of their type."""
    if isinstance(result, Tensor):
        if not result.context.rounds:
            raise ArgumentError(f"{what}: expected floats, got a tensor of {result.context}")
        form = getattr(result.context, "format", result.dtype)  # a backend of many formats says which
        return np.asarray(result), str(form)
    if hasattr(result, "detach") or isinstance(result, np.ma.MaskedArray):  # of PyTorch; NumPy has no bfloat16
        return of_numbers(result, what), str(result.dtype)
    if isinstance(result, list | tuple):
        array = _of_list(what, result)
    elif isinstance(result, float) or (hasattr(result, "__array__") and not isinstance(result, int | Fraction | str)):
        array = np.asarray(result)
    else:
        shown = f"{type(result).__name__}: {result!r:.80}"
        raise ArgumentError(f"{what}: expected floats, or an array of them, got {shown}")
    return array, array.dtype.name


def _of_list(what: str, result: Any) -> Array:
    try:
        return np.asarray(result)
    except ValueError:
        raise ArgumentError(f"{what}: expected floats, or an array of them, got a ragged list") from None


def _named(what: str, name: str) -> Format:
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
    return str(quiet(getattr(np, form.name, np.float64), float(value)))
