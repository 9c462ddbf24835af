"""The command line: what it prints, its exit codes, and one clear message for each bad input."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from fractions import Fraction
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from scalarspec import cli
from scalarspec.core import registry

SPECS = '''
import numpy as np
import scalarspec as ss

def loss(x, target, beta=1):
    """A quadratic."""
    return ss.loss.mse(x, target) * beta

def smooth(x):
    return ss.mean(ss.exp(x))

def in_numpy(x):
    return np.mean(np.exp(x))

def off(x):
    return np.mean(np.exp(x)) * 1.000001

def pick(x, idx):
    return x[idx]

def lossy(x):
    return ss.log(ss.exp(x))

def broken(x):
    return x.no_such_thing

def _hidden(x):
    return x
'''


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("specs.py").write_text(SPECS)
    Path("bad.py").write_text("import does_not_exist\n")
    Path("syntax.py").write_text("def f(:\n")
    Path("text.npz").write_text("not an archive")
    np.savez("in.npz", x=np.array([0.5, 2.0]), target=np.array([0.0, 1.0]), idx=1)
    np.savez("part.npz", x=np.array([0.5, 2.0]))
    np.savez("nan.npz", x=np.array([np.nan, 2.0]), target=np.array([0.0, 1.0]))
    np.savez("far.npz", x=np.array([1000.0]))
    np.savez("shapes.npz", x=np.array([1.0]), target=np.array([0.0, 1.0]))


def run(capsys, *argv):
    code = cli.main(argv)
    out, err = capsys.readouterr()
    return code, out, err


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

    proper = enclose._summary

    def outside(model, radius, parts):
        """The lower bound at the upper one."""
        raised = [([(plain, high, high, *rest) for plain, _, high, *rest in rows], t) for rows, t in parts]
        return proper(model, radius, raised)

    monkeypatch.setattr(enclose, "_summary", outside)
    assert run(capsys, "enclose", "--count", "1", "--radius", "0.01")[0] == 1


WIDE = """
import numpy as np
import scalarspec as ss

rng = np.random.default_rng(0)
layers = [ss.layers.Linear(rng.normal(size=(m, n)), rng.normal(size=m)) for n, m in ((6, 16), (16, 2))]


def out(x):
    return ss.tanh(layers[1](ss.tanh(layers[0](x))))
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_prints_what_is_known_and_a_checkpoint_keeps_it(tmp_path, workers):
    (tmp_path / "wide.py").write_text(WIDE)
    np.savez(tmp_path / "x.npz", x=np.zeros(6))
    command = "from scalarspec.cli import main; raise SystemExit(main())"
    job = ["bounds", "wide.py:out", "x.npz", "--radius", "x=1", "--method", "subdivide", "--checkpoint", "kept"]
    given = [sys.executable, "-c", command, *job, "--workers", workers, "--budget"]
    process = subprocess.Popen(
        [*given, "1000000"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    kept, until = tmp_path / "kept", time.monotonic() + 60
    while not (kept.exists() and len(kept.read_text().splitlines()) > 12) and time.monotonic() < until:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "interrupted" in out
    lines = kept.read_text().splitlines()
    again = subprocess.run([*given, "8"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert "8 boxes" in again.stdout
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
    assert (code, "35 proved, in" in out) == (0, True)
    code, out, _ = run(capsys, "theory", "--controls", "--steps")
    assert (code, out.count("refuted: "), "rhs = " in out) == (0, 35, True)
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


def test_a_crosscheck_replays(files, capsys):
    for actual in ("specs.py:in_numpy", "float64"):
        argv = ("crosscheck", "specs.py:smooth", "in.npz", "--actual", actual)
        Path("record.json").write_text(run(capsys, *argv, "--json")[1])
        code, out, _ = run(capsys, "replay", "record.json", *argv[1:])
        assert code == 0, out
        assert out.startswith("the same float, the same certificate, the same stages; the same names, texts, inputs")
    np.savez("in.npz", x=np.array([0.5, 2.0000001]))
    code, out, _ = run(capsys, "replay", "record.json", *argv[1:])
    assert (code, "inputs: x: " in out, "enclosure: lower" in out) == (1, True, True)


def recorded(capsys, *more):
    """A record of a cross-check, and what to write to replay it."""
    argv = ("specs.py:smooth", "in.npz", "--actual", "specs.py:in_numpy", *more)
    Path("record.json").write_text(run(capsys, "crosscheck", *argv, "--json")[1])
    return json.loads(Path("record.json").read_text()), ("replay", "record.json", *argv)


def leaves(value, path=()):
    """The paths of all numbers, texts and empty things that a record holds."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for key, inner in items for leaf in leaves(inner, (*path, key))]
    return found or [path]


def test_a_replay_tells_each_change_of_a_record(files, capsys):
    """Every name, version, hash, figure, stage: whatever the record states."""
    record, argv = recorded(capsys, "--max-ulps", "3")
    paths = [path for path in leaves(record) if path != ("seconds",)]
    assert {path[0] for path in paths} == set(record) - {"seconds"}
    assert len(paths) > 30
    for path in paths:
        changed = json.loads(json.dumps(record))
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = ["y=1"] if path[-1] == "set" else "1/7" if path[0] == "command" else True
        Path("record.json").write_text(json.dumps(changed))
        code, out, err = run(capsys, *argv)
        assert (code, err) == (1, ""), path
        shown = ".".join(key for key in path if isinstance(key, str))
        assert path[-1] in out or shown in out or path[0] in out


def test_a_replay_tells_what_was_added_and_what_was_left_out(files, capsys):
    record, argv = recorded(capsys)
    for name in sorted(set(record) - {"command", "seconds"}):
        Path("record.json").write_text(json.dumps({key: value for key, value in record.items() if key != name}))
        code, out, _ = run(capsys, *argv)
        assert (code, f"{name}: nothing then" in out) == (1, True)
    Path("record.json").write_text(json.dumps(record | {"reviewed": "yes", "stages": record["stages"][:-1]}))
    assert "reviewed: yes then, nothing now" in run(capsys, *argv)[1]
    assert "stages" in run(capsys, *argv)[1]


def test_a_replay_tells_that_a_text_was_changed(files, capsys):
    Path("helping.py").write_text("def helped(x):\n    return x\n")
    Path("specs.py").write_text(f"from helping import helped\n{Path('specs.py').read_text()}")
    _, argv = recorded(capsys)
    assert run(capsys, *argv)[0] == 0
    for name in ("specs.py", "helping.py"):
        before = Path(name).read_text()
        Path(name).write_text(f"{before}\n# changed\n")
        code, out, _ = run(capsys, *argv)
        assert (code, f"texts: spec.{name}: " in out, f"texts: actual.{name}: " in out) == (1, True, True)
        Path(name).write_text(before)


def test_a_replay_tells_that_another_command_was_given(files, capsys):
    Path("other.py").write_text(Path("specs.py").read_text())
    Path("in2.npz").write_bytes(Path("in.npz").read_bytes())
    recorded(capsys)
    code, out, _ = run(capsys, "replay", "record.json", "other.py:smooth", "in2.npz", "--actual", "other.py:in_numpy")
    assert code == 1
    for name, then, now in (("spec", "specs.py:smooth", "other.py:smooth"), ("inputs", "in.npz", "in2.npz")):
        assert f"command: {name}: {then} then, {now} now" in out
    given = ("specs.py:smooth", "in.npz")
    code, out, _ = run(capsys, "replay", "record.json", *given, "--actual", "float64", "--max-ulps", "2")
    assert (code, "command: actual: " in out, "command: max_ulps: None then, 2 now" in out) == (1, True, True)


def test_a_replay_runs_and_reads_nothing_that_was_not_named(files, capsys):
    Path("evil.py").write_text("open('ran', 'w').close()\ndef f(x):\n    return x\n")
    record, argv = recorded(capsys)
    Path("record.json").write_text(json.dumps(record | {"command": record["command"] | {"spec": "evil.py:f"}}))
    code, out, err = run(capsys, "replay", "record.json")
    assert (code, out) == (2, "")
    assert "write: scalarspec replay record.json evil.py:f in.npz --actual specs.py:in_numpy" in err
    assert "command: spec: evil.py:f then, specs.py:smooth now" in run(capsys, *argv)[1]
    for changed, told in (({"actual": "evil.py:f"}, "actual: "), ({"inputs": "evil.npz"}, "inputs: ")):
        Path("record.json").write_text(json.dumps(record | {"command": record["command"] | changed}))
        given = argv[:4] if "actual" in changed else (*argv[:3], *argv[4:])
        code, out, err = run(capsys, *given)
        assert (code, out, told in err) == (2, "", True)
    Path("record.json").write_text(json.dumps(record | {"command": record["command"] | {"actual": "plugin"}}))
    assert "actual: a record runs and reads nothing by itself" in run(capsys, *argv[:4])[2]
    assert not Path("ran").exists()


@pytest.mark.parametrize("command", [[], {}, None, {"spec": 1}, {"spec": ["a"], "inputs": {}, "actual": True}, "x"])
def test_what_is_no_record_is_refused(files, capsys, command):
    record, argv = recorded(capsys)
    changed = command if not isinstance(command, dict) else record["command"] | command if command else command
    Path("record.json").write_text(json.dumps(record | {"command": changed}))
    code, out, err = run(capsys, *argv)
    assert (code, out) == (2, "")
    assert "is not what 'crosscheck --json' printed" in err
    Path("record.json").write_text("[" * 100_000)
    assert run(capsys, *argv)[0] == 2


# ---- what exits -----------------------------------------------------------------------------------------------------

EXITS = {
    "sys.exit": "sys.exit(0)",
    "exit code 3": "sys.exit(3)",
    "SystemExit": "raise SystemExit",
    "quiet": "sys.exit()",
}
EXITS |= {"another end": "raise type('Stop', (BaseException,), {})('no')"}


@pytest.mark.parametrize("way", EXITS)
def test_a_file_that_exits_is_a_failure(files, capsys, way):
    Path("loads.py").write_text(f"import sys\n{EXITS[way]}\ndef f(x):\n    return x\n")
    Path("runs.py").write_text(f"import sys\ndef f(x):\n    {EXITS[way]}\n")
    Path("losses.py").write_text(f"import sys\ndef f(mu, logvar):\n    {EXITS[way]}\n")
    for argv in (
        ("compare", "loads.py:f", "in.npz"),
        ("compare", "runs.py:f", "in.npz"),
        ("bounds", "runs.py:f", "in.npz", "--radius", "x=1"),
        ("crosscheck", "specs.py:smooth", "in.npz", "--actual", "loads.py:f"),
        ("crosscheck", "specs.py:smooth", "in.npz", "--actual", "runs.py:f"),
        ("derive", "runs.py:f", "in.npz"),
        ("tolerance", "runs.py:f", "in.npz", "--radius", "x=1"),
        ("audit", "loads.py:f", "--kind", "gaussian-kl"),
        ("audit", "losses.py:f", "--kind", "gaussian-kl"),
    ):
        code, out, err = run(capsys, *argv)
        assert (code, out, err.count("\n")) == (2, "", 1), argv
        assert err.startswith("scalarspec: error: ")


PLUGINS = {
    "exits": "import sys\nsys.exit(0)\n",
    "fails": "raise RuntimeError('no licence')\n",
    "gone": None,
    "none": "make = lambda: None\n",
    "wants": "def make(more):\n    return more\n",
    "stops": "import sys\ndef make():\n    sys.exit()\n",
}


@pytest.fixture
def plugins(files, monkeypatch):
    """Third-party backends, each broken in its way, beside ours."""
    broken = {}
    for name, text in PLUGINS.items():
        if text is not None:
            Path(f"plugin_{name}.py").write_text(text)
        broken[name] = EntryPoint(name, f"plugin_{name}:make", registry.GROUP)
    monkeypatch.syspath_prepend(".")
    ours = registry._entries()
    monkeypatch.setattr(registry, "_entries", lambda: ours | broken)
    return broken


@pytest.mark.parametrize("name", PLUGINS)
def test_a_broken_backend_fails_by_name_where_it_is_asked_for(plugins, capsys, name):
    for argv in (
        ("compare", "specs.py:smooth", "in.npz", "--backend", name),
        ("crosscheck", "specs.py:smooth", "in.npz", "--actual", name),
        ("laws", "--backend", name),
    ):
        code, _, err = run(capsys, *argv)
        assert (code, repr(name) in err, err.count("\n")) == (2, True, 1)
    assert run(capsys, "compare", "specs.py:smooth", "in.npz")[0] == 0


def test_broken_backends_do_not_take_the_lists_down(plugins, capsys, monkeypatch):
    code, out, err = run(capsys, "backends")
    assert (code, err) == (0, "")
    for name in PLUGINS:
        assert re.search(rf"^{name} +broken +.*'{name}'", out, re.MULTILINE)
    assert re.search(r"^float64 +rounds", out, re.MULTILINE)
    monkeypatch.setattr(registry, "BUILT_IN", {"rational": ""})
    monkeypatch.setattr(registry, "names", lambda: ["rational", *PLUGINS])
    code, out, err = run(capsys, "laws")
    assert (code, err) == (1, "")
    assert re.search(r"^rational +\d+", out, re.MULTILINE)
    assert "backend 'fails' (plugin_fails:make) does not load: RuntimeError: no licence" in out
    assert {row["backend"] for row in json.loads(run(capsys, "laws", "--json")[1])} == {"rational", *PLUGINS}


def test_crosscheck_writes_a_page(files, capsys):
    pytest.importorskip("matplotlib")
    argv = ("crosscheck", "specs.py:smooth", "in.npz", "--html", "page.html")
    assert run(capsys, *argv)[0] == 0
    assert "<h1>Cross-check of smooth in float64</h1>" in Path("page.html").read_text(encoding="utf-8")


def test_tolerance_and_ranges(files, capsys):
    argv = ("specs.py:smooth", "in.npz", "--radius", "x=1/10")
    code, out, _ = run(capsys, "tolerance", *argv, "--dtype", "float32", "--splits", "8", "--json")
    assert (code, json.loads(out)["dtype"]) == (0, "float32")
    assert 0 < json.loads(out)["absolute"] < 1e-4
    assert run(capsys, "tolerance", *argv, "--libm", "1", "--inputs-are", "exact")[0] == 0
    assert run(capsys, "ranges", *argv)[:2] == (0, "no operation of 2 can leave the range of float64\n")
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
    assert len(json.loads(run(capsys, "backends", "--json")[1])) == 7


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


BAD_INPUT = {
    "no backend is called 'octonion'; there are float64, float32, interval, interval64, rounding, rational, symbolic": "compare specs.py:loss in.npz --backend octonion",
    "loss needs an argument 'target'; the .npz file and --set give x": "compare specs.py:loss part.npz",
    "loss needs an argument 'x'; the .npz file and --set give nothing": "compare specs.py:loss",
    "there is no file none.npz": "compare specs.py:loss none.npz",
    "text.npz is not an .npz file of numbers": "compare specs.py:loss text.npz",
    "specs.py is not an .npz file of numbers": "compare specs.py:loss specs.py",
    "bad.py does not import: ModuleNotFoundError: No module named 'does_not_exist' (bad.py, line 1)": "compare bad.py:f",
    "syntax.py does not import: SyntaxError": "compare syntax.py:f",
    "there is no file none.py": "compare none.py:f",
    "no.such.module does not import": "compare no.such.module:f",
    "specs.py has no function 'los'; it has loss, smooth, in_numpy, off, pick, lossy, broken": "compare specs.py:los",
    "expected file.py:function or module:function, got 'specs.py'": "compare specs.py",
    "specs.py:broken failed: AttributeError": "compare specs.py:broken in.npz",
    "mse: shapes (1,) and (2,) differ": "compare specs.py:loss shapes.npz",
    "nan is not a real number": "bounds specs.py:loss nan.npz --radius target=1",
    "loss has no parameter 'z'; it has x, target, beta": "bounds specs.py:loss in.npz --radius z=1",
    "expected an enclosing context such as 'interval', got 'rational'": "bounds specs.py:loss in.npz --radius x=1 --backend rational",
    "--radius: expected name=number, got 'x'": "bounds specs.py:loss in.npz --radius x",
    "expected a number such as '0.1' or '1/3', got the string 'wide'": "bounds specs.py:loss in.npz --radius x=wide",
    "--set: expected name=value, got 'beta'": "compare specs.py:loss in.npz --set beta",
    "prec: expected a number of bits from 2 to 100000, got 1": "compare specs.py:loss in.npz --prec 1",
    "expected a float context, got 'rational'": "crosscheck specs.py:loss in.npz --actual rational",
    "no format is called 'half'; there are float64": "crosscheck specs.py:smooth in.npz --dtype half",
    "max_ulps: expected a number >= 0, got 'few'": "crosscheck specs.py:smooth in.npz --max-ulps few",
    "actual: specs.py has no function 'gone'": "crosscheck specs.py:smooth in.npz --actual specs.py:gone",
    "actual: specs.py:broken failed: AttributeError": "crosscheck specs.py:smooth in.npz --actual specs.py:broken",
    "html: none/page.html cannot be written: No such file or directory": "crosscheck specs.py:smooth in.npz --html none/page.html",
    "record: specs.py is not what 'crosscheck --json' printed": "replay specs.py",
    "record: none.json is not what 'crosscheck --json' printed": "replay none.json",
    "splits: expected an integer >= 0, got -1": "tolerance specs.py:smooth in.npz --radius x=1 --splits -1",
    "kind: there is none called 'gan'": "audit specs.py:in_numpy --kind gan",
    "function: expected one of (mu, logvar) for 'gaussian-kl', got (x)": "audit specs.py:in_numpy --kind gaussian-kl",
    "pick has no parameter 'y'; it has x, idx": "derive specs.py:pick in.npz --wrt y",
    "prec: expected 'interval' among the backends, got interval64": "bounds specs.py:smooth in.npz --radius x=1 --backend interval64 --prec 60",
    "operations are more than max_operations = 3": "derive specs.py:smooth in.npz --wrt x --max-operations 3",
    "digit: expected a number from 0 to 99, got 100": "run --digit 100",
    "count: expected a number from 1 to 100, got 0": "run --count 0",
}


@pytest.mark.parametrize("message", BAD_INPUT)
def test_bad_input_gets_one_clear_message(files, capsys, message):
    code, out, err = run(capsys, *BAD_INPUT[message].split())
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("scalarspec: error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [[], ["fly"], ["bounds", "specs.py:loss"], ["run", "--digit", "x"]])
def test_bad_usage_is_exit_code_2(files, capsys, argv):
    with pytest.raises(SystemExit) as stopped:
        cli.main(argv)
    assert stopped.value.code == 2
    assert "usage: scalarspec" in capsys.readouterr().err


def test_the_installed_command(files):
    command = [str(Path(sys.executable).with_name("scalarspec")), "compare", "bad.py:f"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    helped = subprocess.run([command[0], "--help"], capture_output=True, text=True, check=True)
    for name in ("run", "compare", "bounds", "derive", "crosscheck", "tolerance", "ranges", "audit", "replay", "laws"):
        assert name in helped.stdout
