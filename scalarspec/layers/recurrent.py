"""Recurrent layers: a state that goes along a sequence, and what it says at each place.

x: (length, input), or (batch, length, input), as with PyTorch's `batch_first=True`; the length is at least 1. Each
layer returns what PyTorch's returns: the outputs, (length, hidden) behind the batch, and the last state, (layers,
hidden) or (layers, batch, hidden), one row for each layer and direction, which the next call takes as its `state`
(None: zeros). PyTorch's `num_layers` and `bidirectional` are `Stacked` and `Bidirectional` here.

    layer = ss.layers.RNN([[1]], [[1]], nonlinearity="relu")
    layer(ss.context("rational").tensor([[1], [2], [3]]))[0]    # [[1], [3], [6]]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from scalarspec.core import functions as f
from scalarspec.core.tensor import Tensor, operands_of
from scalarspec.errors import ArgumentError, ShapeError
from scalarspec.layers.linear import Linear

State = Any
"""A tensor (layers, hidden) or (layers, batch, hidden), or for LSTM a tuple of two, of hidden states and of cells."""


class Recurrent(Protocol):
    """What `Stacked` and `Bidirectional` are made of: a recurrent layer, and how many rows its state has."""

    @property
    def states(self) -> int:
        """The rows of the state."""

    def __call__(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The outputs, and the last state."""


@dataclass(frozen=True, eq=False)
class _Weights:
    """The parameters of a layer, with a block of `hidden` rows for each gate. weight_ih: (gates hidden, input);
    weight_hh: (gates hidden, hidden); bias_ih, bias_hh: (gates hidden,), or None.
    """

    weight_ih: Any
    weight_hh: Any
    bias_ih: Any = None
    bias_hh: Any = None
    states: ClassVar[int] = 1
    gates: ClassVar[int] = 1

    def _inputs(self, x: Tensor) -> Tensor:
        """What the gates get from x, by place: (length, [batch,] gates hidden)."""
        name = type(self).__name__
        _, (weight, within, t) = operands_of(name, self.weight_ih, self.weight_hh, x)
        rows = self.gates * within.shape[-1]
        if within.shape[0] != rows or weight.shape[0] != rows or t.ndim not in (2, 3):
            raise ShapeError(
                f"{name}: weight_ih {weight.shape}, weight_hh {within.shape}, x {t.shape}; expected ({self.gates} "
                f"hidden, input), ({self.gates} hidden, hidden), ([batch,] length, input)"
            )
        if not t.shape[-2]:
            raise ShapeError(f"{name}: a sequence of length 0, x of shape {t.shape}")
        inputs: Tensor = f.moveaxis(Linear(weight, self.bias_ih)(t), -2, 0)
        return inputs

    def _within(self, state: Tensor) -> Tensor:
        """What the gates get from the state before."""
        return Linear(self.weight_hh, self.bias_hh)(state)

    def _start(self, inputs: Tensor, state: State) -> Tensor:
        """The first state: the one row of what is given, or zeros."""
        shape = (*inputs.shape[1:-1], inputs.shape[-1] // self.gates)
        if state is None:
            zeros: Tensor = f.broadcast_to(inputs.context.tensor(0), shape)
            return zeros
        name = type(self).__name__
        if not isinstance(state, Tensor):
            raise ArgumentError(f"{name}: state: expected a tensor, got {type(state).__name__}")
        if state.shape != (1, *shape):
            raise ShapeError(f"{name}: a state of shape {state.shape}; expected {(1, *shape)}")
        first: Tensor = state[0]
        return first


def _sequence(states: list[Tensor]) -> Tensor:
    """The states at all places, as the outputs."""
    return f.stack(states, axis=-2)


def _row(state: Tensor) -> Tensor:
    """A state as the one row of a layer's."""
    row: Tensor = f.expand_dims(state, 0)
    return row


@dataclass(frozen=True, eq=False)
class RNN(_Weights):
    """h -> tanh(weight_ih x + bias_ih + weight_hh h + bias_hh), or relu of it. PyTorch: `nn.RNN`.

    weight_ih: (hidden, input); weight_hh: (hidden, hidden); bias_ih, bias_hh: (hidden,) or None; nonlinearity: "tanh"
    or "relu". Source: Elman 1990.
    """

    nonlinearity: str = "tanh"

    def __call__(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The outputs, and the last state. Raises ShapeError where shapes do not fit, ArgumentError for another
        nonlinearity.
        """
        if self.nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"RNN: nonlinearity: expected 'tanh' or 'relu', got {self.nonlinearity!r}")
        activation = f.tanh if self.nonlinearity == "tanh" else f.relu
        inputs = self._inputs(x)
        h, found = self._start(inputs, state), []
        for given in inputs:
            h = activation(given + self._within(h))
            found.append(h)
        return _sequence(found), _row(h)


@dataclass(frozen=True, eq=False)
class LSTM(_Weights):
    """Long short-term memory: c -> f c + i g and h = o tanh c, for the gates i, f, o = σ(...) and g = tanh(...) of
    weight_ih x + bias_ih + weight_hh h + bias_hh. PyTorch: `nn.LSTM`.

    weight_ih: (4 hidden, input); weight_hh: (4 hidden, hidden); bias_ih, bias_hh: (4 hidden,) or None: the rows are
    those of i, f, g, o. The state is a tuple of h and c. Source: Hochreiter & Schmidhuber 1997; Gers et al. 2000.
    """

    gates: ClassVar[int] = 4

    def __call__(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The outputs, and the last state (h, c). Raises ShapeError where shapes do not fit, ArgumentError for a state
        that is no such tuple.
        """
        if state is not None and not (isinstance(state, tuple) and len(state) == 2):
            raise ArgumentError(f"LSTM: state: expected a tuple of two tensors, got {type(state).__name__}")
        inputs = self._inputs(x)
        h, c = (self._start(inputs, s) for s in (state or (None, None)))
        found = []
        for given in inputs:
            i, forget, g, o = _gates(given + self._within(h), 4)
            c = f.sigmoid(forget) * c + f.sigmoid(i) * f.tanh(g)
            h = f.sigmoid(o) * f.tanh(c)
            found.append(h)
        return _sequence(found), (_row(h), _row(c))


@dataclass(frozen=True, eq=False)
class GRU(_Weights):
    """The gated recurrent unit h -> (1 - z) n + z h, with n = tanh(W_n x + b_n + r (U_n h + c_n)) for the gates r, z =
    σ(...). PyTorch: `nn.GRU`.

    weight_ih: (3 hidden, input); weight_hh: (3 hidden, hidden); bias_ih, bias_hh: (3 hidden,) or None: the rows are
    those of r, z, n. Source: Cho et al. 2014, in the form that multiplies by r after the product, as cuDNN does.
    """

    gates: ClassVar[int] = 3

    def __call__(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The outputs, and the last state. Raises ShapeError where shapes do not fit."""
        inputs = self._inputs(x)
        h, found = self._start(inputs, state), []
        for given in inputs:
            (r, z, n), (r_h, z_h, n_h) = _gates(given, 3), _gates(self._within(h), 3)
            update = f.sigmoid(z + z_h)
            h = (1 - update) * f.tanh(n + f.sigmoid(r + r_h) * n_h) + update * h
            found.append(h)
        return _sequence(found), _row(h)


def _gates(t: Tensor, number: int) -> list[Tensor]:
    """The blocks of the last axis."""
    return f.split(t, t.shape[-1] // number, axis=-1)


# ---- several layers, and both directions ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Bidirectional:
    """A layer along the sequence, and one against it; the outputs of both are side by side, (length, 2 hidden).
    PyTorch: `bidirectional=True`, of which `backward` has the parameters called *_reverse.

    forward, backward: two layers, such as `LSTM`.
    """

    forward: Recurrent
    backward: Recurrent

    @property
    def states(self) -> int:
        """The rows of the state: the forward ones first."""
        return self.forward.states + self.backward.states

    def __call__(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The outputs, and the last states of both."""
        first, second = _parts((self.forward, self.backward), state)
        there, last = self.forward(x, first)
        back, begun = self.backward(f.flip(x, axis=-2), second)
        return f.concat([there, f.flip(back, axis=-2)], axis=-1), _joined([last, begun])


@dataclass(frozen=True, eq=False, init=False)
class Stacked:
    """Recurrent layers, each along the outputs of the one before. PyTorch: `num_layers`."""

    layers: tuple[Recurrent, ...]

    def __init__(self, *layers: Recurrent) -> None:
        object.__setattr__(self, "layers", layers)

    @property
    def states(self) -> int:
        """The rows of the state, layer by layer."""
        return sum(layer.states for layer in self.layers)

    def __call__(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The outputs of the last layer, and the last states of all."""
        found = []
        for layer, part in zip(self.layers, _parts(self.layers, state), strict=True):
            x, last = layer(x, part)
            found.append(last)
        return x, _joined(found)


def _parts(layers: tuple[Recurrent, ...], state: State) -> Iterator[State]:
    """The rows of the state that belong to each layer."""
    start = 0
    for layer in layers:
        part = slice(start, start + layer.states)
        yield None if state is None else tuple(s[part] for s in state) if isinstance(state, tuple) else state[part]
        start += layer.states


def _joined(states: list[State]) -> State:
    """The rows of several layers as one state."""
    if isinstance(states[0], tuple):
        return tuple(f.concat(rows) for rows in zip(*states, strict=True))
    return f.concat(states)
