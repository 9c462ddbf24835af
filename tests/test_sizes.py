"""Sizes that notice who looks: what is claimed for any sizes is claimed of specs that look at none."""

import math
import operator
import pickle
from fractions import Fraction

import fuzz_theory
import numpy as np
import pytest

import scalarspec as ss
from scalarspec.core import sizes
from scalarspec.core.sizes import Size, watched
from scalarspec.errors import ArgumentError, NotSupported, ScalarSpecError
from scalarspec.theory import Opaque, prove_equal, prove_monotone, prove_nonnegative

V = ss.Dim(4)


def squares(x):
    return ss.sum(ss.square(x))


def _matched(n):
    match n:
        case 3:
            return True
    return False


def _counted(x):
    count = 0
    while count < x.size:
        count += 1
    return count == 3


def _fails(work):
    try:
        work()
    except Exception:
        return True
    return False


LOOKS = {
    "len": lambda x: len(x) == 3,
    "the length of a part": lambda x: len(x[1:]) == 2,
    "shape": lambda x: x.shape == (3,),
    "shape !=": lambda x: not (x.shape != (3,) or x.ndim != 1),
    "operator.ne": lambda x: not operator.ne((3,), x.shape),
    "shape[0]": lambda x: x.shape[0] == 3,
    "shape[-1]": lambda x: x.shape[-1] <= 3,
    "size": lambda x: x.size == 3,
    "outer": lambda x: x.shape.outer == 3,
    "shape.size": lambda x: x.shape.size < 4,
    "a sum of sizes": lambda x: x.size + 1 == 4,
    "a difference": lambda x: x.size - 3 == 0,
    "a product": lambda x: 2 * x.size == 6,
    "the truth of a difference": lambda x: not x.size - 3,
    "remainder": lambda x: x.size % 1009 == 3,
    "quotient": lambda x: x.size // 2 == 1,
    "divmod": lambda x: divmod(x.size, 4) == (0, 3),
    "power": lambda x: x.size**2 == 9,
    "bits": lambda x: x.size & 1023 == 3,
    "true division": lambda x: x.size / 3 == 1,
    "match": lambda x: _matched(x.shape[0]),
    "range": lambda x: len(range(x.size)) == 3,
    "a loop": _counted,
    "iteration": lambda x: sum(1 for _ in x) == 3,
    "a list of it": lambda x: len(list(x)) == 3,
    "zip": lambda x: len(list(zip(x, "abc", strict=False))) == 3 and x.size < 4,
    "sorted": lambda x: sorted([3.5, x.size])[0] != 3.5,
    "max": lambda x: max(x.size, 3) == 3,
    "a dictionary": lambda x: {3: True}.get(x.size, False),
    "a dictionary of shapes": lambda x: {(3,): True}.get(x.shape, False),
    "a set": lambda x: x.size in {3},
    "in": lambda x: x.shape[0] in (3, 5),
    "the shape has": lambda x: 3 in x.shape,
    "index": lambda x: not _fails(lambda: x.shape.index(3)),
    "count": lambda x: x.shape.count(3) == 1,
    "hash": lambda x: hash(x.shape) == hash((3,)),
    "int": lambda x: int(x.shape[0]) == 3,
    "float": lambda x: float(x.size) == 3.0,
    "operator.index": lambda x: operator.index(x.size) == 3,
    "math": lambda x: math.sqrt(x.size) < 1.8,
    "text": lambda x: str(x.shape) == "(3,)",
    "an f-string": lambda x: f"{x.size}" == "3",
    "repr": lambda x: repr(x.size) == "3",
    "a fraction": lambda x: Fraction(x.size, 3) == 1,
    "times a fraction": lambda x: x.size * Fraction(1, 3) == 1,
    "NumPy's array": lambda x: bool((np.asarray(x.shape) == 3).all()),
    "NumPy's product": lambda x: bool(np.prod(x.shape) == 3),
    "an array of that shape": lambda x: np.zeros(x.shape).size == 3,
    "an array filled": lambda x: np.full(x.shape, 1.0).sum() == 3,
    "a list of that length": lambda x: len([0] * x.size) == 3,
    "the text of the tensor": lambda x: "(3,)" in repr(0 * x),
    "its numbers": lambda x: len((0 * x).tolist()) == 3,
    "its scalars": lambda x: (0 * x).scalars().size == 3,
    "pickle": lambda x: pickle.loads(pickle.dumps(x.size)) == 3,
    "another's shape": lambda x: ss.outer(x, x).shape == (3, 3),
    "a gradient's shape": lambda x: ss.grad(squares)(x).shape[0] == 3,
    "a last place": lambda x: x.size < 4 and x[x.size - 1] is not None,
    "what fits": lambda x: not _fails(lambda: x + x.context.tensor([1, 2, 3])),
    "what reshapes": lambda x: not _fails(lambda: ss.reshape(x, (3, 1))),
    "what multiplies": lambda x: not _fails(lambda: x @ x.context.tensor(np.eye(3))),
    "every other one": lambda x: x[::2].size == 2 and x.size < 4,
}


def branching(look, first, second):
    """first, but second where a look says 3."""
    return lambda x: second(x) if look(x) else first(x)


@pytest.mark.parametrize("name", LOOKS)
def test_a_spec_that_looks_at_its_sizes_is_proved_for_the_given_ones_only(name):
    look, four, three = (
        LOOKS[name],
        ss.context("rational").tensor([1, 2, 3, 4]),
        ss.context("rational").tensor([1, 2, 3]),
    )
    assert (bool(look(four)), bool(look(three))) == (False, True)
    spec = branching(look, squares, ss.sum)
    found = prove_nonnegative(spec, V)
    assert (found.status, found.scope) == ("proved", "the given sizes, all reals")
    assert prove_nonnegative(spec, ss.Dim(3)).status != "proved"
    found = prove_equal(spec, squares, V)
    assert (found.status, found.scope) == ("proved", "the given sizes")
    assert prove_equal(spec, squares, ss.Dim(3)).status == "refuted"

    def rising(x, t):
        return (-t if look(x) else t) * squares(x)

    found = prove_monotone(rising, "t", V, ss.Scalar)
    assert (found.status, "any sizes" in found.scope) == ("proved", False)
    with pytest.raises(NotSupported):
        ss.matrix_form(spec, V)


@pytest.mark.parametrize("name", LOOKS)
def test_a_hypothesis_that_looks_is_seen_too(name):
    given = branching(LOOKS[name], ss.mean, lambda x: 1 + 0 * ss.sum(x))
    found = prove_equal(lambda x: 2 * ss.mean(x), lambda x: 0 * ss.mean(x), V, given=[given])
    assert (found.status, found.scope) == ("proved", "the given sizes")


HARMLESS = {
    "the rank": lambda x: x * len(x.shape) * x.ndim,
    "isinstance": lambda x: x if isinstance(x.shape[0], int) and isinstance(x.size, int) else 0 * x,
    "is it a size": lambda x: x if hasattr(x.shape[0], "__index__") else 0 * x,
    "a size as a factor": lambda x: x * x.size,
    "a size as a divisor": lambda x: x / x.shape[0],
    "sums of sizes": lambda x: x * (x.size + 2 * x.shape[0] - 1),
    "math.prod": lambda x: x * math.prod(x.shape),
    "broadcast": lambda x: ss.broadcast_to(ss.sum(x), x.shape),
    "reshape": lambda x: ss.reshape(ss.reshape(x, (x.size, 1)), x.shape),
    "a gradient": lambda x: ss.grad(squares)(x),
    "an index": lambda x: x * x[0],
    "a model of ours": lambda x: x - ss.mean(x),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_computes_with_sizes_is_proved_for_any(name):
    spec = HARMLESS[name]
    assert prove_equal(lambda x: 2 * squares(spec(x)), lambda x: squares(spec(x)) * 2, V).scope == "any sizes"


def test_sizes_end_where_their_watch_does():
    with watched() as watch:
        (n,) = ss.Shape((1009,))
        assert type(n) is Size
        assert not watch.looked
        assert n == 1009
        assert watch.looked
        assert type(ss.Shape((5,))[0]) is int
    assert type(ss.Shape((1009,))[0]) is int
    assert not isinstance(ss.context("float64").tensor(np.zeros(1009)).size, Size)


def test_indices_and_slices_need_sizes_that_they_fit():
    def halves(x):
        return 2 * ss.mean(x[:2])

    found = prove_equal(halves, lambda x: ss.sum(x[:2]), V)
    assert (found.status, found.scope) == ("proved", "any sizes of at least 2")
    assert prove_equal(halves, lambda x: ss.sum(x[:2]), ss.Dim(1)).status == "refuted"
    for index, least in ((2, 3), (-2, 2), (slice(1, None), 1), (slice(None, -3), 3), (slice(2, -2), 4)):
        scope = "any sizes" + f" of at least {least}" * (least > 1)
        assert prove_equal(lambda x, i=index: ss.sum(x[i]) * 2, lambda x, i=index: 2 * ss.sum(x[i]), V).scope == scope
    form = ss.matrix_form(lambda x: ss.sum(ss.square(x[0, 2] * x[1])), ss.Shape((3, 4)))
    assert str(form).split("\n")[0] == "x: (n, m); sizes from 3 on"


def test_sizes_of_one_stay_what_they_are():
    found = prove_equal(lambda x, y: ss.mean(x) + ss.sum(y), lambda x, y: ss.sum(x) + ss.sum(y), ss.Dim(1), V)
    assert (found.status, found.scope) == ("proved", "any sizes in the place of those over 1")


def test_what_fails_at_large_sizes_is_looked_at_for_the_given_ones():
    found = prove_equal(lambda x: x.size * 0.5 * ss.sum(x), lambda x: 2 * ss.sum(x), V)  # no float is a size
    assert (found.status, found.scope) == ("proved", "the given sizes")


# ---- what else a verdict may claim ----------------------------------------------------------------------------------


def test_regions_are_said_as_they_are():
    found = prove_nonnegative(lambda x: x[0], ss.Dim(2), over={"x": ss.box([0, -5], [1, 5])})
    assert (found.status, found.scope) == ("proved", "the given sizes, x in [0, 1] × [-5, 5]")
    with pytest.raises(ArgumentError, match=r"over: expected a box, or a ball of the largest element, for 'x'"):
        prove_nonnegative(lambda x: 1 - squares(x), ss.Dim(2), over={"x": ss.ball(1, norm=2)})
    with pytest.raises(ArgumentError, match="over: expected lower <= upper for 'x'"):
        prove_nonnegative(lambda x: x - 5, ss.Scalar, over={"x": ss.box(1, 0)})


@pytest.mark.parametrize(
    "given", [lambda x: 1 + 0 * x, lambda x: x * x + 1, lambda x: ss.exp(x), lambda x: ss.square(x) + "1/4"]
)
def test_nothing_is_proved_from_what_never_holds(given):
    assert prove_equal(lambda x: x, lambda x: x + 1, ss.Scalar, given=[given]).status != "proved"
    assert prove_equal(given, lambda x: 0 * x, ss.Scalar, given=[given]).status == "undecided"


def test_one_map_at_tensors_of_two_shapes_is_two_maps():
    found = prove_equal(lambda f, x, y: f(0 * x), lambda f, x, y: f(0 * y), Opaque("f", 2), ss.Dim(3), ss.Dim(4))
    assert found.status != "proved"


def test_sums_of_nothing():
    assert prove_nonnegative(lambda x: squares(x) + 1, ss.Dim(0)).status == "proved"
    assert prove_nonnegative(lambda x: squares(x) - 1, ss.Dim(0)).status == "refuted"


def test_zeros_are_numbers():
    assert prove_nonnegative(squares, V, zero={"x": "0"}).proved
    with pytest.raises(ScalarSpecError, match="expected a number"):
        prove_nonnegative(squares, V, zero={"x": np.zeros(4)})


def test_what_a_matrix_form_refuses_it_names():
    with pytest.raises(NotSupported, match=r"<lambda> looks at its sizes, .* compute with t.size and t.shape\[i\]"):
        ss.matrix_form(lambda x: ss.sum(x) / len(x), V)
    assert "1/n" in str(ss.matrix_form(lambda x: ss.sum(x) / x.size, V))


def test_verdicts_on_random_specs_hold():
    """A share of `make fuzz`."""
    found, mistaken = fuzz_theory.run(seed=4, count=120)
    assert mistaken == []
    assert {status for _, status, _ in found} >= {"proved", "refuted"}
    assert any(large for _, _, large in found)


def test_the_fuzzer_finds_a_verdict_that_claims_too_much(monkeypatch):
    """As all did of any sizes, before sizes noticed a look."""
    monkeypatch.setattr(sizes.Watch, "looked", property(lambda watch: False, lambda watch, value: None))
    assert fuzz_theory.run(seed=4, count=300)[1]


@pytest.mark.parametrize(
    ("spec", "shapes"),
    [
        (lambda x: ss.sum(x * x) * (x.size - 2), [ss.Dim(3)]),
        (lambda x: ss.sum(x * x) * (x.shape[0] - 2), [ss.Dim(3)]),
        (lambda x: ss.sum(x * x) * (ss.sum(0 * x + 1) - 2), [ss.Dim(3)]),
        (lambda x, y: ss.sum(x * x) * (y.size - x.size), [ss.Dim(3), ss.Dim(4)]),
    ],
)
def test_a_factor_whose_sign_a_size_decides_proves_nothing_for_other_sizes(spec, shapes):
    found = ss.theory.prove_nonnegative(spec, *shapes)
    assert "any sizes" not in found.scope
    assert "any sizes" in ss.theory.prove_nonnegative(lambda x: ss.sum(x * x) / x.size, ss.Dim(3)).scope
