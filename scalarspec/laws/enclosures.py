"""Laws of enclosing contexts: enclosure, isotonicity, narrowness at points, and the order of boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from scalarspec import latent, loss
from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.domains import watching_poles
from scalarspec.core.operations import having
from scalarspec.core.tensor import Tensor, elementwise
from scalarspec.errors import Undecided
from scalarspec.laws.agreement import lifted, ranges_of, roundoff, square_scale
from scalarspec.laws.exact_values import ELEMENTARY, RATIONAL, arity_of, exactly, known
from scalarspec.laws.law import Law, LawViolation, Operands
from scalarspec.laws.rationals import GROUPS
from scalarspec.numbers.exact import infinite, interval_text

NARROW_ULPS = 64
"""The stated bound on the width at a point, in units of the width of the enclosure of 1/3."""


NARROW_GROUPS = [name for name in GROUPS if name in having(floats="sum")]
"""Sums and products of groups: their rounding is that of terms of the size of the operands' squares."""


def _boxes(context: Context[Any], ends: Operands) -> list[Tensor]:
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return [context.box(min(pair), max(pair)) for pair in pairs]


def set_laws() -> Iterator[Law]:
    """Laws of boxes, for each scalar operation that gives a number."""
    for name in [*RATIONAL, *ELEMENTARY]:
        arity = arity_of(name)
        yield Law("enclosure", name, 2 * arity, _enclosure_check(name))
        yield Law("isotonicity", name, 2 * arity, _isotonicity_check(name))
        yield Law("narrow", name, arity, _narrow_check(name))
    yield Law("enclosure", "MSE >= 0", 4, _mse_is_nonnegative)
    yield Law("enclosure", "KL >= 0", 4, _kl_is_nonnegative)
    yield Law("narrow", "sum and matmul", 6, _narrow_groups)


def _enclosure_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *ends: Fraction) -> None:
        result = elementwise(name, *_boxes(context, ends))
        ((low, high),) = ranges_of(result)
        for t in (Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(1)):
            point = tuple(a + t * (b - a) for a, b in zip(ends[::2], ends[1::2], strict=True))
            exact = exactly(name, point)
            if exact is not None and (exact[1] < low or exact[0] > high):
                raise LawViolation(f"{name}{tuple(map(str, point))} lies outside {interval_text(low, high)}")

    return check


def _isotonicity_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *ends: Fraction) -> None:
        inner = tuple(e + (other - e) / 4 for e, other in zip(ends, _partners(ends), strict=True))
        ((low, high),) = ranges_of(elementwise(name, *_boxes(context, inner)))
        ((least, greatest),) = ranges_of(elementwise(name, *_boxes(context, ends)))
        if low < least or high > greatest:
            shown = f"{interval_text(low, high)} is not within {interval_text(least, greatest)}"
            raise LawViolation(f"{name} of a smaller box: {shown}")

    return check


def _partners(ends: Operands) -> Operands:
    return tuple(ends[i + 1 if i % 2 == 0 else i - 1] for i in range(len(ends)))


def _narrow_check(name: str) -> Callable[..., None]:
    def check(context: Context[Any], *point: Fraction) -> None:
        known(name, point)
        _is_narrow(elementwise(name, *lifted(context, point)), Fraction(1), name)

    return check


def _narrow_groups(context: Context[Any], *operands: Fraction) -> None:
    scale = square_scale(operands)
    for name in NARROW_GROUPS:
        _is_narrow(GROUPS[name][0](*lifted(context, operands)), scale, name)


def _is_narrow(result: Tensor, scale: Fraction, name: str) -> None:
    for low, high in ranges_of(result):
        if infinite(low, high) or high - low > NARROW_ULPS * roundoff(result.context) * max(scale, abs(Fraction(low))):
            raise LawViolation(f"{name} of a point is as wide as {interval_text(low, high)}")


def _mse_is_nonnegative(context: Context[Any], *ends: Fraction) -> None:
    _not_negative(loss.mse(*_boxes(context, ends)), "MSE")


def _kl_is_nonnegative(context: Context[Any], *ends: Fraction) -> None:
    _not_negative(latent.diagonal_gaussian_kl_to_standard(*_boxes(context, ends)), "KL")


def _not_negative(result: Tensor, name: str) -> None:
    ((low, _),) = ranges_of(result)
    if low < 0:
        raise LawViolation(f"{name} over a box has the lower end {low}")


def _overlap_is_undecided(context: Context[Any]) -> None:
    x, y = context.box(0, 2), context.box(1, 3)
    for p in (x < y, x <= y, x > y, x == y, ~(x < y), x == x):
        try:
            decided = bool(p)
        except Undecided:
            continue
        raise LawViolation(f"{p} was taken for {decided}")


def _apart_is_decided(context: Context[Any]) -> None:
    x, y = context.box(0, 1), context.box(2, 3)
    if not (bool(x < y) and bool(x <= y) and not bool(x > y) and not bool(x == y) and bool(x != y)):
        raise LawViolation("[0, 1] < [2, 3] was not decided rightly")


def _where_is_hull(context: Context[Any]) -> None:
    ((low, high),) = ranges_of(f.where(context.box(0, 2) < 1, context.box(5, 6), context.box(8, 9)))
    if low > 5 or high < 9:
        raise LawViolation(
            f"where of an undecided condition is {interval_text(low, high)}, not the hull of both branches"
        )
    ((low, high),) = ranges_of(f.where(context.box(0, 2) < 3, context.box(5, 6), context.box(8, 9)))
    if high >= 8 or low > 5:
        raise LawViolation(f"where of a true condition is {interval_text(low, high)}, not the first branch")


def _poles_are_told(context: Context[Any]) -> None:
    """A divisor that may be 0 is refused, or told to who watches for poles: else bounds hide it."""
    for low, high in ((-1, 1), (0, 1), (-1, 0)):
        with watching_poles() as poles:
            quotient = f.square(1 / context.box(low, high))
        if not poles:
            raise LawViolation(f"1/[{low}, {high}]² is {quotient}, and nothing tells that there is no value at 0")


ORDER = [
    Law("order", "an overlap is undecided", 0, _overlap_is_undecided),
    Law("order", "what is apart is decided", 0, _apart_is_decided),
    Law("order", "where is a hull", 0, _where_is_hull),
    Law("order", "a pole is told", 0, _poles_are_told),
]
