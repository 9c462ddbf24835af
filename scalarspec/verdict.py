"""`Verdict`: what a check of a statement found."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, ParamSpec

import numpy as np

from scalarspec.numbers.exact import exact_text

P = ParamSpec("P")
Status = Literal["proved", "refuted", "undecided"]
"""What is known of a statement."""


@dataclass(frozen=True)
class Verdict:
    """The answer to a question: proved, it holds; refuted, `witness` shows that it does not; undecided, neither was
    found.

    method: how it was found; scope: for which sizes and regions; steps: what was found on the way, for a reader to
    follow; witness: exact values of the arguments, and what they give; seconds: how long it took.

    status: "proved", "refuted" or "undecided".

        ss.theory.check("kl_nonneg").status    # "proved"
    """

    status: Status
    method: str
    scope: str = ""
    steps: tuple[str, ...] = ()
    witness: dict[str, Any] | None = None
    seconds: float = 0.0

    @property
    def proved(self) -> bool:
        """Does it hold?"""
        return self.status == "proved"

    def __str__(self) -> str:
        head = f"{self.status}: {self.method}{f' ({self.scope})' if self.scope else ''}"
        shown = [f"  {name} = {_plain(value)}" for name, value in (self.witness or {}).items()]
        return "\n".join([head, *(f"  {step}" for step in self.steps), *shown])

    def to_json(self) -> dict[str, Any]:
        """Plain data, with exact values as strings."""
        witness = None if self.witness is None else {name: _json(value) for name, value in self.witness.items()}
        head = {"status": self.status, "method": self.method, "scope": self.scope, "steps": list(self.steps)}
        return {**head, "witness": witness, "seconds": self.seconds}


def timed(prover: Callable[P, Verdict]) -> Callable[P, Verdict]:
    """The prover, with the seconds that it takes in its verdict."""

    @functools.wraps(prover)
    def of(*args: P.args, **kwargs: P.kwargs) -> Verdict:
        start = time.perf_counter()
        verdict = prover(*args, **kwargs)
        return dataclasses.replace(verdict, seconds=time.perf_counter() - start)

    return of


def _json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _json(value.tolist())
    if isinstance(value, list):
        return [_json(item) for item in value]
    return exact_text(value) if isinstance(value, Fraction | int | float) else str(value)


def _plain(value: Any) -> str:
    nested = _json(value)
    return str(nested).replace("'", "") if isinstance(nested, list) else str(nested)
