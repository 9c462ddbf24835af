"""`ss.to_torch`: models of specs as modules of PyTorch, and back."""

import copy
import pickle
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import scalarspec as ss  # noqa: E402
from scalarspec import layers, loss  # noqa: E402
from scalarspec.errors import ArgumentError, UnknownName  # noqa: E402
from scalarspec.models import vae  # noqa: E402

RNG = np.random.default_rng(0)


def linear(inputs, outputs):
    return layers.Linear(RNG.normal(size=(outputs, inputs)), RNG.normal(size=outputs))


def net():
    return layers.Sequential(linear(3, 4), layers.tanh, linear(4, 2))


def energy(model, x, y, scale=1):
    return loss.mse(model(x), y) * scale


X, Y = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([1.0, 0.0])


def test_it_is_the_model():
    model = net()
    module = ss.to_torch(model, dtype="float64")
    assert list(module.state_dict()) == ["layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias"]
    assert all(isinstance(p, torch.nn.Parameter) and p.dtype is torch.float64 for p in module.parameters())
    wanted = model(ss.context("float64").tensor(X.numpy()))
    assert np.allclose(module(X.double()).detach(), np.asarray(wanted), rtol=1e-14)
    assert module(X).dtype is torch.float64  # converted, as inputs of a context are
    assert np.array_equal(module.model().layers[2].weight, model.layers[2].weight)


def test_it_trains_and_goes_back():
    module = ss.to_torch(energy, net(), inputs=("x", "y"))
    optimizer = torch.optim.Adam(module.parameters(), 0.05)
    first = module(X, Y).item()
    for _ in range(100):
        optimizer.zero_grad()
        module(X, Y).backward()
        optimizer.step()
    assert module(X, Y).item() < first / 100
    trained = module.model()
    assert trained.layers[0].weight.dtype == np.float32
    assert np.array_equal(trained.layers[0].weight, module.state_dict()["layers.0.weight"].numpy())
    x, y = X.numpy(), Y.numpy()
    found = ss.crosscheck(energy, trained, x, y, actual=module(X, Y).detach().numpy())
    assert found.explained
    assert ss.bounds(energy, trained, x, y, vary={"x": ss.ball("1e-3")}).lower >= 0


def test_gradients_are_ours():
    model = net()
    module = ss.to_torch(energy, model, inputs=("x", "y"), dtype="float64")
    module(X, y=Y).backward()
    context = ss.context("float64")
    wanted = ss.grad(energy)(ss.lift(model, context), context.tensor(X.numpy()), context.tensor(Y.numpy()))
    for place in (0, 2):
        ours = np.asarray(wanted.layers[place].weight)
        assert np.allclose(module.get_parameter(f"layers.{place}.weight").grad, ours, rtol=1e-12)


@dataclass(frozen=True, eq=False)
class Scaled:
    """Numbers of every kind."""

    factors: list[float]
    table: dict[str, Any]
    eps: float = 0.5
    count: int = 2
    where: Any = None

    def __call__(self, x):
        return ss.sum(x * self.factors + self.table["shift"]) + self.eps * self.count


def test_what_is_trained_and_what_is_not():
    shift = np.array([0.0, 1.0])
    model = Scaled([1, Fraction(1, 2)], {"shift": shift, "again": shift, "labels": np.array([1, 2])})
    module = ss.to_torch(model)
    assert list(module.state_dict()) == ["factors", "table.shift"]  # the same array twice is one parameter
    assert module(torch.ones(2)).item() == 3.5
    back = module.model()
    assert back.table["shift"] is back.table["again"]
    assert (back.eps, back.count, back.table["labels"].tolist()) == (0.5, 2, [1, 2])
    with pytest.raises(ArgumentError, match="found none"):
        ss.to_torch(layers.Sequential(layers.relu))


def test_several_models_have_names_before_their_paths():
    both = ss.to_torch(lambda a, b, x: a(x) + b(x), linear(3, 2), linear(3, 2), inputs="x")
    assert sorted(both.state_dict()) == ["a.bias", "a.weight", "b.bias", "b.weight"]
    assert set(both.arguments()) == {"a", "b"}
    with pytest.raises(ArgumentError, match="a, b"):
        both.model()
    taken = ss.to_torch(lambda forward, model, x: model(forward(x)), linear(3, 3), linear(3, 2), inputs="x")
    assert sorted(taken.state_dict()) == ["forward_.bias", "forward_.weight", "model_.bias", "model_.weight"]
    assert taken(X).shape == (2,)


def test_inputs_and_results_have_structure():
    def spec(model, pair, options):
        x, y = pair
        return {"value": model(x) * options["scale"], "pair": (y, x + 1)}

    module = ss.to_torch(spec, linear(3, 2), inputs=("pair", "options"))
    found = module((X, Y), {"scale": 2})
    assert found["value"].requires_grad
    assert torch.equal(found["pair"][0], Y)
    assert torch.equal(module((X, X), {"scale": 2})["pair"][0], X)  # the same one twice is two inputs
    assert torch.equal(module((X, 2 * X), {"scale": 2})["pair"][0], 2 * X)
    assert torch.allclose(module((X, Y), {"scale": 4})["value"], 2 * found["value"])
    assert torch.equal(module((X.numpy(), Y), {"scale": 2})["value"], found["value"])


def test_a_spec_that_looks_at_numbers_is_evaluated_as_it_stands():
    def spec(model, x):
        y = model(x)
        return y[0] if y[0] > 0 else -y[0]

    module = ss.to_torch(spec, layers.Linear([[1.0]], [0.0]), inputs="x")
    assert module(torch.tensor([2.0])).item() == module(torch.tensor([-2.0])).item() == 2
    module(torch.tensor([-2.0])).backward()
    assert module.weight.grad.item() == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's compiler
def test_transformations_and_compilers_pass_through():
    module = ss.to_torch(energy, net(), inputs=("x", "y"), dtype="float64")
    x, y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
    xs, ys = torch.tensor(x), torch.tensor(y)
    parameters = {name: p.detach() for name, p in module.named_parameters()}

    def of_one(p, x, y):
        return torch.func.functional_call(module, p, (x, y))

    each = torch.func.vmap(torch.func.grad(of_one), in_dims=(None, 0, 0))(parameters, xs, ys)
    for i in range(5):
        module.zero_grad()
        module(xs[i], ys[i]).backward()
        assert torch.allclose(each["layers.0.weight"][i], module.get_parameter("layers.0.weight").grad)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    assert torch.allclose(compiled(xs[0], ys[0]), module(xs[0], ys[0]))


def test_it_is_copied_moved_and_stored():
    module = ss.to_torch(linear(3, 2))
    wanted = module(X)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(X), wanted)
        with torch.no_grad():
            other.bias += 1
        assert torch.allclose(other(X), wanted + 1)
    assert torch.equal(module(X), wanted)
    double = copy.deepcopy(module).double()
    assert double(X.double()).dtype is torch.float64
    assert torch.allclose(double(X.double()).float(), wanted)
    other = ss.to_torch(linear(3, 2))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(X), wanted)


def test_a_first_call_without_gradients_serves_later_ones():
    module = ss.to_torch(energy, net(), inputs=("x", "y"))
    with torch.inference_mode():
        module(X, Y)
    module(X, Y).backward()
    assert all(p.grad is not None for p in module.parameters())


def test_batches():
    rows = ss.to_torch(ss.batched(energy, over=("x", "y")), net(), inputs=("x", "y"))
    xs, ys = torch.stack([X, 2 * X]), torch.stack([Y, Y])
    one = ss.to_torch(energy, rows.model(), inputs=("x", "y"))
    assert torch.allclose(rows(xs, ys), torch.stack([one(X, Y), one(2 * X, Y)]))
    assert rows(xs[:1], ys[:1]).shape == (1,)


def test_refusals():
    with pytest.raises(UnknownName, match="no parameter 'z'"):
        ss.to_torch(energy, net(), inputs="z")
    with pytest.raises(ArgumentError, match="expected arguments for model, y, scale, got 1"):
        ss.to_torch(energy, net(), inputs="x")
    with pytest.raises(ArgumentError, match="expected a function"):
        ss.to_torch(3)
    with pytest.raises(ArgumentError, match="dtype"):
        ss.to_torch(net(), dtype="int8")
    module = ss.to_torch(energy, net(), inputs=("x", "y"))
    for call in (lambda: module(X), lambda: module(X, Y, Y), lambda: module(X, z=Y), lambda: module(X, Y, x=X)):
        with pytest.raises(TypeError, match="forward: expected x, y"):
            call()
    with pytest.raises(ss.errors.ShapeError):
        module(Y, Y)


def test_a_vae_is_the_spec():
    trunk = layers.Sequential(linear(6, 5), layers.relu)
    encoder = vae.Encoder.with_trunk(trunk, linear(5, 2), linear(5, 2))
    model = vae.Model(encoder, vae.Decoder(layers.Sequential(linear(2, 6), layers.sigmoid)))
    x, eps = RNG.uniform(size=6), RNG.normal(size=2)
    module = ss.to_torch(vae.loss, model, Fraction(1, 32), inputs=("x", "eps"), dtype="float64")
    context = ss.context("float64")
    wanted = vae.loss(ss.lift(model, context), Fraction(1, 32), context.tensor(x), context.tensor(eps)).item()
    assert abs(module(torch.tensor(x), torch.tensor(eps)).item() - wanted) < 1e-14
    moments = ss.to_torch(vae.encode, model, inputs="x")(torch.tensor(x))
    assert [m.shape for m in moments] == [(2,), (2,)]
