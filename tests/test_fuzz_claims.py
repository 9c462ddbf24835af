"""A quick share of the fuzz of claims, and the proof that it sees what would prove a false one."""

from itertools import product

import fuzz_claims
import numpy as np
import pytest

import scalarspec as ss
from scalarspec.bounding import claims, formula, open_parts, parts


def test_no_verdict_is_wrong():
    said = []
    counts = fuzz_claims.misses(range(160), said.append)
    assert said == []
    assert min(counts["proved"], counts["refuted"]) > 30


def strict_is_not(monkeypatch):
    monkeypatch.setitem(claims.RELATIONS, "less", "at least")


def turned_is_not(monkeypatch):
    monkeypatch.setitem(claims.TURNED, "above", "above")


def an_or_is_an_and_of_what_fails(monkeypatch):
    rule = formula.CONNECTIVES["logical_and"]
    wrong = rule._replace(known=lambda p, q: rule.known(p, q)._replace(holds=p.holds | q.holds))
    monkeypatch.setitem(formula.CONNECTIVES, "logical_and", wrong)


def not_keeps_what_is_undecided_as_true(monkeypatch):
    rule = formula.CONNECTIVES["logical_not"]
    wrong = rule._replace(known=lambda p: rule.known(p)._replace(holds=~p.holds))
    monkeypatch.setitem(formula.CONNECTIVES, "logical_not", wrong)


def every_element_is_the_first(monkeypatch):
    proper = claims._labels
    monkeypatch.setattr(
        claims, "_labels", lambda *args: {x: np.minimum(label, label.min()) for x, label in proper(*args).items()}
    )


def differences_commute(monkeypatch):
    monkeypatch.setattr(claims, "COMMUTING", ("add", "subtract"))


def zero_is_no_case(monkeypatch):
    monkeypatch.setattr(formula, "product", lambda signs, repeat: product((-1, 1), repeat=repeat))


def half_of_a_box_is_forgotten(monkeypatch):
    proper = parts.Part.halves
    monkeypatch.setattr(parts.Part, "halves", lambda *args: (proper(*args)[0], proper(*args)[0]))


def a_part_is_closed_where_one_output_holds(monkeypatch):
    proper = open_parts.OpenParts.closed

    def wrong(self, part):
        return proper(self, part) or bool(np.any(self._reading(part)[1].holds))

    monkeypatch.setattr(open_parts.OpenParts, "closed", wrong)


def an_undecided_point_refutes(monkeypatch):
    proper = formula.Formula.read

    def wrong(self, low, high):
        outputs, found = proper(self, low, high)
        return outputs._replace(fails=~outputs.holds), found

    monkeypatch.setattr(formula.Formula, "read", wrong)


MUTANTS = [
    strict_is_not,
    turned_is_not,
    an_or_is_an_and_of_what_fails,
    not_keeps_what_is_undecided_as_true,
    every_element_is_the_first,
    zero_is_no_case,
    a_part_is_closed_where_one_output_holds,
    an_undecided_point_refutes,
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_fuzz_sees_a_wrong_rule(mutant, monkeypatch):
    """Until the first wrong verdict."""
    mutant(monkeypatch)
    assert any(text for text, _ in map(fuzz_claims.wrong, range(1500)))


def a_narrow_bump(x):
    """False on a twentieth of [-1, 1] alone, where no gradient leads."""
    return ss.heaviside(x - "0.9") * ss.heaviside("0.95" - x) <= "1/2"


@pytest.mark.parametrize(
    ("mutant", "claim"),
    [(half_of_a_box_is_forgotten, a_narrow_bump), (differences_commute, lambda x: x - 2 <= 2 - x)],
)
def test_what_the_fuzz_seldom_meets(mutant, claim, monkeypatch):
    asked = {"vary": {"x": ss.box(-1, 3)}} if mutant is differences_commute else {"vary": {"x": ss.ball(1)}}
    assert not ss.prove(claim, 0, **asked).proved
    mutant(monkeypatch)
    assert ss.prove(claim, 0, **asked).proved
