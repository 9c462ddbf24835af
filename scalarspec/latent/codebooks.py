"""Codebooks: finitely many codes, and the one at an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, OutOfRange


@dataclass(frozen=True, eq=False)
class Codebook:
    """A finite codebook. embedding: (num_codes, *latent), a tensor or a NumPy array, one code a row.

    For example:

        ss.latent.Codebook(np.eye(2))    # two codes, of two numbers each
    """

    embedding: Any

    @property
    def num_codes(self) -> int:
        """The number of codes."""
        count: int = np.shape(self.embedding)[0]
        return count


def quantize_at(book: Codebook, idx: int) -> Any:
    """The code of an index, of shape (*latent,), as the codebook holds it.

    book: the codebook.

    idx: 0 <= idx < num_codes. Raises OutOfRange elsewhere, since a negative index would count from the end, and
    ArgumentError unless idx is an integer (bools are none).

        ss.latent.quantize_at(ss.latent.Codebook(np.eye(2)), 1)    # [0, 1]
    """
    if isinstance(idx, bool | np.bool_) or not isinstance(idx, int | np.integer):
        raise ArgumentError(f"idx: expected an integer code index, got {idx!r}")
    if not 0 <= idx < book.num_codes:
        raise OutOfRange(f"idx: expected a code index from 0 to {book.num_codes - 1}, got {idx}")
    return book.embedding[int(idx)]
