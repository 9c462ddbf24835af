"""A hash of any argument of a job, equal only for equal ones: checkpoints and records are recognised by it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scalarspec.core.arguments import spec_name
from scalarspec.core.tensor import Tensor


def digest(value: Any) -> str:
    """The SHA-256 of an argument: of arrays' bytes, types and shapes, of models' fields, of the code, the defaults and
    the closures of functions, and of the attributes of objects that are called. What functions see in globals is left
    out: see `bounding.domain`, which adds what a spec does, and `rounding_errors.provenance`, which adds texts.
    """
    state = _State()
    _feed(state, value)
    return state.hash.hexdigest()


class _State:
    """The hash so far; called: the functions and objects that are being fed, for they may see themselves."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.update = self.hash.update
        self.called: list[Any] = []


def _feed(state: _State, value: Any) -> None:
    """Feeds a value to the hash. A tag and a length come first, so that no two values are one text."""
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
        _called(state, value)
    elif hasattr(value, "__array__") and not isinstance(value, np.generic):
        _all(state, type(value).__name__, [np.asarray(value)])
    elif "__repr__" not in {name for kind in type(value).__mro__[:-1] for name in vars(kind)}:  # an address otherwise
        _all(state, type(value).__name__, [vars(value) if hasattr(value, "__dict__") else None])
    else:
        _text(state, f"{type(value).__name__} {value!r}")


def _called(state: _State, value: Any) -> None:
    """Feeds a function, method, class or object that is called: its name and code, and what it holds."""
    known = [each is value for each in state.called]
    if any(known):
        _text(state, f"again {known.index(True)}")
        return
    code = getattr(plainest(value), "__code__", None)
    state.called.append(value)
    _all(state, f"function {spec_name(value)}", [*([] if code is None else [code]), *_held(value)])
    state.called.pop()


def _held(value: Any) -> list[Any]:
    """What a function holds in defaults and cells, a method in its object, an object in its attributes."""
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents if _filled(cell) else None for cell in value.__closure__ or ()]
        return [value.__defaults__, value.__kwdefaults__, cells, getattr(value, "__wrapped__", None)]
    return [] if isinstance(value, type) or not hasattr(value, "__dict__") else [vars(value)]


def _filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _exactly(t: Tensor) -> list[Any]:
    """The numbers of a tensor, each as a text that tells it from all others."""
    scalars, context = t.scalars(), t.context
    if context.encloses:
        return [list(t.shape), [list(map(str, context.endpoints(s))) for s in scalars.flat]]
    return [list(t.shape), [repr(s) for s in scalars.flat]]


def _all(state: _State, tag: str, parts: Sequence[Any]) -> None:
    _text(state, f"{tag} {len(parts)}")
    for part in parts:
        _feed(state, part)


def _text(state: _State, text: str) -> None:
    """Feeds a text with its length before it, so that no two sequences of texts are one."""
    data = text.encode("utf-8", "surrogatepass")
    state.update(f"{len(data)}:".encode() + data)


def plainest(function: Any) -> Any:
    """The function that a wrapper or a partial one calls; the class of an object that is called."""
    while isinstance(function, functools.partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, functools.partial) else function.__wrapped__
    function = getattr(function, "__func__", function)
    return function if hasattr(function, "__module__") and hasattr(function, "__name__") else type(function)
