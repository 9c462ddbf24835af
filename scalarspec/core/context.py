"""`Context`: what a number is. The scalar protocol that a spec is evaluated under, and that a backend implements.

The counterpart of TorchLean's `[Context α]`. A backend states the primitives, some ten methods, and inherits the
derived operations. A derived operation is defined here once, in a form that holds for sets as well as for points
(each is an exact identity of the reals, so that interval evaluation of it encloses); a backend may replace one
by something tighter, faster or more accurate, and the law suite compares the replacement with the definition.

A scalar `S` is whatever the backend likes; a *truth* is `True`, `False` or a `Maybe` (symbolic contexts: a
proposition). Contexts are immutable, hashable and rebuilt from plain data when pickled.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Never, Protocol, TypeVar

import numpy as np

from scalarspec.core.arrays import Arrays, LiftedArrays, lift
from scalarspec.core.operations import SCALAR_KINDS, check_complete, having
from scalarspec.core.truth import Kleene, kleene_and, kleene_not, kleene_or
from scalarspec.errors import NotExact, NotSupported, ScalarSpecError, ShapeError
from scalarspec.numbers.exact import End, as_array, data_value

if TYPE_CHECKING:
    from scalarspec.core.tensor import Tensor

S = TypeVar("S")
Method = TypeVar("Method", bound=Callable[..., Any])

PRIMITIVES: dict[str, Callable[..., Any]] = {}
"""The scalar operations that each backend states itself (or refuses)."""

DERIVED: dict[str, Callable[..., Any]] = {}
"""The scalar operations with a definition in terms of others; a backend may replace each."""


def primitive(method: Method) -> Method:
    """Enter a method of Context into the table of primitives."""
    PRIMITIVES[method.__name__] = method
    return method


def derived(method: Method) -> Method:
    """Enter a method of Context into the table of derived operations."""
    DERIVED[method.__name__] = method
    return method


class Context(Protocol[S]):
    """The protocol of a scalar: subclass it (a frozen dataclass does well) and state the abstract methods."""

    exact: ClassVar[bool] = False
    """Every result is the exact real value (or a refusal)."""

    encloses: ClassVar[bool] = False
    """Every result is a set of reals that contains the exact value."""

    formal: ClassVar[bool] = False
    """Scalars may be expressions in variables, which stand for any numbers."""

    wrapped: Context[Any] | None = None
    """The context whose tensors are constants here, where this one is an interpreter around another."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The registered name; also the `dtype` of this context's tensors."""

    @property
    def rounds(self) -> bool:
        """Results are near the exact value, without a bound: neither exact nor enclosing."""
        return not (self.exact or self.encloses)

    # ---- in and out -------------------------------------------------------------------------------------------------

    @abstractmethod
    def literal(self, value: Fraction) -> S:
        """The scalar for an exact value, rounded at most once."""

    @abstractmethod
    def exact_value(self, x: S) -> Fraction:
        """The one real number that `x` holds; NotExact if it is not one number."""

    def approximate(self, x: S) -> Fraction:
        """A rational within 10**-100 of the number that `x` is, relatively: for laws, never for results."""
        return self.exact_value(x)

    def data(self, value: Any) -> S:
        """The scalar for a datum at its exact value. Contexts that hold more than reals (NaN, sets) extend this."""
        return self.literal(data_value(value))

    def item(self, x: S) -> Any:
        """The familiar Python object for `x`, which `item()` and `tolist()` hand out."""
        return x

    def proposition(self, p: Any) -> Any:
        """The familiar Python object for a truth, which `tolist()` hands out."""
        return p

    def text(self, x: S) -> str:
        """How `x` prints."""
        return str(self.item(x))

    def endpoints(self, x: S) -> tuple[End, End]:
        """The exact infimum and supremum of what `x` stands for (exact and enclosing contexts)."""
        if not self.exact:
            raise NotSupported(f"endpoints: {self.name} rounds and does not enclose; use 'interval' or 'rational'")
        value = self.exact_value(x)
        return value, value

    def enclose(self, lower: Any, upper: Any) -> S:
        """The scalar for the box from `lower` to `upper`, two data (enclosing contexts)."""
        raise NotSupported(f"box: {self.name} has no boxes; use 'interval'")

    def symbol(self, name: str) -> S:
        """The free real variable of that name (symbolic contexts)."""
        raise NotSupported(f"symbols: {self.name} has no variables; use 'symbolic'")

    def substitute(self, x: S, values: Mapping[str, Fraction]) -> S:
        """`x` with numbers for some of its variables (symbolic contexts)."""
        raise NotSupported(f"substitute: {self.name} has no variables; use 'symbolic'")

    # ---- the field --------------------------------------------------------------------------------------------------

    @primitive
    @abstractmethod
    def add(self, x: S, y: S) -> S:
        """x + y."""

    @primitive
    @abstractmethod
    def negative(self, x: S) -> S:
        """-x."""

    @primitive
    @abstractmethod
    def multiply(self, x: S, y: S) -> S:
        """x y."""

    @primitive
    @abstractmethod
    def divide(self, x: S, y: S) -> S:
        """x / y."""

    @derived
    def subtract(self, x: S, y: S) -> S:
        """x - y."""
        return self.add(x, self.negative(y))

    @derived
    def reciprocal(self, x: S) -> S:
        """1 / x."""
        return self.divide(self._number(1), x)

    @derived
    def square(self, x: S) -> S:
        """x²."""
        return self.multiply(x, x)

    # ---- order ------------------------------------------------------------------------------------------------------

    @primitive
    @abstractmethod
    def less(self, x: S, y: S) -> Any:
        """The truth of x < y."""

    @primitive
    @abstractmethod
    def less_equal(self, x: S, y: S) -> Any:
        """The truth of x <= y."""

    @derived
    def equal(self, x: S, y: S) -> Any:
        """The truth of x = y, as numbers."""
        return self.logical_and(self.less_equal(x, y), self.less_equal(y, x))

    @derived
    def logical_not(self, p: Kleene) -> Any:
        """Not p."""
        return kleene_not(p)

    @derived
    def logical_and(self, p: Kleene, q: Kleene) -> Any:
        """p and q."""
        return kleene_and(p, q)

    @derived
    def logical_or(self, p: Kleene, q: Kleene) -> Any:
        """p or q."""
        return kleene_or(p, q)

    def decide(self, p: Any) -> bool:
        """The Python truth of p; Undecided when there is none."""
        return bool(p)

    @derived
    def where(self, p: Any, x: S, y: S) -> S:
        """x where p holds, else y. A context whose truths can be undecided replaces this by a hull."""
        return x if self.decide(p) else y

    @derived
    def maximum(self, x: S, y: S) -> S:
        """The larger of x and y."""
        return self.where(self.less(x, y), y, x)

    @derived
    def minimum(self, x: S, y: S) -> S:
        """The smaller of x and y."""
        return self.negative(self.maximum(self.negative(x), self.negative(y)))

    @derived
    def abs(self, x: S) -> S:
        """|x|."""
        return self.maximum(x, self.negative(x))

    @derived
    def clip(self, x: S, lower: S, upper: S) -> S:
        """x moved into [lower, upper]."""
        return self.minimum(self.maximum(x, lower), upper)

    @derived
    def heaviside(self, x: S) -> S:
        """1 where x > 0, else 0: the derivative of relu, with 0 at 0."""
        return self.where(self.less(self._number(0), x), self._number(1), self._number(0))

    @derived
    def sign(self, x: S) -> S:
        """-1, 0 or 1."""
        return self.subtract(self.heaviside(x), self.heaviside(self.negative(x)))

    @derived
    def relu(self, x: S) -> S:
        """max(x, 0)."""
        return self.maximum(x, self._number(0))

    @derived
    def leaky_relu(self, x: S, slope: S) -> S:
        """x where x > 0, else slope x."""
        return self.add(self.relu(x), self.multiply(slope, self.minimum(x, self._number(0))))

    # ---- elementary functions ---------------------------------------------------------------------------------------

    @primitive
    def pi(self) -> S:
        """π."""
        self.refuse("pi")

    @primitive
    def exp(self, x: S) -> S:
        """eˣ."""
        self.refuse("exp", x)

    @primitive
    def log(self, x: S) -> S:
        """The natural logarithm."""
        self.refuse("log", x)

    @primitive
    def sqrt(self, x: S) -> S:
        """√x."""
        self.refuse("sqrt", x)

    @primitive
    def sin(self, x: S) -> S:
        """sin x, in radians."""
        self.refuse("sin", x)

    @primitive
    def cos(self, x: S) -> S:
        """cos x, in radians."""
        self.refuse("cos", x)

    @primitive
    def atan(self, x: S) -> S:
        """The angle in (-π/2, π/2) whose tangent is x."""
        self.refuse("atan", x)

    @primitive
    def erf(self, x: S) -> S:
        """2/√π times the integral of e^-t² from 0 to x."""
        self.refuse("erf", x)

    @derived
    def tan(self, x: S) -> S:
        """tan x."""
        return self.divide(self.sin(x), self.cos(x))

    @derived
    def pow(self, x: S, y: S) -> S:
        """xʸ: by products for an integer y of at most 64 in size, else exp(y log x), for a positive x."""
        n = self._small_integer(y)
        if n is None:
            return self.exp(self.multiply(y, self.log(x)))
        power = self._product_of(x, abs(n))
        return power if n >= 0 else self.reciprocal(power)

    @derived
    def expm1(self, x: S) -> S:
        """eˣ - 1."""
        return self.subtract(self.exp(x), self._number(1))

    @derived
    def expm1mx(self, x: S) -> S:
        """eˣ - 1 - x, the heart of the Gaussian KL; never negative."""
        return self.subtract(self.expm1(x), x)

    @derived
    def log1p(self, x: S) -> S:
        """log(1 + x)."""
        return self.log(self.add(self._number(1), x))

    @derived
    def sinh(self, x: S) -> S:
        """(eˣ - e⁻ˣ) / 2."""
        return self._half(self.subtract(self.exp(x), self.exp(self.negative(x))))

    @derived
    def cosh(self, x: S) -> S:
        """cosh x, as 1 + 2 sinh²(x/2), where x occurs once."""
        return self.add(self._number(1), self.multiply(self._number(2), self.square(self.sinh(self._half(x)))))

    @derived
    def tanh(self, x: S) -> S:
        """tanh x, as 1 - 2 / (e²ˣ + 1), where x occurs once."""
        two = self._number(2)
        return self.subtract(
            self._number(1), self.divide(two, self.add(self.exp(self.multiply(two, x)), self._number(1)))
        )

    @derived
    def sigmoid(self, x: S) -> S:
        """1 / (1 + e⁻ˣ)."""
        return self.reciprocal(self.add(self._number(1), self.exp(self.negative(x))))

    @derived
    def softplus(self, x: S) -> S:
        """log(1 + eˣ)."""
        return self.log1p(self.exp(x))

    @derived
    def logcosh(self, x: S) -> S:
        """log(cosh x), as log(1 + 2 sinh²(x/2)), where x occurs once."""
        return self.log1p(self.multiply(self._number(2), self.square(self.sinh(self._half(x)))))

    def _number(self, n: int) -> S:
        return self.literal(Fraction(n))

    def _small_integer(self, y: S) -> int | None:
        try:
            exact = self.exact_value(y)
        except ScalarSpecError:
            return None
        return exact.numerator if exact.denominator == 1 and abs(exact) <= 64 else None

    def _product_of(self, x: S, n: int) -> S:
        if n == 0:
            return self._number(1)
        even = self.square(self._product_of(x, n // 2)) if n > 1 else self._number(1)
        return self.multiply(even, x) if n % 2 else even

    def _half(self, x: S) -> S:
        return self.divide(x, self._number(2))

    def refuse(self, operation: str, *operands: S) -> Never:
        """Raise the error for an operation that this context cannot do exactly or rigorously."""
        shown = f"({', '.join(self.text(x) for x in operands)})" if operands else ""
        if self.exact:
            raise NotExact(f"{operation}{shown} is not known exactly in {self.name}; use 'interval' or 'symbolic'")
        raise NotSupported(f"{operation}{shown}: {self.name} does not have it; use 'interval' or a float context")

    # ---- many of them -----------------------------------------------------------------------------------------------

    @cached_property
    def arrays(self) -> Arrays:
        """How many such scalars are held and mapped in bulk."""
        return LiftedArrays(self)

    def __getstate__(self) -> dict[str, Any]:
        """Plain data: the arrays are made anew in another process."""
        return {name: value for name, value in vars(self).items() if name != "arrays"}

    def reference(self) -> Context[Any]:
        """The same scalars on plain lifted arrays, with sums folded from zero, left to right, in row-major order."""
        return self

    def tensor(self, data: Any) -> Tensor:
        """A tensor of this context from nested lists, NumPy arrays, numbers or strings, each at its exact value.

        Raises DomainError on NaN and infinities (except in float contexts), ShapeError on ragged lists.
        """
        from scalarspec.core.tensor import Tensor  # the layer above; a context is where users start from

        return Tensor.from_data(self, data)

    def box(self, lower: Any, upper: Any) -> Tensor:
        """The tensor of all points between `lower` and `upper`, two data of equal shape (enclosing contexts).

        Raises ArgumentError where a lower end exceeds the upper one, ShapeError for unequal shapes.
        """
        from scalarspec.core.tensor import Tensor

        low, high = as_array(lower), as_array(upper)
        if low.shape != high.shape:
            raise ShapeError(f"box: lower has shape {low.shape} and upper has shape {high.shape}")
        return Tensor.from_scalars(self, lift(self.enclose, low, high))

    def stage(self, name: str, t: Tensor) -> Tensor:
        """The tensor itself; interpreters may note that the spec calls it so, or put another in its place."""
        return t

    def hole(self, t: Tensor) -> None:
        """The result of a `where` for which a branch was not asked: no element takes it. Interpreters may note it."""
        return

    def constant(self, t: Any) -> Any:
        """A tensor, or a truth, of the wrapped context as one of this context (interpreters)."""
        raise NotSupported(f"constant: {self.name} wraps no other context")

    def symbols(self, name: str, shape: tuple[int, ...] = ()) -> Tensor:
        """The tensor of the real variables name_i_j..., or the variable `name` for shape () (symbolic contexts)."""
        from scalarspec.core.tensor import Tensor

        scalars = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            scalars[index] = self.symbol("_".join([name, *map(str, index)]))
        return Tensor.from_scalars(self, scalars)


check_complete("Context", PRIMITIVES | DERIVED, having(kind=SCALAR_KINDS))
