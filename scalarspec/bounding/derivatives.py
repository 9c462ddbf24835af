"""f, f′ and f″ of a function of one number over intervals: recorded once, by the rules for gradients, and replayed.

What is recorded are operations on single numbers, in order; replayed, each is done on all elements of an array at once.
The rules for functions of one number look at no numbers, so what is recorded holds on every interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from scalarspec.bounding.contexts import INTERVALS
from scalarspec.core.operations import forgotten_when_removed, rule_of
from scalarspec.core.tensor import Tensor, elementwise
from scalarspec.errors import NotSupported
from scalarspec.tracing.gradient import backward_pass
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation, Outline, Tape
from scalarspec.tracing.trace import Trace
from scalarspec.tracing.vjp_rules import RULES


@dataclass(frozen=True, eq=False)
class Program:
    """Operations on intervals in order, each by the function that does it, the places of its operands, and its own.

    constants: values at the first places, where the place after them is that of the argument.
    """

    constants: list[Any]
    lines: list[tuple[Callable[..., Any], list[int]]]
    results: list[int]

    def __call__(self, x: Any) -> list[Any]:
        """The results for a value of the interval arrays."""
        found: list[Any] = INTERVALS.arrays.run(self._replayed, x)
        return found

    def _replayed(self, x: Any) -> list[Any]:
        values = [*self.constants, x]
        for function, operands in self.lines:
            values.append(function(*map(values.__getitem__, operands)))
        return list(map(values.__getitem__, self.results))


@forgotten_when_removed
@cache
def value_of(operation: str) -> Program:
    """x -> (f(x),)."""
    tape, x, y, _ = _recorded(operation)
    return _compiled(tape, x, [y])


@forgotten_when_removed
@cache
def value_and_slope(operation: str) -> Program:
    """x -> (f(x), f′(x)); at a kink of a convex f one of its subgradients."""
    tape, x, y, slope = _recorded(operation)
    return _compiled(tape, x, [y, slope])


@forgotten_when_removed
@cache
def slope_of(operation: str) -> Program:
    """x -> (f′(x),)."""
    tape, x, _, slope = _recorded(operation)
    return _compiled(tape, x, [slope])


@forgotten_when_removed
@cache
def curvature_of(operation: str) -> Program:
    """x -> (f″(x),): the derivative's derivative, for an f that is smooth."""
    outline, x = _number()
    inner = Tape(outline, shared=True)
    variable = inner.variable(x)
    slope = Trace(inner, [variable.value], _slope(operation, variable).value)
    (second,) = backward_pass(slope, outline.tensor(1), at_kinks="convention")  # there is none: f is smooth
    return _compiled(outline, x, [second])


def _number() -> tuple[Outline, Tensor]:
    """An outline, and a number on it of which nothing is known."""
    outline = Outline(INTERVALS, shared=True)
    return outline, outline.variable(INTERVALS.tensor(0))


def _recorded(operation: str) -> tuple[Outline, Tensor, Tensor, Tensor]:
    """An outline, and on it x, f(x) and f′(x). Raises NotSupported for a rule that looks at numbers."""
    outline, x = _number()
    return outline, x, elementwise(operation, x), _slope(operation, x)


def _slope(operation: str, x: Tensor) -> Tensor:
    (cotangent,) = rule_of("linear bounds", RULES, operation)(x.context.tensor(1), elementwise(operation, x), x)
    assert cotangent is not None
    return cotangent()


def _compiled(tape: Tape, x: Tensor, results: Sequence[Tensor]) -> Program:
    """The equations that the results need, as a program."""
    needed = _needed(tape, results)
    used = [v for eqn in needed for v in eqn.operands] + [t.value for t in results]
    constants = list(dict.fromkeys(v for v in used if v.constant))
    places = {v: k for k, v in enumerate([*constants, x.value, *(eqn.result for eqn in needed)])}
    arrays = INTERVALS.arrays
    lines = [(arrays.function(eqn.operation), [places[v] for v in eqn.operands]) for eqn in needed]
    return Program([v.value for v in constants], lines, [places[t.value] for t in results])


def _needed(tape: Tape, results: Sequence[Tensor]) -> list[Equation]:
    """The equations that results come from, in order. Raises NotSupported where one has parameters."""
    wanted: set[Traced] = {t.value for t in results}
    needed = []
    for eqn in reversed(tape.arrays.equations):
        if eqn.result in wanted:
            if eqn.parameters:
                raise NotSupported(f"the derivative of a function of one number: {eqn.operation} wants parameters")
            wanted.update(eqn.operands)
            needed.append(eqn)
    return needed[::-1]
