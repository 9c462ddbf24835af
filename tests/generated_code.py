"""Generated code as functions: Python, compiled C, and the NumPy of matrix forms."""

import ctypes
import inspect
import shutil
import subprocess

import numpy as np
import pytest

import scalarspec as ss


def compiled(text, name, folder):
    """The C function of that name."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler is called cc")
    source, library = folder / "code.c", folder / "code.so"
    source.write_text(text)
    command = ["cc", "-std=c99", "-O1", "-Wall", "-Werror", "-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run([*command, str(source), "-o", str(library), "-lm"], check=True)
    return getattr(ctypes.CDLL(str(library)), name)


def called(function, inputs, sizes):
    """What a C function of pointers to doubles writes."""
    outputs = [np.full(size, np.nan) for size in sizes]
    arrays = [*(np.ascontiguousarray(a, dtype=float) for a in inputs), *outputs]
    function(*(a.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for a in arrays))
    return outputs


def python(spec, *shapes, name="generated", **options):
    """The Python function that is generated for a spec."""
    scope = {}
    exec(ss.derive(spec, *shapes).python(name, **options), scope)
    return scope[name]


def matrices(spec, *shapes):
    """The NumPy function of a matrix form: the value, and the gradients by name."""
    scope = {}
    exec(ss.matrix_form(spec, *shapes).python("form"), scope)
    return scope["form"]


def named(spec, **shapes):
    """A spec whose parameters have these names, and the shapes."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    spec.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in shapes])
    return spec, *shapes.values()
