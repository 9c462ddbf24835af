"""Laws of the protocol: literals, data, NaN, pickling, immutability."""

from __future__ import annotations

import math
import pickle
from typing import Any

from scalarspec.core.context import Context
from scalarspec.errors import DomainError, NotExact, Undecided
from scalarspec.laws.agreement import ranges_of
from scalarspec.laws.law import Law, LawViolation


def _decimal_literal_is_refused(context: Context[Any]) -> None:
    _ = context.tensor(1) + 0.5
    try:
        _ = context.tensor(1) + 0.1
    except NotExact:
        return
    raise LawViolation("the literal 0.1 was taken")


def _nan_is_an_error_or_stays(context: Context[Any]) -> None:
    for special in (math.nan, math.inf):
        try:
            kept = context.tensor(special).item()
        except DomainError:
            continue
        if context.exact or context.encloses or str(kept) != str(special):
            raise LawViolation(f"the datum {special} was taken for {kept}")


def _travels(context: Context[Any]) -> None:
    t = context.tensor(["1/3", 2])
    copied_context, copied = pickle.loads(pickle.dumps((context, t)))
    same = [context.text(x) for x in t.scalars()] == [context.text(x) for x in copied.scalars()]
    if copied_context != context or hash(copied_context) != hash(context) or copied.context != context or not same:
        raise LawViolation("a context or a tensor changed when it was pickled and read back")


def _items_return(context: Context[Any]) -> None:
    t = context.tensor(["1/2", -3])
    if list(ranges_of(context.tensor(t.tolist()))) != list(ranges_of(t)):
        raise LawViolation("tensor(t.tolist()) differs from t")


def _tensors_are_not_hashed_nor_branched_on(context: Context[Any]) -> None:
    for refuse in (hash, bool):
        try:
            refuse(context.tensor(1))
        except (TypeError, Undecided):
            continue
        raise LawViolation(f"{refuse.__name__} of a tensor was answered")


PROTOCOL = [
    Law("protocol", "the literal 0.1 is refused", 0, _decimal_literal_is_refused),
    Law("protocol", "NaN is an error, or stays", 0, _nan_is_an_error_or_stays),
    Law("protocol", "contexts and tensors pickle", 0, _travels),
    Law("protocol", "items return", 0, _items_return),
    Law("protocol", "no hash, no truth of numbers", 0, _tensors_are_not_hashed_nor_branched_on),
]
