"""Plans of `interval64` (`prepare`) as replays: NumPy's calls alone, into arrays that stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from scalarspec.backends.interval64.point import Point, Value
from scalarspec.core.domains import is_told
from scalarspec.errors import ScalarSpecError
from scalarspec.numbers.recorded import NotRecorded, Recorded, call, held
from scalarspec.numbers.replays import Replay, record

RECORDS = 8
"""So often is a plan recorded: once for each way through its branches that comes up, until that is enough. Where there
can be no record, it is tried once more.
"""

NOT_RECORDED = (NotRecorded, TypeError, ValueError)
"""What says that there can be no record: NumPy makes errors of its own of some."""


class Held(NamedTuple):
    """A replay, what values it is for, and the kind of its result. Replaced as a whole, since other threads may read it
    meanwhile.

    kinds: the type of each value, and how it lies in memory.
    """

    replay: Replay | None
    kinds: list[Any]
    gives: type


class ReplayedPlan:
    """A plan that is replayed from its third call on, wherever a record of it holds; elsewhere it is called.

    plan: of some values to one, in NumPy's calls.
    """

    def __init__(self, plan: Callable[..., Value]) -> None:
        self._plan = plan
        self._left = RECORDS
        self._held = Held(None, [], Point)

    def __call__(self, *values: Value) -> Value:
        """The plan's value, bit for bit. values: of the same shapes each time, as points or as ends."""
        if is_told():
            return self._plan(*values)  # which tells
        arrays: list[Any] = [value.x if type(value) is Point else value for value in values]
        kinds = [*map(type, values), *[array.strides for array in arrays]]
        known = self._held
        if known.replay is not None and kinds == known.kinds:
            found = known.replay(*arrays)
            if found is not None:
                return Point(found) if known.gives is Point else found
        result = self._plan(*values)
        if self._left and (kinds == known.kinds or known.replay is not None):
            replay = self._recorded(values, arrays, result)
            self._left = self._left - 1 if replay else min(self._left - 1, 1)
            self._held = Held(replay, kinds, type(result))
        elif known.replay is None:
            self._held = Held(None, kinds, type(result))
        return result

    def __deepcopy__(self, memo: Any) -> ReplayedPlan:
        """The plan, with no record of it, whose arrays are its own."""
        return ReplayedPlan(self._plan)

    def _recorded(self, values: tuple[Value, ...], arrays: list[Any], result: Value) -> Replay | None:
        """A record of what the plan does with these values, if there can be one, and it gives that result.

        arrays: what holds the values' numbers.
        """

        def on_arrays(*recorded: Any) -> Any:
            same = [Point(a) if type(value) is Point else a for value, a in zip(values, recorded, strict=True)]
            return _array(self._plan(*same))

        try:
            replay = record(on_arrays, *arrays)
            again = replay(*arrays)
        except Exception:  # whatever it is: the result is known, and a record would only be quicker
            return None
        return replay if again is not None and again.tobytes() == _array(result).tobytes() else None


def replayed_step(function: Callable[..., Value], is_ours: bool) -> Callable[..., Value]:
    """A step of a plan: where it can't be recorded itself, a record has a call of it.

    is_ours: does nothing but the step's operands decide what it does with NumPy? Else it is called in any case.
    """

    def run(*values: Value) -> Value:
        own = next((_array(value) for value in values if _is_recorded(value)), None)
        if own is None:
            return function(*values)
        if is_ours:
            steps = len(own.record)
            try:
                return function(*_each_once(_afresh, values))
            except NOT_RECORDED:
                del own.record[steps:]
        return _as_a_call(function, own, values)

    return run


def _afresh(value: Value) -> Value:
    """A value that keeps nothing of what was worked out from it, should that not be recorded."""
    return Point(value.x) if type(value) is Point and _is_recorded(value) else value


def _as_a_call(function: Callable[..., Value], own: Recorded, values: tuple[Value, ...]) -> Value:
    """A recorded call of a function as it is, on copies of its recorded operands, with its result in an array."""

    def result_of(numbers: Iterable[Any]) -> Value:
        left = iter(numbers)
        return function(*_each_once(lambda v: _like(v, next(left)) if _is_recorded(v) else v, values))

    def written(*arrays: Any) -> bool:
        """Has the result been written into the last array? Not if it is of another kind than at first."""
        try:
            result = result_of(arrays[:-1])
        except ScalarSpecError:
            return False  # the plan will say so, if its numbers get here
        found = _array(result)
        if type(result) is not type(first) or (found.shape, found.dtype) != (numbers.shape, numbers.dtype):
            return False
        np.copyto(arrays[-1], found)
        return True

    operands = [_array(value) for value in {id(value): value for value in values}.values() if _is_recorded(value)]
    first = result_of(map(held, operands))
    numbers = _array(first)
    out = np.empty_like(numbers)
    if numbers.dtype.kind == "O" or out.strides != numbers.strides:
        raise NotRecorded("its truths are undecided, or it has gaps")
    recorded = own.of(out)
    call(written, *operands, recorded, guarded=True)
    return Point(recorded) if type(first) is Point else recorded  # type: ignore[return-value]


def _each_once(function: Callable[[Value], Value], values: tuple[Value, ...]) -> list[Value]:
    """A function of each value; one value that comes twice stays one, as x x is a square."""
    found: dict[int, Value] = {}
    for value in values:
        if id(value) not in found:
            found[id(value)] = function(value)
    return [found[id(value)] for value in values]


def _is_recorded(value: Any) -> bool:
    return type(_array(value)) is Recorded


def _like(value: Value, numbers: Any) -> Value:
    """A value of the same kind, of a copy of numbers."""
    copied = np.array(numbers)
    return Point(copied) if type(value) is Point else copied


def _array(value: Any) -> Any:
    """What holds a value's numbers: an array, or a recorded one."""
    return value.x if type(value) is Point else value
