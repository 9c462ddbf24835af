"""The rooms of the package: which folder may import which, and that no files import one another in a circle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from scalarspec.core.operations import OPERATIONS

ROOT = Path(__file__).parent.parent
FLOORS = [
    "errors starting check files",
    "numbers",
    "results",
    "pages",
    "core report verdict executors",
    "tracing compare",
    "activation latent loss layers models bounding certificates formulas backends extend training",
    "rounding_errors theory frontends",
    "audit laws testing conformance examples verification",
    "vocabulary",
    "__init__",
    "cli",
    "__main__",
]
"""Each room, and each file beside the rooms, by what it may know: what is on a lower floor, or on its own."""
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names.split()}
ONE_CONCEPT = {"core.arrays", "core.lifted_arrays", "core.context", "core.nested", "core.tensor"}
"""A tensor has a context, a context its arrays, and arrays hold the numbers of tensors: one idea in five files."""


def modules():
    """Every module of ours by its name within the package, and its path."""
    package = ROOT / "scalarspec"
    found = [p for p in package.rglob("*.py") if not {"backends", "examples"} & {p.relative_to(package).parts[0]}]
    named = [(p, p.relative_to(package)) for p in found]
    named += [(p, p.relative_to(ROOT)) for p in (ROOT / "backends").rglob("*.py")]
    named += [(p, p.relative_to(ROOT)) for p in (ROOT / "examples").rglob("*.py")]
    return {".".join(name.with_suffix("").parts).removesuffix(".__init__"): p for p, name in named}


MODULES = modules()


def imported(name, text):
    """The modules of ours that a text imports, wherever it does, those that are only for types included."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "scalarspec":
            base = node.module.removeprefix("scalarspec").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix(".")
                yield inner if inner in MODULES else base or "__init__"
        elif isinstance(node, ast.Import):
            yield from (a.name.partition(".")[2] for a in node.names if a.name.startswith("scalarspec."))


GRAPH = {name: set(imported(name, path.read_text())) - {name} for name, path in MODULES.items()}


def climbs(name, graph):
    """What a module imports from a higher floor."""
    level = LEVEL[name.partition(".")[0]]
    return {other for other in graph[name] if LEVEL[other.partition(".")[0]] > level}


@pytest.mark.parametrize("name", MODULES)
def test_a_room_knows_lower_rooms_only(name):
    assert not climbs(name, GRAPH)


def circle(graph):
    """Some modules that import one another, but for the one concept in four files."""
    merged = {}
    for name, others in graph.items():
        inner = {"core" if o in ONE_CONCEPT else o for o in others}
        key = "core" if name in ONE_CONCEPT else name
        merged.setdefault(key, set()).update(inner - {key})
    try:
        TopologicalSorter(merged).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def test_no_files_import_one_another_in_a_circle():
    assert circle(GRAPH) is None


def test_the_checks_can_fail():
    assert climbs("numbers.exact", {**GRAPH, "numbers.exact": {"core.tensor"}}) == {"core.tensor"}
    assert circle({**GRAPH, "numbers.exact": GRAPH["numbers.exact"] | {"numbers.formats"}})


@pytest.mark.parametrize("room", sorted({name.partition(".")[0] for name in MODULES if "." in name}))
def test_each_room_says_what_lives_there(room):
    text = ast.get_docstring(ast.parse((MODULES[room]).read_text()))
    assert text


# ---- operations stand in one table ----------------------------------------------------------------------------------

RULE_TABLES = {
    "activation", "backends.expressions", "backends.float_in_bulk", "backends.interval.courses",
    "backends.interval64.fused", "backends.jax", "backends.rounding.inherited", "backends.rounding.local",
    "backends.torch",
    "bounding.bilinear_operations", "bounding.claims",
    "bounding.formula", "bounding.rewrites", "certificates.lowered", "conformance.examples",
    "frontends.fpcore.operators",
    "frontends.jax.infinities",
    "frontends.jax.known", "frontends.jax.primitives", "frontends.jax.structure", "frontends.jax.sums",
    "frontends.onnx.writing.operators", "frontends.onnx.writing.placing",
    "formulas.notation.latex",
    "formulas.notation.numpy_code", "formulas.notation.text", "formulas.programs.c99", "formulas.programs.lean",
    "formulas.programs.python", "formulas.term_rules", "frontends.masked", "frontends.numpy.methods",
    "frontends.numpy.ufuncs", "frontends.numpy.scipy_special", "frontends.torch.exported.arrays",
    "frontends.torch.functions", "frontends.torch.nn",
    "laws.exact_values", "laws.rationals", "laws.replacements",
    "numbers.elementary", "theory.normal_arrays", "tracing.batched", "tracing.first_order", "tracing.generalized",
    "tracing.vjp_rules",
}  # fmt: skip
"""Where dictionaries have operations as keys: rules that are functions, patterns, or proved constants."""
ACTIVATIONS = {"theory.autoencoder_facts"}
"""Where what looks like operations are the names of activations."""
ALONE = {"check"}
"""What imports nothing of ours, and is checked against the table by those that import it."""


def names_in(node):
    """The operations that a literal collection names."""
    items = node.keys if isinstance(node, ast.Dict) else node.elts
    return {i.value for i in items if isinstance(i, ast.Constant) and i.value in OPERATIONS}


def listed(name, text):
    """Literal collections of three or more operations' names where there should be none."""
    tree = ast.parse(text)
    exported = [n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict) and name in RULE_TABLES:
            continue
        literal = isinstance(node, ast.Set | ast.List | ast.Tuple | ast.Dict) and node not in exported
        if literal and len(names_in(node)) >= 3 and name not in {"core.operations", *ACTIVATIONS, *ALONE}:
            yield f"{name}:{node.lineno}: {sorted(names_in(node))}"


@pytest.mark.parametrize("name", MODULES)
def test_operations_are_listed_in_the_table_alone(name):
    assert not list(listed(name, MODULES[name].read_text()))


def dispatched(text):
    """Methods that are looked up by a name that is put together, with a default where there is none."""
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
    return [
        ast.unparse(call)
        for call in calls
        if ast.unparse(call.func) == "getattr" and len(call.args) == 3 and isinstance(call.args[1], ast.JoinedStr)
    ]


@pytest.mark.parametrize("name", MODULES)
def test_no_method_is_looked_up_by_a_made_up_name(name):
    assert not dispatched(MODULES[name].read_text())


def test_the_checks_of_operations_can_fail():
    assert list(listed("bounding.linear", 'SMOOTH = {"exp", "log", "tanh"}'))
    assert list(listed("bounding.linear", 'if operation in ("exp", "log", "tanh"): pass'))
    assert list(listed("bounding.linear", 'RULES = {"exp": 1, "log": 2, "tanh": 3}'))
    assert dispatched('getattr(self, f"_{operation}", None)')


FILE_LINES, FUNCTION_LINES = 400, 40
"""The most lines that a file has, docstrings included, and a function, without its docstring."""


def lines(node):
    return node.end_lineno - node.lineno + 1


def too_long(text):
    """What has too many lines in a text: "the file", and functions by their names."""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    documented = {f: lines(f.body[0]) if ast.get_docstring(f) is not None else 0 for f in functions}
    found = [f.name for f in functions if lines(f) - documented[f] > FUNCTION_LINES]
    return ["the file", *found] if len(text.splitlines()) > FILE_LINES else found


@pytest.mark.parametrize("name", MODULES)
def test_files_and_functions_are_short_enough_to_read(name):
    assert not too_long(MODULES[name].read_text())


def test_what_is_too_long_is_caught():
    body = "    x = 1\n" * FUNCTION_LINES
    assert too_long(f"def f():\n{body}") == ["f"]
    assert too_long(f"class C:\n    async def f(self):\n{body.replace('    ', '        ')}") == ["f"]
    documented = f'"""One line.\n{chr(10) * FUNCTION_LINES}    """'
    assert not too_long(f"def f():\n    {documented}\n    return 1\n")
    assert too_long("x = 1\n" * (FILE_LINES + 1)) == ["the file"]
    assert not too_long("x = 1\n" * FILE_LINES)
