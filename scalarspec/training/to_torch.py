"""`to_torch`: a model, or a spec with its models filled in, as a `torch.nn.Module`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from typing import Any

from scalarspec.core.arguments import spec_name
from scalarspec.core.named_contexts import context
from scalarspec.errors import ArgumentError, UnknownName
from scalarspec.numbers.formats import FormatLike


def to_torch(
    spec: Callable[..., Any],
    *arguments: Any,
    inputs: str | Sequence[str] | None = None,
    dtype: FormatLike = "float32",
    device: str = "cpu",
) -> Any:
    """A model, or a spec with some arguments filled in, as a `torch.nn.Module` that PyTorch trains.

    spec: a dataclass that is called, whose `forward` takes what its `__call__` needs; or a function, with `arguments`
    for its parameters but those named in `inputs`, in order. The parameters of the module are the float arrays, lists
    of numbers and tensors in the model, or the arguments, named by their paths, such as "encoder.layers.0.weight"; one
    that occurs twice is one parameter. Numbers alone, such as an eps, and arrays of integers are settings, which stay.
    dtype, device: of the parameters, as `ss.context("torch")` takes them; `.to(...)` changes them later.
    Returns the module. Its `forward` takes PyTorch's tensors, and lists, tuples and dictionaries of them, and gives
    what the spec gives so. A spec that looks at no number is read once for each set of shapes; then its operations are
    called one after the other, and autograd, `torch.func` and `torch.compile` see nothing else. `module.arguments()`
    are the arguments with the trained numbers in NumPy's arrays, and `module.model()` the only one that has parameters:
    for bounds, cross-checks and proofs by the same text.
    Raises NotInstalled without PyTorch, UnknownName for a name in `inputs` that the spec does not have, ArgumentError
    where arguments do not fit the parameters, or nothing in them can be trained.

        net = ss.to_torch(ss.layers.Linear([[1.0, 2.0]], [0.5]))
        net(torch.ones(2))                            # [3.5]
        net.model()(ss.context("rational").tensor([1, 1]))     # the same layer, whatever its numbers are by then

        energy = ss.to_torch(vae.loss, model, 1, inputs=("x", "eps"))
        torch.optim.Adam(energy.parameters())
    """
    inner = context("torch", dtype=dtype, device=device)
    from scalarspec.training.torch_module import SpecModule  # PyTorch is loaded by now

    if inputs is None and not arguments and is_dataclass(spec) and not isinstance(spec, type):
        taken = [name for name, p in _positional(spec).items() if p.default is p.empty]
        return SpecModule(_called, ("", *taken), {"": spec}, inner)
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs or ())
    filled = _filled(spec, arguments, names)
    return SpecModule(spec, [name for name in _positional(spec) if name in (*filled, *names)], filled, inner)


def _called(model: Callable[..., Any], *inputs: Any) -> Any:
    return model(*inputs)


def _positional(spec: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a spec that can be given in order."""
    if not callable(spec):
        raise ArgumentError(f"spec: expected a function on tensors, or a model that is called, got {spec!r}")
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {name: p for name, p in inspect.signature(spec).parameters.items() if p.kind in kinds}


def _filled(spec: Callable[..., Any], arguments: Sequence[Any], inputs: Sequence[str]) -> dict[str, Any]:
    """The argument of each parameter that is no input, by name."""
    parameters = _positional(spec)
    for name in inputs:
        if name not in parameters:
            raise UnknownName(f"{spec_name(spec)} has no parameter {name!r}; it has {', '.join(parameters)}")
    left = [p for name, p in parameters.items() if name not in inputs]
    wanted = [p.name for p in left]
    if len(arguments) > len(left) or any(p.default is p.empty for p in left[len(arguments) :]):
        raise ArgumentError(
            f"to_torch: {spec_name(spec)}: expected arguments for {', '.join(wanted) or 'no parameter'}, got "
            f"{len(arguments)}; the parameters that forward takes are named in inputs"
        )
    return dict(zip(wanted, [*arguments, *(p.default for p in left[len(arguments) :])], strict=True))
