"""The search that all branch and bound is: parts give way to what they are divided into, and nothing is lost."""

from fractions import Fraction
from itertools import pairwise

from scalarspec.bounding.branch import refine


def halves(parts):
    for low, high in parts:
        middle = (low + high) / 2
        yield from ((low, middle), (middle, high))


def longest(parts):
    return [max(parts, key=lambda part: part[1] - part[0])]


def test_the_parts_cover_the_whole_after_each_round():
    whole = (Fraction(0), Fraction(1))
    for count, parts in zip(range(1, 20), refine([whole], longest, halves), strict=False):
        assert len(parts) == count
        ends = sorted(parts)
        assert ends[0][0] == 0
        assert ends[-1][1] == 1
        assert all(a[1] == b[0] for a, b in pairwise(ends))


def test_it_ends_where_nothing_is_chosen_and_where_nothing_is_left():
    assert list(refine([(0, 1)], lambda parts: [], halves)) == [[(0, 1)]]
    assert list(refine([(0, 1)], lambda parts: parts, lambda chosen: [])) == [[(0, 1)], []]


def test_equal_parts_are_parts_of_their_own():
    one, other = [0], [0]
    *_, last = refine(
        [one, other], lambda parts: [one] if one in parts and len(parts) == 2 else [], lambda chosen: [[1], [2]]
    )
    assert last == [[0], [1], [2]]
    assert last[0] is other
