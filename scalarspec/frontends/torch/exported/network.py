"""`from_torch`: a module of PyTorch as a spec, by its exported graph."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalarspec.core.callers import STOPPED, differentiating
from scalarspec.core.guests import integers
from scalarspec.core.lifting import AS_IT_IS, lift, tensors_in
from scalarspec.core.literals import reading_of_code
from scalarspec.core.tensor import Truth, as_tensor, as_truth, common_context
from scalarspec.errors import ArgumentError, NotInstalled, NotSupported, ShapeError
from scalarspec.frontends.torch.exported.program import (
    Format,
    Kind,
    Node,
    Program,
    Value,
    checked_structure,
    program_of,
)


def from_torch(module: Any, *example_inputs: Any, dynamic_shapes: Any = None, **example_keywords: Any) -> TorchNetwork:
    """A module of PyTorch as a spec: the real function that its exported graph says, in any context.

    Modules are specs as they are. This one is for those that calling them on tensors does not carry: which write into
    tensors, begin with `torch.zeros`, or call compiled functions. `torch.export` traces the module once, for the shapes
    and formats of the examples; nothing of PyTorch is needed to evaluate the result.

    module: a `torch.nn.Module` in evaluation mode, or a `torch.export.ExportedProgram`, which has its examples.
    example_inputs, example_keywords: what `forward` is called with: tensors, NumPy's arrays, which are taken in the
    format of the parameters, or nested tuples, lists and dictionaries of these; their numbers do not count.
    dynamic_shapes: as `torch.export.export` has it; without it the shapes are those of the examples.

    Returns a model: its `parameters`, those of the module and its buffers, are lifted, vary and have gradients, by
    their names in the module; integers and plain attributes are constants. The values between operators are stages, by
    their names in the graph. Numbers count at their exact values, floats in the code at their binary ones; formats do
    not count, and what rounds to a narrower one is refused. States that the module would keep are not kept. Derivatives
    are those of the function that the graph says.

    Raises NotSupported where PyTorch cannot export the module, or an operator is no function of real numbers, with its
    node; ArgumentError for what is no module; NotInstalled where PyTorch is not there: pip install 'scalarspec[torch]'.

        net = ss.from_torch(module, torch.zeros(1, 3))
        ss.bounds(net, x, vary={"x": ss.ball("0.01")})    # where `forward` calls its argument x
    """
    torch = _library()
    if isinstance(module, torch.export.ExportedProgram):
        if example_inputs or example_keywords or dynamic_shapes is not None:
            raise ArgumentError("from_torch: an ExportedProgram has its examples already; give it alone")
        name, exported = "an exported program", module
    elif isinstance(module, torch.nn.Module):
        name = type(module).__name__
        exported = _exported(torch, module, example_inputs, example_keywords, dynamic_shapes)
    else:
        raise ArgumentError(f"from_torch: expected a torch.nn.Module, got {type(module).__name__}")
    no_grad = any("set_grad_enabled" in str(node.target) for node in exported.graph.nodes)
    program, parameters = program_of(_functional(exported, name), name, no_grad)
    _walk().check(program)
    network = TorchNetwork(parameters, program)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(each, kind) for each in program.names])
    object.__setattr__(network, "__signature__", signature)
    return network


def _library() -> Any:
    try:
        import torch
        import torch.export
    except ImportError:
        raise NotInstalled("from_torch needs the package torch: pip install 'scalarspec[torch]'") from None
    return torch


def _walk() -> Any:
    """What evaluates programs, and has the table; it is loaded when it is first asked."""
    from scalarspec.frontends.torch.exported import walk

    return walk


def _exported(torch: Any, module: Any, args: Any, kwargs: Any, dynamic_shapes: Any) -> Any:
    """The graph of a module. Raises NotSupported, with what PyTorch says, where there is none."""
    dtype = next((t.dtype for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()), None)
    args, kwargs = _as_theirs(torch, args, dtype), _as_theirs(torch, kwargs, dtype)
    with _by_pytorch(type(module).__name__):
        return torch.export.export(module, args, kwargs, dynamic_shapes=dynamic_shapes)


def _functional(exported: Any, name: str) -> Any:
    """A graph without writes in place."""
    with _by_pytorch(name):
        return exported.run_decompositions({})


@contextlib.contextmanager
def _by_pytorch(name: str) -> Iterator[None]:
    """What PyTorch does to export a module. Raises NotSupported, with what it says, where it cannot."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # whatever the module, or PyTorch, raises
        told = (str(error).strip().splitlines() or [""])[0]
        raise NotSupported(
            f"from_torch: torch.export cannot export {name}: {type(error).__name__}: {told}; it must run on the "
            "examples, and no choice in its code may depend on numbers: write torch.where"
        ) from error


def _as_theirs(torch: Any, value: Any, dtype: Any) -> Any:
    """Examples with tensors of PyTorch in the place of arrays."""
    if isinstance(value, tuple | list):
        return type(value)(_as_theirs(torch, part, dtype) for part in value)
    if isinstance(value, dict):
        return {key: _as_theirs(torch, part, dtype) for key, part in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    found = torch.as_tensor(value)
    return found.to(dtype) if found.is_floating_point() and dtype is not None else found


@dataclass(frozen=True, eq=False)
class TorchNetwork:
    """A module of PyTorch as a spec, made by `from_torch`. parameters: its numbers, by their names in the module."""

    parameters: dict[str, Any]
    _program: Program = field(metadata={AS_IT_IS: True})

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        """The results at tensors, in their context, in the structure in which the module returns them. Raises
        ShapeError for other shapes than those of the examples.
        """
        program = self._program
        if program.no_grad and differentiating():
            raise NotSupported(f"{self!r}: torch.no_grad: {STOPPED}")
        leaves = self._leaves(inputs, keywords)
        context = common_context("from_torch", [*leaves.values(), *tensors_in(self.parameters)])
        values: dict[str, Any] = dict(program.constants)
        lifted = lift(self.parameters, context)
        values.update({name: lifted[own] for name, own in program.parameters.items()})
        lengths: dict[str, int] = {}
        for name, place in program.inputs.items():
            values[name] = _given(name, leaves[place], program.kinds[name], context)
            _check_shape(name, tuple(values[name].shape), program, lengths)
        with reading_of_code():
            found = _walk().run(program, values, context)
        outputs = [_handed(context, x) for x in found]
        return _filled(program.results, outputs)

    def _leaves(self, inputs: Any, keywords: Any) -> dict[int, Any]:
        """What the leaves of the arguments are, by their places. Raises ArgumentError for other arguments."""
        program = self._program
        leaves: dict[int, Any] = {}
        try:
            given = inspect.signature(self).bind(*inputs, **keywords).arguments
        except TypeError as error:
            raise ArgumentError(f"{self!r}: expected {', '.join(program.names)}: {error}") from None
        for name, structure in program.names.items():
            checked_structure(name, structure, given[name], leaves)
        for place, setting in program.settings.items():
            if leaves[place] is not setting and leaves[place] != setting:
                raise ArgumentError(f"{self!r}: expected {setting!r}, as it was exported, got {leaves[place]!r}")
        return leaves

    @property
    def inputs(self) -> dict[str, Any]:
        """The shapes of the arguments that are tensors, by name; a text is a length that is left open."""
        return {name: self._program.kinds[name].shape for name in self._program.inputs}

    def source(self) -> str:
        """The operations of the graph, a line for each; p: the parameters, c: the constants."""
        program = self._program
        named = {name: f"p[{own!r}]" for name, own in program.parameters.items()}
        named |= {name: f"c[{name!r}]" for name in program.constants}
        lines = [f"{node.name} = {node.operator}({_told(node, named)})" for node in program.nodes]
        first, last = f"# {program.name}: {', '.join(program.names)}", f"return {_shown(program.outputs, named)}"
        return "\n".join([first, *lines, last])

    def __repr__(self) -> str:
        return f"<network {self._program.name} from PyTorch>"


def _told(node: Node, named: dict[str, str]) -> str:
    """The arguments that are not as they are by default."""
    given = ((name, value) for name, value in node.arguments.items() if name not in node.usual)
    return ", ".join(f"{name}={_shown(value, named)}" for name, value in given)


def _shown(value: Any, named: dict[str, str]) -> str:
    if isinstance(value, Value):
        return named.get(value.name, value.name)
    if isinstance(value, Format):
        return value.name
    if isinstance(value, tuple):
        return f"({', '.join(_shown(part, named) for part in value)}{',' * (len(value) == 1)})"
    return repr(value)


def _given(name: str, x: Any, kind: Kind, context: Any) -> Any:
    """An argument as the program takes it: integers, which may be places, as an array of NumPy's."""
    if kind.dtype == "bool":
        return as_truth(context, x) if isinstance(x, Truth) else Truth.known(context, np.asarray(x, dtype=bool))
    if "float" in str(kind.dtype):
        return as_tensor(context, x)
    return integers(name, x)


def _check_shape(name: str, shape: tuple[int, ...], program: Program, lengths: dict[str, int]) -> None:
    """Raises ShapeError for a shape that is not the one of the example, or not within what was left open."""
    wanted = program.kinds[name].shape or ()
    fits = len(shape) == len(wanted)
    for n, axis in zip(shape, wanted, strict=False):
        if isinstance(axis, int):
            fits = fits and n == axis
        else:
            low, high = program.limits.get(axis, (0, None))
            fits = fits and lengths.setdefault(axis, n) == n and low <= n and (high is None or n <= high)
    if not fits:
        raise ShapeError(
            f"from_torch: {name}: shape {shape}, where it was exported for {wanted}; export it for that shape, or with "
            "dynamic_shapes="
        )


def _handed(context: Any, x: Any) -> Any:
    """A result as it is handed out: what is no tensor by now is one."""
    if isinstance(x, np.ndarray):
        return Truth.known(context, x) if x.dtype == bool else context.tensor(x)
    return x


def _filled(structure: Any, leaves: list[Any]) -> Any:
    if isinstance(structure, dict):
        return {key: _filled(part, leaves) for key, part in structure.items()}
    if isinstance(structure, tuple | list):
        return type(structure)(_filled(part, leaves) for part in structure)
    return leaves[structure]
