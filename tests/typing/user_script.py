"""What a user's own script sees of the types of results: it runs, and mypy --strict and pyright accept it."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Literal, assert_type

import numpy as np

import scalarspec as ss
from scalarspec.bounding.bounds import Bounds
from scalarspec.bounding.proofs import Proof
from scalarspec.compare import Comparison
from scalarspec.formulas.derivation import Derivation
from scalarspec.results import Exact, Float64s, Record
from scalarspec.rounding_errors.crosscheck import Crosscheck
from scalarspec.rounding_errors.ranges import RangeMap
from scalarspec.rounding_errors.stages import Stage
from scalarspec.rounding_errors.tolerance import Tolerance


def loss(x: ss.Tensor) -> ss.Tensor:
    """A mean of squares."""
    return ss.mean(ss.square(x))


def loss_in_numpy(x: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.float64:
    """The same by hand."""
    return np.float64(np.mean(x * x))


def kept(report: ss.Report, place: Path) -> Record:
    """The page of any report in a file, and its record."""
    place.write_text(report.html(), encoding="utf-8")
    return report.to_json()


def main(folder: Path) -> list[Record]:
    """The jobs, each with the types of what it gives."""
    x, box = np.array([0.5, -1.0]), {"x": ss.ball("0.1")}

    found = assert_type(ss.bounds(loss, x, vary=box), Bounds)
    assert_type(found.lower, Exact)
    if isinstance(found.lower, Fraction) and isinstance(found.upper, Fraction):
        assert found.lower <= Fraction(5, 8) <= found.upper
    assert_type(found.inner, tuple[Exact, Exact])
    assert_type(found.certificate(), Record)

    proof = assert_type(ss.prove(loss, x, vary=box, at_least=0), Proof)
    assert_type(proof.status, Literal["proved", "refuted", "undecided"])
    assert_type(proof.gaps, Float64s | None)

    checked = assert_type(ss.crosscheck(loss, x, actual=loss_in_numpy), Crosscheck)
    assert_type(checked.max_ulps, float)
    assert_type(checked.stages, tuple[Stage, ...])

    allowed = assert_type(ss.tolerance(loss, x, vary=box, dtype="float32"), Tolerance)
    np.testing.assert_allclose(np.float32(0.625), loss_in_numpy(x), atol=np.max(allowed.absolute))
    at_risk = assert_type(ss.ranges(loss, x, vary=box, dtype="float16"), RangeMap)
    names: list[str] = [offender.operation for offender in at_risk.offenders]

    readings = assert_type(ss.compare(loss, x), Comparison)
    assert_type(readings["float64"].value, ss.Tensor | None)
    formula = assert_type(ss.derive(loss, ss.Dim(2)), Derivation)
    text: Callable[[], str] = formula.latex

    reports: list[ss.Report] = [found, proof, checked, allowed, at_risk, readings]
    assert not names
    assert text()
    return [kept(report, folder / f"{i}.html") for i, report in enumerate(reports)]
