"""The matrix form of a spec: its value, stages and gradients in matrix notation, for tensors of any size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scalarspec.core.arguments import bind, spec_name
from scalarspec.core.foreign import spec_of
from scalarspec.core.literals import Literals
from scalarspec.core.shape import Shape
from scalarspec.core.sizes import LARGE, watched
from scalarspec.core.tensor import Tensor
from scalarspec.errors import NotSupported, UnknownName
from scalarspec.formulas.notation.latex import LATEX
from scalarspec.formulas.notation.numpy_code import NUMPY
from scalarspec.formulas.notation.printer import Notation, with_poles
from scalarspec.formulas.notation.style import ATOM, Style
from scalarspec.formulas.notation.text import TEXT
from scalarspec.formulas.operations import WINDOWED
from scalarspec.formulas.prime_sizes import PrimeSizes
from scalarspec.formulas.programs.printer import DEPTH
from scalarspec.formulas.programs.python import PYTHON, QUIET, numpy_module
from scalarspec.formulas.term import Term, below, flat_terms, unflattened
from scalarspec.formulas.term_adjoints import handed_on
from scalarspec.formulas.terms import Terms
from scalarspec.formulas.variables import unused, variables_in
from scalarspec.report import aligned
from scalarspec.results import Record
from scalarspec.tracing.gradient import backward_pass
from scalarspec.tracing.kinks import Formula
from scalarspec.tracing.scalar_graph import too_deep, topological
from scalarspec.tracing.tape import Equation, Tape
from scalarspec.tracing.trace import Trace, trace

_TERMS = ("steps", "adjoints", "gradients")
"""The fields that hold terms by name."""


@dataclass(frozen=True, eq=False)
class MatrixForm:
    """A spec, its stages and its gradients, each as one formula on whole tensors; made by `matrix_form`.

    name: what the value is called; shapes: the named sizes of each variable; steps, adjoints: the formulas of the
    stages, and of the derivatives along them; gradients: those of the variables; sizes: what the sizes are called;
    least: from which size on its indices fit; excluded: where an element of one of these is 0, a gradient's formula
    need not hold (an operation has a kink, a tie or a step there). Prints as text; in a notebook as LaTeX; what nests
    more deeply than a line can show is written by way of terms t_0, t_1, ...

        print(ss.matrix_form(lambda x: ss.mean_square(x), ss.Dim(2)))
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

    def __repr__(self) -> str:
        return f"<{self.name} {self.shapes}: stages {', '.join(self.steps)}, gradients {', '.join(self.gradients)}>"

    def __getstate__(self) -> dict[str, Any]:
        """The terms as a list, since they may be deep, and their places in it."""
        terms = list(below(self._roots))
        places = {term: i for i, term in enumerate(terms)}
        named = {name: {k: places[t] for k, t in getattr(self, name).items()} for name in _TERMS}
        rest = {name: vars(self)[name] for name in ("name", "shapes", "sizes", "least")}
        return {**rest, **named, "excluded": [places[t] for t in self.excluded], "terms": flat_terms(terms)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        terms = unflattened(state.pop("terms"))
        named = {name: {k: terms[i] for k, i in state[name].items()} for name in _TERMS}
        vars(self).update(state, **named, excluded=tuple(terms[i] for i in state["excluded"]))

    @property
    def _roots(self) -> list[Term]:
        """All its terms, but for those under others."""
        return [*self.steps.values(), *self.adjoints.values(), *self.gradients.values(), *self.excluded]

    def latex(self) -> str:
        """The formulas as lines of an `aligned`. Functions, ⊙, ⊘ and ⊙2 act on elements; ‖·‖ is the Euclidean norm, and
        ∗ what networks call a convolution, with its stride, dilation and padding below it.
        """
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

    def to_json(self) -> Record:
        """Plain data."""
        shapes = {name: list(shape) for name, shape in self.shapes.items()}
        return {"name": self.name, "shapes": shapes, "text": str(self).split("\n")[1:], "latex": self.latex()}

    def _written(self, style: Style) -> _Written:
        """All of it: the variables keep their names where they can, then the stages and the adjoints do."""
        terms = [*self.steps.values(), *self.adjoints.values(), *self.gradients.values()]
        names = style.names(terms, self.sizes.values())
        plain = {name: names.new(*style.wishes(name)) for name in (*self.shapes, *self.steps)}
        adjoint = {name: style.adjoint(names, plain[name], plain[self.name]) for name in self.adjoints | self.gradients}
        called = self._called(plain, adjoint, style.binds)
        for i, term in enumerate(too_deep(self._roots, lambda x: x.operands, called, lambda *_: 1, DEPTH)):
            called[term] = names.new(*style.wishes(f"t_{i}")), ATOM
        forwards = set(below(self.steps.values()))
        notation = Notation(style, self.sizes, plain, called, forwards, with_poles(terms) if style.handed else ())
        lines = self._lines(notation, plain, adjoint)
        excluded = [notation.text(term) for term in self.excluded]
        return _Written(lines, plain, adjoint, sorted(notation.helpers), excluded)

    def _called(self, plain: dict[str, str], adjoint: dict[str, str], binds: int) -> dict[Term, tuple[str, int]]:
        """What the terms of stages, and then of derivatives, are called, and how tightly that binds."""
        called: dict[Term, tuple[str, int]] = {}
        for name, term in self.steps.items():
            called.setdefault(term, (plain[name], ATOM))
        for name, term in (self.adjoints | self.gradients).items():
            called.setdefault(term, (adjoint[name], binds))
        return {term: name for term, name in called.items() if term.operands}

    def _lines(self, notation: Notation, plain: dict[str, str], adjoint: dict[str, str]) -> list[tuple[str, str]]:
        """Left and right sides: each stage and gradient, after the terms with names that it uses."""
        lines: dict[str, str] = {}
        left_of: list[tuple[str | None, Term]] = [(plain[name], term) for name, term in self.steps.items()]
        left_of += [(adjoint[name], term) for name, term in self.gradients.items()]
        done: set[Term] = set()
        for left, term in (*left_of, *((None, term) for term in self.excluded)):
            for inner in topological([term], lambda x: () if x in done else x.operands):
                if inner in notation.names and inner not in done:
                    lines.setdefault(notation.names[inner][0], notation.formula(inner))
                done.add(inner)
            if left is not None:
                lines.setdefault(left, notation.text(term))
        return list(lines.items())


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


def matrix_form(
    spec: Callable[..., Tensor], *args: Any, wrt: str | Sequence[str] | None = None, literals: Literals | None = None
) -> MatrixForm:
    """The spec and its gradients in matrix notation, for tensors of any size.

    spec: a function on tensors.
    args: as for the spec; each tensor, array or `Shape` among them, and in models, becomes a variable of which only the
    shape counts: sizes that differ are named n, m, k, ...; equal ones are taken to be one, and 1 stays 1. Whole numbers
    stay. A spec that looks through windows (convolutions, pools), by a mask or by a table of indices keeps the sizes
    that are given: these have their own, and how many windows there are is no product of sizes. wrt: the variables to
    differentiate in, by name (default: all; none for a spec whose shape is not ()).

    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns a `MatrixForm`, which prints as text, and has `latex()` and `python()`. Raises NotSupported where the
    formula is not the same for all sizes, for a spec that looks at its sizes (compares, counts, converts them: `len(t)`
    is a conversion, `t.size` is none), and for an operation that has no rule here; UnknownName for a name in `wrt` that
    is none.

        >>> print(ss.matrix_form(lambda W, x: ss.sum(ss.square(W @ x)), ss.Shape((2, 3)), ss.Dim(3), wrt="x"))
        W: (n, m), x: (m)
        _lambda_ = sum((W x)²)
        ∂_lambda_/∂x = Wᵀ (2 W x)

    Why a formula that is found at a few large sizes holds for all of them, `core.sizes` says.
    """
    spec = spec_of(spec, literals)
    given = _Recording.of(spec, args, None)  # errors of shapes in the user's own sizes
    as_given = given.form(_chosen(wrt, given.variables, given.trace.result.shape))
    if any(map(_fixes_sizes, given.trace.equations)):
        return as_given
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
    if any(_told(form) != _told(first) for form in others):
        raise NotSupported(f"matrix_form: what {spec_name(spec)} computes depends on the sizes beyond their names")
    return replace(first, least=watch.least)


@dataclass(frozen=True, eq=False)
class _Recording:
    """A spec on a tape of terms.

    sizes: those of the variables, as they are or as primes; variables: by name, the inputs of the trace; last: the
    stage that the value is, or the spec's name; labels: what each stage, and `last`, is called.
    """

    context: Terms
    sizes: PrimeSizes
    variables: dict[str, Tensor]
    trace: Trace
    last: str
    labels: dict[str, str]

    @classmethod
    def of(cls, spec: Callable[..., Tensor], args: Sequence[Any], start: int | None) -> _Recording:
        """The spec at sizes that are primes from `start` on, or as they are."""
        context, sizes = Terms(), PrimeSizes(start)

        def variable(name: str, shape: Shape) -> Tensor:
            return context.variable(name, sizes.of(shape))

        given, variables = variables_in(bind(spec, args), None, variable)
        traced = trace(Tape(context, shared=True), spec, given.values(), variables.values())
        last = traced.stage_of(traced.result) or spec_name(spec)
        labels = _labels([*traced.stages, last], variables)
        return cls(context, sizes, variables, traced, last, labels)

    def form(self, chosen: Sequence[str]) -> MatrixForm:
        """The form, with gradients in the chosen variables."""
        steps, formula = self._steps(), Formula()
        gradients, adjoints = self._derivatives(chosen, set(below(steps.values())), formula)
        names = self.sizes.named({*self.variables, *steps})
        shapes = {v: tuple(names.get(n, str(n)) for n in t.shape) for v, t in self.variables.items()}
        between = [self.context.term(t.value) for _, t in formula.excluded]
        excluded = tuple(dict.fromkeys(term for term in between if term.number is None))
        return MatrixForm(self.labels[self.last], shapes, steps, adjoints, gradients, names, excluded)

    def _steps(self) -> dict[str, Term]:
        """The terms of the stages, and of the value."""
        stages = self.trace.stages.items()
        steps = {self.labels[name]: self.context.term(stage.found.value) for name, stage in stages}
        return steps | {self.labels[self.last]: self.context.term(self.trace.result.value)}

    def _derivatives(
        self, chosen: Sequence[str], forwards: set[Term], formula: Formula
    ) -> tuple[dict[str, Term], dict[str, Term]]:
        """The gradients in the chosen variables, and the adjoints of the stages, by one reverse sweep."""
        if not chosen:
            return {}, {}
        stages = self.trace.stages
        on_tape = dict(zip(self.variables, self.trace.inputs, strict=True))
        inputs = [on_tape[v] for v in chosen] + [stage.handed for stage in stages.values()]
        found = backward_pass(self.trace, self.context.tensor(1), inputs=inputs, formula=formula)
        terms = handed_on(self.context.arrays.build, [self.context.term(t.value) for t in found], forwards)
        gradients = dict(zip(chosen, terms, strict=False))
        adjoints = dict(zip((self.labels[label] for label in stages), terms[len(chosen) :], strict=True))
        return gradients, adjoints


def _labels(stages: Sequence[str], variables: Collection[str]) -> dict[str, str]:
    """A name for each stage that is none of another stage or of a variable."""
    labels: dict[str, str] = {}
    for stage in dict.fromkeys(stages):
        others = {*stages, *labels.values()} - {stage}
        labels[stage] = unused(stage, {*others, *variables})
    return labels


def _told(form: MatrixForm) -> tuple[str, list[str]]:
    """What a form says of sizes: its text, and the shapes of the numbers in it, which only the code says."""
    numbers = (x for x in below(form._roots) if x.number is not None and x.shape)
    return str(form), [Notation(NUMPY, form.sizes, {}, {}).shape(x.shape) for x in numbers]


def _fixes_sizes(eqn: Equation) -> bool:
    """Is what an operation does said of some sizes alone? Of windows, of a mask, of places in a table."""
    tables = [key for key in eqn.parameters.get("index", ()) if getattr(key, "ndim", 0) > 1]
    return eqn.operation in WINDOWED or eqn.parameters.get("mask") is not None or bool(tables)


def _formed(
    spec: Callable[..., Tensor], args: Sequence[Any], wrt: str | Sequence[str] | None, start: int | None
) -> MatrixForm:
    """The form at sizes that are primes from `start` on, or as they are."""
    recording = _Recording.of(spec, args, start)
    return recording.form(_chosen(wrt, recording.variables, recording.trace.result.shape))


def _chosen(wrt: str | Sequence[str] | None, variables: dict[str, Tensor], shape: Shape) -> list[str]:
    """The variables to differentiate in. Raises UnknownName for a name that is none."""
    if wrt is None:
        return [] if shape else list(variables)
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    for name in names:
        if name not in variables:
            raise UnknownName(f"wrt: no variable {name!r}; there are {', '.join(variables) or 'none'}")
    return names
