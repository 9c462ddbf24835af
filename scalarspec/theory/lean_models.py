"""The facts about the models that TorchLean has no theorems of, as Lean 4 `example`s about real numbers: coordinate by
coordinate, as the papers have them. Text, as in `lean`.
"""

from __future__ import annotations

_X_T = "Real.sqrt a * x + Real.sqrt (1 - a) * e"
_STEP = f"Real.sqrt b * (({_X_T} - Real.sqrt (1 - a) * e) / Real.sqrt a) + Real.sqrt (1 - b) * e"
_LOSS = "(p * ({d} - b) ^ 2 + q * ({d} - a) ^ 2) / 2"
_BEST = "((b * p + a * q) / (p + q))"

MODEL_EXAMPLES: dict[str, str] = {
    "vq_encoder_gradient": """-- of one coordinate: c is the other value of the mean squared error, which is stopped
    (g b z c : ℝ) : deriv (fun z : ℝ => g * z + b * (z - c) ^ 2) z = g + b * (2 * (z - c)) := by
  simp; ring""",
    "vq_codebook_gradient": """(c z : ℝ) : deriv (fun c : ℝ => (c - z) ^ 2) c = 2 * (c - z) := by
  simp""",
    "iwae_of_one_sample_is_the_elbo": "(w : ℝ) : Real.log (Real.exp w) - Real.log 1 = w := by simp",
    "iwae_log_weight_eq_log_densities": """-- of one coordinate, at z = μ + exp (l / 2) ε; c is log 2π
    (z e l c : ℝ) : (l + e ^ 2 - z ^ 2) / 2 = -(z ^ 2 + c) / 2 - (-(e ^ 2 + c) / 2 - l / 2) := by ring""",
    "realnvp_inverse_of_forward": """(x s t : ℝ) : (x * Real.exp s + t - t) * Real.exp (-s) = x := by
  rw [add_sub_cancel_right, mul_assoc, ← Real.exp_add, add_neg_cancel, Real.exp_zero, mul_one]""",
    "realnvp_forward_of_inverse": """(y s t : ℝ) : (y - t) * Real.exp (-s) * Real.exp s + t = y := by
  rw [mul_assoc, ← Real.exp_add, neg_add_cancel, Real.exp_zero, mul_one, sub_add_cancel]""",
    "realnvp_jacobian_is_diagonal": """(x s t : ℝ) : deriv (fun x : ℝ => x * Real.exp s + t) x = Real.exp s := by
  simp""",
    "realnvp_log_determinant": "{n : ℕ} (s : Fin n → ℝ) : ∑ i, Real.log (Real.exp (s i)) = ∑ i, s i := by simp",
    "realnvp_log_determinant_of_inverse": """{n : ℕ} (s : Fin n → ℝ) :
    ∑ i, Real.log (Real.exp (-s i)) = -∑ i, s i := by simp""",
    "ddpm_start": "(x e : ℝ) : Real.sqrt 1 * x + Real.sqrt (1 - 1) * e = x := by simp",
    "ddpm_preserves_variance": """(a : ℝ) (h0 : 0 ≤ a) (h1 : a ≤ 1) :
    Real.sqrt a ^ 2 + Real.sqrt (1 - a) ^ 2 = 1 := by
  rw [Real.sq_sqrt h0, Real.sq_sqrt (by linarith)]; ring""",
    "ddpm_steps_compose": """(a s : ℝ) (h1 : a ≤ 1) (hs : 0 ≤ s) (hs1 : s ≤ 1) :
    (Real.sqrt s * Real.sqrt (1 - a)) ^ 2 + Real.sqrt (1 - s) ^ 2 = 1 - s * a := by
  rw [mul_pow, Real.sq_sqrt hs, Real.sq_sqrt (by linarith), Real.sq_sqrt (by linarith)]; ring""",
    "ddpm_noise_tells_the_data": f"""(a x e : ℝ) (h : Real.sqrt a ≠ 0) :
    ({_X_T} - Real.sqrt (1 - a) * e) / Real.sqrt a = x := by
  rw [add_sub_cancel_right, mul_div_cancel_left₀ _ h]""",
    "ddim_step_is_q_sample": f"""(a b x e : ℝ) (h : Real.sqrt a ≠ 0) :
    {_STEP}
      = Real.sqrt b * x + Real.sqrt (1 - b) * e := by
  rw [add_sub_cancel_right, mul_div_cancel_left₀ _ h]""",
    "ddim_recovers_the_data": f"""(a x e : ℝ) (h : Real.sqrt a ≠ 0) :
    ({_X_T} - Real.sqrt (1 - a) * e) / Real.sqrt a + Real.sqrt (1 - 1) * e = x := by
  rw [add_sub_cancel_right, mul_div_cancel_left₀ _ h]; simp""",
    "lsgan_best_score": f"""(d p q a b : ℝ) (h : p + q ≠ 0) :
    {_LOSS.format(d="d")} - {_LOSS.format(d=_BEST)}
      = (p + q) * (d - {_BEST}) ^ 2 / 2 := by
  field_simp; ring""",
    "lsgan_best_score_is_stationary": f"""(p q a b : ℝ) (h : p + q ≠ 0) :
    p * ({_BEST} - b) + q * ({_BEST} - a) = 0 := by
  field_simp; ring""",
    "lsgan_generator_loss_is_pearson": """(p q : ℝ) (h : p + q ≠ 0) :
    (p + q) * ((1 * p + -1 * q) / (p + q)) ^ 2 = (2 * q - (p + q)) ^ 2 / (p + q) := by
  field_simp; ring""",
    "residual_block_of_nothing_is_relu": "(x v : ℝ) : max (0 * v + x) 0 = max x 0 := by simp",
    "pre_norm_block_of_nothing_is_identity": "(x v w : ℝ) : x + 0 * v + 0 * w = x := by simp",
}  # fmt: skip
"""By the fact's name: binders, statement and a proof to try."""
