"""A query of the verification competition: a network in an ONNX file, and a property in VNN-LIB's words. Run this file,
where the packages are installed (`pip install 'scalarspec[onnx]'`).

With files of your own the same is `scalarspec verify net.onnx property.vnnlib --timeout 60`; the competition's
benchmarks are such files.
"""

import tempfile
from pathlib import Path

import numpy as np

import scalarspec as ss

NETWORK = Path(__file__).with_name("square.onnx")
QUERY = Path(__file__).with_name("square.vnnlib")


def written(path: Path) -> None:
    """Writes the network, of one hidden layer, into an ONNX file."""
    from onnx import TensorProto, helper, numpy_helper

    arrays = {
        "W": np.array([[1, -2], [0.5, 1]], np.float32), "b": np.array([0.25, 0], np.float32),
        "V": np.array([[1, 0.5], [-1, 1]], np.float32), "c": np.array([0.125, 0], np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Gemm", ["X", "W", "b"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["bent"]),
        helper.make_node("Gemm", ["bent", "V", "c"], ["Y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 2)) for name in "XY")
    held = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "square", [x], [y], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def main() -> None:
    """The property holds on a small square, and is violated on a larger one, at a point that is checked exactly."""
    print(f"on the small square: {ss.verify(NETWORK, QUERY, timeout=60)}")
    with tempfile.TemporaryDirectory() as folder:
        larger = Path(folder) / "larger.vnnlib"
        text = QUERY.read_text(encoding="utf-8")
        larger.write_text(text.replace("(<= X_1 0.3)", "(<= X_1 0.9)"), encoding="utf-8")
        print(f"on the larger one: {ss.verify(NETWORK, larger, timeout=60)}")


if __name__ == "__main__":
    main()
