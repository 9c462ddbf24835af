"""The likely mistake: the known ones that give the very results that somebody's function gives."""

from __future__ import annotations

from collections.abc import Mapping

from scalarspec.audit.explanations import computes_in, explains
from scalarspec.audit.kind import Kind
from scalarspec.audit.near import Inputs, Near, Spec
from scalarspec.audit.subject import Subject
from scalarspec.numbers.formats import FORMATS
from scalarspec.rounding_errors.float_results import Floats

TELLING = 5
"""The simplest case with several coordinates."""


MOST_NAMED = 3
"""So many mistakes that give the same numbers are named at most."""


def likely_mistakes(kind: Kind, subject: Subject, cases: list[Inputs]) -> tuple[str, ...]:
    """The known mistakes that give the function's results in every case, the simplest first."""
    telling = sorted(range(len(cases)), key=lambda i: i != TELLING)  # nearly all that differs differs there
    results = [(subject.ordered(cases[i]), subject.value(cases[i])) for i in telling]
    if all(subject.near(inputs, actual.form).holds(actual) for inputs, actual in results):
        return _gradient_mistakes(kind, subject, cases)
    found = [m.text for m in kind.mistakes() if explains(m.spec, kind.spec, results)]
    if not found:
        narrower = [name for name in ("float32", "bfloat16", "float16") if _narrower(name, results)]
        found = [f"it computes in {name}" for name in narrower if computes_in(FORMATS[name], kind.spec, results)][:1]
    fewest = min((text.count(";") for text in found), default=0)
    return tuple(dict.fromkeys(text for text in found if text.count(";") == fewest))[:MOST_NAMED]


def _narrower(name: str, results: list[tuple[Inputs, Floats]]) -> bool:
    """Is a format narrower than that of every result?"""
    return all(FORMATS[name].precision < actual.form.precision for _, actual in results)


def _gradient_mistakes(kind: Kind, subject: Subject, cases: list[Inputs]) -> tuple[str, ...]:
    """Where the values are right and the gradients are not."""
    actual = {
        name: [(inputs, subject.autograd(inputs, name)) for inputs in map(subject.ordered, cases)]
        for name in kind.gradients
    }
    seen = {
        name: [(inputs, gradient) for inputs, gradient in found if gradient is not None]
        for name, found in actual.items()
    }
    if any(len(seen[name]) < len(found) for name, found in actual.items()):
        return ()
    return tuple(
        text for text, gradients in kind.gradient_mistakes.items() if _gradients_explained(kind, gradients, seen)
    )


def _gradients_explained(
    kind: Kind, wrong: Mapping[str, Spec], seen: Mapping[str, list[tuple[Inputs, Floats]]]
) -> bool:
    """Are all gradients those of a mistake, and does one of them tell it from what is right?"""
    told = [explains(wrong[name], kind.gradients[name], seen[name]) for name in wrong]
    right = [all(Near.of(wrong[n], i, g.form).holds(g) for i, g in seen[n]) for n in wrong]
    return any(told) and all(right)
