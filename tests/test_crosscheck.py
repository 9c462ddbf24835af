"""Certified cross-checks: errors in ulps, formats, stages, injected faults, records, the assertion, bad arguments."""

import dataclasses
import json
import math
import re
from decimal import ROUND_FLOOR
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec import latent
from scalarspec.errors import ArgumentError, DomainError, ShapeError, UnknownName
from scalarspec.rounding_errors.provenance import differences
from scalarspec.rounding_errors.reference import CERTIFIED
from scalarspec.rounding_errors.stages import error_text
from scalarspec.testing import assert_matches

KL = latent.diagonal_gaussian_kl_to_standard


def naive_kl(mu, logvar):
    return np.mean(np.exp(logvar) + mu**2 - 1 - logvar) / 2


# ---- the certificate ------------------------------------------------------------------------------------------------


def test_a_rational_spec_is_known_exactly():
    x = np.array([0.1, 0.2, 0.7])
    found = ss.crosscheck(lambda x: ss.mean_square(x), x, actual=np.mean(x * x))
    exact = sum(Fraction(v) ** 2 for v in x) / 3
    assert found.exact == exact
    assert found.enclosure == (exact, exact)
    assert found.error == (abs(Fraction(float(np.mean(x * x))) - exact),) * 2
    assert found.ulps[0] == found.error[0] / Fraction(math.ulp(float(exact)))
    assert found.precision is None
    assert found.certified


def test_an_irrational_spec_is_enclosed_to_a_hundredth_of_an_ulp():
    found = ss.crosscheck(KL, np.array([0.5, -1.0]), np.array([0.0, 0.2]), actual=naive_kl)
    lower, upper = found.enclosure
    assert found.exact is None
    assert 0 < upper - lower < Fraction(math.ulp(0.3)) / 100
    assert found.ulps[1] - found.ulps[0] <= CERTIFIED
    wide = ss.context("interval", prec=200)
    low, high = (e[()] for e in ss.endpoints(KL(wide.tensor([0.5, -1.0]), wide.tensor([0.0, 0.2]))))
    assert lower <= low <= high <= upper
    assert found.min_ulps <= found.ulps[1]
    assert found.max_ulps >= found.ulps[0]


def test_kl_at_the_standard_normal_is_exactly_0():
    found = ss.crosscheck(KL, np.zeros(3), np.zeros(3), actual=naive_kl)
    assert found.exact == 0
    assert found.max_ulps == 0


def test_rationals_that_would_fill_the_memory_are_not_tried():
    def spec(x):
        for _ in range(60):
            x = x - x * x / 3
        return x

    found = ss.crosscheck(spec, 0.3)
    assert found.exact is None
    assert found.certified
    assert ss.crosscheck(lambda x: x - x * x / 3, 0.3).exact is not None


def test_a_cancellation_is_climbed_out_of():
    """(1 - cos x) / x² at 2⁻³⁰ needs some 60 bits more than the result."""

    def spec(x):
        return (1 - ss.cos(x)) / ss.square(x)

    x = 2.0**-30
    found = ss.crosscheck(spec, x, actual=(1 - math.cos(x)) / x**2)
    assert found.precision > 80
    assert found.certified
    assert abs(found.enclosure[0] - Fraction(1, 2)) < Fraction(1, 10**15)
    assert found.max_ulps > 2**50
    assert found.explained  # rounding does explain it


def test_the_question_may_be_answered_sooner():
    x = 2.0**-30
    spec = lambda x: (1 - ss.cos(x)) / ss.square(x)  # noqa: E731
    full = ss.crosscheck(spec, x, actual=0.5)
    quick = ss.crosscheck(spec, x, actual=0.5, max_ulps=10**12)
    assert quick.precision < full.precision
    assert quick.max_ulps <= 10**12


def test_a_nan_or_an_overflow_errs_infinitely():
    for actual in (math.nan, math.inf):
        found = ss.crosscheck(lambda x: ss.exp(x), 1.0, actual=actual)
        assert found.max_ulps == math.inf
        assert found.certified
        assert not found.explained
        assert str(actual) in str(found)
        json.dumps(found.to_json(), allow_nan=False)


def test_errors_by_element_and_the_worst_one():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    wrong = np.exp(x)
    wrong[1, 0] *= 1 + 1e-12
    found = ss.crosscheck(lambda x: ss.exp(x), x, actual=wrong)
    assert found.worst == (1, 0)
    assert found.ulps[1].shape == (2, 2)
    assert found.ulps[1][0, 0] < 1
    assert 4000 < found.min_ulps <= found.max_ulps < 6000
    assert "at [1, 0], the worst element" in str(found)


def test_an_empty_result():
    found = ss.crosscheck(lambda x: ss.exp(x), np.zeros(0), actual=np.zeros(0))
    assert (found.max_ulps, found.certified, "empty" in str(found)) == (0, True, True)


def test_a_branch_that_cannot_be_decided_is_decided_at_higher_precision():
    def spec(x):
        return x if ss.exp(x) * ss.exp(-x) - 1 < "1e-20" else -x

    found = ss.crosscheck(spec, 0.7, actual=0.7)
    assert found.error == (0, 0)


# ---- records --------------------------------------------------------------------------------------------------------


def test_a_record_replays():
    args = (KL, np.array([0.5, -1.0]), np.array([0.0, 0.2]))
    record = json.loads(json.dumps(ss.crosscheck(*args, actual=naive_kl).to_json()))
    assert record["spec"] == "diagonal_gaussian_kl_to_standard"
    assert set(record["versions"]) == {"python", "scalarspec", "numpy", "mpmath", "sympy"}
    assert Fraction(record["enclosure"]["lower"]) < Fraction(record["enclosure"]["upper"])
    assert differences(record, json.loads(json.dumps(ss.crosscheck(*args, actual=naive_kl).to_json()))) == []
    moved = ss.crosscheck(KL, np.array([0.5, -1.0]), np.array([0.0, 0.2000001]), actual=naive_kl).to_json()
    assert any(text.startswith("inputs: ") for text in differences(record, moved))
    other = ss.crosscheck(*args, actual=lambda m, v: naive_kl(m, v) * (1 + 1e-15)).to_json()
    assert any(text.startswith("actual: ") for text in differences(record, other))


# ---- the assertion --------------------------------------------------------------------------------------------------


def test_assert_matches_passes_and_fails_with_a_report():
    args = (np.array([0.5, -1.0]), np.array([0.0, 0.2]))
    assert assert_matches(naive_kl, KL, *args, max_ulps=8).max_ulps <= 8
    with pytest.raises(AssertionError) as failure:
        assert_matches(lambda m, v: 2 * naive_kl(m, v), KL, *args, max_ulps=8)
    assert "is proved to err by more than 8 ulps of diagonal_gaussian_kl_to_standard" in str(failure.value)
    assert "exact value: 0.3178506895400424" in str(failure.value)
    assert re.search(r"^result +\(\) +5\.73E\+15 +0\.318 ", str(failure.value), re.MULTILINE)
    assert_matches(naive_kl(*args), KL, *args, max_ulps=Fraction(8))


def test_assert_matches_draws_the_line_where_it_is():
    third = 1 / 3
    assert_matches(third, lambda x: 1 / x, 3.0, max_ulps=Fraction(1, 3))
    with pytest.raises(AssertionError):
        assert_matches(third, lambda x: 1 / x, 3.0, max_ulps=Fraction(33, 100))


# ---- bad arguments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "error", "change"),
    [
        ("the spec has shape \\(\\), the actual result \\(2,\\)", ShapeError, {"actual": np.zeros(2)}),
        (
            "expected floats of float64, float32, .*, float8_e5m2, got int64",
            ArgumentError,
            {"actual": np.zeros((), int)},
        ),
        ("expected floats, or an array of them, got int: 1", ArgumentError, {"actual": 1}),
        ("expected floats, or an array of them, got NoneType", ArgumentError, {"actual": lambda m, v: None}),
        ("got a ragged list", ArgumentError, {"actual": [[1.0], [1.0, 2.0]]}),
        ("got str32", ArgumentError, {"actual": ["a"]}),
        ("got complex128", ArgumentError, {"actual": np.zeros((), complex)}),
        ("expected a float context, got 'interval'", ArgumentError, {"actual": "interval"}),
        ("no backend is called 'float8'", UnknownName, {"actual": "float8"}),
        ("no format is called 'float8'", UnknownName, {"dtype": "float8"}),
        ("expected float32, got float64 whose element", ArgumentError, {"actual": naive_kl, "dtype": "float32"}),
        ("actual wrong: ZeroDivisionError", ArgumentError, {"actual": lambda m, v: 1 / 0}),
        ("the mapping has no result 'result'; it has kl", ArgumentError, {"actual": {"kl": 1.0}}),
        ("the spec has no stage 'kl'; it has result", UnknownName, {"actual": {"kl": 1.0, "result": 1.0}}),
        ("max_ulps: expected a number >= 0, got -1", ArgumentError, {"max_ulps": -1}),
        ("max_ulps: expected a number >= 0, got 'few'", ArgumentError, {"max_ulps": "few"}),
    ],
)
def test_bad_arguments_get_one_clear_error(message, error, change):
    if callable(change.get("actual")) and change["actual"] is not naive_kl:
        change["actual"].__name__ = "wrong"
    with pytest.raises(error, match=message):
        ss.crosscheck(KL, np.array([0.5, -1.0]), np.array([0.0, 0.2]), **change)


@pytest.mark.parametrize(
    ("error", "least", "greatest"),
    [
        (Fraction(4, 9), "0.444", "0.445"),
        (Fraction(12345, 10**12), "1.23E-8", "1.24E-8"),
        (2001, "2.00E+3", "2.01E+3"),
        (0, "0", "0"),
        (5e-324, "4.94E-324", "4.95E-324"),
        (Fraction(10) ** 400 + 1, "1.00E+400", "1.01E+400"),
        (math.inf, "∞", "∞"),
    ],
)
def test_errors_are_printed_rounded_as_is_said(error, least, greatest):
    assert error_text(error, rounding=ROUND_FLOOR) == least
    assert error_text(error) == greatest


def test_the_least_error_is_printed_rounded_down():
    found = ss.crosscheck(ss.exp, 1.0, actual=2.0)
    unknown = dataclasses.replace(found, ulps=(Fraction(28155, 10), Fraction(28165, 10)))
    assert "error: 2815 to 2817 ulps" in str(unknown)
    assert "error: at least 2.81E+3 ulps" in str(dataclasses.replace(found, ulps=(Fraction(28155, 10), math.inf)))


def test_a_nan_in_the_arguments_is_refused():
    with pytest.raises(DomainError, match="nan is not a real number"):
        ss.crosscheck(KL, np.array([np.nan]), np.array([0.0]), actual=naive_kl)


@pytest.mark.parametrize("ends", [("0.1", "0.9"), (-1, 1), ("0.1", 1)])
def test_a_sum_of_clipped_numbers(ends):
    """Of exact and of inexact ends, so that some elements are rational."""
    x = np.array([-2.0, 0.25, 0.5, 3.0])
    low, high = (Fraction(end) for end in ends)
    found = ss.crosscheck(lambda x: ss.sum(ss.clip(x, *ends)), x, actual=np.sum(np.clip(x, float(low), float(high))))
    assert found.exact == sum(min(max(Fraction(v), low), high) for v in x)
    assert found.max_ulps <= 1
    assert found.explained


@pytest.mark.parametrize(("spec", "x", "actual"), [(lambda x: x * x, 1e-170, 1.0), (lambda x: x * 1, 1.5, 4.5)])
def test_an_error_beyond_all_bounds_is_told(spec, x, actual):
    found = ss.crosscheck(spec, np.array([x]), actual=np.array([actual]))
    assert not found.explained
    assert "beyond what rounding explains" in str(found)
