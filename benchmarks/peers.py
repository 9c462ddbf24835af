"""Bounds of auto_LiRPA (Xu et al. 2020) beside ours, on the same weights and the same boxes of floats.

auto_LiRPA computes in PyTorch, which has to be installed beside. Where auto_LiRPA is not installed, AUTO_LIRPA names
a folder that has its sources; where there is neither, its cells hold dashes.
"""

import importlib.util
import os
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from page import duration
from turns import Row
from workloads import BETA, A, B, Linear, Vae

import scalarspec as ss
from scalarspec.models import vae

STEPS = 20
METHODS = {
    "auto_LiRPA, IBP": "IBP",
    "auto_LiRPA, CROWN": "CROWN",
    f"auto_LiRPA, α-CROWN, {STEPS} steps": "CROWN-Optimized",
}
OURS = ("linear", "interval", "16 parts")
QUICKEST = (*OURS[:2], *list(METHODS)[:2])
PRECISIONS = ("float32", 1e-3), ("float32", 1e-5), ("float64", 1e-5), ("float64", 1e-9), ("float64", 1e-13)
BOXES = 10

# ---- the peer -------------------------------------------------------------------------------------------------------


def there():
    """Is auto_LiRPA installed, or named?"""
    if folder := os.environ.get("AUTO_LIRPA"):
        if not Path(folder, "auto_LiRPA").is_dir():
            sys.exit(f"AUTO_LIRPA: expected a folder that has auto_LiRPA in it, got {folder!r}")
        if folder not in sys.path:
            sys.path.append(folder)
    return importlib.util.find_spec("auto_LiRPA") is not None


def versions():
    """The peer's version, and that of what it computes with."""
    if not there():
        return {}
    import auto_LiRPA
    import torch

    return {"auto_LiRPA": auto_LiRPA.__version__, "torch": torch.__version__}


def their_ways(work, low, high, dtype="float64"):
    """The peer's methods on the loss of each row of a workload over its box, each as a function without arguments.

    The network is read here and not in these: their times are those of the bounds alone.
    """
    import torch
    from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm

    torch.set_num_threads(1)
    torch.set_default_dtype(getattr(torch, dtype))  # which the peer's own constants have
    tensor = partial(torch.tensor, dtype=getattr(torch, dtype))
    low, high, x, eps = (tensor(np.atleast_2d(each)) for each in (low, high, work.x, work.eps))
    options = {"optimize_bound_args": {"iteration": STEPS}}
    network = BoundedModule(loss_in_torch(torch, work, tensor, eps), x, options, verbose=False)
    box = BoundedTensor(x, PerturbationLpNorm(norm=np.inf, x_L=low, x_U=high))

    def bounds(method):
        with redirect_stdout(sys.stderr):  # where α-CROWN tells how it goes
            ends = network.compute_bounds(x=(box,), method=method)
        lower, upper = (end.detach().double().numpy().reshape(work.x.shape[:-1]) for end in ends)
        return SimpleNamespace(lower=lower, upper=upper)

    return {way: partial(bounds, method) for way, method in METHODS.items()}


def loss_in_torch(torch, work, tensor, eps):
    """The loss of a row as a module of PyTorch. Squares are products: CROWN's bounds of `x**2` miss 9 on [2, 3]."""

    class Loss(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for name, part in vars(work).items():
                if isinstance(part, Linear):
                    layer = torch.nn.Linear(*reversed(part.weight.shape))
                    layer.weight, layer.bias = (torch.nn.Parameter(tensor(each)) for each in (part.weight, part.bias))
                    setattr(self, name, layer)
            self.register_buffer("eps", eps)

        def forward(self, x):
            hidden = torch.relu(self.trunk(x))
            mu, logvar = self.mean(hidden), self.logvar(hidden)
            z = mu + torch.exp(logvar / 2) * self.eps
            error = torch.sigmoid(self.out(torch.relu(self.decode(z)))) - x
            kl = (torch.exp(logvar) + mu * mu - 1 - logvar).mean(-1, keepdim=True) / 2
            return (error * error).mean(-1, keepdim=True) + BETA * kl

    return Loss()


# ---- beside ours ----------------------------------------------------------------------------------------------------


def our_ways(work, low, high):
    """Our methods, the first of which the others' times are held against."""
    rows = () if work.batch is None else ("x", "eps")
    arguments = (vae.loss, work.model(), BETA, work.x, work.eps)
    call = partial(ss.bounds, *arguments, vary={"x": ss.box(low, high)}, over=rows)
    methods = ({"method": "linear"}, {"method": "interval"}, {"method": "subdivide", "budget": 16})
    return {way: partial(call, **method) for way, method in zip(OURS, methods, strict=True)}


def ways(work, low, high, dtype="float64"):
    """Ours, and the peer's where it is there."""
    return our_ways(work, low, high) | (their_ways(work, low, high, dtype) if there() else {})


def keep(found, way, run):
    """Runs a way, and keeps what it gives."""
    found[way] = run()


def widths(options):
    """Widths of bounds over the range that is surely attained, and times over those of `linear`, in the same turns."""
    cases, rows = [("B", B, 0.01), ("B", B, 0.05)] + [("A", A, 0.01)] * options.long, []
    for name, sizes, radius in cases:
        work, found = Vae(sizes), {}
        runs = ways(work, work.x - radius, work.x + radius)
        kept = {way: partial(keep, found, way, run) for way, run in runs.items()}
        times = Row(name, kept, repeats=2 if options.quick else 5, slow=tuple(METHODS)[-1:]).measured()
        low, high = found["linear"].inner
        for way in (*OURS, *METHODS):
            cells = ["-"] * 4
            if way in found:
                width = float(found[way].upper) - float(found[way].lower)
                _, ratio, least = times[way]
                cells = [f"{width:.5f}", f"{width / float(high - low):.3f}", duration(least), f"{ratio:.2f}"]
            rows.append([name, f"{radius}", way, *cells])
    return ["bounds", "radius", "by", "width", "/ attained", "time", "/ linear's"], rows


def outside(options):
    """In how many boxes of B a value that is surely attained lies outside of the bounds: for none may it.

    All numbers of the workload are in float32, so that a peer has the same ones in float32 and in float64.
    """
    work, rows = in_float32(Vae(B, 2 if options.quick else BOXES)), []
    for dtype, radius in PRECISIONS:
        low, high = ((work.x + shift).astype(dtype).astype(float) for shift in (-radius, radius))
        found = {way: run() for way, run in ways(work, low, high, dtype).items() if way in QUICKEST}
        inner = found["linear"].inner
        counts = {way: f"{missed(bounds, inner)} of {inner[0].size}" for way, bounds in found.items()}
        rows.append([f"{radius:g}, in {dtype}", *(counts.get(way, "-") for way in QUICKEST)])
    return ["radius", *QUICKEST], rows


def missed(bounds, inner):
    """In how many boxes the bounds leave an attained value out: floats and Fractions are compared exactly."""
    ends = zip(bounds.lower, bounds.upper, *inner, strict=True)
    return sum(not (lower <= least and most <= upper) for lower, upper, least, most in ends)


def in_float32(work):
    """The same workload, each of its numbers rounded."""
    for name, part in vars(work).items():
        if isinstance(part, Linear):
            object.__setattr__(work, name, Linear(nearest(part.weight), nearest(part.bias)))
        elif isinstance(part, np.ndarray):
            object.__setattr__(work, name, nearest(part))
    return work


def nearest(array):
    """The nearest float32, as float64."""
    return array.astype(np.float32).astype(np.float64)


TABLES = {"peers": widths, "peers-outside": outside}
