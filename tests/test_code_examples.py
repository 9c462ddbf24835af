"""The examples that read other libraries' code as it stands."""

import pytest

from scalarspec.examples import audit_numpy_loss, bound_torch_module, import_digit_cnn, verify_query


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


def test_a_query_is_answered(capsys):
    pytest.importorskip("onnx")
    verify_query.main()
    told = capsys.readouterr().out
    assert "small square: unsat" in told
    assert "larger one: sat" in told


def test_the_network_of_the_query_is_what_its_text_says(tmp_path):
    pytest.importorskip("onnx")
    path = tmp_path / "again.onnx"
    verify_query.written(path)
    assert path.read_bytes() == verify_query.NETWORK.read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_a_cnn_from_a_file_is_certified(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    import_digit_cnn.main()
    told = capsys.readouterr().out
    assert "stays a 0: proved" in told
    assert "rounding explains" in told
    assert "def network(p, image)" in told
