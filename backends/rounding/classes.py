"""How a float computes each operation: one of seven classes, by the table of operations.

exact     the result is a float already: a sign, an operand as it is, another place in the array
choice    one of the operands, as it is
step      it jumps between values that are floats
rounded   the exact result on the floats, rounded once
library   within `libm` ulps of the exact result on the floats
sum       additions, and products before them, in any order and association
composed  a formula of other operations, whose errors are counted in a rule of its own
"""

from __future__ import annotations

from typing import NoReturn

from scalarspec.core.operations import stated
from scalarspec.errors import NotSupported


def class_of(operation: str) -> str:
    """The class of an operation. Raises NotSupported where none is stated."""
    found: str = stated(operation, "floats", "tolerance")
    return found


def refuse(operation: str, what: str) -> NoReturn:
    """Raise the error for an operation of which something that a bound needs is not stated."""
    raise NotSupported(f"tolerance: {operation}: {what} is not stated")
