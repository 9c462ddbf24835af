"""What a certificate claims of the elements of its result: comparisons with exact numbers, joined by and, or."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.formula import Formula, Node, moved
from scalarspec.bounding.formula_nodes import Comparison, Given, Relation

Array = np.ndarray[Any, Any]
Claim = list[Any]
"""["at least", element, numerator, denominator], and so "above", "at most", "below"; or ["and", ...], ["or", ...]."""

REFUSED: dict[Relation, Relation] = {"above": "at most", "at least": "below", "below": "at least", "at most": "above"}
"""What holds where a comparison does not."""


def compared(relation: Relation, element: int, limit: Fraction, holds: bool = True) -> Claim:
    """That a comparison of an element with a number holds, or that it does not."""
    if relation == "equal":
        parts: list[Relation] = ["at least", "at most"]
        return ["and" if holds else "or", *(compared(part, element, limit, holds) for part in parts)]
    said = relation if holds else REFUSED[relation]
    return [said, element, limit.numerator, limit.denominator]


def rounded(limit: Fraction) -> Fraction:
    """A limit, rounded downward to a multiple of 2^-80."""
    return Fraction(limit.numerator * 2**80 // limit.denominator, 2**80)


def claim_of(formula: Formula) -> Claim:
    """What a formula claims, each of its outputs."""
    return ["and", *_claims(formula, formula.result, True).ravel()]


def _claims(formula: Formula, i: int, holds: bool) -> Array:
    """For each element of a node, that it holds, or that it does not."""
    node: Node = formula.nodes[i]
    if isinstance(node, Comparison):
        elements = range(node.place.start, node.place.stop)
        return _array([compared(node.relation, k, node.limit, holds) for k in elements], node.shape)
    if isinstance(node, Given):
        return _array([["and"] if truth == holds else ["or"] for truth in node.truths], node.shape)
    if node.operation == "logical_not":
        return _claims(formula, node.operands[0], not holds)
    operands = [_claims(formula, k, holds) for k in node.operands]
    if node.operation in ("logical_and", "logical_or"):
        joins = "and" if (node.operation == "logical_and") == holds else "or"
        pairs = np.broadcast_arrays(*operands)
        return _array([[joins, *each] for each in zip(*map(np.ravel, pairs), strict=True)], pairs[0].shape)
    (claims,) = operands
    places = moved(node, np.arange(claims.size, dtype=np.float64).reshape(*claims.shape, 1))[..., 0]
    return _array([claims.ravel()[int(k)] for k in places.ravel()], places.shape)


def _array(claims: Sequence[Claim], shape: Sequence[int]) -> Array:
    """An array of claims, which are lists themselves."""
    found = np.empty(len(claims), dtype=object)
    found[:] = claims
    return found.reshape(tuple(shape))
