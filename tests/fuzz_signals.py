"""Signals at random moments, to a search with two workers that keeps a checkpoint.

From the moment at which its first line has run, whatever the command is doing then: loading, making workers,
searching, ending. A case is a *miss* where the exit code is another one, the error stream has anything, a process is
left after 5 s, or an answer that the checkpoint held is lost. Run it with a number of cases of each (default 50).
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scalarspec.bounding.checkpoints import Checkpoint

WIDE = """
import numpy as np
import scalarspec as ss

rng = np.random.default_rng(0)
layers = [ss.layers.Linear(rng.normal(size=(m, n)), rng.normal(size=m)) for n, m in ((6, 16), (16, 2))]


def out(x):
    return ss.tanh(layers[1](ss.tanh(layers[0](x))))
"""
SEARCH = ("bounds", "wide.py:out", "x.npz", "--radius", "x=1", "--method", "subdivide", "--checkpoint", "kept")
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
LATEST = (0.6, 3.0)
"""Until how many seconds after the command's start a signal is sent: half of them while it loads, or soon after."""
ORPHANS_MAY_LIVE = 5.0


def prepared(folder):
    """Writes a spec and its arguments."""
    Path(folder, "wide.py").write_text(WIDE)
    np.savez(Path(folder, "x.npz"), x=np.zeros(6))


def started(folder, *words, **settings):
    """A command that hears signals, though whoever starts it may not, in a session of its own; when it does hear."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scalarspec", *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **settings,
    )  # fmt: skip
    while process.poll() is None and not _hears(process.pid):
        time.sleep(0.001)
    return process


def _hears(pid):
    """Does the process have a handler of its own for SIGTERM? Python has none."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def session(number):
    """The processes of a session that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = path.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(of) == number and state not in "ZX":
            found.append(int(path.parent.name))
    return found


def left(number, seconds=ORPHANS_MAY_LIVE):
    """The processes of a session that have not ended after some seconds; what is left is ended."""
    until = time.monotonic() + seconds
    while (found := session(number)) and time.monotonic() < until:
        time.sleep(0.02)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return found


def answers(path):
    """What a checkpoint holds, checked line by line; nothing where there is none yet."""
    if not path.exists():
        return {}
    digest = json.loads(path.read_bytes().splitlines()[0])["of"]
    return dict(Checkpoint(path, digest).answers)


@dataclass
class Tally:
    """How many cases there were; how many in which answers were kept, and in which a search was interrupted; misses."""

    cases: int = 0
    kept: int = 0
    printed: int = 0
    misses: tuple = ()

    def __str__(self):
        told = "".join(f"\n  {miss}" for miss in self.misses)
        kept = f"{self.kept} with answers kept, {self.printed} with what was found printed"
        return f"{self.cases} cases, {kept}; {len(self.misses)} misses{told}"


def case(number, seed, tally):
    """One signal at one moment, entered into the tally."""
    source = random.Random(f"{number} {seed}")
    with tempfile.TemporaryDirectory() as folder:
        prepared(folder)
        kept, process = Path(folder, "kept"), started(folder, *SEARCH, "--workers", "2", "--budget", "1000000")
        moment = source.uniform(0, source.choice(LATEST))
        time.sleep(moment)
        copy = Path(folder, "before")
        if kept.exists():
            copy.write_bytes(kept.read_bytes())
        (os.killpg if number == signal.SIGINT and source.random() < 0.5 else os.kill)(process.pid, number)
        wrong = _ended(process, number, tally)
        before = answers(copy)
        if not before.items() <= answers(kept).items():
            wrong.append("answers were lost")
        tally.cases += 1
        tally.kept += bool(before)
        tally.misses += tuple(f"{number.name} after {moment:.3f} s (seed {seed}): {told}" for told in wrong)


def _ended(process, number, tally):
    """What is wrong with how a process ended."""
    wrong = []
    try:
        out, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        out, err = "", "it did not end, or its output was held open"
    if (process.returncode, err) != (CODES[number], ""):
        wrong.append(f"exit code {process.returncode}, {err!r}")
    if out and (number != signal.SIGINT or "interrupted" not in out):
        wrong.append(f"printed {out!r}")
    if found := left(process.pid):
        wrong.append(f"{len(found)} processes left")
    tally.printed += bool(out)
    return wrong


def run(count, number, first=0):
    """The tally of so many cases of a signal."""
    tally = Tally()
    for seed in range(first, first + count):
        case(number, seed, tally)
    return tally


def main():
    """The cases of each signal; exit code 1 where one is a miss."""
    count, missed = int(sys.argv[1]) if len(sys.argv) > 1 else 50, False
    for number in CODES:
        tally = run(count, number)
        missed |= bool(tally.misses)
        print(f"{number.name}: {tally}", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
