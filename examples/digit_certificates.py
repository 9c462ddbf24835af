"""The losses of the digits in NumPy and PyTorch by hand, with their errors certified."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

import scalarspec as ss
from scalarspec.examples import by_hand
from scalarspec.examples.digits import HELD_OUT, Digits, load, terms, within
from scalarspec.executors import each
from scalarspec.report import table
from scalarspec.rounding_errors.crosscheck import Crosscheck


@dataclass(frozen=True)
class CertifiedLoss:
    """The loss of one model by one library in one format, on many digits: its certified errors, in ulps.

    median, worst: of the greatest possible errors; digit: where the worst is; widest: the widest certified interval;
    explained: how many digits' losses, and all their stages, rounding explains.
    """

    model: str
    library: str
    dtype: str
    median: float
    worst: float
    digit: int
    widest: float
    explained: int


@dataclass(frozen=True)
class Certificates:
    """The losses of NumPy and PyTorch beside exact values, on many digits."""

    digits: int
    rows: list[CertifiedLoss]

    @property
    def holds(self) -> bool:
        """Is every error known to 1/100 ulp, and explained by rounding?"""
        return all(row.explained == self.digits and row.widest <= 1 / 100 for row in self.rows)

    def __str__(self) -> str:
        header = ["model", "by", "format", "ulps, median", "worst", "at digit", "known to", "rounding explains"]
        cells = [
            [
                row.model,
                row.library,
                row.dtype,
                f"{row.median:.3f}",
                f"{row.worst:.3f}",
                str(row.digit),
                f"{row.widest:.1e} ulp",
                f"{row.explained} of {self.digits}",
            ]
            for row in self.rows
        ]
        return f"Certified errors of losses on {self.digits} held-out digits\n\n{table(header, cells)}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"digits": self.digits, "rows": [asdict(row) for row in self.rows]}


def certify(
    count: int = HELD_OUT,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Certificates:
    """Cross-check the losses by hand (`by_hand.py`), in NumPy and, where installed, PyTorch, on `count` digits.

    executor: does the digits, as for `scalarspec.bounding.bounds`; the losses are those of the machine that it runs on.
    Raises OutOfRange unless 1 <= count <= 100.
    """
    within("count", count, 1, HELD_OUT)
    libraries = ["NumPy"] + (["PyTorch"] if importlib.util.find_spec("torch") else [])
    ways = list(itertools.product(by_hand.LOSSES, libraries, ("float32", "float64")))
    jobs = [(i, *way) for way in ways for i in range(count)]
    found = []
    for errors in each(executor, _errors, jobs):
        found.append(errors)
        progress(len(found), len(jobs))
    parts = [found[k : k + count] for k in range(0, len(jobs), count)]
    return Certificates(count, [_certified(*way, part) for way, part in zip(ways, parts, strict=True)])


def _certified(model: str, library: str, dtype: str, found: Sequence[Errors]) -> CertifiedLoss:
    """What was found on all digits, in order."""
    most = [errors.most for errors in found]
    widest, explained = max(errors.width for errors in found), sum(errors.explained for errors in found)
    return CertifiedLoss(
        model, library, dtype, statistics.median(most), max(most), most.index(max(most)), widest, explained
    )


class Errors(NamedTuple):
    """On one digit: the greatest possible error in ulps, how closely it is known, and does rounding explain it?"""

    most: float
    width: float
    explained: bool


def _errors(i: int, model: str, library: str, dtype: str) -> Errors:
    """Those of one digit's loss."""
    found = certified(_held_out(), i, model, library, dtype)
    return Errors(found.max_ulps, float(found.ulps[1] - found.ulps[0]), found.explained)


_held_out = functools.cache(load)


def certified(digits: Digits, i: int, model: str, library: str, dtype: str) -> Crosscheck:
    """The loss of one model on digit i, written by hand, against the spec at the same arguments of that format."""
    term = next(t for t in reversed(terms(digits, i)) if t.model == model)
    args = [arg.astype(dtype) if isinstance(arg, np.ndarray) else arg for arg in term.args]
    lib = by_hand.LIBRARIES[library](dtype)
    return ss.crosscheck(term.spec, *args, actual=functools.partial(by_hand.LOSSES[model], lib))
