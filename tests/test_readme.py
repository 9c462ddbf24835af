"""README's Python runs, in order, and prints what README says; its commands exist; its house is the real one."""

import contextlib
import io
import math
import re
import shlex
from pathlib import Path

import pytest

from scalarspec import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def test_the_python_prints_what_it_says():
    scope = {"__name__": "readme"}
    printed = io.StringIO()
    checked = 0
    for kind, text in BLOCKS:
        if kind == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(text, scope_in_a_module(scope))
        elif kind == "text":
            assert_same_text(printed.getvalue(), text)
            checked += 1
    assert checked == 20


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def assert_same_text(printed, shown):
    """The same words and numbers, to 10⁻¹⁴: the last place of NumPy's exp may differ from CPU to CPU."""
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", shown)
    for ours, theirs in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True):
        assert math.isclose(float(ours), float(theirs), rel_tol=1e-6 if len(theirs) < 12 else 1e-14, abs_tol=1e-15)


def scope_in_a_module(scope):
    """A real module for the code, so that its classes pickle."""
    import sys
    import types

    module = sys.modules.setdefault("readme", types.ModuleType("readme"))
    module.__dict__.update(scope)
    return module.__dict__


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_the_python_of_a_document_runs(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # where it writes its files
    scope = {"__name__": "document"}
    for text in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL):
        exec(text, scope)


COMMANDS = re.findall(r"^\$ (scalarspec .*)$", README, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(command, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert cli.main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out


def test_there_are_commands():
    assert len(COMMANDS) == 14
