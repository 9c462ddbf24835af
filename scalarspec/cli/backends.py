"""Commands about the backends: `backends` lists them, `laws` checks what every one must obey."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from scalarspec.cli.commands import Commands, add_backends
from scalarspec.cli.user_files import contexts
from scalarspec.core import named_contexts
from scalarspec.core.failures import failures_told
from scalarspec.errors import NotInstalled, ScalarSpecError
from scalarspec.report import table

if TYPE_CHECKING:
    from scalarspec import laws


def add_commands(commands: Commands) -> None:
    """Each with its options."""
    commands.add("backends", run_backends, "the registered backends, and what each promises")
    add_backends(commands.add("laws", run_laws, "check what every backend must obey"))


def run_backends(_: argparse.Namespace) -> tuple[Any, int]:
    """The registered backends."""
    return _Backends(), 0


def run_laws(options: argparse.Namespace) -> tuple[Any, int]:
    """How backends fare in the laws; exit code 1 where one breaks a law, or does not load."""
    from scalarspec import laws  # mpmath comes with them

    names = options.backend or named_contexts.names()
    contexts([*options.backend] if options.backend else ["interval"], options.prec)  # what is asked for by name works
    results: dict[str, list[laws.Result]] = {}
    broken: dict[str, str] = {}
    absent: dict[str, str] = {}
    for name in names:
        try:
            (context,) = contexts([name], options.prec if name == "interval" else None)
            with failures_told(f"backend {name!r} fails where it is asked what it obeys"):
                results[name] = laws.run(context)
        except ScalarSpecError as error:
            unasked = isinstance(error, NotInstalled) and not options.backend
            (absent if unasked else broken)[name] = str(error)
    verdicts = _Laws(results, broken, absent)
    return verdicts, 1 if verdicts.failed or broken else 0


class _Backends:
    """The registered contexts, and what each promises: what `named_contexts.promise` says."""

    def __init__(self) -> None:
        self.rows = [(name, *self._described(name)) for name in named_contexts.names()]

    @staticmethod
    def _described(name: str) -> tuple[str, str]:
        """The kind and the promise; of one that is broken, or lacks a package, what is wrong with it."""
        try:
            context = named_contexts.context(name)
            with failures_told(f"backend {name!r} does not say what it is"):
                kind = "exact" if context.exact else "encloses" if context.encloses else "rounds"
            return kind, named_contexts.promise(name)
        except ScalarSpecError as error:
            return "not installed" if isinstance(error, NotInstalled) else "broken", str(error)

    def __str__(self) -> str:
        return table(["backend", "kind", "what it is"], self.rows)

    def to_json(self) -> list[dict[str, str]]:
        return [{"backend": name, "kind": kind, "what": what} for name, kind, what in self.rows]


class _Laws:
    """How many laws of each kind hold, which do not or have no case, and which backends are broken, or lack a
    package.
    """

    def __init__(self, results: dict[str, list[laws.Result]], broken: dict[str, str], absent: dict[str, str]) -> None:
        self.results, self.broken, self.absent = results, broken, absent

    @property
    def failed(self) -> int:
        return sum(result.status == "failed" for results in self.results.values() for result in results)

    def __str__(self) -> str:
        kinds = list(dict.fromkeys(r.law.kind for results in self.results.values() for r in results))
        counts = {name: Counter((r.law.kind, r.status) for r in results) for name, results in self.results.items()}
        rows = [[name, *(self._cell(counts[name], kind) for kind in kinds)] for name in self.results]
        notes = [f"{name}: {r.status}: {r.law}: {r.message}" for name, r in self._noted()]
        return "\n".join([table(["passed", *kinds], rows), *notes, *self.broken.values(), *self.absent.values()])

    def to_json(self) -> list[dict[str, Any]]:
        return (
            [
                {"backend": name, "kind": r.law.kind, "law": r.law.name, "status": r.status, "cases": r.cases}
                for name, results in self.results.items()
                for r in results
            ]
            + [{"backend": name, "broken": why} for name, why in self.broken.items()]
            + [{"backend": name, "not installed": why} for name, why in self.absent.items()]
        )

    def _noted(self) -> list[tuple[str, laws.Result]]:
        return [(name, r) for name, results in self.results.items() for r in results if r.status != "passed"]

    @staticmethod
    def _cell(counts: Counter[tuple[str, laws.Status]], kind: str) -> str:
        total = sum(n for (k, _), n in counts.items() if k == kind)
        passed = counts[kind, "passed"]
        return "-" if not total else str(passed) if passed == total else f"{passed} of {total}"
