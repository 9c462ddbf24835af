"""Sums of all others of n terms that are not negative, along an axis: what softmax and norms are made of in bulk.

1. S = fl(Σ t) is off by at most γ_(n-1) Σ t, in any order (see `linear`). Sums below 2^-1021 are exact.
2. A term of at most S / 2 leaves the others Σ t (1 - γ) / 2 at least, and S - t, rounded once, is off by at most
   2 γ_(n-1) (1 + small) + u of what they have, relatively. A greater term, of which there is one in a row at most, has
   a sum of the others of its own.
3. 2 (2 n + 8) u pays for that, for the rounding of 1 ± 2 (2 n + 8) u, and for the product with it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scalarspec.backends.interval64.ends import Ends, FloatArray
from scalarspec.numbers.elementary import BLOCK, U


def sums_of_others(terms: FloatArray, above: bool) -> FloatArray:
    """For each term along the last axis a number above the sum of all others, or below it; infinite where that is."""
    total = np.add.reduce(terms, axis=-1, keepdims=True)
    found = total - terms
    greatest = np.maximum.reduce(terms, axis=-1, keepdims=True, initial=0.0)
    large = ~(2 * greatest <= total)[..., 0]
    if large.any():
        own = terms[large]
        places = np.argmax(own, axis=-1, keepdims=True)
        np.put_along_axis(own, places, 0.0, axis=-1)
        rest = found[large]
        np.put_along_axis(rest, places, np.add.reduce(own, axis=-1, keepdims=True), axis=-1)
        found[large] = rest
    slack = 2 * (2 * terms.shape[-1] + 8) * U
    found *= 1 + slack if above else 1 - slack
    return found


def by_rows(function: Callable[[Ends], Ends], rows: Ends) -> Ends:
    """A function of ends along the last axis, on as many rows at a time as stay in the cache."""
    n = rows.shape[-1]
    step = max(1, BLOCK // max(n, 1))
    flat = rows.reshape(2, -1, n) if rows.size else rows.reshape(2, 0, n)
    if flat.shape[1] <= 2 * step:
        return function(rows)
    parts = [function(np.ascontiguousarray(flat[:, i : i + step])) for i in range(0, flat.shape[1], step)]
    return np.concatenate(parts, axis=1).reshape(rows.shape)
