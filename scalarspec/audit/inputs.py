"""The inputs that a loss is tried on: simple ones, the simplest first, random ones, and a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from scalarspec.audit.kind import Kind
from scalarspec.audit.near import Inputs
from scalarspec.core.arrays import lift
from scalarspec.errors import ArgumentError
from scalarspec.numbers.exact import as_array, data_value, told_where

_SIMPLE: tuple[dict[str, Any], ...] = (
    {"mu": [0], "logvar": [0], "eps": [1], "x": [0.5], "x_hat": [0.5], "z_e": [0], "z_q": [0], "beta": 1},
    {"mu": [1], "logvar": [0], "eps": [1], "x": [0.5], "x_hat": [0.25], "z_e": [1], "z_q": [0], "beta": 1},
    {"mu": [0], "logvar": [1], "eps": [1], "x": [1], "x_hat": [0.25], "z_e": [1], "z_q": [3], "beta": 2},
    {"mu": [1], "logvar": [-1], "eps": [-2], "x": [0.25], "x_hat": [0.75], "z_e": [-1], "z_q": [0.5], "beta": 0.25},
    {"mu": [-2], "logvar": [2], "eps": [0.5], "x": [0], "x_hat": [0.5], "z_e": [2], "z_q": [1.5], "beta": 0.5},
    {
        "mu": [1, -0.5], "logvar": [0.5, -2], "eps": [1, -1], "x": [0.5, 0.25, 1], "x_hat": [0.25, 0.5, 0.875],
        "z_e": [1, -0.5], "z_q": [0.5, 2], "beta": 4,
    },
)  # fmt: skip


def cases_of(kind: Kind) -> list[Inputs]:
    """Simple inputs, the simplest first, then random ones."""
    source = np.random.default_rng(0)
    made = [dict(case) for case in _SIMPLE]
    for n in (3, 16):
        case: dict[str, Any] = {name: source.normal(size=n) for name in ("mu", "logvar", "eps", "z_e", "z_q")}
        case |= {name: source.uniform(0.0625, 0.9375, size=2 * n) for name in ("x", "x_hat")}
        made.append({**case, "beta": 1.5})
    return [{name: _value(case[name]) for name in kind.parameters} for case in made]


def _value(number: Any) -> Any:
    return np.asarray(number, dtype=np.float64) if np.ndim(number) else float(number)


def own_case(kind: Kind, inputs: Mapping[str, Any]) -> Inputs:
    """A user's inputs, as the function will get them."""
    missing = [name for name in kind.parameters if name not in inputs]
    if missing:
        has = ", ".join(inputs) or "nothing"
        raise ArgumentError(f"inputs: {kind.name!r} needs {', '.join(kind.parameters)}; there is {has}")
    own = {name: _value(np.asarray(inputs[name], dtype=np.float64)) for name in kind.parameters}
    for name, value in own.items():
        told_where(f"inputs: {name}", as_array(value), partial(lift, data_value))
        if np.ndim(value) > 1 or (name == "beta") != (np.ndim(value) == 0):
            shape = "()" if name == "beta" else "(n,)"
            raise ArgumentError(f"inputs: expected {name} of shape {shape}, got {np.shape(value)}")
    return own
