"""ONNX files that are broken, or meant to do harm: one error of ours, soon, and without much memory."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import ArgumentError, NotSupported, ScalarSpecError, TooLarge

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402 - where it is installed

HUGE = 2**40
SECONDS = 5
"""How long a refusal takes at most; a busy machine is slower, but what grows with a number in a file never ends."""


def node(operator, inputs, outputs="y", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def model(*nodes, opset=17, shape=(2, 3), outputs=("y",), functions=(), **arrays):
    """A network of x, with arrays of the file by their names."""
    given = [value("x", shape=shape)]
    made = [value(name) for name in outputs]
    kept = [a if isinstance(a, TensorProto) else numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()]
    for name, array in zip(arrays, kept, strict=True):
        array.name = name
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid("own", 1)] if functions else [])]
    graph = helper.make_graph(list(nodes), "g", given, made, kept)
    return helper.make_model(graph, opset_imports=opsets, functions=functions)


def used(*nodes, **arrays):
    """A network that multiplies x by c, whose integers or floats these nodes make."""
    return model(*nodes, node("Cast", "c", "float", to=1), node("Mul", "x float"), **arrays)


def claims(*dims, form=TensorProto.FLOAT):
    """An array that has a shape, and no numbers."""
    return TensorProto(data_type=form, dims=dims)


def whole(*numbers):
    return np.array(numbers, dtype=np.int64)


def scalars(**numbers):
    return {name: np.int64(number) for name, number in numbers.items()}


def value(name, form=TensorProto.FLOAT, shape=None):
    return helper.make_tensor_value_info(name, form, shape)


def floats(*numbers):
    return np.array(numbers, dtype=np.float32)


def chain(operator, start, inputs, count):
    return [node(operator, inputs.format(f"{start}{i}"), f"{start}{i + 1}") for i in range(count)]


SCALE = {"r": np.zeros(0, np.float32)}
IMAGE = (1, 3, 4, 4)
KERNEL = np.ones((3, 3, 2, 2), np.float32)
LARGE = {
    "weights": (lambda: model(node("Mul", "x a"), a=claims(HUGE)), "'a'"),
    "weights without numbers": (lambda: model(node("Mul", "x a"), a=claims(2**29)), "'a'"),
    "four bits without numbers": (lambda: used(node("Identity", "a", "c"), a=claims(2**29, form=22)), "'a'"),
    "constant": (lambda: used(node("ConstantOfShape", "n", "c"), n=whole(HUGE)), "ConstantOfShape 'c'"),
    "expansion": (lambda: model(node("Expand", "x n"), n=whole(HUGE, 2, 3)), "'y'"),
    "expansion of a constant": (lambda: used(node("Expand", "a n", "c"), a=whole(1), n=whole(HUGE)), "'c'"),
    "repetition": (lambda: model(node("Tile", "x n"), n=whole(HUGE, 1)), "'y'"),
    "repetition of a constant": (lambda: used(node("Tile", "a n", "c"), a=whole(1), n=whole(HUGE)), "'c'"),
    "resolution": (lambda: model(node("Resize", "x r s"), s=floats(1, 2.0**38), **SCALE), "'y'"),
    "resolution, less": (lambda: model(node("Resize", "x r s"), s=floats(1, 2.0**26), **SCALE), "'y'"),
    "linear resolution": (lambda: model(node("Resize", "x r s", mode="linear"), s=floats(1, 2.0**26), **SCALE), "'y'"),
    "padding": (lambda: model(node("Pad", "x p"), p=whole(0, HUGE, 0, 0)), "'y'"),
    "padding by edges": (lambda: model(node("Pad", "x p", mode="edge"), p=whole(0, 2**28, 0, 0)), "'y'"),
    "range": (lambda: used(node("Range", "a b d", "c"), **scalars(a=-(2**63), b=2**63 - 1, d=1)), "'c'"),
    "range of nothing": (lambda: used(node("Range", "a a d", "c"), **scalars(a=1, d=0)), "'c'"),
    "one hot": (lambda: used(node("OneHot", "i d v", "c"), i=whole(1), d=np.int64(HUGE), v=floats(0, 1)), "'c'"),
    "identity": (lambda: model(node("EyeLike", "x", "c"), node("Mul", "x c"), shape=(2**19, 2**11)), "'c'"),
    "input": (lambda: model(node("Relu", "x"), shape=(2**20, 2**20)), "'y'"),
    "neighbours": (lambda: model(node("LRN", "x", size=10**9), shape=IMAGE), "LRN 'y'"),
    "window": (lambda: model(node("AveragePool", "x", kernel_shape=[999] * 2, pads=[998] * 4), shape=IMAGE), "'y'"),
    "largest of a window": (lambda: model(node("MaxPool", "x", kernel_shape=[2**20] * 2), shape=IMAGE), "'y'"),
    "padded convolution": (lambda: model(node("Conv", "x w", pads=[2**30] * 4), w=KERNEL, shape=IMAGE), "'y'"),
    "gaps": (lambda: model(node("Conv", "x w", dilations=[HUGE] * 2), w=KERNEL, shape=IMAGE), "Conv 'y'"),
    "strides": (lambda: model(node("ConvTranspose", "x w", strides=[2**20] * 2), w=KERNEL, shape=IMAGE), "'y'"),
    "outer product": (lambda: model(node("Einsum", "x x x", equation="ab,cd,ef->abcdef"), shape=(2**10, 2**3)), "'y'"),
    "selection": (lambda: model(node("TopK", "x k", "y i"), k=whole(HUGE)), "TopK 'y'"),
    "shape": (lambda: model(node("Reshape", "x s"), s=whole(2**32, 2**32)), "Reshape 'y'"),
    "places": (lambda: model(node("Gather", "x s"), s=whole(2**62)), "Gather 'y'"),
    "doubling": (lambda: model(node("Identity", "x", "v0"), *[
        node("Concat", f"v{i} v{i}", f"v{i + 1}", axis=0) for i in range(60)], outputs=("v60",)), "value 'v"),
    "doubling of a constant": (lambda: used(*[node("Concat", f"v{i} v{i}", f"v{i + 1}", axis=0) for i in range(60)],
                                            node("Identity", "v60", "c"), v0=whole(1)), "'v"),
    "squaring": (lambda: used(*chain("Mul", "v", "{0} {0}", 60), node("Identity", "v60", "c"), v0=whole(3)), "Mul 'v"),
    "power": (lambda: used(node("Pow", "a b", "c"), a=whole(3), b=whole(HUGE)), "Pow 'c'"),
    "nodes": (lambda: model(node("Identity", "x", "v0"), *chain("Relu", "v", "{0}", 2**17), outputs=("v9",)), "nodes"),
    "steps": (lambda: model(node("RNN", "x w r", "y", hidden_size=1), w=np.ones((1, 1, 1), np.float32),
                            r=np.ones((1, 1, 1), np.float32), shape=(2**20, 1, 1)), "RNN 'y'"),
}  # fmt: skip
"""What asks for too much, and what the refusal names."""


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_is_refused_soon(name):
    made, told = LARGE[name]
    content = made().SerializeToString()
    start = time.perf_counter()
    with pytest.raises(ScalarSpecError, match=told.replace("(", r"\(")):
        ss.from_onnx(content)
    assert time.perf_counter() - start < SECONDS


MEMORY = """
import resource, sys
sys.path.insert(0, {tests!r})
import test_onnx_hostile as hostile
import scalarspec as ss
models = {{name: made() for name, (made, _) in hostile.LARGE.items()}}
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name, model in models.items():
    try:
        ss.from_onnx(model)
    except ss.errors.ScalarSpecError:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) >> 10)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it counts memory in KiB, as Linux does")
@pytest.mark.posix
def test_what_is_too_large_takes_little_memory():
    text = MEMORY.format(tests=str(Path(__file__).parent))
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=120)
    assert int(found.stdout) < 512


def doubling(count):
    """Functions of which each calls the one before twice."""
    first = helper.make_function("own", "f0", ["a"], ["b"], [node("Relu", "a", "b")], [helper.make_opsetid("", 17)])
    later = [
        helper.make_function(
            "own", f"f{i + 1}", ["a"], ["b"],
            [helper.make_node(f"f{i}", [taken], [made], domain="own") for taken, made in ("ac", "cb")],
            [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)],
        )
        for i in range(count)
    ]  # fmt: skip
    return model(helper.make_node(f"f{count}", ["x"], ["y"], domain="own"), functions=[first, *later])


def test_functions_that_call_functions():
    net = ss.from_onnx(doubling(3))
    assert net(ss.context("rational").tensor([[1, -1, 2], [0, 3, -2]])).tolist() == [[1, 0, 2], [0, 3, 0]]
    start = time.perf_counter()
    for count in (20, 60, 500):
        with pytest.raises(TooLarge, match="nodes"):
            ss.from_onnx(doubling(count))
    itself = helper.make_function(
        "own", "f", ["a"], ["b"], [helper.make_node("f", ["a"], ["b"], domain="own")], [helper.make_opsetid("own", 1)]
    )
    with pytest.raises(ArgumentError, match="function 'f' calls itself"):
        ss.from_onnx(model(helper.make_node("f", ["x"], ["y"], domain="own"), functions=[itself]))
    assert time.perf_counter() - start < SECONDS


def nested(depth):
    """`If` within `If`, and so on."""
    graph = helper.make_graph([node("Relu", "x", "r")], "g", [], [value("r")])
    for i in range(depth):
        other = helper.make_graph([node("Neg", "x", f"e{i}")], "e", [], [value(f"e{i}")])
        chosen = node("If", "c", f"r{i}", then_branch=graph, else_branch=other)
        graph = helper.make_graph([chosen], "g", [], [value(f"r{i}")])
    return model(*graph.node, node("Identity", f"r{depth - 1}"), c=np.array(True))


def test_graphs_within_graphs():
    assert ss.from_onnx(nested(20))(ss.context("rational").tensor([[1, -1, 2]] * 2)).tolist() == [[1, 0, 2]] * 2


# ---- files ----------------------------------------------------------------------------------------------------------


def good():
    """A network of some operators, in bytes."""
    return model(
        node("MatMul", "x w", "h"), node("Add", "h b", "s"), node("Relu", "s", "t"), node("Reshape", "t n", "u"),
        node("Softmax", "u", "v", axis=-1), node("Slice", "v i j", "y"),
        w=np.arange(12, dtype=np.float32).reshape(3, 4), b=floats(1, 2, 3, 4), n=whole(4, 2), i=whole(0), j=whole(2),
    ).SerializeToString()  # fmt: skip


def tried(content):
    """The error of a file, or None. Other errors than ours pass."""
    try:
        net = ss.from_onnx(content)
        net(
            *[
                ss.context("float64").tensor(np.ones([n if isinstance(n, int) else 1 for n in shape]))
                for shape in net.inputs.values()
            ]
        )
    except ScalarSpecError as error:
        return error
    return None


def test_truncated_files():
    content = good()
    assert tried(content) is None
    errors = [tried(content[:length]) for length in range(len(content))]
    assert sum(error is None for error in errors) < len(content) / 4  # the tail of a file may be left out


def test_random_bytes_and_mutations():
    rng, content = np.random.default_rng(5), good()
    for length in rng.integers(0, 400, 200):
        tried(rng.bytes(length))
    refused = 0
    for _ in range(2500):
        changed = bytearray(content)
        for place in rng.integers(0, len(changed), rng.integers(1, 4)):
            changed[place] = rng.integers(256) if rng.random() < 0.5 else changed[place] ^ (1 << rng.integers(8))
        if rng.random() < 0.3:
            at = int(rng.integers(len(changed)))
            del changed[at : at + int(rng.integers(1, 9))]
        refused += tried(bytes(changed)) is not None
    assert refused > 500


@pytest.mark.posix
def test_paths_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero", tmp_path / "none.onnx", "a\0b", "n" * 5000):
        with pytest.raises(ArgumentError, match="from_onnx: "):
            ss.from_onnx(path)


def external(location, **more):
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, told in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=str(told))
    return model(node("Mul", "x a"), a=tensor)


@pytest.mark.posix
def test_arrays_in_other_files(tmp_path):
    folder = tmp_path / "net"
    folder.mkdir()
    for place in (folder / "a.bin", tmp_path / "out.bin"):
        place.write_bytes(np.arange(9, dtype=np.float32).tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "out.bin")
    (folder / "loop.bin").symlink_to(folder / "loop.bin")
    os.mkfifo(folder / "pipe.bin")
    with open(folder / "sparse.bin", "wb") as file:
        file.truncate(2**40)

    def read(proto):
        (folder / "net.onnx").write_bytes(proto.SerializeToString())
        return ss.from_onnx(folder / "net.onnx").parameters["a"].tolist()

    assert read(external("a.bin", offset=4, length=12)) == [1, 2, 3]
    beyond = [
        "../out.bin",
        str(tmp_path / "out.bin"),
        "link.bin",
        "loop.bin",
        "pipe.bin",
        "none",
        "",
        "/dev/zero",
        "a\0",
    ]
    for location in beyond:
        with pytest.raises(ArgumentError, match="tensor 'a'"):
            read(external(location))
    numbers = [
        {"offset": "-4"},
        {"offset": "x"},
        {"offset": "9" * 5000},
        {"length": 4},
        {"length": 2**62},
        {"offset": 400},
    ]
    for more in numbers:
        with pytest.raises(ArgumentError, match="tensor 'a'"):
            read(external("a.bin", **more))
    with pytest.raises(ArgumentError, match="tensor 'a'"):
        read(external("sparse.bin"))
    with pytest.raises(ArgumentError, match="give the path"):
        ss.from_onnx(external("a.bin"))


# ---- graphs ---------------------------------------------------------------------------------------------------------


def twice(values, name):
    """A network in which a list has an element again."""
    proto = model(node("Mul", "x a"), a=floats(1, 2, 3))
    getattr(proto.graph, values).append(next(v for v in getattr(proto.graph, values) if v.name == name))
    return proto


def without_opset():
    proto = model(node("Relu", "x"))
    del proto.opset_import[:]
    return proto


def of_type(kind):
    proto = model(node("Relu", "x"))
    proto.graph.input[0].type.CopyFrom(kind)
    return proto


def attribute(operator, name, given):
    made = node(operator, "x")
    made.attribute.append(helper.make_attribute(name, given))
    return model(made)


TEXTS = helper.make_tensor_type_proto(TensorProto.STRING, [2, 3])
TENSOR = helper.make_tensor_type_proto(TensorProto.FLOAT, [2, 3])
BROKEN = {
    "cycle": (lambda: model(node("Add", "x b", "a"), node("Add", "a x", "b"), node("Relu", "a")), "its own result"),
    "itself": (lambda: model(node("Add", "x y")), "its own result"),
    "two results": (lambda: model(node("Relu", "x"), node("Neg", "x")), "called 'y'"),
    "two arrays": (lambda: twice("initializer", "a"), "called 'a'"),
    "two inputs": (lambda: twice("input", "x"), "called 'x'"),
    "nothing": (lambda: model(node("Add", "x z")), "'z', which nothing makes"),
    "no result": (lambda: model(node("Relu", "x", "z")), "output 'y'"),
    "unused": (lambda: model(node("Relu", "x"), node("Add", "x nothing", "z")), "'nothing', which nothing makes"),
    "unknown": (lambda: model(node("Foo", "x")), "Foo"),
    "domain": (lambda: model(helper.make_node("FusedConv", ["x"], ["y"], domain="com.microsoft")), "com.microsoft"),
    "later": (lambda: model(node("Relu", "x"), opset=999), "opset 999"),
    "never": (without_opset, "opset"),
    "old": (lambda: model(node("Gelu", "x"), opset=13), "no such operator in opset 13"),
    "negative length": (lambda: model(node("Relu", "x"), shape=(-2, 3)), "'x': a length of -2"),
    "negative array": (lambda: model(node("Mul", "x a"), a=claims(-3)), "'a'"),
    "negative constant": (lambda: used(node("ConstantOfShape", "n", "c"), n=whole(-1)), "'c'"),
    "too many inputs": (lambda: model(node("Relu", "x x")), "2 inputs"),
    "too many results": (lambda: model(node("Relu", "x", "z y")), "2 outputs"),
    "attribute": (lambda: attribute("Relu", "alpha", 1.0), "no attribute 'alpha'"),
    "attribute's type": (lambda: attribute("Softmax", "axis", "one"), "'axis' is of another type"),
    "needed attribute": (lambda: model(node("Cast", "x")), "no attribute 'to'"),
    "axis": (lambda: model(node("Softmax", "x", axis=7)), "axis 7"),
    "texts": (lambda: of_type(TEXTS), "'x'"),
    "sequence": (lambda: of_type(helper.make_sequence_type_proto(TENSOR)), "'x'"),
    "optional": (lambda: of_type(helper.make_optional_type_proto(TENSOR)), "'x'"),
    "complex": (lambda: of_type(helper.make_tensor_type_proto(TensorProto.COMPLEX64, [2])), "'x'"),
    "array of texts": (lambda: model(node("Mul", "x a"), a=np.array(["a", "b", "c"], dtype=object)), "'a'"),
    "integers and floats": (lambda: model(node("Div", "x a"), a=whole(2)), "'a' is of int64, beside float32"),
    "root of an integer": (lambda: used(node("Sqrt", "a", "c"), a=whole(2)), "'a' is of int64"),
    "division by 0": (lambda: used(node("Div", "a b", "c"), a=whole(1), b=whole(0)), "Div 'c'.*zero"),
    "remainder of 0": (lambda: used(node("Mod", "a b", "c"), a=whole(1), b=whole(0)), "Mod 'c'"),
    "overflow": (lambda: used(node("Mul", "a a", "c"), a=whole(2**62)), "Mul 'c'"),
    "overflow of a quotient": (lambda: used(node("Div", "a b", "c"), a=whole(-(2**63)), b=whole(-1)), "Div 'c'"),
    "overflow of a sign": (lambda: used(node("Neg", "a", "c"), a=np.array([-128], np.int8)), "Neg 'c'"),
    "wrapping": (lambda: used(node("Add", "a a", "c"), a=np.array([200], np.uint8)), "Add 'c'"),
    "mean of integers": (lambda: used(node("ReduceMean", "a", "c"), a=whole(2, 3)), "ReduceMean 'c'"),
    "NaN": (lambda: model(node("Mul", "x a"), a=floats(1, np.nan, 2)), "'a' holds NaN"),
    "infinity": (lambda: model(node("Mul", "x a"), a=floats(1, np.inf, 2)), "'a' holds NaN or infinity"),
    "minus infinity": (lambda: model(node("Mul", "x a"), a=floats(1, -np.inf, 2)), "Mul 'y'"),
    "loop": (lambda: model(node("Loop", "n c x", "y", body=helper.make_graph(
        [node("Identity", "t", "u"), node("Identity", "k", "v")], "body",
        [value("i", TensorProto.INT64, []), value("k", TensorProto.BOOL, []), value("t")],
        [value("v", TensorProto.BOOL, []), value("u")],
    )), n=np.int64(2**62), c=np.array(True)), "Loop 'y': a loop"),
    "half": (lambda: model(node("Cast", "x", "h", to=10), node("Cast", "h", to=1)), "rounds to float16"),
    "bytes": (lambda: model(node("Cast", "x", "h", to=2), node("Cast", "h", to=1)), "uint8 may leave its width"),
    "training": (lambda: model(node("BatchNormalization", "x a a a a"), a=floats(1, 2, 3), opset=6), "evaluation mode"),
}  # fmt: skip
"""What is broken, or no function of real numbers, and what the refusal says."""


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused_by_name(name):
    made, told = BROKEN[name]
    with pytest.raises(ScalarSpecError, match=told) as caught:
        ss.from_onnx(made())
    assert str(caught.value).startswith("from_onnx: ")


def test_what_is_no_model():
    for given in (3, None, np.zeros(3), ["net.onnx"]):
        with pytest.raises(ArgumentError, match="expected a path, bytes or a ModelProto"):
            ss.from_onnx(given)
    with pytest.raises(NotSupported, match="there is no such operator"):
        ss.from_onnx(model(node("ReLU", "x")))
