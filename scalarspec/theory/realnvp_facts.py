"""Facts about the affine couplings of a normalizing flow, whose scale and translation are any maps."""

from __future__ import annotations

from typing import Any

from scalarspec.core import functions as f
from scalarspec.core.shape import Dim
from scalarspec.core.tensor import Tensor
from scalarspec.models.realnvp import Coupling, couple, log_determinant, uncouple
from scalarspec.theory.fact import Equal, Fact
from scalarspec.theory.statements import Opaque
from scalarspec.tracing.gradient import vjp

KEPT, OTHERS = 3, 4
OF_COUPLING = (Coupling(Opaque("scale", OTHERS), Opaque("translation", OTHERS), KEPT), Dim(KEPT), Dim(OTHERS))


def _pulled(moved: Any, layer: Any, kept: Tensor, at: Tensor, g: Tensor) -> Tensor:
    """g times the Jacobian of what becomes of the other coordinates, in these."""
    found: Tensor = vjp(lambda other: moved(layer, kept, other))(at)[1](g)
    return found


def _sum_of_logs(moved: Any, layer: Any, kept: Tensor, at: Tensor) -> Tensor:
    """The logarithm of the product of the diagonal of that Jacobian, which is diagonal."""
    ones = f.broadcast_to(at.context.tensor(1), at.shape)
    return f.sum(f.log(_pulled(moved, layer, kept, at, ones)))


REALNVP_FACTS: tuple[Fact, ...] = (
    Fact(
        "realnvp_inverse_of_forward",
        "uncouple(kept, couple(kept, other)) = other, for any scale and translation",
        Equal(lambda m, a, b: uncouple(m, a, couple(m, a, b)), lambda m, a, b: b, OF_COUPLING),
        "the translation is added after the scale is undone",
        Equal(
            lambda m, a, b: couple(m, a, b) * f.exp(-m.scale(a)) - m.translation(a),
            lambda m, a, b: b,
            OF_COUPLING,
        ),
    ),
    Fact(
        "realnvp_forward_of_inverse",
        "couple(kept, uncouple(kept, moved)) = moved",
        Equal(lambda m, a, b: couple(m, a, uncouple(m, a, b)), lambda m, a, b: b, OF_COUPLING),
        "the scale is not undone, but done again",
        Equal(lambda m, a, b: couple(m, a, (b - m.translation(a)) * f.exp(m.scale(a))), lambda m, a, b: b, OF_COUPLING),
    ),
    Fact(
        "realnvp_jacobian_is_diagonal",
        "the Jacobian of couple in the other coordinates is diag exp(s(kept)): g J = exp(s(kept)) ⊙ g",
        Equal(
            lambda m, a, b, g: _pulled(couple, m, a, b, g),
            lambda m, a, b, g: f.exp(m.scale(a)) * g,
            (*OF_COUPLING, Dim(OTHERS)),
        ),
        "the scale itself for its exponential",
        Equal(
            lambda m, a, b, g: _pulled(couple, m, a, b, g),
            lambda m, a, b, g: m.scale(a) * g,
            (*OF_COUPLING, Dim(OTHERS)),
        ),
    ),
    Fact(
        "realnvp_log_determinant",
        "log_determinant(kept) = Σ log of the diagonal of that Jacobian",
        Equal(
            lambda m, a, b: log_determinant(m, a) + 0 * f.sum(b),
            lambda m, a, b: _sum_of_logs(couple, m, a, b),
            OF_COUPLING,
        ),
        "the mean of the scale for its sum",
        Equal(
            lambda m, a, b: f.mean(m.scale(a)) + 0 * f.sum(b),
            lambda m, a, b: _sum_of_logs(couple, m, a, b),
            OF_COUPLING,
        ),
    ),
    Fact(
        "realnvp_log_determinant_of_inverse",
        "the log-determinant of uncouple = - log_determinant(kept)",
        Equal(lambda m, a, b: _sum_of_logs(uncouple, m, a, b), lambda m, a, b: -log_determinant(m, a), OF_COUPLING),
        "a sign: that of couple",
        Equal(lambda m, a, b: _sum_of_logs(uncouple, m, a, b), lambda m, a, b: log_determinant(m, a), OF_COUPLING),
    ),
)
