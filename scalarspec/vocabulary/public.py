"""Every public name, by where users find it: what the reference lists, and what its docstrings are held to."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from scalarspec import conformance, errors, extend, laws, models, testing, theory
from scalarspec.vocabulary.groups import groups
from scalarspec.vocabulary.rows import Row

DOOR = "scalarspec"


def address(row: Row) -> str:
    """Where users find a function or a class of the vocabulary."""
    return f"{DOOR}.{row.name}" if row.room == "core" else f"{DOOR}.{row.room}.{row.name}"


@functools.cache
def vocabulary() -> dict[str, Row]:
    """The rows of the vocabulary by address."""
    return {address(row): row for rows in groups().values() for row in rows}


@functools.cache
def jobs() -> dict[str, Any]:
    """What the package itself exports beside the vocabulary: jobs, contexts, tensors and shapes."""
    package = importlib.import_module(DOOR)
    exported = {f"{DOOR}.{name}": getattr(package, name) for name in package.__all__}
    rows = vocabulary()
    return {name: value for name, value in exported.items() if name not in rows and not inspect.ismodule(value)}


@functools.cache
def results() -> dict[str, Any]:
    """The classes that jobs return, by the annotations of their results."""
    shown = jobs()
    found = {}
    for job in filter(inspect.isfunction, shown.values()):
        for word in re.findall(r"\w+", str(inspect.signature(job).return_annotation)):
            value = getattr(sys.modules[job.__module__], word, None)
            if inspect.isclass(value) and value.__module__.startswith(DOOR) and value not in shown.values():
                found[f"{value.__module__}.{word}"] = value
    return found


def rooms() -> dict[str, Any]:
    """What the other rooms export: models, theory, tests, what others extend, and errors."""
    found = {name: value for info in pkgutil.iter_modules(models.__path__) for name, value in _of(_model(info.name))}
    for module in (theory, testing, extend, laws, conformance, errors):
        found |= dict(_of(module))
    return found


def public() -> dict[str, Any]:
    """All of them: functions and classes, each room's own, without what it hands on from another one."""
    known = {**{name: row.function for name, row in vocabulary().items()}, **jobs(), **results()}
    return known | {name: value for name, value in rooms().items() if value not in known.values()}


def _model(name: str) -> ModuleType:
    return importlib.import_module(f"{models.__name__}.{name}")


def _of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes of a module: those that it exports, or else those that it defines."""
    exported = getattr(module, "__all__", None)
    for name, value in vars(module).items():
        if inspect.isfunction(value) or inspect.isclass(value):
            ours = name in exported if exported else not name.startswith("_") and value.__module__ == module.__name__
            if ours:
                yield f"{module.__name__}.{name}", value
