"""Functions that are written in JAX, as specs: their values, enclosures and derivatives, and what is refused."""

import inspect
import pickle

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402

import scalarspec as ss  # noqa: E402
from scalarspec.core.foreign import asks_for_jax, is_jax  # noqa: E402
from scalarspec.errors import ArgumentError, DomainError, JaxCode, NotSupported, ShapeError, Undecided  # noqa: E402
from scalarspec.frontends.jax import primitives as jax_primitives  # noqa: E402
from scalarspec.frontends.jax.reading import LazyJax  # noqa: E402

functions = pytest.importorskip("jax_functions")
FUNCTIONS, PRIMITIVES, MASK = functions.FUNCTIONS, functions.PRIMITIVES, functions.MASK
X, V = functions.X, functions.V
INTERVAL, EXACT = ss.context("interval"), ss.context("interval", prec=200)
CONTEXTS = {"float64": ss.context("float64"), "interval": INTERVAL, "interval64": ss.context("interval64", fast=False)}
BY_CONVENTION = {"floor divide", "take by argmax"}
"""Derivatives at places where there is none, or that rest on an equality."""


WITHOUT_JAXS = {"special", "while", "custom jvp", "custom vjp"}
"""JAX has no derivative of loops, we have none of digamma, and some have one of their own."""


@pytest.fixture(autouse=True)
def in_float64():
    """JAX's own results are those in float64."""
    with jax.enable_x64(True):
        yield


def native(f, args):
    """The leaves of JAX's result."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(jax.jit(f)(*args))]


def tensors(tree):
    """The tensors of a tree; for JAX's own context they are nodes of it."""
    return jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, ss.Tensor | ss.Truth))


def leaves(spec, args, context):
    """The leaves of a spec's result at arguments in a context."""
    return tensors(spec(*(ss.lift(a, context) for a in args)))


def encloses(t, number, slack=0.0):
    """Are numbers between the ends of a tensor's, but for some slack?"""
    low, high = (np.asarray(end, dtype=float) for end in ss.endpoints(t))
    room = slack * (1 + np.abs(number))
    return bool(np.all((low - room <= number) & (number <= high + room)))


def agrees(found, wanted):
    """Is a leaf of a spec's result JAX's, but for rounding? Truths and integers are the same."""
    if not isinstance(found, ss.Tensor):
        return np.array_equal(np.asarray(found), wanted)
    if tuple(found.shape) != wanted.shape:
        return False
    if found.context.rounds:
        return np.allclose(np.asarray(found), wanted, rtol=1e-12, atol=1e-13)
    return encloses(found, wanted.astype(float), slack=1e-12)


def differs(f, args, context):
    """The leaves in which a spec and JAX differ."""
    pairs = zip(leaves(ss.from_jax(f, *args), args, context), native(f, args), strict=True)
    return [(found, wanted) for found, wanted in pairs if not agrees(found, wanted)]


# ---- the table ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("within", CONTEXTS)
@pytest.mark.parametrize("name", PRIMITIVES)
def test_each_primitive_is_the_function_that_jax_has(name, within):
    f, *args = PRIMITIVES[name]
    assert not differs(f, args, CONTEXTS[within])


def primitives_of(program):
    """The primitives of a program, those of programs in it included."""
    found = {e.primitive for e in program.equations}
    inner = [p for e in program.equations for p in e.parameters.values()]
    for part in [p for each in inner for p in (each if isinstance(each, tuple) else [each])]:
        found |= primitives_of(part) if hasattr(part, "equations") else set()
    return found


UNSEEN = {"sharding_constraint", "reduce_window", "own_derivative"}
"""Rules of primitives that are not reached from jax.numpy and jax.lax on one processor, or tested by themselves."""


def test_each_rule_is_tried():
    tried = {name: primitives_of(ss.from_jax(f, *args).program) for name, (f, *args) in PRIMITIVES.items()}
    assert {name for name in PRIMITIVES if name not in tried[name]} == set()
    assert {*jax_primitives.RULES, "select_n"} - set(PRIMITIVES) == UNSEEN
    assert not set(jax_primitives.RULES) & set(jax_primitives.REFUSED)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("rem", "round"), ("max", "min"), ("cumsum", "cumprod"), ("scatter-add", "scatter-mul"), ("lt", "gt"),
     ("reduce_window_max", "reduce_window_min"), ("sin", "cos"), ("rev", "copy"), ("ceil", "floor")],
)  # fmt: skip
def test_a_wrong_rule_is_caught(name, wrong, monkeypatch):
    f, *args = PRIMITIVES[name]
    rule = (lambda at, x, y: ss.remainder(x, y)) if name == "rem" else jax_primitives.RULES[wrong]
    monkeypatch.setitem(jax_primitives.RULES, name, rule)
    assert all(differs(f, args, context) for context in CONTEXTS.values())


def test_a_window_is_reduced_by_what_is_written():
    f = lambda x: lax.reduce_window(x, jnp.asarray(0.0), lambda a, b: a + b, (2, 2), (1, 1), "VALID")  # noqa: E731
    product = lambda x: lax.reduce_window(x, jnp.asarray(1.0), lambda a, b: a * b, (2, 2), (1, 1), "VALID")  # noqa: E731
    assert not differs(f, [X], INTERVAL)
    with pytest.raises(NotSupported, match="no sum from 0"):
        ss.from_jax(product, X)(INTERVAL.tensor(X))


# ---- functions as people write them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_rounding_explains_what_jax_computes(name):
    f, *args = FUNCTIONS[name]
    found = ss.crosscheck(ss.from_jax(f, *args), *args, actual=native(f, args)[0])
    assert found.explained, str(found)
    assert found.dtype == "float64"


@pytest.mark.parametrize("within", ["interval", "interval64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_enclosures_contain_the_value(name, within):
    f, *args = FUNCTIONS[name]
    spec = ss.from_jax(f, *args)
    (found,), (exact,) = leaves(spec, args, CONTEXTS[within]), leaves(spec, args, EXACT)
    (low, high), (least, greatest) = ss.endpoints(found), ss.endpoints(exact)
    assert np.all(low <= greatest)
    assert np.all(least <= high)
    assert encloses(found, native(f, args)[0], slack=1e-11)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in WITHOUT_JAXS])
def test_gradients_are_jaxs(name):
    f, *args = FUNCTIONS[name]
    spec = ss.from_jax(lambda *a: jnp.sum(f(*a)), *args)
    at_kinks = "convention" if name in BY_CONVENTION else "refuse"
    given = [ss.lift(a, CONTEXTS["float64"]) for a in args]
    gradient = ss.grad(spec, at_kinks=at_kinks) if name in BY_CONVENTION else ss.grad(spec)
    wanted = jax.grad(lambda *a: jnp.sum(f(*a)))(*args)
    for ours, theirs in zip(tensors(gradient(*given)), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-9, atol=1e-11)


def test_derivatives_of_ones_own_are_those_of_grad():
    f, *args = FUNCTIONS["custom vjp"]
    spec = ss.from_jax(jax.grad(lambda x: f(x).sum()), *args)
    assert agrees(spec(INTERVAL.tensor(X)), np.clip(2 * X, -1, 1))


OTHER_DERIVATIVES = {
    "custom vjp": FUNCTIONS["custom vjp"][0], "custom jvp": FUNCTIONS["custom jvp"][0],
    "stop_gradient": lambda x: x * lax.stop_gradient(x),
    "in a tree": lambda x: x * jax.tree.map(lax.stop_gradient, {"a": x})["a"],
    "of a softmax": lambda x: lax.stop_gradient(jax.nn.softmax(x)) * x,
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_DERIVATIVES)
def test_a_derivative_that_is_another_one_is_refused_and_the_value_is_not(name):
    f, x = OTHER_DERIVATIVES[name], np.abs(V)
    spec = ss.from_jax(lambda x: f(x).sum(), x)
    assert agrees(spec(INTERVAL.tensor(x)), f(x).sum())
    for take in (lambda: ss.grad(spec)(INTERVAL.tensor(x)), lambda: ss.derive(spec, ss.Dim(4))):
        with pytest.raises(NotSupported, match=r"(own_derivative|stop_gradient).*another one"):
            take()


def test_a_function_at_a_place_is_refused():
    spec = ss.from_jax(lambda x: x.at[0].apply(jnp.exp), V)
    with pytest.raises(NotSupported, match=r"write x.at\[i\].set"):
        spec(INTERVAL.tensor(V))


def test_a_trace_within_another_spec_is_no_data():
    inner = ss.from_jax(lambda x: x.var(), V)  # whose trace holds NaN
    assert ss.prove(lambda x: inner(x) <= 99, V, vary={"x": ss.ball("0.1")}).status == "proved"
    assert float(ss.bounds(lambda x: inner(x) + 1, V, vary={"x": ss.ball(0)}).lower) == pytest.approx(1 + V.var())


def test_floats_of_plain_functions_are_jaxs():
    def normalized(x):
        return (x - x.mean()) / jnp.sqrt(jnp.mean((x - x.mean()) ** 2) + 1e-5)

    assert ss.crosscheck(normalized, V, actual=jax.jit(normalized)).explained


def test_boxes_are_bounded():
    rng = np.random.default_rng(1)
    for name in ("mlp", "causal", "conv net", "where", "logsumexp", "rnn", "modulo"):
        f, *args = FUNCTIONS[name]
        spec = ss.from_jax(f, *args)
        last = list(inspect.signature(spec).parameters)[-1]
        found = ss.bounds(spec, *args, vary={last: ss.ball(0.01)})
        for _ in range(20):
            moved = [*args[:-1], args[-1] + rng.uniform(-0.01, 0.01, args[-1].shape)]
            value = native(f, moved)[0]
            lower, upper = (np.asarray(end, dtype=float) for end in (found.lower, found.upper))
            assert np.all((lower - 1e-9 <= value) & (value <= upper + 1e-9)), name


# ---- jobs -----------------------------------------------------------------------------------------------------------


def loss(w, x):
    return jnp.mean(jax.nn.softplus(w @ x)) + 0.5 * jnp.sum(w**2)


W = functions.normal(3, 4)


def test_all_jobs_take_such_a_spec():
    spec = ss.from_jax(loss, W, V)
    value = native(loss, [W, V])[0]
    found = ss.tolerance(spec, W, V, vary={"x": ss.ball(0)})
    assert abs(float(ss.endpoints(spec(EXACT.tensor(W), EXACT.tensor(V)))[0]) - value) <= found.absolute
    small = ss.derive(ss.from_jax(lambda x: jnp.sum(x**2) / 2, V[:2]), ss.Shape((2,)))
    assert str(small) == "x_0**2/2 + x_1**2/2"
    assert np.allclose(np.asarray(ss.prepare(spec, W, V, inputs="x")(V)), value)
    rows = np.stack([V, 2 * V])
    found = ss.batched(spec, over="x")(W, ss.lift(rows, "float64"))
    assert np.allclose(np.asarray(found), [native(loss, [W, v])[0] for v in rows])


def test_a_spec_travels():
    spec = ss.from_jax(loss, W, V)
    again = pickle.loads(pickle.dumps(spec))
    assert (
        again(INTERVAL.tensor(W), INTERVAL.tensor(V)).tolist() == spec(INTERVAL.tensor(W), INTERVAL.tensor(V)).tolist()
    )
    assert list(inspect.signature(again).parameters) == ["w", "x"]


def test_rationals_are_exact():
    spec = ss.from_jax(lambda x: jnp.sum(x**2) / 3 + 0.1, np.ones(2))
    found = spec(ss.context("rational").tensor(["1/3", 1])).item()
    assert found == ss.context("rational").tensor(0.1).item() + (1 + ss.context("rational").tensor("1/9").item()) / 3


def test_symbols_are_formulas():
    x = ss.context("symbolic").symbols("x", (2,))
    found = ss.from_jax(lambda x: x[0] * jnp.exp(x[1]), np.ones(2))(x)
    assert str(found.item()) == "x_0*exp(x_1)"
    with pytest.raises(Undecided):
        ss.from_jax(lambda x: x[jnp.argmax(x)], np.ones(2))(INTERVAL.box([0, 0], [1, 1]))


# ---- constants and types --------------------------------------------------------------------------------------------


def test_constants_are_floats_of_the_examples_type():
    rational = ss.context("rational")
    wide = ss.from_jax(lambda x: x + 0.1, 1.0)(rational.tensor(0)).item()
    narrow = ss.from_jax(lambda x: x + 0.1, np.float32(1))(rational.tensor(0)).item()
    assert wide == rational.tensor(0.1).item()
    assert narrow == rational.tensor(np.float32(0.1)).item()


def test_float64_is_meant_whatever_jax_is_set_to():
    with jax.enable_x64(False):
        spec = ss.from_jax(lambda x: x + jnp.linspace(0, 1, 4), np.ones(4))
        assert not jax.config.jax_enable_x64
    assert spec(ss.context("rational").tensor(np.zeros(4)))[1].item() * 3 == 1


def test_constants_are_worked_out_in_the_context():
    found = ss.from_jax(lambda x: x * jnp.sqrt(2.0), 1.0)(EXACT.tensor(1))
    low, high = ss.endpoints(found)
    assert low**2 < 2 < high**2
    assert high - low < 2**-190


def test_integers_that_depend_on_numbers_are_numbers():
    count = lambda x: (jnp.sum(x > 0) + 1) // 2 * 1.5  # noqa: E731
    assert not differs(count, [V], INTERVAL)
    less = ss.from_jax(lambda x: jnp.sum(x > 0).astype(np.uint32) - 1, V)
    assert less(INTERVAL.tensor(np.ones(4))) == 3
    with pytest.raises(NotSupported, match="wrap"):
        less(INTERVAL.tensor(-np.ones(4)))
    product = ss.from_jax(lambda x: jnp.sum(x > 0) * jnp.sum(x < 0), V)
    with pytest.raises(NotSupported, match="wraps"):
        product(INTERVAL.box(-np.ones(4), np.ones(4)))


def test_a_choice_that_is_not_decided_is_the_hull():
    spec = ss.from_jax(lambda x: lax.cond(x > 0, lambda y: jnp.log(y + 1), lambda y: y - 1, x), 1.0)
    found = spec(INTERVAL.box(-1, 1))
    assert ss.endpoints(found)[0] <= -2
    assert encloses(found, np.log(2))
    assert encloses(spec(INTERVAL.tensor(-3)), -4.0)


def test_programs_inside_are_recognized_too():
    spec = ss.from_jax(lambda x: lax.map(jax.nn.softmax, x), X)
    box = INTERVAL.box(X - 1, X + 1)
    assert spec(box).tolist() == ss.softmax(box).tolist()


def test_integers_that_leave_their_width_are_refused():
    f = lambda x, i: x * (i * i)  # noqa: E731
    spec = ss.from_jax(f, 1.0, np.int32(2))
    assert spec(INTERVAL.tensor(1), 3).tolist() == INTERVAL.tensor(9).tolist()
    with pytest.raises(NotSupported, match="wrap"):
        spec(INTERVAL.tensor(1), 1 << 20)
    with pytest.raises(NotSupported, match="width"):
        spec(INTERVAL.tensor(1), 1 << 40)


def test_widening_is_the_number_itself_and_narrowing_refused():
    x = np.ones(2, np.float32)
    assert not differs(lambda x: x.astype(np.float64) * 0.1, [x], INTERVAL)
    for narrow in (lambda x: x.astype(np.float32), lambda x: lax.reduce_precision(x, 5, 10)):
        with pytest.raises(NotSupported, match="round"):
            ss.from_jax(narrow, V)(INTERVAL.tensor(V))
    half = ss.from_jax(lambda x: jnp.sum(x * 0.1), jax.ShapeDtypeStruct((2,), jnp.bfloat16))
    with pytest.raises(NotSupported, match="rounds"):
        half(INTERVAL.tensor([1, 2]))


# ---- infinities -----------------------------------------------------------------------------------------------------


def test_masks_are_no_numbers_and_results_are():
    spec = ss.from_jax(lambda x: jax.nn.softmax(jnp.where(MASK, x, -jnp.inf)), X)
    found = spec(INTERVAL.box(X - 1, X + 1))
    assert np.all(np.asarray(ss.endpoints(found)[1])[~MASK] == 0)
    assert np.all(np.asarray(ss.endpoints(found)[1], dtype=float) <= 1)


def test_infinities_and_nan_in_results_are_refused():
    for f in (lambda x: jnp.where(MASK, x, -jnp.inf), lambda x: jnp.where(MASK, x, jnp.nan)):
        with pytest.raises(DomainError, match="no real number"):
            ss.from_jax(f, X)(INTERVAL.tensor(X))
    with pytest.raises(Undecided):
        ss.from_jax(lambda x: jnp.exp(jnp.where(x > 0, x, -jnp.inf)), X)(INTERVAL.box(X - 9, X + 9))


def test_gradients_go_past_masks():
    f = lambda x: jnp.sum(jax.nn.softmax(jnp.where(MASK, x, -jnp.inf)) ** 2)  # noqa: E731
    found = ss.grad(ss.from_jax(f, X))(INTERVAL.tensor(X))
    assert agrees(found, np.asarray(jax.grad(f)(X)))


# ---- compositions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "ours"),
    [
        (jax.nn.softmax, ss.softmax),
        (jax.nn.log_softmax, ss.log_softmax),
        (lambda x: jax.nn.logsumexp(x, axis=1, keepdims=True), lambda x: ss.logsumexp(x, axis=1, keepdims=True)),
        (jax.nn.softplus, ss.softplus),
        (jax.nn.silu, ss.silu),
    ],
)
def test_compositions_are_as_tight_as_ours(f, ours):
    box = INTERVAL.box(X - 1, X + 1)
    assert ss.from_jax(f, X)(box).tolist() == ours(box).tolist()


def test_what_only_looks_like_a_softmax_is_none():
    wrong_axis = lambda x: jnp.exp(x) / jnp.sum(jnp.exp(x), axis=0)[:, None]  # noqa: E731
    square = functions.normal(3, 3)
    assert "softmax" not in primitives_of(ss.from_jax(wrong_axis, square).program)
    assert not differs(wrong_axis, [square], INTERVAL)
    shifted = lambda x: jnp.log(jnp.sum(jnp.exp(x - jnp.max(x)))) + jnp.min(x)  # noqa: E731
    assert not differs(shifted, [V], INTERVAL)


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_branches_that_are_not_taken_are_not_asked():
    spec = ss.from_jax(lambda x: jnp.where(x > 0, jnp.log(x), x), np.ones(2))
    assert encloses(spec(INTERVAL.tensor([2, -1])), np.array([np.log(2), -1]), slack=1e-12)
    with pytest.raises(DomainError):
        ss.from_jax(lambda x: jnp.log(x), np.ones(2))(INTERVAL.tensor([2, -1]))


REFUSALS = {
    "random": (lambda x: x + jax.random.normal(jax.random.PRNGKey(0), (4,)), "random numbers"),
    "inverse": (lambda x: jnp.linalg.inv(x[:, None] * x), "lu.*factorization"),
    "erfinv": (jax.scipy.special.erfinv, "erf_inv"),
    "nextafter": (lambda x: jnp.nextafter(x, 0.0), "nextafter"),
    "bits": (lambda x: lax.bitcast_convert_type(x, jnp.int64), "bitcast_convert_type"),
    "bessel": (jax.scipy.special.i0e, "bessel_i0e"),
    "callback": (lambda x: jax.pure_callback(np.sin, jax.ShapeDtypeStruct((4,), float), x), "pure_callback"),
    "loop": (lambda x: lax.while_loop(lambda y: y[0] < 9, lambda y: y + 1, x), "how often a loop runs"),
    "long": (lambda x: lax.fori_loop(0, 5000, lambda i, y: y * 0.5, x), "5000 steps"),
    "index": (lambda x: lax.dynamic_slice(x, (jnp.floor(x[0] * 0.3).astype(int),), (2,)), "which elements|convert"),
    "two keys": (lambda x: lax.sort((x, x), num_keys=2)[0], "several keys"),
    "twice": (lambda x: x.at[np.array([0, 0])].set(x[:2]), "two elements"),
    "outside": (lambda x: jnp.take(x, np.array([9])), "outside of its axis"),
    "eigenvalues": (lambda x: jnp.linalg.eigvalsh(x[:, None] * x), "eigh"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_named_with_the_line(name):
    f, match = REFUSALS[name]
    spec = ss.from_jax(f, V)
    with pytest.raises(NotSupported, match=match) as told:
        spec(INTERVAL.box(V - 9, V + 9))
    if name not in ("inverse", "eigenvalues", "erfinv", "bessel"):
        assert "test_from_jax.py:" in str(told.value)


def test_complex_numbers_and_keys_are_refused():
    with pytest.raises(NotSupported, match="complex"):
        ss.from_jax(lambda x: jnp.abs(jnp.fft.fft(x)), V)
    with pytest.raises(NotSupported, match="numbers here are real"):
        ss.from_jax(lambda key: jax.random.normal(key), jax.random.key(0))


def test_a_primitive_without_a_rule_is_named():
    with pytest.raises(NotSupported, match=r"clz|population_count|no rule"):
        ss.from_jax(lambda x, i: x * lax.mulhi(i, i), 1.0, np.int32(3))(INTERVAL.tensor(1), 3)


def test_arguments_that_do_not_fit_are_refused():
    spec = ss.from_jax(loss, W, V)
    w, x = INTERVAL.tensor(W), INTERVAL.tensor(V)
    with pytest.raises(ShapeError, match=r"expected the shape \(4,\)"):
        spec(w, w)
    with pytest.raises(ArgumentError, match="structure"):
        spec(w)
    with pytest.raises(ArgumentError, match="expected a function"):
        ss.from_jax(3)
    with pytest.raises(ArgumentError, match="arrays or numbers"):
        ss.from_jax(loss, W, "x")
    with pytest.raises(ArgumentError, match="JAX traces"):
        ss.from_jax(lambda x: 1 if x > 0 else 2, 1.0)
    assert spec(w, x).shape == ()


# ---- JAX functions as they come -------------------------------------------------------------------------------------


def test_jax_functions_are_told_from_others():
    made = [jax.jit(loss), jax.grad(loss), jax.vmap(loss), jax.nn.relu, jnp.sin, functions.safe_sqrt]
    assert all(map(is_jax, made))
    assert not any(map(is_jax, [loss, np.sin, ss.exp, 3, ss.from_jax(loss, W, V)]))


def test_a_function_is_traced_when_it_is_called():
    spec = LazyJax(jax.jit(loss))
    w, x = INTERVAL.tensor(W), INTERVAL.tensor(V)
    assert spec(w, x).tolist() == ss.from_jax(loss, W, V)(w, x).tolist()
    assert agrees(pickle.loads(pickle.dumps(LazyJax(loss)))(w, x), native(loss, [W, V])[0])
    assert agrees(LazyJax(lambda x, axis: jnp.cumsum(x, axis))(INTERVAL.tensor(X), ss.lift(1, INTERVAL)), X.cumsum(1))
    assert ss.crosscheck(spec, W, V, actual=native(loss, [W, V])[0]).explained
    assert ss.bounds(spec, W, V, vary={"x": ss.ball(0.1)}).width is not None


WEIGHTS = np.array([[0.5, -1.0, 0.25, 2.0], [1.0, 0.75, -0.5, 0.1]])


def plain(x):
    return jnp.sum(jnp.tanh(WEIGHTS @ x) * 0.1) + jax.nn.relu(x)[2]


JOBS = {
    "bounds": lambda f, x: ss.bounds(f, x, vary={"x": ss.ball("0.01")}),
    "prove": lambda f, x: ss.prove(f, x, vary={"x": ss.ball("0.01")}, at_most=9),
    "claim": lambda f, x: ss.prove(lambda x: f(x) < 9, x, vary={"x": ss.ball("0.01")}),
    "crosscheck": lambda f, x: ss.crosscheck(f, x, dtype="float64"),
    "tolerance": lambda f, x: ss.tolerance(f, x, vary={"x": ss.ball("0.01")}),
    "ranges": lambda f, x: ss.ranges(f, x, vary={"x": ss.ball("0.01")}),
    "compare": lambda f, x: ss.compare(f, x)["interval"].value.shape,
    "derive": lambda f, x: ss.derive(f, ss.Dim(4)),
    "prepare": lambda f, x: ss.prepare(f, x, inputs="x")(x),
    "batched": lambda f, x: ss.batched(f, over="x")(INTERVAL.tensor(np.stack([x, x]))),
    "grad": lambda f, x: ss.grad(f)(INTERVAL.tensor(x)),
    "hessian": lambda f, x: ss.hessian(f)(CONTEXTS["float64"].tensor(x)),
    "as_spec": lambda f, x: ss.as_spec(f)(INTERVAL.tensor(x)),
}


@pytest.mark.parametrize("made", [lambda f: f, jax.jit], ids=["plain", "jit"])
@pytest.mark.parametrize("job", JOBS)
def test_every_job_takes_a_function_of_jax(job, made):
    x = np.array([0.5, -1.0, 2.0, 0.25])
    found = JOBS[job](made(plain), x)
    if job in ("prove", "claim"):
        assert found.status == "proved"
    if job in ("grad", "as_spec"):
        wanted = {"grad": jax.grad(plain), "as_spec": plain}[job](x)
        assert encloses(found, np.asarray(wanted, dtype=float), slack=1e-5)  # which JAX has in float32


CALLS = {
    "jnp": lambda t: jnp.exp(t),
    "reduction": lambda t: jnp.sum(t),
    "product": lambda t: jnp.dot(t, t),
    "array on the left": lambda t: jnp.ones(4) * t,
    "nn": lambda t: jax.nn.silu(t),
    "jit": lambda t: jax.jit(lambda x: x * 2)(t),
    "array": lambda t: jnp.asarray(t),
    "truth": lambda t: jnp.where(t > 0, 1.0, 0.0),
}
OF_JAX = {"lax": lambda t: lax.exp(t), "custom jvp": lambda t: jax.nn.relu(t)}


@pytest.mark.parametrize("name", [*CALLS, *OF_JAX])
def test_jax_functions_of_tensors_say_what_reads_them(name):
    t = INTERVAL.tensor(V)
    with pytest.raises(JaxCode if name in CALLS else (JaxCode, TypeError)) as told:
        {**CALLS, **OF_JAX}[name](t)
    assert asks_for_jax(told.value)
    assert not asks_for_jax(TypeError("another one"))
    assert agrees(t + jnp.ones(4), V + 1)
