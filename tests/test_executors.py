"""Jobs by any executor: in bundles, refusals at their place, what is shared once; clusters on the command line."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from command import run

import scalarspec as ss
from scalarspec import executors
from scalarspec.executors import Crew, each


def but_three(a):
    if a == 3:
        raise ss.errors.NotExact("three")
    return a


@pytest.mark.parametrize("bundles", [1, 2, 6, 256])
def test_a_refusal_comes_after_the_answers_before_it(monkeypatch, bundles):
    monkeypatch.setattr(executors, "BUNDLES", bundles)
    with ThreadPoolExecutor(2) as executor:
        found = each(executor, but_three, [(a,) for a in range(6)])
        assert [next(found) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ss.errors.NotExact, match="three"):
            next(found)


def test_many_jobs_are_few_bundles(monkeypatch):
    monkeypatch.setattr(executors, "BUNDLES", 3)
    handed = []

    class Handing(ThreadPoolExecutor):
        def submit(self, function, *arguments):
            handed.append(arguments)
            return super().submit(function, *arguments)

    with Handing(1) as executor:
        assert list(Crew(executor, 10).each(pow, [(a,) for a in range(7)])) == [10**a for a in range(7)]
    assert [len(bundle) for _, _, bundle in handed] == [3, 3, 1]


def test_no_jobs_have_no_answers():
    with ThreadPoolExecutor(1) as executor:
        assert list(each(executor, but_three, [])) == []


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    settings = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster:
        yield cluster


def test_what_jobs_share_is_handed_to_the_workers_of_dask_once(cluster):
    distributed = pytest.importorskip("distributed")
    with distributed.Client(cluster) as client:
        crew = Crew(client.get_executor(), b"0" * 10**6)
        assert isinstance(crew._sent, distributed.Future)
        assert list(crew.each(bytes.count, [(b"0",), (b"1",)])) == [10**6, 0]
    assert list(crew.each(bytes.count, [(b"0",)])) == [10**6]  # here, since nobody else is left


def test_a_command_on_a_cluster(cluster, files, capsys):

    words = ("bounds", "specs.py:smooth", "part.npz", "--radius", "x=1", "--method", "subdivide", "--json")
    assert run(capsys, *words, "--dask", cluster.scheduler_address)[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--dask", "nonsense"), "--dask: expected an address such as tcp://host:8786, got 'nonsense'"),
        (("--dask", "tcp://127.0.0.1:1"), "--dask: no cluster answers at tcp://127.0.0.1:1"),
        (("--dask", "tcp://127.0.0.1:1", "--workers", "2"), "--workers, --dask: expected one of the two"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_told(files, capsys, monkeypatch, words, told):
    pytest.importorskip("distributed")
    from scalarspec.cli import clusters

    monkeypatch.setattr(clusters, "SECONDS", 0.2)
    code, out, err = run(capsys, "bounds", "specs.py:smooth", "part.npz", "--radius", "x=1", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err


def test_a_cluster_without_dask_says_what_to_install(files, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = ("bounds", "specs.py:smooth", "part.npz", "--radius", "x=1", "--dask", "tcp://host:8786")
    code, _, err = run(capsys, *words)
    assert (code, "pip install 'scalarspec[dask]'" in err) == (2, True)


def test_workers_of_another_version_are_refused():
    from scalarspec.cli.clusters import _check

    with pytest.raises(ss.errors.ArgumentError, match=r"--dask: expected workers with scalarspec .*, got a with"):
        _check("here", {"a": "0.0.0"})
    with pytest.raises(ss.errors.ArgumentError, match="has no workers"):
        _check("here", {})
