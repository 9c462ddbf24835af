"""The context of JAX's arrays: its values are float64's but for rounding, and JAX's own tools pass through."""

import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
import native_values  # noqa: E402

import scalarspec as ss  # noqa: E402
from scalarspec.core.operations import OPERATIONS  # noqa: E402

F32, SHORT = (ss.context("jax", dtype=name) for name in ("float32", "bfloat16"))


@pytest.fixture
def double():
    """The context of float64, while JAX is told to have it."""
    with jax.enable_x64(True):
        yield ss.context("jax", dtype="float64")


@pytest.mark.parametrize("floats", [F32, SHORT], ids=str)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_float64s(operation, floats):
    found, tried = native_values.misses(floats, operation)
    assert tried
    assert not found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_float64s_in_double_precision(operation, double):
    found, tried = native_values.misses(double, operation)
    assert tried
    assert not found


@pytest.mark.parametrize("operation", native_values.OF_NUMBERS)
def test_special_values_are_float64s(operation):
    assert not native_values.special_misses(F32, operation)


def native_gradients(function, point):
    return jax.grad(function, tuple(range(len(point))))(*map(jnp.asarray, point)) if point else ()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_gradients_are_ours(operation, double):
    for point, found, wanted in native_values.gradients(double, operation, native_gradients):
        for f, w in zip(found, wanted, strict=True):
            assert not native_values.far(double, f, w), (point, f, w)
