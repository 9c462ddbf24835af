"""The examples that read other libraries' code as it stands."""

import pytest

from scalarspec.examples import audit_numpy_loss, bound_torch_module


def test_the_audit_of_a_numpy_loss(capsys):
    audit_numpy_loss.main()
    told = capsys.readouterr().out
    assert "never negative: refuted" in told
    assert "audit_numpy_loss.py" in told
    assert "1e-07" in told


def test_a_module_of_torch_is_certified(capsys):
    pytest.importorskip("torch")
    bound_torch_module.main()
    told = capsys.readouterr().out
    assert "proved" in told
    assert "rounding explains" in told
