"""`RealFunctions`: the scalar operations that came later, defined in those of `scalar_operations`.

Each definition is an identity of the reals. At points it loses no digits by cancellation and divides by nothing that
may be 0, also in a branch that is not taken: enclosing contexts evaluate it at the points that the function's course
asks for (see `core.course`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from scalarspec.core.operations import SCALAR_KINDS, check_complete, having
from scalarspec.core.scalar_operations import DERIVED, PRIMITIVES, S, ScalarOperations, derived, primitive

__all__ = ["DERIVED", "PRIMITIVES", "RealFunctions", "S"]


class RealFunctions(ScalarOperations[S], Protocol[S]):
    """Activations of one number, steps, inverse functions, and operations of two numbers."""

    # ---- steps ------------------------------------------------------------------------------------------------------

    @primitive
    def floor(self, x: S) -> S:
        """The greatest integer that is at most x."""
        self.refuse("floor", x)

    @derived
    def ceil(self, x: S) -> S:
        """The least integer that is at least x."""
        return self.negative(self.floor(self.negative(x)))

    @derived
    def trunc(self, x: S) -> S:
        """x without its fraction: the integer next to it towards 0."""
        return self.where(self.less(x, self._number(0)), self.ceil(x), self.floor(x))

    @derived
    def round(self, x: S) -> S:
        """The nearest integer, the even one of two: ⌊x + 1/2⌋, less 1 where x + 1/2 is an odd integer."""
        shifted = self.add(x, self.literal(Fraction(1, 2)))
        above = self.floor(shifted)
        even = self.equal(self.multiply(self._number(2), self.floor(self._half(above))), above)
        tied_to_odd = self.logical_and(self.equal(above, shifted), self.logical_not(even))
        return self.where(tied_to_odd, self.subtract(above, self._number(1)), above)

    @derived
    def remainder(self, x: S, y: S) -> S:
        """x - y ⌊x / y⌋, which lies between 0 and y: so it does over sets."""
        zero, rest = self._number(0), self.subtract(x, self.multiply(y, self.floor(self.divide(x, y))))
        return self.minimum(self.maximum(rest, self.minimum(y, zero)), self.maximum(y, zero))

    @derived
    def copysign(self, x: S, y: S) -> S:
        """|x| with the sign of y, 0 counting as positive."""
        size = self.abs(x)
        return self.where(self.less(y, self._number(0)), self.negative(size), size)

    # ---- activations ------------------------------------------------------------------------------------------------

    @derived
    def elu(self, x: S) -> S:
        """x where x > 0, else eˣ - 1."""
        return self.add(self.relu(x), self.expm1(self.minimum(x, self._number(0))))

    @derived
    def silu(self, x: S) -> S:
        """x σ(x)."""
        return self.multiply(x, self.sigmoid(x))

    @derived
    def gelu(self, x: S) -> S:
        """x Φ(x), by Φ(x) = erfc(-x / √2) / 2, which has all digits for negative x, too."""
        return self._half(self.multiply(x, self.erfc(self.negative(self._over_root_two(x)))))

    @derived
    def gelu_tanh(self, x: S) -> S:
        """x (1 + tanh u) / 2 for u = √(2/π) (x + 0.044715 x³), as x σ(2u)."""
        scale = self.sqrt(self.divide(self._number(8), self.pi()))
        cubic = self.add(self._number(1), self.multiply(self.literal(Fraction("0.044715")), self.square(x)))
        return self.multiply(x, self.sigmoid(self.multiply(scale, self.multiply(x, cubic))))

    @derived
    def mish(self, x: S) -> S:
        """x tanh(log(1 + eˣ))."""
        return self.multiply(x, self.tanh(self.softplus(x)))

    @derived
    def hardswish(self, x: S) -> S:
        """x times x + 3 moved into [0, 6], over 6."""
        six = self._number(6)
        return self.divide(self.multiply(x, self.clip(self.add(x, self._number(3)), self._number(0), six)), six)

    @derived
    def softsign(self, x: S) -> S:
        """x / (1 + |x|)."""
        return self.divide(x, self.add(self._number(1), self.abs(x)))

    # ---- the normal distribution ------------------------------------------------------------------------------------

    @primitive
    def erfc(self, x: S) -> S:
        """1 - erf x."""
        self.refuse("erfc", x)

    @derived
    def log_ndtr(self, x: S) -> S:
        """log Φ(x), by the tail of Φ on the side of x: log(1 - tail) for x >= 0."""
        zero = self._number(0)
        below = self._half(self.erfc(self.negative(self._over_root_two(self.minimum(x, zero)))))
        above = self._half(self.erfc(self._over_root_two(self.maximum(x, zero))))
        return self.where(self.less(x, zero), self.log(below), self.log1p(self.negative(above)))

    def _over_root_two(self, x: S) -> S:
        return self.divide(x, self.sqrt(self._number(2)))

    # ---- roots and logarithms ---------------------------------------------------------------------------------------

    @primitive
    def cbrt(self, x: S) -> S:
        """The real number whose cube is x."""
        self.refuse("cbrt", x)

    @derived
    def hypot(self, x: S, y: S) -> S:
        """√(x² + y²)."""
        return self.sqrt(self.add(self.square(x), self.square(y)))

    @derived
    def log2(self, x: S) -> S:
        """The logarithm to the base 2, for x > 0."""
        return self.divide(self.log(x), self.log(self._number(2)))

    @derived
    def log10(self, x: S) -> S:
        """The logarithm to the base 10, for x > 0."""
        return self.divide(self.log(x), self.log(self._number(10)))

    @primitive
    def lgamma(self, x: S) -> S:
        """log Γ(x), for x > 0."""
        self.refuse("lgamma", x)

    @primitive
    def digamma(self, x: S) -> S:
        """Γ′(x) / Γ(x), for x > 0."""
        self.refuse("digamma", x)

    # ---- inverse functions ------------------------------------------------------------------------------------------

    @derived
    def asin(self, x: S) -> S:
        """The angle in [-π/2, π/2] whose sine is x, by half of it: 2 atan(x / (1 + √(1 - x²)))."""
        one = self._number(1)
        cosine = self.sqrt(self.multiply(self.subtract(one, x), self.add(one, x)))
        return self.multiply(self._number(2), self.atan(self.divide(x, self.add(one, cosine))))

    @derived
    def acos(self, x: S) -> S:
        """The angle in [0, π] whose cosine is x: 2 atan √((1 - |x|) / (1 + |x|)), and π less that for x < 0."""
        one, size = self._number(1), self.abs(x)
        half = self.atan(self.sqrt(self.divide(self.subtract(one, size), self.add(one, size))))
        acute = self.multiply(self._number(2), half)
        return self.where(self.less(x, self._number(0)), self.subtract(self.pi(), acute), acute)

    @derived
    def atan2(self, y: S, x: S) -> S:
        """The angle of the point (x, y), in [-π, π]: 2 atan(y / (√(x² + y²) + |x|)), and ±π less that for x < 0."""
        zero = self._number(0)
        half = self.atan(self.divide(y, self.add(self.hypot(x, y), self.abs(x))))
        acute, straight = self.multiply(self._number(2), half), self.pi()
        turned = self.where(self.less(y, zero), self.negative(straight), straight)
        return self.where(self.less(x, zero), self.subtract(turned, acute), acute)

    @derived
    def asinh(self, x: S) -> S:
        """The number whose hyperbolic sine is x: log1p(a + a a / (1 + √(1 + a²))) for a = |x|, with the sign of x."""
        one, size = self._number(1), self.abs(x)
        root = self.add(one, self.hypot(one, size))
        return self.multiply(self.sign(x), self.log1p(self.add(size, self.multiply(size, self.divide(size, root)))))

    @derived
    def acosh(self, x: S) -> S:
        """The number >= 0 whose hyperbolic cosine is x: log1p(t + √t √(t + 2)) for t = x - 1 >= 0."""
        t = self.subtract(x, self._number(1))
        root = self.multiply(self.sqrt(t), self.sqrt(self.add(t, self._number(2))))
        return self.log1p(self.add(t, root))

    @derived
    def atanh(self, x: S) -> S:
        """The number whose hyperbolic tangent is x: log1p(2a / (1 - a)) / 2 for a = |x| < 1, with the sign of x."""
        size = self.abs(x)
        ratio = self.divide(self.multiply(self._number(2), size), self.subtract(self._number(1), size))
        return self.multiply(self.sign(x), self._half(self.log1p(ratio)))


check_complete("RealFunctions", PRIMITIVES | DERIVED, having(kind=SCALAR_KINDS))
