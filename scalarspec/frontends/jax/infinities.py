"""Infinities that a JAX program puts in the place of numbers, and NaN: masks, the start of a maximum, and the like.

No real number is infinite. But where it is known of which elements a constant makes an infinity, what becomes of it
often is a number again: exp(-∞) is 0, and -∞ is never the largest beside a number. Such a value is a tensor with an
array beside it, which holds what is no number. What is worked out with it is what IEEE 754 says of infinities; an
infinity that is left in a result is refused. Contexts that are floats have infinities of their own, and need none here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scalarspec.core import elementwise as ours
from scalarspec.core.choices import equal, greater, greater_equal, less, less_equal, not_equal
from scalarspec.core.reductions import max as greatest
from scalarspec.core.reductions import softmax
from scalarspec.core.reductions import sum as total
from scalarspec.core.shape import with_kept_axes
from scalarspec.core.structure import broadcast_to, reshape
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import DomainError
from scalarspec.frontends.jax.known import finite, is_known
from scalarspec.frontends.jax.structure import STRUCTURE
from scalarspec.frontends.jax.values import At, Extended, Value, chosen, is_extended, numbered, of, picked, refused

Array = np.ndarray[Any, Any]


def apart(at: At, value: Value) -> tuple[Tensor, Array]:
    """The numbers of a value, and what is none."""
    if isinstance(value, Extended):
        return value.numbers, value.beyond
    if is_known(value) and not finite(value):
        number = np.isfinite(value)
        return at.tensor(np.where(number, value, 0)), np.where(number, 0, value)
    return at.tensor(value), np.zeros(value.shape)


def extended(at: At, values: Sequence[Value], rules: Any) -> Value:
    """The result of a primitive on values some of which are no numbers. Raises DomainError for a primitive of which it
    is not known what becomes of them.
    """
    name = at.equation.primitive
    if name in STRUCTURE:
        return _moved(at, values, rules[name])
    if name not in EXTENDED:
        raise DomainError(f"{name}{at.equation.place}: an operand is infinite, or NaN, which is no real number")
    with np.errstate(invalid="ignore"):
        return EXTENDED[name](at, *values)


def _moved(at: At, values: Sequence[Value], rule: Callable[..., Any]) -> Any:
    """What moves elements moves both. Integers are places, and the same for both."""
    pairs = [(v, v) if is_known(v) and v.dtype.kind in "iub" else apart(at, v) for v in values]
    numbers, beyond = (rule(at, *part) for part in zip(*pairs, strict=True))
    if isinstance(numbers, list):
        return [of(*pair) for pair in zip(numbers, beyond, strict=True)]
    return of(numbers, beyond)


# ---- rules -----------------------------------------------------------------------------------------------------------


def _adding(function: Callable[..., Tensor], plain: Callable[..., Any]) -> Callable[..., Value]:
    """Sums and differences: ∞ - ∞ is NaN."""

    def rule(at: At, x: Value, y: Value) -> Value:
        (s, a), (t, b) = apart(at, x), apart(at, y)
        return of(function(s, t), np.asarray(plain(a, b)))

    return rule


def _scaling(function: Callable[..., Tensor], plain: Callable[..., Any]) -> Callable[..., Value]:
    """Products with known numbers, and quotients by them: of others the sign is not known."""

    def rule(at: At, x: Value, y: Value) -> Value:
        below = at.equation.primitive == "div" and is_extended(y)
        if below or any(is_extended(value) and not is_known(other) for value, other in ((x, y), (y, x))):
            raise DomainError(f"{at.equation.primitive}{at.equation.place}: an infinity beside a number not known")
        (s, a), (t, b) = apart(at, x), apart(at, y)
        one, factor = (np.where(c != 0, c, v if is_known(v) else 1.0) for v, c in ((x, a), (y, b)))
        here = np.broadcast_to((a != 0) | (b != 0), np.broadcast_shapes(a.shape, b.shape))
        with np.errstate(divide="ignore"):
            return of(function(s, t), np.where(here, plain(one, factor), 0))

    return rule


def _extreme(function: Callable[..., Tensor], top: float) -> Callable[..., Value]:
    """The larger or the smaller of two. top: the infinity that it always is."""

    def rule(at: At, x: Value, y: Value) -> Value:
        (s, a), (t, b) = apart(at, x), apart(at, y)
        if (a == -top).all() and not b.any():
            return broadcast_to(t, at.kind.shape)
        if (b == -top).all() and not a.any():
            return broadcast_to(s, at.kind.shape)
        found = chosen(at, a == -top, t, chosen(at, b == -top, s, function(s, t)))
        over = np.where((a == top) | (b == top), top, np.where((a == -top) & (b == -top), -top, 0))
        return of(found, np.where(np.isnan(a) | np.isnan(b), np.nan, over))

    return rule


def _tending(function: Callable[..., Tensor], low: float, high: float) -> Callable[..., Value]:
    """A function of one number with its limits."""

    def rule(at: At, x: Value) -> Value:
        t, beyond = apart(at, x)
        found = function(t)
        limits = np.where(beyond < 0, low, np.where(beyond > 0, high, beyond))
        for limit in {end for end in (low, high) if np.isfinite(end)}:
            found = chosen(at, (beyond != 0) & (limits == limit), int(limit), found)
        return of(found, np.where(np.isfinite(limits), 0, limits))

    return rule


def _comparing(function: Callable[..., Truth], plain: Callable[..., Any]) -> Callable[..., Value]:
    """Comparisons: infinities have their places beyond all numbers."""

    def rule(at: At, x: Value, y: Value) -> Value:
        (s, a), (t, b) = apart(at, x), apart(at, y)
        here = np.broadcast_to((a != 0) | (b != 0), at.kind.shape)
        known = np.broadcast_to(plain(a, b), at.kind.shape)
        if here.all() or at.same:  # a number is itself, and two zeros say so
            return known
        return (function(s, t) & at.truth(~here)) | at.truth(here & known)

    return rule


def _reduced_greatest(at: At, x: Value) -> Value:
    return _largest(at, x, tuple(at["axes"]))


def _largest(at: At, x: Value, axes: tuple[int, ...]) -> Value:
    """The largest over axes, among the numbers that there are."""
    t, beyond = apart(at, x)
    if not (beyond <= 0).all():
        raise DomainError(f"{at.equation.primitive}{at.equation.place}: the largest is infinite, or NaN")
    places = np.where(beyond == 0, numbered(t.shape), -1)
    some = places.max(axis=axes, keepdims=True)  # a number that stands in for those that are -inf
    found = greatest(picked(at, t, np.where(places < 0, np.maximum(some, 0), places)), axes)
    return of(found, np.where(np.reshape(some, found.shape) < 0, -np.inf, 0))


def _reduced_sum(at: At, x: Value) -> Value:
    """The sum over axes."""
    t, beyond = apart(at, x)
    return of(total(t, tuple(at["axes"])), np.sum(beyond, axis=tuple(at["axes"])))


def _softmax(at: At, x: Value) -> Value:
    """Shares of what is not -inf."""
    t, beyond = apart(at, x)
    if not (beyond <= 0).all() or (beyond < 0).all(axis=at["axis"]).any():
        raise DomainError(f"softmax{at.equation.place}: an operand is infinite, or all of them are -inf")
    return softmax(t, at["axis"], where=beyond == 0)


def _logarithm(at: At, x: Value, axes: tuple[int, ...]) -> Tensor:
    """log Σ eˣ over axes, of what is not -inf, with the axes kept: that of the largest apart, so that none is lost."""
    t, beyond = apart(at, x)
    kept = with_kept_axes(t.shape, axes)
    top = refused(_largest(at, x, axes), f"{at.equation.primitive}{at.equation.place}: the largest")
    shares = chosen(at, beyond == 0, ours.exp(t - reshape(top, kept)), 0)
    return reshape(ours.log(total(shares, axes)) + top, kept)


def _logsumexp(at: At, x: Value) -> Value:
    return reshape(_logarithm(at, x, tuple(at["axes"])), at.kind.shape)


def _log_softmax(at: At, x: Value) -> Value:
    t, beyond = apart(at, x)
    return of(t - _logarithm(at, x, (at["axis"],)), beyond)


def _same(at: At, x: Value) -> Value:
    return x


EXTENDED: dict[str, Callable[..., Any]] = {
    "add": _adding(ours.add, np.add),
    "add_any": _adding(ours.add, np.add),
    "sub": _adding(ours.subtract, np.subtract),
    "mul": _scaling(ours.multiply, np.multiply),
    "div": _scaling(ours.divide, np.divide),
    "neg": lambda at, x: of(-apart(at, x)[0], -apart(at, x)[1]),
    "abs": _tending(ours.abs, np.inf, np.inf),
    "max": _extreme(ours.maximum, np.inf),
    "min": _extreme(ours.minimum, -np.inf),
    "exp": _tending(ours.exp, 0, np.inf),
    "expm1": _tending(ours.expm1, -1, np.inf),
    "logistic": _tending(ours.sigmoid, 0, 1),
    "tanh": _tending(ours.tanh, -1, 1),
    "eq": _comparing(equal, np.equal),
    "ne": _comparing(not_equal, np.not_equal),
    "lt": _comparing(less, np.less),
    "le": _comparing(less_equal, np.less_equal),
    "gt": _comparing(greater, np.greater),
    "ge": _comparing(greater_equal, np.greater_equal),
    "is_finite": lambda at, x: apart(at, x)[1] == 0,
    "reduce_max": _reduced_greatest,
    "reduce_sum": _reduced_sum,
    "softmax": _softmax,
    "logsumexp": _logsumexp,
    "log_softmax": _log_softmax,
    "stop_gradient": _same,
    "copy": _same,
    "convert_element_type": _same,
}
"""By primitive: its rule on values that are not all numbers."""
