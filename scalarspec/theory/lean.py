"""The facts as Lean 4 `example`s in TorchLean's names, with rational test vectors. Text: nothing is compiled here.

The names are those of srirampc/TorchLean, a fork of lean-dojo/TorchLean, at 3447b74f6bf43f83ad50885851caf0bc01b4c53d:
`NN/Spec/Models/{Vae,VqVae,Autoencoder}.lean`, `NN/MLTheory/Generative/Latent/{VAE,Objective}.lean`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scalarspec.core.named_contexts import context as named_context
from scalarspec.core.tensor import Tensor
from scalarspec.numbers.exact import exact_text
from scalarspec.theory.lean_models import MODEL_EXAMPLES
from scalarspec.theory.objectives import ElboTerms, beta_negative_elbo, kl_sum, negative_elbo, variance_of_scale

HEADER = """-- Lean 4, in the names of TorchLean at 3447b74f; text only: it has not been compiled here.
open NN.MLTheory.Generative.Latent.VAE NN.MLTheory.Generative.Latent.Objective"""

_OVER = "{α : Type} [TorchLean.Storage α] [Context α] {obs latent : Spec.Shape}"
_VAE = f"{_OVER} (model : Generative.VAE.Model α obs latent) (beta : α) (x : TorchLean.Tensor α obs) (eps : TorchLean.Tensor α latent)"
_REAL = "{obs latent : Spec.Shape} (model : Generative.VAE.Model ℝ obs latent) (beta : ℝ) (x : TorchLean.Tensor ℝ obs) (eps : TorchLean.Tensor ℝ latent)"
_VQ = "{obs latent : Spec.Shape} {n : ℕ} (model : Generative.VQVAE.Model ℝ obs latent n) (beta : ℝ) (x : TorchLean.Tensor ℝ obs) (idx : Fin n)"
_REPARAMETERIZED = "Generative.Latent.reparameterizeDiag (model.encoder.mean x) (model.encoder.logvar x) eps"
_KL = "(Real.exp l + mu ^ 2 - 1 - l) / 2"

EXAMPLES: dict[str, str] = {
    "sample_latent_eq_reparameterize": f"{_VAE} :\n    Generative.VAE.sampleLatent model x eps = {_REPARAMETERIZED} := rfl",
    "forward_eq_decoder_sample_latent": f"""{_VAE} :
    Generative.VAE.forward model x eps = model.decoder.forward (Generative.VAE.sampleLatent model x eps) := rfl""",
    "forward_eq_decode_reparameterize": f"""{_VAE} :
    Generative.VAE.forward model x eps = model.decoder.forward ({_REPARAMETERIZED}) :=
  Generative.VAE.forward_eq_decode_reparameterize model x eps""",
    "loss_eq_reconstruction_add_kl": f"""{_REAL} :
    Generative.VAE.loss model beta x eps
      = Generative.VAE.reconstructionLoss model x eps + beta * Generative.VAE.klLoss model x :=
  Generative.VAE.loss_eq_reconstruction_add_kl model beta x eps""",
    "beta_vae_loss_eq_weighted_two_term": f"""{_REAL} :
    Generative.VAE.loss model beta x eps = weightedTwoTerm beta (vaeObjectiveTerms model x eps) :=
  betaVae_loss_eq_weightedTwoTerm model beta x eps""",
    "beta_vae_loss_zero_beta": f"""{_REAL} :
    Generative.VAE.loss model 0 x eps = Generative.VAE.reconstructionLoss model x eps :=
  betaVae_loss_zero_beta model x eps""",
    "beta_vae_loss_eq_reconstruction_of_zero_kl": f"""{_REAL} (hkl : Generative.VAE.klLoss model x = 0) :
    Generative.VAE.loss model beta x eps = Generative.VAE.reconstructionLoss model x eps :=
  betaVae_loss_eq_reconstruction_of_zero_kl model beta x eps hkl""",
    "beta_vae_loss_mono_beta_of_kl_nonneg": """(base reg b₁ b₂ : ℝ) (hb : b₁ ≤ b₂) (hreg : 0 ≤ reg) :
    base + b₁ * reg ≤ base + b₂ * reg := by nlinarith""",
    "beta_vae_loss_mono_beta": f"""{_REAL} {{b₁ b₂ : ℝ}} (hb : b₁ ≤ b₂) (hkl : 0 ≤ Generative.VAE.klLoss model x) :
    Generative.VAE.loss model b₁ x eps ≤ Generative.VAE.loss model b₂ x eps :=
  betaVae_loss_mono_beta_of_kl_nonneg model x eps hb hkl""",
    "beta_vae_loss_nonneg": """(recon kl beta : ℝ) (hr : 0 ≤ recon) (hk : 0 ≤ kl) (hb : 0 ≤ beta) :
    0 ≤ recon + beta * kl := by positivity""",
    "exp_ge_one_add": "(x : ℝ) : 1 + x ≤ Real.exp x := by linarith [Real.add_one_le_exp x]",
    "exp_gt_one_add": "(x : ℝ) (hx : x ≠ 0) : 1 + x < Real.exp x := by linarith [Real.add_one_lt_exp hx]",
    "kl_coordinate_nonneg": f"(mu l : ℝ) : 0 ≤ {_KL} :=\n  coordinateKlToStandard_nonneg mu l",
    "kl_coordinate_eq_zero_iff": f"""(mu l : ℝ) : {_KL} = 0 ↔ mu = 0 ∧ l = 0 :=
  coordinateKlToStandard_eq_zero_iff mu l""",
    "kl_nonneg": """{n : ℕ} (mu l : Fin n → ℝ) : 0 ≤ ∑ i, (Real.exp (l i) + mu i ^ 2 - 1 - l i) / 2 :=
  diagonalGaussianKlToStandardReal_nonneg mu l""",
    "kl_eq_zero_iff": """{n : ℕ} (mu l : Fin n → ℝ) :
    diagonalGaussianKlToStandardReal mu l = 0 ↔ (∀ i, mu i = 0) ∧ ∀ i, l i = 0 :=
  diagonalGaussianKlToStandardReal_eq_zero_iff mu l""",
    "executable_kl_eq_sum_div_n": """{n : ℕ} (hn : n ≠ 0) (mu l : Fin n → ℝ) :
    (∑ i, (Real.exp (l i) + mu i ^ 2 - 1 - l i) / 2) / n
      = (1 / n) * ∑ i, (Real.exp (l i) + mu i ^ 2 - 1 - l i) / 2 := by ring""",
    "variance_of_scale": """(l : ℝ) : (varianceOfScale (Real.exp (l / 2)) : ℝ) = Real.exp l := by
  simp [varianceOfScale, ← Real.exp_nat_mul]; ring_nf""",
    "scalar_reparameterization_law": """{Ω : Type} [MeasurableSpace Ω] {P : MeasureTheory.Measure Ω} {eps : Ω → ℝ}
    (h : ProbabilityTheory.HasLaw eps (ProbabilityTheory.gaussianReal 0 1) P) (mu sigma : ℝ) :
    ProbabilityTheory.HasLaw (fun ω => mu + sigma * eps ω)
      (ProbabilityTheory.gaussianReal mu (varianceOfScale sigma)) P :=
  scalar_reparameterization_law h mu sigma""",
    "diagonal_reparameterization_coordinate_law": """{Ω : Type} [MeasurableSpace Ω] {P : MeasureTheory.Measure Ω} {n : ℕ}
    {eps : Ω → Fin n → ℝ}
    (h : ∀ i, ProbabilityTheory.HasLaw (fun ω => eps ω i) (ProbabilityTheory.gaussianReal 0 1) P)
    (mu l : Fin n → ℝ) (i : Fin n) :
    ProbabilityTheory.HasLaw (fun ω => mu i + Real.exp (l i / 2) * eps ω i)
      (ProbabilityTheory.gaussianReal (mu i) (varianceOfScale (Real.exp (l i / 2)))) P :=
  diagonal_reparameterization_coordinate_law h mu (fun i => Real.exp (l i / 2)) i""",
    "joint_reparameterization_law": """-- without independence ε₁ = ε₂ is a counterexample; with it, the law is a product measure
    (s₁ s₂ cov : ℝ) (h : cov = 0) : s₁ * s₂ * cov = 0 := by simp [h]""",
    "negative_elbo": "(t : ElboTerms) : negativeElbo t = t.reconstructionNll + t.klPosteriorPrior := rfl",
    "beta_negative_elbo": """(beta : ℝ) (t : ElboTerms) :
    betaNegativeElbo beta t = negativeElbo t + (beta - 1) * t.klPosteriorPrior := by
  simp [betaNegativeElbo, negativeElbo]; ring""",
    "beta_vae_loss_matches_named_elbo_terms": f"""{_REAL} (terms : ElboTerms)
    (hrecon : Generative.VAE.reconstructionLoss model x eps = terms.reconstructionNll)
    (hkl : Generative.VAE.klLoss model x = terms.klPosteriorPrior) :
    Generative.VAE.loss model beta x eps = betaNegativeElbo beta terms := by
  rw [Generative.VAE.loss_eq_reconstruction_add_kl]
  exact betaVae_loss_matches_named_elbo_terms beta _ _ terms hrecon hkl""",
    "kl_does_not_depend_on_the_noise": f"""{_REAL} (other : TorchLean.Tensor ℝ latent) :
    Generative.VAE.loss model beta x eps - Generative.VAE.reconstructionLoss model x eps
      = Generative.VAE.loss model beta x other - Generative.VAE.reconstructionLoss model x other := by
  simp [Generative.VAE.loss_eq_reconstruction_add_kl]""",
    "kl_gradient_mu": f"(mu l : ℝ) : deriv (fun mu : ℝ => {_KL}) mu = mu := by\n  simp; ring",
    "kl_gradient_logvar": f"(mu l : ℝ) : deriv (fun l : ℝ => {_KL}) l = (Real.exp l - 1) / 2 := by\n  simp",
    "expected_reconstruction": """-- of one latent and one observation: the mean over ε = ±1, whose moments are 0 and 1
    (w mu s b x : ℝ) : ((w * (mu + s) + b - x) ^ 2 + (w * (mu - s) + b - x) ^ 2) / 2
      = (w * mu + b - x) ^ 2 + w ^ 2 * s ^ 2 := by ring""",
    "quantized_eq_embedding": f"""{_VQ} :
    Generative.VQVAE.quantized model idx = model.codebook.embedding idx :=
  Generative.VQVAE.quantized_eq_embedding model idx""",
    "vq_loss_eq_weighted_three_term": f"""{_VQ} :
    Generative.VQVAE.loss model beta x idx = Generative.VQVAE.reconstructionLoss model x idx
      + Generative.VQVAE.codebookLoss model x idx + beta * Generative.VQVAE.commitmentLoss model x idx :=
  Generative.VQVAE.loss_eq_reconstruction_add_codebook_add_commitment model beta x idx""",
    "vq_forward_does_not_depend_on_x": f"""{_VQ} (other : TorchLean.Tensor ℝ obs) :
    Generative.VQVAE.forward model x idx = Generative.VQVAE.forward model other idx := rfl""",
    "codebook_eq_commitment": "(a b : ℝ) : (a - b) ^ 2 = (b - a) ^ 2 := by ring",
    "vq_loss_eq_reconstruction_add_codebook": f"""{_VQ}
    (h : Generative.VQVAE.commitmentLoss model x idx = Generative.VQVAE.codebookLoss model x idx) :
    Generative.VQVAE.loss model beta x idx
      = Generative.VQVAE.reconstructionLoss model x idx + (1 + beta) * Generative.VQVAE.codebookLoss model x idx := by
  rw [Generative.VQVAE.loss_eq_reconstruction_add_codebook_add_commitment, h]; ring""",
    "reconstruction_error_eq_mse": """{n : ℕ} (x y : Fin n → ℝ) :
    (∑ i, (x i - y i) ^ 2) / n = (∑ i, (y i - x i) ^ 2) / n := by
  congr 1; exact Finset.sum_congr rfl fun i _ => by ring""",
    "autoencoder_backward_eq_vjp": """{d h : ℕ} (m : Spec.AutoencoderSpec ℝ d h) (x g : TorchLean.Tensor ℝ (.dim d .scalar)) :
    (Spec.autoencoderBackwardSpec m x g).encoder.weightGradient = Spec.autoencoderEncoderWeightsDerivSpec m x g
      ∧ (Spec.autoencoderBackwardSpec m x g).encoder.biasGradient = Spec.autoencoderEncoderBiasDerivSpec m x g
      ∧ (Spec.autoencoderBackwardSpec m x g).decoder.weightGradient = Spec.autoencoderDecoderWeightsDerivSpec m x g
      ∧ (Spec.autoencoderBackwardSpec m x g).decoder.biasGradient = g
      ∧ (Spec.autoencoderBackwardSpec m x g).inputGradient = Spec.autoencoderInputDerivSpec m x g :=
  ⟨rfl, rfl, rfl, rfl, rfl⟩""",
    **MODEL_EXAMPLES,
}  # fmt: skip
"""By the fact's name: binders, statement and a proof to try."""


def examples() -> str:
    """All facts, then test vectors whose values are worked out in rationals."""
    facts = [f"-- {name}\nexample {text}" for name, text in EXAMPLES.items()]
    return "\n\n".join([HEADER, *facts, "-- test vectors\n" + "\n".join(_vectors())])


def _vectors() -> list[str]:
    """Examples of the theory's numbers at rational arguments."""
    nll, prior, beta, sigma = "3/2", "1/3", "4", "5/4"
    terms = f"⟨{nll}, {prior}⟩"
    beta_elbo = _exact(lambda b, n, k: beta_negative_elbo(b, ElboTerms(n, k)), beta, nll, prior)
    elbo = _exact(lambda n, k: negative_elbo(ElboTerms(n, k)), nll, prior)
    return [
        *(_kl_vector(mu) for mu in ([0], [1], [1, "1/2"], ["-3/4", 2, "1/3"])),
        f"example : (varianceOfScale ({sigma}) : ℝ) = {_exact(variance_of_scale, sigma)} := by norm_num [varianceOfScale]",
        f"example : negativeElbo {terms} = {elbo} := by norm_num [negativeElbo]",
        f"example : betaNegativeElbo {beta} {terms} = {beta_elbo} := by norm_num [betaNegativeElbo]",
    ]


def _exact(spec: Callable[..., Tensor], *args: Any) -> str:
    rational = named_context("rational")
    return exact_text(spec(*(rational.tensor(a) for a in args)).item())


def _kl_vector(mu: list[Any]) -> str:
    shown = f"![{', '.join(map(str, mu))}] ![{', '.join('0' for _ in mu)}]"
    found = _exact(kl_sum, mu, [0] * len(mu))
    return f"example : diagonalGaussianKlToStandardReal {shown} = {found} := by norm_num [{_UNFOLDED}]"


_UNFOLDED = "diagonalGaussianKlToStandardReal, coordinateKlToStandard, Fin.sum_univ_succ"
