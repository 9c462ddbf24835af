"""Checkpoints: files that keep the answers to jobs, so that a run that ended goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.bounding.domain import Domain
from scalarspec.errors import ArgumentError


def opened(path: Path, digest: str) -> Checkpoint:
    """The checkpoint of a question. Raises ArgumentError where the file cannot be used."""
    try:
        return Checkpoint(path, digest)
    except OSError as error:
        raise ArgumentError(f"checkpoint: cannot use {path}: {error}") from None


NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none of the two, and no links by these means
AT_ONCE = getattr(os, "O_NONBLOCK", 0)
AS_IT_IS = getattr(os, "O_BINARY", 0)  # without it Windows writes two bytes for the end of a line
APPENDING = os.O_WRONLY | os.O_APPEND | NO_LINK | AS_IT_IS
HEAD_BYTES = 1024
"""How much of a file is read for the first line of a checkpoint: more than that ever has, and little of a file that is
none.
"""


class Checkpoint:
    """A file with a line that says of which question it is, and a line for each answer. It only grows.

    Each line ends with a checksum of it and of the question. Nothing is read but a regular file that begins as ours do,
    and nothing is written but to a file that was made here, which takes that one's place: no file of a user's is lost.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self.path, self.digest = path, digest
        self.head = {"scalarspec": "bounds", "version": Domain.version(), "of": digest}
        self.answers = self._read()
        self.file = self._replaced()
        weakref.finalize(self, os.close, self.file)

    def put(self, key: str, answer: Any) -> None:
        """A job's answer, written at once."""
        self.answers[key] = answer
        try:
            _written(self.file, self._line({"job": key, "answer": answer}))
        except OSError as error:
            raise ArgumentError(f"checkpoint: cannot write {self.path}: {error}") from None

    def _read(self) -> dict[str, Any]:
        """The answers that the file holds; none where there is no file."""
        if not os.path.lexists(self.path):
            return {}
        if self.path.is_symlink():
            raise ArgumentError(f"checkpoint: {self.path} is a link; name the file itself")
        opened = os.open(self.path, os.O_RDONLY | NO_LINK | AT_ONCE | AS_IT_IS)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise ArgumentError(f"checkpoint: cannot use {self.path}: it is no regular file")
        with open(opened, "rb") as file:
            self._ours(file.readline(HEAD_BYTES))
            return self._entries(file.read().split(b"\n"))

    def _ours(self, line: bytes) -> None:
        """Raises ArgumentError unless the first line is that of a checkpoint of the same question."""
        head = self._checked(line) or _parsed(line)
        if not isinstance(head, dict) or head.get("scalarspec") != "bounds":
            raise ArgumentError(
                f"checkpoint: {self.path} is no checkpoint, of this or another spec; it is left as it is"
            )
        if head.get("version") != self.head["version"]:
            versions = f"{head.get('version')!r}, this is {self.head['version']!r}"
            raise ArgumentError(f"checkpoint: {self.path} was written by scalarspec {versions}; name another file")
        if head != self.head:
            raise ArgumentError(
                f"checkpoint: {self.path} holds answers about another spec, box or arguments; name another file"
            )

    def _entries(self, lines: list[bytes]) -> dict[str, Any]:
        """The answers, by their jobs. What stands after the last line's end was cut off, and is left out."""
        answers = {}
        for i, line in enumerate(lines[:-1]):
            entry = self._checked(line)
            if not _is_answer(entry):
                raise ArgumentError(f"checkpoint: line {i + 2} of {self.path} is no answer as it was written")
            answers[entry["job"]] = entry["answer"]
        return answers

    def _replaced(self) -> int:
        """A file with what is known, in the place of the old one, to append to.

        It is closed meanwhile: Windows moves no file that is open.
        """
        fresh = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        entries = [{"job": key, "answer": answer} for key, answer in self.answers.items()]
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | APPENDING, 0o666)
        try:
            with open(descriptor, "wb") as file:
                file.write(b"".join(map(self._line, [self.head, *entries])))
                made = os.fstat(file.fileno())
            os.replace(fresh, self.path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        opened = os.open(self.path, APPENDING)
        if not os.path.samestat(made, os.fstat(opened)):
            os.close(opened)
            raise ArgumentError(f"checkpoint: cannot use {self.path}: another process has put a file there")
        return opened

    def _line(self, entry: dict[str, Any]) -> bytes:
        return (json.dumps({**entry, "check": self._check(entry)}) + "\n").encode()

    def _check(self, entry: dict[str, Any]) -> str:
        return hashlib.sha256(f"{self.digest} {json.dumps(entry)}".encode()).hexdigest()[:32]

    def _checked(self, line: bytes) -> Any:
        """What a line says; None where it is not as it was written."""
        entry = _parsed(line)
        if not isinstance(entry, dict):
            return None
        check = entry.pop("check", None)
        return entry if check == self._check(entry) else None


def _is_answer(entry: Any) -> bool:
    """Is this the answer to a job, with arrays that can be read?"""
    if not isinstance(entry, dict) or set(entry) != {"job", "answer"} or not isinstance(entry["job"], str):
        return False
    try:
        from_json(entry["answer"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    return True


def _written(file: int, data: bytes) -> None:
    """Writes all of the data, in as many parts as the system takes."""
    while data:
        data = data[os.write(file, data) :]


def key_of(name: str, item: Any) -> str:
    """What tells a job from others of the domain: a hash of its function's name and its item."""
    return hashlib.sha256(json.dumps([name, to_json(item)]).encode()).hexdigest()


ARRAY = "array of"
"""The key of an array's type among what JSON holds of it; no item or answer has such a key of its own."""


def to_json(data: Any) -> Any:
    """What JSON can hold of an item or an answer: floats are written so that they are read back as they were."""
    if isinstance(data, np.ndarray):
        return {ARRAY: str(data.dtype), "shape": list(data.shape), "elements": data.ravel().tolist()}
    if isinstance(data, dict):
        return {key: to_json(value) for key, value in data.items()}
    return [to_json(each) for each in data] if isinstance(data, list | tuple) else data


def from_json(data: Any) -> Any:
    """The item or answer that `to_json` was given, lists in the place of tuples."""
    if isinstance(data, dict):
        if ARRAY in data:
            return np.array(data["elements"], dtype=data[ARRAY]).reshape(data["shape"])
        return {key: from_json(value) for key, value in data.items()}
    return [from_json(each) for each in data] if isinstance(data, list) else data


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
