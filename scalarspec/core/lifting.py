"""Carrying a model, or any argument of a job, to a context."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any, TypeVar

import numpy as np

from scalarspec.core.closures import rebuilt, seen_by, sees
from scalarspec.core.context import Context
from scalarspec.core.foreign import AsSpec, frontend, is_class_of_modules, is_module
from scalarspec.core.in_place import mutable
from scalarspec.core.named_contexts import resolve
from scalarspec.core.nested import Nested
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, Truth, common_context, wraps
from scalarspec.core.whole import Whole
from scalarspec.numbers.exact import IN_SPEC, told_where
from scalarspec.numbers.foreign import of_numbers

Model = TypeVar("Model")
Spec = TypeVar("Spec", bound=Callable[..., Any])
_NUMBERS = (int, float, Fraction, Decimal, np.integer, np.floating)
"""Types of single numbers."""
_VALUES = (int, float, str, Fraction, Decimal, Shape)
"""Types whose objects are told apart by their values: two equal ones may be one object, so that identity tells nothing.
"""


AS_IT_IS = "as_it_is"
"""The key in the metadata of a dataclass' field whose value is no part of a model: it stays as it is."""


def lift(model: Model, context: str | Context[Any]) -> Model:
    """`model` with every array, list of numbers, float, Fraction and Decimal in it a tensor of a context, at its exact
    value.

    model: any argument of a spec: dataclasses, modules of PyTorch, lists, tuples and dictionaries are gone through, and
    copies of them hold the tensors.
    Integers, which may be indices, stay integers that are numbers of the context, too (see `core.whole`); arrays and
    lists of bools become truths; strings stay. Functions that see float arrays or models beside their arguments, in
    closures, defaults and globals, are rebuilt with tensors in their place.
    context: a context, or the name of one. Raises ArgumentError where a function cannot be rebuilt, DomainError for NaN
    and infinities (except under floats).

        layer = ss.lift(ss.layers.Linear([[1.0, 2.0]], [0.5]), "rational")
        layer(layer.weight[0])    # [11/2], exactly

    Lift a model once for many evaluations; jobs such as `bounds` lift what they are given by themselves.
    """
    return _carried(model, resolve(context), "model")


def lifted_arguments(arguments: Mapping[str, Any], context: Context[Any]) -> dict[str, Any]:
    """Arguments of a job, by name, carried to a context. Raises as `lift` does, with the name."""
    return {name: _carried(value, context, name) for name, value in arguments.items()}


def viewed(model: Model, context: Context[Any]) -> Model:
    """As `lift` does in a context of float64s, but that float64 arrays become tensors that are these arrays, and no
    copies: they are only read.
    """

    def view(value: Any) -> Tensor:
        plain = type(value) is np.ndarray and value.dtype == np.float64
        return mutable(Tensor(context, Shape(value.shape), value)) if plain else context.tensor(value)

    return _carried(model, context, "model", view)


def _carried(model: Model, target: Context[Any], name: str, tensor: Callable[[Any], Tensor] | None = None) -> Model:
    """tensor: what makes tensors of data, if it is not the context's own."""
    made = target.tensor if tensor is None else tensor

    def lifted(value: Any, path: str) -> Any:
        kind: Any = type(value)
        is_model = _fields(kind) and not (is_array(value) or isinstance(value, _NUMBERS))  # as most parts are
        if not is_model and is_data(value):
            return told_where(path, value, made)
        if not is_model and is_mask(value):
            return Truth.from_scalars(target, np.asarray(value).astype(object))
        if type(value) is int or (isinstance(value, np.integer) and value.dtype.kind in "iu"):
            return Whole(int(value), target)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            target.goes_through(kind)
        return rebuilt(value, target, seen, _is_number_data) if sees(value) else None

    def seen(value: Any) -> Any:
        return mapped(value, inside, IN_SPEC)

    def inside(value: Any, path: str) -> Any:
        return value if isinstance(value, Tensor) else lifted(value, path)

    return mapped(model, lifted, name)


def lifted_spec(spec: Spec, context: Context[Any]) -> Spec:
    """A spec for evaluation in a context: what it sees beside its arguments is lifted to the innermost one.

    A model that is a spec itself is lifted as any model is, and what its `__call__` sees is, too.
    """
    while context.wrapped is not None:
        context = context.wrapped
    if isinstance(spec, AsSpec):
        inner = lifted_spec(spec.function, context)
        return spec if inner is spec.function else spec.around(inner)  # type: ignore[return-value]
    if sees(spec) or is_module(spec):
        return lift(spec, context)
    method = None if isinstance(spec, type) else inspect.getattr_static(type(spec), "__call__", None)
    if not isinstance(method, FunctionType):
        return spec
    bound = MethodType(method, spec)
    lifted: Any = lift(bound, context)
    return spec if lifted is bound else lifted


def mapped(model: Model, function: Callable[[Any, str], Any], name: str = "", once: bool = True) -> Model:
    """`model` with each part replaced for which the function gives something, in dataclasses and containers, of which
    there are copies then.

    The function is handed the part and its path, such as `name.encoder.weight`. A part that occurs twice is replaced by
    one and the same, unless `once` is false: then each place counts on its own. Where the function gives None, the
    parts of the part are looked at, if it is a dataclass, a module of PyTorch, a list, a tuple or a dictionary;
    anything else stays.
    """
    result: Model = _mapped(model, function, name, {} if once else None)
    return result


def replaced(model: Model, parts: Mapping[int, Any]) -> Model:
    """`model` with other parts for its own, by identity."""
    return mapped(model, lambda value, _: parts.get(id(value)))


class Place(int):
    """Where a part was taken out of a model: the number of that part."""


def taken_out(model: Model, wanted: Callable[[Any], bool], name: str = "") -> tuple[Model, dict[str, Any]]:
    """A model with places in the stead of some of its parts, and these parts by their paths, in order, each once.

    wanted: is a part one of them? name: where the paths begin.
    """
    parts: dict[str, Any] = {}

    def placed(value: Any, path: str) -> Place | None:
        if not wanted(value):
            return None
        parts[path] = value
        return Place(len(parts) - 1)

    return mapped(model, placed, name), parts


def put_back(model: Model, parts: Sequence[Any]) -> Model:
    """A model with parts in the stead of their places."""
    return mapped(model, lambda value, _: parts[value] if isinstance(value, Place) else None)


def tensors_in(argument: Any) -> list[Tensor]:
    """The tensors of an argument, each once, in order."""
    found: dict[int, Tensor] = {}

    def note(value: Any, _: str) -> Any:
        return found.setdefault(id(value), value) if isinstance(value, Tensor) else None

    mapped(argument, note)
    return list(found.values())


def common_context_of(spec: Callable[..., Any], arguments: Iterable[Any], name: str) -> Context[Any]:
    """The context in which a spec is evaluated at arguments: that of the tensors in these, models included, or one
    around it, of which the spec sees tensors beside them.

    Raises as `common_context` does, with the name.
    """
    context = common_context(name, [t for argument in arguments for t in tensors_in(argument)])
    for t in seen_by(spec):
        if isinstance(t, Nested) and wraps(t.context, context):
            context = t.context
    return context


def _mapped(value: Any, function: Callable[[Any, str], Any], path: str, done: dict[int, Any] | None) -> Any:
    key = id(value)
    if done is not None and key in done and not isinstance(value, _VALUES):
        return done[key]
    found = function(value, path)
    result = _parts_mapped(value, function, path, done) if found is None else found
    if done is not None:
        done[key] = result
    return result


def _parts_mapped(value: Any, function: Callable[[Any, str], Any], path: str, done: dict[int, Any] | None) -> Any:
    kind: Any = type(value)
    if names := _fields(kind):
        return _fields_mapped(value, names, function, path, done)

    def part(name: Any, inner: Any) -> Any:
        return _mapped(inner, function, f"{path}.{name}", done)

    if isinstance(value, (list, tuple)):
        parts = [part(i, item) for i, item in enumerate(value)]
        if type(value) is tuple and all(new is old for new, old in zip(parts, value, strict=True)):
            return value  # which nobody can change
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: part(key, item) for key, item in value.items()}
    return frontend("torch").mapped(value, part) if is_module(value) else value


def _fields_mapped(
    value: Any, names: tuple[str, ...], function: Callable[[Any, str], Any], path: str, done: dict[int, Any] | None
) -> Any:
    """The same of a dataclass; itself where all its fields stay."""
    result = value
    for name in names:
        old = getattr(value, name)
        new = _mapped(old, function, f"{path}.{name}", done)
        if new is not old:
            result = copy.copy(value) if result is value else result
            object.__setattr__(result, name, new)
    return result


@lru_cache(maxsize=256)
def _fields(kind: Hashable) -> tuple[str, ...]:
    """The fields of a dataclass that are parts of a model; none of any other type, nor of one that is a container, or a
    module of PyTorch, as well.
    """
    model: Any = kind
    other = issubclass(model, (list, tuple, dict)) or is_class_of_modules(model)
    fields = dataclasses.fields(model) if dataclasses.is_dataclass(model) and not other else ()
    return tuple(field.name for field in fields if not field.metadata.get(AS_IT_IS))


def is_data(value: Any) -> bool:
    """Does `lift` make a tensor of it?"""
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind != "b")
    if isinstance(value, (Tensor, float, np.floating, Decimal)):
        return True
    return (_is_numbers(value) and not _is_bools(value)) or isinstance(value, Fraction) or is_array(value)


def is_array(value: Any) -> bool:
    """Is it an array, whoever's?"""
    return hasattr(value, "__array__") and not isinstance(value, Nested | np.generic | type)


def is_trained(part: Any) -> bool:
    """Is it a parameter of a model: a tensor, an array of floats, or a list of numbers?"""
    if is_array(part):
        return of_numbers(part).dtype.kind in "fO"
    return isinstance(part, Tensor) or (isinstance(part, list) and is_data(part))


def is_mask(value: Any) -> bool:
    """Does `lift` make truths of it?"""
    return (isinstance(value, np.ndarray) and value.dtype.kind == "b") or _is_bools(value)


def _is_bools(value: Any) -> bool:
    """A list of bools, or of such lists."""
    return (
        isinstance(value, list) and bool(value) and all(isinstance(v, bool | np.bool_) or _is_bools(v) for v in value)
    )


def _is_number_data(value: Any) -> bool:
    """Is it data, but no tensor? Tensors stay in what functions see, since they may be variables of a tape."""
    return is_data(value) and not isinstance(value, Tensor)


def _is_numbers(value: Any) -> bool:
    """A list of numbers, or of such lists."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, _NUMBERS) or _is_numbers(v) for v in value)
