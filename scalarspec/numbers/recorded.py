"""Recorded arrays: they note what NumPy does with them, for `numbers.replays` to do it again on other numbers.

A recorded array holds numbers, those of the first run. What NumPy does with it is noted as a step: the call, and the
arrays that it reads and writes. A truth that is asked for (`if condition.any():`) is noted as a guard. What a step
could not say again (a number that is looked at, a call that is not known here, an array from outside that is written
into) raises NotRecorded. Arrays that are not recorded are constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.lib.stride_tricks import as_strided

Array = np.ndarray[Any, Any]

MOST = 1 << 29
"""How many bytes of arrays a record may hold: 512 MiB."""


class NotRecorded(Exception):
    """Something was done with a recorded array that a replay would not do again."""


class Step(NamedTuple):
    """A call, the arrays that it writes into, which are among its arguments, and what it has to give, if anything.

    guarded: is it done only once all truths that were asked for before it are known to be what they were?
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    outputs: tuple[Array, ...]
    gives: bool | None = None
    guarded: bool = False


class Guard(NamedTuple):
    """Truths, all of which had one outcome."""

    truths: Array
    outcome: bool


class Record(list[Step | Guard]):
    """What has been done, in order. It holds all arrays until it is made a replay, and takes MOST bytes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.arrays: list[Array] = []
        """All that were recorded, which tells them from constants."""
        self.left = MOST

    def hold(self, array: Array) -> None:
        """One array more. Raises NotRecorded where that is too much."""
        self.arrays.append(array)
        self.left -= array.nbytes if array.base is None else 0
        if self.left < 0:
            raise NotRecorded(f"more than {MOST} bytes")


# ---- recorded arrays ------------------------------------------------------------------------------------------------


class Recorded(NDArrayOperatorsMixin):
    """An array in a record. It holds numbers, those of the first run; what is done with it is noted."""

    __slots__ = ("array", "record")

    def __init__(self, record: Record, array: Array) -> None:
        self.record, self.array = record, array
        record.hold(array)

    def __getattr__(self, name: str) -> Any:
        """What does not depend on the numbers is that of the array."""
        if name in _FORM:
            return getattr(self.array, name)
        raise NotRecorded(f"its {name} is asked for")

    def __len__(self) -> int:
        return len(self.array)

    # ---- views

    def of(self, array: Array) -> Recorded:
        """A view of this one, or a new array, in the same record."""
        return Recorded(self.record, array)

    def __getitem__(self, index: Any) -> Recorded:
        return self.of(self.array[_basic(index)])

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self.array)))

    @property
    def T(self) -> Recorded:  # noqa: N802, as NumPy has it
        """The axes in reverse order."""
        return self.of(self.array.T)

    def view(self, dtype: Any) -> Recorded:
        """The bits as numbers of another kind."""
        return self.of(self.array.view(dtype))

    def transpose(self, *axes: Any) -> Recorded:
        """The axes in another order."""
        return self.of(self.array.transpose(*axes))

    def swapaxes(self, i: int, j: int) -> Recorded:
        """Two axes exchanged."""
        return self.of(self.array.swapaxes(i, j))

    def reshape(self, *shape: Any) -> Recorded:
        """A view, or of a copy in row-major order."""
        own = self.array.flags.c_contiguous or np.may_share_memory(self.array.reshape(*shape), self.array)
        source = self if own else self.copy()
        return self.of(source.array.reshape(*shape))

    # ---- copies

    def __setitem__(self, index: Any, value: Any) -> None:
        self.put(self.array[_basic(index)], value)

    def put(self, target: Array, value: Any, *where: Any) -> None:
        """Notes that a value is written into an array, where a truth says so."""
        inputs = (held(value), *(("same_kind", held(where[0])) if where else ()))
        np.copyto(target, *inputs)
        self.record.append(Step(np.copyto, (target, *inputs), {}, (target,)))

    def filled(self, array: Array, *parts: tuple[Array, Any]) -> Recorded:
        """A new array, whose parts are copies of values."""
        for part, value in parts:
            self.put(part, value)
        return self.of(array)

    def copy(self) -> Recorded:
        """An array of its own, in row-major order."""
        new = np.empty(self.shape, self.dtype)
        return self.filled(new, (new, self))

    def astype(self, dtype: Any) -> Recorded:
        """A copy in another format."""
        new = np.empty_like(self.array, dtype=dtype)
        np.copyto(new, self.array, "unsafe")
        self.record.append(Step(np.copyto, (new, self.array, "unsafe"), {}, (new,)))
        return self.of(new)

    # ---- truths

    def any(self, axis: Any = None) -> Any:
        """Is some number not 0, along some axes?"""
        return np.logical_or.reduce(self, axis=axis)

    def all(self, axis: Any = None) -> Any:
        """Is no number 0?"""
        return np.logical_and.reduce(self, axis=axis)

    def __bool__(self) -> bool:
        """Noted as a guard: that none of many truths holds, or that all do, is said of each."""
        if self.dtype != bool:
            raise NotRecorded("a number is asked whether it is 0")
        outcome, truths, last = bool(self.array), self.array, self.record[-1] if self.record else None
        if isinstance(last, Step) and last.outputs[0] is truths and last.function == _ALIKE[outcome]:
            asked = last.arguments[0]
            truths = asked if last.keywords["axis"] is None and asked.dtype == bool else truths
        self.record.append(Guard(truths, outcome))
        return outcome

    # ---- NumPy's calls

    def __float__(self) -> float:
        raise NotRecorded("a number is looked at")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise NotRecorded("the numbers themselves are asked for")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **keywords: Any) -> Any:
        """A call of a ufunc, or of its reduce or accumulate."""
        function = getattr(ufunc, method)
        arrays, keywords = tuple(map(held, inputs)), {name: held(value) for name, value in keywords.items()}
        if out is not None:
            outputs = tuple([_target(a) for a in out])
            function(*arrays, out=outputs, **keywords)
        else:
            made = function(*arrays, **keywords)
            outputs = tuple(map(np.asarray, made if isinstance(made, tuple) else (made,)))
        if method == "__call__" and not keywords:
            arrays = tuple([_as_array(x, arrays) for x in arrays])
        in_place = method == "__call__" and ufunc not in _BY_NAME and not keywords
        given = {} if in_place else {"out": outputs[0]}
        arguments = (*arrays, *outputs) if in_place else arrays
        self.record.append(Step(ufunc if method == "__call__" else function, arguments, {**keywords, **given}, outputs))
        results = tuple(map(self.of, outputs))
        return results[0] if len(results) == 1 else results

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """A call of another function of NumPy."""
        if function in _STRUCTURE:
            return _STRUCTURE[function](*args, **kwargs)
        if function not in _FUNCTIONS:
            raise NotRecorded(f"{function.__name__} is not known here")
        return _FUNCTIONS[function](self, *args, **kwargs)


def strided(x: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """NumPy's as_strided, of an array or a recorded one: a view that is only read."""
    view = as_strided(held(x), shape, strides, writeable=False)
    return x.of(view) if isinstance(x, Recorded) else view


def call(function: Callable[..., Any], *arguments: Any, outputs: int = 1, guarded: bool = False) -> Any:
    """A call of a function that writes into its last arguments, noted where these are recorded.

    function: on arrays; it gives a truth, whether it has done its work, or nothing. guarded: must it see no numbers but
    those that come of the way that was recorded?
    """
    own = arguments[-1]
    if type(own) is not Recorded:
        return function(*arguments)
    arrays = tuple(map(held, arguments))
    done = function(*arrays)
    own.record.append(Step(function, arrays, {}, arrays[-outputs:], done, guarded))
    return done


def usual(truths: Any) -> bool:
    """Do all truths hold that allow a shorter way with the same results? `if not usual(x > 0):` goes the longer one.

    A record that has gone the longer way goes it always; one that has gone the shorter one guards that it may.
    """
    all_of_them: Any = np.logical_and.reduce(truths, axis=None)
    return bool(all_of_them.array if type(all_of_them) is Recorded and not all_of_them.array else all_of_them)


_FORM = frozenset({"shape", "ndim", "size", "nbytes", "dtype", "flags", "strides", "itemsize"})
"""What is the same of an array whatever its numbers are."""
_ALIKE = {False: np.logical_or.reduce, True: np.logical_and.reduce}
"""What gives an outcome where all truths have it."""
_BY_NAME = {np.maximum, np.minimum}
"""Ufuncs that take `out` by its name alone."""


def held(x: Any) -> Any:
    """The array that a recorded one holds; anything else as it is."""
    return x.array if isinstance(x, Recorded) else x


def _target(x: Any) -> Array:
    """An array that is written into: a recorded one, since others are taken for constants."""
    if not isinstance(x, Recorded):
        raise NotRecorded("a recorded array is written into one that is not")
    return x.array


def _as_array(x: Any, beside: tuple[Any, ...]) -> Any:
    """A Python number as NumPy takes it beside arrays: made into an array once."""
    return np.asarray(x, np.result_type(*beside)) if isinstance(x, bool | int | float) else x


def _basic(index: Any) -> tuple[Any, ...]:
    """An index that gives a view, never a number or a copy."""
    parts = index if isinstance(index, tuple) else (index,)
    if not all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts):
        raise NotRecorded("an index is an array")
    return parts if Ellipsis in parts else (*parts, Ellipsis)


def _where(own: Recorded, condition: Any, x: Any, y: Any) -> Recorded:
    new = np.where(*map(held, (condition, x, y)))
    own.put(new, np.asarray(y, new.dtype) if np.isscalar(y) else y)
    own.put(new, np.asarray(x, new.dtype) if np.isscalar(x) else x, condition)
    return own.of(new)


def _stack(own: Recorded, arrays: Sequence[Any], axis: int = 0) -> Recorded:
    new = np.stack([held(a) for a in arrays], axis=axis)
    places = np.moveaxis(new, axis, 0)
    return own.filled(new, *((places[i, ...], a) for i, a in enumerate(arrays)))


def _concatenate(own: Recorded, arrays: Sequence[Any], axis: int = 0) -> Recorded:
    new = np.concatenate([held(a) for a in arrays], axis=axis)
    ends = np.cumsum([held(a).shape[axis] for a in arrays])
    return own.filled(new, *zip(np.split(new, ends[:-1], axis), arrays, strict=True))


def _dot(own: Recorded, a: Any, b: Any, out: Any = None) -> Recorded:
    arrays = held(a), held(b)
    new = np.asarray(np.dot(*arrays)) if out is None else np.dot(*arrays, out=_target(out))
    own.record.append(Step(np.dot, (*arrays, new), {}, (new,)))
    return own.of(new)


def _copyto(own: Recorded, target: Any, value: Any, *, where: Any = None) -> None:
    own.put(_target(target), value, *(() if where is None else (where,)))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.stack: _stack,
    np.dot: _dot,
    np.copyto: _copyto,
    np.any: lambda own, x, axis=None: x.any(axis),
    np.all: lambda own, x, axis=None: x.all(axis),
    np.empty_like: lambda own, x, *args, **keywords: own.of(np.empty_like(held(x), *args, **keywords)),
    np.concatenate: _concatenate,
    np.broadcast_to: lambda own, x, shape: own.of(np.broadcast_to(held(x), shape)),
    np.broadcast_arrays: lambda own, *arrays: tuple(
        [
            own.of(view) if isinstance(a, Recorded) else view
            for a, view in zip(arrays, np.broadcast_arrays(*map(held, arrays)), strict=True)
        ]
    ),
}
"""Functions of NumPy, on recorded arrays: of one of these, and the arguments."""
_STRUCTURE: dict[Any, Callable[..., Any]] = {
    np.ndim: lambda x: x.ndim,
    np.shape: lambda x: x.shape,
    np.reshape: lambda x, shape: x.reshape(shape),
    np.transpose: lambda x, axes=None: x.transpose(axes),
    np.moveaxis: lambda x, source, target: x.of(np.moveaxis(x.array, source, target)),
    np.swapaxes: lambda x, i, j: x.swapaxes(i, j),
}
