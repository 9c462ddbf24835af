"""Jobs: pieces of a question about a domain, for any executor; a checkpoint keeps their answers.

A job is the name of a function in `WORK`, a domain, and an item: numbers, texts, and arrays of floats or integers, in
lists and dictionaries; so is its answer. Arrays stay arrays: only a checkpoint's lines hold them as JSON. Whatever the
executor, the same jobs are done, and their answers are taken in the same order.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from pathlib import Path
from typing import Any

from scalarspec.bounding.checkpoints import from_json, key_of, opened, to_json
from scalarspec.bounding.domain import Domain
from scalarspec.core.arguments import spec_name
from scalarspec.errors import ArgumentError, ScalarSpecError

Work = Callable[[Domain, Any], Any]
"""What a job does: (domain, item) -> answer."""
WORK: dict[str, Work] = {}
"""The functions that jobs may call, by their names: a name is what travels to a worker."""


def work(function: Work) -> Work:
    """Enters a function into the table."""
    WORK[function.__name__] = function
    return function


class Jobs:
    """The jobs of a domain, done by an executor or here.

    executor: of concurrent.futures, or of its interface (Dask's `client.get_executor()`, mpi4py's `MPIPoolExecutor`);
    without one, jobs are done here, and so is a job that a worker lost. checkpoint: a file in which the answers are
    kept; those that it holds already are not worked out again.
    Raises ArgumentError where the domain cannot be sent to an executor, or the file is none of ours, not as it was
    written, of another question or of another version.
    """

    def __init__(self, domain: Domain, executor: Executor | None = None, checkpoint: str | Path | None = None) -> None:
        if executor is not None and not hasattr(executor, "submit"):
            raise ArgumentError(f"executor: expected one of concurrent.futures, or of its interface, got {executor!r}")
        self.domain, self.executor = domain, executor
        self._payload = b"" if executor is None else _pickled(domain)
        self._checkpoint = None if checkpoint is None or not domain.ends else opened(Path(checkpoint), domain.digest)

    def map(self, function: Work, items: Sequence[Any]) -> Iterator[Any]:
        """The answers to jobs, in the order of the items, as they are done."""
        name = function.__name__
        if self._checkpoint is None:
            yield from self._worked(name, items)
            return
        keys = [key_of(name, item) for item in items]
        known = [key in self._checkpoint.answers for key in keys]
        found = self._worked(name, [item for item, done in zip(items, known, strict=True) if not done])
        for key, done in zip(keys, known, strict=True):
            if not done:
                self._checkpoint.put(key, to_json(next(found)))
            yield from_json(self._checkpoint.answers[key])

    def _worked(self, name: str, items: Sequence[Any]) -> Iterator[Any]:
        if self.executor is None:
            return each(None, WORK[name], [(self.domain, item) for item in items])
        return each(self.executor, _done, [(self._payload, name, item) for item in items])


def each(executor: Executor | None, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    """function(*item) for each item, in order, by an executor, or here. A job that a worker lost is done here."""
    futures = [_submitted(executor, function, item) for item in items]
    try:
        for item, future in zip(items, futures, strict=True):
            yield _answer(executor, future, function, item)
    finally:  # nobody waits for what is left
        for future in futures:
            if future is not None:
                future.cancel()


def _submitted(executor: Executor | None, function: Callable[..., Any], item: tuple[Any, ...]) -> Future[Any] | None:
    """The future of a job; None where the executor takes none: it is broken, shut down, or its client is closed."""
    if executor is None:
        return None
    try:
        return executor.submit(function, *item)
    except Exception:  # of whatever class: each library has its own
        return None


LOOK = 2.0
"""After how many seconds without an answer an executor is asked whether it still takes jobs."""


def _answer(
    executor: Executor | None, future: Future[Any] | None, function: Callable[..., Any], item: tuple[Any, ...]
) -> Any:
    """What a job gives. One that a worker lost is done here."""
    if executor is None or future is None or _given_up(executor, future):
        return function(*item)
    try:
        return future.result()
    except ScalarSpecError:
        raise
    except Exception:  # a lost worker, by whatever name; any other error comes again here
        return function(*item)


def _given_up(executor: Executor, future: Future[Any]) -> bool:
    """Waits for a job; true where it never ends, since its executor was closed: not all of them say so to a future."""
    while not wait([future], timeout=LOOK).done:
        asked = _submitted(executor, int, ())
        if asked is None:
            return not future.done()
        asked.cancel()
    return False


def _pickled(domain: Domain) -> bytes:
    """The domain as bytes. Raises ArgumentError where it cannot be sent."""
    try:
        return pickle.dumps(domain)
    except Exception as error:
        name = spec_name(domain.spec)
        raise ArgumentError(
            f"executor: expected a spec and arguments that can be sent to a worker, such as functions of a module; "
            f"{name} cannot: {error}"
        ) from None


@functools.lru_cache(maxsize=4)
def _domain(payload: bytes) -> Domain:
    """The domain of some bytes, kept, so that a worker makes it once for many jobs."""
    domain: Domain = pickle.loads(payload)
    return domain


def _done(payload: bytes, name: str, item: Any) -> Any:
    """Does a job in a worker."""
    return WORK[name](_domain(payload), item)
