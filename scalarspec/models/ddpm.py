"""Denoising diffusion (Ho, Jain & Abbeel 2020): noise is mixed into the data, and a network learns to find the noise.

ᾱ_t says how much is left of the data after t of T steps: x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) ε, for ε ~ N(0, I). It falls from
ᾱ_0 = 1; step t multiplies it by α_t = 1 - β_t. Tensors have the shape of an observation, (*obs,), and t is an int. The
noise eps is an argument, so that every function is a function; `eps_hat`, the network, is any map from x_t and t to
(*obs,). Numbers of a schedule are exact; their square roots are what the context makes of them.
schedule: a `Schedule`.
Stages: x_t, eps_hat, mean, loss.

    noise = lambda x_t, t: x_t / 2    # stands for a network
    schedule = ddpm.linear(4)    # a Schedule(alpha_bars)
    x, eps = ss.lift((np.array([0.5, -0.25]), np.array([0.125, 1.0])), "float64")
    x_t = ddpm.q_sample(schedule, x, 2, eps)
    ddpm.eps_loss(noise, schedule, x, 2, eps), ddpm.model_mean(noise, schedule, x_t, 2)
    ddpm.posterior_mean(schedule, x, x_t, 2), ddpm.posterior_variance(schedule, x_t, 2)
    ddpm.undiffused("1/2", ddpm.diffused("1/2", x, eps), eps)    # x
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from scalarspec.core.functions import multiply, sqrt, stage
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.errors import OutOfRange
from scalarspec.loss import mse

Denoiser = Callable[[Tensor, int], Tensor]
"""The network ε_θ(x_t, t), from (*obs,) and the step to the noise, (*obs,)."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """ᾱ_0 = 1, ᾱ_1, ..., ᾱ_T: a tuple of exact numbers, or a tensor of shape (T + 1,). See `schedule` and `linear`."""

    alpha_bars: Any

    def alpha_bar(self, t: int) -> Operand:
        """ᾱ_t, a number. Raises OutOfRange unless 0 <= t <= T."""
        if not 0 <= t < len(self.alpha_bars):
            raise OutOfRange(f"t: expected a step from 0 to {len(self.alpha_bars) - 1}, got {t}")
        found: Operand = self.alpha_bars[t]
        return found


def schedule(betas: Iterable[int | str | Fraction]) -> Schedule:
    """The schedule of the steps β_1, ..., β_T. Raises OutOfRange unless each lies strictly between 0 and 1.

    betas: exact numbers, such as "0.02".

        ddpm.schedule(["1/2", "1/2"]).alpha_bars    # 1, 1/2, 1/4
    """
    steps = [Fraction(beta) for beta in betas]
    for beta in steps:
        if not 0 < beta < 1:
            raise OutOfRange(f"betas: expected numbers strictly between 0 and 1, got {beta}")
    kept = (1 - beta for beta in steps)
    return Schedule(tuple(itertools.accumulate(kept, operator.mul, initial=Fraction(1))))


def linear(steps: int, first: int | str | Fraction = "0.0001", last: int | str | Fraction = "0.02") -> Schedule:
    """The schedule whose β rises from `first` to `last` in equal amounts: the paper's, for 1,000 steps.

    Raises OutOfRange for fewer than 2 steps.
    """
    if steps < 2:
        raise OutOfRange(f"steps: expected 2 at least, got {steps}")
    low, high = Fraction(first), Fraction(last)
    return schedule(low + (high - low) * Fraction(k, steps - 1) for k in range(steps))


def diffused(alpha_bar: Operand, x: Tensor, eps: Operand) -> Tensor:
    """√ᾱ x + √(1 - ᾱ) ε, equation 4. alpha_bar: a number from 0 to 1; x, eps: (*obs,); result: (*obs,).

    Raises ShapeError for other shapes, but for numbers, as all that adds noise here.
    """
    check_one_shape("diffusion: data and noise", x, eps)
    a = x.context.tensor(alpha_bar)
    return sqrt(a) * x + multiply(sqrt(1 - a), eps)


def undiffused(alpha_bar: Operand, x_t: Tensor, eps: Operand) -> Tensor:
    """(x_t - √(1 - ᾱ) ε) / √ᾱ: the data from which that noise led to x_t, section 3.2. alpha_bar: a number, > 0."""
    check_one_shape("diffusion: data and noise", x_t, eps)
    a = x_t.context.tensor(alpha_bar)
    return (x_t - multiply(sqrt(1 - a), eps)) / sqrt(a)


def q_sample(schedule: Schedule, x_0: Tensor, t: int, eps: Tensor) -> Tensor:
    """A draw x_t from q(x_t | x_0) = N(√ᾱ_t x_0, (1 - ᾱ_t) I). x_0, eps, result: (*obs,).

    Raises OutOfRange for a t that is no step.
    """
    return stage("x_t", diffused(schedule.alpha_bar(t), x_0, eps))


def eps_loss(eps_hat: Denoiser, schedule: Schedule, x_0: Tensor, t: int, eps: Tensor) -> Tensor:
    """The simplified loss mse(ε_θ(x_t, t), ε), equation 14, as a mean over the observation. x_0, eps: (*obs,); result:
    ().
    """
    x_t = q_sample(schedule, x_0, t, eps)
    return stage("loss", mse(stage("eps_hat", eps_hat(x_t, t)), eps))


def posterior_mean(schedule: Schedule, x_0: Tensor, x_t: Tensor, t: int) -> Tensor:
    """The mean of q(x_{t-1} | x_t, x_0), equation 7:
    √ᾱ_{t-1} β_t / (1 - ᾱ_t) x_0 + √α_t (1 - ᾱ_{t-1}) / (1 - ᾱ_t) x_t. x_0, x_t, result: (*obs,); 1 <= t <= T.
    """
    check_one_shape("posterior_mean", x_0, x_t)
    before, after = _around(schedule, x_0, t)
    alpha = after / before
    rest = 1 - after
    return stage("mean", sqrt(before) * (1 - alpha) / rest * x_0 + sqrt(alpha) * (1 - before) / rest * x_t)


def posterior_variance(schedule: Schedule, x_t: Tensor, t: int) -> Tensor:
    """The variance of q(x_{t-1} | x_t, x_0) in each coordinate, equation 7: β_t (1 - ᾱ_{t-1}) / (1 - ᾱ_t).

    x_t: of which only the context matters; 1 <= t <= T; result: ().
    """
    before, after = _around(schedule, x_t, t)
    return (1 - after / before) * (1 - before) / (1 - after)


def model_mean(eps_hat: Denoiser, schedule: Schedule, x_t: Tensor, t: int) -> Tensor:
    """The mean of the learned p(x_{t-1} | x_t), equation 11: (x_t - β_t / √(1 - ᾱ_t) ε_θ(x_t, t)) / √α_t. x_t, result:
    (*obs,); 1 <= t <= T. It is the posterior mean for the x_0 that the noise ε_θ stands for.
    """
    before, after = _around(schedule, x_t, t)
    alpha = after / before
    noise = stage("eps_hat", eps_hat(x_t, t))
    check_one_shape("diffusion: data and noise", x_t, noise)
    return stage("mean", (x_t - (1 - alpha) / sqrt(1 - after) * noise) / sqrt(alpha))


def _around(schedule: Schedule, x: Tensor, t: int) -> tuple[Tensor, Tensor]:
    """ᾱ_{t-1} and ᾱ_t, in the context of x."""
    before, after = (x.context.tensor(schedule.alpha_bar(s)) for s in (t - 1, t))
    return before, after
