"""Operations that a newcomer adds: what they leave out is refused by name, and what they state wrongly is caught.

Each is added with all that it needs, with each fact missing, and with wrong facts, and every reading is tried.
"""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from math import inf

import pytest
from additions import ADDITIONS, CONCAT, FLIP, SHAPED, concat

import scalarspec as ss
from scalarspec import conformance, extend
from scalarspec.bounding.contexts import INTERVALS
from scalarspec.bounding.derivatives import slope_of

FACTS = ("graph", "floats", "kinks", "rational", "range", "shape", "border")


def findings(name, line, **rules):
    """What every reading of an operation comes to, with that line of the table."""
    _, definition, known = ADDITIONS[name]
    with extend.added(line, definition, **known | rules):
        return {found.reading: found for found in conformance.run([name])}


@pytest.fixture(autouse=True)
def shaped(monkeypatch):
    for name, specs in SHAPED.items():
        monkeypatch.setitem(conformance.SHAPED, name, specs)


@pytest.mark.parametrize("name", ADDITIONS)
def test_what_is_added_misses_nothing(name):
    found = findings(name, ADDITIONS[name][0])
    assert not [str(f) for f in found.values() if f.status == "misses"]
    assert {"holds"} == {found[reading].status for reading in ("interval", "interval64")}
    assert found["empty"].status == ("holds" if ADDITIONS[name][0].scalar else "no case")
    assert found["linear"].status == ("refused" if name in ("flip", "own_max") else "holds"), found["linear"]


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("name", ADDITIONS)
def test_silence_is_never_taken_for_an_answer(name, fact):
    found = findings(name, replace(ADDITIONS[name][0], **{fact: None}))
    assert not [str(f) for f in found.values() if f.status == "misses"]


SILENT = [
    # name, fact, reading, what the refusal says
    ("own_floor", "kinks", "gradient", "grad: own_floor: where it has kinks is not stated"),
    ("own_floor", "floats", "tolerance_rounded", "tolerance: own_floor: how a float computes it is not stated"),
    ("own_gelu", "kinks", "gradient", "grad: own_gelu: where it has kinks is not stated"),
    ("own_gelu", "floats", "tolerance_exact", "tolerance: own_gelu: how a float computes it is not stated"),
    ("flip", "floats", "tolerance_exact", "tolerance: flip: how a float computes it is not stated"),
    ("flip", "shape", "interval", "shape: flip: the shape of its result is not stated"),
    ("own_max", "kinks", "gradient", "grad: own_max: where it has kinks is not stated"),
]


@pytest.mark.parametrize(("name", "fact", "reading", "message"), SILENT)
def test_what_is_left_out_is_refused_by_name(name, fact, reading, message):
    found = findings(name, replace(ADDITIONS[name][0], **{fact: None}))[reading]
    assert found.status == "refused"
    assert message in found.message


def test_without_derivatives_the_running_form_of_a_tolerance_is_the_answer():
    assert findings("own_floor", replace(ADDITIONS["own_floor"][0], kinks=None))["tolerance_rounded"].status == "holds"


def test_a_rule_that_is_left_out_is_refused_by_name():
    assert "batched: own_max: no rule says how" in findings("own_max", ADDITIONS["own_max"][0])["batches"].message
    assert "no rule" in findings("flip", FLIP, vjp=None)["gradient"].message
    assert "matrix_form: flip: no rule is stated" in findings("flip", FLIP)["matrix"].message


WRONG = [
    # name, what is stated, the readings by one of which it is caught
    ("own_floor", {"kinks": "nowhere"}, {"mean_value", "gradient"}),
    ("own_floor", {"kinks": "nowhere", "floats": "rounded"}, {"tolerance_rounded"}),
    ("own_floor", {"kinks": "nowhere", "floats": "library"}, {"tolerance_rounded"}),
    ("own_floor", {"graph": "convex", "kinks": "nowhere"}, {"linear", "subdivide"}),
    ("own_floor", {"graph": "convex", "kinks": "zero"}, {"linear", "subdivide"}),
    ("own_floor", {"range": (0.0, float("inf"))}, {"range_of_values"}),
    ("own_gelu", {"floats": "library"}, {"tolerance_exact", "tolerance_rounded"}),
    ("own_gelu", {"floats": "rounded"}, {"tolerance_exact", "tolerance_rounded"}),
    ("own_gelu", {"graph": "convex"}, {"linear", "subdivide"}),
    ("own_gelu", {"graph": "concave"}, {"linear", "subdivide"}),
    ("own_gelu", {"graph": "s_shaped"}, {"linear", "subdivide"}),
    ("own_gelu", {"range": (0.0, float("inf"))}, {"range_of_values"}),
    ("flip", {"shape": lambda operands, parameters: operands[0].rest}, {"interval"}),
    ("own_max", {"range": (0.0, float("inf"))}, {"range_of_values"}),
]


@pytest.mark.parametrize(("name", "facts", "readings"), WRONG)
def test_what_is_stated_wrongly_is_caught(name, facts, readings):
    found = findings(name, replace(ADDITIONS[name][0], **facts))
    assert readings & {reading for reading, f in found.items() if f.status == "misses"}


def tried(found):
    """The statuses of readings but for the two that have nothing to try where no range is stated, or no element."""
    return {f.status for f in found if f.reading not in ("range_of_values", "empty")}


def test_what_is_defined_is_read_so_everywhere():
    found = findings(
        "own_max", extend.Operation("own_max", "reduction", 1, parameters=("axis", "counts"), defined=True)
    )
    assert "the sizes are variables here" in found.pop("matrix").message
    assert tried(found.values()) == {"holds"}
    with extend.added(CONCAT, concat):
        assert tried(conformance.run(["own_concat"])) == {"holds"}
    line = extend.Operation("own_gelu", "elementwise", 1, defined=True)
    found = findings("own_gelu", line, vjp=None)
    assert "no rule for erf" in found.pop("certified").message
    assert tried(found.values()) == {"holds"}


def test_wrong_rules_are_caught():
    still = findings("flip", FLIP, vjp=lambda g, y, x, axis: (lambda: g,))
    assert still["gradient"].status == "misses"
    first = findings("flip", FLIP, batching=lambda b, op, s, xs, axis: b.inner.apply(op, xs[0].value, axis=axis))
    assert first["batches"].status == "misses"
    steep = findings("own_gelu", ADDITIONS["own_gelu"][0], vjp=lambda g, y, x: (lambda: g * 0,))
    assert steep["gradient"].status == "misses"


def test_verify_says_what_is_missed():
    line, definition, rules = ADDITIONS["own_gelu"]
    wrong = replace(line, graph="convex")
    with extend.added(wrong, definition, **rules), pytest.raises(AssertionError, match="own_gelu under linear: misses"):
        conformance.verify("own_gelu")


def test_a_curve_without_a_derivative_has_no_lines_by_name():
    line = extend.Operation("cubed", "elementwise", 1, graph="smooth", floats="composed", kinks="nowhere")
    with extend.added(line, lambda c, x: c.multiply(x, c.square(x))) as cubed:
        assert ss.bounds(cubed, 1.0, vary={"x": ss.ball(1)}, method="linear").method == "interval"
        with pytest.raises(ss.errors.NotSupported, match="linear bounds: cubed: no rule is stated"):
            slope_of("cubed")


def test_lines_are_those_of_the_present_definition():
    """What is kept of an operation by its name is forgotten with it."""
    line = extend.Operation("bowl", "elementwise", 1, "convex", "composed", "nowhere", "always", range=(0, inf))
    near = INTERVALS.box([2], [3]).value
    for factor in (1, 5):

        def bowl(c, x, factor=factor):
            return c.multiply(c.literal(Fraction(factor)), c.square(x))

        def rule(g, y, x, factor=factor):
            return (lambda: g * x * (2 * factor),)

        with extend.added(line, bowl, vjp=rule):
            (slope,) = slope_of("bowl")(near)
            assert slope.ravel() == pytest.approx([-4 * factor, 6 * factor])  # kept as -low and high


def test_no_checkpoint_names_an_operation_that_was_added(tmp_path):
    line, definition, rules = ADDITIONS["own_gelu"]
    with extend.added(line, definition, **rules) as gelu, pytest.raises(ss.errors.NotSupported, match="own_gelu"):
        ss.bounds(gelu, 1.0, vary={"x": ss.ball(1)}, method="subdivide", checkpoint=tmp_path / "kept")


def test_elementwise_operations_have_no_parameters():
    line = extend.Operation("scaled", "elementwise", 1, parameters=("factor",))
    with pytest.raises(ss.errors.ArgumentError, match="scaled: what is done on each element takes operands"):
        extend.add_operation(line, lambda c, x, factor: x)


def test_rooms_may_be_imported_after_an_addition():
    """Each checks its rules when it is imported, but not for what was added before."""
    program = (
        "from scalarspec import extend; import additions\n"
        "for line, definition, rules in additions.ADDITIONS.values():\n"
        "    extend.add_operation(line, definition, **rules)\n"
        "import scalarspec.laws, scalarspec.formulas.derive, scalarspec.bounding, scalarspec.theory\n"
        "import scalarspec.conformance, scalarspec.formulas.matrix, scalarspec.formulas.programs.c99\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd="tests")


def test_a_step_of_two_operands_may_jump_where_either_moves():
    line = extend.Operation("above", "elementwise", 2, "step", "step", "always", "always")

    def above(c, x, y):
        return c.where(c.less(y, x), c.literal(Fraction(1)), c.literal(Fraction(0)))

    with extend.added(line, above) as spec:
        u, v = map(ss.context("rounding").tensor, (0.36, 0.6))
        assert spec(u, v * v).item().error == 1
        assert not spec(u, v).item().error


def test_what_picks_by_choice_at_a_border_is_refused():
    line = extend.Operation("pick", "elementwise", 2, floats="choice", kinks="border", rational="always")
    told = pytest.raises(ss.errors.NotSupported, match="pick")
    with extend.added(line, lambda c, x, y: c.maximum(x, y)) as pick, told:
        ss.tolerance(lambda x: pick(x * x, x), 0.7, vary={"x": ss.ball(0)})


def test_linear_lines_go_by_no_convention_at_a_kink():
    """|x - 0| with a derivative that is told wrongly at 0 alone."""
    line = extend.Operation("own_fold", "elementwise", 1, "convex", "exact", "zero", "always")

    def rule(g, y, x):
        return (lambda: g * ss.where(x >= 0, 1 + 0 * x, -1 + 0 * x),)

    with extend.added(line, lambda c, x: c.abs(x), vjp=rule) as fold:
        found = ss.bounds(fold, 0.0, vary={"x": ss.ball(1)}, method="linear")
        assert found.lower <= 0 < 1 <= found.upper
