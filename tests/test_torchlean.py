"""Certificates for TorchLean's checkers: what they claim, that a checker written anew accepts them; what is refused."""

import json
import pickle
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torchlean_reader import Refused, accepts_monotonicity, accepts_query, affine, value

import scalarspec as ss
from scalarspec import cli, layers
from scalarspec.certificates import dense, forms
from scalarspec.errors import ArgumentError, NotSupported

TENT = {
    "format": "crown_query_v1",
    "input_dim": 1,
    "input": {"lo": ["-1"], "hi": ["1"]},
    "layers": [
        {"kind": "linear", "weights": [["1"], ["-1"]], "bias": ["0", "0"]},
        {"kind": "relu", "alpha": ["0", "0"]},
        {"kind": "linear", "weights": [["1", "1"]], "bias": ["0"]},
    ],
    "query": {"weights": [["1"], ["-1"]], "bias": ["-1", "0"], "strict": False},
}
"""0 <= relu(x) + relu(-x) <= 1 on [-1, 1]."""


def network(*widths, seed=0, positive=False):
    source = np.random.default_rng(seed)

    def some(*shape):
        found = source.integers(-16, 17, shape) / 16
        return abs(found) if positive else found

    found = []
    for n, m in pairwise(widths):
        found += [layers.Linear(some(m, n), source.integers(-16, 17, m) / 16), layers.relu]
    return layers.Sequential(*found[:-1])


def apply(model, x):
    return model(x)


def bounds_of(model, radius="1/3", **more):
    x = np.zeros(model.layers[0].weight.shape[1])
    return ss.bounds(apply, model, x, vary={"x": ss.ball(radius)}, **more)


def claimed(document):
    """The bounds that a document of bounds claims, after it was accepted."""
    read, (rows, bias, strict) = accepts_query(json.dumps(document))
    count = len(rows) // 2
    assert not strict
    assert rows == [[Fraction((i == j) * sign) for j in range(count)] for sign in (1, -1) for i in range(count)]
    return read, bias[count:], [-b for b in bias[:count]]


# ---- bounds ---------------------------------------------------------------------------------------------------------


def test_a_document_in_full():
    found = ss.bounds(lambda x: ss.relu(x) + ss.relu(-x), [0.0], vary={"x": ss.ball(1)}).certificate("crown_query_v1")
    assert found == TENT
    accepts_query(json.dumps(found))


@pytest.mark.parametrize("widths", [(2, 1), (1, 3, 1), (2, 3, 2), (3, 5, 4, 2), (2, 4, 4, 4, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_bounds_are_accepted_and_hold(widths, seed):
    model = network(*widths, seed=seed)
    found = bounds_of(model)
    read, lower, upper = claimed(found.certificate("crown_query_v1"))
    least, most = (np.ravel(each) for each in found.inner)
    for x in np.random.default_rng(seed).integers(-16, 17, (20, widths[0])):
        x = [Fraction(int(each), 48) for each in x]
        y = value(read, x)
        assert y == [*map(Fraction, model(ss.context("rational").tensor(x)).tolist())]
        assert all(a <= b <= c for a, b, c in zip(lower, y, upper, strict=True))
    assert all(a <= b and c <= d for a, b, c, d in zip(lower, least, most, upper, strict=True))
    widths = np.array(upper) - np.array(lower)
    assert np.all(widths <= 4 * np.ravel(found.width) + Fraction(1, 2**70))


@settings(max_examples=40, deadline=None, database=None)
@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(0, 10**6), st.fractions(0, 3, max_denominator=9)
)
def test_any_network_is_accepted(widths, seed, radius):
    claimed(bounds_of(network(*widths, seed=seed), radius, method="interval").certificate("crown_query_v1"))


def test_bounds_are_as_narrow_as_the_checker_accepts():
    document = bounds_of(network(2, 4, 3, 2)).certificate("crown_query_v1")
    for i, bias in enumerate(document["query"]["bias"]):
        narrower = json.loads(json.dumps(document))
        narrower["query"]["bias"][i] = str(Fraction(bias) + Fraction(1, 2**79))
        with pytest.raises(Refused, match="does not follow"):
            accepts_query(json.dumps(narrower))


def test_the_box_is_exact_and_inputs_stand_side_by_side():
    def spec(x, y):
        return ss.relu(x + y[0]) - 2 * ss.abs(y[1] - x)

    vary = {"x": ss.box("1/3", "2/3"), "y": ss.box([0, 0], [1, "1/7"])}
    document = ss.bounds(spec, 0.5, [0.0, 0.0], vary=vary).certificate("crown_query_v1")
    assert document["input"] == {"lo": ["1/3", "0", "0"], "hi": ["2/3", "1", "1/7"]}
    assert [each["kind"] for each in document["layers"]] == ["linear", "relu", "linear"]
    read, *_ = claimed(document)
    assert value(read, [Fraction(1, 2), Fraction(1, 4), Fraction(0)]) == [Fraction(-1, 4)]


def test_layers_without_a_rectifier_between_them_are_one():
    model = layers.Sequential(*network(2, 3).layers, *network(3, 2, seed=1).layers)
    (layer,) = bounds_of(model).certificate("crown_query_v1")["layers"]
    point = [Fraction(1, 3), Fraction(-1, 5)]
    exact = [*map(Fraction, model(ss.context("rational").tensor(point)).tolist())]
    rows = [[Fraction(w) for w in row] for row in layer["weights"]]
    assert affine(rows, [Fraction(b) for b in layer["bias"]], point) == exact


def test_constant_outputs_and_points_are_networks_too():
    zero = layers.Sequential(layers.Linear(np.zeros((2, 3)), np.array([1.5, -2.0])))
    assert claimed(bounds_of(zero).certificate("crown_query_v1"))[1:] == ([1.5, -2], [1.5, -2])
    _, lower, upper = claimed(bounds_of(network(2, 3, 1), 0).certificate("crown_query_v1"))
    assert upper[0] - lower[0] <= Fraction(1, 2**79)


SKIPPING = {
    "residual": lambda x: x + ss.relu(x[::-1] - "1/3"),
    "leaky": lambda x: ss.leaky_relu(x),
    "maximum": lambda x: ss.max(x),
    "clipped": lambda x: ss.clip(x, "-1/4", "1/4"),
    "twice": lambda x: ss.relu(ss.relu(x) - ss.relu(x[::-1])) + x - ss.relu(-x),
    "constant": lambda x: ss.concat([x, x - x + 2, ss.abs(ss.abs(x) - "1/7")]),
}


@pytest.mark.parametrize("name", SKIPPING)
def test_what_skips_a_layer_is_handed_through(name):
    spec = SKIPPING[name]
    found = ss.bounds(spec, np.array([0.25, -0.5, 2.0]), vary={"x": ss.ball("3/8")})
    document = found.certificate("crown_query_v1")
    read, lower, upper = claimed(document)
    low, high = ([Fraction(x) for x in document["input"][end]] for end in ("lo", "hi"))
    for shares in [[0] * 3, [8] * 3, *np.random.default_rng(2).integers(0, 9, (20, 3)).tolist()]:
        x = [a + (b - a) * Fraction(k, 8) for a, b, k in zip(low, high, shares, strict=True)]
        y = value(read, x)
        assert y == [*map(Fraction, np.ravel(spec(ss.context("rational").tensor(x)).tolist()))]
        assert all(a <= b <= c for a, b, c in zip(lower, y, upper, strict=True))


def test_handing_through_costs_nothing():
    kept = ss.bounds(lambda x: ss.concat([x, ss.relu(ss.relu(x))]), [0.0], vary={"x": ss.ball(1)})
    assert claimed(kept.certificate("crown_query_v1"))[1:] == ([-1, 0], [1, 1])


def test_what_is_not_shifted_far_enough_is_caught(monkeypatch):
    monkeypatch.setattr(dense._Reading, "_shift", lambda self, place: Fraction(0))
    with pytest.raises(AssertionError):
        test_what_skips_a_layer_is_handed_through("residual")


def test_monotone_is_what_is_so_outside_of_the_box_too():
    def document(spec):
        return ss.bounds(spec, [0.0], vary={"x": ss.ball(1)}).certificate("monotonicity_v1")

    read = accepts_monotonicity(json.dumps(document(lambda x: ss.relu(x) + ss.relu(ss.relu(x) - 1))))
    assert [value(read, [x]) for x in (-9, 1, 9)] == [[0], [1], [17]]
    with pytest.raises(NotSupported, match="monotonicity_v1 takes no input that skips a layer"):
        document(lambda x: x + ss.relu(x))


def proof_of(claim):
    found = ss.prove(claim, 0.0, vary={"x": ss.ball(1)})
    assert found.proved
    return found


# ---- claims ---------------------------------------------------------------------------------------------------------


def test_a_proved_claim():
    model = network(2, 4, 3)
    order = np.argsort(model(ss.context("float64").tensor([0, 0])).tolist()).tolist()

    def spec(m, x):
        y = m(x)
        return ss.logical_and(*(y[order[-1]] > y[i] for i in order[:-1]))

    proof = ss.prove(spec, model, np.zeros(2), vary={"x": ss.ball("1/64")})
    assert proof.proved
    _, (rows, _, strict) = accepts_query(json.dumps(proof.certificate("crown_query_v1")))
    assert (len(rows), strict) == (2, True)


@pytest.mark.parametrize(("limit", "strict"), [(1, False), ("3/2", False), (1.5, True)])
def test_limits_are_exact_and_strict_where_the_claim_is(limit, strict):
    def spec(x):
        y = ss.relu(x) + ss.relu(-x)
        return (y < limit) if strict else (y <= limit)

    document = ss.prove(spec, [0.0], vary={"x": ss.ball(1)}).certificate("crown_query_v1")
    _, (_, _, found) = accepts_query(json.dumps(document))
    assert found is strict


def test_a_conjunction_is_strict_where_a_part_is():
    def spec(x):
        return ss.logical_and(ss.relu(x) <= 2, ss.logical_not(-ss.relu(-x) < -2))

    _, (rows, _, strict) = accepts_query(json.dumps(proof_of(spec).certificate("crown_query_v1")))
    assert (len(rows), strict) == (2, False)
    proof = proof_of(lambda x: ss.logical_and(spec(x), ss.abs(x) < 2))
    _, (rows, _, strict) = accepts_query(json.dumps(proof.certificate("crown_query_v1")))
    assert (len(rows), strict) == (3, True)


def test_slopes_are_chosen_by_what_they_prove():
    for limit, slope in (("-5/8", "1"), ("-1/8", "0")):  # of the lower line a (x + 1/2), which is -a/2 at -1
        document = proof_of(lambda x: ss.relu(x + "1/2") >= limit).certificate("crown_query_v1")  # noqa: B023
        accepts_query(json.dumps(document))
        assert document["layers"][1]["alpha"] == [slope]


def test_a_claim_that_only_parts_of_the_box_prove():
    proof = proof_of(lambda x: ss.abs(x) - 2 * ss.relu(ss.abs(x) - "1/2") >= "-1/8")
    with pytest.raises(NotSupported, match="simpler than those of the search, and miss the claim"):
        proof.certificate("crown_query_v1")


# ---- monotonicity ---------------------------------------------------------------------------------------------------


def test_a_monotone_network():
    document = bounds_of(network(3, 4, 4, 2, positive=True)).certificate("monotonicity_v1")
    assert [*document] == ["format", "input_dim", "layers"]
    assert (document["format"], document["input_dim"], document["layers"][1]) == (
        "monotonicity_v1",
        3,
        {"kind": "relu"},
    )
    read = accepts_monotonicity(json.dumps(document))
    source = np.random.default_rng(1)
    for _ in range(50):
        x, step = source.integers(-9, 9, 3), source.integers(0, 9, 3)
        assert all(a <= b for a, b in zip(value(read, [*x]), value(read, [*(x + step)]), strict=True))


def test_a_negative_weight_is_refused_on_both_sides():
    document = bounds_of(network(2, 2, 1, positive=True)).certificate("monotonicity_v1")
    document["layers"][2]["weights"][0][0] = "-1/1000"
    with pytest.raises(Refused, match="negative"):
        accepts_monotonicity(json.dumps(document))
    model = network(2, 2, 1, positive=True)
    model.layers[2].weight[0, 1] = -0.5
    with pytest.raises(NotSupported, match="monotonicity_v1 takes no negative weights, and dense layer 1 has one"):
        bounds_of(model).certificate("monotonicity_v1")


# ---- what the checker refuses: each is a fault of a document that would be wrong -------------------------------------

FAULTS = {
    "another format": lambda d: d.update(format="crown_v1"),
    "input_dim is no int": lambda d: d.update(input_dim="1"),
    "vector of another size": lambda d: d["input"].update(lo=["0", "0"]),
    "reversed": lambda d: d["input"].update(lo=["2"]),
    "no string": lambda d: d["input"].update(lo=[0.5]),
    "denominator is 0": lambda d: d["input"].update(lo=["1/0"]),
    "is no fraction": lambda d: d["input"].update(lo=["0.5"]),
    "no layers": lambda d: d.update(layers=[]),
    "another kind": lambda d: d["layers"][1].update(kind="tanh"),
    "not in \\[0, 1\\]": lambda d: d["layers"][1].update(alpha=["0", "3/2"]),
    "no weights": lambda d: d["query"].pop("weights"),
    "no query": lambda d: d["query"].update(weights=[], bias=[]),
    "strict is no bool": lambda d: d["query"].update(strict=0),
    "does not follow": lambda d: d["query"].update(strict=True),
    "empty layer": lambda d: d["layers"][2].update(weights=[], bias=[]),
}


@pytest.mark.parametrize("reason", FAULTS)
def test_a_fault_is_refused(reason):
    document = json.loads(json.dumps(TENT))
    accepts_query(json.dumps(document))
    FAULTS[reason](document)
    with pytest.raises(Refused, match=reason):
        accepts_query(json.dumps(document))


@pytest.mark.parametrize("slope", range(len(forms.SLOPES)))
def test_every_choice_of_slopes_encloses(slope, monkeypatch):
    monkeypatch.setattr("scalarspec.certificates.torchlean.SLOPES", forms.SLOPES[slope:])
    claimed(bounds_of(network(2, 4, 4, 2, seed=slope)).certificate("crown_query_v1"))


def test_a_wrong_upper_line_is_caught(monkeypatch):
    right = forms.Affine.scaled
    monkeypatch.setattr(forms.Affine, "scaled", lambda self, slopes, terms: right(self, slopes, [t / 2 for t in terms]))
    document = bounds_of(network(2, 4, 4, 2)).certificate("crown_query_v1")
    with pytest.raises(Refused, match="does not follow"):
        accepts_query(json.dumps(document))


# ---- what is refused before -----------------------------------------------------------------------------------------

REFUSED = {
    "sigmoid": lambda x: ss.tanh(x),
    "exp": lambda x: ss.exp(x),
    "a product of two values that vary": lambda x: x * ss.relu(x),
    "no outputs": lambda x: ss.reshape(x, (1,))[:0],
}


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.parametrize("format", ["crown_query_v1", "monotonicity_v1"])
def test_what_is_no_such_network(reason, format):
    found = ss.bounds(REFUSED[reason], 0.0, vary={"x": ss.ball(1)})
    with pytest.raises(NotSupported, match=f"certificate: expected dense layers and rectifiers in turn, got {reason}"):
        found.certificate(format)


def test_what_no_document_says():
    found = bounds_of(network(1, 2, 1))
    with pytest.raises(ArgumentError, match=r"format: expected one of scalarspec, .*, got 'crown'"):
        found.certificate("crown")
    with pytest.raises(ArgumentError, match="pickled"):
        pickle.loads(pickle.dumps(found)).certificate("crown_query_v1")
    proof = ss.prove(lambda x: ss.logical_or(x > 2, x < 3), 0.0, vary={"x": ss.ball(1)})
    with pytest.raises(NotSupported, match="no 'or'"):
        proof.certificate("crown_query_v1")
    with pytest.raises(ArgumentError, match="expected one of scalarspec, crown_query_v1, got 'monotonicity_v1'"):
        proof.certificate("monotonicity_v1")
    with pytest.raises(NotSupported, match="infinite end"):
        ss.bounds(lambda x: ss.relu(x), 0.0, vary={"x": ss.box(0, np.inf)}).certificate("crown_query_v1")


def test_fractions_that_would_fill_the_memory_are_refused(monkeypatch):
    monkeypatch.setattr(forms, "MOST_BITS", 2**8)
    with pytest.raises(NotSupported, match="more than 256 bits in one layer"):
        bounds_of(network(3, 4, 4, 1)).certificate("crown_query_v1")


def test_on_the_command_line(tmp_path, capsys):
    specs, data, out = (tmp_path / name for name in ("specs.py", "data.npz", "found.json"))
    specs.write_text(
        "import scalarspec as ss\n\n\ndef tent(x):\n    return ss.relu(x) + ss.relu(-x)\n", encoding="utf-8"
    )
    np.savez(data, x=np.zeros(1))
    asked = [f"{specs}:tent", str(data), "--radius", "x=1", "--certificate", str(out), "--certificate-format"]
    assert cli.main(["bounds", *asked, "crown_query_v1"]) == 0
    assert json.loads(out.read_text(encoding="utf-8")) == TENT
    assert cli.main(["bounds", *asked, "monotonicity_v1"]) == 2
    assert "dense layer 0 has one" in capsys.readouterr().err
