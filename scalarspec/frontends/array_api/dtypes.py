"""Kinds of numbers under the array API's names, conversions between them, and facts about formats.

A namespace has bools (truths), NumPy's types of integers, and the real numbers of its context. Those are `float64` or
`float32` where that is the context's format, and `float64` in contexts that are exact, or enclose: there they stand
where code written for float64 has floats. Other formats have names, to be compared with, and no arrays: to convert to
one would round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.core import functions as ours
from scalarspec.core.array_object import check_device
from scalarspec.core.context import Context
from scalarspec.core.dtypes import BOOL, REAL, DType
from scalarspec.core.guests import integers
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.frontends.array_api.constants import constant
from scalarspec.frontends.array_api.integers import Integers, holding, kind_of, tensor_of

INTEGER_NAMES = "int8 int16 int32 int64 uint8 uint16 uint32 uint64"
INTEGER_TYPES = {name: kind_of(np.dtype(name)) for name in INTEGER_NAMES.split()}
FORMATS = {name: DType(name) for name in ("float32", "float64")}
COMPLEX = {name: DType(name, "complex floating") for name in ("complex64", "complex128")}
NAMED: dict[str, DType] = {"bool": BOOL, **INTEGER_TYPES, **FORMATS, **COMPLEX}
"""The types of the standard by their names."""
KINDS = {
    "integral": {"signed integer", "unsigned integer"},
    "numeric": {"signed integer", "unsigned integer", REAL, "complex floating"},
}
"""Kinds that are several."""
DEFAULT_INTEGER = np.dtype("int64")


def innermost(context: Context[Any]) -> Context[Any]:
    """The context of numbers that a context is around, or itself."""
    while context.wrapped is not None:
        context = context.wrapped
    return context


def real(context: Context[Any]) -> DType:
    """The type of the real numbers of a context."""
    return DType(innermost(context).name)


def types_of(context: Context[Any]) -> dict[str, DType]:
    """The types of which a context has arrays, by their names in the standard."""
    name = real(context).name if context.rounds else "float64"
    return {"bool": BOOL, **INTEGER_TYPES, name: real(context)}


def named(context: Context[Any], name: str) -> DType:
    """The type of a name of the standard, as a context has it."""
    return types_of(context).get(name, NAMED[name])


def wanted(context: Context[Any], dtype: Any) -> DType:
    """A type of which a context has arrays, given as such, by name, or as NumPy's. Raises NotSupported for another."""
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None)
    for known, own in types_of(context).items():
        if name in (known, own.name):
            return own
    held = ", ".join(types_of(context))
    raise NotSupported(
        f"dtype: {context.name} has no arrays of {dtype}, to which it would have to round; it has {held}"
    )


def dtype_of(x: Any) -> DType:
    """The type of an array, or a type itself. Raises ArgumentError for anything else."""
    found = getattr(x, "dtype", x)
    if isinstance(found, np.dtype):
        found = NAMED.get(found.name)
    if not isinstance(found, DType):
        raise ArgumentError(f"expected an array of ours or a dtype of its namespace, got {x!r}")
    return found


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """An array of another type: integers and truths as real numbers (0 and 1), numbers as the truth that they are not
    0, and real numbers as the integers next to them towards 0. Raises ArgumentError where these are not certain,
    Undecided where a truth is not, NotSupported for formats that the context would have to round to.
    """
    check_device(device)
    to = wanted(x.context, dtype)
    if to == x.dtype or (isinstance(x, Tensor) and to == real(x.context)):
        return x
    if to == BOOL:
        return x != 0
    if to != real(x.context):
        found = integers("astype", ours.trunc(x)) if isinstance(x, Tensor) else np.asarray(x).astype(object)
        return holding("astype", x.context, found, np.dtype(to.name))
    return tensor_of(x) if isinstance(x, Integers) else ours.where(x, x.context.tensor(1), 0)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Is a type of a kind, of one of several, or a type itself?"""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    own = dtype_of(dtype)
    if isinstance(kind, DType):
        return own == kind
    known = {line.category for line in NAMED.values()} | {*KINDS}
    if kind not in known:
        raise ArgumentError(f"isdtype: expected a dtype, or one of {', '.join(sorted(known))}, got {kind!r}")
    return own.category == kind or own.category in KINDS.get(kind, ())


def _for_numpy(dtype: DType) -> str:
    """A type by a name that NumPy promotes: real numbers count as float64."""
    return dtype.name if dtype.name in NAMED else "float64"


def can_cast(from_: Any, to: Any, /) -> bool:
    """Does a type, or that of an array, become another one without loss?"""
    source, target = dtype_of(from_), dtype_of(to)
    return source == target or bool(np.can_cast(_for_numpy(source), _for_numpy(target)))


def result_type(context: Context[Any], *arrays_and_dtypes: Any) -> DType:
    """The type of a result of arrays and numbers of some types. Raises ArgumentError where there is none."""
    scalars = [x for x in arrays_and_dtypes if isinstance(x, bool | int | float) and not hasattr(x, "dtype")]
    types = [dtype_of(x) for x in arrays_and_dtypes if not any(x is s for s in scalars)]
    if not types:
        raise ArgumentError("result_type: expected an array or a dtype among the arguments")
    found = np.result_type(*map(_for_numpy, types))
    if any(isinstance(x, float) for x in scalars) and found.kind in "biu":
        return real(context)
    if found.kind == "f" and all(t.category in KINDS["integral"] for t in types):
        raise ArgumentError(f"result_type: no type holds the integers of {' and '.join(map(str, types))}")
    return next((t for t in types if _for_numpy(t) == found.name), named(context, found.name))


@dataclass(frozen=True)
class FloatFormat:
    """Facts about a format of floats: its bits, the distance from 1 to the next float, and its ends."""

    bits: int
    eps: Any
    max: Any
    min: Any
    smallest_normal: Any
    dtype: DType


@dataclass(frozen=True)
class IntegerFormat:
    """Facts about a type of integers."""

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(context: Context[Any], type: Any, /) -> FloatFormat:
    """Facts about the format of a type, or of an array's. Of numbers that are no floats they are those of float64, for
    which the code is written: exact tensors of the context, so that `eps**0.5` is a number of the context, too.
    """
    dtype = dtype_of(type)
    if dtype.category not in (REAL, "complex floating"):
        raise ArgumentError(f"finfo: expected a dtype of real numbers, got {dtype}")
    info = np.finfo(_for_numpy(dtype))
    facts = {name: constant(context, float(getattr(info, name))) for name in ("eps", "max", "min", "smallest_normal")}
    own = DType(info.dtype.name) if dtype.category != REAL else dtype
    return FloatFormat(int(info.bits), dtype=own, **facts)


def iinfo(type: Any, /) -> IntegerFormat:
    """The bits, and the ends, of a type of integers, or of an array's."""
    dtype = dtype_of(type)
    if dtype.name not in INTEGER_TYPES:
        raise ArgumentError(f"iinfo: expected a dtype of integers, got {dtype}")
    info = np.iinfo(dtype.name)
    return IntegerFormat(int(info.bits), int(info.max), int(info.min), dtype)


def check_real(operation: str, x: Any, dtype: Any) -> None:
    """Raises NotSupported where a dtype is asked for that is not that of the real numbers of an array's context."""
    if dtype is not None and wanted(x.context, dtype) != real(x.context):
        raise NotSupported(f"{operation}: dtype: results are numbers of {x.context.name}, got {dtype}")


def truths_of(x: Any) -> Truth:
    """An array as truths: that its numbers are not 0."""
    found: Truth = astype(x, BOOL)
    return found
