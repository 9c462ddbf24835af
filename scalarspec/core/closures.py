"""What a function sees beside its arguments, as tensors: float arrays and models in closures, defaults and globals.

NumPy would round what a spec does with such arrays before a tensor meets them, and another model than the one written
would be certified. So a spec is rebuilt for the context that it is evaluated in: the function, and those that it calls
by closure, default or global name, each with tensors in the place of arrays. Nothing of the user's is changed: what is
rebuilt are copies, kept for as long as all that was looked at is the same, the numbers in the arrays included. Arrays
of integers and of bools stay, since they may be indices and masks.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from scalarspec.core.context import Context
from scalarspec.core.foreign import frontend, is_module
from scalarspec.core.nested import Nested
from scalarspec.errors import ArgumentError
from scalarspec.numbers.foreign import of_numbers

Map = Callable[[Any], Any]
"""What makes a value out of another one."""
KEPT = 32
"""The most rebuilt functions that are kept, so that a program which makes functions without end does not keep all of
them. It alternates between few specs.
"""
LIBRARIES = {*sys.stdlib_module_names, "scalarspec", "numpy", "scipy", "sympy", "mpmath", "flint", "torch", "jax"}
"""The packages whose globals hold no one's data, and are not looked through."""


def sees(value: Any) -> bool:
    """Can it be a function that sees something beside its arguments?"""
    return isinstance(value, FunctionType | MethodType | partial)


def is_float_array(value: Any) -> bool:
    """Is it an array of floats, whoever's: NumPy's, or what NumPy can read?"""
    if isinstance(value, np.ndarray):
        kind = value.dtype.kind
        return kind == "f" or (kind == "O" and any(isinstance(x, float | np.floating) for x in value.flat))
    if isinstance(value, Nested | np.generic | type) or not hasattr(value, "__array__"):
        return False
    return "float" in str(getattr(value, "dtype", ""))


def is_model(value: Any) -> bool:
    """Is it an instance of a dataclass, or a module of PyTorch? Contexts count as none."""
    if is_module(value):
        return True
    return dataclasses.is_dataclass(value) and not isinstance(value, type) and not _is_context(value)


def _is_context(value: Any) -> bool:
    return Context in type(value).__mro__  # a protocol: isinstance would not do


def rebuilt(function: Any, context: Context[Any], lift: Map, data: Callable[[Any], bool]) -> Any:
    """The function with tensors of the context where it sees arrays and models; itself where it sees none.

    lift: makes tensors of an array, or in a model; data: would it make a tensor of that part of a model?
    Raises ArgumentError for arrays that it sees and that cannot be replaced: attributes of modules and of objects.
    """
    view = _View(function, data)
    if not view.holders:
        return function
    key = (*_identity(function), context)
    known = _KEPT.pop(key, None)
    if known is None or not known[0].is_still(view):
        known = view, _Rebuilding(view, lift).of(function)
        view.parts = [_kept(part) for part in view.parts]
        for oldest in list(_KEPT)[: len(_KEPT) - KEPT + 1]:
            _KEPT.pop(oldest, None)
    _KEPT[key] = known
    return known[1]


_KEPT: dict[tuple[Any, ...], tuple[_View, Any]] = {}
"""What was rebuilt lately, with the view that it was rebuilt from: used again while that view is still the same."""


def _identity(function: Any) -> tuple[int, ...]:
    """What tells a function from others. A bound method is made anew each time that it is asked for, so its parts
    do.
    """
    return (id(function.__self__), id(function.__func__)) if isinstance(function, MethodType) else (id(function),)


@lru_cache(maxsize=1024)
def _names(code: CodeType) -> frozenset[str]:
    """The names that code, and code in it, may look up."""
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return frozenset(code.co_names).union(*inner)


def _captured(function: Any) -> Iterator[tuple[str, Any]]:
    """What a function sees, by name: cells, defaults, and the globals that its code names."""
    if isinstance(function, partial):
        yield from (("its function", function.func), *((f"argument {i}", x) for i, x in enumerate(function.args)))
        yield from function.keywords.items()
        return
    if isinstance(function, MethodType):
        yield from (("its function", function.__func__), ("self", function.__self__))
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if (value := _contents(cell)) is not _EMPTY:
            yield name, value
    yield from ((f"default {i}", x) for i, x in enumerate(function.__defaults__ or ()))
    yield from (function.__kwdefaults__ or {}).items()
    yield from _globals(function).items()


def seen_by(spec: Any) -> Iterator[Nested | np.ndarray[Any, Any]]:
    """The tensors and arrays that a function, or a model that is called, sees beside its arguments, directly or by
    functions, models and containers.
    """
    stack, known = [spec], set()
    while stack:
        value = stack.pop()
        if isinstance(value, Nested | np.ndarray):
            yield value
        elif id(value) not in known:
            known.add(id(value))
            if sees(value):
                stack += [seen for _, seen in _captured(value)]
            elif isinstance(value, list | tuple):
                stack += value
            elif isinstance(value, dict):
                stack += value.values()
            elif is_model(value):
                stack += [part for _, part in _fields(value)]


def _globals(function: FunctionType) -> dict[str, Any]:
    """The globals that a function's code names; none of those of libraries."""
    if _package(function.__globals__.get("__name__")) in LIBRARIES:
        return {}
    space = function.__globals__
    return {name: space[name] for name in sorted(_names(function.__code__)) if name in space}


_EMPTY = object()
"""What stands for the contents of a cell that is not filled yet."""


def _contents(cell: CellType) -> Any:
    """What is in a cell, or `_EMPTY` where there is nothing yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


def _package(module: Any) -> str:
    return str(module).split(".")[0]


class _View:
    """All that a function sees, directly and through others.

    values: whatever was looked at, in order; parts: the data among it; models: those whose numbers are data, too;
    holders: the functions and modules, by identity, that hold data themselves or through others.
    """

    def __init__(self, function: Any, data: Callable[[Any], bool]) -> None:
        self.data = data
        self.values: list[Any] = []
        self.parts: list[Any] = []
        self.nodes: dict[int, Any] = {}
        self.uses: dict[int, set[int]] = {}
        self.attributes: dict[int, set[str]] = {}
        self.models: set[int] = set()
        self.holders: set[int] = set()
        self._looked: set[tuple[int, int]] = set()
        self._changes: dict[int, bool] = {}
        self._visit(function)
        self._propagate()

    def _visit(self, function: Any) -> None:
        """Looks at all that a function sees, once for each function."""
        if id(function) not in self.nodes:
            self.nodes[id(function)], self.uses[id(function)] = function, set()
            own = _package(getattr(function, "__module__", None)) == "scalarspec"
            for name, value in _captured(function):
                if sees(value) or not own:  # what the library's functions hold is theirs to lift
                    self._look(function, function, name, value, inside=False)

    def _look(self, function: Any, node: Any, name: str, value: Any, inside: bool) -> None:
        """Looks at a value that a node, which is a function or a module, holds for a function, or that is inside of a
        model.
        """
        if is_float_array(value) or (inside and self.data(value)):
            self.parts.append(_read(value, function, name))
            self.holders.add(id(node))
            return
        self.values.append(value)
        if (id(node), id(value)) in self._looked:
            return
        self._looked.add((id(node), id(value)))
        if sees(value):
            self.uses[id(node)].add(id(value))
            self._visit(value)
        elif isinstance(value, list | tuple | dict):
            self.values.extend(value.keys() if isinstance(value, dict) else ())
            for part in value.values() if isinstance(value, dict) else value:
                self._look(function, node, name, part, inside)
        elif is_model(value):
            if is_module(value):  # of which a copy is made, whatever it holds: code may change it when it is called
                self.holders.add(id(node))
            inside = inside or name == "self" or self._has_arrays(value)
            if inside:
                self.models.add(id(value))
            for field, part in _fields(value):
                self._look(function, node, f"{name}.{field}", part, inside)
        elif isinstance(value, ModuleType):
            self._module(function, node, name, value)
        elif not inside and not isinstance(value, Nested) and not _is_context(value):
            self._refuse_attributes(function, name, value)

    def _module(self, function: Any, node: Any, name: str, module: ModuleType) -> None:
        """Looks at the attributes of a module that the function's code names."""
        if _package(module.__name__) in LIBRARIES:
            return
        self.nodes[id(module)] = module
        self.uses.setdefault(id(module), set())
        self.uses[id(node)].add(id(module))
        named = _names_of(function) & vars(module).keys()
        self.attributes.setdefault(id(module), set()).update(named)
        for attribute in sorted(named):
            self._look(function, module, f"{name}.{attribute}", vars(module)[attribute], inside=False)

    def _refuse_attributes(self, function: Any, name: str, value: Any) -> None:
        """Raises ArgumentError for arrays and models that an object or a class holds under names that the function or
        its methods have: these cannot be replaced.
        """
        kind = value if isinstance(value, type) else type(value)
        if not hasattr(value, "__dict__") or _package(kind.__module__) in LIBRARIES:
            return
        methods = [m for each in kind.__mro__ for m in vars(each).values() if isinstance(m, FunctionType)]
        named = _names_of(function).union(*map(_names_of, methods))
        for attribute in sorted(named & vars(value).keys()):
            if self.changes(vars(value)[attribute]):
                raise ArgumentError(
                    f"spec {getattr(function, '__name__', function)}: {name}.{attribute} holds floats that no context "
                    "sees, and NumPy would round what is done with them; pass them as an argument, or in a dataclass"
                )

    def _has_arrays(self, value: Any) -> bool:
        """Does a model hold float arrays? Numbers alone are settings."""
        if isinstance(value, list | tuple | dict):
            return any(map(self._has_arrays, value.values() if isinstance(value, dict) else value))
        if is_model(value):
            return any(self._has_arrays(part) for _, part in _fields(value))
        return is_float_array(value)

    def _propagate(self) -> None:
        """Marks whoever uses a holder as one, until there are no more."""
        while more := {key for key, used in self.uses.items() if key not in self.holders and used & self.holders}:
            self.holders |= more

    def changes(self, value: Any) -> bool:
        """Is there data in a value, or a function that sees data?"""
        if sees(value) or isinstance(value, ModuleType):
            return id(value) in self.holders
        if is_module(value) or not (isinstance(value, list | tuple | dict) or is_model(value)):
            return is_module(value) or is_float_array(value)
        if id(value) not in self._changes:
            self._changes[id(value)] = False  # where it contains itself
            if is_model(value):
                parts = [part for _, part in _fields(value)]
                self._changes[id(value)] = any(self.data(part) or self.changes(part) for part in parts)
            else:
                self._changes[id(value)] = any(map(self.changes, value.values() if isinstance(value, dict) else value))
        return self._changes[id(value)]

    def _inside_changes(self, value: Any) -> bool:
        if not is_model(value):
            return any(map(self.changes, value.values() if isinstance(value, dict) else value))
        parts, whole = [part for _, part in _fields(value)], id(value) in self.models
        return any(map(self.changes, parts)) or (whole and any(map(self.data, parts)))

    def is_still(self, other: _View) -> bool:
        """Are they views of the same things, with the same numbers in them?"""
        return (
            len(self.values) == len(other.values)
            and len(self.parts) == len(other.parts)
            and all(a is b for a, b in zip(self.values, other.values, strict=True))
            and all(map(_same, self.parts, other.parts))
        )


def _fields(model: Any) -> list[tuple[str, Any]]:
    """The parts of a model by name: of a module of PyTorch, all that it holds, of its inner modules, too."""
    if is_module(model):
        return list(frontend("torch").parts(model))
    return [
        (field.name, getattr(model, field.name)) for field in dataclasses.fields(model) if hasattr(model, field.name)
    ]


def _names_of(function: Any) -> frozenset[str]:
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return frozenset() if code is None else _names(code)


def _kept(part: Any) -> Any:
    """Data as it is now: a copy, where it may be written into later."""
    return copy.deepcopy(part) if isinstance(part, list | np.ndarray) else part


def _read(part: Any, function: Any, name: str) -> Any:
    """Whatever is an array as one of NumPy's."""
    if not hasattr(part, "__array__") or isinstance(part, Nested | np.generic):
        return part
    return of_numbers(part, f"spec {getattr(function, '__name__', function)}: {name}")


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return a is b or (type(a) is type(b) and not isinstance(a, Nested) and bool(a == b))


class _Rebuilding:
    """Copies of functions, made once each, with lifted values in them: empty at first, for they may see each other."""

    def __init__(self, view: _View, lift: Map) -> None:
        self.view, self.lift = view, lift
        self.made: dict[int, Any] = {}
        self.spaces: dict[int, dict[str, Any]] = {}

    def of(self, value: Any) -> Any:
        """A value with tensors in it; itself where nothing changes."""
        if not self.view.changes(value):
            return value
        if isinstance(value, partial):
            keywords = {name: self.of(x) for name, x in value.keywords.items()}
            return partial(self.of(value.func), *map(self.of, value.args), **keywords)
        if isinstance(value, MethodType):
            return MethodType(self.of(value.__func__), self.of(value.__self__))
        if isinstance(value, FunctionType):
            return self.made[id(value)] if id(value) in self.made else self._function(value)
        if isinstance(value, ModuleType):
            return self.made[id(value)] if id(value) in self.made else self._module(value)
        if isinstance(value, dict):
            return {key: self.of(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            parts = map(self.of, value)
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        return self.lift(value)

    def _function(self, function: FunctionType) -> FunctionType:
        """The copy of a function. It is entered before what it sees is copied, for that may be the function itself."""
        cells = [self._cell(cell) for cell in function.__closure__ or ()]
        space = self._space(function)
        twin = FunctionType(function.__code__, space, function.__name__, None, tuple(cells) or None)
        self.made[id(function)] = twin
        twin.__dict__.update(function.__dict__ | {"_lifted_from": function})
        twin.__qualname__, twin.__module__, twin.__doc__ = function.__qualname__, function.__module__, function.__doc__
        twin.__annotations__ = function.__annotations__
        twin.__defaults__ = self._all(function.__defaults__)
        keywords = function.__kwdefaults__
        twin.__kwdefaults__ = None if keywords is None else {name: self.of(x) for name, x in keywords.items()}
        for old, new in zip(function.__closure__ or (), cells, strict=True):
            if new is not old:
                new.cell_contents = self.of(old.cell_contents)
        if space is not function.__globals__:
            space.update({name: self.of(value) for name, value in _globals(function).items()})
        return twin

    def _module(self, module: ModuleType) -> ModuleType:
        """A module of the same name, which nobody imports."""
        twin = self.made[id(module)] = ModuleType(module.__name__, module.__doc__)
        vars(twin).update(vars(module))
        for name in self.view.attributes[id(module)]:
            setattr(twin, name, self.of(vars(module)[name]))
        return twin

    def _cell(self, cell: CellType) -> CellType:
        """An empty cell for what changes; else the same cell, which several functions may look into."""
        value = _contents(cell)
        return CellType() if value is not _EMPTY and self.view.changes(value) else cell

    def _space(self, function: FunctionType) -> dict[str, Any]:
        """The globals, or a copy where some of them change: one for all functions of a module."""
        space = function.__globals__
        if not any(map(self.view.changes, _globals(function).values())):
            return space
        return self.spaces.setdefault(id(space), dict(space))

    def _all(self, values: Iterable[Any] | None) -> tuple[Any, ...] | None:
        return None if values is None else tuple(map(self.of, values))
