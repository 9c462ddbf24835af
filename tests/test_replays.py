"""Replays: what a function does with NumPy, done again on other numbers, bit for bit; and plans of `interval64`."""

import copy
import threading

import numpy as np
import pytest
from conftest import CONTEXTS
from fuzz_replays import value_or_error

import scalarspec as ss
from scalarspec import extend
from scalarspec.backends.interval64.replayed import NOT_RECORDED
from scalarspec.conformance.examples import examples
from scalarspec.core.domains import watching_poles
from scalarspec.core.operations import OPERATIONS
from scalarspec.numbers import recorded, replays
from scalarspec.numbers.recorded import NotRecorded, usual
from scalarspec.numbers.replays import record

# ---- programs of NumPy's calls ------------------------------------------------------------------------------------


def program(seed):
    """A function of two arrays of shape (2, 5), made of random calls: new arrays, views, writes, reductions."""

    def run(x, y):
        rng = np.random.default_rng(seed)
        held = [x, y]

        def some():
            return held[rng.integers(len(held))]

        for _ in range(rng.integers(4, 24)):
            a, b = some(), some()
            kind = rng.integers(10)
            if kind == 0:
                new = np.add(a, b)
            elif kind == 1:
                new = a * b - 0.5
            elif kind == 2:
                new = np.where(a < b, a, 1.5)
            elif kind == 3:
                new = np.empty_like(a)
                np.subtract(a[0, ...], b[1, ...], out=new[0, ...])
                np.maximum(a[1], 0.25, out=new[1, ...])
            elif kind == 4:
                new = a + np.add.reduce(b, axis=1, keepdims=True)
            elif kind == 5:
                new = a[::-1] + b
            elif kind == 6:
                new = a + 1.0
                new *= b
                new[0] = b[1]
            elif kind == 7:
                new = a.copy()
                np.copyto(new, b, where=b > 0.0)
            elif kind == 8:
                new = np.stack((a[1], b[0]))
            else:
                new = np.abs(a) + np.dot(a, b.T)[0, 1] + np.frexp(b)[0]
            held.append(new * 0.5)
        return held[-1]

    return run


def missed(seeds):
    """The programs of which a replay gives another result than they do, on any of four pairs of arrays."""
    wrong = []
    for seed in seeds:
        rng, run = np.random.default_rng(seed), program(seed)
        pairs = rng.normal(size=(4, 2, 2, 5))
        replay = record(run, *pairs[0])
        results = [replay(x, y) for x, y in pairs]
        if any(found.tobytes() != run(x, y).tobytes() for found, (x, y) in zip(results, pairs, strict=True)):
            wrong.append(seed)
    return wrong


def test_a_replay_does_the_same_with_other_numbers():
    assert missed(range(300)) == []


def test_memory_that_is_given_away_too_early_is_seen(monkeypatch):
    only = np.empty(1 << 10, np.uint8)
    monkeypatch.setattr(replays, "_block", lambda size: only[:size])
    assert missed(range(300)) != []


def test_a_write_that_is_not_noted_is_seen(monkeypatch):
    def forgotten(own, target, value, *where):
        np.copyto(target, *map(recorded.held, (value, *(("same_kind", where[0]) if where else ()))))

    monkeypatch.setattr(recorded.Recorded, "put", forgotten)
    with pytest.raises(NotRecorded, match="an array is read that was not written"):
        missed(range(300))


def test_a_result_is_an_array_of_its_own():
    replay = record(lambda x: x + 1.0, np.zeros(3))
    first = replay(np.zeros(3))
    replay(np.ones(3))
    assert first.tolist() == [1, 1, 1]


# ---- branches -----------------------------------------------------------------------------------------------------


def by_sign(x):
    return x + 1.0 if (x > 0.0).all() else x - 1.0


def test_a_branch_is_guarded():
    replay = record(by_sign, np.array([1.0, 2.0]))
    assert replay(np.array([3.0, 4.0])).tolist() == [4, 5]
    assert replay(np.array([3.0, -4.0])) is None
    assert replay(np.array([3.0, np.nan])) is None


@pytest.mark.parametrize("condition", [
    lambda x: (x > 0.0).any(), lambda x: (x > 0.0).all(), lambda x: not (x[0] > 0.0), lambda x: np.any(x[:1] > 0.0),
    lambda x: np.add.reduce(x) > 0.0, lambda x: (x > 0.0).any(axis=0), lambda x: np.all((x > 0.0)[1:]),
    lambda x: not x.any(), lambda x: bool((x > 0.0).all()) and bool((x < 2.0).any()),
])  # fmt: skip
def test_any_condition_is_guarded(condition):
    def branch(x):
        return x * 2.0 if condition(x) else x * 3.0

    xs = np.random.default_rng(0).normal(size=(40, 3)).round(0)
    seen = set()
    for start in xs:
        replay = record(branch, start)
        for x in xs:
            found = replay(x)
            seen.add(found is None)
            assert found is None or found.tobytes() == branch(x).tobytes()
    assert seen == {True, False}


def test_a_guard_that_is_forgotten_is_seen(monkeypatch):
    monkeypatch.setattr(recorded.Recorded, "__bool__", lambda self: bool(self.array))
    replay = record(by_sign, np.array([1.0, 2.0]))
    assert replay(np.array([3.0, -4.0])) is not None


def test_truths_that_change_later_are_guarded_as_they_were():
    def turned(x):
        positive = x > 0.0
        taken = positive.all()
        result = x + 1.0 if taken else x - 1.0
        np.logical_not(positive, out=positive)
        return result + positive

    replay = record(turned, np.array([1.0, 2.0]))
    assert replay(np.array([5.0, 6.0])).tolist() == [6, 7]
    assert replay(np.array([5.0, -6.0])) is None


def test_the_longer_way_serves_all():
    def clipped(x):
        return x * 1.0 if usual(x < 1.0) else np.minimum(x, 1.0) * 1.0

    shorter, longer = record(clipped, np.array([0.5])), record(clipped, np.array([2.0]))
    assert shorter(np.array([0.25])).tolist() == longer(np.array([0.25])).tolist() == [0.25]
    assert shorter(np.array([3.0])) is None
    assert longer(np.array([3.0])).tolist() == [1]


# ---- what is not recorded -----------------------------------------------------------------------------------------

OUTSIDE = np.zeros(3)


@pytest.mark.parametrize("function", [
    lambda x: x * float(x[0]), lambda x: x * x[0].item(), lambda x: np.asarray(x) + 1, lambda x: x[x > 0],
    lambda x: np.add(x, 1.0, out=OUTSIDE), lambda x: np.sort(x), lambda x: x + np.array([*x]), lambda x: OUTSIDE + 1,
    lambda x: x if x[0] else -x, lambda x: np.copyto(OUTSIDE, x), lambda x: x.tolist(), lambda x: [x],
    lambda x: x[np.array([0, 1])], lambda x: OUTSIDE.__setitem__(0, x[0]), lambda x: np.arange(3)[x[0]],
])  # fmt: skip
def test_what_a_replay_would_not_do_is_refused(function):
    with pytest.raises(NOT_RECORDED):
        record(function, np.array([1.0, 2.0, 3.0]))
    assert not OUTSIDE.any()


def test_one_thread_at_a_time():
    entered, leave = threading.Event(), threading.Event()

    def slow(x, out):
        entered.set()
        leave.wait(5)
        np.add(x, 1.0, out=out)

    leave.set()
    replay = record(lambda x: _called(slow, x), np.zeros(2))
    leave.clear()
    entered.clear()
    found = []
    other = threading.Thread(target=lambda: found.append(replay(np.ones(2))))
    other.start()
    entered.wait(5)
    assert replay(np.zeros(2)) is None
    leave.set()
    other.join()
    assert found[0].tolist() == [2, 2]


def _called(function, x):
    out = np.empty_like(x)
    recorded.call(function, x, out)
    return out


def test_large_arrays_are_not_kept(monkeypatch):
    monkeypatch.setattr(recorded, "MOST", 1 << 12)
    with pytest.raises(NotRecorded, match="more than 4096 bytes"):
        record(lambda x: np.stack([x + i for i in range(9)]), np.zeros(100))


# ---- plans of interval64 ------------------------------------------------------------------------------------------

KINDS = [name for name in ("interval64", "fused") if name in CONTEXTS]


def calls(example, context, rng):
    """Boxes for an example of an operation, some of them points: those with the same steps come twice."""
    for _ in range(4):
        boxes = []
        for low, high in zip(example.low, example.high, strict=True):
            parts = np.sort(rng.integers(0, 5, (2, *np.shape(low))), axis=0)
            boxes.append(context.box(*(np.asarray(low + (high - low) * part / 4, dtype=object) for part in parts)))
        yield from (boxes, boxes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_plans_give_the_same_bits(kind, name):
    context, rng, replays = CONTEXTS[kind], np.random.default_rng(0), 0
    for example in examples(OPERATIONS[name]):
        boxes = list(calls(example, context, rng))
        prepared = ss.prepare(example.named, *boxes[0], inputs=example.names, backend=context)
        for values in boxes:
            assert value_or_error(prepared, *values) == value_or_error(example.spec, *values)
        replays += prepared.run._held.replay is not None
    assert replays


def test_points_boxes_and_errors_in_any_order():
    context = CONTEXTS["interval64"]
    spec = lambda x, y: ss.sum(ss.log(x) * y) / ss.max(x)  # noqa: E731
    prepared = ss.prepare(spec, [1.0, 2.0], [0.0, 1.0], inputs=("x", "y"), backend=context)
    rng = np.random.default_rng(0)
    for _ in range(60):
        low = rng.choice([-1.0, 0.0, 0.5, 5e-324, 2.0, 1e308], 2)
        x = context.box(low, low + rng.choice([0.0, 0.25]))
        y = context.box([-1.0, 0.0], [0.5, 1.0]) if rng.integers(2) else context.tensor(rng.normal(size=2).round(1))
        assert value_or_error(prepared, x, y) == value_or_error(spec, x, y)
    assert prepared.run._held.replay is not None


def test_poles_are_told_by_replays_too():
    context = CONTEXTS["interval64"]
    prepared = ss.prepare(lambda x: 1 / x, 1.0, inputs="x", backend=context)
    for _ in range(4):
        prepared(context.box(1, 2))
    with watching_poles() as poles:
        prepared(context.box(-1, 2))
    assert poles


def test_an_added_operation_is_called_each_time():
    calls = []

    def twice(context, x):
        calls.append(x)
        return context.add(x, x)

    line = extend.Operation("twice_here", "elementwise", 1, graph="linear", floats="rounded", kinks="nowhere")
    context = CONTEXTS["interval64"]
    with extend.added(line, twice) as function:
        prepared = ss.prepare(lambda x: function(x) + 1, [1.0, 2.0], inputs="x", backend=context)
        for _ in range(4):
            prepared(context.box([1, 2], [2, 3]))
        assert prepared.run._held.replay is not None
        calls.clear()
        prepared(context.box([1, 2], [2, 3]))
    assert len(calls) == 2


def test_four_threads_share_a_plan():
    context, wrong = CONTEXTS["interval64"], []
    w = np.random.default_rng(0).normal(size=(5, 3))
    spec = lambda x: ss.sum(ss.tanh(w @ x))  # noqa: E731
    prepared = ss.prepare(spec, [0.0] * 3, inputs="x", backend=context)
    boxes = [context.box([i, -i, 0], [i + 1, i, 1]) for i in range(8)]
    expected = [value_or_error(spec, x) for x in boxes]

    def many(start):
        for k in range(start, start + 200):
            if value_or_error(prepared, boxes[k % 8]) != expected[k % 8]:
                wrong.append(k)

    threads = [threading.Thread(target=many, args=(3 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def replayed(context, spec, *boxes):
    """A prepared plan that has a record of the boxes."""
    prepared = ss.prepare(spec, *boxes, inputs=[f"x{i}" for i in range(len(boxes))], backend=context)
    for _ in range(3):
        prepared(*boxes)
    assert prepared.run._held.replay is not None
    return prepared


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("spec", "usual_one", "hostile"), [
    (lambda x0: x0 * x0, 1.1, 1e-200),
    (lambda x0: x0 * x0, np.full(40000, 1.5), np.full(40000, 1e-200)),
    (lambda x0: ss.matmul(x0, x0), np.full(3, 1.1), np.full(3, 1e-200)),
    (lambda x0: ss.maximum(x0.mT, 0), np.ones((5, 3)), -np.zeros((5, 3))),
    (lambda x0: ss.tanh(x0) + 1 / (1 + x0), 1.5, -1.0),
], ids=["x x", "x x in blocks", "x @ x", "signs of zero", "reciprocal"])  # fmt: skip
def test_hostile_numbers_after_usual_ones(kind, spec, usual_one, hostile):
    context = CONTEXTS[kind]
    for wide in (0, 0.25):
        prepared = replayed(context, spec, context.box(usual_one, usual_one + wide))
        x = context.box(hostile, hostile + wide)
        assert value_or_error(prepared, x) == value_or_error(spec, x)


def test_a_call_sees_nothing_of_another_branch():
    context, seen = CONTEXTS["interval64"], []

    def looked_at(context, x):
        seen.append(context.endpoints(x))
        return context.add(x, x)

    line = extend.Operation("looked_at", "elementwise", 1, graph="free", floats="composed", kinks="nowhere")
    with extend.added(line, looked_at) as function:
        prepared = replayed(context, lambda x0: function(ss.exp(x0)), context.box([1], [2]))
        for ends in ((800, 900), (-900, -800), (-1e3, 1e3)):
            prepared(context.box([ends[0]], [ends[1]]))
    assert all(low <= high and high > 0 for low, high in seen)


def test_a_square_of_many_is_a_square():
    context = CONTEXTS["interval64"]
    x = context.box(-np.ones(40000), np.ones(40000))
    assert float(np.min(ss.inf(x * x))) == 0


def test_a_copy_has_no_record():
    context = CONTEXTS["interval64"]
    prepared = replayed(context, lambda x0: x0 + 1, context.box(1, 2))
    assert value_or_error(copy.deepcopy(prepared), context.box(3, 4)) == value_or_error(prepared, context.box(3, 4))
