"""One evaluation of a large spec: by many floats at a time, where these find ends; else as a small spec's is."""

from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding import methods
from scalarspec.bounding.domain import Domain
from scalarspec.core.closures import seen_by
from scalarspec.errors import DomainError
from scalarspec.numbers.exact import difference_ends, float_above, float_below

RNG = np.random.default_rng(0)
WEIGHT, BIAS, X = RNG.normal(size=(40, 30)), RNG.normal(size=40), RNG.normal(size=30)
FINER = ss.context("interval", prec=54)


def network(weight, bias, x):
    return ss.sum(ss.tanh(ss.affine(weight, x, bias)))


def seen(x):
    """The same, with weights beside its arguments."""
    return network(WEIGHT, BIAS, x)


def in_floats(monkeypatch):
    """What the evaluations in floats give, as they come: None for those that found nothing."""
    found, real = [], methods._in_floats
    monkeypatch.setattr(methods, "_in_floats", lambda *args: found.append(real(*args)) or found[-1])
    return found


def is_float(end):
    return Fraction(float(end)) == end


@pytest.mark.parametrize("radius", ["0.1", "1e-9"])
@pytest.mark.parametrize(("spec", "args"), [(network, (WEIGHT, BIAS, X)), (seen, (X,))])
def test_a_large_spec_lies_in_floats_around_its_exact_evaluation(spec, args, radius, monkeypatch):
    found = in_floats(monkeypatch)
    quick = ss.bounds(spec, *args, vary={"x": ss.ball(radius)}, method="interval")
    assert len(found) == 1
    assert found[0] is not None
    exact = ss.bounds(spec, *args, vary={"x": ss.ball(radius)}, method="interval", backend=FINER)
    assert quick.lower <= exact.lower <= exact.upper <= quick.upper
    assert quick.width <= exact.width * Fraction(1001, 1000) + Fraction(1, 10**12)
    assert is_float(quick.lower)
    assert quick.enclosure.context == ss.context("interval")


def test_a_narrower_evaluation_would_be_seen(monkeypatch):
    real = methods._in_floats

    def shrunk(domain, context):
        found = real(domain, context)
        return None if found is None else found * 0 + 1

    monkeypatch.setattr(methods, "_in_floats", shrunk)
    quick = ss.bounds(network, WEIGHT, BIAS, X, vary={"x": ss.ball("0.1")}, method="interval")
    exact = ss.bounds(network, WEIGHT, BIAS, X, vary={"x": ss.ball("0.1")}, method="interval", backend=FINER)
    assert not quick.lower <= exact.lower <= exact.upper <= quick.upper


@pytest.mark.parametrize("what", ["small", "point", "finer", "interval64"])
def test_exact_ends_stay_where_they_are_affordable_or_asked_for(what, monkeypatch):
    found = in_floats(monkeypatch)
    args = (WEIGHT[:2, :2], BIAS[:2], X[:2]) if what == "small" else (WEIGHT, BIAS, X)
    backend = {"finer": FINER, "interval64": "interval64"}.get(what, "interval")
    vary = {} if what == "point" else {"x": ss.ball("0.1")}
    ss.bounds(network, *args, vary=vary, method="interval", backend=backend)
    assert found == [None]


def test_what_overflows_in_floats_keeps_its_ends(monkeypatch):
    found = in_floats(monkeypatch)
    huge = ss.bounds(lambda x: ss.sum(ss.exp(x)), np.full(2000, 999.0), vary={"x": ss.ball(1)}, method="interval")
    assert found == [None]
    assert 10**434 < huge.lower < huge.upper < 10**439


def test_what_floats_do_not_tell_is_told_by_more_bits(monkeypatch):
    """e^-800 is no float: its logarithm is one, and not refused."""
    found = in_floats(monkeypatch)
    known = ss.bounds(
        lambda x: ss.sum(ss.log(ss.exp(x))), np.full(2000, -800.0), vary={"x": ss.ball("0.5")}, method="interval"
    )
    assert found == [None]
    assert known.lower <= -1601000 < -1599000 <= known.upper < -1598000


def test_a_value_that_does_not_exist_is_refused_as_ever():
    for x in (np.full(2, -1.0), np.full(2000, -1.0)):
        with pytest.raises(DomainError, match="log"):
            ss.bounds(lambda x: ss.sum(ss.log(x)), x, vary={"x": ss.ball("0.5")}, method="interval")


def test_ends_of_a_ball_are_the_floats_next_to_them():
    x = np.concatenate([RNG.uniform(size=200), RNG.normal(size=200) * 10.0 ** RNG.integers(-320, 308, 200)])
    x = np.concatenate([x, [0.0, -0.0, 5e-324, 1.0, 0.01, -0.01, 1 / 3, np.nextafter(1 / 3, 1), 1.7e308, -1.7e308]])
    radii = [Fraction(1, 100), Fraction(0.01), Fraction(1, 3), Fraction(1, 2), Fraction(10) ** 400]
    radii += [Fraction(17 * 10**307), Fraction(1, 10**400), Fraction(2) ** -1074, Fraction(1, 3) * Fraction(2) ** -1060]
    for c in [*radii, *(-r for r in radii)]:
        low, high = difference_ends(x, c)
        exact = [Fraction(float(each)) - c for each in x]
        assert list(low) == [float_below(each) for each in exact]
        assert list(high) == [float_above(each) for each in exact]


def test_a_ball_around_floats_loses_nothing_where_its_ends_are_floats():
    x = np.full(2000, 0.5)
    found = ss.bounds(lambda x: ss.min(x), x, vary={"x": ss.ball("0.5")}, method="interval")
    assert (found.lower, found.upper) == (0, 1)


def test_weights_that_a_spec_sees_are_counted():
    assert [t.size for t in seen_by(ss.lift(seen, ss.context("interval64")))] == [40 * 30, 40]


def test_a_network_from_a_file_counts_by_the_numbers_that_it_holds(tmp_path):
    pytest.importorskip("onnx")
    for size, small in ((4, True), (40, False)):
        net = ss.layers.Sequential(ss.layers.Linear(np.eye(size) / 2, np.zeros(size)), ss.layers.relu)
        ss.to_onnx(net, np.zeros(size), path=tmp_path / "net.onnx")
        network = ss.from_onnx(tmp_path / "net.onnx")
        ((name, shape),) = network.shapes.items()
        vary = {name: ss.ball("0.01")}
        assert Domain(network, {name: np.zeros(shape)}, vary).small == small
