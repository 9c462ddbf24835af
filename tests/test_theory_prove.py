"""The provers on specs of one's own: equality, sign, monotonicity."""

import functools
import random
import re
from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS
from specs import POLYNOMIAL, rationals

import scalarspec as ss
from scalarspec.errors import ArgumentError, ShapeError, UnknownName
from scalarspec.theory import Opaque, prove_equal, prove_monotone, prove_nonnegative

kl = ss.latent.diagonal_gaussian_kl_to_standard

V, M = ss.Dim(3), ss.Shape((2, 3))

INF = float("inf")


# ---- equality -------------------------------------------------------------------------------------------------------

EQUALITIES = {
    "mse, turned round": (ss.loss.mse, lambda x, y: ss.loss.mse(y, x), (V, V)),
    "squares": (lambda x, y: ss.square(x + y), lambda x, y: x * x + 2 * x * y + y * y, (V, V)),
    "linearity": (lambda w, x, y: w @ (2 * x - y), lambda w, x, y: 2 * (w @ x) - w @ y, (M, V, V)),
    "transpose": (lambda w, g: g @ w, lambda w, g: ss.matrix_transpose(w) @ g, (M, ss.Dim(2))),
    "exp": (lambda x: ss.exp(x) * ss.exp(-x / 2) ** 2, lambda x: 1 + 0 * x, (V,)),
    "sigmoid": (ss.sigmoid, lambda x: 1 / (1 + ss.exp(-x)), (V,)),
    "expm1mx": (ss.expm1mx, lambda x: ss.exp(x) - 1 - x, (V,)),
    "relu": (ss.relu, lambda x: ss.maximum(0, x), (V,)),
    "tanh'": (ss.grad(lambda x: ss.sum(ss.tanh(x))), lambda x: 1 - ss.square(ss.tanh(x)), (V,)),
    "sums": (lambda x, y: ss.mean(2 * x - y), lambda x, y: (2 * ss.sum(x) - ss.sum(y)) / len(x), (V, V)),
    "dot": (ss.dot, lambda x, y: ss.sum(y * x), (V, V)),
    "index": (lambda x: (x * x)[0], lambda x: ss.square(x[0]), (V,)),
    "where": (lambda x: ss.heaviside(x) ** 2, ss.heaviside, (V,)),
    "log": (lambda x: ss.log(ss.exp(x)), lambda x: x, (V,)),
    "affine": (lambda w, x, b: ss.affine(w, x, b), lambda w, x, b: b + w @ x, (M, V, ss.Dim(2))),
}


@pytest.mark.parametrize("name", EQUALITIES)
def test_equal(name):
    lhs, rhs, args = EQUALITIES[name]
    assert prove_equal(lhs, rhs, *args).status == "proved"
    wrong = prove_equal(lhs, lambda *a: rhs(*a) + "1/1000000", *args)
    assert wrong.status == "refuted"
    assert wrong.witness["lhs"] != wrong.witness["rhs"]


def test_a_proof_for_one_size_only():
    found = prove_equal(lambda x: ss.sum(x) / 3, ss.mean, V)
    assert (found.status, found.scope) == ("proved", "the given sizes")
    assert prove_equal(lambda x: ss.sum(x) / 3, ss.mean, ss.Dim(4)).status == "refuted"


def test_hypotheses_are_used_and_needed():
    def difference(x, y, z):
        return ss.loss.mse(x, y) - z

    args = (V, V, ss.Scalar)
    found = prove_equal(lambda x, y, z: 3 * ss.loss.mse(x, y), lambda x, y, z: 3 * z, *args, given=[difference])
    assert (found.status, found.method) == ("proved", "structural identity, 1 hypothesis used")
    assert prove_equal(lambda x, y, z: 3 * ss.loss.mse(x, y), lambda x, y, z: 3 * z, *args).status == "refuted"
    doubtful = prove_equal(
        lambda x, y, z: ss.exp(x), lambda x, y, z: ss.exp(y), *args, given=[lambda x, y, z: ss.sum(x)]
    )
    assert doubtful.status == "refuted"  # at x = 0 the hypothesis holds, and y is another


def test_what_is_true_but_not_by_normal_form_is_undecided():
    found = prove_equal(lambda x: ss.square(ss.sin(x)) + ss.square(ss.cos(x)), lambda x: 1 + 0 * x, ss.Scalar)
    assert found.status == "undecided"


def test_equality_of_specs_with_data_and_opaque_maps():
    weight = np.array([[0.1, 0.2], [0.3, 0.4]])
    decode = Opaque("decode", 4)
    found = prove_equal(
        lambda w, f, x: f(w @ x), lambda w, f, x: f(x[0] * w[:, 0] + x[1] * w[:, 1]), weight, decode, ss.Dim(2)
    )
    assert found.status == "undecided"  # it is true, and no normal form of ours
    assert prove_equal(lambda f, x: f(x + x), lambda f, x: f(2 * x), decode, V).scope == "any sizes"
    assert prove_equal(lambda f, x: f(x), lambda f, x: f(-x), decode, V).status == "refuted"


def test_two_things_of_one_name_are_not_taken_for_one():
    with pytest.raises(ArgumentError, match="two maps are called 'f'"):
        prove_equal(lambda f, g, x: f(x), lambda f, g, x: g(x), Opaque("f", 2), Opaque("f", 2), V)
    same = Opaque("f", 2)
    assert prove_equal(lambda f, g, x: f(x), lambda f, g, x: g(x), same, same, V).status == "proved"
    shapes = {"a": ss.Scalar, "b": ss.Scalar}  # one object, two variables
    assert prove_equal(lambda p: p["a"], lambda p: p["b"], shapes).status == "refuted"
    with pytest.raises(ArgumentError, match=r"'p.a.c_d' and 'p.b.c-d' would both be called c_d; rename one"):
        prove_equal(lambda p: p["a"], lambda p: p["b"], {"a": {"c_d": ss.Scalar}, "b": {"c-d": ss.Scalar}})


def test_shapes_that_differ():
    assert prove_equal(lambda x: x, lambda x: ss.sum(x), V).status == "refuted"
    with pytest.raises(ShapeError):
        prove_equal(lambda x, y: x + y, lambda x, y: y + x, V, ss.Dim(2))


ALTERNATIVES = {
    "square": lambda a: a * a,
    "relu": lambda a: ss.maximum(0, a),
    "half": lambda a: (3 * a + 2) / 6,
    "reciprocal": lambda a: ss.reciprocal(1 + a * a),
    "turned": lambda a: ss.stack([a[2], a[0], a[1]]) + 0,
    "mixed": lambda a: a * ss.mean_square(a) * "3/7",
    "mean": lambda a: a - (a[0] + a[1] + a[2]) / 3,
    "norm": lambda a: a * ss.mean(a * a),
    "layer": lambda a: ss.matmul([[1, -2, 3], [0, 1, "1/2"], [2, 2, -1]], a) + ss.stack([1, 0 * a[0], -1]),
}
WRONG = {
    "square": lambda a: a * ss.abs(a),
    "relu": ss.abs,
    "half": lambda a: a / 2 + "1/2",
    "reciprocal": lambda a: 1 / (2 + ss.square(a)),
    "turned": lambda a: ss.stack([a[2], a[1], a[0]]),
    "mean": lambda a: a - ss.sum(a),
    "norm": lambda a: a * ss.mean(a),
    "choice": lambda a: ss.where(a > "1/4", a * a, 1 - a),
    "largest": lambda a: ss.minimum(a, ss.reshape(a, (3, 1))[:, 0] / 2),
}


def chained(steps):
    def spec(x, y):
        for step in steps:
            x = step(x) + y * x
        return x

    return spec


@pytest.mark.parametrize("seed", range(40))
def test_a_proof_of_equality_holds_at_every_point_and_a_refutation_is_no_error(seed, rational):
    """Random chains of operations, some written in another way, some wrongly."""
    source = random.Random(seed)
    names = [source.choice(sorted(POLYNOMIAL)) for _ in range(source.randrange(1, 4))]
    other = [ALTERNATIVES.get(name, POLYNOMIAL[name]) for name in names]
    wrong = seed % 2 == 1
    if wrong:
        at = source.randrange(len(names))
        other[at] = WRONG.get(names[at], lambda a: a + "1/7")
    lhs, rhs = chained([POLYNOMIAL[name] for name in names]), chained(other)
    found = prove_equal(lhs, rhs, V, V)
    points = [[rational.tensor(rationals(source)) for _ in range(2)] for _ in range(10)]
    equal = all(bool((lhs(*p) == rhs(*p)).all()) for p in points)
    assert found.status != "proved" or equal
    assert found.status != "refuted" or wrong
    assert found.status == "refuted" or equal
    if found.status == "refuted":
        witness = [rational.tensor(found.witness[name]) for name in ("x", "y")]
        assert not bool((lhs(*witness) == rhs(*witness)).all())


# ---- sign -----------------------------------------------------------------------------------------------------------

NONNEGATIVE = {
    "a square": (lambda x, y: ss.square(x - y), (ss.Scalar, ss.Scalar), {}, "convexity|Taylor"),
    "a loss": (ss.loss.mse, (V, V), {}, "convexity"),
    "exp": (lambda x: ss.exp(x) - 1 - x, (ss.Scalar,), {}, "Taylor"),
    "with a shift": (lambda x: ss.exp(x - 2) - x + 1, (ss.Scalar,), {}, "Taylor"),
    "bernoulli": (lambda x: (1 + x) ** 4 - 1 - 4 * x, (ss.Scalar,), {"x": ss.box(-1, 3)}, "prune"),
    "a product": (lambda x, y: x * y, (ss.Scalar, ss.Scalar), {"x": ss.box(0, 1), "y": ss.box(0, INF)}, "interval"),
    "sine": (lambda x: ss.sin(x) - x / 2, (ss.Scalar,), {"x": ss.box(0, 1)}, "branch-and-prune"),
    "two minima": (lambda x: ss.square(x * x - 1) + "1/100", (ss.Scalar,), {"x": ss.box(-2, 2)}, "interval|prune"),
    "not convex": (
        lambda x, y: ss.square(x * y) - x * y + ss.exp(x * y), (ss.Scalar, ss.Scalar),
        {"x": ss.box(-2, 2), "y": ss.box(-2, 2)}, "branch-and-prune",
    ),
    "relu": (lambda x: ss.relu(x) - x / 2 + "1/2", (ss.Scalar,), {"x": ss.box(-1, 1)}, "interval|prune"),
    "softplus": (lambda x: ss.softplus(x) - ss.relu(x), (ss.Scalar,), {"x": ss.box(-3, 3)}, "prune|interval"),
    "tanh": (lambda x: x - ss.tanh(x), (ss.Scalar,), {"x": ss.box("1/10", 3)}, "prune"),
    "opaque": (lambda f, x: ss.mean_square(f(x)), (Opaque("f", 4), V), {}, "interval"),
}  # fmt: skip


@pytest.mark.parametrize("name", NONNEGATIVE)
def test_nonnegative(name):
    spec, args, over, method = NONNEGATIVE[name]
    found = prove_nonnegative(spec, *args, over=over)
    assert (found.status, bool(re.search(method, found.method))) == ("proved", True)
    assert found.seconds < 10
    lowered = functools.wraps(spec)(lambda *a: spec(*a) - 3)
    assert prove_nonnegative(lowered, *args, over=over).status == "refuted"


@pytest.mark.parametrize(
    "spec",
    [
        lambda x: -ss.relu(x),  # f′ = 0 at -1 and f″ = 0 everywhere, by grad's conventions
        lambda x: -ss.abs(x),
        lambda x: -ss.square(ss.relu(x)),
        lambda x: -ss.heaviside(x - 5),
        lambda x: -ss.where(x > 5, x, 0),
        lambda x: ss.square(x) + 1 / (x - 20) + 1,  # convex on each side of a pole
        lambda x: -ss.maximum(x - 5, 2 * (x - 5) - (x - 5)),
        lambda x: -ss.square(x - 3) + "1/1000000" * ss.square(ss.square(x - 3)),
    ],
)
def test_what_kinks_steps_and_poles_hide_is_not_proved(spec):
    assert prove_nonnegative(spec, ss.Scalar).status != "proved"
    assert prove_nonnegative(spec, ss.Scalar, over={"x": ss.box(-100, 100)}).status != "proved"


def test_zero_there_and_nowhere_else():
    assert prove_nonnegative(kl, V, V, zero={"mu": 0, "logvar": 0}).status == "proved"
    assert prove_nonnegative(lambda x: ss.square(x - 2), ss.Scalar, zero={"x": 2}).status == "proved"
    assert prove_nonnegative(lambda x: ss.square(x - 2), ss.Scalar, zero={"x": 1}).status == "refuted"
    assert prove_nonnegative(lambda x: ss.square(x) + 1, ss.Scalar, zero={"x": 0}).status == "refuted"
    # ss.square(x - y) is 0 on a line, of which no point that is tried but x = y is needed
    assert (
        prove_nonnegative(lambda x, y: ss.square(x - y), ss.Scalar, ss.Scalar, zero={"x": 0, "y": 0}).status
        == "refuted"
    )
    # y does not occur: 0 at x = 0 for every y
    unused = prove_nonnegative(lambda x, y: ss.square(x) + 0 * y, ss.Scalar, ss.Scalar, zero={"x": 0, "y": 0})
    assert unused.status == "refuted"
    # the zero lies outside of the region
    outside = prove_nonnegative(lambda x: ss.square(x), ss.Scalar, over={"x": ss.box(1, 2)}, zero={"x": 0})
    assert outside.status != "proved"
    with pytest.raises(UnknownName, match="zero: expected a value for each of mu, logvar, got mu"):
        prove_nonnegative(kl, V, V, zero={"mu": 0})


PIECES = {
    "x": lambda x, y: x,
    "y": lambda x, y: y,
    "xy": lambda x, y: x * y,
    "exp": lambda x, y: ss.exp(x / 2),
    "sin": lambda x, y: ss.sin(x + y),
    "square": lambda x, y: ss.square(x - y),
    "relu": lambda x, y: ss.relu(x + y / 2),
    "abs": lambda x, y: ss.abs(y - 1),
    "tanh": lambda x, y: ss.tanh(2 * y),
    "quartic": lambda x, y: ss.square(ss.square(y)),
    "quotient": lambda x, y: 1 / (1 + ss.square(x)),
    "one": lambda x, y: 1 + 0 * x,
}


@pytest.mark.parametrize("seed", range(40))
def test_what_is_proved_of_random_functions_holds_at_random_points(seed):
    """On [-2, 2]²: sums of such pieces, near their least value so that it is close."""
    source = random.Random(seed)
    names = [source.choice(sorted(PIECES)) for _ in range(source.randrange(2, 5))]
    weights = [source.randint(-6, 6) for _ in names]

    def spec(x, y, shift):
        total = 0 * x + shift
        for name, weight in zip(names, weights, strict=True):
            total = total + weight * PIECES[name](x, y)
        return total

    float64, rng = CONTEXTS["float64"], np.random.default_rng(seed)
    grid = rng.uniform(-2, 2, (2, 3000))
    grid[:, :400] = np.round(grid[:, :400])  # corners and kinks
    values = np.asarray(ss.batched(lambda x, y: spec(x, y, 0), over=("x", "y"))(*(float64.tensor(g) for g in grid)))
    over = {"x": ss.box(-2, 2), "y": ss.box(-2, 2)}
    for slack, possible in ((Fraction(1, 2), {"proved", "undecided"}), (Fraction(-1, 100), {"refuted", "undecided"})):
        shift = Fraction(-values.min()).limit_denominator(10**6) + slack
        found = prove_nonnegative(lambda x, y, s=shift: spec(x, y, s), ss.Scalar, ss.Scalar, over=over)
        least = values.min() + float(shift)
        assert found.status in possible or (found.status == "refuted" and slack > 0 and least > 0.2)
        if found.status == "refuted":
            point = [CONTEXTS["interval113"].tensor(found.witness[name]) for name in ("x", "y")]
            assert ss.endpoints(spec(*point, shift))[1] < 0
    rising = prove_monotone(lambda x, y: spec(x, y, 0), "x", ss.Scalar, ss.Scalar, over=over)
    moved = np.minimum(grid[0] + 0.05, 2)
    higher = np.asarray(
        ss.batched(lambda x, y: spec(x, y, 0), over=("x", "y"))(float64.tensor(moved), float64.tensor(grid[1]))
    )
    if rising.status == "proved":
        assert np.all(higher - values >= -1e-9)
    elif np.any(higher - values < -1e-3) and not {"relu"} & set(names):
        assert rising.status in ("refuted", "undecided")


# ---- monotonicity ---------------------------------------------------------------------------------------------------


def test_monotone():
    assert prove_monotone(lambda b, r: b * ss.square(r), "b", ss.Scalar, ss.Scalar).status == "proved"
    assert prove_monotone(ss.tanh, "x", ss.Scalar, over={"x": ss.box(-3, 3)}).status == "proved"
    assert prove_monotone(ss.sigmoid, "x", ss.Scalar).status == "proved"
    assert prove_monotone(ss.relu, "x", ss.Scalar).status == "proved"
    found = prove_monotone(lambda x: ss.square(x), "x", ss.Scalar)
    (left, right), (above, below) = found.witness["x"], found.witness["values"]
    assert (found.status, left < right, left**2 == above > below == right**2) == ("refuted", True, True)
    assert prove_monotone(lambda x: ss.square(x), "x", ss.Scalar, over={"x": ss.box(0, INF)}).status == "proved"


def test_a_kink_refutes_nothing():
    """At 0 the conventions say -1/2; the function is x / 2, and so says its gradient."""
    spec = lambda x: ss.relu(x) - ss.relu(-x) - x / 2  # noqa: E731
    assert ss.grad(spec, at_kinks="convention")(CONTEXTS["rational"].tensor(0)).item() == Fraction(-1, 2)
    assert ss.grad(spec)(CONTEXTS["rational"].tensor(0)).item() == Fraction(1, 2)
    assert prove_monotone(spec, "x", ss.Scalar).status != "refuted"


@pytest.mark.parametrize(
    "spec",
    [
        lambda x: -ss.heaviside(x),
        lambda x: -ss.sign(x),
        lambda x: -1 / x,
        lambda x: ss.where(x > 0, -1, 1) + 0 * x,
        lambda x: -ss.maximum(x, 2 * x - x),
        lambda x: -ss.clip(x, x, 10),
        lambda x: ss.log(ss.square(x)),
    ],
)
def test_a_derivative_that_does_not_tell_proves_nothing(spec):
    assert prove_monotone(spec, "x", ss.Scalar).status != "proved"


def test_monotone_in_a_number_only():
    with pytest.raises(ArgumentError, match=r"name: expected a variable of shape \(\), of b; got 'x'"):
        prove_monotone(lambda b, x: b * ss.sum(x), "x", ss.Scalar, V)
    with pytest.raises(UnknownName, match="has no parameter 'c'"):
        prove_nonnegative(lambda b: b, ss.Scalar, over={"c": ss.ball(1)})
    with pytest.raises(ArgumentError, match="over: 'b' is no variable; there are x"):
        prove_nonnegative(lambda b, x: b * x, 2, ss.Scalar, over={"b": ss.ball(1)})
    with pytest.raises(ShapeError, match=r"expected shape \(\), got \(3,\)"):
        prove_nonnegative(lambda x: x, V)


# ---- branches -------------------------------------------------------------------------------------------------------


def with_branch(x):
    return x if x > 0 else -x


BRANCHES = {
    "one": with_branch,
    "all": lambda x: x if (ss.stack([x]) > 0).all() else -x,
    "not": lambda x: -x if not x > 0 else x,
}


@pytest.mark.parametrize("spec", BRANCHES.values(), ids=BRANCHES)
def test_a_branch_on_a_variable_is_never_taken(spec):
    assert prove_monotone(spec, "x", ss.Scalar).status != "proved"
    assert prove_nonnegative(lambda x: spec(x) + 1, ss.Scalar).status != "refuted"
    assert prove_equal(spec, lambda x: x, ss.Scalar).status != "proved"
    assert prove_monotone(lambda x: 2 * x if x > 0 else x, "x", ss.Scalar).status != "refuted"


@pytest.mark.parametrize(
    ("side", "told"),
    [(lambda x: 0.1 * x + 5, "NotExact: 0.1"), (lambda x: float(x) + 1, "NotSupported: float"),
     (lambda x: ss.sqrt(0 * x - 1), "DomainError: sqrt")],
)  # fmt: skip
def test_a_side_that_has_no_value_anywhere_is_told_to_have_none(side, told):
    verdicts = [ss.theory.prove_equal(ss.exp, side, ss.Scalar), ss.theory.prove_nonnegative(side, ss.Scalar)]
    assert all(verdict.status == "undecided" and told in str(verdict) for verdict in verdicts)
    assert "no value was had" not in str(ss.theory.prove_nonnegative(lambda x: ss.exp(x) - ss.expm1(x) - 1, ss.Scalar))
