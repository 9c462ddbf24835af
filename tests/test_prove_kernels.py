"""A share of `make prove-kernels`, and that it refuses wrong constants, wrong texts, and bounds that are too small."""

from fractions import Fraction

import kernel_bounds
import kernel_constants
import numpy as np
import prove_kernels as prove
import pytest
from kernel_bounds import POWERS, of_exponential, of_log, of_waves, pieces
from kernel_error_functions import ErrorFunctions
from kernel_texts import NotProved
from running_errors import C, Tracked, interval, known, tracked, variable

from scalarspec.numbers import elementary, error_functions

PLACES = (0, 1, 5, 8, 9, 17, 40, 104, 211, 424)


@pytest.fixture(scope="module")
def error_kernels():
    return ErrorFunctions()


def cells(places):
    half = Fraction(1, 32)
    return [(k, pieces(0 if k == 0 else -half, half, 2)) for k in places]


# ---- what is proved -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POWERS)
def test_functions_of_e_to_the_r_are_within_their_bounds(name):
    powers = [n for n in (-1022, -54, -2, -1, 0, 1, 2, 3, 54, 1023) if n in POWERS[name]]
    assert of_exponential(name, elementary.ERROR.get(name, 13), powers) <= elementary.ERROR.get(name, 13)


def test_logarithms_are_within_their_bounds():
    assert of_log(elementary.ERROR["log"], (-1074, -2, -1, 1, 2, 1023)) <= elementary.ERROR["log"]


def test_waves_are_within_their_bounds():
    assert of_waves(min(elementary.ERROR["sin"], elementary.ERROR["cos"])) <= 4


def test_error_functions_are_within_their_bounds(error_kernels):
    assert error_kernels.of_erfc(error_functions.ERROR["erfc"], cells(PLACES)) <= error_functions.ERROR["erfc"]
    assert error_kernels.of_erf(error_functions.ERROR["erf"], cells((8, 9, 50, 104))) <= error_functions.ERROR["erf"]


def test_constants_and_tables_are_the_nearest_floats():
    kernel_constants.of_constants(0, range(0, 425, 7))


def test_the_slack_is_enough_and_not_by_much():
    errors = {**elementary.ERROR, **error_functions.ERROR}.values()
    assert all(prove.of_slack(error) <= 2 for error in errors)
    with pytest.raises(NotProved):
        prove.of_slack(2**28)


def test_what_is_printed_says_what_is_not_proved(monkeypatch, capsys):
    def fails(limit):
        raise NotProved("here")

    monkeypatch.setattr(prove, "kernels", lambda: [("exp", 3, lambda limit: Fraction(2)), ("log", 7, fails)])
    assert prove.main() == 1
    printed = capsys.readouterr().out
    assert "NOT PROVED: here" in printed
    assert "sqrt" in printed
    monkeypatch.setattr(prove, "kernels", lambda: [("exp", 3, lambda limit: Fraction(2))])
    assert prove.main() == 0


# ---- what is refused ------------------------------------------------------------------------------------------------

SHARES = {
    "exp": lambda limit: of_exponential("exp", limit),
    "expm1": lambda limit: of_exponential("expm1", limit, (0, 1)),
    "expm1mx": lambda limit: of_exponential("expm1mx", limit, (0, 1)),
    "log": lambda limit: of_log(limit, (1,)),
    "sin": of_waves,
    "tanh": lambda limit: of_exponential("tanh", limit, (0, 1)),
    "constants": lambda limit: kernel_constants.of_constants(limit, ()),
}


@pytest.mark.parametrize(
    ("name", "limit"), [("exp", 2), ("expm1", 5), ("expm1mx", 36), ("log", 4), ("sin", 3), ("tanh", 5)]
)
def test_a_bound_that_is_too_small_is_refused(monkeypatch, name, limit):
    monkeypatch.setattr(kernel_bounds, "DEEPEST", 12)
    SHARES[name](limit + 1)
    with pytest.raises(NotProved):
        SHARES[name](limit)


def nudged(value, places):
    """A constant of a text that is off by so many last places."""
    return np.array(float(value) + places * float(np.spacing(float(value))))


def with_nudged(values, i, places):
    return tuple(nudged(v, places) if k == i else v for k, v in enumerate(values))


MISTAKES = {
    "a coefficient of exp": ("_P1", lambda v: nudged(v, 256), "exp"),
    "a coefficient of log": ("_Q", lambda v: with_nudged(v, 0, 512), "log"),
    "a coefficient of sin": ("_SIN", lambda v: with_nudged(v, 0, 16), "sin"),
    "one last place of a coefficient": ("_P1", lambda v: nudged(v, 1), "constants"),
    "one last place of a late coefficient": ("_COS", lambda v: with_nudged(v, 7, -1), "constants"),
    "one last place of ln 2": ("_LN2_LO", lambda v: nudged(v, 1), "exp"),
    "a longer part of ln 2": ("_LN2_HI", lambda v: nudged(v, 1), "log"),
    "one last place of π/2": ("_HALF_PI", lambda v: with_nudged(v, 1, 1), "sin"),
    "a term left out": ("bernoulli", lambda _: lambda square: square * _P2 + _P1, "exp"),  # noqa: F821
    "another sum": ("quotient", lambda _: lambda r: (r + r) / ((2.0 - r) - r * r * bernoulli(r * r)), "expm1"),  # noqa: F821
    "another end": ("tanh", lambda _: lambda x: expm1(x + x) / (expm1(x + x) + 1.0), "tanh"),  # noqa: F821
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_kernel_is_refused(monkeypatch, mistake):
    name, change, share = MISTAKES[mistake]
    monkeypatch.setattr(kernel_bounds, "DEEPEST", 12)
    monkeypatch.setattr(elementary, name, change(getattr(elementary, name)))
    with pytest.raises(NotProved):
        SHARES[share](elementary.ERROR.get(share, 0))


def test_a_wrong_entry_of_the_table_of_erfc_is_refused(monkeypatch, error_kernels):
    monkeypatch.setattr(kernel_bounds, "DEEPEST", 12)
    table = error_functions._table().copy()
    monkeypatch.setattr(error_functions, "_table", lambda: table)
    table[1, 40] = np.nextafter(table[1, 40], 0)
    with pytest.raises(NotProved, match="row 1, place 40"):
        kernel_constants.of_constants(0, (40,))
    table[0, 40] *= 1 + 2.0**-49
    monkeypatch.setattr(error_kernels, "table", table)
    with pytest.raises(NotProved):
        error_kernels.of_erfc(error_functions.ERROR["erfc"], cells((40,)))


# ---- the analysis itself --------------------------------------------------------------------------------------------


def test_tracked_errors_hold_what_floats_do():
    """(1/3 + x) x / 7 in floats, for floats x of a piece: within what is tracked, and a tenth of that is not enough."""
    for base, x in ((known(1, 2), 1.0), (variable(Fraction(1, 2), 1), 0.5)):
        third = Tracked(C.literal(Fraction(1, 3)), C.subtract(interval(Fraction(1 / 3)), C.literal(Fraction(1, 3))))
        result = (third + base) * base / (tracked(4) + tracked(3))
        bound = result.relative()
        worst = 0
        for i in range(1000):
            v = x + i * x / 1000
            exact = (Fraction(1, 3) + Fraction(v)) * Fraction(v) / 7
            worst = max(worst, abs(Fraction((1 / 3 + v) * v / 7) - exact) / exact)
        assert bound / 10 < worst <= bound


def test_a_number_in_a_text_that_nobody_explained_is_refused():
    with pytest.raises(AssertionError, match="meant"):
        tracked(0.1)
