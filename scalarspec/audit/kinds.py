"""The kinds of losses that an audit knows: for each the right spec, its properties, and the ways to get it wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from scalarspec import latent, loss
from scalarspec.audit.kind import EQUAL, GRADIENT, LINEAR, NONNEGATIVE, Kind, Mistake
from scalarspec.audit.near import Inputs, Spec
from scalarspec.audit.properties import Property, equal, independent_of_noise, repetition
from scalarspec.audit.variants import ERRORS, KL_TERMS, Reduction, mean_of, variants
from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor


def gaussian_kl(reduction: Reduction) -> Kind:
    """The KL divergence of a diagonal Gaussian from the standard normal."""

    def spec(mu: Tensor, logvar: Tensor) -> Tensor:
        value = latent.diagonal_gaussian_kl_to_standard(mu, logvar)
        return value if reduction == "mean" else value * mu.size

    return Kind(
        "gaussian-kl",
        ("mu", "logvar"),
        f"KL(N(mu, exp(logvar)) ‖ N(0, 1)), the {reduction} over the coordinates",
        spec,
        lambda: (Mistake(text, wrong) for text, wrong in variants(KL_TERMS, reduction, half=True) if text),
        (
            EQUAL,
            NONNEGATIVE,
            equal("it is 0 at the standard normal", lambda case: {"mu": 0 * case["mu"], "logvar": 0 * case["logvar"]}),
            repetition(reduction),
            GRADIENT,
        ),
    )


def autoencoder(reduction: Reduction) -> Kind:
    """The squared error of a reconstruction."""

    def spec(x: Tensor, x_hat: Tensor) -> Tensor:
        value = loss.mse(x_hat, x)
        return value if reduction == "mean" else value * x.size

    return Kind(
        "autoencoder",
        ("x", "x_hat"),
        f"the {reduction} of the squared error of the reconstruction",
        spec,
        lambda: _wrong_reconstructions(spec, reduction),
        (
            EQUAL,
            NONNEGATIVE,
            equal("it is 0 for a perfect reconstruction", lambda case: {"x": case["x"], "x_hat": case["x"]}),
            repetition(reduction),
            GRADIENT,
        ),
    )


def _wrong_reconstructions(right: Spec, reduction: Reduction) -> Iterator[Mistake]:
    """Wrong errors, then other losses."""
    for text, wrong in variants(ERRORS, reduction, half=False):
        if text:
            yield Mistake(text, lambda x, x_hat, wrong=wrong: wrong(x_hat - x))
    yield Mistake("it is the root of the squared error", lambda x, x_hat: f.sqrt(right(x, x_hat)))
    yield Mistake(
        "it is the binary cross-entropy",
        lambda x, x_hat: mean_of(-(x * f.log(x_hat) + (1 - x) * f.log(1 - x_hat)), reduction),
    )


def beta_vae(reduction: Reduction) -> Kind:
    """The reconstruction error, and beta times the KL."""
    kl, error = gaussian_kl(reduction), autoencoder(reduction)

    def spec(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor, beta: Tensor) -> Tensor:
        return error.spec(x, x_hat) + beta * kl.spec(mu, logvar)

    def mistakes() -> Iterator[Mistake]:
        yield from _wrong_weights(error.spec, kl.spec)
        yield from _wrong_terms(error, kl)

    return Kind(
        "beta-vae",
        ("x", "x_hat", "mu", "logvar", "beta"),
        f"{error.what} + beta * {kl.what}",
        spec,
        mistakes,
        (
            EQUAL,
            NONNEGATIVE,
            equal("β = 0 leaves the reconstruction", lambda case: {**case, "beta": 0.0}),
            LINEAR,
            Property("what β multiplies does not depend on ε (which enters by x_hat)", independent_of_noise),
            GRADIENT,
        ),
    )


def _wrong_weights(error: Spec, kl: Spec) -> Iterator[Mistake]:
    """The right terms, put together wrongly."""
    yield Mistake("β multiplies the reconstruction and not the KL", lambda x, y, m, v, b: b * error(x, y) + kl(m, v))
    yield Mistake("β multiplies both terms", lambda x, y, m, v, b: b * (error(x, y) + kl(m, v)))
    yield Mistake("β is left out", lambda x, y, m, v, b: error(x, y) + kl(m, v))
    yield Mistake("β is squared", lambda x, y, m, v, b: error(x, y) + f.square(b) * kl(m, v))
    yield Mistake("the KL is subtracted", lambda x, y, m, v, b: error(x, y) - b * kl(m, v))
    yield Mistake("the KL is left out", lambda x, y, m, v, b: error(x, y) + 0 * b)


def _wrong_terms(error: Kind, kl: Kind) -> Iterator[Mistake]:
    """A mistake in one of the terms, or a simple one in each."""
    for wrong in error.mistakes():
        yield Mistake(f"reconstruction: {wrong.text}", _weighted(wrong.spec, kl.spec))
    for wrong in kl.mistakes():
        yield Mistake(f"KL: {wrong.text}", _weighted(error.spec, wrong.spec))
    both = ([wrong for wrong in kind.mistakes() if wrong.text in IN_BOTH_TERMS] for kind in (kl, error))
    for of_kl, of_error in itertools.product(*both):
        text = f"reconstruction: {of_error.text}; KL: {of_kl.text}"
        yield Mistake(text, _weighted(of_error.spec, of_kl.spec))


def _weighted(error: Spec, kl: Spec) -> Spec:
    return lambda x, x_hat, mu, logvar, beta: error(x, x_hat) + beta * kl(mu, logvar)


IN_BOTH_TERMS = (
    "it sums over the coordinates where it should average",
    "it averages over the coordinates where it should sum",
    "there is a factor ½ too much",
)
"""Mistakes that come in both terms at once: a reduction, or a factor, of the whole loss."""


def vae(reduction: Reduction) -> Kind:
    """The same at beta = 1."""
    whole = beta_vae(reduction)

    def at_one(spec: Spec) -> Spec:
        return lambda x, x_hat, mu, logvar: spec(x, x_hat, mu, logvar, x.context.tensor(1))

    def mistakes() -> Iterator[Mistake]:
        return (Mistake(m.text, at_one(m.spec)) for m in whole.mistakes() if not m.text.startswith("β"))

    properties = (
        EQUAL,
        NONNEGATIVE,
        equal("it is 0 for a perfect reconstruction at the standard normal", _perfect),
        GRADIENT,
    )
    what = whole.what.replace("beta * ", "")
    return Kind("vae", whole.parameters[:-1], what, at_one(whole.spec), mistakes, properties)


def _perfect(case: Inputs) -> Inputs:
    return {"x": case["x"], "x_hat": case["x"], "mu": 0 * case["mu"], "logvar": 0 * case["logvar"]}


def vq(reduction: Reduction) -> Kind:
    """The codebook term, and beta times the commitment term: one number, with gradients of their own."""

    def spec(z_e: Tensor, z_q: Tensor, beta: Tensor) -> Tensor:
        codebook, commitment = (mean_of(f.square(d), reduction) for d in (z_q - z_e, z_e - z_q))
        return codebook + beta * commitment

    def slope(z_e: Tensor, z_q: Tensor) -> Tensor:
        return 2 * (z_e - z_q) / (max(z_e.size, 1) if reduction == "mean" else 1)

    return Kind(
        "vq",
        ("z_e", "z_q", "beta"),
        f"codebook + beta * commitment, each the {reduction} of the squared error between z_e and z_q",
        spec,
        lambda: _wrong_vq(reduction),
        (
            EQUAL,
            NONNEGATIVE,
            equal("it is 0 where the encoder's output is the code", lambda case: {**case, "z_q": case["z_e"]}),
            LINEAR,
            repetition(reduction),
            GRADIENT,
        ),
        {"z_e": lambda e, q, b: b * slope(e, q), "z_q": lambda e, q, b: -slope(e, q)},
        _wrong_vq_gradients(slope),
    )


def _wrong_vq(reduction: Reduction) -> Iterator[Mistake]:
    """Wrong weights of the one squared error, then wrong errors."""
    weights: dict[str, Callable[[Tensor], Any]] = {
        "the commitment term is missing": lambda b: 1 + 0 * b,
        "the codebook term is missing": lambda b: b,
        "β is left out": lambda b: 2 + 0 * b,
        "β multiplies both terms": lambda b: 2 * b,
        "β is squared": lambda b: 1 + f.square(b),
        "the commitment term is subtracted": lambda b: 1 - b,
    }
    for text, weight in weights.items():
        yield Mistake(text, lambda e, q, b, w=weight: w(b) * mean_of(f.square(e - q), reduction))
    for text, wrong in variants(ERRORS, reduction, half=False):
        if text:
            yield Mistake(text, lambda e, q, b, w=wrong: (1 + b) * w(e - q))
    yield Mistake("it is the distance, not its square", lambda e, q, b: (1 + b) * f.sqrt(f.sum(f.square(e - q))))
    yield Mistake("it is the root of the mean square", lambda e, q, b: (1 + b) * f.sqrt(f.mean_square(e - q)))


def _wrong_vq_gradients(slope: Callable[[Tensor, Tensor], Tensor]) -> dict[str, dict[str, Spec]]:
    """What comes of stop-gradients in wrong places; slope: of the squared error in z_e."""
    return {
        "β weighs the codebook term and not the commitment: the stop-gradients are exchanged": {
            "z_e": lambda e, q, b: slope(e, q),
            "z_q": lambda e, q, b: -b * slope(e, q),
        },
        "the encoder gets no gradient": {
            "z_e": lambda e, q, b: 0 * slope(e, q),
            "z_q": lambda e, q, b: -(1 + b) * slope(e, q),
        },
        "the code gets no gradient": {
            "z_e": lambda e, q, b: (1 + b) * slope(e, q),
            "z_q": lambda e, q, b: 0 * slope(e, q),
        },
        "there is no stop-gradient: both terms move the encoder and the code": {
            "z_e": lambda e, q, b: (1 + b) * slope(e, q),
            "z_q": lambda e, q, b: -(1 + b) * slope(e, q),
        },
    }


def reparameterization(_: Reduction) -> Kind:
    """The sample of a diagonal Gaussian, from noise; elementwise, so that no reduction counts."""
    return Kind(
        "reparameterization",
        ("mu", "logvar", "eps"),
        "mu + exp(logvar / 2) * eps, elementwise",
        latent.reparameterize_diag,
        lambda: (Mistake(text, spec) for text, spec in _WRONG_SAMPLES.items()),
        (EQUAL, equal("without noise it is the mean", lambda case: {**case, "eps": 0 * case["eps"]})),
    )


_WRONG_SAMPLES: dict[str, Spec] = {
    "the variance exp(logvar) multiplies ε, not σ = exp(logvar / 2)": lambda m, v, e: m + f.exp(v) * e,
    "the log-variance itself multiplies ε": lambda m, v, e: m + v * e,
    "half the log-variance multiplies ε: exp is missing": lambda m, v, e: m + v / 2 * e,
    "the root of the log-variance multiplies ε": lambda m, v, e: m + f.sqrt(v) * e,
    "ε is not scaled": lambda m, v, e: m + e + 0 * v,
    "the noise is subtracted": lambda m, v, e: m - f.exp(v / 2) * e,
    "the mean is missing": lambda m, v, e: f.exp(v / 2) * e + 0 * m,
    "the noise is missing": lambda m, v, e: m + 0 * v + 0 * e,
    "the sign of the log-variance is wrong": lambda m, v, e: m + f.exp(-v / 2) * e,
}
"""Wrong ways to draw a sample, of m, v and e: the mean, the log-variance and the noise."""


KINDS: dict[str, Callable[[Reduction], Kind]] = {
    "gaussian-kl": gaussian_kl,
    "autoencoder": autoencoder,
    "vae": vae,
    "beta-vae": beta_vae,
    "vq": vq,
    "reparameterization": reparameterization,
}
"""By its name: the kind for a reduction, "mean" or "sum"."""
