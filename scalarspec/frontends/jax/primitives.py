"""The table: each primitive of JAX, and what it is in functions of ours, or why it is refused.

A rule is handed the equation and the values that go in, and gives the value, or the values, that come out. It means
exactly the real function that the primitive stands for; what JAX rounds on the way is no part of it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core import choices
from scalarspec.core import elementwise as ours
from scalarspec.core.callers import differentiating
from scalarspec.core.choices import equal, greater, greater_equal, less, less_equal, logical_xor, not_equal
from scalarspec.core.exponentials import logaddexp
from scalarspec.core.reductions import log_softmax, logsumexp, softmax
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.frontends.jax.control import CONTROL
from scalarspec.frontends.jax.known import bits_of, converted, is_known, is_width, to_even
from scalarspec.frontends.jax.structure import STRUCTURE
from scalarspec.frontends.jax.sums import REDUCTIONS
from scalarspec.frontends.jax.values import At, Value, reshaped

Rule = Callable[..., Any]


# ---- of single elements ----------------------------------------------------------------------------------------------


def elementwise(function: Callable[..., Tensor]) -> Rule:
    """The rule of a function of ours on each element. A constant that fills an array is one number."""

    def rule(at: At, *values: Value) -> Tensor:
        full = [value for value in values if not is_known(value)]
        return function(*(at.tensor(_number(value) if full else value) for value in values))

    return rule


def _number(value: Value) -> Value:
    """The one number that fills a known array; any other value as it is."""
    if is_known(value) and value.size > 1 and bool((value == value.flat[0]).all()):
        return value.flat[0:1].reshape(())
    return value


def extreme(function: Callable[..., Tensor], connective: Callable[..., Truth]) -> Rule:
    """The rule of the larger, or the smaller, of two."""

    def rule(at: At, x: Value, y: Value) -> Value:
        if at.kind.dtype == "bool":
            return connective(at.truth(x), at.truth(y))
        return elementwise(function)(at, x, y)

    return rule


def truncated(at: At, x: Value, y: Value) -> Tensor:
    """x / y; of integers without its fraction."""
    found = elementwise(ours.divide)(at, x, y)
    return ours.trunc(found) if is_width(at.kind.dtype, "iu") else found


def remainder(at: At, x: Value, y: Value) -> Tensor:
    """x - y trunc(x / y): the remainder with the sign of x, where `ss.remainder` has that of y."""
    s, t = at.tensor(x), at.tensor(_number(y))
    return s - t * ours.trunc(s / t)


def rounded(at: At, x: Value) -> Tensor:
    """The nearest integer; of two, the even one, or the one away from zero."""
    t = at.tensor(x)
    if to_even(at["rounding_method"]):
        return ours.round(t)
    return ours.sign(t) * ours.floor(ours.abs(t) + Fraction(1, 2))


def integer_power(at: At, x: Value) -> Tensor:
    """x to the power of an integer."""
    t, y = at.tensor(x), at["y"]
    return ours.square(t) if y == 2 else ours.pow(t, y)


def converting(at: At, x: Value) -> Value:
    """The same numbers in another type of JAX's: what is no other number. Rounding is refused."""
    come, go = at.equation.taken[0].dtype, at.kind.dtype
    if go == "bool":
        return x if isinstance(x, Truth) else not_equal(at.tensor(x), 0)
    if is_known(x):
        found = converted(x, go)
        if found is not None:
            return found
    elif is_width(come, "f") and is_width(go, "iu"):
        return at.indices(x).astype(go)
    narrow = is_width(come, "f") and is_width(go, "f") and come != go and bits_of(go) <= bits_of(come)
    if narrow:
        at.refuse(f"{come} to {go} rounds, and real numbers have no such step: keep one type, float64 for instance")
    return at.tensor(x)


def is_finite(at: At, x: Value) -> Value:
    """Are they numbers? Real numbers are; of floats it is seen."""
    if not at.context.rounds:
        return np.ones(x.shape, dtype=bool)
    return less(ours.abs(at.tensor(x)), at.context.tensor(np.inf))


# ---- truths ----------------------------------------------------------------------------------------------------------


def comparing(function: Callable[..., Truth], itself: bool) -> Rule:
    """The rule of a comparison. itself: what it says of a real number and itself."""

    def rule(at: At, x: Value, y: Value) -> Value:
        if isinstance(x, Truth) or isinstance(y, Truth) or at.equation.taken[0].dtype == "bool":
            p, q = at.truth(x), at.truth(y)
            if function not in (equal, not_equal):
                at.refuse("an order of truths")
            return logical_xor(p, q) if function is not_equal else ~logical_xor(p, q)
        if at.same:
            return _of_itself(at, x, itself)
        found: Truth = function(*(at.tensor(_number(value)) for value in (x, y)))
        return found

    return rule


def _of_itself(at: At, x: Value, itself: bool) -> Value:
    """x compared with itself: NaN among floats is not equal to itself, and every other number is."""
    if not at.context.rounds:
        return np.full(at.kind.shape, itself)
    number = less_equal(ours.abs(at.tensor(x)), at.context.tensor(np.inf))
    return number if itself else ~number


def connecting(function: Callable[..., Truth]) -> Rule:
    """The rule of a connective; of bits of integers that are not known it is refused."""

    def rule(at: At, *values: Value) -> Truth:
        if at.kind.dtype != "bool":
            at.refuse("bits of integers that depend on the arguments; numbers here are real")
        return function(*map(at.truth, values))

    return rule


# ---- the table -------------------------------------------------------------------------------------------------------


def unchanged(at: At, x: Value) -> Value:
    """x itself."""
    return x


def stopped(at: At, x: Value) -> Value:
    """x itself, of which JAX takes another derivative. Raises NotSupported where one is being taken."""
    if differentiating() and not is_known(x):
        at.refuse("its derivative is another one than that of its value: ss.from_jax(jax.grad(f), *examples) has JAX's")
    return x


def several(at: At, *values: Value) -> list[Value]:
    """The values themselves."""
    return list(values)


def platform(at: At) -> Value:
    """Which of several programs for one function is meant: that for processors, or the default, which comes last."""
    names = at["platforms"]
    own = next((i for i, each in enumerate(names) if each is not None and "cpu" in each), len(names) - 1)
    return np.asarray(own, dtype=at.kind.dtype)


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "add": ours.add,
    "add_any": ours.add,
    "sub": ours.subtract,
    "mul": ours.multiply,
    "neg": ours.negative,
    "abs": ours.abs,
    "sign": ours.sign,
    "pow": ours.pow,
    "sqrt": ours.sqrt,
    "rsqrt": lambda x: ours.reciprocal(ours.sqrt(x)),
    "cbrt": ours.cbrt,
    "square": ours.square,
    "exp": ours.exp,
    "exp2": lambda x: ours.pow(2, x),
    "expm1": ours.expm1,
    "log": ours.log,
    "log1p": ours.log1p,
    "sin": ours.sin,
    "cos": ours.cos,
    "tan": ours.tan,
    "asin": ours.asin,
    "acos": ours.acos,
    "atan": ours.atan,
    "atan2": ours.atan2,
    "sinh": ours.sinh,
    "cosh": ours.cosh,
    "tanh": ours.tanh,
    "asinh": ours.asinh,
    "acosh": ours.acosh,
    "atanh": ours.atanh,
    "logistic": ours.sigmoid,
    "erf": ours.erf,
    "erfc": ours.erfc,
    "lgamma": ours.lgamma,
    "digamma": ours.digamma,
    "floor": ours.floor,
    "ceil": ours.ceil,
    "clamp": lambda low, x, high: ours.clip(x, low, high),
    "relu": lambda x, zero: ours.relu(x),
    "silu": lambda x: ours.silu(x),
    "logaddexp": logaddexp,
    "softplus": ours.softplus,
}
"""By primitive: the function of ours on each element. Those that JAX has not are made by `jax_patterns`."""

RULES: dict[str, Rule] = {
    **{name: elementwise(function) for name, function in FUNCTIONS.items()},
    **STRUCTURE,
    **REDUCTIONS,
    **CONTROL,
    "div": truncated,
    "rem": remainder,
    "round": rounded,
    "integer_pow": integer_power,
    "max": extreme(ours.maximum, choices.logical_or),
    "min": extreme(ours.minimum, choices.logical_and),
    "convert_element_type": converting,
    "is_finite": is_finite,
    "eq": comparing(equal, True),
    "ne": comparing(not_equal, False),
    "lt": comparing(less, False),
    "le": comparing(less_equal, True),
    "gt": comparing(greater, False),
    "ge": comparing(greater_equal, True),
    "lt_to": comparing(less, False),
    "le_to": comparing(less_equal, True),
    "eq_to": comparing(equal, True),
    "and": connecting(choices.logical_and),
    "or": connecting(choices.logical_or),
    "xor": connecting(choices.logical_xor),
    "not": connecting(choices.logical_not),
    **dict.fromkeys(("shift_left", "shift_right_arithmetic", "shift_right_logical"), connecting(choices.logical_and)),
    "copy": unchanged,
    "name": unchanged,
    "sharding_constraint": unchanged,
    "device_put": several,
    "stop_gradient": stopped,
    "own_derivative": stopped,
    "optimization_barrier": several,
    "platform_index": platform,
    "softmax": lambda at, x: softmax(at.tensor(x), at["axis"]),
    "log_softmax": lambda at, x: log_softmax(at.tensor(x), at["axis"]),
    "logsumexp": lambda at, x: reshaped(logsumexp(at.tensor(x), tuple(at["axes"])), at.kind.shape),
}
"""By primitive: its rule. Only `select_n` has none: which of its branches are evaluated is the walk's affair."""

REFUSED: dict[str, str] = {
    name: why
    for names, why in (
        (
            "random_seed random_wrap random_unwrap random_bits random_split random_fold_in random_gamma random_clone "
            "threefry2x32 threefry4x32 philox2x32 philox4x32 rng_uniform rng_bit_generator",
            "random numbers are no function of the arguments: pass the noise as an argument",
        ),
        ("reduce_precision approx_top_k", "it rounds, or is near, and real numbers have no such step"),
        (
            "nextafter bitcast_convert_type population_count clz reduce_xor",
            "it looks at bits, and real numbers have none",
        ),
        (
            "cholesky lu qr svd eig eigh schur householder_product geqrf triangular_solve custom_linear_solve "
            "tridiagonal_solve lu_pivots_to_permutation hessenberg tridiagonal",
            "a factorization, which is not among the functions here: pass the factors as arguments, or write it out",
        ),
        (
            "erf_inv igamma igammac igamma_grad_a regularized_incomplete_beta bessel_i0e bessel_i1e polygamma zeta",
            "a function that has no counterpart here",
        ),
        (
            "select_and_scatter_add select_and_scatter select_and_gather_add",
            "a derivative of windows: take `ss.grad` of the function",
        ),
        ("fft complex real imag conj", "complex numbers; numbers here are real"),
        (
            "psum pmax pmin all_gather all_to_all ppermute axis_index shard_map reduce_scatter",
            "it is of several devices: give the function for one of them",
        ),
        ("pure_callback io_callback debug_callback pallas_call ffi_call", "code that no trace shows"),
    )
    for name in names.split()
}
"""By primitive: why it is refused, and what to do."""
