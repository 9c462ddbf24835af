"""Whose code is asking: a module of PyTorch, a file that imports it, a spec that a job is evaluating."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FrameType, ModuleType
from typing import Any

from scalarspec.errors import NotSupported


def in_module() -> bool:
    """Is the code that is running that of a module of PyTorch, or called by one?"""
    kind = getattr(getattr(sys.modules.get("torch"), "nn", None), "Module", None)
    return kind is not None and called_by(kind.__call__.__code__)


def imports_torch(caller: FrameType) -> bool:
    """May the code be PyTorch's? It is NumPy's where its file has NumPy among its names, and nothing of PyTorch."""
    if "torch" not in sys.modules:
        return False
    homes = {_home(value) for value in caller.f_globals.values()}
    local = {"torch"} & {*caller.f_code.co_names, *caller.f_code.co_varnames}
    return "torch" in homes or bool(local) or "numpy" not in homes


def asks_as_torch(caller: FrameType) -> bool:
    """Is the code PyTorch's: of a module, or of a function that uses PyTorch's names and none of NumPy's?"""
    if "torch" not in sys.modules:
        return False
    used = {_home(caller.f_globals[name]) for name in caller.f_code.co_names if name in caller.f_globals}
    return in_module() or ("torch" in used and "numpy" not in used)


def _home(value: Any) -> str:
    """The package that a module is in, or what is defined in one."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return str(name).partition(".")[0]


def is_ours(frame: FrameType) -> bool:
    """Is it code of this package? The examples are code of others."""
    name = str(frame.f_globals.get("__name__"))
    return name.startswith("scalarspec.") and not name.startswith("scalarspec.examples.")


def called_by(*codes: CodeType) -> bool:
    """Is the code that is running called by one of these?"""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False


def grads_are_off() -> bool:
    """Is PyTorch told to take no gradients by now?"""
    torch = sys.modules.get("torch")
    return torch is not None and not getattr(torch, "is_grad_enabled", lambda: True)()


_DIFFERENTIATING: ContextVar[bool] = ContextVar("differentiating", default=False)
_OFF_BEFORE: ContextVar[bool] = ContextVar("off_before", default=False)
differentiating = _DIFFERENTIATING.get
"""Is a derivative being taken, for a user, of what is evaluated?"""


@contextmanager
def for_derivatives() -> Iterator[None]:
    """Within it a spec is being evaluated so that it can be differentiated."""
    token, before = _DIFFERENTIATING.set(True), _OFF_BEFORE.set(grads_are_off())
    try:
        yield
    finally:
        _DIFFERENTIATING.reset(token)
        _OFF_BEFORE.reset(before)


def refuse_other_derivatives() -> None:
    """Raises NotSupported where a derivative is being taken, and PyTorch would take another one for what is done."""
    if not _DIFFERENTIATING.get() or "torch" not in sys.modules:
        return
    if grads_are_off() and not _OFF_BEFORE.get():
        raise NotSupported(f"torch.no_grad: {STOPPED}")
    function = getattr(getattr(sys.modules["torch"], "autograd", None), "Function", None)
    if function is not None and called_by(*_of_own_derivatives(function)):
        raise NotSupported(f"torch.autograd.Function: its own derivative is not followed: {STOPPED}")


def _of_own_derivatives(function: Any) -> Iterator[CodeType]:
    """The code by which PyTorch calls functions that have derivatives of their own: `apply`, or, where that is none of
    Python's (from 2.14 on), the `forward` of each class that is there.
    """
    apply = getattr(function.apply, "__func__", None)
    if apply is not None:
        yield apply.__code__
        return
    classes = [function]
    while classes:
        kind = classes.pop()
        classes += type.__subclasses__(kind)
        forward = vars(kind).get("forward")
        code = getattr(getattr(forward, "__func__", forward), "__code__", None)
        if code is not None:
            yield code


STOPPED = "a stop-gradient has the value of its argument and another derivative: say which one is meant, apart"


_EVALUATING: ContextVar[bool] = ContextVar("evaluating", default=False)


@contextmanager
def evaluating() -> Iterator[None]:
    """Within it a spec is being evaluated, which must not look at single numbers."""
    token = _EVALUATING.set(True)
    try:
        yield
    finally:
        _EVALUATING.reset(token)


def refuse_to_be_read(caller: FrameType, lost: bool = False) -> None:
    """Raises NotSupported where a spec, while a job evaluates it, makes floats of a tensor. lost: would a derivative be
    lost, whoever reads it?
    """
    if lost or (_EVALUATING.get() and not is_ours(caller)):
        raise NotSupported(
            "float(t), t.item(), np.asarray(t), functions of the math module, and putting t into an array of NumPy's "
            "make floats of a tensor, and what follows would not be seen: leave float and asarray out, for tensors "
            "have NumPy's functions and methods, write np.exp for math.exp, and np.stack([...]) for an array that is "
            "filled"
        )
