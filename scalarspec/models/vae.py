"""The variational autoencoder, with its noise explicit (seed NN.Spec.Models.Vae; Kingma & Welling 2014).

An observation x has shape (*obs,), a latent z shape (*latent,); log-variances are in nats. The noise eps, a draw from
N(0, I) of shape (*latent,), is an argument, so that every function is a function.
model: the `Model`, its parameters in the context of x; mean, logvar: its maps to these.
Stages: h (with a trunk), mu, logvar, z, x_hat, recon, kl, loss.

    head, back = ss.layers.Linear(np.ones((1, 2)), np.zeros(1)), ss.layers.Linear(np.ones((2, 1)), np.zeros(2))
    model = vae.Model(vae.Encoder(head, head), vae.Decoder(back))
    shared = vae.Model(vae.TrunkEncoder(ss.layers.tanh, head, head), vae.Decoder(back))
    x, eps = np.array([0.5, -0.25]), np.array([0.125])
    ss.bounds(vae.loss, model, 1, x, eps, vary={"x": ss.ball("0.01")})
    model, x, eps = ss.lift((model, x, eps), "float64")
    vae.encode(model, x), vae.sample_latent(model, x, eps), vae.forward(model, x, eps)
    vae.reconstruction_loss(model, x, eps), vae.kl_loss(model, x)
    vae.expected_reconstruction_loss(model, x), vae.expected_loss(model, 1, x)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scalarspec import latent
from scalarspec.core.functions import exp, matmul, mean, multiply, square, stage
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.errors import ArgumentError
from scalarspec.layers import Linear, Map
from scalarspec.loss import mse

Moments = tuple[Tensor, Tensor]
"""The mean μ and the log-variance logσ² of q(z|x), each of shape (*latent,)."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """The diagonal Gaussian q(z|x): two maps from an observation, (*obs,), to μ and to logσ², each (*latent,)."""

    mean: Map
    logvar: Map

    def __call__(self, x: Tensor) -> Moments:
        """The moments (μ, logσ²) of q(z|x)."""
        return self.mean(x), self.logvar(x)

    @staticmethod
    def with_trunk(trunk: Map, mean: Map, logvar: Map) -> TrunkEncoder:
        """An encoder whose two heads start from one trunk, which an encoding evaluates once.

        trunk: (*obs,) -> hidden; mean, logvar: hidden -> (*latent,).

            from scalarspec.models import vae

            trunk, head = ss.layers.Linear(np.ones((2, 3)), np.zeros(2)), ss.layers.Linear(np.ones((1, 2)), np.zeros(1))
            encoder = vae.Encoder.with_trunk(trunk, mean=head, logvar=head)
        """
        return TrunkEncoder(trunk, mean, logvar)


@dataclass(frozen=True, eq=False)
class TrunkEncoder:
    """The encoder with mean(x) = mean_head(trunk(x)) and logvar(x) = logvar_head(trunk(x))."""

    trunk: Map
    mean_head: Map
    logvar_head: Map

    def mean(self, x: Tensor) -> Tensor:
        """μ, of shape (*latent,)."""
        return self.mean_head(self.trunk(x))

    def logvar(self, x: Tensor) -> Tensor:
        """logσ², of shape (*latent,)."""
        return self.logvar_head(self.trunk(x))

    def __call__(self, x: Tensor) -> Moments:
        """The moments (μ, logσ²) of q(z|x), with the trunk evaluated once."""
        hidden = stage("h", self.trunk(x))
        return self.mean_head(hidden), self.logvar_head(hidden)


@dataclass(frozen=True, eq=False)
class Decoder:
    """p(x|z), by the map `forward` from a latent, (*latent,), to the mean of the reconstruction, (*obs,)."""

    forward: Map


@dataclass(frozen=True, eq=False)
class Model:
    """An encoder and a decoder. The encoder may be any callable that gives the moments of an observation."""

    encoder: Encoder | TrunkEncoder | Callable[[Tensor], Moments]
    decoder: Decoder


def encode(model: Model, x: Tensor) -> Moments:
    """The moments (μ, logσ²) of q(z|x). x: (*obs,); each result: (*latent,)."""
    mu, logvar = model.encoder(x)
    return stage("mu", mu), stage("logvar", logvar)


def sample_latent(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """The latent z = μ + exp(logσ² / 2) ⊙ ε. x: (*obs,); eps: (*latent,); result: (*latent,)."""
    return _sample(encode(model, x), eps)


def forward(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """The reconstruction: encode, reparameterise, decode. x: (*obs,); eps: (*latent,); result: (*obs,)."""
    return _decode(model, sample_latent(model, x, eps))


def reconstruction_loss(model: Model, x: Tensor, eps: Tensor) -> Tensor:
    """The mean squared error of the reconstruction over the observation. x: (*obs,); eps: (*latent,); result: ()."""
    return _reconstruction(forward(model, x, eps), x)


def kl_loss(model: Model, x: Tensor) -> Tensor:
    """KL(q(z|x) ‖ N(0, I)) in nats, as the mean over the latent coordinates. It does not depend on ε. x: (*obs,);
    result: ().
    """
    return _kl(encode(model, x))


def loss(model: Model, beta: Operand, x: Tensor, eps: Tensor) -> Tensor:
    """reconstruction_loss + beta * kl_loss, with one encoding. beta = 1 is the VAE; Higgins et al. 2017 for other
    values.

    beta: a number; x: (*obs,); eps: (*latent,); result: (). Both terms are means, so that beta = 1 weighs them by
    coordinate, and not as the sums of the papers.

        ss.bounds(vae.loss, model, 1, x, eps, vary={"x": ss.ball("0.01")})
    """
    moments = encode(model, x)
    reconstruction = _reconstruction(_decode(model, _sample(moments, eps)), x)
    return stage("loss", reconstruction + multiply(beta, _kl(moments)))


def _sample(moments: Moments, eps: Tensor) -> Tensor:
    return stage("z", latent.reparameterize_diag(*moments, eps))


def _decode(model: Model, z: Tensor) -> Tensor:
    return stage("x_hat", model.decoder.forward(z))


def _reconstruction(x_hat: Tensor, x: Tensor) -> Tensor:
    return stage("recon", mse(x_hat, x))


def _kl(moments: Moments) -> Tensor:
    return stage("kl", latent.diagonal_gaussian_kl_to_standard(*moments))


def expected_reconstruction_loss(model: Model, x: Tensor) -> Tensor:
    """The expectation of `reconstruction_loss` over ε ~ N(0, I), without sampling, for a decoder W z + b.

    It is mse(W μ + b, x) + Σ W_ij² σ_j² / d: the error is quadratic in ε, whose mean is 0 and whose covariance is I. x:
    (d,); the latent has one axis; result: (). Raises ArgumentError unless the decoder is a `layers.Linear`.
    """
    return _expected_reconstruction(model, x, *encode(model, x))


def expected_loss(model: Model, beta: Operand, x: Tensor) -> Tensor:
    """The expectation of `loss` over ε ~ N(0, I): expected_reconstruction_loss + beta * kl_loss, with one encoding.

    beta: a number; x: (d,); result: (). Raises ArgumentError unless the decoder is a `layers.Linear`.
    """
    mu, logvar = encode(model, x)
    kl = latent.diagonal_gaussian_kl_to_standard(mu, logvar)
    return _expected_reconstruction(model, x, mu, logvar) + multiply(beta, kl)


def _expected_reconstruction(model: Model, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    decoder = model.decoder.forward
    if not isinstance(decoder, Linear):
        raise ArgumentError(f"decoder: expected a layers.Linear, which is affine in z, got {type(decoder).__name__}")
    variances = matmul(square(x.context.tensor(decoder.weight)), exp(logvar))
    return mse(decoder(mu), x) + mean(variances)
