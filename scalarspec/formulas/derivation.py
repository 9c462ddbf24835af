"""The closed form of a spec, stage by stage: expressions, derivatives, LaTeX, Python and C, from one shared graph."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ScalarSpecError, ShapeError, TooLarge, UnknownName
from scalarspec.formulas.programs.c99 import c99_text
from scalarspec.formulas.programs.lean import lean_text
from scalarspec.formulas.programs.printer import DEPTH, TRUTHS
from scalarspec.formulas.programs.program import Program
from scalarspec.formulas.programs.python import python_text
from scalarspec.formulas.source import Source
from scalarspec.formulas.variables import nodes_of, texts_of, unused
from scalarspec.numbers.exact import as_array, boxed
from scalarspec.report import aligned, unboxed
from scalarspec.results import ObjectArray, Record
from scalarspec.tracing.gradient import hessian
from scalarspec.tracing.scalar_graph import Node, below, cost, operations, ordered, too_deep, written

if TYPE_CHECKING:
    from sympy import Expr

SHOWN = 8
"""So many of the places where a formula need not hold are printed: a line's worth."""
VECTORS = 3
"""Test vectors that Lean is given, the first at which the value is rational: of the origin, of points in one variable,
and of one in all."""


def _levels(x: Node, arg: Node) -> int:
    """How many levels an operation adds to an operand: none to a sum in a sum, or to a condition, which has no name."""
    return int(not (x.operation == arg.operation == "sum") and x.operation not in TRUTHS)


@dataclass(frozen=True, eq=False)
class Derivation:
    """A spec as expressions of its variables, by way of named stages; made by `derive`.

    name: what the value is called; value: the symbolic tensor; steps: the stages before it, in order; inputs: symbolic
    tensors of the variables, by name; max_operations: of the largest expression that is shown. Printed, in LaTeX and in
    a notebook it shows each stage in terms of those before, and the value last; parts that nest more deeply than a line
    can show are stages t_0, t_1, ..., too.
    """

    name: str
    value: Tensor
    steps: dict[str, Tensor]
    inputs: dict[str, Tensor]
    max_operations: int
    _source: Source | None = field(default=None, repr=False)
    _excluded: tuple[Node, ...] = field(default=(), repr=False)
    _spec: Tensor | None = field(default=None, repr=False)
    """The value of the spec that this is a derivative of."""

    @property
    def excluded(self) -> tuple[Expr, ...]:
        """SymPy expressions, in terms of the stages: where one of them is 0 a derivative's formula need not hold.

        There an operation has a kink, a tie or a step.
        """
        context: Any = self.value.context
        return tuple(context.in_terms(x, self._names, self._found) for x in self._excluded)

    @property
    def variables(self) -> dict[str, ObjectArray]:
        """The variables by name: object arrays of SymPy symbols, in their shapes."""
        return {name: t.context.arrays.items(t.value) for name, t in self.inputs.items()}

    @property
    def operations(self) -> int:
        """How many operations it takes to work out the value, shared ones counted once."""
        return operations(nodes_of(self.value))

    @property
    def stages(self) -> dict[str, Expr | ObjectArray]:
        """Each stage, and the value last: SymPy expressions (an object array where there are many) of those before.

        Raises TooLarge where they have more than `max_operations` operations together.
        """
        return {name: unboxed(expressions) for name, (_, expressions) in self._shown.items()}

    def expand(self) -> Expr | ObjectArray:
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
        for stage, adjoint in self._adjoints.items():
            steps[unused(stage, steps)] = adjoint
        label = unused(f"d_{name}", steps)
        excluded = tuple(dict.fromkeys(x for _, t in source.formula.excluded for x in nodes_of(t) if x.free))
        return Derivation(
            label, gradient, steps, self.inputs, self.max_operations, _excluded=excluded, _spec=self.value
        )

    def gradient(self, name: str | None = None) -> Expr | ObjectArray:
        """The derivative, expanded: a SymPy expression, or an object array in the variable's shape."""
        return self.derivative(name).expand()

    def hessian(self, name: str | None = None) -> ObjectArray:
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
        if len(lines) == 1 and not self._lined:
            return r" \quad ".join([lines[0][1], *(f"({e} {rest})" for e, rest in holds)])
        return aligned([*lines, *((rf"\text{{where }} {e}", rest) for e, rest in holds)])

    def python(self, name: str = "spec", wrt: str | Sequence[str] = ()) -> str:
        """A Python function of the variables as arrays, by NumPy: the value, then the gradients in `wrt`."""
        return python_text(self._program(name, wrt))

    def c99(self, name: str = "spec", wrt: str | Sequence[str] = ()) -> str:
        """A C99 function of pointers to the variables: it writes the value, then the gradients in `wrt`."""
        return c99_text(self._program(name, wrt))

    def lean(self, name: str = "spec") -> str:
        """A Lean 4 definition over ℝ, with rational test vectors as `example`s. Text: it is not compiled here.

        The vectors are the first points, of small rationals, at which the value is rational. Raises TooLarge where the
        definition has more than `max_operations` operations.
        """
        self._guard("stage by stage", self._labels)
        return lean_text(self._program(name, ()), list(itertools.islice(self._vectors(), VECTORS)))

    def _vectors(self) -> Iterator[tuple[dict[str, Fraction], Any]]:
        """Values of the variables, and of the spec there, in rationals."""
        context: Any = self.value.context
        owners = {text: name for name, t in self.inputs.items() for text in texts_of(t)}
        for chosen in dict.fromkeys([(), *((name,) for name in self.inputs), tuple(self.inputs)]):
            rng = np.random.default_rng(5)
            point = {s: Fraction(int(rng.integers(-8, 9)), 4) * (name in chosen) for s, name in owners.items()}
            with contextlib.suppress(ScalarSpecError):  # a value that is not rational
                nodes = self.value.scalars()
                yield point, lift_elements(lambda x, at=point: context.exact_value(context.substitute(x, at)), nodes)

    def __str__(self) -> str:
        lines = [f"{named} = {e}" if self._lined else str(e) for named, e in self._lines()]
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

    def to_json(self) -> Record:
        """Plain data: the stages and the value as text, and in LaTeX."""
        stages = {name: lift_elements(str, as_array(e)).tolist() for name, e in self.stages.items()}
        head = {"name": self.name, "shape": list(self.value.shape), "operations": self.operations}
        return {**head, "stages": stages, "latex": self.latex(), "excluded": list(map(str, self.excluded))}

    @cached_property
    def _adjoints(self) -> dict[str, Tensor]:
        """The adjoints of the stages, the last first."""
        assert self._source is not None
        found = self._source.gradients[1]
        return {f"d_{name}": found[name] for name in reversed(self.steps)}

    @cached_property
    def _lined(self) -> dict[str, Tensor]:
        """The stages, and what would nest too deeply between them: each before what it is needed for."""
        nodes = [*(x for step in (*self.steps.values(), self.value) for x in nodes_of(step)), *self._excluded]
        named = {x for step in self.steps.values() for x in nodes_of(step)}
        cuts = list(too_deep(nodes, below, named, _levels, DEPTH))
        if not cuts:
            return self.steps
        left, found = dict.fromkeys(cuts), dict[str, Tensor]()

        def enter(roots: Sequence[Node]) -> None:
            for x in [x for x in ordered(roots) if x in left]:
                del left[x]
                name = unused(f"t_{len(cuts) - len(left) - 1}", self.steps)
                found[name] = Tensor.from_scalars(self.value.context, boxed(x))

        for name, step in self.steps.items():
            enter(nodes_of(step))
            found[name] = step
        enter(nodes)
        return found

    @cached_property
    def _symbols(self) -> dict[str, Tensor]:
        """A tensor of symbols for each stage and for the value; no name stands for two things."""
        found: dict[str, Tensor] = {}
        taken = self._taken
        for name, step in (*self._lined.items(), (self.name, self.value)):
            label = re.sub(r"\W", "_", name)
            while taken & set(texts_of(step.context.symbols(label, step.shape))):
                label += "_"
            found[name] = step.context.symbols(label, step.shape)
            taken |= set(texts_of(found[name]))
        return found

    @property
    def _taken(self) -> set[str]:
        """The names of all symbols that the expressions hold."""
        tensors = (*self.inputs.values(), *self.steps.values(), self.value)
        leaves = (x for x in ordered([x for t in tensors for x in nodes_of(t)]) if x.operation == "leaf")
        return {"pi"} | {symbol.name for x in leaves for symbol in x.args[0].free_symbols}

    @cached_property
    def _labels(self) -> dict[Node, Node]:
        """The symbol of each element of a stage that takes work and that the value needs."""
        needed = set(ordered(nodes_of(self.value)))
        labels: dict[Node, Node] = {}
        for name, step in self._lined.items():
            for x, symbol in zip(nodes_of(step), nodes_of(self._symbols[name]), strict=True):
                if cost(x) and (x in needed or name not in self.steps):
                    labels.setdefault(x, symbol)
        return labels

    @cached_property
    def _names(self) -> dict[Node, Expr]:
        """The labels as SymPy symbols."""
        return {x: self.value.context.item(symbol) for x, symbol in self._labels.items()}

    @cached_property
    def _found(self) -> dict[Node, Expr]:
        """What is known in terms of the labels."""
        return {}

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
        return {name: step for name, step in self._lined.items() if any(x in self._labels for x in nodes_of(step))}

    def _expressed(self, x: Node, own: Node) -> Expr:
        """A node whose symbol is `own` as a SymPy expression, by way of the labels of others."""
        context: Any = self.value.context
        return self._names[x] if self._labels.get(x, own) is not own else context.in_terms(x, self._names, self._found)

    def _lines(self) -> Iterator[tuple[Expr, Expr]]:
        for named, expressions in self._shown.values():
            yield from zip(named.flat, expressions.flat, strict=True)

    def _guard(self, how: str, given: Collection[Node]) -> None:
        """Raises TooLarge where the expressions have too many operations, written out but for the given nodes."""
        steps = self._needed.values() if given else ()
        count = written([x for step in (*steps, self.value) for x in nodes_of(step)], given)
        if count <= self.max_operations:
            return
        stages = ", ".join(self.steps)
        offered = f"see its stages ({stages}) by print() or .stages, " if self.steps and not given else ""
        raise TooLarge(
            f"derive: {how}, {count} operations are more than max_operations = {self.max_operations}; {offered}"
            "take python(), c99() or matrix_form, or derive a smaller slice"
        )

    def _program(self, name: str, wrt: str | Sequence[str]) -> Program:
        chosen = [self._named(w) for w in ((wrt,) if isinstance(wrt, str) else wrt)]
        outputs = {"value": self.value}
        if chosen:
            gradients = self._scalar().gradients[0]
            outputs |= {f"d_{w}": gradients[w] for w in chosen}
        inputs = {variable: t.scalars() for variable, t in self.inputs.items()}
        results = {output: t.scalars() for output, t in outputs.items()}
        labels = {x: str(symbol) for x, symbol in self._names.items()}
        forwards = set(ordered(nodes_of(self._spec or self.value)))
        return Program(name, inputs, results, labels, forwards)

    def _scalar(self) -> Source:
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
