"""Whose code is asking: a module of PyTorch, a file that imports it, a spec that a job is evaluating."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType, ModuleType

from scalarspec.errors import NotSupported


def in_module() -> bool:
    """Is the code that is running that of a module of PyTorch, or called by one?"""
    kind = getattr(getattr(sys.modules.get("torch"), "nn", None), "Module", None)
    code = None if kind is None else kind.__call__.__code__
    frame = sys._getframe(1) if code is not None else None
    while frame is not None:
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False


def imports_torch(caller: FrameType) -> bool:
    """Does the file of the code have PyTorch, or a part of it, among its names?"""
    if "torch" not in sys.modules:
        return False
    names = [getattr(value, "__name__", "") for value in caller.f_globals.values() if isinstance(value, ModuleType)]
    return any(str(name).partition(".")[0] == "torch" for name in names)


_EVALUATING: ContextVar[bool] = ContextVar("evaluating", default=False)


@contextmanager
def evaluating() -> Iterator[None]:
    """Within it a spec is being evaluated, which must not look at single numbers."""
    token = _EVALUATING.set(True)
    try:
        yield
    finally:
        _EVALUATING.reset(token)


def refuse_to_be_read(caller: FrameType) -> None:
    """Raises NotSupported where a spec, while a job evaluates it, makes floats of a tensor."""
    if _EVALUATING.get() and not caller.f_globals.get("__name__", "").startswith("scalarspec."):
        raise NotSupported(
            "float(t), np.asarray(t), functions of the math module, and putting t into an array of NumPy's make floats "
            "of a tensor, and what follows would not be seen: leave float and asarray out, for tensors have NumPy's "
            "functions and methods, write np.exp for math.exp, and np.stack([...]) for an array that is filled"
        )
