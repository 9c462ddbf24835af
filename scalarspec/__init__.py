"""One text of a model, a spec, evaluated under many scalars: floats, rigorous intervals, exact rationals, symbols."""

import importlib
from typing import TYPE_CHECKING, Any

from scalarspec import starting  # noqa: F401 - before all else

# isort: split
from scalarspec import activation, errors, latent, layers, loss, theory
from scalarspec.audit import audit
from scalarspec.bounding.bounds import bounds
from scalarspec.bounding.prove import prove
from scalarspec.compare import compare
from scalarspec.core.choices import *  # noqa: F403 - here and below, every function that specs are written in
from scalarspec.core.context import Context
from scalarspec.core.convolutions import *  # noqa: F403
from scalarspec.core.elementwise import *  # noqa: F403
from scalarspec.core.exponentials import *  # noqa: F403
from scalarspec.core.foreign import AsSpec, as_spec
from scalarspec.core.functions import *  # noqa: F403
from scalarspec.core.functions import __all__ as _functions
from scalarspec.core.lifting import lift
from scalarspec.core.named_contexts import context
from scalarspec.core.order import *  # noqa: F403
from scalarspec.core.padding import *  # noqa: F403
from scalarspec.core.products import *  # noqa: F403
from scalarspec.core.reductions import *  # noqa: F403
from scalarspec.core.region import Ball, Box, ball, box
from scalarspec.core.sets import *  # noqa: F403 - IEEE 1788's predicates on intervals as sets
from scalarspec.core.sets import __all__ as _sets
from scalarspec.core.shape import Dim, Scalar, Shape
from scalarspec.core.structure import *  # noqa: F403
from scalarspec.core.tensor import Tensor, Truth
from scalarspec.formulas.derive import derive
from scalarspec.formulas.matrix import MatrixForm, matrix_form
from scalarspec.frontends.array_api.namespace import namespace
from scalarspec.frontends.jax.reading import from_jax
from scalarspec.results import Report
from scalarspec.rounding_errors.crosscheck import crosscheck
from scalarspec.rounding_errors.ranges import ranges
from scalarspec.rounding_errors.tolerance import tolerance
from scalarspec.tracing.batched import batched
from scalarspec.tracing.gradient import grad, hessian, jvp, value_and_grad, vjp
from scalarspec.tracing.prepared import prepare
from scalarspec.training.to_torch import to_torch

if TYPE_CHECKING:
    from scalarspec.frontends.fpcore import from_fpcore
    from scalarspec.frontends.onnx.network import from_onnx
    from scalarspec.frontends.onnx.writing.exporting import to_onnx
    from scalarspec.frontends.torch.exported import from_torch
    from scalarspec.frontends.weights import load_weights
    from scalarspec.verification.verify import verify

__version__ = "0.1.0"

__all__ = [
    *_functions,
    *_sets,
    "AsSpec",
    "Ball",
    "Box",
    "Context",
    "Dim",
    "MatrixForm",
    "Report",
    "Scalar",
    "Shape",
    "Tensor",
    "Truth",
    "activation",
    "as_spec",
    "audit",
    "ball",
    "batched",
    "bounds",
    "box",
    "compare",
    "context",
    "crosscheck",
    "derive",
    "errors",
    "from_fpcore",
    "from_jax",
    "from_onnx",
    "from_torch",
    "grad",
    "hessian",
    "jvp",
    "latent",
    "layers",
    "lift",
    "load_weights",
    "matrix_form",
    "loss",
    "namespace",
    "prepare",
    "prove",
    "ranges",
    "theory",
    "to_onnx",
    "to_torch",
    "tolerance",
    "value_and_grad",
    "verify",
    "vjp",
]

_DOORS = {
    "from_fpcore": "frontends.fpcore",
    "from_onnx": "frontends.onnx.network",
    "from_torch": "frontends.torch.exported",
    "load_weights": "frontends.weights",
    "to_onnx": "frontends.onnx.writing.exporting",
    "verify": "verification.verify",
}
"""Functions for files, each with its module, which is imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module 'scalarspec' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"scalarspec.{_DOORS[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_DOORS})
