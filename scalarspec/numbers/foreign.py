"""Arrays as people have them, as NumPy arrays of numbers: from NumPy, PyTorch, JAX, pandas, and whoever else has them.

A number counts at its exact value, so what could not be read exactly is refused by name: masked arrays (of which NumPy
would use what lies under the mask), complex numbers, dates, records.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, ScalarSpecError

NUMBERS = "biufOU"
"""The kinds of NumPy's types that can hold numbers: objects and texts are looked at one by one, and so are truths,
which are then refused.
"""


def of_numbers(data: Any, name: str = "") -> np.ndarray[Any, Any]:
    """What has `__array__` as a NumPy array of numbers, at their exact values. Raises ArgumentError where there is
    none, with its name, if that is given.
    """
    if type(data) is np.ndarray and data.dtype.kind in NUMBERS:
        return data  # as most are
    try:
        return _of_numbers(data)
    except ArgumentError as error:
        if not name:
            raise
        raise ArgumentError(f"{name}: {error}") from error


def _of_numbers(data: Any) -> np.ndarray[Any, Any]:
    array = data if isinstance(data, np.ndarray) else _read(data)
    if type(array) is np.ndarray and array.dtype.kind in NUMBERS:
        return array
    if isinstance(array, np.ma.MaskedArray):
        raise ArgumentError(
            "expected an array without a mask, got a masked array, of which some numbers do not count; choose what is "
            "to stand in their place: a.filled(0), or a.compressed()"
        )
    if array.dtype.kind == "V" and array.dtype.names is None and "float" in array.dtype.name:
        return array.astype(np.float64)  # bfloat16 and narrower, which are registered with NumPy: float64 has them all
    if array.dtype.kind not in NUMBERS:
        raise ArgumentError(f"expected numbers, got an array of {array.dtype}")
    return np.asarray(array)


def _read(data: Any) -> np.ndarray[Any, Any]:
    """The array of another library. PyTorch's tensors may have a gradient, or a format that NumPy lacks."""
    kind = f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}"
    try:
        if not hasattr(data, "detach"):
            return np.asarray(data)
        plain = data.detach().cpu()
        return np.asarray(plain.double() if plain.is_floating_point() and plain.element_size() < 4 else plain)
    except ScalarSpecError:
        raise
    except Exception as error:  # whatever others raise
        raise ArgumentError(f"expected numbers, got a {kind} that NumPy cannot read: {error}") from error
