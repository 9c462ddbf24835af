"""Facts about the KL divergence of a diagonal Gaussian from the standard normal: 0 there, positive elsewhere."""

from __future__ import annotations

from scalarspec.core import functions as f
from scalarspec.core.shape import Scalar
from scalarspec.latent import diagonal_gaussian_kl_to_standard
from scalarspec.theory.arbitrary import (
    MU,
    UPSTREAM,
    wrong_kl,
)
from scalarspec.theory.fact import Equal, Fact, Nonnegative
from scalarspec.theory.objectives import kl_coordinate, kl_sum

KL_FACTS: tuple[Fact, ...] = (
    Fact(
        "exp_ge_one_add",
        "exp(x) >= 1 + x",
        Nonnegative(lambda x: f.exp(x) - 1 - x, (Scalar,)),
        "a factor: exp(x) >= 1 + 2x",
        Nonnegative(lambda x: f.exp(x) - 1 - 2 * x, (Scalar,)),
        source=UPSTREAM,
    ),
    Fact(
        "exp_gt_one_add",
        "exp(x) > 1 + x for x ≠ 0, with equality at 0",
        Nonnegative(lambda x: f.exp(x) - 1 - x, (Scalar,), zero={"x": 0}),
        "equality at 1",
        Nonnegative(lambda x: f.exp(x) - 1 - x, (Scalar,), zero={"x": 1}),
        source=UPSTREAM,
    ),
    Fact(
        "kl_coordinate_nonneg",
        "(exp(l) + μ² - 1 - l) / 2 >= 0",
        Nonnegative(kl_coordinate, (Scalar, Scalar)),
        "a sign: + l",
        Nonnegative(wrong_kl, (Scalar, Scalar)),
        source=UPSTREAM,
    ),
    Fact(
        "kl_coordinate_eq_zero_iff",
        "(exp(l) + μ² - 1 - l) / 2 = 0 iff μ = 0 and l = 0",
        Nonnegative(kl_coordinate, (Scalar, Scalar), zero={"mu": 0, "logvar": 0}),
        "μ² is left out",
        Nonnegative(lambda mu, logvar: f.expm1mx(logvar) / 2 + 0 * mu, (Scalar, Scalar), zero={"mu": 0, "logvar": 0}),
        source=UPSTREAM,
    ),
    Fact(
        "kl_nonneg",
        "Σ (exp(lᵢ) + μᵢ² - 1 - lᵢ) / 2 >= 0",
        Nonnegative(kl_sum, (MU, MU)),
        "a sign: - μᵢ²",
        Nonnegative(lambda mu, logvar: f.sum(f.exp(logvar) - f.square(mu) - 1 - logvar) / 2, (MU, MU)),
        source=UPSTREAM,
    ),
    Fact(
        "kl_eq_zero_iff",
        "Σ (exp(lᵢ) + μᵢ² - 1 - lᵢ) / 2 = 0 iff all μᵢ = 0 and all lᵢ = 0",
        Nonnegative(kl_sum, (MU, MU), zero={"mu": 0, "logvar": 0}),
        "the terms in l are left out",
        Nonnegative(
            lambda mu, logvar: f.sum(f.square(mu)) / 2 + 0 * f.sum(logvar), (MU, MU), zero={"mu": 0, "logvar": 0}
        ),
        source=f"{UPSTREAM}.diagonalGaussianKlToStandardReal_eq_zero_iff",
    ),
    Fact(
        "executable_kl_eq_sum_div_n",
        "the executable KL (a mean) = the KL of the theory (a sum) / n",
        Equal(diagonal_gaussian_kl_to_standard, lambda mu, logvar: kl_sum(mu, logvar) / len(mu), (MU, MU)),
        "sum for mean: without / n",
        Equal(diagonal_gaussian_kl_to_standard, kl_sum, (MU, MU)),
        ("n >= 1",),
    ),
)
