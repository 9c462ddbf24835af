"""`prove` as people ask it: equal nodes, claims joined by and, or and not, rows, witnesses, and what ended a search."""

import pickle
import time
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec import layers
from scalarspec.bounding import attack

RATIONAL = ss.context("rational")
RNG = np.random.default_rng(0)
W1, B1, W2, B2 = RNG.normal(size=(8, 4)), RNG.normal(size=8), RNG.normal(size=(5, 8)), RNG.normal(size=5)
NET = layers.Sequential(layers.Linear(W1, B1), layers.relu, layers.Linear(W2, B2))
X = RNG.normal(size=4)
CLASS = int(np.argmax(W2 @ np.maximum(W1 @ X + B1, 0) + B2))


def net(x):
    return ss.affine(W2, ss.relu(ss.affine(W1, x, B1)), B2)


def softmax(z):
    return ss.exp(z) / ss.sum(ss.exp(z))


def proof(claim, x, region, **asked):
    return ss.prove(claim, x, vary={"x": region}, **asked)


def fails_at(claim, witness):
    """Does a claim fail at a witness, exactly?"""
    return not np.all(np.asarray(claim(RATIONAL.tensor(witness)), dtype=bool))


# ---- equal nodes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claim",
    [
        lambda x: net(x) <= net(x)[CLASS],
        lambda x: net(x)[CLASS] >= net(x),
        lambda x: NET(x) <= NET(x)[CLASS],
        lambda x: softmax(net(x)) <= softmax(net(x))[CLASS],
        lambda x: ss.tanh(net(x)) - 1 <= ss.tanh(net(x)[CLASS]) - 1,
        lambda x: ss.reshape(net(x), (5, 1)) <= net(x)[CLASS],
        lambda x: ss.stack([net(x)[CLASS], net(x)[0]]) <= net(x)[CLASS - 5],
    ],
)
def test_the_class_stays_the_greatest(claim):
    assert proof(claim, X, ss.ball("0.05")).proved


def test_the_class_of_a_model_that_is_an_argument():
    found = ss.prove(lambda m, x: m(x) <= m(x)[CLASS], NET, X, vary={"x": ss.ball("0.05")})
    assert found.proved
    weights = ss.prove(lambda m, x: m(x) <= m(x)[CLASS], NET, X, vary={"m": ss.ball("0.001")})
    assert weights.proved


def test_a_number_beside_itself():
    for claim, status in [
        (lambda x: x <= x, "proved"),
        (lambda x: x == x, "proved"),
        (lambda x: x < x, "refuted"),
        (lambda x: x != x, "refuted"),
    ]:
        assert proof(claim, X, ss.ball("1/3")).status == status


def test_equal_nodes_are_refuted_where_they_may_not_be_equal():
    found = proof(lambda x: net(x) < net(x)[CLASS], X, ss.ball("0.05"))
    assert (found.status, found.output, found.value) == ("refuted", (CLASS,), (0, 0))
    assert proof(lambda x: ss.exp(x) + 1 != 1 + ss.exp(x), X, ss.ball(1)).status == "refuted"


@pytest.mark.parametrize(
    "claim",
    [
        lambda x: x - 2 <= 2 - x,
        lambda x: x[::-1] <= x,
        lambda x: x[0] <= x[1],
        lambda x: ss.exp(x) <= ss.expm1(x),
        lambda x: x * x[0] == x * x[1],
        lambda x: ss.where(x > 0, x, 1) == ss.where(x > 0, 1, x),
    ],
)
def test_what_is_alike_is_not_taken_for_equal(claim):
    found = proof(claim, np.array([3.0, 3.0]), ss.box(2, 5))
    assert found.status == "refuted"


# ---- and, or, not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        (lambda x: (x >= -1) & (x <= 1), "proved"),
        (lambda x: (x >= -1) & (x < 1), "refuted"),
        (lambda x: (x >= "0.1") | (x <= "0.2"), "proved"),
        (lambda x: (x > "0.2") | (x < "0.1"), "refuted"),
        (lambda x: (x >= "0.1") | (x <= "0.1"), "proved"),  # one margin, in all its signs
        (lambda x: (x > "0.1") | (x < "0.1"), "refuted"),  # at 1/10 alone
        (lambda x: (ss.sin(x) > 0) | ~(ss.sin(x) > 0), "proved"),
        (lambda x: (ss.sin(x) < 0) | (ss.sin(x) == 0) | (ss.sin(x) > 0), "proved"),
        (lambda x: (ss.sin(x) > 0) & ~(ss.sin(x) > 0), "refuted"),
        (lambda x: ~(x > 2), "proved"),
        (lambda x: ~(x > 1), "proved"),
        (lambda x: ~(x >= 1), "refuted"),
        (lambda x: x != 2, "proved"),
        (lambda x: 3 * x != 1, "refuted"),
        (lambda x: 10**30 + 3 * x != 10**30 + 1, "refuted"),
        (lambda x: (3 * x - 1) * (x * x + 1) != 0, "refuted"),
        (lambda x: x == x * x, "refuted"),
        (lambda x: ((x >= -1) & (x <= 1)).all(), "proved"),
        (lambda x: (x >= 0).any() | (x[0] <= 0), "proved"),
        (lambda x: (x >= 0).all() | (x[0] <= 0), "refuted"),
        (lambda x: ss.logical_or(ss.logical_not(x > 3), ss.logical_and(x > 0, x < 0)), "proved"),
        (lambda x: ~((ss.square(x) >= 4) | (x > 3)) & (ss.sum(x) <= 2), "proved"),
        (lambda x: (x <= 1).all() & (ss.sum(x) <= 1), "refuted"),
        (lambda x: (ss.square(x) <= "0.3") | (ss.square(x) >= "0.2"), "proved"),
        (lambda x: (ss.square(x) <= "0.2") | (ss.square(x) >= "0.3"), "refuted"),
    ],
)
def test_claims_are_joined(claim, status):
    found = proof(claim, np.zeros(2), ss.ball(1))
    assert found.status == status
    if status == "refuted" and found.value != (0, 0):
        assert all(abs(x) <= 1 for x in found.witness["x"])


def test_a_margin_is_met_at_its_limit_in_a_box_as_wide_as_floats():
    with np.errstate(all="raise"):
        found = ss.prove(lambda x: 3 * x != 10**308, 0.5, vary={"x": ss.box(-1e308, 1e308)})
    assert (found.status, found.value) == ("refuted", (0, 0))


def test_margins_that_are_not_affine_cost_no_exact_values_at_corners(monkeypatch):
    monkeypatch.setattr(attack, "call", None)
    found = ss.prove(lambda x: ss.square(x) != Fraction(1, 9), 0.5, vary={"x": ss.ball("1/2")})
    assert found.status == "undecided"
    with pytest.raises(TypeError):
        ss.prove(lambda x: 3 * x != Fraction(1, 9), 0.5, vary={"x": ss.ball("1/2")})


def test_the_smallest_claims():
    assert proof(lambda x: x <= 3, np.zeros(0), ss.ball(3)).proved
    assert proof(lambda x: (x <= 3).all() & (1 * x < 1).all(), np.zeros(0), ss.ball(3)).proved
    assert ss.prove(lambda x: x <= 3, np.zeros(2), vary={}).proved
    found = ss.prove(lambda x: x <= -3, np.zeros(2), vary={})
    assert (found.status, found.witness, found.value) == ("refuted", {}, (-3, -3))


def test_what_python_joins_is_told_how_to_be_written():
    with pytest.raises(ss.errors.Undecided, match=r"joins comparisons by &, \| and ~"):
        proof(lambda x: 0 <= x <= 2, 1, ss.ball(2))
    with pytest.raises(ss.errors.ArgumentError, match="expected a comparison such as f\\(x\\) <= 1, got bool"):
        proof(lambda x: True, 1, ss.ball(2))
    written = r"that element k of y = f\(x\) is the largest is written \(y <= y\[k\]\).all\(\)"
    with pytest.raises(ss.errors.ArgumentError, match=written):
        proof(lambda x: ss.argmax(x) == 1, np.array([0, 3]), ss.ball(1))
    with pytest.raises(ss.errors.Undecided, match=written):
        proof(lambda x: ss.argmax(x) == 1, np.array([0, 1]), ss.ball(1))


def test_workers_find_the_same():
    alone = proof(a_disjunction, X, ss.ball("0.4"), budget=30)
    with ProcessPoolExecutor(1) as executor:
        shared = proof(a_disjunction, X, ss.ball("0.4"), budget=30, executor=executor)
    assert alone.status == "proved"
    assert (shared.status, shared.boxes, shared.margins) == (alone.status, alone.boxes, alone.margins)
    assert alone.method == "bounds: subdivide"
    assert pickle.loads(pickle.dumps(alone)).margins == alone.margins


def a_disjunction(x):
    return (net(x)[0] <= "4.5") | (net(x)[0] >= 3)


# ---- what is said ---------------------------------------------------------------------------------------------------


def test_the_outputs_that_are_undecided_are_named():
    """x² - x >= -1/4 at the edge: the first and the last are undecided, the others proved."""
    found = proof(lambda x: ss.square(x) - x >= -np.array([0.25, 1, 1, 0.25]), np.full(4, 0.3), ss.ball(1), budget=8)
    assert found.status == "undecided"
    assert found.undecided == ((0,), (3,))
    assert found.gaps.shape == (4,)
    assert np.array_equal(found.gaps > 0, [True, False, False, True])
    assert all(low <= 0 < high for low, high in zip(found.margins[0][[0, 3]], found.margins[1][[0, 3]], strict=True))
    assert all(found.margins[0][1:3] > 0)
    assert "beyond by" in found.steps[0]
    assert "at output [0]" in str(found)
    assert "at output [3]" in str(found)
    assert "ended by: budget" in str(found)
    data = found.to_json()
    assert (data["undecided"], data["stopped"], len(data["gaps"])) == ([(0,), (3,)], "budget", 4)


def test_margins_contain_the_differences():
    found = proof(lambda x: net(x) <= 100, X, ss.ball("0.1"))
    z = np.asarray(net(ss.context("float64").tensor(X)))
    assert all(low <= 100 - v <= high for low, v, high in zip(found.margins[0], z, found.margins[1], strict=True))


def test_the_margin_of_a_greatest_score_is_that_to_the_others():
    """y <= y[k] holds at k whatever varies, which hides none of the other margins."""
    z, k, near = W2 @ np.maximum(W1 @ X + B1, 0) + B2, CLASS, ss.ball("0.01")
    to_others = z[k] - np.sort(z)[-2]
    joined = proof(lambda x: (net(x) <= net(x)[k]).all(), X, near)
    assert joined.proved
    assert 0 < joined.margins[0] <= to_others <= joined.margins[1] < 2 * to_others
    each = proof(lambda x: net(x) <= net(x)[k], X, near)
    assert each.margins[0][k] == each.margins[1][k] == np.inf
    assert min(each.margins[0]) == joined.margins[0]
    assert "inf" in each.html()
    assert proof(lambda x: (net(x) < net(x)[k]).all(), X, near).status == "refuted"
    split = proof(lambda x: net(x) <= net(x)[k], X, ss.ball("0.175"))
    assert split.method == "bounds: subdivide"
    assert split.margins[1][k] == np.inf


def test_rows_have_proofs_of_their_own():
    rows = np.stack([X, -2 * X, X + 0.05])
    claim = lambda x: net(x) <= net(x)[CLASS]  # noqa: E731
    found = proof(claim, rows, ss.ball("0.3"), over="x", budget=20)
    alone = [proof(claim, row, ss.ball("0.3"), budget=20) for row in rows]
    assert [p.status for p in found] == [p.status for p in alone]
    assert {p.status for p in found} >= {"proved", "refuted"}
    assert (found.status, found.proved, len(found)) == ("refuted", False, 3)
    for p in found:
        if p.witness:
            assert fails_at(claim, p.witness["x"])
    assert "row 0: refuted" in str(found)
    assert [row["status"] for row in found.to_json()["rows"]] == [p.status for p in found]
    assert len(proof(claim, np.zeros((0, 4)), ss.ball(1), over="x")) == 0


def test_each_row_is_as_the_loop_has_it_where_it_is_split():
    rows = np.array([[0.5], [0.25], [-1.0]])
    claim = lambda x: x * (x - 1) >= "-0.2501"  # noqa: E731
    found = proof(claim, rows, ss.ball("0.5"), over="x", budget=60)
    alone = [proof(claim, row, ss.ball("0.5"), budget=60) for row in rows]
    assert [(p.status, p.boxes) for p in found] == [(p.status, p.boxes) for p in alone]
    assert found.proved
    assert found[0].boxes > 1


def test_what_one_row_decides_is_not_taken_for_the_others():
    """Where t > 0, both sides are x; in the other row they are not."""

    def claim(x, t):
        left, right = (ss.where(t > 0, lambda: x, lambda s=s: x + s) for s in (1, -1))
        return left <= right

    x = np.zeros((2, 2))
    for t, statuses in [([1.0, -1.0], ["undecided", "refuted"]), ([1.0, 2.0], ["proved", "proved"])]:
        found = ss.prove(claim, x, np.array(t), vary={"x": ss.ball(1)}, over=("x", "t"), budget=4)
        assert [p.status for p in found] == statuses


# ---- witnesses ------------------------------------------------------------------------------------------------------


def turns_at_a_third(x):
    return 3 * x != 1


@pytest.mark.parametrize(
    ("claim", "x"), [(turns_at_a_third, 0), (lambda x: ss.sum(ss.square(x)) <= 5, np.zeros((2, 3)))]
)
def test_a_witness_is_saved_and_refutes_again(claim, x, tmp_path):
    found = proof(claim, x, ss.ball(1))
    assert np.shape(found.witness["x"]) == np.shape(x)
    found.save(tmp_path / "witness.npz")
    with np.load(tmp_path / "witness.npz", allow_pickle=False) as kept:
        assert fails_at(claim, kept["x"])
    again = proof(claim, x, ss.ball(1), witness=tmp_path / "witness.npz")
    assert (again.status, np.array_equal(again.witness["x"], found.witness["x"])) == ("refuted", True)
    assert again.value == found.value


def test_a_witness_is_looked_at_first():
    """Where no gradient leads: one number alone refutes."""
    claim = lambda x: (ss.square(x - "0.123456789") > 0) | (x > 1)  # noqa: E731
    assert proof(claim, 0.0, ss.ball(1), budget=4).status == "undecided"
    found = proof(claim, 0.0, ss.ball(1), budget=4, witness={"x": "0.123456789"})
    assert (found.status, found.witness["x"]) == ("refuted", Fraction("0.123456789"))


def test_an_argument_may_have_any_name(tmp_path):
    claim = lambda file, output: file + output <= 1  # noqa: E731
    found = ss.prove(claim, 0, 0, vary={"file": ss.ball(1), "output": ss.ball(1)})
    found.save(tmp_path / "w")
    with np.load(tmp_path / "w") as kept:
        assert sorted(kept.files) == ["file", "output"]
        assert kept["file"] + kept["output"] > 1


def test_witnesses_that_are_none_are_refused(tmp_path):
    found = proof(turns_at_a_third, 0, ss.ball(1))
    found.save(tmp_path / "w.npz")
    (tmp_path / "text").write_text("no archive")
    for asked, message in [
        ({"x": 0, "region": ss.ball("0.1"), "witness": tmp_path / "w.npz"}, "outside of the box"),
        ({"x": np.zeros(2), "region": ss.ball(1), "witness": tmp_path / "w.npz"}, "expected arrays of shapes"),
        ({"x": 0, "region": ss.ball(1), "witness": tmp_path / "none.npz"}, "there is no file"),
        ({"x": 0, "region": ss.ball(1), "witness": tmp_path / "text"}, "is no .npz file of numbers"),
    ]:
        with pytest.raises(ss.errors.ArgumentError, match=message):
            proof(turns_at_a_third, **asked)
    with pytest.raises(ss.errors.ArgumentError, match="save: expected a refuted claim"):
        proof(lambda x: x <= x, 0, ss.ball(1)).save(tmp_path / "w.npz")
    with pytest.raises(ss.errors.ArgumentError, match="save: cannot write"):
        found.save(tmp_path)


# ---- what ends a search ---------------------------------------------------------------------------------------------


def wavy(x):
    return ss.sum(ss.sin(7 * x) * ss.tanh(x) * x[0])


def test_the_timeout_ends_a_search_and_is_named():
    start = time.monotonic()
    found = ss.bounds(wavy, np.zeros(6), vary={"x": ss.ball(2)}, method="subdivide", budget=10**6, timeout=0.3)
    assert time.monotonic() - start < 30
    assert found.stopped == "timeout"
    assert "stopped by: timeout" in str(found)
    least = ss.bounds(wavy, np.zeros(6), vary={"x": ss.ball(2)}).inner[1]
    found = proof(lambda x: wavy(x) <= least + Fraction(1, 1000), np.zeros(6), ss.ball(2), budget=10**6, timeout=0.3)
    assert (found.status, found.stopped) == ("undecided", "timeout")
    at_once = proof(lambda x: wavy(x) <= least + Fraction(1, 1000), np.zeros(6), ss.ball(2), timeout=0)
    assert (at_once.status, at_once.stopped) == ("undecided", "timeout")
    with pytest.raises(ss.errors.ArgumentError, match="timeout: expected a number of seconds, at least 0, got -1"):
        ss.bounds(wavy, np.zeros(6), vary={"x": ss.ball(2)}, timeout=-1)


def test_rows_share_the_time():
    rows = np.zeros((200, 6))
    found = ss.bounds(wavy, rows, vary={"x": ss.ball(2)}, over="x", method="subdivide", budget=10**6, timeout=0)
    assert found.stopped == "timeout"
    assert found.lower.shape == (200,)


@pytest.mark.parametrize(
    ("spec", "stopped"),
    [
        (lambda x: 1 / x, "no gain"),  # unbounded in the middle, exact elsewhere
        (lambda x: ss.heaviside(x), "no gain"),
        (lambda x: x - 1, "no gain"),
        (lambda x: ss.exp(x) - x, "budget"),
        (lambda x: 0 * x, "no gain"),
    ],
)
def test_a_search_ends_where_it_gains_nothing(spec, stopped):
    found = ss.bounds(spec, 0, vary={"x": ss.ball(1)}, method="subdivide", budget=200)
    assert found.stopped == stopped
    assert found.to_json()["stopped"] == stopped


def test_other_ends_of_a_search_are_named():
    ask = lambda region, **how: ss.bounds(lambda x: ss.exp(x) - x, 0, vary={"x": region}, **how).stopped  # noqa: E731
    assert ask(ss.ball(1), target="0.01", budget=40, method="subdivide") == "budget"
    assert ask(ss.ball(1), target="0.75", budget=4000, method="subdivide") == "target"
    assert ask(ss.ball(1), target="0.75", budget=4000) == "target"
    assert ask(ss.ball(0), method="subdivide") == "nothing left to split"
    assert ask(ss.ball(1)) == ""


def test_symmetric_ties_are_no_lack_of_gain():
    """All corners are alike: the ends stand still until each of them is split."""
    spec = lambda x: ss.sum(ss.square(x) * (ss.square(x) - 1))  # noqa: E731
    found = ss.bounds(spec, np.zeros(4), vary={"x": ss.ball(1)}, method="subdivide", budget=400)
    assert found.stopped == "budget"
    assert found.boxes == 400
