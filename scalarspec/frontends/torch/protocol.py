"""PyTorch's protocol: what its functions, and the methods of its tensors, ask of ours; and its modules as models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from scalarspec.core.literals import reading_of_code
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotSupported
from scalarspec.frontends.calls import IN_PLACE, NOT_OURS, called, refusal, refuse
from scalarspec.frontends.masked import followed, hides
from scalarspec.frontends.torch import (  # noqa: F401 - which fill the table of functions
    images,
    losses,
    nn,
    reductions,
    sequences,
    structure,
)
from scalarspec.frontends.torch.functions import FUNCTIONS
from scalarspec.numbers.foreign import of_numbers

ROUNDED = (
    "PyTorch worked it out from parameters, and rounded: call ss.lift(net, t.context)(t), or give the module to a job, "
    "so that the parameters are numbers of the context, too"
)
DEVICE = torch.device("cpu")
FORMAT = torch.float64
"""What tensors say is their format, within PyTorch's code: that of the constants which it makes beside them."""
NARROW = "it rounds to a format, which the numbers of a tensor have not: leave it out"
DETACH = (
    "a stop-gradient has the value of its argument and another derivative: write the derivative that is meant apart"
)


def function(theirs: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The value of a function of PyTorch that was called with tensors of ours among its arguments."""
    name = getattr(theirs, "__name__", str(theirs))
    module = getattr(theirs, "__module__", None) or ""
    known = "im2col" if name == "unfold" and module.endswith("functional") else name
    return _call(f"torch.{name}", known, args, kwargs)


def method(t: Any, name: str) -> Any:
    """The method of that name, or the value of the property. Raises AttributeError where PyTorch has none."""
    if name in PROPERTIES:
        return PROPERTIES[name](t)
    if name in METHODS:
        return partial(METHODS[name], t)
    if not hasattr(torch.Tensor, name):
        raise AttributeError(f"{type(t).__name__} has no attribute {name!r}")
    return partial(_of_tensor, name, t)


def _of_tensor(name: str, *args: Any, **kwargs: Any) -> Any:
    return _call(f"torch.Tensor.{name}", name, args, kwargs)


def _call(shown: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    args, kwargs = _as_ours(args), {key: _as_ours(value) for key, value in kwargs.items()}
    inplace = kwargs.pop("inplace", False)
    if name.endswith("_") and not name.endswith("__"):
        refuse(shown, IN_PLACE)
    handler = FUNCTIONS.get(name) or refusal(NOT_OURS)
    if hides(name, args):
        return followed(shown, args, kwargs)
    with reading_of_code():
        found = called(shown, handler, args, kwargs)
    if inplace:
        _overwrite(shown, args[0], found)
    return found


def _as_ours(value: Any) -> Any:
    """Arguments with NumPy's arrays in the place of PyTorch's tensors, each at its exact numbers."""
    if isinstance(value, torch.Tensor):
        if value.grad_fn is not None and not (value._is_view() and value._base.grad_fn is None):
            refuse("torch", ROUNDED)
        return of_numbers(value) if value.is_floating_point() else value.detach().cpu().numpy()
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        parts = [_as_ours(part) for part in value]
        return type(value)(parts) if type(value) in (list, tuple) else tuple(parts)
    return value


class _Overwritten(Tensor):
    """A tensor that code has changed in place: whoever looks at it again would see other numbers."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        raise NotSupported(
            "a tensor is used again after a function with inplace=True changed it, and tensors are not changed: write "
            "inplace=False"
        )


def _overwrite(shown: str, t: Any, found: Any) -> None:
    """Marks a tensor whose memory a function wrote its result into."""
    if getattr(t, "_base", None) is not None:
        refuse(shown, "inplace=True of a view changes what it is a view of; write inplace=False")
    if found is not t:
        t.__class__ = _Overwritten


# ---- methods and properties that are no functions -------------------------------------------------------------------


def _converted(t: Any, *args: Any, **kwargs: Any) -> Any:
    """`to`: another device, or a format that holds every number; narrower ones round."""
    kinds = [a for a in (*args, *kwargs.values()) if isinstance(a, torch.dtype)]
    if any(kind != torch.float64 for kind in kinds):
        refuse("torch.Tensor.to", NARROW)
    return t


def _refused(reason: str, name: str) -> Callable[..., Any]:
    def refused(*args: Any, **kwargs: Any) -> Any:
        refuse(f"torch.Tensor.{name}", reason)

    return refused


def _same(t: Any, *args: Any, **kwargs: Any) -> Any:
    return t


METHODS: dict[str, Any] = {
    "dim": lambda t: t.ndim, "ndimension": lambda t: t.ndim, "numel": lambda t: int(t.shape.size),
    "nelement": lambda t: int(t.shape.size), "element_size": lambda t: 8, "get_device": lambda t: -1,
    "view_as": lambda t, other: _of_tensor("view", t, tuple(other.shape)),
    "reshape_as": lambda t, other: _of_tensor("view", t, tuple(other.shape)),
    "expand_as": lambda t, other: _of_tensor("expand", t, tuple(other.shape)),
    "type_as": _same, "to": _converted, "double": _same, "cpu": _same, "cuda": _same, "requires_grad_": _same,
    "retain_grad": _same, "is_contiguous": lambda t, *a, **k: True, "is_floating_point": lambda t: True,
    "is_complex": lambda t: False, "item": lambda t: float(t),
    "new_zeros": lambda t, *size, **k: _of_tensor("expand", t.context.tensor(0), *size),
    "new_ones": lambda t, *size, **k: _of_tensor("expand", t.context.tensor(1), *size),
    "new_full": lambda t, size, fill_value, **k: _of_tensor("expand", t.context.tensor(fill_value), size),
    "new_tensor": lambda t, data, **k: t.context.tensor(data),
    **{n: _refused(NARROW, n) for n in ("float", "half", "bfloat16", "int", "long", "short", "bool", "type")},
    "detach": _refused(DETACH, "detach"), "backward": _refused("ss.grad gives the gradient", "backward"),
    "numpy": _refused("it makes floats of a tensor", "numpy"),
}  # fmt: skip
PROPERTIES: dict[str, Any] = {
    "device": lambda t: DEVICE, "requires_grad": lambda t: False, "is_cuda": lambda t: False,
    "is_nested": lambda t: False, "is_sparse": lambda t: False, "is_quantized": lambda t: False,
    "is_mps": lambda t: False, "is_meta": lambda t: False, "is_leaf": lambda t: True, "grad": lambda t: None,
    "grad_fn": lambda t: None, "layout": lambda t: torch.strided, "itemsize": lambda t: 8,
    "data": lambda t: refuse("torch.Tensor.data", DETACH), "H": lambda t: t.mT,
}  # fmt: skip


# ---- modules as models ----------------------------------------------------------------------------------------------


def parts(module: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All that a module holds, by dotted names: parameters, buffers and attributes, of its inner modules, too."""
    for name, value in _held(module).items():
        if isinstance(value, torch.nn.Module):
            yield from parts(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _held(module: Any) -> dict[str, Any]:
    """What a module holds itself, by attribute."""
    plain = {name: value for name, value in vars(module).items() if not name.startswith("_") or name == "_flat_weights"}
    inner = {name: m for name, m in module._modules.items() if m is not None}
    held: dict[str, Any] = plain | module._parameters | module._buffers | inner
    return held


def mapped(module: Any, part: Callable[[str, Any], Any]) -> Any:
    """A copy of a module with other parts."""
    found = {name: new for name, value in _held(module).items() if (new := _new(name, value, part)) is not value}
    twin = object.__new__(type(module))
    vars(twin).update(vars(module))
    for kind in ("_parameters", "_buffers"):  # which take PyTorch's tensors alone
        vars(twin)[kind] = {name: value for name, value in vars(module)[kind].items() if name not in found}
    vars(twin)["_modules"] = {name: found.pop(name, inner) for name, inner in module._modules.items()}
    vars(twin).update(found)
    return twin


def _new(name: str, value: Any, part: Callable[[str, Any], Any]) -> Any:
    """What stands in a copy for a part of a module. Tensors of integers, which are indices and counts, are copied."""
    if isinstance(value, torch.Tensor) and not value.is_floating_point():
        return value.clone()
    held = torch.nn.Module | torch.Tensor | np.ndarray | Nested | list | tuple | dict
    return part(name, value) if isinstance(value, held) else value
