"""The benchmarks compare like with like: what is written by hand is what the specs say; the command runs; and the page
has all that the command measures.
"""

import importlib
import json
import math
import re
import subprocess
import sys
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.models import autoencoder, vae

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
PEERS = ("peers", "peers-outside")  # which are on the page where auto_LiRPA was there


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import by_hand
    import workloads

    return by_hand, workloads


def test_by_hand_is_the_spec(modules, rational, interval):
    by_hand, workloads = modules
    work = workloads.Vae((6, 5, 2))
    loss = vae.loss(work.model(), workloads.BETA, interval.tensor(work.x), interval.tensor(work.eps))
    (low,), (high,) = (end.ravel() for end in ss.endpoints(loss))
    assert abs(Fraction(work.by_hand().item()) - low) < Fraction(1, 10**14)
    for found in (by_hand.MpmathVae(work, 0.0)(), by_hand.FlintVae(work, 0.0)()):
        middle = float(found.mid) if hasattr(found, "_mpi_") else float(found.mid())
        assert abs(Fraction(middle) - low) < Fraction(1, 10**14)
    assert low <= high
    work = workloads.Rectifiers((6, 5, 4, 3))
    scores = ss.endpoints(work.model()(interval.tensor(work.x)))[0].astype(float)
    assert np.all(np.abs(work.by_hand() - scores) < 1e-14)
    work = workloads.Autoencoder((7, 3))
    exact = autoencoder.reconstruction_error(work.model(), rational.tensor(work.x)).item()
    assert by_hand.FractionAutoencoder(work)() == exact
    flint = by_hand.FlintAutoencoder(work)()
    assert Fraction(int(flint.p), int(flint.q)) == exact
    assert abs(work.by_hand() - float(exact)) < 1e-14


def test_batches_by_hand_are_their_rows(modules):
    _, workloads = modules
    context = CONTEXTS["float64"]
    work = workloads.Vae((6, 5, 2), batch=4)
    losses = ss.batched(vae.loss, over=("x", "eps"))(
        work.model(), workloads.BETA, context.tensor(work.x), context.tensor(work.eps)
    )
    assert np.allclose(np.asarray(losses), work.by_hand())


def run(*arguments, script="run.py"):
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_the_command_prints_ratios_and_data():
    groups = ("boxes", "memory", "gradients", "scaling", "environment", "tightness")
    found = run("--quick", "--json", *groups)
    assert found.returncode == 0, found.stderr
    data = json.loads(found.stdout)
    assert set(data["tables"]) == set(groups[1:])
    for name, lines in data["tables"].items():
        header, shown = on_the_page()[name]
        assert header == list(lines[0])
        assert {labels(line) for line in lines} <= {labels(dict(zip(header, line, strict=True))) for line in shown}
    assert [row["way"] for row in data["rows"]] == ["float64, prepared", "interval64", "interval64, fused"]
    assert data["rows"][0]["median"] == 1
    for row in data["tables"]["memory"]:
        assert float(row["/ its float64 bytes"]) <= float(row["goal"])
    for row in data["tables"]["gradients"]:
        assert float(row["ratio (goal 2)"]) <= 2


def test_the_command_refuses_what_it_does_not_have(tmp_path):
    found = run("speed")
    assert found.returncode == 2
    assert "no rows are called speed; there are networks, float64, interval64" in found.stderr
    found = run("boxes", "--page", str(tmp_path / "nowhere" / "page.md"))
    assert found.returncode == 2
    assert "--page: expected a file in a folder that exists, got " in found.stderr


def test_scaling_is_measured():
    pytest.importorskip("distributed")
    found = run("queue", "cluster", "pool", "--quick", "--kinds", "tolerance", "sweep", script="scale.py")
    assert found.returncode == 0, found.stderr
    assert [found.stdout.count(name) for name in ("the domain is there", "rows of workload B", "sweep")] == [2, 1, 1]
    assert run("nothing", script="scale.py").returncode == 2


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_native_code_is_the_spec(library):
    pytest.importorskip(library)
    done = run("--repeats", "1", "--no-compile", "--library", library, script="native.py")  # it asserts equal losses
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("by hand") == 8


# ---- peers ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def peers(monkeypatch):
    """benchmarks/peers.py, with small workloads."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    peers = importlib.import_module("peers")
    monkeypatch.setattr(peers, "A", (7, 5, 3))
    monkeypatch.setattr(peers, "B", (6, 5, 2))
    return peers


def simulated(work, low, high, dtype="float64"):
    """A peer of which the first method holds all values, the second none, and the third is slow to say what it has."""
    shape = work.x.shape[:-1]
    ends = ((0.0, 8.0), (math.nan, 8.0), (0.0, 4.0))
    return [lambda e=e: SimpleNamespace(lower=np.full(shape, e[0]), upper=np.full(shape, e[1])) for e in ends]


@pytest.mark.parametrize("there", [False, True])
def test_peers_stand_beside_ours_or_aside(peers, monkeypatch, there):
    monkeypatch.setattr(peers, "there", lambda: there)
    monkeypatch.setattr(peers, "their_ways", lambda *args: dict(zip(peers.METHODS, simulated(*args), strict=True)))
    header, rows = peers.widths(SimpleNamespace(quick=True, long=there))
    lines = {tuple(row[:3]): dict(zip(header, row, strict=True)) for row in rows}
    assert {key[:2] for key in lines} == {("B", "0.01"), ("B", "0.05"), *[("A", "0.01")] * there}
    work = peers.Vae(peers.B)
    near = {"x": ss.box(work.x - 0.05, work.x + 0.05)}
    for way, method in (("linear", "linear"), ("interval", "interval"), ("16 parts", "subdivide")):
        found = ss.bounds(vae.loss, work.model(), peers.BETA, work.x, work.eps, vary=near, method=method, budget=16)
        line = lines["B", "0.05", way]
        assert line["width"] == f"{float(found.width):.5f}"
        assert float(line["/ attained"]) == pytest.approx(float(found.width / (found.inner[1] - found.inner[0])), 0.01)
    assert lines["B", "0.05", "linear"]["/ linear's"] == "1.00"
    theirs = [lines["B", "0.01", way] for way in peers.METHODS]
    assert [line["width"] for line in theirs] == (["8.00000", "nan", "4.00000"] if there else ["-"] * 3)
    assert all((line["time"] == "-") != there for line in theirs)


@pytest.mark.parametrize(("there", "theirs"), [(False, ["-", "-"]), (True, ["0 of 2", "2 of 2"])])
def test_attained_values_outside_are_counted(peers, monkeypatch, there, theirs):
    monkeypatch.setattr(peers, "there", lambda: there)
    monkeypatch.setattr(peers, "their_ways", lambda *args: dict(zip(peers.METHODS, simulated(*args), strict=True)))
    header, rows = peers.outside(SimpleNamespace(quick=True))
    assert header == ["radius", "linear", "interval", *list(peers.METHODS)[:2]]
    assert [row[1:] for row in rows] == [["0 of 2", "0 of 2", *theirs]] * len(peers.PRECISIONS)


def test_a_folder_without_the_peer_is_refused(peers, monkeypatch, tmp_path):
    monkeypatch.setenv("AUTO_LIRPA", str(tmp_path))
    with pytest.raises(SystemExit, match="AUTO_LIRPA: expected a folder that has auto_LiRPA in it, got "):
        peers.there()


def test_the_peer_has_the_same_loss(peers):
    torch = pytest.importorskip("torch")
    work = peers.Vae(peers.B, 3)
    tensor = partial(torch.tensor, dtype=torch.float64)
    found = peers.loss_in_torch(torch, work, tensor, tensor(work.eps))(tensor(work.x))
    assert np.allclose(found.detach().numpy().ravel(), work.by_hand(), rtol=1e-13)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_peer_bounds_the_loss(peers):
    if not peers.there():
        pytest.skip("auto_LiRPA is not there")
    work = peers.Vae(peers.B, 3)
    for way, run in peers.their_ways(work, work.x - 0.01, work.x + 0.01).items():
        found = run()
        assert np.all((found.lower < work.by_hand()) & (work.by_hand() < found.upper)), way


# ---- the page -------------------------------------------------------------------------------------------------------


def on_the_page(text=None):
    """The header and the lines of each table of a page, of the committed one if none is given, by its title."""
    parts = re.split(r"^###? (.+)$", text or PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {}
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        cells = [
            [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in body.splitlines()
            if line.startswith("|")
        ]
        if cells:
            found[title] = cells[0], cells[2:]
    return found


def labels(line):
    """What tells a line of a table from the others: its first cell, and the radius where there is one."""
    return next(iter(line.values())), line.get("radius")


LISTED = """
import json, sys
sys.modules.update({{name: None for name in {missing!r}}})
sys.path.insert(0, {folder!r})
import networks, run
groups = {groups!r} or run.ROWS
rows = {{group: [[row.name, list(row.ways)] for row in run.ROWS[group]()] for group in groups}}
tables = [name for name in run.by_default() if name in run.TABLES]
print(json.dumps({{"rows": rows, "tables": tables, "networks": list(networks.NETWORKS)}}))
"""


def listed(*groups, missing=()):
    """What the command would measure, as if some libraries were missing: rows with their ways, tables, networks."""
    code = LISTED.format(missing=missing, folder=str(BENCHMARKS), groups=groups)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True)
    return json.loads(done.stdout)


def unlike(shown, rows):
    """The rows, and those that are shown, of which one has a way that the other has not."""
    header, lines = shown
    filled = {line[0]: {way for way, cell in zip(header[1:], line[1:], strict=True) if cell != "-"} for line in lines}
    named = {name: set(ways) for name, ways in rows}
    return sorted(name for name in {*filled, *named} if filled.get(name) != named.get(name))


def test_the_page_has_all_rows_and_tables(page):
    shown, now = on_the_page(), listed(missing=("auto_LiRPA",))
    groups = [group for section in page.SECTIONS.values() for group in section if group not in PEERS]
    assert sorted(groups) == sorted([*now["rows"], *now["tables"]])
    assert set(groups) <= set(shown)
    assert not {group: names for group, rows in now["rows"].items() if (names := unlike(shown[group], rows))}
    assert {line[0] for line in shown["networks-bounded"][1]} == set(now["networks"])


def test_a_row_that_the_page_has_not_is_noticed():
    shown = ["row", "by hand", "ours"], [["A", "1 ms", "2"], ["B", "1 ms", "-"]]
    assert unlike(shown, [("A", ["by hand", "ours"]), ("B", ["by hand"])]) == []
    assert unlike(shown, [("A", ["by hand", "ours"]), ("B", ["by hand", "ours"])]) == ["B"]
    assert unlike(shown, [("A", ["by hand", "ours"])]) == ["B"]
    assert unlike(shown, [("A", ["by hand", "ours"]), ("B", ["by hand"]), ("C", ["by hand"])]) == ["C"]


def test_what_is_not_installed_is_left_out():
    found = listed("interval64", "boxes", "rational", missing=("flint", "numba"))["rows"]
    assert found == {
        "interval64": [[f"interval64: {name}", ["NumPy by hand", "interval64"]] for name in ("A", "A, batch 128", "B")],
        "boxes": [["boxes of B, 1024 at a time", ["float64, prepared", "interval64"]]],
        "rational": [
            ["rational: C", ["NumPy by hand", "rational", "Fraction"]],
            ["rational: C, batch 16", ["NumPy by hand", "rational"]],
        ],
    }


@pytest.fixture
def page(monkeypatch):
    """benchmarks/page.py."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import page

    return page


def measured(group, row, way, median, goal=None, seconds=0.5):
    return {
        "group": group, "row": row, "way": way, "of minima": 1.0, "median": median, "goal": goal, "seconds": seconds,
    }  # fmt: skip


def made_up():
    """Two groups of rows, one table and the scaling; a peer is missing in one row, and some numbers are NaN."""
    growth = {
        "spec: width": {8: 1.0, 16: 3.5, 32: math.nan},
        "other: width": {8: 1.0, 16: 0.25},
        "spec: depth": {2: math.nan, 4: math.nan},
    }
    return {
        "run": {"date": "2026-01-02", "command": "python benchmarks/run.py --quick", "quick": True},
        "machine": {"processor": "made up"},
        "rows": [
            measured("float64", "A", "by hand", 1.0, seconds=0.0025),
            measured("float64", "A", "ours", 1.25, goal=1.5),
            measured("float64", "A", "peer", 12345.6),
            measured("float64", "B", "by hand", 1.0, seconds=4e-6),
            measured("float64", "B", "ours", math.nan, goal=1.5),
            measured("certificate", "|x|", "by hand", 1.0, seconds=math.nan),
        ],
        "tables": {
            "memory": [{"memory": "a model", "goal": 4}],
            "scaling": [{"cost ~ size^p": k, "p": "1.81", "times, over the first": g} for k, g in growth.items()],
        },
    }


def test_the_page_shows_what_was_measured(page, tmp_path):
    page.write(made_up(), tmp_path / "made.md")
    text = (tmp_path / "made.md").read_text(encoding="utf-8")
    assert on_the_page(text) == {
        "Machine": (["property", "value"], [["processor", "made up"]]),
        "float64": (
            ["row", "by hand", "ours", "peer"],
            [["A", "2.5 ms", "1.25 (goal 1.5 met)", "12,346"], ["B", "4 µs", "nan (goal 1.5 NOT MET)", "-"]],
        ),
        "memory": (["memory", "goal"], [["a model", "4"]]),
        "certificate": (["row", "by hand"], [["|x|", "nan"]]),
        "scaling": (
            ["cost ~ size^p", "p", "times, over the first"],
            [
                ["spec: width", "1.81", "8: 1.0, 16: 3.5, 32: nan"],
                ["other: width", "1.81", "8: 1.0, 16: 0.2"],
                ["spec: depth", "1.81", "2: nan, 4: nan"],
            ],
        ),
    }
    assert "## Bounds" not in text
    assert "quick run" in text
    assert "Measured on 2026-01-02" in text
    assert "NaN" not in "".join(file.read_text(encoding="utf-8") for file in tmp_path.glob("made/*.svg"))
    assert described(tmp_path / "made.md") == {
        "width.svg": "Time over that of the first size, by width: spec at 8: 1.0, 16: 3.5; other at 8: 1.0, 16: 0.2",
    }


def test_a_page_without_measurements_has_the_machine(page, tmp_path):
    page.write({**made_up(), "rows": [], "tables": {}}, tmp_path / "made.md")
    assert set(on_the_page((tmp_path / "made.md").read_text(encoding="utf-8"))) == {"Machine"}


def test_the_report_has_the_numbers_of_the_page(page):
    ratios, *tables = page.report(made_up())
    assert re.search(r"^A +ours +1 +1\.25 +500 ms +1\.5 met$", ratios, re.MULTILINE)
    assert re.search(r"^A +peer +1 +12,346 +500 ms$", ratios, re.MULTILINE)
    assert "8: 1.0, 16: 3.5, 32: nan" in tables[1]


def described(path):
    """The figures of a page, with the words for them, which are those in the figures: no others are in its folder."""
    shown = re.findall(r"^!\[(.+)\]\((.+)\)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    found = {path.parent / file: words for words, file in shown}
    assert set(found) == set(path.with_suffix("").glob("*"))
    for file, words in found.items():
        assert f"<title>{words}</title>" in file.read_text(encoding="utf-8")
    return {file.name: words for file, words in found.items()}


def test_the_figures_of_the_page_are_there():
    curves = {line[0]: line[2] for line in on_the_page()["scaling"][1]}
    words = "; ".join(described(PAGE).values())
    for name, growth in curves.items():
        assert f"{name.partition(': ')[0]} at {growth}" in words


def test_the_machine_is_named(page):
    found = page.machine()
    assert found["processor"]
    assert found["numpy"] == np.__version__
    assert found["BLAS"].endswith(", 1 thread")
    assert page.version("no-such-library") == "not installed"
