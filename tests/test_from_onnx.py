"""Networks from ONNX files: values, enclosures, texts, gradients."""

import pickle
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import ArgumentError, NotSupported, ShapeError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
import onnxruntime  # noqa: E402 - where it is installed
from onnx.reference import ReferenceEvaluator  # noqa: E402
from onnx_models import MODELS, RATIONAL, ints, network, node, sequence, step, weights  # noqa: E402

F64, B, Q = (ss.context(name) for name in ("float64", "interval", "rational"))
FINE = ss.context("interval", prec=150)
NETS = {name: ss.from_onnx(model) for name, (model, _) in MODELS.items()}


BY_ONNX = {
    "int4": "onnxruntime rounds x to 8 bits",
    "uint4": "onnxruntime rounds x to 8 bits",
    "celu": "onnxruntime subtracts 1 from exp, which cancels",
    "selu": "onnxruntime subtracts 1 from exp, which cancels",
    "elu": "onnxruntime subtracts 1 from exp, which cancels",
    "instance norm": "onnxruntime takes the variance from the mean of squares, which cancels",
}
"""Networks that ONNX's own evaluator works out closer to their definition, and why."""


def native(name):
    """What onnxruntime gives, or ONNX's own evaluator where that has no kernel, or is less exact."""
    model, inputs = MODELS[name]
    if name in BY_ONNX:
        return np.asarray(ReferenceEvaluator(model).run(None, {"x": inputs[0]})[0], np.float32)
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:
        return ReferenceEvaluator(model).run(None, {"x": inputs[0]})[0]
    return session.run(["y"], {"x": inputs[0]})[0]


@pytest.mark.parametrize("name", MODELS)
def test_the_network_is_onnxs(name):
    found = ss.crosscheck(NETS[name], *MODELS[name].inputs, actual=native(name))
    assert found.explained, found


def test_the_check_can_fail():
    (x,) = MODELS["mlp"].inputs
    assert not ss.crosscheck(NETS["mlp"], x, actual=native("mlp") + np.float32(2.0**-18)).explained


@pytest.mark.parametrize("name", MODELS)
def test_enclosures_contain_its_values(name):
    (x,) = MODELS[name].inputs
    low, high = ss.endpoints(NETS[name](B.tensor(x)))
    least, most = ss.endpoints(NETS[name](FINE.tensor(x)))
    assert np.all((low <= most) & (least <= high))
    assert ss.crosscheck(NETS[name], x, actual=np.asarray(NETS[name](F64.tensor(x)))).explained


def executed(text, tmp_path):
    """The function of a text, run as a file."""
    scope = {}
    (tmp_path / "text.py").write_text(text)
    exec(compile(text, str(tmp_path / "text.py"), "exec"), scope)
    return scope


@pytest.mark.parametrize("name", sorted(RATIONAL))
def test_the_text_is_the_network(name, tmp_path):
    net, (x,) = NETS[name], MODELS[name].inputs
    text = net.source(x.shape)
    found = executed(text, tmp_path)["network"](ss.lift(net.parameters, Q), Q.tensor(x))
    assert found.tolist() == net(Q.tensor(x)).tolist()
    assert len(text.splitlines()) < 100


def test_the_text_of_a_file_runs(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(MODELS["mlp"].model.SerializeToString())
    net, (x,) = ss.from_onnx(path), MODELS["mlp"].inputs
    scope = executed(net.source(), tmp_path)
    assert {name: a.tolist() for name, a in scope["parameters"].items()} == {
        n: a.tolist() for n, a in net.parameters.items()
    }
    assert scope["network"](ss.lift(net.parameters, F64), F64.tensor(x)).tolist() == net(F64.tensor(x)).tolist()


@pytest.mark.parametrize("name", MODELS)
def test_it_is_pickled(name):
    net, (x,) = pickle.loads(pickle.dumps(NETS[name])), MODELS[name].inputs
    assert net(F64.tensor(x)).tolist() == NETS[name](F64.tensor(x)).tolist()
    assert net.inputs == NETS[name].inputs
    assert net.source(x.shape) == NETS[name].source(x.shape)


@pytest.mark.parametrize("name", ["mlp", "resnet", "lstm", "mask by sum", "mobilenet of opset 13", "group norm"])
def test_bounds_contain_its_values(name):
    net, (x,) = NETS[name], MODELS[name].inputs
    moved = x + np.random.default_rng(3).uniform(-0.0099, 0.0099, x.shape)
    least, most = ss.endpoints(net(FINE.tensor(moved)))
    found = ss.bounds(net, x, vary={"x": ss.ball("0.01")}, backend="interval64")
    assert np.all((found.lower <= most) & (least <= found.upper))
    called = ss.bounds(lambda net, x: net(x), net, x, vary={"x": ss.ball("0.01")}, backend="interval64")
    assert called.lower.tolist() == found.lower.tolist()


def test_gradients_with_respect_to_parameters():
    net = ss.from_onnx(
        network([node("MatMul", "x w", "h"), node("Mul", "h h", "y")], [[1, 2]], w=np.float32([[3], [5]])).model
    )
    slope = ss.grad(lambda net, x: ss.sum(net(x)))(ss.lift(net, Q), Q.tensor([[1, 2]]))
    assert slope.parameters["w"].tolist() == [[26], [52]]  # of (w₀ + 2 w₁)²
    assert ss.grad(lambda x: ss.sum(net(x)))(Q.tensor([[1, 2]])).tolist() == [[78, 130]]


def test_stages_are_called_as_in_the_file():
    found = ss.crosscheck(NETS["mlp"], *MODELS["mlp"].inputs, actual=native("mlp"))
    assert [stage.name for stage in found.stages][:4] == ["h0", "h1", "h2", "h3"]


def test_axes_that_are_left_open():
    net = NETS["batch of any size"]
    assert net.inputs == {"x": ("N", 4, 6)}
    x = weights(5, 4, 6)
    assert net(Q.tensor(x))[2:4].tolist() == net(Q.tensor(x[2:4])).tolist()
    assert net(Q.tensor(x))[1].tolist() == net(Q.tensor(x[1])).tolist()  # a batch of one is left out
    with pytest.raises(ShapeError, match=r"x \(N, 4, 6\)"):
        net(Q.tensor(weights(5, 4, 7)))


def test_another_number_of_arguments():
    with pytest.raises(ArgumentError, match="expected x, got 2 arguments"):
        NETS["mlp"](F64.tensor([1]), F64.tensor([1]))


def test_arrays_are_for_jobs_and_made_tensors_elsewhere():
    net, x = NETS["mlp"], MODELS["mlp"][1][0]
    with pytest.raises(ArgumentError, match=r'got ndarray; make one, as in ss.context\("float64"\)\.tensor\(data\)'):
        net(x)
    expected = net(F64.tensor(x)).tolist()
    assert ss.lift(net, "float64")(x).tolist() == expected
    assert ss.compare(net, x, backends=["float64"])["float64"].value.tolist() == expected


# ---- what operators mean --------------------------------------------------------------------------------------------


def exactly(x, *steps, opset=17, **arrays):
    """The rational numbers that operators make of x."""
    return ss.from_onnx(network(sequence(*steps), x, opset, **arrays).model)(Q.tensor(x)).tolist()


def of_integers(operator, *operands, opset=17, **attributes):
    """What an operator makes of integers of the file."""
    arrays = {f"i{k}": np.asarray(operand) for k, operand in enumerate(operands)}
    nodes = [node(operator, " ".join(arrays), "c", **attributes), node("Cast", "c", "f", to=1), node("Mul", "x f", "y")]
    return ss.from_onnx(network(nodes, [1], opset, **arrays).model)(Q.tensor([1])).tolist()


def test_integers_are_truncated_and_not_divided():
    assert of_integers("Div", ints(-7, 7, -7), ints(2, -2, -2)) == [-3, -3, 3]
    assert of_integers("Mod", ints(-7, 7, -7), ints(2, -2, -2)) == [1, -1, -1]
    assert of_integers("Mod", ints(-7, 7, -7), ints(4, -4, -4), fmod=1) == [-3, 3, -3]
    assert of_integers("Pow", ints(2, 3, 4), ints(-1, 2, 0)) == [0, 9, 1]
    assert of_integers("OneHot", ints(7, -1), np.int64(3), np.float32([0, 1])) == [[0, 0, 0], [0, 0, 1]]
    assert of_integers("ArgMax", np.float32([0, 2, 2]), axis=0, select_last_index=1) == [2]


def test_numbers_at_edges():
    halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]
    assert exactly(halves, step("Round")) == [-2, -2, 0, 0, 2, 2]
    assert exactly(halves, step("Cast", to=7), step("Cast", to=1)) == [-2, -1, 0, 0, 1, 2]
    limits = {"low": np.float32(1), "high": np.float32(0), "most": np.float32(np.inf), "least": np.float32(-np.inf)}
    assert exactly(halves, step("Clip", "low high"), **limits) == [0] * 6
    assert exactly(halves, step("Clip", "least low"), **limits) == [min(Fraction(h), 1) for h in halves]
    assert exactly(halves, step("Clip", "low most"), **limits) == [max(Fraction(h), 1) for h in halves]
    assert exactly(halves, step("Shrink", lambd=1.0, bias=0.5)) == [-2, -1, 0, 0, 1, 2]


def test_axes_that_are_empty_or_left_out():
    x = [[[1.0, 2.0]], [[3.0, 4.0]]]
    none = {"none": np.zeros(0, np.int64), "last": ints(-1)}
    assert exactly(x, step("ReduceSum", "none", noop_with_empty_axes=1), **none) == x
    assert exactly(x, step("ReduceSum", "none"), **none) == [[[10]]]
    assert exactly(x, step("ReduceSum", "last", noop_with_empty_axes=1), **none) == [[[3]], [[7]]]
    assert exactly(x, step("Squeeze")) == [[1, 2], [3, 4]]
    assert exactly(x, step("Gather", "last", axis=0), **none) == [[[3, 4]]]


def test_what_older_opsets_mean():
    x = [[[1.0, -2.0], [-3.0, 4.0]]]
    assert exactly(x, step("PRelu", "s"), opset=6, s=np.float32([2, 3])) == [[[1, -4], [-9, 4]]]
    assert exactly(x, step("Add", "s", broadcast=1, axis=1), opset=6, s=np.float32([10, 20])) == [[[11, 8], [17, 24]]]
    assert exactly(
        [[1.0, 2.0]], step("Gemm", "w b", broadcast=1), opset=6, w=np.eye(2, dtype=np.float32), b=np.float32([1, 1])
    ) == [[2, 3]]
    with pytest.raises(NotSupported, match="equal parts"):
        ss.from_onnx(network([node("Split", "x", "y z", axis=1)], [[1.0, 2.0, 3.0]], 13).model)


def test_zero_points_of_channels():
    kernel, zero = np.ones((2, 1, 1, 2), np.uint8), np.uint8([0, 1])
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("ConvInteger", "q w z zw", "c", pads=[0, 1, 0, 0]),
        node("Cast", "c", "y", to=1),
    ]
    net = network(nodes, [[[[3.0, 4.0]]]], w=kernel, zw=zero, z=np.uint8(1), s=np.float32(1))
    assert ss.from_onnx(net.model)(Q.tensor(net.inputs[0])).tolist() == [[[[3, 7]], [[0, 0]]]]


def test_constants_that_follow_from_constants():
    nodes = [
        node("ConstantOfShape", "n", "c"),
        node("Add", "c one", "d"),
        node("ReduceSum", "d", "e"),
        node("Mul", "x e", "y"),
    ]
    net = ss.from_onnx(network(nodes, [[2.0]], n=ints(2**12), one=np.float32(1)).model)
    assert net(Q.tensor([[2]])).tolist() == [[2**13]]


# ---- places that depend on the inputs -------------------------------------------------------------------------------


def one_hot(x, operator="ArgMax", depth=3, opset=13, **attributes):
    """The places of the greatest elements, one-hot."""
    nodes = [
        node(operator, "x", "i", axis=1, **attributes),
        node("OneHot", "i depth values", "y", axis=-1),
    ]
    values = np.float32([-0.5, 2])
    return network(nodes, x, opset, depth=ints(depth), values=values)


@pytest.mark.parametrize("operator", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_one_hot_places_are_onnxs(operator, keepdims, last, depth):
    x = np.float32([[1, 2, 2], [0, 0, 0], [3, -1, 2], [1, 1, 0], [0, 5, 1]])
    model, _ = one_hot(x, operator, depth, keepdims=keepdims, select_last_index=last)
    (wanted,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    found = ss.from_onnx(model)(ss.context("float64").tensor(x))
    assert np.array_equal(np.asarray(found), wanted)


def test_a_place_that_a_box_decides_is_proved():
    model, _ = one_hot(np.float32([[0, 1, 2]]), keepdims=0)
    net = ss.from_onnx(model)
    sure = ss.bounds(net, [[0, 1, 2]], vary={"x": ss.ball("0.4")})
    assert [[float(x) for x in np.ravel(end)] for end in ss.endpoints(sure.enclosure)] == [[-0.5, -0.5, 2]] * 2
    unsure = ss.bounds(net, [[0, 1, 2]], vary={"x": ss.ball("0.6")})
    assert [[float(x) for x in np.ravel(end)] for end in ss.endpoints(unsure.enclosure)] == [[-0.5] * 3, [-0.5, 2, 2]]
