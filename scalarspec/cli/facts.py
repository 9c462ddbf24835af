"""The command `theory`: the facts of the theory, each proved, refuted or undecided."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from scalarspec import theory
from scalarspec.cli.commands import Commands, Text
from scalarspec.report import table
from scalarspec.theory.lean import examples


def add_commands(commands: Commands) -> None:
    """`theory`, with its options."""
    text = "the facts of the theory: each proved, refuted or undecided, and how"
    parser = commands.add("theory", run_theory, text)
    parser.add_argument(
        "--controls", action="store_true", help="their mutations instead, each of which must be refuted"
    )
    parser.add_argument("--steps", action="store_true", help="show the steps of each proof, and the witnesses")
    parser.add_argument("--lean", action="store_true", help="print the facts as Lean 4 examples in TorchLean's names")


def run_theory(options: argparse.Namespace) -> tuple[Any, int]:
    """The verdict on each fact; exit code 1 where one is not proved, or a mutation not refuted."""
    if options.lean:
        return Text(examples()), 0
    facts = [fact.control for fact in theory.facts()] if options.controls else theory.facts()
    expected = "refuted" if options.controls else "proved"
    verdicts = _Verdicts([(fact, theory.check(fact)) for fact in facts], options.steps)
    return verdicts, 0 if all(verdict.status == expected for _, verdict in verdicts.rows) else 1


class _Verdicts:
    """What became of each fact: a table, and with `steps` how."""

    def __init__(self, rows: list[tuple[theory.Fact, theory.Verdict]], steps: bool) -> None:
        self.rows = rows
        self.steps = steps

    def __str__(self) -> str:
        if self.steps:
            return "\n\n".join(f"{self._stated(fact)}\n{verdict}" for fact, verdict in self.rows)
        header = ["fact", "hypotheses", "verdict", "method", "for", "time"]
        cells = [
            [fact.name, "; ".join(fact.hypotheses) or "-", v.status, v.method, v.scope or "-", f"{v.seconds:.2f} s"]
            for fact, v in self.rows
        ]
        counts = Counter(verdict.status for _, verdict in self.rows)
        total = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"{table(header, cells)}\n{total}, in {sum(v.seconds for _, v in self.rows):.1f} s"

    @staticmethod
    def _stated(fact: theory.Fact) -> str:
        given = f", given {', '.join(fact.hypotheses)}" if fact.hypotheses else ""
        return f"{fact.name}: {fact.statement}{given}"

    def to_json(self) -> list[dict[str, Any]]:
        """One object for each fact."""
        return [
            {
                "fact": fact.name,
                "statement": fact.statement,
                "hypotheses": list(fact.hypotheses),
                "source": fact.source,
                **verdict.to_json(),
            }
            for fact, verdict in self.rows
        ]
