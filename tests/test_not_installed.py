"""What needs PyTorch or JAX says so where there is none, and nothing else needs them."""

import subprocess
import sys

import pytest

from scalarspec import cli
from scalarspec.cli import backends
from scalarspec.errors import NotInstalled

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
    ("name", "call"),
    [
        ("torch", 'ss.context("torch")'),
        ("torch", "ss.to_torch(ss.layers.Linear([[1.0]]))"),
        ("jax", 'ss.context("jax")'),
        ("onnx", "ss.to_onnx(ss.relu, ss.Dim(2))"),
    ],
)
def test_the_error_says_how_to_install_it(name, call):
    assert f"pip install 'scalarspec[{name}]'" in printed(REFUSED.format(name=name, call=call))


def test_neither_is_imported_unless_it_is_asked_for():
    assert printed("import sys, scalarspec; print({'torch', 'jax'} & {*sys.modules})") == "set()"


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
