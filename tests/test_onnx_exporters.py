"""Modules of PyTorch through both of its exporters to ONNX: their values are onnxruntime's."""

import io
import logging
import warnings

import numpy as np
import pytest

import scalarspec as ss

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.filterwarnings("ignore")  # the exporters' own
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch_modules import modules

    NAMES = list(modules())

NOT_EXPORTED = {
    ("bilinear", "script"),
    ("decoder", "script"),
    ("norms", "script"),
    ("physics", "dynamo"),
    ("pools", "dynamo"),
    ("pools", "script"),
    ("shrinks", "script"),
}
"""Modules that an exporter does not take."""


def exported(name, way):
    """The bytes of a module as an ONNX file, and float32 arguments for it."""
    module, *args = modules()[name]
    given = tuple(torch.tensor(np.asarray(a, np.float32 if np.asarray(a).dtype.kind == "f" else None)) for a in args)
    if way == "dynamo":
        logging.disable(logging.WARNING)
        program = torch.onnx.export(module.eval().float(), given, dynamo=True, verbose=False)
        logging.disable(logging.NOTSET)
        return program.model_proto.SerializeToString(), given
    file = io.BytesIO()
    torch.onnx.export(module.eval().float(), given, file, dynamo=False, opset_version=17)
    return file.getvalue(), given


@pytest.mark.parametrize("way", ["script", "dynamo"])
@pytest.mark.parametrize("name", NAMES)
def test_the_network_is_onnxruntimes(name, way):
    if (name, way) in NOT_EXPORTED:
        pytest.skip("the exporter does not take it")
    content, given = exported(name, way)
    net = ss.from_onnx(content)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    feeds = {put.name: tensor.numpy() for put, tensor in zip(session.get_inputs(), given, strict=True)}
    expected = session.run(None, feeds)[0]
    found = ss.crosscheck(first(net), *feeds.values(), actual=expected)
    assert found.explained, found


def first(net):
    """A network's first result."""

    def result(*inputs):
        found = net(*inputs)
        return found[0] if isinstance(found, tuple) else found

    return result if len(net.outputs) > 1 else net
