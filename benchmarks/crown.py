"""Backward linear bounds of the VAE loss as CROWN has them (Zhang et al. 2018), by hand in NumPy.

In plain floats, with no regard to rounding: these are widths to compare with, not enclosures.
"""

import numpy as np
from workloads import BETA


def crown(work, radius):
    """The lower and the upper bound of the loss of a `workloads.Vae` around its input."""
    x, eps, k = work.x, work.eps, work.sizes[2]
    heads = np.vstack([work.mean.weight, work.logvar.weight]), np.concatenate([work.mean.bias, work.logvar.bias])
    ends = {"trunk": around(work.trunk.weight @ x + work.trunk.bias, np.abs(work.trunk.weight).sum(axis=1) * radius)}

    def to_x(g, constant, direct=0.0):
        """From rows of coefficients of (μ, logσ²) to the least value over the box."""
        g, constant = relu(g @ heads[0], constant + g @ heads[1], ends["trunk"])
        g, constant = g @ work.trunk.weight + direct, constant + g @ work.trunk.bias
        return constant + g @ x - np.abs(g).sum(axis=-1) * radius

    def from_z(g, constant, of_mu=0.0, of_logvar=0.0, direct=0.0):
        logvar, more = between(g * eps, ends["logvar"], lambda t: np.exp(t / 2), lambda t: np.exp(t / 2) / 2)
        return to_x(np.concatenate([g + of_mu, logvar + of_logvar], axis=-1), constant + more, direct)

    def from_decode(g, constant):
        return from_z(g @ work.decode.weight, constant + g @ work.decode.bias)

    def from_hidden(g, constant):
        return from_decode(*relu(g, constant, ends["decode"]))

    def from_error(g, constant, of_mu=0.0, of_logvar=0.0):
        """From the reconstruction's error, sigmoid(out) - x."""
        a, more = squashed(g, ends["out"])
        a, constant = relu(a @ work.out.weight, constant + more + a @ work.out.bias, ends["decode"])
        return from_z(a @ work.decode.weight, constant + a @ work.decode.bias, of_mu, of_logvar, -g)

    def ranges(step, size):
        units = np.eye(size)
        return step(units, np.zeros(size)), -step(-units, np.zeros(size))

    low, high = ranges(to_x, 2 * k)
    ends |= {"mu": (low[:k], high[:k]), "logvar": (low[k:], high[k:])}
    ends["decode"] = ranges(from_decode, work.sizes[1])
    ends["out"] = ranges(lambda g, c: from_hidden(g @ work.out.weight, c + g @ work.out.bias), work.sizes[0])
    ends["error"] = ranges(from_error, work.sizes[0])
    found = []
    for sign in (1, -1):
        cotangent = sign * BETA / (2 * k)
        error, a = between(np.full(x.size, sign / x.size), ends["error"], np.square, lambda t: 2 * t)
        mu, b = between(np.full(k, cotangent), ends["mu"], np.square, lambda t: 2 * t)
        logvar, c = between(np.full(k, cotangent), ends["logvar"], lambda t: np.expm1(t) - t, np.expm1)
        found.append(from_error(error, a + b + c, mu, logvar))
    return found[0], -found[1]


def around(middle, radius):
    """Both ends."""
    return middle - radius, middle + radius


def relu(g, constant, ends):
    """Below: the line that cuts off less; above: the chord."""
    low, high = ends
    crossing = (low < 0) & (high > 0)
    chord = np.where(crossing, high / np.where(crossing, high - low, 1), low >= 0)
    below = np.where(crossing, high > -low, low >= 0)
    return np.where(g >= 0, below, chord) * g, constant + np.minimum(g, 0) @ np.where(crossing, -chord * low, 0)


def between(g, ends, f, slope):
    """A convex function between its tangent at the middle and its chord."""
    low, high = ends
    middle, width = (low + high) / 2, np.maximum(high - low, 1e-300)
    below, above = slope(middle), (f(high) - f(low)) / width
    shift = np.where(g >= 0, f(middle) - below * middle, f(low) - above * low)
    return np.where(g >= 0, below, above) * g, (g * shift).sum(axis=-1)


def squashed(g, ends):
    """Sigmoid between parallel lines, whose slope is the least at an end."""
    y = [1 / (1 + np.exp(-t)) for t in ends]
    slope = np.minimum(y[0] * (1 - y[0]), y[1] * (1 - y[1]))
    return g * slope, (g * np.where(g >= 0, y[0] - slope * ends[0], y[1] - slope * ends[1])).sum(axis=-1)
