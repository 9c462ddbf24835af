"""A CNN that is trained and exported by PyTorch, read from its file, and certified: run this file, where PyTorch and
the ONNX packages are installed (`pip install 'scalarspec[torch,onnx]'`).

What is certified is the file, as another program would run it: its weights are float32 at their exact values.
"""

import tempfile
from pathlib import Path
from typing import Any

import scalarspec as ss
from scalarspec.examples.bound_torch_module import digits
from scalarspec.frontends.onnx.runtime import Runtime


def trained(steps: int = 60) -> Any:
    """A small convolutional classifier of the 8 x 8 digits, trained by Adam, in evaluation mode."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    images, labels = (torch.from_numpy(a) for a in digits())
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images.reshape(-1, 1, 8, 8)), labels).backward()
        optimizer.step()
    return net.eval()


def exported(net: Any, path: Path) -> None:
    """Writes the network into an ONNX file, as its users do, for batches of any size."""
    import torch

    example = torch.zeros(1, 1, 8, 8)
    names = {"input_names": ["image"], "output_names": ["logits"], "dynamic_axes": {"image": {0: "batch"}}}
    torch.onnx.export(net, (example,), path, dynamo=False, **names)


def main() -> None:
    """What is certain of the file around one digit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.onnx"
        exported(trained(), path)
        net = ss.from_onnx(path)
        images, labels = digits()
        image, label = images[0].reshape(1, 8, 8), int(labels[0])  # the batch is left out
        print(net.source())

        # How far onnxruntime's float32 is from the exact values of the same file, stage by stage.
        print(ss.crosscheck(net, image, actual=Runtime(path, net, stages=True)))

        # The logits while each pixel moves by 1/100; and no such change makes it another digit.
        print(ss.bounds(net, image, vary={"image": ss.ball("0.01")}))
        stays = ss.prove(lambda x: (net(x) <= net(x)[label]).all(), image, vary={"x": ss.ball("0.01")})
        print(f"it stays a {label}: {stays.status}")

        # The same logit while all weights of the file move by 1/10,000: parameters vary, too.
        print(ss.bounds(lambda net, x: net(x)[label], net, image, vary={"net": ss.ball("0.0001")}))


if __name__ == "__main__":
    main()
