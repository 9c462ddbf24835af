"""The option `--certificate`: proofs of what was found, for `python -m scalarspec.check` to repeat."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scalarspec.errors import ArgumentError


def add_certificate(parser: argparse.ArgumentParser) -> None:
    """The option."""
    shown = "write a proof of what was found, which `python -m scalarspec.check FILE` checks; of several, a file each"
    parser.add_argument("--certificate", metavar="FILE", help=shown)


def write_certificates(path: str, makers: Sequence[Callable[[], dict[str, Any]]]) -> None:
    """Writes what each maker gives: into the file, or, where there are several, into proof-0.json, proof-1.json and so
    on for proof.json. Raises ArgumentError where that cannot be done, and as the makers do.
    """
    named = Path(path)
    for i, make in enumerate(makers):
        place = named if len(makers) == 1 else named.with_stem(f"{named.stem}-{i}")
        text = json.dumps(make())
        try:
            place.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ArgumentError(f"certificate: {place} cannot be written: {error.strerror}") from None
