"""One text of a model, a spec, evaluated under many scalars: floats, rigorous intervals, exact rationals, symbols."""

from scalarspec import activation, errors, latent, layers, loss, theory
from scalarspec.audit import audit
from scalarspec.batched import batched
from scalarspec.bounds import bounds, prove
from scalarspec.compare import compare
from scalarspec.context import Context
from scalarspec.crosscheck import crosscheck
from scalarspec.derive import derive
from scalarspec.functions import *  # noqa: F403 - every function that specs are written in
from scalarspec.functions import __all__ as _functions
from scalarspec.gradient import grad, hessian, jvp, value_and_grad, vjp
from scalarspec.lifting import lift
from scalarspec.matrix import MatrixForm, matrix_form
from scalarspec.prepared import prepare
from scalarspec.ranges import ranges
from scalarspec.regions import Ball, Box, ball, box
from scalarspec.registry import context
from scalarspec.sets import *  # noqa: F403 - IEEE 1788's predicates on intervals as sets
from scalarspec.sets import __all__ as _sets
from scalarspec.shape import Dim, Scalar, Shape
from scalarspec.tensor import Tensor, Truth
from scalarspec.tolerance import tolerance

__version__ = "0.1.0"

__all__ = [
    *_functions,
    *_sets,
    "Ball",
    "Box",
    "Context",
    "Dim",
    "MatrixForm",
    "Scalar",
    "Shape",
    "Tensor",
    "Truth",
    "activation",
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
    "grad",
    "hessian",
    "jvp",
    "latent",
    "layers",
    "lift",
    "matrix_form",
    "loss",
    "prepare",
    "prove",
    "ranges",
    "theory",
    "tolerance",
    "value_and_grad",
    "vjp",
]
