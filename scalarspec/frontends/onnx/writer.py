"""The text of a graph: a line for each value, in functions of ours, for inputs of given shapes.

A node becomes what its rule says (`rules`). Each line is evaluated on an outline as it is written: nothing is worked
out there, and shapes are told, and what does not fit. What follows from constants and shapes alone, such as the lengths
of a Reshape, is evaluated in rationals, by the same rules, and is a constant of the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from scalarspec import activation, layers
from scalarspec.core import functions
from scalarspec.core.named_contexts import resolve
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import ArgumentError, DomainError, NotExact, ScalarSpecError, TooLarge
from scalarspec.frontends.onnx.at import At, Rule
from scalarspec.frontends.onnx.folding import Folding, folding_of, folds, worked_out
from scalarspec.frontends.onnx.formats import check_formats
from scalarspec.frontends.onnx.graph import Graph, wanted
from scalarspec.frontends.onnx.operands import Operand, Said, Text, is_infinite
from scalarspec.frontends.onnx.tensors import Array, widened
from scalarspec.frontends.onnx.text import Names
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Outline

MOST = 2**27
"""How many numbers a value has at most."""
MOST_FOLDED, MOST_WORKED = 2**20, 2**22
"""How many numbers a constant has at most that is worked out, and all such constants together."""
MOST_LINES = 2**16
"""How many lines a text has at most."""
INLINE = 64
"""How many numbers a constant has at most that is written out in the text."""


@dataclass(eq=False)
class Writer:
    """Writes the text of a graph. rules: by operator, and why others are refused; shapes: of the inputs, by name."""

    graph: Graph
    rules: Mapping[str, Rule]
    refused: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    lines: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = Outline(resolve("float64"))
        self.names = Names(["np"])
        self.scope: dict[str, Any] = {"ss": words(), "np": np, "p": {}}
        self.values = {name: self.given(name, kind.dtype) for name, kind in self.graph.inputs.items()}
        self.inputs = [operand.text for operand in self.values.values()]
        numbers = [name for name, array in self.graph.arrays.items() if "float" in array.dtype.name]
        tensors = [operand.text for operand in self.values.values() if not operand.held]
        self.beside = [*tensors, *(f"p[{name!r}]" for name in numbers), "p"][0]
        self.folding: Folding | None = None
        self.worked = 0
        self.taken: set[str] = set()
        self.enter(self.graph)

    def enter(self, graph: Graph) -> None:
        """Makes the arrays of a graph values of the text."""
        self.taken |= {*graph.outputs, *(name for node in graph.nodes for name in wanted(node))}
        self.values.update({name: self.of_file(name, array) for name, array in graph.arrays.items()})

    def given(self, name: str, dtype: str) -> Operand:
        """An input of the graph. Integers, which may be places, are arrays of NumPy's."""
        text, shape = self.names.new(name), self.shapes[name]
        if "int" not in dtype:
            return self.variable(text, shape, dtype)
        self.scope[text] = np.zeros(shape, dtype=int)
        return Operand(text, tuple(shape), dtype, held=True)

    def variable(self, text: str, shape: Sequence[int], dtype: str) -> Operand:
        """A new variable of the text, whose numbers are open."""
        self.scope[text] = self.outlined(shape, dtype)
        return Operand(text, tuple(shape), dtype)

    def outlined(self, shape: Sequence[int], dtype: str) -> Any:
        """What stands for numbers, or truths, that are open."""
        kind: Any = Truth if dtype == "bool" else Tensor
        return kind(self.context, Shape(shape), Traced(Shape(shape), None))

    def of_file(self, name: str, array: Array) -> Operand:
        """An array of the file: numbers are parameters, integers and truths constants of the text."""
        return self.parameter(name, array) if is_parameter(array) else self.written(widened(array), array.dtype.name)

    def parameter(self, name: str, array: Array) -> Operand:
        """Numbers of the model."""
        self.scope["p"][name] = self.outlined(array.shape, "float32")
        return Operand(f"p[{name!r}]", array.shape, array.dtype.name, widened(array))

    def constant(self, name: str, array: Array) -> Operand:
        """Numbers that the text has: many different ones are among the parameters."""
        self.check_size(name, array.shape)
        wide, kind = widened(array), array.dtype.name
        if "float" in kind and wide.size > INLINE and np.isfinite(wide).all() and (wide != wide.flat[0]).any():
            self.constants[name] = wide
            return replace(self.parameter(name, wide), dtype=kind)
        return self.written(wide, kind)

    def written(self, array: Array, dtype: str) -> Operand:
        """A constant that is written out."""
        return Operand("", array.shape, dtype, array, beside=self.beside)

    def check_size(self, name: str, shape: Sequence[int], most: int | None = None) -> None:
        """Raises TooLarge for a value of more numbers than there may be."""
        most = most or (MOST if self.folding is None else MOST_FOLDED)
        if math.prod(shape) > most:
            raise TooLarge(f"from_onnx: value {name!r} has the shape {tuple(shape)}; at most {most} numbers are held")

    def body(self) -> list[str]:
        """The lines of the text, the last of which returns the outputs."""
        self.write_all(self.graph)
        outputs = [self.values[name].tensor for name in self.graph.outputs]
        self.append(f"return {', '.join(outputs)}")
        return self.lines

    def write_all(self, graph: Graph) -> None:
        """The lines of a graph's nodes. Every error names the node."""
        for node in graph.nodes:
            try:
                self.write(At(node, tuple(self.values[name] if name else None for name in node.inputs), self))
            except (MemoryError, RecursionError) as error:
                raise TooLarge(f"from_onnx: {node}: more than there is memory for") from error
            except ScalarSpecError as error:
                if str(error).startswith("from_onnx: "):
                    raise
                raise type(error)(f"from_onnx: {node}: {error}") from error
            except Exception as error:  # of what a file says that no rule foresaw
                raise ArgumentError(f"from_onnx: {node}: it does not fit: {error}") from error

    def write(self, at: At) -> None:
        """The lines of a node."""
        results = self.results(at)
        if lost := [name for name in at.node.outputs[len(results) :] if self.asks(name)]:
            at.refuse(f"its result {lost[0]!r} is not followed")
        for name, said in zip(at.node.outputs, results, strict=False):
            if name:
                self.values[name] = self.line(name, said, at.format, stage=True)

    def results(self, at: At) -> Sequence[Said]:
        """What becomes of a node: constants, where it follows from constants alone; else what its rule says."""
        operator = at.node.operator
        if operator in self.refused:
            at.refuse(self.refused[operator])
        if operator not in self.rules:
            at.refuse("there is no rule for this operator")
        given = [operand for operand in at.operands if operand is not None]
        graphs = any(isinstance(value, Graph) for value in at.node.attributes.values())
        folding = folds(operator, given) and not graphs
        check_formats(at, folding)
        if folding:
            folded = self.folded(at)
            if folded is not None:
                return folded
            first = replace(given[0], text=given[0].tensor)
            at = replace(at, operands=tuple(first if o is given[0] else o for o in at.operands))
        return self.said(at)

    def said(self, at: At) -> Sequence[Said]:
        """What the rule of a node says."""
        found = _several(self.rules[at.node.operator](at))
        at.check_asked()
        return found

    def asks(self, name: str) -> bool:
        """Does a node, or an output, take a value?"""
        return name in self.taken

    def folded(self, at: At) -> Sequence[Said] | None:
        """The numbers that a node makes of constants; None where they are no floats of its format."""
        self.folding = folding_of(at.node.operator, at.operands, {"ss": words(), "np": np})
        try:
            names = [None if o is None else self.exactly(i, o) for i, o in enumerate(at.operands)]
            said = self.said(replace(at, operands=tuple(names)))
            given = {name.text: operand for name, operand in zip(names, at.operands, strict=True) if name is not None}
            lines = [
                self.line(name or "folded", one, at.format) for name, one in zip(at.node.outputs, said, strict=False)
            ]
            found = [given.get(each.text) or each for each in lines]
        except (NotExact, DomainError) as error:
            if "int" in at.format:
                at.refuse(str(error))
            return None
        finally:
            self.folding = None
        if any(each.known is None and "int" in each.dtype for each in found):
            at.refuse("what comes out are no integers of its format")
        return [replace(each, text="", beside=self.beside) for each in found] if all_known(found) else None

    def exactly(self, i: int, operand: Operand) -> Operand:
        """A constant as a variable that is exact."""
        assert self.folding is not None
        assert operand.known is not None
        self.check_size(f"_{i}", operand.shape)
        self.folding.enter(f"_{i}", operand.known)
        self.scope[f"_{i}"] = self.outlined(operand.shape, operand.dtype)
        return replace(operand, text=f"_{i}", known=None if is_infinite(operand) else operand.known)

    def line(self, name: str, said: Said, dtype: str, stage: bool = False) -> Operand:
        """The line of a value, which is evaluated for its shape, or for its numbers where constants are worked out."""
        if isinstance(said, Operand):
            return said
        if isinstance(said, np.ndarray):
            return self.constant(name, said)
        text = Text(said) if isinstance(said, str) else said
        sample = self.evaluated(text)
        self.check_size(name, sample.shape)
        if self.folding is not None:
            return self.exact_line(text, sample, dtype)
        if len(self.lines) > MOST_LINES:
            raise TooLarge(f"from_onnx: value {name!r}: the text has more than {MOST_LINES} lines")
        variable, shown, kind = self.names.new(name), text.text, text.dtype or dtype
        if isinstance(sample, Truth):
            kind = "bool"
        elif stage and text.mask is None and text.peak is None:
            shown = f"ss.stage({name!r}, {shown})"
            self.stages.append(name)
        if text.peak is None:
            self.append(f"{variable} = {shown}")
        else:
            self.waiting[variable] = f"{variable} = {shown}"
        return replace(self.variable(variable, sample.shape, kind), mask=text.mask, peak=text.peak)

    def append(self, line: str) -> None:
        """Adds a line, after those that wait until their value is asked for: places may be undecided where what is made
        of them is not.
        """
        for variable in [name for name in self.waiting if re.search(rf"\b{name}\b", line)]:
            self.append(self.waiting.pop(variable))
        self.lines.append(line)

    def exact_line(self, text: Text, sample: Any, dtype: str) -> Operand:
        """A value on the way of what is worked out."""
        assert self.folding is not None
        variable = self.names.new("folded")
        self.worked += math.prod(sample.shape)
        self.check_size(variable, (self.worked,), MOST_WORKED)
        found = eval(text.text, self.folding.scope)  # the text is ours, and every name of the file in it is quoted
        if not isinstance(found, Tensor | Truth):
            found = self.folding.context.tensor(found)
        self.scope[variable], self.folding.scope[variable] = sample, found
        return replace(worked_out(found, text.dtype or dtype, self.folding.moves), text=variable)

    def evaluated(self, text: Text) -> Any:
        """What a text is on the outline."""
        if text.shape is not None:
            return self.outlined(text.shape, "int64")
        found = eval(text.text, self.scope)  # the text is ours, and every name of the file in it is quoted
        return found if isinstance(found, Tensor | Truth) else self.context.tensor(found)


def is_parameter(array: Array) -> bool:
    """Is an array of the file one of numbers that may vary? Integers, truths and minus infinities are constants."""
    return "float" in array.dtype.name and bool(np.isfinite(widened(array)).all())


def _several(found: Said | Sequence[Said]) -> Sequence[Said]:
    return found if isinstance(found, list | tuple) else [found]  # type: ignore[list-item]


def all_known(operands: Sequence[Operand]) -> bool:
    """Are the numbers of all of them known?"""
    return all(each.known is not None for each in operands)


@cache
def words() -> SimpleNamespace:
    """What the text calls `ss`."""
    named = {name: getattr(functions, name) for name in functions.__all__}
    return SimpleNamespace(**named, activation=activation, layers=layers)
