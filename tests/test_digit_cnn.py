"""The shipped network for digits, and the block of a transformer with weights from a seed."""

import json
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from command import run

import scalarspec as ss
from scalarspec.errors import OutOfRange
from scalarspec.examples import digit_cnn, transformer_block
from scalarspec.models import cnn, transformer


@pytest.fixture(scope="module")
def digits():
    return digit_cnn.load()


@pytest.fixture(scope="module")
def report():
    return digit_cnn.run(digit=5, count=4)


def test_the_network_tells_held_out_digits_apart(digits):
    logits = ss.batched(cnn.forward, over="x")(digits.network, ss.context("float64").tensor(digits.pixels))
    right = np.argmax(np.asarray(logits), axis=1) == digits.labels
    assert right.mean() >= 0.9


def test_what_is_reported_of_a_digit(report):
    assert (report.looked_at, report.right) == (4, 4)
    assert (report.sure, report.changed) == (4, 0)
    assert report.float32.explained
    for bounds in (report.interval, report.linear):
        least, most = bounds.inner
        assert np.all((bounds.lower <= least) & (least <= most) & (most <= bounds.upper))
    assert np.all(report.linear.width < report.interval.width)
    attained = report.linear.inner[1] - report.linear.inner[0]
    assert np.median((report.linear.width / attained).astype(float)) < 1.5
    assert 0 < np.max(report.tolerance.absolute) < 0.01
    assert "4 of 4 digits are told right, 4 of them surely within 0.01, 0 surely not" in str(report)


def test_the_command_says_by_its_exit_code_whether_the_report_holds(capsys, monkeypatch):
    code, out, _ = run(capsys, "classify", "--digit", "3", "--count", "2", "--json")
    found = json.loads(out)
    assert (code, found["digit"], found["looked_at"], found["sure"]) == (0, 3, 2, 2)
    assert len(found["linear"]["lower"]) == len(found["interval"]["upper"]) == 10
    monkeypatch.setattr(digit_cnn, "by_hand", lambda network, x: np.zeros(10, dtype=x.dtype))
    code, out, _ = run(capsys, "classify", "--count", "1")
    assert (code, "which rounding does not explain" in out) == (1, True)
    assert run(capsys, "classify", "--digit", "100")[0] == 2


def test_a_wrong_network_by_hand_is_noticed(digits):
    def without_padding(network, x):
        return digit_cnn.by_hand(network, np.roll(x, 1, axis=2))

    x = digits.pixels[0].astype(np.float32)
    assert not ss.crosscheck(cnn.forward, digits.network, x, actual=without_padding).explained


def test_pytorch_has_the_same_network(digits):
    """As the training script states it."""
    torch = pytest.importorskip("torch")
    from scalarspec.examples import train_digit_cnn

    theirs = train_digit_cnn.network()
    with np.load(digit_cnn.PARAMETERS) as archive:
        theirs.load_state_dict({name: torch.tensor(value) for name, value in archive.items()})
    x = digits.pixels[0].astype(np.float32)
    with torch.no_grad():
        actual = theirs(torch.tensor(x)[None])[0].numpy()
    assert ss.crosscheck(cnn.forward, digits.network, x, actual=actual).explained


def test_margins_decide_whether_a_label_is_told(digits):
    rational = ss.lift(digits, "rational")
    logits = [Fraction(v) for v in cnn.forward(rational.network, rational.pixels[3]).tolist()]
    label = digits.labels[3]
    found = digit_cnn.margins(rational.network, rational.pixels[3], label).tolist()
    assert found == [logits[label] - other for k, other in enumerate(logits) if k != label]
    assert digit_cnn.is_told(digits, 3) == (max(logits) == logits[label])


def test_a_digit_that_changes_its_label_near_by_is_told_from_one_that_does_not(digits):
    sure, changed = (digit_cnn.near_margins(digits, i, "0.01") for i in (0, 12))
    assert np.all(sure.lower > 0)
    assert np.any(changed.inner[0] < 0)
    assert digit_cnn.is_told(digits, 12)


def test_a_digit_that_does_not_exist_is_refused():
    with pytest.raises(OutOfRange, match="digit: expected a number from 0 to 99, got 100"):
        digit_cnn.run(digit=100)
    with pytest.raises(OutOfRange, match="count: expected a number from 1 to 100, got 0"):
        digit_cnn.run(count=0)


def test_labels_are_proved_by_any_executor(report):
    with ProcessPoolExecutor(2) as executor:
        found = digit_cnn.run(digit=5, count=4, executor=executor)
    assert (found.right, found.sure, found.changed) == (report.right, report.sure, report.changed)


def test_the_bounds_of_a_transformer_block_hold():
    found = transformer_block.run(["0.01"]).found
    block, x = transformer_block.a_block()
    shifted = x + np.random.default_rng(1).uniform(-0.01, 0.01, (20, *x.shape))
    values = np.asarray(transformer.pre_norm(block, ss.context("float64").tensor(shifted)))
    for bounds in found.values():
        lower, upper = bounds.lower.astype(float) - 1e-12, bounds.upper.astype(float) + 1e-12
        assert np.all((lower <= values) & (values <= upper))
    widest = {method: float(np.max(bounds.width)) for (method, _), bounds in found.items()}
    assert widest["linear"] < 0.85  # 1/20 of the 17 that one evaluation of a block without softmax's own range gave
    assert "0.01" in str(transformer_block.Report(found))
