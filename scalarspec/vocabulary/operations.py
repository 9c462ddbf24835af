"""What each interpreter does with an operation of the table: read from the table, and from the tables of rules."""

from __future__ import annotations

from scalarspec.conformance.refusals import REFUSED
from scalarspec.core.context import Context
from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.operation import Operation
from scalarspec.core.operations import OPERATIONS
from scalarspec.formulas.programs.c99 import C99
from scalarspec.formulas.programs.language import Language
from scalarspec.formulas.programs.lean import LEAN
from scalarspec.formulas.programs.python import PYTHON
from scalarspec.formulas.term_rules import RULES
from scalarspec.tracing.scalar_graph import N_ARY

HEADINGS = (
    "operation", "kind", "floats", "interval", "interval64", "rational", "rounding", "symbolic", "C99", "Python",
    "Lean", "matrix form", "no derivative", "linear bounds",
)  # fmt: skip


def cells(name: str) -> tuple[str, ...]:
    """What stands in the row of an operation, by heading."""
    line = OPERATIONS[name]
    return (
        f"`{name}`",
        line.kind,
        str(line.floats),
        _evaluated(line, named_context("interval")),
        _evaluated(line, named_context("interval64")),
        _rational(line),
        _evaluated(line, named_context("rounding")),
        line.symbolic,
        *(_written(line, language) for language in (C99, PYTHON, LEAN)),
        "rule" if name in RULES else "definition",
        str(line.kinks),
        str(line.graph),
    )


def _evaluated(line: Operation, context: Context[object]) -> str:
    """Has a context a rule of its own for an operation, in bulk or for each number, or does it read its definition?"""
    found = getattr(type(context.arrays), line.name, None) or getattr(type(context), line.name, None)
    return "rule" if "backends" in getattr(found, "__module__", "") else "definition"


def _rational(line: Operation) -> str:
    """Where the rationals have the result: "at 0" for exp, which is a rational number there alone."""
    return f"at {line.rational}" if isinstance(line.rational, int) else str(line.rational)


def _written(line: Operation, language: Language) -> str:
    """How generated code has an operation: by a pattern, not at all, or by what it is made of."""
    if line.name in N_ARY:
        return "pattern"
    pattern = language.patterns.get(line.name, "")
    return "refused" if pattern is None else "pattern" if pattern else "definition"


def refusals() -> dict[tuple[str, str], list[str]]:
    """The operations that are refused, by the reading and the reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for (operation, reading), why in REFUSED.items():
        found.setdefault((reading, why), []).append(operation)
    return found
