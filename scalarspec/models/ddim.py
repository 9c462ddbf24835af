"""Implicit sampling from a diffusion model (Song, Meng & Ermon 2021, section 4): the network of `ddpm`, in fewer steps.

A step goes from ᾱ to ᾱ′, the next one that is wanted, of any two. What is said in `ddpm` of schedules, noise and the
network holds here too.
eps_hat: the network of `ddpm`; eta: η; eps: the noise ε.
Stages: eps_hat, x_0, x_prev.

    x, noise = ss.lift((np.array([0.5, -0.25]), np.array([0.125, 1.0])), "interval")
    ddim.moved("1/2", "3/4", x, noise, 0, 0)
    ddim.sigma_squared(x.context.tensor("1/2"), x.context.tensor("3/4"))    # 1/6
"""

from __future__ import annotations

from scalarspec.core.functions import multiply, sqrt, square, stage
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.models.ddpm import Denoiser, Schedule, undiffused


def step(eps_hat: Denoiser, schedule: Schedule, x_t: Tensor, t: int, before: int, eta: Operand, eps: Operand) -> Tensor:
    """x at the step `before`, from x_t, equation 12 with the σ of equation 16: η = 0 is DDIM, which takes no noise, and
    η = 1 is DDPM.

    x_t: (*obs,); 0 <= before < t <= T; eta: a number from 0 to 1; eps: (*obs,), or a number; result: (*obs,). Raises
    OutOfRange for a t that is no step.

        half = ddpm.schedule(["1/2", "1/2"])
        ddim.step(lambda x, t: x / 2, half, ss.context("interval").tensor([1, 2]), 2, 1, 0, 0)
    """
    noise = stage("eps_hat", eps_hat(x_t, t))
    return stage("x_prev", moved(schedule.alpha_bar(t), schedule.alpha_bar(before), x_t, noise, eta, eps))


def moved(alpha_bar: Operand, wanted: Operand, x_t: Tensor, noise: Tensor, eta: Operand, eps: Operand) -> Tensor:
    """√ᾱ′ x̂_0 + √(1 - ᾱ′ - σ²) ε_θ + σ ε, where x̂_0 is the data that the noise ε_θ stands for. alpha_bar, wanted: ᾱ
    and ᾱ′, numbers; x_t and the others as for `step`.
    """
    check_one_shape("diffusion: data and noise", x_t, noise, eps)
    a, b = (x_t.context.tensor(number) for number in (alpha_bar, wanted))
    variance = square(x_t.context.tensor(eta)) * sigma_squared(a, b)
    x_0 = stage("x_0", undiffused(a, x_t, noise))
    return sqrt(b) * x_0 + sqrt(1 - b - variance) * noise + multiply(sqrt(variance), eps)


def sigma_squared(alpha_bar: Tensor, wanted: Tensor) -> Tensor:
    """σ² of equation 16 for η = 1: (1 - ᾱ′) / (1 - ᾱ) (1 - ᾱ / ᾱ′), which is DDPM's posterior variance.

    alpha_bar, wanted: ᾱ and ᾱ′.
    """
    return (1 - wanted) / (1 - alpha_bar) * (1 - alpha_bar / wanted)
