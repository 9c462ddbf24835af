"""Values of the text of a network, and calls with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.frontends.onnx.tensors import Array
from scalarspec.frontends.onnx.text import numbers


@dataclass(frozen=True, eq=False)
class Peak:
    """What a value is the place of: the greatest element of x along an axis, or the least one; the last of equal ones,
    or the first.
    """

    x: Operand
    axis: int
    least: bool
    last: bool


@dataclass(frozen=True, eq=False)
class Operand:
    """A value of the text. text: how it is written, "" for a constant, which is of the context of a variable beside it;
    dtype: the format of its numbers in the file; known: the numbers of a constant, or of a parameter; mask: where it is
    minus infinity, whatever the text says there; held: is it an array of integers, which are no numbers of a context?
    peak: of places of greatest elements, of which.
    """

    text: str
    shape: tuple[int, ...]
    dtype: str
    known: Array | None = None
    mask: Array | None = None
    beside: str = ""
    held: bool = False
    peak: Peak | None = None

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    @property
    def constant(self) -> bool:
        """Does it follow from the file and shapes alone, without a parameter?"""
        return not self.text

    @cached_property
    def infinite(self) -> bool:
        """Is it a constant with minus infinities?"""
        return self.known is not None and self.known.dtype.kind == "f" and bool(np.isneginf(self.known).any())

    @cached_property
    def unreal(self) -> bool:
        """Is it a constant with NaN, or with plus infinity?"""
        if self.known is None or self.known.dtype.kind != "f":
            return False
        return bool((np.isnan(self.known) | np.isposinf(self.known)).any())

    @property
    def tensor(self) -> str:
        """How it is written as a tensor, or as an array of truths, even where it is a constant."""
        if self.text:
            return self.text
        return f"np.array({self})" if self.dtype == "bool" else f"{self.beside}.context.tensor({self})"

    def __str__(self) -> str:
        return self.text or numbers(self.known)


@dataclass(frozen=True)
class Text:
    """What a rule says of a value: its text; the format of its numbers, where it is not that of the first operand; its
    shape, where only numbers tell it; where it is minus infinity; of which elements it is the places.
    """

    text: str
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    mask: Array | None = None
    peak: Peak | None = None


Said = str | Text | Array | Operand
"""What a rule says of a value: a text, numbers that are known, or that it is an operand."""


def is_infinite(operand: Operand) -> bool:
    """Is it a constant with minus infinities?"""
    return operand.infinite


def call(name: str, *operands: Any, **settings: Any) -> str:
    """A call of a function of ours. operands: texts, and operands, of which one at least is written as a tensor;
    settings: what is None is left out, as are operands at the end.
    """
    given = list(operands)
    while given and given[-1] is None:
        given.pop()
    constants = [i for i, each in enumerate(given) if isinstance(each, Operand)]
    if constants and all(given[i].constant for i in constants):
        given[constants[0]] = given[constants[0]].tensor
    words = [*map(str, given), *(f"{key}={value!r}" for key, value in settings.items() if value is not None)]
    return f"ss.{name}({', '.join(words)})"


def each(texts: Sequence[Any]) -> str:
    """A list of operands."""
    return f"[{', '.join(map(str, texts))}]"
