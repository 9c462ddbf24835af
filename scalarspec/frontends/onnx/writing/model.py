"""The nodes and arrays of an ONNX model while it is written; those without names of their own get some in the end."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.shape import Scalar, Shape
from scalarspec.errors import ArgumentError
from scalarspec.frontends.onnx.proto import library
from scalarspec.frontends.onnx.writing.exactly import Array, in_format, terms_of
from scalarspec.numbers.exact import boxed

FEW = 64
"""How many numbers a constant has at most that is a node; what has more is beside the parameters."""


@dataclass(eq=False)
class Value:
    """A value of the model, and what it is called, or would be."""

    name: str


@dataclass(frozen=True, eq=False)
class Node:
    """An operator that is done once."""

    operator: str
    operands: tuple[Value, ...]
    result: Value
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """What an input or an output is: its shape, and whether it is of truths."""

    shape: Shape
    truth: bool = False


@dataclass(eq=False)
class Model:
    """What a model says so far.

    opset: the version of its operators; dtype: the format of its numbers; rounds: are numbers that the format has not
    rounded to the nearest ones? arrays: what is among the parameters; constants: nodes of a few numbers; called:
    values with names of their own, those that come first before others.
    """

    opset: int
    dtype: str
    rounds: bool = False
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[Value, Array] = field(default_factory=dict)
    constants: dict[Value, Array] = field(default_factory=dict)
    inputs: dict[Value, Kind] = field(default_factory=dict)
    outputs: dict[Value, Kind] = field(default_factory=dict)
    called: list[Value] = field(default_factory=list)
    _known: dict[Any, Value] = field(default_factory=dict)

    def has(self, operator: str) -> bool:
        """Has its opset that operator?"""
        onnx = library()
        try:
            return bool(onnx.defs.get_schema(operator, self.opset, ""))
        except onnx.defs.SchemaError:
            return False

    def node(self, operator: str, *operands: Value, **attributes: Any) -> Value:
        """The result of a new node."""
        result = Value(operator.lower())
        self.nodes.append(Node(operator, operands, result, attributes))
        return result

    # ---- values with names ------------------------------------------------------------------------------------------

    def call(self, value: Value, name: str) -> None:
        """Gives a value a name, unless it has one."""
        if value not in self.called:
            value.name = name or value.name
            self.called.append(value)

    def input(self, name: str, shape: Shape) -> Value:
        """A new input."""
        value = Value(name)
        self.inputs[value] = Kind(shape)
        self.called.append(value)
        return value

    def output(self, name: str, value: Value, kind: Kind) -> None:
        """Makes a value an output: one that a node of its own makes."""
        if value in self.outputs or all(node.result is not value for node in self.nodes):
            value = self.node("Identity", value)
        self.call(value, name)
        self.outputs[value] = kind

    def parameter(self, path: str, numbers: Array) -> Value:
        """Numbers of a model at their exact values: an array of this name, or a quotient of two."""
        parts = in_format(numbers, self.dtype, f"parameter {path!r}", self.rounds)
        names = [path] if len(parts) == 1 else [f"{path}.numerator", f"{path}.denominator"]
        found = [Value(name) for name in names]
        self.arrays.update(zip(found, parts, strict=True))
        self.called += found
        return found[0] if len(found) == 1 else self.node("Div", *found)

    # ---- constants --------------------------------------------------------------------------------------------------

    def array(self, name: str, array: Array) -> Value:
        """What is known, of any format; equal ones of a few numbers are one."""
        if array.size > FEW:
            value = Value(name)
            self.arrays[value] = array
            return value
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._known:
            self._known[key] = Value(name)
            self.constants[self._known[key]] = array
        return self._known[key]

    def integers(self, numbers: Any, name: str = "places") -> Value:
        """Places, lengths or axes."""
        return self.array(name, np.array(numbers, dtype=np.int64))

    def truths(self, truths: Any) -> Value:
        """Truths that are known."""
        return self.array("truths", np.array(truths, dtype=bool))

    def number(self, value: Fraction | int) -> Value:
        """One number."""
        return self.numbers(boxed(Fraction(value)))

    def numbers(self, numbers: Array) -> Value:
        """Constants at their exact values: an array, a quotient of two, or a sum of a few."""
        try:
            parts, operator = in_format(numbers, self.dtype, "a number of the spec", self.rounds), "Div"
        except ArgumentError:
            parts, operator = terms_of(numbers, self.dtype), "Add"
            if not parts:
                raise
        found = [self.array("number", part) for part in parts]
        return functools.reduce(functools.partial(self.node, operator), found)

    def minus_infinity(self) -> Value:
        """What takes no part in a softmax."""
        return self.array("minus_infinity", np.array(-np.inf, dtype=self.dtype))


@dataclass(frozen=True, eq=False)
class At:
    """An operation where a model is written. shapes: of the operands, none where only its definition says them; shape:
    of the result.
    """

    model: Model
    operation: str
    operands: tuple[Value, ...]
    shapes: tuple[Shape, ...] = ()
    shape: Shape = Scalar
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def x(self) -> Value:
        """The first operand."""
        return self.operands[0]

    def node(self, operator: str, *operands: Value, **attributes: Any) -> Value:
        """The result of a new node."""
        return self.model.node(operator, *operands, **attributes)

    def reshaped(self, x: Value, shape: Sequence[int]) -> Value:
        """The same elements in another shape, of which lengths may be 0."""
        lengths = self.model.integers(shape, "shape")
        return self.node("Reshape", x, lengths, allowzero=1) if 0 in shape else self.node("Reshape", x, lengths)


Rule = Callable[[At], Value]
"""What an operation is in operators."""
