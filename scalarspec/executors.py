"""Jobs that any executor of `concurrent.futures`' interface does, their answers in order; or that are done here.

What all jobs share travels to each worker of Dask once, and to others with each bundle of jobs.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from typing import Any

from scalarspec.errors import ArgumentError, ScalarSpecError

Item = tuple[Any, ...]
Outcome = tuple[list[Any], ScalarSpecError | None]
"""The answers to some jobs, up to one that was refused, and that refusal."""
BUNDLES = 256
"""Into how many bundles jobs are put at most: four for each of 64 workers. An executor is handed a bundle at once,
since queues take milliseconds for each thing, which would add up.
"""
LOOK = 2.0
"""After how many seconds without an answer an executor is asked whether it still takes jobs."""


class Crew:
    """An executor, or none, and the arguments that all jobs share.

    executor: of concurrent.futures, or of its interface (Dask's `client.get_executor()`, mpi4py's `MPIPoolExecutor`);
    without one, jobs are done here, and so are those that a worker lost. shared: the first arguments of each job.
    Raises ArgumentError for what is no executor, or where the arguments cannot be sent to one.
    """

    def __init__(self, executor: Executor | None, *shared: Any) -> None:
        if executor is not None and not hasattr(executor, "submit"):
            raise ArgumentError(f"executor: expected one of concurrent.futures, or of its interface, got {executor!r}")
        self.executor, self.shared = executor, shared
        self._sent = None if executor is None else _held_by_workers(executor, _pickled(shared))

    def each(self, function: Callable[..., Any], items: Sequence[Item]) -> Iterator[Any]:
        """function(*shared, *item) for each item, in order, whoever does it. Errors come at their place."""
        if self.executor is None:
            yield from self._here(function, items)
            return
        size = -(-len(items) // BUNDLES) or 1
        bundles = [items[i : i + size] for i in range(0, len(items), size)]
        futures = [_submitted(self.executor, _done, self._sent, function, bundle) for bundle in bundles]
        try:
            for bundle, future in zip(bundles, futures, strict=True):
                yield from self._answers(future, function, bundle)
        finally:  # nobody waits for what is left
            for future in futures:
                if future is not None:
                    future.cancel()

    def _here(self, function: Callable[..., Any], items: Sequence[Item]) -> Iterator[Any]:
        return (function(*self.shared, *item) for item in items)

    def _answers(
        self, future: Future[Any] | None, function: Callable[..., Any], bundle: Sequence[Item]
    ) -> Iterator[Any]:
        """What a bundle gives. One that a worker lost is done here; so is one that failed: its error comes again."""
        assert self.executor is not None
        if future is None or _given_up(self.executor, future):
            yield from self._here(function, bundle)
            return
        try:
            answers, refusal = future.result()
        except Exception:  # a lost worker, by whatever name
            yield from self._here(function, bundle)
            return
        yield from answers
        if refusal is not None:
            raise refusal


def each(executor: Executor | None, function: Callable[..., Any], items: Sequence[Item]) -> Iterator[Any]:
    """function(*item) for each item, in order, by an executor, or here. A job that a worker lost is done here."""
    return Crew(executor).each(function, items)


# ---- in a worker ----------------------------------------------------------------------------------------------------


def _done(sent: bytes, function: Callable[..., Any], bundle: Sequence[Item]) -> Outcome:
    """What becomes of a bundle of jobs."""
    answers: list[Any] = []
    shared = _unpickled(sent)
    try:
        for item in bundle:
            answers.append(function(*shared, *item))
    except ScalarSpecError as error:
        return answers, error
    return answers, None


@functools.lru_cache(maxsize=4)
def _unpickled(sent: bytes) -> tuple[Any, ...]:
    """What jobs share, kept, so that a worker makes it once for many."""
    shared: tuple[Any, ...] = pickle.loads(sent)
    return shared


# ---- executors ------------------------------------------------------------------------------------------------------


def _pickled(shared: tuple[Any, ...]) -> bytes:
    """What jobs share as bytes. Raises ArgumentError where it cannot be sent."""
    try:
        return pickle.dumps(shared)
    except Exception as error:
        raise ArgumentError(
            "executor: expected a spec and arguments that can be sent to a worker, such as functions of a module, "
            f"got what cannot: {error}"
        ) from None


def _held_by_workers(executor: Executor, data: bytes) -> Any:
    """The data, or what stands for it where the executor is Dask's, whose workers are handed it now, and keep it."""
    client: Any = getattr(executor, "_client", None)
    if not hasattr(client, "scatter"):
        return data
    try:
        return client.scatter(data, broadcast=True)
    except Exception:  # it is closed, or has no workers: it is asked again for each bundle
        return data


def _submitted(executor: Executor, function: Callable[..., Any], *arguments: Any) -> Future[Any] | None:
    """The future of a call; None where the executor takes none: it is broken, shut down, or its client is closed."""
    try:
        return executor.submit(function, *arguments)
    except Exception:  # of whatever class: each library has its own
        return None


def _given_up(executor: Executor, future: Future[Any]) -> bool:
    """Waits for a call; true where it never ends, since its executor was closed: not all of them say so to a future."""
    while not wait([future], timeout=LOOK).done:
        asked = _submitted(executor, int)
        if asked is None:
            return not future.done()
        asked.cancel()
    return False
