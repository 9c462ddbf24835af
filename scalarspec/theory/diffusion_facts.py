"""Facts about denoising diffusion, and the implicit steps that share its network."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.shape import Dim, Scalar
from scalarspec.core.tensor import Tensor
from scalarspec.models.ddim import moved
from scalarspec.models.ddpm import diffused, undiffused
from scalarspec.theory.fact import Equal, Fact

X = Dim(4)


def _root_is_no_zero(a: Tensor, *_: Tensor) -> Tensor:
    """√ᾱ has a reciprocal: √ᾱ (1 / √ᾱ) = 1."""
    return f.sqrt(a) * (1 / f.sqrt(a)) - 1


def _root(a: Tensor) -> Tensor:
    """√ᾱ² = ᾱ."""
    return f.square(f.sqrt(a)) - a


def _power(a: Tensor) -> Tensor:
    """The squares of the two weights of x_t, which are its variance where x_0 and ε have variance 1."""
    one = a.context.tensor(1)
    return f.square(diffused(a, one, 0)) + f.square(diffused(a, 0 * one, 1))


def _noise_of_two(a: Tensor, step: Tensor) -> Tensor:
    """The variance of the noise after q_sample at ᾱ and a step of α, whose two noises are independent."""
    one = a.context.tensor(1)
    return f.square(diffused(step, diffused(a, 0 * one, 1), 0)) + f.square(diffused(step, 0 * one, 1))


DIFFUSION_FACTS: tuple[Fact, ...] = (
    Fact(
        "ddpm_start",
        "at ᾱ = 1, which is t = 0, q_sample is x_0",
        Equal(lambda x, e: diffused(1, x, e), lambda x, e: x, (X, X)),
        "at ᾱ = 1/4",
        Equal(lambda x, e: diffused("1/4", x, e), lambda x, e: x, (X, X)),
    ),
    Fact(
        "ddpm_preserves_variance",
        "the squares of q_sample's weights sum to 1: ᾱ + (1 - ᾱ)",
        Equal(_power, lambda a: 0 * a + 1, (Scalar,), given=(_root, lambda a: _root(1 - a))),
        "the weights themselves do",
        Equal(lambda a: f.sqrt(a) + f.sqrt(1 - a), lambda a: 0 * a + 1, (Scalar,)),
        ("0 <= ᾱ <= 1",),
    ),
    Fact(
        "ddpm_steps_compose",
        "a step of α after q_sample at ᾱ has the variance of q_sample at α ᾱ: α (1 - ᾱ) + (1 - α) = 1 - α ᾱ",
        Equal(
            _noise_of_two,
            lambda a, step: 1 - step * a,
            (Scalar, Scalar),
            given=(lambda a, step: _root(step), lambda a, step: _root(1 - a), lambda a, step: _root(1 - step)),
        ),
        "the α of the step is added to ᾱ",
        Equal(_noise_of_two, lambda a, step: 1 - (step + a), (Scalar, Scalar)),
        ("0 <= ᾱ <= 1", "0 <= α <= 1"),
    ),
    Fact(
        "ddpm_noise_tells_the_data",
        "undiffused(ᾱ, q_sample(ᾱ, x_0, ε), ε) = x_0",
        Equal(
            lambda a, x, e: undiffused(a, diffused(a, x, e), e),
            lambda a, x, e: x,
            (Scalar, X, X),
            given=(_root_is_no_zero,),
        ),
        "with another noise",
        Equal(lambda a, x, e: undiffused(a, diffused(a, x, e), 0), lambda a, x, e: x, (Scalar, X, X)),
        ("ᾱ ≠ 0",),
    ),
    Fact(
        "ddim_step_is_q_sample",
        "with η = 0 and the true ε, DDIM's step from q_sample at ᾱ is q_sample at ᾱ′, of the same x_0 and ε",
        Equal(
            lambda a, b, x, e: moved(a, b, diffused(a, x, e), e, 0, 0),
            lambda a, b, x, e: diffused(b, x, e),
            (Scalar, Scalar, X, X),
            given=(_root_is_no_zero,),
        ),
        "the other ᾱ",
        Equal(
            lambda a, b, x, e: moved(a, b, diffused(a, x, e), e, 0, 0),
            lambda a, b, x, e: diffused(a, x, e),
            (Scalar, Scalar, X, X),
        ),
        ("ᾱ ≠ 0",),
    ),
    Fact(
        "ddim_recovers_the_data",
        "with η = 0, the true ε and ᾱ′ = 1, DDIM's step gives x_0",
        Equal(
            lambda a, x, e: moved(a, 1, diffused(a, x, e), e, 0, 0),
            lambda a, x, e: x,
            (Scalar, X, X),
            given=(_root_is_no_zero,),
        ),
        "at ᾱ′ = ᾱ",
        Equal(lambda a, x, e: moved(a, a, diffused(a, x, e), e, 0, 0), lambda a, x, e: x, (Scalar, X, X)),
        ("ᾱ ≠ 0",),
    ),
)
