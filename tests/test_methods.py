"""The methods of bounds: each contains every value, the better ones are tighter, and searches end."""

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest
from specs import METHODS, OPERATIONS, shipped, squares

import scalarspec as ss
from scalarspec import layers
from scalarspec.bounding import backward, parts
from scalarspec.core.arguments import bind
from scalarspec.numbers.exact import interval_text

INF = float("inf")
PRECISE = ss.context("interval", prec=120)


# ---- whole specs ----------------------------------------------------------------------------------------------------


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


# ---- how the methods go on, and what parts find ---------------------------------------------------------------------


def test_auto_climbs_until_the_target():
    spec, args, _ = shipped()["vae"]
    vary = {"x": ss.ball("0.01")}
    plain = ss.bounds(spec, *args, vary=vary, method="interval")
    assert ss.bounds(spec, *args, vary=vary, target=plain.width + 1).method == "interval"
    best = ss.bounds(spec, *args, vary=vary, method="linear")
    assert ss.bounds(spec, *args, vary=vary, target=best.width).method == "linear"
    seen = []
    far = ss.bounds(spec, *args, vary=vary, target=0, budget=5, progress=lambda *told: seen.append(told))
    assert (far.method, far.boxes) == ("subdivide", 5)
    assert [told[:2] for told in seen] == [(1, 5), (2, 5), (4, 5), (5, 5)]
    assert seen[-1][2] == f"{interval_text(far.lower, far.upper, 6)}, width {float(far.width):.3g}"
    assert far.width < best.width
    assert "subdivide, 5 boxes" in str(far)
    assert {"method", "boxes", "seconds", "interrupted", "stopped", "partly"} <= set(far.to_json())


def test_specs_that_the_methods_cannot_take_get_one_evaluation():
    def looks(x):
        return x * len(x.tolist())

    assert ss.bounds(looks, np.ones(2), vary={"x": ss.ball(1)}).method == "interval"
    step = ss.bounds(lambda x: ss.heaviside(x), 0, vary={"x": ss.ball(1)}, method="mean-value")
    assert (step.lower, step.upper) == (0, 1)
    chosen = ss.bounds(lambda x: ss.where(x > 0, x + 5, x), 0, vary={"x": ss.ball(1)})
    assert chosen.lower <= -1
    assert chosen.upper >= 6


@pytest.mark.parametrize("method", METHODS)
def test_unbounded_boxes_are_expanded_around_a_point_of_them(method):
    box = ss.box([-INF, -INF], ["-0.2", -1])
    found = ss.bounds(lambda x: x[0] * x[1], [-1, -2], vary={"x": box}, method=method)
    assert found.lower <= Fraction(1, 5)  # at the corner; 0, around which it was expanded, is no point of the box


@pytest.mark.parametrize("fault", ["add_lagrangian", "at_kink", "halves"])
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
    if fault == "add_lagrangian":
        proper = backward.BackwardPass.add_lagrangian

        def mistaken(self, x, weight):
            proper(self, x, weight)
            self.constant = self.constant + 0.8

        monkeypatch.setattr(backward.BackwardPass, "add_lagrangian", mistaken)
    else:
        proper = getattr(parts.Part, fault)
        monkeypatch.setattr(parts.Part, fault, lambda *args: (proper(*args)[0], proper(*args)[0]))
    assert wrong() > 0


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


# ---- how searches end -----------------------------------------------------------------------------------------------


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


def test_a_budget_of_no_boxes_is_refused():
    for ask in (ss.bounds, lambda *args, **given: ss.prove(*args, at_least=0, **given)):
        with pytest.raises(ss.errors.ArgumentError, match="budget: expected at least 1 box, got 0"):
            ask(squares, np.ones(2), vary={"x": ss.ball(1)}, budget=0)


def test_a_kink_of_no_elements_is_not_split():
    found = ss.bounds(
        lambda x: ss.exp(ss.sum(ss.maximum(x, -x))), np.zeros((0,)), vary={"x": ss.ball(1)}, method="subdivide"
    )
    assert found.lower <= 1 <= found.upper
