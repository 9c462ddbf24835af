"""The VAE, its loss, and the mean of its loss over the noise, under every context."""

import itertools

import numpy as np
import pytest
from agreement import same
from specs import a_vae, vae_inputs

import scalarspec as ss
from scalarspec import latent, loss
from scalarspec.errors import ArgumentError
from scalarspec.models import vae


class Counted:
    """A map that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, x):
        self.calls += 1
        return self.function(x)


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
