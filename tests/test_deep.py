"""Graphs of thousands of operations one after the other: every door answers, or says that it is too large, and none
walks by recursion.
"""

import copy
import pickle

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.core.digest import digest
from scalarspec.errors import TooLarge
from scalarspec.formulas.programs.printer import DEPTH
from scalarspec.theory.polynomials import LONGEST
from scalarspec.theory.prove import prove_equal, prove_monotone, prove_nonnegative
from scalarspec.tracing.scalar_graph import node, topological

STEPS = 1500
"""Of two operations each."""
NEAR = {"vary": {"x": ss.ball("0.001")}}


def chain(x):
    y = x
    for _ in range(STEPS):
        y = ss.tanh(y + x)
    return y


def folded(x):
    """The greatest of many numbers."""
    best = x[0]
    for i in range(1, 500):
        best = ss.maximum(best, x[i])
    return best


def doubled(x):
    """Each step holds the last one twice: written out, there are 2⁶⁰ operations."""
    y = x
    for _ in range(60):
        y = ss.tanh(y) * y
    return y


SYMBOLIC = ss.context("symbolic")
VALUE, SLOPE = (t.item() for t in ss.value_and_grad(chain)(ss.context("float64").tensor(0.3)))


def run(text):
    space = {}
    exec(text, space)
    return space["spec"]


def derived(spec=chain):
    return ss.derive(spec, ss.Shape(()))


DOORS = {
    "derive": lambda: "3000 operations" in repr(derived()),
    "text": lambda: str(derived()).startswith("t_0 = "),
    "latex": lambda: derived().latex().startswith(r"\begin{aligned}"),
    "plain data": lambda: derived().to_json()["operations"] == 2 * STEPS,
    "python": lambda: np.allclose(run(derived().python(wrt="x"))(0.3), (VALUE, SLOPE), rtol=1e-9),
    "c99": lambda: "tanh(" in derived().c99(wrt="x"),
    "lean": lambda: "Real.tanh" in derived().lean(),
    "derivative": lambda: derived().derivative("x").operations > 2 * STEPS,
    "matrix form": lambda: "∂chain/∂x = " in str(ss.matrix_form(chain, ss.Shape(()))),
    "matrix form in latex": lambda: "t_{" in ss.matrix_form(chain, ss.Shape(())).latex(),
    "matrix form in python": lambda: np.isclose(
        run(ss.matrix_form(chain, ss.Shape(())).python())(0.3)[1]["x"], SLOPE, rtol=1e-9
    ),
    "gradient": lambda: np.isclose(ss.inf(ss.grad(chain)(ss.context("interval").tensor(0.3))), SLOPE, rtol=1e-9),
    "hessian": lambda: np.isfinite(ss.hessian(chain)(ss.context("float64").tensor(0.3)).item()),
    "batched": lambda: np.allclose(ss.batched(ss.grad(chain), "x")(ss.context("float64").tensor([0.3, 0.3])), SLOPE),
    "prepare": lambda: np.isclose(ss.prepare(chain, 0.3, inputs="x")(0.3).item(), VALUE),
    "bounds": lambda: ss.bounds(chain, 0.3, method="linear", **NEAR).width < 0.01,
    "prove": lambda: ss.prove(chain, 0.3, at_most=1, **NEAR).proved,
    "tolerance": lambda: 0 < ss.tolerance(chain, 0.3, **NEAR).absolute < 1e-12,
    "ranges": lambda: ss.ranges(chain, 0.3, **NEAR).operations == 2 * STEPS,
    "crosscheck": lambda: ss.crosscheck(chain, 0.3, actual=VALUE).max_ulps < 100,
    "nonnegative": lambda: prove_nonnegative(chain, ss.Shape(()), over={"x": ss.box(0, 1)}).proved,
    "equal": lambda: prove_equal(chain, chain, ss.Shape(())).proved,
    "a symbol's repr": lambda: "an expression of 3000 operations" in repr(chain(SYMBOLIC.symbols("x"))),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_on_three_thousand_operations(door):
    assert DOORS[door]()


@pytest.mark.parametrize("spec", [chain, doubled])
def test_what_no_one_can_read_is_too_large(spec):
    with pytest.raises(TooLarge):
        derived(spec).gradient("x")
    with pytest.raises(TooLarge):
        spec(SYMBOLIC.symbols("x")).item()


def test_what_occurs_twice_is_written_once():
    form = ss.matrix_form(doubled, ss.Shape(()))
    lines = str(form).split("\n")
    assert max(map(len, lines)) < 2**DEPTH
    assert np.isclose(run(form.python())(0.5)[0], run(derived(doubled).python())(0.5))
    text = str(prove_nonnegative(lambda x: ss.square(doubled(x)), ss.Shape(())).steps)
    assert len(text) < 8 * LONGEST


def test_a_fold_over_rows_has_a_matrix_form():
    text = str(ss.matrix_form(folded, ss.Dim(500)))
    assert "sizes from 500 on" in text
    assert "t_0 = max(" in text


def test_a_network_of_a_thousand_layers_has_a_matrix_form():
    def network(w, x):
        for _ in range(1000):
            x = ss.tanh(w @ x)
        return ss.sum(x)

    form = ss.matrix_form(network, ss.Shape((2, 2)), ss.Dim(2))
    w, x = np.array([[0.5, 1.0], [-1.0, 0.25]]), np.array([0.1, 0.2])
    value, gradients = run(form.python())(w, x)
    expected, slope = ss.value_and_grad(network)(*map(ss.context("float64").tensor, (w, x)))
    assert np.isclose(value, expected.item())
    assert np.allclose(gradients["w"], np.asarray(slope))


def test_deep_things_are_copied_pickled_and_hashed():
    t = chain(SYMBOLIC.symbols("x"))
    again = pickle.loads(pickle.dumps(t))
    assert again.scalars()[()] is copy.deepcopy(t).scalars()[()] is t.scalars()[()]
    form = ss.matrix_form(chain, ss.Shape(()))
    for other in (pickle.loads(pickle.dumps(form)), copy.deepcopy(form)):
        assert str(other) == str(form)
    assert len(repr(form)) < 200
    assert str(copy.deepcopy(derived())) == str(derived())
    assert len(digest(chain)) == 64


def test_shallow_formulas_are_as_they_were():
    def few(x):
        for _ in range(DEPTH // 5):
            x = ss.tanh(x) + 1
        return x

    assert "t_0" not in str(derived(few))
    assert "t_0" not in str(ss.matrix_form(few, ss.Shape(())))
    long = lambda x: sum((x[i] for i in range(1, 100)), x[0])  # noqa: E731
    assert str(ss.derive(long, ss.Dim(100))).count("+") == 99


def test_conditions_on_deep_symbols_are_kept():
    def gated(x):
        for _ in range(40):
            x = ss.where(x > 0, x * 2, x - 1)
        return x

    program = run(derived(gated).python(wrt="x"))
    assert program(1.0) == (2.0**40, 2.0**40)
    assert program(-1.0) == (-41, 1)


def test_gradients_of_too_many_conditions_within_conditions_are_refused():
    def gated(x):
        for _ in range(400):
            x = ss.where(x > 0, x * 2, x - 1)
        return x

    with pytest.raises(TooLarge, match="conditions within conditions"):
        derived(gated).python(wrt="x")


def test_names_that_are_taken_are_left_to_their_owners():
    def own(t_0):
        return ss.stage("t_1", chain(t_0)) * 2

    lines = [line.partition(" = ")[0] for line in str(derived(own)).split("\n")]
    assert len(set(lines)) == len(lines)
    assert "t_0" not in lines
    assert np.isclose(run(derived(own).python())(0.3), 2 * VALUE)


def test_the_walk_gives_each_once_after_its_operands():
    x = node("leaf", SYMBOLIC.symbols("x").item())
    deep = x
    for _ in range(20_000):
        deep = node("exp", deep)
    walked = list(topological([deep], lambda each: () if each is x else each.args))
    assert (walked[0], walked[-1], len(walked), deep.depth) == (x, deep, 20_001, 20_000)


def test_a_monotone_proof_of_a_deep_chain():
    def short(x):
        y = x
        for _ in range(150):
            y = ss.tanh(y + x)
        return y

    assert prove_monotone(short, "x", ss.Shape(()), over={"x": ss.box(0, "0.1")}).proved


def test_gradients_of_wide_operations_are_not_put_into_words(monkeypatch):
    """For each element of a kink there was a message, which nobody read, with its expression."""
    context, asked = ss.context("symbolic"), []
    text = type(context).text
    monkeypatch.setattr(type(context), "text", lambda self, x: asked.append(x.depth) or text(self, x))
    found = ss.derive(lambda x: ss.max(ss.relu(ss.cumulative_sum(x))), ss.Dim(200))
    assert "ss_maximum(" in found.c99(wrt="x")
    assert set(asked) == {0}
