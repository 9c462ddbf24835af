"""Whole numbers among the arguments of a job: integers to whatever counts or indexes, numbers of a context to all else.

A label, a number of heads and an axis must stay integers; a weight of 1 is a number like 1.0. Nobody can tell from the
argument which one it is, so it is both: the operations that are exact on integers give integers, and any other one, a
function of specs included, sees the number in its context. Python would round what it divides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

INTEGERS = "biu"
"""NumPy's kinds of integers, truths among them."""


class Whole(int):
    """An integer that is also a number of a context. Made by `lift`.

    A Python float on its left does not ask: 0.1 * k is Python's, and then a literal of the spec.
    """

    context: Any
    shape = ()
    ndim = 0
    size = 1

    def __new__(cls, number: int, context: Any) -> Whole:
        """The integer, and the context that it is a number of."""
        made = super().__new__(cls, number)
        made.context = context
        return made

    @property
    def tensor(self) -> Any:
        """The number as a tensor of shape ()."""
        return self.context.tensor(int(self))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        """With NumPy's integers an integer, where the result is one; else as a tensor does."""
        if all(isinstance(x, int) or getattr(x, "dtype", np.dtype(object)).kind in INTEGERS for x in inputs):
            plain = [int(x) if isinstance(x, Whole) else x for x in inputs]
            result = getattr(ufunc, method)(*plain, **more)
            parts = result if isinstance(result, tuple) else (result,)  # divmod has two
            if all(getattr(part, "dtype", np.dtype(object)).kind in INTEGERS for part in parts):
                return result
        tensors = [x.tensor if isinstance(x, Whole) else x for x in inputs]
        return self.tensor.__array_ufunc__(ufunc, method, *tensors, **more)

    def __reduce__(self) -> Any:
        return int, (int(self),)


def wholes(operands: Iterable[Any]) -> Iterator[Whole]:
    """The whole numbers among operands, and in lists and tuples of them."""
    for operand in operands:
        if isinstance(operand, Whole):
            yield operand
        elif isinstance(operand, list | tuple):
            yield from wholes(operand)


def _exactly(name: str) -> Callable[..., Any]:
    """A method that gives an integer for integers, which is exact; with any other number it is an operation of the
    context. With a list it is Python's affair, which repeats the list.
    """

    def method(self: Whole, *others: Any) -> Any:
        if any(isinstance(x, list | tuple | str) for x in others):
            return NotImplemented
        if all(isinstance(x, int) for x in others):
            result = getattr(int, name)(int(self), *map(int, others))
            return Whole(result, self.context) if type(result) is int else result
        return getattr(self.tensor, name)(*others)

    return method


def _in_context(name: str) -> Callable[..., Any]:
    """A quotient, which Python would round: an operation of the context, unless it is an integer, which is both (and
    which `np.arange` asks for, to find its length).
    """

    def method(self: Whole, other: Any) -> Any:
        if isinstance(other, int):
            over, under = (int(self), int(other)) if name == "__truediv__" else (int(other), int(self))
            if under and over % under == 0:
                return Whole(over // under, self.context)
        return getattr(self.tensor, name)(int(other) if isinstance(other, int) else other)

    return method


def _power(self: Whole, other: Any, *modulus: Any) -> Any:
    """An integer where the exponent is one that is not negative."""
    natural = isinstance(other, int) and other >= 0
    return (_exactly if natural else _in_context)("__pow__")(self, other, *modulus)


for _name in ("add", "sub", "mul"):
    for _side in ("", "r"):
        setattr(Whole, f"__{_side}{_name}__", _exactly(f"__{_side}{_name}__"))
for _name in ("neg", "pos", "abs"):
    setattr(Whole, f"__{_name}__", _exactly(f"__{_name}__"))
for _name in ("__truediv__", "__rtruediv__"):
    setattr(Whole, _name, _in_context(_name))
Whole.__pow__ = _power  # type: ignore[method-assign, assignment]
