"""What a result was found from: texts, versions, hashes of the inputs, and how a later result differs from it."""

from __future__ import annotations

import dataclasses
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

import numpy as np

from scalarspec.arguments import bind, spec_name
from scalarspec.tensor import Tensor

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
    found = _plainest(function)
    scope = _scope(found)
    own = scope.get("__file__")
    if own is None or not os.path.isfile(own):
        return {"code": digest(found)}
    files = [own, *(file for file in _files(scope) if file != own)]
    folder = Path(own).resolve().parent
    names = {Path(os.path.relpath(Path(file).resolve(), folder)).as_posix(): file for file in files}
    return {name: hashlib.sha256(Path(file).read_bytes()).hexdigest() for name, file in sorted(names.items())}


def _plainest(function: Any) -> Any:
    """The function that a wrapper or a partial one calls; the class of an object that is called."""
    while isinstance(function, functools.partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, functools.partial) else function.__wrapped__
    function = getattr(function, "__func__", function)
    return function if hasattr(function, "__module__") and hasattr(function, "__name__") else type(function)


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
    return any(path.is_relative_to(Path(f).resolve()) for f in [*folders, os.path.dirname(__file__)])


# ---- hashes ---------------------------------------------------------------------------------------------------------


def digest(value: Any) -> str:
    """The SHA-256 of an argument: of arrays' bytes, types and shapes, of models' fields, of the code of functions."""
    state = hashlib.sha256()
    _feed(state, value)
    return state.hexdigest()


def _feed(state: Any, value: Any) -> None:
    """A tag and a length come first, so that no two values are one text."""
    if isinstance(value, Tensor):
        _all(state, f"tensor {value.context!r}", [_exactly(value)])
    elif isinstance(value, np.ndarray) and value.dtype != object:
        state.update(f"array {value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, np.ndarray):
        _all(state, f"objects {value.shape}", value.ravel().tolist())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value)]
        _all(state, f"{type(value).__name__} {fields}", [getattr(value, name) for name in fields])
    elif isinstance(value, list | tuple):
        _all(state, type(value).__name__, value)
    elif isinstance(value, set | frozenset):
        _all(state, "set", sorted(map(digest, value)))
    elif isinstance(value, Mapping):
        _all(state, "mapping", [part for pair in value.items() for part in pair])
    elif isinstance(value, types.CodeType):
        _all(state, "code", [value.co_code, value.co_names, value.co_varnames, value.co_freevars, value.co_consts])
    elif isinstance(value, functools.partial):
        _all(state, "partial", [value.func, value.args, value.keywords])
    elif callable(value):
        code = getattr(_plainest(value), "__code__", None)
        _all(state, f"function {spec_name(value)}", [] if code is None else [code])
    elif hasattr(value, "__array__") and not isinstance(value, np.generic):
        _all(state, type(value).__name__, [np.asarray(value)])
    elif "__repr__" not in {name for kind in type(value).__mro__[:-1] for name in vars(kind)}:  # an address otherwise
        _all(state, type(value).__name__, [vars(value) if hasattr(value, "__dict__") else None])
    else:
        _text(state, f"{type(value).__name__} {value!r}")


def _exactly(t: Tensor) -> list[Any]:
    """The numbers of a tensor, each as a text that tells it from others."""
    scalars, context = t.scalars(), t.context
    if context.encloses:
        return [list(t.shape), [list(map(str, context.endpoints(s))) for s in scalars.flat]]
    return [list(t.shape), [repr(s) for s in scalars.flat]]


def _all(state: Any, tag: str, parts: Sequence[Any]) -> None:
    _text(state, f"{tag} {len(parts)}")
    for part in parts:
        _feed(state, part)


def _text(state: Any, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    state.update(f"{len(data)}:".encode() + data)


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
