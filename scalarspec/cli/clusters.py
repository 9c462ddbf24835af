"""The workers of a Dask cluster, by its scheduler's address."""

from __future__ import annotations

import contextlib
import importlib
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

import scalarspec
from scalarspec.errors import ArgumentError, NotInstalled

SECONDS = 10
"""For how long a scheduler is asked whether it is there."""
ADDRESS = re.compile(r"\w+://\S+|[^\s/]+:\d+")
LOUD = ("distributed", "distributed.client", "distributed.core", "tornado.application")
"""Who else would tell of a lost cluster, at length."""
UNDONE = "what was left to do was done by one process"
LOST = f"the cluster was lost: {UNDONE}"


@contextlib.contextmanager
def cluster(address: str, note: Callable[[str], None]) -> Iterator[Executor]:
    """An executor of the workers of a cluster, whose address is such as tcp://host:8786. note: is told if it is lost.

    Raises ArgumentError where there is no cluster, or where its workers have no scalarspec, or another version of it;
    NotInstalled without the package distributed.
    """
    client = _client(address)
    try:
        _check(address, _versions(client))
        yield client.get_executor()
        if client.status != "running":
            note(LOST)
    finally:
        with contextlib.suppress(Exception):  # a cluster that has gone
            client.close(timeout=SECONDS)


def _client(address: str) -> Any:
    if not ADDRESS.fullmatch(address):
        raise ArgumentError(f"--dask: expected an address such as tcp://host:8786, got {address!r}")
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise NotInstalled("--dask: distributed is not installed: pip install 'scalarspec[dask]'") from None
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return distributed.Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"--dask: no cluster answers at {address}: {error}") from None


def _versions(client: Any) -> dict[str, Any]:
    """What each worker has of scalarspec."""
    found: dict[str, Any] = client.run(_version, on_error="return")
    return found


def _version() -> str:
    return scalarspec.__version__


def _check(address: str, versions: dict[str, Any]) -> None:
    """Raises ArgumentError unless all workers have this version."""
    here = scalarspec.__version__
    if not versions:
        raise ArgumentError(f"--dask: the cluster at {address} has no workers")
    for worker, version in versions.items():
        if version != here:
            has = f"scalarspec {version}" if isinstance(version, str) else f"no scalarspec that works: {version!r}"
            raise ArgumentError(f"--dask: expected workers with scalarspec {here}, got {worker} with {has}")
