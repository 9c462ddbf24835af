"""Facts about operations that the formulas rest on, each in one place: from the table, and what it does not say."""

from __future__ import annotations

from scalarspec.core.operations import OPERATIONS, SCALAR_KINDS, find, having

ELEMENTWISE = having(kind=SCALAR_KINDS) - {"pi"}
"""Done on each element by itself: those of a scalar that have operands."""


def is_read(operation: str) -> bool:
    """Is an operation read in its definition in others, those that are added included?"""
    line = find(operation, "formulas")
    return line.defined or (line.floats == "defined" and not line.scalar)


READ = frozenset(filter(is_read, OPERATIONS))

TERMS = frozenset(OPERATIONS) - READ
"""What terms are."""

TENSOR_OPERATIONS = having(scalar=False) - READ
"""What arrays do beside the elementwise operations."""

REDUCTIONS = frozenset(name for name in having(kind="reduction") - READ if "axis" in OPERATIONS[name].parameters)
"""Along the axes of the parameter `axis`."""

WINDOWED = frozenset(name for name, line in OPERATIONS.items() if "stride" in line.parameters)
"""Of windows: how many there are is no product of sizes."""

RATIONAL = having(kind=SCALAR_KINDS, rational="always") - {"divide", "reciprocal"}
"""Rational, or decided, at all rational operands: these are worked out where all operands are numbers.

A division may be one by 0, and stays as it is.
"""

LINEAR = having(kind=("reduction", "structure"), graph="linear", operands=1)
"""Linear in the one operand, whatever the parameters are: what gives 0 for 0."""

POLES = having(border="pole")
"""Infinite where the last operand comes to the border of its domain (`pow` depends on its exponent)."""

STEEP = having(border=("pole", "steep"))
"""Not Lipschitz near the border of the domain of the last operand."""

TIES = having(kinks="tie")
"""A choice among operands, with a kink where two are equal."""
