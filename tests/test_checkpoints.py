"""Checkpoints: each is of one question, as it was written, and no file of the user's is touched."""

import hashlib
import json
import os

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding import checkpoints, jobs, plan
from scalarspec.bounding.domain import Domain
from scalarspec.core.digest import digest as digest_of
from scalarspec.errors import ArgumentError

NEAR = {"x": ss.ball("1/2")}


def squares(x):
    return ss.sum(ss.square(x))


def first(x):
    a, _ = ss.sigmoid(x), ss.exp(x)
    return a


def second(x):
    _, b = ss.sigmoid(x), ss.exp(x)
    return b


def nested(x):
    return ss.sigmoid(ss.sigmoid(x))


def inner(x):
    y = ss.sigmoid(x)
    ss.sigmoid(y)
    return y


def difference(x, y):
    return ss.sum(x) - ss.sum(ss.square(y))


def digest(spec, *arguments, vary=None, over=()):
    names = "xyz"[: len(arguments)]
    return Domain(spec, dict(zip(names, arguments, strict=True)), vary or NEAR, over).digest


QUESTIONS = {
    "the value returned": lambda: (digest(inner, np.zeros(2)), digest(nested, np.zeros(2))),
    "one of two values": lambda: (digest(first, np.zeros(2)), digest(second, np.zeros(2))),
    "a constant returned": lambda: (digest(lambda x: x * 0 + 1, np.zeros(2)), digest(lambda x: x * 0 + 2, np.zeros(2))),
    "the input itself": lambda: (digest(lambda x: x, np.zeros(2)), digest(lambda x: -x, np.zeros(2))),
    "which argument is in the Euclidean ball": lambda: tuple(
        digest(difference, np.zeros(2), np.zeros(2), vary={"x": ss.ball(1, norm=a), "y": ss.ball(1, norm=b)})
        for a, b in ((2, np.inf), (np.inf, 2))
    ),
    "the norm": lambda: tuple(digest(squares, np.zeros(2), vary={"x": ss.ball(1, norm=n)}) for n in (2, np.inf)),
    "the radius": lambda: tuple(
        digest(squares, np.zeros(2), vary={"x": ss.ball(r)}) for r in ("0.1", "0.10000000000000000001")
    ),
    "which argument varies": lambda: tuple(
        digest(difference, np.zeros(2), np.zeros(2), vary={name: ss.ball(1)}) for name in "xy"
    ),
    "the type of an argument": lambda: tuple(digest(squares, np.zeros(2, dtype=t)) for t in ("float32", "float64")),
    "its shape": lambda: (digest(squares, np.zeros((1, 2))), digest(squares, np.zeros((2, 1)))),
    "rows": lambda: (digest(squares, np.zeros((2, 2))), digest(squares, np.zeros((2, 2)), over=("x",))),
    "constants that are one float": lambda: (
        digest(lambda x: x + 1, np.zeros(2)), digest(lambda x: x + "1.00000000000000000001", np.zeros(2))
    ),
}  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_digest_names_the_whole_question(question):
    one, other = QUESTIONS[question]()
    again, _ = QUESTIONS[question]()
    assert one == again
    assert one != other


def test_a_digest_names_the_version(monkeypatch):
    before = digest(squares, np.zeros(2))
    monkeypatch.setattr(Domain, "version", lambda *_: "another")
    assert digest(squares, np.zeros(2)) != before


def test_a_plan_says_what_is_returned():
    returned = [Domain(spec, {"x": np.zeros(2)}, NEAR).plan.text() for spec in (inner, nested, lambda x: x)]
    assert len(set(returned)) == 3
    assert [text.splitlines()[-1] for text in returned] == ["return value 0", "return value 1", "return input 0 (2,)"]


def test_a_plan_without_its_result_would_be_caught(monkeypatch):
    """A digest of the equations alone: the injected fault. Its two specs note the same, and return other values."""
    proper = plan.Plan.text
    monkeypatch.setattr(Domain, "sample", lambda self: "")
    monkeypatch.setattr(plan.Plan, "text", lambda self: proper(self).rpartition("\n")[0])
    assert digest(inner, np.zeros(2)) == digest(nested, np.zeros(2))


def test_two_specs_that_return_other_values_do_not_share_answers(tmp_path):
    path, job = tmp_path / "run", {"vary": {"x": ss.ball(1)}, "method": "linear"}
    ss.bounds(nested, np.zeros(1), checkpoint=path, **job)
    kept = path.read_bytes()
    with pytest.raises(ArgumentError, match="holds answers about another spec"):
        ss.bounds(inner, np.zeros(1), checkpoint=path, **job)
    assert path.read_bytes() == kept


# ---- the file -------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A checkpoint with three answers, and a way to ask for them again; `asked` has what was worked out."""
    asked = []

    def doubled(domain, item):
        asked.append(item)
        return 2 * item

    monkeypatch.setitem(jobs.WORK, "doubled", doubled)
    domain = Domain(squares, {"x": np.ones(2)}, {"x": ss.ball(1)})

    def again(path=tmp_path / "kept"):
        asked.clear()
        return list(jobs.Jobs(domain, checkpoint=path).map(doubled, [1, 2, 3]))

    again.path, again.asked = tmp_path / "kept", asked
    assert again() == [2, 4, 6]
    assert asked == [1, 2, 3]
    return again


def test_each_line_is_checked(kept):
    assert kept() == [2, 4, 6]
    assert kept.asked == []
    lines = kept.path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    assert all(len(json.loads(line)["check"]) == 32 for line in lines)
    assert json.loads(lines[0])["version"] == ss.__version__


def test_a_last_line_that_was_cut_off_is_worked_out_again(kept):
    whole = kept.path.read_bytes()
    kept.path.write_bytes(whole[:-5])
    assert kept() == [2, 4, 6]
    assert kept.asked == [3]
    assert kept.path.read_bytes() == whole


CHANGED = {
    "an answer": lambda lines: [lines[0], lines[1].replace(b'"answer": 2', b'"answer": 3'), *lines[2:]],
    "the last answer": lambda lines: [*lines[:3], lines[3].replace(b'"answer": 6', b'"answer": 7')],
    "a number": lambda lines: [*lines[:2], b"3\n", *lines[2:]],
    "an empty object": lambda lines: [*lines[:2], b"{}\n", *lines[2:]],
    "a list": lambda lines: [*lines, b"[1, 2]\n"],
    "no JSON": lambda lines: [*lines[:2], b"what?\n", *lines[2:]],
    "deep JSON": lambda lines: [*lines, b"[" * 200_000 + b"\n"],
    "not UTF-8": lambda lines: [*lines, b"\xff\xfe\n"],
    "a job that is a list": lambda lines: [*lines, b'{"job": [1], "answer": 1, "check": ""}\n'],
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_line_that_is_not_as_it_was_written_is_refused(kept, change):
    kept.path.write_bytes(b"".join(CHANGED[change](kept.path.read_bytes().splitlines(keepends=True))))
    before = kept.path.read_bytes()
    with pytest.raises(ArgumentError, match=r"checkpoint: line \d of .* is no answer as it was written"):
        kept()
    assert kept.path.read_bytes() == before


FORGED = [
    {"job": [1], "answer": 1}, {"job": None, "answer": 1}, {"job": "a", "answer": {checkpoints.ARRAY: "float64"}},
    {"job": "a", "answer": [{checkpoints.ARRAY: "float64", "shape": [3], "elements": [1]}]},
    {"job": "a", "answer": {checkpoints.ARRAY: "no type", "shape": [1], "elements": [1]}},
    {"job": "a", "answer": {checkpoints.ARRAY: "float64", "shape": [1], "elements": ["a"]}},
]  # fmt: skip


@pytest.mark.parametrize("entry", FORGED)
def test_what_has_a_checksum_and_is_no_answer_is_refused(kept, tmp_path, entry):
    """Whoever reads this file can write such a line."""
    log = checkpoints.Checkpoint(tmp_path / "other", hashlib.sha256(b"another").hexdigest())
    log.path.write_bytes(log.path.read_bytes() + log._line(entry))
    with pytest.raises(ArgumentError, match=r"line 2 of .* is no answer as it was written"):
        checkpoints.Checkpoint(log.path, log.digest)


def test_a_line_of_another_checkpoint_is_refused(kept, tmp_path):
    line = kept.path.read_bytes().splitlines(keepends=True)[1]
    log = checkpoints.Checkpoint(tmp_path / "other", hashlib.sha256(b"another").hexdigest())
    log.path.write_bytes(log.path.read_bytes() + line)
    with pytest.raises(ArgumentError, match="line 2"):
        checkpoints.Checkpoint(log.path, log.digest)


def test_another_version_is_refused(kept, monkeypatch):
    digest = json.loads(kept.path.read_bytes().splitlines()[0])["of"]
    monkeypatch.setattr(Domain, "version", lambda *_: "0.0.9")
    with pytest.raises(ArgumentError, match=r"was written by scalarspec '0.1.0', this is '0.0.9'"):
        checkpoints.Checkpoint(kept.path, digest)


@pytest.mark.parametrize("content", [b"mine\n", b"", b'{"scalarspec": "mine"}\n', b"\0" * 10_000, b"[]\n", b"3"])
def test_a_file_that_is_no_checkpoint_is_left_alone(kept, tmp_path, content):
    other = tmp_path / "other"
    other.write_bytes(content)
    with pytest.raises(ArgumentError, match=r"is no checkpoint, .* it is left as it is"):
        kept(other)
    assert other.read_bytes() == content


@pytest.mark.posix
def test_links_folders_and_devices_are_refused_unread(kept, tmp_path):
    link, dangling, folder = tmp_path / "link", tmp_path / "dangling", tmp_path / "folder"
    link.symlink_to(kept.path)
    dangling.symlink_to(tmp_path / "nowhere")
    folder.mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path in (link, dangling):
        with pytest.raises(ArgumentError, match="is a link"):
            kept(path)
    for path in (folder, tmp_path / "pipe", "/dev/full", "/dev/zero"):
        with pytest.raises(ArgumentError, match="no regular file"):
            kept(path)
    assert not (tmp_path / "nowhere").exists()
    assert link.is_symlink()


@pytest.mark.posix
def test_no_other_file_is_written_to(kept, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "kept.new").symlink_to(victim)
    hard = tmp_path / "hard"
    os.link(kept.path, hard)
    before = hard.read_bytes()
    kept.path.write_bytes(before)
    kept()
    assert victim.read_text() == "mine"
    assert (tmp_path / "kept.new").is_symlink()
    assert hard.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hard", "kept", "kept.new", "victim"]


def test_a_temporary_file_that_is_there_is_not_taken(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints.secrets, "token_hex", lambda n: "same")
    there = tmp_path / ".kept.same"
    there.write_text("mine")
    with pytest.raises(ArgumentError, match=r"cannot use .*exists"):
        kept()
    assert there.read_text() == "mine"


@pytest.mark.posix
def test_what_is_put_later_goes_to_our_file_though_its_name_is_another_one_now(kept, tmp_path):
    log = checkpoints.Checkpoint(tmp_path / "log", "0" * 64)
    log.path.unlink()
    log.path.symlink_to(kept.path)
    before = kept.path.read_bytes()
    log.put("job", 1)
    assert kept.path.read_bytes() == before


def test_factors_that_are_one_float_are_two_questions():
    """At the middle of the box, 0, both products are 0."""
    specs = [lambda x: x * "1.00000000000000000001", lambda x: x * "1.00000000000000000002"]
    assert len({Domain(spec, {"x": 0.0}, {"x": ss.ball(1)}).digest for spec in specs}) == 2


class Scaled:
    """A callable with a weight."""

    def __init__(self, weight):
        self.weight = weight

    def __call__(self, x):
        return x * self.weight


def holding(weight):
    return lambda x: x * weight


@pytest.mark.parametrize("make", [Scaled, holding, lambda w: Scaled(w).__call__, lambda w: lambda x, y=w: x * y])
def test_what_is_called_differs_by_what_it_holds(make):
    assert digest_of(make(1)) == digest_of(make(1))
    assert digest_of(make(1)) != digest_of(make(2))


def test_functions_may_hold_themselves():
    def factorial(n):
        return 1 if n == 0 else n * factorial(n - 1)

    assert digest_of(factorial) == digest_of(factorial)
