"""Generated code and formulas against specs: random specs, whose names are those of languages, libraries and helpers.

    python tests/fuzz_generated.py [--specs 500] [--seed 0]

For each: Python and C99 against the spec under float64, in value and gradient, within what rounding can cause; the
matrix form as NumPy against the same; and its text and LaTeX, read strictly, against that. Exit code 1 on a miss.
"""

import argparse
import ctypes
import inspect
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from reading import read_latex, read_text

import scalarspec as ss
from scalarspec.errors import ScalarSpecError
from scalarspec.notation import LATEX

PARAMETERS = (
    "t0 t1 t2 x x_0 x_1 value d_x d_x_0 exp sigmoid log y0 y1 jn gamma numpy math float abs double int restrict main NAN "
    "INFINITY M_PI M_E isnan signgam sum max pi n m W weight b bias sigma σ λ alpha α ά π _ _tensor _sigmoid ss_square "
    "_times match type case self spec f ans_1 eps epsilon x_hat hat e i slice range Real fun mu_ ſ ℓ"
).split()
STAGES = [*PARAMETERS, "lambda", "while", "not", "x y", "x.y", "3d", "", "x²", "a + b", "class", "__debug__", "d_t0", "t0_"]
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
    "dot": lambda a: ss.dot(a, ss.tanh(a)),
    "first": lambda a: a[0],
}
OF_FORMS = [name for name in ALL if name != "first"]


@dataclass
class Case:
    """A random spec, the names and shapes of its parameters, and what the generated function is to be called."""

    spec: object
    shapes: dict
    name: str

    @classmethod
    def of(cls, seed, last=tuple(ALL)):
        """Steps on vectors and scalars, some of which are stages; their sum."""
        source = random.Random(seed)
        names = source.sample(PARAMETERS, source.randrange(1, 4))
        shapes = {"".join(name): source.choice([(), (3,), (3,)]) for name in names}
        shapes = {_normal(name): shape for name, shape in shapes.items()}
        steps = [_a_step(source, last) for _ in range(source.randrange(2, 8))]

        def spec(*args):
            pool = list(args)
            for kind, operation, places, stage in steps:
                chosen = [pool[int(place * len(pool))] for place in places]
                made = operation(_vector(chosen[0])) if kind == "all" else operation(*_fitted(chosen))
                pool.append(made if stage is None else ss.stage(stage, made))
            return sum((ss.sum(x) for x in pool[len(args) + 1 :]), ss.sum(pool[len(args)]))

        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in shapes]
        spec.__signature__ = inspect.Signature(parameters)
        spec.__name__ = source.choice(STAGES)
        return cls(spec, shapes, source.choice(FUNCTIONS))


def _a_step(source, last):
    kind = source.choice(["one", "two", "two", "all"])
    table = {"one": ONE, "two": TWO, "all": {name: ALL[name] for name in last}}[kind]
    places = [source.random() for _ in range(2 if kind == "two" else 1)]
    return kind, table[source.choice(sorted(table))], places, source.choice(STAGES) if source.random() < 0.4 else None


def _normal(name):
    import unicodedata

    return unicodedata.normalize("NFKC", name)


def _vector(x):
    return x if x.shape else ss.stack([x, 2 * x])


def _fitted(operands):
    shape = max((x.shape for x in operands), key=len)
    return [ss.broadcast_to(x, shape) if x.shape != shape else x for x in operands]


def evaluated(case, inputs):
    """The value and the gradients under float64, and how far rounding may move each; None where there are none."""
    found = []
    for name in ("float64", "rounding"):
        tensors = [ss.context(name).tensor(a) for a in inputs]
        try:
            value, gradients = ss.value_and_grad(case.spec, tuple(range(len(tensors))))(*tensors)
        except ScalarSpecError:
            return None
        found.append([value, *gradients])
    return [(np.asarray(mine), np.asarray(bound.value.bound)) for mine, bound in zip(*found, strict=True)]


def far(expected, results):
    """What is wrong in results, as text; None where nothing is."""
    for (mine, bound), other in zip(expected, results, strict=True):
        known = np.isfinite(mine) & np.isfinite(bound)
        if np.shape(other) != mine.shape or not np.all(np.abs(mine - other)[known] <= 2 * bound[known] + 1e-300):
            return f"{other} is not {mine} ± {bound}"
    return None


def in_python(case, inputs, edit=lambda text: text):
    """What the generated Python gives."""
    text = edit(ss.derive(case.spec, *map(ss.Shape, case.shapes.values())).python(case.name, wrt=list(case.shapes)))
    scope = {}
    exec(text, scope)
    function = next(f for name, f in reversed(scope.items()) if callable(f) and f"def {name}(" in text)
    return function(*inputs)


def in_c(cases, folder):
    """The compiled functions of some cases, each of its own library."""
    libraries = []
    for i, case in enumerate(cases):
        found = ss.derive(case.spec, *map(ss.Shape, case.shapes.values()))
        text = found.c99(case.name, wrt=list(case.shapes))
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
    for style, values in (("text", read_text(form, inputs)), ("LaTeX", read_latex(form, latex_names(form), inputs))):
        written = form._written({"text": _text(), "LaTeX": LATEX}[style])
        names = [written.plain[form.name], *(written.adjoint[v] for v in form.gradients)]
        yield style, [np.broadcast_to(values[n], a.shape) for n, a in zip(names, [np.zeros(()), *inputs], strict=True)]


def _text():
    from scalarspec.notation import TEXT

    return TEXT


def latex_names(form):
    """The variables as LaTeX writes them."""
    written = form._written(LATEX)
    return [written.plain[v] for v in form.shapes]


def inputs_of(case, seed):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.choice([0.0, 1.0, -0.5, *rng.normal(size=4) * 1.5], size=s)) for s in case.shapes.values()]


def wrong_code(seeds, folder):
    """(seed, what is wrong) in Python and C, and None where nothing is."""
    cases = [Case.of(seed) for seed in seeds]
    functions = list(in_c(cases, folder)) if shutil.which("cc") else [None] * len(cases)
    for seed, case, function in zip(seeds, cases, functions, strict=True):
        inputs = inputs_of(case, seed)
        expected = evaluated(case, inputs)
        if expected is None:
            continue
        yield seed, far(expected, in_python(case, inputs)) or (function and far(expected, called(function, case, inputs)))


def wrong_form(seed):
    """What is wrong in the matrix form of a case."""
    case = Case.of(seed, last=OF_FORMS)
    inputs = inputs_of(case, seed)
    expected = evaluated(case, inputs)
    if expected is None:
        return None
    form, results = in_matrices(case, inputs)
    try:
        return far(expected, results) or next(
            (f"{style}: {wrong}" for style, values in read(form, inputs) if (wrong := far_apart(results, values))), None
        )
    except (AssertionError, IndexError, TypeError, ValueError) as unclear:
        return f"unclear: {unclear}\n{form}\n{form.latex()}"


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
        with tempfile.TemporaryDirectory() as folder:
            for seed, wrong in wrong_code(seeds[start : start + 16], folder):
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
