"""What an operation adds itself: bounds on |f̂(z) - f(z)| for floats z, where f(z) lies in `exact`.

exact    the results of f on all floats that the operands may be, and on the real values, without a rounding
u, λ     the unit roundoff and half the least subnormal number; ulps of the format
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from scalarspec.backends.rounding import sums
from scalarspec.backends.rounding.exponentials import of_log_softmax, of_logsumexp, of_softmax
from scalarspec.backends.rounding.model import Call
from scalarspec.backends.rounding.tracked import Tracked, is_point, magnitude, width
from scalarspec.core import functions as f
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Tensor

Local = Callable[[Call, Tensor], Tensor | None]
"""(call, exact) -> the bound, None where it is 0."""


def nothing(call: Call, exact: Tensor) -> Tensor | None:
    """The result is a float as it stands."""
    return None


def turned_step(call: Call, exact: Tensor) -> Tensor | None:
    """All that the step can be around a value that rounding may move across it."""
    if all(x.error is None for x in call.operands):
        return None
    return width(call.applied(*(x.wide for x in call.operands)))


def turned_branch(call: Call, exact: Tensor) -> Tensor | None:
    """The distance between the branches, where rounding may turn the truth; 0 where it is decided."""
    p, x, y = call.operands
    if not p.rounded:
        return None
    first = f.where(p.truth, 1, 0)
    return first * (1 - first) * f.abs(x.wide - y.wide)


def rounded_once(call: Call, exact: Tensor) -> Tensor | None:
    """Half an ulp of the result; less where it is known better.

    1. |fl(z) - z| <= ulp(z) / 2, which grows with |z|.
    2. A factor or divisor ±2^k only changes the exponent: what is lost is lost among the subnormal numbers, at most λ.
    3. Where z is one known number, |fl(z) - z| is known.
    """
    form = call.model.form
    errors = form.half_ulp(magnitude(exact))
    if _only_shifts(call):
        errors = np.where(np.isfinite(errors), np.minimum(errors, float(form.ulp(Fraction(0)))), errors)
    if is_point(exact):
        errors = np.minimum(errors, form.rounding_errors(inf(exact)))
    return call.model.bounded(errors)


def _only_shifts(call: Call) -> bool:
    """Is this a product with powers of two, or a quotient by them?"""
    if call.operation == "multiply":
        return any(map(_is_power_of_two, call.operands))
    return call.operation == "divide" and _is_power_of_two(call.operands[1])


def _is_power_of_two(x: Tracked) -> bool:
    """Is each element a power of two, up to its sign, in the real values and in floats?"""
    return x.error is None and is_point(x.real) and bool((np.abs(np.frexp(inf(x.real))[0]) == 0.5).all())


def within_libm(call: Call, exact: Tensor) -> Tensor | None:
    """As many ulps as the library promises, of the size that the result has at most: at a power of two the smaller."""
    half_ulp = call.model.half_ulp(exact)
    return None if half_ulp is None else 2 * call.model.libm * half_ulp


# ---- formulas of other operations -----------------------------------------------------------------------------------

Term = Callable[[Call, Tensor], Any]
"""What a formula loses beside factors 1 + δ: a tensor, or a number."""


def by_formula(call: Call, exact: Tensor, calls: int, term: Term) -> Tensor | None:
    """((1 + u)^(2 k libm + 6) - 1) |f| and a term, for a formula with k library calls one after the other.

    1. A library function is right within libm ulps, that is by a factor (1 + δ)^(2 libm): an ulp is at most 2u |f|.
    2. Each addition, product, division of the formula gives one factor 1 + δ more; no formula here has more than 6.
    3. Errors are not enlarged on the way: only sums of non-negative terms, products, reciprocals, and log1p of a
       t >= 0, whose condition number t / ((1 + t) log(1 + t)) is at most 1. The `term` is for what is otherwise.
    4. A logcosh may also be |x| + log1p(t) - log 2 with t = e^-2|x|, from |x| = 1 on, where it is at least 0.43 and t
       below 0.14: off by u (4 libm t + 2 libm log 2 + |x| + t + logcosh x) <= u (5 libm + 4) logcosh x.
    5. Where f is 0 for certain, so is the float: each of the formulas gives 0 at 0.
    """
    model = call.model
    if not np.any(magnitude(exact)):
        return None
    relative = model.growth(2 * calls * model.libm + 6) - 1
    bound: Tensor = f.abs(exact) * relative + term(call, exact)
    return bound


def underflow(call: Call, exact: Tensor) -> Fraction:
    """Where e^-x overflows or e^x underflows, what is lost is below the least normal number."""
    return call.model.form.least_normal


def saturation(call: Call, exact: Tensor) -> Any:
    """The same; but in a format without infinities, of which the reciprocal is 0, an e^-x that overflows is NaN, and so
    is what follows.
    """
    model, lost = call.model, underflow(call, exact)
    if model.form.infinities:
        return lost
    power = 1 + f.exp(-call.operands[0].wide) * model.growth(2 * model.libm + 2)
    beyond = sup(power) > float(model.form.largest)
    return model.inner.box(np.zeros(call.shape), np.where(beyond, np.inf, float(lost)))


def cancellation(call: Call, exact: Tensor) -> Tensor:
    """Of e^x - 1 - x as it stands, in absolute terms; infinite where e^x may leave the format's range.

    1. e^x is off by 2 libm u e^x, e^x - 1 by as much, or by 2 libm u |e^x - 1| of its own, and u |e^x - 1| more.
    2. The last difference is rounded once: u |e^x - 1 - x|, and its operands' errors remain whole.
    3. Below 1/4 in size a series may be used instead, within 10 u of e^x - 1 - x, which is below 1/25 there: less than
       u e^x.
    """
    model, x = call.model, call.operands[0].wide
    power, change = f.exp(x), f.abs(f.expm1(x))
    bound: Tensor = model.unit * ((2 * model.libm + 1) * (power + change) + change + f.abs(exact))
    beyond = sup(power) > float(model.form.largest)
    return model.inner.box(np.zeros(call.shape), np.where(beyond, np.inf, sup(bound))) if np.any(beyond) else bound


def of_gelu(call: Call, exact: Tensor) -> Tensor | None:
    """|x| (libm + 4) u + 3 u |f|, and what underflows: of x (1 + erf t) / 2, and of x erfc(-t) / 2, for t = x / √2.

    1. t is off by 3u relatively, which counts 3u |t| 2/√π e^-t² <= 1.5 u in erf t and erfc(-t), in absolute terms.
    2. The library adds 2 libm u, the sum of the first form 2u: Φ(x) <= 1 is off by (libm + 2) u at most.
    3. Two products are rounded: 2u |f|. Where Φ(x) is small this is an absolute error: the first form cancels.
    """
    return _of_distribution(call, exact, 4)


def of_gelu_tanh(call: Call, exact: Tensor) -> Tensor | None:
    """|x| (libm + 6) u + 3 u |f|, and what underflows: of x (1 + tanh u) / 2 and of x σ(2u), u = √(2/π) (x + c x³).

    1. u is a sum of terms of one sign: off by 8u relatively, which counts 8u |u| sech² u <= 3.6 u in tanh u.
    2. From there on as for gelu. What overflows in x³ leaves tanh u = ±1; but NaN in a format without infinities.
    """
    bound, form = _of_distribution(call, exact, 6), call.model.form
    if bound is None or form.infinities:
        return bound
    x = call.operands[0].wide
    beyond = sup(f.abs(x) * (1 + f.square(x))) > float(form.largest)
    return call.model.bounded(np.where(beyond, np.inf, sup(bound)))


def _of_distribution(call: Call, exact: Tensor, more: int) -> Tensor | None:
    model, size = call.model, f.abs(call.operands[0].wide)
    if not np.any(magnitude(exact)):
        return None
    bound: Tensor = model.unit * (size * (model.libm + more) + 3 * f.abs(exact)) + underflow(call, exact)
    return bound


LOCAL: dict[str, Local] = {
    "where": turned_branch,
    "sum": sums.of_sum,
    "mean": sums.of_mean,
    "mean_square": sums.of_mean_square,
    "matmul": sums.of_matmul,
    "affine": sums.of_affine,
    "affine_rows": sums.of_affine_rows,
    "cumulative_sum": sums.of_many_sums,
    "fold": sums.of_many_sums,
    "logsumexp": of_logsumexp,
    "softmax": of_softmax,
    "log_softmax": of_log_softmax,
    "sigmoid": partial(by_formula, calls=1, term=saturation),  # 1 / (1 + e^-x)
    "gelu": of_gelu,
    "gelu_tanh": of_gelu_tanh,
    "softplus": partial(by_formula, calls=2, term=underflow),  # max(x, 0) + log1p(e^-|x|)
    "logcosh": partial(by_formula, calls=3, term=underflow),  # log1p(2 sinh²(x/2)), sinh twice in the square
    "expm1mx": partial(by_formula, calls=1, term=cancellation),  # a series near 0, within 10 u; else as it stands
}
"""operation -> rule, where its class has none."""


def is_positive(operation: str) -> bool:
    """Is the formula of a composed operation a sum, product or quotient of numbers that are not negative?"""
    rule = LOCAL.get(operation)
    return rule is of_softmax or (isinstance(rule, partial) and rule.keywords["term"] is not cancellation)
