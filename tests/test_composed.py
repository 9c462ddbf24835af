"""Every function, activation, loss and layer under every reading: what is composed holds as its parts do."""

from fractions import Fraction
from functools import reduce

import pytest

import scalarspec as ss
from scalarspec import conformance
from scalarspec.conformance.examples import Example
from scalarspec.core.arrays import lift
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import NotSupported
from scalarspec.vocabulary.calls import SIZED, UNROLLED
from scalarspec.vocabulary.page import sections

RADIUS = Fraction(1, 64)
ROWS = {f"{row.room}.{row.name}": row for rows in sections().values() for row in rows if row.call is not None}
COMPOSED = {
    name: row
    for name, row in ROWS.items()
    if row.floats != "refused" and not (row.room == "core" and row.name in OPERATIONS)
}
WITH_ARRAYS = {"layers.Dropout", "loss.cosine_embedding"}
"""Those that are called with arrays beside the arguments, whose sizes are not variables."""
UNCHECKED = {
    "core.all", "core.any", "core.greater", "core.greater_equal", "core.logical_xor", "core.not_equal", "core.xlogy",
    "activation.gelu", "loss.kl_div", "layers.RotaryEncoding", "layers.SinusoidalEncoding", "layers.sinusoids",
}  # fmt: skip
"""Those made of operations that the checker of certificates has no rule for."""


def of_tensors(spec):
    """The spec with a tensor as its result, or None: where it has several, the sum of them; of truths, where they
    hold.
    """

    def of(*args):
        found = spec(*args)
        if isinstance(found, list | tuple):
            return reduce(ss.add, [ss.sum(t) for t in flat(found)])
        return ss.where(found, 1, 0) if isinstance(found, ss.Truth) else found

    return of


def flat(found):
    """The tensors in nested lists and tuples."""
    return [t for each in found for t in (flat(each) if isinstance(each, list | tuple) else [each])]


def example(row):
    """Small boxes around the arguments of the call; None where the result is made of plain numbers."""
    spec, middles = of_tensors(row.call.spec), row.call.arguments(ss.context("rational"))
    if not isinstance(spec(*row.call.arguments(ss.context("float64"))), ss.Tensor):
        return None
    low, high = (tuple(lift(lambda x, d=d: x + d, t.scalars()) for t in middles) for d in (-RADIUS, RADIUS))
    return Example(spec, low, high)


EXAMPLES = {name: found for name, row in COMPOSED.items() if (found := example(row)) is not None}
READINGS = [name for name in conformance.READINGS if name not in ("range_of_values", "empty", "matrix")]


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_composed_holds_under_a_reading(name, reading):
    if reading == "certified" and name in UNCHECKED:
        with pytest.raises(NotSupported, match=r"certificate: .* rule for"):
            conformance.READINGS[reading](EXAMPLES[name])
    else:
        assert conformance.READINGS[reading](EXAMPLES[name]) == ""


@pytest.mark.parametrize("name", sorted({*EXAMPLES} - UNROLLED - WITH_ARRAYS))
def test_matrix_forms_are_right_or_refused_for_their_sizes(name):
    if name in SIZED:
        with pytest.raises(NotSupported, match="matrix_form"):
            conformance.READINGS["matrix"](EXAMPLES[name])
    else:
        assert conformance.READINGS["matrix"](EXAMPLES[name]) == ""


def test_only_places_and_truths_have_no_example():
    assert set(COMPOSED) - set(EXAMPLES) == {
        "core.argmax", "core.argmin", "core.argsort", "core.count_nonzero", "core.searchsorted",
    }  # fmt: skip


def test_a_spec_of_other_values_would_be_seen():
    right = EXAMPLES["loss.mse"]
    wrong = Example(lambda *xs: right.spec(*xs) + 1, right.low, right.high)
    wrong.__dict__["values"] = right.values
    assert all(conformance.READINGS[reading](wrong) for reading in ("interval", "interval64", "linear", "subdivide"))
