"""Fused loops give the bits of the plain ones, and an ulp in one is seen."""

import random

import fuzz_bulk
import numpy as np
import pytest
from conftest import CONTEXTS
from faults import off_by

from scalarspec.backends.interval64.ends import LAST
from scalarspec.backends.interval64.fused import FUSED as FUSED_OPERATIONS
from scalarspec.backends.interval64.fused import without_plain_form
from scalarspec.backends.interval64.point import ends_of
from scalarspec.core import functions
from scalarspec.numbers import numba_kernels

C = CONTEXTS["interval64"]
FUSED = CONTEXTS["fused"]
BULK = fuzz_bulk.BULK


@pytest.mark.parametrize("operation", BULK)
def test_fused_loops_give_the_same_bits(operation):
    """One text, read by NumPy for arrays and by numba for elements; NaN stands for an end that is not known."""
    cases = fuzz_bulk.bulk_boxes(operation, random.Random(f"{operation} fused"), 300)
    operands = [[np.array([float(case[k][end]) for case in cases]) for end in (0, 1)] for k in range(len(cases[0]))]
    name, *exponent = operation.split()
    plain, loops = (
        getattr(functions, name)(*(c.box(*ends) for ends in operands), *map(int, exponent)).value for c in (C, FUSED)
    )
    plain, loops = (np.where(np.isnan(ends), np.inf, ends_of(ends)) for ends in (plain, loops))
    finite = np.isfinite(plain) & np.isfinite(loops)
    assert np.array_equal(plain[~finite], loops[~finite])
    assert np.all(np.abs(plain[finite] - loops[finite]) <= LAST)


@pytest.mark.parametrize("loop", ["add", "subtract", "scaled", "square", "relu", "expm1mx", "exp", "tanh", "log"])
def test_an_ulp_in_a_fused_loop_is_caught(monkeypatch, loop):
    if loop in numba_kernels.INCREASING:
        monkeypatch.setitem(numba_kernels.INCREASING, loop, off_by(numba_kernels.INCREASING[loop], 1))
    else:
        monkeypatch.setattr(numba_kernels, loop, off_by(getattr(numba_kernels, loop), 1))
    if loop == "scaled":
        x = np.array([1.5, 2.25])
        assert not np.array_equal(*((c.box(x, x + 1) * c.tensor([3.0, -1.1])).value for c in (C, FUSED)))
    else:
        with pytest.raises(AssertionError):
            test_fused_loops_give_the_same_bits(loop)


def test_a_misspelt_fused_operation_is_named():
    assert without_plain_form(FUSED_OPERATIONS) == set()
    assert without_plain_form({**FUSED_OPERATIONS, "multiplied": FUSED_OPERATIONS["multiply"]}) == {"multiplied"}
