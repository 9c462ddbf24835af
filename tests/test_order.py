"""Sorting by a network, and places that are certain or refused."""

import itertools

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import ArgumentError, NotExact, NotSupported, ShapeError, Undecided

Q, F, BOXES = map(ss.context, ("rational", "float64", "interval"))
ENCLOSING = pytest.mark.parametrize("numbers", [BOXES, ss.context("interval64")], ids=str)
EVERY = pytest.mark.parametrize("numbers", [Q, F, BOXES, ss.context("interval64")], ids=str)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", range(10))
def test_the_network_sorts(n):
    """By Knuth's 0-1 principle, a network that sorts all rows of 0 and 1 sorts everything."""
    rows = np.array(list(itertools.product([0, 1], repeat=n)), dtype=int).reshape(2**n, n)
    assert np.array_equal(np.asarray(ss.sort(F.tensor(rows))), np.sort(rows, axis=-1))


@pytest.mark.parametrize("n", [31, 100])
def test_the_network_sorts_longer_rows(n):
    x = RNG.permutation(2 * n).reshape(n, 2)
    assert ss.sort(Q.tensor(x), axis=0).tolist() == np.sort(x, axis=0).tolist()
    assert ss.sort(Q.tensor(x), 0, descending=True).tolist() == np.sort(x, axis=0)[::-1].tolist()


@ENCLOSING
def test_sorted_boxes_are_the_sorted_ends(numbers):
    low = RNG.integers(-8, 8, (5, 7))
    high = low + RNG.integers(0, 6, low.shape)
    lower, upper = ss.endpoints(ss.sort(numbers.box(low, high)))
    assert np.array_equal(lower, np.sort(low))
    assert np.array_equal(upper, np.sort(high))


@pytest.mark.parametrize("n", [2, 3, 5, 8, 13])
def test_a_nan_leaves_no_number_that_could_be_wrong(n):
    for place in range(n):
        x = np.arange(n, dtype=float)
        x[place] = np.nan
        assert np.isnan(np.asarray(ss.sort(F.tensor([x, x[::-1]])))).all()


def test_the_derivative_of_sorting_is_a_permutation():
    slopes = ss.grad(lambda x: ss.sum(ss.sort(x) * [1, 2, 3]))
    assert slopes(Q.tensor([3, 1, 2])).tolist() == [3, 1, 2]
    assert slopes(BOXES.box([3, 0, 7], [4, 1, 9])).tolist() == [2, 1, 3]


def test_sorting_in_batches_and_in_bounds():
    rows = F.tensor([[3, 1, 2], [0, 5, 4]])
    assert ss.batched(ss.sort, over="x")(rows).tolist() == [[1, 2, 3], [0, 4, 5]]
    found = ss.bounds(lambda x: ss.sort(x)[0], np.array([1.0, 3, 2]), vary={"x": ss.ball("1/2")})
    assert ss.endpoints(BOXES.box(found.lower, found.upper))[0] <= 0.5


@pytest.mark.parametrize(("ours", "numpys"), [(ss.argmax, np.argmax), (ss.argmin, np.argmin)])
@EVERY
def test_places_of_points_are_numpys(ours, numpys, numbers):
    """Ties among them, whose lowest place it is."""
    x = RNG.integers(0, 3, (3, 4, 5))
    for axis, keepdims in itertools.product((0, 1, -1, None), (False, True)):
        found = ours(numbers.tensor(x), axis=axis, keepdims=keepdims)
        assert isinstance(found, np.ndarray)
        assert found.dtype.kind == "i"
        assert np.array_equal(found, numpys(x, axis=axis, keepdims=keepdims))


def test_floats_that_are_no_numbers_are_placed_as_numpy_does():
    x = np.array([[1.0, np.nan, 3], [np.inf, -np.inf, 0]])
    for ours, numpys in ((ss.argmax, np.argmax), (ss.argmin, np.argmin)):
        assert np.array_equal(ours(F.tensor(x)), numpys(x, axis=-1))


@ENCLOSING
def test_a_place_in_boxes_is_certain(numbers):
    assert ss.argmax(numbers.box([0, 2, 1], [1, 3, 2])) == 1
    assert ss.argmax(numbers.box([1, 0], [2, 1])) == 0  # where they are equal, the lower place counts
    assert ss.argmin(numbers.box([[0, 2], [5, 3]], [[1, 3], [6, 4]])).tolist() == [0, 1]


@ENCLOSING
def test_a_place_that_is_not_certain_is_undecided_and_names_the_two(numbers):
    with pytest.raises(Undecided, match="argmax: elements 0 and 2 along axis 0"):
        ss.argmax(numbers.box([0, 0, 1], [2, 1, 3]))
    with pytest.raises(Undecided, match="elements 0 and 1"):
        ss.argmax(numbers.box([0, 1], [1, 2]))  # at (1, 1) it is 0, else 1: neither holds for the box
    with pytest.raises(Undecided, match=r"argmin: elements 0 and 1 of row \(1,\) along axis 1"):
        ss.argmin(numbers.box([[0, 2], [3, 3]], [[1, 3], [6, 4]]))


@ENCLOSING
def test_the_place_over_a_box_is_that_of_each_point(numbers):
    """Corners and ties included: what is certain there is right, and what differs among points is not certain."""
    certain = 0
    for _ in range(60):
        low = RNG.integers(0, 5, 3)
        high = low + RNG.integers(0, 3, 3)
        corners = [np.array(c) for c in itertools.product(*([a, b] for a, b in zip(low, high, strict=True)))]
        for ours, numpys in ((ss.argmax, np.argmax), (ss.argsort, lambda c: np.argsort(c, kind="stable"))):
            try:
                found = ours(numbers.box(low, high))
            except Undecided:
                continue
            certain += 1
            assert all(np.array_equal(found, numpys(corner)) for corner in corners)
    assert certain > 20


def test_a_place_that_rounding_may_turn_is_not_certain():
    """0.1 + 0.1 + 0.1 - 0.3 is above 0 by a little, which a float may lose: under `rounding` neither place is sure."""
    spec = lambda x: ss.argmax(ss.stack([x[0] + x[0] + x[0] - x[1], x[0] - x[0]]))  # noqa: E731
    x, rounding = np.array([0.1, 0.3]), ss.context("rounding")
    assert spec(BOXES.tensor(x)) == spec(Q.tensor(x)) == 0
    with pytest.raises(Undecided, match="argmax: elements 0 and 1"):
        spec(rounding.tensor(x))
    assert ss.argmax(rounding.tensor(x)) == 1


@EVERY
def test_the_order_of_equal_elements_is_theirs(numbers):
    x = np.array([[2, 1, 2, 1], [0, 0, 0, 0]])
    assert ss.argsort(numbers.tensor(x)).tolist() == np.argsort(x, kind="stable").tolist()
    assert ss.argsort(numbers.tensor(x), descending=True).tolist() == np.argsort(-x, kind="stable").tolist()
    assert ss.argsort(numbers.tensor(x), axis=0).tolist() == np.argsort(x, axis=0, kind="stable").tolist()


def test_the_greatest_elements_have_values_where_their_places_are_open():
    found = ss.top_k(BOXES.box([0, 1, 5], [2, 3, 5]), 2)
    assert found.values.tolist() == [5, BOXES.box(1, 3).item()]
    with pytest.raises(Undecided, match="top_k: elements 0 and 1"):
        _ = found.indices
    assert ss.top_k(BOXES.box([0, 1, 5], [2, 3, 5]), 1).indices.tolist() == [2]


def test_the_greatest_elements_and_their_places():
    values, indices = ss.top_k(Q.tensor([[1, 3, 2], [4, 4, 4]]), 2)
    assert (values.tolist(), indices.tolist()) == ([[3, 2], [4, 4]], [[1, 2], [0, 1]])
    values, indices = ss.top_k(F.tensor([[1, 5], [3, 4], [2, 6]]), 1, axis=0)
    assert (values.tolist(), indices.tolist()) == ([[3, 6]], [[1, 2]])
    assert ss.top_k(Q.tensor([1, 2]), 0).indices.shape == ss.top_k(Q.tensor([1, 2]), 0).values.shape == (0,)


def test_places_are_not_looked_for_where_numbers_cannot_be_looked_at():
    with pytest.raises(NotSupported):
        ss.batched(lambda x: x[ss.argmax(x)], over="x")(F.tensor([[1, 3, 2]]))
    with pytest.raises(NotExact, match="argmax: only numbers have places"):
        ss.argmax(ss.context("symbolic").symbols("x", (2,)))


@ENCLOSING
def test_numpys_functions_of_intervals_do_not_take_undecided_for_false(numbers):
    x = numbers.box([0, 1, 0], [2, 3, 5])
    for numpys in (np.argmax, np.argmin, np.argsort, np.count_nonzero):
        with pytest.raises(Undecided):
            numpys(x)
    for numpys in (np.unique, lambda t: np.partition(t, 1)):
        with pytest.raises(NotSupported, match=r"numpy\."):
            numpys(x)
    assert (np.shape(x), np.ndim(x), np.size(x)) == ((3,), 1, 3)
    assert np.sort(Q.tensor([3, 1])).tolist() == [1, 3]


def test_places_among_numbers_in_order():
    x, y = [1, 2, 2, 5], np.array([[0, 1, 2], [3, 5, 6]])
    for side, numbers in itertools.product(("left", "right"), (Q, F, BOXES)):
        assert np.array_equal(ss.searchsorted(numbers.tensor(x), y, side=side), np.searchsorted(x, y, side=side))
    with pytest.raises(Undecided):
        ss.searchsorted(BOXES.tensor(x), BOXES.box(1, 3))


def test_how_many_are_not_zero():
    x = np.array([[0, 1, 0], [2, 3, 0]])
    for axis in (0, 1, None):
        assert np.array_equal(ss.count_nonzero(Q.tensor(x), axis), np.count_nonzero(x, axis=axis))
    assert ss.count_nonzero(Q.tensor(x), 0, keepdims=True).shape == (1, 3)
    with pytest.raises(Undecided):
        ss.count_nonzero(BOXES.box([0], [1]))


def test_what_is_refused_names_the_argument():
    with pytest.raises(ShapeError, match=r"argmax over no elements, of a tensor of shape \(2, 0\)"):
        ss.argmax(F.tensor(np.zeros((2, 0))))
    with pytest.raises(ShapeError, match="sort: axis 1"):
        ss.sort(F.tensor([1, 2]), axis=1)
    with pytest.raises(ArgumentError, match="top_k: k: expected an integer from 0 to 2, got 3"):
        ss.top_k(F.tensor([1, 2]), 3)
    with pytest.raises(ArgumentError, match="searchsorted: side"):
        ss.searchsorted(F.tensor([1, 2]), 1, side="middle")
    with pytest.raises(ShapeError, match="searchsorted: x1: expected a vector"):
        ss.searchsorted(F.tensor([[1, 2]]), 1)


def test_differences_along_an_axis():
    x = np.array([[1, 4, 9, 16], [0, 2, 2, 7]])
    for axis, n in itertools.product((0, 1, -1), (0, 1, 2)):
        assert np.array_equal(np.asarray(ss.diff(F.tensor(x), axis, n)), np.diff(x, n=n, axis=axis)), (axis, n)
    assert ss.diff(Q.tensor([1, 4]), prepend=[0], append=[4]).tolist() == [1, 3, 0]
    with pytest.raises(ArgumentError, match="diff: n"):
        ss.diff(F.tensor([1, 2]), n=-1)


def test_comparisons_the_other_way_round():
    x, y = np.array([1, 2, 3]), np.array([2, 2, 2])
    for ours, numpys in ((ss.greater, np.greater), (ss.greater_equal, np.greater_equal), (ss.not_equal, np.not_equal)):
        assert np.array_equal(np.asarray(ours(Q.tensor(x), y)), numpys(x, y))
    p, q = Q.tensor([0, 0, 1, 1]) > 0, Q.tensor([0, 1, 0, 1]) > 0
    assert ss.logical_xor(p, q).tolist() == [False, True, True, False]
    with pytest.raises(Undecided):
        bool(ss.logical_xor(BOXES.box(0, 2) > 1, BOXES.tensor(0) > 1))
    assert ss.positive(Q.tensor([1, -2])).tolist() == [1, -2]
