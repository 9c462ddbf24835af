"""Rules of the operators that make arrays of lengths and numbers alone; numbers of formats of floats are float64."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.nested import Nested
from scalarspec.core.structure import broadcast_to
from scalarspec.frontends.torch.exported.formats import FLOATS, stored

Sizes = tuple[int, ...]


def _numpys(at: Any) -> type:
    """The format of NumPy's for what an operation makes."""
    dtype = at.kind.dtype
    return float if dtype in FLOATS else bool if dtype == "bool" else int


def _filled(at: Any, size: Any, value: Any) -> Any:
    if isinstance(value, Nested):
        return broadcast_to(value, tuple(size))
    number = stored(np.asarray(value).item(), at.kind.dtype)
    found: Any = np.full(tuple(size), number, dtype=_numpys(at))
    return found


def zeros(at: Any, size: Sizes, dtype: Any = None) -> Any:
    return _filled(at, size, 0)


def ones(at: Any, size: Sizes, dtype: Any = None) -> Any:
    return _filled(at, size, 1)


def full(at: Any, size: Sizes, fill_value: Any, dtype: Any = None) -> Any:
    return _filled(at, size, fill_value)


def scalar_tensor(at: Any, s: Any, dtype: Any = None) -> Any:
    return _filled(at, (), s)


def zeros_like(at: Any, input: Any, dtype: Any = None) -> Any:
    return _filled(at, input.shape, 0)


def ones_like(at: Any, input: Any, dtype: Any = None) -> Any:
    return _filled(at, input.shape, 1)


def full_like(at: Any, input: Any, fill_value: Any, dtype: Any = None) -> Any:
    return _filled(at, input.shape, fill_value)


def new_zeros(at: Any, input: Any, size: Sizes, dtype: Any = None) -> Any:
    return _filled(at, size, 0)


def new_ones(at: Any, input: Any, size: Sizes, dtype: Any = None) -> Any:
    return _filled(at, size, 1)


def new_full(at: Any, input: Any, size: Sizes, fill_value: Any, dtype: Any = None) -> Any:
    return _filled(at, size, fill_value)


def fill(at: Any, input: Any, value: Any) -> Any:
    return _filled(at, input.shape, value)


def eye(at: Any, n: int, m: int | None = None, dtype: Any = None) -> Any:
    return np.eye(n, m, dtype=_numpys(at))


def arange(at: Any, end: Any, start: Any = 0, step: Any = 1, dtype: Any = None) -> Any:
    """From start by steps to below the end, each exactly."""
    first, width = Fraction(start), Fraction(step)
    count = max(0, -((first - Fraction(end)) // width))
    return _exactly(at, [first + i * width for i in range(count)])


def linspace(at: Any, start: Any, end: Any, steps: int, dtype: Any = None) -> Any:
    first, width = Fraction(start), (Fraction(end) - Fraction(start)) / max(steps - 1, 1)
    return _exactly(at, [first + i * width for i in range(steps)])


def _exactly(at: Any, numbers: list[Fraction]) -> Any:
    """An array of numbers, where floats have them; else a tensor. Raises NotSupported for fractions of integers."""
    if at.kind.dtype not in FLOATS and any(x.denominator != 1 for x in numbers):
        at.refuse(f"its fractions are cut to {at.kind.dtype}; take whole steps")
    found = np.array([float(x) for x in numbers])
    if any(Fraction(x) != y for x, y in zip(found.tolist(), numbers, strict=True)):
        return at.context.tensor(numbers)
    return found.astype(_numpys(at))


def tril_indices(at: Any, row: int, col: int, offset: int = 0, dtype: Any = None) -> Any:
    return np.stack(np.tril_indices(row, offset, col))


def triu_indices(at: Any, row: int, col: int, offset: int = 0, dtype: Any = None) -> Any:
    return np.stack(np.triu_indices(row, offset, col))


CREATION = {
    **{each.__name__: each for each in (
        zeros, ones, full, scalar_tensor, zeros_like, ones_like, full_like, new_zeros, new_ones, new_full, fill, eye,
        arange, linspace, tril_indices, triu_indices,
    )},
    "empty": zeros, "empty_like": zeros_like, "new_empty": new_zeros,
}  # fmt: skip
"""By operator; what is left empty is 0 until something is written there."""
