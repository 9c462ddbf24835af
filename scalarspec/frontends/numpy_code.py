"""NumPy's protocols: what its universal functions, its functions, and code with its arrays' methods ask of tensors."""

from __future__ import annotations

from functools import partial
from typing import Any

from scalarspec.frontends import numpy_choices, numpy_products, numpy_statistics, numpy_structure  # noqa: F401 - which fill the table of functions
from scalarspec.frontends.calls import called
from scalarspec.frontends.numpy_functions import handler
from scalarspec.frontends.numpy_methods import METHODS, PROPERTIES, receiver
from scalarspec.frontends.numpy_ufuncs import apply

__all__ = ["METHODS", "PROPERTIES", "apply", "function", "method"]


def function(theirs: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The value of a function of NumPy that was called with tensors among its arguments."""
    return called(*handler(theirs), args, kwargs)


def method(t: Any, name: str) -> Any:
    """The method, or the value of the property, of that name. Raises AttributeError where arrays have none."""
    if name in PROPERTIES:
        return PROPERTIES[name](t)
    if name not in METHODS:
        raise AttributeError(f"{type(t).__name__} has no attribute {name!r}")
    return partial(_call, t, name)


def _call(t: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    return called(f"numpy.ndarray.{name}", METHODS[name], (receiver(t, name), *args), kwargs)
