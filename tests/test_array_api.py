"""The namespace of the array API: every name of the standard is there or refused with its reason, signatures are those
of the standard, values are NumPy's under floats and enclosed under intervals; and SciPy's own functions are specs.
"""

import inspect
import math
import subprocess
import sys
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import scalarspec as ss
from scalarspec import errors
from scalarspec.core.tensor import Truth
from scalarspec.frontends.array_api.integers import Integers
from scalarspec.frontends.array_api.namespace import VERSIONS
from scalarspec.frontends.array_api.standard import REFUSED, SECTIONS

ROOT = Path(__file__).parent.parent
NAMES = {name for section, text in SECTIONS.items() for name in text.split() if "Fourier" not in section}
LINALG = set(SECTIONS["Extension: linear algebra"].split())
FLOAT, BOX, Q = (ss.namespace(name) for name in ("float64", "interval", "rational"))
ALL = [ss.namespace(name) for name in ("float64", "float32", "interval", "interval64", "rational", "symbolic")]
SIGNATURES = [
    line for line in (ROOT / "tests" / "array_api_signatures.txt").read_text().splitlines() if not line.startswith("#")
]


def found(xp, name):
    """The function of a name, in the namespace or in its extension."""
    return getattr(xp, name) if hasattr(xp, name) else getattr(xp.linalg, name)


# ---- names and signatures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("xp", ALL, ids=str)
def test_every_name_is_there_or_refused_with_its_reason(xp):
    for name in NAMES:
        here = hasattr(xp, name) or hasattr(xp.linalg, name)
        assert here != (name in REFUSED), name
    for name, reason in REFUSED.items():
        with pytest.raises(errors.NotInNamespace, match=reason[:20]):
            getattr(xp, name)
        with pytest.raises(errors.NotSupported):
            getattr(xp.linalg, name)


@pytest.mark.parametrize("line", SIGNATURES)
def test_signatures_are_the_standard_ones(line):
    name, _, rest = line.partition("(")
    room = FLOAT.linalg if name.startswith("linalg.") else FLOAT
    plain = name.removeprefix("linalg.")
    if plain in REFUSED:
        return
    ours = inspect.signature(getattr(room, plain))
    shown = ours.replace(
        return_annotation=inspect.Signature.empty,
        parameters=[p.replace(annotation=inspect.Parameter.empty) for p in ours.parameters.values()],
    )
    assert str(shown) == f"({rest}", name


@pytest.mark.parametrize("xp", ALL, ids=str)
def test_a_namespace_says_what_it_is(xp):
    x = xp.asarray([0.5, 1])
    assert x.__array_namespace__() == xp
    assert hash(x.__array_namespace__()) == hash(xp)
    assert all(x.__array_namespace__(api_version=version) == xp for version in VERSIONS)
    with pytest.raises(errors.NotSupported, match="2099"):
        x.__array_namespace__(api_version="2099.12")
    info = xp.__array_namespace_info__()
    assert (info.devices(), info.default_device(), x.device, x.to_device("cpu") is x) == (["cpu"], "cpu", "cpu", True)
    assert info.default_dtypes()["real floating"] == x.dtype
    assert set(info.dtypes(kind="integral")) == {f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)}
    assert xp.asarray(x, dtype=x.dtype) is x
    assert set(info.capabilities()) == {"boolean indexing", "data-dependent shapes", "max dimensions"}
    assert {"pi", "sum", "linalg"} <= {*dir(xp)}


def test_namespaces_of_two_contexts_differ():
    assert ss.namespace("interval") != FLOAT
    assert FLOAT.__name__ != BOX.__name__


# ---- values ---------------------------------------------------------------------------------------------------------

X, Y = [[0.5, 1.25, 3.0], [2.0, 0.25, 1.0]], [[1.0, 0.75, 2.5], [0.5, 4.0, 1.5]]
V, W = [0.25, 0.5, 0.75], [3.0, 1.0, 2.0]
ON_X = """
    abs all any argmax argmin argsort asinh atan ceil conj cos cosh count_nonzero diagonal diff exp expm1 flip floor
    imag isfinite isinf isnan log log10 log1p log2 matrix_norm matrix_transpose max mean min negative nonzero ones_like
    positive prod real reciprocal round sign sin sinh sort sqrt square std sum tan tanh trace tril triu trunc unique_all
    unique_counts unique_inverse unique_values unstack var vector_norm zeros_like"""
ON_V = "acos asin atanh broadcast_arrays cumulative_sum cumulative_prod meshgrid"
ON_XY = """
    add atan2 copysign divide equal floor_divide greater greater_equal hypot less less_equal logaddexp maximum minimum
    multiply not_equal pow remainder subtract vecdot"""
ON_VW = "cross outer"
ON_TRUTHS = "logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor"
ON_INTEGERS = "bitwise_left_shift bitwise_right_shift"
CALLS = {
    **{name: lambda xp, a, name=name: found(xp, name)(a(X)) for name in ON_X.split()},
    **{name: lambda xp, a, name=name: found(xp, name)(a(V)) for name in ON_V.split()},
    **{name: lambda xp, a, name=name: found(xp, name)(a(X), a(Y)) for name in ON_XY.split()},
    **{name: lambda xp, a, name=name: found(xp, name)(a(V), a(W)) for name in ON_VW.split()},
    **{name: lambda xp, a, name=name: found(xp, name)(a(X) > 1, a(Y) > 1) for name in ON_TRUTHS.split()},
    **{
        name: lambda xp, a, name=name: found(xp, name)(xp.asarray([5, 9]), xp.asarray([1, 2]))
        for name in ON_INTEGERS.split()
    },
    "acosh": lambda xp, a: xp.acosh(a(W) + 1),
    "arange": lambda xp, a: xp.arange(0.5, 4, 0.75),
    "asarray": lambda xp, a: xp.asarray(X),
    "astype": lambda xp, a: xp.astype(a(X), xp.int64),
    "bitwise_invert": lambda xp, a: xp.bitwise_invert(xp.asarray([5, 9])),
    "broadcast_to": lambda xp, a: xp.broadcast_to(a(V), (2, 3)),
    "can_cast": lambda xp, a: xp.asarray([xp.can_cast(xp.int32, xp.int64), xp.can_cast(xp.int64, xp.int32)]),
    "clip": lambda xp, a: xp.clip(a(X), 0.5, 2),
    "concat": lambda xp, a: xp.concat([a(X), a(Y)], axis=1),
    "empty": lambda xp, a: xp.zeros_like(xp.empty((2, 3))),
    "empty_like": lambda xp, a: xp.zeros_like(xp.empty_like(a(X))),
    "expand_dims": lambda xp, a: xp.expand_dims(a(X), axis=1),
    "eye": lambda xp, a: xp.eye(2, 3, k=1),
    "finfo": lambda xp, a: xp.asarray(xp.finfo(xp.float64).eps),
    "from_dlpack": lambda xp, a: xp.from_dlpack(np.asarray(X)),
    "full": lambda xp, a: xp.full((2, 2), 0.5),
    "full_like": lambda xp, a: xp.full_like(a(X), 0.5),
    "iinfo": lambda xp, a: xp.asarray(xp.iinfo(xp.int32).max),
    "isdtype": lambda xp, a: xp.asarray(xp.isdtype(a(X).dtype, "real floating")),
    "linspace": lambda xp, a: xp.linspace(0, 1, 7),
    "logical_not": lambda xp, a: xp.logical_not(a(X) > 1),
    "matmul": lambda xp, a: xp.matmul(a(X), a(W)),
    "matrix_power": lambda xp, a: xp.linalg.matrix_power(a([[1.0, 2.0], [0.5, 1.0]]), 5),
    "moveaxis": lambda xp, a: xp.moveaxis(a(X), 0, 1),
    "ones": lambda xp, a: xp.ones((2, 3)),
    "permute_dims": lambda xp, a: xp.permute_dims(a(X), (1, 0)),
    "repeat": lambda xp, a: xp.repeat(a(X), 2, axis=1),
    "reshape": lambda xp, a: xp.reshape(a(X), (3, 2)),
    "result_type": lambda xp, a: xp.asarray(xp.result_type(xp.int8, xp.int16) == xp.int16),
    "roll": lambda xp, a: xp.roll(a(X), 1, axis=1),
    "searchsorted": lambda xp, a: xp.searchsorted(a(V), a(W)),
    "squeeze": lambda xp, a: xp.squeeze(a([W]), 0),
    "stack": lambda xp, a: xp.stack([a(V), a(W)]),
    "take": lambda xp, a: xp.take(a(W), xp.asarray([2, 0])),
    "take_along_axis": lambda xp, a: xp.take_along_axis(a(W), xp.argsort(a(W))),
    "tensordot": lambda xp, a: xp.tensordot(a(X), a(W), axes=1),
    "tile": lambda xp, a: xp.tile(a(V), (2, 1)),
    "where": lambda xp, a: xp.where(a(X) > 1, a(X), a(Y)),
    "zeros": lambda xp, a: xp.zeros((2, 3)),
}  # fmt: skip
CHECKED = sorted(NAMES - {*REFUSED})


def test_every_function_is_called():
    assert {*CALLS} == {*CHECKED}


def flat(result):
    """The arrays of a result, which may be several."""
    parts = result if isinstance(result, tuple | list) else [result]
    return [part for part in parts if part is not None]


@pytest.mark.parametrize("name", CHECKED)
def test_values_are_numpys(name):
    theirs = flat(CALLS[name](np, np.asarray))
    ours = flat(CALLS[name](FLOAT, FLOAT.asarray))
    assert len(theirs) == len(ours)
    for expected, got in zip(theirs, ours, strict=True):
        assert tuple(got.shape) == np.shape(expected)
        np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=1e-13, atol=1e-15)


def encloses(got, expected):
    """Does a result hold an array of numbers that floats came near?"""
    if isinstance(got, ss.Tensor):
        low, high = (np.asarray(end, dtype=float) for end in ss.endpoints(got))
        near = 1e-12 * (1 + np.abs(expected))
        return bool(np.all((low - near <= expected) & (expected <= high + near)))
    decided = np.vectorize(lambda p: p if isinstance(p, bool) else None, otypes=[object])
    known = decided(got.scalars()) if isinstance(got, Truth) else np.asarray(got)
    return bool(np.all((known == expected) | (known == None)))  # noqa: E711 - undecided


@pytest.mark.parametrize("name", CHECKED)
def test_points_are_enclosed_tightly(name):
    theirs, ours = flat(CALLS[name](np, np.asarray)), flat(CALLS[name](BOX, BOX.asarray))
    for expected, got in zip(theirs, ours, strict=True):
        assert encloses(got, np.asarray(expected))
        if isinstance(got, ss.Tensor):
            assert np.all(np.asarray(ss.width(got), dtype=float) < 1e-12)


@pytest.mark.parametrize("name", [name for name in CHECKED if name != "astype"])  # to integers, which boxes are not
def test_boxes_enclose_what_points_in_them_give(name):
    random = np.random.default_rng(1)

    def box(data):
        return BOX.context.box(np.asarray(data) - 2**-10, np.asarray(data) + 2**-10)

    def inside(data):
        return np.asarray(data) + 2**-10 * random.uniform(-1, 1, np.shape(data))

    ours = flat(CALLS[name](BOX, box))
    for _ in range(5):
        for expected, got in zip(flat(CALLS[name](np, inside)), ours, strict=True):
            assert encloses(got, np.asarray(expected)), name


def test_thirds_are_thirds():
    assert (Q.arange(3) / 3).tolist() == [0, Fraction(1, 3), Fraction(2, 3)]
    assert Q.linspace(0, 1, 4).tolist() == [0, Fraction(1, 3), Fraction(2, 3), 1]
    assert bool(ss.contains(BOX.mean(BOX.asarray([0, 0, 1])), Fraction(1, 3)))
    assert ss.inf(BOX.pi) < ss.sup(BOX.pi)  # no float is π
    assert (Q.asarray([7, -7]) // Q.asarray(2)).tolist() == [3, -4]
    assert [part.tolist() for part in divmod(Q.asarray(7.5), 2)] == [3, Fraction(3, 2)]


# ---- integers and truths --------------------------------------------------------------------------------------------


def test_integers_are_exact_and_index():
    xp = Q
    n = xp.arange(3)
    assert isinstance(n, Integers)
    assert (n.dtype, n.shape, len(n), [int(i) for i in n]) == (xp.int64, (3,), 3, [0, 1, 2])
    assert (n * n - 1).tolist() == [-1, 0, 3]
    assert (2**n).tolist() == [1, 2, 4]
    assert isinstance(n / 2, ss.Tensor)
    assert isinstance(n + xp.asarray(0.5), ss.Tensor)
    assert (xp.asarray(0.5) + n).tolist() == [Fraction(1, 2), Fraction(3, 2), Fraction(5, 2)]
    x = xp.asarray([1.5, 2.5, 3.5])
    assert x[n[1:]].tolist() == x[n > 0].tolist() == [Fraction(5, 2), Fraction(7, 2)]
    assert n[xp.asarray([True, False, True])].tolist() == [0, 2]
    assert [1, 2, 3][n[1]] == 2
    assert xp.sum(xp.asarray([100, 100], dtype=xp.int8)).tolist() == 200
    assert xp.where(x > 2, n, 7).tolist() == [7, 1, 2]
    assert xp.astype(x, xp.int64).tolist() == [1, 2, 3]
    assert xp.unique_counts(xp.asarray([2, 1, 2])).counts.tolist() == [1, 2]
    assert repr(n) == "Integers([0, 1, 2], (3,), int64, rational)"


REFUSALS = {
    "overflow": (lambda xp: xp.asarray([100], dtype=xp.int8) + xp.asarray([100], dtype=xp.int8), errors.TooLarge),
    "a large power": (lambda xp: xp.asarray(3) ** 10**9, errors.TooLarge),
    "a negative power": (lambda xp: xp.asarray(3) ** -1, errors.NotSupported),
    "division by zero": (lambda xp: xp.asarray(3) // 0, errors.DivisionByZero),
    "no common type": (lambda xp: xp.asarray(1, dtype=xp.uint64) + xp.asarray(1), errors.ArgumentError),
    "a literal": (lambda xp: xp.asarray([0.5]) * 0.1, errors.NotExact),
    "another format": (lambda xp: xp.asarray(1, dtype="float16"), errors.NotSupported),
    "complex": (lambda xp: xp.asarray(1j), errors.NotSupported),
    "an assignment": (lambda xp: xp.asarray([0.5]).__setitem__(0, 1), errors.NotSupported),
    "bits of numbers": (lambda xp: xp.asarray(0.5) & xp.asarray(1.5), errors.NotSupported),
    "another device": (lambda xp: xp.zeros(3, device="gpu"), errors.ArgumentError),
    "no copy": (lambda xp: xp.asarray([0.5], copy=False), errors.ArgumentError),
    "a step of 0": (lambda xp: xp.arange(0, 1, 0), errors.ArgumentError),
    "a sum of another dtype": (lambda xp: xp.sum(xp.asarray(0.5), dtype=xp.int64), errors.NotSupported),
    "singular values": (lambda xp: xp.linalg.matrix_norm(xp.eye(2), ord=2), errors.NotSupported),
    "an inverse": (lambda xp: xp.linalg.matrix_power(xp.eye(2), -1), errors.NotSupported),
    "no name": (lambda xp: xp.median, errors.NotInNamespace),
    "other lengths": (lambda xp: xp.vecdot(xp.arange(1), xp.arange(2)), errors.ShapeError),
    "a stream": (lambda xp: xp.asarray(0.5).to_device("cpu", stream=1), errors.ArgumentError),
}


@pytest.mark.parametrize("what", REFUSALS)
@pytest.mark.parametrize("xp", [FLOAT, BOX, Q], ids=str)
def test_what_cannot_be_had_is_refused_by_name(xp, what):
    call, error = REFUSALS[what]
    with pytest.raises(error):
        call(xp)


def test_what_is_not_certain_is_undecided():
    x = BOX.context.box([0, 1], [2, 3])
    for call in (BOX.nonzero, BOX.unique_values, BOX.argmax):
        with pytest.raises(errors.Undecided):
            call(x)
    with pytest.raises(errors.ArgumentError, match="expected an integer"):
        BOX.astype(x, BOX.int64)
    hull = BOX.where(x[0] > 1, BOX.asarray(1), BOX.asarray(2))
    assert [end.item() for end in ss.endpoints(hull)] == [1, 2]
    wide = 1 / BOX.context.box([0, 1], [1, 2])
    finite = BOX.isfinite(wide)
    assert [p if isinstance(p, bool) else None for p in finite.tolist()] == [None, True]
    assert [p if isinstance(p, bool) else None for p in BOX.isnan(wide).tolist()] == [None, False]
    assert BOX.isnan(BOX.nan * 0 + 1).shape == ()


def test_constants_are_numbers_of_the_context():
    assert float(FLOAT.pi) == math.pi
    assert (FLOAT.asarray([1.0]) * FLOAT.pi).tolist() == [math.pi]
    assert isinstance(2 * FLOAT.e, ss.Tensor)
    assert FLOAT.isinf(FLOAT.asarray(FLOAT.inf)).tolist() is True
    with pytest.raises(errors.NotExact):
        math.sqrt(BOX.pi)
    with pytest.raises(errors.NotExact):
        _ = Q.pi
    for xp in (BOX, Q):
        with pytest.raises(errors.DomainError):
            xp.asarray(0.5) * xp.inf
    with pytest.raises(errors.DomainError):
        Q.asarray(0.5) * Q.nan
    eps = BOX.finfo(BOX.float64).eps
    assert ss.endpoints(eps)[0] == Fraction(1, 2**52)
    assert isinstance(eps**0.5, ss.Tensor)
    assert BOX.newaxis is None


def test_truths_are_arrays_of_bools():
    p, q = FLOAT.asarray([True, False]), FLOAT.asarray([True, True])
    assert (p.dtype, FLOAT.bool) == ("bool", "bool")
    assert ((p == q).tolist(), (p != q).tolist(), (p ^ q).tolist()) == ([True, False], [False, True], [False, True])
    assert (p & True).tolist() == [True, False]
    assert FLOAT.concat([p, q]).tolist() == [True, False, True, True]
    assert FLOAT.astype(p, FLOAT.float64).tolist() == [1.0, 0.0]
    assert (float(p[0]), int(p[1]), complex(p[0])) == (1.0, 0, 1 + 0j)
    x = FLOAT.asarray(1.5)
    assert x[FLOAT.asarray(False)].shape == (0,)
    assert x[FLOAT.asarray(True)].tolist() == [1.5]
    assert (int(FLOAT.asarray(-1.5)), complex(x)) == (-1, 1.5 + 0j)


def test_arrays_are_handed_on_by_dlpack():
    assert np.from_dlpack(FLOAT.asarray([0.5, 1])).tolist() == [0.5, 1.0]
    assert np.from_dlpack(FLOAT.arange(2)).tolist() == [0, 1]
    with pytest.raises(errors.NotExact, match="dlpack"):
        Q.asarray([0.5]).__dlpack__()


# ---- specs ----------------------------------------------------------------------------------------------------------


def logsumexp(x):
    xp = x.__array_namespace__()
    top = xp.max(x, axis=-1, keepdims=True)
    return xp.sum(xp.squeeze(top, -1) + xp.log(xp.sum(xp.exp(x - top), axis=-1)))


def zscore(x):
    xp = x.__array_namespace__()
    return (x - xp.mean(x)) / xp.std(x, correction=1)


def test_code_for_any_array_library_is_a_spec_for_every_job():
    points = [[0.5, 1.25, 3.0], [2.0, 0.25, 1.0]]
    exact = float(np.sum(np.log(np.sum(np.exp(points), axis=-1))))
    assert float(logsumexp(FLOAT.asarray(points))) == pytest.approx(exact)
    bounds = ss.bounds(logsumexp, points, vary={"x": ss.ball("0.01")})
    assert bounds.lower < exact < bounds.upper
    gradient = ss.grad(logsumexp)(FLOAT.asarray(points))
    assert np.allclose(np.asarray(gradient).sum(axis=-1), 1)
    enclosed = zscore(BOX.asarray(W))
    assert encloses(enclosed, (np.asarray(W) - np.mean(W)) / np.std(W, ddof=1))
    assert ss.batched(zscore, over=["x"])(FLOAT.asarray(X)).shape == (2, 3)


OF_SCIPY = """
import numpy as np
import scalarspec as ss
from scipy import special, stats
data = [0.5, 1.25, 3.0]
for function in (special.softmax, stats.gmean, stats.hmean, stats.moment, stats.skew, stats.kstat, stats.gstd):
    more = (2,) if function in (stats.moment, stats.kstat) else ()
    near = np.asarray(function(ss.context("float64").tensor(data), *more))
    box = function(ss.context("interval").tensor(data), *more)
    assert box.dtype == "interval", function
    low, high = ss.inf(box), ss.sup(box)
    assert np.all((low - 1e-12 <= near) & (near <= high + 1e-12)), function
    assert np.all(high - low < 1e-12), function
"""


@pytest.mark.skipif(find_spec("scipy") is None, reason="SciPy is not installed")
def test_functions_of_scipy_are_enclosed():
    environment = {"SCIPY_ARRAY_API": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", OF_SCIPY], check=True, env=environment, cwd=ROOT)


def test_the_example_runs():
    done = subprocess.run(
        [sys.executable, "-m", "scalarspec.examples.array_api_function"],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.startswith("softmax Tensor([[0.0603")
    assert ("geometric_mean" in done.stdout) == (find_spec("scipy") is not None)
    assert len((ROOT / "examples" / "array_api_function.py").read_text().splitlines()) < 50


def test_every_listed_failure_of_the_public_suite_has_a_reason():
    """A comment stands above each group of tests in the list that docs/reference/array_api.md counts."""
    lines = (ROOT / "tests" / "array_api_skips.txt").read_text(encoding="utf-8").splitlines()
    groups = "\n".join(lines).split("\n\n")
    assert all(group.startswith("# ") for group in groups if group.strip())
    tests = [line for line in lines if line and not line.startswith("#")]
    assert len({*tests}) == len(tests)
    assert all(line.startswith("array_api_tests/") for line in tests)
