"""Which entry of a file is which weight of a model, by their names alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scalarspec import layers

RENAMED = {
    "kernel": "weight", "gamma": "weight", "scale": "weight", "embedding": "weight", "embeddings": "weight",
    "beta": "bias", "moving_mean": "running_mean", "mean": "running_mean", "moving_variance": "running_var",
    "var": "running_var",
}  # fmt: skip
"""What Keras and Flax call the weights of a layer, and what PyTorch calls them."""
COLLECTIONS = ("params", "batch_stats")
"""Where Flax' names may begin."""
FIELDS = {
    (layers.MultiheadAttention, "out_proj_weight"): "out_proj.weight",
    (layers.MultiheadAttention, "out_proj_bias"): "out_proj.bias",
    (layers.BatchNorm, "mean"): "running_mean",
    (layers.BatchNorm, "var"): "running_var",
}
"""Fields of layers that PyTorch's layer has by another name."""
RECURRENT = (layers.RNN, layers.LSTM, layers.GRU)


@dataclass(frozen=True)
class Place:
    """A weight of a template. path: its name there; pytorchs: its name in the state dict of the same module."""

    path: str
    pytorchs: str


@dataclass(frozen=True)
class Source:
    """The entry of a file that a weight is, and whether it is a kernel of Keras' or Flax', with the outputs last."""

    name: str
    is_kernel: bool


@dataclass
class Matched:
    """What was found: the sources by path; what has none; entries that nothing wants; names that have several."""

    sources: dict[str, Source]
    missing: list[str]
    surplus: list[str]
    ambiguous: list[str]


def pytorchs(path: str, owners: Mapping[str, type]) -> str:
    """The name of a weight in the state dict of PyTorch's module of the same layers.

    owners: the classes of the layers by their paths.
    """
    kept, before, layer, ending = [], "", "0", ""
    for part in path.split("."):
        owner, within_stack = owners.get(before), owners.get(before.rpartition(".")[0]) is layers.Stacked
        before = f"{before}.{part}".lstrip(".")
        if owner in (layers.Sequential, layers.Stacked):
            continue
        if within_stack and part.isdecimal():
            layer = part
        elif owner is layers.Bidirectional:
            ending = "_reverse" if part == "backward" else ""
        elif owner in RECURRENT:
            kept.append(f"{part}_l{layer}{ending}")
        else:
            kept.append(FIELDS.get((owner, part), part))  # type: ignore[arg-type]
    return ".".join(kept)


def plain(name: str) -> str:
    """A name with points between its parts, and without what says only where it is kept."""
    first, *rest = re.split(r"[./]", name.removesuffix(":0"))
    return ".".join(rest if rest and first in COLLECTIONS else [first, *rest])


def renamed(name: str) -> str:
    """A plain name as PyTorch says it."""
    before, point, last = plain(name).rpartition(".")
    return f"{before}{point}{RENAMED.get(last, last)}"


def _same(name: str) -> str:
    return name


Key = Callable[[Any], str]
ROUNDS: tuple[tuple[Key, Key], ...] = (
    (lambda place: place.path, _same),
    (lambda place: place.pytorchs, _same),
    (lambda place: plain(place.path), plain),
    (lambda place: plain(place.pytorchs), plain),
    (lambda place: plain(place.pytorchs), renamed),
)
"""What must be equal of a place and of an entry's name: the exact names first, then what they say."""


def matched(places: Iterable[Place], names: Iterable[str]) -> Matched:
    """Each place with the entry that it names. One that two places want, or a place that two entries fit, is
    ambiguous.
    """
    open_places, open_names = list(places), list(names)
    found = Matched({}, [], [], [])
    for of_place, of_name in ROUNDS:
        wanted, offered = _grouped(open_places, of_place), _grouped(open_names, of_name)
        for key in (key for key in wanted if key in offered):
            if len(wanted[key]) == len(offered[key]) == 1:
                name = offered[key][0]
                is_kernel = of_name is renamed and plain(name).rpartition(".")[2] == "kernel"
                found.sources[wanted[key][0].path] = Source(name, is_kernel)
            else:
                paths = " and ".join(place.path for place in wanted[key])
                found.ambiguous.append(f"{paths} from {' or '.join(offered[key])}")
        open_places = [place for place in open_places if of_place(place) not in offered]
        open_names = [name for name in open_names if of_name(name) not in wanted]
    found.missing = [place.path for place in open_places]
    found.surplus = [name for name in open_names if plain(name).rpartition(".")[2] != "num_batches_tracked"]
    return found


def _grouped(items: Iterable[Any], key: Key) -> dict[str, list[Any]]:
    groups = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
