"""Rigorous intervals with float64 ends, in NumPy arrays. Promise: every result contains the exact real value.

The scalars are those of `interval` at 53 bits; this folder is how many of them are held and mapped in bulk. All rests
on IEEE 754's + - × ÷ √, comparisons and bit patterns; u = 2^-53. What encloses, and where its proof stands:

    point           floats that stand for themselves, and their magnitudes in float32
    ends            -inf and sup; + - by two-sum, × ÷ by one step up
    structure       what holds ends or points: in and out, and operations that only move elements
    order           relations, choices: nothing is rounded
    arithmetic      + - × ÷, squares, powers, by the roundings of `ends`
    functions       √ exp log ...: values of `numbers.elementary`, whose errors are proved, at both ends of pieces on
                    which the function is monotone, and its error added
    courses         functions of one number by how they run: their definitions at both ends, and at a minimum between
    linear          sums, whose error is bounded for any order; products of matrices as midpoint and radius (Rump 1999)
    others          sums of all others of n terms, from which `shares` makes softmax and its logarithm, and `norms`
                    x / √(mean of x² + eps), each by what an element rises with, and falls with
    arrays          all of these together, in blocks
    fused           the same in numba's loops
    context         the context, and `interval64`, which makes it

tan, atan, atan2, cbrt, lgamma, real powers, and division by what contains 0 go scalar by scalar, as `interval` does
them.
"""

from scalarspec.backends.interval64.arrays import Interval64Arrays
from scalarspec.backends.interval64.context import Interval64Context, interval64

__all__ = ["Interval64Arrays", "Interval64Context", "interval64"]
