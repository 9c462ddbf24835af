"""Functions that are done on each element by itself, under their array-API names where that has them.

What holds for all of them: operands are tensors of one context. A number among them is a literal of the spec and counts
exactly (a float such as 0.1 is refused; write "0.1"); an array or a list is data, each element at its exact binary
value. The operands have one shape, or the shape (), whose number then serves every element: ShapeError otherwise. The
result has that shape.

What they mean is the context's affair: floats round, and follow IEEE 754 outside of a function's domain (NaN, ±inf, no
warning); enclosing contexts contain the function's values at all numbers of their operands, and raise DomainError where
a box is not inside the domain; exact contexts give the value, and raise NotExact where they cannot hold it, DomainError
where there is none. A context without the operation raises NotSupported.

    x = ss.context("interval").box([0, 1], [1, 2])
    ss.exp(x) - 1             # encloses eˣ - 1 on both boxes
    ss.maximum(x, "1.5")      # a literal meets every element
"""

from __future__ import annotations

from typing import Any

from scalarspec.core.context import Context
from scalarspec.core.tensor import Operand, Tensor, elementwise, operands_of
from scalarspec.errors import ArgumentError
from scalarspec.numbers.exact import boxed

__all__ = [
    "abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "clip", "copysign",
    "cos", "cosh", "digamma", "divide", "elu", "erf", "erfc", "exp", "expm1", "expm1mx", "floor", "gelu", "gelu_tanh",
    "hardswish", "heaviside", "hypot", "leaky_relu", "lgamma", "log", "log1p", "log2", "log10", "log_ndtr", "logcosh",
    "maximum", "minimum", "mish", "multiply", "negative", "pi", "positive", "pow", "reciprocal", "relu", "remainder",
    "round", "sigmoid", "sign", "silu", "sin", "sinh", "softplus", "softsign", "sqrt", "square", "subtract", "tan",
    "tanh", "trunc",
]  # fmt: skip


def add(x: Operand, y: Operand) -> Tensor:
    """x + y."""
    return elementwise("add", x, y)


def subtract(x: Operand, y: Operand) -> Tensor:
    """x - y. Over boxes the operands vary independently: x - x is [0, 0] only for a point."""
    return elementwise("subtract", x, y)


def multiply(x: Operand, y: Operand) -> Tensor:
    """The product x y."""
    return elementwise("multiply", x, y)


def divide(x: Operand, y: Operand) -> Tensor:
    """x / y. A divisor that is exactly 0 raises DivisionByZero, except under floats, which follow IEEE 754. A box of
    divisors that contains 0 beside other numbers gives the set of all quotients, which has an infinite end.
    """
    return elementwise("divide", x, y)


def negative(x: Operand) -> Tensor:
    """-x."""
    return elementwise("negative", x)


def positive(x: Operand) -> Tensor:
    """+x, which is x itself, as a tensor."""
    return operands_of("positive", x)[1][0]


def reciprocal(x: Operand) -> Tensor:
    """1 / x, as `divide` has it for x = 0."""
    return elementwise("reciprocal", x)


def square(x: Operand) -> Tensor:
    """x², never negative: over a box that contains 0 it begins at 0, as x * x does, too."""
    return elementwise("square", x)


def pow(x: Operand, y: Operand) -> Tensor:
    """xʸ. An exponent that is a whole number takes any base, by products for |y| <= 64, and x⁰ is 1 for x = 0, too. Any
    other exponent wants a base that is not negative, and a positive one where a box varies in the exponent: DomainError
    otherwise. A negative power of 0 raises DivisionByZero (floats: ±inf).
    """
    return elementwise("pow", x, y)


def exp(x: Operand) -> Tensor:
    """eˣ, for every x. It is rational at 0 alone."""
    return elementwise("exp", x)


def expm1(x: Operand) -> Tensor:
    """eˣ - 1, for every x, with the digits that `exp(x) - 1` loses near 0."""
    return elementwise("expm1", x)


def expm1mx(x: Operand) -> Tensor:
    """eˣ - 1 - x, for every x, with the digits that the differences lose near 0. It is never negative, and 0 at 0
    alone: the heart of the Gaussian KL divergence (see `latent`).
    """
    return elementwise("expm1mx", x)


def log(x: Operand) -> Tensor:
    """The natural logarithm, for x > 0. DomainError elsewhere (floats: -inf at 0, NaN below)."""
    return elementwise("log", x)


def log1p(x: Operand) -> Tensor:
    """log(1 + x), for x > -1, with the digits that `log(1 + x)` loses near 0. DomainError elsewhere (floats: -inf at
    -1, NaN below).
    """
    return elementwise("log1p", x)


def sqrt(x: Operand) -> Tensor:
    """√x, for x >= 0. DomainError elsewhere (floats: NaN). Its slope at 0 is infinite."""
    return elementwise("sqrt", x)


def sin(x: Operand) -> Tensor:
    """The sine of x, which is in radians."""
    return elementwise("sin", x)


def cos(x: Operand) -> Tensor:
    """The cosine of x, which is in radians."""
    return elementwise("cos", x)


def tan(x: Operand) -> Tensor:
    """The tangent of x, which is in radians. Over a box that contains a pole it is unbounded."""
    return elementwise("tan", x)


def atan(x: Operand) -> Tensor:
    """The angle in (-π/2, π/2), in radians, whose tangent is x."""
    return elementwise("atan", x)


def erf(x: Operand) -> Tensor:
    """The error function: 2/√π times the integral of e^-t² for t from 0 to x."""
    return elementwise("erf", x)


def sinh(x: Operand) -> Tensor:
    """The hyperbolic sine (eˣ - e⁻ˣ) / 2, for every x."""
    return elementwise("sinh", x)


def cosh(x: Operand) -> Tensor:
    """The hyperbolic cosine (eˣ + e⁻ˣ) / 2, at least 1, for every x."""
    return elementwise("cosh", x)


def tanh(x: Operand) -> Tensor:
    """The hyperbolic tangent sinh x / cosh x, in [-1, 1]."""
    return elementwise("tanh", x)


def logcosh(x: Operand) -> Tensor:
    """log(cosh x), for every x: about x²/2 near 0, and |x| - log 2 far from it, without overflow in between."""
    return elementwise("logcosh", x)


def sigmoid(x: Operand) -> Tensor:
    """The logistic function 1 / (1 + e⁻ˣ), in [0, 1], for every x."""
    return elementwise("sigmoid", x)


def softplus(x: Operand) -> Tensor:
    """log(1 + eˣ), for every x: a smooth relu."""
    return elementwise("softplus", x)


def relu(x: Operand) -> Tensor:
    """max(x, 0). Its derivative at 0 is what `ss.grad` says of kinks."""
    return elementwise("relu", x)


def leaky_relu(x: Operand, slope: Operand = "0.01") -> Tensor:
    """x where x > 0, else slope x. The default slope is PyTorch's, as the exact decimal."""
    return elementwise("leaky_relu", x, slope)


def heaviside(x: Operand) -> Tensor:
    """1 where x > 0, else 0: the derivative of relu, by convention 0 at 0. Over a box that contains 0 and positive
    numbers it is [0, 1].
    """
    return elementwise("heaviside", x)


def sign(x: Operand) -> Tensor:
    """-1, 0 or 1, as x is negative, zero or positive. Over a box it is the hull of those that occur."""
    return elementwise("sign", x)


def abs(x: Operand) -> Tensor:
    """The absolute value |x|."""
    return elementwise("abs", x)


def maximum(x: Operand, y: Operand) -> Tensor:
    """The larger of x and y; for floats NaN if either is."""
    return elementwise("maximum", x, y)


def minimum(x: Operand, y: Operand) -> Tensor:
    """The smaller of x and y; for floats NaN if either is."""
    return elementwise("minimum", x, y)


def clip(x: Operand, lower: Operand, upper: Operand) -> Tensor:
    """min(max(x, lower), upper): x moved into [lower, upper], and `upper` where `lower` exceeds it."""
    return elementwise("clip", x, lower, upper)


# ---- steps ----------------------------------------------------------------------------------------------------------


def floor(x: Operand) -> Tensor:
    """The greatest integer that is at most x. Over a box it goes from that of the lower end to that of the upper one.
    Its derivative is 0 but at the integers, where it jumps.
    """
    return elementwise("floor", x)


def ceil(x: Operand) -> Tensor:
    """The least integer that is at least x; as `floor` for boxes and derivatives."""
    return elementwise("ceil", x)


def trunc(x: Operand) -> Tensor:
    """The integer next to x towards 0; as `floor`, but that it does not jump at 0."""
    return elementwise("trunc", x)


def round(x: Operand) -> Tensor:
    """The integer nearest to x, the even one of two that are as near: 2 for 5/2. It jumps between two integers."""
    return elementwise("round", x)


def remainder(x: Operand, y: Operand) -> Tensor:
    """x - y ⌊x / y⌋, the remainder with the sign of the divisor y, as Python's `%` and NumPy have it. y = 0 raises
    DivisionByZero (floats: NaN).
    """
    return elementwise("remainder", x, y)


def copysign(x: Operand, y: Operand) -> Tensor:
    """|x| with the sign of y. 0 counts as positive; the -0 of floats, which is no other real number, as negative."""
    return elementwise("copysign", x, y)


# ---- activations ----------------------------------------------------------------------------------------------------


def elu(x: Operand, alpha: Operand = 1) -> Tensor:
    """x where x > 0, else alpha (eˣ - 1), for every x. PyTorch: `F.elu`. Clevert et al. 2016.

    alpha: a number, or a tensor that goes with x. For 1 alone it has a derivative at 0; else that is what `ss.grad`
    says of ties.
    """
    if isinstance(alpha, int) and alpha == 1:
        return elementwise("elu", x)
    return add(relu(x), multiply(expm1(minimum(x, 0)), alpha))


def silu(x: Operand) -> Tensor:
    """x σ(x), σ being the logistic function, for every x; called swish, too. Its minimum is -0.2785, near -1.2785, and
    over a box it is the exact range. PyTorch: `F.silu`. Elfwing et al. 2018.
    """
    return elementwise("silu", x)


def gelu(x: Operand, approximate: str = "none") -> Tensor:
    """x Φ(x), Φ being the standard normal distribution function, for every x. Its minimum is -0.17, near -0.7518.

    approximate: "none", or "tanh" for x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2; ArgumentError for another word.
    PyTorch: `F.gelu`. Hendrycks & Gimpel 2016.

        ss.gelu(ss.context("interval").box(-1, 1))    # [-0.17, 0.8413...]
    """
    operation = {"none": "gelu", "tanh": "gelu_tanh"}.get(approximate)
    if operation is None:
        raise ArgumentError(f"approximate: expected 'none' or 'tanh', got {approximate!r}")
    return elementwise(operation, x)


def gelu_tanh(x: Operand) -> Tensor:
    """`gelu` of x in its approximation by tanh, as an operation of its own."""
    return elementwise("gelu_tanh", x)


def mish(x: Operand) -> Tensor:
    """x tanh(log(1 + eˣ)), for every x. Its minimum is -0.3088, near -1.1924. PyTorch: `F.mish`. Misra 2019."""
    return elementwise("mish", x)


def hardswish(x: Operand) -> Tensor:
    """x relu6(x + 3) / 6: 0 up to -3, x from 3 on. Its minimum is -3/8, at -3/2. PyTorch: `F.hardswish`. Howard et al.
    2019.
    """
    return elementwise("hardswish", x)


def softsign(x: Operand) -> Tensor:
    """x / (1 + |x|), in (-1, 1). PyTorch: `F.softsign`."""
    return elementwise("softsign", x)


# ---- the normal distribution ----------------------------------------------------------------------------------------


def erfc(x: Operand) -> Tensor:
    """1 - erf(x), for every x, with the digits that this loses where erf(x) is near 1."""
    return elementwise("erfc", x)


def log_ndtr(x: Operand) -> Tensor:
    """log Φ(x), Φ being the standard normal distribution function, for every x, with all digits in both tails.
    PyTorch: `torch.special.log_ndtr`.
    """
    return elementwise("log_ndtr", x)


def lgamma(x: Operand) -> Tensor:
    """log Γ(x), for x > 0. DomainError elsewhere (floats: log |Γ(x)|, inf at the poles 0, -1, -2, ...). Its minimum is
    -0.1215, near 1.4616.
    """
    return elementwise("lgamma", x)


def digamma(x: Operand) -> Tensor:
    """Γ′(x) / Γ(x), the derivative of log Γ, for x > 0. DomainError elsewhere (floats: by reflection for x < 0, -inf at
    0, NaN at -1, -2, ...). It has no derivative here: NotSupported.
    """
    return elementwise("digamma", x)


# ---- roots, logarithms and inverse functions ------------------------------------------------------------------------


def cbrt(x: Operand) -> Tensor:
    """The real number whose cube is x, for every x. Its slope at 0 is infinite."""
    return elementwise("cbrt", x)


def hypot(x: Operand, y: Operand) -> Tensor:
    """√(x² + y²) for numbers x and y, of which nothing overflows in between."""
    return elementwise("hypot", x, y)


def log2(x: Operand) -> Tensor:
    """The logarithm to the base 2, for x > 0. DomainError elsewhere (floats: -inf at 0, NaN below)."""
    return elementwise("log2", x)


def log10(x: Operand) -> Tensor:
    """The logarithm to the base 10, for x > 0. DomainError elsewhere (floats: -inf at 0, NaN below)."""
    return elementwise("log10", x)


def asin(x: Operand) -> Tensor:
    """The angle in [-π/2, π/2], in radians, whose sine is x, for -1 <= x <= 1. DomainError elsewhere (floats: NaN)."""
    return elementwise("asin", x)


def acos(x: Operand) -> Tensor:
    """The angle in [0, π], in radians, whose cosine is x, for -1 <= x <= 1. DomainError elsewhere (floats: NaN)."""
    return elementwise("acos", x)


def atan2(y: Operand, x: Operand) -> Tensor:
    """The angle of the point (x, y), in radians, in [-π, π]; note the order of the arguments. At the origin there is
    none: DivisionByZero (floats: 0 or ±π, as IEEE 754 has it). It jumps where y = 0 and x < 0.
    """
    return elementwise("atan2", y, x)


def asinh(x: Operand) -> Tensor:
    """The number whose hyperbolic sine is x, for every x."""
    return elementwise("asinh", x)


def acosh(x: Operand) -> Tensor:
    """The number >= 0 whose hyperbolic cosine is x, for x >= 1. DomainError elsewhere (floats: NaN)."""
    return elementwise("acosh", x)


def atanh(x: Operand) -> Tensor:
    """The number whose hyperbolic tangent is x, for -1 < x < 1. DomainError elsewhere (floats: ±inf at ±1, else
    NaN).
    """
    return elementwise("atanh", x)


def pi(context: Context[Any]) -> Tensor:
    """π as a tensor of shape (), in a context. NotExact where that is rational."""
    return Tensor.from_scalars(context, boxed(context.pi()))
