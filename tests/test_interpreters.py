"""`batched` and `prepare`: the same numbers as the spec alone, under every context."""

import numpy as np
import pytest
from agreement import same
from conftest import CONTEXTS
from specs import NET, OF_VECTORS, VAE, XS, YS

import scalarspec as ss
from scalarspec.core import functions as f
from scalarspec.core.context import Context
from scalarspec.core.operations import OPERATIONS
from scalarspec.core.tensor import Tensor
from scalarspec.errors import (
    ArgumentError,
    ContextMismatch,
    NotExact,
    NotSupported,
    ShapeError,
    Undecided,
    UnknownName,
)
from scalarspec.models import autoencoder, vae
from scalarspec.tracing.batched import BatchedContext
from scalarspec.tracing.interpreter import InterpreterContext, Traced
from scalarspec.tracing.tape import Tape


def agrees(context, left, right):
    """The same numbers; enclosures of the same numbers where sums may be rounded in another order."""
    if context.encloses:
        (a, b), (c, d) = ss.endpoints(left), ss.endpoints(right)
        return left.shape == right.shape and bool(np.all((a <= d) & (c <= b)))
    if context.exact:
        return same(left, right)
    return left.shape == right.shape and np.allclose(np.asarray(left), np.asarray(right), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OF_VECTORS)
def test_a_batch_is_its_rows(context, name):
    spec, xs, ys = OF_VECTORS[name], context.tensor(XS), context.tensor(YS)
    rows = ss.stack([spec(x, y) for x, y in zip(xs, ys, strict=True)])
    together = ss.batched(spec, over=("x", "y"))(xs, ys)
    assert together.context == context
    assert agrees(context, together, rows)


@pytest.mark.parametrize("name", [name for name in OF_VECTORS if name != "lazy where"])
def test_prepared_is_the_same(context, name):
    spec, x, y = OF_VECTORS[name], context.tensor(XS[0]), context.tensor(YS[0])
    prepared = ss.prepare(spec, x, y, inputs=("x", "y"), backend=context)
    for i in range(4):
        assert same(prepared(XS[i], YS[i]), spec(context.tensor(XS[i]), context.tensor(YS[i])))


def test_a_prepared_batch_of_boxes(enclosing):
    xs = enclosing.box(XS - 0.25, XS + 0.25)
    losses = ss.batched(autoencoder.reconstruction_error, over="x")
    prepared = ss.prepare(losses, ss.lift(NET, enclosing), xs, inputs="x", backend=enclosing)
    for i, loss in enumerate(prepared(xs)):
        low, high = (end[()] for end in ss.endpoints(loss))
        value = autoencoder.reconstruction_error(ss.lift(NET, "rational"), CONTEXTS["rational"].tensor(XS[i])).item()
        assert low < value < high


def test_exp_is_refused_in_a_batch_as_alone(rational):
    losses = ss.batched(vae.loss, over=("x", "eps"))
    with pytest.raises(NotExact):
        losses(VAE, 1, rational.tensor(XS), rational.tensor(YS))


def test_an_empty_batch(context):
    xs = ss.Tensor.of(context, (3,), [])
    result = ss.batched(autoencoder.forward, over="x")(NET, xs)
    assert result.shape == (0, 3)


@pytest.mark.parametrize(
    ("look", "why"),
    [(lambda x: x[0].item(), "item"), (lambda x: x if x[0] > 0 else -x, "if"), (lambda x: x.tolist(), "tolist")],
)
def test_a_spec_that_looks_at_numbers_is_refused(float64, look, why):
    with pytest.raises(NotSupported, match="looks at single numbers"):
        ss.batched(look, over="x")(float64.tensor(XS))
    with pytest.raises(NotSupported, match="looks at single numbers"):
        ss.prepare(look, XS[0], inputs="x")


def test_bad_input(float64):
    xs = float64.tensor(XS)
    with pytest.raises(ShapeError, match=r"batches of one length, got \{'prediction': 4, 'target': 3\}"):
        ss.batched(ss.loss.mse, over=("prediction", "target"))(xs, xs[:3])
    with pytest.raises(UnknownName, match="'z'; it has prediction, target"):
        ss.batched(ss.loss.mse, over="z")(xs, xs)
    with pytest.raises(ArgumentError, match="prediction: expected a tensor with a leading axis"):
        ss.batched(ss.loss.mse, over="prediction")(XS, xs)
    prepared = ss.prepare(ss.loss.mse, XS[0], YS[0], inputs=("prediction", "target"))
    with pytest.raises(ShapeError, match=r"target: prepared for shape \(3,\), got \(2,\)"):
        prepared(XS[0], XS[0, :2])
    with pytest.raises(ArgumentError, match="expected 2 arguments"):
        prepared(XS[0])
    with pytest.raises(ArgumentError, match="prepared for float64, got a tensor of interval"):
        prepared(XS[0], CONTEXTS["interval"].tensor(XS[0]))


def test_a_result_from_elsewhere(float64, rational):
    """A tensor of the context inside is a constant, whichever interpreter stands around; of another, an error."""
    kept, foreign = float64.tensor([1.0, 2.0]), rational.tensor([1, 2])
    xs = float64.tensor(XS)
    assert ss.batched(lambda x: kept, over="x")(xs).tolist() == [[1, 2]] * 4
    twice = ss.batched(ss.batched(lambda x, y: kept, over="y"), over="x")(xs, xs)
    assert twice.tolist() == [[[1, 2]] * 4] * 4
    assert ss.prepare(lambda x: kept, XS[0], inputs="x")(XS[0]).tolist() == [1, 2]
    nested = ss.batched(ss.grad(lambda x: f.sum(kept)), over="x")(xs)
    assert nested.tolist() == [[0, 0, 0]] * 4
    for wrong in (
        lambda: ss.batched(lambda x: foreign, over="x")(xs),
        lambda: ss.prepare(lambda x: foreign, XS[0], inputs="x"),
        lambda: ss.grad(lambda x: f.sum(foreign))(xs),
    ):
        with pytest.raises(
            ContextMismatch,
            match=r"rational and float64 do not mix|in float64, as its arguments are, got one of rational",
        ):
            wrong()


def test_a_batch_in_a_batch(float64):
    products = ss.batched(ss.batched(lambda x, y: f.dot(x, y), over="y"), over="x")
    table = products(float64.tensor(XS), float64.tensor(YS))
    assert np.allclose(np.asarray(table), XS @ YS.T)


@pytest.mark.parametrize("name", ["float64", "rational", "interval", "interval64", "symbolic"])
def test_a_batch_of_matrices_is_transposed_row_by_row(name):
    context = CONTEXTS[name]
    rows = context.tensor(np.arange(12.0).reshape(2, 2, 3))
    turned = ss.batched(lambda x: ss.matrix_transpose(x), over="x")(rows)
    assert turned.shape == (2, 3, 2)
    for k in range(2):
        assert turned[k].tolist() == ss.matrix_transpose(rows[k]).tolist()


def replaced_by_backends():
    """The methods of `Context`, but for operations, that a backend replaces."""
    backends = [cls for cls in descendants(Context) if not issubclass(cls, InterpreterContext)]
    names = {name for cls in backends for name in vars(cls) if hasattr(Context, name) and not name.startswith("__")}
    return sorted(names - OPERATIONS.keys() - {"arrays", "box", "reference"})


def descendants(cls):
    for child in cls.__subclasses__():
        yield from (child, *descendants(child))


@pytest.mark.parametrize("name", replaced_by_backends())
def test_an_interpreter_has_its_scalars_from_the_context_that_it_wraps(name):
    if name != "rounds" and not name.startswith("_"):
        assert getattr(InterpreterContext, name) is not getattr(Context, name)


def of_a_literal(x):
    """3x, by what is made of a literal alone."""
    two, y = ss.broadcast_arrays(2, x)
    return (1 + two) * y


def test_literals_belong_to_the_interpreter_that_asks(exact):
    """One that is kept from an earlier evaluation would take what is made of it to a tape that nobody reads."""
    for x in ([1, 2], [3, 4], [5, 6]):
        assert ss.grad(lambda x: ss.sum(of_a_literal(x)))(exact.tensor(x)).tolist() == [3, 3]
    for rows in ([[1, 2], [3, 4]], [[1, 2], [3, 4], [5, 6]]):
        assert ss.batched(of_a_literal, over="x")(exact.tensor(rows)).tolist() == (3 * np.array(rows)).tolist()


def test_interpreters_are_equal_to_themselves_alone(rational):
    tapes = [Tape(rational), Tape(rational)]
    batches = [BatchedContext(rational, 2), BatchedContext(rational, 2)]
    for a, b in (tapes, batches):
        assert a == a
        assert a != b
        with pytest.raises(ContextMismatch, match="do not mix"):
            Tensor(a, ss.Scalar, Traced(ss.Scalar, rational.tensor(1).value)) + b.tensor(1)


BRANCHED = (  # each is x for some x, and -x for others
    lambda x: x if x > 0 else -x,
    lambda x: x if (ss.stack([x]) > 0).all() else -x,
)


@pytest.mark.parametrize("spec", BRANCHED)
@pytest.mark.parametrize("reading", [
    lambda spec: ss.grad(spec)(ss.context("symbolic").symbols("x")),
    lambda spec: spec(ss.context("symbolic").symbols("x")),
    lambda spec: ss.derive(spec, ss.Scalar),
    lambda spec: ss.derive(lambda x: ss.grad(spec)(x), ss.Scalar),
])  # fmt: skip
def test_a_branch_on_a_symbol_is_undecided(spec, reading):
    with pytest.raises(Undecided, match="where"):
        reading(spec)
