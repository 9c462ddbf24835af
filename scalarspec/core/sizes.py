"""Sizes that notice who looks at them.

What is shown of a spec at a few large sizes holds for all sizes, unless the spec looks at a size: compares it, counts
up to it, takes it as a key. While sizes are watched, each large dimension of a shape is a `Size`: a whole number that
notes whatever tells code outside of this package which number it is. Its sums, differences and products are such sizes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from scalarspec.errors import ShapeError

LARGE = (1000, 2000, 3000)
"""For each of three evaluations, where the primes begin that stand for sizes. They are larger than numbers that specs
are likely to hold, so that a number which has one as a factor comes from that size.
"""
LARGE_ENOUGH = (100, 200, 300)
"""The same where numbers need not name sizes: small enough that what is as large as the square of a size still fits."""
REACH = 90
"""How far from where they begin the primes go: there are at least ten in each range, and no two ranges meet."""
LEAST = LARGE_ENOUGH[0] // 2
"""From here on a dimension is taken for one that comes from such a prime: below the least of these, above what is
written in specs.
"""
HELPERS = {"numpy", "fractions", "functools", "copy", "dataclasses"}
"""Modules that look at a size on behalf of whoever calls them, so that it is the caller who counts."""


@dataclass(eq=False)
class Watch:
    """What was seen of the sizes. looked: did a spec look at one? least: from which size on its indices fit."""

    looked: bool = False
    least: int = 1


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
"""The watch of this thread of work, if sizes are watched."""


watching = _WATCH.get
"""The watch, if there is one: asked where a call more would be felt."""


@contextmanager
def watched() -> Iterator[Watch]:
    """While this lasts, large dimensions are sizes that tell the watch of a look at them."""
    watch = Watch()
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


def dimensions(numbers: Iterable[Any]) -> Iterable[Any]:
    """Whole numbers as the dimensions of a shape."""
    watch = _WATCH.get()
    return map(int, numbers) if watch is None else [_dimension(n, watch) for n in numbers]


def _dimension(n: Any, watch: Watch) -> Any:
    return n if type(n) is Size else int(n) if n < LEAST else Size(int(n), watch)


def like(n: Any, number: int) -> Any:
    """A number that was found from a dimension: a size if that is one."""
    return Size(number, n._watch) if type(n) is Size else number


def looked_at(shape: Iterable[Any]) -> None:
    """The caller of the function that calls this is told a shape's dimensions: noted, where that is a spec."""
    watch = _WATCH.get()
    if watch is not None and any(type(n) is Size for n in shape) and _outside(sys._getframe(2)):
        watch.looked = True


def indexed(shape: Iterable[Any], index: Iterable[Any]) -> None:
    """A tensor of this shape is indexed, by the caller's caller: noted, where the size can be told from that, and which
    size the places need in any case, since our own functions hand on those of a spec.
    """
    watch = _WATCH.get()
    if watch is None:
        return
    outside = _outside(sys._getframe(2))
    for n, key in zip(shape, index, strict=False):
        if type(n) is Size:
            places, room = _places(key)
            counted = isinstance(key, slice) and key.step not in (None, 1)
            watch.looked |= outside and (counted or any(type(place) is Size for place in places))
            watch.least = max(watch.least, _fits(places, room))


def _places(key: Any) -> tuple[list[Any], int]:
    """The ends of a slice, an index or those of an array of them; and how many elements there must be behind them."""
    if isinstance(key, slice):
        return [key.start, key.stop], 0
    return ([int(k) for k in (key.min(), key.max())] if key.size else []) if hasattr(key, "min") else [key], 1


def _is_size(x: Any) -> bool:
    return type(x) is Size


def _fits(places: Iterable[Any], room: int) -> int:
    """The least size that the ends of a slice fit, or an index, which needs room for an element."""
    known = [int(k) for k in places if isinstance(k, int) and not _is_size(k)]
    above = max((k + room for k in known if k >= 0), default=0)
    below = max((-k for k in known if k < 0), default=0)
    return int(above + below)


def failed() -> None:
    """Notes that shapes did not fit: a spec that goes on nevertheless has looked at its sizes."""
    watch = _WATCH.get()
    if watch is not None:
        watch.looked = True


ShapeError.noticed = failed


def _outside(frame: Any) -> bool:
    """Is the code of a frame, or what called a helper, no code of this package?"""
    while frame is not None:
        module = str(frame.f_globals.get("__name__")).partition(".")[0]
        if module not in HELPERS:
            return module != __name__.partition(".")[0]
        frame = frame.f_back
    return True


def monomial(factors: Sequence[Fraction]) -> bool:
    """Are numbers, worked out at each of the large sizes, one constant times powers of the sizes? (By their primes.)"""
    found = set()
    for start, value in zip(LARGE_ENOUGH, factors, strict=True):
        powers = []
        for prime in [n for n in range(start, start + REACH) if all(n % k for k in range(2, int(n**0.5) + 1))]:
            power = 0
            while value.numerator % prime == 0:
                value, power = value / prime, power + 1
            while value.denominator % prime == 0:
                value, power = value * prime, power - 1
            powers += [power] if power else []
        found.add((value, tuple(powers)))
    return len(found) == 1


class Size:
    """A whole number that notes a look at it."""

    __slots__ = ("_number", "_watch")
    __class__: Any = property(lambda self: int)  # `isinstance(size, int)` holds, as it does for what it stands for

    def __init__(self, number: int, watch: Watch) -> None:
        self._number, self._watch = number, watch

    def _seen(self) -> int:
        """The number, for the caller of a method."""
        if not self._watch.looked and _outside(sys._getframe(2)):
            self._watch.looked = True
        return self._number

    @property
    def numerator(self) -> int:
        """The number, as of any int."""
        return self._seen()

    @property
    def denominator(self) -> int:
        """1, as of any int."""
        return 1

    real, imag = numerator, property(lambda self: 0)

    def __reduce__(self) -> Any:
        return int, (self._seen(),)

    def __format__(self, spec: str) -> str:
        return format(self._seen(), spec)

    def __getattr__(self, name: str) -> Any:
        """The other methods of an int."""
        return getattr(self._seen(), name)


def _plain(x: Any) -> Any:
    return x._number if type(x) is Size else x


def _told(name: str) -> Callable[..., Any]:
    """A method that gives an answer about the number."""

    def method(self: Size, *others: Any) -> Any:
        return getattr(int, name)(self._seen(), *map(_plain, others))

    return method


def _kept(name: str) -> Callable[..., Any]:
    """A method that gives another size. With a tensor, the tensor's own does."""

    def method(self: Size, *others: Any) -> Any:
        if not all(isinstance(x, int) for x in others):
            return NotImplemented
        return Size(getattr(int, name)(self._number, *map(_plain, others)), self._watch)

    return method


KEPT = ("add", "sub", "mul")
"""The operations whose results are sizes, too: nothing is told by them."""
TOLD = {
    *("eq", "ne", "lt", "le", "gt", "ge", "hash", "bool", "int", "float", "index", "str", "repr"),
    *("trunc", "floor"),
    *("ceil", "round", "invert"),
    *(
        side + name
        for side in ("", "r")
        for name in ("truediv", "floordiv", "mod", "divmod", "pow", "and", "or", "xor")
    ),
    *(side + name for side in ("", "r") for name in ("lshift", "rshift")),
}
"""The operations whose results tell something about the number."""
for _name in TOLD:
    setattr(Size, f"__{_name}__", _told(f"__{_name}__"))
for _name in [*KEPT, *(f"r{name}" for name in KEPT), "neg", "pos", "abs"]:
    setattr(Size, f"__{_name}__", _kept(f"__{_name}__"))
