"""The `ModelProto` of an ONNX file, checked before anything is read from it: its size, its version, its functions."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from scalarspec.errors import ArgumentError, NotInstalled, NotSupported, TooLarge, UnknownName
from scalarspec.numbers.archives import NotRegular, regular

MOST_NODES = 2**15
"""How many nodes a graph has at most."""
MOST_DEPTH = 50
"""How many graphs are within one another at most."""
MOST_BYTES = 2**31
"""The bytes that a file may not have: it is one message of protobuf."""
OWN_DOMAINS = ("", "ai.onnx")
"""How files call ONNX' own operators."""


def library() -> Any:
    """The `onnx` package. Raises NotInstalled where it is not there."""
    try:
        import onnx
        import onnx.inliner
    except ImportError:
        raise NotInstalled("ONNX files need the package onnx: pip install 'scalarspec[onnx]'") from None
    return onnx


def proto_of(model: Any) -> tuple[Any, Path | None]:
    """The `ModelProto` of a path, of the bytes of a file, or given as it is; and its folder, where it has one.

    Raises ArgumentError where it is no ONNX model.
    """
    onnx = library()
    if isinstance(model, str | Path):
        return _parsed(_content(Path(model)), str(model)), Path(model).parent
    if isinstance(model, bytes):
        return _parsed(model, "the bytes"), None
    if not isinstance(model, onnx.ModelProto):
        raise ArgumentError(f"from_onnx: expected a path, bytes or a ModelProto, got {type(model).__name__}")
    return model, None


def _content(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=regular) as file:
            if os.fstat(file.fileno()).st_size >= MOST_BYTES:
                raise TooLarge(f"from_onnx: {path}: a file of ONNX has less than {MOST_BYTES} bytes")
            return file.read()
    except NotRegular as error:
        raise ArgumentError(f"from_onnx: {error}") from None
    except OSError as error:
        raise ArgumentError(f"from_onnx: {path}: {error.strerror}") from None
    except ValueError as error:  # a name that no file can have
        raise ArgumentError(f"from_onnx: {str(path)!r}: {error}") from None


def _parsed(content: bytes, name: str) -> Any:
    model = library().ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:
        raise ArgumentError(f"from_onnx: {name} is no ONNX file, or a truncated one") from None
    if not model.HasField("graph"):
        raise ArgumentError(f"from_onnx: {name} is no ONNX file: it has no graph")
    return model


def checked(model: Any, outputs: Sequence[str] | None) -> tuple[Any, int]:
    """The graph of a model, its functions written out, or the part of it that some values need; and its opset."""
    _size(model.graph.node, _sizes(model.functions))
    if model.functions:
        model = _inlined(model)
    return model.graph if outputs is None else _part(model.graph, outputs), _opset(model)


def _opset(model: Any) -> int:
    """The version of ONNX' own operators. Raises ArgumentError where there is none, NotSupported for a later one."""
    versions = {each.version for each in model.opset_import if each.domain in OWN_DOMAINS}
    if len(versions) != 1:
        raise ArgumentError(f"from_onnx: expected one opset of ONNX' own operators, got {sorted(versions)}")
    newest = library().defs.onnx_opset_version()
    if not 1 <= min(versions) <= newest:
        raise NotSupported(f"from_onnx: opset {min(versions)}; the package onnx knows those from 1 to {newest}")
    return int(min(versions))


def _parts(node: Any) -> Iterator[Any]:
    """The graphs within a node."""
    for attribute in node.attribute:
        yield from [attribute.g] if attribute.HasField("g") else attribute.graphs


def _size(nodes: Iterable[Any], sizes: Mapping[tuple[str, str], int], depth: int = 0) -> int:
    """How many nodes there are, those of graphs within them included, with functions written out. sizes: of these.

    Raises TooLarge for more than `MOST_NODES`, and for graphs within graphs within graphs, and so on.
    """
    if depth > MOST_DEPTH:
        raise TooLarge(f"from_onnx: more than {MOST_DEPTH} graphs are within one another")
    count = 0
    for node in nodes:
        count += sizes.get((node.domain, node.op_type), 1)
        count += sum(_size(graph.node, sizes, depth + 1) for graph in _parts(node))
        if count > MOST_NODES:
            raise TooLarge(f"from_onnx: the graph has more than {MOST_NODES} nodes")
    return count


def _called(nodes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The operators of nodes, and of those of graphs within them."""
    for node in nodes:
        yield node.domain, node.op_type
        for graph in _parts(node):
            yield from _called(graph.node)


def _sizes(functions: Sequence[Any]) -> dict[tuple[str, str], int]:
    """How many nodes each function of a model has, written out. Raises ArgumentError for one that calls itself."""
    own = {(each.domain, each.name): each for each in functions}
    calls = {}
    for key, function in own.items():
        _size(function.node, {})
        calls[key] = {called for called in _called(function.node) if called in own}
    sizes: dict[tuple[str, str], int] = {}
    try:
        for key in TopologicalSorter(calls).static_order():
            sizes[key] = _size(own[key].node, sizes)
    except CycleError as error:
        raise ArgumentError(f"from_onnx: function {error.args[1][0][1]!r} calls itself") from None
    return sizes


def _inlined(model: Any) -> Any:
    """A model whose functions are written out where they are called."""
    try:
        return library().inliner.inline_local_functions(model)
    except Exception as error:
        raise ArgumentError(f"from_onnx: its functions cannot be written out: {error}") from error


def _part(graph: Any, outputs: Sequence[str]) -> Any:
    """The part of a graph that some values need, as a graph of these. Raises UnknownName where there is none such."""
    makers = {name: node for node in graph.node for name in node.output if name}
    own = [*makers, *(each.name for each in graph.input)]
    for name in outputs:
        if name not in own:
            raise UnknownName(f"from_onnx: outputs: the graph has no value {name!r}; it has {some(own, name)}")
    needed, seen, open_ = set(), {*outputs}, list(outputs)
    while open_:
        node = makers.get(open_.pop())
        if node is not None and id(node) not in needed:
            needed.add(id(node))
            seen.update(_names_in(node))
            open_.extend(_names_in(node))
    held = {each.name for each in graph.initializer}
    part = type(graph)(name=graph.name, input=[each for each in graph.input if each.name not in held])
    part.node.extend(node for node in graph.node if id(node) in needed)
    part.initializer.extend(each for each in graph.initializer if each.name in seen)
    for name in outputs:
        part.output.add().name = name
    return part


def _names_in(node: Any) -> list[str]:
    """All names that a node may take: those within its graphs, too."""
    inner = [name for graph in _parts(node) for each in graph.node for name in _names_in(each)]
    return [*node.input, *inner, *(output.name for graph in _parts(node) for output in graph.output)]


def some(names: Sequence[str], like: str) -> str:
    """A few of the names, those like a given one first."""
    near = difflib.get_close_matches(like, names, 5)
    shown = near or list(names)[:5]
    return ", ".join(shown) + (f", ... ({len(names)} in all)" if len(names) > len(shown) else "")
