"""Statements about random variables: the reparameterisation, by `sympy.stats`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.tensor import Tensor
from scalarspec.verdict import Verdict

Expr = Any  # SymPy is untyped


def _expression(spec: Callable[..., Tensor], *values: Expr) -> Expr:
    """A spec at SymPy's expressions."""
    context = named_context("symbolic")
    return spec(*(context.tensor(value) for value in values)).item()


def _expanded(e: Expr) -> Expr:
    import sympy

    return sympy.expand(e)


@dataclass(frozen=True)
class NormalLaw:
    """sample(μ, s, ε) ~ N(μ, variance(s)) for ε ~ N(0, 1): its density, mean and variance, for all μ and s.

    positive: does s stand for a scale, which is positive?
    """

    sample: Callable[..., Tensor]
    variance: Callable[..., Tensor]
    positive: bool = False

    def check(self) -> Verdict:
        """By the change of variables, and by expectations."""
        import sympy
        from sympy import stats

        mu, s, eps = (sympy.Symbol(name, real=True) for name in ("mu", "s", "eps"))
        sampled, variance = _expression(self.sample, mu, s, eps), _expression(self.variance, s)
        scale = sampled.diff(eps)
        if _expanded(sampled - mu - scale * eps) != 0 or scale.has(eps):
            return Verdict("undecided", "the sample is not μ + scale * ε")
        random = sampled.subs(eps, stats.Normal("epsilon", 0, 1))
        mean, spread = _expanded(stats.E(random)), _expanded(stats.variance(random))
        if mean != mu or _expanded(spread - variance) != 0:
            return self._refuted(mu, s, mean, spread, variance)
        if self.positive:
            positive = sympy.Symbol("s", positive=True)
            scale, variance = scale.subs(s, positive), variance.subs(s, positive)
        return self._by_density(mu, scale, variance, f"its mean is {mean}, its variance {spread}")

    def _by_density(self, mu: Expr, scale: Expr, variance: Expr, moments: str) -> Verdict:
        """Is the density of μ + scale ε, by the change of variables, that of N(μ, variance)?"""
        import sympy
        from sympy import stats

        y = sympy.Symbol("y", real=True)
        pushed = stats.density(stats.Normal("epsilon", 0, 1))((y - mu) / scale) / scale
        wanted = stats.density(stats.Normal("claimed", mu, sympy.sqrt(variance)))(y)
        logs = [sympy.expand(sympy.expand_log(sympy.log(density), force=True)) for density in (pushed, wanted)]
        if _expanded(logs[0] - logs[1]) != 0:
            return Verdict("undecided", "the densities could not be compared")
        steps = (
            f"the sample is μ + ({scale}) ε",
            moments,
            f"its density at y, by the change of variables, is that of N(μ, {variance}): {wanted}",
        )
        region = "all μ, and scales > 0" if self.positive else "all μ and s"
        return Verdict("proved", "sympy.stats: density, mean and variance", region, steps)

    @staticmethod
    def _refuted(mu: Expr, s: Expr, mean: Expr, spread: Expr, variance: Expr) -> Verdict:
        """Exact arguments at which the mean or the variance is another."""
        for at in (2, 3, Fraction(1, 2)):
            point = {mu: 1, s: at if isinstance(at, int) else _rational(at)}
            found, claimed = (spread.subs(point), mean.subs(point)), (variance.subs(point), 1)
            if any(_expanded(a - b).is_zero is False for a, b in zip(found, claimed, strict=True)):
                witness = {"mu": 1, "s": at, "mean": found[1], "variance": found[0], "claimed variance": claimed[0]}
                return Verdict("refuted", "sympy.stats: exact moments", witness=witness)
        return Verdict("undecided", "the moments could not be compared")


def _rational(x: Fraction) -> Expr:
    import sympy

    return sympy.Rational(x.numerator, x.denominator)


@dataclass(frozen=True)
class JointLaw:
    """μ + σ ⊙ ε of two coordinates ~ N(μ, diag σ²), for ε whose coordinates are each N(0, 1).

    independent: are the coordinates of ε assumed to be independent? They are a linear image of ε, so that with
    independence the joint law is normal, and determined by its mean and covariances. variance, positive: of the law of
    one coordinate, as `NormalLaw` has them.
    """

    sample: Callable[..., Tensor]
    variance: Callable[..., Tensor]
    independent: bool
    positive: bool = False

    def check(self) -> Verdict:
        """By the law of one coordinate, and by covariances; without independence, ε₁ = ε₂ is tried."""
        import sympy

        one = NormalLaw(self.sample, self.variance, self.positive).check()
        if one.status != "proved":
            return one
        mu, s, eps = (sympy.symbols(f"{name}_1:3", real=True) for name in ("mu", "s", "eps"))
        parts = [_expression(self.sample, m, t, e) for m, t, e in zip(mu, s, eps, strict=True)]
        scales = [part.diff(e) for part, e in zip(parts, eps, strict=True)]
        if any(scale.has(*eps) for scale in scales):
            return Verdict("undecided", "the sample is not affine in ε")
        covariance = _expanded(scales[0] * scales[1] * self._covariance_of_noise())
        if covariance == 0 and self.independent:
            steps = ("each coordinate is normal, by the law of one coordinate", "Cov(z₁, z₂) = 0")
            return Verdict("proved", "sympy.stats: a linear image of independent normals", "two coordinates", steps)
        at = covariance.subs(dict.fromkeys((*mu, *s), 1))
        if at.is_zero is False:
            witness = {"eps_1": "ε ~ N(0, 1)", "eps_2": "the same ε", "Cov(z_1, z_2)": covariance, "at 1, 1": at}
            return Verdict("refuted", "sympy.stats: a covariance that is not 0", witness=witness)
        return Verdict("undecided", "the covariance could not be decided")

    def _covariance_of_noise(self) -> Expr:
        """Of the coordinates of ε: independent ones, or one and the same."""
        from sympy import stats

        first = stats.Normal("epsilon_1", 0, 1)
        return stats.covariance(first, stats.Normal("epsilon_2", 0, 1) if self.independent else first)


@dataclass(frozen=True)
class Expectation:
    """E over ε ~ N(0, I) of sampled(*values, ε) = closed(*values). values and ε: shapes, given sizes."""

    sampled: Callable[..., Tensor]
    closed: Callable[..., Tensor]
    shapes: tuple[tuple[int, ...], ...]
    noise: tuple[int, ...]

    def check(self) -> Verdict:
        """By the moments of independent standard normals, for these sizes."""
        context: Any = named_context("symbolic")
        values = [context.symbols(f"v{i}", shape) for i, shape in enumerate(self.shapes)]
        eps = context.symbols("eps", self.noise)
        mean, degree = _mean(self.sampled(*values, eps).item(), context.arrays.items(eps.value).flat)
        difference = _expanded(mean - self.closed(*values).item())
        if difference == 0:
            steps = (f"a polynomial of degree {degree} in ε, by its moments",)
            sizes = ", ".join(map(str, self.shapes))
            return Verdict("proved", "sympy.stats: moments of ε", f"the given sizes {sizes}", steps)
        at = difference.subs(dict.fromkeys(difference.free_symbols, 1))
        if at.is_zero is False:
            return Verdict("refuted", "sympy.stats: moments of ε", witness={"all values": 1, "difference": at})
        return Verdict("undecided", "the moments could not be compared")


def _mean(sampled: Expr, noise: Iterable[Expr]) -> tuple[Expr, int]:
    """The mean of a polynomial in independent standard normals, and its degree in them."""
    import sympy
    from sympy import stats

    terms = sympy.Poly(sampled, *(sympy.Symbol(str(e), real=True) for e in noise)).terms()
    total = sympy.S.Zero
    for exponents, c in terms:
        moments = (stats.E(stats.Normal(f"epsilon_{i}", 0, 1) ** power) for i, power in enumerate(exponents))
        total += c * sympy.prod(moments)
    return total, max(sum(exponents) for exponents, _ in terms)
