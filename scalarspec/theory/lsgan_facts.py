"""Facts about least squares GANs: which scores are best, and what the generator then minimises (Mao et al. 2017)."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.shape import Scalar
from scalarspec.core.tensor import Tensor
from scalarspec.models.lsgan import at_point, best_score
from scalarspec.theory.fact import Equal, Fact
from scalarspec.tracing.gradient import grad

OF_SCORE = (Scalar,) * 5  # the score, the densities p and q, the labels a and b


def _positive(d: Tensor, p: Tensor, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """p + q has a reciprocal."""
    return (p + q) * (1 / (p + q)) - 1


def _above_best(d: Tensor, p: Tensor, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return at_point(d, p, q, a, b) - at_point(best_score(p, q, a, b), p, q, a, b)


LSGAN_FACTS: tuple[Fact, ...] = (
    Fact(
        "lsgan_best_score",
        "at a point the loss of D lies (p + q) (D - D*)² / 2 above that of D* = (b p + a q) / (p + q), which is best",
        Equal(
            _above_best,
            lambda d, p, q, a, b: (p + q) * f.square(d - best_score(p, q, a, b)) / 2,
            OF_SCORE,
            given=(_positive,),
        ),
        "the labels change places in D*",
        Equal(
            lambda d, p, q, a, b: at_point(d, p, q, a, b) - at_point(best_score(p, q, b, a), p, q, a, b),
            lambda d, p, q, a, b: (p + q) * f.square(d - best_score(p, q, b, a)) / 2,
            OF_SCORE,
        ),
        ("p + q ≠ 0",),
    ),
    Fact(
        "lsgan_best_score_is_stationary",
        "the derivative in D of the loss at a point is 0 at D*",
        Equal(
            lambda d, p, q, a, b: grad(at_point)(best_score(p, q, a, b), p, q, a, b),
            lambda d, p, q, a, b: 0 * d,
            OF_SCORE,
            given=(_positive,),
        ),
        "at b",
        Equal(lambda d, p, q, a, b: grad(at_point)(b, p, q, a, b), lambda d, p, q, a, b: 0 * d, OF_SCORE),
        ("p + q ≠ 0",),
    ),
    Fact(
        "lsgan_generator_loss_is_pearson",
        "for a, b, c = -1, 1, 0 and D*, (p + q) D*² = (2 q - (p + q))² / (p + q), a Pearson divergence",
        Equal(
            lambda p, q: (p + q) * f.square(best_score(p, q, -1, 1)),
            lambda p, q: f.square(2 * q - (p + q)) / (p + q),
            (Scalar, Scalar),
            given=(lambda p, q: (p + q) * (1 / (p + q)) - 1,),
        ),
        "for a = 0",
        Equal(
            lambda p, q: (p + q) * f.square(best_score(p, q, 0, 1)),
            lambda p, q: f.square(2 * q - (p + q)) / (p + q),
            (Scalar, Scalar),
        ),
        ("p + q ≠ 0",),
    ),
)
