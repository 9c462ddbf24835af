"""The vector-Jacobian product of each operation, with the conventions of PyTorch and JAX where it has no derivative.

A rule is handed the cotangent g of the result y, the result and the operands, and gives one function for each operand:
called, it gives that operand's cotangent. Rules are written in the functions that specs are written in, so that they
mean what these mean under every context. By convention relu′(0) = 0 and |x|′ = 0 at 0, at a tie each operand of a
maximum is handed half, and a step has derivative 0. `tracing.kinks` says what is done instead where a derivative must
be true.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any, Never

from scalarspec.core import functions as f
from scalarspec.core.applied import applied
from scalarspec.core.indexing import at_axis
from scalarspec.core.operations import check_complete, having
from scalarspec.core.padding import scattered
from scalarspec.core.shape import Shape, with_kept_axes
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.core.windows import kernel_of
from scalarspec.errors import NotSupported

Cotangent = Callable[[], Tensor] | None
"""What gives the cotangent of an operand when it is called, so that none is worked out for a constant; None for a
truth.
"""
RULES: dict[str, Callable[..., tuple[Cotangent, ...]]] = {
    "add": lambda g, y, a, b: (lambda: g, lambda: g),
    "subtract": lambda g, y, a, b: (lambda: g, lambda: -g),
    "multiply": lambda g, y, a, b: (lambda: g * b, lambda: g * a),
    "divide": lambda g, y, a, b: (lambda: g / b, lambda: -g * y / b),
    "hypot": lambda g, y, a, b: (lambda: g * a / y, lambda: g * b / y),
    "maximum": lambda g, y, a, b: (lambda: _larger(g, a, b), lambda: _larger(g, b, a)),
    "minimum": lambda g, y, a, b: (lambda: _larger(g, b, a), lambda: _larger(g, a, b)),
    "where": lambda g, y, p, a, b: (None, lambda: f.where(p, g, 0), lambda: f.where(p, 0, g)),
    "leaky_relu": lambda g, y, x, slope: (
        lambda: g * f.where(x > 0, 1, f.broadcast_to(slope, x.shape)),
        lambda: g * f.minimum(x, 0),
    ),
    "pow": lambda g, y, a, b: (lambda: g * b * _patched(a, b) ** (b - 1), lambda: g * y * f.log(_positive(a, b))),
    "tanh": lambda g, y, x: (lambda: _of_tanh(g, y, x),),
    "sum": lambda g, y, x, axis: (lambda: repeated_over(g, x, axis),),
    "mean": lambda g, y, x, axis, count: (lambda: repeated_over(g / max(count, 1), x, axis),),
    "mean_square": lambda g, y, x, axis, count: (lambda: repeated_over(2 * g / max(count, 1), x, axis) * x,),
    "logsumexp": lambda g, y, x, axis: (lambda: repeated_over(g, x, axis) * f.exp(x - repeated_over(y, x, axis)),),
    "max": lambda g, y, x, axis, counts: (lambda: _shared(g, y, x, axis),),
    "min": lambda g, y, x, axis, counts: (lambda: _shared(g, y, x, axis),),
    "softmax": lambda g, y, x, axis, mask: (lambda: y * (g - f.sum(g * y, axis, keepdims=True)),),
    "log_softmax": lambda g, y, x, axis: (lambda: g - f.exp(y) * f.sum(g, axis, keepdims=True),),
    "rms_norm": lambda g, y, x, eps, axis, count, shape: (
        lambda: (g - y * f.mean(g * y, axis, keepdims=True)) / _root_mean_square(x, eps, axis),
        lambda: -f.sum(g * y / (2 * f.square(_root_mean_square(x, eps, axis)))),
    ),
    "cumulative_sum": lambda g, y, x, axis: (lambda: f.flip(f.cumulative_sum(f.flip(g, axis), axis[0]), axis),),
    "fold": lambda g, y, x, stride, dilation, size: (
        lambda: applied("patches", g, kernel=kernel_of(x.shape, len(size)), stride=stride, dilation=dilation),
    ),
    "affine": lambda g, y, w, x, b: (lambda: f.outer(g, x), lambda: f.matmul(g, w), lambda: g),
    "affine_rows": lambda g, y, w, x, b, shape: (
        lambda: f.matmul(f.matrix_transpose(g), x),
        lambda: f.matmul(g, w),
        lambda: f.sum(g, axis=0),
    ),
    "matmul": lambda g, y, a, b: (lambda: _left(g, a, b), lambda: _right(g, a, b)),
    "getitem": lambda g, y, x, index: (lambda: scattered(g, x.shape, index),),
    "scatter": lambda g, y, x, index, shape: (lambda: g[index],),
    "reshape": lambda g, y, x, shape: (lambda: f.reshape(g, x.shape),),
    "matrix_transpose": lambda g, y, x: (lambda: f.matrix_transpose(g),),
    "permute_dims": lambda g, y, x, axes: (lambda: f.permute_dims(g, [axes.index(i) for i in range(x.ndim)]),),
    "patches": lambda g, y, x, kernel, stride, dilation: (
        lambda: applied("fold", g, stride=stride, dilation=dilation, size=tuple(x.shape[x.ndim - len(kernel) :])),
    ),
    "concat": lambda g, y, *xs, axis: tuple(
        functools.partial(_part, g, axis, end - x.shape[axis], end)
        for x, end in zip(xs, itertools.accumulate(x.shape[axis] for x in xs), strict=True)
    ),
    "broadcast_to": lambda g, y, x, shape: (lambda: broadcast_back(g, x.shape),),
    "stack": lambda g, y, *xs, axis=0: tuple(
        functools.partial(g.__getitem__, at_axis(axis, i)) for i in range(len(xs))
    ),
}
"""For each operation, (cotangent g, result y, *operands, **parameters) -> one `Cotangent` for each operand."""
DERIVATIVES: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "negative": lambda x, y: -1,
    "reciprocal": lambda x, y: -f.square(y),
    "square": lambda x, y: 2 * x,
    "abs": lambda x, y: f.sign(x),
    "relu": lambda x, y: f.heaviside(x),
    "heaviside": lambda x, y: 0,
    "sign": lambda x, y: 0,
    "exp": lambda x, y: y,
    "expm1": lambda x, y: f.exp(x),
    "expm1mx": lambda x, y: f.expm1(x),
    "log": lambda x, y: 1 / x,
    "log1p": lambda x, y: 1 / (1 + x),
    "sqrt": lambda x, y: 1 / (2 * y),
    "sin": lambda x, y: f.cos(x),
    "cos": lambda x, y: -f.sin(x),
    "tan": lambda x, y: 1 + f.square(y),
    "atan": lambda x, y: 1 / (1 + f.square(x)),
    "erf": lambda x, y: 2 * f.exp(-f.square(x)) / f.sqrt(f.pi(x.context)),
    "sinh": lambda x, y: f.cosh(x),
    "cosh": lambda x, y: f.sinh(x),
    "logcosh": lambda x, y: f.tanh(x),
    "sigmoid": lambda x, y: y * (f.sigmoid(-x) if x.context.rounds else 1 - y),
    "softplus": lambda x, y: f.sigmoid(x),
    "elu": lambda x, y: f.exp(f.minimum(x, 0)),
    "silu": lambda x, y: _of_logistic(x, f.sigmoid(x), f.sigmoid(-x)),
    "gelu": lambda x, y: f.erfc(-x / f.sqrt(x.context.tensor(2))) / 2 + x * _density(x),
    "gelu_tanh": lambda x, y: _of_gelu_tanh(x),
    "mish": lambda x, y: _of_mish(x, f.tanh(f.softplus(x))),
    "softsign": lambda x, y: f.square(1 / (1 + f.abs(x))),
    "floor": lambda x, y: 0,
    "ceil": lambda x, y: 0,
    "trunc": lambda x, y: 0,
    "round": lambda x, y: 0,
    "erfc": lambda x, y: -2 * f.exp(-f.square(x)) / f.sqrt(f.pi(x.context)),
    "log_ndtr": lambda x, y: f.exp(-f.square(x) / 2 - y) / f.sqrt(2 * f.pi(x.context)),
    "lgamma": lambda x, y: f.digamma(x),
    "digamma": lambda x, y: _no_derivative("digamma"),
    "cbrt": lambda x, y: 1 / (3 * f.square(y)),
    "log2": lambda x, y: 1 / (x * f.log(x.context.tensor(2))),
    "log10": lambda x, y: 1 / (x * f.log(x.context.tensor(10))),
    "asin": lambda x, y: 1 / f.sqrt((1 - x) * (1 + x)),
    "acos": lambda x, y: -1 / f.sqrt((1 - x) * (1 + x)),
    "asinh": lambda x, y: 1 / f.sqrt(1 + f.square(x)),
    "acosh": lambda x, y: 1 / (f.sqrt(x - 1) * f.sqrt(x + 1)),
    "atanh": lambda x, y: 1 / ((1 - x) * (1 + x)),
}
"""For each function of one number, (x, y) -> its derivative at x, where it is y."""


def of_derivative(derivative: Callable[[Tensor, Tensor], Any]) -> Callable[..., tuple[Cotangent, ...]]:
    """The rule of a function of one number, from its derivative."""
    return lambda g, y, x: (lambda: g * derivative(x, y),)


RULES |= {name: of_derivative(derivative) for name, derivative in DERIVATIVES.items()}
check_complete("vjp_rules", RULES, having(defined=False, truth=False) - having(kinks="parts") - {"clip", "pi"})


def _no_derivative(operation: str) -> Never:
    raise NotSupported(f"grad: {operation}: its derivative is none of the operations here")


def _density(x: Tensor) -> Tensor:
    """The standard normal density."""
    return f.exp(-f.square(x) / 2) / f.sqrt(2 * f.pi(x.context))


def _of_logistic(x: Tensor, s: Tensor, rest: Tensor) -> Tensor:
    """The derivative of x s with s = σ(x) and rest = 1 - s."""
    return s * (1 + x * rest)


def _of_gelu_tanh(x: Tensor) -> Tensor:
    """s + x s (1 - s) u′ with s = σ(u), u = √(8/π) (x + 0.044715 x³)."""
    scale, square = f.sqrt(8 / f.pi(x.context)), f.square(x)
    u, slope = scale * (x * (square * "0.044715" + 1)), scale * (square * "0.134145" + 1)
    return _of_logistic(x * slope, f.sigmoid(u), f.sigmoid(-u))


def _of_mish(x: Tensor, t: Tensor) -> Tensor:
    """t + x (1 - t²) σ(x) with t = tanh(log(1 + eˣ))."""
    return t + x * (1 - f.square(t)) * f.sigmoid(x)


def _of_tanh(g: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """g (1 - tanh² x). Floats divide by cosh² x instead, for they would lose the digits of a small 1 - y²."""
    return g / f.square(f.cosh(x)) if x.context.rounds else g * (1 - f.square(y))


def _larger(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """g where a > b, and half of it at a tie."""
    return f.where(a > b, g, f.where(b > a, 0, g / 2))


def _patched(a: Tensor, b: Tensor) -> Tensor:
    """a, but 1 where the exponent is 0: a⁰ is 1 near 0, too, so that its slope there is 0 and no division by zero."""
    return _one_where(b == 0, a)


def _positive(a: Tensor, b: Tensor) -> Tensor:
    """a, but 1 where a is 0 and b > 0: 0ᵇ is 0 for each b > 0, so that its slope in b is 0 and no logarithm of 0."""
    return a if a.context.formal else _one_where((a == 0) & (b > 0), a)


def _one_where(at: Truth, a: Tensor) -> Tensor:
    """a, but 1 where a truth may hold."""
    try:
        return f.where(at, 1, a) if True in at.context.arrays.outcomes(at.value) else a
    except NotSupported:  # whole tensors as expressions cannot be looked at
        return a


def repeated_over(g: Tensor, x: Tensor, axis: tuple[int, ...]) -> Tensor:
    """The cotangent of what a reduction over some axes reduced: the same number for all elements that were reduced to
    one.
    """
    return f.broadcast_to(f.reshape(g, with_kept_axes(x.shape, axis)), x.shape)


def _shared(g: Tensor, y: Tensor, x: Tensor, axis: tuple[int, ...]) -> Tensor:
    """g in equal parts to all elements that are the extreme one."""
    extreme = f.where(x == repeated_over(y, x, axis), 1, f.broadcast_to(x.context.tensor(0), x.shape))
    return repeated_over(g, x, axis) * extreme / f.sum(extreme, axis, keepdims=True)


def _root_mean_square(x: Tensor, eps: Tensor, axis: tuple[int, ...]) -> Tensor:
    return f.sqrt(f.mean_square(x, axis, keepdims=True) + eps)


def _part(g: Tensor, axis: int, start: int, end: int) -> Tensor:
    return g[at_axis(axis, slice(start, end))]


def _left(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The cotangent of the left operand of a product a b of matrices or vectors: g bᵀ."""
    if a.ndim <= 2 and b.ndim == 1:
        return g * b if a.ndim == 1 else f.outer(g, b)
    rows, columns = _as_matrices(g, a, b)
    found = f.matmul(rows, f.matrix_transpose(columns[1]))
    return broadcast_back(f.reshape(found, found.shape[:-2] + found.shape[-1:]) if a.ndim == 1 else found, a.shape)


def _right(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The cotangent of the right operand of a product a b of matrices or vectors: aᵀ g."""
    if a.ndim == 1 and b.ndim <= 2:
        return g * a if b.ndim == 1 else f.outer(a, g)
    rows, columns = _as_matrices(g, a, b)
    found = f.matmul(f.matrix_transpose(columns[0]), rows)
    return broadcast_back(f.reshape(found, found.shape[:-1]) if b.ndim == 1 else found, b.shape)


def _as_matrices(g: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """All three of a product with vectors as rows, or columns, of one."""
    if a.ndim == 1:
        a, g = f.expand_dims(a, 0), f.expand_dims(g, -2 if b.ndim > 1 else -1)
    if b.ndim == 1:
        b, g = f.expand_dims(b, -1), f.expand_dims(g, -1)
    return g, (a, b)


def broadcast_back(g: Tensor, shape: Shape) -> Tensor:
    """The transpose of `broadcast_to`: the sum over the axes along which a tensor of that shape was repeated. A number
    that served every element is handed the sum over all of them.
    """
    if g.shape == shape:
        return g
    if not shape:
        return f.sum(g)
    padded = (1,) * (g.ndim - len(shape)) + shape
    repeated = tuple(i for i, n in enumerate(padded) if n != g.shape[i])
    return f.reshape(f.sum(g, axis=repeated) if repeated else g, shape)
