"""`Operation`: a line of the table of operations (`core.operations`, whose text says what each field means)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from scalarspec.core.course import Course
from scalarspec.core.shape import Shape

Kind = Literal["elementwise", "relation", "connective", "choice", "reduction", "product", "structure"]
Graph = Literal[
    "linear", "bilinear", "quotient", "convex", "concave", "s_shaped", "by_sign", "smooth", "step", "defined", "free"
]
Floats = Literal["exact", "rounded", "library", "sum", "choice", "step", "composed", "defined"]
Kinks = Literal["nowhere", "zero", "tie", "border", "integers", "wholes", "halves", "parts"]
Border = Literal["none", "pole", "steep"]
Rational = int | Literal["always", "sometimes"]
ShapeRule = Callable[[list[Shape], Mapping[str, Any]], Shape]
"""(shapes of the operands, parameters) -> the shape of the result."""

SCALAR_KINDS = ("elementwise", "relation", "connective", "choice")
"""What is done on each element by itself: a method of `Context`."""
CURVES = ("convex", "concave", "s_shaped", "by_sign", "smooth")
"""The graphs of functions of one number for which linear bounds are found by looking for where a line touches them."""


@dataclass(frozen=True)
class Operation:
    """A line of the table. See the text above for what each field says; None is silence."""

    name: str
    kind: Kind
    operands: int | None = 1
    graph: Graph | None = None
    floats: Floats | None = None
    kinks: Kinks | None = None
    rational: Rational | None = None
    range: tuple[float, float] | None = None
    names: str = "- - -"
    truths: int = 0
    """How many of the first operands are truths."""
    parameters: tuple[str, ...] = ()
    """The keywords that it takes."""
    shape: ShapeRule | None = None
    border: Border | None = None
    symbolic: Literal["node", "definition"] = "definition"
    defined: bool = False
    course: Course | None = None

    @cached_property
    def scalar(self) -> bool:
        """Is it done on each element by itself?"""
        return self.kind in SCALAR_KINDS

    @cached_property
    def curve(self) -> bool:
        """Is it a function of one number with a graph that lines can be put around?"""
        return self.graph in CURVES

    @cached_property
    def moves(self) -> bool:
        """Does it only move elements, by their places alone, and put zeros beside them?"""
        return self.kind == "structure" and self.graph == "linear"

    @cached_property
    def truth(self) -> bool:
        """Is its result a truth?"""
        return self.kind in ("relation", "connective")

    @cached_property
    def nonnegative(self) -> bool:
        """Is its exact result never negative?"""
        return self.range is not None and self.range[0] >= 0

    @property
    def array_api(self) -> str | None:
        """Its name in the array API."""
        return _name(self.names, 0)

    @property
    def torch(self) -> str | None:
        """Its name in PyTorch, in `torch` or `torch.nn.functional`."""
        return _name(self.names, 1)

    @property
    def onnx(self) -> str | None:
        """The operator of ONNX."""
        return _name(self.names, 2)


def _name(names: str, place: int) -> str | None:
    """One of the three names of a line; None for "-"."""
    name = names.split()[place]
    return None if name == "-" else name
