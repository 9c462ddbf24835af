"""How far a call walks: Python functions that are called, and changes from one file to another, for small jobs.

Most of the time of a small job goes into such a walk; and whoever follows it in a debugger walks it too. The limits are
what was measured: they only ever get smaller.
"""

import sys
from itertools import pairwise

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.linear import LinearBounds

W1, B1 = np.array([[0.5, -0.25], [0.75, 1.0], [-0.5, 0.125]]), np.array([0.1, 0.2, 0.3])
W2, B2 = np.array([[1.0, -2.0, 0.5]]), np.array([0.25])


def walked(job):
    """The files of the Python functions that a job calls, one for each call, in order."""
    files = []

    def note(frame, event, arg):
        if event == "call":
            files.append(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        job()
    finally:
        sys.setprofile(None)
    return files


def layers(activation):
    """A network with two inputs, three hidden units and an output, by layers."""
    return lambda x: ss.affine(W2, activation(ss.affine(W1, x, B1)), B2)


def products(activation):
    """The same by products and sums."""
    return lambda x: ss.matmul(W2, activation(ss.matmul(W1, x) + B1)) + B2


@pytest.mark.parametrize(
    ("network", "activation", "calls", "changes"),
    [
        (layers, ss.relu, 427, 261),
        (layers, ss.tanh, 752, 464),
        (products, ss.relu, 585, 366),
        (products, ss.tanh, 908, 567),
    ],
)
def test_linear_bounds_of_a_small_network_walk_no_further(network, activation, calls, changes):
    """For a box, on a plan that was read before."""
    domain = Domain(network(activation), {"x": np.array([0.5, -0.5])}, {"x": ss.ball("0.1")})

    def job():
        LinearBounds(domain.plan, domain.floats, domain.balls).bounds()

    job()
    walks = [walked(job) for _ in range(3)]  # a collection of garbage on the way may call functions, too
    assert min(map(len, walks)) <= calls
    assert min(sum(a != b for a, b in pairwise(files)) for files in walks) <= changes


def test_a_layer_in_floats_is_at_numpy_after_ten_frames():
    context = ss.context("float64")
    weight, x, bias = (context.tensor(np.ones(shape)) for shape in ((3, 2), (2,), (3,)))
    job = lambda: ss.affine(weight, x, bias)  # noqa: E731
    job()
    files = walked(job)[1:]  # the first is the job itself
    ours = next((i for i, file in enumerate(files) if "numpy" in file), len(files))  # or in none that is Python
    assert 1 <= ours <= 10


def test_a_longer_walk_is_seen():
    assert len(walked(lambda: walked(lambda: None))) > len(walked(lambda: None)) == 1
