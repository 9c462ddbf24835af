"""`scalarspec prove`: verdicts, exit codes, witnesses in files."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import run

CLAIMS = """
import scalarspec as ss

def claim(x):
    return (ss.sum(x * x) <= 2) & (x[0] <= x)

def turns(x):
    return 3 * x != 1

def squares(x):
    return ss.square(x)

def edge(x):
    return ss.exp(x) - 1 >= x
"""


@pytest.fixture
def claims(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims.py").write_text(CLAIMS)
    np.savez(tmp_path / "pair.npz", x=np.array([0.0, 0.5]))
    np.savez(tmp_path / "zero.npz", x=0.0)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("claim pair.npz --vary x=0.1", 0, "proved: bounds: interval"),
        ("claim pair.npz --radius x=0.5", 1, "refuted: an exact point"),
        ("turns zero.npz --vary x=-1:1", 1, "x = 1/3"),
        ("squares pair.npz --vary x=1 --at-most 2.25 --at-least=-1/10", 0, "proved"),
        ("squares pair.npz --vary x=1 --at-most 2.2 --over x", 1, "1 proved, 1 refuted"),
        ("edge zero.npz --vary x=1 --budget 3", 3, "the search was ended by: budget"),
        ("edge zero.npz --vary x=1 --timeout 0", 3, "the search was ended by: timeout"),
    ],
)
def test_verdicts_and_exit_codes(claims, capsys, words, code, said):
    found, out, err = run(capsys, "prove", *f"claims.py:{words}".split())
    assert (found, err) == (code, "")
    assert said in out


def test_a_witness_goes_into_a_file_and_refutes_again(claims, capsys):
    asked = ("prove", "claims.py:turns", "zero.npz", "--vary", "x=-1:1")
    code, out, _ = run(capsys, *asked, "--json", "--save", "witness.npz")
    assert code == 1
    data = json.loads(out)
    assert (data["status"], data["witness"], data["output"]) == ("refuted", {"x": "1/3"}, [])
    with np.load("witness.npz", allow_pickle=False) as kept:
        assert kept["x"] == "1/3"
    again, out, _ = run(capsys, *asked, "--json", "--witness", "witness.npz")
    assert (again, json.loads(out)["witness"]) == (1, {"x": "1/3"})
    code, _, err = run(capsys, "prove", "claims.py:turns", "zero.npz", "--vary", "x=0.1", "--witness", "witness.npz")
    assert code == 2
    assert "outside of the box" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("claim pair.npz --vary x", "--vary: expected name=number or name=low:high, got 'x'"),
        ("claim pair.npz --vary x=1:", "--vary: expected name=number or name=low:high, got 'x=1:'"),
        ("claim pair.npz --vary x=1 --vary x=2", "--vary: x is given twice, as '1' and as '2'"),
        ("claim pair.npz --vary y=1", "has no parameter 'y'"),
        ("squares pair.npz --vary x=1", "or say at_most or at_least"),
        ("claim pair.npz --vary x=1 --timeout -1", "timeout: expected a number of seconds"),
        ("claim pair.npz --vary x=1 --budget 0", "budget: expected at least 1 box"),
        ("claim pair.npz --vary x=1 --save nowhere/w.npz", "save: nowhere/w.npz cannot be written: No such file"),
    ],
)
def test_bad_input_is_one_message(claims, capsys, words, said):
    code, out, err = run(capsys, "prove", *f"claims.py:{words}".split())
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_the_help_says_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        run(capsys, "prove", "--help")
    assert "3: undecided" in " ".join(capsys.readouterr().out.split())


def test_the_timeout_of_bounds(claims, capsys):
    words = ["claims.py:edge", "zero.npz", "--radius", "x=1"]
    code, _, err = run(capsys, "bounds", *words)
    assert (code, "expected it to return a Tensor" in err) == (2, True)
    words = ["claims.py:squares", "zero.npz", "--radius", "x=1", "--method", "subdivide", "--timeout", "0", "--json"]
    code, out, _ = run(capsys, "bounds", *words)
    assert (code, json.loads(out)["stopped"]) == (0, "timeout")


def test_certificates_may_share_a_file_of_constants(claims, capsys):
    asked = ("prove", "claims.py:squares", "pair.npz", "--vary", "x=1", "--at-most", "2.5")
    assert run(capsys, *asked, "--certificate", "proof.json", "--constants", "model.json")[::2] == (0, "")
    assert json.loads(Path("proof.json").read_text())["constants"][0] == "model.json"
    code, out, _ = run(capsys, "check", "proof.json")
    assert (code, out.startswith("proved in the box")) == (0, True)
    code, _, err = run(capsys, *asked, "--constants", "model.json")
    assert (code, "constants: they are of a certificate" in err) == (2, True)
