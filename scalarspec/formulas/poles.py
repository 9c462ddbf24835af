"""Where an operation may be infinite though its operands are finite."""

from __future__ import annotations

from fractions import Fraction

from scalarspec.formulas.operations import POLES


def has_pole(operation: str, last_varies: bool, exponent: Fraction | None) -> bool:
    """Is the operation one that may be infinite where its operands are finite?

    last_varies: does the last operand depend on variables? exponent: of a power, if it is a known number.
    """
    if operation == "pow":
        return exponent is None or exponent < 0 or exponent.denominator > 1
    return last_varies and operation in POLES
