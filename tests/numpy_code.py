"""Functions in plain NumPy, by the habits of real code: none knows of scalarspec. Each with arguments for it."""

import math

import numpy as np

R = np.random.default_rng(7)
X, Y, Z = R.standard_normal(5), R.standard_normal(5), R.standard_normal((4, 5))
P = R.random(5) * 0.7 + 0.15
M, N, SQUARE = R.standard_normal((3, 5)), R.standard_normal((5, 2)), R.standard_normal((4, 4))
LABELS = np.array([0, 2, 1, 4])
MASK = np.array([True, False, True, True, False])


# ---- losses ---------------------------------------------------------------------------------------------------------


def kl(mu, logvar):
    return 0.5 * np.mean(np.exp(logvar) + mu**2 - 1 - logvar)


def bce(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def bce_clipped(p, y, eps=1e-7):
    p = np.clip(p, eps, 1 - eps)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def softmax_rows(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(z):
    logp = z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))
    return -np.mean(logp[np.arange(len(z)), LABELS])


def one_hot_cross_entropy(z):
    onehot = np.eye(z.shape[1])[LABELS]
    return -(onehot * np.log(softmax_rows(z))).sum() / len(z)


def huber(pred, target, delta=1.0):
    err = pred - target
    small = np.abs(err) <= delta
    return np.where(small, 0.5 * err**2, delta * (np.abs(err) - 0.5 * delta)).sum()


def hinge(w):
    margins = np.maximum(0, 1 - w * np.sign(Y))
    return margins.mean() + 0.01 * np.sum(w * w)


def quantile_loss(pred, target, q=0.9):
    e = target - pred
    return np.mean(np.maximum(q * e, (q - 1) * e))


def logcosh(pred, target):
    d = np.abs(pred - target)
    return np.sum(d + np.log1p(np.exp(-2 * d)) - np.log(2.0))


def focal(p, y, gamma=2.0, alpha=0.25):
    pt = y * p + (1 - y) * (1 - p)
    return -(alpha * (1 - pt) ** gamma * np.log(pt)).mean()


def dice(p, y, smooth=1.0):
    return 1 - (2 * np.sum(p * y) + smooth) / (np.sum(p) + np.sum(y) + smooth)


def cosine_distance(a, b):
    return 1 - np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))


def contrastive(z, tau=0.1):
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    sim = z @ z.T / tau
    logits = np.where(np.eye(len(z), dtype=bool), -1e9, sim)
    return -np.mean(logits[:, 0] - np.log(np.exp(logits).sum(axis=1)))


def triplet(a, p, n, margin=0.2):
    return np.maximum(np.sum((a - p) ** 2) - np.sum((a - n) ** 2) + margin, 0)


# ---- layers ---------------------------------------------------------------------------------------------------------


def relu_net(x, w1=M, w2=N):
    h = np.maximum(w1 @ x, 0)
    return (h @ w1 @ w2).sum()


def layer_norm(x, eps=1e-5):
    mu = x.mean(axis=-1, keepdims=True)
    var = ((x - mu) ** 2).mean(axis=-1, keepdims=True)
    return (x - mu) / np.sqrt(var + eps)


def batch_norm(x, gamma=P, beta=Y):
    return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) + beta


def rms_norm(x):
    return x * (1.0 / np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True) + 1e-6))


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def swish(x, beta=1.702):
    return x / (1 + np.exp(-beta * x))


def softplus(x):
    return np.logaddexp(0, x)


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def masked_relu(x):
    return x * (x > 0)


def attention(q, k, v):
    scores = q @ k.T / np.sqrt(k.shape[-1])
    w = np.exp(scores - scores.max(-1, keepdims=True))
    return (w / w.sum(-1, keepdims=True)) @ v


def causal_attention(x):
    scores = x @ x.T
    mask = np.triu(np.ones(scores.shape, dtype=bool), 1)
    scores = np.where(mask, -np.inf, scores)
    w = np.exp(scores - scores.max(axis=-1, keepdims=True))
    w /= w.sum(axis=-1, keepdims=True)
    return np.einsum("ij,jk->ik", w, x)


def multi_head(x):
    heads = x.reshape(4, 5, 1).transpose(1, 0, 2)
    return np.einsum("hid,hjd->hij", heads, heads).sum(axis=0)


def recurrent(x):
    h = np.zeros(3)
    for t in range(len(x)):
        h = np.tanh(h * 0.5 + M[:, t] * x[t])
    return h


def convolution(x):
    kernel = np.array([0.25, 0.5, 0.25])
    return np.convolve(x, kernel, mode="same")


def pooled(x):
    return x.reshape(2, 2, 2, 2).max(axis=(1, 3)).ravel()


def embedding(table):
    return table[LABELS[:3]].mean(axis=0)


def positional(x):
    pos = np.arange(4)[:, None]
    i = np.arange(5)[None, :]
    return x + np.sin(pos / np.power(10000, (2 * (i // 2)) / 5))


def dropout_eval(x, keep=0.8):
    return np.where(MASK, x / keep, 0.0)


# ---- statistics -----------------------------------------------------------------------------------------------------


def zscore(x):
    return (x - x.mean()) / x.std(ddof=1)


def pearson(x, y):
    xm, ym = x - x.mean(), y - y.mean()
    return (xm * ym).sum() / np.sqrt((xm**2).sum() * (ym**2).sum())


def covariance(x):
    return np.cov(x)


def correlation(x):
    return np.corrcoef(x)[0, 1]


def weighted_mean(x):
    return np.average(x, weights=P)


def skewness(x):
    c = x - np.mean(x)
    return np.mean(c**3) / np.mean(c**2) ** 1.5


def gaussian_nll(x, mu, sigma):
    return np.sum(0.5 * ((x - mu) / sigma) ** 2 + np.log(sigma) + 0.5 * np.log(2 * np.pi))


def log_mixture(x):
    comps = np.log(P)[:, None] - 0.5 * (x[None, :] - Y[:, None]) ** 2
    m = comps.max(axis=0)
    return (m + np.log(np.exp(comps - m).sum(axis=0))).sum()


def entropy(p):
    p = p / p.sum()
    return -(p * np.log2(p)).sum()


def js_divergence(p, q):
    p, q = p / np.sum(p), q / np.sum(q)
    m = 0.5 * (p + q)
    return 0.5 * np.sum(p * np.log(p / m)) + 0.5 * np.sum(q * np.log(q / m))


def mad(x):
    return np.median(np.abs(x - np.median(x)))


def iqr(x):
    q75, q25 = np.percentile(x, [75, 25])
    return q75 - q25


def ewma(x, alpha=0.3):
    out = [x[0]]
    for t in range(1, len(x)):
        out.append(alpha * x[t] + (1 - alpha) * out[-1])
    return np.stack(out)


def drawdown(x):
    wealth = np.cumprod(1 + 0.1 * x)
    peak = np.maximum.accumulate(wealth)
    return np.max(1 - wealth / peak)


def autocorrelation(x):
    c = x - x.mean()
    return np.array([1, 2]) @ np.stack([np.sum(c[k:] * c[: len(c) - k]) for k in (1, 2)]) / np.sum(c * c)


def moving_average(x, w=3):
    c = np.cumsum(np.concatenate([np.zeros(1), x]))
    return (c[w:] - c[:-w]) / w


# ---- special functions and physics ----------------------------------------------------------------------------------


def bessel_series(x):
    total, term = 0, np.ones_like(x)
    for k in range(12):
        total += term
        term = term * -((x / 2) ** 2) / ((k + 1) ** 2)
    return total


def erf_series(x):
    total = np.zeros_like(x)
    for n in range(15):
        total += (-1) ** n * x ** (2 * n + 1) / (math.factorial(n) * (2 * n + 1))
    return 2 / np.sqrt(np.pi) * total


def lennard_jones(r):
    s = (1.0 / r) ** 6
    return 4 * (s**2 - s)


def pairwise_energy(pos):
    d = pos[:, None, :] - pos[None, :, :]
    r2 = (d**2).sum(-1) + np.eye(len(pos))
    return np.triu(1 / np.sqrt(r2), k=1).sum()


def planck(nu):
    return nu**3 / np.expm1(nu)


def pendulum(x):
    theta, omega = x[0], x[1]
    for _ in range(5):
        omega = omega - 0.01 * 9.81 * np.sin(theta)
        theta = theta + 0.01 * omega
    return 0.5 * omega**2 - 9.81 * np.cos(theta)


def rotation(x):
    a = x[0]
    r = np.stack([np.stack([np.cos(a), -np.sin(a)]), np.stack([np.sin(a), np.cos(a)])])
    return r @ x[1:3]


def angular_momentum(r, v):
    return np.linalg.norm(np.cross(r[:3], v[:3]))


def haversine(x):
    lat1, lon1, lat2, lon2 = np.radians(x[0]), np.radians(x[1]), np.radians(x[2]), np.radians(x[3])
    h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * np.arcsin(np.sqrt(h))


def van_der_waals(x, a=1.36, b=0.0318):
    return 8.314 * x / (1 - b * x) - a * x**2


def simpson(f):
    return 0.5 / 3 * (f[0] + 4 * f[1:-1:2].sum() + 2 * f[2:-1:2].sum() + f[-1])


def trapezoid(f):
    return np.trapezoid(f, dx=0.5) if hasattr(np, "trapezoid") else np.trapz(f, dx=0.5)


def laplacian(u):
    return np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u


def finite_difference(u):
    return np.gradient(u, 0.1)


def polynomial(x):
    return np.polyval([0.5, -1.25, 0.0, 2.0], x)


def interpolated(x):
    return np.interp(x, [-2.0, -0.5, 0.5, 2.0], [1.0, 0.0, 0.25, 4.0])


def stats_block(z):
    return np.hstack([z.sum(0), z.prod(1), np.ptp(z, axis=1), np.sort(z, axis=1)[:, -1]])


def selected(x):
    return np.select([x < -0.5, x < 0.5], [x**2, 0.1 * x], default=np.sqrt(np.abs(x)))


def outer_block(x, y):
    return np.add.outer(x, y) * np.multiply.outer(x, y) + np.kron(x[:2], y[:1])[0]


def trace_power(a):
    return np.trace(np.linalg.matrix_power(a, 3)) + np.diag(a).sum() + np.linalg.norm(a, "fro")


CASES = {
    kl: (X, Y), bce: (P, P[::-1].copy()), bce_clipped: (P, (Y > 0) * 1.0), softmax_rows: (Z,), cross_entropy: (Z,),
    one_hot_cross_entropy: (Z,), huber: (2 * X, Y), hinge: (X,), quantile_loss: (X, Y), logcosh: (X, Y),
    focal: (P, (Y > 0) * 1.0), dice: (P, (Y > 0) * 1.0), cosine_distance: (X, Y), contrastive: (Z,),
    triplet: (X, Y, P), relu_net: (X,), layer_norm: (Z,), batch_norm: (Z,), rms_norm: (Z,), gelu: (X,), swish: (X,),
    softplus: (X,), leaky: (X,), masked_relu: (X,), attention: (Z, Z[:3].copy(), Z[1:].copy()),
    causal_attention: (Z,), multi_head: (Z,), recurrent: (X,), convolution: (X,), pooled: (SQUARE,),
    embedding: (Z[[0, 1, 2, 3, 0]],), positional: (Z,), dropout_eval: (X,), zscore: (X,), pearson: (X, Y),
    covariance: (Z,), correlation: (Z,), weighted_mean: (X,), skewness: (X,), gaussian_nll: (X, Y, P),
    log_mixture: (X,), entropy: (P,), js_divergence: (P, P[::-1].copy()), mad: (X,), iqr: (X,), ewma: (X,),
    drawdown: (X,), autocorrelation: (X,), moving_average: (X,), bessel_series: (X,), erf_series: (X,),
    lennard_jones: (1 + P,), pairwise_energy: (Z,), planck: (P,), pendulum: (X,), rotation: (X,),
    angular_momentum: (X, Y), haversine: (X * 10,), van_der_waals: (P,), simpson: (X,), trapezoid: (X,),
    laplacian: (SQUARE,), finite_difference: (X,), polynomial: (X,), interpolated: (X,), stats_block: (Z,),
    selected: (X,), outer_block: (X, Y), trace_power: (SQUARE,),
}  # fmt: skip
"""By function, its arguments."""
