"""Matrix notation of what real networks are made of: structure, extremes, shares, windows."""

import pickle

import numpy as np
import pytest
from generated_code import matrices

import scalarspec as ss
from scalarspec.core.applied import applied
from scalarspec.errors import NotSupported

M, N, K = 5, 4, 3
MASK = [[True, False, True, True]] * 3 + [[False] * 4] + [[True] * 4]


def written(spec, *shapes, **options):
    return str(ss.matrix_form(spec, *map(ss.Shape, shapes), **options)).split("\n")


ANY_SIZE = {
    "max over": lambda x: ss.sum(ss.max(x, axis=1) * ss.min(x, axis=1)),
    "max": lambda x: ss.max(x) * ss.min(x),
    "softmax": lambda x: ss.sum(ss.softmax(x, axis=1) * x),
    "log_softmax": lambda x: ss.sum(ss.log_softmax(x, axis=0) * x),
    "cumulative_sum": lambda x: ss.sum(ss.cumulative_sum(x, axis=1) * x),
    "permute_dims": lambda x: ss.sum(ss.permute_dims(ss.reshape(x, (1, *x.shape)), (2, 0, 1)) ** 3),
    "concat": lambda x: ss.sum(ss.concat([x, x * x], axis=1) ** 3),
    "take": lambda x: ss.sum(x[[0, 2, 0]] * x[:, [1, 1, 0, 1]][0, 2]),
    "broadcast": lambda x: ss.sum((x - ss.mean(x, axis=-1, keepdims=True)) * ss.sum(x, axis=0)),
    "flatten": lambda x: ss.sum(ss.reshape(x, (-1,)) ** 2),
    "attention": lambda x: ss.sum(ss.softmax(x @ x.mT) @ x * x),
    "batched products": lambda x: ss.sum(ss.matmul(ss.stack([x, x + 1]), x.mT) ** 2),
    "flip": lambda x: ss.sum(ss.flip(x, axis=0) * x),
}
GIVEN_SIZE = {
    "masked softmax": lambda x: ss.sum(ss.softmax(x, where=MASK) * x),
    "fold": lambda x: ss.sum(applied("fold", ss.reshape(x, (2, 2, 5)), stride=(2,), dilation=(3,), size=(13,)) ** 2),
    "conv": lambda x: ss.sum(ss.conv(ss.reshape(x, (2, 5, 2)), np.ones((3, 2, 2, 2)), padding=1, stride=(2, 1)) ** 2),
    "max_pool": lambda x: ss.sum(ss.max_pool(ss.reshape(x, (1, M, N)), 2, stride=1) ** 2),
    "padded max_pool": lambda x: ss.sum(ss.max_pool(ss.reshape(ss.avg_pool(x, 1), (1, M, N)), 2, padding=1) ** 2),
    "max_pool by itself": lambda x: ss.sum(ss.max_pool(ss.reshape(x, (1, M, N)), 2, padding=1) ** 2),
    "table": lambda x: ss.sum(x[[[0, 2], [1, 0]]] ** 2),
    "conv_transpose": lambda x: ss.sum(ss.conv_transpose(x, np.ones((M, 2, 3)), stride=2) ** 2),
}


@pytest.mark.parametrize("name", ANY_SIZE | GIVEN_SIZE)
def test_the_formulas_equal_the_numbers(name):
    """In NumPy, at other sizes than those that they were made with, where they are for any."""
    spec = (ANY_SIZE | GIVEN_SIZE)[name]
    function = matrices(spec, ss.Shape((M, N)))
    rng = np.random.default_rng(5)
    for shape in ((M, N), (K, 6)) if name in ANY_SIZE else ((M, N),):
        x = rng.normal(size=shape)
        value, gradients = function(x)
        mine, slope = ss.value_and_grad(spec)(ss.context("float64").tensor(x))
        np.testing.assert_allclose(value, np.asarray(mine), rtol=1e-10)
        np.testing.assert_allclose(gradients["x"], np.asarray(slope), rtol=1e-10, atol=1e-10)


def test_sizes_have_names_where_a_form_is_for_any():
    assert all(written(spec, (M, N))[0].startswith("x: (n, m)") for spec in ANY_SIZE.values())
    assert all(written(spec, (M, N))[0] == "x: (5, 4)" for spec in GIVEN_SIZE.values())


def test_how_they_read():
    assert written(lambda x: ss.softmax(x, axis=0), (M,))[1] == "_lambda_ = softmax(x)"
    assert written(lambda x: ss.max(x, axis=0), (M, N))[1] == "_lambda_ = max(x, axis=(0,))"
    assert written(lambda x: ss.concat([x, x])[:, [0, 2]], (M, N))[1] == "_lambda_ = concat(x, x, axis=0)[:, [0, 2]]"
    assert written(lambda x: ss.reshape(x, (-1,)), (M, N))[1] == "_lambda_ = reshape(x, (n m,))"
    assert written(lambda x: ss.stack([x, x], axis=1), (M, N))[1] == "_lambda_ = stack(x, x, axis=1)"
    form = ss.matrix_form(lambda x: ss.permute_dims(ss.log_softmax(x, axis=1), (1, 2, 0)), ss.Shape((2, 3, 4)))
    shown = r"\operatorname{permute\_dims}_{(1, 2, 0)}\left(\operatorname{log\_softmax}_{(1,)}\left(x\right)\right)"
    assert shown in form.latex()


def test_what_has_no_effect_is_dropped():
    assert written(lambda x: ss.permute_dims(ss.permute_dims(x, (1, 2, 0)), (2, 0, 1)), (2, 3, 4))[1] == "_lambda_ = x"
    assert written(lambda x: ss.concat([x]), (M,))[1] == "_lambda_ = x"
    assert written(lambda x: ss.reshape(ss.reshape(x, (1, -1)), x.shape), (M,))[1] == "_lambda_ = x"
    assert written(lambda x: ss.max(ss.broadcast_to(x[0], x.shape)), (M,), wrt=())[1] == "_lambda_ = x[0]"
    assert written(lambda x: ss.softmax(0 * x), (M,))[1] == "_lambda_ = (1/n) 1"


def test_a_first_power_is_the_base():
    assert written(lambda x: ss.sum(x**2), (M,))[-1] == "∂_lambda_/∂x = 2 x"


def test_a_product_of_three_axes_is_no_outer_one():
    spec = lambda x, y: ss.sum(ss.broadcast_to(x, (2, *y.shape, *x.shape)) * ss.reshape(y, (-1, 1)))  # noqa: E731
    x, y = np.array([1.0, 2.0, 3.0]), np.array([5.0, 7.0])
    value, gradients = matrices(spec, ss.Dim(3), ss.Dim(4))(x, y)
    assert (value, gradients["x"].tolist(), gradients["y"].tolist()) == (144, [24, 24, 24], [12, 12])


def test_no_number_hides_a_shape_that_depends_on_the_sizes():
    """The gradient is 1 in each element of a part, which the text does not say, and the code must."""
    _, gradients = matrices(lambda x: ss.sum(x[1:]), ss.Dim(3))(np.ones(5))
    assert gradients["x"].tolist() == [0, 1, 1, 1, 1]
    with pytest.raises(NotSupported, match="depends on the sizes"):
        ss.matrix_form(lambda x: ss.sum(ss.cumulative_sum(x[1:])), ss.Dim(3))


def test_forms_with_arrays_are_pickled():
    form = ss.matrix_form(GIVEN_SIZE["padded max_pool"], ss.Shape((M, N)))
    again = pickle.loads(pickle.dumps(form))
    assert (str(again), again.python()) == (str(form), form.python())


def test_a_tie_between_two_elements_is_named():
    lines = written(lambda x: ss.max(x), (M,))
    assert lines[-1] == "where [2 - sum(where(x = _lambda_, 1, 0)) > 0] ≠ 0"
    _, gradients = matrices(lambda x: ss.max(x), ss.Dim(M))(np.array([1.0, 3.0, 2.0]))
    assert gradients["x"].tolist() == [0, 1, 0]


def test_sizes_that_indices_need_are_said():
    specs = (lambda x: x[[0, 2]], lambda x: ss.take(x, [2], axis=0), lambda x: x[..., 2, :], lambda x: x[None, 2])
    for spec in specs:
        assert written(spec, (M, N))[0] == "x: (n, m); sizes from 3 on"


def test_constants_that_are_as_large_as_the_sizes_are_refused():
    with pytest.raises(NotSupported, match="whose numbers depend on the sizes"):
        ss.matrix_form(lambda x: ss.tril(x), ss.Shape((4, 4)))


CONVOLUTIONS = {
    "W ∗ x + broadcast_to(reshape(b, (2, 1)), (2, 4))": (
        lambda weight, x, bias: ss.conv(x, weight, bias), (2, 3, 2), (3, 5), (2,),
    ),
    "W ∗ x": (lambda weight, x: ss.conv(x, weight), (2, 3, 2, 2), (3, 5, 5)),
    "relu(W ∗ x)": (lambda weight, x: ss.relu(ss.conv(x, weight)), (2, 3, 2, 2), (7, 3, 5, 5)),
    "W ∗[stride=(2, 2)] x": (lambda weight, x: ss.conv(x, weight, stride=2), (2, 3, 2, 2), (3, 5, 5)),
    "W ∗[stride=(2, 1), padding=(1, 1)] x": (
        lambda weight, x: ss.conv(x, weight, stride=(2, 1), padding=1), (2, 3, 2, 2), (3, 5, 5),
    ),
    "W ∗[dilation=(3,), padding=((1, 2),)] x²": (
        lambda weight, x: ss.conv(ss.square(x), weight, dilation=3, padding="same"), (2, 3, 2), (1, 3, 5),
    ),
    "3 (W ∗ x)": (lambda weight, x: 3 * ss.conv(x, weight), (2, 3, 1, 1, 2), (3, 5, 5, 5)),
}  # fmt: skip


@pytest.mark.parametrize("text", CONVOLUTIONS)
def test_convolutions_read_as_in_papers(text):
    spec, *shapes = CONVOLUTIONS[text]
    form = ss.matrix_form(spec, *map(ss.Shape, shapes), wrt=())
    assert str(form).split("\n")[1] == f"_lambda_ = {text}"
    shown = text.replace("∗[", r"\ast_{").replace("]", "}").replace("∗", r"\ast")
    assert shown in form.latex() or not text.startswith("W") or not text.endswith("x")
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=shape) for shape in shapes]
    expected = np.asarray(spec(*map(ss.context("float64").tensor, arrays)))
    np.testing.assert_allclose(matrices(spec, *map(ss.Shape, shapes))(*arrays)[0], expected, rtol=1e-10)


def test_what_is_no_convolution_reads_as_it_is():
    """In groups, of fewer windows, and of a matrix that is no kernel."""
    grouped = written(lambda weight, x: ss.conv(x, weight, groups=2), (4, 1, 2), (2, 5), wrt=())
    assert "∗" not in grouped[1]

    def by_hand(w, x):
        seen = applied("patches", x, kernel=(2,), stride=(1,), dilation=(1,))
        return ss.reshape(ss.matmul(ss.reshape(w, (2, 4)), ss.reshape(seen, (1, 4, 4))), (2, 4))

    assert "∗" in written(by_hand, (2, 2, 2), (1, 2, 5), wrt=())[1]
    assert "∗" not in written(by_hand, (2, 1, 4), (1, 2, 5), wrt=())[1]
    assert "∗" not in written(by_hand, (4, 2), (1, 2, 5), wrt=())[1]
