"""Carrying a model, or any argument of a job, to a context."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from scalarspec.context import Context
from scalarspec.registry import resolve
from scalarspec.shape import Shape
from scalarspec.tensor import Tensor

Model = TypeVar("Model")
_VALUES = (int, float, str, Fraction, Decimal, Shape)
"""Whose identity means nothing: two equal ones may be one object."""


def lift(model: Model, context: str | Context[Any]) -> Model:
    """`model` with every array, list of numbers, float, Fraction and Decimal in it a tensor, at its exact value.

    Goes through dataclasses, lists, tuples and dictionaries. Integers (which may be indices), strings and
    functions stay; integers become literals where they meet a tensor.
    """
    target = resolve(context)
    return mapped(model, lambda value, _: target.tensor(value) if is_data(value) else None)


def mapped(model: Model, function: Callable[[Any, str], Any], name: str = "") -> Model:
    """`model` with each part replaced for which the function gives something, in dataclasses and containers.

    The function is handed the part and its path, such as `name.encoder.weight`. A part that occurs twice is replaced by
    one and the same. Where the function gives None, the parts of the part are looked at, if it is a dataclass, a list,
    a tuple or a dictionary; else it stays.
    """
    result: Model = _mapped(model, function, name, {})
    return result


def replaced(model: Model, parts: Mapping[int, Any]) -> Model:
    """`model` with other parts for its own, by identity."""
    return mapped(model, lambda value, _: parts.get(id(value)))


def _mapped(value: Any, function: Callable[[Any, str], Any], path: str, done: dict[int, Any]) -> Any:
    if isinstance(value, _VALUES) or id(value) not in done:
        found = function(value, path)
        done[id(value)] = _parts_mapped(value, function, path, done) if found is None else found
    return done[id(value)]


def _parts_mapped(value: Any, function: Callable[[Any, str], Any], path: str, done: dict[int, Any]) -> Any:
    def part(name: Any, inner: Any) -> Any:
        return _mapped(inner, function, f"{path}.{name}", done)

    if isinstance(value, list | tuple):
        return type(value)(part(i, item) for i, item in enumerate(value))
    if isinstance(value, dict):
        return {key: part(key, item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        result = copy.copy(value)
        for field in dataclasses.fields(value):
            object.__setattr__(result, field.name, part(field.name, getattr(value, field.name)))
        return result
    return value


def is_data(value: Any) -> bool:
    """Does `lift` make a tensor of it?"""
    return isinstance(value, np.ndarray | Tensor | float | np.floating | Fraction | Decimal) or _is_numbers(value)


def _is_numbers(value: Any) -> bool:
    """A list of numbers, or of such lists."""
    numbers = (int, float, Fraction, Decimal, np.integer, np.floating)
    return isinstance(value, list) and bool(value) and all(isinstance(v, numbers) or _is_numbers(v) for v in value)
