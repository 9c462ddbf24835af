"""The closed form of a spec: its expression, derivatives, LaTeX and Python, by SymPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalarspec.arguments import bind, call
from scalarspec.errors import ArgumentError, ShapeError, TooLarge, UnknownName
from scalarspec.exact import as_array
from scalarspec.gradient import grad
from scalarspec.lifting import lift
from scalarspec.registry import context as named_context
from scalarspec.report import unboxed
from scalarspec.shape import Shape
from scalarspec.tensor import Tensor

Expr = Any  # SymPy is untyped
MAX_OPERATIONS = 20_000


@dataclass(frozen=True)
class Derivation:
    """A spec as SymPy expressions of its variables.

    value: the symbolic tensor; variables: parameter name -> object array of symbols, in the parameter's shape.
    """

    value: Tensor
    variables: dict[str, Any]
    max_operations: int
    spec: Callable[..., Tensor] = field(repr=False)
    arguments: dict[str, Any] = field(repr=False)

    @property
    def expression(self) -> Expr:
        """The SymPy expression, or an object array of them."""
        return unboxed(self._expressions())

    @property
    def operations(self) -> int:
        """How many operations the expressions have, shared ones counted each time."""
        import sympy

        return int(sum(sympy.count_ops(e) for e in self._expressions().flat))

    def gradient(self, name: str | None = None) -> Any:
        """∂ value / ∂ name, for a spec of shape (): an object array in the parameter's shape, by one reverse sweep.

        `name` may be left out where there is one variable. A derivative at a kink is 0 (relu′(0) = 0, |x|′(0) = 0), and
        a derivative of a step is 0: no DiracDelta occurs.
        """
        self._scalar()
        position = list(self.arguments).index(self._named(name))
        swept: Tensor = grad(self.spec, position)(*self.arguments.values())
        return unboxed(swept.context.arrays.items(swept.value))

    def hessian(self, name: str | None = None) -> Any:
        """∂² value / ∂ name², for a spec of shape (): an object array of shape (n, n), n the parameter's size."""
        gradient = np.ravel(self.gradient(name))
        symbols = list(self.variables[self._named(name)].flat)
        rows = [[derivative(g, t) for t in symbols] for g in gradient]
        return np.array(rows, dtype=object).reshape(len(symbols), len(symbols))

    def latex(self) -> str:
        """The expressions in LaTeX."""
        import sympy

        self._guard()
        return "\n".join(sympy.latex(e) for e in self._expressions().flat)

    def python(self, name: str = "spec") -> str:
        """A Python function of the variables, by NumPy, with common subexpressions computed once."""
        import sympy
        from sympy.printing.numpy import NumPyPrinter

        self._guard()
        symbols = [s for array in self.variables.values() for s in array.flat]
        fresh = sympy.numbered_symbols("t", exclude=symbols)
        shared, results = sympy.cse(list(self._expressions().flat), symbols=fresh)
        printer = NumPyPrinter({"fully_qualified_modules": True})
        show = printer.doprint
        returned = ", ".join(show(e) for e in results)
        lines = [f"def {name}({', '.join(map(str, symbols))}):"]
        lines += [f"    {s} = {show(e)}" for s, e in shared]
        lines += [f"    return numpy.reshape([{returned}], {tuple(self.value.shape)})"]
        imports = [f"import {module}" for module in sorted({"numpy", *printer.module_imports})]
        return "\n".join([*imports, "", "", *lines, ""])

    def __str__(self) -> str:
        self._guard()
        return "\n".join(map(str, self._expressions().flat))

    def to_json(self) -> dict[str, Any]:
        """Plain data: text, LaTeX and Python."""
        forms = {"expression": str(self), "latex": self.latex(), "python": self.python()}
        return {"shape": list(self.value.shape), "operations": self.operations, **forms}

    def _expressions(self) -> Any:
        return self.value.context.arrays.items(self.value.value)

    def _guard(self) -> None:
        if self.operations > self.max_operations:
            raise TooLarge(
                f"derive: {self.operations} operations are more than max_operations = {self.max_operations}; "
                "derive a smaller slice, or fewer variables"
            )

    def _scalar(self) -> None:
        self._guard()
        if self.value.shape:
            raise ShapeError(f"gradient: the spec has shape {self.value.shape}; expected (), such as a sum")

    def _named(self, name: str | None) -> str:
        if name is None and len(self.variables) == 1:
            return next(iter(self.variables))
        if name not in self.variables:
            raise UnknownName(f"derive: no variable {name!r}; there are {', '.join(self.variables) or 'none'}")
        return name


def derive(
    spec: Callable[..., Tensor], *args: Any, wrt: str | Sequence[str] = (), max_operations: int = MAX_OPERATIONS
) -> Derivation:
    """The spec in closed form. Arguments named in `wrt`, and those given as a `Shape`, become real variables.

    The variables bear the parameter's name, with indices: x_0, x_1, ... Other arguments enter at their exact values,
    and may hold symbolic tensors. For small sizes: expressions of more than `max_operations` operations are refused
    (TooLarge) when they are to be shown or differentiated.
    """
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    arguments = bind(spec, args, known=names)
    context = named_context("symbolic")
    tensors = {
        name: context.symbols(name, _shape(name, value))
        for name, value in arguments.items()
        if name in names or isinstance(value, Shape)
    }
    lifted = {name: tensors[name] if name in tensors else lift(value, context) for name, value in arguments.items()}
    value = call(spec, list(lifted.values()))
    if value.dtype != "symbolic":
        raise ArgumentError("derive: the spec has no symbolic argument; name some in wrt")
    variables = {name: context.arrays.items(t.value) for name, t in tensors.items()}
    return Derivation(value, variables, max_operations, spec, lifted)


def derivative(expression: Expr, symbol: Expr) -> Expr:
    """∂ expression / ∂ symbol, with steps as Piecewise, 0 at their jump."""
    import sympy

    def step(x: Expr, *_: Expr) -> Expr:
        return sympy.Piecewise((1, x > 0), (0, True))

    def sign(x: Expr) -> Expr:
        return sympy.Piecewise((1, x > 0), (-1, x < 0), (0, True))

    return expression.diff(symbol).replace(sympy.Heaviside, step).replace(sympy.sign, sign)


def _shape(name: str, value: Any) -> Shape:
    if isinstance(value, Shape):
        return value
    if isinstance(value, Tensor):
        return value.shape
    if callable(value):
        raise ArgumentError(f"wrt: {name!r} is a {type(value).__name__}; only tensors and numbers become variables")
    return Shape(as_array(value).shape)
