"""The context of PyTorch's tensors: its values are float64's but for rounding, and PyTorch's own tools pass through."""

import math

import pytest

torch = pytest.importorskip("torch")

import native_values  # noqa: E402

import scalarspec as ss  # noqa: E402
from scalarspec.core.operations import OPERATIONS  # noqa: E402

F32, F64, SHORT = (ss.context("torch", dtype=name) for name in ("float32", "float64", "bfloat16"))
CONTEXTS = [F32, F64, SHORT]
PYTORCHS_OWN = {("float32", "gelu"): [(math.inf,)]}
"""Where PyTorch's function has another special value: its vectorised gelu is NaN at inf."""


@pytest.mark.parametrize("floats", CONTEXTS, ids=str)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_float64s(operation, floats):
    found, tried = native_values.misses(floats, operation)
    assert tried
    assert not found


@pytest.mark.parametrize("floats", [F32, F64], ids=str)
@pytest.mark.parametrize("operation", native_values.OF_NUMBERS)
def test_special_values_are_float64s(operation, floats):
    found = [point for point, *_ in native_values.special_misses(floats, operation)]
    assert found == PYTORCHS_OWN.get((floats.format, operation), [])


def native_gradients(function, point):
    xs = [torch.tensor(x, requires_grad=True) for x in point]
    value = function(*xs)
    return torch.autograd.grad(value, xs, materialize_grads=True) if value.requires_grad else [0 * x for x in point]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_gradients_are_ours(operation):
    for point, found, wanted in native_values.gradients(F64, operation, native_gradients):
        for f, w in zip(found, wanted, strict=True):
            assert not native_values.far(F64, f, w), (point, f, w)
