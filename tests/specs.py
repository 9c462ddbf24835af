"""Specs, models and inputs that several tests evaluate."""

from fractions import Fraction

import numpy as np

import scalarspec as ss
from scalarspec import latent, layers
from scalarspec.core import functions as f
from scalarspec.core.lifting import mapped
from scalarspec.layers import Linear, Sequential
from scalarspec.models import autoencoder, vae, vqvae

# ---- of two vectors of length 3 -------------------------------------------------------------------------------------

RNG = np.random.default_rng(5)
XS, YS = (np.round(RNG.normal(size=(4, 3)) * 4) / 4 for _ in range(2))
"""Four inputs x and four inputs y, in quarters: every context holds them."""


def small(*shape):
    """Random numbers that are whole eighths."""
    return np.round(RNG.normal(size=shape) * 8) / 8


LINEAR = ss.layers.Linear(small(3, 3), small(3))
NET = autoencoder.Autoencoder(small(2, 3), small(2), small(3, 2), small(3))
VAE = vae.Model(vae.Encoder(LINEAR, LINEAR), vae.Decoder(ss.layers.Sequential(LINEAR, ss.layers.relu)))
VQVAE = vqvae.Model(vqvae.Encoder(LINEAR), ss.latent.Codebook(small(2, 3)), vqvae.Decoder(LINEAR))

OF_VECTORS = {
    "forward": lambda x, y: autoencoder.forward(NET, x),
    "backward": lambda x, y: autoencoder.input_grad(NET, x, y),
    "weights_grad": lambda x, y: autoencoder.encoder_weights_grad(NET, x, y),
    "vq loss": lambda x, y: vqvae.loss(VQVAE, "1/4", x, 1),
    "mse": lambda x, y: ss.loss.mse(x, y),
    "hinge": lambda x, y: ss.loss.hinge(x, y),
    "where": lambda x, y: f.where(x < 1, x, 2 * y),
    "lazy where": lambda x, y: f.where(x < y, lambda: x, 1),
    "logic": lambda x, y: f.where((x < y) & ~(y < 0), x, y),
    "index": lambda x, y: x[0] * y[1:],
    "iterate": lambda x, y: sum((a * y for a in x), start=y),
    "stack": lambda x, y: f.matrix_transpose(f.stack([x, y, 2 * x])),
    "dot": lambda x, y: f.dot(x, y),
    "quadratic": lambda x, y: x @ f.outer(y, x) @ y,
    "mean of rows": lambda x, y: f.mean(f.outer(x, y), axis=1),
    "scalars": lambda x, y: f.sum(x) * y + f.mean_square(x),
    "a constant": lambda x, y: x.context.tensor([1, 2]) + 0,
    "matrix product": lambda x, y: f.outer(x, y) @ x.context.tensor([[1, 2], [0, 1], [3, 1]]),
    "weight on the left": lambda x, y: x.context.tensor([[1, 2, 3]]) @ x,
    "reshape": lambda x, y: f.reshape(f.broadcast_to(x, (2, 3)), (3, 2)),
}
"""Functions of x and y, rational where x and y are, that together use every kind of operation on arrays."""

POLYNOMIAL = {
    "square": ss.square,
    "relu": ss.relu,
    "abs": ss.abs,
    "half": lambda a: a / 2 + "1/3",
    "reciprocal": lambda a: 1 / (1 + ss.square(a)),
    "turned": lambda a: ss.stack([a[2], a[0], a[1]]),
    "some": lambda a: ss.stack([*a[1:], a[0] * a[1]]),
    "mixed": lambda a: ss.matmul(ss.outer(a, a), a) / 7,
    "layer": lambda a: ss.affine([[1, -2, 3], [0, 1, "1/2"], [2, 2, -1]], a, [1, 0, -1]),
    "mean": lambda a: a - ss.mean(a),
    "norm": lambda a: a * ss.mean_square(a),
    "choice": lambda a: ss.where(a > "1/5", a * a, 1 - a),
    "largest": lambda a: ss.maximum(a, ss.reshape(a, (3, 1))[:, 0] / 2),
}
"""Steps from a vector of length 3 to another, rational where it is."""


def rationals(source, n=3):
    """n random fractions."""
    return [Fraction(source.randint(-20, 20), source.randint(1, 9)) for _ in range(n)]


# ---- models with given parameters -----------------------------------------------------------------------------------


def mlp(context):
    """A network of two layers, whose results and gradients are known exactly."""
    return autoencoder.Autoencoder(
        context.tensor([["0.1", "0.2"], ["0.3", "0.4"], ["0.5", "0.6"]]),
        context.tensor(["0.1", "0.2", "0.3"]),
        context.tensor([["0.7", "0.8", "0.9"]]),
        context.tensor(["0.4"]),
    )


def autoencoder_vector(context):
    """An autoencoder and its input, whose results and gradients are known exactly."""
    m = autoencoder.Autoencoder(
        context.tensor([[1, -2], [3, "1/2"], [0, -1]]),
        context.tensor([0, -1, "1/2"]),
        context.tensor([[1, "1/3", -1], [2, 0, 1]]),
        context.tensor(["1/4", "-1/4"]),
    )
    return m, context.tensor([1, 2])


def a_vae(context, logvar_weight=0):
    """Latents of dimension 2 from observations of dimension 3, over NumPy arrays; rational if logvar_weight = 0."""
    rng = np.random.default_rng(7)
    w = rng.integers(-8, 8, (2, 3)) / 4
    mean = ss.layers.Linear(w, np.array([0.5, -0.25]))
    logvar = ss.layers.Linear(np.full((2, 3), logvar_weight / 8), np.zeros(2))
    decoder = ss.layers.Sequential(ss.layers.Linear(w.T, np.zeros(3)), ss.layers.relu)
    return ss.lift(vae.Model(vae.Encoder(mean, logvar), vae.Decoder(decoder)), context)


def vae_inputs(context):
    """An observation and its noise, for `a_vae`."""
    return context.tensor([1, "1/2", -2]), context.tensor(["1/4", -1])


def a_vqvae(context):
    """Observations of dimension 3, codes of dimension 2: z_e = (x0 + x1, x2), decoded to (z0, z1, z0 - z1)."""
    model = vqvae.Model(
        vqvae.Encoder(ss.layers.Linear(np.array([[1.0, 1, 0], [0, 0, 1]]), np.zeros(2))),
        latent.Codebook(np.array([[0.0, 0.0], [1.0, -1.0], [2.0, 2.0]])),
        vqvae.Decoder(ss.layers.Linear(np.array([[1.0, 0], [0, 1], [1, -1]]), np.zeros(3))),
    )
    return ss.lift(model, context), context.tensor([1, "1/2", -2])


# ---- whose parameters are variables ---------------------------------------------------------------------------------

kl = ss.latent.diagonal_gaussian_kl_to_standard


def layer_of_shapes(m, n):
    """A layer whose parameters become variables."""
    return Linear(ss.Shape((m, n)), ss.Dim(m))


def vae_of_shapes(d, h, k, activation=ss.tanh):
    """A VAE with a trunk, all of its parameters shapes."""
    trunk = Sequential(layer_of_shapes(h, d), activation)
    decoder = Sequential(layer_of_shapes(h, k), activation, layer_of_shapes(d, h), ss.sigmoid)
    return vae.Model(vae.Encoder.with_trunk(trunk, layer_of_shapes(k, h), layer_of_shapes(k, h)), vae.Decoder(decoder))


def vae_shapes(d, h, k, **options):
    """The arguments of `vae.loss`, by their shapes: d observed, h hidden, k latent coordinates."""
    return vae_of_shapes(d, h, k, **options), ss.Scalar, ss.Dim(d), ss.Dim(k)


def an_autoencoder(d, h, activation="relu"):
    """An autoencoder of d observed and h hidden coordinates, all of its parameters shapes."""
    layers = (ss.Shape((h, d)), ss.Dim(h), ss.Shape((d, h)), ss.Dim(d))
    return autoencoder.Autoencoder(*layers, activation=activation)


CLOSED_FORMS = {
    "vae": (vae.loss, vae_shapes(4, 3, 2)),
    "relu vae": (vae.loss, vae_shapes(3, 4, 2, activation=ss.relu)),
    "autoencoder": (autoencoder.reconstruction_error, (an_autoencoder(4, 3), ss.Dim(4))),
    "kl": (kl, (ss.Dim(3), ss.Dim(3))),
    "kinks": (
        lambda x, y: ss.sum(
            ss.where(x > y, ss.abs(x), ss.minimum(x, y))
            + ss.clip(x, -1, 1) * ss.maximum(x, y)
            + ss.sign(x)
            + ss.leaky_relu(y)
        ),
        (ss.Dim(3), ss.Dim(3)),
    ),
    "functions": (
        lambda x: (
            ss.sum(
                ss.erf(x)
                + ss.atan(x) * ss.softplus(3 * x)
                + ss.logcosh(2 * x)
                + ss.sin(x) / ss.cosh(x)
                + ss.sinh(x) ** 3
            )
            + ss.logsumexp(x) * ss.sqrt(ss.sum(ss.square(x)))
            + ss.pi(x.context) * ss.cos(ss.sum(x))
        ),
        (ss.Dim(3),),
    ),
}
"""Specs, and the shapes of their arguments, that have closed forms, programs and matrix forms."""


def tensors_of(parts):
    """The different tensors in some arguments, in order."""
    found = {}
    mapped(list(parts), lambda v, _: found.setdefault(id(v), v) if isinstance(v, ss.Tensor) else None)
    return list(found.values())


# ---- whose bounds are sought ----------------------------------------------------------------------------------------


def polynomial(x):
    """The sum of x² + x / 10 - 1/2."""
    return ss.sum(ss.square(x) + x / 10 - "1/2")


def scaled(x, beta=2):
    """The sum of x, times beta."""
    return ss.sum(x) * beta


def squares(x):
    """The sum of x²."""
    return ss.sum(ss.square(x))


METHODS = ("interval", "mean-value", "linear", "subdivide", "auto")
"""Of `bounds`, the cheapest first."""


SMOOTH = {
    "tanh": ss.tanh,
    "sigmoid": lambda a: ss.sigmoid(2 * a),
    "exp": lambda a: ss.exp(a / 4),
    "log": lambda a: ss.log(2 + ss.square(a)),
    "softplus": ss.softplus,
    "quotient": lambda a: a / (2 + ss.abs(a)),
    "sine": lambda a: ss.sin(3 * a),
    "max": lambda a: ss.maximum(a, ss.mean(a)),
    "clip": lambda a: ss.clip(a, -1, 1),
    "logsumexp": lambda a: a - ss.logsumexp(a),
    "weights": lambda a: ss.affine(ss.outer(a, a) / 9, a, a),
    "step": lambda a: a + ss.heaviside(a) / 2,
    "sqrt": lambda a: ss.sqrt(1 + ss.mean_square(a)) * a,
    "cube": lambda a: a**3 / 10,
}
OPERATIONS = POLYNOMIAL | SMOOTH
"""Steps of random specs."""


def shipped():
    """The losses of the shipped models: spec, arguments, and the parameters that may vary."""
    rng = np.random.default_rng(3)

    def part(m, n):
        return layers.Linear(rng.normal(size=(m, n)) / np.sqrt(n), rng.normal(size=m) / 10)

    trunk = layers.Sequential(part(6, 8), layers.relu)
    net = layers.Sequential(part(6, 3), layers.tanh, part(8, 6), layers.sigmoid)
    gaussian = vae.Model(vae.Encoder.with_trunk(trunk, part(3, 6), part(3, 6)), vae.Decoder(net))
    quantizer = vqvae.Model(
        vqvae.Encoder(layers.Sequential(part(6, 8), layers.relu, part(3, 6))),
        ss.latent.Codebook(rng.normal(size=(4, 3))),
        vqvae.Decoder(net),
    )
    first, second = part(6, 8), part(8, 6)
    coder = autoencoder.Autoencoder(first.weight, first.bias, second.weight, second.bias, "relu")
    x, eps = rng.uniform(size=8), rng.normal(size=3)
    return {
        "vae": (vae.loss, (gaussian, 1, x, eps), ("x", "eps", "beta", "model")),
        "vq-vae": (
            lambda model, beta, x: vqvae.loss(model, beta, x, 1),
            (quantizer, Fraction(1, 4), x),
            ("x", "model"),
        ),
        "autoencoder": (autoencoder.reconstruction_error, (coder, x), ("x", "m")),
    }


def a_batch():
    """Rows of inputs for the VAE, whose noise differs from row to row."""
    spec, (model, beta, x, eps), _ = shipped()["vae"]
    rng = np.random.default_rng(5)
    xs, noises = rng.uniform(size=(20, len(x))), rng.normal(size=(20, len(eps)))
    return spec, (model, beta, xs, noises), {"vary": {"x": ss.ball("0.01")}, "over": ("x", "eps")}
