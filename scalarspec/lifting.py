"""Carrying a model, or any argument of a job, to a context."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from scalarspec.context import Context
from scalarspec.registry import resolve
from scalarspec.tensor import Tensor

Model = TypeVar("Model")


def lift(model: Model, context: str | Context[Any]) -> Model:
    """`model` with every array, list of numbers, float, Fraction and Decimal in it a tensor, at its exact value.

    Goes through dataclasses, lists, tuples and dictionaries. Integers (which may be indices), strings and
    functions stay; integers become literals where they meet a tensor.
    """
    target = resolve(context)
    return mapped(model, lambda value: target.tensor(value) if _is_data(value) else None)


def mapped(model: Model, function: Callable[[Any], Any]) -> Model:
    """`model` with each part replaced for which the function gives something, in dataclasses and containers.

    A part that occurs twice is replaced by one and the same. Where the function gives None, the parts of the part are
    looked at, if it is a dataclass, a list, a tuple or a dictionary; else it stays.
    """
    result: Model = _mapped(model, function, {})
    return result


def _mapped(value: Any, function: Callable[[Any], Any], done: dict[int, Any]) -> Any:
    if id(value) not in done:
        found = function(value)
        done[id(value)] = _parts_mapped(value, function, done) if found is None else found
    return done[id(value)]


def _parts_mapped(value: Any, function: Callable[[Any], Any], done: dict[int, Any]) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_mapped(item, function, done) for item in value)
    if isinstance(value, dict):
        return {key: _mapped(item, function, done) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        result = copy.copy(value)
        for field in dataclasses.fields(value):
            object.__setattr__(result, field.name, _mapped(getattr(value, field.name), function, done))
        return result
    return value


def _is_data(value: Any) -> bool:
    return isinstance(value, np.ndarray | Tensor | float | np.floating | Fraction | Decimal) or _is_numbers(value)


def _is_numbers(value: Any) -> bool:
    """A list of numbers, or of such lists."""
    numbers = (int, float, Fraction, Decimal, np.integer, np.floating)
    return isinstance(value, list) and bool(value) and all(isinstance(v, numbers) or _is_numbers(v) for v in value)
