"""Cores of FPBench as specs of the command, `file.fpcore` or `file.fpcore:name`, and the box of their preconditions."""

from __future__ import annotations

import argparse
from pathlib import Path

from scalarspec.core.region import Box
from scalarspec.errors import ArgumentError
from scalarspec.frontends.fpcore import FPCore, from_fpcore

ENDING = ".fpcore"


def is_core(target: str) -> bool:
    """Does a target name a core?"""
    return target.endswith(ENDING) or f"{ENDING}:" in target


def load(target: str) -> FPCore:
    """The core that a target names. Raises as `from_fpcore` does, and ArgumentError where it must say which one."""
    path, name = target, None
    if not target.endswith(ENDING):
        path, _, name = target.rpartition(f"{ENDING}:")
        path += ENDING
    found = from_fpcore(Path(path), name)
    if isinstance(found, list):
        names = ", ".join(core.name or "one without a name" for core in found[:20])
        raise ArgumentError(f"spec: {path} holds {len(found)} cores; say which, as in {path}:name: {names}")
    core: FPCore = found
    return core


def own_box(options: argparse.Namespace) -> dict[str, Box]:
    """Where `--vary` says nothing, the box of a core's preconditions, for all arguments that are not `--set`.

    The middle of the box stands in `options.set`, and the format of the core's floats in `options.dtype`, where there
    is one and it says nothing. Raises ArgumentError where a spec has no box of its own.
    """
    core = load(options.spec) if is_core(options.spec) else None
    if core and "dtype" in options and options.dtype is None:
        if core.dtype is None:
            raise ArgumentError(f"--dtype: say which: {options.spec} has the precision {core.precision}")
        options.dtype = core.dtype
    if options.vary:
        return {}
    if core is None or core.box is None or options.inputs is not None:
        raise ArgumentError(
            f"--vary: {options.spec} says no box of its own for its arguments; give --vary NAME=LOW:HIGH"
        )
    fixed = {text.partition("=")[0] for text in options.set}
    free = {name: region for name, region in core.box.items() if name not in fixed}
    middles = [f"{name}={(box.lower + box.upper) / 2}" for name, box in free.items()]
    options.set = [*options.set, *middles]
    return free
