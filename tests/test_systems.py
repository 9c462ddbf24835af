"""What other systems do otherwise than Linux, simulated: no rights to make links, files that cannot be moved while they
are open, workers that are not forked, consoles of few characters, texts in an encoding of the country's.
"""

import ast
import importlib.util
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from scalarspec.bounding.checkpoints import Checkpoint
from scalarspec.cli import signals

ROOT = Path(__file__).parent.parent


# ---- the links of an editable installation --------------------------------------------------------------------------


@pytest.fixture
def hook(monkeypatch):
    """hatch_build.py, with an empty class in the place of hatchling's, which the tests do not need."""
    interface = types.ModuleType("hatchling.builders.hooks.plugin.interface")
    interface.BuildHookInterface = type("BuildHookInterface", (), {"__class_getitem__": lambda *_: object})
    for name in ("hatchling", "hatchling.builders", "hatchling.builders.hooks", "hatchling.builders.hooks.plugin"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    found = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def tree(tmp_path, placeholder):
    """A checkout, with what git leaves for a link that it cannot make, if it does."""
    (tmp_path / "backends").mkdir()
    (tmp_path / "scalarspec").mkdir()
    if placeholder:
        (tmp_path / "scalarspec" / "backends").write_text("../backends", encoding="utf-8")
    return tmp_path / "scalarspec" / "backends", tmp_path / "backends"


@pytest.mark.parametrize("placeholder", [False, True])
def test_a_link_is_made_once(hook, tmp_path, placeholder):
    place, folder = tree(tmp_path, placeholder)
    hook.link(place, folder)
    hook.link(place, folder)
    assert place.resolve() == folder


@pytest.mark.parametrize("placeholder", [False, True])
def test_without_rights_to_links_it_is_a_junction(hook, tmp_path, placeholder, monkeypatch):
    def refused(*_, **__):
        raise OSError(None, "a required privilege is not held by the client", None, 1314)

    made = []
    monkeypatch.setattr(Path, "symlink_to", refused)
    junctions = types.SimpleNamespace(CreateJunction=lambda *ends: made.append(ends))
    monkeypatch.setitem(sys.modules, "_winapi", junctions)
    place, folder = tree(tmp_path, placeholder)
    hook.link(place, folder)
    assert made == [(str(folder), str(place))]
    assert not place.exists()


# ---- files ----------------------------------------------------------------------------------------------------------


def is_open(path):
    """Does this process hold a file open?"""
    held = Path("/proc/self/fd")
    return any(Path(os.path.realpath(each)) == Path(path) for each in held.iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell which files are open")
def test_no_file_is_moved_while_it_is_open(tmp_path, monkeypatch):
    replace = os.replace

    def replaced(source, place):
        if is_open(source):
            raise PermissionError(13, "the file is used by another process")
        replace(source, place)

    monkeypatch.setattr(os, "replace", replaced)
    Checkpoint(tmp_path / "kept", "digest").put("job", 1)
    assert Checkpoint(tmp_path / "kept", "digest").answers == {"job": 1}
    with open(tmp_path / "kept", "rb") as held, pytest.raises(PermissionError):
        os.replace(held.name, tmp_path / "moved")  # the simulation can refuse


def without_encoding(text):
    """The lines that read or write texts in an encoding of the system's."""
    for call in ast.walk(ast.parse(text)):
        if not isinstance(call, ast.Call) or any(word.arg == "encoding" for word in call.keywords):
            continue
        name = ast.unparse(call.func).rpartition(".")[2]
        modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
        opened = ast.unparse(call.func) == "open" and not any("b" in ast.unparse(mode) for mode in modes)
        if name in ("read_text", "write_text") or opened:
            yield f"line {call.lineno}: {ast.unparse(call)}"


SHIPPED = [path for folder in ("scalarspec", "backends", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_texts_are_read_and_written_in_a_named_encoding(path):
    assert not list(without_encoding(path.read_text(encoding="utf-8")))


def test_a_missing_encoding_is_noticed():
    for text in ("open('f')", "open(name, 'w')", "path.read_text()", "path.write_text('σ')", "open('f', mode='r')"):
        assert list(without_encoding(text))
    for text in ("open(file, 'rb')", "path.read_text(encoding='utf-8')", "path.read_bytes()", "archive.open('x')"):
        assert not list(without_encoding(text))


# ---- consoles and encodings -----------------------------------------------------------------------------------------


def command(*words, folder=ROOT, **settings):
    """A command's exit code, output and errors."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    done = subprocess.run([sys.executable, *words], env=variables, cwd=folder, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", [("run", "--count", "1"), ("theory", "--help"), ("backends",)])
def test_a_console_with_few_characters_shows_the_others_by_numbers(words):
    code, shown, told = command("-m", "scalarspec", *words, PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
    assert (code, told) == (0, b"")
    assert shown.decode("cp1252")
    if words[0] == "run":
        assert b"\\u2588" in shown  # █
        assert b"\xb1" in shown  # ±


def test_no_command_asks_for_the_encoding_of_the_country(files):
    strict = ("-X", "warn_default_encoding", "-W", "error::EncodingWarning")
    code, _, told = command(*strict, "-m", "scalarspec", "run", "--count", "1", folder=Path.cwd())
    assert (code, told) == (0, b"")
    Path("greek.py").write_text("# σ\n\ndef f(x):\n    return x * x\n", encoding="utf-8")
    code, _, told = command(*strict, "-m", "scalarspec", "crosscheck", "greek.py:f", "part.npz", folder=Path.cwd())
    assert (code, told) == (0, b"")


# ---- processes and signals ------------------------------------------------------------------------------------------

MAIN = """
import multiprocessing, sys
from scalarspec.cli import main
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv.pop(1))
    sys.exit(main())
"""


def without_times(found):
    return {key: value for key, value in found.items() if key != "seconds"}


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_need_not_be_forked(tmp_path, method):
    (tmp_path / "main.py").write_text(MAIN, encoding="utf-8")
    words = ("sweep", "--count", "4", "--json", "--quiet")
    found = [command("main.py", method, *words, *workers, folder=tmp_path) for workers in ((), ("--workers", "2"))]
    assert [(code, told) for code, _, told in found] == [(0, b""), (0, b"")]
    alone, shared = (json.loads(shown, object_hook=without_times) for _, shown, _ in found)
    assert shared == alone
    assert alone["digits"] == 4


def test_windows_is_not_ended_by_a_signal_to_itself(monkeypatch):
    sent = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("signal.raise_signal", sent.append)
    monkeypatch.setattr("os.kill", lambda *_: pytest.fail("os.kill ends a process there"))
    signals.send(2)
    assert sent == [2]
