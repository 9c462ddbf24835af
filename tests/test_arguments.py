"""Arguments as people have them: every kind of number, through every door. What cannot be read exactly is refused by
name, and NumPy's and PyTorch's functions on our tensors say which of ours to write.
"""

import copy
import pickle
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

import scalarspec as ss
from scalarspec.core.whole import Whole
from scalarspec.errors import ArgumentError, DomainError, NotExact, NotSupported, ScalarSpecError
from scalarspec.theory.prove import prove_monotone, prove_nonnegative

FLOAT, BOX, Q = (ss.context(name) for name in ("float64", "interval", "rational"))
CONTEXTS = ["float64", "float32", "interval", "interval64", "rounding", "rational", "symbolic"]


class Column:
    """As pandas has them: NumPy reads it."""

    def __init__(self, data, dtype=None):
        self.data = np.asarray(data, dtype=dtype)
        self.dtype = self.data.dtype

    def __array__(self, dtype=None, copy=None):
        return self.data if dtype is None else self.data.astype(dtype)


class Parameter:
    """As PyTorch has them: with a gradient, and in a format that NumPy lacks."""

    def __init__(self, data, attached=True, narrow=True, floating=True):
        self.data, self.attached, self.narrow, self.floating = np.asarray(data), attached, narrow, floating
        self.shape = self.data.shape

    def detach(self):
        return Parameter(self.data, False, self.narrow, self.floating)

    def cpu(self):
        return self

    def double(self):
        return Parameter(self.data.astype(np.float64), False, False)

    def is_floating_point(self):
        return self.floating

    def element_size(self):
        return 2 if self.narrow else 8

    def __array__(self, dtype=None, copy=None):
        if self.attached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self.narrow:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.data


VECTORS = {
    "a list": [1.0, 2.0],
    "a list of integers": [1, 2],
    "a tuple": (1.0, 2.0),
    "a tuple of integers": (1, 2),
    "texts": ["1", "4/2"],
    "decimals": [Decimal(1), Decimal(2)],
    "fractions": [Fraction(1), 2],
    "objects": np.array([Fraction(1), 2], dtype=object),
    "texts in an array": np.array(["1", "2"]),
    "a column": Column([1.0, 2.0]),
    "a column of labels": Column([1, 2]),
    "a parameter": Parameter([1.0, 2.0]),
    "labels": Parameter([1, 2], narrow=False, floating=False),
    **{
        name: np.array([1, 2], dtype=name)
        for name in ("float16", "float32", "float64", "longdouble", "int8", "uint8", "int64", "uint64", ">f8")
    },
}
REFUSED = {
    "masked": (np.ma.array([1.0, 2.0], mask=[0, 1]), "masked array"),
    "masked nowhere": (np.ma.array([1.0, 2.0]), "masked array"),
    "complex": (np.array([1, 2j]), "complex128"),
    "dates": (np.array([1, 2], "M8[s]"), "datetime64"),
    "times": (np.array([1, 2], "m8[s]"), "timedelta64"),
    "bytes": (np.array([b"1", b"2"]), r"\|S1"),
    "records": (np.zeros(2, dtype=[("a", int)]), r"\[\('a'"),
    "no array": (Parameter([1.0, 2.0], narrow=False, floating=None), "cannot read"),
}
REFUSED["no array"][0].detach = lambda: REFUSED["no array"][0]
SCALARS = {
    "an integer": 2,
    "a text": "2",
    "a ratio": "4/2",
    "a Fraction": Fraction(2),
    "a Decimal": Decimal(2),
    "a float": 2.0,
    "an array": np.array(2.0),
    "a parameter": Parameter(2.0),
    **{name: np.dtype(name).type(2) for name in ("float16", "float32", "float64", "longdouble", "int8", "uint64")},
}


def spec(x, y):
    """y Σ x², which is 10 where x = (1, 2) and y = 2."""
    return ss.sum(ss.square(x)) * y


NEAR = {"y": ss.ball("0.1")}
JOBS = {
    "bounds": lambda x, y: 9.49 < ss.bounds(spec, x, y, vary=NEAR).lower <= 9.5,
    "bounds of it": lambda x, y: ss.bounds(spec, x, y, vary={"x": ss.ball(0)}).lower <= 10,
    "a box of it": lambda x, y: ss.bounds(spec, [0, 0], y, vary={"x": ss.box(x, x)}, method="interval").upper == 10,
    "prove": lambda x, y: ss.prove(spec, x, y, vary=NEAR, at_most="10.6").proved,
    "tolerance": lambda x, y: 0 < ss.tolerance(spec, x, y, vary=NEAR).absolute < 1e-13,
    "ranges": lambda x, y: ss.ranges(spec, x, y, vary=NEAR).operations > 0,
    "crosscheck": lambda x, y: ss.crosscheck(spec, x, y, actual=np.float64(10)).exact == 10,
    "compare": lambda x, y: ss.compare(spec, x, y, backends=["rational"])["rational"].value.item() == 10,
    "derive": lambda x, y: ss.derive(spec, x, ss.Shape(())).gradient("y") == 5,
    "prepare": lambda x, y: ss.prepare(spec, x, y, inputs="x")(x).item() == 10,
}


@pytest.mark.parametrize("kind", VECTORS)
@pytest.mark.parametrize("job", JOBS)
def test_every_kind_of_vector_through_every_door(job, kind):
    assert JOBS[job](VECTORS[kind], 2)


@pytest.mark.parametrize("kind", SCALARS)
@pytest.mark.parametrize("job", JOBS)
def test_every_kind_of_number_through_every_door(job, kind):
    assert JOBS[job]([1, 2], SCALARS[kind])


@pytest.mark.parametrize("kind", VECTORS)
@pytest.mark.parametrize("backend", CONTEXTS)
def test_every_kind_in_every_context(backend, kind):
    t = ss.context(backend).tensor(VECTORS[kind])
    assert t.shape == (2,)
    assert [t.context.exact_value(s) if t.context.exact or t.context.rounds else t.context.endpoints(s)[0]
            for s in t.scalars()] == [1, 2]  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_by_name_through_every_door(kind):
    data, told = REFUSED[kind]
    for name in CONTEXTS:
        with pytest.raises(ArgumentError, match=told):
            ss.context(name).tensor(data)
    for job in JOBS.values():
        with pytest.raises(ArgumentError, match=told):
            job(data, 2)
    with pytest.raises(ArgumentError, match=f"x: expected .*{told}"):
        ss.crosscheck(spec, data, 2, actual=10.0)
    for door in (
        lambda: BOX.box(data, data),
        lambda: FLOAT.tensor(1.0) * data,
        lambda: ss.lift({"w": data}, "interval"),
    ):
        with pytest.raises(ArgumentError, match=told):
            door()
    with pytest.raises(ScalarSpecError):
        ss.crosscheck(lambda x: x, [1.0, 2.0], actual=data)


@pytest.mark.parametrize("value", [np.complex64(2), np.datetime64(1, "s"), np.timedelta64(1, "s"), 2j, None, b"2"])
def test_scalars_that_are_no_real_numbers_are_refused(value):
    with pytest.raises(ArgumentError, match=r"expected a (number|Tensor)"):
        ss.crosscheck(lambda x, k: ss.exp(k) * x, 1.0, value, actual=1.0)
    with pytest.raises(ArgumentError, match="expected a number"):
        Q.tensor(value)


def test_the_place_in_a_model_is_named():
    with pytest.raises(ArgumentError, match=r"model\.layers\.1: expected an array without a mask"):
        ss.compare(lambda model, x: x, {"layers": [1, np.ma.array([1.0])]}, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("job", [job for job in JOBS if job not in ("a box of it", "prepare")])
def test_what_is_no_real_number_is_named_with_its_place(job, bad):
    for data in (np.array([1, bad]), np.float32([1, bad]), [1, bad]):
        with pytest.raises(DomainError, match=rf"^x\[1\]: {bad} is not a real number"):
            JOBS[job](data, 2)
    if job != "derive":  # where y is a symbol
        with pytest.raises(DomainError, match=rf"^y: {bad} is not a real number"):
            JOBS[job]([1, 2], bad)


def test_what_is_no_real_number_is_named_wherever_it_is():
    model = ss.layers.Linear(np.array([[1.0, np.nan]]), np.zeros(1))
    x, near = np.ones(2), {"x": ss.ball(1)}
    hole = np.array([0.0, np.nan])
    for told, door in {
        r"net\.weight\[0, 1\]": lambda: ss.bounds(lambda net, x: net(x), model, x, vary=near),
        r"\w+\.weight\[0, 1\]": lambda: ss.bounds(lambda net, x: net(x), model, x, vary={"net": ss.ball(1)}),
        r"model\.weight\[0, 1\]": lambda: ss.lift(model, "interval"),
        r"xs\.1\[1\]": lambda: ss.crosscheck(lambda xs: ss.sum(xs[0]) + ss.sum(xs[1]), [x, hole]),
        r"args\.1\[1\]": lambda: ss.grad(lambda x, y: ss.sum(x * y))(BOX.tensor(x), hole),
        r"data in the spec\[0, 1\]": lambda: ss.bounds(model, x, vary=near),
        r"data in the spec\[1\]": lambda: ss.crosscheck(lambda x: ss.sum(x * hole), x),
        r"vary: the upper end of x\[1\]": lambda: ss.bounds(ss.exp, x, vary={"x": ss.box(np.zeros(2), hole)}),
        r"vary: the lower end of x\[0\]": lambda: ss.bounds(ss.exp, x, vary={"x": ss.box(np.nan, 1)}),
        r"inputs: mu\[1\]": lambda: ss.audit(lambda m, v: 0.0, "gaussian-kl", inputs={"mu": hole, "logvar": x}),
    }.items():
        with pytest.raises(DomainError, match=f"^{told}: nan is not a real number"):
            door()
    ends = np.float32([-np.inf, 0]), np.float32([1, np.inf])
    assert ss.bounds(ss.tanh, x, vary={"x": ss.box(*ends)}).upper[1] == 1


def test_torch_is_read_exactly():
    torch = pytest.importorskip("torch")
    for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float8_e4m3fn, torch.int64):
        t = torch.tensor([1.0, 2.0]).to(dtype)
        assert Q.tensor(t).tolist() == [1, 2]
        assert ss.crosscheck(spec, t, 2, actual=10.0).exact == 10
    weight = torch.nn.Parameter(torch.tensor([0.1, 0.2]))
    assert Q.tensor(weight).tolist() == [Fraction(float(np.float32(v))) for v in (0.1, 0.2)]
    lower, upper = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0])
    assert ss.bounds(spec, weight, 2, vary={"x": ss.box(lower, upper)}).upper == 4
    with pytest.raises(TypeError, match=r"torch.exp .*write ss.exp"):
        torch.exp(FLOAT.tensor([1.0]))
    assert (torch.tensor([1.0]).double() + FLOAT.tensor([1.0])).tolist() == [2.0]


def test_pandas_columns_are_read():
    pandas = pytest.importorskip("pandas")
    assert ss.crosscheck(spec, pandas.Series([1.0, 2.0]), 2, actual=10.0).exact == 10


# ---- whole numbers --------------------------------------------------------------------------------------------------


def test_integers_index_and_count_and_are_numbers():
    def picked(x, label, count):
        assert isinstance(label, int)
        assert {1: "one"}[label] == "one"
        total = x[label] + sum(range(count)) + label % 2
        return total * (label / 3) + ss.exp(label - 1) + ss.reshape(x, (count,))[label]

    for value in (1, np.int64(1), np.uint8(1)):
        found = ss.compare(picked, [1.0, 2.0], value, 2, backends=["rational"])["rational"].value
        assert found.item() == (2 + 1 + 1) * Fraction(1, 3) + 1 + 2


def test_integers_are_divided_exactly():
    """Python's quotient of these is a float that is not it, and prints as one that is."""
    big = 10**17 + 1
    for f in (lambda x, k: x + k / 3, lambda x, k: x + (k * 2 - k) / 3, lambda x, k: x + 3 / (1 / k) / 9):
        found = ss.compare(f, 1.0, big, backends=["rational"])["rational"].value.item()
        assert found == 1 + Fraction(big, 3)
    for f in (lambda k: k * 0.1, lambda k: k / 0.1, lambda k: k - np.float64(0.1), lambda k: np.float64(0.1) * k):
        with pytest.raises(NotExact, match=r"0.1 is not exactly 1/10"):
            f(ss.lift(big, "rational"))
    assert (ss.lift(big, "rational") * np.array([0.5])).tolist() == [Fraction(big, 2)]
    assert (np.array([0.5]) * ss.lift(big, "rational")).tolist() == [Fraction(big, 2)]
    assert (np.array([1, 2]) + ss.lift(3, "rational")).dtype.kind == "i"
    with pytest.raises(NotExact, match=r"sqrt\(100000000000000001\) is not rational"):
        np.sqrt(ss.lift(big, "rational"))


def test_a_spec_of_integers_alone_has_a_value():
    assert ss.compare(lambda a, b: a * b - 1, 3, 2, backends=["rational"])["rational"].value.item() == 5
    assert ss.crosscheck(ss.exp, 1, actual=np.float64(np.e)).max_ulps < 1


def test_whole_numbers_travel_as_integers():
    k = Whole(3, Q)
    assert type(pickle.loads(pickle.dumps(k))) is int
    assert (k, -k, k + 1, 2 * k, k**2, abs(k), k.shape) == (3, -3, 4, 6, 9, 3, ())
    assert (k**-1).item() == Fraction(1, 3)
    assert type(copy.copy(k)) is int
    assert (k * [0], "ab" * k, 6 / k, k / 1, k // 2) == ([0] * 3, "ababab", 2, 3, 1)
    assert np.arange(k).tolist() == [0, 1, 2]
    assert [part.tolist() for part in np.divmod(np.arange(4), k)] == [[0, 0, 0, 1], [0, 1, 2, 0]]
    assert [type(v) for v in ss.lift([True, None, "relu"], "rational")] == [bool, type(None), str]


def test_arrays_of_labels_are_indices():
    def loss(logits, labels):
        return ss.stack([ss.logsumexp(row) - row[label] for row, label in zip(logits, labels, strict=True)])

    logits, labels = np.array([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0]]), np.array([2, 0])
    want = np.log(np.exp(logits).sum(1)) - logits[[0, 1], labels]
    assert np.all(ss.crosscheck(loss, logits, labels, actual=want).max_ulps < 8)
    assert np.all(np.abs(ss.bounds(loss, logits, labels, vary={"logits": ss.ball(0)}).lower - want) < 1e-9)
    with pytest.raises(TypeError, match="expected an integer, got 1/2"):
        range(Q.tensor("1/2"))
    with pytest.raises(TypeError, match="expected an integer, got"):
        range(BOX.box(0, 1))


def test_texts_that_are_no_numbers_stay():
    found = ss.compare(lambda x, how: {"twice": x + x}[how], 1.0, "twice", backends=["rational"])
    assert found["rational"].value.item() == 2
    exact = ss.compare(lambda x, a, b: x * (a + b), 1.0, "0.1", "0.2", backends=["rational"])["rational"].value.item()
    assert exact == Fraction(3, 10)


def test_masks_are_truths():
    def masked(x, mask):
        return ss.sum(ss.where(mask, x, 0))

    x, mask = np.array([1.0, 2.0, 4.0]), np.array([True, False, True])
    assert ss.crosscheck(masked, x, mask, actual=np.float64(5)).exact == 5
    assert ss.crosscheck(masked, x, mask.tolist(), actual=np.float64(5)).exact == 5
    assert type(ss.lift([[True], [False]], Q)) is type(ss.lift(mask, Q)) is ss.Truth
    assert ss.bounds(masked, x, mask, vary={"x": ss.ball(1)}).lower == 3
    counted = ss.compare(lambda p: p * 3 + (1 - p) + 2 * (p | ~p), mask, backends=["rational"])["rational"]
    assert counted.value.tolist() == [5, 3, 5]  # beside numbers they are 1 and 0


# ---- what to write --------------------------------------------------------------------------------------------------


def test_float_bool_and_arrays_of_tensors_say_what_to_do():
    assert float(FLOAT.tensor(0.5)) == 0.5
    for context in (BOX, Q):
        with pytest.raises(NotExact, match=r"is no float; t.item\(\)"):
            float(context.tensor(1))
    with pytest.raises(ss.errors.ShapeError, match="float: a tensor of shape"):
        float(FLOAT.tensor([1]))
    with pytest.raises(ss.errors.Undecided, match="write a comparison"):
        bool(FLOAT.tensor(1))
    with pytest.raises(NotExact, match="use endpoints"):
        np.asarray(BOX.tensor([1]), dtype=float)


WRONG = {
    "a ball": (ss.ball("0.1"), r'such as vary=\{"weights": ss.ball\("1/10"\)\}, got Ball'),
    "a Euclidean ball": (ss.ball(1, norm=2), r'ss.ball\("1", norm=2\)'),
    "a box": (ss.box(0, 1), r'such as vary=\{"weights": ss.box\(lower, upper\)\}'),
    "names": (["weights"], r'such as vary=\{"weights": ss.ball\(0.1\)\}, got \['),
    "a name": ("weights", r'such as vary=\{"weights"'),
    "pairs": ([("weights", ss.ball(1))], r'such as vary=\{"weights"'),
    "nothing": (None, "got None"),
    "a radius": ({"z": 0.1}, r"for 'z', got 0.1; write vary=\{\"z\": ss.ball\(0.1\)\}"),
    "ends": ({"z": [0, 1]}, r"for 'z', got \[0, 1\]; write"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_vary_says_what_to_write(kind):
    vary, told = WRONG[kind]
    f = lambda weights, z: ss.sum(weights) * z  # noqa: E731
    jobs = {"bounds": {}, "prove": {"at_most": 3}, "tolerance": {}, "ranges": {}}
    for job, more in jobs.items():
        with pytest.raises(ArgumentError, match=told):
            getattr(ss, job)(f, [1.0, 2.0], 3, vary=vary, **more)
    over = told.replace("vary", "over")
    if vary is not None:
        for proof in (
            lambda: prove_nonnegative(f, ss.Dim(2), ss.Shape(()), over=vary),
            lambda: prove_monotone(f, "weights", ss.Dim(2), ss.Shape(()), over=vary),
        ):
            with pytest.raises(ArgumentError, match=over):
                proof()


# ---- training loops -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    weight: Any
    bias: Any
    slope: int = 2

    def __call__(self, x):
        return ss.affine(self.weight, x, self.bias) * self.slope


def loss(model, x, y):
    return ss.mean(ss.square(ss.relu(model(x)) - y))


def total(model, x, y):
    return ss.mean(ss.batched(loss, over=("x", "y"))(model, x, y))


LAYER = Layer(np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([0.5, -0.5]))
ROWS, TARGETS = np.array([[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def near_to(t, want):
    """The gradient's numbers, or enclosures of them, beside exact ones."""
    exact = np.array([[Fraction(v) for v in row] for row in want])
    if t.context.encloses:
        return bool(ss.contains(t, exact).all()) and float(np.max(ss.sup(t) - ss.inf(t))) < 1e-10
    return bool(np.all(np.abs(np.array(t.tolist(), dtype=object) - exact) < (0 if t.context.exact else 1e-3) + 1e-30))


@pytest.mark.parametrize("name", CONTEXTS[:-1])
def test_a_mean_of_a_batched_loss_has_a_gradient_in_the_model(name):
    context = ss.context(name)
    model, x, y = ss.lift(LAYER, context), context.tensor(ROWS), context.tensor(TARGETS)
    exact = ss.lift(LAYER, Q), Q.tensor(ROWS), Q.tensor(TARGETS)
    rows = [ss.grad(loss)(exact[0], exact[1][i], exact[2][i]).weight for i in range(3)]
    want = ((rows[0] + rows[1] + rows[2]) / 3).tolist()
    value, gradient = ss.value_and_grad(total)(model, x, y)
    assert (type(gradient), gradient.slope, value.shape) == (Layer, 2, ())
    found = {
        "an argument": gradient,
        "data in a closure": ss.grad(lambda m: total(m, x, y))(model),
        "a model in a closure": ss.grad(
            lambda m: ss.mean(ss.batched(lambda x, y: loss(m, x, y), over=("x", "y"))(x, y))
        )(model),
    }
    for each in found.values():
        assert near_to(each.weight, want)
    values, rows = ss.batched(ss.value_and_grad(loss), over=("x", "y"))(model, x, y)
    assert (values.shape, rows.weight.shape, rows.bias.shape, rows.slope) == ((3,), (3, 2, 2), (3, 2), 2)
    assert near_to(ss.mean(rows.weight, axis=0), want)
    assert near_to(ss.mean(ss.batched(ss.grad(loss), over=("x", "y"))(model, x, y).weight, axis=0), want)


def test_names_are_kept_and_other_arguments_are_seen():
    model, x, y = ss.lift(LAYER, Q), Q.tensor(ROWS), Q.tensor(TARGETS)
    for derived in (ss.grad(loss), ss.value_and_grad(loss), ss.hessian(loss, 1)):
        assert ss.batched(derived, over=("x", "y"))(model, x, y) is not None
    of_x = ss.grad(lambda m: ss.sum(ss.grad(loss, 1)(m, x[0], y[0])))(model).weight
    inner = ss.grad(lambda m: ss.sum(ss.grad(lambda z: loss(m, z, y[0]))(x[0])))(model).weight
    assert of_x.tolist() == inner.tolist() == [[Fraction(v) for v in row] for row in inner.tolist()]
    with pytest.raises(NotSupported, match="a function among its results"):
        ss.batched(ss.vjp(loss), over=("x", "y"))(model, x, y)


def test_ten_steps_of_descent_fall():
    model, x, y = ss.lift(LAYER, FLOAT), FLOAT.tensor(ROWS), FLOAT.tensor(TARGETS)
    values = []
    for _ in range(10):
        value, slope = ss.value_and_grad(total)(model, x, y)
        values.append(value.item())
        model = Layer(model.weight - slope.weight / 256, model.bias - slope.bias / 256)
    assert values == sorted(values, reverse=True)
    with pytest.raises(DomainError):
        Q.tensor(float("nan"))


@dataclass
class Count(int):
    """A number with a part."""

    weight: Any

    def __new__(cls, weight):
        return int.__new__(cls, 2)


@dataclass
class Scaling(partial):
    """A function with a part."""

    weight: Any

    def __new__(cls, weight):
        return partial.__new__(cls, lambda w, x: ss.sum(w) * x, np.array([0.5]))


def test_parts_of_models_that_are_numbers_or_functions_are_carried():
    lifted = ss.lift(Count(np.array([1.5])), Q)
    assert (lifted, lifted.weight.tolist()) == (2, [Fraction(3, 2)])
    given = Scaling(np.array([1.5]))
    assert ss.bounds(lambda m, x: m(x), given, 1.0, vary={"x": ss.ball(0)}).lower == Fraction(1, 2)
    assert isinstance(given.weight, np.ndarray)
    with pytest.raises(ArgumentError, match="masked"):
        ss.bounds(lambda m, x: m * x, Count(np.ma.masked_array([1.0], [True])), 1.0, vary={"x": ss.ball(0)})


def test_tuples_of_which_nothing_changes_stay():
    kept = ("same", None)
    lifted = ss.lift([kept, (1.5, kept)], Q)
    assert lifted[0] is kept
    assert (lifted[1][0].item(), lifted[1][1]) == (Fraction(3, 2), kept)
