"""`Integers`: arrays of integers among the tensors of a context. They count, label and index, and are exact.

Their sums and products are integers of their type, in any number of digits on the way: what does not fit that type is
refused, where NumPy would wrap around. What is no integer (a quotient, a mean, a function such as exp, anything with a
tensor or a fraction) is a tensor of the context, so that nothing is rounded on the way there: `xp.arange(3) / 3` holds
enclosures of thirds under "interval".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

import numpy as np

from scalarspec.core import functions as ours
from scalarspec.core.array_object import ArrayObject
from scalarspec.core.context import Context
from scalarspec.core.dtypes import DType
from scalarspec.core.guests import place
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import ArgumentError, DivisionByZero, NotSupported, ShapeError, TooLarge

Array = np.ndarray[Any, Any]

COMPARED = "equal not_equal less less_equal greater greater_equal"
"""What is true or false of two integers."""
ITSELF = "ceil floor round trunc positive conj real"
"""What leaves an integer as it is."""
CLOSED = "add subtract multiply negative abs square sign maximum minimum clip floor_divide remainder pow"
"""What gives integers for integers."""
BITS = "bitwise_and bitwise_or bitwise_xor bitwise_invert bitwise_left_shift bitwise_right_shift"
"""What is done with the bits of integers."""
KEPT = frozenset(f"{COMPARED} {ITSELF} {CLOSED} {BITS}".split())
"""What is done with integers as such; all else is done with real numbers."""


class Integers(ArrayObject):
    """An array of integers of one type, immutable, with operators, `len`, iteration and indexing.

    xp = ss.namespace("rational")
    xp.arange(3) / 2    # a tensor: 0, 1/2, 1
    """

    __slots__ = ("array", "context")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # NumPy's arrays leave operators to ours

    def __init__(self, context: Context[Any], array: Array) -> None:
        self.context = context
        self.array = array.view()
        self.array.flags.writeable = False

    @property
    def shape(self) -> Shape:
        """The shape."""
        return Shape(self.array.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    @property
    def size(self) -> int:
        """The number of integers."""
        return self.array.size

    @property
    def dtype(self) -> DType:
        """The type of the integers."""
        return kind_of(self.array.dtype)

    @property
    def T(self) -> Integers:  # noqa: N802 - the array API's name
        """The transpose of a matrix. Raises ShapeError for any other number of axes, where it would be ambiguous."""
        if self.ndim != 2:
            raise ShapeError(f"T: an array of shape {self.shape} is no matrix; use mT or permute_dims")
        return self.mT

    @property
    def mT(self) -> Integers:  # noqa: N802 - the array API's name
        """The last two axes exchanged. Raises ShapeError for fewer than two axes."""
        return moved("matrix_transpose", self)

    def __len__(self) -> int:
        return self.shape.outer

    def __iter__(self) -> Iterator[Integers]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Integers:
        """The integers at an index, by NumPy's rules; tensors of integers, and truths, are indices too."""
        parts = tuple(map(_key, key)) if isinstance(key, tuple) else _key(key)
        return Integers(self.context, np.asarray(self.array[parts]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.array, dtype=dtype)

    def tolist(self) -> Any:
        """Nested lists of ints."""
        return self.array.tolist()

    def item(self) -> int:
        """The one integer of an array of shape (). Raises ShapeError for any other shape."""
        if self.shape:
            raise ShapeError(f"item: an array of shape {self.shape} is not one number")
        return int(self.array[()])

    __int__ = __index__ = item

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return elementwise("floor_divide", self, other), elementwise("remainder", self, other)

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(tensor_of(self))

    def __complex__(self) -> complex:
        return complex(float(self))

    def __repr__(self) -> str:
        shown = np.array2string(self.array, separator=", ", threshold=50, prefix="Integers(")
        return f"Integers({shown}, {self.shape}, {self.dtype}, {self.context.name})"


def _key(part: Any) -> Any:
    """A part of an index as NumPy takes it."""
    return np.asarray(part) if isinstance(part, Truth | Integers) else place(part)


def kind_of(dtype: np.dtype[Any]) -> DType:
    """The type of NumPy's integers, by its own name."""
    return DType(dtype.name, "signed integer" if dtype.kind == "i" else "unsigned integer")


def is_integral(x: Any) -> TypeGuard[Integers | int]:
    """Is it an array of integers, or an int? A bool is none."""
    return isinstance(x, Integers | int | np.integer) and not isinstance(x, bool)


def number(x: Any) -> Any:
    """Integers as a tensor of their context; anything else as it is."""
    return tensor_of(x) if isinstance(x, Integers) else x


def tensor_of(x: Integers) -> Tensor:
    """The integers as real numbers of the context."""
    return x.context.tensor(x.array)


def holding(operation: str, context: Context[Any], numbers: Any, dtype: np.dtype[Any]) -> Integers:
    """Integers, of any number of digits, in a type. Raises TooLarge for one that does not fit."""
    array, info = np.asarray(numbers, dtype=object), np.iinfo(dtype)
    for n in array.flat:
        if not info.min <= n <= info.max:
            raise TooLarge(f"{operation}: {n} does not fit {dtype}; as real numbers, xp.astype(x, xp.float64), it does")
    return Integers(context, array.astype(dtype))


def moved(operation: str, x: Integers, *more: Any, **options: Any) -> Integers:
    """A function of NumPy that moves integers. Raises ShapeError where it fails."""
    try:
        return Integers(x.context, np.asarray(getattr(np, operation)(x.array, *more, **options)))
    except (ValueError, IndexError) as error:
        raise ShapeError(f"{operation}: {error}") from None


def common_type(operation: str, operands: tuple[Any, ...]) -> np.dtype[Any]:
    """The type of integers that holds those of all arrays among some operands. Raises ArgumentError where none does."""
    found = np.result_type(*(x.array.dtype for x in operands if isinstance(x, Integers)))
    if found.kind not in "iu":
        raise ArgumentError(f"{operation}: no type of integers holds those of both: convert one with xp.astype")
    return found


def exactly(
    operation: str, function: Callable[..., Any], *operands: Any, dtype: np.dtype[Any] | None = None, **options: Any
) -> Integers:
    """A function of NumPy on Python's integers, of which none is cut off. dtype: of the result, if not the common one.

    Raises DivisionByZero, ShapeError, and TooLarge where a result does not fit its type.
    """
    context = next(x.context for x in operands if isinstance(x, Integers))
    wanted = common_type(operation, operands) if dtype is None else dtype
    plain = [x.array.astype(object) if isinstance(x, Integers) else x if x is None else int(x) for x in operands]
    try:
        found = function(*plain, **options)
    except ZeroDivisionError:
        raise DivisionByZero(f"{operation}: a division of integers by 0") from None
    except (ValueError, IndexError) as error:
        raise ShapeError(f"{operation}: {error}") from None
    return holding(operation, context, found, wanted)


def of_integers(operation: str, *operands: Any) -> Any:
    """A function of the standard that is done on integers themselves."""
    context = next(x.context for x in operands if isinstance(x, Integers))
    plain = [x.array if isinstance(x, Integers) else x for x in operands]
    if operation in COMPARED.split():
        return Truth.known(context, np.asarray(getattr(np, operation)(*plain)))
    if operation in ITSELF.split():
        return operands[0]
    if operation == "pow":
        _check_power(*map(np.asarray, plain))
    if operation in ("bitwise_left_shift", "bitwise_right_shift"):
        _check_shift(operation, operands)
    function = getattr(np, operation)
    if operation in BITS.split() and not operation.endswith("shift"):
        return Integers(context, np.asarray(function(*plain)).astype(common_type(operation, operands)))
    return exactly(operation, function, *operands)


def _check_power(base: Array, exponent: Array) -> None:
    if np.any(exponent < 0):
        raise NotSupported("pow: a negative power of an integer is none: convert it with xp.astype(x, xp.float64)")
    if np.any(((base < -1) | (base > 1)) & (exponent > 64)):  # nobody waits for its digits
        raise TooLarge("pow: a power of more than 64 bits fits no type of integers")


def _check_shift(operation: str, operands: tuple[Any, ...]) -> None:
    x, by = map(np.asarray, operands)
    if np.any(by < 0):
        raise ArgumentError(f"{operation}: expected shifts of 0 or more")
    if operation == "bitwise_left_shift" and np.any((x != 0) & (by > 64)):  # nobody waits for its digits
        raise TooLarge(f"{operation}: a shift by more than 64 bits fits no type of integers")


def elementwise(operation: str, *operands: Any) -> Any:
    """A function of the standard on each element, by its name: integers stay what they are where the function leads to
    integers; with anything else they are real numbers.
    """
    if all(is_integral(x) for x in operands) and operation in KEPT:
        return of_integers(operation, *operands)
    numbers = [number(x) for x in operands]
    if operation == "floor_divide":
        return numbers[0] // numbers[1]
    if operation in BITS.split():
        raise NotSupported(f"{operation}: bits are those of integers, and of truths; numbers here are real")
    return getattr(ours, operation)(*numbers)


def _left(operation: str) -> Callable[[Integers, Any], Any]:
    return lambda self, other: elementwise(operation, self, other)


def _right(operation: str) -> Callable[[Integers, Any], Any]:
    return lambda self, other: elementwise(operation, other, self)


def _alone(operation: str) -> Callable[[Integers], Any]:
    return lambda self: elementwise(operation, self)


_TWO = """
    add add, sub subtract, mul multiply, truediv divide, floordiv floor_divide, mod remainder, pow pow, matmul matmul,
    and bitwise_and, or bitwise_or, xor bitwise_xor, lshift bitwise_left_shift, rshift bitwise_right_shift
"""
"""Python's operators of two operands, and the functions that they are."""
_ONE = "neg negative, pos positive, abs abs, invert bitwise_invert"
_COMPARISONS = "eq equal, ne not_equal, lt less, le less_equal, gt greater, ge greater_equal"


def _pairs(text: str) -> Iterator[list[str]]:
    return (pair.split() for pair in text.split(","))


for _name, _operation in _pairs(_TWO):
    setattr(Integers, f"__{_name}__", _left(_operation))
    setattr(Integers, f"__r{_name}__", _right(_operation))
for _name, _operation in _pairs(_COMPARISONS):
    setattr(Integers, f"__{_name}__", _left(_operation))
for _name, _operation in _pairs(_ONE):
    setattr(Integers, f"__{_name}__", _alone(_operation))
