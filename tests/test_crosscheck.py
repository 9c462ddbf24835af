"""Certified cross-checks: errors in ulps, formats, stages, injected faults, records, the assertion, bad arguments."""

import functools
import json
import math
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec import latent
from scalarspec.errors import ArgumentError, DomainError, ShapeError, UnknownName
from scalarspec.examples import by_hand, digits
from scalarspec.models import vae, vqvae
from scalarspec.numbers import formats
from scalarspec.rounding_errors.crosscheck import CERTIFIED
from scalarspec.rounding_errors.provenance import differences
from scalarspec.testing import assert_matches
from scalarspec.tracing.gradient import Tape

KL = latent.diagonal_gaussian_kl_to_standard
D = digits.load(2)


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


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_numpys_formats(dtype):
    x = np.array([0.5, -1.25, 3.0], dtype=dtype)
    found = ss.crosscheck(lambda x: ss.tanh(x), x, actual=np.tanh)
    assert found.dtype == dtype
    assert found.certified
    assert found.max_ulps < 4
    worst = found.worst
    ulp = Fraction(float(np.spacing(np.tanh(x)[worst])))
    error = abs(Fraction(float(np.tanh(x)[worst])) - (found.enclosure[0] + found.enclosure[1])[worst] / 2)
    assert abs(found.max_ulps - float(error / abs(ulp))) < 0.011


def test_bfloat16_by_name():
    """1/3 rounds to 171/512, a third of an ulp (1/512) too much; a float32 that is no bfloat16 is refused."""
    found = ss.crosscheck(lambda x: 1 / x, 3.0, actual=171 / 512, dtype="bfloat16")
    assert found.ulps == (Fraction(1, 3),) * 2
    with pytest.raises(ArgumentError, match="expected bfloat16, got float64 whose element"):
        ss.crosscheck(lambda x: 1 / x, 3.0, actual=1 / 3, dtype="bfloat16")


def test_pytorch_results_of_every_format():
    torch = pytest.importorskip("torch")
    x = np.array([0.5, -1.25, 3.0])
    for dtype in formats.FORMATS:

        def actual(x, dtype=dtype):
            return torch.sigmoid(torch.tensor(x, dtype=getattr(torch, dtype)))

        found = ss.crosscheck(lambda x: ss.sigmoid(x), x, actual=actual)
        assert found.dtype == dtype
        assert found.max_ulps < 2


def test_our_own_float_backend_and_values():
    assert ss.crosscheck(lambda x: ss.exp(x), np.zeros(2), actual=[1.0, 1.0]).max_ulps == 0
    for actual in ("float64", ss.context("float64"), lambda x: ss.exp(ss.context("float64").tensor(x)), math.exp(0.7)):
        assert ss.crosscheck(lambda x: ss.exp(x), 0.7, actual=actual).max_ulps < 1


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


# ---- where the error arose ------------------------------------------------------------------------------------------


def checked(model, lib, dtype="float32"):
    """The loss of a shipped model by a library of ours."""
    term = next(t for t in reversed(digits.terms(D, 0)) if t.model == model)
    args = [arg.astype(dtype) if isinstance(arg, np.ndarray) else arg for arg in term.args]
    return ss.crosscheck(term.spec, *args, actual=functools.partial(by_hand.LOSSES[model], lib))


class Faulty(by_hand.NumPy):
    """A library with one fault, in the call of this name and number."""

    def __init__(self, dtype, method, number, fault):
        super().__init__(dtype)
        self.calls = {}
        whole = getattr(self, method)

        def called(*args):
            self.calls[method] = self.calls.get(method, 0) + 1
            return fault(self, *args) if self.calls[method] == number else whole(*args)

        setattr(self, method, called)


def in_float16(lib, layer, x):
    """The layer, accumulated in float16."""
    total = layer.bias.astype(np.float16)
    for column, value in zip(layer.weight.T, x, strict=True):
        total = total + column.astype(np.float16) * np.float16(value)
    return lib.array(total)


ANOTHER_CODE = D.vqvae.codebook.embedding[D.codes[0] - 1]
FAULTS = {
    "float16 in the trunk": ("VAE", ("linear", 1, in_float16), "h"),
    "float16 in the mean": ("VAE", ("linear", 2, in_float16), "mu"),
    "float16 in the decoder": ("VAE", ("linear", 5, in_float16), "x_hat"),
    "sum for mean in the KL": ("VAE", ("mean", 1, lambda lib, x: np.sum(x)), "kl"),
    "sum for mean in the reconstruction": ("VAE", ("mse", 1, lambda lib, a, b: np.sum((a - b) ** 2)), "recon"),
    "σ² for σ": ("VAE", ("exp", 1, lambda lib, v: np.exp(2 * v)), "z"),
    "σ for σ² in the KL": ("VAE", ("exp", 2, lambda lib, v: np.exp(v / 2)), "kl"),
    "log σ² for σ": ("VAE", ("exp", 1, lambda lib, v: 2 * v), "z"),
    "β is lost": ("VAE", ("number", 1, lambda lib, v: np.float32(1)), "loss"),
    "the wrong code": ("VQ-VAE", ("array", 6, lambda lib, v: lib.dtype.type(1) * ANOTHER_CODE), "z_q"),
    "a dropped relu": ("autoencoder", ("relu", 1, lambda lib, x: x), "h"),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_in_its_stage(name, dtype):
    model, fault, stage = FAULTS[name]
    found = checked(model, Faulty(dtype, *fault), dtype)
    assert found.culprit.name == stage
    assert [s.name for s in found.stages if s.excess > 1] == [stage]
    assert not found.explained
    assert "times that" in str(found)


def test_a_dropped_half_is_found_in_the_kl():
    def actual(*args):
        stages = by_hand.vae_loss(by_hand.NumPy("float64"), *args)
        kl = 2 * stages["kl"]
        return {**stages, "kl": kl, "loss": stages["recon"] + kl / 32}

    found = ss.crosscheck(vae.loss, D.vae, digits.BETA_VAE, D.pixels[0], D.eps[0], actual=actual)
    assert found.culprit.name == "kl"


def test_a_cancellation_is_found_in_its_stage():
    """1 - tanh(x) for 2 / (e^2x + 1) loses digits where x is large."""

    def spec(x):
        gate = ss.stage("gate", 2 * ss.sigmoid(-2 * x))
        return ss.stage("out", gate * x)

    x = np.array([5.0, 12.0])
    right = ss.crosscheck(
        spec, x, actual=lambda x: {"gate": 2 / (np.exp(2 * x) + 1), "out": 2 / (np.exp(2 * x) + 1) * x}
    )
    wrong = ss.crosscheck(spec, x, actual=lambda x: {"gate": 1 - np.tanh(x), "out": (1 - np.tanh(x)) * x})
    assert right.explained
    assert wrong.culprit.name == "gate"
    assert [s.name for s in wrong.stages if s.excess > 1] == ["gate"]


@pytest.mark.parametrize("library", ["NumPy", "PyTorch"])
@pytest.mark.parametrize("model", by_hand.LOSSES)
def test_the_losses_by_hand_are_right(model, library):
    if library == "PyTorch":
        pytest.importorskip("torch")
    for dtype in ("float32", "float64"):
        found = digits.certified(D, 1, model, library, dtype)
        assert found.explained
        assert found.certified
        assert found.max_ulps < 20


def test_local_and_inherited_errors_add_up():
    found = checked("VAE", by_hand.NumPy("float32"))
    assert [s.name for s in found.stages] == ["h", "mu", "logvar", "z", "x_hat", "recon", "kl", "loss"]
    for s in found.stages:
        assert s.error <= s.local + s.inherited
        assert s.local <= Fraction(s.bound)
    assert found.stages[0].inherited < Fraction(1, 10**15)  # nothing comes before h
    assert found.stages[-1].enclosure[0][()] <= found.enclosure[1]


def test_the_stages_of_a_result_alone_have_enclosures_and_bounds():
    found = ss.crosscheck(vae.loss, D.vae, 1, D.pixels[0], D.eps[0], actual="float32")
    alone = ss.crosscheck(vae.loss, D.vae, 1, D.pixels[0], D.eps[0], actual=np.float32(found.actual))
    assert [s.name for s in alone.stages] == [s.name for s in found.stages]
    assert all(s.actual is None and s.bound > 0 for s in alone.stages)
    assert alone.culprit is None
    assert alone.explained
    off = ss.crosscheck(vae.loss, D.vae, 1, D.pixels[0], D.eps[0], actual=np.float32(found.actual) * np.float32(1.01))
    assert not off.explained


def test_a_stage_that_comes_twice_is_numbered():
    def spec(x):
        for _ in range(3):
            x = ss.stage("x", x / 3)
        return x

    found = ss.crosscheck(spec, 1.0)
    assert [s.name for s in found.stages] == ["x", "x#2", "x#3"]
    assert found.exact == Fraction(1, 27)


def test_a_stage_may_be_called_result():
    found = ss.crosscheck(lambda x: 2 * ss.stage("result", x + 1), 1.0)
    assert [s.name for s in found.stages] == ["result", "result#2"]
    assert found.exact == 4


def test_stages_in_a_batch_are_those_of_the_batch():
    context = ss.context("float64")
    tape = Tape(context)
    x = tape.variable(context.tensor([[1.0, 2.0], [3.0, 4.0]]))
    ss.batched(lambda v: ss.stage("sum", ss.sum(v)), over="v")(x)
    assert tape.arrays.stages["sum"].found.value.tolist() == [3.0, 7.0]


# ---- records and pages ----------------------------------------------------------------------------------------------


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


def test_the_page_is_self_contained_and_names_the_fault():
    pytest.importorskip("matplotlib")
    model, fault, _ = FAULTS["float16 in the mean"]
    page = checked(model, Faulty("float32", *fault)).html()
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") == 2
    assert "Rounding does not explain stage mu" in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "https://matplotlib.org", ""
    ).replace("http://creativecommons.org", "")
    assert "<script" not in page


# ---- the assertion --------------------------------------------------------------------------------------------------


def test_assert_matches_passes_and_fails_with_a_report():
    args = (np.array([0.5, -1.0]), np.array([0.0, 0.2]))
    assert assert_matches(naive_kl, KL, *args, max_ulps=8).max_ulps <= 8
    with pytest.raises(AssertionError) as failure:
        assert_matches(lambda m, v: 2 * naive_kl(m, v), KL, *args, max_ulps=8)
    assert "is proved to err by more than 8 ulps of diagonal_gaussian_kl_to_standard" in str(failure.value)
    assert "exact value: 0.3178506895400424" in str(failure.value)
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
            "expected floats of float64, float32, float16, bfloat16, got int64",
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


def test_a_nan_in_the_arguments_is_refused():
    with pytest.raises(DomainError, match="nan is not a real number"):
        ss.crosscheck(KL, np.array([np.nan]), np.array([0.0]), actual=naive_kl)


def test_a_stage_of_the_wrong_shape():
    with pytest.raises(ShapeError, match="stage 'h': the spec has shape \\(2,\\), the actual one \\(3,\\)"):
        _ = ss.crosscheck(
            lambda x: ss.sum(ss.stage("h", x)), np.ones(2), actual={"h": np.ones(3), "result": 2.0}
        ).stages


# ---- verified code assignment ---------------------------------------------------------------------------------------


def test_the_codes_of_the_digits_are_proved_over_boxes_too():
    """Over a box of encoder outputs: every corner agrees with what was proved or refuted."""
    boxes = ss.context("interval")
    z = np.asarray(vqvae.encode(ss.lift(D.vqvae, "float64"), ss.context("float64").tensor(D.pixels[0])))
    book = ss.lift(D.vqvae.codebook, boxes)
    statuses = {}
    for radius in (1e-3, 0.1, 10.0):
        found = vqvae.nearest_to(book, boxes.box(z - radius, z + radius))
        statuses[radius] = found.status
        low, high = found.margin
        source = np.random.default_rng(0)
        codes = np.asarray(D.vqvae.codebook.embedding, dtype=np.float64)
        for _ in range(50):
            point = z + radius * source.choice([-1, 1], size=z.size)
            squares = [sum(Fraction(v) ** 2 for v in point - code) for code in codes.astype(float)]
            if found.status == "proved":
                assert min(squares) >= squares[found.idx] - Fraction(1, 10**9)
        assert low <= high
    assert statuses[1e-3] == "proved"
    assert statuses[10.0] == "undecided"
    other = (D.codes[0] + 1) % len(D.vqvae.codebook.embedding)
    refuted = vqvae.check_nearest(book, boxes.box(z - 1e-3, z + 1e-3), other)
    assert refuted.status == "refuted"
    assert refuted.margin[1] < 0


def test_the_margin_is_the_exact_range_of_the_difference():
    """z in [0, 1] between the codes -1 and 3: |z - 3|² - |z + 1|² = 8 - 8 z."""
    boxes = ss.context("interval")
    book = latent.Codebook(np.array([[-1.0], [3.0]]))
    found = vqvae.nearest_to(book, boxes.box([0], [1]))
    assert found == vqvae.Assignment(0, "proved", None, (Fraction(0), Fraction(8)))
    found = vqvae.nearest_to(book, boxes.box([0], [2]))
    assert (found.status, found.margin) == ("undecided", (Fraction(-8), Fraction(8)))
    assert vqvae.check_nearest(book, boxes.box(["1.5"], [2]), 0).status == "refuted"
