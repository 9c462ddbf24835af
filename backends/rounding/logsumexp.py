"""What logsumexp adds itself: as floats compute it, m + log Σ e^(x - m) with m = max x, the sum in any order.

Over n floats x, with t = m - x >= 0 for each, S = Σ e^-t, which lies in [1, n], and the logarithm log S = f(x) - m:

    1. The difference is rounded: t (1 + δ), |δ| <= u. So e^-t becomes at most e^-t e^(ut) in size, and is off by
       e^-t (e^(ut) - 1) <= u t e^(-t (1 - u)), which is at most u / (e (1 - u)) <= u / 2 whatever t is.
    2. The library's exponential is within 2 libm u of it, relatively, or 2 libm λ where it underflows.
    3. Over S, all that is `of_terms`: Σ w t u, with weights w = e^-t / S that sum to 1, and 2 libm u (1 + Σ w t u), and
       2 n libm λ.
    4. Sums of the n terms, in any order, are off by (n - 1) u (1 + u)^(n - 1) of their size: `of_sum`.
    5. A sum ŝ = S (1 + ρ') with |ρ'| <= ρ has a logarithm within max(log(1 + ρ), -log(1 - ρ)). Nor is ŝ ever below its
       greatest term, as rounding is monotone, and that is e^0, within 2 libm u of 1: ŝ / S >= (1 - 2 libm u) / S.
    6. The library's logarithm adds libm ulps of log S, and the addition of m half an ulp of the result.

Two numbers may also be added as max(a, b) + log1p(e^-|a - b|), where steps 1 and 2 count beside 1 in the place of S.
Many numbers, pair by pair in this way, lose (n - 1) ½ulp(f) more, which is not counted.

Source: Blanchard, Higham, Higham, Accurately computing the log-sum-exp and softmax functions, IMA Journal of Numerical
Analysis 41 (4), 2021, theorems 3.1 and 4.2, to first order in u; here no order is left out.
"""

from __future__ import annotations

import numpy as np

from scalarspec.backends.rounding.model import Call, FloatModel
from scalarspec.backends.rounding.tracked import Array, ends, total
from scalarspec.core import functions as f
from scalarspec.core.sets import inf, sup
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor


def of_logsumexp(call: Call, exact: Tensor) -> Tensor | None:
    """The steps above; infinite where a float may be so."""
    model, axis = call.model, call.parameters["axis"]
    n = Shape(call.operands[0].shape[i] for i in axis).size
    low, high = ends(call.operands[0].wide)
    unbounded = ~np.all(np.isfinite(low) & np.isfinite(high), axis=axis)
    if np.any(unbounded) or not n:
        return model.bounded(np.full(call.shape, np.inf))
    below = _below_greatest(call, low, high)
    size = f.maximum(f.sum(f.exp(-below), axis), 1)
    terms = of_terms(model, f.sum(of_shifts(model, below), axis), size if n > 2 else None, n)
    of_log = _of_log(model, size, of_sum(model, terms, n))
    library = model.half_ulp(f.log(size) + of_log)
    before = total([of_log, None if library is None else 2 * model.libm * library])
    return total([before, model.half_ulp(f.abs(exact) + before)])


def _below_greatest(call: Call, low: Array, high: Array) -> Tensor:
    """t: how far each element lies below the greatest one along the axes."""
    x, axis = call.operands[0].wide, call.parameters["axis"]
    least, most = (np.broadcast_to(np.max(end, axis=axis, keepdims=True), end.shape) for end in (low, high))
    return f.relu(call.model.inner.box(least, most) - x)


def of_shifts(model: FloatModel, below: Tensor) -> Tensor:
    """Step 1, for each element."""
    falling = below * f.exp(-(below * (1 - model.unit)))
    return model.unit * f.minimum(falling, "1/2")


def of_terms(model: FloatModel, shifts: Tensor, size: Tensor | None, n: int) -> Tensor:
    """Steps 2 and 3: shifts summed over the terms; size: S, or None for 1, which is at most S."""
    share = shifts if size is None else shifts / size
    underflow = 2 * n * model.libm * model.least_error
    return share + 2 * model.libm * model.unit * (1 + share) + underflow


def of_sum(model: FloatModel, terms: Tensor, n: int) -> Tensor:
    """ρ, of step 4: relative to S. An accumulator's sum is rounded to the format once more."""
    sums = model.sums
    rho = terms + (1 + terms) * ((n - 1) * sums.growth(n - 1)) * sums.unit
    return rho if sums is model else rho + (1 + rho) * model.unit


def _of_log(model: FloatModel, size: Tensor, rho: Tensor) -> Tensor:
    """Step 5."""
    least = np.maximum(inf(1 - rho), inf((1 - 2 * model.libm * model.unit) / size))
    known = model.inner.tensor(np.where(least > 0, least, 1.0))
    down = np.where(least > 0, sup(-f.log(known)), np.inf)
    return model.inner.box(np.zeros(size.shape), np.maximum(sup(f.log1p(rho)), down))
