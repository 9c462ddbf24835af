"""`from_onnx`: a network from an ONNX file, as a spec."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.core.guests import integers
from scalarspec.core.lifting import AS_IT_IS, lift, tensors_in
from scalarspec.core.nested import Nested
from scalarspec.core.tensor import Truth, as_tensor, as_truth, common_context
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.frontends.onnx.graph import Axes, Graph, graph_of
from scalarspec.frontends.onnx.rules.table import REFUSED, RULES
from scalarspec.frontends.onnx.tensors import Array, widened
from scalarspec.frontends.onnx.text import Names
from scalarspec.frontends.onnx.writer import Writer, is_parameter, words

Shapes = tuple[tuple[int, ...], ...]
KEPT = 8
"""How many texts a network keeps, one for each choice of shapes."""


def from_onnx(model: Any, *, outputs: Sequence[str] | None = None) -> OnnxNetwork:
    """A network from an ONNX file, as a spec: the real function that its graph says, in any context.

    model: the path of a file, its bytes, or an `onnx.ModelProto`. Weights count at their exact values, those of
    bfloat16 and of integers of few bits included. Arrays in other files are read from the folder of the model alone.
    outputs: names of values of the graph that the network returns instead of the graph's outputs, such as one of
    several, or the logits before a last step; what these do not need is left out.

    Returns a model: its `parameters` are lifted, vary and have gradients, by their names in the file; the values
    between operators are stages, by theirs. It is called on tensors for the inputs of the graph, of its shapes; axes
    that the file leaves open are as long as the tensors are. Where the first axis of all inputs is 1, or open, it is a
    batch, and may be left out. An operator that is no function of real numbers is refused with NotSupported, with its
    node, when the network is read. NaN is taken not to occur: IsNaN is false. Results are not rounded, whatever the
    formats of the file: a Cast to a format of fewer bits, which would round, is refused, and one to integers truncates.
    Integers of 32 and 64 bits are taken not to leave their width; arithmetic of shorter ones is refused, unless it is
    of constants.

    Raises ArgumentError where it is no ONNX model, or a broken one, TooLarge for one of too many nodes or numbers,
    UnknownName for outputs that it has not, NotInstalled where the package `onnx` is not installed: pip install
    'scalarspec[onnx]'.

        net = ss.from_onnx("net.onnx")
        ss.bounds(net, x, vary={"x": ss.ball("0.01")})    # where the file calls its input x
        print(net.source())                               # the same network as a text in functions of ours
    """
    graph = graph_of(model, outputs)
    if not graph.inputs:
        raise ArgumentError("from_onnx: the graph has no inputs")
    path = str(model) if isinstance(model, str | Path) else None
    reading = _Reading(graph, path, outputs)
    text = reading.text(reading.usual())
    arrays = {name: widened(array) for name, array in graph.arrays.items() if is_parameter(array)}
    network = OnnxNetwork({**arrays, **text.constants}, reading)
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in reading.names]
    object.__setattr__(network, "__signature__", inspect.Signature(parameters))
    return network


@dataclass(frozen=True, eq=False)
class OnnxNetwork:
    """A network from an ONNX file, made by `from_onnx`. parameters: its arrays of numbers, by their names there."""

    parameters: dict[str, Any]
    _reading: _Reading = field(metadata={AS_IT_IS: True})

    def __call__(self, *inputs: Any) -> Any:
        """The outputs at tensors, in their context: one tensor, or a tuple. Raises ShapeError for other shapes."""
        reading = self._reading
        if len(inputs) != len(reading.names):
            raise ArgumentError(f"{self!r}: expected {', '.join(reading.names)}, got {len(inputs)} arguments")
        context = common_context("from_onnx", [*inputs, *tensors_in(self.parameters)])
        kinds = reading.graph.inputs.values()
        given = [_given(n, x, k.dtype, context) for n, x, k in zip(reading.names, inputs, kinds, strict=True)]
        shapes, dropped = reading.fitted([tuple(t.shape) for t in given])
        if dropped:
            given = [t[None] for t in given]
        text = reading.text(shapes)
        found = text.function(lift({**text.constants, **self.parameters}, context), *given)
        several = found if isinstance(found, tuple) else (found,)
        results = tuple(r if isinstance(r, Nested) else as_tensor(context, r) for r in several)
        results = tuple(r[0] for r in results) if dropped else results
        return results[0] if len(results) == 1 else results

    def source(self, *shapes: tuple[int, ...]) -> str:
        """The network as a text in Python that runs, a function of the parameters and the inputs.

        shapes: of the inputs; without them those of the file, axes that it leaves open of length 1.
        """
        reading = self._reading
        return reading.text(tuple(shapes) or reading.usual()).file()

    @property
    def inputs(self) -> dict[str, Axes | None]:
        """The shapes of the inputs by their names in the file; None, or a text, is a length that is left open."""
        return {name: kind.shape for name, kind in self._reading.graph.inputs.items()}

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that the file says its inputs have, such as "float32"; those of integers are called with arrays
        of integers.
        """
        return tuple(kind.dtype for kind in self._reading.graph.inputs.values())

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of its stages, in order, which are those that the file gives to values between operators."""
        return self._reading.text(self._reading.usual()).stages

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the inputs by their names in a call, with 1 for lengths that the file leaves open."""
        return dict(zip(self._reading.names, self._reading.usual(), strict=True))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs in the file."""
        return self._reading.graph.outputs

    def leaves_out_the_batch(self, shapes: Sequence[tuple[int, ...]]) -> bool:
        """Do inputs of these shapes leave out the batch of one that the file has? Raises ShapeError for others."""
        return self._reading.fitted(list(shapes))[1]

    def __repr__(self) -> str:
        return f"<network {self._reading.graph.name or 'without a name'} from ONNX>"


@dataclass(frozen=True)
class _Text:
    """The text of a network for inputs of certain shapes."""

    head: str
    lines: tuple[str, ...]
    stages: tuple[str, ...]
    constants: Mapping[str, Array]
    tail: str

    @property
    def function(self) -> Any:
        """The function that the text says."""
        kept = self.__dict__.get("_function")
        if kept is None:
            scope: dict[str, Any] = {"ss": words(), "np": np}
            exec(compile(self.definition(), "<network from ONNX>", "exec"), scope)
            kept = scope["network"]
            object.__setattr__(self, "_function", kept)
        return kept

    def definition(self) -> str:
        """The function alone."""
        return "\n    ".join([self.head, *self.lines]) + "\n"

    def file(self) -> str:
        """A file that runs."""
        words = "import numpy as np\n\n" if any("np." in line for line in self.lines) else ""
        return f"{words}import scalarspec as ss\n\n\n{self.definition()}{self.tail}"


class _Reading:
    """A graph, and its texts by the shapes of its inputs."""

    def __init__(self, graph: Graph, path: str | None, outputs: Sequence[str] | None = None) -> None:
        self.graph = graph
        self.call = f"from_onnx({path!r}{f', outputs={list(outputs)!r}' if outputs else ''})" if path else None
        self.kept: dict[Shapes, _Text] = {}
        self.names = list(names_of(graph.inputs).values())

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "kept": {}}

    def usual(self) -> Shapes:
        """The shapes that the file says, with 1 where it leaves a length open. Raises ArgumentError where it says no
        shape.
        """
        for name, kind in self.graph.inputs.items():
            if kind.shape is None:
                raise ArgumentError(f"from_onnx: input {name!r} has no shape in the file; export it with one")
        shapes = [kind.shape or () for kind in self.graph.inputs.values()]
        return tuple(tuple(n if isinstance(n, int) else 1 for n in shape) for shape in shapes)

    def fitted(self, shapes: list[tuple[int, ...]]) -> tuple[Shapes, bool]:
        """The shapes that the text is of, and whether a batch of one is put before each. Raises ShapeError for shapes
        that are not those of the file.
        """
        kinds = list(self.graph.inputs.values())
        if all(_fits(s, k.shape) for s, k in zip(shapes, kinds, strict=True)):
            return tuple(shapes), False
        batched = [(1, *s) for s in shapes]
        if all(_fits(s, k.shape) and _has_batch(k.shape) for s, k in zip(batched, kinds, strict=True)):
            return tuple(batched), True
        wanted = ", ".join(f"{name} {shown_axes(kind.shape)}" for name, kind in zip(self.names, kinds, strict=True))
        raise ShapeError(f"from_onnx: inputs of shapes {', '.join(map(str, shapes))}; the file has {wanted}")

    def text(self, shapes: Shapes) -> _Text:
        """The text for inputs of these shapes."""
        if shapes not in self.kept:
            self.kept = dict(list(self.kept.items())[1 - KEPT :])
            self.kept[shapes] = self._written(shapes)
        return self.kept[shapes]

    def _written(self, shapes: Shapes) -> _Text:
        writer = Writer(self.graph, RULES, REFUSED, dict(zip(self.graph.inputs, shapes, strict=True)))
        lines = writer.body()
        told = "; ".join(f"{n}: {s}" for n, s in zip(writer.inputs, shapes, strict=True))
        title = f"{self.graph.name or 'A network'}, of opset {self.graph.opset}"
        about = f"{title}. p: the parameters, by their names in the file; {told}."
        head = f"def network(p, {', '.join(writer.inputs)}):\n    {_doc(about)}"
        tail = "" if self.call is None else f"\n\nparameters = ss.{self.call}.parameters\n"
        return _Text(head, tuple(lines), tuple(writer.stages), writer.constants, tail)


def names_of(inputs: Iterable[str]) -> dict[str, str]:
    """The names that inputs have in a call, by their names in the file."""
    names = Names(["np", "network"])
    return {name: names.new(name) for name in inputs}


def _doc(text: str) -> str:
    """A text as a docstring, whatever is in it."""
    plain = " ".join(text.split())
    return f'"""{plain}"""' if plain.isascii() and plain.isprintable() and not {'"', "\\"} & {*plain} else repr(plain)


def _given(name: str, x: Any, dtype: str, context: Any) -> Any:
    """An input as the text takes it: integers, which may be places, as an array of NumPy's."""
    if "int" in dtype:
        return integers(name, x)
    if isinstance(x, Truth):
        return as_truth(context, x)
    if dtype == "bool":
        return Truth.known(context, np.asarray(x, dtype=bool))
    return as_tensor(context, x)


def _fits(shape: tuple[int, ...], axes: Axes | None) -> bool:
    if axes is None or len(shape) != len(axes):
        return axes is None
    return all(n == a or not isinstance(a, int) for n, a in zip(shape, axes, strict=True))


def _has_batch(axes: Axes | None) -> bool:
    return axes is not None and len(axes) > 0 and (axes[0] == 1 or not isinstance(axes[0], int))


def shown_axes(axes: Axes | None) -> str:
    """A shape as errors and reports show it."""
    return "of any shape" if axes is None else f"({', '.join(str(a or '?') for a in axes)})"
