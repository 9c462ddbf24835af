"""Facts about what moves elements: it is linear, parts are what they were made of, and no two places are mixed up."""

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.core.applied import applied
from scalarspec.theory import prove_equal

V, M, T = ss.Dim(4), ss.Shape((3, 4)), ss.Shape((2, 3, 4))


def turned(x):
    return ss.permute_dims(x, (2, 0, 1))


def seen(x):
    return applied("patches", x, kernel=(2,), stride=(1,), dilation=(1,))


def added(x):
    return applied("fold", ss.reshape(x, (2, 2)), stride=(1,), dilation=(1,), size=(3,))


EQUAL = {
    "permuted sums": (lambda x, y: turned(x + 2 * y), lambda x, y: turned(x) + 2 * turned(y), T, T),
    "permuted products": (lambda x, y: turned(x * ss.exp(y)), lambda x, y: turned(x) * ss.exp(turned(y)), T, T),
    "windows": (lambda x, y: seen(x * y - y), lambda x, y: seen(x) * seen(y) - seen(y), V, V),
    "folds": (lambda x, y: added(x - 2 * y), lambda x, y: added(x) - 2 * added(y), V, V),
    "running sums": (
        lambda x, y: ss.cumulative_sum(x - y), lambda x, y: ss.cumulative_sum(x) - ss.cumulative_sum(y), V, V,
    ),
    "side by side": (
        lambda x, y: ss.concat([x + y, 2 * y]), lambda x, y: ss.concat([x, y]) + ss.concat([y, y]), V, V,
    ),
    "the first part": (lambda x, y: ss.concat([x, y], axis=1)[:, : x.shape[1]], lambda x, y: x, M, ss.Shape((3, 2))),
    "the last part": (lambda x, y: ss.concat([x, y], axis=1)[:, x.shape[1] :], lambda x, y: y, M, ss.Shape((3, 2))),
    "parts together": (lambda x: ss.concat([x[:2], x[2:]]), lambda x: x, V),
    "a coupling and back": (
        lambda x: ss.concat([x[:2], (x[2:] * ss.exp(x[1]) + x[0] - x[0]) * ss.exp(-x[1])]), lambda x: x, V,
    ),
    "padded and cut": (lambda x: ss.pad(x, ((1, 1),))[1:-1], lambda x: x, V),
    "convolutions": (
        lambda w, x, y: ss.conv(x + y, w, padding=1),
        lambda w, x, y: ss.conv(x, w, padding=1) + ss.conv(y, w, padding=1),
        ss.Shape((1, 1, 2)), ss.Shape((1, 4)), ss.Shape((1, 4)),
    ),
    "shares": (lambda x: 2 * ss.softmax(x + x), lambda x: ss.softmax(2 * x) * 2, V),
}  # fmt: skip
MANY = np.arange(2000) % 4
DIFFERENT = {
    "orders": (lambda x: ss.permute_dims(x, (2, 0, 1)), lambda x: ss.permute_dims(x, (1, 2, 0)), ss.Shape((3, 3, 3))),
    "axes": (lambda x: ss.cumulative_sum(x, axis=0), lambda x: ss.cumulative_sum(x, axis=1), ss.Shape((4, 4))),
    "sides": (lambda x, y: ss.concat([x, y]), lambda x, y: ss.concat([y, x]), V, V),
    "parts": (lambda x: ss.concat([x[2:], x[:2]]), lambda x: x, V),
    "places": (lambda x, y: ss.concat([x, y])[1:4], lambda x, y: y, V, ss.Dim(3)),
    "indices": (lambda x: x[[0, 1]], lambda x: x[[1, 0]], V),
    "one of two thousand indices": (lambda x: x[MANY], lambda x: x[np.where(np.arange(2000) == 1000, 3, MANY)], V),
    "masks": (
        lambda x: ss.softmax(x, where=[True, True, False, True]),
        lambda x: ss.softmax(x, where=[True, True, True, False]), V,
    ),
    "extremes": (ss.max, ss.min, V),
    "a gathered slope": (
        lambda x: ss.grad(lambda t: ss.sum(t[[0, 0, 1]] ** 2))(x)[:2], lambda x: ss.grad(ss.sum)(x)[:2], V,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_what_is_equal_is_proved(name):
    assert prove_equal(*EQUAL[name]).status == "proved"


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_refuted(name):
    assert prove_equal(*DIFFERENT[name]).status == "refuted"
