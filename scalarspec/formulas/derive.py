"""`derive`: the closed form of a spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scalarspec.core.arguments import spec_name
from scalarspec.core.foreign import spec_of
from scalarspec.core.literals import Literals
from scalarspec.core.tensor import Tensor
from scalarspec.formulas.derivation import Derivation
from scalarspec.formulas.source import Source
from scalarspec.formulas.variables import unused

MAX_OPERATIONS = 20_000
"""Of an expression that is shown, where nothing else is said: SymPy prints so many in some five seconds."""


def derive(
    spec: Callable[..., Tensor],
    *args: Any,
    wrt: str | Sequence[str] = (),
    max_operations: int = MAX_OPERATIONS,
    literals: Literals | None = None,
) -> Derivation:
    """The spec in closed form, stage by stage. What is named in `wrt`, and each `Shape`, becomes real variables.

    spec: a function on tensors.
    args: as for the spec; an argument, or a part of a model, may be a `Shape` in the place of a tensor; all that does
    not become a variable enters at its exact value, and may hold symbolic tensors.
    wrt: parameters of the spec, or paths in them such as `model.decoder.forward.weight`; a model's name stands for all
    of its tensors.
    max_operations: expressions of more operations are refused (TooLarge) when they are to be shown; Python and C are
    made at any size.

    literals: how floats in the spec's text are read, as `as_spec` has it.
    Returns a `Derivation`, whose variables bear the parameter's name, or the end of the path (forward_weight), with
    indices: x_0, x_1, ... Raises UnknownName and ArgumentError for names that are no tensors.

        >>> print(ss.derive(lambda x: ss.sum(ss.square(x)), ss.Dim(2)))
        x_0**2 + x_1**2

    The derivatives are those of reverse-mode differentiation (Griewank & Walther 2008), exactly, on one shared graph.
    """
    spec = spec_of(spec, literals)
    source = Source.of(spec, args, (wrt,) if isinstance(wrt, str) else tuple(wrt))
    staged = source.trace.stage_of(source.trace.result)
    steps = {label: step for label, step in source.steps.items() if label != staged}
    name = unused(staged or spec_name(spec), steps)
    return Derivation(name, source.value, steps, source.inputs, max_operations, source)
