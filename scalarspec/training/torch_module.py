"""`SpecModule`: a spec whose models' numbers are parameters of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

from scalarspec.core.arguments import call_for_all
from scalarspec.core.context import Context
from scalarspec.core.lifting import is_array, is_trained, lift, mapped, put_back, replaced, taken_out, tensors_in
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.tracing.prepared import straight_calls
from scalarspec.tracing.tape import Outline

Run = Callable[..., Any]
"""(parameters, and tensors among the inputs, as PyTorch's tensors in order) -> what `forward` returns."""


class SpecModule(torch.nn.Module):  # type: ignore[misc]
    """What `to_torch` returns, which says what it does."""

    def __init__(
        self, spec: Callable[..., Any], order: Sequence[str], filled: Mapping[str, Any], context: Context[Any]
    ) -> None:
        super().__init__()
        self.spec, self.order, self.context = spec, tuple(order), context
        self.inputs = tuple(name for name in order if name not in filled)
        trained = {name: taken_out(argument, is_trained)[1] for name, argument in filled.items()}
        self.having = tuple(name for name, parts in trained.items() if parts)
        if not self.having:
            raise ArgumentError("to_torch: expected float arrays, lists of numbers or tensors to train, found none")
        self.filled, parts = taken_out(dict(filled), is_trained)
        self._places = [self._new_parameter(path, part) for path, part in parts.items()]
        self._runs: dict[Any, Run] = {}

    def forward(self, *args: Any, **named: Any) -> Any:
        """What the spec gives, as PyTorch's tensors. args, named: of the inputs."""
        given = args if len(args) == len(self.inputs) and not named else self._in_order(args, named)
        plain = all(isinstance(x, torch.Tensor) for x in given)
        leaves, structure = (given, None) if plain else self._leaves(given)
        key = (structure, *(x.shape if isinstance(x, torch.Tensor) else (type(x), x) for x in leaves))
        if key not in self._runs:
            self._runs[key] = self._run_for(leaves, structure)
        adopted = self.context.arrays.adopted
        tensors = [adopted(x) for x in leaves if isinstance(x, torch.Tensor)]
        return self._runs[key](*self._values(), *tensors)

    def arguments(self) -> dict[str, Any]:
        """The arguments that are filled in, by name, with the numbers of the parameters in NumPy's arrays, exactly."""
        trained = [np.array(self.context.tensor(value.detach())) for value in self._values()]
        return put_back(self.filled, trained)

    def model(self) -> Any:
        """The argument that has the parameters, with their numbers in NumPy's arrays, exactly. Raises ArgumentError
        where several have some.
        """
        if len(self.having) > 1:
            raise ArgumentError(f"model: {', '.join(self.having)} have parameters; see arguments()")
        return self.arguments()[self.having[0]]

    # ---- parameters -------------------------------------------------------------------------------------------------

    def _new_parameter(self, path: str, part: Any) -> tuple[torch.nn.Module, str]:
        """Enters a part of a model under its path, in which the only argument that has parameters needs no name: the
        module that holds it, and its name there.
        """
        names = path.split(".")[1:]
        *folders, name = names if len(self.having) > 1 else names[1:] or ["value"]
        module: torch.nn.Module = self
        for folder in folders:
            free = _free(module, folder)
            if free not in module._modules:
                module.add_module(free, torch.nn.Module())
            module = module._modules[free]
        free = _free(module, name)
        module.register_parameter(free, torch.nn.Parameter(self.context.tensor(part).value.detach().clone()))
        return module, free

    def _values(self) -> list[Any]:
        """The parameters, or what stands in their place in a call of `torch.func`."""
        return [getattr(module, name) for module, name in self._places]

    def _apply(self, *args: Any, **more: Any) -> Any:
        """As PyTorch moves and converts its modules; the context goes with the parameters."""
        super()._apply(*args, **more)
        first = self._values()[0]
        self.context = named_context("torch", dtype=str(first.dtype).rpartition(".")[2], device=str(first.device))
        self._runs = {}
        return self

    def __getstate__(self) -> dict[str, Any]:
        """What is worked out again is left out."""
        return {**self.__dict__, "_runs": {}}

    # ---- forward ----------------------------------------------------------------------------------------------------

    def _in_order(self, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """The inputs in order. Raises TypeError, as PyTorch's modules do, where they are others."""
        found = dict(zip(self.inputs, args, strict=False)) | named
        if len(args) + len(named) != len(self.inputs) or set(found) != set(self.inputs):
            raise TypeError(
                f"forward: expected {', '.join(self.inputs)}, got {len(args)} and {', '.join(named) or 'none'}"
            )
        return tuple(found[name] for name in self.inputs)

    def _leaves(self, given: Any) -> tuple[list[Any], Any]:
        """What lists, tuples and dictionaries hold, arrays of others as tensors, and their structure."""
        leaves, structure = pytree.tree_flatten(given)
        foreign = [is_array(x) and not isinstance(x, torch.Tensor) for x in leaves]
        return [self.context.tensor(x).value if f else x for x, f in zip(leaves, foreign, strict=True)], structure

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _run_for(self, leaves: Sequence[Any], structure: Any) -> Run:
        """The straight calls for inputs of these shapes; or the spec itself, where that looks at numbers."""
        with torch.inference_mode(False), torch.no_grad():
            parameters = [self._tensor(value) for value in self._values()]
            filled = lift(put_back(self.filled, parameters), self.context)
            marked = [self._tensor(x) if isinstance(x, torch.Tensor) else x for x in leaves]
            given = marked if structure is None else pytree.tree_unflatten(marked, structure)
            known = filled | dict(zip(self.inputs, lift(list(given), self.context), strict=True))
            arguments = [known[name] for name in self.order]
            variables = [*parameters, *(t for t in marked if isinstance(t, Tensor))]
            try:
                return _straight(self.spec, arguments, variables, self.context)
            except NotSupported:
                return _plain(self.spec, arguments, variables, self.context)

    def _tensor(self, value: Any) -> Tensor:
        """A tensor of its own, though the value may occur twice."""
        return Tensor(self.context, Shape(value.shape), self.context.arrays.adopted(value.detach()))


def _straight(spec: Callable[..., Any], arguments: Any, variables: Sequence[Tensor], context: Context[Any]) -> Run:
    """Straight calls. Raises NotSupported where the spec looks at numbers of the variables."""
    tape = Outline(context)
    on_tape = {id(t): tape.variable(t) for t in variables}
    result = call_for_all(spec, replaced(arguments, on_tape), tape)
    inputs = [t.value for t in on_tape.values()]
    if isinstance(result, Tensor):
        return straight_calls(tape, inputs, result.value)
    found = tensors_in(result)
    run, places = straight_calls(tape, inputs, [t.value for t in found]), {id(t): i for i, t in enumerate(found)}

    def structured(*values: Any) -> Any:
        parts = run(*values)
        return mapped(result, lambda part, _: parts[places[id(part)]] if isinstance(part, Tensor) else None)

    return structured


def _plain(spec: Callable[..., Any], arguments: Any, variables: Sequence[Tensor], context: Context[Any]) -> Run:
    """The spec as it stands."""

    def run(*values: Any) -> Any:
        given = {id(t): context.tensor(value) for t, value in zip(variables, values, strict=True)}
        result = call_for_all(spec, replaced(arguments, given), context)
        return mapped(result, lambda part, _: part.value if isinstance(part, Tensor) else None)

    return run


def _free(module: torch.nn.Module, name: str) -> str:
    """A name that PyTorch has no other use for, such as "forward_" for "forward"."""
    taken = hasattr(torch.nn.Module, name) or (isinstance(module, SpecModule) and hasattr(SpecModule, name))
    return f"{name}_" if taken else name
