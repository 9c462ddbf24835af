"""Certificates: how large they are, and how long it takes to make and to check them: `make certificates`.

    python benchmarks/certificates.py [--digits 10] [FOLDER [--only NAME:QUERY ...] [--timeout 60]]

Each is checked by `scalarspec/check.py` in a Python of its own, without site-packages: by the standard library alone.
FOLDER holds networks and queries (.onnx, .vnnlib): those that are found to hold are certified too, each on one line.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workloads import BETA, B, Vae

import scalarspec as ss
from scalarspec import check
from scalarspec.errors import ScalarSpecError
from scalarspec.examples import digit_cnn, digits
from scalarspec.models import cnn, vae


def certified(name, make):
    """Makes a certificate, has it checked, and prints a line. Is it accepted?"""
    start = time.perf_counter()
    try:
        text = json.dumps(make())
    except ScalarSpecError as error:
        print(f"{name:32} none, after {time.perf_counter() - start:.1f} s: {error}", flush=True)
        return False
    made = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "proof.json"
        file.write_text(text, encoding="utf-8")
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-I", "-S", check.__file__, file], capture_output=True, text=True)
        checked = time.perf_counter() - start
    said = (done.stdout or done.stderr).strip()
    print(f"{name:32} {len(text):9} bytes, made in {made:6.1f} s, checked in {checked:6.1f} s: {said[:90]}", flush=True)
    return done.returncode == 0


def losses(count):
    """The losses of the shipped models on held-out digits, by name."""
    near = {"x": ss.ball("1/100")}
    data, images = digits.load(), digit_cnn.load()
    for i in range(count):
        for term in digits.terms(data, i):
            if term.name.startswith(("loss", "error")):
                yield f"{term.model}, digit {i}", ss.bounds(term.spec, *term.args, vary=near).certificate
        arguments = images.network, images.pixels[i], images.labels[i]
        yield f"CNN, digit {i}", ss.bounds(cnn.loss, *arguments, vary=near).certificate


def workload():
    """Workload B at three radii."""
    work = Vae(B)
    for radius in ("0.001", "0.01", "0.05"):
        found = ss.bounds(vae.loss, work.model(), BETA, work.x, work.eps, vary={"x": ss.ball(radius)})
        yield f"B, radius {radius}, width {float(found.width):.6f}", found.certificate


def claims():
    """Claims of an autoencoder and of the CNN, with and, or and not."""
    data, images = digits.load(), digit_cnn.load()
    near = {"x": ss.ball("1/100")}
    x, model = data.pixels[0], data.autoencoder
    k = images.labels[0]

    def told(network, x):
        logits = cnn.forward(network, x)
        return ss.all(logits <= logits[k]) & ((logits[k] > 0) | (logits[0] < -10))

    def near_enough(model, x):
        error = ss.models.autoencoder.reconstruction_error(model, x)
        return (error < "1/20") & ~(error < 0)

    def either(x):
        return (x[0] * x[1] <= "1/10") | (ss.exp(x[0]) + x[1] >= -1) & (ss.square(x[0]) < 2)

    yield "claim: CNN", ss.prove(told, images.network, images.pixels[0], vary=near).certificate
    yield "claim: autoencoder", ss.prove(near_enough, model, x, vary=near).certificate
    yield "claim: by parts", ss.prove(either, [0, 0], vary={"x": ss.ball(1)}).certificate


def queries(folder, only, timeout):
    """The queries of a folder that hold."""
    for network, query in itertools.product(sorted(folder.glob("*.onnx")), sorted(folder.glob("*.vnnlib"))):
        name = f"{network.stem}:{query.stem}"
        if only and not any(part in name for part in only):
            continue
        answer = ss.verify(network, query, timeout=timeout)
        if answer.status != "unsat":
            print(f"{name:32} {answer.status}", flush=True)
            continue
        for i, make in enumerate(answer.certificates()):
            yield f"{name}[{i}]", make


def main():
    """Prints a line for each, and how many were accepted; exit code 1 unless all were."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--digits", type=int, default=10)
    parser.add_argument("--only", nargs="*", default=[], help="queries whose name holds one of these texts")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for each query")
    options = parser.parse_args()
    makers = [losses(options.digits), workload(), claims()] if options.folder is None else []
    makers += [queries(options.folder, options.only, options.timeout)] if options.folder else []
    accepted = [certified(name, make) for name, make in itertools.chain(*makers)]
    print(f"{sum(accepted)} of {len(accepted)} accepted")
    return 0 if all(accepted) else 1


if __name__ == "__main__":
    sys.exit(main())
