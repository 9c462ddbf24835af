"""Under another float environment all that encloses by floats refuses; and what NumPy raises for the caller is his."""

import contextlib
import ctypes
import subprocess
from fractions import Fraction

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.errors import FloatEnvironmentError
from scalarspec.numbers import environment

SETTER = """
#include <xmmintrin.h>
unsigned state(void) { return _mm_getcsr(); }
void set_state(unsigned bits) { _mm_setcsr(bits); }
"""
STATES = {"FTZ": 0x8000, "DAZ": 0x40, "FTZ and DAZ": 0x8040, "down": 0x2000, "up": 0x4000, "toward zero": 0x6000}
"""Bits of MXCSR beside the usual ones."""


@pytest.fixture(scope="session")
def control(tmp_path_factory):
    """The processor's control register, by a small C library."""
    where = tmp_path_factory.mktemp("control")
    (where / "control.c").write_text(SETTER)
    command = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(where / "control.so"), str(where / "control.c")]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("there is no C compiler for an x86 processor here")
    library = ctypes.CDLL(str(where / "control.so"))
    library.state.restype, library.set_state.argtypes = ctypes.c_uint, [ctypes.c_uint]
    return library


@contextlib.contextmanager
def changed(control, bits):
    before = control.state()
    control.set_state(before | bits)
    try:
        yield
    finally:
        control.set_state(before)


def spec(x):
    return ss.sum(ss.exp(x) * x)


X = np.array([0.5, 0.25])
BALL = {"vary": {"x": ss.ball("0.01")}}
BOXES = {
    name: context.box(X, X + 1)
    for name, context in {
        "interval64": ss.context("interval64", fast=False),
        "fused": ss.context("interval64", fast=True),
        "interval": ss.context("interval"),
        "rounding": ss.context("rounding"),
    }.items()
}
PREPARED = ss.prepare(spec, X, inputs="x", backend=ss.context("interval64", fast=False))
READY = BOXES["interval64"]
DOORS = {
    **{f"{name}, an operation": (lambda t=t: t + t) for name, t in BOXES.items()},
    **{f"{name}, numbers": (lambda t=t: t.context.tensor(X)) for name, t in BOXES.items()},
    "interval64, a box": lambda: READY.context.box(X, X),
    "prepared": lambda: PREPARED(READY),
    "prepared for interval": lambda: ss.prepare(spec, X, inputs="x", backend="interval"),
    "rational, numbers": lambda: ss.context("rational").tensor(X),
    "batched": lambda: ss.batched(spec, over="x")(READY),
    "grad": lambda: ss.grad(spec)(READY),
    "bounds": lambda: ss.bounds(spec, X, **BALL),
    "prove": lambda: ss.prove(spec, X, at_most=100, **BALL),
    "tolerance": lambda: ss.tolerance(spec, X, **BALL),
    "ranges": lambda: ss.ranges(spec, X, **BALL),
    "crosscheck": lambda: ss.crosscheck(spec, X),
    "compare": lambda: ss.compare(spec, X),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("door", DOORS)
def test_what_encloses_refuses_another_float_environment(control, state, door):
    DOORS[door]()
    found = None
    with changed(control, STATES[state]):  # no assertion in here: pytest has floats of its own
        try:
            DOORS[door]()
        except FloatEnvironmentError as error:
            found = str(error)
    assert found is not None
    assert ("flushed to zero (FTZ or DAZ)" if "Z" in state else f"floats round {state}, not to nearest") in found
    assert "use another build of it, or restore the state" in found
    DOORS[door]()


def test_under_subnormals_that_are_zero_no_exact_product_loses_them(control):
    """`rational` holds floats as integers times a power of two: it would find none."""
    context, found = ss.context("rational"), []
    with changed(control, STATES["DAZ"]), contextlib.suppress(FloatEnvironmentError):
        found.append(ss.dot(context.tensor(np.array([5e-324, 1.0])), context.tensor(np.array([1.0, 0.0]))))
    assert [t.item() for t in found] in ([], [Fraction(5e-324)])


def test_the_check_sees_the_usual_state():
    environment.check()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_caller_who_has_numpy_raise_is_not_in_the_way(dtype):
    """np.seterr is for the caller's own arrays; and no state of it changes an answer."""

    actual = "float64" if dtype == "float64" else "float32"

    def answers():
        t = ss.context("rounding", dtype=dtype).box([1e-320, 1e-5], [1e-300, 1.0])
        small, large = np.array([1e-310, 3.0]), np.array([1e300, 1e-300])
        found = ss.crosscheck(spec, np.array([0.7, 0.7]), actual=np.float32(1.5))
        return [
            repr(ss.sum(t * t / 3)),
            ss.tolerance(spec, small, vary={"x": ss.box([0, 1], [1e-300, 2])}, dtype=dtype, splits=3).absolute,
            ss.tolerance(lambda x: x[0] * x[1], large, vary={"x": ss.ball(1)}, dtype=dtype).absolute,
            ss.crosscheck(lambda x: x[0] * x[1], np.array([1e290, 1e-310]), actual=actual).ulps,
            ss.crosscheck(lambda x: ss.exp(x[0]) * x[1], np.array([-740.0, 1e-3]), actual=actual).ulps,
            found.ulps,
            [(s.name, s.excess) for s in found.stages],
            str(ss.ranges(lambda x: x[0] * x[1], small, vary={"x": ss.ball("1e-320")}, dtype=dtype)),
            str(ss.context("interval64").box([1e300, 1e-300], [1e308, 1]) ** 2),
            ss.endpoints(ss.context("interval").tensor(["1e-400", "1e400"]))[0].tolist(),
            ss.inf(ss.context("interval").tensor(["1e-400", "1e-323"])).tolist(),
        ]

    plain = answers()
    with np.errstate(all="raise"):
        assert answers() == plain
