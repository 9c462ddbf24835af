"""interval64 against the oracle in bulk, at the limits of floats, and on workloads."""

from fractions import Fraction

import fuzz_bulk
import numpy as np
import oracle
import pytest
from conftest import CONTEXTS
from fuzz_bulk import misses_of

import scalarspec as ss
from scalarspec.backends.interval64.ends import signed
from scalarspec.models import vae
from scalarspec.numbers import error_functions
from scalarspec.numbers.elementary import ERROR, U

C = CONTEXTS["interval64"]
FUSED = CONTEXTS["fused"]
PRECISE = ss.context("interval", prec=120)
EXTREME, OPERATIONS = fuzz_bulk.EXTREME, fuzz_bulk.BULK


# ---- each operation, on arrays of boxes, against the oracle ---------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_bulk_operation_misses(operation):
    assert misses_of(operation) == []


UNKNOWN = np.array([[np.nan, 1.0, np.nan, np.inf, 2.0, np.inf, 0.5], [1.0, np.nan, np.nan, 2.0, np.inf, np.inf, 0.5]])
"""-inf and sup of boxes of which some ends are not known, which +∞ and NaN both say."""


@pytest.mark.parametrize(
    "name",
    [
        *(n for n in oracle.UNARY if n not in oracle.DOMAIN),
        "add",
        "subtract",
        "multiply",
        "divide",
        "maximum",
        "minimum",
        "sum",
        "mean",
        "mean_square",
        "affine",
        "rows",
    ],
)
def test_unknown_ends_stay_unknown_in_every_loop(name):
    """What a NaN end says is no less than what an infinite one says, which the scalars' meaning bounds."""
    known = np.array([[0.5, -0.5, 1.0, -1.0, 2.0, 3.0, 0.25]] * 2) * [[-1], [1]]

    def result(context, ends):
        x, y = (ss.Tensor(context, ss.Dim(7), e.copy()) for e in (ends, known))
        if name == "affine":
            return ss.affine(context.tensor(np.eye(7)), x, context.tensor(np.zeros(7)))
        if name == "rows":
            layer = ss.batched(lambda r: ss.affine(context.tensor(np.eye(7)), r, context.tensor(np.zeros(7))), over="r")
            return layer(ss.stack([x, y]))[0]
        if name in ("sum", "mean", "mean_square"):
            return getattr(ss, name)(x)
        return getattr(ss, name)(*([x, y] if name in PAIRS else [x]))

    wide = np.where(np.isnan(UNKNOWN), np.inf, UNKNOWN)
    boxes = CONTEXTS["interval"].box(-wide[0], wide[1])
    y = CONTEXTS["interval"].box(-known[0], known[1])
    if name in ("affine", "rows"):
        want = boxes
    elif name in ("sum", "mean", "mean_square"):
        want = getattr(ss, name)(boxes)
    else:
        want = getattr(ss, name)(*([boxes, y] if name in PAIRS else [boxes]))
    for context in (C, FUSED):
        for ends in (UNKNOWN, wide):
            (a, b), (c, d) = ss.endpoints(result(context, ends)), ss.endpoints(want)
            assert np.all((a <= c) & (d <= b))


@pytest.mark.parametrize("kind", [C, FUSED], ids=["plain", "fused"])
def test_an_unknown_end_in_a_divisor_leaves_the_others_what_underflow_costs(kind):
    y = (ss.exp(kind.box([1, 1], [1.5, 800])) + kind.box([0, 0], [1, 1])) * kind.tensor([1e20, 1])
    x = kind.box([1.79e-303, 1], [1.8e-303, 1])
    low, high = ss.endpoints(x / y)
    assert high[0] >= Fraction(1.8e-303) / (Fraction("2.71828182845904523536") * Fraction(1e20))
    assert low[0] <= Fraction(1.79e-303) / (Fraction("5.4816890703380649") * Fraction(1e20))
    (reciprocal, _), _ = ss.endpoints(ss.reciprocal(y))
    assert reciprocal > 0


@pytest.mark.parametrize("kind", [C, FUSED], ids=["plain", "fused"])
@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_zero_times_an_unknown_end_is_zero(kind, unknown):
    """Reals are finite, however large."""
    x = ss.Tensor(kind, ss.Dim(3), np.array([[unknown, -1.0, unknown], [unknown, unknown, -1.0]]))
    for zero in (kind.tensor(0), kind.tensor([0, 0, 0]), kind.box([0, 0, 0], [0, 0, 0])):
        for product in (x * zero, zero * x):
            assert [end.tolist() for end in ss.endpoints(product)] == [[0, 0, 0], [0, 0, 0]]
    unit = kind.box([0, 0, 0], [1, 1, 1])
    low, high = ss.endpoints(unit * x)
    assert (low[1], high[2]) == (0, 0)
    assert np.isinf(high[1])
    assert np.isinf(low[2])
    assert ss.endpoints(unit / x[1])[0].tolist() == [0, 0, 0]
    assert 0.999 < ss.endpoints(x**3)[0][1] <= 1 <= -ss.endpoints(x**3)[1][2] + Fraction(1, 1000)
    assert [float(end) for end in ss.endpoints(x[0] ** 3)] == [-np.inf, np.inf]
    assert all(low >= 0 for t in (ss.square(x), ss.abs(x), ss.relu(x), x**2) for low in ss.endpoints(t)[0])


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("operation", fuzz_bulk.MIXED)
def test_no_element_turns_off_what_another_needs(operation, fast):
    """Subnormal, unknown and ordinary ends in one array; `make fuzz` has some 60,000 more for each operation."""
    _, _, tally = fuzz_bulk.run_mixed(operation, fast, "quick", 960)
    assert tally.misses == 0, tally.first_miss


PAIRS = ("add", "subtract", "multiply", "divide", "maximum", "minimum")


@pytest.mark.parametrize("count", [1, 7, 400])
def test_fused_sums_and_layers_are_as_tight(count):
    rng = np.random.default_rng(count)
    w, b, low = rng.normal(size=(60, count)), rng.normal(size=60), rng.normal(size=(5, count))
    results = []
    for c in (C, FUSED):
        x = c.box(low, low + 0.25)
        layers = ss.batched(lambda row, c=c: ss.affine(c.tensor(w), row, c.tensor(b)), over="row")(x)
        results.append(
            [ss.affine(c.tensor(w), x[0], c.tensor(b)), layers, ss.mean(x, axis=1), ss.mean_square(x, axis=1)]
        )
    for plain, loops in zip(*results, strict=True):
        (a, b_), (c_, d) = signed(plain.value), signed(loops.value)
        assert np.all(np.abs(a - c_) <= 1.5e-4 * (b_ - a))  # by float32 radii
        assert np.all(np.abs(b_ - d) <= 1.5e-4 * (b_ - a))


@pytest.mark.parametrize("operation", oracle.UNARY)
def test_bulk_encloses_the_scalars_and_is_not_much_wider(operation):
    """On arrays longer than a block, at points and boxes: it contains what the scalars give at high precision."""
    source = np.random.default_rng(len(operation))
    low = np.abs(source.normal(size=400)) if operation in oracle.DOMAIN else source.normal(size=400) * 4
    high = low + np.abs(source.normal(size=400)) * source.choice([0, 1e-9, 1], size=400)
    bulk, scalars = (getattr(ss, operation)(context.box(low, high)) for context in (C, PRECISE))
    (a, b), (c, d) = ss.endpoints(bulk), ss.endpoints(scalars)
    assert np.all((a <= c) & (d <= b))
    allowed = ({**ERROR, **error_functions.ERROR}.get(operation, 2) + 5) * Fraction(U)
    finite = [i for i in range(400) if not isinstance(b[i] - a[i], float)]
    assert len(finite) > 300
    for i in finite:
        assert c[i] - a[i] <= allowed * max(abs(c[i]), 1)
        assert b[i] - d[i] <= allowed * max(abs(d[i]), 1)


@pytest.mark.parametrize("name", ["exp", "sigmoid", "add", "multiply", "relu", "expm1mx"])
def test_long_arrays_are_the_same_as_their_parts(name):
    low = np.random.default_rng(0).normal(size=(3, 9000))
    x = C.box(low, low + 0.5)
    y = [x, x] if name in oracle.BINARY else [x]
    whole, part = getattr(ss, name)(*y), getattr(ss, name)(*[x[2, 8000:]] * len(y))
    assert np.array_equal(whole.value[:, 2, 8000:], part.value)


@pytest.mark.parametrize("x", EXTREME)
@pytest.mark.parametrize("operation", [name for name in oracle.UNARY if name not in oracle.DOMAIN])
def test_extremes_overflow_and_underflow(operation, x):
    """Beside finite numbers, so that one extreme does not spoil the others."""
    low, high = ss.endpoints(getattr(ss, operation)(C.tensor([x, 0.5, 1.0])))
    want_low, want_high = ss.endpoints(getattr(ss, operation)(PRECISE.tensor([x, 0.5, 1.0])))
    assert np.all((low <= want_high) & (want_low <= high))
    sharp = [i for i in range(3) if {float} & {type(want_low[i]), type(want_high[i])} == set()]
    assert all(low[i] <= want_low[i] and want_high[i] <= high[i] for i in sharp)
    assert all(not isinstance(end, float) for end in [*low[1:], *high[1:]])


@pytest.mark.parametrize("x", [709.39, 709.4, 709.41, 709.7, 709.79, -707.9, -708.1, -745.2])
@pytest.mark.parametrize("name", ["exp", "expm1", "expm1mx", "sinh", "cosh", "sigmoid", "softplus", "logcosh"])
def test_near_the_limits_of_exp(name, x):
    """Contained, and never without a lower bound where the function has one."""
    for context in (C, FUSED):
        low, high = ss.endpoints(getattr(ss, name)(context.tensor([x, 0.5])))
        want_low, want_high = ss.endpoints(getattr(ss, name)(PRECISE.tensor([x, 0.5])))
        assert np.all((low <= want_low) & (want_high <= high))
        assert low[0] != -np.inf or (name == "sinh" and x < 0)


def test_unknown_ends_stay_unknown():
    unbounded = ss.exp(C.tensor(1000.0))
    assert ss.endpoints(unbounded)[1] == np.inf
    for result in (unbounded - unbounded, unbounded * 0, ss.relu(-unbounded) + 1, 1 / unbounded, ss.tanh(unbounded)):
        low, high = ss.endpoints(result)
        assert low <= 0 <= high or low <= 1 <= high
    assert ss.endpoints(C.tensor(1.7e308) + C.tensor(1.7e308))[1] == np.inf
    assert ss.endpoints(C.tensor([[1e308, 1e308]]) @ C.tensor([10.0, 10.0]))[1] == np.inf
    w = C.tensor([[1.0, -1.0]])
    low, high = ss.endpoints(ss.affine(w, ss.stack([unbounded, unbounded]), C.tensor([0.0])))
    assert (low[0], high[0]) == (-np.inf, np.inf)


def test_integer_data_beyond_53_bits_and_wide_floats_are_enclosed():
    n = 2**60 + 1
    low, high = ss.endpoints(C.tensor(np.array([n])))
    assert low[0] <= n <= high[0]
    assert low[0] < high[0]
    third = C.tensor(np.array([Fraction(1, 3)], dtype=object))
    assert ss.contains(third, "1/3").all()


# ---- workloads ------------------------------------------------------------------------------------------------------


def random_vae(source, d, h, k):
    def linear(n, m):
        return ss.layers.Linear(source.normal(size=(m, n)) / np.sqrt(n), source.normal(size=m) / 10)

    trunk = ss.layers.Sequential(linear(d, h), ss.layers.relu)
    net = ss.layers.Sequential(linear(k, h), ss.layers.relu, linear(h, d), ss.layers.sigmoid)
    return vae.Model(vae.Encoder.with_trunk(trunk, linear(h, k), linear(h, k)), vae.Decoder(net))


def ends_of(t):
    low, high = ss.endpoints(t)
    return low[()], high[()]


def check_containment(model, spec, x, rest, radius, points, source):
    """`interval64` contains high-precision values at random points and corners; how wide it is beside `interval`."""
    lower, upper = x - radius, x + radius
    wide = {
        c: ends_of(spec(ss.lift(model, c), c.box(lower, upper), *map(c.tensor, rest)))
        for c in (C, FUSED, CONTEXTS["interval"])
    }
    low, high = wide[C]
    low, high = max(low, wide[FUSED][0]), min(high, wide[FUSED][1])
    precise = ss.lift(model, PRECISE)
    for i in range(points):
        corner = source.integers(0, 2, size=x.shape) if i % 2 else source.uniform(size=x.shape)
        point = np.clip(lower + corner * (upper - lower), lower, upper)
        least, greatest = ends_of(spec(precise, PRECISE.tensor(point), *map(PRECISE.tensor, rest)))
        assert low <= least
        assert greatest <= high
    (a, b) = wide[CONTEXTS["interval"]]
    return max(float((wide[c][1] - wide[c][0]) / (b - a)) for c in (C, FUSED)) if b > a else 1.0


def vae_loss(model, x, eps):
    return vae.loss(model, 1, x, eps)


@pytest.mark.parametrize("radius", [0, 1e-3, 1e-2])
def test_the_vae_of_mnist_size(radius):
    source = np.random.default_rng(0)
    model, x, eps = random_vae(source, 784, 400, 20), source.uniform(size=784), source.normal(size=20)
    ratio = check_containment(model, vae_loss, x, [eps], radius, 4 if radius else 1, source)
    assert ratio <= 1.001 or radius == 0


def test_a_hundred_small_networks():
    for seed in range(100):
        source = np.random.default_rng(seed)
        d, h, k = source.integers(1, 12, size=3)
        model, x, eps = random_vae(source, d, h, k), source.normal(size=d), source.normal(size=k)
        radius = [0, 1e-9, 1e-3, 1e-2, 1][seed % 5]
        ratio = check_containment(model, vae_loss, x, [eps], radius, 4, source)
        assert ratio <= 1.001 or radius < 1e-3


# ---- tensors of both kinds, and ends as floats ----------------------------------------------------------------------


def test_fused_and_plain_tensors_mix():
    x = FUSED.box([0.0, 1.0], [0.5, 2.0])
    total = x + C.tensor([1.0, 1.0])
    assert ss.contains(total, [1.25, 3.0]).all()
    assert C == FUSED
    assert hash(C) == hash(FUSED)


def test_infima_and_suprema_as_floats():
    x = C.box([0.1, -np.inf], [0.2, 3.0])
    assert ss.inf(x).tolist() == [0.1, -np.inf]
    assert ss.sup(ss.exp(x * 1000)).tolist()[1] == np.inf
    assert ss.inf(C.tensor("1/3")) < 1 / 3 + 1e-16


def test_results_that_are_kept_do_not_change():
    """Large ones, whose memory might be taken again."""
    c = ss.context("interval64")
    x = c.box(np.zeros(1 << 13), np.ones(1 << 13))
    results = [ss.relu(x - k) for k in range(4)]
    assert [np.asarray(ss.sup(r)).max() for r in results] == [1.0, 0.0, 0.0, 0.0]
