"""How a call of another library's function becomes a call of ours, or a refusal that says what to write."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Never

import numpy as np

from scalarspec.core.in_place import view
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import ArgumentError, NotSupported, ScalarSpecError

Handler = Callable[..., Any]
Table = dict[Any, Handler]

IN_PLACE = "tensors are not changed in place; write what makes a new one, such as x = x + y, np.where or np.stack"
OUT = "tensors are not changed, and do not go into arrays: leave out= away, and for x += t write x = x + t"
DTYPE = "a tensor's numbers have no format, and another one would round them: leave the format away"
WHERE = "where= leaves elements as they are in memory; write np.where(mask, x, 0) before, or after"
PLACES = "which places there are depends on the numbers; use np.where(condition, x, y)"
LENGTH = "how many there are depends on the numbers, and no shape may"
NOT_OURS = "it is not in the vocabulary (docs/reference/vocabulary.md lists what is); do it before the spec is called"
_REASONS = {"out": OUT, "dtype": DTYPE, "where": WHERE, "sig": DTYPE, "signature": DTYPE}
_NEUTRAL = {"out": None, "dtype": None, "where": True, "subok": True}
"""Arguments that change nothing where they have these values."""
_IGNORED = {"casting", "order", "like", "copy", "device", "optimize", "kind", "extobj", "memory_format"}
"""Arguments that say nothing about numbers: how they lie in memory, where, and how fast it shall be."""


def refuse(name: str, reason: str) -> Never:
    """Raises NotSupported for what cannot be followed in foreign code."""
    raise NotSupported(f"{name}: {reason}")


def refusal(reason: str) -> Handler:
    """What stands in a table in the place of a function that is refused."""

    def refused(*args: Any, **kwargs: Any) -> Never:
        raise NotSupported(reason)

    refused.reason = reason  # type: ignore[attr-defined]
    return refused


@cache
def _signature(handler: Handler) -> inspect.Signature:
    return inspect.signature(handler)


def parameters_of(handler: Handler) -> frozenset[str]:
    """The names that a handler can be given arguments by."""
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(name for name, each in _signature(handler).parameters.items() if each.kind in by_name)


def called(name: str, handler: Handler, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The value of a handler at the arguments of a foreign call. Raises NotSupported, with the reason, for an argument
    that it does not take.
    """
    reason = getattr(handler, "reason", None)
    if reason is not None:
        refuse(name, reason)
    signature = _signature(handler)
    given = {key: value for key, value in kwargs.items() if not _says_nothing(key, value, signature)}
    try:
        signature.bind(*args, **given)
    except TypeError as error:
        for key in given:
            if key not in signature.parameters:
                refuse(name, _REASONS.get(key, f"its argument {key}= is not followed"))
        refuse(name, f"{error}; it is followed with the arguments {', '.join(signature.parameters)}")
    try:
        return _with_base(name, handler(*args, **given), args)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, ScalarSpecError):
            raise
        raise ArgumentError(f"{name}: {type(error).__name__}: {error}") from error


_VIEWS = """
array_split asanyarray ascontiguousarray asfortranarray atleast_1d atleast_2d atleast_3d broadcast_arrays
broadcast_tensors broadcast_to chunk conj contiguous diag diagonal einsum expand expand_as expand_dims flip
fliplr flipud hsplit linalg_diagonal matrix_transpose meshgrid moveaxis movedim narrow permute permute_dims ravel real
require reshape reshape_as resolve_conj rot90 select split split_with_sizes squeeze swapaxes swapdims t tensor_split
transpose unbind unflatten unfold unsqueeze unstack view view_as vsplit
"""
VIEWS = frozenset(_VIEWS.split()) | {"torch.flatten", "torch.Tensor.flatten"}
"""Functions and methods whose results may share the memory of what they are given, in NumPy or in PyTorch."""
_ARRAYS = """
apply_along_axis copy cross empty_like full_like imag ones_like piecewise select tensordot where zeros_like
"""
ARRAYS = (VIEWS - {"einsum", "unstack"}) | frozenset(_ARRAYS.split())
"""Functions and methods whose results of shape () are arrays in NumPy; those of all others are scalars."""


def _with_base(name: str, found: Any, args: tuple[Any, ...]) -> Any:
    """A result, marked as a view of the first operand where it may be one in the library, and as none elsewhere; and
    as an array or as a scalar.
    """
    parts = found if isinstance(found, list | tuple) else (found,)
    operands = [x for x in args if isinstance(x, Nested)]
    names = {name, name.rpartition(".")[2]}
    for i, part in enumerate(parts):
        if not isinstance(part, Nested) or any(part is x for x in args):
            continue
        part._base, part._is_mutable = None, not names.isdisjoint(ARRAYS)
        if names & VIEWS and (len(operands) == 1 or len(operands) == len(parts) > 1):
            view(part, operands[i if len(operands) > 1 else 0])
    return found


def _says_nothing(key: str, value: Any, signature: inspect.Signature) -> bool:
    if key in signature.parameters:
        return False
    if key == "dtype" and value in (float, np.float64, "float64", "float", "d"):
        return True  # which every number of a tensor stands for already
    if key in _NEUTRAL:
        outputs = isinstance(value, tuple) and all(each is None for each in value)
        return value is _NEUTRAL[key] or outputs or value is np._NoValue
    return key in _IGNORED or value is np._NoValue


def number(x: Any) -> Any:
    """An operand that counts as a number: truths are 1 and 0, as they are to other libraries."""
    if isinstance(x, Truth):
        return x.numbers()
    if isinstance(x, np.ndarray | np.bool_) and x.dtype == bool:
        return np.asarray(x).astype(int)
    return int(x) if isinstance(x, bool) else x


def counted(name: str, *operands: Any) -> list[Any]:
    """Operands of sums and products as numbers. Raises NotSupported where all are truths: NumPy finds a truth."""
    if all(_is_truth(x) for x in operands):
        refuse(name, "of truths alone it is a truth, and not a number; write (x > 0) * 1 for what is counted")
    return [number(x) for x in operands]


def _is_truth(x: Any) -> bool:
    return isinstance(x, Truth | bool | np.bool_) or (isinstance(x, np.ndarray) and x.dtype == bool)


def truth(x: Any) -> Any:
    """An operand that counts as a truth: numbers hold where they are not 0."""
    return x != 0 if isinstance(x, Tensor) else x


def tensors(parts: Any) -> list[Any]:
    """Operands that come as a list, or along the first axis of a tensor: truths, if all are."""
    known = list(parts)
    return known if all(isinstance(part, Truth) for part in known) else [number(part) for part in known]
