"""The shipped models on the held-out digits."""

import dataclasses
import functools
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import OutOfRange
from scalarspec.examples import digit_sweeps, digits
from scalarspec.examples.enclose import enclose
from scalarspec.models import autoencoder, vae, vqvae


@pytest.fixture(scope="module")
def loaded():
    return digits.load()


@pytest.fixture(scope="module")
def found(loaded):
    return digits.agreement(loaded, 100)


def test_float64_lies_inside_the_enclosure_for_every_term_of_100_digits(found):
    assert (found.digits, found.terms, found.float_inside) == (100, 800, 800)


def test_the_exact_losses_lie_inside_the_enclosures(found):
    assert (found.rational_terms, found.rational_inside) == (500, 500)


def test_enclosures_at_a_point_are_narrow(found):
    assert 0 < found.widest < Fraction(1, 10**12)


def test_every_code_is_proved_the_nearest(found):
    assert found.codes_proved == 100
    assert found.holds


def test_a_wrong_term_is_noticed(loaded):
    """The check can fail: a KL with the sum for the mean lies outside, under floats alone."""
    inside, exact, _ = digits._outcome(
        digits.Term("", "", lambda: 8 * ss.context("float64").tensor(0.5), ()),
        digits.Term("", "", lambda: ss.context("interval").tensor(0.5), ()),
        digits.Term("", "", lambda: ss.context("interval").tensor(0.5), ()),
        digits.Term("", "", lambda: ss.context("rational").tensor(0.25), ()),
    )
    assert (inside, exact) == (False, False)


def test_the_models_are_trained(loaded):
    """The reconstructions of held-out digits are better than the mean image by far."""
    x = loaded.pixels
    d = ss.lift(loaded, ss.context("float64"))
    baseline = np.mean((x - x.mean(axis=0)) ** 2)
    errors = {
        "autoencoder": np.mean([autoencoder.reconstruction_error(d.autoencoder, row).item() for row in d.pixels]),
        "vae": np.mean([vae.reconstruction_loss(d.vae, d.pixels[i], d.eps[i]).item() for i in range(100)]),
        "vqvae": np.mean([vqvae.reconstruction_loss(d.vqvae, d.pixels[i], d.codes[i]).item() for i in range(100)]),
    }
    assert all(error < baseline * 0.75 for error in errors.values()), (errors, baseline)


def test_the_bounds_contain_the_losses_of_other_digits_in_the_box(loaded):
    rng = np.random.default_rng(0)
    x, eps = loaded.pixels[5], loaded.eps[5]
    bound = ss.bounds(vae.loss, loaded.vae, 1, x, eps, vary={"x": ss.ball("0.01")})
    floats = ss.lift(loaded, ss.context("float64"))
    for _ in range(20):
        shifted = floats.pixels[5] + rng.uniform(-0.0099, 0.0099, 64)
        value = Fraction(vae.loss(floats.vae, 1, shifted, floats.eps[5]).item())
        assert bound.lower < value < bound.upper


def test_the_symbolic_slice_agrees(loaded):
    for i in (0, 7):
        closed = digits.symbolic_slice(loaded, i)
        assert closed.agrees
        assert closed.kl == "-logvar_0/2 + mu_0**2/2 + exp(logvar_0)/2 - 1/2"


def test_a_digit_out_of_range():
    with pytest.raises(OutOfRange, match="digit: expected a number from 0 to 99, got -1"):
        digits.run(digit=-1)


def test_a_sweep_in_batches_finds_every_exact_value_inside():
    found = digit_sweeps.sweep(150)
    assert found.holds
    assert [row.exact for row in found.rows] == [0, 0, 0, 150, 150, 150, 150, 150]
    assert all(0 < row.widest < Fraction(1, 10**9) for row in found.rows)
    assert "150 digits" in str(found)
    assert len(found.to_json()["rows"]) == 8
    with pytest.raises(OutOfRange, match="count: expected a number from 1 to 1797, got 0"):
        digit_sweeps.sweep(0)


def test_a_sweep_is_the_same_whatever_the_executor():
    with ProcessPoolExecutor(2) as executor:
        for one, other in zip(digit_sweeps.sweep(20).rows, digit_sweeps.sweep(20, executor).rows, strict=True):
            assert dataclasses.replace(one, seconds={}) == dataclasses.replace(other, seconds={})


def test_a_sweep_sees_a_value_outside(monkeypatch):
    right = digit_sweeps.for_rows

    def wrong(lifted, i, batch):
        term, over = right(lifted, i, batch)
        if lifted.pixels.context.name != "rational":
            return term, over
        larger = functools.wraps(term.spec)(lambda *args: term.spec(*args) * "1.000001")
        return dataclasses.replace(term, spec=larger), over

    monkeypatch.setattr(digit_sweeps, "for_rows", wrong)
    assert not digit_sweeps.sweep(20).holds


def test_batches_are_the_terms_one_by_one(loaded):
    float64 = ss.lift(digits.load(60), ss.context("float64"))
    for i, term in enumerate(digits.terms(float64, 0)):
        for batch in digit_sweeps.batches(float64, term.model):
            values = digit_sweeps.batch_values(float64, i, batch)
            alone = [digits.terms(float64, int(k))[i] for k in batch]
            assert np.allclose(np.asarray(values), [t.spec(*t.args).item() for t in alone], rtol=1e-12), term.name


def test_bounds_around_no_digits_are_refused():
    with pytest.raises(OutOfRange, match="count: expected a number from 1 to 1797, got 0"):
        enclose(0)
