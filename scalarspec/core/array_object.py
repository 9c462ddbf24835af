"""`ArrayObject`: what the array API asks of an array object, beside its operators and its shape.

Its functions are those of the namespace that an array of ours hands out, `x.__array_namespace__()`: code that is
written with it is a spec under every context. Tensors are not changed, so that an assignment to an element is refused,
by what to write in its place; `x += y` makes another tensor, and needs no method.
"""

from __future__ import annotations

from typing import Any, Never

import numpy as np

from scalarspec.core.callers import in_module
from scalarspec.core.foreign import frontend
from scalarspec.errors import ArgumentError, NotExact, NotSupported

DEVICE = "cpu"
"""Where all arrays are: there is no other device."""


class ArrayObject:
    """An array of numbers, truths or integers, with a context and a shape."""

    __slots__ = ()

    def __array_namespace__(self: Any, *, api_version: str | None = None) -> Any:
        """The functions of the array API, for arrays of this context: see `scalarspec.frontends.array_api`. Raises
        NotSupported for a version of the standard that it does not follow.
        """
        return frontend("array_api").namespace(self.context, api_version=api_version)

    @property
    def device(self) -> Any:
        """Where the array is, "cpu"; within PyTorch's modules that as theirs."""
        return frontend("torch").DEVICE if in_module() else DEVICE

    def to_device(self, device: Any, /, *, stream: Any = None) -> Any:
        """The array itself. Raises ArgumentError for another device than "cpu", and for a stream."""
        check_device(device)
        if stream is not None:
            raise ArgumentError(f"to_device: stream: {DEVICE} has none, got {stream!r}")
        return self

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        """The numbers as NumPy hands them on. Raises NotExact where NumPy has no numbers of the kind."""
        return self._plain().__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> Any:
        return self._plain().__dlpack_device__()

    def _plain(self: Any) -> np.ndarray[Any, Any]:
        """A NumPy array of the same numbers, of a type that NumPy has."""
        array = np.asarray(self)
        if array.dtype == object:
            raise NotExact(f"dlpack: numbers of {self.context} are no floats; carry them over by context.tensor(t)")
        return array


def check_device(device: Any) -> None:
    """Raises ArgumentError unless a device is "cpu", or left open."""
    if device not in (None, DEVICE):
        raise ArgumentError(f"device: there is none but {DEVICE!r}, got {device!r}")


class ZeroOrOne:
    """A truth, as the number 0 or 1. Raises Undecided where the context cannot tell."""

    __slots__ = ()

    def __int__(self) -> int:
        return int(bool(self))

    def __float__(self) -> float:
        return float(bool(self))

    def __complex__(self) -> complex:
        return complex(bool(self))


class Bitless:
    """Numbers that have no bits. `&` and `|` between numbers are mistakes for those between comparisons."""

    __slots__ = ()

    def _no_bits(self, *others: Any) -> Never:
        raise NotSupported("numbers here are real and have no bits; truths are joined as in (x > 0) & (y > 0)")

    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _no_bits
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _no_bits
