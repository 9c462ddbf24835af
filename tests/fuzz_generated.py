"""Generated code and formulas against specs: random specs, whose names are those of languages, libraries and helpers.

    python tests/fuzz_generated.py [--specs 500] [--seed 0]

For each: Python and C99 against the spec under float64, in value and gradient, within what rounding can cause; the
matrix form as NumPy against the same; and its text and LaTeX, read strictly, against that. Exit code 1 on a miss.
"""

import argparse
import ctypes
import inspect
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from reading import Unclear, read_latex, read_text

import scalarspec as ss
from scalarspec.conformance.readings import HALF_THE_DIGITS
from scalarspec.errors import NotSupported, ScalarSpecError
from scalarspec.formulas.notation.latex import LATEX
from scalarspec.formulas.notation.text import TEXT

PARAMETERS = """
    t0 t1 t2 x x_0 x_1 value d_x d_x_0 exp sigmoid log y0 y1 jn gamma numpy math float abs double int restrict main
    NAN INFINITY M_PI M_E isnan signgam sum max pi n m W weight b bias sigma σ λ alpha α ά π _ _tensor _sigmoid
    ss_square _times match type case self spec f ans_1 eps epsilon x_hat hat e i slice range Real fun mu_ ſ ℓ
""".split()  # noqa: SIM905
STAGES = [
    *PARAMETERS,
    "lambda",
    "while",
    "not",
    "x y",
    "x.y",
    "3d",
    "",
    "x²",
    "a + b",
    "class",
    "__debug__",
    "d_t0",
    "t0_",
]
FUNCTIONS = ["spec", "exp", "y0", "while", "λ", "numpy", "_tensor", "printf", "abs", "f", "t0", "main", "sigmoid", "x"]

ONE = {
    "negative": lambda a: -a,
    "square": ss.square,
    "cube": lambda a: a**3,
    "inverse": lambda a: (1 + ss.square(a)) ** -1,
    "half": lambda a: a / 2,
    "third": lambda a: a * "-1/3",
    "root": lambda a: (2 + ss.square(a)) ** "1/2",
    "sqrt": lambda a: ss.sqrt(1 + ss.square(a)),
    "log": lambda a: ss.log(2 + ss.square(a)),
    "log1p": lambda a: ss.log1p(ss.square(a)),
    "exp": lambda a: ss.exp(-ss.abs(a)),
    "expm1": lambda a: ss.expm1(ss.sin(a)),
    "expm1mx": lambda a: ss.expm1mx(ss.tanh(a)),
    "sigmoid": ss.sigmoid,
    "softplus": ss.softplus,
    "logcosh": ss.logcosh,
    "tanh": ss.tanh,
    "erf": ss.erf,
    "atan": ss.atan,
    "relu": ss.relu,
    "leaky": lambda a: ss.leaky_relu(a, "1/8"),
    "clip": lambda a: ss.clip(a, -1, "1/2"),
    "reciprocal": lambda a: ss.reciprocal(3 + ss.cos(a)),
    "pi": lambda a: a / (2 + ss.pi(a.context)),
    "times pi": lambda a: -ss.pi(a.context) * a + 1,
}
TWO = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "from sum": lambda a, b: a - (b - a),
    "multiply": lambda a, b: a * b,
    "minus product": lambda a, b: -(a * b) - 2 * (a + b),
    "divide": lambda a, b: a / (1 + ss.square(b)),
    "twice": lambda a, b: a / (2 + ss.square(b)) / (1 + ss.square(a)),
    "inverse times": lambda a, b: 1 / (2 + ss.square(a)) * b,
    "quotient": lambda a, b: a * (b / (1 + ss.exp(-ss.square(a)))),
    "maximum": ss.maximum,
    "minimum": ss.minimum,
    "where": lambda a, b: ss.where(a < b, a * b, -b),
    "hole": lambda a, b: ss.where(a > 0, lambda: ss.sqrt(a) * b, 0),
    "both": lambda a, b: ss.where((a > 0) & ~(b <= "1/2"), a, b + 1),
    "power": lambda a, b: (1 + ss.square(a)) ** ss.tanh(b),
}
ALL = {
    "sum": ss.sum,
    "mean": ss.mean,
    "mean_square": ss.mean_square,
    "logsumexp": ss.logsumexp,
    "max": ss.max,
    "min": ss.min,
    "dot": lambda a: ss.dot(a, ss.tanh(a)),
    "first": lambda a: a[0],
}
ROWS = {
    "softmax": ss.softmax,
    "log_softmax": ss.log_softmax,
    "masked softmax": lambda a: ss.softmax(a, where=[True, False, True]),
    "share": lambda a: ss.exp(a) / ss.sum(ss.exp(a)),
    "cumulative_sum": ss.cumulative_sum,
    "take": lambda a: a[[2, 0, 1]],
    "take twice": lambda a: a[[0, 0, 1]],
    "flip": ss.flip,
    "concat": lambda a: ss.concat([a[1:], a[:1]]),
    "conv": lambda a: ss.conv(ss.reshape(a, (1, 3)), [[[1, -2, 3]]], padding=1)[0],
    "max_pool": lambda a: ss.max_pool(ss.reshape(a, (1, 3)), 2, stride=1, padding=1)[0, :3],
    "max over": lambda a: ss.max(ss.matmul(ss.reshape(a, (3, 1)), ss.reshape(a, (1, 3))), axis=1),
    "norm": lambda a: (a - ss.mean(a, keepdims=True)) / ss.sqrt(ss.var(a, keepdims=True) + 1),
    "permute_dims": lambda a: ss.permute_dims(ss.reshape(ss.stack([a, a * a]), (1, 2, 3)), (2, 0, 1))[:, 0, 1],
}
"""On vectors, which programs and NumPy do, and the strict readers of formulas do not read."""
OF_FORMS = [name for name in ALL if name not in ("first", "max", "min")]


@dataclass
class Case:
    """A random spec, the names and shapes of its parameters, and what the generated function is to be called."""

    spec: object
    shapes: dict
    name: str

    @classmethod
    def of(cls, seed, last=tuple(ALL), kinds=("one", "two", "two", "all")):
        """Steps on vectors and scalars, some of which are stages; their sum."""
        source = random.Random(seed)
        names = {unicodedata.normalize("NFKC", name) for name in source.sample(PARAMETERS, source.randrange(1, 4))}
        clear = [name for name in sorted(names) if re.sub(r"(_\d+)+$", "", name) not in names - {name}]
        shapes = {name: source.choice([(), (3,), (3,)]) for name in clear}
        steps = [_a_step(source, last, kinds) for _ in range(source.randrange(2, 8))]

        def spec(*args):
            pool = list(args)
            for kind, operation, places, stage in steps:
                chosen = [pool[int(place * len(pool))] for place in places]
                scalar = kind == "row" and not chosen[0].ndim
                operands = [_vector(chosen[0])] if kind == "all" else _fitted(chosen)
                made = chosen[0] if scalar else operation(*operands)
                pool.append(made if stage is None else ss.stage(stage, made))
            return sum((ss.sum(x) for x in pool[len(args) + 1 :]), ss.sum(pool[len(args)]))

        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in shapes]
        spec.__signature__ = inspect.Signature(parameters)
        spec.__name__ = source.choice(STAGES)
        return cls(spec, shapes, source.choice(FUNCTIONS))


def _a_step(source, last, kinds):
    kind = source.choice(kinds)
    table = {"one": ONE, "two": TWO, "row": ROWS, "all": {name: ALL[name] for name in last}}[kind]
    places = [source.random() for _ in range(2 if kind == "two" else 1)]
    return kind, table[source.choice(sorted(table))], places, source.choice(STAGES) if source.random() < 0.4 else None


def _vector(x):
    return x if x.ndim else ss.stack([x, 2 * x])


def _fitted(operands):
    most = max(operands, key=lambda x: x.ndim)
    return [x if x.ndim == most.ndim else ss.broadcast_to(x, most.shape) for x in operands]


@dataclass
class Expected:
    """A value or a gradient in float64, how far rounding may move it, and the ends of an enclosure of it."""

    value: np.ndarray
    bound: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def agrees(self, other):
        """Is another within the bound; or, where a kink leaves a choice, in the enclosure?"""
        known = np.isfinite(self.value) & np.isfinite(self.bound)
        near = np.abs(self.value - other) <= 2 * self.bound + 1e-300
        kink = ~(self.high - self.low < 1e-6) & (self.low - 1e-9 <= other) & (other <= self.high + 1e-9)
        return np.shape(other) == self.value.shape and bool(np.all((near | kink)[known]))


def evaluated(case, inputs):
    """What is expected of the value and the gradients, to half the digits where no bound on errors is known; None where
    there are none.
    """
    try:
        found, boxes = (_with_gradients(case, inputs, name) for name in ("float64", "interval"))
        values = [np.asarray(t) for t in found]
        try:
            bounds = [np.asarray(t.value.bound) for t in _with_gradients(case, inputs, "rounding")]
        except NotSupported:
            bounds = [float(HALF_THE_DIGITS) * (1 + np.abs(value)) for value in values]
    except ScalarSpecError:
        return None
    return [Expected(v, b, ss.inf(box), ss.sup(box)) for v, b, box in zip(values, bounds, boxes, strict=True)]


def _with_gradients(case, inputs, name):
    tensors = [ss.context(name).tensor(a) for a in inputs]
    value, gradients = ss.value_and_grad(case.spec, tuple(range(len(tensors))))(*tensors)
    return [value, *gradients]


def far(expected, results):
    """What is wrong in results, as text; None where nothing is."""
    return next((f"{r} is not {e}" for e, r in zip(expected, results, strict=True) if not e.agrees(r)), None)


def derived(case):
    """The closed form; None where there is none, as where a constant lies at a kink."""
    try:
        found = ss.derive(case.spec, *map(ss.Shape, case.shapes.values()))
        found.python(wrt=list(case.shapes))
    except ScalarSpecError:
        return None
    return found


def in_python(case, inputs, edit=lambda text: text):
    """What the generated Python gives."""
    text = edit(derived(case).python(case.name, wrt=list(case.shapes)))
    scope = {}
    exec(text, scope)
    function = next(f for name, f in reversed(scope.items()) if callable(f) and f"def {name}(" in text)
    return function(*inputs)


def in_c(cases, folder):
    """The compiled functions of some cases, each of its own library."""
    libraries = []
    for i, case in enumerate(cases):
        text = derived(case).c99(case.name, wrt=list(case.shapes))
        source = Path(folder) / f"code{i}.c"
        source.write_text(text)
        command = ["cc", "-std=c99", "-O0", "-Wall", "-Werror", "-ffp-contract=off", "-shared", "-fPIC", str(source)]
        running = subprocess.Popen([*command, "-o", str(source.with_suffix(".so")), "-lm"])
        libraries.append((running, source.with_suffix(".so"), text.rsplit("\nvoid ", 1)[1].split("(")[0]))
    for running, path, name in libraries:
        assert running.wait() == 0, path
        yield getattr(ctypes.CDLL(str(path)), name)


def called(function, case, inputs):
    """What a C function writes."""
    sizes = [1, *(int(np.prod(shape)) for shape in case.shapes.values())]
    outputs = [np.full(size, np.nan) for size in sizes]
    arrays = [*(np.ascontiguousarray(a) for a in inputs), *outputs]
    function(*(a.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for a in arrays))
    return [o.reshape(shape) for o, shape in zip(outputs, [(), *case.shapes.values()], strict=True)]


def in_matrices(case, inputs):
    """The matrix form, and what it gives as NumPy."""
    form = ss.matrix_form(case.spec, *map(ss.Shape, case.shapes.values()))
    scope = {}
    exec(form.python("form"), scope)
    value, gradients = scope["form"](*inputs)
    return form, [value, *gradients.values()]


def read(form, inputs):
    """The value and the gradients, as the text and the LaTeX of a form say."""
    for style, values in ((TEXT, read_text(form, inputs)), (LATEX, read_latex(form, inputs))):
        written = form._written(style)
        names = [written.plain[form.name], *(written.adjoint[v] for v in form.gradients)]
        shapes = [(), *(a.shape for a in inputs)]
        yield [np.broadcast_to(values[name], shape) for name, shape in zip(names, shapes, strict=True)]


def inputs_of(case, seed):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.choice([0.0, 1.0, -0.5, *rng.normal(size=4) * 1.5], size=s)) for s in case.shapes.values()]


def wrong_code(seeds, folder, kinds=("one", "two", "two", "all")):
    """(seed, what is wrong) in Python and C, and None where nothing is."""
    given = {seed: (case, inputs_of(case, seed)) for seed in seeds for case in (Case.of(seed, kinds=kinds),)}
    expected = {seed: evaluated(*found) for seed, found in given.items()}
    known = [seed for seed in seeds if expected[seed] is not None and derived(given[seed][0]) is not None]
    functions = list(in_c([given[seed][0] for seed in known], folder)) if shutil.which("cc") else []
    for seed, function in zip_longest(known, functions):
        case, inputs = given[seed]
        results = [in_python(case, inputs), *([called(function, case, inputs)] if function else [])]
        yield seed, next((wrong for result in results if (wrong := far(expected[seed], result))), None)


def wrong_form(seed):
    """What is wrong in the matrix form of a case."""
    case = Case.of(seed, last=OF_FORMS)
    inputs = inputs_of(case, seed)
    expected = evaluated(case, inputs)
    if expected is None or derived(case) is None:
        return None
    form, results = in_matrices(case, inputs)
    try:
        return far(expected, results) or next(
            (wrong for values in read(form, inputs) if (wrong := far_apart(results, values))), None
        )
    except (Unclear, IndexError, TypeError, ValueError) as unclear:
        return f"unclear: {unclear}"


def wrong_rows(seeds, folder):
    """(seed, what is wrong) in Python, C and NumPy of cases with steps on rows."""
    kinds = ("one", "two", "all", "row", "row")
    yield from wrong_code(seeds, folder, kinds)
    for seed in seeds:
        case = Case.of(seed, kinds=kinds)
        inputs = inputs_of(case, seed)
        expected = evaluated(case, inputs)
        if expected is not None and derived(case) is not None:
            try:
                yield seed, far(expected, in_matrices(case, inputs)[1])
            except NotSupported:
                continue  # a form that is not the same for all sizes


def far_apart(results, values):
    """As `far`, to some digits, where NumPy's result is finite."""
    for mine, other in zip(results, values, strict=True):
        known = np.isfinite(mine) & np.isfinite(other)
        if not np.allclose(np.asarray(mine)[known], np.asarray(other)[known], rtol=1e-6, atol=1e-6):
            return f"{other} is not {mine}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--specs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.specs)
    misses, checked = [], 0
    for start in range(0, len(seeds), 16):
        for check in (wrong_code, wrong_rows):
            with tempfile.TemporaryDirectory() as folder:
                for seed, wrong in check(seeds[start : start + 16], folder):
                    checked += 1
                    misses += [(seed, wrong)] if wrong else []
        for seed in seeds[start : start + 16]:
            wrong = wrong_form(seed)
            misses += [(seed, wrong)] if wrong else []
    for seed, wrong in misses:
        print(f"seed {seed}: {wrong}")
    print(f"{len(seeds)} specs, {checked} with values: Python, C, matrix form, text and LaTeX; {len(misses)} wrong")
    sys.exit(bool(misses))


if __name__ == "__main__":
    main()
