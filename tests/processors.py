"""A command, such as the tests, as other processors would run it: `make processors`, on any machine.

The last bits of BLAS's sums, and of NumPy's own functions, depend on the processor that they find. Here the command is
run as it is; then under other kernels of OpenBLAS, the oldest of them together with NumPy's vector instructions beyond
its baseline switched off: what the tests demand must hold under all of them. Under these pytest is told
`--other-kernels`, and leaves out what no kernel can change: the files and contexts that are named here, with reasons.
All else is run, whatever is new included.
"""

import ctypes
import os
import shlex
import subprocess
import sys

import numpy as np
from numpy._core import _multiarray_umath as numpy_core

KERNELS = {"Haswell": {"AVX2", "FMA3"}, "Prescott": {"SSE3"}}
"""OpenBLAS's names for its kernels, and what a processor needs to run them; the oldest comes last."""
VARIABLES = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")

TEXTS = "texts are compared, and no number that floats gave"
EXACT = "Python's integers, rationals and symbols"
MACHINE = "processes, files, memory, times and caches: whether there is an answer, and not which"
CAN_FAIL = "checks are shown to find mistakes that are put there, which are larger than any rounding"
KERNEL_FREE = {
    "test_archives": MACHINE,
    "test_benchmarks": MACHINE,
    "test_check": EXACT,
    "test_cli_errors": TEXTS,
    "test_deep": MACHINE,
    "test_derive": EXACT,
    "test_exact": EXACT,
    "test_executors": MACHINE,
    "test_fixed_point": EXACT,
    "test_fuzz": CAN_FAIL,
    "test_house": TEXTS,
    "test_kernel_cache": MACHINE,
    "test_load_weights": MACHINE,
    "test_mistakes": CAN_FAIL,
    "test_names": TEXTS,
    "test_not_installed": MACHINE,
    "test_notation": TEXTS,
    "test_onnx_hostile": MACHINE,
    "test_plots": MACHINE,
    "test_processes": MACHINE,
    "test_processors": TEXTS,
    "test_project": TEXTS,
    "test_systems": MACHINE,
    "test_terms": EXACT,
    "test_timeouts": MACHINE,
}
"""Files of tests that only the machine's own kernels run, and why no other ones could change what they find."""
KERNEL_FREE_CONTEXTS = ("symbolic", "arb")
"""Contexts of whose numbers none is a float, in any part of a computation."""


def is_kernel_free(item, contexts):
    """Is a test of pytest's the same under every kernel? contexts: those of KERNEL_FREE_CONTEXTS."""
    given = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return item.path.stem in KERNEL_FREE or any(value is context for value in given for context in contexts)


def own_kernel():
    """OpenBLAS's name for the kernel that it chose here; none where NumPy has another BLAS, or does not tell."""
    try:
        name = ctypes.CDLL(numpy_core.__file__).scipy_openblas_get_corename64_
    except (AttributeError, OSError):
        return None
    name.restype = ctypes.c_char_p
    return name().decode()


def setups():
    """The variables to set for each run, by what they stand for; or the reason why there is no such run."""
    has = {name for name, present in numpy_core.__cpu_features__.items() if present}
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    found = {"the machine's own": {}}
    for core, needed in KERNELS.items():
        missing = ", ".join(sorted(needed - has))
        reason = f"the processor has no {missing}" if missing else f"NumPy is built on {blas}"
        found[f"OpenBLAS's {core}"] = {VARIABLES[0]: core} if not missing and "openblas" in blas else reason
        if own_kernel() == core and VARIABLES[0] not in os.environ:
            found[f"OpenBLAS's {core}"] = "it is the machine's own"
    extra = " ".join(name for name in numpy_core.__cpu_dispatch__ if name in has)
    if extra:
        oldest, kernel = found.popitem()
        both = kernel if isinstance(kernel, dict) else {}
        found[f"{oldest} and NumPy's baseline" if both else "NumPy's baseline"] = both | {VARIABLES[1]: extra}
    return found


def main():
    plain = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command, failed = sys.argv[1:], []
    for kind, setup in setups().items():
        if isinstance(setup, str):
            print(f"==== {kind}: left out, {setup}", flush=True)
            continue
        words = [*command, "--other-kernels"] if setup and "pytest" in command else command
        print(f"==== {kind}: {' '.join(f'{k}={v!r}' for k, v in setup.items())} {shlex.join(words)}", flush=True)
        if subprocess.run(words, env=plain | setup, check=False).returncode:
            failed.append(kind)
    print(f"==== failed under {', '.join(failed)}" if failed else "==== passed under all of them", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
