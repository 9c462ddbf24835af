"""Contexts by name. A backend is imported when its context is first asked for, never before."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

from scalarspec.core.context import Context
from scalarspec.core.failures import failures_told
from scalarspec.errors import ArgumentError, UnknownName

GROUP = "scalarspec.backends"
"""The entry-point group in which other distributions register theirs."""


def built_in() -> dict[str, str]:
    """Our own backends: by name, the function that makes a context. They are listed in the folder that holds them."""
    table: dict[str, str] = import_module("scalarspec.backends").BUILT_IN
    return table


@cache
def registered() -> dict[str, EntryPoint]:
    """The entry points of all backends by their names; ours are not to be replaced."""
    ours = {name: EntryPoint(name, value, GROUP) for name, value in built_in().items()}
    return {name: entries[0] for name, entries in of_others().items()} | ours


@cache
def of_others() -> dict[str, list[EntryPoint]]:
    """The entry points of other distributions by their names: more than one, where these mean different things."""
    found: dict[str, list[EntryPoint]] = {}
    for distribution in distributions():
        for entry in _entries(distribution):
            same = found.setdefault(entry.name, [])
            if entry.value not in [other.value for other in same]:
                same.append(entry)
    return found


def _entries(distribution: Distribution) -> list[EntryPoint]:
    """The backends of a distribution; none of one whose list of entry points cannot be read."""
    try:
        return list(distribution.entry_points.select(group=GROUP))
    except Exception:
        return []


def names() -> list[str]:
    """The names of all registered contexts, ours first."""
    ours = built_in()
    return [*ours, *sorted(registered().keys() - ours.keys())]


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
    rivals = [other.value for other in of_others().get(name, ())]
    if len(rivals) > 1 and name not in built_in():
        raise ArgumentError(f"backend {name!r} is registered more than once: {', '.join(rivals)}; remove all but one")
    given = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    with failures_told(f"backend {name!r} ({entry.value}) does not load"):
        make = _loaded(entry)
    with failures_told(f"context {name!r} cannot be made with {given or 'no parameters'}"):
        made: Context[Any] = make(**parameters)
        whole = all(hasattr(made, part) for part in ("name", "arrays", "exact", "encloses"))
    if not whole:
        raise ArgumentError(f"backend {name!r} ({entry.value}) gives no context, but {type(made).__name__}")
    return made


@cache
def _loaded(entry: EntryPoint) -> Callable[..., Any]:
    """What an entry point names, looked up once."""
    make: Callable[..., Any] = entry.load()
    return make


def promise(name: str) -> str:
    """What a backend is, and what it promises: the first line of the module that it is registered in."""
    with failures_told(f"backend {name!r} does not say what it is"):
        module = import_module(registered()[name].module)
        return (inspect.getdoc(module) or "").split("\n")[0]


def resolve(backend: str | Context[Any]) -> Context[Any]:
    """A context itself, or the one of that name.

    backend: a context, or a name that `context` takes. Raises as `context` does, and ArgumentError for anything else.

        extend.resolve("interval") == extend.resolve(ss.context("interval"))
    """
    if isinstance(backend, str):
        return context(backend)
    if not hasattr(backend, "encloses"):
        raise ArgumentError(f"expected a context, or the name of one such as 'interval', got {backend!r}")
    return backend
