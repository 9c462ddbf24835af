"""`prove` over a box: inequalities, claims, decisions, and counterexamples."""

from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS
from specs import shipped

import scalarspec as ss
from scalarspec import layers
from scalarspec.core.lifting import lift
from scalarspec.models import vae, vqvae

PRECISE = ss.context("interval", prec=120)


def test_prove_an_inequality_over_a_box():
    spec, args, _ = shipped()["vae"]
    vary = {"x": ss.ball("0.01")}
    found = ss.bounds(spec, *args, vary=vary)
    middle = (found.inner[1] + found.upper) / 2
    assert ss.prove(spec, *args, vary=vary, at_most=found.upper + Fraction(1, 10**12)).method == "bounds: linear"
    assert ss.prove(spec, *args, vary=vary, at_most=1000).method == "bounds: interval"
    assert ss.prove(spec, *args, vary=vary, at_least=0, at_most=1000).status == "proved"
    refuted = ss.prove(spec, *args, vary=vary, at_most=found.inner[1] - Fraction(1, 10**9))
    assert refuted.status == "refuted"
    low, high = ss.endpoints(
        spec(*lift([args[0], args[1]], PRECISE), PRECISE.tensor(refuted.witness["x"]), PRECISE.tensor(args[3]))
    )
    assert low > found.inner[1] - Fraction(1, 10**9)
    assert refuted.value[0] <= high
    doubtful = ss.prove(spec, *args, vary=vary, at_most=middle, budget=2)
    assert doubtful.status in ("proved", "undecided")
    if doubtful.status == "undecided":
        assert "beyond by" in doubtful.steps[0]
    with pytest.raises(ss.errors.ArgumentError, match="got Tensor; or say at_most or at_least"):
        ss.prove(spec, *args, vary=vary)


def a_claim(model, beta, x, eps):
    return vae.loss(model, beta, x, eps) <= vae.kl_loss(model, x) + 2


def test_prove_a_claim_over_a_box():
    _, args, _ = shipped()["vae"]
    vary = {"x": ss.ball("0.01")}
    assert ss.prove(a_claim, *args, vary=vary).proved
    with ProcessPoolExecutor(1) as executor:
        assert ss.prove(a_claim, *args, vary=vary, executor=executor).proved
    found = ss.prove(lambda m, x: vae.kl_loss(m, x) > 1000, args[0], args[2], vary=vary)
    assert (found.status, found.value[1] < 0) == ("refuted", True)
    x = np.array([1.0, 2.0])
    assert ss.prove(lambda x: ss.square(x) >= 0, x, vary={"x": ss.ball(5)}).proved
    assert not ss.prove(lambda x: ss.square(x) > 0, x, vary={"x": ss.ball(5)}, budget=8).proved
    assert ss.prove(lambda x: 2 * x < x, x, vary={"x": ss.box(-2, -1)}).proved
    touching = ss.prove(lambda x: x - x < 0, x, vary={"x": ss.ball(1)})
    assert (touching.status, touching.output) == ("refuted", (0,))


def test_the_robust_argmax():
    """Is output 0 the greatest for all inputs of a box?"""
    layer = layers.Linear(np.array([[2.0, 1.0], [1.0, -1.0], [0.5, 0.5]]), np.zeros(3))
    ahead = lambda m, x: ss.stack([m(x)[0] - m(x)[k] for k in (1, 2)])  # noqa: E731
    at = np.array([1.0, 0.5])
    assert ss.prove(ahead, layer, at, vary={"x": ss.ball("0.5")}, at_least=0).status == "proved"
    found = ss.prove(ahead, layer, at, vary={"x": ss.ball(1)}, at_least=0)
    assert (found.status, found.output) == ("refuted", (0,))


def test_the_nearest_code_over_a_box():
    """Is code k the nearest for all inputs of a box? Its squared distance less the others', which is affine in z."""
    _, (model, _, x), _ = shipped()["vq-vae"]
    k = int(np.argmin(np.asarray(vqvae.distances(lift(model, "float64"), CONTEXTS["float64"].tensor(x)))))

    def ahead(model, x):
        d = vqvae.distances(model, x)
        return ss.stack([d[j] - d[k] for j in range(4) if j != k])

    near = ss.prove(ahead, model, x, vary={"x": ss.ball("0.001")}, at_least=0)
    assert near.status == "proved"
    far = ss.prove(ahead, model, x, vary={"x": ss.ball(2)}, at_least=0)
    assert far.status == "refuted"
    assert far.value[1] < 0


def test_a_whole_number_that_varies_is_a_tensor_in_a_claim():
    assert ss.prove(lambda x: ss.square(x) <= 4, 0, vary={"x": ss.ball(1)}).proved
    assert ss.prove(lambda x: ss.square(x) <= "1/4", 0, vary={"x": ss.ball(1)}).status == "refuted"


@pytest.mark.parametrize("x", [0, np.int64(0), "0", Fraction(0), 0.0, (0, 0)])
def test_what_varies_in_a_claim_is_given_as_for_bounds(x):
    assert ss.prove(lambda x: ss.square(x) <= 4, x, vary={"x": ss.ball(1)}).proved


def test_a_claim_is_strict_where_it_is_over_the_box():
    """The argument lies outside the box, in another branch, whose comparison is not strict."""

    def claim(x):
        return 0 * x < 0 if x > 1 else x <= x + 1

    assert ss.prove(claim, 0, vary={"x": ss.box(2, 3)}).status == "refuted"


def test_what_is_known_in_parts_may_be_forgotten(monkeypatch):
    """The same verdict, whether parts keep the ranges that were found in them or find these again."""
    rng = np.random.default_rng(3)
    net = layers.Sequential(
        layers.Linear(rng.normal(size=(12, 3)), rng.normal(size=12)),
        layers.relu,
        layers.Linear(rng.normal(size=(8, 12)), rng.normal(size=8)),
        layers.relu,
        layers.Linear(rng.normal(size=(2, 8)), rng.normal(size=2)),
    )
    most = ss.bounds(net, np.zeros(3), vary={"x": ss.ball(1)}, method="subdivide", budget=64).inner[1]
    claims = [lambda x: net(x)[0] <= most[0] + Fraction(1, 2), lambda x: (net(x) <= most - Fraction(1, 100)).all()]
    for claim, status in zip(claims, ("proved", "refuted"), strict=True):
        found = ss.prove(claim, np.zeros(3), vary={"x": ss.ball(1)}, budget=4096)
        with monkeypatch.context() as m:
            m.setattr("scalarspec.bounding.search.MOST_KEPT", 100)
            again = ss.prove(claim, np.zeros(3), vary={"x": ss.ball(1)}, budget=4096)
        assert found.status == again.status == status


def test_a_claim_about_one_point_is_read_at_as_many_bits_as_it_wants():
    at = {"vary": {"x": ss.ball(0)}}
    above, below = "1.648721270700128146848650787815", "1.648721270700128146848650787814"
    assert ss.prove(lambda x: ss.exp(x) <= above, 0.5, **at).status == "proved"
    assert ss.prove(lambda x: ss.exp(x) <= below, 0.5, **at).status == "refuted"
    rows = ss.prove(lambda x: ss.exp(x) <= above, [0.5, 0.5, 0.25], over="x", **at)
    assert [proof.status for proof in rows] == ["proved"] * 3


def test_a_pole_at_one_point_proves_nothing():
    """exp(x) - expm1(x) - 1 is 0, which no precision tells."""
    zero = lambda x: ss.exp(x) - ss.expm1(x) - 1  # noqa: E731
    for claim in (lambda x: 1 / zero(x) >= -5, lambda x: ss.square(1 / zero(x)) >= 0, lambda x: ss.log(zero(x)) < 9):
        assert ss.prove(claim, 0.5, vary={"x": ss.ball(0)}).status == "undecided"
