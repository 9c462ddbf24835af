"""What Python, NumPy, PyTorch and JAX are told when they take a tensor for one of their own.

Their functions are followed: `scalarspec.frontends` says each in functions of ours, which mean the same in every
context. What would need a float is refused.
"""

from __future__ import annotations

import sys
from typing import Any, Never

import numpy as np

from scalarspec.core.callers import refuse_to_be_read
from scalarspec.core.foreign import frontend, method
from scalarspec.core.foreign_names import NUMPY, TORCH
from scalarspec.errors import ArgumentError, JaxCode, NotExact, NotSupported, ScalarSpecError, ShapeError


class _Foreign:
    """An attribute of another library's arrays: a method, or the value of a property. (A `__getattr__` of tensors would
    slow down each of their attributes.)
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, t: Any, kind: Any = None) -> Any:
        return self if t is None else method(t, self.name, sys._getframe(1))


class Guest:
    """A tensor, of numbers or of truths, in the code of others."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        """NumPy's universal functions, and its operators between arrays and tensors, are ours of that meaning."""
        return frontend("numpy").apply(ufunc, method, inputs, more)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """So are its other functions."""
        return frontend("numpy").function(function, args, kwargs)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """And PyTorch's."""
        return frontend("torch").function(function, args, kwargs or {})

    def __hash__(self) -> int:
        """Tensors are equal element by element, and so have no hash; but PyTorch tells its parameters apart by one."""
        if not str(sys._getframe(1).f_globals.get("__name__")).startswith("torch."):
            raise TypeError(f"unhashable type: '{type(self).__name__}'; tensors are equal element by element")
        return id(self)

    @property
    def at(self) -> Never:
        """Where JAX's arrays are updated. Raises JaxCode, by which a job learns that the code is JAX's."""
        raise JaxCode("x.at is JAX's: give the whole function to ss.from_jax(f, *examples), ss.as_spec or a job")

    @property
    def __jax_array__(self: Any) -> Never:
        """Functions of JAX ask whether there is this attribute before all else. Raises JaxCode, by which a job learns
        that it is to trace the function; later they would say themselves that they want no tensor, and not what to do.
        Tensors of JAX's own context have none, so that operators between them and arrays are theirs.
        """
        if self.context.name == "jax":
            raise AttributeError("a tensor is no array of JAX; t.value is the one that it holds")
        raise JaxCode(
            "a function of JAX was called on a tensor; give the whole function to ss.from_jax(f, *examples), to "
            "ss.as_spec or to a job, which trace it"
        )


for _name in (*NUMPY, *TORCH):
    setattr(Guest, _name, _Foreign(_name))


class Number(Guest):
    """A tensor of numbers where others want one number. A subclass has the attributes below."""

    __slots__ = ()

    context: Any
    shape: Any
    value: Any
    item: Any

    def __float__(self) -> float:
        """The one number, where it is a float. Raises ShapeError for several, NotExact where floats may not hold it."""
        refuse_to_be_read(sys._getframe(1))
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

    def __round__(self, digits: int = 0) -> Any:
        return frontend("numpy").METHODS["round"](self, digits)

    def __format__(self, how: str) -> str:
        """As a float, where it is one; the text of the tensor for any other."""
        return format(self.item(), how) if how and self.context.rounds and not self.shape else str(self)

    def __index__(self) -> int:
        """The one number, where it is surely an integer: labels in an array of data are indices, too. Raises
        TypeError elsewhere.
        """
        if self.shape:
            raise TypeError(f"a tensor of shape {self.shape} is not an integer")
        return int(_integers(self))


def _are_truths(x: Any) -> bool:
    """Are they truths, or bools?"""
    return isinstance(x, Truths | bool | np.bool_) or (isinstance(x, np.ndarray) and x.dtype == bool)


def _beside_numbers(ufunc: Any, reflected: bool) -> Any:
    """An operator of truths, which count as 1 and 0 beside numbers, as they do in NumPy and PyTorch."""

    def operator(self: Any, other: Any) -> Any:
        return frontend("numpy").apply(ufunc, "__call__", (other, self) if reflected else (self, other), {})

    return operator


class Truths(Guest):
    """Truths in the code of others: their equality, and their arithmetic."""

    __slots__ = ()

    def __xor__(self: Any, other: Any) -> Any:
        """The truth that one of them holds, and not both."""
        return (self | other) & ~(self & other)

    __rxor__ = __xor__

    def __eq__(self: Any, other: Any) -> Any:
        """The truth that both hold, or neither, for each element; beside numbers that they are equal."""
        return ~(self ^ other) if _are_truths(other) else self.numbers() == other

    def __ne__(self: Any, other: Any) -> Any:
        return self ^ other if _are_truths(other) else self.numbers() != other

    __hash__ = None  # type: ignore[assignment]

    def item(self) -> bool:
        """The truth of a single comparison. Raises as `bool` does: Undecided, or ShapeError for several."""
        return bool(self)

    def __abs__(self) -> Any:
        return self

    __add__, __radd__ = (_beside_numbers(np.add, reflected) for reflected in (False, True))
    __sub__, __rsub__ = (_beside_numbers(np.subtract, reflected) for reflected in (False, True))
    __mul__, __rmul__ = (_beside_numbers(np.multiply, reflected) for reflected in (False, True))
    __truediv__, __rtruediv__ = (_beside_numbers(np.divide, reflected) for reflected in (False, True))
    __pow__, __rpow__ = (_beside_numbers(np.power, reflected) for reflected in (False, True))
    __floordiv__, __rfloordiv__ = (_beside_numbers(np.floor_divide, reflected) for reflected in (False, True))

    def __matmul__(self, other: Any) -> Any:
        return frontend("numpy").function(np.dot, (self, other), {})

    def __rmatmul__(self, other: Any) -> Any:
        return frontend("numpy").function(np.dot, (other, self), {})

    __mod__, __rmod__ = (_beside_numbers(np.remainder, reflected) for reflected in (False, True))
    __lt__, __le__, __gt__, __ge__ = (
        _beside_numbers(u, reflected=False) for u in (np.less, np.less_equal, np.greater, np.greater_equal)
    )

    def _over(self, name: str, axis: Any, keepdims: bool) -> Any:
        """A connective along some axes."""
        return frontend("numpy").METHODS[name](self, axis, keepdims=keepdims)


def place(key: Any) -> Any:
    """A part of an index, a tensor as the integers that it is, and one of PyTorch's as an array of NumPy's."""
    if isinstance(key, Number):
        return _integers(key) if key.shape else int(_integers(key))
    return np.asarray(key) if hasattr(key, "detach") else key


def _integers(t: Number) -> np.ndarray[Any, Any]:
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
