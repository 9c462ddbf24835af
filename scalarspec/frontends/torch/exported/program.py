"""What an exported graph of PyTorch says, as plain data: no object of PyTorch is left in it."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Never

import numpy as np

from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.numbers.foreign import of_numbers

Array = np.ndarray[Any, Any]
Axes = tuple[int | str, ...]
"""A shape: lengths, and names of those that are open."""
LIMITS = tuple[int, int | None]
SIZES = {
    op.__name__: op for op in (
        operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod, operator.neg, operator.getitem,
        operator.pow, operator.truediv,
    )
}  # fmt: skip
"""What Python does with lengths, and with results of which there are several."""

LAYOUT = {
    "device", "layout", "memory_format", "pin_memory", "non_blocking", "copy", "implicit", "requires_grad",
    "cudnn_enable", "cudnn_enabled", "compute_mode", "path",
}  # fmt: skip
"""Arguments that say nothing about numbers, but where they lie, and how fast it shall be."""


@dataclass(frozen=True)
class Value:
    """A value of the graph, by its name."""

    name: str


@dataclass(frozen=True)
class Format:
    """A format of numbers, by PyTorch's name for it."""

    name: str


@dataclass(frozen=True)
class Kind:
    """What a value is: its shape, and the name of its format; neither for what is no tensor."""

    shape: Axes | None = None
    dtype: str | None = None


@dataclass(frozen=True, eq=False)
class Node:
    """One operation: its operator, as "aten.add.Tensor"; its arguments by the names in the operator's schema, defaults
    included; usual: those that are as they are by default; ordered: those that may be given without a name.
    """

    name: str
    operator: str
    arguments: Mapping[str, Any]
    usual: frozenset[str]
    ordered: tuple[str, ...]
    place: str

    @property
    def word(self) -> str:
        """The operator without its overload: "add"."""
        return self.operator.split(".")[1]

    def __str__(self) -> str:
        return f"{self.operator} {self.name!r}{self.place}"

    def refuse(self, why: str) -> Never:
        """Raises NotSupported, with the operator and the node."""
        raise NotSupported(f"from_torch: {self}: {why}")


@dataclass(frozen=True, eq=False)
class Program:
    """A module as a sequence of operations.

    parameters, constants, inputs: the values that are there first, by their names in the graph: the names of
    parameters, the arrays of constants, the places of the leaves of the arguments; settings: leaves that are no
    tensors; arguments, results: the structures of the leaves; limits: of open lengths; no_grad: does a part of it take
    no gradients?
    """

    name: str
    parameters: Mapping[str, str]
    constants: Mapping[str, Array]
    inputs: Mapping[str, int]
    settings: Mapping[int, Any]
    nodes: tuple[Node, ...]
    outputs: tuple[Any, ...]
    kinds: Mapping[str, Kind]
    arguments: tuple[tuple[Any, ...], dict[str, Any]]
    results: Any
    limits: Mapping[str, LIMITS]
    no_grad: bool

    @cached_property
    def names(self) -> dict[str, Any]:
        """The arguments: their structures, by their names."""
        given, named = self.arguments
        leaves = {place: name for name, place in self.inputs.items()}
        found: dict[str, Any] = {}
        for i, structure in enumerate(given):
            own = [leaves[place] for place in leaves_of(structure) if place in leaves]
            name = own[0] if isinstance(structure, int) and own else _common(own) or f"argument_{i}"
            found[name if name not in found else f"{name}_{i}"] = structure
        return found | named


def _common(names: list[str]) -> str:
    """What the names of the leaves of one argument begin with."""
    return names[0].rpartition("_")[0] if names else ""


def leaves_of(structure: Any) -> Iterator[Any]:
    """The leaves of nested tuples, lists and dictionaries."""
    if isinstance(structure, tuple | list | dict):
        for part in structure.values() if isinstance(structure, dict) else structure:
            yield from leaves_of(part)
    else:
        yield structure


def needed(nodes: Iterable[Node], outputs: Iterable[Any]) -> tuple[Node, ...]:
    """The operations that outputs depend on, in their order."""
    wanted = {value.name for value in values_in(tuple(outputs))}
    kept = []
    for node in reversed(list(nodes)):
        if node.name in wanted:
            kept.append(node)
            wanted.update(value.name for value in values_in(tuple(node.arguments.values())))
    return tuple(reversed(kept))


def values_in(argument: Any) -> Iterator[Value]:
    """The values in an argument, those in lists too."""
    if isinstance(argument, Value):
        yield argument
    elif isinstance(argument, tuple):
        for part in argument:
            yield from values_in(part)
    elif isinstance(argument, slice):
        yield from values_in((argument.start, argument.stop, argument.step))


# ---- from torch.export ----------------------------------------------------------------------------------------------


def program_of(exported: Any, name: str, no_grad: bool) -> tuple[Program, dict[str, Array]]:
    """An `ExportedProgram` whose operators change nothing in place, as a program; and its parameters by their names.

    Numbers that may vary, those of parameters and of buffers, are parameters; integers, truths, plain attributes, and
    buffers with infinities in them, are constants. Raises NotSupported for what has no operators.
    """
    held = _held(exported)
    numbers = {key: value for key, value in held.items() if _varies(exported, key, value[1])}
    constants = {key: _known(value) for key, (_, value) in held.items() if key not in numbers}
    arrays: dict[int, Array] = {}
    parameters = {
        value[0]: arrays.setdefault(id(value[1]), np.array(of_numbers(value[1]))) for value in numbers.values()
    }
    nodes = [_node(node) for node in exported.graph.nodes if node.op not in ("placeholder", "output", "get_attr")]
    outputs = tuple(_plain(name, spec) for name, spec in _outputs(exported))
    leaves = _inputs(exported)
    kinds = {node.name: _kind(node.meta.get("val")) for node in exported.graph.nodes}
    limits = _limits(exported)
    _check_lengths(kinds, (leaf for leaf in leaves if isinstance(leaf, str)), limits)
    program = Program(
        name=name,
        parameters={key: value[0] for key, value in numbers.items()},
        constants=constants,
        inputs={leaf: i for i, leaf in enumerate(leaves) if isinstance(leaf, str)},
        settings={i: leaf.value for i, leaf in enumerate(leaves) if not isinstance(leaf, str)},
        nodes=needed(nodes, outputs),
        outputs=outputs,
        kinds=kinds,
        arguments=_structure(exported.call_spec.in_spec, len(leaves)),
        results=_structure(exported.call_spec.out_spec, len(outputs)),
        limits=limits,
        no_grad=no_grad,
    )
    return program, parameters


def _held(exported: Any) -> dict[str, tuple[str, Any]]:
    """What the module holds, by the names in the graph: its own name for it, and the tensor."""
    found = {}
    for spec in exported.graph_signature.input_specs:
        if spec.kind.name in ("PARAMETER", "BUFFER", "CONSTANT_TENSOR"):
            kept = exported.state_dict if spec.target in exported.state_dict else exported.constants
            found[spec.arg.name] = (spec.target, kept[spec.target])
        elif spec.kind.name != "USER_INPUT":
            raise NotSupported(f"from_torch: {spec.target or spec.arg}: {spec.kind.name.lower()} is not followed")
    return found


def _varies(exported: Any, key: str, tensor: Any) -> bool:
    signature = exported.graph_signature
    is_named = key in signature.inputs_to_parameters or key in signature.inputs_to_buffers
    return is_named and tensor.is_floating_point() and bool(tensor.isfinite().all())


def _known(tensor: Any) -> Array:
    """A constant: numbers as float64, which holds them."""
    if tensor.is_complex():
        raise NotSupported("from_torch: complex numbers; numbers here are real: write the two parts apart")
    array = tensor.detach().cpu()
    return np.array((array.double() if array.is_floating_point() else array).numpy())


def _outputs(exported: Any) -> Iterator[tuple[Any, Any]]:
    """What the module returns; what else the graph does, such as to count batches, is not kept."""
    for spec in exported.graph_signature.output_specs:
        if spec.kind.name == "USER_OUTPUT":
            yield spec.arg, spec


def _plain(argument: Any, spec: Any) -> Any:
    if hasattr(argument, "value"):
        return argument.value
    if not hasattr(argument, "name"):
        raise NotSupported(f"from_torch: an output of type {type(argument).__name__}")
    return Value(argument.name)


def _inputs(exported: Any) -> list[Any]:
    """The leaves of the arguments: names of tensors, or what holds another setting."""
    specs = [spec.arg for spec in exported.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    for argument in specs:
        if type(argument).__name__ not in ("TensorArgument", "ConstantArgument"):
            raise NotSupported(f"from_torch: an argument that is a {type(argument).__name__}; pass a tensor")
    return [argument.name if type(argument).__name__ == "TensorArgument" else argument for argument in specs]


def _structure(spec: Any, count: int) -> Any:
    """Nested tuples, lists and dictionaries with the places of the leaves in them."""
    from torch.utils import _pytree

    return _nested(_pytree.tree_unflatten(range(count), spec))


def _nested(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _nested(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map(_nested, value))
    if not isinstance(value, int):
        raise NotSupported(f"from_torch: arguments or results in a {type(value).__name__}; use tuples, lists and dicts")
    return value


def _kind(value: Any) -> Kind:
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        return Kind()
    return Kind(tuple(n if isinstance(n, int) else str(n) for n in value.shape), _named(value.dtype))


def _named(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def _check_lengths(kinds: Mapping[str, Kind], inputs: Iterable[Any], limits: Mapping[str, LIMITS]) -> None:
    """Raises NotSupported for lengths of arguments that follow from others."""
    for name in inputs:
        for axis in kinds[name].shape or ():
            if isinstance(axis, str) and axis not in limits:
                raise NotSupported(f"from_torch: {name}: the length {axis} follows from others; leave them open apart")


def _limits(exported: Any) -> dict[str, LIMITS]:
    """The least and the greatest length of those that are open."""
    found: dict[str, LIMITS] = {}
    for symbol, values in exported.range_constraints.items():
        upper = values.upper
        found[str(symbol)] = (int(values.lower), int(upper) if getattr(upper, "is_Integer", False) else None)
    return found


def _node(node: Any) -> Node:
    """An operation as plain data, its arguments by name."""
    place = _place(node)
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        word = getattr(node.target, "__name__", str(node.target))
        numbered = {str(i): _argument(node, value) for i, value in enumerate(node.args)}
        home = "python" if SIZES.get(word) is node.target else "other"
        return Node(node.name, f"{home}.{word}", numbered, frozenset(), tuple(numbered), place)
    given, usual = {}, set()
    for i, argument in enumerate(schema.arguments):
        if argument.name in LAYOUT:
            continue
        is_given = i < len(node.args) or argument.name in node.kwargs
        value = node.args[i] if i < len(node.args) else node.kwargs.get(argument.name, argument.default_value)
        given[argument.name] = _argument(node, value)
        if not is_given or (argument.has_default_value() and _same(value, argument.default_value)):
            usual.add(argument.name)
    ordered = tuple(
        argument.name for argument in schema.arguments if not argument.kwarg_only and argument.name in given
    )
    return Node(node.name, str(node.target), given, frozenset(usual), ordered, place)


def _same(value: Any, default: Any) -> bool:
    try:
        return bool(value == default)
    except Exception:  # of values that are known in each evaluation only
        return False


def _argument(node: Any, value: Any) -> Any:
    """An argument as plain data."""
    if type(value).__name__ == "Node":
        return Value(value.name)
    if isinstance(value, list | tuple):
        return tuple(_argument(node, part) for part in value)
    if isinstance(value, slice):
        return slice(*(_argument(node, part) for part in (value.start, value.stop, value.step)))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value).__name__ == "dtype":
        return Format(_named(value))
    raise NotSupported(f"from_torch: {node.target} {node.name!r}: an argument of type {type(value).__name__}")


def _place(node: Any) -> str:
    """Which part of the module asked for it, as " in layers.0"."""
    stack = node.meta.get("nn_module_stack") or {}
    path = next((entry[0] for entry in reversed(list(stack.values()))), "")
    path = path.removeprefix("L['self'].").removeprefix("L['self']")
    return f" in {path}" if path else ""


def checked_structure(name: str, structure: Any, given: Any, leaves: dict[int, Any]) -> None:
    """Notes the leaves of an argument, each at its place. Raises ArgumentError where it has another structure."""
    if isinstance(structure, int):
        leaves[structure] = given
        return
    fits = isinstance(given, dict if isinstance(structure, dict) else list | tuple) and len(given) == len(structure)
    if not fits or (isinstance(structure, dict) and {*given} != {*structure}):
        raise ArgumentError(f"from_torch: {name}: expected the structure of the example, {structure}, got {given!r}")
    for key, part in structure.items() if isinstance(structure, dict) else enumerate(structure):
        checked_structure(f"{name}[{key!r}]", part, given[key], leaves)
