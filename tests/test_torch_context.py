"""The context of PyTorch's tensors: its values are float64's but for rounding, and PyTorch's own tools pass through."""

import pickle
from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import native_values  # noqa: E402

import scalarspec as ss  # noqa: E402
from scalarspec.core.operations import OPERATIONS  # noqa: E402
from scalarspec.errors import ArgumentError, ContextMismatch, NotSupported  # noqa: E402
from scalarspec.numbers import formats  # noqa: E402

F32, F64, SHORT = (ss.context("torch", dtype=name) for name in ("float32", "float64", "bfloat16"))
CONTEXTS = [F32, F64, SHORT]


@pytest.mark.parametrize("floats", CONTEXTS, ids=str)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_float64s(operation, floats):
    found, tried = native_values.misses(floats, operation)
    assert tried
    assert not found


@pytest.mark.parametrize("floats", [F32, F64], ids=str)
@pytest.mark.parametrize("operation", native_values.OF_NUMBERS)
def test_special_values_are_float64s(operation, floats):
    assert not native_values.special_misses(floats, operation)


def native_gradients(function, point):
    xs = [torch.tensor(x, requires_grad=True) for x in point]
    value = function(*xs)
    return torch.autograd.grad(value, xs, materialize_grads=True) if value.requires_grad else [0 * x for x in point]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_gradients_are_ours(operation):
    for point, found, wanted in native_values.gradients(F64, operation, native_gradients):
        for f, w in zip(found, wanted, strict=True):
            assert not native_values.far(F64, f, w), (point, f, w)


def test_a_function_that_is_another_is_caught(monkeypatch):
    monkeypatch.setitem(F64.arrays.table, "expm1", torch.exp)
    assert native_values.misses(F64, "expm1")[0]
    assert native_values.special_misses(F64, "expm1")
    wrong = [native_values.far(F64, f, w) for _, fs, ws in native_values.gradients(F64, "expm1", native_gradients)
             for f, w in zip(fs, ws, strict=True)]  # fmt: skip
    assert not any(wrong)  # its derivative is right
    monkeypatch.setitem(F64.arrays.table, "expm1", lambda x: 2 * torch.expm1(x))
    pairs = list(native_values.gradients(F64, "expm1", native_gradients))
    assert any(native_values.far(F64, f, w) for _, fs, ws in pairs for f, w in zip(fs, ws, strict=True))


def test_expm1mx_has_its_digits_and_derivatives():
    x = np.array([-30.0, -0.25, -1e-3, 1e-9, 0.2, 3.0])
    for floats in (F32, F64):
        found = np.asarray(ss.expm1mx(floats.tensor(x)))
        wanted = np.asarray(ss.expm1mx(native_values.FLOAT64.tensor(np.asarray(floats.tensor(x)))))
        assert np.all(np.abs(found / wanted - 1) < 8 * native_values.EPSILONS[floats.format])
    t = torch.tensor(x, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: ss.expm1mx(F64.tensor(v)).value, t)
    assert torch.autograd.gradgradcheck(lambda v: ss.expm1mx(F64.tensor(v)).value, t)


# ---- tensors go in and out ------------------------------------------------------------------------------------------


def test_a_tensor_of_the_format_is_taken_as_it_is():
    x = torch.ones(2, 3, requires_grad=True)
    t = F32.tensor(x)
    assert t.value is x
    assert t.shape == (2, 3)
    layer = ss.lift(ss.layers.Linear(torch.ones(2, 3), torch.zeros(2)), F32)
    weight = torch.nn.Parameter(torch.ones(2, 3))
    assert ss.lift(ss.layers.Linear(weight, [0.0, 0.0]), F32).weight.value is weight
    assert layer(t).value.requires_grad
    assert (x * t).value.requires_grad
    assert F32.tensor(t) is t


def test_other_tensors_are_converted_once():
    x = torch.tensor([1 / 3, 2.0], dtype=torch.float64, requires_grad=True)
    t = F32.tensor(x)
    assert t.value.dtype is torch.float32
    assert t.value.grad_fn is not None
    assert F32.tensor(torch.tensor([1, 2])).value.dtype is torch.float32
    with pytest.raises(ArgumentError):
        F32.tensor(torch.tensor([True]))
    with pytest.raises(ArgumentError):
        F32.tensor(torch.tensor([1j]))


def test_numbers_are_rounded_once():
    third, between = Fraction(1, 3), 1 + Fraction(1, 2**8) + Fraction(1, 2**40)  # between two of bfloat16, by a hair
    for floats in CONTEXTS:
        wanted = formats.named(floats.format).nearest(third)
        for given in (third, "1/3", [third], np.array(third, dtype=object)):
            assert set(np.ravel(floats.tensor(given).tolist())) == {float(wanted)}
    assert SHORT.tensor(np.array([float(between)])).tolist() == [1 + 2.0**-7]
    assert SHORT.tensor([between, 1e39, np.inf]).tolist() == [1 + 2.0**-7, np.inf, np.inf]
    assert np.isnan(SHORT.tensor(np.array([np.nan])).tolist()).all()
    assert (SHORT.tensor([1]) + "0.1").tolist() == [float(formats.named("bfloat16").nearest(Fraction("1.1")))]


def test_values_come_out():
    x = F32.tensor(torch.tensor([1.5, 2.0], requires_grad=True))
    assert x.tolist() == [1.5, 2.0]
    assert (x[0] + 1).item() == 2.5
    assert np.asarray(x).dtype == np.float32
    assert isinstance(x.value, torch.Tensor)
    assert SHORT.tensor([1.5]).tolist() == [1.5]
    assert repr(F32) == "torch(float32, cpu)"
    assert str(x) == "Tensor([1.5, 2.0], (2,), torch)"


def test_nothing_is_promoted_to_another_format():
    for floats in CONTEXTS:
        x = floats.tensor([1, 2])
        for y in (x + 1, x * "0.1", ss.gelu(x) / 3, ss.softmax(x), x**2, ss.where(x > 1, 0, x), ss.pi(floats) * x):
            assert y.value.dtype is getattr(torch, floats.format)


def test_a_number_is_looked_at_by_no_plain_operation(monkeypatch):
    monkeypatch.setattr(type(F32.arrays), "plain", lambda *_: pytest.fail("looked at"))
    x = F32.tensor(torch.ones(3, 3))
    h = ss.relu(ss.affine(x, x[0], x[1]))
    ss.where(h > 1, ss.logsumexp(h), ss.max(h) - ss.softmax(h)[::-1])


def test_backward_slices():
    a = np.arange(60.0).reshape(3, 4, 5)
    keys = [
        np.s_[::-1],
        np.s_[:, ::-2],
        np.s_[1, ::-1, 3:0:-2],
        np.s_[::-1, [0, 2]],
        np.s_[..., 1:1:-1],
        np.s_[2:0:-1, 0],
    ]
    for key in keys:
        assert np.array_equal(F64.tensor(a)[key], a[key])


def test_results_are_cross_checked_in_their_format():
    x = np.array([0.5, -2.0])
    for floats in CONTEXTS:
        for actual in (floats, ss.gelu(floats.tensor(x))):
            found = ss.crosscheck(ss.gelu, x, actual=actual)
            assert found.dtype == floats.format
            assert found.max_ulps < 4


# ---- PyTorch's transformations --------------------------------------------------------------------------------------


def energy(w, x):
    """A spec with most kinds of operations in it."""
    h = ss.tanh(ss.affine(w, x, [0.5, -0.5]))
    return ss.logsumexp(ss.concat([h, ss.softmax(h)[::-1]])) + ss.mean(ss.where(h > 0, ss.square(h), ss.expm1mx(h)))


W, X = np.array([[1.0, -2.0, 0.5], [0.25, 1.0, -1.0]]), np.array([[0.5, 1.0, -1.0], [2.0, 0.0, 1.0]])


def native_energy(w, x):
    return energy(F64.tensor(w), F64.tensor(x)).value


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # PyTorch's own jvp
def test_transformations_pass_through():
    w, xs = torch.tensor(W), torch.tensor(X)
    wanted = [np.asarray(ss.grad(energy)(native_values.FLOAT64.tensor(W), x)) for x in X]
    per_sample = torch.func.vmap(torch.func.grad(native_energy), in_dims=(None, 0))(w, xs)
    assert np.allclose(per_sample, wanted, rtol=1e-13)
    assert np.allclose(np.asarray(ss.grad(energy)(F64.tensor(w), F64.tensor(xs[0]))), wanted[0], rtol=1e-13)
    second = torch.func.hessian(native_energy, argnums=1)(w, xs[0])
    assert np.allclose(second, np.asarray(ss.hessian(energy, 1)(*map(native_values.FLOAT64.tensor, (W, X[0])))))
    _, tangent = torch.func.jvp(lambda x: native_energy(w, x), (xs[0],), (torch.ones(3, dtype=torch.float64),))
    assert np.isclose(tangent, torch.func.grad(native_energy, 1)(w, xs[0]).sum())


def test_windows_and_places_pass_through_vmap():
    image, kernel = torch.randn(2, 1, 5, 5, dtype=torch.float64), np.ones((1, 1, 2, 2))

    def total(x):
        seen = ss.conv(F64.tensor(x), kernel, stride=2)
        return ss.sum(ss.square(seen) + ss.sum(ss.grad(lambda t: ss.sum(ss.square(t[..., [0, 0, 1]])))(seen))).value

    each = torch.stack([torch.func.grad(total)(x) for x in image])
    assert torch.allclose(torch.func.vmap(torch.func.grad(total))(image), each)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's compiler
def test_prepared_and_batched():
    run = ss.prepare(energy, W, X[0], inputs=("w", "x"), backend=F64)
    w, x = torch.tensor(W, requires_grad=True), torch.tensor(X[0])
    run(w, x).value.backward()
    assert np.allclose(w.grad, np.asarray(ss.grad(energy)(native_values.FLOAT64.tensor(W), X[0])), rtol=1e-13)
    rows = ss.batched(energy, over="x")(F64.tensor(W), F64.tensor(X))
    assert np.allclose(np.asarray(rows), [run(W, x).item() for x in X], rtol=1e-14)
    compiled = torch.compile(run.run, backend="eager", fullgraph=True)
    assert torch.allclose(compiled(w, x), run(w, x).value)


def test_what_looks_at_numbers_within_a_transformation_is_refused():
    with pytest.raises(NotSupported, match="within a transformation"):
        torch.func.vmap(lambda x: ss.sum(F64.tensor(x)).item())(torch.tensor(X))


def test_a_branch_that_no_element_takes_is_not_called():
    x = F64.tensor([1.0, 2.0])
    assert ss.where(x > 0, x, lambda: pytest.fail("called")).tolist() == [1.0, 2.0]
    both = torch.func.vmap(lambda v: ss.where(F64.tensor(v) > 0, 1, lambda: F64.tensor(v)).value)
    assert both(torch.tensor([1.0, -2.0], dtype=torch.float64)).tolist() == [1.0, -2.0]


# ---- contexts -------------------------------------------------------------------------------------------------------


def test_contexts_are_told_apart():
    assert ss.context("torch") == F32 != F64
    assert hash(ss.context("torch")) == hash(F32)
    assert pickle.loads(pickle.dumps(SHORT)) == SHORT
    with pytest.raises(ContextMismatch):
        _ = F32.tensor([1]) + F64.tensor([1])
    assert F64.tensor(F32.tensor(["1/3"])).tolist() == F32.tensor(["1/3"]).tolist()
    assert ss.context("float64").tensor(F64.tensor([1, 2])).tolist() == [1, 2]


@pytest.mark.parametrize(
    "given", [{"dtype": "float8"}, {"dtype": "int64"}, {"device": "nowhere"}, {"device": "meta:x"}]
)
def test_what_there_is_not_is_refused(given):
    with pytest.raises(ArgumentError, match=r"float32|has no"):
        ss.context("torch", **given)


def test_literals_made_in_inference_mode_serve_gradients():
    with torch.inference_mode():
        _ = F64.tensor(torch.ones(2, dtype=torch.float64)) * "123/457"
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    ss.sum(F64.tensor(x) * "123/457").value.backward()
    assert torch.allclose(x.grad, torch.full((2,), 123 / 457, dtype=torch.float64))
