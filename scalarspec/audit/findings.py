"""What an audit found, and how it prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from scalarspec.audit.properties import Failure, Outcome
from scalarspec.audit.subject import shown
from scalarspec.pages.page import Lines, Mark, Page, Part, Table
from scalarspec.pages.shown import Shown
from scalarspec.report import floats_json, table
from scalarspec.results import Float64s, Record

Status = Literal["holds", "FAILS", "not checked"]


@dataclass(frozen=True)
class Finding:
    """A fact, and whether it holds.

    Where it fails: the smallest inputs found, and what came; where it is not checked: why that cannot be seen.
    """

    fact: str
    status: Status
    witness: dict[str, Float64s] | None = None
    text: str = ""

    @classmethod
    def of(cls, fact: str, outcome: Outcome) -> Finding:
        """What came of a check."""
        if outcome is None:
            return cls(fact, "holds")
        if isinstance(outcome, Failure):
            return cls(fact, "FAILS", outcome.inputs, outcome.text)
        return cls(fact, "not checked", text=outcome.text)

    def to_json(self) -> Record:
        """Plain data."""
        witness = None if self.witness is None else {name: floats_json(value) for name, value in self.witness.items()}
        return {"fact": self.fact, "status": self.status, "witness": witness, "text": self.text}


@dataclass(frozen=True)
class Audit(Shown):
    """What an audit found. mistakes: in words, the known mistakes that explain every result, the likeliest first.

    name: of the function; kind: of the loss; what: the kind in words; findings: one for each fact; inputs: how many
    were tried.
    """

    name: str
    kind: str
    what: str
    findings: tuple[Finding, ...]
    mistakes: tuple[str, ...]
    inputs: int

    @property
    def ok(self) -> bool:
        """Does nothing fail? What is not checked may be wrong all the same."""
        return bool(self.findings) and not any(finding.status == "FAILS" for finding in self.findings)

    def __str__(self) -> str:
        lines = [f"{self.name}, as {self.kind}: {self.what}", "", table(self._header(), self._rows())]
        unseen = self._unseen()
        return "\n".join([*lines, *([""] if unseen else []), *unseen, *([] if self.ok else ["", *self._fault()])])

    def _header(self) -> list[str]:
        return ["fact", f"on {self.inputs} inputs"]

    def _rows(self) -> list[list[str]]:
        return [[finding.fact, finding.status] for finding in self.findings]

    def _unseen(self) -> list[str]:
        """What is not checked, and why."""
        return [f"not checked, {f.fact}: {f.text}" for f in self.findings if f.status == "not checked"]

    def _fault(self) -> list[str]:
        """The likely mistakes, and the inputs of the first fact that fails."""
        alike = [f"{'  or' if i else 'likely mistake'}: {mistake}" for i, mistake in enumerate(self.mistakes)]
        failed = [finding for finding in self.findings if finding.status == "FAILS"]
        witness = [f"smallest witness: {shown(f.witness or {})}: {f.text}" for f in failed[:1]]
        return [*(alike or ["no known mistake gives these numbers"]), *witness]

    def _page(self) -> Page:
        marked = {i for i, finding in enumerate(self.findings) if finding.status == "FAILS"}
        parts: list[Part] = [Lines([self.what]), Table("Facts", self._header(), self._rows(), marked)]
        notes = [Lines(self._unseen(), "Not checked")] if self._unseen() else []
        fault = [Lines(self._fault(), "What is wrong")] if marked else []
        return Page(f"Audit of {self.name}, as {self.kind}", *self._verdict(), [*fault, *parts, *notes])

    def _verdict(self) -> tuple[Mark, tuple[str, str]]:
        """What was found, in words."""
        counts = {status: sum(f.status == status for f in self.findings) for status in get_args(Status)}
        unseen = f"; {counts['not checked']} could not be checked" if counts["not checked"] else ""
        if counts["FAILS"]:
            return "bad", ("Fails.", f"{counts['FAILS']} of {len(self.findings)} facts fail{unseen}.")
        if not counts["holds"]:
            return "open", ("Not checked.", "No fact could be checked.")
        told = f"Nothing fails: {counts['holds']} facts hold on {self.inputs} inputs{unseen}. A pass is no proof."
        return "open" if unseen else "good", ("Passes.", told)

    def to_json(self) -> Record:
        """Plain data."""
        findings = [finding.to_json() for finding in self.findings]
        head = {"name": self.name, "kind": self.kind, "what": self.what, "ok": self.ok}
        return {**head, "mistakes": list(self.mistakes), "inputs": self.inputs, "findings": findings}
