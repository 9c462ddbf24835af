"""What a kind of loss is: the right spec, its properties, and the known ways to get it wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from scalarspec.audit.gradients import gradient_is_right
from scalarspec.audit.near import Spec
from scalarspec.audit.properties import Property, equal, linear_in_beta, not_negative

EQUAL = equal("it equals the spec")
NONNEGATIVE = Property("it is never negative", not_negative)
LINEAR = Property("it is linear in β", linear_in_beta)
GRADIENT = Property("its gradient is the spec's", gradient_is_right)


@dataclass(frozen=True)
class Mistake:
    """A way to get a loss wrong: what it is, in words, and the spec of it."""

    text: str
    spec: Spec


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of loss.

    what: the right one in words; spec: the right one, of tensors in the order of `parameters`; mistakes: gives the
    wrong ones anew at each call; properties: what is asked of a function, in this order; gradients: by argument, what
    a framework should find where parts of the loss are kept from it; gradient_mistakes: in words, what it finds
    otherwise.
    """

    name: str
    parameters: tuple[str, ...]
    what: str
    spec: Spec
    mistakes: Callable[[], Iterator[Mistake]]
    properties: tuple[Property, ...]
    gradients: Mapping[str, Spec] = field(default_factory=dict)
    gradient_mistakes: Mapping[str, Mapping[str, Spec]] = field(default_factory=dict)
