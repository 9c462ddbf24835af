"""Affine forms: a fault in one is seen, and those too large to keep are left out."""

from fractions import Fraction

import pytest
from corners import corners_outside
from specs import shipped

import scalarspec as ss
from scalarspec.bounding import affine_forms


@pytest.mark.parametrize("way", ["input", *affine_forms.CARRIED])
def test_an_error_in_a_form_that_is_carried_is_seen(monkeypatch, only_linear, way):
    """Slopes that are a fifth too small: lines and quadratic forms then stand where the value does not range."""
    spec = lambda x, y: ss.sum(ss.square(ss.affine([[1, 2], [-1, 1]], ss.tanh(x - y), [0, 1])) + x)  # noqa: E731
    assert corners_outside(spec, Fraction(1, 2048)) == 0
    proper = affine_forms.CARRIED.get(way, affine_forms.form_of_input)

    def mistaken(over, *args):
        found = proper(over, *args)
        return found and affine_forms.AffineForm.of(over, found.slopes * 0.8, found.remainder_low, found.remainder_high)

    if way == "input":
        monkeypatch.setattr(affine_forms, "form_of_input", mistaken)
    else:
        monkeypatch.setitem(affine_forms.CARRIED, way, mistaken)
    assert corners_outside(spec, Fraction(1, 2048)) > 0


def test_forms_that_are_too_large_to_keep_are_left_out(monkeypatch):
    """The bounds hold, and are the same but for what needs affine_forms."""
    spec, args, _ = shipped()["vae"]
    for vary in ({"x": ss.ball("0.01")}, {"model": ss.ball("0.001")}):
        kept = ss.bounds(spec, *args, vary=vary, method="linear")
        with monkeypatch.context() as m:
            m.setattr(affine_forms, "FORM_NUMBERS", 10)
            left = ss.bounds(spec, *args, vary=vary, method="linear")
        assert left.lower <= kept.inner[0] < kept.inner[1] <= left.upper
        assert kept.width <= left.width < 2 * kept.width
