"""`Tensor`: a shape, a context, and a value that only the context's arrays understand.

A tensor of shape `Dim(n, s)` is n tensors of shape s: it has a length, iterates and is indexed that way. What is
decided here are shapes, literals and errors; there are no numerics.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from types import FrameType
from typing import Any

import numpy as np

from scalarspec.core import shape as shapes
from scalarspec.core.array_object import Bitless, ZeroOrOne
from scalarspec.core.arrays import lift
from scalarspec.core.callers import asks_as_torch, differentiating, refuse_to_be_read
from scalarspec.core.context import Context
from scalarspec.core.dtypes import BOOL, DType
from scalarspec.core.foreign import frontend, sum_with_infinities
from scalarspec.core.guests import Number, Truths
from scalarspec.core.in_place import given
from scalarspec.core.literals import meant
from scalarspec.core.nested import Nested, halved, holds_tensors, together
from scalarspec.core.nested import common_context as common_context
from scalarspec.core.nested import wraps as wraps
from scalarspec.core.shape import Scalar, Shape
from scalarspec.core.sizes import looked_at
from scalarspec.errors import ArgumentError, ContextMismatch, DomainError, NotExact, ShapeError, Undecided
from scalarspec.numbers.exact import IN_SPEC, as_array, as_numbers, boxed, literal_value, told_where

Operand = Any
"""What a function of specs takes: a tensor, a number (a literal of the spec), or an array or list (data)."""


class Tensor(Nested, Number, Bitless):
    """A nested tensor of the numbers of one context, immutable, with operators, `len`, iteration and indexing.

    context: what a number is; shape: its shape; value: its numbers, as the context's arrays hold them.

        (ss.context("interval").tensor([[1, 2], [3, 4]])[0] + 1).tolist()
    """

    __slots__ = ()

    @classmethod
    def from_data(cls, context: Context[Any], data: Any) -> Tensor:
        """Numbers from outside, each at its exact value, as `Context.tensor` says."""
        if isinstance(data, Tensor):
            within = data.context == context or wraps(context, data.context)
            return as_tensor(context, data) if within else cls.carried(context, data)
        if isinstance(data, list | tuple) and holds_tensors(data):
            parts = [cls.from_data(context, part) for part in data]
            return cls.of(context, parts[0].shape, parts)
        adopted = context.arrays.adopted(data)
        if adopted is not None:
            return cls(context, Shape(adopted.shape), adopted)
        array = as_array(data)
        made = cls(context, Shape(array.shape), context.arrays.data(array))
        return given(made) if type(data) is np.ndarray and not data.ndim else made

    @classmethod
    def of(cls, context: Context[Any], shape: Iterable[int], items: Iterable[Tensor]) -> Tensor:
        """n tensors of the context and of shape `shape` as one of shape `Dim(n, shape)`; n may be 0.

        Raises ContextMismatch, or ShapeError, for a tensor of another context or shape.
        """
        inner, parts = Shape(shape), list(items)
        for part in parts:
            if part.context != context:
                raise ContextMismatch(f"stack: {part.context} and {context}")
            if part.shape != inner:
                raise ShapeError(f"stack: shapes {part.shape} and {inner} differ")
        outer = shapes.Dim(len(parts), inner)
        if not parts:
            return cls.from_scalars(context, np.empty(outer, dtype=object))
        return cls(context, outer, context.arrays.apply("stack", *(part.value for part in parts)))

    @property
    def dtype(self) -> Any:
        """The kind of its numbers, by the name of the context; within PyTorch's code a format for what it makes."""
        return frontend("torch").FORMAT if asks_as_torch(sys._getframe(1)) else DType(self.context.name)

    def item(self) -> Any:
        """The number of a tensor of shape (): a float, mpmath interval, Fraction or SymPy expression; or ShapeError."""
        if self.shape:
            raise ShapeError(f"item: a tensor of shape {self.shape} is not one number")
        self._refuse_to_hide_a_derivative(sys._getframe(1))
        return self.tolist()

    def tolist(self) -> Any:
        """Nested lists of such numbers, as `item` gives them."""
        looked_at(self.shape)
        self._refuse_to_hide_a_derivative(sys._getframe(1))
        return self.context.arrays.items(self.value).tolist()

    def _refuse_to_hide_a_derivative(self, caller: FrameType) -> None:
        """Raises NotSupported where a float is read of which a derivative is being taken, which would be lost."""
        if differentiating() and self.context.rounds:
            refuse_to_be_read(caller)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        looked_at(self.shape)
        refuse_to_be_read(sys._getframe(1), lost=differentiating() and self.context.rounds)
        if copy is False:
            raise ValueError("a tensor's numbers cannot be shared with NumPy without a copy")
        items = np.array(self.context.arrays.items(self.value))
        if dtype is None or items.dtype == dtype or np.dtype(dtype) == object:
            return items if dtype is None else items.astype(dtype)
        if self.context.encloses:
            raise NotExact(f"an {self.dtype} tensor is not an array of {np.dtype(dtype)}; use endpoints(t)")
        return items.astype(dtype)

    def __repr__(self) -> str:
        looked_at(self.shape)
        if not self.context.arrays.holds_scalars:
            return f"Tensor(..., {self.shape}, {self.context})"
        texts = lift(self.context.text, self.scalars())
        shown = np.array2string(texts, formatter={"all": str}, separator=", ", threshold=50, prefix="Tensor(")
        return f"Tensor({shown}, {self.shape}, {self.dtype})"

    def __int__(self) -> int:
        """The integer next to the one number towards 0, where the context is sure of it. Raises TypeError elsewhere."""
        return int(elementwise("trunc", self).__index__())

    def __bool__(self) -> bool:
        raise Undecided("a tensor of numbers has no truth value; write a comparison such as t > 0")

    __hash__ = Number.__hash__

    def __add__(self, other: Any) -> Tensor:
        try:
            return elementwise("add", self, other)
        except DomainError as error:
            return sum_with_infinities(self, other, error)  # type: ignore[no-any-return]

    def __radd__(self, other: Any) -> Tensor:
        try:
            return elementwise("add", other, self)
        except DomainError as error:
            return sum_with_infinities(self, other, error)  # type: ignore[no-any-return]

    def __sub__(self, other: Any) -> Tensor:
        return elementwise("subtract", self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return elementwise("subtract", other, self)

    def __mul__(self, other: Any) -> Tensor:
        return elementwise("multiply", self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return elementwise("multiply", other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return elementwise("divide", self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return elementwise("divide", other, self)

    def __pow__(self, other: Any) -> Tensor:
        return elementwise("pow", self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return elementwise("pow", other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        """⌊x / y⌋, of which floats round the quotient first."""
        return elementwise("floor", self / other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return elementwise("floor", other / self)

    def __mod__(self, other: Any) -> Tensor:
        """x - y ⌊x / y⌋."""
        return elementwise("remainder", self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return elementwise("remainder", other, self)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __matmul__(self, other: Any) -> Tensor:
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return matmul(other, self)

    def __neg__(self) -> Tensor:
        return elementwise("negative", self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return elementwise("abs", self)

    def __lt__(self, other: Any) -> Truth:
        return relation("less", self, other)

    def __le__(self, other: Any) -> Truth:
        return relation("less_equal", self, other)

    def __gt__(self, other: Any) -> Truth:
        return relation("less", other, self)

    def __ge__(self, other: Any) -> Truth:
        return relation("less_equal", other, self)

    def __eq__(self, other: Any) -> Truth:  # type: ignore[override]
        return relation("equal", self, other)

    def __ne__(self, other: Any) -> Truth:  # type: ignore[override]
        return ~relation("equal", self, other)


class Truth(Nested, Truths, ZeroOrOne):
    """What comparisons give, and what `where` takes: a nested tensor of truth values of one context.

    Truths combine by ~, &, | and ^, and by == and !=. An undecided one is neither true nor false. context, shape and
    value are as for a `Tensor`.

        ~(ss.context("interval").box([0, 2], [2, 3]) < 1)    # undecided, true
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        """The truth of a single comparison. Raises Undecided if the context cannot tell, ShapeError for several."""
        if self.shape:
            raise ShapeError(f"the truth of a tensor of shape {self.shape} is not one value; use all() or any()")
        return self.context.decide(self.scalars()[()])

    def __invert__(self) -> Truth:
        return self._apply("logical_not", self)

    def __and__(self, other: Any) -> Truth:
        return self._apply("logical_and", self, other)

    def __or__(self, other: Any) -> Truth:
        return self._apply("logical_or", self, other)

    __rand__, __ror__ = __and__, __or__

    @property
    def dtype(self) -> DType:
        """That of bools."""
        return BOOL

    def numbers(self) -> Tensor:
        """1 where it holds, else 0: what truths are beside numbers, as in NumPy and PyTorch."""
        one, zero = (as_tensor(self.context, n).value for n in (1, 0))
        return Tensor(self.context, self.shape, self.context.arrays.apply("where", self.value, one, zero))

    def moved(self, operation: str, **parameters: Any) -> Truth:
        """An operation of structure; what a scatter puts beside truths is false."""
        if operation == "scatter":
            return self.numbers().moved(operation, **parameters) != 0
        return super().moved(operation, **parameters)

    def all(self, axis: Any = None, keepdims: bool = False) -> Truth:
        """The truth that every element holds, or every one along some axes."""
        return self._over("all", axis, keepdims) if keepdims or axis is not None else self._fold(Truth.__and__, True)

    def any(self, axis: Any = None, keepdims: bool = False) -> Truth:
        """The truth that some element holds, or some one along some axes."""
        return self._over("any", axis, keepdims) if keepdims or axis is not None else self._fold(Truth.__or__, False)

    def tolist(self) -> Any:
        """Nested lists of True, False, and what the context has for neither."""
        looked_at(self.shape)
        return lift(self.context.proposition, self.scalars()).tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """The array of bools. Raises Undecided if the context cannot tell one of them."""
        looked_at(self.shape)
        refuse_to_be_read(sys._getframe(1))
        decided = [self.context.decide(p) for p in self.scalars().flat]
        return np.array(decided, dtype=bool).reshape(self.shape).astype(dtype or bool)

    def __repr__(self) -> str:
        looked_at(self.shape)
        return f"Truth({self.tolist()}, {self.shape}, {self.context.name})"

    def _fold(self, joined: Callable[[Truth, Truth], Truth], nothing: bool) -> Truth:
        """A connective between all; nothing: its truth over none."""
        if not self.size:
            return Truth.known(self.context, np.array(nothing))
        return halved(self.moved("reshape", shape=Shape((self.size,))), joined)

    @classmethod
    def known(cls, context: Context[Any], truths: np.ndarray[Any, Any]) -> Truth:
        """An array of bools as constant truths."""
        if not truths.size:  # no element says that these are truths, but a comparison does
            nothing = context.tensor(np.zeros(truths.shape))
            return relation("less", nothing, nothing)
        return cls.from_scalars(context, truths.astype(object))

    @staticmethod
    def _apply(operation: str, *operands: Any) -> Truth:
        for p in operands:
            if not isinstance(p, Truth | bool | np.bool_) and not (isinstance(p, np.ndarray) and p.dtype == bool):
                raise ArgumentError(f"{operation}: expected truths such as a > b, got {p!r}")
        context = common_context(operation, operands)
        truths = [
            as_truth(context, p) if isinstance(p, Truth) else Truth.known(context, np.asarray(p)) for p in operands
        ]
        shape, values = together(operation, truths)
        return Truth(context, shape, context.arrays.apply(operation, *values))


def as_tensor(context: Context[Any], operand: Any) -> Tensor:
    """An operand as a tensor of a context: numbers enter as literals, arrays and lists as data."""
    if type(operand) is int and context.wrapped is None:
        return _literal(context, operand)  # type: ignore[arg-type]
    if isinstance(operand, Tensor):
        if operand.context == context:
            return operand
        if context.wrapped is None:
            raise ContextMismatch(f"{operand.context} and {context} do not mix; carry one over with context.tensor(t)")
    elif isinstance(operand, Truth):
        return as_tensor(context, operand.numbers())
    elif isinstance(operand, list | tuple) or (hasattr(operand, "__array__") and not isinstance(operand, np.generic)):
        return told_where(IN_SPEC, operand, lambda data: context.tensor(as_numbers(data)))
    elif isinstance(operand, (float, np.floating)):
        operand = meant(operand)
    if context.wrapped is not None:
        return context.constant(as_tensor(context.wrapped, operand))  # type: ignore[no-any-return]
    make: Callable[..., Tensor] = _literal if isinstance(operand, Hashable) else _new_literal
    return make(context, operand)


def as_truth(context: Context[Any], p: Truth) -> Truth:
    """A truth in a context, in which one of a context that is wrapped there is a constant."""
    if p.context == context:
        return p
    if context.wrapped is None:
        raise ContextMismatch(f"{p.context} and {context} do not mix; carry one over with context.tensor(t)")
    constant: Truth = context.constant(as_truth(context.wrapped, p))
    return constant


@lru_cache(maxsize=1024, typed=True)
def _literal(context: Context[Any], number: Any) -> Tensor:
    """The tensor of a literal, kept: of a context that wraps no other one, since what it holds must not outlive it."""
    return _new_literal(context, number)


def _new_literal(context: Context[Any], number: Any) -> Tensor:
    number = int(number) if isinstance(number, bool | np.bool_) else number
    return Tensor(context, Scalar, context.arrays.pack(boxed(context.literal(literal_value(number)))))


def operands_of(operation: str, *operands: Any) -> tuple[Context[Any], list[Tensor]]:
    """The common context of some operands, and each of them as a tensor of it."""
    context: Any = operands[0].context if operands and type(operands[0]) is Tensor else None
    for t in operands:
        if type(t) is not Tensor or t.context is not context:
            context = common_context(operation, operands)
            return context, [
                t if type(t) is Tensor and t.context is context else as_tensor(context, t) for t in operands
            ]
    return context, list(operands)


def elementwise(operation: str, *operands: Any) -> Tensor:
    """A scalar operation on each element. Operands are broadcast by NumPy's rule: ShapeError where they do not fit."""
    x, count = operands[0], len(operands)
    if type(x) is Tensor and count < 3:  # the most frequent cases, in the fewest steps
        if count == 1:
            return Tensor(x.context, x.shape, x.context.arrays.apply(operation, x.value))
        y = as_tensor(x.context, operands[1]) if type(operands[1]) is int else operands[1]
        if type(y) is Tensor and y.context is x.context and (y.shape == x.shape or not y.shape):
            return Tensor(x.context, x.shape, x.context.arrays.apply(operation, x.value, y.value))
    context, tensors = operands_of(operation, *operands)
    shape, values = together(operation, tensors)
    return Tensor(context, shape, context.arrays.apply(operation, *values))


def relation(operation: str, *operands: Any) -> Truth:
    """A comparison on each element."""
    result = elementwise(operation, *operands)
    return Truth(result.context, result.shape, result.value)


def matmul(a: Any, b: Any) -> Tensor:
    """a @ b: (..., m, n) @ (..., n, p), with a vector on either side or on both; the axes before the last two are
    broadcast. Raises ShapeError where lengths do not fit.
    """
    context, (x, y) = operands_of("matmul", a, b)
    shape = shapes.matmul_shape(x.shape, y.shape)
    return Tensor(context, shape, context.arrays.apply("matmul", x.value, y.value))
