"""Shares: eˣⁱ / Σ eˣ, its logarithm, and log Σ eˣ - xᵢ, however they are written; and the exact ranges that they have.

A share rises with its own number and falls with every other one, so that it is least and greatest at two corners of the
box. With tᵢⱼ = xⱼ - xᵢ, which is 0 for j = i, the logarithm of a share is -log Σⱼ exp tᵢⱼ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scalarspec.bounding.contexts import INTERVALS
from scalarspec.core import functions as f
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.tensor import Tensor
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

Array = np.ndarray[Any, Any]
Ends = tuple[Array, Array]

DIFFERENCES = 1 << 20
"""The most differences tᵢⱼ that are worked out at once; of more numbers only the bounds of all shares are known."""


@dataclass(frozen=True, eq=False)
class Shares:
    """Shares of the numbers x, or their logarithms, or less these; moves: what is then done to their places, in
    order.
    """

    x: Traced
    moves: tuple[Equation, ...]
    of: Literal["shares", "logarithms", "less logarithms"]

    def ends(self, low: Array, high: Array) -> Ends:
        """Of the shares of x in many boxes, before they are moved. low, high: of x, (boxes, *shape)."""
        flat_low, flat_high = (end.reshape(len(end), -1) for end in (low, high))
        if not np.isfinite(flat_low + flat_high).all() or flat_low.size * flat_low.shape[1] > DIFFERENCES:
            least, greatest = np.full(low.shape, -np.inf), np.zeros(low.shape)
        else:
            least, greatest = (end.reshape(low.shape) for end in _logarithms(flat_low, flat_high))
        if self.of == "less logarithms":
            return -greatest, -least
        return (least, greatest) if self.of == "logarithms" else _exponentials(least, greatest)


def _logarithms(low: Array, high: Array) -> Ends:
    """Of the shares of n numbers between their ends, all (boxes, n)."""
    own = np.eye(low.shape[1], dtype=bool)
    least = _logsumexp(np.where(own, low[:, :, None], high[:, None]), low)[1]
    greatest = _logsumexp(np.where(own, high[:, :, None], low[:, None]), high)[0]
    return np.minimum(-least, 0.0), np.minimum(-greatest, 0.0)


def _logsumexp(x: Array, own: Array) -> Ends:
    """Of log Σⱼ exp(xᵢⱼ - xᵢ). x: (boxes, n, n); own: the xᵢ, (boxes, n)."""
    differences = INTERVALS.tensor(x) - INTERVALS.tensor(np.broadcast_to(own[:, :, None], x.shape))
    return INTERVALS.arrays.floats(f.logsumexp(differences, axis=2).value)


def _exponentials(low: Array, high: Array) -> Ends:
    box: Tensor = INTERVALS.box(low, high)
    least, greatest = INTERVALS.arrays.floats(f.exp(box).value)
    return least, np.minimum(greatest, 1.0)


# ---- how they are written -------------------------------------------------------------------------------------------


def found(equations: Sequence[Equation], composites: Mapping[Traced, Equation]) -> dict[Traced, Shares]:
    """By its value, each of them. composites: by its value, an operation that was recorded as what it is made of."""
    made = {eqn.result: eqn for eqn in equations}
    shares: dict[Traced, Shares] = {}
    for eqn in equations:
        if eqn.operation == "subtract":
            a, b = eqn.operands
            _add(shares, eqn, _whole(composites.get(a)), b, made, "less logarithms")
            _add(shares, eqn, _whole(composites.get(b)), a, made, "logarithms")
        elif eqn.operation == "multiply":
            for a, b in (eqn.operands, eqn.operands[::-1]):
                exponentials = _divided_by(b, made)
                moves = None if exponentials is None else _moved_exponentials(a, exponentials, made)
                if exponentials is not None and moves is not None:
                    shares[eqn.result] = Shares(made[exponentials].operands[0], moves, "shares")
    return shares


def _add(
    shares: dict[Traced, Shares],
    eqn: Equation,
    x: Traced | None,
    y: Traced,
    made: Mapping[Traced, Equation],
    of: Literal["logarithms", "less logarithms"],
) -> None:
    moves = None if x is None else _moves(y, x, made)
    if x is not None and moves is not None:
        shares[eqn.result] = Shares(x, moves, of)


def _whole(eqn: Equation | None) -> Traced | None:
    """The x of which an equation is the logsumexp over all axes."""
    over_all = eqn is not None and eqn.operation == "logsumexp" and not eqn.result.shape
    return eqn.operands[0] if eqn is not None and over_all else None


def _divided_by(y: Traced, made: Mapping[Traced, Equation]) -> Traced | None:
    """The exponentials over whose sum, of shape (), y is 1."""
    total = _operand_of("reciprocal", y, made)
    exponentials = None if total is None or total.shape else _operand_of("sum", total, made)
    return None if exponentials is None or _operand_of("exp", exponentials, made) is None else exponentials


def _operand_of(operation: str, y: Traced, made: Mapping[Traced, Equation]) -> Traced | None:
    """What y is this operation of."""
    eqn = made.get(y)
    return eqn.operands[0] if eqn is not None and eqn.operation == operation else None


def _moved_exponentials(
    y: Traced, exponentials: Traced, made: Mapping[Traced, Equation]
) -> tuple[Equation, ...] | None:
    """What moves exponentials to make y; or moves the numbers, whose exponentials y then is."""
    moves, x = _moves(y, exponentials, made), _operand_of("exp", y, made)
    return moves if moves is not None or x is None else _moves(x, made[exponentials].operands[0], made)


def _moves(y: Traced, x: Traced, made: Mapping[Traced, Equation]) -> tuple[Equation, ...] | None:
    """What moves elements of x, and nothing else, to make y, in order; None where y is made of anything else."""
    moves: list[Equation] = []
    while y is not x:
        eqn = made.get(y)
        if eqn is None or len(eqn.operands) != 1 or not OPERATIONS[eqn.operation].moves or eqn.operation == "scatter":
            return None  # which puts zeros beside
        moves.append(eqn)
        (y,) = eqn.operands
    return tuple(reversed(moves))
