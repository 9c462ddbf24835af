"""TorchLean's two checkers of documents, written anew from what `certificates.torchlean` says of them: which fields
they read, of which types and shapes, and what they work out, in exact fractions. Slow and plain, with no array library.
"""

import json
import re
from fractions import Fraction


class Refused(Exception):
    """The document is none, or does not prove what it claims."""


def must(holds, what):
    if not holds:
        raise Refused(what)


def field(value, name, kind):
    must(type(value) is dict and name in value, f"no {name}")
    must(type(value[name]) is kind, f"{name} is no {kind.__name__}")
    return value[name]


def number(text):
    must(type(text) is str, "a number is no string")
    must(re.fullmatch(r"-?[0-9]+(/[0-9]+)?", text), f"{text!r} is no fraction")
    above, _, below = text.partition("/")
    must(below == "" or int(below), "a denominator is 0")
    return Fraction(int(above), int(below or 1))


def vector(values, size):
    must(type(values) is list, "no list")
    must(len(values) == size, "a vector of another size")
    return [number(each) for each in values]


def dense(value, size):
    rows = [vector(row, size) for row in field(value, "weights", list)]
    return rows, vector(field(value, "bias", list), len(rows))


def read(text, format):
    """The size of the input, and the layers: ("linear", rows, bias) or ("relu", slopes)."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        raise Refused("no JSON") from None
    must(field(document, "format", str) == format, "another format")
    size = count = field(document, "input_dim", int)
    must(size >= 0, "no natural number")
    layers = []
    for layer in field(document, "layers", list):
        kind = field(layer, "kind", str)
        if kind == "linear":
            layers.append((kind, *dense(layer, size)))
            size = len(layers[-1][2])
            must(size or format != "crown_query_v1", "an empty layer")
        else:
            must(kind == "relu", "another kind")
            layers.append((kind, vector(layer["alpha"], size) if format == "crown_query_v1" else None))
    must(layers, "no layers")
    return document, count, layers, size


def value(layers, x):
    """What the network gives at a point."""
    for kind, *rest in layers:
        x = [max(each, 0) for each in x] if kind == "relu" else affine(*rest, x)
    return x


def affine(rows, bias, x):
    return [sum((w * each for w, each in zip(row, x, strict=True)), c) for row, c in zip(rows, bias, strict=True)]


def split(rows, bias, first, second):
    """Weights above 0 take the first forms, others the second; a form is coefficients and a constant term."""
    found = []
    for row, c in zip(rows, bias, strict=True):
        form = [Fraction(0)] * len(first[0])
        for k, w in enumerate(row):
            form = [a + w * b for a, b in zip(form, (first if w > 0 else second)[k], strict=True)]
        found.append([*form[:-1], form[-1] + c])
    return found


def end(form, lo, hi, choose):
    return sum((choose(a * p, a * q) for a, p, q in zip(form, lo, hi, strict=False)), form[-1])


def accepts_query(text):
    """Does the checker accept? Returns the layers and the query, or raises Refused."""
    document, count, layers, size = read(text, "crown_query_v1")
    must(count > 0, "an empty input")
    box = field(document, "input", dict)
    lo, hi = (vector(field(box, name, list), count) for name in ("lo", "hi"))
    query = field(document, "query", dict)
    rows, bias = dense(query, size)
    strict = field(query, "strict", bool)
    must(rows and all(a <= b for a, b in zip(lo, hi, strict=True)), "no query, or a box that is reversed")
    below = above = [[Fraction(i == j) for j in range(count)] + [Fraction(0)] for i in range(count)]
    for kind, *rest in layers:
        if kind == "linear":
            below, above = split(*rest, below, above), split(*rest, above, below)
            continue
        must(all(0 <= a <= 1 for a in rest[0]), "a slope is not in [0, 1]")
        new_below, new_above = [], []
        for a, low, high in zip(rest[0], below, above, strict=True):
            least, most = end(low, lo, hi, min), end(high, lo, hi, max)
            slope, term = Fraction(most > 0), Fraction(0)
            if most > 0 and not least > 0:
                slope, term = most / (most - least), -most / (most - least) * least
            under = Fraction(0) if not most > 0 else Fraction(1) if least > 0 else a
            new_below.append([under * each for each in low])
            new_above.append([*(slope * each for each in high[:-1]), slope * high[-1] + term])
        below, above = new_below, new_above
    ends = [end(form, lo, hi, max) for form in split(rows, bias, above, below)]
    must(all(each < 0 if strict else each <= 0 for each in ends), f"the query does not follow: {ends}")
    return layers, (rows, bias, strict)


def accepts_monotonicity(text):
    """As `accepts_query`."""
    _, _, layers, _ = read(text, "monotonicity_v1")
    weights = [w for kind, *rest in layers if kind == "linear" for row in rest[0] for w in row]
    must(all(w >= 0 for w in weights), "a weight is negative")
    return layers
