"""The known ways to be wrong: each is a test (the numbers are those of the specification's list)."""

import math
import pickle
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from fractions import Fraction
from multiprocessing import get_context

import mpmath
import numpy as np
import pytest
import sympy
from agreement import same
from conftest import CONTEXTS, ENCLOSING

import scalarspec as ss
from scalarspec.errors import (
    ArgumentError,
    ContextMismatch,
    DomainError,
    NotExact,
    NotSupported,
    OutOfRange,
    ScalarSpecError,
    ShapeError,
    TooLarge,
    Undecided,
)
from scalarspec.numbers.exact import CONSTANTS


def test_1_a_branch_on_an_undecided_interval(enclosing):
    x = enclosing.box(-1, 1)
    with pytest.raises(Undecided, match="undecided; use where"):
        _ = 1 if x > 0 else 0


def test_1_the_error_names_both_operands(interval):
    with pytest.raises(Undecided, match=r"\[0, 0\] < \[-1, 1\] is undecided"):
        bool(interval.box(-1, 1) > 0)


def test_1_a_branch_on_a_symbol(symbolic):
    with pytest.raises(Undecided, match="0 < x"):
        bool(symbolic.symbols("x") > 0)


def test_1_numbers_have_no_truth(context):
    with pytest.raises(Undecided):
        bool(context.tensor(0))


def test_1_a_truth_of_one_comparison_is_a_bool(context):
    truth = context.tensor(1) < 2
    for p, expected in ((truth, True), (~truth, False)):
        assert p.item() is p.tolist() is expected
        assert (int(p), float(p), bool(p)) == (expected, expected, expected)
    with pytest.raises(ss.errors.ShapeError, match=r"of shape \(2,\) is not one value; use all\(\) or any\(\)"):
        (context.tensor([1, 2]) < 2).item()


def test_1_an_undecided_truth_is_no_bool(enclosing):
    with pytest.raises(Undecided, match="undecided"):
        (enclosing.box(0, 2) < 1).item()
    with pytest.raises(Undecided):
        (ss.context("symbolic").symbols("x") < 1).item()


def test_1_undecided_truths_keep_to_kleene_logic(interval):
    maybe, true, false = interval.box(-1, 1) > 0, interval.tensor(1) > 0, interval.tensor(-1) > 0
    assert not (maybe & false)
    assert maybe | true
    for undecided in (maybe & true, maybe | false, ~maybe, maybe & maybe, maybe | maybe):
        with pytest.raises(Undecided):
            bool(undecided)


def test_2_where_is_the_hull(enclosing):
    x = enclosing.box(-1, 2)
    low, high = ss.endpoints(ss.where(x > 0, x, -5))
    assert (low, high) == (-5, 2)


def test_3_the_literal_one_tenth_is_refused(context):
    message = r'0\.1 is not exactly 1/10 in binary; write Fraction\(1, 10\) or "0\.1"'
    for expression in (lambda t: t * 0.1, lambda t: 0.1 + t, lambda t: t > 0.1, lambda t: ss.where(t > 0, 0.1, t)):
        with pytest.raises(NotExact, match=message):
            expression(context.tensor(1))
    assert same(context.tensor(1) + 0.5, context.tensor("3/2"))
    with pytest.raises(NotExact):
        context.tensor(1) * np.float32(0.1)


@pytest.mark.parametrize(
    ("number", "what", "written"),
    [
        (math.pi, "not exactly π", "ss.pi(x.context), or"),
        (np.float32(np.pi), "not exactly π", "ss.pi(x.context), or"),
        (2 * math.pi, "not exactly 2π", "2 * ss.pi(x.context), or"),
        (np.pi / 2, "not exactly π/2", "ss.pi(x.context) / 2, or"),
        (math.e, "not exactly e", "ss.exp(x.context.tensor(1)), or"),
        (math.sqrt(2), "rounded, by its digits", "what was rounded, such as Fraction(1, 3) or"),
        (3.14, "not exactly 157/50 in binary", "Fraction(157, 50) or"),
        (np.float16(np.pi), "not exactly 157/50 in binary", "Fraction(157, 50) or"),
    ],
)
def test_3_irrational_literals_are_told_how_to_be_written(context, number, what, written):
    with pytest.raises(NotExact, match=re.escape(f"{number!s} is {what}; write {written}")):
        context.tensor(1) * number


def test_3_what_is_written_for_irrational_literals_is_them():
    for number, (_, written) in CONSTANTS.items():
        value = eval(written, {"ss": ss, "x": ss.context("float64").tensor(1)})
        assert value.item() == number


def test_4_the_literal_one_tenth_as_text(rational, interval, float64):
    assert rational.tensor("0.1").item() == Fraction(1, 10)
    assert float64.tensor("0.1").item() == 0.1
    assert ss.context("float32").tensor("0.1").item() == float(np.float32(0.1))
    low, high = ss.endpoints(interval.tensor("0.1"))
    assert low < Fraction(1, 10) < high
    assert high - low == Fraction(1, 2**56)


def test_4_floats_are_rounded_once():
    """Halfway cases that rounding to float64 first would spoil."""
    float32 = ss.context("float32")
    just_above_half = 1 + Fraction(1, 2**24) + Fraction(1, 2**80)
    assert float32.tensor(just_above_half).item() == 1 + 2.0**-23
    assert float32.tensor(1 + Fraction(1, 2**24)).item() == 1.0
    assert float32.tensor(1 + Fraction(3, 2**24)).item() == 1 + 2.0**-22
    assert float32.tensor(Fraction(1, 2**150)).item() == 0.0
    assert float32.tensor(Fraction(3, 2**150)).item() == 2.0**-148
    assert float32.tensor(2**128 - 2**103).item() == math.inf
    assert float32.tensor(2**128 - 2**103 - 1).item() == float(np.finfo(np.float32).max)
    assert ss.context("float64").tensor(2**53 + 1).item() == 2.0**53
    assert ss.context("float64").tensor(10**400).item() == math.inf


def test_5_float32_data_are_exact(exact):
    datum = np.array([0.1], dtype=np.float32)
    assert exact.exact_value(exact.tensor(datum).scalars()[0]) == Fraction(*datum[0].as_integer_ratio())
    low, high = ss.endpoints(ss.context("interval", prec=2).tensor(datum))
    assert low[0] == high[0] == Fraction(*datum[0].as_integer_ratio())


def test_6_no_global_precision_changes():
    before = (mpmath.iv.prec, mpmath.mp.prec, np.geterr())
    wide = ss.context("interval", prec=200)
    alone = str(ss.exp(wide.tensor("1/3")))
    results = {}

    def work(prec):
        context = ss.context("interval", prec=prec)
        results[prec] = [str(ss.exp(context.tensor("1/3"))) for _ in range(200)]

    threads = [threading.Thread(target=work, args=(prec,)) for prec in (53, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(results[200]) == {alone}
    assert set(results[53]) == {str(ss.exp(ss.context("interval").tensor("1/3")))}
    assert (mpmath.iv.prec, mpmath.mp.prec, np.geterr()) == before


def test_7_contexts_do_not_mix():
    tensors = {name: context.tensor([1]) for name, context in CONTEXTS.items()}
    for a in tensors:
        for b in tensors:
            if CONTEXTS[a] != CONTEXTS[b]:  # interval64 and its fused loops are one context
                with pytest.raises(ContextMismatch):
                    tensors[a] + tensors[b]
    with pytest.raises(ContextMismatch, match=r"add: float64 and interval\(prec=53\)"):
        tensors["float64"] + tensors["interval"]


def test_7_numbers_and_arrays_are_lifted(context):
    t = context.tensor([1, 2])
    array, pair = np.array([3.0, 4.0]), [3, 4]
    for sum_ in (t + array, array + t, t + pair, pair + t):
        assert same(sum_, context.tensor([4, 6]))
    for double in (2 * t, t * Fraction(2), Decimal(2) * t, t * "2", t * np.int64(2)):
        assert same(double, context.tensor([2, 4]))


def test_7_a_function_without_a_tensor():
    told = 'exp: expected a Tensor among the operands, got ndarray; make one, as in ss.context("float64").tensor(data)'
    with pytest.raises(ArgumentError, match=re.escape(told)):
        ss.exp(np.zeros(2))


def test_8_mse_and_kl_of_boxes_are_not_negative(enclosing):
    x, y = enclosing.box([-1, -1], [1, 2]), enclosing.box([-2, 0], [2, 1])
    assert ss.endpoints(ss.loss.mse(x, y))[0] >= 0
    assert ss.endpoints(ss.latent.diagonal_gaussian_kl_to_standard(x, y))[0] >= 0


def test_9_exp_is_refused_over_the_rationals(rational):
    with pytest.raises(NotExact, match=r"exp\(3/10\) is not rational; use 'interval' or 'symbolic'"):
        ss.exp(rational.tensor("0.3"))
    assert ss.latent.diagonal_gaussian_kl_to_standard(rational.tensor([0]), rational.tensor([0])).item() == 0


@pytest.mark.parametrize("name", [n for n, context in CONTEXTS.items() if not context.rounds])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "nan", Decimal("inf"), np.float32("nan")])
def test_10_what_is_no_number_is_no_datum(name, value):
    with pytest.raises(DomainError):
        CONTEXTS[name].tensor([1, value])


def test_10_floats_have_ieee_values_without_warnings(float64):
    t = float64.tensor([math.nan, math.inf, -1.0, 0.0])
    assert np.isnan(np.asarray(ss.relu(t))[0])
    assert np.isnan(np.asarray(ss.heaviside(t))[0])
    assert (1 / t).tolist()[1:] == [0.0, -1.0, math.inf]
    assert np.isnan(np.asarray(ss.log(t))[2])
    assert (t < 1).tolist() == [False, False, True, True]
    assert ss.exp(float64.tensor(1000.0)).item() == math.inf
    assert ss.sigmoid(float64.tensor([-1000.0, 1000.0])).tolist() == [0.0, 1.0]
    assert ss.softplus(float64.tensor([-1000.0, 1000.0])).tolist() == [0.0, 1000.0]


def test_11_empty_shapes(context):
    empty = context.tensor(np.zeros((0, 3)))
    assert empty.shape == (0, 3)
    assert len(empty) == 0
    assert list(empty) == []
    assert ss.exp(empty).shape == (0, 3)
    assert ss.where(empty > 0, empty, 0).shape == (0, 3)
    for reduced in (ss.sum(empty), ss.mean(empty), ss.mean_square(empty), ss.loss.mse(empty, empty)):
        assert same(reduced, context.tensor(0))
    assert same(ss.sum(empty, axis=0), context.tensor([0, 0, 0]))
    assert ss.sum(empty, axis=1).shape == (0,)
    assert same(ss.matmul(context.tensor(np.zeros((2, 0))), context.tensor(np.zeros(0))), context.tensor([0, 0]))
    assert ss.matmul(empty, context.tensor([1, 2, 3])).shape == (0,)
    assert ss.reshape(empty, (3, 0, 2)).shape == (3, 0, 2)
    assert ss.matrix_transpose(empty).shape == (3, 0)
    assert ss.outer(context.tensor([]), context.tensor([1])).shape == (0, 1)
    assert ss.Tensor.of(context, (3,), []).shape == (0, 3)
    assert empty.tolist() == []
    assert np.asarray(empty).shape == (0, 3)
    assert same(pickle.loads(pickle.dumps(empty)), empty)
    kl = ss.latent.diagonal_gaussian_kl_to_standard(context.tensor([]), context.tensor([]))
    assert same(kl, context.tensor(0))


@pytest.mark.parametrize("idx", [-1, 3, 10**9])
def test_12_a_code_index_out_of_range(context, idx):
    book = ss.latent.Codebook(context.tensor([[1, 2], [3, 4], [5, 6]]))
    with pytest.raises(OutOfRange, match=f"idx: expected a code index from 0 to 2, got {idx}"):
        ss.latent.quantize_at(book, idx)


@pytest.mark.parametrize("idx", [1.0, True, "1", None, np.bool_(True)])
def test_12_a_code_index_that_is_none(context, idx):
    book = ss.latent.Codebook(context.tensor([[1, 2], [3, 4], [5, 6]]))
    with pytest.raises(ArgumentError, match="idx: expected an integer code index"):
        ss.latent.quantize_at(book, idx)


def test_13_huge_arguments_end_at_once(interval):
    start = time.perf_counter()
    low, high = ss.endpoints(ss.exp(interval.tensor([10**5, 10**20, -(10**20)])))
    assert low[0] > Fraction(10) ** 43_429
    assert high[0] < Fraction(10) ** 43_430
    assert (low[1] > Fraction(2) ** 1_000_000, high[1]) == (True, math.inf)
    assert low[2] == 0 < high[2] < Fraction(1, 2**1_000_000)
    low, high = ss.endpoints(ss.exp(interval.box(-math.inf, 1)))
    assert low == 0
    assert 2 < high < 3
    for function in (ss.sinh, ss.cosh, ss.tanh, ss.sigmoid, ss.softplus, ss.logcosh, ss.expm1, ss.expm1mx, ss.square):
        for argument in (10**20, -(10**20), Fraction(1, 10**3000), 10**3000):
            low, high = ss.endpoints(function(interval.tensor(argument)))
            assert low <= high
    assert ss.endpoints(ss.sin(ss.exp(interval.tensor(10**5)))) == (-1, 1)
    t = interval.tensor(2)
    for _ in range(60):
        t = ss.square(t)
    assert ss.endpoints(t)[1] == math.inf
    with pytest.raises(TooLarge):
        ss.pow(interval.tensor(3), interval.tensor(10**30))
    with pytest.raises(TooLarge):
        CONTEXTS["rational"].tensor(3) ** 10**9
    with pytest.raises(TooLarge):
        interval.tensor("1e999999999")
    assert time.perf_counter() - start < 30


def test_14_a_symbolic_relu_differentiates_to_a_step(symbolic):
    relu = ss.derive(lambda x: ss.relu(x), ss.Scalar)
    step = relu.gradient("x")
    x = symbolic.symbols("x").item()
    assert [step.subs(x, v) for v in (-1, 0, 1)] == [0, 0, 1]
    for derived in (step, relu.hessian("x")[0, 0], ss.derive(lambda x: ss.abs(x), ss.Scalar).hessian("x")[0, 0]):
        assert not derived.has(sympy.DiracDelta, sympy.Heaviside)


def test_15_many_symbols_sum_in_linear_time(symbolic):
    t = symbolic.symbols("x", (10_000,))
    start = time.perf_counter()
    ss.sum(t)
    elapsed = time.perf_counter() - start
    assert len(ss.sum(t).item().args) == 10_000
    assert elapsed < 20  # a quadratic sum takes minutes


def there_and_back(tensor):
    """Runs in another process."""
    return tensor, ss.square(tensor)


def test_16_tensors_travel_to_another_process():
    tensors = {name: context.tensor([["1/3", 2]]) for name, context in CONTEXTS.items()}
    tensors["box"] = CONTEXTS["interval113"].box([-1], ["1/3"])
    tensors["symbols"] = CONTEXTS["symbolic"].symbols("x", (2,))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for tensor, (copy, squared) in zip(tensors.values(), pool.map(there_and_back, tensors.values()), strict=True):
            assert copy.context == tensor.context
            assert same(copy, tensor)
            assert same(squared, ss.square(tensor))


def test_17_equality_is_a_truth_of_the_context(context):
    x, y = context.tensor([1, 2]), context.tensor([1, 3])
    assert (x == y).tolist() == [True, False]
    assert (x != y).tolist() == [False, True]
    assert not (x == y).all()
    assert (x == y).any()
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)
    with pytest.raises(ShapeError, match=r"use all\(\) or any\(\)"):
        bool(x == y)


def test_17_an_interval_is_not_equal_to_itself(enclosing):
    x = enclosing.box(0, 1)
    with pytest.raises(Undecided):
        bool(x == x)


@pytest.mark.parametrize("name", ENCLOSING)
def test_domains_are_errors_that_name_the_interval(name):
    context = CONTEXTS[name]
    with pytest.raises(DomainError, match="log"):
        ss.log(context.box(0, 1))
    with pytest.raises(DomainError, match="sqrt"):
        ss.sqrt(context.box(-1, 2))


def test_the_set_of_quotients(interval):
    low, high = ss.endpoints(1 / interval.box([-1, 0, -2], [1, 2, 0]))
    assert low.tolist() == [-math.inf, Fraction(1, 2), -math.inf]
    assert high.tolist() == [math.inf, math.inf, Fraction(-1, 2)]
    with pytest.raises(ZeroDivisionError):
        interval.tensor(0) / interval.tensor(0)


def test_powers_of_intervals(interval):
    low, high = ss.endpoints(interval.box(-1, 2) ** 2)
    assert (low, high) == (0, 4)
    low, high = ss.endpoints(interval.box(-1, 2) ** 3)
    assert (low, high) == (-1, 8)
    with pytest.raises(DomainError, match="a real exponent needs a positive base"):
        interval.box(-1, 2) ** 0.5


def test_powers_and_roots_of_rationals(rational):
    assert (rational.tensor("4/9") ** 0.5).item() == Fraction(2, 3)
    assert (rational.tensor("8/27") ** "-2/3").item() == Fraction(9, 4)
    assert ss.sqrt(rational.tensor(0)).item() == 0
    with pytest.raises(NotExact, match=r"sqrt\(2\) is not rational"):
        ss.sqrt(rational.tensor(2))
    for refused in (
        lambda: rational.tensor(-8) ** "1/3",
        lambda: ss.log(rational.tensor(0)),
        lambda: ss.sqrt(rational.tensor(-1)),
    ):
        with pytest.raises(DomainError):
            refused()
    with pytest.raises(ZeroDivisionError):
        rational.tensor(0) ** -1


def test_division_by_zero_where_it_is_decidable(exact):
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        exact.tensor(1) / exact.tensor(0)


def test_no_floating_point_number_enters_an_expression(symbolic):
    t = ss.exp(symbolic.tensor(np.array([0.1]))) * "0.1" + 0.5
    assert not t[0].item().has(sympy.Float)
    with pytest.raises(NotExact, match="floating-point"):
        symbolic.tensor(sympy.Float(0.1))


def test_boxes_symbols_and_endpoints_belong_to_their_contexts(rational, float64):
    for refused in (lambda: float64.box(0, 1), lambda: rational.symbols("x"), lambda: ss.endpoints(float64.tensor(1))):
        with pytest.raises(NotSupported):
            refused()


def test_a_box_upside_down(interval):
    with pytest.raises(ArgumentError, match="the lower end 2 exceeds the upper end 1"):
        interval.box(2, 1)
    with pytest.raises(ScalarSpecError, match="shape"):
        interval.box([1, 2], [3])


def test_floats_do_not_import_sympy():
    code = """
import sys, numpy as np, scalarspec as ss
t = ss.context("float64").tensor(np.ones((2, 2)))
ss.sum(ss.sigmoid(t @ t)); ss.bounds
assert "sympy" not in sys.modules, "sympy was imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_backends_have_one_name():
    import importlib.util
    from pathlib import Path

    package = Path(ss.__file__).parent / "backends" / "__init__.py"
    found = importlib.util.spec_from_file_location("backends", package)
    with pytest.raises(ImportError, match=r"as scalarspec\.backends"):
        found.loader.exec_module(importlib.util.module_from_spec(found))


@pytest.mark.parametrize("spec", [ss.sqrt, ss.log, lambda x: x**0.5])
@pytest.mark.parametrize("name", CONTEXTS)
def test_real_functions_have_no_complex_values(spec, name):
    try:
        value = spec(CONTEXTS[name].tensor(-2))
    except (ss.errors.DomainError, ss.errors.NotSupported):
        return
    assert np.isnan(float(value.tolist()))  # a float's convention
