"""The workloads as one would write them today: in mpmath.iv, python-flint's arb and fmpq, and Fraction."""

from fractions import Fraction

import mpmath
import numpy as np

try:
    import flint
except ImportError:  # its classes are not used then
    flint = None


def over(radius, prec=53):
    """How mpmath.iv takes an array: an object array of its intervals around the floats."""
    context = mpmath.ctx_iv.MPIntervalContext()
    context.prec = prec
    return context, np.frompyfunc(lambda v: context.mpf([v - radius, v + radius]), 1, 1)


class MpmathVae:
    """The VAE loss in object arrays of mpmath's intervals."""

    def __init__(self, work, radius, prec=53):
        self.iv, boxed = over(radius, prec)
        _, point = over(0.0, prec)
        parts = ("trunk", "mean", "logvar", "decode", "out")
        self.layers = {name: (point(getattr(work, name).weight), point(getattr(work, name).bias)) for name in parts}
        self.x, self.eps = boxed(work.x), point(work.eps)

    def __call__(self):
        """The loss."""
        iv = self.iv
        exp = np.frompyfunc(iv.exp, 1, 1)
        relu = np.frompyfunc(lambda v: iv.mpf([max(v.a, 0), max(v.b, 0)]), 1, 1)

        def linear(name, v):
            weight, bias = self.layers[name]
            return weight @ v + bias

        hidden = relu(linear("trunk", self.x))
        mu, logvar = linear("mean", hidden), linear("logvar", hidden)
        z = mu + exp(logvar / 2) * self.eps
        y = 1 / (1 + exp(-linear("out", relu(linear("decode", z)))))
        kl = (exp(logvar) + mu**2 - 1 - logvar).sum() / (2 * len(mu))
        return ((y - self.x) ** 2).sum() / len(y) + kl


class FlintVae:
    """The VAE loss by python-flint's arb_mat, whose products are fast, and arb for the rest."""

    def __init__(self, work, radius, prec=53):
        self.prec = prec
        parts = ("trunk", "mean", "logvar", "decode", "out")
        self.layers = {
            name: (flint.arb_mat(getattr(work, name).weight.tolist()), column(getattr(work, name).bias))
            for name in parts
        }
        self.x, self.eps = column(work.x, radius), work.eps.tolist()

    def __call__(self):
        """The loss."""
        with flint.ctx.workprec(self.prec):
            return self._loss()

    def _loss(self):
        def linear(name, v):
            weight, bias = self.layers[name]
            return weight * v + bias

        def mapped(function, v):
            return flint.arb_mat([[function(e)] for e in v.entries()])

        zero = flint.arb(0)
        hidden = mapped(lambda e: e.max(zero), linear("trunk", self.x))
        mu, logvar = linear("mean", hidden).entries(), linear("logvar", hidden).entries()
        z = [[m + (v / 2).exp() * e] for m, v, e in zip(mu, logvar, self.eps, strict=True)]
        inner = mapped(lambda e: e.max(zero), linear("decode", flint.arb_mat(z)))
        y = [1 / (1 + (-e).exp()) for e in linear("out", inner).entries()]
        error = sum(((a - b) ** 2 for a, b in zip(y, self.x.entries(), strict=True)), zero) / len(y)
        return error + sum((v.exp() + m**2 - 1 - v for m, v in zip(mu, logvar, strict=True)), zero) / (2 * len(mu))


def column(values, radius=0.0):
    """A column of balls."""
    return flint.arb_mat([[flint.arb(float(v), radius)] for v in values])


class FractionAutoencoder:
    """The autoencoder's error in object arrays of Fraction."""

    def __init__(self, work):
        exactly = np.frompyfunc(lambda v: Fraction(float(v)), 1, 1)
        self.encode, self.decode = ((exactly(w.weight), exactly(w.bias)) for w in (work.encode, work.decode))
        self.x = exactly(work.x)

    def __call__(self):
        """The error."""
        hidden = np.maximum(self.encode[0] @ self.x + self.encode[1], 0)
        difference = self.x - (self.decode[0] @ hidden + self.decode[1])
        return (difference**2).sum() / len(self.x)


class FlintAutoencoder:
    """The autoencoder's error by python-flint's fmpq_mat."""

    def __init__(self, work):
        def exactly(values):
            return [[flint.fmpq(*float(v).as_integer_ratio()) for v in np.atleast_1d(row)] for row in values]

        self.encode, self.decode = (
            (flint.fmpq_mat(exactly(w.weight)), flint.fmpq_mat(exactly(w.bias))) for w in (work.encode, work.decode)
        )
        self.x = flint.fmpq_mat(exactly(work.x))

    def __call__(self):
        """The error."""
        zero = flint.fmpq(0)
        hidden = (self.encode[0] * self.x + self.encode[1]).entries()
        inner = flint.fmpq_mat([[e if e > zero else zero] for e in hidden])
        difference = (self.x - (self.decode[0] * inner + self.decode[1])).entries()
        return sum((d * d for d in difference), zero) / len(difference)
