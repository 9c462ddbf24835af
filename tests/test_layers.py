"""Layers at known points, over boxes, in batches, and what they refuse."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from agreement import assert_is, inside

import scalarspec as ss
from scalarspec import layers
from scalarspec.errors import ArgumentError, NotExact, OutOfRange, ShapeError

R = Fraction
SQUARE = [[1, 2], [3, 4]]
J, Q, F = ss.context("interval"), ss.context("rational"), ss.context("float64")


def at(context, layer, x):
    """A layer of rationals at a rational point, in a context."""
    return ss.lift(layer, context)(context.tensor(x))


@pytest.mark.parametrize(
    ("layer", "x", "want"),
    [
        (layers.Linear(SQUARE), [1, 1], [3, 7]),
        (layers.Linear(SQUARE, [1, -1]), [[1, 1], [0, 1]], [[4, 6], [3, 3]]),
        (layers.Linear(SQUARE), [[1, 1]], [[3, 7]]),
        (layers.Residual(layers.Linear(SQUARE)), [1, 1], [4, 8]),
        (layers.Residual(layers.relu, layers.Linear(SQUARE)), [1, -1], [0, -1]),
        (layers.Flatten(0), SQUARE, [1, 2, 3, 4]),
        (layers.Flatten(), [SQUARE], [[1, 2, 3, 4]]),
        (layers.Dropout([True, False], "1/3"), [2, 5], [3, 0]),
        (layers.Sequential(), [1], [1]),
        (layers.PReLU(["1/4"]), [-4, 4], [-1, 4]),
        (layers.PReLU([0, 2], axis=0), [[-4], [-4]], [[0], [-8]]),
        (layers.Conv([[[1, -1]]], [5], stride=2), [[1, 2, 3, 5]], [[4, 3]]),
        (layers.ConvTranspose([[[1, 2]]], stride=2), [[3, 5]], [[3, 6, 5, 10]]),
        (layers.MaxPool(2), [[1, 3, 2, 0]], [[3, 2]]),
        (layers.AvgPool(2, 1, 1), [[1, 3]], [[R(1, 2), 2, R(3, 2)]]),
        (layers.AdaptiveAvgPool(2), [[1, 3, 5]], [[2, 4]]),
        (layers.AdaptiveMaxPool((1,)), [[1, 3, 2]], [[3]]),
        (layers.Upsample(2), [[[1, 3]]], [[[1, 1, 3, 3]]]),
        (layers.Upsample(2, "linear"), [[[1, 3]]], [[[1, R(3, 2), R(5, 2), 3]]]),
        (layers.BatchNorm([1, 0], [4, 9], [2, 3], [1, 1], eps=0), [[3, 1], [1, -1]], None),
        (layers.BatchNorm([1, 0], [4, 9], [2, 3], [1, 1], eps=0, axis=1), [[3, 1], [1, -1]], [[3, 2], [1, 0]]),
        (layers.BatchNorm([1, 0], [3, 8], eps=1, axis=0), [[3, 1], [1, -1]], [[1, 0], [R(1, 3), R(-1, 3)]]),
        (layers.BatchNorm(None, None, [2], [1], eps=0), [[1], [3]], [[-1], [3]]),
        (layers.LayerNorm([1, 2], [0, 1], eps=0), [[3, 7], [7, 3]], [[-1, 3], [1, -1]]),
        (layers.LayerNorm([1, 1], eps=12), [3, 7], [R(-1, 2), R(1, 2)]),
        (layers.RMSNorm([1, 2], eps=0), [1, 7], [R(1, 5), R(14, 5)]),
        (layers.GroupNorm(2, [1, 1, 1, 1], [0, 0, 0, 5], eps=0), [1, 3, 8, 2], [-1, 1, 1, 4]),
        (layers.InstanceNorm([1, 2], eps=0, axis=0), [[3, 7], [9, 5]], [[-1, 1], [2, -2]]),
    ],
    ids=lambda value: type(value).__name__ if callable(value) else "",
)  # fmt: skip
def test_layers_at_rational_points(context, layer, x, want):
    if want is None:
        with pytest.raises(ArgumentError, match="may have its channels on axis 0 or 1"):
            at(context, layer, x)
    else:
        assert_is(at(context, layer, x), want, ulps=64)


def test_channels_are_found_where_the_shape_tells():
    found = [
        layers.channels.channel_axis("n", ss.Shape(shape), 3, None) for shape in ((3,), (2, 3), (3, 5), (3, 3, 4, 4))
    ]
    assert found == [0, 1, 0, 1]
    with pytest.raises(ShapeError, match="BatchNorm: 3 channels, and x of shape"):
        at(Q, layers.BatchNorm([0] * 3, [1] * 3), [[1, 2], [3, 4]])
    with pytest.raises(ArgumentError, match=r"InstanceNorm: x of shape .* say axis"):
        at(Q, layers.InstanceNorm(), [[1, 2], [3, 4]])
    with pytest.raises(ShapeError, match="no spatial axis"):
        at(Q, layers.InstanceNorm(axis=1), [[1, 2], [3, 4]])


def test_roots_that_are_irrational_are_refused_by_rationals():
    with pytest.raises(NotExact, match="sqrt"):
        at(Q, layers.LayerNorm([1, 1, 1]), [1, 2, 4])


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (layers.GLU(), [1, 2, 3], "GLU: axis -1 of .* has the odd length 3"),
        (layers.LayerNorm([1, 1]), [1, 2, 3], "LayerNorm: x of shape"),
        (layers.GroupNorm(3, [1, 1]), [1, 2], "GroupNorm: 2 channels do not fall into 3 groups"),
        (layers.LayerNorm([1, 1], [1]), [1, 2], "LayerNorm: a weight of shape .* and a bias of shape"),
        (layers.BatchNorm([0, 0], [1], axis=0), [1, 2], "BatchNorm: a parameter of shape .* for 2 channels"),
        (layers.GroupNorm(1, [1, 1], [0]), [1, 2], "GroupNorm: a parameter of shape"),
        (layers.Residual(lambda x: ss.sum(x, keepdims=True)), [1, 2], "Residual: the body has shape"),
        (layers.Dropout([[True], [False]]), [1, 2], "Dropout: a mask of shape"),
        (layers.SinusoidalEncoding(), [1, 2], "SinusoidalEncoding: .* expected"),
        (layers.RotaryEncoding(), [[1, 2, 3]], "RotaryEncoding: .* the width even"),
        (layers.RNN([[1]], [[1]]), np.zeros((0, 1)), "RNN: a sequence of length 0"),
        (layers.LSTM([[1]], [[1]]), [[1.0]], r"LSTM: weight_ih .* expected \(4 hidden, input\)"),
    ],
)
def test_shapes_that_do_not_fit(layer, x, message):
    with pytest.raises(ShapeError, match=message):
        at(F, layer, x)


def test_an_embedding_looks_up():
    table = ss.lift(layers.Embedding([[1, 2], [3, 4], [5, 6]]), "rational")
    assert_is(table([[2, 0]]), [[[5, 6], [1, 2]]])
    assert_is(table(1), [3, 4])
    assert_is(table(Q.tensor([1, 1])), [[3, 4], [3, 4]])
    assert table(np.zeros((0, 2), dtype=int)).shape == (0, 2, 2)
    with pytest.raises(OutOfRange, match="index -1 of a table of 3 vectors"):
        table([0, -1])
    with pytest.raises(ArgumentError, match="Embedding: indices: expected an integer, got 1/2"):
        table(Q.tensor(["1/2"]))
    with pytest.raises(ArgumentError, match="Embedding: indices: expected integers"):
        table([0.5])


# ---- places and attention -------------------------------------------------------------------------------------------


def test_sinusoids_are_sines_and_cosines_of_places():
    table = layers.sinusoids(J, 3, 5)
    assert table.shape == (3, 5)
    assert_is(table[0], [0, 1, 0, 1, 0])
    assert inside(table[2, 1], ss.endpoints(ss.cos(ss.context("interval", prec=200).tensor(2)))[0])
    assert np.all(np.isin(np.asarray(layers.SinusoidalEncoding()(F.tensor(np.zeros((2, 4)))))[0], [0, 1]))


@pytest.mark.parametrize("interleaved", [True, False])
def test_rotations_depend_on_distances_only(interleaved):
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 4))
    turned = layers.RotaryEncoding(interleaved=interleaved)
    rows = turned(J.tensor(np.stack([q, k, q, k])))
    again = layers.RotaryEncoding(interleaved=interleaved, start=7)(J.tensor(np.stack([q, k])))
    near, far = ss.dot(rows[2], rows[3]), ss.dot(again[0], again[1])
    (low, high), (least, most) = ss.endpoints(near), ss.endpoints(far)
    assert low <= most
    assert least <= high
    assert_is(rows[0], [R(x) for x in q])  # at place 0 nothing turns


def by_hand(q, k, v, mask):
    """Attention in NumPy, a row at a time."""
    rows = []
    for i, query in enumerate(q):
        seen = [j for j in range(len(k)) if mask[i, j]]
        e = np.exp([query @ k[j] / np.sqrt(len(query)) for j in seen])
        rows.append(sum((w * v[j] for w, j in zip(e / e.sum(), seen, strict=True)), np.zeros(v.shape[1])))
    return np.array(rows)


def test_attention_is_a_mean_of_the_values_that_take_part():
    rng = np.random.default_rng(1)
    q, k, v = rng.standard_normal((3, 4)), rng.standard_normal((5, 4)), rng.standard_normal((5, 2))
    mask = rng.random((3, 5)) < 0.5
    mask[1] = False
    found = layers.scaled_dot_product_attention(J.tensor(q), k, v, mask)
    lower, upper = ss.endpoints(found)
    want = by_hand(q, k, v, mask)
    assert np.all(np.abs(lower.astype(float) - want) < 1e-12)
    assert np.all((lower[1] == 0) & (upper[1] == 0))  # a row that is masked whole
    everywhere = layers.scaled_dot_product_attention(F.tensor(q), k, v, scale=0)
    assert np.allclose(np.asarray(everywhere), v.mean(axis=0))


@dataclass(frozen=True, eq=False)
class SelfAttention:
    attention: Any
    mask: Any = None

    def __call__(self, x):
        return self.attention(x, x, x, self.mask)


def heads(seed=0, width=4):
    rng = np.random.default_rng(seed)
    shapes = ((3 * width, width), (3 * width,), (width, width), (width,))
    return layers.MultiheadAttention(*(rng.standard_normal(shape) for shape in shapes), num_heads=2)


def test_a_causal_mask_sees_nothing_later():
    model = SelfAttention(heads(), layers.causal_mask(3))
    x = np.random.default_rng(2).standard_normal((3, 4))
    model = ss.lift(model, "interval")
    first, second = model(J.tensor(x)), model(J.tensor(np.concatenate([x[:2], 100 * x[2:]])))
    assert ss.endpoints(first)[0][:2].tolist() == ss.endpoints(second)[0][:2].tolist()


@pytest.mark.parametrize(("axes", "fits"), [(2, True), (3, False), (4, True)])
def test_masks_of_several_heads_have_an_axis_for_each(axes, fits):
    x, mask = F.tensor(np.ones((2, 3, 4))), np.ones((1,) * (axes - 2) + (3, 3), dtype=bool)
    if fits:
        assert ss.lift(heads(), "float64")(x, x, x, mask).shape == (2, 3, 4)
    else:
        with pytest.raises(ShapeError, match="a mask with 3 axes; expected 2 or 4"):
            ss.lift(heads(), "float64")(x, x, x, mask)


def test_heads_that_do_not_fit_are_refused():
    x = F.tensor(np.ones((3, 5)))
    with pytest.raises(ShapeError, match=r"in_proj_weight of shape \(12, 4\)"):
        ss.lift(heads(), "float64")(x, x, x)


# ---- recurrent layers -----------------------------------------------------------------------------------------------


def weights(gates, given=2, hidden=3, seed=0):
    rng = np.random.default_rng(seed)
    rows = gates * hidden
    return [rng.standard_normal(s) for s in ((rows, given), (rows, hidden), (rows,), (rows,))]


RECURRENT = {
    "RNN": layers.RNN(*weights(1)),
    "LSTM": layers.LSTM(*weights(4)),
    "GRU": layers.GRU(*weights(3)),
    "Bidirectional": layers.Bidirectional(layers.GRU(*weights(3)), layers.GRU(*weights(3, seed=1))),
    "Stacked": layers.Stacked(layers.LSTM(*weights(4)), layers.LSTM(*weights(4, 3, seed=1))),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_states_have_pytorchs_layout(name):
    layer = ss.lift(RECURRENT[name], "float64")
    rows = 2 if name in ("Bidirectional", "Stacked") else 1
    width = 6 if name == "Bidirectional" else 3
    outputs, last = layer(F.tensor(np.ones((5, 4, 2))))
    states = last if isinstance(last, tuple) else (last,)
    assert outputs.shape == (5, 4, width)
    assert [s.shape for s in states] == [(rows, 5, 3)] * len(states)
    alone, end = layer(F.tensor(np.ones((4, 2))))
    assert alone.shape == (4, width)
    assert (end[0] if isinstance(end, tuple) else end).shape == (rows, 3)
    assert layer.states == rows
    with pytest.raises(ShapeError, match="a state of shape"):
        layer(F.tensor(np.ones((4, 2))), last)


def test_states_of_another_kind_are_refused():
    x, state = F.tensor(np.ones((4, 2))), F.tensor(np.ones((1, 3)))
    with pytest.raises(ArgumentError, match="LSTM: state: expected a tuple of two tensors, got Tensor"):
        ss.lift(RECURRENT["LSTM"], "float64")(x, state)
    with pytest.raises(ArgumentError, match="GRU: state: expected a tensor, got tuple"):
        ss.lift(RECURRENT["GRU"], "float64")(x, (state, state))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "Stacked"])
def test_a_sequence_may_be_cut_and_its_state_carried_on(name):
    layer = ss.lift(RECURRENT[name], "interval")
    x = J.tensor(np.random.default_rng(3).standard_normal((5, 2)))
    whole, _ = layer(x)
    _, state = layer(x[:3])
    rest, _ = layer(x[3:], state)
    (low, high), (least, most) = ss.endpoints(whole[3:]), ss.endpoints(rest)
    assert np.all((low <= most) & (least <= high))


def test_an_rnn_with_relu_is_exact(exact):
    layer = layers.RNN([[1, 0], [0, 2]], [[1, 1], [0, 1]], [0, 1], [0, -2], nonlinearity="relu")
    outputs, last = at(exact, layer, [[1, 1], [2, 0]])
    assert_is(outputs, [[1, 1], [4, 0]])
    assert_is(last, [[4, 0]])
    with pytest.raises(ArgumentError, match="RNN: nonlinearity: expected 'tanh' or 'relu', got 'sin'"):
        at(exact, layers.RNN([[1]], [[1]], nonlinearity="sin"), [[1]])


# ---- every reading --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Outputs:
    """A recurrent layer as a map."""

    layer: Any

    def __call__(self, x):
        return self.layer(x)[0]


def some(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


ALL = {
    "Linear": (layers.Linear(some(2, 3)), (4, 3)),
    "PReLU": (layers.PReLU(some(3), axis=0), (3, 2)),
    "GLU": (layers.GLU(), (2, 4)),
    "Conv": (layers.Conv(some(2, 2, 2, 2), some(2), padding=1), (2, 3, 3)),
    "ConvTranspose": (layers.ConvTranspose(some(2, 2, 2), some(2), stride=2), (2, 3)),
    "MaxPool": (layers.MaxPool(2, 1, 1), (2, 3, 3)),
    "AvgPool": (layers.AvgPool(2, 1, 1, count_include_pad=False), (2, 3, 3)),
    "AdaptiveAvgPool": (layers.AdaptiveAvgPool(2), (2, 3, 3)),
    "AdaptiveMaxPool": (layers.AdaptiveMaxPool(2), (2, 3, 3)),
    "Upsample": (layers.Upsample(2, "bilinear"), (1, 2, 2, 2)),
    "BatchNorm": (layers.BatchNorm(some(2), some(2) ** 2, some(2), some(2), axis=0), (2, 3)),
    "BatchNorm, training": (layers.BatchNorm(None, None, some(2), some(2), axis=1), (3, 2)),
    "LayerNorm": (layers.LayerNorm(some(4), some(4)), (2, 4)),
    "RMSNorm": (layers.RMSNorm(some(4)), (2, 4)),
    "GroupNorm": (layers.GroupNorm(2, some(4), some(4), axis=0), (4, 2)),
    "InstanceNorm": (layers.InstanceNorm(axis=0), (2, 4)),
    "SinusoidalEncoding": (layers.SinusoidalEncoding(), (3, 4)),
    "RotaryEncoding": (layers.RotaryEncoding(), (3, 4)),
    "Dropout": (layers.Dropout([[True], [False]], "0.5"), (2, 3)),
    "MultiheadAttention": (SelfAttention(heads(), layers.causal_mask(3)), (3, 4)),
    **{name: (Outputs(layer), (3, 2)) for name, layer in RECURRENT.items()},
}


@pytest.mark.parametrize("name", ALL)
def test_bounds_contain_the_values_at_points_inside(name):
    layer, shape = ALL[name]
    x, rng = some(*shape), np.random.default_rng(5)
    spec = lambda model, x: model(x)  # noqa: E731
    precise = ss.context("interval", prec=113)
    for method in ("interval", "linear"):
        for radius in ("0.01", "1"):
            found = ss.bounds(spec, layer, x, vary={"x": ss.ball(radius)}, method=method).enclosure
            assert not np.any(np.isinf(np.asarray(ss.endpoints(found), dtype=float)))
            for _ in range(4):
                near = x + rng.uniform(-float(radius), float(radius), shape)
                lower, upper = ss.endpoints(ss.lift(layer, precise)(precise.tensor(near)))
                low, high = ss.endpoints(found)
                assert np.all((low <= upper) & (lower <= high))


@pytest.mark.parametrize("name", ALL)
def test_batches_and_gradients(name):
    layer, shape = ALL[name]
    xs = np.stack([some(*shape), 2 * some(*shape)])
    model = ss.lift(layer, "interval")
    rows = ss.batched(lambda x: model(x), over="x")(J.tensor(xs))
    for row, x in zip(rows, xs, strict=True):
        (low, high), (least, most) = ss.endpoints(row), ss.endpoints(model(J.tensor(x)))
        assert np.all((low <= most) & (least <= high))
    slope = ss.grad(lambda x: ss.sum(ss.square(ss.lift(layer, "float64")(x))))(F.tensor(xs[0]))
    exact = ss.grad(lambda x: ss.sum(ss.square(model(x))))(J.tensor(xs[0]))
    lower, upper = (ends.astype(float) for ends in ss.endpoints(exact))
    assert np.all((lower - 1e-9 <= np.asarray(slope)) & (np.asarray(slope) <= upper + 1e-9))


@pytest.mark.parametrize("norm", [layers.LayerNorm(np.ones(4)), layers.RMSNorm(np.ones(4))])
@pytest.mark.parametrize("name", ["interval", "interval64"])
def test_what_is_normalized_is_bounded_over_any_box(norm, name):
    context = ss.context(name)
    lower, upper = ss.endpoints(ss.lift(norm, context)(context.box([-100] * 4, [100] * 4)))
    assert np.all((lower >= -2) & (upper <= 2))  # √n


def test_attention_over_a_box_stays_within_the_values():
    q, v = J.box(-np.ones((2, 4)) * 9, np.ones((2, 4)) * 9), np.array([[0.0], [1.0]])
    lower, upper = ss.endpoints(layers.scaled_dot_product_attention(q, q, v))
    assert np.all((lower >= 0) & (upper <= 1))
