"""Kernels that were compiled are found again, and never where anything that they were made from has changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher

from scalarspec.numbers import elementary, kernel_cache, numba_kernels

USE = """
import numpy as np
from scalarspec.numbers.numba_kernels import INCREASING
loop, out = INCREASING["sigmoid"], np.empty((2, 1))
loop(np.array([[-0.5], [0.5]]), out)
print(sum(loop.stats.cache_hits.values()), out[0, 0].hex(), out[1, 0].hex())
"""
"""What prints how many kernels were found, and their result."""


@pytest.fixture
def sources(tmp_path):
    """A folder with a copy of the files that kernels are made from, and nothing else of the package."""
    home = tmp_path / "copy" / "scalarspec" / "numbers"
    home.mkdir(parents=True)
    for module in (elementary, kernel_cache, numba_kernels):
        shutil.copy(module.__file__, home)
    for package in (home, home.parent):
        (package / "__init__.py").touch()
    return home


def start(sources, kept):
    """A process that uses a kernel of these sources. kept: the folder of compiled ones."""
    paths = {"PYTHONPATH": str(sources.parent.parent), "SCALARSPEC_CACHE": str(kept)}
    command, pipe = [sys.executable, "-B", "-P", "-c", USE], subprocess.PIPE
    return subprocess.Popen(command, env={**os.environ, **paths}, stdout=pipe, stderr=pipe)


def used(process):
    """How many kernels it found, and the result."""
    out, error = process.communicate()
    assert not process.returncode, error.decode()
    hits, *result = out.decode().split()
    return int(hits), [float.fromhex(end) for end in result]


def test_what_one_process_compiled_another_finds_and_no_changed_source_does(sources, tmp_path):
    kept = tmp_path / "kept"
    hits, first = used(start(sources, kept))
    assert (hits, used(start(sources, kept))) == (0, (1, first))

    elementary_py = sources / "elementary.py"
    text, times = elementary_py.read_text(), os.stat(elementary_py)
    changed = text.replace("_ONE / (_ONE + exp(", "_ONE / (_TWO + exp(")
    assert changed != text
    elementary_py.write_text(changed)
    os.utime(elementary_py, ns=(times.st_atime_ns, times.st_mtime_ns))  # neither its size nor its time tells
    assert elementary_py.stat().st_size == times.st_size
    hits, other = used(start(sources, kept))
    assert hits == 0
    assert other[1] < first[1]

    elementary_py.write_text(text)
    assert used(start(sources, kept)) == (1, first)


def test_a_file_that_is_damaged_is_not_run(sources, tmp_path):
    kept = tmp_path / "kept"
    _, first = used(start(sources, kept))
    for file in kept.iterdir():
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    assert used(start(sources, kept)) == (0, first)
    assert used(start(sources, kept)) == (1, first)


def test_two_processes_at_once(sources, tmp_path):
    kept = tmp_path / "kept"
    both = [start(sources, kept) for _ in range(2)]
    results = [used(process)[1] for process in both]
    assert results[0] == results[1]
    assert used(start(sources, kept)) == (1, results[0])
    assert not list(kept.glob("tmp*"))


@pytest.mark.parametrize("kept", ["", "file/kept"])
def test_without_a_folder_kernels_are_compiled(sources, tmp_path, kept):
    (tmp_path / "file").write_text("")
    place = tmp_path / kept if kept else ""
    assert [used(start(sources, place))[0] for _ in range(2)] == [0, 0]


def test_a_folder_that_others_may_write_to_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("SCALARSPEC_CACHE", str(tmp_path))
    assert kernel_cache.folder() == tmp_path
    tmp_path.chmod(0o777)
    assert kernel_cache.folder() is (tmp_path if os.name == "nt" else None)
    monkeypatch.setenv("SCALARSPEC_CACHE", "")
    assert kernel_cache.folder() is None


def test_the_users_folder_of_caches(monkeypatch, tmp_path):
    monkeypatch.delenv("SCALARSPEC_CACHE", raising=False)
    monkeypatch.setenv("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", str(tmp_path))
    assert kernel_cache.folder() == tmp_path / "scalarspec" / "kernels"


def test_it_is_known_of_all_kernels_what_they_are_made_from():
    loops = [f for f in vars(numba_kernels).values() if isinstance(f, Dispatcher)]
    loops += numba_kernels.INCREASING.values()
    assert len({kernel_cache.fingerprint(loop) for loop in loops}) == len({*map(id, loops)}) > 20


def made(shift, of=np.abs, **options):
    """A compiled function of a compiled function, which sees a number in a closure."""

    @njit(**options)
    def inner(x):
        return of(x) + shift

    @njit
    def outer(x):
        return inner(x)

    return outer


def test_a_fingerprint_tells_numbers_functions_and_options_apart():
    functions = [made(1.0), made(1), made(True), made(-0.0), made(0.0), made(1.0, np.sqrt), made(1.0, fastmath={"nsz"})]
    functions += [made(np.array([1.0, 2.0])), made(np.array([1.0, 3.0])), made(1.0, made(1.0)), made((1.0,))]
    assert len({*map(kernel_cache.fingerprint, functions)}) == len(functions)
    assert kernel_cache.fingerprint(made(1.0)) == kernel_cache.fingerprint(functions[0])


def test_what_is_made_from_something_unknown_is_compiled_and_not_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("SCALARSPEC_CACHE", str(tmp_path))
    function = kernel_cache.kept(made(Path().exists))
    with pytest.raises(TypeError, match="not known what it is made from"):
        kernel_cache.fingerprint(function)
    function = kernel_cache.kept(njit(lambda x: sys.maxsize - x))
    assert function(1) == sys.maxsize - 1
    assert not list(tmp_path.iterdir())
