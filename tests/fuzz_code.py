"""Random programs in NumPy's and PyTorch's words: is what is certified what the code means?

python tests/fuzz_code.py [--count N] [--seed S]    # PyTorch's, exports and ONNX files where these are installed

A program is a text of statements: functions, methods, broadcasting, reductions, indices, choices, loops, operators in
place, names that share memory, constants that are what they print and others that are not. What it means is what NumPy
does with it in a format of 64 bits of precision (long double), and PyTorch in float64. Held against that: the enclosure
of the text as a spec, at 150 bits; the certified cross-check of its float64 values; its gradient. A refusal is no
difference; anything else is. The same for NumPy's programs that are written into ONNX models and read again, and for
PyTorch's by their exported graphs.
"""

import argparse
import contextlib
import importlib.util
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

import scalarspec as ss
from scalarspec.errors import NotDifferentiable, NotSupported, ScalarSpecError, Undecided

FINE = ss.context("interval", prec=150)
LONG = np.longdouble
CONSTANTS = (
    "0.5",
    "2",
    "-1.25",
    "3",
    "0.1",
    "1e-3",
    "0.3333333333333333",
    "np.sqrt(2.0)",
    "1 / 7",
    "np.pi",
    "-0.7",
    "np.float32(0.1)",
)
"""Exact and inexact ones, and some that are worked out in floats before any tensor meets them."""
# By result: templates of {a}, {b} (operands), {c} (a constant), for NumPy, and for PyTorch where it differs.
SAME = [
    ("np.exp({a} * 0.25)", "torch.exp({a} * 0.25)"), ("np.tanh({a})", "torch.tanh({a})"),
    ("np.sin({a})", "torch.sin({a})"), ("np.abs({a})", "torch.abs({a})"), ("{a} + {b}", None), ("{a} * {b}", None),
    ("{a} - {b}", None), ("{a} / (1 + {b}**2)", None), ("{c} * {a}", None), ("{a} - {c}", None), ("{c} - {a}", None),
    ("{a} / {c}", None), ("{a} ** 2", None), ("-{a}", None), ("np.maximum({a}, {b})", "torch.maximum({a}, {b})"),
    ("np.log1p({a} ** 2)", "torch.log1p({a} ** 2)"), ("np.sqrt({a} ** 2 + 0.1)", "torch.sqrt({a} ** 2 + 0.1)"),
    ("np.where({a} > {b}, {a}, {c} * {b})", "torch.where({a} > {b}, {a}, {c} * {b})"),
    ("np.clip({a}, -0.9, 1.1)", "torch.clamp({a}, -0.9, 1.1)"), ("{a} * ({a} > 0.2548828125)", None),
    ("{a} - {a}.mean(axis=-1, keepdims=True)", "{a} - {a}.mean(dim=-1, keepdim=True)"),
    ("{a} / ({a}.std(axis=-1, keepdims=True) + 1)", "{a} / ({a}.std(dim=-1, keepdim=True) + 1)"),
    ("{a} / np.sum({a} ** 2 + {c} ** 2)", "{a} / torch.sum({a} ** 2 + {c} ** 2)"),
    ("np.cumsum({a}, axis=-1)", "torch.cumsum({a}, dim=-1)"), ("{a}[..., ::-1]", "torch.flip({a}, (-1,))"),
    ("np.roll({a}, 1, axis=-1)", "torch.roll({a}, 1, -1)"), ("np.sort({a}, axis=-1)", "torch.sort({a}, dim=-1)[0]"),
    ("{a}.max(axis=-1, keepdims=True) - {a}", "{a}.amax(dim=-1, keepdim=True) - {a}"), ("{a}.copy()", "{a}.clone()"),

    ("np.heaviside({a}, 0.5) + {b}", "torch.heaviside({a}, torch.tensor(0.5, dtype=torch.float64)) + {b}"),
    ("{a} + np.arange(4) * {c}", "{a} + torch.arange(4) * {c}"), ("{a} @ np.eye(4) + {b}", None),
    ("np.exp({a} - {a}.max()) / np.exp({a} - {a}.max()).sum()", "torch.softmax({a}.flatten(), 0).view({a}.shape)"),
    ("({a} + 0.0126953125) % 1.5", None),
    ("np.floor({a} + 0.0126953125) + {b}", "torch.floor({a} + 0.0126953125) + {b}"),
    ("np.float64(0.1) * {a}", "0.1 * {a}"),
]  # fmt: skip
VIEWS = [
    ("{a}[..., :2]", None),
    ("{a}.T", None),
    ("{a}.reshape(2, 2)", None),
    ("np.reshape({a}, (4, 1))", "torch.reshape({a}, (4, 1))"),
    ("{a}", None),
    ("{a}[None]", None),
]
IN_PLACE = ["{a} += {b}", "{a} -= {c}", "{a} *= {c}", "{a} /= 2", "{a} *= {b}"]


class Program:
    """A random program: its text for each library, of x and y, (4,), and z, (3, 4)."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: dict[str, list[str]] = {"np": [], "torch": []}
        self.names, self.views = ["x", "y"], [0]
        for _ in range(self.random.randint(2, 6)):
            self.random.choice([self.assign] * 6 + [self.change] * 3 + [self.loop] * 2 + [self.share])()
        result = " + ".join(f"({name} * {1 + i}).sum()" for i, name in enumerate(dict.fromkeys(self.names[-4:])))
        self.say(f"return {result}", None)

    def say(self, text: str, other: str | None) -> None:
        """Adds a line for each library."""
        self.lines["np"].append(text)
        translated = other or text
        for theirs, ours in (("np.sqrt(2.0)", "1.4142135623730951"), ("np.pi", "3.141592653589793"),
                             ("np.float32(0.1)", "0.10000000149011612"),
                             ("np.eye(4)", "torch.eye(4, dtype=torch.float64)")):  # fmt: skip
            translated = translated.replace(theirs, ours)
        self.lines["torch"].append(translated)

    def filled(self, templates: tuple[str, str | None]) -> tuple[str, str | None]:
        """Templates with operands and a constant in them, the same for each."""
        a, b, c = self.random.choice(self.names), self.random.choice(self.names), self.random.choice(CONSTANTS)
        text, other = (t and t.format(a=a, b=b, c=f"({c})") for t in templates)
        return text, other

    def assign(self) -> None:
        """A new name for a value."""
        name, (text, other) = f"v{len(self.names)}", self.filled(self.random.choice(SAME))
        self.say(f"{name} = {text}", other and f"{name} = {other}")
        self.names.append(name)

    def change(self) -> None:
        """An operator in place, often of what was just made."""
        self.assign()
        name = self.names[-1] if self.random.random() < 0.9 else self.random.choice(self.names)
        b, c = self.random.choice(["x", "y", name]), self.random.choice(CONSTANTS)
        self.say(self.random.choice(IN_PLACE).format(a=name, b=b, c=f"({c})"), None)

    def share(self) -> None:
        """A view of a value, or another name for it, and an operator in place on one of the two."""
        self.assign()
        name, view = self.names[-1], f"w{len(self.names)}"
        text, other = self.random.choice(VIEWS)
        self.say(f"{view} = {text.format(a=name)}", other and f"{view} = {other.format(a=name)}")
        changed = self.random.choice([name, view])
        self.say(self.random.choice(["{a} += 1", "{a} *= (0.1)"]).format(a=changed), None)
        self.say(f"{name} = {name} + {view}.sum()", None)

    def loop(self) -> None:
        """A sum that is added up."""
        total, (text, other) = f"v{len(self.names)}", self.filled(self.random.choice(SAME[:8]))
        self.say(f"{total} = 0", None)
        self.say("for k in range(3):", None)
        self.say(f"    {total} += ({text}) * k", other and f"    {total} += ({other}) * k")
        self.names.append(total)

    def text(self, library: str) -> str:
        """The program as a function."""
        return "\n    ".join(["def program(x, y):", *self.lines[library]])

    def function(self, library: str) -> Callable[..., Any]:
        """The program itself: for PyTorch a module, so that methods have its meaning."""
        space: dict[str, Any] = {"np": np}
        if library == "np":
            exec(self.text(library), space)
            return space["program"]
        import torch

        exec(self.text(library), {"torch": torch}, space)
        return type("Program", (torch.nn.Module,), {"forward": lambda _, x, y: space["program"](x, y)})()


def inputs(seed: int) -> list[np.ndarray]:
    """Two vectors of numbers with few digits, some equal, some zero."""
    rng = np.random.default_rng(seed)
    return [rng.integers(-12, 13, 4) / 8 for _ in range(2)]


def value_of(enclosure: ss.Tensor) -> tuple[Fraction, Fraction]:
    """The ends of one number."""
    low, high = ss.endpoints(enclosure)
    return low[()], high[()]


def slack(native: float) -> Fraction:
    """How far long double may be from what the code means: some operations' rounding at the size of what is summed."""
    return Fraction(2) ** -48 * (100 + abs(Fraction(float(native))))


@contextlib.contextmanager
def in_float64(library: str) -> Iterator[None]:
    """Where PyTorch's programs make floats of integers, these are float64."""
    if LIBRARY.get(library, library) != "torch":
        yield
        return
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def differs(program: Program, seed: int, library: str = "np") -> str | None:
    """What is different between the code and what is certified of it; None where nothing is."""
    with in_float64(library):
        return _differs(program, seed, library)


def _differs(program: Program, seed: int, library: str) -> str | None:
    try:
        spec = read(program, library, inputs(seed))
        low, high = value_of(spec(*map(FINE.tensor, inputs(seed))))
    except (NotSupported, Undecided) as error:
        return f"refused: {type(error).__name__}"
    native = run(program, LIBRARY.get(library, library), inputs(seed))
    if not np.isfinite(float(native)):
        return f"{native} where [{float(low)}, {float(high)}] is certified"
    exact = Fraction(*native.as_integer_ratio())
    if not low - slack(native) <= exact <= high + slack(native):
        return f"{native} outside of [{float(low)}, {float(high)}]"
    return gradient_differs(spec, program, seed, library)


LIBRARY = {"onnx": "np", "export": "torch"}
"""The library whose programs a way of reading them is of, where it has not its name."""


def read(program: Program, way: str, given: list[np.ndarray]) -> Any:
    """The program as a spec: as it stands, by an ONNX model that is written and read, or by its exported graph."""
    if way == "export":
        return ss.from_torch(program.function("torch"), *given)
    spec = ss.as_spec(program.function(LIBRARY.get(way, way)))
    return ss.from_onnx(ss.to_onnx(spec, *given)) if way == "onnx" else spec


def run(program: Program, library: str, given: list[np.ndarray]) -> object:
    """What the library itself makes of the program: NumPy in long double, PyTorch in float64."""
    if library == "np":
        return program.function("np")(*[a.astype(LONG) for a in given])
    import torch

    return program.function("torch")(*map(torch.tensor, given)).numpy()[()]


def gradient_differs(spec: ss.AsSpec, program: Program, seed: int, library: str) -> str | None:
    """The same for the gradient in x, along a direction, by a difference quotient of the enclosures."""
    x, y = map(FINE.tensor, inputs(seed))
    v, step = FINE.tensor([1, -1, 2, 1]), Fraction(1, 10**9)
    box = FINE.box(
        *[np.array([Fraction(a) + side * 2 * step for a in inputs(seed)[0]], dtype=object) for side in (-1, 1)]
    )
    try:
        slopes = value_of(ss.sum(ss.grad(spec)(box, y) * v))
        ends = [spec(x + v * (side * step / 2), y) for side in (-1, 1)]
        low, high = value_of((ends[1] - ends[0]) / step)
    except (NotSupported, Undecided, NotDifferentiable):
        return None
    except ScalarSpecError as error:
        return f"the gradient: {type(error).__name__}: {error}"
    return None if low <= slopes[1] and slopes[0] <= high else f"slopes {slopes} and a quotient in {low, high}"


def main() -> None:
    """Runs programs until the count is reached or one differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    needed = {"np": "numpy", "onnx": "onnx", "torch": "torch", "export": "torch"}
    libraries = [way for way, library in needed.items() if importlib.util.find_spec(library)]
    found: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.count):
        program = Program(seed)
        for library in libraries:
            difference = differs(program, seed, library)
            if difference and not difference.startswith("refused"):
                sys.exit(f"seed {seed}: {difference}\n{program.text(LIBRARY.get(library, library))}\n{inputs(seed)}")
            found[f"{library} {'refused' if difference else 'the same'}"] += 1
    print(dict(found))


if __name__ == "__main__":
    main()
