"""`from_fpcore`: cores at exact numbers; every operator and constant; loops, boxes, refusals, and the command."""

import json
import math
import pickle
from fractions import Fraction
from pathlib import Path

import pytest
from command import run

import scalarspec as ss
from scalarspec.errors import ArgumentError, NotExact, NotSupported, TooLarge, Undecided, UnknownName
from scalarspec.frontends.fpcore import expressions, syntax
from scalarspec.frontends.fpcore.operators import CONSTANTS, OPERATORS

EXACT, BOXES = ss.context("rational"), ss.context("interval")


def core(body, arguments="x y z", said=""):
    return ss.from_fpcore(f"(FPCore ({arguments}) {said} {body})")


def exactly(body, *point):
    """The value of a body at x, y, z, which are 0 where they are not given."""
    return core(body)(*(EXACT.tensor(v) for v in (*point, 0, 0, 0)[:3])).item()


def enclosed(body, *point):
    lower, upper = ss.endpoints(core(body)(*(BOXES.tensor(v) for v in (*point, 0, 0, 0)[:3])))
    return float(lower), float(upper)


# ---- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Fraction(1, 10)), ("-0.1", Fraction(-1, 10)), ("+7", 7), (".5", Fraction(1, 2)), ("1.", 1),
        ("1e-3", Fraction(1, 1000)), ("2.5E+2", 250), ("1/3", Fraction(1, 3)), ("-9/2", Fraction(-9, 2)),
        ("0x1.8p3", 12), ("-0xA.8P-1", Fraction(-21, 4)), ("0x.1", Fraction(1, 16)), ("0xff", 255),
        ("(digits 3 -2 10)", Fraction(3, 100)), ("(digits -5 3 2)", -40),
        ("1e300", 10**300), ("123456789012345678901234567890.5", Fraction(246913578024691357802469135781, 2)),
    ],
)  # fmt: skip
def test_numbers_are_exact(text, value):
    assert exactly(text) == value


@pytest.mark.parametrize("text", ["1e999999999", "0x1p999999999", "(digits 1 99999999 10)", "(digits 1 -999999999 2)"])
def test_numbers_that_would_fill_the_memory_are_refused(text):
    with pytest.raises(TooLarge, match="line 1"):
        core(text)


# ---- operators ------------------------------------------------------------------------------------------------------

RATIONAL = [
    ("(+ x y)", (2, 3), 5), ("(- x y)", (2, 3), -1), ("(- x)", (2,), -2), ("(* x y)", (2, 3), 6),
    ("(/ x y)", (2, 3), Fraction(2, 3)), ("(neg x)", (2,), -2), ("(fabs x)", (-2,), 2), ("(sqrt x)", (Fraction(9, 4),),
    Fraction(3, 2)), ("(cbrt x)", (-8,), -2), ("(hypot x y)", (3, 4), 5), ("(fma x y z)", (2, 3, 4), 10),
    ("(exp x)", (0,), 1), ("(exp2 x)", (-3,), Fraction(1, 8)), ("(expm1 x)", (0,), 0), ("(log x)", (1,), 0),
    ("(log1p x)", (0,), 0), ("(log2 x)", (8,), 3), ("(log10 x)", (1000,), 3), ("(pow x y)", (2, -2), Fraction(1, 4)),
    ("(sin x)", (0,), 0), ("(cos x)", (0,), 1), ("(tan x)", (0,), 0), ("(asin x)", (0,), 0), ("(acos x)", (1,), 0),
    ("(atan x)", (0,), 0), ("(atan2 x y)", (0, 1), 0), ("(sinh x)", (0,), 0), ("(cosh x)", (0,), 1),
    ("(tanh x)", (0,), 0), ("(asinh x)", (0,), 0), ("(acosh x)", (1,), 0), ("(atanh x)", (0,), 0), ("(erf x)", (0,), 0),
    ("(erfc x)", (0,), 1), ("(lgamma x)", (2,), 0), ("(fmax x y)", (2, 3), 3), ("(fmin x y)", (2, 3), 2),
    ("(fdim x y)", (5, 3), 2), ("(fdim x y)", (3, 5), 0), ("(copysign x y)", (2, -3), -2),
    ("(fmod x y)", (Fraction(-11, 2), 2), Fraction(-3, 2)), ("(fmod x y)", (5, -3), 2),
    ("(floor x)", (Fraction(-1, 2),), -1), ("(ceil x)", (Fraction(1, 3),), 1), ("(trunc x)", (Fraction(-5, 3),), -1),
    ("(nearbyint x)", (Fraction(5, 2),), 2), ("(round x)", (Fraction(5, 2),), 3), ("(round x)", (Fraction(-5, 2),), -3),
    ("(round x)", (Fraction(1, 3),), 0), ("(round x)", (Fraction(-5, 3),), -2),
]  # fmt: skip
"""A body, a point, and its value."""
TRUE = [
    "(< 1 2 3)", "(<= 1 1 2)", "(> 3 2 1)", "(>= 2 2 1)", "(== 1 1 1)", "(!= 1 2 3)", "(and (< 1 2) TRUE (< 2 3))",
    "(or FALSE (< 1 2))", "(not (< 2 1))", "(not FALSE)",
]  # fmt: skip
FALSE = [
    "(< 1 3 2)", "(<= 2 1 3)", "(> 3 1 2)", "(>= 1 2 2)", "(== 1 1 2)", "(!= 1 2 1)", "(and TRUE (< 2 1))",
    "(or FALSE (< 2 1))", "(not TRUE)",
]  # fmt: skip


@pytest.mark.parametrize(("body", "point", "value"), RATIONAL, ids=[f"{body} {value}" for body, _, value in RATIONAL])
def test_operators_have_their_exact_values(body, point, value):
    assert exactly(body, *point) == value


@pytest.mark.parametrize(("condition", "holds"), [(c, 1) for c in TRUE] + [(c, 0) for c in FALSE])
def test_comparisons_and_connectives(condition, holds):
    assert exactly(f"(if {condition} 1 0)") == holds


def test_every_operator_is_tested():
    heads = {body[1:].partition(" ")[0] for body, _, _ in RATIONAL} | {each[1:].partition(" ")[0] for each in TRUE}
    assert heads == OPERATORS.keys()


@pytest.mark.parametrize(
    ("name", "digits"),
    {
        "E": "2.71828182845904523", "LOG2E": "1.44269504088896340", "LOG10E": "0.434294481903251827",
        "LN2": "0.693147180559945309", "LN10": "2.30258509299404568", "PI": "3.14159265358979323",
        "PI_2": "1.57079632679489661", "PI_4": "0.785398163397448309", "M_1_PI": "0.318309886183790671",
        "M_2_PI": "0.636619772367581343", "M_2_SQRTPI": "1.12837916709551257", "SQRT2": "1.41421356237309504",
        "SQRT1_2": "0.707106781186547524",
    }.items(),
)  # fmt: skip
def test_constants_are_the_real_numbers(name, digits):
    places = len(digits.partition(".")[2])
    lower, upper = ss.endpoints(core(name)(*[ss.context("interval", prec=100).tensor(0)] * 3))
    assert Fraction(digits) - Fraction(1, 10**places) <= lower.item() <= upper.item()
    assert upper.item() <= Fraction(digits) + Fraction(1, 10**places)
    with pytest.raises(NotExact):
        exactly(name)


def test_no_other_constants_are_there():
    assert len(CONSTANTS) == 13


def test_round_is_exact_in_floats():
    floats = ss.context("float64")
    for x in (0.49999999999999994, 0.5, 1.5, -2.5, 2.0**52 + 1, -(2.0**53), 4503599627370495.5):
        expected = math.copysign(math.floor(abs(Fraction(x)) + Fraction(1, 2)), x)
        assert core("(round x)", "x")(floats.tensor(x)).item() == expected


# ---- let, if, while -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "point", "value"),
    [
        ("(let ([x 2] [y x]) (+ (* 10 x) y))", (1,), 21),
        ("(let* ([x 2] [y x]) (+ (* 10 x) y))", (1,), 22),
        ("(let () x)", (1,), 1),
        ("(while (< i 3) ([i 0 (+ i 1)] [s x (+ s i)]) s)", (0,), 3),
        ("(while* (< i 3) ([i 0 (+ i 1)] [s x (+ s i)]) s)", (0,), 6),
        ("(while* (< i 1) ([i 0 (+ i 1)] [s i (+ s 10)]) s)", (0,), 10),
        ("(let ([PI 3]) PI)", (), 3),
        ('(! :name "it" x)', (5,), 5),
        ("(if (< x 0) (log x) x)", (3,), 3),
    ],
)
def test_bindings_loops_and_choices(body, point, value):
    assert exactly(body, *point) == value


def test_a_choice_that_is_undecided_takes_both():
    lower, upper = ss.endpoints(core("(if (< x 0) 1 (sqrt x))", "x")(BOXES.box(-1, 4)))
    assert (lower.item(), upper.item()) == (0, 2)


def test_a_loop_whose_end_is_open_is_refused():
    found = core("(while (< i x) ([i 0 (+ i 1)]) i)", "x")
    assert found(EXACT.tensor(Fraction(5, 2))).item() == 3
    with pytest.raises(Undecided):
        found(BOXES.box(1, 3))
    with pytest.raises(TooLarge, match="does not end within"):
        core("(while (< 0 1) ([i 0 0]) i)", "x")(EXACT.tensor(1))
    with pytest.raises(TooLarge, match="a loop that never ends"):
        core("(while TRUE ([i 0 0]) i)", "x")(EXACT.tensor(1))


# ---- what a core says -----------------------------------------------------------------------------------------------


def ends(found):
    return found.box and {name: (b.lower.item(), b.upper.item()) for name, b in found.box.items()}


@pytest.mark.parametrize(
    ("pre", "box", "others"),
    [
        ("(<= 1 x 10)", {"x": (1, 10)}, ()),
        ("(>= 10 x 1)", {"x": (1, 10)}, ()),
        ("(and (< 0.1 x) (< x 2/3))", {"x": (Fraction(1, 10), Fraction(2, 3))}, ()),
        ("(and (<= 0 x) (and (<= x 5) (<= (- 1) x 3)))", {"x": (0, 3)}, ()),
        ("(and (<= 0 x 1) (< (* x x) 1/2))", {"x": (0, 1)}, ("(< (* x x) 1/2)",)),
        ("(<= 0 x)", None, ()),
        ("(or (<= 0 x 1) (<= 2 x 3))", None, ("(or (<= 0 x 1) (<= 2 x 3))",)),
        ("(<= 0 x PI)", None, ("(<= 0 x PI)",)),
        ("TRUE", None, ()),
    ],
)
def test_boxes_are_read_from_preconditions(pre, box, others):
    found = core("x", "x", f":pre {pre}")
    assert ends(found) == box
    assert found.pre == others


def test_conditions_can_be_asked():
    found = core("(+ x y)", "x y", ":pre (and (<= 0 x 1) (<= 0 y 1) (< x y) (!= x 0))")
    assert found.pre == ("(< x y)", "(!= x 0)")
    assert [bool(found.meets(*map(EXACT.tensor, p))) for p in ((1, 2), (2, 1), (0, 1))] == [True, False, False]
    assert bool(core("x", "x")(EXACT.tensor(1)) == 1)
    assert bool(core("x", "x").meets(EXACT.tensor(1)))


def test_bounds_between_arguments_give_no_box():
    found = core("x", "x y", ":pre (<= 0 x y 1)")
    assert found.box is None
    assert found.pre == ("(<= 0 x y 1)",)


def test_a_box_of_nothing_is_refused():
    with pytest.raises(ArgumentError, match="no x lies between 2 and 1"):
        core("x", "x", ":pre (<= 2 x 1)")


def test_what_a_core_says():
    found = ss.from_fpcore('(FPCore f (a1 lambda x-1 p) :name "a \\"b\\"" :precision binary32 :cite (c) (- a1 lambda))')
    assert (found.name, found.identifier, found.precision, found.dtype) == ('a "b"', "f", "binary32", "float32")
    assert found.arguments == ("a1", "_lambda", "x_1", "p")
    assert found(*map(EXACT.tensor, (5, 2, 0, 0))).item() == 3
    again = pickle.loads(pickle.dumps(found))
    assert again(*map(EXACT.tensor, (5, 2, 0, 0))).item() == 3
    plain = core("x", "x")
    assert (plain.name, plain.precision, plain.dtype, plain.pre) == (None, "binary64", "float64", ())
    with pytest.raises(ArgumentError, match="expected x, got 2 arguments"):
        plain(1, 2)


SEVERAL = """; two cores
(FPCore (x) :name "one" x) ; the first
(FPCore two (x)
  (* x 2))
"""


def test_several_cores(tmp_path):
    (tmp_path / "cores.fpcore").write_text(SEVERAL)
    for source in (SEVERAL, tmp_path / "cores.fpcore", str(tmp_path / "cores.fpcore")):
        assert [each.name for each in ss.from_fpcore(source)] == ["one", "two"]
        assert ss.from_fpcore(source, name="two")(EXACT.tensor(3)).item() == 6
    with pytest.raises(UnknownName, match="no core is called 'three'; there are one, two"):
        ss.from_fpcore(SEVERAL, name="three")
    with pytest.raises(ArgumentError, match="2 cores are called 'one'"):
        ss.from_fpcore('(FPCore one (x) x) (FPCore (x) :name "one" x)', "one")
    assert ss.from_fpcore("(FPCore one (x) x) (FPCore two (x) (tgamma x))", "one")(EXACT.tensor(3)).item() == 3


def test_jobs_take_cores():
    found = core("(- (sqrt (+ x 1)) (sqrt x))", "x", ":pre (<= 1 x 10)")
    assert ss.tolerance(found, 1, vary=found.box).absolute < 1e-14
    lower, upper = ss.endpoints(ss.bounds(found, 1, vary=found.box, target="0.01").enclosure)
    assert lower.item() <= Fraction("0.1543471") <= Fraction("0.4142136") <= upper.item()
    assert ss.crosscheck(found, 2.0, actual=ss.compare(found, 2.0)["float64"].value).explained


# ---- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(FPCore (x) x", "line 1, column 1: a list that does not end: expected )"),
        ("(FPCore (x)\n x))", "line 2, column 4: a ) that nothing opens"),
        ("(FPCore [x) x)", "line 1, column 11: ): expected ]"),
        ('(FPCore (x) :name "a x)', "line 1, column 19: a text that does not end"),
        ("(FPCore (x)\n  (+ x w))", "line 2, column 8: 'w' has no value here; there are x"),
        ("(FPCore (x) (+ x))", "line 1, column 13: + of 1 operands; expected 2"),
        ("(FPCore (x) (- x x x))", "- of 3 operands; expected 1 or 2"),
        ("(FPCore (x) (if (< x) 1 2))", "< of 1 operands; expected 2 at least"),
        ("(FPCore (x) (if x 1 2))", "column 17: expected a comparison, got x"),
        ("(FPCore (x) (+ 1 (< x 1)))", "column 18: expected a number, got the truth (< x 1)"),
        ("(FPCore (x) (< x 1))", "expected a number, got the truth"),
        ("(FPCore (x) (if (< x 1) x))", "expected (if condition then else)"),
        ("(FPCore (x) (let ([a]) x))", "expected a name with 1 value, got (a)"),
        ("(FPCore (x) (let ([a 1] [a 2]) x))", "a name that is bound twice"),
        ("(FPCore (x) (let a x))", "expected a list of names with values, got a"),
        ("(FPCore (x) ())", "expected an expression, got ()"),
        ("(FPCore (x) (!))", "expected (! :property value ... body)"),
        ("(FPCore (x x) x)", "two arguments have one name"),
        ("(FPCore (1) x)", "expected the name of an argument, got 1"),
        ("(FPCore (x) :name x)", "expected (FPCore name? (arguments ...) :property value ... body)"),
        ("(FPCore (x) :name x x)", "expected a text in quotes"),
        ('(FPCore (x) :name "a" :name "b" x)', ":name is given twice"),
        ("(FPCore)", "expected (FPCore name?"),
        ("(x)", "expected (FPCore (arguments ...) body), got (x)"),
        ("(FPCore (x) 1/0)", "line 1, column 13"),
        ("; nothing", "expected a core"),
        ("(FPCore (x) (digits 1 2))", "expected (digits m e b) of three integers"),
        ("(FPCore (x) (digits 1 2 1))", "expected a base of 2 at least"),
    ],
)
def test_malformed_texts_are_refused_with_their_places(text, told):
    with pytest.raises(ArgumentError) as caught:
        ss.from_fpcore(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(FPCore (x) (tgamma x))", "line 1, column 13: the operator 'tgamma' is not supported"),
        ("(FPCore (x) (if (isnan x) 1 2))", "'isnan'"),
        ("(FPCore (x) (for ([i 3]) x))", "'for'"),
        ("(FPCore (x) (! :precision binary32 x))", "the annotation :precision within a body"),
        ("(FPCore (x) (cast x))", "'cast'"),
        ("(FPCore (x) :round toZero x)", ":round toZero; expected nearestEven"),
        ("(FPCore (x) (+ x INFINITY))", "INFINITY is no real number"),
        ("(FPCore (x) NAN)", "NAN is no real number"),
        ("(FPCore ((! :precision binary32 x)) x)", "the argument (! :precision binary32 x)"),
        ("(FPCore ((x 3)) 1)", "the argument (x 3)"),
        ("(FPCore () 1)", "a core without arguments"),
    ],
)
def test_what_is_no_real_function_is_refused_by_name(text, told):
    with pytest.raises(NotSupported) as caught:
        ss.from_fpcore(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("absent.fpcore", "No such file"),
        ("", "regular|No such"),
        ("bytes.fpcore", "is no text"),
        (3, "expected a text"),
    ],
)
def test_files_that_are_none(tmp_path, path, told):
    (tmp_path / "bytes.fpcore").write_bytes(b"\xff\xfe")
    with pytest.raises(ArgumentError, match=told):
        ss.from_fpcore(path if path == 3 else tmp_path / path)


def test_deep_and_large_texts_are_bounded(monkeypatch):
    deepest = syntax.MOST_DEPTH - 2  # the core itself, and the list of arguments or the condition of the last choice
    choices = "(if (< x 0) x " * deepest + "x" + ")" * deepest
    found = core(choices, "x", ":pre (<= -1 x 1)")
    assert found(EXACT.tensor(5)).item() == 5
    assert ss.endpoints(ss.bounds(found, 0, vary=found.box).enclosure)[1].item() >= 1
    assert ss.tolerance(found, 0, vary=found.box).absolute >= 0
    with pytest.raises(TooLarge, match="lists in one another"):
        core("(- " * 10**5 + "x" + ")" * 10**5)
    with pytest.raises(TooLarge, match="lists in one another"):
        core("(" * 10**6)
    monkeypatch.setattr("scalarspec.frontends.fpcore.core.MOST_BYTES", 100)
    with pytest.raises(TooLarge, match="more than 100 bytes"):
        core("(+ x " + "1" * 100 + ")")
    assert expressions.MOST_STEPS <= 10**5


# ---- FPBench's own, and the command ---------------------------------------------------------------------------------


def test_the_cores_of_the_benchmark_have_boxes():
    path = Path(__file__).parents[1] / "benchmarks" / "fpbench.json"
    cores = [ss.from_fpcore(each["core"]) for each in json.loads(path.read_text())["cores"]]
    assert len({each.name for each in cores}) == len(cores) > 40
    assert all(each.box for each in cores)
    assert sum(bool(each.pre) for each in cores) == 9


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cores.fpcore"
    path.write_text(
        '(FPCore (x) :name "root" :pre (<= 1 x 2) (sqrt x))'
        "(FPCore sum (x y) :precision binary32 :pre (and (<= 1 x 2) (<= 3 y 4)) (+ x y))"
        "(FPCore open (x) x)"
    )
    return str(path)


def test_the_command_takes_the_box_of_a_core(file, capsys):
    code, out, _ = run(capsys, "tolerance", f"{file}:root", "--json")
    one = ss.from_fpcore(file, "root")
    assert code == 0
    assert json.loads(out)["absolute"] == ss.tolerance(one, 1, vary=one.box).to_json()["absolute"]
    code, out, _ = run(capsys, "tolerance", f"{file}:sum")
    assert code == 0
    assert "float32" in out
    code, out, _ = run(capsys, "bounds", f"{file}:sum", "--set", "x=1")
    assert code == 0
    assert out.startswith("[4, 5]")
    code, out, _ = run(capsys, "bounds", f"{file}:sum", "--set", "x=1", "--set", "y=3", "--radius", "x=1")
    assert out.startswith("[3, 5]")
    assert run(capsys, "ranges", f"{file}:root")[0] == 0
    assert run(capsys, "crosscheck", f"{file}:root", "--set", "x=2")[0] == 0


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["tolerance", "{}"], "holds 3 cores; say which, as in"),
        (["tolerance", "{}:open"], "--vary: "),
        (["tolerance", "{}:none"], "no core is called 'none'"),
        (["tolerance", "absent.fpcore"], "No such file"),
        (["crosscheck", "{}:root"], "needs an argument 'x'"),
        (["bounds", "{}:root", "--set", "w=1"], "has no parameter 'w'"),
        (["bounds", "math:sin"], "--vary: "),
    ],
)
def test_what_the_command_refuses(file, capsys, argv, told):
    code, _, err = run(capsys, *(each.format(file) for each in argv))
    assert code == 2
    assert told in err
