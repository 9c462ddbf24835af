"""What Python, NumPy and PyTorch are told when they take a tensor for a float.

Their functions compute in floats, whatever the tensor's numbers are. Operators go to the tensor's own; a function is
refused by the name of ours that does the same in every context.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Never

import numpy as np

from scalarspec.core.operations import OPERATIONS, forgotten_when_removed
from scalarspec.errors import ArgumentError, ContextMismatch, NotExact, NotSupported, ScalarSpecError, ShapeError

_OPERATORS = {
    np.add: ("__add__", "__radd__"),
    np.subtract: ("__sub__", "__rsub__"),
    np.multiply: ("__mul__", "__rmul__"),
    np.divide: ("__truediv__", "__rtruediv__"),
    np.power: ("__pow__", "__rpow__"),
    np.floor_divide: ("__floordiv__", "__rfloordiv__"),
    np.remainder: ("__mod__", "__rmod__"),
    np.matmul: ("__matmul__", "__rmatmul__"),
    np.less: ("__lt__", "__gt__"),
    np.less_equal: ("__le__", "__ge__"),
    np.greater: ("__gt__", "__lt__"),
    np.greater_equal: ("__ge__", "__le__"),
    np.equal: ("__eq__", "__eq__"),
    np.not_equal: ("__ne__", "__ne__"),
}
"""By the function that NumPy does an operator with: the tensor's method on its left, and on its right."""
_UNCOMPARED = {np.shape, np.ndim, np.size, np.copy, np.array2string, np.array_repr, np.array_str}
"""Functions of NumPy that compare no numbers."""


class Guest:
    """A tensor among the floats of others. A subclass has the attributes below."""

    __slots__ = ()

    context: Any
    shape: Any
    value: Any
    item: Any

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        """The operators between arrays and tensors are ours; other functions of NumPy are refused, by name."""
        if method != "__call__" or more or ufunc not in _OPERATORS:
            _refuse("numpy", ufunc.__name__, _of_numpy(ufunc) if method == "__call__" else None)
        left, right = inputs
        on_left, on_right = _OPERATORS[ufunc]
        return getattr(left, on_left)(right) if isinstance(left, Guest) else getattr(right, on_right)(left)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Functions of NumPy that we have are refused, by name; others see the array that the tensor is. Intervals are
        no numbers: what compares them would take an undecided comparison for a false one.
        """
        ours = _of_numpy(function)
        if ours is not None or (self.context.encloses and function not in _UNCOMPARED):
            _refuse("numpy", function.__name__, ours)
        return function._implementation(*args, **kwargs)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Never:
        """The functions of PyTorch are refused, by name. (Its operators then leave the tensor's own to do it.)"""
        name = getattr(function, "__name__", str(function))
        _refuse("torch", name, _named(lambda line: line.torch == name or line.name == name))

    def __float__(self) -> float:
        """The one number, where it is a float. Raises ShapeError for several, NotExact where floats may not hold it."""
        if self.shape:
            raise ShapeError(f"float: a tensor of shape {self.shape} is not one number")
        if not self.context.rounds:
            raise NotExact(
                f"float: a number of {self.context} is no float; t.item() gives the number that it is, ss.inf(t) and "
                "ss.sup(t) floats below and above it"
            )
        return float(self.item())

    def __complex__(self) -> complex:
        """As `__float__`."""
        return complex(float(self))

    def __index__(self) -> int:
        """The one number, where it is surely an integer: labels in an array of data are indices, too. Raises
        TypeError elsewhere.
        """
        if self.shape:
            raise TypeError(f"a tensor of shape {self.shape} is not an integer")
        return int(_integers(self))


def place(key: Any) -> Any:
    """A part of an index, a tensor as the integers that it is."""
    if isinstance(key, Guest):
        return _integers(key) if key.shape else int(_integers(key))
    return key


def _integers(t: Guest) -> np.ndarray[Any, Any]:
    """The integers that a tensor's numbers are. Raises TypeError where one is none, or may be another."""
    scalars = t.context.arrays.unpack(t.value)
    return np.array([_integer(t.context, x) for x in scalars.flat], dtype=int).reshape(scalars.shape)


def _integer(context: Any, scalar: Any) -> int:
    try:
        low, high = (context.exact_value(scalar),) * 2 if context.rounds else context.endpoints(scalar)
    except ScalarSpecError as error:
        raise TypeError(f"a tensor of {context} is not an integer: {error}") from None
    if low != high or low != int(low):
        raise TypeError(f"expected an integer, got {context.text(scalar)}")
    return int(low)


def integers(name: str, x: Any) -> np.ndarray[Any, Any]:
    """Labels or indices, given as integers, an array or a tensor of them, as an array. name: of the argument, for the
    message. Raises ArgumentError for what is no integer, or not known to be one, NotSupported where they vary from
    example to example of a batch.
    """
    try:
        array = np.asarray(place(x))
    except TypeError as error:
        raise ArgumentError(f"{name}: {error}") from None
    except NotSupported as error:
        raise NotSupported(f"{name}: integers that vary; give the function the whole batch of them: {error}") from None
    if array.size and array.dtype.kind not in "iu":
        raise ArgumentError(f"{name}: expected integers, got an array of {array.dtype}")
    return array.astype(int)


def _named(holds: Any) -> str | None:
    """The operation of the table for which something holds."""
    return next((name for name, line in OPERATIONS.items() if holds(line)), None)


@forgotten_when_removed
@lru_cache(maxsize=1024)
def _of_numpy(function: Any) -> str | None:
    """The operation that a function of NumPy does."""
    return _named(lambda line: any(getattr(np, n, None) is function for n in (line.array_api, line.name) if n))


def _refuse(library: str, name: str, ours: str | None) -> Never:
    write = f"write ss.{ours}" if ours else "write it in functions of ss, or do it on arrays before the spec is called"
    raise ContextMismatch(f"{library}.{name} computes in floats, and a tensor's numbers need not be floats: {write}")
