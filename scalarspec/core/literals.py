"""What a float that is written in a spec means: refused unless it is what it prints, its binary value, or its decimal.

In a text of ours 0.1 is one tenth, and a float is none: so it is refused. In code that was written for floats it means
the float. `reading` says which one holds while such code runs, and keeps the constants that are not what they print.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from types import FrameType
from typing import Any, Literal, get_args

import numpy as np

from scalarspec.core.callers import in_module, is_ours
from scalarspec.errors import ArgumentError
from scalarspec.numbers.exact import data_value, is_computed, printed

Literals = Literal["exact", "binary", "decimal"]
"""How floats in the text of a spec are read: "exact", refused unless they are what they print; "binary", the number
that the float is; "decimal", the shortest decimal that reads back as it."""
CHOICES = get_args(Literals)
_BETWEEN = {"torch", "numpy", "functools", "contextlib"}
"""Packages that stand between the code and what it asks for."""


@dataclass(frozen=True)
class Constant:
    """A float in a spec's text that is not the decimal which it prints.

    text: that decimal; value: what it was read as; file, line: where the spec did something with it; computed: was it,
    by its digits, rounded by floats before any tensor met it?
    """

    text: str
    value: Fraction
    file: str
    line: int
    computed: bool

    def __str__(self) -> str:
        note = ", computed in floats before it met a tensor" if self.computed else ""
        return f"{self.file}:{self.line}: {self.text}{note}"


class Constants:
    """The inexact constants that entered a spec, each place once, in the order in which they came."""

    def __init__(self) -> None:
        self._found: dict[Constant, None] = {}

    def __iter__(self) -> Iterator[Constant]:
        return iter(tuple(self._found))

    def __len__(self) -> int:
        return len(self._found)

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "no constant that is not what it prints"

    def note(self, number: Any, text: str, value: Fraction) -> None:
        """Adds the constant that an operation is being asked for."""
        file, line = _place()
        self._found.setdefault(Constant(text, value, file, line, is_computed(number, text)))


def _place() -> tuple[str, int]:
    """The line of the code that is none of ours, by which an operation was asked for."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and (is_ours(frame) or _home(frame) in _BETWEEN):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _home(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


_READING: ContextVar[tuple[Literals, Constants] | None] = ContextVar("literals", default=None)


def checked(literals: Any) -> Literals:
    """A choice of how floats are read. Raises ArgumentError for any other value."""
    if literals not in CHOICES:
        raise ArgumentError(f"literals: expected one of {', '.join(map(repr, CHOICES))}, got {literals!r}")
    chosen: Literals = literals
    return chosen


@contextmanager
def reading(literals: Literals, constants: Constants) -> Iterator[None]:
    """Within it, floats in the text of a spec are read in that way, and noted where they are not what they print."""
    token = _READING.set((literals, constants))
    try:
        yield
    finally:
        _READING.reset(token)


def reading_of_code() -> AbstractContextManager[None]:
    """In which what code hands to functions of its own library is read: as it is told, and at binary values where
    nothing is told, since nobody writes such code for anything but floats.
    """
    return nullcontext() if _READING.get() is not None else reading("binary", Constants())


def meant(number: Any) -> Any:
    """A float as the number that it means where it is written; itself where it is refused unless it is exact."""
    if not isinstance(number, float | np.floating) or not np.isfinite(number):
        return number
    known = _READING.get()
    if known is None:  # within a module of PyTorch it is a float, whoever called that
        return data_value(number) if in_module() else number
    if known[0] == "exact":
        return number
    text = printed(number)
    binary, decimal = data_value(number), Fraction(text)
    value = binary if known[0] == "binary" else decimal
    if binary != decimal:
        known[1].note(number, text, value)
    return value
