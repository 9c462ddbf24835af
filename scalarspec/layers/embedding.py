"""Vectors of tokens, and what tells a network about places: sinusoids that are added, rotations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.guests import integers
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.errors import OutOfRange, ShapeError


@dataclass(frozen=True, eq=False)
class Embedding:
    """The layer i -> weight[i]: a vector for each token. weight: (tokens, width), a tensor. PyTorch: `nn.Embedding`.

    For example:

        table = ss.lift(ss.layers.Embedding([[1, 2], [3, 4]]), "rational")
        table([1, 1, 0])    # [[3, 4], [3, 4], [1, 2]]
    """

    weight: Any

    def __call__(self, indices: Any) -> Tensor:
        """The vectors of some tokens. indices: integers, of any shape; result: (*shape, width). Raises OutOfRange for
        an index that is not there, ArgumentError for what is no integer.
        """
        tokens = integers("Embedding: indices", indices)
        wrong = tokens[(tokens < 0) | (tokens >= len(self.weight))]
        if wrong.size:
            raise OutOfRange(f"Embedding: index {wrong.flat[0]} of a table of {len(self.weight)} vectors")
        found: Tensor = f.take(self.weight, tokens, axis=0)
        return found


def _angles(context: Context[Any], places: Any, pairs: int, width: int, base: Operand) -> Tensor:
    """place base^(-2i / width), for each place and each i of so many. Result: (places, pairs)."""
    rates = f.pow(base, context.tensor(-2 * np.arange(pairs)) / width)
    return context.tensor(np.asarray(places)[:, None]) * rates


def sinusoids(context: Context[Any], length: int, width: int, base: Operand = 10000) -> Tensor:
    """The sinusoidal code of places, (length, width): sin(p base^(-2i / width)) at 2i, and the cosine at 2i + 1.

    context: in which the numbers are.

    The numbers are not rational: enclosing contexts enclose them, exact ones refuse. Source: Vaswani et al. 2017,
    section 3.5.
    """
    angles = _angles(context, range(length), (width + 1) // 2, width, base)
    waves: Tensor = f.flatten(f.stack([f.sin(angles), f.cos(angles)], axis=-1), start_dim=1)
    return waves[:, :width]


@dataclass(frozen=True, eq=False)
class SinusoidalEncoding:
    """The layer that adds `sinusoids` to x. x: (..., length, width); result: the same.

    base: as for `sinusoids`.
    """

    base: Operand = 10000

    def __call__(self, x: Tensor) -> Tensor:
        """x with its places. Raises ShapeError for fewer than two axes."""
        if x.ndim < 2:
            raise ShapeError(f"SinusoidalEncoding: {x.shape}; expected (..., length, width)")
        length, width = x.shape[-2:]
        return x + sinusoids(x.context, length, width, self.base)


@dataclass(frozen=True, eq=False)
class RotaryEncoding:
    """The layer that turns each pair of numbers at place p by the angle p base^(-2i / width), so that inner products
    depend on the distance of places only. x: (..., length, width), the width even; result: the same.

    interleaved: are the pairs (0, 1), (2, 3), ..., as in the paper, or (0, width / 2), (1, width / 2 + 1), ...? start:
    the place of the first vector. Source: Su et al. 2021, "RoFormer", equation 34.
    """

    base: Operand = 10000
    interleaved: bool = True
    start: int = 0

    def __call__(self, x: Tensor) -> Tensor:
        """The turned pairs. Raises ShapeError for fewer than two axes, or an odd width."""
        if x.ndim < 2 or x.shape[-1] % 2:
            raise ShapeError(f"RotaryEncoding: {x.shape}; expected (..., length, width), the width even")
        length, width = x.shape[-2:]
        angles = _angles(x.context, np.arange(length) + int(self.start), width // 2, width, self.base)
        axis = -1 if self.interleaved else -2
        pairs = f.reshape(x, (*x.shape[:-1], *((width // 2, 2) if self.interleaved else (2, width // 2))))
        a, b = f.unstack(pairs, axis)
        cos, sin = f.cos(angles), f.sin(angles)
        turned: Tensor = f.reshape(f.stack([a * cos - b * sin, a * sin + b * cos], axis), x.shape)
        return turned
