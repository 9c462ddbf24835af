"""A convolutional network that tells the digits apart, trained by `train_digit_cnn.py`: its logits under every backend,
what they can be while every pixel varies, how well float32 computes them, and of how many digits all that is proved.

`python -m scalarspec.examples.digit_cnn` prints the report of one held-out digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.bounding.bounds import Bounds
from scalarspec.compare import Comparison
from scalarspec.examples.digits import HELD_OUT, WEIGHTS, within
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
    return logits[label] - ss.concat([logits[:label], logits[label + 1 :]])


def by_hand(network: cnn.Model, x: Array) -> Array:
    """The logits in NumPy, in the format of x."""
    for layer in network.convolutions:
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        h = np.maximum(np.tensordot(layer.weight, seen, axes=([1, 2, 3], [0, 3, 4])) + layer.bias[:, None, None], 0)
        x = h.reshape(len(h), h.shape[1] // 2, 2, h.shape[2] // 2, 2).max(axis=(2, 4))
    logits: Array = network.head.weight @ x.reshape(-1) + network.head.bias
    return logits


@dataclass(frozen=True, eq=False)
class Report:
    """What is known of one digit, and of how many its label is proved for all pixels within the radius."""

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
    proved: int

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
                f"{self.right} of {self.looked_at} digits are told right, {self.proved} surely within {self.radius}",
            ]
        )

    def _cells(self, k: int) -> list[str]:
        values = [np.asarray(self.readings[name].value)[k] for name in ("float32", "rational")]
        ends = [(b.lower[k], b.upper[k]) for b in (self.interval, self.linear)] + [
            tuple(e[k] for e in self.linear.inner)
        ]
        return [*(f"{float(value):.6f}" for value in values), *(interval_text(*pair, 5) for pair in ends)]


def run(digit: int = 0, radius: str = "0.01", count: int = 10) -> Report:
    """Look at one held-out digit, and prove the labels of the first `count`.

    radius: of the box around a digit, in pixel units. Raises OutOfRange unless 0 <= digit < 100 and 1 <= count <= 100.
    """
    within("digit", digit, 0, HELD_OUT - 1)
    within("count", count, 1, HELD_OUT)
    digits, near = load(), {"x": ss.ball(radius)}
    network, x = digits.network, digits.pixels[digit]
    single = x.astype(np.float32)
    told = [is_told(digits, i) for i in range(count)]
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
        sum(told),
        sum(right and is_sure(digits, i, radius) for i, right in enumerate(told)),
    )


def is_told(digits: Digits, i: int) -> bool:
    """Is the largest logit of a digit, as a rational number, that of its label?"""
    exact = ss.lift(digits, "rational")
    return bool(ss.min(margins(exact.network, exact.pixels[i], digits.labels[i])) > 0)


def is_sure(digits: Digits, i: int, radius: str) -> bool:
    """Is it, proved, for all pixels within the radius?"""
    found = ss.bounds(
        margins, digits.network, digits.pixels[i], digits.labels[i], vary={"x": ss.ball(radius)}, method="linear"
    )
    return bool(np.all(found.lower > 0))


if __name__ == "__main__":
    print(run(count=HELD_OUT))
