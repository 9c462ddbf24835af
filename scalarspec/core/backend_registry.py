"""Contexts by name. A backend is imported when its context is first asked for, never before."""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from scalarspec.core.context import Context
from scalarspec.core.failures import failures_told
from scalarspec.errors import ArgumentError, UnknownName

GROUP = "scalarspec.backends"
"""The entry-point group in which other distributions register theirs."""

BUILT_IN = {
    "float64": "scalarspec.backends.float:float64",
    "float32": "scalarspec.backends.float:float32",
    "interval": "scalarspec.backends.interval:interval",
    "interval64": "scalarspec.backends.interval64:interval64",
    "rounding": "scalarspec.backends.rounding:rounding",
    "rational": "scalarspec.backends.rational:RationalContext",
    "symbolic": "scalarspec.backends.symbolic:SymbolicContext",
}
"""The package's own backends: names, and where what makes the context is found."""


@cache
def registered() -> dict[str, EntryPoint]:
    """The entry points of all backends by their names; ours are not to be replaced."""
    ours = {name: EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()}
    return {entry.name: entry for entry in entry_points(group=GROUP)} | ours


def names() -> list[str]:
    """The names of all registered contexts, ours first."""
    return [*BUILT_IN, *sorted(registered().keys() - BUILT_IN.keys())]


def context(name: str, **parameters: Any) -> Context[Any]:
    """The context of that name.

    parameters: what the backend takes, such as prec=100 (bits) of "interval", or dtype="float32" of "rounding".
    `scalarspec backends` lists names and parameters. Raises UnknownName (listing what exists), ArgumentError for
    parameters that the backend does not take, and for one that does not load or gives no context.

        ss.context("interval", prec=100).tensor("1/3")
    """
    if name not in registered():
        raise UnknownName(f"no backend is called {name!r}; there are {', '.join(names())}")
    entry = registered()[name]
    given = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    with failures_told(f"backend {name!r} ({entry.value}) does not load"):
        make = entry.load()
    with failures_told(f"context {name!r} cannot be made with {given or 'no parameters'}"):
        made: Context[Any] = make(**parameters)
    if not all(hasattr(made, part) for part in ("name", "arrays", "exact", "encloses")):
        raise ArgumentError(f"backend {name!r} ({entry.value}) gives no context, but {type(made).__name__}")
    return made


def promise(name: str) -> str:
    """What a backend is, and what it promises: the first line of the module that it is registered in."""
    module = import_module(registered()[name].module)
    return (inspect.getdoc(module) or "").split("\n")[0]


def resolve(backend: str | Context[Any]) -> Context[Any]:
    """A context itself, or the one of that name."""
    return context(backend) if isinstance(backend, str) else backend
