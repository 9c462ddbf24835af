"""Functions of two tensors, element by element, that are composed of others: logarithms of sums and products with
logarithms.
"""

from __future__ import annotations

from scalarspec.core.choices import where
from scalarspec.core.elementwise import log
from scalarspec.core.reductions import logsumexp
from scalarspec.core.structure import broadcast_arrays, stack
from scalarspec.core.tensor import Operand, Tensor

__all__ = ["logaddexp", "xlogy"]


def logaddexp(x: Operand, y: Operand) -> Tensor:
    """log(eˣ + eʸ), of which nothing overflows, for elements of x and y; the exact range over boxes. NumPy, the array
    API and PyTorch call it so.

        ss.logaddexp(ss.context("float64").tensor(1000.0), 1000)    # 1000.693...
    """
    return logsumexp(stack(broadcast_arrays(x, y)), axis=0)


def xlogy(x: Operand, y: Operand) -> Tensor:
    """x log y, and 0 where x = 0 and y <= 0, for y > 0 elsewhere: DomainError where it is not (floats: NaN). PyTorch:
    `torch.special.xlogy`, with its derivatives: log y in x, also where x = 0 and y > 0.

        ss.xlogy(ss.context("rational").tensor([0, 2]), [0, 1])    # [0, 0]
    """
    s, t = broadcast_arrays(x, y)
    nothing = (s <= 0) & (s >= 0) & (t <= 0)  # no equality, of which a derivative would be refused as that of a hole
    return where(nothing, 0, lambda: s * log(where(nothing, 1, t)))
