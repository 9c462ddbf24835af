"""What random programs beside NumPy found at the edges of the vocabulary: axes of no elements, an Ellipsis that stands
for no axis.
"""

import re

import numpy as np
import pytest
from agreement import assert_is

import scalarspec as ss
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.tensor import elementwise
from scalarspec.errors import ArgumentError, DomainUndecided, ShapeError

X = np.arange(24).reshape(2, 3, 4)
INDICES = {
    "an Ellipsis for no axis": (slice(None), [0, 2], Ellipsis, [1, 3]),
    "an Ellipsis for an axis": ([0, 1], Ellipsis, [1, 3]),
    "an integer and a mask": (slice(1), 1, Ellipsis, np.array([True, False, True, True])),
    "with a new axis": (slice(1), None, -1, Ellipsis, [0, 1, 1]),
    "side by side": (Ellipsis, [0, 2], [1, 3]),
}


@pytest.mark.parametrize("index", INDICES)
def test_an_ellipsis_parts_arrays_as_in_numpy(context, index):
    want = X[INDICES[index]]
    assert_is(context.tensor(X)[INDICES[index]], want)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_truths_of_no_elements(context, shape):
    nothing = context.tensor(np.zeros(shape))
    assert ss.where(np.zeros(shape, dtype=bool), nothing, 1).shape == shape
    kept = ss.any(nothing > 0, axis=-1, keepdims=True)
    assert kept.shape == (*shape[:-1], 1)
    assert np.array_equal(~kept, np.ones(kept.shape, dtype=bool))


def test_truths_over_all_axes_keep_them(context):
    assert ss.all(context.tensor([1, 2, 3]) > 0, keepdims=True).tolist() == [True]


def test_matrices_of_no_elements(context):
    a, b = context.tensor(np.zeros((3, 0))), context.tensor(np.zeros((2, 0, 2)))
    assert (a @ b).shape == (2, 3, 2)
    assert ss.batched(lambda x, y: x @ y, over="y")(context.tensor(np.zeros(0)), b).shape == (2, 2)


def test_a_transposed_convolution_with_more_at_its_end_has_a_transpose(rational):
    def spec(x):
        out = ss.conv_transpose(x, [[[1, 2]]], stride=1, padding=1, output_padding=1, dilation=2)
        return ss.sum(out * np.arange(1, out.size + 1))

    assert ss.grad(spec)(rational.tensor([[5, 7, 0]])).tolist() == [[4, 7, 10]]
    found = ss.bounds(spec, [[5, 7, 0]], vary={"x": ss.ball(1)}, method="linear")
    assert abs(found.lower - (69 - 21)) < 1e-9
    assert abs(found.upper - (69 + 21)) < 1e-9


def test_a_window_of_nothing_but_padding_has_no_largest_element(rational):
    with pytest.raises(ShapeError, match=r"max_pool: .* meet nothing of lengths \(1,\)"):
        ss.max_pool(rational.tensor([[5]]), 2, stride=1, padding=1, dilation=2)


def test_an_end_that_is_not_known_stays_so_where_windows_are_added():
    box = ss.context("interval64").box([[-np.inf, 1]], [[1, 1]])
    found = ss.conv_transpose(box, [[[1, 2]]])
    assert ss.contains(found, [[1, 3, 2]]).all()  # at 1, of which the upper end was -9e307
    found = ss.bounds(
        lambda x: ss.conv_transpose(x, [[[1, 2]]])[0], [[1, 1]], vary={"x": ss.box([[-np.inf, 1]], [[1, 1]])}
    )
    assert (found.upper >= [1, 3, 2]).all()


@pytest.mark.parametrize("name", [n for n, line in OPERATIONS.items() if line.course and line.operands == 1])
def test_half_lines_hold_what_their_finite_ends_give(name):
    context, course = ss.context("interval64"), OPERATIONS[name].course
    for end in (-300.0, -40.0, -1.0, -0.25, 0.25, 1.0, 40.0, 300.0):
        if not course.domain[0] < end < course.domain[1]:
            continue
        point = elementwise(name, context.box(end, end))
        for box in ((max(-np.inf, course.domain[0]), end), (end, min(np.inf, course.domain[1]))):
            try:
                found = elementwise(name, context.box(*box))
            except DomainUndecided:
                continue
            assert ss.intersects(found, point)


BAD = {
    "tril: k: expected an integer, got 1.5": lambda t: ss.tril(t, 1.5),
    "diagonal: offset: expected an integer, got 'x'": lambda t: ss.trace(t, "x"),
    "softmax: expected one axis, got None": lambda t: ss.softmax(t, axis=None),
    "take_along_axis: expected one axis, got None": lambda t: ss.take_along_axis(t, [[0]], axis=None),
    "expected an integer, a tuple of them or None as the axis, got True": lambda t: ss.sum(t, axis=True),
    "permute_dims: axes: expected an integer, or several, got Ellipsis": lambda t: ss.permute_dims(t, ...),
    "roll: shift: expected an integer, or several, got 1.0": lambda t: ss.roll(t, 1.0),
    "repeat: repeats: expected an integer >= 0, or several, got -1": lambda t: ss.repeat(t, -1),
    "repeat: 2 repeats for an axis of length 3": lambda t: ss.repeat(t, [1, 2], axis=1),
    "tile: repetitions: expected an integer >= 0, or several, got None": lambda t: ss.tile(t, None),
    "split: split_size_or_sections: expected an integer >= 0, or several, got 'x'": lambda t: ss.split(t, "x"),
    "stack: tensors: expected several of them, got 3": lambda t: ss.stack(3),
    "concat: tensors: expected several of them, got None": lambda t: ss.concat(None),
    "upsample: scale_factor: expected an integer >= 1, or several, got 1.5": lambda t: ss.upsample(t, 1.5),
    "tensordot: axes: expected an integer, or the axes of x and those of y, got 1.0": lambda t: ss.tensordot(t, t, 1.0),
    "einsum: subscripts: expected text such as 'ij,jk->ik', got None": lambda t: ss.einsum(None, t),
    "conv: stride: expected an integer >= 1, or several, got 1.5": lambda t: ss.conv(t, [[[1]], [[2]]], stride=1.5),
    "conv: groups: expected an integer, got '2'": lambda t: ss.conv(t, [[[1]], [[2]]], groups="2"),
    "max_pool: kernel_size: expected an integer, or several, got None": lambda t: ss.max_pool(t, None),
    "adaptive_avg_pool: output_size: expected an integer, or several, got 0.5": lambda t: ss.adaptive_avg_pool(t, 0.5),
    "var: correction: expected an integer, got 'x'": lambda t: ss.var(t, correction="x"),
    "vector_norm: expected a positive integer or ±inf as ord, got []": lambda t: ss.vector_norm(t, []),
}


@pytest.mark.parametrize("message", BAD)
def test_arguments_that_are_none_are_named(rational, message):
    with pytest.raises((ArgumentError, ShapeError), match=re.escape(message)):
        BAD[message](rational.tensor([[1, 2, 3], [4, 5, 6]]))


def test_diagonals_far_away_are_empty(rational):
    t = rational.tensor([[1, 2, 3], [4, 5, 6]])
    assert ss.triu(t, 10**30).tolist() == ss.tril(t, -(10**30)).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert ss.triu(t, -(10**30)).tolist() == ss.tril(t, 10**30).tolist() == t.tolist()
    assert ss.diagonal(t, 10**30).tolist() == []


@pytest.mark.parametrize("eps", [0, "0.00001"])
def test_norms_of_half_lines(interval, eps):
    box = interval.box([-np.inf, 1, -2], [-3, np.inf, -1])
    found = ss.rms_norm(box, eps=eps)
    for point in ([-3, 1, -1], [-1000, 1, -2], [-3, 1000, -2], [-(10**9), 10**9, -1]):
        assert ss.intersects(found, ss.rms_norm(interval.tensor(point), eps=eps)).all()
    low, high = ss.endpoints(found)
    assert (low >= -2).all()  # √3, but for rounding
    assert (high <= 2).all()


def test_floats_have_lgamma_within_the_ulps_that_a_library_is_trusted_with(float64):
    near = [1 - 2.0**-40, 1 + 2.0**-50, 1.99, 2 - 2.0**-40, 2 + 2.0**-30]
    x = np.array(
        [0.001, 0.43, 0.7, 1.1, 1.29, 1.31, 1.5, 2.55, 3.03, 3.7, 3.95, 4.4, 4.8, 5.4, 5.503125, 6.5, 30.0, *near]
    )
    exact = ss.context("interval", prec=200)
    values, truths = ss.lgamma(float64.tensor(x)), ss.inf(ss.lgamma(exact.tensor(x)))
    assert (np.abs(np.array(values) - truths) <= 4 * np.spacing(np.abs(truths))).all()
