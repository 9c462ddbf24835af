"""Audits name no mistake without evidence, and say what they do not see."""

import numpy as np
import pytest
from losses import RIGHT, kl, ours

import scalarspec as ss
from scalarspec.audit import Audit
from scalarspec.audit.kinds import KINDS
from scalarspec.audit.properties import Unseen
from scalarspec.audit.subject import Subject
from scalarspec.errors import ArgumentError, DomainError, ShapeError, UnknownName


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
    for fact in kind.properties:
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
        ("inputs: mu\\[0\\]: nan is not", DomainError, {"inputs": {"mu": np.array([np.nan]), "logvar": np.zeros(1)}}),
    ],
)
def test_bad_arguments_get_one_clear_error(message, error, arguments):
    given = {"function": kl, "kind": "gaussian-kl", **arguments}
    with pytest.raises(error, match=message):
        ss.audit(given.pop("function"), given.pop("kind"), **given)


def test_a_result_of_the_wrong_shape_is_an_error():
    with pytest.raises(ShapeError, match="its result has shape \\(1,\\), expected \\(\\), at mu = \\[0\\]"):
        ss.audit(lambda m, v: np.exp(v) + m**2 - 1 - v, "gaussian-kl")
