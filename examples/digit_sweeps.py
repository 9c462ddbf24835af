"""All terms of all losses of the digits, in batches, under floats, intervals and rationals."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.errors import NotExact
from scalarspec.examples.digits import ALL, Array, Digits, Term, load, terms
from scalarspec.executors import each
from scalarspec.report import table

SWEPT = ("float64", "interval64", "rational")
BATCH = 128


@dataclass(frozen=True)
class SweptTerm:
    """One term on all digits: how many were refused over the rationals, lie inside, and how long each backend took.

    widest: the widest enclosure, relatively; seconds: by backend.
    """

    model: str
    term: str
    exact: int
    inside: int
    widest: Fraction
    seconds: dict[str, float]


@dataclass(frozen=True)
class Sweep:
    """Every term of every model on many digits, in batches, under float64, interval64 and rational."""

    digits: int
    rows: list[SweptTerm]

    @property
    def holds(self) -> bool:
        """Every exact value lies inside its enclosure."""
        return all(row.inside == row.exact for row in self.rows)

    def __str__(self) -> str:
        header = [
            "model",
            "term",
            "exact inside",
            "widest",
            *(f"{name}, s" for name in SWEPT),
            "/ float64",
            "/ float64",
        ]
        cells = [
            [
                row.model,
                row.term,
                f"{row.inside} of {row.exact}" if row.exact else "exp is irrational",
                f"{float(row.widest):.1e}",
                *(f"{row.seconds[name]:.4f}" for name in SWEPT[:2]),
                f"{row.seconds['rational']:.4f}" if row.exact else "",
                f"{row.seconds['interval64'] / row.seconds['float64']:.1f}",
                f"{row.seconds['rational'] / row.seconds['float64']:.1f}" if row.exact else "",
            ]
            for row in self.rows
        ]
        return f"{self.digits} digits, in batches of {BATCH}\n\n{table(header, cells)}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"digits": self.digits, "rows": [{**asdict(row), "widest": str(row.widest)} for row in self.rows]}


def sweep(
    count: int = ALL,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Sweep:
    """Evaluate every term on the last `count` digits. executor: does the batches, as for `scalarspec.bounding.bounds`.

    Raises OutOfRange unless 1 <= count <= 1797.
    """
    digits = load(count)
    names = [(term.model, term.name) for term in terms(digits, 0)]
    jobs = [(count, i, batch) for i, (model, _) in enumerate(names) for batch in batches(digits, model)]
    found: list[list[SweptTerm]] = [[] for _ in names]
    for done, ((_, i, _), swept) in enumerate(zip(jobs, each(executor, _swept, jobs), strict=True)):
        progress(done, len(jobs))
        found[i].append(swept)
    progress(len(jobs), len(jobs))
    return Sweep(count, [_together(parts) for parts in found])


_loaded = functools.cache(load)


@functools.cache
def _lifted(count: int, backend: str) -> Digits:
    """The last so many digits in a context: carried there once in a process."""
    lifted: Digits = ss.lift(_loaded(count), ss.context(backend))
    return lifted


def batch_values(digits: Digits, i: int, batch: Array) -> Any:
    """Term i on a batch of digits. None where it is refused as irrational."""
    term, over = for_rows(digits, i, batch)
    try:
        return ss.batched(term.spec, over=over)(*term.args)
    except NotExact:
        return None


def batches(digits: Digits, model: str, size: int = BATCH) -> list[Array]:
    """Batches of digits for a model: those of the VQ-VAE have one code, an argument that no batch goes over."""
    codes = np.array(digits.codes if model == "VQ-VAE" else [0] * len(digits.codes))
    groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    return [group[start : start + size] for group in groups for start in range(0, len(group), size)]


def for_rows(digits: Digits, i: int, batch: Array) -> tuple[Term, list[str]]:
    """Term i for a batch of digits, and the names of the arguments that have a row for each."""
    term = terms(digits, int(batch[0]))[i]
    values = dict(zip(inspect.signature(term.spec).parameters, term.args, strict=True))
    rows = {"x": digits.pixels, "eps": digits.eps}
    over = [name for name in rows if name in values]
    values |= {name: _taken(rows[name], batch) for name in over}
    return replace(term, args=tuple(values.values())), over


def _taken(t: Any, rows: Array) -> Any:
    """Some rows of an array or a tensor: a slice where they are consecutive."""
    if isinstance(t, np.ndarray):
        return t[rows]
    if len(rows) == rows[-1] - rows[0] + 1:
        return t[int(rows[0]) : int(rows[-1]) + 1]
    return ss.stack(t[int(i)] for i in rows)


def _swept(count: int, i: int, batch: Array) -> SweptTerm:
    """Term i on a batch of the last `count` digits."""
    values, seconds = {}, {}
    for backend in SWEPT:
        batch_values(_lifted(1, backend), i, np.array([0]))  # what compiles does so before the clock runs
        digits, start = _lifted(count, backend), time.perf_counter()
        values[backend] = batch_values(digits, i, batch)
        seconds[backend] = time.perf_counter() - start
    lower, upper = ss.endpoints(values["interval64"])
    numbers = [] if values["rational"] is None else values["rational"].tolist()
    widest = max((high - low) / high if high else Fraction(0) for low, high in zip(lower, upper, strict=True))
    inside = sum(low <= v <= high for low, v, high in zip(lower, numbers, upper, strict=False))
    term = terms(_loaded(count), 0)[i]
    return SweptTerm(term.model, term.name, len(numbers), inside, widest, seconds)


def _together(parts: Sequence[SweptTerm]) -> SweptTerm:
    """What was found of one term in all batches."""
    exact, inside = (sum(getattr(part, name) for part in parts) for name in ("exact", "inside"))
    seconds = {name: sum(part.seconds[name] for part in parts) for name in SWEPT}
    return replace(parts[0], exact=exact, inside=inside, widest=max(p.widest for p in parts), seconds=seconds)
