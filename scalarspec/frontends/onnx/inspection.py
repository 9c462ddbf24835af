"""`inspect`: what an ONNX file holds, and what can be asked of it, as a report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.core.lifting import lift
from scalarspec.core.named_contexts import resolve
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ScalarSpecError
from scalarspec.frontends.onnx.graph import graph_of
from scalarspec.frontends.onnx.network import OnnxNetwork, from_onnx, names_of, shown_axes
from scalarspec.frontends.onnx.rules.table import REFUSED, RULES
from scalarspec.report import table
from scalarspec.tracing.tape import Outline
from scalarspec.tracing.trace import trace


@dataclass(frozen=True, eq=False)
class Inspection:
    """What an ONNX file holds.

    operators: how often each stands there; parameters: the shape and the format of each; missing: why operators are
    refused, by name; refusal: why the network cannot be read, "" where it can; readings: what can be asked of it.
    """

    name: str
    opset: int
    inputs: dict[str, str]
    outputs: dict[str, str]
    operators: dict[str, int]
    parameters: dict[str, tuple[tuple[int, ...], str]]
    missing: dict[str, str]
    refusal: str
    readings: dict[str, str]

    @property
    def numbers(self) -> int:
        """How many numbers the parameters hold."""
        return sum(Shape(shape).size for shape, _ in self.parameters.values())

    def __str__(self) -> str:
        title = self.name or "a network without a name"
        head = [
            f"{title}, of opset {self.opset}: {sum(self.operators.values())} nodes, {self.numbers} parameters",
            *(f"input   {name}: {kind}" for name, kind in self.inputs.items()),
            *(f"output  {name}: {shape}".removesuffix(": ") for name, shape in self.outputs.items()),
        ]
        rows = [(name, str(count), self.missing.get(name, "")) for name, count in self.operators.items()]
        parts = ["\n".join(head), table(("operator", "nodes", "refused"), rows)]
        if self.parameters:
            rows = [(name, str(shape), kind) for name, (shape, kind) in self.parameters.items()]
            parts.append(table(("parameter", "shape", "format"), rows))
        if self.refusal:
            parts.append(f"refused: {self.refusal}")
        else:
            parts.append(table(("reading", "is there"), list(self.readings.items())))
        return "\n\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        held = {name: {"shape": list(shape), "dtype": kind} for name, (shape, kind) in self.parameters.items()}
        return {**vars(self), "parameters": held}


def inspect(path: str | Path, outputs: list[str] | None = None) -> Inspection:
    """What an ONNX file holds, and what can be asked of it; outputs: as for `from_onnx`.

    Raises ArgumentError where it is no ONNX model, or a broken one.
    """
    graph = graph_of(path, outputs)
    counts = Counter(node.operator for node in graph.nodes)
    called = names_of(graph.inputs)
    kinds = {
        name: f"{shown_axes(kind.shape)}, {kind.dtype}{'' if called[name] == name else f', called {called[name]}'}"
        for name, kind in graph.inputs.items()
    }
    held = {name: (tuple(array.shape), array.dtype.name) for name, array in graph.arrays.items()}
    made, readings, refusal = _read(path, outputs)
    return Inspection(
        graph.name,
        graph.opset,
        kinds,
        made or dict.fromkeys(graph.outputs, ""),
        dict(counts.most_common()),
        held,
        _missing(counts),
        refusal,
        readings,
    )


def _missing(operators: Counter[str]) -> dict[str, str]:
    refused = {name: REFUSED.get(name, "there is no rule for it") for name in operators if name not in RULES}
    return {name: refused[name] for name in operators if name in refused}


def _read(path: str | Path, outputs: list[str] | None) -> tuple[dict[str, str], dict[str, str], str]:
    """The shapes of the outputs, and what can be asked of the network, or why it is refused."""
    try:
        shapes, operations = _traced(from_onnx(path, outputs=outputs))
        return shapes, _readings(operations), ""
    except ScalarSpecError as error:
        return {}, {}, str(error)


def _traced(network: OnnxNetwork) -> tuple[dict[str, str], list[str]]:
    """The shapes of the outputs, and the operations that make them, each once, in order."""
    numbers = resolve("float64")
    network = lift(network, numbers)
    inputs = [
        _zeros(numbers, shape, kind) for shape, kind in zip(network.shapes.values(), network.formats, strict=True)
    ]
    shapes: dict[str, str] = {}

    def noted(*given: Tensor) -> Tensor:
        found = network(*given)
        several = found if isinstance(found, tuple) else (found,)
        shapes.update({name: str(tuple(each.shape)) for name, each in zip(network.outputs, several, strict=True)})
        one: Tensor = several[0] if isinstance(several[0], Tensor) else several[0].numbers()
        return one

    done = trace(Outline(numbers), noted, inputs, [each for each in inputs if isinstance(each, Tensor)])
    return shapes, list(dict.fromkeys(each.operation for each in done.equations))


def _zeros(context: Any, shape: tuple[int, ...], kind: str) -> Any:
    """An input of a shape: integers, which may be places, are an array."""
    return np.zeros(shape, dtype=int) if "int" in kind else context.tensor(np.zeros(shape))


def _readings(operations: list[str]) -> dict[str, str]:
    """For each reading, whether the operations have it."""

    def all_but(wanted: str, those: list[str]) -> str:
        return wanted if not those else f"{wanted}, but for {', '.join(those)}"

    lines = [OPERATIONS[name] for name in operations]
    irrational = [line.name for line in lines if line.rational != "always"]
    free = [line.name for line in lines if line.graph in ("free", None)]
    kinks = [line.name for line in lines if line.kinks not in ("nowhere", "parts", None)]
    return {
        "floats, crosscheck, tolerance, ranges": "yes",
        "enclosures": "yes",
        "exact rationals": all_but("yes", irrational),
        "linear bounds": all_but("yes", free),
        "gradients": f"yes, with kinks of {', '.join(kinks)}" if kinks else "yes, everywhere",
    }
