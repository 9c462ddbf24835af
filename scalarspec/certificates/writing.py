"""Certificates in files, and the constants of a large model in a file that many of them share."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalarspec.errors import ArgumentError, NotSupported
from scalarspec.files import told, write_new, write_whole


def write(certificate: Mapping[str, Any], path: str | Path, constants: str | None = None) -> None:
    """Writes a certificate into a file, which `check.py` checks.

    certificate: as `certificate()` gives it. path: the file. constants: the name of a file in the same folder; it holds
    the exact constants of the program, so that the certificate names it with its hash (SHA-256), and all certificates
    about one model share it. It is written if there is none, and must hold the same constants if there is.
    Raises ArgumentError where a file cannot be written, or holds other constants; NotSupported for a certificate in
    another format.

        found = ss.bounds(lambda x: ss.square(x) * 3, 0.5, vary={"x": ss.ball(1)})
        write(found.certificate(), "bounds.json", constants="model.json")
    """
    path = Path(path)
    if constants is not None:
        if path.name == constants:
            raise ArgumentError(f"constants: expected another file than the certificate's, got {constants!r} for both")
        certificate, kept = apart(certificate, constants)
        _share(path.parent / constants, kept.encode())
    with told("certificate", path):
        write_whole(path, json.dumps(certificate).encode())


def apart(certificate: Mapping[str, Any], name: str) -> tuple[dict[str, Any], str]:
    """A certificate that refers to a file of constants by its name, and what that file holds: a list of them."""
    if "constants" in certificate:
        raise ArgumentError("constants: the certificate names a file of constants already")
    if "program" not in certificate:
        raise NotSupported("constants: only a certificate for scalarspec's own checker can name a file of constants")
    if Path(name).name != name:
        raise ArgumentError(f"constants: expected the name of a file, beside the certificate, got {name!r}")
    entries = [entry for entry in certificate["program"] if entry["operation"] == "constant"]
    kept = json.dumps([entry["lower"] for entry in entries])
    places = {id(entry): place for place, entry in enumerate(entries)}
    program = [
        {**entry, "lower": places[id(entry)]} if id(entry) in places else entry for entry in certificate["program"]
    ]
    digest = hashlib.sha256(kept.encode()).hexdigest()
    return {**certificate, "constants": [name, digest], "program": program}, kept


def _share(path: Path, data: bytes) -> None:
    """Writes a file that is not there; raises ArgumentError for one that is, and holds something else."""
    with told("constants", path):
        with contextlib.suppress(FileExistsError):
            write_new(path, data)
        if path.read_bytes() != data:
            raise ArgumentError(f"constants: {path} holds other constants; name another file, or delete it")
