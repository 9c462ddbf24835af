"""PyTorch's functions and modules as specs: values, enclosures, gradients, and what is refused."""

import inspect
import re
import warnings
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.core.foreign_names import TORCH
from scalarspec.errors import NotExact, NotSupported, ScalarSpecError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # PyTorch's own
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch import nn
    from torch.nn import functional as F  # noqa: N812 - everybody's name
    from torch_calls import EXPRESSIONS
    from torch_modules import MODULES, ROWS

    from scalarspec.frontends.torch import protocol as protocol
    from scalarspec.frontends.torch.functions import FUNCTIONS

F64, B, Q = (ss.context(name) for name in ("float64", "interval", "rational"))
FINE = ss.context("interval", prec=150)


def native(net, *args):
    with torch.no_grad():
        return net(*map(torch.tensor, args)).numpy()


# ---- every function -------------------------------------------------------------------------------------------------

LESS_EXACT = {
    "torch.sqrt(p)": "PyTorch's root is not correctly rounded on every processor",
    "torch.special.ndtr(x)": "PyTorch adds 1 to erf, which cancels",
    'F.interpolate(i, size=(8, 8), mode="bilinear", align_corners=True)': "PyTorch rounds the places between pixels",
}


def arguments():
    rng = np.random.default_rng(3)
    shapes = {"x": (5,), "y": (5,), "z": (4, 5), "s": (4, 4)}
    normal = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return normal | {"p": rng.random(5) * 0.7 + 0.15, "i": rng.standard_normal((2, 3, 4, 4))}


class Module(nn.Module):
    """An expression as a module, so that methods have PyTorch's meaning."""

    def __init__(self, text):
        super().__init__()
        self.function = eval(f"lambda x, y, z, s, p, i: {text}", {"torch": torch, "F": F})

    def forward(self, x, y, z, s, p, i):
        return self.function(x, y, z, s, p, i)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_calls_mean_what_they_mean_to_torch(text):
    given, module = arguments(), Module(text)
    found = ss.crosscheck(module, *given.values(), actual=native(module, *given.values()))
    assert found.explained or (text in LESS_EXACT and found.max_ulps < 1000), found


def test_every_function_is_called():
    text = "\n".join(EXPRESSIONS)
    internal = {name for name in FUNCTIONS if name.startswith("_")}
    nested = {"multi_head_attention_forward", "lstm", "gru", "rnn_tanh", "rnn_relu", "feature_dropout", "log_sigmoid"}
    other = {"im2col", "chain_matmul", "constant_pad_nd", "lp_pool3d", "one_hot", "split_with_sizes"}
    spellings = {name: name.replace("linalg_", "linalg.").replace("special_", "special.") for name in FUNCTIONS}
    unseen = {name for name, spelled in spellings.items() if f".{spelled}(" not in text}
    refused = {name for name, handler in FUNCTIONS.items() if hasattr(handler, "reason")}
    assert not unseen - internal - nested - other - refused


# ---- modules as people write them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_the_module_is_the_spec(name):
    net, *args = MODULES[name]
    found = ss.crosscheck(net, *args, actual=native(net, *args))
    assert found.explained, found


WORKED_OUT = {"weight norm", "physics"}
"""Modules that work out something from parameters alone."""


@pytest.mark.parametrize("name", [name for name in MODULES if name not in WORKED_OUT])
def test_it_is_called_on_tensors_directly(name):
    net, *args = MODULES[name]
    low, high = ss.endpoints(net(*map(B.tensor, args)))
    least, most = ss.endpoints(ss.lift(net, FINE)(*map(FINE.tensor, args)))
    assert np.all((low <= least) & (most <= high))


def test_what_torch_rounded_before_is_refused():
    for name in WORKED_OUT:
        net, x = MODULES[name]
        with pytest.raises(NotSupported, match=r"call ss\.lift\(net, t\.context\)\(t\)"):
            net(B.tensor(x))
    net, x = MODULES["weight norm"]
    with pytest.raises(NotSupported, match=r"call ss\.lift\(net, t\.context\)\(t\)"):
        net(B.tensor(x))
    transposed = lambda t: t @ net.v.t()  # noqa: E731 - a view of a parameter is exact
    assert transposed(B.tensor(x)).shape == (3, 4)


@pytest.mark.parametrize("name", MODULES)
def test_bounds_contain_its_values(name):
    net, *args = MODULES[name]
    first = next(iter(inspect.signature(ss.as_spec(net)).parameters))
    first = f"{first}_0" if name in ("attention", "gru", "rnn") else first
    found = ss.bounds(net, *args, vary={first: ss.ball("0.001")}, backend="interval64", method="interval")
    rng = np.random.default_rng(5)
    moved = args[0] + rng.uniform(-0.00099, 0.00099, args[0].shape)
    low, high = ss.endpoints(ss.lift(net, FINE)(*map(FINE.tensor, (moved, *args[1:]))))
    assert np.all((found.lower <= high) & (low <= found.upper))


NEAR = 1e-11
"""Far above what rounds in float64, in these small networks, and far below what a wrong derivative gives."""


def close(ours, theirs, size=0.0):
    """Are gradients equal but for rounding? size: of the largest one of all that were made together."""
    size = max(size, np.max(np.abs(theirs), initial=0))
    return np.max(np.abs(np.asarray(ours) - np.asarray(theirs)), initial=0) <= NEAR * size


@pytest.mark.parametrize("name", MODULES)
def test_gradients_are_autograds(name):
    net, *args = MODULES[name]
    given = [torch.tensor(a, requires_grad=True) for a in args]
    result = net(*given)
    weights = (np.arange(result.numel()).reshape(result.shape) * 7 % 5) - 1.5
    net.zero_grad()
    (result * torch.tensor(weights)).sum().backward()
    loss = ss.as_spec(lambda model, *xs: ss.sum(model(*xs) * weights))
    model, tensors = ss.lift(net, F64), [F64.tensor(a) for a in args]
    by_model, *by_inputs = ss.grad(loss, argnums=tuple(range(len(args) + 1)))(model, *tensors) if parameters(net) else (
        None, *ss.grad(loss, argnums=tuple(range(1, len(args) + 1)))(model, *tensors)
    )  # fmt: skip
    gradients = [*zip(by_inputs, [x.grad.numpy() for x in given], strict=True)]
    gradients += [(at(by_model, path), at(net, path).grad.numpy()) for path in parameters(net)]
    size = max(np.max(np.abs(theirs), initial=0) for _, theirs in gradients)
    assert all(close(ours, theirs, size) for ours, theirs in gradients)


def parameters(net):
    return [path for path, p in net.named_parameters() if p.grad is not None or p.requires_grad]


def at(model, path):
    for name in path.split("."):
        model = getattr(model, name)
    return model


def test_the_checks_can_fail():
    net, x = MODULES["mlp"]
    wrong = native(net, x) + 1e-13
    assert not ss.crosscheck(net, x, actual=wrong).explained
    assert not close(np.ones(3), np.ones(3) + 1e-9)


# ---- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_parameters_enter_at_their_exact_values(dtype):
    net = nn.Linear(3, 2).to(getattr(torch, dtype))
    exact = [[Fraction(v) for v in row] for row in net.weight.detach().double().tolist()]
    for call in (net, lambda x: net(x), ss.lift(net, Q)):
        found = (
            ss.compare(call, np.eye(3), backends=["rational"])["rational"].value
            if call is not net
            else net(Q.tensor(np.eye(3)))
        )
        bias = [Fraction(v) for v in net.bias.detach().double().tolist()]
        assert found.tolist() == [[exact[j][i] + bias[j] for j in range(2)] for i in range(3)]


def test_what_is_done_with_parameters_alone_is_exact():
    net = MODULES["weight norm"][0].float()
    low, high = ss.endpoints(ss.bounds(net, ROWS, vary={"x": ss.ball(0)}, method="interval").enclosure)
    native32 = net.double()
    exact_low, exact_high = ss.endpoints(ss.lift(native32, FINE)(FINE.tensor(ROWS)))
    assert np.all((low <= exact_high) & (exact_low <= high))
    assert np.max(high - low) < Fraction(1, 10**13)


def test_parameters_may_vary():
    net, x = MODULES["mlp"]
    wide = ss.bounds(lambda model, x: model(x), net, x, vary={"model": ss.ball("0.001")})
    assert np.all(wide.lower < wide.upper)


def test_a_module_is_not_changed():
    net = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.ReLU(inplace=True)).double()
    before = {name: t.clone() for name, t in net.state_dict().items()}
    ss.bounds(net, ROWS, vary={"input": ss.ball("0.01")})  # in training: with the statistics of the batch
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())
    assert isinstance(net[0].weight, nn.Parameter)


def test_a_mode_that_changes_is_seen():
    net = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4)).double()
    spec = lambda x: net(x)  # noqa: E731
    training = ss.compare(spec, ROWS, backends=["float64"])["float64"].value
    net.eval()
    evaluation = ss.compare(spec, ROWS, backends=["float64"])["float64"].value
    assert not np.allclose(np.asarray(training), np.asarray(evaluation))


# ---- derivatives that are none, and states --------------------------------------------------------------------------


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, g):
        return g


def without_grad(x):
    with torch.no_grad():
        s = torch.mul(x, x)
    return x * s


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g


def without_grad_by_operators(x):
    with torch.no_grad():
        s = x * x + 1
    return x * s


@torch.inference_mode()
def scale_of(x):
    return 1 / x


OTHER_DERIVATIVES = {
    "detach": lambda x: x * x.detach(), "data": lambda x: x * x.data, "no_grad": without_grad,
    "straight through": lambda x: Straight.apply(x), "operators": without_grad_by_operators,
    "inference": lambda x: x * scale_of(x), "a function of operators": lambda x: Doubled.apply(x),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_DERIVATIVES)
def test_a_derivative_that_is_another_one_is_refused_and_the_value_is_not(name):
    spec = ss.as_spec(OTHER_DERIVATIVES[name])
    x = np.array([1.25, -2.0])
    assert ss.crosscheck(spec, x, actual=OTHER_DERIVATIVES[name](torch.tensor(x)).numpy()).explained
    assert ss.bounds(spec, x, vary={"x": ss.ball("0.01")}).width is not None
    for take in (lambda: ss.grad(lambda x: ss.sum(spec(x)))(F64.tensor(x)), lambda: ss.derive(spec, ss.Dim(2))):
        with pytest.raises(NotSupported, match=r"stop-gradient|its own derivative"):
            take()


class Penalized(nn.Module):
    """A module that goes through what it holds."""

    def __init__(self):
        super().__init__()
        self.inner, self.other = nn.Linear(3, 2), nn.Linear(2, 1)
        self.register_buffer("shift", torch.tensor([0.5, -0.25]))

    def forward(self, x):
        first = next(self.parameters())
        y = self.other(self.inner(x.to(first.device).to(first.dtype)) + self.shift).sum()
        penalty = sum(p.pow(2).sum() for p in self.parameters()) + sum(b.sum() for b in self.buffers())
        named = sum(p.norm() for name, p in self.named_parameters() if name.endswith("weight"))
        flat = nn.utils.parameters_to_vector(self.inner.parameters()).square().mean()
        return y + penalty + named + flat + sum(p.numel() for p in self.parameters())


def test_modules_that_go_through_their_parameters():
    net, x = Penalized().double(), np.array([1.5, -2.0, 5.0])
    given = torch.tensor(x, requires_grad=True)
    net(given).backward()
    assert ss.crosscheck(net, x, actual=net(torch.tensor(x)).detach().numpy()).explained
    by_net, by_x = ss.grad(lambda m, t: m(t), argnums=(0, 1))(ss.lift(net, F64), F64.tensor(x))
    assert np.allclose(by_x.tolist(), given.grad, rtol=1e-12)
    for name, p in net.named_parameters():
        found = dict(by_net.named_parameters())[name]
        assert np.allclose(np.asarray(found.tolist()), p.grad, rtol=1e-12), name
    total = ss.bounds(lambda x: sum((p**2).sum() for p in net.parameters()) + 0 * x.sum(), x, vary={"x": ss.ball(1)})
    held = ss.bounds(lambda x: sum(v.sum() for v in net.state_dict().values()) + 0 * x.sum(), x, vary={"x": ss.ball(1)})
    assert float(held.lower) == pytest.approx(sum(float(v.sum()) for v in net.state_dict().values()))
    assert float(total.lower) == pytest.approx(sum(float((p**2).sum().detach()) for p in net.parameters()))


REFUSED_WORDS = {
    "eps by the format": (lambda x: F.rms_norm(x, (3,)), "say it"),
    "labels of another kind": (lambda x: F.hinge_embedding_loss(x, torch.zeros(3)), "expected 1 or -1"),
    "hashes": (lambda x: {x: 1}, "unhashable"),
}


@pytest.mark.parametrize("name", REFUSED_WORDS)
def test_what_depends_on_a_format_is_refused(name):
    call, told = REFUSED_WORDS[name]
    with pytest.raises((NotSupported, TypeError), match=told):
        call(F64.tensor([1.0, 2.0, 3.0]))
    norm, x = nn.RMSNorm(3), torch.tensor([[1e-3, 2e-3, -1e-3]])
    assert ss.crosscheck(norm, x, actual=norm(x).detach()).explained


@pytest.mark.parametrize("i", [2, -1])
def test_rows_of_padding_have_no_gradient(i):
    with pytest.raises(NotSupported, match="padding_idx"):
        ss.grad(lambda w: F.embedding(torch.tensor([0, 2]), w, padding_idx=i).sum())(F64.tensor(np.ones((3, 2))))


class Learned(nn.Module):
    """Attention with a bias that is learned, and a mask that is a buffer."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([[0.5, 0.0], [0.25, 1.0]]))
        self.register_buffer("mask", torch.tensor([[0.0, -torch.inf], [0.0, 0.0]]))

    def forward(self, x):
        y = F.scaled_dot_product_attention(x, x, x, attn_mask=self.bias)
        return torch.softmax(y @ y.T + self.mask, dim=-1) @ x


def test_masks_that_are_numbers_have_gradients():
    net, x = Learned().double(), np.array([[1.0, 2.0], [3.0, 5.0]])
    given = torch.tensor(x, requires_grad=True)
    weights = np.array([[1.0, -2.0], [0.5, 1.0]])
    (net(given) * torch.tensor(weights)).sum().backward()
    by_net, by_x = ss.grad(lambda m, t: ss.sum(m(t) * weights), argnums=(0, 1))(ss.lift(net, F64), F64.tensor(x))
    assert close(by_net.bias, net.bias.grad.numpy())
    assert close(by_x, given.grad.numpy())
    assert ss.crosscheck(net, x, actual=native(net, x)).explained


class Remembering(nn.Module):
    """What is changed by each call."""

    def __init__(self):
        super().__init__()
        self.register_buffer("run", torch.zeros(2))
        self.norm = nn.BatchNorm1d(2)

    def forward(self, x):
        self.run = self.run * 0.5 + x.mean(0)
        return self.norm(x) + self.run


def test_a_module_that_remembers_is_not_told():
    net = Remembering().double()
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    ss.as_spec(net)(F64.tensor(x))
    ss.crosscheck(net, x, dtype="float64")
    assert isinstance(net.run, torch.Tensor)
    assert net.run.tolist() == [0, 0]
    assert net.norm.num_batches_tracked == 0


def test_rows_that_are_padded_have_no_gradient_in_torch():
    table = nn.Embedding(3, 2, padding_idx=1).double()
    with pytest.raises(NotSupported, match="padding_idx is 0 in PyTorch"):
        ss.grad(lambda net: ss.sum(net(np.array([1, 2]))))(ss.lift(table, F64))


# ---- what is refused ------------------------------------------------------------------------------------------------


def used_again(x):
    y = x * 2
    z = F.relu(y, inplace=True)
    return y + z


def has_a_view(x):
    y = x * 2
    part = y[0]
    F.relu(y, inplace=True)
    return part


def of_a_view(x):
    y = x * 2
    return F.relu(y[0], inplace=True)


KEEPS_OUT = torch.zeros(2, 2) > 0
REFUSED = {
    "dropout": (nn.Dropout(0.5), r"call net\.eval\(\) first"),
    "attention in training": (lambda x: nn.MultiheadAttention(2, 1, dropout=0.5)(x, x, x), r"call net\.eval\(\)"),
    "float": (lambda x: x.float(), "rounds to a format"),
    "to": (lambda x: x.to(torch.float32), "rounds to a format"),
    "in place": (lambda x: x.add_(1), "not changed in place"),
    "out=": (lambda x: torch.exp(x, out=torch.zeros(2, 2)), "leave out= away"),
    "used again": (used_again, "write inplace=False"),
    "a view": (of_a_view, "changes a view"),
    "what has a view": (has_a_view, "changes a view"),
    "fft": (lambda x: torch.fft.fft(x), "not in the vocabulary"),
    "nonzero": (lambda x: torch.nonzero(x), "which places there are"),
    "masked_select": (lambda x: torch.masked_select(x, x > 0), "how many there are"),
    "std": (lambda x: x.std(), r"write np\.std\(t\) or torch\.std\(t\)"),
    "backward": (lambda x: x.sum().backward(), r"ss\.grad gives the gradient"),
    "minus infinity": (lambda x: x.masked_fill(torch.eye(2) > 0, -torch.inf) * -1, "minus infinity"),
    "nothing to look at": (lambda x: F.scaled_dot_product_attention(x, x, x, KEEPS_OUT, scale=1.0), "NaN"),
    "indices of pools": (lambda x: F.max_pool1d(x, 2, return_indices=True), "return_indices"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("numbers", [F64, B, Q], ids=str)
def test_what_cannot_be_followed_is_refused_by_name(name, numbers):
    call, told = REFUSED[name]
    with pytest.raises(NotSupported, match=told):
        call(numbers.tensor([[1.0, -2.0], [3.0, 4.0]]))


def test_floats_in_code_that_may_be_ours_are_refused():
    with pytest.raises(NotExact, match=r"0\.1 is not exactly 1/10"):
        ss.bounds(lambda x: torch.exp(x) * 0.1, 1.0, vary={"x": ss.ball(1)})
    binary = ss.bounds(lambda x: torch.mul(x, 0.1), 1.0, vary={"x": ss.ball(1)})
    assert binary.upper == 2 * Fraction(0.1)
    with pytest.raises(NotExact):
        ss.bounds(lambda x: torch.mul(x, 0.1), 1.0, vary={"x": ss.ball(1)}, literals="exact")


def test_constants_of_modules_are_listed():
    spec = ss.as_spec(nn.LayerNorm(4))
    ss.bounds(spec, np.arange(4.0), vary={"input": ss.ball("0.1")})
    (eps,) = spec.constants
    assert eps.text == "1e-05"
    assert eps.file.endswith(".py")


def test_no_function_of_torch_ends_in_a_foreign_error():
    """Those that we have give something, or say what is wrong; the others are refused by name."""
    t = B.box([[0.5, 1], [1, 2]], [[1, 2], [2, 3]])
    spaces = [torch, F, torch.special, torch.linalg]
    for space in spaces:
        for name in dir(space):
            theirs = getattr(space, name)
            if name.startswith("_") or not callable(theirs) or isinstance(theirs, type) or FOREIGN.search(name):
                continue
            for count in (1, 2):
                error = error_of(lambda theirs=theirs, count=count: theirs(*[t] * count))
                told = isinstance(error, ScalarSpecError | None) or re.search("argument|removed|operand", str(error))
                assert told or isinstance(error, TypeError | IndexError), (name, error)


FOREIGN = re.compile("autocast|broadcast_shapes|from_numpy|frombuffer|load|save|compile|printoptions|seed|vmap|^set_")


def error_of(call):
    try:
        call()
    except Exception as error:
        return error
    return None


def test_methods_are_attributes_of_tensors():
    known = {*FUNCTIONS, *protocol.METHODS, *protocol.PROPERTIES} & {
        name for name in dir(torch.Tensor) if name[0] != "_"
    }
    assert not {name for name in known if not hasattr(type(B.tensor(1)), name)}
    assert not {name for name in TORCH if hasattr(type(B.tensor(1)), name) is False}


def test_methods_are_those_of_torch():
    missing = [name for name in protocol.METHODS if not hasattr(torch.Tensor, name)]
    assert not missing
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = B.tensor(1).nothing
