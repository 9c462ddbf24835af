"""SciPy's special functions, by their names: those that our functions say."""

from __future__ import annotations

from typing import Any

from scalarspec import activation
from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor, common_context
from scalarspec.frontends.calls import Handler


def logit(p: Any) -> Any:
    """The logarithm of the odds, log(p / (1 - p))."""
    return f.subtract(f.log(p), f.log1p(f.negative(p)))


def ndtr(x: Any) -> Any:
    """The distribution function of the normal distribution, erfc(-x / √2) / 2."""
    return f.erfc(-x / f.sqrt(x.context.tensor(2))) / 2


def xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y), and 0 where x is 0."""
    return f.xlogy(x, f.add(1, y))


def entr(x: Any) -> Any:
    """-x log x, and 0 at 0."""
    return f.negative(f.xlogy(x, x))


def rel_entr(x: Any, y: Any) -> Any:
    """x log(x / y), and 0 where x is 0."""
    return f.subtract(f.xlogy(x, x), f.xlogy(x, y))


def kl_div(x: Any, y: Any) -> Any:
    """x log(x / y) - x + y."""
    return f.add(f.subtract(rel_entr(x, y), x), y)


def huber(delta: Any, r: Any) -> Any:
    """r² / 2 where |r| <= delta, else delta (|r| - delta / 2)."""
    size = f.abs(r)
    near = f.minimum(size, delta)
    return f.add(f.divide(f.square(near), 2), f.multiply(delta, f.subtract(size, near)))


def pseudo_huber(delta: Any, r: Any) -> Any:
    """delta² (√(1 + (r / delta)²) - 1)."""
    delta = common_context("pseudo_huber", (delta, r)).tensor(delta) if not isinstance(delta, Tensor) else delta
    return f.multiply(f.square(delta), f.subtract(f.sqrt(f.add(1, f.square(f.divide(r, delta)))), 1))


def exprel(x: Any) -> Any:
    """(eˣ - 1) / x, and 1 at 0."""
    return f.where(f.equal(x, 0), 1, lambda: f.divide(f.expm1(x), x))


def boxcox(x: Any, lmbda: Any) -> Any:
    """(x^λ - 1) / λ, and log x for λ = 0."""
    return f.log(x) if lmbda == 0 else f.divide(f.expm1(f.multiply(lmbda, f.log(x))), lmbda)


SPECIAL: dict[str, Handler] = {
    "expit": f.sigmoid, "logit": logit, "log_expit": activation.logsigmoid, "erf": f.erf, "erfc": f.erfc,
    "ndtr": ndtr, "log_ndtr": f.log_ndtr, "gammaln": f.lgamma, "loggamma": f.lgamma, "psi": f.digamma,
    "xlogy": f.xlogy, "xlog1py": xlog1py, "entr": entr, "rel_entr": rel_entr, "kl_div": kl_div, "huber": huber,
    "pseudo_huber": pseudo_huber, "exprel": exprel, "boxcox": boxcox, "cbrt": f.cbrt, "expm1": f.expm1,
    "log1p": f.log1p, "exp2": lambda x: f.pow(2, x), "exp10": lambda x: f.pow(10, x),
}  # fmt: skip
"""By the names of SciPy's universal functions."""
