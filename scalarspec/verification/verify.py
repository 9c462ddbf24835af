"""`verify`: is there an input of a network for which a query is true? By proofs that there is none, or a point."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.bounding.bounds import limits_of
from scalarspec.bounding.proofs import Proof
from scalarspec.bounding.prove import prove
from scalarspec.bounding.search import Progress
from scalarspec.core.arrays import lift
from scalarspec.core.region import box
from scalarspec.verification.answers import Answer, rounded_inside
from scalarspec.verification.cases import Case, Cases
from scalarspec.verification.networks import Excluded, networks_of, results
from scalarspec.verification.query import Query
from scalarspec.verification.vnnlib import read_query

NO_POINT, ANY_POINT = "no point of the inputs", "any point of the inputs"
"""What decides where the query asks nothing of the outputs."""
MANY = 2**40
"""Into how many parts a box is split at most where only the time is limited."""


def verify(
    network: Any,
    query: str | Path | Query,
    *,
    timeout: float | None = None,
    budget: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Is there an input of a network for which a query is true?

    network: the path of an ONNX file, a network that `from_onnx` made, or any spec of tensors for the inputs; where the
    query declares several networks, a mapping of their names to these. What is asked is asked of the exact real
    function that the network is, not of floats. query: the path of a VNN-LIB file, of version 1.0 or 2.0, or what
    `read_query` made of one; its decimals count at their exact values. A query states what is to be excluded: the
    property that it negates holds where no input satisfies it.

    timeout: the seconds after which nothing more is begun. budget: into how many parts each box of inputs is split
    at most; without one as many as the time allows, or `prove`'s number where no time is said either. executor,
    progress: as for `prove`.

    Returns an `Answer`: "unsat", "sat" with a point, "unknown", or "timeout". The point is checked in exact arithmetic,
    or by enclosures where the network is not rational.

    Raises ArgumentError where the query does not fit the network, or leaves an input without a bound, and as
    `from_onnx` and `prove` do. Needs the packages onnx and vnnlib: pip install 'scalarspec[onnx]'.

        ss.verify("net.onnx", "property.vnnlib", timeout=60).status
    """
    start = time.monotonic()
    limits_of(budget, timeout)
    asked = query if isinstance(query, Query) else read_query(query)
    networks, cases = networks_of(asked, network), Cases(asked)
    parts = MANY if budget is None and timeout is not None else budget
    proved: list[str] = []
    certify: list[Callable[..., dict[str, Any]]] = []
    for case in cases:
        left = None if timeout is None else timeout - (time.monotonic() - start)
        if left is not None and left <= 0:
            break
        if case is None:
            proved.append(NO_POINT)
            continue
        settings = {"timeout": left, "budget": parts, "executor": executor, "progress": progress}
        point, method, proof = _point(Excluded(networks, case.rest), case, settings)
        if point:
            seconds, outputs = time.monotonic() - start, results(networks, point)
            return Answer("sat", len(cases), len(proved), asked.version, point, outputs, seconds, method)
        proved += [] if point is None else [method]
        certify += [] if proof is None else [proof.certificate]
    seconds = time.monotonic() - start
    late = timeout is not None and seconds >= timeout
    status: Any = "unsat" if len(proved) == len(cases) else "timeout" if late else "unknown"
    method = ", ".join(dict.fromkeys(proved)) if status == "unsat" else ""
    return Answer(status, len(cases), len(proved), asked.version, seconds=seconds, method=method, _certify=(*certify,))


def _point(claim: Excluded, case: Case, settings: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str, Proof | None]:
    """A point of a case that satisfies the query, with decimals where that can be; an empty one where there surely is
    none; None where nothing is known. And the method that says so, and the proof that there is none.
    """
    boxes = dict(zip(claim.parameters, case.box.values(), strict=True))
    if not case.rest:
        return _named(claim, {name: ends[0] for name, ends in boxes.items()}), ANY_POINT, None
    found = _proof(claim, boxes, settings)
    if found.status != "refuted":
        return ({}, found.method, found) if found.proved else (None, found.method, None)
    point = {name: np.asarray(array, dtype=object) for name, array in (found.witness or {}).items()}
    return _named(claim, _in_decimals(claim, point, boxes)), found.method, None


def _in_decimals(claim: Excluded, point: dict[str, Any], boxes: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    """A point near that one which satisfies the query, too, and is made of decimals; itself, where none is found."""
    for rounding in (ROUND_HALF_EVEN, ROUND_CEILING, ROUND_FLOOR):
        inside = functools.partial(rounded_inside, rounding=rounding)
        near = {name: lift(inside, array, *boxes[name]) for name, array in point.items()}
        if all(np.all(near[name] == point[name]) for name in point):
            return point
        if _proof(claim, {name: (array, array) for name, array in near.items()}, {"budget": 1}).status == "refuted":
            return near
    return point


def _proof(claim: Excluded, boxes: Mapping[str, tuple[Any, Any]], settings: Mapping[str, Any]) -> Proof:
    """The proof that no point of a box satisfies the query, or a point that does."""
    vary = {name: box(*ends) for name, ends in boxes.items()}
    found: Proof = prove(claim, *(low for low, _ in boxes.values()), vary=vary, **settings)
    return found


def _named(claim: Excluded, point: Mapping[str, Any]) -> dict[str, Any]:
    """A point by the names of the query."""
    return {variable: point[name] for variable, name in zip(claim.variables, claim.parameters, strict=True)}
