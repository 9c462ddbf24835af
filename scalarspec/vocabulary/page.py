"""The page: tables of functions, layers, losses, activations, models and operations, and of the array API's names."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from scalarspec import activation, latent, layers, loss, models
from scalarspec.conformance import READINGS
from scalarspec.core import functions, sets
from scalarspec.core.operations import OPERATIONS
from scalarspec.frontends.array_api.standard import REASONS, SECTIONS
from scalarspec.vocabulary import operations
from scalarspec.vocabulary.calls import SIZED
from scalarspec.vocabulary.rows import Row, parameters, sentence

HEAD = """# The vocabulary

Every function, layer, loss, activation and model; what each is made of, what each backend does with it, and what it is
called elsewhere. This page is made from the code by `make vocabulary`, and a test holds that it is up to date.

*Made of* are the operations of the table (`core/operations.py`) that a call with the defaults does: what a backend, or
any other interpreter, does with a function follows from what it does with these, which the table of operations says.
*Floats* says how they are computed, beside what has no error, and *rational* where the result is rational for rational
operands. All enclose under `interval` and `interval64`; "refused" is what a context has nothing of the kind for.
"""
OF_OPERATIONS = """## Operations, and what each backend does with them

A *rule* is an implementation of its own; by its *definition* an operation is done where it has none. Floats: exact,
rounded (once), library (within some ulps), sum (terms in any order), choice (of an operand), step (jumps between
floats), composed (by a formula of others, whose error `rounding` has a rule for), defined. Rational: always, sometimes,
or at one integer alone. Symbolic: a node of a formula, or read in its definition. No derivative: the kinks, where a
derivative is a set or refused. Linear bounds: how the graph runs, which says how lines are put around it.
"""
OF_THE_STANDARD = """## The array API

The names of the standard, version 2024.12, by its sections: what is here, with the standard's arguments, in its order,
with its defaults; and what is left out, with the reason. Three arguments are others: `argmax` and `argmin` go along the
last axis where none is given; sorting is always stable, without an argument `stable`; `searchsorted` takes no `sorter`.
The namespace of an array, `x.__array_namespace__()`, has the standard's signatures throughout: see
[its page](array_api.md).
"""
FUNCTION_HEADINGS = ("function", "what it is", "made of", "floats", "rational", "array API", "PyTorch", "ONNX")


def page() -> str:
    """The text of the page."""
    return "\n".join(part.rstrip() + "\n" for part in parts()) + "\n"


def parts() -> Iterator[str]:
    """The sections of the page."""
    yield HEAD
    for heading, rows in sections().items():
        yield f"## {heading}\n"
        yield table(FUNCTION_HEADINGS, map(function_cells, rows))
    yield "## Models\n"
    yield table(("function", "what it is"), model_cells())
    yield OF_OPERATIONS
    yield table(operations.HEADINGS, map(operations.cells, OPERATIONS))
    yield readings()
    yield OF_THE_STANDARD
    yield table(("section", "names", "here", "left out"), standard_cells())


@functools.cache
def sections() -> dict[str, list[Row]]:
    """The functions of each section, by its heading."""
    found = {f"Functions: {heading(part)}": rows_of("core", part) for part in functions.PARTS}
    found["Functions: results and their names"] = rows_of("core", functions)
    found["Functions: intervals as sets"] = rows_of("core", sets)
    found["Activations"] = rows_of("activation", activation)
    found["Losses"] = rows_of("loss", loss)
    found["Latents"] = rows_of("latent", latent)
    found["Layers"] = rows_of("layers", layers)
    return found


def rows_of(room: str, module: Any) -> list[Row]:
    """The functions and classes that a module exports, by name; but for the parts of the core, which have sections of
    their own.
    """
    elsewhere = {name for part in functions.PARTS for name in part.__all__} if module is functions else set()
    exported = {name: getattr(module, name) for name in module.__all__ if name not in elsewhere}
    return [Row(room, name, exported[name]) for name in sorted(exported) if has_parameters(exported[name])]


def has_parameters(value: Any) -> bool:
    """Is it a function or a class, and no table or type?"""
    return inspect.isfunction(value) or inspect.isclass(value)


def heading(module: Any) -> str:
    """What the functions of a file of the core are, by its name."""
    return str(module.__name__.rpartition(".")[2])


def function_cells(row: Row) -> tuple[str, ...]:
    """What stands in the row of a function, by heading."""
    made = ", ".join(f"`{operation}`" for operation in row.operations)
    named = (f"`{name}`" if name != "-" else "-" for name in row.names)
    return (f"`{row.signature}`", row.sentence, made or "-", row.floats, row.rational, *named)


def model_cells() -> Iterator[tuple[str, str]]:
    """The public functions and parameters of each model."""
    for info in pkgutil.iter_modules(models.__path__):
        module = importlib.import_module(f"{models.__name__}.{info.name}")
        for name, value in vars(module).items():
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__:
                yield f"`{info.name}.{name}{shown(value)}`", sentence(inspect.getdoc(value) or "")


def shown(value: Callable[..., Any]) -> str:
    """The parameters of what can be called."""
    return parameters(value) if callable(value) else ""


def readings() -> str:
    """Which readings hold, and which are refused."""
    lines = [
        f"* under {reading}, {', '.join(f'`{name}`' for name in names)}: {why}"
        for (reading, why), names in operations.refusals().items()
    ]
    sized = [f"`{name.removeprefix('core.')}`" for name in sorted(SIZED)]
    return "\n".join([
        f"Each of these {len(OPERATIONS)} operations holds under each of the {len(READINGS)} readings of `conformance`",
        f"({', '.join(READINGS)}), where there is something to try, and in C99; but for what is refused by name:",
        "",
        *lines,
        "",
        "So does every function, activation, loss and layer above, as it is called here; but matrix forms, whose sizes",
        f"are variables, are refused of what depends on a size beyond its name: {', '.join(sized)}.",
    ])  # fmt: skip


def standard_cells() -> Iterator[tuple[str, ...]]:
    """For each section of the standard: how many of its names are here, and the others with the reason."""
    here = {array_api.removeprefix("linalg.") for array_api in array_api_names()}
    for section, text in SECTIONS.items():
        names = text.split()
        have = [name for name in names if name in here]
        left: dict[str, list[str]] = {}
        for name in names:
            if name not in have:
                left.setdefault(REASONS[name], []).append(f"`{name}`")
        reasons = "; ".join(f"{', '.join(those)} ({reason})" for reason, those in left.items())
        yield section, f"{len(have)} of {len(names)}", ", ".join(f"`{name}`" for name in have) or "-", reasons or "-"


def array_api_names() -> set[str]:
    """The names of the array API that functions here have."""
    return {row.names[0] for rows in sections().values() for row in rows} - {"-"}


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown. A bar in a cell is written so that it ends none, and f[0](x) so that it is no link."""
    lines = [headings, ["---"] * len(headings), *rows]
    cells = ([cell.replace("|", r"\|").replace("](", r"]\(") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)
