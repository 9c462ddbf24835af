"""Memory for large arrays is taken again when nobody holds it, and not before."""

import threading

import numpy as np

import scalarspec as ss
from scalarspec.backends.interval64 import memory

SIZE = memory.LARGE


def address(x):
    return x.__array_interface__["data"][0]


def test_memory_is_taken_again_when_nobody_holds_it():
    first = memory.empty((2, SIZE))
    place = address(first)
    view = first[1, ::2]
    del first
    other = memory.empty((2, SIZE))
    assert not np.shares_memory(view, other)
    del view
    again = memory.empty((SIZE, 2))
    assert address(again) == place
    assert not np.shares_memory(again, other)
    assert again.shape == (SIZE, 2)
    assert again.dtype == np.float64
    assert memory.empty((SIZE,), np.float32).dtype == np.float32


def test_little_and_huge_arrays_are_numpys_own():
    assert memory.empty((3,)).base is None
    assert memory.empty_like(np.zeros(3)).base is None
    assert memory.empty((memory.LARGEST + 1,)).base is None
    assert memory.empty_like(np.zeros(SIZE)).base is not None


def test_no_more_pieces_are_kept_than_is_said():
    held = [memory.empty((SIZE,)) for _ in range(3 * memory.PIECES)]
    for i, x in enumerate(held):
        x[:] = i
    assert [x[-1] for x in held] == [*range(len(held))]
    assert len(memory._PIECES.kept) == memory.PIECES


def test_a_thread_does_not_take_what_another_one_made():
    mine = memory.empty((SIZE,))
    place = address(mine)
    del mine
    found = []
    thread = threading.Thread(target=lambda: found.append(memory.empty((SIZE,))))
    thread.start()
    thread.join()
    assert address(found[0]) != place


def test_results_that_are_kept_do_not_change():
    c = ss.context("interval64")
    x = c.box(np.zeros(SIZE), np.ones(SIZE))
    results = [ss.relu(x - k) for k in range(4)]
    assert [np.asarray(ss.sup(r)).max() for r in results] == [1.0, 0.0, 0.0, 0.0]
