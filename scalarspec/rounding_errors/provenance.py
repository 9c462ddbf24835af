"""What a result was found from: texts, versions, hashes of the inputs, and how a later result differs from it."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scalarspec.core.arguments import bind, spec_name
from scalarspec.core.digest import digest, plainest
from scalarspec.core.tensor import Tensor

LIBRARIES = ("scalarspec", "numpy", "mpmath", "sympy")
TIMES = {"seconds"}
"""What a replay need not find again."""


def provenance(spec: Callable[..., Tensor], args: Sequence[Any], actual: Any = None) -> dict[str, Any]:
    """The names and texts of the spec and of the actual function, hashes of the arguments, and versions."""
    functions = {"spec": spec} | ({"actual": actual} if callable(actual) else {})
    return {
        "spec": spec_name(spec),
        "by": spec_name(actual) if callable(actual) else actual if isinstance(actual, str) else None,
        "texts": {name: texts(function) for name, function in functions.items()},
        "inputs": {name: digest(value) for name, value in bind(spec, args).items()},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }


# ---- texts ----------------------------------------------------------------------------------------------------------


def texts(function: Callable[..., Any]) -> dict[str, str]:
    """The SHA-256 of the file that a function is in, and of the user's files that this uses, by their names.

    Of its code, where it is in no file. Installed modules are left out, but for the function's own.
    """
    found = plainest(function)
    scope = _scope(found)
    own = scope.get("__file__")
    if own is None or not os.path.isfile(own):
        return {"code": digest(found)}
    files = [own, *(file for file in _files(scope) if file != own)]
    folder = Path(own).resolve().parent
    names = {Path(os.path.relpath(Path(file).resolve(), folder)).as_posix(): file for file in files}
    return {name: hashlib.sha256(Path(file).read_bytes()).hexdigest() for name, file in sorted(names.items())}


def _scope(value: Any) -> dict[str, Any]:
    """The names of the module in which a module's, function's or class's text is."""
    if isinstance(value, types.ModuleType):
        return vars(value)
    scope: dict[str, Any] | None = getattr(value, "__globals__", None)
    if scope is not None:
        return scope
    module = sys.modules.get(str(getattr(value, "__module__", None)))
    return {} if module is None else vars(module)


def _files(scope: Mapping[str, Any]) -> Iterator[str]:
    """The user's files among those of the modules that a module uses, and that these use."""
    seen: set[int] = set()
    left = [scope]
    while left:
        names = left.pop()
        file = names.get("__file__")
        if id(names) in seen or not isinstance(file, str) or not os.path.isfile(file) or _installed(file):
            continue
        seen.add(id(names))
        yield file
        kinds = (types.ModuleType, types.FunctionType, type)
        left += [_scope(value) for value in names.values() if isinstance(value, kinds)]


@functools.cache
def _installed(file: str) -> bool:
    """Is a file of Python's, of an installed distribution, or ours?"""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    path = Path(file).resolve()
    return any(path.is_relative_to(Path(str(f)).resolve()) for f in [*folders, Path(__file__).parents[1]])


# ---- differences ----------------------------------------------------------------------------------------------------


def differences(old: Any, new: Any, place: str = "") -> list[str]:
    """In words, each thing that a later record has otherwise, that only one of them has, or that is another in kind."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [name for name in dict.fromkeys([*new, *old]) if place or name not in TIMES]
        absent = object()
        begun = f"{place}{'.' if ': ' in place else ': '}" if place else ""
        pairs = [(f"{begun}{name}", old.get(name, absent), new.get(name, absent)) for name in names]
        return [text for at, a, b in pairs for text in _apart(at, a, b, absent)]
    if isinstance(old, list) and isinstance(new, list) and _named(old) and _named(new):
        return differences(_by_name(old), _by_name(new), place) + _order(old, new, place)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        both = zip(old, new, strict=True)
        return [text for i, (a, b) in enumerate(both) for text in differences(a, b, f"{place}[{i}]")]
    return [] if _same(old, new) else [f"{place}: {_shown(old)} then, {_shown(new)} now"]


def _apart(place: str, old: Any, new: Any, absent: Any) -> list[str]:
    if old is absent:
        return [f"{place}: nothing then, {_shown(new)} now"]
    if new is absent:
        return [f"{place}: {_shown(old)} then, nothing now"]
    return differences(old, new, place)


def _named(items: list[Any]) -> bool:
    """Are these things with names, such as stages, each with its own?"""
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names) > 0


def _by_name(items: list[Any]) -> dict[str, Any]:
    return {item["name"]: item for item in items}


def _order(old: list[Any], new: list[Any], place: str) -> list[str]:
    before, now = list(_by_name(old)), list(_by_name(new))
    return [f"{place}: in the order {before} then, {now} now"] if set(before) == set(now) and before != now else []


def _same(old: Any, new: Any) -> bool:
    """True is not 1, and 1 is 1.0."""
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
