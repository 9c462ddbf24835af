"""The state of the processor that float arithmetic depends on, and that any library in the process may have changed.

All that encloses by floats rests on IEEE 754 as it is by default: rounding to nearest, and subnormal numbers that are
numbers. A library built with -ffast-math may switch the latter off for the whole process when it is loaded; rounding
modes are set by interval libraries, and sometimes left. What the caller has NumPy do about overflow changes nothing.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from scalarspec.errors import FloatEnvironmentError

_ONE, _LITTLE, _HALF, _SMALLEST_NORMAL = 1.0, 2.0**-60, 0.5, 2.0**-1022  # names, lest the compiler work it out


def check() -> None:
    """Raises FloatEnvironmentError unless floats round to nearest and subnormal numbers are numbers. Some 0.1 µs.

    A half of the least normal number is 0 where results are flushed (FTZ), and equals 0 where operands are (DAZ).
    """
    if not (_ONE + _LITTLE == _ONE == _ONE - _LITTLE and _SMALLEST_NORMAL * _HALF):
        _refuse()


def _refuse() -> NoReturn:
    found = []
    if _ONE + _LITTLE != _ONE or _ONE - _LITTLE != _ONE:
        up, down = _ONE + _LITTLE > _ONE, _ONE - _LITTLE < _ONE
        toward_zero = down and -_ONE - _LITTLE == -_ONE
        found.append(f"floats round {'up' if up else 'toward zero' if toward_zero else 'down'}, not to nearest")
    if not _SMALLEST_NORMAL * _HALF:
        found.append("subnormal numbers are flushed to zero (FTZ or DAZ)")
    raise FloatEnvironmentError(
        f"the processor's float environment: {' and '.join(found)}; no enclosure holds then. A library in this process "
        "has changed it, perhaps one built with -ffast-math: use another build of it, or restore the state of this "
        "thread (fesetround(FE_TONEAREST), FTZ and DAZ off) before scalarspec is called"
    )


_WITHIN: contextvars.ContextVar[bool] = contextvars.ContextVar("within", default=False)
"""Is NumPy's error state "ignore" by us? It stands in the same context of variables as that state."""


class _Quiet(threading.local):
    """A context of the thread's own in which NumPy's error state is "ignore": the caller's is never touched.

    np.errstate would do the same, at some six times the price of entering this one.
    """

    def __init__(self) -> None:
        context = contextvars.Context()
        context.run(np.seterr, all="ignore")
        context.run(_WITHIN.set, True)
        self.run = context.run


QUIET, is_quiet = _Quiet(), _WITHIN.get
"""Where a call is quiet, and is this there already? For those to whom a call more would be felt."""


def quiet(function: Callable[..., Any], *values: Any, **parameters: Any) -> Any:
    """A call of a function without NumPy's warnings."""
    return function(*values, **parameters) if is_quiet() else QUIET.run(function, *values, **parameters)
