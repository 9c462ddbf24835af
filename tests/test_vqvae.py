"""The VQ-VAE, its loss, and which code is proved the nearest, under every context."""

from fractions import Fraction

import numpy as np
import pytest
from agreement import assert_is, same
from specs import a_vqvae

import scalarspec as ss
from scalarspec import latent
from scalarspec.errors import ArgumentError, OutOfRange
from scalarspec.examples import digits
from scalarspec.models import vqvae

HALF = Fraction(1, 2)
D = digits.load(2)


def test_vqvae_terms(context):
    model, x = a_vqvae(context)
    assert_is(vqvae.encode(model, x), [Fraction(3, 2), -2])
    assert_is(vqvae.quantized(model, 1), [1, -1])
    assert_is(vqvae.forward(model, x, 1), [1, -1, 2])
    assert_is(vqvae.reconstruction_loss(model, x, 1), (Fraction(9, 4) + 16) / 3)
    assert_is(vqvae.codebook_loss(model, x, 1), (Fraction(1, 4) + 1) / 2)
    assert_is(vqvae.commitment_loss(model, x, 1), (Fraction(1, 4) + 1) / 2)
    assert_is(vqvae.loss(model, "1/4", x, 1), (Fraction(9, 4) + 16) / 3 + Fraction(5, 4) * Fraction(5, 8))


def test_vqvae_loss_is_the_sum_of_its_terms(context):
    model, x = a_vqvae(context)
    terms = vqvae.reconstruction_loss(model, x, 0) + vqvae.codebook_loss(model, x, 0)
    assert same(vqvae.loss(model, "1/3", x, 0), terms + "1/3" * vqvae.commitment_loss(model, x, 0))


def test_vqvae_on_arrays_need_not_be_lifted(context):
    lifted, x = a_vqvae(context)
    embedding = np.array([[0.0, 0.0], [1.0, -1.0], [2.0, 2.0]])
    unlifted = vqvae.Model(lifted.encoder, latent.Codebook(embedding), lifted.decoder)
    assert same(vqvae.loss(unlifted, 1, x, 2), vqvae.loss(lifted, 1, x, 2))


def test_vqvae_rejects_a_bad_index(context):
    model, x = a_vqvae(context)
    for spec in (vqvae.forward, vqvae.reconstruction_loss, vqvae.codebook_loss, vqvae.commitment_loss):
        with pytest.raises(OutOfRange):
            spec(model, x, -1)
    with pytest.raises(ArgumentError):
        vqvae.loss(model, 1, x, 1.0)


def test_the_nearest_code(context):
    model, x = a_vqvae(context)
    found = vqvae.nearest_code(model, x)
    assert found.idx == 1
    certified = context.exact or context.encloses
    assert found.status == ("proved" if certified else "undecided")
    if certified:
        refuted = vqvae.check_code(model, x, 0)
        assert (refuted.status, refuted.competitor) == ("refuted", 1)
        assert refuted.margin[0] <= -5 <= refuted.margin[1] < 0
        assert found.margin[0] > 0


def test_the_nearest_code_over_a_box_may_be_undecided(enclosing):
    model, _ = a_vqvae(enclosing)
    wide = enclosing.box([0, 0, -2], [1, 1, 0])
    found = vqvae.nearest_code(model, wide)
    assert found.status == "undecided"
    assert found.competitor in (0, 1)
    assert found.competitor != found.idx


def test_a_tie_goes_to_the_lowest_index_and_is_proved(rational):
    model, _ = a_vqvae(rational)
    halfway = rational.tensor([HALF, 0, "-1/2"])
    assert vqvae.nearest_code(model, halfway) == vqvae.Assignment(0, "proved", None, (0, 0))
    assert vqvae.check_code(model, halfway, 1).status == "proved"


# ---- verified code assignment ---------------------------------------------------------------------------------------


def test_the_codes_of_the_digits_are_proved_over_boxes_too():
    """Over a box of encoder outputs: every corner agrees with what was proved or refuted."""
    boxes = ss.context("interval")
    z = np.asarray(vqvae.encode(ss.lift(D.vqvae, "float64"), ss.context("float64").tensor(D.pixels[0])))
    book = ss.lift(D.vqvae.codebook, boxes)
    statuses = {}
    for radius in (1e-3, 0.1, 10.0):
        found = vqvae.nearest_to(book, boxes.box(z - radius, z + radius))
        statuses[radius] = found.status
        low, high = found.margin
        source = np.random.default_rng(0)
        codes = np.asarray(D.vqvae.codebook.embedding, dtype=np.float64)
        for _ in range(50):
            point = z + radius * source.choice([-1, 1], size=z.size)
            squares = [sum(Fraction(v) ** 2 for v in point - code) for code in codes.astype(float)]
            if found.status == "proved":
                assert min(squares) >= squares[found.idx] - Fraction(1, 10**9)
        assert low <= high
    assert statuses[1e-3] == "proved"
    assert statuses[10.0] == "undecided"
    other = (D.codes[0] + 1) % len(D.vqvae.codebook.embedding)
    refuted = vqvae.check_nearest(book, boxes.box(z - 1e-3, z + 1e-3), other)
    assert refuted.status == "refuted"
    assert refuted.margin[1] < 0


def test_the_margin_is_the_exact_range_of_the_difference():
    """z in [0, 1] between the codes -1 and 3: |z - 3|² - |z + 1|² = 8 - 8 z."""
    boxes = ss.context("interval")
    book = latent.Codebook(np.array([[-1.0], [3.0]]))
    found = vqvae.nearest_to(book, boxes.box([0], [1]))
    assert found == vqvae.Assignment(0, "proved", None, (Fraction(0), Fraction(8)))
    found = vqvae.nearest_to(book, boxes.box([0], [2]))
    assert (found.status, found.margin) == ("undecided", (Fraction(-8), Fraction(8)))
    assert vqvae.check_nearest(book, boxes.box(["1.5"], [2]), 0).status == "refuted"
