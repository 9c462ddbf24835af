"""Conformance: every operation of the table under every interpreter, against its values at 200 bits.

The cases are generated from the table. An operation is done on boxes around ordinary, special and tied numbers, at the
edges of its domain, and on shapes with no elements; what is compared is

  interval, interval64   enclosures of the values                 mean-value, linear, subdivide   `bounds` of a box
  batched, prepared      the same values, row by row              gradient      its enclosure, and slopes of chords
  tolerance              floats of exact and of rounded inputs    empty         shapes with no elements, or ()
  python, c99, matrix    generated code, at points

A reading holds, or refuses by name, or misses. What misses is a wrong fact in the table, or a wrong rule:

    from scalarspec import conformance

    conformance.verify("rsqrt")            # for an operation that was added; raises AssertionError with what missed
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from scalarspec.conformance.examples import SHAPED, SPECS, Example, Misshapen, examples
from scalarspec.conformance.readings import READINGS, reading
from scalarspec.core.operations import OPERATIONS, Operation
from scalarspec.errors import ScalarSpecError

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


@cache
def _examples(line: Operation) -> tuple[Example, ...]:
    """The examples of an operation, made once for all readings."""
    return tuple(examples(line))


def check(operation: str, reading: str) -> Finding:
    """What one reading of one operation comes to, over all its examples: the first miss, else whether any holds.

    operation: a name of the table; reading: a name of `READINGS`.
    """
    try:
        found = [example for example in _examples(OPERATIONS[operation]) if any(v is not None for v in example.values)]
    except Misshapen as error:
        return Finding(operation, reading, "misses", str(error))
    except ScalarSpecError as error:
        return Finding(operation, reading, "refused", f"{type(error).__name__}: {error}")
    if not found:
        return Finding(operation, reading, "no case")
    outcomes = [outcome for example in found for outcome in _outcomes(READINGS[reading], example)]
    worst = next((o for o in outcomes if o[0] == "misses"), None)
    held = next((o for o in outcomes if o[0] == "holds"), None)
    return Finding(operation, reading, *(worst or held or outcomes[0]))


def _outcomes(read: Callable[[Example], str], example: Example) -> list[tuple[Status, str]]:
    """What a reading of an example comes to; where it is refused as a whole, that of each box alone, since one point
    without a value is not all.
    """
    first = _outcome(read, example)
    if first[0] != "refused" or not example.apart:
        return [first]
    return [_outcome(read, each) for each in example.alone()]


def _outcome(read: Callable[[Example], str], example: Example) -> tuple[Status, str]:
    """What a reading of an example comes to, and its message."""
    try:
        missed = read(example)
    except ScalarSpecError as error:
        return "refused", f"{type(error).__name__}: {error}"
    return ("misses", missed) if missed else ("holds", "")


def run(operations: Iterable[str] | None = None) -> list[Finding]:
    """What every reading comes to for some operations of the table, or, without names, for all."""
    return [check(name, each) for name in operations or tuple(OPERATIONS) for each in READINGS]


def verify(*operations: str) -> list[Finding]:
    """The findings for some operations, or, without names, for all. Raises AssertionError, with what is missed, where
    any reading misses.
    """
    found = run(operations)
    missed = [finding for finding in found if finding.status == "misses"]
    if missed:
        raise AssertionError("\n".join(map(str, missed)))
    return found
