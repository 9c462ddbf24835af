"""The command line fails with one clear message, whatever files, backends and arguments do."""

import json
import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from command import run

from scalarspec import cli
from scalarspec.core import named_contexts
from scalarspec.errors import NotSupported

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
    "raises": "class make:\n    name = 'raises'\n    arrays = None\n    encloses = True\n"
    "    @property\n    def exact(self):\n        raise RuntimeError('no licence')\n",
    "untold": "import sys\nclass Silent:\n    def __getattr__(self, name):\n        raise RuntimeError(name)\n"
    "sys.modules[__name__] = Silent()\n",
}


@pytest.fixture
def plugins(files, monkeypatch):
    """Third-party backends, each broken in its way, beside ours."""
    broken = {}
    for name, text in PLUGINS.items():
        if text is not None:
            Path(f"plugin_{name}.py").write_text(text)
        broken[name] = EntryPoint(name, f"plugin_{name}:make", named_contexts.GROUP)
    broken["no name"] = EntryPoint("no name", "= what? :", named_contexts.GROUP)
    monkeypatch.syspath_prepend(".")
    ours = named_contexts.registered()
    monkeypatch.setattr(named_contexts, "registered", lambda: ours | broken)
    yield broken
    for name in PLUGINS:  # one of them breaks whoever looks through all modules, as hypothesis does
        sys.modules.pop(f"plugin_{name}", None)


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
    for name in plugins:
        assert re.search(rf"^{name} +broken +.*'{name}'", out, re.MULTILINE)
    assert re.search(r"^float64 +rounds", out, re.MULTILINE)
    monkeypatch.setattr(named_contexts, "built_in", lambda: {"rational": ""})
    monkeypatch.setattr(named_contexts, "names", lambda: ["rational", *plugins])
    code, out, err = run(capsys, "laws")
    assert (code, err) == (1, "")
    assert re.search(r"^rational +\d+", out, re.MULTILINE)
    assert "backend 'fails' (plugin_fails:make) does not load: RuntimeError: no licence" in out
    assert {row["backend"] for row in json.loads(run(capsys, "laws", "--json")[1])} == {"rational", *plugins}


LAWLESS = """
import sys
from scalarspec.backends.rational import RationalContext

class make(RationalContext):
    def exp(self, x):
        sys.exit(0)
"""


def test_a_backend_that_ends_the_program_in_a_law_is_broken(files, capsys, monkeypatch):
    Path("plugin_lawless.py").write_text(LAWLESS)
    monkeypatch.syspath_prepend(".")
    entry = EntryPoint("lawless", "plugin_lawless:make", named_contexts.GROUP)
    monkeypatch.setattr(named_contexts, "registered", lambda: {"lawless": entry})
    code, out, err = run(capsys, "laws", "--backend", "lawless")
    assert (code, err) == (1, "")
    assert "backend 'lawless' fails where it is asked what it obeys: SystemExit: 0" in out


def installed(name, text):
    """A distribution that is found where the path leads, with that list of entry points."""
    folder = Path("site", f"{name}-1.0.dist-info")
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_bytes(text)


@pytest.fixture
def site(files, monkeypatch):
    """A folder of distributions that are installed."""
    monkeypatch.syspath_prepend("site")
    for cached in (named_contexts.registered, named_contexts.of_others):
        cached.cache_clear()
        monkeypatch.setattr(named_contexts, cached.__name__, cached.__wrapped__)


@pytest.mark.parametrize(
    "text", [b"[scalarspec.backends]\nno equals sign\n", b"\xff\xfe", b"[scalarspec.backends\n= =\n", b""]
)
def test_a_distribution_that_is_broken_takes_nobody_down(site, capsys, text):
    installed("broken", text)
    installed("whole", b"[scalarspec.backends]\nmine = scalarspec.backends.rational:RationalContext\n")
    code, out, err = run(capsys, "backends")
    assert (code, err) == (0, "")
    assert re.search(r"^mine +exact", out, re.MULTILINE)
    assert run(capsys, "compare", "specs.py:smooth", "part.npz")[0] == 0


def test_a_backend_that_is_registered_twice_is_refused_by_name(site, capsys):
    for name in ("one", "two"):
        installed(name, f"[scalarspec.backends]\nmine = {name}:make\nrational = {name}:make\n".encode())
    code, _, err = run(capsys, "compare", "specs.py:smooth", "part.npz", "--backend", "mine")
    assert (code, "backend 'mine' is registered more than once: " in err) == (2, True)
    assert run(capsys, "compare", "specs.py:smooth", "part.npz", "--backend", "rational")[0] == 0  # ours
    installed("three", b"[scalarspec.backends]\nalone = scalarspec.backends.rational:RationalContext\n")
    installed("again", b"[scalarspec.backends]\nalone = scalarspec.backends.rational:RationalContext\n")
    assert run(capsys, "compare", "specs.py:smooth", "part.npz", "--backend", "alone")[0] == 0


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
    "specs.py has no function 'los'; it has loss, smooth, in_numpy, off, pick, lossy, keyed, in_lines, broken": "compare specs.py:los",
    "expected file.py:function or module:function, got 'specs.py'": "compare specs.py",
    "specs.py:broken failed: AttributeError": "compare specs.py:broken in.npz",
    "mse: shapes (1,) and (2,) differ": "compare specs.py:loss shapes.npz",
    "nan is not a real number": "bounds specs.py:loss nan.npz --radius target=1",
    "loss has no parameter 'z'; it has x, target, beta": "bounds specs.py:loss in.npz --radius z=1",
    "expected an enclosing context such as 'interval', got 'rational'": "bounds specs.py:loss in.npz --radius x=1 --backend rational",
    "--vary: specs.py:loss says no box of its own": "bounds specs.py:loss in.npz",
    "--vary: expected name=number or name=low:high, got 'x'": "bounds specs.py:loss in.npz --radius x",
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
    "count: expected a number from 1 to 100, got -1": "certify --count -1",
    "count: expected a number from 1 to 1797, got 0": "sweep --count 0",
    "count: expected a number from 1 to 1797, got 100000": "enclose --count 100000",
    "--workers: expected a number from 1 to": "enclose --count 1 --workers 100000",
    ", got 0": "bounds specs.py:smooth in.npz --radius x=1 --workers 0",
    ", got -1": "bounds specs.py:smooth in.npz --radius x=1 --workers -1",
    "budget: expected at least 1 box, got 0": "bounds specs.py:smooth in.npz --radius x=1 --budget 0",
    "libm: expected a number of ulps >= 0, got -4": "tolerance specs.py:smooth in.npz --radius x=1 --libm -4",
    "--set: specs.py:loss has no parameter 'bta'; it has x, target, beta": "compare specs.py:loss in.npz --set bta=1",
    "--set: beta is given twice, as '1' and as '2'": "compare specs.py:loss in.npz --set beta=1 --set beta=2",
    "--vary: x is given twice, as '1' and as '2'": "bounds specs.py:smooth in.npz --radius x=1 --radius x=2",
    "expected each backend once, got rational, rational": "compare specs.py:loss in.npz --backend rational --backend rational",
    "plot: . cannot be written: Is a directory": "bounds specs.py:smooth in.npz --radius x=1 --plot .",
    "plot: none/a.png cannot be written: No such file": "bounds specs.py:smooth in.npz --radius x=1 --plot none/a.png",
    "plot: expected a file whose ending says the format": "bounds specs.py:smooth in.npz --radius x=1 --plot picture",
    "html: .. cannot be written: Is a directory": "crosscheck specs.py:smooth in.npz --html ..",
    "inputs: /dev/zero is no regular file": "compare specs.py:loss /dev/zero",
    "record: /dev/zero is too large for a record; at most 67108864 bytes are read": "replay /dev/zero",
    "checkpoint: cannot use /dev/full": "bounds specs.py:smooth in.npz --radius x=1 --checkpoint /dev/full",
    "spec: the parameters of builtins:max cannot be told": "compare builtins:max in.npz",
    "specs.py:in_lines failed: ValueError: one two (specs.py, line": "compare specs.py:in_lines in.npz",
    "--set: specs.py:keyed has no parameter 'beta'; it has x": "compare specs.py:keyed in.npz --set beta=2",
    "hooked.py does not import: RuntimeError: no": "compare hooked.py:f",
}


def marked(message):
    """A message, of POSIX systems alone where it says what these have, or what they say themselves."""
    of_posix = any(part in message for part in ("/dev/", "cannot be written"))
    return pytest.param(message, marks=pytest.mark.posix) if of_posix else message


@pytest.mark.parametrize("message", [marked(message) for message in BAD_INPUT])
def test_bad_input_gets_one_clear_message(files, capsys, message):
    code, out, err = run(capsys, *BAD_INPUT[message].split())
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("scalarspec: error: ")
    assert err.count("\n") == 1


def test_what_cannot_be_drawn_in_the_end_does_not_lose_the_bounds(files, capsys, monkeypatch):
    def full(*_):
        raise NotSupported("plot: needs matplotlib")

    monkeypatch.setattr("scalarspec.bounding.bounds.draw", full)
    argv = ("bounds", "specs.py:smooth", "part.npz", "--radius", "x=1", "--plot", "a.png", "--quiet")
    code, out, err = run(capsys, *argv)
    assert (code, err) == (2, "scalarspec: error: plot: needs matplotlib\n")
    assert "attained" in out


def test_a_fault_of_ours_is_no_failed_check(files, capsys, monkeypatch):
    def fails(*_, **__):
        raise KeyError("lost")

    monkeypatch.setattr("scalarspec.cli.evaluations.compare", fails)
    code, out, err = run(capsys, "compare", "specs.py:smooth", "part.npz")
    assert (code, out) == (70, "")
    assert "wants a report" in err
    assert err.endswith("KeyError: 'lost'\n")


USAGE = [[], ["fly"], ["run", "--digit", "x"], ["run", "--digit", "1", "--digit", "2"]]
USAGE += [["run", "--cou", "1"], ["run", "--workers", "2"], ["enclose", "--budget", "1", "--budget", "1"]]


@pytest.mark.parametrize("argv", USAGE)
def test_bad_usage_is_exit_code_2(files, capsys, argv):
    with pytest.raises(SystemExit) as stopped:
        cli.main(argv)
    assert stopped.value.code == 2
    assert "usage: scalarspec" in capsys.readouterr().err
