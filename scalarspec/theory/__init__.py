"""The theory of the models as statements that prove themselves, and the provers, which work on any spec.

    verdict = ss.theory.check("kl_nonneg")                       # proved, for any number of coordinates
    verdict = ss.theory.prove_equal(mine, theirs, ss.Dim(3))     # a Shape is any tensor, an Opaque any map

    terms = ss.theory.vae_terms(model, x, eps)                   # a TwoTerm: terms.weighted(beta) is the loss
    terms = ss.theory.vqvae_terms(model, x, idx)                 # a ThreeTerm
    elbo = ss.theory.ElboTerms(nll, kl)
    ss.theory.negative_elbo(elbo), ss.theory.beta_negative_elbo(2, elbo)

`catalogue` has the facts, `prove` the provers; `normal` decides equality, `signs` what is not negative. May import:
`formulas`, `bounding`, the specs, and what these may.
"""

from scalarspec.theory.catalogue import check, facts
from scalarspec.theory.fact import Fact
from scalarspec.theory.objectives import (
    ElboTerms,
    ThreeTerm,
    TwoTerm,
    beta_negative_elbo,
    kl_coordinate,
    kl_sum,
    negative_elbo,
    vae_terms,
    variance_of_scale,
    vqvae_terms,
)
from scalarspec.theory.prove import prove_equal, prove_monotone, prove_nonnegative
from scalarspec.theory.statements import Opaque
from scalarspec.verdict import Verdict

__all__ = [
    "ElboTerms",
    "Fact",
    "Opaque",
    "ThreeTerm",
    "TwoTerm",
    "Verdict",
    "beta_negative_elbo",
    "check",
    "facts",
    "kl_coordinate",
    "kl_sum",
    "negative_elbo",
    "prove_equal",
    "prove_monotone",
    "prove_nonnegative",
    "vae_terms",
    "variance_of_scale",
    "vqvae_terms",
]
