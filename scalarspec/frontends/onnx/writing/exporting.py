"""`to_onnx`: a spec as an ONNX model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from inspect import ismethod
from os import PathLike
from typing import Any

import numpy as np

from scalarspec.core.arguments import bind, spec_name, value_of
from scalarspec.core.closures import is_float_array, rebuilt, sees
from scalarspec.core.foreign import AsSpec, is_module, spec_of
from scalarspec.core.lifting import is_array, is_data, is_trained, lift, mapped, replaced
from scalarspec.core.literals import Literals
from scalarspec.core.named_contexts import resolve
from scalarspec.core.nested import Nested
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, Truth, as_tensor, as_truth
from scalarspec.core.whole import INTEGERS, Whole
from scalarspec.errors import ArgumentError, NotExact
from scalarspec.frontends.onnx.network import OnnxNetwork
from scalarspec.frontends.onnx.proto import library
from scalarspec.frontends.onnx.writing.convolutions import with_convolutions
from scalarspec.frontends.onnx.writing.exactly import Array
from scalarspec.frontends.onnx.writing.file import proto, save
from scalarspec.frontends.onnx.writing.model import At, Kind, Model, Value
from scalarspec.frontends.onnx.writing.operators import written
from scalarspec.frontends.onnx.writing.recording import Recording
from scalarspec.numbers.exact import as_array
from scalarspec.numbers.foreign import of_numbers
from scalarspec.numbers.formats import FormatLike, name_of
from scalarspec.tracing.interpreter import Traced
from scalarspec.tracing.tape import Equation

LEAST_OPSET, OPSET = 18, 20
"""The oldest version of ONNX's operators that can be written, and the one that is."""
DTYPES = ("float64", "float32", "float16")
"""The formats that a model's numbers may have."""
NO_CONV = "float64"
"""The format for which runtimes have no convolution: there it is a product of weights and windows."""
RESULT = "result"
"""What the output is called where the spec gives it no name."""


def to_onnx(
    spec: Callable[..., Any],
    *args: Any,
    path: str | PathLike[str] | None = None,
    opset: int = OPSET,
    dtype: FormatLike = "float64",
    inputs: str | Sequence[str] | None = None,
    round_numbers: bool = False,
    literals: Literals | None = None,
) -> Any:
    """The spec as an ONNX model: the same real function in ONNX's operators, the other direction of `from_onnx`.

    spec: a function on tensors, or a model that is called. args: its arguments, of which only the shapes count where
    they become inputs; a `Shape` stands for any tensor of it. Arrays and lists of reals and tensors, also in lists and
    tuples, are inputs of the graph, by the names of their parameters (`x`, `state.0`); those within models
    (dataclasses, dictionaries, modules of PyTorch) are initializers by their paths (`model.encoder.weight`), as are
    those of the spec and of what it sees beside its arguments (`encoder.weight`). Numbers alone, arrays and lists of
    integers and of bools are settings, and stay. inputs: the parameters whose arrays, or number, are inputs, and no
    others, where that is not what is wanted.
    path: the file, which is written whole or not at all; opset: the version of the operators, from 18 on; dtype: the
    format of all numbers, "float64", "float32" or "float16" (runtimes lack some operators in float64: ONNX Runtime has
    Erf and Gelu for float32 alone). round_numbers: are numbers that the format has not rounded to the nearest ones?
    Without it, each number is exact: one tenth is the quotient of 1 and 10, another one a sum of a few. literals: as
    `as_spec` has it.

    Returns the `onnx.ModelProto`, which has passed ONNX's checker. Stages are names of values in it, outputs those of
    a tuple or dictionary that the spec returns. The model says the real function: what ONNX has no operator for is
    composed, as exp(x) - 1 for `expm1`, and a runtime evaluates it in its own order and with its own rounding errors.
    Both branches of `where` are evaluated.

    Raises NotSupported for an operation that ONNX has no operators for, and for a spec that looks at numbers of its
    inputs; ArgumentError, with the parameter, for a number that the format has not, and where the file cannot be
    written; TooLarge beyond 2 GiB; NotInstalled where the package `onnx` is not installed.

        model = ss.to_onnx(ss.layers.Linear([[1.0, 2.0]], [0.5]), ss.Dim(2), path="layer.onnx")
        ss.from_onnx(model)    # the same layer, in any context
    """
    form = _format(opset, dtype)
    names = (inputs,) if isinstance(inputs, str) else inputs
    spec = spec_of(spec, literals)
    recording, model = Recording(resolve("rational")), Model(opset, form, round_numbers)
    writer = _Writer(recording, model)
    function, own = _opened(spec)
    given = [writer.argument(name, value, names) for name, value in bind(spec, args, known=names or ()).items()]
    before = [] if own is None else [writer.own(own)]
    if not model.inputs:
        raise ArgumentError(
            f"to_onnx: {spec_name(spec)}: expected arrays of floats, or names of arguments in inputs, got no input"
        )
    results = value_of(function, [*before, *given], recording, writer.seeing(function))
    name = spec_name(spec if own is None else own)
    writer.write(dict(_results(name, recording, results, RESULT)))
    made = proto(model, name)
    if path is not None:
        save(made, path)
    return made


def _format(opset: Any, dtype: Any) -> str:
    """The name of the format of all numbers. Raises ArgumentError for one, or an opset, that cannot be written."""
    latest = library().defs.onnx_opset_version()
    if type(opset) is not int or not LEAST_OPSET <= opset <= latest:
        raise ArgumentError(f"to_onnx: opset: expected an integer from {LEAST_OPSET} to {latest}, got {opset!r}")
    if name_of(dtype) not in DTYPES:
        raise ArgumentError(f"to_onnx: dtype: expected one of {', '.join(DTYPES)}, got {dtype!r}")
    return name_of(dtype)


# ---- arguments ------------------------------------------------------------------------------------------------------


def _opened(spec: Any) -> tuple[Callable[..., Any], Any]:
    """A function, and the model that is its first argument: where the spec is a model, or a method of one."""
    if isinstance(spec, AsSpec):
        function, own = _opened(spec.function)
        return (spec, None) if own is None else (spec.around(function), own)
    if ismethod(spec) and _is_model(spec.__self__):
        return spec.__func__, spec.__self__
    return (_called, spec) if _is_model(spec) else (spec, None)


def _called(model: Callable[..., Any], *args: Any) -> Any:
    return model(*args)


def _is_model(value: Any) -> bool:
    return is_module(value) or (is_dataclass(value) and not isinstance(value, type))


def _holds_model(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_model, value))
    return isinstance(value, Mapping) or _is_model(value)


def _is_real(part: Any) -> bool:
    """Is it of real numbers? Integers may be labels or places."""
    return is_trained(part) and not (isinstance(part, list) and np.asarray(part).dtype.kind in INTEGERS)


def _is_variable(part: Any) -> bool:
    return isinstance(part, Shape) or is_trained(part)


def _is_number(part: Any) -> bool:
    return type(part) is int or is_data(part)


def _shaped(value: Any, wanted: Callable[[Any], bool]) -> Any:
    """A value, or what lists and tuples hold, with shapes in the stead of what is wanted: each stands for itself."""
    if isinstance(value, Shape) or wanted(value):
        return _shape(value)
    if not isinstance(value, list | tuple):
        return value
    parts = [_shaped(part, wanted) for part in value]
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def _is_number_data(part: Any) -> bool:
    return is_data(part) and not isinstance(part, Tensor)


def _numbers(path: str, part: Any) -> Array:
    """The numbers of a parameter: floats, or Fractions. Raises NotExact where one is no single number."""
    if is_array(part):
        array = of_numbers(part)
        if array.dtype.kind == "f":
            return array
    try:
        return resolve("rational").tensor(part).scalars()
    except NotExact as error:
        raise NotExact(f"to_onnx: parameter {path!r}: {error}") from None


def _shape(part: Any) -> Shape:
    if isinstance(part, Shape):
        return part
    return part.shape if isinstance(part, Nested) else Shape(as_array(part).shape)


# ---- what is written ------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Writer:
    """Writes what is recorded into a model. parameters: their paths and numbers; values: those that are written."""

    recording: Recording
    model: Model
    parameters: dict[Traced, tuple[str, Any]] = field(default_factory=dict)
    values: dict[Traced, Value] = field(default_factory=dict)

    def argument(self, name: str, value: Any, inputs: Sequence[str] | None) -> Any:
        """An argument with values of the recording in it: inputs, or parameters, and constants."""
        of_model = _holds_model(value)
        if not of_model if inputs is None else name in inputs:
            shaped = _shaped(value, _is_real if inputs is None else _is_number)
            return self._with(shaped, lambda part: isinstance(part, Shape), name, self._input)
        return self._with(value, _is_variable if of_model else _is_real, name, self._parameter)

    def own(self, model: Any) -> Any:
        """The model that is the spec, likewise; its parts need no name for the whole."""
        whole = ".parameters." if isinstance(model, OnnxNetwork) else "."
        return self._with(model, _is_variable, "", lambda path, part: self._parameter(path.removeprefix(whole), part))

    def seeing(self, spec: Any) -> Any:
        """The spec with parameters in what it sees beside its arguments."""
        if isinstance(spec, AsSpec):
            return spec.around(self.seeing(spec.function))
        return rebuilt(spec, self.recording, self._seen, _is_number_data) if sees(spec) else spec

    def _seen(self, value: Any) -> Any:
        return self._parameter("array", value) if is_float_array(value) else self.own(value)

    def _with(self, value: Any, wanted: Callable[[Any], bool], name: str, make: Callable[[str, Any], Tensor]) -> Any:
        """A value with what is made of some of its parts in their stead, and constants elsewhere."""
        inner, made = self.recording.inner, dict[int, tuple[Tensor, Tensor]]()

        def stand_in(part: Any, path: str) -> Tensor | None:
            if not wanted(part):
                return None
            found = make(path, part)
            held = Tensor(inner, found.shape, None)
            made[id(held)] = held, found
            return held

        lifted = lift(mapped(value, stand_in, name), inner)
        return replaced(lifted, {key: found for key, (_, found) in made.items()})

    def _input(self, path: str, shape: Shape) -> Tensor:
        t = self.recording.input(shape)
        self.values[t.value] = self.model.input(path, t.shape)
        return t

    def _parameter(self, path: str, part: Any) -> Tensor:
        if isinstance(part, Shape):
            raise ArgumentError(f"to_onnx: {path}: expected the numbers of a parameter, got a shape")
        t = self.recording.input(_shape(part))
        self.parameters[t.value] = path, part
        return t

    def write(self, results: Mapping[str, Nested]) -> None:
        """Writes what the results need, the stages among it under their names."""
        for eqn in self._needed([t.value for t in results.values()]):
            self.values[eqn.result] = self._node(eqn)
        for name, stage in self.recording.arrays.stages.items():
            if stage.handed in self.values:
                self.model.call(self.values[stage.handed], name)
        for name, t in results.items():
            self.model.output(name, self._value(t.value), Kind(t.shape, isinstance(t, Truth)))

    def _needed(self, results: Sequence[Traced]) -> list[Equation]:
        """The equations that results depend on, in order."""
        recorded, needed, kept = self.recording.arrays.equations, set(results), []
        for eqn in reversed(recorded if self.model.dtype == NO_CONV else with_convolutions(recorded)):
            if eqn.result in needed:
                needed.update(eqn.operands)
                kept.append(eqn)
        return kept[::-1]

    def _node(self, eqn: Equation) -> Value:
        operands = tuple(self._value(x) for x in eqn.operands)
        shapes = tuple(x.shape for x in eqn.operands)
        return written(At(self.model, eqn.operation, operands, shapes, eqn.result.shape, eqn.parameters))

    def _value(self, x: Traced) -> Value:
        """A value that is written by now, or a parameter or a constant, which is written where it is first needed."""
        if x not in self.values:
            self.values[x] = self._constant(x) if x.constant else self._of_model(x)
        return self.values[x]

    def _of_model(self, x: Traced) -> Value:
        path, part = self.parameters[x]
        return self.model.parameter(path, _numbers(path, part))

    def _constant(self, x: Traced) -> Value:
        scalars = self.recording.inner.arrays.unpack(x.value)
        truths = scalars.dtype == bool or (scalars.size and isinstance(scalars.flat[0], bool | np.bool_))
        return self.model.truths(scalars) if truths else self.model.numbers(scalars)


def _results(spec: str, recording: Recording, value: Any, path: str) -> Iterator[tuple[str, Nested]]:
    """What a spec returns, as values of the recording, by their places. Raises ArgumentError for what is no tensor."""
    if isinstance(value, Whole):
        value = value.tensor
    if isinstance(value, Tensor | Truth):
        yield path, as_tensor(recording, value) if isinstance(value, Tensor) else as_truth(recording, value)
    elif isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _results(spec, recording, part, f"{path}.{key}")
    elif isinstance(value, list | tuple) and value:
        for i, part in enumerate(value):
            yield from _results(spec, recording, part, f"{path}.{i}")
    else:
        raise ArgumentError(f"to_onnx: {spec}: expected it to return tensors, got {type(value).__name__}")
