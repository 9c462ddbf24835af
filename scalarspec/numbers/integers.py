"""Exact products of integer matrices, by float64 BLAS on digits.

An integer matrix is held as float64 matrices of its digits in base 2^b. The product of two digits, summed over n terms
and over the at most TERMS pairs of digits that have one weight, stays an integer below 2^53:

    n TERMS (2^b - 1)² < 2^53,    hence b = (53 - bits of n - bits of TERMS) // 2,

and all partial sums are integers below that too: float64 arithmetic is then exact, in any order, with FMA or without.
Numbers with more than TERMS digits have no digits here; python-flint, where it is installed, or Python's own integers
multiply those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarspec.numbers import environment

try:
    import flint
except ImportError:  # the extra [flint]: the same products, faster where numbers are long
    flint = None  # type: ignore[assignment]

Array = np.ndarray[Any, Any]
TERMS = 16
"""The largest number of digits of a number."""
BY_DIGITS_FROM = 512
"""It pays from so many multiplications on."""
BLOCK = 1 << 13
"""So many numbers at a time stay in the cache."""
CHUNK_BITS = 62
"""Of an int64 that holds several digits."""


def digit_bits(n: int) -> int:
    """The base of digits whose products can be summed over n terms; 0 if there is none."""
    return max((53 - n.bit_length() - (TERMS - 1).bit_length()) // 2, 0)


@dataclass(frozen=True)
class Digits:
    """The numbers Σ digits[k] 2^(bits k) of some shape. digits: (count, *shape), each below 2^bits in size."""

    digits: Array
    bits: int

    @classmethod
    def of_integers(cls, numbers: Array, bits: int) -> Digits | None:
        """From an object array of Python integers; None if they are too long."""
        sizes = np.abs(numbers)
        longest = int(np.max(sizes, initial=0)).bit_length()
        count = -(-longest // bits)
        if count > TERMS:
            return None
        sign = np.where(np.asarray(numbers < 0, dtype=bool), -1.0, 1.0)
        digits = np.empty((count, *numbers.shape))
        step = CHUNK_BITS // bits
        for start in range(0, count, step):
            chunk = np.asarray(sizes >> (bits * start)) & ((1 << (bits * step)) - 1)
            _split(np.asarray(chunk).astype(np.int64), bits, digits[start : start + step])
        digits *= sign
        return cls(digits, bits)

    @classmethod
    def of_floats(cls, x: Array, exponent: int, length: int, bits: int) -> Digits | None:
        """Of x / 2^exponent, all integers below 2^length; None if they are too long."""
        environment.check()
        count = -(-length // bits)
        if count > TERMS:
            return None
        digits = np.empty((count, x.size))
        for start in range(0, x.size, BLOCK):
            part = slice(start, start + BLOCK)
            rest = np.ldexp(x.reshape(-1)[part], -exponent)
            for k in reversed(range(count)):
                unit = 2.0 ** (bits * k)
                digit = np.trunc(rest / unit, out=digits[k, part])
                rest -= digit * unit
        return cls(digits.reshape(count, *x.shape), bits)


def _split(chunk: Array, bits: int, out: Array) -> None:
    """The digits of int64s >= 0."""
    mask = (1 << bits) - 1
    for k in range(len(out)):
        out[k] = (chunk >> (bits * k)) & mask


def product(a: Digits, b: Digits) -> Array:
    """a @ bᵀ as an object array of Python integers. a: (m, n); b: (p, n), of one base; result: (m, p)."""
    (s, m, n), (t, p, _) = a.digits.shape, b.digits.shape
    if not s or not t:
        return np.full((m, p), 0, dtype=object)
    parts = np.dot(a.digits.reshape(s * m, n), b.digits.reshape(t * p, n).T).reshape(s, m, t, p)
    sums = np.zeros((s + t - 1, m, p))
    for i in range(s):
        for j in range(t):
            sums[i + j] += parts[i, :, j]
    return joined(sums, a.bits)


def joined(sums: Array, bits: int) -> Array:
    """Σ sums[k] 2^(bits k): carries first, so that few and long pieces remain for Python's integers."""
    whole = sums.astype(np.int64)
    mask = (1 << bits) - 1
    for k in range(len(whole) - 1):
        whole[k + 1] += whole[k] >> bits
        whole[k] &= mask
    step = CHUNK_BITS // bits
    last = len(whole) - 1
    result: Array = whole[last].astype(object)
    for start in reversed(range(0, last, step)):
        chunk = np.zeros_like(whole[0])
        digits = range(start, min(start + step, last))
        for k in digits:
            chunk += whole[k] << (bits * (k - start))
        result = (result << (bits * len(digits))) + chunk.astype(object)
    return result


def long_product(a: Array, b: Array) -> Array:
    """a @ bᵀ of object arrays of Python integers, whatever their length. a: (m, n); b: (p, n)."""
    if flint is None or not a.size or not b.size:
        return np.asarray(np.dot(a, b.T))
    left, right = (flint.fmpz_mat(len(x), len(x[0]), x.ravel().tolist()) for x in (a, b))
    entries = [int(entry) for entry in (left * right.transpose()).entries()]
    return np.array(entries, dtype=object).reshape(len(a), len(b))


def least_exponent(x: Array) -> tuple[int, int]:
    """e and a length with each float of x an integer times 2^e, below 2^length in size; 0 and 0 if all are 0."""
    environment.check()  # where subnormal numbers equal 0, they would be lost
    mantissa, exponent = np.frexp(x[x != 0])
    if not mantissa.size:
        return 0, 0
    whole = (mantissa * 2.0**53).astype(np.int64)
    _, zeros = np.frexp((whole & -whole).astype(np.float64))  # one more than the zeros at the end
    least = int(np.min(exponent + zeros)) - 54
    return least, int(np.max(exponent)) - least


def whole_numbers(x: Array, exponent: int) -> Array:
    """x / 2^exponent, which are integers, as an object array of Python integers."""
    environment.check()
    mantissa, power = np.frexp(x.reshape(-1))  # of shape (), NumPy would give its own integers, which overflow
    whole = (mantissa * 2.0**53).astype(np.int64).astype(object)
    shift = power.astype(object) - 53 - exponent
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    return np.asarray((whole << left) >> right, dtype=object).reshape(x.shape)
