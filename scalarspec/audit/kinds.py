"""Kinds of losses: the spec of each, its facts, and the ways in which people get it wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from scalarspec import latent, loss
from scalarspec.audit.facts import (
    Fact,
    Inputs,
    Spec,
    equal,
    gradient_is_right,
    independent_of_noise,
    linear_in_beta,
    not_negative,
    repetition,
)
from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor

Reduction = Literal["mean", "sum"]

EQUAL = equal("it equals the spec")
NONNEGATIVE = Fact("it is never negative", not_negative)
LINEAR = Fact("it is linear in β", linear_in_beta)
GRADIENT = Fact("its gradient is the spec's", gradient_is_right)


@dataclass(frozen=True)
class Mistake:
    """A way to get a loss wrong: what it is, in words, and the spec of it."""

    text: str
    spec: Spec


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of loss. spec: the right one, of tensors in the order of `parameters`.

    gradients: by argument, what a framework should find where parts of the loss are kept from it; gradient_mistakes:
    in words, what it finds otherwise.
    """

    name: str
    parameters: tuple[str, ...]
    what: str
    spec: Spec
    mistakes: Callable[[], Iterator[Mistake]]
    facts: tuple[Fact, ...]
    gradients: Mapping[str, Spec] = field(default_factory=dict)
    gradient_mistakes: Mapping[str, Mapping[str, Spec]] = field(default_factory=dict)


def _half_sum(*terms: Any) -> Any:
    return sum(terms[1:], terms[0]) / 2


Terms = tuple[tuple[str, Callable[..., Tensor]], ...]

_KL: Terms = (
    ("", lambda m, v: _half_sum(f.expm1mx(v), f.square(m))),
    (
        "the log-variance is taken for the standard deviation σ",
        lambda m, v: _half_sum(f.square(v), f.square(m), -1, -f.log(f.square(v))),
    ),
    (
        "the log-variance is taken for the standard deviation σ",  # whose logarithm fails below 0
        lambda m, v: _half_sum(f.square(v), f.square(m), -1, -2 * f.log(v)),
    ),
    ("the log-variance is taken for the variance σ²", lambda m, v: _half_sum(v, f.square(m), -1, -f.log(v))),
    ("the log-variance is taken for log σ", lambda m, v: _half_sum(f.exp(2 * v), f.square(m), -1, -2 * v)),
    (
        "σ = exp(logvar / 2) stands where σ² = exp(logvar) belongs",
        lambda m, v: _half_sum(f.exp(v / 2), f.square(m), -1, -v),
    ),
    (
        "exp is missing: the log-variance itself stands for the variance",
        lambda m, v: _half_sum(v, f.square(m), -1, -v),
    ),
    ("the sign of the log-variance is wrong", lambda m, v: _half_sum(f.exp(v), f.square(m), -1, v)),
    ("the sign of the squared mean is wrong", lambda m, v: _half_sum(f.exp(v), -f.square(m), -1, -v)),
    ("the sign of the variance is wrong", lambda m, v: _half_sum(-f.exp(v), f.square(m), -1, -v)),
    ("the sign of the 1 is wrong", lambda m, v: _half_sum(f.exp(v), f.square(m), 1, -v)),
    ("the 1 is missing", lambda m, v: _half_sum(f.exp(v), f.square(m), -v)),
    ("the mean is not squared", lambda m, v: _half_sum(f.exp(v), m, -1, -v)),
    ("the mean is missing", lambda m, v: _half_sum(f.expm1mx(v))),
    ("the log-variance is missing beside the variance", lambda m, v: _half_sum(f.exp(v), f.square(m), -1)),
    (
        "the arguments are exchanged: the mean stands for the log-variance",
        lambda m, v: _half_sum(f.expm1mx(m), f.square(v)),
    ),
    (
        "it is the reverse divergence, KL(N(0, 1) ‖ q)",
        lambda m, v: _half_sum(f.exp(-v), f.square(m) * f.exp(-v), -1, v),
    ),
)
"""½(e^v + m² - 1 - v), and wrong ways to write it, for one coordinate."""

_ERRORS: Terms = (
    ("", f.square),
    ("the error is not squared", f.abs),
    ("the squared error is squared again", lambda d: f.square(f.square(d))),
)


def _scales(n: int, reduction: Reduction, half: bool) -> list[tuple[str, Fraction]]:
    """Factors that a mean (or sum) over n coordinates is off by, and how that comes."""
    reduced = (
        [("", Fraction(1)), ("it sums over the coordinates where it should average", Fraction(n))]
        if reduction == "mean"
        else [("", Fraction(1)), ("it averages over the coordinates where it should sum", Fraction(1, n))]
    )
    if reduction == "mean":
        reduced.append(("it divides by the number of coordinates twice", Fraction(1, n)))
    halves = [("", Fraction(1)), ("the factor ½ is missing", Fraction(2))] if half else [("", Fraction(1))]
    halves += [("there is a factor ½ too much", Fraction(1, 2))]
    signs = [("", Fraction(1)), ("the sign of the whole is wrong", Fraction(-1))]
    return [
        ("; ".join(filter(None, texts)), a * b * c)
        for (first, a), (second, b), (third, c) in itertools.product(reduced, halves, signs)
        for texts in [(first, second, third)]
    ]


def _mean_of(terms: Tensor, reduction: Reduction) -> Tensor:
    return f.mean(terms) if reduction == "mean" else f.sum(terms)


def _variants(terms: Terms, reduction: Reduction, half: bool) -> Iterator[tuple[str, Spec]]:
    """Every wrong way to write the terms, times every wrong factor; the right one, with the text "", first."""
    scales = [text for text, _ in _scales(1, reduction, half)]
    for (text, term), (i, scale) in itertools.product(terms, enumerate(scales)):

        def spec(*args: Tensor, term: Any = term, i: int = i) -> Tensor:
            values = term(*args)
            return _mean_of(values, reduction) * _scales(max(values.size, 1), reduction, half)[i][1]

        yield "; ".join(filter(None, (text, scale))), spec


def _gaussian_kl(reduction: Reduction) -> Kind:
    def spec(mu: Tensor, logvar: Tensor) -> Tensor:
        value = latent.diagonal_gaussian_kl_to_standard(mu, logvar)
        return value if reduction == "mean" else value * mu.size

    return Kind(
        "gaussian-kl",
        ("mu", "logvar"),
        f"KL(N(mu, exp(logvar)) ‖ N(0, 1)), the {reduction} over the coordinates",
        spec,
        lambda: (Mistake(text, wrong) for text, wrong in _variants(_KL, reduction, half=True) if text),
        (
            EQUAL,
            NONNEGATIVE,
            equal("it is 0 at the standard normal", lambda case: {"mu": 0 * case["mu"], "logvar": 0 * case["logvar"]}),
            repetition(reduction),
            GRADIENT,
        ),
    )


def _autoencoder(reduction: Reduction) -> Kind:
    def spec(x: Tensor, x_hat: Tensor) -> Tensor:
        value = loss.mse(x_hat, x)
        return value if reduction == "mean" else value * x.size

    def mistakes() -> Iterator[Mistake]:
        for text, wrong in _variants(_ERRORS, reduction, half=False):
            if text:
                yield Mistake(text, lambda x, x_hat, wrong=wrong: wrong(x_hat - x))
        yield Mistake("it is the root of the squared error", lambda x, x_hat: f.sqrt(spec(x, x_hat)))
        yield Mistake(
            "it is the binary cross-entropy",
            lambda x, x_hat: _mean_of(-(x * f.log(x_hat) + (1 - x) * f.log(1 - x_hat)), reduction),
        )

    return Kind(
        "autoencoder",
        ("x", "x_hat"),
        f"the {reduction} of the squared error of the reconstruction",
        spec,
        mistakes,
        (
            EQUAL,
            NONNEGATIVE,
            equal("it is 0 for a perfect reconstruction", lambda case: {"x": case["x"], "x_hat": case["x"]}),
            repetition(reduction),
            GRADIENT,
        ),
    )


def _beta_vae(reduction: Reduction) -> Kind:
    kl, error = _gaussian_kl(reduction), _autoencoder(reduction)

    def spec(x: Tensor, x_hat: Tensor, mu: Tensor, logvar: Tensor, beta: Tensor) -> Tensor:
        return error.spec(x, x_hat) + beta * kl.spec(mu, logvar)

    def mistakes() -> Iterator[Mistake]:
        yield Mistake(
            "β multiplies the reconstruction and not the KL", lambda x, y, m, v, b: b * error.spec(x, y) + kl.spec(m, v)
        )
        yield Mistake("β multiplies both terms", lambda x, y, m, v, b: b * (error.spec(x, y) + kl.spec(m, v)))
        yield Mistake("β is left out", lambda x, y, m, v, b: error.spec(x, y) + kl.spec(m, v))
        yield Mistake("β is squared", lambda x, y, m, v, b: error.spec(x, y) + f.square(b) * kl.spec(m, v))
        yield Mistake("the KL is subtracted", lambda x, y, m, v, b: error.spec(x, y) - b * kl.spec(m, v))
        yield Mistake("the KL is left out", lambda x, y, m, v, b: error.spec(x, y) + 0 * b)
        for wrong in error.mistakes():
            yield Mistake(
                f"reconstruction: {wrong.text}", lambda x, y, m, v, b, w=wrong: w.spec(x, y) + b * kl.spec(m, v)
            )
        for wrong in kl.mistakes():
            yield Mistake(f"KL: {wrong.text}", lambda x, y, m, v, b, w=wrong: error.spec(x, y) + b * w.spec(m, v))
        both = [w for w in kl.mistakes() if _simple(w.text)], [w for w in error.mistakes() if _simple(w.text)]
        for of_kl, of_error in itertools.product(*both):
            yield Mistake(
                f"reconstruction: {of_error.text}; KL: {of_kl.text}",
                lambda x, y, m, v, b, p=of_error, q=of_kl: p.spec(x, y) + b * q.spec(m, v),
            )

    return Kind(
        "beta-vae",
        ("x", "x_hat", "mu", "logvar", "beta"),
        f"{error.what} + beta * {kl.what}",
        spec,
        mistakes,
        (
            EQUAL,
            NONNEGATIVE,
            equal("β = 0 leaves the reconstruction", lambda case: {**case, "beta": 0.0}),
            LINEAR,
            Fact("what β multiplies does not depend on ε (which enters by x_hat)", independent_of_noise),
            GRADIENT,
        ),
    )


def _vae(reduction: Reduction) -> Kind:
    whole = _beta_vae(reduction)

    def at_one(spec: Spec) -> Spec:
        return lambda x, x_hat, mu, logvar: spec(x, x_hat, mu, logvar, x.context.tensor(1))

    def mistakes() -> Iterator[Mistake]:
        return (Mistake(m.text, at_one(m.spec)) for m in whole.mistakes() if not m.text.startswith("β"))

    facts = (
        EQUAL,
        NONNEGATIVE,
        equal("it is 0 for a perfect reconstruction at the standard normal", _perfect),
        GRADIENT,
    )
    what = whole.what.replace("beta * ", "")
    return Kind("vae", whole.parameters[:-1], what, at_one(whole.spec), mistakes, facts)


def _perfect(case: Inputs) -> Inputs:
    return {"x": case["x"], "x_hat": case["x"], "mu": 0 * case["mu"], "logvar": 0 * case["logvar"]}


def _vq(reduction: Reduction) -> Kind:
    def error(z_e: Tensor, z_q: Tensor) -> Tensor:
        return _mean_of(f.square(z_e - z_q), reduction)

    def scaled(weight: Callable[[Tensor], Any]) -> Spec:
        return lambda z_e, z_q, beta: weight(beta) * error(z_e, z_q)

    def spec(z_e: Tensor, z_q: Tensor, beta: Tensor) -> Tensor:
        return error(z_q, z_e) + beta * error(z_e, z_q)

    def mistakes() -> Iterator[Mistake]:
        yield Mistake("the commitment term is missing", scaled(lambda b: 1 + 0 * b))
        yield Mistake("the codebook term is missing", scaled(lambda b: b))
        yield Mistake("β is left out", scaled(lambda b: 2 + 0 * b))
        yield Mistake("β multiplies both terms", scaled(lambda b: 2 * b))
        yield Mistake("β is squared", scaled(lambda b: 1 + f.square(b)))
        yield Mistake("the commitment term is subtracted", scaled(lambda b: 1 - b))
        for text, wrong in _variants(_ERRORS, reduction, half=False):
            if text:
                yield Mistake(text, lambda e, q, b, w=wrong: (1 + b) * w(e - q))
        yield Mistake("it is the distance, not its square", lambda e, q, b: (1 + b) * f.sqrt(f.sum(f.square(e - q))))
        yield Mistake("it is the root of the mean square", lambda e, q, b: (1 + b) * f.sqrt(f.mean_square(e - q)))

    def slope(z_e: Tensor, z_q: Tensor) -> Tensor:
        return 2 * (z_e - z_q) / (max(z_e.size, 1) if reduction == "mean" else 1)

    return Kind(
        "vq",
        ("z_e", "z_q", "beta"),
        f"codebook + beta * commitment, each the {reduction} of the squared error between z_e and z_q",
        spec,
        mistakes,
        (
            EQUAL,
            NONNEGATIVE,
            equal("it is 0 where the encoder's output is the code", lambda case: {**case, "z_q": case["z_e"]}),
            LINEAR,
            repetition(reduction),
            GRADIENT,
        ),
        {"z_e": lambda e, q, b: b * slope(e, q), "z_q": lambda e, q, b: -slope(e, q)},
        {
            "β weighs the codebook term and not the commitment: the stop-gradients are exchanged": {
                "z_e": lambda e, q, b: slope(e, q),
                "z_q": lambda e, q, b: -b * slope(e, q),
            },
            "the encoder gets no gradient": {
                "z_e": lambda e, q, b: 0 * slope(e, q),
                "z_q": lambda e, q, b: -(1 + b) * slope(e, q),
            },
            "the code gets no gradient": {
                "z_e": lambda e, q, b: (1 + b) * slope(e, q),
                "z_q": lambda e, q, b: 0 * slope(e, q),
            },
            "there is no stop-gradient: both terms move the encoder and the code": {
                "z_e": lambda e, q, b: (1 + b) * slope(e, q),
                "z_q": lambda e, q, b: -(1 + b) * slope(e, q),
            },
        },
    )


def _reparameterization(reduction: Reduction) -> Kind:
    def mistakes() -> Iterator[Mistake]:
        ways: dict[str, Spec] = {
            "the variance exp(logvar) multiplies ε, not σ = exp(logvar / 2)": lambda m, v, e: m + f.exp(v) * e,
            "the log-variance itself multiplies ε": lambda m, v, e: m + v * e,
            "half the log-variance multiplies ε: exp is missing": lambda m, v, e: m + v / 2 * e,
            "the root of the log-variance multiplies ε": lambda m, v, e: m + f.sqrt(v) * e,
            "ε is not scaled": lambda m, v, e: m + e + 0 * v,
            "the noise is subtracted": lambda m, v, e: m - f.exp(v / 2) * e,
            "the mean is missing": lambda m, v, e: f.exp(v / 2) * e + 0 * m,
            "the noise is missing": lambda m, v, e: m + 0 * v + 0 * e,
            "the sign of the log-variance is wrong": lambda m, v, e: m + f.exp(-v / 2) * e,
        }
        return (Mistake(text, spec) for text, spec in ways.items())

    return Kind(
        "reparameterization",
        ("mu", "logvar", "eps"),
        "mu + exp(logvar / 2) * eps, elementwise",
        latent.reparameterize_diag,
        mistakes,
        (EQUAL, equal("without noise it is the mean", lambda case: {**case, "eps": 0 * case["eps"]})),
    )


def _simple(text: str) -> bool:
    """One mistake, of those that come in both terms at once."""
    return text in (
        "it sums over the coordinates where it should average",
        "it averages over the coordinates where it should sum",
        "there is a factor ½ too much",
    )


KINDS: dict[str, Callable[[Reduction], Kind]] = {
    "gaussian-kl": _gaussian_kl,
    "autoencoder": _autoencoder,
    "vae": _vae,
    "beta-vae": _beta_vae,
    "vq": _vq,
    "reparameterization": _reparameterization,
}
