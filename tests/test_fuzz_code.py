"""A few random programs in NumPy's and PyTorch's words, and faults that they find."""

import fuzz_code
import numpy as np
import pytest

import scalarspec as ss
from scalarspec.core import literals
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Tensor
from scalarspec.frontends.numpy.functions import FUNCTIONS
from scalarspec.frontends.numpy.methods import METHODS


def differences(count, library="np"):
    programs = [(seed, fuzz_code.Program(seed)) for seed in range(count)]
    found = [fuzz_code.differs(program, seed, library) for seed, program in programs]
    return [text for text in found if text and not text.startswith("refused")]


def test_code_means_what_is_certified():
    assert not differences(150)


def test_code_of_torch_means_what_is_certified():
    pytest.importorskip("torch")
    assert not differences(100, "torch")


def test_exported_code_means_what_is_certified():
    pytest.importorskip("torch")
    assert not differences(25, "export")


def test_code_in_files_means_what_is_certified():
    pytest.importorskip("onnx")
    assert not differences(60, "onnx")


def rebinds(monkeypatch):
    """x += y makes another x, whoever else holds it."""
    for name in ("add", "sub", "mul", "truediv"):
        monkeypatch.setattr(Tensor, f"__i{name}__", getattr(Tensor, f"__{name}__"))


def has_no_views(monkeypatch):
    """Views are not marked as such."""
    monkeypatch.setattr("scalarspec.frontends.calls.VIEWS", frozenset())
    monkeypatch.setattr(Nested, "T", property(lambda t: ss.permute_dims(t, tuple(range(t.ndim))[::-1])))


def reads_decimals(monkeypatch):
    """A float in code is the decimal that it prints as."""
    monkeypatch.setattr(literals, "data_value", lambda number: literals.Fraction(str(number)))


def takes_another_deviation(monkeypatch):
    """The deviation is over n - 1."""
    monkeypatch.setitem(METHODS, "std", lambda a, axis=None, keepdims=False: ss.std(a, axis, 1, keepdims))


def clips_from_below(monkeypatch):
    """One of two limits is left out."""
    monkeypatch.setitem(FUNCTIONS, np.clip, lambda a, low, high: ss.maximum(a, low))


@pytest.mark.parametrize("fault", [rebinds, has_no_views, reads_decimals, takes_another_deviation, clips_from_below])
def test_faults_are_found(fault, monkeypatch):
    fault(monkeypatch)
    assert differences(150)
