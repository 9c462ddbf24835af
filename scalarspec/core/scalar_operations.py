"""`ScalarOperations`: what can be done with one number or two, whatever a number is.

A backend states the primitives, and inherits the derived operations. Each derived operation is defined here once, by an
identity of the reals that holds for sets as well as for points: evaluated on intervals, it encloses. A backend may
replace a definition by something tighter, faster or more accurate; the laws compare the replacement with it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Never, Protocol, TypeVar

from scalarspec.core.truth import Kleene, kleene_and, kleene_not, kleene_or
from scalarspec.errors import ScalarSpecError, Undecided

S = TypeVar("S")
Method = TypeVar("Method", bound=Callable[..., Any])

PRIMITIVES: dict[str, Callable[..., Any]] = {}
"""The operations on scalars that each backend states itself, or refuses, by name."""

DERIVED: dict[str, Callable[..., Any]] = {}
"""The operations on scalars with a definition in terms of others, by name; a backend may replace each."""


def primitive(method: Method) -> Method:
    """Enters a method of `ScalarOperations` into the table of primitives."""
    PRIMITIVES[method.__name__] = method
    return method


def derived(method: Method) -> Method:
    """Enters a method of `ScalarOperations` into the table of derived operations."""
    DERIVED[method.__name__] = method
    return method


class ScalarOperations(Protocol[S]):
    """The operations on scalars `S`, as methods: primitives, and definitions of the others in terms of them."""

    @abstractmethod
    def literal(self, value: Fraction) -> S:
        """The scalar for an exact value, rounded at most once."""

    @abstractmethod
    def exact_value(self, x: S) -> Fraction:
        """The one real number that `x` holds. Raises NotExact if it is not one number."""

    @abstractmethod
    def refuse(self, operation: str, *operands: S) -> Never:
        """Raises the error for an operation that this context cannot do exactly, or rigorously."""

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
        """The product x y."""

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
        """x². Sets replace this by something tighter: x * x does not know that both are one number."""
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
        """The truth of x = y, as numbers, and not as sets."""
        return self.logical_and(self.less_equal(x, y), self.less_equal(y, x))

    @derived
    def logical_not(self, p: Kleene) -> Any:
        """The truth that p does not hold."""
        return kleene_not(p)

    @derived
    def logical_and(self, p: Kleene, q: Kleene) -> Any:
        """The truth that p and q hold."""
        return kleene_and(p, q)

    @derived
    def logical_or(self, p: Kleene, q: Kleene) -> Any:
        """The truth that p or q holds."""
        return kleene_or(p, q)

    def decide(self, p: Any) -> bool:
        """The Python truth of p. Raises Undecided when there is none."""
        if not hasattr(type(p), "__bool__"):  # Python takes such an object for true
            raise Undecided(f"{p} has no truth that Python can ask for; use where(condition, a, b) for branches")
        return bool(p)

    @derived
    def where(self, p: Any, x: S, y: S) -> S:
        """x where p holds, else y. A context whose truths can be undecided replaces this by a hull of both."""
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
        """x moved into [lower, upper]: `upper`, where `lower` exceeds it."""
        return self.minimum(self.maximum(x, lower), upper)

    @derived
    def heaviside(self, x: S) -> S:
        """1 where x > 0, else 0: the derivative of relu, with 0 at 0."""
        return self.where(self.less(self._number(0), x), self._number(1), self._number(0))

    @derived
    def sign(self, x: S) -> S:
        """-1, 0 or 1, as x is negative, zero or positive."""
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
        """The natural logarithm, for x > 0."""
        self.refuse("log", x)

    @primitive
    def sqrt(self, x: S) -> S:
        """√x, for x >= 0."""
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
        """xʸ: by products for an integer y of at most 64 in size, else exp(y log x), for a positive x.

        Products are exact where exp and log are not, and hold for negative x, too; beyond 64 they are many.
        """
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
        """eˣ - 1 - x, the heart of the Gaussian KL divergence; never negative."""
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
        """cosh x, as 1 + 2 sinh²(x/2): there x occurs once, so that it is tight over sets."""
        return self.add(self._number(1), self.multiply(self._number(2), self.square(self.sinh(self._half(x)))))

    @derived
    def tanh(self, x: S) -> S:
        """tanh x, as 1 - 2 / (e²ˣ + 1): there x occurs once, so that it is tight over sets."""
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
        """log(cosh x), as log(1 + 2 sinh²(x/2)): there x occurs once, so that it is tight over sets."""
        return self.log1p(self.multiply(self._number(2), self.square(self.sinh(self._half(x)))))

    def _number(self, n: int) -> S:
        return self.literal(Fraction(n))

    def _small_integer(self, y: S) -> int | None:
        """The integer that y is, if it is one of at most 64 in size; else None."""
        try:
            exact = self.exact_value(y)
        except ScalarSpecError:
            return None
        return exact.numerator if exact.denominator == 1 and abs(exact) <= 64 else None

    def _product_of(self, x: S, n: int) -> S:
        """xⁿ, n >= 0, by repeated squaring: a square of a set is tighter than a product with itself."""
        if n == 0:
            return self._number(1)
        even = self.square(self._product_of(x, n // 2)) if n > 1 else self._number(1)
        return self.multiply(even, x) if n % 2 else even

    def _half(self, x: S) -> S:
        return self.divide(x, self._number(2))
