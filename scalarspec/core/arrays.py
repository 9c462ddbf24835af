"""`Arrays`: how many scalars of a context are held, and how operations map over them in bulk.

A tensor's value is opaque to everything but the arrays of its context. All work goes through one door, `apply`, with
an operation's name, positional values and keyword parameters; it calls what `function` gives for the name, which an
interpreter that records or transforms tensor operations replaces. Operations:

  elementwise    every scalar operation of `Context`, over values of one shape, or scalars
  reductions     sum, mean, mean_square, logsumexp, max, min         (axis: a tuple of axes)
  along an axis  softmax, log_softmax, cumulative_sum                (axis: a tuple of one)
  linear         matmul, affine, affine_rows (shape), fold (the transpose of patches, which adds)
  structure      getitem (index), scatter (index, shape), reshape (shape), matrix_transpose, permute_dims (axes),
                 broadcast_to (shape), stack (axis), concat (axis), patches (kernel, stride, dilation)

The scalar context is the meaning: whatever arrays do must agree with the lifted scalars.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from functools import partial, reduce
from itertools import repeat
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from scalarspec.core import windows
from scalarspec.core.domains import each, guarding, is_watched
from scalarspec.core.operations import find
from scalarspec.core.shape import with_kept_axes
from scalarspec.core.sizes import watching
from scalarspec.errors import NotSupported, ShapeError
from scalarspec.numbers.exact import boxed, float_above, float_below

if TYPE_CHECKING:
    from scalarspec.core.context import Context

Value = Any
"""What arrays hold: opaque to all but the arrays that made it."""
Lengths = tuple[int, ...]
"""One for each of the last axes."""
Array = np.ndarray[Any, Any]
ObjectArray = np.ndarray[Any, Any]
"""A NumPy array of Python objects: scalars, or truths."""


class Arrays(ABC):
    """What is done with many scalars of a context at once: the default of each operation that is said in others' terms.

    A subclass adds the abstract ones, `sum`, `matmul` and the operations of structure (`NumPyArrays` has these), and
    may replace any default. A value is opaque to everything else.
    """

    def __init__(self, context: Context[Any]) -> None:
        self.context = context

    holds_scalars = True
    """Can the numbers that a value holds be looked at one by one? For interpreters that record, they cannot."""
    whole = False
    """Is a value one expression for a whole tensor, whatever its size?"""

    def apply(self, operation: str, *values: Value, **parameters: Any) -> Value:
        """The value of an operation on values: the one door through which all work goes."""
        return self.run(self.function(operation), *values, **parameters)

    def run(self, function: Callable[..., Value], *values: Any, **parameters: Any) -> Value:
        """A call of a function on values, in whatever state of the machine these arrays need. Fast calls (`prepare`)
        enter it once for many operations.
        """
        return function(*values, **parameters)

    def planned(self, plan: Callable[..., Value]) -> Callable[..., Value]:
        """A plan that will be called often (`prepare`), as these arrays do it best."""
        return plan

    def step(self, operation: str, parameters: dict[str, Any]) -> Callable[..., Value]:
        """An operation with its parameters, as plans call it."""
        function = self.function(operation)
        return partial(function, **parameters) if parameters else function

    def reads(self, operation: str) -> bool:
        """Is an operation read in its definition in others here?"""
        return find(operation, "definition").defined

    def function(self, operation: str) -> Callable[..., Value]:
        """What `apply` calls for an operation: straight, for whoever looks it up once and calls it many times.

        Raises NotSupported for an operation that these arrays have no method for, unless it is done on each element by
        itself.
        """
        method: Callable[..., Value] | None = getattr(self, operation, None)
        if method is not None:
            return method
        if not find(operation, self.context.name).scalar:
            raise NotSupported(f"{self.context.name}: {operation}: its arrays have no method of that name")
        return partial(self.elementwise, operation)

    @abstractmethod
    def elementwise(self, operation: str, *values: Value) -> Value:
        """A scalar operation of the context on each element of values of one shape; a value of shape () serves every
        element.
        """

    @abstractmethod
    def data(self, array: np.ndarray[Any, Any]) -> Value:
        """The value for an array of numbers from outside."""

    def adopted(self, data: Any) -> Value | None:
        """The value, with a `shape`, that an array of another library is by itself; None where it is to be read."""
        return None

    @abstractmethod
    def pack(self, scalars: ObjectArray) -> Value:
        """The value for an object array of the context's scalars (or truths)."""

    @abstractmethod
    def unpack(self, value: Value) -> ObjectArray:
        """The object array of the context's scalars (or truths) that a value holds."""

    def items(self, value: Value) -> np.ndarray[Any, Any]:
        """The array of familiar Python objects that users see, as `Context.item` gives them."""
        return lift(self.context.item, self.unpack(value))

    def mean(self, x: Value, axis: tuple[int, ...], count: int) -> Value:
        """The sum over `count` elements, divided by their number; over none 0, as in TorchLean."""
        size = self.pack(boxed(self.context.literal(Fraction(max(count, 1)))))
        return self.apply("divide", self.apply("sum", x, axis=axis), size)

    def mean_square(self, x: Value, axis: tuple[int, ...], count: int) -> Value:
        """The mean of the squares."""
        return self.apply("mean", self.apply("square", x), axis=axis, count=count)

    def logsumexp(self, x: Value, axis: tuple[int, ...]) -> Value:
        """log Σ eˣ over some axes. Each element occurs once in it, so that it is tight over sets."""
        return self.apply("log", self.apply("sum", self.apply("exp", x), axis=axis))

    def rms_norm(self, x: Value, eps: Value, axis: tuple[int, ...], count: int, shape: Lengths) -> Value:
        """x over the root of eps and the mean of its squares along some axes. x: of that shape."""
        mean = self.apply("mean_square", x, axis=axis, count=count)
        root = self.apply("sqrt", self.apply("add", mean, eps))
        kept = self.apply("reshape", root, shape=with_kept_axes(shape, axis))
        spread = self.apply("broadcast_to", kept, shape=shape)
        return self.apply("divide", x, spread)

    def max(self, x: Value, axis: tuple[int, ...], counts: tuple[int, ...]) -> Value:
        """The largest along some axes."""
        return self.folded("maximum", x, axis, counts)

    def min(self, x: Value, axis: tuple[int, ...], counts: tuple[int, ...]) -> Value:
        """The smallest along some axes."""
        return self.folded("minimum", x, axis, counts)

    def folded(self, operation: str, x: Value, axis: tuple[int, ...], counts: tuple[int, ...]) -> Value:
        """An operation of two operands between the elements along some axes, in row-major order from the first one on.

        counts: how many elements there are along each. Raises ShapeError over none, where an operation of two says
        nothing, and NotSupported where sizes stand for any: then nobody can count them off.
        """
        if watching() is not None:
            raise NotSupported(f"{operation} one by one over some axes: the sizes are variables here")
        if 0 in counts:
            raise ShapeError(f"{operation} over no elements: there is no first one")
        whole: list[Any] = [slice(None)] * (max(axis, default=-1) + 1)
        parts = []
        for place in np.ndindex(*counts):
            for a, i in zip(axis, place, strict=True):
                whole[a] = i
            parts.append(self.apply("getitem", x, index=tuple(whole)))
        return reduce(partial(self.apply, operation), parts)

    def affine(self, weight: Value, x: Value, bias: Value) -> Value:
        """weight @ x + bias. weight: (m, n); x: (n,); bias: (m,)."""
        return self.apply("add", self.apply("matmul", weight, x), bias)

    def affine_rows(self, weight: Value, x: Value, bias: Value, shape: tuple[int, int]) -> Value:
        """weight @ row + bias for each row of x. x: (b, n); result: `shape`, which is (b, m)."""
        product = self.apply("matmul", x, self.apply("matrix_transpose", weight))
        return self.apply("add", product, self.apply("broadcast_to", bias, shape=shape))

    def scatter(self, x: Value, index: tuple[Any, ...], shape: tuple[int, ...]) -> Value:
        """Zeros of that shape, but x at an index: the transpose of `getitem`."""
        scalars = np.empty(shape, dtype=object)
        scalars[...] = boxed(self.context.literal(Fraction(0)))
        scalars[(*index, ...)] = self.unpack(x)
        return self.pack(scalars)

    def fold(self, x: Value, stride: Lengths, dilation: Lengths, size: Lengths) -> Value:
        """What lies in windows, each element added to where it came from. x: (..., *kernel, *windows)."""
        d, shape = len(size), self.unpack(x).shape
        kernel, number = windows.kernel_of(shape, d), shape[len(shape) - d :]
        before, whole = len(shape) - 2 * d, slice(None)
        parts = []
        for place in np.ndindex(*kernel):
            part = self.apply("getitem", x, index=(*[whole] * before, *place))
            where = (*[whole] * before, *windows.covered(place, number, stride, dilation))
            parts.append(self.apply("scatter", part, index=where, shape=(*shape[:before], *size)))
        return reduce(partial(self.apply, "add"), parts)

    def floats(self, value: Value) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The infima and suprema as two float64 arrays, rounded outward. Raises NotSupported for a context that rounds
        without enclosing.
        """
        ends = lift(self.context.endpoints, self.unpack(value))
        low, high = (lift(lambda pair, k=k, f=f: f(pair[k]), ends) for k, f in enumerate((float_below, float_above)))
        return low.astype(np.float64), high.astype(np.float64)

    def has_nan(self, value: Value) -> bool:
        """Is there a NaN among the numbers? Contexts that are exact, or enclose, have none."""
        return False

    def guarded(self, truths: Value, outcome: bool) -> AbstractContextManager[None]:
        """What a branch is evaluated in that the elements take whose truth is `outcome`: see `core.domains`."""
        if self.context.rounds or not self.holds_scalars:
            return nullcontext()  # NaN says that there is no value; or nothing is worked out here
        known = self.unpack(truths)
        taken, dropped = (lift(lambda p, o=o: p is o, known).astype(bool) for o in (outcome, not outcome))
        return guarding(taken, dropped)

    def outcomes(self, truths: Value) -> set[bool | None]:
        """The outcomes among some truths: True, False, and None for what is undecided."""
        if isinstance(truths, np.ndarray) and truths.dtype == bool:
            return set(np.unique(truths).tolist())
        return {p if isinstance(p, bool) else None for p in self.unpack(truths).flat}


class NumPyArrays(Arrays):
    """Arrays of a context whose values are NumPy arrays of any kind, or hold some: what moves elements is NumPy's."""

    def each(self, function: Callable[..., Any], *scalars: ObjectArray) -> ObjectArray:
        """A function of the context's scalars on each element, some of which may be outside its domain."""
        if not is_watched():
            return lift(function, *scalars)
        return each(function, self.context.anything, *scalars)

    def restructured(self, function: Callable[..., np.ndarray[Any, Any]], *values: Value) -> Value:
        """The value whose array is that function of the values' arrays, which only moves elements.

        Replace it where values hold their arrays: whatever moves elements then works.
        """
        return function(*values)

    def getitem(self, x: Value, index: tuple[Any, ...]) -> Value:
        """x[index], as an array even where one element is left."""
        return self.restructured(lambda a: a[(*index, ...)], x)

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        """The same elements, in row-major order, in another shape."""
        return self.restructured(lambda a: np.reshape(a, shape), x)

    def matrix_transpose(self, x: Value) -> Value:
        """The last two axes exchanged."""
        return self.restructured(lambda a: np.swapaxes(a, -1, -2), x)

    def broadcast_to(self, x: Value, shape: tuple[int, ...]) -> Value:
        """x repeated to fill the shape."""
        return self.restructured(lambda a: np.broadcast_to(a, shape), x)

    def stack(self, *values: Value, axis: int = 0) -> Value:
        """The values along a new axis."""
        return self.restructured(lambda *arrays: np.stack(arrays, axis), *values)

    def concat(self, *values: Value, axis: int) -> Value:
        """The values one after the other."""
        return self.restructured(lambda *arrays: np.concatenate(arrays, axis), *values)

    def permute_dims(self, x: Value, axes: tuple[int, ...]) -> Value:
        """The axes in another order."""
        return self.restructured(lambda a: np.transpose(a, axes), x)

    def patches(self, x: Value, kernel: Lengths, stride: Lengths, dilation: Lengths) -> Value:
        """All windows over the last axes."""
        return self.restructured(lambda a: windows.windows(a, kernel, stride, dilation), x)


def lift(function: Callable[..., Any], *values: ObjectArray) -> ObjectArray:
    """`function` of scalars, mapped over values, arrays of one shape, or of shape (): an object array.

    It is not np.frompyfunc, which has NumPy's error state judge what the function's floats did on the way.

        extend.lift(abs, np.array([-1, 2], dtype=object))    # [1, 2]
    """
    shape = max([value.shape for value in values], key=len)
    if not shape:
        return boxed(function(*[value.item() for value in values]))
    columns = [_repeated(value, shape) for value in values]
    return np.fromiter(map(function, *columns), dtype=object, count=prod(shape)).reshape(shape)


def _repeated(value: ObjectArray, shape: tuple[int, ...]) -> Iterable[Any]:
    """The elements, as many as the shape has."""
    if not value.ndim:
        return repeat(value.item())
    elements: list[Any] = (value if value.shape == shape else np.broadcast_to(value, shape)).ravel().tolist()
    return elements
