"""`Proof`: what `prove` found of a claim over a box, and the files that keep its witness."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np

from scalarspec.core.arrays import lift
from scalarspec.errors import ArgumentError
from scalarspec.numbers.exact import End, as_array, data_value, exact_text, float_above, float_below, interval_text
from scalarspec.pages.figures import DRAWN, Row, Span, Strips, the_first
from scalarspec.pages.page import Page, Part, Table
from scalarspec.pages.shown import Shown
from scalarspec.report import ends_json, floats_json, place_texts, unboxed
from scalarspec.results import Exact, Float64s, Record
from scalarspec.verdict import MARKS, Status, Verdict, told

Output = tuple[int, ...]
"""The index of an output of a claim; () of a claim of one output."""


@dataclass(frozen=True, eq=False)
class Proof(Verdict):
    """A verdict on a claim over a box of arguments.

    status: "proved", "refuted" or "undecided"; method: by which it was found; scope: for which arguments; steps: of the
    proof, in words; seconds: what it took.

    witness: where it is refuted, exact arguments at which it fails: by the name of each that varies (with the path in
    it, such as `model.weight`, where it holds several), an object array of Fractions in the argument's shape, or one
    Fraction for a number; output: which output of the claim fails there; value: the ends of what that output is there,
    of the right side less the left one for a comparison.

    margins: for each output of the claim the ends of its margin over the box, as far as they are known, two numbers or
    object arrays: negative where it fails. The margin is b - a for a <= b, the least of those of an `and`, the greatest
    of an `or`, the negative one of a `not`, -|b - a| for a == b, and infinite where nothing that varies matters, as for
    a <= a. undecided: the outputs that are not proved; gaps: by how far the bounds miss each output, floats in the
    claim's shape, rounded up: 0 where it is proved, or where the edge itself is what is missing. boxes: into how many
    parts the box was split; stopped: what ended that search. name: the spec's.
    """

    output: Output | None = None
    value: tuple[End, End] | None = None
    margins: tuple[Exact, Exact] | None = None
    undecided: tuple[Output, ...] = ()
    gaps: Float64s | None = None
    boxes: int = 1
    stopped: str = ""
    _certify: Callable[[int, str], Record] | None = field(default=None, repr=False)
    name: str = ""

    def certificate(self, format: str = "scalarspec") -> Record:
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

    def __getstate__(self) -> Record:
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

    def _page(self) -> Page:
        title = f"Claim about {self.name}" if self.name else "Claim"
        return Page(title, MARKS[self.status], (told(self.status), _sentence(self)), self._parts())

    def _parts(self) -> list[Part]:
        drawn = [] if self.margins is None or not as_array(self.margins[0]).size else _margins(*self.margins)
        return [*super()._parts(), *drawn]

    def to_json(self) -> Record:
        """Plain data, with exact values as strings."""
        value = None if self.value is None else ends_json(*self.value)
        more = {"output": self.output, "value": value, "margins": self.margins and ends_json(*self.margins)}
        missed = {"undecided": list(self.undecided), "gaps": None if self.gaps is None else floats_json(self.gaps)}
        return {**super().to_json(), **more, **missed, "boxes": self.boxes, "stopped": self.stopped}


@dataclass(frozen=True, eq=False)
class Proofs(Shown, Sequence[Proof]):
    """The proofs of a claim for each row of its arguments, in order.

    rows: a proof for each.
    """

    rows: tuple[Proof, ...]

    @overload
    def __getitem__(self, i: int) -> Proof: ...

    @overload
    def __getitem__(self, i: slice) -> tuple[Proof, ...]: ...

    def __getitem__(self, i: int | slice) -> Proof | tuple[Proof, ...]:
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
        return "\n".join([self._counts(), *(f"row {i}: {proof}" for i, proof in enumerate(self.rows))])

    def _counts(self) -> str:
        counts = [(status, sum(p.status == status for p in self.rows)) for status in ("proved", "refuted", "undecided")]
        return ", ".join(f"{count} {status}" for status, count in counts if count) or "no rows"

    def _page(self) -> Page:
        name = next((proof.name for proof in self.rows), "")
        title = f"Claim about {name}, row by row" if name else "Claim, row by row"
        rows = [[str(i), proof.status, proof.how(), proof.witness_text()] for i, proof in enumerate(self.rows)]
        refuted = {i for i, proof in enumerate(self.rows) if proof.status == "refuted"}
        if not rows:
            return Page(title, "plain", ("Empty.", "There are no rows."))
        table = Table("Rows", ["row", "status", "how", "witness"], rows, refuted)
        return Page(title, MARKS[self.status], (told(self.status), f"{self._counts()}."), [table])

    def to_json(self) -> Record:
        """Plain data, with exact values as strings."""
        return {"status": self.status, "rows": [proof.to_json() for proof in self.rows]}


def _sentence(proof: Proof) -> str:
    """What a proof says of its claim, in words."""
    if proof.status == "proved":
        return "The claim holds for all arguments in the box."
    if proof.status == "undecided":
        count = f" for {len(proof.undecided)} of its outputs" if any(proof.undecided) else ""
        return f"No proof of the claim was found{count}, and no point at which it fails."
    if proof.value is None:
        return "The claim fails at the witness below."
    low, high = proof.value
    how = "in exact arithmetic" if low == high else "by an enclosure of its value there"
    return f"The claim fails at the witness below, {how}. {str(proof).splitlines()[-1].strip().capitalize()}."


def _margins(low: Exact, high: Exact) -> list[Part]:
    """A table and a figure of the margins."""
    ends = list(zip(as_array(low).flat, as_array(high).flat, strict=True))
    places = place_texts(as_array(low).shape)
    rows = [[place, interval_text(*pair, 10)] for place, pair in zip(places, ends, strict=True)]
    spans = [(Span(float_below(least), float_above(most)),) for least, most in ends[:DRAWN]]
    first = the_first(len(ends))
    told = f"A bar for the margin of each output{first}, and a line at 0; the table has the numbers."
    drawn = [Row(*row) for row in zip(places, spans, strict=False)]
    return [
        Table("Margins over the box, negative where the claim fails", ["output", "margin"], rows),
        Strips(f"The margins on one axis{first}", told, drawn, [("▮", "bar", "margin")], zero=True),
    ]


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
