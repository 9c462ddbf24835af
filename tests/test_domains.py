"""The edges of domains: what is outside is refused, what may be inside is not known yet; guards work per element."""

import contextlib
from fractions import Fraction

import numpy as np
import pytest
from conftest import CONTEXTS, ENCLOSING

import scalarspec as ss
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.linear import LinearBounds
from scalarspec.core.domains import leniently
from scalarspec.errors import DivisionByZero, DomainError, DomainUndecided

INF = float("inf")

EDGES = [
    # function, a box across the edge of its domain, the part of its range that exists, and a box outside
    (ss.log, (-1, 1), (-INF, 0), (-2, -1)),
    (ss.log, (0, 1), (-INF, 0), (0, 0)),
    (ss.log1p, (-3, 0), (-INF, 0), (-3, -1)),
    (ss.sqrt, (-1, 4), (0, 2), (-4, -1)),
    (lambda x: x ** Fraction(1, 2), (-1, 4), (0, 2), (-4, -1)),
    (lambda x: x ** Fraction(-1, 2), (0, 4), (Fraction(1, 2), INF), (-4, -1)),
]


@pytest.mark.parametrize("name", ENCLOSING)
@pytest.mark.parametrize(("function", "across", "values", "outside"), EDGES)
def test_a_box_across_an_edge_is_not_known_to_be_outside(name, function, across, values, outside):
    context = CONTEXTS[name]
    if name == "arb":
        pytest.skip("an interval context from elsewhere, which refuses both alike")
    with pytest.raises(DomainUndecided, match="bits"):
        function(context.box([across[0]], [across[1]]))
    with leniently() as notes:
        found = function(context.box([across[0], 1], [across[1], 1]))
    low, high = (end.tolist()[0] for end in ss.endpoints(found))
    assert low <= values[0]
    assert values[1] <= high
    assert next(note.where.tolist() for note in notes) in ([True, False], True)
    with pytest.raises(DomainError) as caught:
        function(context.box([outside[0]], [outside[1]]))
    assert not isinstance(caught.value, DomainUndecided)


GUARDED = [
    # a spec of rows, arguments of which some do not take the branch, and the right values
    (lambda x: ss.where(x > 0, lambda: 1 / x, 0), [0, 2, -4], [0, Fraction(1, 2), 0]),
    (lambda x: ss.where(x <= 0, 0, lambda: 1 / x), [0, 2, -4], [0, Fraction(1, 2), 0]),
    (lambda x: ss.where(x > 0, lambda: ss.sqrt(x), -x), [4, -1, 0], [2, 1, 0]),
    (lambda x: ss.where(x > 0, lambda: x * ss.log(x), 0), [0, 1, -1], [0, 0, 0]),
    (lambda x: ss.where(x > -1, lambda: ss.log1p(x), 7), [0, -1, -3], [0, 7, 7]),
    (lambda x: ss.where(ss.equal(x, 0), 1, lambda: x ** (-1)), [0, 2, -4], [1, Fraction(1, 2), Fraction(-1, 4)]),
    (lambda x: ss.where((x > 0) & (x < 3), lambda: 1 / (x * (3 - x)), 5), [0, 1, 3], [5, Fraction(1, 2), 5]),
    (
        lambda x: ss.where(x >= 0, lambda: ss.where(x > 0, lambda: 1 / x, 9), lambda: ss.sqrt(-x)),
        [0, -4, 2],
        [9, 2, Fraction(1, 2)],
    ),
    (lambda x: ss.where(x > 0, lambda: ss.stack([1 / x[i] for i in range(3)]), 0), [1, 2, 4], [1, 0.5, 0.25]),
]


@pytest.mark.parametrize(("spec", "x", "values"), GUARDED)
@pytest.mark.parametrize("name", [*CONTEXTS, "rounding"])
def test_guards_work_per_element(name, spec, x, values):
    context = CONTEXTS.get(name) or ss.context(name)
    if name in ("symbolic", "arb"):
        pytest.skip("neither has a value that stands for none")
    found = spec(context.tensor(x))
    if context.exact or context.encloses:
        low, high = ss.endpoints(found)
        assert all(a <= v <= b for a, v, b in zip(low, map(Fraction, values), high, strict=True))
        assert max(high - low) < Fraction(1, 10**4)
    else:
        assert found.tolist() == [float(v) for v in values]


@pytest.mark.parametrize("name", ["rational", "interval", "interval64", "rounding"])
def test_guards_hide_nothing_that_is_asked_for(name):
    x = ss.context(name).tensor([0, 4, -4])
    for spec in (
        lambda: ss.where(x >= 0, lambda: 1 / x, 0),
        lambda: ss.where(x > 0, lambda: 1 / (x - x), 0),
        lambda: ss.where(x > 0, lambda: ss.sum(x) / (x[0] - 0), 0),
    ):
        with pytest.raises(DivisionByZero):
            ss.endpoints(spec())
    with pytest.raises(DomainError):
        ss.where(x > -5, lambda: ss.sqrt(x), 0)


def mixing(x):
    """In the branch that 4 takes, 1/0 counts as well."""
    return ss.where(x > 0, lambda: x / ss.sum(1 / x), 0)


def test_what_was_let_pass_does_not_become_a_value():
    with pytest.raises(DivisionByZero):
        mixing(ss.context("rational").tensor([0, 4, -4]))
    for name in ("interval", "interval64"):
        low, high = ss.endpoints(mixing(ss.context(name).tensor([0, 4, -4])))
        assert (low[1], high[1]) == (-INF, INF)


def test_gradients_of_guards():
    """1/x where x > 0, else 0."""
    for name in ("rational", "interval", "interval64", "float64"):
        slopes = ss.grad(lambda x: ss.sum(ss.where(x > 0, lambda: 1 / x, 0)))(ss.context(name).tensor([-1, 2, 1]))
        if name == "float64":
            assert slopes.tolist() == [0, -0.25, -1]
            continue
        low, high = ss.endpoints(slopes)
        assert all(a <= v <= b for a, v, b in zip(low, (0, Fraction(-1, 4), -1), high, strict=True))
        assert max(high - low) < Fraction(1, 10**10)


def entropy(q):
    return ss.sum(ss.where(q > 0, lambda: q * ss.log(q), 0))


@pytest.mark.parametrize("method", ["interval", "linear", "mean-value", "subdivide", "auto"])
def test_bounds_of_guards(method):
    rows = ss.bounds(entropy, [0.0, 0.5], vary={"q": ss.box([0, "0.25"], [0, "0.75"])}, method=method)
    assert rows.lower <= Fraction(-367879441171442322, 10**18)  # -1/e, at 1/e
    assert Fraction(-215761554338835684, 10**18) <= rows.upper < 0  # 3/4 log 3/4
    whole = ss.bounds(entropy, [0.0, 0.5], vary={"q": ss.box([0, 0], [1, 1])}, method=method)
    assert whole.lower == -INF
    assert 0 <= whole.upper < Fraction(1, 10**9)
    assert not whole.partly


def test_the_other_jobs_of_guards():
    assert ss.tolerance(entropy, [0.0, 0.5], vary={"q": ss.ball(0)}).absolute < 1e-14
    assert ss.crosscheck(entropy, [0.0, 0.5], actual=0.5 * np.log(0.5)).ulps[1] < 2
    quick = ss.prepare(entropy, [0.0, 0.5], inputs="q", backend="interval64")
    low, high = ss.endpoints(quick([0.5, 0]))
    assert low.item() <= Fraction(-34657359027997265, 10**17) <= high.item()
    rows = ss.context("interval64").tensor([[0, 0.5], [0.5, 0]])
    slopes = ss.prepare(ss.grad(entropy), [0.0, 0.5], inputs="q")
    assert slopes([0.5, 1]).tolist() == ss.grad(entropy)(ss.context("float64").tensor([0.5, 1])).tolist()
    assert slopes([-1, 1]).tolist() == [0, 1]
    found = ss.endpoints(ss.batched(entropy, "q")(rows))
    assert all(low <= Fraction(-34657359027997265, 10**17) <= high for low, high in zip(*found, strict=True))


PARTLY = [
    # a spec, and may there be points at which it has no value, for x in [-1, 1]²?
    (entropy, False),
    (lambda x: ss.sum(ss.where(x >= 0, lambda: ss.log(x), x)), True),
    (lambda x: ss.sum(ss.where(x > -1, lambda: ss.log1p(x), x)), False),
    (lambda x: ss.where(x[0] > 0, lambda: ss.sqrt(x[1]), 0), True),
    (lambda x: ss.sum(ss.where(x < 0, 0, lambda: ss.sqrt(x))), False),
    (lambda x: ss.sum(ss.where(~(x > 0), 0, lambda: ss.log(x))), False),
    (lambda x: ss.sum(ss.where((x > 0) & (x < 1), lambda: ss.log(x * (1 - x)), 0)), True),
    (lambda x: ss.sum(ss.where((x > 0) & (x < 1), lambda: ss.log(x) + ss.log1p(-x), 0)), True),
    (lambda x: ss.sum(ss.sqrt(x * ss.sum(x))), True),
    (lambda x: ss.sum(ss.sqrt(x + 2)), False),
]


@pytest.mark.parametrize(("spec", "partly"), PARTLY)
def test_what_a_guard_says_of_its_branch(spec, partly):
    name = "q" if spec is entropy else "x"
    domain = Domain(spec, {name: np.zeros(2)}, {name: ss.ball(1)})
    linear = LinearBounds(domain.plan, domain.floats, domain.balls)
    linear.bounds()
    assert linear.state.partly.tolist() == [partly]


# ---- in the jobs ----------------------------------------------------------------------------------------------------


def unlikely(x):
    """log(1 - σ(x)): at 60 the difference has no digit of float64's."""
    return ss.log(1 - ss.sigmoid(x))


def distance(x):
    """√((x₀ - x₁)²), written out, so that enclosures of what is under the root reach below 0."""
    return ss.sqrt(x[0] * x[0] - 2 * x[0] * x[1] + x[1] * x[1])


def test_what_is_not_known_at_53_bits_is_asked_at_more():
    found = ss.bounds(unlikely, 60.0, vary={"x": ss.ball(1)})
    assert -61.001 < found.lower <= -61 < -59 <= found.upper < -58.999
    assert not found.partly
    assert ss.prove(lambda x: unlikely(x) <= "-58.9", 60.0, vary={"x": ss.ball(1)}).status == "proved"
    for actual in (-60.0, np.float32(-60)):
        assert ss.crosscheck(unlikely, 60.0, actual=actual).ulps[1] < 1
    assert "log" in str(ss.crosscheck(unlikely, 60.0, actual=-60.0))


def test_what_may_have_no_value_is_said():
    found = ss.bounds(distance, [0.0, 1.0], vary={"x": ss.ball(2)})
    assert (found.lower, found.upper) == (0, 5)
    assert "sqrt" in found.partly
    assert "wherever there is a value" in str(found)
    proof = ss.prove(lambda x: distance(x) <= 6, [0.0, 1.0], vary={"x": ss.ball(2)}, budget=8)
    assert proof.status == "undecided"
    bound = ss.tolerance(unlikely, 60.0, vary={"x": ss.ball(1)})
    assert bound.absolute == INF
    assert "log" in bound.partly


@pytest.mark.parametrize("method", ["auto", "interval", "mean-value", "linear", "subdivide"])
def test_what_surely_has_no_value_somewhere_is_refused(method):
    with pytest.raises(DomainError, match=r"log\(\[-0.5, -0.5\]\)"):
        ss.bounds(ss.log, 0.5, vary={"x": ss.ball(1)}, method=method)


def test_proofs_and_tolerances_of_what_surely_has_no_value_somewhere():
    with pytest.raises(DomainError):
        ss.prove(lambda x: ss.log(x) <= 5, 0.5, vary={"x": ss.ball(1)})
    with pytest.raises(DomainError):
        ss.tolerance(ss.log, 0.5, vary={"x": ss.ball(1)})


def test_a_guard_that_says_nothing_of_its_branch_is_no_proof():
    """At y > 0 and x < 0 there is no value."""
    args, vary = ([1.0, 1.0],), {"z": ss.box([-1, "0.5"], [1, 1])}
    with pytest.raises(DomainError):
        ss.prove(lambda z: ss.where(z[1] > 0, lambda: ss.sqrt(z[0]), 0) <= 2, *args, vary=vary)
    vary = {"z": ss.box([-1, -1], [2, 1])}
    claim = lambda z: ss.where(z[1] > "0.6", lambda: ss.sqrt(z[0]), 0) <= 2  # noqa: E731
    with contextlib.suppress(DomainError):
        assert ss.prove(claim, *args, vary=vary, budget=8).status != "proved"
    assert ss.prove(lambda z: entropy(z) <= 1, *args, vary={"z": ss.box([0, 0], [1, 1])}).status == "proved"


def test_a_float_that_may_have_no_value_has_no_bound():
    """√x for x >= 1e-20, where float32's x - 1 + 1 is off by 6e-8."""
    guarded = lambda x, y: ss.where(y > 0, lambda: ss.sqrt(x - 1 + 1), 0)  # noqa: E731
    box = {"x": ss.box("1e-9", 1), "y": ss.box(-1, 1)}
    assert ss.tolerance(guarded, 0.5, 1.0, vary=box, dtype="float32").absolute == INF


def test_a_branch_that_no_point_takes_leaves_the_box_as_it_is():
    """x (1 - x) never exceeds 1/4, though an enclosure reaches 1: what the branch says of it is about no point."""

    def spec(x):
        y = x * (1 - x)
        return ss.where(y > "0.5", lambda: ss.square(y), 3)

    for method in ("interval", "linear", "subdivide"):
        found = ss.bounds(spec, 0.5, vary={"x": ss.ball("0.5")}, method=method)
        assert found.lower <= 3 <= found.upper
    assert ss.prove(lambda x: spec(x) <= 1, 0.5, vary={"x": ss.ball("0.5")}).status == "refuted"


def test_generated_programs_of_guards_have_gradients_everywhere():
    text = ss.derive(lambda x: ss.where(x > 0, lambda: ss.sqrt(x) * ss.log(x), 0), ss.Scalar).python(wrt="x")
    names: dict = {}
    exec(text, names)
    assert [names["spec"](x) for x in (-1.0, 0.0, 1.0)] == [(0, 0), (0, 0), (0, 1)]


def test_whole_numbers_among_exponents_take_negative_bases():
    """(-1)¹ is -1, though (-1)^1.5 has no value; and (-2)² is 4."""
    power = lambda x, y: x**y  # noqa: E731
    found = ss.bounds(power, 0.0, 2.0, vary={"x": ss.ball(1), "y": ss.ball(1)})
    assert found.lower <= -1
    assert found.upper >= 1
    assert found.partly
    for name in ("interval", "interval64"):
        context = ss.context(name)
        with pytest.raises(DomainUndecided):
            context.box(-2, -1) ** context.box(1, 3)
        with leniently():
            low, high = (end.item() for end in ss.endpoints(context.box(-2, -1) ** context.box(1, 3)))
            assert low <= -8 < 4 <= high
            low, high = (end.item() for end in ss.endpoints(context.box(-2, 1) ** context.box("1.25", "1.75")))
            assert low == 0
            low, high = (end.item() for end in ss.endpoints(context.box(-2, 1) ** context.box(-1, 1)))
            assert (low, high) == (-INF, INF)


# ---- poles ----------------------------------------------------------------------------------------------------------

NEAR_0 = {"x": ss.box(-1, 1)}
WITH_POLES = [
    lambda x: 1 / ss.square(x),
    lambda x: ss.square(x) ** -1,
    lambda x: ss.reciprocal(ss.square(x)),
    lambda x: 1 / ss.sqrt(ss.square(x)),
    lambda x: 1 + ss.square(ss.tan(2 * x)),
    lambda x: ss.where(x >= 0, lambda: 1 / ss.square(x), 1),
    lambda x: 1 + 0 / x,
]


@pytest.mark.parametrize("spec", WITH_POLES)
def test_what_has_no_value_at_a_point_is_not_proved_there(spec):
    assert ss.prove(spec, Fraction(1, 3), vary=NEAR_0, at_least="1/2").status == "undecided"
    assert ss.bounds(spec, Fraction(1, 3), vary=NEAR_0).partly
    elsewhere = {"x": ss.box("1/4", "1/3")}
    assert ss.prove(spec, Fraction(1, 3), vary=elsewhere, at_least="1/2").status == "proved"
    assert not ss.bounds(spec, Fraction(1, 3), vary=elsewhere).partly


def test_a_pole_that_no_point_of_a_branch_meets_is_none():
    def spec(x):
        return ss.where(x > 0, lambda: ss.minimum(1 / x, 2), 1)

    assert not ss.bounds(spec, Fraction(1, 3), vary=NEAR_0).partly


def test_a_divisor_whose_range_alone_holds_0_has_no_pole():
    def spec(x):
        return 1 / (x * x - x + 1)

    assert ss.prove(spec, Fraction(1, 2), vary={"x": ss.box(0, 1)}, at_most=4).status == "proved"


def test_rows_are_told_apart():
    rows = np.array([0.5, 2.0, 0.25])
    found = ss.prove(lambda x: 1 / ss.square(x), rows, vary={"x": ss.ball("1/3")}, over="x", at_least="1/8", budget=8)
    assert [proof.status for proof in found] == ["proved", "proved", "undecided"]
