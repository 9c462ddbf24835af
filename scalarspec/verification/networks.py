"""The networks that a query declares, and the claim that none of their inputs satisfies it, as a spec."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.core.arrays import lift as lift_elements
from scalarspec.core.functions import endpoints
from scalarspec.core.named_contexts import context, resolve
from scalarspec.core.structure import concat, reshape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, NotExact, NotSupported, ShapeError
from scalarspec.frontends.onnx.network import OnnxNetwork, from_onnx
from scalarspec.verification.query import Condition, Joined, NetworkOf, Query, truth

BITS = 100
"""At how many bits the outputs at a point are enclosed that are not rational there."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network as the query declares it, and the spec that it is. flat: are the variables of the query, as in version
    1.0, rows of the elements of all inputs, and of all outputs?
    """

    declared: NetworkOf
    spec: Callable[..., Any]
    flat: bool

    def outputs(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Its outputs by the names of the query, of the shapes there, at tensors for all inputs."""
        given = [values[each.name] for each in self.declared.inputs]
        if isinstance(self.spec, OnnxNetwork):
            given = self._fitted(given, _shapes(self.spec, given), "inputs")
        found = self.spec(*given)
        several = list(found) if isinstance(found, tuple) else [found]
        apart = self._fitted(several, [each.shape for each in self.declared.outputs], "outputs")
        return {each.name: tensor for each, tensor in zip(self.declared.outputs, apart, strict=True)}

    def _fitted(self, tensors: Sequence[Tensor], shapes: Sequence[tuple[int, ...]], what: str) -> list[Tensor]:
        """Tensors of these shapes, which differ by axes of length 1 alone, or are flat. Raises ArgumentError for
        others.
        """
        own = [tuple(t.shape) for t in tensors]
        counts = [sum(map(math.prod, each)) for each in (own, shapes)]
        if counts[0] != counts[1] if self.flat else list(map(_long, own)) != list(map(_long, shapes)):
            told = f"{what} of shapes {own} and {list(shapes)}: one is the query's, one the network's"
            raise ArgumentError(f"network {self.declared.name!r}: {told}; expected the same")
        if not self.flat or len(tensors) == len(shapes) == 1:
            return [reshape(t, shape) for t, shape in zip(tensors, shapes, strict=True)]
        row = concat([reshape(t, -1) for t in tensors])
        ends = [0, *np.cumsum([math.prod(shape) for shape in shapes]).tolist()]
        return [reshape(row[a:b], shape) for a, b, shape in zip(ends, ends[1:], shapes, strict=False)]


def _long(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _shapes(network: OnnxNetwork, given: Sequence[Tensor]) -> list[tuple[int, ...]]:
    """The shapes of a network's inputs; lengths that it leaves open are those of what is given, if that has them."""
    found = list(network.shapes.values())
    own = [tuple(t.shape) for t in given]
    if len(own) != len(found):
        return found
    with contextlib.suppress(ShapeError):
        return found if network.leaves_out_the_batch(own) else own
    return found


def networks_of(query: Query, given: Any) -> tuple[Network, ...]:
    """The networks of a query. given: a path, a network or a spec; or a mapping of the query's names to these.

    Raises ArgumentError where names are missing or not the query's.
    """
    own = [each for each in query.networks if not each.same_as]
    mapping = given if isinstance(given, Mapping) else {own[0].name: given} if len(own) == 1 else {}
    if set(mapping) != {each.name for each in own}:
        wanted = ", ".join(each.name for each in own)
        raise ArgumentError(f"network: the query declares {wanted}; expected a mapping with a network for each")
    specs = {name: _spec(each) for name, each in mapping.items()}
    flat = query.version == 1
    return tuple(Network(each, specs[each.same_as or each.name], flat) for each in query.networks)


def _spec(given: Any) -> Callable[..., Any]:
    found = from_onnx(given) if isinstance(given, str | Path) else given
    if not callable(found):
        raise ArgumentError(f"network: expected a path, a network or a spec, got {type(given).__name__}")
    if isinstance(found, OnnxNetwork):
        for name, kind in zip(found.inputs, found.formats, strict=True):
            if "float" not in kind:
                raise NotSupported(f"network: its input {name!r} is of {kind}; queries are about real inputs")
    return found


class Excluded:
    """The claim that the inputs, one tensor for each that the query declares, do not satisfy conditions.

    Its parameters are called `input_0`, `input_1` and so on: a variable of a query may have any name.
    """

    __name__ = "query"

    def __init__(self, networks: Sequence[Network], conditions: Sequence[Condition]) -> None:
        self.networks, self.conditions = tuple(networks), tuple(conditions)
        self.variables = [each.name for network in networks for each in network.declared.inputs]
        self.parameters = [f"input_{i}" for i in range(len(self.variables))]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in self.parameters])

    def __call__(self, *inputs: Tensor) -> Any:
        """Is it so?"""
        values = dict(zip(self.variables, inputs, strict=True))
        for network in self.networks:
            values.update(network.outputs(values))
        return ~truth(Joined("and", self.conditions), values)


def results(networks: Sequence[Network], point: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs at a point, exactly where the networks are rational there, else the middles of enclosures."""
    found: dict[str, Any] = {}
    for network in networks:
        for name, tensor in _outputs_at(network, point).items():
            low, high = endpoints(tensor)
            found[name] = lift_elements(lambda a, b: (Fraction(a) + Fraction(b)) / 2, low, high)
    return found


def _outputs_at(network: Network, point: Mapping[str, Any]) -> dict[str, Tensor]:
    for arithmetic in (resolve("rational"), context("interval", prec=BITS)):
        try:
            return network.outputs({name: arithmetic.tensor(array) for name, array in point.items()})
        except (NotExact, NotSupported):
            continue
    return {}
