"""The table of operators: the rule of each, or why there is none."""

from __future__ import annotations

from collections.abc import Callable

from scalarspec.frontends.onnx.at import Rule

RULES: dict[str, Rule] = {}
REFUSED: dict[str, str] = {}
"""Operators that are no functions of real numbers of a known shape, each with what to do."""


def operator(*names: str) -> Callable[[Rule], Rule]:
    """Marks the rule of some operators."""

    def mark(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return mark


def refuse(why: str, *names: str) -> None:
    """Says why some operators are refused."""
    REFUSED.update(dict.fromkeys(names, why))
