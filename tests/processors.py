"""A command, such as the tests, as other processors would run it: `make processors`, on any machine.

The last bits of BLAS's sums, and of NumPy's own functions, depend on the processor that they find. Here the command is
run under other kernels of OpenBLAS, and with NumPy's vector instructions beyond its baseline switched off: what the
tests demand must hold under all of them.
"""

import os
import shlex
import subprocess
import sys

import numpy as np
from numpy._core import _multiarray_umath as numpy_core

KERNELS = {"Haswell": {"AVX2", "FMA3"}, "Prescott": {"SSE3"}}
"""OpenBLAS's names for its kernels, and what a processor needs to run them."""
VARIABLES = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")


def setups():
    """The variables to set for each run, by what they stand for; or the reason why there is no such run."""
    has = {name for name, present in numpy_core.__cpu_features__.items() if present}
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    found = {"the machine's own": {}}
    for core, needed in KERNELS.items():
        missing = ", ".join(sorted(needed - has))
        reason = f"the processor has no {missing}" if missing else f"NumPy is built on {blas}"
        found[f"OpenBLAS's {core}"] = {VARIABLES[0]: core} if not missing and "openblas" in blas else reason
    extra = " ".join(name for name in numpy_core.__cpu_dispatch__ if name in has)
    found["NumPy's baseline"] = {VARIABLES[1]: extra} if extra else "the processor has no more than that"
    return found


def main():
    plain = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command, failed = sys.argv[1:], []
    for kind, setup in setups().items():
        if isinstance(setup, str):
            print(f"==== {kind}: left out, {setup}", flush=True)
            continue
        print(f"==== {kind}: {' '.join(f'{k}={v!r}' for k, v in setup.items())} {shlex.join(command)}", flush=True)
        if subprocess.run(command, env=plain | setup, check=False).returncode:
            failed.append(kind)
    print(f"==== failed under {', '.join(failed)}" if failed else "==== passed under all of them", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
