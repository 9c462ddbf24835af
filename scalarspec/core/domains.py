"""The edges of domains: what becomes of numbers, or of sets of numbers, for which an operation has no value.

A set that lies outside has no value: DomainError. One that lies partly outside may be so by its own width alone: that
is not known yet, and raises Undecided. Two things make it otherwise, for the work that is done while they last:

  guarding   a branch of `where` is evaluated, of which some elements may not be taken. What has no value there is
             taken for any real number, and is dropped when `where` picks.
  leniently  values are wanted wherever there are some: of a set that lies partly outside, those of the part inside.
             What was asked for is noted.

A quotient by a set in which 0 lies is the set of all quotients that there are, and tan over a pole is all reals: no
error. Who asks whether there is a value everywhere watches for such poles.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.errors import DomainError, DomainUndecided, NotExact, ScalarSpecError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Note:
    """Where a value was asked for that may not exist: a message, and for which elements.

    guarded: only in a branch of which it is not known that these elements take it.
    """

    message: str
    where: Array
    guarded: bool = False


@dataclass(frozen=True)
class Guard:
    """Of a branch that is being evaluated, which elements surely take it, and which surely do not."""

    taken: Array
    dropped: Array


BY_WIDTH = "this one may reach beyond by its own width alone"
"""Why what lies partly outside is not known to have no value."""


class _State(threading.local):
    """Of this thread: NumPy's error state has contexts of its own, in which context variables would be others.

    guards: the branches that are being evaluated, the outermost first; notes: where notes go, if values are wanted
    wherever there are some; poles: where poles are told.
    """

    guards: tuple[Guard, ...] = ()
    notes: list[Note] | None = None
    poles: list[Note] | None = None


_STATE = _State()


@contextmanager
def guarding(taken: Array, dropped: Array) -> Iterator[None]:
    """While a branch is evaluated that not all elements surely take. taken, dropped: those that surely do, and those
    that surely do not, arrays of bool.
    """
    before = _STATE.guards
    _STATE.guards = (*before, Guard(taken, dropped))
    try:
        yield
    finally:
        _STATE.guards = before


class _Noting:
    """While it lasts, notes of one kind are taken; gives them. A class, since it is entered for each evaluation."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __enter__(self) -> list[Note]:
        self.before, notes = getattr(_STATE, self.kind), list[Note]()
        setattr(_STATE, self.kind, notes)
        return notes

    def __exit__(self, *_: object) -> None:
        setattr(_STATE, self.kind, self.before)


def leniently() -> _Noting:
    """While values are wanted wherever there are some; gives the notes of where there may be none."""
    return _Noting("notes")


def watching_poles() -> _Noting:
    """While poles are watched for; gives the notes of where there may be some."""
    return _Noting("poles")


def pole(message: Callable[[], str], where: Array | np.bool = np.True_) -> None:
    """Sets hold a pole of an operation, which has no value there: noted for who watches for poles, but for elements
    that surely do not take the branch. An enclosing context that gives a set for 1/[-1, 1] calls it.

    message: what says so; where: for which elements.

        extend.pole(lambda: "divide: 0 lies in the divisor")
    """
    if _STATE.poles is not None:
        where = where & ~_asked(np.shape(where))[1]
        if np.any(where):
            _STATE.poles.append(Note(message(), np.asarray(where)))


def is_watched() -> bool:
    """May anything be outside of a domain without an error?"""
    return bool(_STATE.guards) or _STATE.notes is not None


def is_told() -> bool:
    """Is somebody told of what lies outside of a domain, or of poles, or may anything lie there without an error?"""
    return is_watched() or _STATE.poles is not None


def undecided(message: str) -> None:
    """A set lies partly outside: noted, where values are wanted wherever there are some. Raises DomainUndecided
    elsewhere.
    """
    beyond(np.False_, np.True_, lambda index: DomainUndecided(message))


def beyond(outside: Any, partly: Any, error: Callable[[tuple[int, ...]], ScalarSpecError]) -> None:
    """Some elements lie outside of a domain, and some partly: where no guard covers them, this raises.

    outside, partly: arrays of bool, of one shape; error: what to raise for an element, by its index. Returns where the
    caller may go on, with all reals in the place of what lies outside, and the part inside of what lies partly so.
    """
    outside, partly = np.asarray(outside), np.asarray(partly)
    asked, dropped = _asked(outside.shape)
    if np.any(outside & asked):
        raise error(_first(outside & asked))
    notes = _STATE.notes
    if np.any(partly & asked):
        told = error(_first(partly & asked))
        if notes is None:
            raise told
        notes.append(Note(str(told), partly & asked))
    maybe = (outside | partly) & ~asked & ~dropped
    if notes is not None and np.any(maybe):
        notes.append(Note(str(error(_first(maybe))), maybe, guarded=True))


def each(function: Callable[..., Any], anything: Callable[[ScalarSpecError], Any], *values: Array) -> Array:
    """A function of scalars, on each element of object arrays of one shape, some of which may lie outside its domain.

    anything: the scalar that stands for what has no value, by the error that says so.
    """
    shape = max([value.shape for value in values], key=len)
    columns = [np.broadcast_to(value, shape) for value in values]
    result = np.empty(shape, dtype=object)
    outside, partly = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    errors: dict[tuple[int, ...], ScalarSpecError] = {}
    for index in np.ndindex(*shape):
        try:
            with leniently() as notes:
                result[index] = function(*(column[index] for column in columns))
            if notes:
                partly[index], errors[index] = True, DomainUndecided(notes[0].message)
        except (DomainError, NotExact) as error:
            result[index], outside[index], errors[index] = anything(error), True, error
    beyond(outside, partly, errors.__getitem__)
    return result


def _asked(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Of the elements of a shape, which are surely asked for by all branches, and which are surely dropped by one."""
    asked, dropped = np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for guard in _STATE.guards:
        asked = asked & _fitted(guard.taken, shape)
        dropped = dropped | ~_fitted(~guard.dropped, shape)
    return asked, dropped


def _fitted(some: Array, shape: tuple[int, ...]) -> Array:
    """Elements of a branch's shape as those of another: in their places, where these can be told, else any for all."""
    axes = len(shape)
    if some.ndim > axes > 0 and some.shape[:axes] == shape:  # which axes are meant?
        return np.broadcast_to(some.any(), shape)
    if some.ndim >= axes and some.shape[some.ndim - axes :] == shape:
        return np.asarray(some.any(axis=tuple(range(some.ndim - axes))))
    if shape[axes - some.ndim :] == some.shape:
        return np.broadcast_to(some, shape)
    return np.broadcast_to(some.any(), shape)


def _first(where: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(where)), where.shape))
