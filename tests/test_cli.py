"""The command line: what it prints, and its exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import fuzz_signals
import numpy as np
import pytest
from command import run


def test_compare(files, capsys):
    code, out, _ = run(capsys, "compare", "specs.py:loss", "in.npz", "--set", "beta=1/3", "--backend", "rational")
    assert code == 0
    assert "0.208333333333..." in out
    code, out, _ = run(capsys, "compare", "specs.py:loss", "in.npz", "--json")
    assert code == 0
    assert json.loads(out)["rational"]["value"] == "5/8"


def test_compare_under_another_precision(files, capsys):
    _, out, _ = run(capsys, "compare", "specs.py:smooth", "in.npz", "--backend", "interval", "--prec", "200", "--json")
    ends = json.loads(out)["interval(prec=200)"]
    width = Fraction(ends["upper"]) - Fraction(ends["lower"])
    assert 0 < width < Fraction(1, 2**195)


def test_an_integer_in_the_archive_is_an_index(files, capsys):
    code, out, _ = run(capsys, "compare", "specs.py:pick", "in.npz", "--backend", "rational", "--json")
    assert code == 0
    assert json.loads(out)["rational"]["value"] == "2"


def test_enclose(capsys):
    code, out, err = run(capsys, "enclose", "--count", "3", "--radius", "0.01", "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)["rows"]
    assert [row["model"] for row in rows] == ["VAE", "VQ-VAE", "autoencoder"]
    assert all(row["contained"] == row["digits"] == 3 for row in rows)
    assert all(1 <= row["gap"] <= row["widest"] < row["interval"] for row in rows)
    code, out, _ = run(capsys, "enclose", "--count", "2", "--workers", "2", "--radius", "0.001")
    assert code == 0
    assert "attained inside" in out
    assert "2 of 2" in out


def test_enclose_fails_where_something_attained_is_outside(capsys, monkeypatch):
    from scalarspec.examples import enclose

    proper = enclose.each

    def outside(executor, function, pieces):
        """The lower bound at the upper one."""
        for rows, seconds in proper(executor, function, pieces):
            yield [(plain, high, high, *rest) for plain, _, high, *rest in rows], seconds

    monkeypatch.setattr(enclose, "each", outside)
    assert run(capsys, "enclose", "--count", "1", "--radius", "0.01")[0] == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_prints_what_is_known_and_a_checkpoint_keeps_it(tmp_path, workers):
    fuzz_signals.prepared(tmp_path)
    process = fuzz_signals.started(tmp_path, *fuzz_signals.SEARCH, "--workers", workers, "--budget", "1000000")
    kept, until = tmp_path / "kept", time.monotonic() + 60
    while not (kept.exists() and len(kept.read_text().splitlines()) > 12) and time.monotonic() < until:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "interrupted" in out
    lines = kept.read_text().splitlines()
    again = fuzz_signals.started(tmp_path, *fuzz_signals.SEARCH, "--workers", workers, "--budget", "8")
    assert "8 boxes" in again.communicate(timeout=60)[0]
    assert kept.read_text().splitlines()[: len(lines) - 1] == lines[:-1]


def test_bounds(files, capsys):
    code, out, _ = run(
        capsys, "bounds", "specs.py:loss", "in.npz", "--radius", "x=0.01", "--backend", "interval", "--json"
    )
    assert code == 0
    found = {name: Fraction(json.loads(out)[name]) for name in ("lower", "upper")}
    code, shown, _ = run(
        capsys, "bounds", "specs.py:loss", "in.npz", "--radius", "x=0.01", "--target", "0", "--budget", "3"
    )
    assert (code, "attained" in shown) == (0, True)
    assert found["lower"] <= (Fraction("0.49") ** 2 + Fraction("0.99") ** 2) / 2 <= found["lower"] + Fraction(1, 10**14)
    assert found["upper"] - Fraction(1, 10**14) <= (Fraction("0.51") ** 2 + Fraction("1.01") ** 2) / 2 <= found["upper"]


def test_derive(files, capsys):
    code, out, _ = run(capsys, "derive", "specs.py:loss", "in.npz", "--wrt", "target")
    assert (code, "target_0" in out) == (0, True)
    code, out, _ = run(capsys, "derive", "specs.py:smooth", "in.npz", "--wrt", "x", "--form", "latex")
    assert (code, "e^{x_{0}}" in out) == (0, True)
    smooth = ("derive", "specs.py:smooth", "in.npz", "--wrt", "x")
    for options, part in (
        (("--form", "python"), "def smooth(x):"),
        (("--form", "python", "--gradient", "x"), '"""value, d_x of x (2,)."""'),
        (("--form", "c"), "void smooth("),
        (("--lean",), "noncomputable def smooth (x_0 x_1 : ℝ)"),
        (("--form", "matrix"), "x: (n)"),
        (("--form", "matrix-latex", "--gradient", "x"), "\\begin{aligned}"),
        (("--gradient", "x"), "exp(x_0)"),
        (("--json",), '"operations"'),
        (("--gradient", "x", "--json"), '"d_x"'),
    ):
        code, out, err = run(capsys, *smooth, *options)
        assert (code, part in out) == (0, True), (options, out, err)
    code, _, err = run(capsys, *smooth, "--max-operations", "2")
    assert (code, "more than max_operations = 2" in err) == (2, True)


def test_theory(capsys):
    code, out, _ = run(capsys, "theory")
    assert (code, "55 proved, in" in out) == (0, True)
    code, out, _ = run(capsys, "theory", "--controls", "--steps")
    assert (code, out.count("refuted: "), "rhs = " in out) == (0, 55, True)
    code, out, _ = run(capsys, "theory", "--json")
    rows = json.loads(out)
    assert {row["status"] for row in rows} == {"proved"}
    assert set(rows[0]) >= {"fact", "statement", "hypotheses", "source", "method", "scope", "steps", "seconds"}
    code, out, _ = run(capsys, "theory", "--lean")
    assert (code, "example " in out) == (0, True)


def test_crosscheck_says_by_its_exit_code_whether_the_float_is_right(files, capsys):
    code, out, _ = run(capsys, "crosscheck", "specs.py:loss", "in.npz", "--max-ulps", "1")
    assert (code, "exactly, in rationals" in out) == (0, True)
    code, out, _ = run(capsys, "crosscheck", "specs.py:lossy", "far.npz", "--max-ulps", "1")
    assert (code, "the worst element" in out) == (1, True)


def test_crosscheck_of_a_function_of_ones_own(files, capsys):
    code, out, _ = run(capsys, "crosscheck", "specs.py:smooth", "in.npz", "--actual", "specs.py:in_numpy")
    assert (code, "result" in out) == (0, True)
    code, out, _ = run(capsys, "crosscheck", "specs.py:smooth", "in.npz", "--actual", "specs.py:off")
    assert code == 1  # rounding does not explain it
    code, out, _ = run(capsys, "crosscheck", "specs.py:smooth", "in.npz", "--actual", "float32", "--dtype", "float32")
    assert (code, "actual float32" in out) == (0, True)


def test_crosscheck_without_a_bound_is_undecided(files, capsys):
    """float32 overflows on the way, so that nothing bounds what rounding can cause."""
    Path("sums.py").write_text(
        "import numpy as np\nimport scalarspec as ss\n\n\ndef spec(z):\n    return ss.log(ss.sum(ss.exp(z)))\n\n\n"
        "def wrong(z):\n    return np.float32(7)\n"
    )
    np.savez("large.npz", z=np.array([100, 1, 2], np.float32))
    argv = ("crosscheck", "sums.py:spec", "large.npz", "--actual", "sums.py:wrong")
    code, out, _ = run(capsys, *argv)
    assert (code, "no bound on what rounding can cause in stage 'result' is known" in out) == (3, True)
    assert run(capsys, *argv, "--max-ulps", "64")[0] == 1


def test_tolerance_and_ranges(files, capsys):
    argv = ("specs.py:smooth", "in.npz", "--radius", "x=1/10")
    code, out, _ = run(capsys, "tolerance", *argv, "--dtype", "float32", "--splits", "8", "--json")
    assert (code, json.loads(out)["dtype"]) == (0, "float32")
    assert 0 < json.loads(out)["absolute"] < 1e-4
    assert run(capsys, "tolerance", *argv, "--libm", "1", "--inputs-are", "exact")[0] == 0
    assert run(capsys, "ranges", *argv)[:2] == (0, "no exact result of 2 operations can leave the range of float64\n")
    code, out, _ = run(capsys, "ranges", "specs.py:smooth", "far.npz", "--radius", "x=1")
    assert (code, "overflow  exp" in out) == (1, True)


def test_certify(files, capsys):
    code, out, _ = run(capsys, "certify", "--count", "1")
    assert (code, "autoencoder  NumPy" in out) == (0, True)
    assert json.loads(run(capsys, "certify", "--count", "1", "--json")[1])["digits"] == 1


def test_backends(files, capsys):
    code, out, _ = run(capsys, "backends")
    assert code == 0
    for name in ("float64", "float32", "interval", "rational", "symbolic"):
        assert name in out
    assert len(json.loads(run(capsys, "backends", "--json")[1])) == 9


def test_laws(files, capsys):
    code, out, _ = run(capsys, "laws", "--backend", "rational")
    assert code == 0
    assert "rational: skipped: reference: pi: refused in every case" in out
    assert {row["status"] for row in json.loads(run(capsys, "laws", "--backend", "rational", "--json")[1])} == {
        "passed",
        "skipped",
    }


def test_run(files, capsys):
    code, out, _ = run(capsys, "run", "--count", "1", "--digit", "3")
    assert code == 0
    for text in ("VQ-VAE", "refused: exp is irrational", "8 of 8 terms", "1 of 1 digits", "█"):
        assert text in out
    code, out, _ = run(capsys, "run", "--count", "1", "--json")
    row = json.loads(out)["rows"][3]
    exact = Fraction(row["readings"]["rational"]["value"])
    ends = row["readings"]["interval"]
    assert Fraction(ends["lower"]) <= exact <= Fraction(ends["upper"])
    assert Fraction(row["bounds"]["lower"]) < exact < Fraction(row["bounds"]["upper"])


def test_a_module_is_named_like_a_file(files, capsys):
    code, out, _ = run(
        capsys, "derive", "scalarspec.latent:diagonal_gaussian_kl_to_standard", "--set", "mu=0", "--set", "logvar=0",
        "--wrt", "mu", "--wrt", "logvar",
    )  # fmt: skip
    assert (code, out.strip()) == (0, "-logvar/2 + mu**2/2 + exp(logvar)/2 - 1/2")


@pytest.mark.parametrize("name", ["keyed", "keyed_too"])
def test_what_is_not_given_in_order_keeps_its_default(files, capsys, name):
    code, out, err = run(capsys, "compare", f"specs.py:{name}", "part.npz", "--json", "--backend", "rational")
    assert (code, err) == (0, "")
    assert json.loads(out)["rational"]["value"] == ("5/4" if name == "keyed" else "5/2")


def test_the_help_tells_each_exit_code(capsys):
    with pytest.raises(SystemExit) as stopped:
        run(capsys, "--help")
    assert stopped.value.code == 0
    told = re.findall(r"^  (\d+) {2,}\S", capsys.readouterr().out, re.MULTILINE)
    assert told == ["0", "1", "2", "3", "70", "130", "141", "143"]


def test_the_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        run(capsys, "--version")
    assert (stopped.value.code, capsys.readouterr().out) == (0, f"scalarspec {metadata.version('scalarspec')}\n")


def test_progress_is_for_terminals_that_go_back_in_a_line(files, capsys, monkeypatch):
    monkeypatch.delenv("TERM", raising=False)
    words = ("bounds", "specs.py:smooth", "part.npz", "--radius", "x=1", "--method", "subdivide", "--target", "0")
    assert run(capsys, *words)[2] == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert run(capsys, *words, "--quiet")[2] == ""
    shown = run(capsys, *words)[2]
    assert re.search(r"\[#+\.*\] \d+ of 64: \[1\.\d+, \d+\.\d+\], width \d+\.\d+ *\r +\r$", shown)
    assert "\033" not in shown  # no colour, nor any other escape: NO_COLOR has nothing to forbid
    monkeypatch.setenv("TERM", "dumb")
    assert run(capsys, *words)[2] == ""


def test_the_installed_command(files):
    command = [str(Path(sys.executable).with_name("scalarspec")), "compare", "bad.py:f"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    helped = subprocess.run([command[0], "--help"], capture_output=True, text=True, check=True)
    for name in ("run", "compare", "bounds", "derive", "crosscheck", "tolerance", "ranges", "audit", "replay", "laws"):
        assert name in helped.stdout
