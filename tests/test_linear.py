"""Linear bounds: how tight they are, and that a fault in products or in curvature is seen."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from corners import corners_outside
from specs import shipped

import scalarspec as ss
from scalarspec.bounding import affine_forms, quadratic, relaxations, state
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.linear import LinearBounds

INF = float("inf")
PRECISE = ss.context("interval", prec=120)


def test_linear_is_much_tighter_than_one_evaluation():
    spec, args, _ = shipped()["vae"]
    found = ss.bounds(spec, *args, vary={"x": ss.ball("0.001")})
    attained = found.inner[1] - found.inner[0]
    assert found.width < attained * Fraction(105, 100)
    assert ss.bounds(spec, *args, vary={"x": ss.ball("0.001")}, method="interval").width > 2 * attained


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
    proper = state.BoxState.product

    def without(self, eqn, operands):
        """(a - a₀) (b - b₀) is 0."""
        radii = all(np.array_equal(a, self.range(x).radius) for x, a in zip(eqn.operands, operands, strict=True))
        return proper(self, eqn, operands) * (not radii)

    monkeypatch.setattr(state.BoxState, "product", without)
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


@pytest.mark.parametrize("f", [ss.tanh, ss.sigmoid, ss.erf, ss.gelu, ss.sin, ss.exp], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-0.25, 2.0), (-3.0, 1.0)])
def test_lines_are_tried_where_the_curvature_ranges_widely(f, low, high):
    """What is left when its mean slope is taken from a function ranges by little, and linear bounds know it."""
    t = np.linspace(low, high, 1001)
    values = np.asarray(f(ss.context("float64").tensor(t)))
    slope = Fraction((values[-1] - values[0]) / (high - low))
    spec = lambda x: f(x) - slope * x  # noqa: E731
    found = ss.bounds(spec, 0.0, vary={"x": ss.box(low, high)}, method="linear")
    assert found.width <= 2.5 * np.ptp(values - float(slope) * t)


@pytest.mark.parametrize(("sign", "factor"), [(1, 1.1), (-1, 0.9)])
def test_an_error_in_a_curvature_is_seen(monkeypatch, only_linear, sign, factor):
    spec = lambda x, y: sign * ss.sum(ss.square(2 * x + y))  # noqa: E731
    assert corners_outside(spec, Fraction(1, 16)) == 0
    proper = state.parabolas

    def mistaken(*args):
        found = proper(*args)
        return relaxations.Parabolas(found.middle, found.tangent, found.least * factor, found.most * factor)

    monkeypatch.setattr(state, "parabolas", mistaken)
    assert corners_outside(spec, Fraction(1, 16)) > 0


def test_slopes_too_small_for_floats_are_paid_for():
    """y / y is 1, though the slope of 1 / y at 1e299 is 1e-598: its half was taken for 0, and the rest counted."""
    for scale in (1e299, 1e298, 3e297, 1e160):
        x = np.array([-0.25, 4.5, 1.0]) * scale
        found = ss.bounds(lambda x: ss.logcosh(x) / ss.logcosh(x), x, vary={"x": ss.ball(scale / 40)}, method="linear")
        assert all(low <= 1 <= high for low, high in zip(found.lower, found.upper, strict=True))
        whole = ss.bounds(
            lambda x: ss.sum(ss.square(ss.abs(x) / ss.abs(x))), x, vary={"x": ss.ball(scale / 40)}, method="linear"
        )
        assert whole.lower <= 3 <= whole.upper


class _Box:
    """As much of a state as quadratic terms look at."""

    def __init__(self, radius):
        self.radius, self.balls = radius[None], []


def quadratic_misses(seed, change=lambda term: term):
    """How often c δ + Σ κ (J δ)² is less at a corner, or at a point within, than what is found to be its least."""
    rng = np.random.default_rng(seed)
    n, m = 6, 4
    radius, c = rng.exponential(size=n), rng.normal(size=(1, 3, n)) * rng.exponential(size=(1, 3, 1))
    slopes, kappas = rng.normal(size=(1, m, n)), rng.normal(size=(1, 3, m)) - 0.5
    far = (np.abs(slopes) @ radius) * (1 + 1e-12)
    form = affine_forms.AffineForm(slopes, far, -far, far, -far, far)
    term = change(quadratic.QuadraticTerm(form, kappas))
    dual_norm, curved = np.abs(c) @ radius, term.size()
    found = quadratic.least(_Box(radius), c, dual_norm, [term], curved)
    least = (found.value - found.excess - found.rounding)[0]
    points = (
        np.concatenate([list(itertools.product((-1.0, 1.0), repeat=n)), rng.uniform(-1, 1, size=(200, n))]) * radius
    )
    values = c[0] @ points.T + np.einsum("km,mp->kp", kappas[0], (slopes[0] @ points.T) ** 2)
    return int(np.sum(values < least[:, None]))


def test_quadratic_terms_are_nowhere_less():
    assert sum(quadratic_misses(seed) for seed in range(300)) == 0


def test_quadratic_terms_that_are_said_to_turn_too_much_are_seen(monkeypatch):
    proper = quadratic.QuadraticTerm.turned
    monkeypatch.setattr(quadratic.QuadraticTerm, "turned", lambda self, move: -proper(self, move))
    assert sum(quadratic_misses(seed) for seed in range(300)) > 0
    monkeypatch.undo()
    proper = quadratic.QuadraticTerm.against
    monkeypatch.setattr(quadratic.QuadraticTerm, "against", lambda self: proper(self) / 2)
    assert sum(quadratic_misses(seed) for seed in range(300)) > 0


@pytest.mark.parametrize("first", [lambda x: x, lambda x: ss.matmul(np.eye(2), x)], ids=["input", "layer"])
def test_an_input_that_only_kinks_feel_is_split(first):
    """Where the chords above two kinks cancel in slope, all that they lose is along the second input."""

    def spec(x):
        y = first(x)
        return x[0] - ss.relu(y[1]) - ss.relu(-y[1])

    box = (np.array([[0.0, -1.0]]), np.array([[2.0**-30, 1.0]]))
    domain = Domain(spec, {"x": np.zeros(2)}, {"x": ss.box(*(end[0] for end in box))}, ())
    linear = LinearBounds(domain.plan, [box], [None])
    linear.bounds([(0, 1)])
    assert linear.inputs_to_split()[0, 0, 0] == 1
