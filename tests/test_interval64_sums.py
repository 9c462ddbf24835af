"""Sums and layers of interval64: their margins are as claimed, and hold for hard numbers."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS
from faults import off_by

import scalarspec as ss
from scalarspec.backends.interval64 import Interval64Arrays, linear
from scalarspec.backends.interval64 import functions as bulk_functions
from scalarspec.numbers import elementary, numba_kernels
from scalarspec.numbers.elementary import U

C = CONTEXTS["interval64"]
FUSED = CONTEXTS["fused"]


# ---- margins: exact cases show that each end lies where the text says -----------------------------------------------


def ulps_out(end, exact, size):
    """How far out an end lies, in units of U of a size."""
    return float((end - Fraction(exact)) / (Fraction(size) * Fraction(U)))


def whole_numbers(source, *shape):
    return source.integers(1, 9, size=shape).astype(float)


def check_margins(c=C):
    """Each rounding of bulk sums and layers is paid for, to less than one roundoff: with whole numbers, whose sums are
    exact, an end lies out by what is claimed, so that an end that is one ulp off shows. Returns what is off."""
    source, off = np.random.default_rng(0), []
    for m, n in ((4, 2), (4, 3), (4, 17), (9, 16), (256, 64)):
        w, x, b = whole_numbers(source, m, n), whole_numbers(source, n), whole_numbers(source, m)
        t, v, bias = c.box(w, w), c.tensor(x), c.tensor(b)
        layer = (n + 16) * (w @ x) / (w @ x + b) + 4
        rows = ss.batched(lambda row, w=w, bias=bias: ss.affine(c.tensor(w), row, bias), over="row")
        claims = {
            "affine": (ss.affine(c.tensor(w), v, bias), w @ x + b, layer),
            "rows": (rows(ss.stack([c.box(x, x)]))[0], w @ x + b, layer),
            "matmul": (c.tensor(w) @ v, w @ x, np.full(m, n + 16 + 4.0)),
            "sum": (ss.sum(t, axis=1), w.sum(axis=1), np.full(m, 2 * (n + 2.0))),
            "mean": (ss.mean(t, axis=1), w.sum(axis=1) / n, np.full(m, 2 * (n + 2.0) + 2)),
            "mean_square": (ss.mean_square(t, axis=1), (w**2).sum(axis=1) / n, np.full(m, 2 * (n + 8.0))),
            "exp": (ss.exp(c.box(x / 9, x / 9)), np.exp(x / 9), np.full(n, 5.0)),
        }
        for name, (result, exact, claimed) in claims.items():
            low, high = ss.endpoints(result)
            for i in range(min(len(low), 9)):
                value = {
                    "mean": Fraction(w[i].sum()) / n if i < m else 0,
                    "exp": exp_at(x[i] / 9) if i < n else 0,
                    "mean_square": Fraction((w[i] ** 2).sum()) / n if i < m else 0,
                }.get(name, Fraction(exact[i]))
                outs = ulps_out(value, low[i], exact[i]), ulps_out(high[i], value, exact[i])
                if not all(claimed[i] - 1.05 <= out <= claimed[i] * 1.0002 + 2.2 for out in outs):
                    off.append((name, n, i, outs, claimed[i]))
    return off


def exp_at(x):
    """What the kernel computes, exactly: the margin is around that."""
    return Fraction(elementary.exp(np.array([x]))[0])


def test_margins_are_as_claimed():
    assert check_margins() == []
    assert check_margins(FUSED) == []


# ---- one ulp inward, injected ---------------------------------------------------------------------------------------

INTO_PLAIN = {"around": "affine", "widened": "exp", "mean_square": "mean_square", "mean": "mean", "sum": "sum"}


@pytest.mark.parametrize("shift", [-1, 1])
@pytest.mark.parametrize("helper", INTO_PLAIN)
def test_a_margin_that_is_an_ulp_off_is_caught(monkeypatch, helper, shift):
    owner = {"around": linear, "widened": bulk_functions}.get(helper, Interval64Arrays)
    right = getattr(owner, helper)

    def wrong(*args, **parameters):
        ends = right(*args, **parameters)
        return ends + shift * np.spacing(np.abs(ends))

    monkeypatch.setattr(owner, helper, wrong)
    assert INTO_PLAIN[helper] in {name for name, *_ in check_margins()}


INTO_FUSED = {"layer": "affine", "around": "rows", "mean": "mean", "mean_square": "mean_square"}


@pytest.mark.parametrize("shift", [-1, 1])
@pytest.mark.parametrize("loop", INTO_FUSED)
def test_a_fused_margin_that_is_an_ulp_off_is_caught(monkeypatch, loop, shift):
    monkeypatch.setattr(numba_kernels, loop, off_by(getattr(numba_kernels, loop), shift))
    assert INTO_FUSED[loop] in {name for name, *_ in check_margins(FUSED)}


# ---- sums and layers of hard numbers --------------------------------------------------------------------------------


def hard_numbers(rng, *shape):
    """Of all sizes, zeros and subnormal ones among them, some that cancel."""
    kind = rng.integers(0, 6)
    low, high = [(-1074, 1000), (-300, -250), (-30, 30), (-1, 1), (-1074, -1000), (400, 500)][kind]
    numbers = rng.normal(size=shape) * 2.0 ** rng.integers(low, high, size=shape)
    numbers[rng.uniform(size=shape) < 0.2] = 0.0
    if kind == 3:
        numbers = np.round(numbers)
    return numbers


def test_weights_that_are_large_beside_inputs_that_underflow():
    """Half a subnormal number is rounded; a weight of 2^500 makes that matter."""
    exact = ss.context("interval", prec=2200)
    for scale in range(-1074, -940, 7):
        rng = np.random.default_rng(scale + 2000)
        w, low = rng.normal(size=(40, 30)) * 2.0**500, rng.normal(size=(2, 30)) * 2.0**scale
        wanted = list(reductions_of(exact, w, low, low, np.zeros(40), low[0]))
        for context in (C, FUSED):
            for found, want in zip(reductions_of(context, w, low, low, np.zeros(40), low[0]), wanted, strict=True):
                (a, z), (c, d) = ss.endpoints(found), ss.endpoints(want)
                assert np.all((a <= c) & (d <= z))


def test_squares_that_underflow_beside_others_that_do_not():
    """A square that is rounded up from below 2^-1074 must not lift the lower end."""
    exact = ss.context("interval", prec=2200)
    low, high = np.full((2, 3), 1.4e-162), np.array([[1.0, 2.0, 3.0], [2e-162, 1e-161, 1.5e-162]])
    for context in (C, FUSED):
        for found, want in zip(
            *(
                [
                    ss.mean_square(c.box(low, high), axis=1),
                    ss.mean_square(c.box(low, high)),
                    ss.square(c.box(low, high)),
                ]
                for c in (context, exact)
            ),
            strict=True,
        ):
            (a, z), (c, d) = ss.endpoints(found), ss.endpoints(want)
            assert np.all((a <= c) & (d <= z))


def reductions_of(context, w, low, high, b, v):
    """Layers, products and sums of boxes, by all the ways there are."""
    x, t, bias = context.box(low, high), context.tensor(w), context.tensor(b)
    yield ss.affine(t, x[0], bias)
    yield ss.batched(lambda row: ss.affine(t, row, bias), over="row")(x)
    yield x @ ss.matrix_transpose(t)
    yield x[0] @ x[1]
    yield x @ context.tensor(v)
    yield ss.sum(x, axis=1)
    yield ss.mean(x)
    yield ss.mean_square(x, axis=1)
    yield ss.mean_square(x[0])


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (9, 40), (90, 200)])
def test_sums_and_layers_contain_the_exact_hull_of_hard_numbers(size):
    """The last size holds |W| in float32. The exact hull is what `interval` finds, whose sums are exact."""
    m, n = size
    exact = ss.context("interval", prec=2200)
    for seed in [*range(12), 2127, 2633] if n < 100 else range(3):
        rng = np.random.default_rng([seed, n])
        w, b, v, low = (hard_numbers(rng, *shape) for shape in ((m, n), (m,), (n,), (2, n)))
        high = low + np.abs(hard_numbers(rng, 2, n)) * rng.integers(0, 2)
        wanted = list(reductions_of(exact, w, low, high, b, v))
        for context in (C, FUSED):
            for found, want in zip(reductions_of(context, w, low, high, b, v), wanted, strict=True):
                (a, z), (c, d) = ss.endpoints(found), ss.endpoints(want)
                assert np.all((a <= c) & (d <= z))
