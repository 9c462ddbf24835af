"""Every function, layer and loss beside PyTorch's: the cases, and how far PyTorch's floats are from the exact values.

python tests/torch_agreement.py    # the table: the worst ulps of values and gradients, in both formats
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as nn

import scalarspec as ss
from scalarspec import layers, loss

DTYPES = ("float64", "float32")
LABELS, SIGNS = np.array([1, 3, 0]), np.array([1.0, -1, 1])
BITS = np.array([[1.0, 0, 0, 1], [0, 0, 1, 1], [1, 1, 0, 0]])
VARIANCES = np.array([1.0, 4, 2])
MASK = np.array([[True, False, True, True], [True, True, False, False], [False, True, True, True]])


@dataclass(frozen=True)
class Case:
    """One function of ours, and PyTorch's, of arrays of some shapes.

    kinds: what the numbers are like, for each argument: "any", "positive", "share" (in (0, 1)), "log" (of such a
    share). by: the places of the arguments in which gradients are compared; None: all.
    """

    name: str
    ours: Callable
    theirs: Callable
    shapes: tuple = ()
    kinds: tuple = ()
    by: tuple | None = None

    def arrays(self, dtype, scale=1.0):
        """The arguments, the same for each call."""
        rng = np.random.default_rng(len(self.name))
        kinds = self.kinds + ("any",) * (len(self.shapes) - len(self.kinds))
        return [KINDS[kind](rng, shape, scale).astype(dtype) for kind, shape in zip(kinds, self.shapes, strict=True)]

    def cotangent(self, result):
        """What the gradients are of: the sum of the results times small whole numbers."""
        return (np.arange(result.size).reshape(result.shape) * 7 % 5) - 1.5


KINDS = {
    "any": lambda rng, shape, scale: rng.standard_normal(shape) * scale,
    "positive": lambda rng, shape, scale: rng.random(shape) * scale + 0.25,
    "share": lambda rng, shape, scale: rng.random(shape) * 0.75 + 0.125,
    "log": lambda rng, shape, scale: np.log(rng.random(shape) * 0.75 + 0.125),
}


def values(case, dtype, scale=1.0):
    """The cross-check of PyTorch's values."""
    arrays = case.arrays(dtype, scale)
    return ss.crosscheck(case.ours, *arrays, actual=case.theirs(*map(torch.tensor, arrays)).numpy())


def gradients(case, dtype):
    """The cross-checks of PyTorch's gradients, by each argument."""
    arrays = case.arrays(dtype)
    places = range(len(arrays)) if case.by is None else case.by
    given = [torch.tensor(a, requires_grad=i in places) for i, a in enumerate(arrays)]
    result = case.theirs(*given)
    weights = case.cotangent(result.detach().numpy())
    (result * torch.tensor(weights, dtype=result.dtype)).sum().backward()
    for place in places:
        yield ss.crosscheck(gradient(case.ours, place, weights), *arrays, actual=given[place].grad.numpy())


def gradient(ours, place, weights):
    """The gradient in one argument, as a spec of all of them."""

    def of_one(*args):
        before, after = args[:place], args[place + 1 :]
        return ss.grad(lambda x: ss.sum(ours(*before, x, *after) * weights))(args[place])

    return of_one


# ---- functions ------------------------------------------------------------------------------------------------------


def same(name, ours=None, theirs=None, shapes=((3, 4),), **more):
    """A case under one name in both, unless it says otherwise."""
    return Case(name, ours or getattr(ss, name), theirs or getattr(torch, name), shapes, **more)


def norm(p):
    return same(f"vector_norm {p}", lambda x: ss.vector_norm(x, p, 1), lambda x: torch.linalg.vector_norm(x, p, 1))


def einsum(text, *shapes):
    return same(f"einsum {text}", lambda *xs: ss.einsum(text, *xs), lambda *xs: torch.einsum(text, *xs), shapes)


def padded(ours, theirs):
    return same(f"pad {ours}", lambda x: ss.pad(x, ((0, 0), (1, 2)), mode=ours),
                lambda x: nn.pad(x[None], (1, 2), mode=theirs)[0])  # fmt: skip


def upsampled(mode, corners, shape):
    factor = 3 if corners else 2
    return same(f"upsample {mode} {corners}", lambda x: ss.upsample(x, factor, mode, corners),
                lambda x: nn.interpolate(x, None, factor, mode, corners), (shape,))  # fmt: skip


REDUCTIONS = [
    same("sum", lambda x: ss.sum(x, 1), lambda x: x.sum(1)),
    same("mean", lambda x: ss.mean(x, (0, 2), keepdims=True), lambda x: x.mean((0, 2), keepdim=True), ((2, 3, 4),)),
    same("max", lambda x: ss.max(x, 0), lambda x: x.amax(0)),
    same("min", lambda x: ss.min(x, 1, keepdims=True), lambda x: x.amin(1, keepdim=True)),
    same("var", lambda x: ss.var(x, 1, correction=1), lambda x: x.var(1)),
    same("std", lambda x: ss.std(x, 0), lambda x: x.std(0, correction=0)),
    same("prod", lambda x: ss.prod(x, 1), lambda x: x.prod(1)),
    same("logsumexp", lambda x: ss.logsumexp(x, 1), lambda x: x.logsumexp(1)),
    same("cumulative_sum", lambda x: ss.cumulative_sum(x, 1), lambda x: x.cumsum(1)),
    same("cumulative_prod", lambda x: ss.cumulative_prod(x, 0), lambda x: x.cumprod(0)),
    same("sort", lambda x: ss.sort(x, 1), lambda x: x.sort(1).values),
    same("top_k", lambda x: ss.top_k(x, 2, 0).values, lambda x: x.topk(2, 0).values),
    same("diff", lambda x: ss.diff(x, 1, 2), lambda x: x.diff(2, 1)),
    same("softmax", lambda x: ss.softmax(x, 0), lambda x: x.softmax(0)),
    same("log_softmax", lambda x: ss.log_softmax(x), lambda x: x.log_softmax(-1)),
    same("softmax, masked", lambda x: ss.softmax(x, where=MASK),
         lambda x: x.masked_fill(~torch.tensor(MASK), -torch.inf).softmax(-1)),
    *map(norm, (1, 2, 3, np.inf, -np.inf)),
]  # fmt: skip

PRODUCTS = [
    same("matmul", shapes=((2, 3, 4), (4, 5))),
    same("matmul of vectors", ss.matmul, torch.matmul, ((4,), (2, 4, 3))),
    same("affine", lambda w, x, b: ss.affine(w, x, b), lambda w, x, b: nn.linear(x, w, b), ((2, 4), (3, 4), (2,))),
    same("dot", shapes=((5,), (5,))),
    same("outer", shapes=((3,), (4,))),
    same("vecdot", lambda x, y: ss.vecdot(x, y), torch.linalg.vecdot, ((2, 3, 4), (3, 4))),
    same("tensordot", lambda x, y: ss.tensordot(x, y, 1), lambda x, y: torch.tensordot(x, y, 1), ((2, 3), (3, 4))),
    same("trace", ss.trace, torch.trace, ((4, 4),)),
    einsum("bij,bjk->bik", (2, 3, 4), (2, 4, 2)), einsum("ij->ji", (2, 3)), einsum("ii->i", (3, 3)),
    einsum("ij,ij->", (2, 3), (2, 3)), einsum("i,j,k->kji", (2,), (3,), (2,)),
    einsum("...ij,...j->...i", (2, 3, 4), (2, 4)), einsum("bhid,bhjd->bhij", (1, 2, 3, 2), (1, 2, 3, 2)),
]  # fmt: skip

INDEX = np.array([[0, 2, 2, 1], [1, 0, 0, 2], [2, 1, 0, 0]])
STRUCTURE = [
    same("reshape", lambda x: ss.reshape(x, (2, -1)), lambda x: x.reshape(2, -1)),
    same("flatten", lambda x: ss.flatten(x, 1), lambda x: x.flatten(1), ((2, 3, 4),)),
    same("permute_dims", lambda x: ss.permute_dims(x, (2, 0, 1)), lambda x: x.permute(2, 0, 1), ((2, 3, 4),)),
    same("moveaxis", lambda x: ss.moveaxis(x, (0, 1), (2, 0)), lambda x: x.moveaxis((0, 1), (2, 0)), ((2, 3, 4),)),
    same("matrix_transpose", ss.matrix_transpose, lambda x: x.mT, ((2, 3, 4),)),
    same("expand_dims", lambda x: ss.expand_dims(x, (0, 2)), lambda x: x[None, :, None]),
    same("squeeze", lambda x: ss.squeeze(x, 1), lambda x: x.squeeze(1), ((3, 1, 2),)),
    same("broadcast_to", lambda x: ss.broadcast_to(x, (2, 3, 4)), lambda x: x.expand(2, 3, 4), ((3, 1),)),
    same("stack", lambda x, y: ss.stack([x, y], axis=1), lambda x, y: torch.stack([x, y], 1), ((3, 4), (3, 4))),
    same("concat", lambda x, y: ss.concat([x, y], axis=1), lambda x, y: torch.cat([x, y], 1), ((3, 4), (3, 2))),
    same("split", lambda x: ss.split(x, [1, 3], axis=1)[1], lambda x: x.split([1, 3], 1)[1]),
    same("unstack", lambda x: ss.unstack(x, axis=1)[2], lambda x: x.unbind(1)[2]),
    same("take", lambda x: ss.take(x, [2, 0, 2], axis=1), lambda x: x.index_select(1, torch.tensor([2, 0, 2]))),
    same("take_along_axis", lambda x: ss.take_along_axis(x, INDEX, 0), lambda x: x.gather(0, torch.tensor(INDEX))),
    same("getitem", lambda x: x[::2, None, [0, 3, 0]], lambda x: x[::2, None, [0, 3, 0]]),
    same("getitem by bools", lambda x: x[MASK], lambda x: x[torch.tensor(MASK)]),
    same("flip", lambda x: ss.flip(x, axis=1), lambda x: x.flip(1)),
    same("roll", lambda x: ss.roll(x, (1, -2), (0, 1)), lambda x: x.roll((1, -2), (0, 1))),
    same("repeat", lambda x: ss.repeat(x, 3, axis=1), lambda x: x.repeat_interleave(3, 1)),
    same("tile", lambda x: ss.tile(x, (2, 1, 2)), lambda x: x.tile(2, 1, 2)),
    same("diagonal", lambda x: ss.diagonal(x, 1), lambda x: x.diagonal(1)),
    same("tril", lambda x: ss.tril(x, -1), lambda x: x.tril(-1)),
    same("triu", lambda x: ss.triu(x, 1), lambda x: x.triu(1)),
    same("where", lambda x, y: ss.where(MASK, x, y), lambda x, y: x.where(torch.tensor(MASK), y), ((3, 4), (3, 4))),
    padded("constant", "constant"), padded("edge", "replicate"),
    padded("reflect", "reflect"), padded("wrap", "circular"),
    same("upsample nearest", lambda x: ss.upsample(x, 2), lambda x: nn.interpolate(x, scale_factor=2), ((1, 2, 3, 2),)),
    *(upsampled(mode, corners, shape)
      for mode, shape in {"linear": (1, 2, 4), "bilinear": (1, 2, 3, 4), "trilinear": (1, 1, 2, 3, 2)}.items()
      for corners in (False, True)),
]  # fmt: skip


def _convolved(name, shapes, **more):
    d = len(shapes[1]) - 2
    ours, theirs = getattr(ss, name), getattr(nn, f"{name}{d}d")
    return same(f"{name}{d}d {more or ''}", lambda *a: ours(*a, **more), lambda *a: theirs(*a, **more), shapes)


def _pooled(name, d, shape, *args, **more):
    theirs = getattr(nn, f"{name}{d}d")
    size = (args[0],) * d
    return same(f"{name}{d}d {args} {more or ''}", lambda x: getattr(ss, name)(x, size, *args[1:], **more),
                lambda x: theirs(x, size, *args[1:], **more), (shape,))  # fmt: skip


CONVOLUTIONS = [
    _convolved("conv", ((2, 3, 7), (4, 3, 3), (4,)), stride=2, padding=1),
    _convolved("conv", ((3, 5, 6), (4, 3, 3, 2)), dilation=(2, 1), padding=(2, 1)),
    _convolved("conv", ((2, 4, 5, 6), (6, 2, 3, 3), (6,)), groups=2, padding=(1, 0), stride=(2, 1)),
    _convolved("conv", ((1, 2, 3, 4, 3), (2, 2, 2, 2, 2), (2,))),
    _convolved("conv_transpose", ((2, 3, 4), (3, 2, 3), (2,)), stride=2, padding=1, output_padding=1),
    _convolved("conv_transpose", ((2, 4, 3, 3), (4, 1, 2, 3)), groups=2, dilation=(1, 2)),
    _convolved("conv_transpose", ((1, 2, 2, 3, 2), (2, 1, 2, 2, 2), (1,)), stride=(1, 2, 1)),
    _pooled("max_pool", 1, (2, 3, 7), 3, 2, 1),
    _pooled("max_pool", 2, (2, 5, 6), 2, ceil_mode=True),
    _pooled("max_pool", 2, (1, 2, 6, 6), 2, 1, dilation=2),
    _pooled("max_pool", 3, (1, 1, 3, 4, 3), 2),
    _pooled("avg_pool", 1, (2, 3, 7), 3, 2, 1),
    _pooled("avg_pool", 2, (2, 5, 6), 3, 2, 1, ceil_mode=True),
    _pooled("avg_pool", 2, (1, 2, 5, 6), 3, 2, 1, ceil_mode=True, count_include_pad=False),
    _pooled("avg_pool", 3, (1, 1, 3, 4, 3), 2),
    *(_pooled(f"adaptive_{kind}_pool", 2, (2, 5, 7), 3) for kind in ("avg", "max")),
]

# ---- layers ---------------------------------------------------------------------------------------------------------


def attention(weight, bias, out_weight, out_bias, x, y):
    """PyTorch's own, whose masks say what does not take part."""
    embed, given = x.shape[-1], [t.transpose(0, 1) for t in (x, y, y)]
    args = (*given, embed, 2, weight, bias, None, None, False, 0.0, out_weight, out_bias)
    return nn.multi_head_attention_forward(*args, attn_mask=~torch.tensor(MASK), need_weights=False)[0].transpose(0, 1)


def _recurrent(kind, gates, layer_count=1, both=False, part="outputs", **more):
    """A recurrent network beside PyTorch's, whose parameters are the arguments after x."""
    hidden, given, directions = 2, 3, 2 if both else 1
    widths = [given, *[hidden * directions] * (layer_count - 1)]
    each = [((gates * hidden, n), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)) for n in widths]
    shapes = [shape for four in each for shape in four * directions]

    def ours(x, *weights):
        fours = [weights[i : i + 4] for i in range(0, len(weights), 4)]
        made = [getattr(layers, kind)(*four, **more) for four in fours]
        made = [layers.Bidirectional(*made[i : i + 2]) for i in range(0, len(made), 2)] if both else made
        outputs, last = (layers.Stacked(*made) if layer_count > 1 else made[0])(x)
        return outputs if part == "outputs" else last[1] if isinstance(last, tuple) else last

    def theirs(x, *weights):
        network = getattr(torch.nn, kind)(given, hidden, layer_count, batch_first=True, bidirectional=both, **more)
        named = {name: w for (name, _), w in zip(network.named_parameters(), weights, strict=True)}
        outputs, last = torch.func.functional_call(network.to(x.dtype), named, (x,))
        return outputs if part == "outputs" else last[1] if isinstance(last, tuple) else last

    name = f"{kind} {layer_count} {'both ways ' if both else ''}{part} {more or ''}"
    return Case(name, ours, theirs, ((2, 3, given), *shapes), by=None if len(shapes) == 4 else (0, 2))


LAYERS = [
    same("Linear", lambda x, w: layers.Linear(w)(x), nn.linear, ((3, 4), (2, 4))),
    same("PReLU", lambda x, w: layers.PReLU(w)(x), nn.prelu, ((2, 3, 4), (3,))),
    same("GLU", lambda x: layers.GLU(0)(x), lambda x: nn.glu(x, 0), ((4, 3),)),
    same("BatchNorm", lambda x, m, v, w, b: layers.BatchNorm(m, v, w, b)(x),
         nn.batch_norm, ((2, 3, 4), (3,), (3,), (3,), (3,)), kinds=("any", "any", "positive"), by=(0, 3, 4)),
    same("BatchNorm x", lambda x, w, b: layers.BatchNorm(SIGNS, VARIANCES, w, b)(x),
         lambda x, w, b: nn.batch_norm(x, *(torch.tensor(s, dtype=x.dtype) for s in (SIGNS, VARIANCES)), w, b),
         ((2, 3, 4), (3,), (3,))),
    same("BatchNorm, training", lambda x, w, b: layers.BatchNorm(None, None, w, b)(x),
         lambda x, w, b: nn.batch_norm(x, None, None, w, b, training=True), ((4, 3, 2), (3,), (3,))),
    same("LayerNorm", lambda x, w, b: layers.LayerNorm(w, b)(x),
         lambda x, w, b: nn.layer_norm(x, w.shape, w, b), ((2, 3, 4), (3, 4), (3, 4))),
    same("RMSNorm", lambda x, w: layers.RMSNorm(w)(x), lambda x, w: nn.rms_norm(x, w.shape, w, 1e-5), ((3, 4), (4,))),
    same("GroupNorm", lambda x, w, b: layers.GroupNorm(2, w, b)(x), lambda x, w, b: nn.group_norm(x, 2, w, b),
         ((2, 4, 3), (4,), (4,))),
    same("InstanceNorm", lambda x, w, b: layers.InstanceNorm(w, b)(x),
         lambda x, w, b: nn.instance_norm(x, weight=w, bias=b), ((2, 3, 4), (3,), (3,))),
    same("Embedding", lambda w: layers.Embedding(w)(INDEX), lambda w: nn.embedding(torch.tensor(INDEX), w)),
    same("scaled_dot_product_attention", lambda q, k, v: layers.scaled_dot_product_attention(q, k, v, MASK),
         lambda q, k, v: nn.scaled_dot_product_attention(q, k, v, torch.tensor(MASK)),
         ((2, 3, 2), (2, 4, 2), (2, 4, 3))),
    same("MultiheadAttention",
         lambda wi, bi, wo, bo, x, y: layers.MultiheadAttention(wi, bi, wo, bo, 2)(x, y, y, MASK), attention,
         ((12, 4), (12,), (4, 4), (4,), (2, 3, 4), (2, 4, 4))),
    _recurrent("RNN", 1), _recurrent("RNN", 1, nonlinearity="relu"), _recurrent("LSTM", 4),
    _recurrent("LSTM", 4, 2, True), _recurrent("LSTM", 4, 2, True, "state"), _recurrent("GRU", 3),
    _recurrent("GRU", 3, 2, True, "state"),
]  # fmt: skip

# ---- losses ---------------------------------------------------------------------------------------------------------

TWO = ((3, 4), (3, 4))


def focal(x, y, reduction):
    """torchvision.ops.sigmoid_focal_loss, as its text has it."""
    p = torch.sigmoid(x)
    entropy = nn.binary_cross_entropy_with_logits(x, y, reduction="none")
    hit = p * y + (1 - p) * (1 - y)
    every = (0.25 * y + 0.75 * (1 - y)) * entropy * (1 - hit) ** 2
    return {"none": every, "mean": every.mean(), "sum": every.sum()}[reduction]


def _both(name, ours, theirs, shapes=TWO, kinds=(), by=None):
    """A loss under each reduction."""

    def under(reduction):
        def of_ours(*args):
            return ours(*args, reduction=reduction)

        def of_theirs(*args):
            return theirs(*args, reduction=reduction)

        return Case(f"{name} {reduction}", of_ours, of_theirs, shapes, kinds, by)

    return list(map(under, ("mean", "sum", "none")))


def _of(constant, function, like=torch.tensor, **more):
    """A function of the arguments and a constant, such as labels, in the second place."""
    return lambda x, *rest, reduction: function(x, like(constant), *rest, reduction=reduction, **more)


def _as_x(function, constant):
    return lambda x, reduction: function(x, torch.tensor(constant, dtype=x.dtype), reduction=reduction)


def _plain(x):
    return x


LOSSES = [
    *_both("mse", loss.mse, nn.mse_loss),
    *_both("mae", loss.mae, nn.l1_loss),
    *_both("huber", lambda x, y, reduction: loss.huber(x, y, "0.5", reduction=reduction),
           lambda x, y, reduction: nn.huber_loss(x, y, reduction, 0.5)),
    *_both("smooth_l1", lambda x, y, reduction: loss.smooth_l1(x, y, reduction=reduction, beta="0.5"),
           lambda x, y, reduction: nn.smooth_l1_loss(x, y, reduction=reduction, beta=0.5)),
    *_both("poisson_nll", loss.poisson_nll, nn.poisson_nll_loss),
    *_both("poisson_nll, full", lambda x, y, **r: loss.poisson_nll(x, 4 * y, log_input=False, full=True, **r),
           lambda x, y, reduction: nn.poisson_nll_loss(x, 4 * y, False, True, reduction=reduction),
           kinds=("positive", "share"), by=(0,)),
    *_both("gaussian_nll", lambda x, y, v, reduction: loss.gaussian_nll(x, y, v, full=True, reduction=reduction),
           lambda x, y, v, reduction: nn.gaussian_nll_loss(x, y, v, True, reduction=reduction),
           ((3, 4), (3, 4), (3,)), ("any", "any", "positive")),
    *_both("bce", loss.bce, nn.binary_cross_entropy, kinds=("share", "share"), by=(0,)),
    *_both("bce of labels", _of(BITS, loss.bce, _plain), _as_x(nn.binary_cross_entropy, BITS), ((3, 4),), ("share",)),
    *_both("bce_with_logits", lambda x, y, w, p, **r: loss.bce_with_logits(x, y, w, pos_weight=p, **r),
           lambda x, y, w, p, reduction: nn.binary_cross_entropy_with_logits(x, y, w, None, None, reduction, p),
           ((3, 4), (3, 4), (4,), (4,)), ("any", "share", "positive", "positive"), (0, 1)),
    *_both("sigmoid_focal", _of(BITS, loss.sigmoid_focal, _plain), _as_x(focal, BITS), ((3, 4),)),
    *_both("soft_margin", loss.soft_margin, nn.soft_margin_loss, by=(0,)),
    *_both("cross_entropy of labels", _of(LABELS, loss.cross_entropy, _plain),
           _of(LABELS, nn.cross_entropy), ((3, 4),)),
    *_both("cross_entropy, weighted", _of(LABELS, loss.cross_entropy, _plain, ignore_index=3, label_smoothing="0.25"),
           _of(LABELS, nn.cross_entropy, ignore_index=3, label_smoothing=0.25),
           ((3, 4), (4,)), ("any", "positive"), (0,)),
    *_both("cross_entropy of images", _of(INDEX, loss.cross_entropy, _plain),
           _of(INDEX, nn.cross_entropy), ((3, 3, 4),)),
    *_both("cross_entropy of distributions", lambda x, p, w, reduction: loss.cross_entropy(
               x, p, w, reduction=reduction, label_smoothing="0.25"),
           lambda x, p, w, reduction: nn.cross_entropy(x, p, w, reduction=reduction, label_smoothing=0.25),
           ((3, 4), (3, 4), (4,)), ("any", "share", "positive")),
    *_both("nll", _of(LABELS, loss.nll, _plain), _of(LABELS, nn.nll_loss), ((3, 4),), ("log",)),
    *_both("kl_div", loss.kl_div, nn.kl_div, kinds=("log", "share")),
    *_both("kl_div of logs", lambda x, y, reduction: loss.kl_div(x, y, reduction=reduction, log_target=True),
           lambda x, y, reduction: nn.kl_div(x, y, reduction=reduction, log_target=True), kinds=("log", "log")),
    Case("kl_div batchmean", lambda x, y: loss.kl_div(x, y, reduction="batchmean"),
         lambda x, y: nn.kl_div(x, y, reduction="batchmean"), TWO, ("log", "share")),
    Case("cosine_similarity", loss.cosine_similarity, nn.cosine_similarity, TWO),
    *_both("cosine_embedding", lambda x, y, reduction: loss.cosine_embedding(x, y, SIGNS, "0.125", reduction=reduction),
           lambda x, y, reduction: nn.cosine_embedding_loss(x, y, torch.tensor(SIGNS), 0.125, reduction=reduction)),
    *_both("triplet_margin", lambda x, y, z, reduction: loss.triplet_margin(x, y, z, swap=True, reduction=reduction),
           lambda x, y, z, reduction: nn.triplet_margin_loss(x, y, z, swap=True, reduction=reduction), ((3, 4),) * 3),
]  # fmt: skip

CASES = [*REDUCTIONS, *PRODUCTS, *STRUCTURE, *CONVOLUTIONS, *LAYERS, *LOSSES]


def main():
    """Prints the table."""
    torch.manual_seed(0)
    print(f"{'':44} float64: values, gradients           float32: values, gradients")
    for case in CASES:
        texts = [row(found) for dtype in DTYPES for found in ([values(case, dtype)], list(gradients(case, dtype)))]
        print(f"{case.name:44} " + "  ".join(f"{t:>16}" for t in texts), flush=True)


def row(found):
    """The worst ulps, and whether rounding explains all: "?" where no bound on it is known."""
    unknown = any(r.unknown for r in found)
    mark = "?" if unknown else "yes" if all(r.explained for r in found) else "NO"
    return f"{max(r.max_ulps for r in found):.3g} {mark}"


if __name__ == "__main__":
    sys.exit(main())
