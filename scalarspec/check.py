"""Checks a certificate of bounds in exact arithmetic: `python check.py proof.json`. Python's integers and nothing else.

A certificate is JSON: a program (how a result is made of inputs and constants), a box of inputs, a claim about the
result, and a tree of parts of the box. The checker repeats the proof, and prints what it proves; or says which step
fails, and exits 1. Nothing is believed but program and box. The mathematics:

(1) A value's elements have ranges in each part: by interval arithmetic (Moore 1966), rounded outward to 2^-100.
(2) A function of one number has a line below and a line above it over its operand's range, of any slope a. Where f''
    has one sign, h(t) = f(t) - a t is largest (f'' >= 0) at an end, and above its secants outside of these: for every s
    and d > 0, h(t) >= h(s) + (t - s) (h(s) - h(s - d)) / d for t >= s, and h(t) >= h(s) + (t - s) (h(s + d) - h(s)) / d
    for t <= s. The other way round where f'' <= 0.
(3) x y = x y0 + x0 y - x0 y0 + (x - x0) (y - y0), the last at most the product of the radii (McCormick 1976).
(4) So a sum of elements of a value is at least a sum of elements of what it is made of, in the end of inputs, which is
    least at a corner of the box (CROWN: Zhang et al. 2018). For c' = c, rounded down to u, c x >= c' x + u min(0, x).
(5) A part says which ends of elements are found by (4), for its parts, too. It may be split at any number that an
    element may be below or above; and where a range is empty, no point is in the part.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # of all files beside this one, none is needed

import json
from collections import defaultdict
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache, partial
from hashlib import sha256
from itertools import pairwise, product
from math import ceil, floor, isqrt, lcm, prod
from operator import mul
from pathlib import Path
from typing import Any

FORMAT, VERSION, BITS, SLOPE_BITS = "scalarspec certificate", 2, 100, 32
ONE, SLOPE_ONE = 1 << BITS, 1 << SLOPE_BITS  # ranges are integers in units of 2^-100, slopes in units of 2^-32
SIDES = {"at least": 1, "above": 1, "at most": -1, "below": -1}
Ends = tuple[int, int]


class Empty(Exception):
    """No point is in a part."""


def require(holds: bool, step: str) -> None:
    """Refuses the certificate where a step does not hold."""
    if not holds:
        raise ValueError(step)


def over(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def exp(t: int) -> Ends:
    """e^t: for r = |t| / 2^m < 2^-8 in units of 2^-P, the sum of r^k / k!, each term floored, of which n < P are not 0.
    Each misses less than 1.01 units, those after them less than one: the sum less than 2 n + 8. Then m times squared.
    """
    require(abs(t) < ONE << 13, "a function is applied to a number beyond 2^13")
    m = max(0, abs(t).bit_length() - BITS + 8)
    places = BITS + 48 + m + 3 * (abs(t) >> (BITS + 1))
    r, term, total, n = abs(t) << (places - BITS) >> m, 1 << places, 1 << places, 0
    while term:
        n += 1
        term = term * r // (n << places)
        total += term
    low, high = total, total + 2 * n + 8
    for _ in range(m):
        low, high = low * low >> places, (high * high >> places) + 1
    if t < 0:
        low, high = (1 << 2 * places) // high, (1 << 2 * places) // low + 1
    return low >> (places - BITS), over(high, 1 << (places - BITS))


def log(t: int) -> Ends:
    """log t = y + log(1 + z) for z = t e^-y - 1, and z - z^2 <= log(1 + z) <= z for |z| <= 1/2. Any y would
    do: here a multiple of log 2, bettered by 2 z / (2 + z).
    """
    require(t > 0, "a logarithm is taken of a number that may not be positive")
    y = (t.bit_length() - BITS) * 0xB17217F7D1CF79AB << (BITS - 64)
    for last in (False, False, False, False, True):
        low, high = exp(abs(y))
        low, high = (t * ONE // high, over(t * ONE, low)) if y >= 0 else (t * low >> BITS, over(t * high, ONE))
        low, high = low - ONE, high - ONE
        y += 0 if last else 2 * low * ONE // (low + 2 * ONE)
    require(2 * max(abs(low), abs(high)) <= ONE, "log: the first guess is too far away")
    return y + low - (max(low * low, high * high) >> BITS) - 1, y + high


def sigmoid(t: int) -> Ends:
    """1 / (1 + e^-t), and 1 less that of -t."""
    low, high = exp(-abs(t))
    low, high = ONE * ONE // (ONE + high), over(ONE * ONE, ONE + low)
    return (low, high) if t >= 0 else (ONE - high, ONE - low)


FUNCTIONS: dict[str, tuple[Callable[[int], Ends], tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    "relu": (lambda t: (max(t, 0), max(t, 0)), (0,), (0, 0), ()),
    "square": (lambda t: (t * t >> BITS, over(t * t, ONE)), (), (1,), (0,)),
    "exp": (exp, (), (1,), ()),
    "log": (log, (), (-1,), ()),
    "sqrt": (lambda t: (isqrt(t << BITS), isqrt(t << BITS) + 1), (), (-1,), ()),
    "reciprocal": (lambda t: (ONE * ONE // t, over(ONE * ONE, t)), (0,), (-1, 1), ()),
    "sigmoid": (sigmoid, (0,), (1, -1), ()),
}
"""Each by f, where f'' changes its sign, its signs between these numbers (0: a line), and where f turns."""


def image(name: str, low: int, high: int) -> Ends:
    """(1) The range of f over a range: it is monotone between its ends and turns."""
    require(name != "reciprocal" or low > 0 or high < 0, "a number is divided by what may be 0")
    f, _, _, turns = FUNCTIONS[name]
    found = [f(t) for t in (low, *(t for t in turns if low < t < high), high)]
    return min(a for a, _ in found), max(b for _, b in found)


@lru_cache(1 << 16)
def beside(name: str, low: int, high: int, a: int, side: int) -> int:
    """(2) A number that f(t) - a t is nowhere below (side 1), or nowhere above (side -1), over a range."""
    f, breaks, bends, _ = FUNCTIONS[name]

    def h(t: int) -> Ends:  # side (f(t) - a t), of which a lower bound is looked for
        (x, y), line = f(t), -side * a * t
        return (x if side > 0 else -y) + (line >> SLOPE_BITS), (y if side > 0 else -x) + over(line, SLOPE_ONE)

    found = []
    for p, q in pairwise([low, *(b for b in breaks if low < b < high), high]):
        step = (q - p) >> 20
        if side * bends[sum(b <= p for b in breaks)] <= 0:
            found += [h(p)[0], h(q)[0]]
        elif step < 16:  # so narrow that f is as good as constant
            found.append(side * image(name, p, q)[side < 0] + min(-side * a * t >> SLOPE_BITS for t in (p, q)))
        else:
            left, s = p + step, q - step
            while s - left > step:  # to where h is about least: any s would do
                t = (left + s) // 2
                left, s = (left, t) if h(t + step) > h(t) else (t, s)
            falls = (h(s)[0] - h(s - step)[1]) * (q - s) // step
            rises = (h(s + step)[1] - h(s)[0]) * (p - s) // step
            found.append(h(s)[0] + min(0, falls, rises))
    return side * min(found)


LINEAR = {"add", "subtract", "negative", "sum", "mean", "cumulative_sum", "fold", "getitem", "scatter", "reshape"}
LINEAR |= {"matrix_transpose", "broadcast_to", "permute_dims", "concat", "patches", "stack"}


def integer(x: Any) -> int:
    """An integer of JSON."""
    require(type(x) is int, f"expected an integer, got {x!r:.40}")
    return int(x)


def exact(entry: Any) -> list[Fraction]:
    """Numbers: integers times a power of 2, over a denominator."""
    require(abs(integer(entry["exponent"])) < 1 << 14, "a number is larger or smaller than those of this version")
    one = Fraction(2) ** entry["exponent"] / integer(entry.get("denominator", 1))
    return [integer(x) * one for x in entry["integers"]]


def sums(name: str, operands: Sequence[int], entry: dict[str, Any], sizes: Sequence[int]) -> list[list[Any]]:
    """For each element of a result the terms that it is the sum of: a number and at most two elements (value, element).
    What moves elements, or adds them up, says which, of all operands side by side.
    """
    counts = [sizes[v] for v in operands]
    if name == "multiply":
        require(len(counts) == 2 and {*counts} <= {0, 1, max(counts)}, "multiply: these shapes do not fit")
        return [[(Fraction(1), [(v, i % sizes[v]) for v in operands])] for i in range(max(counts) * min(1, *counts))]
    if name == "matmul":  # rows of a times columns of b, or rows of b where that is transposed
        (a, b), inner = operands, integer(entry.pop("inner"))
        m, n = counts[0] // inner, counts[1] // inner
        require(inner > 0 and counts == [m * inner, n * inner], "matmul: these shapes do not fit")
        across, along = {True: (inner, 1), False: (1, n)}[entry.pop("transposed")]
        places = [[(i * inner + k, j * across + k * along) for k in range(inner)] for i in range(m) for j in range(n)]
        return [[(Fraction(1), [(a, i), (b, j)]) for i, j in row] for row in places]
    require(name in LINEAR, f"there is no rule for {name!r:.40}")
    signs = [-1 if name == "negative" or (name == "subtract" and k) else 1 for k in range(len(operands))]
    flat = [(sign, [(v, i)]) for sign, v in zip(signs, operands, strict=True) for i in range(sizes[v])]
    rows = entry.pop("elements")
    require(all(0 <= integer(k) < len(flat) for row in rows for k in row), f"{name}: there is no such element")
    parts = [len(row) if name == "mean" and row else 1 for row in rows]
    return [[(Fraction(flat[k][0], n), flat[k][1]) for k in row] for n, row in zip(parts, rows, strict=True)]


class Sum(list[Any]):
    """Rows of terms, each an integer and factors that are not known, over one denominator."""

    def __init__(self, terms: list[list[Any]], steps: list[tuple[Any, ...]], known: dict[int, list[Fraction]]) -> None:
        def parted(w: Fraction, f: list[Any]) -> tuple[Fraction, list[Any]]:
            return prod((known[v][j] for v, j in f if v in known), start=w), [x for x in f if x[0] not in known]

        rows = [[parted(*term) for term in row] for row in terms]
        for row in rows:  # the only element of another sum gives way to what that is made of
            alone = [(w, steps[f[0][0]][0], f[0][1]) for w, f in row if len(f) == 1]
            for w, how, j in alone if len(alone) == 1 and isinstance(alone[0][1], Sum) else ():
                row[:] = [t for t in row if len(t[1]) != 1] + [(w * each / how.below, f) for each, f in how[j]]
        self.below = lcm(*(weight.denominator for row in rows for weight, _ in row))
        super().__init__([(int(weight * self.below), factors) for weight, factors in row] for row in rows)
        self.products = any(len(factors) > 1 for row in rows for _, factors in row)


def compiled(entries: Sequence[Any]) -> list[tuple[Any, ...]]:
    """How each value is made: (its ranges, None), (a function, a value), or (a sum, its denominator)."""
    steps, known, sizes = list[tuple[Any, ...]](), dict[int, list[Fraction]](), list[int]()
    for v, entry in enumerate(map(dict, entries)):
        name, shape, operands = entry.pop("operation"), entry.pop("shape"), entry.pop("operands", [])
        require(all(0 <= integer(x) < v for x in operands), f"value {v} is made of what is not made yet")
        if name in ("input", "constant"):
            low, _ = exact(entry.pop("lower")), entry.pop("name", "")
            high = exact(entry.pop("upper")) if name == "input" else low
            require(all(a <= b for a, b in zip(low, high, strict=True)), "an input has no values")
            steps.append(([(floor(a * ONE), ceil(b * ONE)) for a, b in zip(low, high, strict=True)], None))
            known.update({v: low} if name == "constant" else {})
        elif name in FUNCTIONS:
            steps.append((name, *operands))  # one, or what follows fails
        else:
            total = Sum(sums(name, operands, entry, sizes), steps, known)
            steps.append((total, total.below))
        sizes.append(sizes[operands[0]] if name in FUNCTIONS else len(steps[v][0]))
        require(prod(map(integer, shape)) == sizes[v] and not entry, f"value {v}: another shape, or what is not read")
    return steps


class Part:
    """A part of the box. ranges: of values so far; facts: known ranges of elements; slopes: of lines around them."""

    def __init__(self, steps: list[tuple[Any, ...]], facts: dict[Any, Ends], slopes: dict[Any, Any]) -> None:
        self.steps, self.facts, self.slopes, self.ranges = steps, facts, slopes, list[list[Ends]]()
        self.lines, self.kept = dict[tuple[int, int, bool], Ends](), dict[int, tuple[set[int], dict[Any, list[Any]]]]()

    def reach(self) -> None:
        """(1) The ranges of the elements of the next value, from those before it; (5) what else is known of them."""
        how, below = self.steps[v := len(self.ranges)]
        found = [image(how, *ends) for ends in self.ranges[below]] if isinstance(how, str) else []
        for row in how if isinstance(how, Sum) else ():
            low = high = 0
            for weight, factors in row:
                ends = [self.ranges[x][j] for x, j in factors]
                if len(ends) == 1:  # as most have
                    low += weight * ends[0][weight < 0] * ONE
                    high += weight * ends[0][weight > 0] * ONE
                else:
                    corners = [weight * prod(each) * ONE ** (2 - len(each)) for each in product(*ends)]
                    low, high = low + min(corners), high + max(corners)
            found.append((low // (below * ONE), over(high, below * ONE)))
        self.ranges.append([*how] if below is None else found)
        for i, (low, high) in [(i, ends) for (x, i), ends in self.facts.items() if x == v]:
            self.know(v, i, low, high)

    def know(self, v: int, i: int, low: int, high: int) -> None:
        """(5) A range of an element of the value that was reached last."""
        ends = self.ranges[v][i]
        low, high = self.facts[v, i] = self.ranges[v][i] = max(low, ends[0]), min(high, ends[1])
        if low > high:
            raise Empty

    def line(self, v: int, i: int, below: bool) -> Ends:
        """(2) The line below an element of a function's result, or above it: its slope and constant term."""
        name, x = self.steps[v]
        low, high = self.ranges[x][i]
        a = self.slopes.get((v, i), (SLOPE_ONE * (name == "relu" and high > -low),) * 2)[below - 1]
        if name == "relu" and (low >= 0 or not below):  # no line above it is better than the secant
            a = SLOPE_ONE * max(high, 0) // max(high - min(low, 0), 1)
        return self.lines.setdefault((v, i, below), (a, beside(name, low, high, a, 1 if below else -1)))

    def least(self, target: int, element: int, side: int) -> int:
        """(4) A number that side times an element of a value is nowhere below, in units of 2^-300."""
        total, shares = 0, {target: {element: side * ONE**2}}  # of each value coefficients, in units of 2^-200
        for v in (v for v in range(target, -1, -1) if v in shares):
            found, (how, one) = shares[v], self.steps[v]
            handed = defaultdict[Any, dict[Any, int]](lambda: defaultdict(int))
            if one is None:
                total += sum(g * self.ranges[v][i][g < 0] for i, g in found.items())
            elif isinstance(how, str):
                lines = [self.lines.get((v, i, g > 0)) or self.line(v, i, g > 0) for i, g in found.items()]
                total += sum(map(mul, found.values(), [c for _, c in lines]))
                handed[one].update(zip(found, map(mul, found.values(), [a for a, _ in lines]), strict=True))
                one = SLOPE_ONE
            else:
                for (x, at), columns in self.columns(v, how, found.keys()).items():
                    taken = [*map(found.__getitem__, at)]
                    handed[x].update([(j, sum(map(mul, taken, weights))) for j, weights in columns])
                one *= ONE if how.products else 1
                total += ONE * handed.pop(None, {}).get(None, 0) // one
                products = ((g * w, f) for i, g in found.items() for w, f in how[i] if len(f) > 1)
                for g, factors in products if how.products else ():  # (3)
                    ends = [self.ranges[x][j] for x, j in factors]
                    (a, r), (b, s) = (((low + high) // 2, (high - low + 1) // 2) for low, high in ends)
                    for (x, j), middle in zip(factors, (b, a), strict=True):
                        handed[x][j] += g * middle
                    total -= over(g * a * b + abs(g) * r * s, one)
            for x, more in handed.items():
                into = shares.setdefault(x, defaultdict(int))
                for j, g in more.items():
                    into[j] += g // one
                total += sum(min(0, low) for low, _ in self.ranges[x]) if any(g % one for g in more.values()) else 0
        return max(total, side * self.ranges[target][element][side < 0] * ONE**2)

    def columns(self, v: int, how: Sum, rows: Set[int]) -> dict[Any, list[Any]]:
        """Of some rows of a sum the columns of what may not be 0, those together that are in the same rows."""
        if v not in self.kept or self.kept[v][0] != rows:
            columns, alike = defaultdict[Any, list[Any]](list), defaultdict[Any, list[Any]](list)
            for i, weight, factors in ((row, *term) for row in rows for term in how[row] if len(term[1]) < 2):
                if all(self.ranges[x][j] != (0, 0) for x, j in factors):
                    columns[factors[0] if factors else (None, None)].append((i, weight * (ONE if how.products else 1)))
            for (x, j), column in columns.items():
                alike[x, tuple(i for i, _ in column)].append((j, [weight for _, weight in column]))
            self.kept[v] = {*rows}, alike
        return self.kept[v][1]


def compared(claim: Any) -> list[tuple[int, int]]:
    """The elements that a claim compares, each with the side that its bound is asked on. Refuses what is no claim."""
    if claim[0] in SIDES:
        _, i, above, below = claim
        require(integer(i) >= 0 and integer(below) > 0 and above == integer(above), "a claim is no comparison")
        return [(i, SIDES[claim[0]])]
    require(claim[0] in ("and", "or") and isinstance(claim, list), f"a claim is none of and, or, {', '.join(SIDES)}")
    return [each for part in claim[1:] for each in compared(part)]


def holds(claim: Any, least: Callable[[int, int], int]) -> bool:
    """Does a claim follow from lower bounds of side times elements, in units of 2^-300?"""
    if claim[0] not in SIDES:
        return (all if claim[0] == "and" else any)(holds(part, least) for part in claim[1:])
    known, c = least(claim[1], SIDES[claim[0]]), SIDES[claim[0]] * Fraction(claim[2] * ONE**3, claim[3])
    return known > c if claim[0] in ("above", "below") else known >= c


def proved(steps: list[tuple[Any, ...]], value: int, claim: Any, root: Any) -> int:
    """(5) In how many parts of the box the claim is proved, which together are the box."""
    compared(claim)
    waiting, count = [(root, dict[Any, Ends](), dict[Any, Any]())], 0
    while waiting:
        node, facts, slopes = waiting.pop()
        slopes = slopes | {(int(v), i): a for v, each in node.get("slopes", {}).items() for i, *a in each}
        asked = node.get("bounds", {})
        last = max([integer(node["split"][0]), *map(int, asked)]) if "split" in node else value
        part = Part(steps, {**facts}, slopes)
        with suppress(Empty):
            for v in range(last + 1):
                part.reach()
                lower, upper = asked.get(str(v), ((), ()))
                for side, i in [(1, i) for i in lower] + [(-1, i) for i in upper]:
                    require(0 <= integer(i) < len(part.ranges[v]), "a part asks for a bound of no element")
                    (low, high), end = part.ranges[v][i], part.least(v, i, side) // ONE**2
                    part.know(v, i, *((end, high) if side > 0 else (low, -end)))
            if "split" in node:
                v, i, at = map(integer, node["split"])
                (low, high), (first, second) = part.ranges[v][i], node["parts"]
                for child, ends in ((first, (low, min(high, at))), (second, (max(low, at), high))):
                    waiting.append((child, {**part.facts, (v, i): ends}, slopes))
                continue
            more = {(int(v), i): a for v, each in node.get("claim slopes", {}).items() for i, *a in each}
            part.slopes, part.lines = slopes | more, {} if more else part.lines
            require(holds(claim, partial(part.least, value)), f"the claim does not follow in part {count + 1}")
        count += 1
    return count


def text(claim: Any) -> str:
    """A claim in words, each number rounded to where it is implied."""
    if claim[0] not in SIDES:
        return f"({f' {claim[0]} '.join(map(text, claim[1:])) or claim[0] + ' of nothing'})"
    digits = (floor if SIDES[claim[0]] > 0 else ceil)(Fraction(claim[2] * 10**20, claim[3]))
    return f"[{claim[1]}] {claim[0]} {'-' * (digits < 0)}{abs(digits) // 10**20}.{abs(digits) % 10**20:020}"


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, none of whose keys comes twice."""
    require(len(dict(pairs)) == len(pairs), "a key comes twice")
    return dict(pairs)


def checked(certificate: str, folder: Path = Path()) -> str:
    """What a certificate proves; its constants may be in a file of the folder. Raises an exception where nothing is."""
    read = partial(json.loads, parse_float=integer, parse_constant=integer, object_pairs_hook=unique)
    found = read(certificate)
    require((found["format"], integer(found["version"])) == (FORMAT, VERSION), "no certificate of this version")
    if "constants" in found:
        name, digest = found["constants"]
        data = Path(folder, Path(name).name).read_bytes()
        require(sha256(data).hexdigest() == digest, f"{name!r:.40} does not hold the constants of this certificate")
        named = read(data)
        for entry in (entry for entry in found["program"] if entry["operation"] == "constant"):
            entry["lower"] = named[entry["lower"]]
    count = proved(compiled(found["program"]), integer(found["value"]), found["claim"], found["proof"])
    return f"proved in the box, in {count} part{'s' * (count > 1)}: {text(found['claim'])}"


if __name__ == "__main__":
    try:
        print(checked(Path(sys.argv[1]).read_text(encoding="utf-8"), Path(sys.argv[1]).parent))
    except Exception as error:
        sys.exit(f"not proved: {str(error) or type(error).__name__}")
