"""Gradients under every context: against the hand-written backward pass, against differences, against each other."""

import random
import sys
from fractions import Fraction
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from agreement import assert_is, inside, same
from conftest import CONTEXTS
from specs import NET, POLYNOMIAL, VQVAE, XS, YS, rationals

import scalarspec as ss
from scalarspec.core import callers
from scalarspec.core import functions as f
from scalarspec.core.lifting import mapped
from scalarspec.errors import ArgumentError, NotSupported, ShapeError
from scalarspec.examples import by_hand, digits
from scalarspec.models import autoencoder, vae, vqvae


def test_the_autoencoder_against_its_hand_written_backward_pass(context):
    m = ss.lift(NET, context)
    x = context.tensor(XS[0])

    def error(w, b, v, c, x):
        return autoencoder.reconstruction_error(autoencoder.Autoencoder(w, b, v, c), x)

    arguments = (m.encoder_weights, m.encoder_bias, m.decoder_weights, m.decoder_bias, x)
    found = ss.grad(error, (0, 1, 2, 3, 4))(*arguments)
    upstream = ss.loss.mse_derivative(autoencoder.forward(m, x), x)
    expected = [*autoencoder.backward(m, x, upstream)]
    expected[-1] = expected[-1] - upstream  # x is the target too
    for ours, want in zip(found, expected, strict=True):
        assert ours.shape == want.shape
        if context.name == "symbolic" or context.exact:
            assert all(
                context.exact_value(a) == context.exact_value(b)
                for a, b in zip(ours.scalars().flat, want.scalars().flat, strict=True)
            )
        elif context.encloses:
            (a, b), (c, d) = ss.endpoints(ours), ss.endpoints(want)
            assert np.all((a <= d) & (c <= b))
        else:
            assert np.allclose(np.asarray(ours), np.asarray(want), rtol=1e-5, atol=1e-6)


def test_kinks_and_steps(context):
    zero = context.tensor(0)
    for function in (ss.relu, ss.abs, ss.heaviside, ss.sign):
        assert_is(ss.grad(function, at_kinks="convention")(zero), 0)
    assert_is(ss.grad(ss.relu)(context.tensor(2)), 1)
    assert_is(ss.grad(ss.abs)(context.tensor(-2)), -1)
    assert_is(ss.grad(ss.leaky_relu)(context.tensor(-1)), Fraction(1, 100))


def test_over_a_box_the_gradient_encloses_all_gradients(enclosing):
    x = enclosing.box([-1, 1, -2], [1, 2, -1])
    gradient = ss.grad(lambda x: f.sum(f.relu(x)))(x)
    low, high = ss.endpoints(gradient)
    assert (low[0], high[0]) == (0, 1)
    assert (low[1], high[1], low[2], high[2]) == (1, 1, 0, 0)


def test_the_models_gradients_lie_in_their_enclosures(enclosing):
    float64, rational = CONTEXTS["float64"], CONTEXTS["rational"]
    for spec, model, rest in ((vqvae.loss, VQVAE, ["1/4"]), (autoencoder.reconstruction_error, NET, [])):

        def loss(x, spec=spec, model=model, rest=rest):
            return spec(model, *[Fraction(r) for r in rest], x, *([1] if rest else []))

        exact = ss.grad(loss)(rational.tensor(XS[2]))
        assert inside(ss.grad(loss)(enclosing.tensor(XS[2])), np.array(exact.tolist(), dtype=object))
        assert np.allclose(np.asarray(ss.grad(loss)(float64.tensor(XS[2]))), np.array(exact.tolist(), dtype=float))


def test_symbolic_then_substituted_is_rational_exactly(symbolic, rational):
    def loss(x):
        return autoencoder.reconstruction_error(NET, x)

    gradient = ss.grad(loss)(symbolic.symbols("x", (3,)))
    numbers = {f"x_{k}": Fraction(v) for k, v in enumerate(XS[3])}
    found = [symbolic.exact_value(symbolic.substitute(s, numbers)) for s in gradient.scalars()]
    assert found == ss.grad(loss)(rational.tensor(XS[3])).tolist()


def test_symbolic_gradients_share_and_stay_linear(symbolic):
    """At most twice the operations of the loss, and in proportion to the parameters."""
    from scalarspec.tracing.scalar_graph import operations

    def loss(wm, wv, wd, x, eps):
        def linear(w):
            return lambda t: ss.tanh(f.matmul(w, t))

        return vae.loss(vae.Model(vae.Encoder(linear(wm), linear(wv)), vae.Decoder(linear(wd))), 1, x, eps)

    counts = []
    for d, k in ((8, 4), (16, 8), (32, 16)):
        shapes = {"wm": (k, d), "wv": (k, d), "wd": (d, k), "x": (d,), "eps": (k,)}
        value, gradient = ss.value_and_grad(loss, (0, 1, 2))(*(symbolic.symbols(n, s) for n, s in shapes.items()))
        own = operations(value.scalars().flat)
        both = operations([s for t in (value, *gradient) for s in t.scalars().flat])
        assert both <= 2 * own
        counts.append(both / (3 * d * k))
    assert counts == sorted(counts, reverse=True)


def test_a_hidden_batch_and_a_gradient_together(context):
    """The gradient of each row's loss, by one batch: contexts nest."""
    gradients = ss.batched(ss.grad(lambda x: f.mean_square(autoencoder.forward(NET, x))), over="x")(context.tensor(XS))
    for i in range(4):
        alone = ss.grad(lambda x: f.mean_square(autoencoder.forward(NET, x)))(context.tensor(XS[i]))
        if context.exact:
            assert same(gradients[i], alone)
        elif context.encloses:
            (a, b), (c, d) = ss.endpoints(gradients[i]), ss.endpoints(alone)
            assert np.all((a <= d) & (c <= b))
        else:
            assert np.allclose(np.asarray(gradients[i]), np.asarray(alone), rtol=1e-5, atol=1e-6)


def test_a_second_derivative(rational):
    second = ss.grad(ss.grad(lambda x: x * x * x))
    assert second(rational.tensor(5)).item() == 30


def test_bad_input(float64):
    x = float64.tensor([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"grad: the spec has shape \(2,\); expected \(\), such as a sum"):
        ss.grad(ss.exp)(x)
    with pytest.raises(
        ArgumentError, match="argnums: expected a tensor at position 1 of mse, or a model of tensors, got 2"
    ):
        ss.grad(ss.loss.mse, 1)(x, 2)
    with pytest.raises(ArgumentError, match="argnums: expected a tensor at position 5 of mse, got 2 arguments"):
        ss.grad(ss.loss.mse, 5)(x, x)


def test_a_constant_and_an_unused_argument_have_gradient_zero(context):
    x, y = context.tensor(XS[0]), context.tensor(YS[0])
    unused, zero = ss.grad(lambda x, y: f.sum(x), (1,))(x, y), ss.grad(lambda x: context.tensor(3))(x)
    assert_is(unused[0], [0, 0, 0])
    assert_is(zero, [0, 0, 0])


# ---- vjp, jvp, hessian, models --------------------------------------------------------------------------------------


def random_spec(seed):
    """A random rational function of two vectors of length 3, to such a vector."""
    source = random.Random(seed)
    steps = [POLYNOMIAL[source.choice(sorted(POLYNOMIAL))] for _ in range(source.randrange(1, 4))]

    def spec(x, y):
        for step in steps:
            x = step(x) + y * x
        return x

    return spec


@pytest.mark.parametrize("seed", range(200))
def test_jvp_and_vjp_are_adjoint_exactly(seed, rational):
    """<g, Jv> = <Jᵀg, v>, for a random spec."""
    source = random.Random(1000 + seed)
    x, y, v, w, g = (rational.tensor(rationals(source)) for _ in range(5))
    value, pushforward = ss.jvp(random_spec(seed), (0, 1), "convention")(x, y)  # some are at kinks
    same_value, pullback = ss.vjp(random_spec(seed), (0, 1), "convention")(x, y)
    tangent, (of_x, of_y) = pushforward(v, w), pullback(g)
    assert value.tolist() == same_value.tolist() == random_spec(seed)(x, y).tolist()
    assert ss.dot(g, tangent).item() == (ss.dot(of_x, v) + ss.dot(of_y, w)).item()


def test_a_jvp_is_the_derivative_along_a_line(rational):
    """Of a cubic: by the difference quotients of a polynomial, exactly."""
    spec = lambda x: ss.sum(x * x * x) + x[0] * x[1]  # noqa: E731
    x, v = rational.tensor([1, "1/2", -2]), rational.tensor([2, -1, "1/3"])
    _, pushforward = ss.jvp(spec)(x)
    line = [spec(x + k * v).item() for k in (-2, -1, 1, 2)]
    assert pushforward(v).item() == (line[0] - 8 * line[1] + 8 * line[2] - line[3]) / 12


def test_a_hessian_is_symmetric_and_exact(rational):
    def spec(x, y):
        return x[0] ** 2 * y[1] + ss.sum(x * y) * x[1] + ss.mean_square(y)

    x, y = rational.tensor([1, "1/2"]), rational.tensor([3, -2])
    (xx, xy), (yx, yy) = ss.hessian(spec, (0, 1))(x, y)
    assert xx.tolist() == [[-4, 3], [3, -4]]
    assert yy.tolist() == [[1, 0], [0, 1]]
    assert xy.tolist() == ss.matrix_transpose(yx).tolist()
    assert ss.hessian(spec)(x, y).tolist() == xx.tolist()


def test_hessians_over_a_box_enclose_those_of_its_points(enclosing):
    def spec(x):
        return ss.tanh(x[0] * x[1]) + ss.exp(x[0]) * ss.square(x[1])

    boxes = ss.hessian(spec)(enclosing.box([0, 1], ["1/2", 2]))
    for point in ([0, 1], ["1/4", "3/2"], ["1/2", 2]):
        low, high = ss.endpoints(ss.hessian(spec)(ss.context("interval", prec=200).tensor(point)))
        lower, upper = ss.endpoints(boxes)
        assert np.all((lower <= high) & (low <= upper))


def test_shapes_of_hessians(context):
    x = context.tensor([[1, 2], [3, 4]])
    assert ss.hessian(lambda x: ss.sum(x * x))(x).shape == (2, 2, 2, 2)
    assert ss.hessian(lambda x: x * x)(context.tensor(3)).shape == ()
    assert ss.hessian(lambda x: ss.sum(x))(context.tensor(np.zeros(0))).shape == (0, 0)


def test_a_gradient_of_a_gradient_goes_through_an_index(rational):
    """An index of a tensor is an operation, and so is its transpose."""
    x = rational.tensor([1, 2, 3])
    inner = ss.grad(lambda x: x[0] * x[0] * x[1])
    assert ss.grad(lambda x: ss.sum(inner(x)))(x).tolist() == [6, 2, 0]


def test_gradients_of_a_model_have_its_fields(context):
    m, x = ss.lift(NET, context), context.tensor(XS[0])
    found = ss.grad(autoencoder.reconstruction_error)(m, x)
    assert isinstance(found, autoencoder.Autoencoder)
    assert found.activation == m.activation
    fields = ("encoder_weights", "encoder_bias", "decoder_weights", "decoder_bias")

    def flat(*parts):
        return autoencoder.reconstruction_error(autoencoder.Autoencoder(*parts), x)

    for name, want in zip(fields, ss.grad(flat, (0, 1, 2, 3))(*(getattr(m, field) for field in fields)), strict=True):
        assert same(getattr(found, name), want)


def test_a_shared_trunk_gets_the_gradients_of_both_heads(rational):
    trunk = ss.layers.Linear(np.array([[1.0, 2.0]]), np.array([0.5]))
    heads = [ss.layers.Linear(np.array([[k]]), np.zeros(1)) for k in (2.0, 3.0)]
    model = ss.lift({"trunk": trunk, "heads": heads}, rational)
    x = rational.tensor([1, -1])

    def spec(model, x):
        h = model["trunk"](x)
        return ss.sum(model["heads"][0](h)) + ss.sum(model["heads"][1](h))

    found = ss.grad(spec)(model, x)
    assert found["trunk"].weight.tolist() == [[5, -5]]
    assert found["heads"][1].weight.tolist() == [[Fraction(-1, 2)]]
    _, pushforward = ss.jvp(spec)(model, x)
    assert pushforward(model).item() == -5  # 5 (W x + b) from the trunk, and as much from the heads


def test_the_same_tensor_in_two_arguments_is_two_variables(rational):
    y = rational.tensor([2, 3])
    a, b = ss.grad(lambda a, b: ss.sum(a * a * b), (0, 1))(y, y)
    assert (a.tolist(), b.tolist()) == ([8, 18], [4, 9])


@pytest.mark.parametrize("model", ["VAE", "VQ-VAE", "autoencoder"])
def test_gradients_of_the_shipped_models_agree_with_pytorchs(model):
    torch = pytest.importorskip("torch")
    d = digits.load(1)
    term = next(t for t in reversed(digits.terms(d, 0)) if t.model == model)
    ours = ss.grad(term.spec, 0)(*ss.lift(term.args, "float64"))
    enclosed = ss.grad(term.spec, 0)(*ss.lift(term.args, ss.context("interval64", fast=False)))

    class Leaves(by_hand.PyTorch):
        """Arrays of the model as tensors that gradients are taken of."""

        leaves: ClassVar[dict] = {}

        def array(self, values):
            key = (np.shape(values), np.asarray(values).tobytes())
            made = torch.tensor(np.asarray(values), dtype=torch.float64, requires_grad=True)
            return self.leaves.setdefault(key, made)

    lib = Leaves("float64")
    by_hand.LOSSES[model](lib, *term.args)[{"autoencoder": "error"}.get(model, "loss")].backward()
    checked = 0
    for raw, found, box in zip(arrays_of(term.args[0]), arrays_of(ours), arrays_of(enclosed), strict=True):
        leaf = lib.leaves.get((np.shape(raw), np.asarray(raw).tobytes()))
        if leaf is None or leaf.grad is None or np.ndim(raw) == 0:
            continue
        theirs, mine = leaf.grad.numpy(), np.asarray(found)
        size = np.abs(mine).max()
        assert np.abs(theirs - mine).max() <= 64 * np.finfo(float).eps * size
        assert np.all(
            (ss.inf(box) - 64 * np.finfo(float).eps * size <= mine)
            & (mine <= ss.sup(box) + 64 * np.finfo(float).eps * size)
        )
        checked += 1
    assert checked >= 4


def arrays_of(model):
    """The arrays or tensors of a model, in order."""
    found = []

    def collect(value, _):
        if isinstance(value, np.ndarray | ss.Tensor):
            found.append(value)
            return value
        return None

    mapped(model, collect)
    return found


def test_bad_input_of_the_siblings(rational):
    x = rational.tensor([1, 2])
    with pytest.raises(ShapeError, match=r"vjp: a cotangent of shape \(3,\) for a value of shape \(2,\)"):
        ss.vjp(ss.square)(x)[1](rational.tensor([1, 2, 3]))
    with pytest.raises(ShapeError, match=r"jvp: tangents of shapes \(3,\) for tensors of shapes \(2,\)"):
        ss.jvp(ss.square)(x)[1](rational.tensor([1, 2, 3]))
    with pytest.raises(ArgumentError, match="jvp: expected 1 tangents, got 2"):
        ss.jvp(ss.square)(x)[1](x, x)
    with pytest.raises(ArgumentError, match="argnums: expected different positions"):
        ss.grad(ss.loss.mse, (0, -2))(x, x)
    with pytest.raises(ArgumentError, match="hessian: expected a tensor at position 0, got Linear"):
        ss.hessian(lambda m: ss.sum(m.weight))(ss.layers.Linear(x, x))
    with pytest.raises(ArgumentError, match="or a model of tensors"):
        ss.grad(autoencoder.reconstruction_error)(NET, x)


def test_functions_of_pytorch_may_be_built_in(monkeypatch):
    """From PyTorch 2.14 on `Function.apply` is no code of Python's: the `forward` of each class is looked for."""

    class Function:
        apply = len

        @staticmethod
        def forward(value):
            return value

    class Doubled(Function):
        @staticmethod
        def forward(value):
            callers.refuse_other_derivatives()
            return 2 * value

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(autograd=SimpleNamespace(Function=Function)))
    with callers.for_derivatives():
        callers.refuse_other_derivatives()
        with pytest.raises(NotSupported, match="its own derivative is not followed"):
            Doubled.forward(1)
