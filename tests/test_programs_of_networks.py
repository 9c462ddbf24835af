"""Generated code of a small convolutional network and of an attention head: Python, C99, NumPy and Lean agree with
floats.
"""

import fuzz_generated as fuzz
import numpy as np
import pytest
from generated_code import called, compiled, matrices, named, python

import scalarspec as ss


def cnn(w, b, v, x):
    """A convolution, a pool and a linear layer."""
    seen = ss.relu(ss.conv(x, w, b, padding=1))
    return ss.logsumexp(ss.affine(v, ss.reshape(ss.max_pool(seen, 2), (-1,)), ss.reshape(v, (-1,))[:2]))


def head(q, k, x):
    """Scaled dot-product attention of each row to the rows before it."""
    scores = (x @ q) @ ss.matrix_transpose(x @ k) / 2
    return ss.sum(ss.square(ss.softmax(scores, where=np.tri(3, dtype=bool)) @ x) * ss.exp(ss.log_softmax(x, axis=0)))


NETWORKS = {
    "cnn": named(cnn, w=ss.Shape((2, 1, 2, 2)), b=ss.Dim(2), v=ss.Shape((2, 8)), x=ss.Shape((1, 4, 4))),
    "head": named(head, q=ss.Shape((4, 2)), k=ss.Shape((4, 2)), x=ss.Shape((3, 4))),
}


def drawn(shapes, scale=1.0):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape) * scale for shape in shapes]


def floats(spec, arrays):
    """The value and the gradients in float64."""
    tensors = [ss.context("float64").tensor(a) for a in arrays]
    value, gradients = ss.value_and_grad(spec, tuple(range(len(arrays))))(*tensors)
    return [np.asarray(value), *map(np.asarray, gradients)]


def agree(found, expected):
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.reshape(mine, other.shape), other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_programs_agree_with_floats(name, tmp_path):
    spec, *shapes = NETWORKS[name]
    names = list(spec.__signature__.parameters)
    arrays = drawn(shapes)
    expected = floats(spec, arrays)
    derivation = ss.derive(spec, *shapes)
    agree(python(spec, *shapes, wrt=names)(*arrays), expected)
    function = compiled(derivation.c99("generated", wrt=names), "generated", tmp_path)
    agree(called(function, arrays, [e.size for e in expected]), expected)
    value, gradients = matrices(spec, *shapes)(*arrays)
    agree([value, *(gradients[n] for n in names)], expected)
    assert "noncomputable def generated" in ss.derive(spec, *shapes, max_operations=10**6).lean("generated")


@pytest.mark.parametrize("spec", [ss.softmax, ss.log_softmax])
@pytest.mark.parametrize("scores", [[1000.0, 0.0, 999.0], [-800.0, -801.0, -800.0], [0.25, -0.5, 2.0]])
def test_shares_of_large_numbers_do_not_overflow(spec, scores, tmp_path):
    """In Python, in C and in NumPy, gradients too: exp(1000) is beyond floats, and exp(-800) nothing."""

    def chosen(x):
        return spec(x)[0] * 2 - spec(x)[1]

    expected = floats(chosen, [np.array(scores)])
    agree(python(chosen, ss.Dim(3), wrt="x")(scores), expected)
    function = compiled(ss.derive(chosen, ss.Dim(3)).c99("generated", wrt="x"), "generated", tmp_path)
    agree(called(function, [scores], [1, 3]), expected)
    value, gradients = matrices(chosen, ss.Dim(3))(np.array(scores))
    agree([value, gradients["x"]], expected)


def test_random_specs_of_rows_are_what_floats_make_of_them(tmp_path):
    """Shares, extremes, windows and moved elements, among all else: a share of `make fuzz`."""
    found = list(fuzz.wrong_rows(range(16), tmp_path))
    assert [(seed, wrong) for seed, wrong in found if wrong] == []
    assert len(found) > 16


def test_a_wrong_row_is_caught(tmp_path, monkeypatch):
    for name, row in fuzz.ROWS.items():
        monkeypatch.setitem(fuzz.ROWS, name, lambda a, row=row: row(a) * (2 if a.context.formal else 1))
    assert any(wrong for _, wrong in fuzz.wrong_rows(range(4), tmp_path))
