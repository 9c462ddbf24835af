"""A block of a transformer with weights drawn from a seed: what it can give while each number of its input varies.

`python -m scalarspec.examples.transformer_block` prints the widths of its bounds, beside what is surely attained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec import layers
from scalarspec.bounding.bounds import Bounds
from scalarspec.models import transformer
from scalarspec.report import table

LENGTH, WIDTH, HIDDEN, HEADS = 4, 8, 16, 2
RADII = ("0.001", "0.01")
METHODS = ("interval", "linear")
Array = np.ndarray[Any, Any]


def a_block(seed: int = 0) -> tuple[transformer.Block, Array]:
    """A block, and an input of shape (LENGTH, WIDTH). Weights are normal, scaled so that variances stay; norms scale by
    1.
    """
    rng = np.random.default_rng(seed)

    def weight(m: int, n: int) -> Array:
        return np.asarray(rng.normal(size=(m, n)) / np.sqrt(n))

    attention = layers.MultiheadAttention(
        weight(3 * WIDTH, WIDTH), np.zeros(3 * WIDTH), weight(WIDTH, WIDTH), np.zeros(WIDTH), HEADS
    )
    first = layers.Linear(weight(HIDDEN, WIDTH), np.zeros(HIDDEN))
    second = layers.Linear(weight(WIDTH, HIDDEN), np.zeros(WIDTH))
    norm = layers.LayerNorm(np.ones(WIDTH), np.zeros(WIDTH))
    return transformer.Block(attention, first, second, norm, norm), rng.normal(size=(LENGTH, WIDTH))


@dataclass(frozen=True, eq=False)
class Report:
    """The bounds of a block by each method and radius."""

    found: dict[tuple[str, str], Bounds]

    def __str__(self) -> str:
        rows = []
        for (method, radius), bounds in self.found.items():
            widths, (least, most) = np.asarray(bounds.width), bounds.inner
            ratio = np.median((widths / (most - least)).astype(float))
            rows.append([method, radius, f"{float(np.max(widths)):.4f}", f"{ratio:.2f}", f"{bounds.seconds:.2f}"])
        header = ["method", "radius", "widest output", "over what is attained: median", "s"]
        return f"A transformer block ({LENGTH} places, width {WIDTH}, {HEADS} heads)\n\n{table(header, rows)}"


def run(radii: Sequence[str] = RADII, seed: int = 0) -> Report:
    """Bounds of all outputs while each number of the input varies within the radii."""
    block, x = a_block(seed)
    found = {
        (method, radius): ss.bounds(transformer.pre_norm, block, x, vary={"x": ss.ball(radius)}, method=method)
        for method in METHODS
        for radius in radii
    }
    return Report(found)


if __name__ == "__main__":
    print(run())
