"""Random programs on whole tensors: convolutions, pools, attention, norms, reductions, and what moves elements."""

import random

import numpy as np

import scalarspec as ss


def _convolved(t, source, rng):
    c, *spatial = t.shape
    kernel = [source.randrange(1, min(n, 3) + 1) for n in spatial]
    if not spatial or 0 in spatial:
        return t
    weight = rng.normal(size=(source.randrange(1, 3), c, *kernel)) / np.sqrt(c * np.prod(kernel))
    if source.random() < 0.3:
        return ss.conv_transpose(t, np.swapaxes(weight, 0, 1), stride=source.randrange(1, 3))
    return ss.conv(
        t, weight, rng.normal(size=len(weight)) / 4, padding=source.randrange(2), stride=source.randrange(1, 3)
    )


def _pooled(t, source, rng):
    if t.ndim < 2:
        return t
    kernel = tuple(source.randrange(1, n + 1) for n in t.shape[1:])
    return source.choice([ss.max_pool, ss.avg_pool])(t, kernel)


def _attended(t, source, rng):
    rows = ss.reshape(t, (-1, t.shape[-1]))
    scores = ss.matmul(rows, rows.mT) / 2
    mask = rng.random(scores.shape) < 0.7 if source.random() < 0.4 else None
    return ss.matmul(ss.softmax(scores, where=mask), rows)


def _multiplied(t, source, rng):
    return ss.matmul(rng.normal(size=(2, t.shape[-2] if t.ndim > 1 else t.shape[-1])) / 2, t)


def _axis(t, source):
    return source.randrange(t.ndim)


STEPS = {
    "conv": _convolved,
    "pool": _pooled,
    "attention": _attended,
    "matmul": _multiplied,
    "softmax": lambda t, source, rng: ss.softmax(t, axis=_axis(t, source)),
    "log_softmax": lambda t, source, rng: ss.log_softmax(t, axis=_axis(t, source)),
    "rms_norm": lambda t, source, rng: ss.rms_norm(t, axis=_axis(t, source), eps="0.01"),
    "layer_norm": lambda t, source, rng: ss.rms_norm(t - ss.mean(t, -1, keepdims=True), eps="0.01"),
    "var": lambda t, source, rng: t - ss.std(t + "0.1", _axis(t, source), keepdims=True),
    "max": lambda t, source, rng: t - ss.max(t, _axis(t, source), keepdims=True),
    "min": lambda t, source, rng: ss.min(t, _axis(t, source), keepdims=True) * t,
    "cumulative_sum": lambda t, source, rng: ss.cumulative_sum(t, axis=_axis(t, source)),
    "permute": lambda t, source, rng: ss.permute_dims(t, source.sample(range(t.ndim), t.ndim)),
    "concat": lambda t, source, rng: ss.concat([t, ss.tanh(t)], axis=_axis(t, source)),
    "take": lambda t, source, rng: ss.take(t, rng.integers(0, t.shape[0], size=t.shape[0]), axis=0),
    "flip": lambda t, source, rng: ss.flip(t, axis=_axis(t, source)) - t / 2,
    "roll": lambda t, source, rng: ss.roll(t, 1, axis=_axis(t, source)) * t,
    "pad": lambda t, source, rng: ss.pad(t, 1, mode=source.choice(["constant", "edge"])),
    "where": lambda t, source, rng: ss.where(rng.random(t.shape) < 0.5, t, ss.exp(t / 4)),
    "relu": lambda t, source, rng: ss.relu(t),
    "gelu": lambda t, source, rng: ss.gelu(t),
    "scale": lambda t, source, rng: t * rng.normal(size=t.shape) + rng.normal(size=t.shape[-1:]),
}
LARGEST = 96
"""Values beyond so many elements are reduced: the last axis gives way to its mean."""


def a_tensor_program(seed):
    """A spec of x and y, arguments, and what varies: five steps at most."""
    source, rng = random.Random(seed), np.random.default_rng(seed)
    shape = source.choice([(3,), (2, 3), (1, 4, 4), (2, 3, 3), (4, 2)])
    names = [source.choice(sorted(STEPS)) for _ in range(source.randrange(1, 6))]

    def spec(x, y):
        steps, numbers = random.Random(seed + 1), np.random.default_rng(seed + 1)
        t = x
        for name in names:
            t = STEPS[name](t, steps, numbers)
            while t.size > LARGEST:
                t = ss.mean(t, axis=-1)
        return ss.reshape(t, (-1,))[:4] * y

    radius = 10 ** rng.uniform(-5, -0.3)
    return spec, (rng.normal(size=shape), rng.normal()), {"x": ss.ball(radius), "y": ss.ball(radius / 3)}
