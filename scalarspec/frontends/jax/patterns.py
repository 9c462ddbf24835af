"""Compositions that are one function of ours: softmax, logsumexp, log_softmax, softplus, logaddexp and silu.

JAX writes them out, and over boxes each number would then vary several times, as if independently. They are found by
what is computed, not by their names: the result is the same real function, and where elements stand is worked out on
their places (exp(x - m) / Σ exp(x - m) is a softmax of x for any m that is one number along the axis). m is only left
out where it is the maximum of x, which is always there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scalarspec.frontends.jax.program import Atom, Constant, Equation, Program, is_zero, needed
from scalarspec.frontends.jax.structure import STRUCTURE
from scalarspec.frontends.jax.values import At, numbered

Array = np.ndarray[Any, Any]
UNMOVED = {"stop_gradient", "copy"}
MOVES = {"broadcast_in_dim", "reshape", "squeeze", "transpose"}


@dataclass(frozen=True, eq=False)
class _Origin:
    """Where the elements of an atom come from: another one, the places in it, and the functions on the way."""

    atom: Atom
    places: Array
    functions: tuple[str, ...]


def recognized(program: Program) -> Program:
    """A program with functions of ours for what they are composed of, and so the programs that it runs."""
    graph = _Graph(program)
    equations = [next((new for rule in RULES if (new := rule(graph, e)) is not None), e) for e in program.equations]
    inner = [replace(e, parameters={name: _inside(part) for name, part in e.parameters.items()}) for e in equations]
    return replace(program, equations=needed(inner, program.outputs))


def _inside(parameter: Any) -> Any:
    """A parameter with its programs recognized."""
    if isinstance(parameter, tuple):
        return tuple(map(_inside, parameter))
    return recognized(parameter) if isinstance(parameter, Program) else parameter


class _Graph:
    """The equations by what they give."""

    def __init__(self, program: Program) -> None:
        self.makers = {v: e for e in program.equations for v in e.outputs if v >= 0}

    def maker(self, atom: Atom, *primitives: str) -> Equation | None:
        """The equation that an atom comes from, if it is one of these primitives."""
        found = self.makers.get(atom) if isinstance(atom, int) else None
        return found if found is not None and found.primitive in primitives else None

    def chain(self, atom: Atom, primitives: str) -> Equation | None:
        """The innermost of functions one in the other, from the outermost on, if an atom is made so."""
        found = None
        for name in primitives.split():
            found = self.maker(atom, name)
            if found is None:
                return None
            atom = found.inputs[0]
        return found

    def origin(self, atom: Atom, shape: Sequence[int], through: Sequence[str] = ()) -> _Origin:
        """Where elements come from, back over what moves them, and over some functions of one number."""
        found = self.maker(atom, *UNMOVED, *MOVES, *through)
        if found is None:
            return _Origin(atom, numbered(shape), ())
        before = self.origin(found.inputs[0], found.taken[0].shape, through)
        if found.primitive in MOVES:
            moved = STRUCTURE[found.primitive](At(found, None, lambda *_: []), before.places)  # type: ignore[arg-type]
            return replace(before, places=moved)
        functions = before.functions if found.primitive in UNMOVED else (*before.functions, found.primitive)
        return replace(before, functions=functions)

    def greatest(self, atom: Atom, shape: Sequence[int]) -> tuple[Equation, Array] | None:
        """The `reduce_max` that an atom's elements come from, and their places in it; None where they do not."""
        found = self.origin(atom, shape)
        maker = self.maker(found.atom, "reduce_max", "max", "select_n")
        if maker is None or maker.primitive == "reduce_max":
            return None if maker is None else (maker, found.places)
        if maker.primitive == "max":
            infinite = [_is_constant(each, -np.inf) for each in maker.inputs]
            inner = maker.inputs[infinite.index(False)] if any(infinite) and not all(infinite) else None
        else:  # 0 in the place of a maximum that is infinite, which none of real numbers is
            asked = self.maker(maker.inputs[0], "is_finite")
            inner = maker.inputs[2] if asked is not None and asked.inputs[0] == maker.inputs[2] else None
        before = None if inner is None else self.greatest(inner, maker.given[0].shape)
        return None if before is None else (before[0], before[1].ravel()[found.places])

    def shifted(self, atom: Atom, axes: Sequence[int]) -> Atom | None:
        """x, where an atom is x less its maximum over axes; None where it is not."""
        found = self.maker(atom, "sub")
        top = None if found is None else self.greatest(found.inputs[1], found.taken[1].shape)
        if found is None or top is None or top[0].inputs[0] != found.inputs[0]:
            return None
        shape = found.taken[0].shape
        fits = tuple(top[0].parameters["axes"]) == tuple(axes) and _is_kept(top[1], shape, axes)
        return found.inputs[0] if fits else None


def _is_constant(atom: Atom, number: float) -> bool:
    return isinstance(atom, Constant) and bool((atom.value == number).all())


def _is_kept(places: Array, shape: Sequence[int], axes: Sequence[int]) -> bool:
    """Do places in what is left of a shape without axes stand where they came from?"""
    left = numbered([n for i, n in enumerate(shape) if i not in axes])
    kept = np.expand_dims(left, tuple(axes))
    try:
        return bool((np.broadcast_to(places, shape) == np.broadcast_to(kept, shape)).all())
    except ValueError:
        return False


def _total(graph: _Graph, found: _Origin) -> tuple[Equation, Atom] | None:
    """The sum over axes, and the x of exp(x), where elements come from such a sum."""
    total = graph.maker(found.atom, "reduce_sum")
    inner = None if total is None else graph.maker(total.inputs[0], "exp")
    return None if total is None or inner is None else (total, inner.inputs[0])


def _named(equation: Equation, name: str, inputs: Sequence[Atom], **parameters: Any) -> Equation:
    """An equation with the same result."""
    kinds = (equation.given[0],) * len(inputs)
    return replace(equation, primitive=name, inputs=tuple(inputs), parameters=parameters, taken=kinds)


def _softmax(graph: _Graph, equation: Equation) -> Equation | None:
    """exp(x) / Σ exp(x)."""
    if equation.primitive != "div" or graph.maker(equation.inputs[0], "exp") is None:
        return None
    below = graph.origin(equation.inputs[1], equation.taken[1].shape)
    found = _total(graph, below)
    if found is None or found[0].inputs[0] != equation.inputs[0]:
        return None
    return _along(graph, equation, "softmax", found, below.places)


def _log_softmax(graph: _Graph, equation: Equation) -> Equation | None:
    """x - log Σ exp(x)."""
    if equation.primitive != "sub":
        return None
    less = graph.origin(equation.inputs[1], equation.taken[1].shape, ("log",))
    found = _total(graph, less)
    if found is None or less.functions != ("log",) or found[1] != equation.inputs[0]:
        return None
    return _along(graph, equation, "log_softmax", found, less.places)


def _along(
    graph: _Graph, equation: Equation, name: str, found: tuple[Equation, Atom], places: Array
) -> Equation | None:
    total, x = found
    axes, shape = tuple(total.parameters["axes"]), total.taken[0].shape
    if len(axes) != 1 or shape != equation.given[0].shape or not _is_kept(places, shape, axes):
        return None
    whole = graph.shifted(x, axes)
    return _named(equation, name, [x if whole is None else whole], axis=axes[0])


def _logsumexp(graph: _Graph, equation: Equation) -> Equation | None:
    """log Σ exp(x - m) + m, where m is the maximum of x."""
    if equation.primitive != "add":
        return None
    shape = equation.given[0].shape
    for one, other in ((0, 1), (1, 0)):
        part = graph.origin(equation.inputs[one], equation.taken[one].shape, ("log", "abs"))
        found, top = _total(graph, part), graph.greatest(equation.inputs[other], equation.taken[other].shape)
        if found is None or top is None or part.functions not in (("log",), ("abs", "log")):
            continue
        axes = tuple(found[0].parameters["axes"])
        x = graph.shifted(found[1], axes)
        same = x is not None and top[0].inputs[0] == x and tuple(top[0].parameters["axes"]) == axes
        in_order = all(places.shape == shape and _in_order(places) for places in (part.places, top[1]))
        if same and in_order and part.places.size == int(np.prod(found[0].given[0].shape)):
            return _named(equation, "logsumexp", [x], axes=axes)
    return None


def _in_order(places: Array) -> bool:
    return bool((places.ravel() == np.arange(places.size)).all())


def _silu(graph: _Graph, equation: Equation) -> Equation | None:
    """x times the logistic function of x."""
    for x, y in (equation.inputs, equation.inputs[::-1]) if equation.primitive == "mul" else ():
        found = graph.maker(y, "logistic")
        if found is not None and isinstance(x, int) and found.inputs[0] == x:
            return _named(equation, "silu", [x])
    return None


def _logaddexp(graph: _Graph, equation: Equation) -> Equation | None:
    """max(x, y) + log(1 + exp(-|x - y|)), where x - y is a number."""
    if equation.primitive == "select_n":
        asked = graph.maker(equation.inputs[0], "ne")
        if asked is None or asked.inputs[0] != asked.inputs[1] or len(equation.inputs) != 3:
            return None
        found = graph.maker(equation.inputs[1], "add")
        new = None if found is None else _logaddexp(graph, found)
        return None if new is None else replace(new, outputs=equation.outputs, given=equation.given)
    if equation.primitive != "add":
        return None
    greater = graph.maker(equation.inputs[0], "max")
    apart = graph.chain(equation.inputs[1], "log1p exp neg abs sub")
    if greater is None or apart is None or greater.inputs != apart.inputs:
        return None
    x, y = apart.inputs
    return _named(equation, "softplus", [x]) if is_zero(y) else _named(equation, "logaddexp", [x, y])


def _cond(graph: _Graph, equation: Equation) -> Equation | None:
    """A choice between two programs by a truth, which JAX makes an integer of."""
    if equation.primitive != "cond":
        return None
    asked = graph.maker(equation.inputs[0], "convert_element_type")
    if asked is None or asked.taken[0].dtype != "bool":
        return None
    return replace(equation, inputs=(*asked.inputs, *equation.inputs[1:]), taken=(*asked.taken, *equation.taken[1:]))


RULES: tuple[Callable[[_Graph, Equation], Equation | None], ...] = (
    _softmax, _log_softmax, _logsumexp, _silu, _logaddexp, _cond,
)  # fmt: skip
"""What is looked for: each rule gives the equation in the place of another, or None."""
