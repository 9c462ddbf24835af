"""What the contexts of PyTorch and JAX share: the floats of NumPy as scalars, and another library's arrays of them.

The scalars are `FloatContext`'s, so that `reference()` is NumPy's, and bulk is held against it by the laws. bfloat16,
which NumPy lacks, has its scalars in float32, which holds each of its numbers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import Any, ClassVar

import numpy as np

from scalarspec.backends.float import FloatContext, nearest
from scalarspec.core import windows
from scalarspec.core.arrays import Arrays, lift
from scalarspec.core.definitions import definition, is_defined
from scalarspec.core.operations import having
from scalarspec.errors import ArgumentError
from scalarspec.numbers.environment import quiet
from scalarspec.numbers.exact import data_value, holds_floats
from scalarspec.numbers.formats import FORMATS

Array = np.ndarray[Any, Any]
Lengths = tuple[int, ...]
SCALARS = {"float32": "float32", "float64": "float64", "bfloat16": "float32"}
"""By format, NumPy's format that holds each of its numbers."""
IN_BULK = having(kind=("elementwise", "relation", "connective", "choice"), defined=False) - {"pi"}
"""What is done on each element by itself, of which each library has a table; π is a scalar of the context."""


@dataclass(frozen=True)
class NativeContext(FloatContext):
    """The floats of one format, in the arrays of another library."""

    def __post_init__(self) -> None:
        if self.format not in SCALARS:
            raise ArgumentError(f"dtype: expected one of {', '.join(SCALARS)}, got {self.format!r}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the scalars."""
        return np.dtype(SCALARS[self.format])

    @property
    def short(self) -> bool:
        """Has the format fewer numbers than that of the scalars?"""
        return SCALARS[self.format] != self.format

    def literal(self, value: Fraction) -> Any:
        """The nearest float of the format, ties to even, rounded once."""
        return self.dtype.type(FORMATS[self.format].nearest(value)) if self.short else nearest(value, self.dtype)

    def data(self, value: Any) -> Any:
        """Floats rounded once, NaN and infinities as they are."""
        finite = not isinstance(value, float | np.floating) or np.isfinite(value)
        return self.literal(data_value(value)) if self.short and finite else super().data(value)

    def rounded(self, array: Array) -> Array:
        """Numbers from outside as an array of scalars, each rounded once."""
        if array.dtype.kind not in "fiu" or (self.short and not holds_floats(array)):
            array = quiet(lift, self.data, array)
        elif self.short:
            array = FORMATS[self.format].rounded(array.astype(np.float64))
        found: Array = quiet(array.astype, self.dtype)
        return found


class NativeArrays(Arrays):
    """Values are arrays of another library, truths those of its bools. `table`: the function of that library for each
    operation that is done on each element by itself.
    """

    context: NativeContext
    table: ClassVar[Mapping[str, Callable[..., Any]]]

    @abstractmethod
    def native(self, array: Array) -> Any:
        """The library's array for one of scalars, or of bools, which is copied."""

    @abstractmethod
    def plain(self, value: Any) -> Array:
        """The scalars, or bools, of a value. Raises NotSupported where they are not known yet, under a transformation
        of the library.
        """

    @abstractmethod
    def settled(self, value: Any) -> bool:
        """Can the numbers of a value be looked at without a wait or a transfer?"""

    @abstractmethod
    def added(self, x: Any, places: Array, size: int) -> Any:
        """Zeros along one axis of that length, to which x is added at some places. x: (..., n); places: (n,)."""

    @abstractmethod
    def taken(self, x: Any, places: Array) -> Any:
        """The elements at some places of the last axis. x: (..., m); places: any shape; result: (..., *places)."""

    def function(self, operation: str) -> Callable[..., Any]:
        """The library's own for what is done on each element, else the method here; what was added to the table of
        operations is read in its definition.
        """
        found = self.table.get(operation)
        if found is None and is_defined(operation):
            found = definition(self, operation)
        return super().function(operation) if found is None else found

    def elementwise(self, operation: str, *values: Any) -> Any:
        """Through the one door."""
        return self.context.refuse(operation) if operation not in self.table else self.table[operation](*values)

    def data(self, array: Array) -> Any:
        """Each number, rounded once."""
        return self.native(self.context.rounded(array))

    def pack(self, scalars: Array) -> Any:
        """The scalars, or truths, as the library's."""
        truths = scalars.size > 0 and isinstance(scalars.flat[0], bool | np.bool_)
        return self.native(scalars.astype(bool if truths else self.context.dtype))

    def unpack(self, value: Any) -> Array:
        """NumPy's scalars, or Python's bools."""
        array = self.plain(value)
        scalars = np.empty(array.shape, dtype=object)
        for index in np.ndindex(*array.shape):
            scalars[index] = array[index].item() if array.dtype == bool else array[index]
        return scalars

    def items(self, value: Any) -> Array:
        """A NumPy array."""
        return self.plain(value)

    def has_nan(self, value: Any) -> bool:
        """Is there a NaN, as far as can be seen?"""
        return self.settled(value) and bool(np.isnan(self.plain(value)).any())

    def outcomes(self, truths: Any) -> set[bool | None]:
        """The outcomes among some truths; None, where nobody can look without a wait."""
        return set(np.unique(self.plain(truths)).tolist()) if self.settled(truths) else {None}

    def scatter(self, x: Any, index: tuple[Any, ...], shape: Lengths) -> Any:
        """By the places in row-major order: what comes to one place is added."""
        places = np.arange(prod(shape)).reshape(shape)[(*index, ...)]
        flat = self.apply("reshape", x, shape=(places.size,))
        return self.apply("reshape", self.added(flat, places.ravel(), prod(shape)), shape=shape)

    def patches(self, x: Any, kernel: Lengths, stride: Lengths, dilation: Lengths) -> Any:
        """By the places in row-major order of the last axes."""
        before, size = x.shape[: x.ndim - len(kernel)], x.shape[x.ndim - len(kernel) :]
        flat = self.apply("reshape", x, shape=(*before, prod(size)))
        return self.taken(flat, seen_places(tuple(size), kernel, stride, dilation))

    def fold(self, x: Any, stride: Lengths, dilation: Lengths, size: Lengths) -> Any:
        """What `patches` took, added to where it came from."""
        kernel, before = windows.kernel_of(x.shape, len(size)), x.shape[: x.ndim - 2 * len(size)]
        places = seen_places(tuple(size), kernel, stride, dilation)
        flat = self.apply("reshape", x, shape=(*before, places.size))
        return self.apply("reshape", self.added(flat, places.ravel(), prod(size)), shape=(*before, *size))


@lru_cache(maxsize=64)
def seen_places(size: Lengths, kernel: Lengths, stride: Lengths, dilation: Lengths) -> Array:
    """Where the elements of all windows lie in an array of that size, in row-major order: (*kernel, *windows)."""
    places = np.arange(prod(size)).reshape(size)
    return np.array(windows.windows(places, tuple(kernel), tuple(stride), tuple(dilation)))
