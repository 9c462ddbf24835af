"""The checker of certificates: its functions against mpmath, what it must accept and refuse, and its own mutants."""

import copy
import hashlib
import random
import subprocess
import sys
import tempfile
import types
from fractions import Fraction
from pathlib import Path

import certified
import mpmath
import pytest

from scalarspec import check

SOURCE = Path(check.__file__).read_text(encoding="utf-8")
ONE = check.ONE
TRUE = {"sqrt": mpmath.sqrt, **certified.FUNCTIONS}
POSITIVE = {"log", "sqrt", "reciprocal"}


def arguments(name, count=40, seed=3):
    """Hostile arguments, in units of 2^-100."""
    source = random.Random(seed)
    near = [0, 1, -1, 2, -2, ONE, -ONE, ONE + 1, ONE - 1, 5 * ONE, -5 * ONE, 40 * ONE, -40 * ONE, 700 * ONE, -700 * ONE]
    wide = [source.choice([-1, 1]) * source.randrange(1 << source.randrange(1, 104)) for _ in range(count)]
    return [abs(t) + 1 if name in POSITIVE else t for t in near + wide]


def miss(checker):
    """The first step of a checker that is seen to be wrong, in words; None where there is none."""
    for look in (functions_miss, poles_miss, lines_miss, certificates_miss, text_misses):
        found = look(checker)
        if found:
            return found
    return None


def functions_miss(checker):
    with mpmath.workprec(1400):
        for name, f in checker.FUNCTIONS.items():
            for t in arguments(name):
                low, high = f[0](t)
                value = TRUE[name](mpmath.mpf(t) / ONE) * ONE
                if not low <= value <= high or high - low > max(4, abs(low) >> 96):
                    return f"{name} at {t}"
    return None


def poles_miss(checker):
    try:
        checker.image("reciprocal", -ONE, 2 * ONE)
    except ValueError:
        return None
    return "the range of 1 / t around 0"


def lines_miss(checker):
    source = random.Random(5)
    with mpmath.workprec(400):
        for name in checker.FUNCTIONS:
            for _ in range(12):
                ends = sorted(source.randrange(-6 * ONE, 6 * ONE) >> source.choice([0, 0, 3, 80]) for _ in range(2))
                low, high = (abs(x) + 1 for x in ends) if name in POSITIVE else ends
                low, high = min(low, high), max(low, high)
                a = source.randrange(-2 * checker.SLOPE_ONE, 2 * checker.SLOPE_ONE)
                inside = [
                    low,
                    high,
                    *(source.randint(low, high) for _ in range(10)),
                    *(t for t in [0] if low < t < high),
                ]
                image = checker.image(name, low, high)
                for t in inside:
                    value = TRUE[name](mpmath.mpf(t) / ONE) * ONE
                    apart = value - mpmath.mpf(a) * t / checker.SLOPE_ONE
                    if not image[0] <= value <= image[1]:
                        return f"the image of {name}"
                    if not checker.beside(name, low, high, a, 1) <= apart <= checker.beside(name, low, high, a, -1):
                        return f"a line beside {name}"
    return None


def accepts(checker, certificate, folder="."):
    try:
        checker.checked(certificate if isinstance(certificate, str) else certified.text(certificate), folder)
    except Exception:
        return False
    return True


def number(*values):
    """Constants of a program."""
    return {"exponent": 0, "integers": list(values)}


def by_hand(claim, program=(), low=-1, high=2, value=None, **proof):
    """A certificate about x in [low, high]."""
    first = {"operation": "input", "shape": [], "lower": number(low), "upper": number(high)}
    head = {"format": check.FORMAT, "version": check.VERSION}
    value = len(program) if value is None else value
    return {
        **head,
        "program": [first, *({"shape": [], **entry} for entry in program)],
        "value": value,
        "claim": claim,
        "proof": proof,
    }


SQUARE = {"operation": "square", "operands": [0]}
RELU = {"operation": "relu", "operands": [0]}
PRODUCT = {"operation": "multiply", "operands": [0, 0]}
HALF = {"operation": "constant", "lower": {"exponent": -1, "integers": [1, 1]}}
TWICE = certified.text(by_hand(["at least", 0, -1, 1])).replace(
    '"lower": {', '"lower": {"exponent": 0, "integers": [0]}, "lower": {'
)
THIRD = {"operation": "constant", "lower": {**number(1), "denominator": 3}}
INVERSE = {"operation": "reciprocal", "operands": [0]}
RIGHTS = {
    "an input": by_hand(["and", ["at least", 0, -1, 1], ["at most", 0, 2, 1]]),
    "a square": by_hand(["and", ["at least", 0, 0, 1], ["at most", 0, 4, 1]], [SQUARE]),
    "either": by_hand(["or", ["above", 0, 9, 1], ["below", 0, 5, 1]], [SQUARE]),
    "a line": by_hand(["at most", 0, 2, 1], [RELU]),
    "parts": by_hand(["at least", 0, 0, 1], [PRODUCT], split=[0, 0, 0], parts=[{}, {}]),
    "a quotient": by_hand(["and", ["at least", 0, 1, 4], ["at most", 0, 1, 1]], [INVERSE], low=1, high=4),
    "a bound": by_hand(
        ["at most", 0, 4, 1],
        [
            SQUARE,
            {"operation": "negative", "operands": [1], "elements": [[0]]},
            {"operation": "relu", "operands": [2]},
        ],
        bounds={"2": [[0], [0]]},
    ),
}
"""Certificates that hold."""
WRONGS = {
    "too much": by_hand(["at most", 0, 1, 1]),
    "too much of a square": by_hand(["at least", 0, 1, 4], [SQUARE]),
    "at the edge": by_hand(["above", 0, -1, 1]),
    "at the edge, which is rounded": by_hand(["above", 0, -1, 3], [THIRD, {**PRODUCT, "operands": [0, 1]}]),
    "both, where one holds": by_hand(["and", ["above", 0, 9, 1], ["below", 0, 5, 1]], [SQUARE]),
    "neither": by_hand(["or", ["above", 0, 9, 1], ["below", 0, 3, 1]], [SQUARE]),
    "a value before the first": by_hand(["at least", 0, 0, 1], value=-1),
    "an element before the first": by_hand(["at least", -1, -1, 1]),
    "a float": by_hand(["at least", 0, -2.0, 1]),
    "a text": by_hand(["at least", 0, "-2", 1]),
    "a truth": by_hand(["at least", 0, -2, True]),
    "an empty box": by_hand(["at least", 0, 1, 1], low=2, high=-1),
    "a bound that does not tell": by_hand(["at most", 0, 0, 1], [RELU], bounds={"0": [[0], [0]]}),
    "a bound of one side": by_hand(["at least", 0, 1, 1], [RELU], bounds={"0": [[0]]}),
    "slopes that do not tell": by_hand(["at least", 0, 1, 4], [RELU], **{"claim slopes": {"1": [[0, 1 << 30]]}}),
    "a slope that is no number": by_hand(["at least", 0, 0, 1], [RELU], slopes={"1": [[0, "0"]]}),
    "one part for two": by_hand(["at most", 0, 0, 1], [RELU], split=[0, 0, 0], parts=[{}]),
    "the second part": by_hand(["at most", 0, 0, 1], [RELU], split=[0, 0, 0], parts=[{}, {}]),
    "the first part": by_hand(["at least", 0, 0, 1], split=[0, 0, 0], parts=[{}, {}]),
    "no number at 0": by_hand(["at least", 0, -9, 1], [INVERSE]),
    "no rule": by_hand(["at least", 0, -9, 1], [{"operation": "sine", "operands": [0]}]),
    "what is not made yet": by_hand(["at least", 0, -9, 1], [{"operation": "relu", "operands": [1]}]),
    "what is made last": by_hand(["at most", 0, 0, 1], [SQUARE, {"operation": "relu", "operands": [-1]}]),
    "two operands": by_hand(["at least", 0, -9, 1], [{"operation": "relu", "operands": [0, 0]}]),
    "no such element": by_hand(["at least", 0, -9, 1], [{"operation": "sum", "operands": [0], "elements": [[0, -1]]}]),
    "another version": {**by_hand(["at least", 0, -9, 1]), "version": check.VERSION + 1},
    "a bound of an element from behind": by_hand(
        ["at least", 0, 5, 1],
        [{"operation": "add", "operands": [0], "elements": [[0]]}],
        low=5,
        high=7,
        bounds={"1": [[-1], []]},
    ),
    "what is not looked at": by_hand(["or", ["at least", 0, -1, 1], ["above", 0, -2, None]]),
    "what is no claim": by_hand(["or", ["at least", 0, -1, 1], ["and [0] at least 9", ["at least", 0, -1, 1]]]),
    "a shape": by_hand(
        ["at least", 0, -2, 1], [{"operation": "negative", "operands": [0], "elements": [[0]], "shape": [2]}]
    ),
    "a name": by_hand(["at least", 0, -1, 1], [{"operation": "cos", "operands": [0], "elements": [[0]]}]),
    "more keys": by_hand(["at least", 0, 0, 1], [{**SQUARE, "divisor": 2}]),
    "a constant with two ends": by_hand(["at least", 0, -9, 1], [{**HALF, "upper": number(1, 1), "shape": [2]}]),
    "nothing": {},
}
"""Certificates that do not."""


def certificates_miss(checker):
    for name, each in {**RIGHTS, **MADE()}.items():
        if not accepts(checker, each):
            return f"refused: {name}"
    if accepts(checker, TWICE):
        return "accepted: a key that comes twice"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "two.json").write_text(certified.text([number(2)]))
        for digest, right in ((hashlib.sha256(Path(folder, "two.json").read_bytes()).hexdigest(), True), ("0", False)):
            program = [{"operation": "constant", "lower": 0}, {**PRODUCT, "operands": [0, 1]}]
            whole = {**by_hand(["at most", 0, 4, 1], program), "constants": ["two.json", digest]}
            if accepts(checker, whole, folder) != right:
                return f"constants in a file: {right}"
    for name, each in {**WRONGS, **too_tight()}.items():
        if accepts(checker, each):
            return f"accepted: {name}"
    return None


_made = {}


def MADE():  # noqa: N802 - a table that is made when it is first asked for
    """Certificates of specs."""
    for name in ("two layers", "mse", "product", "third", "logarithm", "activations", "not"):
        if name not in _made:
            _made[name] = certified.certificate_of(name)
    return _made


def too_tight():
    """The same, whose claims exclude a value that is attained."""
    found = {}
    for name, whole in MADE().items():
        for at in list(certified.points(whole))[:6]:
            y = certified.result(whole, at)
            for i, value in enumerate(y if name != "not" else ()):
                exact = Fraction(int(mpmath.floor(value * 2**60)), 2**60)
                for said, limit in (("at least", exact + Fraction(1, 2**50)), ("at most", exact - Fraction(1, 2**50))):
                    changed = copy.copy(whole)
                    changed["claim"] = [said, i, limit.numerator, limit.denominator]
                    found[f"{name}: {said} {limit}"] = changed
    return found


def text_misses(checker):
    """Numbers that are shown are rounded to where they are implied."""
    shown = checker.text(["and", ["at least", 0, -1, 3], ["at most", 1, -1, 3], ["above", 2, 1, 3], ["below", 3, 1, 3]])
    less, more = f"0.{'3' * 20}", f"0.{'3' * 19}4"
    right = f"([0] at least -{more} and [1] at most -{less} and [2] above {less} and [3] below {more})"
    return None if shown == right else f"shown: {shown}"


def test_nothing_is_missed():
    assert miss(check) is None


def test_it_is_one_file_of_the_standard_library_that_can_be_read():
    assert len(SOURCE.splitlines()) <= 400
    assert "scalarspec" not in "".join(line for line in SOURCE.splitlines() if "import" in line)


@pytest.mark.parametrize("name", ["right", "wrong"])
def test_it_runs_alone(tmp_path, name):
    file = tmp_path / "proof.json"
    file.write_text(certified.text(RIGHTS["a square"] if name == "right" else WRONGS["too much"]))
    alone = tmp_path / "check.py"
    alone.write_text(SOURCE)
    done = subprocess.run([sys.executable, "-I", "-S", alone, file], capture_output=True, text=True, cwd=tmp_path)
    if name == "right":
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("proved in the box, in 1 part: ([0] at least 0.0000")
    else:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "not proved: the claim does not follow in part 1\n"


@pytest.mark.parametrize("text", ["", "[]", "{", '"text"', "1e400", "NaN", "[" * 100000, '{"format": 1}'])
def test_anything_else_is_refused_in_one_line(tmp_path, text):
    file = tmp_path / "proof.json"
    file.write_text(text)
    done = subprocess.run([sys.executable, "-I", "-S", check.__file__, file], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("not proved: ")
    assert len(done.stderr.splitlines()) == 1


MUTANTS = {
    "rounded down": ("return -(-a // b)", "return a // b"),
    "e^t rounded down": ("over(high, 1 << (places - BITS))", "high >> (places - BITS)"),
    "e^-t as e^t": ("    if t < 0:\n        low, high = (1 <<", "    if t < -ONE << 20:\n        low, high = (1 <<"),
    "log without its last term": ("y + high", "y"),
    "1 - s as s": ("(ONE - high, ONE - low)", "(low, high)"),
    "a root rounded down": ("isqrt(t << BITS) + 1)", "isqrt(t << BITS))"),
    "no turns": ("*(t for t in turns if low < t < high), ", ""),
    "through a pole": ('name != "reciprocal" or', "True or"),
    "concave as convex": ("(-1, 1)", "(1, -1)"),
    "bent the other way": ("<= 0:\n            found += [h(p)", ">= 0:\n            found += [h(p)"),
    "the sign before a break": ("b <= p for b", "b < p for b"),
    "no breaks": ("*(b for b in breaks if low < b < high), ", ""),
    "above its lowest secant": ("min(0, falls, rises)", "0"),
    "any number": ("require(type(x) is int,", "require(True or"),
    "transposed": ("{True: (inner, 1), False: (1, n)}", "{False: (inner, 1), True: (1, n)}"),
    "of one sign": ('[-1 if name == "negative"', '[1 if name == "negative"'),
    "sums for means": ("Fraction(flat[k][0], n)", "Fraction(flat[k][0])"),
    "any name": ("require(name in LINEAR,", "require(True,"),
    "another shape": ("== sizes[v] and not entry,", "< 99,"),
    "any constants": ("require(sha256(data).hexdigest() == digest,", "require(True,"),
    "keys twice": ("require(len(dict(pairs)) == len(pairs),", "require(True,"),
    "ranges from behind": ("require(0 <= integer(i) <", "require(i <"),
    "half a claim": ("require(integer(i) >= 0 and integer(below) > 0 and", "require(True or"),
    "claims of anything": ('require(claim[0] in ("and", "or")', 'require(True or claim[0]'),
    "elements from behind": ("0 <= integer(k) < len(flat)", "integer(k) < len(flat)"),
    "the first corner": ("low, high = low + min(corners), high + max(corners)",
                         "low, high = low + corners[0], high + corners[-1]"),
    "wider for narrower": ("max(low, ends[0]), min(high, ends[1])", "min(low, ends[0]), max(high, ends[1])"),
    "the other line": ("[below - 1]", "[-below]"),
    "the other end": ("self.ranges[v][i][g < 0]", "self.ranges[v][i][g > 0]"),
    "one line for both": ("(v, i, g > 0)", "(v, i, True)"),
    "no remainder": ("+ abs(g) * r * s", ""),
    "rounded for nothing": ("sum(min(0, low) for low, _ in self.ranges[x]) if any", "0 if any"),
    "zero from below": ("self.ranges[x][j] != (0, 0)", "self.ranges[x][j][0] != 0"),
    "columns of other rows": ("or self.kept[v][0] != rows", ""),
    "no constants": ("ONE * handed.pop(None, {}).get(None, 0)", "0 * len(handed.pop(None, {}))"),
    "half a product": ("factors, (b, a)", "factors, (a, b)"),
    "the edge": ('known > c if claim[0] in ("above", "below") else', "known >= c if True else"),
    "any for all": ('(all if claim[0] == "and" else any)', "any"),
    "all for any": ('(all if claim[0] == "and" else any)', "all"),
    "the wrong end": ("(end, high) if side > 0", "(high, high) if side > 0"),
    "lower ends for upper ones": ("if side > 0 else (low, -end)", "if side > 0 else (low, end)"),
    "one part": ("for child, ends in ((first, (low, min(high, at))), (second, (max(low, at), high))):",
                 "for child, ends in ((first, (low, min(high, at))),):"),
    "the wrong halves": ("(first, (low, min(high, at)))", "(first, (max(low, at), high))"),
    "no claim": ("require(holds(claim,", "require(True or holds(claim,"),
    "before the first element": ("require(integer(i) >= 0 and", "require(True and"),
    "empty boxes": ("require(all(a <= b for", "require(True or all(a <= b for"),
    "values from behind": ("all(0 <= integer(x) < v for x", "all(integer(x) < v for x"),
    "any version": ('require((found["format"], integer(found["version"])) == (FORMAT, VERSION),', "require(True,"),
    "shown inward": ("(floor if SIDES", "(ceil if SIDES"),
}  # fmt: skip
"""Changes of the checker's text by what each makes of it."""


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_of_the_checker_is_seen(name):
    before, after = MUTANTS[name]
    assert before in SOURCE
    changed = types.ModuleType("mutant")
    sys.modules["mutant"] = changed  # where its NamedTuple looks for annotations
    exec(compile(SOURCE.replace(before, after), "mutant", "exec"), vars(changed))
    try:
        found = miss(changed)
    except Exception as error:  # a mutant that breaks down is seen, too
        found = type(error).__name__
    assert found is not None
