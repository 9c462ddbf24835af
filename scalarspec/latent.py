"""Latent-variable helpers: reparameterisation, the Gaussian KL term, and codebooks (seed NN.Spec.Generative.Latent)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, OutOfRange


def exp(x: Tensor) -> Tensor:
    """eˣ, elementwise, for log-variances."""
    return f.exp(x)


def half(x: Tensor) -> Tensor:
    """x / 2, elementwise."""
    return x / 2


def reparameterize_diag(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """μ + exp(logσ² / 2) ⊙ ε, with the noise explicit. All of shape (*latent,). Kingma & Welling 2014, section 2.4."""
    return mu + exp(half(logvar)) * eps


def diagonal_gaussian_kl_to_standard(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = (e^logσ² + μ² - 1 - logσ²) / 2 in nats, as the mean over the latent coordinates.

    mu, logvar: (*latent,); result: (). Never negative. Kingma & Welling 2014, appendix B, has the sum.
    """
    return f.mean(half(f.expm1mx(logvar) + f.square(mu)))


@dataclass(frozen=True, eq=False)
class Codebook:
    """A finite codebook. embedding: (num_codes, *latent), a tensor or a NumPy array."""

    embedding: Any

    @property
    def num_codes(self) -> int:
        """How many codes there are."""
        count: int = np.shape(self.embedding)[0]
        return count


def quantize_at(book: Codebook, idx: int) -> Any:
    """The code of that index, of shape (*latent,), as the codebook holds it.

    Raises OutOfRange unless 0 <= idx < num_codes, ArgumentError unless idx is an integer (bools are none).
    """
    if isinstance(idx, bool | np.bool_) or not isinstance(idx, int | np.integer):
        raise ArgumentError(f"idx: expected an integer code index, got {idx!r}")
    if not 0 <= idx < book.num_codes:
        raise OutOfRange(f"idx: expected a code index from 0 to {book.num_codes - 1}, got {idx}")
    return book.embedding[int(idx)]
