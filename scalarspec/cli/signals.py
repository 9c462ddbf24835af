"""Ctrl-C and SIGTERM: the work stops, what is known is kept, and the workers end with the command.

Either raises KeyboardInterrupt, which no code of a user's is told of. After Ctrl-C a search still gives what it has
found; another Ctrl-C ends the command at once. After SIGTERM nothing more is printed, and the command ends in any case.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

HEARD = (signal.SIGINT, signal.SIGTERM)
"""The signals that are listened to, unless they are ignored when the command starts, as those in the background are."""
GRACE = 2.0
"""How many seconds after SIGTERM the command ends, whatever it is doing."""
ONE_PRESS = 1.0
"""Within how many seconds signals are one: a terminal and a program that passes its signals on both send them."""


class Signals:
    """Which signal came, if one did."""

    def __init__(self) -> None:
        self.number, self.since, self.process = 0, 0.0, os.getpid()
        self.timers: list[threading.Timer] = []

    @property
    def code(self) -> int:
        """The exit code of a command that a signal ended; 0 without one."""
        return 128 + self.number if self.number else 0

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Ends the workers, and interrupts the work."""
        if os.getpid() != self.process:  # a worker that is just being made
            _end_worker(number)
            return
        if self.number:
            if time.monotonic() - self.since > ONE_PRESS:
                end(number)
            return
        self.number, self.since = number, time.monotonic()
        end_workers()
        if number == signal.SIGTERM:
            self._later(GRACE, end, number)
        raise KeyboardInterrupt

    def again(self, unraisable: sys.UnraisableHookArgs) -> None:
        """An interrupt that came in a finalizer, where it is lost, comes again; all else is told as ever."""
        if not isinstance(unraisable.exc_value, KeyboardInterrupt) or not self.number:
            sys.__unraisablehook__(unraisable)
            return
        number, self.number = self.number, 0
        self._later(0.01, send, number)

    def _later(self, seconds: float, function: Callable[[int], None], number: int) -> None:
        timer = threading.Timer(seconds, function, [number])
        timer.daemon = True
        timer.start()
        self.timers.append(timer)


@contextlib.contextmanager
def listening() -> Iterator[Signals]:
    """Listens to signals for as long as the context lasts; only the main thread can."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.getsignal(number) for number in HEARD}
    heard = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    hook, sys.unraisablehook = sys.unraisablehook, signals.again
    try:
        for number in heard:
            signal.signal(number, signals)
        yield signals
    finally:
        for timer in signals.timers:
            timer.cancel()
        sys.unraisablehook = hook
        for number, handler in heard.items():
            signal.signal(number, handler)


def send(number: int) -> None:
    """Sends a signal to this process. In Windows `os.kill` would end it, without a word to who listens."""
    if sys.platform == "win32":
        signal.raise_signal(number)
    else:
        os.kill(os.getpid(), number)


def end(number: int) -> None:
    """Ends the command at once, and its workers."""
    end_workers()
    os._exit(128 + number)


def end_workers() -> None:
    """Ends all processes that this one has made, stopped ones, too."""
    for child in multiprocessing.active_children():
        child.kill()


def _end_worker(number: int) -> None:
    """Ctrl-C goes to all processes of a terminal, and is the main one's business."""
    if number == signal.SIGTERM:
        os._exit(128 + number)
