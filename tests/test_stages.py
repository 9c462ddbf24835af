"""Stages: in which one an error arose, by injected faults, and the page that says so."""

import functools
import time
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import ArgumentError, ShapeError, UnknownName
from scalarspec.examples import by_hand, digit_certificates, digits
from scalarspec.models import vae
from scalarspec.tracing.gradient import Tape

D = digits.load(2)


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
        found = digit_certificates.certified(D, 1, model, library, dtype)
        assert found.explained
        assert found.certified
        assert found.max_ulps < 20


def test_certificates_are_the_same_whatever_the_executor():
    with ProcessPoolExecutor(2) as executor:
        assert digit_certificates.certify(2, executor) == digit_certificates.certify(2)


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
    assert all(s.bound > 0 for s in alone.stages)
    *before, result = alone.stages
    assert {s.actual for s in before} == {None}
    assert (result.actual.item(), result.error, result.ulps) == (alone.actual, alone.error[1], alone.ulps[1])
    assert result.local is None  # of values of stages, there are none
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


def test_the_page_names_the_fault_and_draws_the_stages_and_their_elements():
    model, fault, _ = FAULTS["float16 in the mean"]
    found = checked(model, Faulty("float32", *fault))
    page = found.html()
    several = sum(stage.element_ulps is not None and stage.element_ulps.size > 1 for stage in found.stages)
    assert page.count("<svg") == 1 + several > 2
    assert "Rounding does not explain stage &#x27;mu&#x27;" in page


def test_a_stage_of_the_wrong_shape():
    with pytest.raises(ShapeError, match="stage 'h': the spec has shape \\(2,\\), the actual one \\(3,\\)"):
        _ = ss.crosscheck(
            lambda x: ss.sum(ss.stage("h", x)), np.ones(2), actual={"h": np.ones(3), "result": 2.0}
        ).stages


# ---- stages that are badly wrong, and many of them ------------------------------------------------------------------


def layer_norm(x):
    mean = ss.stage("mean", ss.mean(x))
    variance = ss.stage("variance", ss.mean_square(x - mean))
    deviation = ss.stage("deviation", ss.sqrt(variance + "1e-5"))
    return ss.stage("scaled", (x - mean) / deviation)


def test_a_stage_from_which_there_is_no_value_is_said_in_the_report():
    x = np.array([1.0, 2.0, 4.0])
    wrong = {"mean": np.mean(x), "variance": -np.var(x), "deviation": 1.0, "scaled": x}
    found = ss.crosscheck(layer_norm, x, actual=wrong)
    assert found.culprit.name == "variance"
    assert not found.explained
    text = str(found)
    assert "rounding does not explain stage 'variance'" in text
    assert "after stage 'variance' the actual values give no value: sqrt(" in text
    deviation = found.stages[2]
    assert deviation.local is None
    assert deviation.error is not None
    assert deviation.bound == np.inf
    assert found.to_json()["stages"][2]["local"] is None


def test_a_stage_that_is_not_a_number_is_the_culprit():
    x = np.array([1.0, 2.0, 4.0])
    wrong = {"mean": np.mean(x), "variance": np.float64(np.nan), "deviation": np.float64(np.nan), "scaled": x * np.nan}
    found = ss.crosscheck(layer_norm, x, actual=wrong)
    assert found.culprit.name == "variance"
    assert "rounding does not explain stage 'variance'\n" in str(found)


def test_a_stage_of_nan_has_the_shape_of_the_specs():
    wrong = {"mean": np.full(2, np.nan), "scaled": np.ones(3)}
    with pytest.raises(ShapeError, match="mean"):
        str(ss.crosscheck(layer_norm, np.array([1.0, 2.0, 4.0]), actual=wrong))


def test_an_error_beyond_rounding_is_said_where_no_stages_are_given():
    x = np.linspace(-1, 1, 1000)
    found = ss.crosscheck(lambda x: ss.logsumexp(x), x, actual=np.float32(6.0))
    assert not found.explained
    assert "the error is beyond what rounding explains: it is " in str(found)
    right = ss.crosscheck(lambda x: ss.logsumexp(x), x, actual=lambda x: np.log(np.sum(np.exp(x))))
    assert right.explained
    assert "beyond" not in str(right)


def test_the_accumulator_tells_what_rounding_explains():
    x = np.random.default_rng(0).integers(0, 9, 4096).astype(np.float16)
    actual = np.float16(np.sum(x.astype(np.float32)) + 32)  # two ulps
    assert ss.crosscheck(ss.sum, x, actual=actual).explained
    found = ss.crosscheck(ss.sum, x, actual=actual, accumulate="float32")
    assert not found.explained
    with pytest.raises(ArgumentError, match="accumulate: expected a format that holds every float16, got 'bfloat16'"):
        ss.crosscheck(ss.sum, x, actual=actual, accumulate="bfloat16")


def test_where_no_bound_is_known_the_report_says_so():
    def spec(x):
        edge = ss.stage("edge", x * "0.1" - "0.1")
        return ss.stage("root", ss.sqrt(edge + "1e-20"))

    text = str(ss.crosscheck(spec, 1.0, actual={"root": 1e-10}))
    assert "error: 0" in text
    assert "after stage 'edge' no bound on what rounding can cause is known: sqrt(" in text


def test_a_thousand_stages_are_reported_in_seconds():
    def spec(x):
        for i in range(1000):
            x = ss.stage(f"s{i}", x * "0.5" + "0.25")
        return x

    def actual(x):
        return {f"s{i}": (x := x * 0.5 + 0.25) for i in range(1000)}

    start = time.perf_counter()
    found = ss.crosscheck(spec, np.array([0.5, 1.0]), actual=actual)
    assert str(found).count("\n") > 1000
    assert found.explained
    page = found.html()
    assert "the 60 foremost of 1000" in page
    assert time.perf_counter() - start < 60  # it takes 6
    with pytest.raises(UnknownName, match=r"no stage 'other'; it has s0, .*s19, \.\.\. \(1000 in all\)$"):
        ss.crosscheck(spec, np.array([0.5, 1.0]), actual={"other": 1.0, "s999": np.ones(2)})
