"""`Nested`: what tensors of numbers and of truths have in common: shape, indexing, iteration, transposes; and the
context that several of them have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self, TypeVar

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.array_object import ArrayObject
from scalarspec.core.arrays import lift
from scalarspec.core.context import Context
from scalarspec.core.guests import Guest, place
from scalarspec.core.in_place import InPlace, is_mutable, mutable, view
from scalarspec.core.indexing import is_plain, steps
from scalarspec.core.operations import result_shape
from scalarspec.core.shape import Shape
from scalarspec.core.sizes import indexed, looked_at, watching
from scalarspec.core.whole import wholes
from scalarspec.errors import ArgumentError, ContextMismatch, ShapeError

N = TypeVar("N", bound="Nested")


class Count(int):
    """A number of scalars, as NumPy has it, which PyTorch's code calls for the shape."""

    shape: Shape

    def __new__(cls, number: int, shape: Shape) -> Count:
        """The number, and the shape that has so many."""
        made = super().__new__(cls, number)
        made.shape = shape
        return made

    def __reduce__(self) -> Any:
        return int, (int(self),)

    def __call__(self, dim: int | None = None) -> Any:
        """The shape, or one length of it."""
        return self.shape if dim is None else self.shape[dim]


class Nested(Guest, InPlace, ArrayObject):
    """What tensors of numbers and of truths have in common: shape, indexing, iteration."""

    __slots__ = ("_base", "_is_mutable", "context", "shape", "value")

    _base: Any
    _is_mutable: bool

    def __init__(self, context: Context[Any], shape: Shape, value: Any) -> None:
        self.context = context
        self.shape = shape
        self.value = value
        self._base = None

    @classmethod
    def from_scalars(cls, context: Context[Any], scalars: np.ndarray[Any, Any]) -> Self:
        """From an object array of the context's own scalars, or truths."""
        return cls(context, Shape(scalars.shape), context.arrays.pack(scalars))

    @classmethod
    def carried(cls, context: Context[Any], t: Self) -> Self:
        """A tensor of another context, at its exact values or with the boxes that it holds. Raises NotExact where it
        holds neither.
        """
        source = t.context
        if source.rounds:
            return context.tensor(np.asarray(t))  # type: ignore[return-value]
        if context.encloses:
            return cls.from_scalars(context, lift(lambda s: context.enclose(*source.endpoints(s)), t.scalars()))
        return cls.from_scalars(context, lift(lambda s: context.data(source.exact_value(s)), t.scalars()))

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of scalars. Called, as PyTorch's code does, it gives the shape, or the length of an axis."""
        number = self.shape.size
        return Count(number, self.shape) if type(number) is int else number

    def scalars(self) -> np.ndarray[Any, Any]:
        """The object array of the context's own scalars, or truths."""
        looked_at(self.shape)
        return self.context.arrays.unpack(self.value)

    def __len__(self) -> int:
        looked_at(self.shape[:1])
        return self.shape.outer

    def __iter__(self) -> Iterator[Self]:
        looked_at(self.shape[:1])
        return (view(self.moved("getitem", index=(i,)), self) for i in range(len(self)))

    def __getitem__(self, key: Any) -> Self:
        """The elements at an index, by NumPy's rules: integers, slices, None, Ellipsis, arrays of integers or bools."""
        index = tuple(map(place, key)) if isinstance(key, tuple) else (place(key),)
        found = self
        for operation, parameters in steps(self.shape, index):
            if watching() is not None and "index" in parameters:
                indexed(found.shape, parameters["index"])
            found = found.moved(operation, **parameters)
        if not found.shape and any(k is Ellipsis for k in index):  # NumPy has an array there, and no scalar
            found = mutable(self.__copy__() if found is self else found)
        if type(key) in (int, slice) or all(k is None or k is Ellipsis or is_plain(k) for k in index):
            view(found, self)
        return found

    def __reduce__(self) -> Any:
        return type(self), (self.context, self.shape, self.value)

    def __copy__(self) -> Self:
        return mutable(type(self)(self.context, self.shape, self.value), is_mutable(self))

    def __deepcopy__(self, memo: Any) -> Self:
        return self.__copy__()

    def moved(self, operation: str, **parameters: Any) -> Self:
        """An operation of structure on this tensor."""
        shape = result_shape(operation, [self.shape], parameters)
        return type(self)(self.context, shape, self.context.arrays.apply(operation, self.value, **parameters))

    @property
    def mT(self) -> Self:  # noqa: N802 - the array API's name
        """The last two axes exchanged. Raises ShapeError for fewer than two axes."""
        if self.ndim < 2:
            raise ShapeError(f"mT: a tensor of shape {self.shape} has not two axes")
        return view(self.moved("matrix_transpose"), self)

    @property
    def T(self) -> Self:  # noqa: N802 - the array API's name
        """The axes in reverse order: the transpose of a matrix."""
        if self.ndim == 2:
            return view(self.moved("matrix_transpose"), self)
        return view(self.moved("permute_dims", axes=tuple(range(self.ndim))[::-1]), self) if self.ndim > 1 else self


def holds_tensors(data: Sequence[Any]) -> bool:
    """Is there a tensor, or a truth, in a list, or in lists in it?"""
    return any(isinstance(x, Nested) or (isinstance(x, list | tuple) and holds_tensors(x)) for x in data)


def together(operation: str, tensors: Sequence[Nested]) -> tuple[Shape, list[Any]]:
    """The common shape of some tensors, and the value of each in that shape; numbers stay numbers, which arrays know
    what to do with.
    """
    shape = shapes.Scalar
    for t in tensors:
        if t.shape != shape and t.shape:
            if shape:
                return _broadcast(operation, tensors)
            shape = t.shape
    return shape, [t.value for t in tensors]


def _broadcast(operation: str, tensors: Sequence[Nested]) -> tuple[Shape, list[Any]]:
    shape = shapes.broadcast_shapes(operation, [t.shape for t in tensors])
    return shape, [
        t.value if t.shape == shape or not t.shape else t.moved("broadcast_to", shape=shape).value for t in tensors
    ]


def halved(rows: N, joined: Callable[[N, N], N]) -> N:
    """What joins two, between all rows: one half with the other each time. There is one row at least."""
    rest = None
    while len(rows) > 1:
        if len(rows) % 2:
            rest = rows[-1] if rest is None else joined(rest, rows[-1])
        half = len(rows) // 2
        rows = joined(rows[:half], rows[half : 2 * half])
    return rows[0] if rest is None else joined(rows[0], rest)


def common_context(operation: str, operands: Iterable[Any]) -> Context[Any]:
    """The context of the tensors among operands. ArgumentError without one, ContextMismatch unless one wraps all."""
    found: Context[Any] | None = None
    for operand in operands:
        if isinstance(operand, Nested) and operand.context is not found:
            found = operand.context if found is None else _outer(operation, found, operand.context)
    found = found or next((n.context for n in wholes(operands)), None)
    if found is None:
        kinds = ", ".join(type(operand).__name__ for operand in operands) or "nothing"
        raise ArgumentError(
            f"{operation}: expected a Tensor among the operands, got {kinds}; make one, as in "
            'ss.context("float64").tensor(data), or give the spec and its data to a job such as ss.compare'
        )
    return found


def _outer(operation: str, a: Context[Any], b: Context[Any]) -> Context[Any]:
    """The one of two contexts in which the other's tensors are constants."""
    if a == b or wraps(a, b):
        return a
    if wraps(b, a):
        return b
    raise ContextMismatch(f"{operation}: {a} and {b} do not mix; carry one over with context.tensor(t)")


def wraps(outer: Context[Any], inner: Context[Any]) -> bool:
    """Is a context around another one, directly or not?"""
    layer = outer.wrapped
    return layer is not None and (layer == inner or wraps(layer, inner))
