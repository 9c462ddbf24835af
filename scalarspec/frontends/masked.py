"""Minus infinity as attention uses it: numbers of which some take no part in a softmax, a sum of exponentials or a
maximum.

No real number is minus infinity, but code writes it for what is not to count. `Masked` is what such code has then:
numbers, and which of them count. It can be scaled, shifted, moved about and reduced; what would need the number minus
infinity is refused by name.
"""

from __future__ import annotations

import inspect
from typing import Any, Never

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.in_place import view
from scalarspec.core.tensor import Tensor, Truth, common_context
from scalarspec.errors import NotSupported
from scalarspec.frontends.calls import Handler, number

_RAW = (
    "it asks for minus infinity as a number, which no tensor holds; softmax, logsumexp, exp and max say what is meant"
)


class Masked(Tensor):
    """A tensor some of whose numbers are minus infinity. numbers: those that are not, with any in the others' places;
    kept: bools of its shape, which of them count.
    """

    __slots__ = ("kept", "numbers")

    def __init__(self, numbers: Tensor, kept: Any) -> None:
        self.numbers = numbers
        self.kept = np.broadcast_to(kept, numbers.shape)
        self._base = None
        self.context = numbers.context
        self.shape = numbers.shape

    @property
    def value(self) -> Never:
        """Raises NotSupported: there is none."""
        raise NotSupported(_RAW)

    @value.setter
    def value(self, value: Any) -> None:
        raise NotSupported(_RAW)

    def __getitem__(self, key: Any) -> Any:
        return view(masked(self.numbers[key], self.kept[key]), self)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    @property
    def T(self) -> Any:  # noqa: N802 - the array API's name
        """The axes in reverse order."""
        return view(masked(self.numbers.T, self.kept.T), self)

    def __add__(self, other: Any) -> Any:
        other, kept = _parts(other)
        found = f.add(self.numbers, other)
        return masked(found, np.broadcast_to(self.kept, found.shape) & kept)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + f.negative(self.numbers * 0 + other)

    def __mul__(self, other: Any) -> Any:
        if not _is_positive(other):
            raise NotSupported("minus infinity is followed only where it is multiplied by positive numbers")
        found = f.multiply(self.numbers, other)
        return masked(found, np.broadcast_to(self.kept, found.shape))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if not _is_positive(other):
            raise NotSupported("minus infinity is followed only where it is divided by positive numbers")
        found = f.divide(self.numbers, other)
        return masked(found, np.broadcast_to(self.kept, found.shape))


def _is_positive(x: Any) -> bool:
    """Is it a constant, or a tensor, that is surely positive everywhere?"""
    if not isinstance(x, Tensor):
        return bool(np.all(np.asarray(x) > 0))
    outcomes = (x > 0).context.arrays.outcomes((x > 0).value)
    return outcomes <= {True}


def _parts(x: Any) -> tuple[Any, Any]:
    """The numbers of an operand, and which of them count: of an array, those that are not minus infinity."""
    if isinstance(x, Masked):
        return x.numbers, x.kept
    if isinstance(x, Tensor) or not _has_minus_infinity(x):
        return x, True
    array = np.asarray(x)
    return np.where(np.isneginf(array), 0, array), ~np.isneginf(array)


def _has_minus_infinity(x: Any) -> bool:
    if isinstance(x, float | np.floating):
        return bool(x == -np.inf)
    return isinstance(x, np.ndarray) and x.dtype.kind == "f" and bool(np.isneginf(x).any())


def masked(numbers: Tensor, kept: Any) -> Any:
    """Numbers of which some do not count; the numbers themselves where all do."""
    return numbers if np.all(kept) else Masked(numbers, kept)


def with_infinities(operation: str, x: Any, y: Any) -> Any:
    """A sum, or a difference, of operands among which there may be minus infinities."""
    if not hides(operation, (x, y)):
        return (f.add if operation == "add" else f.subtract)(x, y)
    return FOLLOWED[operation](x, y)


def sum_of(t: Tensor, other: Any) -> Any:
    """A tensor and an array, NumPy's or PyTorch's, with minus infinities in it; None for any other operand."""
    array = np.asarray(other) if hasattr(other, "__array__") else other
    return _added(t, array) if _has_minus_infinity(array) else None


def hides(name: str, operands: Any) -> bool:
    """Is there minus infinity among the operands of a function? As one number it is an operand of those alone that are
    followed: others take it for a parameter, as norms do.
    """
    known = bool({name, name.rpartition(".")[2]} & {*FOLLOWED})
    return any(isinstance(x, Masked) or (_has_minus_infinity(x) and (known or np.ndim(x))) for x in operands)


def filled(t: Any, mask: Any, value: Any) -> Any:
    """t, with a value where a mask holds: where it is minus infinity, that does not count any more."""
    if isinstance(t, Masked) and not _has_minus_infinity(value):
        raise NotSupported(_RAW)
    if not _has_minus_infinity(value):
        condition = mask if isinstance(mask, Truth) else Truth.known(t.context, np.asarray(mask, dtype=bool))
        return f.where(condition, number(value), t)
    gone = known(mask)
    numbers, kept = _parts(t)
    shape = np.broadcast_shapes(np.shape(gone), tuple(t.shape))
    return masked(f.broadcast_to(numbers, shape), np.broadcast_to(kept, shape) & ~gone)


def known(mask: Any) -> Any:
    """A mask as bools, which it must be whatever the numbers are."""
    return np.asarray(mask.tolist() if isinstance(mask, Truth) else mask).astype(bool)


def _dropped(t: Masked, p: Any = 0.5, training: bool = True, inplace: bool = False) -> Masked:
    if training and p:
        raise NotSupported("dropout is random in training; call net.eval() first")
    return t


def _expanded(numbers: Tensor, sizes: Any) -> Tensor:
    wanted = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple) else sizes
    own = (1,) * (len(wanted) - numbers.ndim) + tuple(numbers.shape)
    return f.broadcast_to(numbers, [n if m == -1 else m for n, m in zip(own, wanted, strict=True)])


def _softmax(t: Masked, axis: int | None = None, dim: int | None = None, **others: Any) -> Tensor:
    axis = _axis_of_softmax(t, axis if dim is None else dim)
    _some_in_each_row("softmax", t, axis)
    return f.softmax(t.numbers, axis, where=t.kept)


def _some_in_each_row(name: str, t: Masked, axis: Any) -> None:
    if not t.kept.any(axis=axis).all():
        raise NotSupported(f"{name} of a row in which all is minus infinity: it would be NaN")


def _axis_of_softmax(t: Masked, axis: int | None) -> int:
    """PyTorch's own choice where none is made."""
    return axis if axis is not None else 0 if t.ndim in (0, 1, 3) else 1


def _log_softmax(t: Masked, axis: int | None = None, dim: int | None = None, **others: Any) -> Any:
    axis = _axis_of_softmax(t, axis if dim is None else dim)
    whole = _logsumexp(t, axis, keepdims=True)
    return masked(t.numbers - whole, t.kept)


def _max(t: Masked, axis: Any = None, keepdims: bool = False, dim: Any = None, keepdim: bool = False) -> Tensor:
    axis, keepdims = axis if dim is None else dim, keepdims or keepdim
    _some_in_each_row("max", t, axis)
    return f.max(_doubled(t, axis), axis, keepdims)


def _doubled(t: Masked, axis: Any) -> Tensor:
    """What counts, and in the places of what does not another number of the same row that does."""
    axes = tuple(range(t.ndim)) if axis is None else tuple(a % t.ndim for a in np.atleast_1d(axis).tolist())
    kept_axes = [i for i in range(t.ndim) if i not in axes]
    rows = f.reshape(f.permute_dims(t.numbers, (*kept_axes, *axes)), (*(t.shape[i] for i in kept_axes), -1))
    counts = np.transpose(t.kept, (*kept_axes, *axes)).reshape(rows.shape)
    places = np.where(counts, np.arange(rows.shape[-1]), np.argmax(counts, axis=-1)[..., None])
    moved = f.take_along_axis(rows, places, -1)
    back = f.reshape(moved, [t.shape[i] for i in (*kept_axes, *axes)])
    return f.permute_dims(back, np.argsort([*kept_axes, *axes]).tolist())


def _exp(t: Masked) -> Tensor:
    powers = f.exp(_doubled(t, None) if t.kept.any() else t.numbers)
    return f.where(Truth.known(t.context, t.kept), powers, 0)


def _logsumexp(t: Masked, axis: Any = None, keepdims: bool = False, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The greatest, and the logarithm of the sum of the powers of what is left: nothing overflows."""
    axis, keepdims = axis if dim is None else dim, keepdims or keepdim
    greatest = _max(t, axis, keepdims=True)
    powers = f.where(Truth.known(t.context, t.kept), f.exp(_doubled(t, axis) - greatest), 0)
    found = greatest + f.log(f.sum(powers, axis, keepdims=True))
    return found if keepdims else f.reshape(found, f.sum(t.numbers, axis).shape)


def _moved(move: Handler) -> Handler:
    """A function that only moves elements, of the numbers and of what counts."""

    def moved(t: Masked, *args: Any, **kwargs: Any) -> Any:
        from_places = move(np.arange(t.shape.size).reshape(t.shape), *args, **kwargs)
        numbers = f.reshape(t.numbers, (-1,))[from_places.reshape(-1)]
        kept = t.kept.reshape(-1)[from_places]
        return masked(f.reshape(numbers, from_places.shape), kept)

    return moved


def _reshaped(a: Any, *shape: Any, order: str = "C") -> Any:
    return a.reshape(shape[0] if len(shape) == 1 else shape, order=order)


_MOVES: dict[str, Handler] = {
    "reshape": _reshaped,
    "view": lambda a, *s: a.reshape(s[0] if len(s) == 1 else s),
    "unsqueeze": lambda a, dim: np.expand_dims(a, dim),
    "expand_dims": lambda a, axis: np.expand_dims(a, axis),
    "squeeze": lambda a, dim=None, axis=None: np.squeeze(a, dim if axis is None else axis),
    "ravel": lambda a: a.ravel(),
    "flatten": lambda a: a.ravel(),
    "torch.transpose": lambda a, dim0, dim1: np.swapaxes(a, dim0, dim1),
    "torch.Tensor.transpose": lambda a, dim0, dim1: np.swapaxes(a, dim0, dim1),
    "numpy.transpose": lambda a, axes=None: np.transpose(a, axes),
    "numpy.ndarray.transpose": lambda a, *axes: a.transpose(*axes),
    "permute": lambda a, *d: np.transpose(a, d[0] if len(d) == 1 else d),
    "swapaxes": lambda a, d0, d1: np.swapaxes(a, d0, d1),
}

FOLLOWED: dict[str, Handler] = {
    "softmax": _softmax, "log_softmax": _log_softmax, "max": _max, "amax": _max, "exp": _exp,
    "logsumexp": _logsumexp, "add": lambda x, y: _added(x, y), "subtract": lambda x, y: _added(x, _negative(y)),
    "sub": lambda x, y: _added(x, _negative(y)), "multiply": lambda x, y: x * y, "mul": lambda x, y: x * y,
    "divide": lambda x, y: x / y, "div": lambda x, y: x / y, "masked_fill": filled,
    "where": lambda c, x, y: _chosen(c, x, y), "dropout": _dropped, "contiguous": lambda x: x,
    "copy": lambda x: Masked(x.numbers, x.kept), "clone": lambda x: Masked(x.numbers, x.kept),
    "expand": lambda x, *n: masked(_expanded(x.numbers, n), np.broadcast_to(x.kept, _expanded(x.numbers, n).shape)),
    **{name: _moved(move) for name, move in _MOVES.items()},
}  # fmt: skip
"""What is followed where minus infinity is among the operands, by the names of NumPy's and PyTorch's functions."""


def _negative(y: Any) -> Any:
    return -y if isinstance(y, int | float) else f.negative(y)


def _added(x: Any, y: Any) -> Any:
    (a, kept), (b, others) = _parts(x), _parts(y)
    found = f.add(a, b)
    return masked(found, np.broadcast_to(kept, found.shape) & np.broadcast_to(others, found.shape))


def _chosen(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y: either may be minus infinity, where the condition is known."""
    holds = known(condition)
    (a, kept), (b, others) = _parts(x), _parts(y)
    context = common_context("where", [x, y])
    found = f.where(Truth.known(context, holds), a, b)
    shape = tuple(found.shape)
    return masked(found, np.where(holds, np.broadcast_to(kept, shape), np.broadcast_to(others, shape)))


def followed(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function of which an operand has minus infinity in it. Raises NotSupported where it is not followed."""
    handler = FOLLOWED.get(name) or FOLLOWED.get(name.rpartition(".")[2])
    if handler is None:
        raise NotSupported(f"{name}: {_RAW}")
    kwargs = {key: value for key, value in kwargs.items() if value is not None and value is not np._NoValue}
    try:
        inspect.signature(handler).bind(*args, **kwargs)
    except TypeError as error:
        raise NotSupported(f"{name}, beside minus infinity: {error}") from None
    return handler(*args, **kwargs)
