"""The benchmarks compare like with like: what is written by hand is what the specs say; and the command runs."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import CONTEXTS

import scalarspec as ss
from scalarspec.models import autoencoder, vae

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import by_hand
    import workloads

    return by_hand, workloads


def test_by_hand_is_the_spec(modules, rational, interval):
    by_hand, workloads = modules
    work = workloads.Vae((6, 5, 2))
    loss = vae.loss(work.model(), workloads.BETA, interval.tensor(work.x), interval.tensor(work.eps))
    (low,), (high,) = (end.ravel() for end in ss.endpoints(loss))
    assert abs(Fraction(work.by_hand().item()) - low) < Fraction(1, 10**14)
    for found in (by_hand.MpmathVae(work, 0.0)(), by_hand.FlintVae(work, 0.0)()):
        middle = float(found.mid) if hasattr(found, "_mpi_") else float(found.mid())
        assert abs(Fraction(middle) - low) < Fraction(1, 10**14)
    assert low <= high
    work = workloads.Rectifiers((6, 5, 4, 3))
    scores = ss.endpoints(work.model()(interval.tensor(work.x)))[0].astype(float)
    assert np.all(np.abs(work.by_hand() - scores) < 1e-14)
    work = workloads.Autoencoder((7, 3))
    exact = autoencoder.reconstruction_error(work.model(), rational.tensor(work.x)).item()
    assert by_hand.FractionAutoencoder(work)() == exact
    flint = by_hand.FlintAutoencoder(work)()
    assert Fraction(int(flint.p), int(flint.q)) == exact
    assert abs(work.by_hand() - float(exact)) < 1e-14


def test_batches_by_hand_are_their_rows(modules):
    _, workloads = modules
    context = CONTEXTS["float64"]
    work = workloads.Vae((6, 5, 2), batch=4)
    losses = ss.batched(vae.loss, over=("x", "eps"))(
        work.model(), workloads.BETA, context.tensor(work.x), context.tensor(work.eps)
    )
    assert np.allclose(np.asarray(losses), work.by_hand())


def run(*arguments, script="run.py"):
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_the_command_prints_ratios_and_data():
    found = run("--quick", "--json", "boxes", "memory", "gradients")
    assert found.returncode == 0, found.stderr
    data = json.loads(found.stdout)
    assert [row["way"] for row in data["rows"]] == ["float64, prepared", "interval64", "interval64, fused"]
    assert data["rows"][0]["median"] == 1
    for row in data["memory"]:
        assert float(row["/ its float64 bytes"]) <= float(row["goal"])
    for row in data["gradients"]:
        assert float(row["ratio (goal 2)"]) <= 2


def test_the_command_refuses_what_it_does_not_have():
    found = run("speed")
    assert found.returncode == 2
    assert "no rows are called speed; there are networks, float64, interval64" in found.stderr


def test_scaling_is_measured():
    pytest.importorskip("distributed")
    found = run("queue", "cluster", "pool", "--quick", "--kinds", "tolerance", "sweep", script="scale.py")
    assert found.returncode == 0, found.stderr
    assert [found.stdout.count(name) for name in ("the domain is there", "rows of workload B", "sweep")] == [2, 1, 1]
    assert run("nothing", script="scale.py").returncode == 2


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_native_code_is_the_spec(library):
    pytest.importorskip(library)
    done = run("--repeats", "1", "--no-compile", "--library", library, script="native.py")  # it asserts equal losses
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("by hand") == 8
