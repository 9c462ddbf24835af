"""Prepared plans of `interval64` against plain calls, bit for bit, on hostile values in any order.

    python tests/fuzz_replays.py [--programs 400] [--seed 0]

Each random program on whole tensors is prepared, with and without fused loops, and called with boxes and points: small
and wide ones, some that hold 0, huge ones, subnormal ones, and such as leave a domain. What a call gives, or by which
error it refuses, must be what the plain call gives on the same values, whatever came before.
"""

import argparse
import sys

import numpy as np
from tensor_programs import a_tensor_program

import scalarspec as ss
from scalarspec.backends.interval64.point import Point
from scalarspec.errors import ScalarSpecError

CONTEXTS = {"interval64": ss.context("interval64", fast=False), "fused": ss.context("interval64")}
SCALES = (1, 1, 1, 1, 0, 1e-5, 30, 800, 1e160, 1e308, 1e-160, 5e-324)
"""What the numbers of a program's arguments are multiplied by."""
LARGEST = 1.7e308
RADII = (0, 1e-9, 0.01, 0.5, 10)
"""How wide boxes are, beside the size of their numbers."""


def values(context, shape, rng):
    """A box, or points, of a shape."""
    with np.errstate(over="ignore"):
        middle = np.clip(rng.normal(size=shape) * rng.choice(SCALES), -LARGEST, LARGEST)
        radius = np.minimum(rng.choice(RADII) * np.abs(middle), LARGEST) * rng.integers(0, 2, size=shape)
        ends = np.clip(middle - radius, -LARGEST, LARGEST), np.clip(middle + radius, -LARGEST, LARGEST)
    return context.box(*ends) if rng.random() < 0.8 else context.tensor(middle)


def value_or_error(function, *values):
    """The bits of a value, or the kind of an error."""
    try:
        value = function(*values).value
    except ScalarSpecError as error:
        return type(error)
    numbers = value.x if type(value) is Point else value
    return type(value), numbers.shape, numbers.tolist() if numbers.dtype == object else numbers.tobytes()


def differences(programs, seed, calls=14):
    """The programs of which a prepared call is not the plain one; and how many calls were replayed, and looked at."""
    wrong, replayed, looked_at = [], 0, 0
    for program in range(programs):
        spec, arguments, _ = a_tensor_program(seed + program)
        for kind, context in CONTEXTS.items():
            rng = np.random.default_rng(seed + program)
            prepared = ss.prepare(spec, *arguments, inputs=("x", "y"), backend=context)
            for _ in range(calls):
                given = [values(context, np.shape(a), rng) for a in arguments]
                same = value_or_error(prepared, *given) == value_or_error(spec, *given)
                looked_at += 1
                replayed += prepared.run._held.replay is not None
                if not same:
                    wrong.append((seed + program, kind))
                    break
    return wrong, replayed, looked_at


def main():
    """The command."""
    parser = argparse.ArgumentParser(description="The command that fuzzes replays.")
    parser.add_argument("--programs", type=int, default=400, help="random programs (default 400)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other programs (default 0)")
    options = parser.parse_args()
    wrong, replayed, looked_at = differences(options.programs, options.seed)
    print(f"{looked_at} calls, {replayed} with a record, {len(wrong)} programs with another result: {wrong[:9]}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
