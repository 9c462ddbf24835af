"""`Proof`: what `prove` found of a claim over a box, and the files that keep its witness."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scalarspec.core.arrays import lift
from scalarspec.errors import ArgumentError
from scalarspec.numbers.exact import as_array, data_value, exact_text, float_below, interval_text
from scalarspec.report import ends_json, floats_json, unboxed
from scalarspec.verdict import Status, Verdict

Output = tuple[int, ...]
"""The index of an output of a claim; () of a claim of one output."""


@dataclass(frozen=True, eq=False)
class Proof(Verdict):
    """A verdict on a claim over a box of arguments.

    witness: where it is refuted, exact arguments at which it fails: by the name of each that varies (with the path in
    it, such as `model.weight`, where it holds several), an object array of Fractions in the argument's shape, or one
    Fraction for a number; output: which output of the claim fails there; value: the ends of what that output is there,
    of the right side less the left one for a comparison.

    margins: for each output of the claim the ends of its margin over the box, as far as they are known, two numbers or
    object arrays: negative where it fails. The margin is b - a for a <= b, the least of those of an `and`, the greatest
    of an `or`, the negative one of a `not`, -|b - a| for a == b. undecided: the outputs that are not proved; gaps: by
    how far the bounds miss each output, floats in the claim's shape, rounded up: 0 where it is proved, or where the
    edge itself is what is missing. boxes: into how many parts the box was split; stopped: what ended that search.
    """

    output: Output | None = None
    value: tuple[Any, Any] | None = None
    margins: tuple[Any, Any] | None = None
    undecided: tuple[Output, ...] = ()
    gaps: Any = None
    boxes: int = 1
    stopped: str = ""
    _certify: Callable[[int, str], dict[str, Any]] | None = field(default=None, repr=False)

    def certificate(self, format: str = "scalarspec") -> dict[str, Any]:
        """A proof of a claim that is proved, as plain data for JSON: what is needed to repeat it in exact arithmetic.

        `scalarspec check FILE`, or a copy of that one file without this library, checks it. The proof is made
        anew, of means that are simple to check, and may take more parts than the search did.

        format: "scalarspec", or "crown_query_v1" for TorchLean's checker in Lean 4, of comparisons of dense layers and
        rectifiers, where they are proved without a split. See docs/how-to/torchlean.md.
        Raises ArgumentError where nothing is proved, or the claim is not at hand any more since the proof was pickled,
        and for an unknown format, NotSupported for an operation that the checker does not know, and where no proof of
        its means was found.

            proof = ss.prove(lambda x: ss.square(x) <= 4, 0.0, vary={"x": ss.ball(2)})
            json.dump(proof.certificate(), open("proof.json", "w", encoding="utf-8"))
        """
        if self.status != "proved":
            raise ArgumentError(f"certificate: expected a claim that is proved, got one that is {self.status}")
        if self._certify is None:
            raise ArgumentError("certificate: a proof that was pickled knows its claim no more")
        return self._certify(self.boxes, format)

    def __getstate__(self) -> dict[str, Any]:
        """Plain data, without the claim."""
        return {**vars(self), "_certify": None}

    def save(self, path: str | Path) -> None:
        """Writes the witness into an .npz file: each array by its name, as float64 where all its numbers are floats,
        else as their exact texts, such as "1/3". `ss.prove(..., witness=path)` looks at it again.

        Raises ArgumentError where there is no witness, or the file cannot be written.
        """
        if self.witness is None:
            raise ArgumentError(f"save: expected a refuted claim, which has a witness, got one that is {self.status}")
        try:
            with zipfile.ZipFile(path, "w") as archive:  # by hand, since np.savez takes no array that is called file
                for name, values in self.witness.items():
                    with archive.open(f"{name}.npy", "w") as member:
                        np.lib.format.write_array(member, _stored(values), allow_pickle=False)
        except OSError as error:
            raise ArgumentError(f"save: cannot write {path}: {error}") from None

    def __str__(self) -> str:
        shown = super().__str__()
        if self.output is None or self.value is None:
            return shown
        low, high = self.value
        ends = exact_text(low) if low == high else f"in {interval_text(low, high, 10)}"
        return f"{shown}\n  there{place_text(self.output)} it is {ends}"

    def to_json(self) -> dict[str, Any]:
        """Plain data, with exact values as strings."""
        value = None if self.value is None else ends_json(*self.value)
        more = {"output": self.output, "value": value, "margins": self.margins and ends_json(*self.margins)}
        missed = {"undecided": list(self.undecided), "gaps": None if self.gaps is None else floats_json(self.gaps)}
        return {**super().to_json(), **more, **missed, "boxes": self.boxes, "stopped": self.stopped}


@dataclass(frozen=True, eq=False)
class Proofs(Sequence[Proof]):
    """The proofs of a claim for each row of its arguments, in order."""

    rows: tuple[Proof, ...]

    def __getitem__(self, i: Any) -> Any:
        return self.rows[i]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Proof]:
        return iter(self.rows)

    @property
    def proved(self) -> bool:
        """Does it hold for every row?"""
        return self.status == "proved"

    @property
    def status(self) -> Status:
        """Of the claim for all rows: refuted as soon as one is, proved where all are."""
        found = {proof.status for proof in self.rows}
        return "refuted" if "refuted" in found else "undecided" if "undecided" in found else "proved"

    @property
    def seconds(self) -> float:
        """How long all rows took."""
        return sum(proof.seconds for proof in self.rows)

    def __str__(self) -> str:
        counts = [(status, sum(p.status == status for p in self.rows)) for status in ("proved", "refuted", "undecided")]
        head = ", ".join(f"{count} {status}" for status, count in counts if count) or "no rows"
        return "\n".join([head, *(f"row {i}: {proof}" for i, proof in enumerate(self.rows))])

    def to_json(self) -> dict[str, Any]:
        """Plain data, with exact values as strings."""
        return {"status": self.status, "rows": [proof.to_json() for proof in self.rows]}


def witness_of(source: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """A witness as exact object arrays: of a mapping by names, or from the .npz file that `Proof.save` wrote.

    Raises ArgumentError where the file is none of numbers.
    """
    if isinstance(source, Mapping):
        return {name: _exact(values) for name, values in source.items()}
    try:
        with np.load(source, allow_pickle=False) as archive:
            return {name: _exact(archive[name]) for name in archive.files}
    except FileNotFoundError:
        raise ArgumentError(f"witness: there is no file {source}") from None
    except (OSError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise ArgumentError(f"witness: {source} is no .npz file of numbers: {error}") from None


def shown_witness(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point as a witness shows it."""
    return {name: unboxed(_exact(values)) for name, values in point.items()}


def _exact(values: Any) -> Any:
    return np.asarray(lift(data_value, as_array(values)), dtype=object)


def _stored(values: Any) -> Any:
    exact = as_array(values)
    floats = lift(float_below, exact).astype(np.float64)
    if all(x == y for x, y in zip(map(float, floats.flat), exact.flat, strict=True)):
        return floats
    return lift(exact_text, exact).astype(str)


def place_text(output: Output) -> str:
    """Where an output is, in words."""
    return f" at output {list(output)}" if output else ""
