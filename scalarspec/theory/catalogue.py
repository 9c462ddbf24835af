"""The facts of the theory: statements with their hypotheses, each with a mutation that its check refutes.

Sources: TorchLean's NN.MLTheory.Generative.Latent.VAE and NN.Spec.Models.{Vae,VqVae,Autoencoder}, what follows from
them, and the papers of the other models. `encode`, `decode` and so on are any maps whatever (`Opaque`).
"""

from __future__ import annotations

from scalarspec.errors import UnknownName
from scalarspec.theory.autoencoder_facts import AUTOENCODER_FACTS
from scalarspec.theory.diffusion_facts import DIFFUSION_FACTS
from scalarspec.theory.fact import Fact
from scalarspec.theory.iwae_facts import IWAE_FACTS
from scalarspec.theory.kl_facts import KL_FACTS
from scalarspec.theory.lsgan_facts import LSGAN_FACTS
from scalarspec.theory.realnvp_facts import REALNVP_FACTS
from scalarspec.theory.residual_facts import RESIDUAL_FACTS
from scalarspec.theory.sampling_facts import SAMPLING_FACTS
from scalarspec.theory.vae_facts import VAE_FACTS
from scalarspec.theory.vq_facts import VQ_FACTS
from scalarspec.verdict import Verdict, timed

FACTS: tuple[Fact, ...] = (
    *VAE_FACTS,
    *KL_FACTS,
    *SAMPLING_FACTS,
    *VQ_FACTS,
    *AUTOENCODER_FACTS,
    *IWAE_FACTS,
    *REALNVP_FACTS,
    *DIFFUSION_FACTS,
    *LSGAN_FACTS,
    *RESIDUAL_FACTS,
)


def facts() -> tuple[Fact, ...]:
    """All facts, in the order in which `scalarspec theory` lists them.

    For example:

        [fact.name for fact in ss.theory.facts()]
    """
    return FACTS


def check(fact: Fact | str) -> Verdict:
    """A fact, by itself or by name: proved (how), refuted (with a witness), or undecided.

    fact: one of `facts()`, its name, or a `Fact` of your own. Returns a `Verdict` with the method, the scope (for which
    sizes and arguments), the steps of the proof, or the witness. `check(fact.control)` checks the mutation of a fact
    in the same way. Raises UnknownName for a name that no fact has.

        ss.theory.check("kl_nonneg").status                # "proved"
    """
    if isinstance(fact, Fact):
        return timed(fact.obligation.check)()
    found = [known for known in FACTS if known.name == fact]
    if not found:
        raise UnknownName(f"no fact is called {fact!r}; there are {', '.join(known.name for known in FACTS)}")
    return check(found[0])
