"""What JAX's trace of a function says, as plain data: no object of JAX is left in it, so that it travels to others.

Calls within a call are written out. What no result needs is left out: it is not asked for, and nothing is said of it.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.errors import NotSupported
from scalarspec.frontends.jax.known import kind_of

Array = np.ndarray[Any, Any]
Atom = Any
"""What goes into an equation: the number of a variable, or a `Constant`."""
CALLS = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "remat": "jaxpr",
    "remat2": "jaxpr", "checkpoint": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr", "custom_lin": "call_jaxpr",
    "custom_vmap_call": "call", "composite": "jaxpr",
}  # fmt: skip
"""Primitives that only call: the name of the parameter that holds what is called."""


@dataclass(frozen=True, eq=False)
class Constant:
    """A number, or an array of numbers, of the program's text, each at its binary value."""

    value: Array


@dataclass(frozen=True)
class Kind:
    """The shape of a value, and the name of the type that JAX holds it in."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, eq=False)
class Equation:
    """One primitive: what goes in and comes out, its parameters, and the line of the user's that asked for it."""

    primitive: str
    inputs: tuple[Atom, ...]
    outputs: tuple[int, ...]
    parameters: Mapping[str, Any]
    taken: tuple[Kind, ...]
    given: tuple[Kind, ...]
    place: str


@dataclass(frozen=True, eq=False)
class Program:
    """A function as a sequence of equations. inputs: its variables; kinds: theirs; outputs: what it returns."""

    inputs: tuple[int, ...]
    kinds: tuple[Kind, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Atom, ...]


def program_of(closed: Any) -> Program:
    """A closed jaxpr, or one without constants, as a program."""
    jaxpr, constants = (closed.jaxpr, closed.consts) if hasattr(closed, "consts") else (closed, ())
    writer = _Writer()
    inputs = [writer.variable(v) for v in jaxpr.invars]
    writer.known(jaxpr.constvars, [Constant(known_array(c)) for c in constants])
    equations = list(writer.written(jaxpr))
    outputs = tuple(writer.atom(v) for v in jaxpr.outvars)
    kinds = tuple(_kind(v.aval) for v in jaxpr.invars)
    return Program(tuple(inputs), kinds, needed(equations, outputs), outputs)


def needed(equations: Iterable[Equation], outputs: Iterable[Atom]) -> tuple[Equation, ...]:
    """The equations that outputs depend on, in their order."""
    wanted, kept = {atom for atom in outputs if isinstance(atom, int)}, []
    for equation in reversed(list(equations)):
        if not wanted.isdisjoint(equation.outputs):
            wanted.update(atom for atom in equation.inputs if isinstance(atom, int))
            used = tuple(v if v in wanted else -1 for v in equation.outputs)
            kept.append(replace(equation, outputs=used))
    return tuple(reversed(kept))


class _Writer:
    """Numbers variables, and writes equations out, those of calls among them."""

    def __init__(self) -> None:
        self.atoms: dict[Any, Atom] = {}
        self.count = 0

    def variable(self, v: Any) -> int:
        """A variable of JAX's as a new one."""
        self.atoms[v] = self.count
        self.count += 1
        return self.count - 1

    def known(self, variables: Iterable[Any], atoms: Iterable[Atom]) -> None:
        """Variables that stand for what is there already."""
        self.atoms.update(zip(variables, atoms, strict=True))

    def atom(self, v: Any) -> Atom:
        """A variable, or a literal."""
        return _atom(v, self.atoms)

    def written(self, jaxpr: Any, name: str = "", place: str = "") -> Iterator[Equation]:
        """The equations of a jaxpr whose inputs are known. name, place: of the call that it is written out for."""
        for eqn in jaxpr.eqns:
            called = _called(eqn)
            if called is None:
                yield self._equation(eqn, name, place)
                continue
            inner, constants = (called.jaxpr, called.consts) if hasattr(called, "consts") else (called, ())
            outer, self.atoms = self.atoms, {}
            self.known(inner.constvars, [Constant(known_array(c)) for c in constants])
            self.known(inner.invars, [_atom(v, outer) for v in eqn.invars])
            yield from self.written(inner, str(eqn.params.get("name", "")), place_of(eqn) or place)
            results = [self.atom(v) for v in inner.outvars]
            if _has_own_derivative(eqn):
                marked = [
                    self._marked(v, atom, place_of(eqn) or place) for v, atom in zip(eqn.outvars, results, strict=True)
                ]
                yield from marked
                results = [equation.outputs[0] for equation in marked]
            self.atoms = outer
            self.known(eqn.outvars, results)

    def _marked(self, v: Any, atom: Atom, place: str) -> Equation:
        """A value whose derivative is not that of what computes it."""
        kind = _kind(v.aval)
        number, self.count = self.count, self.count + 1
        return Equation("own_derivative", (atom,), (number,), {}, (kind,), (kind,), place)

    def _equation(self, eqn: Any, call: str, place: str) -> Equation:
        name, place = str(eqn.primitive), place_of(eqn) or place
        inputs = tuple(self.atom(v) for v in eqn.invars)
        if name == "max" and call == "relu" and is_zero(inputs[1]):
            name = "relu"  # where both are equal, its derivative is another one than that of a maximum
        if name == "stop_gradient" and _is_jaxs_function(eqn):
            name = "copy"  # a shift that a softmax or a logsumexp takes back, whose derivative is the true one
        taken, given = (tuple(_kind(v.aval) for v in some) for some in (eqn.invars, eqn.outvars))
        if any(kind_of(kind.dtype) == "c" for kind in (*taken, *given)):
            raise NotSupported(f"{name}{place}: complex numbers; numbers here are real: write the two parts apart")
        outputs = tuple(self.variable(v) for v in eqn.outvars)
        parameters = {key: plain(value) for key, value in eqn.params.items() if not callable(value) or _is_jaxpr(value)}
        return Equation(name, inputs, outputs, parameters, taken, given, place)


def _atom(v: Any, atoms: Mapping[Any, Atom]) -> Atom:
    """A variable among known ones; a literal, which JAX may hold as a float of Python's, as a number of its type."""
    return Constant(known_array(np.asarray(v.val, dtype=v.aval.dtype))) if hasattr(v, "val") else atoms[v]


def _has_own_derivative(eqn: Any) -> bool:
    """Is it a function that somebody gave a derivative of its own? JAX's own functions have the true ones."""
    rule = eqn.params.get("jvp_jaxpr_fun") or eqn.params.get("fwd_jaxpr_thunk")
    told = getattr(getattr(rule, "debug_info", None), "func_src_info", None)
    return rule is not None and "/jax/_src/" not in str(told).replace("\\", "/")


TRUE_DERIVATIVES = tuple(f"/jax/_src/{room}/" for room in ("nn", "numpy", "ops", "scipy"))
"""Where JAX's functions of numbers live; unlike `jax.lax`, what they stop does not change their derivatives."""


def _is_jaxs_function(eqn: Any) -> bool:
    """Was a primitive asked for by a function of JAX's own, and not by the user?"""
    inner = takewhile(lambda frame: frame.file_name.startswith(_libraries()), _frames(eqn))
    return any(room in frame.file_name.replace("\\", "/") for frame in inner for room in TRUE_DERIVATIVES)


def _called(eqn: Any) -> Any:
    """What a call calls; None where a primitive is none."""
    return eqn.params.get(CALLS.get(str(eqn.primitive), ""))


def is_zero(atom: Atom) -> bool:
    """Is it a constant, and all of it 0?"""
    return isinstance(atom, Constant) and not atom.value.any()


def _is_jaxpr(value: Any) -> bool:
    return hasattr(value, "eqns")


def _kind(aval: Any) -> Kind:
    return Kind(tuple(getattr(aval, "shape", ())), str(getattr(aval, "dtype", aval)))


def known_array(value: Any) -> Array:
    """A constant as an array of NumPy's: floats that NumPy does not have as float64, which holds them."""
    try:
        array = np.asarray(value)
    except Exception as error:  # whatever JAX raises for its own types
        raise NotSupported(
            f"a constant of type {type(value).__name__}: {error}; pass random numbers as data"
        ) from error
    return array if array.dtype.kind in "biufc" else array.astype(np.float64)


def plain(value: Any) -> Any:
    """A parameter of a primitive as plain data: programs, numbers, texts, and tuples and mappings of these."""
    if _is_jaxpr(value):
        return program_of(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, np.integer | bool | int | str | float | None):
        return int(value) if isinstance(value, np.integer) else value
    if hasattr(value, "_fields"):
        return {name: plain(getattr(value, name)) for name in value._fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return str(value)


def place_of(eqn: Any) -> str:
    """Where in the user's code a primitive was asked for, as " (file:line)"; empty where nothing says so."""
    for frame in _frames(eqn):
        if not frame.file_name.startswith((*_libraries(), "<frozen")):
            return f" ({frame.file_name}:{frame.line_num})"
    return ""


def _frames(eqn: Any) -> Sequence[Any]:
    """Of the code that asked for a primitive, innermost first."""
    return getattr(getattr(getattr(eqn, "source_info", None), "traceback", None), "frames", ())


@cache
def _libraries() -> tuple[str, ...]:
    """The folders of JAX, and this one."""
    homes = [getattr(sys.modules.get(name), "__file__", None) for name in ("jax", "jaxlib", __name__)]
    return tuple(str(Path(home).parent) for home in homes if home)
