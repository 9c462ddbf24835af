"""Bounds on rounding errors against floats of every format: `make fuzz`.

Random specs of many operations over boxes of every size, in random formats, with random accumulators and libraries; the
floats are emulated (`emulated`), sums in random orders. A float may never be further from the exact value than the
bound says, nor the exact value outside of its enclosure. Exit code 1 on a miss.
"""

import argparse
import random
import sys
import time
from collections import Counter
from fractions import Fraction

import numpy as np
from emulated import Emulator, rounded

import scalarspec as ss
from scalarspec.core.applied import applied
from scalarspec.errors import ScalarSpecError
from scalarspec.numbers import formats


def softmax(a):
    return ss.exp(a - ss.logsumexp(a))


def plain_softmax(a):
    return ss.exp(a) / ss.sum(ss.exp(a))


def attention(a, b):
    """Rows of two, of which each attends to each."""
    q, k = (ss.reshape(ss.stack([t, t * "1/2"]), (t.shape[0], 2)) for t in (a, b))
    scores = ss.matmul(q, ss.matrix_transpose(k)) / ss.sqrt(a.context.tensor(2))
    return ss.matmul(ss.softmax(scores), b)


def heads(a, b):
    """Two heads at once, each of which sees nothing but the past."""
    n = a.shape[0]
    q, v = ss.reshape(ss.stack([a, b]), (2, n, 1)), ss.reshape(ss.stack([b, a]), (2, n, 1))
    scores = ss.matmul(q, ss.permute_dims(v, (0, 2, 1)))
    return ss.sum(ss.matmul(ss.softmax(scores, where=np.tri(n, dtype=bool)), v), axis=0)[:, 0]


def layer_norm(a):
    return (a - ss.mean(a, keepdims=True)) / ss.sqrt(ss.var(a, keepdims=True) + "1/1000")


KERNEL = np.array([[[0.3, -1, 0.7], [1.1, 0.2, -0.4]], [[-0.6, 0.5, 2], [0.1, -0.3, 0.9]]])
"""Of two channels to two channels."""


def conv(a):
    return ss.conv(ss.stack([a, a * "1/3"]), KERNEL, np.array([0.1, -5]), padding=1)[1]


def conv_of_plane(a, b):
    """The mean along rows of a convolution of a plane."""
    return ss.mean(ss.conv(ss.outer(a, b)[None], KERNEL[:1, :1, None] * [[[1], [0.7]]], padding=(1, 1)), axis=1)[0]


def conv_transpose(a):
    return ss.conv_transpose(ss.stack([a, -a]), KERNEL, stride=2, dilation=2)[0, : a.shape[0]]


def pool(pooled):
    return lambda a: pooled(a[None], 3, stride=1, padding=1)[0]


def folds(a):
    """Windows of two, each of whose elements is added where it came from."""
    wide = ss.concat([a, a[:1]])
    seen = applied("patches", wide, kernel=(2,), stride=(1,), dilation=(1,))
    return applied("fold", ss.square(seen), stride=(1,), dilation=(1,), size=wide.shape)[1:]


def columns(name):
    """A function along the columns of a matrix of two."""
    return lambda a, b: getattr(ss, name)(ss.stack([a, b]), axis=0)[1]


def masked(a):
    mask = np.arange(a.shape[0]) % 2
    return ss.where(a.context.tensor(mask) > 0, a, -4)


ONE = {
    **{
        name: getattr(ss, name)
        for name in ("negative", "square", "exp", "tanh", "sigmoid", "relu", "sin", "cos", "abs")
    },
    **{name: getattr(ss, name) for name in ("expm1mx", "softplus", "logcosh", "sign", "atan", "expm1", "heaviside")},
    **{name: getattr(ss, name) for name in ("elu", "silu", "gelu", "gelu_tanh", "mish", "hardswish", "softsign")},
    **{name: getattr(ss, name) for name in ("floor", "round", "trunc", "erfc", "log_ndtr", "asinh", "cbrt")},
    "arcs": lambda a: ss.asin(ss.tanh(a)) - ss.acos(ss.tanh(a)) + ss.acosh(1 + ss.square(a)),
    "logarithms": lambda a: ss.log2(1 + ss.abs(a)) - ss.log10(2 + ss.abs(a)) + ss.lgamma(1 + ss.square(a)),
    "root": lambda a: ss.sqrt(ss.abs(a)),
    "log1p": lambda a: ss.log1p(ss.square(a)),
    "log": lambda a: ss.log(1 + ss.abs(a)),
    "reciprocal": lambda a: 1 / (1 + ss.square(a)),
    "third": lambda a: a * "1/3",
    "shift": lambda a: a / 4 + "7/3",
    "shared": lambda a: a * a - a / 3,
    "leaky": lambda a: ss.leaky_relu(a, "1/100"),
    "softmax": softmax,
    "plain softmax": plain_softmax,
    "layer norm": layer_norm,
    "softmax itself": ss.softmax,
    "log_softmax": ss.log_softmax,
    "masked softmax": lambda a: ss.softmax(a, where=np.arange(a.shape[0]) % 3 < 2),
    "cumulative_sum": ss.cumulative_sum,
    "conv": conv,
    "conv_transpose": conv_transpose,
    "max_pool": pool(ss.max_pool),
    "avg_pool": pool(ss.avg_pool),
    "fold": folds,
    "taken": lambda a: a[np.arange(a.shape[0]) // 2],
    "rolled": lambda a: ss.roll(a, 1) * ss.flip(a),
    "masked": masked,
    "inexact clip": lambda a: ss.clip(a, "1/10", "9/10"),
    "exact clip": lambda a: ss.clip(a, -1, 1),
    "power": lambda a: (1 + ss.square(a)) ** "3/2",
}
TWO = {
    **{name: getattr(ss, name) for name in ("add", "subtract", "multiply", "maximum", "minimum")},
    "hypot": ss.hypot,
    "angle": lambda a, b: ss.atan2(a, 1 + ss.square(b)),
    "remainder": lambda a, b: ss.remainder(a, 1 + ss.square(b)),
    "copysign": ss.copysign,
    "divide": lambda a, b: a / (1 + ss.square(b)),
    "where": lambda a, b: ss.where(a < b, a + 1, b * 2),
    "clip": lambda a, b: ss.clip(a, -1, b * 0 + 1),
    "outer": lambda a, b: ss.matmul(ss.outer(a, b), b),
    "rows": lambda a, b: ss.matmul(a, ss.outer(b, a)),
    "squares": lambda a, b: ss.matmul(ss.matmul(ss.outer(a, b), ss.outer(b, a)), a),
    "layer": lambda a, b: ss.affine(ss.outer(a, b), a, b),
    "attention": attention,
    "heads": heads,
    "conv_of_plane": conv_of_plane,
    "two softmaxes": columns("softmax"),
    "two log_softmaxes": columns("log_softmax"),
    "two cumulative sums": columns("cumulative_sum"),
    "concat": lambda a, b: ss.concat([a, b])[a.shape[0] // 2 :][: a.shape[0]],
    "many matrices": lambda a, b: ss.matmul(a[:, None, None], ss.stack([b, a], axis=1)[:, None, :])[:, 0, 1],
    "softplus pair": lambda a, b: ss.logsumexp(ss.stack([a, b]), axis=0),
}
REDUCED = {
    **{name: getattr(ss, name) for name in ("sum", "mean", "mean_square", "logsumexp")},
    **{name: getattr(ss, name) for name in ("max", "min", "vector_norm")},
    "product": lambda a: ss.prod(a[:5]),
    "dot": lambda a: ss.dot(a, a + "1/10"),
    "norm": lambda a: ss.sqrt(ss.sum(ss.square(a))),
    "spelled out": lambda a: ss.log(ss.sum(ss.exp(a))),
    "variance": lambda a: ss.mean_square(a - ss.mean(a)),
    "cross-entropy": lambda a: ss.loss.cross_entropy(a, np.eye(a.shape[0])[0]),
}  # fmt: skip


def random_tree(source, depth, names):
    """A function of two tensors of shape (n,) to one of shape (n,), and what it does, appended to `names`."""
    if not depth:
        i = source.randrange(2)
        return lambda xs: xs[i]
    inner, kind = random_tree(source, depth - 1, names), source.random()
    table = ONE if kind < 0.45 else TWO if kind < 0.85 else REDUCED
    name = source.choice(sorted(table))
    names.append(name)
    done = table[name]
    if table is ONE:
        return lambda xs: done(inner(xs))
    if table is TWO:
        other = random_tree(source, source.randrange(depth), names)
        return lambda xs: done(inner(xs), other(xs))
    return lambda xs: ss.broadcast_to(done(inner(xs)), xs[0].shape)


FORMS = ("float64", "float32", "tf32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
SIZES = (1, 1, 1, 3, 10, 1e-3, 1e-6, 60)
WIDTHS = (0, 0, 1e-3, 0.3, 2)
TWO_OF_THEM = ("x", "y")


class Case:
    """A spec, its box, and how floats compute, from a seed."""

    def __init__(self, seed):
        source = self.source = random.Random(seed)
        self.names = []
        tree = random_tree(source, source.randrange(1, 6), self.names)
        ends = source.choice([ss.sum, lambda t: t])
        self.spec = lambda x, y: ends(tree([x, y]))
        self.n = source.choice([1, 2, 3, 9, 33])
        self.form = formats.named(source.choice(FORMS))
        wider = [name for name, form in formats.FORMATS.items() if form.contains(self.form)]
        self.accumulate = source.choice([None, source.choice(wider)])
        self.libm = source.choice([1, 2, 4])
        self.inputs = source.choice(["rounded", "exact"])
        self.splits = source.choice([0, 0, 0, 4])
        self.low, self.high = self._box(source.choice(SIZES), source.choice(WIDTHS))

    def _box(self, size, width):
        low = {name: np.array([self.source.uniform(-size, size) for _ in range(self.n)]) for name in TWO_OF_THEM}
        high = {name: low[name] + width * size for name in TWO_OF_THEM}
        if self.inputs == "exact":
            low, high = ({k: rounded(v, self.form) for k, v in ends.items()} for ends in (low, high))
        return low, high

    def bound(self):
        """The tolerance. Raises as it does."""
        vary = {name: ss.box(self.low[name], self.high[name]) for name in TWO_OF_THEM}
        return ss.tolerance(
            self.spec, *(self.low[name] for name in TWO_OF_THEM), vary=vary, dtype=self.form.name, splits=self.splits,
            inputs=self.inputs, libm=self.libm, accumulate=self.accumulate,
        )  # fmt: skip

    def points(self, count):
        """Arguments in the box, (count, n) each: float64s, and numbers of the format where the inputs are so."""
        found = []
        for name in TWO_OF_THEM:
            low, high = self.low[name], self.high[name]
            parts = np.array([[self.source.choice([0, 1, self.source.random()]) for _ in low] for _ in range(count)])
            x = np.clip(low + parts * (high - low), low, high)
            found.append(np.clip(rounded(x, self.form), low, high) if self.inputs == "exact" else x)
        return found

    def __str__(self):
        sums = f", sums in {self.accumulate}" if self.accumulate else ""
        how = f"{self.form.name}{sums}, libm {self.libm}, inputs {self.inputs}, {self.splits} splits"
        return f"{', '.join(self.names)} of {self.n} numbers in {how}"


def exact(spec, columns, form):
    """Exact ends of the exact values, for each row."""
    if form.precision == 53:
        context = ss.context("interval", prec=160)
        rows = [ss.endpoints(spec(*map(context.tensor, row))) for row in zip(*columns, strict=True)]
        return tuple(np.stack([pair[k] for pair in rows]) for k in (0, 1))
    context = ss.context("interval64", fast=False)
    return ss.endpoints(ss.batched(spec, over=TWO_OF_THEM)(*map(context.tensor, columns)))


def check(seed, count, counts, ratios):
    """Misses of one spec at some inputs, told."""
    case = Case(seed)
    try:
        found = case.bound()
    except ScalarSpecError as error:
        counts[f"specs refused: {type(error).__name__}"] += 1
        return []
    counts["specs"] += 1
    bounds = np.asarray(found.absolute)
    counts["pairs"] += count
    if not np.any(np.isfinite(bounds)):
        counts["pairs without a finite bound"] += count
        return []
    columns = case.points(count)
    sums = formats.named(case.accumulate or case.form)
    emulator = Emulator(case.form, sums, case.libm, np.random.default_rng(seed))
    values = emulator.evaluate(case.spec, [rounded(x, case.form) for x in columns])
    lower, upper = exact(case.spec, columns, case.form)
    return [
        f"seed {seed}: {case}: off by {float(off)}, the bound is {bound}"
        for off, bound in _off(values, lower, upper, bounds, found, ratios)
    ]


def _off(values, lower, upper, bounds, found, ratios):
    """The errors beyond their bounds."""
    full = np.broadcast_to(bounds, values.shape)
    least, most = (np.broadcast_to(end, values.shape) for end in (found.lower, found.upper))
    for index in np.ndindex(*values.shape):
        bound, x, low, high = full[index], values[index], lower[index], upper[index]
        if high < least[index] or low > most[index]:
            yield np.inf, "an enclosure that is missed"
        if not np.isfinite(bound):
            continue
        off = max(low - Fraction(float(x)), Fraction(float(x)) - high, Fraction(0)) if np.isfinite(x) else np.inf
        ratios.append(float(off / Fraction(float(bound))) if bound and off != np.inf else 0.0)
        if off > bound:
            yield off, bound


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="pairs of a spec and an input (default 20000)")
    parser.add_argument("--inputs", type=int, default=20, help="for each spec (default 20)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts, ratios, misses, seed, start = Counter(), [], [], options.seed, time.perf_counter()
    while counts["pairs"] < options.count:
        misses += check(seed, options.inputs, counts, ratios)
        seed += 1
    for what, number in sorted(counts.items()):
        print(f"{number:8} {what}")
    print(f"the greatest error over its bound: {max(ratios):.3f}; half of them below {np.median(ratios):.3g}")
    print(f"{len(misses)} misses, {time.perf_counter() - start:.0f} s", *misses[:20], sep="\n")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
