"""The seven classes of operations, each a small strategy, and the one entry point: a call under the float model.

1. real       the operation on the real values
2. inherited  what the errors of the operands come to in the result
3. exact      real ± inherited: the results on the floats, before any rounding of this operation
4. local      what the operation adds itself to a result in `exact`
5. error      inherited + local, so that real ± error holds the float
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.backends.rounding import inherited as inherit
from scalarspec.backends.rounding import local as add
from scalarspec.backends.rounding.classes import class_of, refuse
from scalarspec.backends.rounding.inherited import INHERITED, Inherit, Parts
from scalarspec.backends.rounding.local import LOCAL, Local
from scalarspec.backends.rounding.model import Call, Operand
from scalarspec.backends.rounding.tracked import Decision, Tracked, greatest, magnitude, plus_minus, total
from scalarspec.core.definitions import by_definition, is_defined
from scalarspec.core.domains import is_watched, leniently
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import DomainError


@dataclass(frozen=True)
class Strategy:
    """What the operations of a class have in common, where the tables INHERITED and LOCAL say nothing else.

    inherited, local: the rules of the class, or None where each operation needs its own; combined: how the errors that
    come from several operands count together; rounds: is the result rounded, so that it may leave the format's range?
    """

    inherited: Inherit | None
    local: Local | None
    combined: Callable[[Sequence[Any]], Tensor | None] = total
    rounds: bool = True


def formula(call: Call, exact: Tensor) -> Tensor | None:
    """What a float loses that works by the operation's definition: the error of that, for operands without one.

    Each step of the definition is a call of its own, whose literals are rounded, too. Raises NotSupported for an
    operation that has no definition.
    """
    if not is_defined(call.operation):
        refuse(call.operation, "what it adds to the errors of its operands")
    model = call.model

    def step(operation: str, *operands: Operand) -> Operand:
        return evaluated(Call(model, operation, operands, {}))

    def number(value: Fraction) -> Tracked:
        return Tracked(model.inner.tensor(value), model.error_of(value))

    result: Tracked = by_definition(
        call.operation, *(x.without_error() for x in call.operands), apply=step, number=number
    )
    return result.error


STRATEGIES = {
    "exact": Strategy(None, add.nothing, rounds=False),
    "choice": Strategy(None, add.nothing, combined=greatest, rounds=False),
    "step": Strategy(inherit.nothing, add.turned_step, rounds=False),
    "rounded": Strategy(inherit.of_smooth, add.rounded_once),
    "library": Strategy(inherit.of_smooth, add.within_libm),
    "sum": Strategy(None, None),
    "composed": Strategy(inherit.of_smooth, formula),
}


def evaluated(call: Call) -> Operand:
    """The result of a call: `Tracked`, or a `Decision` where it is a truth.

    Raises NotSupported for an operation whose class, or a rule that its class needs, is not stated.
    """
    strategy = STRATEGIES[class_of(call.operation)]
    moved = call.operands and all(isinstance(x, Decision) for x in call.operands)
    if moved or OPERATIONS[call.operation].truth:
        return decided(call)
    adds, unknown = local_rule(call.operation), inherit.of_infinities(call)
    real = call.applied(*(x.real for x in call.operands))
    call = inherit.without_infinities(call) if unknown else call
    handed_on = strategy.combined([*inherited(call), *unknown])
    if not strategy.rounds:
        local = adds(call, real)
        return Tracked(real, total([handed_on, local]), local, non_negative(call, real))
    exact = real if handed_on is None else plus_minus(real, handed_on)
    local = in_range(call, exact, adds(call, exact))
    return Tracked(real, total([handed_on, local]), local, non_negative(call, exact))


def decided(call: Call) -> Decision:
    """A relation, a connective, or truths in other places: decided where the real values and the floats agree."""
    truth = call.applied(*(x.wide for x in call.operands))
    return Decision(Truth(truth.context, truth.shape, truth.value), any(x.rounded for x in call.operands))


def inherited(call: Call) -> Parts:
    """What the errors of the operands come to in the result, in parts; infinite where a float may have no value."""
    rule = inherited_rule(call.operation)
    if all(x.error is None for x in call.operands):
        return []
    try:
        parts = rule(call)
    except DomainError:  # where the floats may lie there is no value: they may be NaN
        parts = []
        nowhere = np.ones(call.shape, dtype=bool)
    else:
        nowhere = without_value(call) if is_watched() else np.zeros(call.shape, dtype=bool)
    unknown = call.model.bounded(np.where(nowhere, np.inf, 0.0))
    return parts if unknown is None else [*parts, unknown]


def without_value(call: Call) -> np.ndarray[Any, Any]:
    """Where the floats may have no value, in a branch of `where` of which it is not known who takes it."""
    with leniently() as notes:
        call.applied(*(x.wide for x in call.operands))
    nowhere = np.zeros(call.shape, dtype=bool)
    for note in notes:
        nowhere |= note.where if note.where.shape == call.shape else note.where.any()
    return nowhere


def added(result: Tracked, call: Call, constant: Sequence[bool]) -> Tensor | None:
    """What an operation adds to the errors of its variables: its own, and those of constants among its operands.

    result: of the call; constant: is each operand one?
    """
    if not any(c and x.error is not None for x, c in zip(call.operands, constant, strict=True)):
        return result.local
    operands = tuple(x if c else x.without_error() for x, c in zip(call.operands, constant, strict=True))
    of_constants = inherited(Call(call.model, call.operation, operands, call.parameters))
    return total([*of_constants, result.local])


def in_range(call: Call, exact: Tensor, local: Tensor | None) -> Tensor | None:
    """What an operation adds; infinite where its result may leave the range of the format."""
    if local is None:
        return None
    beyond = magnitude(exact) + sup(local) > float(call.model.form.largest)
    return call.model.bounded(np.where(beyond, np.inf, sup(local))) if np.any(beyond) else local


def non_negative(call: Call, exact: Tensor) -> Any:
    """Where the floats are surely not negative: what is rounded once keeps its sign, and sums of such are such, and
    what such are moved to, or chosen from.
    """
    line, operands = OPERATIONS[call.operation], [x for x in call.operands if isinstance(x, Tracked)]
    if never_negative(line.name):
        return np.True_
    if line.moves or line.floats == "choice" or (line.kind == "reduction" and line.graph == "linear"):
        return np.bool_(all(np.all(x.non_negative) or np.all(inf(x.wide) >= 0) for x in operands))
    if line.floats != "rounded":
        return np.False_
    found = inf(exact) >= 0
    if line.border == "none" and not np.all(found) and any(np.any(x.non_negative) for x in operands):
        found |= inf(call.applied(*(x.wide for x in operands))) >= 0
    return found


def never_negative(operation: str) -> bool:
    """Is the float never negative, as the exact result is not? Of a formula only where nothing in it cancels."""
    line = OPERATIONS[operation]
    return line.nonnegative and (line.floats != "composed" or add.is_positive(operation))


def inherited_rule(operation: str) -> Inherit:
    """The operation's own rule, or that of its class. Raises NotSupported where there is neither."""
    by_class = inherit.in_its_place if OPERATIONS[operation].moves else STRATEGIES[class_of(operation)].inherited
    rule = INHERITED.get(operation) or by_class
    return rule or refuse(operation, "what it makes of errors in its operands")


def local_rule(operation: str) -> Local:
    """The operation's own rule, or that of its class. Raises NotSupported where there is neither."""
    rule = LOCAL.get(operation) or STRATEGIES[class_of(operation)].local
    return rule or refuse(operation, "what it adds to the errors of its operands")
