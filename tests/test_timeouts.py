"""A search whose time is over ends with the parts that it is at, and what it leaves is the whole box still."""

from fractions import Fraction
from math import prod

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding import search
from scalarspec.bounding.domain import Domain
from scalarspec.bounding.jobs import Jobs
from scalarspec.bounding.parts import Part
from scalarspec.cli.progress import Bar

X = np.array([0.25, -0.5, 0.75])


def curved(x):
    return ss.sum(x[0] * x[1] * x[2] + ss.exp(x[0] - x[1]))


class Clock(search.Limits):
    """Limits whose time is over when they have been asked so many times."""

    questions = 0
    most = 0

    @property
    def late(self):
        self.questions += 1
        return self.questions > self.most


def volume(parts):
    sides = [[high - low for low, high in part.box] for part in parts]
    return sum(prod(Fraction(float(x)) for side in each for x in side) for each in sides)


@pytest.mark.parametrize("questions", range(3, 40, 4))
def test_no_bundle_is_begun_when_the_time_is_over_and_no_part_is_lost(questions, monkeypatch):
    monkeypatch.setattr(search, "SPLIT_BATCH", 2)
    domain = Domain(curved, {"x": X}, {"x": ss.box(X - 0.125, X + 0.125)})
    begun, real = [], search.bounded

    def noted(*args):
        for group in real(*args):
            begun.append(limits.questions >= limits.most)
            yield group

    monkeypatch.setattr(search, "bounded", noted)
    limits = Clock(1000)
    limits.most = questions
    root = Part.whole(domain, 0)
    rounds = []
    goal = search.Narrow(None)
    next(real(Jobs(domain), [root], goal))
    for parts, count in search.search(Jobs(domain), root, goal, limits):
        rounds.append(parts)
        assert count == len(parts)
    assert limits.stopped == "timeout"
    assert sum(begun) <= 1
    assert volume(rounds[-1]) == Fraction(1, 4) ** 3
    assert volume(rounds[-1][1:]) < Fraction(1, 4) ** 3  # a part that is lost is seen


def test_a_bar_says_what_is_known(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with Bar(quiet=False) as bar:
        bar(1, 4, "[0.25, 0.75], width 0.5")
        bar(2, 4)
    shown = capsys.readouterr().err
    assert "1 of 4: [0.25, 0.75], width 0.5" in shown
    assert "2 of 4 " in shown  # what was longer before is painted over


def test_a_bar_stays_in_its_line(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    Bar(quiet=False)(1, 4, "[0.25, 0.75], width 0.5")
    assert len(capsys.readouterr().err) == len("\r") + 39


def test_a_proof_tells_of_the_worst_margin_that_is_open():
    told = []
    claim = lambda x: x * x * x - x >= Fraction(-385, 1000)  # noqa: E731
    found = ss.prove(claim, 0.5, vary={"x": ss.box(0, 1)}, progress=lambda *each: told.append(each))
    assert found.proved
    assert all(0 < done <= total for done, total, _ in told)
    assert told[0][2].startswith("margins down to -")
    assert told[-1][2] == ""
