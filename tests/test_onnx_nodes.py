"""ONNX's own tests of its operators: each result agrees, or the operator is refused by name."""

import re
import warnings
from collections import Counter
from functools import cache

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import ScalarSpecError

onnx = pytest.importorskip("onnx")
from onnx import numpy_helper  # noqa: E402 - where it is installed

F64 = ss.context("float64")
PARTS = 8
SEQUENCES = re.compile("sequence|optional|identity_opt|loop|scan|if_seq|if_opt")
"""Cases whose arguments are no tensors."""
NOT_FINITE = {"test_isinf", "test_isinf_positive", "test_isinf_negative", "test_isinf_float16", "test_isnan"} | {
    "test_isnan_float16"
}
"""Cases that hand NaN or infinities to a network, which are taken not to occur."""
HALF = re.compile("bf16|bfloat16|fp16|float16")
"""Cases whose results were rounded to 8 or 11 bits at each step."""


@cache
def cases():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        return [case for case in collect_testcases(None) if not SEQUENCES.search(case.name)]


def array_of(value):
    """What a case has as an array, or as a message."""
    return numpy_helper.to_array(value) if hasattr(value, "data_type") else np.asarray(value)


def is_number(array):
    return array.dtype.kind == "f" or "float" in array.dtype.name


def network_of(case):
    """The network of a case, integers and truths among its arguments as constants, and the other arguments."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    numbers = []
    for given, value in zip(model.graph.input, case.data_sets[0][0], strict=True):
        array = array_of(value)
        if is_number(array):
            numbers.append(array)
        else:
            tensor = numpy_helper.from_array(array)
            tensor.name = given.name
            model.graph.initializer.append(tensor)
    if not numbers:  # a spec has tensors: one more that nothing takes
        model.graph.input.append(onnx.helper.make_tensor_value_info("unused", onnx.TensorProto.FLOAT, [1]))
        numbers.append(np.zeros(1))
    return ss.from_onnx(model), numbers


def differs(case):
    """What is wrong with the result of a case, if anything is. Raises ScalarSpecError where it is refused."""
    network, numbers = network_of(case)
    found = network(*[F64.tensor(a.astype(float)) for a in numbers])
    for ours, theirs in zip(found if isinstance(found, tuple) else (found,), case.data_sets[0][1], strict=False):
        expected = array_of(theirs)
        if tuple(ours.shape) != expected.shape:
            return f"{case.name}: shape {tuple(ours.shape)}, expected {expected.shape}"
        values = np.asarray(ours.tolist(), dtype=float).reshape(expected.shape)
        exact = expected.astype(float)
        rounded = 2.0**-7 * np.max(np.abs(exact[np.isfinite(exact)]), initial=0) if HALF.search(case.name) else 0.0
        if not np.allclose(values, exact, case.rtol, case.atol + rounded, equal_nan=True):
            return f"{case.name}: {values}, expected {expected}"
    return None


@cache
def outcomes(part):
    """What is wrong, and which operators are refused, in a share of the cases."""
    wrong, refused, agreed = [], Counter(), 0
    for case in cases()[part::PARTS]:
        try:
            fault = differs(case)
        except ScalarSpecError as error:
            refused[case.name] = f"{type(error).__name__}: {error}"
            continue
        agreed += 1
        if fault is not None and case.name not in NOT_FINITE:
            wrong.append(fault)
    return wrong, refused, agreed


@pytest.mark.parametrize("part", range(PARTS))
def test_results_are_onnxs(part):
    wrong, _, _ = outcomes(part)
    assert not wrong


REFUSED = {
    "AffineGrid", "Attention", "AveragePool", "BatchNormalization", "Bernoulli", "BitCast", "BitShift", "BitwiseAnd",
    "BitwiseNot", "BitwiseOr", "BitwiseXor", "BlackmanWindow", "Cast", "CastLike", "CausalConvWithState", "Col2Im",
    "ConvTranspose", "DFT", "DeformConv", "DequantizeLinear", "Dropout", "DynamicQuantizeLinear", "Equal", "GridSample",
    "HammingWindow", "HannWindow", "Identity", "ImageDecoder", "LinearAttention", "Loop", "LpPool", "MaxPool",
    "MaxUnpool", "MelWeightMatrix", "NonMaxSuppression", "OneHot", "Pad", "QuantizeLinear", "RandomUniformLike",
    "Range", "ReduceMax", "ReduceMin", "Reshape", "Resize", "RoiAlign", "RotaryEmbedding", "STFT", "Scan",
    "SpaceToDepth", "Split", "SwiGLU", "TensorScatter", "TfIdfVectorizer", "Unique", "Upsample",
    "ai.onnx.preview.FlexAttention",
}  # fmt: skip
"""Operators that some case is refused for; those of all other cases are followed."""
OF_A_FILE = ("expected one opset", "tensor ", "input ")
"""How refusals begin that are of a file, not of a node: of other domains alone, and of texts."""


def test_what_is_refused_is_refused_by_name():
    refusals = [why.split(": ", 2) for part in range(PARTS) for why in outcomes(part)[1].values()]
    assert {where for _, where, _ in refusals} == {"from_onnx"}
    told = [why for _, _, why in refusals if not why.startswith(OF_A_FILE)]
    names = {re.match(r"[\w.]+", why)[0] for why in told}
    if onnx.__version__ >= "1.23":
        assert names == REFUSED
    assert sum(outcomes(part)[2] for part in range(PARTS)) > len(refusals)
