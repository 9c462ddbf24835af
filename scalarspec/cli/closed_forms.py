"""The command `derive`: a spec in closed form, as a text, in LaTeX, as a program or in matrix notation."""

from __future__ import annotations

import argparse
from typing import Any

from scalarspec.cli.commands import Commands, Text
from scalarspec.cli.user_files import Spec, spec_and_arguments
from scalarspec.core.arguments import spec_name
from scalarspec.formulas.derive import MAX_OPERATIONS, derive
from scalarspec.formulas.matrix import matrix_form

FORMS = ("text", "latex", "python", "c", "matrix", "matrix-latex")
"""How a closed form can be shown."""


def add_commands(commands: Commands) -> None:
    """`derive`, with its options."""
    parser = commands.add_on_spec("derive", run_derive, "a spec in closed form")
    parser.add_argument(
        "--wrt", action="append", default=[], metavar="NAME", help="an argument that becomes a variable"
    )
    shown = "how to show it; matrix: for tensors of any size, all data as variables (default text)"
    parser.add_argument("--form", choices=FORMS, default="text", help=shown)
    shown = "a variable, by its name in the closed form, to differentiate in"
    parser.add_argument("--gradient", action="append", default=[], metavar="NAME", help=shown)
    parser.add_argument(
        "--lean", action="store_true", help="a Lean 4 definition, and examples of rational test vectors"
    )
    shown = f"refuse larger expressions (default {MAX_OPERATIONS})"
    parser.add_argument("--max-operations", type=int, default=MAX_OPERATIONS, help=shown)


def run_derive(options: argparse.Namespace) -> tuple[Any, int]:
    """The closed form, or its gradients, in the form that is asked for."""
    spec, args = spec_and_arguments(options)
    if options.form.startswith("matrix"):
        return _in_matrices(spec, args, options), 0
    derivation = derive(spec, *args, wrt=options.wrt, max_operations=options.max_operations)
    return _shown(derivation, spec_name(spec), options), 0


def _in_matrices(spec: Spec, args: list[Any], options: argparse.Namespace) -> Any:
    form = matrix_form(spec, *args, wrt=options.gradient or None)
    return Text(form.latex()) if options.form == "matrix-latex" else form


def _shown(derivation: Any, name: str, options: argparse.Namespace) -> Any:
    """A program has the value and the gradients; a formula has the one or the others."""
    if options.lean:
        return Text(derivation.lean(name))
    if options.form == "python":
        return Text(derivation.python(name, options.gradient))
    if options.form == "c":
        return Text(derivation.c99(name, options.gradient))
    found = _All([derivation.derivative(variable) for variable in options.gradient] or [derivation])
    return Text("\n\n".join(each.latex() for each in found)) if options.form == "latex" else found


class _All(list[Any]):
    """Several reports, one after the other; as data the one, or all."""

    def __str__(self) -> str:
        return "\n\n".join(map(str, self))

    def to_json(self) -> Any:
        """The data of one report, or of all."""
        found = [each.to_json() for each in self]
        return found[0] if len(found) == 1 else found
