"""Certificates of bounds and proofs: what they prove, beside what the search found, and what has none."""

import json
import pickle
from fractions import Fraction

import certified
import command
import fuzz_certificates
import numpy as np
import pytest

import scalarspec as ss
from scalarspec import check, conformance
from scalarspec.certificates import lowered, write
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.examples import digits


def ends_of(certificate):
    """The bounds that a certificate claims of each output."""
    low, high = {}, {}
    for said, i, n, d in certificate["claim"][1:]:
        (low if said == "at least" else high)[i] = Fraction(n, d)
    return [(low[i], high[i]) for i in range(len(low))]


def checked(certificate):
    """What the checker says of it, as JSON that was written and read."""
    return check.checked(json.dumps(certificate))


@pytest.mark.parametrize("name", certified.SPECS)
def test_bounds_are_proved_and_nearly_as_good_as_those_of_the_search(name):
    whole = certified.certificate_of(name, radius="1/16")
    assert checked(whole).startswith("proved in the box, in 1 part")
    assert not certified.refuted(whole)
    found = ss.bounds(certified.SPECS[name], certified.CENTRE, vary={"x": ss.ball("1/16")})
    pairs = zip(ends_of(whole), np.ravel(found.lower), np.ravel(found.upper), strict=True)
    for (low, high), least, most in pairs:
        inner = ss.bounds(certified.SPECS[name], certified.CENTRE, vary={"x": ss.ball("1/16")}).inner
        assert low <= np.max(inner[1])
        assert high - low <= (most - least) * Fraction(3, 2) + Fraction(1, 2**60)


@pytest.mark.parametrize("name", certified.CLAIMS)
def test_claims_are_proved(name):
    assert checked(certified.certificate_of(name)).startswith("proved in the box")


def test_more_parts_prove_more():
    widths = []
    for budget in (1, 8):
        found = ss.bounds(
            certified.SPECS["cross-entropy"],
            certified.CENTRE,
            vary={"x": ss.ball("0.25")},
            method="subdivide",
            budget=budget,
        )
        whole = found.certificate()
        assert budget / 2 < found.boxes <= budget
        assert f"in {found.boxes} part" in checked(whole)
        ((low, high),) = ends_of(whole)
        widths.append(high - low)
    assert widths[1] < widths[0] * Fraction(9, 10)


def test_kinks_of_inputs_are_split_as_others_are():
    found = ss.bounds(
        lambda x: ss.sum(ss.relu(ss.matmul(certified.WEIGHT, ss.relu(x)))),
        [0, 0],
        vary={"x": ss.ball(1)},
        method="subdivide",
        budget=8,
    )
    assert found.boxes == 8
    assert "in 8 parts" in checked(found.certificate())


def test_claims_that_need_parts_have_trees():
    proof = ss.prove(
        lambda x: x[0] * x[0] - x[0] * x[1] + x[1] * x[1] >= "-1/100", [0, 0], vary={"x": ss.ball(1)}, budget=4096
    )
    assert proof.proved
    whole = proof.certificate()
    assert proof.boxes > 1
    assert "in 1 part" not in checked(whole)


def test_splits_at_kinks_are_splits_of_values():
    weights = np.round(np.random.default_rng(2).normal(size=(8, 70)) * 4) / 4

    def spec(x):
        y = ss.relu(ss.matmul(weights, x))
        return ss.sum(y) - ss.sum(ss.relu(y - 1)) >= "-1/4"

    proof = ss.prove(spec, np.zeros(70), vary={"x": ss.ball("1/32")})
    assert proof.proved
    assert checked(proof.certificate()).startswith("proved")


BESIDE_ONE = ("log", "log2", "log10", "log1p", "sqrt", "reciprocal", "acosh", "lgamma")
UNIVARIATE = [name for name, row in OPERATIONS.items() if row.scalar and row.operands == 1 and row.curve]
REFUSED = {"sin", "cos", "tan", "asin", "acos", "atan", "asinh", "acosh", "atanh"}
REFUSED |= {"erf", "erfc", "gelu", "gelu_tanh", "log_ndtr", "lgamma"}
"""Those that the checker has no rule for."""


@pytest.mark.parametrize("name", UNIVARIATE)
def test_each_function_of_one_number_is_proved_or_refused_by_name(name):
    low, high = (Fraction(3, 2), 2) if name in BESIDE_ONE else (Fraction(-1, 2), Fraction(3, 4))
    found = ss.bounds(getattr(ss, name), (low + high) / 2, vary={"x": ss.box(low, high)})
    if name in REFUSED:
        with pytest.raises(NotSupported, match="certificate: "):
            found.certificate()
        return
    whole = found.certificate()
    assert checked(whole).startswith("proved")
    ((low, high),) = ends_of(whole)
    least, most = found.inner
    assert low <= least
    assert most <= high


def test_shipped_losses_are_proved():
    """Those of the CNN take ten seconds: `make certificates` has them."""
    for term in digits.terms(digits.load(), 0):
        found = ss.bounds(term.spec, *term.args, vary={"x": ss.ball("1/100")})
        assert checked(found.certificate()).startswith("proved")


def test_what_has_no_certificate_is_refused_with_a_reason():
    box = {"x": ss.box(0, 1)}
    with pytest.raises(NotSupported, match="no rule for sin"):
        ss.bounds(ss.sin, 0.5, vary=box).certificate()
    with pytest.raises(NotSupported, match="no rule for less"):
        ss.bounds(lambda x: ss.where(x < "1/2", x, 1 - x), 0.5, vary=box).certificate()
    with pytest.raises(NotSupported, match="infinite end of 'x'"):
        ss.bounds(lambda x: ss.relu(x), 0.5, vary={"x": ss.box(0, np.inf)}).certificate()
    with pytest.raises(NotSupported, match="logarithm is taken of a number that may not be positive"):
        ss.bounds(lambda x: ss.log(ss.relu(x) - x + "1/100"), 0.5, vary={"x": ss.box(-1, 1)}).certificate()
    with pytest.raises(ArgumentError, match="rows of boxes"):
        ss.bounds(ss.square, [0.5, 1], vary={"x": ss.ball(1)}, over="x").certificate()
    with pytest.raises(ArgumentError, match="pickled"):
        pickle.loads(pickle.dumps(ss.bounds(ss.square, 0.5, vary=box))).certificate()
    proof = ss.prove(lambda x: x <= 2, 0.5, vary=box)
    with pytest.raises(ArgumentError, match="pickled"):
        pickle.loads(pickle.dumps(proof)).certificate()
    with pytest.raises(ArgumentError, match="refuted"):
        ss.prove(lambda x: x <= "1/2", 0.5, vary=box).certificate()


def test_constants_are_exact():
    whole = ss.bounds(lambda x: x * "1/3" + "1/10", 1, vary={"x": ss.box(1, 1)}).certificate()
    ((low, high),) = ends_of(whole)
    assert low <= Fraction(13, 30) <= high
    assert high - low < Fraction(1, 2**70)
    assert checked(whole)


def test_exact_values_are_proved():
    term = digits.terms(digits.load(), 0)[2]
    done = ss.crosscheck(term.spec, *term.args, actual=0.03)
    ((low, high),) = ends_of(whole := done.certificate())
    assert checked(whole).startswith("proved")
    assert max(low, done.enclosure[0]) <= min(high, done.enclosure[1])
    assert high - low < Fraction(1, 2**70)


def test_the_command_line_writes_them(tmp_path, capsys):
    file, spec = tmp_path / "bounds.json", tmp_path / "spec.py"
    spec.write_text(
        'import scalarspec as ss\ndef f(x):\n    return ss.square(x) - x\ndef g(x):\n    return f(x) <= "1/2"\n'
    )
    asked = "--set", "x=0.5", "--vary", "x=0.5", "--certificate", str(file)
    for command_, function, said in (("bounds", "f", "[0] at least -0.25"), ("prove", "g", "[0] at least 0.0")):
        code, _, err = command.run(capsys, command_, f"{spec}:{function}", *asked)
        assert (code, err) == (0, "")
        code, out, err = command.run(capsys, "check", str(file))
        assert (code, err) == (0, "")
        assert said in out
    file.write_text(file.read_text().replace('["at least", 0, 0, 1]', '["at least", 0, 1, 1]'))
    assert command.run(capsys, "check", str(file)) == (1, "not proved: the claim does not follow in part 1\n", "")
    assert command.run(capsys, "check", str(tmp_path / "none.json"))[0] == 2
    code, _, err = command.run(capsys, "bounds", f"{spec}:f", *asked[:-1], str(tmp_path / "no" / "folder.json"))
    assert code == 2
    assert "certificate: " in err


@pytest.mark.parametrize("name", ["rectifier", "product", "sigmoid"])
def test_no_number_can_be_changed_so_that_something_false_is_accepted(name):
    whole = certified.certificate_of(name)
    changes = 0
    for path in [path for path in certified.places(whole) if type(certified.at(whole, path)) is int]:
        value = certified.at(whole, path)
        for other in {value + 1, value - 1, -value, 2 * value, value // 2} - {value}:
            changed = json.loads(json.dumps(whole))
            certified.at(changed, path[:-1])[path[-1]] = other
            assert not (fuzz_certificates.accepted(changed) and certified.refuted(changed)), (path, other)
            changes += 1
    assert changes > 100


@pytest.mark.parametrize(
    ("operation", "wrong"),
    [
        ("tanh", lambda arrays, x: arrays.apply("sigmoid", x)),
        ("logsumexp", lambda arrays, x, axis: arrays.apply("sum", x, axis=axis)),
        ("affine", lambda arrays, weight, x, bias: arrays.apply("matmul", weight, x)),
    ],
)
def test_an_operation_that_is_written_wrongly_is_seen(monkeypatch, operation, wrong):
    monkeypatch.setitem(lowered.LOWERED, operation, wrong)
    assert conformance.check(operation, "certified").status == "misses"


def test_no_mutant_is_accepted_though_it_is_false():
    said = []
    found = fuzz_certificates.outcomes(range(300), said.append)
    assert said == []
    assert min(found["refused"], found["accepted"]) > 40


def test_the_fuzzer_sees_what_is_wrongly_accepted(monkeypatch):
    monkeypatch.setattr(check, "holds", lambda claim, bounds: True)
    assert fuzz_certificates.outcomes(range(60), lambda text: None)["false"] > 0


# ---- constants in a file of their own ------------------------------------------------------------------------------


def test_a_certificate_may_name_the_file_of_its_constants(tmp_path):
    whole = certified.certificate_of("cross-entropy", radius="1/16")
    write(whole, tmp_path / "whole.json")
    write(whole, tmp_path / "proof.json", constants="model.json")
    write(certified.certificate_of("cross-entropy", radius="1/8"), tmp_path / "wider.json", constants="model.json")
    texts = {name: (tmp_path / f"{name}.json").read_text() for name in ("whole", "proof", "wider")}
    assert len(texts["proof"]) + len((tmp_path / "model.json").read_text()) == pytest.approx(
        len(texts["whole"]), rel=0.1
    )
    assert (
        check.checked(texts["proof"], tmp_path)
        == check.checked(texts["whole"])
        != check.checked(texts["wider"], tmp_path)
    )
    with pytest.raises(FileNotFoundError):
        check.checked(texts["proof"], tmp_path / "elsewhere")
    changed = (tmp_path / "model.json").read_text().replace("1", "2", 1)
    (tmp_path / "model.json").write_text(changed)
    with pytest.raises(ValueError, match="does not hold the constants of this certificate"):
        check.checked(texts["proof"], tmp_path)
    with pytest.raises(ArgumentError, match=r"constants: .* holds other constants"):
        write(whole, tmp_path / "proof.json", constants="model.json")
    assert (tmp_path / "model.json").read_text() == changed
    assert (tmp_path / "proof.json").read_text() == texts["proof"]


def test_a_file_of_constants_is_never_read_elsewhere(tmp_path):
    (tmp_path / "inner").mkdir()
    whole = certified.certificate_of("cross-entropy", radius="1/16")
    write(whole, tmp_path / "proof.json", constants="model.json")
    with pytest.raises(ArgumentError, match="constants: expected the name of a file, beside the certificate"):
        write(whole, tmp_path / "other.json", constants="inner/model.json")
    outside = json.loads((tmp_path / "proof.json").read_text())
    outside["constants"][0] = "../model.json"
    with pytest.raises(FileNotFoundError):
        check.checked(json.dumps(outside), tmp_path / "inner")


def test_only_certificates_for_the_checker_have_files_of_constants(tmp_path):
    with pytest.raises(NotSupported, match="constants: only a certificate for scalarspec's own checker"):
        write({"format": "crown_query_v1"}, tmp_path / "proof.json", constants="model.json")


def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ArgumentError, match=r"certificate: .* cannot be written"):
        write({"program": []}, tmp_path / "nowhere" / "proof.json")


@pytest.mark.parametrize(
    ("again", "constants", "said"),
    [
        (False, "proof.json", "constants: expected another file than the certificate's"),
        (True, "model.json", "constants: the certificate names a file of constants already"),
        (False, "mo\0del.json", "constants: .* cannot be written"),
    ],
)
def test_a_file_of_constants_is_another_and_named_once(tmp_path, again, constants, said):
    whole = certified.certificate_of("mse", radius="1/16")
    if again:
        write(whole, tmp_path / "proof.json", constants="model.json")
        whole = json.loads((tmp_path / "proof.json").read_text())
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(ArgumentError, match=said):
        write(whole, tmp_path / "proof.json", constants=constants)
    assert {path.name for path in tmp_path.iterdir()} == before
