"""What logsumexp, softmax and its logarithm add themselves, as floats compute them: from e^(x - m), with m = max x.

Over n floats x, with t = m - x >= 0 for each, S = Σ e^-t, which lies in [1, n], and the share s = e^-t / S of each:

    1. The difference is rounded: t (1 + δ), |δ| <= u. So e^-t becomes at most e^-t e^(ut) in size, and is off by
       e^-t (e^(ut) - 1) <= u t e^(-t (1 - u)), which is at most u / (e (1 - u)) <= u / 2 whatever t is.
    2. The library's exponential is within libm ulps of it, and of numbers that are at most 1.
    3. Both together are at most α S for each term, `lost`, and the sum of the terms is off by Σ α, relatively.
    4. Sums of the n terms, in any order, are off by (n - 1) u (1 + u)^(n - 1) of their size: `of_sum`.
    5. Nor is a sum ŝ = S (1 + ρ'), |ρ'| <= ρ, ever below its greatest term, as rounding is monotone, and that is e^0,
       within libm ulps below 1, which are u each: ŝ / S >= max(1 - ρ, (1 - libm u) / S) = `least`.

logsumexp is m + log S:

    6. A sum ŝ has a logarithm within max(log(1 + ρ), -log(least)) of log S: `of_log`.
    7. The library's logarithm adds libm ulps of log S, and the addition of m half an ulp of the result.

Two numbers may also be added as max(a, b) + log1p(y), y = e^-|a - b|, in which no addition counts: S is 1 + y, and
log1p(ŷ) = log S + log(1 + (ŷ - y) / S). Many, pair by pair in this way, lose (n - 1) ½ulp(f) more, which is not
counted.

log_softmax is (x - m) - log S, in this order, as PyTorch, JAX and SciPy have it, and not x - logsumexp(x), which loses
half an ulp of the logsumexp. Here the difference x - m, once rounded, is off by ½ulp(t) beside steps 6 and 7.

softmax is e^(x - m) / S, or the product with 1 / S, as ONNX Runtime has it:

    8. By step 3 a numerator is e^-t + a, |a| / S <= α.
    9. With ŝ = S + a + r, where |r| / S <= ρ - α is what the other terms and the additions lose, the quotient is off by
       |(e^-t + a) S - e^-t ŝ| / (S ŝ) = |a (1 - s) - s r| / ŝ <= (α (1 - s) + s (ρ - α)) / least.
    10. A reciprocal and a product, or a division, round by (1 + u)² - 1 of that, and at most λ each, of which the first
        is multiplied with the numerator, which is at most 1 + 2 libm (u + λ).
    11. The numerator is a term of ŝ, which is not below it: no share is above (1 + u)² and the λ of step 10, and none
        is negative. What a mask leaves out is no term of S, and its share is 0.

Sums that are scaled anew on the way, as flash attention's are, are not counted. A sum that may leave the range has no
bound, nor a difference x - m that does so in a format without infinities.

Source: Blanchard, Higham, Higham, Accurately computing the log-sum-exp and softmax functions, IMA Journal of Numerical
Analysis 41 (4), 2021, theorems 3.1 and 4.2, and section 4 for softmax, to first order in u; here no order is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scalarspec.backends.rounding.model import Call, FloatModel
from scalarspec.backends.rounding.tracked import Array, ends
from scalarspec.core import functions as f
from scalarspec.core.sets import inf, sup
from scalarspec.core.tensor import Tensor


def of_logsumexp(call: Call, exact: Tensor) -> Tensor | None:
    """Steps 1 to 7; infinite over nothing."""
    found = Exponentials.of(call)
    before = f.reshape(found.of_logarithm, call.shape)
    bound = before + _zeros_for_none(call, call.model.half_ulp(f.abs(exact) + before))
    return found.where_known(bound, np.reshape(found.known & (found.count > 0), call.shape))


def of_log_softmax(call: Call, exact: Tensor) -> Tensor | None:
    """The same steps, with ½ulp(t)."""
    found = Exponentials.of(call)
    before = found.of_logarithm + _zeros_for_none(call, call.model.half_ulp(found.below))
    bound = before + _zeros_for_none(call, call.model.half_ulp(f.abs(exact) + before))
    return found.where_known(bound, np.broadcast_to(found.known, call.shape))


def of_softmax(call: Call, exact: Tensor) -> Tensor | None:
    """Steps 1 to 5, and 8 to 11."""
    found, model = Exponentials.of(call), call.model
    share, lost, least = f.minimum(f.abs(exact), 1), found.lost, found.least
    off = lost * (1 - share) + share * f.relu(found.rho - lost)
    quotient = off / model.inner.tensor(np.where(least > 0, least, 1.0))
    twice, largest = model.growth(2), 1 + 2 * model.libm * (model.unit + model.least_error)
    small = model.least_error * (1 + largest * (1 + model.unit))
    bound = f.minimum(quotient + (share + quotient) * (twice - 1) + small, twice + small)
    known = np.broadcast_to(found.known & (least > 0), call.shape)
    return found.where_known(bound if found.taken is None else bound * found.taken, known)


def _zeros_for_none(call: Call, error: Tensor | None) -> Tensor:
    return call.model.inner.tensor(0) if error is None else error


@dataclass(frozen=True, eq=False)
class Exponentials:
    """Σ e^-t along the axes of a call, which are kept, with length 1.

    below: t; taken: 0 for what is no term, and else 1, or None where all are terms; count: the greatest n; finite:
    where the numbers are known to be so.
    """

    model: FloatModel
    axis: tuple[int, ...]
    below: Tensor
    taken: Tensor | None
    count: int
    finite: Array

    @classmethod
    def of(cls, call: Call) -> Exponentials:
        """Of the operand of a call, without what its mask leaves out."""
        x, axis, mask = call.operands[0].wide, call.parameters["axis"], call.parameters.get("mask")
        low, high = ends(x)
        taken = np.broadcast_to(True if mask is None else mask, x.shape)
        bounded = np.isfinite(low) & np.isfinite(high)
        if not bounded.all():
            low, high = (np.where(bounded, end, 0.0) for end in (low, high))
            x = call.model.inner.box(low, high)
        greatest = [np.max(e, axis=axis, keepdims=True, initial=-np.inf, where=taken) for e in (low, high)]
        least, most = (np.where(np.isfinite(e), np.broadcast_to(e, x.shape), 0.0) for e in greatest)
        return cls(
            call.model, axis, f.relu(call.model.inner.box(least, most) - x),
            None if mask is None else call.model.inner.tensor(np.where(taken, 1.0, 0.0)),
            int(np.max(np.sum(taken, axis=axis), initial=0)),
            np.all(bounded | ~taken, axis=axis, keepdims=True),
        )  # fmt: skip

    def summed(self, terms: Tensor) -> Tensor:
        """The sum of what are terms."""
        return f.sum(terms if self.taken is None else terms * self.taken, self.axis, keepdims=True)

    @cached_property
    def size(self) -> Tensor:
        """S."""
        return f.maximum(self.summed(f.exp(-self.below)), 1)

    @cached_property
    def lost(self) -> Tensor:
        """α, of step 3, for each element: one number each, so that the others' are all without it."""
        shifts = of_shifts(self.model, self.below)
        half_ulp = self.model.half_ulp(f.minimum(f.exp(-self.below) + shifts, 1))
        off = shifts if half_ulp is None else shifts + 2 * self.model.libm * half_ulp
        return self.model.inner.tensor(sup(off / self.size))

    @cached_property
    def rho(self) -> Tensor:
        """ρ, of step 4."""
        return of_sum(self.model, self.summed(self.lost), self.count)

    @cached_property
    def least(self) -> Array:
        """Step 5."""
        of_greatest = 1 - self.model.libm * self.model.unit
        return np.maximum(inf(1 - self.rho), inf(of_greatest / self.size))

    @cached_property
    def of_logarithm(self) -> Tensor:
        """Step 6, and the library's part of step 7."""
        of_log = self._of_log()
        library = self.model.half_ulp(f.log(self.size) + of_log)
        return of_log if library is None else of_log + 2 * self.model.libm * library

    def _of_log(self) -> Tensor:
        known = self.model.inner.tensor(np.where(self.least > 0, self.least, 1.0))
        down = np.where(self.least > 0, sup(-f.log(known)), np.inf)
        return self.model.inner.box(np.zeros(down.shape), np.maximum(sup(f.log1p(self.rho)), down))

    @property
    def known(self) -> Array:
        """Where the sum surely stays in the range of the format, and so do the differences where they must."""
        form = self.model.form
        known: Array = self.finite & (sup(self.size * (1 + self.rho)) <= float(form.largest))
        if form.infinities:  # then what overflows has the exponential 0
            return known
        small = sup(self.below if self.taken is None else self.below * self.taken) <= float(form.largest)
        return np.asarray(known & np.all(small, axis=self.axis, keepdims=True))

    def where_known(self, bound: Tensor, known: Array) -> Tensor:
        """A bound, infinite where it is not known."""
        if known.all():
            return bound
        return self.model.inner.box(np.zeros(known.shape), np.where(known, sup(bound), np.inf))


def of_shifts(model: FloatModel, below: Tensor) -> Tensor:
    """Step 1."""
    falling = below * f.exp(-(below * (1 - model.unit)))
    return model.unit * f.minimum(falling, "1/2")


def of_sum(model: FloatModel, terms: Tensor, n: int) -> Tensor:
    """ρ, of step 4: relative to S. An accumulator's sum is rounded to the format once more."""
    sums = model.sums
    rho = terms + (1 + terms) * (max(n - 1, 0) * sums.growth(max(n - 1, 0))) * sums.unit
    return rho if sums is model else rho + (1 + rho) * model.unit
