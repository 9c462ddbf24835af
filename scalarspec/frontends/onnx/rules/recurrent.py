"""Recurrent layers, unrolled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scalarspec.frontends.onnx.at import At
from scalarspec.frontends.onnx.operands import Operand, Said, call, each
from scalarspec.frontends.onnx.rules.elementwise import SAME
from scalarspec.frontends.onnx.rules.table import operator
from scalarspec.frontends.onnx.text import number

MOST_STEPS = 512
"""How many steps are written out at most."""
Step = Callable[[Operand, "list[Operand]"], "list[Operand]"]


@operator("RNN", "GRU", "LSTM")
def recurrent(at: At) -> list[Said]:
    """x: (length, batch, width), or (batch, length, width) for layout 1. Results: all outputs, (length, directions,
    batch, hidden), and the last states.
    """
    way = at.attribute("direction", "forward")
    backwards = [way == "reverse"] if way != "bidirectional" else [False, True]
    rows_first = bool(at.attribute("layout", 0))
    lengths = at.integers(4, "the lengths") if at.has(4) else None
    x = at.let(call("permute_dims", at[0], (1, 0, 2)), "steps") if rows_first else at[0]
    if lengths is not None and any(n != x.shape[0] for n in lengths):
        at.refuse("sequences of lengths of their own: hand each one over alone")
    if x.shape[0] > MOST_STEPS:
        at.refuse(f"{x.shape[0]} steps; at most {MOST_STEPS} are written out")
    at.attribute("hidden_size")
    found = [_direction(at, x, d, back, rows_first) for d, back in enumerate(backwards)]
    rows = [call("stack", each(outputs)) for outputs, _ in found]
    states = [call("stack", each([state[i] for _, state in found])) for i in range(len(found[0][1]))]
    whole = call("stack", each(rows), 1)
    if not rows_first:
        return [whole, *states]
    return [call("permute_dims", whole, (2, 0, 1, 3)), *(call("permute_dims", state, (1, 0, 2)) for state in states)]


def _direction(at: At, x: Operand, d: int, back: bool, rows_first: bool) -> tuple[list[Operand], list[Operand]]:
    """The outputs along one direction, in the order of the sequence, and the last state. x: (length, batch, width)."""
    length = x.shape[0]
    step = {"RNN": _rnn, "GRU": _gru, "LSTM": _lstm}[at.node.operator](at, d)
    count = 2 if at.node.operator == "LSTM" else 1
    hidden, batch = at[2].shape[-1], x.shape[1]
    state = []
    for i in range(count):
        start = at.get(5 + i)
        zero = f"ss.broadcast_to({x}.context.tensor(0), {(batch, hidden)})"
        state.append(at.let(zero if start is None else f"{start.tensor}[{':, ' if rows_first else ''}{d}]", "state"))
    weights, biases = at.let(call("matrix_transpose", f"{at[1].tensor}[{d}]"), "weights"), at.get(3)
    inputs = at.let(f"{x} @ {weights}", "inputs")
    if biases is not None:
        inputs = at.let(f"{inputs} + {biases.tensor}[{d}, :{at[1].shape[1]}]", "inputs")
    outputs = []
    for t in range(length)[::-1] if back else range(length):
        state = step(at.let(f"{inputs}[{t}]", "given"), state)
        outputs.append(state[0])
    return outputs[::-1] if back else outputs, state


def _within(at: At, d: int) -> Callable[[Operand, int, int], str]:
    """The part of the product with the state that some gates have, with their bias. h, first gate, number of gates."""
    hidden = at[2].shape[-1]
    weights = at.let(call("matrix_transpose", f"{at[2].tensor}[{d}]"), "weights")
    gates, biases = at[2].shape[1], at.get(3)

    def product(h: Operand, first: int, count: int) -> str:
        a, b = first * hidden, (first + count) * hidden
        text = f"{h} @ {weights}[:, {a}:{b}]"
        return text if biases is None else f"{text} + {biases.tensor}[{d}, {gates + a}:{gates + b}]"

    return product


def _activations(at: At, d: int, usual: list[str]) -> list[Callable[[str], str]]:
    """The functions of a direction."""
    if at.attribute("clip") is not None:
        at.refuse("clip is not followed")
    given = list(at.attribute("activations") or usual * 2)[d * len(usual) : (d + 1) * len(usual)]
    alphas = list(at.attribute("activation_alpha") or ())
    if alphas or at.attribute("activation_beta"):
        at.refuse("settings of activations are not followed")
    return [_activation(at, name) for name in given]


def _activation(at: At, name: str) -> Callable[[str], str]:
    simple = {known.lower(): SAME[known] for known in ("Tanh", "Sigmoid", "Relu", "Softplus", "Softsign")}
    if name.lower() == "hardsigmoid":
        slope = number(np.float32(0.2))
        return lambda text: f"ss.clip({slope} * ({text}) + 0.5, 0, 1)"
    if name.lower() not in simple:
        at.refuse(f"activation {name!r}")
    return lambda text: call(simple[name.lower()], text)


def _rnn(at: At, d: int) -> Step:
    (act,), within = _activations(at, d, ["Tanh"]), _within(at, d)
    return lambda given, state: [at.let(act(f"{given} + {within(state[0], 0, 1)}"), "h")]


def _gru(at: At, d: int) -> Step:
    """Gates in the order z, r, h; linear_before_reset: is the product taken before the reset, as cuDNN does?"""
    (f, g), within, n = _activations(at, d, ["Sigmoid", "Tanh"]), _within(at, d), at[2].shape[-1]
    before = at.attribute("linear_before_reset", 0)

    def step(given: Operand, state: list[Operand]) -> list[Operand]:
        h = state[0]
        gates = at.let(f(f"{given}[:, :{2 * n}] + {within(h, 0, 2)}"), "gates")
        z, r = at.let(f"{gates}[:, :{n}]", "z"), at.let(f"{gates}[:, {n}:]", "r")
        inner = f"{r} * ({within(h, 2, 1)})" if before else within(at.let(f"{r} * {h}", "reset"), 2, 1)
        new = at.let(g(f"{given}[:, {2 * n}:] + {inner}"), "new")
        return [at.let(f"(1 - {z}) * {new} + {z} * {h}", "h")]

    return step


def _lstm(at: At, d: int) -> Step:
    """Gates in the order i, o, f, c."""
    f, g, last = _activations(at, d, ["Sigmoid", "Tanh", "Tanh"])
    if at.attribute("input_forget", 0):
        at.refuse("input_forget is not followed")
    within, n, peep = _within(at, d), at[2].shape[-1], at.get(7)
    looks = [f" + {peep.tensor}[{d}, {k * n}:{(k + 1) * n}] * " if peep is not None else "" for k in range(3)]

    def step(given: Operand, state: list[Operand]) -> list[Operand]:
        h, c = state
        sums = at.let(f"{given} + {within(h, 0, 4)}", "sums")
        i, forget = (_gate(at, f, sums, k, n, looks[look], c) for k, look in ((0, 0), (2, 2)))
        new = at.let(f"{forget} * {c} + {i} * {g(f'{sums}[:, {3 * n}:]')}", "c")
        o = _gate(at, f, sums, 1, n, looks[1], new)
        return [at.let(f"{o} * {last(str(new))}", "h"), new]

    return step


def _gate(at: At, f: Callable[[str], str], sums: Operand, k: int, n: int, look: str, c: Operand) -> Operand:
    """A gate of an LSTM, which may look at the cell, too."""
    text = f"{sums}[:, {k * n}:{(k + 1) * n}]"
    return at.let(f(f"{text}{look}{c}" if look else text), "gate")
