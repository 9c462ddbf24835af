"""Certificates on the command line: the options that write them, and the command `check`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scalarspec import check
from scalarspec.certificates.certificate import FORMATS
from scalarspec.certificates.writing import write
from scalarspec.cli.commands import Commands, Text
from scalarspec.cli.user_files import to_be_written
from scalarspec.errors import ArgumentError

EPILOG = """The checker is one file that needs nothing but Python: `python check.py FILE` says the same. Exit code 0:
what is printed is proved; 1: the certificate proves nothing, and the step that fails is printed; 2: there is no such
file."""


def add_commands(commands: Commands) -> None:
    """`check`."""
    parser = commands.add("check", run_check, "a certificate: what does it prove, in exact arithmetic?")
    parser.add_argument("file", help="a certificate, as --certificate writes it")
    parser.epilog = EPILOG


def run_check(options: argparse.Namespace) -> tuple[Any, int]:
    """What a certificate proves, or which step fails."""
    try:
        text = Path(options.file).read_text(encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"file: {options.file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        return Text(f"not proved: {error}"), 1
    try:
        return Text(check.checked(text, Path(options.file).parent)), 0
    except Exception as error:  # whatever is wrong with a certificate is said so, as by check.py itself
        return Text(f"not proved: {str(error) or type(error).__name__}"), 1


def add_certificate(parser: argparse.ArgumentParser) -> None:
    """The option, and the format."""
    shown = "write a proof of what was found, which `scalarspec check FILE` checks; of several, a file each"
    parser.add_argument("--certificate", metavar="FILE", help=shown)
    shown = "write the model's constants into this file, beside the certificate, which all certificates about it share"
    parser.add_argument("--constants", metavar="FILE", help=shown)
    shown = "what it is written for (default scalarspec; the others for TorchLean, see docs/how-to/torchlean.md)"
    parser.add_argument("--certificate-format", choices=FORMATS, default=FORMATS[0], help=shown)


def check_certificate(options: argparse.Namespace, example: str) -> None:
    """Raises ArgumentError, before the work begins, where the options name no files to be written."""
    to_be_written("certificate", options.certificate, example)
    if options.constants is not None and options.certificate is None:
        raise ArgumentError("constants: they are of a certificate; name its file by --certificate")


def write_certificates(options: argparse.Namespace, makers: Sequence[Callable[[str], dict[str, Any]]]) -> None:
    """Writes what each maker gives for the format: into the file, or, where there are several, into proof-0.json,
    proof-1.json and so on for proof.json. Raises ArgumentError where that cannot be done, and as the makers do.
    """
    named = Path(options.certificate)
    for i, make in enumerate(makers):
        place = named if len(makers) == 1 else named.with_stem(f"{named.stem}-{i}")
        write(make(options.certificate_format), place, options.constants)
