"""Compiled kernels on disk: what one process has had numba compile, the next ones load in some milliseconds.

Machine code is found again by a hash of all that it was made from, so that what is found cannot be stale: the bytecode
and the constants of the function and of all functions that it calls, as they are in this process, the types of the
arguments, the settings, versions and processor that they were compiled for. numba's own cache goes by the time of the
one file that a function stands in.

A file holds one kernel and a hash of itself. It is written aside and then put in its place, so that several processes
never see parts of it. Where something cannot be read or written, numba compiles, as it does without all this.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config, serialize
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher

LIBRARIES = ("numpy", "math", "builtins")
"""Modules that kernels may use: they have versions, which are part of the hash."""
SETTING = "SCALARSPEC_CACHE"
"""The environment variable that names the folder; empty, it says that nothing is kept."""
NAMED = 24
"""How many digits of the hash a name has."""
DIGEST = hashlib.sha256().digest_size


def kept(function: Any) -> Any:
    """A function that numba compiles, with its machine code kept on disk; what it does not compile, as it is."""
    if isinstance(function, Dispatcher):
        vars(function)["_cache"] = KernelCache(function)
    return function


class KernelCache(NullCache):  # type: ignore[misc]
    """What numba asks for the machine code of one function before it compiles, and tells afterwards."""

    def __init__(self, function: Any) -> None:
        self._function = function

    @property
    def cache_path(self) -> str | None:
        """The folder."""
        place = folder()
        return None if place is None else str(place)

    @cached_property
    def _source(self) -> str | None:
        """A hash of all that the function is made from; None where that is not known.

        It becomes a part of the function's name, and so of the names in the machine code, of which one process knows
        one each: code that others have compiled is not taken for code of the same name.
        """
        try:
            found = fingerprint(self._function)
        except TypeError:
            return None
        self._function.py_func.__qualname__ += f"_{found[:NAMED]}"
        return found

    def _file(self, signature: Any, codegen: Any) -> Path | None:
        """Where the code for arguments of some types is."""
        place = folder()
        if place is None or self._source is None:
            return None
        parts = (self._source, str(signature), codegen.magic_tuple(), _versions(), _settings())
        return place / f"{self._function.__name__}-{hashlib.sha256(repr(parts).encode()).hexdigest()}"

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The code, or None: whatever is wrong with a file, the function is compiled anew."""
        target.refresh()
        file = self._file(signature, target.codegen())
        try:
            content = b"" if file is None else file.read_bytes()
            code = content[DIGEST:]
            whole = content[:DIGEST] == hashlib.sha256(code).digest()
            return CompileResult._rebuild(target, *pickle.loads(code)) if whole else None
        except Exception:
            return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keeps the code, where it can be kept."""
        file = self._file(signature, result.codegen)
        if file is None or result.library.has_dynamic_globals or result.lifted:
            return
        try:
            code = serialize.dumps(result._reduce())
            _write(file, hashlib.sha256(code).digest() + code)
        except Exception:
            return


def _write(file: Path, content: bytes) -> None:
    """The whole file, or nothing, whoever else writes it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, aside = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
        Path(aside).replace(file)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def folder() -> Path | None:
    """Where kernels are kept: the folder that SCALARSPEC_CACHE names, or one in the user's folder of caches. None where
    it names nothing, or where that is not the user's own, who alone may say what code runs.
    """
    given = os.environ.get(SETTING)
    if given is not None:
        return _owned(Path(given)) if given else None
    caches = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    try:
        return _owned(Path(caches or Path.home() / ".cache") / "scalarspec" / "kernels")
    except RuntimeError:  # there is no home
        return None


def _owned(place: Path) -> Path | None:
    try:
        state = place.stat()
    except OSError:
        return place  # it is made, if it can be
    own = os.name == "nt" or (state.st_uid == os.geteuid() and not state.st_mode & 0o022)
    return place if own else None


def _versions() -> tuple[str, ...]:
    return sys.version, numba.__version__, llvmlite.__version__, np.__version__


def _settings() -> list[tuple[str, str]]:
    """All of numba's, but how many threads there are."""
    plain = {name: value for name, value in vars(config).items() if isinstance(value, str | int | float | None)}
    return sorted((name, repr(value)) for name, value in plain.items() if name.isupper() and "THREADS" not in name)


# ---- what a function is made from -----------------------------------------------------------------------------------


def fingerprint(function: Any) -> str:
    """A hash of the bytecode of a function, of what it sees in globals and closures, and of all functions among that.

    function: one that numba compiles. Raises TypeError where it sees something that is neither a number, a text, an
    array, a function nor a module of LIBRARIES.
    """
    digest = hashlib.sha256()
    for part in _parts(function, {}):
        digest.update(f"{len(part)}:".encode() + part)
    return digest.hexdigest()


def _parts(value: Any, seen: dict[int, int]) -> Iterator[bytes]:
    """A value as texts, of which two values have the same ones only if they are the same. seen: functions so far."""
    yield type(value).__name__.encode()
    if isinstance(value, Dispatcher):
        yield from _parts(value.targetoptions, seen)
        yield from _parts(value.py_func, seen)
    elif isinstance(value, FunctionType):
        yield from _of_function(value, seen)
    elif isinstance(value, CodeType):
        yield from _parts(
            (value.co_code, value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars), seen
        )
        yield from _parts((value.co_consts, value.co_argcount, value.co_flags, value.co_exceptiontable), seen)
    elif isinstance(value, tuple | list | set | frozenset | dict):
        items = value.items() if isinstance(value, dict) else value
        ordered = sorted(items, key=repr) if isinstance(value, set | frozenset | dict) else items
        yield str(len(value)).encode()
        for item in ordered:
            yield from _parts(item, seen)
    elif isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf":
        yield f"{value.dtype.str}{value.shape}".encode() + value.tobytes()
    elif value is None or isinstance(value, bool | int | float | str | bytes):
        yield repr(value).encode()
    else:
        yield _name_in_library(value)


def _of_function(function: FunctionType, seen: dict[int, int]) -> Iterator[bytes]:
    """Its code and what its names stand for; of one that came before only where that was."""
    if id(function) in seen:
        yield str(seen[id(function)]).encode()
        return
    seen[id(function)] = len(seen)
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    yield from _parts((function.__code__, function.__defaults__, cells), seen)
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield from _parts((name, function.__globals__[name]), seen)


def _names(code: CodeType) -> set[str]:
    """All names that some code may look up, and code within it."""
    inner = (_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return {*code.co_names}.union(*inner)


def _name_in_library(value: Any) -> bytes:
    """The name of what a library has: a module, or a function or type of one."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or "builtins"
    known = isinstance(value, ModuleType | BuiltinFunctionType | type | np.ufunc)
    if not known or str(name).partition(".")[0] not in LIBRARIES:
        raise TypeError(f"a kernel sees {value!r}, of which it is not known what it is made from")
    return f"{name} {getattr(value, '__qualname__', value.__name__)}".encode()
