"""The arguments of a job: bound to the parameters of a spec, by name."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from scalarspec.errors import ArgumentError, ScalarSpecError, UnknownName
from scalarspec.tensor import Tensor


def bind(spec: Callable[..., Tensor], args: Sequence[Any], known: Iterable[str] = ()) -> dict[str, Any]:
    """The arguments of `spec` by parameter name, defaults included; `known` are names that must be among them.

    Those of `*ts` are called ts_0, ts_1, ...
    """
    if not callable(spec):
        raise ArgumentError(f"spec: expected a function on tensors, got {spec!r}")
    try:
        bound = inspect.signature(spec).bind(*args)
    except TypeError as error:
        raise ArgumentError(f"spec {spec_name(spec)}{inspect.signature(spec)}: {error}") from None
    bound.apply_defaults()
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
    return arguments


def call(spec: Callable[..., Tensor], args: Sequence[Any]) -> Tensor:
    """The spec's value, which must be a tensor."""
    result = spec(*args)
    if not isinstance(result, Tensor):
        raise ArgumentError(f"spec {spec_name(spec)}: expected it to return a Tensor, got {type(result).__name__}")
    return result


def _plainly(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def failures_told(what: str, tell: Callable[[BaseException], str] = _plainly) -> Iterator[None]:
    """Whatever a user's own code raises is a fact about that code: one ArgumentError, which says what failed.

    So is its wish to end the program (`sys.exit`); Ctrl-C is the user's own.
    """
    try:
        yield
    except (ScalarSpecError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ArgumentError(f"{what}: {tell(error)}") from error


def spec_name(spec: Callable[..., Any]) -> str:
    """How a spec is called in messages."""
    return getattr(spec, "__name__", type(spec).__name__)
