"""Losses in NumPy, as a user writes them, that are right."""

import numpy as np

import scalarspec as ss
from scalarspec import latent, loss


def kl(mu, logvar):
    """The KL divergence to the standard normal distribution, averaged."""
    return np.mean(np.exp(logvar) + mu**2 - 1 - logvar) / 2


def mse(x, x_hat):
    """The mean of squared differences."""
    return np.mean((x - x_hat) ** 2)


def beta_vae(x, x_hat, mu, logvar, beta):
    """Reconstruction plus β times the divergence."""
    return mse(x, x_hat) + beta * kl(mu, logvar)


def vq(z_e, z_q, beta):
    """The codebook loss plus β times the commitment."""
    return np.mean((z_q - z_e) ** 2) + beta * np.mean((z_e - z_q) ** 2)


def ours(spec):
    """A spec under our own float64."""
    context = ss.context("float64")
    return lambda *args: spec(*map(context.tensor, args))


RIGHT = {
    "gaussian-kl": [
        kl,
        lambda mu, logvar: -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / mu.size,
        lambda mu, logvar: np.dot(mu, mu) / mu.size / 2 + np.mean(np.expm1(logvar) - logvar) / 2,
        ours(latent.diagonal_gaussian_kl_to_standard),
    ],
    "autoencoder": [mse, lambda x, x_hat: np.linalg.norm(x - x_hat) ** 2 / x.size, ours(loss.mse)],
    "vae": [lambda x, y, m, v: mse(x, y) + kl(m, v)],
    "beta-vae": [beta_vae],
    "vq": [vq, lambda z_e, z_q, beta: (1 + beta) * mse(z_e, z_q)],
    "reparameterization": [
        lambda mu, logvar, eps: mu + np.exp(0.5 * logvar) * eps,
        lambda mu, logvar, eps: mu + np.sqrt(np.exp(logvar)) * eps,
        ours(latent.reparameterize_diag),
    ],
}
"""By the kind of loss, in the ways in which it is written."""
