"""A spec evaluated under one context: its result, its named stages, and the operations that it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core.arguments import bind, call
from scalarspec.core.context import Context
from scalarspec.core.lifting import lift
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Tensor
from scalarspec.tracing.tape import Equation, Tape

FLOAT_BITS = 64
"""How many bits an argument takes, about: a float64's mantissa, and an exponent near 0."""
POWER = 64
"""The largest exponent that `pow` multiplies out."""

Lengths = Sequence[int]
LENGTH: dict[str, Callable[[Lengths], int]] = {
    **dict.fromkeys(("multiply", "divide", "matmul", "affine", "affine_rows"), sum),
    **dict.fromkeys(("square", "mean_square"), lambda lengths: 2 * lengths[0]),
    "pow": lambda lengths: POWER * max(lengths),
}
"""operation -> about how many bits its result takes, given those of its operands; of others, as many as the longest."""

QUOTIENTS = {"divide", "reciprocal"}
"""Operations from which on numbers have denominators of their own, and no longer powers of two."""
SUMS = {"sum", "mean", "mean_square", "matmul", "affine", "affine_rows"}
"""Operations that add up elements: as long as all terms together, where these have denominators of their own."""

RESULT = "result"
"""What the result is called where the spec does not name it."""

RATIONAL_AT = {
    "exp": 0, "expm1": 0, "expm1mx": 0, "sin": 0, "cos": 0, "tan": 0, "atan": 0, "erf": 0, "tanh": 0, "sinh": 0,
    "cosh": 0, "sigmoid": 0, "logcosh": 0, "log": 1, "log1p": 0,
}  # fmt: skip
"""operation -> the one rational at which it has a rational value, which the context `rational` gives."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A spec under one context.

    context: the one it was evaluated under; stages: its named intermediate results, in order, the result last;
    equations: the operations that it did on its arguments, in order.
    """

    context: Context[Any]
    stages: dict[str, Tensor]
    equations: list[Equation]

    @classmethod
    def of(
        cls,
        spec: Callable[..., Tensor],
        args: Sequence[Any],
        context: Context[Any],
        given: Mapping[str, Tensor] | None = None,
    ) -> Evaluation:
        """The spec at arguments lifted to the context.

        given: tensors of the context to go on with in the place of the spec's own stages of these names.
        """
        tape = Tape(context, given or {})
        lifted = [lift(value, context) for value in bind(spec, args).values()]
        inputs = [tape.variable(value) if isinstance(value, Tensor) else value for value in lifted]
        result = call(spec, inputs, tape).value
        staged = tape.arrays.stages
        found = {name: stage.found for name, stage in staged.items()}
        if not staged or result is not list(staged.values())[-1].handed:
            found[RESULT if RESULT not in found else f"{RESULT}#2"] = result
        stages = {name: Tensor(context, x.shape, x.value) for name, x in found.items()}
        return cls(context, stages, tape.arrays.equations)

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
        """The precision of an enclosure."""
        return int(getattr(self.context, "prec", 53))

    def exact_bits(self) -> int:
        """About how many bits the longest number would take in rationals: whether it is worth while to try them."""
        bits: dict[Any, int] = {}
        fractions: set[Any] = set()  # values with denominators of their own
        for eqn in self.equations:
            lengths = [bits.get(x, FLOAT_BITS) for x in eqn.operands]
            length = LENGTH.get(eqn.operation, max)(lengths)
            if eqn.operation in QUOTIENTS or not fractions.isdisjoint(eqn.operands):
                fractions.add(eqn.result)
                length = _of_fractions(eqn, lengths, length)
            bits[eqn.result] = length
        return max(bits.values(), default=0)

    def surely_irrational(self) -> bool:
        """Was a function taken of a number that is not the one at which its value is rational?"""
        return any(self._leaves_rationals(eqn) for eqn in self.equations if eqn.operation in RATIONAL_AT)

    def _leaves_rationals(self, eqn: Equation) -> bool:
        operand, point = eqn.operands[0], RATIONAL_AT[eqn.operation]
        x = Tensor(self.context, operand.shape, operand.value)
        return bool(np.any((inf(x) > point) | (sup(x) < point)))


def _of_fractions(eqn: Equation, lengths: Lengths, length: int) -> int:
    """How many bits a result takes where the numbers have denominators of their own. length: where they have not."""
    if eqn.operation in ("add", "subtract"):
        return length + lengths[-1]
    return length * max(x.shape.size for x in eqn.operands) if eqn.operation in SUMS else length
