"""What an ONNX file says, as plain data: no object of the `onnx` package is left in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from scalarspec.core.failures import failures_told
from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.frontends.onnx.proto import OWN_DOMAINS, checked, library, proto_of
from scalarspec.frontends.onnx.tensors import Array, array_of

Axes = tuple[int | str | None, ...]
"""A shape as a file has it: a length, the name of one that is left open, or nothing."""


@dataclass(frozen=True)
class Kind:
    """What a value is: its shape, None where the file says none; the name of the format of its numbers."""

    shape: Axes | None
    dtype: str


@dataclass(frozen=True)
class Taken:
    """What an operand may be: the formats that ONNX allows, and the name that all operands of one format share."""

    variable: str
    allowed: frozenset[str]


@dataclass(frozen=True, eq=False)
class Node:
    """One operation: its operator, in the version that the file means, the names of what goes in and comes out ("":
    left out), and its attributes, defaults included; usual: the attributes that are as they are by default; kinds: what
    each operand may be.
    """

    operator: str
    version: int
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    usual: frozenset[str]
    kinds: tuple[Taken, ...]

    def __str__(self) -> str:
        return f"{self.operator} {self.name or self.outputs[0]!r}"


@dataclass(frozen=True, eq=False)
class Graph:
    """A file's computation: nodes come after those whose results they take."""

    name: str
    opset: int
    inputs: Mapping[str, Kind]
    outputs: tuple[str, ...]
    arrays: Mapping[str, Array]
    nodes: tuple[Node, ...]


def graph_of(model: Any, outputs: Sequence[str] | None = None) -> Graph:
    """The computation of a model: a path, the bytes of a file, or a `ModelProto`.

    outputs: the values that are its outputs instead of its own; what these do not need is not read. Raises
    ArgumentError where it is no ONNX model, or a broken one.
    """
    proto, folder = proto_of(model)
    with failures_told("from_onnx: it is no ONNX model"):
        graph, opset = checked(proto, outputs)
        return _Reader(opset, folder).graph(graph)


class _Reader:
    """Reads graphs. version: of the operators; outer: names that a graph around has."""

    def __init__(self, version: int, folder: Path | None, outer: frozenset[str] = frozenset()) -> None:
        self.version, self.folder, self.outer = version, folder, outer

    def graph(self, graph: Any) -> Graph:
        """A graph, with its nodes in order."""
        if graph.sparse_initializer:
            raise NotSupported("from_onnx: sparse arrays; write them out")
        _check_texts([graph.name, *(each.name for each in graph.output)])
        for values in (graph.initializer, graph.input):
            _check_names([each.name for each in values])
        arrays = {each.name: array_of(each, self.folder) for each in graph.initializer}
        inner = bool(self.outer)  # the inputs of a loop's body, which is refused, may have no format
        given = [each for each in graph.input if each.name not in arrays]
        inputs = {each.name: Kind(None, "") if inner else _kind(each) for each in given}
        known = {*arrays, *inputs, *self.outer}
        self.outer = frozenset(known | {name for node in graph.node for name in node.output})
        nodes = [self.node(each) for each in graph.node]
        outputs = tuple(each.name for each in graph.output)
        ordered = _ordered(nodes, known)
        if missing := {*outputs} - known - {name for node in nodes for name in node.outputs}:
            raise ArgumentError(f"from_onnx: output {min(missing)!r} is no node's")
        return Graph(graph.name, self.version, inputs, outputs, arrays, ordered)

    def node(self, node: Any) -> Node:
        """A node. Raises NotSupported where the `onnx` package knows no such operator."""
        _check_texts([node.op_type, node.domain, node.name, *node.input, *node.output])
        domain = "" if node.domain in OWN_DOMAINS else node.domain
        told = f"from_onnx: {domain}{'.' if domain else ''}{node.op_type} {node.name or list(node.output)!r}"
        if domain:
            raise NotSupported(f"{told}: its operators are those of {domain}; export the model in those of ONNX alone")
        schema = _schema(node.op_type, self.version)
        if schema is None:
            raise NotSupported(f"{told}: there is no such operator in opset {self.version}")
        fits = schema.min_input <= len(node.input) <= schema.max_input
        if not fits or not max(schema.min_output, 1) <= len(node.output) <= schema.max_output:
            raise ArgumentError(f"{told}: {len(node.input)} inputs and {len(node.output)} outputs; see ONNX")
        defaults = {name: self.value(told, default) for name, default in _defaults(schema).items()}
        attributes = dict(defaults)
        for each in node.attribute:
            if each.name not in schema.attributes:
                raise ArgumentError(f"{told}: there is no attribute {each.name!r}")
            if each.type != int(schema.attributes[each.name].type):
                raise ArgumentError(f"{told}: attribute {each.name!r} is of another type than ONNX has it")
            attributes[each.name] = self.value(told, each)
        for name, attribute in schema.attributes.items():
            if attribute.required and name not in attributes:
                raise ArgumentError(f"{told}: there is no attribute {name!r}")
        usual = frozenset(name for name, default in defaults.items() if attributes[name] == default)
        names = tuple(node.input), tuple(node.output)
        kinds = tuple(_taken(node.op_type, self.version, i) for i in range(len(node.input)))
        return Node(node.op_type, schema.since_version, node.name, *names, attributes, usual, kinds)

    def value(self, told: str, attribute: Any) -> Any:
        """An attribute as plain data: a graph as a `Graph`, an array at its exact numbers."""
        found = library().helper.get_attribute_value(attribute)
        if attribute.HasField("t"):
            return array_of(found, self.folder)
        if attribute.HasField("g"):
            return _Reader(self.version, self.folder, self.outer).graph(found)
        if isinstance(found, bytes):
            return found.decode("utf-8", "replace")
        if isinstance(found, list | tuple) or hasattr(found, "__len__"):
            return tuple(each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in found)
        if not isinstance(found, int | float):
            raise NotSupported(f"{told}: attribute {attribute.name!r} is no number, array or graph")
        return found


@cache
def _schema(operator: str, version: int) -> Any:
    onnx = library()
    try:
        return onnx.defs.get_schema(operator, version, "")
    except onnx.defs.SchemaError:
        return None


@cache
def _taken(operator: str, version: int, i: int) -> Taken:
    """What operand i may be; the last one that the schema names stands for those after it."""
    formal = _schema(operator, version).inputs
    last = formal[min(i, len(formal) - 1)]
    several = len(formal) <= i + 1 and not last.is_homogeneous
    return Taken(f"{last.type_str} {i}" if several else last.type_str, frozenset(last.types))


def _defaults(schema: Any) -> dict[str, Any]:
    return {name: each.default_value for name, each in schema.attributes.items() if each.default_value.type}


def _kind(value: Any) -> Kind:
    """The kind of an input. Raises NotSupported for sequences, maps and texts."""
    onnx, form = library(), value.type.tensor_type
    if not value.type.HasField("tensor_type") or not form.elem_type:
        raise NotSupported(f"from_onnx: input {value.name!r}: expected a tensor of numbers")
    name = onnx.TensorProto.DataType.Name(form.elem_type).lower() if form.elem_type in _formats() else "?"
    if name in ("?", "string") or name.startswith("complex"):
        raise NotSupported(f"from_onnx: input {value.name!r}: expected a tensor of real numbers, got {name}")
    return Kind(_axes(value.name, form) if form.HasField("shape") else None, _as_numpy(name))


@cache
def _formats() -> frozenset[int]:
    return frozenset(library().TensorProto.DataType.values())


def _as_numpy(name: str) -> str:
    return {"float": "float32", "double": "float64"}.get(name, name)


def _axes(name: str, form: Any) -> Axes:
    found: list[int | str | None] = []
    _check_texts(axis.dim_param for axis in form.shape.dim)
    for axis in form.shape.dim:
        if axis.HasField("dim_value") and axis.dim_value < 0:
            raise ArgumentError(f"from_onnx: input {name!r}: a length of {axis.dim_value}")
        # a length of 0 is how some exporters write one that is left open
        found.append(axis.dim_value if axis.HasField("dim_value") and axis.dim_value else axis.dim_param or None)
    return tuple(found)


def _check_texts(names: Iterable[Any]) -> None:
    """Raises ArgumentError where a name is of bytes, which a broken file may have."""
    if broken := [name for name in names if not isinstance(name, str)]:
        raise ArgumentError(f"from_onnx: the name {broken[0]!r} is no text")


def _check_names(names: Sequence[str]) -> None:
    """Raises ArgumentError where two values have one name, or one that is no text."""
    _check_texts(names)
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ArgumentError(f"from_onnx: two values are called {twice[0]!r}")


def _ordered(nodes: Sequence[Node], known: set[str]) -> tuple[Node, ...]:
    """The nodes, each after those whose results it takes. Raises ArgumentError where there is no such order."""
    makers: dict[str, Node] = {}
    for node in nodes:
        for output in filter(None, node.outputs):
            if output in makers or output in known:
                raise ArgumentError(f"from_onnx: two values are called {output!r}")
            makers[output] = node
    taken = {node: [name for name in wanted(node) if name and name not in known] for node in nodes}
    for node, names in taken.items():
        if nobodys := [name for name in names if name not in makers]:
            raise ArgumentError(f"from_onnx: {node} takes {nobodys[0]!r}, which nothing makes")
    place = {node: i for i, node in enumerate(nodes)}
    if all(place[makers[name]] < place[node] for node, names in taken.items() for name in names):
        return tuple(nodes)
    try:
        return tuple(
            TopologicalSorter({n: [makers[name] for name in names] for n, names in taken.items()}).static_order()
        )
    except CycleError as error:
        raise ArgumentError(f"from_onnx: {error.args[1][0]} takes what is made of its own result") from None


def wanted(node: Node) -> list[str]:
    """The names that a node takes, those that graphs within it take from around it included."""
    inner = [value for value in node.attributes.values() if isinstance(value, Graph)]
    return [*node.inputs, *(name for graph in inner for name in free(graph))]


def free(graph: Graph) -> list[str]:
    """What a graph takes from around it."""
    own = {*graph.inputs, *graph.arrays, *(name for node in graph.nodes for name in node.outputs)}
    return [name for node in graph.nodes for name in wanted(node) if name not in own] + [
        name for name in graph.outputs if name not in own
    ]
