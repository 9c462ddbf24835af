"""Floats with a bound on their error, before anything is run. Promise: encloses the exact value; bounds |float - it|.

A scalar is an enclosure of the real value, in an enclosing context, and a bound on how far from it the result of the
same operation on floats can lie: floats of a stated format, rounded to nearest, whose inputs carry errors of their own.
Why each bound holds, with u = 2^-precision and every quantity taken at its greatest over the range that holds both the
real values and the floats (`wide`):

    inherited    by the mean value theorem, |∂f/∂x| on `wide` times the error of x, with the derivatives that `grad`
                 has; 1-Lipschitz choices (max, min, clip) hand on the greatest error
    + - × ÷ √    rounded once: half an ulp of the result
    exp, log ..  `libm` ulps, a parameter: what the library promises; NumPy's vectorised functions keep within 4
    sigmoid,     the usual ways to write them, of a few such steps each, counted in `_COMPOSED`
    softplus ..
    sums         n terms in any order and association, with or without FMA: n - 1 additions, each of a number of size
                 at most Σ|x| (1 + γ), half an ulp of which is lost; γ = nu/(1 - nu). Products beforehand: u each
    branches     a choice that rounding may turn costs the distance between both branches

A result that may leave the range of the format has an infinite bound. All arithmetic on bounds is that of the enclosing
context, whose upper ends count.
"""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.arrays import Arrays, lift
from scalarspec.core.context import DERIVED, PRIMITIVES, Context
from scalarspec.core.operations import find, result_shape
from scalarspec.core.registry import context as named_context
from scalarspec.core.sets import inf, sup
from scalarspec.core.shape import Scalar, Shape
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import ArgumentError, DomainError
from scalarspec.numbers import environment, formats
from scalarspec.numbers.exact import End, as_array, boxed, holds_floats, interval_text
from scalarspec.numbers.formats import Format
from scalarspec.tracing.vjp_rules import RULES

DEFAULT_LIBM = 4
"""The ulps within which NumPy's makers promise the vectorised exp, log, sin and their like."""

STRUCTURE = {"getitem", "scatter", "reshape", "matrix_transpose", "broadcast_to", "stack"}
CHOICES = {"maximum", "minimum", "clip"}
STEPS = {"heaviside", "sign"}
EXACT = {"negative", "abs", "relu", *CHOICES, *STEPS, *STRUCTURE}
ROUNDED_ONCE = {"add", "subtract", "multiply", "divide", "reciprocal", "square", "sqrt", "leaky_relu", "pi"}
NATURAL = {"abs", "relu", "square", "sqrt", "exp", "sigmoid", "softplus", "cosh", "mean_square"}
SUMS = {"sum", "mean", "mean_square", "logsumexp", "matmul", "affine", "affine_rows"}


class Tracked:
    """Real values and the errors of their floats. error, local: tensors whose upper ends count; None where all are 0.

    error: in all; local: what the last operation added to what it was given; natural: where no float is negative,
    whatever rounding did.
    """

    __slots__ = ("_wide", "error", "local", "natural", "real")

    def __init__(
        self, real: Tensor, error: Tensor | None = None, local: Tensor | None = None, natural: Any = False
    ) -> None:
        self.real = real
        self.error = error
        self.local = local
        self.natural = natural
        self._wide: Tensor | None = None

    @property
    def shape(self) -> Shape:
        """Of the values."""
        return self.real.shape

    @property
    def wide(self) -> Tensor:
        """What holds the real values and the floats."""
        if self._wide is None:
            self._wide = self.real if self.error is None else self._widened(self.error)
        return self._wide

    @property
    def bound(self) -> np.ndarray[Any, Any]:
        """The greatest error of each element, as float64s rounded up."""
        return np.zeros(self.shape) if self.error is None else np.broadcast_to(sup(self.error), self.shape)

    def _widened(self, error: Tensor) -> Tensor:
        around = self.real + _unit_ball(self.real.context) * error
        cut = self.natural & (inf(around) < 0)
        if not np.any(cut):
            return around
        return around.context.box(np.where(cut, 0.0, inf(around)), sup(around))

    def mapped(self, function: Callable[[Tensor], Tensor]) -> Tracked:
        """A change of structure."""
        return Tracked(function(self.real), None if self.error is None else function(self.error))

    def __reduce__(self) -> Any:
        return Tracked, (self.real, self.error, self.local, self.natural)


class Decision(NamedTuple):
    """Truths of the enclosing context, and whether rounding had a part in them."""

    truth: Truth
    rounded: bool


@dataclass(frozen=True)
class Rounded:
    """What `item()` hands out: mpmath's interval around the real value, and the greatest |float - real value|."""

    enclosure: Any
    error: float


@dataclass(frozen=True)
class RoundingContext(Context[Tracked]):
    """Real values in `inner`, an enclosing context; floats of `form`; a library accurate to `libm` ulps."""

    form: Format
    inner: Context[Any]
    libm: int = DEFAULT_LIBM
    encloses: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "rounding"

    @cached_property
    def arrays(self) -> RoundingArrays:
        """The same rules in bulk."""
        return RoundingArrays(self)

    def reference(self) -> RoundingContext:
        """Real values on the plain arrays of the inner context."""
        return replace(self, inner=self.inner.reference())

    def __repr__(self) -> str:
        return f"rounding({self.form.name}, {self.inner!r}, libm={self.libm})"

    # ---- in and out -------------------------------------------------------------------------------------------------

    def literal(self, value: Fraction) -> Tracked:
        return Tracked(self._real(self.inner.literal(value)), self._error_of(value))

    def data(self, value: Any) -> Tracked:
        """A datum, rounded to the format; one that came from `item()` as it was."""
        if isinstance(value, Rounded):
            return Tracked(self.inner.tensor(value.enclosure), self._bound(np.array(value.error)))
        real = self._real(self.inner.data(value))
        lower, upper = self.inner.endpoints(real.scalars()[()])
        error = self._error_of(Fraction(lower)) if lower == upper else self.half_ulp(real)
        return Tracked(real, error, natural=inf(real) >= 0)

    def enclose(self, lower: Any, upper: Any) -> Tracked:
        """The reals between two data, each rounded to the format."""
        real = self._real(self.inner.enclose(lower, upper))
        return Tracked(real, self.half_ulp(real), natural=inf(real) >= 0)

    def box(self, lower: Any, upper: Any) -> Tensor:
        real = self.inner.box(lower, upper)
        return Tensor(self, real.shape, Tracked(real, self.half_ulp(real), natural=inf(real) >= 0))

    def points(self, values: Any) -> Tensor:
        """Data that are taken as they are, whether or not they are numbers of the format."""
        real = self.inner.tensor(values)
        return Tensor(self, real.shape, Tracked(real))

    def exact_value(self, x: Tracked) -> Fraction:
        return self.inner.exact_value(x.real.scalars()[()])

    def endpoints(self, x: Tracked) -> tuple[End, End]:
        """Of the real value."""
        return self.inner.endpoints(x.real.scalars()[()])

    def item(self, x: Tracked) -> Rounded:
        return Rounded(x.real.item(), float(x.bound))

    def text(self, x: Tracked) -> str:
        return f"{interval_text(*self.endpoints(x))} (float within {float(x.bound):.3g})"

    def half_ulp(self, x: Tensor) -> Tensor | None:
        """What rounding each element to the format can cost."""
        return self._bound(self.form.half_ulp(_size(x)))

    def _real(self, scalar: Any) -> Tensor:
        return Tensor.from_scalars(self.inner, boxed(scalar))

    def _error_of(self, value: Fraction) -> Tensor | None:
        nearest = self.form.nearest(value)
        if nearest == value:
            return None
        bound = float("inf") if isinstance(nearest, float) else abs(nearest - value)
        return self.inner.box(0, bound)

    def _bound(self, errors: np.ndarray[Any, Any]) -> Tensor | None:
        """Errors between 0 and these float64s."""
        return self.inner.box(np.zeros(errors.shape), errors) if np.any(errors) else None


def _scalar_operation(name: str) -> Callable[..., Any]:
    def operation(self: RoundingContext, *operands: Any) -> Any:
        return self.arrays.scalar(name, *operands)

    operation.__doc__ = (PRIMITIVES | DERIVED)[name].__doc__
    return operation


for _name in (*PRIMITIVES, *DERIVED):  # a scalar is a tensor of shape (): one set of rules serves both
    setattr(RoundingContext, _name, _scalar_operation(_name))
abc.update_abstractmethods(RoundingContext)  # type: ignore[type-abstract]


class RoundingArrays(Arrays):
    """Values are `Tracked`, truths are `Decision`."""

    context: RoundingContext

    def run(self, function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
        """Without NumPy's warnings: overflow gives an infinite bound."""
        environment.check()
        return environment.quiet(function, *values, **parameters)

    def function(self, operation: str) -> Callable[..., Any]:
        """By the rule for its kind."""
        if find(operation, "tolerance").kind == "connective":
            return lambda *ps: self._logic(operation, *ps)
        if find(operation, "tolerance").kind == "relation":
            return lambda *xs: self._relation(operation, *xs)
        if operation in STRUCTURE - {"stack"}:
            return lambda x, **parameters: x.mapped(lambda t: self._inside(operation, t, **parameters))
        return getattr(self, f"_{operation}", None) or (
            lambda *xs, **parameters: self._tracked(operation, xs, parameters)
        )

    def elementwise(self, operation: str, *values: Any) -> Any:
        """Through the one door."""
        return self.function(operation)(*values)

    def scalar(self, operation: str, *operands: Any) -> Any:
        """An operation on scalars; truths among them are bool or Maybe."""
        inner = self.context.inner
        values = [x if isinstance(x, Tracked) else Decision(_truth(inner, x), rounded=True) for x in operands]
        result = self.run(self.function(operation), *values)
        return result.truth.scalars()[()] if isinstance(result, Decision) else result

    # ---- in and out -------------------------------------------------------------------------------------------------

    def data(self, array: np.ndarray[Any, Any]) -> Tracked:
        context = self.context
        if not holds_floats(array):
            packed: Tracked = self.pack(lift(context.data, array))
            return packed
        errors = context.form.rounding_errors(array.astype(np.float64))
        return Tracked(context.inner.tensor(array), context._bound(errors))

    def pack(self, scalars: np.ndarray[Any, Any]) -> Any:
        context = self.context
        scalars = as_array(scalars)
        if scalars.size and not isinstance(scalars.flat[0], Tracked):
            return Decision(Truth.from_scalars(context.inner, scalars), rounded=True)
        if not scalars.size:
            return Tracked(Tensor.from_scalars(context.inner, scalars))
        real, error = np.empty(scalars.shape, dtype=object), np.zeros(scalars.shape)
        for index, x in np.ndenumerate(scalars):
            real[index] = x.real.scalars()[()]
            error[index] = x.bound
        return Tracked(Tensor.from_scalars(context.inner, real), context._bound(error))

    def unpack(self, value: Any) -> np.ndarray[Any, Any]:
        if isinstance(value, Decision):
            return value.truth.scalars()
        scalars = np.empty(value.shape, dtype=object)
        for index in np.ndindex(*value.shape):
            scalars[index] = value.mapped(lambda t, i=index: t[i] if i else t)
        return scalars

    def floats(self, value: Tracked) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        return inf(value.real), sup(value.real)

    def outcomes(self, truths: Decision) -> set[bool | None]:
        return truths.truth.context.arrays.outcomes(truths.truth.value)

    # ---- truths and branches ----------------------------------------------------------------------------------------

    def _relation(self, operation: str, *xs: Tracked) -> Decision:
        """Decided where the real values and the floats agree."""
        return Decision(getattr(f, operation)(*(x.wide for x in xs)), any(x.error is not None for x in xs))

    def _logic(self, operation: str, *ps: Decision) -> Decision:
        return Decision(getattr(f, operation)(*(p.truth for p in ps)), any(p.rounded for p in ps))

    def _where(self, p: Decision, x: Tracked, y: Tracked) -> Tracked:
        real = f.where(p.truth, x.real, y.real)
        inherited = None
        if x.error is not None or y.error is not None:
            inherited = f.where(p.truth, _present(x), _present(y))
        if not p.rounded:
            return Tracked(real, inherited)
        first = f.where(p.truth, 1, 0)
        turned = first * (1 - first) * f.abs(x.wide - y.wide)  # 0 where the branch is decided
        return Tracked(real, _total([inherited, turned]), turned)

    def _stack(self, *xs: Tracked, axis: int = 0) -> Tracked:
        real = self._inside("stack", *(x.real for x in xs), axis=axis)
        if all(x.error is None for x in xs):
            return Tracked(real)
        return Tracked(real, self._inside("stack", *map(_present, xs), axis=axis))

    # ---- everything else --------------------------------------------------------------------------------------------

    def _inside(self, operation: str, *tensors: Tensor, **parameters: Any) -> Tensor:
        """The operation on tensors of the inner context."""
        inner = self.context.inner
        shape = result_shape(operation, [t.shape for t in tensors], parameters) if tensors else Scalar
        return Tensor(inner, shape, inner.arrays.apply(operation, *(t.value for t in tensors), **parameters))

    def _tracked(self, operation: str, xs: tuple[Tracked, ...], parameters: dict[str, Any]) -> Tracked:
        if not xs:
            real = Tensor.from_scalars(self.context.inner, boxed(getattr(self.context.inner, operation)()))
            rounded = self.context.half_ulp(real)
            return Tracked(real, rounded, rounded)
        real = self._inside(operation, *(x.real for x in xs), **parameters)
        shares = [cotangent for cotangent in self.inherited(operation, real, xs, parameters) if cotangent is not None]
        before = real
        if shares:
            inherited = _greatest(shares) if operation in CHOICES else _total(shares)
            before = real + _unit_ball(real.context) * inherited
        local = self._in_range(operation, before, xs, self._rounding(operation, before, xs, parameters))
        error = _greatest(shares) if operation in CHOICES else _total([*shares, local])
        return Tracked(real, error, local, self._natural(operation, before, xs))

    def _natural(self, operation: str, before: Tensor, xs: tuple[Tracked, ...]) -> Any:
        """Where the floats are surely not negative: what is rounded once keeps its sign, and sums of such are such."""
        if operation in NATURAL:
            return np.True_
        if operation in ("sum", "mean"):
            return np.bool_(np.all(inf(xs[0].wide) >= 0))
        return inf(before) >= 0 if operation in ROUNDED_ONCE else np.False_

    def added(
        self, operation: str, result: Tracked, operands: Sequence[tuple[Any, bool]], parameters: dict[str, Any]
    ) -> Tensor | None:
        """What an operation adds to the errors of its variables: its own, and that of constants among its operands.

        operands: each with the answer to: is it a constant?
        """
        if operation == "where" or not any(constant and x.error is not None for x, constant in operands):
            return result.local
        xs = tuple(x if constant else Tracked(x.wide) for x, constant in operands)
        return _total([*self.inherited(operation, result.wide, xs, parameters), result.local])

    def inherited(
        self, operation: str, real: Tensor, xs: tuple[Tracked, ...], parameters: dict[str, Any]
    ) -> list[Tensor | None]:
        """What the error of each operand can come to in the result."""
        if all(x.error is None for x in xs):
            return [None] * len(xs)
        rule: Callable[..., list[Tensor | None]] = getattr(self, f"_inherited_{operation}", None) or (
            self._inherited_choice if operation in CHOICES else self._by_derivative
        )
        try:
            return rule(operation, real, xs, **parameters)
        except DomainError:  # where the floats may lie there is no value: they may be NaN
            unknown = self.context._bound(np.full(real.shape, np.inf))
            return [None if x.error is None else unknown for x in xs]

    def _by_derivative(self, operation: str, real: Tensor, xs: tuple[Tracked, ...]) -> list[Tensor | None]:
        """By the derivative on what holds the real values and the floats."""
        wide = [x.wide for x in xs]
        value = self._inside(operation, *wide)
        shares = RULES[operation](f.broadcast_to(real.context.tensor(1), real.shape), value, *wide)
        return [
            None if x.error is None or cotangent is None else f.abs(cotangent()) * x.error
            for cotangent, x in zip(shares, xs, strict=True)
        ]

    def _inherited_choice(self, operation: str, real: Tensor, xs: tuple[Tracked, ...]) -> list[Tensor | None]:
        return [x.error for x in xs]

    def _inherited_sqrt(self, operation: str, real: Tensor, xs: tuple[Tracked, ...]) -> list[Tensor | None]:
        """|√a - √b| <= √|a - b| near 0, where the derivative is not bounded; below 0 a float is NaN."""
        (x,) = xs
        low, error = inf(x.wide), _present(x)
        slope = sup(error / (2 * f.sqrt(real.context.tensor(np.where(low > 0, low, 1.0)))))
        near = sup(f.sqrt(real.context.box(np.zeros(x.shape), sup(error))))
        bound = np.where(low > 0, np.minimum(slope, near), np.where(low == 0, near, np.inf))
        return [self.context._bound(bound)]

    def _inherited_sum(
        self, operation: str, real: Tensor, xs: tuple[Tracked, ...], **parameters: Any
    ) -> list[Tensor | None]:
        (x,) = xs
        return [self._inside(operation, _present(x), **parameters)]

    _inherited_mean = _inherited_sum

    def _inherited_mean_square(
        self, operation: str, real: Tensor, xs: tuple[Tracked, ...], **parameters: Any
    ) -> list[Tensor | None]:
        (x,) = xs
        return [self._inside("mean", 2 * f.abs(x.wide) * _present(x), **parameters)]

    def _inherited_logsumexp(
        self, operation: str, real: Tensor, xs: tuple[Tracked, ...], axis: tuple[int, ...]
    ) -> list[Tensor | None]:
        """The weights of the softmax sum to 1: the greatest error."""
        (x,) = xs
        greatest = np.max(sup(_present(x)), axis=axis, initial=0.0)
        return [self.context._bound(np.asarray(greatest))]

    def _inherited_affine(self, operation: str, real: Tensor, xs: tuple[Tracked, ...]) -> list[Tensor | None]:
        w, x, b = xs
        return [*self._inherited_matmul("matmul", real, (w, x)), b.error]

    def _inherited_affine_rows(
        self, operation: str, real: Tensor, xs: tuple[Tracked, ...], shape: tuple[int, int]
    ) -> list[Tensor | None]:
        w, x, b = xs
        transposed = w.mapped(f.matrix_transpose)
        of_x, of_w = self._inherited_matmul("matmul", real, (x, transposed))
        return [of_w, of_x, None if b.error is None else f.broadcast_to(b.error, shape)]

    def _inherited_matmul(self, operation: str, real: Tensor, xs: tuple[Tracked, ...]) -> list[Tensor | None]:
        a, b = xs
        return [
            None if a.error is None else f.matmul(a.error, f.abs(b.wide)),
            None if b.error is None else f.matmul(f.abs(a.wide), b.error),
        ]

    # ---- what an operation adds -------------------------------------------------------------------------------------

    def _rounding(
        self, operation: str, before: Tensor, xs: tuple[Tracked, ...], parameters: dict[str, Any]
    ) -> Tensor | None:
        """The error of the operation itself, whose exact result on the floats lies in `before`."""
        if operation in STEPS:
            return None if xs[0].error is None else _spread_of(self._inside(operation, xs[0].wide))
        if operation in EXACT:
            return None
        if operation in ROUNDED_ONCE:
            return self._rounded_once(operation, before, xs)
        if operation in SUMS:
            return self._summing(operation, before, xs, **parameters)
        half_ulp = self.context.half_ulp(before)
        if operation in _COMPOSED and half_ulp is not None:
            steps, extra = _COMPOSED[operation]
            relative = self._growth(steps * self.context.libm + 6) - 1
            composed: Tensor = f.abs(before) * relative + extra(self, before, xs[0].wide)
            return composed
        return None if half_ulp is None else 2 * self.context.libm * half_ulp

    def _in_range(self, operation: str, before: Tensor, xs: tuple[Tracked, ...], local: Tensor | None) -> Tensor | None:
        """What an operation adds; infinite where its result, or e^x on the way to it, may leave the format's range."""
        if local is None:
            return None
        sizes = [_size(before) + sup(local), *([sup(f.exp(xs[0].wide))] if operation == "expm1mx" else [])]
        beyond = np.max(sizes, axis=0) > float(self.context.form.largest)
        return self.context._bound(np.where(beyond, np.inf, sup(local))) if np.any(beyond) else local

    def _rounded_once(self, operation: str, before: Tensor, xs: tuple[Tracked, ...]) -> Tensor | None:
        """Half an ulp; where the result is one known number, what is lost; ~0 where only the exponent changes."""
        form = self.context.form
        errors = form.half_ulp(_size(before))
        if operation in ("multiply", "divide") and any(map(_shifts, xs[-1:] if operation == "divide" else xs)):
            errors = np.where(np.isfinite(errors), np.minimum(errors, float(form.ulp(Fraction(0)))), errors)
        if _is_point(before):
            errors = np.minimum(errors, form.rounding_errors(inf(before)))
        return self.context._bound(errors)

    @property
    def _unit(self) -> Tensor:
        return self.context.inner.tensor(Fraction(1, 2**self.context.form.precision))

    @property
    def _least(self) -> Fraction:
        """What rounding near 0 can cost."""
        return self.context.form.ulp(Fraction(0)) / 2

    def _growth(self, n: int) -> Fraction:
        """What bounds (1 + u)^n: 1 + γ; where that is far off, a power of two above e^(nu)."""
        nu = n * Fraction(1, 2**self.context.form.precision)
        return 1 + nu / (1 - nu) if nu < Fraction(1, 2) else Fraction(2) ** math.ceil(nu * 3 / 2)

    def _summing(
        self, operation: str, before: Tensor, xs: tuple[Tracked, ...], axis: tuple[int, ...] = (), **_: Any
    ) -> Tensor | None:
        if operation in ("affine", "affine_rows", "matmul"):
            return self._products(operation, xs)
        (x,) = xs
        n = Shape(x.shape[i] for i in axis).size
        if operation == "logsumexp":
            return self._logsumexp_rounding(x, axis, n)
        terms, squares = f.abs(x.wide), None
        if operation == "mean_square":
            terms = f.square(terms)
            squares = self.context.half_ulp(terms)
        sums = self._additions(f.sum(terms, axis), n, n - 1)
        if squares is not None:
            sums = _total([sums, f.sum(squares, axis)])
        if operation == "sum":
            return sums
        size = f.abs(before) if sums is None else f.abs(before) + sums / max(n, 1)
        quotient = size * (3 * self._unit) + self._least  # or times 1/n, itself rounded
        return _total([None if sums is None else sums / max(n, 1), quotient if n > 1 else None])

    def _products(self, operation: str, xs: tuple[Tracked, ...]) -> Tensor | None:
        """Sums of products: u of each product, or the least subnormal, and the additions."""
        a, b = (xs[0], xs[1]) if operation != "affine_rows" else (xs[1], xs[0].mapped(f.matrix_transpose))
        n = a.shape[-1]
        sizes = f.matmul(f.abs(a.wide), f.abs(b.wide)) + n * self._least
        products = sizes * self._unit + n * self._least
        if operation == "matmul":
            return _total([products, self._additions(sizes, 2 * n, n - 1)])
        bias = f.abs(xs[2].wide)
        terms = sizes + (f.broadcast_to(bias, sizes.shape) if operation == "affine_rows" else bias)
        return _total([products, self._additions(terms, 2 * n + 1, n)])

    def _additions(self, sizes: Tensor, operations: int, additions: int) -> Tensor | None:
        """The errors of some additions of terms whose sizes sum to this before `operations` roundings."""
        if additions <= 0:
            return None
        half_ulp = self.context.half_ulp(sizes * self._growth(operations))
        return None if half_ulp is None else additions * half_ulp

    def _logsumexp_rounding(self, x: Tracked, axis: tuple[int, ...], n: int) -> Tensor:
        """By max + log Σ e^(x - max), or pairwise: each step loses some ulps of log 2, of 1 and of the partial sums."""
        largest = np.max(_size(x.wide), axis=axis, initial=0.0)
        size = self.context.inner.box(np.zeros_like(largest), largest)
        return self._unit * (n * (4 * self.context.libm + 4) + 2) * (1 + size + n)


def _sigmoid_floor(arrays: RoundingArrays, before: Tensor, x: Tensor) -> Any:
    """Where e^-x overflows the float is 0, and the value below the least normal number."""
    return arrays.context.form.least_normal


def _cancelled(arrays: RoundingArrays, before: Tensor, x: Tensor) -> Any:
    """e^x - 1 - x as it stands: the errors of e^x and e^x - 1, whatever is left of them."""
    unit, steps, change = arrays._unit, 2 * arrays.context.libm + 1, f.abs(f.expm1(x))
    return unit * (steps * (f.exp(x) + change) + change + f.abs(before))


_Extra = Callable[[RoundingArrays, Tensor, Tensor], Any]
_COMPOSED: dict[str, tuple[int, _Extra]] = {
    "sigmoid": (2, _sigmoid_floor),  # 1 / (1 + e^-x): 2 libm + 2
    "softplus": (4, _sigmoid_floor),  # max(x, 0) + log1p(e^-|x|): 4 libm + 1
    "logcosh": (6, _sigmoid_floor),  # log1p(2 sinh²(x/2)): 6 libm + 1; |x| + log1p(e^-2|x|) - log 2: 5 libm + 4
    "expm1mx": (2, _cancelled),  # a series near 0, 10 u; else as it stands
}
"""For the float forms of a function: c and a term; they err by ((1 + u)^(c libm + 6) - 1) |f| + term at most."""


_unit_ball: Callable[[Any], Tensor] = lru_cache(maxsize=64)(lambda inner: inner.box(-1, 1))
"""[-1, 1], in a context."""


def _shifts(x: Tracked) -> bool:
    """Is this a power of two, or several?"""
    return x.error is None and _is_point(x.real) and bool((np.abs(np.frexp(inf(x.real))[0]) == 0.5).all())


def _size(x: Tensor) -> np.ndarray[Any, Any]:
    """The greatest |x| of each element, as a float64 rounded up."""
    return np.maximum(-inf(x), sup(x))


def _is_point(x: Tensor) -> bool:
    """Is each element one known number?"""
    return bool(np.array_equal(inf(x), sup(x)))


def _present(x: Tracked) -> Tensor:
    """The error, zeros where there is none."""
    if x.error is not None:
        return x.error
    return f.broadcast_to(x.real.context.tensor(0), x.shape)


def _total(parts: Sequence[Tensor | None]) -> Tensor | None:
    """The sum of what is there."""
    present = [part for part in parts if part is not None]
    return functools.reduce(f.add, present) if present else None


def _greatest(parts: Sequence[Tensor]) -> Tensor | None:
    return functools.reduce(f.maximum, parts) if parts else None


def _spread_of(x: Tensor) -> Tensor:
    """How far two numbers in the same enclosure can be apart."""
    return x.context.box(np.zeros(x.shape), np.maximum(sup(x) - inf(x), 0.0))


def _truth(inner: Context[Any], p: Any) -> Truth:
    return Truth.from_scalars(inner, boxed(p))


_PLAIN = {"interval64": {"fast": False}}
"""Compiling takes longer than what it would save."""


def rounding(dtype: str = "float64", inner: str | Context[Any] = "interval64", libm: int = DEFAULT_LIBM) -> Any:
    """Floats of that format; real values enclosed in `inner`; library functions within `libm` ulps."""
    form = formats.named(dtype)
    context = named_context(inner, **_PLAIN.get(inner, {})) if isinstance(inner, str) else inner
    if isinstance(libm, bool) or not isinstance(libm, int) or libm < 0:
        raise ArgumentError(f"libm: expected a number of ulps >= 0, got {libm!r}")
    if not context.encloses:
        raise ArgumentError(f"inner: expected an enclosing context such as 'interval64', got {context.name!r}")
    return RoundingContext(form, context, libm)  # type: ignore[abstract]
