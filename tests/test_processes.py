"""The command as a process: whatever its output, its surroundings and its signals are, it says what there is to say."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fuzz_signals
import numpy as np
import pytest

import scalarspec as ss
from scalarspec.cli import output, signals, workers
from scalarspec.executors import each

resource = pytest.importorskip("resource", reason="limits, signals and pipes are those of POSIX")

COMPARE = ("compare", "specs.py:smooth", "part.npz")


def process(*words, **settings):
    """What a command gives, as a process of its own."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 60, "check": False}
    return subprocess.run([sys.executable, "-m", "scalarspec", *words], **given | settings)


def environment(**settings):
    return {**os.environ, **settings}


# ---- the output -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict", "utf-16"])
def test_any_encoding_of_the_output(files, encoding):
    code = encoding.partition(":")[0]
    done = process(*COMPARE, env=environment(PYTHONIOENCODING=encoding), encoding=code)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("\\xb1" if code == "ascii" else "±") in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_stays_json_in_any_encoding(files, encoding):
    Path("greek.py").write_text("def σé(x):\n    return x\n", encoding="utf-8")
    words = ("crosscheck", "greek.py:σé", "part.npz", "--json")
    done = process(*words, env=environment(PYTHONIOENCODING=encoding, PYTHONUTF8="1"), encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["command"]["spec"] == "greek.py:σé"


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def buffering(request, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


@pytest.mark.parametrize("words", [("--help",), ("--version",), COMPARE])
def test_a_reader_that_has_gone_is_told_nothing(files, buffering, words):
    reading, writing = os.pipe()
    os.close(reading)
    done = process(*words, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (output.PIPE_CLOSED, "")


@pytest.mark.parametrize("words", [("--help",), ("--version",), COMPARE])
def test_a_full_disk_is_told(files, buffering, words):
    with open("/dev/full", "w") as full:
        done = process(*words, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "scalarspec: error: the output cannot be written: No space left on device\n"


def test_an_output_that_is_closed_is_told(files):
    done = process(*COMPARE, stdout=None, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "the output cannot be written" in done.stderr
    assert process(*COMPARE, stderr=None, preexec_fn=lambda: os.close(2)).returncode == 0


def test_the_output_has_the_report_alone(files):
    Path("loud.py").write_text("print('loaded')\ndef f(x):\n    print('called')\n    return x\n")
    done = process("compare", "loud.py:f", "part.npz", "--backend", "float64", "--json")
    assert (done.returncode, set(json.loads(done.stdout))) == (0, {"float64"})
    assert {"loaded", "called"} <= set(done.stderr.split())


# ---- surroundings ---------------------------------------------------------------------------------------------------


def test_the_command_by_its_name():
    for name in ("scalarspec", "scalarspec.cli"):
        done = subprocess.run([sys.executable, "-m", name, "--version"], capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == (f"scalarspec {ss.__version__}\n", "")


def test_a_file_of_the_users_does_not_stand_in_for_a_library(files):
    folder = Path("mine")
    folder.mkdir()
    (folder / "specs.py").write_text(f"from helping import helped\n{Path('specs.py').read_text()}")
    (folder / "helping.py").write_text("def helped():\n    pass\n")
    for name in ("sympy", "numpy", "mpmath", "json", "signal", "os", "random", "inspect"):
        (folder / f"{name}.py").write_text("raise RuntimeError('this is not the library')\n")
    words = ("derive", "{}specs.py:smooth", "{}part.npz", "--wrt", "x")
    Path("part.npz").rename(folder / "part.npz")
    for inside in (True, False):
        done = process(*(word.format("" if inside else "mine/") for word in words), cwd=folder if inside else None)
        assert (done.returncode, done.stderr) == (0, "")
        assert "exp(x_0)" in done.stdout


def limited(size):
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))


def test_memory_that_ends_is_told_in_one_line(files):
    Path("large.py").write_text("import numpy as np\ndef f(x):\n    return x * np.ones(2**33)[0]\n")
    np.savez("large.npz", x=np.zeros(2**24))
    for words in (("compare", "large.py:f", "part.npz"), ("compare", "specs.py:smooth", "large.npz")):
        done = process(*words, preexec_fn=limited(900 * 2**20))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert done.stderr.startswith("scalarspec: error: ")


def test_libraries_that_do_not_load_are_told_in_one_line(tmp_path):
    (tmp_path / "numpy.py").write_text("import gone\n")
    done = process("backends", env=environment(PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "scalarspec: error: cannot start: ModuleNotFoundError: No module named 'gone'\n"


# ---- signals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", fuzz_signals.CODES)
def test_signals_at_random_moments(number):
    tally = fuzz_signals.run(2, number)
    assert not tally.misses, str(tally)


LEAVES_A_CHILD = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
print("late")
if os.fork() == 0:
    os.close(1), os.close(2)
time.sleep(60)
"""


def test_the_fuzz_sees_what_is_wrong(monkeypatch):
    """Another exit code than the right one, an answer after SIGTERM, a process that stays, a lost answer."""
    monkeypatch.setattr(fuzz_signals, "ORPHANS_MAY_LIVE", 0.1)
    wrong = subprocess.Popen(
        [sys.executable, "-uc", LEAVES_A_CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    while len(fuzz_signals.session(wrong.pid)) < 2:
        time.sleep(0.01)
    time.sleep(0.1)
    wrong.terminate()
    told = fuzz_signals._ended(wrong, signal.SIGTERM, fuzz_signals.Tally())
    assert [text.split()[0] for text in told] == ["exit", "printed", "1"]
    kept = iter([{"a": 1, "b": 2}, {"a": 1}])
    monkeypatch.setattr(fuzz_signals, "answers", lambda path: next(kept))
    tally = fuzz_signals.Tally()
    fuzz_signals.case(signal.SIGKILL, 0, tally)
    assert tally.misses[0].endswith("answers were lost")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_command_loads(number, tmp_path):
    started = fuzz_signals.started(tmp_path, "backends")
    started.send_signal(number)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out, err) == (128 + number, "", "")


def test_a_signal_that_is_ignored_stays_so(tmp_path):
    ignored = subprocess.Popen(
        [sys.executable, "-m", "scalarspec", "backends"],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    time.sleep(0.1)
    ignored.send_signal(signal.SIGINT)
    assert b"interval64" in ignored.communicate(timeout=60)[0]
    assert ignored.returncode == 0


SWALLOWS = """
class Late:
    def __del__(self):
        open("reached", "w").close()
        for _ in range(10**9):
            pass

def f(x):
    Late()
    while True:
        pass
"""


def test_an_interrupt_that_a_finalizer_swallows_comes_again(files):
    Path("swallows.py").write_text(SWALLOWS)
    started = fuzz_signals.started(".", "compare", "swallows.py:f", "part.npz")
    while not Path("reached").exists():
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=20)
    assert (started.returncode, out, err) == (130, "", "")


STUBBORN = """
import time

def f(x):
    open("reached", "w").close()
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_code_that_does_not_end_is_ended(files, number):
    Path("stubborn.py").write_text(STUBBORN)
    started = fuzz_signals.started(".", "compare", "stubborn.py:f", "part.npz")
    while not Path("reached").exists():
        time.sleep(0.01)
    started.send_signal(number)
    if number == signal.SIGINT:
        time.sleep(signals.ONE_PRESS + 0.2)
        started.send_signal(number)  # another press
    out, err = started.communicate(timeout=20)
    assert (started.returncode, out, err) == (128 + number, "", "")


# ---- workers --------------------------------------------------------------------------------------------------------


def squared(path, a):
    """A job that takes its time once it has begun."""
    (path / str(os.getpid())).touch()
    time.sleep(0.05)
    return a * a


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_a_worker_that_is_lost_is_not_waited_for(tmp_path, monkeypatch, number):
    monkeypatch.setattr(workers, "STOPPED", 1)
    notes = []
    with workers.workers(2, notes.append) as executor:
        found = each(executor, squared, [(tmp_path, a) for a in range(12)])
        first = next(found)
        os.kill(int(next(tmp_path.iterdir()).name), number)
        assert [first, *found] == [a * a for a in range(12)]
    assert notes == [workers.LOST]


def test_workers_that_are_not_lost_are_not_noted(tmp_path):
    notes = []
    with workers.workers(2, notes.append) as executor:
        assert list(each(executor, squared, [(tmp_path, a) for a in range(4)])) == [0, 1, 4, 9]
    assert notes == []


@pytest.mark.parametrize("limit", [11, 14])  # of files: for less than the executor's own, and than the first process's
def test_a_system_that_makes_no_more_processes_is_told(files, limit):
    words = ("bounds", "specs.py:smooth", "part.npz", "--radius", "x=1", "--workers", "64")
    done = process(*words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "--workers: 64 processes cannot be started" in done.stderr
