"""`x += y` on tensors, which do not change: a new tensor for x, where nobody else could tell the difference.

In NumPy and PyTorch it changes the array that x is, for all who hold it and for what is a view of it. A tensor that is
held by the one variable, and is no view, may as well be replaced; any other one is refused, and so is what writes into
a part of it. Where the result goes elsewhere, to an attribute or an element, or where a function is called for it, the
old tensor may still be held, and a later use is refused.

Of shape () NumPy has two kinds. What arithmetic, reductions and integer indices find are scalars, which never change:
`x += y` gives the variable another one. Views and what some functions find are arrays, which change as any other does;
a tensor that stands for one of them is marked.
"""

from __future__ import annotations

import dis
import gc
import sys
from collections.abc import Callable
from functools import cache
from types import FrameType
from typing import Any, Never, TypeVar

from scalarspec.core.callers import asks_as_torch
from scalarspec.errors import NotSupported


class _Probe:
    """What counts the references to an object that one variable holds, as an operator in place sees them."""

    def __iadd__(self, other: Any) -> Any:
        return sys.getrefcount(self)


def _references() -> int:
    held: Any = _Probe()
    held += 0
    return int(held)


def _references_of_element() -> int:
    held: list[Any] = [_Probe()]
    held[0] += 0
    return int(held[0])


COUNTED = hasattr(sys, "getrefcount")
ONE_VARIABLE = _references() if COUNTED else 0
"""What `sys.getrefcount` says in an operator in place of what one variable holds."""
ONE_ELEMENT = _references_of_element() if COUNTED else 0
"""The same, of what one list, attribute or closure holds."""
BORROWED = sys.version_info >= (3, 14)
"""Are variables' values handed to functions, and to operators, without being counted again?"""


def _allowed(t: object, frame: FrameType) -> int:
    """How many references there may be to a tensor that one variable, attribute or element holds."""
    variables = _variables(t, frame) if BORROWED else 1
    if variables > 1:
        return 0
    return ONE_VARIABLE if variables else ONE_ELEMENT


def _variables(t: object, frame: FrameType | None) -> int:
    """How many variables of functions that are running hold a tensor: counts of references need not say so."""
    found = 0
    while frame is not None:
        code, values = frame.f_code, frame.f_locals
        own = set(code.co_varnames) - set(code.co_cellvars)  # a closure's are counted
        found += sum(values.get(name) is t for name in own)
        frame = frame.f_back
    return found


VARIABLES = ("STORE_NAME", "STORE_GLOBAL", "STORE_DEREF")
"""What puts a value into a variable, beside what does so for those of functions."""


def _is_statement(frame: FrameType) -> bool:
    """Is the code at an operator in place, and puts the result into the variable that held the tensor?"""
    code, place = frame.f_code.co_code, frame.f_lasti
    if dis.opname[code[place]] != "BINARY_OP":
        return False
    following = (dis.opname[each] for each in code[place + 2 :: 2])
    return next((name for name in following if name != "CACHE"), "").startswith(("STORE_FAST", *VARIABLES))


def _operator(symbol: str, name: str) -> Callable[[Any, Any], Any]:
    def operator(self: Any, other: Any) -> Any:
        mutable_in_numpy = is_mutable(self)
        number = not mutable_in_numpy and not asks_as_torch(sys._getframe(1))
        count = sys.getrefcount(self) if COUNTED else sys.maxsize
        if not number and (count > _allowed(self, sys._getframe(1)) or self._base is not None):
            raise NotSupported(
                f"x {symbol}= y would change a tensor that others hold, too, or that is a view of another one, and "
                f"tensors are not changed; write x = x {symbol} y"
            )
        method = getattr(type(self), name, None)
        found = NotImplemented if method is None else method(self, other)
        if found is not NotImplemented and not number and not _is_statement(sys._getframe(1)):
            overwrite(self)
        return found if found is NotImplemented else mutable(found, mutable_in_numpy)

    return operator


def overwrite(t: object) -> None:
    """Marks a tensor whose memory a function wrote its result into: who looks at it again would see other numbers."""
    kind: Any = type(t)
    t.__class__ = _overwritten(kind)


@cache
def _overwritten(kind: type) -> type:
    return type(kind.__name__, (kind,), {"__slots__": (), "__getattribute__": _used_again})


def _used_again(t: Any, name: str) -> Never:
    raise NotSupported(
        "a tensor is used again after a function changed it in place, and tensors are not changed: write "
        "inplace=False, or x = x + y"
    )


class InPlace:
    """The operators in place, and what they are told by: `_base`, the tensor that one is a view of, and `_is_mutable`,
    whether one of shape () is an array in NumPy, which scalars mostly lack.
    """

    __slots__ = ()

    __iadd__ = _operator("+", "__add__")
    __isub__ = _operator("-", "__sub__")
    __imul__ = _operator("*", "__mul__")
    __itruediv__ = _operator("/", "__truediv__")
    __ipow__ = _operator("**", "__pow__")
    __imatmul__ = _operator("@", "__matmul__")
    __ifloordiv__ = _operator("//", "__floordiv__")
    __imod__ = _operator("%", "__mod__")
    __iand__ = _operator("&", "__and__")
    __ior__ = _operator("|", "__or__")
    __ixor__ = _operator("^", "__xor__")

    def __setitem__(self, key: Any, value: Any) -> Never:
        raise NotSupported(
            "x[...] = y would change a tensor, and tensors are not changed: in the place of x[mask] = y write x = "
            "np.where(mask, y, x); in that of x[i] = y put the parts together by np.stack or np.concatenate"
        )


T = TypeVar("T")


def mutable(t: T, really: bool = True) -> T:
    """Marks a tensor as one that is an array in NumPy, and no scalar, also where its shape is ()."""
    t._is_mutable = really  # type: ignore[attr-defined]
    return t


def is_mutable(t: Any) -> bool:
    """Is a tensor an array in NumPy, which `x += y` changes, and no scalar?"""
    return bool(t.shape) or getattr(t, "_is_mutable", False)


def given(t: T) -> T:
    """Marks the tensor of an array of shape () that code is given: it would change it for whoever gave it."""
    t._base = t  # type: ignore[attr-defined]
    return mutable(t)


def view(found: T, of: Any) -> T:
    """Marks a tensor as one that is a view of another in the libraries whose code this may be."""
    if found is not of:
        found._base = of if of._base is None else of._base  # type: ignore[attr-defined]
    return found


def has_views(t: Any) -> bool:
    """Is there a view of a tensor, which is none itself?"""
    return any(getattr(holder, "_base", None) is t for holder in gc.get_referrers(t) if isinstance(holder, type(t)))
