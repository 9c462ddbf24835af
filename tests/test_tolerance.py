"""`tolerance` on FPBench's cores and on models."""

import inspect
import json
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.backends.float import FloatContext
from scalarspec.errors import ArgumentError, DomainError, NotSupported, ScalarSpecError, Undecided, UnknownName
from scalarspec.examples import digits
from scalarspec.models import vae
from scalarspec.numbers import formats
from scalarspec.rounding_errors import box_errors, tolerance

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import fpbench

CORES = {core["name"]: core for core in fpbench.load()}
REFUSED = {name for name in CORES if name.startswith(("triangle", "Filter", "NMSE", "Trapeze"))}
QUICK = [name for name in CORES if name not in REFUSED | {"Sine Newton", "N Body Simulation"}]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", QUICK)
def test_no_bound_is_below_the_observed_error(name, dtype):
    """`make fpbench` does so with 10,000 samples and 600 bisections. NumPy's float32 functions need more than 1 ulp."""
    core, libm = CORES[name], 1 if dtype == "float64" else 4
    seen = fpbench.observed(core, fpbench.samples(core, 100, random.Random(name)), dtype)
    running = fpbench.running(core, dtype, libm)
    assert isinstance(running, ScalarSpecError) or seen <= running
    adjoint, _ = fpbench.bound(core, 24, dtype, libm)
    assert seen <= adjoint
    assert seen > 0


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_core_without_a_value_somewhere_is_refused_or_has_no_bound(name):
    bound = fpbench.bound(CORES[name], 0)[0]
    assert isinstance(bound, ScalarSpecError) or np.isinf(bound)


def test_the_running_form_is_daisys():
    quotients = [fpbench.running(CORES[n]) / CORES[n]["daisy"] for n in QUICK if CORES[n]["daisy"]]
    assert sum(q <= 1.1 for q in quotients) >= 0.95 * len(quotients)


@pytest.mark.parametrize("name", ["doppler1", "verhulst", "carthesianToPolar, radius", "sec4-example", "predatorPrey"])
def test_the_adjoint_form_with_600_bisections_is_fptaylors(name):
    assert fpbench.bound(CORES[name], 600)[0] <= 1.5 * CORES[name]["fptaylor"]


def test_the_adjoint_form_needs_every_operation(monkeypatch):
    """Without what each operation adds, the errors of the inputs alone are too little."""
    core = CORES["sec4-example"]
    seen = fpbench.observed(core, fpbench.samples(core, 300, random.Random(0)))
    monkeypatch.setattr(box_errors.BoxErrors, "added", lambda self, eqn: None)
    assert fpbench.bound(core, 600)[0] < seen


def test_splitting_needs_every_leaf(monkeypatch):
    core = CORES["verhulst"]
    monkeypatch.setattr(tolerance, "urgency", lambda part: -float(part.bound))
    assert fpbench.bound(core, 60)[0] >= CORES["verhulst"]["fptaylor"]  # splitting the wrong ones helps nobody


# ---- random specs: every bound against floats in two orders of summation ------------------------------------------

ONE = {
    **{name: getattr(ss, name) for name in ("negative", "square", "exp", "tanh", "sigmoid", "relu", "sin", "cos")},
    **{name: getattr(ss, name) for name in ("expm1mx", "softplus", "abs", "logcosh", "sign")},
    "root": lambda a: ss.sqrt(ss.abs(a)),
    "log1p": lambda a: ss.log1p(ss.square(a)),
    "reciprocal": lambda a: 1 / (1 + ss.square(a)),
    "third": lambda a: a * "1/3",
    "shift": lambda a: a / 4 + "7/3",
    "shared": lambda a: a * a - a / 3,
}
TWO = {
    **{name: getattr(ss, name) for name in ("add", "subtract", "multiply", "maximum", "minimum")},
    "divide": lambda a, b: a / (1 + ss.square(b)),
    "where": lambda a, b: ss.where(a < b, a + 1, b * 2),
    "clip": lambda a, b: ss.clip(a, -1, b * 0 + 1),
}
REDUCED = {
    **{name: getattr(ss, name) for name in ("sum", "mean", "mean_square", "logsumexp")},
    "dot": lambda a: ss.dot(a, a + "0.1"),
}


def random_spec(source, depth, inputs):
    """A function of a list of tensors of shape (n,), to one of shape (n,)."""
    if not depth:
        i = source.randrange(inputs)
        return lambda xs: xs[i]
    inner, kind = random_spec(source, depth - 1, inputs), source.random()
    if kind < 0.5:
        one = ONE[source.choice(sorted(ONE))]
        return lambda xs: one(inner(xs))
    if kind < 0.9:
        two, other = TWO[source.choice(sorted(TWO))], random_spec(source, source.randrange(depth), inputs)
        return lambda xs: two(inner(xs), other(xs))
    reduced = REDUCED[source.choice(sorted(REDUCED))]
    return lambda xs: ss.broadcast_to(reduced(inner(xs)), xs[0].shape)


@pytest.mark.parametrize("seed", range(120))
def test_no_random_spec_errs_by_more_than_its_tolerance(seed):
    source = random.Random(seed)
    tree, n = random_spec(source, source.randrange(1, 6), 2), source.choice([1, 3, 9])
    dtype, size = source.choice(["float64", "float32", "float16"]), source.choice([1, 1, 10, 1e-3, 1e-6, 300])

    def spec(x, y):
        return ss.sum(tree([x, y]))

    lows = [np.array([Fraction(source.uniform(-size, size)) for _ in range(n)], dtype=object) for _ in "xy"]
    highs = [low + Fraction(source.choice([0, 1e-3, 0.3, 2]) * size) for low in lows]
    vary = {name: ss.box(low, high) for name, low, high in zip("xy", lows, highs, strict=True)}
    try:
        found = ss.tolerance(spec, np.zeros(n), np.zeros(n), vary=vary, dtype=dtype, splits=source.choice([0, 8]))
    except ScalarSpecError:
        pytest.skip("refused")
    if not np.isfinite(found.absolute):
        pytest.skip("the range may be left")
    exact = ss.context("interval", prec=400)
    for lifted in (False, True):
        floats = FloatContext(dtype, lifted=lifted)
        for k in range(6):
            parts = [[Fraction(source.getrandbits(40), 2**40) if k else Fraction(1) for _ in range(n)] for _ in "xy"]
            points = [low + (high - low) * np.array(t) for low, high, t in zip(lows, highs, parts, strict=True)]
            lower, upper = (end[()] for end in ss.endpoints(spec(*map(exact.tensor, points))))
            rounded = [floats.tensor(np.array([float(floats.literal(v)) for v in p])) for p in points]
            value = Fraction(spec(*rounded).item())
            assert max(lower - value, value - upper) <= Fraction(float(found.absolute))
            assert found.lower <= upper
            assert lower <= found.upper


# ---- models ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_loss_of_the_shipped_vae_stays_within_its_tolerance(dtype):
    d = digits.load(1)
    args = (d.vae, digits.BETA_VAE, d.pixels[0], d.eps[0])
    found = ss.tolerance(vae.loss, *args, vary={"x": ss.ball("0.001")}, dtype=dtype)
    source, context = np.random.default_rng(0), ss.context(dtype)
    exact = ss.context("interval", prec=100)
    for _ in range(20):
        x = d.pixels[0] + source.uniform(-0.001, 0.001, size=64)
        value = vae.loss(*ss.lift((d.vae, digits.BETA_VAE, x, d.eps[0]), context)).item()
        lower, upper = (e[()] for e in ss.endpoints(vae.loss(*ss.lift((d.vae, digits.BETA_VAE, x, d.eps[0]), exact))))
        error = max(Fraction(value) - upper, lower - Fraction(value))
        assert error <= Fraction(found.absolute)
        assert found.lower <= lower <= upper <= found.upper
    assert found.absolute < (1e-11 if dtype == "float64" else 1e-2)
    assert found.relative >= found.absolute / float(found.upper)


def test_a_tensor_has_a_tolerance_for_each_element():
    found = ss.tolerance(lambda x: ss.exp(x) * 3, np.array([0.0, 4.0]), vary={"x": ss.ball(1)})
    assert found.absolute.shape == (2,)
    assert found.absolute[0] < found.absolute[1]
    assert str(found).count("|float64 - exact|") == 2
    assert str(found).splitlines()[1].startswith("[1]: ")


def a_quotient(x):
    return x / (1 + ss.square(x)) - ss.exp(x) * x


def test_a_tolerance_is_the_same_whatever_the_executor():
    asked = {"vary": {"x": ss.ball(1)}, "dtype": "bfloat16", "accumulate": "float32", "splits": 100}
    one = ss.tolerance(a_quotient, np.ones(2), **asked)
    for kind in (ThreadPoolExecutor, ProcessPoolExecutor):
        with kind(2) as executor:
            other = ss.tolerance(a_quotient, np.ones(2), **asked, executor=executor)
        assert str(replace(other, seconds=0)) == str(replace(one, seconds=0))
        assert all(np.array_equal(a, b) for a, b in zip(one.worst["x"], other.worst["x"], strict=True))


def test_many_outputs_are_shown_by_the_worst():
    x = np.zeros((28, 28))
    x[3, 5], x[7, 1] = 5, -20
    found = ss.tolerance(lambda x: ss.exp(x) - "1e-9", x, vary={"x": ss.ball("0.01")}, dtype="float32")
    assert found.absolute.shape == (28, 28)
    lines = str(found).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("[3, 5], with the greatest absolute bound of 784: ")
    assert lines[1].startswith("[7, 1], with the greatest relative bound of 784: ")
    empty = ss.tolerance(lambda x: ss.exp(x), np.zeros(0), vary={"x": ss.ball(1)})
    assert str(empty).startswith("(1 box")
    assert found.to_json()["absolute"] == found.absolute.tolist()
    wide = ss.tolerance(lambda x: ss.exp(x), 1000.0, vary={"x": ss.ball(1)})
    assert json.loads(json.dumps(wide.to_json(), allow_nan=False))["absolute"] == "inf"


def test_inputs_that_are_floats_cost_less():
    rounded, exact = (
        ss.tolerance(lambda x: x * x, 1.0, vary={"x": ss.box(1, "1.4")}, inputs=i).absolute
        for i in ("rounded", "exact")
    )
    assert exact == 2.0**-53  # half an ulp of numbers below 2
    assert rounded > exact


def test_a_better_library_gives_a_smaller_tolerance():
    good, poor = (ss.tolerance(lambda x: ss.exp(x), 1.0, vary={"x": ss.ball(1)}, libm=k).absolute for k in (1, 4))
    assert good < poor


@pytest.mark.parametrize(
    "spec",
    [
        lambda x: ss.where(x > 0, "0.1", x),
        lambda x: ss.where(x > 0, lambda: x.context.tensor("0.1"), x),
        lambda x: ss.stack([x, x.context.tensor("0.1")])[1],
        lambda x: ss.maximum(-x, "0.1"),
    ],
)
def test_a_constant_that_no_float_is_costs_its_rounding(spec):
    error, half_ulp = abs(Fraction(0.1) - Fraction(1, 10)), 2.0**-57
    found = ss.tolerance(spec, 1.0, vary={"x": ss.box(1, 2)}, inputs="exact").absolute
    assert error <= Fraction(float(found)) <= half_ulp


def test_the_spec_may_be_constant_or_the_argument_itself():
    assert ss.tolerance(lambda x: x, 1.0, vary={"x": ss.box(1, 2)}).absolute == 2.0**-53
    assert ss.tolerance(lambda x: 0 * x + 1, 1.0, vary={"x": ss.box(1, 2)}).absolute < 1e-300


@pytest.mark.parametrize(
    ("message", "error", "change"),
    [
        ("no format is called 'float8'", UnknownName, {"dtype": "float8"}),
        ("has no parameter 'y'", UnknownName, {"vary": {"y": ss.ball(1)}}),
        ("expected ball\\(radius\\) or box", ArgumentError, {"vary": {"x": 1}}),
        ("splits: expected an integer >= 0, got -1", ArgumentError, {"splits": -1}),
        ("inputs: expected 'rounded' or 'exact', got 'real'", ArgumentError, {"inputs": "real"}),
        ("libm: expected a number of ulps >= 0, got -1", ArgumentError, {"libm": -1}),
        ("vary: the box of 'x' is not bounded", ArgumentError, {"vary": {"x": ss.box(0, float("inf"))}}),
        ("the logarithm needs a positive interval", DomainError, {"vary": {"x": ss.ball(2)}}),
    ],
)
def test_bad_arguments_get_one_clear_error(message, error, change):
    with pytest.raises(error, match=message):
        ss.tolerance(lambda x: ss.log(x), 1.0, **{"vary": {"x": ss.ball("0.1")}, **change})


@pytest.mark.parametrize("job", [ss.tolerance, ss.bounds, ss.ranges])
def test_an_if_on_what_varies_is_told_how_to_be_written(job):
    with pytest.raises((NotSupported, Undecided), match=r"use where\(condition, a, b\),? .*evaluates? both branches"):
        job(lambda x: x[0] if x[0] > "0.5" else x[1], [0.5, 0.25], vary={"x": ss.ball("0.1")})


def test_a_mask_that_does_not_vary_decides_in_batches():
    masked = ss.tolerance(
        lambda x, m: ss.where(m > 0, x, 0), np.array([1.0, 2.0]), np.array([1.0, 0.0]), vary={"x": ss.ball("0.1")}
    )
    assert masked.absolute[0] > 0 == masked.absolute[1]


# ---- every operation ------------------------------------------------------------------------------------------------


def attention(q, k, v):
    scores = ss.matmul(q, ss.matrix_transpose(k)) / ss.sqrt(q.context.tensor(q.shape[1]))
    total = ss.reshape(ss.logsumexp(scores, axis=1), (scores.shape[0], 1))
    return ss.matmul(ss.exp(scores - ss.broadcast_to(total, scores.shape)), v)


SOURCE = np.random.default_rng(3)
VECTOR, MATRIX, TALL = SOURCE.normal(size=5), SOURCE.normal(size=(3, 5)), SOURCE.normal(size=(5, 4))
LAYER = lambda w, x, b: ss.affine(w, x, b)  # noqa: E731
ANSWERED = {
    "dot": (lambda x, y: ss.dot(x, y), VECTOR, VECTOR + 1),
    "dot with itself": (lambda x: ss.dot(x, x), VECTOR),
    "matrix and vector": (lambda a, x: ss.matmul(a, x), MATRIX, VECTOR),
    "vector and matrix": (lambda x, b: ss.matmul(x, b), VECTOR, TALL),
    "matrices": (lambda a, b: ss.matmul(a, b), MATRIX, TALL),
    "layer": (lambda w, x, b: ss.affine(w, x, b), MATRIX, VECTOR, np.ones(3)),
    "rows of a layer": (lambda w, x, b: ss.batched(LAYER, over="x")(w, x, b), MATRIX, TALL.T, np.ones(3)),
    "cross-entropy": (lambda z, t: ss.loss.cross_entropy(z, t), VECTOR, np.eye(5)[2]),
    "attention": (attention, MATRIX, MATRIX * 2, MATRIX + 1),
    "mask that varies": (lambda m, x: ss.where(m > 0, x, -9), VECTOR, VECTOR + 1),
    "clip, inexact": (lambda x: ss.sum(ss.clip(x, "0.1", "0.9")), VECTOR),
    "clip, exact": (lambda x: ss.sum(ss.clip(x, -1, 1)), VECTOR),
    "guard": (lambda x: ss.sum(ss.where(x > 3, lambda: ss.log(x - 3), 0)), VECTOR),
}


@pytest.mark.parametrize("splits", [0, 5])
@pytest.mark.parametrize("name", ANSWERED)
def test_every_operation_has_a_tolerance_whatever_varies(name, splits):
    spec, *args = ANSWERED[name]
    names = list(inspect.signature(spec).parameters)
    ball, exact = Fraction(1, 100), ss.context("interval", prec=150)
    for varying in [[each] for each in names] + [names]:
        found = ss.tolerance(spec, *args, vary=dict.fromkeys(varying, ss.ball(ball)), dtype="float32", splits=splits)
        assert np.all(np.isfinite(found.absolute)) or "mask" in name
        for _ in range(4):
            moved = [
                a + (n in varying) * SOURCE.uniform(-0.01, 0.01, a.shape) for n, a in zip(names, args, strict=True)
            ]
            rounded = [a.astype(np.float32) if n in varying else a for n, a in zip(names, moved, strict=True)]
            low, high = ss.endpoints(spec(*map(exact.tensor, moved)))
            values = np.asarray(spec(*map(ss.context("float32").tensor, rounded)), dtype=np.float64).astype(object)
            values = np.vectorize(Fraction, otypes=[object])(values)
            assert np.all(np.maximum(low - values, values - high) <= found.absolute)


def test_a_mask_that_does_not_vary():
    mask, x = np.array([1.0, -1.0, 1.0]), np.array([0.1, 1e6, 0.3])
    for spec in (lambda m, x: ss.sum(ss.where(m > 0, x * x, 0)), lambda m, x: ss.sum(ss.where(m > 0, x, -x) * 0)):
        assert ss.tolerance(spec, mask, x, vary={"x": ss.ball("0.01")}).absolute < 1e-9
    assert ss.tolerance(lambda m: ss.where(m > 0, 1, 2), mask, vary={"m": ss.ball("0.1")}).absolute.tolist() == [0] * 3


@pytest.mark.parametrize(
    "spec", [ss.exp, ss.sum, ss.mean, ss.mean_square, lambda x: ss.dot(x, x), lambda x: ss.loss.mse(x, x)]
)
def test_nothing_is_off_by_nothing(spec):
    assert np.all(ss.tolerance(spec, np.zeros(0), vary={"x": ss.ball(1)}).absolute == 0)


@pytest.mark.parametrize("n", [10, 100, 1_000, 10_000])
def test_logsumexp_is_off_by_little_more_than_it_is_written_out(n):
    """Within 3 of the bound of log Σ e^x as it stands, and of the form that is shifted by hand."""
    x = np.random.default_rng(n).normal(size=n).astype(np.float32).astype(np.float64)
    greatest = Fraction(float(np.max(x)))
    own, plain, shifted = (
        ss.tolerance(spec, x, vary={"x": ss.ball(0)}, dtype="float32", inputs="exact").absolute
        for spec in (
            lambda x: ss.logsumexp(x),
            lambda x: ss.log(ss.sum(ss.exp(x))),
            lambda x: greatest + ss.log(ss.sum(ss.exp(x - greatest))),
        )
    )
    assert own <= 3 * min(plain, shifted)


def test_a_softmax_of_the_size_of_a_vision_transformers():
    scores = np.random.default_rng(0).normal(size=(12, 197)) * 3

    def softmax(z):
        total = ss.reshape(ss.logsumexp(z, axis=1), (z.shape[0], 1))
        return ss.exp(z - ss.broadcast_to(total, z.shape))

    def spelled_out(z):
        powers = ss.exp(z)
        return powers / ss.broadcast_to(ss.reshape(ss.sum(powers, axis=1), (z.shape[0], 1)), z.shape)

    for spec in (softmax, spelled_out):
        found = ss.tolerance(spec, scores, vary={"z": ss.ball("0.001")}, dtype="float32")
        assert np.max(found.absolute) < 5e-5


def test_long_chains_and_images_take_seconds():
    def chain(x):
        for _ in range(1500):
            x = x * "0.999" + "0.001"
        return x

    def image(w, x):
        for _ in range(3):
            x = ss.tanh(ss.matmul(w, x))
        return x

    start = time.perf_counter()
    assert ss.tolerance(chain, 0.5, vary={"x": ss.ball(0)}, dtype="float32").absolute < 1e-4
    w, x = SOURCE.normal(size=(28, 28)) / 6, SOURCE.normal(size=(28, 28))
    found = ss.tolerance(image, w, x, vary={"w": ss.ball("0.001"), "x": ss.ball("0.001")}, dtype="float32")
    assert found.forms == ("running", "adjoint")
    assert np.max(found.absolute) < 1e-3
    assert time.perf_counter() - start < 60  # it takes 3


def test_where_there_are_too_many_outputs_the_running_form_is_the_answer_and_says_so(monkeypatch):
    monkeypatch.setattr(box_errors, "MOST_NUMBERS", 10)
    found = ss.tolerance(lambda x: ss.exp(x) * 3, np.zeros(9), vary={"x": ss.ball(1)})
    assert found.forms == ("running",)
    assert "by the running form alone" in str(found)
    assert found.to_json()["forms"] == ["running"]


def test_formats_and_accumulators():
    x = np.random.default_rng(0).normal(size=64) / 8
    bounds = {
        (dtype, sums): ss.tolerance(
            lambda x: ss.dot(x, x), x, vary={"x": ss.ball(0)}, dtype=dtype, accumulate=sums, inputs="exact"
        )
        for dtype in ("tf32", "bfloat16", "float8_e4m3fn", "float8_e5m2")
        for sums in (None, "float32")
    }
    for (dtype, sums), found in bounds.items():
        assert found.accumulate == (sums or dtype)
        assert ("sums in float32" in str(found)) == (sums is not None)
        if sums:
            exact = float(np.dot(x, x))
            half_ulp = float(formats.named(dtype).half_ulp(np.array(exact * 1.01)))
            assert half_ulp <= found.absolute < 1.01 * half_ulp  # the result's own rounding, and little else
            assert found.absolute < bounds[dtype, None].absolute
    with pytest.raises(ArgumentError, match="accumulate: expected a format that holds every float32, got 'tf32'"):
        ss.tolerance(ss.sum, x, vary={"x": ss.ball(0)}, dtype="float32", accumulate="tf32")
    with pytest.raises(UnknownName, match="accumulate: no format is called 'float8'"):
        ss.tolerance(ss.sum, x, vary={"x": ss.ball(0)}, accumulate="float8")
