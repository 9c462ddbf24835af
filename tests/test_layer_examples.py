"""The examples in the texts of layers and losses give what they say."""

import importlib
import inspect
import pkgutil
import re
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec import layers, loss

NAMES = [*((layers, name) for name in layers.__all__), *((loss, name) for name in loss.__all__)]
WITHOUT = {"Map", "mse_derivative", "log_cosh", "huber", "soft_margin", "identity", "sinusoids", "SinusoidalEncoding",
           "RotaryEncoding", "Bidirectional", "Stacked", "RNN", "LSTM", "GRU", "Sequential", "Flatten"}  # fmt: skip
"""What has its example elsewhere, or none."""
PUBLIC = [getattr(room, name) for room, name in NAMES]


def modules():
    for room in (layers, loss):
        yield room
        yield from (importlib.import_module(m.name) for m in pkgutil.iter_modules(room.__path__, f"{room.__name__}."))


def examples(thing):
    """The lines of code in a text, each with what it is said to give."""
    lines = [line[4:] for line in inspect.getdoc(thing).splitlines() if re.match(r" {4}[a-z]", line)]
    code = [line for line in lines if re.match(r"[\w, ]+ = |[\w.]+\(", line)]
    return [(text, value) for text, _, value in (line.partition("    # ") for line in code)]


OURS = [t for t in PUBLIC if getattr(t, "__module__", "").startswith(("scalarspec.layers", "scalarspec.loss"))]
OURS += list(modules())
WITH = [thing for thing in OURS if examples(thing)]


def value_of(text):
    """The numbers that a comment says: fractions in nested lists; None for words."""
    if not re.fullmatch(r"[-\d/.,\[\] TrueFals]+", text):
        return None
    return eval(re.sub(r"(\d+)/(\d+)", r"Fraction(\1, \2)", text), {"Fraction": Fraction})


@pytest.mark.parametrize("thing", WITH, ids=lambda thing: thing.__name__)
def test_examples_give_what_they_say(thing):
    names = {"ss": ss}
    for text, said in examples(thing):
        if re.match(r"[\w, ]+ = ", text):
            exec(text, names)
            continue
        found, want = eval(text, names), value_of(said)
        if want is not None and getattr(getattr(found, "context", None), "encloses", False):
            assert np.all(np.equal(ss.endpoints(found), want)), text
        elif want is not None:
            assert found.tolist() == want, text


def test_there_are_examples():
    assert {thing.__name__ for thing in PUBLIC if thing in OURS and thing not in WITH} <= WITHOUT
    assert len(WITH) > 25
