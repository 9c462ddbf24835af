"""`compare`: a spec under several backends, side by side."""

from fractions import Fraction

import numpy as np
import pytest
from specs import polynomial, scaled

import scalarspec as ss
from scalarspec.errors import ArgumentError, ContextMismatch, ShapeError, UnknownName
from scalarspec.latent import diagonal_gaussian_kl_to_standard as kl


def test_compare_shows_every_backend_and_names_refusals():
    found = ss.compare(kl, np.array([0.5, -1.0]), np.array([0.0, 0.25]))
    assert list(found.readings) == ["float32", "float64", "interval", "rational"]
    assert found["rational"].value is None
    assert "exp(1/4) is not rational" in str(found["rational"])
    assert found["float64"].value.dtype == "float64"
    assert "refused" in found.to_json()["rational"]
    assert "0.3210063541" in str(found)


def test_compare_takes_contexts_and_numbers_at_their_exact_value():
    found = ss.compare(scaled, [1, 2], 0.1, backends=["rational", ss.context("interval", prec=100)])
    assert found["rational"].value.item() == 3 * Fraction(0.1)
    assert "interval(prec=100)" in found.readings


def test_compare_does_not_hide_errors():
    with pytest.raises(UnknownName, match="no backend is called 'quaternion'; there are float64, float32, interval"):
        ss.compare(polynomial, np.zeros(1), backends=["quaternion"])
    with pytest.raises(ShapeError):
        ss.compare(lambda x: x @ x, np.zeros((2, 3)))
    foreign = ss.context("rational").tensor([1])
    with pytest.raises(ContextMismatch):
        ss.compare(lambda x: x + foreign, np.zeros(1))
    with pytest.raises(ArgumentError, match="expected a function on tensors"):
        ss.compare(3)
