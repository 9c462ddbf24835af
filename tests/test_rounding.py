"""Bounds on float errors hold against errors observed at exact samples, operation by operation; faults are caught."""

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.backends.float import FloatContext
from scalarspec.backends.rounding import arrays, strategies, sums
from scalarspec.backends.rounding.inherited import INHERITED
from scalarspec.backends.rounding.local import LOCAL
from scalarspec.backends.rounding.tracked import Tracked
from scalarspec.core.operations import OPERATIONS
from scalarspec.errors import ArgumentError, NotSupported, UnknownName

EXACT = ss.context("interval", prec=150)
FORMATS = ("float64", "float32", "float16")

# operation: the boxes of its operands
ELEMENTWISE = {
    "add": [(-3, 5), (1, 2)],
    "subtract": [(1, 2), (1, 2)],
    "multiply": [(-3, 5), ("0.1", 2)],
    "divide": [(-3, 5), ("0.3", 2)],
    "reciprocal": [("0.3", 7)],
    "square": [(-3, 5)],
    "negative": [(-3, 5)],
    "abs": [(-3, 5)],
    "maximum": [(-3, 5), (1, 2)],
    "minimum": [(-3, 5), (1, 2)],
    "relu": [(-3, 5)],
    "leaky_relu": [(-3, 5), ("0.01", "0.02")],
    "clip": [(-3, 5), (-1, 0), (1, 2)],
    "exp": [(-3, 5)],
    "expm1": [(-1, 2)],
    "expm1mx": [(-2, 2)],
    "log": [("0.1", 20)],
    "log1p": [("-0.5", 3)],
    "sqrt": [(0, 5)],
    "sin": [(-3, 5)],
    "cos": [(-3, 5)],
    "tan": [(-1, 1)],
    "atan": [(-3, 5)],
    "sinh": [(-3, 3)],
    "cosh": [(-3, 3)],
    "tanh": [(-3, 3)],
    "logcosh": [(-3, 3)],
    "sigmoid": [(-6, 6)],
    "softplus": [(-6, 6)],
    "pow": [("0.5", 3), (-2, 3)],
}
VECTORS = {
    "sum": lambda x: ss.sum(x),
    "mean": lambda x: ss.mean(x),
    "mean_square": lambda x: ss.mean_square(x),
    "logsumexp": lambda x: ss.logsumexp(x),
    "rows": lambda x: ss.sum(ss.reshape(x, (4, 8)), axis=0),
    "dot": lambda x: ss.dot(x[:16], x[16:]),
    "affine": lambda x: ss.affine(ss.reshape(x[:24], (4, 6)), x[24:30], ss.reshape(x[28:], (4,))),
    "matmul": lambda x: ss.matmul(ss.reshape(x[:16], (4, 4)), ss.reshape(x[16:], (4, 4))),
}


def reals(source, ends, count):
    """Random reals of a box, most of them no floats, and its ends."""
    low, high = map(Fraction, ends)
    return [low, high, *(low + (high - low) * Fraction(source.getrandbits(60), 2**60) for _ in range(count))]


def floats_of(context, values):
    return context.tensor(np.array([float(context.literal(v)) for v in values]))


def observed(spec, columns, dtype):
    """The float results of a spec at reals that are rounded first, and exact ends of the exact values."""
    context = ss.context(dtype) if dtype != "float16" else FloatContext("float16")
    exact = [EXACT.tensor(np.array(column, dtype=object)) for column in columns]
    lower, upper = ss.endpoints(spec(*exact))
    return np.asarray(spec(*(floats_of(context, column) for column in columns))), lower, upper


def misses(error, results, lower, upper):
    """How many floats are further from the exact value than the bound."""
    bounds = np.broadcast_to(error, results.shape).ravel().tolist()
    triples = zip(results.ravel().tolist(), np.ravel(lower), np.ravel(upper), bounds, strict=True)
    return sum(max(low - Fraction(x), Fraction(x) - high) > Fraction(bound) for x, low, high, bound in triples)


def bound_of(spec, boxes, dtype, **parameters):
    context = ss.context("rounding", dtype=dtype, **parameters)
    error = spec(*(context.box(*box) for box in boxes)).value.error
    return 0.0 if error is None else ss.sup(error)


def missed(name, dtype, boxes=None):
    """Misses of an elementwise operation."""
    source, operation, boxes = random.Random(0), getattr(ss, name), boxes or ELEMENTWISE[name]
    columns = [reals(source, box, 300) for box in boxes]
    return misses(bound_of(operation, boxes, dtype), *observed(operation, columns, dtype))


def missed_of_vectors(name, dtype, **parameters):
    source, spec, total = random.Random(name), VECTORS[name], 0
    lows = [source.randint(-8, 4) for _ in range(32)]
    boxes = ([Fraction(v) for v in lows], [v + Fraction(1, 3) for v in lows])
    error = bound_of(spec, [boxes], dtype, **parameters)
    for _ in range(30):
        x = [reals(source, ends, 1)[2] for ends in zip(*boxes, strict=True)]
        total += misses(error, *observed(spec, [x], dtype))
    return total


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_no_operation_errs_by_more_than_its_bound(name, dtype):
    assert missed(name, dtype) == 0


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", VECTORS)
def test_no_sum_errs_by_more_than_its_bound(name, dtype):
    assert missed_of_vectors(name, dtype) == 0


@pytest.mark.parametrize("dtype", FORMATS)
def test_errors_are_inherited_through_a_chain(dtype):
    def chain(x, y):
        z = ss.tanh(x * y - ss.exp(-y)) / (1 + ss.square(x))
        return ss.where(z > 0, z, z / 2) + ss.sqrt(ss.square(x) + 1) * ss.sigmoid(y)

    source, boxes = random.Random(1), [(-1, 1), ("0.1", 2)]
    columns = [reals(source, box, 1000) for box in boxes]
    assert misses(bound_of(chain, boxes, dtype), *observed(chain, columns, dtype)) == 0


# ---- a fault in any rule is caught ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["add", "multiply", "divide", "reciprocal", "square", "sqrt", "expm1mx", "sigmoid", "exp"]
)
def test_a_smaller_bound_is_too_little(name, monkeypatch):
    """By 4 where an operation is rounded once, and half of the bound is inherited; by 64 for those of several steps."""
    whole, divisor = arrays.evaluated, 64 if name in ("expm1mx", "sigmoid", "exp") else 4

    def smaller(call):
        found = whole(call)
        return Tracked(found.real, None if found.error is None else found.error / divisor)

    monkeypatch.setattr(arrays, "evaluated", smaller)
    narrow = {"divide": [(2, "2.5"), ("1.1", "1.2")], "reciprocal": [("1.1", "1.2")], "sqrt": [(2, "2.5")]}
    assert missed(name, "float32", narrow.get(name)) > 0


@pytest.mark.parametrize("name", ["negative", "abs", "maximum", "relu", "clip", "add"])
def test_an_error_that_is_not_inherited_is_missed(name, monkeypatch):
    monkeypatch.setattr(strategies, "inherited", lambda call: [])
    assert missed(name, "float16") > 0


HALF = 2.0**-12  # half of float16's roundoff: 1 + HALF is 1
LOSSY = {
    "sum": (lambda x: ss.sum(x), [1.0] + [HALF] * 31),
    "mean": (lambda x: ss.mean(x), [1.0] + [HALF] * 31),
    "mean_square": (lambda x: ss.mean_square(x), [1.0] + [HALF**0.5] * 31),
    "matmul": (lambda x: ss.matmul(ss.reshape(x, (1, 32)), 0 * x + 1), [1.0] + [HALF] * 31),
    "affine": (lambda x: ss.affine(ss.reshape(x, (1, 32)), 0 * x + 1, 0 * x[:1]), [1.0] + [HALF] * 31),
    "affine_rows": (
        lambda x: ss.batched(lambda v: ss.affine(ss.reshape(0 * x + 1, (1, 32)), v, 0 * x[:1]), over="v")(
            ss.reshape(x, (1, 32))
        ),
        [1.0] + [HALF] * 31,
    ),
}


def lossy_misses(name):
    """A sum that loses all its small terms, one by one, from left to right."""
    spec, values = LOSSY[name]
    value = spec(ss.context("rounding", dtype="float16").tensor(values))
    floats = np.asarray(spec(FloatContext("float16", lifted=True).tensor(values)))
    lower, upper = ss.endpoints(spec(EXACT.tensor(values)))
    return misses(0.0 if value.value.error is None else ss.sup(value.value.error), floats, lower, upper)


@pytest.mark.parametrize("name", LOSSY)
def test_sums_lose_more_than_one_rounding(name, monkeypatch):
    assert lossy_misses(name) == 0
    monkeypatch.setattr(sums, "additions", lambda model, sizes, roundings, count: None)
    assert lossy_misses(name) > 0


# ---- single facts ---------------------------------------------------------------------------------------------------


def test_what_is_exact_in_floats_has_no_error():
    context = ss.context("rounding")
    x = context.tensor([1.0, 2.5])
    for t in (x + x, -x, x * 4, x / 2, ss.square(x), x - 1):
        assert t.value.error is None or ss.sup(t.value.error).max() == 0


def test_data_and_literals_are_rounded_to_the_format():
    context = ss.context("rounding", dtype="float16")
    assert context.tensor(1 / 3).item().error == abs(1 / 3 - float(np.float16(1 / 3)))
    exact = abs(Fraction(1, 10) - Fraction(float(np.float16(0.1))))
    found = Fraction((context.tensor(0) + "0.1").item().error)
    assert exact <= found <= exact * (1 + Fraction(1, 2**40)) + Fraction(1, 2**15)
    assert context.tensor(1e6).item().error == np.inf


def test_a_branch_that_rounding_may_turn_costs_the_jump():
    context = ss.context("rounding")
    x = context.box("0.1", "0.1") * 3
    assert ss.where(x > "0.3", 5, 2).item().error >= 3
    assert ss.where(context.box(0, 1) > "0.5", 5, 2).item().error >= 3
    assert ss.where(context.tensor(0.25) > "0.5", 5, 2).item().error == 0
    assert ss.heaviside(x - "0.3").item().error == 1
    assert ss.heaviside(context.tensor(0.25)).item().error == 0


def test_what_may_leave_the_range_has_no_bound():
    context = ss.context("rounding", dtype="float16")
    assert ss.square(context.tensor(300)).item().error == np.inf
    assert (context.tensor(65504) * 1).item().error == 0
    assert ss.sum(context.tensor([60000, 60000, -60000])).item().error == np.inf  # in some order


def test_powers_of_two_only_move_the_exponent():
    context = ss.context("rounding")
    x = context.tensor(["1/3", 5])
    for t in (x * 4, x / 8, 0.5 * x):
        assert np.all(ss.sup(t.value.error) <= 4 * ss.sup(x.value.error).max() * (1 + 2**-50))
    assert ss.sup((x * 3).value.error)[0] > 3 * ss.sup(x.value.error)[0]


def test_errors_have_the_shape_of_their_values():
    larger = ss.maximum(ss.context("rounding").tensor([0.0, 1.0]), "0.1")
    assert 0 < larger[0].item().error < 1e-17


# ---- what is not stated is refused ----------------------------------------------------------------------------------


def with_class(monkeypatch, name, floats):
    """Another class for an operation, in its line of the table."""
    monkeypatch.setitem(OPERATIONS, name, replace(OPERATIONS[name], floats=floats))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_without_a_class_is_refused_by_name(name, monkeypatch):
    with_class(monkeypatch, name, None)
    with pytest.raises(NotSupported, match=f"^tolerance: {name}: how a float computes it is not stated"):
        ss.context("rounding").arrays.function(name)


def test_every_operation_has_a_class_and_rules():
    read = ss.context("rounding").arrays.reads
    assert {line.floats for name, line in OPERATIONS.items() if not read(name)} == set(strategies.STRATEGIES)
    for name, line in OPERATIONS.items():
        if not line.truth and not read(name):
            assert strategies.inherited_rule(name)
            assert strategies.local_rule(name)
    assert {*INHERITED, *LOCAL} <= set(OPERATIONS)


def test_no_float_of_a_formula_that_cancels_is_said_to_be_positive():
    assert {name for name in OPERATIONS if strategies.never_negative(name)} == {
        "abs", "relu", "square", "sqrt", "exp", "cosh", "sigmoid", "softplus", "logcosh", "heaviside", "mean_square",
        "erfc", "hypot", "acos", "acosh", "softmax",
        "pi", "less", "less_equal", "equal", "logical_not", "logical_and", "logical_or",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["exact", "sum"])
def test_a_class_says_too_little_of_an_operation_of_its_own_kind(kind, monkeypatch):
    """A floor that is called exact, with a derivative of 0, has no tolerance of 0."""
    with_class(monkeypatch, "tan", kind)
    with pytest.raises(NotSupported, match=r"^tolerance: tan: what it .* operands is not stated"):
        ss.tan(ss.context("rounding").box(0, 1))


def test_a_formula_needs_a_rule(monkeypatch):
    with_class(monkeypatch, "exp", "composed")
    with pytest.raises(NotSupported, match="exp: what it adds to the errors of its operands is not stated"):
        ss.exp(ss.context("rounding").box(0, 1))


def test_a_formula_without_a_rule_is_the_definition(monkeypatch):
    x = ss.context("rounding").box_of_floats(1, 2)
    by_hand = (ss.sin(x) / ss.cos(x)).value.bound
    with_class(monkeypatch, "tan", "composed")
    assert ss.tan(x).value.local is not None
    assert by_hand * 0.99 <= ss.tan(x).value.bound <= by_hand * 1.01


def test_bad_parameters_are_named():
    with pytest.raises(UnknownName, match="no format is called 'float8'; there are float64, float32"):
        ss.context("rounding", dtype="float8")
    with pytest.raises(ArgumentError, match="inner: expected an enclosing context"):
        ss.context("rounding", inner="float64")
