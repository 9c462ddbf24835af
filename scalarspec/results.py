"""What the results of all jobs have in common: `Report`, and the types of their numbers and records."""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from scalarspec.numbers.exact import End

ObjectArray: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.object_]]
"""An object array: of Fractions, and infinities where there is no number; or of SymPy's expressions."""
FloatArray: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
"""An array of float64 numbers."""
Exact: TypeAlias = End | ObjectArray
"""Exact values: one for a spec of shape (), else an array of them."""
Float64s: TypeAlias = float | FloatArray
"""Floats: one for a spec of shape (), else an array of them."""
Record: TypeAlias = dict[str, object]
"""A result as plain data for JSON, with exact values as strings."""


@runtime_checkable
class Report(Protocol):
    """What `bounds`, `prove`, `crosscheck`, `tolerance`, `ranges`, `compare`, `audit` and `verify` return.

    Each can be printed, sent as a page, kept as a record, and shown by a notebook:

        from pathlib import Path

        report = ss.bounds(lambda x: ss.square(x) - x, 0.5, vary={"x": ss.box(0, 1)})
        print(report)
        Path("bounds.html").write_text(report.html(), encoding="utf-8")
    """

    def __str__(self) -> str:
        """The report as text."""

    def html(self) -> str:
        """The report as one page of HTML that needs nothing else: no network, no script, no other file."""

    def to_json(self) -> Record:
        """The record: plain data, with exact values as strings."""

    def _repr_html_(self) -> str:
        """The report as a notebook shows it: the page without its frame and without the record."""
