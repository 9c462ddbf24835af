"""interval64 against the oracle in bulk, its margins, its kernels bit by bit, and workloads."""

import hashlib
import random
from fractions import Fraction

import fuzz
import numpy as np
import oracle
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.backends import interval64 as kernel
from scalarspec.core import functions
from scalarspec.models import vae
from scalarspec.numbers import elementary, numba_kernels
from scalarspec.numbers.elementary import ERROR, U

C = CONTEXTS["interval64"]
FUSED = CONTEXTS["fused"]
PRECISE = ss.context("interval", prec=120)
EXTREME, OPERATIONS = fuzz.EXTREME, fuzz.BULK


# ---- each operation, on arrays of boxes, against the oracle ---------------------------------------------------------


def misses_of(operation, seed="quick", count=300):
    """The boxes whose enclosure surely leaves out a number, with their ends as text."""
    cases = fuzz.bulk_boxes(operation, random.Random(f"{operation} {seed}"), count)
    missed = []
    for case, low, high in zip(cases, *fuzz.evaluate_bulk(C, operation, cases), strict=True):
        (_, inf_high), (sup_low, _) = fuzz.expected(operation, case)
        if low > inf_high or high < sup_low:
            missed.append([[float(end) for end in box] for box in case])
    return missed


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_bulk_operation_misses(operation):
    assert misses_of(operation) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_fused_loops_give_the_same_bits(operation):
    """One text, read by NumPy for arrays and by numba for elements; NaN stands for an end that is not known."""
    cases = fuzz.bulk_boxes(operation, random.Random(f"{operation} fused"), 300)
    operands = [[np.array([float(case[k][end]) for case in cases]) for end in (0, 1)] for k in range(len(cases[0]))]
    name, *exponent = operation.split()
    plain, loops = (
        getattr(functions, name)(*(c.box(*ends) for ends in operands), *map(int, exponent)).value for c in (C, FUSED)
    )
    plain, loops = (np.where(np.isnan(ends), np.inf, kernel.ends_of(ends)) for ends in (plain, loops))
    finite = np.isfinite(plain) & np.isfinite(loops)
    assert np.array_equal(plain[~finite], loops[~finite])
    assert np.all(np.abs(plain[finite] - loops[finite]) <= kernel.LAST)


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
@pytest.mark.parametrize("operation", fuzz.MIXED)
def test_no_element_turns_off_what_another_needs(operation, fast):
    """Subnormal, unknown and ordinary ends in one array; `make fuzz` has some 60,000 more for each operation."""
    _, _, tally = fuzz.run_mixed(operation, fast, "quick", 960)
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
        (a, b_), (c_, d) = kernel.signed(plain.value), kernel.signed(loops.value)
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
    allowed = (ERROR.get(operation, 2) + 5) * Fraction(U)
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
    whole, part = getattr(ss, name)(*y), getattr(ss, name)(*(t[2, 8000:] for t in y))
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


# ---- the kernels, bit by bit ----------------------------------------------------------------------------------------


def kernel_points(name):
    """The same numbers on every machine: random ones and structured ones, within the function's range."""
    source = random.Random(name)
    points = [source.uniform(-1, 1) * 2.0 ** source.randint(-30, 9) for _ in range(4000)]
    points += [k / 64 for k in range(-2048, 2048)] + [2.0**-k for k in range(1, 60)]
    if name in ("log", "sqrt"):
        points = [abs(x) for x in points if x] + [2.0**k for k in range(-1074, 1024)]
    if name == "log1p":
        points = [x for x in points if x > -1]
    return np.array(points)


def digest(name):
    """Of the bits of a kernel's values."""
    function = getattr(elementary, name, np.sqrt)
    with np.errstate(all="ignore"):
        return hashlib.sha256(function(kernel_points(name)).tobytes()).hexdigest()[:16]


def test_kernels_are_within_their_stated_error():
    """Against 120-bit enclosures at every point: not by the margin of the ends, but of the values themselves."""
    for name, error in ERROR.items():
        points = kernel_points(name)
        points = points[np.abs(points) < 600][::7]
        values = getattr(elementary, name, np.sqrt)(points)
        for value, low, high in zip(values, *ss.endpoints(getattr(ss, name)(PRECISE.tensor(points))), strict=True):
            worst = max(abs(Fraction(value) - low), abs(Fraction(value) - high))
            angle = Fraction(elementary.ANGLE_ERROR) if name in ("sin", "cos") else 0
            assert worst <= error * Fraction(U) * max(abs(low), abs(high)) + angle


def test_the_kernels_give_the_same_bits_on_every_machine():
    """They rest on IEEE 754's operations alone, so that no machine may differ, and no edit goes unseen."""
    assert {name: digest(name) for name in DIGESTS} == DIGESTS


DIGESTS = {
    "exp": "ad5b5250917b76a3",
    "expm1": "afc99cc30c4178d3",
    "expm1mx": "b24e929f8406b521",
    "log": "ea90742e50b9ba74",
    "log1p": "a4362f768323c9d5",
    "tanh": "12af0f9e320c42e7",
    "sinh": "e2a7d38786d3a350",
    "cosh": "242b1bc98db195b4",
    "logcosh": "8537a378603691a8",
    "sigmoid": "4104a67d977b92d8",
    "softplus": "2ad311d720c3c97a",
    "sqrt": "801471139f97a8b5",
    "sin": "0e6954d0777903aa",
    "cos": "9f29f1fc57284a68",
}

# ---- one ulp inward, injected ---------------------------------------------------------------------------------------


def inward(right):
    """Ends one ulp too far in."""

    def wrong(*args):
        ends = right(*args)
        if isinstance(ends, tuple):
            return (np.nextafter(ends[0], -np.inf), *ends[1:])
        return np.nextafter(ends, -np.inf)

    return wrong


@pytest.mark.parametrize(
    ("helper", "operations"),
    [("up_sum", ["add", "subtract"]), ("up_product", ["multiply", "divide", "pow 2", "square"]), ("slack_of", ["exp"])],
)
def test_one_ulp_too_little_is_caught(monkeypatch, helper, operations):
    if helper == "slack_of":  # the margin is wider than an ulp: the values show it instead
        right = elementary.quotient
        monkeypatch.setattr(elementary, "quotient", lambda r: np.nextafter(right(r), np.inf))
        assert digest("exp") != DIGESTS["exp"]
        return
    monkeypatch.setattr(kernel, helper, inward(getattr(kernel, helper)))
    for operation in operations:
        assert misses_of(operation, count=200)


@pytest.mark.parametrize("name", DIGESTS)
def test_one_ulp_in_a_kernel_is_caught(monkeypatch, name):
    if name == "sqrt":
        pytest.skip("NumPy's own: IEEE 754 wants it rounded right")
    right = getattr(elementary, name)
    monkeypatch.setattr(elementary, name, lambda x: np.nextafter(right(x), np.inf))
    assert digest(name) != DIGESTS[name]


INTO_PLAIN = {"_around": "affine", "widened": "exp", "mean_square": "mean_square", "mean": "mean", "sum": "sum"}


@pytest.mark.parametrize("shift", [-1, 1])
@pytest.mark.parametrize("helper", INTO_PLAIN)
def test_a_margin_that_is_an_ulp_off_is_caught(monkeypatch, helper, shift):
    owner = kernel if helper in ("_around", "widened") else kernel.Interval64Arrays
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


@pytest.mark.parametrize("loop", ["add", "subtract", "scaled", "square", "relu", "expm1mx", "exp", "tanh", "log"])
def test_an_ulp_in_a_fused_loop_is_caught(monkeypatch, loop):
    if loop in numba_kernels.INCREASING:
        monkeypatch.setitem(numba_kernels.INCREASING, loop, off_by(numba_kernels.INCREASING[loop], 1))
    else:
        monkeypatch.setattr(numba_kernels, loop, off_by(getattr(numba_kernels, loop), 1))
    if loop == "scaled":
        x = np.array([1.5, 2.25])
        assert not np.array_equal(*((c.box(x, x + 1) * c.tensor([3.0, -1.1])).value for c in (C, FUSED)))
    else:
        with pytest.raises(AssertionError):
            test_fused_loops_give_the_same_bits(loop)


def off_by(right, shift):
    """The loop, its results one ulp off."""

    def wrong(*args):
        answer = right(*args)
        args[-1][...] += shift * np.spacing(np.abs(args[-1]))
        return answer

    return wrong


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
