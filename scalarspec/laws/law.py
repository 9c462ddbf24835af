"""What a law is, and how it is checked on fixed operands."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from scalarspec.core.context import Context
from scalarspec.errors import DomainError, NotExact, NotSupported

CASES = 24
"""Random operands of a law, beside 0, 1 and -1: enough that each of 28 injected mistakes is caught."""


Operands = tuple[Fraction, ...]


Status = Literal["passed", "skipped", "failed"]


class LawViolation(AssertionError):
    """A context breaks a law.

    What to do: look at the backend's operation at the operands in the message, of which the law is a fact.
    """


@dataclass(frozen=True)
class Law:
    """A statement about a context at some rational operands. `check` raises LawViolation; a refusal is no case.

    kind, name: what it is called in reports; arity: how many operands it takes.
    """

    kind: str
    name: str
    arity: int
    check: Callable[..., None]

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"

    def holds(self, context: Context[Any], operands: Operands) -> bool:
        """True if the law was checked and holds, False if the context refuses this case."""
        try:
            self.check(context, *operands)
        except (NotExact, NotSupported, DomainError):
            return False
        return True

    def verify(self, context: Context[Any], cases: Sequence[Operands] | None = None) -> Result:
        """The law on a fixed choice of operands, or on the given ones."""
        checked = 0
        for operands in cases if cases is not None else operand_cases(self.arity):
            try:
                checked += self.holds(context, operands)
            except Exception as violation:  # a context that breaks down breaks the law
                where = f" at {', '.join(map(str, operands))}" if operands else ""
                return Result(self, "failed", checked, f"{type(violation).__name__}{where}: {violation}")
        return Result(self, "passed" if checked else "skipped", checked, "" if checked else "refused in every case")


@dataclass(frozen=True)
class Result:
    """How a law fared in a context.

    law: it; status: "passed", "skipped" or "failed"; cases: how many were tried; message: of the first failure.
    """

    law: Law
    status: Status
    cases: int
    message: str


def operand_cases(arity: int) -> list[Operands]:
    """The same operands each time: special ones, then random ones.

    arity: how many operands each case has. Returns a list of cases.
    """
    if arity == 0:
        return [()]
    source = random.Random(arity)
    special = [tuple(Fraction(s) for _ in range(arity)) for s in (0, 1, -1)]
    return special + [tuple(Fraction(source.randint(-64, 64), 16) for _ in range(arity)) for _ in range(CASES)]
