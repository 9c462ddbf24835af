"""The ladder of bounds: every method contains every value, is as tight as it should be, and a fault in it is seen."""

import itertools
import os
import pickle
import random
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS
from test_gradient import POLYNOMIAL

import scalarspec as ss
from scalarspec import layers
from scalarspec.bounding import affine_forms, backward, jobs, linear, methods, plan, univariate
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import each
from scalarspec.bounding.univariate import CONCAVE, FUNCTIONS, lines
from scalarspec.core.arguments import bind
from scalarspec.core.lifting import lift
from scalarspec.models import autoencoder, vae, vqvae

INF = float("inf")
PRECISE = ss.context("interval", prec=120)
METHODS = ("interval", "mean-value", "linear", "subdivide", "auto")


# ---- lines around a function ----------------------------------------------------------------------------------------


def boxes_for(operation, rng, count=120):
    """Intervals of all sizes, in the function's domain."""
    centre = rng.normal(size=count) * 10 ** rng.uniform(-3, 0.7, size=count)
    radius = 10 ** rng.uniform(-9, 0.6, size=count)
    radius[:10] = 0
    low, high = centre - radius, centre + radius
    if operation in CONCAVE | {"reciprocal"}:
        low, high = np.abs(centre) + 1e-3, np.abs(centre) + 1e-3 + radius
    if operation == "tan":
        low, high = np.tanh(low), np.tanh(high)
    return low, np.maximum(low, high)


def crossings(operation, seed=0):
    """How often a line is on the wrong side of the function, at points of its interval: exactly."""
    low, high = boxes_for(operation, np.random.default_rng(seed))
    found = lines(operation, CONTEXTS["interval64"].box(low, high))
    wrong = 0
    for cotangent in (0, 1, Fraction(1, 2), Fraction(1, 7), Fraction(9, 10)):
        at = [Fraction(a) + cotangent * (Fraction(b) - Fraction(a)) for a, b in zip(low, high, strict=True)]
        values = getattr(ss, operation)(PRECISE.tensor(at))
        least, most = ss.endpoints(values)
        for i, t in enumerate(at):
            below = Fraction(found.low_slope[i]) * t + Fraction(found.low[i])
            above = Fraction(found.high_slope[i]) * t + Fraction(found.high[i])
            wrong += below > most[i] or above < least[i]
    return wrong


@pytest.mark.parametrize("operation", sorted(FUNCTIONS))
def test_lines_do_not_cross_the_function(operation):
    assert crossings(operation) == 0


@pytest.mark.parametrize("operation", sorted(FUNCTIONS - {"abs", "relu"}))
def test_lines_are_close_on_small_intervals(operation):
    """Their distance falls with the square of the width."""
    at = 0.7
    gaps = []
    for radius in (1e-2, 1e-3):
        found = lines(operation, CONTEXTS["interval64"].box([at - radius], [at + radius]))
        gaps.append(
            max((found.high_slope - found.low_slope) * t + found.high - found.low for t in (at - radius, at + radius))[
                0
            ]
        )
    assert gaps[1] < gaps[0] / 50


@pytest.mark.parametrize(
    ("shape", "operation"),
    [
        ("_convex", "square"),
        ("_convex", "exp"),
        ("_convex", "relu"),
        ("_concave", "log"),
        ("_peaked", "tanh"),
        ("_centred", "sin"),
    ],
)
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_line_that_is_a_little_too_tight_is_seen(monkeypatch, shape, operation, side):
    proper = getattr(univariate, shape)

    def tightened(r):
        found = proper(r)
        shift = 1e-6 * (r.high - r.low) * (1 + np.abs(getattr(found, side)))
        moved = {side: getattr(found, side) + (shift if side == "low" else -shift)}
        return univariate.Lines(**{**vars(found), **moved})

    monkeypatch.setattr(univariate, shape, tightened)
    assert crossings(operation) > 0


# ---- whole specs ----------------------------------------------------------------------------------------------------

SMOOTH = {
    "tanh": ss.tanh,
    "sigmoid": lambda a: ss.sigmoid(2 * a),
    "exp": lambda a: ss.exp(a / 4),
    "log": lambda a: ss.log(2 + ss.square(a)),
    "softplus": ss.softplus,
    "quotient": lambda a: a / (2 + ss.abs(a)),
    "sine": lambda a: ss.sin(3 * a),
    "max": lambda a: ss.maximum(a, ss.mean(a)),
    "clip": lambda a: ss.clip(a, -1, 1),
    "logsumexp": lambda a: a - ss.logsumexp(a),
    "weights": lambda a: ss.affine(ss.outer(a, a) / 9, a, a),
    "step": lambda a: a + ss.heaviside(a) / 2,
    "sqrt": lambda a: ss.sqrt(1 + ss.mean_square(a)) * a,
    "cube": lambda a: a**3 / 10,
}
OPERATIONS = POLYNOMIAL | SMOOTH


def a_spec(seed):
    source = random.Random(seed)
    steps = [OPERATIONS[source.choice(sorted(OPERATIONS))] for _ in range(source.randrange(1, 5))]

    def spec(x, y):
        for step in steps:
            x = step(x) + y * x / 4
        return x

    return spec


def outside(seed, methods=METHODS, count=30):
    """How many values of a random spec, at random points, corners and the middle, lie outside of its bounds."""
    rng = np.random.default_rng(seed)
    spec = a_spec(seed)
    x, y = rng.normal(size=(2, 3))
    radius = 10 ** rng.uniform(-6, -0.3)
    vary = {"x": ss.ball(radius)} if seed % 2 else {"x": ss.ball(radius), "y": ss.ball(radius / 3)}
    found = [ss.bounds(spec, x, y, vary=vary, method=method, budget=4) for method in methods]
    wrong = 0
    for k in range(count):
        shares = rng.choice([-1.0, 1.0], size=(2, 3)) if k % 2 else rng.uniform(-1, 1, size=(2, 3))
        shares = shares * (k > 0)
        point = [
            [
                Fraction(v) + Fraction(s) * (vary[name].radius if name in vary else 0)
                for v, s in zip(a, cotangent, strict=True)
            ]
            for name, a, cotangent in zip(("x", "y"), (x, y), shares, strict=True)
        ]
        low, high = ss.endpoints(spec(*map(PRECISE.tensor, point)))
        wrong += sum(int(np.any(high < f.lower) or np.any(low > f.upper)) for f in found)
    for f in found:
        assert np.all(f.lower <= f.inner[0])
        assert np.all(f.inner[1] <= f.upper)
    assert np.all(found[-1].width <= found[0].width)
    return wrong


@pytest.mark.parametrize("seed", range(30))
def test_no_value_lies_outside_of_its_bounds(seed):
    assert outside(seed) == 0


def shipped():
    rng = np.random.default_rng(3)

    def part(m, n):
        return layers.Linear(rng.normal(size=(m, n)) / np.sqrt(n), rng.normal(size=m) / 10)

    trunk = layers.Sequential(part(6, 8), layers.relu)
    net = layers.Sequential(part(6, 3), layers.tanh, part(8, 6), layers.sigmoid)
    gaussian = vae.Model(vae.Encoder.with_trunk(trunk, part(3, 6), part(3, 6)), vae.Decoder(net))
    quantizer = vqvae.Model(
        vqvae.Encoder(layers.Sequential(part(6, 8), layers.relu, part(3, 6))),
        ss.latent.Codebook(rng.normal(size=(4, 3))),
        vqvae.Decoder(net),
    )
    first, second = part(6, 8), part(8, 6)
    coder = autoencoder.Autoencoder(first.weight, first.bias, second.weight, second.bias, "relu")
    x, eps = rng.uniform(size=8), rng.normal(size=3)
    return {
        "vae": (vae.loss, (gaussian, 1, x, eps), ("x", "eps", "beta", "model")),
        "vq-vae": (
            lambda model, beta, x: vqvae.loss(model, beta, x, 1),
            (quantizer, Fraction(1, 4), x),
            ("x", "model"),
        ),
        "autoencoder": (autoencoder.reconstruction_error, (coder, x), ("x", "m")),
    }


@pytest.mark.parametrize("name", ["vae", "vq-vae", "autoencoder"])
@pytest.mark.parametrize("radius", ["0.001", "0.05"])
def test_the_shipped_losses_while_anything_varies(name, radius):
    spec, args, varied = shipped()[name]
    for parameter in varied:
        names = list(bind(spec, args))
        if parameter not in names:
            parameter = names[0]
        vary = {parameter: ss.ball(radius)}
        plain = ss.bounds(spec, *args, vary=vary, method="interval")
        for method in ("mean-value", "linear", "auto"):
            found = ss.bounds(spec, *args, vary=vary, method=method)
            assert plain.lower <= found.lower <= found.inner[0] <= found.upper <= plain.upper
            assert found.lower <= found.inner[1] <= found.upper
            assert found.inner[0] <= found.inner[1] + Fraction(1, 10**25)  # some are constant
        if parameter == "x" and radius == "0.001":
            assert (found.method, found.width < plain.width) == ("linear", True)


def test_linear_is_much_tighter_than_one_evaluation():
    spec, args, _ = shipped()["vae"]
    found = ss.bounds(spec, *args, vary={"x": ss.ball("0.001")})
    attained = found.inner[1] - found.inner[0]
    assert found.width < attained * Fraction(105, 100)
    assert ss.bounds(spec, *args, vary={"x": ss.ball("0.001")}, method="interval").width > 2 * attained


# ---- independent parties --------------------------------------------------------------------------------------------


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
    monkeypatch.setattr(backward.Rows, "spend", lambda self, g, size, *operands: None)
    assert sum(misses for seed in range(60) for misses, _, _ in affine_misses(seed, 1e4)) > 0


def test_coefficients_that_underflow_are_paid_for(monkeypatch, only_linear):
    """1e-200 · 1e-200 · 1e300: the coefficient is below what floats hold, and its share of the value is not."""
    down = np.array([[1e-200]])
    spec = lambda x: ss.matmul(down, ss.matmul(down, x))  # noqa: E731
    near = {"x": ss.ball(Fraction(10) ** 299)}
    found = ss.bounds(spec, np.array([1e300]), vary=near, method="linear")
    low, high = (Fraction(1e-200) ** 2 * (Fraction(1e300) + sign * Fraction(10) ** 299) for sign in (-1, 1))
    assert found.lower[0] <= low < high <= found.upper[0]
    monkeypatch.setattr(backward, "TINY", 0.0)
    with pytest.raises(ss.errors.DomainError):  # nothing is left of the range
        ss.bounds(spec, np.array([1e300]), vary=near, method="linear")


@pytest.mark.parametrize("norm", [2, INF])
@pytest.mark.parametrize("exponent", [-200, -150, 80, 150])
def test_very_large_and_very_small_numbers(exponent, norm):
    """What overflows or underflows on the way gives wider bounds, and no warning."""
    scale = 10.0**exponent
    w = np.array([[1.5, -0.5], [2.0, 1.0]]) * scale
    spec = lambda x: ss.sum(ss.square(ss.matmul(w, x)))  # noqa: E731
    found = ss.bounds(spec, np.array([scale, 2 * scale]), vary={"x": ss.ball(scale / 8, norm)}, method="linear")
    value = ss.endpoints(spec(PRECISE.tensor([scale, 2 * scale])))
    assert found.lower <= value[0] <= value[1] <= found.upper
    assert found.lower <= found.inner[0] <= found.inner[1] <= found.upper


def test_a_product_without_its_remainder_is_seen(monkeypatch):
    def found():
        spec = lambda x, y: ss.sum(x * y)  # noqa: E731
        vary = {"x": ss.ball("1/2"), "y": ss.ball("1/2")}
        return ss.bounds(spec, np.ones(2), np.ones(2), vary=vary, method="linear")

    assert (found().lower, found().upper) == (Fraction(1, 2), Fraction(9, 2))
    proper = linear.Relaxation.product

    def without(self, eqn, operands):
        """(a - a₀) (b - b₀) is 0."""
        radii = all(np.array_equal(a, self.range(x).radius) for x, a in zip(eqn.operands, operands, strict=True))
        return proper(self, eqn, operands) * (not radii)

    monkeypatch.setattr(linear.Relaxation, "product", without)
    assert found().upper < Fraction(9, 2)


def test_one_hidden_unit_has_its_analytic_range():
    """relu(w x + b) + c x is piecewise linear: its range is found at the ends and at the kink."""
    rng = np.random.default_rng(0)
    for _ in range(12):
        w, b, c = (Fraction(int(k), 4) for k in rng.integers(-8, 9, 3))
        spec = lambda x, w=w, b=b, c=c: ss.relu(w * x + b) + c * x  # noqa: E731
        places = [Fraction(-1), Fraction(1)] + ([-b / w] if w and abs(b) <= abs(w) else [])
        values = [max(w * t + b, Fraction(0)) + c * t for t in places]
        found = ss.bounds(spec, 0, vary={"x": ss.ball(1)}, method="subdivide", budget=16)
        assert found.lower <= min(values) <= max(values) <= found.upper
        assert found.width <= (max(values) - min(values)) * Fraction(13, 10) + Fraction(1, 10)


def test_a_vector_from_outside():
    """IBP's own example: y in [238/125, 282/125], and it is monotone, so that linear bounds are exact too."""
    found = ss.bounds(
        lambda x: ss.affine(
            [["0.7", "0.8", "0.9"]],
            ss.relu(ss.affine([["0.1", "0.2"], ["0.3", "0.4"], ["0.5", "0.6"]], x, ["0.1", "0.2", "0.3"])),
            ["0.4"],
        ),
        np.array([Fraction(1, 2), Fraction(4, 5)], dtype=object),
        vary={"x": ss.ball("0.1")},
        method="linear",
    )
    assert found.lower[0] <= Fraction(238, 125) <= Fraction(282, 125) <= found.upper[0]
    assert found.width[0] <= Fraction(44, 125) + Fraction(1, 10**12)


# ---- the interface --------------------------------------------------------------------------------------------------


def test_auto_climbs_until_the_target():
    spec, args, _ = shipped()["vae"]
    vary = {"x": ss.ball("0.01")}
    plain = ss.bounds(spec, *args, vary=vary, method="interval")
    assert ss.bounds(spec, *args, vary=vary, target=plain.width + 1).method == "interval"
    best = ss.bounds(spec, *args, vary=vary, method="linear")
    assert ss.bounds(spec, *args, vary=vary, target=best.width).method == "linear"
    seen = []
    far = ss.bounds(spec, *args, vary=vary, target=0, budget=5, progress=lambda done, total: seen.append((done, total)))
    assert (far.method, far.boxes) == ("subdivide", 5)
    assert seen == [(1, 5), (2, 5), (4, 5), (5, 5)]
    assert far.width < best.width
    assert "subdivide, 5 boxes" in str(far)
    assert set(far.to_json()) == {"lower", "upper", "inner", "method", "boxes", "seconds", "interrupted"}


def test_specs_that_the_methods_cannot_take_get_one_evaluation():
    def looks(x):
        return x * len(x.tolist())

    assert ss.bounds(looks, np.ones(2), vary={"x": ss.ball(1)}).method == "interval"
    step = ss.bounds(lambda x: ss.heaviside(x), 0, vary={"x": ss.ball(1)}, method="mean-value")
    assert (step.lower, step.upper) == (0, 1)
    chosen = ss.bounds(lambda x: ss.where(x > 0, x + 5, x), 0, vary={"x": ss.ball(1)})
    assert chosen.lower <= -1
    assert chosen.upper >= 6


def test_unbounded_boxes_and_edges_of_domains():
    whole = ss.bounds(ss.exp, 0, vary={"x": ss.box(-INF, INF)})
    assert (whole.lower, whole.upper) == (0, INF)
    pole = ss.bounds(lambda x: 1 / x, 0.5, vary={"x": ss.ball(1)})
    assert (pole.lower, pole.upper) == (-INF, INF)
    for spec, ends in ((ss.reciprocal, (0, 1)), (ss.reciprocal, (-1, 0)), (ss.sqrt, (0, 1)), (ss.reciprocal, (-2, -1))):
        edge = ss.bounds(spec, 0, vary={"x": ss.box(*ends)}, method="linear")
        assert edge.lower <= edge.upper
    assert (
        ss.bounds(lambda x: ss.sum(ss.reciprocal(x)), np.array([1, 2]), vary={"x": ss.box([0, 1], [1, 2])}).upper == INF
    )
    with pytest.raises(ss.errors.DomainError):
        ss.bounds(ss.log, 0.5, vary={"x": ss.ball(1)})
    nothing = ss.bounds(lambda x: ss.sum(x), np.zeros(0), vary={"x": ss.ball(1)})
    assert (nothing.lower, nothing.upper) == (0, 0)
    point = ss.bounds(ss.exp, 0.5, vary={"x": ss.ball(0)})
    assert point.width < Fraction(1, 10**14)


def test_parameters_of_a_model_vary_by_name():
    layer = layers.Linear(np.array([[1.0, 2.0]]), np.array([0.5]))
    found = ss.bounds(lambda m, x: m(x), layer, np.array([1.0, 1.0]), vary={"m": ss.ball("0.25")})
    assert (found.lower[0], found.upper[0]) == (Fraction("2.75"), Fraction("4.25"))
    assert lift(layer, "rational").weight.shape == (1, 2)


ROWS = {
    "_by_lines": lambda x, y: ss.sum(ss.tanh(x) + ss.exp(y)),
    "_by_planes": lambda x, y: ss.sum(x * y),
    "_by_rule": lambda x, y: ss.sum(ss.affine([[1, 2], [3, -1]], x, [0, 1])) - ss.sum(y),
    "_bend": lambda x, y: ss.sum(ss.square(2 * x + y) - ss.exp(x - y)),
}
MADE = {
    "_mean_square": lambda x, y: ss.mean_square(x - y),
    "_logsumexp": lambda x, y: ss.logsumexp(x) + ss.sum(y),
    "_maximum": lambda x, y: ss.sum(ss.maximum(x, y)),
    "_minimum": lambda x, y: ss.sum(ss.minimum(x, 2 * y)),
    "_clip": lambda x, y: ss.sum(ss.clip(x, -1, 1) + y),
    "_leaky_relu": lambda x, y: ss.sum(ss.leaky_relu(x, "1/8") + y),
    "_divide": lambda x, y: ss.sum(x / (3 + y)),
}


def corners_outside(spec, radius=Fraction(1, 2**20)):
    """How many of the values at the corners of a small box lie outside of the linear bounds."""
    x, y = [Fraction(1, 4), Fraction(-3, 4)], [Fraction(1, 2), Fraction(-1, 8)]
    vary = {"x": ss.ball(radius), "y": ss.ball(radius)}
    found = ss.bounds(spec, *(np.array(a, dtype=object) for a in (x, y)), vary=vary, method="linear")
    wrong = 0
    for signs in np.ndindex(2, 2, 2, 2):
        moved = [v + (2 * s - 1) * radius for v, s in zip([*x, *y], signs, strict=True)]
        low, high = ss.endpoints(spec(PRECISE.tensor(moved[:2]), PRECISE.tensor(moved[2:])))
        wrong += bool(high[()] < found.lower or low[()] > found.upper)
    return wrong


@pytest.fixture
def only_linear(monkeypatch):
    """One evaluation is as tight on some specs, and would hide a mistake."""
    monkeypatch.setattr("scalarspec.bounding.methods.narrowed", lambda context, t, ends: context.box(*ends))


@pytest.mark.parametrize("term", ROWS)
def test_an_error_in_any_relaxation_is_seen(term, monkeypatch, only_linear):
    """A thousandth of the radius, added where the relaxation puts its constant."""
    proper = getattr(backward.Rows, term)

    def mistaken(self, *args):
        result = proper(self, *args)
        self.constant = self.constant + 2.0**-30
        return result

    assert corners_outside(ROWS[term]) == 0
    monkeypatch.setattr(backward.Rows, term, mistaken)
    assert corners_outside(ROWS[term]) > 0


@pytest.mark.parametrize("term", MADE)
def test_an_error_in_what_an_operation_is_made_of_is_seen(term, monkeypatch, only_linear):
    proper = getattr(plan._PrimitiveArrays, term)

    def mistaken(self, *args, **parameters):
        result = proper(self, *args, **parameters)
        return result and self.apply("add", result, self.data(np.array(2.0**-30)))

    assert corners_outside(MADE[term]) == 0
    monkeypatch.setattr(plan._PrimitiveArrays, term, mistaken)
    assert corners_outside(MADE[term]) > 0


@pytest.mark.parametrize(("sign", "factor"), [(1, 1.1), (-1, 0.9)])
def test_an_error_in_a_curvature_is_seen(monkeypatch, only_linear, sign, factor):
    spec = lambda x, y: sign * ss.sum(ss.square(2 * x + y))  # noqa: E731
    assert corners_outside(spec, Fraction(1, 16)) == 0
    proper = linear.curvature
    monkeypatch.setattr(linear, "curvature", lambda *args: [end * factor for end in proper(*args)])
    assert corners_outside(spec, Fraction(1, 16)) > 0


@pytest.mark.parametrize("way", ["_of_input", "_of_function", "_of_linear"])
def test_an_error_in_a_form_that_is_carried_is_seen(monkeypatch, only_linear, way):
    """Slopes that are a fifth too small: lines and quadratic forms then stand where the value does not range."""
    spec = lambda x, y: ss.sum(ss.square(ss.affine([[1, 2], [-1, 1]], ss.tanh(x - y), [0, 1])) + x)  # noqa: E731
    assert corners_outside(spec, Fraction(1, 64)) == 0
    proper = getattr(affine_forms, way)

    def mistaken(over, *args):
        found = proper(over, *args)
        return found and affine_forms.Form.of(over, found.slopes * 0.8, found.rest_low, found.rest_high)

    monkeypatch.setattr(affine_forms, way, mistaken)
    assert corners_outside(spec, Fraction(1, 64)) > 0


@pytest.mark.parametrize("fault", ["_hold", "_at_kink", "_halved"])
def test_an_error_in_the_parts_of_a_box_is_seen(monkeypatch, fault):
    rng = np.random.default_rng(1)
    w, v = rng.normal(size=(2, 4, 3))

    def wrong():
        spec = lambda x: ss.sum(ss.relu(ss.affine(w, x, np.zeros(4))) - ss.relu(ss.affine(v, x, np.full(4, 0.1))))  # noqa: E731
        try:
            found = ss.bounds(spec, np.zeros(3), vary={"x": ss.ball(1)}, method="subdivide", budget=30)
        except ss.errors.Contradiction:
            return True
        points = np.concatenate([rng.uniform(-1, 1, (300, 3)), np.sign(rng.normal(size=(60, 3)))])
        values = [np.maximum(w @ x, 0).sum() - np.maximum(v @ x + 0.1, 0).sum() for x in points]
        return sum(not found.lower - 1e-9 <= value <= found.upper + 1e-9 for value in values)

    assert wrong() == 0
    if fault == "_hold":
        proper = backward.Rows._hold

        def mistaken(self, x, weight):
            proper(self, x, weight)
            self.constant = self.constant + 0.8

        monkeypatch.setattr(backward.Rows, "_hold", mistaken)
    else:
        proper = getattr(methods, fault)
        monkeypatch.setattr(methods, fault, lambda *args: (proper(*args)[0], proper(*args)[0]))
    assert wrong() > 0


@pytest.mark.parametrize("name", ["_logsumexp", "_maximum", "_minimum", "_clip", "_leaky_relu", "_divide"])
def test_what_is_made_of_functions_keeps_relations(name):
    """What is added and taken away again: one evaluation cannot see it."""
    spec = lambda x, y: MADE[name](ss.tanh(x), y) - ss.sum(ss.tanh(x)) / 4  # noqa: E731
    args = np.array([0.25, -0.75]), np.array([-1.0, -1.0] if name == "_maximum" else [0.5, -0.125])
    vary = {"x": ss.ball("0.01"), "y": ss.ball("0.01")}
    plain, found = (ss.bounds(spec, *args, vary=vary, method=method) for method in ("interval", "linear"))
    assert found.width < plain.width * Fraction(9, 10)
    assert found.width < (found.inner[1] - found.inner[0]) * Fraction(102, 100)


@pytest.mark.parametrize(
    ("spec", "x", "lower", "upper"),
    [
        (lambda x: x * x - x, "1/4", "-1/4", "5/16"),  # a number, which is an array of shape ()
        (lambda x: ss.sum(ss.where(x > 1, x, 2 * x)), ["1", "1"], "2", "4"),  # where lines say nothing
        (lambda x: ss.sum(ss.matmul(x, ss.matrix_transpose(x))), [["1/4", "0"]], "0", "13/16"),
        (lambda x: ss.relu(x) - x / 2, "1/8", "0", "5/16"),
    ],
)
def test_parts_find_the_range(spec, x, lower, upper):
    centre = np.vectorize(Fraction, otypes=[object])(x)
    exact = Fraction(lower), Fraction(upper)
    found = ss.bounds(spec, centre, vary={"x": ss.ball("1/2")}, method="subdivide", budget=400)
    assert found.lower <= exact[0] < exact[1] <= found.upper
    assert found.width <= (exact[1] - exact[0]) * Fraction(11, 10)
    assert found.boxes > 4


# ---- questions ------------------------------------------------------------------------------------------------------


def test_prove_an_inequality_over_a_box():
    spec, args, _ = shipped()["vae"]
    vary = {"x": ss.ball("0.01")}
    found = ss.bounds(spec, *args, vary=vary)
    middle = (found.inner[1] + found.upper) / 2
    assert ss.prove(spec, *args, vary=vary, at_most=found.upper).method == "bounds: linear"
    assert ss.prove(spec, *args, vary=vary, at_most=1000).method == "bounds: interval"
    assert ss.prove(spec, *args, vary=vary, at_least=0, at_most=1000).status == "proved"
    refuted = ss.prove(spec, *args, vary=vary, at_most=found.inner[1] - Fraction(1, 10**9))
    assert refuted.status == "refuted"
    low, high = ss.endpoints(
        spec(*lift([args[0], args[1]], PRECISE), PRECISE.tensor(refuted.witness["x"]), PRECISE.tensor(args[3]))
    )
    assert low > found.inner[1] - Fraction(1, 10**9)
    assert refuted.witness["value in"][0] <= high
    doubtful = ss.prove(spec, *args, vary=vary, at_most=middle, budget=2)
    assert doubtful.status in ("proved", "undecided")
    if doubtful.status == "undecided":
        assert "beyond by" in doubtful.steps[0]
    with pytest.raises(ss.errors.ArgumentError, match="got Tensor; or say at_most or at_least"):
        ss.prove(spec, *args, vary=vary)


def a_claim(model, beta, x, eps):
    return vae.loss(model, beta, x, eps) <= vae.kl_loss(model, x) + 2


def test_prove_a_claim_over_a_box():
    _, args, _ = shipped()["vae"]
    vary = {"x": ss.ball("0.01")}
    assert ss.prove(a_claim, *args, vary=vary).proved
    with ProcessPoolExecutor(1) as executor:
        assert ss.prove(a_claim, *args, vary=vary, executor=executor).proved
    found = ss.prove(lambda m, x: vae.kl_loss(m, x) > 1000, args[0], args[2], vary=vary)
    assert (found.status, found.witness["value in"][1] < 0) == ("refuted", True)
    x = np.array([1.0, 2.0])
    assert ss.prove(lambda x: ss.square(x) >= 0, x, vary={"x": ss.ball(5)}).proved
    assert not ss.prove(lambda x: ss.square(x) > 0, x, vary={"x": ss.ball(5)}, budget=8).proved
    assert ss.prove(lambda x: 2 * x < x, x, vary={"x": ss.box(-2, -1)}).proved
    touching = ss.prove(lambda x: x - x < 0, x, vary={"x": ss.ball(1)})
    assert (touching.status, touching.witness["output"]) == ("refuted", [0])
    with pytest.raises(ss.errors.ArgumentError, match="expected one comparison of tensors, got logical_and"):
        ss.prove(lambda x: (x > 0) & (x < 9), x, vary={"x": ss.ball(1)})


def test_the_robust_argmax():
    """Is output 0 the greatest for all inputs of a box?"""
    layer = layers.Linear(np.array([[2.0, 1.0], [1.0, -1.0], [0.5, 0.5]]), np.zeros(3))
    ahead = lambda m, x: ss.stack([m(x)[0] - m(x)[k] for k in (1, 2)])  # noqa: E731
    at = np.array([1.0, 0.5])
    assert ss.prove(ahead, layer, at, vary={"x": ss.ball("0.5")}, at_least=0).status == "proved"
    found = ss.prove(ahead, layer, at, vary={"x": ss.ball(1)}, at_least=0)
    assert (found.status, found.witness["output"]) == ("refuted", [0])


# ---- many boxes, executors, checkpoints -----------------------------------------------------------------------------


def a_batch():
    """Rows of inputs for the VAE, whose noise differs from row to row."""
    spec, (model, beta, x, eps), _ = shipped()["vae"]
    rng = np.random.default_rng(5)
    xs, noises = rng.uniform(size=(20, len(x))), rng.normal(size=(20, len(eps)))
    return spec, (model, beta, xs, noises), {"vary": {"x": ss.ball("0.01")}, "over": ("x", "eps")}


@pytest.mark.parametrize("method", ["interval", "mean-value", "linear", "subdivide", "auto"])
def test_rows_of_boxes_are_the_boxes_one_by_one(method):
    spec, (model, beta, xs, noises), given = a_batch()
    few = 3 if method in ("mean-value", "subdivide") else len(xs)
    many = ss.bounds(spec, model, beta, xs[:few], noises[:few], method=method, budget=4, **given)
    assert many.lower.shape == many.inner[0].shape == (few,)
    for i in range(0, few, 7):
        one = ss.bounds(spec, model, beta, xs[i], noises[i], vary=given["vary"], method=method, budget=4)
        assert abs(one.lower - many.lower[i]) + abs(one.upper - many.upper[i]) < one.width * Fraction(1, 1000)
        for rows, alone in zip(many.inner, one.inner, strict=True):  # the search is in floats: no last bits
            assert abs(rows[i] - alone) < one.width * Fraction(1, 1000)
            assert many.lower[i] <= rows[i] <= many.upper[i]


def test_rows_of_boxes_for_what_does_not_fit_are_refused():
    spec, (model, beta, xs, noises), given = a_batch()
    with pytest.raises(ss.errors.ShapeError, match="over: expected arrays with a leading axis of one length"):
        ss.bounds(spec, model, beta, xs, noises[:3], **given)
    with pytest.raises(ss.errors.UnknownName, match="no parameter 'y'"):
        ss.bounds(spec, model, beta, xs, noises, vary=given["vary"], over="y")


def same(a, b):
    return (
        np.array_equal(a.lower, b.lower)
        and np.array_equal(a.upper, b.upper)
        and all(np.array_equal(p, q) for p, q in zip(a.inner, b.inner, strict=True))
        and (a.method, a.boxes) == (b.method, b.boxes)
    )


def test_results_are_the_same_whatever_the_executor():
    spec, args, given = a_batch()
    one, (x, eps) = ss.bounds(spec, *args, **given), (args[2][0], args[3][0])
    parts = ss.bounds(spec, *args[:2], x, eps, vary=given["vary"], method="subdivide", budget=20)
    for kind in (ThreadPoolExecutor, ProcessPoolExecutor):
        with kind(2) as executor:
            found = ss.bounds(spec, *args, executor=executor, **given)
            assert same(found, one)
            split = {"vary": given["vary"], "method": "subdivide", "budget": 20}
            assert same(ss.bounds(spec, *args[:2], x, eps, executor=executor, **split), parts)
            assert ss.prove(
                spec, *args[:2], x, eps, vary=given["vary"], at_most=parts.upper, budget=20, executor=executor
            ).proved


def test_results_are_the_same_on_a_cluster_of_dask():
    distributed = pytest.importorskip("distributed")
    spec, args, given = a_batch()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert same(ss.bounds(spec, *args, executor=client.get_executor(), **given), ss.bounds(spec, *args, **given))


def killed_once(path, a):
    """A function whose first worker dies."""
    if not path.exists():
        path.write_text("died")
        os._exit(1)
    return a + 1


def test_the_job_of_a_lost_worker_is_done_again(tmp_path):
    with ProcessPoolExecutor(1) as executor:
        found = each(executor, killed_once, [(tmp_path / "mark", k) for k in range(4)])
        assert list(found) == [1, 2, 3, 4]
    assert (tmp_path / "mark").exists()


def test_a_pool_whose_workers_die_loses_nothing():
    spec, args, given = a_batch()
    with ProcessPoolExecutor(1) as executor:
        executor.submit(os._exit, 1).exception()
        assert same(ss.bounds(spec, *args, executor=executor, **given), ss.bounds(spec, *args, **given))


def test_a_spec_that_cannot_be_sent_is_refused():
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(ss.errors.ArgumentError, match="executor: expected a spec and arguments that can be sent"),
    ):
        ss.bounds(lambda x: x, np.ones(2), vary={"x": ss.ball(1)}, executor=executor)


def test_errors_of_a_spec_come_through_an_executor():
    with ThreadPoolExecutor(1) as executor, pytest.raises(ZeroDivisionError):
        list(each(executor, divmod, [(1, 0)]))


def test_a_checkpoint_goes_on_where_a_run_ended(tmp_path, monkeypatch):
    spec, (model, beta, xs, noises), given = a_batch()
    args = (model, beta, xs[0], noises[0])
    job = {"vary": given["vary"], "method": "subdivide", "budget": 40}
    whole = ss.bounds(spec, *args, **job)
    path = tmp_path / "run.jsonl"
    calls = []
    proper = jobs.WORK["relaxed"]

    def interrupted(domain, item):
        calls.append(item)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return proper(domain, item)

    monkeypatch.setitem(jobs.WORK, "relaxed", interrupted)
    part = ss.bounds(spec, *args, checkpoint=path, **job)
    assert part.interrupted
    assert "interrupted" in str(part)
    assert whole.lower - 1 < part.lower <= whole.lower <= whole.upper <= part.upper
    assert 1 < part.boxes < whole.boxes
    with path.open("a") as file:
        file.write('{"job": "cut o')
    done = len(calls) - 1
    calls.clear()
    monkeypatch.setitem(jobs.WORK, "relaxed", lambda domain, item: calls.append(item) or proper(domain, item))
    rest = ss.bounds(spec, *args, checkpoint=path, **job)
    assert same(rest, whole)
    resumed = len(calls)
    calls.clear()
    assert same(ss.bounds(spec, *args, checkpoint=path, **job), whole)
    assert calls == []
    ss.bounds(spec, *args, **job)
    assert len(calls) == resumed + done
    with pytest.raises(ss.errors.ArgumentError, match=r"checkpoint: .* holds answers about another spec, box or arg"):
        ss.bounds(spec, *args[:3], noises[1], checkpoint=path, **job)


def test_ctrl_c_before_anything_is_known_is_what_it_is():
    def stopped(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ss.bounds(stopped, np.ones(2), vary={"x": ss.ball(1)})


def test_bounds_are_plain_data_for_other_processes():
    spec, args, given = a_batch()
    found = ss.bounds(spec, *args, **given)
    again = pickle.loads(pickle.dumps(found))
    assert same(found, again)
    with pytest.raises(ss.errors.NotSupported, match="pickled"):
        again.plot("x.png")


def test_a_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    spec, args, given = a_batch()
    found = ss.bounds(spec, *args, **given)
    found.plot(tmp_path / "rows.png")
    assert (tmp_path / "rows.png").read_bytes()[:4] == b"\x89PNG"
    steps = ss.bounds(lambda x: ss.stack([ss.sum(x), ss.sum(ss.square(x))]), np.ones(3), vary={"x": ss.box(-1, 2)})
    steps.plot(tmp_path / "two.svg")
    assert "<svg" in (tmp_path / "two.svg").read_text()
    with pytest.raises(ss.errors.ArgumentError, match="plot: cannot write"):
        found.plot(tmp_path / "none" / "x.png")


# ---- Euclidean balls ------------------------------------------------------------------------------------------------


def test_a_linear_function_on_a_euclidean_ball_has_its_exact_range():
    """w x + b ranges over b + w c ± ρ ‖w‖₂."""
    w, x = np.array([3.0, 4.0]), np.array([1.0, 2.0])
    found = ss.bounds(lambda x: ss.dot(w, x), x, vary={"x": ss.ball("1/10", norm=2)}, method="linear")
    assert found.lower <= Fraction(21, 2) <= Fraction(23, 2) <= found.upper
    assert found.width < 1 + Fraction(1, 10**12)
    assert found.inner[1] - found.inner[0] > Fraction(999, 1000)
    rows = ss.bounds(
        lambda x: ss.dot(w, x), np.stack([x, 2 * x]), vary={"x": ss.ball("1/10", norm=2)}, over="x", method="linear"
    )
    assert rows.lower[0] == found.lower
    assert Fraction(43, 2) - Fraction(1, 10**12) < rows.lower[1] <= Fraction(43, 2)


def test_a_euclidean_ball_that_is_taken_too_small_is_seen(monkeypatch):
    def misses():
        count = 0
        for seed in range(6):
            rng = np.random.default_rng(seed)
            w, x = rng.normal(size=(2, 3))
            spec = lambda x, w=w: ss.tanh(ss.dot(w, x))  # noqa: E731
            found = ss.bounds(spec, x, vary={"x": ss.ball("1/8", norm=2)}, method="subdivide", budget=4)
            ends = [np.tanh(w @ x + s * np.linalg.norm(w) / 8) for s in (-1, 1)]
            count += found.lower > ends[0] + 1e-12 or found.upper < ends[1] - 1e-12
        return count

    assert misses() == 0
    proper = Domain._ball
    monkeypatch.setattr(Domain, "_ball", lambda *args: (lambda ball: (ball[0], ball[1] * (1 - 1e-6)))(proper(*args)))
    assert misses() > 0


def test_euclidean_balls_of_other_kinds_are_refused():
    with pytest.raises(ss.errors.ArgumentError, match="norm: expected 2 or inf, got 1"):
        ss.ball(1, norm=1)
    wide = CONTEXTS["interval"].box([0], [1])
    with pytest.raises(ss.errors.ArgumentError, match="a Euclidean ball around 'x' wants a point"):
        ss.bounds(lambda x: ss.sum(x), wide, vary={"x": ss.ball(1, norm=2)}, method="linear")


# ---- exact ranges of tiny networks ----------------------------------------------------------------------------------


def exact_extremes(layers_, low, high):
    """The range of a one-output ReLU network over a box, in rationals: by its activation patterns.

    On each pattern the network is affine; its least value where the pattern holds, by the vertices of that polytope.
    """
    (w, b), (v, c) = layers_
    n = len(low)
    units = [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]
    planes = [(unit, end) for unit, *ends in zip(units, low, high, strict=True) for end in ends]
    planes += [(row, -shift) for row, shift in zip(w, b, strict=True)]
    values = []
    for chosen in itertools.combinations(planes, n):
        x = solved([row for row, _ in chosen], [end for _, end in chosen])
        if x is None or any(not lo <= t <= hi for lo, t, hi in zip(low, x, high, strict=True)):
            continue
        hidden = [max(inner(row, x) + shift, Fraction(0)) for row, shift in zip(w, b, strict=True)]
        values.append(inner(v, hidden) + c)
    return min(values), max(values)


def inner(a, b):
    return sum(p * q for p, q in zip(a, b, strict=True))


def solved(rows, ends):
    """The one solution of a linear system in rationals, or None."""
    m = [[*row, end] for row, end in zip(rows, ends, strict=True)]
    for i in range(len(m)):
        pivot = next((r for r in range(i, len(m)) if m[r][i]), None)
        if pivot is None:
            return None
        m[i], m[pivot] = m[pivot], m[i]
        m[i] = [t / m[i][i] for t in m[i]]
        m = [row if k == i else [t - row[i] * u for t, u in zip(row, m[i], strict=True)] for k, row in enumerate(m)]
    return [row[-1] for row in m]


@pytest.mark.parametrize("seed", range(8))
def test_tiny_relu_networks_have_their_exact_ranges(seed):
    """A piecewise linear function has its extremes at vertices of its pieces: all are tried, in rationals."""
    source = random.Random(seed)
    n, hidden = source.choice([(1, 4), (2, 4), (3, 3)])

    def number():
        return Fraction(source.randrange(-16, 17), 8)

    w, b = [[number() for _ in range(n)] for _ in range(hidden)], [number() for _ in range(hidden)]
    v, c = [number() for _ in range(hidden)], number()
    centre = [number() for _ in range(n)]
    net = layers.Sequential(
        layers.Linear(np.array(w, dtype=object), np.array(b, dtype=object)),
        layers.relu,
        layers.Linear(np.array([v], dtype=object), np.array([c], dtype=object)),
    )
    low, high = ([x + s for x in centre] for s in (-1, 1))
    least, most = exact_extremes([(w, b), (v, c)], low, high)
    goal = {"method": "subdivide", "budget": 200, "target": (most - least) * Fraction(101, 100)}
    x = np.array(centre, dtype=object)
    found = ss.bounds(lambda m, x: m(x)[0], net, x, vary={"x": ss.ball(1)}, **goal)
    assert found.lower <= least <= found.inner[0] <= found.inner[1] <= most <= found.upper
    assert found.width <= (most - least) * Fraction(102, 100) + Fraction(1, 10**9)


# ---- questions about decisions --------------------------------------------------------------------------------------


def test_the_nearest_code_over_a_box():
    """Is code k the nearest for all inputs of a box? Its squared distance less the others', which is affine in z."""
    _, (model, _, x), _ = shipped()["vq-vae"]
    k = int(np.argmin(np.asarray(vqvae.distances(lift(model, "float64"), CONTEXTS["float64"].tensor(x)))))

    def ahead(model, x):
        d = vqvae.distances(model, x)
        return ss.stack([d[j] - d[k] for j in range(4) if j != k])

    near = ss.prove(ahead, model, x, vary={"x": ss.ball("0.001")}, at_least=0)
    assert near.status == "proved"
    far = ss.prove(ahead, model, x, vary={"x": ss.ball(2)}, at_least=0)
    assert far.status == "refuted"
    assert far.witness["value in"][1] < 0


# ---- how searches end -----------------------------------------------------------------------------------------------


def squares(x):
    return ss.sum(ss.square(x))


@pytest.mark.parametrize(
    ("region", "error", "told"),
    [
        (ss.box(1, 0), ss.errors.ArgumentError, "box: the lower end 1 exceeds the upper end 0"),
        (ss.box([0, 0], [1, INF * 0]), ss.errors.DomainError, "nan is not a real number"),
        (
            ss.box([0, 0, 0], 1),
            ss.errors.ShapeError,
            "box: ends of shapes .* for an argument of shape",
        ),
        (1, ss.errors.ArgumentError, "vary: expected ball.radius. or box.lower, upper. for 'x', got 1"),
    ],
)
def test_boxes_that_are_none_are_refused(region, error, told):
    for method in ("interval", "linear", "subdivide"):
        with pytest.raises(error, match=told):
            ss.bounds(squares, np.ones(2), vary={"x": region}, method=method)


@pytest.mark.parametrize("method", ["linear", "subdivide"])
def test_infinite_boxes_and_boxes_without_numbers(method):
    whole = ss.bounds(squares, np.ones(2), vary={"x": ss.box(-INF, INF)}, method=method)
    assert (whole.lower, whole.upper) == (0, INF)
    half = ss.bounds(lambda x: ss.sum(ss.sigmoid(x)), np.ones(2), vary={"x": ss.box([0, -INF], [1, 1])}, method=method)
    assert Fraction(1, 2) >= half.lower > Fraction(49, 100)
    assert half.upper < Fraction(147, 100)
    assert half.lower <= half.inner[0] < half.inner[1] <= half.upper
    twice = lambda x: ss.sum(ss.tanh(ss.tanh(x) + x))  # noqa: E731
    found = ss.bounds(twice, np.zeros(2), vary={"x": ss.box([-1, -INF], [1, 0])}, method=method)
    assert found.lower <= -1 - Fraction(9, 10)
    assert found.upper >= Fraction(94, 100)
    for rows in (np.ones((0, 2)), np.ones((3, 0))):
        found = ss.bounds(squares, rows, vary={"x": ss.ball(1)}, over="x", method=method)
        assert found.lower.shape == found.inner[0].shape == (len(rows),)
    point = ss.bounds(squares, np.ones((2, 2)), vary={}, over="x", method=method)
    assert point.lower.tolist() == point.upper.tolist() == [2, 2]


def test_an_edge_of_a_domain_is_refused_or_unbounded_whatever_the_method():
    for method in METHODS:
        with pytest.raises(ss.errors.DomainError, match="the logarithm needs a positive interval"):
            ss.bounds(lambda x: ss.sum(ss.log(x)), np.ones(2), vary={"x": ss.ball(2)}, method=method)
        pole = ss.bounds(lambda x: ss.sum(1 / x), np.ones(2), vary={"x": ss.ball(1)}, method=method, budget=6)
        assert (pole.lower, pole.upper) == (1, INF)


def test_a_target_that_cannot_be_met_ends_with_the_budget():
    spec, args, _ = shipped()["vae"]
    found = ss.bounds(spec, *args, vary={"x": ss.ball("0.05")}, target="1e-30", budget=9)
    assert found.width > Fraction(1, 10**30)
    assert 1 < found.boxes <= 9
    assert not found.interrupted


def test_what_cannot_be_an_executor_or_a_checkpoint_is_refused(tmp_path):
    near = {"vary": {"x": ss.ball(1)}, "method": "linear"}
    with pytest.raises(ss.errors.ArgumentError, match="executor: expected one of"):
        ss.bounds(squares, np.ones(2), executor=3, **near)
    other = tmp_path / "other.txt"
    other.write_text("mine\n")
    for path, told in ((tmp_path, "cannot use"), (tmp_path / "no" / "f", "cannot use"), (other, "another spec")):
        with pytest.raises(ss.errors.ArgumentError, match=f"checkpoint: .*{told}"):
            ss.bounds(squares, np.ones(2), checkpoint=path, **near)
    assert other.read_text() == "mine\n"


def test_forms_that_are_too_large_to_keep_are_left_out(monkeypatch):
    """The bounds hold, and are the same but for what needs affine_forms."""
    spec, args, _ = shipped()["vae"]
    for vary in ({"x": ss.ball("0.01")}, {"model": ss.ball("0.001")}):
        kept = ss.bounds(spec, *args, vary=vary, method="linear")
        with monkeypatch.context() as m:
            m.setattr(linear, "FORMS", 10)
            left = ss.bounds(spec, *args, vary=vary, method="linear")
        assert left.lower <= kept.inner[0] < kept.inner[1] <= left.upper
        assert kept.width <= left.width < 2 * kept.width


def test_a_budget_of_no_boxes_is_refused():
    for ask in (ss.bounds, lambda *args, **given: ss.prove(*args, at_least=0, **given)):
        with pytest.raises(ss.errors.ArgumentError, match="budget: expected at least 1 box, got 0"):
            ask(squares, np.ones(2), vary={"x": ss.ball(1)}, budget=0)


def test_jobs_that_are_asked_for_twice_have_their_own_answers(tmp_path, monkeypatch):
    domain = Domain(squares, {"x": np.ones(2)}, {"x": ss.ball(1)})
    monkeypatch.setitem(jobs.WORK, "doubled", lambda domain, item: 2 * item)

    def doubled(domain, item):
        raise AssertionError("the table has it")

    for _ in range(2):
        asked = jobs.Jobs(domain, checkpoint=tmp_path / "kept")
        assert list(asked.map(doubled, [1, 1, 5, 1, 7])) == [2, 2, 10, 2, 14]


def test_what_is_attained_around_intervals_reaches_the_ends_of_their_boxes():
    wide = CONTEXTS["interval"].box([0, 0], [2, 2])
    found = ss.bounds(lambda x: ss.sum(x), wide, vary={"x": ss.ball("1/4")})
    assert (found.lower, found.upper) == (Fraction(-1, 2), Fraction(9, 2))
    assert found.inner[0] < Fraction(-1, 2) + Fraction(1, 10**12)
    assert found.inner[1] > Fraction(9, 2) - Fraction(1, 10**12)
