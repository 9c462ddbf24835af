"""Bounds, proofs and monotonicity of dense networks with rectifiers, as documents that TorchLean's checkers in Lean 4
read: `certificate("crown_query_v1")`, `certificate("monotonicity_v1")`.

TorchLean proves in Lean that a document which its checker accepts says what is so of the network that stands in it, for
all real inputs. What its readers read was taken from lean-dojo/TorchLean at commit
0f845313599795032960d487708c309e1fb2f40e (`NN/Verification/Cert/CROWNQuery/Json.lean`), and from its fork
srirampc/TorchLean at 3447b74f6bf43f83ad50885851caf0bc01b4c53d (the same; in `NN/Verification`:
`Cert/RationalJson.lean`, `Cert/CROWNQuery.lean`, `Util/Json.lean`, `Monotonicity.lean`; in `NN/MLTheory/CROWN`:
`Core.lean`, `Runtime/Ops.lean`, `Cert/AlphaCROWN.lean`, `BoundOps/Rational.lean`, `Graph/Engine/CROWN/Linear.lean`) and
801eb0efaf658fa25d7bdca958cafd4d23ce9e16 (`NN/Verification/Monotonicity/Json.lean`):

  crown_query_v1    format: this name. input_dim: a natural number n > 0. input: lo, hi: n numbers each, lo <= hi.
                    layers: at least one; each a kind: "linear": weights: m > 0 rows of as many numbers as the layer
                    before gives, bias: m numbers; or "relu": alpha: as many numbers as it takes, in [0, 1].
                    query: weights: k > 0 rows, bias: k numbers; strict: true or false.
  monotonicity_v1   format, input_dim, layers as above, where "relu" has no alpha.

Every number is a string, "n" or "n/d", which is read exactly; a number of JSON is refused. Nothing else is read.

A query claims weights y + bias <= 0 (< 0 where strict) of the outputs y over the box. Its checker works in exact
fractions, with no rounding: forward CROWN with the slopes alpha (`forms`). So the bounds of a document are made by the
same arithmetic, and rounded outward to multiples of 2^-80, which it then accepts. A document of monotonicity claims
that no output falls where an input rises; it is accepted where no weight is negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from scalarspec.bounding.domain import Domain
from scalarspec.certificates.claim import Claim, rounded
from scalarspec.certificates.dense import Dense, Network, network_of
from scalarspec.certificates.forms import SLOPES, Slopes, lines_around, through
from scalarspec.certificates.program import program_of
from scalarspec.check import SIDES
from scalarspec.errors import NotSupported
from scalarspec.numbers.exact import exact_text

Array = np.ndarray[Any, Any]
Document = dict[str, Any]
QUERY, MONOTONICITY = "crown_query_v1", "monotonicity_v1"


def query_of_bounds(domain: Domain) -> Document:
    """Bounds of every output of a spec, from above and below, over one box: each y - b <= 0 and then each a - y <= 0.

    Raises NotSupported for a spec that is no dense network with rectifiers, as `network_of` does.
    """
    network = network_of(program_of(domain))
    each = np.eye(len(network.layers[-1].bias), dtype=int).astype(object) + Fraction(0)
    weights = np.concatenate([each, -each])
    lines, slopes = lines_around(network, SLOPES[0])
    _, above = through(Dense(weights, np.full(len(weights), Fraction(0))), lines)
    limits = np.array([rounded(-x) for x in above.most(*network.box)], object)
    return _query(network, slopes, Dense(weights, limits), False)


def query_of_claim(domain: Domain, claim: Claim) -> Document:
    """Comparisons of outputs with numbers, all of which hold over one box.

    Raises NotSupported as `query_of_bounds` does, for a claim of another kind, and where the checker would not find
    that it holds with any of `SLOPES`.
    """
    network = network_of(program_of(domain))
    query, strict = _inequalities(claim, len(network.layers[-1].bias))
    for slope in SLOPES:
        lines, slopes = lines_around(network, slope)
        most = max(through(query, lines)[1].most(*network.box))
        if most < 0 or (most == 0 and not strict):
            return _query(network, slopes, query, strict)
    raise NotSupported(f"certificate: the bounds of {QUERY} are simpler than those of the search, and miss the claim")


def monotonicity(domain: Domain) -> Document:
    """That no output of a spec falls where an input rises, within the box and outside of it.

    Raises NotSupported as `query_of_bounds` does, and where a weight of a layer is negative.
    """
    network = network_of(program_of(domain))
    if not network.everywhere:
        raise NotSupported(f"certificate: {MONOTONICITY} takes no input that skips a layer")
    for i, dense in enumerate(network.layers):
        if dense.weights.min() < 0:
            raise NotSupported(f"certificate: {MONOTONICITY} takes no negative weights, and dense layer {i} has one")
    return {"format": MONOTONICITY, "input_dim": len(network.box[0]), "layers": _layers(network, None)}


def _inequalities(claim: Claim, outputs: int) -> tuple[Dense, bool]:
    """A claim as weights y + bias <= 0, or < 0. One that is strict in parts is claimed strictly in all."""
    claims = [*_comparisons(claim)]
    if not claims:
        raise NotSupported(f"certificate: {QUERY} expects a claim that compares an output")
    weights, bias = np.full((len(claims), outputs), Fraction(0)), np.full(len(claims), Fraction(0))
    for i, (relation, output, *limit) in enumerate(claims):
        weights[i, output], bias[i] = Fraction(-SIDES[relation]), SIDES[relation] * Fraction(*limit)
    return Dense(weights, bias), any(relation in ("above", "below") for relation, *_ in claims)


def _comparisons(claim: Claim) -> Iterator[Claim]:
    """The comparisons that a claim joins by and."""
    if claim[0] == "or" and len(claim) != 2:
        raise NotSupported(f"certificate: {QUERY} takes comparisons that all hold, and no 'or'")
    if claim[0] in SIDES:
        yield claim
    else:
        for part in claim[1:]:
            yield from _comparisons(part)


def _query(network: Network, slopes: Slopes, query: Dense, strict: bool) -> Document:
    lower, upper = map(_texts, network.box)
    head = {"format": QUERY, "input_dim": len(lower), "input": {"lo": lower, "hi": upper}}
    return {**head, "layers": _layers(network, slopes), "query": {**_shown(query), "strict": strict}}


def _layers(network: Network, slopes: Slopes | None) -> list[Document]:
    """Dense layers, and between each two a rectifier, with its slopes where they are wanted."""
    found: list[Document] = []
    for i, dense in enumerate(network.layers):
        if i:
            found.append({"kind": "relu"} if slopes is None else {"kind": "relu", "alpha": _texts(slopes[i - 1])})
        found.append({"kind": "linear", **_shown(dense)})
    return found


def _shown(dense: Dense) -> Document:
    return {"weights": [_texts(row) for row in dense.weights], "bias": _texts(dense.bias)}


def _texts(numbers: Any) -> list[str]:
    return [exact_text(x) for x in numbers]
