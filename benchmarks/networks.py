"""Parts of real networks, and whole ones, beside NumPy by hand: convolutions, shares and norms; bounds of small
networks beside the plain evaluation that they are of.
"""

import numpy as np

import scalarspec as ss
from scalarspec import layers
from scalarspec.models import transformer

RADIUS = 1e-3
CONVOLUTIONS = {"16 -> 32 of 32 x 32": (1, 16, 32, 32), "8 of 32 -> 64 of 16 x 16": (8, 32, 64, 16)}
"""Batch, channels, out channels, length of a side."""
WIDE = {"64 x 1000": (64, 1000), "256 x 64": (256, 64)}
"""Rows, and numbers along the axis."""


def convolution(shape):
    """A convolution of three by three, padded by 1, in each context: ways to it, and their goals."""
    n, c, o, side = shape
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(n, c, side, side)), rng.normal(size=(o, c, 3, 3)), rng.normal(size=o)
    return {"NumPy by hand": lambda: by_hand(x, w, b), **dict(_ways(x, w, b))}


def by_hand(x, w, b):
    """The product of the weights and all windows."""
    n, c, side, _ = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3)).transpose(0, 1, 4, 5, 2, 3)
    return (
        np.matmul(w.reshape(len(w), -1), seen.reshape(n, 9 * c, -1)).reshape(n, len(w), side, side) + b[:, None, None]
    )


def _ways(x, w, b):
    for name, options in (("float64", {}), ("interval64", {"fast": False}), ("rational", {})):
        context = ss.context(name, **options)
        if context.exact:
            x, w, b = (a.astype(np.float32) for a in (x, w, b))
        t = context.box(x - RADIUS, x + RADIUS) if context.encloses else context.tensor(x)
        weight, bias = context.tensor(w), context.tensor(b)
        yield name, lambda t=t, weight=weight, bias=bias: ss.conv(t, weight, bias, padding=1)


def softmax(shape):
    """Along the last axis."""
    x = np.random.default_rng(0).normal(size=shape)

    def hand():
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    t = _boxes(x)
    return {"NumPy by hand": hand, "interval64": lambda: ss.softmax(t)}


def layer_norm(shape):
    """Along the last axis, without weights."""
    x = np.random.default_rng(0).normal(size=shape)

    def hand():
        d = x - x.mean(axis=-1, keepdims=True)
        return d / np.sqrt((d * d).mean(axis=-1, keepdims=True) + 1e-5)

    t = _boxes(x)
    return {"NumPy by hand": hand, "interval64": lambda: ss.rms_norm(t - ss.mean(t, -1, True), eps="0.00001")}


def _boxes(x):
    return ss.context("interval64", fast=False).box(x - RADIUS, x + RADIUS)


# ---- whole networks -------------------------------------------------------------------------------------------------


def _weights(rng, *shape):
    return (rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)


def a_cnn(pooled):
    """About 50,000 weights on 20 x 20 pixels; pooled: by the largest of 2 x 2, or by strides of 2."""
    rng = np.random.default_rng(7)
    maps = []
    for channels, out in ((1, 16), (16, 32)):
        maps.append(layers.Conv(_weights(rng, out, channels, 3, 3), rng.normal(size=out) / 20, 1 if pooled else 2, 1))
        maps += [layers.relu, *([layers.MaxPool(2)] if pooled else [])]
    hidden, head = (layers.Linear(_weights(rng, m, n), rng.normal(size=m) / 20) for m, n in ((56, 800), (10, 56)))
    return layers.Sequential(*maps, layers.Flatten(0), hidden, layers.relu, head), rng.uniform(size=(1, 20, 20))


def a_block():
    """A block of a transformer before its norms: eight tokens of 16 numbers, two heads, 32 hidden units."""
    rng = np.random.default_rng(7)
    projections = [
        layers.Linear(_weights(rng, m, n) / np.sqrt(2), rng.normal(size=m) / 20) for m, n in ((32, 16), (16, 32))
    ]
    inner, outer = _weights(rng, 48, 16) / np.sqrt(2), _weights(rng, 16, 16) / np.sqrt(2)
    attention = layers.MultiheadAttention(inner, rng.normal(size=48) / 20, outer, rng.normal(size=16) / 20, 2)
    norms = [layers.LayerNorm(np.ones(16), np.zeros(16)) for _ in range(2)]
    return transformer.Block(attention, *projections, *norms), rng.normal(size=(8, 16))


NETWORKS = {
    "CNN, strides": (lambda: a_cnn(pooled=False), lambda m, x: m(x)),
    "CNN, max-pools": (lambda: a_cnn(pooled=True), lambda m, x: m(x)),
    "transformer block": (a_block, transformer.pre_norm),
}
"""By name: what makes the model and an input, and the spec."""
