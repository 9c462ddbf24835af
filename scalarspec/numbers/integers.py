"""Exact products of integer matrices, by float64 BLAS on digits.

An integer matrix is held as float64 matrices of its digits in base 2^b, each between -2^(b-1) and 2^(b-1). The product
of two digits, summed over n terms, stays an integer of at most 2^53 in size:

    n 2^(2b-2) <= 2^53,    hence b = (55 - bits of n - 1) // 2,

and all partial sums are integers no larger than that: float64 arithmetic is then exact, in any order, with FMA or
without. The sums over the pairs of digits that have one weight are int64s. Numbers with more than TERMS digits have no
digits here; python-flint, where it is installed, or Python's own integers multiply those.
"""

from __future__ import annotations

import math
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
BY_DIGITS_FROM = 1024
"""It pays from so many multiplications on."""
BLOCK = 1 << 14
"""So many numbers at a time stay in the cache."""
CHUNK_BITS = 62
"""Of an int64 that holds several digits."""
ROUNDER = 1.5 * 2.0**52
"""A float below 2^51 in size plus this, less this, is the integer next to it."""
FEW, GROUP = 5, 8
"""BLAS is as fast for GROUP rows as for fewer, and for up to FEW rows faster one by one."""
FEW_DIGITS = 512
"""Up to so many digits are joined one by one."""


def digit_bits(n: int) -> int:
    """The base of digits whose products can be summed over n terms; 0 if there is none."""
    return max((55 - max(n - 1, 0).bit_length()) // 2, 0)


@dataclass(frozen=True)
class Digits:
    """The numbers Σ digits[k] 2^(bits k) of some shape. digits: (count, *shape), each at most 2^(bits-1) in size."""

    digits: Array
    bits: int

    @classmethod
    def of_integers(cls, numbers: Array, bits: int) -> Digits | None:
        """From an object array of Python integers; None if they are too long.

        Half of the base is added to each digit beforehand, and subtracted from what is cut out of the number.
        """
        count = _count(max(map(int.bit_length, numbers.ravel().tolist()), default=0), bits)
        if count > TERMS:
            return None
        half = 1 << (bits - 1)
        shifted = numbers + (((1 << (bits * count)) - 1) // ((1 << bits) - 1)) * half
        digits = np.empty((count, *numbers.shape))
        step = CHUNK_BITS // bits
        for start in range(0, count, step):
            chunk = np.asarray(shifted >> (bits * start), dtype=object)
            if start + step < count:
                chunk &= (1 << (bits * step)) - 1
            _split(chunk.astype(np.int64), bits, digits[start : start + step])
        digits -= half
        return cls(digits, bits)

    @classmethod
    def of_floats(cls, x: Array, exponent: int, length: int, bits: int) -> Digits | None:
        """Of x / 2^exponent, all integers below 2^length; None if they are too long."""
        environment.check()
        count = _count(length, bits)
        if count > TERMS:
            return None
        digits = np.empty((count, x.size))
        base, lowest = 2.0**bits, exponent + bits * (count - 1)
        for start in range(0, x.size, BLOCK):
            part = slice(start, start + BLOCK)
            rest = _scaled(x.reshape(-1)[part], -lowest)
            for k in reversed(range(1, count)):
                digit = np.add(rest, ROUNDER, out=digits[k, part])
                digit -= ROUNDER
                rest -= digit
                rest *= base
            digits[0, part] = rest
        return cls(digits.reshape(count, *x.shape), bits)

    def times(self, signs: Array) -> Digits:
        """Those of the numbers times 1 or -1."""
        return Digits(self.digits * signs, self.bits)


def _count(length: int, bits: int) -> int:
    """How many digits numbers below 2^length in size take: the first one leaves a bit for the carry."""
    return -(-(length + 1) // bits)


def _scaled(x: Array, power: int) -> Array:
    """x 2^power."""
    return x * 2.0**power if -1022 <= power <= 1023 else np.ldexp(x, power)


def _split(chunk: Array, bits: int, out: Array) -> None:
    """The digits of int64s >= 0, the last one with all that is above it."""
    mask = (1 << bits) - 1
    for k in range(len(out) - 1):
        out[k] = chunk & mask
        chunk = chunk >> bits
    out[-1] = chunk


def product(a: Digits, b: Digits) -> Array:
    """a @ bᵀ as an object array of Python integers. a: (m, n); b: (p, n), of one base; result: (m, p)."""
    return joined(digit_sums(a, b), a.bits)


def digit_sums(a: Digits, b: Digits) -> Array:
    """The digits of a @ bᵀ before carries, as int64s. a: (m, n); b: (p, n), of one base; result: (count, m, p)."""
    if len(a.digits) * len(a.digits[0]) > len(b.digits) * len(b.digits[0]):
        return np.swapaxes(digit_sums(b, a), -1, -2)
    return diagonals(digit_products(a, b))


def digit_products(a: Digits, b: Digits) -> Array:
    """a's digits times b's. a: (m, n); b: (p, n), of one base; result: (count of a, m, count of b, p), of integers."""
    (s, m, n), (t, p, _) = a.digits.shape, b.digits.shape
    return _rows_by_rows(a.digits.reshape(s * m, n), b.digits.reshape(t * p, n)).reshape(s, m, t, p)


def diagonals(parts: Array) -> Array:
    """The sums over the pairs of digits that have one weight, as int64s. parts: (s, m, t, p); result: (count, m, p)."""
    (s, m, t, p), whole = parts.shape, parts.astype(np.int64)
    sums = np.zeros((s + t - 1, m, p), dtype=np.int64)
    if s <= t:
        for i in range(s):
            sums[i : i + t] += np.moveaxis(whole[i], 1, 0)
    else:
        for j in range(t):
            sums[j : j + s] += whole[:, :, j]
    return sums


def _rows_by_rows(a: Array, b: Array) -> Array:
    """a @ bᵀ, for few rows of a in the way that takes BLAS the least time."""
    if len(a) <= FEW:
        return np.stack([np.dot(b, row) for row in a])
    filled = -(-len(a) // GROUP) * GROUP if len(a) <= 2 * GROUP else len(a)
    padded = np.concatenate([a, np.zeros((filled - len(a), a.shape[1]))])
    return np.asarray(np.dot(padded, b.T)[: len(a)])


def joined(sums: Array, bits: int) -> Array:
    """Σ sums[k] 2^(bits k) for int64s, as Python integers: of few of them at once, of many by their bytes.

    Carries come first, so that all digits but the last one lie between 0 and 2^bits; to that one 2^62 is added, which
    makes the whole positive.
    """
    last = len(sums) - 1
    if sums.size <= FEW_DIGITS:
        powers = np.array([1 << (bits * k) for k in range(last + 1)], dtype=object)
        return np.asarray(np.tensordot(powers, sums.astype(object), 1), dtype=object)
    whole, mask = sums.reshape(last + 1, -1).copy(), (1 << bits) - 1
    for k in range(last):
        whole[k + 1] += whole[k] >> bits
        whole[k] &= mask
    whole[last] += 1 << 62
    words = _packed(whole.view(np.uint64), bits)
    chunks = words.view(f"V{words.shape[1] * 8}").ravel().tolist()
    numbers = np.empty(len(chunks), dtype=object)
    numbers[:] = [int.from_bytes(chunk, "little") for chunk in chunks]
    return np.asarray(numbers - (1 << (62 + bits * last)), dtype=object).reshape(sums.shape[1:])


def _packed(digits: Array, bits: int) -> Array:
    """Σ digits[k] 2^(bits k) in words of 64 bits, the least one first. digits: (count, n) of uint64, all but the last
    one below 2^bits; result: (n, words).
    """
    words = np.zeros((bits * (len(digits) - 1) // 64 + 2, digits.shape[1]), dtype=np.uint64)
    for k, digit in enumerate(digits):
        word, shift = divmod(bits * k, 64)
        words[word] |= digit << np.uint64(shift)
        if shift:
            words[word + 1] |= digit >> np.uint64(64 - shift)
    return np.ascontiguousarray(words.T, dtype="<u8")


def sum_of_squares(sums: Array, bits: int) -> int:
    """Of the numbers Σ sums[k] 2^(bits k), exactly. sums: (count, n) of int64s.

    Each number becomes digits of at most 2^(bits-1) in size, as in `Digits`; the inner products of these are taken over
    so few terms at a time that they are at most 2^53.
    """
    digits = _balanced(sums, bits)
    terms = 1 << (55 - 2 * bits)
    blocks = np.zeros((len(digits), -(-sums.shape[1] // terms) * terms))
    blocks[:, : sums.shape[1]] = digits
    blocks = np.moveaxis(blocks.reshape(len(digits), -1, terms), 1, 0)
    products = np.matmul(blocks, np.swapaxes(blocks, -1, -2)).astype(np.int64)
    total = (products if len(products) <= 1 << 9 else products.astype(object)).sum(axis=0).astype(object)
    powers = np.array([1 << (bits * k) for k in range(len(digits))], dtype=object)
    return int(np.dot(powers, np.dot(total, powers)))


def _balanced(sums: Array, bits: int) -> Array:
    """The same numbers with digits of at most 2^(bits-1) in size; so many more of them as this takes."""
    half, digits = 1 << (bits - 1), list(sums.copy())
    k = 0
    while k < len(sums) - 1 or np.max(np.abs(digits[k]), initial=0) > half:
        carry = (digits[k] + half) >> bits
        digits[k] -= carry << bits
        if k + 1 == len(digits):
            digits.append(np.zeros_like(carry))
        digits[k + 1] += carry
        k += 1
    return np.stack(digits)


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
    flat, least, greatest = x.reshape(-1), np.inf, 0.0
    for start in range(0, x.size, BLOCK):
        sizes = np.abs(flat[start : start + BLOCK])
        least, greatest = min(least, float(np.min(_last_bits(sizes)))), max(greatest, float(np.max(sizes)))
    if not greatest:
        return 0, 0
    exponent = math.frexp(least)[1] - 1
    return exponent, math.frexp(greatest)[1] - exponent


def _last_bits(sizes: Array) -> Array:
    """The value of the last bit that is set in each float >= 0; ∞ for 0.

    The integer that a float is stored as, less 1, has that bit cleared, and those after it set; of a power of two it is
    in the exponent.
    """
    stored = sizes.view(np.int64)
    found: Array = sizes - (stored & (stored - 1)).view(np.float64)
    powers = (stored & ((1 << 52) - 1)) == 0
    if powers.any():
        found[powers] = np.where(sizes[powers] == 0, np.inf, sizes[powers])
    return found


def whole_numbers(x: Array, exponent: int) -> Array:
    """x / 2^exponent, which are integers, as an object array of Python integers."""
    environment.check()
    mantissa, power = np.frexp(x.reshape(-1))  # of shape (), NumPy would give its own integers, which overflow
    whole = (mantissa * 2.0**53).astype(np.int64).astype(object)
    shift = power.astype(object) - 53 - exponent
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    return np.asarray((whole << left) >> right, dtype=object).reshape(x.shape)
