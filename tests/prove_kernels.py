"""Proves the error bounds of `interval64`'s kernels for every argument of their ranges: `make prove-kernels`.

Each kernel's own text is run on pieces of its reduced arguments (`running_errors`), with the constants that stand in it
against those that they are meant to be, which rational numbers and `interval` enclose. That it is the formula whose
series is cut there is checked in rational numbers (`meaning`). What the cut leaves out is bounded beside, and so is
what the reduction loses, whose exactness is checked on its constants. Pieces are halved until the bound of the code
holds on each, or the proof fails. Underflow, of results below 2^-960, is left to the texts, and so are the three lines
of two-sum in `log1p`, and that x - k/16 is exact in `error_functions` (Sterbenz).
"""

import sys
import time
from fractions import Fraction

from kernel_bounds import of_exponential, of_log, of_log1p, of_logcosh, of_softplus, of_waves
from kernel_constants import U, of_constants, shifts_are_exact
from kernel_error_functions import ErrorFunctions
from kernel_texts import NotProved, require

from scalarspec.numbers import elementary, error_functions

# ---- the slack around values ----------------------------------------------------------------------------------------


def of_slack(error):
    """fl(v + fl((ERROR + 2) u |v|)) is at least f for |v - f| <= ERROR u |f|, of either sign: the steps of
    `backends.interval64.functions`, by rational numbers, without underflow. How many of the 2 units it needs.
    """
    epsilon, slack = error * U, (error + 2) * U * (1 - U)
    positive = (1 + slack) * (1 - U) - 1 / (1 - epsilon)
    negative = 1 / (1 + epsilon) - (1 - slack) * (1 + U)
    require(min(positive, negative) >= 0, f"a slack of {error} + 2 units is too little")
    return 2 - min(positive, negative) / U


# ---- the command ----------------------------------------------------------------------------------------------------


def kernels():
    """Each kernel that is proved: its name, the bound of the code, and what proves it."""
    error = {**elementary.ERROR, **error_functions.ERROR}
    for name in ("exp", "expm1", "expm1mx", "tanh", "sinh", "cosh", "sigmoid"):
        yield name, error[name], lambda limit, name=name: of_exponential(name, limit)
    yield "log", error["log"], of_log
    yield "log1p", error["log1p"], of_log1p
    yield "softplus", error["softplus"], of_softplus
    yield "logcosh", error["logcosh"], of_logcosh
    for name in ("sin", "cos"):
        yield name, error[name], of_waves
    yield "erf", error["erf"], lambda limit: ErrorFunctions().of_erf(limit)
    yield "erfc", error["erfc"], lambda limit: ErrorFunctions().of_erfc(limit)
    yield "constants and tables", 0, of_constants
    yield "the slack around them", 2, lambda limit: max(map(of_slack, sorted(set(error.values()))))
    yield "bit patterns", 0, lambda limit: shifts_are_exact()


NOT_PROVED = {
    "sqrt": "it is NumPy's, which IEEE 754 wants rounded right",
    "underflow": "results below 2^-960 in size, for which callers add 2^-1074: by the texts alone",
    "log1p's two-sum, x - k/16": "exact by Knuth's theorem and by Sterbenz's",
    "extremes of waves": "by the text of backends.interval64.functions",
}


def main():
    failed = False
    print(f"{'kernel':26}{'proved':>10}{'in the code':>14}{'seconds':>10}")
    for name, limit, prove in kernels():
        began = time.perf_counter()
        try:
            proved = f"{float(prove(Fraction(limit))):10.2f}"
            text = ""
        except NotProved as reason:
            proved, text, failed = f"{'-':>10}", f"  NOT PROVED: {reason}", True
        print(f"{name:26}{proved}{limit:14}{time.perf_counter() - began:10.1f}{text}", flush=True)
    for name, reason in NOT_PROVED.items():
        print(f"{name:26}not proved: {reason}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
