"""README and every page of docs/: the Python runs, in order, and prints what stands below it; the commands run; links
lead somewhere; figures are what their script draws; the house is the real one.

In a page, a block of `python` is run in the scope of those before it, and each line `$ scalarspec ...` of a `console`
block as a command, in a folder that holds `examples/` and what the page has written so far. A block of `text` is what
the block before it printed. What needs a library that tests do not have is `py`, which is read and not run.
"""

import contextlib
import importlib.util
import io
import math
import re
import shlex
import shutil
import sys
import types
from pathlib import Path

import pytest
from test_house import FLOORS

from scalarspec import cli

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.parts)]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
TEXTS = dict(zip(NAMES, (path.read_text(encoding="utf-8") for path in PAGES), strict=True))
FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = {name: FENCED.findall(text) for name, text in TEXTS.items()}


def commands(block):
    """The commands of ours in a block of a console."""
    return re.findall(r"^\$ (scalarspec .*)$", block, re.MULTILINE)


def ran(kind, block, scope):
    """What a block prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if kind == "python":
            exec(block, scope)
        for command in commands(block) if kind == "console" else ():
            run_command(command)
    return printed.getvalue()


def run_command(command):
    """Runs it as a shell would, whose `> FILE` sends the output there."""
    argv, _, file = command.partition(" > ")
    with contextlib.ExitStack() as stack:
        if file:
            stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(file, "w", encoding="utf-8"))))
        assert cli.main(shlex.split(argv)[1:]) == 0, command


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def assert_same_text(printed, shown):
    """The same words and numbers, to 10⁻¹⁴: the last place of NumPy's exp may differ from CPU to CPU."""
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", shown)
    for ours, theirs in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True):
        assert math.isclose(float(ours), float(theirs), rel_tol=1e-6 if len(theirs) < 12 else 1e-14, abs_tol=1e-15)


def check_page(blocks, scope):
    """Runs a page's blocks, and holds what is printed against what is shown."""
    printed = None
    for kind, block in blocks:
        if kind in ("python", "console"):
            printed = ran(kind, block, scope)
        elif kind == "text":
            assert printed is not None, "a block of text stands below the block that prints it"
            assert_same_text(printed, block)
            printed = None
        elif kind == "py":
            compile(block, "page", "exec")


@pytest.fixture
def module(monkeypatch):
    """A real module for a page's code, so that its classes pickle."""
    found = types.ModuleType("a_page")
    monkeypatch.setitem(sys.modules, "a_page", found)
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a page writes its files: with the examples, away from the tree."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_page_does_what_it_says(name, folder, module):
    check_page(BLOCKS[name], module.__dict__)


@pytest.mark.parametrize(
    "blocks",
    [
        [("python", "print(1 + 1)\n"), ("text", "3\n")],
        [("python", "print(0.1234567890123451)\n"), ("text", "0.1234567890123491\n")],
        [("text", "2\n")],
        [("python", "1 / 0\n")],
        [("py", "this is no Python\n")],
        [("console", "$ scalarspec bounds nothing.py:f\n")],
        [("console", "$ scalarspec backends > names.txt\n"), ("text", "float64\n")],
    ],
    ids=["text", "digits", "alone", "error", "syntax", "command", "file"],
)
def test_the_check_can_fail(blocks, folder, module):
    with pytest.raises((AssertionError, ZeroDivisionError, SyntaxError)):
        check_page(blocks, module.__dict__)


def test_there_are_examples_in_every_page_that_teaches():
    kinds = [kind for name in NAMES for kind, _ in BLOCKS[name]]
    assert kinds.count("text") >= 70
    assert sum(len(commands(block)) for name in NAMES for kind, block in BLOCKS[name] if kind == "console") >= 30
    for name in NAMES:
        if name.startswith(("docs/tutorials/", "docs/how-to/")) and not name.endswith("index.md"):
            assert any(kind in ("python", "console") for kind, _ in BLOCKS[name]), name


# ---- README, links, figures, the house ------------------------------------------------------------------------------


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 150


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_files(name):
    prose = re.sub(r"`[^`\n]*`", "", FENCED.sub("", TEXTS[name]))
    for target in re.findall(r"\]\((?!https?://)([^)#\s]*[./][^)#\s]*)[)#]", prose):
        assert (ROOT / name).parent.joinpath(target).exists(), target


@pytest.fixture(scope="module")
def script():
    """docs/figures/make.py."""
    spec = importlib.util.spec_from_file_location("figures", DOCS / "figures" / "make.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_figures_are_what_their_script_draws(script, tmp_path):
    script.draw(tmp_path)
    kept, now = (
        {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.svg")}
        for folder in (DOCS / "figures", tmp_path)
    )
    assert set(now) == set(kept)
    for name, text in now.items():
        assert NUMBER.sub("#", text) == NUMBER.sub("#", kept[name])
        for ours, theirs in zip(NUMBER.findall(text), NUMBER.findall(kept[name]), strict=True):
            assert math.isclose(float(ours), float(theirs), abs_tol=0.2), name  # a fifth of a pixel


def test_every_figure_is_shown():
    shown = {Path(t).name for text in TEXTS.values() for t in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)}
    assert {path.name for path in (DOCS / "figures").glob("*.svg")} <= shown


ARCHITECTURE = [block for kind, block in BLOCKS["docs/explanation/architecture.md"] if kind == "none"]


def test_the_listing_of_folders_is_the_real_one():
    lines = [(line.startswith("  "), line.strip().split("  ")[0].split()) for line in ARCHITECTURE[1].splitlines()]
    rooms = [name for inner, names in lines if inner for name in names if name.endswith("/")]
    package = ROOT / "scalarspec"
    real = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")} - {"backends/", "examples/"}
    assert sorted(rooms) == sorted(real)  # the two are folders of their own in the tree
    assert all((package / name).is_file() for inner, names in lines if inner for name in names if name not in rooms)
    assert all((ROOT / name).is_dir() for inner, names in lines if not inner for name in names)


def test_the_rooms_stand_on_their_floors(script):
    assert [set(names) for names in script.floors()] == [set(names.split()) for names in reversed(FLOORS)]
