"""The contexts that every law and every spec is tested under, a third party's among them; and shared fixtures."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from arb_backend import ArbContext
from command import USER_SPECS
from processors import KERNEL_FREE_CONTEXTS, is_kernel_free
from slow import is_slow

import scalarspec as ss

CONTEXTS = {
    "float64": ss.context("float64"),
    "float32": ss.context("float32"),
    "interval": ss.context("interval"),
    "interval24": ss.context("interval", prec=24),
    "interval113": ss.context("interval", prec=113),
    "interval64": ss.context("interval64", fast=False),
    "fused": ss.context("interval64", fast=True),
    "rounding": ss.context("rounding"),
    "rational": ss.context("rational"),
    "symbolic": ss.context("symbolic"),
    "arb": ArbContext(),
}
NATIVE = ["torch", "jax"]
"""The contexts of other libraries' arrays, each called as the package that it needs."""
CONTEXTS |= {name: ss.context(name) for name in NATIVE if find_spec(name)}
EXACT = ["rational", "symbolic"]
ENCLOSING = ["interval", "interval24", "interval113", "interval64", "fused", "rounding", "arb"]
WITH_EXP = [name for name in CONTEXTS if name != "rational"]
"""The contexts in which exp of a rational number has a value."""


def pytest_addoption(parser):
    """What `make processors` asks for."""
    shown = "leave out what tests/processors.py says that no kernel of BLAS or NumPy can change"
    parser.addoption("--other-kernels", action="store_true", help=shown)


def pytest_collection_modifyitems(config, items):
    """Tests marked `posix` run where there are signals, pipes and limits; what takes long is marked, and what no kernel
    changes may be left out.
    """
    for item in items:
        if is_slow(item):
            item.add_marker(pytest.mark.slow)
    if sys.platform == "win32":
        without = pytest.mark.skip(reason="Windows has none of these signals, pipes and limits")
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(without)
    if config.getoption("--other-kernels"):
        contexts = [CONTEXTS[name] for name in KERNEL_FREE_CONTEXTS]
        free = [item for item in items if is_kernel_free(item, contexts)]
        config.hook.pytest_deselected(items=free)
        items[:] = [item for item in items if not is_kernel_free(item, contexts)]


def pytest_generate_tests(metafunc):
    """Tests with a `context` argument run under all contexts; `exact` and `enclosing` under those that are."""
    for argument, names in {"context": list(CONTEXTS), "exact": EXACT, "enclosing": ENCLOSING}.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, [CONTEXTS[name] for name in names], ids=names)


@pytest.fixture
def rational():
    return CONTEXTS["rational"]


@pytest.fixture
def interval():
    return CONTEXTS["interval"]


@pytest.fixture
def float64():
    return CONTEXTS["float64"]


@pytest.fixture
def symbolic():
    return CONTEXTS["symbolic"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of a user's specs and inputs, good ones and bad ones, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("specs.py").write_text(USER_SPECS)
    Path("bad.py").write_text("import does_not_exist\n")
    Path("syntax.py").write_text("def f(:\n")
    Path("hooked.py").write_text("def __getattr__(name):\n    raise RuntimeError('no')\n")
    Path("text.npz").write_text("not an archive")
    np.savez("in.npz", x=np.array([0.5, 2.0]), target=np.array([0.0, 1.0]), idx=1)
    np.savez("part.npz", x=np.array([0.5, 2.0]))
    np.savez("nan.npz", x=np.array([np.nan, 2.0]), target=np.array([0.0, 1.0]))
    np.savez("far.npz", x=np.array([1000.0]))
    np.savez("shapes.npz", x=np.array([1.0]), target=np.array([0.0, 1.0]))


@pytest.fixture
def only_linear(monkeypatch):
    """One evaluation is as tight on some specs, and would hide a mistake."""
    monkeypatch.setattr("scalarspec.bounding.methods.narrowed", lambda context, t, ends: context.box(*ends))
