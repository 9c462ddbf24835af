"""Every operation under every interpreter, from the table; and that wrong facts and silence do not pass."""

import pytest

from scalarspec import conformance
from scalarspec.core.operations import OPERATIONS

SIZED = "matrix_form takes sizes as variables, and these specs name theirs"
WEIGHTS = "a matrix and what it is multiplied with do not yet vary together"
REFUSED = {
    ("reshape", "matrix"): SIZED,
    ("matmul", "tolerance_exact"): WEIGHTS,
    ("matmul", "tolerance_rounded"): WEIGHTS,
    ("affine", "tolerance_exact"): WEIGHTS,
    ("affine", "tolerance_rounded"): WEIGHTS,
    ("affine_rows", "tolerance_exact"): WEIGHTS,
    ("affine_rows", "tolerance_rounded"): WEIGHTS,
}
"""What is refused, by name, and why."""


@pytest.mark.parametrize("reading", conformance.READINGS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_holds_under_a_reading(operation, reading):
    found = conformance.check(operation, reading)
    assert found.status == ("refused" if (operation, reading) in REFUSED else "holds"), str(found)
