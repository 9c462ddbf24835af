"""Which mistake explains somebody's results: a wrong spec that gives the same numbers, or a narrower float format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from scalarspec.audit.near import Inputs, Near, Spec
from scalarspec.errors import DomainError
from scalarspec.numbers.exact import infinite
from scalarspec.numbers.formats import Format
from scalarspec.rounding_errors.float_results import Floats

NARROW = Fraction(1, 4)
"""Of the slack, for what is said to compute in a narrower format: 4 times the spec's own rounding bound."""


LOST = 3
"""So many last bits of such results may all be 0."""


SEVERAL = 2
"""At so many inputs a result must need the narrower format, and not be one of the wider."""


def matches(spec: Spec, inputs: Inputs, actual: Floats) -> bool:
    """Can the result be what this spec gives? Where the spec has no value: is it no number?"""
    try:
        near = Near.of(spec, inputs, actual.form)
    except DomainError:
        return all(infinite(x) for x in actual.values.flat)
    return near.holds(actual) or not near.tells


def explains(wrong: Spec, right: Spec, results: Sequence[tuple[Inputs, Floats]]) -> bool:
    """Are all results what a wrong spec gives, and is one of them so by far not what the right one gives?"""
    if not all(matches(wrong, inputs, actual) for inputs, actual in results):
        return False
    return any(_tells_apart(wrong, right, inputs, actual) for inputs, actual in results)


def _tells_apart(wrong: Spec, right: Spec, inputs: Inputs, actual: Floats) -> bool:
    """Is a result that of the wrong spec, and not that of the right one, which lies far from there?"""
    try:
        near, other = Near.of(wrong, inputs, actual.form), Near.of(right, inputs, actual.form)
    except DomainError:
        return False
    return near.tells and other.tells and near.far(other) and near.holds(actual) and not other.holds(actual)


def computes_in(narrow: Format, right: Spec, results: Iterable[tuple[Inputs, Floats]]) -> bool:
    """Are all results numbers of a narrower format, as near the exact values as that allows, and is this no chance?

    It is none where the right results of the wider format are others, and these need nearly all bits of the narrower
    one (differences lose some): at several inputs.
    """
    told, narrower = 0, replace(narrow, precision=narrow.precision - LOST)
    for inputs, actual in results:
        near = Near.of(right, inputs, narrow)
        if not near.tells:
            continue  # it may leave the range of the format
        if not all(isinstance(x, Fraction) and narrow.holds(x) for x in actual.values.flat):
            return False
        if not near.holds(actual, NARROW):
            return False
        exact = Near.of(right, inputs, actual.form)
        full = not all(narrower.holds(x) for x in actual.values.flat)
        told += full and exact.tells and not exact.holds(actual)
    return told >= SEVERAL
