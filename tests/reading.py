"""What the formulas of `matrix_form` say, by their text or LaTeX alone: read strictly, and worked out in NumPy.

Strictly: where two readings are possible, such as `1 / a b`, there is an error. Vectors are columns, scalars floats.
"""

import math
import re

import numpy as np

from scalarspec.formulas.notation.latex import LATEX

FUNCTIONS = {
    **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign")},
    "σ": lambda x: 1 / (1 + np.exp(-x)),
    "atan": np.arctan,
    "erf": lambda x: np.vectorize(math.erf, otypes=[float])(x)[()],
    "relu": lambda x: np.maximum(x, 0),
    "softplus": lambda x: np.logaddexp(x, 0),
    "logcosh": lambda x: np.log(np.cosh(x)),
    "max": np.maximum,
    "min": np.minimum,
    "clip": np.clip,
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x)[()],
    "sum": np.sum,
    "logsumexp": lambda x: np.logaddexp.reduce(np.ravel(x)),
    "where": lambda p, a, b: np.where(p, a, b)[()],
    "logical_not": np.logical_not,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "broadcast_to": lambda x, shape: np.broadcast_to(x, (*shape, 1)[:2]),
    "broadcast": lambda x: x,
    "stack": lambda *xs: np.array(xs)[:, None],
}
NAME = "[^\\W\\d²ᵀ][^\\W²ᵀ]*\u0302?"
TOKEN = re.compile(rf"∂{NAME}/∂{NAME}|{NAME}|\d+|\S")


class Unclear(Exception):
    """There is no reading of a formula, or more than one."""


def require(holds, why):
    if not holds:
        raise Unclear(why)


class Reader:
    """One formula. names: the values of what has a name."""

    def __init__(self, text, names):
        self.tokens = [(m.group(), m.start() > 0 and text[m.start() - 1] == " ") for m in TOKEN.finditer(text)]
        self.names, self.place, self.text = names, 0, text

    def value(self):
        found = self.relation()
        require(self.place == len(self.tokens), f"what follows is unclear: {self.text!r} at {self.peek()!r}")
        return found

    def peek(self):
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def spaced(self):
        return self.place < len(self.tokens) and self.tokens[self.place][1]

    def next(self, expected=None):
        token = self.peek()
        require(token and expected in (None, token), f"{self.text!r}: expected {expected}, got {token!r}")
        self.place += 1
        return token

    def relation(self):
        left = self.sum()
        compare = {"<": np.less, "≤": np.less_equal, "=": np.equal}.get(self.peek())
        if compare is None:
            return left
        self.next()
        return compare(left, self.sum())

    def sum(self):
        total = self.signed()
        while self.peek() in ("+", "-"):
            sign = 1 if self.next() == "+" else -1
            total = total + sign * self.signed()
        return total

    def signed(self):
        if self.peek() != "-":
            return self.quotient()
        self.next()
        return -self.quotient()

    def quotient(self):
        found = self.product()
        if self.peek() in ("/", "⊘"):
            slash = self.next()
            found = found / (self.postfix() if slash == "/" else self.beside())
            require(self.peek() not in ("/", "⊘", "⊙") and not self.begins(), f"two readings: {self.text!r}")
        return found

    def product(self):
        found = self.beside()
        while self.peek() == "⊙":
            self.next()
            found = found * self.beside()
        return found

    def begins(self):
        return bool(re.match(r"[\w(∂\[]", self.peek())) or (self.peek() in ("|", "‖") and self.spaced())

    def beside(self):
        """Factors beside one another: products of matrices, and with scalars; an inner product only by itself."""
        found, count = self.postfix(), 1
        while self.begins():
            other, count = self.postfix(), count + 1
            plain = not (np.ndim(found) and np.ndim(other))
            require(plain or found.shape[1:] == other.shape[:1], f"vectors beside one another: {self.text!r}")
            found = found * other if plain else found @ other
            if np.shape(found) == (1, 1) and not plain:
                require(count == 2 and not self.begins(), f"two readings: {self.text!r}")
                found = found.item()
        return found

    def postfix(self):
        found = self.atom()
        while self.peek() == "[" and not self.spaced():
            self.next()
            found = found[int(self.next()), 0]
            self.next("]")
        if self.peek() == "²":
            self.next()
            found = np.square(found)
        elif self.peek() == "ᵀ":
            self.next()
            found = np.transpose(found)
        elif self.peek() == "^":
            self.next()
            found = np.power(found, self.atom())
        require(self.peek() not in ("²", "ᵀ", "^"), f"two powers: {self.text!r}")
        return found

    def atom(self):
        token = self.next()
        if token in self.names:
            return self.names[token]
        if token.isdigit():
            return float(token)
        if token == "pi":
            return np.pi
        if token == "(":
            found = self.relation()
            if self.peek() == ",":
                return tuple(map(int, [found, *self.rest(")")]))
            self.next(")")
            return found
        if token == "|":
            found = np.abs(self.relation())
            self.next("|")
            return found
        if token == "‖":
            found = np.sum(np.square(self.relation()))
            self.next("‖")
            self.next("²")
            return found
        if token == "[":
            found = self.relation()
            if self.peek() == ">":
                self.next()
                self.next("0")
                self.next("]")
                return np.heaviside(found, 0)
            return np.array([[x] for x in [found, *self.rest("]")]])
        require(token in FUNCTIONS, f"what is {token!r} in {self.text!r}?")
        require(self.peek() == "(" and not self.spaced(), f"{token!r} is no name in {self.text!r}")
        self.next()
        return FUNCTIONS[token](*[self.relation(), *self.rest(")")])

    def rest(self, end):
        """More arguments, to the end."""
        found = []
        while self.peek() == ",":
            self.next()
            if self.peek() != end:
                found.append(self.relation())
        self.next(end)
        return found


def read(lines, given, translated=lambda right, names: right):
    """The values of the left sides. given: the names of the variables, and their arrays."""
    names = {name: np.asarray(x, dtype=float)[:, None] if np.ndim(x) else float(x) for name, x in given.items()}
    with np.errstate(all="ignore"):
        for left, right in lines:
            keys = {f"v{i}": value for i, value in enumerate(names.values())}
            names[left] = Reader(translated(right, list(names)), names | keys).value()
    return {name: np.squeeze(x, 1) if np.ndim(x) else x for name, x in names.items()}


def read_text(form, arrays):
    """The values of all names in the text of a form."""
    head, *lines = str(form).split("\n")
    names = [part.strip() for part in re.findall(r"([^:,()]+): \(", head)]
    return read(
        [line.split(" = ", 1) for line in lines if not line.startswith("where ")],
        dict(zip(names, arrays, strict=True)) | sizes(form, arrays),
    )


def read_latex(form, arrays):
    """The values of all names in the LaTeX of a form."""
    plain = form._written(LATEX).plain
    body = [line for line in form.latex().split("\n")[1:-1] if not line.startswith(r"\text{where ")]
    lines = [line.removesuffix(r" \\").split(" &= ", 1) for line in body]
    given = dict(zip([plain[v] for v in form.shapes], arrays, strict=True))
    return read(lines, given | sizes(form, arrays), as_text)


def sizes(form, arrays):
    """The values of the sizes."""
    shapes = zip(form.shapes.values(), arrays, strict=True)
    return {name: float(n) for names, a in shapes for name, n in zip(names, a.shape, strict=True)}


COMMANDS = {
    r"\left(": "(", r"\right)": ")", r"\left| ": " |", r" \right|": "|", r"\left[": "[", r"\right]": "]",
    r"\left\lVert ": "‖", r" \right\rVert^{2}": "‖²", r"\odot": "⊙", r"\oslash": "⊘", r"\,": " ", r"\le": "≤",
    r"\sigma": "σ", r"\arctan": "atan", r"\pi": "pi", "^{2}": "²", r"^{\odot 2}": "²", r"^{\top}": "ᵀ",
    r"\mathbf{0}": "0", r"\mathbf{1}": "1",
}  # fmt: skip


def as_text(latex, names):
    """LaTeX in the notation of the text, names as v0, v1, ...; fractions and cases in parentheses."""
    pieces, place = [], 0
    ordered = sorted(range(len(names)), key=lambda i: -len(names[i]))
    while place < len(latex):
        i = next((i for i in ordered if _names(latex, place, names[i])), None)
        command = max((c for c in COMMANDS if latex.startswith(c, place)), key=len, default=None)
        if i is not None:
            pieces.append(f"v{i}")
            place += len(names[i])
        elif latex.startswith(r"\frac", place):
            top, place = group(latex, place + 5)
            bottom, place = group(latex, place)
            require(latex[place : place + 1] not in ("^", "_"), f"a power of a fraction: {latex!r}")
            pieces.append(f"(({as_text(top, names)}) / ({as_text(bottom, names)}))")
        elif latex.startswith(r"\sqrt", place):
            inner, place = group(latex, place + 5)
            pieces.append(f"sqrt({as_text(inner, names)})")
        elif latex.startswith(r"\operatorname", place):
            name, place = group(latex, place + 13)
            pieces.append(name.replace(r"\_", "_"))
            if name == "broadcast":
                _, place = group(latex, place + 1)
        elif latex.startswith(r"\begin{cases}", place):
            end = matching(latex, place)
            branch, otherwise = _split(latex[place + 13 : end], r"\\")
            value, condition = _split(branch, "&")
            parts = (as_text(part, names).strip() for part in (condition, value, _split(otherwise, "&")[0]))
            pieces.append(f"where({', '.join(parts)})")
            place = end + 11
        elif command is None and latex.startswith("^{", place):
            inner, place = group(latex, place + 1)
            pieces.append(f"^({as_text(inner, names)})")
        elif latex.startswith("{", place):
            inner, place = group(latex, place)
            index, place = group(latex, place + 1)
            pieces.append(f"{as_text(inner, names)}{index}")
        elif command is not None:
            pieces.append(COMMANDS[command])
            place += len(command)
        else:
            pieces.append("" if latex[place] == "\\" else latex[place])
            place += 1
    return re.sub(r" +(?=[)²ᵀ^\]])|(?<=[(\[]) +", "", re.sub(" +", " ", "".join(pieces)))


def _names(latex, place, name):
    if not latex.startswith(name, place):
        return False
    before, after = latex[place - 1 : place], latex[place + len(name) : place + len(name) + 1]
    begun = name[0].isalpha() and (before.isalpha() or before == "\\")
    return not (begun or after == "'" or (name[-1].isalpha() and after.isalpha()))


def _split(latex, mark):
    """Two parts, at a mark that is in no inner cases."""
    depth = 0
    for i in range(len(latex)):
        depth += latex.startswith(r"\begin", i) - latex.startswith(r"\end", i)
        if not depth and latex.startswith(mark, i):
            return latex[:i], latex[i + len(mark) :]
    raise Unclear(f"no {mark} in {latex!r}")


def matching(latex, start):
    depth = 0
    for i in range(start, len(latex)):
        depth += latex.startswith(r"\begin", i) - latex.startswith(r"\end", i)
        if not depth:
            return i
    raise Unclear(latex)


def group(latex, start):
    """What is in the braces that begin there, and where they end."""
    require(latex[start] == "{", latex)
    depth = 0
    for i in range(start, len(latex)):
        depth += (latex[i] == "{") - (latex[i] == "}")
        if not depth:
            return latex[start + 1 : i], i + 1
    raise Unclear(latex)
