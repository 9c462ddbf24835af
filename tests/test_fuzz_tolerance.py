"""A quick share of the fuzz of tolerances, and the proof that it, or a case beside it, sees a fault in each bound."""

from collections import Counter
from fractions import Fraction
from itertools import product

import fuzz_tolerance
import numpy as np
import pytest
from emulated import Emulator, rounded

import scalarspec as ss
from scalarspec.backends.rounding import exponentials, inherited, local, sums
from scalarspec.backends.rounding.inherited import INHERITED
from scalarspec.backends.rounding.local import LOCAL
from scalarspec.backends.rounding.model import Call
from scalarspec.backends.rounding.tracked import Tracked
from scalarspec.core.applied import applied
from scalarspec.core.tensor import Tensor
from scalarspec.numbers import formats
from scalarspec.rounding_errors import box_errors

EXACT = ss.context("interval", prec=200)


def misses(seeds, count=8):
    counts, ratios = Counter(), []
    return sum(len(fuzz_tolerance.check(seed, count, counts, ratios)) for seed in seeds), counts


@pytest.mark.parametrize("start", range(0, 100, 20))
def test_no_float_errs_by_more_than_its_tolerance(start):
    wrong, counts = misses(range(start, start + 20))
    assert wrong == 0
    assert counts["pairs"] > 100


# ---- what is handed on ----------------------------------------------------------------------------------------------

MATRIX, VECTOR = np.array([[0.5, -0.25], [1.0, 0.75]]), np.array([0.5, -0.25])
HANDED_ON = {
    "add": (ss.add, 1.0, 2.0),
    "subtract": (ss.subtract, 1.0, 2.0),
    "multiply": (ss.multiply, 0.5, 2.0),
    "negative": (ss.negative, 1.0),
    "abs": (ss.abs, 1.0),
    "relu": (ss.relu, 1.0),
    "leaky_relu": (lambda x: ss.leaky_relu(x, "1/2"), 1.0),
    "maximum": (ss.maximum, 1.0, 0.5),
    "minimum": (ss.minimum, 1.0, 0.5),
    "clip": (lambda x: ss.clip(x, 0, 2), 1.0),
    "where": (lambda x, y: ss.where(x.context.tensor(1) > 0, x, y), 1.0, 0.5),
    "sqrt": (ss.sqrt, 0.25),
    "hypot": (ss.hypot, 3.0, 4.0),
    "sum": (ss.sum, VECTOR),
    "mean": (ss.mean, VECTOR),
    "mean_square": (ss.mean_square, VECTOR),
    "cumulative_sum": (ss.cumulative_sum, VECTOR),
    "fold": (lambda x: applied("fold", x, stride=(1,), dilation=(1,), size=(3,)), MATRIX),
    "logsumexp": (ss.logsumexp, VECTOR),
    "softmax": (ss.softmax, VECTOR),
    "log_softmax": (ss.log_softmax, VECTOR),
    "max": (ss.max, VECTOR),
    "min": (ss.min, VECTOR),
    "matmul": (ss.matmul, MATRIX, VECTOR),
    "affine": (ss.affine, MATRIX, VECTOR, VECTOR),
    "affine_rows": (ss.affine, MATRIX, MATRIX, VECTOR),
}
"""For each rule a spec and operands."""


def greatest_change(spec, operands, error):
    """The most that each result changes where every number of the operands is off by an error, up or down."""
    before = ss.sup(spec(*map(EXACT.tensor, operands)))
    sizes = [np.size(x) for x in operands]
    found = np.zeros_like(before)
    for signs in product([-1, 1], repeat=sum(sizes)):
        parts = np.split(np.array(signs), np.cumsum(sizes)[:-1])
        moved = [x + error * np.reshape(part, np.shape(x)) for x, part in zip(operands, parts, strict=True)]
        found = np.maximum(found, np.abs(ss.sup(spec(*map(EXACT.tensor, moved))) - before))
    return found


def bound_on_change(spec, operands, error):
    context = ss.context("rounding")
    tracked = [
        Tensor(
            context,
            ss.Shape(np.shape(x)),
            Tracked(context.inner.tensor(x), context.inner.tensor(np.full(np.shape(x), error))),
        )
        for x in operands
    ]
    return spec(*tracked).value.bound


@pytest.mark.parametrize("name", HANDED_ON)
def test_errors_are_handed_on_whole_and_half_of_each_rule_is_too_little(name, monkeypatch):
    spec, *operands = HANDED_ON[name]
    change, error = greatest_change(spec, operands, 2.0**-20), 2.0**-20
    bound = bound_on_change(spec, operands, error)
    assert np.all((change <= bound) & (bound < 1.9 * change))
    proper = INHERITED[name]
    monkeypatch.setitem(INHERITED, name, lambda call: [part / 2 for part in proper(call)])
    assert np.any(bound_on_change(spec, operands, error) < change)


def test_each_rule_for_errors_that_are_handed_on_is_tried():
    assert set(HANDED_ON) == set(INHERITED)


# ---- infinities and NaN ---------------------------------------------------------------------------------------------


def test_a_sigmoid_is_nan_where_its_exponential_has_no_infinity(monkeypatch):
    form, x = formats.named("float8_e4m3fn"), np.array([-56.0])
    context = ss.context("rounding", dtype=form)
    assert np.isnan(Emulator(form, form, 4, np.random.default_rng(0)).evaluate(ss.sigmoid, [x[None]]))
    assert np.isinf(ss.sigmoid(context.points(x)).value.bound)
    monkeypatch.setitem(LOCAL, "sigmoid", local.partial(local.by_formula, calls=1, term=local.underflow))
    assert np.isfinite(ss.sigmoid(context.points(x)).value.bound)


OVERFLOWN = {
    "product": lambda x: x * x * 0,
    "quotient": lambda x: 0 / (x * x),
    "dot": lambda x: ss.dot(x * x, x * 0),
    "matrix": lambda x: ss.matmul(ss.outer(x, x), x * 0),
    "layer": lambda x: ss.affine(ss.outer(x, x) * 0, x * x, x),
    "mean": lambda x: ss.mean(x * x * 0),
    "step": lambda x: ss.heaviside(x * x) + ss.sign(x * x),
    "choice": lambda x: ss.minimum(x * x, 5),
    "clip": lambda x: ss.clip(x * x, -1, 1),
    "bounded": lambda x: ss.tanh(x * x) + ss.sin(x * x) + ss.atan(x * x),
    "power": lambda x: (x * x) ** 0,
    "reduction of squares": lambda x: ss.mean_square(0 * (x * x)),
    "shares": lambda x: ss.logsumexp(-(x * x)),
}


@pytest.mark.parametrize("name", OVERFLOWN)
def test_what_overflows_is_nowhere_made_good_by_a_zero(name):
    x = np.array([300.0, 1.0])
    context = ss.context("rounding", dtype="float16")
    assert np.isinf(np.max(OVERFLOWN[name](context.tensor(x)).value.bound))
    found = ss.tolerance(OVERFLOWN[name], x, vary={"x": ss.ball(0)}, dtype="float16")
    assert np.isinf(np.max(found.absolute))


def test_zeros_would_make_good_what_overflows(monkeypatch):
    context, form, x = ss.context("rounding", dtype="float16"), formats.named("float16"), np.array([300.0, 1.0])
    spec = OVERFLOWN["product"]
    assert np.isnan(Emulator(form, form, 4, np.random.default_rng(0)).evaluate(spec, [x[None]])[0, 0])
    monkeypatch.setattr(inherited, "of_infinities", lambda call: [])
    assert np.isfinite(spec(context.points(x)).value.bound[0])


def test_a_branch_that_is_not_taken_may_overflow():
    x, vary = np.array([300.0, 2.0]), {"x": ss.ball(0)}
    found = ss.tolerance(lambda x: ss.where(x > 100, 1, x * x), x, vary=vary, dtype="float16")
    assert found.absolute[0] == 0
    assert found.absolute[1] < 0.01


def test_rows_that_do_not_overflow_keep_their_bounds():
    context = ss.context("rounding", dtype="float16")
    x = context.tensor([300.0, 0.25])
    rows = ss.matmul(ss.matmul(ss.reshape(x, (2, 1)), ss.reshape(x, (1, 2))) * [[1, 1], [0, 1]], x * 0 + 1)
    assert np.isinf(rows.value.bound).tolist() == [True, False]


# ---- logsumexp ------------------------------------------------------------------------------------------------------


def worst_of_logsumexp(dtype, x, libm, accumulate=None):
    """The greatest error that an unkind library makes, over the bound."""
    form, sums_of = formats.named(dtype), formats.named(accumulate or dtype)
    context = ss.context("rounding", dtype=dtype, libm=libm, accumulate=accumulate)
    bound = float(ss.logsumexp(context.points(x)).value.bound)
    (low,), (high,) = (end.ravel() for end in ss.endpoints(ss.logsumexp(EXACT.tensor(x))))
    worst = 0
    for seed in range(40):
        source = Unkind(seed)
        value = Emulator(form, sums_of, libm, source).evaluate(ss.logsumexp, [x[None]])
        worst = max(worst, *(float(max(low - Fraction(float(v)), Fraction(float(v)) - high)) for v in value))
    return worst / bound


class Unkind(np.random.Generator):
    """A library that errs to one side."""

    def __init__(self, seed):
        super().__init__(np.random.PCG64(seed))
        self.side = 1 if seed % 2 else -1

    def choice(self, options, shape):
        return np.full(shape, self.side)


@pytest.mark.parametrize(("dtype", "accumulate"), [("float32", None), ("float16", None), ("bfloat16", "float32")])
@pytest.mark.parametrize("n", [2, 10, 300])
def test_logsumexp_errs_by_no_more_than_its_bound_and_the_bound_is_no_idle_one(dtype, accumulate, n):
    x = rounded(np.random.default_rng(n).normal(size=n), formats.named(dtype))
    ratio = worst_of_logsumexp(dtype, x, 4, accumulate)
    assert (0.02 if accumulate is None and n > 10 else 0.3) < ratio <= 1


def test_half_of_the_bound_of_logsumexp_is_too_little(monkeypatch):
    x = np.full(4, 0.25)
    assert worst_of_logsumexp("float32", x, 8) > 0.5
    proper = LOCAL["logsumexp"]
    monkeypatch.setitem(LOCAL, "logsumexp", lambda call, exact: proper(call, exact) / 2)
    assert worst_of_logsumexp("float32", x, 8) > 1


def test_each_part_of_the_bound_of_logsumexp_is_needed():
    """Each is the least that its step of the proof allows, up to the second order: half of it would be too little."""
    context = ss.context("rounding", dtype="bfloat16", libm=3)
    model, u = context.model, Fraction(1, 2**8)
    for t in map(Fraction, ("1/100", "1/2", "1", "3", "20")):
        e = ss.exp(EXACT.tensor(-t)) * ss.expm1(EXACT.tensor(u * t))
        (lost,), (allowed,) = ss.endpoints(e)[1].ravel(), [ss.sup(exponentials.of_shifts(model, model.inner.tensor(t)))]
        assert lost <= allowed
        assert lost > allowed / 2
    alike = Call(model, "logsumexp", (context.points(np.zeros(4)).value,), {"axis": (0,)})
    library = 3 * u  # each exponential, which is 1, off by 3 ulps of what is below 1
    assert np.all(library / 4 <= ss.sup(exponentials.Exponentials.of(alike).lost))
    assert np.all(library / 4 * 1.1 > ss.sup(exponentials.Exponentials.of(alike).lost))
    none = model.inner.tensor(0)
    rounding = 3 * u  # three additions, each off by u
    assert rounding <= ss.sup(exponentials.of_sum(model, none, 4)) < 2 * rounding
    wider = ss.context("rounding", dtype="bfloat16", accumulate="float32").model
    assert u <= ss.sup(exponentials.of_sum(wider, none, 4)) < 2 * u


# ---- accumulators ---------------------------------------------------------------------------------------------------


def sum_beyond_its_bound():
    """The error of 2049 = 2048 + 1 in float16, which rounds it to 2048, over the bound."""
    context = ss.context("rounding", dtype="float16", accumulate="float32")
    return 1 / float(ss.sum(context.tensor(np.array([2048.0, 1.0]))).value.bound)


def test_a_sum_is_rounded_from_its_accumulator(monkeypatch):
    assert 0.9 < sum_beyond_its_bound() <= 1
    monkeypatch.setattr(sums, "stored", lambda model, exact, error: error)
    assert sum_beyond_its_bound() > 1


def test_a_bias_may_be_added_to_a_product_that_was_rounded(monkeypatch):
    """2049 becomes 2048, and 2048 + 3 = 2051 becomes 2052: where 2049 + 3 = 2052 is exact, 2048 + 1 = 2049 is 2048."""

    def ratio():
        context = ss.context("rounding", dtype="float16", accumulate="float32")
        weight, x, bias = (context.tensor(np.array(v)) for v in ([[2048.0, 3.0]], [1.0, 1.0], [-4.0]))
        floats = Fraction(rounded(rounded(2051.0, formats.named("float16")) - 4, formats.named("float16")).item())
        return abs(floats - 2047) / Fraction(float(ss.affine(weight, x, bias).value.bound[0]))

    assert 0.3 < ratio() <= 1
    proper = sums.stored
    monkeypatch.setattr(sums, "stored", lambda model, exact, error: proper(model, exact, error) / 4)
    assert ratio() > 1


def test_an_accumulator_does_not_widen_a_bound():
    x = np.random.default_rng(0).normal(size=256)
    for spec in (ss.sum, ss.mean, ss.mean_square, lambda x: ss.dot(x, x), ss.logsumexp):
        alone, wider = (
            float(ss.tolerance(spec, x, vary={"x": ss.ball(0)}, dtype="float16", accumulate=acc).absolute)
            for acc in (None, "float32")
        )
        assert wider < alone


# ---- the adjoint form -----------------------------------------------------------------------------------------------


def test_every_output_of_a_sweep_is_counted(monkeypatch):
    """Of several outputs that are swept at once none may be handed another's bound."""
    x, spec = np.array([1.0, 100.0, 0.01, 3.0]), lambda x: ss.exp(x / 20) * ss.stack([x[0], x[3], x[1], x[2]])
    found = ss.tolerance(spec, x, vary={"x": ss.ball("0.001")}).absolute
    monkeypatch.setattr(box_errors, "MOST_HELD", 1)  # one by one
    assert np.array_equal(ss.tolerance(spec, x, vary={"x": ss.ball("0.001")}).absolute, found)
    for i in range(4):
        alone = ss.tolerance(lambda x, i=i: spec(x)[i], x, vary={"x": ss.ball("0.001")}).absolute
        assert alone == pytest.approx(found[i], rel=1e-9)
