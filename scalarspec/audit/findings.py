"""What an audit found, and how it prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scalarspec.audit.near import Inputs
from scalarspec.audit.properties import Failure, Outcome
from scalarspec.audit.subject import shown
from scalarspec.report import table

Status = Literal["holds", "FAILS", "not checked"]


@dataclass(frozen=True)
class Finding:
    """A fact, and whether it holds.

    Where it fails: the smallest inputs found, and what came; where it is not checked: why that cannot be seen.
    """

    fact: str
    status: Status
    witness: Inputs | None = None
    text: str = ""

    @classmethod
    def of(cls, fact: str, outcome: Outcome) -> Finding:
        """What came of a check."""
        if outcome is None:
            return cls(fact, "holds")
        if isinstance(outcome, Failure):
            return cls(fact, "FAILS", outcome.inputs, outcome.text)
        return cls(fact, "not checked", text=outcome.text)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        witness = None if self.witness is None else {k: np.asarray(v).tolist() for k, v in self.witness.items()}
        return {"fact": self.fact, "status": self.status, "witness": witness, "text": self.text}


@dataclass(frozen=True)
class Audit:
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
        rows = [[f.fact, f.status] for f in self.findings]
        lines = [f"{self.name}, as {self.kind}: {self.what}", "", table(["fact", f"on {self.inputs} inputs"], rows)]
        unseen = [f"not checked, {f.fact}: {f.text}" for f in self.findings if f.status == "not checked"]
        if unseen:
            lines += ["", *unseen]
        if self.ok:
            return "\n".join(lines)
        if self.mistakes:
            lines += ["", "likely mistake: " + "\n  or: ".join(self.mistakes)]
        else:
            lines += ["", "no known mistake gives these numbers"]
        witness = next(f for f in self.findings if f.status == "FAILS")
        return "\n".join([*lines, f"smallest witness: {shown(witness.witness or {})}: {witness.text}"])

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        findings = [finding.to_json() for finding in self.findings]
        head = {"name": self.name, "kind": self.kind, "what": self.what, "ok": self.ok}
        return {**head, "mistakes": list(self.mistakes), "inputs": self.inputs, "findings": findings}
