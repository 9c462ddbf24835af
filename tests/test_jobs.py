"""Jobs: the same answers by any executor, by workers that die, and from a checkpoint."""

import os
import pickle
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from specs import a_batch, squares

import scalarspec as ss
from scalarspec.bounding import jobs, methods, parts
from scalarspec.bounding.domain import Domain
from scalarspec.executors import each


def same(a, b):
    return (
        np.array_equal(a.lower, b.lower)
        and np.array_equal(a.upper, b.upper)
        and all(np.array_equal(p, q) for p, q in zip(a.inner, b.inner, strict=True))
        and (a.method, a.boxes) == (b.method, b.boxes)
    )


def test_results_are_the_same_whatever_the_executor():
    spec, args, given = a_batch()
    one, (x, eps) = ss.bounds(spec, *args, **given), (args[2][0], args[3][0])
    parts = ss.bounds(spec, *args[:2], x, eps, vary=given["vary"], method="subdivide", budget=20)
    for kind in (ThreadPoolExecutor, ProcessPoolExecutor):
        with kind(2) as executor:
            found = ss.bounds(spec, *args, executor=executor, **given)
            assert same(found, one)
            split = {"vary": given["vary"], "method": "subdivide", "budget": 20}
            assert same(ss.bounds(spec, *args[:2], x, eps, executor=executor, **split), parts)
            assert ss.prove(
                spec, *args[:2], x, eps, vary=given["vary"], at_most=parts.upper, budget=20, executor=executor
            ).proved


def test_many_rows_are_evaluated_some_at_a_time(monkeypatch):
    spec, (model, beta, x, eps), given = a_batch()
    given = {**given, "vary": {"x": ss.box(x - 0.25, x + 0.25), "eps": ss.ball("0.1")}}
    whole = ss.bounds(spec, model, beta, x, eps, **given)
    monkeypatch.setattr(methods, "ROWS", 3)
    some = ss.bounds(spec, model, beta, x, eps, **given)
    with ProcessPoolExecutor(2) as executor:
        assert same(some, ss.bounds(spec, model, beta, x, eps, **given, executor=executor))
    assert np.all(abs(some.lower - whole.lower) + abs(some.upper - whole.upper) <= 1e-9)
    claim = {"vary": given["vary"], "over": given["over"], "at_most": max(whole.upper)}
    assert ss.prove(spec, model, beta, x, eps, **claim).status == "proved"


def test_rows_that_were_done_before_ctrl_c_are_known(monkeypatch):
    spec, args, given = a_batch()
    proper, calls = jobs.WORK["relaxed"], []

    def interrupted(domain, item):
        calls.append(item)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return proper(domain, item)

    monkeypatch.setattr(parts, "NUMBERS", 1)
    whole = ss.bounds(spec, *args, **given, method="linear")
    monkeypatch.setitem(jobs.WORK, "relaxed", interrupted)
    found = ss.bounds(spec, *args, **given, method="linear")
    assert found.interrupted
    assert np.array_equal(found.lower == whole.lower, np.arange(20) < 7)


def test_a_row_without_a_value_is_told_among_many(monkeypatch):
    monkeypatch.setattr(methods, "ROWS", 2)
    xs = np.array([1.0, 2.0, 3.0, -4.0, 5.0])
    with pytest.raises(ss.errors.DomainError):
        ss.bounds(ss.log, xs, vary={"x": ss.ball("0.5")}, over="x")


def test_results_are_the_same_on_a_cluster_of_dask():
    distributed = pytest.importorskip("distributed")
    spec, args, given = a_batch()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert same(ss.bounds(spec, *args, executor=client.get_executor(), **given), ss.bounds(spec, *args, **given))


def slowly(a):
    time.sleep(0.1)
    return a + 1


@pytest.mark.parametrize("ended", ["client", "cluster"])
def test_a_client_of_dask_that_is_closed_midway_loses_nothing(ended):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor, items = client.get_executor(), [(a,) for a in range(6)]
        found = each(executor, slowly, items)
        assert next(found) == 1
        {"client": client, "cluster": cluster}[ended].close()
        assert list(found) == [2, 3, 4, 5, 6]
        assert list(each(executor, slowly, items)) == [1, 2, 3, 4, 5, 6]  # as a search asks, round after round


def killed_once(path, a):
    """A function whose first worker dies."""
    if not path.exists():
        path.write_text("died")
        os._exit(1)
    return a + 1


def test_the_job_of_a_lost_worker_is_done_again(tmp_path):
    with ProcessPoolExecutor(1) as executor:
        found = each(executor, killed_once, [(tmp_path / "mark", k) for k in range(4)])
        assert list(found) == [1, 2, 3, 4]
    assert (tmp_path / "mark").exists()


def test_a_pool_whose_workers_die_loses_nothing():
    spec, args, given = a_batch()
    with ProcessPoolExecutor(1) as executor:
        executor.submit(os._exit, 1).exception()
        assert same(ss.bounds(spec, *args, executor=executor, **given), ss.bounds(spec, *args, **given))


def test_a_spec_that_cannot_be_sent_is_refused():
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(ss.errors.ArgumentError, match="executor: expected a spec and arguments that can be sent"),
    ):
        ss.bounds(lambda x: x, np.ones(2), vary={"x": ss.ball(1)}, executor=executor)


def test_errors_of_a_spec_come_through_an_executor():
    with ThreadPoolExecutor(1) as executor, pytest.raises(ZeroDivisionError):
        list(each(executor, divmod, [(1, 0)]))


def test_a_checkpoint_goes_on_where_a_run_ended(tmp_path, monkeypatch):
    spec, (model, beta, xs, noises), given = a_batch()
    args = (model, beta, xs[0], noises[0])
    job = {"vary": given["vary"], "method": "subdivide", "budget": 40}
    whole = ss.bounds(spec, *args, **job)
    path = tmp_path / "run.jsonl"
    calls = []
    proper = jobs.WORK["relaxed"]

    def interrupted(domain, item):
        calls.append(item)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return proper(domain, item)

    monkeypatch.setitem(jobs.WORK, "relaxed", interrupted)
    part = ss.bounds(spec, *args, checkpoint=path, **job)
    assert part.interrupted
    assert "interrupted" in str(part)
    assert whole.lower - 1 < part.lower <= whole.lower <= whole.upper <= part.upper
    assert 1 < part.boxes < whole.boxes
    with path.open("a") as file:
        file.write('{"job": "cut o')
    done = len(calls) - 1
    calls.clear()
    monkeypatch.setitem(jobs.WORK, "relaxed", lambda domain, item: calls.append(item) or proper(domain, item))
    rest = ss.bounds(spec, *args, checkpoint=path, **job)
    assert same(rest, whole)
    resumed = len(calls)
    calls.clear()
    assert same(ss.bounds(spec, *args, checkpoint=path, **job), whole)
    assert calls == []
    ss.bounds(spec, *args, **job)
    assert len(calls) == resumed + done
    with pytest.raises(ss.errors.ArgumentError, match=r"checkpoint: .* holds answers about another spec, box or arg"):
        ss.bounds(spec, *args[:3], noises[1], checkpoint=path, **job)


def test_bounds_are_plain_data_for_other_processes():
    spec, args, given = a_batch()
    found = ss.bounds(spec, *args, **given)
    again = pickle.loads(pickle.dumps(found))
    assert same(found, again)
    with pytest.raises(ss.errors.NotSupported, match="pickled"):
        again.plot("x.png")


def test_what_cannot_be_an_executor_or_a_checkpoint_is_refused(tmp_path):
    near = {"vary": {"x": ss.ball(1)}, "method": "linear"}
    with pytest.raises(ss.errors.ArgumentError, match="executor: expected one of"):
        ss.bounds(squares, np.ones(2), executor=3, **near)
    other = tmp_path / "other.txt"
    other.write_text("mine\n")
    for path, told in ((tmp_path, "cannot use"), (tmp_path / "no" / "f", "cannot use"), (other, "another spec")):
        with pytest.raises(ss.errors.ArgumentError, match=f"checkpoint: .*{told}"):
            ss.bounds(squares, np.ones(2), checkpoint=path, **near)
    assert other.read_text() == "mine\n"


def test_jobs_that_are_asked_for_twice_have_their_own_answers(tmp_path, monkeypatch):
    domain = Domain(squares, {"x": np.ones(2)}, {"x": ss.ball(1)})
    monkeypatch.setitem(jobs.WORK, "doubled", lambda domain, item: 2 * item)

    def doubled(domain, item):
        raise AssertionError("the table has it")

    for _ in range(2):
        asked = jobs.Jobs(domain, checkpoint=tmp_path / "kept")
        assert list(asked.map(doubled, [1, 1, 5, 1, 7])) == [2, 2, 10, 2, 14]
