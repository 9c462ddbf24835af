"""Audits: right losses pass, wrong ones fail and the mistake is named, with the smallest witness."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from losses import RIGHT, kl, mse

import scalarspec as ss
from scalarspec.audit.explanations import matches
from scalarspec.audit.inputs import cases_of
from scalarspec.audit.kinds import KINDS
from scalarspec.audit.subject import Subject
from scalarspec.rounding_errors.float_results import read

# ---- right ones -----------------------------------------------------------------------------------------------------


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


def test_losses_in_float32_have_its_digits_their_gradients_too():
    def error(x, x_hat):  # whose arguments are one number in float32
        return np.mean((np.float32(x) - np.float32(x_hat)) ** 2)

    assert ss.audit(error, "autoencoder", inputs={"x": np.array([0.1]), "x_hat": np.array([0.1 + 1e-9])}).ok
    torch = pytest.importorskip("torch")

    def in_float32(mu, logvar, kept=lambda v: v):
        mu, logvar = mu.float(), logvar.float()
        return 0.5 * torch.mean(kept(logvar).exp() + mu**2 - 1 - logvar)

    assert ss.audit(in_float32, "gaussian-kl").ok
    found = ss.audit(lambda m, v: in_float32(m, v, torch.detach), "gaussian-kl")
    assert [finding.status for finding in found.findings] == ["holds"] * 4 + ["FAILS"]


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
    case = {name: cases_of(kind)[-1][name] for name in kind.parameters}
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
    (gradient,) = [f for f in KINDS["gaussian-kl"]("mean").properties if "gradient" in f.text]
    assert "stop-gradient" in gradient.check(subject, [case]).text
    bent = Subject(lambda m, v: kl(m, v) + 0.01 * m[0], subject.spec, subject.parameters, "numpy", {})
    assert gradient.check(bent, [case]).text.startswith("d/dmu is 1.01 by a difference quotient")


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
