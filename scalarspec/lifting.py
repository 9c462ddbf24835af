"""Carrying a model, or any argument of a job, to a context."""

from __future__ import annotations

import copy
import dataclasses
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
    lifted: Model = _lift(model, resolve(context), {})
    return lifted


def _lift(value: Any, context: Context[Any], done: dict[int, Any]) -> Any:
    if id(value) not in done:
        done[id(value)] = _lifted(value, context, done)
    return done[id(value)]


def _lifted(value: Any, context: Context[Any], done: dict[int, Any]) -> Any:
    if isinstance(value, np.ndarray | Tensor | float | np.floating | Fraction | Decimal) or _is_numbers(value):
        return context.tensor(value)
    if isinstance(value, list | tuple):
        return type(value)(_lift(item, context, done) for item in value)
    if isinstance(value, dict):
        return {key: _lift(item, context, done) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        result = copy.copy(value)
        for field in dataclasses.fields(value):
            object.__setattr__(result, field.name, _lift(getattr(value, field.name), context, done))
        return result
    return value


def _is_numbers(value: Any) -> bool:
    """A list of numbers, or of such lists."""
    numbers = (int, float, Fraction, Decimal, np.integer, np.floating)
    return isinstance(value, list) and bool(value) and all(isinstance(v, numbers) or _is_numbers(v) for v in value)
