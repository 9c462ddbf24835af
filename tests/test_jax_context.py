"""The context of JAX's arrays: its values are float64's but for rounding, and JAX's own tools pass through."""

import pickle
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
import native_values  # noqa: E402

import scalarspec as ss  # noqa: E402
from scalarspec.core.operations import OPERATIONS  # noqa: E402
from scalarspec.errors import ArgumentError, ContextMismatch, NotSupported  # noqa: E402
from scalarspec.numbers import formats  # noqa: E402

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


def test_a_function_that_is_another_is_caught(monkeypatch, double):
    monkeypatch.setitem(F32.arrays.table, "expm1", lambda x: 2 * jnp.expm1(x))
    assert native_values.misses(F32, "expm1")[0]
    assert native_values.special_misses(F32, "expm1")
    pairs = list(native_values.gradients(double, "expm1", native_gradients))
    assert any(native_values.far(double, f, w) for _, fs, ws in pairs for f, w in zip(fs, ws, strict=True))


# ---- arrays go in and out -------------------------------------------------------------------------------------------


def test_an_array_of_the_format_is_taken_as_it_is():
    x = jnp.ones((2, 3))
    t = F32.tensor(x)
    assert t.value is x
    assert t.value.unsafe_buffer_pointer() == x.unsafe_buffer_pointer()
    assert t.shape == (2, 3)
    assert ss.lift(ss.layers.Linear(x, [0.0, 0.0]), F32).weight.value is x
    assert (x * t).tolist() == np.ones((2, 3)).tolist()
    assert SHORT.tensor(x).value.dtype == jnp.bfloat16
    assert F32.tensor(jnp.array([1, 2])).value.dtype == jnp.float32
    for other in (jnp.array([True]), jnp.array([1j])):
        with pytest.raises(ArgumentError):
            F32.tensor(other)


def test_numbers_are_rounded_once(double):
    third, between = Fraction(1, 3), 1 + Fraction(1, 2**8) + Fraction(1, 2**40)  # between two of bfloat16, by a hair
    for floats in (F32, SHORT, double):
        wanted = formats.named(floats.format).nearest(third)
        for given in (third, "1/3", [third], np.array(third, dtype=object)):
            assert set(np.ravel(floats.tensor(given).tolist())) == {float(wanted)}
    assert SHORT.tensor(np.array([float(between)])).tolist() == [1 + 2.0**-7]
    assert double.tensor(np.array([0.1])).tolist() == [0.1]


def test_nothing_is_promoted_to_another_format(double):
    for floats in (F32, SHORT, double):
        x = floats.tensor([1, 2])
        for y in (
            x + 1,
            x * "0.1",
            ss.gelu(x) / 3,
            ss.softmax(x),
            x**2,
            ss.where(x > 1, 0, x),
            ss.lgamma(x),
            ss.mean(x),
        ):
            assert y.value.dtype == floats.arrays.dtype


def test_double_precision_is_refused_where_jax_would_take_less():
    with pytest.raises(ArgumentError, match="jax_enable_x64"):
        ss.context("jax", dtype="float64")
    with jax.enable_x64(True):
        double = ss.context("jax", dtype="float64")
    with pytest.raises(ArgumentError, match="jax_enable_x64"):
        double.tensor([1.0])
    with pytest.raises(ArgumentError, match="float32, float64, bfloat16"):
        ss.context("jax", dtype="float8")


# ---- JAX's transformations ------------------------------------------------------------------------------------------


def energy(w, x):
    """A spec with most kinds of operations in it."""
    h = ss.tanh(ss.affine(w, x, [0.5, -0.5]))
    return ss.logsumexp(ss.concat([h, ss.softmax(h)[::-1]])) + ss.mean(ss.where(h > 0, ss.square(h), ss.expm1mx(h)))


W, X = np.array([[1.0, -2.0, 0.5], [0.25, 1.0, -1.0]]), np.array([[0.5, 1.0, -1.0], [2.0, 0.0, 1.0]])


def native_energy(w, x):
    return energy(F32.tensor(w), F32.tensor(x)).value


def test_transformations_pass_through():
    w, xs = jnp.asarray(W, dtype=jnp.float32), jnp.asarray(X, dtype=jnp.float32)
    wanted = [np.asarray(ss.grad(energy)(native_values.FLOAT64.tensor(W), x)) for x in X]
    each = jax.jit(jax.vmap(jax.grad(native_energy), in_axes=(None, 0)))(w, xs)
    assert np.allclose(each, wanted, rtol=1e-5, atol=1e-6)
    assert np.allclose(np.asarray(ss.grad(energy)(F32.tensor(w), F32.tensor(xs[0]))), wanted[0], rtol=1e-5, atol=1e-6)
    inside = jax.jit(lambda w, x: ss.grad(energy)(F32.tensor(w), F32.tensor(x)).value)(w, xs[0])
    assert np.allclose(inside, wanted[0], rtol=1e-5, atol=1e-6)
    second = jax.hessian(native_energy, argnums=1)(w, xs[0])
    assert np.allclose(
        second, np.asarray(ss.hessian(energy, 1)(*map(native_values.FLOAT64.tensor, (W, X[0])))), atol=1e-5
    )


def test_a_literal_that_is_first_met_in_a_trace_serves_later():
    jax.jit(lambda x: (F32.tensor(x) * "127/457").value)(jnp.ones(2))
    assert (F32.tensor(jnp.ones(2)) * "127/457").tolist() == [np.float32(127 / 457)] * 2


def test_prepared_and_batched():
    w, x = jnp.asarray(W, dtype=jnp.float32), jnp.asarray(X[0], dtype=jnp.float32)
    run = ss.prepare(energy, W, X[0], inputs=("w", "x"), backend=F32)
    assert np.allclose(jax.grad(lambda w: run(w, x).value)(w), jax.grad(native_energy)(w, x))
    assert np.isclose(jax.jit(run.run)(w, x), native_energy(w, x))
    rows = ss.batched(energy, over="x")(F32.tensor(W), F32.tensor(X))
    assert np.allclose(np.asarray(rows), [run(W, x).item() for x in X], rtol=1e-6)


def test_what_looks_at_numbers_in_a_trace_is_refused():
    with pytest.raises(NotSupported, match="cannot be looked at"):
        jax.jit(lambda x: ss.sum(F32.tensor(x)).item())(jnp.ones(2))


def test_a_branch_that_no_element_takes_is_not_called():
    x = F32.tensor([1.0, 2.0])
    assert ss.where(x > 0, x, lambda: pytest.fail("called")).tolist() == [1.0, 2.0]
    both = jax.jit(lambda v: ss.where(F32.tensor(v) > 0, 1, lambda: F32.tensor(v)).value)
    assert both(jnp.array([1.0, -2.0])).tolist() == [1.0, -2.0]


# ---- models are pytrees ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Scaled:
    """Numbers of every kind, settings among them."""

    net: Any
    factors: Any
    table: Any
    name: str = "scaled"
    count: int = 2
    mask: Any = None
    again: Any = None

    def __call__(self, x):
        y = self.net(x) * self.factors + self.table["shift"]
        return ss.sum(y if self.mask is None else ss.where(self.mask, y, 0)) * self.count


def scaled(**more):
    net = ss.layers.Sequential(ss.layers.Linear([[1.0, 2.0], [0.5, -1.0]], [0.0, 1.0]), ss.layers.tanh)
    return ss.lift(Scaled(net, [1.0, 2.0], {"shift": np.array([0.5, 0.25])}, **more), F32)


def test_models_are_differentiated_and_updated():
    model, x = scaled(mask=[True, False]), jnp.array([0.5, -1.0])

    def loss(model, x):
        return ss.square(model(F32.tensor(x))).value

    found = jax.grad(loss)(model, x)
    wanted = ss.grad(lambda m, x: ss.square(m(x)))(model, F32.tensor(x))
    assert type(found) is Scaled
    assert isinstance(found.factors, ss.Tensor)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert np.allclose(one, other, rtol=1e-5)
    step = jax.jit(lambda model, x: jax.tree.map(lambda p, g: p - 0.01 * g, model, jax.grad(loss)(model, x)))
    later = model
    for _ in range(20):
        later = step(later, x)
    assert loss(later, x) < loss(model, x)
    assert (later.name, later.count) == ("scaled", 2)
    assert jax.tree.structure(later) == jax.tree.structure(model)
    assert np.asarray(later.factors).dtype == np.float32


def test_settings_and_shared_parts():
    model = scaled()
    assert len(jax.tree.leaves(model)) == 4
    assert jax.tree.structure(model) == jax.tree.structure(scaled())
    for other in (scaled(name="other"), scaled(count=3), scaled(mask=[True, True])):
        assert jax.tree.structure(model) != jax.tree.structure(other)
    assert jax.tree.structure(scaled(mask=[True, True])) != jax.tree.structure(scaled(mask=[True, False]))
    shared = np.ones(2)
    twice = ss.lift(Scaled(ss.layers.relu, shared, {"shift": shared}), F32)
    moved = jax.tree.map(lambda a: a + 1, twice)
    assert len(jax.tree.leaves(twice)) == 1
    assert moved.factors is moved.table["shift"]
    jax.tree.map(lambda a: None, model)  # JAX puts anything in the place of leaves
    assert str(jax.tree.map(jnp.shape, model).factors.value) == "(2,)"


def test_a_model_that_changes_is_flattened_anew():
    model = scaled()
    before = jax.tree.leaves(model)
    model.table["shift"] = F32.tensor([7.0, 7.0])  # a dictionary: the model may change
    assert [np.asarray(leaf).tolist() for leaf in jax.tree.leaves(model)] != [np.asarray(b).tolist() for b in before]


def test_what_a_model_is_made_of_is_forgotten_with_it():
    jax_file = sys.modules["scalarspec.backends.jax"]
    model = ss.lift(ss.layers.Linear([[1.0]], [0.0]), F32)
    assert len(jax.tree.leaves(model)) == 2
    assert id(model) in jax_file._FLAT
    key = id(model)
    del model
    assert key not in jax_file._FLAT


def test_tensors_are_pytrees():
    t = jax.jit(lambda t: t * 2)(F32.tensor([1.0, 2.0]))
    assert t.tolist() == [2.0, 4.0]
    assert t.context == F32
    assert jax.jit(lambda t: t > 1)(t).tolist() == [True, True]
    rows = jax.vmap(lambda t: t[0] + 1)(F32.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert rows.tolist() == [2.0, 4.0]


def test_contexts_are_told_apart():
    assert ss.context("jax") == F32 != SHORT
    assert pickle.loads(pickle.dumps(SHORT)) == SHORT
    assert pickle.loads(pickle.dumps(F32.tensor([1.0]))).tolist() == [1.0]
    with pytest.raises(ContextMismatch):
        _ = F32.tensor([1]) + SHORT.tensor([1])
    assert repr(F32.tensor([1.5])) == "Tensor([1.5], (1,), jax)"
