"""Perceptrons, convolutional and residual networks, transformers and recurrent classifiers, in every context."""

import dataclasses
import re
import sys
from fractions import Fraction

import numpy as np
import pytest
from agreement import assert_is, inside, same
from conftest import CONTEXTS
from networks import CASES, Case, a_block, a_memory, conv, linear, sixteenths
from specs import tensors_of

import scalarspec as ss
from scalarspec import layers
from scalarspec.errors import ArgumentError, NotExact, ShapeError, UnknownName
from scalarspec.models import cnn, lstm, mlp, resnet, transformer

each = pytest.mark.parametrize("name", CASES)


def at(case, context, x=None):
    """The value of a model at an input, by default its own."""
    return case.spec(ss.lift(case.model, context), context.tensor(case.x if x is None else x))


def overlap(a, b):
    """Do the enclosures of all elements have points in common?"""
    (low, high), (lower, upper) = ss.endpoints(a), ss.endpoints(b)
    return a.shape == b.shape and bool(np.all((low <= upper) & (lower <= high)))


@each
def test_every_context_has_the_value(name, context):
    """Enclosures share points with those of 113 bits; floats lie as near as rounding explains; ℚ has it, or refuses."""
    case = CASES[name]
    if context.name == "symbolic":
        pytest.skip("formulas are asked of small models below")
    if context.exact and not case.rational:
        with pytest.raises(NotExact):
            at(case, context)
    elif context.exact:
        assert inside(at(case, CONTEXTS["interval113"]), np.array(at(case, context).tolist(), dtype=object))
    elif context.encloses:
        assert overlap(at(case, context), at(case, CONTEXTS["interval113"]))
    else:
        x = case.x.astype(context.dtype)
        assert ss.crosscheck(case.spec, case.model, x, actual=np.asarray(at(case, context, x))).explained


def test_small_models_have_formulas(symbolic):
    """Against their enclosures. Without norms: SymPy takes a minute to evaluate what they make of their input."""
    block = dataclasses.replace(a_block(2, 2, 1), norm1=layers.identity, norm2=layers.identity)
    small = {
        "mlp": Case(mlp.forward, mlp.Model((linear(2, 2), linear(1, 2))), sixteenths(2)),
        "cnn": Case(cnn.forward, cnn.Model((conv(1, 1, padding=1),), linear(1, 1)), sixteenths(1, 2, 2)),
        "pre-norm": Case(transformer.pre_norm, block, sixteenths(2, 2)),
        "lstm": Case(lstm.forward, lstm.Model(a_memory(1, 1), linear(1, 1)), sixteenths(2, 1)),
    }  # fmt: skip
    for name, case in small.items():
        lower, upper = ss.endpoints(at(case, CONTEXTS["interval"]))
        formulas = np.array(at(case, symbolic).tolist(), dtype=object)
        for formula, low, high in zip(formulas.flat, lower.flat, upper.flat, strict=True):
            value = Fraction(str(formula.evalf(40)))
            assert low - Fraction(1, 10**30) <= value <= high + Fraction(1, 10**30), name


@each
def test_gradients_are_enclosed(name, float64):
    """By 53 and by 113 bits, which leave no room, and the floats lie near."""
    case = CASES[name]

    def total(model, x):
        return ss.sum(case.spec(model, x))

    found, sharp = (
        ss.grad(total, 1)(ss.lift(case.model, CONTEXTS[n]), CONTEXTS[n].tensor(case.x))
        for n in ("interval", "interval113")
    )
    assert overlap(found, sharp)
    floats = ss.grad(total, 1)(ss.lift(case.model, float64), float64.tensor(case.x))
    lower, upper = ss.endpoints(sharp)
    assert np.max(upper - lower) < Fraction(1, 10**15)
    assert np.allclose(np.asarray(floats), lower.astype(float), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("name", "loss"), [("mlp", mlp.loss), ("cnn", cnn.loss), ("lstm", lstm.loss)])
def test_losses_have_gradients_in_their_models(name, loss):
    """By 53 and 113 bits, of every parameter, for a batch of two with integers as labels."""
    case, found = CASES[name], []
    for context in (CONTEXTS["interval"], CONTEXTS["interval113"]):
        xs = context.tensor(np.stack([case.x, -case.x]))
        found.append(tensors_of([ss.grad(loss)(ss.lift(case.model, context), xs, [1, 0])]))
    assert len(found[0]) == len(tensors_of([ss.lift(case.model, "interval")]))
    assert all(overlap(a, b) for a, b in zip(*found, strict=True))
    assert any(np.any(lower > 0) for lower, _ in map(ss.endpoints, found[1]))


@each
def test_a_batch_is_its_examples(name):
    """With its first axis in the spec itself, and by `batched`."""
    case, context = CASES[name], CONTEXTS["interval"]
    xs = np.stack([case.x, case.x / 2, -case.x])
    alone = ss.stack([at(case, context, x) for x in xs])
    assert overlap(at(case, context, xs), alone)
    assert overlap(ss.batched(case.spec, over="x")(case.model, context.tensor(xs)), alone)


@each
@pytest.mark.parametrize("method", ["interval", "linear", "mean-value"])
def test_bounds_hold(name, method, float64):
    case = CASES[name]
    bounds = ss.bounds(case.spec, case.model, case.x, vary={"x": ss.ball("0.01")}, method=method)
    shifted = case.x + np.random.default_rng(2).uniform(-0.01, 0.01, (20, *case.x.shape))
    values = np.asarray(at(case, float64, shifted))
    assert np.all((bounds.lower.astype(float) - 1e-9 <= values) & (values <= bounds.upper.astype(float) + 1e-9))
    least, most = bounds.inner
    assert np.all((bounds.lower <= least) & (least <= most) & (most <= bounds.upper))


def test_values_by_hand(context):
    """Of networks small enough."""
    first, second = layers.Linear([[1.0, -1.0], [0.5, 2.0]], [0.0, -1.0]), layers.Linear([[1.0, 2.0]], [0.25])
    net = ss.lift(mlp.Model((first, second)), context)
    assert_is(mlp.forward(net, context.tensor([1, 2])), [Fraction(29, 4)])  # h = relu(-1), 7/2
    image = context.tensor([[[1, -2], [3, 0]]])
    net = ss.lift(
        cnn.Model(
            (layers.Conv(np.array([[[[2.0]]], [[[-1.0]]]]), np.array([0.5, 0.0])),), layers.Linear([[1.0, -1.0]], [0.0])
        ),
        context,
    )
    assert_is(cnn.forward(net, image), [Fraction(9, 2)])  # the largest of 2 x + 1/2 and of -x: 13/2 and 2
    block = resnet.Block((lambda x: x - 2, lambda x: 3 * x))
    assert_is(block(context.tensor([1, 3, -5])), [1, 6, 0])


def test_losses_are_cross_entropies(interval):
    x, target = interval.tensor([1, 2]), [0, 1]
    net = mlp.Model((layers.Linear(np.eye(2), np.zeros(2)),))
    assert overlap(mlp.loss(net, x, target), ss.log(1 + ss.exp(interval.tensor(-1))))
    image = interval.tensor([[[1, 1], [1, 1]]])
    net = cnn.Model((layers.Conv(np.ones((2, 1, 1, 1))),), layers.Linear(np.eye(2), np.zeros(2)))
    assert overlap(cnn.loss(net, image, target), ss.log(interval.tensor(2)))
    memory = lstm.Model(layers.LSTM(np.zeros((8, 1)), np.zeros((8, 2))), layers.Linear(np.eye(2), np.zeros(2)))
    assert overlap(lstm.loss(memory, interval.tensor([[1], [2]]), target), ss.log(interval.tensor(2)))


def test_stages_are_named(float64):
    def stages(case):
        return [s.name for s in ss.crosscheck(case.spec, case.model, case.x).stages]

    assert stages(CASES["mlp"]) == ["h", "h#2", "logits"]
    assert stages(CASES["cnn"]) == ["h", "h#2", "logits"]
    assert stages(CASES["resnet"]) == ["h", "h#2", "h#3", "logits"]
    assert stages(CASES["pre-norm"]) == ["attention", "h", "mlp", "y"]
    assert stages(CASES["lstm"]) == ["outputs", "h", "logits"]


SAID = re.compile(r"^Stages: (.*)\.$", re.MULTILINE)
"""What a model's file says of its stages; in brackets, when."""


@each
def test_the_stages_are_those_that_the_file_says(name):
    """All but the loss, which `forward` has none of; numbers are left out."""
    case = CASES[name]
    text = SAID.search(sys.modules[case.spec.__module__].__doc__)[1]
    said = set(re.sub(r" \(.*?\)", "", text).split(", "))
    found = {s.name.partition("#")[0] for s in ss.crosscheck(case.spec, case.model, case.x).stages}
    assert said - {"loss"} == found - {"result"}


@each
@pytest.mark.parametrize("backend", ["float64", "interval64"])
def test_prepared_models_are_the_models(name, backend):
    case = CASES[name]
    quick = ss.prepare(case.spec, case.model, case.x, inputs="x", backend=backend)
    for x in (case.x, case.x / 2):
        assert same(quick(quick.context.tensor(x)), at(case, quick.context, x))


def test_a_causal_mask_hides_what_comes_later(interval):
    """The first place of a block does not depend on the others, and does without the mask."""
    block, x = a_block(), sixteenths(3, 4)
    other = np.concatenate([x[:1], sixteenths(2, 4)])
    mask = layers.causal_mask(3)
    first, second = (transformer.pre_norm(block, interval.tensor(t), mask)[0] for t in (x, other))
    assert overlap(first, second)
    first, second = (transformer.pre_norm(block, interval.tensor(t))[0] for t in (x, other))
    assert not overlap(first, second)


def test_embedded_labels_are_classified(interval):
    table = layers.Embedding(sixteenths(5, 3))
    net = lstm.Model(a_memory(), linear(2, 2), table)
    plain = lstm.Model(net.recurrent, net.head)
    labels = np.array([4, 0, 3])
    net, plain = ss.lift(net, interval), ss.lift(plain, interval)
    assert overlap(lstm.forward(net, labels), lstm.forward(plain, net.embedding(labels)))


def test_what_is_no_model_is_refused(rational):
    with pytest.raises(ArgumentError, match="layers: expected one at least, got none"):
        mlp.Model(())
    with pytest.raises(ArgumentError, match="branch: expected one unit at least, got none"):
        resnet.Block(())
    with pytest.raises(UnknownName, match="no activation is called 'swosh'"):
        mlp.Model((layers.identity,), "swosh")
    with pytest.raises(UnknownName, match="no activation is called 'swosh'"):
        transformer.Block(*[layers.identity] * 5, "swosh")


def test_what_is_added_has_the_shape_of_what_it_is_added_to(rational):
    """Broadcasting would hide that a layer has the wrong width."""
    x = rational.tensor([[1, 2, 3], [4, 5, 6]])
    for wrong in (lambda x: x[:1], lambda x: x[:, :1]):
        with pytest.raises(ShapeError, match="residual block: shapes"):
            resnet.Block((wrong,))(x)
        block = transformer.Block(lambda q, k, v, mask, f=wrong: f(q), *[layers.identity] * 4, "relu")
        with pytest.raises(ShapeError, match="attention: x and what is attended: shapes"):
            transformer.pre_norm(block, x)
        block = transformer.Block(lambda q, k, v, mask: q, layers.identity, wrong, *[layers.identity] * 2, "relu")
        with pytest.raises(ShapeError, match="mlp: x and what is added to it: shapes"):
            transformer.post_norm(block, x)


# ---- against PyTorch ------------------------------------------------------------------------------------------------

formats = pytest.mark.parametrize("dtype", ["float32", "float64"])


@formats
@pytest.mark.parametrize("before", [True, False])
def test_a_block_is_pytorchs_encoder_layer(dtype, before):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.TransformerEncoderLayer(
        8, 2, 12, dropout=0.0, activation="gelu", batch_first=True, norm_first=before, dtype=getattr(torch, dtype)
    ).train()  # evaluation takes a fused way
    w = {name: value.numpy() for name, value in theirs.state_dict().items()}
    parts = ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")
    ours = transformer.Block(
        layers.MultiheadAttention(*(w[f"self_attn.{name}"] for name in parts), 2),
        *(layers.Linear(w[f"{name}.weight"], w[f"{name}.bias"]) for name in ("linear1", "linear2")),
        *(layers.LayerNorm(w[f"{name}.weight"], w[f"{name}.bias"]) for name in ("norm1", "norm2")),
    )
    x = np.random.default_rng(1).normal(size=(3, 8)).astype(dtype)
    blocked = ~layers.causal_mask(3)
    with torch.no_grad():
        actual = theirs(torch.tensor(x), src_mask=torch.tensor(blocked)).numpy()
    spec = transformer.pre_norm if before else transformer.post_norm

    def masked(block, x):
        return spec(block, x, ~blocked)

    agrees(masked, (ours, x), actual)


@formats
def test_a_memory_is_pytorchs(dtype):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    memory = torch.nn.LSTM(3, 4, batch_first=True, dtype=getattr(torch, dtype))
    head = torch.nn.Linear(4, 2, dtype=getattr(torch, dtype))
    w = [value.detach().numpy() for value in memory.parameters()]
    ours = lstm.Model(layers.LSTM(*w), layers.Linear(head.weight.detach().numpy(), head.bias.detach().numpy()))
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(dtype)
    with torch.no_grad():
        actual = head(memory(torch.tensor(x))[0][-1]).numpy()
    agrees(lstm.forward, (ours, x), actual)


@formats
def test_a_residual_block_is_torchvisions_basic_one(dtype):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    first, second = (nn.Conv2d(2, 2, 3, padding=1, bias=False, dtype=getattr(torch, dtype)) for _ in range(2))
    norms = [nn.BatchNorm2d(2, dtype=getattr(torch, dtype)) for _ in range(2)]
    for each_norm in norms:
        nn.init.uniform_(each_norm.running_var, 0.5, 2)
        nn.init.normal_(each_norm.running_mean)
        each_norm.eval()
    x = np.random.default_rng(1).normal(size=(2, 4, 4)).astype(dtype)
    with torch.no_grad():
        t = torch.tensor(x)[None]
        actual = torch.relu(norms[1](second(torch.relu(norms[0](first(t))))) + t)[0].numpy()
    parts = []
    for c, n in ((first, norms[0]), (second, norms[1])):
        fields = (n.running_mean, n.running_var, n.weight, n.bias)
        parts += [
            layers.Conv(c.weight.detach().numpy(), padding=1),
            layers.BatchNorm(*(v.detach().numpy() for v in fields), axis=-3),
        ]
    agrees(lambda block, x: block(x), (resnet.Block.basic(*parts), x), actual)


def agrees(spec, args, actual):
    """What PyTorch gives is what rounding explains, and something else is not."""
    assert ss.crosscheck(spec, *args, actual=actual).explained
    assert not ss.crosscheck(spec, *args, actual=actual * actual.dtype.type(1.01)).explained
