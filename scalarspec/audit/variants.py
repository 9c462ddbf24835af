"""Ways to write the terms of a loss, the right one and wrong ones, times factors that a reduction may be off by."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Literal

from scalarspec.audit.near import Spec
from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor

Reduction = Literal["mean", "sum"]


Terms = tuple[tuple[str, Callable[..., Tensor]], ...]


def _half_sum(*terms: Any) -> Any:
    return sum(terms[1:], terms[0]) / 2


KL_TERMS: Terms = (
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


ERRORS: Terms = (
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


def mean_of(terms: Tensor, reduction: Reduction) -> Tensor:
    """The mean of the terms, or their sum, as the reduction says."""
    return f.mean(terms) if reduction == "mean" else f.sum(terms)


def variants(terms: Terms, reduction: Reduction, half: bool) -> Iterator[tuple[str, Spec]]:
    """Every wrong way to write the terms, times every wrong factor; the right one, with the text "", first."""
    scales = [text for text, _ in _scales(1, reduction, half)]
    for (text, term), (i, scale) in itertools.product(terms, enumerate(scales)):

        def spec(*args: Tensor, term: Any = term, i: int = i) -> Tensor:
            values = term(*args)
            return mean_of(values, reduction) * _scales(max(values.size, 1), reduction, half)[i][1]

        yield "; ".join(filter(None, (text, scale))), spec
