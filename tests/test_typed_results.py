"""What the jobs return has types that say something: `Any` stands in no public attribute and no method's result."""

import inspect
import subprocess
import sys
import types
import typing
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import sympy

import scalarspec as ss
from scalarspec.audit.findings import Audit, Finding
from scalarspec.bounding.bounds import Bounds
from scalarspec.bounding.proofs import Proof, Proofs
from scalarspec.compare import Comparison, Reading
from scalarspec.formulas.derivation import Derivation
from scalarspec.formulas.matrix import MatrixForm
from scalarspec.results import Report
from scalarspec.rounding_errors.crosscheck import Crosscheck
from scalarspec.rounding_errors.ranges import Offender, RangeMap
from scalarspec.rounding_errors.stages import Found, Stage, StageComparison
from scalarspec.rounding_errors.tolerance import Tolerance
from scalarspec.verdict import Verdict
from scalarspec.verification.answers import Answer
from scalarspec.verification.verify import verify

RESULTS = (Bounds, Proof, Proofs, Verdict, Crosscheck, Tolerance, RangeMap, Comparison, Audit, Answer)
"""What jobs return that is a report."""
PARTS = (Derivation, MatrixForm, Stage, StageComparison, Found, Offender, Reading, Finding)
"""The other results, and what stands in the attributes of results."""
JOBS = (ss.bounds, ss.prove, ss.crosscheck, ss.tolerance, ss.ranges, ss.compare, ss.audit, ss.derive, verify)
NAMES = {"Expr": sympy.Expr}
"""What is imported for types alone."""


def named(hint):
    """Everything that stands in a type."""
    yield hint
    for part in typing.get_args(hint):
        yield from named(part) if not isinstance(part, list) else (each for p in part for each in named(p))


def hints(thing):
    return typing.get_type_hints(thing, localns=NAMES)


def public(cls):
    """The types of the public attributes, properties and methods' results of a class, by name."""
    found = {name: hint for name, hint in hints(cls).items() if not name.startswith("_")}
    for name in dir(cls):
        value = inspect.getattr_static(cls, name)
        value = {property: lambda v: v.fget, cached_property: lambda v: v.func}.get(type(value), lambda v: v)(value)
        ours = isinstance(value, types.FunctionType) and value.__module__ != "collections.abc"
        if ours and not name.startswith("_"):
            found[name] = hints(value).get("return", Any)
    return found


def untyped(cls):
    return [name for name, hint in public(cls).items() if Any in named(hint)]


@pytest.mark.parametrize("cls", [*RESULTS, *PARTS], ids=lambda cls: cls.__name__)
def test_no_any_stands_in_a_public_result(cls):
    assert not untyped(cls)


def test_any_is_found_wherever_it_stands():
    class Wrong:
        plain: Any
        inside: dict[str, list[Any]]
        right: dict[str, list[int]]

        @property
        def made(self) -> tuple[int, Any]:
            return 1, 2

        @cached_property
        def once(self) -> Any:
            return 1

        def called(self) -> typing.Callable[[Any], int]:
            return int

        def unsaid(self):
            return 1

        def said(self) -> int:
            return 1

    assert sorted(untyped(Wrong)) == ["called", "inside", "made", "once", "plain", "unsaid"]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.__name__)
def test_what_a_job_returns_is_among_them(job):
    returned = hints(inspect.unwrap(job))["return"]
    assert {returned, *typing.get_args(returned)} & {*RESULTS, Derivation}


@pytest.mark.parametrize("cls", RESULTS, ids=lambda cls: cls.__name__)
def test_every_result_is_a_report(cls):
    assert issubclass(cls, Report)


SCRIPT = Path(__file__).parent / "typing" / "user_script.py"


def test_the_script_of_a_user_runs(tmp_path):
    scope = {"__name__": "user_script"}
    exec(compile(SCRIPT.read_text(encoding="utf-8"), SCRIPT, "exec"), scope)
    assert len(scope["main"](tmp_path)) == len(list(tmp_path.iterdir())) == 6


def test_the_script_of_a_user_is_accepted(tmp_path):
    pytest.importorskip("mypy")
    wrong = tmp_path / "wrong.py"
    wrong.write_text(SCRIPT.read_text(encoding="utf-8").replace("found.lower, Exact)", "found.lower, int)"))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", SCRIPT, wrong]
    done = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[2])
    told = done.stdout.splitlines()
    assert [line for line in told if line.startswith("tests/")] == []
    assert any("wrong.py" in line and "assert-type" in line for line in told), done.stdout + done.stderr
