"""The table of what takes long names tests that there are, and `make test` leaves out these alone."""

import re
import types
from pathlib import Path

import pytest
from conftest import CONTEXTS
from slow import SLOW, VARIANTS, is_slow

HERE = Path(__file__).parent
MAKEFILE = (HERE.parent / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", SLOW)
def test_what_is_named_exists(file):
    text = (HERE / f"{file}.py").read_text(encoding="utf-8")
    assert set(SLOW[file]) <= set(re.findall(r"^def (test_\w+)", text, re.MULTILINE))


def item(file, name, parameters=None):
    """What pytest hands to `is_slow`."""
    found = types.SimpleNamespace(path=HERE / f"{file}.py", originalname=name)
    if parameters:
        found.callspec = types.SimpleNamespace(id=parameters)
    return found


def test_a_file_a_test_and_what_is_new():
    assert is_slow(item("test_deep", "test_anything"))
    assert is_slow(item("test_laws", "test_law_on_random_operands"))
    assert not is_slow(item("test_laws", "test_law"))
    assert not is_slow(item("test_anything_new", "test_x"))


def test_a_context_that_is_another_one_at_another_precision():
    assert CONTEXTS.keys() >= VARIANTS
    assert is_slow(item("test_laws", "test_law", "interval24-identity-x"))
    assert not is_slow(item("test_laws", "test_law", "interval-identity-x"))


def test_one_command_leaves_them_out_and_one_does_not():
    assert "test: .venv/installed\n\t$(TEST) -m 'not exhaustive and not slow'\n" in MAKEFILE
    assert "test-all: .venv/installed\n\t$(TEST)\n" in MAKEFILE
