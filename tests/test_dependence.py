"""Masks of what elements depend on, held against what changes when one number does."""

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.core.applied import applied
from scalarspec.tracing.dependence import dependence
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import trace

FLOATS = ss.context("float64")
SPECS = {
    "softmax": (lambda x: ss.softmax(x, axis=0), (2, 3)),
    "log_softmax": (lambda x: ss.log_softmax(x), (2, 3)),
    "cumulative_sum": (lambda x: ss.cumulative_sum(x, axis=1), (2, 3)),
    "fold": (lambda x: applied("fold", x, stride=(1,), dilation=(2,), size=(5,)), (2, 3)),
    "patches": (lambda x: applied("patches", x, kernel=(2,), stride=(1,), dilation=(2,)), (2, 5)),
    "permute_dims": (lambda x: ss.permute_dims(x, (2, 0, 1)), (2, 1, 3)),
    "concat": (lambda x: ss.concat([x[:1], x * 2, x[1:]]), (3, 2)),
    "taken": (lambda x: x[[2, 0, 2]], (3, 2)),
    "taken in the plane": (lambda x: x[[0, 1, 0], [1, 1, 1]], (2, 2)),
    "scatter": (lambda x: applied("scatter", x, index=(slice(1, 3),), shape=(4, 2)), (2, 2)),
    "sum": (lambda x: ss.sum(x, axis=1), (2, 3)),
    "max": (lambda x: ss.max(x, axis=1), (2, 3)),
    "logsumexp": (lambda x: ss.logsumexp(x, axis=(0, 2)), (2, 3, 2)),
    "stack": (lambda x: ss.stack([x, x * 2], axis=1), (2, 3)),
    "broadcast_to": (lambda x: ss.broadcast_to(x, (2, 2, 3)), (2, 1)),
    "many matrices": (lambda x: ss.matmul(x, np.array([[1.0, 2.0], [0.0, 1.0]])), (2, 1, 2)),
}
LINEAR = {*SPECS} - {"softmax", "log_softmax", "max", "logsumexp", "many matrices"}
"""Of which a mask is the dependence itself, and no more."""


@pytest.mark.parametrize("name", SPECS)
def test_a_mask_holds_all_that_a_result_depends_on(name):
    spec, shape = SPECS[name]
    x = np.random.default_rng(0).normal(size=shape) * 0.1
    t = FLOATS.tensor(x)
    traced = trace(Tape(FLOATS), spec, [t], [t])
    result, (start,) = traced.result, traced.inputs
    for index in np.ndindex(*result.shape):
        seed = np.zeros(result.shape, dtype=bool)
        seed[index] = True
        mask = dependence(traced.equations, {result: seed}).get(start, np.zeros(shape, dtype=bool))
        depends = changes(spec, x, index)
        assert np.all(mask >= depends)
        if name in LINEAR:
            assert np.array_equal(np.broadcast_to(mask, shape), depends)


def changes(spec, x, index):
    """Which numbers change an element of the result when they are made the largest of all."""
    before, found = np.asarray(spec(FLOATS.tensor(x))), np.zeros(x.shape, dtype=bool)
    for place in np.ndindex(*x.shape):
        y = x.copy()
        y[place] += 10
        found[place] = np.asarray(spec(FLOATS.tensor(y)))[index] != before[index]
    return found
