"""What `onnxruntime` makes of a network: the float result that is cross-checked, and the values on the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.errors import ArgumentError, NotInstalled, NotSupported
from scalarspec.frontends.onnx.network import OnnxNetwork
from scalarspec.frontends.onnx.proto import library
from scalarspec.tracing.evaluation import RESULT

SILENT = 4
"""The level of onnxruntime's log at which it says nothing."""


class Runtime:
    """A network as `onnxruntime` evaluates it, on the processor: a function of its inputs, in the formats of the file.

    path: the ONNX file; network: what `from_onnx` made of it. stages: does it give the network's stages, too, as
    `crosscheck` takes them? These are then outputs of the graph, and the runtime's rewriting of operations is off, so
    that the result may be another one.

    Raises NotInstalled where the package `onnxruntime` is not installed, NotSupported where it cannot load the model.
    """

    def __init__(self, path: str | Path, network: OnnxNetwork, stages: bool = False) -> None:
        self.path, self.network, self.stages = path, network, stages
        self.__name__ = f"onnxruntime of {Path(path).name}"
        self.kinds = dict(zip(network.inputs, network.formats, strict=True))
        self.session = _session(path, [*network.stages, *network.outputs] if stages else network.outputs, stages)

    def __call__(self, *inputs: Any) -> Any:
        """The output at arrays, or a mapping of the names of stages to their values."""
        if len(inputs) != len(self.kinds):
            raise ArgumentError(f"onnxruntime: expected {', '.join(self.kinds)}, got {len(inputs)} arguments")
        arrays = [np.asarray(x).astype(kind) for x, kind in zip(inputs, self.kinds.values(), strict=True)]
        dropped = self.network.leaves_out_the_batch([array.shape for array in arrays])
        feeds = dict(zip(self.kinds, [array[None] for array in arrays] if dropped else arrays, strict=True))
        names = [each.name for each in self.session.get_outputs()]
        try:
            found = dict(zip(names, self.session.run(None, feeds), strict=True))
        except Exception as error:
            raise ArgumentError(f"onnxruntime: {_line(error)}") from None
        output = self.network.outputs[0]
        result = found[output][0] if dropped else found[output]
        if not self.stages:
            return result
        floats = {name: found[name] for name in self.network.stages if found[name].dtype.kind == "f"}
        return {**floats, output if output in floats and not dropped else RESULT: result}


def _session(path: str | Path, outputs: Sequence[str], plainly: bool) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise NotInstalled("runtime: onnxruntime is not installed: pip install 'scalarspec[onnx]'") from None
    onnx = library()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = SILENT
    if plainly:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        model = onnx.shape_inference.infer_shapes(onnx.load(str(path)))
        kinds = {each.name: each for each in [*model.graph.value_info, *model.graph.output, *model.graph.input]}
        del model.graph.output[:]
        model.graph.output.extend(kinds.get(name) or onnx.ValueInfoProto(name=name) for name in dict.fromkeys(outputs))
        content = model.SerializeToString()
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise NotSupported(f"runtime: onnxruntime cannot load {path}: {_line(error)}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
