"""PyTorch's protocol: what its functions, and the methods of its tensors, ask of ours; and its modules as models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from scalarspec.core.callers import STOPPED, differentiating, refuse_other_derivatives
from scalarspec.core.dtypes import BOOL, DType
from scalarspec.core.in_place import has_views, overwrite
from scalarspec.core.literals import reading_of_code
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Truth, common_context
from scalarspec.frontends.calls import IN_PLACE, NOT_OURS, called, parameters_of, refusal, refuse, truth
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
from scalarspec.frontends.torch.reductions import Found
from scalarspec.numbers.foreign import of_numbers

ROUNDED = (
    "PyTorch worked it out from parameters, and rounded: call ss.lift(net, t.context)(t), or give the module to a job, "
    "so that the parameters are numbers of the context, too"
)
DEVICE = torch.device("cpu")
FORMAT = torch.float64
"""What tensors say is their format, within PyTorch's code: that of the constants which it makes beside them."""
NARROW = "it rounds to a format, which the numbers of a tensor have not: leave it out"


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
    context = common_context(shown, [*_leaves((args, tuple(kwargs.values())))])
    args = _as_ours(_without_format(shown, args), context)
    kwargs = {key: _as_ours(value, context) for key, value in kwargs.items() if not _is_format(shown, key, value)}
    kwargs, inplace = _with_reduction(kwargs), kwargs.pop("inplace", False)
    if name.endswith("_") and not name.endswith("__"):
        refuse(shown, IN_PLACE)
    refuse_other_derivatives()
    handler = FUNCTIONS.get(name) or refusal(NOT_OURS)
    args, kwargs = _by_our_names(handler, args, kwargs)
    if hides(name, args):
        return _followed(shown, name, args, kwargs)
    with reading_of_code():
        found = called(shown, handler, args, kwargs)
    if inplace:
        _overwrite(shown, args[0], found)
    return _places_as_theirs(found)


def _followed(shown: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function of numbers among which there is minus infinity; along an axis `max` has places, too."""
    found = followed(shown, args, kwargs)
    along = name == "max" and (len(args) > 1 or "dim" in kwargs)
    return Found(found, partial(refuse, shown, "its places are not followed beside minus infinity")) if along else found


FIRST, SECOND, LENGTHS = (
    {"input", "self", "tensors"},
    {"other", "mat2", "exponent", "vec2", "end"},
    {"dims", "shape", "size"},
)
"""Names that PyTorch has for the first operand, for the second, and for lengths or axes that may come one by one."""
NUMPYS = {"axis": "dim", "keepdims": "keepdim"}
"""Names of NumPy's that PyTorch takes for its own."""


def _by_our_names(
    handler: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call by the names that its handler has for them."""
    if not kwargs or getattr(handler, "reason", None) is not None:
        return args, kwargs
    own = parameters_of(handler)
    given: dict[str, Any] = {}
    for key, value in sorted(kwargs.items(), key=lambda pair: pair[0] not in FIRST):
        if (key in own and not (key in FIRST and not args)) or key not in FIRST | SECOND | LENGTHS | {*NUMPYS}:
            given[key] = value
        elif key in NUMPYS and NUMPYS[key] in own:
            given[NUMPYS[key]] = value
        elif (key in FIRST and not args) or (key not in FIRST and key not in NUMPYS and len(args) == 1):
            args = (*args, value)
        else:
            given[key] = value
    return args, given


def _with_reduction(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a loss, with what its older ones say in the place of its `reduction`."""
    if "size_average" not in kwargs:
        return kwargs
    average, each = kwargs.pop("size_average"), kwargs.pop("reduce", None)
    if average is not None or each is not None:
        kwargs["reduction"] = "none" if each is False else "sum" if average is False else "mean"
    return kwargs


def _leaves(value: Any) -> Iterator[Any]:
    """The operands, and those in lists of them."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, Nested):
        yield value


def _without_format(shown: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments without a format among them, which must be one that holds every number."""
    return tuple(x for x in args if x is None or not _is_format(shown, "dtype", x))


def _is_format(shown: str, key: str, value: Any) -> bool:
    """Is it a format, that of float64? Raises NotSupported for another one."""
    if (isinstance(value, torch.dtype) and value != FORMAT) or (isinstance(value, DType) and value == BOOL):
        refuse(shown, NARROW)
    return isinstance(value, torch.dtype | DType) or (key == "dtype" and value is None)


def _places_as_theirs(found: Any) -> Any:
    """Integers that a function found as a tensor of PyTorch, which indexes and counts as such."""
    if isinstance(found, np.ndarray) and found.dtype.kind in "iu":
        return torch.from_numpy(np.array(found))
    return found


def _as_ours(value: Any, context: Any) -> Any:
    """Arguments with tensors of a context in the place of PyTorch's, each at its exact numbers; with NumPy's arrays in
    that of integers and bools, which are indices and masks, and of numbers with infinities among them.
    """
    if isinstance(value, torch.Tensor):
        if value.grad_fn is not None and not (value._is_view() and value._base.grad_fn is None):
            refuse("torch", ROUNDED)
        array = of_numbers(value) if value.is_floating_point() else value.detach().cpu().numpy()
        return context.tensor(array) if array.dtype.kind == "f" and np.isfinite(array).all() else array
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        parts = [_as_ours(part, context) for part in value]
        return type(value)(parts) if type(value) in (list, tuple) else tuple(parts)
    return value


def _overwrite(shown: str, t: Any, found: Any) -> None:
    """Marks a tensor whose memory a function wrote its result into."""
    if t._base is not None or has_views(t):
        refuse(shown, "inplace=True changes a view, and what it is a view of; write inplace=False")
    if found is not t:
        overwrite(t)


# ---- methods and properties that are no functions -------------------------------------------------------------------


def _converted(t: Any, *args: Any, **kwargs: Any) -> Any:
    """`to`, `type_as`: another device, or a format that holds every number; narrower ones round. Truths are numbers."""
    kinds = [a if isinstance(a, torch.dtype | DType) else getattr(a, "dtype", None) for a in (*args, *kwargs.values())]
    if isinstance(t, Truth):
        formats = [kind for kind in kinds if isinstance(kind, torch.dtype | DType)]
        return t.numbers() if any(kind not in (torch.bool, BOOL) for kind in formats) else t
    for kind in kinds:
        _is_format("torch.Tensor.to", "dtype", kind)
    return t


def _numbers_of(name: str) -> Callable[..., Any]:
    """A conversion to numbers, which truths have, and to a format, which numbers have not."""

    def converted(t: Any, *args: Any, **kwargs: Any) -> Any:
        return t.numbers() if isinstance(t, Truth) else refuse(f"torch.Tensor.{name}", NARROW)

    return converted


def _made(name: str, fill: Callable[..., Any]) -> Callable[..., Any]:
    """What makes a tensor beside another one. A format of integers would make indices."""

    def made(t: Any, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        _is_format(f"torch.Tensor.{name}", "dtype", dtype)
        return fill(t, *args, **kwargs)

    return made


def _stopped(t: Any) -> Any:
    """The value without its derivative: itself, where no derivative is being taken."""
    return refuse("torch.Tensor.detach", STOPPED) if differentiating() else t


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
    "type_as": _converted, "to": _converted,
    "double": lambda t: t.numbers() if isinstance(t, Truth) else t,
    "cpu": _same, "cuda": _same, "requires_grad_": _same,
    "retain_grad": _same, "is_contiguous": lambda t, *a, **k: True, "is_floating_point": lambda t: True,
    "is_complex": lambda t: False, "item": lambda t: float(t),
    "new_zeros": _made("new_zeros", lambda t, *n, **k: _of_tensor("expand", t.context.tensor(0), *n)),
    "new_ones": _made("new_ones", lambda t, *n, **k: _of_tensor("expand", t.context.tensor(1), *n)),
    "new_full": _made("new_full", lambda t, n, x, **k: _of_tensor("expand", t.context.tensor(x), n)),
    "where": lambda t, condition, other: _call("torch.where", "where", (condition, t, other), {}),
    "new_tensor": _made("new_tensor", lambda t, data, **k: t.context.tensor(data)),
    **{n: _numbers_of(n) for n in ("float", "half", "bfloat16", "int", "long", "short")},
    "bool": lambda t: truth(t), "type": _refused(NARROW, "type"),
    "detach": _stopped, "backward": _refused("ss.grad gives the gradient", "backward"),
    "numpy": _refused("it makes floats of a tensor", "numpy"),
}  # fmt: skip
PROPERTIES: dict[str, Any] = {
    "device": lambda t: DEVICE, "requires_grad": lambda t: False, "is_cuda": lambda t: False,
    "is_nested": lambda t: False, "is_sparse": lambda t: False, "is_quantized": lambda t: False,
    "is_mps": lambda t: False, "is_meta": lambda t: False, "is_leaf": lambda t: True, "grad": lambda t: None,
    "grad_fn": lambda t: None, "layout": lambda t: torch.strided, "itemsize": lambda t: 8,
    "data": lambda t: _stopped(t), "H": lambda t: t.mT, "mH": lambda t: t.mT,
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
    for kind in ("_parameters", "_buffers"):
        vars(twin)[kind] = {name: found.pop(name, value) for name, value in vars(module)[kind].items()}
    if isinstance(module, torch.nn.RMSNorm) and module.eps is None and module.weight is not None:
        vars(twin)["eps"] = torch.finfo(module.weight.dtype).eps  # which PyTorch adds by the format of the numbers
    if "_flat_weight_refs" in vars(twin):  # by which a recurrent module sees whether its weights are others by now
        vars(twin)["_flat_weight_refs"] = [None] * len(vars(twin)["_flat_weight_refs"])
    vars(twin)["_modules"] = {name: found.pop(name, inner) for name, inner in module._modules.items()}
    vars(twin).update(found)
    return twin


def _new(name: str, value: Any, part: Callable[[str, Any], Any]) -> Any:
    """What stands in a copy for a part of a module. Tensors of integers, which are indices and counts, are copied."""
    if isinstance(value, torch.Tensor) and not value.is_floating_point():
        return value.clone()
    if isinstance(value, torch.Tensor) and not torch.isfinite(value).all():
        return value  # a mask that is added: what is minus infinity in it keeps out
    held = torch.nn.Module | torch.Tensor | np.ndarray | Nested | list | tuple | dict
    return part(name, value) if isinstance(value, held) else value
