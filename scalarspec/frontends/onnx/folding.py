"""Constants of a text that follow from constants alone: they are worked out exactly, once, as the text is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.named_contexts import resolve
from scalarspec.core.tensor import Truth
from scalarspec.frontends.onnx.operands import Operand, is_infinite
from scalarspec.frontends.onnx.tensors import Array

MOVING = {
    "Cast", "CastLike", "Concat", "Equal", "Expand", "Flatten", "Gather", "Greater", "GreaterOrEqual", "Identity",
    "Less", "LessOrEqual", "Max", "Min", "Pad", "ReduceMax", "ReduceMin", "Reshape", "ScatterND", "Slice", "Split",
    "Squeeze", "Tile", "Transpose", "Trilu", "Unsqueeze", "Where",
}  # fmt: skip
"""Operators that move elements, or compare them: exact in float64, and for minus infinities, too."""
INFINITY = float("inf")


@dataclass(frozen=True)
class Folding:
    """The working out of one node. context: the one in which its operator is exact; moves: is that float64, in which
    elements are only moved, or the rationals? scope: values by their names.
    """

    context: Any
    moves: bool
    scope: dict[str, Any] = field(default_factory=dict)

    def enter(self, name: str, array: Array) -> None:
        """Makes the numbers of an operand a value."""
        known = Truth.known(self.context, array) if array.dtype == bool else self.context.tensor(array)
        self.scope[name] = known


def folding_of(operator: str, operands: Iterable[Operand | None], scope: dict[str, Any]) -> Folding:
    """Where a node is worked out: in float64 where elements are only moved, as far as it holds them; in rationals."""
    arrays = [o.known for o in operands if o is not None and o.known is not None]
    moved = operator in MOVING and all(a.dtype.kind in "fb" or np.all(np.abs(a.astype(float)) < 2**53) for a in arrays)
    return Folding(resolve("float64" if moved else "rational"), moved, scope)


def folds(operator: str, operands: Iterable[Operand]) -> bool:
    """Is a node with these operands worked out? All are constants, and none holds infinities that it changes."""
    given = list(operands)
    constant = bool(given) and all(each.constant and not each.unreal for each in given)
    return constant and (operator in MOVING or not any(map(is_infinite, given)))


def worked_out(sample: Any, dtype: str, moved: bool) -> Operand:
    """A constant from exact numbers, floats if they were moved; of unknown ones, where these are no numbers of the
    format.
    """
    shape = tuple(sample.shape)
    if isinstance(sample, Truth):
        return Operand("", shape, "bool", np.asarray(sample.tolist(), dtype=bool).reshape(shape))
    exact = np.asarray(sample, dtype=float) if moved else np.asarray(sample.scalars(), dtype=object)
    form = "float32" if dtype == "bfloat16" else dtype
    try:
        with np.errstate(all="ignore"):
            array = exact.astype(form)
    except OverflowError:  # an integer beyond its width
        return Operand("", shape, dtype)
    if not moved:
        same = all(abs(x) < INFINITY and Fraction(x.item()) == y for x, y in zip(array.flat, exact.flat, strict=True))
    else:
        same = bool((array.astype(float) == exact).all())
    return Operand("", shape, dtype, array if same else None)
