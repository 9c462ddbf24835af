"""Tensors: shapes that are told at the call, structure, exact entry, and how they leave."""

from fractions import Fraction

import numpy as np
import pytest
from agreement import assert_is
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.errors import OutOfRange, ShapeError

WRONG_SHAPES = {
    "add: shapes (2, 3) and (2,) do not broadcast": lambda t: t + t[:, 0],
    "matmul: (2, 3) @ (2, 3)": lambda t: t @ t,
    "affine: (2, 3) @ (2,) + (2,)": lambda t: ss.affine(t, t[:, 0], t[:, 0]),
    "dot: (3,) and (2,)": lambda t: ss.dot(t[0], t[:, 0]),
    "outer: (2, 3) and (3,)": lambda t: ss.outer(t, t[0]),
    "matrix_transpose: (3,)": lambda t: ss.matrix_transpose(t[0]),
    "broadcast_to: (2, 3) does not broadcast to (3, 3)": lambda t: ss.broadcast_to(t, (3, 3)),
    "stack: shapes (3,) and (2,) differ": lambda t: ss.stack([t[0], t[:, 0]]),
    "sum: axis 2 of a tensor of shape (2, 3)": lambda t: ss.sum(t, axis=2),
    "item: a tensor of shape (2, 3) is not one number": lambda t: t.item(),
    "index 2 of a dimension of length 2": lambda t: t[2],
    "arrays of integers or of bools as indices, got 1.0": lambda t: t[1.0],
    "2 indices for a tensor of shape (3,)": lambda t: t[0][0, 0],
    "a tensor of shape () has no outer dimension": lambda t: len(t[0, 0]),
    "a dimension is an integer >= 0, got -2": lambda t: ss.reshape(t, (-2,)),
    "reshape: 6 elements do not fill (-1, 4)": lambda t: ss.reshape(t, (-1, 4)),
    "expected an integer, a tuple of them or None as the axis, got 'x'": lambda t: ss.sum(t, axis="x"),
    "reshape: (2, 3) has 6 elements, (4,) has 4": lambda t: ss.reshape(t, 4),
    "got elements of shapes (2,), ()": lambda t: t.context.tensor([[1, 2], 3]),
}


@pytest.mark.parametrize("message", WRONG_SHAPES)
def test_a_wrong_shape_is_told_at_the_call(context, message):
    import re

    with pytest.raises((ShapeError, OutOfRange), match=re.escape(message)):
        WRONG_SHAPES[message](context.tensor([[1, 2, 3], [4, 5, 6]]))


def test_structure(context):
    t = context.tensor([[1, 2, 3], [4, 5, 6]])
    assert (t.shape, t.ndim, t.size, t.dtype, len(t)) == ((2, 3), 2, 6, context.name, 2)
    assert t.shape == ss.Dim(2, ss.Dim(3)) == ss.Shape((2, 3))
    assert repr(t.shape) == "(2, 3)"
    assert (t.shape.outer, t.shape.rest) == (2, (3,))
    assert_is(t[1], [4, 5, 6])
    assert_is(t[-1, ::-1], [6, 5, 4])
    assert_is(t[:, 1], [2, 5])
    assert_is(ss.stack(list(t)), [[1, 2, 3], [4, 5, 6]])
    assert_is(ss.matrix_transpose(t), [[1, 4], [2, 5], [3, 6]])
    assert_is(ss.reshape(t, (3, 2)), [[1, 2], [3, 4], [5, 6]])
    assert_is(ss.broadcast_to(t[0], (2, 3)), [[1, 2, 3], [1, 2, 3]])
    assert_is(ss.sum(t, axis=0), [5, 7, 9])
    assert_is(ss.mean(t, axis=(-1,)), [2, 5])
    assert_is(t[0] @ ss.matrix_transpose(t), [14, 32])
    assert_is(abs(-t[0]), [1, 2, 3])
    assert np.asarray(t).shape == (2, 3)
    assert "(2, 3)" in repr(t)


def test_a_tensor_does_not_change_with_its_data(context):
    data = np.array([1.0, 2.0])
    t = context.tensor(data)
    data[0] = 9
    np.asarray(t)[1] = 9
    assert_is(t, [1, 2])


def test_familiar_scalars():
    import mpmath
    import sympy

    items = {name: CONTEXTS[name].tensor("1/2").item() for name in CONTEXTS}
    assert type(items["float64"]) is type(items["float32"]) is float
    assert type(items["rational"]) is Fraction
    assert isinstance(items["symbolic"], sympy.Rational)
    assert isinstance(items["interval"], mpmath.ctx_iv.ivmpf)
    assert items["interval"].ctx is not mpmath.iv
    assert np.asarray(CONTEXTS["float32"].tensor([1])).dtype == np.float32
    assert np.asarray(CONTEXTS["rational"].tensor([1])).dtype == object


def test_an_interval_is_not_silently_a_float(interval):
    from scalarspec.errors import NotExact

    with pytest.raises(NotExact, match="use endpoints"):
        np.asarray(interval.tensor([1]), dtype=float)


def test_lift_goes_through_a_model_and_leaves_indices_alone(rational):
    model = {
        "layers": [ss.layers.Sequential(ss.layers.Linear(np.ones((1, 1)), np.zeros(1)), ss.relu)],
        "idx": 3,
        "beta": 0.1,
    }
    lifted = ss.lift(model, rational)
    assert lifted["idx"] == 3
    assert isinstance(lifted["idx"], int)
    assert lifted["beta"].item() == Fraction(0.1)
    linear, relu = lifted["layers"][0].layers
    assert linear.weight.dtype == "rational"
    assert relu is ss.relu
    assert isinstance(model["layers"][0].layers[0].weight, np.ndarray)


def test_a_tensor_is_carried_to_another_context_exactly_or_not_at_all(context):
    for source in CONTEXTS.values():
        carried = context.tensor(source.tensor([1, "-5/4"]))
        assert carried.context == context
        assert_is(carried, [1, Fraction(-5, 4)])


def test_a_box_is_carried_to_enclosing_contexts_alone(enclosing, rational, interval):
    from scalarspec.errors import NotExact

    low, high = ss.endpoints(enclosing.tensor(interval.box([-1], [2])))
    assert (low[0], high[0]) == (-1, 2)
    with pytest.raises(NotExact, match="is not one number"):
        rational.tensor(interval.box(-1, 2))
    with pytest.raises(NotExact, match="x is not a rational number"):
        enclosing.tensor(CONTEXTS["symbolic"].symbols("x"))
