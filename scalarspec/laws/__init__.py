"""What every context must obey, and a way to check it: `laws.verify(context)`.

Laws of several kinds complement each other; a mistake that one kind lets pass, another catches:

  anchor        a known value: exp(0) = 1, the KL of (1, 0) is 1/2
  rational      agreement with the exact rational result of the same operation on rational operands
  reference     agreement with a 100-digit value of an elementary function
  identity      an identity of the reals, such as cosh² = 1 + sinh²
  replacement   what a backend puts in place of a derived operation agrees with the definition in `Context`
  bulk          bulk arrays agree with the plain lifted scalars of `reference()`
  protocol      literals, data, NaN, pickling, immutability
  enclosure     the value at each point of a box lies in the result for the box          (enclosing contexts)
  isotonicity   a smaller box gives a smaller result                                     (enclosing contexts)
  narrow        a point gives a narrow result, so that [-∞, ∞] does not pass for one     (enclosing contexts)
  order         comparisons of overlapping boxes are undecided, and `where` is a hull    (enclosing contexts)
  substitution  putting a number for a symbol commutes with evaluating                   (symbolic contexts)

A law is checked on operands m/16 with |m| <= 64, which every format holds exactly. "Agrees" means: equal, for exact
contexts; contained, for enclosing ones; within FLOAT_ULPS units of roundoff of the terms' size, for floats. A context
may refuse (NotExact, NotSupported): that is no case of the law, and a law without a case is *skipped*, never passed.

    context = ss.context("rational")
    laws.verify(context)                  # each Result, or LawViolation
    laws.laws_for(context)[0].check       # what a Law asks of the context and of operands, such as
    laws.operand_cases(2)

Each kind is a file; `law` says what a law is, `agreement` what "agrees" means. May import: the specs, `core`,
`numbers`.
"""

from __future__ import annotations

from typing import Any

from scalarspec.core.context import Context
from scalarspec.laws.agreement import DIGITS, FLOAT_ULPS
from scalarspec.laws.anchors import anchors
from scalarspec.laws.enclosures import NARROW_ULPS, ORDER, set_laws
from scalarspec.laws.exact_values import arity_of, reference
from scalarspec.laws.identities import identities
from scalarspec.laws.law import CASES, Law, LawViolation, Operands, Result, Status, operand_cases
from scalarspec.laws.protocol import PROTOCOL
from scalarspec.laws.rationals import rational_laws
from scalarspec.laws.references import reference_laws
from scalarspec.laws.replacements import bulk_laws, replacements
from scalarspec.laws.symbols import is_symbolic, substitutions

__all__ = [
    "CASES", "DIGITS", "FLOAT_ULPS", "NARROW_ULPS", "Law", "LawViolation", "Operands", "Result", "Status", "arity_of",
    "laws_for", "operand_cases", "reference", "run", "verify",
]  # fmt: skip


def verify(context: Context[Any]) -> list[Result]:
    """Check every law that applies to a context. Raises LawViolation, naming all that are broken.

    context: the one to be checked. Returns what `run` does.

        laws.verify(ss.context("rational"))
    """
    results = run(context)
    broken = [f"{result.law}: {result.message}" for result in results if result.status == "failed"]
    if broken:
        raise LawViolation(f"{context} breaks {len(broken)} of {len(results)} laws:\n" + "\n".join(broken))
    return results


def run(context: Context[Any]) -> list[Result]:
    """Check every law that applies to a context, and report.

    context: the one to be checked. Returns a `Result` for each law.

        [result.law.name for result in laws.run(ss.context("rational"))]
    """
    return [law.verify(context) for law in laws_for(context)]


def laws_for(context: Context[Any]) -> list[Law]:
    """The laws that apply to a context.

    context: any one.

        [law.name for law in laws.laws_for(ss.context("interval"))]
    """
    laws = [*anchors(), *rational_laws(), *reference_laws(), *identities(), *replacements(context), *PROTOCOL]
    if context.reference() != context:
        laws += bulk_laws()
    if context.encloses:
        laws += [*set_laws(), *ORDER]
    if is_symbolic(context):
        laws += substitutions()
    return laws
