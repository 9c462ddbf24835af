"""Functions as people write them in JAX, with arguments; and for each primitive that has a rule one that uses it."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.ad_checkpoint import checkpoint_name

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape)


X, V = normal(3, 4), normal(4)
MASK = np.tril(np.ones((3, 4), bool))
LABELS = np.array([[0], [1], [3]])


def layer_norm(x, scale, shift):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(var + 1e-5) * scale + shift


def attention(q, k, v):
    return jax.nn.softmax(q @ k.T / jnp.sqrt(4.0)) @ v


def causal(q, k, v):
    scores = jnp.where(MASK[:, :3], q @ k.T, -jnp.inf)
    return jax.nn.softmax(scores) @ v


def mlp(params, x):
    for w, b in params[:-1]:
        x = jax.nn.relu(w @ x + b)
    w, b = params[-1]
    return w @ x + b


def rnn(w, u, xs):
    def step(h, x):
        h = jnp.tanh(w @ h + u @ x)
        return h, h.sum()

    return lax.scan(step, jnp.zeros(w.shape[0]), xs)[1]


def gru_cell(h, x, w):
    z, r = jax.nn.sigmoid(w[0] @ x + w[1] @ h), jax.nn.sigmoid(w[2] @ x + w[3] @ h)
    return (1 - z) * h + z * jnp.tanh(w[4] @ x + w[5] @ (r * h))


def conv_net(x, w, v):
    x = lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    x = lax.reduce_window(jax.nn.relu(x), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return x.reshape(x.shape[0], -1) @ v


def cross_entropy(logits):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), LABELS, axis=1))


def elbo(mean, logvar, x):
    kl = 0.5 * jnp.sum(jnp.exp(logvar) + mean**2 - 1 - logvar)
    return jnp.sum((x - mean) ** 2) + kl


def pendulum(state):
    def step(s, _):
        angle, speed = s
        speed = speed - 0.1 * jnp.sin(angle)
        return jnp.stack([angle + 0.1 * speed, speed]), None

    return lax.scan(step, state, None, length=5)[0]


def lennard_jones(r):
    six = (1.5 / r) ** 6
    return 4 * 0.25 * (six**2 - six)


@jax.custom_jvp
def safe_sqrt(x):
    return jnp.sqrt(jnp.maximum(x, 0.0))


safe_sqrt.defjvp(lambda primals, tangents: (safe_sqrt(*primals), tangents[0] / (2 * safe_sqrt(*primals) + 1)))


@jax.custom_vjp
def clipped(x):
    return x * x


clipped.defvjp(lambda x: (clipped(x), x), lambda x, g: (jnp.clip(g * 2 * x, -1, 1),))

FUNCTIONS = {
    "mlp": (mlp, [(normal(4, 3), normal(4)), (normal(2, 4), normal(2))], normal(3)),
    "layer norm": (layer_norm, X, normal(4), normal(4)),
    "attention": (attention, X, normal(5, 4), normal(5, 2)),
    "causal": (causal, X, normal(3, 4), normal(3, 2)),
    "rnn": (rnn, normal(4, 4), normal(4, 2), normal(3, 2)),
    "gru": (gru_cell, normal(2), normal(2), normal(6, 2, 2)),
    "conv net": (conv_net, normal(1, 4, 4, 2), normal(3, 3, 2, 2), normal(8, 2)),
    "cross entropy": (cross_entropy, X),
    "elbo": (elbo, V, normal(4), normal(4)),
    "pendulum": (pendulum, normal(2)),
    "lennard jones": (lennard_jones, np.abs(V) + 1),
    "einsum": (lambda x, y: jnp.einsum("bij,bkj->bik", x, y), normal(2, 3, 4), normal(2, 2, 4)),
    "vmap": (jax.vmap(lambda w, x: jnp.tanh(w @ x), (0, None)), normal(2, 3, 4), V),
    "grad": (jax.grad(lambda w, x: jnp.sum(jnp.tanh(w @ x) ** 2)), normal(3, 4), V),
    "grad of softmax": (jax.grad(lambda x: jnp.sum(jax.nn.softmax(x) ** 2)), X),
    "grad of scan": (jax.grad(lambda w: rnn(w, np.ones((4, 1)), np.ones((3, 1))).sum()), normal(4, 4)),
    "grad of attention": (jax.grad(lambda q: attention(q, q, q).sum()), X),
    "hessian": (jax.hessian(lambda v: jnp.sum(jnp.exp(v) * v[0])), V),
    "jacobian": (jax.jacfwd(lambda v: jnp.sin(v) * v[::-1]), V),
    "jit": (jax.jit(lambda x: jnp.sin(x) ** 2), X),
    "checkpoint": (jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))), X),
    "custom jvp": (safe_sqrt, np.abs(X)),
    "custom vjp": (clipped, X),
    "where": (lambda x: jnp.where(x > 0, jnp.log(x), x * 2), X),
    "huber": (lambda x: jnp.where(jnp.abs(x) < 1, 0.5 * x**2, jnp.abs(x) - 0.5).sum(), X),
    "cond": (lambda x: lax.cond(x[0] > 0, lambda y: y * 2, lambda y: jnp.exp(y), x), V),
    "switch": (lambda x: lax.switch(2, [lambda y: y, lambda y: y * 2, lambda y: y * 3], x), X),
    "fori": (lambda x: lax.fori_loop(0, 3, lambda i, y: y * 0.5 + i, x), X),
    "while": (lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2), (0, x))[1], X),
    "map": (lambda x: lax.map(lambda r: r.sum() * r, x), X),
    "associative scan": (lambda x: lax.associative_scan(jnp.add, x), V),
    "fancy": (lambda x: jnp.asarray(x)[np.array([0, 2]), np.array([1, 3])] + x[-1, ::2], X),
    "set": (lambda x: jnp.asarray(x).at[1].set(3.0).at[0, 2].set(x[0, 0]), X),
    "at add": (lambda x: jnp.asarray(x).at[np.array([0, 0, 2])].add(x), X),
    "embedding": (lambda t, i: t[i].sum(0), X, np.array([0, 2, 2])),
    "dynamic slice": (lambda x, i: lax.dynamic_slice_in_dim(x, i, 2), X, np.int64(1)),
    "segment sum": (lambda x: jax.ops.segment_sum(x, jnp.array([0, 1, 0]), 2), X),
    "logsumexp": (lambda x: jax.nn.logsumexp(x, axis=1), X),
    "masked logsumexp": (lambda x: jax.nn.logsumexp(x, axis=1, where=MASK), X),
    "masked softmax": (lambda x: jax.nn.softmax(x, axis=1, where=MASK), X),
    "softplus": (jax.nn.softplus, X),
    "silu": (jax.nn.silu, X),
    "gelu": (jax.nn.gelu, X),
    "elu": (jax.nn.elu, X),
    "mish": (jax.nn.mish, X),
    "log sigmoid": (jax.nn.log_sigmoid, X),
    "selu": (jax.nn.selu, X),
    "glu": (jax.nn.glu, X),
    "one hot": (lambda x: jax.nn.one_hot(jnp.array([0, 2]), 3) @ x, X),
    "norm": (lambda x: x / jnp.linalg.norm(x, axis=1, keepdims=True), X),
    "determinant": (jnp.linalg.det, normal(3, 3)),
    "std": (lambda x: jnp.std(x, axis=0, ddof=1), X),
    "covariance": (jnp.cov, X),
    "cumsum": (lambda x: jnp.cumsum(x, axis=1), X),
    "median": (jnp.median, X),
    "quantile": (lambda x: jnp.quantile(x, 0.3), X),
    "interpolation": (lambda x: jnp.interp(x, jnp.array([-1.0, 0.0, 1.0]), jnp.array([0.0, 2.0, 1.0])), X),
    "polynomial": (lambda x: jnp.polyval(jnp.array([1.0, 2.0, 0.1]), x), X),
    "modulo": (lambda x: x % 2.0, X),
    "floor divide": (lambda x: x // 0.5, X),
    "rms norm": (lambda x: x * lax.rsqrt(jnp.mean(x**2, -1, keepdims=True) + 1e-6), X),
    "normal": (lambda x: jax.scipy.stats.norm.logpdf(x) + jax.scipy.stats.norm.cdf(x), X),
    "special": (lambda x: jax.scipy.special.gammaln(x) + jax.scipy.special.digamma(x), np.abs(X) + 1),
    "xlogy": (lambda x: jax.scipy.special.xlogy(x, x), np.abs(X)),
    "sinc": (jnp.sinc, X),
    "linspace": (lambda v: jnp.linspace(0, 1, 4) * v + jnp.arange(4) / 3, V),
    "pad": (lambda x: jnp.pad(x, 1, mode="reflect"), X),
    "convolve": (lambda v: jnp.convolve(v, jnp.array([1.0, 0.5])), V),
    "sort": (jnp.sort, X),
    "take by argmax": (lambda x: jnp.take_along_axis(x, jnp.argmax(x, axis=1)[:, None], axis=1), X),
    "mean of truths": (lambda x: jnp.mean(x > 0, dtype=x.dtype) + jnp.any(x > 1), X),
    "not a number": (lambda x: jnp.nan_to_num(jnp.where(jnp.isnan(x), 0.0, x)), X),
}
"""By name: a function, and its arguments."""


def _windows(**told):
    return {
        "window_dimensions": (2, 2), "window_strides": (1, 2), "padding": ((0, 1), (1, 0)), **told,
    }  # fmt: skip


def _lax(function, *more, **told):
    return lambda *x: function(*x, *more, **told)


PLACES, SHIFTS = np.array([[3, 5], [2, 9]]), np.array([[2, 4], [3, 2]])
UNIT = X / (1 + np.abs(X))
ROWS = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0,))
EVERYWHERE = ["sin", "cos", "tan", "sinh", "cosh", "tanh", "asinh", "logistic", "erf", "erfc"]
PRIMITIVES = {
    "add": (lambda x, y: x + y, X, V),
    "add_any": (jax.grad(lambda x: jnp.sum(jnp.sin(x) * x)), X),
    "sub": (lambda x, y: x - y, X, V),
    "mul": (lambda x, y: x * y, X, V),
    "div": (lambda x, y: x / y, X, V),
    "rem": (lambda x, y: lax.rem(x, y), X, np.abs(X[::-1])),
    "neg": (lambda x: -x, X),
    "abs": (jnp.abs, X),
    "sign": (jnp.sign, X),
    "pow": (lambda x: jnp.abs(x) ** x, X),
    "integer_pow": (lambda x: x**3 + x**-2, X),
    "sqrt": (jnp.sqrt, np.abs(X)),
    "rsqrt": (lax.rsqrt, np.abs(X)),
    "cbrt": (jnp.cbrt, X),
    "square": (jnp.square, X),
    "exp": (jnp.exp, X),
    "exp2": (lax.exp2, X),
    "expm1": (jnp.expm1, X),
    "log": (jnp.log, np.abs(X)),
    "log1p": (jnp.log1p, np.abs(X)),
    **{name: (getattr(lax, name), X) for name in EVERYWHERE},
    **{name: (getattr(lax, name), UNIT) for name in ["asin", "acos", "atan", "atanh"]},
    "acosh": (lax.acosh, np.abs(X) + 1),
    "atan2": (lax.atan2, X, X[::-1]),
    "lgamma": (lax.lgamma, np.abs(X) + 0.5),
    "digamma": (lax.digamma, np.abs(X) + 0.5),
    "floor": (jnp.floor, 3 * X),
    "ceil": (jnp.ceil, 3 * X),
    "round": (
        lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO) + lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN),
        np.array([0.5, 1.5, -0.5, -2.5, 1.2]),
    ),
    "max": (jnp.maximum, X, X[::-1]),
    "min": (jnp.minimum, X, X[::-1]),
    "clamp": (lambda x: lax.clamp(-0.5, x, 0.5), X),
    "relu": (jax.nn.relu, X),
    "silu": (jax.nn.silu, X),
    "softplus": (jax.nn.softplus, X),
    "logaddexp": (jnp.logaddexp, X, X[::-1]),
    "softmax": (jax.nn.softmax, X),
    "log_softmax": (jax.nn.log_softmax, X),
    "logsumexp": (jax.nn.logsumexp, X),
    "eq": (lambda x: (x[0] == x[1]) & (x == x).all(0), np.array([[1.0, 2.0], [1.0, 3.0]])),
    "ne": (lambda x: x[0] != x[1], np.array([[1.0, 2.0], [1.0, 3.0]])),
    "lt": (lambda x: x < 0.5, X),
    "le": (lambda x: x <= 0.5, X),
    "gt": (lambda x: x > 0.5, X),
    "ge": (lambda x: x >= 0.5, X),
    "le_to": (lambda x: jnp.searchsorted(x, 0.3), np.sort(V)),
    "lt_to": (lambda x: jnp.searchsorted(x, 0.3, side="right"), np.sort(V)),
    "eq_to": (lambda x, y: lax.eq_to_p.bind(x, y), X, np.where(MASK, X, 0.0)),
    "and": (lambda x: (x > 0) & (x < 1), X),
    "or": (lambda x: (x < 0) | (x > 1), X),
    "xor": (lambda x: (x < 1) ^ (x > 0), X),
    "not": (lambda x: ~(x > 0), X),
    "shift_left": (lambda x, i: x * (i << 2), PLACES * 0.5, PLACES),
    "shift_right_arithmetic": (lambda x, i: x * (i >> 1), PLACES * 0.5, PLACES),
    "shift_right_logical": (lambda x, i: x * lax.shift_right_logical(i, SHIFTS), PLACES * 0.5, PLACES),
    "is_finite": (jnp.isfinite, X),
    "select_n": (lambda x: jnp.where(MASK, x, -x), X),
    "convert_element_type": (lambda x, i: (x > 0) + i.astype(float), X, np.arange(4)),
    "stop_gradient": (lambda x: lax.stop_gradient(x) * x, X),
    "copy": (lambda x: jnp.array(x, copy=True), X),
    "name": (lambda x: checkpoint_name(x, "h") * 2, X),
    "device_put": (lambda x: jax.device_put(x) * 2, X),
    "optimization_barrier": (lambda x: lax.optimization_barrier(x) * 2, X),
    "platform_index": (lambda x: lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos), X),
    "reshape": (lambda x: jnp.reshape(x, (2, 6)), X),
    "squeeze": (lambda x: jnp.squeeze(x[:, :1], 1), X),
    "broadcast_in_dim": (lambda x: jnp.broadcast_to(x[:, None], (3, 2, 4)), X),
    "transpose": (lambda x: jnp.transpose(x, (2, 0, 1)), normal(2, 3, 4)),
    "rev": (lambda x: lax.rev(x, (0, 1)), X),
    "concatenate": (lambda x: jnp.concatenate([x, jnp.ones((3, 1)), x], 1), X),
    "stack": (lambda x: jnp.stack([x, 2 * x], 1), X),
    "unstack": (lambda x: sum(jnp.unstack(x, axis=1)), X),
    "slice": (lambda x: x[1:, ::2], X),
    "split": (lambda x: jnp.split(x, [1, 3], axis=1)[1], X),
    "tile": (lambda x: jnp.tile(x, (2, 1)), X),
    "iota": (lambda x: x * lax.iota(jnp.float64, 4) + lax.broadcasted_iota(jnp.int64, (3, 4), 0), X),
    "pad": (lambda x: lax.pad(x, 2.0, ((-1, 1, 1), (0, -1, 2))), X),
    "dynamic_slice": (lambda x, i: lax.dynamic_slice(x, (i, 1), (2, 2)), X, np.int64(7)),
    "dynamic_update_slice": (lambda x, i: lax.dynamic_update_slice(x, x[:1], (i, 0)), X, np.int64(2)),
    "gather": (lambda x, i: lax.gather(x, i, ROWS, (1, 4), mode="fill", fill_value=7.0), X, np.array([[2], [9], [0]])),
    "scatter": (lambda x: jnp.asarray(x).at[np.array([2, 9])].set(x[:2], mode="drop"), X),
    "scatter-add": (lambda x: jnp.asarray(x).at[np.array([0, 0, 2]), 1:3].add(x[:, :2]), X),
    "scatter-sub": (lambda x: jnp.asarray(x).at[np.array([0, 0, 2])].subtract(x), X),
    "scatter-mul": (lambda x: jnp.asarray(x).at[np.array([0, 0, 2])].multiply(x), X),
    "scatter-min": (lambda x: jnp.asarray(x).at[np.array([0, 0, 2])].min(x), X),
    "scatter-max": (lambda x: jnp.asarray(x).at[np.array([0, 0, 2])].max(x), X),
    "reduce_sum": (lambda x: jnp.sum(x, axis=0), X),
    "reduce_prod": (lambda x: jnp.prod(x, axis=0), X),
    "reduce_max": (lambda x: jnp.max(x, axis=0), X),
    "reduce_min": (lambda x: jnp.min(x, axis=0), X),
    "reduce_and": (lambda x: jnp.all(x > -1, axis=0), X),
    "reduce_or": (lambda x: jnp.any(x > 1, axis=0), X),
    "argmax": (lambda x: jnp.argmax(x, axis=0), X),
    "argmin": (lambda x: jnp.argmin(x, axis=1), X),
    "cumsum": (lambda x: lax.cumsum(x, axis=1, reverse=True), X),
    "cumprod": (lambda x: lax.cumprod(x, axis=0), X),
    "cummax": (lambda x: lax.cummax(x, axis=1), X),
    "cummin": (lambda x: lax.cummin(x, axis=1, reverse=True), X),
    "cumlogsumexp": (lambda x: lax.cumlogsumexp(x, axis=1), X),
    "sort": (lambda x: lax.sort((x, lax.broadcasted_iota(int, x.shape, 1)), num_keys=1), X),
    "top_k": (lambda x: lax.top_k(x, 2), X),
    "reduce_window_sum": (lambda x: lax.reduce_window(x, 0.0, lax.add, **_windows(base_dilation=(1, 2))), X),
    "reduce_window_max": (lambda x: lax.reduce_window(x, -jnp.inf, lax.max, **_windows(window_dilation=(1, 2))), X),
    "reduce_window_min": (lambda x: lax.reduce_window(x, jnp.inf, lax.min, **_windows()), X),
    "dot_general": (
        lambda x, y: lax.dot_general(x, y, (((3, 1), (0, 2)), ((0,), (1,)))), normal(2, 3, 4, 5), normal(5, 2, 3),
    ),
    "conv_general_dilated": (
        lambda x, w: lax.conv_general_dilated(
            x, w, (2, 1), ((1, 0), (-1, 2)), lhs_dilation=(1, 2), rhs_dilation=(2, 1),
            dimension_numbers=("NHWC", "HWIO", "NCHW"), feature_group_count=2,
        ), normal(1, 5, 5, 4), normal(2, 2, 2, 4),
    ),
    "scan": (lambda x: lax.scan(lambda c, r: (c + r, c * 2), x[0], x, reverse=True), X),
    "while": (lambda x: lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1] * 2), (0, x))[1], X),
    "cond": (lambda x: lax.cond(x[0, 0] > 0, lambda y: y * 2, lambda y: y + 1, x), X),
}  # fmt: skip
"""By primitive, or by the name of a composition that is recognized: a function that uses it, and arguments."""
