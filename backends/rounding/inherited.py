"""What the errors of the operands come to in the result: bounds on |f(x̂) - f(x)|.

Smooth operations by the mean value theorem, operand by operand: |f(x̂) - f(x)| <= Σ_i |∂f/∂x_i| |x̂_i - x_i|, the
derivatives taken over `wide`, which holds the segment between the real values and the floats. Where a theorem says
less, or more simply, an operation has a rule of its own here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from scalarspec.backends.rounding.classes import refuse
from scalarspec.backends.rounding.model import Call
from scalarspec.backends.rounding.tracked import Array, Tracked, ends, error_or_zeros, magnitude
from scalarspec.core import functions as f
from scalarspec.core.operations import OPERATIONS, stated
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Tensor
from scalarspec.tracing.vjp_rules import RULES

Parts = list[Tensor]
"""Errors that count together; none where all are 0."""
Inherit = Callable[[Call], Parts]


def of_smooth(call: Call) -> Parts:
    """By the derivative, of an operation that has one everywhere: across a jump it would tell nothing."""
    if stated(call.operation, "kinks", "tolerance") != "nowhere":
        refuse(call.operation, "what it makes of errors in its operands at kinks")
    return by_derivative(call)


def by_derivative(call: Call) -> Parts:
    """By the mean value theorem, for what is continuous. The rules of reverse mode are derivatives of scalar operations
    only.
    """
    operation = call.operation
    if operation not in RULES or not OPERATIONS[operation].scalar:
        refuse(operation, "what it makes of errors in its operands")
    wide = [x.wide for x in call.operands]
    one = f.broadcast_to(call.model.inner.tensor(1), call.shape)
    partial_derivatives = RULES[operation](one, call.applied(*wide), *wide)
    return [
        f.abs(derivative()) * x.error
        for derivative, x in zip(partial_derivatives, call.operands, strict=True)
        if x.error is not None and derivative is not None
    ]


def of_infinities(call: Call) -> Parts:
    """Infinite errors where an operand has one, whatever it is multiplied with: 0 times a float that may be infinite,
    or NaN, may be NaN. Only of a branch that is not taken nothing is left.
    """
    unknown = [None if x.error is None else np.isinf(sup(x.error)) for x in call.operands]
    if OPERATIONS[call.operation].kind == "choice" or not any(np.any(each) for each in unknown if each is not None):
        return []
    spread = np.broadcast_to(_spread(call, unknown), call.shape)
    return _present(call.model.bounded(np.where(spread, np.inf, 0.0)))


def without_infinities(call: Call) -> Call:
    """The call as if what is unknown of its operands had no error: for the elements that are not made of it."""

    def known(x: Tracked) -> Tracked:
        if x.error is None or not np.any(np.isinf(sup(x.error))):
            return x
        return Tracked(x.real, call.model.bounded(np.where(np.isinf(x.bound), 0.0, x.bound)), None, x.non_negative)

    return Call(call.model, call.operation, tuple(map(known, call.operands)), call.parameters)


def _spread(call: Call, unknown: list[Array | None]) -> Array:
    """Which elements of the result are made of unknown elements of the operands."""
    line, found = OPERATIONS[call.operation], [each for each in unknown if each is not None]
    if line.scalar:
        return np.asarray(functools.reduce(np.logical_or, found))
    if line.kind == "reduction" and (line.shape is None or line.graph != "linear"):
        whole, keeps = np.broadcast_to(found[0], call.operands[0].shape), line.shape is not None
        return np.asarray(np.any(whole, axis=call.parameters["axis"], keepdims=keeps))
    if line.graph not in ("linear", "bilinear"):
        return np.asarray(True)
    return np.asarray(sum(_count(call, i, each) for i, each in enumerate(unknown) if each is not None) > 1 / 2)


def _count(call: Call, i: int, unknown: Array) -> Array:
    """How many unknown elements of an operand each element is made of, rounded up by little."""
    tensor, shapes = call.model.inner.tensor, [x.shape for x in call.operands]
    beside = 0.0 if OPERATIONS[call.operation].graph == "linear" else 1.0
    numbers = [tensor(np.full(shape, beside)) for shape in shapes]
    numbers[i] = tensor(np.broadcast_to(unknown, shapes[i]).astype(np.float64))
    return sup(call.applied(*numbers))


def nothing(call: Call) -> Parts:
    """The operation is constant but for its steps."""
    return []


def as_they_are(call: Call) -> Parts:
    """Each operand's error: |x̂ ± ŷ - (x ± y)| is at most their sum, and that of a clip the greatest of them."""
    errors = [x.error for x in call.operands if x.error is not None]
    return [e if e.shape == call.shape else f.broadcast_to(e, call.shape) for e in errors]


def of_distance(call: Call) -> Parts:
    """Each operand's error times |x| / √(x² + y²), which is at most 1, also where the root is 0."""
    least = np.broadcast_to(inf(call.applied(*(x.wide for x in call.operands))), call.shape)
    parts = []
    for x in call.operands:
        steep = np.divide(magnitude(x.wide) * (1 + 2.0**-50), least, out=np.ones(call.shape), where=least > 0)
        weight = call.model.bounded(np.minimum(steep, 1.0))
        if x.error is not None and weight is not None:
            parts.append(weight * x.error)
    return parts


def of_factors(call: Call) -> Parts:
    """|âb̂ - ab| <= |â - a| |b'| + |a'| |b̂ - b|, a' and b' between, as `by_derivative` has it, with less to work out."""
    a, b = call.operands
    of_a = None if a.error is None else f.abs(b.wide) * a.error
    of_b = None if b.error is None else f.abs(a.wide) * b.error
    return [*_present(of_a), *_present(of_b)]


def in_its_place(call: Call) -> Parts:
    """Errors move as the values do."""
    return [call.applied(*map(error_or_zeros, call.operands))]


def of_branches(call: Call) -> Parts:
    """The error of the branch that is taken; of either, where the truth is undecided."""
    p, x, y = call.operands
    return [f.where(p.truth, error_or_zeros(x), error_or_zeros(y))]


def of_sqrt(call: Call) -> Parts:
    """By the derivative, or where that is not bounded by the square root's concavity; below 0 a float is NaN.

    1. |√x̂ - √x| <= e / (2 √l) for x, x̂ >= l > 0 and |x̂ - x| <= e.
    2. |√x̂ - √x| <= √|x̂ - x| <= √e for x, x̂ >= 0: √(a + b) <= √a + √b.
    """
    (x,) = call.operands
    inner, low, error = call.model.inner, inf(x.wide), error_or_zeros(x)
    slope = sup(error / (2 * f.sqrt(inner.tensor(np.where(low > 0, low, 1.0)))))
    near = sup(f.sqrt(inner.box(np.zeros(x.shape), sup(error))))
    bound = np.where(low > 0, np.minimum(slope, near), np.where(low == 0, near, np.inf))
    return _present(call.model.bounded(bound))


def linearly(call: Call) -> Parts:
    """|Σ x̂ - Σ x| <= Σ |x̂ - x|, and so for all that adds elements, and for the mean."""
    return [call.applied(error_or_zeros(call.operands[0]))]


def of_mean_square(call: Call) -> Parts:
    """|x̂² - x²| <= 2 |ξ| |x̂ - x| for some ξ between them."""
    (x,) = call.operands
    return [call.model.applied("mean", 2 * f.abs(x.wide) * error_or_zeros(x), **call.parameters)]


def of_extreme(call: Call) -> Parts:
    """The error of each operand that may be the extreme one, of which the greatest counts.

    For i the place of the largest of x̂, and j that of x, x̂_i - x_j <= x̂_i - x_i, and x̂_i - x_j >= x̂_j - x_j. Neither is
    below any other number: no upper end of theirs is below any lower end.
    """
    lows, highs = zip(*(_rising(call, x) for x in call.operands), strict=True)
    least = functools.reduce(np.maximum, lows)
    bounds = [np.where(high >= least, x.bound, 0.0) for x, high in zip(call.operands, highs, strict=True)]
    return [part for bound in bounds for part in _present(call.model.bounded(bound))]


def of_extreme_along(call: Call) -> Parts:
    """Likewise, along the axes."""
    low, high = _rising(call, call.operands[0])
    least = np.max(low, axis=call.parameters["axis"], keepdims=True)
    return _greatest_along(call, np.where(high >= least, call.operands[0].bound, 0.0))


def _rising(call: Call, x: Tracked) -> tuple[Array, Array]:
    """The ends of an operand of a maximum; of a minimum, which is minus a maximum, those of minus it."""
    low, high = ends(x.wide)
    return (-high, -low) if call.operation in ("minimum", "min") else (low, high)


def of_logsumexp(call: Call) -> Parts:
    """The greatest error: the derivatives, the weights of the softmax, are positive and sum to 1."""
    return _greatest_along(call, call.operands[0].bound)


def _greatest_along(call: Call, bound: Array) -> Parts:
    return _present(call.model.bounded(np.max(bound, axis=call.parameters["axis"], initial=0.0)))


def of_softmax(call: Call) -> Parts:
    """By the mean value theorem, whatever the size of the errors e: ∂s_i / ∂x_j is s_i (1 - s_i) for j = i, and else
    -s_i s_j. No two shares are further apart than 1.
    """
    share = call.applied(call.operands[0].wide)
    return [f.minimum(share * _of_logarithm(call, share), 1)]


def of_log_softmax(call: Call) -> Parts:
    """Likewise: ∂(log s_i) / ∂x_j is 1 - s_i for j = i, and else -s_j."""
    axis = call.parameters["axis"]
    return [_of_logarithm(call, call.model.applied("softmax", call.operands[0].wide, axis=axis, mask=None))]


def _of_logarithm(call: Call, share: Tensor) -> Tensor:
    """(1 - s_i) e_i + Σ s_j e_j over the others, of which the sum is at most (1 - s_i) max e_j."""
    errors, axis, tensor = call.operands[0].bound, call.parameters["axis"], call.model.inner.tensor
    counting, error = np.where(sup(share) > 0, errors, 0.0), tensor(errors)
    greatest = tensor(np.max(counting, axis=axis, keepdims=True, initial=0.0))
    others = f.relu(f.sum(share * error, axis, keepdims=True) - share * error)
    return (1 - share) * error + f.minimum(others, (1 - share) * greatest)


def of_matmul(call: Call) -> Parts:
    """By both factors."""
    return _of_product(*call.operands)


def of_affine(call: Call) -> Parts:
    """By weight, x and bias."""
    weight, x, bias = call.operands
    return [*_of_product(weight, x), *_present(bias.error)]


def of_affine_rows(call: Call) -> Parts:
    """By weight, rows and bias."""
    weight, x, bias = call.operands
    bias_error = None if bias.error is None else f.broadcast_to(bias.error, call.shape)
    return [*reversed(_of_product(x, weight.mapped(f.matrix_transpose))), *_present(bias_error)]


def _of_product(a: Tracked, b: Tracked) -> Parts:
    """|Â B̂ - A B| <= |Â - A| |B'| + |A'| |B̂ - B|, A' and B' between: the mean value theorem for each entry."""
    by_a = None if a.error is None else f.matmul(a.error, f.abs(b.wide))
    by_b = None if b.error is None else f.matmul(f.abs(a.wide), b.error)
    return [*_present(by_a), *_present(by_b)]


def _present(error: Tensor | None) -> Parts:
    return [] if error is None else [error]


INHERITED: dict[str, Inherit] = {
    "add": as_they_are,
    "subtract": as_they_are,
    "multiply": of_factors,
    "negative": as_they_are,
    "abs": by_derivative,
    "relu": by_derivative,
    "leaky_relu": by_derivative,
    "maximum": of_extreme,
    "minimum": of_extreme,
    "hypot": of_distance,
    "clip": as_they_are,
    "where": of_branches,
    "sqrt": of_sqrt,
    "sum": linearly,
    "mean": linearly,
    "mean_square": of_mean_square,
    "cumulative_sum": linearly,
    "fold": linearly,
    "logsumexp": of_logsumexp,
    "max": of_extreme_along,
    "min": of_extreme_along,
    "softmax": of_softmax,
    "log_softmax": of_log_softmax,
    "matmul": of_matmul,
    "affine": of_affine,
    "affine_rows": of_affine_rows,
}
"""operation -> rule, where its class has none, or a weaker one. What only moves elements needs none.

Other exact operations need an entry: a float computes a floor exactly, whose derivative is 0 and whose steps are 1.
"""
