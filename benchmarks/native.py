"""PyTorch and JAX through specs beside the same written by hand in each: `python benchmarks/native.py`.

The VAE losses of workloads A and B in float32, forward and with the gradient in the parameters, one row and a batch;
ratios are measured as in `run.py`, in turns in one process on one thread. What is not installed is left out, with a
line that says so.
"""

import os

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"  # before NumPy is loaded
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import argparse
import importlib.util
import warnings

from turns import Row
from workloads import BETA, A, B, Vae

import scalarspec as ss
from scalarspec.models import vae
from scalarspec.report import table

BATCH = 128
PARTS = ("trunk", "mean", "logvar", "decode", "out")


def spec_of(work):
    """The loss of a row, or the mean over a batch."""
    if work.batch is None:
        return vae.loss
    rows = ss.batched(vae.loss, over=("x", "eps"))
    return lambda model, beta, x, eps: ss.mean(rows(model, beta, x, eps))


# ---- PyTorch --------------------------------------------------------------------------------------------------------


def torch_by_hand(work):
    """The loss as a module of PyTorch's, in its functions."""
    import torch
    from torch.nn import functional as tf

    class ByHand(torch.nn.Module):
        """One encoding, the trunk shared."""

        def __init__(self):
            super().__init__()
            for name in PARTS:
                given = getattr(work, name)
                layer = torch.nn.Linear(*reversed(given.weight.shape))
                layer.load_state_dict({"weight": torch.tensor(given.weight), "bias": torch.tensor(given.bias)})
                setattr(self, name, layer)

        def forward(self, x, eps):
            """As the spec has it."""
            hidden = torch.relu(self.trunk(x))
            mu, logvar = self.mean(hidden), self.logvar(hidden)
            z = mu + torch.exp(logvar / 2) * eps
            y = torch.sigmoid(self.out(torch.relu(self.decode(z))))
            return tf.mse_loss(y, x) + BETA * torch.mean(torch.exp(logvar) + mu**2 - 1 - logvar) / 2

    return ByHand()


def torch_rows(options):
    """Eager and compiled."""
    import torch

    torch.set_num_threads(1)
    for name, work, repeats in works(options):
        x, eps = torch.tensor(work.x, dtype=torch.float32), torch.tensor(work.eps, dtype=torch.float32)
        by_hand, ours = torch_by_hand(work), ss.to_torch(spec_of(work), work.model(), BETA, inputs=("x", "eps"))
        assert abs(by_hand(x, eps) - ours(x, eps)) < 1e-5
        eager = {"by hand": by_hand, "to_torch": ours}
        plain = {"the spec itself": the_spec_itself(work, ss.context("torch"), x, eps)}
        compiled = {} if options.no_compile else compiled_by_torch(eager, (x, eps))
        for kind, modules in (("eager", eager), ("compiled", compiled)):
            if modules:
                forward, both = torch_ways(modules, (x, eps))
                more = plain if kind == "eager" else {}
                yield Row(f"torch {kind}: {name}, forward", forward | more, {"to_torch": 1.1}, repeats)
                yield Row(f"torch {kind}: {name}, with gradient", both, {"to_torch": 1.1}, repeats)


def the_spec_itself(work, context, x, eps):
    """A plain call of the spec."""
    model, spec = ss.lift(work.model(), context), spec_of(work)
    return lambda: spec(model, BETA, context.tensor(x), context.tensor(eps)).value


def torch_ways(modules, given):
    """For each module, the loss without gradients, and the loss with its gradient."""
    import torch

    def forward(module):
        with torch.no_grad():
            return module(*given)

    def both(module):
        module.zero_grad()
        module(*given).backward()

    ways = [{name: lambda f=f, m=m: f(m) for name, m in modules.items()} for f in (forward, both)]
    return ways[0], ways[1]


def compiled_by_torch(modules, given):
    """The modules compiled; nothing where there is no compiler."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = {name: torch.compile(module, fullgraph=True) for name, module in modules.items()}
            for module in found.values():
                module(*given).backward()
            return found
    except Exception as error:  # whatever PyTorch's compilers raise
        print(f"torch.compile is left out: {type(error).__name__}: {str(error)[:200]}")
        return {}


# ---- JAX ------------------------------------------------------------------------------------------------------------


def jax_by_hand(work):
    """Parameters, and the loss as a function of these, in JAX's functions."""
    import jax
    import jax.numpy as jnp

    def dense(p, x):
        return x @ p["weight"].T + p["bias"] if x.ndim > 1 else p["weight"] @ x + p["bias"]

    def loss(p, x, eps):
        hidden = jax.nn.relu(dense(p["trunk"], x))
        mu, logvar = dense(p["mean"], hidden), dense(p["logvar"], hidden)
        z = mu + jnp.exp(logvar / 2) * eps
        y = jax.nn.sigmoid(dense(p["out"], jax.nn.relu(dense(p["decode"], z))))
        return jnp.mean((y - x) ** 2) + BETA * jnp.mean(jnp.exp(logvar) + mu**2 - 1 - logvar) / 2

    layers = {name: getattr(work, name) for name in PARTS}
    parameters = {name: {"weight": jnp.asarray(p.weight), "bias": jnp.asarray(p.bias)} for name, p in layers.items()}
    return parameters, loss


def jax_rows(options):
    """Under jit."""
    import jax
    import jax.numpy as jnp

    context = ss.context("jax")
    for name, work, repeats in works(options):
        x, eps = jnp.asarray(work.x), jnp.asarray(work.eps)
        parameters, by_hand = jax_by_hand(work)
        model, spec = ss.lift(work.model(), context), spec_of(work)

        def ours(model, x, eps, spec=spec):
            return spec(model, BETA, context.tensor(x), context.tensor(eps)).value

        given = {"by hand": (by_hand, parameters), "the spec": (ours, model)}
        assert abs(by_hand(parameters, x, eps) - ours(model, x, eps)) < 1e-5
        for kind, change in (("forward", lambda f: f), ("with gradient", jax.value_and_grad)):
            jitted = {way: (jax.jit(change(f)), first) for way, (f, first) in given.items()}
            ways = {
                way: lambda f=f, first=first, x=x, eps=eps: jax.block_until_ready(f(first, x, eps))
                for way, (f, first) in jitted.items()
            }
            yield Row(f"jax jit: {name}, {kind}", ways, {"the spec": 1.1}, repeats)


def works(options):
    """The workloads, and how often each is repeated."""
    yield "A", Vae(A), options.repeats * 4
    yield f"A, batch {BATCH}", Vae(A, BATCH), options.repeats
    yield "B", Vae(B), options.repeats * 10
    yield f"B, batch {BATCH}", Vae(B, BATCH), options.repeats * 4


def main():
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--library", choices=["torch", "jax"], help="one alone")
    options, rows = parser.parse_args(), []
    for library, make in (("torch", torch_rows), ("jax", jax_rows)):
        if options.library not in (None, library):
            continue
        if importlib.util.find_spec(library) is None:
            print(f"{library} is not installed, and left out")
            continue
        for row in make(options):
            for way, (ratio, median, least) in row.measured().items():
                rows.append(
                    [
                        row.name,
                        way,
                        f"{ratio:.2f}",
                        f"{median:.2f}",
                        f"{least * 1e6:.0f} µs",
                        str(row.goals.get(way, "")),
                    ]
                )
    print(table(["workload", "way", "ratio", "median ratio", "least time", "goal"], rows))


if __name__ == "__main__":
    main()
