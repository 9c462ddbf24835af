"""Losses at known points, under every context that supports them."""

import math
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from agreement import assert_is, assert_near
from conftest import CONTEXTS, WITH_EXP

import scalarspec as ss
from scalarspec import loss
from scalarspec.errors import ArgumentError, NotSupported, OutOfRange, ShapeError

HALF = Fraction(1, 2)


def test_losses_at_rational_points(context):
    x, y = context.tensor([1, -2, "1/2"]), context.tensor([0, 1, "1/4"])
    assert_is(loss.mse(x, y), (1 + 9 + Fraction(1, 16)) / 3)
    assert_is(loss.mse_derivative(x, y), [Fraction(2, 3), -2, Fraction(1, 6)])
    assert_is(loss.mae(x, y), (1 + 3 + Fraction(1, 4)) / 3)
    assert_is(loss.huber(x, y), (HALF + Fraction(5, 2) + Fraction(1, 32)) / 3)
    assert_is(loss.huber(x, y, 2), (HALF + 4 + Fraction(1, 32)) / 3)
    assert_is(loss.hinge(context.tensor([2, "1/2"]), context.tensor([1, -1])), Fraction(3, 4))


@pytest.mark.parametrize("name", WITH_EXP)
def test_losses_with_logarithms(name):
    context = CONTEXTS[name]
    x, y = context.tensor([1, -2]), context.tensor([0, 0])
    assert_near(loss.log_cosh(x, y), "0.87939178892044580898", 18)
    logits, target = context.tensor([1, 2, 3]), context.tensor([0, 0, 1])
    assert_near(loss.cross_entropy(logits, target), "0.40760596444438030448", 18, ulps=64)


def test_losses_of_float_extremes(float64):
    far = float64.tensor([1000.0, -1000.0, 0.0])
    assert loss.cross_entropy(far, float64.tensor([1, 0, 0])).item() == 0.0
    assert loss.cross_entropy(far, float64.tensor([0, 1, 0])).item() == 2000.0
    assert loss.log_cosh(far[:1], float64.tensor([0])).item() == pytest.approx(1000 - math.log(2), rel=1e-15)


@pytest.mark.parametrize("spec", [loss.mse, loss.mae, loss.huber, loss.hinge, loss.log_cosh, loss.bce, loss.smooth_l1])
def test_losses_want_equal_shapes(context, spec):
    with pytest.raises(ShapeError, match=rf"{spec.__name__}: shapes \(2,\) and \(\) differ"):
        spec(context.tensor([1, 2]), context.tensor(1))


# ---- reductions -----------------------------------------------------------------------------------------------------

X, Y = np.array([[0.5, -1.0, 2.0], [1.0, 0.25, -0.5]]), np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
SHARES = np.array([[0.25, 0.5, 0.75], [0.5, 0.125, 0.875]])
SIGNS = 2 * Y - 1
LABELS = np.array([2, 0])


def labelled(x, **more):
    return loss.cross_entropy(x, LABELS, **more)


def far_apart(x, y, **more):
    return loss.triplet_margin(x, y, -y, margin="1/2", **more)


ALL = {
    "mse": (loss.mse, X, Y),
    "mae": (loss.mae, X, Y),
    "huber": (loss.huber, X, Y),
    "smooth_l1": (loss.smooth_l1, X, Y),
    "log_cosh": (loss.log_cosh, X, Y),
    "poisson_nll": (loss.poisson_nll, X, Y),
    "gaussian_nll": (lambda x, y, **more: loss.gaussian_nll(x, y, [[0.5], [2.0]], **more), X, Y),
    "hinge": (loss.hinge, X, SIGNS),
    "soft_margin": (loss.soft_margin, X, SIGNS),
    "bce": (loss.bce, SHARES, Y),
    "bce_with_logits": (loss.bce_with_logits, X, Y),
    "sigmoid_focal": (loss.sigmoid_focal, X, Y),
    "cross_entropy": (labelled, X),
    "cross_entropy of distributions": (loss.cross_entropy, X, SHARES / SHARES.sum(axis=1, keepdims=True)),
    "nll": (lambda x, **more: loss.nll(x, LABELS, **more), np.log(SHARES)),
    "kl_div": (loss.kl_div, np.log(SHARES), SHARES),
    "cosine_embedding": (lambda x, y, **more: loss.cosine_embedding(x, y, np.array([1, -1]), **more), X, Y),
    "triplet_margin": (far_apart, X, Y),
}
NEVER_NEGATIVE = [name for name in ALL if name not in ("poisson_nll", "gaussian_nll", "kl_div", "nll")]
"""Losses that have 0 as their least value, whatever the arguments."""


@pytest.mark.parametrize("name", ALL)
def test_reductions_are_sums_and_means_of_the_losses(interval, name):
    spec, x, *others = ALL[name]
    t = interval.tensor(x)
    every = spec(t, *others, reduction="none")
    for reduction, want in (("sum", ss.sum(every)), ("mean", ss.mean(every))):
        (low, high), (least, most) = ss.endpoints(spec(t, *others, reduction=reduction)), ss.endpoints(want)
        assert low <= most
        assert least <= high
    assert every.shape in (x.shape, x.shape[:1])
    with pytest.raises(ArgumentError, match=r"reduction: expected 'mean', 'sum' or 'none', got 'avg'"):
        spec(t, *others, reduction="avg")


@pytest.mark.parametrize("name", NEVER_NEGATIVE)
@pytest.mark.parametrize("method", ["interval", "linear"])
def test_losses_are_never_negative_over_boxes(name, method):
    spec, x, *others = ALL[name]
    wide = ss.ball("0.1" if name == "bce" else 3)
    found = ss.bounds(lambda x, *rest: spec(x, *rest, reduction="none"), x, *others, vary={"x": wide}, method=method)
    assert np.all(found.lower >= 0)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("method", ["interval", "linear"])
def test_bounds_contain_the_losses_at_points_inside(name, method):
    spec, x, *others = ALL[name]
    precise, rng = ss.context("interval", prec=113), np.random.default_rng(0)
    for radius in (0.01, 0.1):
        vary = {"x": ss.ball(str(radius))}
        low, high = ss.endpoints(
            ss.bounds(lambda x, *rest: spec(x, *rest), x, *others, vary=vary, method=method).enclosure
        )
        for _ in range(4):
            near = x + rng.uniform(-radius, radius, x.shape)
            lower, upper = ss.endpoints(spec(precise.tensor(near), *others))
            assert np.all((low <= upper) & (lower <= high))


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("poisson_nll", "gaussian_nll", "kl_div")])
def test_losses_of_nothing_are_zero(float64, name):
    spec, x, *others = ALL[name]
    if "gaussian" in name or not all(o.shape == x.shape for o in others) or name in ("cross_entropy", "nll"):
        return
    nothing = [np.zeros((0, 3)) for _ in others]
    if name == "cosine_embedding":
        assert loss.cosine_embedding(float64.tensor(np.zeros((0, 3))), nothing[0], np.zeros(0)).item() == 0
    else:
        assert spec(float64.tensor(np.zeros((0, 3))), *nothing, reduction="mean").item() == 0


# ---- of classes -----------------------------------------------------------------------------------------------------


def test_a_label_is_a_distribution_with_one_share(interval):
    logits = interval.tensor(X)
    one_hot = np.eye(3)[LABELS]
    for more in ({}, {"label_smoothing": "1/4"}, {"weight": [1, 2, 3], "reduction": "sum"}):
        (low, high), (least, most) = (
            ss.endpoints(loss.cross_entropy(logits, target, **more)) for target in (LABELS, one_hot)
        )
        assert low <= most
        assert least <= high


def test_labels_in_every_layout(rational):
    log_probs = rational.tensor(-np.arange(1, 13).reshape(2, 3, 2))
    assert_is(loss.nll(log_probs[0, :, 0], 2), 5)
    assert_is(loss.nll(log_probs[:, :, 0], [2, 0], reduction="none"), [5, 7])
    assert_is(loss.nll(log_probs, [[2, 0], [0, 1]], reduction="none"), [[5, 2], [7, 10]])
    assert_is(loss.nll(log_probs[:, :, 0], rational.tensor([2, 0])), 6)
    assert_is(loss.nll(log_probs[:, :, 0], np.int8([2, 0]), weight=[1, 1, 3]), Fraction(3 * 5 + 7, 4))
    assert_is(loss.nll(log_probs[:, :, 0], [-100, 0]), 7)
    assert_is(loss.nll(log_probs[:, :, 0], [1, 0], ignore_index=1, reduction="none"), [0, 7])
    assert_is(loss.nll(log_probs[:, :, 0], [1, 1], ignore_index=1), 0)
    assert_is(loss.nll(log_probs[:0, :, 0], np.zeros(0, dtype=int)), 0)


def test_labels_that_are_none(rational, interval):
    x = rational.tensor(-np.ones((2, 3), dtype=int))
    with pytest.raises(OutOfRange, match="nll: label 3; expected one of 3 classes, from 0 on"):
        loss.nll(x, [0, 3])
    with pytest.raises(OutOfRange, match="nll: label -1"):
        loss.nll(x, [0, -1])
    with pytest.raises(ArgumentError, match="nll: target: expected integers, got an array of float64"):
        loss.nll(x, [0.0, 1.0])
    with pytest.raises(ArgumentError, match="nll: target: expected an integer, got"):
        loss.nll(x, rational.tensor(["1/2", 1]))
    with pytest.raises(ShapeError, match=r"cross_entropy: a target of shape \(3,\) for \(2, 3\); expected labels of"):
        loss.cross_entropy(interval.tensor(X), [0, 1, 2])
    with pytest.raises(ShapeError, match="weight: shape"):
        loss.cross_entropy(interval.tensor(X), LABELS, weight=[1, 2])


def test_labels_of_a_batch_are_given_to_the_loss_at_once(float64):
    logits, labels = float64.tensor(X), float64.tensor(LABELS)
    with pytest.raises(
        NotSupported, match="cross_entropy: target: integers that vary; give the function the whole batch"
    ):
        ss.batched(loss.cross_entropy, over=("logits", "target"))(logits, labels)
    assert loss.cross_entropy(logits, labels, reduction="none").shape == (2,)


@pytest.mark.parametrize("name", ["interval", "interval64"])
def test_losses_of_one_true_class_are_exact_over_boxes(name):
    """Each rises, or falls, in each logit: the ends are the values at corners."""
    context, radius = CONTEXTS[name], 2
    box = context.box(X - radius, X + radius)
    corners = X + radius * np.where(np.eye(3)[LABELS] > 0, -1, 1)
    found = loss.cross_entropy(box, LABELS, reduction="none")
    assert_close(ss.endpoints(found)[1], loss.cross_entropy(context.tensor(corners), LABELS, reduction="none"))
    for spec in (loss.bce_with_logits, loss.sigmoid_focal):
        upper = ss.endpoints(spec(box, Y, reduction="none"))[1]
        assert_close(upper, spec(context.tensor(X - radius * SIGNS), Y, reduction="none"))


def assert_close(upper, at_corner):
    """As tight as the context is at a point, but for some roundoffs."""
    low, high = ss.endpoints(at_corner)
    assert np.all((low <= upper) & (upper <= high + abs(high) / 2**40))


# ---- at the ends ----------------------------------------------------------------------------------------------------


def test_probabilities_of_0_and_1(context):
    if context.name == "rational":
        return
    p = context.tensor([0, 1, 0, 1])
    assert_is(loss.bce(p, [0, 1, 1, 0], reduction="none"), [0, 0, 100, 100], scale=100)
    box = context.box([0], [Fraction(1, 2)]) if context.encloses else p[:1]
    assert loss.bce(box, [1]).shape == ()


def test_shares_of_zero_count_for_nothing(context):
    if context.name == "rational":
        return
    assert_is(loss.kl_div(context.tensor([[0, -1]]), [[1, 0]], reduction="batchmean"), 0)


def test_vectors_of_zeros(context):
    if context.name == "rational":
        return
    zero = context.tensor([[0, 0]])
    assert_is(loss.cosine_similarity(zero, zero), [0])
    assert_is(loss.cosine_embedding(zero, zero, [1]), 1)


def test_smooth_l1_without_a_corner_is_the_size(rational):
    x, y = rational.tensor([1, -2]), rational.tensor([0, 0])
    assert_is(loss.smooth_l1(x, y, beta=0), Fraction(3, 2))
    assert_is(loss.smooth_l1(x, y, beta=2), loss.huber(x, y, 2).item() / 2)


@pytest.mark.parametrize(
    ("spec", "args", "message"),
    [
        (loss.cosine_embedding, ([[1, 2]], [[1, 2]], [[1]]), "cosine_embedding: .* expected"),
        (partial(loss.bce, weight=[[1], [2]]), ([0.5], [1]), r"bce: a parameter of shape \(2, 1\) does not broadcast"),
        (partial(loss.bce_with_logits, pos_weight=[1, 2, 3]), ([0.5, 1], [1, 1]), "bce_with_logits: shapes"),
        (partial(loss.gaussian_nll, var=[[1], [2]]), ([0, 1], [0, 1]), "gaussian_nll: a parameter of shape"),
        (partial(loss.sigmoid_focal, alpha=[[1], [1]]), ([0, 1], [0, 1]), "sigmoid_focal: a parameter of shape"),
        (loss.triplet_margin, ([1, 2], [1, 2], [1]), "triplet_margin: .* one shape"),
        (
            partial(loss.kl_div, reduction="batchmean"),
            (1, 1),
            "kl_div: the reduction 'batchmean' of a prediction of shape",
        ),
    ],
)
def test_shapes_that_do_not_fit(interval, spec, args, message):
    with pytest.raises(ShapeError, match=message):
        spec(interval.tensor(args[0]), *args[1:])
