"""The matrix form of a spec: its value, stages and gradients in matrix notation, for tensors of any size."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scalarspec.core.arguments import bind, spec_name
from scalarspec.core.shape import Shape
from scalarspec.core.sizes import LARGE, watched
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotSupported, UnknownName
from scalarspec.formulas.derive import unused, variables_in
from scalarspec.formulas.notation import ATOM, LATEX, NUMPY, TEXT, Notation, Style, with_poles
from scalarspec.formulas.programs import PYTHON, QUIET, numpy_module
from scalarspec.formulas.terms import Term, Terms, below
from scalarspec.report import aligned
from scalarspec.tracing.gradient import backward_pass
from scalarspec.tracing.kinks import Formula
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import trace

SIZES = "nmklpqrs"


@dataclass(frozen=True, eq=False)
class MatrixForm:
    """A spec, its stages and its gradients, each as one formula on whole tensors; made by `matrix_form`.

    name: what the value is called; shapes: the named sizes of each variable; least: from which size on its indices
    fit; excluded: where an element of one of these is 0, a gradient's formula need not hold (an operation has a kink, a
    tie or a step there). Prints as text; in a notebook as LaTeX.
    """

    name: str
    shapes: dict[str, tuple[str, ...]]
    steps: dict[str, Term]
    adjoints: dict[str, Term]
    gradients: dict[str, Term]
    sizes: dict[int, str] = field(repr=False)
    excluded: tuple[Term, ...] = ()
    least: int = 1

    def __str__(self) -> str:
        written = self._written(TEXT)
        shapes = [f"{written.plain[name]}: ({', '.join(shape)})" for name, shape in self.shapes.items()]
        head = ", ".join(shapes) + (f"; sizes from {self.least} on" if self.least > 1 else "")
        holds = [f"where {', '.join(f'{text} ≠ 0' for text in written.excluded)}"] if written.excluded else []
        return "\n".join([head, *(f"{left} = {right}" for left, right in written.lines), *holds])

    def latex(self) -> str:
        """The formulas as lines of an `aligned`. Functions, ⊙, ⊘ and ⊙2 act on elements; ‖·‖ is the Euclidean norm."""
        written = self._written(LATEX)
        return aligned([*written.lines, *((rf"\text{{where }} {text}", r"\neq 0") for text in written.excluded)])

    def python(self, name: str = "spec") -> str:
        """A function of the variables by NumPy, for any sizes: the value, and a dictionary of gradients."""
        written = self._written(NUMPY)
        arguments = [written.plain[v] for v in self.shapes]
        places = {size: f"{written.plain[v]}.shape[{i}]" for v, s in self.shapes.items() for i, size in enumerate(s)}
        gradients = ", ".join(f"{v!r}: {written.adjoint[v]}" for v in self.gradients)
        text = [
            QUIET,
            f"def {PYTHON.vocabulary.function(name)}({', '.join(arguments)}):",
            *(f"    {v} = numpy.asarray({v}, dtype=numpy.float64)" for v in arguments),
            *(f"    {size} = {places[size]}" for size in self.sizes.values()),
            *(f"    {left} = {right}" for left, right in written.lines),
            f"    return {written.plain[self.name]}, {{{gradients}}}",
        ]
        return numpy_module(written.helpers, text)

    def _repr_latex_(self) -> str:
        """What a notebook shows."""
        return f"$$\n{self.latex()}\n$$"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        shapes = {name: list(shape) for name, shape in self.shapes.items()}
        return {"name": self.name, "shapes": shapes, "text": str(self).split("\n")[1:], "latex": self.latex()}

    def _written(self, style: Style) -> _Written:
        """All of it: the variables keep their names where they can, then the stages and the adjoints do."""
        terms = [*self.steps.values(), *self.adjoints.values(), *self.gradients.values()]
        names = style.names(terms, self.sizes.values())
        plain = {name: names.new(*style.wishes(name)) for name in (*self.shapes, *self.steps)}
        adjoint = {name: style.adjoint(names, plain[name], plain[self.name]) for name in self.adjoints | self.gradients}
        called: dict[Term, tuple[str, int]] = {}
        for name, term in self.steps.items():
            called.setdefault(term, (plain[name], ATOM))
        for name, term in (self.adjoints | self.gradients).items():
            called.setdefault(term, (adjoint[name], style.binds))
        called = {term: name for term, name in called.items() if term.operands}
        forwards = set(below(self.steps.values()))
        notation = Notation(style, self.sizes, plain, called, forwards, with_poles(terms) if style.handed else ())
        lines: dict[str, str] = {}
        for left, term in (
            *((plain[name], term) for name, term in self.steps.items()),
            *((adjoint[name], term) for name, term in self.gradients.items()),
        ):
            for inner in below([term]):
                if inner in called:
                    lines.setdefault(called[inner][0], notation.formula(inner))
            lines.setdefault(left, notation.text(term))
        excluded = [notation.text(term) for term in self.excluded]
        return _Written(list(lines.items()), plain, adjoint, sorted(notation.helpers), excluded)


@dataclass(frozen=True)
class _Written:
    """A form in one style.

    lines: left and right sides, each after those that it uses; plain, adjoint: how names are written, and derivatives
    in what they name; helpers: those that the formulas need; excluded: what is not 0 where the gradients hold.
    """

    lines: list[tuple[str, str]]
    plain: dict[str, str]
    adjoint: dict[str, str]
    helpers: list[str]
    excluded: list[str]


def matrix_form(spec: Callable[..., Tensor], *args: Any, wrt: str | Sequence[str] | None = None) -> MatrixForm:
    """The spec and its gradients in matrix notation, for tensors of any size.

    args: as for the spec; each tensor, array or `Shape` among them, and in models, becomes a variable of which only the
    shape counts: sizes that differ are named n, m, k, ...; equal ones are taken to be one, and 1 stays 1. Whole numbers
    stay. wrt: the variables to differentiate in, by name (default: all; none for a spec whose shape is not ()).
    Raises NotSupported where the formula is not the same for all sizes, and for a spec that looks at its sizes
    (compares, counts, converts them: `len(t)` is a conversion, `t.size` is none); UnknownName for a name in `wrt` that
    is none.
    """
    _formed(spec, args, wrt, None)  # errors of shapes in the user's own sizes
    with watched() as watch:
        try:
            forms = [_formed(spec, args, wrt, start) for start in LARGE if not watch.looked]
        except Exception as error:  # a spec that counts by its sizes may fail at large ones in any way
            raise NotSupported(
                f"matrix_form: {spec_name(spec)} takes only some sizes (weights must be arguments): {error}"
            ) from error
    if watch.looked:
        raise NotSupported(
            f"matrix_form: {spec_name(spec)} looks at its sizes, and what it computes then depends on the sizes beyond "
            f"their names; compute with t.size and t.shape[i] as they are (len(t), comparisons and loops look)"
        )
    first, *others = forms
    if any(str(form) != str(first) for form in others):
        raise NotSupported(f"matrix_form: what {spec_name(spec)} computes depends on the sizes beyond their names")
    return replace(first, least=watch.least)


def _formed(
    spec: Callable[..., Tensor], args: Sequence[Any], wrt: str | Sequence[str] | None, start: int | None
) -> MatrixForm:
    """The form at sizes that are primes from `start` on, or as they are."""
    context, sizes = Terms(), Sizes(start)
    given, variables = variables_in(bind(spec, args), None, lambda name, shape: context.variable(name, sizes.of(shape)))
    traced = trace(Tape(context, shared=True), spec, given.values(), variables.values())
    result, stages = traced.result, traced.stages
    last = traced.stage_of(result) or spec_name(spec)
    labels: dict[str, str] = {}
    for label in dict.fromkeys((*stages, last)):
        labels[label] = unused(label, {*variables, *stages, *labels.values()} - {label} | {*variables})
    steps = {labels[label]: context.term(stage.found.value) for label, stage in stages.items()}
    steps[labels[last]] = context.term(result.value)
    chosen = _chosen(wrt, variables, result.shape)
    on_tape = dict(zip(variables, traced.inputs, strict=True))
    inputs = [on_tape[v] for v in chosen] + [stage.handed for stage in stages.values()]
    formula = Formula()
    found = backward_pass(traced, context.tensor(1), inputs=inputs, formula=formula) if chosen else []
    terms = context.arrays.handed_on([context.term(t.value) for t in found], set(below(steps.values())))
    adjoints = dict(zip((labels[label] for label in stages), terms[len(chosen) :], strict=False))
    names = sizes.named({*variables, *steps})
    shapes = {v: tuple(names.get(n, str(n)) for n in t.shape) for v, t in variables.items()}
    between = [context.term(t.value) for _, t in formula.excluded]
    excluded = tuple(dict.fromkeys(term for term in between if term.number is None))
    gradients = dict(zip(chosen, terms, strict=False))
    return MatrixForm(labels[last], shapes, steps, adjoints, gradients, names, excluded)


def _chosen(wrt: str | Sequence[str] | None, variables: dict[str, Tensor], shape: Shape) -> list[str]:
    if wrt is None:
        return [] if shape else list(variables)
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    for name in names:
        if name not in variables:
            raise UnknownName(f"wrt: no variable {name!r}; there are {', '.join(variables) or 'none'}")
    return names


class Sizes:
    """Primes for the sizes over 1, and the names of these sizes."""

    def __init__(self, start: int | None) -> None:
        self.start = start
        self.primes: dict[int, int] = {}

    def of(self, shape: Shape) -> Shape:
        """The shape in primes."""
        return shape if self.start is None else Shape(self._prime(n) if n > 1 else n for n in shape)

    def _prime(self, n: int) -> int:
        if n not in self.primes:
            prime = max([self.start or 0, *self.primes.values()]) + 1
            while any(prime % k == 0 for k in range(2, int(prime**0.5) + 1)):
                prime += 1
            self.primes[n] = prime
        return self.primes[n]

    def named(self, taken: set[str]) -> dict[int, str]:
        """A name for each prime, other than those that are taken."""
        free = (name for name in itertools.chain(SIZES, (f"n{i}" for i in itertools.count(1))) if name not in taken)
        return dict(zip(self.primes.values(), free, strict=False))
