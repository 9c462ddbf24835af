"""Sizes as primes: a number that a formula is computed with tells which sizes it is a product of."""

from __future__ import annotations

import itertools

from scalarspec.core.shape import Shape

LETTERS = "nmklpqrs"
"""The names of the first sizes; then come n1, n2, ..."""


class PrimeSizes:
    """Primes for the sizes over 1, and the names of these sizes.

    start: where the primes begin; None leaves the sizes as they are.
    """

    def __init__(self, start: int | None) -> None:
        self.start = start
        self.primes: dict[int, int] = {}

    def of(self, shape: Shape) -> Shape:
        """The shape in primes."""
        return shape if self.start is None else Shape(self._prime(n) if n > 1 else n for n in shape)

    def _prime(self, n: int) -> int:
        if n not in self.primes:
            prime = max([self.start or 0, *self.primes.values()]) + 1
            while any(prime % k == 0 for k in range(2, int(prime**0.5) + 1)):
                prime += 1
            self.primes[n] = prime
        return self.primes[n]

    def named(self, taken: set[str]) -> dict[int, str]:
        """A name for each prime, other than those that are taken."""
        free = (name for name in itertools.chain(LETTERS, (f"n{i}" for i in itertools.count(1))) if name not in taken)
        return dict(zip(self.primes.values(), free, strict=False))
