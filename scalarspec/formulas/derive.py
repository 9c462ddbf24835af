"""The closed form of a spec, stage by stage: expressions, derivatives, LaTeX, Python and C, from one shared graph."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from scalarspec.core.arguments import bind, call, spec_name
from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.lifting import is_data, lift, mapped, replaced
from scalarspec.core.registry import context as named_context
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ScalarSpecError, ShapeError, TooLarge, UnknownName
from scalarspec.formulas.programs import Program
from scalarspec.numbers.exact import as_array
from scalarspec.report import aligned, unboxed
from scalarspec.tracing.gradient import backward_pass, hessian
from scalarspec.tracing.kinks import Formula
from scalarspec.tracing.scalar_graph import Node, cost, operations, ordered, written
from scalarspec.tracing.tape import Tape
from scalarspec.tracing.trace import Trace, trace

Expr = Any  # SymPy is untyped
MAX_OPERATIONS = 20_000
SHOWN = 8
"""So many of the places where a formula need not hold are printed."""
VECTORS = 3
"""How many test vectors Lean is given."""


@dataclass(frozen=True, eq=False)
class Derivation:
    """A spec as expressions of its variables, by way of named stages.

    value: the symbolic tensor; steps: the stages before it, in order; inputs: symbolic tensors of the variables, by
    name. Printed, in LaTeX and in a notebook it shows each stage in terms of those before, and the value last.
    """

    name: str
    value: Tensor
    steps: dict[str, Tensor]
    inputs: dict[str, Tensor]
    max_operations: int
    _source: _Source | None = field(default=None, repr=False)
    _excluded: tuple[Node, ...] = field(default=(), repr=False)
    _spec: Tensor | None = field(default=None, repr=False)
    """The value of the spec that this is a derivative of."""

    @property
    def excluded(self) -> tuple[Any, ...]:
        """SymPy expressions, in terms of the stages: where one of them is 0 a derivative's formula need not hold.

        There an operation has a kink, a tie or a step.
        """
        context: Any = self.value.context
        return tuple(context.in_terms(x, self._names) for x in self._excluded)

    @property
    def variables(self) -> dict[str, Any]:
        """The variables by name: object arrays of SymPy symbols, in their shapes."""
        return {name: t.context.arrays.items(t.value) for name, t in self.inputs.items()}

    @property
    def operations(self) -> int:
        """How many operations it takes to work out the value, shared ones counted once."""
        return operations(_nodes(self.value))

    @property
    def stages(self) -> dict[str, Any]:
        """Each stage, and the value last: SymPy expressions (an object array where there are many) of those before.

        Raises TooLarge where they have more than `max_operations` operations together.
        """
        return {name: unboxed(expressions) for name, (_, expressions) in self._shown.items()}

    def expand(self) -> Any:
        """The value in terms of the variables alone: a SymPy expression, or an object array of them.

        Raises TooLarge where that has more than `max_operations` operations; the stages may have far fewer.
        """
        self._guard("written out", ())
        return unboxed(self.value.context.arrays.items(self.value.value))

    def derivative(self, name: str | None = None) -> Derivation:
        """∂ value / ∂ name, for a spec of shape (), stage by stage: forwards, then backwards. By one reverse sweep.

        `name` may be left out where there is one variable. The formula is that of the smooth pieces: at kinks, ties and
        steps, where one of `excluded` is 0, it need not hold, and it says so. No DiracDelta occurs. Raises ShapeError
        for another shape, NotDifferentiable where the spec has no derivative whatever the variables are.
        """
        source, name = self._scalar(), self._named(name)
        gradient = source.gradients[0][name]
        steps = dict(self.steps)
        for label, adjoint in self._adjoint_steps.items():
            steps[unused(label, steps)] = adjoint
        label = unused(f"d_{name}", steps)
        excluded = tuple(dict.fromkeys(x for _, t in source.formula.excluded for x in _nodes(t) if x.free))
        return Derivation(
            label, gradient, steps, self.inputs, self.max_operations, _excluded=excluded, _spec=self.value
        )

    def gradient(self, name: str | None = None) -> Any:
        """The derivative, expanded: a SymPy expression, or an object array in the variable's shape."""
        return self.derivative(name).expand()

    def hessian(self, name: str | None = None) -> Any:
        """∂² value / ∂ name², for a spec of shape (), expanded: (n, n) for a variable of n elements, row-major."""
        source, name = self._scalar(), self._named(name)
        value = hessian(lambda t: source.value_at(name, t))(self.inputs[name])
        found = Derivation(f"d2_{name}", value, {}, self.inputs, self.max_operations).expand()
        return np.reshape(as_array(found), (self.inputs[name].size,) * 2)

    def latex(self) -> str:
        """The stages and the value in LaTeX, as lines of an `aligned`; a single expression by itself."""
        import sympy

        lines: list[tuple[str, str]] = [(sympy.latex(named), sympy.latex(e)) for named, e in self._lines()]
        holds = [(sympy.latex(e), r"\neq 0") for e in self.excluded[:SHOWN]]
        if len(lines) == 1 and not self.steps:
            return r" \quad ".join([lines[0][1], *(f"({e} {rest})" for e, rest in holds)])
        return aligned([*lines, *((rf"\text{{where }} {e}", rest) for e, rest in holds)])

    def python(self, name: str = "spec", wrt: str | Sequence[str] = ()) -> str:
        """A Python function of the variables as arrays, by NumPy: the value, then the gradients in `wrt`."""
        return self._program(name, wrt).python()

    def c99(self, name: str = "spec", wrt: str | Sequence[str] = ()) -> str:
        """A C99 function of pointers to the variables: it writes the value, then the gradients in `wrt`."""
        return self._program(name, wrt).c99()

    def lean(self, name: str = "spec") -> str:
        """A Lean 4 definition over ℝ, with rational test vectors as `example`s. Text: it is not compiled here.

        The vectors are the first points, of small rationals, at which the value is rational. Raises TooLarge where the
        definition has more than `max_operations` operations.
        """
        self._guard("stage by stage", self._labels)
        return self._program(name, ()).lean(list(itertools.islice(self._vectors(), VECTORS)))

    def _vectors(self) -> Iterator[tuple[dict[str, Fraction], Any]]:
        """Values of the variables, and of the spec there, in rationals."""
        context: Any = self.value.context
        owners = {text: name for name, t in self.inputs.items() for text in _texts(t)}
        for chosen in dict.fromkeys([(), *((name,) for name in self.inputs), tuple(self.inputs)]):
            rng = np.random.default_rng(5)
            point = {s: Fraction(int(rng.integers(-8, 9)), 4) * (name in chosen) for s, name in owners.items()}
            with contextlib.suppress(ScalarSpecError):  # a value that is not rational
                nodes = self.value.scalars()
                yield point, lift_elements(lambda x, at=point: context.exact_value(context.substitute(x, at)), nodes)

    def __str__(self) -> str:
        lines = [f"{named} = {e}" if self.steps else str(e) for named, e in self._lines()]
        if self.excluded:
            more = f", and so on ({len(self.excluded)} in all)" if len(self.excluded) > SHOWN else ""
            lines.append(f"where {', '.join(f'{e} != 0' for e in self.excluded[:SHOWN])}{more}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"<{self.name} {self.value.shape}: {self.operations} operations, stages {', '.join(self.steps) or 'none'}>"
        )

    def _repr_latex_(self) -> str | None:
        """What a notebook shows; the plain text where it is too large."""
        try:
            return f"$$\n{self.latex()}\n$$"
        except TooLarge:
            return None

    def to_json(self) -> dict[str, Any]:
        """Plain data: the stages and the value as text, and in LaTeX."""
        stages = {name: lift_elements(str, as_array(e)).tolist() for name, e in self.stages.items()}
        head = {"name": self.name, "shape": list(self.value.shape), "operations": self.operations}
        return {**head, "stages": stages, "latex": self.latex(), "excluded": list(map(str, self.excluded))}

    @cached_property
    def _adjoint_steps(self) -> dict[str, Tensor]:
        """The adjoints of the stages, the last first."""
        assert self._source is not None
        found = self._source.gradients[1]
        return {f"d_{name}": found[name] for name in reversed(self.steps)}

    @cached_property
    def _symbols(self) -> dict[str, Tensor]:
        """A tensor of symbols for each stage and for the value; no name stands for two things."""
        found: dict[str, Tensor] = {}
        taken = {"pi"}
        for x in ordered([x for t in (*self.inputs.values(), *self.steps.values(), self.value) for x in _nodes(t)]):
            taken |= {symbol.name for symbol in x.args[0].free_symbols} if x.operation == "leaf" else set()
        for name, step in (*self.steps.items(), (self.name, self.value)):
            label = re.sub(r"\W", "_", name)
            while taken & set(_texts(step.context.symbols(label, step.shape))):
                label += "_"
            found[name] = step.context.symbols(label, step.shape)
            taken |= set(_texts(found[name]))
        return found

    @cached_property
    def _labels(self) -> dict[Node, Node]:
        """The symbol of each element of a stage that takes work and that the value needs."""
        needed = set(ordered(_nodes(self.value)))
        labels: dict[Node, Node] = {}
        for name, step in self.steps.items():
            for x, symbol in zip(_nodes(step), _nodes(self._symbols[name]), strict=True):
                if cost(x) and x in needed:
                    labels.setdefault(x, symbol)
        return labels

    @cached_property
    def _names(self) -> dict[Node, Expr]:
        """The labels as SymPy symbols."""
        return {x: self.value.context.item(symbol) for x, symbol in self._labels.items()}

    @cached_property
    def _shown(self) -> dict[str, tuple[Any, Any]]:
        """The symbols and the expressions of each stage that the value needs, and of the value: object arrays."""
        self._guard("stage by stage", self._labels)
        items = self.value.context.arrays.items
        return {
            name: (items(symbols.value), lift_elements(self._expressed, step.scalars(), symbols.scalars()))
            for name, step in (*self._needed.items(), (self.name, self.value))
            for symbols in (self._symbols[name],)
        }

    @property
    def _needed(self) -> dict[str, Tensor]:
        return {name: step for name, step in self.steps.items() if any(x in self._labels for x in _nodes(step))}

    def _expressed(self, x: Node, own: Node) -> Expr:
        """A node whose symbol is `own` as a SymPy expression, by way of the labels of others."""
        context: Any = self.value.context
        return self._names[x] if self._labels.get(x, own) is not own else context.in_terms(x, self._names)

    def _lines(self) -> Iterator[tuple[Expr, Expr]]:
        for named, expressions in self._shown.values():
            yield from zip(named.flat, expressions.flat, strict=True)

    def _guard(self, how: str, given: Collection[Node]) -> None:
        steps = self._needed.values() if given else ()
        roots = [x for step in (*steps, self.value) for x in _nodes(step)]
        count = written(roots, given)
        if count > self.max_operations:
            stages = ", ".join(self.steps)
            offered = f"see its stages ({stages}) by print() or .stages, " if self.steps and not given else ""
            raise TooLarge(
                f"derive: {how}, {count} operations are more than max_operations = {self.max_operations}; {offered}"
                "take python(), c99() or matrix_form, or derive a smaller slice"
            )

    def _program(self, name: str, wrt: str | Sequence[str]) -> Program:
        chosen = [self._named(w) for w in ((wrt,) if isinstance(wrt, str) else wrt)]
        outputs = {"value": self.value}
        labels = {x: str(symbol) for x, symbol in self._names.items()}
        if chosen:
            gradients = self._scalar().gradients[0]
            outputs |= {f"d_{w}": gradients[w] for w in chosen}
        inputs = {name: t.scalars() for name, t in self.inputs.items()}
        forwards = set(ordered(_nodes(self._spec or self.value)))
        return Program(name, inputs, {name: t.scalars() for name, t in outputs.items()}, labels, forwards)

    def _scalar(self) -> _Source:
        if self._source is None:
            raise ArgumentError("derivative: of a derivative; expected a spec (see hessian)")
        if self.value.shape:
            raise ShapeError(f"gradient: the spec has shape {self.value.shape}; expected (), such as a sum")
        return self._source

    def _named(self, name: str | None) -> str:
        if name is None and len(self.inputs) == 1:
            return next(iter(self.inputs))
        if name not in self.inputs:
            raise UnknownName(f"derive: no variable {name!r}; there are {', '.join(self.inputs) or 'none'}")
        return name


def derive(
    spec: Callable[..., Tensor], *args: Any, wrt: str | Sequence[str] = (), max_operations: int = MAX_OPERATIONS
) -> Derivation:
    """The spec in closed form, stage by stage. What is named in `wrt`, and each `Shape`, becomes real variables.

    wrt: parameters of the spec, or paths in them such as `model.decoder.forward.weight`; a model's name stands for all
    of its tensors. An argument, or a part of one, may be a `Shape` in the place of a tensor. The variables bear the
    parameter's name, or the end of the path (forward_weight), with indices: x_0, x_1, ... All else enters at its exact
    value, and may hold symbolic tensors.
    Raises UnknownName and ArgumentError for names that are no tensors. Expressions of more than `max_operations`
    operations are refused (TooLarge) when they are to be shown; Python and C are made at any size.
    """
    source = _Source.of(spec, args, (wrt,) if isinstance(wrt, str) else tuple(wrt))
    staged = source.trace.stage_of(source.trace.result)
    steps = {label: step for label, step in source.steps.items() if label != staged}
    name = unused(staged or spec_name(spec), steps)
    return Derivation(name, source.value, steps, source.inputs, max_operations, source)


@dataclass(frozen=True, eq=False)
class _Source:
    """A spec evaluated on a tape around symbols. inputs: the symbols, by name; traced: the value on the tape."""

    spec: Callable[..., Tensor]
    arguments: dict[str, Any]
    inputs: dict[str, Tensor]
    trace: Trace
    formula: Formula = field(default_factory=Formula)

    @classmethod
    def of(cls, spec: Callable[..., Tensor], args: Sequence[Any], wrt: Sequence[str]) -> _Source:
        """The spec at symbols for what is named in `wrt`."""
        context = named_context("symbolic")
        bound = bind(spec, args, known=[path.split(".")[0] for path in wrt])
        given, variables = variables_in(bound, wrt, context.symbols)
        _distinct(variables)
        arguments = {name: lift(value, context) for name, value in given.items()}
        traced = trace(Tape(context, shared=True), spec, arguments.values(), variables.values())
        return cls(spec, arguments, variables, traced)

    @property
    def value(self) -> Tensor:
        """The spec's value."""
        return self.trace.tensor(self.trace.result)

    @property
    def steps(self) -> dict[str, Tensor]:
        """Its stages, in order."""
        return {name: self.trace.tensor(stage.found) for name, stage in self.trace.stages.items()}

    @cached_property
    def gradients(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Of the value, in each variable and in each stage, by one reverse sweep."""
        stages = {name: stage.handed for name, stage in self.trace.stages.items()}
        variables = dict(zip(self.inputs, self.trace.inputs, strict=True))
        inputs, one = [*variables.values(), *stages.values()], self.trace.inner.tensor(1)
        found = self._handed_on(backward_pass(self.trace, one, inputs=inputs, formula=self.formula))
        return dict(zip(variables, found, strict=False)), dict(zip(stages, found[len(variables) :], strict=True))

    def _handed_on(self, adjoints: list[Tensor]) -> list[Tensor]:
        """The adjoints, in which an exact zero stays one."""
        if not any(eqn.operation == "where" for eqn in self.trace.equations):
            return adjoints
        context: Any = self.trace.inner
        forwards = set(ordered([x for step in (*self.steps.values(), self.value) for x in _nodes(step)]))
        nodes = iter(context.handed_on([x for t in adjoints for x in _nodes(t)], forwards))
        return [Tensor.from_scalars(context, lift_elements(lambda _: next(nodes), t.scalars())) for t in adjoints]

    def value_at(self, name: str, t: Tensor) -> Tensor:
        """The spec with another tensor for one variable."""
        instead = {id(self.inputs[name]): t}
        return call(self.spec, [replaced(argument, instead) for argument in self.arguments.values()], t.context)


def variables_in(
    arguments: Mapping[str, Any], wrt: Sequence[str] | None, make: Callable[[str, Shape], Tensor]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The arguments with variables in the place of shapes and of what is named in `wrt`; and the variables, by name.

    wrt: parameters, or paths in them; None for all data.
    make: the variable of a name and a shape. Raises ArgumentError where nothing at a path in `wrt` can vary.
    """
    found = shapes_in(arguments, wrt)
    made = {path: make(name, shape) for path, (name, shape) in found.items()}
    given = {name: mapped(value, lambda _, path: made.get(path), name) for name, value in arguments.items()}
    return given, {found[path][0]: t for path, t in made.items()}


def shapes_in(arguments: Mapping[str, Any], wrt: Sequence[str] | None) -> dict[str, tuple[str, Shape]]:
    """The name and the shape of each variable that `variables_in` makes, by its path. Raises as that does."""
    shapes: dict[str, Shape] = {}

    def note(value: Any, path: str) -> Any:
        shape = _shape(value, path, wrt)
        return None if shape is None else shapes.setdefault(path, shape)

    for name, value in arguments.items():
        mapped(value, note, name)
    for name in wrt or ():
        if not any(_within(path, name) for path in shapes):
            raise ArgumentError(f"wrt: {name!r} holds nothing that can vary; only tensors and numbers become variables")
    names = _short([*shapes, *arguments])
    for path in shapes:
        others = [other for other in shapes if other != path and names[other] == names[path]]
        if others:
            raise ArgumentError(f"{path!r} and {others[0]!r} would both be called {names[path]}; rename one")
    return {path: (names[path], shape) for path, shape in shapes.items()}


def _short(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path: as much of its end as tells it from the others, and begins with a letter."""
    ends = {path: [".".join(path.split(".")[i:]) for i in reversed(range(path.count(".") + 1))] for path in paths}
    count = Counter(end for path in dict.fromkeys(paths) for end in ends[path])
    names = {path: next((e for e in ends[path] if count[e] == 1 and not e[0].isdigit()), path) for path in paths}
    return {path: re.sub(r"\W", "_", name) for path, name in names.items()}


def unused(label: str, taken: Container[str]) -> str:
    """The label, with underscores where something else is called so."""
    while label in taken:
        label += "_"
    return label


def _distinct(variables: Mapping[str, Tensor]) -> None:
    """Raises ArgumentError where two variables would be one symbol."""
    seen: dict[str, str] = {}
    for path, t in variables.items():
        for text in _texts(t):
            if seen.setdefault(text, path) != path:
                raise ArgumentError(f"wrt: {seen[text]!r} and {path!r} would both have a variable {text}; rename one")


def _within(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.")


def _shape(value: Any, path: str, wrt: Sequence[str] | None) -> Shape | None:
    """The shape of the variable at a path; None where there is none."""
    if isinstance(value, Shape):
        return value
    if wrt is not None and not any(_within(path, name) for name in wrt):
        return None
    if isinstance(value, Tensor):
        return value.shape
    number = path in (wrt or ()) and isinstance(value, int | str | np.integer) and not isinstance(value, bool)
    return Shape(as_array(value).shape) if number or is_data(value) else None


def _texts(t: Tensor) -> list[str]:
    return [t.context.text(x) for x in _nodes(t)]


def _nodes(t: Tensor) -> list[Node]:
    return list(t.scalars().flat)
