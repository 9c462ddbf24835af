"""A network as large as those for CIFAR's images: its bounds in one call, and the memory that they take."""

import re
import subprocess
import sys

import numpy as np

import scalarspec as ss
from scalarspec.examples import bound_image_cnn as example

MOST = 320
"""Megabytes beyond what Python holds anyway: some 160 were seen. One matrix of slopes for all values is 100."""


def test_bounds_in_one_call_take_little_memory():
    command = [sys.executable, "-m", "scalarspec.examples.bound_image_cnn"]
    out = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout
    assert float(re.search(r"(\d+) MB", out)[1]) < MOST


def test_the_bounds_hold_at_corners_of_the_box():
    net, x = example.network(), np.random.default_rng(1).uniform(size=(3, 32, 32)).astype(np.float32)
    found = ss.bounds(example.outputs, net, x, vary={"x": ss.ball(example.RADIUS)}, method="linear")
    assert found.method == "linear"
    for seed in range(3):
        sign = np.random.default_rng(seed).choice([-1, 1], size=x.shape)
        value = np.asarray(example.outputs(net, ss.context("float64").tensor(x + sign * (1 / 256))))
        assert np.all((found.lower <= value) & (value <= found.upper))
