"""Conformance: every operation of the table under every interpreter, against its values at 200 bits.

The cases are generated from the table. An operation is done on boxes around ordinary, special and tied numbers, at the
edges of its domain, and on shapes with no elements; what is compared is

  interval, interval64   enclosures of the values                 mean-value, linear, subdivide   `bounds` of a box
  batched, prepared      the same values, row by row              gradient      its enclosure, and slopes of chords
  tolerance              floats of exact and of rounded inputs    empty         shapes with no elements, or ()
  python, c99, matrix    generated code, at points                certified     `certificate()`, and its checker

A reading holds, or refuses by name, or misses. What misses is a wrong fact in the table, or a wrong rule:

    from scalarspec import conformance

    conformance.verify("exp")             # or one that was added: each Finding, or AssertionError with what missed
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scalarspec.conformance.examples import SHAPED, SPECS, Example, Misshapen, examples
from scalarspec.conformance.readings import READINGS, Reading, reading
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import Contradiction, ScalarSpecError, UnknownName

__all__ = ["READINGS", "SHAPED", "SPECS", "Finding", "check", "reading", "run", "verify"]

Status = Literal["holds", "refused", "misses", "no case"]
"""What a reading comes to: it holds; it refuses by name; it misses values, which is a fault; or nothing was there to
try.
"""


@dataclass(frozen=True)
class Finding:
    """What a reading of an operation came to: `status`, and a message that says what was missed, or refused."""

    operation: str
    reading: str
    status: Status
    message: str = ""

    def __str__(self) -> str:
        return f"{self.operation} under {self.reading}: {self.status}{': ' if self.message else ''}{self.message}"


def check(operation: str, reading: str, known: Sequence[Example] | None = None) -> Finding:
    """What one reading of one operation comes to, over all its examples.

    operation: a name of the table; reading: a name of `READINGS`; known: the operation's examples, where they are made
    once for many readings. A miss counts first, then an example that is refused: what holds elsewhere does not hide it.
    Raises UnknownName for a name that is in no table.

        conformance.check("exp", "interval").status
    """
    _known("operation", operation, OPERATIONS)
    _known("reading", reading, READINGS)
    try:
        tried = examples(OPERATIONS[operation]) if known is None else known
        found = [example for example in tried if any(v is not None for v in example.values)]
    except Misshapen as error:
        return Finding(operation, reading, "misses", str(error))
    except ScalarSpecError as error:
        return Finding(operation, reading, "refused", f"{type(error).__name__}: {error}")
    outcomes = [_of_example(READINGS[reading], example) for example in found]
    return Finding(operation, reading, *_first(outcomes, ("misses", "refused", "holds", "no case")))


def _known(kind: str, name: str, table: Mapping[str, object]) -> None:
    """Raises UnknownName for a name that is not in a table."""
    if name not in table:
        raise UnknownName(f"no {kind} is called {name!r}; there are {', '.join(table)}")


Outcome = tuple[Status, str]
"""What a reading comes to, and its message."""


def _first(outcomes: Sequence[Outcome], order: Sequence[Status]) -> Outcome:
    """The outcome that comes first in an order; "no case" where there is none."""
    return min(outcomes, key=lambda outcome: order.index(outcome[0]), default=("no case", ""))


def _of_example(read: Reading, example: Example) -> Outcome:
    """What a reading of an example comes to; where it is refused as a whole, that of its boxes alone, since one point
    without a value is not all: then it is refused where it is for every box.
    """
    first = _outcome(read, example)
    if first[0] != "refused" or not example.apart:
        return first
    return _first([_outcome(read, each) for each in example.alone()], ("misses", "holds", "refused", "no case"))


def _outcome(read: Reading, example: Example) -> Outcome:
    """What a reading of an example comes to, and its message."""
    try:
        missed = read(example)
    except Contradiction as error:
        return "misses", str(error)
    except ScalarSpecError as error:
        return "refused", f"{type(error).__name__}: {error}"
    if missed is None:
        return "no case", ""
    return ("misses", missed) if missed else ("holds", "")


def run(operations: Iterable[str] | None = None) -> list[Finding]:
    """What every reading comes to for some operations of the table, or, without names, for all. Raises UnknownName for
    one that is not in it.

    For example:

        conformance.run(["exp"])
    """
    names = list(operations or OPERATIONS)
    for name in names:
        _known("operation", name, OPERATIONS)
    return [found for name in names for found in _findings(name)]


def _findings(operation: str) -> list[Finding]:
    """What every reading of an operation comes to, of examples that are made once."""
    try:
        known = examples(OPERATIONS[operation])
    except ScalarSpecError:
        known = None  # each reading says why
    return [check(operation, reading, known) for reading in READINGS]


def verify(*operations: str) -> list[Finding]:
    """The findings for some operations, or, without names, for all. Raises AssertionError, with what is missed, where
    any reading misses, and UnknownName for a name that is not in the table.

    For example:

        conformance.verify("exp")
    """
    found = run(operations)
    missed = [finding for finding in found if finding.status == "misses"]
    if missed:
        raise AssertionError("\n".join(map(str, missed)))
    return found
