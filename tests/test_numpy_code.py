"""Plain NumPy code as specs: values, enclosures, gradients; what is refused, and how; what floats in it mean."""

import copy
import inspect
import math
import operator
import pickle
import re
from fractions import Fraction
from functools import partial

import numpy as np
import numpy_calls
import numpy_code
import pytest

import scalarspec as ss
from scalarspec.core import in_place
from scalarspec.core.foreign_names import NUMPY
from scalarspec.errors import ArgumentError, JaxCode, NotExact, NotSupported, ScalarSpecError, ShapeError, Undecided
from scalarspec.frontends.numpy import protocol as protocol
from scalarspec.frontends.numpy.functions import FUNCTIONS
from scalarspec.frontends.numpy.methods import METHODS
from scalarspec.frontends.numpy.ufuncs import UFUNCS

F, B, Q = (ss.context(name) for name in ("float64", "interval", "rational"))
FINE = ss.context("interval", prec=150)
CASES = list(numpy_code.CASES.items())
NAMES = [function.__name__ for function, _ in CASES]
TINY = Fraction(1, 10**6)


def enclosure(spec, args):
    """What the function is at exact arguments, enclosed."""
    return spec(*[FINE.tensor(a) for a in args])


# ---- functions as people write them ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("function", "args"), CASES, ids=NAMES)
def test_the_function_is_the_spec(function, args):
    spec = ss.as_spec(function)
    found = ss.crosscheck(spec, *args, actual=function(*args))
    assert found.explained, found


@pytest.mark.parametrize(("function", "args"), CASES, ids=NAMES)
def test_bounds_contain_its_values(function, args):
    spec, first = ss.as_spec(function), next(iter(inspect.signature(function).parameters))
    found = ss.bounds(spec, *args, vary={first: ss.ball("0.001")})
    rng = np.random.default_rng(5)
    for _ in range(3):
        moved = args[0] + rng.uniform(-0.00099, 0.00099, args[0].shape)
        low, high = ss.endpoints(enclosure(spec, (moved, *args[1:])))
        assert np.all((found.lower <= high) & (low <= found.upper))


def slope(function, args):
    """The derivative along a direction over a small box, and the difference quotient of two of its points, enclosed."""
    spec, rng = ss.as_spec(lambda *a: np.sum(function(*a) * np.ones(1))), np.random.default_rng(2)
    v = rng.integers(-2, 3, np.shape(args[0])) * 1.0
    box = FINE.box(*[args[0] + side * float(TINY) * 2 for side in (-1, 1)])
    rest = [FINE.tensor(a) for a in args[1:]]
    along = np.sum(ss.grad(spec)(box, *rest) * v)
    ends = [spec(FINE.tensor(args[0]) + FINE.tensor(v) * side * TINY / 2, *rest) for side in (-1, 1)]
    return along, (ends[1] - ends[0]) / TINY


@pytest.mark.parametrize(("function", "args"), CASES, ids=NAMES)
def test_gradients_contain_difference_quotients(function, args):
    along, quotient = slope(function, args)
    (low, high), (least, most) = (ss.endpoints(t) for t in (along, quotient))
    assert low[()] <= most[()]
    assert least[()] <= high[()]
    assert high[()] - low[()] < Fraction(1, 10)


def test_the_checks_can_fail():
    wrong = lambda mu, logvar: 0.5000001 * np.mean(np.exp(logvar) + mu**2 - 1 - logvar)  # noqa: E731
    args = numpy_code.CASES[numpy_code.kl]
    assert not ss.crosscheck(ss.as_spec(wrong), *args, actual=numpy_code.kl(*args)).explained
    _, quotient = slope(numpy_code.kl, args)
    along, _ = slope(wrong, args)
    assert not bool(ss.overlaps(along, quotient)) if hasattr(ss, "overlaps") else True


# ---- every function, method and universal function ------------------------------------------------------------------


def arguments():
    rng = np.random.default_rng(3)
    normal = {"x": (5,), "y": (5,), "z": (4, 5), "s": (4, 4)}
    return {name: rng.standard_normal(shape) for name, shape in normal.items()} | {"p": rng.random(5) * 0.7 + 0.15}


def in_one(result):
    return np.stack(result) if isinstance(result, list | tuple) else result


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated")  # from NumPy 2.5 on
@pytest.mark.parametrize("text", numpy_calls.EXPRESSIONS)
def test_calls_mean_what_they_mean_to_numpy(text):
    for name in ("unstack", "matvec", "vecmat", "cumulative_sum", "cumulative_prod"):
        if f"np.{name}(" in text and not hasattr(np, name):
            pytest.skip(f"this NumPy has no {name}")
    function = eval(f"lambda x, y, z, s, p: {text}")
    given = arguments()
    native = np.asarray(in_one(function(**given)), dtype=float)
    found = ss.crosscheck(ss.as_spec(function), *given.values(), actual=native)
    assert found.explained, found
    enclosed = ss.as_spec(function)(**{name: B.tensor(a) for name, a in given.items()})
    assert np.shape(in_one(enclosed)) == native.shape


def test_every_function_is_called():
    text = "\n".join(numpy_calls.EXPRESSIONS)
    followed = {f for f, handler in FUNCTIONS.items() if not hasattr(handler, "reason")}
    unseen = {f for f in followed if not any(f"np.{name}(" in text for name in names_of(f))}
    same = {"ascontiguousarray", "asfortranarray", "require", "asanyarray", "row_stack", "trapz"}
    assert not {f.__name__ for f in unseen} - same
    ufuncs = {u.__name__ for u, handler in UFUNCS.items() if not hasattr(handler, "reason")}
    assert not {u for u in ufuncs if not any(f"np.{name}" in text for name in names_of(getattr(np, u)))}
    assert not {m for m, handler in METHODS.items() if not hasattr(handler, "reason") and f".{m}(" not in text}


def test_methods_are_attributes_of_tensors():
    assert set(NUMPY) == {*METHODS, *protocol.PROPERTIES}
    gone = {"ptp", "itemset"}  # which NumPy 2 has no more
    assert not {name for name in NUMPY if not hasattr(np.ndarray, name)} - gone


def names_of(function):
    """All names by which NumPy has a function."""
    spaces = {"": np, "linalg.": np.linalg}
    return {prefix + n for prefix, space in spaces.items() for n, v in vars(space).items() if v is function}


OF_THE_CALL = re.compile("argument|operand|integer|iterable|dtype")
"""What Python and NumPy say of calls that have too many or too few arguments, or a tensor for a format."""


def error_of(call):
    try:
        call()
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_function_of_numpy_ends_in_a_foreign_error(count):
    """Those that we have give something, or say what is wrong; the others are refused by name."""
    t = B.box([[0.5, 1], [1, 2]], [[1, 2], [2, 3]])
    every = {*np.testing.overrides.get_overridable_numpy_array_functions()}
    for function in every | {*np.testing.overrides.get_overridable_numpy_ufuncs()}:
        if not re.search("from|txt|save", function.__name__):  # of files and buffers
            error = error_of(lambda function=function: function(*[t] * count))
            assert isinstance(error, ScalarSpecError | None) or OF_THE_CALL.search(str(error)), (function, error)


REFUSED = {
    "astype": (lambda t: t.astype(np.float32), "numbers have no format"),
    "dtype=": (lambda t: np.sum(t, dtype=np.float32), "numbers have no format"),
    "out=": (lambda t: np.exp(t, out=np.zeros(2)), "leave out= away"),
    "where=": (lambda t: np.sum(t, where=np.array([True, False])), r"np\.where\(mask, x, 0\)"),
    "places": (lambda t: np.where(t > 0), r"use np\.where\(condition, x, y\)"),
    "nonzero": (lambda t: np.nonzero(t), "which places there are"),
    "unique": (lambda t: np.unique(t), "how many there are"),
    "copyto": (lambda t: np.copyto(t, 1), "not changed in place"),
    "at": (lambda t: np.add.at(np.zeros(2), [0, 1], t), "not changed in place"),
    "reduceat": (lambda t: np.add.reduceat(t, [0]), "not in the vocabulary"),
    "fft": (lambda t: np.fft.fft(t), r"numpy\.fft\.\w*fft: it is not in the vocabulary"),
    "solve": (lambda t: np.linalg.solve(np.eye(2), t), "not in the vocabulary"),
    "the next float": (lambda t: np.nextafter(t, 1), "bits of a format"),
    "sort": (lambda t: t.sort(), "not changed in place"),
    "item": (lambda t: t.__setitem__(0, 1), r"write x = np\.where\(mask, y, x\)"),
    "columns": (lambda t: t.reshape(2, 1, order="F"), "expected order='C'"),
    "into an array": (lambda t: np.add(np.zeros(2), t, out=np.zeros(2)), "not changed"),
    "mean of nothing": (lambda t: np.mean(t[:0]), "it would be NaN"),
    "percentile": (lambda t: np.quantile(t, 0.5, method="lower"), "expected 'linear'"),
    "a format": (lambda t: np.mean(np.outer(t, t), 1, float), "it is followed with the arguments a, axis"),
    "bits of numbers": (lambda t: np.bitwise_and(t, t), "bits of a format"),
    "bits": (lambda t: np.invert(t), "bits of a format"),
    "another format": (lambda t: (t.dtype == np.float16 and None) or t.astype(np.float16), "no format"),
    "a product of truths": (lambda t: np.dot(t > 1, t > 0), r"write \(x > 0\) \* 1"),
    "a difference of truths": (lambda t: np.diff(t > 1), r"write \(x > 0\) \* 1"),
    "truths in an operator": (lambda t: (t > 1) @ (t > 0), r"write \(x > 0\) \* 1"),
    "an update of JAX": (lambda t: t.at[0].set(1), r"ss\.from_jax"),
    "singular values": (lambda t: np.linalg.norm(np.outer(t, t), 2), "singular values"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("backend", ["float64", "interval", "rational"])
def test_what_cannot_be_followed_is_refused_by_name(name, backend):
    call, told = REFUSED[name]
    with pytest.raises((NotSupported, ShapeError, JaxCode), match=told):
        call(ss.context(backend).tensor([1.0, 2.0]))


def filled(x):
    out = np.zeros(2)
    out[0] = x[0]
    return out


READ = {
    "float": lambda x: float(x[0]) * x,
    "math": lambda x: math.exp(x[0]) * x,
    "asarray": lambda x: np.asarray(x) * 2,
    "array": lambda x: np.array([x[0], x[1]]),
    "vectorize": lambda x: np.vectorize(abs)(x),
    "filled": filled,
}


@pytest.mark.parametrize("name", READ)
def test_numbers_that_are_read_in_a_job_are_refused(name):
    for job in (
        partial(ss.bounds, vary={"x": ss.ball(1)}),
        partial(ss.crosscheck, dtype="float64"),
        partial(ss.tolerance, vary={"x": ss.ball(1)}),
        lambda spec, x: ss.grad(lambda t: ss.sum(spec(t)))(F.tensor(x)),
    ):
        with pytest.raises(NotSupported, match=r"what follows would not be seen.*np\.stack"):
            job(READ[name], np.array([1.0, 2.0]))
    with pytest.raises(Undecided, match="use where"):
        ss.bounds(lambda x: x if x[0] > 0.5 else -x, [0.5], vary={"x": ss.ball(1)})


# ---- what is changed in place ---------------------------------------------------------------------------------------


def accumulated(x):
    total = 0
    for k in range(4):
        total += x**k
    total -= 1
    total *= x
    total /= 2
    return total


def of_lists(x):
    parts = [x * 1, x * 2]
    parts[0] += 1
    return parts[0] - parts[1]


def of_the_argument(x):
    x += 1
    return x


def of_another_name(x):
    y = x * 2
    z = y
    y += 1
    return z


def of_a_view(x):
    y = x * 2
    part = y[:1]
    part += 1
    return y


def of_what_has_a_view(x):
    y = x * 2
    part = y[:1]
    y += 1
    return part


def of_an_alias(x):
    y = x * 2
    z = y.conjugate()
    y += 1
    return z


class Held:
    total = None


def of_an_attribute(x):
    held, Held.total = Held(), x * 2
    held.total += 1  # which the object has from now on, and the class has not
    return Held.total


def of_scalars(x):
    total, sums = 0.0, []
    for v in x:
        total += v
        sums.append(total)
    s = x.sum()
    kept = s
    s += 1
    return np.stack(sums) * s + kept


def of_a_copy(x):
    y = copy.deepcopy(x) * 2
    z = y.flatten()
    z += 1
    return y + z


def of_a_call(x):
    y = x * 2
    operator.iadd(y, 1)
    return y


def of_a_method(x):
    y = x * 2
    y.__iadd__(1)
    return y


def of_a_transpose(x):
    y = x * 2
    turned = y.T
    turned += 1
    return y


@pytest.mark.parametrize("function", [accumulated, of_lists, of_scalars, of_a_copy])
def test_what_nobody_else_holds_may_be_replaced(function):
    x = np.array([0.5, 2.0])
    assert ss.crosscheck(function, x, actual=function(x)).exact.tolist() == [Fraction(v) for v in function(x)]


@pytest.mark.parametrize(
    "function",
    [of_the_argument, of_another_name, of_a_view, of_what_has_a_view, of_a_transpose, of_an_alias],
)
def test_what_others_see_is_not_changed(function):
    x = Q.tensor([[1, 2], [3, 4]])
    with pytest.raises(NotSupported, match=r"write x = x \+ y"):
        function(x)
    with pytest.raises(NotSupported, match=r"write x = x \+ y"):
        ss.bounds(function, [[1.0]], vary={"x": ss.ball(1)})


def of_what_finds_scalars(x):
    """In NumPy a scalar never changes, so that the other name keeps the number."""
    found = [x[0], x[(1,)], x[np.array(1)], next(iter(x)), x.sum(), np.einsum("i->", x), np.median(x), np.take(x, 0)]
    found += [np.squeeze(x[:1]) + 0, np.nan_to_num(x)[0]]
    total = 0
    for s in found:
        kept = s
        s += 1
        total += s * kept
    return total


def of_an_array_that_nobody_else_holds(x):
    s = np.where(x[0] > 1, x[0], x[1])
    s += 1
    s *= 2
    return s


def of_a_number(x):
    kept = x
    x += 1
    return x * kept


@pytest.mark.parametrize(
    ("function", "x"),
    [(of_what_finds_scalars, np.array([0.5, 2.0])), (of_an_array_that_nobody_else_holds, np.array([0.5, 2.0]))]
    + [(of_a_number, x) for x in (2.0, np.float64(2.0), Fraction(2))],
)
def test_scalars_may_be_replaced_whoever_holds_them(function, x):
    exact = Fraction(float(function(np.copy(x) if np.ndim(x) else x)))
    assert ss.crosscheck(function, x, actual=float(exact)).exact == exact
    near = {"x": ss.ball("0.01")}
    assert ss.prove(function, x, vary=near, at_most=exact + 1).status == "proved"
    assert ss.prove(function, x, vary=near, at_most=exact - 1).status == "refuted"


PARTS = {
    "squeeze": lambda y: np.squeeze(y[:1]),
    "the method squeeze": lambda y: y[:1].squeeze(),
    "an Ellipsis before": lambda y: y[..., 0],
    "an Ellipsis behind": lambda y: y[0, ...],
    "reshape": lambda y: np.reshape(y[:1], ()),
    "the method reshape": lambda y: y[:1].reshape(()),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_view_of_shape_nothing_is_a_view(part):
    def function(x):
        y = x * 2
        first = PARTS[part](y)
        first += 1
        return y

    x = np.array([1.0, 2.0])
    assert function(x).tolist() == [3, 4]
    _refused(lambda x: function(x)[0], x)


ARRAYS = {
    "where": lambda x: np.where(x[0] > 1, x[0], x[1]),
    "copy": lambda x: np.copy(x[0]),
    "a copy of a copy": lambda x: copy.copy(np.copy(x[0])),
    "select": lambda x: np.select([x[0] > 1], [x[0]], x[1]),
    "full_like": lambda x: np.full_like(x[0], 2),
    "an Ellipsis": lambda x: x.sum()[...],
    "a view": lambda x: np.squeeze(x[:1] * 1),
    "tensordot": lambda x: np.tensordot(x, x, 1),
}


@pytest.mark.parametrize("made", ARRAYS)
@pytest.mark.parametrize("before", [0, 1])
def test_an_array_of_shape_nothing_changes_under_its_other_name(made, before):
    def function(x):
        s = ARRAYS[made](x)
        if before:
            s += 1
        kept = s
        s += 1
        return kept

    x = np.array([1.0, 2.0])
    assert function(x) == ARRAYS[made](x) + before + 1
    _refused(function, x)


def test_an_argument_that_is_an_array_of_shape_nothing_is_not_changed():
    assert of_another_name_of_the_argument(np.array(2.0)) == 3
    _refused(of_another_name_of_the_argument, np.array(2.0))
    with pytest.raises(NotSupported, match=r"write x = x \+ y"):
        ss.tolerance(of_another_name_of_the_argument, np.array(2.0), vary={"x": ss.ball(1)})
    with pytest.raises(NotSupported, match=r"write x = x \+ y"):
        ss.grad(of_another_name_of_the_argument)(F.tensor(np.array(2.0)))


def of_another_name_of_the_argument(x):
    kept = x
    x += 1
    return kept


def _refused(function, x):
    """Under a context, on a box, and in floats."""
    jobs = [
        lambda: function(Q.tensor(x)),
        lambda: ss.prove(function, x, vary={"x": ss.ball("0.1")}, at_most="2.5"),
        lambda: ss.compare(function, x),
        lambda: ss.crosscheck(function, x, actual=1.0),
    ]
    for job in jobs:
        with pytest.raises(NotSupported, match=r"write x = x \+ y"):
            job()


@pytest.mark.parametrize("function", [lambda x: np.nan_to_num(x, copy=False), lambda x: np.nan_to_num(x, False)])
def test_nan_to_num_in_place_is_refused(function):
    with pytest.raises(NotSupported, match="nan_to_num: copy=False"):
        ss.bounds(function, [1.0], vary={"x": ss.ball(1)})


@pytest.mark.parametrize("code", ["kept = y; y += 1", "kept = [y]; y += 1", "kept = y[...]; y += 1"])
def test_code_whose_variables_are_all_global_is_followed_as_any(code):
    with pytest.raises(NotSupported, match=r"write x = x \+ y"):
        exec(code, {"y": Q.tensor([1, 2]) * 2})
    variables = {"y": Q.tensor([1, 2]) * 2}
    exec("y += 1", variables)
    assert variables["y"].tolist() == [3, 5]


def test_variables_are_looked_at_where_they_are_not_counted(monkeypatch):
    """As Python 3.14 does it: callers' variables hold a tensor whose references do not tell."""
    monkeypatch.setattr(in_place, "BORROWED", True)
    monkeypatch.setattr(in_place, "ONE_VARIABLE", 1000)  # no count tells
    x = Q.tensor([[1, 2], [3, 4]])
    with pytest.raises(NotSupported, match=r"write x = x \+ y"):
        of_the_argument(x)
    with pytest.raises(NotSupported, match=r"write x = x \+ y"):
        of_another_name(x)
    found = of_the_argument(x * 1)  # which an assert would hold in a variable of its own
    assert found.tolist() == [[2, 3], [4, 5]]


@pytest.mark.parametrize("function", [of_a_call, of_a_method, of_an_attribute])
def test_what_a_call_changes_in_place_is_not_used_again(function):
    with pytest.raises(NotSupported, match="used again after a function changed it"):
        ss.bounds(function, [1.0], vary={"x": ss.ball(1)})
    assert operator.iadd(Q.tensor([1]), 1).tolist() == [2]


# ---- what floats mean -----------------------------------------------------------------------------------------------


def with_constants(x):
    y = 0.1 * x
    return y + np.sqrt(2 * np.pi) + 0.5


LINE = inspect.getsourcelines(with_constants)[1]


def test_floats_in_code_are_read_as_told():
    binary, decimal = (ss.as_spec(with_constants, literals=choice) for choice in ("binary", "decimal"))
    root = Fraction(float(np.sqrt(2 * np.pi)))
    assert binary(Q.tensor(10)).item() == 10 * Fraction(0.1) + root + Fraction(1, 2)
    assert decimal(Q.tensor(10)).item() == 1 + Fraction(repr(float(np.sqrt(2 * np.pi)))) + Fraction(1, 2)
    for spec in (with_constants, ss.as_spec(with_constants, literals="exact")):
        with pytest.raises(NotExact, match=r'literals="binary"'):
            spec(Q.tensor(10))


def test_constants_are_listed_with_their_places():
    spec = ss.as_spec(with_constants)
    assert not spec.constants
    for _ in range(2):
        ss.bounds(spec, 1.0, vary={"x": ss.ball(1)})
    tenth, root = spec.constants
    assert (tenth.file, tenth.line, tenth.text, tenth.value) == (__file__, LINE + 1, "0.1", Fraction(0.1))
    assert (root.line, root.text, root.computed, tenth.computed) == (LINE + 2, "2.5066282746310002", True, False)
    assert str(spec.constants).splitlines()[1].endswith("computed in floats before it met a tensor")
    assert "no constant" in str(ss.as_spec(lambda x: x / 2).constants)


JOBS = {
    "bounds": lambda f, how: ss.bounds(f, 1.0, vary={"x": ss.ball(1)}, literals=how),
    "prove": lambda f, how: ss.prove(f, 1.0, vary={"x": ss.ball(1)}, at_most=9, literals=how),
    "crosscheck": lambda f, how: ss.crosscheck(f, 1.0, dtype="float64", literals=how),
    "tolerance": lambda f, how: ss.tolerance(f, 1.0, vary={"x": ss.ball(1)}, literals=how),
    "ranges": lambda f, how: ss.ranges(f, 1.0, vary={"x": ss.ball(1)}, literals=how),
    "derive": lambda f, how: ss.derive(f, ss.Scalar, literals=how),
    "compare": lambda f, how: ss.compare(f, 1.0, literals=how),
    "prepare": lambda f, how: ss.prepare(f, 1.0, inputs="x", literals=how)(2.0),
    "batched": lambda f, how: ss.batched(f, over="x", literals=how)(F.tensor([1.0])),
    "grad": lambda f, how: ss.grad(f, literals=how)(F.tensor(1.0)),
    "hessian": lambda f, how: ss.hessian(f, literals=how)(F.tensor(1.0)),
    "vjp": lambda f, how: ss.vjp(f, literals=how)(F.tensor(1.0)),
    "jvp": lambda f, how: ss.jvp(f, literals=how)(F.tensor(1.0)),
    "value_and_grad": lambda f, how: ss.value_and_grad(f, literals=how)(F.tensor(1.0)),
}


@pytest.mark.parametrize("job", JOBS)
def test_every_job_takes_the_choice(job):
    cubed = lambda x: np.multiply(x, 0.1) ** 3  # noqa: E731
    for how in ("binary", "decimal"):
        JOBS[job](cubed, how)
    refused = {"compare"}  # which shows the refusal
    if job not in refused:
        for how in ("exact", None):
            with pytest.raises(NotExact, match=r"0\.1 is not exactly 1/10"):
                JOBS[job](cubed, how)
    with pytest.raises(ArgumentError, match=r"literals: expected one of 'exact', 'binary', 'decimal', got 'float'"):
        JOBS[job](cubed, "float")


def test_matrix_form_takes_the_choice():
    found = ss.matrix_form(lambda x: np.sum(0.1 * x), ss.Dim(3), literals="decimal")
    assert "1/10" in str(found)


def test_a_spec_of_code_looks_like_the_function():
    spec = ss.as_spec(numpy_code.kl)
    assert inspect.signature(spec) == inspect.signature(numpy_code.kl)
    assert (spec.__name__, spec.__doc__) == (numpy_code.kl.__name__, numpy_code.kl.__doc__)
    assert pickle.loads(pickle.dumps(spec)).function is numpy_code.kl
    assert ss.as_spec(spec, "decimal").function is numpy_code.kl
    with pytest.raises(ArgumentError, match="as_spec: function: expected a function, got 3"):
        ss.as_spec(3)
    with pytest.raises(ArgumentError, match="does not tell its parameters"):
        ss.as_spec(max)


def test_defaults_of_code_stay_what_they_are():
    def scaled(x, scale=4.0, eps=0.1, q=0.25):
        return x / math.sqrt(scale) + np.full(3, eps) * np.quantile(x, q)

    x = np.array([1.0, 2.0, 4.0])
    assert ss.crosscheck(ss.as_spec(scaled), x, actual=scaled(x)).explained
    assert ss.bounds(ss.as_spec(lambda x, k=2.0: x * k), x, vary={"k": ss.ball(1)}).upper.tolist() == [3, 6, 12]


def test_numbers_that_are_asked_for_by_their_kind_are_refused():
    with pytest.raises(NotSupported, match="code that asks would go another way"):
        ss.bounds(lambda x: x if x.dtype == np.float64 else -x, [1.0], vary={"x": ss.ball(1)})
    assert F.tensor(1).dtype == np.float64


TRUTHS = {
    "an array of bools": lambda x: x * np.array([True, False, True]),
    "a list of them": lambda x: np.where([True, False, True], x, 0) + x,
    "chosen": lambda x: np.where(np.where(x > 1, x > 2, x < 0.75), x, -x),
    "together": lambda x: np.where(np.concatenate([x[:1] > 1, x[1:] > 1]), x, -x),
    "counted": lambda x: x * np.sum(np.concatenate([x > 1, x > 2])),
    "in a product": lambda x: (x > 1) @ x,
}


@pytest.mark.parametrize("name", TRUTHS)
def test_truths_are_counted_where_numpy_counts_them(name):
    x = np.array([0.5, 2.0, 4.0])
    found = ss.compare(TRUTHS[name], x, backends=["rational"])["rational"].value.tolist()
    assert found == np.asarray(TRUTHS[name](x)).tolist()


LISTS = {
    "dot": lambda x: np.dot(x, [x[0], x[1], 1.0]),
    "concatenate": lambda x: np.sum(np.concatenate([x, [x[0] * x[1], 2.0]]) ** 2),
    "sum": lambda x: np.sum(x * [x[1], [1][0], x[0]]),
    "where": lambda x: np.sum(np.where(x > 1.5, [x[0], x[1] * x[2], 1], x)),
    "nested": lambda x: np.sum(np.matmul([[x[0], 1], [2, x[1]]], x[:2])),
    "context": lambda x: np.sum(x.context.tensor([x[0] * x[1], 1, x[2]]) * x),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_that_hold_tensors_keep_their_derivatives(name):
    x = np.array([1.0, 2.0, 3.0])
    exact = ss.grad(LISTS[name])(Q.tensor(x)).tolist()
    assert ss.grad(LISTS[name])(F.tensor(x)).tolist() == [float(v) for v in exact]
    turned = [ss.grad(LISTS[name])(Q.tensor(x + np.eye(3)[i])) - ss.grad(LISTS[name])(Q.tensor(x)) for i in range(3)]
    if name == "dot":  # whose gradient is linear
        assert np.asarray(ss.hessian(LISTS[name])(Q.tensor(x)).tolist()).tolist() == [t.tolist() for t in turned]


def test_no_float_is_read_where_a_derivative_would_be_lost():
    with pytest.raises(NotSupported, match="make floats of a tensor"):
        ss.grad(lambda x: ss.sum(x * ss.context("float64").tensor(np.asarray(x))))(F.tensor([1.0, 2.0]))


def test_guards_against_nan_have_derivatives():
    guarded = lambda x: np.sum(np.where(np.isnan(x), 0, x) + np.where(np.isfinite(x), x, 0) + np.nan_to_num(x) ** 2)  # noqa: E731
    assert ss.grad(guarded)(F.tensor([0.5, -1.5])).tolist() == [3.0, -1.0]


def test_extremes_of_integers_stay_exact():
    large = lambda x: np.max(np.maximum(x, 0)) ** 1 * x.max() * x.max() * np.ptp(x) * x.max()  # noqa: E731
    assert large(Q.tensor([3_000_000, -2, 5])).item() == 3_000_000**4 * 3_000_002


@pytest.mark.parametrize("q", [0.7, 0.1, 1 / 3, 0.999])
def test_the_place_of_a_quantile_rounds(q):
    x = np.random.default_rng(3).normal(size=11) * 1e6
    for spec in (lambda x: np.quantile(x, q), lambda x: np.percentile(x, 100 * q)):
        assert ss.crosscheck(spec, x, actual=spec(x), literals="binary").explained


def test_arrays_that_code_sees_are_exact():
    weights = np.array([0.1, 0.2])
    spec = ss.as_spec(lambda x: np.dot(weights, x) + (weights * weights).sum())
    exact = [Fraction(v) for v in (0.1, 0.2)]
    found = ss.compare(spec, np.array([1.0, 1.0]), backends=["rational"])["rational"].value.item()
    assert found == sum(exact) + sum(v * v for v in exact)


def test_scipys_special_functions():
    special = pytest.importorskip("scipy.special")
    x = np.array([0.25, 0.5, 2.0])
    for name in ("expit", "erf", "erfc", "ndtr", "log_ndtr", "gammaln", "psi", "entr", "exprel", "cbrt", "log_expit"):
        found = ss.crosscheck(ss.as_spec(getattr(special, name)), x, actual=getattr(special, name)(x))
        assert found.max_ulps < 10, name
    for name in ("xlogy", "xlog1py", "rel_entr", "kl_div", "huber", "pseudo_huber"):
        f = getattr(special, name)
        assert ss.crosscheck(lambda a, b, f=f: f(a, b), x, x[::-1].copy(), actual=f(x, x[::-1])).max_ulps < 10, name
    with pytest.raises(NotSupported, match=r"scipy\.special\.jv"):
        special.jv(1, F.tensor(x))
