"""The arguments of a job: bound to the parameters of a spec, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.core.callers import evaluating
from scalarspec.core.context import Context
from scalarspec.core.failures import plainly
from scalarspec.core.foreign import AsSpec, asks_for_jax, in_jax, names_jax
from scalarspec.core.lifting import is_array, is_data, lift, lifted_spec, mapped, replaced, tensors_in, viewed
from scalarspec.core.named_contexts import resolve
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Tensor, as_tensor
from scalarspec.core.whole import Whole
from scalarspec.errors import (
    ArgumentError,
    ContextMismatch,
    NotExact,
    NotSupported,
    OutOfRange,
    ScalarSpecError,
    UnknownName,
)
from scalarspec.numbers.exact import as_array, data_value
from scalarspec.numbers.foreign import NUMBERS, of_numbers


def bind(spec: Callable[..., Tensor], args: Sequence[Any], known: Iterable[str] = ()) -> dict[str, Any]:
    """The arguments of a spec by parameter name, defaults included; those of `*ts` are called ts_0, ts_1, ...

    known: names that must be among them. Raises ArgumentError where they do not fit the parameters, UnknownName for a
    known name that is no parameter.
    """
    if not callable(spec):
        raise ArgumentError(f"spec: expected a function on tensors, got {spec!r}")
    try:
        bound = inspect.signature(spec).bind(*args)
    except TypeError as error:
        raise ArgumentError(f"spec {spec_name(spec)}{inspect.signature(spec)}: {error}") from None
    if not isinstance(spec, AsSpec) or {*known} - {*bound.arguments}:
        bound.apply_defaults()  # those of other libraries' code are constants of it, unless they are asked about
    arguments: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            arguments |= {f"{name}_{i}": each for i, each in enumerate(value)}
        elif kind not in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
            arguments[name] = value
    for name in known:
        if name not in arguments:
            raise UnknownName(f"{spec_name(spec)} has no parameter {name!r}; it has {', '.join(arguments)}")
    return {name: _read(value, name) for name, value in arguments.items()}


def _read(argument: Any, name: str) -> Any:
    """An argument with NumPy arrays in the place of what else holds numbers: others' arrays, also in models, and texts
    and tuples of numbers. Raises ArgumentError, with their place, for arrays that cannot be read as numbers.
    """
    texts = _numbers_in(argument)
    if texts is not None:
        return texts
    foreign: dict[int, Any] = {}

    def read(value: Any, path: str) -> Any:
        if isinstance(value, np.generic) and value.dtype.kind not in NUMBERS:
            raise ArgumentError(f"{path}: expected a number, got {value.dtype}: {value}")
        if not is_array(value):
            return None
        array = of_numbers(value, path)
        if array is not value:
            foreign[id(value)] = array
        return array

    mapped(argument, read, name)
    return replaced(argument, foreign) if foreign else argument


def _numbers_in(argument: Any) -> Any:
    """The number that a text says, or the array of a list or a tuple of numbers that `lift` would take for something
    else. None for any other argument: a tuple of integers may be a shape.
    """
    if not isinstance(argument, str | list | tuple) or hasattr(argument, "_fields") or is_data(argument):
        return None
    leaves = list(_leaves(argument))
    whole = all(isinstance(leaf, int | np.integer) for leaf in leaves)
    if not leaves or not all(map(_is_number, leaves)) or (whole and isinstance(argument, tuple)):
        return None
    return data_value(argument) if isinstance(argument, str) else as_array(argument)


def _leaves(value: Any) -> Iterator[Any]:
    """What lists and tuples hold in the end."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _is_number(value: Any) -> bool:
    """Is it a number, or a text that says one?"""
    if not isinstance(value, str):
        number = isinstance(value, int | float | Fraction | Decimal | np.integer | np.floating)
        return number and not isinstance(value, bool)
    try:
        return isinstance(data_value(value), Fraction)
    except ScalarSpecError:
        return False


def call(spec: Callable[..., Tensor], args: Sequence[Any], context: Context[Any]) -> Tensor:
    """The spec's value at arguments in a context, in that context; what it sees beside them is lifted.

    Raises ArgumentError where it is no tensor, ContextMismatch where it is one of another context.
    """
    return _in(context, spec, value_of(spec, args, context))


def call_for_all(spec: Callable[..., Any], args: Sequence[Any], context: Context[Any]) -> Any:
    """The same for a spec that may return several tensors: in a tuple, a list, a dictionary or a model."""
    result = value_of(spec, args, context)
    if not tensors_in(result):
        return _in(context, spec, result)
    return mapped(result, lambda value, _: _in(context, spec, value) if isinstance(value, Tensor) else None)


def _in(context: Context[Any], spec: Callable[..., Any], result: Any) -> Tensor:
    """A result of a spec as a tensor of a context. Raises as `call` does."""
    if isinstance(result, Whole):
        result = result.tensor
    if not isinstance(result, Tensor):
        raise ArgumentError(f"spec {spec_name(spec)}: expected it to return a Tensor, got {type(result).__name__}")
    try:
        return as_tensor(context, result)
    except ContextMismatch:
        raise ContextMismatch(
            f"spec {spec_name(spec)}: expected it to return a tensor of {context}, as its arguments are, "
            f"got one of {result.context}"
        ) from None


def value_of(
    spec: Callable[..., Any], args: Sequence[Any], context: Context[Any], lifted: Callable[..., Any] | None = None
) -> Any:
    """What a spec returns at arguments in a context, with tensors in the place of what it sees. Other libraries' code
    is followed. lifted: the spec with these tensors, where they are more than the numbers in that place.
    """
    lifted = lifted_spec(spec, context) if lifted is None else lifted
    with evaluating():
        try:
            return lifted(*args) if lifted is spec else _rebuilt_value(spec, lifted, args)
        except Exception as error:
            cause = error.__cause__
            literal = isinstance(error, NotExact) and names_jax(spec)  # which JAX reads in binary
            if literal or asks_for_jax(error) or (cause is not None and asks_for_jax(cause)):
                return in_jax(spec)(*args)
            if isinstance(cause, NotSupported) and not isinstance(error, ScalarSpecError):
                raise cause from None  # NumPy tells what it was doing, and not why that failed
            raise


def _rebuilt_value(spec: Callable[..., Any], lifted: Callable[..., Any], args: Sequence[Any]) -> Any:
    """What a spec returns with tensors in the place of what it sees."""
    try:
        return lifted(*args)
    except (AttributeError, TypeError, OutOfRange) as error:
        if isinstance(error, ScalarSpecError) and not isinstance(error, OutOfRange):
            raise
        raise ArgumentError(
            f"spec {spec_name(spec)}: {plainly(error)}; the float arrays and models that a spec sees beside its "
            "arguments are tensors while it is evaluated: do what NumPy alone can do beforehand"
        ) from error


def one_valued(spec: Callable[..., Any], arguments: Mapping[str, Any], vary: Iterable[str] = ()) -> None:
    """Raises ArgumentError where two float64 evaluations of the spec, bit for bit, give two values.

    vary: the arguments that are tensors, whatever they are given as. Where the spec cannot be evaluated so, nothing is
    said. Sums that BLAS may do in one order or another are then done in order.
    """
    context = resolve("float64")
    for each in (context, context.reference()):
        try:
            carried = viewed if each is context else lift
            lifted = [_given(carried(value, each), value, each, name in vary) for name, value in arguments.items()]
            rebuilt = lifted_spec(spec, each)
            first, second = (_floats(value_of(spec, lifted, each, rebuilt)) for _ in range(2))
        except Exception:  # whatever it is, the job itself will say it
            return
        if first is None or second is None or _equal(first, second):
            return
    raise ArgumentError(
        f"spec {spec_name(spec)}: expected one value for the same arguments, got two: it looks at random numbers, or "
        "at a state that it changes; pass such numbers as arguments"
    )


def _given(lifted: Any, value: Any, context: Context[Any], varies: bool) -> Any:
    """An argument that is lifted; a tensor, if it varies."""
    return context.tensor(value) if varies and isinstance(lifted, int | str) else lifted


def _floats(result: Any) -> np.ndarray[Any, Any] | None:
    """The numbers of a result, or its truths; None where it is neither."""
    return np.asarray(result, dtype=np.float64) if isinstance(result, Nested) and result.context.rounds else None


def _equal(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    """Are two arrays equal bit for bit, where NaN is NaN?"""
    if a.shape != b.shape:
        return False
    alike = (a.view(np.int64) == b.view(np.int64)) | (np.isnan(a) & np.isnan(b))
    return bool(np.logical_and.reduce(alike, axis=None))


def spec_name(spec: Callable[..., Any]) -> str:
    """How a spec is called in messages."""
    return getattr(spec, "__name__", type(spec).__name__)
