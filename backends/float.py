"""IEEE floats by NumPy: fast, and rounded. Promise: none on error; special values as IEEE 754 has them, no warnings.

NumPy's functions are scalar and bulk at once, so that the scalar context below is also what the arrays map. Sums and
matrix products are NumPy's and BLAS's, in an order of theirs; `reference()` folds from zero, left to right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.backends.float_functions import FloatFunctions, expm1mx, logcosh
from scalarspec.backends.float_in_bulk import IN_BULK
from scalarspec.core import windows
from scalarspec.core.arrays import Arrays, NumPyArrays, lift
from scalarspec.core.lifted_arrays import LiftedArrays
from scalarspec.errors import DomainError
from scalarspec.numbers.environment import QUIET, is_quiet, quiet

Float = Any  # a NumPy scalar, or an array of them


@dataclass(frozen=True)
class FloatContext(FloatFunctions):
    """The floats of one NumPy format."""

    format: str
    lifted: bool = False

    @property
    def name(self) -> str:
        return self.format

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        return np.dtype(self.format)

    @cached_property
    def arrays(self) -> Arrays:
        """NumPy arrays, or the plain lifted ones of `reference()`."""
        return QuietLiftedArrays(self) if self.lifted else FloatArrays(self)

    def reference(self) -> FloatContext:
        """The same floats, summed from zero in row-major order."""
        return replace(self, lifted=True)

    def __repr__(self) -> str:
        return self.name + (".reference()" if self.lifted else "")

    def literal(self, value: Fraction) -> Float:
        """The nearest float, ties to even, rounded once."""
        return nearest(value, self.dtype)

    def data(self, value: Any) -> Float:
        """Floats as they are, NaN and infinities too; other numbers rounded once."""
        if isinstance(value, float | np.floating):
            return self.dtype.type(value)
        return super().data(value)

    def exact_value(self, x: Float) -> Fraction:
        """The dyadic rational that a finite float is."""
        if not np.isfinite(x):
            raise DomainError(f"{x} is not a real number")
        return Fraction(*x.as_integer_ratio())

    def item(self, x: Float) -> float:
        """A Python float."""
        return float(x)

    def text(self, x: Float) -> str:
        """The shortest decimal that reads back as the same float of this format."""
        return str(self.dtype.type(x))

    def add(self, x: Float, y: Float) -> Float:
        return np.add(x, y)

    def subtract(self, x: Float, y: Float) -> Float:
        return np.subtract(x, y)

    def negative(self, x: Float) -> Float:
        return np.negative(x)

    def multiply(self, x: Float, y: Float) -> Float:
        return np.multiply(x, y)

    def divide(self, x: Float, y: Float) -> Float:
        return np.divide(x, y)

    def square(self, x: Float) -> Float:
        return np.square(x)

    def less(self, x: Float, y: Float) -> Any:
        return np.less(x, y)

    def less_equal(self, x: Float, y: Float) -> Any:
        return np.less_equal(x, y)

    def equal(self, x: Float, y: Float) -> Any:
        return np.equal(x, y)

    def logical_not(self, p: Any) -> Any:
        return np.logical_not(p)

    def logical_and(self, p: Any, q: Any) -> Any:
        return np.logical_and(p, q)

    def logical_or(self, p: Any, q: Any) -> Any:
        return np.logical_or(p, q)

    def where(self, p: Any, x: Float, y: Float) -> Float:
        chosen: Any = np.where(p, x, y)
        return chosen[()]

    def maximum(self, x: Float, y: Float) -> Float:
        return np.maximum(x, y)

    def minimum(self, x: Float, y: Float) -> Float:
        return np.minimum(x, y)

    def abs(self, x: Float) -> Float:
        return np.abs(x)

    def relu(self, x: Float) -> Float:
        return np.maximum(x, 0)

    def sign(self, x: Float) -> Float:
        return np.sign(x)

    def heaviside(self, x: Float) -> Float:
        """Like the definition, and NaN stays NaN."""
        return np.heaviside(x, self._number(0))

    def pi(self) -> Float:
        return self.dtype.type(np.pi)

    def exp(self, x: Float) -> Float:
        return np.exp(x)

    def expm1(self, x: Float) -> Float:
        return np.expm1(x)

    def expm1mx(self, x: Float) -> Float:
        return expm1mx(np, x)[()]

    def log(self, x: Float) -> Float:
        return np.log(x)

    def log1p(self, x: Float) -> Float:
        return np.log1p(x)

    def sqrt(self, x: Float) -> Float:
        return np.sqrt(x)

    def sin(self, x: Float) -> Float:
        return np.sin(x)

    def cos(self, x: Float) -> Float:
        return np.cos(x)

    def atan(self, x: Float) -> Float:
        return np.arctan(x)

    def tan(self, x: Float) -> Float:
        return np.tan(x)

    def sinh(self, x: Float) -> Float:
        return np.sinh(x)

    def cosh(self, x: Float) -> Float:
        return np.cosh(x)

    def tanh(self, x: Float) -> Float:
        return np.tanh(x)

    def pow(self, x: Float, y: Float) -> Float:
        return np.power(x, y)

    def sigmoid(self, x: Float) -> Float:
        """1 / (1 + e^-x): where e^-x overflows, it is 0 as it should be."""
        return 1 / (1 + np.exp(-x))

    def softplus(self, x: Float) -> Float:
        return np.logaddexp(x, self._number(0))

    def logcosh(self, x: Float) -> Float:
        return logcosh(np, x)[()]


class QuietLiftedArrays(LiftedArrays):
    """Lifted arrays without NumPy's warnings on IEEE special values."""

    context: FloatContext

    def run(self, function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
        return quiet(function, *values, **parameters)

    def has_nan(self, value: Any) -> bool:
        return any(np.isnan(x) for x in value.flat)

    def logsumexp(self, x: Any, axis: tuple[int, ...]) -> Any:
        """As in bulk: the definition overflows."""
        bulk = FloatArrays(self.context)
        return bulk.unpack(bulk.logsumexp(bulk.pack(x), axis))

    def shares(self, terms: list[Any]) -> list[Any]:
        """As in bulk, which subtracts the greatest."""
        return list(FloatArrays(self.context).softmax(np.array(terms, dtype=self.context.dtype), (0,), None))

    def log_shares(self, terms: list[Any]) -> list[Any]:
        return list(FloatArrays(self.context).log_softmax(np.array(terms, dtype=self.context.dtype), (0,)))


class FloatArrays(NumPyArrays):
    """Values are NumPy arrays of the format (truths: of bool), or NumPy scalars for shape ()."""

    context: FloatContext

    def __init__(self, context: FloatContext) -> None:
        super().__init__(context)
        kind = type(context)  # a subclass may have replaced some
        self._type = context.dtype.type
        self._functions = {
            name: function for name, function in IN_BULK.items() if getattr(kind, name) is getattr(FloatContext, name)
        }

    def apply(self, operation: str, *values: Any, **parameters: Any) -> Any:
        function = self._functions.get(operation) or self.function(operation)
        return function(*values, **parameters) if is_quiet() else QUIET.run(function, *values, **parameters)

    def run(self, function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
        return quiet(function, *values, **parameters)

    def function(self, operation: str) -> Callable[..., Any]:
        """NumPy's own where the operation is one of its ufuncs, else the method here or of the context."""
        known = self._functions.get(operation)
        if known is None:
            known = self._functions[operation] = getattr(self, operation, None) or getattr(self.context, operation)
        return known

    def elementwise(self, operation: str, *values: Any) -> Any:
        return getattr(self.context, operation)(*values)

    def data(self, array: np.ndarray[Any, Any]) -> Any:
        if array.dtype.kind in "fiu":
            return self.run(array.astype, self.context.dtype)
        return self.pack(self.run(lift, self.context.data, array))

    def pack(self, scalars: np.ndarray[Any, Any]) -> Any:
        truths = scalars.size > 0 and isinstance(scalars.flat[0], bool | np.bool_)
        return scalars.astype(bool if truths else self.context.dtype)

    def unpack(self, value: Any) -> np.ndarray[Any, Any]:
        array = np.asarray(value)
        scalars = np.empty(array.shape, dtype=object)
        for index in np.ndindex(*array.shape):
            scalars[index] = array[index].item() if array.dtype == bool else array[index]
        return scalars

    def items(self, value: Any) -> np.ndarray[Any, Any]:
        return np.asarray(value)

    def scatter(self, x: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
        result = np.zeros(shape, dtype=self.context.dtype)
        result[(*index, ...)] = x
        return result

    def has_nan(self, value: Any) -> bool:
        """By one sum, which infinities of two signs make NaN, too."""
        return bool(np.isnan(self.run(np.add.reduce, value, axis=None))) and bool(np.isnan(value).any())

    def sum(self, x: Any, axis: tuple[int, ...]) -> Any:
        return np.add.reduce(x, axis=axis)

    def mean(self, x: Any, axis: tuple[int, ...], count: int) -> Any:
        return np.add.reduce(x, axis=axis) / self._type(max(count, 1))

    def mean_square(self, x: Any, axis: tuple[int, ...], count: int) -> Any:
        if len(axis) == 1 == x.ndim:
            return x.dot(x) / self._type(max(count, 1))
        return self.mean(np.square(x), axis, count)

    def matmul(self, a: Any, b: Any) -> Any:
        return np.matmul(a, b)

    def affine(self, weight: Any, x: Any, bias: Any) -> Any:
        product = weight.dot(x)
        return np.add(product, bias, product)

    def affine_rows(self, weight: Any, x: Any, bias: Any, shape: tuple[int, int]) -> Any:
        product = x.dot(weight.T)
        return np.add(product, bias, product)

    def logsumexp(self, x: Any, axis: tuple[int, ...]) -> Any:
        """m + log Σ e^(x - m), m the greatest: nothing overflows. Where m is infinite, or NaN, so is the result."""
        greatest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
        shift = np.where(np.isfinite(greatest), greatest, self._type(0))
        powers = np.sum(np.exp(x - shift), axis=axis)
        return np.squeeze(shift, axis)[()] + np.log(powers)

    def max(self, x: Any, axis: tuple[int, ...], counts: tuple[int, ...]) -> Any:
        return np.maximum.reduce(x, axis=axis)

    def min(self, x: Any, axis: tuple[int, ...], counts: tuple[int, ...]) -> Any:
        return np.minimum.reduce(x, axis=axis)

    def cumulative_sum(self, x: Any, axis: tuple[int, ...]) -> Any:
        return np.cumsum(x, axis=axis[0])

    def softmax(self, x: Any, axis: tuple[int, ...], mask: Any) -> Any:
        """e^(x - m) over its sum, m the greatest: nothing overflows."""
        taken = True if mask is None else np.broadcast_to(mask, x.shape)
        powers = np.exp(x - np.max(x, axis=axis, keepdims=True, initial=-np.inf, where=taken))
        if mask is None:
            return powers / np.add.reduce(powers, axis=axis, keepdims=True)
        powers = np.where(taken, powers, self._type(0))
        whole = np.add.reduce(powers, axis=axis, keepdims=True)
        return powers / np.where(np.any(taken, axis=axis, keepdims=True), whole, self._type(1))

    def log_softmax(self, x: Any, axis: tuple[int, ...]) -> Any:
        shifted = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
        return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))

    def fold(self, x: Any, stride: tuple[int, ...], dilation: tuple[int, ...], size: tuple[int, ...]) -> Any:
        return windows.folded(x, stride, dilation, size)


def nearest(value: Fraction, form: np.dtype[Any]) -> Float:
    """The float of a format nearest to an exact value, ties to even; overflow gives an infinity, as IEEE rounds."""
    try:
        double = np.float64(value.numerator / value.denominator)  # Python rounds this quotient correctly
    except OverflowError:
        double = np.float64(np.inf if value > 0 else -np.inf)
    if form == np.float64:
        return double
    with np.errstate(all="ignore"):
        guess = form.type(double)  # rounded twice: right, or a neighbour of what is right
        candidates = [guess, np.nextafter(guess, form.type(-np.inf)), np.nextafter(guess, form.type(np.inf))]
    return min(candidates, key=lambda c: (abs(_extended(c, form) - value), _is_odd(c)))


def _extended(x: Float, form: np.dtype[Any]) -> Fraction:
    """The value of a float, an infinity counting as the power of two after the largest float."""
    if np.isfinite(x):
        return Fraction(*x.as_integer_ratio())
    beyond = Fraction(2) ** int(np.finfo(form).maxexp)
    return beyond if x > 0 else -beyond


def _is_odd(x: Float) -> bool:
    if not np.isfinite(x):
        return False
    _, exponent = np.frexp(x)
    unit = max(int(exponent) - np.finfo(x).nmant - 1, np.finfo(x).minexp - np.finfo(x).nmant)
    return (Fraction(*x.as_integer_ratio()) / Fraction(2) ** unit).numerator % 2 == 1


def float64() -> FloatContext:
    """IEEE binary64."""
    return FloatContext("float64")


def float32() -> FloatContext:
    """IEEE binary32."""
    return FloatContext("float32")
