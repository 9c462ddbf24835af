"""The doors of specs: what a spec returns, whether it has one value, and what it sees beside its arguments."""

import functools
import itertools
import pickle
import types
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.core.lifting import lifted_spec
from scalarspec.errors import ArgumentError, ContextMismatch
from scalarspec.theory.prove import prove_nonnegative

X = np.array([0.1, 0.7, 0.3])
A, B = np.array([0.1, 0.2, 0.3]), np.array([1 / 3, 1 / 7, 0.7])
EXACT = sum(Fraction(a) * Fraction(b) * Fraction(x) for a, b, x in zip(A, B, X, strict=True))
NEAR = {"vary": {"x": ss.ball("0.01")}}
RATIONAL, INTERVAL = ss.context("rational"), ss.context("interval")


# ---- what comes back ------------------------------------------------------------------------------------------------

JOBS = {
    "compare": lambda spec: ss.compare(spec, X, backends=["interval", "float64"]),
    "bounds": lambda spec: ss.bounds(spec, X, **NEAR),
    "bounds by mean values": lambda spec: ss.bounds(spec, X, method="mean-value", **NEAR),
    "bounds of rows": lambda spec: ss.bounds(spec, np.stack([X, X]), over="x", **NEAR),
    "prove": lambda spec: ss.prove(spec, X, at_most=100, **NEAR),
    "prove a claim": lambda spec: ss.prove(lambda x: spec(x) <= 100, X, **NEAR),
    "ranges": lambda spec: ss.ranges(spec, X, **NEAR),
    "tolerance": lambda spec: ss.tolerance(spec, X, **NEAR),
    "crosscheck": lambda spec: ss.crosscheck(spec, X, actual=1.0),
    "derive": lambda spec: ss.derive(spec, X, wrt="x"),
    "grad": lambda spec: ss.grad(spec)(INTERVAL.tensor(X)),
    "prepare": lambda spec: ss.prepare(spec, X, inputs="x", backend="interval"),
    "batched": lambda spec: ss.batched(spec, over="x")(INTERVAL.tensor(np.stack([X, X]))),
}


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("other", ["rational", "float32", "rounding"])
def test_a_tensor_of_another_context_is_an_error_by_name(job, other):
    foreign = ss.context(other, **({"dtype": "float16"} if other == "rounding" else {})).tensor(0.25)
    with pytest.raises(ContextMismatch, match=f"got one (of|in) {other}|{other}.* do not mix"):
        JOBS[job](lambda x: foreign)


def test_a_constant_of_the_context_is_none():
    kept = {name: ss.context(name).tensor(0.25) for name in ("interval", "float64")}
    found = ss.compare(lambda x: kept[x.dtype], X, backends=["interval", "float64"])
    assert found["interval"].value.context == INTERVAL
    assert ss.grad(lambda x: kept["interval"])(INTERVAL.tensor(X)).tolist() == [0, 0, 0]


# ---- one value ------------------------------------------------------------------------------------------------------

CERTIFYING = ["compare", "bounds", "bounds of rows", "prove", "prove a claim", "ranges", "tolerance", "crosscheck"]


@pytest.mark.parametrize("job", CERTIFYING)
def test_a_spec_of_two_values_is_an_error_by_name(job):
    rng, count = np.random.default_rng(3), itertools.count()
    for spec in (
        lambda x: ss.sum(x) * int(rng.integers(1 << 40)),
        lambda x: ss.sum(x) + next(count),
        lambda x: ss.sum(x) * Fraction(next(count), 1 << 40),
    ):
        with pytest.raises(ArgumentError, match=r"expected one value for the same arguments, got two"):
            JOBS[job](spec)


def test_nan_is_one_value_and_what_floats_cannot_do_is_left_to_the_job():
    assert ss.ranges(lambda x: ss.log(x[0]) * 0 + 1, X, vary={"x": ss.box(1, 2)}).operations == 5 - 1
    found = ss.compare(lambda x: ss.sqrt(x - 1), np.array(0.5), backends=["float64"])
    assert np.isnan(found["float64"].value.item())


# ---- what a spec sees -----------------------------------------------------------------------------------------------


@dataclass
class Model:
    a: Any
    b: Any
    scale: Any = 1

    def __call__(self, x):
        return ss.sum((self.a * self.b) * x) * self.scale


@dataclass(frozen=True)
class Holder:
    parts: Any
    settings: dict = field(default_factory=dict)


def product(a, b, x):
    return ss.sum((a * b) * x)


def helper(x):
    return ss.sum((A * B) * x)


def by_helper(x):
    return helper(x)


def with_default(x, a=A, *, b=B):
    return ss.sum((a * b) * x)


def of_global_model(x):
    return GLOBAL(x)


GLOBAL = Model(A, B)
HOLDER = Holder({"pair": [A, (B,)]})
MODULE = types.ModuleType("of_a_user")
MODULE.A, MODULE.B, MODULE.product = A, B, product


def closures():
    a, b, model, holder = A, B, Model(A, B), HOLDER
    narrow = [A.astype(np.float32), B.astype(np.float32)]

    def even(x, n=2):
        return odd(x, n - 1) if n else ss.sum((a * b) * x)

    def odd(x, n):
        return even(x, n - 1)

    class Plain:
        def spec(self, x):
            return ss.sum((a * b) * x)

    return {
        "a model": model,
        "cells": lambda x: ss.sum((a * b) * x),
        "a cell of a model": lambda x: model(x),
        "fields of a model": lambda x: ss.sum((model.a * model.b) * x),
        "containers": lambda x: ss.sum((holder.parts["pair"][0] * holder.parts["pair"][1][0]) * x),
        "a default": with_default,
        "partial": functools.partial(product, A, B),
        "partial with a model": functools.partial(lambda m, x: ss.sum((m.a * m.b) * x), model),
        "a bound method": Model(A, B).__call__,
        "a method of a plain object": Plain().spec,
        "a global": helper,
        "a global function": by_helper,
        "a global model": of_global_model,
        "a module": lambda x: ss.sum((MODULE.A * MODULE.B) * x),
        "a function of a module": lambda x: MODULE.product(MODULE.A, MODULE.B, x),
        "functions that call each other": even,
        "an inner function": lambda x: (lambda y: ss.sum((a * b) * y))(x),
        "a comprehension": lambda x: ss.sum(ss.stack([(a * b)[i] * x[i] for i in range(3)])),
        "a function in a container": lambda x, fs=(helper,): fs[0](x),
        "float32": lambda x: ss.sum((narrow[0] * narrow[1]) * x),
    }


@pytest.mark.parametrize("name", closures())
def test_what_a_spec_sees_is_lifted(name):
    """Rounded by NumPy, the products of a and b would make another model."""
    spec = closures()[name]
    want = EXACT
    if name == "float32":
        a, b = ([Fraction(float(v)) for v in each.astype(np.float32)] for each in (A, B))
        want = sum(p * q * Fraction(x) for p, q, x in zip(a, b, X, strict=True))
    assert ss.compare(spec, X, backends=["rational"])["rational"].value.item() == want
    assert ss.crosscheck(spec, X, actual=0.5).exact == want
    point = {"vary": {"x": ss.ball(0)}}
    found = ss.bounds(spec, X, backend=ss.context("interval", prec=200), **point)
    assert found.lower <= want <= found.upper
    assert found.upper - found.lower < Fraction(1, 10**50)
    gradient = ss.grad(lambda x: spec(x))(RATIONAL.tensor(X)).tolist()
    assert sum(g * Fraction(x) for g, x in zip(gradient, X, strict=True)) == want
    assert ss.prepare(spec, X, inputs="x", backend="rational")(X).item() == want
    assert ss.batched(spec, over="x")(RATIONAL.tensor(X[None])).tolist() == [want]
    assert ss.prove(lambda x: spec(x) <= 100, X, vary={"x": ss.ball("0.01")}).proved
    assert ss.tolerance(spec, X, vary={"x": ss.ball(0)}, inputs="exact").absolute > 0
    assert ss.ranges(spec, X, **NEAR).operations > 0


def test_nothing_is_changed_and_nothing_done_twice():
    specs, before = closures(), (A.copy(), B.copy(), dict(vars(GLOBAL)), dict(vars(MODULE)))
    for spec in specs.values():
        for context in ("interval", "rational"):
            first = lifted_spec(spec, ss.context(context))
            assert first is not spec
            assert lifted_spec(spec, ss.context(context)) is first
    assert np.array_equal(A, before[0])
    assert np.array_equal(B, before[1])
    assert all(x is y for x, y in zip(vars(GLOBAL).values(), before[2].values(), strict=True))
    assert all(x is y for x, y in zip(vars(MODULE).values(), before[3].values(), strict=True))
    assert helper.__globals__["A"] is A


def test_what_sees_no_floats_is_itself():
    index, mask, tensor = np.array([2, 0]), np.array([True, False, True]), INTERVAL.tensor(A)
    settings = Holder((1, 2), {"rate": 0.5, "kind": "relu"})
    for spec in (
        lambda x: ss.sum(x[int(index[0])] * int(mask.sum())),
        lambda x: x * settings.parts[0] * tensor,
        lambda x: (x, RATIONAL, ss.relu, np.pi, settings),
        ss.loss.mse,
        functools.partial(ss.clip, lower=0, upper=1),
    ):
        assert lifted_spec(spec, INTERVAL) is spec


def test_what_is_seen_anew_is_lifted_anew():
    """Weights that are updated in place, rebound, or replaced in a model: never those of the last time."""
    w, model, k = A.copy(), Model(A.copy(), B), {"n": 1}
    spec = lambda x: ss.sum((w * B) * x)  # noqa: E731

    def of_model(x):
        return model(x) * k["n"]

    def value(of):
        return ss.compare(of, X, backends=["rational"])["rational"].value.item()

    first = value(spec)
    w[1] = 4.0
    assert value(spec) == first + (4 - Fraction(A[1])) * Fraction(B[1]) * Fraction(X[1])
    w = A
    assert value(spec) == value(of_model) == EXACT
    model.a[0] = 0.0
    assert value(of_model) == EXACT - Fraction(A[0]) * Fraction(B[0]) * Fraction(X[0])
    model.a = A
    model.scale = 2
    assert value(of_model) == 2 * EXACT
    k["n"] = 3
    assert value(of_model) == 6 * EXACT


class Plain:
    def __init__(self):
        self.w = A

    def forward(self, x):
        return ss.sum((self.w * B) * x)

    def __call__(self, x):
        return self.forward(x)


class Settings:
    W = A


def test_what_cannot_be_lifted_is_refused_by_name():
    plain = Plain()
    for spec, name in (
        (plain, "self.w"),
        (plain.forward, "self.w"),
        (lambda x: plain(x), "plain.w"),
        (lambda x: ss.sum(Settings.W * B * x), "Settings.W"),
    ):
        for job in ("compare", "bounds", "crosscheck", "tolerance", "ranges", "grad", "prove"):
            with pytest.raises(ArgumentError, match=rf"{name} holds floats that no context sees"):
                JOBS[job](spec)


def test_numpy_on_what_is_lifted_is_an_error_by_name():
    w = np.stack([A, B])
    with pytest.raises(ArgumentError, match=r"'Tensor' object has no attribute 'tofile'; the float arrays and"):
        ss.bounds(lambda x: ss.matmul(w.tofile("w"), x), X[:2], **NEAR)
    ss.bounds(lambda x: x * 2 if w.mean() > 0 else x, X[:2], **NEAR)


def test_variables_that_a_closure_sees_stay_variables():
    """A model of tensors on a tape is seen by an inner function: its gradient goes through."""

    def loss(model, x):
        return ss.sum(ss.grad(lambda y: model(ss.square(y)))(x))

    model = ss.lift(Model(A, B), "rational")
    found, _ = ss.grad(loss, argnums=(0, 1))(model, RATIONAL.tensor(X))
    assert found.a.tolist() == [2 * Fraction(b) * Fraction(x) for b, x in zip(B, X, strict=True)]


def test_a_spec_that_sees_arrays_goes_to_workers():
    alone = ss.bounds(by_helper, X, method="subdivide", budget=8, **NEAR)
    with ProcessPoolExecutor(1) as executor:
        found = ss.bounds(by_helper, X, method="subdivide", budget=8, executor=executor, **NEAR)
        model = ss.bounds(pickle.loads(pickle.dumps(GLOBAL)), X, method="linear", executor=executor, **NEAR)
    assert (found.lower, found.upper) == (alone.lower, alone.upper)
    assert model.lower <= EXACT <= model.upper


def test_theory_sees_what_is_lifted():
    shift = np.array(0.1 * 3)
    assert prove_nonnegative(lambda x: ss.square(x - shift), ss.Shape(())).proved


def test_models_in_named_tuples_are_lifted():
    pair = types.SimpleNamespace  # no container: stays
    named = __import__("collections").namedtuple("named", "a b")(A, pair)
    lifted = ss.lift(named, "interval")
    assert (type(lifted), lifted.b) == (type(named), pair)
    assert lifted.a.context == INTERVAL
