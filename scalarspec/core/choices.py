"""Comparisons, and choices by them."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalarspec.core.nested import together
from scalarspec.core.tensor import Operand, Tensor, Truth, as_tensor, as_truth, common_context, relation
from scalarspec.errors import ArgumentError

__all__ = [
    "equal", "greater", "greater_equal", "less", "less_equal", "logical_and", "logical_not", "logical_or",
    "logical_xor", "not_equal", "where",
]  # fmt: skip


def less(x: Operand, y: Operand) -> Truth:
    """The truth of x < y for each element; both are broadcast. Intervals that overlap, and symbols,
    may leave it undecided: neither true nor false, so that `if` raises Undecided, and `where` takes both branches.
    """
    return relation("less", x, y)


def less_equal(x: Operand, y: Operand) -> Truth:
    """The truth of x <= y for each element; as `less`."""
    return relation("less_equal", x, y)


def greater(x: Operand, y: Operand) -> Truth:
    """The truth of x > y for each element; as `less`."""
    return relation("less", y, x)


def greater_equal(x: Operand, y: Operand) -> Truth:
    """The truth of x >= y for each element; as `less`."""
    return relation("less_equal", y, x)


def equal(x: Operand, y: Operand) -> Truth:
    """The truth of x = y for each element, as numbers and not as sets: two equal intervals with more than one number in
    them may hold different numbers, so that it is undecided. See `contains` and `subset` for intervals as sets.
    """
    return relation("equal", x, y)


def not_equal(x: Operand, y: Operand) -> Truth:
    """The truth of x ≠ y for each element, the opposite of `equal`."""
    return ~equal(x, y)


def logical_not(p: Truth) -> Truth:
    """The truth that p does not hold, for each element; undecided where p is (Kleene's strong logic). Written ~p,
    too.
    """
    return ~p


def logical_and(p: Truth, q: Truth) -> Truth:
    """The truth that p and q hold, for each element: false as soon as one is false, though the other be undecided.
    Written p & q, too.
    """
    return p & q


def logical_or(p: Truth, q: Truth) -> Truth:
    """The truth that p or q holds, for each element: true as soon as one is true, though the other be undecided.
    Written p | q, too.
    """
    return p | q


def logical_xor(p: Truth, q: Truth) -> Truth:
    """The truth that one of p and q holds, and not both, for each element; undecided where either is. Written p ^ q,
    too.
    """
    apart: Truth = p ^ q
    return apart


def where(condition: Truth, x: Operand, y: Operand) -> Tensor:
    """x where the condition holds, and y where it does not, for each element; all are broadcast.

    Where the condition is undecided the result is the hull of both (intervals), or a Piecewise (symbols).

    condition: a comparison, what is made of some, or an array of bools, which are constants.
    x, y: operands, or functions without arguments. Such a function is called only where some element may take its
    branch, so that a logarithm is not asked for on numbers that are surely negative.
    Raises ArgumentError unless the condition is a comparison, or made of comparisons.

        x = ss.context("interval").box([-2, 1], [-1, 2])
        ss.where(x > 0, ss.sqrt(ss.abs(x)), 0)
        ss.where(x[0] > 0, lambda: ss.log(x[0]), 0)    # 0: the logarithm is never asked for
    """
    if isinstance(condition, np.ndarray | list | bool | np.bool_):
        condition = _constant_truth(condition, x, y)
    if not isinstance(condition, Truth):
        raise ArgumentError(
            f"where: expected a comparison such as a > b, or an array of bools, as the condition, got {condition!r}"
        )
    hole = False
    if callable(x) or callable(y):
        x, y, hole = _called(condition, x, y)
    context = common_context("where", [condition, x, y])
    condition, a, b = as_truth(context, condition), as_tensor(context, x), as_tensor(context, y)
    shape, values = together("where", [condition, a, b])
    result = Tensor(context, shape, context.arrays.apply("where", *values))
    if hole:
        context.hole(result)
    return result


def _constant_truth(condition: Any, x: Operand, y: Operand) -> Any:
    """An array of bools as truths of the context of the branches; what is no such array stays."""
    array = np.asarray(condition)
    if array.dtype != bool:
        return condition
    context = common_context("where", [branch for branch in (x, y) if not callable(branch)])
    return Truth.known(context, array)


def _called(condition: Truth, x: Operand, y: Operand) -> tuple[Operand, Operand, bool]:
    """The branches, with functions called, and whether one was left out.

    A branch that no element takes is not called, and the other one stands in its place: `where` then chooses between
    equals.
    """
    outcomes = condition.context.arrays.outcomes(condition.value) or {None}
    first = None if outcomes == {False} else _branch(condition, x, True, outcomes)
    second = None if outcomes == {True} else _branch(condition, y, False, outcomes)
    if first is None or second is None:
        taken = second if first is None else first
        return taken, taken, True
    return first, second, False


def _branch(condition: Truth, branch: Operand, outcome: bool, outcomes: set[bool | None]) -> Operand:
    """A branch, called if it is a function: what has no value there is let pass for elements that do not take it."""
    if not callable(branch):
        return branch
    if outcomes == {outcome}:
        return branch()
    with condition.context.arrays.guarded(condition.value, outcome):
        return branch()
