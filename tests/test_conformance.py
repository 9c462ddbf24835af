"""Every operation under every interpreter, from the table; and that wrong facts and silence do not pass."""

import pytest
from generated_code import called, compiled

import scalarspec as ss
from scalarspec import conformance
from scalarspec.conformance.examples import examples
from scalarspec.conformance.readings import written
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


@pytest.mark.parametrize("operation", OPERATIONS)
def test_generated_c_gives_the_values(operation, tmp_path):
    for i, example in enumerate(examples(OPERATIONS[operation])):
        folder = tmp_path / str(i)
        folder.mkdir()
        found = ss.derive(example.named, *(ss.Shape(x.shape) for x in example.low))
        function, size = compiled(found.c99("generated"), "generated", folder), found.value.size
        shape = found.value.shape
        missed = written(example, lambda *xs, f=function, n=size, s=shape: called(f, xs, [n])[0].reshape(s))
        assert not missed, missed
