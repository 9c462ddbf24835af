"""Fuzzes every job with random specs, over wide boxes, huge and tiny magnitudes, and masks: `python fuzz_jobs.py`.

Each spec goes through bounds, prove, tolerance, crosscheck, ranges, gradients, prepared calls and formulas. Whatever
happens, it is an answer or an error of scalarspec's: a foreign exception is a miss. The shares of answers are counted.
"""

from __future__ import annotations

import argparse
import random
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.errors import ScalarSpecError

SCALES = (1e-310, 1e-200, 1e-30, 1e-3, 1.0, 1.0, 1.0, 1.0, 30.0, 800.0, 1e10, 1e160, 1e300)
UNARY: list[Callable[..., Any]] = [
    ss.exp, ss.log, ss.sqrt, ss.square, ss.abs, ss.relu, ss.tanh, ss.sigmoid, ss.softplus, ss.logcosh, ss.erf, ss.atan,
    ss.sin, ss.cosh, ss.expm1, ss.log1p, ss.reciprocal, ss.sign, ss.heaviside,
    ss.silu, ss.gelu, ss.mish, ss.elu, ss.hardswish, ss.softsign, ss.floor, ss.round, ss.trunc, ss.erfc, ss.log_ndtr,
    ss.log2, ss.asin, ss.acosh, ss.atanh, ss.asinh, ss.cbrt, ss.lgamma, ss.digamma,
    lambda x: -x, lambda x: x**3, lambda x: x**-2, lambda x: 1 - x, lambda x: x / 3, lambda x: ss.clip(x, "0.1", 2),
]  # fmt: skip
BINARY: list[Callable[..., Any]] = [
    lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y, ss.maximum, ss.minimum,
    ss.hypot, ss.atan2, ss.remainder, ss.copysign, ss.logaddexp, ss.xlogy,
]  # fmt: skip
GUARDED: list[Callable[..., Any]] = [
    lambda x: ss.where(x > 0, lambda: x * ss.log(x), 0),
    lambda x: ss.where(x > 0, lambda: ss.sqrt(x), -x),
    lambda x: ss.where(ss.equal(x, 0), 1, lambda: ss.sin(x) / x),
    lambda x: ss.where((x > -1) & (x < 1), lambda: ss.log1p(x) - ss.log1p(-x), x),
]
REDUCED: list[Callable[..., Any]] = [ss.sum, ss.mean, ss.logsumexp, lambda x: ss.dot(x, x), lambda x: x[0] - x[-1]]


class Question:
    """A random composition and a box, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        source = random.Random(seed)
        steps = [source.choice((*UNARY, *GUARDED, *BINARY)) for _ in range(source.randint(1, 5))]
        others = [source.randint(0, 5) for _ in steps]
        ends = source.choice((*REDUCED, None))
        size, scale = source.randint(1, 4), source.choice(SCALES)
        self.x = np.array([source.uniform(-1, 1) * scale for _ in range(size)])
        if source.random() < 0.3:
            self.x[source.randrange(size)] = 0.0
        self.spec = composed(steps, others, ends, [int(source.random() < 0.7) for _ in range(size)])
        self.radius = source.choice((0, 1e-9, 0.1, 1.0, 10.0)) * abs(float(self.x[0]))


def composed(steps: list[Any], others: list[int], ends: Any, mask: list[int]) -> Callable[..., Any]:
    """The composition; where the mask is 0, x."""

    def spec(x: Any) -> Any:
        values = [x]
        for step, other in zip(steps, others, strict=True):
            operands = [values[-1], values[other % len(values)]][: 2 if step in BINARY else 1]
            values.append(step(*operands))
        value = ss.where(x.context.tensor(mask) > 0, values[-1], x)
        return value if ends is None else ends(value)

    return spec


def jobs(question: Question) -> dict[str, Callable[[], Any]]:
    """By name, what is asked."""
    spec, x = question.spec, question.x
    vary: Any = {"x": ss.ball(question.radius)}
    return {
        "bounds": lambda: str(ss.bounds(spec, x, vary=vary)),
        "mean value": lambda: ss.bounds(spec, x, vary=vary, method="mean-value"),
        "subdivide": lambda: ss.bounds(spec, x, vary=vary, method="subdivide", budget=5),
        "prove": lambda: ss.prove(lambda x: spec(x) <= 1, x, vary=vary, budget=5),
        "tolerance": lambda: str(ss.tolerance(spec, x, vary=vary, dtype="float32", splits=3)),
        "crosscheck": lambda: str(ss.crosscheck(spec, x, actual=_floats(spec, x))),
        "ranges": lambda: str(ss.ranges(spec, x, vary=vary, dtype="float32")),
        "gradient": lambda: [ss.grad(_summed(spec))(ss.context(c).tensor(x)) for c in ("float64", "interval64")],
        "prepared": lambda: ss.prepare(spec, x, inputs="x")(x),
        "derive": lambda: ss.derive(_summed(spec), ss.Shape(x.shape)).python(wrt="x"),
    }


def _floats(spec: Callable[..., Any], x: Any) -> Any:
    return np.asarray(spec(ss.context("float64").tensor(x)).tolist())


def _summed(spec: Callable[..., Any]) -> Callable[..., Any]:
    def total(x: Any) -> Any:
        return ss.sum(spec(x))

    return total


def tried(question: Question) -> dict[str, str]:
    """By job: "" for an answer, the class of a refusal, or the traceback of a foreign exception after "foreign"."""
    found = {}
    for name, job in jobs(question).items():
        try:
            job()
            found[name] = ""
        except ScalarSpecError as error:
            found[name] = type(error).__name__
        except Exception:
            found[name] = "foreign " + traceback.format_exc()
    return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="specs (default 2000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other specs (default 0)")
    options = parser.parse_args()
    warnings.simplefilter("error")
    answered: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    foreign = 0
    for seed in range(options.seed, options.seed + options.count):
        for name, outcome in tried(Question(seed)).items():
            answered[name] += not outcome
            if outcome.startswith("foreign"):
                foreign += 1
                print(f"seed {seed}, {name}: {outcome[8:]}", flush=True)
            elif outcome:
                refused[f"{name}: {outcome}"] += 1
    for name, count in answered.items():
        print(f"{name:12} answered {count / options.count:.1%}")
    print("refused:", ", ".join(f"{name} {count}" for name, count in refused.most_common()))
    print(f"{options.count} specs, {foreign} foreign exceptions")
    return int(foreign > 0)


if __name__ == "__main__":
    raise SystemExit(main())
