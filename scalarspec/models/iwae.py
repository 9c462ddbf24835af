"""The importance weighted autoencoder (Burda, Grosse & Salakhutdinov 2016): a VAE with a bound of k samples.

The model is that of `vae`, read as densities: p(z) = N(0, I), q(z|x) = N(μ, diag σ²), and p(x|z) = N(x̂, I). The noise
of the k samples, eps of shape (k, *latent), is an argument. All numbers are in nats; sums run over coordinates, as in
the paper.
model: a `vae.Model`, its parameters in the context of x; moments: μ and log σ².
Stages: mu, logvar, z, x_hat, log_w (the last three for each sample), bound.

    head, back = ss.layers.Linear(np.ones((1, 2)), np.zeros(1)), ss.layers.Linear(np.ones((2, 1)), np.zeros(2))
    model = ss.lift(vae.Model(vae.Encoder(head, head), vae.Decoder(back)), "float64")
    x, eps = ss.lift((np.array([0.5, -0.25]), np.array([[0.125], [1.0]])), "float64")
    iwae.bound(model, x, eps), iwae.log_weights(model, x, eps)
    iwae.log_weight(model, x, vae.encode(model, x), eps[0]), iwae.log_normal(x)
"""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ShapeError
from scalarspec.latent import reparameterize_diag
from scalarspec.models.vae import Model, Moments, encode


def bound(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """log (1/k) Σ w_i, a lower bound of log p(x) in expectation, equation 8, which k tightens. k = 1 is the VAE's.

    x: (*obs,); eps: (k, *latent), a draw from N(0, I); result: (). Raises ShapeError for k = 0.

        ss.bounds(iwae.bound, model, x, eps, vary={"x": ss.ball("0.01")})
    """
    if eps.ndim == 0 or len(eps) == 0:
        raise ShapeError(f"eps: expected shape (k, *latent) with k > 0, got {eps.shape}")
    return f.stage("bound", _bound(log_weights(model, x, eps)))


def log_weights(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """log w_i = log p(x, z_i) - log q(z_i|x) for each sample, with one encoding. x: (*obs,); eps: (k, *latent); result:
    (k,).
    """
    moments = encode(model, x)
    return f.stack([log_weight(model, x, moments, row) for row in eps])


def log_weight(model: Model, x: Tensor, moments: Moments, eps: Tensor) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x), at z = μ + σ ⊙ ε. x: (*obs,); eps: (*latent,); result: ().

    Its last two terms are Σ (log σ² + ε² - z²) / 2: the density of q at z is that of ε over σ.
    """
    z = f.stage("z", reparameterize_diag(*moments, eps))
    x_hat = f.stage("x_hat", model.decoder.forward(z))
    check_one_shape("iwae: an observation and its reconstruction", x, x_hat)
    prior_over_posterior = f.sum(moments[1] + f.square(eps) - f.square(z)) / 2
    return f.stage("log_w", log_normal(x - x_hat) + prior_over_posterior)


def log_normal(difference: Tensor) -> Tensor:
    """log N(x; x̂, I), from x - x̂: -Σ ((x - x̂)² + log 2π) / 2. difference: (*obs,); result: ()."""
    return -(f.sum(f.square(difference)) + difference.size * f.log(2 * f.pi(difference.context))) / 2


def _bound(logs: Tensor) -> Tensor:
    """log of the mean of the weights whose logarithms these are."""
    return f.logsumexp(logs) - f.log(logs.context.tensor(len(logs)))
