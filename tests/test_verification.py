"""Queries of VNN-LIB about networks: the answer, and the point that satisfies a query, in exact arithmetic."""

import gzip
import itertools
import json
import os
import random
import re
import shlex
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from command import run

import scalarspec as ss
from scalarspec.errors import ArgumentError, NotSupported, ScalarSpecError, TooLarge
from scalarspec.verification.answers import decimal
from scalarspec.verification.cases import Cases
from scalarspec.verification.query import truth
from scalarspec.verification.vnnlib import query_of

onnx = pytest.importorskip("onnx")
pytest.importorskip("vnnlib")


def asked(condition, inputs=1, outputs=1):
    """A text of version 1.0."""
    names = [f"X_{i}" for i in range(inputs)] + [f"Y_{i}" for i in range(outputs)]
    return "\n".join([*(f"(declare-const {name} Real)" for name in names), condition])


def within(low, high, inputs=1):
    return "\n".join(f"(assert (and (>= X_{i} {low}) (<= X_{i} {high})))" for i in range(inputs))


def answer(network, condition, inputs=1, outputs=1, **effort):
    return ss.verify(network, query_of(asked(condition, inputs, outputs)), **effort)


def identity(x):
    return x


def square(x):
    return x * x


@pytest.fixture
def file(tmp_path):
    """y = relu(x W + b), of shape (1, 2) -> (1, 2), in a file."""
    helper = onnx.helper
    nodes = [helper.make_node("Gemm", ["x", "W", "b"], ["h"], "gemm"), helper.make_node("Relu", ["h"], ["y"], "relu")]
    arrays = {"W": np.array([[1, -1], [2, 1]], np.float32), "b": np.array([0.5, 0], np.float32)}
    held = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    ends = [[helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, 2))] for name in "xy"]
    model = helper.make_model(helper.make_graph(nodes, "net", *ends, held))
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


# ---- answers --------------------------------------------------------------------------------------------------------

CASES = {
    f"{within(0, 1)} (assert (>= Y_0 1))": "sat",
    f"{within(0, 1)} (assert (> Y_0 1))": "unsat",
    f"{within(0, 1)} (assert (< X_0 0))": "unsat",
    f"{within(0, 1)} (assert (!= Y_0 X_0))": "unsat",
    f"{within(0, 1)} (assert (== Y_0 0.5))": "sat",
    f"{within(0, 1)} (assert (or (>= Y_0 2) (and (<= Y_0 0.25) (>= Y_0 0.5))))": "unsat",
    f"{within(0, 1)} (assert (<= (+ (* 2 Y_0) (- X_0 3)) -3))": "sat",
    f"{within(0, 1)}": "sat",
    f"{within(1, 0)} (assert (>= Y_0 -9))": "unsat",
    "(assert (or (and (>= X_0 0) (<= X_0 1)) (and (>= X_0 5) (<= X_0 6)))) (assert (>= Y_0 4))": "sat",
    "(assert (or (and (>= X_0 0) (<= X_0 1)) (and (>= X_0 5) (<= X_0 6)))) (assert (== Y_0 4))": "unsat",
    "(assert (and (<= 0 X_0) (>= 1e-1 X_0))) (assert (>= Y_0 1.0E-1))": "sat",
    "(assert (and (<= 0 X_0) (>= 1e-1 X_0))) (assert (> Y_0 .100001))": "unsat",
    f"{within(0, 1)} (assert (<= 1 2)) (assert (or (<= 2 1) (>= Y_0 1)))": "sat",
    f"{within(0, 1)} (assert (or (<= 2 1) (> 0 1)))": "unsat",
    f"(set-logic QF_LRA){within(0, 1)} (assert (= Y_0 1)) (check-sat)": "sat",
    f"{within(0, 1)} ; a comment that a return ends \r(assert (> Y_0 1))": "unsat",
    f"{within(0, 1)} ; (vnnlib-version <2.0>)\r\n(assert (>= Y_0 1e-310)) (assert (<= Y_0 1e309))": "sat",
    "(assert (<= (- X_0) 1)) (assert (<= (* 2.0 X_0) 6)) (assert (> Y_0 2.999)) ; a comment (": "sat",
}


@pytest.mark.parametrize("condition", CASES)
def test_an_answer_of_the_identity(condition):
    assert answer(identity, condition).status == CASES[condition]


def test_decimals_count_at_their_exact_values():
    """The float 0.1 is greater than the decimal."""
    above = f"{within('0.1', '0.1')} (assert (> Y_0 0.1))"
    assert answer(identity, above).status != "sat"
    assert answer(ss.as_spec(lambda x: 0 * x + 0.1, literals="binary"), above).status == "sat"
    inside = f"{within('0.1', '0.1')} (assert (<= Y_0 0.01))"
    assert answer(square, inside).status == "sat"
    assert answer(square, inside.replace("(<= Y_0 0.01)", "(< Y_0 0.01)")).status != "sat"


def test_a_point_satisfies_its_query_in_exact_arithmetic(file):
    found = ss.verify(file, query_of(asked(f"{within(-1, 1, 2)} (assert (>= Y_0 3)) (assert (<= Y_1 0.1))", 2, 2)))
    assert found.status == "sat"
    x = ss.context("rational").tensor(found.point["X"])
    y = ss.from_onnx(file)(x)
    assert y[0].item() >= 3
    assert y[1].item() <= Fraction(1, 10)
    assert [Fraction(v) for v in y.tolist()] == list(found.outputs["Y"])


def test_an_answer_may_be_unknown_or_late():
    wide = f"{within(-1, 1)} (assert (== Y_0 0.2)) (assert (== (* X_0 X_0) 0.3))"
    assert answer(square, wide, budget=1).status == "unknown"
    assert answer(square, wide, timeout=0).status == "timeout"
    assert answer(square, wide, timeout=5).status == "unsat"


def test_two_networks_of_one_query():
    declared = """(vnnlib-version <2.0>)
    (declare-network f (declare-input X float32 [2]) (declare-output Y float32 [2]))
    (declare-network g (equal-to f) (declare-input A float32 [2]) (declare-output B float32 [2]))
    (declare-network h (declare-input C float32 []) (declare-output D float32 []))
    (assert (and (>= X[0] 0.0) (<= X[0] 1.0) (>= X[1] 0.0) (<= X[1] 1.0) (>= C 0.0) (<= C 2.0)))
    (assert (and (== A[0] X[0]) (== A[1] X[1]) (>= A[0] 0.0) (<= A[0] 1.0) (>= A[1] 0.0) (<= A[1] 1.0)))
    """
    specs = {"f": square, "h": identity}
    found = ss.verify(specs, query_of(f"{declared}(assert (< Y[0] B[0]))"), budget=1)
    assert found.status == "unknown"  # that A and X are one point is no box
    apart = declared.replace("(== A[0] X[0]) (== A[1] X[1])", "(<= A[0] 0.5) (>= X[0] 0.75)")
    assert ss.verify(specs, query_of(f"{apart}(assert (<= Y[0] B[0]))")).status == "unsat"
    found = ss.verify(specs, query_of(f"{apart}(assert (<= (+ Y[0] B[1]) D))"))
    assert found.status == "sat"
    lines = str(found).split("\n")
    assert lines[0] == "sat"
    assert [line.partition("=")[0] for line in lines[1:]] == (
        ["X[0]", "X[1]", "A[0]", "A[1]", "C", "Y[0]", "Y[1]", "B[0]", "B[1]", "D"]
    )
    with pytest.raises(ArgumentError, match="declares f, h; expected a mapping"):
        ss.verify(square, query_of(f"{apart}(assert (<= Y[0] B[0]))"))


def test_a_point_is_shown_as_a_decimal_that_satisfies_the_query():
    found = answer(lambda x: 3 * x, f"{within(0, 1)} (assert (>= Y_0 1)) (assert (<= Y_0 1.0001))")
    assert found.exact
    shown = Fraction(str(found).split()[2].rstrip(")"))
    assert Fraction(1) <= 3 * shown <= Fraction("1.0001")
    only = answer(lambda x: 3 * x, f"{within(0, 1)} (assert (== Y_0 1))")
    assert (only.status, only.exact, only.point["X"][0]) == ("sat", False, Fraction(1, 3))


def test_variables_of_version_2_have_the_networks_shapes(file):
    declared = "(vnnlib-version <2.0>)(declare-network f (declare-input {} real {}) (declare-output Y real [2]))"
    condition = " ".join("(assert (and (>= {0}[{1}] 0) (<= {0}[{1}] 1)))".format("lambda", i) for i in ("0", "1"))
    asked_in_2 = f"{condition} (assert (>= Y[0] 3.5))"
    assert ss.verify(file, query_of(declared.format("lambda", "[2]") + asked_in_2)).status == "sat"
    turned = f"{declared.format('lambda', '[2,1]')} {asked_in_2}".replace("bda[0]", "bda[0,0]").replace(
        "bda[1]", "bda[1,0]"
    )
    assert ss.verify(file, query_of(turned)).status == "sat"
    several = declared.replace("(declare-output", "(declare-input B real [1]) (declare-output").format("A", "[1]")
    bounds = "(assert (and (>= A[0] 0) (<= A[0] 1) (>= B[0] 0) (<= B[0] 1) (>= Y[0] 3.5)))"
    with pytest.raises(ArgumentError, match="expected the same"):
        ss.verify(file, query_of(several + bounds))


def test_several_inputs_and_outputs_of_version_1_are_one_row(tmp_path):
    make = onnx.helper.make_tensor_value_info
    nodes = [onnx.helper.make_node("Neg", ["b"], ["d"]), onnx.helper.make_node("Identity", ["a"], ["c"])]
    ends = [
        [make(name, 1, shape) for name, shape in pair] for pair in ((("a", [1]), ("b", [2])), (("c", [1]), ("d", [2])))
    ]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "two", *ends))
    net = ss.from_onnx(model)
    found = answer(net, f"{within(0, 1, 3)} (assert (>= Y_0 0.75)) (assert (<= Y_2 -0.5))", 3, 3)
    assert found.status == "sat"
    assert found.outputs["Y"][0] == found.point["X"][0]
    assert list(found.outputs["Y"][1:]) == [-x for x in found.point["X"][1:]]
    assert answer(net, f"{within(0, 1, 3)} (assert (> Y_2 X_2))", 3, 3).status == "unsat"


def test_the_timeout_counts_everything(capsys, folder):
    alternatives = "".join(f"(and (>= X_0 {i}e-9) (<= X_0 0.5) (>= Y_0 {i}))" for i in range(3000))
    (folder / "long.vnnlib").write_text(asked(f"{within(0, 1, 2)} (assert (or {alternatives}))", 2, 2))
    code, out, _ = run(capsys, "verify", "net.onnx", "long.vnnlib", "--timeout", "0.01")
    assert (code, out) == (3, "timeout\n")
    for wrong in ("nan", "inf", "-5"):
        assert run(capsys, "verify", "net.onnx", "holds.vnnlib", "--timeout", wrong)[0] == 2


# ---- random queries against exact points ----------------------------------------------------------------------------


def random_condition(source, depth=2):
    kinds = ["<=", "<", ">=", ">", "==", "!="]
    if depth and source.random() < 0.6:
        parts = " ".join(random_condition(source, depth - 1) for _ in range(source.randint(1, 3)))
        return f"({source.choice(['and', 'or'])} {parts})"
    names = ["X_0", "X_1", "Y_0", "Y_1"]
    left = source.choice([*names, f"(+ {source.choice(names)} {source.choice(names)})"])
    right = source.choice([*names, f"{source.randint(-8, 8) / 4}", f"(* -0.5 {source.choice(names)})"])
    return f"({source.choice(kinds)} {left} {right})"


def bent(x):
    """A small network with kinks, of numbers that are exact."""
    return ss.relu(ss.concat([x[:1] - x[1:], x[:1] + x[1:] * 2])) - ss.concat([x[1:], x[:1]])


@pytest.mark.parametrize("seed", range(60))
def test_answers_agree_with_exact_points(seed):
    source = random.Random(seed)
    bounds = " ".join(f"(assert (and (>= X_{i} -1) (<= X_{i} {source.randint(-1, 2)})))" for i in range(2))
    query = query_of(asked(f"{bounds} (assert {random_condition(source)})", 2, 2))
    found = ss.verify(bent, query, budget=60)
    exact = ss.context("rational")

    def holds(x):
        return truth(query.condition, {"X": np.array(x, dtype=object), "Y": bent(exact.tensor(list(x))).scalars()})

    if found.status == "unsat":
        places = [Fraction(k, 4) for k in range(-4, 9)]
        assert not any(holds(x) for x in itertools.product(places, repeat=2))
    if found.status == "sat":
        assert holds(tuple(found.point["X"]))


def test_the_check_can_fail():
    """Of a query and of its negation one at least has a point."""
    low, high = (answer(square, f"{within(0, 1)} (assert ({sign} Y_0 0.5))").status for sign in ("<=", ">"))
    assert (low, high) == ("sat", "sat")


# ---- what is read ---------------------------------------------------------------------------------------------------

WRONG = {
    "": (ArgumentError, "declarations of X_0"),
    "(declare-const X_0 Real)(declare-const Y_0 Real)": (ArgumentError, "networks and assertions|syntax error"),
    "(declare-const X_0 Real)(declare-const Z_0 Real)": (ArgumentError, "called X_0"),
    "(declare-const X_1 Real)(declare-const Y_0 Real)(assert (<= X_1 0))": (ArgumentError, "as Real, once each"),
    asked("(assert (<= X_0 1)"): (ArgumentError, "line 3"),
    asked("(assert (not (<= X_0 1)))"): (ArgumentError, "line 3"),
    asked("\n\n(assert (<= X_5 1))"): (ArgumentError, "line 5: X_5 is not declared"),
    asked("(assert (<= X_0 1e99999))"): (TooLarge, "1e99999 has more than 1000 digits"),
    asked("(assert (<= X_0 1e99999999999999999999))"): (TooLarge, "more than 1000 digits"),
    asked("(assert (<= X_0 Y_99999999999999999999))"): (ArgumentError, "line 3: Y_9999.* is not declared"),
    asked("(assert (<= X_0 \0 1))"): (ArgumentError, "expected ASCII"),
    asked("(assert (<= X_0 \u0661))"): (ArgumentError, "line 3: expected ASCII"),
    asked("(assert (<= (+ X_0 1-2) 1))"): (ArgumentError, "line 3"),
    asked(f"(assert {'(and ' * 300}(<= X_0 1){')' * 300})"): (TooLarge, "within one another"),
    "(declare-const X_0 Int)(declare-const Y_0 Real)(assert (<= X_0 0))": (ArgumentError, "as Real"),
    "(declare-const X_0 Real)(declare-const Y_0 Real)(declare-const X_1 Int)(assert (<= X_0 0))": (
        ArgumentError, "such as .declare-const X_0 Real., got .declare-const X_1 Int"
    ),
    "(vnnlib-version <2.0>)(declare-network f (declare-input X int8 [1]) (declare-output Y int8 [1]))"
    "(assert (<= X[0] Y[0]))": (NotSupported, "is of I8"),
    "(vnnlib-version <2.0>)(declare-network f (declare-input X real [3000000000]) (declare-output Y real [1]))"
    "(assert (<= X[0] Y[0]))": (TooLarge, "at most 9 digits"),
    "(vnnlib-version <2.0>)(declare-network f (declare-input X real [300000000]) (declare-output Y real [1]))"
    "(assert (<= X[0] Y[0]))": (TooLarge, "elements"),
    "(vnnlib-version <2.0>)(declare-network f (declare-input X real [2]) (declare-output Y real [1]))"
    "(assert (<= X[-1] Y[0]))": (ArgumentError, "indices >= 0"),
    "(vnnlib-version <2.0>)(declare-network f (declare-input X float32 [1]) (declare-hidden H float32 [1] \"h\")"
    "(declare-output Y float32 [1]))(assert (<= X[0] Y[0]))": (NotSupported, "hidden nodes"),
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_query_is_refused(text):
    kind, told = WRONG[text]
    with pytest.raises(kind, match=told):
        query_of(text)


def test_an_input_without_a_bound_is_refused():
    with pytest.raises(ArgumentError, match=r"no lower bound of X\[1\]"):
        list(Cases(query_of(asked("(assert (<= X_1 1)) (assert (>= X_0 0)) (assert (<= X_0 1))", 2))))


def test_alternatives_that_are_too_many_are_no_cases():
    """They are part of what is proved."""
    either = "(assert (or (<= X_0 0.25) (>= X_0 0.75)))"
    query = query_of(asked(f"{within(0, 1)}{either * 20} (assert (> Y_0 1))"))
    assert len(Cases(query)) == 2**16
    assert answer(identity, f"{within(0, 1)}{either * 3} (assert (> Y_0 1))").status == "unsat"
    many = "".join(f"(and (>= X_0 {i}) (<= X_0 {i}))" for i in range(100_001))
    with pytest.raises(TooLarge, match="100000 cases"):
        Cases(query_of(asked(f"(assert (or {many}))")))


def test_a_query_of_another_size_is_refused(file):
    with pytest.raises(ArgumentError, match="expected the same"):
        ss.verify(file, query_of(asked(f"{within(0, 1, 3)} (assert (>= Y_0 1))", 3, 2)))


def test_files_are_read(tmp_path, file):
    path = tmp_path / "q.vnnlib"
    path.write_text(asked(f"{within(0, 1, 2)} (assert (>= Y_0 9))", 2, 2))
    assert ss.verify(str(file), path).status == "unsat"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ArgumentError, match="no text"):
        ss.verify(file, path)
    with pytest.raises(ArgumentError, match="No such file"):
        ss.verify(file, tmp_path / "none.vnnlib")


@pytest.mark.parametrize("x", [Fraction(1, 3), Fraction(-7, 8), Fraction(1, 2**200), Fraction(10**40)])
def test_decimals_are_exact_where_they_end(x):
    shown = Fraction(decimal(x))
    assert shown == x if x != Fraction(1, 3) else abs(shown - x) < Fraction(1, 10**16)


# ---- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holds.vnnlib").write_text(asked(f"{within(0, 1, 2)} (assert (>= Y_0 9))", 2, 2))
    (tmp_path / "fails.vnnlib").write_text(asked(f"{within(0, 1, 2)} (assert (>= Y_0 3.5))", 2, 2))
    np.savez(tmp_path / "x.npz", x=np.array([[0.1, 0.7]], np.float32))
    return tmp_path


def test_verify_prints_the_answer(capsys, folder):
    code, out, _ = run(capsys, "verify", "net.onnx", "holds.vnnlib", "--timeout", "20")
    assert (code, out) == (0, "unsat\n")
    code, out, _ = run(capsys, "verify", "net.onnx", "fails.vnnlib")
    assert code == 1
    assert out.split("\n") == ["sat", "((X_0 1)", "(X_1 1)", "(Y_0 3.5)", "(Y_1 0))", ""]
    code, out, _ = run(capsys, "verify", "fails.vnnlib", "--network", "N=net.onnx", "--json")
    assert json.loads(out)["point"] == {"X": ["1", "1"]}
    code, out, _ = run(capsys, "verify", "net.onnx", "fails.vnnlib", "--timeout", "0")
    assert (code, out) == (3, "timeout\n")
    code, _, err = run(capsys, "verify", "net.onnx")
    assert code == 2
    assert "expected net.onnx property.vnnlib" in err


def test_a_network_is_a_spec_of_every_command(capsys, folder):
    code, out, _ = run(capsys, "inspect", "net.onnx")
    assert code == 0
    for told in (
        "output  y: (1, 2)",
        "Gemm      1",
        "W          (2, 2)  float32",
        "gradients",
        "yes, with kinks of relu",
    ):
        assert told in out
    assert "Relu" not in run(capsys, "inspect", "net.onnx:h")[1]
    code, out, _ = run(capsys, "bounds", "net.onnx", "--box", "x=0:1", "--json")
    assert code == 0
    found = json.loads(out)
    assert [[float(Fraction(x)) for x in found[end][0]] for end in ("lower", "upper")] == [[0.5, 0], [3.5, 1]]
    assert run(capsys, "tolerance", "net.onnx", "x.npz", "--radius", "x=0.1", "--dtype", "float32")[0] == 0
    assert run(capsys, "ranges", "net.onnx:h", "--box", "x=0:100000", "--dtype", "float16")[0] == 1
    np.savez("named.npz", x=[[0.5, 1]])
    assert run(capsys, "compare", "net.onnx", "named.npz")[0] == 0
    code, _, err = run(capsys, "bounds", "net.onnx:nothing", "--box", "x=0:1")
    assert code == 2
    assert "the graph has no value 'nothing'" in err


def test_a_runtime_is_cross_checked(capsys, folder):
    pytest.importorskip("onnxruntime")
    code, out, _ = run(capsys, "crosscheck", "net.onnx", "x.npz", "--runtime", "onnxruntime", "--stages", "--json")
    assert code == 0
    found = json.loads(out)
    assert [stage["name"] for stage in found["stages"]] == ["h", "y"]
    assert all(stage["actual"] is not None for stage in found["stages"])
    assert found["dtype"] == "float32"
    assert run(capsys, "crosscheck", "specs.py:f", "x.npz", "--runtime", "onnxruntime")[0] == 2
    assert run(capsys, "crosscheck", "net.onnx", "x.npz", "--stages")[0] == 2
    words = ("crosscheck", "net.onnx", "x.npz", "--runtime", "onnxruntime", "--actual", "float32")
    assert run(capsys, *words)[0] == 2
    (folder / "record.json").write_text(out)
    code, out, _ = run(capsys, "replay", "record.json", "net.onnx", "x.npz")
    assert code == 0, out


def test_a_rule_that_is_wrong_is_no_rounding(folder, monkeypatch):
    """A runtime that does something else than the network says is found, and where."""
    pytest.importorskip("onnxruntime")
    from scalarspec.frontends.onnx.rules.table import RULES
    from scalarspec.frontends.onnx.runtime import Runtime

    x = np.array([[0.1, 0.7]], np.float32)
    network = ss.from_onnx("net.onnx")
    assert ss.crosscheck(network, x, actual=Runtime("net.onnx", network, stages=True)).explained
    monkeypatch.setitem(RULES, "Relu", lambda at: f"ss.abs({at[0]})")
    wrong = ss.from_onnx("net.onnx")
    found = ss.crosscheck(wrong, x - 1, actual=Runtime("net.onnx", wrong, stages=True))
    assert not found.explained
    assert found.culprit.name == "y"


def test_errors_are_of_the_library():
    assert issubclass(TooLarge, ScalarSpecError)


# ---- the competition's scripts --------------------------------------------------------------------------------------

SCRIPTS = Path(__file__).parent.parent / "benchmarks" / "vnncomp"


def script(name, *words):
    """The exit code of a script of the competition, with the command of this environment."""
    command = Path(sys.executable).with_name("scalarspec")
    if not command.exists():
        pytest.skip("the command is not installed")
    return subprocess.run(
        [SCRIPTS / name, *words], env={**os.environ, "SCALARSPEC": str(command)}, check=False
    ).returncode


def test_the_scripts_write_the_answer(folder):
    assert script("prepare_instance.sh", "v1", "tests", "net.onnx", "fails.vnnlib") == 0
    assert script("run_instance.sh", "v1", "tests", "net.onnx", "fails.vnnlib", "out.txt", "20") == 0
    assert (folder / "out.txt").read_text().split("\n")[:2] == ["sat", "((X_0 1)"]
    assert script("run_instance.sh", "v1", "tests", "none.onnx", "fails.vnnlib", "out.txt", "20") == 0
    assert (folder / "out.txt").read_text() == "unknown\n"
    assert script("prepare_instance.sh", "v2", "tests", "net.onnx", "fails.vnnlib") == 1


def test_the_queries_of_a_folder_are_answered(folder, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPTS.parent))
    import vnncomp

    (folder / "expected.csv").write_text("net.onnx,holds.vnnlib,unsat\nnet.onnx,fails.vnnlib,unsat\n")
    monkeypatch.setattr(sys, "argv", ["vnncomp.py", ".", "--expected", "expected.csv", "--timeout", "20"])
    assert vnncomp.main() == 1
    *_, holds, last = capsys.readouterr().out.splitlines()
    assert holds.split()[:4] == ["net", "holds", "unsat", "unsat"]
    assert holds.split()[-1] in ("interval", "linear")
    assert last.startswith("2 of 2 decided, 1 wrong verdict (1 by an exact point, 1 by ")


def told(monkeypatch, capsys, *words):
    """What the script prints about the queries of a folder."""
    monkeypatch.syspath_prepend(str(SCRIPTS.parent))
    import vnncomp

    monkeypatch.setattr(sys, "argv", ["vnncomp.py", ".", *words])
    assert vnncomp.main() == 0
    return capsys.readouterr()


def test_a_peer_answers_beside(folder, monkeypatch, capsys):
    (folder / "peer.py").write_text("import sys\nopen(sys.argv[1], 'w').write(sys.argv[2])")
    start = f"{shlex.quote(sys.executable)} peer.py"
    violated = f"violated={start} {{out}} violated {{network}} {{query}} {{timeout}}"
    silent = f"silent={start} {{network}} {{query}} {{out}}".replace("peer.py", "none.py")
    out, err = told(monkeypatch, capsys, "--timeout", "20", "--peer", violated, "--peer", silent)
    header, *_, ours, first, second = out.splitlines()
    assert header.split()[-2:] == ["violated", "silent"]
    assert re.search(r"^net +fails +sat .* sat \d+\.\d\d +- \d+\.\d\d", out, re.MULTILINE)
    assert ours.startswith("2 of 2 decided, 0 wrong verdicts")
    assert [first, second] == ["violated: 2 of 2 decided, 1 against ours", "silent: 0 of 2 decided, 0 against ours"]
    assert "none.py" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("python {network} {query} {out}", "expected NAME=COMMAND with {network}, {query} and {out}, got 'python "),
        ("one=python {network}", "expected NAME=COMMAND with {network}, {query} and {out}, got 'one=python {network}'"),
        ("one=no-such-program {network} {query} {out}", "expected a program that is there, got 'no-such-program'"),
    ],
)
def test_a_peer_that_cannot_be_asked_is_refused(text, said, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        told(monkeypatch, capsys, "--peer", text)
    assert said in capsys.readouterr().err


def test_a_query_that_is_refused_is_not_decided(folder, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPTS.parent))
    import vnncomp

    (folder / "instances.csv").write_text("net.onnx,none.vnnlib,5\n")
    monkeypatch.setattr(sys, "argv", ["vnncomp.py", "."])
    assert vnncomp.main() == 0
    out, err = capsys.readouterr()
    assert "refused: ArgumentError" in out
    assert out.endswith("0 of 1 decided, 0 wrong verdicts\n")
    assert "none.vnnlib" in err


def test_packed_files_are_unpacked(folder, monkeypatch, capsys):
    for name in ("net.onnx", "fails.vnnlib", "holds.vnnlib"):
        path = folder / name
        (folder / f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    (folder / "instances.csv").write_text("net.onnx.gz,fails.vnnlib.gz,20\nnet.onnx,holds.vnnlib,20\n")
    (folder / "expected.csv").write_text("net.onnx,fails.vnnlib,sat\nnet.onnx,holds.vnnlib,unsat\n")
    for _ in range(2):  # as they are listed, and as they are found
        out, _ = told(monkeypatch, capsys, "--timeout", "20", "--expected", "expected.csv")
        assert re.search(r"^net +fails +sat +sat ", out, re.MULTILINE)
        assert "2 of 2 decided, 0 wrong verdicts (1 by an exact point, 1 by " in out
        (folder / "instances.csv").unlink(missing_ok=True)
    assert not [*folder.glob("*.onnx")]
    (folder / "fails.vnnlib.gz").write_bytes((folder / "holds.vnnlib.gz").read_bytes()[:-9])
    out, err = told(monkeypatch, capsys, "--timeout", "20")
    assert "refused: ArgumentError" in out
    assert "1 of 2 decided, 0 wrong verdicts (1 by " in out
    assert "fails.vnnlib.gz: " in err


def test_an_answer_says_what_decided_it():
    assert answer(square, within(1, 2)).method == "any point of the inputs"
    assert answer(square, f"{within(2, 3)} (assert (<= Y_0 3))").method == "bounds: interval"
    assert answer(square, f"{within(2, 3)} (assert (<= Y_0 5))").method == "an exact point"


@pytest.mark.parametrize(("low", "high", "status"), [("1e308", "1e309", "sat"), ("-1e310", "-1e309", "unsat")])
def test_a_box_beyond_floats(low, high, status):
    assert answer(lambda x: 3 * x, f"{within(low, high)} (assert (>= Y_0 2e309))", timeout=10).status == status


def test_a_target_beyond_floats():
    assert ss.bounds(ss.exp, 0, vary={"x": ss.ball(1)}, target="1e400").enclosure is not None
