"""Who does the jobs of a command: processes, which end when it does, or a cluster. None that is lost is waited for."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from scalarspec.cli.clusters import UNDONE, cluster
from scalarspec.cli.signals import end_workers
from scalarspec.errors import ArgumentError

MOST = max(64, os.cpu_count() or 1)
"""How many workers may be asked for."""
STOPPED = 10
"""For how many seconds in a row a worker may be stopped, as by SIGSTOP; then it is ended, and counts as lost."""
LOST = f"a worker was lost (it was killed, or stopped for {STOPPED} s): {UNDONE}"
"""What is said where a worker was lost; `bounding.jobs` does its jobs, and all that is left, in the main process."""


@contextlib.contextmanager
def working(options: argparse.Namespace) -> Iterator[Executor | None]:
    """Who does the jobs, by `--workers` and `--dask`; None where that is this process. What is lost is noted.

    Raises ArgumentError where both are asked for, for a number out of range, and for a cluster that cannot be used.
    """
    if options.dask is None:
        with workers(options.workers, options.notes.append) as executor:
            yield executor
        return
    if options.workers != 1:
        raise ArgumentError("--workers, --dask: expected one of the two")
    with cluster(options.dask, options.notes.append) as executor:
        watched = _Watched(executor)
        yield watched
    options.notes.extend(watched.lost[:1])


class _Watched(Executor):
    """An executor, and what is to be said of the jobs that it lost: one text for each."""

    def __init__(self, executor: Any) -> None:
        self._client, self._executor = executor._client, executor
        self.lost: list[str] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As the executor has it."""
        future: Future[Any] = self._executor.submit(function, *args, **kwargs)
        future.add_done_callback(self._note)
        return future

    def _note(self, future: Future[Any]) -> None:
        """Jobs that nobody waits for any more are not lost."""
        error = None if future.cancelled() else future.exception()
        if error is not None:
            self.lost.append(f"a worker of the cluster failed ({type(error).__name__}): {UNDONE}")


@contextlib.contextmanager
def workers(count: int, note: Callable[[str], None]) -> Iterator[Executor | None]:
    """An executor of so many processes; None for one. note: is told where one of them was lost.

    Raises ArgumentError for a number out of range, or where the system does not start that many.
    """
    if not 1 <= count <= MOST:
        raise ArgumentError(f"--workers: expected a number from 1 to {MOST}, got {count}")
    if count == 1:
        yield None
        return
    with _started(count) as executor:
        found, over = _processes(executor), threading.Event()
        threading.Thread(target=_watch, args=(executor, found, over), daemon=True).start()
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)
            over.set()
        if any(worker.exitcode for worker in list(found)):
            note(LOST)


def _started(count: int) -> Executor:
    """An executor that has started its processes: all of them, or, where they are not forked, the first."""
    try:
        executor = ProcessPoolExecutor(count, initializer=_begin)
        executor.submit(int)
    except (OSError, RuntimeError) as error:
        end_workers()  # those that were started wait for work
        raise ArgumentError(f"--workers: {count} processes cannot be started: {error}") from None
    return executor


def _processes(executor: Any) -> set[BaseProcess]:
    """Those that an executor has made so far; none once it has ended."""
    return set((executor._processes or {}).values())


def _begin() -> None:
    """What a worker does first: Ctrl-C is the main process's business, and without that one it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends the process when the one that made it has ended, however that did.

    Its sentinel may be held open by other workers, which inherit it, so that its number is asked for, too.
    """
    parent, number = multiprocessing.parent_process(), os.getppid()
    while parent is not None and os.getppid() == number:
        if wait([parent.sentinel], timeout=1):
            break
    os._exit(1)


def _watch(executor: Executor, found: set[BaseProcess], over: threading.Event) -> None:
    """Ends workers that are stopped for too long: counted in looks, since this process may have been stopped, too.

    Those that are started later are found, too.
    """
    looks: Counter[BaseProcess] = Counter()
    while not over.wait(1):
        found |= _processes(executor)
        for worker in found:
            looks[worker] = looks[worker] + 1 if _stopped(worker) else 0
            if looks[worker] >= STOPPED:
                worker.kill()


def _stopped(worker: BaseProcess) -> bool:
    """Is the process stopped? Where the system does not tell, no."""
    if worker.pid is None or not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, worker.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # it has ended, or a fork server made it, as it does by default from Python 3.14 on
        return not wait([worker.sentinel], timeout=0) and _state(worker.pid) == "T"


def _state(number: int) -> str:
    """The letter by which Linux tells the state of a process, which need not be a child of this one."""
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()[0]
    except OSError:
        return ""
