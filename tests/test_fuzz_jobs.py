"""Random specs through every job: answers, or errors of scalarspec's own."""

import fuzz_jobs
import pytest

import scalarspec as ss


@pytest.mark.parametrize("seed", range(5000, 5030))
def test_every_job_answers_or_refuses(seed):
    found = fuzz_jobs.tried(fuzz_jobs.Question(seed))
    assert not [outcome for outcome in found.values() if outcome.startswith("foreign")]


def test_a_foreign_exception_is_seen(monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(ss, "bounds", broken)
    found = fuzz_jobs.tried(fuzz_jobs.Question(5000))
    assert {name for name, outcome in found.items() if outcome.startswith("foreign")} >= {"bounds", "subdivide"}
