"""Layers: chains of linear operations as one product of matrices, certified; what is left out, and what is not."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.bounding import fused
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.fused import Layer

EXACT = CONTEXTS["rational"]


def layers_of(spec, x, radius="0.1"):
    """The steps of a spec's plan that are layers."""
    plan = Domain(spec, {"x": x}, {"x": ss.ball(radius)}).plan
    return [step for step in plan.steps.values() if isinstance(step, Layer)]


def chains(seed):
    """A chain of linear operations on a vector, whose factors cancel, or differ much in size."""
    rng = np.random.default_rng(seed)
    n, h, m = rng.integers(1, 6, 3)
    first = rng.normal(size=(h, n)) * 10.0 ** rng.integers(-12, 12, size=(h, 1))
    second = np.linalg.pinv(first)[: min(m, n)] if seed % 2 else rng.normal(size=(m, h))
    b, c = rng.normal(size=h), rng.normal(size=len(second))

    def spec(x):
        hidden = ss.affine(first, x, b) / 3
        return ss.cumulative_sum(ss.affine(second, hidden - hidden[0], c)) * "0.1"

    return spec, rng.normal(size=n)


def missed(layer, spec, n):
    """By how many elements the exact matrix, and what is constant, lie further from the layer's than it says."""
    at_zero = np.array(spec(EXACT.tensor([0] * n)).tolist(), dtype=object)
    wrong = 0
    for k in range(n):
        unit = [int(j == k) for j in range(n)]
        column = np.array(spec(EXACT.tensor(unit)).tolist(), dtype=object) - at_zero
        for exact, about, size in zip(column, layer.matrices[0][:, k], layer.sizes[0][:, k], strict=True):
            wrong += abs(exact - Fraction(about)) > Fraction(layer.rate) * Fraction(size)
    pairs = zip(at_zero, layer.bias, layer.bias_size, strict=True)
    return wrong + sum(abs(e - Fraction(b)) > Fraction(layer.rate) * Fraction(s) for e, b, s in pairs)


def test_matrices_are_as_near_as_they_say():
    for seed in range(60):
        spec, x = chains(seed)
        (layer,) = layers_of(spec, x)
        assert missed(layer, spec, len(x)) == 0


def test_a_rate_that_is_too_small_is_seen(monkeypatch):
    monkeypatch.setattr(fused, "RATE", fused.RATE / 256)
    found = [(chains(seed), seed) for seed in range(60)]
    assert sum(missed(layers_of(spec, x)[0], spec, len(x)) for (spec, x), _ in found) > 0


def test_a_chain_is_one_layer_between_curved_functions():
    w, v = np.ones((4, 3)), np.ones((2, 4))
    spec = lambda x: ss.affine(v, ss.relu(ss.affine(w, x * 2 - 1, [0] * 4)), [0] * 2)[1]  # noqa: E731
    assert [layer.matrices[0].shape for layer in layers_of(spec, np.zeros(3))] == [(4, 3), (1, 4)]


def test_a_bottleneck_is_not_multiplied_out():
    rng = np.random.default_rng(0)
    down, up = rng.normal(size=(2, 300)), rng.normal(size=(300, 2))
    assert not [
        m
        for layer in layers_of(lambda x: ss.relu(up @ (down @ x)), np.zeros(300))
        for m in layer.matrices
        if m.size > 600
    ]


W, B = np.array([[0.1, -3.0, 0.0], [2.0, 0.3, 1e-7]]), np.array([0.7, -0.2])


@pytest.mark.parametrize(
    ("spec", "bias"),
    [
        (lambda x: ss.affine(W, x, B), B),
        (lambda x: W @ x, 0 * B),
        (lambda x: W @ x + B, B),
        (lambda x: B + x @ W.T, B),
        (lambda x: ss.reshape(x, (1, 3)) @ W.T + B, B),
        (lambda x: ss.reshape(x, (1, 3)) @ W.T + B[None], B),
        (lambda x: W @ ss.reshape(x, (3, 1)) + B[:, None], B),
        (lambda x: W @ x + 0.5, np.array([0.5, 0.5])),
    ],
)
def test_unit_rows_of_known_weights_are_the_weights(spec, bias, monkeypatch):
    monkeypatch.setattr(fused.np, "eye", None)  # no product is needed
    (layer,) = layers_of(lambda x: ss.relu(spec(x)), np.array([0.5, 0.25, -1.0]))
    (matrix,), (sizes,) = layer.matrices, layer.sizes
    assert np.array_equal(matrix, W)
    assert np.array_equal(sizes, np.abs(W))
    assert np.array_equal(layer.bias, bias)
    assert np.array_equal(layer.bias_size, np.abs(bias))


@pytest.mark.parametrize(
    "spec",
    [
        lambda x: W @ x + x[:2],
        lambda x: W @ x - B,
        lambda x: ss.sum(ss.reshape(ss.stack([x, 2 * x]), (2, 3)) @ W.T, axis=0) + B,
        lambda x: W[:, :2] @ (W @ x + B) + B,
    ],
)
def test_what_is_more_than_weights_is_multiplied_out(spec):
    (layer,) = layers_of(lambda x: ss.relu(spec(x)), np.array([0.5, 0.25, -1.0]))
    for point in ([0.5, 0.25, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]):
        exact = np.array(spec(EXACT.tensor(point)).tolist(), dtype=float)
        assert np.allclose(layer.matrices[0] @ point + layer.bias, exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        (lambda x: x[0] + 1, 0),  # its ends are exact as they are
        (lambda x: ss.where((x[:1] > 0).all(), x[0], x[1]), 0),  # truths are no numbers
        (lambda x: ss.log(ss.softmax(x))[0], None),
    ],
)
def test_what_is_no_layer(spec, count):
    if count is not None:
        assert len(layers_of(spec, np.array([0.5, 0.25]))) == count
    assert ss.bounds(spec, np.array([0.5, 0.25]), vary={"x": ss.ball("0.1")}).lower <= 1.4 + 1e-9


def test_what_is_made_for_nothing_is_left_out_unless_it_may_fail():
    def spec(x):
        ss.sum(2 * x)
        ss.log(x)
        return x[0]

    plan = Domain(spec, {"x": np.ones(2)}, {"x": ss.ball("0.1")}).plan
    assert [step.operation for step in plan.steps.values()] == ["log", "getitem"]


def test_infinite_inputs_leave_what_they_do_not_reach():
    spec = lambda x: ss.affine([[1, 0], [1, 1]], x, [0, 0]) * 2  # noqa: E731
    found = ss.bounds(spec, [0, 0], vary={"x": ss.box([-1, -np.inf], [1, np.inf])}, method="linear")
    assert (found.lower.tolist(), found.upper.tolist()) == ([-2, -np.inf], [2, np.inf])
