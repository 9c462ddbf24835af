"""NumPy's protocols: what its universal functions, its functions, and code with its arrays' methods ask of tensors."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from scalarspec.core.foreign import frontend
from scalarspec.frontends.calls import Handler, called
from scalarspec.frontends.masked import followed, hides
from scalarspec.frontends.numpy import choices, products, statistics, structure  # noqa: F401 - they fill the table
from scalarspec.frontends.numpy.functions import handler
from scalarspec.frontends.numpy.methods import METHODS, PROPERTIES, receiver
from scalarspec.frontends.numpy.ufuncs import handler as ufunc_handler

__all__ = ["METHODS", "PROPERTIES", "apply", "function", "method"]


def apply(ufunc: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The value of a universal function, or of a method of it, at tensors among its operands."""
    return _called(*ufunc_handler(ufunc, method), args, kwargs)


def function(theirs: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The value of a function of NumPy that was called with tensors among its arguments."""
    return _called(*handler(theirs), args, kwargs)


def method(t: Any, name: str) -> Any:
    """The method, or the value of the property, of that name. Raises AttributeError where arrays have none."""
    if name in PROPERTIES:
        return PROPERTIES[name](t)
    if name not in METHODS:
        raise AttributeError(f"{type(t).__name__} has no attribute {name!r}")
    return partial(_method, name, t)


def _method(name: str, t: Any, *args: Any, **kwargs: Any) -> Any:
    if "torch" in sys.modules and ({"dim", "keepdim", "unbiased"} & kwargs.keys() or (name == "flatten" and args)):
        return frontend("torch").method(t, name)(*args, **kwargs)  # whose words these are
    return _called(f"numpy.ndarray.{name}", METHODS[name], (receiver(t, name), *args), kwargs)


def _called(name: str, handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return followed(name, args, kwargs) if hides(name, args) else called(name, handler, args, kwargs)
