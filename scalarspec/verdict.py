"""`Verdict`: what a check of a statement found."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, ParamSpec

from scalarspec.pages.page import Lines, Mark, Page, Part, Table
from scalarspec.pages.shown import Shown
from scalarspec.report import plain_json, plain_text
from scalarspec.results import Record

P = ParamSpec("P")
Status = Literal["proved", "refuted", "undecided"]
"""What is known of a statement."""
MARKS: dict[Status, Mark] = {"proved": "good", "refuted": "bad", "undecided": "open"}
"""How a page marks each."""
HOLDS: dict[Status, str] = {
    "proved": "It holds.",
    "refuted": "It does not hold, as the witness shows.",
    "undecided": "No proof was found, and no witness against it.",
}
"""What each says of a statement."""
LONG = 400
"""A longer text of a witness is cut on a page: the record has all of it."""


@dataclass(frozen=True)
class Verdict(Shown):
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
    witness: dict[str, object] | None = None
    seconds: float = 0.0

    @property
    def proved(self) -> bool:
        """Does it hold?"""
        return self.status == "proved"

    def __str__(self) -> str:
        shown = [f"  {name} = {text}" for name, text in self._witness_texts()]
        return "\n".join([f"{self.status}: {self.how()}", *(f"  {step}" for step in self.steps), *shown])

    def how(self) -> str:
        """How it was found, and for what."""
        return f"{self.method}{f' ({self.scope})' if self.scope else ''}"

    def _page(self) -> Page:
        return Page("A statement", MARKS[self.status], (told(self.status), HOLDS[self.status]), self._parts())

    def _parts(self) -> list[Part]:
        """How it was found, and the witness."""
        parts: list[Part] = [Lines([self.how(), *self.steps])]
        if self.witness:
            rows = [[name, _cut(text)] for name, text in self._witness_texts()]
            parts.append(Table("Witness, in exact numbers", ["name", "value"], rows))
        return parts

    def witness_text(self) -> str:
        """The witness on one line."""
        return _cut(", ".join(f"{name} = {text}" for name, text in self._witness_texts()))

    def _witness_texts(self) -> list[tuple[str, str]]:
        return [(name, plain_text(value)) for name, value in (self.witness or {}).items()]

    def to_json(self) -> Record:
        """Plain data, with exact values as strings."""
        witness = None if self.witness is None else {name: plain_json(value) for name, value in self.witness.items()}
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


def told(status: Status) -> str:
    """The status as a sentence of its own."""
    return f"{status.capitalize()}."


def _cut(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}… (all of it is in the record)"
