"""Formats of numbers, which numbers here have not: a conversion keeps the number, or is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.tensor import Truth
from scalarspec.frontends.calls import truth
from scalarspec.frontends.torch.exported.program import Node
from scalarspec.numbers import formats

Array = np.ndarray[Any, Any]
FLOATS = {name: formats.named(name) for name in ("float64", "float32", "bfloat16", "float16")}
"""The formats of floats that PyTorch's tensors have here."""
FOLLOWED = {*FLOATS, "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
"""The formats that results may have: in any other one, numbers would be taken for integers."""
EPS = {name: 2.0 ** (1 - form.precision) for name, form in FLOATS.items()}


def stored(value: Any, to: str) -> Any:
    """What a number of Python's becomes that PyTorch writes into a tensor of a format."""
    if isinstance(value, float) and not np.isfinite(value):
        return value
    if to in FLOATS:
        return float(FLOATS[to].nearest(Fraction(value)))
    return bool(value) if to == "bool" else int(value)


def of_format(node: Node, x: Array, to: str) -> Array:
    """A known array as PyTorch has it in a format. Raises NotSupported for integers that PyTorch would cut or wrap."""
    if to in FLOATS:
        return x
    if to == "bool":
        return x if x.dtype == bool else np.asarray(x != 0)
    limits = np.iinfo(to)
    whole = x.dtype.kind in "iub" or bool(np.equal(x, np.floor(x)).all())
    if not whole or (x.size and not limits.min <= x.min() <= x.max() <= limits.max):
        node.refuse(f"its integers leave {to}, where PyTorch cuts or wraps them: use a wider format, or floats")
    return x.astype(int)


def converted(node: Node, x: Any, of: str, to: str) -> Any:
    """An operand in another format: the same numbers. Raises NotSupported where these may be other ones."""
    if to == of:
        return x
    if to == "bool":
        return x != 0 if isinstance(x, np.ndarray) else truth(x)
    if isinstance(x, np.ndarray):
        return _array(node, x, to)
    if isinstance(x, Truth):
        return x.numbers()
    if of in FLOATS and to not in FLOATS:
        node.refuse(f"from {of} to {to} it cuts digits off; write torch.trunc or torch.floor, if numbers are meant")
    if of in FLOATS and not FLOATS[to].contains(FLOATS[of]):
        node.refuse(f"from {of} to {to} it rounds, and numbers here have no format; export it in {to}, or leave it out")
    return x


def _array(node: Node, x: Array, to: str) -> Array:
    """A known array in another format, which must hold all of its numbers."""
    if to not in FLOATS:
        found = np.where(np.isfinite(x), x, 0).astype(to) if x.dtype.kind == "f" else x.astype(to)
        if not np.array_equal(found, x):
            node.refuse(f"to {to} it changes a constant")
        return found.astype(int)
    wide = x.astype(np.float64)
    numbers = np.where(np.isfinite(wide), wide, 0)
    if (FLOATS[to].rounded(numbers) != numbers).any():
        node.refuse(f"to {to} it rounds a constant; numbers here have no format: leave it out")
    return wide
