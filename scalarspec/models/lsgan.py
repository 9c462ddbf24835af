"""Least squares generative adversarial networks (Mao et al. 2017).

The discriminator D is drawn to b on data and to a on what the generator makes; the generator draws it to c. Scores have
any shape; the expectations are means over them. The paper's choices are a, b, c = -1, 1, 0, where the generator's loss
is a Pearson divergence, and 0, 1, 1.
discriminator, generator: any maps; score: what D says.
Stages: real, fake, loss.

    x, z = ss.lift((np.array([[0.5]]), np.array([[0.25]])), "rational")
    lsgan.discriminator_loss(ss.layers.identity, ss.layers.relu, x, z)
    lsgan.generator_loss(ss.layers.identity, ss.layers.relu, z)
    best = lsgan.best_score(x, z)
    lsgan.at_point(best, x, z)
"""

from __future__ import annotations

from scalarspec.core.functions import mean_square, multiply, square, stage
from scalarspec.core.shape import check_one_shape
from scalarspec.core.tensor import Operand, Tensor
from scalarspec.layers import Map


def discriminator_loss(
    discriminator: Map, generator: Map, x: Tensor, z: Tensor, a: Operand = 0, b: Operand = 1
) -> Tensor:
    """E (D(x) - b)² / 2 + E (D(G(z)) - a)² / 2, equation 2.

    x: a batch of data, z: a batch of noise, as the two maps take them; a, b: the labels of what is made and of data;
    result: ().
    """
    real = stage("real", discriminator(x))
    fake = stage("fake", discriminator(generator(z)))
    return stage("loss", (mean_square(real - b) + mean_square(fake - a)) / 2)


def generator_loss(discriminator: Map, generator: Map, z: Tensor, c: Operand = 1) -> Tensor:
    """E (D(G(z)) - c)² / 2, equation 2. z: a batch of noise; c: the label that the generator wants; result: ()."""
    return stage("loss", mean_square(stage("fake", discriminator(generator(z))) - c) / 2)


def at_point(score: Tensor, data: Tensor, made: Tensor, a: Operand = 0, b: Operand = 1) -> Tensor:
    """What the discriminator's loss is at one point, where the densities are p = data and q = made: p (D - b)² / 2 +
    q (D - a)² / 2, of which the loss is the integral. All: one shape.
    """
    check_one_shape("at_point", score, data, made)
    return (data * square(score - b) + made * square(score - a)) / 2


def best_score(data: Tensor, made: Tensor, a: Operand = 0, b: Operand = 1) -> Tensor:
    """The D that makes `at_point` least: (b p + a q) / (p + q), equation 4. data, made, result: one shape."""
    check_one_shape("best_score", data, made)
    return (multiply(data, b) + multiply(made, a)) / (data + made)
