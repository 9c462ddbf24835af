"""The command line fails with one clear message, whatever files, backends and arguments do."""

import json
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from command import run

from scalarspec import cli
from scalarspec.core import named_contexts

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
        broken[name] = EntryPoint(name, f"plugin_{name}:make", named_contexts.GROUP)
    monkeypatch.syspath_prepend(".")
    ours = named_contexts.registered()
    monkeypatch.setattr(named_contexts, "registered", lambda: ours | broken)
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
    monkeypatch.setattr(named_contexts, "built_in", lambda: {"rational": ""})
    monkeypatch.setattr(named_contexts, "names", lambda: ["rational", *PLUGINS])
    code, out, err = run(capsys, "laws")
    assert (code, err) == (1, "")
    assert re.search(r"^rational +\d+", out, re.MULTILINE)
    assert "backend 'fails' (plugin_fails:make) does not load: RuntimeError: no licence" in out
    assert {row["backend"] for row in json.loads(run(capsys, "laws", "--json")[1])} == {"rational", *PLUGINS}


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
