"""A spec read under one context: its result, its named stages, and the operations that it did."""

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

FLOAT_BITS, POWER = 64, 64
"""How long an argument is, about; the largest exponent that `pow` multiplies out."""
PRODUCTS = {"multiply", "divide", "matmul", "affine", "affine_rows"}
SUMS = {"sum", "mean", "mean_square", "matmul", "affine", "affine_rows"}
"""Whose results are as long as all terms together, where these have denominators of their own."""

RESULT = "result"
"""What the result is called where the spec does not name it."""

RATIONAL_AT = {
    "exp": 0, "expm1": 0, "expm1mx": 0, "sin": 0, "cos": 0, "tan": 0, "atan": 0, "erf": 0, "tanh": 0, "sinh": 0,
    "cosh": 0, "sigmoid": 0, "logcosh": 0, "log": 1, "log1p": 0,
}  # fmt: skip
"""The one rational at which such a function has a rational value that `rational` gives."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A spec under one context. stages: by name, in order, the result last; equations: its operations on arguments."""

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
    ) -> Reading:
        """The spec at arguments lifted to the context. given: what to go on with in the place of its own stages."""
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
        """About how many bits the longest numbers would take in rationals."""
        bits: dict[Any, int] = {}
        divided: set[Any] = set()
        for eqn in self.equations:
            lengths = [bits.get(x, FLOAT_BITS) for x in eqn.operands]
            if eqn.operation in PRODUCTS or eqn.operation == "pow":
                length = sum(lengths) if eqn.operation in PRODUCTS else POWER * max(lengths)
            elif eqn.operation in ("square", "mean_square"):
                length = 2 * lengths[0]
            else:
                length = max(lengths)
            if eqn.operation in ("divide", "reciprocal") or not divided.isdisjoint(eqn.operands):
                divided.add(eqn.result)
                length = sum([length, *lengths[1:]]) if eqn.operation in ("add", "subtract") else length
                length *= max(x.shape.size for x in eqn.operands) if eqn.operation in SUMS else 1
            bits[eqn.result] = length
        return max(bits.values(), default=0)

    def surely_irrational(self) -> bool:
        """Was a function taken of a number that is not the one at which its value is rational?"""
        for eqn in self.equations:
            if eqn.operation in RATIONAL_AT:
                x = Tensor(self.context, eqn.operands[0].shape, eqn.operands[0].value)
                point = RATIONAL_AT[eqn.operation]
                if np.any((inf(x) > point) | (sup(x) < point)):
                    return True
        return False
