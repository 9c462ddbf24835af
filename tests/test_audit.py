"""Audits: right losses pass, wrong ones fail and the mistake is named, with the smallest witness."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scalarspec as ss
from scalarspec import latent, loss
from scalarspec.audit import Audit, _cases
from scalarspec.audit.facts import Subject, Unseen, matches
from scalarspec.audit.kinds import KINDS
from scalarspec.errors import ArgumentError, DomainError, ShapeError, UnknownName
from scalarspec.rounding_errors.float_results import read

# ---- right ones -----------------------------------------------------------------------------------------------------


def kl(mu, logvar):
    return np.mean(np.exp(logvar) + mu**2 - 1 - logvar) / 2


def mse(x, x_hat):
    return np.mean((x - x_hat) ** 2)


def beta_vae(x, x_hat, mu, logvar, beta):
    return mse(x, x_hat) + beta * kl(mu, logvar)


def vq(z_e, z_q, beta):
    return np.mean((z_q - z_e) ** 2) + beta * np.mean((z_e - z_q) ** 2)


def ours(spec):
    """A spec under our own float64."""
    context = ss.context("float64")
    return lambda *args: spec(*map(context.tensor, args))


RIGHT = {
    "gaussian-kl": [
        kl,
        lambda mu, logvar: -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / mu.size,
        lambda mu, logvar: np.dot(mu, mu) / mu.size / 2 + np.mean(np.expm1(logvar) - logvar) / 2,
        ours(latent.diagonal_gaussian_kl_to_standard),
    ],
    "autoencoder": [mse, lambda x, x_hat: np.linalg.norm(x - x_hat) ** 2 / x.size, ours(loss.mse)],
    "vae": [lambda x, y, m, v: mse(x, y) + kl(m, v)],
    "beta-vae": [beta_vae],
    "vq": [vq, lambda z_e, z_q, beta: (1 + beta) * mse(z_e, z_q)],
    "reparameterization": [
        lambda mu, logvar, eps: mu + np.exp(0.5 * logvar) * eps,
        lambda mu, logvar, eps: mu + np.sqrt(np.exp(logvar)) * eps,
        ours(latent.reparameterize_diag),
    ],
}


@pytest.mark.parametrize(("kind", "i"), [(kind, i) for kind, ways in RIGHT.items() for i in range(len(ways))])
def test_a_right_loss_passes(kind, i):
    found = ss.audit(RIGHT[kind][i], kind)
    assert found.ok, str(found)
    assert found.mistakes == ()


def test_the_papers_sum_is_right_where_a_sum_is_asked_for():
    def paper(mu, logvar):
        return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))

    assert ss.audit(paper, "gaussian-kl", reduction="sum").ok
    assert ss.audit(kl, "gaussian-kl", reduction="sum").mistakes == (
        "it averages over the coordinates where it should sum",
    )


def test_losses_of_batches_are_given_batches_of_one():
    def per_batch(mu, logvar):
        return np.mean(-0.5 * np.mean(1 + logvar - mu**2 - np.exp(logvar), axis=1))

    def per_example(mu, logvar):
        return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)

    assert ss.audit(per_batch, "gaussian-kl").ok
    assert ss.audit(per_example, "gaussian-kl", reduction="sum").ok
    assert ss.audit(per_example, "gaussian-kl").mistakes == ("it sums over the coordinates where it should average",)


def test_a_loss_of_batches_in_pytorch():
    torch = pytest.importorskip("torch")

    def usual(recon_x, x, mu, logvar):
        error = torch.nn.functional.mse_loss(recon_x, x)
        return error + torch.mean(-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1), dim=0)

    found = ss.audit(usual, "vae")
    assert found.mistakes == ("KL: it sums over the coordinates where it should average",)


def test_right_losses_in_pytorch_pass():
    torch = pytest.importorskip("torch")

    def kl_in_torch(mu, logvar):
        return -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())

    def vq_in_torch(z_e, z_q, beta):
        f = torch.nn.functional
        return f.mse_loss(z_q, z_e.detach()) + beta * f.mse_loss(z_e, z_q.detach())

    assert ss.audit(kl_in_torch, "gaussian-kl").ok
    assert ss.audit(vq_in_torch, "vq").ok
    assert ss.audit(kl_in_torch, "gaussian-kl", convert="torch").ok


# ---- wrong ones -----------------------------------------------------------------------------------------------------

WRONG = [
    ("gaussian-kl", lambda m, v: np.sum(np.exp(v) + m**2 - 1 - v) / 2, "it sums over the coordinates where it should average"),
    ("gaussian-kl", lambda m, v: np.mean(np.exp(v) + m**2 - 1 - v), "the factor ½ is missing"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(1 + v - m**2 - np.exp(v)), "the sign of the whole is wrong"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(v**2 + m**2 - 1 - np.log(v**2)), "the log-variance is taken for the standard deviation σ"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(v**2 + m**2 - 1 - 2 * np.log(v)), "the log-variance is taken for the standard deviation σ"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(v + m**2 - 1 - np.log(v)), "the log-variance is taken for the variance σ²"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(np.exp(2 * v) + m**2 - 1 - 2 * v), "the log-variance is taken for log σ"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(np.exp(v / 2) + m**2 - 1 - v), "σ = exp(logvar / 2) stands where σ² = exp(logvar) belongs"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(v + m**2 - 1 - v), "exp is missing: the log-variance itself stands for the variance"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(np.exp(v) + m**2 - 1 + v), "the sign of the log-variance is wrong"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(np.exp(v) - m**2 - 1 - v), "the sign of the squared mean is wrong"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(np.exp(v) + m**2 - v), "the 1 is missing"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(np.exp(v) + m - 1 - v), "the mean is not squared"),
    ("gaussian-kl", lambda m, v: kl(v, m), "the arguments are exchanged: the mean stands for the log-variance"),
    ("gaussian-kl", lambda m, v: 0.5 * np.mean(np.exp(-v) + m**2 * np.exp(-v) - 1 + v), "it is the reverse divergence, KL(N(0, 1) ‖ q)"),
    ("gaussian-kl", lambda m, v: np.sum(np.exp(v) + m**2 - 1 - v), "it sums over the coordinates where it should average; the factor ½ is missing"),
    ("gaussian-kl", lambda m, v: float(kl(m.astype(np.float32), v.astype(np.float32))), "it computes in float32"),
    ("vq", lambda e, q, b: mse(e, q), "the commitment term is missing"),
    ("vq", lambda e, q, b: b * mse(e, q), "the codebook term is missing"),
    ("vq", lambda e, q, b: 2 * mse(e, q), "β is left out"),
    ("vq", lambda e, q, b: (1 + b) * np.sum((e - q) ** 2), "it sums over the coordinates where it should average"),
    ("vq", lambda e, q, b: (1 + b) * np.linalg.norm(e - q), "it is the distance, not its square"),
    ("vq", lambda e, q, b: (1 - b) * mse(e, q), "the commitment term is subtracted"),
    ("vq", lambda e, q, b: (1 + b) * np.mean(abs(e - q)), "the error is not squared"),
    ("autoencoder", lambda x, y: np.sum((x - y) ** 2), "it sums over the coordinates where it should average"),
    ("autoencoder", lambda x, y: np.mean((x - y) ** 2) / 2, "there is a factor ½ too much"),
    ("autoencoder", lambda x, y: np.sqrt(np.mean((x - y) ** 2)), "it is the root of the squared error"),
    ("autoencoder", lambda x, y: -np.mean(x * np.log(y) + (1 - x) * np.log(1 - y)), "it is the binary cross-entropy"),
    ("beta-vae", lambda x, y, m, v, b: b * mse(x, y) + kl(m, v), "β multiplies the reconstruction and not the KL"),
    ("beta-vae", lambda x, y, m, v, b: mse(x, y) + kl(m, v), "β is left out"),
    ("beta-vae", lambda x, y, m, v, b: mse(x, y) - b * kl(m, v), "the KL is subtracted"),
    ("beta-vae", lambda x, y, m, v, b: np.sum((x - y) ** 2) + b * kl(m, v), "reconstruction: it sums over the coordinates where it should average"),
    ("beta-vae", lambda x, y, m, v, b: mse(x, y) + b * np.mean(np.exp(v) + m**2 - 1 - v), "KL: the factor ½ is missing"),
    ("vae", lambda x, y, m, v: mse(x, y) + 0.5 * np.mean(np.exp(v) + m**2 - 1 + v), "KL: the sign of the log-variance is wrong"),
    ("reparameterization", lambda m, v, e: m + np.exp(v) * e, "the variance exp(logvar) multiplies ε, not σ = exp(logvar / 2)"),
    ("reparameterization", lambda m, v, e: m + v * e, "the log-variance itself multiplies ε"),
    ("reparameterization", lambda m, v, e: m - np.exp(v / 2) * e, "the noise is subtracted"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "wrong", "mistake"), WRONG, ids=[f"{k}: {m}" for k, _, m in WRONG])
def test_a_wrong_loss_is_named(kind, wrong, mistake):
    found = ss.audit(wrong, kind)
    assert not found.ok
    assert found.mistakes[0] == mistake
    assert f"likely mistake: {mistake}" in str(found)


@pytest.mark.parametrize("name", KINDS)
def test_every_known_mistake_differs_from_the_spec_and_from_the_others(name):
    """Each is a fault that the equality finds: a list of right ones would name nothing."""
    kind = KINDS[name]("mean")
    case = {name: _cases(kind)[-1][name] for name in kind.parameters}
    context = ss.context("float64")
    values = {}
    for mistake in kind.mistakes():
        actual = read("mistake", mistake.spec(*map(context.tensor, case.values())))
        assert not matches(kind.spec, case, actual), mistake.text
        values[mistake.text] = actual
    assert len(values) >= 9


def test_the_witness_is_the_smallest():
    total = ss.audit(lambda m, v: np.sum(np.exp(v) + m**2 - 1 - v) / 2, "gaussian-kl")
    assert total.findings[0].witness["mu"].tolist() == [1, -0.5]  # one coordinate cannot tell a sum from a mean
    sign = ss.audit(lambda m, v: -kl(m, v), "gaussian-kl")
    assert {k: v.tolist() for k, v in sign.findings[0].witness.items()} == {"mu": [1], "logvar": [0]}
    assert "smallest witness: mu = [1], logvar = [0]: it is -0.5, the exact value 0.5" in str(sign)


def test_the_facts_that_fail_are_those_that_are_wrong():
    def failing(function, kind, **more):
        return [f.fact for f in ss.audit(function, kind, **more).findings if f.status == "FAILS"]

    assert "it is never negative" in failing(lambda m, v: -kl(m, v), "gaussian-kl")
    assert "it is 0 at the standard normal" in failing(lambda m, v: kl(m, v) + 0.5, "gaussian-kl")
    noisy = failing(lambda x, y, m, v, b: mse(x, y) + b * (kl(m, v) + np.mean(y)), "beta-vae")
    assert "what β multiplies does not depend on ε (which enters by x_hat)" in noisy
    assert "it is linear in β" in failing(lambda x, y, m, v, b: mse(x, y) + b**2 * kl(m, v), "beta-vae")
    assert "β = 0 leaves the reconstruction" in failing(
        lambda x, y, m, v, b: mse(x, y) + (1 + b) * kl(m, v), "beta-vae"
    )
    assert "without noise it is the mean" in failing(lambda m, v, e: np.exp(v / 2) * e, "reparameterization")


def test_an_unknown_mistake_has_a_witness_all_the_same():
    found = ss.audit(lambda m, v: np.mean(np.exp(v) * m), "gaussian-kl")
    assert not found.ok
    assert found.mistakes == ()
    assert "no known mistake gives these numbers" in str(found)


def test_exchanged_stop_gradients_are_found_by_autograd():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional

    def exchanged(z_e, z_q, beta):
        return f.mse_loss(z_e, z_q.detach()) + beta * f.mse_loss(z_q, z_e.detach())

    def none_stopped(z_e, z_q, beta):
        return (1 + beta) * f.mse_loss(z_e, z_q)

    def only_the_code(z_e, z_q, beta):
        return (1 + beta) * f.mse_loss(z_q, z_e.detach())

    assert ss.audit(only_the_code, "vq").mistakes == ("the encoder gets no gradient",)
    found = ss.audit(exchanged, "vq")
    assert [x.fact for x in found.findings if x.status == "FAILS"] == ["its gradient is the spec's"]
    assert "the stop-gradients are exchanged" in found.mistakes[0]
    assert "there is no stop-gradient" in ss.audit(none_stopped, "vq").mistakes[0]


def test_a_wrong_loss_in_pytorch_is_named():
    torch = pytest.importorskip("torch")
    found = ss.audit(lambda m, v: 0.5 * torch.sum(v.exp() + m**2 - 1 - v), "gaussian-kl", convert="torch")
    assert found.mistakes == ("it sums over the coordinates where it should average",)


def test_a_wrong_gradient_alone_is_found_by_difference_quotients():
    """The quotients are compared with the gradient over their step: a spec with another gradient fails."""
    subject = Subject(kl, KINDS["gaussian-kl"]("mean").spec, ("mu", "logvar"), "numpy", {})
    case = {"mu": np.array([1.0]), "logvar": np.array([0.5])}
    (gradient,) = [f for f in KINDS["gaussian-kl"]("mean").facts if "gradient" in f.text]
    assert "stop-gradient" in gradient.check(subject, [case]).text
    bent = Subject(lambda m, v: kl(m, v) + 0.01 * m[0], subject.spec, subject.parameters, "numpy", {})
    assert gradient.check(bent, [case]).text.startswith("d/dmu is 1.01 by a difference quotient")


# ---- what is not seen -----------------------------------------------------------------------------------------------


def statuses(function, kind, **more):
    return {finding.fact: finding.status for finding in ss.audit(function, kind, **more).findings}


@pytest.mark.parametrize("kind", [kind for kind in RIGHT if kind != "reparameterization"])
def test_a_gradient_that_only_values_show_is_not_checked(kind):
    """What NumPy or JAX give are values: a stop-gradient changes none of them."""
    found = ss.audit(RIGHT[kind][0], kind)
    by_fact = {finding.fact: finding for finding in found.findings}
    gradient = by_fact.pop("its gradient is the spec's")
    assert gradient.status == "not checked"
    assert "stop-gradient" in gradient.text
    assert {finding.status for finding in by_fact.values()} == {"holds"}
    assert found.ok
    assert "its gradient is the spec's" in str(found)
    assert "not checked, its gradient is the spec's: only values are seen" in str(found)
    assert {row["status"] for row in found.to_json()["findings"]} == {"holds", "not checked"}


def test_difference_quotients_can_still_show_that_a_gradient_is_wrong():
    assert statuses(lambda m, v: kl(m, v) + 0.01 * m[0], "gaussian-kl")["its gradient is the spec's"] == "FAILS"


def test_autograd_checks_a_gradient_and_its_absence_fails():
    torch = pytest.importorskip("torch")
    gradient = "its gradient is the spec's"

    def right(mu, logvar):
        return 0.5 * torch.mean(logvar.exp() + mu**2 - 1 - logvar)

    assert set(statuses(right, "gaussian-kl", convert="torch").values()) == {"holds"}
    for stopped in (
        lambda m, v: right(m, v).detach(),
        lambda m, v: right(m.detach(), v),
        lambda m, v: right(m.detach(), v.detach()),
    ):
        assert statuses(stopped, "gaussian-kl", convert="torch")[gradient] == "FAILS"
    assert statuses(lambda m, v: float(right(m, v)), "gaussian-kl", convert="torch")[gradient] == "not checked"


def test_stopped_gradients_of_a_vq_loss_are_not_named_without_a_gradient():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    found = ss.audit(lambda e, q, b: f.mse_loss(e, q) * float(1 + b), "vq", convert="torch")
    assert "there is no stop-gradient" in found.mistakes[0]
    found = ss.audit(lambda e, q, b: (f.mse_loss(e, q) * (1 + b)).detach(), "vq", convert="torch")
    assert not found.ok
    assert found.mistakes == ()  # both get none, which is in no list


def test_where_rounding_explains_everything_nothing_is_checked():
    far = {"mu": np.zeros(1), "logvar": np.array([1000.0])}
    found = statuses(kl, "gaussian-kl", inputs=far)
    assert found["it equals the spec"] == "not checked"  # an infinity is what a right loss gives there
    assert found["it is 0 at the standard normal"] == "holds"
    assert "FAILS" not in found.values()
    wrong = ss.audit(lambda m, v: 2 * kl(m, v), "gaussian-kl", inputs=far)
    assert wrong.mistakes == ("the factor ½ is missing",)


def test_nothing_is_asked_of_empty_inputs():
    empty = {"mu": np.zeros(0), "logvar": np.zeros(0), "eps": np.zeros(0)}
    found = statuses(lambda m, v, e: m + np.exp(v / 2) * e, "reparameterization", inputs=empty)
    assert found["it equals the spec"] == "not checked"


@pytest.mark.parametrize("name", KINDS)
def test_no_fact_holds_without_an_input(name):
    kind = KINDS[name]("mean")
    subject = Subject(ours(kind.spec), kind.spec, kind.parameters, "numpy", {})
    for fact in kind.facts:
        assert isinstance(fact.check(subject, []), Unseen)


def test_an_audit_without_findings_is_not_ok():
    assert not Audit("f", "kind", "what", (), (), 0).ok


def in_bfloat16(x):
    """Rounded to bfloat16."""
    bits = np.asarray(x, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32).astype(np.float64)


def narrow_kl(mu, logvar):
    r = in_bfloat16
    return float(r(np.mean(r(r(r(np.exp(r(logvar))) + r(r(mu) ** 2)) - 1 - r(logvar))) / 2))


UNEXPLAINED = {
    "NaN everywhere": lambda m, v: float("nan"),
    "NaN of the right type": lambda m, v: np.float64("nan") * kl(m, v),
    "infinite everywhere": lambda m, v: float("inf"),
    "0 everywhere": lambda m, v: 0.0,
    "1 everywhere": lambda m, v: 1.0,
    "NaN where there are several": lambda m, v: kl(m, v) if m.size == 1 else float("nan"),
    "a log-variance clamped to [-1, 1]": lambda m, v: kl(m, np.clip(v, -1, 1)),
    "the same, rounded": lambda m, v: float(in_bfloat16(kl(m, np.clip(v, -1, 1)))),
    "clamped to [-1/2, 1/2]": lambda m, v: kl(m, np.clip(v, -0.5, 0.5)),
    "1e-8 for safety": lambda m, v: kl(m, v) + 1e-8,
    "1e-4 for safety": lambda m, v: kl(m, v) + 1e-4,
    "one percent more": lambda m, v: 1.01 * kl(m, v),
    "1e-6 in the logarithm": lambda m, v: np.mean(np.exp(v) + m**2 - 1 - np.log(np.exp(v) + 1e-6)) / 2,
    "rounded to integers": lambda m, v: float(np.round(kl(m, v))),
    "rounded to eighths": lambda m, v: float(np.round(8 * kl(m, v)) / 8),
    "rounded to quarters": lambda m, v: float(np.round(4 * kl(m, v)) / 4),
    "twice that, in bfloat16": lambda m, v: float(in_bfloat16(1.3 * kl(m, v))),
}


@pytest.mark.parametrize("name", UNEXPLAINED)
def test_no_mistake_is_named_without_evidence(name):
    found = ss.audit(UNEXPLAINED[name], "gaussian-kl")
    assert not found.ok
    assert found.mistakes == ()
    assert "no known mistake gives these numbers" in str(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, 1.0])
def test_a_constant_is_no_known_mistake(kind, value):
    parameters = KINDS[kind]("mean").parameters

    def constant(*args):
        return value if kind != "reparameterization" else 0 * args[0] + value

    names = ", ".join(parameters)
    found = ss.audit(eval(f"lambda {names}: constant({names})", {"constant": constant}), kind)
    assert (found.ok, found.mistakes) == (False, ())


def test_a_narrower_format_is_named_where_all_results_are_its_numbers():
    found = ss.audit(narrow_kl, "gaussian-kl")
    assert found.mistakes == ("it computes in bfloat16",)
    half = ss.audit(lambda m, v: float(kl(m.astype(np.float16), v.astype(np.float16))), "gaussian-kl")
    assert half.mistakes == ("it computes in float16",)


def test_further_inputs_are_tried():
    def wrong_far_out(mu, logvar):
        return kl(mu, np.minimum(logvar, 5))

    assert ss.audit(wrong_far_out, "gaussian-kl").ok
    found = ss.audit(wrong_far_out, "gaussian-kl", inputs={"mu": np.zeros(2), "logvar": np.array([1.0, 9.0])})
    assert found.findings[0].witness["logvar"].tolist() == [1, 9]


@pytest.mark.parametrize(
    ("message", "error", "arguments"),
    [
        ("kind: there is none called 'gan'; there are gaussian-kl", UnknownName, {"kind": "gan"}),
        ("reduction: expected 'mean' or 'sum', got 'max'", ArgumentError, {"reduction": "max"}),
        ("convert: expected 'auto' or 'numpy' or 'torch', got 'jax'", ArgumentError, {"convert": "jax"}),
        ("function: expected a function, got 3", ArgumentError, {"function": 3}),
        ("expected one of \\(mu, logvar\\) for 'gaussian-kl'", ArgumentError, {"function": lambda mu: 0.0}),
        (
            "fails at mu = \\[0\\], logvar = \\[0\\]: AttributeError",
            ArgumentError,
            {"function": lambda m, v: m.nothing},
        ),
        ("its result: expected floats", ArgumentError, {"function": lambda m, v: None}),
        ("'gaussian-kl' needs mu, logvar; there is mu", ArgumentError, {"inputs": {"mu": np.zeros(1)}}),
        ("expected mu of shape \\(n,\\), got \\(\\)", ArgumentError, {"inputs": {"mu": 1.0, "logvar": 0.0}}),
        ("mu holds NaN", DomainError, {"inputs": {"mu": np.array([np.nan]), "logvar": np.zeros(1)}}),
    ],
)
def test_bad_arguments_get_one_clear_error(message, error, arguments):
    given = {"function": kl, "kind": "gaussian-kl", **arguments}
    with pytest.raises(error, match=message):
        ss.audit(given.pop("function"), given.pop("kind"), **given)


def test_a_result_of_the_wrong_shape_is_an_error():
    with pytest.raises(ShapeError, match="its result has shape \\(1,\\), expected \\(\\), at mu = \\[0\\]"):
        ss.audit(lambda m, v: np.exp(v) + m**2 - 1 - v, "gaussian-kl")


# ---- the command ----------------------------------------------------------------------------------------------------

LOSSES = """
import numpy as np

def kl(mu, logvar):
    return np.mean(np.exp(logvar) + mu**2 - 1 - logvar) / 2

def total(mu, logvar):
    return np.sum(np.exp(logvar) + mu**2 - 1 - logvar) / 2
"""


def test_the_command_line_names_the_mistake(tmp_path):
    Path(tmp_path, "my_losses.py").write_text(LOSSES)

    def run(*argv):
        command = [sys.executable, "-m", "scalarspec.cli", "audit", *argv]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    right = run("my_losses.py:kl", "--kind", "gaussian-kl")
    assert (right.returncode, right.stderr) == (0, "")
    wrong = run("my_losses.py:total", "--kind", "gaussian-kl", "--json")
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["mistakes"] == ["it sums over the coordinates where it should average"]
    assert run("my_losses.py:total", "--kind", "gaussian-kl", "--reduction", "sum").returncode == 0
    assert run("my_losses.py:none", "--kind", "gaussian-kl").returncode == 2
