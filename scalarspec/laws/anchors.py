"""Laws of known values: exp(0) = 1, the KL of (1, 0) is 1/2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from scalarspec import latent, loss
from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.tensor import Tensor
from scalarspec.laws.agreement import agree, points
from scalarspec.laws.law import Law
from scalarspec.models import autoencoder


def anchors() -> Iterator[Law]:
    """One law for each known value."""
    for name, evaluate, expected in _ANCHORS:
        yield Law("anchor", f"{name} = {expected}", 0, _anchor_check(evaluate, Fraction(expected), name))


def _anchor_check(evaluate: Callable[[Context[Any]], Tensor], expected: Fraction, name: str) -> Callable[..., None]:
    def check(context: Context[Any]) -> None:
        agree(evaluate(context), points([expected]), Fraction(1), name)

    return check


def _small_autoencoder_error(c: Context[Any]) -> Tensor:
    """The vector of the specification: an autoencoder 2-3-2 at (1, 2) has the error 41/16."""
    m = autoencoder.Autoencoder(
        c.tensor([[1, -2], [3, "1/2"], [0, -1]]),
        c.tensor([0, -1, "1/2"]),
        c.tensor([[1, "1/3", -1], [2, 0, 1]]),
        c.tensor(["1/4", "-1/4"]),
    )
    return autoencoder.reconstruction_error(m, c.tensor([1, 2]))


_ANCHORS: list[tuple[str, Callable[[Context[Any]], Tensor], Any]] = [
    ("exp(0)", lambda c: f.exp(c.tensor(0)), 1),
    ("log(1)", lambda c: f.log(c.tensor(1)), 0),
    ("sqrt(9/4)", lambda c: f.sqrt(c.tensor("9/4")), "3/2"),
    ("sin(0)", lambda c: f.sin(c.tensor(0)), 0),
    ("cos(0)", lambda c: f.cos(c.tensor(0)), 1),
    ("tan(0)", lambda c: f.tan(c.tensor(0)), 0),
    ("atan(0)", lambda c: f.atan(c.tensor(0)), 0),
    ("erf(0)", lambda c: f.erf(c.tensor(0)), 0),
    ("sinh(0)", lambda c: f.sinh(c.tensor(0)), 0),
    ("cosh(0)", lambda c: f.cosh(c.tensor(0)), 1),
    ("tanh(0)", lambda c: f.tanh(c.tensor(0)), 0),
    ("expm1(0)", lambda c: f.expm1(c.tensor(0)), 0),
    ("log1p(0)", lambda c: f.log1p(c.tensor(0)), 0),
    ("expm1mx(0)", lambda c: f.expm1mx(c.tensor(0)), 0),
    ("logcosh(0)", lambda c: f.logcosh(c.tensor(0)), 0),
    ("sigmoid(0)", lambda c: f.sigmoid(c.tensor(0)), "1/2"),
    ("silu(0)", lambda c: f.silu(c.tensor(0)), 0),
    ("gelu(0)", lambda c: f.gelu(c.tensor(0)), 0),
    ("hardswish(-3/2)", lambda c: f.hardswish(c.tensor("-3/2")), "-3/8"),
    ("erfc(0)", lambda c: f.erfc(c.tensor(0)), 1),
    ("round(5/2)", lambda c: f.round(c.tensor("5/2")), 2),
    ("trunc(-7/4)", lambda c: f.trunc(c.tensor("-7/4")), -1),
    ("remainder(-7, 3)", lambda c: f.remainder(c.tensor(-7), c.tensor(3)), 2),
    ("hypot(3, 4)", lambda c: f.hypot(c.tensor(3), c.tensor(4)), 5),
    ("cbrt(-27)", lambda c: f.cbrt(c.tensor(-27)), -3),
    ("acosh(1)", lambda c: f.acosh(c.tensor(1)), 0),
    ("maximum(1, 2)", lambda c: f.maximum(c.tensor(1), c.tensor(2)), 2),
    ("minimum(1, 2)", lambda c: f.minimum(c.tensor(1), c.tensor(2)), 1),
    ("abs(-3)", lambda c: f.abs(c.tensor(-3)), 3),
    ("relu(-3)", lambda c: f.relu(c.tensor(-3)), 0),
    ("relu(3)", lambda c: f.relu(c.tensor(3)), 3),
    ("leaky_relu(-1, 1/4)", lambda c: f.leaky_relu(c.tensor(-1), c.tensor("1/4")), "-1/4"),
    ("leaky_relu(2, 1/4)", lambda c: f.leaky_relu(c.tensor(2), c.tensor("1/4")), 2),
    ("heaviside(0)", lambda c: f.heaviside(c.tensor(0)), 0),
    ("sign(-5)", lambda c: f.sign(c.tensor(-5)), -1),
    ("clip(3, 0, 1)", lambda c: f.clip(c.tensor(3), c.tensor(0), c.tensor(1)), 1),
    ("pow(2, 10)", lambda c: f.pow(c.tensor(2), c.tensor(10)), 1024),
    ("pow(2, -2)", lambda c: f.pow(c.tensor(2), c.tensor(-2)), "1/4"),
    ("pow(-2, 3)", lambda c: f.pow(c.tensor(-2), c.tensor(3)), -8),
    ("divide(1, 3)", lambda c: c.tensor(1) / c.tensor(3), "1/3"),
    ("the literal 1/10", lambda c: c.tensor(0) + "0.1", "1/10"),
    ("sum of nothing", lambda c: f.sum(c.tensor([])), 0),
    ("mean of nothing", lambda c: f.mean(c.tensor([])), 0),
    ("mean(1, 2, 6)", lambda c: f.mean(c.tensor([1, 2, 6])), 3),
    ("logsumexp(0)", lambda c: f.logsumexp(c.tensor([0])), 0),
    ("mse((1, 2), (3, 2))", lambda c: loss.mse(c.tensor([1, 2]), c.tensor([3, 2])), 2),
    ("mae((1, 2), (3, 2))", lambda c: loss.mae(c.tensor([1, 2]), c.tensor([3, 2])), 1),
    ("huber((1, 2), (3, 5/2))", lambda c: loss.huber(c.tensor([1, 2]), c.tensor([3, "5/2"])), "13/16"),
    ("hinge((1/2, 2), (1, -1))", lambda c: loss.hinge(c.tensor(["1/2", 2]), c.tensor([1, -1])), "7/4"),
    (
        "KL((0, 0), (0, 0))",
        lambda c: latent.diagonal_gaussian_kl_to_standard(c.tensor([0, 0]), c.tensor([0, 0])),
        0,
    ),
    (
        "KL((1, 2), (0, 0))",
        lambda c: latent.diagonal_gaussian_kl_to_standard(c.tensor([1, 2]), c.tensor([0, 0])),
        "5/4",
    ),
    (
        "reparameterize(1, 0, 3)",
        lambda c: latent.reparameterize_diag(c.tensor(1), c.tensor(0), c.tensor(3)),
        4,
    ),
    ("autoencoder error", _small_autoencoder_error, "41/16"),
]
