"""The examples that train the digits' VAE from the spec's text, in each library."""

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.examples import digit_training, train_in_jax, train_in_torch
from scalarspec.examples.digits import BETA_VAE, load
from scalarspec.models import vae

WAYS = {"torch": (train_in_torch.train, train_in_torch.by_torch), "jax": (train_in_jax.train, train_in_jax.by_jax)}


@pytest.mark.parametrize("name", WAYS)
def test_training_by_a_library(name):
    pytest.importorskip(name)
    train, actual = WAYS[name]
    model, losses = train(40)
    assert np.mean(losses[-5:]) < 0.5 * losses[0]
    weight = model.encoder.mean_head.weight
    assert isinstance(weight, np.ndarray)
    assert weight.dtype == np.float32
    told = digit_training.report(model, losses, actual)
    assert "in 40 steps" in told
    digits = load(1)
    arguments = (vae.loss, model, BETA_VAE, digits.pixels[0], digits.eps[0])
    found = ss.crosscheck(*arguments, actual=actual(model, digits.pixels[0], digits.eps[0]))
    assert found.certified
    assert found.max_ulps < 50


def test_the_libraries_agree():
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    (one, first), (other, second) = (train(5) for train, _ in WAYS.values())
    assert np.isclose(first[0], second[0], rtol=1e-6)
    assert np.allclose(first, second, rtol=1e-3)  # Adam takes the sign of gradients that are nearly nothing
    assert np.allclose(one.encoder.mean_head.weight, other.encoder.mean_head.weight, atol=0.02)
