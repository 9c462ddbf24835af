"""The rules by which affine functions go through linear operations: those of the tensors, and of their gradients."""

import itertools

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding import bilinear_operations
from scalarspec.core.indexing import Fixed
from scalarspec.core.operations import having
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.tracing.gradient import vjp

FLOAT = ss.context("float64")
BOXES, ROWS = 2, 3
KEY = (slice(None), 1)
CASES = {
    "add": [((2, 3), (2, 3)), ((2, 3), ()), ((), (2,))],
    "subtract": [((2, 3), (2, 3)), ((), (3,)), ((3,), ())],
    "multiply": [((2, 3), (2, 3)), ((), (3,)), ((3,), ())],
    "divide": [((2, 3), (2, 3)), ((3,), ()), ((), (3,))],
    "negative": [((2, 3),)],
    "sum": [((2, 3), {"axis": (1,)}), ((2, 3), {"axis": (0, 1)})],
    "mean": [((2, 4), {"axis": (1,), "count": 4}), ((2, 4), {"axis": (0, 1), "count": 8})],
    "getitem": [((2, 3), {"index": KEY}), ((4,), {"index": (slice(None, None, 2),)}), ((4,), {"index": (2,)}),
                ((4,), {"index": (Fixed([3, 0, 3]),)}),
                ((2, 2, 3), {"index": (slice(None), *map(Fixed, [[1, 1, 0], [2, 2, 0]]))})],
    "scatter": [((2,), {"index": KEY, "shape": Shape((2, 3))})],
    "reshape": [((2, 3), {"shape": Shape((3, 2))}), ((1,), {"shape": Shape(())})],
    "matrix_transpose": [((2, 3), {}), ((2, 3, 4), {})],
    "broadcast_to": [
        ((3,), {"shape": Shape((2, 3))}), ((2, 1), {"shape": Shape((2, 3))}), ((), {"shape": Shape((2,))})
    ],
    "stack": [((2,), (2,), (2,), {"axis": 0}), ((2,), (2,), {"axis": 1})],
    "matmul": [
        ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((3,), (3,)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2)),
        ((2, 3), (4, 3, 2)), ((4, 2, 3), (3, 2)), ((4, 1, 2, 3), (5, 3, 2)), ((1, 2, 3), (4, 3, 1)),
    ],
    "permute_dims": [((2, 3, 4), {"axes": (2, 0, 1)})],
    "concat": [((2, 3), (1, 3), {"axis": 0}), ((2, 1), (2, 3), {"axis": 1})],
    "patches": [((2, 5, 4), {"kernel": (2, 2), "stride": (2, 1), "dilation": (1, 2)})],
    "fold": [((2, 2, 2, 2, 2), {"stride": (2, 1), "dilation": (1, 2), "size": (5, 4)})],
    "cumulative_sum": [((2, 3), {"axis": (1,)}), ((3,), {"axis": (0,)})],
    "affine": [((2, 3), (3,), (2,))],
    "affine_rows": [((2, 3), (4, 3), (2,), {"shape": Shape((4, 2))})],
}  # fmt: skip
EVERY = [(name, case) for name, cases in CASES.items() for case in cases]


def arrays(operation, case, leads, seed=0):
    """Operands of small whole numbers, powers of two for divisors; leads: how many boxes and rows each has."""
    rng = np.random.default_rng(seed)
    shapes = [part for part in case if not isinstance(part, dict)]
    values = [rng.integers(-8, 9, (*lead, *shape)) for lead, shape in zip(leads, shapes, strict=True)]
    if operation == "divide":
        values[1] = 2.0 ** (values[1] % 4)
    return [v.astype(float) for v in values], next((part for part in case if isinstance(part, dict)), {})


def each(value, box, row):
    """The value of one box and row."""
    return value[min(box, len(value) - 1), min(row, value.shape[1] - 1)]


def ways(case):
    """Operands that are the same for all boxes, or for all rows, or differ: each with each."""
    count = sum(not isinstance(part, dict) for part in case)
    return itertools.product([(1, 1), (BOXES, 1), (BOXES, ROWS)], repeat=count)


@pytest.mark.parametrize(("operation", "case"), EVERY)
def test_forwards_as_the_tensors(operation, case):
    for leads in ways(case):
        operands, parameters = arrays(operation, case, leads)
        found = bilinear_operations.forward(operation, operands, parameters)
        for box in range(BOXES):
            for row in range(ROWS):
                alone = [FLOAT.tensor(each(v, box, row)).value for v in operands]
                assert np.array_equal(each(found, box, row), FLOAT.arrays.apply(operation, *alone, **parameters))


@pytest.mark.parametrize(("operation", "case"), EVERY)
def test_backwards_as_the_gradients(operation, case):
    for leads in ways(case):
        operands, parameters = arrays(operation, case, leads)
        result = bilinear_operations.forward(operation, operands, parameters)
        g = np.random.default_rng(1).integers(-8, 9, (BOXES, ROWS, *result.shape[2:])).astype(float)
        shares = bilinear_operations.cotangents(operation, g, operands, parameters)
        for i, share in enumerate(shares[: 1 if operation == "divide" else None]):
            found = share()
            for box in range(BOXES):
                for row in range(ROWS):
                    expected = gradient(operation, parameters, [each(v, box, row) for v in operands], g[box, row], i)
                    assert np.array_equal(found[box, row], expected)


def gradient(operation, parameters, operands, g, i):
    """By the rules of gradients, on tensors."""
    tensors = [FLOAT.tensor(v) for v in operands]
    _, pulled = vjp(lambda *given: on_tape(operation, given, parameters), tuple(range(len(tensors))))(*tensors)
    return np.asarray(pulled(FLOAT.tensor(g))[i])


def on_tape(operation, given, parameters):
    context = given[0].context
    found = context.arrays.apply(operation, *(t.value for t in given), **parameters)
    return Tensor(context, found.shape, found)


def test_every_linear_operation_has_its_cases():
    assert CASES.keys() == having(graph=("linear", "bilinear", "quotient")) == bilinear_operations.COTANGENTS.keys()


def test_what_has_no_rule_is_refused_by_name():
    with pytest.raises(ss.errors.NotSupported, match="linear bounds: floor has no rule for affine functions"):
        bilinear_operations.forward("floor", [np.zeros((1, 1, 2))], {})
    _, divisor = bilinear_operations.cotangents("divide", np.ones((1, 1, 2)), [np.ones((1, 1, 2))] * 2, {})
    with pytest.raises(ss.errors.NotSupported, match="a quotient is not linear in its divisor"):
        divisor()
