"""The backward pass: exact but for rounding, which is paid for, and a fault in any term is seen."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS
from corners import corners_outside

import scalarspec as ss
from scalarspec.bounding import backward, charges, fused

# ---- layers that cancel, against their exact ranges -----------------------------------------------------------------


def exact_range(weight, bias, low, high):
    """Of W x + b over a box, in rationals."""
    w, b, lo, hi = (CONTEXTS["rational"].tensor(a).tolist() for a in (weight, bias, low, high))
    ends = []
    for row, shift in zip(w, b, strict=True):
        parts = [sorted((c * p, c * q)) for c, p, q in zip(row, lo, hi, strict=True)]
        ends.append((shift + sum(p for p, _ in parts), shift + sum(q for _, q in parts)))
    return ends


def affine_misses(seed, scale):
    """Bounds that pass through two layers, W (V x + c) + b, beside the exact range of W V x + W c + b."""
    rng = np.random.default_rng(seed)
    v = rng.normal(size=(4, 3)) @ np.diag([scale, 1, 1 / scale]) @ rng.normal(size=(3, 3))
    w = np.linalg.pinv(v)[:2]  # so that W V is about 1, by cancellation
    c, b, x = rng.normal(size=4), rng.normal(size=2), rng.normal(size=3)
    found = ss.bounds(lambda x: ss.affine(w, ss.affine(v, x, c), b), x, vary={"x": ss.ball("1/1024")}, method="linear")
    exact = CONTEXTS["rational"]
    wv = (exact.tensor(w) @ exact.tensor(v)).tolist()
    wc = (exact.tensor(w) @ exact.tensor(c) + exact.tensor(b)).tolist()
    low, high = ([Fraction(t) + s * Fraction(1, 1024) for t in x] for s in (-1, 1))
    ends = exact_range(wv, wc, low, high)
    return [
        (int(lo < f_lo) + int(hi > f_hi), f_hi - f_lo, hi - lo)
        for (lo, hi), f_lo, f_hi in zip(ends, found.lower, found.upper, strict=True)
    ]


def test_affine_specs_have_their_exact_range_but_for_rounding():
    for seed in range(60):
        for misses, width, exact in affine_misses(seed, 1):
            assert misses == 0
            assert exact <= width <= exact * (1 + Fraction(1, 10**6))
        assert all(misses == 0 for misses, _, _ in affine_misses(seed, 1e4))


def test_rounding_that_is_forgotten_is_seen(monkeypatch):
    monkeypatch.setattr(fused, "RATE", 0.0)
    monkeypatch.setattr(charges.Charge, "RATE", 0.0)
    assert sum(misses for seed in range(60) for misses, _, _ in affine_misses(seed, 1e4)) > 0


def test_coefficients_that_underflow_are_paid_for(monkeypatch, only_linear):
    """1e-200 · 1e-200 · 1e300: the coefficient is below what floats hold, and its share of the value is not."""
    down = np.array([[1e-200]])
    spec = lambda x: ss.matmul(down, ss.matmul(down, x))  # noqa: E731
    near = {"x": ss.ball(Fraction(10) ** 299)}
    found = ss.bounds(spec, np.array([1e300]), vary=near, method="linear")
    low, high = (Fraction(1e-200) ** 2 * (Fraction(1e300) + sign * Fraction(10) ** 299) for sign in (-1, 1))
    assert found.lower[0] <= low < high <= found.upper[0]
    monkeypatch.setattr(charges, "TINY", 0.0)
    with pytest.raises(ss.errors.DomainError):  # nothing is left of the range
        ss.bounds(spec, np.array([1e300]), vary=near, method="linear")


# ---- a fault in any term is seen ------------------------------------------------------------------------------------

ROWS = {
    "univariate": lambda x, y: ss.sum(ss.tanh(x) + ss.exp(y)),
    "bilinear": lambda x, y: ss.sum(x * y),
    "linear": lambda x, y: ss.sum(x - 2 * y),
    "layer": lambda x, y: ss.sum(ss.tanh(ss.affine([[1, 2], [3, -1]], x, [0, 1]))) - ss.sum(y),
    "first layer": lambda x, y: ss.sum(ss.affine([[1, 2], [3, -1]], x, [0, 1])) - ss.sum(y),
    "quadratic": lambda x, y: ss.sum(ss.square(2 * x + y) - ss.exp(x - y)),
}


@pytest.mark.parametrize("term", ROWS)
def test_an_error_in_any_relaxation_is_seen(term, monkeypatch, only_linear):
    """A thousandth of the radius, added where the relaxation puts its constant."""

    def shifted(proper):
        def mistaken(self, *args):
            result = proper(self, *args)
            self.constant = self.constant + 2.0**-30
            return result

        return mistaken

    assert corners_outside(ROWS[term]) == 0
    methods = {"quadratic": "relax_quadratic", "first layer": "_begin"}
    if term in methods:
        method = methods[term]
        monkeypatch.setattr(backward.BackwardPass, method, shifted(getattr(backward.BackwardPass, method)))
    else:
        monkeypatch.setitem(backward.RELAXATIONS, term, shifted(backward.RELAXATIONS[term]))
    assert corners_outside(ROWS[term]) > 0
