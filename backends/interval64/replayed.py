"""Plans of `interval64` (`prepare`) as replays: NumPy's calls alone, into arrays that stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarspec.backends.interval64.point import Point, Value
from scalarspec.core.domains import is_watched
from scalarspec.numbers.recorded import NotRecorded
from scalarspec.numbers.replays import Replay, record

RECORDS = 8
"""So often is a plan recorded: once for each way through its branches that comes up, until that is enough."""


class ReplayedPlan:
    """A plan that is replayed from its second call on, wherever a record of it holds; elsewhere it is called.

    plan: of some values to one, in NumPy's calls.
    """

    def __init__(self, plan: Callable[..., Value]) -> None:
        self._plan = plan
        self._left = RECORDS
        self._kinds: list[type] = []
        self._replay: Replay | None = None
        self._gives_points = False

    def __call__(self, *values: Value) -> Value:
        """The plan's value, bit for bit. values: of the same shapes each time, as points or as ends."""
        if is_watched():
            return self._plan(*values)
        kinds = [type(value) for value in values]
        if self._replay is not None and kinds == self._kinds:
            found = self._replay(*[value.x if type(value) is Point else value for value in values])
            if found is not None:
                return Point(found) if self._gives_points else found
        result = self._plan(*values)
        if kinds == self._kinds and self._left:
            self._left -= 1
            self._gives_points = type(result) is Point
            self._replay = self._recorded(values, kinds, result)
        self._kinds = kinds
        return result

    def _recorded(self, values: tuple[Value, ...], kinds: list[type], result: Value) -> Replay | None:
        """A record of what the plan does with these values, if it is one, and gives that result."""

        def on_arrays(*arrays: Any) -> Any:
            return _array(self._plan(*(Point(a) if kind is Point else a for kind, a in zip(kinds, arrays, strict=True))))

        try:
            replay = record(on_arrays, *map(_array, values))
        except NotRecorded:
            self._left = 0
            return None
        again = replay(*map(_array, values))
        return replay if again is not None and again.tobytes() == _array(result).tobytes() else None


def _array(value: Any) -> np.ndarray[Any, Any]:
    """What holds a value's numbers."""
    return value.x if type(value) is Point else value
