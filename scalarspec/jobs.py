"""Jobs: pieces of a question about a domain, as plain data, for any executor; a checkpoint keeps their answers.

A job is the name of a function in `WORK`, a domain, and an item that JSON can hold; so is its answer. Whatever the
executor, the same jobs are done, and their answers are taken in the same order.
"""

from __future__ import annotations

import functools
import hashlib
import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from scalarspec.arguments import spec_name
from scalarspec.errors import ArgumentError, ScalarSpecError
from scalarspec.regions import Domain

Work = Callable[[Domain, Any], Any]
WORK: dict[str, Work] = {}
"""The functions that jobs are of, by their names."""


def work(function: Work) -> Work:
    """Enter a function into the table."""
    WORK[function.__name__] = function
    return function


class Jobs:
    """The jobs of a domain.

    executor: of concurrent.futures, or of its interface (Dask's `client.get_executor()`, mpi4py's `MPIPoolExecutor`);
    without one, jobs are done here, and so is a job that a worker lost. checkpoint: a file in which the answers are
    kept; those that it holds already are not worked out again.
    Raises ArgumentError where the domain cannot be sent to an executor, or the file is of another domain.
    """

    def __init__(self, domain: Domain, executor: Executor | None = None, checkpoint: str | Path | None = None) -> None:
        if executor is not None and not hasattr(executor, "submit"):
            raise ArgumentError(f"executor: expected one of concurrent.futures, or of its interface, got {executor!r}")
        self.domain, self.executor = domain, executor
        self._payload = b"" if executor is None else _pickled(domain)
        self._log = None if checkpoint is None or not domain.ends else _opened(Path(checkpoint), domain.digest)

    def map(self, function: Work, items: Sequence[Any]) -> Iterator[Any]:
        """The answers to jobs, in order."""
        name = function.__name__
        if self._log is None:
            yield from self._worked(name, items)
            return
        keys = [_key(name, item) for item in items]
        known = [key in self._log.answers for key in keys]
        found = self._worked(name, [item for item, done in zip(items, known, strict=True) if not done])
        for key, done in zip(keys, known, strict=True):
            if not done:
                self._log.put(key, next(found))
            yield self._log.answers[key]

    def _worked(self, name: str, items: Sequence[Any]) -> Iterator[Any]:
        if self.executor is None:
            return each(None, WORK[name], [(self.domain, item) for item in items])
        return each(self.executor, _done, [(self._payload, name, item) for item in items])


def each(executor: Executor | None, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    """function(*item) for each item, in order, by an executor, or here. A job that a worker lost is done here."""
    futures = [_submitted(executor, function, item) for item in items]
    try:
        for item, future in zip(items, futures, strict=True):
            yield _answer(future, function, item)
    finally:  # nobody waits for what is left
        for future in futures:
            if future is not None:
                future.cancel()


def _submitted(executor: Executor | None, function: Callable[..., Any], item: tuple[Any, ...]) -> Future[Any] | None:
    """None where the executor takes no job: it is broken, or shut down."""
    if executor is None:
        return None
    try:
        return executor.submit(function, *item)
    except RuntimeError:  # BrokenExecutor is one
        return None


def _answer(future: Future[Any] | None, function: Callable[..., Any], item: tuple[Any, ...]) -> Any:
    if future is None:
        return function(*item)
    try:
        return future.result()
    except ScalarSpecError:
        raise
    except Exception:  # a lost worker, by whatever name; any other error comes again here
        return function(*item)


def _pickled(domain: Domain) -> bytes:
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
    domain: Domain = pickle.loads(payload)
    return domain


def _done(payload: bytes, name: str, item: Any) -> Any:
    """A job, in a worker."""
    return WORK[name](_domain(payload), item)


def _opened(path: Path, digest: str) -> _Log:
    try:
        return _Log(path, digest)
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"checkpoint: cannot use {path}: {error}") from None


class _Log:
    """A file of answers: a line that says of which domain, and a line for each job. It only grows."""

    def __init__(self, path: Path, digest: str) -> None:
        self.path, self.answers = path, {}
        head = json.dumps({"scalarspec": "bounds", "of": digest})
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if lines and lines[0] != head:
            raise ArgumentError(f"checkpoint: {path} holds answers about another spec, box or arguments")
        for line in lines[1:]:
            entry = _parsed(line)
            if entry is not None:
                self.answers[entry["job"]] = entry["answer"]
        text = "\n".join([head, *(json.dumps({"job": k, "answer": v}) for k, v in self.answers.items())]) + "\n"
        fresh = path.with_name(path.name + ".new")  # the last line may have been cut off
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)

    def put(self, key: str, answer: Any) -> None:
        """A job's answer, written at once."""
        self.answers[key] = answer
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"job": key, "answer": answer}) + "\n")


def _key(name: str, item: Any) -> str:
    return hashlib.sha256(json.dumps([name, item]).encode()).hexdigest()


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None
