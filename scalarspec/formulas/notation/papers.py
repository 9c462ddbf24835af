"""Names as papers write them: W and b for weights and biases, Greek letters."""

from __future__ import annotations

import re

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "epsilon": "ε", "theta": "θ", "lambda": "λ",
    "mu": "μ", "sigma": "σ", "phi": "φ",
}  # fmt: skip
"""By their names, as parameters are called."""


def in_papers(name: str) -> str:
    """W and b for weights and biases: W_encoder for encoder_weights."""
    found = re.fullmatch(r"(.*?)_?(weight|bias)(s|es)?", name)
    if not found:
        return name
    letter = "W" if found[2] == "weight" else "b"
    return f"{letter}_{found[1]}" if found[1] else letter
