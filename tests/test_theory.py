"""The facts of the theory: each is proved, its mutation refuted, and evaluation shows it."""

import json
import re
from fractions import Fraction

import numpy as np
import oracle
import pytest
from agreement import inside, same
from conftest import CONTEXTS, ENCLOSING, WITH_EXP
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import a_vae, a_vqvae, autoencoder_vector, vae_inputs

import scalarspec as ss
from scalarspec import latent, loss, theory
from scalarspec.errors import UnknownName
from scalarspec.models import autoencoder, vae, vqvae
from scalarspec.theory.distributions import JointLaw
from scalarspec.theory.lean import EXAMPLES, examples

NAMES = [fact.name for fact in theory.facts()]


# ---- each is proved -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_fact_is_proved_and_its_mutation_refuted(name):
    (fact,) = [fact for fact in theory.facts() if fact.name == name]
    verdict, control = theory.check(name), theory.check(fact.control)
    assert (verdict.status, verdict.proved, verdict.witness) == ("proved", True, None)
    assert (control.status, control.proved) == ("refuted", False)
    assert control.witness
    assert type(fact.obligation) is type(fact.mutant)  # the same check
    assert re.search("structural|Taylor|convexity|interval|sympy.stats|exact", verdict.method)
    assert json.dumps([verdict.to_json(), control.to_json()])
    assert verdict.method in str(verdict)
    assert fact.control.statement == fact.mutation


def test_all_facts_take_less_than_thirty_seconds():
    assert sum(theory.check(fact).seconds for fact in theory.facts()) < 30


def test_what_is_for_any_sizes_and_what_for_given_ones():
    scopes = {fact.name: theory.check(fact).scope for fact in theory.facts()}
    assert scopes["kl_nonneg"] == "any sizes, all reals"
    assert scopes["kl_eq_zero_iff"] == "any sizes, all reals"
    assert scopes["loss_eq_reconstruction_add_kl"] == "any sizes"
    assert scopes["beta_vae_loss_nonneg"] == "the given sizes, beta in [0, inf]"
    assert scopes["expected_reconstruction"].startswith("the given sizes")


def test_the_facts_cover_the_theory():
    statements = " ".join(fact.name for fact in theory.facts())
    for part in ("sample_latent", "forward", "weighted_two_term", "three_term", "zero_beta", "zero_kl", "mono_beta"):
        assert part in statements
    assert {"ε ~ N(0, 1)", "kl_loss(x) = 0", "regularizer >= 0"} <= {h for f in theory.facts() for h in f.hypotheses}


def test_an_unknown_fact():
    with pytest.raises(UnknownName, match="no fact is called 'kl'; there are sample_latent"):
        theory.check("kl")


def test_every_fact_has_a_lean_example_and_the_vectors_are_exact(rational):
    assert set(EXAMPLES) == set(NAMES)
    text = examples()
    assert text.count("\nexample ") == len(NAMES) + 7
    found = re.search(r"StandardReal !\[1, 1/2\] !\[0, 0\] = (\S+) ", text)
    assert Fraction(found[1]) == theory.kl_sum(rational.tensor([1, "1/2"]), rational.tensor([0, 0])).item()
    assert "it has not been compiled here" in text


TORCHLEAN = """
Generative.VAE: Model sampleLatent forward reconstructionLoss klLoss loss forward_eq_decode_reparameterize
    loss_eq_reconstruction_add_kl
Generative.VQVAE: Model quantized forward reconstructionLoss codebookLoss commitmentLoss loss quantized_eq_embedding
    loss_eq_reconstruction_add_codebook_add_commitment trainingGradients
Generative.Latent: reparameterizeDiag
Spec: Shape AutoencoderSpec autoencoderBackwardSpec autoencoderEncoderWeightsDerivSpec autoencoderEncoderBiasDerivSpec
    autoencoderDecoderWeightsDerivSpec autoencoderInputDerivSpec
TorchLean: Storage Tensor
NN.MLTheory.Generative.Latent.VAE: sampleLatent_eq_reparameterize forward_eq_decoder_sampleLatent vaeObjectiveTerms
    betaVae_loss_eq_weightedTwoTerm betaVae_loss_zero_beta betaVae_loss_eq_reconstruction_of_zero_kl
    betaVae_loss_mono_beta_of_kl_nonneg coordinateKlToStandard coordinateKlToStandard_nonneg
    coordinateKlToStandard_eq_zero_iff diagonalGaussianKlToStandardReal diagonalGaussianKlToStandardReal_nonneg
    diagonalGaussianKlToStandardReal_eq_zero_iff varianceOfScale scalar_reparameterization_law
    diagonal_reparameterization_coordinate_law ElboTerms negativeElbo betaNegativeElbo
    betaVae_loss_matches_named_elbo_terms
NN.MLTheory.Generative.Latent.Objective: weightedTwoTerm
"""
"""The names of TorchLean that `theory.lean` and the facts' sources use, by namespace, as the commit has them."""


def test_lean_examples_and_sources_use_names_that_torchlean_has():
    entries = re.split(r"\n(?=\S)", TORCHLEAN.strip())
    spaces = {space: names.split() for space, names in (entry.split(": ") for entry in entries)}
    whole = {f"{space}.{name}" for space, names in spaces.items() for name in names}
    opened = {name for space in spaces if space.startswith("NN.") for name in spaces[space]}
    text = "\n".join(EXAMPLES.values())
    used = set(re.findall(r"\b(?:Generative|Spec|TorchLean|NN)\.[\w.]*\w", text))
    assert used
    assert used <= whole
    bare = re.findall(r"(?<![\w.])(?:\w*(?:Vae|Kl|Elbo|Weighted|weighted|Terms|OfScale)\w*|\w+_law)(?![\w.])", text)
    assert bare
    assert set(bare) <= opened
    sources = [s for fact in theory.facts() for s in fact.source.split(", ") if re.match(r"NN\.|Generative\.", s)]
    assert set(sources) <= whole | set(spaces)


# ---- as far as evaluation shows them --------------------------------------------------------------------------------

RATIONALS = st.fractions(-4, 4, max_denominator=64)


def test_forward_factors_through_the_sampled_latent(context):
    model, (x, eps) = a_vae(context), vae_inputs(context)
    z = latent.reparameterize_diag(model.encoder.mean(x), model.encoder.logvar(x), eps)
    assert same(vae.sample_latent(model, x, eps), z)
    assert same(vae.forward(model, x, eps), model.decoder.forward(z))


def test_at_beta_zero_the_loss_is_the_reconstruction(context):
    model, (x, eps) = a_vae(context), vae_inputs(context)
    difference = vae.loss(model, 0, x, eps) - vae.reconstruction_loss(model, x, eps)
    assert bool(ss.abs(difference) <= Fraction(1, 10**6))
    if context.exact:
        assert bool(difference == 0)


def test_without_kl_the_loss_is_the_reconstruction_for_any_beta(exact):
    standard = vae.Encoder(lambda x: x[:2] * 0, lambda x: x[:2] * 0)
    model = vae.Model(standard, a_vae(exact).decoder)
    x, eps = vae_inputs(exact)
    assert bool(vae.kl_loss(model, x) == 0)
    for beta in (0, 1, "7/3"):
        assert bool(vae.loss(model, beta, x, eps) == vae.reconstruction_loss(model, x, eps))


def test_the_loss_rises_with_beta(context):
    model, (x, eps) = a_vae(context), vae_inputs(context)
    assert bool(vae.kl_loss(model, x) > 0)
    losses = [vae.loss(model, beta, x, eps) for beta in (0, "1/2", 2)]
    assert bool(losses[0] < losses[1])
    assert bool(losses[1] < losses[2])


def test_kl_does_not_depend_on_the_noise_nor_vq_forward_on_the_input(symbolic):
    model, (x, _) = a_vae(symbolic, 1), vae_inputs(symbolic)
    eps = symbolic.symbols("eps", (2,))
    assert not vae.kl_loss(model, x).item().free_symbols
    assert vae.forward(model, x, eps)[0].item().free_symbols
    quantizer, _ = a_vqvae(symbolic)
    assert not any(e.free_symbols for e in vqvae.forward(quantizer, symbolic.symbols("x", (3,)), 1).tolist())


def test_the_vq_loss_is_reconstruction_plus_one_plus_beta_codebook(exact):
    model, x = a_vqvae(exact)
    for idx in range(3):
        codebook = vqvae.codebook_loss(model, x, idx)
        assert bool(codebook == vqvae.commitment_loss(model, x, idx))
        total = vqvae.reconstruction_loss(model, x, idx) + (1 + exact.tensor("1/4")) * codebook
        assert bool(vqvae.loss(model, "1/4", x, idx) == total)


def test_the_autoencoder_error_is_mse(context):
    m, x = autoencoder_vector(context)
    assert same(autoencoder.reconstruction_error(m, x), loss.mse(x, autoencoder.forward(m, x)))


@pytest.mark.parametrize("name", [n for n in WITH_EXP if n != "symbolic"])
@settings(max_examples=60, deadline=None, database=None)
@given(RATIONALS, RATIONALS)
def test_exp_lies_above_its_tangent_and_a_kl_coordinate_is_not_negative(name, mu, logvar):
    context = CONTEXTS[name]
    m, v = context.tensor(mu), context.tensor(logvar)
    assert bool(ss.expm1mx(v) >= 0)
    kl = latent.diagonal_gaussian_kl_to_standard(m, v)
    assert bool(kl >= 0)
    if abs(logvar) > Fraction(1, 100) or abs(mu) > Fraction(1, 100):
        assert bool(kl > 0)


@pytest.mark.parametrize("name", ENCLOSING)
def test_kl_is_not_negative_near_zero_as_a_box(name):
    context = CONTEXTS[name]
    box = context.box(Fraction(-1, 10), Fraction(1, 10))
    lower, upper = ss.endpoints(latent.diagonal_gaussian_kl_to_standard(box, box))
    greatest, _ = oracle.at(lambda x: (x.expm1() - x + x * x) / 2, Fraction(1, 10))  # at the corner (1/10, 1/10)
    assert lower == 0
    assert greatest <= upper <= greatest * Fraction(101, 100)


@pytest.mark.parametrize("name", ENCLOSING)
def test_the_losses_over_boxes_are_not_negative(name):
    context = CONTEXTS[name]
    x, eps = context.box([-1, -1, -1], [1, 2, 3]), context.box([-1, -2], [1, 2])
    assert ss.endpoints(vae.loss(a_vae(context, 1), "1/3", x, eps))[0] >= 0
    quantizer, _ = a_vqvae(context)
    assert ss.endpoints(vqvae.loss(quantizer, "1/4", x, 1))[0] >= 0


def test_kl_gradients():
    """dKL/dμ = μ/n and dKL/dlogσ² = (exp(logσ²) - 1)/(2n)."""
    import sympy

    kl = ss.derive(latent.diagonal_gaussian_kl_to_standard, ss.Dim(3), ss.Dim(3))
    for k in range(3):
        mu, logvar = kl.variables["mu"][k], kl.variables["logvar"][k]
        assert kl.gradient("mu")[k] == mu / 3
        assert sympy.expand(kl.gradient("logvar")[k] - (sympy.exp(logvar) - 1) / 6) == 0


def test_the_mean_of_the_loss_is_the_sum_of_the_theory_over_n(enclosing):
    mu, logvar = enclosing.tensor([1, "1/3", -2]), enclosing.tensor(["1/2", 0, -1])
    coordinates = [latent.diagonal_gaussian_kl_to_standard(m, v) for m, v in zip(mu, logvar, strict=True)]
    mean = latent.diagonal_gaussian_kl_to_standard(mu, logvar)
    total = coordinates[0] + coordinates[1] + coordinates[2]
    lower, upper = ss.endpoints(total / 3 - mean)
    assert lower <= 0 <= upper
    assert upper - lower < Fraction(1, 10**5)


def test_mean_and_variance_of_a_reparameterised_standard_normal():
    import sympy
    from sympy import stats

    mu, eps = sympy.Symbol("mu", real=True), stats.Normal("eps", 0, 1)
    sigma = sympy.Symbol("sigma", positive=True)
    assert stats.E(mu + sigma * eps) == mu
    assert sympy.simplify(stats.variance(mu + sigma * eps) - sigma**2) == 0


def test_the_executable_loss_is_the_negative_elbo_under_the_identifications(symbolic):
    """With NLL := reconstruction term and KL := KL term, loss = NLL + β KL, for opaque encoders and decoders."""
    x, eps, beta = symbolic.symbols("x", (2,)), symbolic.symbols("eps", (2,)), symbolic.symbols("beta")
    opaque = {name: symbolic.symbols(name, (2,)) for name in ("mu", "logvar", "recon")}
    model = vae.Model(
        vae.Encoder(lambda _: opaque["mu"], lambda _: opaque["logvar"]), vae.Decoder(lambda _: opaque["recon"])
    )
    nll, kl = vae.reconstruction_loss(model, x, eps).item(), vae.kl_loss(model, x).item()
    assert vae.loss(model, beta, x, eps).item() == nll + beta.item() * kl


def test_an_enclosure_contains_the_exact_loss(rational, enclosing):
    model, x = a_vqvae(rational)
    enclosed, x_enclosed = a_vqvae(enclosing)
    exact = vqvae.loss(model, "1/3", x, 1).item()
    assert inside(vqvae.loss(enclosed, "1/3", x_enclosed, 1), np.array(exact, dtype=object))


def test_a_joint_law_has_the_laws_of_its_coordinates():
    wrong = JointLaw(latent.reparameterize_diag, lambda logvar: 2 * ss.exp(logvar), independent=True)
    assert wrong.check().status == "refuted"


def test_elements_are_counted_from_the_end_too():
    scalar = ss.Shape(())
    assert theory.prove_equal(lambda x, y: ss.stack([x, y])[-1], lambda x, y: y, scalar, scalar).status == "proved"
    assert theory.prove_equal(lambda x, y: ss.stack([x, y])[-1], lambda x, y: x, scalar, scalar).status == "refuted"
