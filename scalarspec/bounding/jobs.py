"""Jobs: pieces of a question about a domain, for any executor; a checkpoint keeps their answers.

A job is the name of a function in `WORK`, a domain, and an item: numbers, texts, and arrays of floats or integers, in
lists and dictionaries; so is its answer. Arrays stay arrays: only a checkpoint's lines hold them as JSON. Whatever the
executor, the same jobs are done, and their answers are taken in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from scalarspec.bounding.checkpoints import from_json, key_of, opened, to_json
from scalarspec.bounding.domain import Domain
from scalarspec.executors import Crew

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

    executor: as a `Crew` takes it. checkpoint: a file in which the answers are kept; those that it holds already are
    not worked out again.
    Raises ArgumentError where the domain cannot be sent to an executor, or the file is none of ours, not as it was
    written, of another question or of another version.
    """

    def __init__(self, domain: Domain, executor: Executor | None = None, checkpoint: str | Path | None = None) -> None:
        self.domain, self._crew = domain, Crew(executor, domain)
        self._checkpoint = None if checkpoint is None or not domain.varied else opened(Path(checkpoint), domain.digest)

    def each(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """function(domain, *item) for each item, in order; no checkpoint keeps the answers."""
        return self._crew.each(function, items)

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
        return self._crew.each(_done, [(name, item) for item in items])


def _done(domain: Domain, name: str, item: Any) -> Any:
    """Does a job."""
    return WORK[name](domain, item)
