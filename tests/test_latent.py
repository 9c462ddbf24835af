"""Latent variables: reparameterization, the KL divergence, and codes."""

from fractions import Fraction

import numpy as np
import pytest
from agreement import assert_is, assert_near
from conftest import CONTEXTS, WITH_EXP

from scalarspec import latent

HALF = Fraction(1, 2)


def test_half(context):
    assert_is(latent.half(context.tensor([1, -3])), [HALF, Fraction(-3, 2)])


@pytest.mark.parametrize("name", WITH_EXP)
def test_reparameterize_diag(name):
    context = CONTEXTS[name]
    z = latent.reparameterize_diag(context.tensor([1]), context.tensor([1]), context.tensor([2]))
    assert_near(z[0], "4.2974425414002562936", 19)  # 1 + 2 √e
    assert_near(latent.exp(context.tensor(1)), "2.7182818284590452354", 19)


def test_reparameterize_diag_with_unit_variance(context):
    z = latent.reparameterize_diag(context.tensor([1, 2]), context.tensor([0, 0]), context.tensor([3, HALF]))
    assert_is(z, [4, Fraction(5, 2)])


def test_kl_is_the_mean_over_any_shape(context):
    mu, zero = context.tensor([[1, 2], [3, 4]]), context.tensor(np.zeros((2, 2)))
    assert_is(latent.diagonal_gaussian_kl_to_standard(mu, zero), Fraction(30, 8))


def test_quantize_at(context):
    book = latent.Codebook(context.tensor([[1, 2], [3, 4]]))
    assert book.num_codes == 2
    assert_is(latent.quantize_at(book, 1), [3, 4])
    assert_is(latent.quantize_at(book, np.int64(0)), [1, 2])
