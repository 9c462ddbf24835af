"""Networks as ONNX files have them, built by hand: each with inputs for it."""

from collections import namedtuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper

R = np.random.default_rng(7)
Network = namedtuple("Network", ["model", "inputs"])


def node(operator, inputs, outputs, **attributes):
    """A node; names are split at spaces, and "-" is one that is left out."""
    given, made = (["" if name == "-" else name for name in names.split()] for names in (inputs, outputs))
    return helper.make_node(operator, given, made, **attributes)


def weights(*shape, scale=0.5):
    """Numbers of float32."""
    return (R.standard_normal(shape) * scale).astype(np.float32)


def ints(*numbers):
    return np.array(numbers, dtype=np.int64)


def sequence(*steps, x="x", y="y"):
    """Nodes one after the other, each of the result before; the first of a step is the operator, then more inputs."""
    made = []
    for i, (operator, more, attributes) in enumerate(steps):
        result = y if i == len(steps) - 1 else f"h{i}"
        made.append(node(operator, f"{x} {more}", result, **attributes))
        x = result
    return made


def step(operator, more="", **attributes):
    return operator, more, attributes


def network(nodes, x, opset=17, declared=None, functions=(), old_style=False, **arrays):
    """A network of x, whose shape may be declared otherwise. old_style: are arrays inputs, too?"""
    x = np.asarray(x, dtype=np.float32)
    kept = [a if isinstance(a, TensorProto) else numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()]
    for name, array in zip(arrays, kept, strict=True):
        array.name = name
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, declared or x.shape)]
    if old_style:
        given += [helper.make_tensor_value_info(a.name, a.data_type, a.dims) for a in kept]
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid("own", 1)] if functions else [])]
    graph = helper.make_graph(nodes, "net", given, made, kept)
    proto = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10 if opset > 8 else 3)
    return Network(proto, (x,))


def small(form, *shape):
    """Weights in a format of few bits."""
    return helper.make_tensor("", form, shape, R.integers(-3, 4, shape).ravel().tolist())


def mlp(opset=17, **more):
    steps = step("Gemm", "w b", transB=1), step("Relu"), step("MatMul", "v"), step("Add", "c"), step("Sigmoid")
    return network(
        sequence(*steps), weights(3, 5), opset, w=weights(6, 5), b=weights(6), v=weights(6, 2), c=weights(2), **more
    )


IMAGES = weights(2, 4, 7, 6, scale=1)


def conv(opset=17, **attributes):
    group = attributes.get("group", 1)
    steps = step("Conv", "w b", **attributes), step("LeakyRelu", alpha=0.1), step("GlobalAveragePool"), step("Flatten")
    return network(sequence(*steps), IMAGES, opset, w=weights(6, 4 // group, 3, 3), b=weights(6))


def one(operator, more="", x=IMAGES, opset=17, arrays=(), **attributes):
    """A network of one operator after a sum, so that it has something before it."""
    steps = step("Add", "shift"), step(operator, more, **attributes)
    return network(sequence(*steps), x, opset, shift=np.float32(0.25), **dict(arrays))


def batch_norm(name, channels=4):
    return {
        f"{name}_scale": weights(channels),
        f"{name}_bias": weights(channels),
        f"{name}_mean": weights(channels),
    } | {f"{name}_var": np.abs(weights(channels)) + np.float32(0.5)}


def resnet(opset=17):
    names = [f"{n}_scale {n}_bias {n}_mean {n}_var" for n in ("n", "m")]
    nodes = [
        node("Conv", "x w", "a", pads=[1] * 4),
        node("BatchNormalization", f"a {names[0]}", "b", epsilon=1e-3, momentum=0.99),
        node("Relu", "b", "c"),
        node("Conv", "c v", "d", pads=[1] * 4),
        node("BatchNormalization", f"d {names[1]}", "e"),
        node("Add", "e x", "f"),
        node("Relu", "f", "y"),
    ]
    return network(
        nodes, IMAGES, opset, w=weights(4, 4, 3, 3), v=weights(4, 4, 3, 3), **batch_norm("n"), **batch_norm("m")
    )


def mobilenet(opset):
    clip = {"min": 0.0, "max": 6.0} if opset < 11 else {}
    steps = (
        step("Conv", "w", group=4, pads=[1] * 4),
        step("Clip", "" if clip else "low high", **clip),
        step("Conv", "v"),
        step("GlobalAveragePool"),
        step("Reshape", "s"),
    )
    limits = {} if clip else {"low": np.float32(0), "high": np.float32(6)}
    return network(
        sequence(*steps), IMAGES, opset, w=weights(4, 1, 3, 3), v=weights(3, 4, 1, 1), s=ints(0, -1), **limits
    )


def unet():
    nodes = [
        node("Conv", "x w", "a", pads=[1] * 4),
        node("Relu", "a", "b"),
        node("MaxPool", "b", "c", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "c v", "d", pads=[1] * 4),
        node("ConvTranspose", "d t", "e", strides=[2, 2]),
        node("Resize", "c - s", "f", mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        node("Concat", "b e f", "y", axis=1),
    ]
    arrays = {
        "w": weights(4, 4, 3, 3),
        "v": weights(4, 4, 3, 3),
        "t": weights(4, 2, 2, 2),
        "s": np.float32([1, 1, 2, 2]),
    }
    return network(nodes, weights(1, 4, 6, 4), **arrays)


def recurrent(operator, direction="forward", gates=1, **attributes):
    ways, hidden, layout = 2 if direction == "bidirectional" else 1, 3, attributes.get("layout", 0)
    arrays = {"w": weights(ways, gates * hidden, 5), "r": weights(ways, gates * hidden, hidden)}
    arrays["b"] = weights(ways, 2 * gates * hidden)
    nodes = [node(operator, "x w r b", "y", hidden_size=hidden, direction=direction, **attributes)]
    return network(nodes, weights(2, 4, 5) if layout else weights(4, 2, 5), **arrays)


def attention(mask):
    """One head of attention. mask: the nodes that make `masked` of `scores`."""
    nodes = [
        node("MatMul", "x q", "queries"),
        node("MatMul", "x k", "keys"),
        node("Transpose", "keys", "turned", perm=[0, 2, 1]),
        node("MatMul", "queries turned", "products"),
        node("Div", "products root", "scores"),
        *mask,
        node("Softmax", "masked", "shares", axis=-1),
        node("MatMul", "x v", "values"),
        node("MatMul", "shares values", "y"),
    ]
    seen = np.tri(4, dtype=bool)
    arrays = {"q": weights(6, 6), "k": weights(6, 6), "v": weights(6, 6), "root": np.float32(2.5), "seen": seen}
    arrays |= {"never": np.float32(-np.inf), "bias": np.where(seen, 0, -np.inf).astype(np.float32)}
    arrays |= {"ones": np.full((4, 4), -np.inf, np.float32), "k1": np.int64(1)}
    return network(nodes, weights(2, 4, 6), 17, **arrays)


def transformer():
    nodes = [
        node("LayerNormalization", "x s b", "n", axis=-1),
        node("MatMul", "n w", "h"),
        node("Div", "h root", "i"),
        node("Erf", "i", "j"),
        node("Add", "j one", "k"),
        node("Mul", "h k", "l"),
        node("Mul", "l half", "m"),
        node("MatMul", "m v", "o"),
        node("Add", "o x", "y"),
    ]
    numbers = {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}
    return network(nodes, weights(2, 4, 6), s=weights(6), b=weights(6), w=weights(6, 8), v=weights(8, 6), **numbers)


def quantized(form, per_channel=False):
    shape = (3,) if per_channel else ()
    scale = (np.abs(weights(*shape)) / 16 + np.float32(0.01)).astype(np.float32)
    zero = np.zeros(shape, form)
    nodes = [
        node("QuantizeLinear", "x sx zx", "q"),
        node("DequantizeLinear", "q sx zx", "d"),
        node("DequantizeLinear", "w sw zw", "k", axis=0),
        node("Conv", "d k", "c"),
        node("Relu", "c", "y"),
    ]
    kernel = R.integers(np.iinfo(form).min // 2, np.iinfo(form).max // 2, (3, 4, 3, 3)).astype(form)
    return network(nodes, IMAGES, w=kernel, sw=scale, zw=zero, sx=np.float32(0.0625), zx=np.uint8(128))


def of_few_bits(form, opset):
    nodes = [node("Cast", "w", "v", to=1), node("MatMul", "x v", "y")]
    return network(nodes, weights(2, 3), opset, w=small(form, 3, 4))


def of_int4(form):
    nodes = [node("DequantizeLinear", "w s", "v"), node("MatMul", "x v", "y")]
    numbers = helper.make_tensor("", form, (3, 4), np.abs(R.integers(0, 7, 12)).tolist())
    return network(nodes, weights(2, 3), 21, w=numbers, s=np.float32(0.125))


def reshaped(opset=17):
    """What exporters write for `x.view(x.size(0), -1)`."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n zeros", "m"),
        node("Concat", "m rest", "shape", axis=0),
        node("Reshape", "x shape", "f"),
        node("MatMul", "f w", "y"),
    ]
    arrays = {"zero": np.int64(0), "zeros": ints(0), "rest": ints(-1), "w": weights(24, 3)}
    return network(nodes, weights(2, 4, 6), opset, ["N", 4, 6], **arrays)


def dynamic():
    nodes = [
        node("Shape", "x", "s"),
        node("ConstantOfShape", "s", "c", value=numpy_helper.from_array(np.float32([1.5]))),
        node("Mul", "x c", "a"),
        node("ReduceSum", "a axes", "y", keepdims=0),
    ]
    return network(nodes, weights(2, 3, 4), 13, ["N", "C", None], axes=ints(-1))


def with_function():
    body = [node("Mul", "a a", "s"), node("Add", "s a", "b")]
    function = helper.make_function("own", "Poly", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    nodes = [
        helper.make_node("Poly", ["x"], ["h"], domain="own"),
        helper.make_node("Poly", ["h"], ["i"], domain="own"),
        node("MatMul", "i w", "y"),
    ]
    return network(nodes, weights(2, 3), functions=[function], w=weights(3, 2))


def chosen():
    value = helper.make_tensor_value_info
    branches = {
        f"{name}_branch": helper.make_graph(
            [node(operator, "x", name)], name, [], [value(name, TensorProto.FLOAT, None)]
        )
        for name, operator in (("then", "Neg"), ("else", "Abs"))
    }
    return network([node("If", "c", "h", **branches), node("Add", "h x", "y")], weights(2, 3), c=np.array(False))


SQUARE = weights(4, 4)
MODELS = {
    "mlp": mlp(),
    "mlp of opset 9": mlp(9),
    "mlp of opset 7, its arrays inputs": mlp(7, old_style=True),
    "groups": conv(group=2, pads=[1, 1, 1, 1]),
    "gaps": conv(dilations=[2, 1]),
    "same, upper": conv(auto_pad="SAME_UPPER", strides=[2, 2]),
    "same, lower": conv(auto_pad="SAME_LOWER", strides=[2, 2]),
    "uneven": conv(pads=[0, 2, 1, 0], opset=11),
    "resnet": resnet(),
    "resnet of opset 9": resnet(9),
    "mobilenet of opset 7": mobilenet(7),
    "mobilenet of opset 13": mobilenet(13),
    "unet": unet(),
    "rnn": recurrent("RNN"),
    "rnn, relu, backwards": recurrent("RNN", "reverse", activations=["Relu"]),
    "gru": recurrent("GRU", gates=3),
    "gru, both ways, as cuDNN": recurrent("GRU", "bidirectional", 3, linear_before_reset=1),
    "lstm": recurrent("LSTM", gates=4),
    "lstm, both ways": recurrent("LSTM", "bidirectional", 4),
    "lstm, other functions": recurrent("LSTM", gates=4, activations=["HardSigmoid", "Softsign", "Tanh"]),
    "lstm, batches first": recurrent("LSTM", gates=4, layout=1),
    "transformer": transformer(),
    "attention of opset 23": network(
        [node("Attention", "x k v", "y", q_num_heads=2, kv_num_heads=1, is_causal=1)],
        weights(2, 4, 6),
        23,
        k=weights(2, 4, 3),
        v=weights(2, 4, 3),
    ),
    "softmax of opset 11": one("Softmax", opset=11, axis=1),
    "softmax of opset 13": one("Softmax", opset=13, axis=1),
    "log of softmax": one("LogSoftmax", opset=11, axis=1),
    "mask by where": attention([node("Where", "seen scores never", "masked")]),
    "mask by sum": attention([node("Add", "scores bias", "masked")]),
    "mask by triangle": attention([node("Trilu", "ones k1", "late", upper=1), node("Add", "scores late", "masked")]),
    "einsum": network([node("Einsum", "x w", "y", equation="bij,jk->bik")], weights(2, 3, 4), w=weights(4, 5)),
    "int8": quantized(np.int8),
    "uint8": quantized(np.uint8),
    "int8 of channels": quantized(np.int8, True),
    "bfloat16": of_few_bits(TensorProto.BFLOAT16, 13),
    "float16": of_few_bits(TensorProto.FLOAT16, 13),
    "float8": of_few_bits(TensorProto.FLOAT8E4M3FN, 19),
    "int4": of_int4(TensorProto.INT4),
    "uint4": of_int4(TensorProto.UINT4),
    "batch of any size": reshaped(),
    "any size": dynamic(),
    "function": with_function(),
    "choice": chosen(),
    "split of opset 11": network(
        [
            node("Split", "x", "a b", axis=1, split=[1, 3]),
            node("ReduceSum", "a", "c", axes=[1]),
            node("Mul", "c b", "y"),
        ],
        SQUARE,
        11,
    ),
    "split of opset 18": network(
        [node("Split", "x", "a b", axis=1, num_outputs=2), node("Mul", "a b", "y")], SQUARE, 18
    ),
    "slice of opset 9": one("Slice", x=SQUARE, opset=9, starts=[1, -3], ends=[2**40, -1], axes=[0, 1]),
    "slice backwards": one(
        "Slice", "a b c d", x=SQUARE, arrays={"a": ints(-1), "b": ints(-9), "c": ints(1), "d": ints(-2)}
    ),
    "padded": one("Pad", "p v", x=SQUARE, arrays={"p": ints(1, 0, 0, 2), "v": np.float32(0.5)}),
    "padded by reflection": one("Pad", x=SQUARE, opset=9, pads=[1, 0, 0, 2], mode="reflect"),
    "padded by edges": one("Pad", "p", x=SQUARE, arrays={"p": ints(1, 0, -1, 2)}, mode="edge"),
    "greatest": network([node("TopK", "x k", "y i", axis=-1)], SQUARE, k=ints(2)),
    "place of the greatest": network(
        [node("ArgMax", "x", "i", axis=1, keepdims=1), node("Cast", "i", "f", to=1), node("Mul", "f x", "y")], SQUARE
    ),
    "scattered": network([node("ScatterND", "x i u", "y")], SQUARE, i=ints([0], [2]), u=weights(2, 4)),
    "gathered": network(
        [node("GatherND", "x i", "a"), node("Add", "a half", "y")],
        SQUARE,
        i=ints([0, -1], [2, 1]),
        half=np.float32(0.5),
    ),
    "running sum": one("CumSum", "a", x=SQUARE, arrays={"a": np.int64(1)}, reverse=1, exclusive=1),
    "depth to space": one("DepthToSpace", x=weights(1, 8, 2, 3), blocksize=2, mode="CRD"),
    "instance norm": one("InstanceNormalization", "s b", arrays={"s": weights(4), "b": weights(4)}),
    "group norm": one("GroupNormalization", "s b", opset=21, arrays={"s": weights(4), "b": weights(4)}, num_groups=2),
    "local response": one("LRN", size=3, alpha=0.01),
    "mean pool": one("AveragePool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1], ceil_mode=1),
    "mean pool with padding": one(
        "AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, count_include_pad=1
    ),
    "max pool with gaps": one("MaxPool", kernel_shape=[2, 2], dilations=[2, 2], strides=[2, 1]),
    "norm pool": one("LpPool", kernel_shape=[2, 2], p=2),
    "one of each row": one("Hardmax", opset=13, axis=1),
    "celu": one("Celu", alpha=1.5),
    "mish": one("Mish", opset=18),
    "hard swish": one("HardSwish"),
    "threshold": one("ThresholdedRelu", alpha=0.5),
    "selu": one("Selu"),
    "elu": one("Elu", alpha=0.5),
    "gelu": one("Gelu", opset=20, approximate="tanh"),
    "upsampled of opset 9": one("Upsample", "s", opset=9, arrays={"s": np.float32([1, 1, 2, 2])}),
    "resized": one(
        "Resize", "r s", mode="linear", arrays={"r": np.zeros(0, np.float32), "s": np.float32([1, 1, 2, 2])}
    ),
    "variance": one("MeanVarianceNormalization", opset=13),
    "dropout": one("Dropout", opset=13),
    "log of sums": one("ReduceLogSumExp", opset=13, axes=[2], keepdims=0),
    "lengths": one("LpNormalization", axis=1, p=2),
    "powers": network([node("Abs", "x", "a"), node("Pow", "a e", "y")], SQUARE, e=np.float32(2.5)),
}
RATIONAL = {
    "groups",
    "gaps",
    "uneven",
    "mobilenet of opset 7",
    "mobilenet of opset 13",
    "unet",
    "einsum",
    "int8",
    "bfloat16",
    "float8",
    "int4",
    "batch of any size",
    "any size",
    "function",
    "choice",
    "slice backwards",
    "padded",
    "greatest",
    "place of the greatest",
    "scattered",
    "running sum",
    "mean pool",
    "threshold",
    "resized",
}
"""Networks whose results are rational numbers."""
