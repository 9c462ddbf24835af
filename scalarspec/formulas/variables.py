"""The variables of a spec: what becomes one, what each is called, and the arguments with variables in their places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import numpy as np

from scalarspec.core.lifting import is_data, mapped
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError
from scalarspec.numbers.exact import as_array
from scalarspec.tracing.scalar_graph import Node


def variables_in(
    arguments: Mapping[str, Any], wrt: Sequence[str] | None, make: Callable[[str, Shape], Tensor]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The arguments with variables in the place of shapes and of what is named in `wrt`; and the variables, by name.

    wrt: parameters, or paths in them; None for all data.
    make: the variable of a name and a shape. Raises ArgumentError where nothing at a path in `wrt` can vary.
    """
    found = shapes_in(arguments, wrt)
    made = {path: make(name, shape) for path, (name, shape) in found.items()}
    given = {name: mapped(value, lambda _, path: made.get(path), name) for name, value in arguments.items()}
    return given, {found[path][0]: t for path, t in made.items()}


def shapes_in(arguments: Mapping[str, Any], wrt: Sequence[str] | None) -> dict[str, tuple[str, Shape]]:
    """The name and the shape of each variable that `variables_in` makes, by its path. Raises as that does."""
    shapes: dict[str, Shape] = {}

    def note(value: Any, path: str) -> Any:
        shape = _shape(value, path, wrt)
        return None if shape is None else shapes.setdefault(path, shape)

    for name, value in arguments.items():
        mapped(value, note, name)
    for name in wrt or ():
        if not any(_within(path, name) for path in shapes):
            raise ArgumentError(f"wrt: {name!r} holds nothing that can vary; only tensors and numbers become variables")
    names = _short([*shapes, *arguments])
    for path in shapes:
        others = [other for other in shapes if other != path and names[other] == names[path]]
        if others:
            raise ArgumentError(f"{path!r} and {others[0]!r} would both be called {names[path]}; rename one")
    return {path: (names[path], shape) for path, shape in shapes.items()}


def _short(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path: as much of its end as tells it from the others, and begins with a letter."""
    ends = {path: [".".join(path.split(".")[i:]) for i in reversed(range(path.count(".") + 1))] for path in paths}
    count = Counter(end for path in dict.fromkeys(paths) for end in ends[path])
    names = {path: next((e for e in ends[path] if count[e] == 1 and not e[0].isdigit()), path) for path in paths}
    return {path: re.sub(r"\W", "_", name) for path, name in names.items()}


def unused(label: str, taken: Container[str]) -> str:
    """The label, with underscores where something else is called so."""
    while label in taken:
        label += "_"
    return label


def refuse_equal_symbols(variables: Mapping[str, Tensor]) -> None:
    """Raises ArgumentError where two variables would be one symbol."""
    seen: dict[str, str] = {}
    for path, t in variables.items():
        for text in texts_of(t):
            if seen.setdefault(text, path) != path:
                raise ArgumentError(f"wrt: {seen[text]!r} and {path!r} would both have a variable {text}; rename one")


def _within(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.")


def _shape(value: Any, path: str, wrt: Sequence[str] | None) -> Shape | None:
    """The shape of the variable at a path; None where there is none."""
    if isinstance(value, Shape):
        return value
    if wrt is not None and not any(_within(path, name) for name in wrt):
        return None
    if isinstance(value, Tensor):
        return value.shape
    number = path in (wrt or ()) and isinstance(value, int | str | np.integer) and not isinstance(value, bool)
    return Shape(as_array(value).shape) if number or is_data(value) else None


def texts_of(t: Tensor) -> list[str]:
    """How each element prints, row-major."""
    return [t.context.text(x) for x in t.scalars().flat]


def nodes_of(t: Tensor) -> list[Node]:
    """The nodes of a symbolic tensor, row-major."""
    return list(t.scalars().flat)
