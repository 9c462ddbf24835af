"""What needs PyTorch, JAX or packages for files says so where there is none, and nothing else needs them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scalarspec import cli
from scalarspec.cli import backends
from scalarspec.errors import NotInstalled

EXAMPLES = Path(__file__).parent.parent / "examples"
REFUSED = """
import sys
sys.modules[{name!r}] = None
import scalarspec as ss
try:
    {call}
except ss.errors.NotInstalled as error:
    print(error)
"""


def printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "extra", "call"),
    [
        ("torch", "torch", 'ss.context("torch")'),
        ("torch", "torch", "ss.to_torch(ss.layers.Linear([[1.0]]))"),
        ("torch", "torch", "ss.from_torch(None)"),
        ("jax", "jax", 'ss.context("jax")'),
        ("onnx", "onnx", "ss.to_onnx(ss.relu, ss.Dim(2))"),
        ("onnx", "onnx", "ss.from_onnx(b'')"),
        ("vnnlib", "onnx", "ss.verify(ss.relu, 'examples/square.vnnlib')"),
        ("safetensors", "weights", "ss.load_weights({'a': (2,)}, 'examples/square.npz.safetensors')"),
    ],
)
def test_the_error_says_how_to_install_it(name, extra, call, tmp_path, monkeypatch):
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    (tmp_path / "examples" / "square.npz.safetensors").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert f"pip install 'scalarspec[{extra}]'" in printed(REFUSED.format(name=name, call=call))


def test_none_is_imported_unless_it_is_asked_for():
    extras = "{'torch', 'jax', 'onnx', 'onnxruntime', 'vnnlib', 'safetensors'}"
    assert printed(f"import sys, scalarspec; print({extras} & {{*sys.modules}})") == "set()"


def test_the_command_goes_on_without_them(monkeypatch, capsys):
    def absent(name, **parameters):
        raise NotInstalled(f"context({name!r}) needs a package")

    asked = backends.contexts
    monkeypatch.setattr(
        backends,
        "contexts",
        lambda names, prec: [absent(n) for n in names] if names != ["interval"] else asked(names, prec),
    )
    assert cli.main(["laws", "--json"]) == 0
    assert '"not installed": "context(\'torch\') needs a package"' in capsys.readouterr().out
    assert cli.main(["laws", "--backend", "torch"]) != 0
