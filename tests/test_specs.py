"""Every feature of the seeds, under every context that supports it."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from agreement import assert_is, assert_near, same
from conftest import CONTEXTS
from test_vectors import WITH_EXP, autoencoder_vector

import scalarspec as ss
from scalarspec import activation, latent, loss
from scalarspec.errors import ArgumentError, OutOfRange, ShapeError, UnknownName
from scalarspec.models import autoencoder, vae, vqvae

HALF = Fraction(1, 2)

# ---- autoencoder ----------------------------------------------------------------------------------------------------


def test_relu_and_identity(context):
    t = context.tensor([-2, 0, 3])
    assert_is(autoencoder.activation("relu", t), [0, 0, 3])
    assert_is(autoencoder.activation_derivative("relu", t), [0, 0, 1])
    assert_is(autoencoder.activation("identity", t), [-2, 0, 3])
    assert_is(autoencoder.activation_derivative("identity", t), [1, 1, 1])
    assert_is(activation.named("leaky_relu")(t), [Fraction(-1, 50), 0, 3])
    assert_is(activation.named("leaky_relu").derivative(t), [Fraction(1, 100), Fraction(1, 100), 1])


@pytest.mark.parametrize("name", WITH_EXP)
def test_smooth_activations(name):
    t = CONTEXTS[name].tensor(HALF)
    assert_near(autoencoder.activation("sigmoid", t), "0.62245933120185456464", 18)
    assert_near(autoencoder.activation_derivative("sigmoid", t), "0.23500371220159448907", 18, ulps=16)
    assert_near(autoencoder.activation("tanh", t), "0.46211715726000975850", 18)
    assert_near(autoencoder.activation_derivative("tanh", t), "0.78644773296592741014", 18, ulps=16)
    assert_near(activation.named("softplus")(t), "0.97407698418010668087", 18)
    assert_near(activation.named("softplus").derivative(t), "0.62245933120185456464", 18)
    assert_near(activation.named("gelu")(t), "0.34573123063700655", 16, ulps=32)
    assert_near(activation.named("gelu").derivative(t), "0.86749512465616284", 16, ulps=64)


def test_the_smooth_activations_at_zero_are_rational(rational):
    zero = rational.tensor(0)
    assert_is(autoencoder.activation("sigmoid", zero), HALF)
    assert_is(autoencoder.activation_derivative("sigmoid", zero), Fraction(1, 4))
    assert_is(autoencoder.activation("tanh", zero), 0)
    assert_is(autoencoder.activation_derivative("tanh", zero), 1)


def test_the_derivative_of_relu_over_a_straddling_interval(enclosing):
    low, high = ss.endpoints(autoencoder.activation_derivative("relu", enclosing.box(-1, 1)))
    assert (low, high) == (0, 1)


def test_an_unknown_activation_is_refused(context):
    message = "no activation is called 'relú'; there are relu, leaky_relu, sigmoid, tanh, softplus, gelu, identity"
    with pytest.raises(UnknownName, match=message):
        autoencoder.activation("relú", context.tensor([1]))
    with pytest.raises(UnknownName):
        autoencoder.Autoencoder(*np.zeros((4, 1)), activation="Relu")


def test_batched_forward_is_the_single_pass_exactly(context):
    m, _ = autoencoder_vector(context)
    x = context.tensor([[1, 2], ["1/3", -1], ["0.1", "0.7"]])
    batch = autoencoder.batched_forward(m, x)
    assert batch.shape == (3, 2)
    for row, single in zip(batch, x, strict=True):
        assert same(row, autoencoder.forward(m, single))
    assert autoencoder.batched_forward(m, context.tensor(np.zeros((0, 2)))).shape == (0, 2)
    with pytest.raises(ShapeError, match=r"expected \(b, d\)"):
        autoencoder.batched_forward(m, x[0])


def test_the_gradients_one_by_one_are_those_of_backward(context):
    m, x = autoencoder_vector(context)
    g = context.tensor([1, "-1/2"])
    separate = (
        autoencoder.encoder_weights_grad(m, x, g),
        autoencoder.encoder_bias_grad(m, x, g),
        autoencoder.decoder_weights_grad(m, x, g),
        autoencoder.decoder_bias_grad(m, x, g),
        autoencoder.input_grad(m, x, g),
    )
    assert [t.shape for t in separate] == [(3, 2), (3,), (2, 3), (2,), (2,)]
    assert all(same(a, b) for a, b in zip(separate, autoencoder.backward(m, x, g), strict=True))
    with pytest.raises(ShapeError):
        autoencoder.decoder_bias_grad(m, x, context.tensor([1]))


def test_the_backward_pass_is_the_derivative(symbolic):
    """Every gradient, with a smooth activation, against SymPy's derivative of the error."""
    import sympy

    shapes = {"W": (2, 2), "b": (2,), "V": (2, 2), "c": (2,), "x": (2,)}
    t = {name: symbolic.symbols(name, shape) for name, shape in shapes.items()}
    m = autoencoder.Autoencoder(t["W"], t["b"], t["V"], t["c"], activation="tanh")
    error = autoencoder.reconstruction_error(m, t["x"]).item()
    g = loss.mse_derivative(autoencoder.forward(m, t["x"]), t["x"])
    grads = autoencoder.backward(m, t["x"], g)
    numbers = {s: sympy.Rational(k + 1, 7) for k, s in enumerate(s for a in t.values() for s in np.ravel(a.tolist()))}
    direct = [-2 * (a - b) / 2 for a, b in zip(autoencoder.forward(m, t["x"]).tolist(), t["x"].tolist(), strict=True)]
    for name, grad in zip("WbVcx", grads, strict=True):
        for k, (symbol, ours) in enumerate(zip(np.ravel(t[name].tolist()), np.ravel(grad.tolist()), strict=True)):
            target_too = direct[k] if name == "x" else 0  # x is also the target of the error
            difference = error.diff(symbol) - ours - target_too
            assert abs(sympy.N(difference.subs(numbers), 50)) < sympy.Float("1e-40")


def test_reconstruction_error_is_mse(context):
    m, x = autoencoder_vector(context)
    assert_is(autoencoder.reconstruction_error(m, x), Fraction(41, 16))
    assert_is(loss.mse(autoencoder.forward(m, x), x), Fraction(41, 16))
    empty = autoencoder.Autoencoder(*(context.tensor(np.zeros(s)) for s in ((1, 0), (1,), (0, 1), (0,))))
    with pytest.raises(ShapeError, match="d > 0"):
        autoencoder.reconstruction_error(empty, context.tensor([]))


def test_compression_ratio():
    assert autoencoder.compression_ratio(64, 16) == 4.0
    assert autoencoder.compression_ratio(64, 0) == math.inf
    assert math.isnan(autoencoder.compression_ratio(0, 0))


def test_a_model_on_arrays_need_not_be_lifted(context):
    weights = np.array([[0.5, -1.0], [2.0, 0.25]])
    m = autoencoder.Autoencoder(weights, np.zeros(2), weights.T, np.ones(2))
    x = context.tensor([1, 2])
    lifted = ss.lift(m, context)
    assert same(autoencoder.forward(m, x), autoencoder.forward(lifted, x))
    g = context.tensor([1, 1])
    for a, b in zip(autoencoder.backward(m, x, g), autoencoder.backward(lifted, x, g), strict=True):
        assert same(a, b)


# ---- latent helpers -------------------------------------------------------------------------------------------------


def test_half(context):
    assert_is(latent.half(context.tensor([1, -3])), [HALF, Fraction(-3, 2)])


@pytest.mark.parametrize("name", WITH_EXP)
def test_reparameterize_diag(name):
    context = CONTEXTS[name]
    z = latent.reparameterize_diag(context.tensor([1]), context.tensor([1]), context.tensor([2]))
    assert_near(z[0], "4.2974425414002562936", 19)  # 1 + 2 √e
    assert_near(latent.exp(context.tensor(1)), "2.7182818284590452354", 19)


def test_reparameterize_diag_with_unit_variance(context):
    z = latent.reparameterize_diag(context.tensor([1, 2]), context.tensor([0, 0]), context.tensor([3, HALF]))
    assert_is(z, [4, Fraction(5, 2)])


def test_kl_is_the_mean_over_any_shape(context):
    mu, zero = context.tensor([[1, 2], [3, 4]]), context.tensor(np.zeros((2, 2)))
    assert_is(latent.diagonal_gaussian_kl_to_standard(mu, zero), Fraction(30, 8))


def test_quantize_at(context):
    book = latent.Codebook(context.tensor([[1, 2], [3, 4]]))
    assert book.num_codes == 2
    assert_is(latent.quantize_at(book, 1), [3, 4])
    assert_is(latent.quantize_at(book, np.int64(0)), [1, 2])


# ---- VAE ------------------------------------------------------------------------------------------------------------


class Counted:
    """A map that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, x):
        self.calls += 1
        return self.function(x)


def a_vae(context, logvar_weight=0):
    """Latents of dimension 2 from observations of dimension 3, over NumPy arrays; rational if logvar_weight = 0."""
    rng = np.random.default_rng(7)
    w = rng.integers(-8, 8, (2, 3)) / 4
    mean = ss.layers.Linear(w, np.array([0.5, -0.25]))
    logvar = ss.layers.Linear(np.full((2, 3), logvar_weight / 8), np.zeros(2))
    decoder = ss.layers.Sequential(ss.layers.Linear(w.T, np.zeros(3)), ss.layers.relu)
    return ss.lift(vae.Model(vae.Encoder(mean, logvar), vae.Decoder(decoder)), context)


def vae_inputs(context):
    return context.tensor([1, "1/2", -2]), context.tensor(["1/4", -1])


def test_vae_encode_sample_forward(context):
    model, (x, eps) = a_vae(context), vae_inputs(context)
    mu, logvar = vae.encode(model, x)
    assert mu.shape == logvar.shape == (2,)
    z = vae.sample_latent(model, x, eps)
    assert same(z, latent.reparameterize_diag(mu, logvar, eps))
    assert same(vae.forward(model, x, eps), model.decoder.forward(z))


@pytest.mark.parametrize("beta", [0, 1, "1/3"])
def test_vae_loss_is_reconstruction_plus_beta_kl(context, beta):
    for weight in (0, 1) if context.name != "rational" else (0,):
        model, (x, eps) = a_vae(context, weight), vae_inputs(context)
        total = vae.loss(model, beta, x, eps)
        by_definition = vae.reconstruction_loss(model, x, eps) + beta * vae.kl_loss(model, x)
        assert same(total, by_definition)
        assert same(vae.reconstruction_loss(model, x, eps), loss.mse(vae.forward(model, x, eps), x))
        assert same(vae.kl_loss(model, x), latent.diagonal_gaussian_kl_to_standard(*vae.encode(model, x)))


def test_a_shared_trunk_is_evaluated_once_and_equals_its_definition(context):
    trunk = Counted(ss.layers.Sequential(ss.layers.Linear(np.eye(3), np.array([0.5, 0, -0.5])), ss.layers.relu))
    mean, logvar = ss.layers.Linear(np.ones((2, 3)), np.zeros(2)), ss.layers.Linear(np.zeros((2, 3)), np.zeros(2))
    shared = vae.Encoder.with_trunk(trunk, mean, logvar)
    separate = vae.Encoder(lambda x: mean(trunk(x)), lambda x: logvar(trunk(x)))
    decoder = vae.Decoder(ss.layers.Linear(np.ones((3, 2)), np.zeros(3)))
    x, eps = vae_inputs(context)
    by_definition = vae.loss(vae.Model(separate, decoder), 2, x, eps)
    trunk.calls = 0
    assert same(vae.loss(vae.Model(shared, decoder), 2, x, eps), by_definition)
    assert trunk.calls == 1
    for ours, definition in zip(shared(x), (shared.mean(x), shared.logvar(x)), strict=True):
        assert same(ours, definition)
    for ours, definition in zip(shared(x), separate(x), strict=True):
        assert same(ours, definition)


def test_loss_encodes_once(context):
    encoder = Counted(a_vae(context).encoder)
    model = vae.Model(encoder, a_vae(context).decoder)
    x, eps = vae_inputs(context)
    vae.loss(model, 1, x, eps)
    assert encoder.calls == 1


# ---- VQ-VAE ---------------------------------------------------------------------------------------------------------


def a_vqvae(context):
    """Observations of dimension 3, codes of dimension 2: z_e = (x0 + x1, x2), decoded to (z0, z1, z0 - z1)."""
    model = vqvae.Model(
        vqvae.Encoder(ss.layers.Linear(np.array([[1.0, 1, 0], [0, 0, 1]]), np.zeros(2))),
        latent.Codebook(np.array([[0.0, 0.0], [1.0, -1.0], [2.0, 2.0]])),
        vqvae.Decoder(ss.layers.Linear(np.array([[1.0, 0], [0, 1], [1, -1]]), np.zeros(3))),
    )
    return ss.lift(model, context), context.tensor([1, "1/2", -2])


def test_vqvae_terms(context):
    model, x = a_vqvae(context)
    assert_is(vqvae.encode(model, x), [Fraction(3, 2), -2])
    assert_is(vqvae.quantized(model, 1), [1, -1])
    assert_is(vqvae.forward(model, x, 1), [1, -1, 2])
    assert_is(vqvae.reconstruction_loss(model, x, 1), (Fraction(9, 4) + 16) / 3)
    assert_is(vqvae.codebook_loss(model, x, 1), (Fraction(1, 4) + 1) / 2)
    assert_is(vqvae.commitment_loss(model, x, 1), (Fraction(1, 4) + 1) / 2)
    assert_is(vqvae.loss(model, "1/4", x, 1), (Fraction(9, 4) + 16) / 3 + Fraction(5, 4) * Fraction(5, 8))


def test_vqvae_loss_is_the_sum_of_its_terms(context):
    model, x = a_vqvae(context)
    terms = vqvae.reconstruction_loss(model, x, 0) + vqvae.codebook_loss(model, x, 0)
    assert same(vqvae.loss(model, "1/3", x, 0), terms + "1/3" * vqvae.commitment_loss(model, x, 0))


def test_vqvae_on_arrays_need_not_be_lifted(context):
    lifted, x = a_vqvae(context)
    embedding = np.array([[0.0, 0.0], [1.0, -1.0], [2.0, 2.0]])
    unlifted = vqvae.Model(lifted.encoder, latent.Codebook(embedding), lifted.decoder)
    assert same(vqvae.loss(unlifted, 1, x, 2), vqvae.loss(lifted, 1, x, 2))


def test_vqvae_rejects_a_bad_index(context):
    model, x = a_vqvae(context)
    for spec in (vqvae.forward, vqvae.reconstruction_loss, vqvae.codebook_loss, vqvae.commitment_loss):
        with pytest.raises(OutOfRange):
            spec(model, x, -1)
    with pytest.raises(ArgumentError):
        vqvae.loss(model, 1, x, 1.0)


def test_the_nearest_code(context):
    model, x = a_vqvae(context)
    found = vqvae.nearest_code(model, x)
    assert found.idx == 1
    certified = context.exact or context.encloses
    assert found.status == ("proved" if certified else "undecided")
    if certified:
        refuted = vqvae.check_code(model, x, 0)
        assert (refuted.status, refuted.competitor) == ("refuted", 1)
        assert refuted.margin[0] <= -5 <= refuted.margin[1] < 0
        assert found.margin[0] > 0


def test_the_nearest_code_over_a_box_may_be_undecided(enclosing):
    model, _ = a_vqvae(enclosing)
    wide = enclosing.box([0, 0, -2], [1, 1, 0])
    found = vqvae.nearest_code(model, wide)
    assert found.status == "undecided"
    assert found.competitor in (0, 1)
    assert found.competitor != found.idx


def test_a_tie_goes_to_the_lowest_index_and_is_proved(rational):
    model, _ = a_vqvae(rational)
    halfway = rational.tensor([HALF, 0, "-1/2"])
    assert vqvae.nearest_code(model, halfway) == vqvae.Assignment(0, "proved", None, (0, 0))
    assert vqvae.check_code(model, halfway, 1).status == "proved"


# ---- the expected loss of a VAE -------------------------------------------------------------------------------------


def an_affine_vae(context, logvar_weight=0):
    model = a_vae(context, logvar_weight)
    decoder = ss.layers.Linear(np.array([[1.0, -0.5], [0.25, 2.0], [0.0, 1.5]]), np.array([0.5, 0.0, -1.0]))
    return vae.Model(model.encoder, vae.Decoder(ss.lift(decoder, context)))


def test_the_expected_loss_is_the_mean_over_signs(context):
    """The loss is quadratic in ε, so that ε = ±1 in each coordinate has the same mean as the normal distribution."""
    model, (x, _) = an_affine_vae(context), vae_inputs(context)
    signs = [context.tensor(list(s)) for s in itertools.product((-1, 1), repeat=2)]
    mean = sum((vae.loss(model, "1/3", x, s) for s in signs[1:]), vae.loss(model, "1/3", x, signs[0])) / 4
    found = vae.expected_loss(model, "1/3", x)
    if context.exact:
        assert context.exact_value(found.scalars()[()]) == context.exact_value(mean.scalars()[()])
    elif context.encloses:
        (low, high), (least, greatest) = ([e[()] for e in ss.endpoints(t)] for t in (found, mean))
        assert low <= greatest
        assert least <= high
    else:
        assert np.isclose(found.item(), mean.item(), rtol=1e-5)


def test_the_expected_loss_with_a_variance_against_quadrature(interval):
    """By Gauss and Hermite's rule of 3 points, which is exact for quadratics, at 53 bits."""
    model, (x, _) = an_affine_vae(interval, 3), vae_inputs(interval)
    nodes, weights = [-(3**0.5), 0.0, 3**0.5], [1 / 6, 2 / 3, 1 / 6]
    total = 0.0
    for (a, p), (b, q) in itertools.product(zip(nodes, weights, strict=True), repeat=2):
        value = vae.reconstruction_loss(model, x, interval.tensor([a, b]))
        total += p * q * float(ss.sup(value))
    found = vae.expected_reconstruction_loss(model, x)
    assert abs(total - float(ss.sup(found))) < 1e-13 * total
    symbolic = an_affine_vae(ss.context("symbolic"), 3)
    closed = vae.expected_reconstruction_loss(symbolic, ss.context("symbolic").tensor([1, "1/2", -2]))
    assert abs(float(closed.item()) - total) < 1e-13 * total


def test_the_expected_loss_needs_an_affine_decoder(context):
    model, (x, _) = a_vae(context), vae_inputs(context)
    with pytest.raises(ArgumentError, match=r"expected a layers\.Linear, which is affine in z, got Sequential"):
        vae.expected_loss(model, 1, x)


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_losses_at_rational_points(context):
    x, y = context.tensor([1, -2, "1/2"]), context.tensor([0, 1, "1/4"])
    assert_is(loss.mse(x, y), (1 + 9 + Fraction(1, 16)) / 3)
    assert_is(loss.mse_derivative(x, y), [Fraction(2, 3), -2, Fraction(1, 6)])
    assert_is(loss.mae(x, y), (1 + 3 + Fraction(1, 4)) / 3)
    assert_is(loss.huber(x, y), (HALF + Fraction(5, 2) + Fraction(1, 32)) / 3)
    assert_is(loss.huber(x, y, 2), (HALF + 4 + Fraction(1, 32)) / 3)
    assert_is(loss.hinge(context.tensor([2, "1/2"]), context.tensor([1, -1])), Fraction(3, 4))


@pytest.mark.parametrize("name", WITH_EXP)
def test_losses_with_logarithms(name):
    context = CONTEXTS[name]
    x, y = context.tensor([1, -2]), context.tensor([0, 0])
    assert_near(loss.log_cosh(x, y), "0.87939178892044580898", 18)
    logits, target = context.tensor([1, 2, 3]), context.tensor([0, 0, 1])
    assert_near(loss.cross_entropy(logits, target), "0.40760596444438030448", 18, ulps=64)


def test_losses_of_float_extremes(float64):
    far = float64.tensor([1000.0, -1000.0, 0.0])
    assert loss.cross_entropy(far, float64.tensor([1, 0, 0])).item() == 0.0
    assert loss.cross_entropy(far, float64.tensor([0, 1, 0])).item() == 2000.0
    assert loss.log_cosh(far[:1], float64.tensor([0])).item() == pytest.approx(1000 - math.log(2), rel=1e-15)


@pytest.mark.parametrize("spec", [loss.mse, loss.mae, loss.huber, loss.hinge, loss.log_cosh, loss.cross_entropy])
def test_losses_want_equal_shapes(context, spec):
    with pytest.raises(ShapeError, match=rf"{spec.__name__}: shapes \(2,\) and \(\) differ"):
        spec(context.tensor([1, 2]), context.tensor(1))


# ---- shapes ---------------------------------------------------------------------------------------------------------

WRONG_SHAPES = {
    "add: shapes (2, 3) and (3,) differ": lambda t: t + t[0],
    "matmul: (2, 3) @ (2, 3)": lambda t: t @ t,
    "affine: (2, 3) @ (2,) + (2,)": lambda t: ss.affine(t, t[:, 0], t[:, 0]),
    "dot: (3,) and (2,)": lambda t: ss.dot(t[0], t[:, 0]),
    "outer: (2, 3) and (3,)": lambda t: ss.outer(t, t[0]),
    "matrix_transpose: (3,)": lambda t: ss.matrix_transpose(t[0]),
    "reshape: (2, 3) has 6 elements, (4,) has 4": lambda t: ss.reshape(t, (4,)),
    "broadcast_to: (2, 3) does not broadcast to (3, 3)": lambda t: ss.broadcast_to(t, (3, 3)),
    "stack: shapes (2,) and (3,) differ": lambda t: ss.stack([t[0], t[:, 0]]),
    "sum: axis 2 of a tensor of shape (2, 3)": lambda t: ss.sum(t, axis=2),
    "item: a tensor of shape (2, 3) is not one number": lambda t: t.item(),
    "index 2 of a dimension of length 2": lambda t: t[2],
    "integers and slices as indices, got 1.0": lambda t: t[1.0],
    "2 indices for a tensor of shape (3,)": lambda t: t[0][0, 0],
    "a tensor of shape () has no outer dimension": lambda t: len(t[0, 0]),
    "a dimension is an integer >= 0, got -1": lambda t: ss.reshape(t, (-1,)),
    "expected an integer, a tuple of them or None as the axis, got 'x'": lambda t: ss.sum(t, axis="x"),
    "a shape is a tuple of integers, got 4": lambda t: ss.reshape(t, 4),
    "got elements of shapes (2,), ()": lambda t: t.context.tensor([[1, 2], 3]),
}


@pytest.mark.parametrize("message", WRONG_SHAPES)
def test_a_wrong_shape_is_told_at_the_call(context, message):
    import re

    with pytest.raises((ShapeError, OutOfRange), match=re.escape(message)):
        WRONG_SHAPES[message](context.tensor([[1, 2, 3], [4, 5, 6]]))


def test_structure(context):
    t = context.tensor([[1, 2, 3], [4, 5, 6]])
    assert (t.shape, t.ndim, t.size, t.dtype, len(t)) == ((2, 3), 2, 6, context.name, 2)
    assert t.shape == ss.Dim(2, ss.Dim(3)) == ss.Shape((2, 3))
    assert repr(t.shape) == "(2, 3)"
    assert (t.shape.outer, t.shape.rest) == (2, (3,))
    assert_is(t[1], [4, 5, 6])
    assert_is(t[-1, ::-1], [6, 5, 4])
    assert_is(t[:, 1], [2, 5])
    assert_is(ss.stack(list(t)), [[1, 2, 3], [4, 5, 6]])
    assert_is(ss.matrix_transpose(t), [[1, 4], [2, 5], [3, 6]])
    assert_is(ss.reshape(t, (3, 2)), [[1, 2], [3, 4], [5, 6]])
    assert_is(ss.broadcast_to(t[0], (2, 3)), [[1, 2, 3], [1, 2, 3]])
    assert_is(ss.sum(t, axis=0), [5, 7, 9])
    assert_is(ss.mean(t, axis=(-1,)), [2, 5])
    assert_is(t[0] @ ss.matrix_transpose(t), [14, 32])
    assert_is(abs(-t[0]), [1, 2, 3])
    assert np.asarray(t).shape == (2, 3)
    assert "(2, 3)" in repr(t)


def test_a_tensor_does_not_change_with_its_data(context):
    data = np.array([1.0, 2.0])
    t = context.tensor(data)
    data[0] = 9
    np.asarray(t)[1] = 9
    assert_is(t, [1, 2])


def test_familiar_scalars():
    import mpmath
    import sympy

    items = {name: CONTEXTS[name].tensor("1/2").item() for name in CONTEXTS}
    assert type(items["float64"]) is type(items["float32"]) is float
    assert type(items["rational"]) is Fraction
    assert isinstance(items["symbolic"], sympy.Rational)
    assert isinstance(items["interval"], mpmath.ctx_iv.ivmpf)
    assert items["interval"].ctx is not mpmath.iv
    assert np.asarray(CONTEXTS["float32"].tensor([1])).dtype == np.float32
    assert np.asarray(CONTEXTS["rational"].tensor([1])).dtype == object


def test_an_interval_is_not_silently_a_float(interval):
    from scalarspec.errors import NotExact

    with pytest.raises(NotExact, match="use endpoints"):
        np.asarray(interval.tensor([1]), dtype=float)


def test_lift_goes_through_a_model_and_leaves_indices_alone(rational):
    model = {
        "layers": [ss.layers.Sequential(ss.layers.Linear(np.ones((1, 1)), np.zeros(1)), ss.relu)],
        "idx": 3,
        "beta": 0.1,
    }
    lifted = ss.lift(model, rational)
    assert lifted["idx"] == 3
    assert type(lifted["idx"]) is int
    assert lifted["beta"].item() == Fraction(0.1)
    linear, relu = lifted["layers"][0].layers
    assert linear.weight.dtype == "rational"
    assert relu is ss.relu
    assert isinstance(model["layers"][0].layers[0].weight, np.ndarray)


def test_a_tensor_is_carried_to_another_context_exactly_or_not_at_all(context):
    for source in CONTEXTS.values():
        carried = context.tensor(source.tensor([1, "-5/4"]))
        assert carried.context == context
        assert_is(carried, [1, Fraction(-5, 4)])


def test_a_box_is_carried_to_enclosing_contexts_alone(enclosing, rational, interval):
    from scalarspec.errors import NotExact

    low, high = ss.endpoints(enclosing.tensor(interval.box([-1], [2])))
    assert (low[0], high[0]) == (-1, 2)
    with pytest.raises(NotExact, match="is not one number"):
        rational.tensor(interval.box(-1, 2))
    with pytest.raises(NotExact, match="x is not a rational number"):
        enclosing.tensor(CONTEXTS["symbolic"].symbols("x"))
