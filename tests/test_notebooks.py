"""The notebooks are kept without outputs, and run from the top, without what only the documentation needs."""

import json
from pathlib import Path

import matplotlib as mpl
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "docs" / "notebooks").glob("*.ipynb"))


def cells(path):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    scope = {}
    with mpl.rc_context({"backend": "agg"}):
        for cell in cells(path):
            exec("".join(cell["source"]), scope)
    mpl.pyplot.close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_outputs(path):
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells(path))


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 3
