"""Bounds on rounding errors of what networks are made of: shares, extremes, cumulative sums, windows, many matrices."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from emulated import Emulator, rounded

import scalarspec as ss
from scalarspec.backends.rounding.inherited import INHERITED
from scalarspec.backends.rounding.local import LOCAL
from scalarspec.backends.rounding.model import Call
from scalarspec.backends.rounding.tracked import Tracked
from scalarspec.core.applied import applied
from scalarspec.core.region import regions
from scalarspec.numbers import formats
from scalarspec.rounding_errors.box_errors import BoxErrors

EXACT = ss.context("interval", prec=200)
HALF = ss.context("rounding", dtype="float16")
UNIT = 2.0**-11
"""Of float16."""


class Unkind(np.random.Generator):
    """A library that errs to one side for the greatest, and to the other for all others."""

    def __init__(self, seed):
        super().__init__(np.random.PCG64(seed))
        self.seed = seed

    def choice(self, options, shape):
        """Sides, by the seed: the same for all, or another one for the first."""
        sides = np.full(shape, 1 if self.seed & 1 else -1)
        if self.seed & 2 and sides.shape:
            sides[..., 0] *= -1
        return sides


def worst(spec, dtype, x, libm=4, accumulate=None, count=24):
    """For each element the greatest error that floats make, over the bound."""
    form, sums = formats.named(dtype), formats.named(accumulate or dtype)
    context = ss.context("rounding", dtype=dtype, libm=libm, accumulate=accumulate)
    bound = spec(context.points(x)).value.bound
    low, high = ss.endpoints(spec(EXACT.tensor(x)))
    found = np.zeros(bound.shape)
    for seed in range(count):
        (values,) = Emulator(form, sums, libm, Unkind(seed)).evaluate(spec, [x[None]])
        for index in np.ndindex(*bound.shape):
            v = Fraction(float(values[index]))
            off, allowed = max(low[index] - v, v - high[index], Fraction(0)), Fraction(float(bound[index]))
            found[index] = max(found[index], float(off / allowed) if allowed else np.inf if off else 0.0)
    return found


# ---- softmax and its logarithm --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(("dtype", "accumulate"), [("float32", None), ("float16", None), ("bfloat16", "float32")])
@pytest.mark.parametrize("n", [2, 10, 100])
def test_shares_err_by_no_more_than_their_bound_and_it_is_no_idle_one(name, dtype, accumulate, n):
    x = rounded(np.random.default_rng(n).normal(size=n), formats.named(dtype))
    ratio = worst(getattr(ss, name), dtype, x, accumulate=accumulate).max()
    assert (0.05 if accumulate is None and n > 10 else 0.25) < ratio <= 1


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_half_of_the_bound_of_shares_is_too_little(name, monkeypatch):
    x, spec = np.array([0.0, -0.69, -0.69]), getattr(ss, name)
    assert worst(spec, "float32", x, libm=8).max() > 0.5
    proper = LOCAL[name]
    monkeypatch.setitem(LOCAL, name, lambda call, exact: proper(call, exact) / 2)
    assert worst(spec, "float32", x, libm=8).max() > 1


def moved(name, x, errors):
    """The most that the results change in exact arithmetic, where each number is off by its error or not at all."""
    spec = getattr(ss, name)
    before = np.array(ss.sup(spec(EXACT.tensor(x))))
    corners = [x + np.array(signs) * errors for signs in product([-1, 0, 1], repeat=len(x))]
    return np.max([np.abs(np.array(ss.sup(spec(EXACT.tensor(y)))) - before) for y in corners], axis=0)


def handed_on(name, x, errors):
    """The rule's bound on that."""
    operand = Tracked(HALF.inner.tensor(x), HALF.inner.box(np.zeros(len(x)), errors))
    parameters = {"axis": (0,), **({"mask": None} if name == "softmax" else {})}
    (part,) = INHERITED[name](Call(HALF.model, name, (operand,), parameters))
    return ss.sup(part)


CASES = {
    "all alike": ([0.5, -0.25, 0.0], [1e-3, 1e-3, 1e-3]),
    "one alone": ([0.5, -0.25, 0.0], [1e-3, 0, 0]),
    "one that hardly counts": ([0.0, -8.0, 0.25], [1e-6, 1e-3, 1e-6]),
    "one that is nearly all": ([9.0, 0.0, -1.0], [1e-3, 1e-3, 1e-3]),
    "large": ([0.5, -0.25, 0.0], [2.0, 3.0, 1.0]),
}


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("case", CASES)
def test_errors_of_logits_are_handed_on_by_no_less_than_they_can_do_and_by_little_more(name, case):
    x, errors = map(np.array, CASES[case])
    exact, bound = moved(name, x, errors), handed_on(name, x, errors)
    assert np.all(exact <= bound)
    assert np.all(bound <= (5 if case == "large" else 1.1) * exact)


def test_a_masked_share_is_an_exact_zero():
    x = HALF.tensor(["1/3", 5, "1/7"])
    rows = ss.softmax(ss.stack([x, x]) / 3, where=[[True, False, True], [False] * 3])
    assert np.array_equal(rows.value.bound == 0, [[False, True, False], [True] * 3])
    assert np.array_equal(rows.value.bound[0, ::2] < 0.01, [True, True])


def test_what_a_mask_leaves_out_makes_no_bound_larger():
    mask = np.arange(300) < 2
    alone = ss.softmax(HALF.points([0.5, 0.25])).value.bound
    masked = ss.softmax(HALF.points([0.5, 0.25] + [400.0] * 298), where=mask).value.bound
    assert masked[:2] == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_a_sum_of_exponentials_may_leave_the_range(name):
    """448 is the largest float8_e4m3fn, and float16 ends at 65504: with more terms than that floats are NaN."""
    spec = getattr(ss, name)
    context = ss.context("rounding", dtype="float8_e4m3fn", libm=1)
    assert np.all(np.isinf(spec(context.points(np.zeros(500))).value.bound))
    assert np.all(np.isinf(spec(HALF.points(np.zeros(70_000))).value.bound))
    wide = ss.context("rounding", dtype="float16", accumulate="float32")
    assert np.all(np.isinf(spec(wide.points(np.zeros(70_000))).value.bound))  # it is stored as a float16
    assert np.all(np.isfinite(spec(wide.points(np.zeros(1000))).value.bound))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_a_difference_may_leave_a_range_without_infinities(name):
    """-448 - 448 is NaN in float8_e4m3fn, and -inf, of which the exponential is 0, in others."""
    spec = getattr(ss, name)
    without, with_them = (ss.context("rounding", dtype=f"float8_{d}", libm=1) for d in ("e4m3fn", "e5m2"))
    assert np.all(np.isinf(spec(without.points([448.0, -448.0])).value.bound))
    bound = spec(with_them.points([40960.0, -40960.0])).value.bound
    assert np.array_equal(np.isinf(bound), [False, True] if name == "log_softmax" else np.zeros(bound.shape))


def test_no_share_is_off_by_more_than_all_there_is():
    found = ss.tolerance(ss.softmax, np.zeros(9), vary={"x": ss.ball(60)}, dtype="bfloat16")
    assert np.all(found.absolute < 2.1)


def test_bounds_of_shares_grow_as_their_sums_do():
    """With n terms of one size a share is off by about n u of it, and log n by about n u: not by n² u."""
    for n in (100, 10_000):
        context = ss.context("rounding", dtype="float32")
        x = context.points(np.zeros(n))
        assert np.max(ss.softmax(x).value.bound) * n < 1.1 * n * 2**-24 + 50 * 2**-24
        assert np.max(ss.log_softmax(x).value.bound) < 1.1 * n * 2**-24 + 100 * 2**-24


# ---- extremes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max", "min"])
def test_an_extreme_has_the_greatest_error_and_no_more(name, monkeypatch):
    x = HALF.tensor([[1 / 3, 5.0], [1 / 3, -5.0]])
    third = abs(1 / 3 - float(np.float16(1 / 3)))
    spec = getattr(ss, name)
    assert spec(x, axis=0).value.bound.tolist() == pytest.approx([third, 0], rel=1e-9)
    assert spec(x, axis=0).value.bound[0] >= third
    proper = INHERITED[name]
    monkeypatch.setitem(INHERITED, name, lambda call: [part / 2 for part in proper(call)])
    assert spec(x, axis=0).value.bound[0] < third


def test_what_is_surely_not_the_extreme_one_has_no_part_in_it():
    x = HALF.tensor([1 / 3, 5.0, -1 / 7])
    own = x.value.bound
    assert np.array_equal(ss.maximum(x, 0).value.bound, [own[0], 0, 0])
    assert np.array_equal(ss.minimum(0, x).value.bound, [0, 0, own[2]])
    assert ss.max(x).value.bound == 0
    assert ss.min(x).value.bound == own[2]
    near = HALF.tensor([1 / 3, float(np.float16(1 / 3))])  # which of the two is larger, rounding may turn
    assert ss.max(near).value.bound == near.value.bound[0] > 0


def test_what_is_moved_or_chosen_of_numbers_that_are_not_negative_is_not_negative():
    """Under a root that tells a finite bound from none."""
    x = np.full((1, 4, 4), 1e-5)
    specs = {
        "moved": lambda x: ss.reshape(ss.permute_dims(ss.relu(x / 3), (1, 0, 2)), (16,)),
        "side by side": lambda x: ss.concat([ss.relu(x / 3), ss.square(x)], axis=1),
        "largest": lambda x: ss.max_pool(ss.relu(x / 3), 2),
        "larger": lambda x: ss.minimum(ss.relu(x / 3), ss.square(x)),
        "added": lambda x: ss.cumulative_sum(ss.relu(x / 3), axis=1),
        "variance": lambda x: ss.var(x, axis=(1, 2), keepdims=True) + "1/100000000",
    }
    for name, spec in specs.items():
        found = ss.tolerance(lambda x, spec=spec: ss.sqrt(spec(x)), x, vary={"x": ss.ball("1/100000")}, dtype="float16")
        assert np.all(np.isfinite(found.absolute)), name


# ---- sums, each of its own terms ------------------------------------------------------------------------------------


def test_a_prefix_loses_half_an_ulp_with_each_addition(monkeypatch):
    """1 + u + u + ... stays 1 in floats, from the left to the right."""
    x = np.array([1.0] + [UNIT] * 9)
    bound, lost = ss.cumulative_sum(HALF.points(x)).value.bound, np.arange(10) * UNIT
    assert bound[0] == 0
    assert np.all(bound >= lost)
    assert np.all(bound[1:] <= 1.01 * lost[1:])
    proper = LOCAL["cumulative_sum"]
    monkeypatch.setitem(LOCAL, "cumulative_sum", lambda call, exact: proper(call, exact) / 2)
    assert np.all(ss.cumulative_sum(HALF.points(x)).value.bound[1:] < lost[1:])


def test_long_cumulative_sums_keep_the_bounds_of_their_beginnings():
    context = ss.context("rounding", dtype="bfloat16")
    short, long = (ss.cumulative_sum(context.points(np.ones(n))).value.bound for n in (20, 2000))
    assert np.array_equal(long[:20], short)


def fold(x):
    return applied("fold", x, stride=(1,), dilation=(1,), size=(4,))


def test_what_is_folded_loses_half_an_ulp_with_each_addition(monkeypatch):
    """Windows of three, each 1, 1, 1 and u, u, u: the two elements in the middle are sums of two terms, 1 + u."""
    x = HALF.points([[1.0, UNIT], [1.0, UNIT], [1.0, UNIT]])
    bound = fold(x).value.bound
    assert np.array_equal(bound == 0, [True, False, False, True])
    assert np.all((bound[1:3] >= UNIT) & (bound[1:3] <= 1.01 * UNIT))
    proper = LOCAL["fold"]
    monkeypatch.setitem(LOCAL, "fold", lambda call, exact: proper(call, exact) / 2)
    assert np.all(fold(x).value.bound[1:3] < UNIT)


@pytest.mark.parametrize("name", ["cumulative_sum", "fold"])
def test_errors_of_terms_are_added(name, monkeypatch):
    """Two thirds, each of which is off by as much."""
    off = 2 * abs(1 / 3 - float(np.float16(1 / 3)))
    spec = (
        (lambda x: ss.cumulative_sum(x)[1])
        if name == "cumulative_sum"
        else (lambda x: fold(ss.stack([x, x], axis=1))[1])
    )
    x = HALF.tensor([1 / 3] * 3)
    monkeypatch.setitem(LOCAL, name, lambda call, exact: None)
    assert off <= spec(x).value.bound <= 1.01 * off
    proper = INHERITED[name]
    monkeypatch.setitem(INHERITED, name, lambda call: [part / 2 for part in proper(call)])
    assert spec(x).value.bound < off


# ---- products of many matrices --------------------------------------------------------------------------------------


def test_many_products_have_the_bounds_of_each():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 1, 2, 5)), rng.normal(size=(4, 5, 2))
    context = ss.context("rounding", dtype="float32")
    many = ss.matmul(context.tensor(a), context.tensor(b)).value.bound
    for i, j in product(range(3), range(4)):
        one = ss.matmul(context.tensor(a[i, 0]), context.tensor(b[j])).value.bound
        assert np.all(np.abs(many[i, j] - one) <= 1e-9 * one)
    vectors = ss.matmul(context.tensor(b[0, :, 0]), context.tensor(b)).value.bound
    assert vectors.shape == (4, 2)


# ---- infinities -----------------------------------------------------------------------------------------------------

LARGE = np.array([[1.0, 1.0, 1.0], [300.0, 1.0, 1.0]])
"""Of which the second row's first square leaves float16."""
SPREADS = {
    "softmax along rows": (lambda x: ss.softmax(x * x, axis=1), [[0, 0, 0], [1, 1, 1]]),
    "log_softmax along columns": (lambda x: ss.log_softmax(x * x, axis=0), [[1, 0, 0], [1, 0, 0]]),
    "cumulative sum": (lambda x: ss.cumulative_sum(x * x, axis=0), [[0, 0, 0], [1, 0, 0]]),
    "cumulative sum along rows": (lambda x: ss.cumulative_sum((x * x)[:, ::-1], axis=1), [[0, 0, 0], [0, 0, 1]]),
    "side by side": (lambda x: ss.concat([x, x * x]), [[0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]]),
    "stacked": (lambda x: ss.stack([x, x * x])[:, 1], [[0, 0, 0], [1, 0, 0]]),
    "max": (lambda x: ss.max(x * x * 0, axis=1), [0, 1]),
    "windows": (lambda x: ss.max_pool((x * x * 0)[None], 2, stride=1)[0], [[1, 0]]),
    "fold": (lambda x: applied("fold", x * x * 0, stride=(1,), dilation=(1,), size=(4,)), [0, 1, 0, 0]),
    "permuted": (lambda x: ss.permute_dims(x * x, (1, 0)), [[0, 1], [0, 0], [0, 0]]),
    "taken": (lambda x: (x * x)[[1, 0, 1]][:, 0], [1, 0, 1]),
    "many matrices": (lambda x: ss.matmul((x * x)[:, None], x[:, :, None] * 0)[:, 0, 0], [0, 1]),
}


@pytest.mark.parametrize("name", SPREADS)
def test_what_may_be_nan_makes_unknown_what_is_made_of_it_and_nothing_else(name):
    spec, unknown = SPREADS[name]
    bound = spec(HALF.tensor(LARGE)).value.bound
    assert np.array_equal(np.isinf(bound), np.array(unknown, dtype=bool))


# ---- boxes, and networks --------------------------------------------------------------------------------------------


WEIGHTS = np.array([[[[0.3, -1.0], [0.7, 0.2]]], [[[-0.4, 1.1], [0.6, -0.9]]]])


def small_network(x):
    h = ss.max_pool(ss.relu(ss.conv(x, WEIGHTS, np.array([0.1, -0.2]), padding=1)), 2)
    return ss.softmax(ss.sum(ss.cumulative_sum(h, axis=2), axis=(1, 2)))


def test_boxes_at_once_have_the_bounds_of_each_alone():
    """Whatever axes an operation puts first, what it adds is added to the box that it is of."""
    x = np.linspace(-1, 1, 16).reshape(1, 4, 4)
    vary = regions(small_network, {"x": ss.ball("0.25")})
    problem = BoxErrors(small_network, {"x": x}, vary, ss.context("rounding", dtype="float32"), "rounded")
    middle = (problem.low + problem.high) / 2
    boxes = [(problem.low, middle), (middle, problem.high), (middle, middle)]
    at_once = problem.evaluate(boxes)
    for box, part in zip(boxes, at_once, strict=True):
        (alone,) = problem.evaluate([box])
        assert alone.forms == part.forms == ("running", "adjoint")
        assert np.all(np.abs(part.bound - alone.bound) <= 1e-9 * alone.bound)


def layer_norm(x):
    deviation = ss.sqrt(ss.var(x, axis=-1, keepdims=True) + "1/100000")
    return (x - ss.mean(x, axis=-1, keepdims=True)) / deviation


def attention(x):
    scores = ss.matmul(x, ss.matrix_transpose(x)) / ss.sqrt(x.context.tensor(x.shape[-1]))
    return ss.matmul(ss.softmax(scores), x)


@pytest.mark.parametrize(
    ("spec", "shape", "most"),
    [(small_network, (1, 8, 8), 1e-4), (layer_norm, (4, 32), 1e-5), (attention, (8, 16), 1e-4)],
)
def test_networks_in_float32_err_by_less_than_a_tolerance_that_is_of_use(spec, shape, most):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    bound = ss.tolerance(spec, x, vary={"x": ss.ball("0.001")}, dtype="float32").absolute
    assert np.max(bound) < most
    for _ in range(10):
        y = x + rng.uniform(-0.001, 0.001, size=shape)
        floats, exact = (np.asarray(spec(ss.context(d).tensor(y)), dtype=float) for d in ("float32", "float64"))
        assert np.all(np.abs(floats - exact) <= bound)


def in_stages(x):
    scores = ss.stage("scores", ss.matmul(x, ss.matrix_transpose(x)))
    shares = ss.stage("shares", ss.softmax(scores))
    return ss.stage("sums", ss.cumulative_sum(ss.max(ss.matmul(shares, x), axis=1)))


@pytest.mark.parametrize("wrong", [False, True])
def test_what_attention_rounds_is_explained_and_shares_of_another_format_are_found(wrong):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    scores = x @ x.T
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    if wrong:
        shares = shares.astype(np.float16).astype(np.float32)
    found = {"scores": scores, "shares": shares, "sums": np.cumsum(np.max(shares @ x, axis=1))}
    report = ss.crosscheck(in_stages, x, actual=found)
    assert report.comparison.found.unknown == ()
    assert (report.culprit.name if report.culprit else None) == ("shares" if wrong else None)
