"""A spec evaluated under one context: its result, its named stages, and the operations that it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core.arguments import bind
from scalarspec.core.context import Context
from scalarspec.core.lifting import lifted_arguments
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Tensor
from scalarspec.errors import DomainError, NotSupported, ScalarSpecError, Undecided
from scalarspec.tracing.tape import Equation, Tape
from scalarspec.tracing.trace import trace

FLOAT_BITS = 64
"""About how many bits an argument takes as a rational number: a float64's mantissa, and an exponent near 0."""
POWER = 64
"""The factor by which `pow` lengthens a number at most: the largest exponent that is multiplied out."""

RESULT = "result"
"""The name of the result where the spec gives it none."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A spec evaluated under one context, at points or boxes.

    context: the one that it was evaluated under; stages: its named intermediate results, in order, the result last;
    equations: the operations that it did on its arguments, in order; failure: why it did no more, where it went as far
    as it could.
    """

    context: Context[Any]
    stages: dict[str, Tensor]
    equations: list[Equation]
    failure: ScalarSpecError | None = None

    @classmethod
    def of(
        cls,
        spec: Callable[..., Tensor],
        args: Sequence[Any],
        context: Context[Any],
        given: Mapping[str, Tensor] | None = None,
        partly: bool = False,
    ) -> Evaluation:
        """The evaluation of a spec at arguments, which are lifted to the context.

        given: tensors of the context to go on with in the place of the spec's own stages of these names; partly: where
        an operation has no value, or a branch is not decided, are the stages before it the answer?
        """
        lifted = lifted_arguments(bind(spec, args), context).values()
        tape = Tape(context, given or {})
        on_tape = [tape.variable(value) if isinstance(value, Tensor) else value for value in lifted]
        try:
            traced = trace(tape, spec, on_tape, ())  # what models hold is constant
        except (DomainError, Undecided, NotSupported) as failure:
            if not partly:
                raise
            before = {name: stage.found for name, stage in tape.arrays.stages.items()}
            stages = {name: Tensor(context, x.shape, x.value) for name, x in before.items()}
            return cls(context, stages, tape.arrays.equations, failure)
        result, staged = traced.result, traced.stages
        found = {name: stage.found for name, stage in staged.items()}
        if not staged or result is not list(staged.values())[-1].handed:
            found[RESULT if RESULT not in found else f"{RESULT}#2"] = result
        return cls(context, {name: traced.tensor(x) for name, x in found.items()}, traced.equations)

    @property
    def result_name(self) -> str:
        """The name of the last stage."""
        return next(reversed(self.stages))

    @property
    def result(self) -> Tensor:
        """The value of the spec."""
        return self.stages[self.result_name]

    @property
    def bits(self) -> int:
        """The precision of an enclosure, in bits; 53 for contexts that state none."""
        return int(getattr(self.context, "prec", 53))

    def exact_bits(self) -> int:
        """About how many bits the longest number would take in rationals, by which one sees whether they are worth a
        try.
        """
        bits: dict[Any, int] = {}
        fractions: set[Any] = set()  # values with denominators of their own
        for eqn in self.equations:
            lengths = [bits.get(x, FLOAT_BITS) for x in eqn.operands]
            length = _length(eqn, lengths)
            if eqn.operation in ("divide", "reciprocal") or not fractions.isdisjoint(eqn.operands):
                fractions.add(eqn.result)
                length = _of_fractions(eqn, lengths, length)
            bits[eqn.result] = length
        return max(bits.values(), default=0)

    def surely_irrational(self) -> bool:
        """Was a function taken of a number that is not the one at which its value is rational? Then rationals need not
        be tried.
        """
        return any(self._leaves_rationals(eqn) for eqn in self.equations)

    def _leaves_rationals(self, eqn: Equation) -> bool:
        """Is the result of an equation irrational for some element, whatever its operand's enclosure holds?"""
        point = OPERATIONS[eqn.operation].rational
        if not isinstance(point, int):
            return False
        operand = eqn.operands[0]
        x = Tensor(self.context, operand.shape, operand.value)
        return bool(np.any((inf(x) > point) | (sup(x) < point)))


def _length(eqn: Equation, lengths: Sequence[int]) -> int:
    """About how many bits a result takes, where denominators are powers of two alone."""
    if OPERATIONS[eqn.operation].graph in ("bilinear", "quotient"):
        return sum(lengths)
    if eqn.operation in ("square", "mean_square"):
        return 2 * lengths[0]
    return POWER * max(lengths) if eqn.operation == "pow" else max(lengths)


def _of_fractions(eqn: Equation, lengths: Sequence[int], length: int) -> int:
    """About how many bits a result takes, where numbers have denominators of their own. length: where they have
    none.
    """
    if eqn.operation in ("add", "subtract"):
        return length + lengths[-1]
    added_up = OPERATIONS[eqn.operation].floats == "sum"  # as long as all terms together
    return length * max(x.shape.size for x in eqn.operands) if added_up else length
