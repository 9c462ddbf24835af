"""Derivatives at kinks, ties, steps, borders and the edges of domains: true, enclosed, or refused by name."""

import random
from collections import Counter
from fractions import Fraction

import fuzz_gradients
import numpy as np
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.errors import ArgumentError, NotDifferentiable
from scalarspec.tracing import first_order, generalized
from scalarspec.tracing.vjp_rules import RULES

Q, F, F32, S = (CONTEXTS[name] for name in ("rational", "float64", "float32", "symbolic"))
ENCLOSING = ("interval", "interval64", "fused")
INF = float("inf")


def fold(x):
    """The largest of a vector, begun with its first element."""
    largest = x[0]
    for i in range(len(x)):
        largest = ss.maximum(largest, x[i])
    return largest


def norm2(x):
    return ss.square(ss.sqrt(ss.sum(ss.square(x))))


SINC = lambda x: ss.where(ss.equal(x, 0), 1, lambda: ss.expm1(x) / x)  # noqa: E731

TRUE = {
    "huber at delta": (lambda x: ss.loss.huber(x, [0]), [1], [1]),
    "relu less its mirror": (lambda x: ss.relu(x) - ss.relu(-x), 0, 1),
    "a fold begun with its first": (fold, [3, 1, 2], [1, 0, 0]),
    "the larger of one value": (lambda x: ss.maximum(x[0], x[0]) * x[1], [1, 2], [2, 1]),
    "the larger of equal values": (lambda x: ss.maximum(2 * x, x + x), 1, 2),
    "larger and smaller": (lambda x: ss.maximum(x[0], x[1]) + ss.minimum(x[0], x[1]), [1, 1], [1, 1]),
    "a clip whose ends have changed places": (lambda hi: ss.clip(0, 2, hi), 1, 1),
    "a clip that is tied twice": (lambda x: ss.clip(x, x, x), 1, 1),
    "x |x|": (lambda x: x * ss.abs(x), 0, 0),
    "relu of relu of -relu": (lambda x: ss.relu(ss.relu(x)) - ss.relu(x) + x, 0, 1),
    "|x| of |x|": (lambda x: ss.abs(ss.abs(x)) - ss.abs(x), 0, 0),
    "a hand-written relu": (lambda x: ss.where(x > 0, x, 0) - ss.where(x < 0, -x, 0), 0, 1),
    "a hand-written huber": (lambda x: ss.where(ss.abs(x) <= 1, ss.square(x) / 2, ss.abs(x) - "1/2"), -1, -1),
    "where, far from its hole": (lambda x: ss.where(x < 1, x, ss.sqrt(x)), 0, 1),
    "norm squared": (norm2, [0, 0], [0, 0]),
    "x to the 0": (lambda x: x**0, 0, 0),
    "a step that is dropped": (lambda x: ss.where(x > 1, ss.heaviside(x), 3 * x), 0, 3),
    "a choice between one and the same": (lambda x: ss.square(ss.where(x > x, x, x)), -2, -4),
    "a maximum of three, less itself": (lambda x: fold(x) - fold(x) + x[1], [1, 1, 1], [0, 1, 0]),
}


@pytest.mark.parametrize("name", TRUE)
def test_the_true_derivative_in_exact_numbers(name):
    spec, x, expected = TRUE[name]
    assert ss.grad(spec)(Q.tensor(x)).tolist() == expected
    assert np.ravel(ss.grad(spec)(S.tensor(x)).tolist()).tolist() == np.ravel(expected).tolist()
    _, push = ss.jvp(spec)(Q.tensor(x))
    way = np.arange(1, 1 + np.size(x)).reshape(np.shape(x))
    assert push(Q.tensor(way)).item() == np.sum(way * np.array(expected))


@pytest.mark.parametrize("kind", ENCLOSING)
@pytest.mark.parametrize("name", TRUE)
def test_it_is_enclosed(name, kind):
    spec, x, expected = TRUE[name]
    low, high = ss.endpoints(ss.grad(spec)(CONTEXTS[kind].tensor(x)))
    assert np.all(low <= expected)
    assert np.all(high >= expected)


NONE = {
    "relu": (ss.relu, 0),
    "abs": (ss.abs, 0),
    "leaky_relu": (ss.leaky_relu, 0),
    "heaviside": (ss.heaviside, 0),
    "sign": (ss.sign, 0),
    "x heaviside": (lambda x: x * ss.heaviside(x), 0),
    "maximum": (lambda x: ss.maximum(x[0], x[1]), [1, 1]),
    "three relus that cancel along most lines": (lambda x: ss.sum(ss.relu(x)) - ss.relu(ss.sum(x)), [0, 0]),
    "an odd median": (lambda x: ss.maximum(ss.minimum(x[0], x[1]), ss.minimum(ss.maximum(x[0], x[1]), 0)), [0, 0]),
    "sqrt": (ss.sqrt, 0),
    "sqrt twice": (lambda x: ss.sqrt(x) * ss.sqrt(x), 0),
    "a jump": (lambda x: ss.where(x > 0, x + 1, x), 0),
    "a hole": (SINC, 0),
    "a hole, both branches worked out": (lambda x: ss.where(ss.equal(x, 0), 1, ss.expm1(x)), 0),
    "a guard at its border": (lambda x: ss.where(x > 0, lambda: ss.square(x) + 1, 0), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", NONE)
def test_none_is_refused_by_name(name):
    spec, x = NONE[name]
    with pytest.raises(NotDifferentiable, match=r"grad: .*at_kinks='convention'|grad: sqrt has no derivative"):
        ss.grad(spec)(Q.tensor(x))
    with pytest.raises(NotDifferentiable):
        ss.grad(spec)(S.tensor(x))


def test_a_refusal_names_operation_stage_and_place():
    def spec(x):
        h = ss.stage("hidden", ss.relu(ss.stage("z", x - 1)))
        return ss.stage("loss", ss.sum(h))

    with pytest.raises(NotDifferentiable, match=r"grad: relu at \[1\] \(stage 'hidden'\) has a kink"):
        ss.grad(spec)(Q.tensor([0, 1, 2]))


@pytest.mark.parametrize("kind", ENCLOSING)
def test_generalized_derivatives(kind):
    c = CONTEXTS[kind]

    def ends(spec, low, high):
        return tuple(end.tolist() for end in ss.endpoints(ss.grad(spec)(c.box(low, high))))

    for low, high in ((0, 0), (-1, 0), (0, 1), (-1, 1)):
        assert ends(ss.relu, low, high) == (0, 1)
        assert ends(ss.abs, low, high) == (-1, 1)
    assert ends(ss.relu, 1, 2) == (1, 1)
    assert ends(ss.relu, -2, -1) == (0, 0)
    assert ends(lambda x: ss.maximum(x[0], x[1]), [1, 1], [1, 1]) == ([0, 0], [1, 1])
    assert ends(lambda x: ss.maximum(x[0], x[1]), [1, 0], [1, 2]) == ([0, 0], [1, 1])
    low, high = ends(fold, [3, "9/10", "19/10"], [3, "11/10", "21/10"])
    assert np.all(np.abs(np.array([low, high]).astype(float) - [1, 0, 0]) < 1e-15)
    assert ends(lambda x: ss.maximum(x[0], x[0]) * x[1], [1, 0], [1, 2]) == ([0, 1], [2, 1])
    low, high = ends(lambda x: ss.where(x >= 0, 2 * x, x), 0, 1)
    assert 0 <= low <= 1
    assert 2 <= high <= 3
    assert ends(ss.heaviside, -1, 1) == (0, INF)
    assert ends(lambda x: ss.where(x > 0, 1, 2), -1, 1) == (-INF, 0)
    assert ends(lambda x: ss.where(ss.equal(x, 0), 1, lambda: ss.expm1(x) / x), 0, 0) == (-INF, INF)
    assert ends(norm2, [0, 0], [0, 0]) == ([0, 0], [0, 0])


@pytest.mark.parametrize("kind", ENCLOSING)
def test_a_second_derivative_over_a_kink_is_no_number(kind):
    c = CONTEXTS[kind]
    low, high = ss.endpoints(ss.hessian(ss.relu)(c.box(-1, 1)))
    assert (low[()], high[()]) == (0, INF)
    low, high = ss.endpoints(ss.hessian(lambda x: ss.square(ss.relu(x)))(c.box(-1, 1)))
    assert low[()] <= 0
    assert high[()] >= 2
    with pytest.raises(NotDifferentiable):
        ss.hessian(lambda x: ss.square(ss.relu(x)))(Q.tensor(0))
    with pytest.raises(NotDifferentiable):
        ss.hessian(norm2)(Q.tensor([0, 0]))


def test_floats_follow_pytorch_and_jax():
    def of(spec, x):
        return ss.grad(spec)(F.tensor(x)).tolist()

    assert of(ss.relu, 0.0) == of(ss.abs, 0.0) == of(ss.heaviside, 0.0) == 0
    assert of(lambda x: ss.maximum(x[0], x[1]), [1.0, 1.0]) == [0.5, 0.5]
    assert of(lambda x: ss.minimum(x[0], x[1]), [1.0, 1.0]) == [0.5, 0.5]
    assert of(lambda x: ss.loss.huber(x, [0.0]), [1.0]) == [1]
    assert ss.grad(ss.relu, at_kinks="convention")(Q.tensor(0)).item() == 0
    with pytest.raises(ArgumentError, match="at_kinks: expected 'derivative' or 'convention', got 'zero'"):
        ss.grad(ss.relu, at_kinks="zero")


@pytest.mark.parametrize(
    ("spec", "x", "expected"),
    [
        (lambda x: ss.where(x < 1, x, ss.sqrt(x)), 0.0, 1),
        (lambda x: ss.where(x < 100, ss.exp(x), x), 1000.0, 1),
        (lambda x: ss.where(x > 0, ss.log(x), x), -1.0, 1),
        (lambda x: ss.where(x > 0, 1 / x, x), 0.0, 1),
        (norm2, [0.0, 0.0], [0, 0]),
        (lambda x: x**0, 0.0, 0),
        (lambda x: ss.sum(ss.where(x > 0, ss.sqrt(x), 0 * x)), [-1.0, 4.0], [0, 0.25]),
        (lambda x: 0 * ss.sum(ss.exp(x)), [1000.0], [0]),
    ],
)
def test_an_adjoint_that_is_zero_hands_on_zero(spec, x, expected):
    assert ss.grad(spec)(F.tensor(x)).tolist() == expected
    batch = ss.batched(ss.grad(spec), over="x")(F.tensor([x, x]))
    assert batch.tolist() == [expected, expected]


def test_what_is_infinite_stays_so():
    assert ss.grad(ss.sqrt)(F.tensor(0.0)).item() == INF
    assert np.isnan(ss.grad(lambda x: ss.sqrt(x) - ss.sqrt(2 * x))(F.tensor(0.0)).item())
    assert ss.jvp(ss.sqrt)(F.tensor(0.0))[1](F.tensor(1.0)).item() == INF


def test_small_derivatives_do_not_cancel():
    context = ss.context("interval", prec=200)
    for function in (ss.tanh, ss.sigmoid):
        for x in (-40.0, -9.01, -1.0, 0.0, 0.3, 5.0, 18.0, 300.0):
            low, _ = ss.endpoints(ss.grad(function)(context.tensor(x)))
            assert ss.grad(function)(F.tensor(x)).item() == pytest.approx(float(low), rel=1e-14)
    assert ss.grad(ss.tanh)(F32.tensor(np.float32(-9.01))).item() == pytest.approx(5.97e-8, rel=1e-3)


def test_what_fills_a_hole_has_not_the_derivative_of_a_constant():
    with pytest.raises(NotDifferentiable, match="fills the hole"):
        ss.grad(SINC)(F.tensor(0.0))
    assert ss.grad(SINC, at_kinks="convention")(F.tensor(0.0)).item() == 0
    assert ss.grad(SINC)(F.tensor(1.0)).item() == pytest.approx(1)


def test_batches_at_kinks_are_done_one_by_one():
    spec = lambda x: ss.relu(x) - ss.relu(-x)  # noqa: E731
    assert ss.batched(ss.grad(spec), over="x")(Q.tensor([0, 1, -1])).tolist() == [1, 1, 1]
    with pytest.raises(NotDifferentiable):
        ss.batched(ss.grad(ss.relu), over="x")(Q.tensor([1, 0]))


def test_a_formula_says_where_it_does_not_hold():
    found = ss.derive(lambda x: ss.relu(x) + ss.abs(x - 1), ss.Scalar).derivative("x")
    assert [str(e) for e in found.excluded] == ["x - 1", "x"] or [str(e) for e in found.excluded] == ["x", "x - 1"]
    assert "where" in str(found)
    assert ss.derive(lambda x: ss.maximum(x, x), ss.Scalar).gradient("x") == 1
    assert ss.derive(ss.exp, ss.Scalar).derivative("x").excluded == ()


def test_bounds_and_proofs_over_a_clip_whose_ends_change_places():
    spec = lambda hi: ss.clip(0, 2, hi)  # noqa: E731
    for method in ("interval", "mean-value", "linear", "subdivide", "auto"):
        found = ss.bounds(spec, 1.0, vary={"hi": ss.ball("0.5")}, method=method)
        assert found.lower <= Fraction(1, 2)
        assert found.upper >= Fraction(3, 2)
    region = {"hi": ss.box("0.5", "1.5")}
    assert ss.theory.prove_monotone(lambda hi: -ss.clip(0, 2, hi), "hi", ss.Scalar, over=region).status == "refuted"
    assert ss.tolerance(lambda u: ss.clip(0, 2, u * u), 0.7, vary={"u": ss.ball(0)}).absolute > 0


def test_mean_value_bounds_where_the_middle_is_a_pole():
    found = ss.bounds(lambda x: 1 / x, 0.0, vary={"x": ss.ball(1)}, method="mean-value")
    assert (found.lower, found.upper) == (-INF, INF)


ANY = lambda x: ss.where((x > 1).any(), 10, x[0])  # noqa: E731
ALL = lambda x: ss.where((x <= 1).all(), x[0], 5 * x[0])  # noqa: E731


@pytest.mark.parametrize(("spec", "most"), [(ANY, 10), (ALL, 10)])
def test_truths_that_are_folded_are_seen(spec, most):
    found = ss.bounds(spec, [1.0, 1.0], vary={"x": ss.box(0, 2)}, method="mean-value")
    assert found.upper >= most
    with pytest.raises(NotDifferentiable):
        ss.grad(spec)(Q.tensor([1, 1]))
    for kind in ENCLOSING:
        low, high = ss.endpoints(ss.grad(spec)(CONTEXTS[kind].tensor([1, 1])))
        assert np.all(low == -INF)
        assert np.all(high == INF)
    rows = [[1.0, 1.0], [2.0, 1.0]]
    assert ss.batched(spec, over="x")(F.tensor(rows)).tolist() == [spec(F.tensor(x)).item() for x in rows]


@pytest.mark.parametrize(
    "spec",
    [
        lambda x: ss.where((x <= 0)[1], x, x + 3 * x[1])[0],
        lambda x: ss.where((x <= 0)[::-1], x, 2 * x)[0],
        lambda x: (x[0] - 1) * 0 ** x[1],
        lambda x: x[1] ** x[1],
        lambda x: (ss.abs(x[1]) ** "1/3") ** 3,
        lambda x: ss.square(ss.sqrt(ss.abs(x[1]))),
        lambda x: x[0] if x[1] > 0 else x[0] + x[1],
        lambda x: x[0] * x[1].item(),
        lambda x: ss.square(ss.where(x[1] > x[1], x[1], x[1]) - "1/2") + ss.clip(x[1], 0, 2),
    ],
)
def test_what_is_matched_flat_or_looked_at_is_refused(spec):
    with pytest.raises((NotDifferentiable, ArgumentError, ss.errors.NotExact)):
        ss.grad(spec)(Q.tensor([1, 0]))


def test_an_indexed_truth_is_followed():
    assert ss.grad(lambda x: ss.where((x <= 0)[1], x, x + 3 * x[1])[0])(Q.tensor([0, 1])).tolist() == [1, 3]


@pytest.mark.parametrize("kind", ENCLOSING)
def test_what_follows_from_a_jump_at_the_edge_is_given_up(kind):
    c = CONTEXTS[kind]
    low, high = ss.endpoints(ss.grad(lambda x: ss.where(x[0] <= 0, 1, 0) * x[1])(c.tensor([0, 1])))
    assert (low.tolist(), high.tolist()) == ([-INF, -INF], [INF, INF])
    for spec in (ss.heaviside, ss.sign, lambda x: ss.where(x > 0, lambda: x, 0)):
        low, high = ss.endpoints(ss.jvp(spec)(c.tensor(0))[1](c.tensor(1)))
        assert low[()] <= 0
        assert high[()] >= 1
    with pytest.raises(NotDifferentiable):
        ss.hessian(lambda x: ss.where(x <= 0, lambda: x**2, lambda: 2 * x**2))(c.tensor(0))
    for spec in (lambda x: ss.square(ss.sqrt(ss.abs(x))), lambda x: (ss.abs(x) ** "1/2") ** 2):
        low, high = ss.endpoints(ss.grad(spec)(c.tensor(0)))
        assert low[()] <= -1
        assert high[()] >= 1


@pytest.mark.parametrize("kind", ENCLOSING)
def test_numbers_that_are_looked_at_are_no_derivative(kind):
    c = CONTEXTS[kind]
    with pytest.raises(NotDifferentiable, match="looks at single numbers"):
        ss.grad(lambda x: x * x.context.tensor(x.item()))(c.box(1, 2))
    found = ss.bounds(lambda x: x * x.context.tensor(x.item()), 1.5, vary={"x": ss.ball("0.5")}, method="mean-value")
    assert found.lower <= 1
    assert found.upper >= 4


def test_random_specs_with_ties_on_purpose():
    counts = Counter()
    assert not [miss for seed in range(150) for miss in fuzz_gradients.check(seed, counts)]
    assert not [miss for seed in range(20) for miss in fuzz_gradients.check_bounds(seed, counts, number=40)]
    assert counts["given"] > 100
    assert counts["refused, though differentiable"] < 6


def one_side(self, eqn, g, read):
    return RULES["relu"](g, None, read(eqn.operands[0], ss.Tensor))


def by_convention(self, eqn, g, read):
    return generalized.conventional(eqn, g, read)


def taken_branch(self, eqn, g, read):
    return RULES["where"](g, None, *generalized.operands_of(eqn, read))


@pytest.mark.parametrize(
    ("name", "written", "fault"),
    [
        ("relu", "relu", one_side),
        ("maximum", "max", by_convention),
        ("where", "where", taken_branch),
        ("heaviside", "step", by_convention),
        ("floor", "floor", by_convention),
    ],
)
def test_the_fuzz_sees_a_rule_that_picks_one_side(monkeypatch, name, written, fault):
    monkeypatch.setitem(generalized.AT_KINKS, name, fault)
    using = [seed for seed in range(2400, 4000) if written in fuzz_gradients.random_spec(random.Random(seed))[1]]
    assert any(fuzz_gradients.check(seed, Counter()) for seed in using)


@pytest.mark.parametrize("fault", ["coefficient", "form"])
def test_the_fuzz_sees_kinks_that_are_dropped(monkeypatch, fault):
    if fault == "coefficient":
        for name in first_order.COEFFICIENTS:
            monkeypatch.setitem(first_order.COEFFICIENTS, name, lambda *_: Fraction(0))
    else:
        monkeypatch.setattr(first_order.Exact, "relu_of", lambda self, u: ([Fraction(0)] * len(u[0]), {}))
    assert any(fuzz_gradients.check(seed, Counter()) for seed in range(200))
