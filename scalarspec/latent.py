"""Latent-variable helpers: reparameterisation, the Gaussian KL term, and codebooks (seed NN.Spec.Generative.Latent).

Variances are given by their logarithms, in nats: logvar = log σ².
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, OutOfRange


def exp(x: Tensor) -> Tensor:
    """eˣ for each element, for log-variances. x: any shape; result: the same one."""
    return f.exp(x)


def half(x: Tensor) -> Tensor:
    """x / 2 for each element. x: any shape; result: the same one."""
    return x / 2


def reparameterize_diag(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """The sample μ + exp(logσ² / 2) ⊙ ε of N(μ, σ²), with its noise explicit.

    mu, logvar: (*latent,); eps: (*latent,), a draw from N(0, I); result: (*latent,). Kingma & Welling 2014, section
    2.4.

        context = ss.context("float64")
        mu, logvar, eps = (context.tensor(values) for values in ([1, 2], [0, 0], [0.5, -0.5]))
        ss.latent.reparameterize_diag(mu, logvar, eps)    # [1.5, 1.5]
    """
    return mu + exp(half(logvar)) * eps


def diagonal_gaussian_kl_to_standard(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = (e^logσ² + μ² - 1 - logσ²) / 2 in nats, as the mean over the latent coordinates.

    mu, logvar: (*latent,); result: (). It is never negative, and 0 for μ = 0 and logσ² = 0 alone. Kingma & Welling
    2014, appendix B, has the sum over the coordinates.
    """
    return f.mean(half(f.expm1mx(logvar) + f.square(mu)))


@dataclass(frozen=True, eq=False)
class Codebook:
    """A finite codebook. embedding: (num_codes, *latent), a tensor or a NumPy array, one code a row."""

    embedding: Any

    @property
    def num_codes(self) -> int:
        """The number of codes."""
        count: int = np.shape(self.embedding)[0]
        return count


def quantize_at(book: Codebook, idx: int) -> Any:
    """The code of an index, of shape (*latent,), as the codebook holds it.

    idx: 0 <= idx < num_codes. Raises OutOfRange elsewhere, since a negative index would count from the end, and
    ArgumentError unless idx is an integer (bools are none).

        ss.latent.quantize_at(ss.latent.Codebook(np.eye(2)), 1)    # [0, 1]
    """
    if isinstance(idx, bool | np.bool_) or not isinstance(idx, int | np.integer):
        raise ArgumentError(f"idx: expected an integer code index, got {idx!r}")
    if not 0 <= idx < book.num_codes:
        raise OutOfRange(f"idx: expected a code index from 0 to {book.num_codes - 1}, got {idx}")
    return book.embedding[int(idx)]
