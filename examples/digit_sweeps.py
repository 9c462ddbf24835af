"""All terms of all losses of the digits, in batches, under floats, intervals and rationals."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.errors import NotExact
from scalarspec.examples.digits import ALL, Array, Digits, Term, load, terms
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


def sweep(count: int = ALL, progress: Callable[[int, int], None] = lambda done, total: None) -> Sweep:
    """Evaluate every term on the last `count` digits. Raises OutOfRange unless 1 <= count <= 1797."""
    digits = load(count)
    lifted = {name: ss.lift(digits, ss.context(name)) for name in SWEPT}
    first = {name: ss.lift(load(1), ss.context(name)) for name in SWEPT}  # what compiles does so before the clock runs
    rows, names = [], [(term.model, term.name) for term in terms(digits, 0)]
    for i, (model, name) in enumerate(names):
        progress(i, len(names))
        values, seconds = {}, {}
        for backend in SWEPT:
            term_values(first[backend], i)
            start = time.perf_counter()
            values[backend] = term_values(lifted[backend], i)
            seconds[backend] = time.perf_counter() - start
        rows.append(_swept(model, name, values, seconds))
    progress(len(names), len(names))
    return Sweep(count, rows)


def term_values(digits: Digits, i: int) -> list[tuple[Array, ss.Tensor]] | None:
    """Term i on all digits: batches of indices, and its values there. None where it is refused as irrational."""
    found = []
    try:
        for batch in batches(digits, terms(digits, 0)[i].model):
            term, over = for_rows(digits, i, batch)
            found.append((batch, ss.batched(term.spec, over=over)(*term.args)))
    except NotExact:
        return None
    return found


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


def _swept(model: str, name: str, values: dict[str, Any], seconds: dict[str, float]) -> SweptTerm:
    exact = inside = 0
    widest = Fraction(0)
    for k, (_, enclosed) in enumerate(values["interval64"]):
        lower, upper = ss.endpoints(enclosed)
        widest = max([widest, *((high - low) / high for low, high in zip(lower, upper, strict=True) if high)])
        if values["rational"] is not None:
            numbers = values["rational"][k][1].tolist()
            exact += len(numbers)
            inside += sum(low <= v <= high for low, v, high in zip(lower, numbers, upper, strict=True))
    return SweptTerm(model, name, exact, inside, widest, seconds)
