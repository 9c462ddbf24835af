"""`load_weights`: files into models, exactly, by names; and what does not fit, or is no such file, is refused."""

import contextlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

import scalarspec as ss
from scalarspec.errors import ArgumentError, DomainError, NotSupported
from scalarspec.examples import weights_from_safetensors
from scalarspec.layers import (
    GRU,
    LSTM,
    BatchNorm,
    Bidirectional,
    Conv,
    ConvTranspose,
    Embedding,
    LayerNorm,
    Linear,
    MultiheadAttention,
    Sequential,
    Stacked,
    relu,
)  # fmt: skip
from scalarspec.models import mlp

RNG = np.random.default_rng(0)


def zeros(*shape):
    return np.zeros(shape)


NET = Sequential(Linear(zeros(3, 2), zeros(3)), relu, Linear(zeros(1, 3), zeros(1)))
ARRAYS = {name: RNG.normal(size=s) for name, s in {"0.weight": (3, 2), "0.bias": (3,), "2.weight": (1, 3)}.items()}
ARRAYS |= {"2.bias": RNG.normal(size=1).astype(np.float32)}


def torch_save(arrays, path):
    torch = pytest.importorskip("torch")
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)


SAVED = {
    "net.safetensors": save_file,
    "net.npz": lambda arrays, path: np.savez_compressed(path, **arrays),
    "net.pt": torch_save,
    "net.pth": torch_save,
    "pytorch_model.BIN": torch_save,
}


def load(template, tmp_path, /, **arrays):
    """A template with the arrays of an .npz file; names with other characters come as a dictionary `named`."""
    np.savez(tmp_path / "w.npz", **arrays.pop("named", {}), **arrays)
    return ss.load_weights(template, tmp_path / "w.npz")


def refused(error, template, tmp_path, /, **arrays):
    with pytest.raises(error) as caught:
        load(template, tmp_path, **arrays)
    return str(caught.value)


# ---- round trips ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAVED)
def test_a_model_comes_back_from_every_format(tmp_path, name):
    SAVED[name](ARRAYS, tmp_path / name)
    net = ss.load_weights(NET, str(tmp_path / name))
    assert (type(net), net.layers[1]) == (Sequential, relu)
    found = {f"{i}.{field}": getattr(net.layers[i], field) for i in (0, 2) for field in ("weight", "bias")}
    for entry, array in ARRAYS.items():
        assert found[entry].dtype == array.dtype
        np.testing.assert_array_equal(found[entry], array)
    assert not NET.layers[0].weight.any()


@pytest.mark.parametrize("name", SAVED)
def test_a_mapping_of_shapes_comes_back_with_arrays(tmp_path, name):
    SAVED[name](ARRAYS, tmp_path / name)
    found = ss.load_weights({entry: array.shape for entry, array in ARRAYS.items()}, tmp_path / name)
    assert list(found) == list(ARRAYS)
    assert all(np.array_equal(found[entry], array) for entry, array in ARRAYS.items())
    nested = ss.load_weights(
        {"0": {"weight": (3, 2), "bias": (3,)}, "2": Linear(zeros(1, 3), zeros(1))}, tmp_path / name
    )
    assert np.array_equal(nested["0"]["bias"], ARRAYS["0.bias"])
    assert np.array_equal(nested["2"].weight, ARRAYS["2.weight"])


def test_the_names_of_the_template_count_first(tmp_path):
    net = mlp.Model((Linear([[1.0, 2.0]], [0.0]), Linear([[1]], None)), "tanh")
    named = {"layers.0.weight": [[3, 4]], "layers.0.bias": [5.0], "layers.1.weight": [[6]]}
    found = load(net, tmp_path, named=named)
    assert found.activation == "tanh"
    assert found.layers[0].weight.tolist() == [[3, 4]]
    assert found.layers[1].bias is None
    shared = zeros(1)
    twice = load([Linear(zeros(1, 1), shared), Linear(zeros(1, 1), shared)], tmp_path, named={
        "0.weight": [[1]], "0.bias": [2], "1.weight": [[3]], "1.bias": [4]})  # fmt: skip
    assert [layer.bias.tolist() for layer in twice] == [[2], [4]]


def test_a_lifted_template_gets_tensors_of_its_context(tmp_path):
    layer = load(ss.lift(Linear(zeros(1, 2), [0.0]), "rational"), tmp_path, weight=[[0.5, 2]], bias=[1])
    assert layer(ss.context("rational").tensor([1, 1])).tolist() == [3.5]


# ---- numbers --------------------------------------------------------------------------------------------------------


def written(path, header, data=b"", length=None):
    """A .safetensors file of that header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(dtype, shape, size):
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}


@pytest.mark.parametrize(
    ("dtype", "data", "numbers"),
    [
        ("BF16", "803f 0180 8abf", [1.0, -(2.0**-133), -1.078125]),
        ("F16", "003c 0100 fffb", [1.0, 2.0**-24, -65504.0]),
        ("F8_E4M3", "38 01 7e fe 80 08", [1.0, 2.0**-9, 448.0, -448.0, 0.0, 2.0**-6]),
        ("F8_E5M2", "3c 01 7b fb", [1.0, 2.0**-16, 57344.0, -57344.0]),
        ("I64", "ffffffffffffff7f", [2**63 - 1]),
        ("U64", "ffffffffffffffff", [2**64 - 1]),
        ("I8", "80 7f", [-128, 127]),
    ],
)
def test_formats_of_safetensors_at_their_exact_values(tmp_path, dtype, data, numbers):
    raw = bytes.fromhex(data)
    path = written(tmp_path / "w.safetensors", entry(dtype, [len(numbers)], len(raw)), raw)
    assert ss.load_weights({"w": (len(numbers),)}, path)["w"].tolist() == numbers


def test_every_number_of_eight_bits_is_pytorchs(tmp_path):
    torch = pytest.importorskip("torch")
    codes = torch.arange(256, dtype=torch.uint8)
    for dtype, name in ((torch.float8_e4m3fn, "F8_E4M3"), (torch.float8_e5m2, "F8_E5M2")):
        numbers = codes.view(dtype)
        finite = codes[torch.isfinite(numbers.double())]
        path = written(tmp_path / "w.safetensors", entry(name, [len(finite)], len(finite)), finite.numpy().tobytes())
        torch.save({"w": finite.view(dtype)}, tmp_path / "w.pt")
        for file in (path, tmp_path / "w.pt"):
            found = ss.load_weights({"w": (len(finite),)}, file)["w"]
            assert found.tolist() == finite.view(dtype).double().tolist()


def test_formats_of_torch_at_their_exact_values(tmp_path):
    torch = pytest.importorskip("torch")
    tensors = {
        "bf16": torch.tensor([1.078125], dtype=torch.bfloat16),
        "u64": torch.tensor([2**63 + 1], dtype=torch.uint64),
        "parameter": torch.nn.Parameter(torch.tensor([0.1])),
        "column": torch.arange(6.0).reshape(2, 3)[:, 1],
    }
    torch.save(tensors, tmp_path / "w.pt")
    found = ss.load_weights({name: tuple(t.shape) for name, t in tensors.items()}, tmp_path / "w.pt")
    assert found["bf16"].tolist() == [1.078125]
    assert found["u64"].tolist() == [2**63 + 1]
    assert found["parameter"].tolist() == [float(np.float32(0.1))]
    assert found["column"].tolist() == [1, 4]


@pytest.mark.parametrize("bad", [[np.nan, 0], [np.inf, 0], [0, -np.inf]])
def test_what_is_no_real_number_is_refused_by_name(tmp_path, bad):
    message = refused(DomainError, {"good": (2,), "bad": (2,)}, tmp_path, good=[1.0, 2.0], bad=bad)
    assert message.endswith("NaN or an infinity, no real number, in bad")


def test_what_is_no_number_is_refused_by_name(tmp_path):
    wrong = {"c": np.array([1j]), "t": np.array(["1"]), "fine": np.array([1.0])}
    message = refused(ArgumentError, dict.fromkeys(wrong, (1,)), tmp_path, **wrong)
    assert "expected real numbers, got c (complex128), t (<U1)" in message
    assert "(bool)" in refused(ArgumentError, Linear(zeros(1, 1)), tmp_path, weight=[[True]])
    assert load({"mask": (1,)}, tmp_path, mask=[True])["mask"].dtype == bool
    path = written(tmp_path / "w.safetensors", entry("F8_E8M0", [1], 1), b"\x01")
    with pytest.raises((NotSupported, ArgumentError), match="F8_E8M0"):
        ss.load_weights({"w": (1,)}, path)


# ---- PyTorch's layers -----------------------------------------------------------------------------------------------


def test_a_sequential_of_torch_has_its_values(tmp_path):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    theirs = nn.Sequential(nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)).double()
    theirs(torch.randn(8, 2, 3, 3).double())
    torch.save(theirs.eval().state_dict(), tmp_path / "net.pt")
    norm = BatchNorm(zeros(3), zeros(3), zeros(3), zeros(3), float(theirs[1].eps))
    template = Sequential(
        Conv(zeros(3, 2, 2, 2), zeros(3)), norm, relu, ss.layers.Flatten(0), Linear(zeros(2, 12), zeros(2))
    )
    ours = ss.load_weights(template, tmp_path / "net.pt")
    x = RNG.normal(size=(2, 3, 3))
    values = theirs(torch.from_numpy(x)[None])[0].detach().numpy()
    assert ss.crosscheck(ours, x, actual=values, literals="binary").explained


def test_layers_with_other_fields_have_pytorchs_names(tmp_path):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    theirs = nn.ModuleDict({
        "rnn": nn.LSTM(2, 3, num_layers=2, bidirectional=True), "gru": nn.GRU(2, 3),
        "attention": nn.MultiheadAttention(4, 2), "norm": nn.LayerNorm(4),
    })  # fmt: skip
    torch.save(theirs.state_dict(), tmp_path / "net.pt")
    lstms = [Bidirectional(*(LSTM(zeros(12, n), zeros(12, 3), zeros(12), zeros(12)) for _ in range(2))) for n in (2, 6)]
    template = {
        "rnn": Stacked(*lstms), "gru": GRU(zeros(9, 2), zeros(9, 3), zeros(9), zeros(9)),
        "attention": MultiheadAttention(zeros(12, 4), zeros(12), zeros(4, 4), zeros(4), 2),
        "norm": LayerNorm(zeros(4), zeros(4)),
    }  # fmt: skip
    found = ss.load_weights(template, tmp_path / "net.pt")
    expected = {name: value.numpy() for name, value in theirs.state_dict().items()}
    assert np.array_equal(found["rnn"].layers[1].backward.weight_hh, expected["rnn.weight_hh_l1_reverse"])
    assert np.array_equal(found["rnn"].layers[0].forward.bias_ih, expected["rnn.bias_ih_l0"])
    assert np.array_equal(found["gru"].weight_ih, expected["gru.weight_ih_l0"])
    assert np.array_equal(found["attention"].out_proj_weight, expected["attention.out_proj.weight"])
    assert found["attention"].num_heads == 2


# ---- Keras' and Flax' names and orientations ------------------------------------------------------------------------

DENSE, IMAGE, SIGNAL, SOLID = (RNG.normal(size=s) for s in ((2, 3), (4, 5, 2, 3), (4, 2, 3), (4, 5, 6, 2, 3)))
TEMPLATE = {
    "Dense_0": Linear(zeros(3, 2), zeros(3)), "Conv_0": Conv(zeros(3, 2, 4, 5)), "Conv_1": Conv(zeros(3, 2, 4)),
    "Conv_2": Conv(zeros(3, 2, 4, 5, 6)), "BatchNorm_0": BatchNorm(zeros(3), zeros(3), zeros(3), zeros(3)),
    "Embed_0": Embedding(zeros(7, 2)),
}  # fmt: skip
FLAX = {
    "params/Dense_0/kernel": DENSE, "params/Dense_0/bias": [1, 2, 3], "params/Conv_0/kernel": IMAGE,
    "params/Conv_1/kernel": SIGNAL, "params/Conv_2/kernel": SOLID, "params/BatchNorm_0/scale": [1, 2, 3],
    "params/BatchNorm_0/bias": [4, 5, 6], "batch_stats/BatchNorm_0/mean": [7, 8, 9],
    "batch_stats/BatchNorm_0/var": [10, 11, 12], "params/Embed_0/embedding": np.arange(14).reshape(7, 2),
}  # fmt: skip
KERAS = {"scale": "gamma", "mean": "moving_mean", "var": "moving_variance", "embedding": "embeddings"}


def keras(name):
    """The name that Keras has for what Flax calls so."""
    _, layer, last = name.split("/")
    return f"{layer}/{'beta' if name.endswith('BatchNorm_0/bias') else KERAS.get(last, last)}"


@pytest.mark.parametrize(
    "named",
    [lambda n: n, lambda n: n.replace("/", "."), lambda n: n.partition("/")[2], keras, lambda n: keras(n) + ":0"],
    ids=["Flax", "points", "without params", "Keras", "Keras 2"],
)
def test_kernels_are_laid_out_as_pytorch_has_them(tmp_path, named):
    arrays = {named(name): array for name, array in FLAX.items()}
    found = load(TEMPLATE, tmp_path, named=arrays)
    assert np.array_equal(found["Dense_0"].weight, DENSE.T)
    assert np.array_equal(found["Conv_0"].weight, np.einsum("hwio->oihw", IMAGE))
    assert np.array_equal(found["Conv_1"].weight, np.einsum("wio->oiw", SIGNAL))
    assert np.array_equal(found["Conv_2"].weight, np.einsum("dhwio->oidhw", SOLID))
    norm = found["BatchNorm_0"]
    assert np.array_equal([norm.weight, norm.bias, norm.mean, norm.var], np.arange(1, 13).reshape(4, 3))
    assert found["Embed_0"].weight.tolist() == FLAX["params/Embed_0/embedding"].tolist()


def test_a_square_kernel_is_turned_by_its_name_and_not_by_its_shape(tmp_path):
    square = np.array([[1, 2], [3, 4]])
    assert load({"a": Linear(zeros(2, 2))}, tmp_path, named={"a/kernel": square})["a"].weight.tolist() == [
        [1, 3], [2, 4]]  # fmt: skip
    assert load({"a.kernel": (2, 2)}, tmp_path, named={"params/a/kernel:0": square})["a.kernel"].tolist() == [
        [1, 2], [3, 4]]  # fmt: skip
    assert load({"a": Linear(zeros(2, 2))}, tmp_path, named={"a/weight": square})["a"].weight.tolist() == [
        [1, 2], [3, 4]]  # fmt: skip


def test_a_dense_layer_is_keras_on_a_vector(tmp_path):
    layer = load({"dense": Linear(zeros(3, 2), zeros(3))}, tmp_path, named={
        "dense/kernel:0": [[1, 2, 3], [4, 5, 6]], "dense/bias:0": [1, 1, 1]})["dense"]  # fmt: skip
    assert layer(ss.context("rational").tensor([1, 10])).tolist() == [42, 53, 64]


def test_kernels_of_transposed_convolutions_are_refused(tmp_path):
    message = refused(
        ArgumentError, {"up": ConvTranspose(zeros(1, 1, 2, 2))}, tmp_path, named={"up/kernel": np.ones((2, 2, 1, 1))}
    )
    assert "transposed convolutions, which are laid out in several ways: up/kernel" in message


# ---- what does not fit ----------------------------------------------------------------------------------------------


def test_all_that_does_not_fit_is_said_at_once(tmp_path):
    message = refused(ArgumentError, NET, tmp_path, named={
        "0.weight": zeros(2, 3), "2.bias": zeros(1), "2.weight": zeros(3), "other": zeros(1)})  # fmt: skip
    assert "missing: layers.0.bias; not wanted: other; of another shape: 0.weight has (2, 3) for " in message
    assert "layers.0.weight of (3, 2), 2.weight has (3,) for layers.2.weight of (1, 3)" in message


def test_long_lists_are_cut(tmp_path):
    message = refused(ArgumentError, {"w": (1,)}, tmp_path, w=[1], **{f"x{i}": [0] for i in range(20)})
    assert "x7 and 12 more" in message
    assert "x8" not in message
    assert len(refused(ArgumentError, {"w" * 5000: (1,)}, tmp_path, w=[1])) < 500


@pytest.mark.parametrize(
    ("template", "names", "told"),
    [
        ({"a.weight": (1,)}, ["a/weight", "params/a/weight"], "ambiguous: a.weight from a/weight or params/a/weight"),
        ({"a.weight": (1,)}, ["a/kernel", "a/gamma"], "ambiguous: a.weight from a/kernel or a/gamma"),
        ({"a.b": (1,), "a/b": (1,)}, ["params.a.b"], "ambiguous: a.b and a/b from params.a.b"),
        ({"a.weight": (1,)}, ["a.weight", "a.kernel"], "not wanted: a.kernel"),
        ({"a.weight": (1,)}, ["b.weight"], "missing: a.weight; not wanted: b.weight"),
        ({"a.weight": (1,)}, ["a.weight", "a.num_batches_tracked_"], "not wanted: a.num_batches_tracked_"),
        ({"weight": (1,)}, ["Weight"], "missing: weight; not wanted: Weight"),
    ],
)
def test_nothing_is_guessed(tmp_path, template, names, told):
    assert told in refused(ArgumentError, template, tmp_path, named={name: [1] for name in names})


def test_the_count_of_batches_is_no_weight(tmp_path):
    assert load({"bn.weight": (1,)}, tmp_path, named={"bn.weight": [1], "bn.num_batches_tracked": 3}).keys() == {
        "bn.weight"}  # fmt: skip
    found = load({"num_batches_tracked": ()}, tmp_path, num_batches_tracked=3)
    assert found["num_batches_tracked"].tolist() == 3


def test_a_bias_that_the_template_has_not_is_refused(tmp_path):
    assert "not wanted: bias" in refused(ArgumentError, Linear(zeros(1, 1)), tmp_path, weight=[[1]], bias=[1])


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (relu, "expected a model with arrays"),
        ({}, "expected a model with arrays"),
        ({"w": 3}, r"template\['w'\]: expected a model, or a shape such as \(16, 4\), got 3"),
        ({"w": [16, 4]}, r"got \[16, 4\]"),
        ({"w": (2**62, 2**62)}, "no array has the shape"),
        (None, "got None"),
        ({"a": {"w": (1,)}, "a.w": (1,)}, "two weights are called 'a.w'"),
    ],
)
def test_a_template_that_is_none_is_refused(tmp_path, template, told):
    np.savez(tmp_path / "w.npz", w=[1])
    with pytest.raises(ArgumentError, match=told):
        ss.load_weights(template, tmp_path / "w.npz")


def test_a_module_of_torch_is_no_template(tmp_path):
    torch = pytest.importorskip("torch")
    np.savez(tmp_path / "w.npz", w=[1])
    with pytest.raises(ArgumentError, match=r"net\.load_state_dict"):
        ss.load_weights(torch.nn.Linear(1, 1), tmp_path / "w.npz")


# ---- files that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("absent.npz", ArgumentError, "No such file"),
        ("folder.npz", ArgumentError, "no regular file"),
        ("pipe.safetensors", ArgumentError, "no regular file"),
        ("w.txt", ArgumentError, "expected a file that ends in .safetensors"),
        ("model.weights.h5", NotSupported, "save the weights as .npz"),
        ("zero\0.npz", ArgumentError, "null"),
    ],
)
@pytest.mark.posix
def test_what_is_no_file_of_weights_is_refused(tmp_path, name, error, told):
    (tmp_path / "folder.npz").mkdir()
    os.mkfifo(tmp_path / "pipe.safetensors")
    for there in ("w.txt", "model.weights.h5"):
        (tmp_path / there).write_bytes(b"x")
    with pytest.raises(error, match=told):
        ss.load_weights({"w": (1,)}, f"{tmp_path}/{name}")
    with pytest.raises(ArgumentError, match="path: expected the path of a file, got int"):
        ss.load_weights({"w": (1,)}, 3)


@pytest.mark.parametrize("name", ["net.safetensors", "net.npz", "net.pt"])
def test_a_truncated_file_is_refused(tmp_path, name):
    SAVED[name](ARRAYS, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for length in {0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1}:
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(ArgumentError, match=r"truncated|is not an \.npz file"):
            ss.load_weights(NET, tmp_path / name)


@pytest.mark.parametrize("name", ["net.safetensors", "net.npz", "net.pt"])
def test_changed_bytes_bring_no_foreign_error(tmp_path, name):
    SAVED[name](ARRAYS, tmp_path / name)
    whole, path = (tmp_path / name).read_bytes(), tmp_path / name
    for _ in range(150):
        changed = bytearray(whole)
        for place in RNG.integers(len(whole), size=RNG.integers(1, 4)):
            changed[place] = RNG.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(ArgumentError, DomainError, NotSupported):
            ss.load_weights(NET, path)


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (entry("F64", [2**40], 2**43), None),
        (entry("F64", [2**62, 2**62], 8), None),
        (entry("F64", [-1], 8), None),
        (entry("F64", [1], -8), None),
        (entry("F64", [1], 4), None),
        (entry("X", [1], 8), None),
        ({"w": 3}, None),
        ([], None),
        (b"{" * 10**5, None),
        (b"", 2**62),
        (b"{}", 10**8 + 1),
    ],
)
def test_hostile_headers_are_refused(tmp_path, header, length):
    path = written(tmp_path / "w.safetensors", header, b"12345678", length)
    with pytest.raises(ArgumentError, match=r"is no \.safetensors file"):
        ss.load_weights({"w": (1,)}, path)


def test_bombs_are_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("w.npy", "w") as file:
        file.write(b"\x93NUMPY\x01\x00")
        for _ in range(1100):
            file.write(bytes(2**20))
    with pytest.raises(ArgumentError, match="at most 1073741824 are read"):
        ss.load_weights({"w": (1,)}, tmp_path / "w.npz")
    objects = io.BytesIO()
    np.save(objects, np.array([Run()]), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("w.npy", objects.getvalue())
    with pytest.raises(ArgumentError, match=r"is not an \.npz file of numbers"):
        ss.load_weights({"w": (1,)}, tmp_path / "w.npz")


class Run:
    """What a pickle may do when it is read."""

    def __reduce__(self):
        return os.system, ("touch was_run",)


class Fill:
    """A pickle of some bytes that asks for gigabytes."""

    def __reduce__(self):
        return bytearray, (2**36,)


@pytest.mark.parametrize(("what", "told"), [(Run(), "posix.system"), (Fill(), "bytearray")])
def test_nothing_in_a_pickle_is_run(tmp_path, monkeypatch, what, told):
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    torch.save({"w": what}, "w.pt")
    with pytest.raises(ArgumentError, match=f"holds more than tensors: .*{told}, which is not run"):
        ss.load_weights({"w": (1,)}, "w.pt")
    for protocol in (0, 2, 4):
        (tmp_path / "w.bin").write_bytes(pickle.dumps({"w": what}, protocol))
        with pytest.raises(ArgumentError, match="is no state dict"):
            ss.load_weights({"w": (1,)}, "w.bin")
    torch.save({"w": what}, "w.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(ArgumentError, match="is no state dict"):
        ss.load_weights({"w": (1,)}, "w.pth")
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda torch: torch.nn.Linear(1, 1), "more than tensors"),
        (lambda torch: {"state_dict": {"w": torch.ones(1)}, "epoch": 3}, "entry 'state_dict' is a dict"),
        (lambda torch: [torch.ones(1)], "holds a list"),
        (lambda torch: {"w": torch.ones(1, dtype=torch.complex64)}, "complex64"),
        (lambda torch: {"w": torch.eye(1).to_sparse()}, "more than tensors"),
        (lambda torch: {"w": torch.ones(1).expand(2**40)}, "of another shape"),
        (lambda torch: {3: torch.ones(1)}, "entry 3"),
    ],
)
def test_other_objects_of_torch_are_refused(tmp_path, content, told):
    torch = pytest.importorskip("torch")
    torch.save(content(torch), tmp_path / "w.pt")
    with pytest.raises(ArgumentError, match=told):
        ss.load_weights({"w": (1,)}, tmp_path / "w.pt")


@pytest.mark.parametrize(("package", "extra"), [("safetensors", "weights"), ("torch", "torch")])
def test_a_missing_package_is_named(tmp_path, package, extra):
    path = tmp_path / ("w.safetensors" if package == "safetensors" else "w.pt")
    path.write_bytes(b"x")
    code = f"""
import sys
sys.modules[{package!r}] = None
import scalarspec as ss
try:
    ss.load_weights({{"w": (1,)}}, {str(path)!r})
except ss.errors.NotInstalled as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"pip install 'scalarspec[{extra}]'" in done.stdout


def test_no_package_is_loaded_before_a_file_is():
    code = "import sys, scalarspec; print({'torch', 'safetensors'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_example_bounds_and_checks_a_network(capsys):
    weights_from_safetensors.main()
    told = capsys.readouterr().out
    assert told.startswith("[4.89")
    assert "exactly, in rationals" in told
