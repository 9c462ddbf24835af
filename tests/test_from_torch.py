"""Modules of PyTorch by their exported graphs: values, enclosures, gradients, parameters, and what is refused."""

import math
import pickle
import subprocess
import sys
import warnings
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import ArgumentError, NotSupported, ShapeError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from exported_modules import EXPORTED, PADDING, Stores, Structured
    from torch import nn
    from torch.nn import functional as F  # noqa: N812 - everybody's name
    from torch.utils import _pytree
    from torch_modules import MODULES, ROWS

    from scalarspec.frontends.torch.exported import walk

    SCRIPT = torch.jit.script(nn.Linear(2, 2).double())

F64, Q = ss.context("float64"), ss.context("rational")
FINE = ss.context("interval", prec=150)
ALL = {**MODULES, **EXPORTED}
READ = {}


def read(name):
    """A module as a spec, each once."""
    if name not in READ:
        READ[name] = ss.from_torch(*ALL[name])
    return READ[name]


def theirs(args, **kwargs):
    """Arguments with tensors of PyTorch in the place of arrays."""
    return _pytree.tree_map(lambda a: torch.tensor(a, **(kwargs if a.dtype.kind == "f" else {})), tuple(args))


def ours(args, context):
    return _pytree.tree_map(lambda a: context.tensor(a) if a.dtype.kind == "f" else a, tuple(args))


def native(net, *args):
    with torch.no_grad():
        return net(*theirs(args)).numpy()


# ---- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_what_torch_computes_differs_by_rounding_alone(name):
    net, *args = ALL[name]
    found = ss.crosscheck(read(name), *args, actual=native(net, *args))
    assert found.explained, found


@pytest.mark.parametrize(
    "name",
    [
        "cnn",
        "image norms",
        "bilinear",
        "physics",
        "stores",
        "padded",
        "masked scores",
        "by hand",
        "inverted",
        "scattered",
    ],
)
def test_core_operators_say_the_same(name):
    net, *args = ALL[name]
    core = ss.from_torch(torch.export.export(net, theirs(args)).run_decompositions())
    found = ss.crosscheck(core, *args, actual=native(net, *args))
    assert found.explained, found


class Squares(nn.Module):
    """Sums, products and a choice."""

    def __init__(self):
        super().__init__()
        self.fc, self.norm = nn.Linear(8, 4), nn.Hardswish()

    def forward(self, x):
        h = self.norm(self.fc(x)) * 0.1
        return F.mse_loss(h, torch.where(h > 0, x[:, :4], -h.flip(-1)), reduction="sum") / 3


@pytest.mark.parametrize("net", [
    Squares(), nn.Bilinear(8, 8, 3), nn.Hardtanh(), nn.AvgPool1d(3), nn.Conv1d(3, 2, 3), nn.LeakyReLU(0.1),
    nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4, eps=0, affine=False), nn.Softsign(), nn.PReLU()),
], ids=lambda net: type(net).__name__)  # fmt: skip
def test_it_is_the_same_as_calling_the_module(net):
    net, x = net.double().eval(), ROWS
    args = (x, x[::-1].copy()) if isinstance(net, nn.Bilinear) else (x,)
    direct = ss.lift(net, Q)(*map(Q.tensor, args))
    assert ss.from_torch(net, *args)(*map(Q.tensor, args)).tolist() == direct.tolist()


@pytest.mark.parametrize("name", ["self-attention", "cnn", "padded", "stores", "scattered"])
def test_bounds_contain_its_values(name):
    args = ALL[name][1:]
    first = next(iter(read(name).inputs))
    found = ss.bounds(read(name), *args, vary={first: ss.ball("0.001")}, backend="interval64", method="interval")
    moved = args[0] + np.random.default_rng(5).uniform(-0.00099, 0.00099, args[0].shape)
    low, high = ss.endpoints(read(name)(*ours((moved, *args[1:]), FINE)))
    assert np.all((found.lower <= high) & (low <= found.upper))


# ---- gradients ------------------------------------------------------------------------------------------------------

NEAR = 1e-11
"""Far above what rounds in float64, in these small networks, and far below what a wrong derivative gives."""


@pytest.mark.parametrize("name", ALL)
def test_gradients_are_autograds(name):
    net, *args = ALL[name]
    given = theirs(args, requires_grad=True)
    result = net(*given)
    weights = (np.arange(result.numel()).reshape(result.shape) * 7 % 5) - 1.5
    net.zero_grad()
    (result * torch.tensor(weights)).sum().backward()
    leaves = [t for t in _pytree.tree_leaves(given) if t.is_floating_point()]

    def loss(model, values):
        rest = iter(values)
        spread = _pytree.tree_map(lambda a: next(rest) if a.dtype.kind == "f" else a, tuple(args))
        return ss.sum(model(*spread) * weights)

    model, values = ss.lift(read(name), F64), [F64.tensor(t.detach().numpy()) for t in leaves]
    argnums = (1, 0) if model.parameters else (1,)
    by_values, *by_model = ss.grad(loss, argnums=argnums)(model, values)
    pairs = [*zip(by_values, [t.grad for t in leaves], strict=True)]
    pairs += [(by_model[0].parameters[key], p.grad) for key, p in net.named_parameters() if p.grad is not None]
    size = max(float(grad.abs().max()) for _, grad in pairs)
    assert all(np.max(np.abs(np.asarray(own.tolist()) - grad.numpy())) <= NEAR * size for own, grad in pairs)


class Stopped(nn.Module):
    """Takes no gradient of a part."""

    def __init__(self, how):
        super().__init__()
        self.how = how

    def forward(self, x):
        if self.how == "detach":
            return x * x.detach()
        with torch.no_grad():
            y = x * x
        return y * x


@pytest.mark.parametrize("how", ["detach", "no_grad"])
def test_a_derivative_that_is_another_one_is_refused_and_the_value_is_not(how):
    net = ss.from_torch(Stopped(how), np.ones(2))
    assert ss.bounds(net, np.ones(2), vary={"x": ss.ball("0.01")}).width is not None
    with pytest.raises(NotSupported, match="stop-gradient"):
        ss.grad(lambda x: ss.sum(net(x)))(F64.tensor([1.0, 2.0]))


# ---- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_parameters_enter_at_their_exact_values(dtype):
    net = nn.Linear(3, 2).to(getattr(torch, dtype))
    exact = [[Fraction(v) for v in row] for row in net.weight.detach().double().tolist()]
    bias = [Fraction(v) for v in net.bias.detach().double().tolist()]
    found = ss.from_torch(net, np.eye(3))(Q.tensor(np.eye(3)))
    assert found.tolist() == [[exact[j][i] + bias[j] for j in range(2)] for i in range(3)]


def test_parameters_are_those_of_the_module():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double().eval()
    spec = ss.from_torch(net, np.ones((2, 3)))
    floats = {name: value for name, value in net.state_dict().items() if value.is_floating_point()}
    assert {*spec.parameters} == {*floats}
    before = spec.parameters["0.weight"].copy()
    with torch.no_grad():
        net[0].weight.zero_()
    assert np.array_equal(spec.parameters["0.weight"], before)
    wide = ss.bounds(lambda net, x: net(x), spec, np.ones((2, 3)), vary={"net": ss.ball("0.001")})
    assert np.all(wide.lower < wide.upper)


def test_weights_that_are_tied_are_one():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(self.a(x))

    net = Tied().double()
    net(torch.ones(1, 3, dtype=torch.float64)).sum().backward()
    spec = ss.lift(ss.from_torch(net, np.ones((1, 3))), F64)
    found = ss.grad(lambda m: ss.sum(m(F64.tensor(np.ones((1, 3))))))(spec)
    assert any(np.allclose(np.asarray(g.tolist()), net.a.weight.grad) for g in found.parameters.values())


WITHOUT_TORCH = """
import pickle, sys
sys.modules["torch"] = None
import scalarspec as ss
net, x = pickle.load(sys.stdin.buffer)
print(net(*(ss.context("float64").tensor(each) if each.dtype.kind == "f" else each for each in x)).tolist())
"""


@pytest.mark.parametrize("name", ["padded", "sorted", "recurrent"])
def test_it_travels_to_where_there_is_no_torch(name):
    args = ALL[name][1:]
    sent = pickle.dumps((read(name), args))
    found = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], input=sent, capture_output=True, check=True)
    assert found.stdout.decode().strip() == str(read(name)(*ours(args, F64)).tolist())


def test_it_is_a_model_for_all_jobs():
    spec = read("mlp")
    assert str(spec) == "<network Sequential from PyTorch>"
    assert spec.inputs == {"input": (3, 8)}
    assert "aten.tanh.default(self=linear)" in spec.source()
    assert {stage.name for stage in ss.crosscheck(spec, ROWS, dtype="float64").stages} >= {"linear", "tanh"}
    assert ss.tolerance(spec, ROWS, vary={"input": ss.ball("0.01")}) is not None


# ---- shapes ---------------------------------------------------------------------------------------------------------


class Open(nn.Module):
    """A mask that is as long as the argument."""

    def forward(self, x):
        b, t, c = x.shape
        mask = torch.triu(torch.full((t, t), -1e9, dtype=x.dtype), 1) + torch.eye(t, dtype=x.dtype) / t
        return (torch.softmax(x @ x.mT + mask, -1) @ x).reshape(b * t, c)


def test_other_shapes_are_refused_unless_they_are_open():
    with pytest.raises(ShapeError, match=r"input: shape \(2, 8\), where it was exported for \(3, 8\)"):
        read("mlp")(F64.tensor(ROWS[:2]))
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    auto = torch.export.Dim.AUTO
    spec = ss.from_torch(Open(), np.ones((3, 5, 3)), dynamic_shapes={"x": {0: auto, 1: auto}})
    assert ss.crosscheck(spec, x, actual=native(Open(), x)).explained
    with pytest.raises(ShapeError, match="exported for"):
        spec(F64.tensor(x[..., :2]))


def test_arguments_have_the_structure_of_the_examples():
    args = EXPORTED["structured"][1:]
    assert [*read("structured").inputs][:2] == ["x", "more_pair_0"]
    with pytest.raises(ArgumentError, match="structure of the example"):
        read("structured")(F64.tensor(ROWS), {"pair": F64.tensor(ROWS)})
    with pytest.raises(ArgumentError, match="expected x, more"):
        read("structured")(F64.tensor(ROWS))
    named = ss.from_torch(Structured().double(), args[0], more=args[1])
    assert named(F64.tensor(ROWS), more=ours(args, F64)[1]).tolist() == read("structured")(*ours(args, F64)).tolist()


# ---- the checks can fail --------------------------------------------------------------------------------------------

FAULTS = {
    "unet": ("leaky_relu", lambda t, negative_slope: ss.leaky_relu(t, 0.1000001)),
    "rotary": ("neg", lambda t: ss.negative(t) * Fraction(10**9 + 1, 10**9)),
    "stores": ("select", lambda t, dim, index: t[..., 2] if dim == 1 else t[index]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_rule_is_caught(name, monkeypatch):
    net, *args = ALL[name]
    monkeypatch.setitem(walk.OPERATORS, *FAULTS[name])
    assert not ss.crosscheck(read(name), *args, actual=native(net, *args)).explained


def test_a_wrong_shape_is_caught(monkeypatch):
    monkeypatch.setitem(walk.OPERATORS, "tanh", lambda t: t[:, :1])
    with pytest.raises(ShapeError, match=r"aten\.tanh\.default 'tanh' in 1: shape \(3, 1\) where PyTorch has \(3, 6\)"):
        read("mlp")(F64.tensor(ROWS))


# ---- what is refused ------------------------------------------------------------------------------------------------


class Says(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def packed(x):
    rows = nn.utils.rnn.pack_padded_sequence(x[:, :, None], torch.tensor([2, 2]), batch_first=True)
    return nn.utils.rnn.pad_packed_sequence(nn.LSTM(1, 1).double()(rows)[0])[0]


REFUSED = {
    "dropout": (nn.Sequential(nn.Dropout(0.5)).train(), r"aten\.dropout.*net\.eval\(\)|bernoulli|native_dropout"),
    "batch norm": (nn.BatchNorm1d(2).double().train(), r"call net\.eval\(\) first"),
    "noise": (Says(lambda x: x + torch.randn_like(x)), "pass the noise as an argument"),
    "a branch": (Says(lambda x: x if x.sum() > 0 else -x), r"torch\.export cannot export Says: .*write torch\.where"),
    "nonzero": (Says(lambda x: torch.nonzero(x)), "which places there are"),
    "a narrower format": (Says(lambda x: x.float() * 2), "from float64 to float32 it rounds"),
    "digits cut off": (Says(lambda x: x.long() * 2), "from float64 to int64 it cuts digits off"),
    "no rule": (Says(lambda x: torch.linalg.pinv(x)), "there is no rule|factorization|cannot export"),
    "bits": (Says(lambda x: torch.view_as_real(torch.complex(x, x))), "complex"),
    "inverse": (Says(lambda x: torch.linalg.inv(x)), "pass what it finds as an argument"),
    "places of a pool": (Says(lambda x: F.max_pool1d(x, 2, return_indices=True)[1]), "only the first of its results"),
    "packed": (Says(packed), "cannot export|not followed"),
    "a script": (SCRIPT, "ScriptModule"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_refused_by_name(name):
    module, told = REFUSED[name]
    with pytest.raises(NotSupported, match=told):
        ss.from_torch(module, np.array([[1.5, -2.0], [3.0, 4.0]]))(F64.tensor([[1.5, -2.0], [3.0, 4.0]]))


def test_what_is_no_module_is_refused():
    with pytest.raises(ArgumentError, match=r"expected a torch\.nn\.Module, got function"):
        ss.from_torch(lambda x: x, np.ones(2))
    exported = torch.export.export(Stores(), (torch.tensor(ROWS),))
    with pytest.raises(ArgumentError, match="give it alone"):
        ss.from_torch(exported, ROWS)


def test_rows_in_which_nothing_counts_are_refused():
    _, x, padding = EXPORTED["padded"]
    nothing = np.ones_like(padding)
    with pytest.raises(NotSupported, match="NaN"):
        read("padded")(F64.tensor(x), nothing)
    assert not np.array_equal(PADDING, nothing)


def test_settings_are_those_of_the_examples():
    class Scaled(nn.Module):
        def forward(self, x, times, mode=None):
            return x * times if mode == "more" else x

    spec = ss.from_torch(Scaled(), np.ones(2), 3, mode="more")
    assert spec(Q.tensor([1, 2]), 3, mode="more").tolist() == [3, 6]
    with pytest.raises(ArgumentError, match="expected 3, as it was exported, got 4"):
        spec(Q.tensor([1, 2]), 4, mode="more")


def test_constants_are_exact():
    class Constants(nn.Module):
        def forward(self, x):
            t = torch.linspace(0, 1, 4, dtype=torch.float64)
            keep = torch.ones(4, 4, dtype=torch.bool).tril() & ~torch.eye(4, dtype=torch.bool)
            return x * 0.1 + t + keep.sum(0) + torch.arange(0, 1, 0.25, dtype=torch.float64)

    found = ss.from_torch(Constants(), np.ones(4))(Q.tensor([1, 1, 1, 1]))
    assert found.tolist() == [Fraction(0.1) + Fraction(i, 3) + 3 - i + Fraction(i, 4) for i in range(4)]
    assert math.isfinite(float(found[0].item()))


# ---- known arrays have formats --------------------------------------------------------------------------------------

BOOLS = torch.ones(6, dtype=torch.bool)
LATER = torch.arange(6) > 3
FORMATS = {
    "truths added": lambda x: (BOOLS + BOOLS) * x,
    "truths added in place": lambda x: BOOLS.clone().add_(LATER) * x,
    "an integer filled": lambda x: torch.arange(6).masked_fill(LATER, 2.9) * x,
    "an integer padded": lambda x: F.pad(torch.arange(4), (1, 1), value=2.9) * x,
    "an integer at places": lambda x: torch.arange(6).index_fill(0, torch.tensor([1]), 2.9) * x,
    "an integer scattered": lambda x: torch.zeros(6, dtype=torch.long).scatter(0, torch.tensor([1]), 2.9) * x,
    "a truth filled": lambda x: torch.zeros(6, dtype=torch.bool).masked_fill(LATER, 3) * x,
    "whole steps": lambda x: torch.linspace(0, 5, 6, dtype=torch.int64) * x,
    "a subnormal": lambda x: torch.full((6,), 3e-6, dtype=torch.float16) * x,
    "a rounded store": lambda x: torch.zeros(6, dtype=torch.float16).masked_fill(LATER, 0.1) * x,
    "rolled in a row": lambda x: x.reshape(2, 3).roll(1).reshape(-1),
    "masked scores": lambda x: (x.reshape(2, 3).masked_fill(LATER.reshape(2, 3), -torch.inf) / 2 - 1).softmax(1),
}
CUT = {
    "fractions of integers": lambda x: torch.linspace(0, 1, 6, dtype=torch.int64) * x,
    "a sum that wraps": lambda x: (torch.full((6,), 200, dtype=torch.uint8) + 100) * x,
    "a product that wraps": lambda x: (torch.full((6,), 100, dtype=torch.int8) * 2) * x,
    "below zero": lambda x: (torch.arange(6, dtype=torch.uint8) - 1) * x,
}


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("name", FORMATS)
def test_known_arrays_have_pytorchs_numbers(name):
    x = np.arange(1.0, 7.0)
    net = Function(FORMATS[name])
    found = ss.crosscheck(ss.from_torch(net, x), x, actual=native(net, x))
    assert found.explained


@pytest.mark.parametrize("name", CUT)
def test_integers_that_pytorch_cuts_or_wraps_are_refused(name):
    with pytest.raises(NotSupported, match=r"cut|wraps"):
        ss.from_torch(Function(CUT[name]), np.ones(6))(F64.tensor(np.ones(6)))


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_results_in_formats_that_are_not_followed_are_refused(dtype):
    with pytest.raises(NotSupported, match=r"its result is of float8"):
        ss.from_torch(Function(lambda x: x * torch.full((6,), 0.5, dtype=dtype).to(x.dtype)), np.ones(6))


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_attention_with_a_padding_mask(weights, causal):
    attention = nn.MultiheadAttention(4, 2, batch_first=True).double().eval()
    mask = torch.triu(torch.ones(3, 3, dtype=torch.bool), 1) if causal else None

    def forward(x):
        gone = torch.tensor([[False, False, True]])
        return attention(x, x, x, key_padding_mask=gone, need_weights=weights, attn_mask=mask)[0]

    net, x = Function(forward), np.linspace(-1, 1, 12).reshape(1, 3, 4)
    net.attention = attention
    assert ss.crosscheck(ss.from_torch(net, x), x, actual=native(net, x)).explained
