"""A convolutional network that tells the digits apart, trained by `train_digit_cnn.py`: its logits under every backend,
what they can be while every pixel varies, how well float32 computes them, and of how many digits all that is proved.

`scalarspec classify` prints the report of one held-out digit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.bounding.bounds import Bounds
from scalarspec.compare import Comparison
from scalarspec.examples.digits import HELD_OUT, WEIGHTS, within
from scalarspec.executors import each
from scalarspec.models import cnn
from scalarspec.numbers.exact import interval_text
from scalarspec.report import table
from scalarspec.rounding_errors.crosscheck import Crosscheck
from scalarspec.rounding_errors.tolerance import Tolerance

PARAMETERS = Path(__file__).with_name("digit_cnn.npz")
BACKENDS = ("float32", "float64", "interval", "rational")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Digits:
    """The network, and the held-out digits. pixels: (n, 1, 8, 8) in [0, 1], exact in binary; labels: their digits."""

    network: cnn.Model
    pixels: Array
    labels: tuple[int, ...]


def load() -> Digits:
    """The shipped network, its float32 weights as they were trained, and the 100 digits that were held out."""
    with np.load(PARAMETERS) as archive:
        w = dict(archive)
    with np.load(WEIGHTS) as archive:
        pixels, labels = archive["pixels"][-HELD_OUT:], archive["labels"][-HELD_OUT:]
    first, second = (ss.layers.Conv(w[f"{k}.weight"], w[f"{k}.bias"], padding=1) for k in (0, 3))
    network = cnn.Model((first, second), ss.layers.Linear(w["7.weight"], w["7.bias"]))
    return Digits(network, pixels.reshape(-1, 1, 8, 8) / 16, tuple(labels.tolist()))


def margins(network: cnn.Model, x: ss.Tensor, label: int) -> ss.Tensor:
    """How far the logit of a label lies above each other one: nine numbers, and the label is told if none is negative.

    x: (1, 8, 8); result: (9,).
    """
    logits = cnn.forward(network, x)
    others: ss.Tensor = ss.concat([logits[:label], logits[label + 1 :]])
    return logits[label] - others


def by_hand(network: Any, x: Array) -> Array:
    """The logits in NumPy, in the format of x, with the weights as they were trained."""
    for layer in network.convolutions:
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        h = np.maximum(np.tensordot(layer.weight, seen, axes=([1, 2, 3], [0, 3, 4])) + layer.bias[:, None, None], 0)
        x = h.reshape(len(h), h.shape[1] // 2, 2, h.shape[2] // 2, 2).max(axis=(2, 4))
    logits: Array = network.head.weight @ x.reshape(-1) + network.head.bias
    return logits


@dataclass(frozen=True, eq=False)
class Report:
    """What is known of one digit; and of those that are looked at, how many are told right, for how many of these that
    is sure for all pixels within the radius, and how many are surely told wrong somewhere in there.
    """

    digit: int
    label: int
    radius: str
    readings: Comparison
    interval: Bounds
    linear: Bounds
    float32: Crosscheck
    tolerance: Tolerance
    looked_at: int
    right: int
    sure: int
    changed: int

    def __str__(self) -> str:
        header = ["class", "float32", "exactly", "one interval evaluation", "linear", "attained"]
        rows = [[str(k), *self._cells(k)] for k in range(10)]
        return "\n".join(
            [
                f"Held-out digit {self.digit}, a {self.label}: its logits, and their bounds within {self.radius}\n",
                table(header, rows),
                f"\nfloat32 in NumPy, by hand: within {self.float32.max_ulps:.2f} ulps, which rounding "
                f"{'explains' if self.float32.explained else 'does not explain'}",
                f"float32 anywhere in the box: within {float(np.max(self.tolerance.absolute)):.1e}",
                f"{self.right} of {self.looked_at} digits are told right, {self.sure} of them surely within "
                f"{self.radius}, {self.changed} surely not",
            ]
        )

    @property
    def holds(self) -> bool:
        """Is what is attained within the bounds, and float32 explained by rounding?"""
        least, most = self.linear.inner
        inside = [np.all((b.lower <= least) & (most <= b.upper)) for b in (self.interval, self.linear)]
        return all(inside) and self.float32.explained

    def to_json(self) -> dict[str, Any]:
        """Plain data, exact values and end points as strings."""
        parts = ("readings", "interval", "linear", "float32", "tolerance")
        numbers = ("digit", "label", "radius", "looked_at", "right", "sure", "changed")
        found = {name: getattr(self, name) for name in numbers}
        return found | {name: getattr(self, name).to_json() for name in parts}

    def _cells(self, k: int) -> list[str]:
        values = [np.asarray(self.readings[name].value)[k] for name in ("float32", "rational")]
        found = (self.interval.lower, self.interval.upper), (self.linear.lower, self.linear.upper), self.linear.inner
        ends = [(np.asarray(low)[k], np.asarray(high)[k]) for low, high in found]
        return [*(f"{float(value):.6f}" for value in values), *(interval_text(low, high, 5) for low, high in ends)]


def run(
    digit: int = 0,
    radius: str = "0.01",
    count: int = 10,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Look at one held-out digit, and prove the labels of the first `count`.

    radius: of the box around a digit, in pixel units. executor: proves the labels, as for
    `scalarspec.bounding.bounds`. Raises OutOfRange unless 0 <= digit < 100 and 1 <= count <= 100.
    """
    within("digit", digit, 0, HELD_OUT - 1)
    within("count", count, 1, HELD_OUT)
    digits, near = load(), {"x": ss.ball(radius)}
    network, x = digits.network, digits.pixels[digit]
    single = x.astype(np.float32)
    verdicts = []
    for verdict in each(executor, _verdict, [(i, radius) for i in range(count)]):
        verdicts.append(verdict)
        progress(len(verdicts), count)
    return Report(
        digit,
        digits.labels[digit],
        radius,
        ss.compare(cnn.forward, network, x, backends=BACKENDS),
        ss.bounds(cnn.forward, network, x, vary=near, method="interval"),
        ss.bounds(cnn.forward, network, x, vary=near, method="linear"),
        ss.crosscheck(cnn.forward, network, single, actual=by_hand),
        ss.tolerance(cnn.forward, network, x, vary=near, dtype="float32"),
        count,
        *map(sum, zip(*verdicts, strict=True)),
    )


def _verdict(i: int, radius: str) -> tuple[bool, bool, bool]:
    """Is a digit told right; is that sure for all pixels within the radius; is it surely told wrong somewhere?"""
    digits = _held_out()
    if not is_told(digits, i):
        return False, False, False
    found = near_margins(digits, i, radius)
    return True, bool(np.all(found.lower > 0)), bool(np.any(found.inner[0] < 0))


_held_out = functools.cache(load)


def is_told(digits: Digits, i: int) -> bool:
    """Is the largest logit of a digit, as a rational number, that of its label?"""
    exact = ss.lift(digits, "rational")
    return all(margin > 0 for margin in margins(exact.network, exact.pixels[i], digits.labels[i]).tolist())


def near_margins(digits: Digits, i: int, radius: str) -> Bounds:
    """The bounds of the margins of a digit, and what is attained, while its pixels vary within the radius."""
    arguments = (digits.network, digits.pixels[i], digits.labels[i])
    return ss.bounds(margins, *arguments, vary={"x": ss.ball(radius)}, method="linear")
