"""Bounds of the shipped models' losses around held-out digits, beside values that are surely attained there."""

from __future__ import annotations

import functools
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.examples import digit_sweeps
from scalarspec.examples import digits as shipped
from scalarspec.examples.digits import HELD_OUT, Digits
from scalarspec.executors import each
from scalarspec.report import table

LOSSES = {"VAE": "loss", "VQ-VAE": "loss", "autoencoder": "error"}
"""Of each model, how the name of the term begins."""
RADII = ("0.001", "0.01")
PIECE = 10
"""So many digits are one job."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Enclosed:
    """The bounds of a loss around some digits. Gaps are widths over the width of what is surely attained.

    gap, widest: the middle and the greatest of the gaps; interval: the middle one by a single evaluation; contained:
    how many of the digits have what is attained inside their bounds.
    """

    model: str
    radius: str
    digits: int
    contained: int
    interval: float
    gap: float
    widest: float
    seconds: float


@dataclass(frozen=True)
class Enclosures:
    """Those of all models and radii."""

    method: str
    rows: tuple[Enclosed, ...]

    @property
    def holds(self) -> bool:
        """Does every enclosure contain what is attained?"""
        return all(row.contained == row.digits for row in self.rows)

    def __str__(self) -> str:
        header = ["loss", "radius", "digits", "attained inside", "one evaluation", self.method, "at worst", "s"]
        rows = [
            [
                *(row.model, row.radius, str(row.digits), f"{row.contained} of {row.digits}"),
                *(f"{gap:.3f}" for gap in (row.interval, row.gap, row.widest)),
                f"{row.seconds:.1f}",
            ]
            for row in self.rows
        ]
        return f"widths of bounds, over the width of what is attained: the middle one\n\n{table(header, rows)}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"method": self.method, "rows": [asdict(row) for row in self.rows]}


def enclose(
    count: int = HELD_OUT,
    radii: Sequence[str] = RADII,
    method: str = "linear",
    budget: int | None = None,
    executor: Executor | None = None,
    progress: Progress = lambda done, total: None,
) -> Enclosures:
    """Bounds of the three losses while each of the last `count` digits varies within the radii, in pixel units.

    executor: does the jobs, as for `scalarspec.bounding.bounds`. Raises OutOfRange unless 1 <= count <= 1797.
    """
    pieces = [(count, *piece, method, budget) for piece in _pieces(count, radii)]
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    done = 0
    for (_, radius, model, *_), (rows, seconds) in zip(pieces, each(executor, _enclosed, pieces), strict=True):
        found.setdefault((model, radius), []).append((rows, seconds))
        done += len(rows)
        progress(done, len(LOSSES) * len(radii) * count)
    return Enclosures(method, tuple(_summary(*key, parts) for key, parts in found.items()))


def _pieces(count: int, radii: Sequence[str]) -> Iterator[tuple[str, str, list[int]]]:
    """Radius, model, and some digits."""
    digits = _digits(count)
    for radius, model in itertools.product(radii, LOSSES):
        for batch in digit_sweeps.batches(digits, model, PIECE):
            yield radius, model, batch.tolist()


@functools.cache
def _digits(count: int) -> Digits:
    return shipped.load(count)


def _enclosed(count: int, radius: str, model: str, rows: list[int], method: str, budget: int | None) -> Any:
    """For each digit the width by one evaluation, the bounds, and what is attained; and the time."""
    start, digits = time.perf_counter(), _digits(count)
    backend = ss.context("interval64", fast=False)  # to compile loops would take longer
    (i,) = (k for k, t in enumerate(shipped.terms(digits, 0)) if t.model == model and t.name.startswith(LOSSES[model]))
    term, over = digit_sweeps.for_rows(digits, i, np.array(rows))
    near: dict[str, Any] = {"vary": {"x": ss.ball(radius)}, "over": over, "backend": backend}
    plain = ss.bounds(term.spec, *term.args, method="interval", **near)
    best = ss.bounds(term.spec, *term.args, method=method, budget=budget, **near)
    columns = (plain.width, best.lower, best.upper, *best.inner)
    found = list(zip(*map(np.asarray, columns), strict=True))
    return found, time.perf_counter() - start


def _summary(model: str, radius: str, parts: list[tuple[list[tuple[Any, ...]], float]]) -> Enclosed:
    found = [row for rows, _ in parts for row in rows]
    gaps = [float((upper - lower) / (most - least)) for _, lower, upper, least, most in found]
    plain = [float(width / (most - least)) for width, _, _, least, most in found]
    inside = sum(lower <= least <= most <= upper for _, lower, upper, least, most in found)
    middle, single, seconds = statistics.median(gaps), statistics.median(plain), sum(s for _, s in parts)
    return Enclosed(model, radius, len(found), inside, single, middle, max(gaps), seconds)
