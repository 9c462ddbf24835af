"""Somebody's own function, which an audit is of: called on numbers, its results read exactly."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from scalarspec.audit.near import Inputs, Near, Spec
from scalarspec.core.arguments import spec_name
from scalarspec.core.failures import failures_told
from scalarspec.errors import ScalarSpecError
from scalarspec.numbers.formats import Format
from scalarspec.rounding_errors.float_results import Floats, read

Framework = Literal["numpy", "torch"]


@dataclass(frozen=True, eq=False)
class Subject:
    """Somebody's function, of arguments in this order, beside the spec that it should be."""

    function: Callable[..., Any]
    spec: Spec
    parameters: tuple[str, ...]
    takes: Framework
    gradients: Mapping[str, Spec]
    _values: dict[Any, Floats] = field(default_factory=dict)
    _nears: dict[Any, Near] = field(default_factory=dict)

    def value(self, inputs: Inputs) -> Floats:
        """Its result, exactly. Raises ArgumentError where it fails, or gives no floats."""
        key = self._key(inputs)
        if key not in self._values:
            floats = read(f"{self.name}: its result", self._called(inputs))
            if floats.shape == (1,) and max(map(np.ndim, inputs.values())) == 2:  # one loss for each of the batch
                floats = Floats(floats.form, floats.values.reshape(()))
            self._values[key] = floats
        return self._values[key]

    @property
    def name(self) -> str:
        """What it is called."""
        return spec_name(self.function)

    def near(self, inputs: Inputs, form: Format) -> Near:
        """What the right result may be."""
        key = (self._key(inputs), form)
        if key not in self._nears:
            self._nears[key] = Near.of(self.spec, self.ordered(inputs), form)
        return self._nears[key]

    def _key(self, inputs: Inputs) -> tuple[bytes, ...]:
        return tuple(np.asarray(inputs[name]).tobytes() for name in self.parameters)

    def ordered(self, inputs: Inputs) -> Inputs:
        """The inputs in the order of the arguments."""
        return {name: inputs[name] for name in self.parameters}

    def autograd(self, inputs: Inputs, name: str) -> Floats | None:
        """PyTorch's gradient with respect to an argument: 0 where none comes. None where it cannot be asked for. Where
        the loss is of a narrower format than the argument, so are the gradient's digits.
        """
        if self.takes != "torch":
            return None
        tensors = {key: as_torch(value).requires_grad_() for key, value in self.ordered(inputs).items()}
        try:
            with failures_told(self._where(inputs)):
                result = self.function(*tensors.values())
                if not hasattr(result, "requires_grad"):
                    return None
                if result.requires_grad:
                    result.sum().backward()
        except ScalarSpecError:  # it takes no tensors that want gradients, though it takes others
            return None
        gradient = tensors[name].grad
        found = read(f"{self.name}: its gradient", 0 * tensors[name] if gradient is None else gradient)
        narrowest = min(found.form, self.value(inputs).form, key=lambda form: form.precision)
        return Floats(narrowest, found.values)

    def _where(self, inputs: Inputs) -> str:
        return f"{self.name}({', '.join(self.parameters)}) fails at {shown(self.ordered(inputs))}"

    def _called(self, inputs: Inputs) -> Any:
        values = [as_torch(inputs[n]) if self.takes == "torch" else inputs[n] for n in self.parameters]
        with failures_told(self._where(inputs)), np.errstate(all="ignore"):
            return self.function(*values)


def as_torch(value: Any) -> Any:
    """A float64 tensor of PyTorch's."""
    torch = importlib.import_module("torch")
    return torch.tensor(value, dtype=torch.float64)


def shown(inputs: Mapping[str, Any]) -> str:
    """Inputs on one line."""
    parts = []
    for name, value in inputs.items():
        numbers = [f"{v:.6g}" for v in np.ravel(value)[:4]]  # of a batch, the one row
        text = ", ".join(numbers) + (", ..." if np.size(value) > 4 else "")
        parts.append(f"{name} = [{text}]" if np.ndim(value) else f"{name} = {text}")
    return ", ".join(parts)
