"""What runs under other processors' kernels: all tests but those of files and contexts that are named with a reason."""

import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import processors
import pytest

HERE = Path(__file__).parent
FLOATS = re.compile(r"""["'](float32|float64|interval64|rounding|fused)["']""")


def item(file, **parameters):
    """What pytest hands to `is_kernel_free`."""
    found = types.SimpleNamespace(path=HERE / f"{file}.py")
    if parameters:
        found.callspec = types.SimpleNamespace(params=parameters)
    return found


def test_a_new_file_is_run_under_every_kernel():
    free, other = object(), object()
    assert not processors.is_kernel_free(item("test_anything_new"), [free])
    assert not processors.is_kernel_free(item("test_laws", subject=other), [free])
    assert processors.is_kernel_free(item("test_laws", subject=free), [free])
    assert processors.is_kernel_free(item("test_house", name="x"), [free])


@pytest.mark.parametrize("name", processors.KERNEL_FREE)
def test_what_is_left_out_exists(name):
    assert (HERE / f"{name}.py").is_file()
    assert processors.KERNEL_FREE[name]


EXACT = [name for name, reason in processors.KERNEL_FREE.items() if reason == processors.EXACT]


@pytest.mark.parametrize("name", EXACT)
def test_exact_files_make_no_context_of_floats(name):
    assert not FLOATS.search((HERE / f"{name}.py").read_text(encoding="utf-8"))


def test_a_context_of_floats_is_noticed():
    assert FLOATS.search('ss.context("float64")')
    assert not FLOATS.search('ss.context("rational")')


def collected(*options):
    """How many tests of a file pytest chooses."""
    words = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-n", "0", *options]
    done = subprocess.run(words, cwd=HERE.parent, capture_output=True, text=True, encoding="utf-8", check=False)
    return sum(int(count) for count in re.findall(r"\.py: (\d+)$", done.stdout, re.MULTILINE))


def test_pytest_leaves_them_out():
    files = ("tests/test_terms.py", "tests/test_kinks.py")
    few, every = collected(*files, "--other-kernels"), collected(*files)
    assert 0 < few < every - collected("tests/test_terms.py") + 1


def test_the_runs(monkeypatch):
    monkeypatch.setattr(processors, "own_kernel", lambda: "SkylakeX")
    features = {**dict.fromkeys(("AVX2", "FMA3", "SSE3"), True), "AVX512F": True}
    monkeypatch.setattr(processors.numpy_core, "__cpu_features__", features)
    monkeypatch.setattr(processors.numpy_core, "__cpu_dispatch__", ["AVX2", "AVX512F"])
    built = {"Build Dependencies": {"blas": {"name": "scipy-openblas"}}}
    monkeypatch.setattr(np, "show_config", lambda mode: built)
    for variable in processors.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert processors.setups() == {
        "the machine's own": {},
        "OpenBLAS's Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
        "OpenBLAS's Prescott and NumPy's baseline": {
            "OPENBLAS_CORETYPE": "Prescott",
            "NPY_DISABLE_CPU_FEATURES": "AVX2 AVX512F",
        },
    }
    monkeypatch.setattr(processors, "own_kernel", lambda: "Haswell")
    assert processors.setups()["OpenBLAS's Haswell"] == "it is the machine's own"
    built["Build Dependencies"]["blas"]["name"] = "accelerate"
    reason = "NumPy is built on accelerate"
    monkeypatch.setattr(processors, "own_kernel", lambda: None)
    assert processors.setups() == {
        "the machine's own": {},
        "OpenBLAS's Haswell": reason,
        "NumPy's baseline": {"NPY_DISABLE_CPU_FEATURES": "AVX2 AVX512F"},
    }
