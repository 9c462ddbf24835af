"""Mutants of certificates: none whose claim is false at some point that is looked at is accepted: `make fuzz`.

    python tests/fuzz_certificates.py [--mutants 10000] [--seed 0]

A mutant has one to three changes of its JSON: of numbers, of structure, of types. What `scalarspec.check` accepts is
evaluated at corners, in the middle and inside, by mpmath in 600 bits, which owes nothing to the checker.
"""

import argparse
import random
import sys
from collections import Counter

import certified

from scalarspec import check


def accepted(certificate):
    """Does the checker accept it? A refusal is any exception, as on its command line."""
    try:
        check.checked(certified.text(certificate))
    except Exception:
        return False
    return True


def outcomes(seeds, said=print):
    """How many mutants are refused, accepted, and accepted though their claim is false."""
    cases = [*certified.SPECS, *certified.CLAIMS]
    whole = {name: certified.certificate_of(name) for name in cases}
    whole["parts"] = certified.certificate_of("mse", method="subdivide", budget=4)
    found = Counter()
    for seed in seeds:
        source = random.Random(seed)
        name = source.choice(list(whole))
        changed = certified.mutant(whole[name], source)
        if not accepted(changed):
            found["refused"] += 1
            continue
        false = certified.refuted(changed)
        found["false" if false else "accepted"] += 1
        if false:
            said(f"seed {seed}, {name}: accepted, and false")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutants", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = outcomes(range(options.seed, options.seed + options.mutants))
    print(f"{options.mutants} mutants: {dict(found)}")
    sys.exit(1 if found["false"] else 0)
