"""What sums add themselves, whatever the order and association of their terms, with or without fused multiply-adds.

Lemma. Let ŝ be computed from m floats t_i by m - 1 additions, in any tree. Then |ŝ - Σ t_i| <= (m - 1) ½ulp(S), where
S = Σ|t_i| (1 + u)^(m - 1).

    1. An addition of ŝ_a and ŝ_b gives ŝ_a + ŝ_b + ε: so ŝ = Σ t_i + Σ ε over the m - 1 additions.
    2. |ε| <= ½ulp(ŝ_a + ŝ_b), and |fl(ŝ_a + ŝ_b)| <= (|ŝ_a| + |ŝ_b|) (1 + u), also among subnormal numbers.
    3. By induction over the tree every exact ŝ_a + ŝ_b is at most S in size; ½ulp grows with it.

Terms that are rounded products t̂ = fl(ab) have |t̂| <= |ab| (1 + u) + λ. A fused multiply-add rounds ab + s once, where
the lemma counts a rounding of ab and one of the addition.

Where sums have an accumulator, a format of their own, all of that is done in it, and the result rounded to the format
of the values once: `stored`.
"""

from __future__ import annotations

import numpy as np

from scalarspec.backends.rounding.model import Call, FloatModel
from scalarspec.backends.rounding.tracked import total
from scalarspec.core import functions as f
from scalarspec.core.sets import sup
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor


def additions(model: FloatModel, sizes: Tensor, roundings: int, count: int) -> Tensor | None:
    """The lemma's bound for `count` additions of terms whose sizes sum to `sizes` before `roundings` roundings each."""
    if count <= 0:
        return None
    half_ulp = model.half_ulp(sizes * model.growth(roundings))
    return None if half_ulp is None else count * half_ulp


def stored(model: FloatModel, exact: Tensor, error: Tensor | None) -> Tensor | None:
    """The error of a sum and of what its rounding from the accumulator to the format loses: half an ulp of it."""
    if model.sums is model:
        return error
    size = f.abs(exact) if error is None else f.abs(exact) + error
    return total([error, model.half_ulp(size)])


def of_sum(call: Call, exact: Tensor) -> Tensor | None:
    """The lemma, for n terms."""
    return stored(call.model, exact, _of_sum(call)) if _terms(call) > 1 else None


def _of_sum(call: Call) -> Tensor | None:
    (x,) = call.operands
    n = _terms(call)
    return additions(call.model.sums, f.sum(f.abs(x.wide), call.parameters["axis"]), n, n - 1)


def of_many_sums(call: Call, exact: Tensor) -> Tensor | None:
    """The lemma for each element of the result, which is a sum of terms of its own, as many as there are ones where
    the terms are ones: each prefix of a cumulative sum, however it is found, is a tree over its terms.
    """
    (x,), model = call.operands, call.model
    ones = model.inner.tensor(np.ones(x.shape))
    more, place = np.unique(np.floor(sup(call.applied(ones))) - 1, return_inverse=True)
    if np.all(more <= 0):
        return None
    growth = model.inner.tensor([model.sums.growth(int(k)) for k in more])[place.reshape(call.shape)]
    half_ulp = model.sums.half_ulp(call.applied(f.abs(x.wide)) * growth)
    count = model.inner.tensor(np.maximum(more, 0.0))[place.reshape(call.shape)]
    error = stored(model, exact, None if half_ulp is None else half_ulp * count)
    return None if error is None else error * f.minimum(count, 1)


def of_mean(call: Call, exact: Tensor) -> Tensor | None:
    """The sum's error over n, and the division's."""
    return _divided(call, exact, _of_sum(call))


def of_mean_square(call: Call, exact: Tensor) -> Tensor | None:
    """n squares, their sum, the division.

    1. |fl(x²) - x²| <= ½ulp(x²).
    2. Σ fl(x²) <= Σ x² (1 + u)^(n + 1) as soon as it is beyond the least normal numbers, where every n λ is at most
       nu Σ x²; below them nothing is lost by additions. With n - 1 additions, that is (1 + u)^(2n).
    """
    (x,) = call.operands
    n, axis, squares = _terms(call), call.parameters["axis"], f.square(f.abs(x.wide))
    half_ulps = call.model.sums.half_ulp(squares)
    of_squares = None if half_ulps is None else f.sum(half_ulps, axis)
    of_additions = additions(call.model.sums, f.sum(squares, axis), 2 * n, n - 1)
    return _divided(call, exact, total([of_additions, of_squares]))


def _divided(call: Call, exact: Tensor, error: Tensor | None) -> Tensor | None:
    """The error of a mean whose sum has an error.

    1. |ŝ / n| <= |exact| + error / n.
    2. fl(ŝ / n) = ŝ / n (1 + δ) + η, or with 1/n rounded beforehand ŝ / n (1 + δ)(1 + δ') + η: by at most
       3u |ŝ / n| + λ, since 2u + u² < 3u.
    """
    n, sums = _terms(call), call.model.sums
    share = None if error is None else error / max(n, 1)
    if n > 1:
        size = f.abs(exact) if share is None else f.abs(exact) + share
        share = total([share, size * (3 * sums.unit) + sums.least_error])
    return stored(call.model, exact, share)


def of_matmul(call: Call, exact: Tensor) -> Tensor | None:
    """n products and n - 1 additions an entry; each term is rounded once and then added at most n - 1 times."""
    a, b = call.operands
    n = a.shape[-1]
    sizes, of_products = _products(call.model.sums, a.wide, b.wide)
    return stored(call.model, exact, total([of_products, additions(call.model.sums, sizes, 2 * n, n - 1)]))


def of_affine(call: Call, exact: Tensor) -> Tensor | None:
    """As the matrix product, with the bias as one term more."""
    weight, x, bias = call.operands
    return _with_bias(call, exact, weight.wide, x.wide, f.abs(bias.wide))


def of_affine_rows(call: Call, exact: Tensor) -> Tensor | None:
    """The same for each row of x."""
    weight, x, bias = call.operands
    rows_of_bias = f.broadcast_to(f.abs(bias.wide), call.shape)
    return _with_bias(call, exact, x.wide, f.matrix_transpose(weight.wide), rows_of_bias)


def _with_bias(call: Call, exact: Tensor, a: Tensor, b: Tensor, bias: Tensor) -> Tensor | None:
    """The bias is one term more in the accumulator, or it is added to the product that was rounded to the format: then
    that one, at most |exact| + |bias| and its error in size, is rounded, too.
    """
    n, model = a.shape[-1], call.model
    sizes, of_products = _products(model.sums, a, b)
    error = total([of_products, additions(model.sums, sizes + bias, 2 * n + 1, n)])
    return stored(model, exact, error if model.sums is model else stored(model, f.abs(exact) + bias, error))


def _products(model: FloatModel, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Σ|ab| + nλ, entry by entry, and the errors of the n products.

    1. |fl(ab) - ab| <= u |ab| + λ; in all u Σ|ab| + nλ, which is at most u (Σ|ab| + nλ) + nλ.
    2. Σ|fl(ab)| <= (Σ|ab| + nλ) (1 + u).
    """
    n = a.shape[-1]
    sizes = f.matmul(f.abs(a), f.abs(b)) + n * model.least_error
    return sizes, sizes * model.unit + n * model.least_error


def _terms(call: Call) -> int:
    """How many terms a reduction has."""
    (x,) = call.operands
    return Shape(x.shape[i] for i in call.parameters["axis"]).size
