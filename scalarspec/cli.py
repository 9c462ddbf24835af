"""The command `scalarspec`: the jobs, on the shipped models or on a user's own files.

A spec is named `path/to/file.py:function` or `package.module:function`. Its arguments come from an .npz file, by
parameter name, and from `--set name=value`, where a value is an integer, a decimal or a fraction, taken exactly.
Exit code 0: done; 1: a check failed (a float outside its enclosure, a broken law); 2: bad input, one message.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import importlib.util
import inspect
import itertools
import json
import shlex
import signal
import sys
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scalarspec import theory
from scalarspec.audit import KINDS, audit
from scalarspec.bounding.bounds import BUDGET, CHOICES, bounds
from scalarspec.compare import DEFAULT_BACKENDS, compare
from scalarspec.core import registry
from scalarspec.core.arguments import spec_name
from scalarspec.core.failures import failures_told
from scalarspec.core.region import Ball, ball
from scalarspec.core.tensor import Tensor
from scalarspec.errors import ArgumentError, ScalarSpecError, UnknownName
from scalarspec.formulas.derive import derive
from scalarspec.formulas.matrix import matrix_form
from scalarspec.numbers.exact import data_value
from scalarspec.report import table
from scalarspec.rounding_errors.crosscheck import Crosscheck, crosscheck
from scalarspec.rounding_errors.provenance import differences
from scalarspec.rounding_errors.ranges import ranges
from scalarspec.rounding_errors.tolerance import tolerance
from scalarspec.theory.lean import examples

if TYPE_CHECKING:
    from scalarspec import laws

Spec = Callable[..., Tensor]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(argv)
    try:
        result, code = options.run(options)
        text = json.dumps(result.to_json(), indent=2, ensure_ascii=False) if options.json else str(result)
    except ScalarSpecError as error:
        return _refused(str(error))
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:  # what was loaded wants to end the program: nothing was checked
        return _refused(f"a spec or a backend ended the program: {_described(error)}")
    print(text)
    return int(code)


def _refused(message: str) -> int:
    print(f"scalarspec: error: {message}", file=sys.stderr)
    return 2


# ---- the commands: each gives what to print, and the exit code ------------------------------------------------------


def _run(options: argparse.Namespace) -> tuple[Any, int]:
    from scalarspec.examples import digits

    report = digits.run(options.digit, options.count, options.radius, _progress(options.count))
    return report, 0 if report.agreement.holds and report.slice.agrees else 1


def _sweep(options: argparse.Namespace) -> tuple[Any, int]:
    from scalarspec.examples import digits

    found = digits.sweep(options.count, _bar)
    return found, 0 if found.holds else 1


def _certify(options: argparse.Namespace) -> tuple[Any, int]:
    from scalarspec.examples import digits

    found = digits.certify(options.count, _bar)
    return found, 0 if found.holds else 1


def _enclose(options: argparse.Namespace) -> tuple[Any, int]:
    from scalarspec.examples.enclose import RADII, enclose

    with _workers(options.workers) as executor:
        found = enclose(options.count, options.radius or RADII, options.method, options.budget, executor, _bar)
    return found, 0 if found.holds else 1


@contextlib.contextmanager
def _workers(count: int) -> Iterator[Executor | None]:
    """So many processes; none for one."""
    if count < 1:
        raise ArgumentError(f"--workers: expected at least 1, got {count}")
    if count == 1:
        yield None
        return
    ignored = signal.SIGINT, signal.SIG_IGN  # Ctrl-C is the main process's business
    with ProcessPoolExecutor(count, initializer=signal.signal, initargs=ignored) as executor:
        yield executor


def _compare(options: argparse.Namespace) -> tuple[Any, int]:
    spec, args = _spec_and_arguments(options)
    backends = _contexts(options.backend or DEFAULT_BACKENDS, options.prec)
    return compare(spec, *args, backends=backends), 0


def _bounds(options: argparse.Namespace) -> tuple[Any, int]:
    spec, args = _spec_and_arguments(options)
    (backend,) = _contexts([options.backend], options.prec)
    goal = {"method": options.method, "target": options.target, "budget": options.budget, "progress": _bar}
    vary = _radii(options.radius)
    with _workers(options.workers) as executor:
        kept = {"executor": executor, "checkpoint": options.checkpoint}
        found = bounds(spec, *args, vary=vary, backend=backend, **goal, **kept)
    if options.plot:
        found.plot(options.plot)
    return found, 0


def _derive(options: argparse.Namespace) -> tuple[Any, int]:
    spec, args = _spec_and_arguments(options)
    if options.form.startswith("matrix"):
        form = matrix_form(spec, *args, wrt=options.gradient or None)
        return (_Text(form.latex()) if options.form == "matrix-latex" else form), 0
    derivation = derive(spec, *args, wrt=options.wrt, max_operations=options.max_operations)
    name = spec_name(spec)
    if options.lean:
        return _Text(derivation.lean(name)), 0
    if options.form == "python":
        return _Text(derivation.python(name, options.gradient)), 0
    if options.form == "c":
        return _Text(derivation.c99(name, options.gradient)), 0
    shown = _All([derivation.derivative(name) for name in options.gradient] or [derivation])
    return (_Text("\n\n".join(each.latex() for each in shown)) if options.form == "latex" else shown), 0


def _theory(options: argparse.Namespace) -> tuple[Any, int]:
    if options.lean:
        return _Text(examples()), 0
    facts = [fact.control for fact in theory.facts()] if options.controls else theory.facts()
    expected = "refuted" if options.controls else "proved"
    verdicts = _Verdicts([(fact, theory.check(fact)) for fact in facts], options.steps)
    return verdicts, 0 if all(verdict.status == expected for _, verdict in verdicts.rows) else 1


class _Recorded:
    """A cross-check with the command that it came from, so that it can be replayed."""

    def __init__(self, found: Crosscheck, options: argparse.Namespace) -> None:
        self.found = found
        self.command = {name: getattr(options, name) for name in _REPLAYED}

    def __str__(self) -> str:
        return str(self.found)

    def to_json(self) -> dict[str, Any]:
        return {"command": self.command, **self.found.to_json()}


_NAMED = ("spec", "inputs", "actual")
"""What says which code is run and which file is read: whoever replays a record says this anew."""
_REPLAYED = (*_NAMED, "set", "dtype", "max_ulps")
_DEFAULT = "float64"
"""What a float result is of where nothing is said; no code of anyone else's."""


class _Replay:
    """What differs from the record."""

    def __init__(self, differences: list[str]) -> None:
        self.differences = differences

    def __str__(self) -> str:
        same = "the same float, the same certificate, the same stages; the same names, texts, inputs and versions"
        return "\n".join(self.differences) or same

    def to_json(self) -> list[str]:
        return self.differences


def _replay(options: argparse.Namespace) -> tuple[Any, int]:
    record = _record(options.record)
    if options.actual is None and record["command"]["actual"] == _DEFAULT:
        options.actual = _DEFAULT
    _all_named(options, record["command"])
    found = differences(record, json.loads(json.dumps(_crosscheck(options)[0].to_json())))
    return _Replay(found), 1 if found else 0


def _record(path: str) -> dict[str, Any]:
    """What `crosscheck --json` printed. Raises ArgumentError for anything else."""
    wrong = ArgumentError(f"record: {path} is not what 'crosscheck --json' printed")
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        command = record["command"]
        texts = [command[name] for name in _REPLAYED if name != "set" and command[name] is not None]
        if set(command) != set(_REPLAYED) or not all(isinstance(text, str) for text in [*texts, *command["set"]]):
            raise wrong
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise wrong from None
    return dict(record)


def _all_named(options: argparse.Namespace, command: dict[str, Any]) -> None:
    """Raises ArgumentError where a record is of code or of a file, and the user names none."""
    for name in _NAMED:
        if getattr(options, name) is None and command[name] is not None:
            flags = [(f"--{flag.replace('_', '-')}", command[flag]) for flag in ("actual", "dtype", "max_ulps")]
            options_given = [("--set", text) for text in command["set"]] + [pair for pair in flags if pair[1]]
            named = [command["spec"], command["inputs"], *itertools.chain(*options_given)]
            wanted = " ".join(shlex.quote(part) for part in ["scalarspec", "replay", options.record, *named] if part)
            raise ArgumentError(
                f"{name}: a record runs and reads nothing by itself; this one is of {command[name]!r}. If you trust "
                f"what it names, write: {wanted}"
            )


def _crosscheck(options: argparse.Namespace) -> tuple[Any, int]:
    spec, args = _spec_and_arguments(options)
    actual = load_function(options.actual, "actual") if ":" in options.actual else options.actual
    result = crosscheck(spec, *args, actual=actual, dtype=options.dtype, max_ulps=options.max_ulps)
    if options.html is not None:
        _write(options.html, result.html())
    right = result.explained if options.max_ulps is None else result.within(options.max_ulps)
    return _Recorded(result, options), 0 if right else 1


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"html: {path} cannot be written: {error.strerror}") from None


def _audit(options: argparse.Namespace) -> tuple[Any, int]:
    function = load_function(options.function, "function")
    inputs = _arrays(options.inputs) if options.inputs else None
    found = audit(function, options.kind, reduction=options.reduction, inputs=inputs)
    return found, 0 if found.ok else 1


def _tolerance(options: argparse.Namespace) -> tuple[Any, int]:
    spec, args = _spec_and_arguments(options)
    settings = {"dtype": options.dtype or "float64", "splits": options.splits, "libm": options.libm}
    return tolerance(spec, *args, vary=_radii(options.radius), inputs=options.inputs_are, **settings), 0


def _ranges(options: argparse.Namespace) -> tuple[Any, int]:
    spec, args = _spec_and_arguments(options)
    found = ranges(spec, *args, vary=_radii(options.radius), dtype=options.dtype or "float64")
    return found, 1 if found.offenders else 0


def _backends(_: argparse.Namespace) -> tuple[Any, int]:
    return _Backends(), 0


def _laws(options: argparse.Namespace) -> tuple[Any, int]:
    from scalarspec import laws  # mpmath comes with them

    names = options.backend or registry.names()
    _contexts([*options.backend] if options.backend else ["interval"], options.prec)  # what is asked for by name works
    results, broken = {}, {}
    for name in names:
        try:
            results[name] = laws.run(*_contexts([name], options.prec if name == "interval" else None))
        except ScalarSpecError as error:
            broken[name] = str(error)
    verdicts = _Laws(results, broken)
    return verdicts, 1 if verdicts.failed or broken else 0


# ---- what they print ------------------------------------------------------------------------------------------------


class _Text(str):
    """A text that is its own report."""

    __slots__ = ()

    def to_json(self) -> str:
        return str(self)


class _All(list[Any]):
    """Several reports, one after the other; as data the one, or all."""

    def __str__(self) -> str:
        return "\n\n".join(map(str, self))

    def to_json(self) -> Any:
        found = [each.to_json() for each in self]
        return found[0] if len(found) == 1 else found


class _Verdicts:
    """What became of each fact: a table, and with `steps` how."""

    def __init__(self, rows: list[tuple[theory.Fact, theory.Verdict]], steps: bool) -> None:
        self.rows = rows
        self.steps = steps

    def __str__(self) -> str:
        if self.steps:
            return "\n\n".join(f"{self._stated(fact)}\n{verdict}" for fact, verdict in self.rows)
        header = ["fact", "hypotheses", "verdict", "method", "for", "time"]
        cells = [
            [fact.name, "; ".join(fact.hypotheses) or "-", v.status, v.method, v.scope or "-", f"{v.seconds:.2f} s"]
            for fact, v in self.rows
        ]
        counts = Counter(verdict.status for _, verdict in self.rows)
        total = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"{table(header, cells)}\n{total}, in {sum(v.seconds for _, v in self.rows):.1f} s"

    @staticmethod
    def _stated(fact: theory.Fact) -> str:
        given = f", given {', '.join(fact.hypotheses)}" if fact.hypotheses else ""
        return f"{fact.name}: {fact.statement}{given}"

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {
                "fact": fact.name,
                "statement": fact.statement,
                "hypotheses": list(fact.hypotheses),
                "source": fact.source,
                **verdict.to_json(),
            }
            for fact, verdict in self.rows
        ]


class _Backends:
    """The registered contexts, and what each promises: the first line of its module's docstring."""

    def __init__(self) -> None:
        self.rows = [(name, *self._described(name)) for name in registry.names()]

    @staticmethod
    def _described(name: str) -> tuple[str, str]:
        """The kind and the promise; of a broken one what is wrong with it."""
        try:
            context = registry.context(name)
        except ScalarSpecError as error:
            return "broken", str(error)
        kind = "exact" if context.exact else "encloses" if context.encloses else "rounds"
        return kind, (inspect.getdoc(inspect.getmodule(type(context))) or "").split("\n")[0]

    def __str__(self) -> str:
        return table(["backend", "kind", "what it is"], self.rows)

    def to_json(self) -> list[dict[str, str]]:
        return [{"backend": name, "kind": kind, "what": what} for name, kind, what in self.rows]


class _Laws:
    """How many laws of each kind hold, which do not or have no case, and which backends are broken."""

    def __init__(self, results: dict[str, list[laws.Result]], broken: dict[str, str]) -> None:
        self.results, self.broken = results, broken

    @property
    def failed(self) -> int:
        return sum(result.status == "failed" for results in self.results.values() for result in results)

    def __str__(self) -> str:
        kinds = list(dict.fromkeys(r.law.kind for results in self.results.values() for r in results))
        counts = {name: Counter((r.law.kind, r.status) for r in results) for name, results in self.results.items()}
        rows = [[name, *(self._cell(counts[name], kind) for kind in kinds)] for name in self.results]
        notes = [f"{name}: {r.status}: {r.law}: {r.message}" for name, r in self._noted()]
        return "\n".join([table(["passed", *kinds], rows), *notes, *self.broken.values()])

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"backend": name, "kind": r.law.kind, "law": r.law.name, "status": r.status, "cases": r.cases}
            for name, results in self.results.items()
            for r in results
        ] + [{"backend": name, "broken": why} for name, why in self.broken.items()]

    def _noted(self) -> list[tuple[str, laws.Result]]:
        return [(name, r) for name, results in self.results.items() for r in results if r.status != "passed"]

    @staticmethod
    def _cell(counts: Counter[tuple[str, laws.Status]], kind: str) -> str:
        total = sum(n for (k, _), n in counts.items() if k == kind)
        passed = counts[kind, "passed"]
        return "-" if not total else str(passed) if passed == total else f"{passed} of {total}"


# ---- a user's own files ---------------------------------------------------------------------------------------------


def _spec_and_arguments(options: argparse.Namespace) -> tuple[Spec, list[Any]]:
    spec = load_function(options.spec)
    given = _arrays(options.inputs) | dict(_setting(text) for text in options.set)
    return spec, arguments_for(spec, given)


def load_function(target: str, what: str = "spec") -> Callable[..., Any]:
    """The function named `file.py:function` or `module:function`. Raises ArgumentError or UnknownName."""
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise ArgumentError(f"{what}: expected file.py:function or module:function, got {target!r}")
    module = _import(path, what)
    if not callable(getattr(module, name, None)):
        functions = [n for n, v in vars(module).items() if inspect.isfunction(v) and not n.startswith("_")]
        raise UnknownName(f"{what}: {path} has no function {name!r}; it has {', '.join(functions) or 'none'}")
    return _UserFunction(getattr(module, name), target, what)


def _import(path: str, what: str) -> Any:
    with failures_told(f"{what}: {path} does not import", _described):
        if not path.endswith(".py"):
            return importlib.import_module(path)
        if not Path(path).is_file():
            raise ArgumentError(f"{what}: there is no file {path}")
        found = importlib.util.spec_from_file_location(Path(path).stem, path)
        if found is None or found.loader is None:
            raise ArgumentError(f"{what}: {path} cannot be loaded")
        module = importlib.util.module_from_spec(found)
        sys.path.insert(0, str(Path(path).resolve().parent))  # as `python file.py` has it
        found.loader.exec_module(module)
        return module


class _UserFunction:
    """A user's function, with errors of its own told as one message that names it; a worker loads it again."""

    def __init__(self, function: Callable[..., Any], target: str, what: str) -> None:
        functools.update_wrapper(self, function)
        self.function, self.target, self.what = function, target, what

    def __call__(self, *args: Any) -> Any:
        with failures_told(f"{self.what}: {self.target} failed", _described):
            return self.function(*args)

    def __reduce__(self) -> Any:
        return load_function, (self.target, self.what)


def _described(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _arrays(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: _plain(archive[name]) for name in archive.files}
    except FileNotFoundError:
        raise ArgumentError(f"inputs: there is no file {path}") from None
    except (OSError, ValueError, AttributeError, TypeError, zipfile.BadZipFile):
        raise ArgumentError(f"inputs: {path} is not an .npz file of numbers") from None


def _plain(array: np.ndarray[Any, Any]) -> Any:
    """An array; an integer of shape () as a Python int, which may be an index."""
    return int(array) if array.shape == () and array.dtype.kind in "iu" else array


def _setting(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise ArgumentError(f"--set: expected name=value, got {text!r}")
    exact = data_value(value)
    return name, exact.numerator if exact.denominator == 1 else exact


def _radii(texts: Sequence[str]) -> dict[str, Ball]:
    pairs = [text.partition("=") for text in texts]
    for (name, separator, radius), text in zip(pairs, texts, strict=True):
        if not (name and separator and radius):
            raise ArgumentError(f"--radius: expected name=number, got {text!r}")
    return {name: ball(radius) for name, _, radius in pairs}


def arguments_for(spec: Spec, given: dict[str, Any]) -> list[Any]:
    """The given values in the order of the spec's parameters. Raises ArgumentError where one is missing."""
    arguments = []
    for name, parameter in inspect.signature(spec).parameters.items():
        if name not in given and parameter.default is inspect.Parameter.empty:
            has = ", ".join(given) or "nothing"
            raise ArgumentError(f"{spec.__name__} needs an argument {name!r}; the .npz file and --set give {has}")
        arguments.append(given.get(name, parameter.default))
    return arguments


def _contexts(names: Sequence[str], prec: int | None) -> list[Any]:
    """The contexts of those names; the precision is that of `interval`, which must then be among them."""
    if prec is not None and "interval" not in names:
        raise ArgumentError(f"prec: expected 'interval' among the backends, got {', '.join(names)}")
    return [
        registry.context(name, **({"prec": prec} if prec is not None and name == "interval" else {})) for name in names
    ]


def _progress(count: int) -> Callable[[int], None]:
    """A line on the terminal's error stream that counts digits; nothing where that is no terminal."""

    def show(i: int) -> None:
        if sys.stderr.isatty():
            end = "\r" if i + 1 < count else "\r\033[K"
            print(f"checking digit {i + 1} of {count}", end=end, file=sys.stderr, flush=True)

    return show


def _bar(done: int, total: int) -> None:
    """A bar on the terminal's error stream; nothing where that is no terminal."""
    if sys.stderr.isatty():
        filled = 30 * done // total
        end = "\r" if done < total else "\r\033[K"
        print(f"[{'#' * filled}{'.' * (30 - filled)}] {done} of {total}", end=end, file=sys.stderr, flush=True)


# ---- the arguments --------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scalarspec", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[..., Any], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--json", action="store_true", help="print data, with exact values as strings")
        sub.set_defaults(run=run)
        return sub

    def spec_command(name: str, run: Callable[..., Any], text: str) -> argparse.ArgumentParser:
        sub = command(name, run, text)
        _add_spec(sub)
        return sub

    run = command("run", _run, "the shipped models on held-out digits, under every backend")
    run.add_argument("--digit", type=int, default=0, help="the digit of the table, 0 to 99 (default 0)")
    run.add_argument("--count", type=int, default=100, help="digits to check for agreement (default 100)")
    run.add_argument("--radius", default="0.01", help="the box of the bounds, in pixel units (default 0.01)")

    sub = command("sweep", _sweep, "the shipped models on all 1,797 digits under float64, interval64 and rational")
    sub.add_argument("--count", type=int, default=1797, help="the last so many digits (default 1797)")

    sub = command("certify", _certify, "losses of the shipped models by NumPy and PyTorch, their errors certified")
    sub.add_argument("--count", type=int, default=100, help="digits to check (default 100)")

    sub = command("enclose", _enclose, "bounds of the shipped models' losses around digits, beside what is attained")
    sub.add_argument("--count", type=int, default=100, help="the last so many digits (default 100)")
    sub.add_argument("--radius", action="append", help="in pixel units; may be repeated (default 0.001 and 0.01)")
    sub.add_argument("--method", choices=CHOICES, default="linear", help="how (default linear)")
    _add_work(sub)

    several = {"action": "append", "metavar": "NAME", "help": "a backend; may be repeated (default: several)"}
    sub = spec_command("compare", _compare, "a spec under several backends, side by side")
    sub.add_argument("--backend", **several)  # type: ignore[arg-type]
    _add_prec(sub)

    sub = spec_command("bounds", _bounds, "an enclosure of a spec over a box of arguments")
    _add_radius(sub)
    sub.add_argument(
        "--backend", default="interval", help="an enclosing backend, for one evaluation (default interval)"
    )
    sub.add_argument(
        "--method", choices=CHOICES, default="auto", help="how (default auto: linear, or until the target)"
    )
    sub.add_argument("--target", metavar="NUMBER", help="the width at which to stop; more methods are tried until then")
    _add_work(sub)
    sub.add_argument("--checkpoint", metavar="FILE", help="keep what is found; a run that ended goes on from there")
    sub.add_argument("--plot", metavar="FILE", help="draw the bounds, and what each method finds (needs matplotlib)")
    _add_prec(sub)

    sub = spec_command("derive", _derive, "a spec in closed form")
    sub.add_argument("--wrt", action="append", default=[], metavar="NAME", help="an argument that becomes a variable")
    forms = ["text", "latex", "python", "c", "matrix", "matrix-latex"]
    shown = "how to show it; matrix: for tensors of any size, all data as variables (default text)"
    sub.add_argument("--form", choices=forms, default="text", help=shown)
    wanted = "a variable, by its name in the closed form, to differentiate in"
    sub.add_argument("--gradient", action="append", default=[], metavar="NAME", help=wanted)
    sub.add_argument("--lean", action="store_true", help="a Lean 4 definition, and examples of rational test vectors")
    sub.add_argument("--max-operations", type=int, default=20_000, help="refuse larger expressions (default 20000)")

    sub = spec_command("crosscheck", _crosscheck, "a float result against exact and enclosing arithmetic")
    _add_crosscheck(sub, _DEFAULT)
    sub.add_argument("--html", metavar="FILE", help="write a page with plots (needs matplotlib)")

    sub = command("replay", _replay, "a cross-check again: is all that its record states still so?")
    sub.add_argument("record", help="what 'crosscheck --json' printed")
    _add_spec(sub, nargs="?")
    _add_crosscheck(sub, None)

    sub = command("audit", _audit, "the facts of a kind of loss, asked of your own function; names the likely mistake")
    sub.add_argument("function", help="file.py:function or module:function, in NumPy or PyTorch")
    sub.add_argument("inputs", nargs="?", help=".npz file with further inputs, by argument name")
    sub.add_argument("--kind", required=True, help=f"one of {', '.join(KINDS)}")
    sub.add_argument("--reduction", choices=["mean", "sum"], default="mean", help="over coordinates (default mean)")

    sub = spec_command("tolerance", _tolerance, "how far floats can be from exact values, over a box of arguments")
    _add_box(sub)
    sub.add_argument("--splits", type=int, default=0, help="how often to split the box (default 0)")
    sub.add_argument("--libm", type=int, default=4, metavar="ULPS", help="how exact exp, log, ... are (default 4)")
    inputs = "reals that are rounded to the format first, or numbers of it (default rounded)"
    sub.add_argument("--inputs-are", choices=["rounded", "exact"], default="rounded", help=inputs)

    sub = spec_command("ranges", _ranges, "which operations can overflow or underflow, over a box of arguments")
    _add_box(sub)

    sub = command("theory", _theory, "the facts of the VAE theory: each proved, refuted or undecided, and how")
    sub.add_argument("--controls", action="store_true", help="their mutations instead, each of which must be refuted")
    sub.add_argument("--steps", action="store_true", help="show the steps of each proof, and the witnesses")
    sub.add_argument("--lean", action="store_true", help="print the facts as Lean 4 examples in TorchLean's names")

    command("backends", _backends, "the registered backends, and what each promises")
    sub = command("laws", _laws, "check what every backend must obey")
    sub.add_argument("--backend", **several)  # type: ignore[arg-type]
    _add_prec(sub)
    return parser


def _add_spec(parser: argparse.ArgumentParser, **optional: Any) -> None:
    parser.add_argument("spec", help="file.py:function or module:function", **optional)
    parser.add_argument("inputs", nargs="?", help=".npz file with the arguments, by parameter name")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an exact number argument")


def _add_crosscheck(parser: argparse.ArgumentParser, actual: str | None) -> None:
    shown = f"the result: file.py:function of the same arguments, or a float backend (default {_DEFAULT})"
    parser.add_argument("--actual", default=actual, metavar="WHAT", help=shown)
    parser.add_argument("--dtype", help="the format of the result, where it is not its own")
    parser.add_argument("--max-ulps", metavar="NUMBER", help="exit with 1 if the error may be greater than this")
    parser.set_defaults(html=None)


def _add_radius(parser: argparse.ArgumentParser) -> None:
    help_text = "vary an argument by this"
    parser.add_argument("--radius", action="append", required=True, metavar="NAME=NUMBER", help=help_text)


def _add_box(parser: argparse.ArgumentParser) -> None:
    _add_radius(parser)
    parser.add_argument("--dtype", help="the float format (default float64)")


def _add_work(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--budget", type=int, metavar="BOXES", help=f"split into at most so many boxes (default {BUDGET})"
    )
    parser.add_argument("--workers", type=int, default=1, help="so many processes (default 1)")


def _add_prec(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prec", type=int, metavar="BITS", help="the precision of the interval backend (default 53)")


if __name__ == "__main__":
    sys.exit(main())
