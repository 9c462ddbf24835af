"""A node as the rule of its operator sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Never

import numpy as np

from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.frontends.onnx.graph import Node
from scalarspec.frontends.onnx.operands import Operand, Said, Text, is_infinite
from scalarspec.frontends.onnx.tensors import Array

MOST_PLACES = 2**18
"""How many elements are picked one by one at most."""


@dataclass(frozen=True, eq=False)
class At:
    """A node as its rule sees it. writer: the `Writer` of the text."""

    node: Node
    operands: tuple[Operand | None, ...]
    writer: Any
    asked: set[int | str] = field(default_factory=set)

    def __getitem__(self, i: int) -> Operand:
        """An operand. Raises ArgumentError where it is left out."""
        found = self.get(i)
        if found is None:
            raise ArgumentError(f"from_onnx: {self.node}: input {i} is missing")
        return found

    def __len__(self) -> int:
        return len(self.operands)

    def get(self, i: int) -> Operand | None:
        """An operand, or None where it is left out; integers of the inputs as numbers. Raises NotSupported where it
        holds minus infinities.
        """
        found = self.masked(i)
        if found is not None and found.held:
            return self.let(f"{self.writer.beside}.context.tensor({found})", found.text, found.dtype)
        if found is not None and (found.mask is not None or is_infinite(found)):
            self.refuse("minus infinity is followed through sums, Where and Softmax alone")
        return found

    def all(self) -> list[Operand]:
        """All operands that are there."""
        return [self[i] for i, operand in enumerate(self.operands) if operand is not None]

    def masked(self, i: int) -> Operand | None:
        """An operand that may hold minus infinities."""
        self.asked.add(i)
        return self.operands[i] if i < len(self.operands) else None

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        self.asked.add(name)
        return self.node.attributes.get(name, default)

    def check_asked(self) -> None:
        """Raises NotSupported for what the node says and its rule did not ask for: it would be left out silently."""
        for name in {*self.node.attributes} - self.node.usual - self.asked:
            self.refuse(f"attribute {name!r}: it is not followed as {self.node.attributes[name]!r}")
        for i, operand in enumerate(self.operands):
            if operand is not None and i not in self.asked:
                self.refuse(f"its input {i}, {self.node.inputs[i]!r}, is not followed")

    @property
    def version(self) -> int:
        """The opset since which the operator is what it is here."""
        return self.node.version

    def refuse(self, why: str) -> Never:
        """Raises NotSupported, with the node."""
        raise NotSupported(f"from_onnx: {self.node}: {why}")

    def has(self, i: int) -> bool:
        """Is there such an operand?"""
        return self.get(i) is not None

    def known(self, i: int, what: str) -> Array:
        """The numbers of an operand. Raises NotSupported where they depend on the inputs."""
        operand = self[i]
        if operand.known is None:
            self.refuse(f"{what} depend on the inputs: {operand.text}; shapes and places must be known")
        return operand.known

    def integers(self, i: int, what: str) -> tuple[int, ...]:
        """The same as integers."""
        return tuple(int(n) for n in np.ravel(self.known(i, what)))

    def either(self, i: int, name: str, since: int) -> tuple[int, ...] | None:
        """Integers that are an attribute in older opsets, and an operand since one; None where they are left out."""
        if self.version >= since:
            return self.integers(i, f"the {name}") if self.has(i) else None
        found = self.attribute(name)
        return None if found is None else tuple(np.ravel(found).tolist())

    def check_places(self, shape: tuple[int, ...]) -> None:
        """Raises TooLarge for more elements than have their places written out."""
        self.writer.check_size(self.node.outputs[0], shape, MOST_PLACES)

    def axis(self, name: str = "axis", default: int = 0, operand: int = 0) -> int:
        """An attribute that is an axis of an operand, from 0 on."""
        return self.place(self.attribute(name, default), self[operand].ndim)

    def place(self, axis: int, ndim: int) -> int:
        """An axis, from 0 on. Raises ArgumentError where there is none."""
        if not -max(ndim, 1) <= axis < max(ndim, 1):
            raise ArgumentError(f"from_onnx: {self.node}: axis {axis} of {ndim}")
        return int(axis) % max(ndim, 1)

    def let(
        self, text: str, name: str = "part", dtype: str | None = None, shape: tuple[int, ...] | None = None
    ) -> Operand:
        """A value on the way, on a line of its own, which has no name in the file."""
        found: Operand = self.writer.line(name, Text(text, dtype, shape), self.format)
        return found

    @property
    def format(self) -> str:
        """The format of numbers that results have where nothing else is said: that of the first operand."""
        return next((operand.dtype for operand in self.operands if operand is not None), "float32")


Rule = Callable[[At], Said | Sequence[Said]]
