"""The functions in the groups of the array API, in its order; then what it has no group for, and the other rooms."""

from __future__ import annotations

from scalarspec.frontends.array_api.standard import SECTIONS
from scalarspec.vocabulary.page import sections
from scalarspec.vocabulary.rows import Row

BEYOND = {
    "Functions: elementwise": "Element-wise functions",
    "Functions: exponentials": "Element-wise functions",
    "Functions: padding": "Manipulation functions",
    "Functions: structure": "Manipulation functions",
    "Functions: reductions": "Statistical functions",
    "Functions: order": "Sorting functions",
    "Functions: products": "Linear algebra functions",
    "Functions: convolutions": "Convolutions and pools",
    "Functions: results and their names": "Results and their names",
    "Functions: intervals as sets": "Intervals as sets",
}
"""Where functions stand that the standard does not have: by the section of the vocabulary's page."""
LINEAR = {"Extension: linear algebra": "Linear algebra functions"}
"""The standard's extension stands with its section."""


def groups() -> dict[str, list[Row]]:
    """The rows of the vocabulary by group, each group in the order of the alphabet."""
    order = [name for name in SECTIONS if not name.startswith("Extension")]
    found: dict[str, list[Row]] = {name: [] for name in [*order, *BEYOND.values(), *sections()]}
    for heading, rows in sections().items():
        for row in rows:
            found[_standard_section(row) or BEYOND.get(heading, heading)].append(row)
    return {name: sorted(rows, key=lambda row: row.name) for name, rows in found.items() if rows}


def _standard_section(row: Row) -> str | None:
    """The section of the standard that has a function of the core."""
    name = row.names[0].removeprefix("linalg.")
    found = next((section for section, text in SECTIONS.items() if row.room == "core" and name in text.split()), None)
    return LINEAR.get(found, found) if found else None
