"""What a function does with NumPy, recorded once and done again on other numbers, into arrays that stay.

Between two branches, a function on arrays is a list of NumPy's calls, whose arrays have the same shapes each time.
`record` runs it once on recorded arrays (`numbers.recorded`) and makes one straight Python function of the list: no
call of Python's own remains, and no array is made anew. Its results are the function's, bit for bit, since each number
comes of the same calls in the same order.

Branches are guards: the list holds while all truths that were asked for are what they were. They are looked at once, at
the end, and before a call that must not see what comes of another branch. Where one is not, the replay gives None, and
the caller calls the function itself.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from scalarspec.numbers.recorded import Array, NotRecorded, Record, Recorded, Step

SPREAD = 1 << 15
"""Constants are held once for each number of a result of so many bytes."""
SPREADABLE = {np.add, np.subtract, np.multiply, np.divide}
"""Where it changes nothing: of -0 and +0, NumPy's largest depends on how it goes through an array."""
LINE = 64
"""Bytes of a line of the cache, at whose beginning arrays begin."""


class Replay:
    """A record as a function of new numbers, by `record`. It writes into the same arrays each time."""

    def __init__(self, run: Callable[..., Array | None]) -> None:
        self._run, self._lock = run, threading.Lock()

    def __call__(self, *arrays: Array) -> Array | None:
        """The result, in an array of its own; None where a guard says another thing than it did, or where another
        thread is at it. arrays: of the shapes and dtypes that were recorded.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._run(*arrays)
        finally:
            self._lock.release()


def record(function: Callable[..., Any], *arrays: Array) -> Replay:
    """What a function of arrays does with NumPy, on arrays like these.

    function: gives an array. Raises NotRecorded where a replay would not do what the function does. Sums depend on how
    their terms lie in memory, so that arrays have to lie as they do here for the same last bits.
    """
    done = Record()
    inputs = [np.array(a) for a in arrays]
    if any(own.strides != a.strides for own, a in zip(inputs, arrays, strict=True)):
        raise NotRecorded("an array has gaps")
    result = function(*(Recorded(done, a) for a in inputs))
    if not isinstance(result, Recorded):
        raise NotRecorded("the result does not depend on the arrays")
    steps, truths = _separated(done)
    kept = [result.array, *truths[False], *truths[True]]
    steps = _needed(steps, kept)
    memory = _Memory(truths)
    memory.share(steps, inputs, kept)
    memory.check(done.arrays, [*kept, *(a for step in steps for a in _arrays(step))])
    outcomes = {id(a): outcome for outcome, arrays in truths.items() for a in arrays}
    return Replay(_straight(steps, inputs, result.array, memory, outcomes))


def _separated(done: Record) -> tuple[list[Step], dict[bool, list[Array]]]:
    """The steps, and the truths that guards speak of, by their outcome: arrays of their own, written once."""
    written = Counter(id(_owner(a)) for step in done if isinstance(step, Step) for a in step.outputs)
    steps: list[Step] = []
    truths: dict[bool, list[Array]] = {False: [], True: []}
    for step in done:
        if isinstance(step, Step):
            steps.append(step)
            continue
        asked = step.truths
        if asked.base is not None or written[id(asked)] != 1:
            asked = np.empty(asked.shape, bool)
            steps.append(Step(np.copyto, (asked, step.truths), {}, (asked,)))
        if not any(asked is a for a in truths[step.outcome]):
            truths[step.outcome].append(asked)
    return steps, truths


def _needed(steps: list[Step], kept: Sequence[Array]) -> list[Step]:
    """The steps on which the arrays that are kept depend."""
    read = {id(_owner(a)) for a in kept}
    needed = []
    for step in reversed(steps):
        if step.gives is not None or any(id(_owner(a)) in read for a in step.outputs):
            needed.append(step)
            read.update(id(_owner(a)) for a in _arrays(step))
    return needed[::-1]


def _owner(array: Array) -> Array:
    """The array whose memory a view shows."""
    base: Any = array.base
    while base is not None:
        if isinstance(base, np.ndarray):
            array = base
        base = getattr(base, "base", None)  # as_strided has an object of its own between
    return array


def _arrays(step: Step) -> Iterator[Array]:
    """Those that a step reads or writes."""
    return (a for a in (*step.arguments, *step.keywords.values()) if isinstance(a, np.ndarray))


class _Memory:
    """Where the arrays of a replay lie.

    Truths that guards speak of lie beside one another, so that one call asks for all. Others lie in blocks, which go
    from those that are done with to those that come: what is in use then stays in the cache.
    """

    def __init__(self, truths: dict[bool, list[Array]]) -> None:
        self.of_owner: dict[int, Array] = {}
        self.guards: dict[bool, Array] = {}
        for outcome, arrays in truths.items():
            ends = np.cumsum([0, *(a.size for a in arrays)])
            self.guards[outcome] = np.empty(ends[-1], bool)
            for array, start, end in zip(arrays, ends, ends[1:], strict=False):
                self.of_owner[id(array)] = self.guards[outcome][start:end].view(np.uint8)

    def share(self, steps: Sequence[Step], inputs: Sequence[Array], kept: Sequence[Array]) -> None:
        """Gives memory to the inputs and to what the steps write."""
        owners = {id(_owner(a)): _owner(a) for a in (*inputs, *(a for step in steps for a in step.outputs))}
        last = {id(_owner(a)): k for k, step in enumerate(steps) for a in _arrays(step)}
        last |= dict.fromkeys((id(_owner(a)) for a in kept), len(steps))
        leaving: dict[int, list[int]] = {}
        for key in owners:
            leaving.setdefault(last.get(key, -1), []).append(key)
        free: dict[int, list[Array]] = {}
        for k, arrays in enumerate([inputs, *(step.outputs for step in steps)], start=-1):
            for owner in map(_owner, arrays):
                if id(owner) not in self.of_owner:
                    blocks = free.setdefault(owner.nbytes, [])
                    self.of_owner[id(owner)] = blocks.pop() if blocks else _block(owner.nbytes)
            for key in leaving.get(k, ()):
                free.setdefault(owners[key].nbytes, []).append(self.of_owner[key])

    def check(self, recorded: Sequence[Array], read: Sequence[Array]) -> None:
        """Raises NotRecorded where a recorded array is read that no step writes, and that is no input."""
        unknown = {id(_owner(a)) for a in recorded} - set(self.of_owner)
        if any(id(_owner(a)) in unknown for a in read):
            raise NotRecorded("an array is read that was not written")

    def holds(self, array: Array) -> bool:
        """Is it an array of the record, and not a constant?"""
        return id(_owner(array)) in self.of_owner

    def moved(self, thing: Any) -> Any:
        """An array of the record, or a view of one, where it lies in the replay; anything else as it is."""
        if not isinstance(thing, np.ndarray) or id(owner := _owner(thing)) not in self.of_owner:
            return thing
        offset = thing.ctypes.data - owner.ctypes.data
        return np.ndarray(thing.shape, thing.dtype, self.of_owner[id(owner)].data, offset, thing.strides)


def _block(size: int) -> Array:
    """Memory of so many bytes that begins with a line of the cache."""
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size]


def _spread(step: Step, memory: _Memory) -> Iterator[Any]:
    """The arguments of a step, small constants as large as its result: NumPy is slower where shapes differ."""
    result, fits = step.outputs[0], step.function in SPREADABLE and step.outputs[0].nbytes <= SPREAD
    for a in step.arguments:
        constant = fits and isinstance(a, np.ndarray) and a.ndim and not memory.holds(a)
        yield np.broadcast_to(a, result.shape).copy() if constant and a.shape != result.shape else a


def _straight(
    steps: Sequence[Step], inputs: Sequence[Array], result: Array, memory: _Memory, outcomes: dict[int, bool]
) -> Callable[..., Array | None]:
    """The steps as one function, a call a line. outcomes: of the truths that guards speak of, by the arrays' ids."""
    names: dict[str, Any] = {"copyto": np.copyto, "any_of": np.logical_or.reduce, "all_of": np.logical_and.reduce}
    known: dict[int, str] = {}

    def name(thing: Any) -> str:
        if id(thing) not in known:
            known[id(thing)] = f"n{len(names)}"
            names[known[id(thing)]] = memory.moved(thing)
        return known[id(thing)]

    def guards(arrays: Sequence[Array]) -> list[str]:
        """Lines that end the run where truths are not what they were."""
        asked = {False: "any_of({}, axis=None)", True: "not all_of({}, axis=None)"}
        return [f"    if {asked[outcomes[id(a)]].format(name(a))}: return None" for a in arrays]

    waiting: list[Array] = []
    lines = [f"def run({', '.join(f'x{i}' for i in range(len(inputs)))}):"]
    lines += [f"    copyto({name(a)}, x{i})" for i, a in enumerate(inputs)]
    for step in steps:
        if step.guarded:
            lines += guards(waiting)
            waiting.clear()
        waiting += [a for a in step.outputs if id(a) in outcomes]
        given = chain(map(name, _spread(step, memory)), (f"{k}={name(v)}" for k, v in step.keywords.items()))
        called = f"{name(step.function)}({', '.join(given)})"
        lines.append(f"    {called}" if step.gives is None else f"    if {called} is not {step.gives}: return None")
    lines.append(f"    if any_of({name(memory.guards[False])}) or not all_of({name(memory.guards[True])}):")
    lines.append("        return None")
    lines.append(f"    return {name(result)}.copy()")
    exec("\n".join(lines), names)  # our own text: names that we made, and nothing else
    return names.pop("run")  # type: ignore[no-any-return]
