"""Specs as ONNX models: the same real function when it is read again, and in ONNX Runtime but for rounding."""

from fractions import Fraction

import numpy as np
import pytest
import specs
from networks import CASES

import scalarspec as ss
from scalarspec import latent, loss
from scalarspec.conformance.examples import PRECISE, examples
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import ArgumentError, NotExact, NotSupported, TooLarge
from scalarspec.frontends.onnx.writing import file, operators
from scalarspec.models import mlp

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
runtime.set_default_logger_severity(4)
RATIONAL = ss.context("rational")
X = np.array([0.5, -0.25, 1.0])


def of(spec, args):
    """The value at arguments in rationals, or where it is irrational an enclosure."""
    try:
        return evaluated(spec, args, RATIONAL)
    except NotExact:
        return evaluated(spec, args, PRECISE)


def evaluated(spec, args, context):
    return ss.lift(spec, context)(*ss.lift(list(args), context))


def same(found, wanted):
    """Are two rational values equal, or have two enclosures points in common?"""
    (low, high), (lower, upper) = ss.endpoints(found), ss.endpoints(wanted)
    return found.shape == wanted.shape and bool(np.all((low <= upper) & (lower <= high)))


def session(model):
    """ONNX Runtime on a model, or None where it has no kernel for one of the operators in the format."""
    try:
        return runtime.InferenceSession(model.SerializeToString())
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error):
            raise
        return None


def run(model, args):
    """What ONNX Runtime gives."""
    ready = session(model)
    return ready.run(None, {given.name: x for given, x in zip(ready.get_inputs(), args, strict=True)})[0]


def in_runtime(write, args, formats):
    """The model in a format for which ONNX Runtime has kernels, the arguments in it, and the result."""
    for dtype in formats:
        model = write(dtype)
        if session(model) is not None:
            given = [np.asarray(x, dtype=dtype) for x in args]
            return model, given, run(model, given)
    raise AssertionError("no kernels")


def agrees(spec, args, *rest, as_computed=None, formats=("float64", "float32"), **options):
    """Is a spec, read again, the same real function at arguments, and what ONNX Runtime gives, explained by rounding?

    rest: arguments in front of these, models among them; as_computed: what the runtime does, if it is something else;
    formats: those to look for kernels in.
    """

    def write(dtype):
        return ss.to_onnx(spec, *rest, *(ss.Shape(np.shape(x)) for x in args), dtype=dtype, **options)

    again = ss.from_onnx(write("float64"))
    if not same(of(again, args), of(lambda *xs: spec(*ss.lift(list(rest), xs[0].context), *xs), args)):
        return False
    model, given, found = in_runtime(write, args, formats)
    return ss.crosscheck(as_computed or ss.from_onnx(model), *given, actual=found).explained


# ---- each operation -------------------------------------------------------------------------------------------------

REFUSED = {"lgamma": "log Γ", "digamma": "Γ′ / Γ"}
"""Operations that ONNX has no operators for, and of what function it says so."""


def absolutely(function):
    """A function of which an error counts beside 1, whatever its value."""
    return lambda x: function(x) + 1 - 1


KERNELS = {
    "softsign": lambda x: x * (1 / (1 + ss.abs(x))),
    "elu": lambda x: ss.where(x > 0, x, ss.exp(x) - 1),
    "sigmoid": absolutely(ss.sigmoid),
    "silu": lambda x: x * absolutely(ss.sigmoid)(x),
    "sin": lambda x: ss.sin(x + 1 - 1),  # it rounds x, where it takes multiples of π away
    "cos": lambda x: ss.cos(x + 1 - 1),
}
"""What ONNX Runtime computes, where it has fewer digits than a formula, or a library, is held to."""

SINGLE = {"gelu_tanh"}
"""Of what the kernel for float64 has a constant in float32."""


def cases(name):
    """Ways to call an operation, and a point at which each has a value; inputs without elements are read as open."""
    for example in examples(OPERATIONS[name]):
        points = [point for point, _ in example.known()]
        if points and all(x.size for x in points[0]):
            yield example.named, points[0], points[-1]


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - set(REFUSED)))
def test_each_operation_is_written_and_read_again(name):
    told = {"as_computed": KERNELS.get(name), **({"formats": ["float32"]} if name in SINGLE else {})}
    found = [agrees(spec, point, **told) for spec, *points in cases(name) for point in points]
    assert found
    assert all(found)


@pytest.mark.parametrize("name", REFUSED)
def test_what_onnx_has_no_operator_for_is_refused_by_name(name):
    with pytest.raises(NotSupported, match=f"to_onnx: {name}: ONNX has no operator for {REFUSED[name]}"):
        ss.to_onnx(getattr(ss, name), ss.Dim(2))


@pytest.mark.parametrize("name", ["mean", "max", "cumulative_sum", "matmul", "broadcast_to", "concat", "logsumexp"])
def test_shapes_without_elements_are_written(name):
    """They run, and give what the spec does."""
    for example in examples(OPERATIONS[name]):
        point = next((p for p, _ in example.known()), None)
        if point is not None and not all(x.size for x in point):
            args = [np.asarray(x, dtype=np.float64) for x in point]
            found = run(ss.to_onnx(example.named, *args), args)
            assert np.array_equal(found, np.asarray(example.named(*map(ss.context("float64").tensor, args))))


FAULTS = {
    "sum": lambda at: operators.reduced(at, "ReduceMean"),
    "cumulative_sum": lambda at: at.node("CumSum", at.x, at.model.integers(0, "axis"), exclusive=1),
    "erfc": lambda at: at.node("Erf", at.x),
    "softmax": lambda at: at.node("Softmax", at.x, axis=0),
    "where": lambda at: at.node("Where", at.operands[0], at.operands[2], at.operands[1]),
    "less": lambda at: at.node("LessOrEqual", *at.operands),
    "permute_dims": lambda at: at.node("Transpose", at.x, perm=list(np.argsort(at.parameters["axes"]))),
}
"""Wrong rules."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_rule_is_caught(name, monkeypatch):
    monkeypatch.setitem(operators.RULES, name, FAULTS[name])

    def caught(spec, point):
        try:
            return not agrees(spec, point)
        except (NotSupported, ss.errors.ShapeError):  # of a model whose shapes are wrong
            return True

    assert any(caught(spec, point) for spec, *points in cases(name) for point in points)


# ---- specs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", specs.OF_VECTORS)
def test_functions_of_vectors(name):
    assert agrees(specs.OF_VECTORS[name], [specs.XS[1], specs.YS[1]])


@pytest.mark.parametrize("name", specs.OPERATIONS)
def test_steps_of_vectors(name):
    assert agrees(lambda x: specs.OPERATIONS[name](x), [X])


@pytest.mark.parametrize("name", CASES)
def test_networks(name):
    case = CASES[name]
    assert agrees(case.spec, [case.x], case.model)


@pytest.mark.parametrize("name", specs.shipped())
def test_losses_of_the_shipped_models(name):
    spec, (model, *rest), _ = specs.shipped()[name]
    settings, arrays = [r for r in rest if np.ndim(r) == 0], [r for r in rest if np.ndim(r)]
    assert agrees(spec, arrays, model, *settings)


@pytest.mark.parametrize(
    ("spec", "args"),
    [
        (latent.diagonal_gaussian_kl_to_standard, (X, X / 2)),
        (lambda x, y: loss.cross_entropy(x, [1, 0]) + loss.mse(x, y), (np.stack([X, -X]), np.stack([X, X]))),
        (lambda x, y: loss.huber(x, y), (X, -X)),
        (lambda x: ss.conv_transpose(x, [[[1, 2, "1/2"]]], stride=2, padding=1), (X[None],)),
        (lambda x: ss.max_pool(x, 2, padding=1) + ss.avg_pool(x, 2, padding=1), (np.outer(X, X)[None],)),
        (lambda x: ss.sort(x) * x, (X,)),
        (lambda x: ss.einsum("ij,kj->ik", x, x), (np.stack([X, -X]),)),
        (lambda x: ss.pad(x, 2, mode="reflect")[::-2], (X,)),
        (lambda x: ss.stack([x, x[[2, 0, 1]]])[:, ::-1][np.array([[True, False, True], [False, True, True]])], (X,)),
        (ss.grad(lambda x: ss.sum(ss.softplus(x) * x[0])), (X,)),
        (ss.batched(lambda x: ss.logsumexp(x), over="x"), (np.stack([X, -X]),)),
    ],
)
def test_further_specs(spec, args):
    assert agrees(spec, args)


def test_convolutions_are_convolutions_where_runtimes_have_them():
    case = CASES["cnn"]

    def operators_in(dtype):
        return [node.op_type for node in ss.to_onnx(case.spec, case.model, case.x, dtype=dtype).graph.node]

    assert operators_in("float32").count("Conv") == 2
    assert "Conv" not in operators_in("float64")


@pytest.mark.parametrize(("groups", "shape"), [(1, (4, 2, 2)), (2, (4, 1, 2)), (2, (2, 1, 3))])
def test_convolutions_in_groups(groups, shape):
    weight, x = np.arange(np.prod(shape)).reshape(shape) / 4, np.arange(30).reshape(3, 2, 5) / 8

    def spec(x):
        return ss.conv(x, weight, stride=2, groups=groups)

    written = ss.to_onnx(spec, x, dtype="float32")
    assert "Conv" in [node.op_type for node in written.graph.node]
    assert same(of(ss.from_onnx(written), [x]), of(spec, [x]))
    assert ss.crosscheck(spec, x, actual=run(written, [x.astype("float32")])).explained


def test_the_formula_is_the_same():
    """In symbols, of a small network and of a loss."""
    symbols, network = ss.context("symbolic"), ss.layers.Sequential(ss.layers.Linear([[1.0, 2.0]], [0.5]), ss.tanh)
    for spec in (network, latent.diagonal_gaussian_kl_to_standard):
        count = 2 if spec is not network else 1
        given = [symbols.symbols(name, (2,)) for name in "xy"[:count]]
        again = ss.lift(ss.from_onnx(ss.to_onnx(spec, *[ss.Dim(2)] * count)), symbols)
        found, wanted = (np.ravel(np.array(f(*given).tolist(), dtype=object)) for f in (again, ss.lift(spec, symbols)))
        assert all((a - b).expand() == 0 for a, b in zip(found, wanted, strict=True))


def a_file():
    """A network that another library might write."""
    h, array = onnx.helper, onnx.numpy_helper.from_array
    numbers = {"w": (2, 1, 3, 3), "b": (2,), "v": (3, 8), "c": (3,)}
    source = np.random.default_rng(0)
    nodes = [
        h.make_node("Conv", ["x", "w", "b"], ["conv"], pads=[1, 1, 1, 1]),
        h.make_node("Relu", ["conv"], ["relu"]),
        h.make_node("MaxPool", ["relu"], ["pool"], kernel_shape=[2, 2], strides=[2, 2]),
        h.make_node("Flatten", ["pool"], ["flat"]),
        h.make_node("Gemm", ["flat", "v", "c"], ["y"], transB=1),
    ]
    kinds = [h.make_tensor_value_info(*told) for told in (("x", 1, (1, 1, 4, 4)), ("y", 1, (1, 3)))]
    arrays = [array((source.integers(-8, 9, shape) / 8).astype("float32"), name) for name, shape in numbers.items()]
    return h.make_model(
        h.make_graph(nodes, "net", kinds[:1], kinds[1:], arrays), opset_imports=[h.make_opsetid("", 20)]
    )


def test_what_is_read_is_written_again():
    first = ss.from_onnx(a_file())
    written = ss.to_onnx(first, ss.Shape((1, 1, 4, 4)), dtype="float32")
    second = ss.from_onnx(written)
    assert [each.name for each in written.graph.initializer] == ["w", "b", "v", "c"]
    assert {"conv", "relu", "pool", "y"} <= {name for node in written.graph.node for name in node.output}
    x = np.arange(16).reshape(1, 1, 4, 4) / 8 - 1
    assert np.array_equal(of(first, [x]).scalars(), of(second, [x]).scalars())


def test_modules_of_pytorch_are_written():
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)).eval()
    model = ss.to_onnx(net, ss.Shape((1, 1, 4, 4)), dtype="float32")
    assert names(model) == [["input"], ["0.weight", "0.bias"], ["result"]]
    x = np.arange(16).reshape(1, 1, 4, 4) / 8
    assert np.array_equal(of(ss.from_onnx(model), [x]).scalars(), of(net, [x]).scalars())


# ---- inputs, parameters and names -----------------------------------------------------------------------------------


def names(model):
    """The names of the inputs, the arrays and the outputs."""
    return [[each.name for each in part] for part in (model.graph.input, model.graph.initializer, model.graph.output)]


def test_models_give_parameters_and_arrays_inputs():
    net = ss.layers.Sequential(ss.layers.Linear(np.ones((2, 3)), np.ones(2)), ss.relu)
    inner = ["layers.0.weight", "layers.0.bias"]
    assert names(ss.to_onnx(net, X)) == [["x"], inner, ["result"]]
    assert names(ss.to_onnx(lambda net, x: net(x), net, X)) == [["x"], [f"net.{name}" for name in inner], ["result"]]
    assert names(ss.to_onnx(lambda x: net(x) * X[:2], X)) == [["x"], [*inner, "array"], ["result"]]
    assert names(ss.to_onnx(lambda p, x: p["w"] @ x, {"w": X}, X)) == [["x"], ["p.w"], ["result"]]
    assert names(ss.to_onnx(lambda pair, k: pair[0] * pair[1] * k, (X, X), 2)) == [["pair.0", "pair.1"], [], ["result"]]
    assert names(ss.to_onnx(mlp.loss, mlp.Model((net.layers[0],)), X[None], [1]))[0] == ["x"]
    assert names(ss.to_onnx(net.layers[0].__call__, X)) == [["x"], ["weight", "bias"], ["result"]]


def test_the_inputs_may_be_chosen():
    def spec(x, y, beta=2):
        return ss.sum(x * y) * beta

    assert names(ss.to_onnx(spec, X, X, inputs="y")) == [["y"], ["x"], ["result"]]
    assert names(ss.to_onnx(spec, [1, 2], np.array([3, 4]), inputs=("beta", "x"))) == [["x", "beta"], [], ["result"]]
    with pytest.raises(ss.errors.UnknownName, match="no parameter 'z'"):
        ss.to_onnx(spec, X, X, inputs="z")
    with pytest.raises(ArgumentError, match="expected arrays of floats, or names of arguments in inputs"):
        ss.to_onnx(spec, np.array([1, 2]), np.array([3, 4]))
    with pytest.raises(ArgumentError, match=r"net.weight: expected the numbers of a parameter, got a shape"):
        ss.to_onnx(lambda net, x: net(x), ss.layers.Linear(ss.Shape((2, 3))), X)


def test_stages_and_results_give_names():
    def spec(x):
        half = ss.stage("half", x / 2)
        return {"low": ss.stage("low", half - 1), "all": (half, x, half < 0)}

    model = ss.to_onnx(spec, X)
    assert names(model) == [["x"], [], ["low", "half", "result.all.1", "result.all.2"]]
    low, half, same_x, truths = ss.from_onnx(model)(RATIONAL.tensor(X))
    assert (low.tolist(), half.tolist(), same_x.tolist()) == ((X / 2 - 1).tolist(), (X / 2).tolist(), X.tolist())
    assert truths.tolist() == [False, True, False]


def test_names_are_told_apart():
    def spec(x, relu):
        return ss.stage("x", ss.relu(x)) + ss.relu(relu)

    model = ss.to_onnx(spec, X, X)
    assert len({name for node in model.graph.node for name in node.output} | {"x", "relu"}) == len(model.graph.node) + 2


# ---- numbers --------------------------------------------------------------------------------------------------------


def test_literals_are_exact():
    """One tenth is a quotient; π is 4 atan 1, and √2 a root."""
    for dtype in ("float64", "float32", "float16"):
        model = ss.to_onnx(lambda x: x * "0.1" + Fraction(1, 3), X, dtype=dtype)
        assert ss.from_onnx(model)(RATIONAL.tensor([0, 5, 1])).tolist() == [
            Fraction(1, 3), Fraction(5, 6), Fraction(13, 30),
        ]  # fmt: skip
    assert agrees(lambda x: x * ss.pi(x.context) + ss.sqrt(x.context.tensor(2)), [X])


def test_parameters_that_the_format_has_not_are_refused_by_name():
    net = ss.layers.Linear(np.array([[0.5, 0.1]]), np.array([1.0]))
    with pytest.raises(
        ArgumentError, match=r"parameter 'weight': 0.1 is no number of float32; write dtype='float64', or"
    ):
        ss.to_onnx(net, ss.Dim(2), dtype="float32")
    rounded = ss.to_onnx(net, ss.Dim(2), dtype="float32", round_numbers=True)
    assert onnx.numpy_helper.to_array(rounded.graph.initializer[0])[0, 1] == np.float32(0.1)
    with pytest.raises(ArgumentError, match=r"parameter 'weight': 1e\+300 is no number of float32"):
        ss.to_onnx(ss.layers.Linear(np.array([[1e300]])), ss.Dim(1), dtype="float32", round_numbers=True)
    with pytest.raises(ss.errors.DomainError, match="parameter 'weight': expected real numbers"):
        ss.to_onnx(ss.layers.Linear(np.array([[np.inf]])), ss.Dim(1))


def test_numbers_of_the_spec_that_the_format_has_not_are_refused():
    long = Fraction(1, 10**400)
    with pytest.raises(ArgumentError, match=r"a number of the spec: .* is no number of float64; write round_numbers"):
        ss.to_onnx(lambda x: x + long, X)
    rounded = ss.to_onnx(lambda x: x + long, X, round_numbers=True)
    assert ss.from_onnx(rounded)(RATIONAL.tensor(X)).tolist() == X.tolist()


def test_parameters_may_be_fractions():
    net = ss.layers.Linear([[Fraction(1, 3), 2]], [Fraction(1, 7)])
    model = ss.to_onnx(net, ss.Dim(2))
    assert "weight.numerator" in names(model)[1]
    assert ss.from_onnx(model)(RATIONAL.tensor([3, 1])).tolist() == [Fraction(22, 7)]


# ---- files and refusals ---------------------------------------------------------------------------------------------


def test_the_file_is_written_whole(tmp_path):
    place = tmp_path / "net.onnx"
    model = ss.to_onnx(ss.relu, X, path=place)
    assert onnx.load(place) == model
    assert [each.name for each in tmp_path.iterdir()] == ["net.onnx"]
    with pytest.raises(NotSupported):
        ss.to_onnx(ss.lgamma, X, path=place)
    assert onnx.load(place) == model


@pytest.mark.parametrize(
    ("path", "message"),
    [("none/net.onnx", "No such file"), (".", "'.'"), ("", "''"), (3, "expected the path of a file, got 3")],
)
def test_a_file_that_cannot_be_written(path, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=f"to_onnx: path: .*{message}"):
        ss.to_onnx(ss.relu, X, path=path)
    assert not list(tmp_path.iterdir())


def test_models_that_are_too_large(monkeypatch):
    monkeypatch.setattr(file, "MOST_BYTES", 100)
    with pytest.raises(TooLarge, match="the arrays have 128 bytes, and a file of ONNX takes 100"):
        ss.to_onnx(ss.layers.Linear(np.ones((2, 8))), ss.Dim(8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset": 17}, "opset: expected an integer from 18 to"),
        ({"opset": 10**6}, "opset: expected an integer from 18 to"),
        ({"dtype": "int8"}, "dtype: expected one of float64, float32, float16, got 'int8'"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ArgumentError, match=message):
        ss.to_onnx(ss.relu, X, **options)


def test_specs_that_look_at_numbers_are_refused():
    with pytest.raises(NotSupported, match="where"):
        ss.to_onnx(lambda x: x if x[0] > 0 else -x, X)
    with pytest.raises(ArgumentError, match="expected it to return tensors, got str"):
        ss.to_onnx(lambda x: "x", X)


def test_older_operators():
    """Opset 18 has no Gelu, which is written by its definition."""
    assert agrees(lambda x: ss.gelu(x) + ss.gelu(x, "tanh") + ss.mish(x), [X], opset=18)
    assert agrees(lambda x: ss.softmax(x) + ss.max(x), [X], opset=onnx.defs.onnx_opset_version())


@pytest.mark.parametrize("name", ["a\0b.onnx", "\ud800.onnx", "none/a.onnx"])
def test_a_file_that_cannot_be_is_one_error(tmp_path, name):
    with pytest.raises(ArgumentError, match="to_onnx: path"):
        ss.to_onnx(lambda x: x + 1, np.ones(2), path=f"{tmp_path}/{name}")
    assert not list(tmp_path.iterdir())


def test_a_long_name_is_a_name(tmp_path):
    ss.to_onnx(lambda x: x + 1, np.ones(2), path=tmp_path / f"{'a' * 245}.onnx")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("value", [0.1, 1e-5, 1 / 3, 123456.789, 2.0**-60 + 1])
def test_a_float_of_the_spec_is_a_sum_in_a_narrower_format(value):
    spec = ss.as_spec(lambda x: x * value, literals="binary")
    model = ss.to_onnx(spec, np.ones(1), dtype="float32")
    assert ss.from_onnx(model)(ss.context("rational").tensor([1])).tolist() == [Fraction(value)]


def test_a_float_beyond_the_narrower_format_is_refused():
    spec = ss.as_spec(lambda x: x * 1e300, literals="binary")
    with pytest.raises(ArgumentError, match="no number of float32"):
        ss.to_onnx(spec, np.ones(1), dtype="float32")
