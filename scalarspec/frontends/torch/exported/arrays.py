"""Arrays that are known before any tensor is: integers, truths, and constants, minus infinity among them.

What only moves elements moves those of anything: where each of them goes is asked of the rule, with places in the stead
of the elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from scalarspec.core.named_contexts import resolve
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Tensor, Truth, as_truth
from scalarspec.frontends.masked import Masked, masked
from scalarspec.frontends.torch.functions import axes_of

Array = np.ndarray[Any, Any]
Given = dict[str, Any]
PLACES = {"index", "indices", "repeats"}
"""Arguments that say where elements are, and are none."""
_MOVES = """
alias atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors broadcast_to cat channel_shuffle chunk clone
constant_pad_nd contiguous copy diag diagonal diagonal_scatter dstack expand expand_as flatten flip fliplr flipud
gather hstack im2col index index_copy index_put index_select meshgrid movedim narrow pad permute pixel_shuffle
pixel_unshuffle ravel repeat repeat_interleave reshape roll rot90 scatter select_scatter slice_scatter split squeeze
stack swapaxes t take take_along_dim tensor_split tile transpose tril triu unbind unflatten unfold unsqueeze view
vstack
"""
MOVES = frozenset(_MOVES.split())
"""Operators that move elements, and put zeros beside them."""


def only_moves(word: str, given: Mapping[str, Any]) -> bool:
    """Does an operator, at its arguments, only move elements, and put zeros beside them?"""
    by_truths = any(isinstance(x, Truth) for x in operands(given.get("indices")))
    return word in MOVES and not given.get("value") and not given.get("accumulate") and not by_truths


def is_known(x: Any) -> bool:
    """Is it an array that depends on no tensor?"""
    return isinstance(x, np.ndarray)


def is_open(x: Any) -> bool:
    """Does an array have infinities in it, so that no tensor has its numbers?"""
    return is_known(x) and x.dtype.kind == "f" and not np.isfinite(x).all()


def operands(argument: Any) -> Iterator[Any]:
    """The tensors, truths and arrays in an argument, those in lists too."""
    if isinstance(argument, tuple | list):
        for part in argument:
            yield from operands(part)
    elif isinstance(argument, Nested | np.ndarray):
        yield argument


def changed(argument: Any, change: Callable[[Any], Any]) -> Any:
    """An argument with something else for each operand in it."""
    if isinstance(argument, tuple | list):
        return tuple(changed(part, change) for part in argument)
    return change(argument) if isinstance(argument, Nested | np.ndarray) else argument


def moved(call: Callable[[Given], Any], given: Given, context: Any) -> Any:
    """What an operator that moves elements finds at its arguments. call: does it with tensors."""
    moving = [x for name, argument in given.items() if name not in PLACES for x in operands(argument)]
    if all(map(is_known, moving)):
        return _placed(call, given, 0)
    if any(isinstance(x, Masked) or is_open(x) for x in moving):
        numbers = call(_each(given, lambda x: context.tensor(0) + _numbers(x)))
        kept = _placed(call, _each(given, _kept), True)
        return _paired(numbers, kept)
    if all(isinstance(x, Truth) or x.dtype == bool for x in moving):
        return _as_truths(call(_each(given, lambda x: _truth(x, context).numbers())))
    return call(given)


def _each(given: Given, change: Callable[[Any], Any]) -> Given:
    return {name: x if name in PLACES else changed(x, change) for name, x in given.items()}


def _placed(call: Callable[[Given], Any], given: Given, zero: Any) -> Any:
    """The same for arrays; zero: what stands where no element goes."""
    exact, flat = resolve("float64"), [np.array([zero])]

    def numbered(array: Array) -> Tensor:
        first = sum(part.size for part in flat)
        flat.append(array.reshape(-1))
        return exact.tensor(np.arange(first, first + array.size).reshape(array.shape))

    found = call(_each(given, numbered))
    row = np.concatenate([part.astype(np.result_type(*flat[1:])) for part in flat])
    return _over(found, lambda places: np.asarray(row[np.asarray(places.tolist(), dtype=int).reshape(places.shape)]))


def _over(found: Any, change: Callable[[Any], Any]) -> Any:
    return tuple(map(change, found)) if isinstance(found, tuple | list) else change(found)


def _paired(numbers: Any, kept: Any) -> Any:
    if isinstance(numbers, tuple):
        return tuple(masked(*pair) for pair in zip(numbers, kept, strict=True))
    return masked(numbers, kept)


def _numbers(x: Any) -> Any:
    """The numbers of an operand, with any in the places of those that do not count."""
    if isinstance(x, Masked):
        return x.numbers
    return np.asarray(np.where(np.isneginf(x), 0, x)) if is_open(x) else x


def _kept(x: Any) -> Array:
    """Which of them count."""
    if isinstance(x, Masked):
        return np.array(x.kept)
    return np.asarray(~np.isneginf(x)) if is_open(x) else np.ones(x.shape, dtype=bool)


def _truth(x: Any, context: Any) -> Truth:
    return as_truth(context, x) if isinstance(x, Truth) else Truth.known(context, x)


def _as_truths(found: Any) -> Any:
    return _over(found, lambda t: t >= 1)


# ---- what is worked out with arrays alone ----------------------------------------------------------------------------


def _along(reduction: Callable[..., Any]) -> Callable[..., Any]:
    def reduced(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return np.asarray(reduction(input, axis=axes_of(dim), keepdims=keepdim))

    return reduced


_COMPARED: dict[str, Callable[..., Any]] = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
EXACT: dict[str, Callable[..., Any]] = {
    **{name: lambda input, other, u=u: u(input, other) for name, u in _COMPARED.items()},
    **{
        f"logical_{name}": lambda input, other, u=u: u(input, other)
        for name, u in {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}.items()
    },
    "logical_not": lambda input: np.logical_not(input), "isnan": lambda input: np.isnan(input),
    "isinf": lambda input: np.isinf(input), "where": lambda condition, input, other: np.where(condition, input, other),
    "masked_fill": lambda input, mask, value: np.where(mask, value, input),
    "minimum": lambda input, other: np.minimum(input, other), "maximum": lambda input, other: np.maximum(input, other),
    "neg": lambda input: -input, "abs": lambda input: np.abs(input), "any": _along(np.any), "all": _along(np.all),
}  # fmt: skip
"""Operators that find the same in arrays of floats as in numbers."""
INTEGERS: dict[str, Callable[..., Any]] = {
    "add": lambda input, other, alpha=1: input + np.multiply(alpha, other, dtype=int),
    "sub": lambda input, other, alpha=1: input - np.multiply(alpha, other, dtype=int),
    "rsub": lambda input, other, alpha=1: other - np.multiply(alpha, input, dtype=int),
    "mul": lambda input, other: np.multiply(input, other), "sign": lambda input: np.sign(input),
    "floor_divide": lambda input, other: np.floor_divide(input, other),
    "remainder": lambda input, other: np.remainder(input, other),
    "fmod": lambda input, other: np.fmod(input, other),
    "bitwise_and": lambda input, other: np.bitwise_and(input, other),
    "bitwise_or": lambda input, other: np.bitwise_or(input, other),
    "bitwise_xor": lambda input, other: np.bitwise_xor(input, other),
    "bitwise_not": lambda input: np.invert(input), "sum": _along(np.sum), "amax": _along(np.max),
    "amin": _along(np.min), "cumsum": lambda input, dim: np.cumsum(input, axis=dim),
}  # fmt: skip
"""Operators of integers and truths."""


def worked_out(word: str, given: Mapping[str, Any]) -> Callable[..., Any] | None:
    """What an operator does with arrays that are known; None where it is left to tensors."""
    several = [x for argument in given.values() for x in operands(argument)]
    if not several or not all(map(is_known, several)):
        return None
    plain = [x for x in given.values() if isinstance(x, float)]
    if word == "add" and all(map(_is_mask, several)) and len(several) == 2 and given.get("alpha", 1) == 1:
        return lambda input, other, alpha=1: np.add(input, other)
    if word in INTEGERS and not plain and all(x.dtype.kind in "iub" for x in several):
        return INTEGERS[word]
    return EXACT.get(word)


def _is_mask(x: Array) -> bool:
    """Is it of zeros and infinities alone, of which sums are exact?"""
    return x.dtype.kind == "f" and not np.isfinite(x[x != 0]).any()
