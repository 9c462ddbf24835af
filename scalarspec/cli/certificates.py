"""The option `--certificate`: proofs of what was found, for `python -m scalarspec.check`, or TorchLean, to repeat."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scalarspec.certificates.certificate import FORMATS
from scalarspec.errors import ArgumentError


def add_certificate(parser: argparse.ArgumentParser) -> None:
    """The option, and the format."""
    shown = "write a proof of what was found, which `python -m scalarspec.check FILE` checks; of several, a file each"
    parser.add_argument("--certificate", metavar="FILE", help=shown)
    shown = "what it is written for (default scalarspec; the others for TorchLean, see docs/torchlean.md)"
    parser.add_argument("--certificate-format", choices=FORMATS, default=FORMATS[0], help=shown)


def write_certificates(options: argparse.Namespace, makers: Sequence[Callable[[str], dict[str, Any]]]) -> None:
    """Writes what each maker gives for the format: into the file, or, where there are several, into proof-0.json,
    proof-1.json and so on for proof.json. Raises ArgumentError where that cannot be done, and as the makers do.
    """
    named = Path(options.certificate)
    for i, make in enumerate(makers):
        place = named if len(makers) == 1 else named.with_stem(f"{named.stem}-{i}")
        text = json.dumps(make(options.certificate_format))
        try:
            place.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ArgumentError(f"certificate: {place} cannot be written: {error.strerror}") from None
