"""`namespace`: the functions of the array API, for arrays of one context.

Code that is written with `xp = x.__array_namespace__()` (the array-API functions of SciPy and scikit-learn are) is a
spec under every context. The names and signatures are those of the standard, version 2024.12; for older versions down
to 2021.12 the same namespace serves. What is not there is refused by name, with the reason.

Arrays are tensors (real numbers of the context), truths (bools), and integers, which count, label and index (see
`frontends.integers`). A Python float in an operator is a literal, and refused where it is not the decimal that it
prints; a float that `asarray`, `full` or `arange` is given is data, at its exact binary value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from scalarspec.core.array_object import DEVICE
from scalarspec.core.context import Context
from scalarspec.core.dtypes import REAL, DType
from scalarspec.core.named_contexts import resolve
from scalarspec.errors import NotInNamespace, NotSupported
from scalarspec.frontends.array_api import creation, dtypes, elementwise, linalg, statistics, structure, unique
from scalarspec.frontends.array_api.constants import CONSTANTS
from scalarspec.frontends.array_api.integers import kind_of
from scalarspec.frontends.array_api.standard import REFUSED

VERSION = "2024.12"
VERSIONS = ("2021.12", "2022.12", "2023.12", VERSION)
"""The versions of the standard that are followed, the newest one last."""
PLAIN: dict[str, Callable[..., Any]] = {
    **elementwise.FUNCTIONS,
    **statistics.FUNCTIONS,
    **structure.FUNCTIONS,
    **unique.FUNCTIONS,
    **{f.__name__: f for f in (dtypes.astype, dtypes.can_cast, dtypes.iinfo, dtypes.isdtype)},
}
"""The functions that find the context in their arrays, by name."""
BOUND: dict[str, Callable[..., Any]] = {
    **creation.FUNCTIONS,
    **{f.__name__: f for f in (dtypes.finfo, dtypes.result_type)},
}
"""The functions that are told the context, as their first argument."""


class Names:
    """Functions by name, as attributes. Raises NotInNamespace, with the reason, for any other name."""

    def __init__(self, name: str, found: Mapping[str, Any]) -> None:
        self.__name__ = name
        self.__dict__.update(found)

    def __getattr__(self, name: str) -> Any:
        reason = REFUSED.get(name, "no name of the standard that is known here")
        raise NotInNamespace(f"{self.__name__}.{name}: {reason}")

    def __repr__(self) -> str:
        return f"<namespace {self.__name__}>"


class Namespace(Names):
    """The array API for arrays of a context. Two of one context are equal."""

    __array_api_version__ = VERSION

    def __init__(self, context: Context[Any]) -> None:
        name = f"scalarspec.array_api[{context!r}]"
        bound = {key: partial(function, context) for key, function in BOUND.items()}
        types = {key: dtypes.named(context, key) for key in dtypes.NAMED}
        super().__init__(name, {**PLAIN, **bound, **types})
        self.context = context
        self.linalg = Names(f"{name}.linalg", linalg.FUNCTIONS)

    def __getattr__(self, name: str) -> Any:
        return CONSTANTS[name](self.context) if name in CONSTANTS else super().__getattr__(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *CONSTANTS})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Namespace) and self.context == other.context

    def __hash__(self) -> int:
        return hash(self.context)

    def __array_namespace_info__(self) -> Info:
        """What the namespace can do."""
        return Info(self.context)


class Info:
    """What a namespace can do, as the standard asks."""

    def __init__(self, context: Context[Any]) -> None:
        self._context = context

    def capabilities(self) -> dict[str, Any]:
        """Code is asked to choose by `where`, which takes undecided masks. (Masks are indices where they are decided,
        and shapes may then depend on them.)
        """
        return {"boolean indexing": False, "data-dependent shapes": False, "max dimensions": None}

    def default_device(self) -> str:
        """The one device."""
        return DEVICE

    def devices(self) -> list[str]:
        """The one device."""
        return [DEVICE]

    def default_dtypes(self, *, device: Any = None) -> dict[str, DType]:
        """The types that arrays have where none is asked for."""
        integer = kind_of(dtypes.DEFAULT_INTEGER)
        return {REAL: dtypes.real(self._context), "integral": integer, "indexing": integer}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, DType]:
        """The types of which there are arrays, by name; of a kind, or of some."""
        found = dtypes.types_of(self._context)
        return {name: d for name, d in found.items() if kind is None or dtypes.isdtype(d, kind)}


def namespace(context: str | Context[Any], *, api_version: str | None = None) -> Namespace:
    """The functions of the array API, for arrays of a context; `x.__array_namespace__()` is that of x's own.

    api_version: of the standard, such as "2024.12"; None is that one.

    context: a context, or the name of one. Raises NotSupported for a version of the standard that is not followed.

        xp = ss.namespace("interval")
        xp.linspace(0, 1, 4) * xp.pi
    """
    if api_version is not None and api_version not in VERSIONS:
        raise NotSupported(f"array API: version {api_version}: expected one of {', '.join(VERSIONS)}")
    return Namespace(dtypes.innermost(resolve(context)))
